// SPDX-License-Identifier: Apache-2.0
// Goal: batches that are merged in passing, without being kept, lead to the very flushes that kept ones lead to: also with rows that
// overflow, metrics that nobody has here, minutes out of range, bytes that nobody can read, and with an upstream that has a part already.
// Method: two owners get the same random batches; one of them is not told how to read them in passing.
import { chainAfter, SlotOwner, type BatchOutcome, type IncomingBatch } from '@oap-federation/analysis';
import { incomingBatch } from '@oap-federation/federation';
import {
  BatchBuilder,
  decodeBody,
  decodeContent,
  EMPTY_HEADER,
  encodeContent,
  encodeHeader,
  entityOf,
  joinDescriptors,
  metricSchema,
  MetricColumns,
  minuteOf,
  splitContent,
} from '@oap-federation/model';
import { MetricRegistry, seededRng, silentLogger, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { SlotFlush } from '@oap-federation/storage';
import { MemoryTierStore } from '@oap-federation/testkit';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const SUM = metricSchema('service_bytes', 'Service', 'sum');
const APDEX = metricSchema('service_apdex', 'Service', 'apdex');
const PERCENTILE = metricSchema('service_percentile', 'Service', 'percentile2', [10]);
const OTHER = metricSchema('service_other', 'Service', 'sum');
/** Is SUM here. */
const RENAMED = metricSchema('service_total', 'Service', 'sum');
const HERE = [SUM, APDEX, PERCENTILE];
const SHOPS = Array.from({ length: 5 }, (_, i) =>
  entityOf('Service', { service: `shop-${i}`, normal: true, layer: 'GENERAL', name: '' }),
);
const PRODUCERS = ['cloud-c', 'cloud-n', 'cloud-s'];

interface Sent {
  readonly producer: number;
  readonly shops: readonly number[];
  readonly metrics: readonly number[];
  /** Of the first metric: what its rows add. */
  readonly values: readonly bigint[];
  readonly minutesAgo: number;
  readonly origin: string;
  readonly spoilt: boolean;
  /** A flush comes after it. */
  readonly flushes: boolean;
}

const sent: fc.Arbitrary<Sent> = fc.record({
  producer: fc.nat({ max: PRODUCERS.length - 1 }),
  shops: fc.uniqueArray(fc.nat({ max: SHOPS.length - 1 }), { minLength: 1, maxLength: SHOPS.length }),
  metrics: fc.uniqueArray(
    fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 2 }) }, { weight: 1, arbitrary: fc.constantFrom(3, 4) }),
    { minLength: 1, maxLength: 3 },
  ),
  values: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.bigInt({ min: 0n, max: 9_000n }) },
      { weight: 1, arbitrary: fc.constantFrom(2n ** 62n + 2n ** 61n, -(2n ** 62n) - 2n ** 61n, 2n ** 63n - 1n) },
    ),
    { minLength: SHOPS.length, maxLength: SHOPS.length },
  ),
  minutesAgo: fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 2 }) },
    { weight: 1, arbitrary: fc.constantFrom(-20, 20_000) },
  ),
  origin: fc.constantFrom('', '', '', 'leaf'),
  spoilt: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  flushes: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

function contentOf({ shops, metrics, values, minutesAgo, origin }: Sent, now: number) {
  const builder = new BatchBuilder();
  for (const metric of metrics) {
    const schema = [SUM, APDEX, PERCENTILE, OTHER, RENAMED][metric]!;
    const columns = new MetricColumns(schema);
    shops.forEach((shop, row) => {
      if (schema.functionName === 'sum') columns.setRow(row, [values[shop]!], []);
      else columns.enter(row, 100 * shop + 7, 1, 1);
    });
    builder.addRows(columns, minuteOf(now) - minutesAgo, origin, shops.keys(), (row) => SHOPS[shops[row]!]!);
  }
  return builder.build();
}

/** How the upstream of the owner is found before the batches come. */
type Upstream = 'unknown' | 'continuous' | 'ahead';

