// SPDX-License-Identifier: Apache-2.0
export type { BatchOutcome, IncomingBatch, SlotIntake, SourceReceiver } from './ports.js';
