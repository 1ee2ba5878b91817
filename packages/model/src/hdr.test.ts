// SPDX-License-Identifier: Apache-2.0
// Goal: layout hdr(digits) is HdrHistogram's: the same indexes, the same percentiles, the same bytes.
// Method: hdr-histogram-js as the oracle, both ways, over random values; hostile payloads.
import { deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import { DecodeError } from './bytes.js';
import { bucketIndex, bucketLow, bucketValue, percentiles, SparseDistribution, type Layout } from './distribution.js';
import { PERCENTILE_RANKS } from './functions.js';
import { hdrDecode, hdrEncode } from './hdr.js';

/** The parts of the oracle that its types do not show. */
interface Internals {
  countsArrayIndex(value: number): number;
  valueFromIndex(index: number): number;
  getCountAtIndex(index: number): number;
  highestEquivalentValue(value: number): number;
  readonly countsArrayLength: number;
}

const DIGITS = [1, 2, 3, 4] as const;
const digits = fc.constantFrom(...DIGITS);
/** Spread over the magnitudes: uniform in the number of bits. */
const upTo = (bits: number) => fc.integer({ min: 0, max: bits }).chain((b) => fc.maxSafeNat().map((v) => v % 2 ** b));
const hdr = (n: number): Layout => ({ kind: 'hdr', digits: n });

function oracleOf(n: number, highest: number, values: readonly number[]): Histogram {
  const h = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: highest,
    numberOfSignificantValueDigits: n as 1,
  });
  for (const value of values) h.recordValue(value);
  return h;
}

const internals = (h: Histogram) => h as unknown as Internals;

function oursOf(n: number, values: readonly number[]): SparseDistribution {
  const d = new SparseDistribution();
  for (const value of values) expect(d.addOne(bucketIndex(hdr(n), value))).toBe(true);
  return d;
}

function contentOf(h: Histogram): [number, bigint][] {
  const out: [number, bigint][] = [];
  for (let i = 0; i < internals(h).countsArrayLength; i++) {
    const count = internals(h).getCountAtIndex(i);
    if (count > 0) out.push([i, BigInt(count)]);
  }
  return out;
}

const pairs = (d: SparseDistribution): [number, bigint][] =>
  Array.from({ length: d.size }, (_, i) => [d.indexAt(i), d.countAt(i)]);

/** Its public form is base64 of (cookie, length, zlib of the V2 payload). */
function payloadOf(h: Histogram): Uint8Array {
  const bytes = Buffer.from(encodeIntoCompressedBase64(h), 'base64');
  expect(bytes.readUInt32BE(0)).toBe(0x1c84_9314);
  return new Uint8Array(inflateSync(bytes.subarray(8, 8 + bytes.readUInt32BE(4))));
}

function readByOracle(payload: Uint8Array): Histogram {
  const zipped = deflateSync(payload);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x1c84_9314, 0);
  head.writeUInt32BE(zipped.length, 4);
  return decodeFromCompressedBase64(Buffer.concat([head, zipped]).toString('base64'), 64);
}

test("indexes and bounds are the oracle's", () => {
  const oracles = new Map(DIGITS.map((n) => [n, oracleOf(n, 2 ** 42, [])]));
  const check = (n: 1 | 2 | 3 | 4, value: number) => {
    const h = oracles.get(n)!;
    const index = bucketIndex(hdr(n), value);
    expect(index).toBe(internals(h).countsArrayIndex(value));
    expect(bucketLow(hdr(n), index)).toBe(internals(h).valueFromIndex(index));
    expect(bucketValue(hdr(n), index)).toBe(internals(h).highestEquivalentValue(value));
  };
  fc.assert(fc.property(digits, upTo(42), check), { numRuns: 5_000 });
  for (const n of DIGITS) {
    for (let e = 0; e <= 41; e++) for (const d of [-1, 0, 1]) if (2 ** e + d >= 0) check(n, 2 ** e + d);
    for (let v = 0; v < 5_000; v++) check(n, v);
  }
});

test('the relative error is what the digits promise, up to 2^53', () => {
  fc.assert(
    fc.property(digits, fc.maxSafeNat(), (n, value) => {
      const index = bucketIndex(hdr(n), value);
      const low = bucketLow(hdr(n), index);
      const high = bucketValue(hdr(n), index);
      expect(low <= value && value <= high).toBe(true);
      expect(high - low).toBeLessThanOrEqual(Math.floor(value / 10 ** n));
    }),
  );
});

describe('percentiles', () => {
  const values = fc.array(upTo(40), { minLength: 1, maxLength: 12 });

  test("are the oracle's whenever total * rank / 100 is whole", () => {
    // a hundred of each value: all five ranks are whole, so rounding half up (ours) and rounding up (theirs) are the same
    fc.assert(
      fc.property(digits, values, (n, few) => {
        const all = few.flatMap((v) => new Array<number>(100).fill(v));
        const h = oracleOf(n, 2 ** 41, all);
        const expected = PERCENTILE_RANKS.map((rank) => h.getValueAtPercentile(rank));
        expect(percentiles(hdr(n), oursOf(n, all), PERCENTILE_RANKS)).toEqual(expected);
      }),
    );
  });

  test("are otherwise the oracle's at our rounded rank", () => {
    fc.assert(
      fc.property(digits, fc.array(upTo(40), { minLength: 1, maxLength: 250 }), (n, all) => {
        const h = oracleOf(n, 2 ** 41, all);
        const expected = PERCENTILE_RANKS.map((rank) => {
          const position = Math.max(1, Math.floor((all.length * rank + 50) / 100));
          return h.getValueAtPercentile((position * 100) / all.length);
        });
        expect(percentiles(hdr(n), oursOf(n, all), PERCENTILE_RANKS)).toEqual(expected);
      }),
    );
  });
});

