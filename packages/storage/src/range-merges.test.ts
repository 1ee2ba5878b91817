// SPDX-License-Identifier: Apache-2.0
// Goal: the spans of a range cover each of its minutes once, are few, and are the same for every range that they lie in.
// Method: properties. That merged spans are the merged minutes is in cache.test.ts, over a database.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { alignedSpans, RANGE_MINUTES_MAX } from './range-merges.js';

it('cuts a range into aligned spans', () => {
  const range = fc.tuple(fc.integer({ min: 0, max: 30_000_000 }), fc.integer({ min: 1, max: RANGE_MINUTES_MAX }));
  fc.assert(
    fc.property(range, ([from, minutes]) => {
      const spans = alignedSpans(from, from + minutes);
      let at = from;
      for (const { start, length } of spans) {
        expect([start, start % length, Number.isInteger(Math.log2(length))]).toEqual([at, 0, true]);
        at += length;
      }
      expect(at).toBe(from + minutes);
      expect(spans.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(minutes + 1)));
    }),
  );
});
