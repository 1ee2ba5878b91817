// SPDX-License-Identifier: Apache-2.0
export { PARTIAL, ROWS } from './audit.js';
export { isCovered, type RepairKind, type UpstreamPosition } from './outbound.js';
export { chainAfter, isChainAfter, sameBytes, type ContentPieces } from './chain.js';
export { L1Aggregator, type L1Deps, type L1Dispatch, type L1Options, type SlotRoute } from './l1.js';
export type { BatchOutcome, IncomingBatch, SlotIntake, SourceReceiver } from './ports.js';
export { SlotOwner, type SlotOwnerDeps, type SlotOwnerOptions, type SlotOwnerStatus } from './slot-owner.js';
export type { MetricResolver } from './slot-flush.js';
export type { MetricsOfScope } from './slot-state.js';