/** Everything that an owner wrote, and what it answered. */
async function run(batches: readonly Sent[], upstream: Upstream, ahead: number, inPassing: boolean): Promise<string[]> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 8, 12, 0));
  const rng = seededRng(5);
  const store = new MemoryTierStore(() => uuidV7(rng, clock.now()));
  await store.prepareMetrics(HERE);
  await store.expectChildren(PRODUCERS.map((tier) => ({ tier, sinceMinute: 0 })));
  const written: string[] = [];
  const flush = store.flush.bind(store);
  store.flush = (flushes: readonly SlotFlush[]) => {
    // the order of manifests says nothing
    const flushesOf = flushes.map((one) => ({
      ...one,
      manifests: one.manifests.map((manifest) => textOf(manifest)).toSorted(),
    }));
    written.push(textOf(flushesOf));
    return flush(flushes);
  };
  const owner = new SlotOwner(
    {
      tier: 'dc',
      instanceId: 'node',
      storageSessionTimeoutMs: 70_000,
      ttlDays: 7,
      maxFutureMinutes: 5,
      forwards: true,
      originScopes: new Set(['Service']),
      queueBytesMax: 2 ** 26,
      metricsOf: (scope) => HERE.filter((schema) => schema.scope === scope),
      resolve: ({ name }) => (name === RENAMED.name ? SUM : HERE.find((schema) => schema.name === name)),
      hasLocalSources: false,
      rollupPeriodMs: 60_000,
      derivesHours: false,
    },
    { store, clock, logger: silentLogger, telemetry: new MetricRegistry(), liveInstances: () => [] },
  );
  owner.setDesiredSlots([0]);
  await owner.runRound();
  if (upstream === 'continuous') await owner.verify(0, owner.claim(0)!, 1);
  if (upstream === 'ahead') {
    const frontier = new Map([['log-cloud-c', { gen: 1, seq: ahead }]]);
    const position = { gen: 2, seq: 3, chain: new Uint8Array(32), increments: 40, frontier };
    expect(await owner.repair(0, owner.claim(0)!, position, 'apart')).toBe(true);
    await owner.verify(0, owner.claim(0)!, 2);
  }
  const heads = new Map<number, { seq: number; chain: Uint8Array; increments: number }>();
  const answers: Promise<BatchOutcome>[] = [];
  for (const one of batches) {
    const head = heads.get(one.producer) ?? { seq: 0, chain: new Uint8Array(0), increments: 0 };
    const producer = PRODUCERS[one.producer]!;
    const { descriptors, body: good } = encodeContent(contentOf(one, clock.now()));
    const body = one.spoilt ? good.subarray(0, good.length - 1) : good;
    const increments = one.shops.length * one.metrics.length;
    const header = { ...EMPTY_HEADER, watermark: 1, increments, ledger: head.increments };
    const headerBytes = encodeHeader(header);
    const pieces = { head: joinDescriptors(descriptors), body };
    const contentBytes = Uint8Array.of(...pieces.head, ...body);
    const chain = chainAfter(head.chain, headerBytes, contentBytes);
    const seq = head.seq + 1;
    heads.set(one.producer, { seq, chain, increments: head.increments + increments });
    const log = { logId: `log-${producer}`, slot: 0, gen: 1, seq, producer, kind: 'federated' } as const;
    const entities = decodeContent({ descriptors, body: good }).entities;
    const waiting = incomingBatch({ ...log, header, headerBytes, contentPieces: pieces, chain }, (memory) =>
      decodeBody(body, entities, memory),
    );
    const read = incomingBatch({ ...log, header, headerBytes, contentBytes, chain }, () =>
      decodeContent(splitContent(contentBytes)),
    );
    const kept: IncomingBatch = {
      ...log,
      header,
      headerBytes,
      contentBytes,
      chain,
      batch: read.batch,
      undecodable: read.undecodable,
    };
    answers.push(owner.offer(inPassing ? waiting : kept));
    if (one.flushes) await owner.runRound();
  }
  await owner.runRound();
  written.push(textOf(await Promise.all(answers)), textOf(owner.ledger()));
  return written;
}

/** Bytes and columns as lists of their values. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === 'bigint') return String(one);
    if (one instanceof Map || one instanceof Set) return [...one];
    if (ArrayBuffer.isView(one)) return [...(one as unknown as Iterable<number | bigint>)].map(String);
    return one;
  });
}

it('writes the same', async () => {
  const upstreams = fc.constantFrom<Upstream>('unknown', 'continuous', 'continuous', 'ahead');
  await fc.assert(
    fc.asyncProperty(
      fc.array(sent, { minLength: 1, maxLength: 16 }),
      upstreams,
      fc.nat({ max: 5 }),
      async (batches, upstream, ahead) => {
        expect(await run(batches, upstream, ahead, true)).toEqual(await run(batches, upstream, ahead, false));
      },
    ),
    { numRuns: 300 },
  );
}, 120_000);
