// SPDX-License-Identifier: Apache-2.0
// Goal: a sum of distributions, of two that are read side by side or of many in the window, is, byte for byte, the one canonical form of
// their sum, in any order.
// Method: random pairs against SparseDistribution, with first buckets, gaps, counts and numbers of buckets on both sides of every limit.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addToWindow,
  fitsWindow,
  head,
  openWindow,
  readHead,
  takeWindow,
  writeSumOfTwo,
} from './distribution-window.js';
import { SparseDistribution } from './distribution.js';

const small = fc.integer({ min: 1, max: 4 });
const byte = fc.oneof({ weight: 6, arbitrary: small }, { weight: 1, arbitrary: fc.integer({ min: 60, max: 127 }) });
const first = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -70, max: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 8_000, max: 8_400 }) },
  { weight: 1, arbitrary: fc.constantFrom(-0x8000_0000, 0x7fff_ffff - 127 * 20, 2 ** 20, 2 ** 20 + 1, -(2 ** 20) - 1) },
);

function encoded(at: number, pairs: readonly (readonly [step: number, count: number])[]): Uint8Array {
  const d = new SparseDistribution(0);
  let index = at;
  for (const [i, [step, count]] of pairs.entries()) d.add((index += i === 0 ? 0 : step), BigInt(count));
  return d.encode();
}

const usual = fc
  .tuple(
    first,
    fc.oneof(
      { weight: 4, arbitrary: fc.array(fc.tuple(byte, byte), { minLength: 1, maxLength: 20 }) },
      { weight: 2, arbitrary: fc.array(fc.tuple(small, small), { minLength: 50, maxLength: 150 }) },
    ),
  )
  .map(([at, pairs]) =>
    encoded(at > 0x7fff_0000 ? at : Math.min(at, 0x7ff0_0000), pairs.slice(0, at > 0x7fff_0000 ? 20 : 150)),
  );
const any = fc
  .tuple(
    fc.integer({ min: -70, max: 200 }),
    fc.array(
      fc.tuple(
        fc.oneof(byte, fc.integer({ min: 120, max: 140 }), fc.integer({ min: 1, max: 2 ** 20 })),
        fc.oneof(byte, fc.integer({ min: 120, max: 2 ** 22 })),
      ),
      {
        minLength: 1,
        maxLength: 20,
      },
    ),
  )
  .map(([at, pairs]) => encoded(at, pairs));

/** The sum as `writeSumOfTwo` has it, between other bytes; undefined when it refuses. Nothing but its room is written to. */
function sumOfTwo(a: Uint8Array, b: Uint8Array, before: number): Uint8Array | undefined {
  const from = Uint8Array.of(7, ...a, 7);
  const other = Uint8Array.of(...b); // ends with its memory
  const room = a.length + b.length + 2;
  const out = new Uint8Array(before + room + 3).fill(0xee);
  const end = writeSumOfTwo(out, before, from, 1, 1 + a.length, other, 0, b.length);
  expect(out.subarray(0, before).every((v) => v === 0xee)).toBe(true);
  expect(out.subarray(before + room).every((v) => v === 0xee)).toBe(true);
  return end < 0 ? undefined : out.slice(before, end);
}

function expected(a: Uint8Array, b: Uint8Array): Uint8Array {
  const sum = SparseDistribution.decode(a);
  sum.merge(SparseDistribution.decode(b));
  return sum.encode();
}

test('two distributions are summed unless they begin far apart, and both orders are one', () => {
  fc.assert(
    fc.property(fc.oneof(usual, any), fc.oneof(usual, any), fc.nat({ max: 5 }), (a, b, before) => {
      const sum = sumOfTwo(a, b, before);
      const [aFirst, bFirst] = [a, b].map((bytes) => SparseDistribution.decode(bytes).indexAt(0));
      if (Math.abs(aFirst! - bFirst!) > 2 ** 20) expect(sum).toBeUndefined();
      else expect(sum).toEqual(expected(a, b));
      expect(sumOfTwo(b, a, before)).toEqual(sum);
    }),
    { numRuns: 8_000 },
  );
});

