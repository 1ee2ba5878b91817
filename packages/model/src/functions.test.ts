// SPDX-License-Identifier: Apache-2.0
// Goal: every function enters and calculates as SkyWalking's does, in whole numbers, except where docs/functions.md says otherwise.
// Method: worked vectors; a structural test of what the merge kernels rely on.
import { describe, expect, test } from 'vitest';
import { MetricColumns } from './columns.js';
import { FUNCTIONS, INT64_MAX, INT64_MIN, tryFunction, tryFunctionOfTwin, type FunctionName } from './functions.js';
import { functionOf, metricSchema, tryParseSchema } from './schema.js';

/** Constant arguments that each function accepts; none for most. */
const ARGS: Partial<Record<FunctionName, readonly number[]>> = {
  percentile2: [10],
  hdrPercentile: [2],
  histogram: [100, 5],
};
const argsOf = (name: FunctionName): readonly number[] => ARGS[name] ?? [];

type Event = readonly [a: number, b?: number, c?: number];

/** Fields and value after `events`, in a bucket of `minutes`. */
function after(name: FunctionName, args: readonly number[], events: readonly Event[], minutes = 1) {
  const schema = metricSchema('m', 'Service', name, args);
  const columns = new MetricColumns(schema, 1);
  const accepted = events.map(([a, b = 0, c = 0]) => columns.enter(0, a, b, c));
  const fields = schema.intFields.map((_, f) => columns.int(0, f));
  return { accepted, fields, value: functionOf(schema).calculate(columns.fields(0), minutes, args) };
}

const long = (value: bigint) => ({ kind: 'long', value });

