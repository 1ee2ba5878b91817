// SPDX-License-Identifier: Apache-2.0
// The contract every TierStore keeps, as named cases for any test runner; exported as `@oap-federation/storage/testing`.
// One store of CONTRACT_SLOTS slots serves all cases: each takes slots, entities and days of its own.
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import {
  bucketStart,
  entityOf,
  INT64_MAX,
  INT64_MIN,
  distributionAt,
  joinDistributions,
  MetricColumns,
  metricSchema,
  NO_WATERMARK,
  SparseDistribution,
  type Entity,
  type MetricSchema,
  type ScopeName,
  type Step,
} from '@oap-federation/model';
import type { MetricSeries } from '@oap-federation/mqe';
import { randomInt, seededRng, systemClock } from '@oap-federation/runtime';
import { checkAlarmStoreContract } from './alarm-testing.js';
import {
  flushOf,
  type Granularity,
  type Mark,
  type OutboxAppend,
  type OutboxEntry,
  type PendingEntry,
  type RevisionQuery,
  type RowBlock,
  type SlotFence,
  type SlotFlush,
  type StoredLoss,
  type TierStore,
  type Verdict,
} from './port.js';

export { testAlarmCommit, testDelivery } from './alarm-testing.js';
export { MemoryDisk } from './file/memory-disk.js';

export const CONTRACT_SLOTS = 64;

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const RESP = metricSchema('service_resp_time', 'Service', 'longAvg');
const MAX = metricSchema('service_max', 'Service', 'max');
const PCT = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const INSTANCE = metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm');
const ENDPOINT = metricSchema('endpoint_cpm', 'Endpoint', 'cpm');

/** What the contract's cases store; a test that opens more stores on one database prepares the same. */
export const CONTRACT_METRICS: readonly MetricSchema[] = [CPM, RESP, MAX, PCT, INSTANCE, ENDPOINT];

/** 2026-01-05 00:00 UTC, a Monday, in epoch minutes. */
const DAY = Date.UTC(2026, 0, 5) / 60_000;

type FieldValues = readonly (bigint | Uint8Array)[];

/** One row of a test: its key, and per metric the field values (a metric that is left out is absent). */
export interface TestRow {
  readonly minute: number;
  readonly origin?: number;
  readonly entity: number;
  readonly values: ReadonlyMap<MetricSchema, FieldValues>;
}

/** Rows as the block that a flush takes; `schemas` are the column groups that the block writes. */
export function testBlock(
  slot: number,
  schemas: readonly MetricSchema[],
  rows: readonly TestRow[],
  granularity: Granularity = 'minute',
): RowBlock {
  return {
    scope: schemas[0]!.scope,
    granularity,
    slot,
    minutes: Int32Array.from(rows, (r) => r.minute),
    origins: Int32Array.from(rows, (r) => r.origin ?? 0),
    entities: Int32Array.from(rows, (r) => r.entity),
    metrics: schemas.map((schema) => ({
      schema,
      present: Uint8Array.from(rows, (r) => (r.values.has(schema) ? 1 : 0)),
      ints: schema.intFields.map((_, f) =>
        BigInt64Array.from(rows, (r) => (r.values.get(schema)?.[f] as bigint | undefined) ?? 0n),
      ),
      distributions: schema.distributionFields.map((_, f) =>
        joinDistributions(
          rows.map((r) => r.values.get(schema)?.[schema.intFields.length + f] as Uint8Array | undefined),
        ),
      ),
    })),
  };
}

/** A flush of `rest` alone. Its fence names the epoch alone: `withTestFences` knows the rest. */
export function testFlush(slot: number, epoch: number, rest: Partial<SlotFlush> = {}): SlotFlush {
  return flushOf(slot, { epoch, claim: -1, flushes: -1 }, rest);
}

