// SPDX-License-Identifier: Apache-2.0
// How long to wait before the next try. In: attempt number and randomness. Out: milliseconds.
import type { Rng } from './rng.js';

/** `baseMs` bounds the first wait, `maxMs` bounds every wait. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * The wait before try number `attempt` + 1, in ms: uniform in [0, min(maxMs, baseMs * 2^attempt)).
 *
 * `attempt` counts the failures so far minus one: 0 after the first failure. Full jitter: clients that failed together
 * do not come back together. Source: "Exponential Backoff And Jitter", M. Brooker, AWS Architecture Blog, 2015.
 */
export function backoffMs(attempt: number, { baseMs, maxMs }: BackoffOptions, rng: Rng): number {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(Math.max(0, attempt), 52));
  return rng.next() * ceilingMs;
}
