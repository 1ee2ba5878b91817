// SPDX-License-Identifier: Apache-2.0
// Goal: whatever blocks come, in whatever order, no two columns of one batch share memory, and words are those of their columns. Method:
// random shapes, each column filled with a number of its own, all of a batch looked at in the end.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ColumnMemory, FreshColumns, type BlockInts } from './column-memory.js';
import { wordsOfColumns } from './int64.js';

const block = fc.record({ count: fc.nat({ max: 3 }), rows: fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(62, 1_500)) });
const batches = fc.array(fc.array(block, { maxLength: 5 }), { maxLength: 6 });

function check(blocks: readonly BlockInts[], seed: number): void {
  const columns = blocks.flatMap(({ ints }) => ints);
  columns.forEach((column, i) => column.fill(BigInt(seed * 1_000 + i)));
  columns.forEach((column, i) => expect(column.every((value) => value === BigInt(seed * 1_000 + i))).toBe(true));
  for (const { ints, words } of blocks) {
    for (const [f, column] of ints.entries()) {
      for (const one of [words[f]!, wordsOfColumns(ints)[f]!]) {
        expect(one.buffer === column.buffer).toBe(true);
        expect([one.byteOffset, one.length]).toEqual([column.byteOffset, column.length * 2]);
      }
    }
  }
}

test('columns of a batch are apart from each other, and good until the next batch', () => {
  fc.assert(
    fc.property(batches, (all) => {
      const memory = new ColumnMemory();
      all.forEach((blocks, n) => {
        memory.begin();
        const given = blocks.map(({ count, rows }) => memory.columns(count, rows));
        given.forEach(({ ints }, i) => {
          expect(ints.map(({ length }) => length)).toEqual(
            Array.from({ length: blocks[i]!.count }, () => blocks[i]!.rows),
          );
        });
        check(given, n);
      });
    }),
  );
});

test('blocks that come again have the same columns, also after batches of other lengths: no view is made', () => {
  const memory = new ColumnMemory();
  const read = (rows: number) => {
    memory.begin();
    return [memory.columns(1, rows), memory.columns(3, rows)];
  };
  for (const rows of [62, 70, 5]) read(rows); // the memory grows
  const first = [62, 70, 5].map(read);
  const again = [5, 70, 62].map(read).toReversed();
  again.flat().forEach((block, i) => expect(block).toBe(first.flat()[i]));
});

test('columns that are kept are apart from all others', () => {
  const fresh = new FreshColumns();
  fc.assert(
    fc.property(batches, (all) => {
      check(
        all.flat().map(({ count, rows }) => fresh.columns(count, rows)),
        1,
      );
    }),
  );
});
