// SPDX-License-Identifier: Apache-2.0
// Goal: federated = centralised, byte for byte, for every metric function; refusals change nothing; clones are independent.
// Method: random events, cut into leaves at random, merged over random trees in random order, some edges over the wire form
// (encode, decode, mergeBlockRow: the Add twin), against one table that took every event itself.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.js';
import { decodeContent, encodeContent, joinContent, splitContent, type IncrementBatch } from './block.js';
import { BlockSum, RestingColumns } from './block-columns.js';
import { ByteSlabs } from './byte-slabs.js';
import { MetricColumns } from './columns.js';
import { SparseDistribution } from './distribution.js';
import { distributionAt } from './distribution-rows.js';
import { entityOf, type Entity } from './entity.js';
import { FUNCTIONS, INT64_MAX, INT64_MIN, type FunctionName } from './functions.js';
import { functionOf, metricSchema, type MetricSchema } from './schema.js';

const SCHEMAS: readonly MetricSchema[] = [
  ...(['longAvg', 'doubleAvg', 'sum', 'count', 'cpm', 'max', 'min', 'percent', 'rate', 'apdex'] as const).map((name) =>
    metricSchema('m', 'Service', name),
  ),
  metricSchema('m', 'Service', 'percentile2', [10]),
  metricSchema('m', 'Service', 'hdrPercentile', [2]),
  metricSchema('m', 'Service', 'histogram', [50, 20]),
];

const ROWS = 3;
const ENTITIES: readonly Entity[] = Array.from({ length: ROWS }, (_, i) =>
  entityOf('Service', { service: `s${i}`, normal: true, layer: 'GENERAL', name: '' }),
);
const ALL_ROWS = ENTITIES.map((_, i) => i);
const MINUTE = 29_000_000;

interface Event {
  readonly row: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const FLAGS: ReadonlySet<FunctionName> = new Set(['percent', 'rate']);

/** Events of one function: small values, so that buckets and extremes collide, and now and then a huge or negative one. */
function eventsOf(name: FunctionName): fc.Arbitrary<Event[]> {
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 2, arbitrary: fc.integer({ min: -20, max: 5_000_000 }) },
    { weight: 1, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  );
  const flag = fc.integer({ min: 0, max: 1 });
  return fc.array(
    fc.record({
      row: fc.integer({ min: 0, max: ROWS - 1 }),
      a: FLAGS.has(name) ? flag : value,
      b: name === 'apdex' ? fc.constantFrom(50, 200) : flag,
      c: flag,
    }),
    { maxLength: 80 },
  );
}

const empty = (schema: MetricSchema) => new MetricColumns(schema, 1);

function entered(schema: MetricSchema, events: readonly Event[]): MetricColumns {
  const columns = empty(schema);
  for (const { row, a, b, c } of events) expect(columns.enter(row, a, b, c)).toBe(true);
  return columns;
}

function batchOf(columns: MetricColumns): IncrementBatch {
  const builder = new BatchBuilder();
  builder.addRows(columns, MINUTE, '', ALL_ROWS, (row) => ENTITIES[row]!);
  return builder.build();
}

const bytesOf = (columns: MetricColumns): Uint8Array => joinContent(encodeContent(batchOf(columns)));

/** Everything that can be seen of a table: its bytes, its fields, and the values it shows. */
function stateOf(columns: MetricColumns): unknown {
  const { schema } = columns;
  return {
    bytes: bytesOf(columns),
    rows: ALL_ROWS.map((row) => ({
      has: columns.has(row),
      ints: schema.intFields.map((_, f) => columns.int(row, f)),
      distributions: schema.distributionFields.map((_, f) =>
        (columns.distribution(row, f) ?? new SparseDistribution()).encode(),
      ),
      value: [1, 60, 1_440].map((minutes) => functionOf(schema).calculate(columns.fields(row), minutes, schema.args)),
    })),
  };
}

