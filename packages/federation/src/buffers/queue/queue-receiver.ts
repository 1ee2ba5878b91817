// SPDX-License-Identifier: Apache-2.0
// The receiver through a message queue: from the lanes of the owned slots to the slot owner's intake. In: messages of strangers, at least
// once, in any order. Out: batches in order per log; answers; and a message is done with only after its batch is committed, or can never be.
import type { BatchOutcome, IncomingBatch, SlotIntake } from '@oap-federation/analysis';
import { decodeContent, decodeHeader, DecodeError, minuteOf, splitContent } from '@oap-federation/model';
import { messageOf, rateLimited, type Cancel, type RateLimitedLogger } from '@oap-federation/runtime';
import { incomingBatch } from '../../incoming-batch.js';
import type { ReceiverDeps } from '../../receiver.js';
import {
  decodeUp,
  encodeAnswer,
  isSigned,
  splitBatch,
  type Answer,
  type AnswerCode,
  type BatchMessage,
  type OpenMessage,
  type UpMessage,
} from './message.js';
import type { Delivery, MessageQueue } from './queue.js';

export interface QueueReceiverConfig {
  readonly tier: string;
  readonly slots: number;
  /** Tier name to token; empty lets any tier in that the queue lets in. */
  readonly tokens: Readonly<Record<string, string>>;
  /** A batch whose predecessors do not come is left out after this long: it would keep others from coming. The sender has it. */
  readonly patienceMs: number;
}

export type QueueReceiverDeps = Pick<ReceiverDeps, 'store' | 'clock' | 'logger'> & {
  readonly intake: Pick<
    SlotIntake,
    'ownedSlots' | 'owns' | 'mark' | 'offer' | 'commitSoon' | 'watchOwnership' | 'raiseGeneration'
  >;
  readonly queue: MessageQueue;
};

/** offered = committed + duplicate + refused + held, after every call. */
export interface QueueReceiverCounters {
  readonly offered: number;
  readonly committed: number;
  readonly duplicate: number;
  /** Can never be applied, waited for predecessors in vain, or was given back to the queue. */
  readonly refused: number;
  /** Waits for its predecessors, for room, or for its commit. */
  readonly held: number;
}

export interface QueueReceiver extends AsyncDisposable {
  status(): QueueReceiverCounters;
}

/** Disposing it leaves the queue open; what is not committed is for the next consumer. */
export function openQueueReceiver(config: QueueReceiverConfig, deps: QueueReceiverDeps): QueueReceiver {
  return new RunningQueueReceiver(config, deps);
}

/** A queue gives a few dozen messages of a lane ahead: with so many unfinished the next may come only after a commit. */
const HELD_MANY = 24;

class RunningQueueReceiver implements QueueReceiver {
  readonly config: QueueReceiverConfig;
  readonly deps: QueueReceiverDeps;
  readonly warnings: RateLimitedLogger;
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #lanes = new Map<number, Lane>();
  readonly #children = new Map<string, Promise<void>>();
  readonly #unwatch: () => void;
  readonly counts = { offered: 0, committed: 0, duplicate: 0, refused: 0, held: 0 };

  constructor(config: QueueReceiverConfig, deps: QueueReceiverDeps) {
    this.config = config;
    this.deps = deps;
    this.warnings = rateLimited(deps.logger, deps.clock, 30_000);
    this.#tokens = new Map(Object.entries(config.tokens));
    this.#unwatch = deps.intake.watchOwnership(() => this.#ownership());
    this.#ownership();
  }

  #ownership(): void {
    const owned = new Set(this.deps.intake.ownedSlots());
    for (const [slot, lane] of this.#lanes) {
      if (owned.has(slot)) continue;
      this.#lanes.delete(slot);
      lane.stop();
    }
    for (const slot of owned) if (!this.#lanes.has(slot)) this.#lanes.set(slot, new Lane(this, slot));
  }

