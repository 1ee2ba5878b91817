// SPDX-License-Identifier: Apache-2.0
// The bytes of an int64 column in a content: plain varints, or differences to the smallest value in as few bits as the largest takes.
// In: a column, or bytes. Out: the same. The shorter of the two forms is the only one, so equal columns are equal bytes.
import { DecodeError, HIGH_WORD, LOW_WORD, type ByteReader, type ByteWriter } from './bytes.js';
import { wordsOf } from './int64.js';

/** Tag of the plain form; any other tag is the number of bits of the packed form. */
const PLAIN = 0;
const WIDTH_MAX = 32;

/** `width` bits each of value - base, or PLAIN. A column takes a bit per row at least, so few bytes cannot become many rows. */
const plan = { width: PLAIN, base: 0 };

/** Bytes of a zigzag varint. */
function zigzagLength(value: number): number {
  let folded = value < 0 ? -value * 2 - 1 : value * 2;
  let n = 1;
  for (; folded >= 2 ** 28; n += 4) folded = Math.floor(folded / 2 ** 28);
  return n + (folded >= 2 ** 21 ? 3 : folded >= 2 ** 14 ? 2 : folded >= 2 ** 7 ? 1 : 0);
}

/** Sets `plan` to the form of a column. */
function choose(words: Uint32Array): void {
  plan.width = PLAIN;
  const rows = words.length / 2;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let plainBytes = 0;
  for (let i = 0; i < rows; i++) {
    const top = words[i * 2 + HIGH_WORD]! | 0;
    if (top < -0x8_0000 || top >= 0x8_0000) return;
    const value = top * 2 ** 32 + words[i * 2 + LOW_WORD]!;
    if (value < low) low = value;
    if (value > high) high = value;
    plainBytes += value >= 0 && value < 0x40 ? 1 : value >= 0 && value < 0x2000 ? 2 : zigzagLength(value);
  }
  const range = high - low;
  if (!(range >= 0 && range < 2 ** WIDTH_MAX)) return; // no rows at all are plain
  const width = Math.max(1, 32 - Math.clz32(range));
  if (zigzagLength(low) + Math.ceil((rows * width) / 8) >= plainBytes) return;
  plan.width = width;
  plan.base = low;
}

export function writeIntColumn(w: ByteWriter, column: BigInt64Array): void {
  const words = wordsOf(column);
  choose(words);
  const { width, base } = plan;
  w.byte(width);
  if (width === PLAIN) {
    w.zigzag64Column(column);
    return;
  }
  w.zigzag(base);
  let at = w.length;
  const bytes = w.extend(Math.ceil((column.length * width) / 8));
  let bits = 0;
  let pending = 0; // bits of `bits` that are not written, below 8
  for (let i = 0; i < column.length; i++) {
    const value = (words[i * 2 + HIGH_WORD]! | 0) * 2 ** 32 + words[i * 2 + LOW_WORD]! - base;
    if (width > 16) {
      bits = (bits << (width - 16)) | (value >>> 16);
      for (pending += width - 16; pending >= 8;) bytes[at++] = bits >>> (pending -= 8);
    }
    const rest = width > 16 ? 16 : width;
    bits = (bits << rest) | (value & 0xffff);
    for (pending += rest; pending >= 8;) bytes[at++] = bits >>> (pending -= 8);
  }
  if (pending > 0) bytes[at] = bits << (8 - pending);
}

/** Wider values do not fit a word that begins at any bit. */
const WORD_WIDTH_MAX = 25;
const NARROW_BASE_MAX = 2 ** 30;

/**
 * Reads `rows` values below 2^31, of `width` bits each, from all of bytes[start, end) into `words`. False when the bytes are not those that
 * such a column has, or when it cannot be said here.
 */
function readNarrow(
  words: Uint32Array,
  rows: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  width: number,
  base: number,
): boolean {
  const lowWord = LOW_WORD;
  const highWord = HIGH_WORD;
  const mask = (1 << width) - 1;
  let all = 0;
  let zero = 0; // negative once a difference was 0
  let at = start;
  let bits = 0;
  let pending = 0; // bits of `bits` that were not taken, below 8 before a value
  for (let i = 0; i < rows; i++) {
    for (; pending < width; pending += 8) bits = (bits << 8) | bytes[at++]!;
    pending -= width;
    const more = (bits >>> pending) & mask;
    all |= more;
    zero |= more - 1;
    words[i * 2 + lowWord] = base + more;
    words[i * 2 + highWord] = 0;
  }
  return (
    zero < 0 &&
    (width === 1 || all >>> (width - 1) === 1) &&
    (bits & ((1 << pending) - 1)) === 0 &&
    arePlainLonger(words, rows, zigzagLength(base) + end - start)
  );
}

