// SPDX-License-Identifier: Apache-2.0
export { MemoryTierStore, type CommitFault, type StoredValue } from './memory-store.js';
export {
  VirtualFederation,
  VirtualTier,
  type VirtualFederationOptions,
  type VirtualTierShape,
} from './virtual-federation.js';
export { SimulatedTier, type SimulatedTierOptions } from './tier-node.js';
export {
  FAULT_KINDS,
  MUTANTS,
  runHistory,
  type FaultCounts,
  type FaultKind,
  type HistoryOptions,
  type HistoryResult,
  type Mutant,
  type Trace,
  type Violation,
  type ViolationKind,
} from './simulation/index.js';