test('what spans more than 2^30 buckets is summed or refused', () => {
  const wide = fc
    .tuple(fc.integer({ min: -0x8000_0000, max: 0 }), fc.array(fc.integer({ min: 1, max: 2 ** 30 }), { maxLength: 6 }))
    .map(([at, steps]) => {
      let [index, left] = [at, [] as number[]];
      for (const step of steps) if (index + step <= 0x7fff_ffff) left = [...left, ((index += step), step)];
      return encoded(at, [[0, 1], ...left.map((step) => [step, (step % 1_000) + 1] as const)]);
    });
  let refused = 0;
  fc.assert(
    fc.property(wide, fc.oneof(wide, any), (a, b) => {
      const sum = sumOfTwo(a, b, 1);
      if (sum) expect(sum).toEqual(expected(a, b));
      else refused++;
      expect(sumOfTwo(b, a, 1)).toEqual(sum);
      const own = sumOfTwo(a, a, 0);
      if (own) expect(own).toEqual(expected(a, a));
      else expect(SparseDistribution.decode(a).size).toBeGreaterThan(1);
    }),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(100);
});

test('the number of buckets takes a byte up to 127, whatever was guessed', () => {
  const of = (from: number, n: number) =>
    encoded(
      from,
      Array.from({ length: n }, () => [1, 1] as const),
    );
  for (let n = 60; n <= 130; n++) {
    for (const apart of [0, 1, n - 1, n, n + 100]) {
      expect(sumOfTwo(of(0, n), of(apart, n), 0)).toEqual(expected(of(0, n), of(apart, n)));
      expect(sumOfTwo(of(0, 5), of(apart, n), 0)).toEqual(expected(of(0, 5), of(apart, n)));
    }
  }
  const long = of(0, 2 ** 13 - 1);
  expect(sumOfTwo(long, long, 0)).toEqual(expected(long, long));
  expect(sumOfTwo(of(0, 2 ** 13), of(0, 2 ** 13), 0)).toBeUndefined();
});

test('a window has the sum of what was added, and nothing of the sum before', () => {
  const near = fc
    .tuple(
      fc.integer({ min: -70, max: 200 }),
      fc.array(
        fc.tuple(
          fc.oneof({ weight: 9, arbitrary: byte }, { weight: 1, arbitrary: fc.integer({ min: 120, max: 140 }) }),
          fc.oneof({ weight: 9, arbitrary: byte }, { weight: 1, arbitrary: fc.integer({ min: 120, max: 2 ** 22 }) }),
        ),
        { minLength: 1, maxLength: 40 },
      ),
    )
    .map(([at, pairs]) => encoded(at, pairs));
  fc.assert(
    fc.property(fc.array(near, { minLength: 1, maxLength: 8 }), (parts) => {
      const sum = new SparseDistribution(0);
      const read = parts.map((bytes) => {
        const d = SparseDistribution.decode(bytes);
        sum.merge(d);
        return [d.indexAt(0), d.indexAt(d.size - 1)] as const;
      });
      const lowest = Math.min(...read.map(([at]) => at));
      const highest = Math.max(...read.map(([, at]) => at));
      expect(fitsWindow(lowest, highest, 0)).toBe(true);
      for (const some of [parts, parts.toReversed()]) {
        openWindow(lowest, highest);
        for (const bytes of some) {
          readHead(bytes, 0);
          addToWindow(bytes, head.at, bytes.length, head.first, head.count);
        }
        const out = new Uint8Array(parts.reduce((n, { length }) => n + length + 1, 0));
        expect(out.slice(0, takeWindow(out, 0))).toEqual(sum.encode());
      }
    }),
    { numRuns: 2_000 },
  );
});
