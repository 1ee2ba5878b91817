// SPDX-License-Identifier: Apache-2.0
// A growable byte writer and a bounds-checked reader: LEB128 varints, zigzag, UTF-8 strings, raw bytes.
// Everything durable or hashed (entity descriptors, distributions, batch content) is written and read here.

export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

/** UTF-8 of `text`; lone surrogates become U+FFFD, as the platform's encoder does. */
export function utf8Encode(text: string): Uint8Array {
  const w = new ByteWriter(text.length + 8);
  w.utf8(text);
  return w.finish();
}

/** Bytes that `utf8Encode` makes of `text`. */
function utf8Length(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    n += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit < 0xdc00) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next < 0xe000) i++; // a pair: 4 bytes for 2 units
    }
  }
  return n;
}

/** Text of strict UTF-8; a malformed sequence is a DecodeError. */
export function utf8Decode(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = '';
  let units = 0;
  let i = start;
  while (i < end) {
    if (units > UNITS_AT_ONCE - 2) {
      text += textOfUnits(units);
      units = 0;
    }
    const b = bytes[i++]!;
    if (b < 0x80) {
      UNITS[units++] = b;
      continue;
    }
    const extra = b >= 0xf0 && b < 0xf5 ? 3 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xc2 && b < 0xe0 ? 1 : 0;
    if (extra === 0 || i + extra > end) throw new DecodeError(`malformed UTF-8 at byte ${i - 1 - start}`);
    let code = b & (0x3f >> extra);
    for (let k = 0; k < extra; k++) {
      const c = bytes[i++]!;
      if ((c & 0xc0) !== 0x80) throw new DecodeError(`malformed UTF-8 at byte ${i - 1 - start}`);
      code = (code << 6) | (c & 0x3f);
    }
    const overlong = (extra === 2 && code < 0x800) || (extra === 3 && code < 0x10000);
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      throw new DecodeError(`malformed UTF-8 at byte ${i - 1 - extra - start}`);
    }
    if (code < 0x10000) UNITS[units++] = code;
    else {
      UNITS[units++] = 0xd800 + ((code - 0x10000) >> 10);
      UNITS[units++] = 0xdc00 + (code & 0x3ff);
    }
  }
  return text + textOfUnits(units);
}

const UNITS_AT_ONCE = 1_024;
const UNITS = new Uint16Array(UNITS_AT_ONCE);

/** A flat string: one that grows by `+=` is a chain of pieces, and takes many times its size for as long as it lives. */
function textOfUnits(count: number): string {
  return String.fromCharCode.apply(undefined, UNITS.subarray(0, count) as unknown as number[]);
}

/** The same of Latin-1 codes. */
export function latin1(codes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < codes.length; at += UNITS_AT_ONCE)
    text += String.fromCharCode.apply(undefined, codes.subarray(at, at + UNITS_AT_ONCE) as unknown as number[]);
  return text;
}

const INT64_MAX = (1n << 63n) - 1n;

/** Where the halves of an int64 lie when its memory is seen as uint32 words: the machine's byte order. */
export const LOW_WORD: 0 | 1 = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;
export const HIGH_WORD: 0 | 1 = LOW_WORD === 0 ? 1 : 0;

const KEPT_BYTES_MAX = 4_194_304;

