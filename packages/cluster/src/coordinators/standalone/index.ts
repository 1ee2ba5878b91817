// SPDX-License-Identifier: Apache-2.0
// The coordinator of a tier with one node: the same recipes over a kernel in this process.
import type { ClusterCoordinator, CoordinatorDeps, MemberOptions } from '../../coordinator.js';
import { openRecipeCoordinator } from '../../recipe-coordinator.js';
import { MemoryKernel } from './memory-kernel.js';

export type StandaloneOptions = MemberOptions;

// Only the resync period: nothing can expire in one process. Rare, because watches in memory are never lost.
const RESYNC_MS = 60_000;

/** After `register` this node is the only member and owns every slot. */
export function openStandaloneCoordinator(
  options: StandaloneOptions,
  deps: CoordinatorDeps,
): Promise<ClusterCoordinator> {
  return openRecipeCoordinator(new MemoryKernel(RESYNC_MS), '/oap', options, deps);
}
