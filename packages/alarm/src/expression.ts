// SPDX-License-Identifier: Apache-2.0
// The expression of a rule: an MQE expression that says 1 (alarm) or 0 about an entity's window. In: text and the stored metrics.
// Out: the plan, what it reads, and the scope of its entities; or what is wrong with it.
import type { MetricSchema, ScopeName } from '@oap-federation/model';
import { compileMqe, MqeError, type Plan } from '@oap-federation/mqe';

/** One metric that an expression reads: the merged rows (`['']`), named origins, or every origin (`['*']`). */
export interface AlarmRead {
  /** As written in the expression: `service_sla{origin='cloud-c'}`. */
  readonly text: string;
  readonly schema: MetricSchema;
  readonly origins: readonly string[];
}

export interface AlarmExpression {
  readonly text: string;
  readonly plan: Plan;
  readonly reads: readonly AlarmRead[];
  readonly scope: ScopeName;
  /** Minutes before the window that are read too: `increase` and `rate` look back. */
  readonly lookBackMinutes: number;
}

/** Errors: MqeError for what MQE refuses, and for what is no condition on one entity. */
export function compileAlarmExpression(text: string, metrics: readonly MetricSchema[]): AlarmExpression {
  const plan = compileMqe(text, metrics);
  if (plan.kind !== 'binary' || !['>', '>=', '<', '<=', '==', '!='].includes(plan.op)) {
    throw new MqeError('A rule needs a comparison at its root, or && and || of comparisons');
  }
  if (plan.shape !== 'single') {
    throw new MqeError('A rule needs a single value: put an aggregation around the series, as in sum(x > 1) >= 3');
  }
  const reads = readsOf(plan);
  const [first] = reads;
  if (first === undefined) throw new MqeError('A rule needs a metric');
  const { scope } = first.schema;
  const other = reads.find((read) => read.schema.scope !== scope);
  if (other) {
    throw new MqeError(
      `Metrics of one scope are needed: ${first.schema.name} is of ${scope}, ${other.schema.name} of ${other.schema.scope}`,
    );
  }
  return { text, plan, reads, scope, lookBackMinutes: 0 };
}

function readsOf(plan: Plan): readonly AlarmRead[] {
  switch (plan.kind) {
    case 'scalar':
      return [];
    case 'metric':
      return [{ text: plan.read.schema.name, schema: plan.read.schema, origins: plan.read.origins }];
    case 'topN':
      throw new MqeError('top_n is not about one entity: a rule cannot use it');
    case 'binary':
      return [...readsOf(plan.left), ...readsOf(plan.right)];
    default:
      return readsOf(plan.of);
  }
}
