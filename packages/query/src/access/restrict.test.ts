// SPDX-License-Identifier: Apache-2.0
// Goal: what limits mean at the edges: ways, refusals by name, losses that nobody can be told apart by, ids instead of names.
// Method: in-memory readers under hand-made principals. That nothing else shows is the law of test/conformance/access.
import { entityOf, metricSchema, minuteOf, namedPartId, serviceId, type ScopeName } from '@oap-federation/model';
import type { SeriesQuery } from '@oap-federation/mqe';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger, type AccessScope } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AlarmRecord } from '@oap-federation/storage';
import { memoryAlarms, memoryMetadata, type MemoryMetadata } from '../testing.js';
import { principalOf } from './principal.js';
import { restrict } from './restrict.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const MINUTE = minuteOf(NOW) - 5;
const SHOP = serviceId('shop', true);
const all: AccessScope = { tiers: ['*'], origins: ['*'], metrics: ['*'], actions: ['query'] };
const METRICS = [
  metricSchema('service_cpm', 'Service', 'cpm'),
  metricSchema('service_sla', 'Service', 'cpm'),
  metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
  metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
];

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let alarms: AlarmRecord[];

beforeEach(() => {
  alarms = [];
  reader = new MemoryMetricReader(METRICS);
  metadata = memoryMetadata([
    { id: SHOP, name: 'shop', normal: true, layers: ['GENERAL'] },
    { id: serviceId('songs', true), name: 'songs', normal: true, layers: ['MESH'] },
  ]);
  const end = (service: string, name = '') => ({ service, normal: true, layer: 'GENERAL', name });
  const report = (metric: string, scope: ScopeName, service: string, name: string, origin: string) => {
    const entity = entityOf(scope, end(service, name));
    reader.enter(metric, entity, origin, MINUTE, []);
    metadata.reports.push({ scope, id: entity.id, origin, minute: MINUTE });
  };
  report('service_cpm', 'Service', 'shop', '', 'cloud-a');
  report('service_cpm', 'Service', 'shop', '', 'cloud-b');
  report('service_cpm', 'Service', 'shop', '', 'cloud-c');
  report('service_cpm', 'Service', 'songs', '', 'cloud-c');
  report('service_instance_cpm', 'ServiceInstance', 'shop', 'pod-a', 'cloud-a');
  report('service_instance_cpm', 'ServiceInstance', 'shop', 'pod-c', 'cloud-c');
  report('endpoint_cpm', 'Endpoint', 'shop', '/Zoo', 'east');
  report('endpoint_cpm', 'Endpoint', 'shop', '/a', 'east');
  report('endpoint_cpm', 'Endpoint', 'shop', '/c', 'cloud-c');
  for (const pod of ['pod-a', 'pod-c']) {
    const properties = [{ name: 'hostname', value: pod }];
    metadata.instances.push({ id: namedPartId(SHOP, pod), name: pod, serviceId: SHOP, properties });
  }
  metadata.sources = [
    { origin: 'cloud-a', via: 'east', completeToMinute: MINUTE, lastAdvanceMs: 0 },
    { origin: 'cloud-b', via: 'east', completeToMinute: MINUTE, lastAdvanceMs: 0 },
    { origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE, lastAdvanceMs: 0 },
  ];
});

const SPLIT = ['Service', 'ServiceInstance', 'Endpoint'];

function as(change: Partial<AccessScope>, split: readonly string[] | undefined = SPLIT) {
  return restrict({ reader, metadata, alarms: memoryAlarms(alarms) }, principalOf('who', { ...all, ...change }), {
    facts: { tier: 'country', originScopes: split && new Set(split), ttlDays: 7 },
    clock: new VirtualClock(NOW),
    logger: silentLogger,
  });
}

const query = (metric: number, ...origins: readonly string[]): SeriesQuery => ({
  metric: METRICS[metric]!,
  origins,
  fromMinute: MINUTE,
  toMinute: MINUTE,
  step: 'MINUTE',
  offsetMinutes: 0,
});

async function values(change: Partial<AccessScope>, asked: SeriesQuery, split?: readonly string[]) {
  const of = as(change, split).reader;
  const series = await of.readSeries(asked);
  const range = await of.readRange(asked);
  const shown = (list: typeof series) =>
    list.map((s) => `${entityName(s.entityId)}[${s.origin}]=${s.columns.int(0, 0)}`).join(' ');
  expect(shown(range)).toBe(shown(series));
  return shown(series);
}
const entityName = (id: string) => (id.startsWith(SHOP) ? 'shop' : 'songs');

