// SPDX-License-Identifier: Apache-2.0
// Values while they are evaluated: columnar over the steps of a grid, so that a range query is one pass over each operator.
import { PromqlExecutionError } from './errors.js';
import { withoutName, type Labels } from './labels.js';

/** Step i stands at startMs + i * stepMs. An instant query has one step. */
export interface Grid {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

/** One series of an instant vector: at step i it has values[i] where present[i] is 1, and is absent elsewhere. */
export interface VectorSeries {
  readonly labels: Labels;
  readonly values: Float64Array;
  readonly present: Uint8Array;
}

export type Vector = readonly VectorSeries[];

/** Bounds what one query may hold and how long it may take. */
export class Budget {
  readonly #samplesMax: number;
  readonly #checkpoint: () => void;
  #samples = 0;

  /** `checkpoint` is called again and again during the evaluation; what it throws ends it. */
  constructor(samplesMax: number, checkpoint: () => void) {
    this.#samplesMax = samplesMax;
    this.#checkpoint = checkpoint;
  }

  /** Errors: PromqlExecutionError when all samples taken so far are too many. */
  take(samples: number): void {
    this.#samples += samples;
    if (this.#samples > this.#samplesMax) {
      throw new PromqlExecutionError(
        `query processing would load too many samples into memory in query execution: more than ${this.#samplesMax}`,
      );
    }
    this.#checkpoint();
  }
}

/** Collects the series of a vector by their labels. */
export class VectorBuilder {
  readonly #count: number;
  readonly #budget: Budget;
  readonly #series = new Map<string, VectorSeries>();

  constructor(count: number, budget: Budget) {
    this.#count = count;
    this.#budget = budget;
  }

  /** The series of these labels, new and absent everywhere if it was not there. */
  series(labels: Labels): VectorSeries {
    let series = this.#series.get(labels.key);
    if (series === undefined) {
      this.#budget.take(this.#count);
      series = { labels, values: new Float64Array(this.#count), present: new Uint8Array(this.#count) };
      this.#series.set(labels.key, series);
    }
    return series;
  }

  /** Series that have a value somewhere, in the order in which they came. */
  build(): VectorSeries[] {
    return [...this.#series.values()].filter(({ present }) => present.includes(1));
  }
}

/** Sets a step. Errors: PromqlExecutionError when another sample of the same labels is there. */
export function put(series: VectorSeries, step: number, value: number): void {
  if (series.present[step] === 1)
    throw new PromqlExecutionError('vector cannot contain metrics with the same labelset');
  series.values[step] = value;
  series.present[step] = 1;
}

/** Applies `apply` to every value; the results lose the metric's name. Undefined drops the sample. */
export function mapValues(
  vector: Vector,
  grid: Grid,
  budget: Budget,
  apply: (value: number, step: number) => number | undefined,
): Vector {
  const out = new VectorBuilder(grid.count, budget);
  for (const { labels, values, present } of vector) {
    const target = out.series(withoutName(labels));
    for (let i = 0; i < grid.count; i++) {
      if (present[i] !== 1) continue;
      const value = apply(values[i]!, i);
      if (value !== undefined) put(target, i, value);
    }
  }
  return out.build();
}

/** The same samples under other labels. Errors: PromqlExecutionError when two become one. */
export function relabel(vector: Vector, grid: Grid, budget: Budget, rename: (labels: Labels) => Labels): Vector {
  const out = new VectorBuilder(grid.count, budget);
  for (const { labels, values, present } of vector) {
    const target = out.series(rename(labels));
    for (let i = 0; i < grid.count; i++) if (present[i] === 1) put(target, i, values[i]!);
  }
  return out.build();
}
