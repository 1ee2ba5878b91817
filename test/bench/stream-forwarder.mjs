// SPDX-License-Identifier: Apache-2.0
// The sending process of the stream benchmark. Does what its parent says, one piece of work at a time, and answers wall and CPU seconds.
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { Client, credentials } from '@grpc/grpc-js';
import { forwarderConfig, grpcTransport, openForwarder, staticDiscovery } from '@oap-federation/federation';
import { SparseDistribution } from '@oap-federation/model';
import { systemClock, systemRng } from '@oap-federation/runtime';
import { openPostgresStore } from '@oap-federation/storage';
import { batchOf, federationProgram, SERVICE_METRICS, services } from './data.mjs';
import { cpuSeconds } from './measure.mjs';
import { Increment, messagesOf } from './reference.mjs';
import { BARE, SINGLE } from './stream-methods.mjs';
import { logger, SLOTS } from './tier.mjs';

const deps = { clock: systemClock, rng: systemRng, logger };
const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
/** Owner of all slots, whose outbox continues what the upstream has. */
const intake = {
  ownedSlots: () => slots,
  claim: (slot) => claims.get(slot),
  claimed: () => new Map(),
  isVerified: () => true,
  verify: async () => true,
  acknowledged: () => {},
  repair: async () => false,
  watchOwnership: () => () => {},
  watchOutbox: () => () => {},
};
const claims = new Map();
let store;
let address;

/** The real forwarder, from its first look at the outbox until everything is acknowledged, also there. */
async function forward({ batches }) {
  for (const slot of slots) claims.set(slot, (await store.outboxHead(slot)).claim);
  const forwarder = openForwarder(forwarderConfig({ tier: 'lower', slots: SLOTS, instanceId: 'lower', token: '' }), {
    store,
    intake,
    ...deps,
    transport: grpcTransport({ clock: systemClock }),
    discovery: staticDiscovery([address]),
    schemas: [...federationProgram().schemas.values()].map(({ text }) => text),
  });
  const deadline = performance.now() + 60_000;
  while (forwarder.status().batchesAcknowledged < batches) {
    if (performance.now() > deadline) throw new Error(JSON.stringify(forwarder.status()));
    await systemClock.sleep(2);
  }
  await forwarder[Symbol.asyncDispose]();
}

/** `next()` gives one message after the other, then undefined. */
function stream({ path, requestSerialize, responseDeserialize }, next) {
  const client = new Client(address, credentials.createInsecure(), { 'grpc-node.flow_control_window': 1_048_576 });
  return new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, (error) => {
      client.close();
      if (error) reject(error);
      else resolve();
    });
    const write = () => {
      for (;;) {
        const message = next();
        if (message === undefined) return call.end();
        if (!call.write(message)) return call.once('drain', write);
      }
    };
    write();
  });
}

function bare({ bytes, frameBytes }) {
  const frame = Buffer.alloc(frameBytes, 7);
  let left = bytes;
  return stream(BARE, () => {
    if (left <= 0) return undefined;
    left -= frameBytes;
    return frame;
  });
}

const { increments } = messagesOf(batchOf(SERVICE_METRICS, services(500), 29_000_000, 0), SparseDistribution);

function single({ messages }) {
  let sent = 0;
  return stream(SINGLE, () => {
    if (sent === messages) return undefined;
    return Buffer.from(Increment.encode(increments[sent++ % increments.length]).finish());
  });
}

const WORK = { forward, bare, single };

async function answer({ kind, ...message }) {
  try {
    if (kind === undefined) {
      address = `127.0.0.1:${message.port}`;
      store = await openPostgresStore({ url: message.url, slots: SLOTS }, deps);
      await store.prepareMetrics([...federationProgram().schemas.values()]);
      process.send({});
      return;
    }
    const cpu = cpuSeconds();
    const from = performance.now();
    await WORK[kind](message);
    process.send({ wall: (performance.now() - from) / 1_000, cpu: cpuSeconds() - cpu });
  } catch (error) {
    process.send({ failed: error.message });
  }
}

process.on('message', (message) => void answer(message));
