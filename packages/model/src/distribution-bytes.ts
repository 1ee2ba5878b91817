// SPDX-License-Identifier: Apache-2.0
// Two byte forms of distributions. Canonical bytes (varints): in memory, in storage, in blocks. Packed columns (adaptive Rice codes), about
// a quarter as long: in contents, which are sent and kept in outboxes. docs/functions.md defines both.
import { ByteReader, DecodeError, type ByteWriter } from './bytes.js';
import type { DistributionColumn } from './distribution-rows.js';

/** Counts that sum to less than this are read as int32. */
export const SMALL_TOTAL = 2 ** 30;

const INT32_MIN = -0x8000_0000;
const INT32_MAX = 0x7fff_ffff;

/** What `readBuckets` read last, until it is called again: its callers use it up before they return. */
export const scratch = {
  indexes: new Int32Array(256),
  /** The counts, if `total` is below SMALL_TOTAL. */
  counts: new Int32Array(256),
  /** The counts as uint32 halves, low first, if it is not. */
  words: new Uint32Array(0),
  /** Sum of all counts as a double: exact below 2^53. */
  total: 0,
};

/** Scratch memory for more buckets than this is given back by the next call. */
const SCRATCH_BUCKETS = 65_536;

/** Reads canonical bytes[start, end) into `scratch`. Returns the number of buckets. Errors: DecodeError for anything not canonical. */
export function readBuckets(bytes: Uint8Array, start: number, end: number): number {
  const r = new ByteReader(bytes, start, end);
  const n = r.count(2);
  if (n > scratch.indexes.length || (n <= SCRATCH_BUCKETS && scratch.indexes.length > SCRATCH_BUCKETS * 2)) {
    scratch.indexes = new Int32Array(Math.max(256, n + (n >> 1)));
    scratch.counts = new Int32Array(scratch.indexes.length);
  }
  const { indexes, counts } = scratch;
  let index = n > 0 ? r.zigzag() : 0;
  if (index < INT32_MIN || index > INT32_MAX) throw outOfRange(index);
  let total = 0;
  let at = r.position;
  for (let i = 0; i < n; i++) {
    if (i > 0) {
      // both in one byte, and neither zero: the usual case
      if (at + 1 < end) {
        const step = bytes[at]!;
        const count = bytes[at + 1]!;
        if (((step - 1) | (count - 1)) >>> 0 < 0x7f) {
          at += 2;
          index += step;
          indexes[i] = index;
          counts[i] = count;
          total += count;
          continue;
        }
      }
      r.seek(at);
      const step = r.varint();
      if (step === 0) throw new DecodeError('distribution indexes do not ascend');
      index += step;
      if (index > INT32_MAX) throw outOfRange(index);
    } else {
      r.seek(at);
    }
    const count = r.count64Number();
    at = r.position;
    indexes[i] = index;
    counts[i] = count < SMALL_TOTAL ? count : 0;
    total += count;
  }
  if (index > INT32_MAX) throw outOfRange(index);
  if (at !== end) throw new DecodeError(`${end - at} bytes after the distribution`);
  scratch.total = total;
  if (total >= SMALL_TOTAL) readWords(bytes, start, end, n);
  return n;
}

/** Canonical distributions end to end, as a column; an empty piece is no distribution. Errors: DecodeError. */
export function distributionColumn(offsets: Uint32Array, bytes: Uint8Array): DistributionColumn {
  const rows = offsets.length - 1;
  const totals = new Float64Array(rows);
  const lasts = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    const n = offsets[i] === offsets[i + 1] ? 0 : readBuckets(bytes, offsets[i]!, offsets[i + 1]!);
    if (n === 0) continue;
    totals[i] = scratch.total;
    lasts[i] = scratch.indexes[n - 1]!;
  }
  return { offsets, bytes, totals, lasts };
}

/** The counts once more, as halves. */
function readWords(bytes: Uint8Array, start: number, end: number, n: number): void {
  const r = new ByteReader(bytes, start, end);
  r.varint();
  const words = new Uint32Array(n * 2);
  for (let i = 0; i < n; i++) {
    r.varint();
    const count = r.count64();
    words[i * 2] = Number(count & 0xffff_ffffn);
    words[i * 2 + 1] = Number(count >> 32n);
  }
  scratch.words = words;
}

function outOfRange(index: number): DecodeError {
  return new DecodeError(`distribution index ${index} is no int32`);
}

// ---- packed columns ----

