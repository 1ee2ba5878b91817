// SPDX-License-Identifier: Apache-2.0
// String literals of PromQL: 'single', "double" with Go's escapes, `raw`.

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]?))/g;

/** The text that a literal stands for; undefined when its quotes or escapes are wrong. */
export function tryUnquote(literal: string): string | undefined {
  const quote = literal[0];
  if (literal.length < 2 || literal.at(-1) !== quote) return undefined;
  const inside = literal.slice(1, -1);
  if (quote === '`') return inside;
  if ((quote !== '"' && quote !== "'") || inside.includes('\n')) return undefined;
  let valid = true;
  const text = inside.replace(ESCAPE, (_, x?: string, u?: string, long?: string, octal?: string, simple?: string) => {
    const code = x ?? u ?? long;
    const point = code === undefined ? (octal === undefined ? undefined : parseInt(octal, 8)) : parseInt(code, 16);
    if (point !== undefined) {
      valid &&= point <= 0x10_ffff && (octal === undefined || point <= 255);
      return valid ? String.fromCodePoint(point) : '';
    }
    const known = SIMPLE[simple ?? ''];
    // Go knows only the quote that the literal is in as an escape
    valid &&= known !== undefined && ((simple !== '"' && simple !== "'") || simple === quote);
    return known ?? '';
  });
  return valid ? text : undefined;
}
