// SPDX-License-Identifier: Apache-2.0
// Goal: whatever pieces are written, in whatever steps and however long, each stays as it was written until the memory is used again, and
// distributions that are unpacked into used memory are those that were packed. Method: random pieces, all looked at in the end.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteSlabs } from './byte-slabs.js';
import { ByteWriter } from './bytes.js';
import { SparseDistribution } from './distribution.js';
import { joinDistributions } from './distribution-rows.js';
import { packDistributions, unpackDistributions } from './packed-distributions.js';

/** Bytes of the steps in which a piece is written; one step is its copy. */
const steps = fc.array(fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(100_000, 262_144, 300_000)), { maxLength: 4 });
const rounds = fc.array(fc.array(steps, { maxLength: 8 }), { minLength: 1, maxLength: 4 });

function write(slabs: ByteSlabs, lengths: readonly number[], value: number): Uint8Array {
  if (lengths.length === 1) return slabs.copy(new Uint8Array(lengths[0]!).fill(value));
  slabs.begin();
  for (const n of lengths) {
    slabs.reserve(n);
    slabs.bytes.fill(value, slabs.length, slabs.length + n);
    slabs.length += n;
  }
  return slabs.end();
}

test('pieces are what was written until the memory is used again', () => {
  fc.assert(
    fc.property(rounds, fc.boolean(), (all, reused) => {
      const slabs = new ByteSlabs(reused);
      const written: { readonly piece: Uint8Array; readonly length: number; readonly value: number }[] = [];
      for (const pieces of all) {
        slabs.reset();
        if (reused) written.length = 0;
        for (const lengths of pieces) {
          const value = (written.length * 7 + 1) & 0xff;
          const piece = write(slabs, lengths, value);
          expect(slabs.view.buffer).toBe(slabs.bytes.buffer);
          written.push({ piece, length: lengths.reduce((a, b) => a + b, 0), value });
        }
        for (const { piece, length, value } of written) {
          expect(piece.length).toBe(length);
          expect(piece.every((byte) => byte === value)).toBe(true);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a round like the one before takes no memory', () => {
  const slabs = new ByteSlabs(true);
  const round = () => {
    slabs.reset();
    return Array.from({ length: 20 }, (_, i) => slabs.copy(new Uint8Array(50_000 + i)));
  };
  const first = round().map(({ buffer }) => buffer);
  const again = round().map(({ buffer }) => buffer);
  again.forEach((buffer, i) => expect(buffer === first[i]).toBe(true));
});

test('distributions unpack into memory that was used', () => {
  const bucket = fc.tuple(fc.integer({ min: -50, max: 5_000 }), fc.bigInt({ min: 1n, max: 2n ** 40n }));
  const columns = fc.array(fc.array(bucket, { maxLength: 40 }), { maxLength: 12 });
  const slabs = new ByteSlabs(true);
  fc.assert(
    fc.property(columns, fc.nat({ max: 255 }), (rows, dirt) => {
      slabs.reset();
      for (let i = 0; i < 3; i++) slabs.copy(new Uint8Array(100_000).fill(dirt));
      slabs.reset();
      const { offsets, bytes } = joinDistributions(
        rows.map((buckets) => {
          const d = new SparseDistribution();
          for (const [index, count] of buckets) d.add(index, count);
          return d.encode();
        }),
      );
      const w = new ByteWriter(64);
      packDistributions(w, offsets, bytes);
      const packed = w.finish();
      const back = unpackDistributions(packed, 0, packed.length, rows.length, slabs);
      expect(back.offsets).toEqual(offsets);
      expect(Buffer.from(back.bytes).equals(bytes)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