describe('origins', () => {
  it('the merged row is that of the visible ones; * lists them; others are refused by name', async () => {
    expect(await values({}, query(0, ''))).toBe('shop[]=3 songs[]=1');
    const ab = { origins: ['cloud-a', 'cloud-b'] };
    expect(await values(ab, query(0, ''))).toBe('shop[]=2');
    expect(await values(ab, query(0, '*'))).toBe('shop[cloud-a]=1 shop[cloud-b]=1');
    expect(await values(ab, query(0, '', 'cloud-b'))).toBe('shop[]=2 shop[cloud-b]=1');
    await expect(as(ab).reader.readSeries(query(0, 'cloud-c'))).rejects.toThrow(
      'OAP-6105 origin cloud-c is outside what who may see',
    );
    // whether it exists is not told either
    await expect(as(ab).reader.readRange(query(0, 'cloud-z'))).rejects.toThrow('OAP-6105 origin cloud-z is outside');
    expect(await values({ origins: ['cloud-*'] }, query(0, 'cloud-z'))).toBe('');
    expect(await values({ origins: ['cloud-z'] }, query(0, '', '*'))).toBe('');
  });

  it('a scope whose rows are not kept per origin is refused, never answered with the merged row', async () => {
    const a = as({ origins: ['cloud-a'] }, ['Service']);
    await expect(a.reader.readSeries(query(3, ''))).rejects.toThrow(
      'OAP-6106 metric endpoint_cpm is not kept per origin here, and who may not see all origins',
    );
    await expect(a.metadata.findEndpoints(SHOP, '', 9)).rejects.toThrow('OAP-6106 the list of endpoints');
    await expect(a.metadata.listInstances(SHOP, MINUTE, MINUTE)).rejects.toThrow('OAP-6106');
    await expect(a.metadata.relations('ServiceRelation', 9)).rejects.toThrow('OAP-6106');
    expect((await as({ origins: ['cloud-a'] }, ['Service']).metadata.listServices()).map((s) => s.name)).toEqual([
      'shop',
    ]);
    await expect(as({ origins: ['cloud-a'] }, ['Endpoint']).metadata.listServices()).rejects.toThrow('OAP-6106');
  });

  it('lists name what visible origins reported, and say of an instance what its agent said to this tier only', async () => {
    const { metadata: seen } = as({ origins: ['cloud-a', 'east'] });
    expect(await seen.listServices()).toEqual([metadata.services[0]]);
    expect(await seen.listLayers()).toEqual(['GENERAL']);
    expect(await seen.listInstances(SHOP, MINUTE, MINUTE)).toEqual([{ ...metadata.instances[0], properties: [] }]);
    expect(await seen.listInstances(SHOP, MINUTE + 1, MINUTE + 9)).toEqual([]);
    expect(await seen.instance(namedPartId(SHOP, 'pod-a'))).toMatchObject({ name: 'pod-a', properties: [] });
    expect(await seen.instance(namedPartId(SHOP, 'pod-c'))).toBeUndefined();
    expect((await seen.findEndpoints(SHOP, '', 9)).map((e) => e.name)).toEqual(['/Zoo', '/a']);
    expect((await seen.findEndpoints(SHOP, 'zoo', 9)).map((e) => e.name)).toEqual(['/Zoo']);
    expect((await seen.findEndpoints(SHOP, '', 1)).map((e) => e.name)).toEqual(['/Zoo']);
    expect(await seen.origins()).toEqual(['cloud-a', 'east']);
    expect(
      (
        await seen.entities(
          'Service',
          metadata.services.map((s) => s.id),
        )
      ).map((e) => e.id),
    ).toEqual([SHOP]);
    expect(await seen.reportedBy({ scope: 'Service', origins: ['cloud-c'], fromMinute: 0, toMinute: MINUTE })).toEqual(
      [],
    );
  });
});

