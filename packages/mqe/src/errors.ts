// SPDX-License-Identifier: Apache-2.0
// What is wrong with an expression, said so that a person can correct it: a column and, for names, the nearest known one.

/** A problem of an expression or of what it asks for. `column` is 1-based; undefined when no single place is to blame. */
export class MqeError extends Error {
  override readonly name = 'MqeError';
  readonly column: number | undefined;

  constructor(reason: string, column?: number) {
    super(column === undefined ? reason : `${reason} (column ${column})`);
    this.column = column;
  }
}

/** A metric that is not stored here. `view_as_seq` and `is_present` take it as one without data, as SkyWalking does. */
export class UnknownMetric extends MqeError {}

/** ` Did you mean "x"?` for the known name nearest to `name`, or '' when none is near (a third of its length at most). */
export function didYouMean(name: string, known: Iterable<string>): string {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

/** Edits that turn `a` into `b`, a swap of neighbours counting as one; names are short (the lexer and the API bound them). */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(changed, previous[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, beforePrevious[j - 2]! + 1);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}
