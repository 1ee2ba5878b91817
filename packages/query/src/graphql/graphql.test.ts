// SPDX-License-Identifier: Apache-2.0
// Goal: topology, the metric queries before MQE, alarms, dashboards, the trace of a query and its cost say what the data says.
// Method: the real app over in-memory readers with data that fits in the head; each answer is written down by hand.
import { entityOf, metricSchema, minuteOf, namedPartId, serviceId, type Entity } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { AlarmRecord } from '@oap-federation/storage';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createQueryApp, defaultQueryServerConfig, type QueryServerConfig, type QueryServerDeps } from '../server.js';
import { memoryAlarms, memoryMetadata, nothingElse, type MemoryMetadata } from '../testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);
const DURATION = { start: '2026-11-21 0800', end: '2026-11-21 0803', step: 'MINUTE' };
const [WEB, SHOP, STOCK, DB] = [
  serviceId('web', true),
  serviceId('shop', true),
  serviceId('stock', true),
  serviceId('db', false),
] as const;

const end = (service: string, name = '', normal = true) => ({ service, normal, layer: 'GENERAL', name });
const relation = (...args: Parameters<typeof entityOf>) => entityOf(...args) as Required<Entity>;

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: FastifyInstance;

async function open(config: Partial<QueryServerConfig> = {}, deps: Partial<QueryServerDeps> = {}): Promise<void> {
  app = await createQueryApp({ ...defaultQueryServerConfig(), ...config }, {
    ...nothingElse(),
    reader,
    metadata,
    clock: new VirtualClock(START + 600_000),
    logger: silentLogger,
    timezoneOffsetMinutes: () => 0,
    version: '0.1.0',
    status: () => ({}),
    ...deps,
  } as QueryServerDeps);
}

