// SPDX-License-Identifier: Apache-2.0
// Memory of the columns of batches that are read. In: how many columns of how many rows a block has. Out: columns, and their words.
// `FreshColumns`: for those who keep a batch. `ColumnMemory`: for those who use it up before they read the next.
import { ByteSlabs } from './byte-slabs.js';
import { keepWordsOf, wordsOf } from './int64.js';

/** The int64 columns of one block, to be written through `words`. */
export interface BlockInts {
  readonly ints: readonly BigInt64Array[];
  /** Of each column. */
  readonly words: readonly Uint32Array[];
}

export interface ColumnSource {
  columns(count: number, rows: number): BlockInts;
  /** For distributions. */
  readonly slabs: ByteSlabs;
}

const NO_COLUMNS: BlockInts = { ints: [], words: [] };

// Columns lie side by side in slabs: an array with memory of its own costs more than the values of most.
const SLAB_VALUES = 32_768;

/** Columns that nobody else will write to. */
export class FreshColumns implements ColumnSource {
  readonly slabs = new ByteSlabs(false);
  #slab = new BigInt64Array(0);
  #used = 0;

  columns(count: number, rows: number): BlockInts {
    if (count === 0) return NO_COLUMNS;
    if (this.#used + count * rows > this.#slab.length) {
      this.#slab = new BigInt64Array(Math.max(SLAB_VALUES, count * rows));
      this.#used = 0;
    }
    const ints: BigInt64Array[] = [];
    for (let f = 0; f < count; f++) ints.push(this.#slab.subarray(this.#used, (this.#used += rows)));
    return { ints, words: ints.map((column) => wordsOf(column)) };
  }
}

/** Larger memory is not kept, nor are more columns. */
const KEPT_VALUES_MAX = 524_288;
const KEPT_BLOCKS_MAX = 1_024;
const PLACE_VALUES_MIN = 64;

interface KeptBlock {
  readonly at: number;
  readonly block: BlockInts;
}

/**
 * The int64 columns of the blocks of one batch, good until the next batch: memory that is in the cache, and views that are there already. Each column
 * has a place as large as the longest took, so that batches of other lengths have their columns where they had them before.
 */
export class ColumnMemory implements ColumnSource {
  /** Distributions of all batches, until the caller resets it. */
  readonly slabs = new ByteSlabs(true);
  #memory = new BigInt64Array(0);
  /** Values from one place to the next. */
  #place = PLACE_VALUES_MIN;
  #used = 0;
  #blocks = 0;
  /** By the number of the block in its batch, by rows: as they were last. */
  readonly #kept: Map<number, KeptBlock>[] = [];
  #keptBlocks = 0;

  /** All columns that were given out are over: the next batch has their memory. */
  begin(): void {
    this.#used = 0;
    this.#blocks = 0;
    if (this.#memory.length > KEPT_VALUES_MAX) {
      this.#place = PLACE_VALUES_MIN;
      this.#renew(0);
    }
  }

  columns(count: number, rows: number): BlockInts {
    if (count === 0) return NO_COLUMNS;
    const number = this.#blocks++;
    const last = this.#kept[number]?.get(rows);
    if (last?.at === this.#used && last.block.ints.length === count) {
      this.#used += count * this.#place;
      return last.block;
    }
    const isLonger = rows > this.#place;
    if (isLonger) this.#place = Math.ceil((rows * 1.25) / 64) * 64;
    const values = count * this.#place;
    if (isLonger || this.#used + values > this.#memory.length) {
      // what this batch has already stays as it is, in the memory before
      this.#renew(Math.max(4_096, this.#memory.length * 2, values));
      this.#used = 0;
    }
    const at = this.#used;
    const ints: BigInt64Array[] = [];
    for (let f = 0; f < count; f++) ints.push(this.#memory.subarray(at + f * this.#place, at + f * this.#place + rows));
    this.#used += values;
    const block = { ints, words: keepWordsOf(ints) };
    this.#keep(number, rows, { at, block });
    return block;
  }

  #keep(number: number, rows: number, kept: KeptBlock): void {
    if (this.#keptBlocks === KEPT_BLOCKS_MAX) this.#forget();
    while (this.#kept.length <= number && number < KEPT_BLOCKS_MAX) this.#kept.push(new Map());
    if (this.#kept[number]?.has(rows) === false) this.#keptBlocks++;
    this.#kept[number]?.set(rows, kept);
  }

  #forget(): void {
    this.#kept.length = 0;
    this.#keptBlocks = 0;
  }

  #renew(values: number): void {
    this.#memory = new BigInt64Array(values);
    this.#forget();
  }
}
