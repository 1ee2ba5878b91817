// SPDX-License-Identifier: Apache-2.0
// Packed columns of distributions: about a quarter of their canonical bytes, in contents, which are sent and kept in outboxes.
// In: canonical bytes of rows, end to end. Out: one string of bits, and back. docs/functions.md defines it.
import { ByteSlabs } from './byte-slabs.js';
import { DecodeError, type ByteWriter } from './bytes.js';
import { INT32_MAX, outOfRange } from './distribution-bytes.js';
import type { DistributionColumn } from './distribution-rows.js';

// A code of v >= 0 with parameter k is v >> k in ones, a zero, and the low k bits of v. From ESCAPE ones on it is ESCAPE ones, the number
// of bits of v in six bits, and those bits. A bucket is its gap (difference - 1, not for the first of all) and its count - 1. Up to BLOCK
// buckets have two parameters, of their gaps and of their counts, so that a table can read several codes at once.
const ESCAPE = 12;
const BLOCK = 32; // 2 ** 5
/** A code without escape has at most 24 bits. */
const K_MAX = 12;
/** What a value counts at most in a mean. */
const VALUE_MAX = 65_535;

/** The parameter of n values that add up to `sum`, each counted as VALUE_MAX at most. */
function parameterOf(sum: number, n: number): number {
  const mean = n === BLOCK ? sum >>> 5 : Math.floor(sum / (n || 1));
  const k = 31 - Math.clz32(mean | 1);
  return k < K_MAX ? k : K_MAX;
}

// Sizes and first indexes have a running mean through the column, kept in eighths.
const MEAN_START = 8;
const MEAN_VALUE_MAX = 8_191;

function parameter(mean: number): number {
  return 31 - Math.clz32((mean >> 3) | 1);
}

function nextMean(mean: number, value: number): number {
  return mean + (value < MEAN_VALUE_MAX ? value : MEAN_VALUE_MAX) - (mean >> 3);
}

function zigzag(difference: number): number {
  return difference < 0 ? -difference * 2 - 1 : difference * 2;
}

// ---- writing ----

/** What `packDistributions` has written: bytes[0, length), and the last `pending` bits (at most 7) of `bits`. */
const packed = { bytes: new Uint8Array(1_024), view: new DataView(new ArrayBuffer(0)), length: 0, bits: 0, pending: 0 };
packed.view = new DataView(packed.bytes.buffer);

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

/** Bytes that two codes take at most, 12 + 6 + 32 and 12 + 6 + 63 bits, and their part of the two parameters. */
const BUCKET_BYTES_MAX = 18;
/** Bytes that a size, a first index and the first parameters take at most. */
const ROW_BYTES_MAX = 32;

/**
 * Appends the packed form of n distributions, of which number i is bytes[offsets[i], offsets[i + 1]): canonical bytes, which is not
 * checked again.
 */
