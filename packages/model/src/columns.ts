// SPDX-License-Identifier: Apache-2.0
// The columns into which source events go, and whatever is merged row by row.
// In: source events (`enter`), blocks of increments (`mergeBlockRow`), other columns (`mergeRow`). Out: fields by row.
import { BlockColumns } from './block-columns.js';
import { bucketIndex, SparseDistribution, type Layout } from './distribution.js';
import { DistributionRows, type DistributionColumn } from './distribution-rows.js';
import { DOUBLE_SCALE, FUNCTIONS, type EntranceKind, type RowFields } from './functions.js';
import { addNumber, compare, copyValue, increment, isMax, setNumber, setValue } from './int64.js';
import type { MetricSchema } from './schema.js';

/** Columns of one metric, of which any row may be read and changed at any time. */
export class MetricColumns extends BlockColumns<DistributionRows> {
  readonly #entrance: EntranceKind;
  readonly #layout: Layout | undefined;

  constructor(schema: MetricSchema, capacity = 16) {
    super(schema, capacity, (rows) => new DistributionRows(rows));
    this.#entrance = FUNCTIONS[schema.functionName].entrance;
    this.#layout = schema.distributionFields[0]?.layout;
  }

  /** The row's distribution, perhaps its own: the caller must not change it. Undefined while empty. */
  distribution(row: number, field: number): SparseDistribution | undefined {
    return this.distributions[field]!.get(row);
  }

  /**
   * The canonical bytes of the row's distribution (one zero while empty), encoded at most once per change. They are shared with this
   * table and stay as they are whatever happens to the row: they may be kept and handed on, and must not be written to.
   */
  encodedDistribution(row: number, field: number): Uint8Array {
    return this.distributions[field]!.encoded(row);
  }

  /** Fields of a row as `calculate` wants them. */
  fields(row: number): RowFields {
    return {
      int: (field) => this.int(row, field),
      distribution: (field) => this.distribution(row, field) ?? new SparseDistribution(1),
    };
  }

  /**
   * Takes one source event into a row. `a`, `b`, `c` as in `EntranceKind`: value or flag or latency; denominator flag or apdex
   * threshold in ms; status (1 ok). False when a value is not finite or a field would leave int64 (nothing changed).
   */
  enter(row: number, a: number, b: number, c: number): boolean {
    this.reserve(row);
    const words = this.words;
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
        if (!this.distributions[0]!.addOne(row, bucketIndex(this.#layout!, a))) return false;
        break;
    }
    this.present[row] = 1;
    return true;
  }

  /** Folds row `otherRow` of `other` (same schema) in; `other` is not touched. False when refused (nothing changed). */
  mergeRow(row: number, other: MetricColumns, otherRow: number): boolean {
    if (!other.has(otherRow)) return true; // the identity: nothing to fold in, and the row stays absent if it was
    this.reserve(row);
    if (!this.wordsFit(row, other.words, otherRow)) return false;
    for (let f = 0; f < this.distributions.length; f++) {
      // No function has two distributions or a distribution beside int fields that could refuse after it: checked by a model test.
      if (!this.distributions[f]!.mergeRow(row, other.distributions[f]!, otherRow)) return false;
    }
    this.mergeWords(row, other.words, otherRow);
    this.present[row] = 1;
    return true;
  }

  /**
   * Sets a row to stored absolute values; used when state is loaded. `distributions` in canonical bytes, no bytes at all for none.
   * Errors: DecodeError, and nothing changed.
   */
  setRow(row: number, ints: readonly bigint[], distributions: readonly Uint8Array[]): void {
    this.reserve(row);
    for (let f = 0; f < distributions.length; f++) this.distributions[f]!.set(row, distributions[f]!);
    for (let f = 0; f < ints.length; f++) setValue(this.words[f]!, row, ints[f]!);
    this.present[row] = 1;
  }

  /** Copies of a distribution field for the rows listed, which all exist. */
  copyDistributions(field: number, rows: readonly number[]): DistributionColumn {
    return this.distributions[field]!.column(rows);
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
