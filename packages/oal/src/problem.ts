// SPDX-License-Identifier: Apache-2.0
// What is wrong with a script, where, and what the writer probably meant. Every stage adds to one list; nothing here throws.

/** A place in a script; both count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface OalProblem extends Position {
  /** Name of the script as the caller gave it. */
  readonly file: string;
  readonly message: string;
}

/** `core.oal:12:8: unknown source "Servce", did you mean "Service"?` */
export function problemText(problem: OalProblem): string {
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`;
}

/** Order of reading: by file as first seen, then by place. */
export function sortProblems(problems: readonly OalProblem[], files: readonly string[]): readonly OalProblem[] {
  return problems.toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}

/** Levenshtein distance without regard to case. */
function distance(a: string, b: string): number {
  const x = a.toLowerCase();
  const y = b.toLowerCase();
  let previous = Array.from({ length: y.length + 1 }, (_, i) => i);
  for (let i = 1; i <= x.length; i++) {
    const row = [i];
    for (let j = 1; j <= y.length; j++) {
      const swap = previous[j - 1]! + (x[i - 1] === y[j - 1] ? 0 : 1);
      row.push(Math.min(swap, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[y.length]!;
}

/** `, did you mean "x"?` for the nearest candidate within a third of the length, else ''. Candidates of equal distance: the first. */
export function didYouMean(wrong: string, candidates: Iterable<string>): string {
  if (wrong.length > 64) return '';
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wrong.length) >= bestDistance) continue;
    const d = distance(wrong, candidate);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best === undefined ? '' : `, did you mean "${best}"?`;
}
