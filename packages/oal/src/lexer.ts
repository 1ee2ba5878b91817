// SPDX-License-Identifier: Apache-2.0
// Text -> tokens. Never throws: what is no token becomes one problem and a `bad` token, over which the parser stays silent.
// Words such as `from`, `filter` and `in` are ordinary words here; the grammar gives them their meaning by place.
import type { OalProblem, Position } from './problem.js';

export interface Token extends Position {
  readonly kind: 'word' | 'number' | 'text' | 'symbol' | 'bad' | 'end';
  /** As written; for `text` the content without quotes and escapes. */
  readonly text: string;
  /** Of a number, else 0. */
  readonly value: number;
  /** First token of its line: the parser's hint where a statement may begin. */
  readonly startsLine: boolean;
}

/** Text that a message quotes: one line, not endless. */
export function quoted(text: string): string {
  const clean = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return `"${clean.length > 40 ? `${clean.slice(0, 40)}...` : clean}"`;
}

const isDigit = (c: string) => c >= '0' && c <= '9';
const isWordStart = (c: string) => (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c === '_';
const isWordPart = (c: string) => isWordStart(c) || isDigit(c);
const isBlank = (c: string) => c === ' ' || c === '\t' || c === '\r' || c === '\n' || c === '\uFEFF';

const PAIRS = new Set(['==', '!=', '>=', '<=', '->']);
const SINGLES = new Set(['=', '(', ')', '.', ';', ',', '[', ']', '*', '>', '<']);

/** Reads a whole script; the last token is always `end`. Problems go to `problems`. */
export function tokenize(file: string, text: string, problems: OalProblem[]): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  let startsLine = true;

  const place = (): Position => ({ line, column: at - lineStart + 1 });
  const report = (where: Position, message: string) =>
    problems.push({ file, line: where.line, column: where.column, message });
  const push = (kind: Token['kind'], where: Position, content: string, value = 0) => {
    tokens.push({ kind, line: where.line, column: where.column, text: content, value, startsLine });
    startsLine = false;
  };
  /** Moves over one character and keeps the line count. */
  const step = () => {
    if (text[at] === '\n') {
      line++;
      lineStart = at + 1;
      startsLine = true;
    }
    at++;
  };

  const blockComment = () => {
    const where = place();
    let depth = 0;
    while (at < text.length) {
      if (text.startsWith('/*', at)) {
        depth++;
        at += 2;
      } else if (text.startsWith('*/', at)) {
        depth--;
        at += 2;
        if (depth === 0) return;
      } else {
        step();
      }
    }
    report(where, 'comment is not closed: "*/" is missing (comments nest)');
  };

  const number = () => {
    const where = place();
    const start = at;
    while (at < text.length && (isWordPart(text[at]!) || (text[at] === '.' && isDigit(text[at + 1] ?? '')))) at++;
    const written = text.slice(start, at);
    const value = Number(written.replaceAll('_', '').replace(/[lL]$/, ''));
    if (written.includes('.')) {
      report(where, `bad number ${quoted(written)}: only whole numbers are allowed`);
    } else if (!/^\d+(_+\d+)*[lL]?$/.test(written)) {
      report(
        where,
        `bad number ${quoted(written)}: write digits, with "_" between groups and an "L" behind if you like`,
      );
    } else if (!Number.isSafeInteger(value)) {
      report(where, `bad number ${quoted(written)}: the largest is ${Number.MAX_SAFE_INTEGER}`);
    } else {
      push('number', where, written, value);
      return;
    }
    push('bad', where, written);
  };

  const textLiteral = () => {
    const where = place();
    let content = '';
    at++;
    while (at < text.length && text[at] !== '"' && text[at] !== '\n' && text[at] !== '\r') {
      if (text[at] === '\\' && (text[at + 1] === '"' || text[at + 1] === '\\')) at++;
      content += text[at]!;
      at++;
    }
    if (text[at] === '"') {
      at++;
      push('text', where, content);
    } else {
      report(where, 'text is not closed: the second double quote is missing on this line');
      push('bad', where, content);
    }
  };

  const other = () => {
    const where = place();
    const start = at;
    while (at < text.length) {
      const c = text[at]!;
      if (isBlank(c) || isWordPart(c) || c === '"' || SINGLES.has(c) || PAIRS.has(text.slice(at, at + 2))) break;
      at++;
    }
    const written = text.slice(start, at);
    let hint = '';
    if (written === '-') hint = ': numbers have no sign';
    else if (written.includes("'")) hint = ': text stands in double quotes';
    else if (/[&|]/.test(written))
      hint = ': conditions are joined by one .filter(...) after another, all of which must hold';
    else if (written === '!') hint = ': conditions are negated with "!=" or "not contain" only';
    report(where, `unexpected ${quoted(written)}${hint}`);
    push('bad', where, written);
  };

  while (at < text.length) {
    const c = text[at]!;
    const pair = text.slice(at, at + 2);
    if (isBlank(c)) {
      step();
    } else if (pair === '//') {
      while (at < text.length && text[at] !== '\n') at++;
    } else if (pair === '/*') {
      blockComment();
    } else if (isWordStart(c)) {
      const where = place();
      const start = at;
      while (at < text.length && isWordPart(text[at]!)) at++;
      push('word', where, text.slice(start, at));
    } else if (isDigit(c)) {
      number();
    } else if (c === '"') {
      textLiteral();
    } else if (PAIRS.has(pair)) {
      push('symbol', place(), pair);
      at += 2;
    } else if (SINGLES.has(c)) {
      push('symbol', place(), c);
      at++;
    } else {
      other();
    }
  }
  push('end', place(), '');
  return tokens;
}
