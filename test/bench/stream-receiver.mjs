// SPDX-License-Identifier: Apache-2.0
// The receiving process of the stream benchmark: the real federation receiver before an intake that commits at once, and two plain
// methods for the references. Talks to its parent: `start` and `stop` around a piece of work, answers CPU seconds and what came.
import process from 'node:process';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { federationServices, receiverConfig } from '@oap-federation/federation';
import { incrementCount, NO_WATERMARK } from '@oap-federation/model';
import { systemClock } from '@oap-federation/runtime';
import { cpuSeconds } from './measure.mjs';
import { Increment } from './reference.mjs';
import { BARE, SINGLE } from './stream-methods.mjs';
import { logger, SLOTS } from './tier.mjs';

let received = 0;
const marks = new Map();

const intake = {
  owns: () => true,
  mark: (_slot, logId) => marks.get(logId),
  offer: async ({ logId, slot, producer, gen, seq, chain, header, batch }) => {
    const increments = incrementCount(batch);
    received += increments;
    const { watermark, origins, frontier } = header;
    const taken = increments + (marks.get(logId)?.increments ?? 0);
    const mark = { logId, slot, producer, kind: 'federated', gen, seq, chain, watermark, origins, frontier };
    marks.set(logId, { ...mark, increments: taken, updatedAtMs: systemClock.now() });
    return { kind: 'committed', appliedSeq: seq };
  },
  raiseGeneration: async (slot, logId, gen, producer) => {
    const empty = {
      seq: 0,
      chain: new Uint8Array(0),
      watermark: NO_WATERMARK,
      origins: new Map(),
      frontier: new Map(),
    };
    const before = marks.get(logId) ?? { logId, slot, producer, kind: 'federated', ...empty, increments: 0 };
    marks.set(logId, { ...before, gen, updatedAtMs: systemClock.now() });
    return true;
  },
  commitSoon() {},
  watchOwnership: () => () => {},
};
const coordinator = {
  slotOwners: () => Array.from({ length: SLOTS }, () => 'upper'),
  watchSlots: () => () => {},
  queryModules: () => [],
  watchModules: () => () => {},
};
let port = 0; // known after the services are there
const settings = receiverConfig({ tier: 'upper', slots: SLOTS, instanceId: 'upper', address: '' });
const config = {
  ...settings,
  get address() {
    return `127.0.0.1:${port}`;
  },
};
const { services } = federationServices(config, {
  intake,
  store: { expectChildren: async () => {}, stableSeq: () => 0 },
  routes: () => undefined,
  coordinator,
  clock: systemClock,
  logger,
});
const server = new Server({
  'grpc-node.flow_control_window': 1_048_576,
  'grpc.max_receive_message_length': config.maxFrameBytes + 1_024,
});
for (const { definition, implementation } of services) server.addService(definition, implementation);
const counted = (count) => (call, callback) => {
  call.on('data', (bytes) => (received += count(bytes)));
  call.on('end', () => callback(null, Buffer.alloc(0)));
};
server.addService(
  { bare: BARE, single: SINGLE },
  {
    bare: counted((bytes) => bytes.length),
    single: counted((bytes) => (Increment.decode(bytes).minute > 0 ? 1 : 0)),
  },
);

let cpu = 0;
process.on('message', ({ kind }) => {
  if (kind === 'start') {
    received = 0;
    cpu = cpuSeconds();
    process.send({});
  } else if (kind === 'stop') {
    process.send({ cpu: cpuSeconds() - cpu, received });
  }
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
  port = bound;
  process.send(error ? { failed: error.message } : { port });
});
