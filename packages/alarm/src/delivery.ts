// SPDX-License-Identifier: Apache-2.0
// The deliverer: tells hooks what was committed for them. In: due deliveries of the slots that this node owns. Out: calls of targets, and
// what became of them, written under the slot's fence.
//
// A delivery is leased before it is sent: its next attempt is put off in a transaction that checks the fence. So a node that has lost the
// slot sends nothing, and the next owner does not send what is just being sent. Once inside, at least once outside: a process that dies
// between the answer of a target and the settling of it leaves a delivery that is sent again, under the same key.
import {
  backoffMs,
  BugError,
  messageOf,
  rateLimited,
  startBackground,
  type Background,
  type Clock,
  type Logger,
  type MetricRegistry,
  type RateLimitedLogger,
  type Rng,
} from '@oap-federation/runtime';
import type { AlarmDelivery, AlarmRetry, AlarmStore } from '@oap-federation/storage';
import type { SlotOwnership } from './engine.js';
import { HookBusy, HookRefused, type HookSettings, type HookTarget } from './hook.js';
import { deliveriesOf, hookOf } from './incident.js';
import type { AlarmMessage } from './message.js';
import { TargetRecord, type TargetHealth } from './target-health.js';

export interface AlarmDelivererDeps {
  readonly alarms: Pick<AlarmStore, 'dueDeliveries' | 'settleDeliveries' | 'deliveryBacklog'>;
  readonly ownership: SlotOwnership;
  readonly tier: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
  /** Age at which a message that nobody took is given up, in ms; 24 h. */
  readonly giveUpAfterMs?: number;
}

/** Attempts at once over all targets: each may hold a connection for its whole time-out. */
const ATTEMPTS_MAX = 32;
/** Nobody is told at once of what another node committed, or of what comes due: a look into the storage this often. */
const POLL_MS = 1_000;
/** An attempt is one call of 12 s for most kinds, and up to four of them for WeLink's. */
const ATTEMPT_MS = 20_000;
/** Longer than an attempt, by what a slow event loop or database may take. Until then nobody else sends it. */
const LEASE_MS = 30_000;
/** First and longest wait of a delivery that failed. */
const RETRY = { baseMs: 1_000, maxMs: 60_000 };
/** An alarm of yesterday helps nobody. */
const GIVE_UP_AFTER_MS = 24 * 3_600_000;
/** Waits of a settlement while the storage is away. */
const SETTLE_RETRY = { baseMs: 200, maxMs: 5_000 };
/** How long a stop waits for attempts that are under way before it ends them. */
const DRAIN_MS = 5_000;
const BACKLOG_PERIOD_MS = 15_000;
const LOG_PERIOD_MS = 60_000;

type Result = 'delivered' | 'repeated' | 'retried' | 'refused' | 'expired';
const RESULTS: readonly Result[] = ['delivered', 'repeated', 'retried', 'refused', 'expired'];

/** What is to be written of a slot's deliveries. */
interface Settlement {
  readonly settled: string[];
  readonly retries: AlarmRetry[];
}

export class AlarmDeliverer implements AsyncDisposable {
  readonly #d: AlarmDelivererDeps;
  readonly #log: RateLimitedLogger;
  readonly #background: Background;
  /** Ends settlements that wait for the storage. */
  readonly #ending = new AbortController();
  #targets: ReadonlyMap<string, HookTarget> = new Map();
  /** Of targets, and of strangers. */
  readonly #records = new Map<string, TargetRecord>();
  /** Targets that the settings do not have, and something waits for, as the backlog was last. */
  #strangers: readonly string[] = [];
  /** Leased here and not settled yet, by id. */
  readonly #inFlight = new Map<string, { readonly settled: Promise<void>; readonly ending: AbortController }>();
  /** By slot: what is collected while the batch before it is written, and the end of the last write. */
  readonly #batches = new Map<number, Settlement & { readonly written: Promise<void> }>();
  readonly #writing = new Map<number, Promise<void>>();
  #wake = new AbortController();
  #stopping = false;
  #backlogDueMs = 0;