describe('tiers', () => {
  it('show what arrives through them, the child itself included', async () => {
    expect(await values({ tiers: ['east'] }, query(0, ''))).toBe('shop[]=2');
    expect(await values({ tiers: ['east'] }, query(3, '*'))).toBe('shop[east]=1 shop[east]=1');
    expect(await values({ tiers: ['east'], origins: ['cloud-b', 'cloud-c'] }, query(0, '*'))).toBe('shop[cloud-b]=1');
    expect((await as({ tiers: ['cloud-c'] }).metadata.completeness()).map((s) => s.origin)).toEqual(['cloud-c']);
  });

  it('an origin that arrives by a hidden way too is hidden: its rows cannot be told apart', async () => {
    metadata.sources = [...metadata.sources, { ...metadata.sources[0]!, via: 'west' }];
    expect(await values({ tiers: ['east'] }, query(0, '*'))).toBe('shop[cloud-b]=1');
    expect(await values({ tiers: ['east', 'west'] }, query(0, '*'))).toBe('shop[cloud-a]=1 shop[cloud-b]=1');
  });

  it('an origin of which no way is known is hidden', async () => {
    metadata.sources = metadata.sources.slice(0, 1);
    expect(await values({ tiers: ['east', 'cloud-*'] }, query(0, '*'))).toBe('shop[cloud-a]=1');
  });

  it('where nothing is received, all rows are of this tier', async () => {
    metadata.sources = [{ origin: 'country', via: '', completeToMinute: MINUTE, lastAdvanceMs: 0 }];
    const leaf = restrict(
      { reader, metadata, alarms: memoryAlarms(alarms) },
      principalOf('who', { ...all, tiers: ['country'], origins: ['country'] }),
      {
        facts: { tier: 'country', originScopes: undefined, ttlDays: 7 },
        clock: new VirtualClock(NOW),
        logger: silentLogger,
      },
    );
    expect((await leaf.reader.readSeries(query(3, ''))).length).toBe(3);
    // but not what it received before
    metadata.sources = [
      ...metadata.sources,
      { origin: 'cloud-a', via: 'cloud-a', completeToMinute: MINUTE, lastAdvanceMs: 0 },
    ];
    const later = restrict(
      { reader, metadata, alarms: memoryAlarms(alarms) },
      principalOf('who', { ...all, origins: ['country'] }),
      {
        facts: { tier: 'country', originScopes: undefined, ttlDays: 7 },
        clock: new VirtualClock(NOW),
        logger: silentLogger,
      },
    );
    await expect(later.reader.readSeries(query(3, ''))).rejects.toThrow('OAP-6106');
  });
});

describe('metrics', () => {
  it('outside the class are not known, and refused where they are asked for all the same', async () => {
    const names = (metrics: string[]) =>
      as({ metrics })
        .reader.metrics()
        .map((m) => m.name);
    expect(names(['Service'])).toEqual(['service_cpm', 'service_sla']);
    expect(names(['service_s*', 'Endpoint'])).toEqual(['service_sla', 'endpoint_cpm']);
    expect(names(['Service*'])).toEqual(['service_cpm', 'service_sla', 'service_instance_cpm']);
    await expect(as({ metrics: ['service_sla'] }).reader.readSeries(query(0, ''))).rejects.toThrow(
      'OAP-6104 metric service_cpm is outside what who may see',
    );
  });

  it('the short way of sums is open where every source is visible, and nowhere else', async () => {
    const sums = [{ entityId: SHOP, origin: '', sum: 3n, count: 1 }];
    Object.assign(reader, { readSums: () => Promise.resolve(sums) });
    expect(await as({ metrics: ['Service'] }).reader.readSums!(query(0, ''))).toBe(sums);
    expect(await as({ metrics: ['Endpoint'] }).reader.readSums!(query(0, ''))).toBeUndefined();
    expect(await as({ metrics: ['Service'], origins: ['cloud-a'] }).reader.readSums!(query(0, ''))).toBeUndefined();
  });

  it('a scope without a visible metric has no lists', async () => {
    const { metadata: seen } = as({ metrics: ['Service'] });
    expect((await seen.listServices()).length).toBe(2);
    await expect(seen.findEndpoints(SHOP, '', 9)).rejects.toThrow(
      'OAP-6104 scope Endpoint is outside what who may see',
    );
    await expect(seen.instance('x')).rejects.toThrow('OAP-6104 scope ServiceInstance');
    expect(await as({ metrics: ['ServiceInstance'] }).metadata.instance(namedPartId(SHOP, 'pod-a'))).toBeDefined();
  });
});

describe('what is known not to be whole', () => {
  const loss = { cause: 'dropped', kind: 'Service counts', firstMinute: 1, lastMinute: 2, increments: 5 };
  const verdict = { state: 'suspect' as const, firstMinute: 1, lastMinute: 2, minutes: 2, reason: '' };

  it('names no hidden source, and keeps what may be of a visible one', async () => {
    metadata.known = {
      losses: [
        { ...loss, tier: 'cloud-a', origin: 'cloud-a', via: 'east' },
        { ...loss, tier: 'cloud-b', origin: 'cloud-b', via: 'east' },
        { ...loss, tier: 'cloud-b', origin: '', via: 'east' },
        { ...loss, tier: 'cloud-c', origin: '', via: 'cloud-c' },
      ],
      verdicts: [
        { ...verdict, tiers: ['cloud-c'] },
        { ...verdict, tiers: ['cloud-c', 'east'] },
        { ...verdict, tiers: ['east'], reason: 'declared by cloud-b: dropped' },
      ],
    };
    const seen = await as({ origins: ['cloud-a'] }).metadata.conservation();
    expect(seen).toEqual({
      losses: [
        // perhaps of cloud-a, perhaps not: how much is not for it to know
        { ...loss, tier: 'east', origin: '', via: 'east', increments: 0 },
        { ...loss, tier: 'cloud-a', origin: 'cloud-a', via: 'east' },
      ],
      verdicts: [{ ...verdict, tiers: ['east'], reason: 'of these tiers together with others', minutes: 4 }],
    });
    expect(JSON.stringify(seen)).not.toMatch(/cloud-[bc]/);
    const east = await as({ tiers: ['east'] }).metadata.conservation();
    expect(east.losses).toEqual(metadata.known.losses.slice(0, 3).toSorted((a, b) => (a.origin < b.origin ? -1 : 1)));
    expect(east.verdicts.map((v) => [v.tiers, v.reason])).toEqual([
      [['east'], 'declared by cloud-b: dropped'],
      [['east'], 'of these tiers together with others'],
    ]);
    expect(await as({}).metadata.conservation()).toBe(metadata.known);
  });
});

