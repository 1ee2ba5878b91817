// SPDX-License-Identifier: Apache-2.0
// Aggregation operators: many series of a vector -> one per group (topk and bottomk: some of them). Source: Prometheus 2.42.
import type { Aggregation, Aggregator } from './ast.js';
import { PromqlExecutionError } from './errors.js';
import { isLabelName, METRIC_NAME, quote, type Labels } from './labels.js';
import { plainText, sampleText } from './number.js';
import { quantileOf } from './quantile.js';
import { put, VectorBuilder, type Budget, type Grid, type Vector, type VectorSeries } from './vector.js';

/** The parameter: per step for topk, bottomk and quantile, a text for count_values. */
export type AggregationParam = Float64Array | string | undefined;

/** Errors: PromqlExecutionError for a parameter out of range. */
export function aggregate(
  { op, without, grouping }: Pick<Aggregation, 'op' | 'without' | 'grouping'>,
  vector: Vector,
  param: AggregationParam,
  grid: Grid,
  budget: Budget,
): Vector {
  const names = new Set(without ? [...grouping, METRIC_NAME] : grouping);
  const groupLabels = (labels: Labels) => (without ? labels.without(names) : labels.only(names));
  const groups = new Map<string, { readonly labels: Labels; readonly members: VectorSeries[] }>();
  for (const series of vector) {
    const labels = groupLabels(series.labels);
    const group = groups.get(labels.key);
    if (group) group.members.push(series);
    else groups.set(labels.key, { labels, members: [series] });
  }
  const out = new VectorBuilder(grid.count, budget);
  for (const { labels, members } of groups.values()) {
    budget.take(0);
    switch (op) {
      case 'topk':
      case 'bottomk':
        select(op, members, param as Float64Array, grid, out);
        break;
      case 'count_values':
        countValues(param as string, labels, members, grid, out);
        break;
      case 'quantile':
        fold(out.series(labels), members, grid, (values, step) => quantileOf((param as Float64Array)[step]!, values));
        break;
      default: {
        const folded = FOLDS[op];
        fold(out.series(labels), members, grid, (values) => folded(values));
      }
    }
  }
  return out.build();
}

type Fold = (values: Float64Array) => number;

const FOLDS: Readonly<Record<Exclude<Aggregator, 'topk' | 'bottomk' | 'count_values' | 'quantile'>, Fold>> = {
  sum: (values) => values.reduce((a, b) => a + b),
  count: (values) => values.length,
  group: () => 1,
  min: (values) => values.reduce((best, v) => (v < best || Number.isNaN(best) ? v : best)),
  max: (values) => values.reduce((best, v) => (v > best || Number.isNaN(best) ? v : best)),
  avg: mean,
  stdvar: variance,
  stddev: (values) => Math.sqrt(variance(values)),
};

function mean(values: Float64Array): number {
  let average = values[0]!;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    if (Math.abs(average) === Infinity && (value === average || Number.isFinite(value))) continue;
    average += value / (i + 1) - average / (i + 1);
  }
  return average;
}

function variance(values: Float64Array): number {
  let average = values[0]!;
  let squares = 0;
  for (let i = 1; i < values.length; i++) {
    const delta = values[i]! - average;
    average += delta / (i + 1);
    squares += delta * (values[i]! - average);
  }
  return squares / values.length;
}

/** Folds the values that a step has, in the order of the series. */
function fold(
  target: VectorSeries,
  members: readonly VectorSeries[],
  { count }: Grid,
  folded: (values: Float64Array, step: number) => number,
): void {
  const values = new Float64Array(members.length);
  for (let step = 0; step < count; step++) {
    let n = 0;
    for (const member of members) if (member.present[step] === 1) values[n++] = member.values[step]!;
    if (n > 0) put(target, step, folded(values.subarray(0, n), step));
  }
}

/** Keeps the k greatest (least) of each step, NaN last; the best comes first where there is only one step. */
function select(
  op: 'topk' | 'bottomk',
  members: readonly VectorSeries[],
  param: Float64Array,
  { count }: Grid,
  out: VectorBuilder,
): void {
  const sign = op === 'topk' ? -1 : 1;
  for (let step = 0; step < count; step++) {
    const k = param[step]!;
    if (!(Math.abs(k) < 2 ** 63)) throw new PromqlExecutionError(`Scalar value ${sampleText(k)} overflows int64`);
    if (k < 1) continue;
    const present = members.filter((m) => m.present[step] === 1);
    present.sort((a, b) => order(a.values[step]!, b.values[step]!, sign));
    for (const { labels, values } of present.slice(0, Math.trunc(k))) put(out.series(labels), step, values[step]!);
  }
}

/** Ascending for sign 1, descending for -1; NaN after everything. */
export function order(a: number, b: number, sign: 1 | -1): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -sign : a > b ? sign : 0;
}

function countValues(
  label: string,
  group: Labels,
  members: readonly VectorSeries[],
  { count }: Grid,
  out: VectorBuilder,
): void {
  if (!isLabelName(label)) throw new PromqlExecutionError(`invalid label name ${quote(label)}`);
  for (const { values, present } of members) {
    for (let step = 0; step < count; step++) {
      if (present[step] !== 1) continue;
      const series = out.series(group.with(label, plainText(values[step]!)));
      series.values[step]! += 1;
      series.present[step] = 1;
    }
  }
}
