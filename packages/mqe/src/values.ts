// SPDX-License-Identifier: Apache-2.0
// Arithmetic of points. Integers stay exact (bigint) until `+ - * / %` make doubles of them; an absent point makes the result absent.
import type { AggregateName, BinaryOp } from './ast.js';
import type { Value } from './plan.js';

/** Folds the present values of a set; absent when there are none (a count is then 0). Integers stay exact. */
export function aggregate(name: AggregateName, values: readonly Value[]): Value {
  const present = values.filter((v) => v !== null);
  if (name === 'count') return BigInt(present.length);
  if (present.length === 0) return null;
  switch (name) {
    case 'latest':
      return present.at(-1)!;
    case 'max':
      return present.reduce((a, b) => (compareValues(b, a) > 0 ? b : a));
    case 'min':
      return present.reduce((a, b) => (compareValues(b, a) < 0 ? b : a));
    case 'sum':
      return sum(present);
    case 'avg':
      return quotient({ total: sum(present), count: present.length });
  }
}

/** An average before the division, which is what averages are ranked by. */
export interface Average {
  readonly total: bigint | number;
  /** At least 1. */
  readonly count: number;
}

/** The average of the present values; undefined when there are none. */
export function averageOf(values: readonly Value[]): Average | undefined {
  const present = values.filter((v) => v !== null);
  return present.length === 0 ? undefined : { total: sum(present), count: present.length };
}

/** Exact when an integer total divides evenly, else the nearest double or one beside it. */
export function quotient({ total, count }: Average): bigint | number {
  if (typeof total === 'number') return total / count;
  const n = BigInt(count);
  return total % n === 0n ? total / n : Number(total / n) + Number(total % n) / count;
}

/** Negative when `a` is less. Averages of integers are compared exactly, however big they are. */
export function compareAverages(a: Average, b: Average): number {
  if (typeof a.total === 'bigint' && typeof b.total === 'bigint') {
    return compareValues(a.total * BigInt(b.count), b.total * BigInt(a.count));
  }
  return compareValues(quotient(a), quotient(b));
}

/** Negative when a / b of the first is less than that of the second; whole numbers, divisors above 0. Exact. */
export function compareQuotients(total: number, count: number, otherTotal: number, otherCount: number): number {
  const left = total * otherCount;
  const right = otherTotal * count;
  if (Math.abs(left) <= Number.MAX_SAFE_INTEGER && Math.abs(right) <= Number.MAX_SAFE_INTEGER) return left - right;
  return compareAverages({ total: BigInt(total), count }, { total: BigInt(otherTotal), count: otherCount });
}

/** A total order: by value, also between an integer and a double, and NaN above everything. */
export function compareValues(a: bigint | number, b: bigint | number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

function sum(values: readonly (bigint | number)[]): bigint | number {
  if (values.every((v) => typeof v === 'bigint')) return values.reduce((a, b) => a + b, 0n);
  return values.reduce<number>((a, b) => a + Number(b), 0);
}

/** `later - earlier`, exact between integers. */
export function increaseOf(later: Value, earlier: Value): Value {
  if (later === null || earlier === null) return null;
  if (typeof later === 'bigint' && typeof earlier === 'bigint') return later - earlier;
  return Number(later) - Number(earlier);
}

const flag = (holds: boolean): bigint => (holds ? 1n : 0n);

/** Arithmetic in doubles (division by zero is no error); comparison of integers is exact. `&&` and `||` get 1 or 0 (checked). */
export function applyOperator(op: BinaryOp, a: Value, b: Value): Value {
  if (a === null || b === null) return null;
  switch (op) {
    case '+':
      return Number(a) + Number(b);
    case '-':
      return Number(a) - Number(b);
    case '*':
      return Number(a) * Number(b);
    case '/':
      return Number(a) / Number(b);
    case '%':
      return Number(a) % Number(b);
    case '>':
      return flag(a > b);
    case '>=':
      return flag(a >= b);
    case '<':
      return flag(a < b);
    case '<=':
      return flag(a <= b);
    case '==':
      return flag(isEqual(a, b));
    case '!=':
      return flag(!isEqual(a, b));
    case '&&':
      return flag(a === 1n && b === 1n);
    case '||':
      return flag(a === 1n || b === 1n);
  }
}

/** Mathematically equal, also between an integer and a double; NaN equals nothing. */
function isEqual(a: bigint | number, b: bigint | number): boolean {
  if (typeof a === typeof b) return a === b;
  const [integer, double] = typeof a === 'bigint' ? [a, b as number] : [b as bigint, a];
  return Number.isInteger(double) && BigInt(double) === integer;
}
