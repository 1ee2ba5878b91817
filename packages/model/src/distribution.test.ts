// SPDX-License-Identifier: Apache-2.0
// Goal: every layout's arithmetic is its definition, merging is exact, equal content is equal bytes, percentiles follow one rank rule.
// Method: plain Maps of BigInt and brute force as oracles, SkyWalking's worked examples, fast-check.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter, DecodeError } from './bytes.js';
import {
  bucketIndex,
  bucketLow,
  bucketValue,
  downscaleExponential,
  EXPONENTIAL_ZERO,
  layoutText,
  percentiles,
  SparseDistribution,
  type Layout,
} from './distribution.js';
import { INT64_MAX, PERCENTILE_RANKS } from './functions.js';

type Buckets = readonly (readonly [number, bigint])[];

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const counts = fc.oneof(
  fc.bigInt({ min: 1n, max: 300n }),
  fc.constantFrom(1n << 31n, (1n << 32n) - 1n, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, 1n << 54n),
);
const buckets: fc.Arbitrary<Buckets> = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: -4, max: 12 }), fc.constantFrom(-0x8000_0000, 0x7fff_ffff, EXPONENTIAL_ZERO), int32),
    counts,
  ),
  { maxLength: 40 },
);

function of(content: Buckets): SparseDistribution {
  const d = new SparseDistribution(1);
  for (const [index, count] of content) expect(d.add(index, count)).toBe(true);
  return d;
}

const contentOf = (d: SparseDistribution): [number, bigint][] =>
  Array.from({ length: d.size }, (_, i) => [d.indexAt(i), d.countAt(i)]);

function oracle(...all: Buckets[]): [number, bigint][] {
  const map = new Map<number, bigint>();
  for (const [index, count] of all.flat()) map.set(index, (map.get(index) ?? 0n) + count);
  return [...map].toSorted((a, b) => a[0] - b[0]);
}

describe('adding and merging', () => {
  test('add, addOne and merge are those of a map, and the argument of merge stays as it was', () => {
    fc.assert(
      fc.property(buckets, buckets, fc.array(fc.integer({ min: -3, max: 9 })), (a, b, ones) => {
        const left = of(a);
        const right = of(b);
        const bytes = right.encode();
        expect(contentOf(left)).toEqual(oracle(a));
        expect(left.merge(right)).toBe(true);
        expect(contentOf(left)).toEqual(oracle(a, b));
        for (const index of ones) expect(left.addOne(index)).toBe(true);
        expect(contentOf(left)).toEqual(
          oracle(
            a,
            b,
            ones.map((index) => [index, 1n] as const),
          ),
        );
        expect(right.encode()).toEqual(bytes);
        expect(left.total()).toBe(contentOf(left).reduce((sum, [, n]) => sum + n, 0n));
      }),
      { numRuns: 1_000 },
    );
  });

  test('merging with itself doubles; with nothing it changes nothing', () => {
    fc.assert(
      fc.property(buckets, (a) => {
        const d = of(a);
        expect(d.merge(new SparseDistribution())).toBe(true);
        expect(contentOf(d)).toEqual(oracle(a));
        expect(d.merge(d)).toBe(true);
        expect(contentOf(d)).toEqual(oracle(a, a));
      }),
    );
  });

  test('a clone shares nothing', () => {
    const d = of([
      [1, 5n],
      [7, 1n],
    ]);
    const copy = d.clone();
    const bytes = copy.encode();
    d.addOne(1);
    d.addOne(3);
    expect(copy.encode()).toEqual(bytes);
    copy.addOne(7);
    expect(contentOf(d)).toEqual([
      [1, 6n],
      [3, 1n],
      [7, 1n],
    ]);
  });

  test('counts carry from their low half into the high one', () => {
    const d = of([[0, (1n << 32n) - 1n]]);
    d.addOne(0);
    expect(d.countAt(0)).toBe(1n << 32n);
    d.merge(of([[0, (1n << 33n) - 1n]]));
    expect(d.countAt(0)).toBe((1n << 32n) + (1n << 33n) - 1n);
  });

  test('a count that would leave int64, or an index that is no int32, is refused and nothing changes', () => {
    const full = of([
      [0, 1n],
      [5, INT64_MAX],
    ]);
    const before = full.encode();
    expect(full.addOne(5)).toBe(false);
    expect(full.add(5, 1n)).toBe(false);
    expect(full.add(6, INT64_MAX + 1n)).toBe(false);
    // the bucket that fits comes first and last: neither may have been added
    expect(
      full.merge(
        of([
          [-1, 1n],
          [0, 1n],
          [5, 1n],
          [9, 1n],
        ]),
      ),
    ).toBe(false);
    for (const index of [2 ** 31, -(2 ** 31) - 1, Infinity, Number.NaN]) {
      expect(full.addOne(index)).toBe(false);
      expect(full.add(index, 1n)).toBe(false);
    }
    expect(full.encode()).toEqual(before);
    // other buckets still count, though the sum of all is above int64
    expect(full.addOne(0)).toBe(true);
    expect(full.merge(of([[0, INT64_MAX - 2n]]))).toBe(true);
    expect(contentOf(full)).toEqual([
      [0, INT64_MAX],
      [5, INT64_MAX],
    ]);
    expect(full.total()).toBe(2n * INT64_MAX);
  });

  test('what came by merge, clone or decode counts for the limit as what was added', () => {
    const quarter = of([[5, 1n << 61n]]);
    const ways: ((d: SparseDistribution) => SparseDistribution)[] = [
      (d) => d,
      (d) => d.clone(),
      (d) => SparseDistribution.decode(d.encode()),
    ];
    for (const way of ways) {
      let d = new SparseDistribution();
      for (let i = 0; i < 3; i++) {
        expect(d.merge(way(quarter))).toBe(true);
        d = way(d);
      }
      expect(d.merge(way(quarter))).toBe(false);
      expect(d.merge(of([[5, (1n << 61n) - 1n]]))).toBe(true);
      expect(way(d).addOne(5)).toBe(false);
      expect(contentOf(d)).toEqual([[5, INT64_MAX]]);
    }
  });

  test('a cleared distribution starts anew', () => {
    const d = of([[5, INT64_MAX]]);
    d.clear();
    expect([d.size, d.total(), d.addOne(5), d.countAt(0)]).toEqual([0, 0n, true, 1n]);
  });
});

