// SPDX-License-Identifier: Apache-2.0
// Plan + MetricReader -> values. Long metrics stay exact (bigint) until arithmetic makes a double of them; text is made at the end.
// In: plan, entity, range. Out: label sets with one value each (single), one per bucket (series), or one per entity (sorted).
import {
  bucketStart,
  functionOf,
  percentiles,
  STEP_MINUTES,
  type MetricSchema,
  type RowFields,
  type ScopeName,
  type Step,
} from '@oap-federation/model';
import type { Order } from './ast.js';
import { compileMqe } from './check.js';
import { MqeError } from './errors.js';
import { formatValue } from './format.js';
import {
  aggregateLabels,
  combine,
  mapValues,
  mergeTopLists,
  relabel,
  sortByLabels,
  sortByValues,
  type Label,
  type LabelSet,
} from './label-sets.js';
import type { MetricRead, Plan, Shape, TopNPlan, Value } from './plan.js';
import type { MetricReader, MetricSeries, SeriesQuery, ValueSums } from './port.js';
import { firstOfSums, rankedOnce, type Rankings } from './ranking.js';
import { aggregate, averageOf, compareAverages, increaseOf, quotient } from './values.js';

/** What an expression is asked about. */
export interface EvaluationRequest {
  readonly reader: MetricReader;
  /** Id of the asked entity in a scope. Throws MqeError when the entity does not have that scope's parts. */
  readonly entityIdOf: (scope: ScopeName) => string;
  /** top_n ranks entities of this service only; undefined for all. */
  readonly serviceId: string | undefined;
  /** Epoch minutes, both inclusive. */
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly step: Step;
  readonly offsetMinutes: number;
  /** Kept by the caller from request to request, where the reader may give the same answer again. */
  readonly rankings?: Rankings;
}

/** Values before they are text. `comparison`: every value is 1 or 0. `scope` of the entities of a sorted list. */
export interface MqeTable {
  readonly shape: Shape;
  readonly sets: readonly LabelSet[];
  readonly comparison: boolean;
  readonly scope: ScopeName | undefined;
  /** Epoch minutes of the buckets of a series. */
  readonly starts: readonly number[];
}

export interface MqeValue {
  /** Epoch ms of the bucket's start, an entity id, or null for a single value. */
  readonly id: string | null;
  /** Null where there is no data. */
  readonly value: string | null;
}

export interface MqeValues {
  readonly labels: readonly Label[];
  readonly values: readonly MqeValue[];
}

/** An answer in SkyWalking's terms; UNKNOWN carries `error`, the others never do. */
export interface MqeResult {
  readonly type: 'SINGLE_VALUE' | 'TIME_SERIES_VALUES' | 'SORTED_LIST' | 'UNKNOWN';
  readonly results: readonly MqeValues[];
  readonly scope: ScopeName | undefined;
  readonly error: string | undefined;
}

/**
 * Parses, checks and evaluates an expression; numbers come out as text.
 *
 * Errors: a wrong expression or entity is an answer of type UNKNOWN. Only what the reader throws is thrown.
 */
export async function executeMqe(expression: string, request: EvaluationRequest): Promise<MqeResult> {
  try {
    const plan = compileMqe(expression, request.reader.metrics());
    return textOf(await evaluateMqe(plan, request));
  } catch (error) {
    if (!(error instanceof MqeError)) throw error;
    return { type: 'UNKNOWN', results: [], scope: undefined, error: error.message };
  }
}

/** Evaluates a plan. Errors: MqeError for an entity that does not fit; what the reader throws. */
export async function evaluateMqe(plan: Plan, request: EvaluationRequest): Promise<MqeTable> {
  const { fromMinute, toMinute, step, offsetMinutes } = request;
  const starts = bucketStarts(fromMinute, toMinute, step, offsetMinutes);
  const { shape, comparison } = plan;
  return { shape, comparison, ...(await new Evaluation(request, starts).run(plan)), starts };
}

function textOf({ shape, sets, scope, starts }: MqeTable): MqeResult {
  const results = sets.map(({ labels, values, entityIds }) => ({
    labels,
    values: values.map((value, i) => ({
      id: shape === 'series' ? String(starts[i]! * 60_000) : (entityIds?.[i] ?? null),
      value: formatValue(value),
    })),
  }));
  const type = { single: 'SINGLE_VALUE', series: 'TIME_SERIES_VALUES', sorted: 'SORTED_LIST' } as const;
  return { type: type[shape], results, scope, error: undefined };
}

