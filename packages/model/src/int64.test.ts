// SPDX-License-Identifier: Apache-2.0
// Goal: arithmetic on halves is that of int64, and refuses exactly what leaves int64. Method: BigInt as oracle, values at every edge.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  add,
  addNumber,
  areQuarter,
  areSmall,
  compare,
  copyValue,
  fits,
  increment,
  isMax,
  setNumber,
  subtractColumn,
  tryAddColumn,
  wordsOf,
} from './int64.js';

const edges = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 40n, 2n ** 52n, 2n ** 53n, 2n ** 61n, 2n ** 62n, 2n ** 63n];
const near = fc
  .tuple(fc.constantFrom(...edges), fc.bigInt({ min: -2n, max: 2n }), fc.boolean())
  .map(([edge, off, negative]) => BigInt.asIntN(64, negative ? -edge + off : edge + off));
const int64 = fc.oneof(near, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
const isInt64 = (v: bigint) => BigInt.asIntN(64, v) === v;
/** Whole numbers of every size a double has around int64. */
const whole = fc.oneof(
  int64.map(Number),
  fc.maxSafeInteger(),
  fc.double({ min: -(2 ** 65), max: 2 ** 65, noNaN: true }).map(Math.trunc),
);
const RUNS = { numRuns: 5_000 };

test('fits and add', () => {
  fc.assert(
    fc.property(int64, int64, (a, b) => {
      const left = BigInt64Array.of(7n, a, 7n);
      const right = BigInt64Array.of(b);
      expect(fits(wordsOf(left), 1, wordsOf(right), 0)).toBe(isInt64(a + b));
      add(wordsOf(left), 1, wordsOf(right), 0);
      expect([...left, ...right]).toEqual([7n, BigInt.asIntN(64, a + b), 7n, b]);
    }),
    RUNS,
  );
});

test('addNumber', () => {
  fc.assert(
    fc.property(int64, whole, (a, b) => {
      const column = BigInt64Array.of(7n, a, 7n);
      const sum = a + BigInt(b);
      expect(addNumber(wordsOf(column), 1, b)).toBe(isInt64(sum));
      expect([...column]).toEqual([7n, isInt64(sum) ? sum : a, 7n]);
    }),
    RUNS,
  );
});

test('isMax and increment', () => {
  fc.assert(
    fc.property(int64, (a) => {
      const column = BigInt64Array.of(7n, a, 7n);
      expect(isMax(wordsOf(column), 1)).toBe(a === 2n ** 63n - 1n);
      increment(wordsOf(column), 1);
      expect([...column]).toEqual([7n, BigInt.asIntN(64, a + 1n), 7n]);
    }),
    RUNS,
  );
});

test('compare and copyValue', () => {
  fc.assert(
    fc.property(int64, int64, (a, b) => {
      const left = BigInt64Array.of(7n, a);
      const right = BigInt64Array.of(b);
      expect(Math.sign(compare(wordsOf(left), 1, wordsOf(right), 0))).toBe(a < b ? -1 : a > b ? 1 : 0);
      copyValue(wordsOf(left), 1, wordsOf(right), 0);
      expect([...left]).toEqual([7n, b]);
    }),
    RUNS,
  );
});

test('setNumber', () => {
  fc.assert(
    fc.property(fc.oneof(whole, fc.double()), (v) => {
      const column = BigInt64Array.of(7n, 5n, 7n);
      const taken = Number.isFinite(v) && isInt64(BigInt(Math.trunc(v)));
      expect(setNumber(wordsOf(column), 1, v)).toBe(taken);
      expect([...column]).toEqual([7n, taken ? BigInt(Math.trunc(v)) : 5n, 7n]);
    }),
    RUNS,
  );
});

test('areSmall and areQuarter', () => {
  fc.assert(
    fc.property(fc.array(int64, { maxLength: 4 }), (values) => {
      const words = wordsOf(BigInt64Array.from(values));
      const all = Int32Array.from([...values.keys(), -1]); // longer than n
      expect(areSmall(words)).toBe(values.every((v) => v >= -(2n ** 40n) && v < 2n ** 40n));
      expect(areQuarter(words, all, values.length)).toBe(values.every((v) => v >= -(2n ** 62n) && v < 2n ** 62n));
      expect(areQuarter(words, all, 0)).toBe(true);
    }),
    RUNS,
  );
});

test('tryAddColumn is add one by one, for a row that comes twice too; what may have left int64 can be taken back', () => {
  const small = fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n - 1n });
  const value = fc.tuple(
    fc.nat({ max: 3 }),
    fc.oneof({ weight: 8, arbitrary: small }, { weight: 1, arbitrary: int64 }),
  );
  const quarter = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n - 1n });
  const start = fc.oneof({ weight: 8, arbitrary: quarter }, { weight: 1, arbitrary: near });
  let [fitting, others] = [0, 0];
  fc.assert(
    fc.property(fc.array(start, { minLength: 4, maxLength: 4 }), fc.array(value, { maxLength: 8 }), (before, added) => {
      const target = BigInt64Array.from(before);
      const rows = Int32Array.from([...added.map(([row]) => row), 9]); // longer than the column
      const words = wordsOf(BigInt64Array.from(added, ([, v]) => v));
      const sums = [...before];
      let fitsAll = true;
      for (const [row, v] of added) {
        fitsAll &&= v >= -(2n ** 40n) && v < 2n ** 40n && sums[row]! >= -(2n ** 62n) && sums[row]! < 2n ** 62n;
        sums[row] = BigInt.asIntN(64, sums[row]! + v);
      }
      expect(tryAddColumn(wordsOf(target), rows, words, added.length)).toBe(fitsAll);
      expect([...target]).toEqual(sums);
      subtractColumn(wordsOf(target), rows, words, added.length);
      expect([...target]).toEqual(before);
      if (fitsAll) fitting++;
      else others++;
    }),
    RUNS,
  );
  expect(Math.min(fitting, others)).toBeGreaterThan(500);
});
