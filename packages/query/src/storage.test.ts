// SPDX-License-Identifier: Apache-2.0
// Goal: the same answers over a real PostgreSQL: values, origins, percentiles, metadata, completeness, and its absence.
// Method: one flush per slot as the slot owner makes it, then GraphQL and the table; at the end the server is killed for real.
import {
  entityOf,
  metricSchema,
  minuteOf,
  namedPartId,
  serviceId,
  slotOf,
  SparseDistribution,
  type Entity,
  type MetricSchema,
} from '@oap-federation/model';
import { silentLogger, systemRng, systemClock } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { openPostgresStore, type TierStore } from '@oap-federation/storage';
import { testBlock, testFlush, testMark, withTestFences, type TestRow } from '@oap-federation/storage/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type Postgres } from '../../../test/services/index.js';
import { available, needs } from '../../../test/services/needs.js';
import { defaultQueryServerConfig, openQueryServer, type QueryServer } from './server.js';
import { queryTable } from './table.js';
import { nothingElse } from './testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);
const SLOTS = 4;
const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const PERCENTILE = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const INSTANCE_CPM = metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
const CART = entityOf('Service', { service: 'cart', normal: true, layer: 'GENERAL', name: '' });
const POD = entityOf('ServiceInstance', { service: 'shop', normal: true, layer: 'GENERAL', name: 'pod-1' });
const ORIGINS = ['cloud-c', 'cloud-n'];

const latencies = (...values: number[]) => {
  const d = new SparseDistribution(4);
  for (const v of values) d.add(v, 1n);
  return d.encode();
};

