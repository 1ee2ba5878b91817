// SPDX-License-Identifier: Apache-2.0
// Keeps one session open: when it is lost, the recipes attached to it are dropped and attached to the next one, which is
// how ephemeral keys and watches come back after an expiry.
import { backoffMs, messageOf, type Cancel } from '@oap-federation/runtime';
import type { CoordinatorDeps } from './coordinator.js';
import type { CoordinationKernel, CoordinationSession } from './kernel.js';

export interface SessionSupervisor {
  readonly connected: boolean;
  /** Detaches, closes the session, ends the loop. Safe to call twice. */
  stop(): Promise<void>;
}

/** `attach` starts what lives in a session and returns how to stop it. */
export function superviseSessions(
  kernel: CoordinationKernel,
  attach: (session: CoordinationSession) => Cancel,
  { clock, rng, logger }: CoordinatorDeps,
): SessionSupervisor {
  const stopping = new AbortController();
  const { signal } = stopping;
  let current: CoordinationSession | undefined;

  const loop = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted;) {
      try {
        current = await kernel.open(signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ coordinator: kernel.name, failures, cause: messageOf(error) }, 'no session, trying again');
        await clock.sleep(backoffMs(failures, { baseMs: 100, maxMs: kernel.sessionTimeoutMs }, rng), signal);
        failures += 1;
        continue;
      }
      failures = 0;
      const detach = attach(current);
      await ended(current, signal);
      detach();
      if (!signal.aborted) logger.warn({ coordinator: kernel.name }, 'session lost, opening a new one');
      await current.close();
    }
  };
  const done = loop();
  return {
    get connected() {
      return current?.state === 'connected';
    },
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}

/** Resolves when the session is over or `signal` aborts. */
function ended(session: CoordinationSession, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!signal.aborted && session.state !== 'lost' && session.state !== 'closed') return;
      cancel();
      signal.removeEventListener('abort', check);
      resolve();
    };
    const cancel = session.onState(check);
    signal.addEventListener('abort', check);
    check();
  });
}
