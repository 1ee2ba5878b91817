// SPDX-License-Identifier: Apache-2.0
// The forwarder through a message queue: the outbox of the owned slots as self-contained messages. In: numbered entries, which stay in
// the outbox; answers of the upstream. Out: messages, and acknowledgements to the store, only for what the upstream says it committed:
// that the queue took a message means nothing here. What to do when says log-sender.ts, as for a stream; here are the I/O and the patience.
import { messageOf, rateLimited, type Cancel, type RateLimitedLogger } from '@oap-federation/runtime';
import { DecodeError } from '@oap-federation/model';
import type { OutboxEntry, OutboxHead } from '@oap-federation/storage';
import type { ForwarderConfig } from '../../config.js';
import type { Forwarder, ForwarderDeps, ForwarderStatus, LogStatus } from '../../forwarder.js';
import {
  INITIAL_LOG_STATE,
  offered,
  stepLog,
  type LogEffect,
  type LogEvent,
  type LogHead,
  type LogState,
} from '../../log-sender.js';
import { decodeAnswer, encodeUp, joinBatch, type Answer, type UpMessage } from './message.js';
import type { MessageQueue } from './queue.js';

export interface QueueForwarderConfig extends Pick<ForwarderConfig, 'tier' | 'slots' | 'token' | 'fetchBytes' | 'log'> {
  /** Name of the tier above. */
  readonly upstream: string;
  /** Nothing was heard for so long: the log is offered again, since the queue may have lost what was sent or answered. */
  readonly patienceMs: number;
}

export type QueueForwarderDeps = Pick<ForwarderDeps, 'store' | 'intake' | 'clock' | 'rng' | 'logger' | 'telemetry'> & {
  readonly queue: MessageQueue;
};

/** Disposing it leaves the queue open. */
export function openQueueForwarder(config: QueueForwarderConfig, deps: QueueForwarderDeps): Forwarder {
  return new QueueForwarder(config, deps);
}

class QueueForwarder implements Forwarder {
  readonly config: QueueForwarderConfig;
  readonly deps: QueueForwarderDeps;
  readonly warnings: RateLimitedLogger;
  readonly #logs = new Map<number, QueuedLog>();
  readonly #unwatch: (() => void)[];
  batchesSent = 0;
  batchesAcknowledged = 0;