export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(initialCapacity = 256) {
    this.#bytes = new Uint8Array(Math.max(16, initialCapacity));
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the buffer, unless it has grown beyond what is worth keeping. */
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(4_096);
  }

  /** What was written, valid until the next write: for those who copy it at once. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + n));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Unsigned varint of a safe non-negative integer, in as few bytes as it takes. Errors: RangeError for anything else. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`varint out of range: ${value}`);
    this.#reserve(8);
    let v = value;
    while (v >= 0x80) {
      this.#bytes[this.#length++] = (v % 0x80) | 0x80;
      v = Math.floor(v / 0x80);
    }
    this.#bytes[this.#length++] = v;
  }

  /** Zigzag varint of an integer within +-2^52. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** Unsigned varint of a uint64. */
  varint64(value: bigint): void {
    if (value <= 0x1fffffffffffffn && value >= 0n) {
      this.varint(Number(value));
      return;
    }
    if (value < 0n || value > 0xffffffffffffffffn) throw new RangeError(`varint64 out of range: ${value}`);
    this.#reserve(10);
    let v = value;
    while (v >= 0x80n) {
      this.#bytes[this.#length++] = Number(v & 0x7fn) | 0x80;
      v >>= 7n;
    }
    this.#bytes[this.#length++] = Number(v);
  }

  /** Zigzag varint of an int64. */
  zigzag64(value: bigint): void {
    this.varint64(value < 0n ? -value * 2n - 1n : value * 2n);
  }

  /** Every value of an int64 column as a zigzag varint; the same bytes as `zigzag64` one by one, without a BigInt for usual values. */
  zigzag64Column(column: BigInt64Array): void {
    const words = new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
    for (let i = 0; i < column.length; i++) {
      const high = words[i * 2 + HIGH_WORD]! | 0;
      if (high >= -0x8_0000 && high < 0x8_0000) this.zigzag(high * 2 ** 32 + words[i * 2 + LOW_WORD]!);
      else this.zigzag64(column[i]!);
    }
  }

  /** Appends n bytes for the caller to fill: the last n before `length` in what is returned, which is good until the next call. */
  extend(n: number): Uint8Array {
    this.#reserve(n);
    this.#length += n;
    return this.#bytes;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Length-prefixed bytes. */
  sized(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Length-prefixed UTF-8. */
  string(text: string): void {
    const { length } = text;
    if (length < 0x80) {
      // ASCII of one byte of length, the usual case
      this.#reserve(1 + length);
      const bytes = this.#bytes;
      const at = this.#length;
      let all = 0;
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        all |= code;
        bytes[at + 1 + i] = code;
      }
      if (all < 0x80) {
        bytes[at] = length;
        this.#length = at + 1 + length;
        return;
      }
    }
    this.varint(utf8Length(text));
    this.utf8(text);
  }

  /** UTF-8 without a length. */
  utf8(text: string): void {
    this.#reserve(text.length * 3); // a UTF-16 unit takes at most 3 bytes: a pair takes 4, a lone surrogate 3
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code >= 0xd800 && code < 0xe000) {
        const low = code < 0xdc00 ? text.charCodeAt(i + 1) : Number.NaN;
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          i++;
        } else {
          code = 0xfffd;
        }
      }
      if (code < 0x80) {
        this.#bytes[this.#length++] = code;
      } else if (code < 0x800) {
        this.#bytes[this.#length++] = 0xc0 | (code >> 6);
        this.#bytes[this.#length++] = 0x80 | (code & 0x3f);
      } else if (code < 0x10000) {
        this.#bytes[this.#length++] = 0xe0 | (code >> 12);
        this.#bytes[this.#length++] = 0x80 | ((code >> 6) & 0x3f);
        this.#bytes[this.#length++] = 0x80 | (code & 0x3f);
      } else {
        this.#bytes[this.#length++] = 0xf0 | (code >> 18);
        this.#bytes[this.#length++] = 0x80 | ((code >> 12) & 0x3f);
        this.#bytes[this.#length++] = 0x80 | ((code >> 6) & 0x3f);
        this.#bytes[this.#length++] = 0x80 | (code & 0x3f);
      }
    }
  }

  /** What was written: a copy, or the writer's own memory, and the writer is empty. Either way the writer may go on. */
  finish(): Uint8Array {
    const bytes = this.#bytes;
    if (this.#length < bytes.length) return bytes.slice(0, this.#length);
    this.#bytes = new Uint8Array(0); // it was made to measure: given away, not copied
    this.#length = 0;
    return bytes;
  }
}

