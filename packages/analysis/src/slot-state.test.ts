// SPDX-License-Identifier: Apache-2.0
// Goal: what a slot's memory gives out to be written is what the storage must have, whatever was loaded, forgotten or claimed again in
// between; and rows said to be fresh are those that the storage does not have. Method: random histories against plain sums in a Map.
import { BatchBuilder, entityOf, MetricColumns, metricSchema, NO_WATERMARK, type Entity } from '@oap-federation/model';
import type { RowBlock } from '@oap-federation/storage';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SlotDelta } from './delta.js';
import { SlotState } from './slot-state.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const RESP = metricSchema('service_resp_time', 'Service', 'longAvg');
const METRICS = [CPM, RESP];
const metricsOf = () => METRICS;
const BASE = 29_000_000;
const ORIGINS = ['', 'a', 'b'];

// more than two pages of codes
const SERVICES: readonly Entity[] = Array.from({ length: 700 }, (_, i) =>
  entityOf('Service', { service: `s${i}`, normal: true, layer: 'GENERAL', name: '' }),
);

/** A row as the storage keeps it: per metric its int64 fields. */
type Row = Map<string, readonly bigint[]>;

/** Stored rows and codes of one slot. */
class Stored {
  readonly rows = new Map<string, Row>();
  readonly entities: Entity[] = [];
  readonly origins = [''];

  claim(): ConstructorParameters<typeof SlotState>[0] {
    const minutes = [...this.rows.keys()].map((key) => Number(key.split(' ')[0]));
    return {
      slot: 0,
      fence: { epoch: 1, claim: 1, flushes: 0 },
      marks: [],
      entities: this.entities.map((entity, code) => ({ code, entity })),
      origins: this.origins.flatMap((name, code) => (code === 0 ? [] : [{ code, name }])),
      newestMinute: Math.max(NO_WATERMARK, ...minutes),
    };
  }

  load(minutes: readonly number[]): RowBlock[] {
    const found = [...this.rows].filter(([key]) => minutes.includes(Number(key.split(' ')[0])));
    if (found.length === 0) return [];
    const part = (i: number) => Int32Array.from(found, ([key]) => Number(key.split(' ')[i]));
    return [
      {
        scope: 'Service',
        granularity: 'minute',
        slot: 0,
        minutes: part(0),
        origins: part(1),
        entities: part(2),
        metrics: METRICS.map((schema) => ({
          schema,
          present: Uint8Array.from(found, ([, row]) => (row.has(schema.name) ? 1 : 0)),
          ints: schema.intFields.map((_, f) => BigInt64Array.from(found, ([, row]) => row.get(schema.name)?.[f] ?? 0n)),
          distributions: [],
        })),
      },
    ];
  }

  write(block: RowBlock): void {
    let previous = '';
    for (let i = 0; i < block.entities.length; i++) {
      const key = `${block.minutes[i]} ${block.origins[i]} ${block.entities[i]}`;
      const order = [block.origins[i]!, block.entities[i]!].map((n) => String(n).padStart(6, '0')).join(' ');
      // not `expect`: it takes longer than all the rest
      if (order <= previous) throw new Error(`${key} is out of order`);
      if (this.rows.has(key) === (block.fresh === true)) throw new Error(`${key}: fresh is ${String(block.fresh)}`);
      previous = order;
      const row: Row = new Map();
      for (const { schema, present, ints } of block.metrics)
        if (present[i] === 1)
          row.set(
            schema.name,
            ints.map((column) => column[i]!),
          );
      this.rows.set(key, row);
    }
  }
}

const increment = fc.record({
  minute: fc.integer({ min: 0, max: 3 }),
  origin: fc.constantFrom(...ORIGINS),
  first: fc.nat(SERVICES.length - 1),
  count: fc.integer({ min: 1, max: 300 }),
  step: fc.integer({ min: 1, max: 7 }),
  metric: fc.constantFrom(...METRICS),
});
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flush' as const), increments: fc.array(increment) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('evict' as const, 'claim' as const) }) },
);

it('rows that are written are absolute, sorted, and fresh exactly when they are not stored', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const stored = new Stored();
      const expected = new Map<string, bigint[]>();
      let state = new SlotState(stored.claim(), metricsOf);
      let nowMs = 0;
      for (const each of steps) {
        nowMs += 1_000;
        if (each.kind === 'flush') flush(each.increments);
        else if (each.kind === 'evict') state.evict(nowMs, 0);
        else state = new SlotState(stored.claim(), metricsOf);
      }
      const seen = new Map<string, readonly bigint[]>();
      for (const [key, row] of stored.rows) {
        const [minute, origin, entity] = key.split(' ').map(Number) as [number, number, number];
        for (const [metric, fields] of row)
          seen.set(`${minute} ${stored.origins[origin]} ${stored.entities[entity]!.id} ${metric}`, fields);
      }
      expect(seen).toEqual(expected);

      function flush(increments: readonly (typeof increment extends fc.Arbitrary<infer T> ? T : never)[]): void {
        const delta = new SlotDelta();
        for (const { minute, origin, first, count, step: by, metric } of increments) {
          const about = Array.from({ length: count }, (_, i) => SERVICES[(first + i * by) % SERVICES.length]!);
          const entities = [...new Set(about)];
          const columns = new MetricColumns(metric);
          const fields = metric.intFields.map((_, f) => BigInt(first * 2 + f));
          entities.forEach((_, row) => columns.setRow(row, fields, []));
          const builder = new BatchBuilder();
          builder.addRows(columns, BASE + minute, origin, entities.keys(), (row) => entities[row]!);
          const batch = builder.build();
          for (const block of batch.blocks) delta.addBlock(batch, block, metric, origin);
          for (const entity of entities) {
            for (const of of new Set(['', origin])) {
              const key = `${BASE + minute} ${of} ${entity.id} ${metric.name}`;
              const before = expected.get(key) ?? fields.map(() => 0n);
              expected.set(
                key,
                before.map((n, f) => n + fields[f]!),
              );
            }
          }
        }
        const missing = state.missingMinutes(delta);
        state.addLoaded(missing, stored.load(missing), nowMs);
        const changes = state.fold(delta, nowMs, () => expect.fail('nothing overflows'));
        for (const { code, entity } of changes.entities) stored.entities[code] = entity;
        for (const { code, name } of changes.origins) stored.origins[code] = name;
        for (const block of changes.rows) stored.write(block);
      }
    }),
    { numRuns: 30 },
  );
});

it('a stored row whose metrics are all gone from the configuration is not fresh', () => {
  const stored = new Stored();
  stored.entities.push(SERVICES[0]!);
  stored.rows.set(`${BASE} 0 0`, new Map());
  const state = new SlotState(stored.claim(), metricsOf);
  const columns = new MetricColumns(CPM);
  columns.setRow(0, [1n], []);
  const builder = new BatchBuilder();
  builder.addRows(columns, BASE, '', [0], () => SERVICES[0]!);
  const batch = builder.build();
  const delta = new SlotDelta();
  delta.addBlock(batch, batch.blocks[0]!, CPM, '');
  const missing = state.missingMinutes(delta);
  expect(missing).toEqual([BASE]);
  state.addLoaded(missing, stored.load(missing), 0);
  for (const block of state.fold(delta, 0, () => expect.fail('nothing overflows')).rows) stored.write(block);
  expect(stored.rows.get(`${BASE} 0 0`)).toEqual(new Map([['service_cpm', [1n]]]));
});
