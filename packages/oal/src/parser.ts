// SPDX-License-Identifier: Apache-2.0
// Tokens -> syntax tree by recursive descent. A statement that does not parse costs one problem; reading goes on behind its `;`,
// or at a line that begins the next statement when the `;` was forgotten.
import {
  CASTS,
  type Argument,
  type Cast,
  type CompareOperator,
  type DisableStatement,
  type Expression,
  type Literal,
  type MetricStatement,
  type Path,
  type Script,
  type Segment,
  type Word,
} from './ast.js';
import { quoted, tokenize, type Token } from './lexer.js';
import type { OalProblem } from './problem.js';

/** Leaves the statement that is being read; its problem is already noted. Never leaves this file. */
class StatementRefused extends Error {}

const COMPARISONS = new Set<string>(['==', '!=', '>', '>=', '<', '<=']);

/** Parses one script. Problems of lexer and parser go to `problems`; the script holds the statements that parsed. Never throws. */
export function parseOal(file: string, text: string, problems: OalProblem[]): Script {
  const parser = new Parser(file, tokenize(file, text, problems), problems);
  return { file, statements: parser.statements() };
}

class Parser {
  readonly #file: string;
  readonly #tokens: readonly Token[];
  readonly #problems: OalProblem[];
  #at = 0;

  constructor(file: string, tokens: readonly Token[], problems: OalProblem[]) {
    this.#file = file;
    this.#tokens = tokens;
    this.#problems = problems;
  }