/** A store that fills in the fences of `testFlush`: what its own claims were given, and the flushes since. */
export function withTestFences<S extends TierStore>(store: S): S {
  const fences = new Map<string, SlotFence>();
  const key = (slot: number, epoch: number) => `${slot} ${epoch}`;
  const claimSlot: TierStore['claimSlot'] = async (slot, owner) => {
    const claim = await store.claimSlot(slot, owner);
    fences.set(key(slot, claim.fence.epoch), claim.fence);
    return claim;
  };
  const flush: TierStore['flush'] = async (flushes) => {
    const filled = flushes.map((f) => ({
      ...f,
      fence: f.fence.claim < 0 ? (fences.get(key(f.slot, f.fence.epoch)) ?? f.fence) : f.fence,
    }));
    const outcome = await store.flush(filled);
    if (outcome.kind === 'committed')
      for (const { slot, fence } of filled)
        fences.set(key(slot, fence.epoch), { ...fence, flushes: fence.flushes + 1 });
    return outcome;
  };
  return new Proxy(store, {
    get(target, name) {
      if (name === 'claimSlot') return claimSlot;
      if (name === 'flush') return flush;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export function testMark(slot: number, logId: string, seq: number, rest: Partial<Mark> = {}): Mark {
  return {
    slot,
    logId,
    producer: 'tier-a',
    kind: 'federated',
    gen: 1,
    seq,
    chain: Uint8Array.of(seq),
    watermark: DAY,
    origins: new Map([['tier-a', DAY]]),
    increments: seq * 10,
    updatedAtMs: DAY * 60_000,
    frontier: new Map([['below', { gen: 1, seq }]]),
    ...rest,
  };
}

export function testOutbox(slot: number, seq: number, bytes = 10): readonly [OutboxAppend] {
  const entry: OutboxEntry = {
    slot,
    seq,
    header: Uint8Array.of(seq & 255),
    content: new Uint8Array(bytes).fill(seq),
    chain: Uint8Array.of(255, seq & 255),
    increments: seq,
    createdAtMs: DAY * 60_000,
  };
  return [{ entry, watermark: DAY + seq }];
}

const emptyHead = {
  gen: 1,
  nextSeq: 1,
  chain: new Uint8Array(),
  acknowledgedSeq: 0,
  watermark: NO_WATERMARK,
  ledger: 0,
  lossAccepted: false,
};

const service = (name: string, layer = 'GENERAL') =>
  entityOf('Service', { service: name, normal: true, layer, name: '' });
const part = (scope: ScopeName, serviceName: string, name: string) =>
  entityOf(scope, { service: serviceName, normal: true, layer: 'GENERAL', name });

function distribution(...values: readonly number[]): Uint8Array {
  const d = new SparseDistribution(4);
  for (const v of values) d.add(v, 1n);
  return d.encode();
}

const minute = (entity: number, at: number, value: bigint, origin = 0): TestRow => ({
  minute: at,
  origin,
  entity,
  values: new Map([[CPM, [value]]]),
});

/** Rows of all blocks as comparable text, in key order. */
function rowTexts(blocks: readonly RowBlock[]): string[] {
  const texts: string[] = [];
  for (const b of blocks) {
    for (let i = 0; i < b.minutes.length; i++) {
      const metrics = b.metrics
        .filter((m) => m.present[i] === 1)
        .map((m) => {
          const bytes = m.distributions.map((d) => Buffer.from(distributionAt(d, i)).toString('hex') || 'none');
          return `${m.schema.name}=${[...m.ints.map((c) => String(c[i])), ...bytes].join('/')}`;
        });
      texts.push(`${b.scope} ${b.minutes[i]} ${b.origins[i]} ${b.entities[i]}: ${metrics.toSorted().join(' ')}`);
    }
  }
  return texts.toSorted();
}

/** Defines the contract's cases with `test` (vitest's `it`). `open` is called once; the caller disposes what it made. */
export function checkTierStoreContract(
  test: (name: string, body: () => Promise<void>) => void,
  open: () => Promise<TierStore>,
): void {
  let opened: Promise<TierStore> | undefined;
  let nextSlot = 0;
  const store = async (): Promise<TierStore> => {
    opened ??= open().then(async (s) => {
      await s.prepareMetrics(CONTRACT_METRICS);
      return withTestFences(s);
    });
    return opened;
  };
  /** A store and a slot that no other case uses, claimed. */
  const claimed = async () => {
    const s = await store();
    const slot = nextSlot++;
    ok(slot < CONTRACT_SLOTS, 'the contract needs more slots');
    return { s, slot, claim: await s.claimSlot(slot, 'node-1') };
  };
  const commit = async (s: TierStore, ...flushes: readonly SlotFlush[]) =>
    deepStrictEqual(await s.flush(flushes), { kind: 'committed' });
  const rowsOf = async (s: TierStore, slot: number, starts: readonly number[], granularity: Granularity = 'minute') =>
    rowTexts(await s.loadRows(slot, granularity, starts));

  test('a first claim finds an empty slot with a minted log, and keeps that log', async () => {
    const { s, slot, claim } = await claimed();
    deepStrictEqual(
      { ...claim, fence: { ...claim.fence, claim: 0 }, outbox: { ...claim.outbox, logId: '', claim: 0 } },
      {
        slot,
        fence: { epoch: 1, claim: 0, flushes: 0 },
        marks: [],
        outbox: { ...emptyHead, logId: '', claim: 0 },
        suppressed: new Map(),
        pending: { entries: 0, firstOrd: 1, lastOrd: 0 },
        entities: [],
        origins: [],
        newestMinute: NO_WATERMARK,
      },
    );
    ok(/^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(claim.outbox.logId));
    strictEqual(claim.outbox.claim, claim.fence.claim);
    const again = await s.claimSlot(slot, 'node-2');
    strictEqual(again.fence.epoch, 2);
    strictEqual(again.outbox.logId, claim.outbox.logId);
    deepStrictEqual(await s.outboxHead(slot), again.outbox);
    ok(again.fence.claim !== claim.fence.claim, 'claims are told apart');
    await rejects(s.claimSlot(100_000, 'node-1'), /no slot/);
  });

  test('a claim fences the earlier owner: its flush writes nothing at all', async () => {
    const a = await claimed();
    const b = await claimed();
    const { s } = a;
    await s.claimSlot(a.slot, 'node-2');
    const full = ({ slot, claim }: typeof a) =>
      testFlush(slot, claim.fence.epoch, {
        entities: [{ code: 1, entity: service(`fenced-${slot}`) }],
        origins: [{ code: 1, name: 'tier-a' }],
        rows: [testBlock(slot, [CPM], [minute(1, DAY, 5n)])],
        marks: [{ mark: testMark(slot, 'log', 1), previousSeq: 0 }],
        outbox: testOutbox(slot, 1),
        parked: [
          { logId: 'log', slot, seq: 1, reason: 'overflow', increments: 1, detail: '', content: Uint8Array.of(1) },
        ],
        dirtyHours: [DAY / 60],
      });
    // the other slot of the same call is in order, and is not written either
    deepStrictEqual(await s.flush([full(a), full(b)]), { kind: 'notOwner', slots: [a.slot] });
    for (const { slot } of [a, b]) {
      const state = await s.claimSlot(slot, 'node-3');
      deepStrictEqual(
        [state.marks, state.entities, state.origins, state.outbox.nextSeq, state.newestMinute],
        [[], [], [], 1, NO_WATERMARK],
      );
      deepStrictEqual(await rowsOf(s, slot, [DAY]), []);
      deepStrictEqual(await s.maintenance.dirtyHours(slot), []);
      deepStrictEqual(await s.readOutbox(slot, 0, 1_000), []);
    }
  });

  test('a mark that is not where the flush says refuses the flush: missing, behind, ahead', async () => {
    const { s, slot, claim } = await claimed();
    const marked = (seq: number, previousSeq: number, logId = 'log') =>
      s.flush([
        testFlush(slot, claim.fence.epoch, {
          rows: [testBlock(slot, [CPM], [minute(1, DAY, BigInt(seq))])],
          marks: [{ mark: testMark(slot, logId, seq), previousSeq }],
        }),
      ]);
    const refused = { kind: 'notOwner', slots: [slot] };
    deepStrictEqual(await marked(4, 3), refused);
    deepStrictEqual(await marked(3, 0), { kind: 'committed' });
    deepStrictEqual(await marked(4, 0), refused);
    deepStrictEqual(await marked(5, 2), refused);
    deepStrictEqual(await marked(6, 5), refused);
    deepStrictEqual(await rowsOf(s, slot, [DAY]), [`Service ${DAY} 0 1: service_cpm=3`]);
    deepStrictEqual(await marked(7, 3), { kind: 'committed' });
    deepStrictEqual(await marked(1, 0, 'other log'), { kind: 'committed' });
    const { marks } = await s.claimSlot(slot, 'node-1');
    deepStrictEqual(
      marks.map((m) => [m.logId, m.seq]),
      [
        ['log', 7],
        ['other log', 1],
      ],
    );
  });

  test('marks come back whole', async () => {
    const { s, slot, claim } = await claimed();
    const mark = testMark(slot, 'log', Number.MAX_SAFE_INTEGER - 1, {
      producer: `it's "a" tier`,
      gen: 7,
      chain: Uint8Array.from({ length: 32 }, (_, i) => i * 8),
      watermark: NO_WATERMARK,
      origins: new Map([
        ['', 5],
        ['__proto__', 6],
        ['"quoted" \\ and é', NO_WATERMARK],
      ]),
      increments: 2 ** 52,
    });
    const local = testMark(slot, 'm', 1, { kind: 'local', chain: new Uint8Array(), origins: new Map() });
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        marks: [
          { mark, previousSeq: 0 },
          { mark: local, previousSeq: 0 },
        ],
      }),
    );
    deepStrictEqual((await s.claimSlot(slot, 'node-1')).marks, [mark, local]);
  });

  for (const [size, extra] of [
    ['few', 0],
    ['many', 2_500],
  ] as const) {
    test(`rows round-trip bit for bit, unsorted, ${size}`, async () => {
      const { s, slot, claim } = await claimed();
      const rows: TestRow[] = [
        { minute: DAY + 1, entity: 2, values: new Map([[CPM, [INT64_MAX]]]) },
        { minute: DAY + 1, entity: 1, origin: 3, values: new Map([[CPM, [INT64_MIN]]]) },
        {
          minute: DAY,
          entity: 9,
          values: new Map<MetricSchema, FieldValues>([
            [RESP, [-1n, 0n]],
            [MAX, [INT64_MIN]],
          ]),
        },
        { minute: DAY, entity: 1, values: new Map([[PCT, [distribution(0, 7, 200)]]]) },
        { minute: DAY, entity: 2_147_483_647, origin: 32_767, values: new Map([[PCT, [distribution()]]]) },
        { minute: DAY + 1, entity: 3, values: new Map() },
        // another day, so another partition
        { minute: DAY + 1_440, entity: 1, values: new Map([[CPM, [0n]]]) },
      ];
      const rng = seededRng(7);
      for (let i = 0; i < extra; i++) {
        const values = new Map<MetricSchema, FieldValues>([[RESP, [BigInt(randomInt(rng, 1e9)) << 20n, BigInt(i)]]]);
        if (i % 3 === 0)
          values.set(PCT, [distribution(...Array.from({ length: i % 40 }, () => randomInt(rng, 5_000)))]);
        rows.push({ minute: DAY + randomInt(rng, 60), entity: 100 + i, values });
      }
      const block = testBlock(slot, [PCT, MAX, CPM, RESP], rows);
      await commit(s, testFlush(slot, claim.fence.epoch, { rows: [block] }));
      const starts = [...new Set(rows.map((r) => r.minute))];
      deepStrictEqual(await rowsOf(s, slot, starts), rowTexts([block]));
      strictEqual((await s.claimSlot(slot, 'node-1')).newestMinute, DAY + 1_440);
      deepStrictEqual(await rowsOf(s, slot, [DAY + 2_000]), []);
      deepStrictEqual(await rowsOf(s, slot, [DAY], 'hour'), []);
    });
  }

  for (const [size, count] of [
    ['few', 3],
    ['many', 400],
    ['more than one part of a file', 9_000],
  ] as const) {
    test(`fresh rows are inserted, and one that is stored fails the flush whole: ${size}`, async () => {
      const { s, slot, claim } = await claimed();
      const wide = distribution(...Array.from({ length: 40 }, (_, i) => i * 300));
      const rows = Array.from({ length: count }, (_, i): TestRow => {
        const values = new Map<MetricSchema, FieldValues>([[RESP, [BigInt(i) - 2n, 1n << 40n]]]);
        if (i % 2 === 0) values.set(PCT, [wide]);
        return { minute: DAY + (i % 3), entity: count - i, values };
      });
      // of CPM and MAX no row has a value
      const block = { ...testBlock(slot, [PCT, MAX, CPM, RESP], rows), fresh: true };
      await commit(s, testFlush(slot, claim.fence.epoch, { rows: [block] }));
      deepStrictEqual(await rowsOf(s, slot, [DAY, DAY + 1, DAY + 2]), rowTexts([block]));
      const again = [...rows.slice(1).map((r) => ({ ...r, minute: r.minute + 10 })), { ...rows[0]! }];
      await rejects(
        s.flush([
          testFlush(slot, claim.fence.epoch, { rows: [{ ...testBlock(slot, [PCT, RESP], again), fresh: true }] }),
        ]),
      );
      deepStrictEqual(await rowsOf(s, slot, [DAY, DAY + 1, DAY + 2, DAY + 10]), rowTexts([block]));
      await commit(s, testFlush(slot, claim.fence.epoch, { rows: [testBlock(slot, [PCT, RESP], again)] }));
    });
  }

  test('values are absolute: they replace, an absent metric becomes absent, a metric not named stays', async () => {
    const { s, slot, claim } = await claimed();
    const flush = (schemas: readonly MetricSchema[], rows: readonly TestRow[]) =>
      commit(s, testFlush(slot, claim.fence.epoch, { rows: [testBlock(slot, schemas, rows)] }));
    const row = (entity: number, ...values: readonly [MetricSchema, FieldValues][]): TestRow => ({
      minute: DAY,
      entity,
      values: new Map(values),
    });
    await flush([CPM, RESP, MAX], [row(1, [CPM, [1n]], [RESP, [10n, 1n]], [MAX, [5n]])]);
    await flush([CPM, RESP], [row(1, [CPM, [3n]]), row(2, [CPM, [4n]])]);
    deepStrictEqual(await rowsOf(s, slot, [DAY]), [
      `Service ${DAY} 0 1: service_cpm=3 service_max=5`,
      `Service ${DAY} 0 2: service_cpm=4`,
    ]);
    // several blocks of one table with other columns in one flush, and several granularities
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        rows: [
          testBlock(slot, [MAX], [row(2, [MAX, [9n]])]),
          testBlock(slot, [CPM], [row(3, [CPM, [6n]])]),
          testBlock(slot, [INSTANCE], [row(4, [INSTANCE, [7n]])]),
          testBlock(slot, [CPM], [row(1, [CPM, [60n]])], 'hour'),
          testBlock(slot, [CPM], [row(1, [CPM, [600n]])], 'day'),
        ],
      }),
    );
    deepStrictEqual(await rowsOf(s, slot, [DAY]), [
      `Service ${DAY} 0 1: service_cpm=3 service_max=5`,
      `Service ${DAY} 0 2: service_cpm=4 service_max=9`,
      `Service ${DAY} 0 3: service_cpm=6`,
      `ServiceInstance ${DAY} 0 4: service_instance_cpm=7`,
    ]);
    deepStrictEqual(await rowsOf(s, slot, [DAY], 'hour'), [`Service ${DAY} 0 1: service_cpm=60`]);
    deepStrictEqual(await rowsOf(s, slot, [DAY], 'day'), [`Service ${DAY} 0 1: service_cpm=600`]);
  });

  test('a row twice in one flush is a bug, and nothing is written', async () => {
    const { s, slot, claim } = await claimed();
    const rows = [testBlock(slot, [CPM], [minute(2, DAY, 1n), minute(1, DAY, 1n), minute(2, DAY, 2n)])];
    await rejects(s.flush([testFlush(slot, claim.fence.epoch, { rows, dirtyHours: [1] })]), /BUG/);
    deepStrictEqual(await rowsOf(s, slot, [DAY]), []);
    await commit(s, testFlush(slot, claim.fence.epoch)); // and the session goes on
  });

  test('the outbox keeps order and bytes, counts its backlog, and forgets only what was acknowledged long ago', async () => {
    const { s, slot, claim } = await claimed();
    const before = await s.outboxBacklog();
    for (let seq = 1; seq <= 5; seq++) {
      await commit(s, testFlush(slot, claim.fence.epoch, { outbox: testOutbox(slot, seq, 3_999) }));
    }
    // a seq that is not the head's next: this owner's memory is not the storage's
    for (const seq of [5, 7]) {
      deepStrictEqual(await s.flush([testFlush(slot, claim.fence.epoch, { outbox: testOutbox(slot, seq) })]), {
        kind: 'notOwner',
        slots: [slot],
      });
    }
    const head = await s.outboxHead(slot);
    deepStrictEqual(head, {
      ...emptyHead,
      logId: claim.outbox.logId,
      claim: claim.fence.claim,
      nextSeq: 6,
      chain: Uint8Array.of(255, 5),
      watermark: DAY + 5,
      ledger: 1 + 2 + 3 + 4 + 5,
    });
    const all = await s.readOutbox(slot, 0, 1e9);
    deepStrictEqual(
      all,
      [1, 2, 3, 4, 5].map((seq) => testOutbox(slot, seq, 3_999)[0].entry),
    );
    const seqs = async (afterSeq: number, bytesMax: number) =>
      (await s.readOutbox(slot, afterSeq, bytesMax)).map((e) => e.seq);
    deepStrictEqual(await seqs(0, 8_000), [1, 2]);
    deepStrictEqual(await seqs(2, 1), [3]); // at least one
    deepStrictEqual(await seqs(5, 1_000), []);
    const backlog = await s.outboxBacklog();
    deepStrictEqual([backlog.entries - before.entries, backlog.bytes - before.bytes], [5, 20_000]);

    await s.acknowledgeOutbox(slot, 3);
    await s.acknowledgeOutbox(slot, 2); // never goes back
    strictEqual((await s.outboxHead(slot)).acknowledgedSeq, 3);
    await rejects(s.acknowledgeOutbox(slot, 6), /cannot be acknowledged/);
    strictEqual((await s.outboxBacklog()).entries - before.entries, 2);
    const expire = (nowMs: number) => s.maintenance.dropExpired({ nowMs, ttlDays: 20_000, outboxRetentionMs: 1_000 });
    await expire(0);
    deepStrictEqual(await seqs(0, 1e9), [1, 2, 3, 4, 5]);
    await expire(Date.UTC(2222, 0));
    deepStrictEqual(await seqs(0, 1e9), [4, 5]);
  });

  test('acknowledged entries stay for the retention, however old they are; stable ones leave, the rest after a rewind stays (I4)', async () => {
    const { s, slot, claim } = await claimed();
    const append = (seq: number, last: number) => {
      const outbox = Array.from({ length: last - seq + 1 }, (_, i) => testOutbox(slot, seq + i)[0]);
      // they waited for the upstream for years
      const old = outbox.map(({ entry, ...rest }) => ({ ...rest, entry: { ...entry, createdAtMs: 1_000 } }));
      return commit(s, testFlush(slot, claim.fence.epoch, { outbox: old }));
    };
    const kept = async () => (await s.readOutbox(slot, 0, 1e9)).map((e) => e.seq);
    const dayMs = 86_400_000;
    const expire = (nowMs: number) => s.maintenance.dropExpired({ nowMs, ttlDays: 20_000, outboxRetentionMs: dayMs });
    await append(1, 8);
    await s.acknowledgeOutbox(slot, 6);
    await expire(systemClock.now());
    deepStrictEqual(await kept(), [1, 2, 3, 4, 5, 6, 7, 8]);
    await s.acknowledgeOutbox(slot, 6, 2); // the same again, and two of them are stable by now
    await expire(systemClock.now());
    deepStrictEqual(await kept(), [3, 4, 5, 6, 7, 8]);
    await s.acknowledgeOutbox(slot, 7, 1); // what is stable stays so; what is not acknowledged is not stable
    await s.acknowledgeOutbox(slot, 7, 99);
    await expire(systemClock.now());
    deepStrictEqual(await kept(), [8]);
    await append(9, 12);
    await s.acknowledgeOutbox(slot, 11, 8);
    await expire(systemClock.now());
    deepStrictEqual(await kept(), [9, 10, 11, 12]);
    await s.rewindOutbox(slot, 9); // the upstream was restored
    await s.rewindOutbox(slot, 10); // and is not ahead of that
    strictEqual((await s.outboxHead(slot)).acknowledgedSeq, 9);
    strictEqual((await s.outboxBacklog()).entries >= 3, true);
    await expire(systemClock.now() + 2 * dayMs);
    deepStrictEqual(await kept(), [10, 11, 12]);
    await s.acknowledgeOutbox(slot, 12);
    await expire(systemClock.now() + dayMs / 2);
    deepStrictEqual(await kept(), [10, 11, 12]);
    await expire(systemClock.now() + 2 * dayMs);
    deepStrictEqual(await kept(), []);
  });

  test('what was acknowledged is bounded in bytes too: the oldest leave first, and none within two minutes', async () => {
    const { s, slot, claim } = await claimed();
    const append = (seq: number, last: number) =>
      commit(
        s,
        testFlush(slot, claim.fence.epoch, {
          outbox: Array.from({ length: last - seq + 1 }, (_, i) => testOutbox(slot, seq + i)[0]),
        }),
      );
    await append(1, 9);
    const entries = await s.readOutbox(slot, 0, 1e9);
    const bytes = entries[0]!.header.length + entries[0]!.content.length; // all are of this size
    const kept = async () => (await s.readOutbox(slot, 0, 1e9)).map((e) => e.seq);
    const expire = (nowMs: number, outboxRetentionBytes: number) =>
      s.maintenance.dropExpired({ nowMs, ttlDays: 20_000, outboxRetentionMs: 86_400_000, outboxRetentionBytes });
    await s.acknowledgeOutbox(slot, 7);
    await expire(systemClock.now(), 1);
    deepStrictEqual(await kept(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await expire(systemClock.now() + 200_000, 7 * bytes);
    deepStrictEqual(await kept(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await expire(systemClock.now() + 200_000, 3 * bytes);
    deepStrictEqual(await kept(), [5, 6, 7, 8, 9]);
    await expire(systemClock.now() + 200_000, bytes - 1);
    deepStrictEqual(await kept(), [8, 9]); // nothing that waits
  });

  test('a repair of the outbound log: what stays in the outbox is acknowledged, and leaves after the retention', async () => {
    const { s, slot, claim } = await claimed();
    const { epoch } = claim.fence;
    const outbox = [1, 2, 3, 4, 5].map((seq) => testOutbox(slot, seq)[0]);
    await commit(s, testFlush(slot, epoch, { outbox }));
    await s.acknowledgeOutbox(slot, 4, 4);
    const repair = {
      gen: 2,
      seq: 3,
      chain: Uint8Array.of(1),
      ledger: 6,
      keepTo: 3,
      suppressed: new Map(),
      dropPending: [],
    };
    await commit(s, testFlush(slot, epoch, { repair }));
    const kept = async () => (await s.readOutbox(slot, 0, 1e9)).map((e) => e.seq);
    deepStrictEqual(await kept(), [1, 2, 3]);
    await commit(s, testFlush(slot, epoch, { outbox: testOutbox(slot, 4) }));
    await s.acknowledgeOutbox(slot, 4); // another batch than the one that was stable
    const expire = (nowMs: number) => s.maintenance.dropExpired({ nowMs, ttlDays: 20_000, outboxRetentionMs: 1e9 });
    await expire(systemClock.now());
    deepStrictEqual(await kept(), [4]);
    await expire(systemClock.now() + 2e9);
    deepStrictEqual(await kept(), []);
  });

  test('a repair keeps only what is known to be what the upstream had under these numbers', async () => {
    for (const keepTo of [2, 0]) {
      const { s, slot, claim } = await claimed();
      const { epoch } = claim.fence;
      await commit(s, testFlush(slot, epoch, { outbox: [1, 2, 3].map((seq) => testOutbox(slot, seq)[0]) }));
      await s.acknowledgeOutbox(slot, 3);
      const repair = {
        gen: 2,
        seq: 7,
        chain: Uint8Array.of(1),
        ledger: 6,
        keepTo,
        suppressed: new Map(),
        dropPending: [],
      };
      await commit(s, testFlush(slot, epoch, { repair }));
      const seqs = async (after: number) => (await s.readOutbox(slot, after, 1e9)).map((e) => e.seq);
      deepStrictEqual(await seqs(0), [1, 2].slice(0, keepTo));
      await commit(s, testFlush(slot, epoch, { outbox: testOutbox(slot, 8) }));
      deepStrictEqual(await seqs(keepTo), [8]);
      await s.rewindOutbox(slot, 1); // the upstream goes back: what left is not there for it
      deepStrictEqual(await seqs(keepTo), [8]);
    }
  });

  test('a repair that goes on behind what was never acknowledged keeps nothing for ever', async () => {
    const { s, slot, claim } = await claimed();
    const { epoch } = claim.fence;
    await commit(s, testFlush(slot, epoch, { outbox: [1, 2].map((seq) => testOutbox(slot, seq)[0]) }));
    const repair = {
      gen: 2,
      seq: 7,
      chain: Uint8Array.of(1),
      ledger: 6,
      keepTo: 7,
      suppressed: new Map(),
      dropPending: [],
    };
    await commit(s, testFlush(slot, epoch, { repair }));
    const expire = (nowMs: number) => s.maintenance.dropExpired({ nowMs, ttlDays: 20_000, outboxRetentionMs: 1e9 });
    await expire(systemClock.now());
    strictEqual((await s.readOutbox(slot, 0, 1e9)).length, 2);
    await expire(systemClock.now() + 2e9);
    deepStrictEqual(await s.readOutbox(slot, 0, 1e9), []);
  });

  test('dictionary and origins: codes, layers that grow, names that try to break out', async () => {
    const { s, slot, claim } = await claimed();
    const names = [
      `'; DROP TABLE slot; --`,
      `"quoted" \\ back $1 %s \n\t`,
      'nul \0 inside',
      '\u{1F980}'.repeat(512), // 2,048 bytes of UTF-8
      '{a,b},NULL,"x"',
      'lone \ud800 surrogate',
      '',
      '\\x00',
    ];
    const entities: Entity[] = names.flatMap((name) => [
      service(name),
      part('Endpoint', name, name),
      entityOf(
        'EndpointRelation',
        { service: name, normal: true, layer: 'GENERAL', name },
        { service: name, normal: false, layer: 'VIRTUAL_DATABASE', name },
      ),
    ]);
    const entries = entities.map((entity, i) => ({ code: i + 1, entity }));
    const origins = names.slice(0, 2).map((name, i) => ({ code: i + 1, name }));
    const mark = testMark(slot, `log'"`, 1, { producer: names[2]!, origins: new Map([[names[2]!, 1]]) });
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: entries,
        origins,
        marks: [{ mark, previousSeq: 0 }],
        rows: [
          testBlock(
            slot,
            [CPM],
            entries.filter((e) => e.entity.scope === 'Service').map((e) => minute(e.code, DAY, 1n)),
          ),
        ],
      }),
    );
    const state = await s.claimSlot(slot, 'node-1');
    // ids, not names: a lone surrogate is U+FFFD in the descriptor's UTF-8 as it is in the id
    deepStrictEqual(
      state.entities.map((e) => [e.code, e.entity.scope, e.entity.id]),
      entries.map((e) => [e.code, e.entity.scope, e.entity.id]),
    );
    deepStrictEqual(state.origins, origins);
    strictEqual(state.entities[6]!.entity.source.service, 'nul \0 inside');
    for (const [i, name] of names.entries()) {
      const id = entities[i * 3]!.id;
      deepStrictEqual(
        (await s.metadata.entities('Service', [id])).map((e) => e.id),
        [id],
      );
      const found = await s.metadata.findEndpoints(id, name, 5);
      deepStrictEqual(
        found.map((e) => e.id),
        name === 'lone \ud800 surrogate' ? found.map((e) => e.id) : [entities[i * 3 + 1]!.id],
      );
      const series = await s.reader.readSeries({ ...query(CPM, 'MINUTE', DAY, DAY), entityIds: [id], serviceId: id });
      deepStrictEqual(
        series.map((x) => [x.entityId, x.starts]),
        [[id, [DAY]]],
      );
    }
    for (const evil of [`' OR 1=1 --`, '$1', '\0', '{}', '\\']) {
      deepStrictEqual(await s.reader.readSeries({ ...query(CPM, 'MINUTE', DAY, DAY), entityIds: [evil] }), []);
      deepStrictEqual(await s.reader.readSeries({ ...query(CPM, 'MINUTE', DAY, DAY), serviceId: evil }), []);
      deepStrictEqual(await s.reader.readSeries({ ...query(CPM, 'MINUTE', DAY, DAY), layer: evil }), []);
      deepStrictEqual(
        await s.reader.readSeries({ ...query(CPM, 'MINUTE', DAY, DAY), entityIds: [entities[0]!.id], origins: [evil] }),
        [],
      );
      deepStrictEqual(await s.metadata.listServices(evil), []);
      deepStrictEqual(await s.metadata.listInstances(evil, 0, DAY), []);
    }

    const grown = { code: 1, entity: { ...entities[0]!, source: { ...entities[0]!.source, layer: 'GENERAL,MESH' } } };
    await commit(s, testFlush(slot, claim.fence.epoch + 1, { entities: [entries[0]!, grown] }));
    deepStrictEqual((await s.claimSlot(slot, 'node-1')).entities[0], grown);
    // a code is never given to a second entity
    const stolen = testFlush(slot, claim.fence.epoch + 2, { entities: [{ code: 1, entity: service('thief') }] });
    await rejects(s.flush([stolen]), /BUG/);
  });

  test('dirty hours: marked, cleaned, listed oldest first; dirty wins over cleaned', async () => {
    const { s, slot, claim } = await claimed();
    await commit(s, testFlush(slot, claim.fence.epoch, { dirtyHours: [12, 10, 11] }));
    await commit(s, testFlush(slot, claim.fence.epoch, { dirtyHours: [11, 13], cleanedHours: [10, 11] }));
    deepStrictEqual(await s.maintenance.dirtyHours(slot), [11, 12, 13]);
  });

  test('hours and days are merged from whatever is right: the answer equals a plain merge of all minutes', async () => {
    const { s, slot, claim } = await claimed();
    const rng = seededRng(42);
    const schemas = [RESP, MAX, PCT];
    const names = ['merge-a', 'merge-b'];
    const ids = names.map((name) => service(name).id);
    const days = 3;
    const rows: TestRow[] = [];
    for (let m = 0; m < days * 1_440; m++) {
      for (const entity of [1, 2]) {
        for (const origin of [0, 1]) {
          if (rng.next() > 0.06) continue;
          const values = new Map<MetricSchema, FieldValues>([
            [RESP, [BigInt(randomInt(rng, 1e6)), 1n]],
            [MAX, [BigInt(randomInt(rng, 1e6)) - 500_000n]],
            [PCT, [distribution(randomInt(rng, 50), randomInt(rng, 50))]],
          ]);
          rows.push({ minute: DAY + m, entity, origin, values });
        }
      }
    }
    const merged = (granularity: 'hour' | 'day'): TestRow[] => {
      const size = granularity === 'hour' ? 60 : 1_440;
      return mergeRows(schemas, rows, (at) => Math.floor(at / size) * size);
    };
    // a third of the hours is dirty: their hour rows and the rows of their days are wrong or missing
    const firstHour = DAY / 60;
    const dirty = Array.from({ length: 24 }, (_, i) => firstHour + i).filter(() => rng.next() < 0.3);
    dirty.push(firstHour + 47);
    const wrong = (r: TestRow): TestRow => ({ ...r, values: new Map<MetricSchema, FieldValues>([[RESP, [1n, 1n]]]) });
    const hours = merged('hour')
      .filter((r) => !dirty.includes(r.minute / 60) || rng.next() < 0.5)
      .map((r) => (dirty.includes(r.minute / 60) ? wrong(r) : r));
    const dayRows = merged('day').map((r) => (r.minute < DAY + 2_880 ? wrong(r) : r));
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: names.map((name, i) => ({ code: i + 1, entity: service(name) })),
        origins: [{ code: 1, name: 'cloud-1' }],
        rows: [
          testBlock(slot, schemas, rows),
          testBlock(slot, schemas, hours, 'hour'),
          testBlock(slot, schemas, dayRows, 'day'),
        ],
        dirtyHours: dirty,
      }),
    );
    for (const step of ['MINUTE', 'HOUR', 'DAY'] as const) {
      for (const offsetMinutes of [0, 60, -480, 330, 1]) {
        for (const schema of schemas) {
          const fromMinute = DAY + 61;
          const toMinute = DAY + 1_440 * 2 + 200;
          const asked = {
            ...query(schema, step, fromMinute, toMinute, offsetMinutes),
            entityIds: ids,
            origins: ['', '*'],
          };
          const answer = await s.reader.readSeries(asked);
          const from = bucketStart(fromMinute, step, offsetMinutes);
          const last = bucketStart(toMinute, step, offsetMinutes);
          const inRange = rows.filter((r) => {
            const bucket = bucketStart(r.minute, step, offsetMinutes);
            return bucket >= from && bucket <= last;
          });
          const text = (list: readonly TestRow[]) => rowTexts([testBlock(slot, [schema], list)]);
          const rowsOfAnswer = (list: readonly MetricSeries[]) =>
            list.flatMap(({ entityId, origin, starts, columns }) =>
              starts.map((start, i) => ({
                minute: start,
                entity: ids.indexOf(entityId) + 1,
                origin: origin === '' ? 0 : 1,
                values: new Map([[schema, fieldsOf(schema, columns, i)]]),
              })),
            );
          const expected = mergeRows([schema], inRange, (at) => bucketStart(at, step, offsetMinutes));
          deepStrictEqual(text(rowsOfAnswer(answer)), text(expected), `${schema.name} ${step} ${offsetMinutes}`);
          const range = await s.reader.readRange(asked);
          const whole = mergeRows([schema], inRange, () => from);
          deepStrictEqual(text(rowsOfAnswer(range)), text(whole), `${schema.name} ${step} ${offsetMinutes} range`);
          // over the third day as well, whose row is right
          const long = { ...asked, toMinute: DAY + 1_440 * 3 };
          const wholeLong = mergeRows(
            [schema],
            rows.filter((r) => r.minute >= from),
            () => from,
          );
          deepStrictEqual(text(rowsOfAnswer(await s.reader.readRange(long))), text(wholeLong));
          for (const { starts } of answer)
            deepStrictEqual(
              starts,
              starts.toSorted((a, b) => a - b),
            );
        }
      }
    }
    const origins = async (...wanted: readonly string[]) =>
      (await s.reader.readSeries({ ...query(MAX, 'HOUR', DAY, DAY + 600), entityIds: ids, origins: wanted }))
        .map((x) => x.origin)
        .filter((x, i, all) => all.indexOf(x) === i)
        .toSorted();
    deepStrictEqual(await origins(), []);
    deepStrictEqual(await origins(''), ['']);
    deepStrictEqual(await origins('cloud-1'), ['cloud-1']);
    deepStrictEqual(await origins('*'), ['cloud-1']);
    deepStrictEqual(await origins('cloud-2'), []);
  });

  test('dashboards: added, changed, disabled by users; shipped ones follow the release until a user touches them', async () => {
    const { templates } = await store();
    const all = async () =>
      (await templates.list()).map((t) => `${t.id} ${t.configuration} ${t.updatedAtMs}${t.disabled ? ' off' : ''}`);
    deepStrictEqual(await all(), []);
    const text = JSON.stringify({ name: "a'); DROP TABLE slot; --", unit: '\u{1f600}' });
    await templates.ship(
      [
        { id: 'shipped-a', configuration: '{"v":1}' },
        { id: 'shipped-b', configuration: '{"v":1}' },
        { id: 'shipped-c', configuration: text },
      ],
      1,
    );
    strictEqual(await templates.add('own', text, 2), true);
    strictEqual(await templates.add('own', '{}', 3), false);
    strictEqual(await templates.add('shipped-a', '{}', 3), false);
    strictEqual(await templates.change('shipped-a', '{"mine":1}', 4), true);
    strictEqual(await templates.disable('shipped-b', 5), true);
    deepStrictEqual(
      [await templates.change('no such', '{}', 6), await templates.disable('no such', 6)],
      [false, false],
    );
    await templates.ship(
      ['shipped-a', 'shipped-b', 'shipped-c', 'shipped-d', 'own'].map((id) => ({ id, configuration: '{"v":2}' })),
      7,
    );
    await templates.ship([{ id: 'shipped-c', configuration: '{"v":2}' }], 8); // the same again: not an update
    await templates.ship([], 9);
    deepStrictEqual(await all(), [
      `own ${text} 2`,
      'shipped-a {"mine":1} 4',
      'shipped-b {"v":1} 5 off',
      'shipped-c {"v":2} 7',
      'shipped-d {"v":2} 7',
    ]);
    // nodes that start together, of one release and the next, in whatever order they list them
    const racing = Array.from({ length: 8 }, (_, i) => ({ id: `racing-${i}`, configuration: '{}' }));
    await Promise.all(
      [racing, racing.toReversed(), racing.map((t) => ({ ...t, configuration: '{"v":2}' })).toReversed()].map((list) =>
        templates.ship(list, 9),
      ),
    );
    strictEqual((await templates.list()).filter((t) => t.id.startsWith('racing-')).length, 8);
    await templates.change('shipped-b', '{"mine":2}', 10); // saving shows it again
    ok((await all()).includes('shipped-b {"mine":2} 10'));
  });

  test('who reported what: entities by origin and period, whichever rows say so', async () => {
    const { s, slot, claim } = await claimed();
    const rng = seededRng(7);
    const origins = ['rep-a', 'rep-b', 'rep-c'];
    const services = ['rep-1', 'rep-2', 'rep-3', 'rep-4', 'rep-5', 'rep-6'];
    const pods = services.map((name) =>
      entityOf('ServiceInstance', { service: name, normal: true, layer: 'GENERAL', name: 'pod' }),
    );
    const rows: TestRow[] = [];
    for (let i = 0; i < 40; i++) {
      const minute = DAY + randomInt(rng, 3 * 1_440);
      const origin = randomInt(rng, 4); // 0: a merged row, of nobody
      const entity = 1 + randomInt(rng, services.length);
      rows.push({ minute, origin, entity, values: new Map([[CPM, [1n]]]) });
      rows.push({ minute, origin, entity: entity + 10, values: new Map([[INSTANCE, [1n]]]) });
    }
    const dirty = [...new Set(rows.map((r) => Math.floor(r.minute / 60)))].filter(() => rng.next() < 0.4);
    const clean = rows.filter((r) => !dirty.includes(Math.floor(r.minute / 60)));
    const of = (schema: MetricSchema, list: readonly TestRow[]) => list.filter((r) => r.values.has(schema));
    const derived = (schema: MetricSchema, granularity: 'hour' | 'day') => {
      const size = granularity === 'hour' ? 60 : 1_440;
      const merged = mergeRows([schema], of(schema, clean), (at) => Math.floor(at / size) * size);
      return testBlock(slot, [schema], merged, granularity);
    };
    const unique = (schema: MetricSchema) => mergeRows([schema], of(schema, rows), (at) => at);
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: [
          ...services.map((name, i) => ({ code: 1 + i, entity: service(name) })),
          ...pods.map((entity, i) => ({ code: 11 + i, entity })),
        ],
        origins: origins.map((name, i) => ({ code: 1 + i, name })),
        rows: [CPM, INSTANCE].flatMap((schema) => [
          testBlock(slot, [schema], unique(schema)),
          derived(schema, 'hour'),
          derived(schema, 'day'),
        ]),
        dirtyHours: dirty,
      }),
    );
    deepStrictEqual(
      (await s.metadata.origins()).filter((name) => name.startsWith('rep-')),
      origins,
    );
    const ids = (schema: MetricSchema, wanted: readonly string[], from: number, to: number) =>
      of(schema, rows)
        .filter((r) => r.minute >= from && r.minute <= to && wanted.includes(origins[(r.origin ?? 0) - 1] ?? ''))
        .map((r) => (schema === CPM ? service(services[r.entity - 1]!) : pods[r.entity - 11]!).id)
        .filter((id, i, all) => all.indexOf(id) === i)
        .toSorted();
    for (let i = 0; i < 60; i++) {
      const from = DAY - 100 + randomInt(rng, 3 * 1_440);
      const to = from + randomInt(rng, i % 2 === 0 ? 300 : 4_000);
      const wanted = origins.filter(() => rng.next() < 0.5);
      const period = { origins: wanted, fromMinute: from, toMinute: to };
      deepStrictEqual(
        await s.metadata.reportedBy({ scope: 'Service', ...period }),
        ids(CPM, wanted, from, to),
        `${wanted.join()} ${from} ${to}`,
      );
      const one = service(services[i % services.length]!).id;
      deepStrictEqual(
        await s.metadata.reportedBy({ scope: 'ServiceInstance', ...period, serviceId: one }),
        ids(INSTANCE, wanted, from, to).filter((id) => id.startsWith(`${one}_`)),
      );
    }
    const everything = { fromMinute: DAY, toMinute: DAY + 4_320 };
    deepStrictEqual(await s.metadata.reportedBy({ scope: 'Endpoint', origins: [`'"\0`], ...everything }), []);
    deepStrictEqual(await s.metadata.reportedBy({ scope: 'Endpoint', origins: ['rep-a'], ...everything }), []);
  });

  test('metadata: one instance, and relations by either end', async () => {
    const { s, slot, claim } = await claimed();
    const end = (name: string, normal = true, part = '') => ({ service: name, normal, layer: 'GENERAL', name: part });
    const call = (from: string, to: string, normal = true) =>
      entityOf('ServiceRelation', end(from), end(to, normal)) as Required<Entity>;
    const relations = [
      call('front', 'back'),
      call('back', 'rel-db', false),
      call('other', 'rel-db'),
      call('front', 'x'.repeat(70)),
    ];
    const pod = entityOf('ServiceInstance', end('front', true, 'pod-9'));
    const instanceCall = entityOf('ServiceInstanceRelation', end('front', true, 'p'), end('back', true, 'q'));
    const endpointCall = entityOf('EndpointRelation', end('front', true, '/a-_b'), end('back', true, '/c'));
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: [...relations, pod, instanceCall, endpointCall].map((entity, i) => ({ code: i + 1, entity })),
      }),
    );
    await s.saveInstanceProperties([{ instanceId: pod.id, properties: [{ name: 'k', value: 'v' }] }]);
    const front = service('front').id;
    deepStrictEqual(await s.metadata.instance(pod.id), {
      id: pod.id,
      name: 'pod-9',
      serviceId: front,
      properties: [{ name: 'k', value: 'v' }],
    });
    strictEqual(await s.metadata.instance('no such'), undefined);
    const ids = async (...serviceIds: readonly string[]) =>
      (await s.metadata.relations('ServiceRelation', 100, serviceIds)).map((e) => e.id).toSorted();
    const wanted = (...at: readonly number[]) => at.map((i) => relations[i]!.id).toSorted();
    deepStrictEqual(await ids(front), wanted(0, 3));
    deepStrictEqual(await ids(service('back').id), wanted(0, 1));
    deepStrictEqual(await ids(relations[1]!.id.split('-')[1]!), wanted(1)); // the conjectured rel-db, not the real one
    deepStrictEqual(await ids(front, service('rel-db').id), wanted(0, 2, 3));
    deepStrictEqual([await ids(), await ids('no such')], [[], []]);
    strictEqual((await s.metadata.relations('ServiceRelation', 1, [front])).length, 1);
    const everything = (await s.metadata.relations('ServiceRelation', 1_000)).map((e) => e.id);
    ok(wanted(0, 1, 2, 3).every((id) => everything.includes(id)));
    const back = service('back').id;
    for (const id of [front, back]) {
      deepStrictEqual(await s.metadata.relations('ServiceInstanceRelation', 100, [id]), [instanceCall]);
      deepStrictEqual(await s.metadata.relations('EndpointRelation', 100, [id]), [endpointCall]);
    }
  });

  test('metadata: layers, services, instances of a period, endpoints, and reading by service, layer or everything', async () => {
    const { s, slot, claim } = await claimed();
    const endpoints = ['/users', '/Orders', '/orders/{id}'].map((name, i) => ({
      code: 20 + i,
      entity: part('Endpoint', 'shop', name),
    }));
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: [
          { code: 1, entity: service('shop', 'GENERAL,SHOP_LAYER') },
          {
            code: 2,
            entity: entityOf('DatabaseAccess', { service: 'db', normal: false, layer: 'VIRTUAL_DATABASE', name: '' }),
          },
          { code: 10, entity: part('ServiceInstance', 'shop', 'pod-1') },
          { code: 11, entity: part('ServiceInstance', 'shop', 'pod-2') },
          ...endpoints,
        ],
        rows: [
          testBlock(slot, [CPM], [minute(1, DAY, 2n)]),
          testBlock(
            slot,
            [INSTANCE],
            [10, 11].map((entity) => ({
              minute: DAY + (entity - 10) * 500,
              entity,
              values: new Map([[INSTANCE, [1n]]]),
            })),
          ),
          testBlock(slot, [INSTANCE], [{ minute: DAY + 480, entity: 11, values: new Map([[INSTANCE, [1n]]]) }], 'hour'),
          testBlock(
            slot,
            [ENDPOINT],
            endpoints.map(({ code }) => ({ minute: DAY, entity: code, values: new Map([[ENDPOINT, [BigInt(code)]]]) })),
          ),
        ],
        dirtyHours: [DAY / 60],
      }),
    );
    const shop = service('shop').id;
    const layers = await s.metadata.listLayers();
    ok(layers.includes('SHOP_LAYER') && layers.includes('VIRTUAL_DATABASE'));
    deepStrictEqual(await s.metadata.listServices('SHOP_LAYER'), [
      { id: shop, name: 'shop', normal: true, layers: ['GENERAL', 'SHOP_LAYER'] },
    ]);
    ok((await s.metadata.listServices()).some((x) => x.name === 'db' && !x.normal));
    const instances = async (from: number, to: number) =>
      (await s.metadata.listInstances(shop, from, to)).map((x) => x.name);
    deepStrictEqual(await instances(DAY, DAY), ['pod-1']);
    const said = async () => (await s.metadata.listInstances(shop, DAY, DAY))[0]!;
    deepStrictEqual((await said()).properties, []);
    const instanceId = (await said()).id;
    const properties = [
      { name: 'language', value: 'NODEJS' },
      { name: "a'); DROP TABLE slot; --", value: 'nul \0 and \u{1f600}' },
      { name: 'ipv4', value: '10.0.0.1' },
      { name: 'ipv4', value: '10.0.0.2' },
    ];
    await s.saveInstanceProperties([{ instanceId, properties: [] }]);
    await s.saveInstanceProperties([
      { instanceId, properties },
      { instanceId: 'bm9uZQ==.1_bm9uZQ==', properties },
    ]);
    deepStrictEqual((await said()).properties, properties);
    deepStrictEqual(await instances(DAY, DAY + 600), ['pod-1', 'pod-2']);
    deepStrictEqual(await instances(DAY + 1, DAY + 479), []);
    deepStrictEqual(await instances(DAY + 490, DAY + 500), ['pod-2']);
    deepStrictEqual(
      (await s.metadata.findEndpoints(shop, 'orders', 10)).map((x) => x.name),
      ['/orders/{id}', '/Orders'],
    );
    deepStrictEqual(
      (await s.metadata.findEndpoints(shop, '', 1)).map((x) => x.name),
      ['/orders/{id}'],
    );
    deepStrictEqual(await s.metadata.findEndpoints('no such', '', 10), []);
    deepStrictEqual(await s.metadata.entities('Endpoint', [endpoints[0]!.entity.id, 'unknown']), [
      endpoints[0]!.entity,
    ]);
    deepStrictEqual(await s.metadata.entities('Service', [endpoints[0]!.entity.id]), []);

    const ids = async (rest: object, metric = ENDPOINT) =>
      (await s.reader.readSeries({ ...query(metric, 'MINUTE', DAY, DAY), ...rest })).map((x) => x.entityId).toSorted();
    const ofShop = endpoints.map((e) => e.entity.id).toSorted();
    deepStrictEqual(await ids({ serviceId: shop }), ofShop);
    deepStrictEqual(await ids({ serviceId: 'other' }), []);
    deepStrictEqual(await ids({ layer: 'SHOP_LAYER' }, CPM), [shop]);
    ok(!(await ids({ withoutLayers: ['OTHER', 'SHOP_LAYER'] }, CPM)).includes(shop));
    ok((await ids({ withoutLayers: ['OTHER'] }, CPM)).includes(shop));
    deepStrictEqual(await ids({ entityIds: [] }), []);
    deepStrictEqual(await ids({ slots: [slot], serviceId: shop }), ofShop);
    deepStrictEqual(await ids({ slots: [slot + 1], serviceId: shop }), []);
    deepStrictEqual(await ids({ slots: [] }), []);
    const everything = await ids({}, ENDPOINT);
    ok(ofShop.every((id) => everything.includes(id)));
    ok(s.reader.metrics().some((m) => m.text === ENDPOINT.text));
  });

  test('reading many entities: key by key, by a filtered range, by a whole range', async () => {
    const { s, slot, claim } = await claimed();
    const many = Array.from({ length: 150 }, (_, i) => ({ code: i + 1, entity: service(`many-${i}`, 'MANY') }));
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: many,
        rows: [
          testBlock(
            slot,
            [CPM],
            many.flatMap(({ code }) => [minute(code, DAY + 2, 7n), minute(code, DAY, BigInt(code))]),
          ),
        ],
        dirtyHours: [DAY / 60],
      }),
    );
    const hourly = await s.reader.readSeries({ ...query(CPM, 'HOUR', DAY, DAY), layer: 'MANY' });
    strictEqual(hourly.length, 150);
    const byId = new Map(hourly.map((x) => [x.entityId, x]));
    for (const { code, entity } of many) strictEqual(byId.get(entity.id)!.columns.int(0, 0), BigInt(code) + 7n);
    // 150 entities times 1,440 minutes are too many keys to look up
    for (const rest of [{ layer: 'MANY' }, { entityIds: many.map((e) => e.entity.id) }, {}]) {
      const series = await s.reader.readSeries({ ...query(CPM, 'MINUTE', DAY, DAY + 1_439), ...rest });
      const values = new Map(series.map((x) => [x.entityId, x.starts.map((at, i) => [at - DAY, x.columns.int(i, 0)])]));
      for (const { code, entity } of many) {
        deepStrictEqual(values.get(entity.id), [
          [0, BigInt(code)],
          [2, 7n],
        ]);
      }
    }
  });

  test('a column that overflows when merged does not break the answer', async () => {
    const { s, slot, claim } = await claimed();
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        entities: [{ code: 1, entity: service('huge') }],
        rows: [testBlock(slot, [CPM], [minute(1, DAY, INT64_MAX), minute(1, DAY + 1, 1n), minute(1, DAY + 60, 5n)])],
        dirtyHours: [DAY / 60, DAY / 60 + 1],
      }),
    );
    const [series] = await s.reader.readSeries({
      ...query(CPM, 'HOUR', DAY, DAY + 60),
      entityIds: [service('huge').id],
    });
    deepStrictEqual(
      [series!.starts, series!.columns.int(0, 0), series!.columns.int(1, 0)],
      [[DAY, DAY + 60], INT64_MAX, 5n],
    );
  });

  test('revisions: of the minutes whose minute rows a flush writes, growing over flushes and claims, gone with their day', async () => {
    const { s, slot, claim } = await claimed();
    const other = await claimed();
    const write = (epoch: number, minutes: readonly number[], granularity: Granularity = 'minute') =>
      commit(
        s,
        testFlush(slot, epoch, {
          rows: [
            testBlock(
              slot,
              [CPM],
              minutes.map((m) => minute(1, m, 1n)),
              granularity,
            ),
          ],
        }),
      );
    const at = 1_100 * 1_440; // 1973: no other case has rows there
    const today = at + 1_440;
    const { epoch } = claim.fence;
    const slots = [slot];
    const of = async (query: RevisionQuery = {}) => (await s.readRevisions({ slots, ...query })).map((r) => r.minute);
    const newest = async () => Math.max(...(await s.readRevisions({ slots })).map((r) => r.revision));
    deepStrictEqual(await s.readRevisions({ slots: [slot, other.slot] }), []);

    await write(epoch, [at, today, today + 1]);
    deepStrictEqual(await of(), [at, today, today + 1]);
    deepStrictEqual(await of({ fromMinute: at + 1, toMinute: today }), [today]);
    const first = await newest();
    await write(epoch, [today], 'hour'); // derived: says nothing new
    await commit(s, testFlush(slot, epoch)); // nor does a flush without rows
    deepStrictEqual(await of({ afterRevision: first }), []);

    await write(epoch, [today]);
    deepStrictEqual(await of({ afterRevision: first }), [today]);
    const second = await newest();
    ok(second > first, `${second} after ${first}`);
    const next = await s.claimSlot(slot, 'node-2');
    deepStrictEqual(await of({ afterRevision: second }), []);
    await write(next.fence.epoch, [at, today + 1]);
    deepStrictEqual(await of({ afterRevision: second }), [at, today + 1]);
    ok((await newest()) > second);

    await commit(
      s,
      testFlush(other.slot, other.claim.fence.epoch, { rows: [testBlock(other.slot, [CPM], [minute(1, today, 1n)])] }),
    );
    const both = await s.readRevisions({ slots: [other.slot, slot], fromMinute: today, toMinute: today });
    deepStrictEqual(
      both.map((r) => [r.slot, r.minute]),
      [
        [slot, today],
        [other.slot, today],
      ],
    );
    ok((await s.readRevisions({ fromMinute: today, toMinute: today })).length >= 2);
    await s.maintenance.dropExpired({ nowMs: today * 60_000, ttlDays: 0, outboxRetentionMs: 0 });
    deepStrictEqual(await of(), [today, today + 1]);
  });

  test('what is older than the TTL goes, whole days of it; the rest stays', async () => {
    const { s, slot, claim } = await claimed();
    const today = 1_000; // 1972: no other case has rows there
    const at = [today - 3, today - 2, today].map((d) => d * 1_440);
    const rows = at.map((m) => minute(1, m + 5, 1n));
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        rows: [
          testBlock(slot, [CPM], rows),
          testBlock(
            slot,
            [CPM],
            at.map((m) => minute(1, m, 1n)),
            'hour',
          ),
          testBlock(
            slot,
            [CPM],
            at.map((m) => minute(1, m, 1n)),
            'day',
          ),
        ],
        marks: [
          { mark: testMark(slot, 'old local', 1, { kind: 'local', updatedAtMs: 1 }), previousSeq: 0 },
          { mark: testMark(slot, 'old federated', 1, { updatedAtMs: 1 }), previousSeq: 0 },
          { mark: testMark(slot, 'new local', 1, { kind: 'local' }), previousSeq: 0 },
        ],
        dirtyHours: at.map((m) => m / 60),
      }),
    );
    const nowMs = today * 86_400_000 + 12_345;
    for (let twice = 0; twice < 2; twice++)
      await s.maintenance.dropExpired({ nowMs, ttlDays: 2, outboxRetentionMs: 0 });
    const kept = at.slice(1);
    deepStrictEqual(
      await rowsOf(
        s,
        slot,
        at.map((m) => m + 5),
      ),
      kept.map((m) => `Service ${m + 5} 0 1: service_cpm=1`),
    );
    for (const granularity of ['hour', 'day'] as const) {
      deepStrictEqual(
        await rowsOf(s, slot, at, granularity),
        kept.map((m) => `Service ${m} 0 1: service_cpm=1`),
      );
    }
    deepStrictEqual(
      await s.maintenance.dirtyHours(slot),
      kept.map((m) => m / 60),
    );
    deepStrictEqual(
      (await s.claimSlot(slot, 'node-1')).marks.map((m) => m.logId),
      ['new local', 'old federated'],
    );
    // a partition that was dropped is made again when somebody insists
    await commit(
      s,
      testFlush(slot, claim.fence.epoch + 1, { rows: [testBlock(slot, [CPM], [minute(1, at[0]! + 6, 2n)])] }),
    );
  });

  test('expected children are kept, retired, and counted in completeness', async () => {
    const { s } = await claimed();
    await s.expectChildren([
      { tier: 'child-b', sinceMinute: 7 },
      { tier: 'child-a', sinceMinute: 5 },
    ]);
    await s.expectChildren([
      { tier: 'child-a', sinceMinute: 9 },
      { tier: 'child-b', sinceMinute: 9, retiredAtMs: 1_700_000_000_000 },
    ]);
    await s.expectChildren([{ tier: 'child-b', sinceMinute: 7 }]); // as at each start: a retired child stays retired
    deepStrictEqual(await s.expectedChildren(), [
      { tier: 'child-a', sinceMinute: 5 },
      { tier: 'child-b', sinceMinute: 7, retiredAtMs: 1_700_000_000_000 },
    ]);
    const completeness = await s.metadata.completeness();
    deepStrictEqual(
      completeness.filter((c) => c.via.startsWith('child')),
      [
        { origin: 'child-a', via: 'child-a', completeToMinute: NO_WATERMARK, lastAdvanceMs: 0 },
        {
          origin: 'child-b',
          via: 'child-b',
          completeToMinute: NO_WATERMARK,
          lastAdvanceMs: 0,
          retiredAtMs: 1_700_000_000_000,
        },
      ],
    );
    ok(await s.retireChild('child-b', undefined)); // it comes back
    ok(await s.retireChild('child-a', 5));
    ok(!(await s.retireChild('child-z', 5)));
    deepStrictEqual(
      (await s.expectedChildren()).map((c) => [c.tier, c.retiredAtMs]),
      [
        ['child-a', 5],
        ['child-b', undefined],
      ],
    );
  });

  test('metrics may be prepared again and added, but never change their meaning', async () => {
    const s = await store();
    await s.prepareMetrics(CONTRACT_METRICS);
    const long = metricSchema('m'.repeat(55), 'Service', 'doubleAvg');
    const reserved = metricSchema('time_bucket', 'Service', 'rate');
    await s.prepareMetrics([long, reserved, metricSchema('Apdex_Of', 'EndpointRelation', 'apdex')]);
    for (const changed of [
      metricSchema('service_cpm', 'Service', 'longAvg'),
      metricSchema('service_cpm', 'Endpoint', 'cpm'),
      metricSchema('service_percentile', 'Service', 'hdrPercentile', [3]),
    ]) {
      await rejects(
        s.prepareMetrics([metricSchema('never_made', 'Service', 'cpm'), changed]),
        new RegExp(changed.name),
      );
    }
    const { slot, claim } = await claimed();
    const values = new Map<MetricSchema, FieldValues>([
      [long, [1n, 2n]],
      [reserved, [3n, 4n]],
    ]);
    const block = testBlock(slot, [long, reserved], [{ minute: DAY, entity: 1, values }]);
    await commit(s, testFlush(slot, claim.fence.epoch, { rows: [block] }));
    deepStrictEqual(await rowsOf(s, slot, [DAY]), rowTexts([block]));
    const unknown = metricSchema('never_made', 'Service', 'cpm');
    const foreign = testBlock(slot, [unknown], [{ minute: DAY, entity: 1, values: new Map([[unknown, [1n]]]) }]);
    await rejects(s.flush([testFlush(slot, claim.fence.epoch, { rows: [foreign] })]), /BUG.*never_made/);
    await rejects(s.reader.readSeries(query(unknown, 'MINUTE', DAY, DAY)), /never_made/);
  });

  test('a fence that is not exactly what is stored refuses the flush: epoch, claim, number of flushes', async () => {
    const { s, slot, claim } = await claimed();
    const { fence } = claim;
    const at = (changed: Partial<SlotFence>) => s.flush([{ ...testFlush(slot, 0), fence: { ...fence, ...changed } }]);
    const refused = { kind: 'notOwner', slots: [slot] };
    deepStrictEqual(await at({ flushes: 1 }), refused);
    deepStrictEqual(await at({ claim: fence.claim + 1 }), refused);
    deepStrictEqual(await at({ epoch: fence.epoch + 1 }), refused);
    deepStrictEqual(await at({}), { kind: 'committed' });
    deepStrictEqual(await at({}), refused);
    deepStrictEqual(await at({ flushes: 1 }), { kind: 'committed' });
    deepStrictEqual((await s.claimSlot(slot, 'node-2')).fence.flushes, 0);
    deepStrictEqual(await at({ flushes: 2 }), refused);
  });

  test('pending entries keep order and bytes, count in the backlog, and leave when they are settled', async () => {
    const { s, slot, claim } = await claimed();
    const before = await s.outboxBacklog();
    const entry = (ord: number, source?: NonNullable<PendingEntry['source']>): PendingEntry => ({
      slot,
      ord,
      header: Uint8Array.of(ord),
      content: new Uint8Array(999).fill(ord),
      increments: ord,
      createdAtMs: 5,
      ...(source ? { source } : {}),
    });
    const entries = [entry(3, { logId: 'a', gen: 2, seq: 9 }), entry(4), entry(7)];
    await commit(s, testFlush(slot, claim.fence.epoch, { pending: entries }));
    deepStrictEqual(await s.readPending(slot, 0, 1e9), entries);
    deepStrictEqual(await s.readPending(slot, 3, 1), [entries[1]]);
    deepStrictEqual(await s.readPending(slot, 7, 1e9), []);
    const backlog = await s.outboxBacklog();
    deepStrictEqual([backlog.entries - before.entries, backlog.bytes - before.bytes], [3, 3_000]);
    // folded into one under an ord that leaves in the same flush, and the first sealed
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        outbox: testOutbox(slot, 1),
        settled: [3, 4, 7],
        pending: [{ ...entry(7), increments: 11 }],
      }),
    );
    deepStrictEqual(await s.readPending(slot, 0, 1e9), [{ ...entry(7), increments: 11 }]);
    const again = await s.claimSlot(slot, 'node-2');
    deepStrictEqual(again.pending, { entries: 1, firstOrd: 7, lastOrd: 7 });
    await commit(s, testFlush(slot, again.fence.epoch, { settled: [7] }));
    deepStrictEqual((await s.claimSlot(slot, 'node-3')).pending, { entries: 0, firstOrd: 1, lastOrd: 7 });
  });

  test('a repair moves the outbound log on, drops what the upstream has, and remembers what not to forward', async () => {
    const { s, slot, claim } = await claimed();
    const pending = [1, 2, 3].map((ord) => ({
      slot,
      ord,
      header: Uint8Array.of(1),
      content: Uint8Array.of(ord),
      increments: 1,
      createdAtMs: 1,
    }));
    await commit(s, testFlush(slot, claim.fence.epoch, { outbox: testOutbox(slot, 1), pending }));
    const suppressed = new Map([
      ['log a', { gen: 1, seq: 20 }],
      ['log b', { gen: 2, seq: 9 }],
    ]);
    const chain = Uint8Array.of(9, 9);
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        repair: { gen: 4, seq: 17, chain, ledger: 170, keepTo: 0, suppressed, dropPending: [1, 3] },
      }),
    );
    const again = await s.claimSlot(slot, 'node-2');
    deepStrictEqual(
      [again.outbox.gen, again.outbox.nextSeq, again.outbox.chain, again.outbox.ledger, again.outbox.acknowledgedSeq],
      [4, 18, chain, 170, 17],
    );
    strictEqual(again.outbox.watermark, DAY + 1);
    deepStrictEqual(again.suppressed, suppressed);
    deepStrictEqual(
      (await s.readPending(slot, 0, 1e9)).map((e) => e.ord),
      [2],
    );
    const less = new Map([['log a', { gen: 1, seq: 20 }]]);
    await commit(s, testFlush(slot, again.fence.epoch, { outbox: testOutbox(slot, 18), suppressed: less }));
    const last = await s.claimSlot(slot, 'node-3');
    deepStrictEqual([last.suppressed, last.outbox.nextSeq, last.outbox.ledger], [less, 19, 188]);
  });

  test('parked batches are read in order and leave when they are merged', async () => {
    const { s, slot, claim } = await claimed();
    const parked = (seq: number, reason: 'unknown-metric' | 'overflow') =>
      ({ logId: 'log', slot, seq, reason, increments: seq, detail: `d${seq}`, content: Uint8Array.of(seq) }) as const;
    const all = [parked(1, 'unknown-metric'), parked(2, 'overflow'), parked(3, 'unknown-metric')];
    await commit(s, testFlush(slot, claim.fence.epoch, { parked: all }));
    const found = await s.readParked(slot, 'unknown-metric', 0, 10);
    deepStrictEqual(
      found.map(({ id: _, ...rest }) => rest),
      [all[0], all[2]],
    );
    deepStrictEqual(await s.readParked(slot, 'unknown-metric', 0, 1), [found[0]]);
    deepStrictEqual(await s.readParked(slot, 'unknown-metric', found[0]!.id, 10), [found[1]]);
    await commit(s, testFlush(slot, claim.fence.epoch, { unparked: [found[0]!.id] }));
    deepStrictEqual(await s.readParked(slot, 'unknown-metric', 0, 10), [found[1]]);
    strictEqual((await s.readParked(slot, 'overflow', 0, 10)).length, 1);
  });

  test('digests of minutes are replaced, per log, and read from a minute on', async () => {
    const { s, slot, claim } = await claimed();
    const one = (at: number, logId: string, a: number) => ({ minute: at, logId, a, b: 0xffff_ffff });
    await commit(s, testFlush(slot, claim.fence.epoch, { manifests: [one(DAY, '', 1), one(DAY, 'log', 2)] }));
    await commit(s, testFlush(slot, claim.fence.epoch, { manifests: [one(DAY, '', 3), one(DAY + 1, '', 4)] }));
    deepStrictEqual(await s.readManifests(slot, DAY), [one(DAY, '', 3), one(DAY, 'log', 2), one(DAY + 1, '', 4)]);
    deepStrictEqual(await s.readManifests(slot, DAY + 1), [one(DAY + 1, '', 4)]);
  });

  test('digests are read up to a minute; entities without a claim', async () => {
    const { s, slot, claim } = await claimed();
    const at = (minute: number) => ({ minute, logId: '', a: minute % 1000, b: 1 });
    const entity = entityOf('Service', { service: 'read-only', normal: true, layer: 'GENERAL', name: '' });
    await commit(
      s,
      testFlush(slot, claim.fence.epoch, {
        manifests: [0, 1, 2].map((n) => at(DAY + n)),
        entities: [{ code: 0, entity }],
      }),
    );
    deepStrictEqual(await s.readManifests(slot, DAY, DAY + 1), [at(DAY), at(DAY + 1)]);
    deepStrictEqual(await s.readDictionary(slot), [{ code: 0, entity }]);
    await commit(s, testFlush(slot, claim.fence.epoch)); // the reads have not taken the slot away
    const texts = CONTRACT_METRICS.map(({ text }) => text);
    deepStrictEqual(
      (await s.storedMetrics()).filter((text) => texts.includes(text)),
      texts.toSorted(),
    );
  });

  test('verdicts on minutes are replaced, and go when the minute matches; answers have them in sum', async () => {
    const { s, slot, claim } = await claimed();
    const one = (at: number, state: Verdict['state'], reason = ''): Verdict => ({
      minute: at,
      state,
      tiers: [`tier-${slot}`],
      reason,
    });
    const first = [one(DAY, 'suspect'), one(DAY + 1, 'unchecked', 'because'), one(DAY + 2, 'suspect')];
    await commit(s, testFlush(slot, claim.fence.epoch, { verdicts: first }));
    deepStrictEqual(await s.readVerdicts(slot), first);
    const second = [
      one(DAY, 'matched'),
      one(DAY + 1, 'suspect'),
      one(DAY + 3, 'matched'),
      one(DAY + 5, 'unchecked', 'x'),
    ];
    await commit(s, testFlush(slot, claim.fence.epoch, { verdicts: second }));
    deepStrictEqual(await s.readVerdicts(slot), [second[1], first[2], second[3]]);
    const { verdicts } = await s.metadata.conservation();
    const tiers = [`tier-${slot}`];
    deepStrictEqual(
      verdicts.filter((v) => v.tiers[0] === tiers[0]),
      [
        { state: 'suspect', tiers, reason: '', firstMinute: DAY + 1, lastMinute: DAY + 2, minutes: 2 },
        { state: 'unchecked', tiers, reason: 'x', firstMinute: DAY + 5, lastMinute: DAY + 5, minutes: 1 },
      ],
    );
  });

  test('losses are read by minute, and in sum by who lost what and the child that said it', async () => {
    const { s, slot, claim } = await claimed();
    const child = `child-${slot}`;
    const loss = (seq: number, index: number, rest: Partial<StoredLoss>): StoredLoss => ({
      logId: `log-${slot}`,
      seq,
      index,
      tier: child,
      origin: `leaf-${slot}`,
      cause: 'dropped',
      kind: 'Service',
      firstMinute: DAY,
      lastMinute: DAY + 3,
      increments: 7,
      ...rest,
    });
    const losses = [
      loss(1, 0, {}),
      loss(1, 1, { firstMinute: DAY + 10, lastMinute: DAY + 11, increments: 5 }),
      loss(2, 0, { cause: 'suspect', firstMinute: NO_WATERMARK, lastMinute: NO_WATERMARK, increments: 0 }),
      loss(1, 0, { logId: 'own', tier: `own-${slot}`, cause: 'expired', increments: 2 }),
    ];
    const mark = testMark(slot, `log-${slot}`, 2, { producer: child });
    await commit(s, testFlush(slot, claim.fence.epoch, { losses, marks: [{ mark, previousSeq: 0 }] }));
    const [dropped, later, suspect, own] = losses;
    deepStrictEqual(await s.readLosses(slot, DAY + 3, DAY + 9), [dropped, suspect, own]);
    deepStrictEqual(await s.readLosses(slot, DAY + 11, DAY + 99), [later, suspect]);
    const said = (await s.metadata.conservation()).losses.filter((l) => l.origin === `leaf-${slot}`);
    const sum = (of: StoredLoss, via: string, rest: Partial<StoredLoss> = {}) => {
      const { logId: _l, seq: _s, index: _i, ...plain } = { ...of, ...rest };
      return { ...plain, via };
    };
    deepStrictEqual(said, [
      sum(own!, ''),
      sum(dropped!, child, { lastMinute: DAY + 11, increments: 12 }),
      sum(suspect!, child),
    ]);
  });

  checkAlarmStoreContract(test, claimed);

  test('flushes, claims and reads at once all finish', async () => {
    const slots = await Promise.all([claimed(), claimed(), claimed()]);
    const { s } = slots[0]!;
    const work = slots.map(async ({ slot, claim }, n) => {
      for (let seq = 1; seq <= 10; seq++) {
        const rows = [testBlock(slot, [CPM], [minute(1, DAY + seq, BigInt(seq))])];
        const marks = [{ mark: testMark(slot, 'log', seq), previousSeq: seq - 1 }];
        await commit(s, testFlush(slot, claim.fence.epoch, { rows, marks, outbox: testOutbox(slot, seq) }));
        if (n === 0) await s.acknowledgeOutbox(slot, seq);
        await s.loadRows(slot, 'minute', [DAY + seq]);
      }
    });
    await Promise.all(work);
    for (const { slot } of slots) strictEqual((await s.claimSlot(slot, 'x')).marks[0]!.seq, 10);
  });
}

