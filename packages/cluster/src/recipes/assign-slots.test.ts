// SPDX-License-Identifier: Apache-2.0
// Goal: slot assignment is complete, balanced, deterministic and moves as little as it can.
// Method: properties over random maps, members and weights; the optimum of moves is computed independently.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignSlots, type SlotMember } from './assign-slots.js';

const ids = fc.uniqueArray(fc.constantFrom(...'abcdefgh'.split('')), { maxLength: 8 });
const equal = (names: readonly string[]): SlotMember[] => names.map((instanceId) => ({ instanceId, weight: 1 }));
const count = (owners: readonly string[], id: string): number => owners.filter((owner) => owner === id).length;
const previous = fc.array(fc.constantFrom('', ...'abcdefghxy'.split('')), { maxLength: 70 });
const slots = fc.integer({ min: 1, max: 64 });

describe('assignSlots', () => {
  it('a worked example', () => {
    const one = assignSlots([], equal(['a']), 6);
    expect(one.join('')).toBe('aaaaaa');
    const two = assignSlots(one, equal(['a', 'b']), 6);
    expect(two.join('')).toBe('aaabbb');
    const three = assignSlots(two, equal(['b', 'c', 'a']), 6);
    expect(three.join('')).toBe('aacbbc');
    expect(assignSlots(three, equal(['c', 'a']), 6).join('')).toBe('aacacc');
    expect(assignSlots(three, [], 3)).toEqual(['', '', '']);
    expect(
      assignSlots(
        [],
        [
          { instanceId: 'a', weight: 1 },
          { instanceId: 'b', weight: 3 },
        ],
        8,
      ).join(''),
    ).toBe('aabbbbbb');
  });

  it('equal weights: complete, counts differ by at most one, fewest moves, stable, order-blind', () => {
    fc.assert(
      fc.property(
        previous,
        ids.filter((names) => names.length > 0),
        slots,
        (before, names, n) => {
          const after = assignSlots(before, equal(names), n);
          expect(after).toHaveLength(n);
          expect(after.every((owner) => names.includes(owner))).toBe(true);
          const sizes = names.map((id) => count(after, id));
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);

          // Independent optimum: the largest holders get the larger shares, everybody keeps what fits.
          const held = names.map((id) => count(before.slice(0, n), id)).sort((a, b) => b - a);
          const kept = held.reduce(
            (sum, h, i) => sum + Math.min(h, Math.floor(n / names.length) + (i < n % names.length ? 1 : 0)),
            0,
          );
          expect(after.filter((owner, slot) => owner === before[slot]).length).toBe(kept);

          expect(assignSlots(after, equal(names), n)).toEqual(after);
          expect(assignSlots(before, equal([...names].reverse()), n)).toEqual(after);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('equal weights: who leaves gives only its own away, who joins takes only its share', () => {
    fc.assert(
      fc.property(
        ids.filter((names) => names.length > 1),
        slots,
        (names, n) => {
          const all = assignSlots([], equal(names), n);
          const [gone, ...rest] = names;
          const less = assignSlots(all, equal(rest), n);
          expect(less.every((owner, slot) => owner === all[slot] || all[slot] === gone)).toBe(true);
          const again = assignSlots(less, equal(names), n);
          expect(again.every((owner, slot) => owner === less[slot] || owner === gone)).toBe(true);
          expect(count(again, gone!)).toBeLessThanOrEqual(Math.ceil(n / names.length));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('weights: complete, each share within one of its exact value, stable', () => {
    const weighted = ids
      .filter((names) => names.length > 0)
      .chain((names) =>
        fc
          .array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: names.length, maxLength: names.length })
          .map((weights) => names.map((instanceId, i) => ({ instanceId, weight: weights[i]! }))),
      );
    fc.assert(
      fc.property(previous, weighted, slots, (before, members, n) => {
        const after = assignSlots(before, members, n);
        const total = members.reduce((sum, { weight }) => sum + weight, 0);
        for (const { instanceId, weight } of members) {
          expect(Math.abs(count(after, instanceId) - (n * weight) / total)).toBeLessThan(1);
        }
        expect(after).not.toContain('');
        expect(assignSlots(after, members, n)).toEqual(after);
      }),
      { numRuns: 1_000 },
    );
  });
});
