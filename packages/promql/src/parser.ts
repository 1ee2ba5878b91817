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
  type BinaryOp,
  type Call,
  type Expr,
  type Matching,
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
  /** Nested expressions, and brackets in the text. */
  readonly depthMax: number;
}

export const DEFAULT_PARSE_LIMITS: ParseLimits = { lengthMax: 16_384, depthMax: 128 };

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

class Parser {
  readonly #text: string;
  readonly #limits: ParseLimits;
  #depth = 0;

  constructor(text: string, limits: ParseLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  parse(): Expr {
    if (this.#text.trim() === '') throw this.#fail('no expression found in input', 0);
    const tree = grammar.parse(this.#text);
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
    const expr = this.#exprOf(node);
    this.#depth--;
    return expr;
  }

  #exprOf(node: SyntaxNode): Expr {
    const parts = children(node);
    const offset = node.from;
    switch (node.name) {
      case 'NumberDurationLiteral':
        return { kind: 'number', value: this.#number(node), text: this.#textOf(node), offset };
      case 'StringLiteral':
        return { kind: 'string', value: this.#string(node), offset };
      case 'ParenExpr':
        return { kind: 'paren', of: this.#expr(parts[0]!), offset };
      case 'UnaryExpr':
        return { kind: 'unary', op: this.#textOf(parts[0]!) === '-' ? '-' : '+', of: this.#expr(parts[1]!), offset };
      case 'VectorSelector':
        return this.#selector(node, parts);
      case 'MatrixSelector': {
        const selector = this.#expr(parts[0]!);
        if (selector.kind !== 'selector') throw this.#fail('ranges only allowed for vector selectors', offset);
        if (selector.offsetMs !== 0) throw this.#fail('no offset modifiers allowed before range', offset);
        if (selector.at !== undefined) throw this.#fail('no @ modifiers allowed before range', offset);
        return { kind: 'matrix', selector, rangeMs: this.#positiveDuration(parts[1]!), offset };
      }
      case 'SubqueryExpr': {
        const [range, step] = parts.slice(1);
        return {
          kind: 'subquery',
          of: this.#expr(parts[0]!),
          rangeMs: this.#positiveDuration(range!),
          stepMs: step ? this.#positiveDuration(step) : undefined,
          offsetMs: 0,
          at: undefined,
          offset,
        };
      }
      case 'OffsetExpr':
        return this.#shifted(this.#expr(parts[0]!), { offsetMs: this.#duration(parts[2]!) }, parts[1]!);
      case 'StepInvariantExpr':
        return this.#shifted(this.#expr(parts[0]!), { at: this.#at(parts[2]!) }, parts[1]!);
      case 'BinaryExpr':
        return this.#binary(parts, offset);
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
    const seconds = tryParseNumber(text);
    if (seconds === undefined || !Number.isSafeInteger(Math.round(seconds * 1000))) {
      throw this.#fail(`timestamp out of bounds for @ modifier: ${text}`, node.from);
    }
    return Math.round(seconds * 1000);
  }

  #binary(parts: readonly SyntaxNode[], offset: number): Expr {
    const [left, operator] = parts as [SyntaxNode, SyntaxNode];
    const op = BINARY[operator.name];
    if (op === undefined) throw this.#fail(`${quote(this.#textOf(operator))} is not supported`, operator.from);
    let bool = false;
    let matching: Matching | undefined;
    for (const part of parts.slice(2, -1)) {
      if (part.name === 'BoolModifier') bool = true;
      else if (part.name === 'MatchingModifierClause') matching = this.#matching(children(part));
      else throw this.#fail(`${quote(this.#textOf(part))} is not supported`, part.from);
    }
    return { kind: 'binary', op, left: this.#expr(left), right: this.#expr(parts.at(-1)!), bool, matching, offset };
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

  /** A literal; a duration is its seconds, as in newer Prometheus. */
  #number(node: SyntaxNode): number {
    const text = this.#textOf(node);
    const value = tryParseNumber(text);
    if (value !== undefined) return value;
    const ms = tryParseDuration(text);
    if (ms === undefined) throw this.#fail(`bad number or duration syntax: ${quote(text)}`, node.from);
    return ms / 1000;
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
