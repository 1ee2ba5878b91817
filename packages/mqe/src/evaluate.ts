// SPDX-License-Identifier: Apache-2.0
// Plan + MetricReader -> values. Long metrics stay exact (bigint) until arithmetic makes a double of them; text is made at the end.
// In: plan, entity, range. Out: label sets with one value each (single), one per bucket (series), or one per entity (sorted).
import {
  functionOf,
  percentiles,
  STEP_MINUTES,
  type MetricSchema,
  type RowFields,
  type ScopeName,
  type Step,
} from '@oap-federation/model';
import type { AggregateName, BinaryOp, LabelArg } from './ast.js';
import { bucketStarts, compileMqe, type MetricRead, type Plan, type Shape, type Value } from './check.js';
import { MqeError } from './errors.js';
import { formatValue } from './format.js';
import type { MetricReader, MetricSeries } from './port.js';

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
}

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** One label set; `entityIds` runs beside `values` in a sorted list and is absent otherwise. */
export interface LabelSet {
  readonly labels: readonly Label[];
  readonly values: readonly Value[];
  readonly entityIds?: readonly string[];
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
  return { ...(await new Evaluation(request, starts).table(plan)), starts };
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

type Table = Omit<MqeTable, 'starts'>;

class Evaluation {
  readonly #request: EvaluationRequest;
  readonly #starts: readonly number[];
  /** A metric that the expression names twice is read once. */
  readonly #reads = new Map<string, Promise<readonly MetricSeries[]>>();

  constructor(request: EvaluationRequest, starts: readonly number[]) {
    this.#request = request;
    this.#starts = starts;
  }

  async table(plan: Plan): Promise<Table> {
    switch (plan.kind) {
      case 'scalar':
        return { shape: 'single', sets: [{ labels: [], values: [plan.value] }], comparison: false, scope: undefined };
      case 'metric':
        return { shape: 'series', sets: await this.#series(plan.read), comparison: false, scope: undefined };
      case 'topN':
        return {
          shape: 'sorted',
          sets: await this.#topN(plan),
          comparison: false,
          scope: plan.read.schema.scope,
        };
      case 'binary': {
        const [left, right] = await Promise.all([this.table(plan.left), this.table(plan.right)]);
        return combine(plan.op, plan.shape, left, right);
      }
      case 'aggregate': {
        const { sets } = await this.table(plan.of);
        const folded = sets.map(({ labels, values }) => ({ labels, values: [aggregate(plan.name, values)] }));
        return { shape: 'single', sets: folded, comparison: false, scope: undefined };
      }
      case 'map': {
        const { apply } = plan;
        return mapValues(await this.table(plan.of), (v) => (typeof v === 'number' ? apply(v) : v));
      }
      case 'absolute':
        return mapValues(await this.table(plan.of), (v) =>
          typeof v === 'number' ? Math.abs(v) : v !== null && v < 0n ? -v : v,
        );
      case 'relabels': {
        const of = await this.table(plan.of);
        return { ...of, sets: of.sets.map((set) => relabel(set, plan.from, plan.to)) };
      }
    }
  }

  async #series(read: MetricRead): Promise<readonly LabelSet[]> {
    const entityId = this.#request.entityIdOf(read.schema.scope);
    const byOrigin = new Map<string, MetricSeries>();
    for (const series of await this.#read(read, { entityIds: [entityId] })) byOrigin.set(series.origin, series);
    return originNames(read, byOrigin.keys()).flatMap((origin) => this.#labelSets(read, origin, byOrigin.get(origin)));
  }

  /** Entities by the average of their buckets that have data; equal averages by entity id, so that an answer is repeatable. */
  async #topN({ read, n, order, layer }: Extract<Plan, { kind: 'topN' }>): Promise<readonly LabelSet[]> {
    const { serviceId } = this.#request;
    const all = await this.#read(read, {
      ...(serviceId === undefined ? {} : { serviceId }),
      ...(layer === undefined ? {} : { layer }),
    });
    const byOrigin = new Map<string, MetricSeries[]>();
    for (const series of all) {
      const same = byOrigin.get(series.origin);
      if (same) same.push(series);
      else byOrigin.set(series.origin, [series]);
    }
    const sign = order === 'asc' ? 1 : -1;
    return originNames(read, byOrigin.keys()).flatMap((origin) => {
      const rows = (byOrigin.get(origin) ?? []).map((series) => ({
        entityId: series.entityId,
        averages: this.#labelSets(read, origin, series).map(({ values }) => aggregate('avg', values)),
      }));
      return labelsOf(read, origin).map((labels, i) => {
        const present = rows.flatMap(({ entityId, averages }) => {
          const value = averages[i]!;
          return value === null ? [] : [{ entityId, value }];
        });
        present.sort((a, b) =>
          a.value < b.value ? -sign : a.value > b.value ? sign : a.entityId < b.entityId ? -1 : 1,
        );
        const top = present.slice(0, n);
        return { labels, values: top.map((r) => r.value), entityIds: top.map((r) => r.entityId) };
      });
    });
  }