describe('entrance and calculate', () => {
  test('longAvg truncates towards zero', () => {
    expect(after('longAvg', [], [[10], [11], [10.9]])).toMatchObject({ fields: [31n, 3n], value: long(10n) });
    expect(after('longAvg', [], [[-10], [-11], [-10]])).toMatchObject({ fields: [-31n, 3n], value: long(-10n) });
  });

  test('doubleAvg keeps millionths', () => {
    expect(after('doubleAvg', [], [[0.1], [0.2]])).toMatchObject({
      fields: [300_000n, 2n],
      value: { kind: 'double', value: 0.15 },
    });
    expect(after('doubleAvg', [], [[0.0000004], [1e12]])).toMatchObject({ fields: [10n ** 18n, 2n] });
  });

  test('sum, count', () => {
    expect(after('sum', [], [[5], [-7]])).toMatchObject({ fields: [-2n], value: long(-2n) });
    expect(after('count', [], [[5], [-7]])).toMatchObject({ fields: [2n], value: long(2n) });
  });

  test('cpm divides by the minutes of the bucket, truncated', () => {
    const events = Array.from({ length: 119 }, (): Event => [0]);
    expect(after('cpm', [], events, 1).value).toEqual(long(119n));
    expect(after('cpm', [], events, 60).value).toEqual(long(1n));
    expect(after('cpm', [], events, 1440).value).toEqual(long(0n));
  });

  test('max and min take any sign', () => {
    expect(after('max', [], [[-5], [-3.7], [-9]]).value).toEqual(long(-3n));
    expect(after('min', [], [[5], [3], [9]]).value).toEqual(long(3n));
    expect(after('min', [], [[5], [-3], [9]]).value).toEqual(long(-3n));
  });

  test('percent and rate are in basis points', () => {
    expect(after('percent', [], [[1], [1], [0]])).toMatchObject({ fields: [3n, 2n], value: long(6_666n) });
    // numerator, denominator: each by itself
    expect(
      after(
        'rate',
        [],
        [
          [1, 1],
          [1, 0],
          [0, 1],
          [0, 1],
          [0, 0],
        ],
      ),
    ).toMatchObject({ fields: [3n, 2n], value: long(6_666n) });
    expect(after('rate', [], [[1, 0]])).toMatchObject({ fields: [0n, 1n], value: long(0n) });
  });

  test('apdex: equality goes to the better class, a failure is frustrated', () => {
    const T = 500;
    const events: Event[] = [
      [500, T, 1],
      [501, T, 1],
      [2_000, T, 1],
      [2_001, T, 1],
      [1, T, 0],
    ];
    expect(after('apdex', [], events)).toMatchObject({ fields: [5n, 1n, 2n], value: long(4_000n) });
    // SkyWalking's example: total 10, s 7, t 2 -> 8000
    const ten: Event[] = [
      ...Array.from({ length: 7 }, (): Event => [1, T, 1]),
      [900, T, 1],
      [900, T, 1],
      [9_000, T, 1],
    ];
    expect(after('apdex', [], ten)).toMatchObject({ fields: [10n, 7n, 2n], value: long(8_000n) });
  });

  test('percentile2 shows lower bounds, hdrPercentile highest equivalent values', () => {
    const events: Event[] = [7, 7, 7, 7, 7].map((v): Event => [v]);
    const labels = ['{p=50}', '{p=75}', '{p=90}', '{p=95}', '{p=99}'];
    const all = (value: bigint) => ({ kind: 'labeled', entries: labels.map((label) => ({ label, value })) });
    expect(after('percentile2', [10], events).value).toEqual(all(0n));
    expect(after('hdrPercentile', [2], events).value).toEqual(all(7n));
    expect(after('hdrPercentile', [2], [[1_000]]).value).toEqual(all(1_003n));
  });

  test('histogram: n + 1 buckets, labelled by lower bound, the last one open', () => {
    const { value } = after('histogram', [100, 3], [[0], [99], [100], [299], [300], [5_000]]);
    expect(value).toEqual({
      kind: 'labeled',
      entries: [
        { label: '0', value: 2n },
        { label: '100', value: 1n },
        { label: '200', value: 1n },
        { label: '300', value: 2n },
      ],
    });
  });

  test('nothing counted is zero, never a division by zero', () => {
    const empty = {
      int: () => 0n,
      distribution: () =>
        new MetricColumns(metricSchema('m', 'Service', 'histogram', [1, 1])).fields(0).distribution(0),
    };
    for (const spec of Object.values(FUNCTIONS)) {
      const value = spec.calculate(empty, 1, argsOf(spec.name));
      if (value.kind === 'labeled') for (const entry of value.entries) expect(entry.value).toBe(0n);
      else expect(Number(value.value)).toBe(0);
    }
  });

  test('calculate does not change what it reads', () => {
    const schema = metricSchema('m', 'Service', 'hdrPercentile', [2]);
    const columns = new MetricColumns(schema, 1);
    for (const v of [1, 50, 1_000]) columns.enter(0, v, 0, 0);
    const first = functionOf(schema).calculate(columns.fields(0), 1, schema.args);
    expect(functionOf(schema).calculate(columns.fields(0), 1, schema.args)).toEqual(first);
  });
});

describe('values that no field can take', () => {
  const huge = Number(INT64_MAX) * 4;
  test.each(['longAvg', 'doubleAvg', 'sum', 'max', 'min'] as const)('%s refuses them and stays as it was', (name) => {
    for (const bad of [Number.NaN, Infinity, -Infinity, huge, -huge, 1e308]) {
      expect(after(name, [], [[7], [bad]])).toEqual({ ...after(name, [], [[7]]), accepted: [true, false] });
    }
    const columns = new MetricColumns(metricSchema('m', 'Service', name));
    expect(columns.enter(3, Number.NaN, 0, 0)).toBe(false);
    expect(columns.has(3)).toBe(false);
  });

  test('percentile2 refuses an index above int32', () => {
    expect(after('percentile2', [1], [[2 ** 31 - 1], [2 ** 31]]).accepted).toEqual([true, false]);
    const columns = new MetricColumns(metricSchema('m', 'Service', 'percentile2', [1]));
    expect(columns.enter(0, 2 ** 40, 0, 0)).toBe(false);
    expect([columns.has(0), columns.distribution(0, 0)]).toEqual([false, undefined]);
  });

  test('the last int64 is counted, the next is refused', () => {
    for (const spec of Object.values(FUNCTIONS)) {
      const schema = metricSchema('m', 'Service', spec.name, argsOf(spec.name));
      schema.intFields.forEach((field, f) => {
        if (field.merge !== 'add') return;
        const columns = new MetricColumns(schema, 1);
        const ints = schema.intFields.map((_, g) => (g === f ? INT64_MAX : 0n));
        columns.setRow(0, ints, []);
        // a = 1: value, match and satisfied; for t_num of apdex slower than T
        const slow = field.column === 't_num';
        expect(columns.enter(0, slow ? 2 : 1, 1, 1), `${spec.name}.${field.column}`).toBe(false);
        expect(schema.intFields.map((_, g) => columns.int(0, g))).toEqual(ints);
      });
    }
  });
});

