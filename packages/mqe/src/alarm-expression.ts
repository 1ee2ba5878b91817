// SPDX-License-Identifier: Apache-2.0
// The expression of an alarm rule: a condition that is 1 or 0, with what an engine must know to keep a window for it.
// Source of the restrictions: SkyWalking's alarm rules (docs/query.md lists where ours differ).
import type { MetricSchema, ScopeName } from '@oap-federation/model';
import { metricsOf, type Expr } from './ast.js';
import { checkExpression, checkMetric, isComparison, isLogical } from './check.js';
import { MqeError } from './errors.js';
import { parseMqe } from './parser.js';
import type { Plan } from './plan.js';

/** One metric that a rule reads: the merged rows (`['']`), named origins, or every origin (`['*']`). */
export interface AlarmRead {
  /** As written: `service_percentile{p='99'}`. */
  readonly text: string;
  readonly schema: MetricSchema;
  readonly origins: readonly string[];
}

/** A checked rule. `evaluateMqe` gives 1 or 0 per label set of it, null without data; it matches when any set is 1. */
export interface AlarmExpression {
  readonly text: string;
  readonly plan: Plan;
  /** What it reads, each once; at least one, and all of one scope. */
  readonly reads: readonly AlarmRead[];
  readonly scope: ScopeName;
  /** Minutes before the window that are read too, a rule's step being the minute: `increase` and `rate` look back. */
  readonly lookBackMinutes: number;
}

/**
 * Parses and checks the expression of an alarm rule.
 *
 * Errors: MqeError, also for what a query may ask and a rule may not: a root that is no comparison (or `&&`, `||` of comparisons), a
 * result with more than one value per label set, top_n, baseline, metrics of two scopes, or no metric.
 */
export function compileAlarmExpression(text: string, metrics: readonly MetricSchema[]): AlarmExpression {
  const expr = parseMqe(text);
  const lookBackMinutes = checkParts(expr);
  const plan = checkExpression(expr, metrics);
  if (!isCondition(expr)) {
    throw new MqeError('A rule is a comparison, or comparisons joined by && or ||', expr.column);
  }
  if (plan.shape !== 'single') {
    throw new MqeError('A rule has a single value: fold the series, as in sum(metric > 1000) >= 3', expr.column);
  }
  const reads = new Map<string, AlarmRead>();
  let first: MetricSchema | undefined;
  for (const metric of metricsOf(expr)) {
    const { schema, origins } = checkMetric(metric, metrics); // view_as_seq and is_present let an unknown one pass until here
    first ??= schema;
    if (schema.scope !== first.scope) {
      const scopes = `${first.name} is of ${first.scope}, ${schema.name} of ${schema.scope}`;
      throw new MqeError(`A rule is about one scope: ${scopes}`, metric.column);
    }
    const read = text.slice(metric.column - 1, metric.endColumn - 1);
    reads.set(read, { text: read, schema, origins });
  }
  if (first === undefined) throw new MqeError('A rule reads at least one metric', expr.column);
  return { text, plan, reads: [...reads.values()], scope: first.scope, lookBackMinutes };
}

function isCondition(expr: Expr): boolean {
  return expr.kind === 'binary' && (isComparison(expr.op) || isLogical(expr.op));
}

/** Refuses what a rule cannot hold; gives the longest look back of increase and rate, in steps. */
function checkParts(expr: Expr): number {
  switch (expr.kind) {
    case 'topN':
    case 'topNOf':
      throw new MqeError('A rule is about one entity at a time: top_n is not for rules', expr.column);
    case 'baseline':
      throw new MqeError('No baseline service is connected, so a rule with baseline could never match', expr.column);
    case 'trend':
      return expr.steps;
    case 'scalar':
    case 'metric':
    case 'merged':
      return 0;
    case 'binary':
      return Math.max(checkParts(expr.left), checkParts(expr.right));
    case 'viewAsSeq':
    case 'isPresent':
      return Math.max(...expr.of.map((operand) => checkParts(operand)));
    default:
      return checkParts(expr.of);
  }
}
