// SPDX-License-Identifier: Apache-2.0
// Tree -> plan: metrics and labels are resolved, and every part has a shape, so a plan can fail on its entity or its reads only.
// Source of the typing rules: SkyWalking's MQE visitor (docs/query.md has the table).
import { bucketStart, STEP_MINUTES, type MetricSchema, type Step } from '@oap-federation/model';
import type { AggregateName, BinaryOp, Expr, LabelArg, MetricExpr } from './ast.js';
import { didYouMean, MqeError } from './errors.js';
import { roundHalfUp } from './format.js';
import { metricsOf, parseMqe } from './parser.js';

/** One value per label set; one value per bucket and label set; entities in order per label set. */
export type Shape = 'single' | 'series' | 'sorted';

/** A point: exact integer, double, or absent. */
export type Value = bigint | number | null;

/** What is read of a metric. `origins` as in SeriesQuery; `ranks` only for metrics that keep a distribution. */
export interface MetricRead {
  readonly schema: MetricSchema;
  readonly origins: readonly string[];
  readonly ranks: readonly { readonly text: string; readonly rank: number }[] | undefined;
}

/** A checked expression. Plans hold no data and may be evaluated any number of times. */
export type Plan =
  | { readonly kind: 'scalar'; readonly shape: 'single'; readonly value: bigint | number }
  | { readonly kind: 'metric'; readonly shape: 'series'; readonly read: MetricRead }
  | {
      readonly kind: 'topN';
      readonly shape: 'sorted';
      readonly read: MetricRead;
      readonly n: number;
      readonly order: 'asc' | 'des';
      readonly layer: string | undefined;
    }
  | {
      readonly kind: 'binary';
      readonly shape: Shape;
      readonly op: BinaryOp;
      readonly left: Plan;
      readonly right: Plan;
    }
  | { readonly kind: 'aggregate'; readonly shape: 'single'; readonly name: AggregateName; readonly of: Plan }
  | { readonly kind: 'map'; readonly shape: Shape; readonly apply: (value: number) => number; readonly of: Plan }
  | {
      readonly kind: 'absolute';
      readonly shape: Shape;
      readonly of: Plan;
    }
  | {
      readonly kind: 'relabels';
      readonly shape: Shape;
      readonly from: LabelArg;
      readonly to: LabelArg;
      readonly of: Plan;
    };

/** Ranks of a percentile metric that is asked without `p`: SkyWalking's five. */
const DEFAULT_RANKS = [50, 75, 90, 95, 99].map((rank) => ({ text: String(rank), rank }));

const SHAPE_TEXT: Readonly<Record<Shape, string>> = {
  single: 'a single value',
  series: 'a time series',
  sorted: 'a sorted list',
};

// One read of storage each; dashboards use up to four.
const METRICS_MAX = 32;

/** Parses and checks an expression against the metrics that are stored. Errors: MqeError. */
export function compileMqe(expression: string, metrics: readonly MetricSchema[]): Plan {
  const expr = parseMqe(expression);
  const reads = metricsOf(expr).length;
  if (reads > METRICS_MAX) throw new MqeError(`The expression reads ${reads} metrics, the limit is ${METRICS_MAX}`);
  return check(expr, new Map(metrics.map((m) => [m.name, m])));
}

