// SPDX-License-Identifier: Apache-2.0
export { FAULT_KINDS, type FaultCounts, type FaultKind } from './faults.js';
export type { Trace } from './kernel.js';
export { MUTANTS, type Mutant } from './mutants.js';
export type { Violation, ViolationKind } from './oracle.js';
export { runHistory, type HistoryOptions, type HistoryResult } from './world.js';
