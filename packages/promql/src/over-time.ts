// SPDX-License-Identifier: Apache-2.0
// Functions of a range vector: the samples of one series in a window -> one value. Source of the arithmetic: Prometheus 2.42.
import { PromqlExecutionError } from './errors.js';
import { CompensatedSum } from './number.js';
import { quantileOf } from './quantile.js';

/** Samples first..end-1 of a series, those in the window; `end` is exclusive and the window is never empty. */
export interface Window {
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  readonly first: number;
  readonly end: number;
  /** The asked window, both inclusive, epoch ms: offset and @ are in it. */
  readonly startMs: number;
  readonly endMs: number;
  /** Time of the step, without offset and @. */
  readonly stepMs: number;
}

/** Undefined: too few samples. `args` are the scalar arguments at this step. */
export type WindowFunction = (window: Window, args: readonly number[]) => number | undefined;

export const WINDOW_FUNCTIONS: ReadonlyMap<string, WindowFunction> = new Map<string, WindowFunction>([
  ['rate', (w) => extrapolated(w, true, true)],
  ['increase', (w) => extrapolated(w, true, false)],
  ['delta', (w) => extrapolated(w, false, false)],
  ['irate', (w) => lastTwo(w, true)],
  ['idelta', (w) => lastTwo(w, false)],
  ['sum_over_time', (w) => total(w)],
  ['avg_over_time', (w) => average(w)],
  ['min_over_time', (w) => extreme(w, (v, best) => v < best)],
  ['max_over_time', (w) => extreme(w, (v, best) => v > best)],
  ['count_over_time', ({ first, end }) => end - first],
  ['last_over_time', ({ values, end }) => values[end - 1]],
  ['present_over_time', () => 1],
  ['stddev_over_time', (w) => Math.sqrt(variance(w))],
  ['stdvar_over_time', (w) => variance(w)],
  ['quantile_over_time', ({ values, first, end }, [q]) => quantileOf(q!, values.subarray(first, end))],
  ['changes', (w) => countSteps(w, (v, before) => v !== before && !(Number.isNaN(v) && Number.isNaN(before)))],
  ['resets', (w) => countSteps(w, (v, before) => v < before)],
  ['deriv', (w) => (w.end - w.first < 2 ? undefined : regression(w, w.timestamps[w.first]!).slope)],
  ['predict_linear', (w, [seconds]) => predictLinear(w, seconds!)],
  ['holt_winters', (w, [smoothing, trend]) => holtWinters(w, smoothing!, trend!)],
]);

/**
 * Change over the window, scaled to its whole length: where the samples begin or end near enough to its edge (1.1 mean distances), the
 * series is taken to go on to the edge, else half a distance further. A counter is not taken below zero, and a drop is a restart.
 */
function extrapolated(w: Window, isCounter: boolean, isRate: boolean): number | undefined {
  const { timestamps, values, first, end, startMs, endMs } = w;
  if (end - first < 2) return undefined;
  const [firstMs, lastMs] = [timestamps[first]!, timestamps[end - 1]!];
  let change = values[end - 1]! - values[first]!;
  if (isCounter) {
    let before = 0;
    for (let i = first; i < end; i++) {
      const value = values[i]!;
      if (value < before) change += before;
      before = value;
    }
  }
  let toStart = (firstMs - startMs) / 1000;
  const toEnd = (endMs - lastMs) / 1000;
  const sampled = (lastMs - firstMs) / 1000;
  const distance = sampled / (end - first - 1);
  if (isCounter && change > 0 && values[first]! >= 0) {
    const toZero = sampled * (values[first]! / change);
    if (toZero < toStart) toStart = toZero;
  }
  const near = distance * 1.1;
  let covered = sampled;
  covered += toStart < near ? toStart : distance / 2;
  covered += toEnd < near ? toEnd : distance / 2;
  let factor = covered / sampled;
  if (isRate) factor /= (endMs - startMs) / 1000;
  return change * factor;
}

