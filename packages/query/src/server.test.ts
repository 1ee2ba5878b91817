// SPDX-License-Identifier: Apache-2.0
// Goal: SkyWalking's shapes, honest completeness, every limit, and errors that tell a client what it may know and no more.
// Method: the real app over in-memory readers with a virtual clock; requests are injected, and a few go through a real socket.
import { createServer, type AddressInfo } from 'node:net';
import { entityOf, metricSchema, minuteOf, namedPartId, NO_WATERMARK, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { StorageUnavailable } from '@oap-federation/storage';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createQueryApp, defaultQueryServerConfig, openQueryServer, type QueryServerDeps } from './server.js';
import { memoryMetadata, nothingElse, type MemoryMetadata } from './testing.js';

const START = Date.UTC(2026, 10, 21, 0, 0); // 08:00 in the zone of the tier, UTC+8
const MINUTE = minuteOf(START);
const SHOP = serviceId('shop', true);
const DURATION = { start: '2026-11-21 0800', end: '2026-11-21 0802', step: 'MINUTE' };

let clock: VirtualClock;
let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: FastifyInstance;

const deps = (change: Partial<QueryServerDeps> = {}): QueryServerDeps => ({
  ...nothingElse(),
  reader,
  metadata,
  clock,
  logger: silentLogger,
  timezoneOffsetMinutes: () => 480,
  version: '0.1.0',
  status: () => ({ tier: 'country', slots: 16 }),
  ...change,
});

