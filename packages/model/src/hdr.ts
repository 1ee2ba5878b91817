// SPDX-License-Identifier: Apache-2.0
// HdrHistogram's V2 encoding, uncompressed: what Java, C, Go and JavaScript HdrHistogram exchange once zlib and base64 are taken off.
// In and out: a distribution of layout `hdr(digits)`. Source: HdrHistogram V2 format, AbstractHistogram.encodeIntoByteBuffer.
import { ByteWriter, DecodeError } from './bytes.js';
import { bucketIndex, bucketValue, SparseDistribution, type Layout } from './distribution.js';

/** Cookie of an uncompressed V2 histogram; 0x10 in the word-size bits says that counts are zigzag LEB128. */
const V2_COOKIE = 0x1c84_9303 | 0x10;
const V2_COMPRESSED_COOKIE = 0x1c84_9304;
/** cookie, payload length, normalising offset, digits: int32; lowest, highest: int64; conversion ratio: double; all big-endian. */
const HEADER_BYTES = 40;

export interface HdrHistogramContent {
  readonly layout: Extract<Layout, { kind: 'hdr' }>;
  /** As declared by the writer; the largest value that it could have recorded. */
  readonly highestTrackableValue: number;
  readonly distribution: SparseDistribution;
}

/**
 * A zigzag number in LEB128-64b9B: like LEB128, but the ninth byte carries eight bits, so that 64 bits take at most nine bytes. The
 * histogram's own varint, not ours and not protobuf's.
 */
function writeWord(w: ByteWriter, value: bigint): void {
  let v = value < 0n ? -value * 2n - 1n : value * 2n;
  for (let i = 0; i < 8; i++) {
    if (v < 0x80n) {
      w.byte(Number(v));
      return;
    }
    w.byte(Number(v & 0x7fn) | 0x80);
    v >>= 7n;
  }
  w.byte(Number(v));
}

/**
 * V2 payload bytes of a distribution of layout `hdr(digits)`: counts from index 0 to the highest one used, runs of zeros as one negative
 * number. `highestTrackableValue` (default: the highest value that the content needs) goes into the header; readers size themselves
 * by it. Exact minimum, maximum and sum are not part of the format.
 * Errors: RangeError for an index below 0, or a highest trackable value that the content exceeds.
 */
export function hdrEncode(
  distribution: SparseDistribution,
  digits: number,
  highestTrackableValue?: number,
): Uint8Array {
  const layout: Layout = { kind: 'hdr', digits };
  const n = distribution.size;
  const needed = n === 0 ? 2 : Math.max(2, bucketValue(layout, distribution.indexAt(n - 1)));
  const highest = highestTrackableValue ?? needed;
  if (n > 0 && distribution.indexAt(0) < 0) throw new RangeError(`hdr index ${distribution.indexAt(0)} is negative`);
  if (!(highest >= 2 && highest <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`highest trackable value ${highest} must be from 2 to 2^53 - 1`);
  if (n > 0 && bucketIndex(layout, highest) < distribution.indexAt(n - 1))
    throw new RangeError(`highest trackable value ${highest} is below the content's ${needed}`);
  const counts = new ByteWriter(16 + n * 3);
  let next = 0;
  for (let i = 0; i < n; i++) {
    const index = distribution.indexAt(i);
    if (index - next === 1) writeWord(counts, 0n);
    else if (index > next) writeWord(counts, BigInt(next - index));
    writeWord(counts, distribution.countAt(i));
    next = index + 1;
  }
  if (n === 0) writeWord(counts, 0n); // as the other writers do: the count of value 0
  const out = new Uint8Array(HEADER_BYTES + counts.length);
  const header = new DataView(out.buffer);
  header.setInt32(0, V2_COOKIE);
  header.setInt32(4, counts.length);
  header.setInt32(8, 0);
  header.setInt32(12, digits);
  header.setBigInt64(16, 1n);
  header.setBigInt64(24, BigInt(highest));
  header.setFloat64(32, 1);
  out.set(counts.finish(), HEADER_BYTES);
  return out;
}

/**
 * Reads V2 payload bytes. The normalising offset and the conversion ratio do not change integer counts and are passed over.
 * Errors: DecodeError for other formats and malformed bytes, and for a lowest discernible value of 2 or more, which is another layout.
 */
export function hdrDecode(bytes: Uint8Array): HdrHistogramContent {
  if (bytes.length < HEADER_BYTES)
    throw new DecodeError(`histogram of ${bytes.length} bytes, the header alone has ${HEADER_BYTES}`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cookie = header.getInt32(0);
  if ((cookie & ~0xf0) === V2_COMPRESSED_COOKIE)
    throw new DecodeError('compressed histogram: inflate what follows byte 8 first');
  if (cookie !== V2_COOKIE)
    throw new DecodeError(`histogram cookie 0x${(cookie >>> 0).toString(16)} is not that of V2`);
  const payloadBytes = header.getInt32(4);
  if (payloadBytes !== bytes.length - HEADER_BYTES)
    throw new DecodeError(`histogram payload of ${payloadBytes} bytes, ${bytes.length - HEADER_BYTES} came`);
  const digits = header.getInt32(12);
  if (digits < 0 || digits > 5) throw new DecodeError(`histogram with ${digits} significant digits`);
  const lowest = header.getBigInt64(16);
  if (lowest !== 1n)
    throw new DecodeError(`lowest discernible value ${lowest} does not fit the layout hdr(${digits}), which has 1`);
  const highest = header.getBigInt64(24);
  if (highest < 2n) throw new DecodeError(`highest trackable value ${highest} is below 2`);
  const layout = { kind: 'hdr', digits } as const;
  // values above 2^53 are none of ours: bound the indexes by what a safe integer can have
  const indexMax = bucketIndex(layout, Number.MAX_SAFE_INTEGER);
  const distribution = new SparseDistribution(16);
  let index = 0;
  let at = HEADER_BYTES;
  while (at < bytes.length) {
    let word = 0n;
    let shift = 0n;
    for (let i = 0; ; i++) {
      const b = bytes[at++];
      if (b === undefined) throw new DecodeError('histogram ends inside a count');
      if (i === 8) {
        word |= BigInt(b) << shift; // the ninth byte: all of its eight bits
        break;
      }
      word |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) break;
      shift += 7n;
    }
    if ((word & 1n) === 1n) {
      const zeros = (word >> 1n) + 1n;
      if (zeros > BigInt(indexMax + 1 - index))
        throw new DecodeError(`histogram run of ${zeros} zeros leaves the layout`);
      index += Number(zeros);
      continue;
    }
    const count = word >> 1n;
    if (index > indexMax) throw new DecodeError('histogram has more counts than its layout');
    if (count > 0n && !distribution.add(index, count)) throw new DecodeError(`histogram count ${count}`);
    index++;
  }
  return {
    layout,
    highestTrackableValue: highest > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(highest),
    distribution,
  };
}
