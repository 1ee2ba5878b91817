// SPDX-License-Identifier: Apache-2.0
// What an owned slot needs between flushes, each step a transaction of its own: numbers for what waits, folding, what a full buffer gives up,
// repair after the storage went back in time, parked metrics that are known now, hour and day rows. In: the slots. Out: commits, by the owner.
import {
  decodeContent,
  decodeHeader,
  minuteOf,
  NO_WATERMARK,
  splitContent,
  type LogPosition,
  type ScopeName,
} from '@oap-federation/model';
import { reached, type Clock, type Counter, type Logger, type MetricRegistry } from '@oap-federation/runtime';
import {
  flushOf,
  type Mark,
  type OutboxEntry,
  type PendingEntry,
  type SlotFlush,
  type StoredLoss,
  type StoredPark,
  type TierStore,
} from '@oap-federation/storage';
import { SlotAudit, type AuditPart } from './audit.js';
import { sameBytes } from './chain.js';
import { SlotDelta } from './delta.js';
import {
  asSuspect,
  BEFORE_ALL,
  bytesOf,
  FOLD_BYTES_MAX,
  foldPending,
  FOLDED_ENOUGH_BYTES,
  includedIn,
  numberedIn,
  type OutboundLog,
  type Portion,
  type RepairKind,
  type UpstreamPosition,
} from './outbound.js';
import { deriveHour } from './rollup.js';
import { coarsened, SHED_KINDS, withoutKind, type Shed } from './shed.js';
import type { Slot } from './slot.js';
import { lossOf, type MetricResolver } from './slot-flush.js';
import type { MetricsOfScope } from './slot-state.js';

export interface SlotUpkeepOptions {
  readonly tier: string;
  readonly forwards: boolean;
  /** Bytes that the outbound log may have waiting, and what is given up beyond them; undefined: no bound. */
  readonly outbound?: { readonly bytesMax: number; readonly onFull: 'block' | 'coarsen' | 'drop' };
  readonly originScopes: ReadonlySet<ScopeName>;
  readonly metricsOf: MetricsOfScope;
  readonly resolve: MetricResolver;
  /** Derived rows are made at most this often per slot. */
  readonly rollupPeriodMs: number;
  /** False: hours stay noted as stale for good, and queries merge minute rows instead. */
  readonly derivesHours: boolean;
}

export interface SlotUpkeepDeps {
  readonly store: TierStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
  readonly slots: () => Iterable<Slot>;
  readonly owns: (slot: Slot) => boolean;
  /** One slot's flush; false when it has another owner. An error, as after a failed flush, leaves it forgotten. */
  readonly commit: (slot: Slot, flush: SlotFlush) => Promise<boolean>;
  /** The memory of the slot holds what is not going to be stored. */
  readonly forget: (slot: Slot) => void;
  readonly onAppended: (slot: number) => void;
}

/** How often the backlog is measured: it takes a query. */
const BACKLOG_PERIOD_MS = 2_000;
/** Shares of the bound: where minutes are folded, where metrics are dropped, what is then aimed at, and where blocking ends. */
const COARSEN_AT = 0.85;
const DROP_AT = 0.95;
const AIM_AT = 0.8;
const EASE_AT = 0.9;
const PARKED_AT_ONCE = 50;

const NO_CHAIN = new Uint8Array(0);
const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/** `known` under a later generation; a log that is not known was announced and has brought nothing yet. */
function markUnder(
  gen: number,
  known: Mark | undefined,
  announced: Pick<Mark, 'logId' | 'slot' | 'producer' | 'updatedAtMs'>,
): Mark {
  return {
    logId: announced.logId,
    slot: announced.slot,
    producer: known?.producer ?? announced.producer,
    kind: known?.kind ?? 'federated',
    gen,
    seq: known?.seq ?? 0,
    chain: known?.chain ?? NO_CHAIN,
    watermark: known?.watermark ?? NO_WATERMARK,
    origins: known?.origins ?? NOTHING,
    increments: known?.increments ?? 0,
    updatedAtMs: known?.updatedAtMs ?? announced.updatedAtMs,
    frontier: known?.frontier ?? NOTHING,
  };
}

export class SlotUpkeep {
  readonly #o: SlotUpkeepOptions;
  readonly #d: SlotUpkeepDeps;
  readonly #counters: Readonly<Record<'repairs' | 'shed', Counter>>;
  /** The outbound log has no room: nothing should be accepted that would have to be forwarded. */
  full = false;
  #lossesDeclared = 0;
  #backlogAtMs = Number.NEGATIVE_INFINITY;
  /** As it was measured last. */
  #backlog = { entries: 0, bytes: 0 };

