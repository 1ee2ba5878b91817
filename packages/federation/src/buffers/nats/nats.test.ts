// SPDX-License-Identifier: Apache-2.0
// Goal: over a real NATS server every batch is applied exactly once: while the server is killed and started again, after all that it kept
// was wiped, with duplicates, with batches larger than its messages; and what is queued outlives the sender. Method: Debian's nats-server,
// real forwarder and receiver, the model that throws where an invariant breaks; progress is awaited, nothing is timed.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MetricRegistry, randomInt, seededRng, silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { startNats, type Nats } from '../../../../../test/services/index.js';
import { available, needs } from '../../../../../test/services/needs.js';
import { forwarderConfig } from '../../config.js';
import type { Forwarder } from '../../forwarder.js';
import { ModelIntake, ModelOutbox, ModelSender, ModelStorage } from '../../model-tier.js';
import { openQueueForwarder } from '../queue/queue-forwarder.js';
import { openQueueReceiver, type QueueReceiver } from '../queue/queue-receiver.js';
import type { MessageQueue } from '../queue/queue.js';
import { openNatsQueue } from './nats-queue.js';

const SLOTS = 2;
const MIB = 1024 * 1024;
const clock = systemClock;
const rng = systemRng;

needs('nats')('through NATS JetStream', () => {
  let server: Nats;
  let tiers = 0;
  beforeAll(async () => {
    server = available(await startNats());
  });
  afterAll(() => server.stop());

  /** Two tiers with names of their own, and a queue connection each. */
  class World {
    readonly upstream = `country.${++tiers}`;
    readonly outbox = new ModelOutbox(SLOTS, clock, rng);
    readonly storage = new ModelStorage(SLOTS);
    readonly queues: MessageQueue[] = [];
    receiver!: { intake: ModelIntake; stop: QueueReceiver };
    sender!: { intake: ModelSender; stop: Forwarder };
    #service = 0;

    constructor() {
      this.outbox.onAcknowledge = (logId, slot, seq) => {
        if ((this.storage.mark(slot, logId)?.seq ?? 0) < seq)
          throw new Error(`BUG: ${seq} acknowledged, not committed`);
      };
    }

    readonly telemetry = new MetricRegistry();

    /** Calls to the server that failed. */
    errors(operation: string): number {
      return this.telemetry.counter('fed_queue_errors_total', '', { operation }).value();
    }

    #queue(name: string): MessageQueue {
      const options = { servers: [server.address], token: '', name, streamMaxBytes: 64 * MIB };
      const queue = openNatsQueue(options, { clock, logger: silentLogger, telemetry: this.telemetry });
      this.queues.push(queue);
      return queue;
    }

    receive(): this {
      const intake = new ModelIntake({
        instanceId: 'up',
        storage: this.storage,
        clock,
        rng,
        flushMs: 5,
        pendingMax: 500,
      });
      const config = { tier: this.upstream, slots: SLOTS, tokens: { 'east.1': 's3cret' }, patienceMs: 20_000 };
      const deps = { intake, store: this.storage, clock, logger: silentLogger, queue: this.#queue('receiver') };
      const stop = openQueueReceiver(config, deps);
      for (let slot = 0; slot < SLOTS; slot++) intake.claim(slot);
      this.receiver = { intake, stop };
      return this;
    }

    send(): this {
      const intake = new ModelSender(Array.from({ length: SLOTS }, (_, slot) => slot));
      const base = forwarderConfig({ tier: 'east.1', slots: SLOTS, instanceId: 'e', token: 's3cret', fetchBytes: MIB });
      const config = { ...base, upstream: this.upstream, patienceMs: 1_000 };
      const deps = { store: this.outbox, intake, clock, rng, logger: silentLogger, queue: this.#queue('sender') };
      this.sender = { intake, stop: openQueueForwarder(config, deps) };
      return this;
    }

    append(slot: number, n: number): void {
      for (let i = 0; i < n; i++) {
        const base = this.#service++ % 50;
        this.outbox.append(slot, { [`s${base}`]: 1 + i, [`t${base}`]: 2 });
      }
      this.sender?.intake.appended(slot);
    }

    /** Everything was applied once, and the sender knows it. */
    async settled(): Promise<void> {
      await expect.poll(() => this.outbox.pending, { timeout: 60_000, interval: 20 }).toBe(0);
      expect(this.storage.rows).toEqual(this.outbox.expected);
      const sent = [0, 1].reduce((sum, slot) => sum + this.outbox.log(slot).nextSeq - 1, 0);
      expect(this.storage.committedBatches).toBe(sent);
    }

    async stop(): Promise<void> {
      await this.sender?.stop[Symbol.asyncDispose]();
      await this.receiver?.stop[Symbol.asyncDispose]();
      for (const queue of this.queues) await queue[Symbol.asyncDispose]();
    }
  }

  it('batches arrive in order, those too large for one message in parts', async () => {
    const world = new World().receive().send();
    world.append(0, 40);
    const many = Object.fromEntries(Array.from({ length: 12_000 }, (_, i) => [`many ${i}`, i + 1]));
    world.outbox.append(1, many, undefined, 150); // some 2 MB: three messages
    world.append(1, 5);
    await world.settled();
    expect(world.outbox.log(1).entries[0]!.content.length).toBeGreaterThan(MIB);
    expect(world.sender.stop.status()).toMatchObject({ batchesAcknowledged: 46 });
    await world.stop();
  }, 60_000);

  it('what the queue has is applied when the upstream comes, though the sender is gone; it hears of it when it is back', async () => {
    const world = new World().receive().send();
    world.append(0, 1);
    await world.settled();
    await world.receiver.stop[Symbol.asyncDispose]();
    world.receiver.intake.kill();
    world.append(0, 12);
    await expect.poll(() => world.sender.stop.status().batchesSent, { timeout: 20_000 }).toBe(13);
    await world.queues[1]![Symbol.asyncDispose](); // its publications are through, then it is gone
    await world.sender.stop[Symbol.asyncDispose]();
    world.receive();
    await expect.poll(() => world.storage.committedBatches, { timeout: 40_000 }).toBe(13);
    expect(world.outbox.pending).toBe(12);
    world.send();
    await world.settled();
    await world.stop();
  }, 90_000);

  it('the server is killed, started again, killed and wiped: exactly once', async () => {
    const world = new World().receive().send();
    const random = seededRng(9);
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 10; i++) {
        world.append(randomInt(random, SLOTS), 1 + randomInt(random, 8));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await server.kill9();
      world.append(0, 3);
      if (round % 2 === 1) server.wipe();
      await server.restart();
      world.append(1, 3);
    }
    await world.settled();
    await world.stop();
  }, 120_000);

  it('a server that comes later is waited for', async () => {
    await server.kill9();
    const world = new World().receive().send();
    world.append(0, 2);
    await expect.poll(() => world.errors('connect'), { timeout: 10_000 }).toBeGreaterThan(0);
    await server.restart();
    await world.settled();
    await world.stop();
  }, 60_000);
});