beforeEach(async () => {
  clock = new VirtualClock(START + 200_000);
  reader = new MemoryMetricReader([
    metricSchema('service_cpm', 'Service', 'cpm'),
    metricSchema('service_bytes', 'Service', 'sum'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
    metricSchema('service_heat', 'Service', 'histogram', [100, 20]),
    metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
    metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
    metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
  ]);
  const part = (name: string) => ({ service: 'shop', normal: true, layer: 'GENERAL', name });
  const shop = entityOf('Service', part(''));
  reader.enter('service_cpm', shop, 'cloud-c', MINUTE, []);
  reader.enter('service_cpm', shop, 'cloud-c', MINUTE, []);
  reader.enter('service_cpm', shop, 'cloud-n', MINUTE, []);
  reader.enter('service_cpm', shop, 'cloud-n', MINUTE + 2, []);
  reader.enter('service_bytes', shop, 'cloud-c', MINUTE, [2 ** 53]);
  reader.enter('service_bytes', shop, 'cloud-n', MINUTE, [1]);
  reader.enter('service_instance_cpm', entityOf('ServiceInstance', part('pod-1')), 'cloud-c', MINUTE, []);
  reader.enter('endpoint_cpm', entityOf('Endpoint', part('GET:/a')), 'cloud-c', MINUTE, []);
  reader.enter('service_relation_client_cpm', entityOf('ServiceRelation', part(''), part('')), 'cloud-c', MINUTE, []);
  metadata = memoryMetadata([
    { id: SHOP, name: 'shop', normal: true, layers: ['GENERAL'] },
    { id: serviceId('agent::songs', true), name: 'agent::songs', normal: true, layers: ['GENERAL', 'MESH'] },
    { id: serviceId('mysql', false), name: 'mysql', normal: false, layers: ['VIRTUAL_DATABASE'] },
  ]);
  metadata.instances.push({
    id: namedPartId(SHOP, 'pod-1'),
    name: 'pod-1',
    serviceId: SHOP,
    properties: [
      { name: 'language', value: 'NodeJS' },
      { name: 'hostname', value: 'a1' },
    ],
  });
  metadata.endpoints.push({ id: namedPartId(SHOP, 'GET:/a'), name: 'GET:/a', serviceId: SHOP });
  metadata.sources = [
    { origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 3, lastAdvanceMs: 0 },
    { origin: 'cloud-n', via: 'region', completeToMinute: MINUTE + 4, lastAdvanceMs: 0 },
  ];
  app = await createQueryApp(defaultQueryServerConfig(), deps());
});

afterEach(() => app.close());

interface Reply {
  readonly status: number;
  readonly data: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
  readonly extensions?: { readonly completeness?: Record<string, unknown> };
}

async function ask(query: string, variables: object = {}): Promise<Reply> {
  const reply = await app.inject({ method: 'POST', url: '/graphql', payload: { query, variables } });
  return { status: reply.statusCode, ...(reply.json() as Omit<Reply, 'status'>) };
}

const EXEC = `query ($x: String!, $e: Entity!, $d: Duration!) {
  result: execExpression(expression: $x, entity: $e, duration: $d) {
    type error debuggingTrace { traceId }
    results {
      metric { labels { key value } }
      values { id value traceID owner {
        scope serviceID serviceName normal serviceInstanceID serviceInstanceName endpointID endpointName
      } }
    }
  }
}`;

interface Result {
  readonly type: string;
  readonly error: string | null;
  readonly results: readonly {
    readonly metric: { readonly labels: readonly { readonly key: string; readonly value: string }[] };
    readonly values: readonly { readonly id: string | null; readonly value: string | null; readonly owner: unknown }[];
  }[];
}

async function exec(x: string, e: object = { serviceName: 'shop', normal: true }, d: object = DURATION) {
  const reply = await ask(EXEC, { x, e, d });
  return { ...reply, result: reply.data?.['result'] as Result };
}

describe('metadata', () => {
  it('answers what clients ask first', async () => {
    const { data } = await ask(
      '{ result: version getTimeInfo { timezone currentTimestamp } checkHealth { score details } getMetricsTTL { minute hour day coldMinute coldHour coldDay } }',
    );
    expect(data!['result']).toMatch(/^10\.4/);
    expect(data!['getTimeInfo']).toEqual({ timezone: '+0800', currentTimestamp: START + 200_000 });
    expect(data!['checkHealth']).toEqual({ score: 0, details: '' });
    expect(data!['getMetricsTTL']).toEqual({ minute: 7, hour: 7, day: 7, coldMinute: -1, coldHour: -1, coldDay: -1 });
  });

  it('lists layers, services, instances and endpoints in SkyWalking shapes', async () => {
    const { data, errors } = await ask(
      `query ($d: Duration!, $s: ID!) {
        listLayers
        listServices(layer: "MESH") { id value: name group shortName layers normal }
        getService(serviceId: "${SHOP}") { name }
        none: getService(serviceId: "x") { name }
        findService(serviceName: "mysql") { id normal }
        listInstances(duration: $d, serviceId: $s) { id name attributes { name value } language instanceUUID }
        findEndpoint(keyword: "/a", serviceId: $s, limit: 10, duration: $d) { id name }
        nothing: findEndpoint(keyword: "/zzz", serviceId: $s, limit: 10) { id }
      }`,
      { d: DURATION, s: SHOP },
    );
    expect(errors).toBeUndefined();
    const songs = serviceId('agent::songs', true);
    const pod = namedPartId(SHOP, 'pod-1');
    expect(data).toEqual({
      listLayers: ['GENERAL', 'MESH', 'VIRTUAL_DATABASE'],
      listServices: [
        {
          id: songs,
          value: 'agent::songs',
          group: 'agent',
          shortName: 'songs',
          layers: ['GENERAL', 'MESH'],
          normal: true,
        },
      ],
      getService: { name: 'shop' },
      none: null,
      findService: { id: serviceId('mysql', false), normal: false },
      listInstances: [
        {
          id: pod,
          name: 'pod-1',
          attributes: [{ name: 'hostname', value: 'a1' }],
          language: 'NODEJS',
          instanceUUID: pod,
        },
      ],
      findEndpoint: [{ id: namedPartId(SHOP, 'GET:/a'), name: 'GET:/a' }],
      nothing: [],
    });
  });

  it('types and lists metrics, and refuses patterns that may take long', async () => {
    const { data } = await ask(
      `{ a: typeOfMetrics(name: "service_cpm") b: typeOfMetrics(name: "service_percentile") c: typeOfMetrics(name: "service_heat")
         d: typeOfMetrics(name: "nope") listMetrics(regex: "endpoint_.*") { name type catalog } all: listMetrics { name } }`,
    );
    expect(data).toMatchObject({ a: 'REGULAR_VALUE', b: 'LABELED_VALUE', c: 'HEATMAP', d: 'UNKNOWN' });
    expect(data!['listMetrics']).toEqual([{ name: 'endpoint_cpm', type: 'REGULAR_VALUE', catalog: 'ENDPOINT' }]);
    expect(data!['all']).toHaveLength(7);
    for (const regex of ['(a+)+$', '.*.*.*.*x', '(', 'a'.repeat(300)]) {
      const { errors } = await ask('query ($r: String) { listMetrics(regex: $r) { name } }', { r: regex });
      expect(errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT' });
    }
  });
});

describe('execExpression', () => {
  it('gives a point for every minute, exact integers, and the same when the query is compiled', async () => {
    for (let i = 0; i < 6; i++) {
      const { status, errors, result, extensions } = await exec('service_cpm');
      expect(errors).toBeUndefined();
      expect(status).toBe(200);
      expect(result).toEqual({
        type: 'TIME_SERIES_VALUES',
        error: null,
        debuggingTrace: null,
        results: [
          {
            metric: { labels: [] },
            values: ['3', null, '1'].map((value, at) => ({
              id: String(START + at * 60_000),
              value,
              traceID: null,
              owner: null,
            })),
          },
        ],
      });
      expect(extensions?.completeness).toMatchObject({ complete: true });
    }
    const { result } = await exec('latest(service_bytes)');
    expect(result.results[0]!.values[0]).toMatchObject({ id: null, value: '9007199254740993' });
  });

  it('shows each origin as a label set', async () => {
    const { result } = await exec("service_cpm{origin='*'}");
    expect(result.results.map((r) => [r.metric.labels, r.values.map((v) => v.value)])).toEqual([
      [[{ key: 'origin', value: 'cloud-c' }], ['2', null, null]],
      [[{ key: 'origin', value: 'cloud-n' }], ['1', null, '1']],
    ]);
  });

  it('finds the entity of each scope, and names the field that is missing', async () => {
    const instance = await exec('service_instance_cpm', { serviceName: 'shop', serviceInstanceName: 'pod-1' });
    expect(instance.result.results[0]!.values[0]!.value).toBe('1');
    const endpoint = await exec('endpoint_cpm', { serviceName: 'shop', normal: true, endpointName: 'GET:/a' });
    expect(endpoint.result.results[0]!.values[0]!.value).toBe('1');
    const relation = await exec('service_relation_client_cpm', { serviceName: 'shop', destServiceName: 'shop' });
    expect(relation.result.results[0]!.values[0]!.value).toBe('1');
    const virtual = await exec('service_cpm', { serviceName: 'shop', normal: false });
    expect(virtual.result.results[0]!.values[0]!.value).toBe(null);
    const missing = await exec('service_relation_client_cpm', { serviceName: 'shop' });
    expect(missing.status).toBe(200);
    expect(missing.result).toMatchObject({
      type: 'UNKNOWN',
      error: 'A metric of ServiceRelation needs destServiceName in the entity',
      results: [],
    });
  });

  it('gives top_n by name with the owner', async () => {
    const services = await exec('top_n(service_cpm, 3, des, attr0="GENERAL")', {});
    expect(services.result).toMatchObject({
      type: 'SORTED_LIST',
      results: [
        {
          values: [
            {
              id: 'shop',
              value: '2',
              owner: { scope: 'Service', serviceID: SHOP, serviceName: 'shop', normal: true, endpointID: null },
            },
          ],
        },
      ],
    });
    const endpoints = await exec('top_n(endpoint_cpm, 3, des)');
    expect(endpoints.result.results[0]!.values[0]).toMatchObject({
      id: 'GET:/a',
      owner: {
        scope: 'Endpoint',
        serviceName: 'shop',
        endpointID: namedPartId(SHOP, 'GET:/a'),
        endpointName: 'GET:/a',
      },
    });
    const relations = await exec('top_n(service_relation_client_cpm, 3, des)', {});
    expect(relations.result.results[0]!.values[0]).toMatchObject({
      id: 'shop - shop',
      owner: { scope: 'ServiceRelation' },
    });
  });

  it('answers a wrong expression with UNKNOWN and a hint, HTTP 200, no GraphQL error', async () => {
    const { status, errors, result, extensions } = await exec('service_cmp');
    expect(status).toBe(200);
    expect(errors).toBeUndefined();
    expect(result).toMatchObject({
      type: 'UNKNOWN',
      results: [],
      error: 'Metric: [service_cmp] does not exist. Did you mean "service_cpm"? (column 1)',
    });
    expect(extensions?.completeness).toBeDefined();
  });

  it('reads durations of every step, and refuses wrong ones', async () => {
    const points = async (start: string, end: string, step: string) =>
      (await exec('service_cpm', undefined, { start, end, step })).result.results[0]!.values.map((v) => v.id);
    expect(await points('2026-11-21 080000', '2026-11-21 080159', 'SECOND')).toHaveLength(2);
    expect(await points('2026-11-21 07', '2026-11-21 08', 'HOUR')).toEqual([START - 3_600_000, START].map(String));
    expect(await points('2026-11-20', '2026-11-21', 'DAY')).toEqual(
      [START - 32 * 3_600_000, START - 8 * 3_600_000].map(String),
    );
    const problem = async (start: string, end: string, step: string) =>
      (await exec('service_cpm', undefined, { start, end, step })).errors![0]!;
    expect((await problem('2026-11-21', '2026-11-21 0802', 'MINUTE')).message).toBe(
      'duration.start "2026-11-21" is not of the form yyyy-MM-dd HHmm',
    );
    expect((await problem('2026-11-21 0802', '2026-11-21 0801', 'MINUTE')).message).toContain('is before');
    const tooLong = await problem('2026-11-21 0000', '2026-11-21 0820', 'MINUTE');
    expect(tooLong).toMatchObject({
      message: 'OAP-6001 query points is 501, the limit is 500',
      extensions: { code: 'OAP-6001' },
    });
    expect(await points('2026-11-21 0001', '2026-11-21 0820', 'MINUTE')).toHaveLength(500);
  });
});

describe('findEndpoint', () => {
  it('shows those that served requests in the duration, if one is given', async () => {
    metadata.endpoints.push({ id: namedPartId(SHOP, 'GET:/idle'), name: 'GET:/idle', serviceId: SHOP });
    const find = async (limit: number, duration?: object) => {
      const { data, errors } = await ask(
        'query ($s: ID!, $l: Int!, $d: Duration) { findEndpoint(serviceId: $s, limit: $l, duration: $d) { name } }',
        { s: SHOP, l: limit, ...(duration ? { d: duration } : {}) },
      );
      expect(errors).toBeUndefined();
      return (data!['findEndpoint'] as readonly { readonly name: string }[]).map((e) => e.name);
    };
    expect(await find(9)).toEqual(['GET:/a', 'GET:/idle']);
    expect(await find(9, DURATION)).toEqual(['GET:/a']);
    expect(await find(9, { ...DURATION, start: '2026-11-21 0801' })).toEqual([]);
    metadata.endpoints.reverse(); // the limit is of what is shown, not of what is looked at
    expect(await find(1, DURATION)).toEqual(['GET:/a']);
  });
});

describe('completeness', () => {
  it('is complete when every source has sealed the whole range', async () => {
    const { extensions } = await exec('service_cpm');
    expect(extensions!.completeness).toEqual({
      completeToMinute: { epochMs: START + 180_000, text: '2026-11-21 0803' },
      complete: true,
      missing: [],
      sources: [
        {
          origin: 'cloud-c',
          via: 'cloud-c',
          completeTo: '2026-11-21 0803',
          completeToMs: START + 180_000,
          lagSeconds: 20,
          state: 'complete',
          lostIncrements: 0,
          suspectMinutes: 0,
        },
        {
          origin: 'cloud-n',
          via: 'region',
          completeTo: '2026-11-21 0804',
          completeToMs: START + 240_000,
          lagSeconds: 0,
          state: 'complete',
          lostIncrements: 0,
          suspectMinutes: 0,
        },
      ],
      losses: [],
      minutes: [],
    });
  });

  it('names a lagging source, and one that was expected and never heard', async () => {
    metadata.sources = [
      { origin: 'cloud-x', via: 'cloud-x', completeToMinute: NO_WATERMARK, lastAdvanceMs: 0 },
      ...metadata.sources,
    ];
    const { extensions } = await exec('service_cpm', undefined, { ...DURATION, end: '2026-11-21 0803' });
    expect(extensions!.completeness).toMatchObject({
      completeToMinute: null,
      complete: false,
      missing: ['cloud-c', 'cloud-x'],
      sources: [
        { origin: 'cloud-c', state: 'lagging' },
        { origin: 'cloud-n', state: 'complete' },
        { origin: 'cloud-x', via: 'cloud-x', completeTo: null, completeToMs: null, lagSeconds: null, state: 'unknown' },
      ],
    });
  });

  it('names a retired source, which holds nothing back', async () => {
    metadata.sources = [
      { origin: 'cloud-x', via: 'cloud-x', completeToMinute: NO_WATERMARK, lastAdvanceMs: 0, retiredAtMs: START },
      ...metadata.sources,
    ];
    const { extensions } = await exec('service_cpm');
    const retired = { origin: 'cloud-x', completeTo: null, completeToMs: null, retiredAtMs: START, state: 'retired' };
    expect(extensions!.completeness).toMatchObject({
      complete: true,
      missing: [],
      sources: [{ origin: 'cloud-c' }, { origin: 'cloud-n' }, retired],
    });
  });

  it('says what is declared lost, and which minutes were not found whole', async () => {
    const loss = { tier: 'region', origin: 'cloud-n', via: 'region', cause: 'dropped', kind: 'Endpoint' } as const;
    const [firstMinute, lastMinute] = [START / 60_000, START / 60_000 + 2];
    const unknown = { firstMinute: NO_WATERMARK, lastMinute: NO_WATERMARK, increments: 0 };
    metadata.known = {
      losses: [
        { ...loss, firstMinute, lastMinute, increments: 40 },
        { ...loss, cause: 'coarsened', firstMinute, lastMinute, increments: 7 },
        { ...loss, origin: '', cause: 'suspect', kind: '', ...unknown, increments: 2 },
        { ...loss, origin: 'elsewhere', ...unknown, increments: 9 },
      ],
      verdicts: [
        { state: 'suspect', tiers: ['cloud-c', 'region'], reason: '', firstMinute, lastMinute, minutes: 2 },
        { state: 'unchecked', tiers: ['cloud-c'], reason: 'no digest', firstMinute, lastMinute, minutes: 3 },
      ],
    };
    const { extensions } = await exec('service_cpm');
    metadata.known = { losses: [], verdicts: [] };
    const said = { from: '2026-11-21 0800', to: '2026-11-21 0802' };
    const plain = { ...loss, ...said };
    expect(extensions!.completeness).toMatchObject({
      sources: [
        { origin: 'cloud-c', lostIncrements: 0, suspectMinutes: 2 },
        { origin: 'cloud-n', lostIncrements: 42, suspectMinutes: 2 },
      ],
      losses: [
        { ...plain, increments: 40 },
        { ...plain, cause: 'coarsened', increments: 7 },
        { ...plain, origin: '', cause: 'suspect', kind: '', from: null, to: null, increments: 2 },
        { ...plain, origin: 'elsewhere', from: null, to: null, increments: 9 },
      ],
      minutes: [
        { state: 'suspect', tiers: ['cloud-c', 'region'], reason: '', ...said, minutes: 2 },
        { state: 'unchecked', tiers: ['cloud-c'], reason: 'no digest', ...said, minutes: 3 },
      ],
    });
  });

  it('promises nothing without sources or with a silent one', async () => {
    metadata.sources = [];
    expect((await exec('service_cpm')).extensions!.completeness).toMatchObject({
      complete: false,
      completeToMinute: null,
    });
    metadata.sources = [{ origin: 'a', via: '', completeToMinute: NO_WATERMARK, lastAdvanceMs: 0 }];
    expect((await exec('service_cpm')).extensions!.completeness).toMatchObject({ complete: false, missing: ['a'] });
  });

  it('is read before the data, once a request, for the widest range of the request', async () => {
    const order: string[] = [];
    await app.close();
    app = await createQueryApp(
      defaultQueryServerConfig(),
      deps({
        reader: {
          metrics: () => reader.metrics(),
          readSeries: (query) => {
            order.push('data');
            return reader.readSeries(query);
          },
          readRange: (query) => reader.readRange(query),
        },
        metadata: {
          ...metadata,
          completeness: async () => {
            await Promise.resolve();
            order.push('completeness');
            return metadata.completeness();
          },
        },
      }),
    );
    const field = (alias: string, end: string) =>
      `${alias}: execExpression(expression: "service_cpm", entity: {serviceName: "shop"}, duration: {start: "2026-11-21 0800", end: "${end}", step: MINUTE}) { type }`;
    const { extensions } = await ask(`{ ${field('a', '2026-11-21 0810')} ${field('b', '2026-11-21 0801')} }`);
    expect(order).toEqual(['completeness', 'data', 'data']);
    expect(extensions!.completeness).toMatchObject({ complete: false, missing: ['cloud-c', 'cloud-n'] });
  });

  it('is not attached where no metric was asked for', async () => {
    expect((await ask('{ version }')).extensions).toBeUndefined();
  });
});

describe('limits', () => {
  it('refuses too many root fields, too much depth, several operations, too many fields', async () => {
    const fields = (n: number) => Array.from({ length: n }, (_, i) => `a${i}: version`).join(' ');
    expect((await ask(`{ ${fields(200)} }`)).errors).toBeUndefined();
    const code = async (query: string) => {
      const { errors, data, status } = await ask(query);
      expect([data, status]).toEqual([null, 200]);
      return errors![0]!;
    };
    expect(await code(`{ ${fields(201)} }`)).toMatchObject({
      message: 'OAP-6001 query aliases is 201, the limit is 200',
    });
    expect(await code(`{ ...F } fragment F on Query { ${fields(201)} }`)).toMatchObject({
      extensions: { code: 'OAP-6001' },
    });
    const deep = `${'{ a '.repeat(9)}${'}'.repeat(9)}`;
    expect((await code(deep)).message).toBe('OAP-6001 query depth is 9, the limit is 8');
    // thousands deep would exhaust the parser's stack: refused before it is parsed
    for (const [open, close] of ['{}', '[]', '()']) {
      const nested = `query { version${open!.repeat(5_000)}${close!.repeat(5_000)} }`;
      expect((await code(nested)).message).toBe('OAP-6001 query nesting is 257, the limit is 256');
    }
    expect((await code('query A { version } query B { version }')).message).toContain('one operation');
    expect((await code('{ ...F } fragment F on Query { ...F }')).message).toBe('fragment F contains itself');
    const wide = `{ listLayers listServices { ${'id '.repeat(4_000)} } }`;
    expect((await code(wide)).message).toBe('OAP-6001 query fields is 4002, the limit is 4000');
    expect((await code(`{ ${'a '.repeat(12_000)} }`)).message).toContain('tokens');
  });

  it('counts what fragments multiply, without taking long', async () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `fragment F${i} on Service { ${i === 29 ? 'id' : `...F${i + 1} ...F${i + 1} ...F${i + 1}`} }`,
    );
    const { errors } = await ask(`{ listServices { ...F0 } } ${levels.join(' ')}`);
    expect(errors![0]!.extensions).toMatchObject({ code: 'OAP-6001' });
  });

  it('allows introspection as tools send it', async () => {
    const { data, errors } = await ask(
      '{ __schema { types { name fields { name type { kind ofType { kind ofType { kind ofType { kind ofType { name } } } } } } } } }',
    );
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toContain('execExpression');
  });

  it('refuses bodies that are too big, not JSON, or no query', async () => {
    const send = async (payload: string, type = 'application/json') => {
      const reply = await app.inject({ method: 'POST', url: '/graphql', payload, headers: { 'content-type': type } });
      return { status: reply.statusCode, body: reply.json() as Reply };
    };
    expect((await send(JSON.stringify({ query: `{ version } ${'#'.repeat(524_288)}` }))).status).toBe(413);
    expect((await send('{"query": ')).status).toBe(400);
    expect((await send('{}')).status).toBe(400);
    expect((await send('{"query":"{ version }"}', 'text/plain')).status).toBe(415);
    expect((await send('query={version}', 'application/x-www-form-urlencoded')).status).toBe(415);
    const ast = JSON.stringify({ kind: 'Document', definitions: [] });
    expect((await send(JSON.stringify({ query: ast }))).body.errors![0]!.message).toBe('a query is GraphQL text');
    expect((await send('{"query":"{ version"}')).body).toMatchObject({
      data: null,
      errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    });
  });

  it('checks variables the same before and after compilation', async () => {
    for (let i = 0; i < 6; i++) {
      const { data, errors } = await ask(EXEC, { x: 'service_cpm', e: { nope: 1 }, d: DURATION });
      expect(data).toBe(null);
      expect(errors![0]!.message).toContain('nope');
    }
  });
});

