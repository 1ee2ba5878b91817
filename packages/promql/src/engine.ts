// SPDX-License-Identifier: Apache-2.0
// A query from text to its result: parse, read every selector once, evaluate. In: text, a grid of steps, a SampleSource. Out: labelled
// samples. No clock: the caller says when to stop.
import {
  unwrapParens,
  type Call,
  type Expr,
  type MatrixSelector,
  type Shift,
  type Subquery,
  type VectorSelector,
} from './ast.js';
import { aggregate, order, type AggregationParam } from './aggregate.js';
import { applyScalar, vectorScalar, vectorVector } from './binary.js';
import { PromqlExecutionError } from './errors.js';
import {
  absent,
  absentLabels,
  clamp,
  DATE_PARTS,
  histogramQuantile,
  labelJoin,
  labelReplace,
  MATH,
  round,
  scalarOf,
  vectorOf,
} from './functions.js';
import { compareLabels, Labels, withoutName } from './labels.js';
import { compileMatcher, matcherText } from './matcher.js';
import { goMax, goMin } from './number.js';
import { WINDOW_FUNCTIONS, type Window } from './over-time.js';
import type { SampleSeries, SampleSource } from './port.js';
import { Budget, mapValues, put, VectorBuilder, type Grid, type Vector, type VectorSeries } from './vector.js';

export interface EngineOptions {
  /** How old the last sample of a series may be for an instant selector. */
  readonly lookbackMs: number;
  /** Step of a subquery that names none. */
  readonly defaultStepMs: number;
  /** Samples that a query may hold: read ones and results of its parts. */
  readonly samplesMax: number;
  /** Called during the evaluation; what it throws ends the query. */
  readonly checkpoint: () => void;
  /** Awaited now and then during a long evaluation, so that others get the thread in between. */
  readonly pause: () => Promise<void>;
}

export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  lookbackMs: 5 * 60_000,
  defaultStepMs: 60_000,
  samplesMax: 5_000_000,
  checkpoint: () => {},
  pause: () => Promise.resolve(),
};

/** Points of one series: timestamps in epoch ms beside values. */
export interface ResultSeries {
  readonly labels: Labels;
  readonly timestamps: readonly number[];
  readonly values: readonly number[];
}

export type InstantResult =
  | { readonly kind: 'scalar'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'vector'; readonly series: readonly { readonly labels: Labels; readonly value: number }[] }
  | { readonly kind: 'matrix'; readonly series: readonly ResultSeries[] };

/** Evaluates at one time. Errors: PromqlExecutionError; what the source and the checkpoint throw. */
export async function evaluateInstant(
  expr: Expr,
  atMs: number,
  source: SampleSource,
  options: EngineOptions = DEFAULT_ENGINE_OPTIONS,
): Promise<InstantResult> {
  const grid: Grid = { startMs: atMs, stepMs: 1, count: 1 };
  const evaluation = await Evaluation.prepare(expr, grid, source, options);
  const top = unwrapParens(expr);
  if (top.kind === 'matrix' || top.kind === 'subquery') {
    return { kind: 'matrix', series: sorted(await evaluation.rangeAt(top, grid)) };
  }
  const value = await evaluation.evaluate(expr, grid);
  if (value.kind === 'string') return value;
  if (value.kind === 'scalar') return { kind: 'scalar', value: value.values[0]! };
  return { kind: 'vector', series: value.vector.map(({ labels, values }) => ({ labels, value: values[0]! })) };
}

/** Evaluates at every step. Errors: as evaluateInstant, and PromqlExecutionError for a type that has no values over time. */
export async function evaluateRange(
  expr: Expr,
  grid: Grid,
  source: SampleSource,
  options: EngineOptions = DEFAULT_ENGINE_OPTIONS,
): Promise<readonly ResultSeries[]> {
  const evaluation = await Evaluation.prepare(expr, grid, source, options);
  const value = await evaluation.evaluate(expr, grid);
  if (value.kind === 'string') throw new PromqlExecutionError('a string has no values over time');
  const vector = value.kind === 'vector' ? value.vector : vectorOf(value.values, grid);
  return sorted(
    vector.map(({ labels, values, present }) => {
      const timestamps: number[] = [];
      const kept: number[] = [];
      for (let i = 0; i < grid.count; i++) {
        if (present[i] !== 1) continue;
        timestamps.push(grid.startMs + i * grid.stepMs);
        kept.push(values[i]!);
      }
      return { labels, timestamps, values: kept };
    }),
  );
}

