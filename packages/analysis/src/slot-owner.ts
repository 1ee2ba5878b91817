// SPDX-License-Identifier: Apache-2.0
// L2: the owner of slots. In: numbered batches from L1 and from downstream tiers. Out: one transaction per slot and flush, shared by slots
// as long as it is small, with the merged rows, the marks of the batches, and the outbox clone; an outcome to each producer, only after the commit.
// The memory of a slot is a cache of the storage: after a failed or unknown commit it is forgotten, and the marks decide.
import { minuteOf, type LogPosition } from '@oap-federation/model';
import { reached, type Clock, type Counter, type Logger, type MetricRegistry } from '@oap-federation/runtime';
import {
  changedHead,
  StorageUnavailable,
  type Mark,
  type SlotFence,
  type SlotFlush,
  type TierStore,
} from '@oap-federation/storage';
import { isChainAfter } from './chain.js';
import type { RepairKind, UpstreamPosition } from './outbound.js';
import { flushed, openSlot, sizeOf, type Gap, type Queued, type Slot } from './slot.js';
import { applyPlan, FlushPlanner, type FlushPlan, type FlushPlannerOptions } from './slot-flush.js';
import { SlotUpkeep, type SlotUpkeepOptions } from './slot-upkeep.js';
import type { BatchOutcome, IncomingBatch, SlotIntake } from './ports.js';

export interface SlotOwnerOptions extends FlushPlannerOptions, SlotUpkeepOptions {
  /** Id under which this node claims slots. */
  readonly instanceId: string;
  /** Minutes that nothing touched for so long leave the memory. */
  readonly storageSessionTimeoutMs: number;
  /** Batches waiting for a flush, over all slots, in bytes of content; above it `offer` answers busy. */
  readonly queueBytesMax: number;
  /** Slots are flushed together up to about so many rows. Default 10,000. */
  readonly rowsPerTransaction?: number;
}

export interface SlotOwnerDeps {
  readonly store: TierStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
  /** Instance ids of the tier's live nodes: whose L1 logs the watermark waits for. */
  readonly liveInstances: () => readonly string[];
}

/** One slot's part of a flush in flight. */
interface Prepared extends FlushPlan {
  readonly slot: Slot;
  readonly taken: readonly Queued[];
}

const NOTHING = new Uint8Array(0);
const BUSY_RETRY_MS = 250;
const FULL_RETRY_MS = 1_000;
// a producer that offers ahead closes its own gaps within a retry or two; what stays longer is another owner's doing
const GAP_STAYS_MS = 1_000;
// one flush of a slot makes one outbox entry; far below the 64 MiB at which a stream refuses a batch
const SLOT_FLUSH_BYTES_MAX = 16 * 1024 * 1024;
// a transaction of so many rows takes the storage about 100 ms: what it costs beside its rows is little, and so is what waits for the last
const ROWS_PER_TRANSACTION = 10_000;
/** Transactions that were sent and are not answered: the storage carries one out, and has the next when it is done. */
const SENT_MAX = 2;

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

const NOTHING_CLAIMED: ReadonlyMap<string, LogPosition> = new Map();

export class SlotOwner implements SlotIntake, AsyncDisposable {
  readonly #o: SlotOwnerOptions;
  readonly #d: SlotOwnerDeps;
  readonly #slots = new Map<number, Slot>();
  #desired: ReadonlySet<number> = new Set();
  readonly #ownershipListeners = new Set<() => void>();
  readonly #outboxListeners = new Set<(slot: number) => void>();
  readonly #planner: FlushPlanner;
  readonly #upkeep: SlotUpkeep;
  #queuedBytes = 0;
  #cycle: Promise<void> = Promise.resolve();
  #closed = false;
  /** A flush that `commitSoon` asked for waits for its turn. */
  #commitsSoon = false;
  #lastFlushMs = 0;
  readonly #counters: Readonly<
    Record<
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
      | 'manifestsChecked'
      | 'manifestMismatches',
      Counter
    >
  >;
  /** Taken from the queues, their outcome not known yet. */
  readonly #inFlight = new Set<readonly Queued[]>();

