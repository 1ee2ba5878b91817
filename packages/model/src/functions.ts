// SPDX-License-Identifier: Apache-2.0
// The metric functions, each declared once: its additive fields, entrance, combine (by field), calculate, and its federated Add twin.
// In: source values (entrance) and merged fields (calculate). Out: additive fields and the visible value. docs/functions.md lists them.
import { percentiles, type Layout, type SparseDistribution } from './distribution.js';

export type FunctionName =
  | 'longAvg'
  | 'doubleAvg'
  | 'sum'
  | 'count'
  | 'cpm'
  | 'max'
  | 'min'
  | 'percent'
  | 'rate'
  | 'apdex'
  | 'percentile2'
  | 'hdrPercentile'
  | 'histogram';

/** How two values of a field become one. */
export type FieldMerge = 'add' | 'max' | 'min';

/** An additive field: an int64 column, or a distribution. `column` is the name users know from SkyWalking's tables. */
export type FieldSpec =
  | { readonly kind: 'int64'; readonly column: string; readonly merge: FieldMerge }
  | { readonly kind: 'distribution'; readonly column: string; readonly layout: Layout };

/** What an OAL argument of the function is bound to, in order; `value` is the attribute of `from(...)`. */
export type ParamKind = 'value' | 'condition' | 'constant' | 'serviceName' | 'status';

/** The value a metric shows. `unit` scales it for people: 10000 means basis points or a fraction times 10000. */
export type MetricValue =
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'labeled'; readonly entries: readonly { readonly label: string; readonly value: bigint }[] };

/** Merged fields of one row of one metric: int64 fields in declaration order, then distributions in declaration order. */
export interface RowFields {
  int(field: number): bigint;
  distribution(field: number): SparseDistribution;
}

/**
 * What a function does with one source event, as numbers the hot loop can switch on:
 * `a` is the value, the matched flag, or the latency; `b` the denominator flag or the apdex threshold; `c` the status.
 */
export type EntranceKind =
  | 'addValueAndCount'
  | 'addScaledAndCount'
  | 'addValue'
  | 'addOne'
  | 'keepMax'
  | 'keepMin'
  | 'addMatch'
  | 'addRate'
  | 'addApdex'
  | 'addToDistribution';

export interface FunctionSpec {
  readonly name: FunctionName;
  /** OAL name of the federated twin, which aggregates metrics rather than details. */
  readonly addTwin: string;
  /** Class-style names of SkyWalking's world, for documents and messages. */
  readonly metricsName: string;
  readonly params: readonly ParamKind[];
  readonly valueType: 'COMMON_VALUE' | 'LABELED_VALUE' | 'HISTOGRAM';
  readonly entrance: EntranceKind;
  /** Problem text for bad constant arguments, else undefined. */
  checkArgs(args: readonly number[]): string | undefined;
  fields(args: readonly number[]): readonly FieldSpec[];
  /** `minutes`: length of the bucket (1, 60, 1440). Integer division truncates, as in the Java OAP. */
  calculate(row: RowFields, minutes: number, args: readonly number[]): MetricValue;
}

export const INT64_MAX = (1n << 63n) - 1n;
export const INT64_MIN = -(1n << 63n);

/** doubleAvg keeps its sum as int64 fixed point, so that addition is associative: one unit is a millionth. */
export const DOUBLE_SCALE = 1_000_000;

/** Ranks of the percentile functions; the label is `p`. */
export const PERCENTILE_RANKS: readonly number[] = [50, 75, 90, 95, 99];

const int = (column: string, merge: FieldMerge = 'add'): FieldSpec => ({ kind: 'int64', column, merge });
const long = (value: bigint): MetricValue => ({ kind: 'long', value });
const noArgs = (args: readonly number[]) =>
  args.length === 0 ? undefined : `takes no constant argument, got ${args.join(', ')}`;
const oneInt = (what: string, min: number, max: number) => (args: readonly number[]) =>
  args.length === 1 && Number.isInteger(args[0]) && args[0]! >= min && args[0]! <= max
    ? undefined
    : `takes one ${what} from ${min} to ${max}, got ${args.length === 0 ? 'none' : args.join(', ')}`;

