// SPDX-License-Identifier: Apache-2.0
// Goal: packed distributions come back byte for byte, have one form, and hostile bits are refused in bounded memory.
// Method: round trips over every size of index and count, flips and cuts, one vector by hand, the size that the design promises.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter, DecodeError } from './bytes.js';
import { packDistributions, unpackDistributions } from './packed-distributions.js';
import { SparseDistribution } from './distribution.js';

const index = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -20, max: 700 }) },
  { weight: 1, arbitrary: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }) },
  { weight: 1, arbitrary: fc.constantFrom(-0x8000_0000, 0x7fff_ffff) },
);
const count = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: 1n, max: 6n }) },
  { weight: 2, arbitrary: fc.bigInt({ min: 1n, max: 200_000n }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(30n, 31n, 32n, 33n, 52n, 53n, 62n), fc.bigInt({ min: -2n, max: 2n }))
      .map(([bit, off]) => (1n << bit) + off),
  },
  { weight: 1, arbitrary: fc.constant((1n << 63n) - 1n) },
);
const distribution = fc.array(fc.tuple(index, count), { maxLength: 60 }).map(sparse);
/** Many buckets, mostly close together, so that short codes come in runs; and gaps and counts where a varint gets its second byte. */
const step = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 125, max: 130 }) },
);
const steps = (of: fc.Arbitrary<number>) => fc.array(fc.tuple(of, of), { minLength: 40, maxLength: 80 });
const run = fc
  .tuple(fc.integer({ min: -300, max: 300 }), fc.oneof(steps(step), steps(fc.integer({ min: 120, max: 135 }))))
  .map(([first, pairs]) => {
    const d = new SparseDistribution(0);
    let at = first;
    for (const [gap, n] of pairs) d.add((at += gap), BigInt(n));
    return d.encode();
  });
const columns = fc.array(fc.oneof({ weight: 3, arbitrary: distribution }, { weight: 1, arbitrary: run }), {
  maxLength: 8,
});

function sparse(content: readonly (readonly [number, bigint])[]): Uint8Array {
  const d = new SparseDistribution(0);
  for (const [i, n] of content) d.add(i, n);
  return d.encode();
}

function joined(rows: readonly Uint8Array[]): { offsets: Uint32Array; bytes: Uint8Array } {
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, i) => (offsets[i + 1] = offsets[i]! + row.length));
  return { offsets, bytes: new Uint8Array(Buffer.concat(rows)) };
}

function packed(offsets: Uint32Array, bytes: Uint8Array): Uint8Array {
  const w = new ByteWriter();
  packDistributions(w, offsets, bytes);
  return w.finish();
}

test('columns come back, wherever they lie in a buffer', () => {
  fc.assert(
    fc.property(columns, fc.nat({ max: 9 }), fc.nat({ max: 9 }), (rows, before, after) => {
      const { offsets, bytes } = joined(rows);
      const bits = packed(offsets, bytes);
      const buffer = new Uint8Array(before + bits.length + after).fill(0xff);
      buffer.set(bits, before);
      const back = unpackDistributions(buffer, before, buffer.length, rows.length);
      expect(back.end).toBe(before + bits.length);
      expect(back.offsets).toEqual(offsets);
      expect(Buffer.from(back.bytes).equals(bytes)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('what unpacks packs to the same bits and is canonical; the rest is a DecodeError', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 });
  fc.assert(
    fc.property(columns, flips, fc.nat(), fc.integer({ min: -1, max: 1 }), (rows, changes, cut, more) => {
      const { offsets, bytes } = joined(rows);
      const bits = packed(offsets, bytes);
      for (const [where, value] of changes) bits[where % bits.length] = value;
      const hostile = cut % 3 === 0 ? bits.slice(0, cut % (bits.length + 1)) : bits;
      let back;
      try {
        back = unpackDistributions(hostile, 0, hostile.length, Math.max(0, rows.length + more));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      expect(packed(back.offsets, back.bytes)).toEqual(hostile.slice(0, back.end));
      for (let i = 0; i + 1 < back.offsets.length; i++)
        SparseDistribution.decode(back.bytes.subarray(back.offsets[i], back.offsets[i + 1]));
    }),
    { numRuns: 5_000 },
  );
});

test('random bits unpack or are a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 12 }), (bits, rows) => {
      try {
        const back = unpackDistributions(bits, 0, bits.length, rows);
        expect(packed(back.offsets, back.bytes)).toEqual(bits.slice(0, back.end));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: 5_000 },
  );
});

test('columns stay as they are when others are read, good and bad ones', () => {
  fc.assert(
    fc.property(fc.array(columns, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 400 }), (many, times) => {
      const parts = many.map((rows) => ({ ...joined(rows), rows: rows.length }));
      const read = parts.map(({ offsets, bytes, rows }) => {
        const bits = packed(offsets, bytes);
        const back = unpackDistributions(bits, 0, bits.length, rows);
        // fails behind what it could read; many of these fill a slab
        for (let i = 0; i < times && bits.length > 0; i++)
          expect(() => unpackDistributions(bits, 0, bits.length - 1, rows)).toThrow(DecodeError);
        return back;
      });
      for (const [i, { offsets, bytes }] of parts.entries()) {
        expect(read[i]!.offsets).toEqual(offsets);
        expect(Buffer.from(read[i]!.bytes).equals(bytes)).toBe(true);
      }
    }),
  );
  // longer than a slab, and after it a short one
  const { offsets, bytes } = joined(
    Array.from({ length: 20_000 }, (_, i) =>
      sparse([
        [i % 7, 1n + BigInt(i % 300)],
        [9, 2n],
        [200 + (i % 50), 1n],
      ]),
    ),
  );
  const bits = packed(offsets, bytes);
  const [first, second] = [0, 1].map(() => unpackDistributions(bits, 0, bits.length, 20_000));
  const short = packed(Uint32Array.of(0, 1), Uint8Array.of(0));
  expect(unpackDistributions(short, 0, short.length, 1).bytes).toEqual(Uint8Array.of(0));
  for (const one of [first!, second!]) expect(Buffer.from(one.bytes).equals(bytes)).toBe(true);
});

test('a vector by hand', () => {
  const d = new SparseDistribution();
  for (const [i, n] of [
    [3, 2n],
    [4, 1n],
    [9, 1n],
  ] as const)
    d.add(i, n);
  // 3 buckets: 1110 with k = 0; first index 3, zigzag 6: 1111110. Gaps 0 and 4, on average 2, have k = 1, zigzag of the difference to 0:
  // 110; counts 2, 1, 1 have k = 0: 0. Count 2: 10; gap 0: 00; count 1: 0; gap 4: 1100; count 1: 0; padding.
  const bits = '1110' + '1111110' + '110' + '0' + '10' + '00' + '0' + '1100' + '0' + '0000000';
  expect(packed(Uint32Array.of(0, d.encode().length), d.encode())).toEqual(
    Uint8Array.from(bits.match(/.{8}/g)!, (byte) => Number.parseInt(byte, 2)),
  );
});

test('a count of buckets that cannot be there takes no memory', () => {
  // 12 ones escape, 63 bits, all ones
  expect(() => unpackDistributions(new Uint8Array(12).fill(0xff), 0, 12, 1)).toThrow(DecodeError);
  expect(() => unpackDistributions(new Uint8Array(12), 0, 12, 97)).toThrow('97 distributions in 12 bytes');
});