function query(metric: MetricSchema, step: Step, fromMinute: number, toMinute: number, offsetMinutes = 0) {
  return { metric, step, fromMinute, toMinute, offsetMinutes, origins: [''] };
}

function fieldsOf(schema: MetricSchema, columns: MetricColumns, row: number): FieldValues {
  return [
    ...schema.intFields.map((_, f) => columns.int(row, f)),
    ...schema.distributionFields.map((_, f) => columns.distribution(row, f)!.encode()),
  ];
}

/** The oracle: rows folded by (bucket, origin, entity) with the model's own kernels. */
function mergeRows(
  schemas: readonly MetricSchema[],
  rows: readonly TestRow[],
  bucketOf: (at: number) => number,
): TestRow[] {
  const keys = new Map<string, { minute: number; origin: number; entity: number; row: number }>();
  const columns = schemas.map((schema) => new MetricColumns(schema));
  const scratch = schemas.map((schema) => new MetricColumns(schema));
  for (const { minute: at, origin = 0, entity, values } of rows) {
    const bucket = bucketOf(at);
    const key = `${bucket} ${origin} ${entity}`;
    let target = keys.get(key);
    if (!target) keys.set(key, (target = { minute: bucket, origin, entity, row: keys.size }));
    schemas.forEach((schema, i) => {
      const fields = values.get(schema);
      if (!fields) return;
      const ints = fields.slice(0, schema.intFields.length) as bigint[];
      scratch[i]!.setRow(0, ints, fields.slice(schema.intFields.length) as Uint8Array[]);
      ok(columns[i]!.mergeRow(target.row, scratch[i]!, 0));
    });
  }
  return [...keys.values()].map(({ minute: start, origin, entity, row }) => ({
    minute: start,
    origin,
    entity,
    values: new Map(
      schemas.flatMap((schema, i) =>
        columns[i]!.has(row) ? [[schema, fieldsOf(schema, columns[i]!, row)] as const] : [],
      ),
    ),
  }));
}
