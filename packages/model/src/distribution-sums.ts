// SPDX-License-Identifier: Apache-2.0
// The sums of distributions by row, taken once, when all columns are there: a row that came once is copied, others are summed in one window.
// In: columns of canonical bytes, which must stay as they are until then. Out: one column.
import type { ByteSlabs } from './byte-slabs.js';
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

export class DistributionSums {
  readonly #columns: DistributionColumn[] = [];
  /** What came, in order: number of its column, its row there, and one more than what came for the same row before (0: nothing). */
  #column: Int32Array;
  #position: Int32Array;
  #before: Int32Array;
  #size = 0;
  /** Per row: one more than what came last for it (0: nothing), and the sum of its counts, below SMALL_TOTAL. */
  #came: Int32Array;
  #total: Int32Array;
  /** Rows with a higher sum. */
  readonly #large = new Map<number, SparseDistribution>();

  constructor(capacity: number) {
    this.#column = new Int32Array(capacity);
    this.#position = new Int32Array(capacity);
    this.#before = new Int32Array(capacity);
    this.#came = new Int32Array(capacity);
    this.#total = new Int32Array(capacity);
  }

  /** Makes room for `capacity` rows. */
  reserve(capacity: number): void {
    if (capacity <= this.#came.length) return;
    this.#came = grown(this.#came, capacity);
    this.#total = grown(this.#total, capacity);
  }

  #reserveMore(n: number): void {
    if (this.#size + n <= this.#before.length) return;
    const capacity = Math.max(this.#before.length * 2, this.#size + n);
    this.#column = grown(this.#column, capacity);
    this.#position = grown(this.#position, capacity);
    this.#before = grown(this.#before, capacity);
  }

  #columnNumber(column: DistributionColumn): number {
    if (this.#columns.at(-1) !== column) this.#columns.push(column);
    return this.#columns.length - 1;
  }

  /** Takes row i of a column for `rows[i]`, for all i. Returns the positions that were refused, undefined when there are none. */
  mergeColumn(rows: Int32Array, column: DistributionColumn): number[] | undefined {
    const { totals } = column;
    this.#reserveMore(totals.length);
    const number = this.#columnNumber(column);
    let refused: number[] | undefined;
    for (let i = 0; i < totals.length; i++) {
      if (totals[i] !== 0 && !this.#take(rows[i]!, number, column, i)) (refused ??= []).push(i);
    }
    return refused;
  }

  /** Takes row `i` of a column. False, and nothing changed, when a count would leave int64. */
  mergeColumnRow(row: number, column: DistributionColumn, i: number): boolean {
    if (column.totals[i] === 0) return true;
    this.#reserveMore(1);
    return this.#take(row, this.#columnNumber(column), column, i);
  }

  #take(row: number, number: number, column: DistributionColumn, i: number): boolean {
    const total = this.#total[row]! + column.totals[i]!;
    if (total >= SMALL_TOTAL || this.#large.size > 0) {
      const large = this.#large.get(row);
      const { bytes, offsets } = column;
      if (large) return large.mergeEncoded(bytes, offsets[i], offsets[i + 1]);
      if (total >= SMALL_TOTAL) return this.#becomeLarge(row, column, i);
    }
    this.#total[row] = total;
    const at = this.#size++;
    this.#column[at] = number;
    this.#position[at] = i;
    this.#before[at] = this.#came[row]!;
    this.#came[row] = at + 1;
    return true;
  }

  /** The sum of what came for a row, and of row i of a column; false, and nothing changed, when a count would leave int64. */
  #becomeLarge(row: number, { bytes, offsets }: DistributionColumn, i: number): boolean {
    const large = this.#sparse(row);
    if (!large.mergeEncoded(bytes, offsets[i], offsets[i + 1])) return false;
    this.#large.set(row, large);
    this.#came[row] = 0;
    this.#total[row] = 0;
    return true;
  }

  #sparse(row: number): SparseDistribution {
    const sum = new SparseDistribution(0);
    for (let next = this.#came[row]!; next > 0; next = this.#before[next - 1]!) {
      const { bytes, offsets } = this.#columns[this.#column[next - 1]!]!;
      const i = this.#position[next - 1]!;
      sum.mergeEncoded(bytes, offsets[i], offsets[i + 1]); // below SMALL_TOTAL: it fits
    }
    return sum;
  }

