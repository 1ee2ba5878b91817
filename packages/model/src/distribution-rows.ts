// SPDX-License-Identifier: Apache-2.0
// The distributions of many rows in shared memory: no object and no allocation of its own for a row.
// In: samples, columns of canonical bytes (decoded batches), rows of other tables. Out: canonical bytes, by row or as a column.
import { ByteWriter } from './bytes.js';
import { readBuckets, scratch, SMALL_TOTAL } from './distribution-bytes.js';
import { head, putVarint, readHead } from './distribution-window.js';
import {
  DENSE_BUCKETS_MIN,
  DENSE_GRID,
  DENSE_WIDTH,
  DENSE_WIDTH_PER_BUCKET,
  SparseDistribution,
} from './distribution.js';

/** Canonical distributions of n rows end to end: row i is bytes[offsets[i], offsets[i + 1]). */
export interface DistributionBytes {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
}

/** The bytes of row i; a view. */
export function distributionAt({ offsets, bytes }: DistributionBytes, i: number): Uint8Array {
  return bytes.subarray(offsets[i], offsets[i + 1]);
}

/** Distributions in canonical bytes put end to end; undefined: no bytes at all. */
export function joinDistributions(parts: readonly (Uint8Array | null | undefined)[]): DistributionBytes {
  const offsets = new Uint32Array(parts.length + 1);
  for (let i = 0; i < parts.length; i++) offsets[i + 1] = offsets[i]! + (parts[i]?.length ?? 0);
  const bytes = new Uint8Array(offsets[parts.length]!);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part) bytes.set(part, offsets[i]);
  }
  return { offsets, bytes };
}

/** The same, and what their readers and tables know of them. */
export interface DistributionColumn extends DistributionBytes {
  /** Per row the sum of its counts (exact below 2^53), and the index of its last bucket (0 if it has none). */
  readonly totals: Float64Array;
  readonly lasts: Int32Array;
}

// Forms of a row. EMPTY: nothing. ENCODED: a piece with its canonical bytes, never changed in place. DENSE: a piece with a window of
// byte counts, and multiples of 256 in `#high`. LARGE: a SparseDistribution, for what fits neither.
const EMPTY = 0;
const ENCODED = 1;
const DENSE = 2;
const LARGE = 3;

/** Longer canonical bytes, and sums of counts from SMALL_TOTAL on, are LARGE. */
const ENCODED_MAX = 4_096;

/** A piece is at chunk `where >>> 14`, byte `(where & 0x3fff) * 4`. */
const CHUNK_BITS = 14;
const CHUNK_MASK = 0x3fff;
const CHUNK_BYTES = 65_536;
const CHUNK_BYTES_MIN = 256;
/** Pieces are moved together when this lies unused, and a quarter of what is used; for a window, which does not stay long, twice what is used. */
const GARBAGE_MIN = 16_384;

/** A window has room for higher buckets than it needs: latencies have their tail there, and growing costs more than an unused byte. */
const WINDOW_ROOM = 128;

const NOTHING = Uint8Array.of(0);

/** Distributions by row number. Merging is exact; the form of a row never shows. All refusals leave the row as it was. */
export class DistributionRows {
  #form: Uint8Array;
  #where: Uint32Array;
  /** Bytes of the piece: canonical bytes, or buckets of the window (a multiple of DENSE_GRID). */
  #length: Uint16Array;
  /** ENCODED: index of the last bucket. DENSE: index of the window's first. */
  #edge: Int32Array;
  /** ENCODED, DENSE: sum of the counts, below SMALL_TOTAL. */
  #total: Int32Array;
  #chunks: Uint8Array[] = [];
  /** The memory of `chunks`. */
  #words: Int32Array[] = [];
  /** Bytes taken of the last chunk. */
  #used = 0;
  #live = 0;
  #garbage = 0;
  #chunkBytes: number;
  readonly #large = new Map<number, SparseDistribution>();
  readonly #high = new Map<number, Uint32Array>();

