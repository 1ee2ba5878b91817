// SPDX-License-Identifier: Apache-2.0
// Bytes of a segment, of its records, and of the position file. Pure: bytes in, structures or "bad" out. Numbers are little-endian.
//
// segment:  header(48) record*            header: magic(8) store(16) version(u32) number(u32) firstRecord(u64) 0(u32) crc(u32)
// record:   length(u32) crc(u32) number(u64) payload         length 0: nothing written here yet
// position: two copies, each generation(u64) store(16) segment(u32) offset(u64) slots(u32) { gen(u32) seq(u64) }* crc(u32)
//
// The crc of a record covers the crc before it (the first: of the header), so what an earlier life of the file left behind a cut tail
// never reads as its continuation.
import { crc32 } from 'node:zlib';

export const SEGMENT_HEADER_BYTES = 48;
export const RECORD_HEADER_BYTES = 16;
const MAGIC = 0x3130_4457_4650_414fn; // "OAPFWD01"
const VERSION = 1;

export interface SegmentHeader {
  /** 16 bytes: which store this is a file of. */
  readonly store: Uint8Array;
  readonly number: number;
  /** Number of its first record. Records of earlier segments from this number on were abandoned. */
  readonly firstRecord: number;
}

/** Also the crc, which the first record's crc continues. */
export function encodeSegmentHeader(header: SegmentHeader): { readonly bytes: Uint8Array; readonly crc: number } {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, MAGIC, true);
  bytes.set(header.store, 8);
  view.setUint32(24, VERSION, true);
  view.setUint32(28, header.number, true);
  view.setBigUint64(32, BigInt(header.firstRecord), true);
  const crc = crc32(bytes.subarray(0, 44));
  view.setUint32(44, crc, true);
  return { bytes, crc };
}

/** Undefined: no header, torn or damaged. Errors: a version that this release does not know. */
export function decodeSegmentHeader(bytes: Uint8Array): (SegmentHeader & { readonly crc: number }) | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const crc = view.getUint32(44, true);
  if (view.getBigUint64(0, true) !== MAGIC || crc32(bytes.subarray(0, 44)) !== crc) return undefined;
  const version = view.getUint32(24, true);
  if (version !== VERSION) throw new Error(`segment version ${version} is not known, this release writes ${VERSION}`);
  return {
    store: bytes.slice(8, 24),
    number: view.getUint32(28, true),
    firstRecord: Number(view.getBigUint64(32, true)),
    crc,
  };
}

/** Writes the 16 bytes before `payload`, which is `record` from there on. Returns its crc. */
export function sealRecord(record: Uint8Array, number: number, previousCrc: number): number {
  const view = viewOf(record);
  view.setUint32(0, record.length - RECORD_HEADER_BYTES, true);
  view.setBigUint64(8, BigInt(number), true);
  const crc = recordCrc(record, previousCrc);
  view.setUint32(4, crc, true);
  return crc;
}

function recordCrc(record: Uint8Array, previousCrc: number): number {
  return crc32(record.subarray(8), crc32(record.subarray(0, 4), previousCrc));
}

export interface ScannedRecord {
  readonly number: number;
  readonly payload: Uint8Array;
  /** Of the payload in the file. */
  readonly offset: number;
}

export interface Scan {
  readonly records: readonly ScannedRecord[];
  /** After the last good record. */
  readonly end: number;
  /** Crc of the last good record. */
  readonly crc: number;
  /** `end`: zeros follow. `bad`: something that is no record. */
  readonly tail: 'end' | 'bad';
}

/** Good records from the start of a segment, at most up to the record before `beforeRecord`. */
export function scanSegment(bytes: Uint8Array, header: SegmentHeader & { crc: number }, beforeRecord: number): Scan {
  const view = viewOf(bytes);
  const records: ScannedRecord[] = [];
  let { crc } = header;
  let at = SEGMENT_HEADER_BYTES;
  let number = header.firstRecord;
  for (; number < beforeRecord; number++) {
    if (at + RECORD_HEADER_BYTES > bytes.length) return { records, end: at, crc, tail: 'end' };
    const length = view.getUint32(at, true);
    if (length === 0) {
      const zero = bytes.subarray(at, at + RECORD_HEADER_BYTES).every((byte) => byte === 0);
      return { records, end: at, crc, tail: zero ? 'end' : 'bad' };
    }
    const end = at + RECORD_HEADER_BYTES + length;
    if (end > bytes.length) return { records, end: at, crc, tail: 'bad' };
    const record = bytes.subarray(at, end);
    const stored = view.getUint32(at + 4, true);
    if (Number(view.getBigUint64(at + 8, true)) !== number || recordCrc(record, crc) !== stored)
      return { records, end: at, crc, tail: 'bad' };
    records.push({ number, payload: record.subarray(RECORD_HEADER_BYTES), offset: at + RECORD_HEADER_BYTES });
    crc = stored;
    at = end;
  }
  return { records, end: at, crc, tail: 'end' };
}

/** What was acknowledged by the upstream, and up to where the log is known to be durable. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
  /** Per slot. */
  readonly acknowledged: readonly { readonly gen: number; readonly seq: number }[];
}

/** Copies lie in blocks of their own, so that a torn write of one leaves the other whole. */
const COPY_ALIGNMENT = 4096;

export function positionCopyBytes(slots: number): number {
  return Math.ceil((44 + slots * 12) / COPY_ALIGNMENT) * COPY_ALIGNMENT;
}

export function encodePosition(position: Position, store: Uint8Array, generation: number): Uint8Array {
  const bytes = new Uint8Array(44 + position.acknowledged.length * 12);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(generation), true);
  bytes.set(store, 8);
  view.setUint32(24, position.segment, true);
  view.setBigUint64(28, BigInt(position.offset), true);
  view.setUint32(36, position.acknowledged.length, true);
  position.acknowledged.forEach(({ gen, seq }, slot) => {
    view.setUint32(40 + slot * 12, gen, true);
    view.setBigUint64(44 + slot * 12, BigInt(seq), true);
  });
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

/** The newer of the two copies that is whole and of this store; undefined when neither is. */
export function decodePosition(
  bytes: Uint8Array,
  store: Uint8Array,
  slots: number,
): (Position & { readonly generation: number; readonly copy: number }) | undefined {
  const length = 44 + slots * 12;
  let newest: ReturnType<typeof decodePosition>;
  for (let at = 0; at + length <= bytes.length; at += positionCopyBytes(slots)) {
    const copy = bytes.subarray(at, at + length);
    const view = viewOf(copy);
    const generation = Number(view.getBigUint64(0, true));
    if (view.getUint32(length - 4, true) !== crc32(copy.subarray(0, -4)) || generation === 0) continue;
    if (view.getUint32(36, true) !== slots || store.some((byte, i) => copy[8 + i] !== byte)) continue;
    if (newest && newest.generation > generation) continue;
    newest = {
      generation,
      copy: at / positionCopyBytes(slots),
      segment: view.getUint32(24, true),
      offset: Number(view.getBigUint64(28, true)),
      acknowledged: Array.from({ length: slots }, (_, slot) => ({
        gen: view.getUint32(40 + slot * 12, true),
        seq: Number(view.getBigUint64(44 + slot * 12, true)),
      })),
    };
  }
  return newest;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
