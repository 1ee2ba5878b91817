// SPDX-License-Identifier: Apache-2.0
// Functions of instant vectors. Source: Prometheus 2.42, promql/functions.go.
import { RE2JS } from 're2js';
import { PromqlExecutionError } from './errors.js';
import { BUCKET_LABEL, isLabelName, Labels, METRIC_NAME, quote, withoutName } from './labels.js';
import { goMax, goMin, tryParseNumber } from './number.js';
import { bucketQuantile, type Bucket } from './quantile.js';
import { put, relabel, VectorBuilder, type Budget, type Grid, type Vector } from './vector.js';

const RADIANS = Math.PI / 180;

/** Value -> value, sample by sample. */
export const MATH: ReadonlyMap<string, (value: number) => number> = new Map<string, (value: number) => number>([
  ['abs', Math.abs],
  ['acos', Math.acos],
  ['acosh', Math.acosh],
  ['asin', Math.asin],
  ['asinh', Math.asinh],
  ['atan', Math.atan],
  ['atanh', Math.atanh],
  ['ceil', Math.ceil],
  ['cos', Math.cos],
  ['cosh', Math.cosh],
  ['deg', (v) => (v * 180) / Math.PI],
  ['exp', Math.exp],
  ['floor', Math.floor],
  ['ln', Math.log],
  ['log10', Math.log10],
  ['log2', Math.log2],
  ['rad', (v) => v * RADIANS],
  ['sgn', (v) => (v < 0 ? -1 : v > 0 ? 1 : v)],
  ['sin', Math.sin],
  ['sinh', Math.sinh],
  ['sqrt', Math.sqrt],
  ['tan', Math.tan],
  ['tanh', Math.tanh],
]);

/** Unix seconds -> a part of the date in UTC. */
export const DATE_PARTS: ReadonlyMap<string, (seconds: number) => number> = new Map<
  string,
  (seconds: number) => number
>(
  (
    [
      ['minute', (d) => d.getUTCMinutes()],
      ['hour', (d) => d.getUTCHours()],
      ['day_of_week', (d) => d.getUTCDay()],
      ['day_of_month', (d) => d.getUTCDate()],
      [
        'day_of_year',
        (d) =>
          (Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()) - Date.UTC(d.getUTCFullYear(), 0, 1)) /
            86_400_000 +
          1,
      ],
      ['days_in_month', (d) => new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 0)).getUTCDate()],
      ['month', (d) => d.getUTCMonth() + 1],
      ['year', (d) => d.getUTCFullYear()],
    ] satisfies [string, (date: Date) => number][]
  ).map(([name, part]) => [name, (seconds) => part(new Date(Math.trunc(seconds) * 1000))]),
);

export function round(value: number, toNearest: number): number {
  // the inverse first: multiplying by 0.1 is less exact than dividing by 10
  const inverse = 1 / toNearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

/** An empty result where the bounds are crossed. */
export function clamp(value: number, min: number, max: number): number | undefined {
  return max < min ? undefined : goMax(min, goMin(max, value));
}

/** The only value of each step, NaN where there are none or several. */
export function scalarOf(vector: Vector, { count }: Grid): Float64Array {
  const out = new Float64Array(count).fill(NaN);
  for (let step = 0; step < count; step++) {
    const present = vector.filter((s) => s.present[step] === 1);
    if (present.length === 1) out[step] = present[0]!.values[step]!;
  }
  return out;
}

export function vectorOf(values: Float64Array, { count }: Grid, labels = Labels.EMPTY): Vector {
  return [{ labels, values, present: new Uint8Array(count).fill(1) }];
}

/** 1 where no series has a value. */
export function absent(vector: Vector, labels: Labels, grid: Grid, budget: Budget): Vector {
  const out = new VectorBuilder(grid.count, budget);
  const target = out.series(labels);
  for (let step = 0; step < grid.count; step++) {
    if (!vector.some((s) => s.present[step] === 1)) put(target, step, 1);
  }
  return out.build();
}

export function histogramQuantile(q: Float64Array, vector: Vector, grid: Grid, budget: Budget): Vector {
  interface Member {
    readonly bound: number;
    readonly series: Vector[number];
  }
  const histograms = new Map<string, { readonly labels: Labels; readonly members: Member[] }>();
  for (const series of vector) {
    const bound = tryParseNumber(series.labels.get(BUCKET_LABEL));
    if (bound === undefined) continue;
    const labels = series.labels.with(BUCKET_LABEL, '');
    const known = histograms.get(labels.key);
    if (known) known.members.push({ bound, series });
    else histograms.set(labels.key, { labels, members: [{ bound, series }] });
  }
  const out = new VectorBuilder(grid.count, budget);
  for (const { labels, members } of histograms.values()) {
    budget.take(0);
    const target = out.series(withoutName(labels));
    for (let step = 0; step < grid.count; step++) {
      const buckets: Bucket[] = [];
      for (const { bound, series } of members) {
        if (series.present[step] === 1) buckets.push({ bound, count: series.values[step]! });
      }
      if (buckets.length > 0) put(target, step, bucketQuantile(q[step]!, buckets));
    }
  }
  return out.build();
}

/** Errors: PromqlExecutionError for a pattern or a name that is none, and when two series become one. */
export function labelReplace(
  vector: Vector,
  [target, replacement, source, pattern]: readonly [string, string, string, string],
  grid: Grid,
  budget: Budget,
): Vector {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch {
    throw new PromqlExecutionError(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (!isLabelName(target))
    throw new PromqlExecutionError(`invalid destination label name in label_replace(): ${target}`);
  return relabel(vector, grid, budget, (labels) => {
    const matcher = regex.matcher(labels.get(source));
    if (!matcher.matches()) return labels;
    return labels.with(
      target,
      expand(replacement, (group) => groupText(regex, matcher, group)),
    );
  });
}

function groupText(regex: RE2JS, matcher: ReturnType<RE2JS['matcher']>, group: string): string {
  if (/^\d+$/.test(group)) return Number(group) <= matcher.groupCount() ? (matcher.group(Number(group)) ?? '') : '';
  return Object.hasOwn(regex.namedGroups(), group) ? (matcher.group(group) ?? '') : '';
}

/** Go's template: `$1`, `${1}`, `$name`, `$$`; an unknown group is empty, the longest name counts. */
function expand(template: string, group: (name: string) => string): string {
  return template.replace(/\$(?:(\$)|(\w+)|\{(\w+)\})/g, (_, dollar?: string, plain?: string, braced?: string) =>
    dollar === undefined ? group(plain ?? braced!) : '$',
  );
}

export function labelJoin(
  vector: Vector,
  [target, separator, ...sources]: readonly [string, string, ...string[]],
  grid: Grid,
  budget: Budget,
): Vector {
  for (const [what, name] of [['destination', target], ...sources.map((s) => ['source', s])] as [string, string][]) {
    if (!isLabelName(name))
      throw new PromqlExecutionError(`invalid ${what} label name in label_join(): ${quote(name)}`);
  }
  return relabel(vector, grid, budget, (labels) =>
    labels.with(target, sources.map((s) => labels.get(s)).join(separator)),
  );
}

/** Labels of absent(): those that the selector fixes with `=`, each once, without the name. */
export function absentLabels(
  matchers: readonly { readonly name: string; readonly op: string; readonly value: string }[],
): Labels {
  const fixed = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, op, value } of matchers) {
    if (name === METRIC_NAME) continue;
    if (op === '=' && !seen.has(name)) {
      fixed.set(name, value);
      seen.add(name);
    } else {
      fixed.delete(name);
    }
  }
  return Labels.of(fixed);
}
