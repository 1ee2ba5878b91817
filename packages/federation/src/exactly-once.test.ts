// SPDX-License-Identifier: Apache-2.0
// Goal: whatever is cut, moved, killed or refused, every batch is applied upstream exactly once and in order per log, an
// acknowledgement implies a commit, and in the end the outbox is empty. Method: real forwarder and receiver over the in-memory
// transport and a virtual clock; fast-check picks the faults; the model throws where an invariant breaks.
import fc from 'fast-check';
import { seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { describe, expect, it } from 'vitest';
import { forwarderConfig, receiverConfig } from './config.js';
import { staticDiscovery } from './discovery.js';
import { openForwarder, type Forwarder } from './forwarder.js';
import { memoryNetwork } from './memory-transport.js';
import { MODEL_SCHEMA_TEXT, ModelCluster, ModelIntake, ModelOutbox, ModelSender, ModelStorage } from './model-tier.js';
import { openReceiver, type FederationReceiver } from './receiver.js';

const SLOTS = 4;
const UPSTREAM = ['up-0:1', 'up-1:1', 'up-2:1'];
const SENDERS = 2;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append'), slot: fc.nat(SLOTS - 1), n: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('waitLong'), ms: fc.integer({ min: 1_000, max: 30_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut'), node: fc.nat(2), silent: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('moveSlot'), slot: fc.nat(SLOTS - 1), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stealSlot'), slot: fc.nat(SLOTS - 1), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restartSender'), node: fc.nat(SENDERS - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('moveSender'), slot: fc.nat(SLOTS - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restartNode'), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unreachable'), node: fc.nat(2), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trouble'), percent: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retention'), slot: fc.nat(SLOTS - 1) }) },
);

class World {
  readonly clock = new VirtualClock();
  readonly rng;
  readonly network;
  readonly outbox;
  readonly storage = new ModelStorage(SLOTS);
  readonly cluster = new ModelCluster(SLOTS, UPSTREAM);
  readonly nodes: { intake: ModelIntake; receiver: FederationReceiver; stop: () => void }[] = [];
  readonly senders: { intake: ModelSender; forwarder: Forwarder }[] = [];
  readonly senderOf: number[] = Array.from({ length: SLOTS }, (_, slot) => slot % SENDERS);
  trouble = 0;
  #service = 0;

  constructor(seed: number) {
    const rng = seededRng(seed);
    this.rng = rng;
    this.network = memoryNetwork({ clock: this.clock, delayMs: () => Math.floor(rng.next() * 20), framesMax: 8 });
    this.outbox = new ModelOutbox(SLOTS, this.clock, rng);
    this.outbox.onAcknowledge = (logId, slot, seq) => {
      if ((this.storage.mark(slot, logId)?.seq ?? 0) < seq) throw new Error(`BUG: ${seq} acknowledged, not committed`);
    };
    UPSTREAM.forEach((_, node) => this.startNode(node));
    this.cluster.owners.forEach((owner, slot) => {
      this.nodes[this.cluster.nodes.findIndex((n) => n.instanceId === owner)]!.intake.claim(slot);
    });
    for (let node = 0; node < SENDERS; node++) this.startSender(node);
  }

  startNode(node: number): void {
    const { clock, rng, storage } = this;
    const { instanceId, address } = this.cluster.nodes[node]!;
    const intake = new ModelIntake({ instanceId, storage, clock, rng, flushMs: 15, pendingMax: 12 });
    const receiver = openReceiver(
      receiverConfig({
        tier: 'country',
        slots: SLOTS,
        instanceId,
        address,
        creditBytes: 65_536,
        maxDictionaryEntries: 16,
      }),
      {
        intake,
        store: storage,
        routes: () => undefined,
        coordinator: this.cluster.view(),
        clock,
        logger: silentLogger,
      },
    );
    this.nodes[node] = { intake, receiver, stop: this.network.listen(address, receiver) };
    this.setTrouble();
  }

  startSender(node: number): void {
    const { clock, rng, outbox } = this;
    const intake = new ModelSender(this.slotsOf(node));
    const config = forwarderConfig({
      tier: 'east',
      slots: SLOTS,
      instanceId: `east ${node}`,
      token: '',
      fetchBytes: 2_000,
    });
    this.senders[node] = {
      intake,
      forwarder: openForwarder(config, {
        store: outbox,
        intake,
        clock,
        rng,
        logger: silentLogger,
        transport: this.network.transport(`east-${node}:1`),
        discovery: staticDiscovery(UPSTREAM),
        schemas: [MODEL_SCHEMA_TEXT],
      }),
    };
  }

  slotsOf(node: number): number[] {
    return this.senderOf.flatMap((owner, slot) => (owner === node ? [slot] : []));
  }

  setTrouble(): void {
    this.outbox.failures = this.trouble / 2;
    for (const { intake } of this.nodes) {
      intake.busy = this.trouble / 2;
      intake.lostAnswers = this.trouble;
    }
  }

