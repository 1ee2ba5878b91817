// SPDX-License-Identifier: Apache-2.0
// Goal: through a queue that loses what it took, repeats, reorders, is away or wiped, every batch is applied exactly once and in order,
// and an acknowledgement implies a commit. Method: real forwarder and receiver over a queue in memory and a virtual clock; fast-check
// picks the faults; the model throws where an invariant breaks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '@oap-federation/model';
import { MetricRegistry, seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { forwarderConfig } from '../../config.js';
import type { Forwarder } from '../../forwarder.js';
import { ModelIntake, ModelOutbox, ModelSender, ModelStorage } from '../../model-tier.js';
import { MemoryQueue } from './memory-queue.js';
import { decodeAnswer, decodeUp, encodeAnswer, encodeUp, isSigned, type Answer } from './message.js';
import { openQueueForwarder } from './queue-forwarder.js';
import { openQueueReceiver, type QueueReceiver } from './queue-receiver.js';

const SLOTS = 3;
const TOKENS = { east: 's3cret' };

class World {
  readonly clock = new VirtualClock();
  readonly rng;
  readonly queue;
  readonly outbox;
  readonly storage = new ModelStorage(SLOTS);
  readonly telemetry = new MetricRegistry();
  readonly nodes: { intake: ModelIntake; receiver: QueueReceiver }[] = [];
  sender!: { intake: ModelSender; forwarder: Forwarder };
  #service = 0;

  constructor(seed: number) {
    this.rng = seededRng(seed);
    this.queue = new MemoryQueue(this.clock, this.rng, 2_000);
    this.outbox = new ModelOutbox(SLOTS, this.clock, this.rng);
    this.outbox.onAcknowledge = (logId, slot, seq) => {
      if ((this.storage.mark(slot, logId)?.seq ?? 0) < seq) throw new Error(`BUG: ${seq} acknowledged, not committed`);
    };
    for (const node of [0, 1]) this.startNode(node);
    for (let slot = 0; slot < SLOTS; slot++) this.own(slot, slot % 2);
    this.startSender('s3cret');
  }

  startNode(node: number): void {
    const { clock, rng, storage, queue } = this;
    const intake = new ModelIntake({ instanceId: `node ${node}`, storage, clock, rng, flushMs: 15, pendingMax: 12 });
    const config = { tier: 'country', slots: SLOTS, tokens: TOKENS, patienceMs: 4_000 };
    const receiver = openQueueReceiver(config, { intake, store: storage, clock, logger: silentLogger, queue });
    this.nodes[node] = { intake, receiver };
  }

  startSender(token: string): void {
    const { clock, rng, outbox, queue } = this;
    const intake = new ModelSender(Array.from({ length: SLOTS }, (_, slot) => slot));
    const base = forwarderConfig({ tier: 'east', slots: SLOTS, instanceId: 'e', token, fetchBytes: 2_000 });
    const forwarder = openQueueForwarder(
      { ...base, upstream: 'country', patienceMs: 5_000 },
      { store: outbox, intake, clock, rng, logger: silentLogger, telemetry: this.telemetry, queue },
    );
    this.sender = { intake, forwarder };
  }

  own(slot: number, node: number): void {
    for (const { intake } of this.nodes) intake.release(slot);
    this.nodes[node]!.intake.claim(slot);
  }

  append(slot: number, n: number, padding = 0): void {
    for (let i = 0; i < n; i++) {
      const base = this.#service++ % 30;
      this.outbox.append(slot, { [`s${base}`]: 1 + i, [`t${base}`]: 3 }, undefined, padding);
    }
    this.sender.intake.appended(slot);
  }

  checkCounters(): void {
    for (const { receiver } of this.nodes) {
      const { offered, committed, duplicate, refused, held } = receiver.status();
      expect(offered).toBe(committed + duplicate + refused + held);
    }
  }

  async settle(): Promise<void> {
    Object.assign(this.queue.faults, { lose: 0, duplicate: 0, refuse: 0 });
    this.queue.away = false;
    this.outbox.failures = 0;
    for (const { intake } of this.nodes) Object.assign(intake, { busy: 0, lostAnswers: 0 });
    for (let i = 0; i < 240 && this.outbox.pending > 0; i++) await this.clock.advance(500);
  }

  async stop(): Promise<void> {
    await this.sender.forwarder[Symbol.asyncDispose]();
    for (const { receiver } of this.nodes) await receiver[Symbol.asyncDispose]();
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append'), slot: fc.nat(SLOTS - 1), n: fc.integer({ min: 1, max: 30 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('appendLarge'),
      slot: fc.nat(SLOTS - 1),
      n: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait'), n: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('faults'), n: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trouble'), n: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('wipe', 'away', 'back', 'restartSender') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('own'), slot: fc.nat(SLOTS - 1), n: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restartNode'), n: fc.nat(1) }) },
);

async function run(
  world: World,
  one: { readonly do: string; readonly slot?: number; readonly n?: number },
): Promise<void> {
  const { slot = 0, n = 0 } = one;
  switch (one.do) {
    case 'append':
      return world.append(slot, n);
    case 'appendLarge':
      return world.append(slot, n, 2_000); // more than one message of the queue
    case 'wait':
      return world.clock.advance(n);
    case 'faults':
      Object.assign(world.queue.faults, { lose: n / 200, duplicate: n / 100, refuse: n / 200 });
      return;
    case 'trouble':
      world.outbox.failures = n / 200;
      for (const { intake } of world.nodes) Object.assign(intake, { busy: n / 200, lostAnswers: n / 100 });
      return;
    case 'wipe':
      return world.queue.wipe();
    case 'away':
    case 'back':
      world.queue.away = one.do === 'away';
      return;
    case 'restartSender':
      await world.sender.forwarder[Symbol.asyncDispose]();
      return world.startSender('s3cret');
    case 'own':
      return world.own(slot, n);
    case 'restartNode': {
      const old = world.nodes[n]!;
      const owned = old.intake.ownedSlots();
      old.intake.kill();
      world.startNode(n);
      for (const s of owned) world.nodes[n]!.intake.claim(s);
      return old.receiver[Symbol.asyncDispose]();
    }
    default:
      throw new Error(one.do);
  }
}

describe('through a queue', () => {
  it('exactly once and in order, whatever the queue does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 50 }), async (seed, steps) => {
        const world = new World(seed);
        for (const one of steps) {
          await run(world, one);
          world.checkCounters();
        }
        await world.settle();
        const { logs } = world.sender.forwarder.status();
        expect(world.outbox.pending, JSON.stringify([logs, world.nodes.map((n) => n.receiver.status())])).toBe(0);
        expect(world.storage.rows).toEqual(world.outbox.expected);
        await world.stop();
        world.checkCounters();
      }),
      { numRuns: Number(process.env['OAP_FEDERATION_RUNS'] ?? 150) },
    );
  }, 300_000);

  it('what waits in the queue is applied although the sender is gone', async () => {
    const world = new World(1);
    world.append(0, 1);
    await world.clock.advance(1_000);
    for (const { receiver } of world.nodes) await receiver[Symbol.asyncDispose]();
    world.append(0, 10);
    await world.clock.advance(1_000);
    await world.sender.forwarder[Symbol.asyncDispose]();
    expect(world.storage.committedBatches).toBe(1);
    world.startNode(0);
    world.nodes[0]!.intake.claim(0);
    await world.clock.advance(5_000);
    expect(world.storage.committedBatches).toBe(11);
    expect(world.outbox.pending).toBe(10); // the sender did not hear of it, and keeps them until it does
    world.startSender('s3cret');
    await world.settle();
    expect([world.outbox.pending, world.storage.committedBatches]).toEqual([0, 11]);
    await world.stop();
  });

  it('what a node took and did not commit before it died is for the next, although the sender is gone', async () => {
    const world = new World(4);
    await world.clock.advance(1_000);
    for (const { intake } of world.nodes) intake.paused = true;
    world.append(0, 5);
    await world.clock.advance(500);
    expect(world.nodes[0]!.receiver.status()).toMatchObject({ offered: 5, held: 5 });
    await world.sender.forwarder[Symbol.asyncDispose]();
    const { intake, receiver } = world.nodes[0]!;
    intake.kill();
    world.startNode(0);
    world.nodes[0]!.intake.claim(0);
    await receiver[Symbol.asyncDispose]();
    await world.clock.advance(10_000);
    expect([world.storage.committedBatches, world.outbox.pending]).toEqual([5, 5]);
    await world.stop();
  });

  it('an answer to an earlier life of the sender means nothing', async () => {
    const world = new World(5);
    await world.clock.advance(1_000);
    for (const { intake } of world.nodes) intake.paused = true;
    world.append(0, 5);
    const { logId, entries } = world.outbox.log(0);
    const { seq, chain } = entries.at(-1)!;
    const mark = {
      logId,
      session: 1,
      round: 0,
      known: true,
      gen: 0,
      seq,
      chain,
      increments: 5,
      frontier: new Map(),
      stableSeq: 0,
      detail: '',
    };
    const lane = { kind: 'down', upstream: 'country', tier: 'east', slot: 0 } as const;
    for (const code of ['MARK', 'ACK'] as const)
      for (let nonce = 0; nonce < 4; nonce++)
        await world.queue.publish(lane, `${code}`, encodeAnswer({ ...mark, code, nonce }));
    await world.clock.advance(1_000);
    expect(world.outbox.pending).toBe(5); // the model throws at an acknowledgement without a commit
    for (const { intake } of world.nodes) intake.paused = false;
    await world.settle();
    expect(world.outbox.pending).toBe(0);
    await world.stop();
  });

  it('tells the sender what survives a loss of the storage above', async () => {
    const world = new World(4);
    world.storage.unstable = 2;
    world.queue.away = true;
    world.append(0, 7);
    await world.clock.advance(3_000);
    expect(world.telemetry.render()).toContain('fed_ack_age_seconds 3');
    await world.settle();
    expect(world.telemetry.render()).toMatch(/fed_ack_age_seconds 0\n[^]*fed_batches_acknowledged_total 7\n/);
    await world.clock.advance(1_000);
    expect(world.outbox.log(0)).toMatchObject({ acknowledgedSeq: 7, stableSeq: 5 });
    await world.stop();
  });

  it('a tier with another token is told so and sends nothing', async () => {
    const world = new World(2);
    await world.sender.forwarder[Symbol.asyncDispose]();
    world.startSender('wrong');
    world.append(0, 3);
    await world.clock.advance(3_000);
    expect(world.sender.forwarder.status().logs[0]).toMatchObject({
      state: 'DENIED',
      detail: 'tier east is not allowed here',
    });
    expect(world.storage.committedBatches).toBe(0);
    await world.stop();
  });

  it('a log of one tier takes no batch of another', async () => {
    const world = new World(3);
    world.append(0, 1);
    await world.settle();
    const { logId } = world.outbox.log(0);
    const mark = world.storage.mark(0, logId)!;
    world.storage.marks.set(`0 ${logId}`, { ...mark, producer: 'west' });
    world.append(0, 1);
    await world.clock.advance(3_000);
    expect(world.storage.committedBatches).toBe(1);
    expect(world.sender.forwarder.status().logs[0]!.state).toBe('DENIED');
    await world.stop();
  });
});

