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

/**
 * Reads a column into what `allocate` gives, an array of so many rows: not called before the bytes are known to be there.
 * Errors: DecodeError for anything that `writeIntColumn` does not write.
 */
export function readIntColumn(
  r: ByteReader,
  rows: number,
  allocate: (rows: number) => BigInt64Array = (n) => new BigInt64Array(n),
): BigInt64Array {
  const width = r.byte();
  if (width > WIDTH_MAX) throw new DecodeError(`int column of ${width} bits`);
  const base = width === PLAIN ? 0 : r.zigzag();
  const length = width === PLAIN ? rows : Math.ceil((rows * width) / 8);
  if (length > r.remaining) throw new DecodeError(`${rows} rows in ${r.remaining} bytes`);
  const column = allocate(rows);
  const words = wordsOf(column);
  if (width === PLAIN) {
    r.zigzag64Column(column);
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
      words[i * 2 + LOW_WORD] = value; // ToUint32: modulo 2^32, for negative values too
      words[i * 2 + HIGH_WORD] = value >= 0 && value < 2 ** 32 ? 0 : Math.floor(value / 2 ** 32);
    }
    if ((bits & ((1 << pending) - 1)) !== 0) throw new DecodeError('padding of an int column is not zero');
  }
  choose(words);
  if (plan.width !== width || (width !== PLAIN && plan.base !== base))
    throw new DecodeError('int column in a form that is not its shortest');
  return column;
}
