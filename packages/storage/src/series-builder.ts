// SPDX-License-Identifier: Apache-2.0
// Fetched rows, in columns by start -> series, in columns by entity and origin.
import { MetricColumns, type MetricSchema } from '@oap-federation/model';
import type { MetricSeries } from '@oap-federation/mqe';
import type { FetchedRows } from './fetch-rows.js';
import type { FoundEntities, WantedOrigins } from './series-entities.js';

/** Rows of one start, and the bucket that they belong to; only those of slots that `holds` names count. */
export interface BucketRows {
  readonly bucket: number;
  readonly rows: FetchedRows;
  readonly holds: (slot: number) => boolean;
}

interface SeriesDraft extends MetricSeries {
  readonly starts: number[];
}

/** Merges rows into one row per bucket of each series. `overflowed` hears of rows that are left out, since a sum would leave int64. */
export function buildSeries(
  metric: MetricSchema,
  found: readonly BucketRows[],
  entities: FoundEntities,
  origins: WantedOrigins,
  overflowed: (entityId: string, bucket: number) => void,
): readonly MetricSeries[] {
  const idOf = idsByCode(entities);
  const ascending = found.toSorted((a, b) => a.bucket - b.bucket);
  const capacity = Math.max(1, new Set(ascending.map(({ bucket }) => bucket)).size);
  const series: SeriesDraft[] = [];
  /** Per origin code and slot, by entity code. */
  const drafts = new Map<number, Map<number, SeriesDraft>>();
  for (const { bucket, rows, holds } of ascending) {
    const { slots, origins: codes, block } = rows;
    let slot = -1;
    let origin = -1;
    let name: string | undefined;
    let ofOrigin: Map<number, SeriesDraft> | undefined;
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] !== slot || codes[i] !== origin) {
        slot = slots[i]!;
        origin = codes[i]!;
        name = holds(slot) ? origins.get(slot)?.get(origin) : undefined;
        const key = slot * 32_768 + origin;
        ofOrigin = drafts.get(key);
        if (ofOrigin === undefined) drafts.set(key, (ofOrigin = new Map()));
      }
      if (name === undefined) continue;
      const code = block.entities[i]!;
      let draft = ofOrigin!.get(code);
      if (draft === undefined) {
        const entityId = idOf.get(slot)?.get(code);
        if (entityId === undefined) continue; // of another scope, or of nobody who was asked for
        draft = { entityId, origin: name, starts: [], columns: new MetricColumns(metric, capacity) };
        ofOrigin!.set(code, draft);
        series.push(draft);
      }
      const { starts, columns, entityId } = draft;
      if (starts.at(-1) !== bucket) starts.push(bucket);
      if (!columns.mergeBlockRow(starts.length - 1, block, i)) overflowed(entityId, bucket);
    }
  }
  return series;
}

/** Ids by slot and code. */
function idsByCode({ slots, codes, ids }: FoundEntities): ReadonlyMap<number, ReadonlyMap<number, string>> {
  const bySlot = new Map<number, Map<number, string>>();
  for (let i = 0; i < ids.length; i++) {
    let ofSlot = bySlot.get(slots[i]!);
    if (ofSlot === undefined) bySlot.set(slots[i]!, (ofSlot = new Map()));
    ofSlot.set(codes[i]!, ids[i]!);
  }
  return bySlot;
}
