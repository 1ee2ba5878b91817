// SPDX-License-Identifier: Apache-2.0
// The `memory` forward buffer: a TierStore whose outbound log lives in this process alone. In: flushes. Out: the same flushes without
// their outbox, and the entries under a log of this process's own. Best effort: rows and marks are as durable as the store below,
// what waits here dies with the process, and nobody can say afterwards how much it was.
// offered = acknowledged + dropped{full, stopped, renumbered} + queued, at any time (I9); what is dropped while running is declared upstream.
import { chainAfter } from '@oap-federation/analysis';
import { decodeHeader, encodeHeader, NO_WATERMARK, type Loss } from '@oap-federation/model';
import { uuidV7, type Clock, type Counter, type MetricRegistry, type Rng } from '@oap-federation/runtime';
import {
  StorageUnavailable,
  type LogRepair,
  type OutboxEntry,
  type OutboxHead,
  type PendingEntry,
  type SlotClaim,
  type SlotFlush,
  type TierStore,
} from '@oap-federation/storage';

export interface MemoryBufferOptions {
  /** Name of this tier, for the losses that it declares. */
  readonly tier: string;
  /** Headers and contents of what waits, over all slots; one entry may exceed it alone. */
  readonly bytesMax: number;
  /** `refuse`: a flush that does not fit fails before anything is committed. `drop`: the oldest that was never sent goes. */
  readonly whenFull: 'refuse' | 'drop';
}

export interface MemoryBufferDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly telemetry: MetricRegistry;
}

/** An entry that has no number yet: it gets one when the forwarder first reads it, and may be dropped until then. */
type Waiting = Pick<OutboxEntry, 'header' | 'content' | 'increments' | 'createdAtMs'>;

interface SlotLog {
  head: OutboxHead;
  /** Numbered, not acknowledged: immutable, since the upstream may have them. */
  sealed: OutboxEntry[];
  waiting: Waiting[];
  pending: PendingEntry[];
  lastOrd: number;
  suppressed: SlotClaim['suppressed'];
  /** Declared with the next number. */
  losses: Loss[];
  /** Its outcome is not known: the marks of the next claim say whether it was committed. */
  uncertain: SlotFlush | undefined;
}

/** Wraps `store`; disposing the result disposes it too. */
export function withMemoryBuffer(store: TierStore, options: MemoryBufferOptions, deps: MemoryBufferDeps): TierStore {
  const buffer = new MemoryBuffer(store, options, deps);
  const own: Partial<TierStore> = {
    claimSlot: (slot, owner) => buffer.claimSlot(slot, owner),
    flush: (flushes) => buffer.flush(flushes),
    readOutbox: (slot, afterSeq, bytesMax) => Promise.resolve(buffer.readOutbox(slot, afterSeq, bytesMax)),
    outboxHead: (slot) => Promise.resolve(buffer.log(slot).head),
    acknowledgeOutbox: async (slot, seq) => buffer.acknowledge(slot, seq),
    rewindOutbox: async () => {}, // what was acknowledged is gone
    readPending: (slot, afterOrd, bytesMax) => Promise.resolve(buffer.readPending(slot, afterOrd, bytesMax)),
    outboxBacklog: () => Promise.resolve(buffer.backlog()),
    acceptLoss: async (slot) => buffer.acceptLoss(slot),
    [Symbol.asyncDispose]: () => buffer.dispose(),
  };
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof TierStore];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

class MemoryBuffer {
  readonly #store: TierStore;
  readonly #options: MemoryBufferOptions;
  readonly #deps: MemoryBufferDeps;
  readonly #logs = new Map<number, SlotLog>();
  readonly #counters: Readonly<Record<'offered' | 'acknowledged' | 'full' | 'stopped' | 'renumbered', Counter>>;
  #bytes = 0;

