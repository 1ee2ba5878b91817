// SPDX-License-Identifier: Apache-2.0
// The tree of a parsed expression. Columns are 1-based and point at what an error should name.

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%';
export type CompareOp = '>' | '>=' | '<' | '<=' | '==' | '!=';
export type BinaryOp = ArithmeticOp | CompareOp;
export type AggregateName = 'avg' | 'count' | 'latest' | 'sum' | 'max' | 'min';
export type MathName = 'abs' | 'ceil' | 'floor';

/** `label='a,b'`: the values are split at commas and trimmed. */
export interface LabelArg {
  readonly label: string;
  readonly values: readonly string[];
  readonly column: number;
}

export interface MetricExpr {
  readonly kind: 'metric';
  readonly name: string;
  readonly labels: readonly LabelArg[];
  readonly column: number;
  /** Column where one more label would be written: just after the name, or at the closing brace. */
  readonly labelColumn: number;
}

/** `attr0='GENERAL'`; `negated` for `!=`. */
export interface AttributeArg {
  readonly name: string;
  readonly value: string;
  readonly negated: boolean;
  readonly column: number;
}

export type Expr =
  | MetricExpr
  | { readonly kind: 'scalar'; readonly value: bigint | number; readonly column: number }
  | {
      readonly kind: 'binary';
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
      readonly column: number;
    }
  | { readonly kind: 'aggregate'; readonly name: AggregateName; readonly of: Expr; readonly column: number }
  | { readonly kind: 'math'; readonly name: MathName; readonly of: Expr; readonly column: number }
  | { readonly kind: 'round'; readonly of: Expr; readonly places: number; readonly column: number }
  | {
      readonly kind: 'topN';
      readonly of: MetricExpr;
      readonly n: number;
      readonly order: 'asc' | 'des';
      readonly attributes: readonly AttributeArg[];
      readonly column: number;
    }
  | {
      readonly kind: 'relabels';
      readonly of: Expr;
      readonly from: LabelArg;
      readonly to: LabelArg;
      readonly column: number;
    };