/** Folds `from` in as memory: L1 to L2 of one node. */
function mergeAll(into: MetricColumns, from: MetricColumns): MetricColumns {
  for (const row of ALL_ROWS) if (from.has(row)) expect(into.mergeRow(row, from, row)).toBe(true);
  return into;
}

/** Folds `from` in as bytes that crossed a wire: what the Add twin does at an upper tier. */
function mergeOverWire(into: MetricColumns, from: MetricColumns): MetricColumns {
  const batch = decodeContent(splitContent(bytesOf(from)));
  for (const block of batch.blocks) {
    block.entities.forEach((entity, i) => {
      const row = ENTITIES.findIndex((e) => e.id === batch.entities[entity]!.id);
      expect(into.mergeBlockRow(row, block, i)).toBe(true);
    });
  }
  return into;
}

describe.each(SCHEMAS.map((schema) => [schema.functionName, schema] as const))('%s', (name, schema) => {
  const events = eventsOf(name);

  test('any tree over any partition, in any order, memory or wire, is the centralised table', () => {
    fc.assert(
      fc.property(
        events,
        fc.array(fc.nat({ max: 6 }), { minLength: 80, maxLength: 80 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean(), fc.nat()), { minLength: 7, maxLength: 7 }),
        (all, leafOf, plan) => {
          const central = stateOf(entered(schema, all));
          // leaves take their events backwards for odd leaves: the order inside a leaf does not matter either
          let nodes = Array.from({ length: 7 }, (_, leaf) => {
            const own = all.filter((_event, i) => leafOf[i] === leaf);
            return entered(schema, leaf % 2 === 1 ? own.toReversed() : own);
          });
          for (const [x, y, wire, copy] of plan) {
            if (nodes.length === 1) break;
            const from = nodes[x % nodes.length]!;
            const rest = nodes.filter((node) => node !== from);
            let into = rest[y % rest.length]!;
            // now and then a tier starts anew and folds both in
            if (copy % 3 === 0) {
              const fresh = mergeAll(empty(schema), into);
              rest[y % rest.length] = fresh;
              into = fresh;
            }
            (wire ? mergeOverWire : mergeAll)(into, from);
            nodes = rest;
          }
          expect(nodes.length).toBe(1);
          expect(stateOf(nodes[0]!)).toEqual(central);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('identity, commutativity, associativity', () => {
    fc.assert(
      fc.property(events, events, events, (x, y, z) => {
        const [a, b, c] = [entered(schema, x), entered(schema, y), entered(schema, z)];
        const before = stateOf(a);
        expect(stateOf(mergeAll(mergeAll(empty(schema), a), empty(schema)))).toEqual(before);
        expect(stateOf(mergeAll(mergeAll(empty(schema), a), b))).toEqual(
          stateOf(mergeAll(mergeAll(empty(schema), b), a)),
        );
        const bc = mergeAll(mergeAll(empty(schema), b), c);
        const ab = mergeAll(mergeAll(empty(schema), a), b);
        expect(stateOf(mergeAll(ab, c))).toEqual(stateOf(mergeAll(mergeAll(empty(schema), a), bc)));
        expect(stateOf(a)).toEqual(before); // what was folded in is untouched
      }),
      { numRuns: 100 },
    );
  });

  test('mergeBlockRow over the wire form equals mergeRow', () => {
    fc.assert(
      fc.property(events, events, (x, y) => {
        const delta = entered(schema, y);
        expect(stateOf(mergeOverWire(entered(schema, x), delta))).toEqual(stateOf(mergeAll(entered(schema, x), delta)));
      }),
      { numRuns: 100 },
    );
  });

  test('a clone shares no memory with the columns it was made from', () => {
    fc.assert(
      fc.property(events, events, (x, y) => {
        const columns = entered(schema, x);
        const clone = batchOf(columns);
        const copied = mergeAll(empty(schema), columns);
        const bytes = joinContent(encodeContent(clone));
        for (const { row, a, b, c } of y) columns.enter(row, a, b, c);
        mergeAll(columns, entered(schema, y));
        expect(joinContent(encodeContent(clone))).toEqual(bytes);
        expect(bytesOf(copied)).toEqual(bytes);
        // and the other way: merging into a table that took the clone in leaves the clone alone
        const upper = empty(schema);
        for (const block of clone.blocks) block.entities.forEach((row, i) => upper.mergeBlockRow(row, block, i));
        mergeAll(upper, columns);
        expect(joinContent(encodeContent(clone))).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });

  test('setRow of stored values is the row again', () => {
    fc.assert(
      fc.property(events, (x) => {
        const columns = entered(schema, x);
        const loaded = empty(schema);
        for (const row of ALL_ROWS) {
          if (!columns.has(row)) continue;
          const distributions = schema.distributionFields.map(
            (_, f) => columns.distribution(row, f)?.encode() ?? new Uint8Array(),
          );
          loaded.setRow(
            row,
            schema.intFields.map((_, f) => columns.int(row, f)),
            distributions,
          );
        }
        expect(stateOf(loaded)).toEqual(stateOf(columns));
      }),
      { numRuns: 30 },
    );
  });

  test('an overflow of any field is refused by both merges, with nothing changed', () => {
    const near = { add: INT64_MAX - 1n, max: 5n, min: 5n } as const;
    const full = (bucket: bigint) => {
      const d = new SparseDistribution();
      d.add(0, 3n);
      d.add(1, bucket);
      return d.encode();
    };
    const added = [
      ...schema.intFields.filter((f) => f.merge === 'add').map((f) => f.column),
      ...schema.distributionFields.map((f) => f.column),
    ];
    for (const column of added) {
      const target = empty(schema);
      target.setRow(
        0,
        schema.intFields.map((f) => near[f.merge]),
        schema.distributionFields.map(() => full(INT64_MAX - 1n)),
      );
      const delta = empty(schema);
      delta.setRow(
        0,
        schema.intFields.map((f) => (f.column === column ? 2n : 0n)),
        schema.distributionFields.map(() => full(2n)),
      );
      const before = stateOf(target);
      expect(target.mergeRow(0, delta, 0), column).toBe(false);
      expect(stateOf(target)).toEqual(before);
      expect(target.mergeBlockRow(0, batchOf(delta).blocks[0]!, 0), column).toBe(false);
      expect(stateOf(target)).toEqual(before);
      // one less fits
      const fits = empty(schema);
      fits.setRow(
        0,
        schema.intFields.map((f) => (f.column === column ? 1n : 0n)),
        schema.distributionFields.map(() => full(1n)),
      );
      expect(target.mergeRow(0, fits, 0)).toBe(true);
    }
  });
});

test('all functions are tested above', () => {
  expect(SCHEMAS.map((s) => s.functionName).toSorted()).toEqual(Object.keys(FUNCTIONS).toSorted());
});

test('an underflow is refused too: sums of negative values', () => {
  const schema = metricSchema('m', 'Service', 'sum');
  const target = empty(schema);
  target.setRow(0, [INT64_MIN + 1n], []);
  const delta = empty(schema);
  delta.setRow(0, [-2n], []);
  expect(target.mergeRow(0, delta, 0)).toBe(false);
  expect(target.mergeBlockRow(0, batchOf(delta).blocks[0]!, 0)).toBe(false);
  expect(target.enter(0, -2, 0, 0)).toBe(false);
  expect(target.int(0, 0)).toBe(INT64_MIN + 1n);
});

test('a row that fails to load stays as it was', () => {
  const columns = empty(metricSchema('m', 'Service', 'percentile2', [10]));
  columns.enter(0, 55, 0, 0);
  const before = bytesOf(columns);
  expect(() => columns.setRow(0, [], [Uint8Array.of(9)])).toThrow('count 9');
  expect(bytesOf(columns)).toEqual(before);
});

test('merging an absent row changes nothing, not even presence', () => {
  const schema = metricSchema('m', 'Service', 'min');
  const target = empty(schema);
  expect(target.mergeRow(5, empty(schema), 700)).toBe(true);
  expect(target.has(5)).toBe(false);
});

describe('mergeBlock', () => {
  const int64 = fc.oneof(
    { weight: 6, arbitrary: fc.bigInt({ min: -1_000n, max: 1_000n }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(1n << 40n, -(1n << 40n), (1n << 40n) - 1n, 1n << 62n, INT64_MAX, INT64_MIN),
    },
  );
  const values = fc.tuple(int64, int64, int64);

  test('is mergeBlockRow one by one, refusals and rows that come twice included', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SCHEMAS),
        fc.array(values, { minLength: 1, maxLength: 6 }),
        fc.array(values, { minLength: ROWS, maxLength: ROWS }),
        fc.array(fc.nat({ max: 40 }), { minLength: 6, maxLength: 6 }),
        (schema, start, deltas, target) => {
          const from = empty(schema);
          deltas.forEach((ints, row) => {
            if (schema.intFields.length > 0) {
              from.setRow(row, ints.slice(0, schema.intFields.length), []);
            } else {
              const d = new SparseDistribution();
              for (const v of ints) d.add(Number(BigInt.asUintN(5, v)), v > 0n ? v : 1n);
              from.setRow(row, [], [d.encode()]);
            }
          });
          const block = batchOf(from).blocks[0]!;
          const begin = () => {
            const columns = empty(schema);
            if (schema.intFields.length > 0)
              start.forEach((ints, row) => columns.setRow(row, ints.slice(0, schema.intFields.length), []));
            return columns;
          };
          const rows = Int32Array.from(block.entities, (_, i) => target[i]!);
          const whole = begin();
          const single = begin();
          const refused: number[] = [];
          rows.forEach((row, i) => {
            if (!single.mergeBlockRow(row, block, i)) refused.push(i);
          });
          expect(whole.mergeBlock(rows, block) ?? []).toEqual(refused);
          const sum = new BlockSum(schema, 1);
          const resting = new RestingColumns(schema, 1);
          if (schema.intFields.length > 0) {
            const entities = Uint32Array.from(start.keys());
            const ints = schema.intFields.map((_, f) => BigInt64Array.from(start, (row) => row[f]!));
            const before = { schema, minute: MINUTE, origin: '', entities, ints, distributions: [] };
            for (const columns of [sum, resting])
              expect(columns.mergeBlock(Int32Array.from(entities), before)).toBeUndefined();
          }
          const fits = resting.surelyFits(rows, block) && new Set(rows).size === rows.length;
          for (const columns of [sum, resting]) expect(columns.mergeBlock(rows, block) ?? []).toEqual(refused);
          if (fits) expect(refused).toEqual([]);
          const taken = sum.take(42, MINUTE, '', new ByteSlabs(false));
          const there = [...Array(42).keys()].filter((row) => single.has(row));
          expect([...taken.entities]).toEqual(there);
          schema.intFields.forEach((_, f) => {
            const wanted = there.map((row) => single.int(row, f));
            expect([...taken.ints[f]!]).toEqual(wanted);
            expect([...resting.copyInts(f, there)]).toEqual(wanted);
          });
          schema.distributionFields.forEach((_, f) => {
            const wanted = there.map((row) => single.encodedDistribution(row, f));
            for (const column of [taken.distributions[f]!, resting.copyDistributions(f, there)])
              expect(there.map((_row, i) => distributionAt(column, i))).toEqual(wanted);
          });
          for (let row = 0; row <= 41; row++) {
            expect(whole.has(row)).toBe(single.has(row));
            schema.intFields.forEach((_, f) => expect(whole.int(row, f)).toBe(single.int(row, f)));
            schema.distributionFields.forEach((_, f) =>
              expect(whole.distribution(row, f)?.encode()).toEqual(single.distribution(row, f)?.encode()),
            );
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
