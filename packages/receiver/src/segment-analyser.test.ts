// SPDX-License-Identifier: Apache-2.0
// Goal: segments give the sources that SkyWalking derives, row by row of its rules, and hostile segments give counts, not errors.
// Method: segments go through the real codec (so defaults and limits are real), sources are copied as L1 would read them.
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { minuteOf } from '@oap-federation/model';
import { SourceRecord } from '@oap-federation/oal';
import { MetricRegistry } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import {
  segmentCodec,
  SpanLayer,
  SpanType,
  type Draft,
  type SegmentObject,
  type SpanObject,
} from '@oap-federation/wire';
import { defaultAnalysisLimits, SegmentAnalyser, type AnalysisLimits } from './index.js';

const clock = new VirtualClock(Date.UTC(2026, 10, 21, 12, 0, 30));
const NOW = clock.now();

let telemetry: MetricRegistry;
let seen: SourceRecord[];

beforeEach(() => {
  telemetry = new MetricRegistry();
  seen = [];
});

function analyser(limits: Partial<AnalysisLimits> = {}): SegmentAnalyser {
  const receive = (record: SourceRecord) => {
    const copy = Object.assign(new SourceRecord(), record);
    if (record.tag) copy.tag = new Map(record.tag);
    if (record.tags) copy.tags = [...record.tags];
    seen.push(copy);
  };
  return new SegmentAnalyser({ ...defaultAnalysisLimits(), ...limits }, { clock, telemetry, sources: { receive } });
}

function decoded(draft: Draft<SegmentObject>): SegmentObject {
  const result = segmentCodec.decode(segmentCodec.encode(draft));
  if (!result.ok) throw new Error(result.reason);
  return result.message;
}

const segment = (...spans: Draft<SpanObject>[]) => decoded({ service: 'shop', serviceInstance: 'shop-1', spans });

const entry = (more: Draft<SpanObject> = {}): Draft<SpanObject> => ({
  spanType: SpanType.Entry,
  spanLayer: SpanLayer.Http,
  operationName: 'GET:/orders',
  startTime: NOW - 200,
  endTime: NOW - 150,
  componentId: 49,
  ...more,
});
const exit = (more: Draft<SpanObject> = {}): Draft<SpanObject> => ({
  ...entry({ spanType: SpanType.Exit, operationName: '/stock', peer: '10.0.0.7:8080', componentId: 4005 }),
  ...more,
});
const refTo = (more: object = {}) => ({
  parentService: 'web',
  parentServiceInstance: 'web-1',
  networkAddressUsedAtPeer: 'shop.local:80',
  ...more,
});

const scopes = () => seen.map((s) => s.scope);
const only = (scope: SourceRecord['scope']) => {
  const found = seen.filter((s) => s.scope === scope);
  expect(found).toHaveLength(1);
  return found[0]!;
};
const count = (family: 'refused' | 'adjusted', reason: string) =>
  telemetry.counter(`oap_receiver_trace_${family}_total`, '', { reason }).value();

