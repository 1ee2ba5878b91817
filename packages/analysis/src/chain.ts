// SPDX-License-Identifier: Apache-2.0
// The content chain of a log: chain(n) = SHA-256(chain(n-1) || header(n) || content(n)); empty before the first batch.
import { createHash, hash } from 'node:crypto';

/** Usual batches: for less, a call per piece costs more than the copy. */
const joined = new Uint8Array(16_384);
const NOTHING = new Uint8Array(0);
const CHAIN_BYTES = 32;

/** The content of a batch in the two pieces in which a stream brings it: what batches of the same entities share, and the rest. */
export interface ContentPieces {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

/** Chain after the batch of these bytes; 32 bytes. */
export function chainAfter(previous: Uint8Array, header: Uint8Array, content: Uint8Array): Uint8Array {
  const length = join(previous, header, content, NOTHING);
  if (length > 0) return new Uint8Array(hash('sha256', joined.subarray(0, length), 'buffer'));
  return new Uint8Array(createHash('sha256').update(previous).update(header).update(content).digest());
}

/** Whether `chain` is the chain after the batch of these bytes. */
export function isChainAfter(
  chain: Uint8Array,
  previous: Uint8Array,
  header: Uint8Array,
  { head, body }: ContentPieces,
): boolean {
  const length = join(previous, header, head, body);
  if (length === 0) {
    const of = createHash('sha256').update(previous).update(header).update(head).update(body);
    return sameBytes(chain, of.digest());
  }
  // a string lies in the heap of the engine: a buffer, used for a moment, would take longer to make than half of the hash
  const digest = hash('sha256', joined.subarray(0, length), 'binary');
  let differ = chain.length ^ CHAIN_BYTES;
  for (let i = 0; i < CHAIN_BYTES; i++) differ |= digest.charCodeAt(i) ^ chain[i]!;
  return differ === 0;
}

/** Puts the pieces side by side into `joined`; their length, 0 when they are too long for that. */
function join(previous: Uint8Array, header: Uint8Array, head: Uint8Array, body: Uint8Array): number {
  const headAt = previous.length + header.length;
  const bodyAt = headAt + head.length;
  const length = bodyAt + body.length;
  if (length > joined.length) return 0;
  joined.set(previous);
  joined.set(header, previous.length);
  joined.set(head, headAt);
  joined.set(body, bodyAt);
  return length;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