function check(expr: Expr, metrics: ReadonlyMap<string, MetricSchema>): Plan {
  switch (expr.kind) {
    case 'scalar':
      return { kind: 'scalar', shape: 'single', value: expr.value };
    case 'metric':
      return { kind: 'metric', shape: 'series', read: checkRead(expr, metrics) };
    case 'binary': {
      const left = check(expr.left, metrics);
      const right = check(expr.right, metrics);
      return { kind: 'binary', shape: combinedShape(expr.op, left, right, expr.column), op: expr.op, left, right };
    }
    case 'aggregate': {
      const of = check(expr.of, metrics);
      if (of.shape === 'single' || (of.shape === 'sorted' && expr.name === 'latest')) {
        const wanted = expr.name === 'latest' ? 'a time series' : 'a time series or a sorted list';
        throw new MqeError(`${expr.name} takes ${wanted}, not ${SHAPE_TEXT[of.shape]}`, expr.column);
      }
      return { kind: 'aggregate', shape: 'single', name: expr.name, of };
    }
    case 'math': {
      const of = check(expr.of, metrics);
      if (expr.name === 'abs') return { kind: 'absolute', shape: of.shape, of };
      return { kind: 'map', shape: of.shape, apply: expr.name === 'ceil' ? Math.ceil : Math.floor, of };
    }
    case 'round': {
      const of = check(expr.of, metrics);
      const { places } = expr;
      return { kind: 'map', shape: of.shape, apply: (value) => roundHalfUp(value, places), of };
    }
    case 'relabels': {
      const of = check(expr.of, metrics);
      return { kind: 'relabels', shape: of.shape, from: expr.from, to: expr.to, of };
    }
    case 'topN': {
      let layer: string | undefined;
      for (const { name, value, negated, column } of expr.attributes) {
        if (name !== 'attr0' || negated || layer !== undefined) {
          const shown = `${name}${negated ? '!=' : '='}'${value}'`;
          throw new MqeError(`top_n attribute ${shown} is not supported yet, only one attr0='LAYER' is`, column);
        }
        layer = value;
      }
      return {
        kind: 'topN',
        shape: 'sorted',
        read: checkRead(expr.of, metrics),
        n: expr.n,
        order: expr.order,
        layer,
      };
    }
  }
}

function combinedShape(op: BinaryOp, left: Plan, right: Plan, column: number): Shape {
  if (left.shape === 'single') return right.shape;
  if (right.shape === 'single') return left.shape;
  if (left.shape === 'series' && right.shape === 'series') return 'series';
  throw new MqeError(`Unsupported operation: ${SHAPE_TEXT[left.shape]} ${op} ${SHAPE_TEXT[right.shape]}`, column);
}

function checkRead(expr: MetricExpr, metrics: ReadonlyMap<string, MetricSchema>): MetricRead {
  const schema = metrics.get(expr.name);
  if (!schema) {
    throw new MqeError(`Metric: [${expr.name}] does not exist.${didYouMean(expr.name, metrics.keys())}`, expr.column);
  }
  const labels = schema.distributionFields.length > 0 ? ['origin', 'p'] : ['origin'];
  let origins: readonly string[] = [''];
  let ranks: MetricRead['ranks'];
  for (const arg of expr.labels) {
    if (arg.label === 'origin') origins = checkOrigins(arg);
    else if (arg.label === 'p' && labels.includes('p')) ranks = checkRanks(arg);
    else {
      const hint = didYouMean(arg.label, labels) || ` It has ${labels.join(' and ')}.`;
      throw new MqeError(`Metric ${expr.name} has no label "${arg.label}".${hint}`, arg.column);
    }
  }
  if (schema.functionName === 'histogram' && ranks === undefined) {
    throw new MqeError(
      `Metric ${expr.name} is a histogram: ask for ranks of it, as in ${expr.name}{p='50,99'}`,
      expr.column,
    );
  }
  if (labels.includes('p')) ranks ??= DEFAULT_RANKS;
  return { schema, origins, ranks };
}

function checkOrigins({ values, column }: LabelArg): readonly string[] {
  if (values.includes('')) throw new MqeError('An origin name is empty; leave the label out for all together', column);
  return values.includes('*') ? ['*'] : [...new Set(values)];
}

function checkRanks({ values, column }: LabelArg): NonNullable<MetricRead['ranks']> {
  return [...new Set(values)].map((text) => {
    const rank = Number(text);
    if (!/^\d+(\.\d{1,6})?$/.test(text) || rank <= 0 || rank > 100) {
      throw new MqeError(`Percentile "${text}" is not a number above 0 and up to 100`, column);
    }
    return { text, rank };
  });
}

/** Starts (epoch minutes) of all buckets of a range; both ends are inclusive. */
export function bucketStarts(fromMinute: number, toMinute: number, step: Step, offsetMinutes: number): number[] {
  const first = bucketStart(fromMinute, step, offsetMinutes);
  const last = bucketStart(toMinute, step, offsetMinutes);
  const starts: number[] = [];
  for (let at = first; at <= last; at += STEP_MINUTES[step]) starts.push(at);
  return starts;
}
