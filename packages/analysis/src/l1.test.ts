// SPDX-License-Identifier: Apache-2.0
// Goal: L1 merges a window into one numbered batch per slot, and keeps each batch until the owner says that it is committed. Method: a virtual
// clock, a dispatch of two metrics, and an owner that answers what the test tells it to.
import {
  entityOf,
  metricSchema,
  minuteOf,
  NO_WATERMARK,
  slotOf,
  type Entity,
  type MetricColumns,
} from '@oap-federation/model';
import { SourceRecord } from '@oap-federation/oal';
import { MetricRegistry, seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { describe, expect, it } from 'vitest';
import { L1Aggregator, type L1Dispatch } from './l1.js';
import type { BatchOutcome, IncomingBatch } from './ports.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const RESP = metricSchema('service_resp_time', 'Service', 'longAvg');
const SLOTS = 4;

const dispatch: L1Dispatch = {
  metricsOf: (scope) => (scope === 'Service' ? [CPM, RESP] : []),
  dispatch: (record: SourceRecord, columns: readonly MetricColumns[], row: number) =>
    [columns[0]!.enter(row, 1, 0, 1), columns[1]!.enter(row, record.latency, 0, 1)].filter((taken) => !taken).length,
};

const service = (name: string): Entity =>
  entityOf('Service', { service: name, normal: true, layer: 'GENERAL', name: '' });

function open(options: { rowsMax?: number; pendingBatchesMax?: number } = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1, 10, 0, 30));
  const offered: IncomingBatch[] = [];
  const answers: ((batch: IncomingBatch) => BatchOutcome | Promise<BatchOutcome>)[] = [];
  let reachable = true;
  const telemetry = new MetricRegistry();
  const l1 = new L1Aggregator(
    {
      instanceId: 'node',
      slots: SLOTS,
      allowedLatenessMs: 10_000,
      rowsMax: options.rowsMax ?? 100,
      pendingBatchesMax: options.pendingBatchesMax ?? 8,
    },
    {
      clock,
      rng: seededRng(1),
      logger: silentLogger,
      telemetry,
      dispatch,
      route: () =>
        reachable
          ? {
              offer: async (batch) => {
                offered.push(batch);
                const answer = answers.shift();
                return answer ? answer(batch) : { kind: 'committed', appliedSeq: batch.seq };
              },
            }
          : undefined,
    },
  );
  const receive = (name: string, latency: number, minute = minuteOf(clock.now())) => {
    const record = new SourceRecord();
    record.scope = 'Service';
    record.entity = service(name);
    record.minute = minute;
    record.latency = latency;
    l1.receive(record);
  };
  return { clock, l1, offered, answers, receive, telemetry, reach: (yes: boolean) => (reachable = yes) };
}

const withRows = (batches: readonly IncomingBatch[]) => batches.filter((b) => b.batch.blocks.length > 0);

describe('a window', () => {
  it('becomes one batch per slot, with one row per entity and minute', async () => {
    const { l1, offered, receive, clock } = open();
    receive('shop', 10);
    receive('shop', 30);
    receive('shop', 5, minuteOf(clock.now()) - 1);
    receive('stock', 7);
    l1.flushWindow();
    await clock.advance(0);
    const rows = withRows(offered);
    expect(new Set(rows.map((b) => b.slot))).toEqual(
      new Set([slotOf(service('shop').id, SLOTS), slotOf(service('stock').id, SLOTS)]),
    );
    const shop = rows.find((b) => b.slot === slotOf(service('shop').id, SLOTS))!;
    const ofShop = shop.batch.blocks.filter((b) => shop.batch.entities[b.entities[0]!]!.source.service === 'shop');
    const now = ofShop.filter((b) => b.minute === minuteOf(clock.now()));
    expect(now.map((b) => [b.schema.name, ...b.ints.map((column) => column[0])])).toEqual([
      ['service_cpm', 2n],
      ['service_resp_time', 40n, 2n],
    ]);
    expect(ofShop.filter((b) => b.minute === minuteOf(clock.now()) - 1)).toHaveLength(2);
    expect(l1.pendingBatches).toBe(0);
  });

  it('carries a watermark that stays behind by the allowed lateness, on every slot, and only when it moved', async () => {
    const { l1, offered, clock } = open();
    l1.flushWindow();
    await clock.advance(0);
    expect(offered).toHaveLength(SLOTS); // empty batches: a watermark is data
    expect(new Set(offered.map((b) => b.header.watermark))).toEqual(new Set([minuteOf(clock.now() - 10_000)]));
    l1.flushWindow();
    await clock.advance(0);
    expect(offered).toHaveLength(SLOTS);
    await clock.advance(39_000); // 10:01:09: the minute is over, its lateness is not
    l1.flushWindow();
    expect(offered).toHaveLength(SLOTS);
    await clock.advance(1_000);
    l1.flushWindow();
    await clock.advance(0);
    expect(offered).toHaveLength(2 * SLOTS);
    expect(offered.at(-1)!.header.watermark).toBe(minuteOf(clock.now()));
    expect(NO_WATERMARK).toBeLessThan(0);
  });

  it('that is full drops new entities, counts them, and goes on with the known ones', () => {
    const { l1, receive, telemetry } = open({ rowsMax: 2 });
    receive('a', 1);
    receive('b', 1);
    receive('c', 1);
    receive('a', 1);
    expect(l1.pressure()).toBe(1);
    const text = telemetry.render();
    expect(text).toContain('oap_l1_sources_received_total 3');
    expect(text).toMatch(/oap_l1_sources_dropped_total\{reason="window_full"\} 1/);
  });
});

