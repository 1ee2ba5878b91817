// SPDX-License-Identifier: Apache-2.0
// Goal: federated = centralised, bit for bit, and exactly once. Method: random increments of every metric function enter two leaf tiers
// whose outboxes feed a tree (leaf -> middle -> top) and, at the same time, one flat tier; commits fail, commits have unknown outcomes,
// owners are killed, batches are offered twice. In the end top and flat hold the same bytes, and both hold the plain sum.
import fc from 'fast-check';
import {
  EMPTY_HEADER,
  BatchBuilder,
  entityOf,
  metricSchema,
  MetricColumns,
  minuteOf,
  NO_WATERMARK,
  slotOf,
  type Entity,
  type FunctionName,
} from '@oap-federation/model';
import type { BatchOutcome } from '@oap-federation/analysis';
import { seededRng, randomInt, uuidV7, type Rng } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { SimulatedTier } from '@oap-federation/testkit';
import { describe, expect, it } from 'vitest';

const SLOTS = 4;
const ARGS: Partial<Record<FunctionName, number[]>> = { percentile2: [10], hdrPercentile: [2], histogram: [100, 5] };
const FUNCTION_NAMES: FunctionName[] = [
  'longAvg',
  'doubleAvg',
  'sum',
  'count',
  'cpm',
  'max',
  'min',
  'percent',
  'rate',
  'apdex',
  'percentile2',
  'hdrPercentile',
  'histogram',
];
const SCHEMAS = FUNCTION_NAMES.flatMap((fn) => [
  metricSchema(`service_${fn.toLowerCase()}`, 'Service', fn, ARGS[fn] ?? []),
  metricSchema(`endpoint_${fn.toLowerCase()}`, 'Endpoint', fn, ARGS[fn] ?? []),
]);

const service = (name: string): Entity =>
  entityOf('Service', { service: name, normal: true, layer: 'GENERAL', name: '' });
const endpoint = (name: string, path: string): Entity =>
  entityOf('Endpoint', { service: name, normal: true, layer: 'GENERAL', name: path });
const ENTITIES = ['a', 'b', 'c'].flatMap((name) => [service(name), endpoint(name, '/x'), endpoint(name, '/y')]);

/** A leaf's local log: batches per slot, offered until committed. */
class LocalProducer {
  readonly #tier: SimulatedTier;
  readonly #logIds: string[];
  readonly #seq = new Array<number>(SLOTS).fill(1);
  constructor(tier: SimulatedTier, rng: Rng, clock: VirtualClock) {
    this.#tier = tier;
    this.#logIds = Array.from({ length: SLOTS }, () => uuidV7(rng, clock.now()));
  }

  /** Enters `events` random events and offers one batch per slot until each is committed. */
  async emit(
    rng: Rng,
    clock: VirtualClock,
    events: number,
    oracle: Map<string, MetricColumns>,
    watermark: number,
  ): Promise<void> {
    const tables = new Map<string, { minute: number; entity: Entity; columns: MetricColumns }>();
    for (let e = 0; e < events; e++) {
      const entity = ENTITIES[randomInt(rng, ENTITIES.length)]!;
      const minute = minuteOf(clock.now()) - randomInt(rng, 3);
      const value = randomInt(rng, 2_000);
      const flag = rng.next() < 0.8 ? 1 : 0;
      for (const schema of SCHEMAS) {
        if (schema.scope !== entity.scope) continue;
        const a = ['percent', 'rate'].includes(schema.functionName) ? flag : value;
        const b = schema.functionName === 'apdex' ? 500 : 1;
        const key = `${entity.id} ${minute} ${schema.name}`;
        for (const columns of [
          at(tables, key, () => ({ minute, entity, columns: new MetricColumns(schema) })).columns,
          at(oracle, key, () => new MetricColumns(schema)),
        ]) {
          columns.enter(0, a, b, flag);
        }
      }
    }
    for (let slot = 0; slot < SLOTS; slot++) {
      const builder = new BatchBuilder();
      for (const { minute, entity, columns } of tables.values()) {
        if (slotOf(entity.id, SLOTS) === slot) builder.addRows(columns, minute, '', [0], () => entity);
      }
      const seq = this.#seq[slot]!++;
      const batch = builder.build();
      const incoming = {
        logId: this.#logIds[slot]!,
        slot,
        gen: 0,
        seq,
        producer: `${this.#tier.tier}-node`,
        kind: 'local' as const,
        header: {
          ...EMPTY_HEADER,
          watermark,
          increments: builder.increments,
        },
        headerBytes: new Uint8Array(0),
        contentBytes: new Uint8Array(0),
        chain: new Uint8Array(0),
        batch,
      };
      await until(this.#tier, () => this.#tier.owner.offer(incoming), rng);
    }
  }
}

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Offers until acknowledged: a producer's whole duty. Sometimes the owner is killed while the batch waits. */
async function until(tier: SimulatedTier, offer: () => Promise<BatchOutcome>, rng: Rng): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const offered = offer();
    if (rng.next() < 0.03) {
      await tier.crash(); // the offer of the dead owner is never answered
      continue;
    }
    await tier.owner.runRound();
    const outcome = await offered;
    if (outcome.kind === 'committed' || outcome.kind === 'duplicate') return;
    expect(['busy', 'notOwner', 'gap']).toContain(outcome.kind);
  }
  throw new Error(`a batch was not acknowledged by ${tier.tier} in 50 attempts`);
}

