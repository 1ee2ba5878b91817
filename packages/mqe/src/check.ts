// SPDX-License-Identifier: Apache-2.0
// Tree -> plan: metrics and labels are resolved, and every part has a shape, so a plan can fail on its entity or its reads only.
// Source of the typing rules: SkyWalking's MQE visitor (docs/query.md has the table).
import type { MetricSchema } from '@oap-federation/model';
import {
  metricsOf,
  type BinaryOp,
  type Expr,
  type LabelArg,
  type LabelName,
  type MetricExpr,
  type TopNExpr,
} from './ast.js';
import { didYouMean, MqeError, UnknownMetric } from './errors.js';
import { roundHalfUp } from './format.js';
import { parseMqe } from './parser.js';
import type { MetricRead, Plan, PlanHead, Shape, TopNPlan } from './plan.js';

/** Ranks of a percentile metric that is asked without `p`: SkyWalking's five. */
const DEFAULT_RANKS = [50, 75, 90, 95, 99].map((rank) => ({ text: String(rank), rank }));

const SHAPE_TEXT: Readonly<Record<Shape, string>> = {
  single: 'a single value',
  series: 'a time series',
  sorted: 'a sorted list',
};

// One read of storage each; dashboards use up to four.
const METRICS_MAX = 32;

/** SkyWalking's sampled records, which top_n reads there; they do not travel between tiers and are not stored in one. */
const RECORD_METRICS: ReadonlySet<string> = new Set([
  'top_n_database_statement',
  'top_n_cache_read_command',
  'top_n_cache_write_command',
]);

const COMPARISONS: ReadonlySet<BinaryOp> = new Set<BinaryOp>(['>', '>=', '<', '<=', '==', '!=']);

export function isComparison(op: BinaryOp): boolean {
  return COMPARISONS.has(op);
}

export function isLogical(op: BinaryOp): op is '&&' | '||' {
  return op === '&&' || op === '||';
}

/** Parses and checks an expression against the metrics that are stored. Errors: MqeError. */
export function compileMqe(expression: string, metrics: readonly MetricSchema[]): Plan {
  return checkExpression(parseMqe(expression), metrics);
}

/** Errors: MqeError. */
export function checkExpression(expr: Expr, metrics: readonly MetricSchema[]): Plan {
  const reads = metricsOf(expr).length;
  if (reads > METRICS_MAX) throw new MqeError(`The expression reads ${reads} metrics, the limit is ${METRICS_MAX}`);
  return new Checker(metrics).check(expr);
}

class Checker {
  readonly #metrics: ReadonlyMap<string, MetricSchema>;

  constructor(metrics: readonly MetricSchema[]) {
    this.#metrics = new Map(metrics.map((m) => [m.name, m]));
  }

