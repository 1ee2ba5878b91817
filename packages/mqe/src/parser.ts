// SPDX-License-Identifier: Apache-2.0
// Tokens -> tree, by recursive descent. Binding, tightest first: `* / %`, `+ -`, comparisons, `&& ||`; all left associative.
// Source: SkyWalking's MQEParser.g4, and `merged`, which is our own (docs/query.md).
import type {
  AggregateName,
  AttributeArg,
  BaselineName,
  BinaryOp,
  Expr,
  LabelAggregateName,
  LabelArg,
  LabelName,
  MathName,
  MetricExpr,
  Order,
  TopNExpr,
  TrendName,
} from './ast.js';
import { didYouMean, MqeError } from './errors.js';
import { tokenize, type Token } from './lexer.js';

const AGGREGATES: readonly AggregateName[] = ['avg', 'count', 'latest', 'sum', 'max', 'min'];
const LABEL_AGGREGATES: readonly LabelAggregateName[] = ['avg', 'sum', 'max', 'min'];
const MATHS: readonly MathName[] = ['abs', 'ceil', 'floor'];
const TRENDS: readonly TrendName[] = ['increase', 'rate'];
const BASELINES: readonly BaselineName[] = ['value', 'upper', 'lower'];
const ORDERS: readonly Order[] = ['asc', 'des'];
const FUNCTIONS: readonly string[] = [
  ...AGGREGATES,
  ...MATHS,
  ...TRENDS,
  'round',
  'merged',
  'top_n',
  'top_n_of',
  'relabels',
  'aggregate_labels',
  'sort_values',
  'sort_label_values',
  'view_as_seq',
  'is_present',
  'baseline',
];

const LEVELS: readonly ReadonlySet<string>[] = [
  new Set(['&&', '||']),
  new Set(['>', '>=', '<', '<=', '==', '!=']),
  new Set(['+', '-']),
  new Set(['*', '/', '%']),
];
const COMPARE_LEVEL = 1;

// Parentheses and calls inside each other; keeps the recursion of parser and evaluator short.
const NESTING_MAX = 32;
const ROUND_PLACES_MAX = 12;
const TOP_N_MAX = 1_000;
// A day of minutes: what is read before the range to find what it grew from.
const TREND_STEPS_MAX = 1_440;

