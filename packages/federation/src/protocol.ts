// SPDX-License-Identifier: Apache-2.0
// Constants of the federation protocol that both sides must agree on. Normative text: docs/protocol.md.

export const PROTOCOL_VERSION = 1;

/** Metadata key of the tier's token, as SkyWalking's agents name theirs. */
export const TOKEN_KEY = 'Authentication';

/** A batch costs the bytes of its frame, and at least this, so that credit bounds the number of batches too. */
const BATCH_COST_MIN = 4_096;

export function batchCost(frameBytes: number): number {
  return Math.max(frameBytes, BATCH_COST_MIN);
}

/** Bytes of all descriptors of a dictionary with at most `entries` entries. */
export function dictionaryBytesMax(entries: number): number {
  return entries * 256;
}

/** Frames above this are cut into fragments, also when the upstream would take larger ones: one frame must not hold up the rest. */
export const FRAME_BYTES_WANTED = 1_048_576;