  constructor(options: SlotOwnerOptions, deps: SlotOwnerDeps) {
    this.#o = options;
    this.#d = deps;
    const counter = (name: string, help: string) => deps.telemetry.counter(`oap_l2_${name}_total`, help);
    this.#counters = {
      flushes: counter('flushes', 'flush transactions committed'),
      failed: counter('flush_failures', 'flush transactions that failed or whose outcome is unknown'),
      ledgerErrors: counter('ledger_errors', 'batches of a log whose ledger is not that of its mark: a defect'),
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
    this.#planner = new FlushPlanner(options, { ...deps, onLedgerError: () => this.#counters.ledgerErrors.inc() });
    this.#upkeep = new SlotUpkeep(options, {
      ...deps,
      slots: () => this.#slots.values(),
      owns: (held) => this.#slots.get(held.state.slot) === held,
      commit: (held, flush) => this.#commitOne(held, flush),
      forget: (held) => this.#abandon([], [held.state.slot]),
      onAppended: (slot) => this.#announce(slot),
    });
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

  /** What the slot's row says as long as nobody else claimed it; undefined when it is not owned here. */
  fence(slot: number): SlotFence | undefined {
    return this.#slots.get(slot)?.state.fence;
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

  /** Bytes of batches that wait for a flush. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  status(): SlotOwnerStatus {
    return {
      owned: this.ownedSlots(),
      queuedBytes: this.queuedBytes,
      flushes: this.#counters.flushes.value(),
      committedIncrements: this.#counters.merged.value(),
      lastFlushMs: this.#lastFlushMs,
      ledger: this.ledger(),
    };
  }

  /** Increments by what became of them: offered = committed + returned + waiting, at any time (I9). */
  ledger(): Ledger {
    let waiting = 0;
    for (const taken of this.#inFlight) waiting += incrementsOf(taken);
    for (const { queue } of this.#slots.values()) waiting += incrementsOf(queue);
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
        const dirtyHours = await this.#d.store.maintenance.dirtyHours(slot);
        if (!this.#desired.has(slot)) continue;
        const gaps = new Map<string, Gap>();
        for (const [logId, gap] of checked.get(slot) ?? [])
          if (gap.state === 'stale') gaps.set(logId, { ...gap, state: 'checked' });
        const { clock } = this.#d;
        const now = { wallMs: clock.now(), monotonicMs: clock.monotonicMs() };
        const held = openSlot(claim, this.#o.metricsOf, gaps, now);
        for (const hour of dirtyHours) held.state.dirtyHours.add(hour);
        this.#slots.set(slot, held);
        changed = true;
      }
      this.#planner.expectedChildren = (await this.#d.store.expectedChildren())
        .filter((child) => child.retiredAtMs === undefined)
        .map((child) => child.tier);
    } finally {
      if (changed) for (const listener of this.#ownershipListeners) listener();
    }
  }

  /** Tells a producer that its batch was not applied. */
  #giveBack(queued: Queued, outcome: BatchOutcome): void {
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
    if (this.#upkeep.full) return Promise.resolve({ kind: 'busy', retryAfterMs: FULL_RETRY_MS });
    if (this.#queuedBytes + sizeOf(incoming) > this.#o.queueBytesMax && this.#queuedBytes > 0) {
      return Promise.resolve({ kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
    }
    if (incoming.kind === 'federated') {
      const { chain, headerBytes } = incoming;
      const pieces = incoming.contentPieces ?? { head: NOTHING, body: incoming.contentBytes };
      if (!isChainAfter(chain, expected.chain, headerBytes, pieces))
        return Promise.resolve({ kind: 'forked', appliedSeq });
      expected.chain = chain;
    }
    expected.seq = incoming.seq + 1;
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

  claimed(slot: number): ReadonlyMap<string, LogPosition> {
    return this.#slots.get(slot)?.outbound.claimed ?? NOTHING_CLAIMED;
  }

  isVerified(slot: number, claim: number): boolean {
    const held = this.#slots.get(slot);
    return held?.state.fence.claim === claim && held.outbound.verified;
  }

  verify(slot: number, claim: number, gen: number): Promise<boolean> {
    const held = this.#slots.get(slot);
    if (held?.state.fence.claim !== claim || this.#closed) return Promise.resolve(false);
    return this.#task(held, () => this.#upkeep.verify(held, gen));
  }

  acknowledged(slot: number, seq: number): void {
    const held = this.#slots.get(slot);
    if (!held) return;
    const { head } = held.outbound;
    if (seq > head.acknowledgedSeq && seq < head.nextSeq)
      held.outbound.head = changedHead(head, { acknowledgedSeq: seq });
  }

  raiseGeneration(slot: number, logId: string, gen: number, producer: string): Promise<boolean> {
    const held = this.#slots.get(slot);
    if (!held || this.#closed) return Promise.resolve(false);
    held.fenced.set(logId, Math.max(gen, held.fenced.get(logId) ?? 0)); // from now on nothing older is accepted
    return this.#task(held, () => this.#upkeep.raiseGeneration(held, logId, gen, producer));
  }

  repair(slot: number, claim: number, position: UpstreamPosition, how: RepairKind): Promise<boolean> {
    const held = this.#slots.get(slot);
    if (held?.state.fence.claim !== claim || this.#closed) return Promise.resolve(false);
    return this.#task(held, () => this.#upkeep.repair(held, position, how));
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
    flushed(held, flush);
    return true;
  }

  // --- flush -------------------------------------------------------------------------------------------------------

  /** Flushes, claims what is missing, derives hours: one round of the L2 timer. Never throws; failures are retried next round. */
  runRound(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#reconcile();
      await this.#flushAll();
      await this.#upkeep.settlePending();
      await this.#upkeep.keepWithinBounds();
      await this.#upkeep.mergeParked();
      await this.#upkeep.rollupDue();
    });
  }

  commitSoon(): void {
    if (this.#commitsSoon || this.#closed) return;
    this.#commitsSoon = true;
    void this.#enqueue(() => {
      this.#commitsSoon = false; // what is offered from now on is in this flush, or asks again
      return this.#flushAll();
    });
  }

  async #flushAll(): Promise<void> {
    while (await this.#flushOnce());
  }

  /**
   * Flushes every slot that has batches, together in one transaction as long as that is small; true when some slot had more than one
   * flush may take. Of many rows one transaction is on its way while the slots of the next are prepared.
   */
  async #flushOnce(): Promise<boolean> {
    const started = this.#d.clock.monotonicMs();
    const sent: Promise<boolean>[] = [];
    let more = false;
    let failed = false;
    const send = (prepared: readonly Prepared[]) => {
      const sending = this.#commit(prepared);
      sent.push(sending);
      // said by the one who awaits it, below
      sending.then(
        (isCommitted) => (failed ||= !isCommitted),
        () => (failed = true),
      );
    };
    // what was sent must get on its way
    const pause = () => (sent.length > 0 ? this.#d.clock.sleep(0) : Promise.resolve());
    let prepared: Prepared[] = [];
    let rows = 0;
    try {
      for (const slot of this.#slots.values()) {
        if (slot.queue.length === 0) continue;
        await sent.at(-SENT_MAX)?.catch(() => {}); // what is not answered is in memory
        await pause();
        if (failed) break;
        const one = await this.#prepare(slot, prepared, pause);
        prepared.push(one);
        more ||= slot.queue.length > 0;
        for (const block of one.flush.rows) rows += block.entities.length;
        if (rows < (this.#o.rowsPerTransaction ?? ROWS_PER_TRANSACTION)) continue;
        send(prepared);
        prepared = [];
        rows = 0;
      }
      if (prepared.length > 0) send(prepared);
    } finally {
      await Promise.allSettled(sent);
    }
    if (sent.length === 0) return false;
    const committed = await Promise.all(sent);
    this.#lastFlushMs = this.#d.clock.monotonicMs() - started;
    for (const { state, audit } of this.#slots.values()) {
      state.evict(this.#d.clock.monotonicMs(), this.#o.storageSessionTimeoutMs);
      audit.evict(minuteOf(this.#d.clock.now()) - this.#o.ttlDays * 1440);
    }
    return more && committed.every((isCommitted) => isCommitted);
  }

  /** One slot's part of a transaction. Errors: the slot and those in `others`, which were prepared for the same, are forgotten. */
  async #prepare(slot: Slot, others: readonly Prepared[], pause: () => Promise<void>): Promise<Prepared> {
    const taken = takeBytes(slot.queue, SLOT_FLUSH_BYTES_MAX);
    slot.queue = slot.queue.slice(taken.length);
    for (const { incoming } of taken) this.#queuedBytes -= sizeOf(incoming);
    this.#inFlight.add(taken);
    try {
      const incoming = taken.map((queued) => queued.incoming);
      const { flush, marks, told, judged } = await this.#planner.plan(slot, incoming, pause);
      return { flush, marks, told, judged, slot, taken };
    } catch (err) {
      this.#inFlight.delete(taken);
      for (const queued of taken) this.#giveBack(queued, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
      this.#counters.failed.inc();
      this.#abandon(others, [slot.state.slot]);
      throw err;
    }
  }

  /** One transaction; true when it was committed. Whatever else becomes of it, its slots are forgotten. */
  async #commit(prepared: readonly Prepared[]): Promise<boolean> {
    let outcome;
    try {
      outcome = await this.#d.store.flush(prepared.map((p) => p.flush));
    } catch (err) {
      this.#counters.failed.inc();
      this.#abandon(prepared);
      throw err;
    }
    if (outcome.kind === 'notOwner') {
      this.#counters.fenced.inc(outcome.slots.length);
      this.#d.logger.warn(
        { slots: outcome.slots },
        'the storage fence refused a flush: these slots have another owner',
      );
      for (const slot of outcome.slots) this.#forget(slot, { kind: 'notOwner' });
      this.#abandon(prepared);
      return false;
    }
    reached('flush.committed');
    for (const p of prepared) this.#committed(p);
    reached('flush.acknowledged');
    this.#counters.flushes.inc();
    return true;
  }

  /** After a failed or unknown commit: forget the memory of every slot that took part; the next round claims again. */
  #abandon(prepared: readonly Prepared[], others: readonly number[] = []): void {
    for (const p of prepared) {
      this.#inFlight.delete(p.taken);
      for (const queued of p.taken) this.#giveBack(queued, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
    }
    const slots = prepared.map(({ slot }) => slot.state.slot);
    for (const slot of [...slots, ...others]) this.#forget(slot, { kind: 'busy', retryAfterMs: BUSY_RETRY_MS });
    for (const listener of this.#ownershipListeners) listener();
  }

  #committed(p: Prepared): void {
    const { slot, flush, judged } = p;
    applyPlan(slot, p);
    for (const block of flush.rows) this.#counters.rowsWritten.inc(block.entities.length);
    for (const park of flush.parked) this.#counters.parked.inc(park.increments);
    this.#counters.manifestsChecked.inc(judged.checked);
    this.#counters.manifestMismatches.inc(judged.mismatched);
    if (judged.mismatched > 0) {
      const minutes = judged.verdicts.filter((v) => v.state === 'suspect');
      this.#d.logger.error(
        { slot: flush.slot, minutes },
        'what was merged is not what the tiers below say that they sent',
      );
    }
    this.#inFlight.delete(p.taken);
    this.#counters.merged.inc(incrementsOf(p.taken));
    for (const { incoming, resolve } of p.taken) resolve({ kind: 'committed', appliedSeq: incoming.seq });
    if (flush.outbox.length > 0) this.#announce(flush.slot);
  }

  #announce(slot: number): void {
    for (const listener of this.#outboxListeners) listener(slot);
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

function incrementsOf(batches: readonly Queued[]): number {
  let increments = 0;
  for (const { incoming } of batches) increments += incoming.header.increments;
  return increments;
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
