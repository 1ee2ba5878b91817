// SPDX-License-Identifier: Apache-2.0
// Typed columns of one metric's additive fields for many rows, into which whole blocks are merged; how distributions are kept is another's.
// In: blocks of increments or stored rows. Out: fields by row. `BlockSum`: what a flush adds. `RestingColumns`: what a slot remembers.
import type { IncrementBlock } from './block.js';
import type { ByteSlabs } from './byte-slabs.js';
import type { DistributionColumn } from './distribution-rows.js';
import { DistributionSums } from './distribution-sums.js';
import { EncodedRows } from './encoded-rows.js';
import { INT64_MAX, INT64_MIN, type FieldMerge } from './functions.js';
import {
  add,
  areQuarter,
  areSmall,
  compare,
  copyValue,
  fits,
  setValue,
  subtractColumn,
  tryAddColumn,
  valueAt,
  wordsOf,
  wordsOfColumns,
} from './int64.js';
import type { MetricSchema } from './schema.js';

/** Up to this many rows, `areSmall` and `areQuarter` mean that no sum leaves int64, even if all rows were the same. */
const BLOCK_ROWS_EXACT = 2 ** 22;

const IDENTITY: Readonly<Record<FieldMerge, bigint>> = { add: 0n, max: INT64_MIN, min: INT64_MAX };

/** Fills values from `from` on with the identity of their field; fresh memory is that of `add`. */
function fillIdentity(words: Uint32Array, merge: FieldMerge, from: number): void {
  if (merge !== 'add') for (let i = from; i * 2 < words.length; i++) setValue(words, i, IDENTITY[merge]);
}

/** Distributions by row number, into which columns are merged. All refusals leave the row as it was. */
export interface DistributionTarget {
  reserve(capacity: number): void;
  mergeColumn(rows: Int32Array, column: DistributionColumn): number[] | undefined;
  mergeColumnRow(row: number, column: DistributionColumn, i: number): boolean;
}

/**
 * Columns of one metric. Rows are numbered by the caller (one numbering per table, shared by the metrics of a scope);
 * a row is absent until something touches it. All refusals leave the row as it was.
 */
export class BlockColumns<D extends DistributionTarget> {
  readonly schema: MetricSchema;
  protected capacity: number;
  protected present: Uint8Array;
  /** Per int64 field its values, as int64.ts takes them: memory that the engine has in its own heap while there are few rows. */
  protected words: Uint32Array<ArrayBuffer>[];
  protected readonly distributions: readonly D[];
  protected readonly merges: readonly FieldMerge[];

  constructor(schema: MetricSchema, capacity: number, newDistributions: (capacity: number) => D) {
    this.schema = schema;
    this.capacity = capacity;
    this.present = new Uint8Array(capacity);
    this.merges = schema.intFields.map((f) => f.merge);
    this.words = this.merges.map((merge) => {
      const words = new Uint32Array(capacity * 2);
      fillIdentity(words, merge, 0);
      return words;
    });
    this.distributions = schema.distributionFields.map(() => newDistributions(capacity));
  }

  /** True when the row was ever touched. */
  has(row: number): boolean {
    return row < this.capacity && this.present[row] === 1;
  }

  int(row: number, field: number): bigint {
    return row < this.capacity ? valueAt(this.words[field]!, row) : IDENTITY[this.merges[field]!];
  }

  protected reserve(row: number): void {
    if (row < this.capacity) return;
    const capacity = Math.max(this.capacity * 2, row + 1);
    const present = new Uint8Array(capacity);
    present.set(this.present);
    this.present = present;
    this.words = this.words.map((old, i) => {
      const grown = new Uint32Array(capacity * 2);
      grown.set(old);
      fillIdentity(grown, this.merges[i]!, this.capacity);
      return grown;
    });
    for (const rows of this.distributions) rows.reserve(capacity);
    this.capacity = capacity;
  }

  /** Folds row `i` of a block in. The block is not touched. False when a field would leave int64 (nothing changed). */
  mergeBlockRow(row: number, block: IncrementBlock, i: number): boolean {
    this.reserve(row);
    const added = wordsOfBlock(block);
    if (!this.wordsFit(row, added, i)) return false;
    for (let f = 0; f < this.distributions.length; f++) {
      // No function has two distributions or a distribution beside int fields that could refuse after it: checked by a model test.
      if (!this.distributions[f]!.mergeColumnRow(row, block.distributions[f]!, i)) return false;
    }
    this.mergeWords(row, added, i);
    this.present[row] = 1;
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
    if (top >= 0) this.reserve(top);
    let refused: number[] | undefined;
    if (this.words.length === 0 && this.distributions.length === 1) {
      refused = this.distributions[0]!.mergeColumn(rows, block.distributions[0]!);
      let next = 0; // refused positions ascend
      for (let i = 0; i < n; i++) {
        if (refused?.[next] === i) next++;
        else this.present[rows[i]!] = 1;
      }
      return refused;
    }
    const added = wordsOfBlock(block);
    if (this.distributions.length > 0 || !this.#tryAdd(rows, added, n)) {
      for (let i = 0; i < n; i++) if (!this.mergeBlockRow(rows[i]!, block, i)) (refused ??= []).push(i);
      return refused;
    }
    for (let f = 0; f < added.length; f++) {
      if (this.merges[f] !== 'add') for (let i = 0; i < n; i++) this.#mergeWord(rows[i]!, f, added[f]!, i);
    }
    const present = this.present;
    for (let i = 0; i < n; i++) present[rows[i]!] = 1;
    return undefined;
  }

