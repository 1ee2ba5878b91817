// SPDX-License-Identifier: Apache-2.0
// Goal: the memory buffer loses only what it says: dropped entries are counted and declared upstream, unknown outcomes are settled by
// the marks, a new process is a new log. Method: a store below that commits, fails or lies; the buffer's own counters (I9).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHeader, EMPTY_HEADER, encodeHeader } from '@oap-federation/model';
import { MetricRegistry, seededRng } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import {
  StorageUnavailable,
  type Mark,
  type OutboxEntry,
  type SlotFlush,
  type TierStore,
} from '@oap-federation/storage';
import { testFlush, testMark } from '@oap-federation/storage/testing';
import { withMemoryBuffer } from './memory.js';

const MINUTE = 29_000_000;

/** The store below, reduced to what the buffer asks of it. */
class Below implements Pick<TierStore, 'claimSlot' | 'flush' | typeof Symbol.asyncDispose> {
  readonly marks = new Map<string, Mark>();
  readonly flushed: SlotFlush[] = [];
  fault: 'before' | 'after' | undefined;

  claimSlot: TierStore['claimSlot'] = async (slot) => ({
    slot,
    fence: { epoch: 1, claim: 77, flushes: 0 },
    marks: [...this.marks.values()],
    outbox: {
      logId: 'below',
      gen: 1,
      nextSeq: 1,
      chain: new Uint8Array(0),
      acknowledgedSeq: 0,
      watermark: -1,
      ledger: 0,
      claim: 77,
      lossAccepted: false,
    },
    suppressed: new Map(),
    pending: { entries: 0, firstOrd: 1, lastOrd: 0 },
    entities: [],
    origins: [],
    newestMinute: -1,
  });

  flush: TierStore['flush'] = async (flushes) => {
    const { fault } = this;
    this.fault = undefined;
    if (fault === 'before') throw new StorageUnavailable('before');
    this.flushed.push(...flushes);
    for (const { marks } of flushes) for (const { mark } of marks) this.marks.set(mark.logId, mark);
    if (fault === 'after') throw new StorageUnavailable('after');
    return { kind: 'committed' };
  };

  [Symbol.asyncDispose] = async () => {};
}

function entry(slot: number, increments: number, bytes: number, createdAtMs = MINUTE * 60_000): OutboxEntry {
  const header = encodeHeader({ ...EMPTY_HEADER, increments });
  return { slot, seq: 1, header, content: new Uint8Array(bytes), chain: new Uint8Array(0), increments, createdAtMs };
}

function open(below: Below, bytesMax: number) {
  const telemetry = new MetricRegistry();
  const deps = { clock: new VirtualClock(), rng: seededRng(5), telemetry };
  const store = withMemoryBuffer(below as unknown as TierStore, { tier: 'leaf', bytesMax, whenFull: 'drop' }, deps);
  const counter = (name: string, labels = {}) => telemetry.counter(`fed_buffer_${name}_total`, '', labels).value();
  const ledger = () => ({
    offered: counter('offered'),
    acknowledged: counter('acknowledged'),
    dropped: counter('dropped', { reason: 'full' }) + counter('dropped', { reason: 'stopped' }),
  });
  return { store, ledger };
}

const flushOf = (slot: number, entries: readonly OutboxEntry[], seq = 0): SlotFlush =>
  testFlush(slot, 1, {
    outbox: entries.map((e) => ({ entry: e, watermark: MINUTE })),
    marks: seq > 0 ? [{ mark: testMark(slot, 'in', seq), previousSeq: seq - 1 }] : [],
  });

