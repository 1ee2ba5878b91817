// SPDX-License-Identifier: Apache-2.0
// The corpus data in a real store: rows of minutes, hours and days as the owners of its slots would have left them.
import { slotOf, type MetricColumns, type MetricSchema } from '@oap-federation/model';
import type { MetricReader, MetricSeries } from '@oap-federation/mqe';
import type { TierStore } from '@oap-federation/storage';
import { testBlock, testFlush, withTestFences, type TestRow } from '@oap-federation/storage/testing';
import { FIRST_MINUTE, type CorpusData } from './dataset.js';

const STEPS = [
  ['minute', 'MINUTE'],
  ['hour', 'HOUR'],
  ['day', 'DAY'],
] as const;

/** What one slot holds of one scope. */
interface ScopeRows {
  readonly schemas: MetricSchema[];
  /** `minute origin entity` -> the row. */
  readonly rows: Map<string, TestRow & { readonly values: Map<MetricSchema, readonly (bigint | Uint8Array)[]> }>;
}

/** Writes what `data` reads into `store`, which has `slots` slots and is empty. */
export async function storeCorpus(
  { reader, entities }: CorpusData,
  opened: TierStore,
  slots: number,
): Promise<MetricReader> {
  const store = withTestFences(opened);
  await store.prepareMetrics(reader.metrics());
  const origins = ['cloud-c', 'cloud-n'];
  for (let slot = 0; slot < slots; slot++) {
    const { epoch } = (await store.claimSlot(slot, 'node-1')).fence;
    const ofSlot = [...entities.values()].filter(({ id }) => slotOf(id, slots) === slot);
    const codes = new Map(ofSlot.map(({ id }, i) => [id, i + 1]));
    const blocks = [];
    for (const [granularity, step] of STEPS) {
      const scopes = new Map<string, ScopeRows>();
      for (const metric of reader.metrics()) {
        const range = { fromMinute: FIRST_MINUTE, toMinute: FIRST_MINUTE + 4, step, offsetMinutes: 0 };
        const series = await reader.readSeries({ metric, origins: ['', ...origins], ...range });
        for (const one of series) {
          const code = codes.get(one.entityId);
          if (code === undefined) continue;
          let scope = scopes.get(metric.scope);
          if (scope === undefined) scopes.set(metric.scope, (scope = { schemas: [], rows: new Map() }));
          if (!scope.schemas.includes(metric)) scope.schemas.push(metric);
          addSeries(scope, metric, one, code, origins.indexOf(one.origin) + 1);
        }
      }
      for (const { schemas, rows } of scopes.values()) {
        blocks.push(testBlock(slot, schemas, [...rows.values()], granularity));
      }
    }
    await store.flush([
      testFlush(slot, epoch, {
        entities: ofSlot.map((entity) => ({ code: codes.get(entity.id)!, entity })),
        origins: origins.map((name, i) => ({ code: i + 1, name })),
        rows: blocks,
      }),
    ]);
  }
  return store.reader;
}

function addSeries(
  { rows }: ScopeRows,
  metric: MetricSchema,
  series: MetricSeries,
  entity: number,
  origin: number,
): void {
  series.starts.forEach((minute, i) => {
    const key = `${minute} ${origin} ${entity}`;
    let row = rows.get(key);
    if (row === undefined) rows.set(key, (row = { minute, origin, entity, values: new Map() }));
    row.values.set(metric, fieldsOf(metric, series.columns, i));
  });
}

function fieldsOf(metric: MetricSchema, columns: MetricColumns, row: number): readonly (bigint | Uint8Array)[] {
  return [
    ...metric.intFields.map((_, f) => columns.int(row, f)),
    ...metric.distributionFields.map((_, f) => columns.encodedDistribution(row, f)),
  ];
}