  constructor(deps: AlarmDelivererDeps) {
    this.#d = deps;
    this.#log = rateLimited(deps.logger, deps.clock, LOG_PERIOD_MS);
    this.#background = startBackground('alarm deliverer', (signal) => this.#run(signal), deps);
  }

  /** The hooks of alarm-settings.yml as it is now. Targets of those before are closed, after what is under way. */
  useHooks(hooks: readonly HookSettings[]): void {
    const { clock, tier } = this.#d;
    const targets = hooks.flatMap((hook) => hook.open({ clock, tier }));
    const before = [...this.#targets.values()];
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    const underWay = [...this.#inFlight.values()].map(({ settled }) => settled);
    void Promise.all(underWay).then(() => {
      for (const target of before) target.close();
    });
    for (const { id } of targets) this.#recordOf(id);
    for (const id of this.#records.keys()) if (!this.#targets.has(id)) this.#forget(id);
    this.wake();
  }

  /** A message as what is to be committed with it, for `wake` to find. */
  deliveriesOf(message: AlarmMessage, at: { readonly slot: number; readonly nowMs: number }): readonly AlarmDelivery[] {
    return deliveriesOf(message, [...this.#targets.values()], at);
  }

  /** There may be something to send. */
  wake(): void {
    this.#wake.abort();
  }

  /** Of every target of the settings. */
  health(): readonly TargetHealth[] {
    return [...this.#targets.keys()].map((target) => {
      const { state, lastSuccessMs, lastError, failures, waiting, oldestMs } = this.#recordOf(target);
      return {
        target,
        hook: hookOf(target),
        state,
        ...(lastSuccessMs === undefined ? {} : { lastSuccessMs }),
        ...(lastError === undefined ? {} : { lastError }),
        failures,
        waiting,
        ...(oldestMs === undefined ? {} : { oldestMs }),
      };
    });
  }

  /** Sends nothing more, waits a little for what is under way, and writes what became of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const stopped = this.#background.stop();
    this.wake();
    await stopped;
    const drained = new AbortController();
    const underWay = [...this.#inFlight.values()];
    const ended = Promise.all(underWay.map(({ settled }) => settled)).then(() => drained.abort());
    await Promise.race([ended, this.#d.clock.sleep(DRAIN_MS, drained.signal)]);
    for (const { ending } of underWay) ending.abort();
    this.#ending.abort();
    await ended;
    for (const target of this.#targets.values()) target.close();
    for (const id of this.#records.keys()) this.#forget(id);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#round();
      } catch (error) {
        if (error instanceof BugError) throw error;
        this.#log.warn('storage', { err: error }, 'alarms cannot be delivered while the storage fails');
      }
      await this.#d.clock.sleep(POLL_MS, this.#wake.signal);
    }
  }

  async #round(): Promise<void> {
    const slots = this.#d.ownership.ownedSlots();
    await this.#measureBacklog(slots);
    if (slots.length === 0) return;
    const rooms = this.#rooms();
    if (rooms.size === 0) return;
    const due = await this.#d.alarms.dueDeliveries(slots, this.#d.clock.now(), rooms);
    const bySlot = new Map<number, AlarmDelivery[]>();
    for (const delivery of due
      .filter(({ id }) => !this.#inFlight.has(id))
      .slice(0, ATTEMPTS_MAX - this.#inFlight.size)) {
      const ofSlot = bySlot.get(delivery.slot);
      if (ofSlot) ofSlot.push(delivery);
      else bySlot.set(delivery.slot, [delivery]);
    }
    for (const [slot, deliveries] of bySlot) {
      if (this.#stopping) return;
      const leased = await this.#lease(slot, deliveries);
      for (const delivery of leased) this.#start(delivery);
    }
  }

  /** How many attempts each target may have now; of one that is not set up here too, which shall know that, if it waits. */
  #rooms(): ReadonlyMap<string, number> {
    const nowMs = this.#d.clock.now();
    const rooms = new Map<string, number>();
    if (this.#inFlight.size >= ATTEMPTS_MAX) return rooms;
    for (const target of [...this.#targets.keys(), ...this.#strangers]) {
      const room = this.#recordOf(target).room(nowMs);
      if (room > 0) rooms.set(target, room);
    }
    return rooms;
  }

  async #lease(slot: number, deliveries: readonly AlarmDelivery[]): Promise<readonly AlarmDelivery[]> {
    const fence = this.#d.ownership.fence(slot);
    if (fence === undefined) return [];
    const nextAttemptMs = this.#d.clock.now() + LEASE_MS;
    const leases = deliveries.map((one) => ({ ...one, attempts: one.attempts + 1, nextAttemptMs }));
    const outcome = await this.#d.alarms.settleDeliveries(slot, fence, [], leases.map(retryOf));
    return outcome === 'committed' ? leases : [];
  }

  #start(delivery: AlarmDelivery): void {
    const record = this.#recordOf(delivery.target);
    record.inFlight++;
    const ending = new AbortController();
    const cancel = this.#d.clock.after(ATTEMPT_MS, () => ending.abort());
    const settled = this.#attempt(delivery, record, ending.signal)
      .then((became) => {
        cancel();
        record.inFlight--;
        this.wake();
        return this.#settle(delivery.slot, became);
      })
      .finally(() => {
        this.#inFlight.delete(delivery.id);
        this.wake(); // the next of its incident, or whoever had no room
      });
    this.#inFlight.set(delivery.id, { settled, ending });
  }

  /** One attempt; never throws. */
  async #attempt(delivery: AlarmDelivery, record: TargetRecord, signal: AbortSignal): Promise<Settlement> {
    const { id, target: targetId, delivered } = delivery;
    const { clock, rng, logger } = this.#d;
    const target = this.#targets.get(targetId);
    try {
      if (!target) throw new Error(`alarm-settings.yml of this node has no such hook`);
      const message = JSON.parse(delivery.message) as AlarmMessage;
      const againMs = await target.send(message, id, signal);
      if (record.state === 'failing') logger.info({ target: targetId }, 'an alarm hook works again');
      record.succeeded(clock.now());
      this.#count(targetId, delivered ? 'repeated' : 'delivered');
      if (againMs === undefined) return { settled: [id], retries: [] };
      const nextAttemptMs = clock.now() + againMs;
      return retried({ ...delivery, attempts: 0, nextAttemptMs, lastError: '', delivered: true });
    } catch (error) {
      const nowMs = clock.now();
      const reason = signal.aborted
        ? `ended after ${ATTEMPT_MS} ms or by a stop: ${messageOf(error)}`
        : messageOf(error);
      if (error instanceof HookRefused) {
        record.refused(nowMs, reason);
        return this.#givenUp(delivery, 'refused', reason);
      }
      if (signal.aborted && this.#stopping)
        return retried({ ...delivery, nextAttemptMs: nowMs, lastError: 'the node stopped during the attempt' });
      const afterMs = error instanceof HookBusy ? error.afterMs : undefined;
      if (target) record.failed(nowMs, reason, afterMs, rng);
      if (nowMs - delivery.createdAtMs > (this.#d.giveUpAfterMs ?? GIVE_UP_AFTER_MS) && (!delivered || !target))
        return this.#givenUp(delivery, 'expired', reason);
      this.#count(targetId, 'retried');
      this.#log.warn(targetId, { target: targetId, reason }, 'an alarm hook failed; the message is tried again');
      const waitMs = target ? (afterMs ?? backoffMs(delivery.attempts - 1, RETRY, rng)) : RETRY.maxMs;
      return retried({ ...delivery, nextAttemptMs: nowMs + waitMs, lastError: reason });
    }
  }

  #givenUp({ id, target, incident, attempts }: AlarmDelivery, result: Result, reason: string): Settlement {
    this.#count(target, result);
    const fields = { target, delivery: id, incident, attempts, reason };
    this.#d.logger.error(fields, `an alarm message was given up: ${result}`);
    return { settled: [id], retries: [] };
  }

  /** Writes what became of a delivery, with whatever else of the slot waits to be written. Resolves when that is done, or moot. */
  #settle(slot: number, { settled, retries }: Settlement): Promise<void> {
    let batch = this.#batches.get(slot);
    if (!batch) {
      const next: Settlement = { settled: [], retries: [] };
      const before = this.#writing.get(slot) ?? Promise.resolve();
      const written = before.then(() => {
        this.#batches.delete(slot); // what comes from now on is the next batch
        return this.#write(slot, next);
      });
      this.#writing.set(slot, written);
      this.#batches.set(slot, (batch = { ...next, written }));
    }
    batch.settled.push(...settled);
    batch.retries.push(...retries);
    return batch.written;
  }

  /** Again and again until the storage has it: giving up here would send it twice. The next owner decides if there is one. */
  async #write(slot: number, { settled, retries }: Settlement): Promise<void> {
    const { clock, rng, alarms, ownership } = this.#d;
    for (let failures = 0; ; failures++) {
      const fence = ownership.fence(slot);
      if (fence === undefined) return;
      try {
        await alarms.settleDeliveries(slot, fence, settled, retries);
        return;
      } catch (error) {
        if (error instanceof BugError) throw error;
        if (this.#ending.signal.aborted) return; // what is not settled is sent again
        this.#log.warn('storage', { err: error }, 'what became of alarm messages cannot be written; it is tried again');
        await clock.sleep(backoffMs(failures, SETTLE_RETRY, rng), this.#ending.signal);
      }
    }
  }

  async #measureBacklog(slots: readonly number[]): Promise<void> {
    const nowMs = this.#d.clock.monotonicMs();
    if (nowMs < this.#backlogDueMs) return;
    this.#backlogDueMs = nowMs + BACKLOG_PERIOD_MS;
    const backlog = slots.length === 0 ? [] : await this.#d.alarms.deliveryBacklog(slots);
    this.#strangers = backlog.map(({ target }) => target).filter((target) => !this.#targets.has(target));
    const byTarget = new Map(backlog.map((one) => [one.target, one]));
    for (const [id, record] of this.#records) {
      record.waiting = byTarget.get(id)?.waiting ?? 0;
      record.oldestMs = byTarget.get(id)?.oldestMs;
    }
  }

  #recordOf(target: string): TargetRecord {
    let record = this.#records.get(target);
    if (!record) {
      const made = new TargetRecord();
      this.#records.set(target, (record = made));
      const { telemetry } = this.#d;
      telemetry.observe('gauge', 'oap_alarm_hook_backlog', BACKLOG_HELP, { target }, () => made.waiting);
      telemetry.observe('gauge', 'oap_alarm_hook_failures', FAILURES_HELP, { target }, () => made.failures);
    }
    return record;
  }

  #forget(target: string): void {
    this.#records.delete(target);
    this.#d.telemetry.remove('oap_alarm_hook_backlog', { target });
    this.#d.telemetry.remove('oap_alarm_hook_failures', { target });
  }

  #count(target: string, result: Result): void {
    this.#d.telemetry.counter('oap_alarm_deliveries_total', DELIVERIES_HELP, { target, result }).inc();
  }
}

const DELIVERIES_HELP = `Attempts to deliver alarm messages, by what became of them: ${RESULTS.join(', ')}.`;
const BACKLOG_HELP = 'Alarm messages that wait for the target in the slots of this node.';
const FAILURES_HELP = 'Failed attempts since the target last answered.';

function retryOf({ id, attempts, nextAttemptMs, lastError, delivered }: AlarmDelivery): AlarmRetry {
  return { id, attempts, nextAttemptMs, lastError, delivered };
}

function retried(delivery: AlarmDelivery): Settlement {
  return { settled: [], retries: [retryOf(delivery)] };
}