  #read(
    { schema, origins }: MetricRead,
    filter: { readonly entityIds?: readonly string[]; readonly serviceId?: string; readonly layer?: string },
  ): Promise<readonly MetricSeries[]> {
    const { reader, fromMinute, toMinute, step, offsetMinutes } = this.#request;
    const key = JSON.stringify([schema.name, origins, filter]);
    let reading = this.#reads.get(key);
    if (reading === undefined) {
      reading = reader.readSeries({
        metric: schema,
        ...filter,
        origins,
        fromMinute,
        toMinute,
        step,
        offsetMinutes,
      });
      this.#reads.set(key, reading);
    }
    return reading;
  }

  /** One set per rank (or one), a value for every bucket; without a series all values are absent. */
  #labelSets(read: MetricRead, origin: string, series: MetricSeries | undefined): readonly LabelSet[] {
    const { schema, ranks } = read;
    const sets = labelsOf(read, origin).map((labels) => ({
      labels,
      values: Array.from<Value>({ length: this.#starts.length }).fill(null),
    }));
    if (series === undefined) return sets;
    const minutes = STEP_MINUTES[this.#request.step];
    const valuesOf = ranks === undefined ? undefined : rankReader(schema, ranks);
    series.starts.forEach((start, row) => {
      const at = (start - this.#starts[0]!) / minutes;
      if (at < 0 || at >= this.#starts.length || !series.columns.has(row)) return;
      const fields = series.columns.fields(row);
      if (valuesOf === undefined) sets[0]!.values[at] = plainValue(schema, fields, minutes);
      else valuesOf(fields).forEach((value, i) => (sets[i]!.values[at] = value));
    });
    return sets;
  }
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

function mapValues(table: Table, apply: (value: Value) => Value): Table {
  const sets = table.sets.map((set) => ({ ...set, values: set.values.map((v) => apply(v)) }));
  return { ...table, sets, comparison: false };
}

function relabel(set: LabelSet, from: LabelArg, to: LabelArg): LabelSet {
  const labels = set.labels.map(({ key, value }) => {
    if (key !== from.label) return { key, value };
    const at = from.values.indexOf(value);
    return { key: to.label, value: at < 0 ? value : to.values[at]! };
  });
  labels.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { ...set, labels };
}

/** Folds the present values of a set; absent when there are none (a count is then 0). Integers stay exact. */
function aggregate(name: AggregateName, values: readonly Value[]): Value {
  const present = values.filter((v) => v !== null);
  if (name === 'count') return BigInt(present.length);
  if (present.length === 0) return null;
  switch (name) {
    case 'latest':
      return present.at(-1)!;
    case 'max':
      return present.reduce((a, b) => (b > a ? b : a));
    case 'min':
      return present.reduce((a, b) => (b < a ? b : a));
    case 'sum':
      return sum(present);
    case 'avg': {
      const total = sum(present);
      if (typeof total === 'number') return total / present.length;
      const n = BigInt(present.length);
      return total % n === 0n ? total / n : Number(total / n) + Number(total % n) / present.length;
    }
  }
}

function sum(values: readonly (bigint | number)[]): bigint | number {
  if (values.every((v) => typeof v === 'bigint')) return values.reduce((a, b) => a + b, 0n);
  return values.reduce<number>((a, b) => a + Number(b), 0);
}

function combine(op: BinaryOp, shape: Shape, left: Table, right: Table): Table {
  const leftIsOne = left.shape === 'single';
  const rightIsOne = right.shape === 'single';
  const keepRight = leftIsOne && !rightIsOne;
  const matched = keepRight ? match(right.sets, left.sets) : match(left.sets, right.sets);
  const sets = matched.map(({ kept, other }): LabelSet => {
    const [a, b] = keepRight ? [other, kept] : [kept, other];
    const values = kept.values.map((_, i) =>
      apply(op, a?.values[leftIsOne ? 0 : i] ?? null, b?.values[rightIsOne ? 0 : i] ?? null),
    );
    const labels = kept.labels.length > 0 ? kept.labels : (other?.labels ?? []);
    return { labels, values, ...(kept.entityIds === undefined ? {} : { entityIds: kept.entityIds }) };
  });
  return { shape, sets, comparison: COMPARISONS.has(op), scope: left.scope ?? right.scope };
}

/** Sets that belong together: one unlabelled set goes with each of the other side, others with the equal set or with nothing. */
function match(
  kept: readonly LabelSet[],
  others: readonly LabelSet[],
): readonly { readonly kept: LabelSet; readonly other: LabelSet | undefined }[] {
  if (kept.length === 0 || others.length === 0) return [];
  if (others.length === 1 && others[0]!.labels.length === 0) return kept.map((k) => ({ kept: k, other: others[0] }));
  if (kept.length === 1 && kept[0]!.labels.length === 0) return others.map((other) => ({ kept: kept[0]!, other }));
  const byLabels = new Map(others.map((set) => [labelKey(set.labels), set]));
  return kept.map((k) => ({ kept: k, other: byLabels.get(labelKey(k.labels)) }));
}

function labelKey(labels: readonly Label[]): string {
  return JSON.stringify(labels.map(({ key, value }) => [key, value]));
}

const COMPARISONS: ReadonlySet<BinaryOp> = new Set<BinaryOp>(['>', '>=', '<', '<=', '==', '!=']);

/** Arithmetic in doubles (division by zero is no error); comparison of integers is exact. An absent side makes the point absent. */
function apply(op: BinaryOp, a: Value, b: Value): Value {
  if (a === null || b === null) return null;
  switch (op) {
    case '+':
      return Number(a) + Number(b);
    case '-':
      return Number(a) - Number(b);
    case '*':
      return Number(a) * Number(b);
    case '/':
      return Number(a) / Number(b);
    case '%':
      return Number(a) % Number(b);
    case '>':
      return a > b ? 1n : 0n;
    case '>=':
      return a >= b ? 1n : 0n;
    case '<':
      return a < b ? 1n : 0n;
    case '<=':
      return a <= b ? 1n : 0n;
    case '==':
      return isEqual(a, b) ? 1n : 0n;
    case '!=':
      return isEqual(a, b) ? 0n : 1n;
  }
}

/** Mathematically equal, also between an integer and a double; NaN equals nothing. */
function isEqual(a: bigint | number, b: bigint | number): boolean {
  if (typeof a === typeof b) return a === b;
  const [integer, double] = typeof a === 'bigint' ? [a, b as number] : [b as bigint, a];
  return Number.isInteger(double) && BigInt(double) === integer;
}