  /** The sums of `rows` in canonical bytes: a column in `slabs`, that shares nothing with those that came. */
  column(rows: ArrayLike<number>, slabs: ByteSlabs): DistributionColumn {
    const n = rows.length;
    const offsets = new Uint32Array(n + 1);
    const totals = new Float64Array(n);
    const lasts = new Int32Array(n);
    output.length = 0;
    // what came once is copied, neighbours in one copy
    let runOf: DistributionColumn | undefined;
    let runFrom = 0;
    let runTo = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      const came = this.#came[row]!;
      if (came > 0 && this.#before[came - 1] === 0) {
        const of = this.#columns[this.#column[came - 1]!]!;
        const i = this.#position[came - 1]!;
        const start = of.offsets[i]!;
        if (of !== runOf || start !== runTo) {
          if (runOf) append(runOf.bytes, runFrom, runTo);
          runOf = of;
          runFrom = start;
        }
        runTo = of.offsets[i + 1]!;
        totals[k] = this.#total[row]!;
        lasts[k] = of.lasts[i]!;
        offsets[k + 1] = output.length + runTo - runFrom;
        continue;
      }
      if (runOf) append(runOf.bytes, runFrom, runTo);
      runOf = undefined;
      if (came > 0) {
        lasts[k] = this.#sum(row);
        totals[k] = this.#total[row]!;
      } else {
        const large = this.#large.get(row);
        if (large) {
          append(large.encode(), 0, undefined);
          lasts[k] = large.indexAt(large.size - 1);
          for (let b = 0; b < large.size; b++) totals[k]! += Number(large.countAt(b));
        } else {
          append(NOTHING, 0, 1);
        }
      }
      offsets[k + 1] = output.length;
    }
    if (runOf) append(runOf.bytes, runFrom, runTo);
    const bytes = slabs.copy(output.bytes.subarray(0, output.length));
    if (output.bytes.length > OUTPUT_BYTES) output.bytes = new Uint8Array(65_536);
    return { offsets, bytes, totals, lasts };
  }

  /** Appends the sum of what came for a row; returns the index of its last bucket. */
  #sum(row: number): number {
    const last = this.#came[row]! - 1;
    const other = this.#before[last]! - 1;
    if (this.#before[other] === 0) {
      const highest = this.#sumOfTwo(last, other);
      if (highest !== undefined) return highest;
    }
    let lowest = 0x7fff_ffff;
    let highest = -0x8000_0000;
    let size = 0;
    for (let next = this.#came[row]!; next > 0; next = this.#before[next - 1]!) {
      const { bytes, offsets, lasts } = this.#columns[this.#column[next - 1]!]!;
      const i = this.#position[next - 1]!;
      readHead(bytes, offsets[i]!);
      if (head.first < lowest) lowest = head.first;
      if (lasts[i]! > highest) highest = lasts[i]!;
      size += offsets[i + 1]! - offsets[i]! + 1;
    }
    if (!fitsWindow(lowest, highest, this.#total[row]!)) {
      append(this.#sparse(row).encode(), 0, undefined);
      return highest;
    }
    reserveOutput(size);
    openWindow(lowest, highest);
    for (let next = this.#came[row]!; next > 0; next = this.#before[next - 1]!) {
      const { bytes, offsets } = this.#columns[this.#column[next - 1]!]!;
      const i = this.#position[next - 1]!;
      readHead(bytes, offsets[i]!);
      addToWindow(bytes, head.at, offsets[i + 1]!, head.first, head.count);
    }
    output.length = takeWindow(output.bytes, output.length);
    return highest;
  }

  /** `#sum` of two that came; undefined, and nothing appended, when they are not usual ones. */
  #sumOfTwo(one: number, other: number): number | undefined {
    const a = this.#columns[this.#column[one]!]!;
    const b = this.#columns[this.#column[other]!]!;
    const i = this.#position[one]!;
    const k = this.#position[other]!;
    const [aStart, aEnd] = [a.offsets[i]!, a.offsets[i + 1]!];
    const [bStart, bEnd] = [b.offsets[k]!, b.offsets[k + 1]!];
    reserveOutput(aEnd - aStart + bEnd - bStart + 2);
    const end = writeSumOfTwo(output.bytes, output.length, a.bytes, aStart, aEnd, b.bytes, bStart, bEnd);
    if (end < 0) return undefined;
    output.length = end;
    return Math.max(a.lasts[i]!, b.lasts[k]!);
  }
}

const NOTHING = Uint8Array.of(0);

/** What `column` has written: bytes[0, length). */
const output = { bytes: new Uint8Array(65_536), length: 0 };
/** Longer scratch memory is given back; what a slot of many rows sums up, some MB, fits. */
const OUTPUT_BYTES = 2 ** 23;

function reserveOutput(n: number): void {
  if (output.length + n <= output.bytes.length) return;
  let size = output.bytes.length * 2;
  while (size < output.length + n) size *= 2;
  const more = new Uint8Array(size);
  more.set(output.bytes.subarray(0, output.length));
  output.bytes = more;
}

function append(bytes: Uint8Array, from: number, to: number | undefined): void {
  const part = bytes.subarray(from, to);
  reserveOutput(part.length);
  output.bytes.set(part, output.length);
  output.length += part.length;
}

function grown(old: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const memory = new Int32Array(capacity);
  memory.set(old);
  return memory;
}
