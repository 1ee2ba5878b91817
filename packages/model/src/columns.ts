// SPDX-License-Identifier: Apache-2.0
// The merge kernels: typed columns that hold one metric's additive fields for many rows.
// In: source events (`enter`), blocks of increments (`mergeBlockRow`), other columns (`mergeRow`). Out: fields by row.
import { bucketIndex, SparseDistribution, type Layout } from './distribution.js';
import { DistributionRows, type DistributionColumn } from './distribution-rows.js';
import {
  DOUBLE_SCALE,
  FUNCTIONS,
  INT64_MAX,
  INT64_MIN,
  type EntranceKind,
  type FieldMerge,
  type RowFields,
} from './functions.js';
import {
  add,
  addColumn,
  addNumber,
  areQuarter,
  areSmall,
  compare,
  copyValue,
  fits,
  increment,
  isMax,
  setNumber,
  wordsOf,
} from './int64.js';
import type { IncrementBlock } from './block.js';
import type { MetricSchema } from './schema.js';

/** Up to this many rows, `areSmall` and `areQuarter` mean that no sum leaves int64, even if all rows were the same. */
const BLOCK_ROWS_EXACT = 2 ** 22;

const IDENTITY: Readonly<Record<FieldMerge, bigint>> = { add: 0n, max: INT64_MIN, min: INT64_MAX };

/**
 * Columns of one metric. Rows are numbered by the caller (one numbering per table, shared by the metrics of a scope);
 * a row is absent until the first `enter` or merge touches it. All refusals leave the row as it was.
 */
export class MetricColumns {
  readonly schema: MetricSchema;
  #capacity: number;
  #present: Uint8Array;
  #ints: BigInt64Array[];
  /** The memory of `ints`. */
  #words: Uint32Array[];
  readonly #distributions: readonly DistributionRows[];
  readonly #merges: readonly FieldMerge[];
  readonly #entrance: EntranceKind;
  readonly #layout: Layout | undefined;

  constructor(schema: MetricSchema, capacity = 16) {
    this.schema = schema;
    this.#capacity = capacity;
    this.#present = new Uint8Array(capacity);
    this.#entrance = FUNCTIONS[schema.functionName].entrance;
    this.#layout = schema.distributionFields[0]?.layout;
    this.#merges = schema.intFields.map((f) => f.merge);
    this.#ints = this.#merges.map((m) => new BigInt64Array(capacity).fill(IDENTITY[m]));
    this.#words = this.#ints.map((column) => wordsOf(column));
    this.#distributions = schema.distributionFields.map(() => new DistributionRows(capacity));
  }

  /** True when the row was ever touched. */
  has(row: number): boolean {
    return row < this.#capacity && this.#present[row] === 1;
  }

  int(row: number, field: number): bigint {
    return row < this.#capacity ? this.#ints[field]![row]! : IDENTITY[this.#merges[field]!];
  }

  /** The row's distribution, perhaps its own: the caller must not change it. Undefined while empty. */
  distribution(row: number, field: number): SparseDistribution | undefined {
    return this.#distributions[field]!.get(row);
  }

  /**
   * The canonical bytes of the row's distribution (one zero while empty), encoded at most once per change. They are shared with this
   * table and stay as they are whatever happens to the row: they may be kept and handed on, and must not be written to.
   */
  encodedDistribution(row: number, field: number): Uint8Array {
    return this.#distributions[field]!.encoded(row);
  }

  /** Fields of a row as `calculate` wants them. */
  fields(row: number): RowFields {
    return {
      int: (field) => this.int(row, field),
      distribution: (field) => this.distribution(row, field) ?? new SparseDistribution(1),
    };
  }

