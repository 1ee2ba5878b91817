// SPDX-License-Identifier: Apache-2.0
// Which entities a rule is about, by their names. In: lists of names, patterns. Out: a predicate. All four filters must pass.
// Patterns are Java's as far as they can be matched in linear time (RE2, no look-around, no back references), against the whole name:
// they run on the thread that merges.
import { RE2JS } from 're2js';

export interface NameFilterSettings {
  readonly includeNames: readonly string[];
  readonly excludeNames: readonly string[];
  readonly includeRegex: RE2JS | undefined;
  readonly excludeRegex: RE2JS | undefined;
}

export type NameFilter = (name: string) => boolean;

/** Answers are remembered for so many names, so that a pattern is run once per entity rather than once a minute. */
const REMEMBERED_MAX = 100_000;

/** The pattern, or why it is none. */
export function compileNameRegex(pattern: string): RE2JS | { readonly problem: string } {
  try {
    return RE2JS.compile(pattern);
  } catch (err) {
    return { problem: err instanceof Error ? err.message : String(err) };
  }
}

export function nameFilter(settings: NameFilterSettings): NameFilter {
  const { includeRegex, excludeRegex } = settings;
  const include = new Set(settings.includeNames);
  const exclude = new Set(settings.excludeNames);
  const passes = (name: string) =>
    (include.size === 0 || include.has(name)) &&
    !exclude.has(name) &&
    (includeRegex === undefined || includeRegex.testExact(name)) &&
    !(excludeRegex !== undefined && excludeRegex.testExact(name));
  if (includeRegex === undefined && excludeRegex === undefined) return passes;
  const known = new Map<string, boolean>();
  return (name) => {
    let answer = known.get(name);
    if (answer === undefined) {
      if (known.size >= REMEMBERED_MAX) known.clear();
      known.set(name, (answer = passes(name)));
    }
    return answer;
  };
}
