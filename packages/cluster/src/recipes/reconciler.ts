// SPDX-License-Identifier: Apache-2.0
// The loop under every recipe: read the world, make it as wanted, wait until something changed, again. It survives lost
// watches (it reads again now and then), unknown outcomes (it looks before it writes) and cuts (it starts over).
import { backoffMs, messageOf } from '@oap-federation/runtime';
import type { CoordinatorDeps } from '../coordinator.js';
import type { CoordinationSession } from '../kernel.js';

export interface Reconciler {
  /** Run again, now or right after the run in progress. */
  poke(): void;
  /** No further run begins. */
  stop(): void;
}

/**
 * Runs `body` when poked, when the session (re)connects and every `resyncMs`; never twice at once. A failure is tried
 * again with back-off while connected. `body` gets the function to pass as watch.
 */
export function startReconciler(
  name: string,
  session: CoordinationSession,
  resyncMs: number,
  body: (changed: () => void) => Promise<void>,
  { clock, rng, logger }: CoordinatorDeps,
): Reconciler {
  let dirty = false;
  let running = false;
  let stopped = false;
  let failures = 0;
  let cancelTimer = () => {};

  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    cancelTimer();
    let waitMs = resyncMs;
    while (dirty && !stopped && session.state === 'connected') {
      dirty = false;
      try {
        await body(poke);
        failures = 0;
      } catch (error) {
        if (stopped || session.state !== 'connected') break; // `connected` pokes us, `lost` ends us
        waitMs = Math.min(resyncMs, 10 + backoffMs(failures, { baseMs: 50, maxMs: 2_000 }, rng));
        failures += 1;
        logger.warn({ task: name, failures, cause: messageOf(error) }, `${name} failed, trying again`);
        break;
      }
    }
    running = false;
    if (!stopped) cancelTimer = clock.after(waitMs, poke);
  };
  const poke = (): void => {
    dirty = true;
    if (!stopped) void run(); // cannot reject: body is guarded
  };
  const cancelState = session.onState((state) => {
    if (state === 'connected') poke();
  });
  poke();
  return {
    poke,
    stop: () => {
      stopped = true;
      cancelTimer();
      cancelState();
    },
  };
}