describe('alarms', () => {
  const record = (uuid: number, expression: string, missing: readonly string[] = []): AlarmRecord => ({
    uuid: String(uuid),
    slot: 0,
    rule: 'a_rule',
    scope: 'Service',
    name: 'shop',
    id0: SHOP,
    id1: '',
    layers: ['GENERAL'],
    message: 'shop is slow',
    tags: [],
    expression,
    snapshot: {},
    minute: MINUTE,
    startTimeMs: 1_000_000 - uuid,
    late: false,
    completeness: { complete: missing.length === 0, missing },
  });
  const seen = async (change: Partial<AccessScope>, page: { offset?: number; limit?: number } = {}) => {
    const { records, total } = await as(change).alarms.query({
      fromMs: 0,
      toMs: 2_000_000,
      offset: 0,
      limit: 9,
      ...page,
    });
    return { ids: records.map((r) => r.uuid).join(), total };
  };

  it('are seen if their rule reads nothing else than what may be seen', async () => {
    alarms = [
      record(0, 'sum(service_cpm > 1) >= 1'),
      record(1, `sum(service_cpm{origin='cloud-a'} > 1) >= 1`),
      record(2, `avg(service_cpm{origin='cloud-a'}) > avg(service_cpm{origin='cloud-b'})`),
      record(3, `sum(service_cpm{origin='*'} > 1) >= 1`),
      record(4, `sum(service_cpm > 1) >= 1 && sum(service_sla > 1) >= 1`),
      record(5, 'sum(service_gone > 1) >= 1'),
    ];
    expect(await seen({})).toEqual({ ids: '0,1,2,3,4,5', total: 6 });
    expect(await seen({ origins: ['cloud-a'] })).toEqual({ ids: '1', total: 1 });
    expect(await seen({ origins: ['cloud-a', 'cloud-b'] })).toEqual({ ids: '1,2', total: 2 });
    expect(await seen({ tiers: ['east'] })).toEqual({ ids: '1,2', total: 2 });
    expect(await seen({ metrics: ['service_cpm'] })).toEqual({ ids: '0,1,2,3', total: 4 });
    expect(await seen({ metrics: ['Endpoint'] })).toEqual({ ids: '', total: 0 });
  });

  it('are paged and counted as if there were no others', async () => {
    alarms = Array.from({ length: 2_500 }, (_, i) =>
      record(i, i % 5 === 0 ? `sum(service_cpm{origin='cloud-a'} > 1) >= 1` : 'sum(service_cpm > 1) >= 1'),
    );
    expect(await seen({ origins: ['cloud-a'] }, { offset: 498, limit: 9 })).toEqual({ ids: '2490,2495', total: 500 });
  });

  it('are not searched without end', async () => {
    alarms = Array.from({ length: 20_001 }, (_, i) => record(i, 'sum(service_cpm > 1) >= 1'));
    await expect(seen({ origins: ['cloud-a'] })).rejects.toThrow('OAP-6001 query alarms of the range is 20000 or more');
  });

  it('name no hidden origin that was missing', async () => {
    alarms = [record(0, `sum(service_cpm{origin='cloud-a'} > 1) >= 1`, ['cloud-a', 'cloud-c'])];
    const { records } = await as({ origins: ['cloud-a'] }).alarms.query({
      fromMs: 0,
      toMs: 2_000_000,
      offset: 0,
      limit: 9,
    });
    expect(records[0]!.completeness).toEqual({ complete: false, missing: ['cloud-a'] });
    alarms = [record(0, `sum(service_cpm{origin='cloud-a'} > 1) >= 1`, ['cloud-c'])];
    const { records: whole } = await as({ origins: ['cloud-a'] }).alarms.query({
      fromMs: 0,
      toMs: 2_000_000,
      offset: 0,
      limit: 9,
    });
    expect(whole[0]!.completeness).toEqual({ complete: true, missing: [] });
  });
});
