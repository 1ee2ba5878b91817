// SPDX-License-Identifier: Apache-2.0
// Goal: the slot owner's door: what is refused, how, and what that leaves behind. Method: one simulated upper tier with two expected children;
// batches made by hand, one rule of the protocol a case.
import { chainAfter, type BatchOutcome, type IncomingBatch } from '@oap-federation/analysis';
import {
  EMPTY_HEADER,
  BatchBuilder,
  decodeHeader,
  encodeContent,
  encodeHeader,
  entityOf,
  joinContent,
  metricSchema,
  MetricColumns,
  minuteOf,
  NO_WATERMARK,
  type MetricSchema,
  type UnknownBlock,
} from '@oap-federation/model';
import { seededRng, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { SimulatedTier } from '@oap-federation/testkit';
import { describe, expect, it } from 'vitest';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });

interface Overrides {
  readonly schema?: MetricSchema;
  readonly minute?: number;
  readonly gen?: number;
  readonly seq?: number;
  readonly watermark?: number;
  readonly chain?: Uint8Array;
  readonly unknown?: UnknownBlock;
}

async function open(options: { readonly slots?: number; readonly rowsPerTransaction?: number } = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 8, 12, 0));
  const rng = seededRng(11);
  const tier = await SimulatedTier.open({
    tier: 'dc',
    slots: 1,
    schemas: [CPM],
    forwards: true,
    originScopes: ['Service'],
    hasLocalSources: false,
    ...options,
    clock,
    newLogId: () => uuidV7(rng, clock.now()),
  });
  await tier.store.expectChildren([
    { tier: 'cloud-c', sinceMinute: 0 },
    { tier: 'cloud-n', sinceMinute: 0 },
  ]);
  await tier.owner.runRound();
  const heads = new Map<string, { seq: number; chain: Uint8Array }>();
  /** The next batch of a producer's log, unless overridden; it becomes the producer's head. */
  const batch = (producer: string, o: Overrides = {}): IncomingBatch => {
    const head = heads.get(producer) ?? { seq: 0, chain: new Uint8Array(0) };
    const columns = new MetricColumns(o.schema ?? CPM);
    columns.enter(0, 1, 0, 1);
    const builder = new BatchBuilder();
    builder.addRows(columns, o.minute ?? minuteOf(clock.now()), '', [0], () => SHOP);
    const content = { ...builder.build(), ...(o.unknown ? { blocks: [], unknownBlocks: [o.unknown] } : {}) };
    const watermark = o.watermark ?? minuteOf(clock.now()) - 1;
    const header = {
      ...EMPTY_HEADER,
      watermark,
      increments: 1,
      origins: new Map([[producer, watermark]]),
    };
    const headerBytes = encodeHeader(header);
    const contentBytes = joinContent(encodeContent(content));
    const chain = o.chain ?? chainAfter(head.chain, headerBytes, contentBytes);
    const seq = o.seq ?? head.seq + 1;
    if (o.seq === undefined && o.chain === undefined) heads.set(producer, { seq, chain });
    return {
      logId: `log-${producer}`,
      slot: 0,
      gen: o.gen ?? 1,
      seq,
      producer,
      kind: 'federated',
      header,
      headerBytes,
      contentBytes,
      chain,
      batch: content,
    };
  };
  const offer = async (incoming: IncomingBatch): Promise<BatchOutcome> => {
    const offered = tier.owner.offer(incoming);
    await tier.owner.runRound();
    return offered;
  };
  const calls = () => tier.store.dump('minute', { mergedOnly: true }).map((line) => line.split(' = ')[1]);
  const lastHeader = async () => decodeHeader((await tier.store.readOutbox(0, 0, 1 << 20)).at(-1)!.header);
  return { clock, tier, batch, offer, calls, lastHeader };
}

