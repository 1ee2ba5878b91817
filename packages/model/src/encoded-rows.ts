// SPDX-License-Identifier: Apache-2.0
// The distributions of many rows as canonical bytes end to end: rows that rest between one merge and the next, as a slot's memory does.
// In: columns of canonical bytes (deltas, stored rows). Out: the same.
import { SMALL_TOTAL } from './distribution-bytes.js';
import { SparseDistribution } from './distribution.js';
import type { DistributionColumn } from './distribution-rows.js';
import {
  addToWindow,
  fitsWindow,
  head,
  openWindow,
  readHead,
  takeWindow,
  writeSumOfTwo,
} from './distribution-window.js';

/** Longer canonical bytes, and sums of counts from SMALL_TOTAL on, are kept as a SparseDistribution. */
const ENCODED_MAX = 16_384;

/** A piece is at byte `where & 0xffff` of chunk `where >>> 16`. */
const CHUNK_BYTES = 65_536;
const CHUNK_BYTES_MIN = 256;
/** Pieces are moved together when this much lies unused, and a quarter of what is used. */
const GARBAGE_MIN = 65_536;

const NOTHING = Uint8Array.of(0);

/** Distributions by row number. Merging is exact. All refusals leave the row as it was. */
export class EncodedRows {
  #where: Uint32Array;
  /** Bytes of the piece; 0: the row is empty, or in `#large`. */
  #length: Uint16Array;
  /** Of a piece: index of its last bucket, and sum of its counts, below SMALL_TOTAL. */
  #last: Int32Array;
  #total: Int32Array;
  #chunks: Uint8Array[] = [];
  /** Per chunk: bytes of pieces in it. */
  #live: number[] = [];
  /** Chunks without a piece. */
  #free: number[] = [];
  #current = -1;
  /** Bytes taken of the current chunk. */
  #used = 0;
  #chunkBytes = CHUNK_BYTES_MIN;
  readonly #large = new Map<number, SparseDistribution>();

  constructor(capacity: number) {
    this.#where = new Uint32Array(capacity);
    this.#length = new Uint16Array(capacity);
    this.#last = new Int32Array(capacity);
    this.#total = new Int32Array(capacity);
  }