/** Truncated quotient; 0 when nothing was counted. */
const quotient = (n: bigint, d: bigint) => (d === 0n ? 0n : n / d);

function percentileValue(row: RowFields, layout: Layout): MetricValue {
  const values = percentiles(layout, row.distribution(0), PERCENTILE_RANKS);
  return {
    kind: 'labeled',
    entries: PERCENTILE_RANKS.map((rank, i) => ({ label: `{p=${rank}}`, value: BigInt(Math.round(values[i]!)) })),
  };
}

const linear = (args: readonly number[]): Layout => ({ kind: 'linear', step: args[0]! });
const hdr = (args: readonly number[]): Layout => ({ kind: 'hdr', digits: args[0]! });
const stepped = (args: readonly number[]): Layout => ({
  // SkyWalking's bucket i is [i*step, (i+1)*step) and the last is open: whole values make that (bounds] with bounds (i+1)*step - 1
  kind: 'explicit',
  bounds: Array.from({ length: args[1]! }, (_, i) => (i + 1) * args[0]! - 1),
});

const spec = (s: FunctionSpec): FunctionSpec => s;

export const FUNCTIONS: Readonly<Record<FunctionName, FunctionSpec>> = {
  longAvg: spec({
    name: 'longAvg',
    addTwin: 'longAvgAdd',
    metricsName: 'LongAvgMetrics',
    params: ['value'],
    valueType: 'COMMON_VALUE',
    entrance: 'addValueAndCount',
    checkArgs: noArgs,
    fields: () => [int('summation'), int('count')],
    calculate: (row) => long(quotient(row.int(0), row.int(1))),
  }),
  doubleAvg: spec({
    name: 'doubleAvg',
    addTwin: 'doubleAvgAdd',
    metricsName: 'DoubleAvgMetrics',
    params: ['value'],
    valueType: 'COMMON_VALUE',
    entrance: 'addScaledAndCount',
    checkArgs: noArgs,
    fields: () => [int('summation_micros'), int('count')],
    calculate: (row) => ({
      kind: 'double',
      value: row.int(1) === 0n ? 0 : Number(row.int(0)) / DOUBLE_SCALE / Number(row.int(1)),
    }),
  }),
  sum: spec({
    name: 'sum',
    addTwin: 'sumAdd',
    metricsName: 'SumMetrics',
    params: ['value'],
    valueType: 'COMMON_VALUE',
    entrance: 'addValue',
    checkArgs: noArgs,
    fields: () => [int('value')],
    calculate: (row) => long(row.int(0)),
  }),
  count: spec({
    name: 'count',
    addTwin: 'countAdd',
    metricsName: 'CountMetrics',
    params: [],
    valueType: 'COMMON_VALUE',
    entrance: 'addOne',
    checkArgs: noArgs,
    fields: () => [int('value')],
    calculate: (row) => long(row.int(0)),
  }),
  cpm: spec({
    name: 'cpm',
    addTwin: 'cpmAdd',
    metricsName: 'CPMMetrics',
    params: [],
    valueType: 'COMMON_VALUE',
    entrance: 'addOne',
    checkArgs: noArgs,
    fields: () => [int('total')],
    calculate: (row, minutes) => long(row.int(0) / BigInt(minutes)),
  }),
  max: spec({
    name: 'max',
    addTwin: 'maxAdd',
    metricsName: 'MaxLongMetrics',
    params: ['value'],
    valueType: 'COMMON_VALUE',
    entrance: 'keepMax',
    checkArgs: noArgs,
    fields: () => [int('value', 'max')],
    calculate: (row) => long(row.int(0)),
  }),
  min: spec({
    name: 'min',
    addTwin: 'minAdd',
    metricsName: 'MinLongMetrics',
    params: ['value'],
    valueType: 'COMMON_VALUE',
    entrance: 'keepMin',
    checkArgs: noArgs,
    fields: () => [int('value', 'min')],
    calculate: (row) => long(row.int(0)),
  }),
  percent: spec({
    name: 'percent',
    addTwin: 'percentAdd',
    metricsName: 'PercentMetrics',
    params: ['condition'],
    valueType: 'COMMON_VALUE',
    entrance: 'addMatch',
    checkArgs: noArgs,
    fields: () => [int('total'), int('match')],
    calculate: (row) => long(quotient(row.int(1) * 10_000n, row.int(0))),
  }),
  rate: spec({
    name: 'rate',
    addTwin: 'rateAdd',
    metricsName: 'RateMetrics',
    params: ['condition', 'condition'],
    valueType: 'COMMON_VALUE',
    entrance: 'addRate',
    checkArgs: noArgs,
    fields: () => [int('denominator'), int('numerator')],
    calculate: (row) => long(quotient(row.int(1) * 10_000n, row.int(0))),
  }),
  apdex: spec({
    name: 'apdex',
    addTwin: 'apdexAdd',
    metricsName: 'ApdexMetrics',
    params: ['serviceName', 'status'],
    valueType: 'COMMON_VALUE',
    entrance: 'addApdex',
    checkArgs: noArgs,
    fields: () => [int('total_num'), int('s_num'), int('t_num')],
    calculate: (row) => long(quotient(row.int(1) * 10_000n + (row.int(2) * 10_000n) / 2n, row.int(0))),
  }),
  percentile2: spec({
    name: 'percentile2',
    addTwin: 'percentile2Add',
    metricsName: 'PercentileMetrics2',
    params: ['value', 'constant'],
    valueType: 'LABELED_VALUE',
    entrance: 'addToDistribution',
    checkArgs: oneInt('precision in ms', 1, 60_000),
    fields: (args) => [{ kind: 'distribution', column: 'dataset', layout: linear(args) }],
    calculate: (row, _minutes, args) => percentileValue(row, linear(args)),
  }),
  hdrPercentile: spec({
    name: 'hdrPercentile',
    addTwin: 'percentileAdd',
    metricsName: 'HdrPercentileMetrics',
    params: ['value', 'constant'],
    valueType: 'LABELED_VALUE',
    entrance: 'addToDistribution',
    checkArgs: oneInt('number of significant digits', 1, 4),
    fields: (args) => [{ kind: 'distribution', column: 'dataset', layout: hdr(args) }],
    calculate: (row, _minutes, args) => percentileValue(row, hdr(args)),
  }),
  histogram: spec({
    name: 'histogram',
    addTwin: 'histogramAdd',
    metricsName: 'HistogramMetrics',
    params: ['value', 'constant', 'constant'],
    valueType: 'HISTOGRAM',
    entrance: 'addToDistribution',
    checkArgs: (args) =>
      args.length === 2 && args.every((a) => Number.isInteger(a) && a >= 1 && a <= 0x7fff_ffff) && args[1]! <= 1_000
        ? undefined
        : `takes a step (an int32) and a number of steps (at most 1000), got ${args.join(', ') || 'none'}`,
    fields: (args) => [{ kind: 'distribution', column: 'dataset', layout: stepped(args) }],
    calculate: (row, _minutes, args) => {
      // every bucket is shown, the empty ones too, labelled by its lower bound: SkyWalking's dataset has them from the first hit on
      const d = row.distribution(0);
      const entries = [];
      let at = 0;
      for (let i = 0; i <= args[1]!; i++) {
        const hit = at < d.size && d.indexAt(at) === i;
        entries.push({ label: String(i * args[0]!), value: hit ? d.countAt(at++) : 0n });
      }
      return { kind: 'labeled', entries };
    },
  }),
};

const byTwin = new Map<string, FunctionSpec>(Object.values(FUNCTIONS).map((f) => [f.addTwin, f]));

export function tryFunction(name: string): FunctionSpec | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name as FunctionName] : undefined;
}

/** The function whose federated twin has that OAL name, e.g. `percentAdd` -> percent. */
export function tryFunctionOfTwin(twin: string): FunctionSpec | undefined {
  return byTwin.get(twin);
}