describe('entry spans', () => {
  test('without ref: service, instance, endpoint, and relations from the conjectured service User', () => {
    analyser().analyse(segment(entry()));
    expect(scopes()).toEqual(['Service', 'ServiceInstance', 'ServiceRelation', 'ServiceInstanceRelation', 'Endpoint']);
    const service = only('Service');
    expect(service).toMatchObject({
      minute: minuteOf(NOW - 200),
      name: 'shop',
      layer: 'GENERAL',
      serviceInstanceName: 'shop-1',
      endpointName: 'GET:/orders',
      latency: 50,
      status: true,
      type: 'HTTP',
    });
    expect(service.entity).toMatchObject({ id: 'c2hvcA==.1', source: { service: 'shop', normal: true } });
    expect(only('ServiceInstance')).toMatchObject({ name: 'shop-1', serviceName: 'shop' });
    expect(only('Endpoint')).toMatchObject({ name: 'GET:/orders', serviceName: 'shop' });
    const relation = only('ServiceRelation');
    expect(relation).toMatchObject({ detectPoint: 'SERVER', sourceServiceName: 'User', sourceLayer: 'UNDEFINED' });
    expect(relation.entity).toMatchObject({
      id: 'VXNlcg==.0-c2hvcA==.1',
      source: { normal: false, layer: 'UNDEFINED' },
    });
    expect(only('ServiceInstanceRelation').entity!.id).toBe('VXNlcg==.0_VXNlcg==-c2hvcA==.1_c2hvcC0x');
  });

  test('counts once per ref, each relation from its own parent', () => {
    analyser().analyse(segment(entry({ refs: [refTo(), refTo({ parentService: 'app' }), refTo()] })));
    expect(seen.filter((s) => s.scope === 'Service')).toHaveLength(3);
    const parents = seen.filter((s) => s.scope === 'ServiceRelation').map((s) => s.sourceServiceName);
    expect(parents).toEqual(['web', 'app', 'web']);
    expect(seen.filter((s) => s.scope === 'ServiceInstanceRelation')[0]!.entity).toMatchObject({
      source: { service: 'web', name: 'web-1', layer: 'GENERAL' },
      dest: { service: 'shop', name: 'shop-1' },
    });
    expect(scopes()).not.toContain('EndpointRelation');
  });

  test('a known parent endpoint gives an endpoint relation with rpcLatency', () => {
    analyser().analyse(segment(entry({ refs: [refTo({ parentEndpoint: '/cart/17' })] })));
    expect(only('EndpointRelation')).toMatchObject({
      endpoint: '/cart/{id}',
      serviceName: 'web',
      childEndpoint: 'GET:/orders',
      childServiceName: 'shop',
      rpcLatency: 50,
      detectPoint: 'SERVER',
      entity: { source: { service: 'web', name: '/cart/{id}' }, dest: { service: 'shop', name: 'GET:/orders' } },
    });
  });

  test.each([
    [SpanLayer.Http, 'HTTP'],
    [SpanLayer.Database, 'DATABASE'],
    [SpanLayer.MQ, 'MQ'],
    [SpanLayer.RPCFramework, 'RPC'],
    [SpanLayer.Cache, 'RPC'],
    [SpanLayer.Unknown, 'RPC'],
    [7, 'GenAI'],
    [99, 'RPC'],
  ])('span layer %i is request type %s', (spanLayer, type) => {
    analyser().analyse(segment(entry({ spanLayer })));
    expect(only('Service').type).toBe(type);
  });

  test('FAAS: layer FAAS, no endpoint', () => {
    analyser().analyse(segment(entry({ spanLayer: SpanLayer.FAAS, refs: [refTo({ parentEndpoint: 'p' })] })));
    expect(scopes()).toEqual(['Service', 'ServiceInstance', 'ServiceRelation', 'ServiceInstanceRelation']);
    expect(only('Service').layer).toBe('FAAS');
  });

  test('MQ: the caller is the queue, the consumption is counted with its latency and topic', () => {
    const tags = [
      { key: 'transmission.latency', value: '12' },
      { key: 'mq.topic', value: 'orders' },
      { key: 'mq.queue', value: 'q1' },
    ];
    const refs = [refTo({ networkAddressUsedAtPeer: 'kafka:9092' })];
    analyser().analyse(segment(entry({ spanLayer: SpanLayer.MQ, refs, tags })));
    expect(only('ServiceRelation')).toMatchObject({ sourceServiceName: 'kafka:9092', sourceLayer: 'VIRTUAL_MQ' });
    expect(only('MQAccess')).toMatchObject({ name: 'kafka:9092', operation: 'Consume', transmissionLatency: 12 });
    expect(only('MQEndpointAccess')).toMatchObject({ serviceName: 'kafka:9092', endpoint: 'orders/q1' });
    expect(only('MQEndpointAccess').entity!.source).toMatchObject({ normal: false, name: 'orders/q1' });
    expect(only('Service').tag!.get('transmission.latency')).toBe('12');
  });

  test('status, codes and tags', () => {
    const tags = [
      { key: 'http.status_code', value: '503' },
      { key: 'rpc.status_code', value: 'UNAVAILABLE' },
      { key: 'http.method', value: 'GET' },
    ];
    const both = analyser();
    both.analyse(segment(entry({ isError: true, tags })));
    expect(only('Service')).toMatchObject({
      status: false,
      httpResponseStatusCode: 503,
      rpcStatusCode: 'UNAVAILABLE',
      tags: ['http.status_code:503', 'rpc.status_code:UNAVAILABLE', 'http.method:GET'],
    });
    seen = [];
    both.analyse(segment(entry({ tags: [{ key: 'status_code', value: '2e3' }] })));
    expect(only('Service')).toMatchObject({ status: true, httpResponseStatusCode: 0, rpcStatusCode: '' });
    seen = [];
    both.analyse(segment(entry()));
    expect([only('Service').tags, only('Service').tag]).toEqual([undefined, undefined]);
  });
});

