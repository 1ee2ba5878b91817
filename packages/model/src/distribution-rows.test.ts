// SPDX-License-Identifier: Apache-2.0
// Goal: whatever form a row has, it is the distribution that its history says, and bytes that were handed out stay as they are.
// Method: random histories over two tables (samples, columns, rows of either table, replacement, encoding), beside plain Maps of bigint.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INT64_MAX } from './functions.js';
import { SparseDistribution } from './distribution.js';
import { DistributionRows } from './distribution-rows.js';

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

const small = fc.bigInt(1n, 300n);
const count = fc.oneof(
  { weight: 12, arbitrary: small },
  { weight: 2, arbitrary: fc.bigInt(1n, 2n ** 29n) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 30n - 1n, 2n ** 30n, 2n ** 53n + 1n, INT64_MAX - 1n) },
);
const index = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 250 }) },
  { weight: 4, arbitrary: fc.integer({ min: -300, max: 5_000 }) },
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
const counts = fc.oneof(sparse, dense, dense);
const row = fc.nat({ max: ROWS - 1 });
const table = fc.nat({ max: 1 });

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), table, row, samples: fc.array(index, { maxLength: 40 }) }),
  fc.record({ kind: fc.constant('column' as const), table, rows: fc.array(fc.tuple(row, counts), { maxLength: 6 }) }),
  fc.record({ kind: fc.constant('row' as const), table, row, fromTable: table, fromRow: row }),
  fc.record({ kind: fc.constant('set' as const), table, row, counts }),
  fc.record({ kind: fc.constant('encode' as const), table, row }),
);

/** A column as a decoded batch has it. */
function columnOf(all: readonly Counts[]) {
  const rows = new DistributionRows(all.length);
  all.forEach((c, i) => rows.set(i, canonical(c)));
  return rows.column(all.map((_, i) => i));
}

test('any history of a table is what plain Maps say', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tables = [new DistributionRows(ROWS), new DistributionRows(ROWS)];
      const models = tables.map(() => Array.from({ length: ROWS }, (): Counts => new Map()));
      const handedOut: [Uint8Array, Uint8Array][] = [];
      for (const s of steps) {
        const own = tables[s.table]!;
        const model = models[s.table]!;
        switch (s.kind) {
          case 'add':
            for (const i of s.samples) expect(own.addOne(s.row, i)).toBe(fold(model[s.row]!, new Map([[i, 1n]])));
            break;
          case 'column': {
            const refused = s.rows.flatMap(([r, c], i) => (fold(model[r]!, c) ? [] : [i]));
            const merged = own.mergeColumn(
              Int32Array.from(s.rows, ([r]) => r),
              columnOf(s.rows.map(([, c]) => c)),
            );
            expect(merged ?? []).toEqual(refused);
            break;
          }
          case 'row': {
            const from = models[s.fromTable]![s.fromRow]!;
            expect(own.mergeRow(s.row, tables[s.fromTable]!, s.fromRow)).toBe(fold(model[s.row]!, new Map(from)));
            break;
          }
          case 'set':
            own.set(s.row, canonical(s.counts));
            model[s.row] = new Map(s.counts);
            break;
          case 'encode': {
            const bytes = own.encoded(s.row);
            handedOut.push([bytes, bytes.slice()]);
            break;
          }
        }
      }
      tables.forEach((own, t) => {
        const model = models[t]!;
        const column = own.column(model.map((_, i) => i));
        model.forEach((c, i) => {
          const bytes = canonical(c);
          expect(column.bytes.slice(column.offsets[i], column.offsets[i + 1])).toEqual(bytes);
          const total = [...c.values()].reduce((a, b) => a + b, 0n);
          if (total < 2n ** 53n) expect(column.totals[i]).toBe(Number(total));
          expect(column.lasts[i]).toBe(Math.max(...(c.size > 0 ? c.keys() : [0])));
          expect(own.get(i)?.encode() ?? Uint8Array.of(0)).toEqual(bytes);
          expect(own.get(i)?.total() ?? 0n).toBe(total);
          expect(own.encoded(i)).toEqual(bytes);
        });
      });
      for (const [now, then] of handedOut) expect(now).toEqual(then);
    }),
    { numRuns: 400 },
  );
});

test('rows keep their content while pieces move', () => {
  // 120 rows whose windows grow and are encoded in turn: the memory is moved together many times
  const rows = new DistributionRows(1);
  rows.reserve(120);
  const model = Array.from({ length: 120 }, (): Counts => new Map());
  for (let round = 0; round < 12; round++) {
    const deltas = model.map(
      (_, r): Counts => new Map(Array.from({ length: 30 }, (_x, i) => [r + i * (round + 1), BigInt(1 + i)])),
    );
    expect(
      rows.mergeColumn(
        Int32Array.from(model, (_, r) => r),
        columnOf(deltas),
      ),
    ).toBeUndefined();
    deltas.forEach((delta, r) => fold(model[r]!, delta));
    if (round % 3 === 2) for (let r = 0; r < 120; r += 2) expect(rows.encoded(r)).toEqual(canonical(model[r]!));
  }
  model.forEach((c, r) => expect(rows.encoded(r)).toEqual(canonical(c)));
});

test('bytes that are not canonical are refused and change nothing', () => {
  const rows = new DistributionRows(1);
  rows.set(0, Uint8Array.of(1, 2, 3));
  expect(() => rows.set(0, Uint8Array.of(1, 2, 0))).toThrow('count of zero');
  expect(() => rows.set(0, Uint8Array.of(1, 2, 3, 4))).toThrow('1 bytes after the distribution');
  expect(rows.encoded(0)).toEqual(Uint8Array.of(1, 2, 3));
  rows.set(0, new Uint8Array());
  expect([rows.get(0), [...rows.encoded(0)]]).toEqual([undefined, [0]]);
});

test('large rows come out of a column whole, whatever their length in bytes', () => {
  // every length of a count's varint, for several buckets: some fill the memory that is made for them to the last byte
  for (let size = 1; size <= 8; size++) {
    for (let bits = 30; bits < 63; bits++) {
      for (let others = 1; others < 63; others += 7) {
        const d = new SparseDistribution();
        for (let i = 0; i < size; i++) d.add(i * 2 ** 21, i === 0 ? 2n ** BigInt(bits) : 2n ** BigInt(others) - 1n);
        const rows = new DistributionRows(1);
        rows.set(0, d.encode());
        const { bytes, offsets } = rows.column([0]);
        expect(Buffer.from(bytes).equals(d.encode()), `${size} buckets of ${bits} and ${others} bits`).toBe(true);
        expect([...offsets]).toEqual([0, bytes.length]);
      }
    }
  }
});
