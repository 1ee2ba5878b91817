// SPDX-License-Identifier: Apache-2.0
// Memory of the int64 columns of batches that are read. In: how many columns of how many rows a block has. Out: columns, and their words.
// `FreshColumns`: for those who keep a batch. `ColumnMemory`: for those who use it up before they read the next.
import { keepWordsOf, wordsOf } from './int64.js';

/** The int64 columns of one block, to be written through `words`. */
export interface BlockInts {
  readonly ints: readonly BigInt64Array[];
  /** Of each column. */
  readonly words: readonly Uint32Array[];
}

export interface ColumnSource {
  columns(count: number, rows: number): BlockInts;
}

const NO_COLUMNS: BlockInts = { ints: [], words: [] };

// Columns lie side by side in slabs: an array with memory of its own costs more than the values of most.
const SLAB_VALUES = 32_768;

/** Columns that nobody else will write to. */
export class FreshColumns implements ColumnSource {
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

/** Larger memory is not kept, nor are the columns of more blocks. */
const KEPT_VALUES_MAX = 524_288;
const KEPT_BLOCKS_MAX = 64;

/** Columns of the blocks of one batch, good until the next batch: memory that is in the cache, and views that are there already. */
export class ColumnMemory implements ColumnSource {
  #memory = new BigInt64Array(0);
  #used = 0;
  #blocks = 0;
  /** By the number of the block in its batch, as they were last. */
  readonly #kept: { readonly at: number; readonly rows: number; readonly block: BlockInts }[] = [];

  /** All columns that were given out are over: the next batch has their memory. */
  begin(): void {
    this.#used = 0;
    this.#blocks = 0;
    if (this.#memory.length > KEPT_VALUES_MAX) this.#renew(0);
  }

  columns(count: number, rows: number): BlockInts {
    if (count === 0) return NO_COLUMNS;
    const at = this.#used;
    const number = this.#blocks++;
    const last = this.#kept[number];
    if (last?.at === at && last.rows === rows && last.block.ints.length === count) {
      this.#used += count * rows;
      return last.block;
    }
    if (at + count * rows > this.#memory.length) {
      // what this batch has already stays as it is, in the memory before
      this.#renew(Math.max(4_096, this.#memory.length * 2, count * rows));
      this.#used = 0;
    }
    const ints: BigInt64Array[] = [];
    const from = this.#used;
    for (let f = 0; f < count; f++) ints.push(this.#memory.subarray(this.#used, (this.#used += rows)));
    const block = { ints, words: keepWordsOf(ints) };
    if (number <= this.#kept.length && number < KEPT_BLOCKS_MAX) this.#kept[number] = { at: from, rows, block };
    return block;
  }

  #renew(values: number): void {
    this.#memory = new BigInt64Array(values);
    this.#kept.length = 0;
  }
}
