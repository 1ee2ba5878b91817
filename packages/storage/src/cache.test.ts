// SPDX-License-Identifier: Apache-2.0
// Goal: what is kept of answers never hides a change. After every step, answers of two nodes that keep them equal those of one that does not.
// Method: random histories on one real PostgreSQL: flushes of new and old minutes by either node, slots that move, hours that are derived,
// layers that grow, losses, expiry, children that retire, a storage that is restored from a backup; reads before, during and after each.
import {
  distributionAt,
  entityOf,
  metricSchema,
  SparseDistribution,
  type MetricSchema,
  type Step,
} from '@oap-federation/model';
import { executeMqe, type MetricSeries, type SeriesQuery } from '@oap-federation/mqe';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type Postgres } from '../../../test/services/index.js';
import { available, needs } from '../../../test/services/needs.js';
import { openPostgresStore, StorageUnavailable, type TierStore } from './index.js';
import { testBlock, testFlush, testMark, withTestFences, type TestRow } from './testing.js';

const SLOTS = 2;
const SUM = metricSchema('service_sum', 'Service', 'sum');
const AVG = metricSchema('service_avg', 'Service', 'longAvg');
const PCT = metricSchema('service_pct', 'Service', 'hdrPercentile', [2]);
const SCHEMAS = [SUM, AVG, PCT];
const ORIGINS = ['cloud-c', 'cloud-n'];
/** Minutes of the histories; a day boundary is in them. */
const FIRST = 20_000 * 1_440 - 90;
const MINUTES = 180;
const service = (slot: number, code: number, layer = 'GENERAL') =>
  entityOf('Service', { service: `s-${slot}-${code}`, normal: true, layer, name: '' });

const minutes = fc.integer({ min: 0, max: MINUTES - 1 }).map((m) => FIRST + m);
const slots = fc.integer({ min: 0, max: SLOTS - 1 });
const nodes = fc.constantFrom(0, 1);
const codes = fc.integer({ min: 1, max: 3 });

const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('flush' as const),
      node: nodes,
      slot: slots,
      rows: fc.array(
        fc.record({ minute: minutes, code: codes, origin: fc.integer({ min: 0, max: 2 }), value: fc.nat(1_000) }),
        {
          maxLength: 6,
        },
      ),
      mark: fc.boolean(),
      during: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('claim' as const), node: nodes, slot: slots }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('derive' as const), slot: slots, minute: minutes }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('layer' as const),
      slot: slots,
      code: codes,
      name: fc.constantFrom('MESH', 'K8S'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('loss' as const), slot: slots, minute: minutes }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('retire' as const), tier: fc.constantFrom('a', 'b'), back: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('backup' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
);
type Change = typeof steps extends fc.Arbitrary<infer T> ? T : never;

const queries: fc.Arbitrary<SeriesQuery> = fc
  .record({
    metric: fc.constantFrom(...SCHEMAS),
    from: minutes,
    length: fc.integer({ min: 1, max: 200 }),
    step: fc.constantFrom<Step>('MINUTE', 'HOUR', 'DAY'),
    offsetMinutes: fc.constantFrom(0, 480, 345, -210),
    origins: fc.constantFrom([''], ['*'], ['', '*'], ['cloud-n']),
    filter: fc.constantFrom<Partial<SeriesQuery>>(
      {},
      {},
      { entityIds: [service(0, 1).id] },
      { entityIds: [service(0, 1).id, service(1, 2).id, service(1, 9).id] },
      { serviceId: service(0, 2).id },
      { layer: 'GENERAL' },
      { layer: 'MESH' },
      { withoutLayers: ['MESH'] },
      { entityIds: [service(0, 1).id], slots: [1] },
      { slots: [1] },
    ),
  })
  .map(({ from, length, filter, ...rest }) => ({ ...rest, ...filter, fromMinute: from, toMinute: from + length - 1 }));