  constructor(options: SlotUpkeepOptions, deps: SlotUpkeepDeps) {
    this.#o = options;
    this.#d = deps;
    const counter = (name: string, help: string) => deps.telemetry.counter(`oap_l2_${name}_total`, help);
    this.#counters = {
      repairs: counter(
        'repairs',
        'outbound logs that went on under a new generation, after the storage went back in time',
      ),
      shed: counter('increments_shed', 'increments that the full forward buffer gave up or moved to a coarser minute'),
    };
    if (!options.outbound || !options.forwards) return; // the memory buffer counts by itself
    const gauge = (name: string, help: string, read: () => number) =>
      deps.telemetry.observe('gauge', `fed_buffer_${name}`, `${help}, in the whole storage.`, {}, read);
    gauge('bytes', 'Bytes waiting for the upstream', () => this.#backlog.bytes);
    gauge('queued', 'Entries waiting for the upstream', () => this.#backlog.entries);
  }

  /** See `SlotIntake.raiseGeneration`; everything that was accepted before is committed, and nothing older is accepted any more. */
  async raiseGeneration(held: Slot, logId: string, gen: number, producer: string): Promise<boolean> {
    const { slot, fence, marks } = held.state;
    const known = marks.get(logId);
    if (known !== undefined && known.gen >= gen) return true;
    const mark = markUnder(gen, known, { logId, slot, producer, updatedAtMs: this.#d.clock.now() });
    const flush = flushOf(slot, fence, { marks: [{ mark, previousSeq: mark.seq }] });
    if (!(await this.#d.commit(held, flush))) return false;
    marks.set(logId, mark);
    return true;
  }

  /** See `SlotIntake.verify`. */
  async verify(held: Slot, gen: number): Promise<boolean> {
    const { state, outbound } = held;
    if (outbound.head.gen !== gen && !(await this.#d.commit(held, flushOf(state.slot, state.fence, { gen }))))
      return false;
    outbound.verified = true;
    return true;
  }

  /** See `SlotIntake.repair`; everything that was accepted before is committed. */
  async repair(held: Slot, position: UpstreamPosition, how: RepairKind): Promise<boolean> {
    const { state, outbound } = held;
    const { slot } = state;
    if (outbound.verified && how !== 'passOver') {
      // the same claim was behind the upstream before, so somebody else writes this log: a copy of the storage, say
      this.#d.logger.error({ slot, log: outbound.head.logId }, 'the outbound log has a second writer');
      return false;
    }
    const dropped: number[] = [];
    const suspect: PendingEntry[] = [];
    const again = await this.#unnumbered(outbound, slot, position, how);
    let before: ReadonlyMap<string, LogPosition> | undefined;
    for (let afterOrd = BEFORE_ALL; ;) {
      const entries = await this.#d.store.readPending(slot, afterOrd, FOLD_BYTES_MAX);
      for (const entry of entries) {
        const included = includedIn(entry, position.frontier, outbound.broughtBefore(before));
        before = decodeHeader(entry.header).frontier;
        if (included === 'yes') dropped.push(entry.ord);
        else if (included === 'suspect') suspect.push(asSuspect(entry, this.#o.tier));
        afterOrd = entry.ord;
      }
      if (entries.length === 0) break;
    }
    const flush = flushOf(slot, state.fence, {
      repair: outbound.repair(position, await this.#keepTo(slot, position, how), dropped),
      settled: suspect.map(({ ord }) => ord),
      pending: [...again, ...suspect].toSorted((a, b) => a.ord - b.ord),
    });
    if (!(await this.#d.commit(held, flush))) return false;
    held.audit.repaired(minuteOf(this.#d.clock.now()));
    this.#counters.repairs.inc();
    this.#d.logger.error(
      { slot, log: outbound.head.logId, gen: position.gen, seq: position.seq, suspect: suspect.length },
      how === 'passOver'
        ? 'the upstream needs what the outbox no longer has: it is declared lost, as an operator accepted'
        : 'the upstream has more of this log than the storage: the storage went back in time, the log goes on after it',
    );
    return true;
  }

  /** See `LogRepair.keepTo`. A chain proves it, and nothing else does when a loss was accepted: there may be a hole before the mark. */
  async #keepTo(slot: number, { seq, chain }: UpstreamPosition, how: RepairKind): Promise<number> {
    if (how === 'behind') return seq;
    if (how === 'apart' || seq === 0) return 0;
    const [last] = await this.#d.store.readOutbox(slot, seq - 1, 1);
    return last?.seq === seq && sameBytes(last.chain, chain) ? seq : 0;
  }

  /**
   * Numbered entries that must be numbered again, as pending ones before all others; with what was passed over declared in the first. All
   * that is retained may be, when the pasts are apart: what the upstream acknowledged it may have lost. What it has leaves.
   */
  async #unnumbered(
    outbound: OutboundLog,
    slot: number,
    position: UpstreamPosition,
    how: RepairKind,
  ): Promise<PendingEntry[]> {
    if (how === 'behind') return []; // the upstream has every number that was given here
    const passOver = how === 'passOver';
    const entries: OutboxEntry[] = [];
    let before: ReadonlyMap<string, LogPosition> | undefined;
    for (let after = passOver ? position.seq : 0; ;) {
      const found = await this.#d.store.readOutbox(slot, after, FOLD_BYTES_MAX);
      if (found.length === 0) break;
      for (const entry of found) {
        const said = decodeHeader(entry.header).frontier;
        const known = entry.seq === 1 ? new Map() : before;
        const included = passOver ? 'no' : numberedIn(said, position.frontier, outbound.broughtBefore(known));
        before = said;
        if (included !== 'yes') entries.push(included === 'suspect' ? asSuspect(entry, this.#o.tier) : entry);
      }
      after = found.at(-1)!.seq;
    }
    const firstOrd = outbound.pending.firstOrd - entries.length - 1;
    const waiting = entries.map(({ seq: _, chain: _chain, ...entry }, i): PendingEntry => ({
      ...entry,
      ord: firstOrd + 1 + i,
    }));
    return passOver ? [this.#passedOver(outbound, position, entries, firstOrd, slot), ...waiting] : waiting;
  }

  /** An entry that says what the upstream does not have and the outbox has no more: everything behind the mark that is not in `entries`. */
  #passedOver(
    outbound: OutboundLog,
    position: UpstreamPosition,
    entries: readonly OutboxEntry[],
    ord: number,
    slot: number,
  ): PendingEntry {
    const { head, watermark } = outbound;
    const ranges: string[] = [];
    let next = position.seq + 1;
    let kept = 0;
    for (const { seq, increments } of [...entries, { seq: head.nextSeq, increments: 0 }]) {
      if (seq > next) ranges.push(seq - 1 === next ? `${next}` : `${next} to ${seq - 1}`);
      next = seq + 1;
      kept += increments;
    }
    const increments = Math.max(0, head.ledger - position.increments - kept);
    const loss = lossOf(this.#o.tier, 'range', '', `batches ${ranges.join(', ')}`, NO_WATERMARK, increments);
    const portion: Portion = {
      batch: { entities: [], blocks: [], unknownBlocks: [] },
      increments: 0,
      losses: [loss],
      manifests: [],
      watermark: entries.length > 0 ? NO_WATERMARK : watermark,
      origins: new Map(),
      frontier: position.frontier,
    };
    return outbound.waiting(slot, ord, portion, this.#d.clock.now());
  }

  /** Gives numbers to what waits, oldest first, while there is room; folds it while there is none. */
  async settlePending(): Promise<void> {
    for (const held of this.#d.slots()) {
      const { outbound } = held;
      const owned = () => this.#d.owns(held);
      while (owned() && outbound.verified && outbound.pending.entries > 0 && outbound.hasRoom) await this.#seal(held);
      if (owned() && outbound.mayFold) await this.#fold(held);
    }
  }

  /** Measures what waits for the upstream; gives up what the operator said when it is too much, and blocks when that is not enough. */
  async keepWithinBounds(): Promise<void> {
    const { outbound, forwards } = this.#o;
    const nowMs = this.#d.clock.monotonicMs();
    if (!outbound || !forwards || nowMs - this.#backlogAtMs < BACKLOG_PERIOD_MS) return;
    this.#backlogAtMs = nowMs;
    const { bytesMax, onFull } = outbound;
    this.#backlog = await this.#d.store.outboxBacklog();
    let { bytes } = this.#backlog;
    if (onFull === 'coarsen' && bytes >= COARSEN_AT * bytesMax) bytes -= await this.#coarsen();
    if (onFull === 'drop' && bytes >= DROP_AT * bytesMax) bytes -= await this.#drop(bytes - AIM_AT * bytesMax);
    const full = bytes >= bytesMax * (this.full ? EASE_AT : 1);
    if (full !== this.full)
      this.#d.logger[full ? 'error' : 'info'](
        { bytes, bytesMax, onFull },
        full
          ? 'the forward buffer is full: what comes is refused until the upstream takes something'
          : 'the forward buffer has room again',
      );
    this.full = full;
  }

  /** Puts minutes together in what waits, oldest first; bytes that this saved. */
  async #coarsen(): Promise<number> {
    let saved = 0;
    for (const held of this.#d.slots()) {
      const { outbound } = held;
      let promised = outbound.head.watermark;
      saved += await this.#rewrite(held, Number.POSITIVE_INFINITY, (entry) => {
        const changed = coarsened(entry, promised, this.#o.tier);
        promised = Math.max(promised, decodeHeader(entry.header).watermark);
        return changed;
      });
      outbound.foldedTo = BEFORE_ALL; // what was apart by its minutes may be one now
      if (this.#d.owns(held) && outbound.mayFold) saved += await this.#fold(held);
    }
    return saved;
  }

  /** Gives up kinds of metrics, the least first and of each the oldest, until about `bytes` are saved. */
  async #drop(bytes: number): Promise<number> {
    let saved = 0;
    for (const kind of SHED_KINDS)
      for (const held of this.#d.slots()) {
        if (saved >= bytes) return saved;
        saved += await this.#rewrite(held, bytes - saved, (entry) => withoutKind(entry, kind, this.#o.tier));
      }
    return saved;
  }

  /** Replaces pending entries of a slot until `bytes` are saved; the bytes saved. What is declared lost is kept here too. */
  async #rewrite(held: Slot, bytes: number, change: (entry: PendingEntry) => Shed | undefined): Promise<number> {
    const { state, outbound } = held;
    let saved = 0;
    for (let afterOrd = BEFORE_ALL; outbound.pending.entries > 0 && saved < bytes;) {
      const found = await this.#d.store.readPending(state.slot, afterOrd, FOLD_BYTES_MAX);
      const changed: PendingEntry[] = [];
      const losses: StoredLoss[] = [];
      for (const entry of found) {
        afterOrd = entry.ord;
        const less = saved < bytes ? change(entry) : undefined;
        if (!less) continue;
        changed.push(less.entry);
        saved += bytesOf([entry]) - bytesOf([less.entry]);
        for (const loss of less.losses)
          losses.push({ ...loss, logId: outbound.head.logId, seq: entry.ord, index: this.#lossIndex() });
      }
      if (found.length === 0) break;
      if (changed.length === 0) continue;
      const settled = changed.map(({ ord }) => ord);
      const flush = flushOf(state.slot, state.fence, { settled, pending: changed, losses });
      if (!(await this.#d.commit(held, flush))) return saved;
      for (const { increments } of losses) this.#counters.shed.inc(increments);
    }
    return saved;
  }

  /** An entry may lose something more than once, under one ord: no number comes twice in years. */
  #lossIndex(): number {
    return (Math.trunc(this.#d.clock.now()) + this.#lossesDeclared++) % 2 ** 31;
  }

  /** After an upgrade: what was parked because nobody here knew its metric is merged; it went up long ago. */
  async mergeParked(): Promise<void> {
    for (const held of this.#d.slots()) {
      const { state } = held;
      while (!held.parkedMerged && this.#d.owns(held)) {
        const found = await this.#d.store.readParked(state.slot, 'unknown-metric', held.parkedTo, PARKED_AT_ONCE);
        held.parkedTo = found.at(-1)?.id ?? held.parkedTo;
        held.parkedMerged = found.length === 0;
        await this.#mergeParks(held, found);
      }
    }
  }

  async #mergeParks(held: Slot, found: readonly StoredPark[]): Promise<void> {
    const { state } = held;
    const delta = new SlotDelta();
    const merged: number[] = [];
    const blocks: AuditPart['blocks'][number][] = [];
    for (const { id, logId, content } of found) {
      const mark = state.marks.get(logId);
      const kind = mark?.kind ?? 'federated';
      const sender = kind === 'federated' ? (mark?.producer ?? '') : this.#o.tier;
      const batch = decodeContent(splitContent(content));
      const [block] = batch.blocks; // one block was parked at a time
      const metric = block && this.#o.resolve(block.schema, kind);
      if (!block || !metric || sender === '') continue;
      const origin = this.#o.originScopes.has(metric.scope) ? block.origin || sender : '';
      if (delta.addBlock(batch, block, metric, origin) !== undefined) return; // overflow: parked they stay
      merged.push(id);
      blocks.push({ batch, block, metric });
    }
    if (merged.length === 0) return;
    const missing = state.missingMinutes(delta);
    if (missing.length > 0)
      state.addLoaded(
        missing,
        await this.#d.store.loadRows(state.slot, 'minute', missing),
        this.#d.clock.monotonicMs(),
      );
    let refused = false;
    const changes = state.fold(delta, this.#d.clock.monotonicMs(), () => (refused = true));
    if (refused) {
      this.#d.forget(held); // the memory holds what is not going to be stored
      return;
    }
    const hours = new Set([...delta.tables].map(({ minute }) => Math.floor(minute / 60)));
    await held.audit.load(this.#d.store, SlotAudit.minutesOf(delta.tables, [], NO_WATERMARK));
    held.audit.takeParked(delta.tables, blocks);
    const { manifests, verdicts } = await held.audit.judge(this.#d.store, {
      marks: state.marks,
      sealedTo: held.outbound.watermark,
      outboundLogId: held.outbound.head.logId,
      losses: [],
    });
    const dirtyHours = [...hours];
    const flush = flushOf(state.slot, state.fence, { ...changes, unparked: merged, manifests, verdicts, dirtyHours });
    if (!(await this.#d.commit(held, flush))) return;
    for (const hour of hours) state.dirtyHours.add(hour);
    this.#d.logger.info(
      { slot: state.slot, blocks: merged.length },
      'parked blocks of a metric that is known now were merged',
    );
  }

  async #seal(held: Slot): Promise<void> {
    const { state, outbound } = held;
    const found = await this.#d.store.readPending(state.slot, BEFORE_ALL, FOLD_BYTES_MAX);
    if (found.length === 0) {
      outbound.pending = { ...outbound.pending, entries: 0 };
      return;
    }
    const whole = foldPending(found, outbound.head.watermark);
    const taken = whole ? found : found.slice(0, 1);
    const folded = whole ?? foldPending(taken, outbound.head.watermark)!; // one entry alone cannot overflow
    const portion = { ...folded, frontier: outbound.frontier(folded.frontier) };
    const entry = outbound.entry(state.slot, portion, this.#d.clock.now());
    const flush = flushOf(state.slot, state.fence, {
      outbox: [{ entry, watermark: portion.watermark }],
      settled: taken.map(({ ord }) => ord),
    });
    if (!(await this.#d.commit(held, flush))) return;
    reached('outbox.sealed');
    this.#d.onAppended(state.slot);
  }

  /** Bytes that it saved. */
  async #fold(held: Slot): Promise<number> {
    const { state, outbound } = held;
    const found = await this.#d.store.readPending(state.slot, outbound.foldedTo, FOLD_BYTES_MAX);
    const last = found.at(-1);
    const portion = found.length > 1 ? foldPending(found, outbound.head.watermark) : undefined;
    if (last === undefined || portion === undefined) return 0;
    const folded = outbound.waiting(state.slot, last.ord, portion, last.createdAtMs);
    const before = bytesOf(found);
    const settled = found.map(({ ord }) => ord);
    const flush = flushOf(state.slot, state.fence, { settled, pending: [folded] });
    if (!(await this.#d.commit(held, flush))) return 0;
    reached('outbox.folded');
    const after = bytesOf([folded]);
    if (after >= FOLDED_ENOUGH_BYTES) outbound.foldedTo = last.ord;
    this.#d.logger.info({ slot: state.slot, entries: found.length, before, after }, 'entries that wait were folded');
    return before - after;
  }

  async rollupDue(): Promise<void> {
    if (!this.#o.derivesHours) return;
    const now = this.#d.clock.monotonicMs();
    for (const slot of this.#d.slots()) {
      const { state } = slot;
      if (state.dirtyHours.size === 0 || now - slot.lastRollupMs < this.#o.rollupPeriodMs) continue;
      slot.lastRollupMs = now;
      for (const hour of [...state.dirtyHours].toSorted((a, b) => a - b)) {
        const rows = await deriveHour(this.#d.store, state.slot, hour, this.#o.metricsOf);
        const flush = flushOf(state.slot, state.fence, { rows, cleanedHours: [hour] });
        if (!(await this.#d.commit(slot, flush))) break;
        state.dirtyHours.delete(hour);
      }
    }
  }
}
