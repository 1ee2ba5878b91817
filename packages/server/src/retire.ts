// SPDX-License-Identifier: Apache-2.0
// `oap retire`: an operator says that a tier below will not come back, so that it holds watermarks back no longer. Every answer goes on to name
// it as retired. In: the configuration of the upper tier, whose storage is written. What the tier sends after all is still merged.
import { DisposalStack, type Clock, type Logger, type OapConfig, type Rng } from '@oap-federation/runtime';
import { DEFAULT_SLOTS, openStore } from './storage.js';

const STORAGE_WAIT_MS = 10_000;

/** Retires `tier`, or expects it again; returns the sentence for the operator. Errors: an Error that lists the known tiers. */
export async function retire(
  config: OapConfig,
  options: { readonly tier: string; readonly undo: boolean },
  deps: { readonly clock: Clock; readonly rng: Rng; readonly logger: Logger },
): Promise<string> {
  const { tier, undo } = options;
  await using stack = new DisposalStack(deps.clock);
  const slots = config.federation?.slots ?? DEFAULT_SLOTS;
  const store = stack.use('storage', await openStore(config, slots, STORAGE_WAIT_MS, deps, stack));
  const known = (await store.expectedChildren()).map((child) => child.tier);
  if (!(await store.retireChild(tier, undo ? undefined : deps.clock.now()))) {
    throw new Error(`no tier ${tier} ever reported here or is expected; known: ${known.join(', ') || 'none'}`);
  }
  return undo
    ? `${tier} is expected again: watermarks wait for it`
    : `${tier} is retired: watermarks wait for it no longer, and answers say that it is; undo with --undo`;
}