function lastTwo({ timestamps, values, first, end }: Window, isRate: boolean): number | undefined {
  if (end - first < 2) return undefined;
  const [last, before] = [values[end - 1]!, values[end - 2]!];
  const change = isRate && last < before ? last : last - before;
  const seconds = (timestamps[end - 1]! - timestamps[end - 2]!) / 1000;
  return isRate ? change / seconds : change;
}

function total({ values, first, end }: Window): number {
  const sum = new CompensatedSum();
  for (let i = first; i < end; i++) sum.add(values[i]!);
  return Number.isFinite(sum.raw) ? sum.value : sum.raw;
}

/** Mean so far, moved by each value: no sum that may leave the doubles. */
function average({ values, first, end }: Window): number {
  const mean = new CompensatedSum();
  for (let i = first, count = 1; i < end; i++, count++) {
    const value = values[i]!;
    if (Math.abs(mean.raw) === Infinity && (value === mean.raw || Number.isFinite(value))) continue;
    mean.add(value / count - mean.raw / count);
  }
  return Math.abs(mean.raw) === Infinity ? mean.raw : mean.value;
}

function extreme({ values, first, end }: Window, isBetter: (value: number, best: number) => boolean): number {
  let best = values[first]!;
  for (let i = first; i < end; i++) if (isBetter(values[i]!, best) || Number.isNaN(best)) best = values[i]!;
  return best;
}

function variance({ values, first, end }: Window): number {
  const mean = new CompensatedSum();
  const squares = new CompensatedSum();
  for (let i = first, count = 1; i < end; i++, count++) {
    const delta = values[i]! - mean.value;
    mean.add(delta / count);
    squares.add(delta * (values[i]! - mean.value));
  }
  return squares.value / (end - first);
}

function countSteps({ values, first, end }: Window, counts: (value: number, before: number) => boolean): number {
  let found = 0;
  for (let i = first + 1; i < end; i++) if (counts(values[i]!, values[i - 1]!)) found++;
  return found;
}

/** Least squares; the intercept is the value at `interceptMs`. */
function regression({ timestamps, values, first, end }: Window, interceptMs: number) {
  const [x, y, xy, xx] = [new CompensatedSum(), new CompensatedSum(), new CompensatedSum(), new CompensatedSum()];
  const initial = values[first]!;
  let constant = true;
  for (let i = first; i < end; i++) {
    const [at, value] = [(timestamps[i]! - interceptMs) / 1000, values[i]!];
    constant &&= value === initial;
    x.add(at);
    y.add(value);
    xy.add(at * value);
    xx.add(at * at);
  }
  if (constant) {
    return Math.abs(initial) === Infinity ? { slope: NaN, intercept: NaN } : { slope: 0, intercept: initial };
  }
  const n = end - first;
  const slope = (xy.value - (x.value * y.value) / n) / (xx.value - (x.value * x.value) / n);
  return { slope, intercept: y.value / n - (slope * x.value) / n };
}

function predictLinear(w: Window, seconds: number): number | undefined {
  if (w.end - w.first < 2) return undefined;
  const { slope, intercept } = regression(w, w.stepMs);
  return slope * seconds + intercept;
}

/** Double exponential smoothing. */
function holtWinters({ values, first, end }: Window, smoothing: number, trendFactor: number): number | undefined {
  for (const [name, factor] of [
    ['smoothing', smoothing],
    ['trend', trendFactor],
  ] as const) {
    if (!(factor > 0 && factor < 1)) {
      throw new PromqlExecutionError(`invalid ${name} factor. Expected: 0 < f < 1, got: ${factor}`);
    }
  }
  if (end - first < 2) return undefined;
  let before = 0;
  let level = values[first]!;
  let trend = values[first + 1]! - values[first]!;
  for (let i = first + 1; i < end; i++) {
    const x = smoothing * values[i]!;
    if (i > first + 1) trend = trendFactor * (level - before) + (1 - trendFactor) * trend;
    const y = (1 - smoothing) * (level + trend);
    before = level;
    level = x + y;
  }
  return level;
}