  append(slot: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const base = this.#service++ % 30;
      this.outbox.append(slot, { [`s${base}`]: 1 + i, [`s${(base * 7) % 30}x`]: 3 });
    }
    this.senders[this.senderOf[slot]!]!.intake.appended(slot);
  }

  own(slot: number, node: number, released: boolean): void {
    if (released) for (const { intake } of this.nodes) intake.release(slot);
    this.nodes[node]!.intake.claim(slot);
    this.cluster.move(slot, this.cluster.nodes[node]!.instanceId);
  }

  /** I9 on both ends. */
  checkCounters(): void {
    for (const { forwarder } of this.senders) {
      for (const { queue } of forwarder.status().upstreams) {
        const dropped = Object.values(queue.dropped).reduce((a, b) => a + b, 0);
        expect(queue.offered).toBe(queue.acknowledged + dropped + queue.inFlight + queue.queued);
      }
    }
    for (const { receiver } of this.nodes) {
      const s = receiver.status();
      const refused = Object.values(s.refused).reduce((a, b) => a + b, 0);
      expect(s.offered).toBe(s.committed + s.duplicate + refused + s.discarded + s.inFlight);
    }
  }

  async run(
    command: { readonly do: string } & Partial<Record<'slot' | 'n' | 'ms' | 'node' | 'percent', number>> & {
        readonly silent?: boolean;
        readonly is?: boolean;
      },
  ): Promise<void> {
    const { slot = 0, n = 0, ms = 0, node = 0, percent = 0, silent = false, is = false } = command;
    switch (command.do) {
      case 'append':
        this.append(slot, n);
        return;
      case 'wait':
      case 'waitLong':
        await this.clock.advance(ms);
        return;
      case 'cut':
        this.network.cut({ address: UPSTREAM[node]!, silent });
        return;
      case 'moveSlot':
        this.own(slot, node, true);
        return;
      case 'stealSlot':
        this.own(slot, node, false);
        return;
      case 'restartSender': {
        const old = this.senders[node]!;
        this.startSender(node); // the old one is still there for a moment: two senders of one log
        await this.clock.advance(ms);
        await old.forwarder[Symbol.asyncDispose]();
        return;
      }
      case 'moveSender':
        this.senderOf[slot] = (this.senderOf[slot]! + 1) % SENDERS;
        this.senders.forEach(({ intake }, i) => intake.own(this.slotsOf(i)));
        return;
      case 'restartNode': {
        const old = this.nodes[node]!;
        old.intake.kill();
        old.stop();
        this.startNode(node);
        this.cluster.owners.forEach((owner, s) => {
          if (owner === this.cluster.nodes[node]!.instanceId) this.nodes[node]!.intake.claim(s);
        });
        return;
      }
      case 'unreachable':
        this.network.unreachable(UPSTREAM[node]!, is);
        return;
      case 'trouble':
        this.trouble = percent / 100;
        this.setTrouble();
        return;
      case 'retention':
        this.outbox.dropAcknowledged(slot);
        return;
      default:
        throw new Error(command.do);
    }
  }

  /** All faults end; everything must arrive within a bounded time. */
  async settle(): Promise<void> {
    this.trouble = 0;
    this.setTrouble();
    UPSTREAM.forEach((address) => this.network.unreachable(address, false));
    // Ownership settles too: whoever the cluster names owns the slot, and nobody else believes so.
    this.cluster.owners.forEach((owner, slot) =>
      this.own(
        slot,
        this.cluster.nodes.findIndex(({ instanceId }) => instanceId === owner),
        true,
      ),
    );
    for (let i = 0; i < 240 && this.outbox.pending > 0; i++) await this.clock.advance(500);
  }

  async stop(): Promise<void> {
    for (const { forwarder } of this.senders) await forwarder[Symbol.asyncDispose]();
    for (const { receiver, stop } of this.nodes) {
      await receiver[Symbol.asyncDispose]();
      stop();
    }
  }
}

describe('exactly once', () => {
  it('under cuts, moves, restarts, refusals and lost answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 5, maxLength: 60 }), async (seed, commands) => {
        const world = new World(seed);
        for (const command of commands) {
          await world.run(command);
          world.checkCounters();
        }
        await world.settle();
        const stuck = world.senders.map(({ forwarder }) => forwarder.status());
        expect(world.outbox.pending, JSON.stringify(stuck, undefined, 1)).toBe(0);
        expect(world.storage.rows).toEqual(world.outbox.expected);
        for (let slot = 0; slot < SLOTS; slot++) {
          const { logId, nextSeq } = world.outbox.log(slot);
          expect(world.storage.mark(slot, logId)?.seq ?? 0).toBe(nextSeq - 1);
        }
        await world.stop();
        world.checkCounters();
      }),
      { numRuns: Number(process.env['OAP_FEDERATION_RUNS'] ?? 150) },
    );
  }, 300_000);
});