/** Reads from `bytes`; every read past the end or over a limit is a DecodeError, never an out-of-bounds value. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** All that this reads a part of. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get position(): number {
    return this.#at;
  }

  /** Goes on at `position`, which the caller has found inside what this reads. */
  seek(position: number): void {
    this.#at = position;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  byte(): number {
    if (this.#at >= this.#end) throw new DecodeError('unexpected end of data');
    return this.#bytes[this.#at++]!;
  }

  /** A varint that must be a safe integer, in as few bytes as it takes: one value has one byte form. */
  varint(): number {
    let result = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const b = this.byte();
      result += (b & 0x7f) * scale;
      if (b < 0x80) {
        if (b === 0 && i > 0) throw new DecodeError('varint longer than it need be');
        if (result > Number.MAX_SAFE_INTEGER) throw new DecodeError('varint above 2^53');
        return result;
      }
      scale *= 0x80;
    }
    throw new DecodeError('varint longer than 8 bytes');
  }

  /** A varint used as a count of things that take at least `bytesEach` bytes: a hostile count cannot allocate more than what came. */
  count(bytesEach = 1): number {
    const n = this.varint();
    if (n * bytesEach > this.remaining)
      throw new DecodeError(`count ${n} exceeds the ${this.remaining} bytes that follow`);
    return n;
  }

  zigzag(): number {
    const v = this.varint();
    return v % 2 === 0 ? v / 2 : -(v + 1) / 2;
  }

  varint64(): bigint {
    let low = 0;
    let scale = 1;
    for (let i = 0; i < 7; i++) {
      const b = this.byte();
      low += (b & 0x7f) * scale;
      if (b < 0x80) {
        if (b === 0 && i > 0) throw new DecodeError('varint longer than it need be');
        return BigInt(low);
      }
      scale *= 0x80;
    }
    let result = BigInt(low);
    let shift = 49n;
    for (let i = 7; i < 10; i++) {
      const b = this.byte();
      result |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) {
        if (b === 0) throw new DecodeError('varint longer than it need be');
        if (result > 0xffffffffffffffffn) break;
        return result;
      }
      shift += 7n;
    }
    throw new DecodeError('varint longer than 64 bits');
  }

  zigzag64(): bigint {
    const v = this.varint64();
    return (v & 1n) === 0n ? v >> 1n : -(v >> 1n) - 1n;
  }

  /** Fills the words of an int64 column with what `zigzag64Column` wrote. */
  zigzag64Column(words: Uint32Array): void {
    const bytes = this.#bytes;
    for (let i = 0; i * 2 < words.length; i++) {
      // the length of the varint decides: up to 7 bytes (49 bits) need no BigInt
      let last = this.#at;
      while (last < this.#end && bytes[last]! >= 0x80 && last - this.#at < 7) last++;
      if (last - this.#at >= 7) {
        const wide = this.zigzag64();
        words[i * 2 + LOW_WORD] = Number(wide & 0xffff_ffffn);
        words[i * 2 + HIGH_WORD] = Number((wide >> 32n) & 0xffff_ffffn);
        continue;
      }
      const value = this.zigzag();
      words[i * 2 + LOW_WORD] = value; // ToUint32: modulo 2^32, for negative values too
      words[i * 2 + HIGH_WORD] = Math.floor(value / 2 ** 32);
    }
  }

  /** A non-negative int64. */
  count64(): bigint {
    const v = this.varint64();
    if (v > INT64_MAX) throw new DecodeError('count above the int64 range');
    return v;
  }

  /** A view of the next `n` bytes. */
  raw(n: number): Uint8Array {
    if (n > this.remaining) throw new DecodeError('unexpected end of data');
    const view = this.#bytes.subarray(this.#at, this.#at + n);
    this.#at += n;
    return view;
  }

  /** A positive int64 as a double: exact up to 2^53, rounded above. */
  count64Number(): number {
    const count = this.count64();
    if (count === 0n) throw new DecodeError('count of zero');
    return Number(count);
  }

  sized(maxBytes = Number.MAX_SAFE_INTEGER): Uint8Array {
    const n = this.varint();
    if (n > maxBytes) throw new DecodeError(`field of ${n} bytes is longer than ${maxBytes}`);
    return this.raw(n);
  }

  string(maxBytes = 65_536): string {
    const view = this.sized(maxBytes);
    return utf8Decode(view);
  }
}