  check(expr: Expr): Plan {
    switch (expr.kind) {
      case 'scalar':
        return { kind: 'scalar', shape: 'single', labels: [], comparison: false, value: expr.value };
      case 'metric':
        return { kind: 'metric', ...this.#readOf(expr, 'series') };
      case 'merged':
        return { kind: 'merged', ...this.#readOf(expr.of, 'single') };
      case 'trend':
        return { kind: 'trend', ...this.#readOf(expr.of, 'series'), name: expr.name, steps: expr.steps };
      case 'baseline':
        return { kind: 'baseline', ...this.#readOf(expr.of, 'series') };
      case 'topN':
        return this.#topN(expr);
      case 'topNOf': {
        const lists = expr.lists.map((list) => this.#topN(list));
        const [first] = lists;
        const { scope } = first!.read.schema;
        const other = lists.findIndex((list) => list.read.schema.scope !== scope);
        if (other > 0) {
          const found = lists[other]!.read.schema.scope;
          throw new MqeError(
            `top_n_of merges lists of one scope, got ${scope} and ${found}`,
            expr.lists[other]!.of.column,
          );
        }
        const labels = [...new Set(lists.flatMap((list) => list.labels))];
        return { ...head(first!), labels, kind: 'topNOf', lists, n: expr.n, order: expr.order };
      }
      case 'binary': {
        const left = this.check(expr.left);
        const right = this.check(expr.right);
        const { op, column } = expr;
        if (isLogical(op) && !(left.comparison && right.comparison)) {
          throw new MqeError(
            `${op} joins comparisons, the ${left.comparison ? 'right' : 'left'} side of it is none`,
            column,
          );
        }
        const shape = combinedShape(op, left, right, column);
        const [kept, other] = keepsRight(left, right) ? [right, left] : [left, right];
        const labels = kept.labels.length > 0 ? kept.labels : other.labels;
        return { kind: 'binary', shape, labels, comparison: isComparison(op) || isLogical(op), op, left, right };
      }
      case 'aggregate': {
        const of = this.check(expr.of);
        if (expr.name === 'latest' && of.shape !== 'series') {
          throw new MqeError(`latest takes a time series, not ${SHAPE_TEXT[of.shape]}`, expr.column);
        }
        const picks = expr.name === 'latest' || expr.name === 'max' || expr.name === 'min';
        const comparison = of.comparison && picks;
        return { kind: 'aggregate', shape: 'single', labels: of.labels, comparison, name: expr.name, of };
      }
      case 'math': {
        const of = this.check(expr.of);
        if (expr.name === 'abs') return { ...head(of), comparison: false, kind: 'absolute', of };
        const apply = expr.name === 'ceil' ? Math.ceil : Math.floor;
        return { ...head(of), comparison: false, kind: 'map', apply, of };
      }
      case 'round': {
        const of = this.check(expr.of);
        const { places } = expr;
        return { ...head(of), comparison: false, kind: 'map', apply: (value) => roundHalfUp(value, places), of };
      }
      case 'relabels': {
        const of = this.check(expr.of);
        const { from, to } = expr;
        mustHaveLabel(of, from);
        return { ...head(of), labels: [...new Set([...of.labels, to.label])], kind: 'relabels', from, to, of };
      }
      case 'aggregateLabels': {
        const of = this.check(expr.of);
        if (of.shape === 'sorted') throw new MqeError('aggregate_labels does not take a sorted list', expr.column);
        if (of.labels.length === 0) throw new MqeError('aggregate_labels takes a result with labels', expr.column);
        for (const label of expr.keep) mustHaveLabel(of, label);
        const labels = of.labels.filter((label) => expr.keep.some((l) => l.label === label));
        const comparison = of.comparison && (expr.name === 'max' || expr.name === 'min');
        return { ...head(of), labels, comparison, kind: 'aggregateLabels', name: expr.name, keep: labels, of };
      }
      case 'sortValues': {
        const of = this.check(expr.of);
        if (of.shape === 'sorted') throw new MqeError('sort_values does not take a sorted list', expr.column);
        return { ...head(of), kind: 'sortValues', n: expr.n, order: expr.order, by: expr.by, of };
      }
      case 'sortLabelValues': {
        const of = this.check(expr.of);
        for (const label of expr.labels) mustHaveLabel(of, label);
        return { ...head(of), kind: 'sortLabelValues', order: expr.order, by: expr.labels.map((l) => l.label), of };
      }
      case 'viewAsSeq': {
        const { known, firstProblem } = this.#known(expr.of);
        const [first] = known;
        if (first === undefined) throw firstProblem!;
        const odd = known.find((plan) => plan.shape !== first.shape);
        if (odd !== undefined) {
          const shapes = `${SHAPE_TEXT[first.shape]} and ${SHAPE_TEXT[odd.shape]}`;
          throw new MqeError(`view_as_seq chooses among results of one kind, got ${shapes}`, expr.column);
        }
        return {
          kind: 'viewAsSeq',
          shape: first.shape,
          labels: [...new Set(known.flatMap((plan) => plan.labels))],
          comparison: known.every((plan) => plan.comparison),
          of: known,
        };
      }
      case 'isPresent':
        return { kind: 'isPresent', shape: 'single', labels: [], comparison: false, of: this.#known(expr.of).known };
    }
  }

  /** The operands whose metrics all exist, and the problem of the first that does not. */
  #known(operands: readonly Expr[]): { readonly known: readonly Plan[]; readonly firstProblem: MqeError | undefined } {
    const known: Plan[] = [];
    let firstProblem: MqeError | undefined;
    for (const operand of operands) {
      try {
        known.push(this.check(operand));
      } catch (error) {
        if (!(error instanceof UnknownMetric)) throw error;
        firstProblem ??= error;
      }
    }
    return { known, firstProblem };
  }

  #topN(expr: TopNExpr): TopNPlan {
    let layer: string | undefined;
    const withoutLayers: string[] = [];
    for (const { name, value, negated, column } of expr.attributes) {
      if (!/^attr[0-5]$/.test(name)) {
        throw new MqeError(`top_n has no attribute ${name}.${didYouMean(name, ['attr0'])}`, column);
      }
      if (name !== 'attr0') {
        throw new MqeError(`Attribute ${name} is not stored here: attr0, the layer, is the only one`, column);
      }
      if (negated) withoutLayers.push(value);
      else if (layer === undefined) layer = value;
      else throw new MqeError('attr0 is asked to equal two values', column);
    }
    const { n, order, isMerged } = expr;
    return { kind: 'topN', ...this.#readOf(expr.of, 'sorted'), isMerged, n, order, layer, withoutLayers };
  }

  #readOf(expr: MetricExpr, shape: Shape): PlanHead & { readonly read: MetricRead } {
    const read = checkRead(expr, this.#metrics);
    const labels = [...(read.origins[0] === '' ? [] : ['origin']), ...(read.ranks === undefined ? [] : ['p'])];
    return { shape, labels, comparison: false, read };
  }
}

function head({ shape, labels, comparison }: Plan): PlanHead {
  return { shape, labels, comparison };
}

/** Whether the sets of the right side are what remains: a single value goes with each of them. */
export function keepsRight(left: { readonly shape: Shape }, right: { readonly shape: Shape }): boolean {
  return left.shape === 'single' && right.shape !== 'single';
}

function combinedShape(op: BinaryOp, left: Plan, right: Plan, column: number): Shape {
  if (left.shape === 'single') return right.shape;
  if (right.shape === 'single') return left.shape;
  if (left.shape === 'series' && right.shape === 'series') return 'series';
  throw new MqeError(`Unsupported operation: ${SHAPE_TEXT[left.shape]} ${op} ${SHAPE_TEXT[right.shape]}`, column);
}

/** Refuses a label that no set of the result can have. SkyWalking ignores such a name, and a typing error with it. */
function mustHaveLabel({ labels }: Plan, { label, column }: LabelName): void {
  if (labels.includes(label)) return;
  const known = labels.length === 0 ? ' It has no labels.' : ` It has ${labels.join(' and ')}.`;
  throw new MqeError(`The result has no label "${label}".${didYouMean(label, labels) || known}`, column);
}

/** Errors: MqeError for a metric that is not stored, or a label of it that is not. */
export function checkMetric(expr: MetricExpr, metrics: readonly MetricSchema[]): MetricRead {
  return checkRead(expr, new Map(metrics.map((m) => [m.name, m])));
}

function checkRead(expr: MetricExpr, metrics: ReadonlyMap<string, MetricSchema>): MetricRead {
  const schema = metrics.get(expr.name);
  if (!schema) {
    const reason = RECORD_METRICS.has(expr.name)
      ? `Metric: [${expr.name}] is of sampled records, which are not kept here.`
      : `Metric: [${expr.name}] does not exist.${didYouMean(expr.name, metrics.keys())}`;
    throw new UnknownMetric(reason, expr.column);
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
