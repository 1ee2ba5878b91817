// SPDX-License-Identifier: Apache-2.0
// Goal: the protocol over real gRPC on loopback: delivery, a server that is killed mid-stream, a slow intake with bounded memory,
// large batches in fragments, refusals with their status, the naming service. Method: real servers on free ports, the system clock
// and the model tiers; waiting is for conditions, with a deadline.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { randomInt, seededRng, silentLogger, systemClock } from '@oap-federation/runtime';
import { encodeListNodesRequest } from '@oap-federation/wire';
import { afterEach, describe, expect, it } from 'vitest';
import { forwarderConfig, receiverConfig, type ForwarderConfig, type ReceiverConfig } from './config.js';
import { openNamingDiscovery, staticDiscovery, type UpstreamDiscovery } from './discovery.js';
import { openForwarder, type Forwarder } from './forwarder.js';
import { federationServerOptions, federationServices, grpcTransport } from './grpc.js';
import { MODEL_SCHEMA_TEXT, ModelCluster, ModelIntake, ModelOutbox, ModelSender, ModelStorage } from './model-tier.js';
import type { FederationReceiver } from './receiver.js';

const SLOTS = 4;
const clock = systemClock;
const transport = grpcTransport({ clock });
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function until(condition: () => boolean, what: () => string, ms = 15_000): Promise<void> {
  const deadline = clock.monotonicMs() + ms;
  while (!condition()) {
    if (clock.monotonicMs() > deadline) throw new Error(`not within ${ms} ms: ${what()}`);
    await clock.sleep(5);
  }
}

interface Node {
  readonly port: number;
  readonly intake: ModelIntake;
  readonly receiver: FederationReceiver;
  /** As a kill: connections break, nothing is answered. */
  kill(): Promise<void>;
}

/** One upstream node on a real server; `port` 0 takes a free one. */
async function startNode(
  storage: ModelStorage,
  options: { port?: number; config?: Partial<ReceiverConfig>; pendingMax?: number } = {},
): Promise<Node> {
  const { port = 0, config = {}, pendingMax = 1_000 } = options;
  const cluster = new ModelCluster(SLOTS, ['will-be-set']);
  const { instanceId } = cluster.nodes[0]!;
  const intake = new ModelIntake({ instanceId, storage, clock, rng: seededRng(3), flushMs: 5, pendingMax });
  for (let slot = 0; slot < SLOTS; slot++) intake.claim(slot);
  const merged = receiverConfig({ tier: 'country', slots: SLOTS, instanceId, address: '', ...config });
  const server = new Server(federationServerOptions(merged));
  // The address is known after the port is bound; the services must be there before.
  const address = { host: '' };
  const { receiver, services } = federationServices(
    {
      ...merged,
      get address() {
        return address.host;
      },
    },
    {
      intake,
      store: storage,
      routes: () => undefined,
      coordinator: { ...cluster.view(), queryModules: () => [] },
      clock,
      logger: silentLogger,
    },
  );
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, value) => {
      if (error) reject(error);
      else resolve(value);
    });
  });
  address.host = `127.0.0.1:${bound}`;
  let killed = false;
  const kill = async () => {
    if (killed) return;
    killed = true;
    intake.kill();
    server.forceShutdown();
    await receiver[Symbol.asyncDispose]();
  };
  closing.push(kill);
  return { port: bound, intake, receiver, kill };
}

function startForwarder(
  outbox: ModelOutbox,
  discovery: UpstreamDiscovery,
  config: Partial<ForwarderConfig> = {},
): { forwarder: Forwarder; intake: ModelSender } {
  const intake = new ModelSender([0, 1, 2, 3]);
  const forwarder = openForwarder(
    forwarderConfig({ tier: 'east', slots: SLOTS, instanceId: 'east 0', token: '', ...config }),
    {
      store: outbox,
      intake,
      clock,
      rng: seededRng(5),
      logger: silentLogger,
      transport,
      discovery,
      schemas: [MODEL_SCHEMA_TEXT],
    },
  );
  closing.push(async () => forwarder[Symbol.asyncDispose]());
  return { forwarder, intake };
}