describe('memory buffer', () => {
  it('hands rows and marks down, and keeps the outbound log to itself', async () => {
    const below = new Below();
    const { store } = open(below, 1_000);
    await store.flush([flushOf(0, [entry(0, 1, 10)], 1)]);
    expect(below.flushed[0]).toMatchObject({ outbox: [], pending: [], settled: [], marks: [{ previousSeq: 0 }] });
    expect((await store.claimSlot(0, 'x')).outbox.logId).not.toBe('below');
  });

  it('offered = acknowledged + dropped + queued, whatever is flushed, read and acknowledged; the loss is declared', async () => {
    const step = fc.record({
      do: fc.constantFrom('flush', 'flush', 'read', 'acknowledge'),
      slot: fc.nat(2),
      n: fc.integer({ min: 1, max: 5 }),
      bytes: fc.nat(400),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { store, ledger } = open(new Below(), 1_000);
        let given = 0;
        const taken = new Map<number, OutboxEntry[]>([0, 1, 2].map((slot) => [slot, []]));
        for (const { do: verb, slot, n, bytes } of steps) {
          const read = taken.get(slot)!;
          if (verb === 'flush') {
            const entries = Array.from({ length: n }, (_, i) => entry(slot, i + 1, bytes));
            given += entries.reduce((sum, e) => sum + e.increments, 0);
            await store.flush([flushOf(slot, entries)]);
          } else if (verb === 'read') {
            read.push(...(await store.readOutbox(slot, read.length, bytes)));
          } else {
            await store.acknowledgeOutbox(slot, Math.min(read.length, n));
          }
          const { entries: queued } = await store.outboxBacklog();
          const { offered, acknowledged, dropped } = ledger();
          expect(offered).toBe(acknowledged + dropped + queued);
        }
        // one more of each slot brings what was dropped with it
        let sent = 0;
        let lost = 0;
        for (const [slot, read] of taken) {
          read.push(...(await store.readOutbox(slot, read.length, 1e9)));
          await store.acknowledgeOutbox(slot, read.length);
        }
        for (const [slot, read] of taken) {
          await store.flush([flushOf(slot, [entry(slot, 1, 0)])]);
          given++;
          read.push(...(await store.readOutbox(slot, read.length, 1e9)));
          for (const { header } of read) {
            const { increments, ledger: before, losses } = decodeHeader(header);
            expect(before).toBe(
              read
                .slice(
                  0,
                  read.findIndex((e) => e.header === header),
                )
                .reduce((s, e) => s + e.increments, 0),
            );
            sent += increments;
            for (const loss of losses) {
              expect(loss).toMatchObject({ tier: 'leaf', cause: 'dropped', firstMinute: MINUTE, lastMinute: MINUTE });
              lost += loss.increments;
            }
          }
        }
        expect(sent + lost).toBe(given);
      }),
      { numRuns: 300 },
    );
  });

  it('a flush whose outcome is not known counts exactly when the marks say that it was committed', async () => {
    const below = new Below();
    const { store } = open(below, 10_000);
    for (const [fault, seq, expected] of [
      ['before', 1, 0],
      ['after', 1, 1],
      ['before', 2, 1],
      ['after', 2, 2],
    ] as const) {
      await store.claimSlot(0, 'x');
      below.fault = fault;
      await expect(store.flush([flushOf(0, [entry(0, 1, 10)], seq)])).rejects.toThrow(fault);
      await store.claimSlot(0, 'x');
      expect((await store.readOutbox(0, 0, 1e9)).length).toBe(expected);
    }
  });

  it('a new process is a new log; what waited is counted as lost when it stops in order', async () => {
    const below = new Below();
    const first = open(below, 1_000);
    await first.store.flush([flushOf(0, [entry(0, 1, 10), entry(0, 1, 10)])]);
    const { logId } = await first.store.outboxHead(0);
    await first.store[Symbol.asyncDispose]();
    expect(first.ledger()).toEqual({ offered: 2, acknowledged: 0, dropped: 2 });
    const deps = { clock: new VirtualClock(), rng: seededRng(6), telemetry: new MetricRegistry() };
    const options = { tier: 'leaf', bytesMax: 1_000, whenFull: 'drop' } as const;
    const second = withMemoryBuffer(below as unknown as TierStore, options, deps);
    const age = () => /^fed_buffer_oldest_age_seconds (.*)$/m.exec(deps.telemetry.render())?.[1];
    expect(age()).toBe('0');
    await second.claimSlot(0, 'x');
    await second.flush([flushOf(0, [entry(0, 1, 10, deps.clock.now() - 7_000)])]);
    expect(age()).toBe('7');
    const head = await second.outboxHead(0);
    expect(head.logId).not.toBe(logId);
    expect(head).toMatchObject({ gen: 1, nextSeq: 1 });
  });
});
