// SPDX-License-Identifier: Apache-2.0
// The binary COPY format, written and read by hand: header, per row a field count and length-prefixed big-endian fields, trailer.
// Source: PostgreSQL documentation, COPY, "Binary Format".

const SIGNATURE = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00];
const HEADER_BYTES = SIGNATURE.length + 8; // flags and extension length, both 0

/** A file of this size or more is taken in parts. */
const PART_BYTES = 256 * 1024;
/** Memory of a part: a row may go beyond its end. */
const PART_MEMORY_BYTES = PART_BYTES * 1.25;

/** Memory of parts that were sent, to be used again: fresh memory is zeroed first, and counts against the garbage collector. */
const freeParts: ArrayBuffer[] = [];
/** More than this is let go; a transaction of 10,000 wide rows has some 5 MB. */
const FREE_PARTS_MAX = 32;

/** Takes back the memory of a part that nobody reads any more, nor will. */
export function givePartBack({ buffer }: Uint8Array<ArrayBuffer>): void {
  if (buffer.byteLength === PART_MEMORY_BYTES && freeParts.length < FREE_PARTS_MAX) freeParts.push(buffer);
}

function partMemory(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(freeParts.pop() ?? new ArrayBuffer(PART_MEMORY_BYTES));
}

/** Writes rows field by field; `row` announces how many fields follow. Integers out of range are the caller's bug. */
export class CopyBinaryWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #at = HEADER_BYTES;
  /** Of the row that is being written. */
  #fields = 0;

  constructor(capacity: number) {
    const bytes = Math.max(capacity, HEADER_BYTES + 2);
    this.#bytes = bytes < PART_BYTES ? new Uint8Array(bytes) : partMemory();
    this.#bytes.set(SIGNATURE);
    this.#bytes.fill(0, SIGNATURE.length, HEADER_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** True when there is enough for a part. */
  get isFull(): boolean {
    return this.#at >= PART_BYTES;
  }

  /** What was written since the last part, which is now the caller's; the writer goes on in other memory. */
  takePart(): Uint8Array<ArrayBuffer> {
    const part = this.#bytes.subarray(0, this.#at);
    this.#bytes = partMemory();
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
    return part;
  }

  #reserve(n: number): void {
    if (this.#at + n <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + n));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  row(fields: number): void {
    this.#fields = fields;
    this.#reserve(2 + fields * 12); // every field but bytes fits in 12
    const bytes = this.#bytes;
    bytes[this.#at] = fields >>> 8;
    bytes[this.#at + 1] = fields;
    this.#at += 2;
  }

  int16(value: number): void {
    this.#view.setInt32(this.#at, 2);
    this.#view.setInt16(this.#at + 4, value);
    this.#at += 6;
  }

  int32(value: number): void {
    this.#view.setInt32(this.#at, 4);
    this.#view.setInt32(this.#at + 4, value);
    this.#at += 8;
  }

  /** An int64 by its halves, as uint32: a bigint would be an object per value. */
  int64(high: number, low: number): void {
    this.#view.setInt32(this.#at, 8);
    this.#view.setUint32(this.#at + 4, high);
    this.#view.setUint32(this.#at + 8, low);
    this.#at += 12;
  }

  /** The bytes from `start` to `end`. */
  bytes(value: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(4 + length + this.#fields * 12); // keeps the room that `row` made for the fields after this one
    this.#view.setInt32(this.#at, length);
    this.#bytes.set(value.subarray(start, end), this.#at + 4);
    this.#at += 4 + length;
  }

  null(): void {
    this.#view.setInt32(this.#at, -1);
    this.#at += 4;
  }

  /** The last part, with the end of the file; the writer is used no more. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#reserve(2);
    this.#view.setInt16(this.#at, -1);
    return this.#bytes.subarray(0, this.#at + 2);
  }
}

/** Fields of a file's rows as views into it, null for NULL; all rows have as many. */
export function readCopyFile(file: Uint8Array): (Uint8Array | null)[][] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const rows: (Uint8Array | null)[][] = [];
  let at = HEADER_BYTES + view.getInt32(SIGNATURE.length + 4);
  for (let fields = view.getInt16(at); fields >= 0; fields = view.getInt16(at)) {
    at += 2;
    const row: (Uint8Array | null)[] = [];
    for (let i = 0; i < fields; i++) {
      const length = view.getInt32(at);
      at += 4;
      row.push(length < 0 ? null : file.subarray(at, at + length));
      at += Math.max(0, length);
    }
    rows.push(row);
  }
  return rows;
}