describe('over gRPC', () => {
  it('delivers, and shows where it stands', async () => {
    const storage = new ModelStorage(SLOTS);
    const node = await startNode(storage);
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    for (let i = 0; i < 200; i++) outbox.append(i % SLOTS, { [`s${i % 17}`]: i });
    const { forwarder, intake } = startForwarder(outbox, staticDiscovery([`127.0.0.1:${node.port}`]));
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(forwarder.status()),
    );
    expect(storage.rows).toEqual(outbox.expected);
    outbox.append(0, { late: 1 });
    intake.appended(0);
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(forwarder.status()),
    );
    const status = forwarder.status();
    expect(status).toMatchObject({ batchesSent: 201, batchesAcknowledged: 201 });
    expect(status.upstreams).toMatchObject([{ connected: true, tier: 'country', inFlight: 0, refusedMetrics: [] }]);
    expect(status.logs.map(({ state }) => state)).toEqual(['STREAMING', 'STREAMING', 'STREAMING', 'STREAMING']);
    expect(node.receiver.status()).toMatchObject({ offered: 201, committed: 201, downstreams: [{ tier: 'east' }] });
  });

  it('survives a server that is killed mid-stream, again and again', async () => {
    const storage = new ModelStorage(SLOTS);
    let node = await startNode(storage);
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    outbox.onAcknowledge = (logId, slot, seq) => {
      if ((storage.mark(slot, logId)?.seq ?? 0) < seq) throw new Error(`BUG: ${seq} acknowledged, not committed`);
    };
    const { forwarder, intake } = startForwarder(outbox, staticDiscovery([`127.0.0.1:${node.port}`]));
    const rng = seededRng(9);
    for (let kill = 0; kill < 6; kill++) {
      for (let i = 0; i < 150; i++) {
        const slot = randomInt(rng, SLOTS);
        outbox.append(slot, { [`s${i}`]: i + 1 });
        intake.appended(slot);
      }
      const before = storage.committedBatches;
      await until(
        () => storage.committedBatches > before + 20,
        () => JSON.stringify(forwarder.status()),
      );
      await node.kill();
      node = await startNode(storage, { port: node.port });
    }
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(forwarder.status()),
    );
    expect(storage.rows).toEqual(outbox.expected);
    expect(storage.committedBatches).toBe(900);
  });

  it('holds no more than the credit when the intake is slow', async () => {
    const storage = new ModelStorage(SLOTS);
    const creditBytes = 256 * 1_024;
    const node = await startNode(storage, { config: { creditBytes } });
    node.intake.paused = true;
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    for (let i = 0; i < 400; i++) outbox.append(i % SLOTS, { [`s${i}`]: 1 }, 29_000_000, 400);
    const config = forwarderConfig({ tier: 'east', slots: SLOTS, instanceId: 'i', token: '' });
    const { forwarder } = startForwarder(outbox, staticDiscovery([`127.0.0.1:${node.port}`]), {
      log: { ...config.log, windowBatches: 1_000 },
      queueCapacityBatches: 1_000,
    });
    await until(
      () => node.receiver.status().inFlight >= 60,
      () => JSON.stringify(node.receiver.status()),
    );
    await clock.sleep(200); // what must not come has had its time
    const most = creditBytes / 4_096; // each batch costs at least 4096
    expect(node.receiver.status().inFlight).toBe(most);
    expect(forwarder.status().batchesSent).toBe(most);
    expect(node.intake.pendingMost).toBe(most);
    node.intake.paused = false;
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(forwarder.status()),
    );
    expect(storage.rows).toEqual(outbox.expected);
    expect(node.intake.pendingMost).toBe(most);
  });

  it('cuts batches that are larger than a frame, and than the whole credit', async () => {
    const storage = new ModelStorage(SLOTS);
    const node = await startNode(storage, { config: { creditBytes: 65_536, maxFrameBytes: 65_536 } });
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    for (let i = 0; i < 4; i++) {
      const counts = Object.fromEntries(Array.from({ length: 2_000 }, (_, k) => [`s${i}-${k}`, k]));
      outbox.append(0, counts, 29_000_000 + i, 100);
      outbox.append(1, { small: 1 });
    }
    expect(outbox.log(0).entries[0]!.content.length).toBeGreaterThan(200_000);
    const { forwarder } = startForwarder(outbox, staticDiscovery([`127.0.0.1:${node.port}`]));
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(forwarder.status()),
    );
    expect(storage.rows).toEqual(outbox.expected);
  });

  it('is refused with a wrong token, and comes in as soon as the token is right', async () => {
    const storage = new ModelStorage(SLOTS);
    const node = await startNode(storage, { config: { tokens: { east: 'secret' } } });
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    outbox.append(0, { shop: 1 });
    const address = `127.0.0.1:${node.port}`;
    const wrong = startForwarder(outbox, staticDiscovery([address]), { token: 'guess' });
    await until(
      () => wrong.forwarder.status().upstreams[0]?.state === 'REFUSED',
      () => JSON.stringify(wrong.forwarder.status()),
    );
    expect(wrong.forwarder.status().upstreams[0]!.detail).toContain('DENIED: tier east is not allowed here');
    const right = startForwarder(outbox, staticDiscovery([address]), { token: 'secret' });
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(right.forwarder.status()),
    );
    const request = encodeListNodesRequest({ tier: 'east' });
    await expect(transport.listNodes(address, 'guess', request)).rejects.toThrow('PERMISSION_DENIED');
    await expect(transport.listNodes(address, 'secret', Uint8Array.of(255))).rejects.toThrow('INVALID_ARGUMENT');
  });

  it('finds the nodes through the naming service of any of them', async () => {
    const storage = new ModelStorage(SLOTS);
    const node = await startNode(storage);
    const address = `127.0.0.1:${node.port}`;
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    outbox.append(2, { shop: 1 });
    const discovery = openNamingDiscovery(
      { seeds: ['127.0.0.1:1', address], tier: 'east', token: '', refreshMs: 60_000 },
      { transport, clock, rng: seededRng(4), logger: silentLogger },
    );
    closing.push(async () => discovery[Symbol.asyncDispose]());
    await until(
      () => discovery.slotMap() !== undefined,
      () => 'no answer',
    );
    expect(discovery.nodes().map((found) => found.address)).toEqual([address]);
    const { forwarder } = startForwarder(outbox, discovery);
    await until(
      () => outbox.pending === 0,
      () => JSON.stringify(forwarder.status()),
    );
    expect(forwarder.status().upstreams.map((upstream) => upstream.address)).toEqual([address]);
  });

  it('is found dead by heartbeats when the other side says nothing more', async () => {
    const storage = new ModelStorage(SLOTS);
    const node = await startNode(storage, { config: { heartbeatMs: 50, silenceMs: 150 } });
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(1));
    const config = forwarderConfig({ tier: 'east', slots: SLOTS, instanceId: 'i', token: '' });
    // This sender never says anything after Hello, because its own heartbeat is far away.
    const { forwarder } = startForwarder(outbox, staticDiscovery([`127.0.0.1:${node.port}`]), {
      stream: { ...config.stream, heartbeatMs: 60_000, silenceMs: 180_000 },
    });
    await until(
      () => forwarder.status().upstreams[0]?.detail.includes('nothing heard') === true,
      () => JSON.stringify(forwarder.status()),
    );
  });
});