describe('minutes of a loss', () => {
  it('of a content that nobody can read: from what its log had promised, or the minutes that came late with it, to now', async () => {
    const { clock, tier, batch, offer } = await open();
    const now = minuteOf(clock.now());
    const unreadable = (manifests: readonly number[]): IncomingBatch => {
      const whole = batch('cloud-c', { watermark: now - 3 });
      const header = { ...whole.header, manifests: manifests.map((minute) => ({ minute, a: 1, b: 1 })) };
      return { ...whole, header, batch: { entities: [], blocks: [], unknownBlocks: [] }, undecodable: 'why' };
    };
    await offer(unreadable([]));
    await offer(unreadable([]));
    await offer(unreadable([now - 60, now - 2]));
    expect(tier.store.losses.map(({ firstMinute, lastMinute }) => [firstMinute, lastMinute])).toEqual([
      [NO_WATERMARK, now + 5],
      [now - 3, now + 5],
      [now - 60, now + 5],
    ]);
  });

  it('that the tier below does not know: none that is still to come', async () => {
    const { clock, tier, batch, offer } = await open();
    const loss = { tier: 'cloud-c', origin: '', cause: 'range', kind: '', increments: 3 };
    const minutes = { firstMinute: NO_WATERMARK, lastMinute: NO_WATERMARK };
    const whole = batch('cloud-c');
    await offer({ ...whole, header: { ...whole.header, losses: [{ ...loss, ...minutes }] } });
    const lastMinute = minuteOf(clock.now()) + 5;
    expect(tier.store.losses).toMatchObject([{ ...loss, firstMinute: NO_WATERMARK, lastMinute }]);
  });
});

describe('a batch', () => {
  it('is applied once: a resend is acknowledged and changes nothing', async () => {
    const { batch, offer, calls } = await open();
    const first = batch('cloud-c');
    expect(await offer(first)).toEqual({ kind: 'committed', appliedSeq: 1 });
    expect(await offer(first)).toEqual({ kind: 'duplicate', appliedSeq: 1 });
    expect(calls()).toEqual(['1']);
  });

  it('that waits for its flush and is sent again gets one answer for both', async () => {
    const { tier, batch, calls } = await open();
    const first = batch('cloud-c');
    const both = [tier.owner.offer(first), tier.owner.offer(first)];
    await tier.owner.runRound();
    expect(await Promise.all(both)).toEqual([
      { kind: 'committed', appliedSeq: 1 },
      { kind: 'committed', appliedSeq: 1 },
    ]);
    expect(calls()).toEqual(['1']);
  });

  it('is committed without a round when that is asked for, and so is what comes during that flush', async () => {
    const { tier, batch, calls } = await open();
    const first = tier.owner.offer(batch('cloud-c'));
    tier.owner.commitSoon();
    tier.owner.commitSoon(); // the same flush
    await Promise.resolve(); // it has begun
    const second = tier.owner.offer(batch('cloud-c'));
    tier.owner.commitSoon();
    expect(await Promise.all([first, second])).toEqual([
      { kind: 'committed', appliedSeq: 1 },
      { kind: 'committed', appliedSeq: 2 },
    ]);
    expect(calls()).toEqual(['2']);
    expect(tier.owner.status().flushes).toBeLessThanOrEqual(2);
  });

  it('out of order is a gap that names what is expected, a log that starts in the middle too', async () => {
    const { batch, offer, calls } = await open();
    expect(await offer(batch('cloud-c', { seq: 7 }))).toEqual({ kind: 'gap', expectedSeq: 1 });
    await offer(batch('cloud-c'));
    expect(await offer(batch('cloud-c', { seq: 3 }))).toEqual({ kind: 'gap', expectedSeq: 2 });
    expect(calls()).toEqual(['1']);
  });

  it('whose content does not continue the chain is a fork', async () => {
    const { batch, offer, calls } = await open();
    await offer(batch('cloud-c'));
    expect(await offer(batch('cloud-c', { chain: new Uint8Array(32) }))).toEqual({ kind: 'forked', appliedSeq: 1 });
    expect(calls()).toEqual(['1']);
  });

  it('of an older generation is fenced', async () => {
    const { batch, offer } = await open();
    await offer(batch('cloud-c', { gen: 2 }));
    expect(await offer(batch('cloud-c', { gen: 1 }))).toEqual({ kind: 'fenced', gen: 2 });
  });

  it('for a slot that is not owned is refused, and one that a second owner took is not committed', async () => {
    const { tier, batch, offer, calls } = await open();
    expect(await offer({ ...batch('cloud-c'), slot: 3 })).toEqual({ kind: 'notOwner' });
    const { tier: other, batch: batchOf, calls: callsOf } = await open();
    const waiting = other.owner.offer(batchOf('cloud-c'));
    await other.store.claimSlot(0); // another node raised the epoch
    await other.owner.runRound();
    expect((await waiting).kind).toMatch(/notOwner|busy/);
    expect(callsOf()).toEqual([]);
    expect(calls()).toEqual([]);
    expect(tier.owner.ownedSlots()).toEqual([0]);
  });
});