describe('V2 encoding', () => {
  const values = fc.array(upTo(40), { maxLength: 200 });

  test('the oracle reads what we write', () => {
    fc.assert(
      fc.property(digits, values, (n, all) => {
        const ours = oursOf(n, all);
        const read = readByOracle(hdrEncode(ours, n));
        expect(contentOf(read)).toEqual(pairs(ours));
        expect(read.totalCount).toBe(all.length);
        expect(read.numberOfSignificantValueDigits).toBe(n);
      }),
    );
  });

  test('we read what the oracle writes, and our counts are its bytes', () => {
    fc.assert(
      fc.property(digits, values, (n, all) => {
        const h = oracleOf(n, 2 ** 41, all);
        const payload = payloadOf(h);
        const read = hdrDecode(payload);
        expect(read.layout).toEqual(hdr(n));
        expect(read.highestTrackableValue).toBe(2 ** 41);
        expect(pairs(read.distribution)).toEqual(contentOf(h));
        // after the header of 40 bytes, where the oracle writes another offset and ratio than Java does
        expect(hdrEncode(read.distribution, n, 2 ** 41).subarray(40)).toEqual(payload.subarray(40));
      }),
    );
  });

  test('large counts go through both: up to 2^53 in the oracle, up to 2^63 - 1 in ours', () => {
    for (const count of [1, 63, 64, 8_191, 8_192, 2 ** 27, 2 ** 34, 2 ** 48, 2 ** 53 - 1]) {
      const ours = new SparseDistribution();
      ours.add(3, BigInt(count));
      ours.add(900, 1n);
      expect(contentOf(readByOracle(hdrEncode(ours, 2)))).toEqual(pairs(ours));
    }
    const full = new SparseDistribution();
    full.add(0, (1n << 63n) - 1n);
    full.add(2, (1n << 62n) - 1n);
    expect(pairs(hdrDecode(hdrEncode(full, 2)).distribution)).toEqual(pairs(full));
  });

  test("the header is Java's", () => {
    const bytes = hdrEncode(oursOf(2, [0, 0, 5, 3_600_000]), 2, 3_600_000);
    const view = new DataView(bytes.buffer);
    expect(view.getUint32(0)).toBe(0x1c84_9313);
    expect([view.getInt32(4), view.getInt32(8), view.getInt32(12)]).toEqual([bytes.length - 40, 0, 2]);
    expect([view.getBigInt64(16), view.getBigInt64(24), view.getFloat64(32)]).toEqual([1n, 3_600_000n, 1]);
    // counts: 2, four zeros, 1, the zeros up to index 2011 (3_600_000 = 219 * 2^14 and a rest: 14 * 128 + 219), 1
    expect([...bytes.subarray(40, 43)]).toEqual([4, 7, 2]);
    expect(bytes.at(-1)).toBe(2);
  });

  test('writers refuse what does not fit', () => {
    expect(() => hdrEncode(oursOf(2, [10_000]), 2, 9_000)).toThrow(RangeError);
    expect(() => hdrEncode(oursOf(2, [1]), 2, 1)).toThrow(RangeError);
    const negative = new SparseDistribution();
    negative.add(-1, 1n);
    expect(() => hdrEncode(negative, 2)).toThrow(RangeError);
  });

  test('every truncation and random byte flips either decode or are a DecodeError', () => {
    fc.assert(
      fc.property(
        digits,
        values,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
        (n, all, flips) => {
          const bytes = hdrEncode(oursOf(n, all), n);
          for (let length = 0; length < bytes.length; length++)
            expect(() => hdrDecode(bytes.subarray(0, length))).toThrow(DecodeError);
          for (const [where, value] of flips) bytes[where % bytes.length] = value;
          try {
            hdrDecode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each([
    ['a compressed one', 0, 0x1c84_9314, 'inflate'],
    ['V1', 0, 0x1c84_9301, 'not that of V2'],
    ['six digits', 12, 6, '6 significant digits'],
    ['another unit', 20, 1_000, 'lowest discernible value 1000'],
  ])('%s is refused by name', (_, offset, value, message) => {
    const bytes = hdrEncode(oursOf(2, [7]), 2);
    new DataView(bytes.buffer).setUint32(offset, value);
    expect(() => hdrDecode(bytes)).toThrow(message);
  });

  test('runs of zeros beyond the layout, and counts cut short, are refused', () => {
    const empty = hdrEncode(new SparseDistribution(), 1);
    const withCounts = (...counts: number[]) => {
      const bytes = new Uint8Array(40 + counts.length);
      bytes.set(empty.subarray(0, 40));
      new DataView(bytes.buffer).setInt32(4, counts.length);
      bytes.set(counts, 40);
      return bytes;
    };
    expect(pairs(hdrDecode(withCounts(0x03, 0x02)).distribution)).toEqual([[2, 1n]]);
    expect(() => hdrDecode(withCounts(0xff, 0xff, 0xff, 0xff, 0x0f, 0x02))).toThrow('zeros');
    expect(() => hdrDecode(withCounts(0x80))).toThrow('inside a count');
    expect(() => hdrDecode(withCounts(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))).toThrow('zeros');
  });
});