// A code of v >= 0 with parameter k is v >> k in ones, a zero, and the low k bits of v. From ESCAPE ones on it is ESCAPE ones, the number
// of bits of v in six bits, and those bits. k follows the values before: log2 of a running mean that is kept in eighths.
const ESCAPE = 12;
const MEAN_START = 8;
/** What a value counts at most in the mean: k stays at 12 or less, so a code without escape has at most 24 bits. */
const MEAN_VALUE_MAX = 8_191;

function parameter(mean: number): number {
  return 31 - Math.clz32((mean >> 3) | 1);
}

function nextMean(mean: number, value: number): number {
  return mean + (value < MEAN_VALUE_MAX ? value : MEAN_VALUE_MAX) - (mean >> 3);
}

/** What `packDistributions` has written: bytes[0, length), and the last `pending` bits (at most 7) of `bits`. */
const packed = { bytes: new Uint8Array(1_024), length: 0, bits: 0, pending: 0 };

/** `value` as `bits` bits, at most 24. */
function putBits(value: number, bits: number): void {
  packed.bits = (packed.bits << bits) | value;
  packed.pending += bits;
  while (packed.pending >= 8) packed.bytes[packed.length++] = packed.bits >>> (packed.pending -= 8);
}

/** The value (high, low), below 2^63, as a code with parameter k. */
function putCode(low: number, high: number, k: number): void {
  if (high === 0 && low < ESCAPE << k) {
    const ones = low >>> k;
    putBits((((1 << ones) - 1) << (k + 1)) | (low & ((1 << k) - 1)), ones + 1 + k);
    return;
  }
  const bits = high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low);
  putBits((1 << ESCAPE) - 1, ESCAPE);
  putBits(bits, 6);
  if (bits > 48) putBits(high >>> 16, bits - 48);
  if (bits > 32) putBits(high & 0xffff, Math.min(16, bits - 32));
  if (bits > 16) putBits(low >>> 16, Math.min(16, bits - 16));
  putBits(low & 0xffff, Math.min(16, bits));
}

/** Bytes that two codes take at most: 12 + 6 + 32 and 12 + 6 + 63 bits. */
const BUCKET_BYTES_MAX = 17;

/**
 * Appends the packed form of n distributions, of which number i is bytes[offsets[i], offsets[i + 1]): canonical bytes, which is not
 * checked again.
 */
export function packDistributions(w: ByteWriter, offsets: Uint32Array, bytes: Uint8Array): void {
  packed.length = 0;
  packed.pending = 0;
  let sizeMean = MEAN_START;
  let firstMean = MEAN_START;
  for (let row = 0; row + 1 < offsets.length; row++) {
    canonicalAt = offsets[row]!;
    const n = takeVarint(bytes);
    const most = packed.length + (n + 2) * BUCKET_BYTES_MAX;
    if (most > packed.bytes.length) {
      const grown = new Uint8Array(most * 2);
      grown.set(packed.bytes.subarray(0, packed.length));
      packed.bytes = grown;
    }
    putCode(n, 0, parameter(sizeMean));
    sizeMean = nextMean(sizeMean, n);
    if (n === 0) continue;
    const folded = takeVarint(bytes);
    putCode(folded, 0, parameter(firstMean));
    firstMean = nextMean(firstMean, folded);
    packBuckets(bytes, n);
  }
  if (packed.pending > 0) putBits(0, 8 - packed.pending);
  w.raw(packed.bytes.subarray(0, packed.length));
  if (packed.bytes.length > PACKED_BYTES) packed.bytes = new Uint8Array(1_024);
}

/** Longer scratch memory is given back. */
const PACKED_BYTES = 2 ** 22;

/** Where `packDistributions` reads. */
let canonicalAt = 0;
/** What `takeVarint` read last, as uint32 halves. */
const taken = { low: 0, high: 0 };

/** The varint at `canonicalAt`, as a double too: exact below 2^53. */
function takeVarint(bytes: Uint8Array): number {
  let low = 0;
  let high = 0;
  for (let shift = 0; ; shift += 7) {
    const b = bytes[canonicalAt++]!;
    if (shift < 28) low |= (b & 0x7f) << shift;
    else if (shift > 28) high |= (b & 0x7f) << (shift - 32);
    else {
      low |= (b & 0x0f) << 28;
      high = (b & 0x7f) >> 4;
    }
    if (b < 0x80) break;
  }
  taken.low = low >>> 0;
  taken.high = high >>> 0;
  return taken.high * 2 ** 32 + taken.low;
}

