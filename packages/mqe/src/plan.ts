// SPDX-License-Identifier: Apache-2.0
// A checked expression: what check.ts makes of a tree and evaluate.ts runs. Plans hold no data and may be evaluated any number of times.
import type { MetricSchema } from '@oap-federation/model';
import type { AggregateName, BinaryOp, LabelAggregateName, LabelArg, Order, TrendName } from './ast.js';

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

/** What is known of a part before any data is read. */
export interface PlanHead {
  readonly shape: Shape;
  /** Keys that the labels of its sets may have; none: one unlabelled set. */
  readonly labels: readonly string[];
  /** Every value is 1 or 0: a comparison, `&&` or `||` of such, or what only picks among their values. */
  readonly comparison: boolean;
}

export interface TopNPlan extends PlanHead {
  readonly kind: 'topN';
  readonly read: MetricRead;
  /** Ranked by the value of the whole range, not by the average of the buckets' values. */
  readonly isMerged: boolean;
  readonly n: number;
  readonly order: Order;
  readonly layer: string | undefined;
  readonly withoutLayers: readonly string[];
}

export type Plan = TopNPlan | (PlanHead & PlanBody);

type PlanBody =
  | { readonly kind: 'scalar'; readonly value: bigint | number }
  | { readonly kind: 'metric'; readonly read: MetricRead }
  | { readonly kind: 'merged'; readonly read: MetricRead }
  | { readonly kind: 'trend'; readonly read: MetricRead; readonly name: TrendName; readonly steps: number }
  | { readonly kind: 'baseline'; readonly read: MetricRead }
  | { readonly kind: 'topNOf'; readonly lists: readonly TopNPlan[]; readonly n: number; readonly order: Order }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly left: Plan; readonly right: Plan }
  | { readonly kind: 'aggregate'; readonly name: AggregateName; readonly of: Plan }
  | { readonly kind: 'map'; readonly apply: (value: number) => number; readonly of: Plan }
  | { readonly kind: 'absolute'; readonly of: Plan }
  | { readonly kind: 'relabels'; readonly from: LabelArg; readonly to: LabelArg; readonly of: Plan }
  | {
      readonly kind: 'aggregateLabels';
      readonly name: LabelAggregateName;
      readonly keep: readonly string[];
      readonly of: Plan;
    }
  | {
      readonly kind: 'sortValues';
      readonly n: number;
      readonly order: Order;
      readonly by: AggregateName;
      readonly of: Plan;
    }
  | { readonly kind: 'sortLabelValues'; readonly order: Order; readonly by: readonly string[]; readonly of: Plan }
  | { readonly kind: 'viewAsSeq' | 'isPresent'; readonly of: readonly Plan[] };