describe('a flush of many rows', () => {
  it('has several transactions: each is committed, or given back, by itself', async () => {
    const producers = ['cloud-c', 'cloud-n', 'cloud-x', 'cloud-y'];
    for (let failing = 1; failing <= producers.length; failing++) {
      const { tier, batch, calls } = await open({ slots: producers.length, rowsPerTransaction: 1 });
      const batches = producers.map((producer, slot) => ({ ...batch(producer), slot }));
      let flushes = 0;
      tier.store.commitFault = () => (++flushes === failing ? 'before' : undefined);
      const answers = batches.map((one) => tier.owner.offer(one));
      await tier.owner.runRound();
      tier.store.commitFault = undefined;
      await tier.owner.runRound(); // slots that were not sent any more
      const outcomes = await Promise.all(answers);
      expect(outcomes.map(({ kind }) => kind)).toEqual(
        producers.map((_, i) => (i + 1 === failing ? 'busy' : 'committed')),
      );
      expect(flushes).toBeGreaterThanOrEqual(failing);
      expect(await Promise.all(batches.map((one) => tier.owner.offer(one)).slice(0, failing - 1))).toEqual(
        Array.from({ length: failing - 1 }, () => ({ kind: 'duplicate', appliedSeq: 1 })),
      );
      await tier.owner.runRound();
      expect(calls()).toEqual(producers.map(() => '1'));
      expect(tier.owner.status().ledger).toMatchObject({ returned: 1, waiting: 0 });
    }
  });

  it('is one transaction while it is small', async () => {
    const { tier, batch } = await open({ slots: 3 });
    const before = tier.owner.status().flushes;
    const answers = ['cloud-c', 'cloud-n', 'cloud-x'].map((producer, slot) =>
      tier.owner.offer({ ...batch(producer), slot }),
    );
    await tier.owner.runRound();
    expect((await Promise.all(answers)).map(({ kind }) => kind)).toEqual(['committed', 'committed', 'committed']);
    expect(tier.owner.status().flushes).toBe(before + 1);
  });
});

describe('what cannot be merged is parked with its reason, and the log goes on', () => {
  const block = (text: string): UnknownBlock => ({
    schemaText: text,
    minute: 1,
    origin: '',
    rows: 1,
    payload: new Uint8Array([0, 0]), // one row, of the first entity
  });
  it.each([
    ['unknown-metric', { schema: metricSchema('service_other', 'Service', 'cpm') }],
    ['unknown-metric', { unknown: block('service_new Service medianOfMedians()') }],
    ['undecodable', { unknown: { ...block('service_new Service medianOfMedians()'), payload: new Uint8Array([0]) } }],
    ['future', { minute: minuteOf(Date.UTC(2026, 0, 8, 12, 6)) }],
    ['expired', { minute: minuteOf(Date.UTC(2026, 0, 1, 11, 59)) }],
  ] as const)('%s', async (reason, overrides) => {
    const { tier, batch, offer, calls } = await open();
    expect(await offer(batch('cloud-c', overrides))).toMatchObject({ kind: 'committed' });
    expect(await offer(batch('cloud-c'))).toMatchObject({ kind: 'committed', appliedSeq: 2 });
    expect(tier.store.parked.map((p) => p.reason)).toEqual([reason]);
    expect(tier.store.parked[0]!.content.length).toBeGreaterThan(0);
    expect(calls()).toEqual(['1']);
  });
});