/** Runs rounds until everything has its number: a claim after a failed commit compares its log with the upstream first. */
async function numbered(tier: SimulatedTier): Promise<void> {
  const waits = async (slot: number) => (await tier.store.readPending(slot, 0, 1)).length > 0;
  for (let round = 0; round < 50; round++) {
    await tier.owner.runRound();
    const owned = tier.owner.ownedSlots();
    if (owned.length === SLOTS && !(await Promise.all(owned.map(waits))).includes(true)) return;
  }
  throw new Error(`entries of ${tier.tier} still wait for a number after 50 rounds`);
}

/** Moves everything from a tier's outbox to an upstream, resending from a random acknowledged place now and then. */
async function pump(from: SimulatedTier, to: SimulatedTier, rng: Rng, acked: Map<string, number>): Promise<void> {
  for (let slot = 0; slot < SLOTS; slot++) {
    const key = `${from.tier}>${to.tier} ${slot}`;
    const known = acked.get(key) ?? 0;
    const start = rng.next() < 0.2 ? Math.max(0, known - randomInt(rng, 3)) : known;
    for (const entry of await from.store.readOutbox(slot, start, 1 << 30)) {
      const incoming = await from.asIncoming(entry);
      await until(to, () => to.owner.offer(incoming), rng);
      acked.set(key, Math.max(entry.seq, acked.get(key) ?? 0));
    }
  }
}

async function history(seed: number): Promise<void> {
  const rng = seededRng(seed);
  const clock = new VirtualClock();
  const newLogId = () => uuidV7(rng, clock.now());
  const open = (tier: string, forwards: boolean, leaf: boolean) =>
    SimulatedTier.open({
      tier,
      slots: SLOTS,
      schemas: SCHEMAS,
      forwards,
      originScopes: leaf ? [] : ['Service'],
      hasLocalSources: leaf,
      clock,
      newLogId,
    });
  const leaves = [
    await open('cloud-c', true, true),
    await open('cloud-n', true, true),
    await open('cloud-s', true, true),
  ];
  const middle = await open('dc', true, false);
  const top = await open('country', false, false);
  const flat = await open('flat', false, false);
  const expectAll = (tier: SimulatedTier, children: string[]) =>
    tier.store.expectChildren(children.map((child) => ({ tier: child, sinceMinute: 0 })));
  await expectAll(middle, ['cloud-c', 'cloud-n']);
  await expectAll(top, ['dc', 'cloud-s']);
  await expectAll(flat, ['cloud-c', 'cloud-n', 'cloud-s']);
  for (const tier of [...leaves, middle, top, flat]) {
    tier.store.commitFault = () => (rng.next() < 0.05 ? 'before' : rng.next() < 0.05 ? 'after' : undefined);
  }
  const producers = leaves.map((leaf) => new LocalProducer(leaf, rng, clock));
  const oracle = new Map<string, MetricColumns>();
  const acked = new Map<string, number>();
  for (let step = 0; step < 4; step++) {
    for (const producer of producers)
      await producer.emit(rng, clock, 5 + randomInt(rng, 10), oracle, minuteOf(clock.now()) - 3);
    for (const leaf of leaves) if (rng.next() < 0.7) await pump(leaf, flat, rng, acked);
    for (const leaf of leaves.slice(0, 2)) if (rng.next() < 0.7) await pump(leaf, middle, rng, acked);
    if (rng.next() < 0.7) await pump(middle, top, rng, acked);
    await clock.advance(20_000 + randomInt(rng, 60_000));
  }
  for (const leaf of leaves) {
    await numbered(leaf);
    await pump(leaf, flat, rng, acked);
  }
  for (const leaf of leaves.slice(0, 2)) await pump(leaf, middle, rng, acked);
  await numbered(middle);
  await pump(middle, top, rng, acked);
  await pump(leaves[2]!, top, rng, acked);

  // the tree and the flat tier hold the same bytes, origins included
  const flatRows = flat.store.dump();
  expect(flatRows.length).toBeGreaterThan(0);
  expect(top.store.dump()).toEqual(flatRows);
  // ... which are the plain sum of what was entered
  const merged = flat.store.dump('minute', { mergedOnly: true }).map((line) => line.slice(line.indexOf(' ') + 1));
  const sums = [...oracle].map(([key, columns]) => {
    const [id, minute] = key.split(' ');
    const { schema } = columns;
    const fields = [
      ...schema.intFields.map((_, f) => String(columns.int(0, f))),
      ...schema.distributionFields.map((_, f) => Buffer.from(columns.distribution(0, f)!.encode()).toString('hex')),
    ].join(' ');
    return `${id} [] ${minute} ${schema.text} = ${fields}`;
  });
  expect(merged.toSorted()).toEqual(sums.toSorted());
  // nothing was set aside, and watermarks only promise what is sealed
  for (const tier of [...leaves, middle, top, flat]) expect(tier.store.parked).toEqual([]);
  for (const source of await top.store.metadata.completeness()) {
    expect(source.completeToMinute).toBeGreaterThan(NO_WATERMARK);
    expect(source.completeToMinute).toBeLessThanOrEqual(minuteOf(clock.now()));
  }
  expect((await top.store.metadata.completeness()).map((s) => s.origin).toSorted()).toEqual([
    'cloud-c',
    'cloud-n',
    'cloud-s',
  ]);
}

describe('a tree of tiers', () => {
  it('gives byte-equal rows to one flat tier fed with the same increments, through failed and unknown commits and kills', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => history(seed)),
      { numRuns: 12 },
    );
  }, 120_000);
});
