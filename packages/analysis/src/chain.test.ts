// SPDX-License-Identifier: Apache-2.0
// Goal: the chain is SHA-256 over the three pieces, whatever their sizes, and results do not share memory; the check of a content in two
// pieces says yes to that chain and to no other. Method: beside the plain formula.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { chainAfter, isChainAfter } from './chain.js';

test('is the hash of what is joined, for sizes around that of the memory in which small batches are joined', () => {
  const piece = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);
  let before: Uint8Array = new Uint8Array(0);
  const seen: Uint8Array[] = [];
  for (const headerBytes of [0, 25, 300]) {
    for (const contentBytes of [0, 1, 2_600, 16_327, 16_384 - 32 - 25, 16_384 - 32 - 24, 16_384, 100_000]) {
      const [header, content] = [piece(headerBytes, 1), piece(contentBytes, 2)];
      const plain = createHash('sha256').update(before).update(header).update(content).digest();
      const chain = chainAfter(before, header, content);
      expect(Buffer.from(chain).equals(plain), `${headerBytes} and ${contentBytes} bytes`).toBe(true);
      for (const headBytes of [0, 1, content.length >> 1, content.length]) {
        const pieces = { head: content.subarray(0, headBytes), body: content.subarray(headBytes) };
        expect(isChainAfter(chain, before, header, pieces)).toBe(true);
        expect(isChainAfter(chain.subarray(1), before, header, pieces)).toBe(false);
        for (const at of [0, 17, 31]) {
          const other = chain.slice();
          other[at]! ^= 0x80;
          expect(isChainAfter(other, before, header, pieces)).toBe(false);
        }
        const another = { ...pieces, body: Uint8Array.of(...pieces.body.subarray(0, 1_000), 1) };
        expect(isChainAfter(chain, before, header, another)).toBe(false);
      }
      seen.push(chain);
      before = chain;
    }
  }
  expect(new Set(seen.map((chain) => Buffer.from(chain).toString('hex'))).size).toBe(seen.length);
});
