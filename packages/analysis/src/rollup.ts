// SPDX-License-Identifier: Apache-2.0
// Hour and day rows, derived from minute and hour rows. In: an hour whose minute rows changed. Out: absolute rows, the same however
// often they are derived. Hours and days are UTC; other zones are served from finer rows at the query edge.
import type { RowBlock, TierStore } from '@oap-federation/storage';
import { BucketRows, type MetricsOfScope } from './slot-state.js';

const MINUTES_PER_HOUR = 60;
const HOURS_PER_DAY = 24;

/** Rows of the hour, and of its day, of one slot. */
export async function deriveHour(
  store: TierStore,
  slot: number,
  hour: number,
  metricsOf: MetricsOfScope,
): Promise<RowBlock[]> {
  const hourStart = hour * MINUTES_PER_HOUR;
  const minutes = Array.from({ length: MINUTES_PER_HOUR }, (_, i) => hourStart + i);
  const ofHour = new BucketRows(metricsOf);
  for (const block of await store.loadRows(slot, 'minute', minutes)) ofHour.addStored(block);
  const hourRows = allRows(slot, 'hour', hourStart, ofHour);

  const day = Math.floor(hour / HOURS_PER_DAY);
  const otherHours = Array.from(
    { length: HOURS_PER_DAY },
    (_, i) => (day * HOURS_PER_DAY + i) * MINUTES_PER_HOUR,
  ).filter((start) => start !== hourStart);
  const ofDay = new BucketRows(metricsOf);
  for (const block of await store.loadRows(slot, 'hour', otherHours)) ofDay.addStored(block);
  for (const block of hourRows) ofDay.addStored(block);
  return [...hourRows, ...allRows(slot, 'day', day * HOURS_PER_DAY * MINUTES_PER_HOUR, ofDay)];
}

function allRows(slot: number, granularity: 'hour' | 'day', start: number, bucket: BucketRows): RowBlock[] {
  const blocks: RowBlock[] = [];
  for (const [scope, rows] of bucket.scopes) blocks.push(rows.allRows(slot, granularity, start, scope));
  return blocks;
}