  /** Adds the columns that add; false, and nothing changed, when a sum might leave int64. */
  #tryAdd(rows: Int32Array, added: readonly Uint32Array[], n: number): boolean {
    for (let f = 0; f < added.length; f++) {
      if (this.merges[f] !== 'add' || tryAddColumn(this.words[f]!, rows, added[f]!, n)) continue;
      for (; f >= 0; f--) if (this.merges[f] === 'add') subtractColumn(this.words[f]!, rows, added[f]!, n);
      return false;
    }
    return true;
  }

  /** True when no sum of a block's n rows can leave int64, even if all rows were the same. */
  protected blockFits(rows: Int32Array, added: readonly Uint32Array[], n: number): boolean {
    if (n > BLOCK_ROWS_EXACT) return false;
    for (let f = 0; f < added.length; f++) {
      if (this.merges[f] === 'add' && !(areSmall(added[f]!) && areQuarter(this.words[f]!, rows, n))) return false;
    }
    return true;
  }

  protected wordsFit(row: number, added: readonly Uint32Array[], i: number): boolean {
    const merges = this.merges;
    for (let f = 0; f < merges.length; f++) {
      if (merges[f] === 'add' && !fits(this.words[f]!, row, added[f]!, i)) return false;
    }
    return true;
  }

  protected mergeWords(row: number, added: readonly Uint32Array[], i: number): void {
    for (let f = 0; f < added.length; f++) this.#mergeWord(row, f, added[f]!, i);
  }

  #mergeWord(row: number, field: number, added: Uint32Array, i: number): void {
    const words = this.words[field]!;
    switch (this.merges[field]!) {
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

  /** Copies of an int64 field for the rows listed. */
  copyInts(field: number, rows: ArrayLike<number>): BigInt64Array {
    const from = this.words[field]!;
    const out = new BigInt64Array(new ArrayBuffer(rows.length * 8)); // whose words are seen: a buffer made afterwards costs as much again
    const to = wordsOf(out);
    for (let i = 0; i < rows.length; i++) copyValue(to, i, from, rows[i]!);
    return out;
  }
}

/** What blocks add up to, by row. Blocks must stay as they are until the sum is taken. */
export class BlockSum extends BlockColumns<DistributionSums> {
  constructor(schema: MetricSchema, capacity: number) {
    super(schema, capacity, (rows) => new DistributionSums(rows));
  }

  /**
   * The sums of rows 0 to count - 1 that are there, as a block whose entities are the numbers of the rows. The memory of the int64 fields
   * is given away, that of the distributions is in `slabs`: the sum is over.
   */
  take(count: number, minute: number, origin: string, slabs: ByteSlabs): IncrementBlock {
    const rows = new Uint32Array(count);
    let n = 0;
    for (let row = 0; row < count; row++) {
      rows[n] = row;
      n += this.has(row) ? 1 : 0;
    }
    const entities = rows.subarray(0, n);
    return {
      schema: this.schema,
      minute,
      origin,
      entities,
      ints: this.words.map(({ buffer }, f) =>
        n === count ? new BigInt64Array(buffer, 0, n) : this.copyInts(f, entities),
      ),
      distributions: this.distributions.map((sums) => sums.column(entities, slabs)),
    };
  }
}

/** The rows of a metric between flushes. */
export class RestingColumns extends BlockColumns<EncodedRows> {
  constructor(schema: MetricSchema, capacity = 8) {
    super(schema, capacity, (rows) => new EncodedRows(rows));
  }

  /** Whether row i of a block could be folded into `row` without an int64 field leaving int64. Changes nothing. */
  intsFit(row: number, block: IncrementBlock, i: number): boolean {
    return row >= this.capacity || this.wordsFit(row, wordsOfBlock(block), i);
  }

  /** Whether a block, in which no row comes twice, surely fits. False says nothing. */
  surelyFits(rows: Int32Array, block: IncrementBlock): boolean {
    const n = block.entities.length;
    for (let i = 0; i < n; i++) this.reserve(rows[i]!);
    return (
      this.blockFits(rows, wordsOfBlock(block), n) &&
      this.distributions.every((of, f) => of.surelyFits(rows, block.distributions[f]!))
    );
  }

  /** Copies of a distribution field for the rows listed; of those that are absent no bytes at all. */
  copyDistributions(field: number, rows: ArrayLike<number>, present?: Uint8Array): DistributionColumn {
    return this.distributions[field]!.column(rows, present);
  }
}

let viewedBlock: IncrementBlock | undefined;
let viewedWords: readonly Uint32Array[] = [];

/** The int64 columns of a block as words; remembers the block that was asked for last, since rows come one by one. */
function wordsOfBlock(block: IncrementBlock): readonly Uint32Array[] {
  if (viewedBlock !== block) {
    viewedWords = wordsOfColumns(block.ints);
    viewedBlock = block;
  }
  return viewedWords;
}
