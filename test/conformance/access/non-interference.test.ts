// SPDX-License-Identifier: Apache-2.0
// Goal: (1) no answer of any surface depends on what its reader may not see: change all of that, and every byte of every answer stays the
// same; (2) what is answered is what a tier answers that holds nothing else. Method: random tiers over memory and over PostgreSQL, random
// scopes, everything asked over HTTP; the oracle of who sees what is in worlds.ts.
import { durationText, namedPartId, serviceId } from '@oap-federation/model';
import { silentLogger, systemClock, systemRng, type AccessScope } from '@oap-federation/runtime';
import { openPostgresStore } from '@oap-federation/storage';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../e2e/harness.js';
import { startPostgres, type Postgres } from '../../services/index.js';
import { available, needs } from '../../services/needs.js';
import {
  NOW,
  alarmMayBeSeen,
  FROM_MINUTE,
  LEAVES,
  mayBeSeen,
  metricMayBeSeen,
  METRICS,
  inMemory,
  openWorld,
  originMayBeSeen,
  scope,
  TO_MINUTE,
  TOKEN,
  world,
  type OpenStore,
  type World,
} from './worlds.js';

const TIMEOUT_MS = 300_000;
const AT_ONCE = 12;
const text = (minute: number) => durationText(minute, 'MINUTE', 0);
const DURATION = { start: text(FROM_MINUTE), end: text(TO_MINUTE), step: 'MINUTE' };

const EXPRESSIONS = METRICS.flatMap(({ name }) => {
  const labels = name.includes('percentile') ? [`p='50,99'`] : [];
  const read = (...more: readonly string[]) => {
    const all = [...labels, ...more].join(', ');
    return all === '' ? name : `${name}{${all}}`;
  };
  return [
    read(),
    `sum(${read()})`,
    read(`origin='*'`),
    ...LEAVES.map((origin) => read(`origin='${origin}'`)),
    ...(labels.length > 0 ? [] : [`top_n(${name}, 3, des)`, `top_n(${read(`origin='*'`)}, 3, asc)`]),
  ];
});

const AT = { time: `${NOW / 1000}`, start: `${FROM_MINUTE * 60}`, end: `${NOW / 1000}`, step: '60' };
const parameters = (more: Readonly<Record<string, string>>) => new URLSearchParams({ ...AT, ...more }).toString();
const PROMQL = [
  ...[
    '{__name__=~".+"}',
    '{__name__=~".+",origin=~".+"}',
    'sum by (__name__) ({__name__=~".+"})',
    'sum(service_cpm) by (service)',
    'sum by (origin) ({__name__=~"service_.*", origin=~".+"})',
    'rate(service_cpm_total[2m])',
    'service_cpm{origin="cloud-c"}',
    'histogram_quantile(0.9, service_percentile_bucket)',
    'topk(1, endpoint_cpm)',
  ].flatMap((query) => ['query', 'query_range'].map((kind) => `${kind}?${parameters({ query })}`)),
  ...['{__name__=~".+",origin=~".*"}', 'service_cpm', 'service_traffic', 'endpoint_traffic'].map(
    (selector) => `series?${parameters({ 'match[]': selector })}`,
  ),
  ...'__name__ origin service layer scope service_instance endpoint dest_service p le'
    .split(' ')
    .map((label) => `label/${label}/values?${parameters({})}`),
  'labels',
  'metadata',
  'rules',
  'alerts',
];