/** Series as comparable text, whatever their order. */
function textOf(series: readonly MetricSeries[]): string[] {
  return series
    .flatMap(({ entityId, origin, starts, columns }) =>
      starts.map((start, row) => {
        const { schema } = columns;
        const ints = schema.intFields.map((_, f) => columns.int(row, f));
        const distributions = schema.distributionFields.map((_, f) =>
          Buffer.from(columns.encodedDistribution(row, f)).toString('hex'),
        );
        return `${entityId} ${origin} ${start} ${[...ints, ...distributions].join('/')}`;
      }),
    )
    .toSorted();
}

/** Rankings over the range of a query: by sums where the store has them, by series where it has not. */
function topsOf({ reader }: TierStore, { serviceId, fromMinute, toMinute, step, offsetMinutes }: SeriesQuery) {
  const request = { reader, entityIdOf: () => '', serviceId, fromMinute, toMinute, step, offsetMinutes };
  const expressions = ['top_n(service_sum, 2, des)', `top_n(service_avg{origin='*'}, 4, asc, attr0!='MESH')`];
  return Promise.all(expressions.map((expression) => executeMqe(expression, request)));
}

needs('postgres')('answers that are kept', () => {
  let server: Postgres;
  let caching: readonly TierStore[];
  let plain: TierStore;
  let sql: pg.Client;
  let seq = 0;

  beforeAll(async () => {
    server = available(await startPostgres({ fsync: false }));
    const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
    const open = async (queryCacheBytes: number) => {
      const options = { url: server.url, slots: SLOTS, queryCacheBytes, allowUnsafe: true };
      const store = withTestFences(await openPostgresStore(options, deps));
      await store.prepareMetrics(SCHEMAS);
      return store;
    };
    plain = await open(0);
    // one of them has room for a few answers only
    caching = [await open(16 * 1024 * 1024), await open(20_000)];
    sql = new pg.Client({ connectionString: server.url });
    await sql.connect();
    await plain.expectChildren(['a', 'b'].map((tier) => ({ tier, sinceMinute: FIRST })));
  });

  afterAll(async () => {
    await sql.end();
    for (const store of [...caching, plain]) await store[Symbol.asyncDispose]();
    await server.stop();
  });

  /** Epoch and node that may flush a slot; claimed when nobody may. */
  const owners = new Map<number, { readonly node: number; readonly epoch: number }>();
  const claim = async (node: number, slot: number) => {
    const { fence } = await caching[node]!.claimSlot(slot, `node-${node}`);
    owners.set(slot, { node, epoch: fence.epoch });
  };
  const flush = async (slot: number, part: Parameters<typeof testFlush>[2]) => {
    for (;;) {
      if (!owners.has(slot)) await claim(0, slot);
      const { node, epoch } = owners.get(slot)!;
      try {
        const outcome = await caching[node]!.flush([testFlush(slot, epoch, part)]);
        if (outcome.kind === 'committed') return;
      } catch (error) {
        if (!(error instanceof StorageUnavailable)) throw error; // a day partition was dropped
      }
      owners.delete(slot);
    }
  };
  const entitiesOf = (slot: number) =>
    [1, 2, 3].map((code) => ({ code, entity: service(slot, code, layers.get(`${slot} ${code}`)) }));
  const layers = new Map<string, string>();

  /** Minute rows as an owner would write them: absolute values, and their hour is dirty. */
  const write = async ({ node, slot, rows, mark }: Extract<Change, { kind: 'flush' }>) => {
    if (owners.get(slot)?.node !== node) await claim(node, slot);
    const byKey = new Map(rows.map((r) => [`${r.minute} ${r.origin} ${r.code}`, r]));
    const list = [...byKey.values()].map(({ minute, origin, code, value }): TestRow => {
      const distribution = new SparseDistribution(2);
      distribution.add(value, 3n);
      const values = new Map<MetricSchema, readonly (bigint | Uint8Array)[]>([
        [SUM, [BigInt(value)]],
        ...(value % 3 === 0 ? [] : ([[AVG, [BigInt(value), 2n]]] as const)),
        ...(value % 2 === 0 ? [] : ([[PCT, [distribution.encode()]]] as const)),
      ]);
      return { minute, origin, entity: code, values };
    });
    await flush(slot, {
      entities: entitiesOf(slot),
      origins: ORIGINS.map((name, i) => ({ code: i + 1, name })),
      rows: list.length > 0 ? [testBlock(slot, SCHEMAS, list)] : [],
      dirtyHours: [...new Set(rows.map((r) => Math.floor(r.minute / 60)))],
      marks: mark
        ? [
            {
              mark: testMark(slot, `log-${slot}-${++seq}`, 1, { producer: 'a', watermark: FIRST + (seq % MINUTES) }),
              previousSeq: 0,
            },
          ]
        : [],
    });
  };

  /** Hour and day rows of a slot as the upkeep derives them: from the minute rows. */
  const derive = async (slot: number, minute: number) => {
    const hour = Math.floor(minute / 60);
    const day = Math.floor(minute / 1_440);
    const blocks = [];
    for (const [granularity, start, size] of [
      ['hour', hour * 60, 60],
      ['day', day * 1_440, 1_440],
    ] as const) {
      const [stored] = await plain.loadRows(
        slot,
        'minute',
        Array.from({ length: size }, (_, i) => start + i),
      );
      if (stored === undefined) continue;
      const keys = [...new Set(Array.from(stored.entities, (code, i) => `${stored.origins[i]} ${code}`))];
      const rows = keys.map((key): TestRow => {
        const [origin, entity] = key.split(' ').map(Number) as [number, number];
        const values = new Map<MetricSchema, readonly (bigint | Uint8Array)[]>();
        for (const { schema, present, ints, distributions } of stored.metrics) {
          const at = Array.from(present.keys()).filter(
            (i) => present[i] === 1 && stored.origins[i] === origin && stored.entities[i] === entity,
          );
          if (at.length === 0) continue;
          const merged = new SparseDistribution(2);
          for (const i of at) for (const column of distributions) merged.mergeEncoded(distributionAt(column, i));
          values.set(schema, [
            ...ints.map((column) => at.reduce((sum, i) => sum + column[i]!, 0n)),
            ...(distributions.length > 0 ? [merged.encode()] : []),
          ]);
        }
        return { minute: start, origin, entity, values };
      });
      blocks.push(testBlock(slot, SCHEMAS, rows, granularity));
    }
    // a day row is used only when none of its hours is dirty
    await flush(slot, { rows: blocks, cleanedHours: [hour] });
  };

  const TABLES = [
    'slot',
    'revision',
    'mark',
    'dictionary',
    'origin',
    'dirty_hour',
    'loss',
    'm_service_minute',
    'm_service_hour',
    'm_service_day',
  ];

  const apply = async (change: Change): Promise<void> => {
    switch (change.kind) {
      case 'flush':
        return write(change);
      case 'claim':
        return claim(change.node, change.slot);
      case 'derive':
        return derive(change.slot, change.minute);
      case 'layer':
        layers.set(`${change.slot} ${change.code}`, `GENERAL,${change.name}`);
        return flush(change.slot, { entities: entitiesOf(change.slot) });
      case 'loss': {
        const loss = {
          tier: 'a',
          origin: 'a',
          cause: 'dropped',
          kind: 'x',
          firstMinute: change.minute,
          lastMinute: change.minute,
          increments: 1,
        } as const;
        return flush(change.slot, { losses: [{ ...loss, logId: `loss-${++seq}`, seq, index: 0 }] });
      }
      case 'retire':
        await plain.retireChild(change.tier, change.back ? undefined : ++seq);
        return;
      case 'expire': // all but the last day of the histories
        return plain.maintenance.dropExpired({ nowMs: (FIRST + MINUTES) * 60_000, ttlDays: 0, outboxRetentionMs: 0 });
      case 'backup':
        for (const table of TABLES)
          await sql.query(`DROP TABLE IF EXISTS b_${table}; CREATE TABLE b_${table} AS TABLE ${table}`);
        return;
      case 'restore': {
        const { rows } = await sql.query<{ there: boolean }>(`SELECT to_regclass('b_slot') IS NOT NULL AS there`);
        if (!rows[0]!.there) return;
        await sql.query(`BEGIN; ${TABLES.map((t) => `DELETE FROM ${t}`).join('; ')}`);
        for (let at = FIRST; at <= FIRST + MINUTES; at += MINUTES) {
          // expiry may have dropped the partition meanwhile
          const day = Math.floor(at / 1_440);
          const { rows: found } = await sql.query<{ there: boolean }>(
            `SELECT to_regclass('m_service_minute_d${day}') IS NOT NULL AS there`,
          );
          const partition = `PARTITION OF m_service_minute FOR VALUES FROM (${day * 1_440}) TO (${day * 1_440 + 1_440})`;
          if (!found[0]!.there) await sql.query(`CREATE TABLE m_service_minute_d${day} ${partition}`);
        }
        await sql.query(`${TABLES.map((t) => `INSERT INTO ${t} SELECT * FROM b_${t}`).join('; ')}; COMMIT`);
        return;
      }
    }
  };

  const readAll = async (store: TierStore, asked: readonly SeriesQuery[]) => ({
    series: await Promise.all(asked.map(async (q) => textOf(await store.reader.readSeries(q)))),
    ranges: await Promise.all(asked.map(async (q) => textOf(await store.reader.readRange(q)))),
    tops: await Promise.all(asked.map((q) => topsOf(store, q))),
    services: await store.metadata.listServices('MESH'),
    completeness: await store.metadata.completeness(),
    conservation: await store.metadata.conservation(),
  });

  it('equal those that are read, after every step of any history', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(queries, { minLength: 3, maxLength: 6 }),
        fc.array(steps, { minLength: 5, maxLength: 25 }),
        async (asked, history) => {
          for (const change of history) {
            const during = 'during' in change && change.during ? caching.map((store) => readAll(store, asked)) : [];
            await apply(change);
            await Promise.all(during);
            const expected = await readAll(plain, asked);
            for (const store of caching) expect(await readAll(store, asked)).toEqual(expected);
          }
        },
      ),
      { numRuns: 8, endOnFailure: true },
    );
  });

  it('are those of before while nothing changes, and are not shared with what came later', async () => {
    // minutes that no history writes
    const query = {
      metric: SUM,
      entityIds: [service(0, 1).id],
      origins: [''],
      fromMinute: FIRST + 1_100,
      toMinute: FIRST + 1_120,
      step: 'MINUTE',
      offsetMinutes: 0,
    } as const;
    const row = { minute: FIRST + 1_110, code: 1, origin: 0, value: 5 };
    const change = { kind: 'flush', node: 0, slot: 0, mark: false, during: false } as const;
    await write({ ...change, rows: [row] });
    const { reader } = caching[0]!;
    const first = await reader.readSeries(query);
    expect(await reader.readSeries(query)).toBe(first);
    await write({ ...change, rows: [{ ...row, minute: FIRST + 1_121 }] }); // another minute
    expect(await reader.readSeries(query)).toBe(first);
    expect(await reader.readSums!(query)).toEqual([
      { origin: '', entityIds: [service(0, 1).id], totals: [5], counts: [1] },
    ]);
    expect(await plain.reader.readSums!(query)).toBe(undefined);
    // what is asked by slots, as alarms ask, is read anew and pushes nothing out
    const bySlots = { ...query, slots: [0] };
    const judged = await reader.readSeries(bySlots);
    expect(textOf(judged)).toEqual(textOf(await plain.reader.readSeries(bySlots)));
    expect(await reader.readSeries(bySlots)).not.toBe(judged);
    expect(await reader.readSeries(query)).toBe(first);
    const before = textOf(first);
    await write({ ...change, rows: [{ ...row, value: 6 }] });
    const second = await reader.readSeries(query);
    expect(textOf(second)).not.toEqual(before);
    expect(textOf(first)).toEqual(before);
    await claim(1, 0); // another owner: nothing is known to be as it was
    expect(await reader.readSeries(query)).not.toBe(second);
  });
});
