// SPDX-License-Identifier: Apache-2.0
// Text -> syntax tree. The grammar is Prometheus' own (lezer-promql); here its tolerant tree becomes a strict one, and what newer
// releases of Prometheus have and this engine has not is refused by name.
import type { SyntaxNode } from '@lezer/common';
import { parser as grammar } from '@prometheus-io/lezer-promql';
import {
  AGGREGATORS,
  type Aggregation,
  type Aggregator,
  type At,
  type BinaryExpr,
  type BinaryOp,
  type Call,
  type Expr,
  type Matching,
  type NumberLiteral,
  type VectorSelector,
} from './ast.js';
import { checkTypes } from './check.js';
import { tryParseDuration } from './duration.js';
import { PromqlSyntaxError } from './errors.js';
import { METRIC_NAME, quote } from './labels.js';
import { compileMatcher, type Matcher, type MatchOp } from './matcher.js';
import { tryParseNumber } from './number.js';
import { tryUnquote } from './quoted.js';
import { SIGNATURES } from './signatures.js';

export interface ParseLimits {
  readonly lengthMax: number;
  /** Expressions inside expressions, and how many there are in all. */
  readonly depthMax: number;
  readonly partsMax: number;
}

export const DEFAULT_PARSE_LIMITS: ParseLimits = { lengthMax: 16_384, depthMax: 128, partsMax: 500 };

/** Errors: PromqlSyntaxError, with the place. Whatever the text, nothing else is thrown. */
export function parsePromql(text: string, limits: ParseLimits = DEFAULT_PARSE_LIMITS): Expr {
  if (text.length > limits.lengthMax) {
    throw new PromqlSyntaxError(
      `the expression has ${text.length} characters, the limit is ${limits.lengthMax}`,
      '',
      0,
    );
  }
  return new Parser(text, limits).parse();
}

/** The one selector in a `match[]` parameter. Errors: PromqlSyntaxError when it is anything else. */
export function parseSelector(text: string, limits: ParseLimits = DEFAULT_PARSE_LIMITS): VectorSelector {
  const expr = parsePromql(text, limits);
  if (expr.kind !== 'selector' || expr.offsetMs !== 0 || expr.at !== undefined) {
    throw new PromqlSyntaxError(`${quote(text)} is not a series selector`, text, 0);
  }
  return expr;
}

const BINARY: Readonly<Record<string, BinaryOp>> = {
  Add: '+',
  Sub: '-',
  Mul: '*',
  Div: '/',
  Mod: '%',
  Pow: '^',
  Atan2: 'atan2',
  Eql: '==',
  Neq: '!=',
  Gtr: '>',
  Lss: '<',
  Gte: '>=',
  Lte: '<=',
  And: 'and',
  Or: 'or',
  Unless: 'unless',
};

const MATCH_OPS: Readonly<Record<string, MatchOp>> = { EqlSingle: '=', Neq: '!=', EqlRegex: '=~', NeqRegex: '!~' };

interface UnaryOperator {
  readonly kind: 'unary operator';
  readonly op: '+' | '-';
  readonly offset: number;
}

interface BinaryOperator extends Pick<BinaryExpr, 'op' | 'bool' | 'matching' | 'offset'> {
  readonly kind: 'operator';
}

type Operation = Expr | UnaryOperator | BinaryOperator;

/** Higher binds tighter; `^` alone from the right. A sign binds like `*`, so -2 ^ 2 is -(2 ^ 2). */
const PRECEDENCE: Readonly<Record<BinaryOp, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '>': 3,
  '<': 3,
  '>=': 3,
  '<=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
};

/** Puts a line of operands and operators together. */
class Climber {
  readonly #line: readonly Operation[];
  #at = 0;

  constructor(line: readonly Operation[]) {
    this.#line = line;
  }

  /** Everything from here on that binds tighter than `above`. */
  expression(above: number): Expr {
    const next = this.#line[this.#at++]!;
    let left: Expr;
    if (next.kind === 'unary operator') {
      left = { kind: 'unary', op: next.op, of: this.expression(PRECEDENCE['*']), offset: next.offset };
    } else left = next as Expr;
    for (;;) {
      const operator = this.#line[this.#at];
      if (operator?.kind !== 'operator' || PRECEDENCE[operator.op] <= above) return left;
      this.#at++;
      const { op, bool, matching } = operator;
      const right = this.expression(PRECEDENCE[op] - (op === '^' ? 1 : 0));
      left = { kind: 'binary', op, left, right, bool, matching, offset: left.offset };
    }
  }
}

class Parser {
  readonly #text: string;
  readonly #limits: ParseLimits;
  #depth = 0;
  #parts = 0;