  /** Why this message is not heard; undefined when it is. */
  refusal(message: UpMessage, bytes: Uint8Array): string | undefined {
    const { tier, slots } = this.config;
    const token = this.#tokens.get(message.tier);
    if (this.#tokens.size > 0 && (token === undefined || !isSigned(bytes, tier, token)))
      return `tier ${message.tier} is not allowed here`;
    if (message.tier === tier) return `tier ${tier} cannot be below itself`;
    if (message.slots !== slots) return `the sender has ${message.slots} slots, this tier ${slots}`;
    return undefined;
  }

  /** The child is written down before it is answered. */
  register(tier: string): Promise<void> {
    let child = this.#children.get(tier);
    if (child === undefined) {
      child = this.deps.store.expectChildren([{ tier, sinceMinute: minuteOf(this.deps.clock.now()) }]);
      this.#children.set(tier, child);
      child.catch(() => this.#children.delete(tier));
    }
    return child;
  }

  status(): QueueReceiverCounters {
    return { ...this.counts };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    for (const lane of this.#lanes.values()) lane.stop();
    this.#lanes.clear();
  }
}

/** A batch that is whole and not committed. */
interface Held {
  readonly message: BatchMessage;
  readonly batch: IncomingBatch;
  readonly deliveries: readonly Delivery[];
  readonly sinceMs: number;
  state: 'waiting' | 'offered';
}

interface Partial {
  readonly key: string;
  readonly parts: ({ readonly delivery: Delivery; readonly message: BatchMessage } | undefined)[];
}

const TIER_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const BUSY_RETRY_MS = 250;
/** Shorter than the time after which the queue gives an unfinished message to another. */
const WORKING_MS = 5_000;

class Lane {
  readonly #receiver: RunningQueueReceiver;
  readonly #slot: number;
  readonly #stopConsuming: () => void;
  readonly #held: Held[] = [];
  /** Per log: the batch whose parts are coming. */
  readonly #partial = new Map<string, Partial>();
  /** Per log: the last answer to a gap, which is not repeated for each batch behind it. */
  readonly #gapTold = new Map<string, string>();
  #retry: Cancel | undefined;
  #working: Cancel = () => {};
  #stopped = false;

  constructor(receiver: RunningQueueReceiver, slot: number) {
    const { deps, config } = receiver;
    this.#receiver = receiver;
    this.#slot = slot;
    this.#stopConsuming = deps.queue.consume({ kind: 'up', upstream: config.tier, slot }, (delivery) =>
      this.#take(delivery),
    );
    this.#keepWorking();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopConsuming();
    this.#retry?.();
    this.#working();
    this.#receiver.counts.refused += this.#held.length;
    this.#receiver.counts.held -= this.#held.length;
    for (const { deliveries } of this.#held.splice(0)) for (const delivery of deliveries) delivery.later(0);
  }

  #take(delivery: Delivery): void {
    if (this.#stopped) return;
    let message: UpMessage;
    try {
      message = decodeUp(delivery.bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#receiver.warnings.error(
        'undecodable',
        { err: error, slot: this.#slot },
        'a message of the queue cannot be read and is left out',
      );
      delivery.done();
      return;
    }
    if (!TIER_NAME.test(message.tier)) {
      delivery.done(); // nobody that could be answered
      return;
    }
    const problem =
      message.slot === this.#slot
        ? this.#receiver.refusal(message, delivery.bytes)
        : `a message of slot ${message.slot} in lane ${this.#slot}`;
    if (problem !== undefined) {
      this.#receiver.warnings.error(
        'refused',
        { tier: message.tier, slot: this.#slot, problem },
        'a message of the queue is refused',
      );
      delivery.done();
      this.#answer(message, 'DENIED', { detail: problem });
      return;
    }
    if (message.kind === 'open') void this.#open(message, delivery);
    else this.#part(message, delivery);
  }

  async #open(message: OpenMessage, delivery: Delivery): Promise<void> {
    const { deps } = this.#receiver;
    const mark = deps.intake.mark(this.#slot, message.logId);
    if (this.#isForeign(message)) {
      delivery.done();
      return;
    }
    try {
      await this.#receiver.register(message.tier);
      if (deps.intake.owns(this.#slot) && (!mark || message.gen > mark.gen))
        await deps.intake.raiseGeneration(this.#slot, message.logId, message.gen, message.tier);
    } catch (error) {
      this.#receiver.warnings.warn(
        'open',
        { err: error, tier: message.tier },
        'a log cannot be opened now, trying again',
      );
      delivery.later(BUSY_RETRY_MS);
      return;
    }
    if (this.#stopped || !deps.intake.owns(this.#slot)) {
      delivery.later(0);
      return;
    }
    delivery.done();
    this.#answer(message, 'MARK', { nonce: message.nonce });
  }

  /** A log that another tier, or a node of this one, writes; the sender is told, and nothing about the log. */
  #isForeign(message: UpMessage): boolean {
    const mark = this.#receiver.deps.intake.mark(this.#slot, message.logId);
    if (!mark || (mark.kind === 'federated' && mark.producer === message.tier)) return false;
    this.#answer(message, 'DENIED', { detail: `log ${message.logId} is not of tier ${message.tier}` });
    return true;
  }

  #part(message: BatchMessage, delivery: Delivery): void {
    const { logId, tier, gen, seq, session, round, parts } = message;
    const log = `${tier} ${logId}`;
    const key = `${gen} ${seq} ${session} ${round}`;
    let partial = this.#partial.get(log);
    if (partial?.key !== key) {
      // the rest of the one before was lost, or comes again later, all of it
      for (const one of partial?.parts ?? []) one?.delivery.later(BUSY_RETRY_MS);
      this.#partial.set(log, (partial = { key, parts: [] }));
    }
    partial.parts[message.part] = { message, delivery };
    const whole = partial.parts.filter((part) => part !== undefined);
    if (whole.length < parts) return;
    this.#partial.delete(log);
    const body = whole.length === 1 ? message.bytes : Buffer.concat(whole.map((part) => part.message.bytes));
    this.#batch(
      message,
      body,
      whole.map((part) => part.delivery),
    );
  }

  #batch(message: BatchMessage, body: Uint8Array, deliveries: readonly Delivery[]): void {
    const { counts, deps } = this.#receiver;
    counts.offered++;
    let batch: IncomingBatch;
    try {
      batch = incoming(message, body);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      counts.refused++;
      for (const delivery of deliveries) delivery.done();
      this.#answer(message, 'UNSUPPORTED', { detail: `seq ${message.seq}: ${error.message}` });
      return;
    }
    if (this.#isForeign(message)) {
      counts.refused++;
      for (const delivery of deliveries) delivery.done();
      return;
    }
    counts.held++;
    const held: Held = { message, batch, deliveries, sinceMs: deps.clock.monotonicMs(), state: 'waiting' };
    // by seq within a log: what comes again after a crash comes late
    const after = this.#held.findIndex((other) => other.batch.logId === batch.logId && other.batch.seq > batch.seq);
    this.#held.splice(after < 0 ? this.#held.length : after, 0, held);
    this.#pump();
  }

  /** Offers what waits, in order; outcomes come later, those that refuse in this turn of the loop. */
  #pump(): void {
    for (const held of this.#held) {
      if (held.state === 'offered') continue;
      held.state = 'offered';
      void this.#offer(held);
    }
    if (this.#held.length >= HELD_MANY) this.#receiver.deps.intake.commitSoon();
  }

  async #offer(held: Held): Promise<void> {
    let outcome: BatchOutcome;
    try {
      outcome = await this.#receiver.deps.intake.offer(held.batch);
    } catch (error) {
      this.#receiver.warnings.error('intake', { err: error, slot: this.#slot }, 'the intake failed');
      outcome = { kind: 'busy', retryAfterMs: 1_000 };
    }
    if (this.#stopped || !this.#held.includes(held)) return;
    const { message } = held;
    const { counts } = this.#receiver;
    switch (outcome.kind) {
      case 'committed':
      case 'duplicate':
        counts[outcome.kind]++;
        this.#finish(held);
        this.#answer(message, 'ACK', {});
        return;
      case 'forked':
      case 'fenced':
        counts.refused++;
        this.#finish(held);
        this.#answer(message, outcome.kind === 'forked' ? 'FORKED' : 'FENCED', {
          detail: `batch ${message.seq} is ${outcome.kind}`,
        });
        return;
      case 'gap':
        held.state = 'waiting';
        this.#gap(held, outcome.expectedSeq);
        return;
      case 'busy':
      case 'notOwner':
        held.state = 'waiting';
        this.#pumpLater(outcome.kind === 'busy' ? outcome.retryAfterMs : BUSY_RETRY_MS);
        return;
    }
  }

