// SPDX-License-Identifier: Apache-2.0
// A MetricReader over plain memory, exported as `@oap-federation/mqe/testing`: for tests of what reads through the port.
// In: source events per origin. Out: series as a storage gives them; merged rows and hours and days are merged with the real kernels.
import { bucketStart, MetricColumns, serviceId, slotOf, type Entity, type MetricSchema } from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery } from './port.js';

interface Rows {
  readonly entity: Entity;
  readonly origin: string;
  /** Epoch minute -> row of `columns`. */
  readonly minutes: Map<number, number>;
  readonly columns: MetricColumns;
}

export class MemoryMetricReader implements MetricReader {
  readonly #schemas: readonly MetricSchema[];
  readonly #slotCount: number;
  /** Per metric name, per `entity id` and origin. */
  readonly #rows = new Map<string, Map<string, Rows>>();

  /** `slots`: into how many slots entities are hashed, for queries that ask by slot. */
  constructor(schemas: readonly MetricSchema[], slots = 1) {
    this.#schemas = schemas;
    this.#slotCount = slots;
  }

  /** Takes one source event of `origin`, into its own row and the merged one; `event` as MetricColumns.enter wants it. */
  enter(metric: string, entity: Entity, origin: string, minute: number, event: readonly number[]): void {
    const schema = this.#schemas.find((s) => s.name === metric);
    if (!schema) throw new Error(`BUG: no metric ${metric}`);
    for (const name of ['', origin]) {
      const rows = this.#rowsOf(schema, entity, name);
      let row = rows.minutes.get(minute);
      if (row === undefined) rows.minutes.set(minute, (row = rows.minutes.size));
      rows.columns.enter(row, event[0] ?? 0, event[1] ?? 0, event[2] ?? 0);
    }
  }

  metrics(): readonly MetricSchema[] {
    return this.#schemas;
  }

  readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return Promise.resolve(this.#read(query, (minute) => bucketStart(minute, query.step, query.offsetMinutes)));
  }

  readRange(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    const first = bucketStart(query.fromMinute, query.step, query.offsetMinutes);
    return Promise.resolve(this.#read(query, () => first));
  }

  #read(query: SeriesQuery, rowStart: (minute: number) => number): readonly MetricSeries[] {
    const { metric, entityIds, slots, layer, withoutLayers = [], origins, step, offsetMinutes } = query;
    const first = bucketStart(query.fromMinute, step, offsetMinutes);
    const last = bucketStart(query.toMinute, step, offsetMinutes);
    const found: MetricSeries[] = [];
    for (const { entity, origin, minutes, columns } of this.#rows.get(metric.name)?.values() ?? []) {
      if (entityIds && !entityIds.includes(entity.id)) continue;
      const { service, normal } = entity.source;
      if (query.serviceId !== undefined && serviceId(service, normal) !== query.serviceId) continue;
      if (slots !== undefined && !slots.includes(slotOf(entity.id, this.#slotCount))) continue;
      const layers = entity.source.layer.split(',');
      if ((layer !== undefined && !layers.includes(layer)) || withoutLayers.some((l) => layers.includes(l))) continue;
      if (origins[0] === '*' ? origin === '' : !origins.includes(origin)) continue;
      const starts: number[] = [];
      const merged = new MetricColumns(metric);
      for (const [minute, row] of [...minutes].sort(([a], [b]) => a - b)) {
        const bucket = bucketStart(minute, step, offsetMinutes);
        if (bucket < first || bucket > last) continue;
        const start = rowStart(minute);
        if (starts.at(-1) !== start) starts.push(start);
        merged.mergeRow(starts.length - 1, columns, row);
      }
      if (starts.length > 0) found.push({ entityId: entity.id, origin, starts, columns: merged });
    }
    return found;
  }

  #rowsOf(schema: MetricSchema, entity: Entity, origin: string): Rows {
    let ofMetric = this.#rows.get(schema.name);
    if (!ofMetric) this.#rows.set(schema.name, (ofMetric = new Map()));
    const key = `${entity.id} ${origin}`;
    let rows = ofMetric.get(key);
    if (!rows) ofMetric.set(key, (rows = { entity, origin, minutes: new Map(), columns: new MetricColumns(schema) }));
    return rows;
  }
}
