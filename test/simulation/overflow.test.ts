// SPDX-License-Identifier: Apache-2.0
// Goal: an increment that would leave int64 is refused whole, parked, and neither stored nor forwarded; with negative sums, too.
// Method: two origins of opposite sign near 2^63 enter a simulated upper tier.
import {
  EMPTY_HEADER,
  BatchBuilder,
  decodeContent,
  encodeContent,
  encodeHeader,
  entityOf,
  joinContent,
  metricSchema,
  MetricColumns,
  minuteOf,
  splitContent,
} from '@oap-federation/model';
import { chainAfter, type IncomingBatch } from '@oap-federation/analysis';
import { seededRng, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { SimulatedTier } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

const SUM = metricSchema('service_bytes', 'Service', 'sum');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
const NEAR = 2n ** 62n + 2n ** 61n;

it('refuses in the merged row and in the origin row, and changes neither', async () => {
  const clock = new VirtualClock();
  const rng = seededRng(3);
  const tier = await SimulatedTier.open({
    tier: 'dc',
    slots: 1,
    schemas: [SUM],
    forwards: true,
    originScopes: ['Service'],
    hasLocalSources: false,
    clock,
    newLogId: () => uuidV7(rng, clock.now()),
  });
  const chains = new Map<string, Uint8Array>();
  const seqs = new Map<string, number>();
  const send = async (producer: string, value: bigint) => {
    const columns = new MetricColumns(SUM);
    columns.setRow(0, [value], []);
    const builder = new BatchBuilder();
    builder.addRows(columns, minuteOf(clock.now()), '', [0], () => SHOP);
    const batch = builder.build();
    const header = {
      ...EMPTY_HEADER,
      watermark: 1,
      increments: 1,
      origins: new Map([[producer, 1]]),
    };
    const headerBytes = encodeHeader(header);
    const contentBytes = joinContent(encodeContent(batch));
    const chain = chainAfter(chains.get(producer) ?? new Uint8Array(0), headerBytes, contentBytes);
    const seq = (seqs.get(producer) ?? 0) + 1;
    chains.set(producer, chain);
    seqs.set(producer, seq);
    const incoming: IncomingBatch = {
      logId: `log-${producer}`,
      slot: 0,
      gen: 0,
      seq,
      producer,
      kind: 'federated',
      header,
      headerBytes,
      contentBytes,
      chain,
      batch,
    };
    const offered = tier.owner.offer(incoming);
    await tier.owner.runRound();
    expect((await offered).kind).toBe('committed'); // the log goes on: what cannot be merged never blocks it
  };
  const rows = () => tier.store.dump().map((line) => `${/\[.*?\]/.exec(line)![0]} ${line.split(' = ')[1]}`);

  await send('cloud-c', NEAR);
  await send('cloud-n', -NEAR);
  const before = rows();
  await send('cloud-c', NEAR); // the merged row would have room, the origin row has not
  expect(rows()).toEqual(before);
  expect(tier.store.parked.map((p) => p.reason)).toEqual(['overflow']);
  // kept whole: the row can be taken up again when the operator knows what to do with it
  const kept = decodeContent(splitContent(tier.store.parked[0]!.content));
  expect(kept.blocks.map((b) => [b.origin, b.schema.name, b.ints[0]![0], kept.entities[b.entities[0]!]!.id])).toEqual([
    ['cloud-c', 'service_bytes', NEAR, SHOP.id],
  ]);
  await send('cloud-s', NEAR);
  await send('cloud-t', NEAR); // here the merged row has none
  expect(rows().find((row) => row.startsWith('[]'))).toBe(`[] ${NEAR}`);
  expect(tier.store.parked).toHaveLength(2);
  // what was refused was not forwarded either
  const forwarded = await tier.store.readOutbox(0, 0, 1 << 20);
  expect(forwarded.reduce((n, entry) => n + entry.increments, 0)).toBe(3);
});
