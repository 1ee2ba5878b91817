// SPDX-License-Identifier: Apache-2.0
// Goal: the digest is linear in the rows (merging adds, over any tree and batching), and a difference of any field changes it.
// Method: random rows of every function, cut and merged at random; an oracle in BigInt for the arithmetic; recorded vectors.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.js';
import type { IncrementBatch } from './block.js';
import { MetricColumns } from './columns.js';
import { DigestSum, entityKeys, isDigest, NO_DIGEST, type Digest } from './digest.js';
import { downscaleExponential, SparseDistribution } from './distribution.js';
import { entityOf, type Entity } from './entity.js';
import { metricSchema, type MetricSchema } from './schema.js';

const SCHEMAS: readonly MetricSchema[] = [
  ...(['longAvg', 'doubleAvg', 'sum', 'count', 'cpm', 'max', 'min', 'percent', 'rate', 'apdex'] as const).map((name) =>
    metricSchema('m', 'Service', name),
  ),
  metricSchema('m', 'Service', 'percentile2', [10]),
  metricSchema('m', 'Service', 'hdrPercentile', [2]),
  metricSchema('m', 'Service', 'histogram', [50, 20]),
];
const ENTITIES: readonly Entity[] = ['a', 'b', 'c'].map((service) =>
  entityOf('Service', { service, normal: true, layer: 'GENERAL', name: '' }),
);
const KEYS = entityKeys(ENTITIES);
const MINUTE = 29_000_000;

/** One increment: the values of the int64 fields, and the buckets of the distribution, of which each function uses its own. */
interface Increment {
  readonly row: number;
  readonly ints: readonly bigint[];
  readonly buckets: readonly (readonly [index: number, count: bigint])[];
}

// 2^56 at most: hundreds of them stay an int64, so nothing is refused here
const value = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt(-300n, 300n) },
  { weight: 2, arbitrary: fc.bigInt(-(2n ** 40n), 2n ** 40n) },
  { weight: 1, arbitrary: fc.bigInt(-(2n ** 56n), 2n ** 56n) },
);
const bucket = fc.tuple(
  fc.oneof({ weight: 5, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.integer({ min: -9, max: 2 ** 31 - 1 }) }),
  fc.oneof({ weight: 9, arbitrary: fc.bigInt(1n, 500n) }, { weight: 1, arbitrary: fc.bigInt(1n, 2n ** 56n) }),
);
const increment: fc.Arbitrary<Increment> = fc.record({
  row: fc.nat(ENTITIES.length - 1),
  ints: fc.array(value, { minLength: 3, maxLength: 3 }),
  buckets: fc.array(bucket, { minLength: 1, maxLength: 30 }),
});

function columnsOf(schema: MetricSchema, increments: readonly Increment[]): MetricColumns {
  const columns = new MetricColumns(schema, 1);
  for (const { row, ints, buckets } of increments) {
    const one = new MetricColumns(schema, 1);
    const distribution = new SparseDistribution();
    for (const [index, count] of buckets) expect(distribution.add(index, count)).toBe(true);
    one.setRow(
      0,
      schema.intFields.map((_, f) => ints[f]!),
      schema.distributionFields.map(() => distribution.encode()),
    );
    expect(columns.mergeRow(row, one, 0)).toBe(true);
  }
  return columns;
}

function digestOf(columns: MetricColumns): Digest {
  const sum = new DigestSum();
  const { entities, blocks } = batchOf(columns);
  for (const block of blocks) sum.addBlock(block, entityKeys(entities));
  return sum.value();
}

function sumOf(digests: readonly Digest[]): Digest {
  const sum = new DigestSum();
  for (const digest of digests) sum.add(digest);
  return sum.value();
}

function batchOf(columns: MetricColumns): IncrementBatch {
  const builder = new BatchBuilder();
  builder.addRows(
    columns,
    MINUTE,
    '',
    ENTITIES.map((_, i) => i),
    (row) => ENTITIES[row]!,
  );
  return builder.build();
}

const isAdditive = (schema: MetricSchema) => schema.functionName !== 'max' && schema.functionName !== 'min';
const anySchema = fc.constantFrom(...SCHEMAS);
const additive = fc.constantFrom(...SCHEMAS.filter(isAdditive));