  constructor(store: TierStore, options: MemoryBufferOptions, deps: MemoryBufferDeps) {
    this.#store = store;
    this.#options = options;
    this.#deps = deps;
    const { telemetry } = deps;
    const counter = (name: string, help: string, labels = {}) =>
      telemetry.counter(`fed_buffer_${name}_total`, help, labels);
    const dropped = 'Outbound entries lost by the memory buffer.';
    this.#counters = {
      offered: counter('offered', 'Outbound entries committed to the memory buffer.'),
      acknowledged: counter('acknowledged', 'Outbound entries that the upstream committed.'),
      full: counter('dropped', dropped, { reason: 'full' }),
      stopped: counter('dropped', dropped, { reason: 'stopped' }),
      renumbered: counter('dropped', dropped, { reason: 'renumbered' }), // and offered again: nothing is lost by it
    };
    telemetry.observe('gauge', 'fed_buffer_bytes', 'Bytes waiting in the memory buffer.', {}, () => this.#bytes);
    const oldest = 'Age of the oldest entry that waits for the upstream.';
    telemetry.observe('gauge', 'fed_buffer_oldest_age_seconds', oldest, {}, () => this.#oldestAgeSeconds());
    telemetry.observe('gauge', 'fed_buffer_queued', 'Entries waiting in the memory buffer.', {}, () => this.#queued());
  }

  log(slot: number): SlotLog {
    let log = this.#logs.get(slot);
    if (!log) {
      const head: OutboxHead = {
        logId: uuidV7(this.#deps.rng, this.#deps.clock.now()),
        gen: 1,
        nextSeq: 1,
        chain: new Uint8Array(0),
        acknowledgedSeq: 0,
        watermark: NO_WATERMARK,
        ledger: 0,
        claim: 0,
        lossAccepted: false,
      };
      const empty = { sealed: [], waiting: [], pending: [], losses: [] };
      this.#logs.set(slot, (log = { head, ...empty, lastOrd: 0, suppressed: new Map(), uncertain: undefined }));
    }
    return log;
  }

  async claimSlot(slot: number, owner: string): Promise<SlotClaim> {
    const claim = await this.#store.claimSlot(slot, owner);
    const log = this.log(slot);
    const { uncertain } = log;
    log.uncertain = undefined;
    if (uncertain && uncertain.marks.length > 0) {
      const seqs = new Map(claim.marks.map((mark) => [mark.logId, mark.seq]));
      if (uncertain.marks.every(({ mark }) => (seqs.get(mark.logId) ?? 0) >= mark.seq)) this.#take(uncertain);
    }
    log.head = { ...log.head, claim: claim.fence.claim };
    const firstOrd = log.pending[0]?.ord ?? 1;
    const pending = { entries: log.pending.length, firstOrd, lastOrd: log.lastOrd };
    return { ...claim, outbox: log.head, suppressed: log.suppressed, pending };
  }

  async flush(flushes: readonly SlotFlush[]): ReturnType<TierStore['flush']> {
    const { bytesMax, whenFull } = this.#options;
    let growth = 0;
    for (const flush of flushes) {
      growth += this.#growth(flush);
      if (flush.repair) for (const entry of this.log(flush.slot).sealed) growth -= sizeOf(entry); // they leave
    }
    if (whenFull === 'refuse' && growth > 0 && this.#bytes > 0 && this.#bytes + growth > bytesMax)
      throw new StorageUnavailable(`the memory buffer holds ${this.#bytes} of ${bytesMax} bytes, ${growth} more wait`);
    const below = flushes.map(({ repair: _repair, suppressed: _suppressed, gen: _gen, ...flush }) => ({
      ...flush,
      outbox: [],
      pending: [],
      settled: [],
    }));
    let outcome;
    try {
      outcome = await this.#store.flush(below);
    } catch (error) {
      for (const flush of flushes) this.log(flush.slot).uncertain = flush;
      throw error;
    }
    if (outcome.kind === 'committed') {
      for (const flush of flushes) this.#take(flush);
      if (whenFull === 'drop') while (this.#bytes > bytesMax && this.#dropOldest());
    }
    return outcome;
  }

  readOutbox(slot: number, afterSeq: number, bytesMax: number): readonly OutboxEntry[] {
    const log = this.log(slot);
    const found: OutboxEntry[] = [];
    let bytes = 0;
    const fits = (entry: Waiting) => {
      bytes += sizeOf(entry);
      return found.length === 0 || bytes <= bytesMax;
    };
    for (const entry of log.sealed) {
      if (entry.seq <= afterSeq) continue;
      if (!fits(entry)) return found;
      found.push(entry);
    }
    while (log.waiting.length > 0 && fits(log.waiting[0]!)) found.push(this.#seal(slot, log));
    return found;
  }

  acknowledge(slot: number, seq: number): void {
    const log = this.log(slot);
    if (seq >= log.head.nextSeq)
      throw new RangeError(
        `slot ${slot}: seq ${seq} cannot be acknowledged, the outbox ends at ${log.head.nextSeq - 1}`,
      );
    if (seq <= log.head.acknowledgedSeq) return;
    log.head = { ...log.head, acknowledgedSeq: seq };
    this.#acknowledged(log, seq);
  }

  readPending(slot: number, afterOrd: number, bytesMax: number): readonly PendingEntry[] {
    const found: PendingEntry[] = [];
    let bytes = 0;
    for (const entry of this.log(slot).pending) {
      if (entry.ord <= afterOrd) continue;
      bytes += sizeOf(entry);
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    return found;
  }

  acceptLoss(slot: number): void {
    const log = this.log(slot);
    log.head = { ...log.head, lossAccepted: true };
  }

  backlog(): { readonly entries: number; readonly bytes: number } {
    let entries = this.#queued();
    for (const { pending } of this.#logs.values()) entries += pending.length;
    return { entries, bytes: this.#bytes };
  }

  async dispose(): Promise<void> {
    this.#counters.stopped.inc(this.#queued());
    this.#logs.clear();
    this.#bytes = 0;
    await this.#store[Symbol.asyncDispose]();
  }

  #oldestAgeSeconds(): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { sealed, waiting, pending } of this.#logs.values())
      for (const first of [sealed[0], waiting[0], pending[0]])
        if (first) oldestMs = Math.min(oldestMs, first.createdAtMs);
    return Number.isFinite(oldestMs) ? Math.max(0, this.#deps.clock.now() - oldestMs) / 1_000 : 0;
  }

  #queued(): number {
    let queued = 0;
    for (const { sealed, waiting } of this.#logs.values()) queued += sealed.length + waiting.length;
    return queued;
  }

  #growth({ slot, outbox, pending, settled, repair }: SlotFlush): number {
    const gone = new Set([...settled, ...(repair?.dropPending ?? [])]);
    let growth = 0;
    for (const { entry } of outbox) growth += sizeOf(entry);
    for (const entry of pending) growth += sizeOf(entry);
    for (const entry of this.log(slot).pending) if (gone.has(entry.ord)) growth -= sizeOf(entry);
    return growth;
  }

  /** What a committed flush says of the outbound log. */
  #take(flush: SlotFlush): void {
    const { slot, outbox, pending, settled, repair, suppressed, gen } = flush;
    const log = this.log(slot);
    this.#bytes += this.#growth(flush);
    if (gen !== undefined) log.head = { ...log.head, gen };
    if (repair) this.#repair(log, repair);
    log.suppressed = repair?.suppressed ?? suppressed ?? log.suppressed;
    for (const { entry, watermark } of outbox) {
      log.waiting.push(entry);
      log.head = { ...log.head, watermark: Math.max(watermark, log.head.watermark) };
    }
    this.#counters.offered.inc(outbox.length);
    const gone = new Set([...settled, ...(repair?.dropPending ?? [])]);
    log.pending = [...log.pending.filter(({ ord }) => !gone.has(ord)), ...pending].toSorted((a, b) => a.ord - b.ord);
    log.lastOrd = Math.max(log.lastOrd, pending.at(-1)?.ord ?? 0);
  }

  #repair(log: SlotLog, { gen, seq, chain, ledger }: LogRepair): void {
    this.#acknowledged(log, seq);
    // what is behind the upstream's mark leaves: its owner brings it again, without a number
    for (const entry of log.sealed) this.#bytes -= sizeOf(entry);
    this.#counters.renumbered.inc(log.sealed.length);
    log.sealed = [];
    log.head = { ...log.head, gen, nextSeq: seq + 1, chain, ledger, acknowledgedSeq: seq, lossAccepted: false };
  }

  #acknowledged(log: SlotLog, seq: number): void {
    for (const entry of log.sealed) {
      if (entry.seq > seq) break;
      this.#bytes -= sizeOf(entry);
      this.#counters.acknowledged.inc();
    }
    log.sealed = log.sealed.filter((entry) => entry.seq > seq);
  }

  /** Gives the oldest waiting entry its number: its header then counts this log's increments, and declares what was dropped. */
  #seal(slot: number, log: SlotLog): OutboxEntry {
    const { header: given, content, increments, createdAtMs } = log.waiting.shift()!;
    const { nextSeq: seq, ledger } = log.head;
    const decoded = decodeHeader(given);
    const header = encodeHeader({ ...decoded, ledger, losses: [...decoded.losses, ...log.losses] });
    log.losses = [];
    this.#bytes += header.length - given.length;
    const chain = chainAfter(log.head.chain, header, content);
    const entry = { slot, seq, header, content, chain, increments, createdAtMs };
    log.sealed.push(entry);
    log.head = { ...log.head, nextSeq: seq + 1, chain, ledger: ledger + increments };
    return entry;
  }

  /** The oldest entry without a number goes, over all slots. False when there is none. */
  #dropOldest(): boolean {
    let oldest: SlotLog | undefined;
    for (const log of this.#logs.values()) {
      const first = log.waiting[0];
      if (first && (!oldest || first.createdAtMs < oldest.waiting[0]!.createdAtMs)) oldest = log;
    }
    if (!oldest) return false;
    const dropped = oldest.waiting.shift()!;
    this.#bytes -= sizeOf(dropped);
    this.#counters.full.inc();
    const last = oldest.losses.at(-1);
    const before = last?.cause === 'dropped' && last.tier === this.#options.tier ? last : undefined;
    const minute = Math.floor(dropped.createdAtMs / 60_000);
    oldest.losses = [
      ...(before ? oldest.losses.slice(0, -1) : oldest.losses),
      ...decodeHeader(dropped.header).losses,
      {
        tier: this.#options.tier,
        origin: '',
        cause: 'dropped',
        kind: '',
        firstMinute: before?.firstMinute ?? minute,
        lastMinute: minute,
        increments: (before?.increments ?? 0) + dropped.increments,
      },
    ];
    return true;
  }
}

function sizeOf({ header, content }: Pick<OutboxEntry, 'header' | 'content'>): number {
  return header.length + content.length;
}