describe('exit spans', () => {
  test.each([
    [SpanLayer.Http, 'GENERAL', 1, []],
    [SpanLayer.RPCFramework, 'GENERAL', 1, []],
    [SpanLayer.Database, 'VIRTUAL_DATABASE', 0, ['DatabaseAccess']],
    [SpanLayer.Cache, 'VIRTUAL_CACHE', 0, ['CacheAccess']],
    [SpanLayer.MQ, 'VIRTUAL_MQ', 0, ['MQAccess']],
    [SpanLayer.Unknown, 'UNDEFINED', 0, []],
    [99, 'UNDEFINED', 0, []],
  ])('layer %i: the peer is a service of layer %s (normal %i), with %j', (spanLayer, layer, normal, access) => {
    analyser().analyse(segment(exit({ spanLayer })));
    expect(scopes()).toEqual(['ServiceRelation', 'ServiceInstanceRelation', ...access]);
    const relation = only('ServiceRelation');
    expect(relation).toMatchObject({
      detectPoint: 'CLIENT',
      sourceServiceName: 'shop',
      destServiceName: '10.0.0.7:8080',
    });
    expect(relation).toMatchObject({ destLayer: layer, componentId: 4005, latency: 50 });
    expect(relation.entity!.dest).toMatchObject({ normal: normal === 1, layer });
  });

  test('no peer: nothing', () => {
    analyser().analyse(segment(exit({ peer: ' ' })));
    expect(seen).toEqual([]);
  });

  test('a database, a cache and a queue that is written to', () => {
    const it = analyser();
    it.analyse(segment(exit({ spanLayer: SpanLayer.Database, peer: 'db:5432', isError: true })));
    expect(only('DatabaseAccess')).toMatchObject({ name: 'db:5432', databaseTypeId: 4005, latency: 50, status: false });
    expect(only('DatabaseAccess').entity!.id).toBe('ZGI6NTQzMg==.0');
    for (const [op, operation] of [
      ['read', 'Read'],
      ['write', 'Write'],
      ['ping', 'Others'],
    ] as const) {
      seen = [];
      it.analyse(segment(exit({ spanLayer: SpanLayer.Cache, tags: [{ key: 'cache.op', value: op }] })));
      expect(only('CacheAccess')).toMatchObject({ operation, cacheTypeId: 4005 });
    }
    seen = [];
    it.analyse(segment(exit({ spanLayer: SpanLayer.MQ, tags: [{ key: 'mq.topic', value: 't' }] })));
    expect(only('MQAccess')).toMatchObject({ operation: 'Produce', transmissionLatency: 0, typeId: 4005 });
    expect(only('MQEndpointAccess')).toMatchObject({ endpoint: 't', operation: 'Produce' });
  });

  test('an address that a callee answered at is named after the callee', () => {
    const it = analyser();
    const stock = { service: 'stock', serviceInstance: 'stock-1' };
    it.analyse(segment(exit()));
    expect(only('ServiceRelation').destServiceName).toBe('10.0.0.7:8080');
    const refs = [refTo({ parentService: 'shop', networkAddressUsedAtPeer: '10.0.0.7:8080' })];
    it.analyse(decoded({ ...stock, spans: [entry({ refs })] }));
    seen = [];
    it.analyse(segment(exit()));
    expect(only('ServiceRelation')).toMatchObject({ destServiceName: 'stock', destServiceInstanceName: 'stock-1' });
    expect(only('ServiceInstanceRelation').entity!.dest).toMatchObject({ service: 'stock', name: 'stock-1' });
    // a ref across threads says nothing about addresses
    it.analyse(
      decoded({ service: 'other', spans: [entry({ refs: [refTo({ refType: 1, networkAddressUsedAtPeer: 'x:1' })] })] }),
    );
    seen = [];
    it.analyse(segment(exit({ peer: 'x:1' })));
    expect(only('ServiceRelation').destServiceName).toBe('x:1');
  });
});