/** The codes of values below 128 by parameter and value: the code, and its number of bits from bit 24 on (NO_CODE: it has an escape). */
const CODES = new Uint32Array(13 << 7);
const NO_CODE = 255;
for (let k = 0; k < 13; k++) {
  for (let value = 0; value < 128; value++) {
    const ones = value >>> k;
    const bits = ones < ESCAPE ? ones + 1 + k : NO_CODE;
    const code = ones < ESCAPE ? (((1 << ones) - 1) << (k + 1)) | (value & ((1 << k) - 1)) : 0;
    CODES[(k << 7) | value] = ((bits << 24) | code) >>> 0;
  }
}

/** Gaps and counts of the n buckets whose first count is at `canonicalAt`. */
function packBuckets(bytes: Uint8Array, n: number): void {
  const out = packed.bytes;
  let at = canonicalAt;
  let { length, bits, pending } = packed; // pending: below 16 in the loop
  let gapMean = MEAN_START;
  let countMean = MEAN_START;
  for (let i = 0; i < n; i++) {
    const gapK = 31 - Math.clz32((gapMean >> 3) | 1);
    const countK = 31 - Math.clz32((countMean >> 3) | 1);
    if (i > 0) {
      const step = bytes[at]!;
      const count = bytes[at + 1]!;
      if ((step | count) < 0x80) {
        const gapCode = CODES[(gapK << 7) | (step - 1)]!;
        const countCode = CODES[(countK << 7) | (count - 1)]!;
        const countBits = countCode >>> 24;
        const both = (gapCode >>> 24) + countBits;
        if (both <= 16) {
          at += 2;
          bits = (bits << both) | ((gapCode & 0xff_ffff) << countBits) | (countCode & 0xff_ffff);
          pending += both;
          if (pending >= 16) {
            pending -= 16;
            out[length] = bits >>> (pending + 8);
            out[length + 1] = bits >>> pending;
            length += 2;
          }
          gapMean += step - 1 - (gapMean >> 3);
          countMean += count - 1 - (countMean >> 3);
          continue;
        }
      }
    }
    // the first bucket, a number of several bytes, or a long code
    if (pending >= 8) out[length++] = bits >>> (pending -= 8);
    packed.length = length;
    packed.bits = bits;
    packed.pending = pending;
    if (i > 0) {
      canonicalAt = at;
      const gap = takeVarint(bytes) - 1;
      putCode(gap, 0, gapK);
      gapMean = nextMean(gapMean, gap);
      at = canonicalAt;
    }
    canonicalAt = at;
    takeVarint(bytes);
    at = canonicalAt;
    const high = taken.high - (taken.low > 0 ? 0 : 1);
    const more = taken.low > 0 ? taken.low - 1 : 0xffff_ffff;
    putCode(more, high, countK);
    countMean = nextMean(countMean, high > 0 ? MEAN_VALUE_MAX : more);
    ({ length, bits, pending } = packed);
  }
  if (pending >= 8) out[length++] = bits >>> (pending -= 8);
  packed.length = length;
  packed.bits = bits;
  packed.pending = pending;
}

/** Where `load` finds its bits: bytes[start, end), 25 bits from any bit on. */
function load(bytes: Uint8Array, start: number, bit: number): number {
  const at = start + (bit >>> 3);
  if (at + 4 <= bytes.length)
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) << (bit & 7);
  let word = 0;
  for (let i = 0; i < 4; i++) word = (word << 8) | (at + i < bytes.length ? bytes[at + i]! : 0);
  return word << (bit & 7);
}

/** The code that `readCode` read last: the value as uint32 halves, and the bit after it. */
const code = { low: 0, high: 0, bit: 0 };

/** Reads one code at a bit after `start`. Returns the value as a double: exact below 2^53. */
function readCode(bytes: Uint8Array, start: number, end: number, from: number, k: number): number {
  const word = load(bytes, start, from);
  const ones = Math.clz32(~word);
  if (ones < ESCAPE) {
    code.bit = from + ones + 1 + k;
    code.low = (ones << k) | (((word << (ones + 1)) >>> 1) >>> (31 - k));
    code.high = 0;
    return code.low;
  }
  const bits = (word << ESCAPE) >>> 26;
  let bit = from + ESCAPE + 6;
  if (bit + bits > (end - start) * 8) throw new DecodeError('unexpected end of data');
  let low = 0;
  let high = 0;
  for (let left = bits; left > 0;) {
    const take = Math.min(left, 16);
    const part = load(bytes, start, bit) >>> (32 - take);
    high = (high << take) | (low >>> (32 - take));
    low = (low << take) | part;
    bit += take;
    left -= take;
  }
  code.low = low >>> 0;
  code.high = high >>> 0;
  code.bit = bit;
  const value = code.high * 2 ** 32 + code.low;
  const isShortest = bits === (high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low));
  if (!isShortest || value < ESCAPE * 2 ** k) throw new DecodeError('number longer than it need be');
  return value;
}

