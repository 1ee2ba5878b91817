// SPDX-License-Identifier: Apache-2.0
// Goal: local bucket forms are those of the calendar, in any zone offset. Method: JavaScript's Date as the oracle, fast-check.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bucketStart,
  durationText,
  minuteOf,
  parseDurationText,
  STEP_MINUTES,
  timeBucket,
  type Step,
} from './time-bucket.js';

// from 1970 with room for offsets, to the end of 9999
const minutes = fc.integer({ min: 1_440, max: 4_223_370_000 });
const offsets = fc.constantFrom(0, 60, -60, 330, -210, 345, 840, -720);
const steps = fc.constantFrom<Step>('MINUTE', 'HOUR', 'DAY');
const LENGTH: Record<Step, number> = { MINUTE: 16, HOUR: 13, DAY: 10 };

/** `yyyy-MM-ddTHH:mm` of a minute in a zone, by Date. */
const iso = (minute: number, offset: number) => new Date((minute + offset) * 60_000).toISOString().slice(0, 16);

test('timeBucket and durationText are the digits of the local date', () => {
  fc.assert(
    fc.property(minutes, offsets, steps, (minute, offset, step) => {
      const text = iso(minute, offset).slice(0, LENGTH[step]);
      expect(timeBucket(minute, step, offset)).toBe(Number(text.replace(/\D/g, '')));
      expect(durationText(minute, step, offset)).toBe(text.replace('T', ' ').replace(':', ''));
    }),
  );
  expect(timeBucket(minuteOf(Date.UTC(2026, 7, 20, 9, 30, 15)), 'MINUTE')).toBe(202_608_200_930);
  expect(timeBucket(minuteOf(Date.UTC(2026, 7, 20, 20, 30)), 'HOUR', 330)).toBe(2_026_082_102);
});

test('durationText and parseDurationText are inverse, up to the bucket', () => {
  fc.assert(
    fc.property(minutes, offsets, steps, (minute, offset, step) => {
      const start = bucketStart(minute, step, offset);
      expect(parseDurationText(durationText(minute, step, offset), step, offset)).toBe(start);
      expect(start).toBeLessThanOrEqual(minute);
      expect(minute - start).toBeLessThan(STEP_MINUTES[step]);
      expect(timeBucket(start, step, offset)).toBe(timeBucket(minute, step, offset));
    }),
  );
});

test('every day of four centuries has its date', () => {
  for (let day = 0; day < 146_097; day++) {
    expect(timeBucket(day * 1_440, 'DAY')).toBe(
      Number(new Date(day * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')),
    );
  }
});

test('seconds are read and cut off', () => {
  expect(parseDurationText('2026-08-20 093015', 'SECOND')).toBe(minuteOf(Date.UTC(2026, 7, 20, 9, 30)));
});

test.each([
  ['2026-02-30', 'DAY'],
  ['2025-02-29', 'DAY'],
  ['2026-00-10', 'DAY'],
  ['2026-13-10', 'DAY'],
  ['2026-08-20 24', 'HOUR'],
  ['2026-08-20 0960', 'MINUTE'],
  ['2026-08-20 093060', 'SECOND'],
  ['2026-08-20', 'MINUTE'],
  ['2026-08-20 0930', 'HOUR'],
  ['2026-8-20', 'DAY'],
  ['20260820', 'DAY'],
  ['', 'DAY'],
] as const)('%j is no %s', (text, step) => {
  expect(parseDurationText(text, step)).toBeUndefined();
});
