// SPDX-License-Identifier: Apache-2.0
// What must hold, checked at every commit of every tier. In: what was offered, committed, acknowledged, seen from outside the code under
// test. Out: violations. The truth is what the leaves' databases committed: each tier's rows must be, at any time, the plain fold of
// a prefix of every leaf's history, and marks, acknowledgements and watermarks must say no more than that.
import type { BatchOutcome, IncomingBatch } from '@oap-federation/analysis';
import {
  decodeContent,
  decodeHeader,
  type BatchHeader,
  distributionAt,
  DigestSum,
  entityKeys,
  incrementCount,
  MetricColumns,
  NO_WATERMARK,
  splitContent,
  type IncrementBatch,
  type LogPosition,
  type Loss,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import type {
  LogRepair,
  Mark,
  OutboxEntry,
  PendingEntry,
  RowBlock,
  SlotFlush,
  StoredLoss,
} from '@oap-federation/storage';
import type { MemoryTierStore } from '../memory-store.js';
import type { Kernel } from './kernel.js';

/**
 * `lost`, `doubled`, `altered`: rows are not what the leaves committed. `dishonest`: a watermark promises too much or went back.
 * `unbacked`: an acknowledgement without a commit, or a mark or batch that nobody committed. `stuck`: something does not arrive.
 * `parked`: something was set aside. `bug`: an assertion of the production code.
 */
export type ViolationKind = 'lost' | 'doubled' | 'altered' | 'dishonest' | 'unbacked' | 'stuck' | 'parked' | 'bug';

export interface Violation {
  readonly kind: ViolationKind;
  /** Virtual time, ms. */
  readonly atMs: number;
  readonly tier: string;
  readonly detail: string;
}

export interface TierShape {
  readonly name: string;
  readonly parent: string | undefined;
  /** Itself, for a leaf. */
  readonly leaves: readonly string[];
}

/** What is known of the log of an L1 aggregator, by its producer id. */
export interface LocalProducer {
  /** Minute before which its events were late when it began. */
  readonly firstPromise: number;
  /** Events, as many as it was given. */
  readonly events: () => number;
  /** True when its promises do not bind its tier: it was out of the membership, or the tier's clock was wrong. */
  readonly exempt: () => boolean;
}

/** What something brings: units of leaves' histories. */
interface Contents {
  /** Units whose increments are in it. */
  readonly own: Units;
  /** Units that it declares to be lost. */
  readonly lost: Units;
  /** What a full buffer took from some of `own`, by `unitKey`. */
  readonly less: ReadonlyMap<string, Less>;
}

/** What of a unit was given up. */
interface Less {
  /** Names of metrics that are gone. */
  readonly without: ReadonlySet<string>;
  /** What is said below services was put at five-minute marks, none before these minutes, one time after the other. */
  readonly coarsened: readonly number[];
}

interface EntryTruth extends Contents {
  readonly entry: OutboxEntry;
  /** Highest watermark that this log had promised with this entry, for its own tier as origin. */
  readonly promised: number;
  /** Of a leaf: units of its history in this log up to here. */
  readonly units: number;
  /** The entry before it, in the same past. */
  readonly previous: EntryTruth | undefined;
}

/** What is to be appended but has no number yet, by its ord. */
interface WaitingTruth extends Contents, Pick<PendingEntry, 'header' | 'content' | 'increments'> {
  readonly promised: number;
}

/** What of an input log a flush takes. */
interface Input extends Contents {
  readonly logId: string;
  readonly seq: number;
  readonly content: Uint8Array;
  readonly increments: number;
  readonly losses: readonly Loss[];
}

/** How long an outbound log was: numbered entries, units of a leaf's history, and the last ord without a number. */
export interface Horizon {
  readonly entries: number;
  readonly units: number;
  readonly ord: number;
}

interface LogView {
  readonly seq: number;
  readonly mark: Mark;
}

interface SlotView {
  readonly marks: Map<string, LogView>;
  /** Highest seq of each log that was ever committed, whatever was restored since. */
  readonly ever: Map<string, number>;
  /** The outbound log as the tier has it now. */
  readonly entries: EntryTruth[];
  /** Every entry that was ever committed, by seq: a restored storage gives numbers a second time. */
  readonly variants: EntryTruth[][];
  readonly waiting: Map<number, WaitingTruth>;
  /** Of a leaf: its history, in the units that go up together. */
  readonly truth: IncrementBatch[][];
  /** What its rows hold; that and what was declared lost on the way here; what its outbound log brought, or declared. */
  readonly has: UnitSet;
  readonly covered: UnitSet;
  readonly told: UnitSet;
  /** What of the units that its rows hold was given up below. */
  readonly less: Map<string, Less>;
  /** What came with nothing to pass on: it is in the next entry. */
  readonly silent: Contents[];
  shadow: Shadow;
  watermark: number;
  promised: number;
}

interface TierView {
  readonly shape: TierShape;
  readonly store: MemoryTierStore;
  readonly isLeaf: boolean;
  readonly slots: Map<number, SlotView>;
  commits: number;
}

interface CapturedBatch {
  readonly batch: IncrementBatch;
  readonly watermark: number;
}

export class Oracle {
  readonly violations: Violation[] = [];
  /** Increments that leaves committed, and flushes that were checked. */
  increments = 0;
  commits = 0;
  watermarkChecks = 0;
  /** A tier that does not know some metrics at first: they are parked and passed on there, and right in the end. */
  upgrading: { readonly tier: string; readonly metrics: ReadonlySet<string> } | undefined;
  /**
   * Right minutes of what these tiers sent may be called suspect: a restored tier whose clock is wrong cannot know which minutes its upstream
   * has more of.
   */
  mayBeSuspect: (tiers: readonly string[]) => boolean = () => false;
  /** Increments may be missing where a tier declared it. */
  mayLose = false;
  /** A full buffer gave something up. */
  onShed: (how: 'dropped' | 'coarsened') => void = () => {};
  readonly #kernel: Kernel;
  readonly #originScopes: ReadonlySet<ScopeName>;
  readonly #tiers = new Map<string, TierView>();
  readonly #logs = new Map<string, { readonly tier: string; readonly slot: number }>();
  readonly #captured = new Map<string, CapturedBatch>();
  /** Of what was committed: an entry is looked at several times, here and in the tier above. */
  readonly #headers = new Map<Uint8Array, BatchHeader>();
  readonly #producers = new Map<
    string,
    LocalProducer & { readonly logs: Map<string, { slot: number; seq: number }> }
  >();

  constructor(kernel: Kernel, originScopes: ReadonlySet<ScopeName>) {
    this.#kernel = kernel;
    this.#originScopes = originScopes;
  }

  fail(kind: ViolationKind, tier: string, detail: string): void {
    this.violations.push({ kind, atMs: this.#kernel.nowMs, tier, detail });
    this.#kernel.record('violation', `${kind} ${tier} ${detail}`);
  }

  watch(shape: TierShape, store: MemoryTierStore): void {
    const view: TierView = { shape, store, isLeaf: shape.leaves.includes(shape.name), slots: new Map(), commits: 0 };
    this.#tiers.set(shape.name, view);
    store.onCommit = (flush) => {
      try {
        this.#committed(view, flush);
      } catch (error) {
        this.fail('bug', shape.name, `the check of a commit failed: ${String(error)}`);
      }
    };
    store.onAcknowledge = (slot, seq) => this.#acknowledged(view, slot, seq);
  }

  /** Flushes of a tier so far. */
  commitsOf(tier: string): number {
    return this.#tiers.get(tier)!.commits;
  }

  #slot(view: TierView, slot: number): SlotView {
    let known = view.slots.get(slot);
    if (!known) {
      known = {
        marks: new Map(),
        ever: new Map(),
        entries: [],
        variants: [],
        waiting: new Map(),
        truth: [],
        has: new UnitSet(),
        covered: new UnitSet(),
        told: new UnitSet(),
        less: new Map(),
        silent: [],
        shadow: new Shadow(),
        watermark: NO_WATERMARK,
        promised: NO_WATERMARK,
      };
      view.slots.set(slot, known);
    }
    return known;
  }

  // --- what producers offer and hear ---------------------------------------------------------------------------------

  addProducer(id: string, producer: LocalProducer): void {
    this.#producers.set(id, { ...producer, logs: new Map() });
  }

  /** L1 offers a batch, once or again. */
  offeredLocally(tier: string, { logId, seq, slot, batch, header, producer }: IncomingBatch): void {
    const key = `${logId} ${seq}`;
    const known = this.#captured.get(key);
    if (known === undefined) {
      this.#captured.set(key, { batch, watermark: header.watermark });
      const logs = this.#producers.get(producer)?.logs;
      const log = logs?.get(logId);
      if (log) log.seq = Math.max(log.seq, seq);
      else logs?.set(logId, { slot, seq });
    } else if (known.batch !== batch) this.fail('altered', tier, `two contents for batch ${seq} of local log ${logId}`);
  }

  /** A batch of a tier below arrives at a slot owner. */
  received(tier: string, { logId, slot, seq, headerBytes, contentBytes }: IncomingBatch): void {
    const log = this.#logs.get(logId);
    const truths = (log && this.#tiers.get(log.tier)?.slots.get(slot)?.variants[seq]) ?? [];
    if (!log || truths.length === 0)
      this.fail('unbacked', tier, `batch ${seq} of log ${logId} was never committed below`);
    else if (!truths.some(({ entry }) => equal(entry.header, headerBytes) && equal(entry.content, contentBytes)))
      this.fail('altered', tier, `batch ${seq} of ${log.tier} slot ${slot} is not what was committed`);
  }

  /** The answer to an offer reaches the producer. */
  answered(tier: string, { logId, slot, seq }: IncomingBatch, outcome: BatchOutcome): void {
    if (outcome.kind !== 'committed' && outcome.kind !== 'duplicate') return;
    const stored = this.#slot(this.#tiers.get(tier)!, slot).ever.get(logId) ?? 0;
    const said = Math.max(outcome.appliedSeq, seq);
    if (stored < said) this.fail('unbacked', tier, `${outcome.kind} ${said} of log ${logId}, the mark is at ${stored}`);
  }

  #acknowledged({ shape, store }: TierView, slot: number, seq: number): void {
    const { logId } = store.peekOutbox(slot);
    const parent = this.#tiers.get(shape.parent ?? '');
    const stored = parent ? (this.#slot(parent, slot).ever.get(logId) ?? 0) : 0;
    if (stored < seq)
      this.fail('unbacked', shape.name, `slot ${slot} is acknowledged up to ${seq}, the upstream's mark is ${stored}`);
  }

  #header(bytes: Uint8Array): BatchHeader {
    let known = this.#headers.get(bytes);
    if (!known) this.#headers.set(bytes, (known = decodeHeader(bytes)));
    return known;
  }

  // --- commits -------------------------------------------------------------------------------------------------------

  #committed(view: TierView, flush: SlotFlush): void {
    this.commits++;
    view.commits++;
    const { shape } = view;
    const slot = this.#slot(view, flush.slot);
    const touched = new Set<RowKey>();
    const local: IncrementBatch[] = [];
    const inputs: Input[] = [];
    for (const { mark } of flush.marks) {
      const before = slot.marks.get(mark.logId);
      const fenced = mark.gen > (before?.mark.gen ?? -1) && mark.seq === (before?.seq ?? 0);
      if (mark.seq <= (before?.seq ?? 0) && !fenced)
        this.fail('unbacked', shape.name, `the mark of ${mark.logId} goes from ${before?.seq ?? 0} to ${mark.seq}`);
      const increments =
        mark.kind === 'local'
          ? this.#localBatches(view, slot, mark, before, local)
          : this.#federatedBatches(view, flush.slot, slot, mark, before, touched, inputs);
      if (mark.increments !== (before?.mark.increments ?? 0) + increments)
        this.fail('altered', shape.name, `the mark of ${mark.logId} counts ${mark.increments} increments`);
      if (mark.watermark < (before?.mark.watermark ?? NO_WATERMARK))
        this.fail('dishonest', shape.name, `the watermark of ${mark.producer} went back to ${mark.watermark}`);
      for (const [origin, minute] of before?.mark.origins ?? []) {
        if ((mark.origins.get(origin) ?? NO_WATERMARK) < minute)
          this.fail(
            'dishonest',
            shape.name,
            `the completeness of ${origin} via ${mark.producer} went back from ${minute} to ${mark.origins.get(origin)}`,
          );
      }
      slot.marks.set(mark.logId, { seq: mark.seq, mark });
      slot.ever.set(mark.logId, Math.max(mark.seq, slot.ever.get(mark.logId) ?? 0));
    }
    for (const batch of local) {
      slot.shadow.fold(batch, '', this.#originScopes, touched);
      this.increments += incrementCount(batch);
    }
    for (const block of flush.rows) if (block.granularity === 'minute') this.#checkRows(view, slot, block, touched);
    const later = this.upgrading?.tier === shape.name ? this.upgrading.metrics : NO_METRICS;
    for (const key of touched)
      if (!later.has(slot.shadow.metricOf(key)))
        this.fail('lost', shape.name, `${slot.shadow.describe(key)} is not in the rows of the commit that merged it`);
    for (const { reason, detail } of flush.parked)
      if (reason !== 'unknown-metric' || later.size === 0) this.fail('parked', shape.name, `${reason}: ${detail}`);
    for (const { minute, state, tiers } of flush.verdicts ?? [])
      if (state === 'suspect' && !this.mayBeSuspect(tiers))
        this.fail(
          'altered',
          shape.name,
          `slot ${flush.slot}: the digests of minute ${minute} say that ${tiers.join(', ')} sent something else`,
        );
    for (const { mark } of flush.marks) if (mark.kind === 'federated') this.#checkOrigins(view, flush.slot, mark);
    this.#checkLosses(view, flush, inputs);
    this.#forwarded(view, flush, slot, inputs, local);
    this.#kernel.record('commit', `${shape.name} ${flush.slot} ${textOf(flush)}`);
  }

  #localBatches({ shape }: TierView, slot: SlotView, mark: Mark, before: LogView | undefined, into: IncrementBatch[]) {
    const producer = this.#producers.get(mark.producer);
    let increments = 0;
    let promise = before?.mark.watermark ?? producer?.firstPromise ?? NO_WATERMARK;
    for (let seq = (before?.seq ?? 0) + 1; seq <= mark.seq; seq++) {
      const captured = this.#captured.get(`${mark.logId} ${seq}`);
      if (!captured) {
        this.fail('unbacked', shape.name, `local batch ${seq} of ${mark.logId} was never offered`);
        continue;
      }
      into.push(captured.batch);
      increments += incrementCount(captured.batch);
      if (producer?.exempt() === false) {
        for (const { minute } of captured.batch.blocks) {
          if (minute >= promise && minute < slot.promised)
            this.fail(
              'dishonest',
              shape.name,
              `minute ${minute} of ${mark.producer}, in time, comes after ${slot.promised} was promised`,
            );
        }
      }
      promise = Math.max(promise, captured.watermark);
    }
    return increments;
  }

  #federatedBatches(
    view: TierView,
    slotNumber: number,
    slot: SlotView,
    mark: Mark,
    before: LogView | undefined,
    touched: Set<RowKey>,
    inputs: Input[],
  ): number {
    if (mark.seq === (before?.seq ?? 0)) return 0; // announced or fenced: nothing of it came
    const log = this.#logs.get(mark.logId);
    const truth = log && this.#entryOf(slotNumber, mark);
    if (!log || !truth) {
      this.fail('unbacked', view.shape.name, `mark ${mark.seq} of ${mark.logId}: no such entry was committed`);
      return 0;
    }
    if (log.tier !== mark.producer)
      this.fail('altered', view.shape.name, `log of ${log.tier} is stored as ${mark.producer}'s`);
    let increments = 0;
    const taken: EntryTruth[] = [];
    let at: EntryTruth | undefined = truth;
    for (; at !== undefined && at.entry.seq > (before?.seq ?? 0); at = at.previous) {
      increments += at.entry.increments;
      taken.push(at);
    }
    if (before !== undefined && before.seq > 0 && (at === undefined || !equal(at.entry.chain, before.mark.chain)))
      this.fail('altered', view.shape.name, `mark ${mark.seq} of ${mark.logId} does not continue mark ${before.seq}`);
    for (const { entry, own, lost, less } of taken.toReversed()) {
      const { seq, content, increments: count } = entry;
      inputs.push({
        logId: mark.logId,
        seq,
        content,
        increments: count,
        losses: this.#header(entry.header).losses,
        own,
        lost,
        less,
      });
      for (const [leaf, units] of own) {
        const { truth: history } = this.#tiers.get(leaf)!.slots.get(slotNumber)!;
        for (const unit of units) {
          if (!slot.has.add(leaf, unit)) continue; // if it came twice, the rows will show it
          const given = less.get(unitKey(leaf, unit));
          if (given) slot.less.set(unitKey(leaf, unit), given);
          for (const batch of history[unit]!) slot.shadow.fold(batch, leaf, this.#originScopes, touched, given);
        }
      }
      slot.covered.addAll(own);
      slot.covered.addAll(lost);
      for (const leaf of own.keys())
        if (!slot.covered.isWhole(leaf))
          this.fail('lost', view.shape.name, `slot ${slotNumber}: ${slot.covered.describe(leaf)} are here`);
    }
    return increments;
  }

  /** The entry at which a mark stands. */
  #entryOf(slotNumber: number, { logId, seq, chain }: Pick<Mark, 'logId' | 'seq' | 'chain'>): EntryTruth | undefined {
    const log = this.#logs.get(logId);
    const variants = (log && this.#tiers.get(log.tier)?.slots.get(slotNumber)?.variants[seq]) ?? [];
    return variants.find(({ entry }) => equal(entry.chain, chain));
  }

  #checkRows({ shape, store }: TierView, slot: SlotView, block: RowBlock, touched: Set<RowKey>): void {
    for (let i = 0; i < block.entities.length; i++) {
      for (const { schema, present, ints, distributions } of block.metrics) {
        if (present[i] !== 1) continue;
        if (this.upgrading?.tier === shape.name && this.upgrading.metrics.has(schema.name)) continue; // in the end
        const value = {
          schema,
          minute: block.minutes[i]!,
          origin: block.origins[i]!,
          entity: block.entities[i]!,
          ints: ints.map((column) => column[i]!),
          distributions: distributions.map((column) => distributionAt(column, i).slice()),
        };
        const problem = slot.shadow.compare(store, block.slot, value, touched);
        if (problem) this.fail(problem.kind, shape.name, problem.detail);
      }
    }
  }

  /** A commit stores each loss that its batches declare, once, under the batch; it may know a last minute that they do not. */
  #checkLosses({ shape }: TierView, flush: SlotFlush, inputs: readonly Input[]): void {
    const declared = inputs.flatMap(({ logId, seq, losses }) =>
      losses.map((loss, index): StoredLoss => ({ ...loss, logId, seq, index })),
    );
    const isOpen = (one: StoredLoss) =>
      declared.some(
        ({ logId, seq, index, lastMinute }) =>
          lastMinute === NO_WATERMARK && one.logId === logId && one.seq === seq && one.index === index,
      );
    const told = declared.map(textOfLoss);
    const stored = flush.losses
      .filter(({ logId }) => inputs.some((input) => input.logId === logId))
      .map((one) => textOfLoss(isOpen(one) ? { ...one, lastMinute: NO_WATERMARK } : one));
    if (told.toSorted().join() !== stored.toSorted().join())
      this.fail('lost', shape.name, `slot ${flush.slot} stores ${stored.length} losses, it was told ${told.length}`);
  }

  /** What an entry declares is what its inputs do, and what of them it does not bring itself. */
  #checkDeclared(view: TierView, slot: SlotView, inputs: readonly Input[], header: Uint8Array, lost: number): void {
    const isTold = (leaf: string, unit: number) => slot.told.has(leaf, unit);
    let [least, most] = [lost, lost];
    for (const { own, losses } of inputs) {
      const increments = sumOf(losses);
      most += increments;
      if (own.size > 0 && !everyUnit(own, isTold)) least += increments;
    }
    const declares = sumOf(this.#header(header).losses);
    if (declares < least || declares > most)
      this.fail('lost', view.shape.name, `an entry declares ${declares} increments, not ${least} to ${most}`);
  }

  /** The vector that this tier shows after a commit: each origin's promise is covered by what is included. */
  #checkOrigins(view: TierView, slotNumber: number, mark: Mark): void {
    for (const [origin, minute] of mark.origins) this.#checkPromise(view, slotNumber, origin, minute);
  }

  #checkPromise(view: TierView, slotNumber: number, leaf: string, minute: number): void {
    if (minute <= NO_WATERMARK) return;
    this.watermarkChecks++;
    const entries = this.#tiers.get(leaf)?.slots.get(slotNumber)?.entries ?? [];
    const first = firstPromising(entries, minute);
    const included = this.#slot(view, slotNumber).covered.prefix(leaf);
    const needed = first?.units ?? 0;
    if (first === undefined)
      this.fail('dishonest', view.shape.name, `slot ${slotNumber}: ${minute} is promised for ${leaf}, which never did`);
    else if (included < needed)
      this.fail(
        'dishonest',
        view.shape.name,
        `slot ${slotNumber}: ${minute} is promised for ${leaf}, whose ${needed} first units are needed and ${included} are in`,
      );
  }

  /** What a commit adds to the outbound log, with a number or without. */
  #forwarded(
    view: TierView,
    flush: SlotFlush,
    slot: SlotView,
    inputs: readonly Input[],
    local: readonly IncrementBatch[],
  ): void {
    const { isLeaf, shape } = view;
    const settled = flush.settled.flatMap((ord) => slot.waiting.get(ord) ?? []);
    const appends = flush.outbox.length + flush.pending.length > 0;
    if (!appends && shape.parent !== undefined) {
      const isNew = (leaf: string, unit: number) =>
        !slot.told.has(leaf, unit) &&
        this.#tiers
          .get(leaf)!
          .slots.get(flush.slot)!
          .truth[unit]!.some((b) => incrementCount(b) > 0);
      if (local.some((b) => incrementCount(b) > 0) || inputs.some(({ own }) => someUnit(own, isNew)))
        this.fail('lost', shape.name, `slot ${flush.slot}: a commit with increments appends nothing to the outbox`);
      const isUntold = (leaf: string, unit: number) => !slot.told.has(leaf, unit);
      for (const { own, lost, less } of inputs) slot.silent.push({ own: unitsWhere(own, isUntold), lost, less });
    }
    const silent = appends && flush.settled.length === 0 && !flush.repair ? slot.silent.splice(0) : [];
    const byOrd = new Map(flush.settled.map((ord) => [ord, slot.waiting.get(ord)]));
    const isShed = flush.losses.some(({ cause }) => cause === 'dropped' || cause === 'coarsened') && settled.length > 0;
    const shed = isShed ? this.#shed(shape.name, slot, flush) : new Map<number, Contents>();
    for (const ord of flush.settled) slot.waiting.delete(ord);
    const unnumbered = flush.repair ? this.#repaired(view, flush.slot, slot, flush.repair) : [];
    for (const pending of flush.pending) {
      const { ord, header, source, increments } = pending;
      let contents: Contents = NOTHING;
      if (flush.repair) {
        contents = this.#againWaiting(flush, header, increments, byOrd.get(ord), unnumbered);
        slot.told.addAll(contents.lost); // what is passed over is not passed on when it comes again
      } else if (isShed) contents = shed.get(ord)!;
      else if (settled.length > 0) contents = unionOf(settled);
      else if (isLeaf && (source !== undefined || flush.pending.length === 1)) {
        const batches = source ? [this.#captured.get(`${source.logId} ${source.seq}`)!.batch] : local;
        contents = unitOf(shape.name, slot.truth.push([...batches]) - 1);
      } else if (source !== undefined) {
        const input = inputs.find(({ logId, seq }) => logId === source.logId && seq === source.seq)!;
        contents = unionOf([this.#without(view, slot, [input], pending), ...silent.splice(0)]);
      } else if (flush.pending.length === 1) {
        contents = unionOf([this.#without(view, slot, inputs, pending), ...silent]);
      }
      if (isLeaf) {
        const { watermark, origins } = this.#header(header);
        slot.promised = Math.max(slot.promised, watermark, origins.get(shape.name) ?? NO_WATERMARK);
      }
      const { content } = pending;
      const { own, lost, less } = contents;
      slot.waiting.set(ord, { own, lost, less, promised: slot.promised, header, content, increments });
    }
    for (const { entry } of flush.outbox) {
      let contents: Contents;
      if (settled.length > 0) {
        contents = unionOf(settled);
        const waited = settled.reduce((sum, { header }) => sum + sumOf(this.#header(header).losses), 0);
        const declares = sumOf(this.#header(entry.header).losses);
        if (declares !== waited)
          this.fail('lost', shape.name, `entry ${entry.seq} declares ${declares} increments, what waited ${waited}`);
      } else if (isLeaf) contents = unitOf(shape.name, slot.truth.push([...local]) - 1);
      else contents = unionOf([this.#without(view, slot, inputs, entry), ...silent]);
      this.#appended(view, flush.slot, slot, entry, contents, settled.at(-1)?.promised);
    }
  }

  /** What waits after a full buffer gave something up; what is gone is declared, to the increment. */
  #shed(tier: string, slot: SlotView, flush: SlotFlush): Map<number, Contents> {
    const after = new Map<number, Contents>();
    const isCoarser = flush.losses.some(({ cause }) => cause === 'coarsened');
    let promised = slot.watermark;
    let [declares, gone] = [0, 0];
    for (const [ord, waiting] of [...slot.waiting].toSorted(([a], [b]) => a - b)) {
      const entry = flush.pending.find((pending) => pending.ord === ord);
      if (entry) {
        declares += sumOf(this.#header(entry.header).losses) - sumOf(this.#header(waiting.header).losses);
        gone += waiting.increments - entry.increments;
        const left = metricsOf(entry.content);
        const without = [...metricsOf(waiting.content)].filter((name) => !left.has(name));
        const less = new Map(waiting.less);
        for (const [leaf, units] of waiting.own)
          for (const unit of units) {
            const known = less.get(unitKey(leaf, unit));
            less.set(unitKey(leaf, unit), {
              without: new Set([...(known?.without ?? []), ...without]),
              coarsened: [...(known?.coarsened ?? []), ...(isCoarser ? [promised] : [])],
            });
          }
        after.set(ord, { ...waiting, less });
      }
      promised = Math.max(promised, this.#header(waiting.header).watermark);
    }
    const stored = sumOf(flush.losses);
    this.onShed(isCoarser ? 'coarsened' : 'dropped');
    if (stored !== declares || (!isCoarser && declares !== gone))
      this.fail('lost', tier, `${gone} increments were given up, ${declares} are declared above and ${stored} here`);
    return after;
  }

  /** What of `inputs` goes on. What the header calls suspect does not: the tier could not know whether its upstream has it. */
  #without(
    view: TierView,
    slot: SlotView,
    inputs: readonly Input[],
    appended: Pick<OutboxEntry, 'header' | 'content'>,
  ): Contents {
    const { shape } = view;
    const isSuspect = ({ cause, tier }: Loss) => cause === 'suspect' && tier === shape.name;
    let suspect = 0;
    for (const loss of this.#header(appended.header).losses) if (isSuspect(loss)) suspect += loss.increments;
    this.#checkDeclared(view, slot, inputs, appended.header, suspect);
    const untold = ({ own, lost, less }: Contents): Contents => ({
      own: unitsWhere(own, (leaf, unit) => !slot.told.has(leaf, unit)), // the upstream has the others
      lost,
      less,
    });
    if (suspect === 0) return untold(unionOf(inputs));
    const mayBe = inputs.filter(
      ({ increments, own }) => increments > 0 && !everyUnit(own, (leaf, unit) => slot.told.has(leaf, unit)),
    );
    // the digest of a sum is the sum of the digests
    const wanted = digestOf(appended.content).value();
    const digests = mayBe.map(({ content }) => digestOf(content));
    const subsets = 2 ** mayBe.length;
    for (let subset = 0; subset < subsets; subset++) {
      const isOut = (i: number) => ((subset >> i) & 1) === 1;
      if (mayBe.reduce((sum, { increments }, i) => sum + (isOut(i) ? increments : 0), 0) !== suspect) continue;
      const sum = new DigestSum();
      digests.forEach((digest, i) => isOut(i) || sum.add(digest));
      const { a, b } = sum.value();
      if (a !== wanted.a || b !== wanted.b) continue;
      const out = new Set(mayBe.filter((_, i) => isOut(i)));
      return untold(unionOf(inputs.map((input) => (out.has(input) ? declared(input) : input))));
    }
    this.fail('altered', shape.name, `${suspect} suspect increments are not those of whole batches`);
    return unionOf(inputs);
  }

  /** What waits after a repair: as it was, or declared instead; entries that lost their numbers, and what was passed over, too. */
  #againWaiting(
    flush: SlotFlush,
    header: Uint8Array,
    increments: number,
    before: WaitingTruth | undefined,
    unnumbered: EntryTruth[],
  ): Contents {
    if (before) return declared(before);
    const { losses, frontier } = this.#header(header);
    if (losses.some(({ cause }) => cause === 'range') && increments === 0) {
      const isKept = ({ entry }: EntryTruth) =>
        flush.pending.some((kept) => equal(kept.header, entry.header) && equal(kept.content, entry.content));
      return declared(unionOf(unnumbered.filter((truth) => !isKept(truth))));
    }
    const same = unnumbered.find(({ entry }) => equal(entry.header, header));
    if (same) return same;
    const text = textOfPositions(frontier);
    const changed = unnumbered.find(({ entry }) => textOfPositions(this.#header(entry.header).frontier) === text);
    return changed ? declared(changed) : NOTHING;
  }

  /** A restored tier goes on after what its upstream has: an entry of its own lost past. Gives the entries that lost their numbers. */
  #repaired({ shape }: TierView, slotNumber: number, slot: SlotView, repair: LogRepair): EntryTruth[] {
    const { seq, chain, dropPending } = repair;
    const end = seq === 0 ? undefined : slot.variants[seq]?.find(({ entry }) => equal(entry.chain, chain));
    if (seq > 0 && !end) {
      this.fail('unbacked', shape.name, `slot ${slotNumber} goes on after ${seq}, which it never committed`);
      return [];
    }
    const past: EntryTruth[] = [];
    for (let at: EntryTruth | undefined = end; at !== undefined; at = at.previous) past.push(at);
    const kept = new Set(past);
    const unnumbered = slot.entries.filter((truth) => !kept.has(truth)); // some may have numbers that the upstream has, too
    slot.entries.splice(0, slot.entries.length, ...past.toReversed());
    slot.told.clear();
    for (const { own, lost } of slot.entries) {
      slot.told.addAll(own);
      slot.told.addAll(lost);
    }
    for (const ord of dropPending) {
      if (!everyUnit(slot.waiting.get(ord)?.own ?? NO_UNITS, (leaf, unit) => slot.told.has(leaf, unit)))
        this.fail('lost', shape.name, `slot ${slotNumber} drops entry ${ord}, which its upstream does not have`);
      slot.waiting.delete(ord);
    }
    return unnumbered;
  }

  #appended(
    view: TierView,
    slotNumber: number,
    slot: SlotView,
    entry: OutboxEntry,
    contents: Contents,
    promisedBefore: number | undefined,
  ): void {
    const { shape, store, isLeaf } = view;
    if (entry.seq !== slot.entries.length + 1) {
      this.fail('altered', shape.name, `outbox seq ${entry.seq} of slot ${slotNumber} after ${slot.entries.length}`);
      return;
    }
    this.#logs.set(store.peekOutbox(slotNumber).logId, { tier: shape.name, slot: slotNumber });
    const { watermark, origins } = this.#header(entry.header);
    if (watermark < slot.watermark)
      this.fail('dishonest', shape.name, `the outbox watermark went back from ${slot.watermark} to ${watermark}`);
    slot.watermark = watermark;
    if (promisedBefore === undefined && isLeaf)
      slot.promised = Math.max(slot.promised, watermark, origins.get(shape.name) ?? NO_WATERMARK);
    const previous = slot.entries.at(-1);
    // after a repair, the upstream has some of it already
    const own = unitsWhere(contents.own, (leaf, unit) => !slot.told.has(leaf, unit));
    const units = Math.max(previous?.units ?? 0, 1 + (contents.own.get(shape.name)?.at(-1) ?? -1));
    const promised = promisedBefore ?? slot.promised;
    const truth: EntryTruth = { entry, promised, own, lost: contents.lost, less: contents.less, units, previous };
    slot.told.addAll(own);
    slot.told.addAll(contents.lost);
    slot.entries.push(truth);
    (slot.variants[entry.seq] ??= []).push(truth);
    if (isLeaf) return;
    for (const leaf of shape.leaves) this.#checkPromise(view, slotNumber, leaf, watermark);
    for (const [origin, minute] of origins) this.#checkPromise(view, slotNumber, origin, minute);
  }

  // --- a storage that goes back in time ------------------------------------------------------------------------------

  /** Notes what a tier without leaves of its own has now; the function it gives says that its storage went back to it. */
  snapshot(tier: string): () => void {
    const view = this.#tiers.get(tier)!;
    const copies = new Map(
      [...view.slots].map(([slotNumber, slot]) => [
        slotNumber,
        {
          marks: [...slot.marks],
          entries: [...slot.entries],
          waiting: [...slot.waiting],
          has: slot.has.copy(),
          covered: slot.covered.copy(),
          told: slot.told.copy(),
          less: [...slot.less],
          silent: [...slot.silent],
          watermark: slot.watermark,
          promised: slot.promised,
        },
      ]),
    );
    return () => {
      for (const [slotNumber, slot] of view.slots) {
        const copy = copies.get(slotNumber);
        refill(slot.marks, copy?.marks ?? []);
        refill(slot.waiting, copy?.waiting ?? []);
        refill(slot.less, copy?.less ?? []);
        slot.has.become(copy?.has);
        slot.covered.become(copy?.covered);
        slot.told.become(copy?.told);
        slot.silent.splice(0, slot.silent.length, ...(copy?.silent ?? []));
        slot.entries.splice(0, slot.entries.length, ...(copy?.entries ?? []));
        slot.watermark = copy?.watermark ?? NO_WATERMARK;
        slot.promised = copy?.promised ?? NO_WATERMARK;
        slot.shadow = new Shadow();
        for (const [leaf, unit] of slot.has)
          for (const batch of this.#tiers.get(leaf)!.slots.get(slotNumber)!.truth[unit]!)
            slot.shadow.fold(batch, leaf, this.#originScopes, new Set(), slot.less.get(unitKey(leaf, unit)));
      }
    };
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  /** Where the outbound log of every tier and slot ends now, to compare with later. */
  horizon(): ReadonlyMap<string, Horizon> {
    const horizon = new Map<string, Horizon>();
    for (const { shape, slots } of this.#tiers.values()) {
      if (shape.parent === undefined) continue;
      for (const [slot, { entries, truth, waiting }] of slots)
        horizon.set(`${shape.name} ${slot}`, {
          entries: entries.length,
          units: truth.length,
          ord: Math.max(0, ...waiting.keys()),
        });
    }
    return horizon;
  }

  /** What up to `horizon` is not acknowledged, not merged in some tier above, or not promised there; empty when all arrived. */
  missing(horizon: ReadonlyMap<string, Horizon>): string[] {
    const missing: string[] = [];
    const { parked } = this.#tiers.get(this.upgrading?.tier ?? '')?.store ?? { parked: [] };
    if (parked.length > 0) missing.push(`${this.upgrading!.tier}: ${parked.length} parked blocks`);
    for (const [key, { entries: end, units, ord }] of horizon) {
      const [name, slotText] = key.split(' ') as [string, string];
      const slotNumber = Number(slotText);
      const tier = this.#tiers.get(name)!;
      const { acknowledgedSeq } = tier.store.peekOutbox(slotNumber);
      const length = Math.min(end, this.#slot(tier, slotNumber).entries.length); // a repair may make it shorter
      if (acknowledgedSeq < length) missing.push(`${key}: ${acknowledgedSeq} of ${end} acknowledged`);
      for (const waiting of this.#slot(tier, slotNumber).waiting.keys())
        if (waiting <= ord) missing.push(`${key}: entry ${waiting} waits for a number`);
      if (!tier.isLeaf) continue;
      const { entries, truth } = this.#slot(tier, slotNumber);
      const promised = entries[end - 1]?.promised ?? NO_WATERMARK;
      // a unit that neither adds nor promises anything need not travel further than to the next tier
      const needed = truth.slice(0, units).findLastIndex((unit) => unit.some((b) => incrementCount(b) > 0)) + 1;
      for (let below = tier; ;) {
        const above = this.#tiers.get(below.shape.parent ?? '');
        if (!above) break;
        const slot = this.#slot(above, slotNumber);
        const included = slot.covered.prefix(name);
        if (included < needed) missing.push(`${above.shape.name} has ${included} of ${needed} of ${key}`);
        const { logId } = below.store.peekOutbox(slotNumber);
        const shown = slot.marks.get(logId)?.mark.origins.get(name) ?? NO_WATERMARK;
        if (shown < promised) missing.push(`${above.shape.name} shows ${shown} for ${key}, promised is ${promised}`);
        below = above;
      }
    }
    return missing;
  }

  /** Batches that a living L1 offered and that are not committed. */
  uncommitted(producer: string, tier: string): string[] {
    const missing: string[] = [];
    for (const [logId, { slot, seq }] of this.#producers.get(producer)?.logs ?? []) {
      const stored = this.#slot(this.#tiers.get(tier)!, slot).marks.get(logId)?.seq ?? 0;
      if (stored < seq) missing.push(`${tier} slot ${slot}: ${stored} of ${seq} of ${logId}`);
    }
    return missing;
  }

  /** Compares every stored row of every tier with the fold of what is included; call when nothing moves. */
  finish(
    living: readonly { readonly tier: string; readonly producer: string }[],
    eventsOf: (batch: IncrementBatch) => number,
  ): void {
    for (const { shape, store, slots } of this.#tiers.values()) {
      if (!this.mayLose)
        for (const loss of store.losses) this.fail('altered', shape.name, `declared lost: ${JSON.stringify(loss)}`);
      for (const [slotNumber, { shadow }] of slots) {
        const seen = shadow.keys();
        for (const value of store.peekValues(slotNumber)) {
          const problem = shadow.compare(store, slotNumber, value, seen);
          if (problem) this.fail(problem.kind, shape.name, problem.detail);
        }
        for (const key of seen) this.fail('lost', shape.name, `${shadow.describe(key)} has no row`);
      }
    }
    for (const { tier, producer } of living) {
      const known = this.#producers.get(producer)!;
      let events = 0;
      for (const [logId, { seq }] of known.logs)
        for (let s = 1; s <= seq; s++) events += eventsOf(this.#captured.get(`${logId} ${s}`)!.batch);
      if (events !== known.events())
        this.fail(
          events < known.events() ? 'lost' : 'doubled',
          tier,
          `L1 took ${known.events()} events, its batches hold ${events}`,
        );
    }
  }
}

/** Units of leaves' histories, ascending. */
type Units = ReadonlyMap<string, readonly number[]>;

const NO_UNITS: Units = new Map();
const NOTHING: Contents = { own: NO_UNITS, lost: NO_UNITS, less: new Map() };

function unitOf(leaf: string, unit: number): Contents {
  return { own: new Map([[leaf, [unit]]]), lost: NO_UNITS, less: NOTHING.less };
}

function unitKey(leaf: string, unit: number): string {
  return `${leaf} ${unit}`;
}

function everyUnit(units: Units, holds: (leaf: string, unit: number) => boolean): boolean {
  for (const [leaf, of] of units) if (!of.every((unit) => holds(leaf, unit))) return false;
  return true;
}

function someUnit(units: Units, holds: (leaf: string, unit: number) => boolean): boolean {
  return !everyUnit(units, (leaf, unit) => !holds(leaf, unit));
}

function unitsWhere(units: Units, holds: (leaf: string, unit: number) => boolean): Units {
  if (everyUnit(units, holds)) return units;
  return new Map([...units].map(([leaf, of]) => [leaf, of.filter((unit) => holds(leaf, unit))]));
}

function unionOf(contents: readonly Contents[]): Contents {
  if (contents.length === 1) return contents[0]!;
  const union = (of: (one: Contents) => Units): Units => {
    const all = new Map<string, Set<number>>();
    for (const one of contents)
      for (const [leaf, units] of of(one)) {
        const known = all.get(leaf);
        if (known === undefined) all.set(leaf, new Set(units));
        else for (const unit of units) known.add(unit);
      }
    return new Map([...all].map(([leaf, units]) => [leaf, [...units].toSorted((a, b) => a - b)]));
  };
  const less = new Map(contents.flatMap((one) => [...one.less]));
  return { own: union(({ own }) => own), lost: union(({ lost }) => lost), less };
}

/** The same units, lost. */
function declared({ own, lost }: Contents): Contents {
  const all = [own, lost].map((units) => ({ ...NOTHING, own: units }));
  return { ...NOTHING, lost: unionOf(all).own };
}

function metricsOf(content: Uint8Array): Set<string> {
  return new Set(decodeContent(splitContent(content)).blocks.map(({ schema }) => schema.name));
}

const COARSE_MINUTES = 5;

function coarse(minute: number, promised: number): number {
  return Math.min(minute, Math.max(Math.floor(minute / COARSE_MINUTES) * COARSE_MINUTES, promised));
}

function digestOf(content: Uint8Array): DigestSum {
  const batch = decodeContent(splitContent(content));
  const keys = entityKeys(batch.entities);
  const sum = new DigestSum();
  for (const block of batch.blocks) sum.addBlock(block, keys);
  return sum;
}

/** A set of units: per leaf all before some, and some beyond. */
class UnitSet {
  readonly #leaves = new Map<string, { prefix: number; readonly beyond: Set<number> }>();

  /** False when it was there. */
  add(leaf: string, unit: number): boolean {
    let known = this.#leaves.get(leaf);
    if (!known) this.#leaves.set(leaf, (known = { prefix: 0, beyond: new Set() }));
    if (unit < known.prefix || known.beyond.has(unit)) return false;
    known.beyond.add(unit);
    while (known.beyond.delete(known.prefix)) known.prefix++;
    return true;
  }

  addAll(units: Units): void {
    for (const [leaf, of] of units) for (const unit of of) this.add(leaf, unit);
  }

  has(leaf: string, unit: number): boolean {
    const known = this.#leaves.get(leaf);
    return known !== undefined && (unit < known.prefix || known.beyond.has(unit));
  }

  /** How many of the first units are there, without a gap. */
  prefix(leaf: string): number {
    return this.#leaves.get(leaf)?.prefix ?? 0;
  }

  isWhole(leaf: string): boolean {
    return (this.#leaves.get(leaf)?.beyond.size ?? 0) === 0;
  }

  describe(leaf: string): string {
    const known = this.#leaves.get(leaf);
    return `the first ${known?.prefix ?? 0} units of ${leaf}, and ${[...(known?.beyond ?? [])].join()}`;
  }

  *[Symbol.iterator](): Generator<readonly [leaf: string, unit: number]> {
    for (const [leaf, { prefix, beyond }] of this.#leaves) {
      for (let unit = 0; unit < prefix; unit++) yield [leaf, unit];
      for (const unit of beyond) yield [leaf, unit];
    }
  }

  clear(): void {
    this.#leaves.clear();
  }

  become(other: UnitSet | undefined): void {
    this.#leaves.clear();
    if (other)
      for (const [leaf, { prefix, beyond }] of other.#leaves)
        this.#leaves.set(leaf, { prefix, beyond: new Set(beyond) });
  }

  copy(): UnitSet {
    const copy = new UnitSet();
    copy.become(this);
    return copy;
  }
}

/** The first entry that promises `minute`, undefined when none does; promises never go back. */
function firstPromising(entries: readonly EntryTruth[], minute: number): EntryTruth | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.promised >= minute) high = middle;
    else low = middle + 1;
  }
  return entries[low];
}

interface ComparedValue {
  readonly schema: MetricSchema;
  readonly minute: number;
  readonly origin: number;
  readonly entity: number;
  readonly ints: readonly bigint[];
  readonly distributions: readonly Uint8Array[];
}

/** A row of one metric, as a number: minute, origin, entity and metric, each by its position in the shadow. */
type RowKey = number;

// 2^31 keys: a map hashes integers of 32 bits many times as fast as larger numbers
const MINUTES_MAX = 2 ** 14;
const ORIGINS_MAX = 2 ** 4;
const ENTITIES_MAX = 2 ** 8;
const METRICS_MAX = 2 ** 5;

/** Positions of names, in the order in which they came. */
class Positions<T> {
  readonly #of = new Map<T, number>();
  readonly names: T[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  of(name: T): number {
    let known = this.#of.get(name);
    if (known === undefined) {
      if (this.names.length === this.#max) throw new Error(`more than ${this.#max} names with ${String(name)}`);
      known = this.names.push(name) - 1;
      this.#of.set(name, known);
    }
    return known;
  }
}

/** The plain fold of what a slot should hold: one column set per metric, rows by (minute, origin name, entity id). */
class Shadow {
  readonly #minutes = new Positions<number>(MINUTES_MAX);
  readonly #metrics = new Positions<string>(METRICS_MAX);
  readonly #columns: { readonly columns: MetricColumns; readonly rowOf: Map<RowKey, number> }[] = [];
  readonly #origins = new Positions<string>(ORIGINS_MAX);
  readonly #entities = new Positions<string>(ENTITIES_MAX);

  #key(metric: number, minute: number, origin: number, entity: number): RowKey {
    return ((minute * ORIGINS_MAX + origin) * ENTITIES_MAX + entity) * METRICS_MAX + metric;
  }

  metricOf(key: RowKey): string {
    return this.#metrics.names[key % METRICS_MAX]!;
  }

  /** A key as text. */
  describe(key: RowKey): string {
    const metric = key % METRICS_MAX;
    const entity = Math.floor(key / METRICS_MAX) % ENTITIES_MAX;
    const origin = Math.floor(key / METRICS_MAX / ENTITIES_MAX) % ORIGINS_MAX;
    const minute = Math.floor(key / METRICS_MAX / ENTITIES_MAX / ORIGINS_MAX);
    return `${this.#metrics.names[metric]} ${this.#minutes.names[minute]} [${this.#origins.names[origin]}] ${this.#entities.names[entity]}`;
  }

  fold(
    batch: IncrementBatch,
    origin: string,
    originScopes: ReadonlySet<ScopeName>,
    touched: Set<RowKey>,
    less?: Less,
  ): void {
    const merged = this.#origins.of('');
    for (const block of batch.blocks) {
      const { schema, entities } = block;
      if (less?.without.has(schema.name)) continue;
      const put = schema.scope === 'Service' || !less ? block.minute : less.coarsened.reduce(coarse, block.minute);
      const minute = this.#minutes.of(put);
      const metric = this.#metrics.of(schema.name);
      const { columns, rowOf } = (this.#columns[metric] ??= { columns: new MetricColumns(schema), rowOf: new Map() });
      const own = origin !== '' && originScopes.has(schema.scope) ? this.#origins.of(origin) : undefined;
      const merge = (key: RowKey, i: number) => {
        let row = rowOf.get(key);
        if (row === undefined) rowOf.set(key, (row = rowOf.size));
        columns.mergeBlockRow(row, block, i);
        touched.add(key);
      };
      for (let i = 0; i < entities.length; i++) {
        const entity = this.#entities.of(batch.entities[entities[i]!]!.id);
        merge(this.#key(metric, minute, merged, entity), i);
        if (own !== undefined) merge(this.#key(metric, minute, own, entity), i);
      }
    }
  }

  keys(): Set<RowKey> {
    const keys = new Set<RowKey>();
    for (const { rowOf } of this.#columns) for (const key of rowOf.keys()) keys.add(key);
    return keys;
  }

  /** What is wrong with a stored value; takes its key out of `expected`. */
  compare(
    store: MemoryTierStore,
    slot: number,
    { schema, minute, origin, entity, ints, distributions }: ComparedValue,
    expected: Set<RowKey>,
  ): { readonly kind: ViolationKind; readonly detail: string } | undefined {
    const id = store.peekEntity(slot, entity)?.entity.id ?? `no entity ${entity}`;
    const name = store.peekOrigin(slot, origin) ?? `no origin ${origin}`;
    const metric = this.#metrics.of(schema.name);
    const key = this.#key(metric, this.#minutes.of(minute), this.#origins.of(name), this.#entities.of(id));
    expected.delete(key);
    const known = this.#columns[metric];
    const row = known?.rowOf.get(key);
    if (!known || row === undefined) return { kind: 'doubled', detail: `${this.describe(key)} should not be there` };
    for (let f = 0; f < ints.length; f++) {
      const [stored, wanted] = [ints[f]!, known.columns.int(row, f)];
      if (stored === wanted) continue;
      const detail = `${this.describe(key)}: stored ${stored}, committed by the leaves ${wanted}`;
      return { kind: stored < wanted ? 'lost' : 'doubled', detail };
    }
    for (let f = 0; f < distributions.length; f++) {
      const wanted = known.columns.distribution(row, f)?.encode() ?? NO_DISTRIBUTION;
      if (!equal(distributions[f]!, wanted))
        return { kind: 'altered', detail: `${this.describe(key)}: distribution ${f}` };
    }
    return undefined;
  }
}

const NO_METRICS: ReadonlySet<string> = new Set();
const NO_DISTRIBUTION = new Uint8Array([0]);

/** What a flush does, for traces: marks, numbers given, ords that wait and that leave. */
function textOf({ fence, marks, outbox, pending, settled, repair }: SlotFlush): string {
  const parts = [
    `epoch ${fence.epoch}`,
    ...marks.map(({ mark }) => `${mark.producer.slice(-12)} ${mark.gen}/${mark.seq}`),
  ];
  if (outbox.length > 0) parts.push(`appends ${outbox.map(({ entry }) => entry.seq).join()}`);
  if (settled.length > 0) parts.push(`settles ${settled.join()}`);
  if (pending.length > 0)
    parts.push(`waiting ${pending.map((p) => `${p.ord}${p.source ? `=${p.source.seq}` : ''}`).join()}`);
  if (repair) parts.push(`goes on after ${repair.gen}/${repair.seq} without ${repair.dropPending.join()}`);
  return parts.join(', ');
}

function textOfLoss({ logId, seq, index, ...loss }: StoredLoss): string {
  const { tier, origin, cause, kind, firstMinute, lastMinute, increments } = loss;
  return JSON.stringify([logId, seq, index, tier, origin, cause, kind, firstMinute, lastMinute, increments]);
}

function sumOf(losses: readonly Loss[]): number {
  return losses.reduce((sum, { increments }) => sum + increments, 0);
}

function textOfPositions(positions: ReadonlyMap<string, LogPosition>): string {
  return [...positions]
    .map(([logId, { gen, seq }]) => `${logId} ${gen} ${seq}`)
    .toSorted()
    .join();
}

function refill<K, V>(map: Map<K, V>, content: readonly (readonly [K, V])[]): void {
  map.clear();
  for (const [key, value] of content) map.set(key, value);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