/** Canonical distributions end to end, and where the packed form of them ended. */
export interface UnpackedDistributions extends DistributionColumn {
  readonly end: number;
}

/**
 * Reads the packed form of `rows` distributions from bytes[start, end); it may end before `end`.
 * Memory: at most eight times what was read, and four bytes a row. Errors: DecodeError for anything that `packDistributions` does not write.
 */
export function unpackDistributions(
  bytes: Uint8Array,
  start: number,
  end: number,
  rows: number,
): UnpackedDistributions {
  const endBit = (end - start) * 8;
  if (rows > endBit) throw new DecodeError(`${rows} distributions in ${end - start} bytes`);
  const offsets = new Uint32Array(rows + 1);
  const totals = new Float64Array(rows);
  const lasts = new Int32Array(rows);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const usual = (end - start) * 4 + 64;
  if (unpacked.bytes.length < usual) unpacked.bytes = new Uint8Array(usual);
  unpacked.length = 0;
  let bit = 0;
  let sizeMean = MEAN_START;
  let firstMean = MEAN_START;
  for (let row = 0; row < rows; row++) {
    const n = readCode(bytes, start, end, bit, parameter(sizeMean));
    bit = code.bit;
    sizeMean = nextMean(sizeMean, n);
    // a bucket takes two bits at least
    if (n * 2 > endBit - bit) throw new DecodeError(`count ${n} exceeds the ${end - start} bytes of a column`);
    reserve(16);
    putVarint(n);
    if (n > 0) {
      const folded = readCode(bytes, start, end, bit, parameter(firstMean));
      bit = code.bit;
      firstMean = nextMean(firstMean, folded);
      if (folded > 0xffff_ffff) throw outOfRange(folded);
      putVarint(folded);
      bit = unpackBuckets(bytes, view, start, end, bit, n, folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2);
      totals[row] = unpacked.total;
      lasts[row] = unpacked.last;
    }
    offsets[row + 1] = unpacked.length;
  }
  const length = (bit + 7) >>> 3;
  if (bit > endBit) throw new DecodeError('unexpected end of data');
  const rest = length * 8 - bit;
  if (rest > 0 && (bytes[start + length - 1]! & ((1 << rest) - 1)) !== 0)
    throw new DecodeError('padding of distributions is not zero');
  const canonical = unpacked.bytes.slice(0, unpacked.length);
  if (unpacked.bytes.length > UNPACKED_BYTES) unpacked.bytes = new Uint8Array(0);
  return { offsets, bytes: canonical, totals, lasts, end: start + length };
}

/** Longer scratch memory is given back. */
const UNPACKED_BYTES = 2 ** 20;

/** What `unpackDistributions` has written: bytes[0, length), and the sum of counts and last index of the distribution that came last. */
const unpacked = { bytes: new Uint8Array(0), length: 0, total: 0, last: 0 };

function reserve(n: number): void {
  if (unpacked.length + n <= unpacked.bytes.length) return;
  const grown = new Uint8Array(unpacked.bytes.length * 2 + n);
  grown.set(unpacked.bytes.subarray(0, unpacked.length));
  unpacked.bytes = grown;
}

/** A varint of a safe integer, for which there is room. */
function putVarint(value: number): void {
  let v = value;
  while (v >= 0x80) {
    unpacked.bytes[unpacked.length++] = (v % 0x80) | 0x80;
    v = Math.floor(v / 0x80);
  }
  unpacked.bytes[unpacked.length++] = v;
}

/** What eight bits begin with, by parameter (below 8) and bits: the value, and from bit 8 on the bits of its code; 0 for a longer code or value. */
const VALUES = new Uint16Array(8 << 8);
for (let k = 0; k < 8; k++) {
  for (let top = 0; top < 256; top++) {
    const ones = Math.clz32(~(top << 24));
    const bits = ones + 1 + k;
    const value = (ones << k) | ((top >> (8 - bits)) & ((1 << k) - 1));
    if (bits <= 8 && value < 0x7f) VALUES[(k << 8) | top] = (bits << 8) | value; // one more is a varint of one byte
  }
}

/**
 * What twelve bits begin with while both parameters are 0, which most are: of one or two buckets, from bit 0 on in four bits each, step
 * and count of the first and the bits of its codes, then the same of the second with the bits of both (zeros if there is no second).
 */
