// SPDX-License-Identifier: Apache-2.0
// Goal: application.yml is read the way SkyWalking users expect, and everything wrong with it is said at once, with its place.
// Method: whole small files as text; the shipped file against the defaults; the generated documents against the schema.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderApplicationYml, renderConfigurationMarkdown } from './docs.js';
import { describeConfig, formatProblem, loadConfig } from './load.js';
import type { OapConfig } from './oap-config.js';
import { substitute, type Environment } from './placeholders.js';
import { isLoopback, parsePostgresUrl } from './rules.js';

const repository = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

function load(text: string, env: Environment = {}): OapConfig {
  const loaded = loadConfig(text, env, 'application.yml');
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.config;
}

function problems(text: string, env: Environment = {}): string[] {
  const loaded = loadConfig(text, env, 'application.yml');
  return 'problems' in loaded ? loaded.problems.map(formatProblem) : [];
}

describe('placeholders', () => {
  const env = { SW_HOST: 'db', SW_EMPTY: '', SW_NAME: 'SW_HOST', SW_TRICKY: '${SW_HOST}' };
  it.each([
    ['${SW_HOST}', 'db'],
    ['${SW_HOST:other}', 'db'],
    ['${NONE:other}', 'other'],
    ['${NONE:localhost:2181}', 'localhost:2181'],
    ['${NONE:}', ''],
    ['${SW_EMPTY:other}', ''],
    ['${NONE}', '${NONE}'],
    ['${NONE:${SW_HOST:x}}:${PORT:5432}', 'db:5432'],
    ['${NONE:${ALSO_NONE:${THIRD:deep}}}', 'deep'],
    ['${${SW_NAME}:x}', 'db'],
    ['${NONE:{a: {b: 1}}}', '{a: {b: 1}}'],
    ['${SW_TRICKY}', '${SW_HOST}'],
    ['jdbc://${SW_HOST}/${DB:oap}?x', 'jdbc://db/oap?x'],
    ['${SW_HOST', '${SW_HOST'],
    ['plain', 'plain'],
  ])('%s -> %s', (text, expected) => {
    expect(substitute(text, env)).toBe(expected);
  });
});

