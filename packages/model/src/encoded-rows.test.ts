// SPDX-License-Identifier: Apache-2.0
// Goal: rows that rest as bytes, and sums that are taken once, are what plain Maps of bigint say, refusals and rows that come twice included.
// Method: random columns into both, over many rounds and beyond all thresholds; then many rows, whose memory is given back and moved.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteSlabs } from './byte-slabs.js';
import { SparseDistribution } from './distribution.js';
import { DistributionRows, type DistributionColumn } from './distribution-rows.js';
import { DistributionSums } from './distribution-sums.js';
import { EncodedRows } from './encoded-rows.js';
import { INT64_MAX } from './functions.js';

const ROWS = 4;

type Counts = Map<number, bigint>;

const canonical = (counts: Counts): Uint8Array => {
  const d = new SparseDistribution();
  for (const [index, count] of counts) if (!d.add(index, count)) throw new Error('a count above int64');
  return d.encode();
};

/** Folds `delta` into `counts`, or changes nothing and says false. */
function fold(counts: Counts, delta: Counts): boolean {
  for (const [index, count] of delta) if ((counts.get(index) ?? 0n) + count > INT64_MAX) return false;
  for (const [index, count] of delta) counts.set(index, (counts.get(index) ?? 0n) + count);
  return true;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A column as a decoded batch has it. */
function columnOf(all: readonly Counts[]): DistributionColumn {
  const rows = new DistributionRows(all.length);
  all.forEach((c, i) => rows.set(i, canonical(c)));
  return rows.column(all.map((_, i) => i));
}

function expectColumn(column: DistributionColumn, model: readonly Counts[]): void {
  model.forEach((counts, i) => {
    expect(hex(column.bytes.subarray(column.offsets[i], column.offsets[i + 1]))).toBe(hex(canonical(counts)));
    const total = [...counts.values()].reduce((a, b) => a + b, 0n);
    if (total < 2n ** 53n) expect(column.totals[i]).toBe(Number(total));
    expect(column.lasts[i]).toBe(Math.max(...(counts.size > 0 ? counts.keys() : [0])));
  });
  expect(column.offsets[model.length]).toBe(column.bytes.length);
}

const small = fc.bigInt(1n, 300n);
const count = fc.oneof(
  { weight: 12, arbitrary: small },
  { weight: 2, arbitrary: fc.bigInt(1n, 2n ** 29n) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 30n - 1n, 2n ** 30n, 2n ** 53n + 1n, INT64_MAX - 1n) },
);
const index = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 250 }) },
  { weight: 4, arbitrary: fc.integer({ min: -300, max: 20_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(-0x8000_0000, -0x7fff_ffff, 0x7fff_fffe, 0x7fff_ffff) },
);
const sparse = fc.array(fc.tuple(index, count), { maxLength: 12 }).map((pairs): Counts => new Map(pairs));
/** As services send them: many buckets close together, somewhere. */
const dense = fc
  .tuple(
    fc.integer({ min: -2_000, max: 2_000 }),
    fc.array(fc.tuple(fc.nat({ max: 400 }), small), { minLength: 20, maxLength: 60 }),
  )
  .map(([base, pairs]): Counts => new Map(pairs.map(([i, c]) => [base + i, c])));
/** Close to what a piece holds, and beyond. */
const long = fc
  .tuple(fc.nat({ max: 9 }), fc.integer({ min: 1_500, max: 4_500 }))
  .map(([shift, n]): Counts => new Map(Array.from({ length: n }, (_, i) => [shift + i * 3, 200n])));
const counts = fc.oneof(
  { weight: 8, arbitrary: sparse },
  { weight: 16, arbitrary: dense },
  { weight: 1, arbitrary: long },
);
const rounds = fc.array(fc.array(fc.tuple(fc.nat({ max: ROWS - 1 }), counts), { maxLength: 6 }), { maxLength: 12 });

class LastingSums extends DistributionSums {
  override column(rows: ArrayLike<number>) {
    return super.column(rows, new ByteSlabs(false));
  }
}

describe.each([
  ['EncodedRows', () => new EncodedRows(1)],
  ['DistributionSums', () => new LastingSums(1)],
] as const)('%s', (_, open) => {
  test('what was merged is what plain Maps say', () => {
    fc.assert(
      fc.property(rounds, fc.boolean(), (steps, byRow) => {
        const rows = open();
        rows.reserve(ROWS);
        const model = Array.from({ length: ROWS }, (): Counts => new Map());
        for (const step of steps) {
          const refused = step.flatMap(([row, delta], i) => (fold(model[row]!, delta) ? [] : [i]));
          const column = columnOf(step.map(([, delta]) => delta));
          const found = byRow
            ? step.flatMap(([row], i) => (rows.mergeColumnRow(row, column, i) ? [] : [i]))
            : rows.mergeColumn(
                Int32Array.from(step, ([row]) => row),
                column,
              );
          expect(found ?? []).toEqual(refused);
        }
        expectColumn(rows.column([...model.keys()]), model);
        expectColumn(rows.column([3, 1]), [model[3]!, model[1]!]);
      }),
      { numRuns: 200 },
    );
  });
});

test('rows keep their content while memory is given back and pieces are moved', () => {
  // 600 rows of about 300 bytes; all, every second or every seventh grow in turn, upwards and downwards
  const n = 600;
  const rows = new EncodedRows(n);
  const model = Array.from({ length: n }, (): Counts => new Map());
  for (let round = 0; round < 14; round++) {
    const every = [1, 1, 2, 7][round % 4]!;
    const some = [...model.keys()].filter((row) => row % every === 0);
    if (round % 3 === 2) some.reverse();
    const deltas = some.map(
      (row): Counts => new Map(Array.from({ length: 90 }, (_x, i) => [row + i * ((round % 3) + 1), BigInt(1 + i)])),
    );
    expect(rows.mergeColumn(Int32Array.from(some), columnOf(deltas))).toBeUndefined();
    deltas.forEach((delta, i) => fold(model[some[i]!]!, delta));
    if (round % 3 === 1) expectColumn(rows.column([...model.keys()]), model);
  }
  const present = Uint8Array.from(model, (_, row) => row % 2);
  const half = rows.column([...model.keys()], present);
  model.forEach((c, row) => {
    const bytes = half.bytes.subarray(half.offsets[row], half.offsets[row + 1]);
    expect(hex(bytes)).toBe(row % 2 === 0 ? '' : hex(canonical(c)));
  });
  expect(rows.get(5)!.encode()).toEqual(canonical(model[5]!));
});

test('surelyFits says so of what is far from any bound alone', () => {
  const rows = new EncodedRows(2);
  const column = columnOf([new Map([[1, 2n ** 29n]]), new Map([[1, 5n]])]);
  expect(rows.surelyFits(Int32Array.of(0, 1), column)).toBe(true);
  rows.mergeColumn(Int32Array.of(0, 1), column);
  expect(rows.surelyFits(Int32Array.of(0, 1), column)).toBe(false);
  expect(rows.surelyFits(Int32Array.of(1, 1), columnOf([new Map([[1, 5n]])]))).toBe(true);
});
