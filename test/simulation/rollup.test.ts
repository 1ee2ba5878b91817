// SPDX-License-Identifier: Apache-2.0
// Goal: hour and day rows are derived, idempotent, and right again after late data, failed commits and a killed owner.
// Method: minutes enter a simulated leaf; after rollup rounds the hour and day rows must equal the fold of the minute rows.
import {
  EMPTY_HEADER,
  BatchBuilder,
  entityOf,
  metricSchema,
  MetricColumns,
  minuteOf,
  type Entity,
} from '@oap-federation/model';
import { uuidV7, seededRng } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { SimulatedTier } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const P = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const MAX = metricSchema('service_slowest', 'Service', 'max');
const SHOP: Entity = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });

async function leaf(clock: VirtualClock) {
  const rng = seededRng(7);
  const tier = await SimulatedTier.open({
    tier: 'cloud-c',
    slots: 1,
    schemas: [CPM, P, MAX],
    forwards: false,
    originScopes: [],
    hasLocalSources: true,
    clock,
    newLogId: () => uuidV7(rng, clock.now()),
  });
  let seq = 0;
  const emit = async (minute: number, values: number[]) => {
    const builder = new BatchBuilder();
    for (const schema of [CPM, P, MAX]) {
      const columns = new MetricColumns(schema);
      for (const v of values) columns.enter(0, v, 0, 1);
      builder.addRows(columns, minute, '', [0], () => SHOP);
    }
    seq++;
    const incoming = {
      logId: '018f0000-0000-7000-8000-000000000000',
      slot: 0,
      gen: 0,
      seq,
      producer: 'cloud-c-node',
      kind: 'local' as const,
      header: {
        ...EMPTY_HEADER,
        watermark: minute,
        increments: 3,
      },
      headerBytes: new Uint8Array(0),
      contentBytes: new Uint8Array(0),
      chain: new Uint8Array(0),
      batch: builder.build(),
    };
    for (;;) {
      const offered = tier.owner.offer(incoming);
      await tier.owner.runRound();
      const outcome = await offered;
      if (outcome.kind === 'committed' || outcome.kind === 'duplicate') return;
    }
  };
  const rollUp = async () => {
    await clock.advance(61_000);
    await tier.owner.runRound();
  };
  const row = (granularity: 'hour' | 'day', metric: string) =>
    tier.store
      .dump(granularity)
      .filter((line) => line.includes(` ${metric} `))
      .map((line) => line.split(' = ')[1]);
  return { tier, emit, rollUp, row };
}

function folded(values: number[]): string {
  const columns = new MetricColumns(P);
  for (const v of values) columns.enter(0, v, 0, 1);
  return Buffer.from(columns.distribution(0, 0)!.encode()).toString('hex');
}

it('derives hours and days from minutes, again when late data comes, the same however often', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1, 10, 0));
  const { tier, emit, rollUp, row } = await leaf(clock);
  const start = minuteOf(clock.now());
  await emit(start, [10, 20]);
  await emit(start + 1, [700]);
  await rollUp();
  expect(row('hour', 'service_cpm')).toEqual(['3']);
  expect(row('hour', 'service_percentile')).toEqual([folded([10, 20, 700])]);
  expect(row('day', 'service_slowest')).toEqual(['700']);
  const before = tier.store.dump('hour');
  await rollUp();
  expect(tier.store.dump('hour')).toEqual(before);

  await clock.advance(60 * 60_000);
  await emit(start, [5_000]); // late, for a minute that was rolled up
  await emit(start + 60, [1]); // the next hour of the same day
  await tier.crash(); // the note that the hour is stale survives the owner
  tier.store.commitFault = (() => {
    let first = true;
    return () => {
      const fault = first ? ('after' as const) : undefined;
      first = false;
      return fault;
    };
  })();
  for (let round = 0; round < 3; round++) await rollUp();
  expect(row('hour', 'service_cpm').toSorted()).toEqual(['1', '4']);
  expect(row('hour', 'service_percentile')).toContain(folded([10, 20, 700, 5_000]));
  expect(row('day', 'service_cpm')).toEqual(['5']);
  expect(row('day', 'service_slowest')).toEqual(['5000']);
});