describe('failures', () => {
  it('says that the storage is away without saying how, and goes on', async () => {
    for (let i = 0; i < 6; i++) {
      metadata.failure = new StorageUnavailable('SELECT secret FROM metrics: connection refused');
      const { status, data, errors, extensions } = await exec('service_cpm');
      expect([status, data, extensions]).toEqual([200, null, undefined]);
      expect(errors).toEqual([
        expect.objectContaining({
          message: 'OAP-2001 storage of this tier is not reachable',
          extensions: { code: 'OAP-2001', retryable: true, status: 503 },
        }),
      ]);
      expect((await ask('{ checkHealth { score details } }')).data).toEqual({
        checkHealth: { score: 1, details: 'storage is not reachable' },
      });
      metadata.failure = undefined;
      expect((await exec('service_cpm')).errors).toBeUndefined();
    }
  });

  it('masks anything unexpected', async () => {
    metadata.failure = new Error('syntax error in SELECT secret');
    const { errors } = await ask('{ listLayers }');
    expect(errors![0]).toMatchObject({ message: 'internal error', extensions: { code: 'INTERNAL' } });
    expect(JSON.stringify(errors)).not.toContain('secret');
  });

  it('answers health and status also when storage is down', async () => {
    const get = async (url: string) => {
      const reply = await app.inject({ method: 'GET', url });
      return { status: reply.statusCode, body: reply.json() as unknown };
    };
    expect(await get('/healthcheck')).toEqual({ status: 200, body: { healthy: true } });
    const status = await get('/status/tier');
    expect(status.body).toMatchObject({ tier: 'country', slots: 16, completeness: { complete: true } });
    metadata.failure = new StorageUnavailable('gone');
    expect(await get('/healthcheck')).toEqual({
      status: 503,
      body: { healthy: false, problem: 'storage is not reachable' },
    });
    expect(await get('/status/tier')).toEqual({
      status: 200,
      body: { tier: 'country', slots: 16, completeness: null },
    });
  });

  it('calls a storage that never answers unhealthy', async () => {
    await app.close();
    const never = new Promise<never>(() => {});
    app = await createQueryApp(
      defaultQueryServerConfig(),
      deps({ metadata: { ...metadata, listLayers: () => never } }),
    );
    const pending = app.inject({ method: 'GET', url: '/healthcheck' }).then((r) => r.statusCode);
    for (let i = 0; i < 10 && clock.pending === 0; i++) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(5_000);
    expect(await pending).toBe(503);
  });
});

describe('the listening server', () => {
  it('serves on loopback with security headers, without CORS, without GET', async () => {
    await using server = await openQueryServer({ ...defaultQueryServerConfig(), port: 0 }, deps());
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    const reply = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'http://elsewhere' },
      body: JSON.stringify({ query: '{ version }' }),
    });
    expect(await reply.json()).toEqual({ data: { version: '10.4.0-oap-federation-0.1.0' } });
    expect(reply.headers.get('access-control-allow-origin')).toBe(null);
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'");
    const get = await fetch(`${server.url}/graphql?query={version}`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await fetch(`${server.url}/nothing?x=1`)).status).toBe(404);
    expect((await fetch(`${server.url}/graphql`, { method: 'OPTIONS' })).status).toBe(404);
  });

  it('names the address that it cannot have, and stops twice without harm', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    await expect(openQueryServer({ ...defaultQueryServerConfig(), port }, deps())).rejects.toMatchObject({
      message: `OAP-1003 cannot listen on 127.0.0.1:${port}`,
    });
    await new Promise((resolve) => holder.close(resolve));
    const server = await openQueryServer({ ...defaultQueryServerConfig(), port }, deps());
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await expect(fetch(server.url)).rejects.toThrow();
  });
});