describe('messages', () => {
  const common = { tier: 'east', slots: 16, slot: 3, logId: 'log', gen: 2, session: 2 ** 48 - 1 };
  const answer: Answer = {
    code: 'GAP',
    logId: 'log',
    session: 7,
    nonce: 3,
    round: 4,
    known: true,
    gen: 1,
    seq: 2 ** 53 - 1,
    chain: Uint8Array.of(1, 2),
    increments: 9,
    frontier: new Map([['in', { gen: 1, seq: 5 }]]),
    stableSeq: 2 ** 52,
    detail: 'why',
  };

  it('come back as they were', () => {
    const open = { kind: 'open', ...common, nonce: 4 } as const;
    const batch = {
      kind: 'batch',
      ...common,
      round: 1,
      seq: 9,
      part: 1,
      parts: 2,
      bytes: Uint8Array.of(1, 2, 3),
    } as const;
    expect(decodeUp(encodeUp(open, 'country', 't'))).toEqual(open);
    expect(decodeUp(encodeUp(batch, 'country', 't'))).toEqual(batch);
    expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
  });

  it('are signed with the token, which is in none of them: for one upstream, to the byte', () => {
    const token = 'a token of sixteen or more';
    const bytes = encodeUp({ kind: 'open', ...common, nonce: 4 }, 'country', token);
    expect(Buffer.from(bytes).includes(token)).toBe(false);
    expect(isSigned(bytes, 'country', token)).toBe(true);
    expect(isSigned(bytes, 'country', `${token}.`)).toBe(false);
    expect(isSigned(bytes, 'countr', token)).toBe(false);
    expect(isSigned(bytes.subarray(0, 31), 'country', token)).toBe(false);
    for (let at = 0; at < bytes.length; at++)
      expect(isSigned(bytes.with(at, bytes[at]! ^ 1), 'country', token), String(at)).toBe(false);
  });

  it('of strangers are refused as undecodable, never anything worse', () => {
    const good = [encodeUp({ kind: 'open', ...common, nonce: 4 }, 'country', 't'), encodeAnswer(answer)];
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(...good), fc.nat(200), fc.nat(255))
        .map(([base, at, value]) => base.with(at % base.length, value)),
    );
    fc.assert(
      fc.property(bytes, (some) => {
        for (const decode of [decodeUp, decodeAnswer]) {
          try {
            decode(some);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
