// SPDX-License-Identifier: Apache-2.0
// Goal: L1 batches cross between nodes of a tier unchanged, and every outcome comes back. Method: a real gRPC server on loopback with an intake
// that records what it is offered and answers each kind; a dead address answers busy.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { BatchOutcome, IncomingBatch, SlotIntake } from '@oap-federation/analysis';
import {
  EMPTY_HEADER,
  BatchBuilder,
  encodeContent,
  entityOf,
  joinContent,
  metricSchema,
  MetricColumns,
} from '@oap-federation/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RemoteIntake, slotIntakeService } from './node-link.js';

const offered: IncomingBatch[] = [];
const answers: BatchOutcome[] = [
  { kind: 'committed', appliedSeq: 1 },
  { kind: 'duplicate', appliedSeq: 7 },
  { kind: 'gap', expectedSeq: 3 },
  { kind: 'notOwner' },
  { kind: 'busy', retryAfterMs: 250 },
];
const intake: Pick<SlotIntake, 'offer'> = {
  offer: (batch) => Promise.resolve(answers[offered.push(batch) - 1]!),
};
const server = new Server();
let port = 0;

beforeAll(async () => {
  const { definition, implementation } = slotIntakeService(intake, 'inner');
  server.addService(definition, implementation);
  port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, bound) =>
      err ? reject(err) : resolve(bound),
    );
  });
});
afterAll(() => server.forceShutdown());

function batch(seq: number): IncomingBatch {
  const columns = new MetricColumns(metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]));
  for (const value of [1, 40, 1_000]) columns.enter(0, value, 0, 1);
  const builder = new BatchBuilder();
  const shop = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
  builder.addRows(columns, 29_000_000, '', [0], () => shop);
  const none = new Uint8Array(0);
  const header = {
    ...EMPTY_HEADER,
    watermark: 28_999_999,
    increments: 1,
  };
  return {
    logId: 'log',
    slot: 3,
    gen: 0,
    seq,
    producer: 'node-a',
    kind: 'local',
    header,
    headerBytes: none,
    contentBytes: none,
    chain: none,
    batch: builder.build(),
  };
}

it('carries batches and outcomes unchanged', async () => {
  using remote = new RemoteIntake(`127.0.0.1:${port}`, 'node-a', {
    logger: { warn: () => undefined },
    now: () => Date.now(),
    token: 'inner',
  });
  const sent = answers.map((_, i) => batch(i + 1));
  const outcomes = await Promise.all(sent.map((b) => remote.offer(b)));
  expect(outcomes).toEqual(answers);
  expect(offered.map((b) => b.seq)).toEqual([1, 2, 3, 4, 5]);
  expect(offered[0]).toMatchObject({
    logId: 'log',
    slot: 3,
    producer: 'node-a',
    kind: 'local',
    header: sent[0]!.header,
  });
  expect(joinContent(encodeContent(offered[0]!.batch))).toEqual(joinContent(encodeContent(sent[0]!.batch)));
});

it('says busy when the other node is not there', async () => {
  const warnings: string[] = [];
  using remote = new RemoteIntake('127.0.0.1:1', 'node-a', {
    logger: { warn: (_, message) => warnings.push(message) },
    now: () => Date.now(),
  });
  expect(await remote.offer(batch(1))).toMatchObject({ kind: 'busy' });
  expect(warnings).toHaveLength(1);
});

it('a node with another token is refused, and nothing of its offer is taken', async () => {
  const before = offered.length;
  const warnings: unknown[] = [];
  using remote = new RemoteIntake(`127.0.0.1:${port}`, 'node-b', {
    logger: { warn: (fields) => warnings.push(fields['err']) },
    now: () => Date.now(),
  });
  expect(await remote.offer(batch(1))).toMatchObject({ kind: 'busy' });
  expect(String(warnings[0])).toContain('cluster.zookeeper.internalToken differs');
  expect(offered.length).toBe(before);
});