function sorted<Of extends { readonly labels: Labels }>(series: readonly Of[]): readonly Of[] {
  return series.toSorted((a, b) => compareLabels(a.labels, b.labels));
}

type Value =
  | { readonly kind: 'scalar'; readonly values: Float64Array }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'vector'; readonly vector: Vector };

/** What a range vector expression looks at: samples without stale markers, and where its windows are. */
interface Ranges {
  readonly series: readonly SampleSeries[];
  readonly rangeMs: number;
  readonly shift: Shift;
}

/** About ten milliseconds of work. */
const STEPS_AT_ONCE = 20_000;

class Evaluation {
  readonly #query: Grid;
  readonly #options: EngineOptions;
  readonly #budget: Budget;
  readonly #read = new Map<VectorSelector, readonly SampleSeries[]>();
  /** Since the last pause. */
  #steps = 0;

  private constructor(query: Grid, options: EngineOptions) {
    this.#query = query;
    this.#options = options;
    this.#budget = new Budget(options.samplesMax, options.checkpoint);
  }

  /** Reads what the expression needs: equal selectors over equal times once. */
  static async prepare(expr: Expr, query: Grid, source: SampleSource, options: EngineOptions): Promise<Evaluation> {
    const evaluation = new Evaluation(query, options);
    const wanted: { readonly selector: VectorSelector; readonly fromMs: number; readonly toMs: number }[] = [];
    evaluation.#reads(expr, query.startMs, endOf(query), (selector, fromMs, toMs) =>
      wanted.push({ selector, fromMs, toMs }),
    );
    const reads = new Map<string, Promise<readonly SampleSeries[]>>();
    const loads = wanted.map(async ({ selector, fromMs, toMs }) => {
      const key = `${selector.matchers.map(matcherText).join(',')} ${fromMs} ${toMs}`;
      let read = reads.get(key);
      if (read === undefined) {
        read = source.select({ matchers: selector.matchers.map(compileMatcher), fromMs, toMs }).then((series) => {
          for (const { timestamps } of series) evaluation.#budget.take(timestamps.length);
          // sums round, and equal values tie: an answer must not depend on the order in which a store happened to read
          return sorted(series);
        });
        reads.set(key, read);
      }
      evaluation.#read.set(selector, await read);
    });
    // all are awaited, so that none is left to reject unheard
    const failed = (await Promise.allSettled(loads)).find((load) => load.status === 'rejected');
    if (failed) throw failed.reason;
    return evaluation;
  }

  /** Calls `read` for each selector with the times (both inclusive) of the samples that steps in [fromMs, toMs] look at. */
  #reads(
    expr: Expr,
    fromMs: number,
    toMs: number,
    read: (selector: VectorSelector, fromMs: number, toMs: number) => void,
  ): void {
    const select = (selector: VectorSelector, backMs: number) => {
      const at = this.#fixed(selector);
      read(selector, (at ?? fromMs) - selector.offsetMs - backMs, (at ?? toMs) - selector.offsetMs);
    };
    switch (expr.kind) {
      case 'number':
      case 'string':
        return;
      case 'selector':
        return select(expr, this.#options.lookbackMs);
      case 'matrix':
        return select(expr.selector, expr.rangeMs);
      case 'subquery': {
        const at = this.#fixed(expr);
        return this.#reads(expr.of, (at ?? fromMs) - expr.offsetMs - expr.rangeMs, (at ?? toMs) - expr.offsetMs, read);
      }
      case 'paren':
      case 'unary':
        return this.#reads(expr.of, fromMs, toMs, read);
      case 'aggregate':
        if (expr.param) this.#reads(expr.param, fromMs, toMs, read);
        return this.#reads(expr.of, fromMs, toMs, read);
      case 'binary':
        this.#reads(expr.left, fromMs, toMs, read);
        return this.#reads(expr.right, fromMs, toMs, read);
      case 'call':
        for (const arg of expr.args) this.#reads(arg, fromMs, toMs, read);
    }
  }

  /** Lets others run after so many steps of series. Errors: what the checkpoint throws. */
  async #worked(steps: number): Promise<void> {
    this.#budget.take(0);
    this.#steps += steps;
    if (this.#steps < STEPS_AT_ONCE) return;
    this.#steps = 0;
    await this.#options.pause();
  }

  /** The time that `@` fixes; undefined when each step looks at its own. */
  #fixed({ at }: Shift): number | undefined {
    return at === 'start' ? this.#query.startMs : at === 'end' ? endOf(this.#query) : at;
  }

  async evaluate(expr: Expr, grid: Grid): Promise<Value> {
    switch (expr.kind) {
      case 'number':
        return { kind: 'scalar', values: new Float64Array(grid.count).fill(expr.value) };
      case 'string':
        return expr;
      case 'paren':
        return await this.evaluate(expr.of, grid);
      case 'selector':
        return { kind: 'vector', vector: await this.#instant(expr, grid, false) };
      case 'matrix':
      case 'subquery':
        throw new PromqlExecutionError('a range vector has no value at a single time');
      case 'unary': {
        const of = await this.evaluate(expr.of, grid);
        if (expr.op === '+') return of;
        if (of.kind === 'scalar') return { kind: 'scalar', values: of.values.map((v) => -v) };
        return { kind: 'vector', vector: mapValues(asVector(of), grid, this.#budget, (v) => -v) };
      }
      case 'aggregate': {
        const of = await this.#vector(expr.of, grid);
        let param: AggregationParam;
        if (expr.param)
          param = expr.op === 'count_values' ? this.#text(expr.param) : await this.#scalar(expr.param, grid);
        return { kind: 'vector', vector: aggregate(expr, of, param, grid, this.#budget) };
      }
      case 'binary': {
        const [left, right] = [await this.evaluate(expr.left, grid), await this.evaluate(expr.right, grid)];
        if (left.kind === 'scalar' && right.kind === 'scalar') {
          return { kind: 'scalar', values: left.values.map((v, i) => applyScalar(expr.op, v, right.values[i]!)) };
        }
        if (left.kind === 'scalar') {
          return { kind: 'vector', vector: vectorScalar(expr, asVector(right), left.values, true, grid, this.#budget) };
        }
        if (right.kind === 'scalar') {
          return {
            kind: 'vector',
            vector: vectorScalar(expr, asVector(left), right.values, false, grid, this.#budget),
          };
        }
        return { kind: 'vector', vector: vectorVector(expr, asVector(left), asVector(right), grid, this.#budget) };
      }
      case 'call':
        return await this.#call(expr, grid);
    }
  }

  async #vector(expr: Expr, grid: Grid): Promise<Vector> {
    return asVector(await this.evaluate(expr, grid));
  }

  async #scalar(expr: Expr, grid: Grid): Promise<Float64Array> {
    const value = await this.evaluate(expr, grid);
    if (value.kind !== 'scalar') throw new Error(`BUG: ${value.kind} where a scalar was checked`);
    return value.values;
  }

  #text(expr: Expr): string {
    const text = unwrapParens(expr);
    if (text.kind !== 'string') throw new Error(`BUG: ${text.kind} where a string was checked`);
    return text.value;
  }

  /** The last sample at or before each step, not older than the lookback; or its time in seconds. */
  async #instant(selector: VectorSelector, grid: Grid, wantsTime: boolean): Promise<Vector> {
    const fixed = this.#fixed(selector);
    const out = new VectorBuilder(grid.count, this.#budget);
    for (const { labels, timestamps, values, stale } of this.#read.get(selector)!) {
      await this.#worked(grid.count);
      const target = out.series(labels);
      let next = 0;
      for (let i = 0; i < grid.count; i++) {
        const at = (fixed ?? grid.startMs + i * grid.stepMs) - selector.offsetMs;
        while (next < timestamps.length && timestamps[next]! <= at) next++;
        if (next === 0 || timestamps[next - 1]! < at - this.#options.lookbackMs || stale?.[next - 1] === 1) continue;
        put(target, i, wantsTime ? timestamps[next - 1]! / 1000 : values[next - 1]!);
      }
    }
    return out.build();
  }

  async #ranges(expr: Expr, grid: Grid): Promise<Ranges> {
    const of = unwrapParens(expr);
    if (of.kind === 'matrix') {
      const series = this.#read.get(of.selector)!.map(withoutStale);
      return { series, rangeMs: of.rangeMs, shift: of.selector };
    }
    if (of.kind === 'subquery') return { series: await this.#subquery(of, grid), rangeMs: of.rangeMs, shift: of };
    throw new Error(`BUG: ${of.kind} where a range vector was checked`);
  }

  /** Samples of the inner expression on a grid of whole multiples of its step, over all windows of `grid`. */
  async #subquery(subquery: Subquery, grid: Grid): Promise<readonly SampleSeries[]> {
    const { of, offsetMs, rangeMs } = subquery;
    const stepMs = subquery.stepMs ?? this.#options.defaultStepMs;
    const at = this.#fixed(subquery);
    const startMs = Math.ceil(((at ?? grid.startMs) - offsetMs - rangeMs) / stepMs) * stepMs;
    const count = Math.floor(((at ?? endOf(grid)) - offsetMs - startMs) / stepMs) + 1;
    if (count <= 0) return [];
    const inner: Grid = { startMs, stepMs, count };
    return (await this.#vector(of, inner)).map(({ labels, values, present }) => {
      const steps = [...present.keys()].filter((i) => present[i] === 1);
      return {
        labels,
        timestamps: Float64Array.from(steps, (i) => startMs + i * stepMs),
        values: Float64Array.from(steps, (i) => values[i]!),
      };
    });
  }

  /** The samples of each window of a range vector, as they are. Only for one step. */
  async rangeAt(expr: MatrixSelector | Subquery, grid: Grid): Promise<ResultSeries[]> {
    const found: ResultSeries[] = [];
    await this.#windows(expr, grid, ({ labels }) => ({ timestamps, values, first, end }) => {
      found.push({
        labels,
        timestamps: [...timestamps.subarray(first, end)],
        values: [...values.subarray(first, end)],
      });
    });
    return found;
  }

  /** Calls `visitorOf` for every series, and what it gives for each of its windows that holds a sample. */
  async #windows(
    expr: Expr,
    grid: Grid,
    visitorOf: (series: SampleSeries) => (window: Window, step: number) => void,
  ): Promise<void> {
    const { series: all, rangeMs, shift } = await this.#ranges(expr, grid);
    const fixed = this.#fixed(shift);
    for (const series of all) {
      await this.#worked(grid.count);
      const { timestamps, values } = series;
      const visit = visitorOf(series);
      let [first, end] = [0, 0];
      for (let i = 0; i < grid.count; i++) {
        const stepMs = grid.startMs + i * grid.stepMs;
        const endMs = (fixed ?? stepMs) - shift.offsetMs;
        const startMs = endMs - rangeMs;
        while (end < timestamps.length && timestamps[end]! <= endMs) end++;
        while (first < end && timestamps[first]! < startMs) first++;
        if (first < end) visit({ timestamps, values, first, end, startMs, endMs, stepMs }, i);
      }
    }
  }

  async #call(call: Call, grid: Grid): Promise<Value> {
    const { name, args } = call;
    const budget = this.#budget;
    const vector = (of: Vector): Value => ({ kind: 'vector', vector: of });
    const times = () => Float64Array.from({ length: grid.count }, (_, i) => (grid.startMs + i * grid.stepMs) / 1000);

    const overTime = WINDOW_FUNCTIONS.get(name);
    if (overTime) return vector(await this.#overTime(call, overTime, grid));
    const math = MATH.get(name);
    if (math) return vector(mapValues(await this.#vector(args[0]!, grid), grid, budget, math));
    const datePart = DATE_PARTS.get(name);
    if (datePart) {
      const of = args[0] ? await this.#vector(args[0], grid) : vectorOf(times(), grid);
      return vector(mapValues(of, grid, budget, datePart));
    }
    switch (name) {
      case 'time':
        return { kind: 'scalar', values: times() };
      case 'pi':
        return { kind: 'scalar', values: new Float64Array(grid.count).fill(Math.PI) };
      case 'scalar':
        return { kind: 'scalar', values: scalarOf(await this.#vector(args[0]!, grid), grid) };
      case 'vector':
        return vector(vectorOf(await this.#scalar(args[0]!, grid), grid));
      case 'timestamp': {
        const of = unwrapParens(args[0]!);
        if (of.kind === 'selector')
          return vector(mapValues(await this.#instant(of, grid, true), grid, budget, (t) => t));
        const now = times();
        return vector(mapValues(await this.#vector(of, grid), grid, budget, (_, step) => now[step]));
      }
      case 'absent': {
        const of = unwrapParens(args[0]!);
        const labels = of.kind === 'selector' ? absentLabels(of.matchers) : Labels.EMPTY;
        return vector(absent(await this.#vector(of, grid), labels, grid, budget));
      }
      case 'absent_over_time': {
        const of = unwrapParens(args[0]!);
        const labels = of.kind === 'matrix' ? absentLabels(of.selector.matchers) : Labels.EMPTY;
        const present = new Uint8Array(grid.count);
        await this.#windows(of, grid, () => (_, step) => (present[step] = 1));
        return vector(absent([{ labels, values: new Float64Array(grid.count), present }], labels, grid, budget));
      }
      case 'sort':
      case 'sort_desc': {
        const sign = name === 'sort' ? 1 : -1;
        const of = await this.#vector(args[0]!, grid);
        return vector(grid.count === 1 ? of.toSorted((a, b) => order(a.values[0]!, b.values[0]!, sign)) : of);
      }
      case 'round': {
        const nearest = args[1] ? await this.#scalar(args[1], grid) : undefined;
        return vector(
          mapValues(await this.#vector(args[0]!, grid), grid, budget, (v, i) => round(v, nearest?.[i] ?? 1)),
        );
      }
      case 'clamp': {
        const [min, max] = [await this.#scalar(args[1]!, grid), await this.#scalar(args[2]!, grid)];
        return vector(
          mapValues(await this.#vector(args[0]!, grid), grid, budget, (v, i) => clamp(v, min[i]!, max[i]!)),
        );
      }
      case 'clamp_min': {
        const min = await this.#scalar(args[1]!, grid);
        return vector(mapValues(await this.#vector(args[0]!, grid), grid, budget, (v, i) => goMax(v, min[i]!)));
      }
      case 'clamp_max': {
        const max = await this.#scalar(args[1]!, grid);
        return vector(mapValues(await this.#vector(args[0]!, grid), grid, budget, (v, i) => goMin(v, max[i]!)));
      }
      case 'histogram_quantile':
        return vector(
          histogramQuantile(await this.#scalar(args[0]!, grid), await this.#vector(args[1]!, grid), grid, budget),
        );
      case 'label_replace': {
        const [target, replacement, source, pattern] = args.slice(1).map((arg) => this.#text(arg));
        const texts = [target!, replacement!, source!, pattern!] as const;
        return vector(labelReplace(await this.#vector(args[0]!, grid), texts, grid, budget));
      }
      case 'label_join': {
        const [target, separator, ...sources] = args.slice(1).map((arg) => this.#text(arg));
        return vector(labelJoin(await this.#vector(args[0]!, grid), [target!, separator!, ...sources], grid, budget));
      }
      default:
        throw new Error(`BUG: function ${name} has a signature and no meaning`);
    }
  }

  async #overTime(
    { name, args }: Call,
    apply: (w: Window, args: readonly number[]) => number | undefined,
    grid: Grid,
  ): Promise<Vector> {
    const range = args.find((arg) => ['matrix', 'subquery'].includes(unwrapParens(arg).kind))!;
    const scalars: Float64Array[] = [];
    for (const arg of args) if (arg !== range) scalars.push(await this.#scalar(arg, grid));
    // last_over_time is a sample of the metric still
    const keepsName = name === 'last_over_time';
    const out = new VectorBuilder(grid.count, this.#budget);
    const argsAt: number[] = [];
    await this.#windows(range, grid, ({ labels }) => {
      const resultLabels = keepsName ? labels : withoutName(labels);
      let target: VectorSeries | undefined;
      return (window, step) => {
        for (let i = 0; i < scalars.length; i++) argsAt[i] = scalars[i]![step]!;
        const value = apply(window, argsAt);
        if (value !== undefined) put((target ??= out.series(resultLabels)), step, value);
      };
    });
    return out.build();
  }
}

function endOf({ startMs, stepMs, count }: Grid): number {
  return startMs + (count - 1) * stepMs;
}

function asVector(value: Value): Vector {
  if (value.kind !== 'vector') throw new Error(`BUG: ${value.kind} where a vector was checked`);
  return value.vector;
}

function withoutStale(series: SampleSeries): SampleSeries {
  const { labels, timestamps, values, stale } = series;
  if (stale === undefined || !stale.includes(1)) return series;
  return {
    labels,
    timestamps: timestamps.filter((_, i) => stale[i] !== 1),
    values: values.filter((_, i) => stale[i] !== 1),
  };
}
