// SPDX-License-Identifier: Apache-2.0
// Canonical bytes of distributions (varints): in memory, in storage, in blocks. docs/functions.md defines them, and packed-distributions.ts
// the shorter form that is sent.
import { ByteReader, DecodeError } from './bytes.js';
import type { DistributionColumn } from './distribution-rows.js';

/** Counts that sum to less than this are read as int32. */
export const SMALL_TOTAL = 2 ** 30;

const INT32_MIN = -0x8000_0000;
export const INT32_MAX = 0x7fff_ffff;

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

export function outOfRange(index: number): DecodeError {
  return new DecodeError(`distribution index ${index} is no int32`);
}