describe('loadConfig', () => {
  it('the shipped file is exactly the defaults', () => {
    expect(load(repository('deploy/application.yml'))).toEqual(load(''));
  });

  it('the defaults are the ones that SkyWalking has', () => {
    const { core, cluster, storage, federation, telemetry } = load('');
    expect(core).toMatchObject({ restPort: 12800, grpcPort: 11800, l1FlushPeriodMs: 500, persistentPeriodMs: 25_000 });
    expect(core).toMatchObject({
      storageSessionTimeoutMs: 70_000,
      metricsDataTtlDays: 7,
      recordDataTtlDays: 3,
      downsampling: ['Hour', 'Day'],
    });
    expect(cluster).toEqual({ provider: 'standalone' });
    expect(storage).toEqual({ provider: 'embedded', dataDir: './data' });
    expect([federation, telemetry]).toEqual([undefined, undefined]);
  });

  it('the result is frozen all the way down', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(load(upperTier))).toBe(true);
  });

  const upperTier = [
    'cluster: { selector: "${SW_CLUSTER:zookeeper}" }',
    'core:',
    '  default: { gRPCHost: 127.0.0.1, gRPCPort: 0, persistentPeriod: 0.25, apdexThreshold: { default: 400, "a.b": 50 } }',
    'storage:',
    '  selector: postgresql',
    '  postgresql:',
    '    properties:',
    '      jdbcUrl: ${SW_JDBC_URL:jdbc:postgresql://db:5433/oap?sslmode=require}',
    '      dataSource.user: ${SW_DATA_SOURCE_USER:root}',
    '      dataSource.password: ${SW_DATA_SOURCE_PASSWORD:""}',
    'receiver-trace: { selector: "-" }',
    'federation:',
    '  selector: default',
    '  default:',
    '    tier: country',
    '    forward: { upstreams: "${UP:a:11800, b:11800}", discovery: naming, token: 007 }',
    '    receive: { enabled: true, tokens: "${TOKENS:{east: 0123, west: abc}}", expectedTiers: [east, west] }',
    'telemetry: { selector: prometheus, prometheus: { port: 0 } }',
  ].join('\n');

  it('reads everything an upper tier needs', () => {
    const config = load(upperTier, { SW_DATA_SOURCE_PASSWORD: 'p: #1', SW_DATA_SOURCE_USER: '0815' });
    expect(config.cluster).toMatchObject({
      provider: 'zookeeper',
      hostPort: 'localhost:2181',
      internalComPort: undefined,
    });
    expect(config.core).toMatchObject({ grpcPort: 0, persistentPeriodMs: 250 });
    expect(config.core.apdexThresholdMs).toEqual({ default: 400, services: { 'a.b': 50 } });
    expect(config.storage).toEqual({
      provider: 'postgresql',
      host: 'db',
      port: 5433,
      database: 'oap',
      user: '0815',
      password: 'p: #1',
      sslMode: 'require',
      maxConnections: 10,
      stable: 'none',
    });
    const stable = load(upperTier.replace('  postgresql:', '  postgresql:\n    stable: standby'));
    expect(stable.storage).toMatchObject({ stable: 'standby', database: 'oap' });
    expect(config.receiverTrace).toBeUndefined();
    expect(config.federation?.forward).toMatchObject({
      discovery: { kind: 'naming', upstreams: ['a:11800', 'b:11800'] },
      token: '007',
      queueCapacityBatches: 64,
    });
    expect(config.federation?.receive).toMatchObject({
      tokens: { east: '0123', west: 'abc' },
      expectedTiers: ['east', 'west'],
    });
    expect(config.telemetry).toEqual({ host: '0.0.0.0', port: 0 });
  });

  it('values from the environment are read as YAML again: numbers, booleans, lists', () => {
    const env = {
      SW_CORE_REST_PORT: '0',
      SW_CORE_OAL_FILES: '[core.oal, extra.oal]',
      SW_FEDERATION: 'default',
      SW_FEDERATION_TIER: '2026',
      SW_FEDERATION_RECEIVE: 'true',
      SW_FEDERATION_RECEIVE_TOKENS: '{north: 1e3}',
      SW_RECEIVER_TRACE: '-',
    };
    const config = load(repository('deploy/application.yml'), env);
    expect(config.core).toMatchObject({ restPort: 0, oalFiles: ['core.oal', 'extra.oal'] });
    expect(config.federation).toMatchObject({
      tier: '2026',
      receive: { tokens: { north: '1e3' } },
      forward: undefined,
    });
    expect(config.receiverTrace).toBeUndefined();
  });

  it('every environment name of the shipped file is used once', () => {
    const names = [...repository('deploy/application.yml').matchAll(/\$\{(SW_\w+):/g)].map((match) => match[1]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('a gateway without storage forwards from files', () => {
    const config = load(
      'storage: {selector: none}\nfederation: {selector: default, default: {tier: t, forward: {upstreams: "a:1", buffer: file, bufferDir: /b}}}',
    );
    expect(config.storage).toEqual({ provider: 'none' });
    expect(config.federation?.forward).toMatchObject({ buffer: 'file', bufferDir: '/b', bufferWhenDamaged: 'stop' });
  });

  it.each([
    ['', 8192],
    ['buffer: memory', 256],
    ['buffer: memory, bufferMaxBytes: 1073741824', 1024],
    ['bufferMaxBytes: 4294967296', 4096],
  ])('what may wait by default suits the buffer: %s', (keys, mebibytes) => {
    const forward = `{upstreams: "a:1"${keys === '' ? '' : `, ${keys}`}}`;
    const { federation } = load(`federation: {selector: default, default: {tier: t, forward: ${forward}}}`);
    expect(federation?.forward?.bufferMaxBytes).toBe(mebibytes * 1024 ** 2);
  });

  it('a tier forwards and receives through NATS', () => {
    const { federation } = load(
      'federation: {selector: default, default: {tier: t, forward: {buffer: nats, upstreamTier: up}, nats: {servers: "n:4222"}, receive: {enabled: true, throughNats: true, tokens: {a: x}}}}',
    );
    expect(federation?.forward).toMatchObject({ buffer: 'nats', upstreamTier: 'up' });
    expect(federation?.nats).toEqual({ servers: ['n:4222'], token: '', streamMaxBytes: 256 * 1024 ** 2 });
    expect(federation?.receive?.throughNats).toBe(true);
  });

  it('discovery by zookeeper needs no upstreams', () => {
    const text =
      'federation: {selector: default, default: {tier: t, forward: {discovery: zookeeper, zookeeper: {hostPort: "z:1"}}}}';
    expect(load(text).federation?.forward?.discovery).toEqual({ kind: 'zookeeper', hostPort: 'z:1', namespace: '' });
  });
});

describe('access', () => {
  const GRAFANA = 'grafana-token-0123456789';
  const access = (settings: string, env: Environment = {}) =>
    load(`query: {default: {access: ${settings}}}`, env).query.access;

  it('asks nobody on this machine alone, which is the default', () => {
    expect(load('').core.restHost).toBe('127.0.0.1');
    expect(load('').query).toMatchObject({
      corsOrigins: [],
      access: { mode: 'thisMachine', tokens: {}, anonymous: undefined },
    });
  });

  it('a token sees and does everything that is not limited', () => {
    const text = [
      'query:',
      '  default:',
      '    corsOrigins: ["https://ui.example.com", "http://localhost:8080"]',
      '    access:',
      '      tokens:',
      '        grafana: { token: "${GRAFANA_TOKEN}", origins: "cloud-c, cloud-n", metrics: [Service, "service_*"], actions: [query] }',
      `        admin: { token: sha256:${'0a'.repeat(32)} }`,
      '      anonymous: { actions: status, tiers: [north] }',
    ].join('\n');
    const all = { tiers: ['*'], origins: ['*'], metrics: ['*'], actions: ['query', 'alarms', 'status', 'manage'] };
    expect(load(text, { GRAFANA_TOKEN: GRAFANA }).query).toMatchObject({
      corsOrigins: ['https://ui.example.com', 'http://localhost:8080'],
      access: {
        mode: 'tokens',
        tokens: {
          grafana: {
            token: GRAFANA,
            tiers: ['*'],
            origins: ['cloud-c', 'cloud-n'],
            metrics: ['Service', 'service_*'],
            actions: ['query'],
          },
          admin: { token: `sha256:${'0a'.repeat(32)}`, ...all },
        },
        anonymous: { tiers: ['north'], actions: ['status'] },
      },
    });
  });

  it('PromQL gets a port of its own, which is not to be another one, under the same rule of who may ask', () => {
    expect(load('').promql).toBeUndefined();
    const promql = { selector: 'default', default: { restPort: 9090 } };
    expect(load(JSON.stringify({ promql })).promql).toEqual({ host: '127.0.0.1', port: 9090, contextPath: '/' });
    const settings = { restPort: 12_800, restHost: '0.0.0.0', restContextPath: 'prom' };
    expect(problems(JSON.stringify({ promql: { selector: 'default', default: settings } })).join('\n')).toMatch(
      /restContextPath - must be \/ or begin with \//,
    );
    const open = { ...settings, restContextPath: '/prom' };
    expect(problems(JSON.stringify({ promql: { selector: 'default', default: open } }))).toEqual([
      expect.stringContaining(
        'query.default.access.tokens - must name who may ask: promql.default.restHost 0.0.0.0 is open',
      ),
      expect.stringContaining('promql.default.restPort - must differ from the other ports, 12800 is one of them'),
    ]);
  });

  it('tokens may come from the environment as a whole', () => {
    const env = { SW_QUERY_ACCESS_TOKENS: `{ops: {token: ${GRAFANA}}}`, SW_CORE_REST_HOST: '0.0.0.0' };
    const { query } = load(repository('deploy/application.yml'), env);
    expect(query.access.tokens['ops']).toMatchObject({ token: GRAFANA, tiers: ['*'] });
    expect(problems(repository('deploy/application.yml'), { SW_CORE_REST_HOST: '0.0.0.0' })).toHaveLength(1);
  });

  it('is switched off by name only where other machines come in', () => {
    expect(problems('core: {default: {restHost: 0.0.0.0}}')).toEqual([
      'application.yml:1:1 query.default.access.tokens - must name who may ask: core.default.restHost 0.0.0.0 is open to other machines (open: true lets everybody in)',
    ]);
    const open = 'core: {default: {restHost: "::"}}\nquery: {default: {access: {open: true}}}';
    expect(load(open).query.access.mode).toBe('open');
    expect(access('{anonymous: {actions: query}}').mode).toBe('tokens');
  });

  const shared = '0123456789abcdef';
  it.each([
    [`{open: true, tokens: {a: {token: ${shared}}}}`, 'access.open - must be false while tokens or anonymous'],
    ['{tokens: {a: {}}}', 'tokens.a.token - must not be empty'],
    ['{tokens: {a: {token: admin}}}', 'tokens.a.token - must have at least 16 characters, got 5'],
    ['{tokens: {a: {token: "0123456789 abcdef"}}}', 'tokens.a.token - must hold visible ASCII characters only'],
    ['{tokens: {a: {token: "sha256:0123"}}}', 'tokens.a.token - must be sha256: and 64 hex digits'],
    [`{tokens: {a: {token: ${shared}}, b: {token: ${shared}}}}`, 'tokens.b.token - must differ from the token of a'],
    [
      `{tokens: {a: {token: ${shared}}, b: {token: "sha256:9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f"}}}`,
      'tokens.b.token - must differ from the token of a',
    ],
    [`{tokens: {a b: {token: ${shared}}}}`, 'tokens.a b - must be 1 to 64 letters, digits, - _ or ., got a b'],
    [`{tokens: {a: {token: ${shared}, origin: x}}}`, 'tokens.a.origin - unknown key, did you mean origins?'],
    [`{tokens: {a: {token: ${shared}, origins: []}}}`, 'tokens.a.origins - must hold at least one, or be left out'],
    [
      `{tokens: {a: {token: ${shared}, origins: "a b"}}}`,
      'origins.0 - must be a tier name; * stands for any characters, got a b',
    ],
    [
      `{tokens: {a: {token: ${shared}, metrics: Servce}}}`,
      'metrics.0 - must be a scope such as Service, or a metric name, got Servce',
    ],
    [
      `{tokens: {a: {token: ${shared}, actions: admin}}}`,
      'actions.0 - must be one of query, alarms, status, manage, got admin',
    ],
    ['{anonymous: {actions: query, tiers: []}}', 'anonymous.tiers - must hold at least one'],
    ['{trustedProxies: "10.0.0.0/33"}', 'trustedProxies.0 - must be an IP address or a CIDR range, got 10.0.0.0/33'],
  ])('%s', (settings, expected) => {
    expect(problems(`query: {default: {access: ${settings}}}`).join('\n')).toContain(expected);
  });

  it.each([
    ['"*"', 'must not hold * without tokens'],
    ['https://ui.example.com/', 'must be an origin such as https://ui.example.com (no path), or *, got'],
    ['ui.example.com', 'must be an origin'],
  ])('corsOrigins %s', (origins, expected) => {
    expect(problems(`query: {default: {corsOrigins: [${origins}]}}`).join('\n')).toContain(expected);
  });

  it('a token is in no problem and in no description', () => {
    const text = `query: {default: {access: {tokens: {a: {token: ${GRAFANA}, origins: cloud-c}}}}}`;
    expect(JSON.stringify(load(text))).toContain(GRAFANA);
    expect(describeConfig(load(text))).toMatchObject({
      query: { access: { tokens: { a: { token: '***', origins: ['cloud-c'] } } } },
    });
    const wrong = 'query: {default: {access: {tokens: {a: {token: [s3cret]}, b: {token: s3cret}}}}}';
    expect(problems(wrong)).toHaveLength(1);
    expect(problems(wrong).join()).not.toContain('s3cret');
  });
});

describe('problems', () => {
  it('come all at once, in the order of the file, with line, column, path and value', () => {
    const text = [
      'cluster:',
      '  selector: zookeper',
      '  zookeeper:',
      '    sessionTimeoutMs: many',
      '    sesionTimeoutMs: 1',
      'core:',
      '  default:',
      '    role: Receiver',
      '    metricsDataTTL: 1',
      '    downsampling: [Hour, Week]',
      '    timezone: Mars/Olympus',
      '    apdexThreshold: {default: 500, slow: 0}',
      'storag: {}',
      'storage:',
      '  mysql: {}',
      'query: no',
    ].join('\n');
    expect(problems(text)).toEqual([
      'application.yml:2:13 cluster.selector - must be one of standalone, zookeeper, got zookeper, did you mean zookeeper?',
      'application.yml:4:23 cluster.zookeeper.sessionTimeoutMs - must be an integer 1000..600000, got many',
      'application.yml:5:5 cluster.zookeeper.sesionTimeoutMs - unknown key, did you mean sessionTimeoutMs?',
      'application.yml:8:11 core.default.role - must be Mixed; the split roles Receiver and Aggregator do not exist here, got Receiver',
      'application.yml:9:21 core.default.metricsDataTTL - must be >= 2, got 1',
      'application.yml:10:26 core.default.downsampling.1 - must be one of Hour, Day, got Week',
      'application.yml:11:15 core.default.timezone - must be a zone name like UTC or Asia/Shanghai, got Mars/Olympus',
      'application.yml:12:42 core.default.apdexThreshold.slow - must be >= 1, got 0',
      'application.yml:13:1 storag - unknown module, did you mean storage?',
      'application.yml:15:3 storage.mysql - unknown provider',
      'application.yml:16:8 query - must be a map, got no',
    ]);
  });

  it('downsampling keeps both derived rows or none', () => {
    expect(load('core: {default: {downsampling: []}}').core.downsampling).toEqual([]);
    expect(problems('core: {default: {downsampling: [Hour]}}')).toEqual([
      'application.yml:1:32 core.default.downsampling - must be [Hour, Day] or [] (days are derived with hours), got [Hour]',
    ]);
  });

  it('a value from the environment is reported at its placeholder', () => {
    const text = 'core:\n  default:\n    persistentPeriod: ${SW_CORE_PERSISTENT_PERIOD:25}';
    expect(problems(text, { SW_CORE_PERSISTENT_PERIOD: '0' })).toEqual([
      'application.yml:3:23 core.default.persistentPeriod - must be >= 0.05, got 0',
    ]);
  });

  it.each([
    ['core: {selector: "-"}', 'core.selector - must be one of default: this module cannot be left out'],
    ['telemetry: {selector: prom}', 'telemetry.selector - must be one of none, prometheus, -, got prom'],
    [
      'core: {default: {restPort: 9000, gRPCPort: 9000}}',
      'core.default.gRPCPort - must differ from restPort, both are 9000',
    ],
    ['core: {default: {storageSessionTimeout: 1000}}', 'must be >= persistentPeriod (25 s), got 1000 ms'],
    ['core: {default: {apdexThreshold: {a: 1}}}', 'core.default.apdexThreshold - must have the key default'],
    ['telemetry: {selector: prometheus, prometheus: {port: 12800}}', 'telemetry.prometheus.port - must differ from'],
    ['federation: {selector: default}', 'federation.default.tier - must be set when the federation module is on'],
    [
      'federation: {selector: default, default: {tier: a b}}',
      'tier - must be 1 to 64 letters, digits, - _ or ., got a b',
    ],
    ['federation: {selector: default, default: {tier: a}}', 'this tier neither sends nor receives'],
    ['federation: {selector: default, default: {forward: {upstreams: [a]}}}', 'upstreams.0 - must be host:port, got a'],
    [
      'federation: {selector: default, default: {forward: {upstreams: "a:0"}}}',
      'upstreams.0 - must be host:port, got a:0',
    ],
    [
      'federation: {selector: default, default: {forward: {discovery: naming}}}',
      'at least one node when discovery is naming',
    ],
    [
      'federation: {selector: default, default: {forward: {discovery: zookeeper}}}',
      'hostPort - must be set when discovery is',
    ],
    [
      'federation: {selector: default, default: {forward: {discovery: zookeeper, upstreams: "a:1"}}}',
      'upstreams - must be empty',
    ],
    [
      'federation: {selector: default, default: {forward: {buffer: memory, onFull: coarsen}}}',
      'forward.onFull - must be block or drop when buffer is memory',
    ],
    [
      'federation: {selector: default, default: {forward: {buffer: file, upstreams: "a:1"}}}',
      'forward.buffer - must not be file with storage embedded',
    ],
    [
      'federation: {selector: default, default: {tier: a, forward: {buffer: nats, upstreamTier: a}}}',
      'forward.upstreamTier - must name the tier above when buffer is nats, got a',
    ],
    [
      'federation: {selector: default, default: {tier: a, forward: {buffer: nats, upstreamTier: b, upstreams: "u:1"}}}',
      'forward.upstreams - must be empty, and discovery static, when buffer is nats',
    ],
    [
      'federation: {selector: default, default: {tier: a, forward: {buffer: nats, upstreamTier: b}}}',
      'nats.servers - must name a server',
    ],
    [
      'federation: {selector: default, default: {tier: a, receive: {throughNats: true}}}',
      'receive.throughNats - must be false unless receive.enabled is true',
    ],
    ['storage: {selector: none}', 'storage.selector - must not be none unless this tier forwards with'],
    [
      'cluster: {selector: zookeeper}\nstorage: {selector: none}\nfederation: {selector: default, default: {tier: a, forward: {buffer: file, upstreams: "a:1"}}}',
      'cluster.selector - must be standalone when storage is none',
    ],
    [
      'federation: {selector: default, default: {forward: {bufferMaxBytes: 2000000}}}',
      'forward.bufferMaxBytes - must be >= queueCapacityBytes (8388608), got 2000000',
    ],
    [
      'federation: {selector: default, default: {forward: {buffer: memory, bufferMaxBytes: 1073741825}}}',
      'forward.bufferMaxBytes - must be <= 1073741824 (1 GiB) when buffer is memory, got 1073741825',
    ],
    [
      'federation: {selector: default, default: {forward: {buffer: memory, queueCapacityBytes: 268435457}}}',
      'forward.bufferMaxBytes - must be >= queueCapacityBytes (268435457), got 268435456',
    ],
    [
      'federation: {selector: default, default: {receive: {creditBytes: 100000}}}',
      'maxFrameBytes - must be <= creditBytes (100000)',
    ],
    [
      'federation: {selector: default, default: {receive: {enabled: true}}}',
      'tokens - must name the tiers that may send',
    ],
    [
      'federation: {selector: default, default: {tier: a, receive: {enabled: true, expectedTiers: a}}}',
      'not hold this tier itself',
    ],
    [
      'federation: {selector: default, default: {receive: {enabled: true, tokens: {b: x}, expectedTiers: c}}}',
      'token for c',
    ],
    [
      'federation: {selector: default, default: {receive: {enabled: true, tokens: {b: ""}}}}',
      'tokens.b - must not be empty',
    ],
    [
      'federation: {selector: default, default: {tier: a, forward: {upstreams: ["b:1"], outboxRetentionMinutes: 1}}}',
      'federation.default.forward.outboxRetentionMinutes - must be >= 2, got 1',
    ],
    [
      'storage: {selector: postgresql, postgresql: {url: "mysql://x"}}',
      'storage.postgresql.url - must be like postgres://',
    ],
    ['storage: {selector: postgresql, postgresql: {properties: {jdbcUrl: x}}}', 'properties.jdbcUrl - must be like'],
    ['core: [1, 2]', 'application.yml:1:7 core - must be a map, got [1,2]'],
    ['core: {default: &a {}}\nquery: *a', 'application.yml:2:8 aliases are not supported, write the value out'],
    ['core:\n\tdefault: {}', 'application.yml:2:1 '],
    ['core: {}\ncore: {}', 'application.yml:2:1 Map keys must be unique'],
  ])('%s', (text, expected) => {
    expect(problems(text).join('\n')).toContain(expected);
  });

  it('a broken rule of a module that is off is no problem', () => {
    expect(problems('federation: {selector: "-", default: {receive: {creditBytes: 100000}}}')).toEqual([]);
  });

  it('a secret is not repeated', () => {
    const text =
      'receiver-sharing-server: {default: {authentication: [s3cret]}}\nfederation: {default: {receive: {tokens: [s3cret]}}}';
    const found = problems(text);
    expect(found).toHaveLength(2);
    expect(found.join()).not.toContain('s3cret');
    expect(
      problems('storage: {selector: postgresql, postgresql: {url: "postgres://u:s3cret@/"}}').join(),
    ).not.toContain('s3cret');
  });
});

describe('describeConfig', () => {
  it('masks every secret that is set and changes nothing else', () => {
    const config = load(
      [
        'receiver-sharing-server: {default: {authentication: s3cret}}',
        'storage: {selector: postgresql, postgresql: {url: "postgres://u:s3cret@h/d"}}',
        'federation: {selector: default, default: {tier: t, forward: {upstreams: "a:1", token: s3cret}, receive: {enabled: true, tokens: {x: s3cret}}}}',
      ].join('\n'),
    );
    const described = describeConfig(config);
    expect(JSON.stringify(config)).toContain('s3cret');
    expect(JSON.stringify(described)).not.toContain('s3cret');
    expect(described).toMatchObject({
      sharingServer: { authentication: '***' },
      storage: { user: 'u', password: '***' },
      federation: { forward: { token: '***' }, receive: { tokens: { x: '***' } } },
    });
    expect(describeConfig(load(''))).toMatchObject({ sharingServer: { authentication: '' } });
  });
});

describe('parsePostgresUrl', () => {
  it.each([
    [
      'postgres://u:p%40ss@h:6543/d',
      { host: 'h', port: 6543, database: 'd', user: 'u', password: 'p@ss', sslMode: 'disable' },
    ],
    [
      'postgresql://h/d?sslmode=verify-full',
      { host: 'h', port: 5432, database: 'd', user: '', sslMode: 'verify-full' },
    ],
    ['jdbc:postgresql://h:1/d?user=x&password=y', { user: 'x', password: 'y', port: 1 }],
    ['postgres://u@[::1]:5432/d', { host: '::1' }],
    ['postgres:///d?host=/run/postgresql', { host: '/run/postgresql', database: 'd' }],
  ])('%s', (url, expected) => {
    expect(parsePostgresUrl(url)).toMatchObject(expected);
  });

  it.each(['postgres://h', 'http://h/d', 'h:5432/d', 'postgres://h/d?sslmode=maybe', 'postgres://h/d?ssl=1', ''])(
    'refuses %s',
    (url) => {
      expect(parsePostgresUrl(url)).toHaveProperty('reason');
    },
  );
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('%s is', (host) => expect(isLoopback(host)).toBe(true));
  it.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', ''])('%s is not', (host) =>
    expect(isLoopback(host)).toBe(false),
  );
});

describe('generated files are up to date: run `npm run generate`', () => {
  it('deploy/application.yml', () => {
    expect(repository('deploy/application.yml')).toBe(renderApplicationYml());
  });

  it('docs/configuration.md', () => {
    expect(repository('docs/configuration.md')).toBe(renderConfigurationMarkdown());
  });
});

it('every setting is read by some package: a key that does nothing is a promise to nobody', () => {
  const packages = new URL('../../../', import.meta.url);
  const sources = readdirSync(packages, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(?!runtime\/)[\w-]+\/src\/.*(?<!\.test)\.ts$/.test(file))
    .map((file) => readFileSync(new URL(file, packages), 'utf8'))
    .join('\n');
  const types = readFileSync(new URL('oap-config.ts', import.meta.url), 'utf8');
  const names = new Set([...types.matchAll(/readonly (\w+)\??:/g)].map((match) => match[1]!));
  expect(names.size).toBeGreaterThan(40);
  expect([...names].filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([]);
});

describe('the settings for people', () => {
  const dump = (text: string) => {
    const loaded = loadConfig(text, {}, 'application.yml');
    if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.settings;
  };

  it('name every key of the chosen providers, defaults too', () => {
    const settings = dump('core: {default: {restPort: 1234}}');
    expect(settings).toMatchObject({
      'core.provider': 'default',
      'core.default.restPort': '1234',
      'core.default.gRPCPort': '11800',
      'core.default.downsampling': '[Hour, Day]',
      'core.default.apdexThreshold': '{default: 500}',
      'storage.provider': 'embedded',
      'federation.provider': '-',
      'query.default.enableUpdateUITemplate': 'false',
    });
    expect(Object.keys(settings).filter((path) => /^(federation\.default|storage\.postgresql)/.test(path))).toEqual([]);
  });

  it('show no secret, wherever it stands', () => {
    const text = [
      'cluster: {selector: zookeeper, zookeeper: {internalToken: s3cret}}',
      'receiver-sharing-server: {default: {authentication: s3cret}}',
      'storage: {selector: postgresql, postgresql: {properties: {jdbcUrl: "jdbc:postgresql://u:s3cret@h/d?user=u&password=s3cret", dataSource.user: s3cret, dataSource.password: s3cret}}}',
      'query: {default: {access: {tokens: {grafana: {token: s3cret-s3cret-s3cret, actions: [query]}}}}}',
      'federation: {selector: default, default: {tier: t, forward: {upstreams: "a:1", token: s3cret}, receive: {enabled: true, tokens: {x: s3cret}}}}',
    ].join('\n');
    const settings = dump(text);
    expect(JSON.stringify(settings)).not.toContain('s3cret');
    expect(settings).toMatchObject({
      'storage.postgresql.properties.jdbcUrl': 'jdbc:postgresql://u:********@h/d?user=u&password=********',
      'storage.postgresql.properties.dataSource.user': '********',
      'storage.postgresql.url': '',
      'query.default.access.tokens.grafana.token': '********',
      'query.default.access.tokens.grafana.actions': '[query]',
      'federation.default.receive.tokens': '{x: ********}',
    });
  });
});