export function packDistributions(w: ByteWriter, offsets: Uint32Array, bytes: Uint8Array): void {
  packed.length = 0;
  packed.pending = 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sizeMean = MEAN_START;
  let firstMean = MEAN_START;
  for (let row = 0; row + 1 < offsets.length; row++) {
    canonicalAt = offsets[row]!;
    const n = takeVarint(bytes);
    const most = packed.length + n * BUCKET_BYTES_MAX + ROW_BYTES_MAX;
    if (most > packed.bytes.length) {
      const grown = new Uint8Array(most * 2);
      grown.set(packed.bytes.subarray(0, packed.length));
      packed.bytes = grown;
      packed.view = new DataView(grown.buffer);
    }
    putCode(n, 0, parameter(sizeMean));
    sizeMean = nextMean(sizeMean, n);
    if (n === 0) continue;
    const folded = takeVarint(bytes);
    putCode(folded, 0, parameter(firstMean));
    firstMean = nextMean(firstMean, folded);
    packBuckets(bytes, view, n);
  }
  if (packed.pending > 0) putBits(0, 8 - packed.pending);
  w.raw(packed.bytes.subarray(0, packed.length));
  if (packed.bytes.length > PACKED_BYTES) {
    packed.bytes = new Uint8Array(1_024);
    packed.view = new DataView(packed.bytes.buffer);
  }
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
const CODES = new Uint32Array((K_MAX + 1) << 7);
const NO_CODE = 255;
for (let k = 0; k <= K_MAX; k++) {
  for (let value = 0; value < 128; value++) {
    const ones = value >>> k;
    const bits = ones < ESCAPE ? ones + 1 + k : NO_CODE;
    const code = ones < ESCAPE ? (((1 << ones) - 1) << (k + 1)) | (value & ((1 << k) - 1)) : 0;
    CODES[(k << 7) | value] = ((bits << 24) | code) >>> 0;
  }
}

/**
 * The codes of a bucket whose step and count are both below 16, by parameters below PAIR_K_MAX, step and count: both together, and their
 * number of bits from bit 16 on; NO_PAIR for what takes more than 16 bits, and for no bucket.
 */
const PAIR_K_MAX = 6;
const NO_PAIR = 64 << 16;
const PAIRS = new Uint32Array((PAIR_K_MAX * PAIR_K_MAX) << 8).fill(NO_PAIR);
for (let gapK = 0; gapK < PAIR_K_MAX; gapK++) {
  for (let countK = 0; countK < PAIR_K_MAX; countK++) {
    for (let pair = 0; pair < 256; pair++) {
      const [step, count] = [pair >>> 4, pair & 15];
      if (step === 0 || count === 0) continue;
      const gapCode = CODES[(gapK << 7) | (step - 1)]!;
      const countCode = CODES[(countK << 7) | (count - 1)]!;
      const bits = (gapCode >>> 24) + (countCode >>> 24);
      const code = ((gapCode & 0xff_ffff) << (countCode >>> 24)) | (countCode & 0xff_ffff);
      if (bits <= 16) PAIRS[((gapK * PAIR_K_MAX + countK) << 8) | pair] = (bits << 16) | code;
    }
  }
}

/** What `sumBlock` found: sums of gaps and of counts - 1, each value as VALUE_MAX at most. */
const sums = { gaps: 0, counts: 0 };

/** Adds up the block of `size` buckets at `canonicalAt`, which stays. */
function sumBlock(bytes: Uint8Array, view: DataView, size: number, firstGap: number): void {
  let gapSum = 0;
  let countSum = 0;
  let at = canonicalAt;
  const pairs = size - firstGap;
  if (at + firstGap + pairs * 2 <= bytes.length) {
    // bytes, the usual case: two pairs at a time, gaps and counts in the halves of two sums, below 2^16 each
    let all = 0;
    if (firstGap === 1) {
      countSum = bytes[at++]!;
      all = countSum;
    }
    if ((pairs & 1) === 1) {
      gapSum = bytes[at]!;
      const count = bytes[at + 1]!;
      countSum += count;
      all |= gapSum | count;
      at += 2;
    }
    for (const end = canonicalAt + firstGap + pairs * 2; at < end; at += 4) {
      const word = view.getInt32(at);
      all |= word;
      gapSum += (word >>> 8) & 0xff_00ff;
      countSum += word & 0xff_00ff;
    }
    if ((all & 0x8080_8080) === 0) {
      sums.gaps = (gapSum >>> 16) + (gapSum & 0xffff) - pairs;
      sums.counts = (countSum >>> 16) + (countSum & 0xffff) - size;
      return;
    }
    gapSum = 0;
    countSum = 0;
  }
  const from = canonicalAt;
  for (let i = 0; i < size; i++) {
    if (i >= firstGap) gapSum += Math.min(takeVarint(bytes) - 1, VALUE_MAX);
    countSum += Math.min(takeVarint(bytes) - 1, VALUE_MAX);
  }
  canonicalAt = from;
  sums.gaps = gapSum;
  sums.counts = countSum;
}

/** Gaps and counts of the n buckets whose first count is at `canonicalAt`. */
function packBuckets(bytes: Uint8Array, view: DataView, n: number): void {
  let gapK = 0;
  let countK = 0;
  for (let done = 0; done < n; done += BLOCK) {
    const size = n - done < BLOCK ? n - done : BLOCK;
    const firstGap = done === 0 ? 1 : 0;
    sumBlock(bytes, view, size, firstGap);
    const nextGapK = parameterOf(sums.gaps, size - firstGap);
    const nextCountK = parameterOf(sums.counts, size);
    const gapOnes = zigzag(nextGapK - gapK);
    const countOnes = zigzag(nextCountK - countK);
    if (gapOnes + countOnes + 2 <= ESCAPE) {
      // both codes, each ones and a zero, at once
      putBits((((1 << gapOnes) - 1) << (countOnes + 2)) | (((1 << countOnes) - 1) << 1), gapOnes + countOnes + 2);
    } else {
      putCode(gapOnes, 0, 0);
      putCode(countOnes, 0, 0);
    }
    gapK = nextGapK;
    countK = nextCountK;
    packBlock(bytes, view, size, firstGap, gapK, countK);
  }
}

/** The codes of the block of `size` buckets at `canonicalAt`, which goes on behind it. */
function packBlock(
  bytes: Uint8Array,
  view: DataView,
  size: number,
  firstGap: number,
  gapK: number,
  countK: number,
): void {
  const outView = packed.view;
  const table = gapK < PAIR_K_MAX && countK < PAIR_K_MAX ? (gapK * PAIR_K_MAX + countK) << 8 : -1;
  const readable = bytes.length - 1;
  let at = canonicalAt;
  let { length, bits, pending } = packed;
  for (let i = 0; i < size; i++) {
    if (i >= firstGap) {
      if (table >= 0 && i + 1 < size && at + 2 < readable) {
        // two buckets at a time, when their codes have 24 bits at most
        const word = view.getInt32(at);
        if ((word & 0xf0f0_f0f0) === 0) {
          const first = PAIRS[table | ((word >>> 20) & 0xf0) | ((word >>> 16) & 0xf)]!;
          const second = PAIRS[table | ((word >>> 4) & 0xf0) | (word & 0xf)]!;
          const both = (first >>> 16) + (second >>> 16);
          if (both <= 24) {
            at += 4;
            i++;
            bits = (bits << both) | ((first & 0xffff) << (second >>> 16)) | (second & 0xffff);
            pending += both;
            outView.setInt32(length, bits << (32 - pending));
            length += pending >>> 3;
            pending &= 7;
            continue;
          }
        }
      }
      const pair = at < readable ? view.getUint16(at) : 0;
      if (table >= 0 && (pair & 0xf0f0) === 0) {
        const code = PAIRS[table | (pair >>> 4) | (pair & 0xf)]!;
        if (code !== NO_PAIR) {
          at += 2;
          bits = (bits << (code >>> 16)) | (code & 0xffff);
          pending += code >>> 16;
          // four bytes, of which those count that are whole: a branch here would be a wrong guess every other time
          outView.setInt32(length, bits << (32 - pending));
          length += pending >>> 3;
          pending &= 7;
          continue;
        }
      }
      const step = pair >>> 8;
      const count = pair & 0xff;
      if (pair !== 0 && (pair & 0x8080) === 0) {
        const gapCode = CODES[(gapK << 7) | (step - 1)]!;
        const countCode = CODES[(countK << 7) | (count - 1)]!;
        const countBits = countCode >>> 24;
        const both = (gapCode >>> 24) + countBits;
        if (both <= 24) {
          at += 2;
          bits = (bits << both) | ((gapCode & 0xff_ffff) << countBits) | (countCode & 0xff_ffff);
          pending += both;
          outView.setInt32(length, bits << (32 - pending));
          length += pending >>> 3;
          pending &= 7;
          continue;
        }
      }
    }
    // the first bucket, a number of several bytes, or a long code
    packed.length = length;
    packed.bits = bits;
    packed.pending = pending;
    canonicalAt = at;
    if (i >= firstGap) putCode(takeVarint(bytes) - 1, 0, gapK);
    takeVarint(bytes);
    at = canonicalAt;
    const { low, high } = taken;
    putCode((low - 1) >>> 0, low > 0 ? high : high - 1, countK);
    ({ length, bits, pending } = packed);
  }
  packed.length = length;
  packed.bits = bits;
  packed.pending = pending;
  canonicalAt = at;
}

// ---- reading ----

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
 * The column is in `slabs`. Memory: at most eight times what was read, and four bytes a row. Errors: DecodeError for anything that `packDistributions` does not write.
 */
export function unpackDistributions(
  bytes: Uint8Array,
  start: number,
  end: number,
  rows: number,
  slabs: ByteSlabs = LASTING,
): UnpackedDistributions {
  const endBit = (end - start) * 8;
  if (rows > endBit) throw new DecodeError(`${rows} distributions in ${end - start} bytes`);
  const offsets = new Uint32Array(rows + 1);
  const totals = new Float64Array(rows);
  const lasts = new Int32Array(rows);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  unpacked = slabs;
  unpacked.begin();
  unpacked.reserve((end - start) * 4 + 64); // what is usual
  let bit = 0;
  let sizeMean = MEAN_START;
  let firstMean = MEAN_START;
  for (let row = 0; row < rows; row++) {
    const n = readCode(bytes, start, end, bit, parameter(sizeMean));
    bit = code.bit;
    sizeMean = nextMean(sizeMean, n);
    // a bucket takes two bits at least
    if (n * 2 > endBit - bit) throw new DecodeError(`count ${n} exceeds the ${end - start} bytes of a column`);
    unpacked.reserve(16);
    putVarint(n);
    if (n > 0) {
      const folded = readCode(bytes, start, end, bit, parameter(firstMean));
      bit = code.bit;
      firstMean = nextMean(firstMean, folded);
      if (folded > 0xffff_ffff) throw outOfRange(folded);
      putVarint(folded);
      bit = unpackBuckets(bytes, view, start, end, bit, n, folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2);
      totals[row] = lastRead.total;
      lasts[row] = lastRead.index;
    }
    offsets[row + 1] = unpacked.length - unpacked.from;
  }
  const length = (bit + 7) >>> 3;
  if (bit > endBit) throw new DecodeError('unexpected end of data');
  const rest = length * 8 - bit;
  if (rest > 0 && (bytes[start + length - 1]! & ((1 << rest) - 1)) !== 0)
    throw new DecodeError('padding of distributions is not zero');
  return { offsets, bytes: unpacked.end(), totals, lasts, end: start + length };
}

/** Columns of those who keep them. */
const LASTING = new ByteSlabs(false);

/** Where `unpackDistributions` writes its column. */
let unpacked = LASTING;

/** Of the distribution that came last: the sum of its counts, and the index of its last bucket. */
const lastRead = { total: 0, index: 0 };

/** A varint of a safe integer, for which there is room. */
function putVarint(value: number): void {
  if (value < 0x80) {
    unpacked.bytes[unpacked.length++] = value;
    return;
  }
  let v = value;
  while (v >= 0x80) {
    unpacked.bytes[unpacked.length++] = (v % 0x80) | 0x80;
    v = Math.floor(v / 0x80);
  }
  unpacked.bytes[unpacked.length++] = v;
}

/** Parameters below this have tables. */
const TABLE_KS = 8;
const TABLE_BITS = 10;
/**
 * By both parameters, and the TABLE_BITS bits that come next: up to two whole buckets in them. PAIR_BYTES has the gap and one, the count - 1
 * and one, a byte each, which is how canonical bytes have them; then those of the second. PAIR_BITS: how many buckets there are (0: none
 * whole, or one whose numbers take more than a byte), from bit 8 on what the first takes, from bit 16 on what all take.
 */
const PAIR_BYTES = new Uint32Array((TABLE_KS * TABLE_KS) << TABLE_BITS);
const PAIR_BITS = new Uint32Array((TABLE_KS * TABLE_KS) << TABLE_BITS);
/** 1 by both parameters once there is a table. */
const hasTable = new Uint8Array(TABLE_KS * TABLE_KS);

/** Where the table of both parameters begins; -1 if they have none. */
function tableOf(gapK: number, countK: number): number {
  if (gapK >= TABLE_KS || countK >= TABLE_KS) return -1;
  const which = gapK * TABLE_KS + countK;
  if (hasTable[which] === 0) {
    fillTable(which << TABLE_BITS, gapK, countK);
    hasTable[which] = 1;
  }
  return which << TABLE_BITS;
}

function fillTable(table: number, gapK: number, countK: number): void {
  for (let top = 0; top < 1 << TABLE_BITS; top++) {
    let bytes = 0;
    let bits = 0;
    let used = 0;
    for (let n = 0; n < 2 && used < TABLE_BITS; n++) {
      const gapWord = top << (32 - TABLE_BITS + used);
      const gapOnes = Math.clz32(~gapWord);
      const gap = valueAt(gapWord, gapOnes, gapK);
      used += gapOnes + 1 + gapK;
      if (used >= TABLE_BITS) break;
      const countWord = top << (32 - TABLE_BITS + used);
      const countOnes = Math.clz32(~countWord);
      const more = valueAt(countWord, countOnes, countK);
      used += countOnes + 1 + countK;
      if (used > TABLE_BITS || gap > 0x7e || more > 0x7e) break;
      bytes |= ((gap + 1) | ((more + 1) << 8)) << (n * 16);
      bits = n === 0 ? 1 | (used << 8) | (used << 16) : (bits & 0xff00) | 2 | (used << 16);
    }
    PAIR_BYTES[table | top] = bytes;
    PAIR_BITS[table | top] = bits;
  }
}

/** The value of a code without escape at the top of a word, which begins with so many ones. */
function valueAt(word: number, ones: number, k: number): number {
  return (ones << k) | (((word << (ones + 1)) >>> 1) >>> (31 - k));
}

function badParameter(): DecodeError {
  return new DecodeError('codes with a parameter that is not theirs');
}

/** The difference of a parameter to the one before, at a bit; `code.bit` is the bit after it. */
function readDifference(bytes: Uint8Array, start: number, end: number, bit: number): number {
  const folded = readCode(bytes, start, end, bit, 0);
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

/** Bytes that a step of 32 bits and a count of 63 take at most, and that a table writes beyond its last bucket. */
const BUCKET_VARINTS_MAX = 14;

/** Reads the blocks of n buckets from a bit on, and writes gaps and counts. Returns the bit after them. */
function unpackBuckets(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  from: number,
  n: number,
  first: number,
): number {
  const loadable = bytes.length - 4;
  let bit = from;
  let gapK = 0;
  let countK = 0;
  let index = first;
  let total = 0;
  for (let done = 0; done < n; done += BLOCK) {
    const size = n - done < BLOCK ? n - done : BLOCK;
    const parametersAt = start + (bit >>> 3);
    const both = parametersAt <= loadable ? view.getInt32(parametersAt) << (bit & 7) : -1;
    const gapOnes = Math.clz32(~both);
    const countOnes = Math.clz32(~(both << (gapOnes + 1)));
    if (gapOnes < ESCAPE && countOnes < ESCAPE) {
      gapK += (gapOnes >>> 1) ^ -(gapOnes & 1);
      countK += (countOnes >>> 1) ^ -(countOnes & 1);
      bit += gapOnes + countOnes + 2;
    } else {
      gapK += readDifference(bytes, start, end, bit);
      countK += readDifference(bytes, start, end, code.bit);
      bit = code.bit;
    }
    if (!(gapK >= 0 && gapK <= K_MAX && countK >= 0 && countK <= K_MAX)) throw badParameter();
    const table = tableOf(gapK, countK);
    unpacked.reserve(size * BUCKET_VARINTS_MAX);
    const out = unpacked.view;
    let { length } = unpacked;
    let gapSum = 0;
    let countSum = 0;
    let left = size;
    // what tables have, one more of each: sums of the first buckets, and in the high half of the second ones
    let gapPairs = 0;
    let countPairs = 0;
    if (done === 0) {
      const more = readCode(bytes, start, end, bit, countK);
      bit = code.bit;
      countSum = more < VALUE_MAX ? more : VALUE_MAX;
      total = putCount(more);
      ({ length } = unpacked);
      left--;
    }
    const pairs = left;
    let byCode = 0;
    while (left > 0) {
      const at = start + (bit >>> 3);
      const word = at <= loadable ? view.getInt32(at) << (bit & 7) : load(bytes, start, bit);
      if (table >= 0) {
        const row = table | (word >>> (32 - TABLE_BITS));
        const bits = PAIR_BITS[row]!;
        if (bits !== 0) {
          const pair = PAIR_BYTES[row]!;
          // what is no bucket of it is written over
          out.setInt32(length, pair, true);
          if (left >= 4) {
            // a word has the bits of two tables
            const used = bits >>> 16;
            const taken = bits & 0xff;
            const nextRow = table | ((word << used) >>> (32 - TABLE_BITS));
            const nextBits = PAIR_BITS[nextRow]!;
            const nextPair = PAIR_BYTES[nextRow]!;
            length += taken << 1;
            out.setInt32(length, nextPair, true);
            const nextTaken = nextBits & 0xff;
            length += nextTaken << 1;
            bit += used + (nextBits >>> 16);
            left -= taken + nextTaken;
            gapPairs += (pair & 0xff_00ff) + (nextPair & 0xff_00ff);
            countPairs += ((pair >>> 8) & 0xff_00ff) + ((nextPair >>> 8) & 0xff_00ff);
          } else {
            length += 2;
            bit += (bits >>> 8) & 0xff;
            left--;
            gapPairs += pair & 0xff;
            countPairs += (pair >>> 8) & 0xff;
          }
          continue;
        }
      }
      // long codes, or numbers of several bytes
      unpacked.length = length;
      const gap = readCode(bytes, start, end, bit, gapK);
      if (gap > 0xffff_ffff) throw outOfRange(index + gap);
      gapSum += gap < VALUE_MAX ? gap : VALUE_MAX;
      index += gap + 1;
      putVarint(gap + 1);
      const more = readCode(bytes, start, end, code.bit, countK);
      countSum += more < VALUE_MAX ? more : VALUE_MAX;
      total += putCount(more);
      bit = code.bit;
      ({ length } = unpacked);
      left--;
      byCode++;
    }
    const byTable = pairs - byCode;
    const steps = (gapPairs & 0xffff) + (gapPairs >>> 16);
    const counts = (countPairs & 0xffff) + (countPairs >>> 16);
    index += steps;
    total += counts;
    if (index > INT32_MAX) throw outOfRange(index);
    unpacked.length = length;
    if (
      parameterOf(gapSum + steps - byTable, pairs) !== gapK ||
      parameterOf(countSum + counts - byTable, size) !== countK
    )
      throw badParameter();
  }
  lastRead.index = index;
  lastRead.total = total;
  return bit;
}

/** Writes the count of the code that was read last, and returns it as a double. */
function putCount(more: number): number {
  if (more >= 2 ** 52) return putWide();
  putVarint(more + 1);
  return more + 1;
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
