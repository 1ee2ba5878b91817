// SPDX-License-Identifier: Apache-2.0
// The syntax tree of PromQL. `offset` of a node is its 0-based place in the text, for messages.
import type { Matcher } from './matcher.js';

export type ValueType = 'scalar' | 'string' | 'instant vector' | 'range vector';

/** `@ <seconds>` as epoch ms, `@ start()`, `@ end()`. */
export type At = number | 'start' | 'end';

/** Where a selector or subquery looks, beside the time of the step. `offsetMs` is positive for the past. */
export interface Shift {
  readonly offsetMs: number;
  readonly at: At | undefined;
}

interface Node {
  readonly offset: number;
}

export interface NumberLiteral extends Node {
  readonly kind: 'number';
  readonly value: number;
  /** As it was written. */
  readonly text: string;
}

export interface StringLiteral extends Node {
  readonly kind: 'string';
  readonly value: string;
}

export interface VectorSelector extends Node, Shift {
  readonly kind: 'selector';
  /** The name before the braces; it is also among the matchers. */
  readonly name: string | undefined;
  readonly matchers: readonly Matcher[];
}

export interface MatrixSelector extends Node {
  readonly kind: 'matrix';
  readonly selector: VectorSelector;
  readonly rangeMs: number;
}

export interface Subquery extends Node, Shift {
  readonly kind: 'subquery';
  readonly of: Expr;
  readonly rangeMs: number;
  /** Undefined: the default step of the engine. */
  readonly stepMs: number | undefined;
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
}

export const AGGREGATORS = [
  'sum',
  'min',
  'max',
  'avg',
  'group',
  'stddev',
  'stdvar',
  'count',
  'count_values',
  'bottomk',
  'topk',
  'quantile',
] as const;

export type Aggregator = (typeof AGGREGATORS)[number];

export interface Aggregation extends Node {
  readonly kind: 'aggregate';
  readonly op: Aggregator;
  readonly of: Expr;
  /** Of topk, bottomk, quantile (a scalar) and count_values (a string). */
  readonly param: Expr | undefined;
  readonly without: boolean;
  readonly grouping: readonly string[];
}

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2';
export type ComparisonOp = '==' | '!=' | '>' | '<' | '>=' | '<=';
export type SetOp = 'and' | 'or' | 'unless';
export type BinaryOp = ArithmeticOp | ComparisonOp | SetOp;

export interface Matching {
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly cardinality: 'one-to-one' | 'many-to-one' | 'one-to-many';
  /** Labels of group_left or group_right, taken from the "one" side. */
  readonly include: readonly string[];
}

export interface BinaryExpr extends Node {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly bool: boolean;
  /** Undefined where nothing was written: one-to-one, ignoring no label. */
  readonly matching: Matching | undefined;
}

export interface UnaryExpr extends Node {
  readonly kind: 'unary';
  readonly op: '+' | '-';
  readonly of: Expr;
}

export interface ParenExpr extends Node {
  readonly kind: 'paren';
  readonly of: Expr;
}

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | BinaryExpr
  | UnaryExpr
  | ParenExpr;

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<=']);
const SET_OPS: ReadonlySet<string> = new Set(['and', 'or', 'unless']);

export function isComparison(op: BinaryOp): op is ComparisonOp {
  return COMPARISONS.has(op);
}

export function isSetOp(op: BinaryOp): op is SetOp {
  return SET_OPS.has(op);
}

/** Inside any parentheses. */
export function unwrapParens(expr: Expr): Expr {
  return expr.kind === 'paren' ? unwrapParens(expr.of) : expr;
}
