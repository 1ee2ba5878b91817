// SPDX-License-Identifier: Apache-2.0
// The contract every forward buffer keeps, as named cases for any test runner; exported as `@oap-federation/federation/testing`.
// A buffer is a TierStore as the slot owner flushes to it and the forwarder reads from it.
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { chainAfter, sameBytes } from '@oap-federation/analysis';
import { decodeHeader, EMPTY_HEADER, encodeHeader, type LogPosition } from '@oap-federation/model';
import type { OutboxEntry, PendingEntry, SlotClaim, SlotFlush, TierStore } from '@oap-federation/storage';
import { testFlush, testMark } from '@oap-federation/storage/testing';

export const BUFFER_SLOTS = 16;

export interface BufferUnderTest {
  readonly store: TierStore;
  /** Ends the process that holds the buffer, without warning, and opens it again. Undefined: it survives nothing. */
  readonly reopen?: () => Promise<TierStore>;
}

export interface BufferTraits {
  /** `flush`: an entry is kept as the owner numbered it. `buffer`: the buffer numbers, and rewrites what the header says of its log. */
  readonly numberedBy: 'flush' | 'buffer';
  /** Over this many bytes a flush is refused; undefined: the buffer knows no bound of its own. */
  readonly bytesMax?: number;
}

const MINUTE = 29_000_000;

/** The owner's side: numbers, chains and fences, as L2 does. */
class Owner {
  readonly store: TierStore;
  readonly slot: number;
  #claim: SlotClaim | undefined;
  #flushes = 0;
  nextSeq = 1;
  #chain: Uint8Array = new Uint8Array(0);
  #ledger = 0;
  #ord = 0;
  #marked = 0;

  constructor(store: TierStore, slot: number) {
    this.store = store;
    this.slot = slot;
  }

  async claim(): Promise<SlotClaim> {
    const claim = await this.store.claimSlot(this.slot, 'owner');
    this.#claim = claim;
    this.#flushes = 0;
    this.nextSeq = claim.outbox.nextSeq;
    this.#chain = claim.outbox.chain;
    this.#ledger = claim.outbox.ledger;
    this.#ord = claim.pending.lastOrd;
    this.#marked = claim.marks.find((mark) => mark.logId === `log ${this.slot}`)?.seq ?? 0;
    return claim;
  }

