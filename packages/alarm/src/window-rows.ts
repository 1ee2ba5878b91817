// SPDX-License-Identifier: Apache-2.0
// The rows that a round judges, read once per metric for all entities of the slots concerned. In: what the rules read, over which minutes.
// Out: a MetricReader over them, from which the windows are cut.
import { MetricColumns, slotOf, type MetricSchema } from '@oap-federation/model';
import type { AlarmRead, MetricReader, MetricSeries, SeriesQuery } from '@oap-federation/mqe';

/** What is to be read: epoch minutes, both inclusive. */
export interface RowsWanted {
  readonly reads: readonly AlarmRead[];
  readonly slots: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
}

type ByEntity = ReadonlyMap<string, readonly MetricSeries[]>;

const NONE: readonly MetricSeries[] = [];

export class WindowRows implements MetricReader {
  readonly #reader: MetricReader;
  readonly #rows: ReadonlyMap<string, ByEntity>;
  /** Asked for by every slot of a rule. */
  readonly #entities = new Map<readonly AlarmRead[], ReadonlyMap<number, ReadonlySet<string>>>();

  private constructor(reader: MetricReader, rows: ReadonlyMap<string, ByEntity>) {
    this.#reader = reader;
    this.#rows = rows;
  }

  /** One query for each metric and set of origins, over the union of the slots and minutes that want it. Errors: those of the reader. */
  static async read(reader: MetricReader, wanted: readonly RowsWanted[]): Promise<WindowRows> {
    const queries = new Map<string, SeriesQuery>();
    for (const { reads, slots, fromMinute, toMinute } of wanted) {
      for (const { schema, origins } of reads) {
        const key = keyOf(schema, origins);
        const known = queries.get(key);
        queries.set(key, {
          metric: schema,
          origins,
          slots: [...new Set([...(known?.slots ?? []), ...slots])],
          fromMinute: Math.min(fromMinute, known?.fromMinute ?? fromMinute),
          toMinute: Math.max(toMinute, known?.toMinute ?? toMinute),
          step: 'MINUTE',
          offsetMinutes: 0,
        });
      }
    }
    const rows = new Map<string, ByEntity>();
    // one after another: judging has time, and queries of people should not wait for it
    for (const [key, query] of queries) {
      const byEntity = new Map<string, MetricSeries[]>();
      for (const series of await reader.readSeries(query)) {
        const others = byEntity.get(series.entityId);
        if (others) others.push(series);
        else byEntity.set(series.entityId, [series]);
      }
      rows.set(key, byEntity);
    }
    return new WindowRows(reader, rows);
  }

  /** Entities with rows of any of these reads, by slot. */
  entitiesOf(reads: readonly AlarmRead[], slots: number): ReadonlyMap<number, ReadonlySet<string>> {
    const known = this.#entities.get(reads);
    if (known) return known;
    const bySlot = new Map<number, Set<string>>();
    this.#entities.set(reads, bySlot);
    for (const { schema, origins } of reads) {
      for (const id of this.#rows.get(keyOf(schema, origins))?.keys() ?? []) {
        const slot = slotOf(id, slots);
        const ids = bySlot.get(slot);
        if (ids) ids.add(id);
        else bySlot.set(slot, new Set([id]));
      }
    }
    return bySlot;
  }

  /** Has the entity any row of these reads in the minutes (both inclusive)? */
  hasRows(reads: readonly AlarmRead[], entityId: string, fromMinute: number, toMinute: number): boolean {
    return reads.some(({ schema, origins }) =>
      this.#seriesOf(schema, origins, entityId).some(({ starts }) =>
        starts.some((s) => s >= fromMinute && s <= toMinute),
      ),
    );
  }

  metrics(): readonly MetricSchema[] {
    return this.#reader.metrics();
  }

  /** Series of one entity that was read. They may reach beyond the range that is asked for. */
  readSeries({ metric, origins, entityIds }: SeriesQuery): Promise<readonly MetricSeries[]> {
    return Promise.resolve((entityIds ?? []).flatMap((id) => this.#seriesOf(metric, origins, id)));
  }

  readRange({ metric, origins, entityIds, fromMinute, toMinute }: SeriesQuery): Promise<readonly MetricSeries[]> {
    const merged: MetricSeries[] = [];
    for (const id of entityIds ?? []) {
      for (const { origin, starts, columns } of this.#seriesOf(metric, origins, id)) {
        const range = new MetricColumns(metric, 1);
        starts.forEach((start, row) => {
          if (start >= fromMinute && start <= toMinute) range.mergeRow(0, columns, row);
        });
        if (range.has(0)) merged.push({ entityId: id, origin, starts: [fromMinute], columns: range });
      }
    }
    return Promise.resolve(merged);
  }

  #seriesOf(metric: MetricSchema, origins: readonly string[], entityId: string): readonly MetricSeries[] {
    return this.#rows.get(keyOf(metric, origins))?.get(entityId) ?? NONE;
  }
}

function keyOf({ name }: MetricSchema, origins: readonly string[]): string {
  return origins[0] === '' ? name : `${name} ${JSON.stringify(origins)}`;
}
