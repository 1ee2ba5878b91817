// SPDX-License-Identifier: Apache-2.0
// The merge kernels: typed columns that hold one metric's additive fields for many rows.
// In: source events (`enter`), blocks of increments (`mergeBlockRow`), other columns (`mergeRow`). Out: fields by row.
import { SparseDistribution } from './distribution.js';
import { DOUBLE_SCALE, FUNCTIONS, INT64_MAX, INT64_MIN, type FieldMerge, type RowFields } from './functions.js';
import type { IncrementBlock } from './block.js';
import { bucketIndex } from './distribution.js';
import type { MetricSchema } from './schema.js';

const IDENTITY: Readonly<Record<FieldMerge, bigint>> = { add: 0n, max: INT64_MIN, min: INT64_MAX };

const scratch = new SparseDistribution(64);

/**
 * Columns of one metric. Rows are numbered by the caller (one numbering per table, shared by the metrics of a scope);
 * a row is absent until the first `enter` or merge touches it. All refusals leave the row as it was.
 */
export class MetricColumns {
  readonly schema: MetricSchema;
  #capacity: number;
  #present: Uint8Array;
  #ints: BigInt64Array[];
  #distributions: (SparseDistribution | undefined)[][];
  readonly #merges: readonly FieldMerge[];

  constructor(schema: MetricSchema, capacity = 16) {
    this.schema = schema;
    this.#capacity = capacity;
    this.#present = new Uint8Array(capacity);
    this.#merges = schema.intFields.map((f) => f.merge);
    this.#ints = this.#merges.map((m) => new BigInt64Array(capacity).fill(IDENTITY[m]));
    this.#distributions = schema.distributionFields.map(() => []);
  }

  /** True when the row was ever touched. */
  has(row: number): boolean {
    return row < this.#capacity && this.#present[row] === 1;
  }

  int(row: number, field: number): bigint {
    return row < this.#capacity ? this.#ints[field]![row]! : IDENTITY[this.#merges[field]!];
  }

  /** The row's own distribution: the caller must not change it. Undefined while empty. */
  distribution(row: number, field: number): SparseDistribution | undefined {
    return this.#distributions[field]![row];
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
    this.#capacity = capacity;
  }