/** Parses an expression. Errors: MqeError with the column of the first thing that cannot be. */
export function parseMqe(expression: string): Expr {
  return new Parser(tokenize(expression)).parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Expr {
    if (this.#peek().kind === 'end') throw new MqeError('The expression is empty', 1);
    const expr = this.#binary(0);
    if (this.#peek().kind !== 'end') throw this.#unexpected('an operator or the end of the expression');
    return expr;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  #unexpected(expected: string): MqeError {
    const { kind, text, column } = this.#peek();
    const found = kind === 'end' ? text : kind === 'string' ? `the string '${text}'` : `"${text}"`;
    return new MqeError(`Expected ${expected}, got ${found}`, column);
  }

  #symbol(symbol: string): Token {
    if (!this.#isSymbol(symbol)) throw this.#unexpected(`"${symbol}"`);
    return this.#next();
  }

  #isSymbol(symbol: string): boolean {
    const token = this.#peek();
    return token.kind === 'symbol' && token.text === symbol;
  }

  #binary(level: number): Expr {
    const ops = LEVELS[level];
    if (ops === undefined) return this.#atom();
    let left = this.#binary(level + 1);
    for (let token = this.#peek(); token.kind === 'symbol' && ops.has(token.text); token = this.#peek()) {
      this.#next();
      const after = this.#peek();
      // `> bool 5`: the word is allowed and changes nothing, comparisons always answer 1 or 0
      if (level === COMPARE_LEVEL && after.kind === 'name' && after.text.toLowerCase() === 'bool') this.#next();
      left = {
        kind: 'binary',
        op: token.text as BinaryOp,
        left,
        right: this.#binary(level + 1),
        column: token.column,
      };
    }
    return left;
  }

  #nested<T>(column: number, parse: () => T): T {
    if (++this.#nesting > NESTING_MAX) throw new MqeError(`More than ${NESTING_MAX} levels of parentheses`, column);
    const result = parse();
    this.#nesting--;
    return result;
  }

  #atom(): Expr {
    const token = this.#peek();
    switch (token.kind) {
      case 'integer':
        this.#next();
        return { kind: 'scalar', value: BigInt(token.text), column: token.column };
      case 'decimal':
        this.#next();
        return { kind: 'scalar', value: Number(token.text), column: token.column };
      case 'name': {
        const after = this.#tokens[this.#at + 1]!;
        const isCall = after.kind === 'symbol' && after.text === '(';
        if (isCall) return this.#nested(token.column, () => this.#call());
        if (FUNCTIONS.includes(token.text)) {
          this.#next();
          throw this.#unexpected(`"(" after the function ${token.text}`);
        }
        return this.#metric();
      }
      case 'symbol':
        if (token.text === '(') {
          return this.#nested(token.column, () => {
            this.#next();
            const inner = this.#binary(0);
            this.#symbol(')');
            return inner;
          });
        }
        if (token.text === '-') {
          throw new MqeError('MQE has no unary minus: write (0 - x) instead', token.column);
        }
        break;
      default:
        break;
    }
    throw this.#unexpected('a metric, a number, a function or "("');
  }

  #metric(): MetricExpr {
    if (this.#peek().kind !== 'name') throw this.#unexpected('a metric name');
    const name = this.#next();
    const labels: LabelArg[] = [];
    const { text, column, end } = name;
    if (!this.#isSymbol('{')) {
      return { kind: 'metric', name: text, labels, column, labelColumn: end, endColumn: end };
    }
    this.#next();
    while (!this.#isSymbol('}') || labels.length > 0) {
      const label = this.#label();
      if (labels.some((l) => l.label === label.label)) {
        throw new MqeError(`Label ${label.label} is given twice`, label.column);
      }
      labels.push(label);
      if (!this.#isSymbol(',')) break;
      this.#next();
    }
    const close = this.#symbol('}');
    return { kind: 'metric', name: text, labels, column, labelColumn: close.column, endColumn: close.end };
  }

  #label(): LabelArg {
    if (this.#peek().kind !== 'name') throw this.#unexpected('a label name');
    const label = this.#next();
    this.#symbol('=');
    if (this.#peek().kind !== 'string') throw this.#unexpected(`a quoted value of label ${label.text}`);
    const values = this.#next()
      .text.split(',')
      .map((v) => v.trim());
    return { label: label.text, values, column: label.column };
  }

  #integer(what: string, min: number, max: number): number {
    const token = this.#peek();
    if (token.kind !== 'integer') throw this.#unexpected(what);
    this.#next();
    const value = Number(token.text);
    if (value < min || value > max) {
      throw new MqeError(`Expected ${what} from ${min} to ${max}, got ${token.text}`, token.column);
    }
    return value;
  }

  /** One of a few words, in any case where SkyWalking's lexer allows that. */
  #word<Word extends string>(words: readonly Word[], what: string, fold = false): Word {
    const token = this.#peek();
    const text = fold ? token.text.toLowerCase() : token.text;
    const word = token.kind === 'name' ? words.find((w) => w === text) : undefined;
    if (word === undefined) throw this.#unexpected(what);
    this.#next();
    return word;
  }

  #order(): Order {
    return this.#word(ORDERS, 'asc or des', true);
  }

  /** `name, name, ...` */
  #labelNames(): LabelName[] {
    const names: LabelName[] = [];
    do {
      if (names.length > 0) this.#next();
      if (this.#peek().kind !== 'name') throw this.#unexpected('a label name');
      const { text, column } = this.#next();
      names.push({ label: text, column });
    } while (this.#isSymbol(','));
    return names;
  }

  #call(): Expr {
    const { text: name, column } = this.#next();
    this.#symbol('(');
    const expr = this.#arguments(name, column);
    this.#symbol(')');
    return expr;
  }

  #arguments(name: string, column: number): Expr {
    const aggregate = AGGREGATES.find((n) => n === name);
    if (aggregate !== undefined) return { kind: 'aggregate', name: aggregate, of: this.#binary(0), column };
    const math = MATHS.find((n) => n === name);
    if (math !== undefined) return { kind: 'math', name: math, of: this.#binary(0), column };
    const trend = TRENDS.find((n) => n === name);
    if (trend !== undefined) {
      const of = this.#bareMetric(name);
      this.#symbol(',');
      return { kind: 'trend', name: trend, of, steps: this.#integer('a number of steps', 1, TREND_STEPS_MAX), column };
    }
    switch (name) {
      case 'round': {
        const of = this.#binary(0);
        this.#symbol(',');
        return { kind: 'round', of, places: this.#integer('a number of places', 0, ROUND_PLACES_MAX), column };
      }
      case 'merged':
        return { kind: 'merged', of: this.#bareMetric(name), column };
      case 'baseline': {
        const of = this.#bareMetric(name);
        this.#symbol(',');
        return { kind: 'baseline', of, name: this.#word(BASELINES, 'value, upper or lower'), column };
      }
      case 'relabels':
        return this.#relabels(column);
      case 'aggregate_labels':
        return this.#aggregateLabels(column);
      case 'sort_values': {
        const of = this.#binary(0);
        this.#symbol(',');
        const n = this.#integer('a number of label sets', 1, TOP_N_MAX);
        this.#symbol(',');
        const order = this.#order();
        this.#symbol(',');
        return { kind: 'sortValues', of, n, order, by: this.#word(AGGREGATES, AGGREGATES.join(', ')), column };
      }
      case 'sort_label_values': {
        const of = this.#binary(0);
        this.#symbol(',');
        const order = this.#order();
        this.#symbol(',');
        return { kind: 'sortLabelValues', of, order, labels: this.#labelNames(), column };
      }
      case 'view_as_seq':
      case 'is_present': {
        const of = [this.#binary(0)];
        while (this.#isSymbol(',')) {
          this.#next();
          of.push(this.#binary(0));
        }
        return { kind: name === 'is_present' ? 'isPresent' : 'viewAsSeq', of, column };
      }
      case 'top_n':
        return this.#topN(column);
      case 'top_n_of':
        return this.#topNOf(column);
      default:
        throw new MqeError(`Function ${name} does not exist.${didYouMean(name, FUNCTIONS)}`, column);
    }
  }

  /** A metric and nothing else: the function needs its stored fields, or reads before the range. */
  #bareMetric(name: string): MetricExpr {
    const metric = this.#metric();
    if (!this.#isSymbol(',') && !this.#isSymbol(')')) {
      throw new MqeError(`${name} takes a metric alone, not an expression`, this.#peek().column);
    }
    return metric;
  }

  #relabels(column: number): Expr {
    const of = this.#binary(0);
    this.#symbol(',');
    const from = this.#label();
    this.#symbol(',');
    const to = this.#label();
    if (from.values.length !== to.values.length) {
      throw new MqeError(`relabels maps ${from.values.length} values to ${to.values.length}`, to.column);
    }
    return { kind: 'relabels', of, from, to, column };
  }

  #aggregateLabels(column: number): Expr {
    const of = this.#binary(0);
    this.#symbol(',');
    const name = this.#word(LABEL_AGGREGATES, LABEL_AGGREGATES.join(', '));
    if (!this.#isSymbol('(')) return { kind: 'aggregateLabels', of, name, keep: [], column };
    this.#next();
    const keep = this.#labelNames();
    this.#symbol(')');
    return { kind: 'aggregateLabels', of, name, keep, column };
  }

  #topN(column: number): TopNExpr {
    const after = this.#tokens[this.#at + 1];
    const isMerged = this.#peek().text === 'merged' && after?.text === '(';
    if (isMerged) {
      this.#next();
      this.#next();
    }
    const of = this.#bareMetric(isMerged ? 'merged' : 'top_n');
    if (isMerged) this.#symbol(')');
    this.#symbol(',');
    const n = this.#integer('a number of entities', 1, TOP_N_MAX);
    this.#symbol(',');
    const order = this.#order();
    const attributes: AttributeArg[] = [];
    while (this.#isSymbol(',')) {
      this.#next();
      if (this.#peek().kind !== 'name') throw this.#unexpected('an attribute such as attr0');
      const name = this.#next();
      const negated = this.#isSymbol('!=');
      if (negated) this.#next();
      else this.#symbol('=');
      if (this.#peek().kind !== 'string') throw this.#unexpected(`a quoted value of ${name.text}`);
      attributes.push({ name: name.text, value: this.#next().text, negated, column: name.column });
    }
    return { kind: 'topN', of, isMerged, n, order, attributes, column };
  }

  #topNOf(column: number): Expr {
    const lists: TopNExpr[] = [];
    while (lists.length === 0 || this.#peek().text === 'top_n') {
      const name = this.#peek();
      if (name.text !== 'top_n') throw this.#unexpected('top_n(...)');
      this.#next();
      this.#symbol('(');
      lists.push(this.#topN(name.column));
      this.#symbol(')');
      this.#symbol(',');
    }
    const n = this.#integer('a number of entities', 1, TOP_N_MAX);
    this.#symbol(',');
    return { kind: 'topNOf', lists, n, order: this.#order(), column };
  }
}