describe('local spans', () => {
  const local = (value?: string, more: Draft<SpanObject> = {}) =>
    entry({
      spanType: SpanType.Local,
      operationName: 'job',
      ...(value ? { tags: [{ key: 'x-le', value }] } : {}),
      ...more,
    });

  test('give nothing', () => {
    analyser().analyse(segment(local()));
    expect(seen).toEqual([]);
  });

  test('a logic endpoint stands for the span, or for what the tag says', () => {
    const it = analyser();
    it.analyse(segment(local('{"logic-span":true}', { isError: true })));
    expect(scopes()).toEqual(['Endpoint']);
    expect(only('Endpoint')).toMatchObject({ name: 'job', latency: 50, status: false, type: 'LOGIC' });
    seen = [];
    it.analyse(segment(local('{"name":"step","latency":7,"status":true}', { isError: true })));
    expect(only('Endpoint')).toMatchObject({ name: 'step', latency: 7, status: true, type: 'LOGIC' });
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"name":1,"latency":2,"status":true}',
    '{"name":"a","latency":1e999,"status":true}',
  ])('a tag that cannot be read is counted: %s', (value) => {
    analyser().analyse(segment(entry({ spanType: SpanType.Local, tags: [{ key: 'x-le', value }] })));
    expect(seen).toEqual([]);
    expect(count('refused', 'badLogicEndpoint')).toBe(1);
  });
});

describe('times', () => {
  test('the minute is that of the start', () => {
    analyser().analyse(segment(entry({ startTime: NOW - 60_000 * 3, endTime: NOW })));
    expect(only('Service')).toMatchObject({ minute: minuteOf(NOW) - 3, latency: 180_000 });
  });

  test.each([
    ['tooOld', { startTime: NOW - 7 * 86_400_000 - 1 }],
    ['tooOld', { startTime: -5 }],
    ['tooOld', { startTime: 0 }],
    ['inFuture', { startTime: NOW + 300_001, endTime: NOW + 300_001 }],
    ['inFuture', { endTime: NOW + 300_001 }],
    ['inFuture', { endTime: Number.MAX_SAFE_INTEGER }],
  ])('%s: %j is refused and counted', (reason, times) => {
    analyser().analyse(segment(entry(times), exit(times), entry()));
    expect(count('refused', reason)).toBe(2);
    expect(seen.filter((s) => s.scope === 'Service')).toHaveLength(1);
  });

  test('within bounds: five minutes ahead, a retention ago', () => {
    analyser().analyse(
      segment(entry({ startTime: NOW + 300_000, endTime: NOW + 300_000 }), entry({ startTime: NOW - 7 * 86_400_000 })),
    );
    expect(seen.filter((s) => s.scope === 'Service')).toHaveLength(2);
  });

  test('an end before the start is 0 ms and counted', () => {
    analyser().analyse(segment(entry({ endTime: 0 })));
    expect(only('Service').latency).toBe(0);
    expect(count('adjusted', 'negativeLatency')).toBe(1);
  });
});

describe('names', () => {
  test('blank names are _blank, long ones are cut, control characters go, NFC', () => {
    const it = analyser();
    it.analyse(decoded({ spans: [entry({ operationName: '' })] }));
    expect(only('Endpoint')).toMatchObject({ name: '_blank', serviceName: '_blank', serviceInstanceName: '_blank' });
    expect(count('adjusted', 'blankService')).toBe(1);
    seen = [];
    it.analyse(
      decoded({
        service: 's'.repeat(1_000_000),
        serviceInstance: 'i\u0000\u001b[31m',
        spans: [entry({ operationName: 'o'.repeat(500) })],
      }),
    );
    expect(only('Service').name).toBe('s'.repeat(70));
    expect(only('ServiceInstance').name).toBe('i[31m');
    expect(only('Endpoint').name).toBe('o'.repeat(150));
    seen = [];
    it.analyse(decoded({ service: 'cafe\u0301', spans: [entry()] }));
    expect(only('Service').name).toBe('caf\u00e9');
    seen = [];
    it.analyse(decoded({ service: 'a'.repeat(69) + '\u{1f600}', spans: [entry()] }));
    expect(only('Service').name).toBe('a'.repeat(69)); // half a surrogate pair does not stay
  });

  test.each([
    ['GET:/users/17', 'GET:/users/{id}'],
    ['/users/17/orders/4', '/users/{id}/orders/{id}'],
    ['/a/0b5e1c1a-88f2-4c41-8d1e-1a2b3c4d5e6f/b', '/a/{id}/b'],
    ['/blob/deadbeef01', '/blob/{id}'],
    ['/search?q=1', '/search'],
    ['/v3/effacedd/a1', '/v3/effacedd/a1'],
    ['pkg.Service/Method2', 'pkg.Service/Method2'],
  ])('endpoint %s is grouped as %s', (operationName, name) => {
    analyser().analyse(segment(entry({ operationName })));
    expect(only('Endpoint').name).toBe(name);
    seen = [];
    analyser({ groupUris: false }).analyse(segment(entry({ operationName })));
    expect(only('Endpoint').name).toBe(operationName);
  });

  test('over the cap an endpoint is _overflow, until the next day', async () => {
    const day = new VirtualClock(NOW);
    const names: string[] = [];
    const it = new SegmentAnalyser(
      { ...defaultAnalysisLimits(), maxEndpointsPerService: 2 },
      { clock: day, telemetry, sources: { receive: (r) => void (r.scope === 'Endpoint' && names.push(r.name)) } },
    );
    for (const operationName of ['/a', '/b', '/c', '/a', '/d']) it.analyse(segment(entry({ operationName })));
    expect(names).toEqual(['/a', '/b', '_overflow', '/a', '_overflow']);
    expect(count('adjusted', 'endpointOverflow')).toBe(2);
    await day.advance(86_400_000);
    it.analyse(segment(entry({ operationName: '/c', startTime: day.now(), endTime: day.now() })));
    expect(names.at(-1)).toBe('/c');
  });
});

