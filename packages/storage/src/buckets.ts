// SPDX-License-Identifier: Apache-2.0
// How an answer's buckets are put together from stored rows: hours and days come from their own tables where those are known to be right,
// and from finer rows where an hour is dirty or a bucket of the zone does not end on a whole hour.
import { bucketStart, STEP_MINUTES } from '@oap-federation/model';
import type { SeriesQuery } from '@oap-federation/mqe';
import { SPACING } from './fetch-rows.js';
import type { Granularity } from './port.js';
import type { SqlSession } from './sql.js';

/** The rows of an answer: `startOf` names the one that a minute falls into; minutes in [from, end) are read. */
export interface Buckets {
  readonly from: number;
  readonly end: number;
  /** Length of the longest. */
  readonly minutes: number;
  readonly startOf: (minute: number) => number;
}

export function bucketsOf({ fromMinute, toMinute, step, offsetMinutes }: SeriesQuery): Buckets {
  const startOf = (minute: number) => bucketStart(minute, step, offsetMinutes);
  const minutes = STEP_MINUTES[step];
  return { from: startOf(fromMinute), end: startOf(toMinute) + minutes, minutes, startOf };
}

/** The same minutes as one bucket; what is before and after it falls into others. */
export function oneBucket({ from, end }: Buckets): Buckets {
  const startOf = (minute: number) => (minute < from ? Number.NEGATIVE_INFINITY : minute < end ? from : end);
  return { from, end, minutes: end - from, startOf };
}

/** Rows of one table to read: those with a start in [from, end) that `holds` keeps. Over all parts every minute counts once. */
export interface Part {
  readonly granularity: Granularity;
  readonly from: number;
  readonly end: number;
  readonly holds: (slot: number, start: number) => boolean;
}

/**
 * How to put [from, end) together. A day row is used when its day lies inside one bucket and none of its hours is dirty in the slot; an
 * hour row when its hour lies inside one bucket, is clean and is not in a day row; minute rows for the rest.
 */
export async function partsOf(
  session: SqlSession,
  { from, end, minutes, startOf }: Buckets,
  slots: readonly number[],
): Promise<readonly Part[]> {
  if (minutes < SPACING.hour) return [{ granularity: 'minute', from, end, holds: () => true }];
  const { rows } = await session.query(
    `SELECT slot, hour FROM dirty_hour WHERE slot = ANY ($1::int[]) AND hour >= $2 AND hour < $3`,
    [slots, Math.floor(from / 60), Math.ceil(end / 60)],
  );
  const dirtyHours = new Set(rows.map(([slot, hour]) => `${String(slot)} ${String(hour)}`));
  const dirtyDays = new Set(rows.map(([slot, hour]) => `${String(slot)} ${Math.floor((hour as number) / 24)}`));
  const inOneBucket = (unit: number, size: number) => startOf(unit * size) === startOf(unit * size + size - 1);
  const inDayRow = (slot: number, minute: number) => {
    const day = Math.floor(minute / SPACING.day);
    return inOneBucket(day, SPACING.day) && !dirtyDays.has(`${slot} ${day}`);
  };
  const inHourRow = (slot: number, minute: number) => {
    const hour = Math.floor(minute / SPACING.hour);
    return !inDayRow(slot, minute) && inOneBucket(hour, SPACING.hour) && !dirtyHours.has(`${slot} ${hour}`);
  };
  const inMinuteRow = (slot: number, minute: number) => !inDayRow(slot, minute) && !inHourRow(slot, minute);
  // Rows of a kind are read over the days or hours where some slot uses them.
  const within = (granularity: Granularity, size: number, holds: Part['holds']): Part[] => {
    const units: number[] = [];
    for (let unit = Math.floor(from / size); unit * size < end; unit++) {
      if (slots.some((slot) => holds(slot, unit * size))) units.push(unit);
    }
    return runs(units, size).map((span) => ({
      granularity,
      from: Math.max(from, span.from),
      end: Math.min(end, span.end),
      holds,
    }));
  };
  return [
    ...within('day', SPACING.day, inDayRow),
    ...within('hour', SPACING.hour, inHourRow),
    ...within('minute', SPACING.hour, inMinuteRow), // an hour is either read by the minute as a whole or not at all
  ];
}

interface Span {
  readonly from: number;
  readonly end: number;
}

/** Ascending units of `size` minutes, neighbours joined. */
export function runs(units: readonly number[], size: number): Span[] {
  const spans: { from: number; end: number }[] = [];
  for (const unit of units) {
    const last = spans.at(-1);
    if (last?.end === unit * size) last.end += size;
    else spans.push({ from: unit * size, end: (unit + 1) * size });
  }
  return spans;
}