  constructor(capacity: number) {
    this.#form = new Uint8Array(capacity);
    this.#where = new Uint32Array(capacity);
    this.#length = new Uint16Array(capacity);
    this.#edge = new Int32Array(capacity);
    this.#total = new Int32Array(capacity);
    this.#chunkBytes = Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BYTES, capacity * 32)) & ~3;
  }

  /** Makes room for `capacity` rows. */
  reserve(capacity: number): void {
    if (capacity <= this.#form.length) return;
    const [form, where, length, edge, total] = [this.#form, this.#where, this.#length, this.#edge, this.#total];
    this.#form = new Uint8Array(capacity);
    this.#form.set(form);
    this.#where = new Uint32Array(capacity);
    this.#where.set(where);
    this.#length = new Uint16Array(capacity);
    this.#length.set(length);
    this.#edge = new Int32Array(capacity);
    this.#edge.set(edge);
    this.#total = new Int32Array(capacity);
    this.#total.set(total);
  }

  // ---- pieces ----

  /** Where a new piece is, of zeros. Other pieces may move: what was looked up before still has its old content, but not its place. */
  #allocate(bytes: number, form: typeof ENCODED | typeof DENSE): number {
    if (this.#garbage > GARBAGE_MIN && this.#garbage > this.#live * (form === ENCODED ? 0.25 : 2)) this.#compact();
    const rounded = (bytes + 3) & ~3;
    let chunk = this.#chunks.length - 1;
    if (chunk < 0 || this.#used + rounded > this.#chunks[chunk]!.length) {
      if (chunk >= 0) this.#chunkBytes = Math.min(CHUNK_BYTES, this.#chunkBytes * 2);
      const words = new Int32Array(Math.max(this.#chunkBytes, rounded) >> 2);
      this.#words.push(words);
      this.#chunks.push(new Uint8Array(words.buffer));
      this.#used = 0;
      chunk++;
    }
    const where = (chunk << CHUNK_BITS) | (this.#used >>> 2);
    this.#used += rounded;
    this.#live += rounded;
    return where >>> 0;
  }

  /** The row's piece is no longer needed. */
  #free(row: number): void {
    const form = this.#form[row]!;
    if (form === ENCODED || form === DENSE) {
      const rounded = (this.#length[row]! + 3) & ~3;
      this.#live -= rounded;
      this.#garbage += rounded;
      if (form === DENSE) this.#high.delete(row);
    } else if (form === LARGE) {
      this.#large.delete(row);
    }
    this.#form[row] = EMPTY;
  }

  #compact(): void {
    const old = this.#words;
    this.#chunks = [];
    this.#words = [];
    this.#used = 0;
    this.#live = 0;
    this.#garbage = 0;
    for (let row = 0; row < this.#form.length; row++) {
      if (this.#form[row] !== ENCODED && this.#form[row] !== DENSE) continue;
      const where = this.#where[row]!;
      const length = this.#length[row]!;
      const moved = this.#allocate(length, DENSE);
      copyWords(
        this.#words[moved >>> CHUNK_BITS]!,
        moved & CHUNK_MASK,
        old[where >>> CHUNK_BITS]!,
        where & CHUNK_MASK,
        (length + 3) >> 2,
      );
      this.#where[row] = moved;
    }
  }

  /** Of an empty row: takes over canonical bytes[start, end), which are not empty. */
  #put(row: number, bytes: Uint8Array, start: number, end: number, last: number, total: number): void {
    const length = end - start;
    if (length > ENCODED_MAX || total >= SMALL_TOTAL) {
      const large = new SparseDistribution(0);
      large.decodeFrom(bytes, start, end);
      this.#form[row] = LARGE;
      this.#large.set(row, large);
      return;
    }
    const where = this.#allocate(length, ENCODED);
    const to = this.#chunks[where >>> CHUNK_BITS]!;
    const at = (where & CHUNK_MASK) << 2;
    if (length < 64) for (let i = 0; i < length; i++) to[at + i] = bytes[start + i]!;
    else to.set(bytes.subarray(start, end), at);
    this.#form[row] = ENCODED;
    this.#where[row] = where;
    this.#length[row] = length;
    this.#edge[row] = last;
    this.#total[row] = total;
  }

  /** Turns a row LARGE. */
  #becomeLarge(row: number): SparseDistribution {
    const large = this.get(row) ?? new SparseDistribution();
    if (this.#form[row] !== LARGE) {
      this.#free(row);
      this.#form[row] = LARGE;
      this.#large.set(row, large);
    }
    return large;
  }

  // ---- windows ----

  /** Turns an ENCODED row DENSE, with a window that covers buckets first..last too. False, and nothing changed, when it would be too wide. */
  #open(row: number, first: number, last: number, used: number): boolean {
    const where = this.#where[row]!;
    const bytes = this.#chunks[where >>> CHUNK_BITS]!;
    const start = (where & CHUNK_MASK) << 2;
    const end = start + this.#length[row]!;
    readHead(bytes, start);
    const { first: ownFirst, at } = head;
    const base = gridFloor(Math.min(first, ownFirst));
    const needed = gridFloor(Math.max(last, this.#edge[row]!)) + DENSE_GRID - base;
    if (needed > DENSE_WIDTH || used < DENSE_BUCKETS_MIN || needed > used * DENSE_WIDTH_PER_BUCKET) return false;
    const width = Math.min(needed + WINDOW_ROOM, DENSE_WIDTH);
    const total = this.#total[row]!;
    this.#free(row);
    this.#where[row] = this.#allocate(width, DENSE);
    this.#form[row] = DENSE;
    this.#length[row] = width;
    this.#edge[row] = base;
    this.#total[row] = total;
    this.#addBuckets(row, bytes, at, end, ownFirst);
    return true;
  }

  /** Makes a DENSE row's window cover buckets first..last. False, and nothing changed, when it would be too wide. */
  #cover(row: number, first: number, last: number): boolean {
    const base = this.#edge[row]!;
    const length = this.#length[row]!;
    if (first >= base && last < base + length) return true;
    const newBase = Math.min(base, gridFloor(first));
    const needed = Math.max(base + length, gridFloor(last) + DENSE_GRID) - newBase;
    if (needed > DENSE_WIDTH) return false;
    const width = last < base + length ? needed : Math.min(needed + WINDOW_ROOM, DENSE_WIDTH);
    const where = this.#where[row]!;
    const from = this.#words[where >>> CHUNK_BITS]!;
    const shift = base - newBase;
    const moved = this.#allocate(width, DENSE);
    copyWords(
      this.#words[moved >>> CHUNK_BITS]!,
      (moved & CHUNK_MASK) + (shift >> 2),
      from,
      where & CHUNK_MASK,
      length >> 2,
    );
    this.#live -= length;
    this.#garbage += length;
    const high = this.#high.get(row);
    if (high) {
      const grown = new Uint32Array(width);
      grown.set(high, shift);
      this.#high.set(row, grown);
    }
    this.#where[row] = moved;
    this.#length[row] = width;
    this.#edge[row] = newBase;
    return true;
  }

  #highOf(row: number): Uint32Array {
    let high = this.#high.get(row);
    if (!high) this.#high.set(row, (high = new Uint32Array(this.#length[row]!)));
    return high;
  }

  /** Adds the counts of canonical bytes[at, end), which follow the index `first`, to a DENSE row that covers them; not to its total. */
  #addBuckets(row: number, bytes: Uint8Array, at: number, end: number, first: number): void {
    const where = this.#where[row]!;
    const low = this.#chunks[where >>> CHUNK_BITS]!;
    const start = (where & CHUNK_MASK) << 2;
    let slot = start + first - this.#edge[row]!;
    for (let i = at; ;) {
      let count = bytes[i++]!;
      if (count >= 0x80) {
        count &= 0x7f;
        for (let shift = 7; ; shift += 7) {
          const b = bytes[i++]!;
          count |= (b & 0x7f) << shift;
          if (b < 0x80) break;
        }
      }
      const sum = low[slot]! + count;
      low[slot] = sum;
      if (sum > 255) this.#highOf(row)[slot - start]! += sum >>> 8;
      if (i >= end) return;
      let step = bytes[i++]!;
      if (step >= 0x80) {
        step &= 0x7f;
        for (let shift = 7; ; shift += 7) {
          const b = bytes[i++]!;
          step |= (b & 0x7f) << shift;
          if (b < 0x80) break;
        }
      }
      slot += step;
    }
  }

  /** Adds the window of row `fromRow` of `other` to that of `row`, which covers it; both are DENSE. */
  #addWindow(row: number, other: DistributionRows, fromRow: number): void {
    const where = this.#where[row]!;
    const chunk = where >>> CHUNK_BITS;
    const words = this.#words[chunk]!;
    const low = this.#chunks[chunk]!;
    const fromWhere = other.#where[fromRow]!;
    const fromWords = other.#words[fromWhere >>> CHUNK_BITS]!;
    const fromLow = other.#chunks[fromWhere >>> CHUNK_BITS]!;
    const shift = other.#edge[fromRow]! - this.#edge[row]!; // of the grid, as both edges
    let to = (where & CHUNK_MASK) + (shift >> 2);
    let from = fromWhere & CHUNK_MASK;
    const end = from + (other.#length[fromRow]! >> 2);
    const fromHigh = other.#high.get(fromRow);
    if (fromHigh) {
      // before any carry: both rows may be the same one
      const high = this.#highOf(row);
      for (let i = 0; i < fromHigh.length; i++) high[i + shift]! += fromHigh[i]!;
    }
    for (; from < end; from++, to++) {
      const added = fromWords[from]!;
      if (added === 0) continue;
      const own = words[to]!;
      if (((own | added) & 0x8080_8080) === 0) {
        words[to] = own + added; // four counts below 128 each: no sum reaches the next
        continue;
      }
      for (let k = 0; k < 4; k++) {
        const sum = low[to * 4 + k]! + fromLow[from * 4 + k]!;
        low[to * 4 + k] = sum;
        if (sum > 255) this.#highOf(row)[to * 4 + k - ((where & CHUNK_MASK) << 2)]!++;
      }
    }
  }

  /** A SparseDistribution of a row, undefined while it is empty: to look at, not to change. */
  get(row: number): SparseDistribution | undefined {
    switch (this.#form[row]) {
      case ENCODED: {
        const where = this.#where[row]!;
        const start = (where & CHUNK_MASK) << 2;
        const d = new SparseDistribution(0);
        d.decodeFrom(this.#chunks[where >>> CHUNK_BITS]!, start, start + this.#length[row]!);
        return d;
      }
      case DENSE: {
        const where = this.#where[row]!;
        const start = (where & CHUNK_MASK) << 2;
        const low = this.#chunks[where >>> CHUNK_BITS]!.slice(start, start + this.#length[row]!);
        const high = this.#high.get(row)?.slice();
        return SparseDistribution.ofWindow({ base: this.#edge[row]!, low, high, total: this.#total[row]! });
      }
      case LARGE:
        return this.#large.get(row);
      default:
        return undefined;
    }
  }

  // ---- adding ----

  /** Adds one sample to a bucket. False when the index would leave int32 or the count int64. */
  addOne(row: number, index: number): boolean {
    if (this.#form[row] === DENSE && this.#total[row]! < SMALL_TOTAL - 1) {
      const slot = index - this.#edge[row]!;
      if ((slot >= 0 && slot < this.#length[row]!) || (isIndex(index) && this.#cover(row, index, index))) {
        const where = this.#where[row]!;
        const low = this.#chunks[where >>> CHUNK_BITS]!;
        const inWindow = index - this.#edge[row]!;
        const at = ((where & CHUNK_MASK) << 2) + inWindow;
        const sum = low[at]! + 1;
        low[at] = sum;
        if (sum > 255) this.#highOf(row)[inWindow]!++;
        this.#total[row]!++;
        return true;
      }
    }
    if (!isIndex(index)) return false;
    let large = this.#large.get(row);
    if (!large) {
      // LARGE, too, while there is little: it goes into a window as soon as it has one
      if (this.#form[row] === EMPTY) {
        large = new SparseDistribution(4);
        this.#form[row] = LARGE;
        this.#large.set(row, large);
      } else {
        large = this.#becomeLarge(row);
      }
    }
    return large.addOne(index) && this.#settle(row, large);
  }

  /** Moves a LARGE row that has got a window into a piece. True. */
  #settle(row: number, large: SparseDistribution): boolean {
    const window = large.window();
    if (!window) return true;
    const { base, low, high, total } = window;
    this.#free(row);
    const where = this.#allocate(low.length, DENSE);
    this.#chunks[where >>> CHUNK_BITS]!.set(low, (where & CHUNK_MASK) << 2);
    if (high) this.#high.set(row, high.slice());
    this.#form[row] = DENSE;
    this.#where[row] = where;
    this.#length[row] = low.length;
    this.#edge[row] = base;
    this.#total[row] = total;
    return true;
  }

  /** Folds in row `i` of a column. False, and nothing changed, when a count would leave int64. */
  mergeColumnRow(row: number, column: DistributionColumn, i: number): boolean {
    return this.#mergeBytes(
      row,
      column.bytes,
      column.offsets[i]!,
      column.offsets[i + 1]!,
      column.lasts[i]!,
      column.totals[i]!,
    );
  }

  /** Folds row i of a column into `rows[i]`, for all i. Returns the positions that were refused, undefined when there are none. */
  mergeColumn(rows: Int32Array, column: DistributionColumn): number[] | undefined {
    const { bytes, offsets, lasts, totals } = column;
    let refused: number[] | undefined;
    for (let i = 0; i < totals.length; i++) {
      if (!this.#mergeBytes(rows[i]!, bytes, offsets[i]!, offsets[i + 1]!, lasts[i]!, totals[i]!))
        (refused ??= []).push(i);
    }
    return refused;
  }

  /** Folds canonical bytes in, with the last index and the total that they have. */
  #mergeBytes(row: number, bytes: Uint8Array, start: number, end: number, last: number, total: number): boolean {
    if (total === 0) return true;
    const form = this.#form[row]!;
    if (form === EMPTY) {
      this.#put(row, bytes, start, end, last, total);
      return true;
    }
    if (form !== LARGE && this.#total[row]! + total < SMALL_TOTAL) {
      readHead(bytes, start);
      const { count, first, at } = head;
      if (form === DENSE ? this.#cover(row, first, last) : this.#openFor(row, first, last, count)) {
        this.#addBuckets(row, bytes, at, end, first);
        this.#total[row]! += total;
        return true;
      }
    }
    const large = this.#becomeLarge(row);
    return large.mergeEncoded(bytes, start, end) && this.#settle(row, large);
  }

  #openFor(row: number, first: number, last: number, count: number): boolean {
    const where = this.#where[row]!;
    readHead(this.#chunks[where >>> CHUNK_BITS]!, (where & CHUNK_MASK) << 2);
    return this.#open(row, first, last, Math.max(count, head.count));
  }

  /** Folds in row `fromRow` of `other`, whose content stays. False, and nothing changed, when a count would leave int64. */
  mergeRow(row: number, other: DistributionRows, fromRow: number): boolean {
    // a row that is taken over is encoded once, and its bytes serve both tables
    if (this.#form[row] === EMPTY) other.#freeze(fromRow);
    switch (other.#form[fromRow]) {
      case ENCODED: {
        const where = other.#where[fromRow]!;
        const start = (where & CHUNK_MASK) << 2;
        const end = start + other.#length[fromRow]!;
        const bytes = other.#chunks[where >>> CHUNK_BITS]!;
        return this.#mergeBytes(row, bytes, start, end, other.#edge[fromRow]!, other.#total[fromRow]!);
      }
      case DENSE: {
        const form = this.#form[row]!;
        const total = other.#total[fromRow]!;
        const first = other.#edge[fromRow]!;
        const length = other.#length[fromRow]!;
        if (form !== LARGE && this.#total[row]! + total < SMALL_TOTAL) {
          const last = first + length - 1;
          if (form === DENSE ? this.#cover(row, first, last) : this.#open(row, first, last, length)) {
            this.#addWindow(row, other, fromRow);
            this.#total[row]! += total;
            return true;
          }
        }
        return this.#becomeLarge(row).merge(other.get(fromRow)!);
      }
      case LARGE: {
        const from = other.#large.get(fromRow)!;
        if (this.#form[row] !== EMPTY) return this.#becomeLarge(row).merge(from);
        this.#form[row] = LARGE;
        this.#large.set(row, from.clone());
        return true;
      }
      default:
        return true;
    }
  }

  /** Replaces a row by canonical bytes; no bytes at all stand for an empty one. Errors: DecodeError, and nothing changed. */
  set(row: number, bytes: Uint8Array): void {
    const n = bytes.length === 0 ? 0 : readBuckets(bytes, 0, bytes.length);
    const last = n > 0 ? scratch.indexes[n - 1]! : 0;
    const { total } = scratch;
    this.#free(row);
    if (n > 0) this.#put(row, bytes, 0, bytes.length, last, total);
  }

  // ---- bytes ----

  /** Makes a row ENCODED if that can be. */
  #freeze(row: number): void {
    const form = this.#form[row];
    if (form !== DENSE && form !== LARGE) return;
    output.length = 0;
    this.#append(row);
    if (output.length > ENCODED_MAX || output.total >= SMALL_TOTAL || output.total === 0) return;
    const { last, total } = output;
    this.#free(row);
    this.#put(row, output.bytes, 0, output.length, last, total);
  }

  /** Canonical bytes of a row. They stay as they are whatever happens to the row, and the caller must not write to them. */
  encoded(row: number): Uint8Array {
    this.#freeze(row);
    if (this.#form[row] !== ENCODED) return this.#large.get(row)?.encode() ?? NOTHING;
    const where = this.#where[row]!;
    const start = (where & CHUNK_MASK) << 2;
    return this.#chunks[where >>> CHUNK_BITS]!.subarray(start, start + this.#length[row]!);
  }

  /** Canonical bytes of `rows` as a column that shares nothing with this table. */
  column(rows: readonly number[]): DistributionColumn {
    const offsets = new Uint32Array(rows.length + 1);
    const totals = new Float64Array(rows.length);
    const lasts = new Int32Array(rows.length);
    output.length = 0;
    for (let i = 0; i < rows.length; i++) {
      this.#append(rows[i]!);
      offsets[i + 1] = output.length;
      totals[i] = output.total;
      lasts[i] = output.last;
    }
    const bytes = output.bytes.slice(0, output.length);
    if (output.bytes.length > OUTPUT_BYTES) output.bytes = new Uint8Array(CHUNK_BYTES);
    return { offsets, bytes, totals, lasts };
  }

  /** Appends the canonical bytes of a row to `output`, and sets its `last` and `total`. */
  #append(row: number): void {
    output.last = 0;
    output.total = 0;
    switch (this.#form[row]) {
      case ENCODED: {
        const length = this.#length[row]!;
        reserveOutput(length);
        const where = this.#where[row]!;
        const start = (where & CHUNK_MASK) << 2;
        output.bytes.set(this.#chunks[where >>> CHUNK_BITS]!.subarray(start, start + length), output.length);
        output.length += length;
        output.last = this.#edge[row]!;
        output.total = this.#total[row]!;
        return;
      }
      case DENSE:
        this.#appendWindow(row);
        return;
      case LARGE: {
        const large = this.#large.get(row)!;
        const w = new ByteWriter(16 + large.size * 3);
        large.encodeTo(w);
        const encoded = w.view();
        reserveOutput(encoded.length);
        output.bytes.set(encoded, output.length);
        output.length += encoded.length;
        if (large.size > 0) output.last = large.indexAt(large.size - 1);
        for (let i = 0; i < large.size; i++) output.total += Number(large.countAt(i));
        return;
      }
      default:
        reserveOutput(1);
        output.bytes[output.length++] = 0;
    }
  }

  #appendWindow(row: number): void {
    const where = this.#where[row]!;
    const words = this.#words[where >>> CHUNK_BITS]!;
    const low = this.#chunks[where >>> CHUNK_BITS]!;
    const start = (where & CHUNK_MASK) << 2;
    const length = this.#length[row]!;
    const high = this.#high.get(row);
    let n = 0;
    if (high) {
      for (let slot = 0; slot < length; slot++) if (low[start + slot] !== 0 || high[slot] !== 0) slots[n++] = slot;
    } else {
      const from = start >> 2;
      for (let i = 0; i < length >> 2; i++) {
        if (words[from + i] === 0) continue;
        const slot = i << 2;
        const at = start + slot;
        slots[n] = slot;
        n += low[at] === 0 ? 0 : 1;
        slots[n] = slot + 1;
        n += low[at + 1] === 0 ? 0 : 1;
        slots[n] = slot + 2;
        n += low[at + 2] === 0 ? 0 : 1;
        slots[n] = slot + 3;
        n += low[at + 3] === 0 ? 0 : 1;
      }
    }
    // a gap inside a window takes two bytes at most, a count below 2^30 five
    reserveOutput(n * 7 + 16);
    const { bytes } = output;
    let at = putVarint(bytes, output.length, n);
    const base = this.#edge[row]!;
    let next = slots[0]!;
    const first = base + next;
    at = putVarint(bytes, at, ((first << 1) ^ (first >> 31)) >>> 0);
    for (let i = 0; ;) {
      const count = low[start + next]! + (high ? high[next]! * 256 : 0);
      if (count < 0x80) bytes[at++] = count;
      else at = putVarint(bytes, at, count);
      if (++i === n) break;
      const slot = slots[i]!;
      const step = slot - next;
      next = slot;
      if (step < 0x80) bytes[at++] = step;
      else at = putVarint(bytes, at, step);
    }
    output.length = at;
    output.last = base + next;
    output.total = this.#total[row]!;
  }
}

/** What `#append` has written: bytes[0, length), and the last index and total of the row that came last. */
const output = { bytes: new Uint8Array(CHUNK_BYTES), length: 0, last: 0, total: 0 };
/** Longer scratch memory is given back. */
const OUTPUT_BYTES = 2 ** 22;

function reserveOutput(n: number): void {
  if (output.length + n <= output.bytes.length) return;
  const grown = new Uint8Array(output.bytes.length * 2 + n);
  grown.set(output.bytes.subarray(0, output.length));
  output.bytes = grown;
}

/** Slots in use of the window that is being written; one more, since a slot is written before it is known to be in use. */
const slots = new Uint16Array(DENSE_WIDTH + 1);

function copyWords(to: Int32Array, at: number, from: Int32Array, start: number, n: number): void {
  for (let i = 0; i < n; i++) to[at + i] = from[start + i]!;
}

function gridFloor(index: number): number {
  return index & ~(DENSE_GRID - 1);
}

function isIndex(index: number): boolean {
  return index >= -0x8000_0000 && index <= 0x7fff_ffff;
}
