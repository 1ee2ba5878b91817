// SPDX-License-Identifier: Apache-2.0
// The content chain of a log: chain(n) = SHA-256(chain(n-1) || header(n) || content(n)); empty before the first batch.
import { createHash, hash } from 'node:crypto';

/** Usual batches: for less, a call per piece costs more than the copy. */
const joined = new Uint8Array(16_384);

/** Chain after the batch of these bytes; 32 bytes. */
export function chainAfter(previous: Uint8Array, header: Uint8Array, content: Uint8Array): Uint8Array {
  const contentAt = previous.length + header.length;
  const length = contentAt + content.length;
  if (length <= joined.length) {
    joined.set(previous);
    joined.set(header, previous.length);
    joined.set(content, contentAt);
    return new Uint8Array(hash('sha256', joined.subarray(0, length), 'buffer'));
  }
  return new Uint8Array(createHash('sha256').update(previous).update(header).update(content).digest());
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
