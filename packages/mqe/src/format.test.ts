// SPDX-License-Identifier: Apache-2.0
// Goal: numbers print as Java's DecimalFormat("#.###", HALF_EVEN) prints them, and `round` rounds as BigDecimal does.
// Method: known cases, and for any double a reference in exact rational arithmetic (a double is mantissa * 2^exponent).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatValue, roundHalfUp } from './format.js';

/** value * 2^1074 as an integer: exact for every finite double. */
function exactUnits(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & ((1n << 52n) - 1n);
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -magnitude : magnitude;
}

function halfEvenThousandths(value: number): bigint {
  const one = 1n << 1074n;
  const scaled = exactUnits(value) * 1000n;
  const magnitude = scaled < 0n ? -scaled : scaled;
  const lower = magnitude / one;
  const twice = (magnitude % one) * 2n;
  const up = twice > one || (twice === one && lower % 2n === 1n);
  const rounded = up ? lower + 1n : lower;
  return scaled < 0n ? -rounded : rounded;
}

describe('formatValue', () => {
  it('prints known values', () => {
    const cases: [bigint | number | null, string | null][] = [
      [42n, '42'],
      [42, '42'],
      [42.5, '42.5'],
      [1 / 3, '0.333'],
      [0.0625, '0.062'],
      [0.1875, '0.188'],
      [-0.0625, '-0.062'],
      [1.0005, '1'], // the double is a little below the tie
      [-0.0001, '0'],
      [-0, '0'],
      [1e21, '1000000000000000000000'],
      [1.5e22, '15000000000000000000000'],
      [9_007_199_254_740_993n, '9007199254740993'],
      [-(2n ** 63n), '-9223372036854775808'],
      [Number.NaN, 'NaN'],
      [Number.POSITIVE_INFINITY, '∞'],
      [Number.NEGATIVE_INFINITY, '-∞'],
      [null, null],
    ];
    for (const [value, text] of cases) expect(formatValue(value)).toBe(text);
  });

  it('rounds half to even, exactly, without grouping or trailing zeros', () => {
    const ties = fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((n) => n / 16);
    const doubles = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 });
    fc.assert(
      fc.property(fc.oneof(ties, doubles), (value) => {
        const text = formatValue(value)!;
        expect(text).toMatch(/^(0|-?[1-9]\d*|-?(0|[1-9]\d*)\.\d{0,2}[1-9])$/);
        const [whole = '', fraction = ''] = text.split('.');
        const thousandths = BigInt(whole.replace('-', '') + fraction.padEnd(3, '0'));
        expect(text.startsWith('-') ? -thousandths : thousandths).toBe(halfEvenThousandths(value));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('roundHalfUp', () => {
  it('rounds the decimal form, ties away from zero', () => {
    expect(roundHalfUp(2.5, 0)).toBe(3);
    expect(roundHalfUp(-2.5, 0)).toBe(-3);
    expect(roundHalfUp(1.005, 2)).toBe(1.01);
    expect(roundHalfUp(0.000_000_15, 7)).toBe(0.000_000_2);
    expect(roundHalfUp(9.99, 1)).toBe(10);
    expect(roundHalfUp(1e300, 2)).toBe(1e300);
    expect(roundHalfUp(Number.POSITIVE_INFINITY, 2)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is never further than half a unit away, and is stable', () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 0, max: 6 }), (value, places) => {
        const rounded = roundHalfUp(value, places);
        expect(Math.abs(rounded - value)).toBeLessThanOrEqual(0.5 * 10 ** -places + 1e-9);
        expect(roundHalfUp(rounded, places)).toBe(rounded);
      }),
    );
  });
});