const ENTITY = {
  serviceName: 'service-0',
  serviceInstanceName: 'part-0',
  endpointName: 'part-0',
  destServiceName: 'service-1',
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Everything there is to ask, one answer a question. */
async function askEverything(url: string): Promise<readonly Answer[]> {
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
    const reply = await fetch(url + path, { ...init, headers });
    return { status: reply.status, body: await reply.text() };
  };
  const graphql =
    (query: string, variables: object = {}) =>
    () =>
      send('/graphql', { method: 'POST', body: JSON.stringify({ query, variables }) });
  const ids = [0, 1].map((n) => serviceId(`service-${n}`, true));
  const lists = [
    'listLayers',
    'listServices { id name layers }',
    'listMetrics { name type }',
    ...METRICS.map(({ name }) => `typeOfMetrics(name: "${name}")`),
    ...ids.flatMap((id) => [
      `getService(serviceId: "${id}") { name }`,
      `listInstances(duration: $d, serviceId: "${id}") { id name }`,
      `findEndpoint(serviceId: "${id}", limit: 10) { id name }`,
      `getInstance(instanceId: "${namedPartId(id, 'part-0')}") { name }`,
    ]),
    'findService(serviceName: "service-1") { id }',
    'getMenuItems { title layer }',
    'getGlobalTopology(duration: $d) { nodes { id name layers } calls { id detectPoints } }',
    `getServicesTopology(serviceIds: ["${ids[0]}"], duration: $d) { nodes { name } calls { source target } }`,
    `getEndpointDependencies(endpointId: "${namedPartId(ids[0]!, 'part-0')}", duration: $d) { nodes { name } calls { id } }`,
    ...METRICS.map(
      ({ name }) =>
        `readMetricsValue(condition: {name: "${name}", entity: {serviceName: "service-0", normal: true, serviceInstanceName: "part-0", endpointName: "part-0", destServiceName: "service-1", destNormal: true}}, duration: $d)`,
    ),
    'readLabeledMetricsValues(condition: {name: "service_percentile", entity: {serviceName: "service-0", normal: true}}, labels: ["50"], duration: $d) { values { values { value } } }',
    'sortMetrics(condition: {name: "service_cpm", normal: true, topN: 3, order: DES}, duration: $d) { name value }',
    'getAlarm(duration: $d, paging: {pageSize: 2}) { total msgs { message completeness { complete missing } } }',
    'getAlarmTrend(duration: $d) { numOfAlarm }',
    'queryAlarmTagAutocompleteKeys(duration: $d)',
    'queryAlarmTagAutocompleteValues(tagKey: "level", duration: $d)',
  ].map((field) =>
    graphql(field.includes('$d') ? `query ($d: Duration!) { ${field} }` : `{ ${field} }`, { d: DURATION }),
  );
  const values = EXPRESSIONS.map((expression) =>
    graphql(
      `
        query ($x: String!, $e: Entity!, $d: Duration!) {
          execExpression(expression: $x, entity: $e, duration: $d) {
            type
            error
            results {
              metric {
                labels {
                  key
                  value
                }
              }
              values {
                id
                value
                owner {
                  serviceID
                  endpointID
                  serviceInstanceID
                }
              }
            }
          }
        }
      `,
      { x: expression, e: expression.startsWith('top_n') ? {} : ENTITY, d: DURATION },
    ),
  );
  const traced = new URLSearchParams({
    expression: 'service_cpm',
    service: 'service-0',
    startTime: DURATION.start,
    endTime: DURATION.end,
    step: 'MINUTE',
    dumpDBRsp: 'true',
  });
  const paths = [
    ...PROMQL.map((path) => `/api/v1/${path}`),
    `/debugging/query/mqe?${traced}`,
    '/debugging/config/dump',
    '/status/tier',
    '/no/such/path',
  ];
  const questions = [...lists, ...values, ...paths.map((path) => () => send(path))];
  const answers: Answer[] = [];
  for (let i = 0; i < questions.length; i += AT_ONCE) {
    answers.push(...(await Promise.all(questions.slice(i, i + AT_ONCE).map((ask) => ask()))));
  }
  return answers;
}

async function answersOf(all: World, openStore: OpenStore, asked?: AccessScope): Promise<readonly Answer[]> {
  await using opened = await openWorld(all, openStore, asked);
  return await askEverything(opened.server.url);
}

/** The part of a world that a scope lets through. */
function visiblePart(all: World, asked: AccessScope): World {
  return {
    ...all,
    metrics: all.metrics.filter((metric) => metricMayBeSeen(metric, asked)),
    happenings: all.happenings.filter((one) => mayBeSeen(one, asked)),
    heard: Object.fromEntries(Object.entries(all.heard).filter(([origin]) => originMayBeSeen(origin, asked))),
    lost: all.lost.filter(({ origin }) => originMayBeSeen(origin, asked)),
    alarms: all.alarms
      .filter((alarm) => alarmMayBeSeen(alarm, asked))
      .map((alarm) => ({ ...alarm, missing: alarm.missing.filter((origin) => originMayBeSeen(origin, asked)) })),
  };
}