interface Result {
  readonly sets: readonly LabelSet[];
  readonly scope: ScopeName | undefined;
}

class Evaluation {
  readonly #request: EvaluationRequest;
  readonly #starts: readonly number[];
  /** What the expression names twice is read once. */
  readonly #reads = new Map<string, Promise<readonly MetricSeries[]>>();

  constructor(request: EvaluationRequest, starts: readonly number[]) {
    this.#request = request;
    this.#starts = starts;
  }

  async run(plan: Plan): Promise<Result> {
    switch (plan.kind) {
      case 'scalar':
        return ofSets([{ labels: [], values: [plan.value] }]);
      case 'metric':
        return ofSets(await this.#ofEntity(plan.read, this.#buckets()));
      case 'merged':
        return ofSets(await this.#ofEntity(plan.read, this.#wholeRange()));
      case 'trend':
        return ofSets(await this.#trend(plan));
      case 'baseline':
        return ofSets(this.#baseline(plan.read));
      case 'topN':
        return { sets: await this.#topN(plan), scope: plan.read.schema.scope };
      case 'topNOf': {
        const lists = await Promise.all(
          plan.lists.map(async (list) => ({ metric: list.read.schema.name, sets: await this.#topN(list) })),
        );
        return { sets: mergeTopLists(lists, plan.n, plan.order), scope: plan.lists[0]!.read.schema.scope };
      }
      case 'binary': {
        const [left, right] = await Promise.all([this.run(plan.left), this.run(plan.right)]);
        const sides = [
          { shape: plan.left.shape, sets: left.sets },
          { shape: plan.right.shape, sets: right.sets },
        ] as const;
        return { sets: combine(plan.op, ...sides), scope: left.scope ?? right.scope };
      }
      case 'aggregate': {
        const { sets } = await this.run(plan.of);
        return ofSets(sets.map(({ labels, values }) => ({ labels, values: [aggregate(plan.name, values)] })));
      }
      case 'map': {
        const { apply } = plan;
        return this.#changed(plan.of, (sets) => mapValues(sets, (v) => (typeof v === 'number' ? apply(v) : v)));
      }
      case 'absolute':
        return this.#changed(plan.of, (sets) =>
          mapValues(sets, (v) => (typeof v === 'number' ? Math.abs(v) : v !== null && v < 0n ? -v : v)),
        );
      case 'relabels':
        return this.#changed(plan.of, (sets) => relabel(sets, plan.from, plan.to));
      case 'aggregateLabels':
        return this.#changed(plan.of, (sets) => aggregateLabels(sets, plan.name, plan.keep));
      case 'sortValues':
        return this.#changed(plan.of, (sets) => sortByValues(sets, plan.n, plan.order, plan.by));
      case 'sortLabelValues':
        return this.#changed(plan.of, (sets) => sortByLabels(sets, plan.order, plan.by));
      case 'viewAsSeq': {
        let first: Result | undefined;
        for (const operand of plan.of) {
          const result = await this.run(operand);
          if (hasData(result)) return result;
          first ??= result;
        }
        return first!;
      }
      case 'isPresent': {
        for (const operand of plan.of) {
          if (hasData(await this.run(operand))) return ofSets([{ labels: [], values: [1n] }]);
        }
        return ofSets([{ labels: [], values: [0n] }]);
      }
    }
  }

  async #changed(of: Plan, change: (sets: readonly LabelSet[]) => readonly LabelSet[]): Promise<Result> {
    const { sets, scope } = await this.run(of);
    return { sets: change(sets), scope };
  }

  /** The buckets of the range, `lookback` steps before it included. */
  #buckets(lookback = 0): Rows {
    const { fromMinute, step } = this.#request;
    const minutes = STEP_MINUTES[step];
    const before = Array.from({ length: lookback }, (_, i) => this.#starts[0]! - (lookback - i) * minutes);
    return {
      starts: [...before, ...this.#starts],
      minutes,
      fromMinute: fromMinute - lookback * minutes,
      isRange: false,
    };
  }

  /** The range as one row. */
  #wholeRange(): Rows {
    const { fromMinute, step } = this.#request;
    const minutes = this.#starts.length * STEP_MINUTES[step];
    return { starts: this.#starts.slice(0, 1), minutes, fromMinute, isRange: true };
  }

  async #ofEntity(read: MetricRead, rows: Rows): Promise<readonly LabelSet[]> {
    const entityIds = [this.#request.entityIdOf(read.schema.scope)];
    const byOrigin = new Map<string, MetricSeries>();
    for (const series of await this.#read(read, rows, { entityIds })) byOrigin.set(series.origin, series);
    return originNames(read, byOrigin.keys()).flatMap((origin) => labelSets(read, rows, origin, byOrigin.get(origin)));
  }

  /** Absent points: no baseline service is connected, and SkyWalking answers the same then. */
  #baseline(read: MetricRead): readonly LabelSet[] {
    this.#request.entityIdOf(read.schema.scope);
    return originNames(read, []).flatMap((origin) => labelSets(read, this.#buckets(), origin, undefined));
  }

  /** What each bucket is above the one `steps` before it; per second of that time for a rate. */
  async #trend({ read, name, steps }: Extract<Plan, { kind: 'trend' }>): Promise<readonly LabelSet[]> {
    const sets = await this.#ofEntity(read, this.#buckets(steps));
    const seconds = steps * STEP_MINUTES[this.#request.step] * 60;
    return sets.map(({ labels, values }) => {
      const increases = this.#starts.map((_, i) => increaseOf(values[i + steps]!, values[i]!));
      return {
        labels,
        values: name === 'increase' ? increases : increases.map((v) => (v === null ? null : Number(v) / seconds)),
      };
    });
  }

  async #topN({ read, isMerged, n, order, layer, withoutLayers }: TopNPlan): Promise<readonly LabelSet[]> {
    const { serviceId } = this.#request;
    const rows = isMerged ? this.#wholeRange() : this.#buckets();
    const filter = {
      ...(serviceId === undefined ? {} : { serviceId }),
      ...(layer === undefined ? {} : { layer }),
      ...(withoutLayers.length === 0 ? {} : { withoutLayers }),
    };
    if (!isMerged && read.ranks === undefined) {
      const sums = await this.#request.reader.readSums?.(this.#query(read, rows, filter));
      const asked = [read.origins, n, order];
      if (sums !== undefined) return this.#rankedOnce(sums, asked, () => topOfSums(read, sums, n, order));
    }
    const all = await this.#read(read, rows, filter);
    const asked = [read.origins, read.ranks, rows.starts[0], rows.starts.length, rows.minutes, n, order];
    return this.#rankedOnce(all, asked, () => topOfSeries(read, rows, all, n, order));
  }

  #rankedOnce(answer: object, asked: readonly unknown[], rank: () => readonly LabelSet[]): readonly LabelSet[] {
    const { rankings } = this.#request;
    return rankings === undefined ? rank() : rankedOnce(rankings, answer, asked, rank);
  }

  #query({ schema, origins }: MetricRead, { fromMinute }: Rows, filter: EntityFilter): SeriesQuery {
    const { toMinute, step, offsetMinutes } = this.#request;
    return { metric: schema, ...filter, origins, fromMinute, toMinute, step, offsetMinutes };
  }

  #read(read: MetricRead, rows: Rows, filter: EntityFilter): Promise<readonly MetricSeries[]> {
    const { reader } = this.#request;
    const { isRange } = rows;
    const key = JSON.stringify([read.schema.name, read.origins, rows.fromMinute, isRange, filter]);
    let reading = this.#reads.get(key);
    if (reading === undefined) {
      const query = this.#query(read, rows, filter);
      reading = isRange ? reader.readRange(query) : reader.readSeries(query);
      this.#reads.set(key, reading);
    }
    return reading;
  }
}

/** Starts (epoch minutes) of all buckets of a range; both ends are inclusive. */
function bucketStarts(fromMinute: number, toMinute: number, step: Step, offsetMinutes: number): number[] {
  const first = bucketStart(fromMinute, step, offsetMinutes);
  const last = bucketStart(toMinute, step, offsetMinutes);
  const starts: number[] = [];
  for (let at = first; at <= last; at += STEP_MINUTES[step]) starts.push(at);
  return starts;
}

type EntityFilter = Pick<SeriesQuery, 'entityIds' | 'serviceId' | 'layer' | 'withoutLayers'>;

/** The rows that are read of a series, each `minutes` long. */
interface Rows {
  readonly starts: readonly number[];
  readonly minutes: number;
  readonly fromMinute: number;
  /** All of the range is one row. */
  readonly isRange: boolean;
}

function ofSets(sets: readonly LabelSet[]): Result {
  return { sets, scope: undefined };
}

function hasData({ sets }: Result): boolean {
  return sets.some(({ values }) => values.some((v) => v !== null));
}

/** Entities by the average of their rows that have data; equal averages by entity id, so that an answer is repeatable. */
function topOfSeries(
  read: MetricRead,
  rows: Rows,
  all: readonly MetricSeries[],
  n: number,
  order: Order,
): readonly LabelSet[] {
  const byOrigin = new Map<string, MetricSeries[]>();
  for (const series of all) {
    const same = byOrigin.get(series.origin);
    if (same) same.push(series);
    else byOrigin.set(series.origin, [series]);
  }
  const sign = order === 'asc' ? 1 : -1;
  return originNames(read, byOrigin.keys()).flatMap((origin) => {
    const entities = (byOrigin.get(origin) ?? []).map((series) => ({
      entityId: series.entityId,
      averages: labelSets(read, rows, origin, series).map(({ values }) => averageOf(values)),
    }));
    return labelsOf(read, origin).map((labels, i) => {
      const present = entities.flatMap(({ entityId, averages }) => {
        const average = averages[i];
        return average === undefined ? [] : [{ entityId, average }];
      });
      present.sort((a, b) => sign * compareAverages(a.average, b.average) || (a.entityId < b.entityId ? -1 : 1));
      const top = present.slice(0, n);
      return { labels, values: top.map((r) => quotient(r.average)), entityIds: top.map((r) => r.entityId) };
    });
  });
}

/** The same as ranking series, from what their averages are made of. */
function topOfSums(read: MetricRead, sums: readonly ValueSums[], n: number, order: Order): readonly LabelSet[] {
  const byOrigin = new Map(sums.map((of) => [of.origin, of]));
  return originNames(read, byOrigin.keys()).flatMap((origin) => {
    const of = byOrigin.get(origin);
    const top = of === undefined ? [] : firstOfSums(of, n, order);
    return labelsOf(read, origin).map((labels) => ({
      labels,
      values: top.map((i) => quotient({ total: BigInt(of!.totals[i]!), count: of!.counts[i]! })),
      entityIds: top.map((i) => of!.entityIds[i]!),
    }));
  });
}

/** One set per rank (or one), a value for every row; without a series all values are absent. */
function labelSets(
  read: MetricRead,
  { starts, minutes }: Rows,
  origin: string,
  series: MetricSeries | undefined,
): readonly LabelSet[] {
  const { schema, ranks } = read;
  const sets = labelsOf(read, origin).map((labels) => ({
    labels,
    values: Array.from<Value>({ length: starts.length }).fill(null),
  }));
  if (series === undefined) return sets;
  const valuesOf = ranks === undefined ? undefined : rankReader(schema, ranks);
  series.starts.forEach((start, row) => {
    const at = (start - starts[0]!) / minutes;
    if (at < 0 || at >= starts.length || !series.columns.has(row)) return;
    const fields = series.columns.fields(row);
    if (valuesOf === undefined) sets[0]!.values[at] = plainValue(schema, fields, minutes);
    else valuesOf(fields).forEach((value, i) => (sets[i]!.values[at] = value));
  });
  return sets;
}

/** Origins to show: as asked (absent ones too: an absent origin is shown as absent), or those there are, by name. */
function originNames({ origins }: MetricRead, found: Iterable<string>): readonly string[] {
  return origins[0] === '*' ? [...found].sort() : origins;
}

/** Label sets of a read, labels by key: `origin` before `p`. */
function labelsOf({ origins, ranks }: MetricRead, origin: string): readonly (readonly Label[])[] {
  const ofOrigin = origins[0] === '' ? [] : [{ key: 'origin', value: origin }];
  return ranks === undefined ? [ofOrigin] : ranks.map(({ text }) => [...ofOrigin, { key: 'p', value: text }]);
}

function plainValue(schema: MetricSchema, fields: RowFields, minutes: number): Value {
  const value = functionOf(schema).calculate(fields, minutes, schema.args);
  // A labelled value was given ranks by the checker, so it never comes here.
  return value.kind === 'labeled' ? null : value.value;
}

/** Any ranks of the stored distribution, rounded to whole units as the shipped five are. */
function rankReader(
  schema: MetricSchema,
  ranks: NonNullable<MetricRead['ranks']>,
): (fields: RowFields) => readonly bigint[] {
  const { layout } = schema.distributionFields[0]!;
  const ascending = [...new Set(ranks.map((r) => r.rank))].sort((a, b) => a - b);
  const places = ranks.map((r) => ascending.indexOf(r.rank));
  return (fields) => {
    const values = percentiles(layout, fields.distribution(0), ascending);
    return places.map((i) => BigInt(Math.round(values[i]!)));
  };
}