  /** Predecessors may be on their way: held here, coming again from the queue, or lost, which only the sender can make good. */
  #gap(held: Held, expectedSeq: number): void {
    const { clock } = this.#receiver.deps;
    const { message } = held;
    const index = this.#held.indexOf(held);
    if (!this.#held.slice(0, index).some((other) => other.batch.logId === message.logId)) {
      const told = `${message.session} ${message.round} ${expectedSeq}`;
      if (this.#gapTold.get(message.logId) !== told) this.#answer(message, 'GAP', {});
      this.#gapTold.set(message.logId, told);
      if (clock.monotonicMs() - held.sinceMs > this.#receiver.config.patienceMs) {
        this.#receiver.counts.refused++;
        this.#finish(held); // the sender has it, and sends it after what is missing
      }
    }
    this.#pumpLater(BUSY_RETRY_MS);
  }

  #pumpLater(ms: number): void {
    this.#retry ??= this.#receiver.deps.clock.after(ms, () => {
      this.#retry = undefined;
      this.#pump();
    });
  }

  #finish(held: Held): void {
    this.#held.splice(this.#held.indexOf(held), 1);
    this.#receiver.counts.held--;
    for (const delivery of held.deliveries) delivery.done();
  }

  /** What is held must not go to another consumer meanwhile. */
  #keepWorking(): void {
    this.#working = this.#receiver.deps.clock.after(WORKING_MS, () => {
      for (const { deliveries } of this.#held) for (const delivery of deliveries) delivery.working();
      this.#keepWorking();
    });
  }

  /** With this tier's mark as it is now, whatever the answer. What is lost of it the sender asks for again. */
  #answer(to: UpMessage, code: AnswerCode, rest: { readonly nonce?: number; readonly detail?: string }): void {
    const { deps, config } = this.#receiver;
    const mark = code === 'DENIED' ? undefined : deps.intake.mark(this.#slot, to.logId);
    const answer: Answer = {
      code,
      logId: to.logId,
      session: to.session,
      nonce: rest.nonce ?? (to.kind === 'open' ? to.nonce : 0),
      round: to.kind === 'batch' ? to.round : 0,
      known: mark !== undefined,
      gen: mark?.gen ?? to.gen,
      seq: mark?.seq ?? 0,
      chain: mark?.chain ?? new Uint8Array(0),
      increments: mark?.increments ?? 0,
      frontier: code === 'MARK' && mark ? mark.frontier : new Map(),
      stableSeq: code === 'ACK' && mark ? Math.min(mark.seq, deps.store.stableSeq(this.#slot, to.logId)) : 0,
      detail: rest.detail ?? '',
    };
    const lane = { kind: 'down', upstream: config.tier, tier: to.tier, slot: to.slot } as const;
    const id = `${to.session}:${code}:${answer.nonce}:${answer.round}:${answer.seq}:${deps.clock.monotonicMs()}`;
    deps.queue
      .publish(lane, id, encodeAnswer(answer))
      .catch((error: unknown) =>
        this.#receiver.warnings.warn(
          'answer',
          { error: messageOf(error), tier: to.tier },
          'an answer could not be published',
        ),
      );
  }
}

/** Errors: DecodeError for a header that this release does not know. A content that it does not know is parked whole. */
function incoming(message: BatchMessage, body: Uint8Array): IncomingBatch {
  const { chain, header, content } = splitBatch(body);
  const { logId, slot, gen, seq, tier } = message;
  return incomingBatch(
    {
      logId,
      slot,
      gen,
      seq,
      producer: tier,
      kind: 'federated',
      header: decodeHeader(header),
      headerBytes: header,
      contentBytes: content,
      chain,
    },
    () => decodeContent(splitContent(content)),
  );
}