const PAIRS = new Uint32Array(1 << 12);
for (let top = 0; top < 1 << 12; top++) {
  const gap = Math.clz32(~(top << 20));
  const more = Math.clz32(~(top << (20 + gap + 1)));
  const bits = gap + more + 2;
  if (bits > 12) continue;
  const gap2 = Math.clz32(~(top << (20 + bits)));
  const more2 = Math.clz32(~(top << (20 + bits + gap2 + 1)));
  const both = bits + gap2 + more2 + 2;
  PAIRS[top] = (gap + 1) | ((more + 1) << 4) | (bits << 8);
  if (both <= 12) PAIRS[top]! |= ((gap2 + 1) << 12) | ((more2 + 1) << 16) | (both << 20);
}

/** Reads the codes of n buckets from a bit on, and writes gaps and counts. Returns the bit after them. */
function unpackBuckets(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  from: number,
  n: number,
  first: number,
): number {
  let bit = from;
  let index = first;
  let gapMean = MEAN_START;
  let countMean = MEAN_START;
  const loadable = bytes.length - 4;
  // room for the usual pairs; a longer number makes its own
  reserve(n * 2 + 16);
  let out = unpacked.bytes;
  let length = unpacked.length;
  let total = 0;
  for (let i = 0; i < n; i++) {
    const gapK = 31 - Math.clz32((gapMean >> 3) | 1);
    const countK = 31 - Math.clz32((countMean >> 3) | 1);
    const at = start + (bit >>> 3);
    if (i > 0 && at <= loadable && gapK < 8 && countK < 8) {
      const word = view.getInt32(at) << (bit & 7);
      if ((gapK | countK) === 0) {
        const pairs = PAIRS[word >>> 20]!;
        if (pairs !== 0) {
          const step = pairs & 0xf;
          const count = (pairs >>> 4) & 0xf;
          gapMean += step - 1 - (gapMean >> 3);
          countMean += count - 1 - (countMean >> 3);
          index += step;
          total += count;
          out[length] = step;
          out[length + 1] = count;
          length += 2;
          const both = pairs >>> 20;
          if (both === 0 || ((gapMean | countMean) & ~15) !== 0 || ++i === n) {
            bit += (pairs >>> 8) & 0xf;
            continue;
          }
          bit += both;
          const step2 = (pairs >>> 12) & 0xf;
          const count2 = (pairs >>> 16) & 0xf;
          gapMean += step2 - 1 - (gapMean >> 3);
          countMean += count2 - 1 - (countMean >> 3);
          index += step2;
          total += count2;
          out[length] = step2;
          out[length + 1] = count2;
          length += 2;
          continue;
        }
      }
      // both codes in eight bits each: the usual case
      const gapCode = VALUES[(gapK << 8) | (word >>> 24)]!;
      const gapBits = gapCode >>> 8;
      const countCode = VALUES[(countK << 8) | ((word << gapBits) >>> 24)]!;
      if (gapCode !== 0 && countCode !== 0) {
        bit += gapBits + (countCode >>> 8);
        const step = (gapCode & 0xff) + 1;
        const count = (countCode & 0xff) + 1;
        gapMean += step - 1 - (gapMean >> 3);
        countMean += count - 1 - (countMean >> 3);
        index += step;
        total += count;
        out[length] = step;
        out[length + 1] = count;
        length += 2;
        continue;
      }
    }
    unpacked.length = length;
    reserve((n - i) * 2 + 32);
    if (i > 0) {
      const gap = readCode(bytes, start, end, bit, gapK);
      bit = code.bit;
      if (gap > 0xffff_ffff) throw outOfRange(index + gap);
      gapMean = nextMean(gapMean, gap);
      index += 1 + gap;
      putVarint(gap + 1);
    }
    const more = readCode(bytes, start, end, bit, countK);
    bit = code.bit;
    countMean = nextMean(countMean, more);
    if (more < 2 ** 52) {
      putVarint(more + 1);
      total += more + 1;
    } else {
      total += putWide();
    }
    out = unpacked.bytes;
    length = unpacked.length;
  }
  if (index > INT32_MAX) throw outOfRange(index);
  unpacked.length = length;
  unpacked.total = total;
  unpacked.last = index;
  return bit;
}

/** A varint of one more than the code that was read last, which is returned as a double. */
function putWide(): number {
  let count = (BigInt(code.high) << 32n) + BigInt(code.low) + 1n;
  if (count > 0x7fff_ffff_ffff_ffffn) throw new DecodeError('count above the int64 range');
  const value = Number(count);
  for (; count >= 0x80n; count >>= 7n) unpacked.bytes[unpacked.length++] = Number(count & 0x7fn) | 0x80;
  unpacked.bytes[unpacked.length++] = Number(count);
  return value;
}