describe('the two forms', () => {
  // indexes that lie close, at the ends of a dense window, and far apart; counts at a byte, at the dense form's sum, at 32 and 63 bits
  const near = fc.integer({ min: -40, max: 600 });
  const anywhere = fc.oneof(
    { weight: 6, arbitrary: near },
    { weight: 2, arbitrary: fc.integer({ min: 3_300, max: 4_200 }) },
    { weight: 1, arbitrary: fc.constantFrom(-0x8000_0000, -0x7fff_ffff, 0x7fff_ffff, 0x7fff_ffe0) },
  );
  const size = fc.oneof(
    { weight: 8, arbitrary: fc.bigInt({ min: 1n, max: 9n }) },
    { weight: 2, arbitrary: fc.constantFrom(127n, 254n, 255n, 256n, 257n, 65_535n, 65_536n) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        (1n << 30n) - 300n,
        (1n << 30n) - 1n,
        1n << 30n,
        (1n << 32n) - 1n,
        1n << 53n,
        1n << 61n,
      ),
    },
  );
  const crowd = (index: fc.Arbitrary<number>) => fc.array(fc.tuple(index, size), { minLength: 1, maxLength: 120 });
  const someBuckets = fc.oneof(crowd(near), crowd(anywhere), fc.array(fc.tuple(anywhere, size), { maxLength: 4 }));
  const step = fc.oneof(
    fc.record({
      kind: fc.constantFrom('merge' as const, 'mergeEncoded' as const, 'add' as const),
      content: someBuckets,
    }),
    fc.record({ kind: fc.constant('ones' as const), at: fc.array(anywhere, { maxLength: 80 }) }),
    fc.record({ kind: fc.constantFrom('self' as const, 'clone' as const, 'recode' as const, 'clear' as const) }),
  );

  test('any way of adding, in any mixture, is that of a map of bigints; a refusal changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(), (steps, seed) => {
        let d = new SparseDistribution(seed % 4);
        let expected = new Map<number, bigint>();
        const fold = (content: Iterable<readonly [number, bigint]>): boolean => {
          const sum = new Map(expected);
          for (const [index, count] of content) sum.set(index, (sum.get(index) ?? 0n) + count);
          if ([...sum.values()].some((count) => count > INT64_MAX)) return false;
          expected = sum;
          return true;
        };
        for (const s of steps) {
          switch (s.kind) {
            case 'merge':
            case 'mergeEncoded': {
              const delta = new SparseDistribution(0);
              const own = new Map<number, bigint>();
              for (const [index, count] of s.content) {
                const taken = delta.add(index, count);
                if (taken) own.set(index, (own.get(index) ?? 0n) + count);
              }
              const bytes = delta.encode();
              const fits =
                s.kind === 'merge'
                  ? d.merge(delta)
                  : d.mergeEncoded(Uint8Array.of(7, ...bytes, 9), 1, 1 + bytes.length);
              expect(fits).toBe(fold(own));
              expect(delta.encode()).toEqual(bytes);
              break;
            }
            case 'add':
              for (const [index, count] of s.content) expect(d.add(index, count)).toBe(fold([[index, count]]));
              break;
            case 'ones':
              for (const index of s.at) expect(d.addOne(index)).toBe(fold([[index, 1n]]));
              break;
            case 'self':
              expect(d.merge(d)).toBe(fold([...expected]));
              break;
            case 'clone':
              d = d.clone();
              break;
            case 'recode':
              d = SparseDistribution.decode(d.encode());
              break;
            case 'clear':
              d.clear();
              expected = new Map();
          }
          const sorted = [...expected].toSorted((a, b) => a[0] - b[0]);
          expect(d.total()).toBe(sorted.reduce((sum, [, count]) => sum + count, 0n));
          expect(contentOf(d)).toEqual(sorted);
          if (sorted.length > 0) {
            const at = seed % sorted.length; // out of order, after the walk
            expect([d.indexAt(at), d.countAt(at)]).toEqual(sorted[at]);
          }
          const plain = new SparseDistribution(sorted.length);
          for (const [index, count] of sorted.toReversed()) plain.add(index, count);
          expect(Buffer.from(d.encode()).equals(plain.encode())).toBe(true);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  test('a full sparse distribution just below the sum of the dense form takes a count above it', () => {
    for (const added of [1n, 300n]) {
      const d = new SparseDistribution(8);
      for (let i = 0; i < 7; i++) d.add(i, 1n);
      d.add(7, 2n ** 30n - added - 7n);
      expect(added === 1n ? d.addOne(8) : d.add(8, added)).toBe(true);
      expect([d.size, d.total(), d.countAt(8)]).toEqual([9, 2n ** 30n, added]);
    }
  });

  test('a malformed delta is a DecodeError and changes nothing, in both forms', () => {
    const delta = of(Array.from({ length: 100 }, (_, i) => [i * 3, BigInt(i + 1)] as const)).encode();
    const targets = [of([]), of([[5, 1n]]), of(Array.from({ length: 100 }, (_, i) => [i * 2, 300n] as const))];
    for (const target of targets) {
      const before = target.encode();
      for (let cut = 0; cut < delta.length; cut++) {
        expect(() => target.mergeEncoded(delta, 0, cut)).toThrow(DecodeError);
        expect(target.encode()).toEqual(before);
      }
      expect(() => target.mergeEncoded(Uint8Array.of(...delta, 0))).toThrow(DecodeError);
      expect(target.encode()).toEqual(before);
    }
  });

  test('a bucket that is not there is a bug in the dense form', () => {
    const d = of(Array.from({ length: 40 }, (_, i) => [i, 1n] as const));
    expect(() => d.indexAt(40)).toThrow('BUG');
  });
});

describe('canonical bytes', () => {
  test('equal content is equal bytes, however it came about, and other content is other bytes', () => {
    fc.assert(
      fc.property(buckets, buckets, (a, b) => {
        const ab = of(a);
        ab.merge(of(b));
        const ba = of([...b, ...a].toReversed());
        expect(ba.encode()).toEqual(ab.encode());
        const same = JSON.stringify(oracle(a), text) === JSON.stringify(oracle(b), text);
        expect(Buffer.from(of(a).encode()).equals(of(b).encode())).toBe(same);
        expect(contentOf(SparseDistribution.decode(ab.encode()))).toEqual(contentOf(ab));
      }),
    );
  });
  const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

  test('what decodes encodes to the same bytes; what does not is a DecodeError', () => {
    fc.assert(
      fc.property(
        buckets,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
        fc.nat(),
        (content, flips, cut) => {
          const bytes = of(content).encode();
          for (const [where, value] of flips) bytes[where % bytes.length] = value;
          const hostile = cut % 3 === 0 ? bytes.subarray(0, cut % (bytes.length + 1)) : bytes;
          let decoded: SparseDistribution | undefined;
          try {
            decoded = SparseDistribution.decode(hostile);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
          if (decoded) {
            expect(decoded.encode()).toEqual(new Uint8Array(hostile));
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('a failed decode leaves an empty distribution, and a used one decodes anew', () => {
    const d = of([
      [1, 1n],
      [2, 1n],
    ]);
    expect(() => d.decodeFrom(Uint8Array.of(2, 0, 1))).toThrow(DecodeError);
    expect([d.size, d.total()]).toEqual([0, 0n]);
    d.decodeFrom(of([[3, 4n]]).encode());
    expect(contentOf(d)).toEqual([[3, 4n]]);
  });

  test('a huge count of buckets does not allocate', () => {
    const w = new ByteWriter();
    w.varint(2 ** 40);
    expect(() => SparseDistribution.decode(w.finish())).toThrow(DecodeError);
  });
});

describe('linear', () => {
  test('bucket i is [i*step, (i+1)*step)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 0, max: 2 ** 31 }), (step, value) => {
        const layout: Layout = { kind: 'linear', step };
        const i = bucketIndex(layout, value);
        expect(bucketLow(layout, i)).toBeLessThanOrEqual(value);
        expect(bucketLow(layout, i + 1)).toBeGreaterThan(value);
        expect(bucketValue(layout, i)).toBe(i * step);
      }),
    );
  });
});

test('negative values and NaN count as zero, fractions are cut off, in every layout', () => {
  const layouts: Layout[] = [
    { kind: 'linear', step: 1 },
    { kind: 'hdr', digits: 2 },
    { kind: 'exponential', scale: 3 },
    { kind: 'explicit', bounds: [0, 5, 10] },
  ];
  for (const layout of layouts) {
    for (const v of [-1, -0.5, -Infinity, Number.NaN, 0.9]) expect(bucketIndex(layout, v)).toBe(bucketIndex(layout, 0));
    expect(bucketIndex(layout, 7.9)).toBe(bucketIndex(layout, 7));
  }
});

describe('exponential', () => {
  const layout = (scale: number): Layout => ({ kind: 'exponential', scale });

  test('bucket i is (base^i, base^(i+1)], exactly where the bounds are whole', () => {
    // scale 0: base 2
    expect([1, 2, 3, 4, 5, 8, 9, 1_024, 1_025].map((v) => bucketIndex(layout(0), v))).toEqual([
      -1, 0, 1, 1, 2, 2, 3, 9, 10,
    ]);
    // scale -1: base 4; scale -2: base 16
    expect([1, 2, 4, 5, 16, 17, 64, 65].map((v) => bucketIndex(layout(-1), v))).toEqual([-1, 0, 0, 1, 1, 2, 2, 3]);
    expect([1, 16, 17, 256, 257].map((v) => bucketIndex(layout(-2), v))).toEqual([-1, 0, 1, 1, 2]);
    // scale 1: base sqrt 2: (1.41, 2] is 1, (2, 2.83] is 2, (2.83, 4] is 3
    expect([1, 2, 3, 4, 5, 6, 8].map((v) => bucketIndex(layout(1), v))).toEqual([-1, 1, 3, 3, 4, 5, 5]);
    expect(bucketIndex(layout(5), 0)).toBe(EXPONENTIAL_ZERO);
    expect([bucketLow(layout(5), EXPONENTIAL_ZERO), bucketValue(layout(5), EXPONENTIAL_ZERO)]).toEqual([0, 0]);
  });

  test('one above and one below a power of two are in their own buckets, up to 2^53', () => {
    for (let e = 2; e <= 52; e++) {
      for (const scale of [-3, -1, 0, 1, 4, 8, 20]) {
        const at = bucketIndex(layout(scale), 2 ** e);
        const top = Math.ceil(e * 2 ** scale) - 1;
        expect(at).toBe(top);
        expect(bucketIndex(layout(scale), 2 ** e - 1)).toBeLessThanOrEqual(at);
        // above 2^e, and in the next bucket when 2^e is a bound of this scale
        const next = bucketIndex(layout(scale), 2 ** e + 1);
        if (Number.isInteger(e * 2 ** scale)) expect(next).toBeGreaterThan(at);
        else expect(next).toBe(at);
      }
    }
  });

  test('values lie inside the bounds of their bucket, to the rounding of the bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4, max: 10 }), fc.maxSafeNat(), (scale, value) => {
        fc.pre(value > 0);
        const i = bucketIndex(layout(scale), value);
        expect(value).toBeGreaterThan(bucketLow(layout(scale), i) * (1 - 1e-12));
        expect(value).toBeLessThanOrEqual(bucketValue(layout(scale), i) * (1 + 1e-12));
      }),
    );
  });

  test('downscaling is the index of the coarser scale, and commutes with merging', () => {
    const values = fc.array(fc.oneof(fc.maxSafeNat(), fc.integer({ min: 0, max: 5_000 })), { maxLength: 60 });
    fc.assert(
      fc.property(
        values,
        values,
        fc.integer({ min: -3, max: 20 }),
        fc.integer({ min: 0, max: 12 }),
        (a, b, from, lower) => {
          const at = (scale: number, all: number[]) => of(all.map((v) => [bucketIndex(layout(scale), v), 1n] as const));
          const to = from - lower;
          expect(downscaleExponential(at(from, a), from, to).encode()).toEqual(at(to, a).encode());
          const merged = at(from, a);
          merged.merge(at(from, b));
          const lowered = downscaleExponential(at(from, a), from, to);
          lowered.merge(downscaleExponential(at(from, b), from, to));
          expect(downscaleExponential(merged, from, to).encode()).toEqual(lowered.encode());
        },
      ),
    );
  });

  test('downscaling in two steps is downscaling in one; raising is a bug', () => {
    fc.assert(
      fc.property(buckets, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 }), (content, x, y) => {
        const d = of(content);
        const twice = downscaleExponential(downscaleExponential(d, 20, 20 - x), 20 - x, 20 - x - y);
        expect(downscaleExponential(d, 20, 20 - x - y).encode()).toEqual(twice.encode());
      }),
    );
    expect(() => downscaleExponential(of([]), 2, 3)).toThrow('BUG');
    expect(() =>
      downscaleExponential(
        of([
          [2, INT64_MAX],
          [3, 1n],
        ]),
        1,
        0,
      ),
    ).toThrow(RangeError);
  });
});

