// SPDX-License-Identifier: Apache-2.0
// Goal: an upstream that is away for long costs the minimum and loses nothing that is not declared: entries are folded, a full buffer
// blocks, coarsens or drops as it was told, metrics that a tier does not know pass through it, and are merged there after an upgrade.
// Method: real slot owners over stores in memory; what arrives at the top is compared with one flat tier given the same batches.
import {
  BatchBuilder,
  EMPTY_HEADER,
  entityOf,
  MetricColumns,
  metricSchema,
  minuteOf,
  type Entity,
  type Loss,
  type MetricSchema,
} from '@oap-federation/model';
import type { BatchOutcome, IncomingBatch } from '@oap-federation/analysis';
import { randomInt, seededRng, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { SimulatedTier, type SimulatedTierOptions } from '@oap-federation/testkit';
import { describe, expect, it } from 'vitest';

const SERVICE_CPM = metricSchema('service_cpm', 'Service', 'cpm');
const SERVICE_PERCENTILE = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const ENDPOINT_CPM = metricSchema('endpoint_cpm', 'Endpoint', 'cpm');
const ENDPOINT_PERCENTILE = metricSchema('endpoint_percentile', 'Endpoint', 'hdrPercentile', [2]);
const ALL = [SERVICE_CPM, SERVICE_PERCENTILE, ENDPOINT_CPM, ENDPOINT_PERCENTILE];
const of = (scope: 'Service' | 'Endpoint', service: string, name: string): Entity =>
  entityOf(scope, { service, normal: true, layer: 'GENERAL', name });
const ENTITIES = ['a', 'b', 'c'].flatMap((name) => [of('Service', name, ''), of('Endpoint', name, '/x')]);
const START = Date.UTC(2026, 0, 8, 12);

async function setup(outbound?: SimulatedTierOptions['outbound'], schemas: readonly MetricSchema[] = ALL) {
  const clock = new VirtualClock(START);
  const rng = seededRng(7);
  const open = (tier: string, forwards: boolean, own: readonly MetricSchema[], local = false) =>
    SimulatedTier.open({
      tier,
      slots: 1,
      schemas: own,
      forwards,
      originScopes: ['Service'],
      hasLocalSources: local,
      clock,
      newLogId: () => uuidV7(rng, clock.now()),
      ...(outbound && forwards && !local ? { outbound } : {}),
    });
  const leaf = await open('cloud-c', true, ALL, true);
  const mid = await open('dc', true, schemas);
  const top = await open('country', false, ALL);
  const flat = await open('flat', false, ALL);
  for (const [tier, child] of [
    [mid, 'cloud-c'],
    [top, 'dc'],
    [flat, 'cloud-c'],
  ] as const)
    // prettier-ignore
    await tier.store.expectChildren([{ tier: child, sinceMinute: 0 }]);
  const logId = uuidV7(rng, clock.now());
  let seq = 0;
  /** Events of the last minutes, committed at the leaf. */
  const emit = async (events: number) => {
    const builder = new BatchBuilder();
    for (const schema of ALL) {
      for (let back = 0; back < 3; back++) {
        const columns = new MetricColumns(schema);
        const entities = ENTITIES.filter(({ scope }) => scope === schema.scope);
        for (let e = 0; e < events; e++) columns.enter(randomInt(rng, entities.length), randomInt(rng, 900), 1, 1);
        builder.addRows(columns, minuteOf(clock.now()) - back, '', entities.keys(), (row) => entities[row]!);
      }
    }
    const none = new Uint8Array(0);
    const batch: IncomingBatch = {
      logId,
      slot: 0,
      gen: 1,
      seq: ++seq,
      producer: 'cloud-c-node',
      kind: 'local',
      header: { ...EMPTY_HEADER, watermark: minuteOf(clock.now()) - 3, increments: builder.increments },
      headerBytes: none,
      contentBytes: none,
      chain: none,
      batch: builder.build(),
    };
    const answer = leaf.owner.offer(batch);
    await leaf.owner.runRound();
    expect(await answer).toMatchObject({ kind: 'committed' });
    return builder.increments;
  };
  /** The leaf's entries to the middle tier, until it refuses one. */
  const climb = async (): Promise<BatchOutcome['kind']> => {
    const { acknowledgedSeq } = await leaf.store.outboxHead(0);
    for (const entry of await leaf.store.readOutbox(0, acknowledgedSeq, 1e9)) {
      const answer = mid.owner.offer(await leaf.asIncoming(entry));
      await mid.owner.runRound();
      const outcome = await answer;
      if (outcome.kind !== 'committed') return outcome.kind;
      await leaf.store.acknowledgeOutbox(0, entry.seq);
      leaf.owner.acknowledged(0, entry.seq);
    }
    return 'committed';
  };
  /** All that the middle tier has goes to the top, and all that the leaf has to the flat tier. */
  const deliver = async () => {
    for (let round = 0; round < 10; round++) {
      await mid.owner.runRound();
      await mid.forward(top);
    }
    for (const entry of await leaf.store.readOutbox(0, 0, 1e9)) {
      const answer = flat.owner.offer(await leaf.asIncoming(entry));
      await flat.owner.runRound();
      await answer;
    }
    for (const tier of [mid, top, flat]) {
      const suspects = tier.store.peekVerdicts(0).filter(({ state }) => state === 'suspect');
      expect(suspects, `${tier.tier} compared digests`).toEqual([]); // what differs was declared
    }
  };
  /** The upstream is back: what was refused climbs too. */
  const drain = async () => {
    for (let i = 0; i < 20; i++) {
      await mid.forward(top);
      await clock.advance(5_000);
      await mid.owner.runRound();
      await climb();
    }
    await deliver();
  };
  return { clock, leaf, mid, top, flat, emit, climb, deliver, drain };
}

const pendingOf = async (tier: SimulatedTier) => tier.store.readPending(0, 0, 1e9);
const lossesOf = (tier: SimulatedTier, cause: string): Loss[] =>
  tier.store.losses.filter((loss) => loss.cause === cause);

describe('an upstream that is away', () => {
  it('gets what waited, folded into few entries, and nothing is missing', async () => {
    const { mid, top, flat, leaf, emit, climb, deliver, clock } = await setup();
    for (let i = 0; i < 200; i++) {
      await emit(3);
      expect(await climb()).toBe('committed');
      await clock.advance(5_000);
    }
    const { nextSeq } = await mid.store.outboxHead(0);
    expect(nextSeq - 1).toBe(32); // what has a number stays as it is
    expect((await pendingOf(mid)).length).toBeLessThan(20); // of 168
    const before = await mid.store.outboxBacklog();
    const { bytes } = await leaf.store.outboxBacklog();
    expect([bytes, before.entries < 52]).toEqual([0, true]);
    await deliver();
    expect(await pendingOf(mid)).toEqual([]);
    expect(top.store.dump()).toEqual(flat.store.dump());
    expect(top.store.losses).toEqual([]);
  });

  it('survives a kill of the owner at any time: what waits is in the storage', async () => {
    const { mid, top, flat, emit, climb, deliver, clock } = await setup();
    for (let i = 0; i < 120; i++) {
      await emit(2);
      await climb();
      if (i % 7 === 0) await mid.crash();
      await clock.advance(5_000);
    }
    await deliver();
    expect(top.store.dump()).toEqual(flat.store.dump());
  });
});

describe('a full buffer', () => {
  it('blocks: producers are told to wait, and go on when there is room', async () => {
    const { mid, top, flat, emit, climb, drain, clock } = await setup({ bytesMax: 20_000, onFull: 'block' });
    let refused = 0;
    for (let i = 0; i < 150; i++) {
      await emit(3);
      if ((await climb()) === 'busy') refused++;
      await clock.advance(5_000);
    }
    expect(refused).toBeGreaterThan(10);
    expect((await mid.store.outboxBacklog()).bytes).toBeLessThan(30_000);
    await drain();
    expect(top.store.dump()).toEqual(flat.store.dump());
    expect(top.store.losses).toEqual([]);
  });

  it('drops what matters least first, and says above what is gone, to the increment', async () => {
    const { mid, top, flat, emit, climb, drain, clock } = await setup({ bytesMax: 40_000, onFull: 'drop' });
    for (let i = 0; i < 300; i++) {
      await emit(i < 40 ? 1 : 20); // what has a number is not touched: it is little
      await climb();
      await clock.advance(20_000);
    }
    await drain();
    const dropped = lossesOf(top, 'dropped');
    expect(dropped.length).toBeGreaterThan(0);
    expect(dropped.every((loss) => loss.tier === 'dc' && loss.origin !== 'dc')).toBe(true);
    expect(dropped[0]!.kind).toBe('distributions below services');
    const sum = (losses: readonly Loss[]) => losses.reduce((n, loss) => n + loss.increments, 0);
    expect(sum(dropped)).toBe(sum(lossesOf(mid, 'dropped'))); // each once, whatever was folded with it
    // the middle tier itself has all, and so has the top of what was not given up
    expect(mid.store.dump()).toEqual(flat.store.dump());
    const kept = (line: string) => line.includes(' service_cpm ');
    expect(top.store.dump().filter(kept)).toEqual(flat.store.dump().filter(kept));
    expect(top.store.dump()).not.toEqual(flat.store.dump());
  });

  it('coarsens minutes below services: counts stay exact, and it is said', async () => {
    const { top, flat, emit, climb, drain, clock } = await setup({ bytesMax: 40_000, onFull: 'coarsen' });
    for (let i = 0; i < 300; i++) {
      await emit(4);
      await climb();
      await clock.advance(15_000);
    }
    await drain();
    expect(lossesOf(top, 'coarsened').length).toBeGreaterThan(0);
    const counts = (tier: SimulatedTier, metric: string) => {
      const sums = new Map<string, bigint>();
      for (const { schema, entity, origin, ints } of tier.store.peekValues(0)) {
        if (schema.name !== metric || origin !== 0) continue;
        const { id } = tier.store.peekEntity(0, entity)!.entity;
        sums.set(id, (sums.get(id) ?? 0n) + ints[0]!);
      }
      return sums;
    };
    for (const metric of ['service_cpm', 'endpoint_cpm']) expect(counts(top, metric)).toEqual(counts(flat, metric));
    const services = (line: string) => line.includes(' service_');
    expect(top.store.dump().filter(services)).toEqual(flat.store.dump().filter(services));
  });
});

describe('an upstream that lost what the outbox no longer has', () => {
  it('goes on with the rest once an operator accepted it; what is gone is declared to the increment', async () => {
    const { mid, top, emit, climb, clock, deliver } = await setup();
    for (let i = 0; i < 30; i++) {
      await emit(3);
      await climb();
      await mid.forward(top);
      await clock.advance(60_000);
    }
    const gone = (await mid.store.outboxHead(0)).ledger;
    await mid.store.maintenance.dropExpired({ nowMs: clock.now(), ttlDays: 7, outboxRetentionMs: 0 });
    for (let i = 0; i < 3; i++) {
      await emit(3);
      await climb();
      await clock.advance(60_000);
    }
    // another storage in the top's place: it never heard of anything
    const next = await SimulatedTier.open({
      tier: 'country',
      slots: 1,
      schemas: ALL,
      forwards: false,
      originScopes: ['Service'],
      hasLocalSources: false,
      clock,
      newLogId: () => 'unused',
    });
    await mid.store.acceptLoss(0);
    const { gen, lossAccepted } = await mid.store.outboxHead(0);
    expect(lossAccepted).toBe(true);
    const position = { gen: gen + 1, seq: 0, chain: new Uint8Array(0), increments: 0, frontier: new Map() };
    expect(await mid.owner.repair(0, mid.owner.claim(0)!, position, 'passOver')).toBe(true);
    expect(await mid.store.outboxHead(0)).toMatchObject({ gen: gen + 1, lossAccepted: false, ledger: 0 });
    await mid.owner.runRound();
    await mid.forward(next);
    expect(next.store.losses).toMatchObject([
      { tier: 'dc', cause: 'range', increments: gone, kind: 'batches 1 to 30' },
    ]);
    await deliver();
    await mid.forward(next);
    const newest = (tier: SimulatedTier) =>
      tier.store.dump().filter((line) => line.includes(` ${minuteOf(clock.now()) - 1} `));
    expect(newest(next)).toEqual(newest(mid));
    expect(newest(next).length).toBeGreaterThan(0);
  });
});

describe('a metric that the tier in the middle does not know', () => {
  it('reaches the top unread, beside what it knows, and is merged in the middle after an upgrade', async () => {
    const { mid, top, flat, emit, climb, deliver, clock } = await setup(undefined, [SERVICE_CPM, ENDPOINT_PERCENTILE]);
    for (let i = 0; i < 100; i++) {
      await emit(3);
      await climb();
      await clock.advance(5_000);
    }
    await deliver();
    expect(top.store.dump()).toEqual(flat.store.dump());
    expect(mid.store.parked.length).toBeGreaterThan(0);
    expect(mid.store.dump()).not.toEqual(flat.store.dump());
    await mid.upgrade(ALL);
    await mid.owner.runRound();
    expect(mid.store.parked).toEqual([]);
    expect(mid.store.dump()).toEqual(flat.store.dump());
    await deliver();
    expect(top.store.dump()).toEqual(flat.store.dump()); // and nothing of it goes up again
  });
});