describe('structure', () => {
  // MetricColumns merges distributions before int fields, one after the other, without undoing: a second distribution that refuses
  // would leave the first one merged. Int fields are all checked before anything is written.
  test('no function has fields that a refusal could leave half merged', () => {
    for (const spec of Object.values(FUNCTIONS)) {
      const distributions = spec.fields(argsOf(spec.name)).filter((field) => field.kind === 'distribution');
      expect(distributions.length, spec.name).toBeLessThanOrEqual(1);
    }
  });

  test('names, twins and field names are unique; every function is found by both', () => {
    const specs = Object.values(FUNCTIONS);
    expect(specs.length).toBe(13);
    for (const [key, spec] of Object.entries(FUNCTIONS)) {
      expect(spec.name).toBe(key);
      expect(tryFunction(key)).toBe(spec);
      expect(tryFunctionOfTwin(spec.addTwin)).toBe(spec);
      expect(tryFunction(spec.addTwin)).toBeUndefined();
      const columns = spec.fields(argsOf(spec.name)).map((field) => field.column);
      expect(new Set(columns).size).toBe(columns.length);
    }
    expect(tryFunction('constructor')).toBeUndefined();
  });

  test('entrance and declared fields fit: entering never touches a field that is not there', () => {
    for (const spec of Object.values(FUNCTIONS)) {
      const columns = new MetricColumns(metricSchema('m', 'Service', spec.name, argsOf(spec.name)), 1);
      for (const flag of [0, 1]) expect(columns.enter(0, flag, 1, flag), spec.name).toBe(true);
    }
  });

  test('untouched fields are the identities', () => {
    expect(new MetricColumns(metricSchema('m', 'Service', 'max')).int(99, 0)).toBe(INT64_MIN);
    expect(new MetricColumns(metricSchema('m', 'Service', 'min')).int(99, 0)).toBe(INT64_MAX);
    const grown = new MetricColumns(metricSchema('m', 'Service', 'min'), 1);
    grown.enter(40, 5, 0, 0);
    expect([grown.int(39, 0), grown.int(40, 0), grown.has(39)]).toEqual([INT64_MAX, 5n, false]);
  });
});

describe('schemas', () => {
  test('text and parse are inverse for every function', () => {
    for (const spec of Object.values(FUNCTIONS)) {
      const schema = metricSchema('service_x', 'EndpointRelation', spec.name, argsOf(spec.name));
      expect(tryParseSchema(schema.text)).toEqual(schema);
    }
  });

  test.each([
    '',
    'm Service',
    'm Service nothing()',
    'm Nowhere sum()',
    'm Service sum(1)',
    'm Service percentile2()',
    'm Service percentile2(0)',
    'm Service percentile2(010)',
    'm Service percentile2(10,)',
    'm Service percentile2(-1)',
    'm Service hdrPercentile(5)',
    'm Service histogram(1,1001)',
    'm Service histogram(2147483648,1)',
    'm  Service sum()',
    ' m Service sum()',
    '1m Service sum()',
    'm Service toString()',
    `${'m'.repeat(56)} Service sum()`,
  ])('%j is not known', (text) => {
    expect(tryParseSchema(text)).toBeUndefined();
  });

  test('building a wrong one says what is wrong', () => {
    expect(() => metricSchema('a-b', 'Service', 'sum')).toThrow('"a-b"');
    expect(() => metricSchema('m', 'Service', 'percentile2', [0.5])).toThrow(
      'precision in ms from 1 to 60000, got 0.5',
    );
    expect(() => metricSchema('m', 'Service', 'histogram', [1e21, 2])).toThrow(RangeError);
    expect(() => metricSchema('m', 'Service', 'sum', [1])).toThrow('takes no constant argument, got 1');
  });
});
