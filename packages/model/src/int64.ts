// SPDX-License-Identifier: Apache-2.0
// Arithmetic on int64 columns through their memory as uint32 halves: exact, and without a BigInt for each value.
// `words` is what `wordsOf` gives; value i is at words[2 * i + LOW_WORD] and words[2 * i + HIGH_WORD].
import { HIGH_WORD, LOW_WORD } from './bytes.js';

/** The memory of an int64 column as uint32 halves; a view, so both show the same values. */
export function wordsOf(column: BigInt64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
}

/** Of columns that are written to again and again: making a view costs more than adding up a column of 60 values. */
const wordsOfKept = new WeakMap<readonly BigInt64Array[], readonly Uint32Array[]>();

/** The words of each column. */
export function wordsOfColumns(columns: readonly BigInt64Array[]): readonly Uint32Array[] {
  return wordsOfKept.get(columns) ?? columns.map((column) => wordsOf(column));
}

/** The same, remembered for as long as the list of columns is. */
export function keepWordsOf(columns: readonly BigInt64Array[]): readonly Uint32Array[] {
  const words = columns.map((column) => wordsOf(column));
  wordsOfKept.set(columns, words);
  return words;
}

/** One value on its way between words and a BigInt. */
const passing = new BigInt64Array(1);
const passingWords = wordsOf(passing);

/** Value i. */
export function valueAt(words: Uint32Array, i: number): bigint {
  passingWords[0] = words[i * 2]!;
  passingWords[1] = words[i * 2 + 1]!;
  return passing[0]!;
}

export function setValue(words: Uint32Array, i: number, value: bigint): void {
  passing[0] = value;
  words[i * 2] = passingWords[0]!;
  words[i * 2 + 1] = passingWords[1]!;
}

const TWO_32 = 2 ** 32;
const HIGH_MAX = 0x7fff_ffff;
/** High words in [-QUARTER, QUARTER): the sum of two such numbers is an int64. */
const QUARTER = 2 ** 30;

function isQuarter(high: number): boolean {
  return high >= -QUARTER && high < QUARTER;
}

/** True when value i is the largest int64: one more would leave it. */
export function isMax(words: Uint32Array, i: number): boolean {
  return words[i * 2 + HIGH_WORD] === HIGH_MAX && words[i * 2 + LOW_WORD] === 0xffff_ffff;
}

/** Adds one; the caller has asked `isMax`. */
export function increment(words: Uint32Array, i: number): void {
  const sum = words[i * 2 + LOW_WORD]! + 1;
  words[i * 2 + LOW_WORD] = sum;
  if (sum === TWO_32) words[i * 2 + HIGH_WORD]!++;
}

/** Adds a whole, finite number. False, and nothing changed, when the sum is no int64. */
export function addNumber(words: Uint32Array, i: number, value: number): boolean {
  const low = words[i * 2 + LOW_WORD]!;
  const high = words[i * 2 + HIGH_WORD]! | 0;
  if (value >= 0 && value < 2 ** 31 && high < HIGH_MAX) {
    const sum = low + value;
    words[i * 2 + LOW_WORD] = sum;
    if (sum >= TWO_32) words[i * 2 + HIGH_WORD] = high + 1;
    return true;
  }
  const valueHigh = Math.floor(value / TWO_32);
  if (isQuarter(valueHigh) && isQuarter(high)) {
    const sum = low + (value - valueHigh * TWO_32);
    words[i * 2 + LOW_WORD] = sum;
    words[i * 2 + HIGH_WORD] = high + valueHigh + (sum >= TWO_32 ? 1 : 0);
    return true;
  }
  const sum = BigInt(high) * 0x1_0000_0000n + BigInt(low) + BigInt(value);
  if (BigInt.asIntN(64, sum) !== sum) return false;
  words[i * 2 + LOW_WORD] = Number(sum & 0xffff_ffffn);
  words[i * 2 + HIGH_WORD] = Number(sum >> 32n);
  return true;
}

/** True when value i plus value j of `added` is an int64. */
export function fits(words: Uint32Array, i: number, added: Uint32Array, j: number): boolean {
  const a = words[i * 2 + HIGH_WORD]! | 0;
  const b = added[j * 2 + HIGH_WORD]! | 0;
  if (isQuarter(a) && isQuarter(b)) return true;
  const high = a + b + (words[i * 2 + LOW_WORD]! + added[j * 2 + LOW_WORD]! >= TWO_32 ? 1 : 0);
  return high >= -HIGH_MAX - 1 && high <= HIGH_MAX;
}

