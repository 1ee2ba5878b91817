// SPDX-License-Identifier: Apache-2.0
// How one target does: what was told lately, how long it is left alone after a failure, and how many attempts it gets at once. In: what
// became of attempts. Out: room for more, and its health for people.
import { backoffMs, type Rng } from '@oap-federation/runtime';

/** `refusing`: it answers, and did not take the last message; trying that one again cannot help. */
export type HealthState = 'unknown' | 'ok' | 'failing' | 'refusing';

/** Of one target on this node; times in epoch ms. */
export interface TargetHealth {
  readonly target: string;
  /** `{type}.{name}` of alarm-settings.yml. */
  readonly hook: string;
  readonly state: HealthState;
  readonly lastSuccessMs?: number;
  readonly lastError?: { readonly atMs: number; readonly reason: string };
  /** Failed attempts since it last answered. */
  readonly failures: number;
  /** What waits in the slots of this node, and since when the oldest. */
  readonly waiting: number;
  readonly oldestMs?: number;
}

/** Attempts at once: a slow receiver is not flooded, and does not take all of them from the others. */
const ATTEMPTS_PER_TARGET = 4;
/** First and longest wait of a target after its failures. */
const PAUSE = { baseMs: 1_000, maxMs: 30_000 };

export class TargetRecord {
  state: HealthState = 'unknown';
  lastSuccessMs: number | undefined;
  lastError: { readonly atMs: number; readonly reason: string } | undefined;
  failures = 0;
  waiting = 0;
  oldestMs: number | undefined;
  inFlight = 0;
  #pausedUntilMs = 0;

  /** How many more attempts it may have now: after a failure one at a time, and none before its pause is over. */
  room(nowMs: number): number {
    if (nowMs < this.#pausedUntilMs) return 0;
    return Math.max(0, (this.failures === 0 ? ATTEMPTS_PER_TARGET : 1) - this.inFlight);
  }

  succeeded(nowMs: number): void {
    this.state = 'ok';
    this.lastSuccessMs = nowMs;
    this.failures = 0;
    this.#pausedUntilMs = 0;
  }

  refused(nowMs: number, reason: string): void {
    this.state = 'refusing';
    this.lastError = { atMs: nowMs, reason };
    this.failures = 0;
  }

  /** `afterMs`: what the target asked for. */
  failed(nowMs: number, reason: string, afterMs: number | undefined, rng: Rng): void {
    this.state = 'failing';
    this.lastError = { atMs: nowMs, reason };
    this.#pausedUntilMs = nowMs + (afterMs ?? backoffMs(this.failures, PAUSE, rng));
    this.failures++;
  }
}
