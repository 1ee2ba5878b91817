// SPDX-License-Identifier: Apache-2.0
export { MemoryTierStore, type CommitFault } from './memory-store.js';
export { SimulatedTier, type SimulatedTierOptions } from './tier-node.js';