  constructor(text: string, limits: ParseLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  parse(): Expr {
    if (this.#text.replace(/^\s*#.*$/gm, '').trim() === '') throw this.#fail('no expression found in input', 0);
    // The grammar knows holt_winters by its newer name only: a function of the same length stands in, names are read from the text.
    const tree = grammar.parse(this.#text.replace(/\bholt_winters(?=\s*\()/g, 'day_of_month'));
    const cursor = tree.cursor();
    do if (cursor.type.isError) throw this.#unexpected(cursor.node);
    while (cursor.next());
    const top = children(tree.topNode)[0];
    if (!top) throw this.#fail('no expression found in input', 0);
    const expr = this.#expr(top);
    checkTypes(expr, this.#text);
    return expr;
  }

  #fail(reason: string, offset: number): PromqlSyntaxError {
    return new PromqlSyntaxError(reason, this.#text, offset);
  }

  #unexpected(node: SyntaxNode): PromqlSyntaxError {
    const call = /([a-zA-Z_]\w*)\s*$/.exec(this.#text.slice(0, node.from));
    const here = this.#textOf(node) || this.#text.slice(node.from).trimStart().slice(0, 20);
    if (call && here.startsWith('(') && !SIGNATURES.has(call[1]!) && !AGGREGATORS.some((a) => a === call[1])) {
      return this.#fail(`unknown function with name ${quote(call[1]!)}`, call.index);
    }
    return this.#fail(here === '' ? 'unexpected end of input' : `unexpected ${quote(here)}`, node.from);
  }

  #textOf({ from, to }: SyntaxNode): string {
    return this.#text.slice(from, to);
  }

  #expr(node: SyntaxNode): Expr {
    if (++this.#depth > this.#limits.depthMax) {
      throw this.#fail(`the expression is nested more than ${this.#limits.depthMax} deep`, node.from);
    }
    if (++this.#parts > this.#limits.partsMax) {
      throw this.#fail(`the expression has more than ${this.#limits.partsMax} parts`, node.from);
    }
    const expr = this.#exprOf(node);
    this.#depth--;
    return expr;
  }

  #exprOf(node: SyntaxNode): Expr {
    const parts = children(node);
    const offset = node.from;
    switch (node.name) {
      case 'NumberDurationLiteral':
        return /^[+-]/.test(this.#textOf(node)) ? this.#operation(node) : this.#number(node);
      case 'StringLiteral':
        return { kind: 'string', value: this.#string(node), offset };
      case 'ParenExpr':
        return { kind: 'paren', of: this.#expr(parts[0]!), offset };
      case 'VectorSelector':
        return this.#selector(node, parts);
      case 'UnaryExpr':
      case 'BinaryExpr':
      case 'MatrixSelector':
      case 'SubqueryExpr':
      case 'OffsetExpr':
      case 'StepInvariantExpr':
        return this.#operation(node);
      case 'AggregateExpr':
        return this.#aggregation(parts, offset);
      case 'FunctionCall':
        return this.#call(parts, offset);
      default:
        throw this.#fail(`${quote(this.#textOf(node))} is not supported`, offset);
    }
  }

  #selector(node: SyntaxNode, parts: readonly SyntaxNode[]): VectorSelector {
    let name: string | undefined;
    const matchers: Matcher[] = [];
    const named = (text: string, at: SyntaxNode) => {
      if (name !== undefined)
        throw this.#fail(`metric name must not be set twice: ${quote(name)} or ${quote(text)}`, at.from);
      name = text;
      matchers.push({ name: METRIC_NAME, op: '=', value: text });
    };
    for (const part of parts) {
      if (part.name === 'Identifier') named(this.#textOf(part), part);
      for (const matcher of part.name === 'LabelMatchers' ? children(part) : []) {
        if (matcher.name === 'QuotedLabelName') named(this.#string(children(matcher)[0]!), matcher);
        else {
          const found = this.#matcher(matcher);
          if (found.name === METRIC_NAME && name !== undefined) {
            throw this.#fail(
              `metric name must not be set twice: ${quote(name)} or ${quote(found.value)}`,
              matcher.from,
            );
          }
          matchers.push(found);
        }
      }
    }
    // a selector that an absent metric would satisfy reads everything: Prometheus refuses it, too
    if (matchers.every((m) => compileMatcher(m).matches(''))) {
      throw this.#fail('vector selector must contain at least one non-empty matcher', node.from);
    }
    return { kind: 'selector', name, matchers, offsetMs: 0, at: undefined, offset: node.from };
  }

  #matcher(node: SyntaxNode): Matcher {
    const [label, op, value] = children(node) as [SyntaxNode, SyntaxNode, SyntaxNode];
    const name = label.name === 'QuotedLabelName' ? this.#string(children(label)[0]!) : this.#textOf(label);
    const matcher = { name, op: MATCH_OPS[children(op)[0]!.name]!, value: this.#string(value) };
    try {
      compileMatcher(matcher);
    } catch (error) {
      throw this.#fail((error as Error).message, value.from);
    }
    return matcher;
  }

  #shifted(of: Expr, shift: { readonly offsetMs: number } | { readonly at: At }, modifier: SyntaxNode): Expr {
    const what = 'at' in shift ? '@' : 'offset';
    const once = (target: { readonly offsetMs: number; readonly at: At | undefined }) => {
      if ('at' in shift ? target.at !== undefined : target.offsetMs !== 0) {
        throw this.#fail(`${what} may not be set multiple times`, modifier.from);
      }
    };
    switch (of.kind) {
      case 'selector':
      case 'subquery':
        once(of);
        return { ...of, ...shift };
      case 'matrix':
        once(of.selector);
        return { ...of, selector: { ...of.selector, ...shift } };
      default:
        throw this.#fail(
          `${what} modifier must be preceded by an instant vector selector or range vector selector or a subquery`,
          modifier.from,
        );
    }
  }

  #at(node: SyntaxNode): At {
    const text = this.#textOf(node);
    if (node.name === 'AtModifierPreprocessors') return text.startsWith('start') ? 'start' : 'end';
    const seconds = tryParseNumber(text.replace(/\s/g, ''));
    if (seconds === undefined || !Number.isSafeInteger(Math.round(seconds * 1000))) {
      throw this.#fail(`timestamp out of bounds for @ modifier: ${text}`, node.from);
    }
    return Math.round(seconds * 1000);
  }

  /**
   * Operands and operators in the order of the text, put together by their precedence. The tree of the grammar is not used for that: it
   * lets what stands behind an operand (a range, offset, @) bind more loosely than any operator, which an editor does not mind.
   */
  #operation(node: SyntaxNode): Expr {
    const line: Operation[] = [];
    this.#flatten(node, line);
    return new Climber(line).expression(0);
  }

