// SPDX-License-Identifier: Apache-2.0
// Goal: alarm-settings.yml gives rules with SkyWalking's defaults, or every problem at once where it stands.
// Method: files in text; names and filters of entities of every scope; random trees, which must give rules or problems and never throw.
import { entityOf, metricSchema, SCOPES, type EntityPart, type ScopeName } from '@oap-federation/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alarmEntityOf, alarmScopeOf } from './alarm-entity.js';
import type { AlarmRule } from './rule.js';
import { loadAlarmSettings, type AlarmSubjects } from './settings.js';

const SUBJECTS: AlarmSubjects = {
  originScopes: ['Service'],
  metrics: [
    metricSchema('service_sla', 'Service', 'percent'),
    metricSchema('service_resp_time', 'Service', 'longAvg'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
    metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
  ],
};

function rulesOf(text: string, env = {}): readonly AlarmRule[] {
  const loaded = loadAlarmSettings(text, env, SUBJECTS);
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  return loaded.settings.rules;
}

const problemsOf = (text: string) => {
  const loaded = loadAlarmSettings(text, {}, SUBJECTS);
  return 'problems' in loaded ? loaded.problems.map((p) => `${p.line}:${p.column} ${p.path} - ${p.reason}`) : [];
};

describe('a sound file', () => {
  it('has the defaults of SkyWalking', () => {
    const [rule] = rulesOf('rules:\n  a_rule:\n    expression: avg(service_sla) < 8000\n    period: 7\n');
    expect(rule).toMatchObject({
      name: 'a_rule',
      period: 7,
      silencePeriod: 7,
      recoveryObservationPeriod: 0,
      message: 'Alarm caused by Rule a_rule',
      tags: [],
      hooks: [],
      onIncomplete: { kind: 'annotate' },
      onNoData: 'notify',
    });
    expect(rule!.expression).toMatchObject({ scope: 'Service', reads: [{ origins: [''] }] });
    expect(rule!.accepts('anything')).toBe(true);
  });

  it('takes every key, and placeholders', () => {
    const [rule] = rulesOf(
      `rules:
  every_rule:
    expression: sum(service_percentile{p='50,99'} > \${LIMIT:1000}) >= 3
    include-names: [shop, cart, "007"]
    exclude-names: cart
    include-names-regex: .*o.*|00[0-9]
    exclude-names-regex: sh.{9}
    period: 10
    silence-period: 0
    recovery-observation-period: 3
    message: "{name} is slow"
    tags: { level: WARNING, since: 2026 }
    hooks: [webhook.other]
    on-incomplete: hold(90s)
    on-no-data: keep
hooks:
  webhook:
    default: { is-default: true, urls: ['http://localhost/'] }
    other: { urls: ['http://localhost/'] }
`,
      { LIMIT: '7' },
    );
    expect(rule).toMatchObject({
      silencePeriod: 0,
      recoveryObservationPeriod: 3,
      message: '{name} is slow',
      tags: [
        { key: 'level', value: 'WARNING' },
        { key: 'since', value: '2026' },
      ],
      hooks: ['webhook.other'],
      onIncomplete: { kind: 'hold', maxMs: 90_000 },
      onNoData: 'keep',
    });
    expect(rule!.expression.text).toBe("sum(service_percentile{p='50,99'} > 7) >= 3");
    expect(['shop', 'cart', '007', 'other', '008'].filter(rule!.accepts)).toEqual(['shop', '007']);
  });

  it('binds default hooks where a rule names none, and none where it says so', () => {
    const to = "urls: ['http://localhost/']";
    const hooks = `hooks: { alertmanager: { a: { is-default: true, ${to} }, b: { ${to} } }, webhook: { c: { is-default: true, ${to} } } }`;
    const expression = 'expression: avg(service_sla) < 1';
    const [named, none] = rulesOf(
      `rules: { x_rule: { ${expression} }, y_rule: { ${expression}, hooks: [] } }\n${hooks}`,
    );
    expect(named!.hooks).toEqual(['alertmanager.a', 'webhook.c']);
    expect(none!.hooks).toEqual([]);
  });

  it('knows a rule again that judges alike', () => {
    const of = (rest: string) =>
      rulesOf(`rules: { a_rule: { expression: avg(service_sla) < 1, ${rest} } }`)[0]!.fingerprint;
    expect(of('message: other, tags: { a: b }, on-incomplete: hold(1h)')).toBe(of(''));
    const judged = [
      'period: 2',
      'silence-period: 2',
      'recovery-observation-period: 1',
      'on-no-data: keep',
      'include-names: [a]',
    ];
    expect(new Set([...judged.map(of), of('')]).size).toBe(judged.length + 1);
  });
});

it('says every problem at once, where it stands', () => {
  expect(
    problemsOf(`rules:
  misnamed: { expression: avg(service_sla) < 1 }
  keys_rule: { expresion: avg(service_sla) < 1, op: "<" }
  metric_rule: { expression: avg(service_slo) < 1 }
  shape_rule: { expression: service_sla < 1 }
  root_rule: { expression: avg(service_sla) }
  scope_rule: { expression: avg(service_sla) < avg(endpoint_cpm) }
  origin_rule: { expression: "avg(endpoint_cpm{origin='a'}) < 1" }
  values_rule:
    expression: avg(service_sla) < 1
    period: 0
    silence-period: -1
    include-names: { a: b }
    include-names-regex: (?=x)
    on-incomplete: hold(10)
    on-no-data: recovr
    tags: { a: [1] }
    hooks: [webhook.operatorz]
composite-rules: { a: {} }
rulez: {}
hooks: { webhook: { operators: { is-default: maybe, urls: ['http://localhost/'] } } }
`),
  ).toEqual([
    '2:3 rules.misnamed - the name of a rule ends with _rule; SkyWalking ignores this one',
    '3:14 rules.keys_rule - needs an `expression`',
    '3:16 rules.keys_rule.expresion - unknown key, did you mean expression?',
    '3:49 rules.keys_rule.op - SkyWalking 9.6 replaced it with `expression`, as in sum(service_resp_time > 1000) >= 3',
    '4:30 rules.metric_rule.expression - Metric: [service_slo] does not exist. Did you mean "service_sla"? (column 5), got avg(service_slo) < 1',
    expect.stringMatching(/^5:29 rules.shape_rule.expression - .*single value.*got service_sla < 1$/),
    expect.stringMatching(/^6:28 rules.root_rule.expression - .*comparison.*got avg\(service_sla\)$/),
    expect.stringMatching(/^7:29 rules.scope_rule.expression - .*scope.*$/),
    "8:30 rules.origin_rule.expression - endpoint_cpm{origin='a'} never has data: rows per origin are kept of Service (federation.default.receive.originScopes)",
    '11:13 rules.values_rule.period - must be a whole number of minutes from 1 to 1440, got 0',
    '12:21 rules.values_rule.silence-period - must be a whole number of minutes from 0 to 1440, got -1',
    '13:20 rules.values_rule.include-names - must be a list of texts, got {"a":"b"}',
    expect.stringMatching(/^14:26 rules.values_rule.include-names-regex - is no pattern of RE2 \(.*\), got \(\?=x\)$/),
    '15:20 rules.values_rule.on-incomplete - must be annotate, evaluate or hold(<time>) of 1s to 24h, as in hold(10m), got hold(10)',
    '16:17 rules.values_rule.on-no-data - must be one of notify, recover, keep, got recovr, did you mean recover?',
    '17:16 rules.values_rule.tags.a - must be a text, got [1]',
    expect.stringMatching(/^18:12 rules.values_rule.hooks - no hook webhook.operatorz is set up under hooks/),
    '19:1 composite-rules - SkyWalking 10 has none: write && and || in the expression of one rule',
    '20:1 rulez - unknown section, did you mean rules?',
    expect.stringMatching(/^21:.* hooks.webhook.operators.is-default - must be true or false, got maybe$/),
  ]);
});

it('answers any tree with rules or problems', () => {
  const keys = fc.constantFrom(
    'rules',
    'hooks',
    'a_rule',
    'expression',
    'period',
    'tags',
    'webhook',
    'x',
    'is-default',
    'urls',
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, 0, -1, 1e99, true, '', 'avg(service_sla) < 1', "a{b='", '(((', '${X'),
      fc.dictionary(keys, tie('tree'), { maxKeys: 4 }),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (value) => {
      const loaded = loadAlarmSettings(JSON.stringify(value), {}, SUBJECTS);
      if ('problems' in loaded) expect(loaded.problems.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

describe('names of entities', () => {
  const part = (service: string, name = ''): EntityPart => ({ service, normal: true, layer: 'GENERAL', name });

  it.each([
    ['Service', entityOf('Service', part('shop')), 'shop', 'SERVICE'],
    ['ServiceInstance', entityOf('ServiceInstance', part('shop', 'pod-1')), 'pod-1 of shop', 'SERVICE_INSTANCE'],
    ['Endpoint', entityOf('Endpoint', part('shop', '/a_b-c')), '/a_b-c in shop', 'ENDPOINT'],
    ['ServiceRelation', entityOf('ServiceRelation', part('a'), part('b')), 'a to b', 'SERVICE_RELATION'],
    [
      'ServiceInstanceRelation',
      entityOf('ServiceInstanceRelation', part('a', 'i'), part('b', 'j')),
      'i of a to j of b',
      'SERVICE_INSTANCE_RELATION',
    ],
    [
      'EndpointRelation',
      entityOf('EndpointRelation', part('a', 'e'), part('b', 'f')),
      'e in a to f in b',
      'ENDPOINT_RELATION',
    ],
    ['DatabaseAccess', entityOf('DatabaseAccess', part('pg')), 'pg', 'SERVICE'],
    ['MQEndpointAccess', entityOf('MQEndpointAccess', part('mq', 'topic')), 'topic in mq', 'ENDPOINT'],
  ] as const)('of %s', (scope, entity, name, shownScope) => {
    expect(alarmEntityOf(scope, entity.id).name).toBe(name);
    expect(alarmScopeOf(scope).text).toBe(shownScope);
  });

  it('has the ids of both ends of a relation', () => {
    const scopes: Record<'service' | 'instance' | 'endpoint', ScopeName> = {
      service: 'Service',
      instance: 'ServiceInstance',
      endpoint: 'Endpoint',
    };
    for (const { name, part: ends, relation } of SCOPES) {
      const end = (service: string) => part(service, ends === 'service' ? '' : `${service}-x`);
      const entity = entityOf(name as ScopeName, end('a'), relation ? end('b') : undefined);
      const idOf = (service: string) => entityOf(scopes[ends], end(service)).id;
      const { id0, id1 } = alarmEntityOf(name as ScopeName, entity.id);
      expect([id0, id1]).toEqual([idOf('a'), relation ? idOf('b') : '']);
    }
  });

  it('shows an id that is none as it is', () => {
    for (const id of ['', 'x', 'a_b_c', '%%.1', '/w==.1'])
      expect(alarmEntityOf('Service', id)).toEqual({ name: id, id0: id, id1: '' });
  });
});
