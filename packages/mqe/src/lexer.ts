// SPDX-License-Identifier: Apache-2.0
// Text of an expression -> tokens. Source: SkyWalking's MQE lexer (names may begin with a digit; no comments, no exponent).
import { MqeError } from './errors.js';

/** `text` is what was written (strings without their quotes); `column` is 1-based, `end` the column just after the token. */
export interface Token {
  readonly kind: 'name' | 'integer' | 'decimal' | 'string' | 'symbol' | 'end';
  readonly text: string;
  readonly column: number;
  readonly end: number;
}

// Longer than any dashboard's expression; bounds the depth of left-nested trees and the cost of did-you-mean.
const EXPRESSION_LENGTH_MAX = 4_096;

const TOKEN =
  /\s*(?:(?<decimal>\d+\.\d+)(?![\w.])|(?<name>[A-Za-z0-9_]+)|(?<string>'[^']*'|"[^"]*")|(?<symbol>[=!<>]=|&&|\|\||[-+*/%<>=(){},]))/y;

/** Splits an expression; the last token is always `end`. Errors: MqeError at the first thing that is no token. */
export function tokenize(expression: string): readonly Token[] {
  if (expression.length > EXPRESSION_LENGTH_MAX) {
    throw new MqeError(`The expression has ${expression.length} characters, the limit is ${EXPRESSION_LENGTH_MAX}`);
  }
  const tokens: Token[] = [];
  const length = expression.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(expression)?.groups;
    if (!groups) throw strayCharacter(expression, at);
    const end = TOKEN.lastIndex + 1;
    const { decimal, name, string, symbol } = groups;
    const raw = (decimal ?? name ?? string ?? symbol)!;
    const column = end - raw.length;
    if (decimal !== undefined) tokens.push({ kind: 'decimal', text: raw, column, end });
    else if (name !== undefined) tokens.push({ kind: /^\d+$/.test(raw) ? 'integer' : 'name', text: raw, column, end });
    else if (string !== undefined) tokens.push({ kind: 'string', text: raw.slice(1, -1), column, end });
    else tokens.push({ kind: 'symbol', text: raw, column, end });
  }
  tokens.push({ kind: 'end', text: 'the end of the expression', column: length + 1, end: length + 1 });
  return tokens;
}

function strayCharacter(expression: string, from: number): MqeError {
  const at = from + expression.slice(from).search(/\S/);
  const character = String.fromCodePoint(expression.codePointAt(at)!);
  if (character === "'" || character === '"') return new MqeError(`Unclosed string ${character}`, at + 1);
  return new MqeError(`Unexpected character ${character}`, at + 1);
}