describe('digest', () => {
  test('merging adds digests, over any partition, order and tree', () => {
    fc.assert(
      fc.property(
        anySchema,
        fc.array(increment, { maxLength: 12 }),
        fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
        (schema, increments, leafOf) => {
          const whole = digestOf(columnsOf(schema, increments));
          const leaves = [0, 1, 2, 3].map((leaf) =>
            columnsOf(
              schema,
              increments.filter((_, i) => leafOf[i] === leaf),
            ),
          );
          expect(sumOf(leaves.map(digestOf))).toEqual(whole);
          const middle = new MetricColumns(schema, 1);
          for (const leaf of [leaves[2]!, leaves[0]!])
            for (const row of ENTITIES.keys()) expect(middle.mergeRow(row, leaf, row)).toBe(true);
          expect(sumOf([digestOf(middle), digestOf(leaves[3]!), digestOf(leaves[1]!)])).toEqual(whole);
          expect(digestOf(columnsOf(schema, increments.toReversed()))).toEqual(whole);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('blocks and stored rows of the same content have one digest; skipped rows do not count', () => {
    fc.assert(
      fc.property(anySchema, fc.array(increment, { minLength: 1, maxLength: 8 }), (schema, increments) => {
        const columns = columnsOf(schema, increments);
        const batch = batchOf(columns);
        const keys = entityKeys(batch.entities);
        const ofRows = (rows: readonly number[]) => {
          const sum = new DigestSum();
          for (const row of rows) {
            const ints = schema.intFields.map((_, f) => columns.int(row, f));
            const distributions = schema.distributionFields.map((_, f) => columns.encodedDistribution(row, f));
            sum.addRow(schema, KEYS, row, ints, distributions);
          }
          return sum.value();
        };
        const rows = [...ENTITIES.keys()].filter((row) => columns.has(row));
        expect(ofRows(rows)).toEqual(digestOf(columns));

        const block = batch.blocks[0]!;
        const withoutBlock = new DigestSum();
        const skipped = ENTITIES.indexOf(batch.entities[block.entities[0]!]!);
        withoutBlock.addBlock(block, keys, new Set([0]));
        expect(withoutBlock.value()).toEqual(ofRows(rows.filter((row) => row !== skipped)));
      }),
    );
  });

  test('a changed value, a lost and a doubled increment show', () => {
    fc.assert(
      fc.property(additive, fc.array(increment, { minLength: 1, maxLength: 6 }), value, (schema, increments, more) => {
        const whole = digestOf(columnsOf(schema, increments));
        const lost = digestOf(columnsOf(schema, increments.slice(1)));
        const doubled = digestOf(columnsOf(schema, [...increments, increments[0]!]));
        const first = increments[0]!;
        const isEmpty = first.ints.slice(0, schema.intFields.length).every((v) => v === 0n);
        if (schema.distributionFields.length > 0 || !isEmpty) {
          expect(lost).not.toEqual(whole);
          expect(doubled).not.toEqual(whole);
        }
        if (more === 0n) return;
        const changed =
          schema.distributionFields.length > 0
            ? { ...first, buckets: [...first.buckets, [77, more < 0n ? -more : more] as const] }
            : { ...first, ints: [first.ints[0]! + more, ...first.ints.slice(1)] };
        expect(digestOf(columnsOf(schema, [changed, ...increments.slice(1)]))).not.toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  test('an increment that lands on another entity, field or bucket shows', () => {
    const one = (row: number, ints: readonly bigint[]) =>
      digestOf(columnsOf(SCHEMAS[0]!, [{ row, ints, buckets: [[1, 1n]] }]));
    const seen = new Set([one(0, [5n, 0n]), one(1, [5n, 0n]), one(0, [0n, 5n])].map((d) => `${d.a} ${d.b}`));
    expect(seen.size).toBe(3);
    const hdr = SCHEMAS.find((s) => s.functionName === 'hdrPercentile')!;
    const at = (index: number) => digestOf(columnsOf(hdr, [{ row: 0, ints: [], buckets: [[index, 2n]] }]));
    const of = new Set(Array.from({ length: 10_000 }, (_, i) => at(i)).map((d) => `${d.a} ${d.b}`));
    expect(of.size).toBe(10_000);
  });

  test('lane b is arithmetic modulo 2^31 - 1: a value of 2^32 more shows there, one of that prime more shows in lane a', () => {
    const of = (v: bigint) => digestOf(columnsOf(SCHEMAS[0]!, [{ row: 0, ints: [v, 1n], buckets: [[1, 1n]] }]));
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 62n), 2n ** 61n), (v) => {
        const [plain, wrapped, turned] = [of(v), of(v + 2n ** 32n), of(v + 2n ** 31n - 1n)];
        expect(wrapped.a).toBe(plain.a);
        expect(wrapped.b).not.toBe(plain.b);
        expect(turned.b).toBe(plain.b);
        expect(turned.a).not.toBe(plain.a);
      }),
    );
  });

  test('an exponential distribution counts by its sum alone: downscaling moves its buckets', () => {
    const schema: MetricSchema = {
      ...SCHEMAS.find((s) => s.functionName === 'hdrPercentile')!,
      distributionFields: [{ kind: 'distribution', column: 'dataset', layout: { kind: 'exponential', scale: 4 } }],
    };
    const fine = new SparseDistribution();
    for (const index of [3, 9, 40, 41]) fine.add(index, 5n);
    const row = (d: SparseDistribution) => {
      const sum = new DigestSum();
      sum.addRow(schema, KEYS, 0, [], [d.encode()]);
      return sum.value();
    };
    const coarse = downscaleExponential(fine, 4, 2);
    expect(coarse.encode()).not.toEqual(fine.encode());
    expect(row(coarse)).toEqual(row(fine));
    fine.addOne(3);
    expect(row(fine)).not.toEqual(row(coarse));
  });

  test('max and min are not in it', () => {
    for (const name of ['max', 'min'] as const) {
      const columns = columnsOf(metricSchema('m', 'Service', name), [{ row: 0, ints: [7n], buckets: [[1, 1n]] }]);
      expect(digestOf(columns)).toEqual({ a: 0, b: 0 });
    }
  });

  test('NO_DIGEST is no sum', () => {
    expect(isDigest(NO_DIGEST)).toBe(false);
    expect(isDigest({ a: 0xffff_ffff, b: 2 ** 31 - 2 })).toBe(true);
  });

  test('vectors of docs/protocol.md', () => {
    const of = (schema: MetricSchema, ints: readonly bigint[], buckets: Increment['buckets']) =>
      digestOf(columnsOf(schema, [{ row: 0, ints, buckets }]));
    expect([
      of(metricSchema('service_cpm', 'Service', 'cpm'), [1n], []),
      of(metricSchema('service_resp_time', 'Service', 'longAvg'), [-(2n ** 40n), 3n], []),
      of(
        metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
        [],
        [
          [0, 1n],
          [5_000, 2n ** 33n],
        ],
      ),
    ]).toMatchInlineSnapshot(`
      [
        {
          "a": 2581921773,
          "b": 254800494,
        },
        {
          "a": 862929561,
          "b": 596133907,
        },
        {
          "a": 2589339507,
          "b": 1790734616,
        },
      ]
    `);
  });
});