beforeEach(() => {
  reader = new MemoryMetricReader([
    metricSchema('service_cpm', 'Service', 'cpm'),
    metricSchema('service_resp_time', 'Service', 'longAvg'),
    metricSchema('service_mq_consume_count', 'Service', 'count'),
    metricSchema('service_peak', 'Service', 'max'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
    metricSchema('service_heat', 'Service', 'histogram', [100, 3]),
    metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
    metricSchema('service_relation_server_cpm', 'ServiceRelation', 'cpm'),
    metricSchema('service_instance_relation_server_cpm', 'ServiceInstanceRelation', 'cpm'),
    metricSchema('endpoint_relation_cpm', 'EndpointRelation', 'cpm'),
  ]);
  metadata = memoryMetadata(
    ['web', 'shop', 'stock', 'alone'].map((name) => ({
      id: serviceId(name, true),
      name,
      normal: true,
      layers: name === 'web' ? ['MESH'] : ['GENERAL'],
    })),
  );
  metadata.sources = [{ origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 60, lastAdvanceMs: 0 }];
});

afterEach(() => app.close());

interface Reply {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
  readonly extensions?: { readonly completeness?: object; readonly notKept?: readonly string[] };
}

async function ask(query: string, variables: object = {}): Promise<Reply> {
  const reply = await app.inject({ method: 'POST', url: '/graphql', payload: { query, variables } });
  expect(reply.statusCode).toBe(200);
  return reply.json();
}

/** The field `result`, which must have no error. */
async function result<T>(query: string, variables: object = {}): Promise<T> {
  const { data, errors } = await ask(query, variables);
  expect(errors).toBeUndefined();
  return data!['result'] as T;
}

describe('topology', () => {
  interface Topology {
    readonly nodes: readonly { readonly id: string; readonly name: string }[];
    readonly calls: readonly {
      readonly source: string;
      readonly target: string;
      readonly detectPoints: readonly string[];
    }[];
  }
  const NODES =
    'nodes { id name type isReal } calls { id source target detectPoints sourceComponents targetComponents }';
  const calls = ({ calls: all }: Topology) => all.map((c) => [c.source, c.target, c.detectPoints.join('+')]);
  const names = ({ nodes }: Topology) => nodes.map((n) => n.name).toSorted();

  beforeEach(async () => {
    const seen = (metric: string, entity: Required<Entity>, minute = MINUTE) => {
      if (!metadata.relationEntities.some((e) => e.id === entity.id)) metadata.relationEntities.push(entity);
      reader.enter(metric, entity, 'cloud-c', minute, []);
    };
    const user = relation('ServiceRelation', end('User', '', false), end('web'));
    const webShop = relation('ServiceRelation', end('web'), end('shop'));
    seen('service_relation_server_cpm', user);
    seen('service_relation_client_cpm', webShop);
    seen('service_relation_server_cpm', webShop);
    seen('service_relation_client_cpm', relation('ServiceRelation', end('shop'), end('db', '', false)));
    seen('service_relation_client_cpm', relation('ServiceRelation', end('shop'), end('stock')), MINUTE - 30);
    const inst = (from: string, to: string) => relation('ServiceInstanceRelation', end('web', from), end('shop', to));
    seen('service_instance_relation_server_cpm', inst('w-1', 's-1'));
    seen('service_instance_relation_server_cpm', inst('w-2', 's-1'));
    seen(
      'service_instance_relation_server_cpm',
      relation('ServiceInstanceRelation', end('web', 'w-1'), end('stock', 'x')),
    );
    seen('endpoint_relation_cpm', relation('EndpointRelation', end('web', '/cart'), end('shop', '/buy')));
    seen('endpoint_relation_cpm', relation('EndpointRelation', end('web', '/home'), end('shop', '/list')));
    await open();
  });

  it('shows the calls that have data in the range, on the side that saw them', async () => {
    const query = `query ($d: Duration!) { result: getGlobalTopology(duration: $d) { ${NODES} } }`;
    const topology = await result<Topology>(query, { d: DURATION });
    expect(calls(topology).toSorted()).toEqual(
      [
        [serviceId('User', false), WEB, 'SERVER'],
        [WEB, SHOP, 'CLIENT+SERVER'],
        [SHOP, DB, 'CLIENT'],
      ].toSorted(),
    );
    expect(topology.nodes.find((n) => n.name === 'User')).toEqual({
      id: serviceId('User', false),
      name: 'User',
      type: 'USER',
      isReal: false,
    });
    expect(topology.calls[0]).toMatchObject({ sourceComponents: [], targetComponents: [] });
    const { extensions } = await ask(query, { d: DURATION });
    expect(extensions?.completeness).toMatchObject({ complete: true });
    const earlier = { ...DURATION, start: '2026-11-21 0730' };
    expect(names(await result<Topology>(query, { d: earlier }))).toContain('stock');
  });

  it('shows what the asked services take part in, and themselves', async () => {
    const of = (serviceIds: readonly string[]) =>
      result<Topology>(
        `query ($d: Duration!, $s: [ID!]!) { result: getServicesTopology(duration: $d, serviceIds: $s) { ${NODES} } }`,
        { d: DURATION, s: serviceIds },
      );
    expect(names(await of([WEB]))).toEqual(['User', 'shop', 'web']);
    expect(names(await of([DB]))).toEqual(['db', 'shop']);
    expect(names(await of([serviceId('alone', true)]))).toEqual(['alone']);
    expect(names(await of([]))).toEqual([]);
    const ofLayer = await result<Topology>(
      `query ($d: Duration!) { result: getGlobalTopology(duration: $d, layer: "MESH") { ${NODES} } }`,
      { d: DURATION },
    );
    expect(names(ofLayer)).toEqual(['User', 'shop', 'web']);
    const byName = await result<Topology>(
      `query ($d: Duration!) { result: getServiceTopologyByName(service: {serviceName: "db", layer: "VIRTUAL_DATABASE"}, duration: $d) { ${NODES} } }`,
      { d: DURATION },
    );
    expect(names(byName)).toEqual(['db', 'shop']);
  });

  it('shows calls between the instances of two services, whichever is named first', async () => {
    const between = (client: string, server: string) =>
      result<Topology>(
        `query ($d: Duration!, $c: ID!, $s: ID!) {
          result: getServiceInstanceTopology(clientServiceId: $c, serverServiceId: $s, duration: $d) { ${NODES} }
        }`,
        { d: DURATION, c: client, s: server },
      );
    const expected = [
      [namedPartId(WEB, 'w-1'), namedPartId(SHOP, 's-1'), 'SERVER'],
      [namedPartId(WEB, 'w-2'), namedPartId(SHOP, 's-1'), 'SERVER'],
    ];
    expect(calls(await between(WEB, SHOP)).toSorted()).toEqual(expected);
    expect(calls(await between(SHOP, WEB)).toSorted()).toEqual(expected);
    expect(calls(await between(SHOP, STOCK))).toEqual([]);
  });

  it('shows what an endpoint calls and who calls it', async () => {
    const of = (id: string) =>
      result<Topology>(
        `query ($d: Duration!, $e: ID!) {
          result: getEndpointDependencies(endpointId: $e, duration: $d) { nodes { id name serviceId serviceName type isReal } calls { source target detectPoints } }
        }`,
        { d: DURATION, e: id },
      );
    const [cart, buy] = [namedPartId(WEB, '/cart'), namedPartId(SHOP, '/buy')];
    for (const id of [cart, buy]) expect(calls(await of(id))).toEqual([[cart, buy, 'SERVER']]);
    expect((await of(buy)).nodes).toContainEqual({
      id: buy,
      name: '/buy',
      serviceId: SHOP,
      serviceName: 'shop',
      type: null,
      isReal: true,
    });
    expect(await of('not an id')).toEqual({ nodes: [], calls: [] });
  });

  it('costs what its metrics cost', async () => {
    await app.close();
    await open({ maxCost: 5_023 });
    const query = `query ($d: Duration!) { result: getGlobalTopology(duration: $d) { ${NODES} } }`;
    // looking at relations, and 4 of them x 4 points, for the clients' side and then for the servers'
    const { errors } = await ask(query, { d: DURATION });
    expect(errors![0]!.message).toBe('OAP-6001 query cost is 5032, the limit is 5023');
  });
});

describe('metric queries before MQE', () => {
  const CONDITION = (name: string, serviceName = 'shop') => ({ name, entity: { serviceName, normal: true } });
  const d = DURATION;

  beforeEach(async () => {
    const shop = entityOf('Service', end('shop'));
    const web = entityOf('Service', end('web'));
    const enter = (metric: string, entity: Entity, minute: number, values: readonly number[], times = 1) => {
      for (let i = 0; i < times; i++) reader.enter(metric, entity, 'cloud-c', minute, values);
    };
    enter('service_cpm', shop, MINUTE, [], 3);
    enter('service_cpm', shop, MINUTE + 2, [], 4);
    enter('service_cpm', web, MINUTE, [], 9);
    enter('service_mq_consume_count', shop, MINUTE, [], 3);
    enter('service_mq_consume_count', shop, MINUTE + 1, [], 5);
    enter('service_peak', shop, MINUTE, [70]);
    enter('service_peak', shop, MINUTE + 3, [40]);
    for (const ms of [10, 20, 200]) enter('service_percentile', shop, MINUTE, [ms]);
    for (const ms of [0, 99, 100, 250, 9_999]) enter('service_heat', shop, MINUTE + 1, [ms]);
    await open();
  });

  it('give one value: averages of what is averaged, sums of what is counted', async () => {
    const single = (name: string, serviceName?: string) =>
      result(`query ($c: MetricsCondition!, $d: Duration!) { result: readMetricsValue(condition: $c, duration: $d) }`, {
        c: CONDITION(name, serviceName),
        d,
      });
    expect(await single('service_cpm')).toBe(3); // 3.5, cut off
    expect(await single('service_mq_consume_count')).toBe(8);
    expect(await single('service_peak')).toBe(70);
    expect(await single('service_cpm', 'nobody')).toBe(0);
    const nullable = (serviceName: string) =>
      result(
        `query ($c: MetricsCondition!, $d: Duration!) { result: readNullableMetricsValue(condition: $c, duration: $d) { value isEmptyValue } }`,
        { c: CONDITION('service_cpm', serviceName), d },
      );
    expect(await nullable('shop')).toEqual({ value: 3, isEmptyValue: false });
    expect(await nullable('nobody')).toEqual({ value: 0, isEmptyValue: true });
  });

  it('give a value for every point, and say which are empty', async () => {
    const values = await result(
      `query ($c: MetricsCondition!, $d: Duration!) { result: readMetricsValues(condition: $c, duration: $d) { label values { values { id value isEmptyValue } } } }`,
      { c: CONDITION('service_cpm'), d },
    );
    const point = (minute: number, value: number, isEmptyValue: boolean) => ({
      id: `20261121080${minute}_${SHOP}`,
      value,
      isEmptyValue,
    });
    const expected = [point(0, 3, false), point(1, 0, true), point(2, 4, false), point(3, 0, true)];
    expect(values).toEqual({ label: null, values: { values: expected } });
  });

  it('give percentiles by any spelling of the label', async () => {
    const ranks = async (...labels: readonly string[]) => {
      const sets = await result<
        readonly {
          readonly label: string;
          readonly values: { readonly values: readonly { readonly value: number }[] };
        }[]
      >(
        `query ($c: MetricsCondition!, $l: [String!]!, $d: Duration!) { result: readLabeledMetricsValues(condition: $c, labels: $l, duration: $d) { label values { values { value } } } }`,
        { c: CONDITION('service_percentile'), l: labels, d },
      );
      return sets.map(({ label, values }) => `${label}=${values.values[0]!.value}`);
    };
    expect(await ranks('50', 'p99', 'p=50', 'P75')).toEqual(['50=20', 'p99=200', 'p=50=20', 'P75=20']);
    expect(await ranks('0', '4')).toEqual(['0=20', '4=200']);
    expect(await ranks()).toEqual(['50=20', '75=20', '90=200', '95=200', '99=200']);
    const { errors } = await ask(
      `query ($c: MetricsCondition!, $d: Duration!) { readLabeledMetricsValues(condition: $c, labels: ["median"], duration: $d) { label } }`,
      { c: CONDITION('service_percentile'), d },
    );
    expect(errors![0]).toMatchObject({
      message: 'label "median" is no percentile: write 99, p99 or p=99',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('rank entities', async () => {
    const top = (condition: object) =>
      result(
        `query ($c: TopNCondition!, $d: Duration!) { result: sortMetrics(condition: $c, duration: $d) { name id value refId } }`,
        { c: { name: 'service_cpm', topN: 5, order: 'DES', ...condition }, d },
      );
    const web = { name: 'web', id: WEB, value: '9', refId: null };
    const shop = { name: 'shop', id: SHOP, value: '3', refId: null };
    expect(await top({})).toEqual([web, shop]);
    expect(await top({ order: 'ASC', topN: 1, scope: 'Service' })).toEqual([shop]);
    expect(await top({ parentService: 'web', normal: true })).toEqual([web]);
    expect(await top({ attributes: [{ name: 'attr0', value: 'MESH', isEquals: true }] })).toEqual([]);
    const { errors } = await ask(
      `query ($d: Duration!) { sortMetrics(condition: {name: "service_cpm", topN: 5, order: ASC, attributes: [{name: "attr0", value: "x') + top_n("}]}, duration: $d) { id } }`,
      { d },
    );
    expect(errors![0]!.message).toContain('is no attribute filter');
  });

  it('give a heat map of a histogram, column by column', async () => {
    const heat = await result(
      `query ($c: MetricsCondition!, $d: Duration!) { result: readHeatMap(condition: $c, duration: $d) { values { id values } buckets { min max } } }`,
      { c: CONDITION('service_heat'), d },
    );
    expect(heat).toEqual({
      buckets: [
        { min: '0', max: '100' },
        { min: '100', max: '200' },
        { min: '200', max: '300' },
        { min: '300', max: 'infinite+' },
      ],
      values: [{ id: `202611210801_${SHOP}`, values: [2, 1, 1, 1] }],
    });
  });

  it('name what is wrong', async () => {
    const problem = async (field: string, c: object) => {
      const { errors } = await ask(
        `query ($c: MetricsCondition!, $d: Duration!) { ${field === 'readMetricsValue' ? field : ''}${
          field === 'readMetricsValue'
            ? '(condition: $c, duration: $d)'
            : `${field}(condition: $c, duration: $d) { __typename }`
        } }`,
        { c, d },
      );
      return errors![0]!.message;
    };
    expect(await problem('readMetricsValue', CONDITION('nothing'))).toBe('Metric: [nothing] does not exist.');
    expect(await problem('readMetricsValue', { name: 'service_cpm' })).toContain('needs serviceName');
    expect(await problem('readMetricsValues', CONDITION('service_percentile'))).toContain('readLabeledMetricsValues');
    expect(await problem('readHeatMap', CONDITION('service_cpm'))).toBe(
      'service_cpm is no heat map, it is COMMON_VALUE',
    );
    expect(await problem('readHeatMap', { name: 'service_heat' })).toContain('needs serviceName');
  });
});

describe('alarms', () => {
  const record = (i: number, change: Partial<AlarmRecord> = {}): AlarmRecord => ({
    uuid: `uuid-${i}`,
    slot: 1,
    rule: 'service_resp_time_rule',
    scope: 'Service',
    name: 'shop',
    id0: SHOP,
    id1: '',
    layers: ['GENERAL'],
    message: `Response time of shop is slow (${i})`,
    tags: [{ key: 'level', value: i % 2 === 0 ? 'WARNING' : 'CRITICAL' }],
    expression: 'sum(service_resp_time > 1000) >= 3',
    snapshot: {
      service_resp_time: JSON.stringify([
        {
          metric: { labels: [] },
          values: [{ id: '202611210800', value: '1200', doubleValue: 1200, isEmptyValue: false }],
        },
      ]),
    },
    minute: MINUTE + i,
    startTimeMs: START + i * 60_000 + 20_000,
    late: false,
    completeness: { complete: true, missing: [] },
    ...change,
  });
  const LIST = `query ($d: Duration!, $s: Scope, $k: String, $p: Pagination!, $t: [AlarmTag]) {
    result: getAlarm(duration: $d, scope: $s, keyword: $k, paging: $p, tags: $t) {
      total
      msgs {
        startTime recoveryTime scope id name message events { uuid } tags { key value } uuid rule layers late endKind
        completeness { complete missing }
        snapshot { expression metrics { name results { metric { labels { key value } } values { id value } } } }
      }
    }
  }`;
  interface Alarms {
    readonly total: number;
    readonly msgs: readonly { readonly uuid: string }[];
  }
  const list = async (variables: object = {}) => {
    const { msgs, total } = await result<Alarms>(LIST, { d: DURATION, p: { pageSize: 10 }, ...variables });
    return `${msgs.map((m) => m.uuid.slice(5)).join(' ')} of ${total}`;
  };

  beforeEach(() =>
    open(
      {},
      {
        alarms: memoryAlarms([
          record(0),
          record(1, {
            end: { kind: 'retracted', minute: MINUTE + 2, timeMs: START + 200_000 },
            completeness: { complete: false, missing: ['cloud-n'] },
            late: true,
          }),
          record(2, { scope: 'DatabaseAccess', name: 'db', message: 'db is away' }),
          record(9),
        ]),
      },
    ),
  );

  it('come newest first, filtered and by pages', async () => {
    expect(await list()).toBe('2 1 0 of 3');
    expect(await list({ p: { pageNum: 2, pageSize: 2 } })).toBe('0 of 3');
    expect(await list({ k: 'AWAY' })).toBe('2 of 1');
    expect(await list({ t: [{ key: 'level', value: 'CRITICAL' }] })).toBe('1 of 1');
    expect(await list({ s: 'Service' })).toBe('1 0 of 2');
    expect(await list({ s: 'All' })).toBe('2 1 0 of 3');
    expect(await list({ d: { start: '2026-11-21 080021', end: '2026-11-21 080120', step: 'SECOND' } })).toBe('1 of 1');
    expect(await list({ d: { start: '2026-11-20', end: '2026-11-21', step: 'DAY' } })).toBe('9 2 1 0 of 4');
  });

  it('say how they ended and how complete their data was', async () => {
    const { msgs } = await result<Alarms>(LIST, { d: DURATION, p: { pageSize: 10 } });
    expect(msgs[1]).toEqual({
      startTime: START + 80_000,
      recoveryTime: START + 200_000,
      scope: 'Service',
      id: SHOP,
      name: 'shop',
      message: 'Response time of shop is slow (1)',
      events: [],
      tags: [{ key: 'level', value: 'CRITICAL' }],
      uuid: 'uuid-1',
      rule: 'service_resp_time_rule',
      layers: ['GENERAL'],
      late: true,
      endKind: 'retracted',
      completeness: { complete: false, missing: ['cloud-n'] },
      snapshot: {
        expression: 'sum(service_resp_time > 1000) >= 3',
        metrics: [
          {
            name: 'service_resp_time',
            results: [{ metric: { labels: [] }, values: [{ id: '202611210800', value: '1200' }] }],
          },
        ],
      },
    });
    expect(msgs[0]).toMatchObject({ scope: 'Service', name: 'db', endKind: null, recoveryTime: null });
  });

  it('count into a trend, and offer their tags', async () => {
    const trend = await result(`query ($d: Duration!) { result: getAlarmTrend(duration: $d) { numOfAlarm } }`, {
      d: DURATION,
    });
    expect(trend).toEqual({ numOfAlarm: [1, 1, 1, 0] });
    const { data } = await ask(
      `query ($d: Duration!) { keys: queryAlarmTagAutocompleteKeys(duration: $d) values: queryAlarmTagAutocompleteValues(tagKey: "level", duration: $d) none: queryAlarmTagAutocompleteValues(tagKey: "x", duration: $d) }`,
      { d: DURATION },
    );
    expect(data).toEqual({ keys: ['level'], values: ['CRITICAL', 'WARNING'], none: [] });
  });

  it('refuse pages that are none, and scopes without metrics', async () => {
    const problem = async (variables: object) =>
      (await ask(LIST, { d: DURATION, p: { pageSize: 10 }, ...variables })).errors![0]!.message;
    expect(await problem({ p: { pageSize: 0 } })).toBe('paging 1 of 0 is no page');
    expect(await problem({ p: { pageNum: 0, pageSize: 1 } })).toBe('paging 0 of 1 is no page');
    expect(await problem({ p: { pageSize: 1_001 } })).toBe('OAP-6001 query pageSize is 1001, the limit is 1000');
    expect(await problem({ s: 'Process' })).toContain('scope Process');
  });
});

describe('the UI', () => {
  const configuration = (name: string) => JSON.stringify({ name, layer: 'GENERAL', entity: 'Service', children: [] });
  const ADD = 'mutation ($c: String!) { result: addTemplate(setting: {configuration: $c}) { id status message } }';
  const CHANGE =
    'mutation ($i: String!, $c: String!) { result: changeTemplate(setting: {id: $i, configuration: $c}) { id status message } }';
  const DISABLE = 'mutation ($i: String!) { result: disableTemplate(id: $i) { id status message } }';
  const ALL = '{ result: getAllTemplates { id configuration disabled updateTime } }';
  interface Status {
    readonly id: string;
    readonly status: boolean;
    readonly message: string;
  }

  it('keeps dashboards that users add, change and disable', async () => {
    await open({ enableUpdateUiTemplate: true });
    const added = await result<Status>(ADD, { c: configuration('mine') });
    expect(added).toMatchObject({ status: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string });
    const { id: i } = added;
    const view = (name: string, disabled = false) => [
      { id: i, configuration: configuration(name), disabled, updateTime: START + 600_000 },
    ];
    expect(await result(ALL)).toEqual(view('mine'));
    expect(await result(CHANGE, { i, c: configuration('ours') })).toEqual({ id: i, status: true, message: '' });
    expect(await result(ALL)).toEqual(view('ours'));
    expect(await result<Status>(DISABLE, { i })).toMatchObject({ status: true });
    expect(await result(ALL)).toEqual([]);
    expect(
      await result('{ result: getAllTemplates(includingDisabled: true) { id configuration disabled updateTime } }'),
    ).toEqual(view('ours', true));
    expect(await result('query ($i: String!) { result: getTemplate(id: $i) { disabled } }', { i })).toEqual({
      disabled: true,
    });
    expect(await result('{ result: getTemplate(id: "none") { id } }')).toBe(null);
  });

  it('says why a dashboard is refused', async () => {
    await open({ enableUpdateUiTemplate: true });
    const why = async (c: string) => {
      const { status, message } = await result<Status>(ADD, { c });
      expect(status).toBe(false);
      return message;
    };
    expect(await why('{')).toBe('configuration is no JSON');
    expect(await why('[]')).toBe('configuration is no JSON object');
    expect(await why('{"name": 7}')).toBe('configuration.name must be a text, got 7');
    expect(await why('{"name": "a", "layer": "X", "entity": "Pod"}')).toContain('got "Pod"');
    expect(await why('{"name": "a", "layer": "X", "entity": "All"}')).toContain('configuration.children');
    expect(await why(JSON.stringify({ name: 'x'.repeat(300_000) }))).toContain('at most 262144 are kept');
    const unknown = { id: 'nope', status: false, message: 'there is no dashboard nope' };
    expect(await result(CHANGE, { i: 'nope', c: configuration('a') })).toEqual(unknown);
    expect(await result(DISABLE, { i: 'nope' })).toEqual(unknown);
  });

  it('changes nothing unless an operator allows it', async () => {
    await open();
    for (const [query, variables] of [
      [ADD, { c: configuration('a') }],
      [CHANGE, { i: 'a', c: configuration('a') }],
      [DISABLE, { i: 'a' }],
    ] as const) {
      expect(await result<Status>(query, variables)).toMatchObject({
        status: false,
        message: 'dashboards are not to be changed here: query.default.enableUpdateUITemplate is false',
      });
    }
    expect(await result(ALL)).toEqual([]);
  });

  it('has a menu whose entries are active while there are services', async () => {
    const item = { icon: 'i', description: 'd', documentLink: '', i18nKey: 'k' };
    await open(
      {},
      {
        menu: [
          {
            ...item,
            title: 'General',
            layer: '',
            items: [
              { ...item, title: 'Services', layer: 'GENERAL', items: [] },
              { ...item, title: 'Queues', layer: 'VIRTUAL_MQ', items: [] },
            ],
          },
          { ...item, title: 'Browser', layer: 'BROWSER', items: [] },
        ],
      },
    );
    expect(
      await result(
        '{ result: getMenuItems { title layer activate icon subItems { title activate subItems { title } } } }',
      ),
    ).toEqual([
      {
        title: 'General',
        layer: '',
        activate: true,
        icon: 'i',
        subItems: [
          { title: 'Services', activate: true, subItems: [] },
          { title: 'Queues', activate: false, subItems: [] },
        ],
      },
      { title: 'Browser', layer: 'BROWSER', activate: false, icon: 'i', subItems: [] },
    ]);
  });
});

describe('a query', () => {
  const EXEC = `query ($x: String!, $e: Entity!, $d: Duration!, $dump: Boolean) {
    result: execExpression(expression: $x, entity: $e, duration: $d, debug: true, dumpDBRsp: $dump) {
      error debuggingTrace { traceId condition duration spans { spanId parentSpanId operation duration msg error } }
    }
  }`;
  interface Traced {
    readonly error: string | null;
    readonly debuggingTrace: {
      readonly traceId: string;
      readonly condition: string;
      readonly spans: readonly {
        readonly operation: string;
        readonly msg: string | null;
        readonly error: string | null;
      }[];
    };
  }

  beforeEach(() => {
    reader.enter('service_cpm', entityOf('Service', end('shop')), 'cloud-c', MINUTE, []);
  });

  it('can show what it read', async () => {
    await open();
    const entity = { serviceName: 'shop', normal: true };
    const variables = { x: "service_cpm + service_cpm{origin='*'}", e: entity, d: DURATION };
    const { debuggingTrace: trace } = await result<Traced>(EXEC, variables);
    expect(trace.condition).toContain("Expression: service_cpm + service_cpm{origin='*'}, Entity: {");
    expect(trace.spans.map((s) => [s.operation, s.msg])).toEqual([
      ['MQE query', null],
      ['MQE Metric OP: service_cpm', '1 entities, origins [""]: 1 series'],
      ['MQE Metric OP: service_cpm', '1 entities, origins ["*"]: 1 series'],
    ]);
    const dumped = await result<Traced>(EXEC, { ...variables, x: 'service_cpm', dump: true });
    expect(dumped.debuggingTrace.spans[1]!.msg).toBe(
      `1 entities, origins [""]: 1 series [{"entityId":"${SHOP}","origin":"","buckets":[{"start":${START},"ints":["1"]}]}]`,
    );
    const wrong = await result<Traced>(EXEC, { ...variables, x: 'service_cmp' });
    expect(wrong.debuggingTrace.spans).toMatchObject([{ operation: 'MQE query', error: wrong.error }]);
  });

  it('is refused when it would make the storage read too much', async () => {
    await open({ maxCost: 1_005 });
    const e = { serviceName: 'shop', normal: true };
    const rows = (n: number, expression: string, entity: object = e) =>
      ask(
        `query ($e: Entity!, $d: Duration!) { ${Array.from(
          { length: n },
          (_, i) => `a${i}: execExpression(expression: "${expression}", entity: $e, duration: $d) { error }`,
        ).join(' ')} }`,
        { e: entity, d: DURATION },
      );
    expect((await rows(200, 'service_cpm')).errors).toBeUndefined(); // 200 fields x (4 points + 1)
    expect((await rows(26, "service_cpm{origin='*'}")).errors![0]).toMatchObject({
      message: 'OAP-6001 query cost is 1026, the limit is 1005', // 26 fields, and 25 x 4 points x 10 origins
      extensions: { code: 'OAP-6001' },
    });
    expect((await rows(2, 'top_n(service_cpm, 3, des)', {})).errors).toBeUndefined(); // 2 x 4 points x 100 entities
    expect((await rows(3, 'top_n(service_cpm, 3, des)', {})).errors![0]!.message).toContain('cost is 1203');
    const services = await ask('{ a: listServices { id } b: listServices { id } }');
    expect(services.errors![0]!.message).toBe('OAP-6001 query cost is 2000, the limit is 1005');
  });
});