  constructor(config: QueueForwarderConfig, deps: QueueForwarderDeps) {
    this.config = config;
    this.deps = deps;
    this.warnings = rateLimited(deps.logger, deps.clock, 30_000);
    this.#unwatch = [
      deps.intake.watchOwnership(() => this.#ownership()),
      deps.intake.watchOutbox((slot) => this.#logs.get(slot)?.appended()),
    ];
    const { telemetry } = deps;
    telemetry?.observe('gauge', 'fed_ack_age_seconds', 'Age of the oldest outbox entry not acknowledged.', {}, () => {
      return this.status().lagMs / 1_000;
    });
    telemetry?.observe('counter', 'fed_batches_sent_total', 'Batches written to the queue.', {}, () => {
      return this.batchesSent;
    });
    telemetry?.observe('counter', 'fed_batches_acknowledged_total', 'Batches that the upstream committed.', {}, () => {
      return this.batchesAcknowledged;
    });
    this.#ownership();
  }

  #ownership(): void {
    const { intake } = this.deps;
    const owned = new Set(intake.ownedSlots());
    for (const [slot, log] of this.#logs) {
      if (owned.has(slot) && log.claim === intake.claim(slot)) continue;
      this.#logs.delete(slot);
      void log.dispose();
    }
    for (const slot of owned) if (!this.#logs.has(slot)) this.#logs.set(slot, new QueuedLog(this, slot));
  }

  status(): ForwarderStatus {
    const logs = [...this.#logs.values()].map((log) => log.status());
    return {
      upstreams: [],
      logs,
      batchesSent: this.batchesSent,
      batchesAcknowledged: this.batchesAcknowledged,
      lagMs: Math.max(0, ...logs.map(({ lagMs }) => lagMs)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    await Promise.all([...this.#logs.values()].map((log) => log.dispose()));
    this.#logs.clear();
  }
}

const ACKNOWLEDGE_RETRY_MS = 1_000;

/** One slot's log, under one claim: runs what log-sender.ts says. */
class QueuedLog {
  readonly #forwarder: QueueForwarder;
  readonly #slot: number;
  readonly claim: number | undefined;
  readonly #session: number;
  readonly #stopConsuming: () => void;
  #state: LogState = INITIAL_LOG_STATE;
  #logId = '';
  #gen = 0;
  #detail = '';
  #nonce = 0;
  #timer: Cancel = () => {};
  #patience: Cancel = () => {};
  #acknowledgedSeq = 0;
  #toldSeq = 0;
  /** As of a stream: forwarder.ts. */
  #stableSeq = 0;
  #rewindTo: number | undefined;
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;
  #tellAgain: Cancel = () => {};
  #oldestAtMs: number | undefined;
  /** Entries handed over and not acknowledged. */
  #sent: OutboxEntry[] = [];
  #disposed = false;

  constructor(forwarder: QueueForwarder, slot: number) {
    const { config, deps } = forwarder;
    this.#forwarder = forwarder;
    this.#slot = slot;
    this.claim = deps.intake.claim(slot);
    this.#session = Math.floor(deps.rng.next() * 2 ** 32) * 2 ** 16 + Math.floor(deps.rng.next() * 2 ** 16);
    const lane = { kind: 'down', upstream: config.upstream, tier: config.tier, slot } as const;
    this.#stopConsuming = deps.queue.consume(lane, (delivery) => {
      delivery.done(); // what it says is said again when we ask
      this.#answered(delivery.bytes);
    });
    this.#step({ kind: 'attached' });
    this.#wait();
  }

  appended(): void {
    this.#oldestAtMs ??= this.#forwarder.deps.clock.now();
    this.#step({ kind: 'appended' });
  }

  status(): LogStatus {
    const { clock } = this.#forwarder.deps;
    return {
      slot: this.#slot,
      logId: this.#logId,
      state: this.#state.tag,
      detail: this.#detail,
      upstream: this.#forwarder.config.upstream,
      acknowledgedSeq: this.#acknowledgedSeq,
      inFlight: this.#sent.length,
      lagMs: this.#oldestAtMs === undefined ? 0 : Math.max(0, clock.now() - this.#oldestAtMs),
    };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#timer();
    this.#patience();
    this.#tellAgain();
    this.#stopConsuming();
    await this.#telling;
  }

  #step(event: LogEvent): void {
    if (this.#disposed) return;
    const { config, deps } = this.#forwarder;
    const before = this.#state.round;
    const env = { nowMs: deps.clock.monotonicMs(), rng: deps.rng, limits: config.log };
    const { state, effects } = stepLog(this.#state, event, env);
    this.#state = state;
    if (state.round !== before) this.#sent = [];
    for (const effect of effects) this.#run(effect);
  }

  /** Offers the log again when nothing is heard although something is due. A log that backs off or stands still has its own timer. */
  #wait(): void {
    const { clock } = this.#forwarder.deps;
    this.#patience();
    this.#patience = clock.after(this.#forwarder.config.patienceMs, () => {
      const { tag } = this.#state;
      const waits = tag === 'OPENING' || tag === 'FENCING' || (tag === 'STREAMING' && this.#sent.length > 0);
      if (waits) {
        this.#forwarder.warnings.warn(
          'silence',
          { slot: this.#slot, upstream: this.#forwarder.config.upstream, state: tag },
          'nothing was heard through the queue; the log is offered again',
        );
        this.#step({ kind: 'detached' });
        this.#step({ kind: 'attached' });
      }
      this.#wait();
    });
  }

  #answered(bytes: Uint8Array): void {
    let answer: Answer;
    try {
      answer = decodeAnswer(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#forwarder.warnings.warn(
        'answer',
        { err: error, slot: this.#slot },
        'an answer of the upstream cannot be read',
      );
      return;
    }
    // of an earlier life of this process, or another claim: it may be about a storage that has changed since
    if (this.#disposed || answer.session !== this.#session || answer.logId !== this.#logId) return;
    this.#wait();
    const { code, detail, round } = answer;
    switch (code) {
      case 'MARK':
        if (answer.nonce === this.#nonce) this.#step({ kind: 'marked', mark: answer });
        return;
      case 'ACK':
        this.#stableSeq = answer.stableSeq;
        this.#step({ kind: 'ack', seq: answer.seq });
        return;
      case 'GAP':
        this.#step({ kind: 'gap', round, expectedSeq: answer.seq + 1 });
        return;
      case 'FENCED':
        this.#step({ kind: 'fenced', round, detail });
        return;
      case 'BUSY':
      case 'NOT_OWNER':
        this.#step({ kind: 'busy', round, retryAfterMs: 0 });
        return;
      case 'FORKED':
      case 'DENIED':
      case 'UNSUPPORTED':
        this.#step({ kind: 'stop', round: answer.nonce === this.#nonce ? undefined : round, reason: code, detail });
        return;
    }
  }

  #run(effect: LogEffect): void {
    const { deps, config, warnings } = this.#forwarder;
    switch (effect.kind) {
      case 'offer':
        void this.#ask(effect.round, () => this.#offer(effect.round, effect.raised));
        return;
      case 'verify':
        void this.#ask(effect.round, async () => {
          await deps.intake.verify(this.#slot, effect.claim, effect.gen);
          this.#step({ kind: 'repaired', round: effect.round });
        });
        return;
      case 'repair':
        void this.#ask(effect.round, async () => {
          await deps.intake.repair(this.#slot, effect.claim, effect.position, effect.how);
          this.#step({ kind: 'repaired', round: effect.round });
        });
        return;
      case 'readHead':
        void this.#ask(effect.round, async () => {
          this.#step({ kind: 'head', round: effect.round, head: await this.#head() });
        });
        return;
      case 'fetch':
        void this.#ask(effect.round, async () => {
          const entries = await deps.store.readOutbox(this.#slot, effect.afterSeq, config.fetchBytes);
          const first = entries.find((entry) => entry.seq > this.#acknowledgedSeq);
          if (first) this.#oldestAtMs = Math.min(this.#oldestAtMs ?? Infinity, first.createdAtMs);
          this.#step({ kind: 'fetched', round: effect.round, entries });
        });
        return;
      case 'enqueue':
        for (const entry of effect.entries) {
          if (this.#sent.length === 0) this.#wait();
          this.#sent.push(entry);
          void this.#ask(effect.round, () => this.#publish(entry, effect.round));
        }
        return;
      case 'acknowledge':
        this.#detail = '';
        this.#acknowledge(effect.seq);
        return;
      case 'reroute':
        return; // the lane is read by whoever owns the slot
      case 'wake':
        this.#timer();
        this.#timer = deps.clock.after(effect.atMs - deps.clock.monotonicMs(), () => this.#step({ kind: 'timer' }));
        return;
      case 'stopped':
        this.#detail = effect.detail;
        warnings.error(
          `${effect.reason} ${this.#slot}`,
          { slot: this.#slot, log: this.#logId, upstream: config.upstream, detail: effect.detail },
          `forwarding of slot ${this.#slot} stands still: ${effect.reason}`,
        );
        return;
      case 'rewound':
        deps.logger.warn(
          { slot: this.#slot, log: this.#logId, from: effect.fromSeq, to: effect.toSeq },
          'the upstream has less than it acknowledged; sending again what the outbox retains',
        );
        this.#acknowledgedSeq = effect.toSeq;
        this.#stableSeq = 0;
        this.#rewindTo = effect.toSeq;
        if (!this.#isTelling) this.#telling = this.#tellStore();
        return;
    }
  }

  async #ask(round: number, question: () => Promise<void>): Promise<void> {
    try {
      await question();
    } catch (error) {
      if (messageOf(error).startsWith('BUG')) throw error;
      if (this.#disposed) return;
      this.#forwarder.warnings.warn(
        'io',
        { err: error, slot: this.#slot },
        'the outbox or the queue is away, trying again',
      );
      this.#step({ kind: 'storeFailed', round });
    }
  }

  #message() {
    const { tier, slots } = this.#forwarder.config;
    return { tier, slots, slot: this.#slot, logId: this.#logId, gen: this.#gen, session: this.#session };
  }

  #encoded(message: UpMessage): Uint8Array {
    const { upstream, token } = this.#forwarder.config;
    return encodeUp(message, upstream, token);
  }

  get #lane() {
    return { kind: 'up', upstream: this.#forwarder.config.upstream, slot: this.#slot } as const;
  }

  async #head(): Promise<LogHead & OutboxHead> {
    const { store, intake } = this.#forwarder.deps;
    const head = await store.outboxHead(this.#slot);
    if (head.claim !== intake.claim(this.#slot)) throw new Error(`slot ${this.#slot} was claimed by another owner`);
    return { ...head, verified: intake.isVerified(this.#slot, head.claim), claimed: intake.claimed(this.#slot) };
  }

  async #offer(round: number, raised: number | undefined): Promise<void> {
    const { queue } = this.#forwarder.deps;
    const head = await this.#head();
    if (this.#disposed || this.#state.round !== round) return;
    if (head.logId !== this.#logId) this.#acknowledgedSeq = this.#toldSeq = head.acknowledgedSeq;
    this.#logId = head.logId;
    this.#gen = head.gen;
    if (raised === undefined) this.#step({ kind: 'offered', head });
    const nonce = ++this.#nonce;
    const message = { kind: 'open', ...this.#message(), nonce, gen: offered(head, raised).gen } as const;
    await queue.publish(this.#lane, `${this.#session}:${nonce}`, this.#encoded(message));
  }

  /** In parts that the queue takes. Published in order, without waiting for each other. */
  async #publish(entry: OutboxEntry, round: number): Promise<void> {
    const { queue } = this.#forwarder.deps;
    const bytes = joinBatch(entry);
    const partBytes = queue.bytesMax - 1_024; // names and numbers beside it
    const parts = Math.max(1, Math.ceil(bytes.length / partBytes));
    const common = { kind: 'batch', ...this.#message(), round, seq: entry.seq, parts } as const;
    this.#forwarder.batchesSent++;
    const published: Promise<void>[] = [];
    for (let part = 0; part < parts; part++) {
      const some = bytes.subarray(part * partBytes, (part + 1) * partBytes);
      // a resend on purpose is another message: only a repeated publish of the same one is a duplicate for the queue
      const id = `${common.logId}:${common.gen}:${entry.seq}:${part}:${this.#session}:${round}`;
      published.push(queue.publish(this.#lane, id, this.#encoded({ ...common, part, bytes: some })));
    }
    await Promise.all(published);
  }

  #acknowledge(seq: number): void {
    this.#sent = this.#sent.filter((entry) => entry.seq > seq);
    this.#forwarder.batchesAcknowledged += Math.max(0, seq - this.#acknowledgedSeq);
    const state = this.#state;
    const caughtUp = state.tag === 'STREAMING' && state.dry && state.fetched === state.acked;
    this.#oldestAtMs = this.#sent[0]?.createdAtMs ?? (caughtUp ? undefined : this.#oldestAtMs);
    this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, seq);
    this.#forwarder.deps.intake.acknowledged(this.#slot, seq);
    if (!this.#isTelling) this.#telling = this.#tellStore();
  }

  /** One write at a time; what fails is said again. */
  async #tellStore(): Promise<void> {
    this.#isTelling = true;
    try {
      const { store } = this.#forwarder.deps;
      for (;;) {
        const rewindTo = this.#rewindTo;
        if (rewindTo !== undefined) {
          await store.rewindOutbox(this.#slot, rewindTo);
          if (this.#rewindTo === rewindTo) this.#rewindTo = undefined;
          this.#toldSeq = rewindTo;
        }
        if (this.#toldSeq >= this.#acknowledgedSeq) break;
        const seq = this.#acknowledgedSeq;
        await store.acknowledgeOutbox(this.#slot, seq, Math.min(this.#stableSeq, seq));
        this.#toldSeq = seq;
      }
    } catch (error) {
      if (messageOf(error).startsWith('BUG')) throw error;
      const { warnings, deps } = this.#forwarder;
      warnings.warn('acknowledge', { err: error, slot: this.#slot }, 'cannot write an acknowledgement, trying again');
      this.#tellAgain();
      this.#tellAgain = deps.clock.after(ACKNOWLEDGE_RETRY_MS, () => {
        if (!this.#disposed && !this.#isTelling) this.#telling = this.#tellStore();
      });
    } finally {
      this.#isTelling = false;
    }
  }
}