/** Adds value j of `added` to value i; the caller has asked `fits`. */
export function add(words: Uint32Array, i: number, added: Uint32Array, j: number): void {
  const low = words[i * 2 + LOW_WORD]! + added[j * 2 + LOW_WORD]!;
  words[i * 2 + LOW_WORD] = low;
  const high = added[j * 2 + HIGH_WORD]! + (low >= TWO_32 ? 1 : 0);
  if (high !== 0) words[i * 2 + HIGH_WORD]! += high;
}

/** Negative, zero or positive as value i is below, at or above value j of `other`. */
export function compare(words: Uint32Array, i: number, other: Uint32Array, j: number): number {
  const high = (words[i * 2 + HIGH_WORD]! | 0) - (other[j * 2 + HIGH_WORD]! | 0);
  return high !== 0 ? high : words[i * 2 + LOW_WORD]! - other[j * 2 + LOW_WORD]!;
}

export function copyValue(words: Uint32Array, i: number, from: Uint32Array, j: number): void {
  words[i * 2] = from[j * 2]!;
  words[i * 2 + 1] = from[j * 2 + 1]!;
}

/** Sets value i to the whole part of a number. False, and nothing changed, when that is no int64 (NaN and infinities too). */
export function setNumber(words: Uint32Array, i: number, value: number): boolean {
  const whole = Math.trunc(value);
  if (!(whole >= -(2 ** 63) && whole < 2 ** 63)) return false;
  const high = Math.floor(whole / TWO_32);
  words[i * 2 + LOW_WORD] = whole - high * TWO_32;
  words[i * 2 + HIGH_WORD] = high;
  return true;
}

/** True when all values are within +-2^40: 2^22 of them and one of 2^62 still sum to an int64. */
export function areSmall(words: Uint32Array): boolean {
  // high words from -256 to 255: folded by their sign, they have eight bits
  let bits = 0;
  for (let at = HIGH_WORD; at < words.length; at += 2) {
    const high = words[at]! | 0;
    bits |= high ^ (high >> 31);
  }
  return bits < 256;
}

/** True when the values of the first n of `rows` are within +-2^62. */
export function areQuarter(words: Uint32Array, rows: Int32Array, n: number): boolean {
  // the two highest bits of each are equal
  let differ = 0;
  for (let i = 0; i < n; i++) {
    const high = words[rows[i]! * 2 + HIGH_WORD]!;
    differ |= high ^ (high << 1);
  }
  return differ >= 0;
}

/**
 * Adds value i of `added` to value `rows[i]`, for all i below n. True when all that was added is within +-2^40, and what it was added to within
 * +-2^62: no sum left int64. False when one may have: `subtractColumn` takes it all back.
 */
export function tryAddColumn(words: Uint32Array, rows: Int32Array, added: Uint32Array, n: number): boolean {
  const lowWord = LOW_WORD;
  const highWord = HIGH_WORD;
  // as in areSmall and areQuarter, but in one pass: the columns of a batch are short, and most of the time is in getting to them
  let small = 0;
  let quarter = 0;
  for (let i = 0; i < n; i++) {
    const at = rows[i]! * 2;
    const before = words[at + lowWord]!;
    const low = (before + added[i * 2 + lowWord]!) >>> 0;
    const highBefore = words[at + highWord]! | 0;
    const high = added[i * 2 + highWord]! | 0;
    small |= high ^ (high >> 31);
    quarter |= highBefore ^ (highBefore << 1);
    words[at + lowWord] = low;
    words[at + highWord] = highBefore + high + (low < before ? 1 : 0);
  }
  return small < 256 && quarter >= 0;
}

/** The opposite of `tryAddColumn`, exact also where sums left int64. */
export function subtractColumn(words: Uint32Array, rows: Int32Array, added: Uint32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const at = rows[i]! * 2;
    const before = words[at + LOW_WORD]!;
    const low = added[i * 2 + LOW_WORD]!;
    words[at + LOW_WORD] = before - low; // ToUint32: modulo 2^32
    words[at + HIGH_WORD] = words[at + HIGH_WORD]! - added[i * 2 + HIGH_WORD]! - (before < low ? 1 : 0);
  }
}