describe('explicit', () => {
  test('bucket i is (bounds[i-1], bounds[i]], one more above the last: as a linear search finds it', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat({ max: 1_000 }), { minLength: 1 }),
        fc.nat({ max: 1_200 }),
        (unsorted, value) => {
          const bounds = unsorted.toSorted((a, b) => a - b);
          const found = bounds.findIndex((bound) => value <= bound);
          expect(bucketIndex({ kind: 'explicit', bounds }, value)).toBe(found < 0 ? bounds.length : found);
        },
      ),
    );
  });

  test('an open last bucket shows the last bound', () => {
    const layout: Layout = { kind: 'explicit', bounds: [10, 20] };
    expect([0, 1, 2].map((i) => bucketValue(layout, i))).toEqual([10, 20, 20]);
    expect([0, 1, 2].map((i) => bucketLow(layout, i))).toEqual([0, 10, 20]);
  });
});

describe('percentiles', () => {
  test("SkyWalking's example: precision 10, buckets 10:5, 20:3, 30:1, 200:1", () => {
    const d = of([
      [10, 5n],
      [20, 3n],
      [30, 1n],
      [200, 1n],
    ]);
    expect(percentiles({ kind: 'linear', step: 10 }, d, PERCENTILE_RANKS)).toEqual([100, 200, 300, 2_000, 2_000]);
  });

  test('one sample is every percentile; none is zero', () => {
    expect(percentiles({ kind: 'linear', step: 1 }, of([[42, 1n]]), PERCENTILE_RANKS)).toEqual([42, 42, 42, 42, 42]);
    expect(percentiles({ kind: 'linear', step: 1 }, of([]), PERCENTILE_RANKS)).toEqual([0, 0, 0, 0, 0]);
  });

  test('the rank is exact above 2^24 samples, where SkyWalking rounds in float32', () => {
    // 19_800_001 below, 200_000 above: rank 99 of 20_000_001 is round(19_800_000.99) = 19_800_001, the last of the lower bucket
    expect(
      percentiles(
        { kind: 'linear', step: 1 },
        of([
          [1, 19_800_001n],
          [2, 200_000n],
        ]),
        [99],
      ),
    ).toEqual([1]);
    expect(
      percentiles(
        { kind: 'linear', step: 1 },
        of([
          [1, 19_800_000n],
          [2, 200_001n],
        ]),
        [99],
      ),
    ).toEqual([2]);
    // what SkyWalking's arithmetic gives for the same total
    expect(Math.floor(Math.fround(Math.fround(20_000_001 * 99) / 100) + 0.5)).toBe(19_800_002);
  });

  test('equals the sorted samples at the rounded rank, in every layout', () => {
    const layouts: Layout[] = [
      { kind: 'linear', step: 1 },
      { kind: 'linear', step: 10 },
      { kind: 'hdr', digits: 1 },
      { kind: 'hdr', digits: 3 },
      { kind: 'exponential', scale: 4 },
      { kind: 'explicit', bounds: [5, 10, 100, 1_000] },
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...layouts),
        fc.array(fc.nat({ max: 3_000 }), { minLength: 1, maxLength: 300 }),
        (layout, samples) => {
          const d = of(samples.map((v) => [bucketIndex(layout, v), 1n] as const));
          const sorted = samples.toSorted((a, b) => a - b);
          const expected = PERCENTILE_RANKS.map((rank) => {
            const position = Math.max(1, Math.floor((samples.length * rank + 50) / 100)); // round half up, in whole numbers
            return bucketValue(layout, bucketIndex(layout, sorted[position - 1]!));
          });
          expect(percentiles(layout, d, PERCENTILE_RANKS)).toEqual(expected);
        },
      ),
    );
  });

  test('follow the rank rule in exact arithmetic, on both sides of the total that doubles can take', () => {
    const ranks = fc.uniqueArray(fc.integer({ min: 1, max: 100_000_000 }), { minLength: 1, maxLength: 6 });
    const counts = fc.array(fc.integer({ min: 1, max: 30_000_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(counts, ranks, (list, millionths) => {
        const d = of(list.map((count, i) => [i * 3, BigInt(count)] as const));
        const ascending = millionths.toSorted((a, b) => a - b);
        const total = list.reduce((a, b) => a + BigInt(b), 0n);
        const expected = ascending.map((millionth) => {
          const position = (total * BigInt(millionth) + 50_000_000n) / 100_000_000n;
          let running = 0n;
          return 3 * list.findIndex((count) => (running += BigInt(count)) >= (position < 1n ? 1n : position));
        });
        expect(
          percentiles(
            { kind: 'linear', step: 1 },
            d,
            ascending.map((millionth) => millionth / 1e6),
          ),
        ).toEqual(expected);
      }),
    );
  });

  test('ranks may have decimals, and totals may be above int64', () => {
    // half of the total is 2^63 - 1/2, rounded up to 2^63: one more than the first bucket holds
    const d = of([
      [1, INT64_MAX],
      [2, INT64_MAX],
      [3, 1n],
    ]);
    expect(percentiles({ kind: 'linear', step: 1 }, d, [0.000001, 50, 50.000001, 99.9, 100])).toEqual([1, 2, 2, 2, 3]);
  });
});

test('a layout has one text', () => {
  expect(layoutText({ kind: 'linear', step: 10 })).toBe('linear(10)');
  expect(layoutText({ kind: 'hdr', digits: 2 })).toBe('hdr(2)');
  expect(layoutText({ kind: 'exponential', scale: -3 })).toBe('exponential(-3)');
  expect(layoutText({ kind: 'explicit', bounds: [1, 2.5] })).toBe('explicit(1,2.5)');
});