  entry(increments: number, bytes = 20): OutboxEntry {
    const header = encodeHeader({ ...EMPTY_HEADER, watermark: MINUTE, increments, ledger: this.#ledger });
    const content = Uint8Array.from({ length: bytes }, (_, i) => (this.nextSeq * 31 + i) & 255);
    this.#chain = chainAfter(this.#chain, header, content);
    this.#ledger += increments;
    const seq = this.nextSeq++;
    return { slot: this.slot, seq, header, content, chain: this.#chain, increments, createdAtMs: 1_000 + seq };
  }

  pending(increments: number, source?: LogPosition & { logId: string }, bytes = 20): PendingEntry {
    const ord = ++this.#ord;
    const header = encodeHeader({ ...EMPTY_HEADER, watermark: MINUTE, increments });
    const content = Uint8Array.from({ length: bytes }, (_, i) => (ord * 7 + i) & 255);
    return { slot: this.slot, ord, header, content, increments, createdAtMs: ord, ...(source ? { source } : {}) };
  }

  /** One flush of this slot, with a mark that advances by one. */
  flushOf(entries: readonly OutboxEntry[], rest: Partial<SlotFlush> = {}): SlotFlush {
    const { fence } = this.#claim!;
    const mark = testMark(this.slot, `log ${this.slot}`, this.#marked + 1);
    return {
      ...testFlush(this.slot, fence.epoch),
      fence: { ...fence, flushes: this.#flushes },
      marks: [{ mark, previousSeq: this.#marked }],
      outbox: entries.map((entry) => ({ entry, watermark: MINUTE })),
      ...rest,
    };
  }

  committed(): void {
    this.#flushes++;
    this.#marked++;
  }

  async commit(entries: readonly OutboxEntry[], rest: Partial<SlotFlush> = {}): Promise<readonly OutboxEntry[]> {
    deepStrictEqual(await this.store.flush([this.flushOf(entries, rest)]), { kind: 'committed' });
    this.committed();
    return entries;
  }

  read(afterSeq: number, bytesMax = 1e9): Promise<readonly OutboxEntry[]> {
    return this.store.readOutbox(this.slot, afterSeq, bytesMax);
  }
}

/** Defines the cases with `test` (vitest's `it`). `open` is called for each; the caller disposes what it made. */
export function checkForwardBufferContract(
  test: (name: string, body: () => Promise<void>) => void,
  open: () => Promise<BufferUnderTest>,
  traits: BufferTraits,
): void {
  const given = traits.numberedBy === 'flush';
  /** Entries are those that were flushed: to the byte, or, where the buffer numbers, in content and in what the header says. */
  const same = (read: readonly OutboxEntry[], flushed: readonly OutboxEntry[]) => {
    if (given) return deepStrictEqual(read, flushed);
    deepStrictEqual(
      read.map(({ content, increments, createdAtMs }) => ({ content, increments, createdAtMs })),
      flushed.map(({ content, increments, createdAtMs }) => ({ content, increments, createdAtMs })),
    );
  };
  /** One gapless log from seq 1 on: numbers, chain, ledger. */
  const isLog = (entries: readonly OutboxEntry[]) => {
    let chain: Uint8Array = new Uint8Array(0);
    let ledger = 0;
    entries.forEach((entry, i) => {
      strictEqual(entry.seq, i + 1);
      chain = chainAfter(chain, entry.header, entry.content);
      ok(sameBytes(chain, entry.chain), `chain of seq ${entry.seq}`);
      strictEqual(decodeHeader(entry.header).ledger, ledger);
      ledger += entry.increments;
    });
  };
  const opened = async (slot: number) => {
    const buffer = await open();
    const owner = new Owner(buffer.store, slot);
    const claim = await owner.claim();
    return { ...buffer, owner, claim };
  };

  test('entries come back in order, whole, as one gapless chained log', async () => {
    const { store, owner, claim } = await opened(3);
    const entries = [owner.entry(1), owner.entry(2, 0), owner.entry(3, 5_000)];
    await owner.commit(entries.slice(0, 1));
    await owner.commit(entries.slice(1));
    const read = await owner.read(0);
    same(read, entries);
    isLog(read);
    deepStrictEqual(await owner.read(0), read); // what was read once never changes
    deepStrictEqual(await owner.read(1), read.slice(1));
    deepStrictEqual(await owner.read(0, 1), read.slice(0, 1));
    deepStrictEqual(await owner.read(3), []);
    const head = await store.outboxHead(3);
    deepStrictEqual([head.logId, head.nextSeq, head.acknowledgedSeq], [claim.outbox.logId, 4, 0]);
    ok(sameBytes(head.chain, read[2]!.chain));
    strictEqual(head.ledger, 6);
    strictEqual(head.claim, claim.fence.claim);
  });

  test('an entry is not there before its flush is committed, nor when it is refused', async () => {
    const { store, owner, claim } = await opened(0);
    const flush = owner.flushOf([owner.entry(1)]);
    const stale = { ...flush, fence: { ...claim.fence, epoch: claim.fence.epoch + 1 } };
    deepStrictEqual(await store.flush([stale]), { kind: 'notOwner', slots: [0] });
    deepStrictEqual(await owner.read(0), []);
    deepStrictEqual(await store.outboxBacklog(), { entries: 0, bytes: 0 });
    deepStrictEqual(await store.flush([flush]), { kind: 'committed' });
    strictEqual((await owner.read(0)).length, 1);
  });

  test('acknowledged entries leave the backlog; an acknowledgement goes neither back nor beyond', async () => {
    const { store, owner } = await opened(1);
    await owner.commit([owner.entry(1, 100), owner.entry(1, 200), owner.entry(1, 300)]);
    const entries = await owner.read(0);
    const bytes = entries.map((entry) => entry.header.length + entry.content.length);
    deepStrictEqual(await store.outboxBacklog(), { entries: 3, bytes: bytes[0]! + bytes[1]! + bytes[2]! });
    await store.acknowledgeOutbox(1, 2);
    deepStrictEqual(await store.outboxBacklog(), { entries: 1, bytes: bytes[2] });
    await store.acknowledgeOutbox(1, 1);
    strictEqual((await store.outboxHead(1)).acknowledgedSeq, 2);
    await rejects(store.acknowledgeOutbox(1, 4), /cannot be acknowledged/);
    // an upstream that did not hear its own acknowledgement asks again from there
    deepStrictEqual((await owner.read(2)).slice(-1), entries.slice(2));
    await store.acknowledgeOutbox(1, 3);
    await store.maintenance.dropExpired({ nowMs: 1e12, ttlDays: 7, outboxRetentionMs: 0 });
    deepStrictEqual(await store.outboxBacklog(), { entries: 0, bytes: 0 });
    await owner.commit([owner.entry(5)]);
    deepStrictEqual(
      (await owner.read(3)).map((entry) => entry.seq),
      [4],
    );
  });

  test('slots have logs of their own, and one flush covers them all', async () => {
    const { store, owner: a, claim } = await opened(4);
    const b = new Owner(store, 5);
    const other = await b.claim();
    ok(other.outbox.logId !== claim.outbox.logId);
    const [ofA, ofB] = [[a.entry(1)], [b.entry(2), b.entry(3)]];
    deepStrictEqual(await store.flush([a.flushOf(ofA), b.flushOf(ofB)]), { kind: 'committed' });
    same(await a.read(0), ofA);
    same(await b.read(0), ofB);
    await store.acknowledgeOutbox(5, 2);
    strictEqual((await store.outboxHead(4)).acknowledgedSeq, 0);
    deepStrictEqual((await store.outboxBacklog()).entries, 1);
  });

  test('pending entries wait in order, count in the backlog, and leave when they are settled', async () => {
    const { store, owner } = await opened(2);
    const waiting = [owner.pending(1, { logId: 'in', gen: 1, seq: 4 }), owner.pending(2), owner.pending(3)];
    await owner.commit([], { pending: waiting });
    deepStrictEqual(await store.readPending(2, 0, 1e9), waiting);
    deepStrictEqual(await store.readPending(2, 1, 1), [waiting[1]]);
    strictEqual((await store.outboxBacklog()).entries, 3);
    deepStrictEqual(await owner.read(0), []);
    const sealed = [owner.entry(1), owner.entry(2)];
    await owner.commit(sealed, { settled: [1, 2] });
    same(await owner.read(0), sealed);
    deepStrictEqual(await store.readPending(2, 0, 1e9), [waiting[2]]);
    const { entries, lastOrd } = (await owner.claim()).pending;
    deepStrictEqual([entries, lastOrd], [1, 3]);
  });

  test('a repair moves the log on, drops what the upstream has, and keeps what is suppressed', async () => {
    const { store, owner } = await opened(6);
    const waiting = [owner.pending(1), owner.pending(2)];
    await owner.commit([owner.entry(1)], { pending: waiting });
    await owner.read(0);
    const suppressed = new Map([['in', { gen: 1, seq: 9 }]]);
    const chain = Uint8Array.from({ length: 32 }, () => 7);
    await owner.commit([], {
      repair: { gen: 2, seq: 41, chain, ledger: 500, keepTo: 0, suppressed, dropPending: [1] },
    });
    const again = await owner.claim();
    const { gen, nextSeq, ledger, acknowledgedSeq } = again.outbox;
    deepStrictEqual([gen, nextSeq, ledger, acknowledgedSeq], [2, 42, 500, 41]);
    deepStrictEqual(again.outbox.chain, chain);
    deepStrictEqual(again.suppressed, suppressed);
    deepStrictEqual(await store.readPending(6, 0, 1e9), [waiting[1]]);
    await owner.commit([owner.entry(4)], { suppressed: new Map() });
    const [entry] = await owner.read(41);
    strictEqual(entry!.seq, 42);
    ok(sameBytes(entry!.chain, chainAfter(chain, entry!.header, entry!.content)));
    strictEqual((await owner.claim()).suppressed.size, 0);
  });

  test('a loss that is accepted shows in the head until a repair, which may go back: what is behind it leaves', async () => {
    const { store, owner } = await opened(8);
    await owner.commit([owner.entry(1), owner.entry(1), owner.entry(1)]);
    await owner.read(0);
    strictEqual((await store.outboxHead(8)).lossAccepted, false);
    await store.acceptLoss(8);
    strictEqual((await store.outboxHead(8)).lossAccepted, true);
    const chain = Uint8Array.from({ length: 32 }, () => 3);
    const repair = { gen: 2, seq: 1, chain, ledger: 1, keepTo: 1, suppressed: new Map(), dropPending: [] };
    const again = owner.pending(2);
    await owner.commit([], { repair, pending: [again] });
    const head = await store.outboxHead(8);
    deepStrictEqual([head.lossAccepted, head.nextSeq, head.acknowledgedSeq], [false, 2, 1]);
    deepStrictEqual(await owner.read(1), []);
    strictEqual((await store.outboxBacklog()).entries, 1);
    deepStrictEqual(await store.readPending(8, 0, 1e9), [again]);
  });

  const { bytesMax } = traits;
  if (bytesMax !== undefined) {
    test('a flush that does not fit is refused whole, and goes through once there is room', async () => {
      const { store, owner } = await opened(7);
      await owner.commit([owner.entry(1, Math.floor(bytesMax * 0.7))]);
      await owner.read(0);
      const late = owner.flushOf([owner.entry(2, Math.floor(bytesMax * 0.6))]);
      await rejects(store.flush([late]), /bytes/);
      strictEqual((await store.outboxBacklog()).entries, 1);
      await store.acknowledgeOutbox(7, 1);
      deepStrictEqual(await store.flush([late]), { kind: 'committed' });
      strictEqual((await owner.read(1))[0]!.increments, 2);
    });
  }

  test('restart: what was committed is there, to the byte, or the buffer says by a new log that it keeps nothing', async () => {
    const { store, owner, claim, reopen } = await opened(9);
    await owner.commit([owner.entry(1), owner.entry(2), owner.entry(3)], { pending: [owner.pending(4)] });
    const entries = await owner.read(0);
    await store.acknowledgeOutbox(9, 1);
    if (!reopen) return;
    const after = await reopen();
    const next = new Owner(after, 9);
    const again = await next.claim();
    ok(again.fence.epoch > claim.fence.epoch);
    deepStrictEqual(await after.outboxHead(9), again.outbox);
    deepStrictEqual(
      [again.outbox.logId, again.outbox.nextSeq, again.outbox.acknowledgedSeq],
      [claim.outbox.logId, 4, 1],
    );
    deepStrictEqual(await next.read(1), entries.slice(1));
    strictEqual((await after.readPending(9, 0, 1e9)).length, 1);
    strictEqual(again.marks[0]!.seq, 1);
    // the owner of before is fenced, and the log goes on
    deepStrictEqual(await after.flush([owner.flushOf([owner.entry(9)])]), { kind: 'notOwner', slots: [9] });
    await next.commit([next.entry(8)]);
    isLog([entries[0]!, ...(await next.read(1))]);
  });
}
