// SPDX-License-Identifier: Apache-2.0
// `${NAME:default}` in the values of application.yml. In: text and an environment. Out: text.

/** Environment variables by name; `process.env` has this shape. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Replaces every `${NAME:default}` by the variable NAME or else by the default.
 *
 * Names and defaults may hold placeholders themselves; the first `:` splits. A name without a value and without a
 * default stays as text. What comes out of the environment is taken as it is, `${` in a password means nothing.
 * Source: SkyWalking PropertyPlaceholderHelper.
 */
export function substitute(text: string, env: Environment): string {
  const start = text.indexOf('${');
  if (start < 0) return text;
  const end = closingBrace(text, start + 2);
  if (end < 0) return text;
  const inner = substitute(text.slice(start + 2, end), env);
  const colon = inner.indexOf(':');
  const name = colon < 0 ? inner : inner.slice(0, colon);
  const value = env[name] ?? (colon < 0 ? `\${${inner}}` : inner.slice(colon + 1));
  return text.slice(0, start) + value + substitute(text.slice(end + 1), env);
}

/** The index of the `}` that closes a placeholder whose inside begins at `from`; pairs inside it are skipped. */
function closingBrace(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return -1;
}