  statements(): (MetricStatement | DisableStatement)[] {
    const statements: (MetricStatement | DisableStatement)[] = [];
    while (this.#peek().kind !== 'end') {
      if (this.#takeIf(';')) continue; // an empty statement
      const first = this.#at;
      try {
        statements.push(this.#isSymbol(1, '(') && this.#isWord('disable') ? this.#disable() : this.#metric());
      } catch (e) {
        if (!(e instanceof StatementRefused)) throw e;
        this.#recover(first);
      }
    }
    return statements;
  }

  #recover(first: number): void {
    if (this.#at === first) this.#at++;
    while (this.#peek().kind !== 'end' && !this.#takeIf(';')) {
      if (this.#startsStatement()) return;
      this.#at++;
    }
  }

  #startsStatement(): boolean {
    const token = this.#peek();
    if (!token.startsLine || token.kind !== 'word') return false;
    return this.#isSymbol(1, '=') || (token.text === 'disable' && this.#isSymbol(1, '('));
  }

  #disable(): DisableStatement {
    const { line, column } = this.#take();
    this.#expect('(', 'after "disable"');
    const name = this.#word('the name of what to disable');
    this.#expect(')', 'after the name');
    this.#endOfStatement();
    return { kind: 'disable', line, column, name };
  }

  #metric(): MetricStatement {
    const name = this.#word('a metric name or "disable("');
    this.#expect('=', 'after the metric name');
    this.#keyword('from', 'after "="');
    this.#expect('(', 'after "from"');
    const cast = this.#castIf();
    const source = this.#word('a source such as Service');
    this.#expect('.', 'after the source');
    const path = this.#path(true);
    this.#expect(')', 'after the attribute');
    const filters: Expression[] = [];
    for (;;) {
      this.#expect('.', 'before ".filter(...)" or the function');
      if (!(this.#isWord('filter') && this.#isSymbol(1, '('))) break;
      this.#at += 2;
      const left = this.#path(false);
      filters.push(this.#condition(left));
      this.#expect(')', 'after the condition');
    }
    const functionName = this.#word('a function such as longAvg');
    this.#expect('(', 'after the function');
    const args: Argument[] = [];
    if (!this.#isSymbol(0, ')')) {
      do args.push(this.#argument());
      while (this.#takeIf(','));
    }
    this.#expect(')', 'after the arguments');
    let decorator: Word | undefined;
    if (this.#takeIf('.')) {
      if (this.#isWord('filter')) this.#fail('filters stand before the function');
      this.#keyword('decorator', 'after "." behind the function');
      this.#expect('(', 'after "decorator"');
      if (this.#peek().kind !== 'text')
        this.#fail(`expected the decorator's name in double quotes, found ${this.#found()}`);
      const { line, column, text } = this.#take();
      decorator = { line, column, text };
      this.#expect(')', "after the decorator's name");
    }
    this.#endOfStatement();
    return {
      kind: 'metric',
      line: name.line,
      column: name.column,
      name,
      ...(cast === undefined ? {} : { cast }),
      source,
      path,
      filters,
      functionName,
      args,
      ...(decorator === undefined ? {} : { decorator }),
    };
  }

  #endOfStatement(): void {
    if (this.#peek().kind === 'end') return;
    // a forgotten `;` before a statement that begins its line: note it and keep this statement, so that its other problems show too
    if (this.#startsStatement()) this.#note(this.#peek(), `expected ";" before this statement`);
    else this.#expect(';', 'at the end of the statement');
  }

  #castIf(): Cast | undefined {
    if (!this.#isSymbol(0, '(')) return undefined;
    const open = this.#take();
    let text = this.#peek().kind === 'word' ? this.#take().text : '';
    if (this.#takeIf('->')) text += `->${this.#peek().kind === 'word' ? this.#take().text : ''}`;
    const cast = CASTS.find((c) => c === text);
    if (cast === undefined || !this.#isSymbol(0, ')')) {
      this.#failAt(open, `expected a cast: (${CASTS.join('), (')}); parentheses have no other use here`);
    }
    this.#at++;
    return cast;
  }

  /** `latency`, `sideCar.x`, `tag["key"]`, with a cast in front unless in `from`, where the cast stands before the source. */
  #path(inFrom: boolean): Path {
    const { line, column } = this.#peek();
    const cast = inFrom ? undefined : this.#castIf();
    const segments: Segment[] = [];
    do {
      const token = this.#peek();
      if (inFrom && this.#takeIf('*')) {
        segments.push({ line: token.line, column: token.column, text: '*' });
        continue;
      }
      const word = this.#word(inFrom ? 'an attribute or "*"' : 'an attribute');
      if (!this.#takeIf('[')) {
        segments.push(word);
        continue;
      }
      if (this.#peek().kind !== 'text') this.#fail(`expected a key in double quotes, found ${this.#found()}`);
      segments.push({ ...word, key: this.#take().text });
      this.#expect(']', 'after the key');
    } while (this.#takeIf('.'));
    return { line, column, ...(cast === undefined ? {} : { cast }), segments };
  }

  #argument(): Argument {
    const token = this.#peek();
    const { line, column } = token;
    const isBool = token.kind === 'word' && (token.text === 'true' || token.text === 'false');
    if (token.kind === 'number' || token.kind === 'text' || isBool) {
      return { kind: 'literal', line, column, literal: this.#literal() };
    }
    const path = this.#path(false);
    if (this.#isSymbol(0, ',') || this.#isSymbol(0, ')')) return { kind: 'path', line, column, path };
    return { kind: 'expression', line, column, expression: this.#condition(path) };
  }

  /** The rest of a condition behind its left side. */
  #condition(left: Path): Expression {
    const token = this.#peek();
    const { line, column } = left;
    if (token.kind === 'symbol' && COMPARISONS.has(token.text)) {
      this.#at++;
      return { kind: 'compare', line, column, left, operator: token.text as CompareOperator, right: this.#literal() };
    }
    if (token.kind === 'word') {
      switch (token.text) {
        case 'like':
        case 'contain':
          this.#at++;
          return { kind: 'compare', line, column, left, operator: token.text, right: this.#literal() };
        case 'not':
          this.#at++;
          this.#keyword('contain', 'after "not"');
          return { kind: 'compare', line, column, left, operator: 'not contain', right: this.#literal() };
        case 'in':
          this.#at++;
          return { kind: 'in', line, column, left, list: this.#list() };
      }
    }
    return this.#fail(
      `expected a comparison (==, !=, >, >=, <, <=, like, in, contain, not contain), found ${this.#found()}`,
    );
  }

  #list(): readonly Literal[] {
    this.#expect('[', 'after "in"');
    const list: Literal[] = [];
    do list.push(this.#literal());
    while (this.#takeIf(','));
    this.#expect(']', 'after the list');
    return list;
  }

  #literal(): Literal {
    const { kind, text, value, line, column } = this.#peek();
    if (kind === 'number') {
      this.#at++;
      return { kind: 'number', line, column, value };
    }
    if (kind === 'text') {
      this.#at++;
      return { kind: 'text', line, column, value: text };
    }
    if (kind !== 'word') {
      return this.#fail(`expected a value (true, number, "text", Type.CONSTANT or null), found ${this.#found()}`);
    }
    this.#at++;
    if (text === 'true' || text === 'false') return { kind: 'bool', line, column, value: text === 'true' };
    if (text === 'null') return { kind: 'null', line, column };
    if (!this.#takeIf('.')) return { kind: 'enum', line, column, constant: text };
    return { kind: 'enum', line, column, type: text, constant: this.#word(`a constant of ${text}`).text };
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #isSymbol(ahead: number, symbol: string): boolean {
    const token = this.#peek(ahead);
    return token.kind === 'symbol' && token.text === symbol;
  }

  #isWord(word: string): boolean {
    const token = this.#peek();
    return token.kind === 'word' && token.text === word;
  }

  #takeIf(symbol: string): boolean {
    if (!this.#isSymbol(0, symbol)) return false;
    this.#at++;
    return true;
  }

  #expect(symbol: string, where: string): void {
    if (!this.#takeIf(symbol)) this.#fail(`expected "${symbol}" ${where}, found ${this.#found()}`);
  }

  #keyword(word: string, where: string): void {
    if (!this.#isWord(word)) this.#fail(`expected "${word}" ${where}, found ${this.#found()}`);
    this.#at++;
  }

  #word(what: string): Word {
    const token = this.#peek();
    if (token.kind !== 'word') return this.#fail(`expected ${what}, found ${this.#found()}`);
    this.#at++;
    return { line: token.line, column: token.column, text: token.text };
  }

  #found(): string {
    const token = this.#peek();
    return token.kind === 'end' ? 'the end of the script' : quoted(token.text);
  }

  #fail(message: string): never {
    return this.#failAt(this.#peek(), message);
  }

  #failAt(token: Token, message: string): never {
    // the lexer has already said what is wrong with a bad token
    if (this.#peek().kind !== 'bad') this.#note(token, message);
    throw new StatementRefused();
  }

  #note({ line, column }: Token, message: string): void {
    this.#problems.push({ file: this.#file, line, column, message });
  }
}
