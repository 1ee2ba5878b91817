// SPDX-License-Identifier: Apache-2.0
// The tree of a parsed expression. Columns are 1-based and point at what an error should name.

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%';
export type CompareOp = '>' | '>=' | '<' | '<=' | '==' | '!=';
export type LogicalOp = '&&' | '||';
export type BinaryOp = ArithmeticOp | CompareOp | LogicalOp;
export type AggregateName = 'avg' | 'count' | 'latest' | 'sum' | 'max' | 'min';
/** What `aggregate_labels` may fold label sets with. */
export type LabelAggregateName = 'avg' | 'sum' | 'max' | 'min';
export type MathName = 'abs' | 'ceil' | 'floor';
export type TrendName = 'increase' | 'rate';
export type Order = 'asc' | 'des';
export type BaselineName = 'value' | 'upper' | 'lower';

/** `label='a,b'`: the values are split at commas and trimmed. */
export interface LabelArg {
  readonly label: string;
  readonly values: readonly string[];
  readonly column: number;
}

/** A label named without a value. */
export interface LabelName {
  readonly label: string;
  readonly column: number;
}

export interface MetricExpr {
  readonly kind: 'metric';
  readonly name: string;
  readonly labels: readonly LabelArg[];
  readonly column: number;
  /** Column where one more label would be written: just after the name, or at the closing brace. */
  readonly labelColumn: number;
  /** Column just after the metric with its labels. */
  readonly endColumn: number;
}

/** `attr0='GENERAL'`; `negated` for `!=`. */
export interface AttributeArg {
  readonly name: string;
  readonly value: string;
  readonly negated: boolean;
  readonly column: number;
}

/** `isMerged`: entities are ranked by the value of the whole range, `top_n(merged(metric), ...)`. */
export interface TopNExpr {
  readonly kind: 'topN';
  readonly of: MetricExpr;
  readonly isMerged: boolean;
  readonly n: number;
  readonly order: Order;
  readonly attributes: readonly AttributeArg[];
  readonly column: number;
}

interface Unary {
  readonly of: Expr;
  readonly column: number;
}

export type Expr =
  | MetricExpr
  | TopNExpr
  | { readonly kind: 'scalar'; readonly value: bigint | number; readonly column: number }
  | {
      readonly kind: 'binary';
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
      readonly column: number;
    }
  | (Unary & { readonly kind: 'aggregate'; readonly name: AggregateName })
  | (Unary & { readonly kind: 'math'; readonly name: MathName })
  | (Unary & { readonly kind: 'round'; readonly places: number })
  | (Unary & { readonly kind: 'relabels'; readonly from: LabelArg; readonly to: LabelArg })
  | (Unary & {
      readonly kind: 'aggregateLabels';
      readonly name: LabelAggregateName;
      readonly keep: readonly LabelName[];
    })
  | (Unary & { readonly kind: 'sortValues'; readonly n: number; readonly order: Order; readonly by: AggregateName })
  | (Unary & { readonly kind: 'sortLabelValues'; readonly order: Order; readonly labels: readonly LabelName[] })
  | { readonly kind: 'merged'; readonly of: MetricExpr; readonly column: number }
  | {
      readonly kind: 'trend';
      readonly name: TrendName;
      readonly of: MetricExpr;
      readonly steps: number;
      readonly column: number;
    }
  | { readonly kind: 'baseline'; readonly of: MetricExpr; readonly name: BaselineName; readonly column: number }
  | {
      readonly kind: 'topNOf';
      readonly lists: readonly TopNExpr[];
      readonly n: number;
      readonly order: Order;
      readonly column: number;
    }
  | { readonly kind: 'viewAsSeq' | 'isPresent'; readonly of: readonly Expr[]; readonly column: number };

/** Every metric read of a tree, left to right. */
export function metricsOf(expr: Expr): readonly MetricExpr[] {
  switch (expr.kind) {
    case 'metric':
      return [expr];
    case 'scalar':
      return [];
    case 'binary':
      return [...metricsOf(expr.left), ...metricsOf(expr.right)];
    case 'topNOf':
      return expr.lists.map((list) => list.of);
    case 'viewAsSeq':
    case 'isPresent':
      return expr.of.flatMap(metricsOf);
    default:
      return metricsOf(expr.of);
  }
}
