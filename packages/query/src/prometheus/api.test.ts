// SPDX-License-Identifier: Apache-2.0
// Goal: the Prometheus HTTP API as its clients know it: shapes, errors with their codes, limits; and what an answer lacks is in `warnings`.
// Method: the real app over in-memory readers with a virtual clock; requests are injected. What PromQL means is tested in test/conformance/promql.
import { entityOf, metricSchema, minuteOf, NO_WATERMARK, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { StorageUnavailable, type AlarmRecord } from '@oap-federation/storage';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createQueryApp,
  defaultQueryServerConfig,
  openQueryServer,
  type QueryServerConfig,
  type QueryServerDeps,
} from '../server.js';
import { memoryAlarms, memoryMetadata, nothingElse, type MemoryMetadata } from '../testing.js';

const START_MS = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START_MS);
const NOW_MS = START_MS + 4 * 60_000;
const NOW = String(NOW_MS / 1000);

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: FastifyInstance;
let change: Partial<QueryServerDeps>;
let clock: VirtualClock;

interface Reply {
  readonly code: number;
  readonly status: string;
  readonly data?: unknown;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

interface Item {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, value: string];
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

const itemsOf = ({ data }: Reply) => (data as { readonly result: readonly Item[] }).result;
/** Value of the first series. */
const valueOf = (reply: Reply) => itemsOf(reply)[0]!.value[1];
const listOf = ({ data }: Reply) => data as readonly Readonly<Record<string, string>>[];

const appDeps = (): QueryServerDeps => ({
  ...nothingElse(),
  reader,
  metadata,
  clock,
  logger: silentLogger,
  timezoneOffsetMinutes: () => 480,
  version: '0.1.0',
  status: () => ({}),
  ...change,
});

async function open(config: Partial<QueryServerConfig> = {}): Promise<void> {
  app = await createQueryApp({ ...defaultQueryServerConfig(), ...config }, appDeps());
}

async function get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const reply = await app.inject({
    method: 'GET',
    url: `/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
  });
  return { code: reply.statusCode, ...reply.json<Omit<Reply, 'code'>>() };
}

const instant = (query: string, more: Readonly<Record<string, string>> = {}) =>
  get('query', { query, time: NOW, ...more });

beforeEach(async () => {
  clock = new VirtualClock(NOW_MS);
  change = {};
  reader = new MemoryMetricReader([
    metricSchema('service_cpm', 'Service', 'cpm'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
    metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
    metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
    metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
  ]);
  const part = (service: string, name = '', normal = true) => ({
    service,
    normal,
    layer: normal ? 'GENERAL' : 'VIRTUAL_MQ',
    name,
  });
  const shop = entityOf('Service', part('shop'));
  const pod = entityOf('ServiceInstance', part('shop', 'pod-1'));
  const path = entityOf('Endpoint', part('shop', 'GET:/a'));
  const queue = entityOf('Service', part('shop', '', false));
  const call = entityOf('ServiceRelation', part('shop'), part('shop', '', false));
  for (let i = 0; i < 4; i++) {
    for (let n = 0; n < 3; n++) reader.enter('service_cpm', shop, 'cloud-c', MINUTE + i, []);
    reader.enter('service_cpm', shop, 'cloud-n', MINUTE + i, []);
    reader.enter('service_cpm', queue, 'cloud-n', MINUTE + i, []);
    reader.enter('service_percentile', shop, 'cloud-c', MINUTE + i, [100 + i]);
    reader.enter('service_instance_cpm', pod, 'cloud-c', MINUTE + i, []);
    reader.enter('endpoint_cpm', path, 'cloud-c', MINUTE + i, []);
    reader.enter('service_relation_client_cpm', call, 'cloud-c', MINUTE + i, []);
  }
  metadata = memoryMetadata([
    { id: shop.id, name: 'shop', normal: true, layers: ['GENERAL'] },
    { id: queue.id, name: 'shop', normal: false, layers: ['VIRTUAL_MQ'] },
  ]);
  metadata.described.push(shop, pod, path, queue, call);
  metadata.instances.push({ id: pod.id, name: 'pod-1', serviceId: shop.id, properties: [] });
  metadata.endpoints.push({ id: path.id, name: 'GET:/a', serviceId: shop.id });
  metadata.reports.push(
    ...['cloud-c', 'cloud-n'].map((origin) => ({ scope: 'Service' as const, id: shop.id, origin, minute: MINUTE })),
  );
  metadata.sources = [
    { origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 4, lastAdvanceMs: 0 },
    { origin: 'cloud-n', via: 'region', completeToMinute: MINUTE + 4, lastAdvanceMs: 0 },
  ];
  await open();
});
afterEach(() => app.close());

describe('query', () => {
  it('answers each type in its shape', async () => {
    expect(await instant('1.5')).toEqual({
      code: 200,
      status: 'success',
      data: { resultType: 'scalar', result: [NOW_MS / 1000, '1.5'] },
    });
    expect((await instant('"a"')).data).toEqual({ resultType: 'string', result: [NOW_MS / 1000, 'a'] });
    expect((await instant('service_cpm{layer="GENERAL"}')).data).toEqual({
      resultType: 'vector',
      result: [
        {
          metric: { __name__: 'service_cpm', layer: 'GENERAL', scope: 'Service', service: 'shop' },
          value: [NOW_MS / 1000, '4'],
        },
      ],
    });
    expect((await instant('service_cpm{layer="GENERAL"}[90s]')).data).toEqual({
      resultType: 'matrix',
      result: [
        {
          metric: { __name__: 'service_cpm', layer: 'GENERAL', scope: 'Service', service: 'shop' },
          values: [
            [NOW_MS / 1000 - 60, '4'],
            [NOW_MS / 1000, '4'],
          ],
        },
      ],
    });
  });

  it('takes the URL, a form, or both; times in seconds or as text', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const expected = { resultType: 'vector', result: [{ metric: {}, value: [NOW_MS / 1000, '1'] }] };
    for (const request of [
      { url: '/api/v1/query', headers: form, payload: `query=vector(1)&time=${NOW}` },
      { url: `/api/v1/query?time=${NOW}`, headers: form, payload: 'query=vector%281%29' },
      {
        url: `/api/v1/query?query=vector(1)&time=${NOW}`,
        headers: { 'content-type': 'application/json' },
        payload: '',
      },
      { url: '/api/v1/query?query=vector(1)&time=2026-11-21T08:04:00Z', headers: {}, payload: '' },
      { url: '/api/v1/query?query=vector(1)&time=2026-11-21T16:04:00.000%2B08:00', headers: {}, payload: '' },
      { url: '/api/v1/query?query=vector(1)', headers: {}, payload: '' },
    ]) {
      const reply = await app.inject({ method: 'POST', ...request });
      expect([request.url, reply.statusCode, reply.json<Reply>().data]).toEqual([request.url, 200, expected]);
    }
  });

  it('counts what happened', async () => {
    const rate = await instant('rate(service_cpm_total{layer="GENERAL"}[3m])');
    expect(valueOf(rate)).toBe(String(4 / 60));
    expect(valueOf(await instant('increase(service_cpm_total{layer="GENERAL"}[4m])'))).toBe('16');
    const quantile = await instant('histogram_quantile(1, increase(service_percentile_bucket[4m]))');
    expect(Number(valueOf(quantile))).toBe(112);
  });

  it('reads the breakdown by origin where origin is asked for, and only there', async () => {
    const values = async (query: string) =>
      itemsOf(await instant(query)).map((s) => [s.metric.origin ?? '', s.value[1]]);
    const shop = 'layer="GENERAL"';
    expect(await values(`service_cpm{${shop}}`)).toEqual([['', '4']]);
    expect(await values(`service_cpm{${shop},origin=""}`)).toEqual([['', '4']]);
    expect(await values(`service_cpm{${shop},origin="cloud-n"}`)).toEqual([['cloud-n', '1']]);
    expect((await values(`service_cpm{${shop},origin=~".+"}`)).toSorted()).toEqual([
      ['cloud-c', '3'],
      ['cloud-n', '1'],
    ]);
    expect((await values(`service_cpm{${shop},origin=~"cloud-c|cloud-n",origin!="cloud-n"}`)).toSorted()).toEqual([
      ['cloud-c', '3'],
    ]);
    expect((await values(`service_cpm{${shop},origin!="cloud-n"}`)).toSorted()).toEqual([
      ['', '4'],
      ['cloud-c', '3'],
    ]);
    expect(await values(`service_cpm{${shop},origin="cloud-x"}`)).toEqual([]);
    expect(await values(`sum(increase(service_cpm_total{origin="cloud-n"}[4m]))`)).toEqual([['', '8']]);
  });

  it('takes any rank of a percentile', async () => {
    expect(valueOf(await instant('service_percentile{p="99.9"}'))).toBe('103');
    expect(valueOf(await instant('count(service_percentile)'))).toBe('5');
    expect(itemsOf(await instant('service_percentile{p="200"}'))).toEqual([]);
  });

  it('tells a real service from a conjectured one of the same name', async () => {
    const metrics = itemsOf(await instant('service_cpm{service="shop"}')).map((s) => s.metric);
    expect(metrics).toEqual([
      { __name__: 'service_cpm', layer: 'GENERAL', scope: 'Service', service: 'shop' },
      { __name__: 'service_cpm', layer: 'VIRTUAL_MQ', normal: 'false', scope: 'Service', service: 'shop' },
    ]);
    expect(itemsOf(await instant('endpoint_cpm{service="shop"}'))).toHaveLength(1);
    expect(itemsOf(await instant('service_relation_client_cpm'))[0]!.metric).toEqual({
      __name__: 'service_relation_client_cpm',
      dest_layer: 'VIRTUAL_MQ',
      dest_normal: 'false',
      dest_service: 'shop',
      layer: 'GENERAL',
      scope: 'ServiceRelation',
      service: 'shop',
    });
  });

  it('truncates to the limit, and says so', async () => {
    const reply = await instant('service_cpm', { limit: '1' });
    expect([itemsOf(reply).length, reply.warnings]).toEqual([1, ['results truncated due to limit: 1 of 2']]);
  });
});

describe('query_range', () => {
  const range = (query: string, more: Readonly<Record<string, string>> = {}) =>
    get('query_range', { query, start: String(NOW_MS / 1000 - 120), end: NOW, step: '60', ...more });

  it('gives a value a step, series sorted by their labels', async () => {
    const reply = await range('service_cpm', { step: '1m' });
    expect(reply.data).toMatchObject({ resultType: 'matrix' });
    expect(itemsOf(reply).map((s) => [s.metric.layer, s.values])).toEqual([
      ['GENERAL', [0, 1, 2].map((i) => [NOW_MS / 1000 - 120 + i * 60, '4'])],
      ['VIRTUAL_MQ', [0, 1, 2].map((i) => [NOW_MS / 1000 - 120 + i * 60, '1'])],
    ]);
    expect(itemsOf(await range('1'))).toEqual([
      { metric: {}, values: [0, 1, 2].map((i) => [NOW_MS / 1000 - 120 + i * 60, '1']) },
    ]);
  });

  it.each([
    [{ step: '' }, 'invalid parameter "step": it is not given'],
    [{ step: '0' }, 'invalid parameter "step": "0" must be greater than 0'],
    [{ step: 'x' }, 'invalid parameter "step": cannot parse "x" to a valid duration'],
    [{ start: 'yesterday' }, 'invalid parameter "start": cannot parse "yesterday" to a valid timestamp'],
    [{ end: '0' }, 'invalid parameter "end": end timestamp must not be before start time'],
    [
      { step: '0.001' },
      'exceeded maximum resolution of 11000 points per timeseries: 120001. Try decreasing the query resolution (?step=XX)',
    ],
    [
      { query: '"a"' },
      'invalid parameter "query": invalid expression type "string" for range query, must be Scalar or instant Vector',
    ],
    [
      { query: 'up[5m]' },
      'invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector',
    ],
    [{ limit: '-1' }, 'invalid parameter "limit": "-1" must be a whole number, 0 for all'],
  ])('refuses %j', async (more, error) => {
    expect(await range('service_cpm', more)).toEqual({ code: 400, status: 'error', errorType: 'bad_data', error });
  });
});

describe('errors', () => {
  it('have the codes of Prometheus', async () => {
    expect(await get('query')).toMatchObject({
      code: 400,
      errorType: 'bad_data',
      error: 'invalid parameter "query": it is not given',
    });
    expect(await instant('up{')).toMatchObject({
      code: 400,
      errorType: 'bad_data',
      error: 'invalid parameter "query": 1:4: parse error: unexpected end of input',
    });
    expect(await instant('service_cpm + on (service) service_cpm')).toMatchObject({
      code: 422,
      errorType: 'execution',
    });
    expect(await get('nothing')).toEqual({
      code: 404,
      status: 'error',
      errorType: 'not_found',
      error: 'no GET /api/v1/nothing here',
    });
  });

  it('bound samples and time', async () => {
    await app.close();
    await open({ promql: { samplesMax: 200, timeoutMs: 30_000 } });
    expect(await instant('service_percentile_bucket{service="shop"}')).toMatchObject({
      code: 422,
      errorType: 'execution',
      error: /too many samples/,
    });
    expect(await instant('service_cpm')).toMatchObject({
      code: 422,
      errorType: 'execution',
      error: /^OAP-6001 .*cost/,
    });
    expect((await instant('service_cpm{service="shop"}')).code).toBe(200);
    await app.close();
    metadata.completeness = async () => {
      await clock.advance(40_000);
      return metadata.sources;
    };
    await open();
    expect(await instant('sum(service_cpm)')).toMatchObject({ code: 503, errorType: 'timeout' });
  });

  it('say that the storage is away, and tell nothing else', async () => {
    metadata.failure = new StorageUnavailable('no route to 10.0.0.7');
    const away = await instant('service_cpm');
    expect(away).toMatchObject({ code: 503, errorType: 'unavailable' });
    metadata.failure = new Error('SELECT secret');
    const broken = await instant('service_cpm');
    expect(broken).toMatchObject({ code: 500, errorType: 'internal', error: 'internal error' });
    expect(JSON.stringify([away, broken])).not.toMatch(/10\.0\.0|secret/);
  });

  it('want a principal that may ask', async () => {
    await app.close();
    const everything = { tiers: ['*'], origins: ['*'], metrics: ['*'] };
    const tokens = {
      grafana: { token: 'a-token-for-grafana', ...everything, actions: ['query'] as const },
      ui: { token: 'a-token-for-the-ui', ...everything, actions: ['status'] as const },
    };
    await open({ access: { mode: 'tokens', tokens, anonymous: undefined, failuresPerMinute: 10, trustedProxies: [] } });
    const as = async (token: string | undefined, path: string) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const reply = await app.inject({ method: 'GET', url: `/api/v1/${path}`, headers });
      return [reply.statusCode, reply.json<Reply>().errorType];
    };
    expect(await as(undefined, 'query?query=1')).toEqual([401, 'unauthorized']);
    expect(await as(tokens.grafana.token, 'query?query=1')).toEqual([200, undefined]);
    expect(await as(tokens.ui.token, 'query?query=1')).toEqual([403, 'forbidden']);
    expect(await as(tokens.grafana.token, 'alerts')).toEqual([403, 'forbidden']);
  });
});

describe('completeness', () => {
  it('is silent where everything that was asked for is in', async () => {
    expect(await instant('service_cpm')).not.toHaveProperty('warnings');
    expect(await instant('vector(1)')).not.toHaveProperty('warnings');
  });

  it('names each source that lacks something, and until when it is complete', async () => {
    metadata.sources = [
      { origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 3, lastAdvanceMs: 0 },
      { origin: 'cloud-n', via: 'region', completeToMinute: MINUTE + 4, lastAdvanceMs: 0 },
      { origin: 'cloud-x', via: 'region', completeToMinute: NO_WATERMARK, lastAdvanceMs: 0 },
      { origin: 'cloud-old', via: 'cloud-old', completeToMinute: MINUTE, lastAdvanceMs: 0, retiredAtMs: START_MS },
    ];
    const { warnings, infos } = await instant('service_cpm');
    expect(warnings).toEqual([
      'source cloud-c is complete before 2026-11-21 0803 UTC only',
      'source cloud-x (through region) has never reported',
    ]);
    expect(infos).toEqual(['source cloud-old is retired, complete before 2026-11-21 0800 UTC']);
    expect(await instant('1 + 1')).not.toHaveProperty('warnings');
    expect((await instant('service_cpm offset 1m')).warnings).toEqual([
      'source cloud-x (through region) has never reported',
    ]);
    expect((await get('series', { 'match[]': 'service_cpm' })).warnings).toHaveLength(2);
  });

  it('names what is lost and what is in doubt', async () => {
    const loss = {
      tier: 'cloud-n',
      origin: 'cloud-n',
      via: 'region',
      cause: 'dropped' as const,
      kind: 'Endpoint distributions',
    };
    metadata.known = {
      losses: [{ ...loss, firstMinute: MINUTE, lastMinute: MINUTE + 1, increments: 340 }],
      verdicts: [
        { state: 'suspect', tiers: ['region'], reason: '', firstMinute: MINUTE, lastMinute: MINUTE, minutes: 1 },
      ],
    };
    expect((await instant('service_cpm')).warnings).toEqual([
      '340 Endpoint distributions increments are lost (dropped) from 2026-11-21 0800 to 2026-11-21 0801 UTC: tier cloud-n, of cloud-n, through region',
      '1 minute(s) from 2026-11-21 0800 to 2026-11-21 0800 UTC are suspect, of region',
    ]);
  });

  it('is read before the data', async () => {
    const order: string[] = [];
    const [completeness, readSeries] = [metadata.completeness.bind(metadata), reader.readSeries.bind(reader)];
    metadata.completeness = () => {
      order.push('completeness');
      return completeness();
    };
    reader.readSeries = (query) => {
      order.push('data');
      return readSeries(query);
    };
    await instant('service_cpm + service_cpm offset 1m');
    expect(order).toEqual(['completeness', 'data', 'data']);
  });
});

describe('what there is', () => {
  it('lists series', async () => {
    expect(await get('series')).toMatchObject({ code: 400, error: 'no match[] parameter provided' });
    expect((await get('series', { 'match[]': 'service_instance_cpm{service="shop"}' })).data).toEqual([
      {
        __name__: 'service_instance_cpm',
        layer: 'GENERAL',
        scope: 'ServiceInstance',
        service: 'shop',
        service_instance: 'pod-1',
      },
    ]);
    const both = await app.inject({ url: '/api/v1/series?match[]=service_cpm&match[]=endpoint_cpm_total' });
    expect(both.json<Reply>().data).toHaveLength(3);
    expect((await get('series', { 'match[]': 'service_cpm', end: String(START_MS / 1000) })).data).toEqual([]);
    expect(await get('series', { 'match[]': 'sum(service_cpm)' })).toMatchObject({
      code: 400,
      error: /is not a series selector/,
    });
    expect((await get('series', { 'match[]': 'service_percentile{p="99"}', start: '0' })).data).toHaveLength(1);
  });

  it('lists labels and their values', async () => {
    expect((await get('labels')).data).toEqual([
      '__name__',
      'dest_layer',
      'dest_normal',
      'dest_service',
      'endpoint',
      'layer',
      'le',
      'normal',
      'origin',
      'p',
      'scope',
      'service',
      'service_instance',
    ]);
    expect((await get('labels', { 'match[]': 'endpoint_cpm' })).data).toEqual([
      '__name__',
      'endpoint',
      'layer',
      'scope',
      'service',
    ]);
    const values = async (name: string, match?: string) =>
      (await get(`label/${name}/values`, match === undefined ? {} : { 'match[]': match })).data;
    expect(await values('__name__')).toEqual([
      'endpoint_cpm',
      'endpoint_cpm_total',
      'endpoint_traffic',
      'instance_traffic',
      'service_cpm',
      'service_cpm_total',
      'service_instance_cpm',
      'service_instance_cpm_total',
      'service_percentile',
      'service_percentile_bucket',
      'service_percentile_count',
      'service_relation_client_cpm',
      'service_relation_client_cpm_total',
      'service_traffic',
    ]);
    expect(await values('service')).toEqual(['shop']);
    expect(await values('layer')).toEqual(['GENERAL', 'VIRTUAL_MQ']);
    expect(await values('layer', 'service_cpm{normal="false"}')).toEqual(['VIRTUAL_MQ']);
    expect(await values('origin')).toEqual(['cloud-c', 'cloud-n']);
    expect(await values('origin', 'service_cpm{origin!=""}')).toEqual(['cloud-c', 'cloud-n']);
    expect(await values('p')).toEqual(['50', '75', '90', '95', '99']);
    expect(await values('scope')).toEqual(['Endpoint', 'Service', 'ServiceInstance', 'ServiceRelation']);
    expect(await values('service_instance')).toEqual(['pod-1']);
    expect(await values('endpoint')).toEqual(['GET:/a']);
    expect(await values('dest_service')).toEqual(['shop']);
    expect(((await values('le')) as string[]).at(0)).toBe('+Inf');
    expect(await values('nothing')).toEqual([]);
    expect(await get('label/a-b/values')).toMatchObject({ code: 400, error: 'invalid label name: "a-b"' });
  });

  it("knows SkyWalking's traffic metrics", async () => {
    expect((await get('series', { 'match[]': 'service_traffic{layer="GENERAL"}' })).data).toEqual([
      { __name__: 'service_traffic', layer: 'GENERAL', scope: 'Service', service: 'shop' },
    ]);
    expect(
      listOf(await get('series', { 'match[]': 'instance_traffic{layer="GENERAL",service="shop"}' }))[0]!
        .service_instance,
    ).toBe('pod-1');
    expect(
      listOf(await get('series', { 'match[]': 'endpoint_traffic{service="shop",keyword="a",limit="5"}' }))[0]!.endpoint,
    ).toBe('GET:/a');
    expect(await get('series', { 'match[]': 'endpoint_traffic{limit="0"}' })).toMatchObject({ code: 422 });
    expect(valueOf(await instant('count(service_traffic)'))).toBe('2');
  });

  it('tells types, and which Prometheus it speaks', async () => {
    const { data } = await get('metadata', { metric: 'service_percentile_bucket' });
    expect(data).toEqual({
      service_percentile_bucket: [
        {
          type: 'histogram',
          help: 'Service hdrPercentile service_percentile, number of the events since midnight UTC by upper bound',
          unit: '',
        },
      ],
    });
    expect(Object.keys((await get('metadata')).data as object)).toHaveLength(11);
    expect((await get('status/buildinfo')).data).toMatchObject({ version: '2.42.0', revision: '0.1.0' });
    expect((await get('format_query', { query: 'sum( up )by(a)' })).data).toBe('sum by (a) (up)');
    expect((await get('query_exemplars', { query: 'up' })).data).toEqual([]);
  });
});

describe('alerts', () => {
  const record = (uuid: string, more: Partial<AlarmRecord>): AlarmRecord => ({
    uuid,
    slot: 1,
    rule: 'slow_rule',
    scope: 'Service',
    name: 'shop',
    id0: serviceId('shop', true),
    id1: '',
    layers: ['GENERAL'],
    message: 'shop is slow',
    tags: [{ key: 'level', value: 'warning' }],
    expression: 'service_resp_time > 1000',
    snapshot: {},
    minute: MINUTE,
    startTimeMs: START_MS,
    completeness: { complete: false, missing: ['cloud-n'] },
    late: false,
    ...more,
  });

  it('are what fires now, once per incident, with what was missing', async () => {
    await app.close();
    const end = { kind: 'recovered' as const, minute: MINUTE, timeMs: NOW_MS };
    change = {
      alarms: memoryAlarms([
        record('a', {}),
        record('b', { startTimeMs: START_MS + 60_000 }),
        record('c', { id0: 'other', end }),
      ]),
      alarmRules: () => [{ name: 'slow_rule', expression: 'service_resp_time > 1000' }],
    };
    await open();
    const alert = {
      labels: { alertname: 'slow_rule', entity: 'shop', layer: 'GENERAL', level: 'warning', scope: 'Service' },
      annotations: { message: 'shop is slow', missing: 'cloud-n' },
      state: 'firing',
      activeAt: '2026-11-21T08:00:00.000Z',
      value: '1e+00',
    };
    expect((await get('alerts')).data).toEqual({ alerts: [alert] });
    expect((await get('rules')).data).toMatchObject({
      groups: [{ rules: [{ name: 'slow_rule', state: 'firing', alerts: [alert] }] }],
    });
  });

  it('are none, in a valid shape, where there are no rules', async () => {
    expect((await get('alerts')).data).toEqual({ alerts: [] });
    expect((await get('rules')).data).toEqual({ groups: [] });
  });
});

describe('a port of its own', () => {
  const serve = (contextPath: string, access = defaultQueryServerConfig().access) =>
    openQueryServer(
      { ...defaultQueryServerConfig(), port: 0, access, promqlListener: { host: '127.0.0.1', port: 0, contextPath } },
      appDeps(),
    );

  it.each([
    ['/', ''],
    ['/prom/', '/prom'],
  ])('has the API under %s, and nothing else', async (contextPath, prefix) => {
    await using server = await serve(contextPath);
    const url = `http://127.0.0.1:${server.promqlPort}`;
    const reply = await fetch(`${url}${prefix}/api/v1/query?query=1&time=${NOW}`);
    expect(await reply.json()).toEqual({
      status: 'success',
      data: { resultType: 'scalar', result: [NOW_MS / 1000, '1'] },
    });
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    const form = await fetch(`${url}${prefix}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: 'vector(2)' }),
    });
    expect(form.status).toBe(200);
    for (const path of ['/graphql', '/status/tier', '/healthcheck', '/x/api/v1/query?query=1']) {
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
    }
  });

  it('is guarded as the other one', async () => {
    const everything = { tiers: ['*'], origins: ['*'], metrics: ['*'], actions: ['query'] as const };
    const tokens = { grafana: { token: 'a-token-for-grafana', ...everything } };
    await using server = await serve('/', {
      mode: 'tokens',
      tokens,
      anonymous: undefined,
      failuresPerMinute: 10,
      trustedProxies: [],
    });
    const url = `http://127.0.0.1:${server.promqlPort}/api/v1/query?query=1`;
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { authorization: `Bearer ${tokens.grafana.token}` } })).status).toBe(200);
  });

  it('says when it cannot be had, and lets go of the rest', async () => {
    await using first = await serve('/');
    const promqlListener = { host: '127.0.0.1', port: first.promqlPort!, contextPath: '/' };
    await expect(
      openQueryServer({ ...defaultQueryServerConfig(), port: 0, promqlListener }, appDeps()),
    ).rejects.toThrow(`OAP-1003 cannot listen on 127.0.0.1:${first.promqlPort}`);
  });
});
