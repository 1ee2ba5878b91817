// SPDX-License-Identifier: Apache-2.0
// `oap accept-loss`: an operator says that what the upstream needs and this tier's outbox no longer has may be passed over (LOST_RANGE in
// the status of the logs). In: the configuration of the lower tier, whose storage is written. The running node declares the loss upward,
// to the increment, when it offers the log the next time, within a minute.
import { DisposalStack, type Clock, type Logger, type OapConfig, type Rng } from '@oap-federation/runtime';
import { DEFAULT_SLOTS, openStore } from './storage.js';

const STORAGE_WAIT_MS = 10_000;

/** Marks one slot, or all; returns the sentence for the operator. Errors: a RangeError for a slot that is not there. */
export async function acceptLoss(
  config: OapConfig,
  slot: number | undefined,
  deps: { readonly clock: Clock; readonly rng: Rng; readonly logger: Logger },
): Promise<string> {
  await using stack = new DisposalStack(deps.clock);
  const slots = config.federation?.slots ?? DEFAULT_SLOTS;
  if (slot !== undefined && (!Number.isInteger(slot) || slot < 0 || slot >= slots))
    throw new RangeError(`there is no slot ${slot}: 0 to ${slots - 1}`);
  const store = stack.use('storage', await openStore(config, slots, STORAGE_WAIT_MS, deps, stack));
  const accepted = slot === undefined ? Array.from({ length: slots }, (_, n) => n) : [slot];
  for (const one of accepted) await store.acceptLoss(one);
  const which = slot === undefined ? `all ${slots} slots` : `slot ${slot}`;
  return `accepted for ${which}: a log that stands still at LOST_RANGE goes on within a minute, and declares what is gone`;
}