describe('a batch', () => {
  it('is offered again, the same, until it is committed; later ones follow in order', async () => {
    const { l1, offered, answers, receive, clock } = open();
    const slot = slotOf(service('shop').id, SLOTS);
    answers.push(() => ({ kind: 'busy', retryAfterMs: 100 }));
    receive('shop', 10);
    l1.flushWindow();
    await clock.advance(0);
    receive('shop', 20);
    l1.flushWindow();
    await clock.advance(5_000);
    const ofSlot = offered.filter((b) => b.slot === slot);
    const seqs = ofSlot.map((b) => b.seq);
    expect(seqs.filter((s) => s === 1).length).toBeGreaterThanOrEqual(1);
    expect(Math.max(...seqs)).toBe(2);
    const first = ofSlot.filter((b) => b.seq === 1);
    expect(new Set(first.map((b) => b.batch)).size).toBe(1);
    expect(l1.pendingBatches).toBe(0);
  });

  it('is kept while nobody owns its slot, and the window goes on merging when too many wait', async () => {
    const { l1, offered, receive, clock, reach } = open({ pendingBatchesMax: 2 });
    reach(false);
    for (let i = 0; i < 5; i++) {
      receive('shop', 10);
      l1.flushWindow();
    }
    expect(offered).toHaveLength(0);
    expect(l1.pressure()).toBeGreaterThan(0);
    reach(true);
    l1.flushWindow();
    await clock.advance(1_000);
    l1.flushWindow();
    await clock.advance(1_000);
    const calls = withRows(offered)
      .flatMap((b) => b.batch.blocks)
      .filter((b) => b.schema.name === 'service_cpm')
      .reduce((sum, b) => sum + b.ints[0]![0]!, 0n);
    expect(calls).toBe(5n);
    expect(l1.pendingBatches).toBe(0);
  });

  it('survives a storage that went back in time: numbering goes on under a new log', async () => {
    const { l1, offered, answers, receive, clock } = open();
    const slot = slotOf(service('shop').id, SLOTS);
    receive('shop', 1);
    l1.flushWindow();
    await clock.advance(0);
    const logId = offered.find((b) => b.slot === slot)!.logId;
    offered.length = 0;
    answers.push((batch) => ({ kind: 'gap', expectedSeq: batch.seq - 1 })); // what was acknowledged is gone there
    receive('shop', 1);
    l1.flushWindow();
    await clock.advance(5_000);
    const again = offered.filter((b) => b.slot === slot).at(-1)!;
    expect(again.logId).not.toBe(logId);
    expect(again.seq).toBe(1);
    expect(l1.pendingBatches).toBe(0);
  });

  it('of an owner that throws is offered again', async () => {
    const { l1, answers, receive, clock } = open();
    answers.push(() => Promise.reject(new Error('broken')));
    receive('shop', 1);
    l1.flushWindow();
    await clock.advance(5_000);
    expect(l1.pendingBatches).toBe(0);
  });
});
