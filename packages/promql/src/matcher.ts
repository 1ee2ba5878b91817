// SPDX-License-Identifier: Apache-2.0
// Label matchers. Regular expressions are RE2's, whole-value, and take time linear in the value, whoever wrote them.
import { RE2JS } from 're2js';
import { quote } from './labels.js';

export type MatchOp = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  readonly name: string;
  readonly op: MatchOp;
  readonly value: string;
}

/** A matcher ready for use; an absent label has the value ''. */
export interface CompiledMatcher extends Matcher {
  matches(value: string): boolean;
}

/** Errors: what RE2 says of a pattern that is none. */
export function compileMatcher(matcher: Matcher): CompiledMatcher {
  const { op, value: wanted } = matcher;
  if (op === '=') return { ...matcher, matches: (value) => value === wanted };
  if (op === '!=') return { ...matcher, matches: (value) => value !== wanted };
  const pattern = RE2JS.compile(wanted);
  const known = new Map<string, boolean>(); // label values come again and again: once per series and metric
  const matches = (value: string): boolean => {
    let found = known.get(value);
    if (found === undefined) known.set(value, (found = pattern.matches(value)));
    return found;
  };
  return op === '=~' ? { ...matcher, matches } : { ...matcher, matches: (value) => !matches(value) };
}

/** The values that a matcher allows when they can be listed: `="a"`, or `=~"a|b"` of plain words. Undefined otherwise. */
export function listedValues({ op, value }: Matcher): readonly string[] | undefined {
  if (op === '=') return [value];
  if (op !== '=~') return undefined;
  const parts = value.replace(/^\((?:\?:)?([^()]*)\)$/, '$1').split('|');
  return parts.every((part) => /^(?:[^\\.+*?()[\]{}^$|]|\\[\\.+*?()[\]{}^$|-])*$/.test(part))
    ? parts.map((part) => part.replace(/\\(.)/g, '$1'))
    : undefined;
}

export function matcherText({ name, op, value }: Matcher): string {
  return `${name}${op}${quote(value)}`;
}
