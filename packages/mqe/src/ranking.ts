// SPDX-License-Identifier: Apache-2.0
// Rankings of many entities: the first few by averages that are given as sums, and what was ranked before.
import type { Order } from './ast.js';
import type { LabelSet } from './label-sets.js';
import type { ValueSums } from './port.js';
import { compareQuotients } from './values.js';

/** Of an answer of a reader, which nobody writes to, by what was asked of it. It goes when the answer goes. */
export type Rankings = WeakMap<object, Map<string, readonly LabelSet[]>>;

/** Rankings of one answer: dashboards ask for a few. */
const RANKINGS_MAX = 8;

/** The ranking that was made before of this very answer, or a new one. */
export function rankedOnce(
  rankings: Rankings,
  answer: object,
  asked: readonly unknown[],
  rank: () => readonly LabelSet[],
): readonly LabelSet[] {
  let known = rankings.get(answer);
  if (known === undefined || known.size === RANKINGS_MAX) rankings.set(answer, (known = new Map()));
  const key = JSON.stringify(asked);
  let ranked = known.get(key);
  if (ranked === undefined) known.set(key, (ranked = rank()));
  return ranked;
}

/** Positions of the first `n` averages; equal ones by entity id. */
export function firstOfSums({ entityIds, totals, counts }: ValueSums, n: number, order: Order): readonly number[] {
  const sign = order === 'asc' ? 1 : -1;
  const compare = (a: number, b: number) =>
    sign * compareQuotients(totals[a]!, counts[a]!, totals[b]!, counts[b]!) || (entityIds[a]! < entityIds[b]! ? -1 : 1);
  const first: number[] = [];
  for (let i = 0; i < entityIds.length; i++) {
    if (first.length === n && compare(i, first[n - 1]!) > 0) continue;
    let [low, high] = [0, first.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(i, first[middle]!) < 0) high = middle;
      else low = middle + 1;
    }
    first.splice(low, 0, i);
    if (first.length > n) first.pop();
  }
  return first;
}
