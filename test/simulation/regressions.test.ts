// SPDX-License-Identifier: Apache-2.0
// Goal: what the simulator found stays found. Method: each case is the smallest scene of it, on the real slot owner; the seed that
// showed it first is named.
import { chainAfter, type IncomingBatch } from '@oap-federation/analysis';
import {
  BatchBuilder,
  decodeHeader,
  encodeContent,
  EMPTY_HEADER,
  encodeHeader,
  entityOf,
  joinContent,
  metricSchema,
  MetricColumns,
  minuteOf,
  NO_WATERMARK,
} from '@oap-federation/model';
import { seededRng, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { SimulatedTier } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
const LOG = '018f0000-0000-7000-8000-000000000000';
const NOTHING = new Uint8Array(0);

async function openTier(clock: VirtualClock, leaf: boolean): Promise<SimulatedTier> {
  const rng = seededRng(3);
  return SimulatedTier.open({
    tier: leaf ? 'cloud-c' : 'dc',
    slots: 1,
    schemas: [CPM],
    forwards: true,
    originScopes: [],
    hasLocalSources: leaf,
    clock,
    newLogId: () => uuidV7(rng, clock.now()),
  });
}

function localBatch(clock: VirtualClock, seq: number): IncomingBatch {
  const builder = new BatchBuilder();
  const columns = new MetricColumns(CPM);
  columns.enter(0, 1, 1, 1);
  builder.addRows(columns, minuteOf(clock.now()), '', [0], () => SHOP);
  return {
    logId: LOG,
    slot: 0,
    gen: 0,
    seq,
    producer: 'node',
    kind: 'local',
    header: { ...EMPTY_HEADER, increments: 1 },
    headerBytes: NOTHING,
    contentBytes: NOTHING,
    chain: NOTHING,
    batch: builder.build(),
  };
}

/** A batch without increments from the tier below: its watermark, and what it says of its origin. */
function emptyBatches(tier: SimulatedTier) {
  let chain: Uint8Array = NOTHING;
  let seq = 0;
  return async (watermark: number, origin: number) => {
    const header = { ...EMPTY_HEADER, watermark, origins: new Map([['cloud-c', origin]]) };
    const decoded = new BatchBuilder().build();
    const [headerBytes, contentBytes] = [encodeHeader(header), joinContent(encodeContent(decoded))];
    chain = chainAfter(chain, headerBytes, contentBytes);
    const offered = tier.owner.offer({
      logId: LOG,
      slot: 0,
      gen: 1,
      seq: ++seq,
      producer: 'cloud-c',
      kind: 'federated',
      header,
      headerBytes,
      contentBytes,
      chain,
      batch: decoded,
    });
    await tier.owner.runRound();
    expect((await offered).kind).toBe('committed');
    return tier.store.peekMark(0, LOG)!.origins.get('cloud-c');
  };
}

it('seed 1: a restarted leaf that has promised nothing yet does not take back what the leaf had promised', async () => {
  const tier = await openTier(new VirtualClock(), false);
  const offer = emptyBatches(tier);
  expect(await offer(100, 100)).toBe(100);
  expect(await offer(100, NO_WATERMARK)).toBe(100);
  expect(await offer(103, 103)).toBe(103);
});

it("seed 10035: one origin's completeness travels on although another child is silent", async () => {
  const tier = await openTier(new VirtualClock(), false);
  await tier.store.expectChildren(['cloud-c', 'cloud-n'].map((child) => ({ tier: child, sinceMinute: 0 })));
  const offer = emptyBatches(tier);
  for (const minute of [100, 101]) {
    await offer(minute, minute);
    const last = (await tier.store.readOutbox(0, 0, 1 << 20)).at(-1);
    expect(last && decodeHeader(last.header)).toMatchObject({
      watermark: NO_WATERMARK, // the minimum waits for cloud-n
      origins: new Map([
        ['cloud-c', minute],
        ['cloud-n', NO_WATERMARK],
      ]),
    });
  }
  const before = tier.store.peekOutbox(0).nextSeq;
  await offer(101, 101); // no news
  expect(tier.store.peekOutbox(0).nextSeq).toBe(before);
});

it('seed 12: an owner that lost its slot and does not know yet does not make L1 give up its log', async () => {
  const clock = new VirtualClock();
  const tier = await openTier(clock, true);
  const commit = async (owner: SimulatedTier['owner'], seq: number) => {
    const offered = owner.offer(localBatch(clock, seq));
    await owner.runRound();
    return offered;
  };
  const old = tier.owner;
  expect(await commit(old, 1)).toEqual({ kind: 'committed', appliedSeq: 1 });
  await tier.crash(); // another owner; the old one goes on
  expect(await commit(tier.owner, 2)).toEqual({ kind: 'committed', appliedSeq: 2 });
  // the old owner knows of batch 1 only; "expected is 2" would make L1 renumber batch 3, which may be under way elsewhere
  for (let i = 0; i < 10; i++) {
    expect((await old.offer(localBatch(clock, 3))).kind).toBe('busy');
    await clock.advance(200);
  }
  await old.runRound(); // it has looked into the storage by now
  expect(await commit(old, 3)).toEqual({ kind: 'committed', appliedSeq: 3 });
});

it('a storage that lost batches of a local log says so, after it was asked again', async () => {
  const clock = new VirtualClock();
  const tier = await openTier(clock, true);
  for (let i = 0; i < 10; i++) {
    expect((await tier.owner.offer(localBatch(clock, 5))).kind).toBe('busy');
    await clock.advance(200);
  }
  await tier.owner.runRound();
  expect(await tier.owner.offer(localBatch(clock, 5))).toEqual({ kind: 'gap', expectedSeq: 1 });
});

it('seed 20010: a full queue is no gap: what is queued is flushed, not given back again and again', async () => {
  const clock = new VirtualClock();
  const tier = await openTier(clock, true);
  const other = (seq: number) => ({ ...localBatch(clock, seq), logId: '018f0000-0000-7000-8000-000000000001' });
  void tier.owner.offer(localBatch(clock, 1));
  for (let i = 0; i < 8; i++) {
    await tier.owner.offer(other(2)); // offered ahead of batch 1, which waits elsewhere
    await clock.advance(200);
  }
  await tier.owner.runRound();
  expect(tier.store.peekMark(0, LOG)?.seq).toBe(1);
});