  #flatten(node: SyntaxNode, line: Operation[]): void {
    // what a long sum is nested in is on its left: no recursion there
    const after: (() => void)[] = [];
    for (let left: SyntaxNode | undefined = node; left;) {
      const parts = children(left);
      const offset = left.from;
      switch (left.name) {
        case 'BinaryExpr': {
          const operator = this.#operator(parts);
          after.push(() => {
            line.push(operator);
            this.#flatten(parts.at(-1)!, line);
          });
          left = parts[0];
          break;
        }
        case 'UnaryExpr':
          line.push({ kind: 'unary operator', op: this.#textOf(parts[0]!) === '-' ? '-' : '+', offset });
          left = parts[1];
          break;
        case 'MatrixSelector':
        case 'SubqueryExpr':
        case 'OffsetExpr':
        case 'StepInvariantExpr':
          after.push(this.#appending(left.name, parts, line));
          left = parts[0];
          break;
        case 'NumberDurationLiteral': {
          // a sign in front is part of the grammar's literal, but binds less than ^
          const sign = this.#textOf(left)[0];
          if (sign === '-' || sign === '+') line.push({ kind: 'unary operator', op: sign, offset });
          line.push(this.#number(left));
          left = undefined;
          break;
        }
        default:
          line.push(this.#expr(left));
          left = undefined;
      }
    }
    while (after.length > 0) after.pop()!();
  }

  #appending(name: string, parts: readonly SyntaxNode[], line: Operation[]): () => void {
    return () => {
      const operand = line.pop() as Expr; // the last of a line is always an operand
      line.push(this.#postfix(name, operand, parts));
    };
  }

  #operator(parts: readonly SyntaxNode[]): BinaryOperator {
    const operator = parts[1]!;
    const op = BINARY[operator.name];
    if (op === undefined) throw this.#fail(`${quote(this.#textOf(operator))} is not supported`, operator.from);
    let bool = false;
    let matching: Matching | undefined;
    for (const part of parts.slice(2, -1)) {
      if (part.name === 'BoolModifier') bool = true;
      else if (part.name === 'MatchingModifierClause') matching = this.#matching(children(part));
      else throw this.#fail(`${quote(this.#textOf(part))} is not supported`, part.from);
    }
    return { kind: 'operator', op, bool, matching, offset: operator.from };
  }

  /** An operand with what stands behind it. */
  #postfix(name: string, of: Expr, parts: readonly SyntaxNode[]): Expr {
    const { offset } = of;
    switch (name) {
      case 'MatrixSelector':
        if (of.kind !== 'selector') throw this.#fail('ranges only allowed for vector selectors', parts[1]!.from);
        if (of.offsetMs !== 0) throw this.#fail('no offset modifiers allowed before range', parts[1]!.from);
        if (of.at !== undefined) throw this.#fail('no @ modifiers allowed before range', parts[1]!.from);
        return { kind: 'matrix', selector: of, rangeMs: this.#positiveDuration(parts[1]!), offset };
      case 'SubqueryExpr': {
        const rangeMs = this.#positiveDuration(parts[1]!);
        const stepMs = parts[2] ? this.#positiveDuration(parts[2]) : undefined;
        return { kind: 'subquery', of, rangeMs, stepMs, offsetMs: 0, at: undefined, offset };
      }
      case 'OffsetExpr':
        return this.#shifted(of, { offsetMs: this.#duration(parts[2]!) }, parts[1]!);
      default:
        return this.#shifted(of, { at: this.#at(parts[2]!) }, parts[1]!);
    }
  }

  #matching(parts: readonly SyntaxNode[]): Matching {
    const [kind, labels, group, include] = parts as [SyntaxNode, SyntaxNode, SyntaxNode?, SyntaxNode?];
    return {
      on: kind.name === 'On',
      labels: this.#labelList(labels),
      cardinality: group === undefined ? 'one-to-one' : group.name === 'GroupLeft' ? 'many-to-one' : 'one-to-many',
      include: include ? this.#labelList(include) : [],
    };
  }

  #aggregation(parts: readonly SyntaxNode[], offset: number): Aggregation {
    const name = this.#textOf(parts[0]!).toLowerCase();
    if (!AGGREGATORS.some((a) => a === name)) throw this.#fail(`aggregation ${quote(name)} is not supported`, offset);
    const op = name as Aggregator;
    const modifier = parts.find((p) => p.name === 'AggregateModifier');
    const args = children(parts.find((p) => p.name === 'FunctionCallBody')!).map((arg) => this.#expr(arg));
    const wanted = op === 'topk' || op === 'bottomk' || op === 'quantile' || op === 'count_values' ? 2 : 1;
    if (args.length !== wanted) {
      throw this.#fail(
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
        offset,
      );
    }
    const [kind, labels] = modifier ? children(modifier) : [];
    return {
      kind: 'aggregate',
      op,
      of: args.at(-1)!,
      param: wanted === 2 ? args[0]! : undefined,
      without: kind?.name === 'Without',
      grouping: labels ? this.#labelList(labels) : [],
      offset,
    };
  }

  #call(parts: readonly SyntaxNode[], offset: number): Call {
    const name = this.#textOf(parts[0]!);
    if (!SIGNATURES.has(name)) throw this.#fail(`function ${quote(name)} is not supported`, offset);
    return { kind: 'call', name, args: children(parts[1]!).map((arg) => this.#expr(arg)), offset };
  }

  #labelList(node: SyntaxNode): string[] {
    return children(node).map((label) =>
      label.name === 'QuotedLabelName' ? this.#string(children(label)[0]!) : this.#textOf(label),
    );
  }

  #string(node: SyntaxNode): string {
    const text = tryUnquote(this.#textOf(node));
    if (text === undefined) throw this.#fail(`invalid string literal ${this.#textOf(node)}`, node.from);
    return text;
  }

  /** A literal without its sign; a duration is its seconds, as in newer Prometheus. */
  #number(node: SyntaxNode): NumberLiteral {
    const text = this.#textOf(node).replace(/^[+-]\s*/, '');
    const ms = tryParseDuration(text);
    const value = tryParseNumber(text) ?? (ms === undefined ? undefined : ms / 1000);
    if (value === undefined) throw this.#fail(`bad number or duration syntax: ${quote(text)}`, node.from);
    return { kind: 'number', value, text, offset: node.from };
  }

  #duration(node: SyntaxNode): number {
    const text = this.#textOf(node);
    const negative = text.startsWith('-');
    const unsigned = text.replace(/^[+-]\s*/, '');
    const seconds = tryParseNumber(unsigned);
    const ms = tryParseDuration(unsigned) ?? (seconds === undefined ? undefined : Math.round(seconds * 1000));
    if (ms === undefined || !Number.isSafeInteger(ms)) {
      throw this.#fail(`not a valid duration string: ${quote(text)}`, node.from);
    }
    return negative && ms !== 0 ? -ms : ms;
  }

  #positiveDuration(node: SyntaxNode): number {
    const ms = this.#duration(node);
    if (ms <= 0) throw this.#fail('duration must be greater than 0', node.from);
    return ms;
  }
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'LineComment') found.push(child);
  }
  return found;
}