/** Both laws, over `runs` worlds each, in which at least `told` answers with values are compared: they are not kept by silence. */
function laws(openStore: OpenStore, { runs, told: toldMin }: { readonly runs: number; readonly told: number }): void {
  it(
    'changes no byte of any answer',
    async () => {
      let told = 0;
      await fc.assert(
        fc.asyncProperty(world, scope, world, async (one, asked, others) => {
          const hidden = (origin: string) => !originMayBeSeen(origin, asked);
          const other: World = {
            ...one,
            happenings: [
              ...others.happenings.filter((h) => hidden(h.origin)),
              // which entities there are is no secret of a metric; its values are
              ...one.happenings
                .filter((h) => !hidden(h.origin))
                .map((h) => (mayBeSeen(h, asked) ? h : { ...h, value: 5_001 - h.value })),
            ],
            heard: Object.fromEntries(LEAVES.map((origin) => [origin, (hidden(origin) ? others : one).heard[origin]!])),
            lost: [...others.lost.filter((l) => hidden(l.origin)), ...one.lost.filter((l) => !hidden(l.origin))],
            alarms: [
              ...others.alarms.filter((alarm) => !alarmMayBeSeen(alarm, asked)),
              ...one.alarms
                .filter((alarm) => alarmMayBeSeen(alarm, asked))
                .map((alarm, i) => ({
                  ...alarm,
                  missing: [
                    ...alarm.missing.filter((origin) => !hidden(origin)),
                    ...(others.alarms[i]?.missing.filter(hidden) ?? []),
                  ],
                })),
            ],
          };
          const [before, after] = [await answersOf(one, openStore, asked), await answersOf(other, openStore, asked)];
          expect(after).toEqual(before);
          told += before.filter(({ body }) => /"value":"[1-9]/.test(body)).length;
        }),
        { numRuns: runs },
      );
      expect(told).toBeGreaterThanOrEqual(toldMin);
    },
    TIMEOUT_MS,
  );

  it(
    'is missing as if it had never been',
    async () => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(world, scope, async (all, asked) => {
          const [limited, alone] = [
            await answersOf(all, openStore, asked),
            await answersOf(visiblePart(all, asked), openStore),
          ];
          limited.forEach(({ body }, i) => {
            // entities of hidden metrics are listed all the same
            if (asked.metrics[0] !== '*' && !body.includes('execExpression')) return;
            const [mine, theirs] = [comparable(body), comparable(alone[i]!.body)];
            if (mine.refused) return;
            expect(mine.text).toBe(theirs.text);
            if (/"value":"[1-9]/.test(body)) compared++;
          });
        }),
        { numRuns: runs },
      );
      expect(compared).toBeGreaterThanOrEqual(toldMin);
    },
    TIMEOUT_MS,
  );
}

describe('what somebody may not see', () => laws(inMemory, { runs: 10, told: 10 }));

needs('postgres')('what somebody may not see of a database', () => {
  let server: Postgres;
  let databases = 0;

  beforeAll(async () => {
    server = available(await startPostgres({ fsync: false }));
  }, 120_000);
  afterAll(() => server?.stop());

  laws(
    async () => {
      const url = await createDatabase(server.url, `world_${++databases}`);
      const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
      return openPostgresStore({ url, slots: 1, allowUnsafe: true }, deps);
    },
    { runs: 2, told: 0 },
  );
});

/** An answer without what may differ: who is refused something is told so, lists have no order, and a status page names other things. */
function comparable(body: string): { readonly refused: boolean; readonly text: string } {
  const { data, errors, extensions, completeness, warnings, infos } = JSON.parse(body) as Record<string, unknown>;
  const refused = /OAP-610[2-7]|does not exist|"UNKNOWN"/.test(body);
  const lists = JSON.stringify(data, (_, value: unknown) =>
    Array.isArray(value) && value.every((one: unknown) => typeof one === 'object' && one !== null)
      ? value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : value,
  );
  return { refused, text: JSON.stringify([lists, errors, extensions, completeness, warnings, infos]) };
}
