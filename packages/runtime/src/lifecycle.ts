// SPDX-License-Identifier: Apache-2.0
// Starting and stopping. DisposalStack stops components in reverse order, each with a deadline; startBackground and
// startPeriodic run loops that own an AbortController.
// The contract of every component: safe to stop twice, stops accepting first, drains to the next stage, then frees.
import type { Clock } from './clock.js';
import { BugError, OapError } from './errors.js';
import type { Logger } from './logger.js';

/** What a component does to stop; may be called once only, DisposalStack sees to that. */
export type Stop = () => void | PromiseLike<void>;

// Long enough for one flush of a slow database, short enough for the 30 s that Kubernetes gives by default.
const DEFAULT_STOP_DEADLINE_MS = 10_000;

/**
 * Components in the order they were started; stops them in reverse, one after another.
 *
 * A component that fails or overruns its deadline does not keep the others from stopping; what went wrong comes out
 * as one OAP-1102 whose cause is an AggregateError. Stopping twice gives the same promise.
 */
export class DisposalStack implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #entries: { readonly name: string; readonly stop: Stop; readonly deadlineMs: number }[] = [];
  #stopping: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Registers how `name` stops. After `stop()` has begun this is a BUG: the component would be left running. */
  defer(name: string, stop: Stop, deadlineMs: number = DEFAULT_STOP_DEADLINE_MS): void {
    if (this.#stopping !== undefined) throw new BugError(`${name} was started while stopping`);
    this.#entries.push({ name, stop, deadlineMs });
  }

  /** Registers a disposable and hands it back, so that opening reads as one line. */
  use<T extends AsyncDisposable>(name: string, component: T, deadlineMs?: number): T {
    this.defer(name, () => component[Symbol.asyncDispose](), deadlineMs);
    return component;
  }

  /** Stops everything, last started first. Throws OAP-1102 at the end if anything failed. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stopAll(): Promise<void> {
    const failed: { name: string; error: unknown }[] = [];
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      try {
        await stopWithin(this.#clock, entry.name, entry.stop, entry.deadlineMs);
      } catch (error) {
        failed.push({ name: entry.name, error });
      }
    }
    if (failed.length > 0) {
      const cause = new AggregateError(failed.map(({ error }) => error));
      const components = failed.map(({ name }) => name).join(', ');
      throw new OapError('OAP-1102', { count: failed.length, components }, { cause });
    }
  }
}

async function stopWithin(clock: Clock, component: string, stop: Stop, deadlineMs: number): Promise<void> {
  const timer = new AbortController();
  const overrun = clock.sleep(deadlineMs, timer.signal).then(() => {
    // An aborted sleep resolves too: the component was in time, and this side of the race is no longer looked at.
    if (!timer.signal.aborted) throw new OapError('OAP-1101', { component, deadlineMs });
  });
  // An async wrapper, so that a `stop` that throws at once is a rejection like any other.
  const stopped = (async () => stop())();
  try {
    await Promise.race([stopped, overrun]);
  } finally {
    timer.abort();
  }
}

/** A loop that runs beside everything else until it is stopped. */
export interface Background extends AsyncDisposable {
  /** Asks the loop to end and waits until it has. Safe to call twice. Never rejects. */
  stop(): Promise<void>;
}

export interface BackgroundDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What to do with a broken invariant; by default it becomes an uncaught exception and ends the process. */
  readonly onBug?: (error: BugError) => void;
}

/**
 * Runs `task(signal)` once. An operating error ends it with one log line; a BugError goes to `onBug`.
 * `signal` aborts when the loop is asked to stop; a task that ignores it makes `stop()` wait.
 */
export function startBackground(
  name: string,
  task: (signal: AbortSignal) => Promise<void>,
  { logger, onBug = crash }: BackgroundDeps,
): Background {
  const controller = new AbortController();
  const done = (async () => {
    try {
      await task(controller.signal);
    } catch (error) {
      if (error instanceof BugError) onBug(error);
      else if (!controller.signal.aborted) logger.error({ err: error, task: name }, `${name} ended with an error`);
    }
  })();
  const stop = () => {
    controller.abort();
    return done;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}

/**
 * Runs `task` every `periodMs`: first after one period, then with a fixed delay after the previous round, never two
 * at once. An operating error is logged and the next round comes as usual; a BugError ends the loop.
 */
export function startPeriodic(
  name: string,
  periodMs: number,
  task: (signal: AbortSignal) => Promise<void> | void,
  deps: BackgroundDeps,
): Background {
  const rounds = async (signal: AbortSignal) => {
    for (;;) {
      await deps.clock.sleep(periodMs, signal);
      if (signal.aborted) return;
      try {
        await task(signal);
      } catch (error) {
        if (error instanceof BugError) throw error;
        deps.logger.error({ err: error, task: name }, `${name} failed, next round in ${periodMs} ms`);
      }
    }
  };
  return startBackground(name, rounds, deps);
}

function crash(error: BugError): void {
  queueMicrotask(() => {
    throw error;
  });
}