/** Whether values below 2^31 take more bytes than so many as varints; looks at no more of them than it must. */
function arePlainLonger(words: Uint32Array, rows: number, bytes: number): boolean {
  let plainBytes = rows;
  for (let i = 0; plainBytes <= bytes && i < rows; i++) {
    const value = words[i * 2 + LOW_WORD]!;
    // a zigzag varint takes a byte more from 2^6, 2^13, 2^20 and 2^27 on
    plainBytes += ((0x3f - value) >>> 31) + ((0x1fff - value) >>> 31);
    if (value > 0xf_ffff) plainBytes += value > 0x7ff_ffff ? 2 : 1;
  }
  return plainBytes > bytes;
}

/**
 * Reads a column of `rows` values into `words`, which begin the memory of an int64 column.
 * Errors: DecodeError for anything that `writeIntColumn` does not write.
 */
export function readIntColumn(r: ByteReader, rows: number, words: Uint32Array): void {
  const width = r.byte();
  if (width > WIDTH_MAX) throw new DecodeError(`int column of ${width} bits`);
  const base = width === PLAIN ? 0 : r.zigzag();
  const length = width === PLAIN ? rows : Math.ceil((rows * width) / 8);
  if (length > r.remaining) throw new DecodeError(`${rows} rows in ${r.remaining} bytes`);
  if (width !== PLAIN && width <= WORD_WIDTH_MAX && base >= 0 && base < NARROW_BASE_MAX) {
    const start = r.position;
    if (readNarrow(words, rows, r.bytes, start, start + length, width, base)) {
      r.seek(start + length);
      return;
    }
  }
  const own = words.subarray(0, rows * 2);
  if (width === PLAIN) {
    r.zigzag64Column(own);
  } else {
    const bytes = r.raw(length);
    let at = 0;
    let bits = 0;
    let pending = 0;
    for (let i = 0; i < rows; i++) {
      let value = 0;
      if (width > 16) {
        for (; pending < width - 16; pending += 8) bits = (bits << 8) | bytes[at++]!;
        pending -= width - 16;
        value = ((bits >>> pending) & ((1 << (width - 16)) - 1)) * 2 ** 16;
      }
      const rest = width > 16 ? 16 : width;
      for (; pending < rest; pending += 8) bits = (bits << 8) | bytes[at++]!;
      pending -= rest;
      value += base + ((bits >>> pending) & ((1 << rest) - 1));
      own[i * 2 + LOW_WORD] = value; // ToUint32: modulo 2^32, for negative values too
      own[i * 2 + HIGH_WORD] = value >= 0 && value < 2 ** 32 ? 0 : Math.floor(value / 2 ** 32);
    }
    if ((bits & ((1 << pending) - 1)) !== 0) throw new DecodeError('padding of an int column is not zero');
  }
  choose(own);
  if (plan.width !== width || (width !== PLAIN && plan.base !== base))
    throw new DecodeError('int column in a form that is not its shortest');
}

/** The same, as a column of its own. */
export function newIntColumn(r: ByteReader, rows: number): BigInt64Array {
  if (rows > r.remaining * 8) throw new DecodeError(`${rows} rows in ${r.remaining} bytes`);
  const column = new BigInt64Array(rows);
  readIntColumn(r, rows, wordsOf(column));
  return column;
}

/** Passes over a column of `rows` zeros, in its usual form. False, and nothing read, when it is another, or has few rows. */
export function skipZeroColumn(r: ByteReader, rows: number): boolean {
  const { bytes, position } = r;
  const length = 2 + Math.ceil(rows / 8);
  if (rows < 3 || length > r.remaining || bytes[position] !== 1) return false; // a few zeros are shorter as varints
  for (let i = 1; i < length; i++) if (bytes[position + i] !== 0) return false;
  r.seek(position + length);
  return true;
}