describe('bounds', () => {
  test('what is skipped, empty, unknown or too much', () => {
    const it = analyser({ spansPerSegmentMax: 3, refsPerSegmentMax: 2 });
    it.analyse(segment());
    expect(count('refused', 'noSpans')).toBe(1);
    it.analyse(segment(entry(), entry(), entry(), entry()));
    expect(count('refused', 'tooManySpans')).toBe(1);
    it.analyse(segment(entry({ spanType: 9 }), entry({ skipAnalysis: true }), exit({ skipAnalysis: true })));
    expect(count('refused', 'unknownSpanType')).toBe(1);
    it.analyse(segment(entry({ refs: [refTo(), refTo(), refTo()] })));
    expect(count('refused', 'tooManyRefs')).toBe(3);
    expect(seen).toEqual([]);
  });

  test('entities are cached, and a small cache changes nothing but identity', () => {
    const one = analyser();
    one.analyse(segment(entry()));
    one.analyse(segment(entry()));
    const [first, second] = seen.filter((s) => s.scope === 'Service');
    expect(first!.entity).toBe(second!.entity);
    const spans = Array.from({ length: 50 }, (_, i) =>
      entry({ operationName: `/e/x${i}`, refs: [refTo({ parentService: `p${i}` })] }),
    );
    seen = [];
    one.analyse(segment(...spans));
    const wide = seen.map((s) => s.entity!.id);
    seen = [];
    analyser({ entityCacheMax: 3 }).analyse(segment(...spans));
    expect(seen.map((s) => s.entity!.id)).toEqual(wide);
  });
});

test('no segment makes the analysis throw, and every source has sane fields', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('', 'User', '__proto__', '/a/1', 'db:1'),
  );
  const time = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: NOW - 400_000, max: NOW + 400_000 }));
  const tags = fc.array(
    fc.record({
      key: fc.oneof(text, fc.constantFrom('x-le', 'cache.op', 'status_code')),
      value: fc.oneof(text, fc.json()),
    }),
  );
  const span = fc.record({
    startTime: time,
    endTime: time,
    operationName: text,
    peer: text,
    spanType: fc.integer({ min: -1, max: 4 }),
    spanLayer: fc.integer({ min: -1, max: 9 }),
    componentId: fc.integer(),
    isError: fc.boolean(),
    skipAnalysis: fc.boolean(),
    tags,
    refs: fc.array(
      fc.record({
        refType: fc.nat(3),
        parentService: text,
        parentServiceInstance: text,
        parentEndpoint: text,
        networkAddressUsedAtPeer: text,
      }),
    ),
  });
  const it = analyser({ entityCacheMax: 50, maxEndpointsPerService: 5, addressAliasesMax: 5, spansPerSegmentMax: 8 });
  fc.assert(
    fc.property(
      fc.record({ service: text, serviceInstance: text, spans: fc.array(span, { maxLength: 10 }) }),
      (draft) => {
        seen = [];
        it.analyse(decoded(draft));
        for (const s of seen) {
          expect(s.latency).toBeGreaterThanOrEqual(0);
          expect(Math.abs(s.minute - minuteOf(NOW))).toBeLessThanOrEqual(7 * 1440);
          expect(s.entity!.scope).toBe(s.scope);
          for (const part of [s.entity!.source, s.entity!.dest]) {
            expect(part?.service ?? 'x').toMatch(/^[^\p{Cc}\p{Cs}]{1,70}$/u);
            expect(part?.name ?? '').toMatch(/^[^\p{Cc}\p{Cs}]{0,150}$/u);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