  /** Makes room for `capacity` rows. */
  reserve(capacity: number): void {
    if (capacity <= this.#where.length) return;
    const [where, length, last, total] = [this.#where, this.#length, this.#last, this.#total];
    this.#where = new Uint32Array(capacity);
    this.#where.set(where);
    this.#length = new Uint16Array(capacity);
    this.#length.set(length);
    this.#last = new Int32Array(capacity);
    this.#last.set(last);
    this.#total = new Int32Array(capacity);
    this.#total.set(total);
  }

  // ---- memory ----

  /** Makes the current chunk have room for `bytes`, of `expected` that are to come. Pieces stay where they are. */
  #makeRoom(bytes: number, expected: number): void {
    if (this.#current >= 0 && this.#used + bytes <= this.#chunks[this.#current]!.length) return;
    this.#dropIfDead(this.#current);
    const size = Math.max(bytes, Math.min(CHUNK_BYTES, Math.max(this.#chunkBytes, expected)));
    this.#chunkBytes = Math.min(CHUNK_BYTES, size * 2);
    const chunk = this.#free.pop() ?? this.#chunks.length;
    if ((this.#chunks[chunk]?.length ?? 0) < size) this.#chunks[chunk] = new Uint8Array(size);
    this.#live[chunk] = 0;
    this.#current = chunk;
    this.#used = 0;
  }

  #dropIfDead(chunk: number): void {
    if (chunk < 0 || this.#live[chunk] !== 0) return;
    if (this.#chunks[chunk]!.length < CHUNK_BYTES) this.#chunks[chunk] = NOTHING;
    this.#free.push(chunk);
  }

  /** The row's piece, if it has one, is no longer needed. */
  #freePiece(row: number): void {
    const length = this.#length[row]!;
    if (length === 0) return;
    const chunk = this.#where[row]! >>> 16;
    this.#live[chunk]! -= length;
    this.#length[row] = 0;
    if (chunk !== this.#current) this.#dropIfDead(chunk);
  }

  #place(row: number, length: number, last: number, total: number): void {
    this.#where[row] = (this.#current << 16) | this.#used;
    this.#length[row] = length;
    this.#last[row] = last;
    this.#total[row] = total;
    this.#used += length;
    this.#live[this.#current]! += length;
  }

  /** Moves the pieces together when enough lies unused. */
  #tidy(): void {
    let live = 0;
    let all = 0;
    for (let chunk = 0; chunk < this.#chunks.length; chunk++) {
      live += this.#live[chunk]!;
      all += chunk === this.#current ? this.#used : this.#chunks[chunk]!.length;
    }
    all -= this.#free.length * CHUNK_BYTES; // those that are kept for use are full ones, mostly
    if (all - live <= GARBAGE_MIN || all - live <= live / 4) return;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#live = [];
    this.#free = [];
    this.#current = -1;
    this.#chunkBytes = CHUNK_BYTES;
    for (let row = 0; row < this.#length.length; row++) {
      const length = this.#length[row]!;
      if (length === 0) continue;
      this.#makeRoom(length, live);
      const where = this.#where[row]!;
      const at = where & 0xffff;
      this.#chunks[this.#current]!.set(chunks[where >>> 16]!.subarray(at, at + length), this.#used);
      this.#place(row, length, this.#last[row]!, this.#total[row]!);
    }
  }

  // ---- merging ----

  /** Whether row i of a column surely fits row `rows[i]`, for all i, if no row comes twice. False says nothing. */
  surelyFits(rows: Int32Array, { totals }: DistributionColumn): boolean {
    for (let i = 0; i < totals.length; i++) {
      const row = rows[i]!;
      const own = row < this.#total.length ? this.#total[row]! : 0;
      if (own + totals[i]! >= SMALL_TOTAL) return false;
    }
    return this.#large.size === 0;
  }

  /** Folds row i of a column into `rows[i]`, for all i. Returns the positions that were refused, undefined when there are none. */
  mergeColumn(rows: Int32Array, column: DistributionColumn): number[] | undefined {
    const { bytes, offsets, lasts, totals } = column;
    this.#tidy();
    let refused: number[] | undefined;
    // rows that were empty take their bytes over, neighbours in one copy
    let runFrom = 0;
    let runTo = 0;
    for (let i = 0; i < totals.length; i++) {
      const total = totals[i]!;
      if (total === 0) continue;
      const row = rows[i]!;
      const start = offsets[i]!;
      const length = offsets[i + 1]! - start;
      if (this.#length[row] === 0 && length <= ENCODED_MAX && total < SMALL_TOTAL && !this.#large.has(row)) {
        if (start !== runTo || this.#used + length > (this.#chunks[this.#current]?.length ?? 0)) {
          this.#copyRun(bytes, runFrom, runTo);
          this.#makeRoom(length, bytes.length - start);
          runFrom = start;
        }
        runTo = start + length;
        this.#place(row, length, lasts[i]!, total);
        continue;
      }
      this.#copyRun(bytes, runFrom, runTo);
      runFrom = runTo = 0;
      if (!this.#mergeBytes(row, bytes, start, start + length, lasts[i]!, total, bytes.length - start))
        (refused ??= []).push(i);
    }
    this.#copyRun(bytes, runFrom, runTo);
    return refused;
  }

  /** The bytes of the rows that were placed last. */
  #copyRun(bytes: Uint8Array, from: number, to: number): void {
    if (from < to) this.#chunks[this.#current]!.set(bytes.subarray(from, to), this.#used - (to - from));
  }

  /** Folds in row `i` of a column. False, and nothing changed, when a count would leave int64. */
  mergeColumnRow(row: number, { bytes, offsets, lasts, totals }: DistributionColumn, i: number): boolean {
    if (totals[i] === 0) return true;
    this.#tidy();
    const start = offsets[i]!;
    const end = offsets[i + 1]!;
    return this.#mergeBytes(row, bytes, start, end, lasts[i]!, totals[i]!, end - start);
  }

  /** Folds canonical bytes in, with the last index and the total that they have. `expected`: bytes that are likely to come. */
  #mergeBytes(
    row: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    last: number,
    total: number,
    expected: number,
  ): boolean {
    const own = this.#length[row]!;
    const length = end - start;
    const large = this.#large.get(row);
    if (large) return large.mergeEncoded(bytes, start, end);
    if (own === 0) {
      if (length > ENCODED_MAX || total >= SMALL_TOTAL) return this.#becomeLarge(row, bytes, start, end);
      this.#makeRoom(length, expected);
      this.#chunks[this.#current]!.set(bytes.subarray(start, end), this.#used);
      this.#place(row, length, last, total);
      return true;
    }
    if (own + length + 2 > ENCODED_MAX) return this.#becomeLarge(row, bytes, start, end);
    this.#makeRoom(own + length + 2, expected);
    const where = this.#where[row]!;
    const ownBytes = this.#chunks[where >>> 16]!;
    const ownStart = where & 0xffff;
    const ownEnd = ownStart + own;
    const highest = last > this.#last[row]! ? last : this.#last[row]!;
    const sum = total + this.#total[row]!;
    if (sum >= SMALL_TOTAL) return this.#becomeLarge(row, bytes, start, end);
    const chunk = this.#chunks[this.#current]!;
    let writtenTo = writeSumOfTwo(chunk, this.#used, ownBytes, ownStart, ownEnd, bytes, start, end);
    if (writtenTo < 0) {
      readHead(ownBytes, ownStart);
      const { first: ownFirst, at: ownAt, count: ownCount } = head;
      readHead(bytes, start);
      const { first, at, count } = head;
      const lowest = first < ownFirst ? first : ownFirst;
      if (!fitsWindow(lowest, highest, sum)) return this.#becomeLarge(row, bytes, start, end);
      openWindow(lowest, highest);
      addToWindow(ownBytes, ownAt, ownEnd, ownFirst, ownCount);
      addToWindow(bytes, at, end, first, count);
      writtenTo = takeWindow(chunk, this.#used);
    }
    this.#freePiece(row);
    this.#place(row, writtenTo - this.#used, highest, sum);
    return true;
  }

  /** Folds bytes into a row that is too long or too high for a piece then. */
  #becomeLarge(row: number, bytes: Uint8Array, start: number, end: number): boolean {
    const large = this.get(row) ?? new SparseDistribution(0);
    if (!large.mergeEncoded(bytes, start, end)) return false;
    this.#freePiece(row);
    this.#total[row] = 0;
    this.#large.set(row, large);
    return true;
  }

  // ---- reading ----

  /** A copy of the row's distribution, undefined while it is empty. */
  get(row: number): SparseDistribution | undefined {
    const length = this.#length[row] ?? 0;
    if (length === 0) return this.#large.get(row)?.clone();
    const where = this.#where[row]!;
    const start = where & 0xffff;
    const d = new SparseDistribution(0);
    d.decodeFrom(this.#chunks[where >>> 16]!, start, start + length);
    return d;
  }

  /** Canonical bytes of `rows` as a column that shares nothing with this table; no bytes at all where `present`, by position, is 0. */
  column(rows: ArrayLike<number>, present?: Uint8Array): DistributionColumn {
    const n = rows.length;
    const offsets = new Uint32Array(n + 1);
    const totals = new Float64Array(n);
    const lasts = new Int32Array(n);
    const large = this.#large.size > 0 ? new Map<number, Uint8Array>() : undefined;
    let size = 0;
    for (let i = 0; i < n; i++) {
      const row = rows[i]!;
      if (present?.[i] !== 0) {
        let length = this.#length[row]!;
        if (length === 0) {
          const bytes = this.#large.get(row)?.encode();
          if (bytes) large!.set(row, bytes);
          length = bytes?.length ?? 1;
        }
        size += length;
      }
      offsets[i + 1] = size;
    }
    const bytes = new Uint8Array(size);
    // neighbours in one copy
    let from = 0;
    let to = 0;
    let chunk = 0;
    let at = 0;
    for (let i = 0; i < n; i++) {
      const row = rows[i]!;
      const length = this.#length[row]!;
      if (offsets[i] === offsets[i + 1]) continue;
      if (length === 0) {
        const encoded = large?.get(row);
        if (!encoded) continue; // an empty one: a zero, which is there
        bytes.set(encoded, offsets[i]);
        const d = this.#large.get(row)!;
        lasts[i] = d.indexAt(d.size - 1);
        for (let k = 0; k < d.size; k++) totals[i]! += Number(d.countAt(k));
        continue;
      }
      const where = this.#where[row]!;
      if (where >>> 16 !== chunk || (where & 0xffff) !== to || at + (to - from) !== offsets[i]) {
        if (from < to) bytes.set(this.#chunks[chunk]!.subarray(from, to), at);
        chunk = where >>> 16;
        from = where & 0xffff;
        to = from;
        at = offsets[i]!;
      }
      to += length;
      lasts[i] = this.#last[row]!;
      totals[i] = this.#total[row]!;
    }
    if (from < to) bytes.set(this.#chunks[chunk]!.subarray(from, to), at);
    return { offsets, bytes, totals, lasts };
  }
}