describe('the watermark that goes up', () => {
  it('is the minimum over expected children, whoever is connected', async () => {
    const { clock, batch, offer, lastHeader } = await open();
    const now = minuteOf(clock.now());
    await offer(batch('cloud-c', { watermark: now }));
    expect(await lastHeader()).toMatchObject({ watermark: NO_WATERMARK });
    expect([...(await lastHeader()).origins]).toEqual([
      ['cloud-c', now],
      ['cloud-n', NO_WATERMARK],
    ]);
    await offer(batch('cloud-n', { watermark: now - 2 }));
    expect((await lastHeader()).watermark).toBe(now - 2);
  });

  it('never goes back, across a kill of the owner too', async () => {
    const { clock, tier, batch, offer, lastHeader } = await open();
    const now = minuteOf(clock.now());
    await offer(batch('cloud-c', { watermark: now }));
    await offer(batch('cloud-n', { watermark: now }));
    expect((await lastHeader()).watermark).toBe(now);
    await tier.crash();
    await tier.store.expectChildren([{ tier: 'cloud-s', sinceMinute: now }]); // a new child has promised nothing yet
    await offer(batch('cloud-c', { watermark: now + 1 }));
    expect((await lastHeader()).watermark).toBe(now);
    expect((await lastHeader()).origins.get('cloud-s')).toBe(NO_WATERMARK);
  });

  it('names every log that is in it, with its seq', async () => {
    const { batch, offer, lastHeader } = await open();
    await offer(batch('cloud-c'));
    await offer(batch('cloud-c'));
    await offer(batch('cloud-n'));
    expect([...(await lastHeader()).frontier]).toEqual([
      ['log-cloud-c', { gen: 1, seq: 2 }],
      ['log-cloud-n', { gen: 1, seq: 1 }],
    ]);
  });
});

it('every increment that was offered is committed, given back or waiting, through failures too', async () => {
  const { tier, batch } = await open();
  const balanced = () => {
    const { offered, committed, returned, waiting } = tier.owner.ledger();
    expect(offered).toBe(committed + returned + waiting);
    return { offered, committed, returned, waiting };
  };
  const first = batch('cloud-c');
  const waiting = [tier.owner.offer(first), tier.owner.offer(batch('cloud-n'))];
  expect(balanced()).toEqual({ offered: 2, committed: 0, returned: 0, waiting: 2 });
  tier.store.commitFault = () => {
    expect(balanced().waiting).toBe(2); // in flight still counts
    return 'after';
  };
  await tier.owner.runRound();
  await Promise.all(waiting);
  tier.store.commitFault = undefined;
  expect(balanced()).toEqual({ offered: 2, committed: 0, returned: 2, waiting: 0 });
  await tier.owner.runRound(); // claims again
  expect(await tier.owner.offer(first)).toEqual({ kind: 'duplicate', appliedSeq: 1 }); // it was committed, unheard
  const last = tier.owner.offer(batch('cloud-c'));
  void tier.owner.offer(batch('cloud-c'));
  tier.owner.setDesiredSlots([]); // leaving flushes first
  await tier.owner.runRound();
  expect((await last).kind).toBe('committed');
  expect(balanced()).toEqual({ offered: 4, committed: 2, returned: 2, waiting: 0 });
});
