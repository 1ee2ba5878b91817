// SPDX-License-Identifier: Apache-2.0
// Goal: ranking sums is ranking series: the same entities, values and order of ties, however big the numbers; what was ranked is not ranked again.
// Method: a sort by exact averages as the oracle; answers that are the same object, and others.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstOfSums, rankedOnce, type Rankings } from './ranking.js';
import { compareAverages } from './values.js';

describe('rankings', () => {
  it('of sums are those of exact averages, equal ones by entity id', () => {
    // few different values, so that there are ties, and values whose products leave 2^53
    const total = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.maxSafeInteger());
    const rows = fc.array(fc.tuple(total, fc.integer({ min: 1, max: 500 })), { maxLength: 40 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 50 }), fc.constantFrom('asc', 'des'), (list, n, order) => {
        const entityIds = list.map((_, i) => `e${(i * 7) % list.length}`);
        const totals = list.map(([t]) => t);
        const counts = list.map(([, count]) => count);
        const sign = order === 'asc' ? 1 : -1;
        const average = (i: number) => ({ total: BigInt(totals[i]!), count: counts[i]! });
        const expected = [...list.keys()].filter((i) => entityIds.indexOf(entityIds[i]!) === i);
        const unique = {
          origin: '',
          entityIds: expected.map((i) => entityIds[i]!),
          totals: expected.map((i) => totals[i]!),
          counts: expected.map((i) => counts[i]!),
        };
        expected.sort(
          (a, b) => sign * compareAverages(average(a), average(b)) || (entityIds[a]! < entityIds[b]! ? -1 : 1),
        );
        const first = firstOfSums(unique, n, order).map((i) => unique.entityIds[i]);
        expect(first).toEqual(expected.slice(0, n).map((i) => entityIds[i]));
      }),
    );
  });

  it('are kept for the very same answer and the same question alone', () => {
    const rankings: Rankings = new WeakMap();
    const answer = {};
    let made = 0;
    const rank = () => [{ labels: [], values: [BigInt(++made)] }];
    const first = rankedOnce(rankings, answer, [1, 'des'], rank);
    expect(rankedOnce(rankings, answer, [1, 'des'], rank)).toBe(first);
    expect(rankedOnce(rankings, answer, [1, 'asc'], rank)).not.toBe(first);
    expect(rankedOnce(rankings, {}, [1, 'des'], rank)).not.toBe(first);
    for (let i = 0; i < 8; i++) rankedOnce(rankings, answer, [i], rank);
    expect(rankedOnce(rankings, answer, [1, 'des'], rank)).not.toBe(first); // a few are kept
  });
});
