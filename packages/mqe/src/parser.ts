// SPDX-License-Identifier: Apache-2.0
// Tokens -> tree, by recursive descent. Binding, tightest first: `* / %`, `+ -`, comparisons; all left associative.
// Source: SkyWalking's MQEParser.g4. What of MQE is not here yet is refused by name.
import type { AggregateName, AttributeArg, BinaryOp, Expr, LabelArg, MathName, MetricExpr } from './ast.js';
import { didYouMean, MqeError } from './errors.js';
import { tokenize, type Token } from './lexer.js';

const AGGREGATES: ReadonlySet<string> = new Set<AggregateName>(['avg', 'count', 'latest', 'sum', 'max', 'min']);
const MATHS: ReadonlySet<string> = new Set<MathName>(['abs', 'ceil', 'floor']);
const NOT_YET: ReadonlySet<string> = new Set([
  'increase',
  'rate',
  'top_n_of',
  'aggregate_labels',
  'sort_values',
  'sort_label_values',
  'view_as_seq',
  'is_present',
  'baseline',
]);
const FUNCTIONS: readonly string[] = [...AGGREGATES, ...MATHS, 'round', 'top_n', 'relabels', ...NOT_YET];

const LEVELS: readonly ReadonlySet<string>[] = [
  new Set(['>', '>=', '<', '<=', '==', '!=']),
  new Set(['+', '-']),
  new Set(['*', '/', '%']),
];

// Parentheses and calls inside each other; keeps the recursion of parser and evaluator short.
const NESTING_MAX = 32;
const ROUND_PLACES_MAX = 12;
const TOP_N_MAX = 1_000;

/** Parses an expression. Errors: MqeError with the column of the first thing that cannot be. */
export function parseMqe(expression: string): Expr {
  return new Parser(tokenize(expression)).parse();
}

/** Every metric read of a tree, left to right. */
export function metricsOf(expr: Expr): readonly MetricExpr[] {
  switch (expr.kind) {
    case 'metric':
      return [expr];
    case 'scalar':
      return [];
    case 'binary':
      return [...metricsOf(expr.left), ...metricsOf(expr.right)];
    case 'aggregate':
    case 'math':
    case 'round':
    case 'topN':
    case 'relabels':
      return metricsOf(expr.of);
  }
}

/** The same expression with `label='value'` added to every metric that does not carry that label. Errors: MqeError. */
export function withLabel(expression: string, label: string, value: string): string {
  let out = '';
  let from = 0;
  for (const metric of metricsOf(parseMqe(expression))) {
    if (metric.labels.some((l) => l.label === label)) continue;
    const at = metric.labelColumn - 1;
    const pair = `${label}='${value}'`;
    out += expression.slice(from, at) + (expression[at] === '}' ? `,${pair}` : `{${pair}}`);
    from = at;
  }
  return out + expression.slice(from);
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
    const rest = this.#peek();
    if (rest.text === '&&' || rest.text === '||') {
      throw new MqeError(`Operator ${rest.text} of MQE is not supported yet`, rest.column);
    }
    if (rest.kind !== 'end') throw this.#unexpected('an operator or the end of the expression');
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
      if (level === 0 && after.kind === 'name' && after.text.toLowerCase() === 'bool') this.#next();
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
    if (!this.#isSymbol('{')) {
      return { kind: 'metric', name: name.text, labels, column: name.column, labelColumn: name.end };
    }
    this.#next();
    for (;;) {
      const label = this.#label();
      if (labels.some((l) => l.label === label.label)) {
        throw new MqeError(`Label ${label.label} is given twice`, label.column);
      }
      labels.push(label);
      if (!this.#isSymbol(',')) break;
      this.#next();
    }
    const close = this.#symbol('}');
    return { kind: 'metric', name: name.text, labels, column: name.column, labelColumn: close.column };
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

  #call(): Expr {
    const { text: name, column } = this.#next();
    if (NOT_YET.has(name)) throw new MqeError(`Function ${name} of MQE is not supported yet`, column);
    this.#symbol('(');
    const expr = this.#arguments(name, column);
    this.#symbol(')');
    return expr;
  }

  #arguments(name: string, column: number): Expr {
    if (AGGREGATES.has(name)) return { kind: 'aggregate', name: name as AggregateName, of: this.#binary(0), column };
    if (MATHS.has(name)) return { kind: 'math', name: name as MathName, of: this.#binary(0), column };
    if (name === 'round') {
      const of = this.#binary(0);
      this.#symbol(',');
      return { kind: 'round', of, places: this.#integer('a number of places', 0, ROUND_PLACES_MAX), column };
    }
    if (name === 'relabels') {
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
    if (name === 'top_n') return this.#topN(column);
    throw new MqeError(`Function ${name} does not exist.${didYouMean(name, FUNCTIONS)}`, column);
  }

  #topN(column: number): Expr {
    const of = this.#metric();
    this.#symbol(',');
    const n = this.#integer('a number of entities', 1, TOP_N_MAX);
    this.#symbol(',');
    const order = this.#peek().text.toLowerCase();
    if (this.#peek().kind !== 'name' || (order !== 'asc' && order !== 'des')) throw this.#unexpected('asc or des');
    this.#next();
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
    return { kind: 'topN', of, n, order, attributes, column };
  }
}