needs('postgres')('over PostgreSQL', () => {
  let postgres: Postgres;
  let store: TierStore;
  let server: QueryServer;

  beforeAll(async () => {
    postgres = available(await startPostgres());
    const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
    store = withTestFences(await openPostgresStore({ url: postgres.url, slots: SLOTS, waitMs: 20_000 }, deps));
    await store.prepareMetrics([CPM, PERCENTILE, INSTANCE_CPM]);
    for (let slot = 0; slot < SLOTS; slot++) await fill(slot);
    server = await openQueryServer(
      { ...defaultQueryServerConfig(), port: 0 },
      {
        ...nothingElse(),
        reader: store.reader,
        metadata: store.metadata,
        clock: new VirtualClock(START + 125_000),
        logger: silentLogger,
        timezoneOffsetMinutes: () => 0,
        version: '0',
        status: () => ({}),
      },
    );
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await postgres.stop();
  });

  /** What an owner would flush for the entities of a slot, and the marks of both clouds. */
  async function fill(slot: number): Promise<void> {
    const { epoch } = (await store.claimSlot(slot, 'node-1')).fence;
    const entities = [SHOP, CART, POD].filter((e) => slotOf(e.id, SLOTS) === slot);
    const codeOf = (entity: Entity) => entities.indexOf(entity) + 1;
    const row = (entity: Entity, minute: number, origin: number, values: [MetricSchema, bigint | Uint8Array][]) =>
      ({
        minute,
        origin,
        entity: codeOf(entity),
        values: new Map(values.map(([schema, value]) => [schema, [value]])),
      }) satisfies TestRow;
    const services: TestRow[] = [];
    const instances: TestRow[] = [];
    if (entities.includes(SHOP)) {
      services.push(
        row(SHOP, MINUTE, 0, [
          [CPM, 9_007_199_254_740_993n],
          [PERCENTILE, latencies(10, 20, 200)],
        ]),
        row(SHOP, MINUTE, 1, [
          [CPM, 9_007_199_254_740_991n],
          [PERCENTILE, latencies(10, 20)],
        ]),
        row(SHOP, MINUTE, 2, [
          [CPM, 2n],
          [PERCENTILE, latencies(200)],
        ]),
        row(SHOP, MINUTE + 1, 0, [[CPM, 5n]]),
        row(SHOP, MINUTE + 1, 1, [[CPM, 5n]]),
      );
    }
    if (entities.includes(CART)) services.push(row(CART, MINUTE, 0, [[CPM, 7n]]), row(CART, MINUTE, 2, [[CPM, 7n]]));
    if (entities.includes(POD)) instances.push(row(POD, MINUTE, 0, [[INSTANCE_CPM, 3n]]));
    const mark = (producer: string, watermark: number) => ({
      previousSeq: 0,
      mark: testMark(slot, `${producer}-${slot}`, 1, {
        producer,
        watermark,
        origins: new Map([[producer, watermark]]),
      }),
    });
    const outcome = await store.flush([
      testFlush(slot, epoch, {
        entities: entities.map((entity) => ({ code: codeOf(entity), entity })),
        origins: ORIGINS.map((name, i) => ({ code: i + 1, name })),
        rows: [
          ...(services.length > 0 ? [testBlock(slot, [CPM, PERCENTILE], services)] : []),
          ...(instances.length > 0 ? [testBlock(slot, [INSTANCE_CPM], instances)] : []),
        ],
        marks: [mark('cloud-c', MINUTE + 2), mark('cloud-n', MINUTE + 1)],
      }),
    ]);
    expect(outcome).toEqual({ kind: 'committed' });
  }

  const table = (expression: string, by?: 'origin') =>
    queryTable({ url: server.url, expressions: [expression], service: 'shop', last: '3m', ...(by ? { by } : {}) });

  interface Reply {
    readonly data: Record<string, unknown> | null;
    readonly errors?: readonly { readonly message: string; readonly extensions: unknown }[];
  }
  const ask = async (query: string) => {
    const reply = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return (await reply.json()) as Reply;
  };
  const DURATION = 'duration: {start: "2026-11-21 0800", end: "2026-11-21 0801", step: MINUTE}';

  it('gives exact values per origin, and says which cloud is behind', async () => {
    expect(await table('service_cpm', 'origin')).toBe(
      [
        'time                          all            cloud-c   cloud-n',
        '2026-11-21 0800  9007199254740993   9007199254740991         2',
        '2026-11-21 0801                 5*                 5         -*',
        '2026-11-21 0802                 -*                 -*        -*',
        '',
        '* not all of it is in yet',
        'complete before 2026-11-21 0801',
        '  cloud-c  in before 2026-11-21 0802, 5 s behind',
        '  cloud-n  in before 2026-11-21 0801, 65 s behind',
        '',
      ].join('\n'),
    );
  });

  it('gives any percentile of the merged distribution, and lists over services', async () => {
    expect(await table("service_percentile{p='50,99.9'}")).toContain('0800    20      200');
    const { data, errors } = await ask(
      `{ execExpression(expression: "top_n(service_cpm, 5, asc, attr0='GENERAL')", entity: {}, ${DURATION}) { results { values { id value } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data!['execExpression']).toEqual({
      results: [
        {
          values: [
            { id: 'cart', value: '7' },
            { id: 'shop', value: '4503599627370499' },
          ],
        },
      ],
    });
  });

  it('ranks a range after merging, never by an average of ranks', async () => {
    const values = async (expression: string) => {
      const { data, errors } = await ask(
        `{ execExpression(expression: "${expression}", entity: {serviceName: "shop"}, ${DURATION}) { type error results { values { value } } } }`,
      );
      expect(errors).toBeUndefined();
      const answer = data!['execExpression'] as { results: { values: { value: string }[] }[] };
      expect(answer).toMatchObject({ type: 'SINGLE_VALUE', error: null });
      return answer.results.map((r) => r.values[0]!.value);
    };
    expect(await values("merged(service_percentile{p='50,99.9'})")).toEqual(['20', '200']);
    expect(await values("merged(service_percentile{p='50',origin='*'})")).toEqual(['10', '200']);
    expect(await values("aggregate_labels(merged(service_percentile{p='50',origin='*'}), avg)")).toEqual(['105']);
    expect(
      await values("merged(service_cpm{origin='cloud-c'}) > 4000000000000000 && is_present(service_cpm) == 1"),
    ).toEqual(['1']);
  });

  it('answers PromQL from the same rows', async () => {
    interface PromqlReply {
      readonly data: {
        readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
      };
      readonly warnings?: readonly string[];
    }
    const promql = async (query: string) => {
      const form = new URLSearchParams({ query, time: String(START / 1000 + 120) });
      const reply = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body: form });
      return (await reply.json()) as PromqlReply;
    };
    const values = async (query: string) =>
      (await promql(query)).data.result.map(({ metric, value }) => [metric['origin'] ?? '', value[1]]).toSorted();
    expect(await values('service_cpm{service="shop"}')).toEqual([['', '5']]);
    expect(await values('increase(service_cpm_total{service="cart"}[1m] offset 1m)')).toEqual([['', '7']]);
    expect(await values('increase(service_cpm_total{service="cart",origin=~".+"}[1m] offset 1m)')).toEqual([
      ['cloud-n', '7'],
    ]);
    expect(await values('service_percentile{service="shop",p="99.9"} offset 1m')).toEqual([['', '200']]);
    expect(await values('service_percentile_bucket{le="20"} offset 1m')).toEqual([['', '2']]);
    expect(await values('service_instance_cpm{layer="GENERAL",service="shop"} offset 1m')).toEqual([['', '3']]);
    expect(await values('count(instance_traffic{service="shop"})')).toEqual([['', '1']]);
    expect((await promql('service_cpm')).warnings).toEqual([
      'source cloud-n is complete before 2026-11-21 0801 UTC only',
    ]);
    const list = async (path: string) =>
      ((await (await fetch(`${server.url}/api/v1/${path}`)).json()) as { data: unknown }).data;
    expect(await list('label/service/values')).toEqual(['cart', 'shop']);
    expect(await list('label/origin/values')).toEqual(ORIGINS);
    expect(await list(`label/service_instance/values?start=${START / 1000}`)).toEqual(['pod-1']);
    expect(await list(`series?match[]=service_cpm_total&start=${START / 1000}`)).toHaveLength(2);
  });

  it('lists the metadata that increments brought', async () => {
    const { data } = await ask(
      `{ listLayers listServices(layer: "GENERAL") { name } findService(serviceName: "cart") { id }
         listInstances(${DURATION}, serviceId: "${serviceId('shop', true)}") { id name } }`,
    );
    expect(data).toMatchObject({
      listLayers: ['GENERAL'],
      findService: { id: serviceId('cart', true) },
      listInstances: [{ id: namedPartId(serviceId('shop', true), 'pod-1'), name: 'pod-1' }],
    });
  });

  it('survives the end of the server: a code for the client, 503 for the balancer', async () => {
    await postgres.stop();
    const { data, errors } = await ask(
      `{ execExpression(expression: "service_cpm", entity: {serviceName: "shop"}, ${DURATION}) { type } }`,
    );
    expect(data).toBe(null);
    expect(errors![0]).toMatchObject({
      message: 'OAP-2001 storage of this tier is not reachable',
      extensions: { code: 'OAP-2001', status: 503 },
    });
    expect((await fetch(`${server.url}/healthcheck`)).status).toBe(503);
    expect((await ask('{ version }')).errors).toBeUndefined();
  });
});
