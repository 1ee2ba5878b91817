// SPDX-License-Identifier: Apache-2.0
// L2: the owner of slots. In: numbered batches from L1 and from downstream tiers. Out: one transaction per flush with the merged
// rows, the marks of the batches, and the outbox clone; an outcome to each producer, only after the commit.
// The memory of a slot is a cache of the storage: after a failed or unknown commit it is forgotten, and the marks decide.
import {
  BatchBuilder,
  decodeContent,
  DecodeError,
  decodeHeader,
  encodeContent,
  incrementCount,
  joinContent,
  MetricColumns,
  minuteOf,
  NO_WATERMARK,
  splitContent,
  unknownBlockEntities,
  withForeignBlocks,
  type ForeignBlock,
  type IncrementBatch,
  type IncrementBlock,
  type Loss,
  type LossCause,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import {
  invariant,
  reached,
  type Clock,
  type Counter,
  type Logger,
  type MetricRegistry,
} from '@oap-federation/runtime';
import {
  StorageUnavailable,
  type Mark,
  type OutboxEntry,
  type ParkedBatch,
  type PendingEntry,
  type SlotFence,
  type SlotFlush,
  type StoredLoss,
  type StoredPark,
  type TierStore,
} from '@oap-federation/storage';
import { SlotAudit, type AuditPart, type Judgement } from './audit.js';
import { chainAfter, sameBytes } from './chain.js';
import { SlotDelta, type DeltaTable } from './delta.js';
import {
  asSuspect,
  BEFORE_ALL,
  bytesOf,
  FOLD_BYTES_MAX,
  foldPending,
  FOLDED_ENOUGH_BYTES,
  headAfter,
  includedIn,
  OutboundLog,
  type Portion,
  type UpstreamPosition,
} from './outbound.js';
import { deriveHour } from './rollup.js';
import { coarsened, SHED_KINDS, withoutKind, type Shed } from './shed.js';
import { SlotState, type MetricsOfScope } from './slot-state.js';
import type { BatchOutcome, IncomingBatch, SlotIntake } from './ports.js';

/** Which local metric an incoming block feeds; undefined: none here, the block is parked. */
export type MetricResolver = (wire: MetricSchema, kind: 'federated' | 'local') => MetricSchema | undefined;

export interface SlotOwnerOptions {
  readonly tier: string;
  /** Id under which this node claims slots. */
  readonly instanceId: string;
  /** Minutes that nothing touched for so long leave the memory. */
  readonly storageSessionTimeoutMs: number;
  readonly ttlDays: number;
  readonly maxFutureMinutes: number;
  /** True when this tier has an upstream: flushes append to the outbox. */
  readonly forwards: boolean;
  /** Bytes that the outbound log may have waiting, and what is given up beyond them; undefined: no bound. */
  readonly outbound?: { readonly bytesMax: number; readonly onFull: 'block' | 'coarsen' | 'drop' };
  /** Scopes that keep a row per origin beside the merged row. */
  readonly originScopes: ReadonlySet<ScopeName>;
  /** Batches waiting for a flush, over all slots, in bytes of content; above it `offer` answers busy. */
  readonly queueBytesMax: number;
  readonly metricsOf: MetricsOfScope;
  readonly resolve: MetricResolver;
  /** True when this tier has receivers of its own: its nodes' L1 logs then hold the watermark. */
  readonly hasLocalSources: boolean;
  /** Derived rows are made at most this often per slot. */
  readonly rollupPeriodMs: number;
  /** False: hours stay noted as stale for good, and queries merge minute rows instead. */
  readonly derivesHours: boolean;
}

export interface SlotOwnerDeps {
  readonly store: TierStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
  /** Instance ids of the tier's live nodes: whose L1 logs the watermark waits for. */
  readonly liveInstances: () => readonly string[];
}

interface Queued {
  readonly incoming: IncomingBatch;
  readonly resolve: (outcome: BatchOutcome) => void;
}

interface Slot {
  readonly state: SlotState;
  readonly outbound: OutboundLog;
  readonly audit: SlotAudit;
  /** Accepted, in order of arrival, not yet in a flush. */
  queue: Queued[];
  /** Per log: what the next offered batch must be, beyond the committed mark. */
  readonly expected: Map<string, { seq: number; chain: Uint8Array }>;
  /** Generations that are being fenced, or are: older ones are refused from the moment of the request. */
  readonly fenced: Map<string, number>;
  /** Parked batches were looked at up to this id; all of them, once `parkedMerged`. */
  parkedTo: number;
  parkedMerged: boolean;
  /** Local logs whose batches do not follow the mark in memory: either this memory is old, or the storage lost something. */
  readonly gaps: Map<string, Gap>;
  lastRollupMs: number;
}

/** The first batch of a local log that was offered beyond a gap. All before it were committed when it was offered. */
interface Gap {
  readonly seq: number;
  readonly sinceMs: number;
  /** `seen` until it stays; `stale`: the slot must be claimed again; `checked`: the storage said the same after the offer. */
  readonly state: 'seen' | 'stale' | 'checked';
}

/** One slot's part of a flush in flight. */
interface Prepared {
  readonly slot: Slot;
  readonly taken: readonly Queued[];
  readonly flush: SlotFlush;
  readonly marks: readonly Mark[];
  /** What it told the upstream, when it told something. */
  readonly told: Pick<Portion, 'watermark' | 'origins'> | undefined;
  readonly judged: Judgement;
}

/** A block that is merged here, as rows of `metric` under `origin`; `batch` names its entities. */
interface MergedBlock {
  readonly batch: IncrementBatch;
  readonly block: IncrementBlock;
  readonly metric: MetricSchema;
  readonly origin: string;
}

/** One input batch, sorted: what of it is merged here, and what of it goes on. */
interface Part {
  readonly incoming: IncomingBatch;
  readonly origin: string;
  readonly blocks: MergedBlock[];
  readonly foreign: ForeignBlock[];
  readonly losses: Loss[];
  /** Whether the upstream has it already. */
  readonly forwarded: 'no' | 'yes' | 'suspect';
}

const BUSY_RETRY_MS = 250;
const FULL_RETRY_MS = 1_000;
/** How often the backlog is measured: it takes a query. */
const BACKLOG_PERIOD_MS = 2_000;
/** Shares of the bound: where minutes are folded, where metrics are dropped, what is then aimed at, and where blocking ends. */
const COARSEN_AT = 0.85;
const DROP_AT = 0.95;
const AIM_AT = 0.8;
const EASE_AT = 0.9;
const PARKED_AT_ONCE = 50;
// a producer that offers ahead closes its own gaps within a retry or two; what stays longer is another owner's doing
const GAP_STAYS_MS = 1_000;
// one flush of a slot makes one outbox entry; far below the 64 MiB at which a stream refuses a batch
const SLOT_FLUSH_BYTES_MAX = 16 * 1024 * 1024;

/** Increments that came in, by what became of them. */
export interface Ledger {
  readonly offered: number;
  readonly committed: number;
  readonly returned: number;
  readonly waiting: number;
}

export interface SlotOwnerStatus {
  readonly owned: readonly number[];
  readonly queuedBytes: number;
  readonly flushes: number;
  readonly committedIncrements: number;
  readonly lastFlushMs: number;
  readonly ledger: Ledger;
}

export class SlotOwner implements SlotIntake, AsyncDisposable {
  readonly #o: SlotOwnerOptions;
  readonly #d: SlotOwnerDeps;
  readonly #slots = new Map<number, Slot>();
  #desired: ReadonlySet<number> = new Set();
  readonly #ownershipListeners = new Set<() => void>();
  readonly #outboxListeners = new Set<(slot: number) => void>();
  #queuedBytes = 0;
  /** The outbound log has no room: nothing is accepted that would have to be forwarded. */
  #full = false;
  #lossesDeclared = 0;
  #backlogAtMs = Number.NEGATIVE_INFINITY;
  #expectedChildren: readonly string[] = [];
  #cycle: Promise<void> = Promise.resolve();
  #closed = false;
  #lastFlushMs = 0;
  readonly #counters: Readonly<
    Record<
      | 'repairs'
      | 'ledgerErrors'
      | 'flushes'
      | 'failed'
      | 'merged'
      | 'returned'
      | 'duplicates'
      | 'offered'
      | 'parked'
      | 'fenced'
      | 'rowsWritten'
      | 'shed'
      | 'manifestsChecked'
      | 'manifestMismatches',
      Counter
    >
  >;
  /** Taken from the queues, their outcome not known yet. */
  readonly #inFlight = new Set<Queued>();

  constructor(options: SlotOwnerOptions, deps: SlotOwnerDeps) {
    this.#o = options;
    this.#d = deps;
    const counter = (name: string, help: string) => deps.telemetry.counter(`oap_l2_${name}_total`, help);
    this.#counters = {
      flushes: counter('flushes', 'flush transactions committed'),
      failed: counter('flush_failures', 'flush transactions that failed or whose outcome is unknown'),
      repairs: counter(
        'repairs',
        'outbound logs that went on under a new generation, after the storage went back in time',
      ),
      ledgerErrors: counter('ledger_errors', 'batches of a log whose ledger is not that of its mark: a defect'),
      shed: counter('increments_shed', 'increments that the full forward buffer gave up or moved to a coarser minute'),
      offered: counter('increments_offered', 'increments in batches offered to slots owned here'),
      merged: counter('increments_committed', 'increments merged and committed'),
      returned: counter('increments_returned', 'increments given back to their producers, who offer them again'),
      duplicates: counter('batches_duplicate', 'batches acknowledged again without being applied'),
      parked: counter('increments_parked', 'increments kept aside because they cannot be merged here'),
      fenced: counter('slots_lost', 'slots lost to another owner, seen by the storage fence'),
      rowsWritten: counter('rows_written', 'merged rows written'),
      manifestsChecked: deps.telemetry.counter(
        'fed_manifests_checked_total',
        'comparisons of what a slot merged of a minute with what the tiers below say that they sent',
      ),
      manifestMismatches: deps.telemetry.counter(
        'fed_manifest_mismatch_total',
        'minutes of a slot that such a comparison found SUSPECT: not the same, and nothing declared explains it',
      ),
    };
    deps.telemetry.observe(
      'gauge',
      'fed_conservation_error',
      'minutes of owned slots that are SUSPECT now, and batches whose ledger was not that of their mark; anything but 0 is a defect',
      {},
      () => {
        let suspects = this.#counters.ledgerErrors.value();
        for (const { audit } of this.#slots.values()) suspects += audit.suspects;
        return suspects;
      },
    );
    deps.telemetry.observe(
      'gauge',
      'oap_l2_conservation_difference',
      'offered - committed - returned - waiting; anything but 0 is a defect',
      {},
      () => {
        const { offered, committed, returned, waiting } = this.ledger();
        return offered - committed - returned - waiting;
      },
    );
  }

  // --- ownership ---------------------------------------------------------------------------------------------------

  owns(slot: number): boolean {
    return this.#slots.has(slot);
  }

  ownedSlots(): readonly number[] {
    return [...this.#slots.keys()].toSorted((a, b) => a - b);
  }

  mark(slot: number, logId: string): Mark | undefined {
    return this.#slots.get(slot)?.state.marks.get(logId);
  }

  watchOwnership(listener: () => void): () => void {
    this.#ownershipListeners.add(listener);
    return () => this.#ownershipListeners.delete(listener);
  }

  watchOutbox(listener: (slot: number) => void): () => void {
    this.#outboxListeners.add(listener);
    return () => this.#outboxListeners.delete(listener);
  }

  status(): SlotOwnerStatus {
    return {
      owned: this.ownedSlots(),
      queuedBytes: this.#queuedBytes,
      flushes: this.#counters.flushes.value(),
      committedIncrements: this.#counters.merged.value(),
      lastFlushMs: this.#lastFlushMs,
      ledger: this.ledger(),
    };
  }

  /** Increments by what became of them: offered = committed + returned + waiting, at any time (I9). */
  ledger(): Ledger {
    let waiting = 0;
    for (const { incoming } of this.#inFlight) waiting += incoming.header.increments;
    for (const { queue } of this.#slots.values())
      for (const { incoming } of queue) waiting += incoming.header.increments;
    const { offered, merged, returned } = this.#counters;
    return { offered: offered.value(), committed: merged.value(), returned: returned.value(), waiting };
  }

  /** Tells which slots this node should own, as the coordinator sees it. A hint: the storage's epoch is the truth. */
  setDesiredSlots(slots: Iterable<number>): void {
    this.#desired = new Set(slots);
    void this.#enqueue(() => this.#reconcile());
  }

  /** Runs `task` after the cycle that is under way: flushes and claims never overlap. */
  #enqueue(task: () => Promise<void>): Promise<void> {
    this.#cycle = this.#cycle.then(task).catch((err: unknown) => {
      if (err instanceof StorageUnavailable) this.#d.logger.warn({ err }, 'storage is not available; trying again');
      else this.#d.logger.error({ err }, 'flush cycle failed');
    });
    return this.#cycle;
  }

  async #reconcile(): Promise<void> {
    let changed = false;
    const checked = new Map<number, ReadonlyMap<string, Gap>>();
    for (const [number, { gaps }] of this.#slots)
      if ([...gaps.values()].some(({ state }) => state === 'stale')) checked.set(number, gaps);
    const leaving = [...this.#slots.keys()].filter((slot) => !this.#desired.has(slot));
    if (leaving.length > 0 || checked.size > 0) {
      await this.#flushAll(); // hand over with nothing in memory, so that producers need not resend
      for (const slot of checked.keys()) {
        this.#forget(slot, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
        changed = true;
      }
      for (const slot of leaving) {
        this.#forget(slot, { kind: 'notOwner' });
        changed = true;
      }
    }
    try {
      for (const slot of this.#desired) {
        if (this.#slots.has(slot) || this.#closed) continue;
        const claim = await this.#d.store.claimSlot(slot, this.#o.instanceId);
        reached('slot.claimed');
        const state = new SlotState(claim, this.#o.metricsOf);
        const outbound = new OutboundLog(claim);
        for (const hour of await this.#d.store.maintenance.dirtyHours(slot)) state.dirtyHours.add(hour);
        if (!this.#desired.has(slot)) continue;
        const gaps = new Map<string, Gap>();
        for (const [logId, gap] of checked.get(slot) ?? [])
          if (gap.state === 'stale') gaps.set(logId, { ...gap, state: 'checked' });
        this.#slots.set(slot, {
          state,
          outbound,
          audit: new SlotAudit(claim, minuteOf(this.#d.clock.now())),
          queue: [],
          expected: new Map(),
          fenced: new Map(),
          parkedTo: 0,
          parkedMerged: false,
          gaps,
          lastRollupMs: this.#d.clock.monotonicMs(),
        });
        changed = true;
      }
      this.#expectedChildren = (await this.#d.store.expectedChildren())
        .filter((child) => child.retiredAtMs === undefined)
        .map((child) => child.tier);
    } finally {
      if (changed) for (const listener of this.#ownershipListeners) listener();
    }
  }

  /** Tells a producer that its batch was not applied. */
  #giveBack(queued: Queued, outcome: BatchOutcome): void {
    this.#inFlight.delete(queued);
    this.#counters.returned.inc(queued.incoming.header.increments);
    queued.resolve(outcome);
  }

  /** Drops the memory of a slot; every waiting producer gets `outcome` and must offer again, here or elsewhere. */
  #forget(slotNumber: number, outcome: BatchOutcome): void {
    const slot = this.#slots.get(slotNumber);
    if (!slot) return;
    this.#slots.delete(slotNumber);
    for (const queued of slot.queue) {
      this.#queuedBytes -= sizeOf(queued.incoming);
      this.#giveBack(queued, outcome);
    }
    slot.queue = [];
  }

  // --- intake ------------------------------------------------------------------------------------------------------

  offer(incoming: IncomingBatch): Promise<BatchOutcome> {
    const slot = this.#slots.get(incoming.slot);
    if (!slot || this.#closed) return Promise.resolve({ kind: 'notOwner' });
    const mark = slot.state.marks.get(incoming.logId);
    const gen = Math.max(mark?.gen ?? 0, slot.fenced.get(incoming.logId) ?? 0);
    if (incoming.gen < gen) return Promise.resolve({ kind: 'fenced', gen });
    const appliedSeq = mark?.seq ?? 0;
    if (incoming.seq <= appliedSeq) {
      this.#counters.duplicates.inc();
      return Promise.resolve({ kind: 'duplicate', appliedSeq });
    }
    let expected = slot.expected.get(incoming.logId);
    if (!expected) {
      expected = { seq: appliedSeq + 1, chain: mark?.chain ?? new Uint8Array(0) };
      slot.expected.set(incoming.logId, expected);
    }
    if (incoming.seq < expected.seq) return this.#joinQueued(slot, incoming);
    if (incoming.seq > expected.seq) return Promise.resolve(this.#gap(slot, incoming, expected.seq));
    slot.gaps.delete(incoming.logId); // the producer has the batch that is next: nothing is lost, and nothing here is old
    if (this.#full) return Promise.resolve({ kind: 'busy', retryAfterMs: FULL_RETRY_MS });
    if (this.#queuedBytes + sizeOf(incoming) > this.#o.queueBytesMax && this.#queuedBytes > 0) {
      return Promise.resolve({ kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
    }
    let chain = expected.chain;
    if (incoming.kind === 'federated') {
      chain = chainAfter(expected.chain, incoming.headerBytes, incoming.contentBytes);
      if (!sameBytes(chain, incoming.chain)) return Promise.resolve({ kind: 'forked', appliedSeq });
    }
    expected.seq = incoming.seq + 1;
    expected.chain = chain;
    this.#queuedBytes += sizeOf(incoming);
    this.#counters.offered.inc(incoming.header.increments);
    return new Promise((resolve) => slot.queue.push({ incoming, resolve }));
  }

  /**
   * A tier below keeps what it sent, and sends again. L1 does not: told of a gap that it cannot fill, it goes on under a new log, and
   * if the gap was only in this node's old memory, what another owner committed is then counted twice. So L1 is told of a gap only
   * after the slot was claimed again, which happened after the offer, and the storage still says so.
   */
  #gap(slot: Slot, { kind, logId, seq }: IncomingBatch, expectedSeq: number): BatchOutcome {
    if (kind === 'federated') return { kind: 'gap', expectedSeq };
    const nowMs = this.#d.clock.monotonicMs();
    const known = slot.gaps.get(logId);
    if (known?.state === 'checked' && known.seq === seq) return { kind: 'gap', expectedSeq };
    if (!known || seq < known.seq || known.state === 'checked')
      slot.gaps.set(logId, { seq, sinceMs: nowMs, state: 'seen' });
    else if (nowMs - known.sinceMs >= GAP_STAYS_MS) slot.gaps.set(logId, { ...known, state: 'stale' });
    return { kind: 'busy', retryAfterMs: BUSY_RETRY_MS };
  }

  /** A resend of a batch that waits for its flush, or is in one: the answer is the answer of the first. */
  #joinQueued(slot: Slot, incoming: IncomingBatch): Promise<BatchOutcome> {
    const waiting = slot.queue.find((q) => q.incoming.logId === incoming.logId && q.incoming.seq === incoming.seq);
    if (!waiting) return Promise.resolve({ kind: 'busy', retryAfterMs: BUSY_RETRY_MS }); // in the transaction right now
    return new Promise((resolve) => {
      const index = slot.queue.indexOf(waiting);
      slot.queue[index] = {
        incoming: waiting.incoming,
        resolve: (outcome) => {
          waiting.resolve(outcome);
          resolve(outcome);
        },
      };
    });
  }

  // --- the outbound log and the upstream -------------------------------------------------------------------------------

  claim(slot: number): number | undefined {
    return this.#slots.get(slot)?.state.fence.claim;
  }

  verified(slot: number, claim: number): void {
    const held = this.#slots.get(slot);
    if (held?.state.fence.claim === claim) held.outbound.verified = true;
  }

  acknowledged(slot: number, seq: number): void {
    const held = this.#slots.get(slot);
    if (!held) return;
    const { head } = held.outbound;
    if (seq > head.acknowledgedSeq && seq < head.nextSeq) held.outbound.head = { ...head, acknowledgedSeq: seq };
  }

  raiseGeneration(slot: number, logId: string, gen: number): Promise<boolean> {
    const held = this.#slots.get(slot);
    if (!held || this.#closed) return Promise.resolve(false);
    held.fenced.set(logId, Math.max(gen, held.fenced.get(logId) ?? 0)); // from now on nothing older is accepted
    return this.#task(held, async () => {
      const mark = held.state.marks.get(logId);
      if (mark === undefined || mark.gen >= gen) return true;
      const raised = { ...mark, gen };
      const flush = { ...emptyFlush(slot, held.state.fence), marks: [{ mark: raised, previousSeq: mark.seq }] };
      if (!(await this.#commitOne(held, flush))) return false;
      held.state.marks.set(logId, raised);
      this.#d.logger.warn(
        { slot, log: logId, producer: mark.producer, gen },
        'a tier below goes on under a new generation',
      );
      return true;
    });
  }

  repair(slot: number, claim: number, position: UpstreamPosition, passOver: boolean): Promise<boolean> {
    const held = this.#slots.get(slot);
    if (held?.state.fence.claim !== claim || this.#closed) return Promise.resolve(false);
    return this.#task(held, async () => {
      const { state, outbound } = held;
      if (outbound.verified && !passOver) {
        // the same claim was behind the upstream before, so somebody else writes this log: a copy of the storage, say
        this.#d.logger.error({ slot, log: outbound.head.logId }, 'the outbound log has a second writer');
        return false;
      }
      const dropped: number[] = [];
      const suspect: PendingEntry[] = [];
      const again = await this.#unnumbered(outbound, slot, position, passOver);
      for (let afterOrd = BEFORE_ALL; ;) {
        const entries = await this.#d.store.readPending(slot, afterOrd, FOLD_BYTES_MAX);
        for (const entry of entries) {
          const included = includedIn(entry, position.frontier);
          if (included === 'yes') dropped.push(entry.ord);
          else if (included === 'suspect') suspect.push(asSuspect(entry, this.#o.tier));
          afterOrd = entry.ord;
        }
        if (entries.length === 0) break;
      }
      const flush: SlotFlush = {
        ...emptyFlush(slot, state.fence),
        repair: outbound.repair(position, dropped),
        settled: suspect.map(({ ord }) => ord),
        pending: [...again, ...suspect].toSorted((a, b) => a.ord - b.ord),
      };
      if (!(await this.#commitOne(held, flush))) return false;
      held.audit.repaired(minuteOf(this.#d.clock.now()));
      this.#counters.repairs.inc();
      this.#d.logger.error(
        { slot, log: outbound.head.logId, gen: position.gen, seq: position.seq, suspect: suspect.length },
        passOver
          ? 'the upstream needs what the outbox no longer has: it is declared lost, as an operator accepted'
          : 'the upstream has more of this log than the storage: the storage went back in time, the log goes on after it',
      );
      return true;
    });
  }

  /** Numbered entries that must be numbered again, as pending ones before all others; with what was passed over declared in the first. */
  async #unnumbered(
    outbound: OutboundLog,
    slot: number,
    position: UpstreamPosition,
    passOver: boolean,
  ): Promise<PendingEntry[]> {
    const { head } = outbound;
    if (!passOver && position.gen === head.gen + 1) return []; // one history: all that has a number here is there
    const from = passOver ? position.seq : Math.min(position.seq, head.acknowledgedSeq);
    const entries: OutboxEntry[] = [];
    for (let after = from; ;) {
      const found = await this.#d.store.readOutbox(slot, after, FOLD_BYTES_MAX);
      if (found.length === 0) break;
      entries.push(...found);
      after = found.at(-1)!.seq;
    }
    const firstOrd = outbound.pending.firstOrd - entries.length - 1;
    const waiting = entries.map(({ seq: _, chain: _chain, ...entry }, i): PendingEntry => ({
      ...entry,
      ord: firstOrd + 1 + i,
    }));
    if (passOver) return [this.#passedOver(outbound, position, entries[0], firstOrd, slot), ...waiting];
    // another history than the upstream's: covered by its frontier, or perhaps
    return waiting
      .filter((entry) => includedIn(entry, position.frontier) !== 'yes')
      .map((entry) => asSuspect(entry, this.#o.tier));
  }

  /** An entry that says what is between the upstream's mark and the first entry that is left. */
  #passedOver(
    outbound: OutboundLog,
    position: UpstreamPosition,
    first: OutboxEntry | undefined,
    ord: number,
    slot: number,
  ): PendingEntry {
    const { head, watermark } = outbound;
    const ledger = first ? decodeHeader(first.header).ledger : head.ledger;
    const increments = Math.max(0, ledger - position.increments);
    const loss = this.#loss(
      'range',
      '',
      `batches ${position.seq + 1} to ${(first?.seq ?? head.nextSeq) - 1}`,
      NO_WATERMARK,
      increments,
    );
    const portion: Portion = {
      batch: { entities: [], blocks: [], unknownBlocks: [] },
      increments: 0,
      losses: [loss],
      manifests: [],
      watermark: first ? NO_WATERMARK : watermark,
      origins: new Map(),
      frontier: position.frontier,
    };
    return outbound.waiting(slot, ord, portion, this.#d.clock.now());
  }

  /** Runs `work` between cycles, after everything that was accepted so far is committed; false when the slot was lost before it. */
  #task(held: Slot, work: () => Promise<boolean>): Promise<boolean> {
    return new Promise((resolve) => {
      void this.#enqueue(async () => {
        try {
          await this.#flushAll();
          resolve(this.#slots.get(held.state.slot) === held && (await work()));
        } finally {
          resolve(false); // if it was not said yet
        }
      });
    });
  }

  /** One slot's flush outside a round; false when the slot has another owner. An error leaves the slot forgotten, as in a round. */
  async #commitOne(held: Slot, flush: SlotFlush): Promise<boolean> {
    let outcome;
    try {
      outcome = await this.#d.store.flush([flush]);
    } catch (err) {
      this.#counters.failed.inc();
      this.#abandon([], [flush.slot]);
      throw err;
    }
    if (outcome.kind === 'notOwner') {
      this.#counters.fenced.inc();
      this.#forget(flush.slot, { kind: 'notOwner' });
      for (const listener of this.#ownershipListeners) listener();
      return false;
    }
    held.state.fence = afterFlush(held.state.fence);
    this.#appended(held, flush);
    return true;
  }

  /** Gives numbers to what waits, oldest first, while there is room; folds it while there is none. */
  async #settlePending(): Promise<void> {
    for (const held of this.#slots.values()) {
      const { outbound } = held;
      const owned = () => this.#slots.get(held.state.slot) === held;
      while (owned() && outbound.verified && outbound.pending.entries > 0 && outbound.hasRoom) await this.#seal(held);
      if (owned() && outbound.mayFold) await this.#fold(held);
    }
  }

  /** Measures what waits for the upstream; gives up what the operator said when it is too much, and blocks when that is not enough. */
  async #keepWithinBounds(): Promise<void> {
    const { outbound, forwards } = this.#o;
    const nowMs = this.#d.clock.monotonicMs();
    if (!outbound || !forwards || nowMs - this.#backlogAtMs < BACKLOG_PERIOD_MS) return;
    this.#backlogAtMs = nowMs;
    const { bytesMax, onFull } = outbound;
    let { bytes } = await this.#d.store.outboxBacklog();
    if (onFull === 'coarsen' && bytes >= COARSEN_AT * bytesMax) bytes -= await this.#coarsen();
    if (onFull === 'drop' && bytes >= DROP_AT * bytesMax) bytes -= await this.#drop(bytes - AIM_AT * bytesMax);
    const full = bytes >= bytesMax * (this.#full ? EASE_AT : 1);
    if (full !== this.#full)
      this.#d.logger[full ? 'error' : 'info'](
        { bytes, bytesMax, onFull },
        full
          ? 'the forward buffer is full: what comes is refused until the upstream takes something'
          : 'the forward buffer has room again',
      );
    this.#full = full;
  }

  /** Puts minutes together in what waits, oldest first; bytes that this saved. */
  async #coarsen(): Promise<number> {
    let saved = 0;
    for (const held of this.#slots.values()) {
      const { state, outbound } = held;
      let promised = outbound.head.watermark;
      saved += await this.#rewrite(held, Number.POSITIVE_INFINITY, (entry) => {
        const changed = coarsened(entry, promised, this.#o.tier);
        promised = Math.max(promised, decodeHeader(entry.header).watermark);
        return changed;
      });
      outbound.foldedTo = BEFORE_ALL; // what was apart by its minutes may be one now
      if (this.#slots.get(state.slot) === held && outbound.mayFold) saved += await this.#fold(held);
    }
    return saved;
  }

  /** Gives up kinds of metrics, the least first and of each the oldest, until about `bytes` are saved. */
  async #drop(bytes: number): Promise<number> {
    let saved = 0;
    for (const kind of SHED_KINDS)
      for (const held of this.#slots.values()) {
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
      const flush = { ...emptyFlush(state.slot, state.fence), settled, pending: changed, losses };
      if (!(await this.#commitOne(held, flush))) return saved;
      for (const { increments } of losses) this.#counters.shed.inc(increments);
    }
    return saved;
  }

  /** An entry may lose something more than once, under one ord: no number comes twice in years. */
  #lossIndex(): number {
    return (Math.trunc(this.#d.clock.now()) + this.#lossesDeclared++) % 2 ** 31;
  }

  /** After an upgrade: what was parked because nobody here knew its metric is merged; it went up long ago. */
  async #mergeParked(): Promise<void> {
    for (const held of this.#slots.values()) {
      const { state } = held;
      while (!held.parkedMerged && this.#slots.get(state.slot) === held) {
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
      this.#abandon([], [state.slot]); // the memory holds what is not going to be stored
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
    const flush = {
      ...emptyFlush(state.slot, state.fence),
      ...changes,
      unparked: merged,
      manifests,
      verdicts,
      dirtyHours: [...hours],
    };
    if (!(await this.#commitOne(held, flush))) return;
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
    const portion = { ...folded, frontier: outbound.sealedFrontier(folded.frontier) };
    const entry = outbound.entry(state.slot, portion, this.#d.clock.now());
    const flush = {
      ...emptyFlush(state.slot, state.fence),
      outbox: [{ entry, watermark: portion.watermark }],
      settled: taken.map(({ ord }) => ord),
    };
    if (await this.#commitOne(held, flush)) for (const listener of this.#outboxListeners) listener(state.slot);
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
    const flush = { ...emptyFlush(state.slot, state.fence), settled: found.map(({ ord }) => ord), pending: [folded] };
    if (!(await this.#commitOne(held, flush))) return 0;
    const after = bytesOf([folded]);
    if (after >= FOLDED_ENOUGH_BYTES) outbound.foldedTo = last.ord;
    this.#d.logger.info({ slot: state.slot, entries: found.length, before, after }, 'entries that wait were folded');
    return before - after;
  }

  // --- flush -------------------------------------------------------------------------------------------------------

  /** Flushes, claims what is missing, derives hours: one round of the L2 timer. Never throws; failures are retried next round. */
  runRound(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#reconcile();
      await this.#flushAll();
      await this.#settlePending();
      await this.#keepWithinBounds();
      await this.#mergeParked();
      await this.#rollupDue();
    });
  }

  async #flushAll(): Promise<void> {
    while (await this.#flushOnce());
  }

  /** One transaction for all slots with batches; true when some slot had more than one flush may take. */
  async #flushOnce(): Promise<boolean> {
    let more = false;
    const started = this.#d.clock.monotonicMs();
    const prepared: Prepared[] = [];
    const involved: number[] = [];
    try {
      for (const [number, slot] of this.#slots) {
        if (slot.queue.length === 0) continue;
        involved.push(number);
        const taken = takeBytes(slot.queue, SLOT_FLUSH_BYTES_MAX);
        slot.queue = slot.queue.slice(taken.length);
        more ||= slot.queue.length > 0;
        for (const queued of taken) {
          this.#queuedBytes -= sizeOf(queued.incoming);
          this.#inFlight.add(queued);
        }
        try {
          prepared.push(await this.#prepare(slot, taken));
        } catch (err) {
          // the batches left the queue and are not in `prepared`: answer them here, the slots are forgotten below
          for (const queued of taken) this.#giveBack(queued, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
          throw err;
        }
      }
      if (prepared.length === 0) return false;
      const outcome = await this.#d.store.flush(prepared.map((p) => p.flush));
      if (outcome.kind === 'notOwner') {
        this.#counters.fenced.inc(outcome.slots.length);
        this.#d.logger.warn(
          { slots: outcome.slots },
          'the storage fence refused a flush: these slots have another owner',
        );
        for (const slot of outcome.slots) this.#forget(slot, { kind: 'notOwner' });
        this.#abandon(prepared, involved);
        return false;
      }
    } catch (err) {
      this.#counters.failed.inc();
      this.#abandon(prepared, involved);
      throw err;
    }
    reached('flush.committed');
    for (const p of prepared) this.#committed(p);
    reached('flush.acknowledged');
    this.#counters.flushes.inc();
    this.#lastFlushMs = this.#d.clock.monotonicMs() - started;
    for (const { state, audit } of this.#slots.values()) {
      state.evict(this.#d.clock.monotonicMs(), this.#o.storageSessionTimeoutMs);
      audit.evict(minuteOf(this.#d.clock.now()) - this.#o.ttlDays * 1440);
    }
    return more;
  }

  /** After a failed or unknown commit: forget the memory of every slot that took part; the next round claims again. */
  #abandon(prepared: readonly Prepared[], involved: readonly number[]): void {
    for (const p of prepared) {
      for (const queued of p.taken) this.#giveBack(queued, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
    }
    for (const slot of involved) this.#forget(slot, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
    for (const listener of this.#ownershipListeners) listener();
  }

  async #prepare(slot: Slot, taken: readonly Queued[]): Promise<Prepared> {
    const { state, outbound } = slot;
    const nowMs = this.#d.clock.now();
    const parked: ParkedBatch[] = [];
    const parts = taken.map(({ incoming }) => this.#part(outbound, incoming, nowMs, parked));
    const delta = this.#mergeDelta(parts, parked);
    const missing = state.missingMinutes(delta);
    if (missing.length > 0) {
      const loaded = await this.#d.store.loadRows(state.slot, 'minute', missing);
      state.addLoaded(missing, loaded, this.#d.clock.monotonicMs());
    }
    const first = parts[0]!; // the row may be the sum of several batches: it is parked under the first
    const refused: RefusedRow[] = [];
    const changes = state.fold(delta, this.#d.clock.monotonicMs(), (table, metric, row) => {
      const builder = new BatchBuilder();
      builder.addRows(table.columns.get(metric.name)!, table.minute, table.origin, [row], () => table.entities[row]!);
      const detail = `${metric.name} of ${table.entities[row]!.id} at minute ${table.minute}`;
      parked.push(this.#parked(first.incoming, 'overflow', 1, detail, builder.build()));
      first.losses.push(this.#loss('overflow', table.origin, metric.scope, table.minute, 1));
      refused.push({ table, metric, entityId: table.entities[row]!.id });
    });
    const dirtyHours = new Set<number>();
    for (const { minute } of delta.tables) {
      const hour = Math.floor(minute / 60);
      if (!state.dirtyHours.has(hour)) dirtyHours.add(hour);
    }
    const oldest = minuteOf(nowMs) - this.#o.ttlDays * 1440;
    const sources = parts.map(auditPart);
    await slot.audit.load(this.#d.store, SlotAudit.minutesOf(delta.tables, sources, oldest));
    slot.audit.take(delta.tables, sources, oldest);
    const marks = this.#advanceMarks(state, taken, nowMs);
    const out = this.#o.forwards ? this.#append(slot, parts, delta, refused, marks, nowMs) : NOTHING_APPENDED;
    const all = new Map(state.marks);
    for (const mark of marks) all.set(mark.logId, mark);
    const suppressed = outbound.withoutPassed(all);
    const judged = await slot.audit.judge(this.#d.store, {
      marks: all,
      sealedTo: Math.max(this.#watermark(all.values()).watermark, outbound.watermark),
      outboundLogId: outbound.head.logId,
      losses: parts.flatMap(({ losses }) => losses),
    });
    return {
      slot,
      taken,
      marks,
      told: out.told,
      judged,
      flush: {
        ...emptyFlush(state.slot, state.fence),
        entities: changes.entities,
        origins: changes.origins,
        rows: changes.rows,
        marks: marks.map((mark) => ({ mark, previousSeq: state.marks.get(mark.logId)?.seq ?? 0 })),
        outbox: out.outbox,
        pending: out.pending,
        ...(suppressed ? { suppressed } : {}),
        parked,
        losses: parts.flatMap(storedLosses),
        manifests: judged.manifests,
        verdicts: judged.verdicts,
        dirtyHours: [...dirtyHours],
      },
    };
  }

  /** Sorts one batch: what is merged, parked, passed on unread, or declared lost. */
  #part(outbound: OutboundLog, incoming: IncomingBatch, nowMs: number, parked: ParkedBatch[]): Part {
    const { batch, kind, header, logId, slot, seq } = incoming;
    const newest = minuteOf(nowMs) + this.#o.maxFutureMinutes;
    const oldest = minuteOf(nowMs) - this.#o.ttlDays * 1440;
    const sender = kind === 'federated' ? incoming.producer : this.#o.tier;
    const part: Part = {
      incoming,
      origin: sender,
      blocks: [],
      foreign: [],
      losses: [...header.losses],
      forwarded: outbound.known(logId, incoming),
    };
    if (incoming.undecodable !== undefined) {
      const { increments } = header;
      const detail = incoming.undecodable;
      parked.push({ logId, slot, seq, reason: 'undecodable', increments, detail, content: incoming.contentBytes });
      part.losses.push(this.#loss('undecodable', sender, '', NO_WATERMARK, increments));
    }
    for (const block of batch.blocks) {
      const metric = this.#o.resolve(block.schema, kind);
      const late = block.minute > newest ? 'future' : block.minute < oldest ? 'expired' : undefined;
      if (late !== undefined) {
        const { scope } = block.schema;
        parked.push(this.#parkedBlock(incoming, late, block));
        part.losses.push(this.#loss(late, block.origin || sender, scope, block.minute, block.entities.length));
      } else if (metric === undefined) {
        parked.push(this.#parkedBlock(incoming, 'unknown-metric', block));
        part.foreign.push({ block: { ...block, origin: block.origin || sender }, entities: batch.entities });
      } else {
        const origin = this.#o.originScopes.has(metric.scope) ? block.origin || sender : '';
        part.blocks.push({ batch, block, metric, origin });
      }
    }
    for (const block of batch.unknownBlocks) {
      const whole: IncrementBatch = { entities: batch.entities, blocks: [], unknownBlocks: [block] };
      const foreign = { block: { ...block, origin: block.origin || sender }, entities: batch.entities };
      try {
        unknownBlockEntities(foreign);
        part.foreign.push(foreign);
        parked.push(this.#parked(incoming, 'unknown-metric', block.rows, block.schemaText, whole));
      } catch (err) {
        if (!(err instanceof DecodeError)) throw err;
        parked.push(this.#parked(incoming, 'undecodable', block.rows, err.message, whole));
        part.losses.push(this.#loss('undecodable', foreign.block.origin, '', block.minute, block.rows));
      }
    }
    return part;
  }

  #loss(cause: LossCause, origin: string, kind: string, minute: number, increments: number): Loss {
    return { tier: this.#o.tier, origin, cause, kind, firstMinute: minute, lastMinute: minute, increments };
  }

  /** Merges all parts. Rows that would leave int64 leave their block too, so that they are not forwarded. */
  #mergeDelta(parts: readonly Part[], parked: ParkedBatch[]): SlotDelta {
    const delta = new SlotDelta();
    for (const { incoming, blocks, losses } of parts) {
      for (const [i, merged] of blocks.entries()) {
        const { batch, block, metric, origin } = merged;
        const refused = delta.addBlock(batch, block, metric, origin);
        if (!refused) continue;
        const { rows } = refused;
        const detail = `${metric.name} rows ${rows.join(',')}`;
        parked.push(this.#parked(incoming, 'overflow', rows.length, detail, only(batch, block)));
        losses.push(this.#loss('overflow', origin, metric.scope, block.minute, rows.length));
        blocks[i] = withoutRows(merged, new Set(rows));
      }
    }
    return delta;
  }

  /** What the flush appends to the outbound log: one entry, or one per batch while nothing is known of the upstream. */
  #append(
    slot: Slot,
    parts: readonly Part[],
    whole: SlotDelta,
    refused: readonly RefusedRow[],
    advanced: readonly Mark[],
    nowMs: number,
  ): Appended {
    const { state, outbound } = slot;
    const marks = new Map(state.marks);
    for (const mark of advanced) marks.set(mark.logId, mark);
    const { watermark, origins } = this.#watermark(marks.values());
    const bounded = Math.max(watermark, outbound.watermark); // I7: never backwards, across restarts too
    // one origin's news travel although another origin is silent and holds the minimum
    const news = [...origins].some(([origin, minute]) => minute > (outbound.toldOrigins.get(origin) ?? NO_WATERMARK));
    const left = outbound.withoutPassed(marks) ?? outbound.suppressed;
    const manifests = slot.audit.tell({
      before: outbound.watermark,
      watermark: bounded,
      // entries that wait may have promised more than this claim knows
      ...(outbound.pending.entries > 0 ? { lateBefore: Number.POSITIVE_INFINITY } : {}),
      heldTo: outbound.verified ? (left.size === 0 ? NO_WATERMARK : slot.audit.heldTo) : Number.POSITIVE_INFINITY,
    });
    const told = { watermark: bounded, origins };
    const frontier = outbound.frontier(marks.values());
    const portion = (some: readonly Part[], delta: SlotDelta): Portion => {
      const forwarded = some.filter((part) => part.forwarded === 'no');
      const batch = withForeignBlocks(
        delta.toBatch(),
        forwarded.flatMap((part) => part.foreign),
      );
      const losses = some.flatMap((part) => this.#lossesAbove(part));
      return { batch, increments: incrementCount(batch), losses, manifests, ...told, frontier };
    };
    if (outbound.mode !== 'perBatch') {
      const all = parts.every((part) => part.forwarded === 'no');
      const one = portion(parts, all ? whole : deltaOf(parts, refused));
      if (one.increments === 0 && one.losses.length === 0 && bounded <= outbound.watermark && !news) {
        slot.audit.untold(manifests);
        return NOTHING_APPENDED;
      }
      if (outbound.mode === 'numbered') {
        const entry = outbound.entry(state.slot, one, nowMs);
        return { outbox: [{ entry, watermark: bounded }], pending: [], told };
      }
      return { outbox: [], pending: [outbound.waiting(state.slot, outbound.pending.lastOrd + 1, one, nowMs)], told };
    }
    // progress so far, entry by entry: each says what is in the log up to it, and only the last promises more than before
    const pending: PendingEntry[] = [];
    const soFar = new Map(state.marks);
    const before = { watermark: outbound.watermark, origins: outbound.toldOrigins };
    parts.forEach((part, i) => {
      const { logId, gen, seq } = part.incoming;
      const mark = marks.get(logId)!;
      soFar.set(logId, { ...mark, gen, seq });
      const last = i === parts.length - 1;
      const one = {
        ...portion([part], deltaOf([part], refused)),
        ...(last ? told : before),
        frontier: outbound.frontier(soFar.values()),
      };
      const silent = one.increments === 0 && one.losses.length === 0;
      if (silent && !(last && (bounded > outbound.watermark || news))) return;
      const ord = outbound.pending.lastOrd + 1 + pending.length;
      pending.push(outbound.waiting(state.slot, ord, one, nowMs, { logId, gen, seq }));
    });
    if (pending.length === 0) slot.audit.untold(manifests);
    return { outbox: [], pending, told };
  }

  /** The losses of a part that go up: its own, and all of it when the upstream may have it. */
  #lossesAbove({ forwarded, losses, blocks, foreign, origin }: Part): readonly Loss[] {
    if (forwarded === 'no') return losses;
    if (forwarded === 'yes') return [];
    return [
      ...losses,
      ...blocks.map((b) =>
        this.#loss('suspect', b.origin || origin, b.metric.scope, b.block.minute, b.block.entities.length),
      ),
      ...foreign.map(({ block }) => this.#loss('suspect', block.origin, '', block.minute, rowsOf(block))),
    ];
  }

  #parkedBlock(incoming: IncomingBatch, reason: ParkedBatch['reason'], block: IncrementBlock): ParkedBatch {
    return this.#parked(
      incoming,
      reason,
      block.entities.length,
      `${block.schema.text} at minute ${block.minute}`,
      only(incoming.batch, block),
    );
  }

  #parked(
    incoming: IncomingBatch,
    reason: ParkedBatch['reason'],
    increments: number,
    detail: string,
    batch: IncrementBatch,
  ): ParkedBatch {
    return {
      logId: incoming.logId,
      slot: incoming.slot,
      seq: incoming.seq,
      reason,
      increments,
      detail,
      content: joinContent(encodeContent(batch)),
    };
  }

  /** New marks of every log in `taken`: seqs are contiguous by `offer`, asserted again here (I2). */
  #advanceMarks(state: SlotState, taken: readonly Queued[], nowMs: number): Mark[] {
    const marks = new Map<string, Mark>();
    for (const { incoming } of taken) {
      const before = marks.get(incoming.logId) ?? state.marks.get(incoming.logId);
      invariant(
        incoming.seq === (before?.seq ?? 0) + 1,
        `batch ${incoming.seq} of log ${incoming.logId} after mark ${before?.seq ?? 0}`,
      );
      const { header } = incoming;
      const counted = before?.increments ?? 0;
      // I6 of one hop: what the producer counted before this batch is what was taken from its log (0: a header of version 1)
      if (incoming.kind === 'federated' && header.ledger !== 0 && header.ledger !== counted) {
        this.#counters.ledgerErrors.inc();
        const { logId, seq } = incoming;
        this.#d.logger.error(
          { log: logId, seq, ledger: header.ledger, counted },
          'the ledger of a log is not its mark',
        );
      }
      marks.set(incoming.logId, {
        logId: incoming.logId,
        slot: state.slot,
        producer: incoming.producer,
        kind: incoming.kind,
        gen: incoming.gen,
        seq: incoming.seq,
        chain: incoming.chain,
        watermark: Math.max(header.watermark, before?.watermark ?? NO_WATERMARK),
        // this tier's own promise, under its own name, so that answers can name it
        origins: furthest(
          before?.origins,
          incoming.kind === 'local' ? new Map([[this.#o.tier, header.watermark]]) : header.origins,
        ),
        increments: counted + header.increments,
        updatedAtMs: nowMs,
        frontier: header.frontier,
      });
    }
    return [...marks.values()];
  }

  /** Minimum over the *expected* producers, whoever is connected; the vector says the same per origin tier. */
  #watermark(marks: Iterable<Mark>): { watermark: number; origins: Map<string, number> } {
    const byProducer = new Map<string, Mark>();
    for (const mark of marks) {
      const key = `${mark.kind} ${mark.producer}`;
      const other = byProducer.get(key);
      if (!other || mark.watermark > other.watermark) byProducer.set(key, mark);
    }
    const origins = new Map<string, number>();
    let watermark = Number.POSITIVE_INFINITY;
    const promise = (origin: string, minute: number) =>
      origins.set(origin, Math.min(minute, origins.get(origin) ?? Number.POSITIVE_INFINITY));
    for (const child of this.#expectedChildren) {
      const mark = byProducer.get(`federated ${child}`);
      watermark = Math.min(watermark, mark?.watermark ?? NO_WATERMARK);
      if (!mark || mark.origins.size === 0) promise(child, mark?.watermark ?? NO_WATERMARK);
      else for (const [origin, minute] of mark.origins) promise(origin, minute);
    }
    if (this.#o.hasLocalSources) {
      for (const instance of this.#d.liveInstances()) {
        const minute = byProducer.get(`local ${instance}`)?.watermark ?? NO_WATERMARK;
        watermark = Math.min(watermark, minute);
        promise(this.#o.tier, minute);
      }
    }
    return { watermark: Number.isFinite(watermark) ? watermark : NO_WATERMARK, origins };
  }

  #committed(p: Prepared): void {
    const { state } = p.slot;
    state.fence = afterFlush(state.fence);
    for (const mark of p.marks) state.marks.set(mark.logId, mark);
    for (const hour of p.flush.dirtyHours) state.dirtyHours.add(hour);
    for (const block of p.flush.rows) this.#counters.rowsWritten.inc(block.entities.length);
    for (const park of p.flush.parked) this.#counters.parked.inc(park.increments);
    this.#appended(p.slot, p.flush);
    this.#counters.manifestsChecked.inc(p.judged.checked);
    this.#counters.manifestMismatches.inc(p.judged.mismatched);
    if (p.judged.mismatched > 0) {
      const minutes = p.judged.verdicts.filter((v) => v.state === 'suspect');
      this.#d.logger.error(
        { slot: state.slot, minutes },
        'what was merged is not what the tiers below say that they sent',
      );
    }
    if (p.told) {
      const { outbound } = p.slot;
      outbound.watermark = Math.max(outbound.watermark, p.told.watermark);
      outbound.toldOrigins = furthest(outbound.toldOrigins, p.told.origins);
    }
    for (const queued of p.taken) {
      const { incoming, resolve } = queued;
      this.#inFlight.delete(queued);
      this.#counters.merged.inc(incoming.header.increments);
      resolve({ kind: 'committed', appliedSeq: incoming.seq });
    }
    if (p.flush.outbox.length > 0) for (const listener of this.#outboxListeners) listener(state.slot);
  }

  /** The outbound log as the commit of `flush` left it. */
  #appended({ outbound }: Slot, flush: SlotFlush): void {
    const { repair, outbox, pending, settled } = flush;
    if (repair) {
      const { gen, seq, chain, ledger, suppressed } = repair;
      outbound.head = { ...outbound.head, gen, nextSeq: seq + 1, chain, ledger, acknowledgedSeq: seq };
      outbound.suppressed = suppressed;
    }
    if (flush.suppressed) outbound.suppressed = flush.suppressed;
    for (const { entry, watermark } of outbox) outbound.head = headAfter(outbound.head, entry, watermark);
    outbound.watermark = Math.max(outbound.watermark, outbound.head.watermark); // entries of an owner before this one promised it
    const { entries, firstOrd, lastOrd } = outbound.pending;
    outbound.pending = {
      entries: entries + pending.length - settled.length - (repair?.dropPending.length ?? 0),
      firstOrd: Math.min(firstOrd, pending[0]?.ord ?? firstOrd),
      lastOrd: Math.max(lastOrd, pending.at(-1)?.ord ?? 0),
    };
  }

  // --- derived rows ------------------------------------------------------------------------------------------------

  async #rollupDue(): Promise<void> {
    if (!this.#o.derivesHours) return;
    const now = this.#d.clock.monotonicMs();
    for (const slot of this.#slots.values()) {
      const { state } = slot;
      if (state.dirtyHours.size === 0 || now - slot.lastRollupMs < this.#o.rollupPeriodMs) continue;
      slot.lastRollupMs = now;
      for (const hour of [...state.dirtyHours].toSorted((a, b) => a - b)) {
        const rows = await deriveHour(this.#d.store, state.slot, hour, this.#o.metricsOf);
        const flush = { ...emptyFlush(state.slot, state.fence), rows, cleanedHours: [hour] };
        if (!(await this.#commitOne(slot, flush))) break;
        state.dirtyHours.delete(hour);
      }
    }
  }

  /** Stops taking batches, flushes what is queued once, lets go. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    await this.#enqueue(() => this.#flushAll());
    this.#closed = true;
    this.#desired = new Set();
    await this.#enqueue(async () => {
      for (const slot of this.ownedSlots()) this.#forget(slot, { kind: 'notOwner' });
    });
    for (const listener of this.#ownershipListeners) listener();
  }
}

/** A flush that changes nothing, to spread over. */
function emptyFlush(slot: number, fence: SlotFence): SlotFlush {
  return {
    slot,
    fence,
    entities: [],
    origins: [],
    rows: [],
    marks: [],
    outbox: [],
    pending: [],
    settled: [],
    parked: [],
    unparked: [],
    losses: [],
    manifests: [],
    dirtyHours: [],
    cleanedHours: [],
  };
}

/** What a flush adds to the outbound log. */
interface Appended extends Pick<SlotFlush, 'outbox' | 'pending'> {
  readonly told: Prepared['told'];
}

const NOTHING_APPENDED: Appended = { outbox: [], pending: [], told: undefined };

/** A row of the delta that the slot's state refused. */
interface RefusedRow {
  readonly table: DeltaTable;
  readonly metric: MetricSchema;
  readonly entityId: string;
}

/** What of `parts` goes on, merged; rows that were refused here do not. */
function deltaOf(parts: readonly Part[], refused: readonly RefusedRow[]): SlotDelta {
  const delta = new SlotDelta();
  for (const { blocks, forwarded } of parts) {
    if (forwarded !== 'no') continue;
    for (const { batch, block, metric, origin } of blocks)
      invariant(delta.addBlock(batch, block, metric, origin) === undefined, 'a part overflows where the sum did not');
  }
  for (const { table, metric, entityId } of refused) {
    for (const own of delta.tables) {
      if (own.scope !== table.scope || own.minute !== table.minute || own.origin !== table.origin) continue;
      const row = own.entities.findIndex(({ id }) => id === entityId);
      if (row < 0) continue;
      const rows = own.refused.get(metric.name);
      if (rows) rows.add(row);
      else own.refused.set(metric.name, new Set([row]));
    }
  }
  return delta;
}

/** The block with the other rows alone. */
function withoutRows({ batch, block, metric, origin }: MergedBlock, refused: ReadonlySet<number>): MergedBlock {
  const columns = new MetricColumns(block.schema, block.entities.length);
  columns.mergeBlock(Int32Array.from(block.entities.keys()), block);
  const builder = new BatchBuilder();
  const left = [...block.entities.keys()].filter((row) => !refused.has(row));
  builder.addRows(columns, block.minute, block.origin, left, (row) => batch.entities[block.entities[row]!]!);
  const own = builder.build();
  return { batch: own, block: own.blocks[0] ?? { ...block, entities: new Uint32Array(0) }, metric, origin };
}

function rowsOf(block: ForeignBlock['block']): number {
  return 'schema' in block ? block.entities.length : block.rows;
}

/** The declared losses of a part under the batch that brought them. */
function storedLosses({ incoming: { logId, seq }, losses }: Part): StoredLoss[] {
  return losses.map((loss, index) => ({ ...loss, logId, seq, index }));
}

function auditPart({ incoming, blocks, foreign, losses }: Part): AuditPart {
  const { logId, kind, header } = incoming;
  return { logId, kind, manifests: header.manifests, blocks, foreign, losses };
}

function afterFlush(fence: SlotFence): SlotFence {
  return { ...fence, flushes: fence.flushes + 1 };
}

/** The oldest entries of a queue up to about so many bytes, at least one. */
function takeBytes(queue: readonly Queued[], bytesMax: number): readonly Queued[] {
  let bytes = 0;
  let count = 0;
  while (count < queue.length && (count === 0 || bytes + sizeOf(queue[count]!.incoming) <= bytesMax)) {
    bytes += sizeOf(queue[count++]!.incoming);
  }
  return queue.slice(0, count);
}

function only(batch: IncrementBatch, block: IncrementBlock): IncrementBatch {
  return { entities: batch.entities, blocks: [block], unknownBlocks: [] };
}

/**
 * I7 per origin: a promise stays one when a later batch says less. A restarted node of a leaf has promised nothing yet, and a clock
 * that was set back promises less than it did.
 */
function furthest(
  before: ReadonlyMap<string, number> | undefined,
  now: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  if (!before) return now;
  const origins = new Map(before);
  for (const [origin, minute] of now) origins.set(origin, Math.max(minute, before.get(origin) ?? NO_WATERMARK));
  return origins;
}

/** What a waiting batch costs, in bytes: its content, or an estimate for local batches, which are not encoded. */
function sizeOf(incoming: IncomingBatch): number {
  return incoming.contentBytes.length || 64 + incoming.header.increments * 64;
}
