// SPDX-License-Identifier: Apache-2.0
// The content chain of a log: chain(n) = SHA-256(chain(n-1) || header(n) || content(n)); empty before the first batch.
import { createHash } from 'node:crypto';

/** Chain after the batch of these bytes; 32 bytes. */
export function chainAfter(previous: Uint8Array, header: Uint8Array, content: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(previous).update(header).update(content).digest());
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
