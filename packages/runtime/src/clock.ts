// SPDX-License-Identifier: Apache-2.0
// The clock port: everything that waits or tells the time takes a Clock, so that a simulator can own time.
// `Date.now`, `performance.now` and timers are used here and nowhere else (test/tidy proves it).

/** Something that can be cancelled; calling it twice is harmless. */
export type Cancel = () => void;

/** Time as the program sees it. `now` is wall time in epoch ms (UTC); `monotonicMs` never goes backwards. */
export interface Clock {
  now(): number;
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). After 0 ms: when everything that is ready has run. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `task` once, never before `ms` have passed on `monotonicMs` (a state machine that is woken early by a fraction of a
   * millisecond would find nothing due, and never be woken again). The timer does not keep the process alive.
   */
  after(ms: number, task: () => void): Cancel;
}

/** Lets everything that is ready run first: for long computations on the thread that also serves. Takes no time. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    if (ms === 0) return nextTurn();
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    });
  },
  after(ms, task) {
    const dueMs = performance.now() + ms;
    let timer: NodeJS.Timeout;
    // the platform's timers drop fractions and count from the start of the loop's turn: they may be early by a millisecond
    const arm = (waitMs: number) => {
      timer = setTimeout(() => {
        const leftMs = dueMs - performance.now();
        if (leftMs > 0) arm(leftMs);
        else task();
      }, Math.ceil(waitMs));
      timer.unref();
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};