  /**
   * Takes one source event into a row. `a`, `b`, `c` as in `EntranceKind`: value or flag or latency; denominator flag or apdex
   * threshold in ms; status (1 ok). False when a field would leave int64 (nothing changed).
   */
  enter(row: number, a: number, b: number, c: number): boolean {
    this.#reserve(row);
    const ints = this.#ints;
    switch (FUNCTIONS[this.schema.functionName].entrance) {
      case 'addValueAndCount':
        if (!this.#add2(row, BigInt(Math.trunc(a)), 1n)) return false;
        break;
      case 'addScaledAndCount':
        if (!this.#add2(row, BigInt(Math.round(a * DOUBLE_SCALE)), 1n)) return false;
        break;
      case 'addValue': {
        const sum = ints[0]![row]! + BigInt(Math.trunc(a));
        if (sum > INT64_MAX || sum < INT64_MIN) return false;
        ints[0]![row] = sum;
        break;
      }
      case 'addOne':
        ints[0]![row]!++;
        break;
      case 'keepMax': {
        const v = BigInt(Math.trunc(a));
        if (v > ints[0]![row]!) ints[0]![row] = v;
        break;
      }
      case 'keepMin': {
        const v = BigInt(Math.trunc(a));
        if (v < ints[0]![row]!) ints[0]![row] = v;
        break;
      }
      case 'addMatch':
        ints[0]![row]!++;
        if (a === 1) ints[1]![row]!++;
        break;
      case 'addRate':
        if (b === 1) ints[0]![row]!++;
        if (a === 1) ints[1]![row]!++;
        break;
      case 'addApdex':
        // frustrated: failed, or slower than 4T; equality goes to the better class (SkyWalking ApdexMetrics)
        ints[0]![row]!++;
        if (c === 1 && a <= b) ints[1]![row]!++;
        else if (c === 1 && a <= 4 * b) ints[2]![row]!++;
        break;
      case 'addToDistribution': {
        const field = this.schema.distributionFields[0]!;
        const own = (this.#distributions[0]![row] ??= new SparseDistribution(4));
        if (!own.add(bucketIndex(field.layout, a), 1n)) return false;
        break;
      }
    }
    this.#present[row] = 1;
    return true;
  }

  #add2(row: number, first: bigint, second: bigint): boolean {
    const a = this.#ints[0]![row]! + first;
    const b = this.#ints[1]![row]! + second;
    if (a > INT64_MAX || a < INT64_MIN || b > INT64_MAX) return false;
    this.#ints[0]![row] = a;
    this.#ints[1]![row] = b;
    return true;
  }

  /** Folds row `i` of a block in. The block is not touched. False when a field would leave int64 (nothing changed). */
  mergeBlockRow(row: number, block: IncrementBlock, i: number): boolean {
    this.#reserve(row);
    const merges = this.#merges;
    for (let f = 0; f < merges.length; f++) {
      if (merges[f] !== 'add') continue;
      const sum = this.#ints[f]![row]! + block.ints[f]![i]!;
      if (sum > INT64_MAX || sum < INT64_MIN) return false;
    }
    for (let f = 0; f < this.#distributions.length; f++) {
      const { offsets, bytes } = block.distributions[f]!;
      scratch.decodeFrom(bytes.subarray(offsets[i]!, offsets[i + 1]!));
      if (!this.#mergeDistribution(row, f, scratch)) return false;
    }
    for (let f = 0; f < merges.length; f++) this.#mergeInt(row, f, block.ints[f]![i]!);
    this.#present[row] = 1;
    return true;
  }

  /** Folds row `otherRow` of `other` (same schema) in; `other` is not touched. False when refused (nothing changed). */
  mergeRow(row: number, other: MetricColumns, otherRow: number): boolean {
    this.#reserve(row);
    for (let f = 0; f < this.#merges.length; f++) {
      if (this.#merges[f] !== 'add') continue;
      const sum = this.#ints[f]![row]! + other.int(otherRow, f);
      if (sum > INT64_MAX || sum < INT64_MIN) return false;
    }
    for (let f = 0; f < this.#distributions.length; f++) {
      const delta = other.distribution(otherRow, f);
      if (delta && !this.#mergeDistribution(row, f, delta)) return false;
    }
    for (let f = 0; f < this.#merges.length; f++) this.#mergeInt(row, f, other.int(otherRow, f));
    this.#present[row] = 1;
    return true;
  }

  // No function has two distributions or a distribution beside int fields that could refuse after it: checked by a model test.
  #mergeDistribution(row: number, field: number, delta: SparseDistribution): boolean {
    const own = this.#distributions[field]![row];
    if (own) return own.merge(delta);
    this.#distributions[field]![row] = delta.clone();
    return true;
  }

  #mergeInt(row: number, field: number, value: bigint): void {
    const column = this.#ints[field]!;
    switch (this.#merges[field]!) {
      case 'add':
        column[row]! += value;
        return;
      case 'max':
        if (value > column[row]!) column[row] = value;
        return;
      case 'min':
        if (value < column[row]!) column[row] = value;
        return;
    }
  }

  /** Sets a row to stored absolute values; used when state is loaded. `distributions` in canonical bytes, empty for none. */
  setRow(row: number, ints: readonly bigint[], distributions: readonly Uint8Array[]): void {
    this.#reserve(row);
    for (let f = 0; f < ints.length; f++) this.#ints[f]![row] = ints[f]!;
    for (let f = 0; f < distributions.length; f++) {
      this.#distributions[f]![row] = SparseDistribution.decode(distributions[f]!);
    }
    this.#present[row] = 1;
  }
}