  #reserve(row: number): void {
    if (row < this.#capacity) return;
    const capacity = Math.max(this.#capacity * 2, row + 1);
    const present = new Uint8Array(capacity);
    present.set(this.#present);
    this.#present = present;
    this.#ints = this.#ints.map((old, i) => {
      const grown = new BigInt64Array(capacity);
      grown.set(old);
      const identity = IDENTITY[this.#merges[i]!];
      if (identity !== 0n) grown.fill(identity, this.#capacity);
      return grown;
    });
    this.#words = this.#ints.map((column) => wordsOf(column));
    for (const rows of this.#distributions) rows.reserve(capacity);
    this.#capacity = capacity;
  }

  /**
   * Takes one source event into a row. `a`, `b`, `c` as in `EntranceKind`: value or flag or latency; denominator flag or apdex
   * threshold in ms; status (1 ok). False when a value is not finite or a field would leave int64 (nothing changed).
   */
  enter(row: number, a: number, b: number, c: number): boolean {
    this.#reserve(row);
    const words = this.#words;
    switch (this.#entrance) {
      case 'addValueAndCount':
        if (!addValue(words[0]!, row, Math.trunc(a), words[1]!)) return false;
        break;
      case 'addScaledAndCount':
        if (!addValue(words[0]!, row, Math.round(a * DOUBLE_SCALE), words[1]!)) return false;
        break;
      case 'addValue':
        if (!addValue(words[0]!, row, Math.trunc(a), undefined)) return false;
        break;
      case 'addOne':
        if (isMax(words[0]!, row)) return false;
        increment(words[0]!, row);
        break;
      case 'keepMax':
        if (!setNumber(entering, 0, a)) return false;
        if (compare(entering, 0, words[0]!, row) > 0) copyValue(words[0]!, row, entering, 0);
        break;
      case 'keepMin':
        if (!setNumber(entering, 0, a)) return false;
        if (compare(entering, 0, words[0]!, row) < 0) copyValue(words[0]!, row, entering, 0);
        break;
      case 'addMatch':
        if (isMax(words[0]!, row) || (a === 1 && isMax(words[1]!, row))) return false;
        increment(words[0]!, row);
        if (a === 1) increment(words[1]!, row);
        break;
      case 'addRate':
        if ((b === 1 && isMax(words[0]!, row)) || (a === 1 && isMax(words[1]!, row))) return false;
        if (b === 1) increment(words[0]!, row);
        if (a === 1) increment(words[1]!, row);
        break;
      case 'addApdex': {
        // frustrated: failed, or slower than 4T; equality goes to the better class (SkyWalking ApdexMetrics)
        const better = c !== 1 ? undefined : a <= b ? words[1]! : a <= 4 * b ? words[2]! : undefined;
        if (isMax(words[0]!, row) || (better && isMax(better, row))) return false;
        increment(words[0]!, row);
        if (better) increment(better, row);
        break;
      }
      case 'addToDistribution':
        if (!this.#distributions[0]!.addOne(row, bucketIndex(this.#layout!, a))) return false;
        break;
    }
    this.#present[row] = 1;
    return true;
  }

  /** Folds row `i` of a block in. The block is not touched. False when a field would leave int64 (nothing changed). */
  mergeBlockRow(row: number, block: IncrementBlock, i: number): boolean {
    this.#reserve(row);
    const added = wordsOfBlock(block);
    if (!this.#intsFit(row, added, i)) return false;
    for (let f = 0; f < this.#distributions.length; f++) {
      if (!this.#distributions[f]!.mergeColumnRow(row, block.distributions[f]!, i)) return false;
    }
    this.#mergeInts(row, added, i);
    this.#present[row] = 1;
    return true;
  }

  /**
   * Folds a whole block in: row `i` of the block into `rows[i]`, which may be longer; a row may come twice. The same as `mergeBlockRow`
   * one by one. Returns the positions in the block that were refused because a field would leave int64; undefined when there are none.
   */
  mergeBlock(rows: Int32Array, block: IncrementBlock): number[] | undefined {
    const n = block.entities.length;
    let top = -1;
    for (let i = 0; i < n; i++) if (rows[i]! > top) top = rows[i]!;
    if (top >= 0) this.#reserve(top);
    let refused: number[] | undefined;
    if (this.#words.length === 0 && this.#distributions.length === 1) {
      refused = this.#distributions[0]!.mergeColumn(rows, block.distributions[0]!);
      let next = 0; // refused positions ascend
      for (let i = 0; i < n; i++) {
        if (refused?.[next] === i) next++;
        else this.#present[rows[i]!] = 1;
      }
      return refused;
    }
    const added = wordsOfBlock(block);
    if (this.#distributions.length > 0 || !this.#blockFits(rows, added, n)) {
      for (let i = 0; i < n; i++) if (!this.mergeBlockRow(rows[i]!, block, i)) (refused ??= []).push(i);
      return refused;
    }
    for (let f = 0; f < added.length; f++) {
      if (this.#merges[f] === 'add') addColumn(this.#words[f]!, rows, added[f]!, n);
      else for (let i = 0; i < n; i++) this.#mergeInt(rows[i]!, f, added[f]!, i);
    }
    const present = this.#present;
    for (let i = 0; i < n; i++) present[rows[i]!] = 1;
    return undefined;
  }

  /** True when no sum of a block's n rows can leave int64, even if all rows were the same. */
  #blockFits(rows: Int32Array, added: readonly Uint32Array[], n: number): boolean {
    if (n > BLOCK_ROWS_EXACT) return false;
    for (let f = 0; f < added.length; f++) {
      if (this.#merges[f] === 'add' && !(areSmall(added[f]!) && areQuarter(this.#words[f]!, rows, n))) return false;
    }
    return true;
  }

  #intsFit(row: number, added: readonly Uint32Array[], i: number): boolean {
    const merges = this.#merges;
    for (let f = 0; f < merges.length; f++) {
      if (merges[f] === 'add' && !fits(this.#words[f]!, row, added[f]!, i)) return false;
    }
    return true;
  }

  /** Whether the int64 fields of `other`'s row could be folded into `row` without leaving int64. Changes nothing. */
  intsFit(row: number, other: MetricColumns, otherRow: number): boolean {
    return !other.has(otherRow) || row >= this.#capacity || this.#intsFit(row, other.#words, otherRow);
  }

  /** Folds row `otherRow` of `other` (same schema) in; `other` is not touched. False when refused (nothing changed). */
  mergeRow(row: number, other: MetricColumns, otherRow: number): boolean {
    if (!other.has(otherRow)) return true; // the identity: nothing to fold in, and the row stays absent if it was
    this.#reserve(row);
    if (!this.#intsFit(row, other.#words, otherRow)) return false;
    for (let f = 0; f < this.#distributions.length; f++) {
      // No function has two distributions or a distribution beside int fields that could refuse after it: checked by a model test.
      if (!this.#distributions[f]!.mergeRow(row, other.#distributions[f]!, otherRow)) return false;
    }
    this.#mergeInts(row, other.#words, otherRow);
    this.#present[row] = 1;
    return true;
  }

  #mergeInts(row: number, added: readonly Uint32Array[], i: number): void {
    for (let f = 0; f < added.length; f++) this.#mergeInt(row, f, added[f]!, i);
  }

  #mergeInt(row: number, field: number, added: Uint32Array, i: number): void {
    const words = this.#words[field]!;
    switch (this.#merges[field]!) {
      case 'add':
        add(words, row, added, i);
        return;
      case 'max':
        if (compare(added, i, words, row) > 0) copyValue(words, row, added, i);
        return;
      case 'min':
        if (compare(added, i, words, row) < 0) copyValue(words, row, added, i);
        return;
    }
  }

  /**
   * Sets a row to stored absolute values; used when state is loaded. `distributions` in canonical bytes, no bytes at all for none.
   * Errors: DecodeError, and nothing changed.
   */
  setRow(row: number, ints: readonly bigint[], distributions: readonly Uint8Array[]): void {
    this.#reserve(row);
    for (let f = 0; f < distributions.length; f++) this.#distributions[f]!.set(row, distributions[f]!);
    for (let f = 0; f < ints.length; f++) this.#ints[f]![row] = ints[f]!;
    this.#present[row] = 1;
  }

  /** Copies of an int64 field for the rows listed. */
  copyInts(field: number, rows: readonly number[]): BigInt64Array {
    const column = this.#ints[field]!;
    const out = new BigInt64Array(rows.length);
    for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]!]!;
    return out;
  }

  /** Copies of a distribution field for the rows listed, which all exist. */
  copyDistributions(field: number, rows: readonly number[]): DistributionColumn {
    return this.#distributions[field]!.column(rows);
  }
}

/** Adds a whole number to a row of `sums` and one to the same row of `counts`, both or neither. */
function addValue(sums: Uint32Array, row: number, value: number, counts: Uint32Array | undefined): boolean {
  if (!Number.isFinite(value) || (counts && isMax(counts, row)) || !addNumber(sums, row, value)) return false;
  if (counts) increment(counts, row);
  return true;
}

/** A number on its way into a column. */
const entering = new Uint32Array(2);

let viewedBlock: IncrementBlock | undefined;
let viewedWords: readonly Uint32Array[] = [];

/** The int64 columns of a block as words; remembers the block that was asked for last, since rows come one by one. */
function wordsOfBlock(block: IncrementBlock): readonly Uint32Array[] {
  if (viewedBlock !== block) {
    viewedWords = block.ints.map((column) => wordsOf(column));
    viewedBlock = block;
  }
  return viewedWords;
}
