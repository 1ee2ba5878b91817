// SPDX-License-Identifier: Apache-2.0
// Goal: completeness never promises more than every slot of every expected source does. Method: the pure function, by example.
import { NO_WATERMARK } from '@oap-federation/model';
import { describe, expect, it } from 'vitest';
import { completenessOf } from './metadata.js';
import { testMark } from './testing.js';

const child = (slot: number, logId: string, origins: Record<string, number>, updatedAtMs = 1) =>
  testMark(slot, logId, 1, { producer: 'region', origins: new Map(Object.entries(origins)), updatedAtMs });
const local = (slot: number, logId: string, watermark: number, updatedAtMs: number) =>
  testMark(slot, logId, 1, { kind: 'local', producer: logId, watermark, origins: new Map(), updatedAtMs });
const region = { tier: 'region' };

describe('completeness', () => {
  it('is the minimum over all slots, per origin behind each child', () => {
    const marks = [
      child(0, 'a', { 'cloud-1': 10, 'cloud-2': 20 }, 5),
      child(1, 'b', { 'cloud-1': 12, 'cloud-2': 18 }, 7),
    ];
    expect(completenessOf(marks, [region], 2)).toEqual([
      { origin: 'cloud-1', via: 'region', completeToMinute: 10, lastAdvanceMs: 7 },
      { origin: 'cloud-2', via: 'region', completeToMinute: 18, lastAdvanceMs: 7 },
    ]);
  });

  it('promises nothing while a slot has no mark, or a mark does not know the origin', () => {
    const marks = [child(0, 'a', { 'cloud-1': 10, 'cloud-2': 20 }), child(1, 'b', { 'cloud-1': 12 })];
    const to = (slots: number) => completenessOf(marks, [region], slots).map((c) => c.completeToMinute);
    expect(to(2)).toEqual([10, NO_WATERMARK]);
    expect(to(3)).toEqual([NO_WATERMARK, NO_WATERMARK]);
  });

  it('takes the newest log of a producer and slot, whatever an abandoned one said', () => {
    const marks = [child(0, 'old', { 'cloud-1': 99 }, 1), child(0, 'new', { 'cloud-1': 50 }, 2)];
    expect(completenessOf(marks, [], 1).map((c) => c.completeToMinute)).toEqual([50]);
    expect(completenessOf(marks.toReversed(), [], 1).map((c) => c.completeToMinute)).toEqual([50]);
  });

  it('names an expected child that was never heard, and says of a retired one since when', () => {
    expect(completenessOf([], [region], 2)).toEqual([
      { origin: 'region', via: 'region', completeToMinute: NO_WATERMARK, lastAdvanceMs: 0 },
    ]);
    expect(completenessOf([child(0, 'a', { x: 1 })], [{ tier: 'region', retiredAtMs: 77 }], 1)).toEqual([
      { origin: 'x', via: 'region', completeToMinute: 1, lastAdvanceMs: 1, retiredAtMs: 77 },
    ]);
  });

  it('answers for the own nodes with via "": the newest local log of each slot, the least of them', () => {
    const marks = [local(0, 'n1', 30, 1), local(0, 'n2', 40, 2), local(1, 'n1', 35, 1)];
    expect(completenessOf(marks, [], 2)).toEqual([{ origin: '', via: '', completeToMinute: 35, lastAdvanceMs: 2 }]);
  });
});
