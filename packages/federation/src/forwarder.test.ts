// SPDX-License-Identifier: Apache-2.0
// Goal: what the forwarder does around the state machines: it follows the slot map, keeps other logs going when one stops, says
// what it sees, finds cycles, never blocks the stage before it. Method: memory transport, model tiers, virtual clock.
import { MetricRegistry, seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { describe, expect, it } from 'vitest';
import { forwarderConfig, receiverConfig, type ForwarderConfig } from './config.js';
import { moduleDiscovery, openNamingDiscovery, staticDiscovery, type UpstreamDiscovery } from './discovery.js';
import { openForwarder, type ForwarderDeps } from './forwarder.js';
import { memoryNetwork } from './memory-transport.js';
import { MODEL_SCHEMA_TEXT, ModelCluster, ModelIntake, ModelOutbox, ModelSender, ModelStorage } from './model-tier.js';
import { openReceiver, type FederationReceiver } from './receiver.js';

const SLOTS = 4;

class Tiers {
  readonly clock = new VirtualClock();
  readonly network = memoryNetwork({ clock: this.clock, delayMs: () => 5, framesMax: 16 });

  /** An upstream tier with these nodes, all listening. */
  upstream(tier: string, addresses: readonly string[]) {
    const { clock, network } = this;
    const storage = new ModelStorage(SLOTS);
    const cluster = new ModelCluster(SLOTS, addresses);
    const nodes = cluster.nodes.map(({ instanceId, address }, node) => {
      const intake = new ModelIntake({ instanceId, storage, clock, rng: seededRng(1), flushMs: 10, pendingMax: 100 });
      for (let slot = node; slot < SLOTS; slot += addresses.length) intake.claim(slot);
      const receiver = openReceiver(receiverConfig({ tier, slots: SLOTS, instanceId, address }), {
        intake,
        store: storage,
        routes: () => 'not wanted',
        coordinator: cluster.view(),
        clock,
        logger: silentLogger,
      });
      return { intake, receiver, stop: network.listen(address, receiver) };
    });
    return { storage, cluster, nodes };
  }

  downstream(
    tier: string,
    discovery: UpstreamDiscovery,
    options: { config?: Partial<ForwarderConfig>; deps?: Partial<ForwarderDeps>; slots?: readonly number[] } = {},
  ) {
    const { clock, network } = this;
    const outbox = new ModelOutbox(SLOTS, clock, seededRng(2));
    const intake = new ModelSender(options.slots ?? [0, 1, 2, 3]);
    const forwarder = openForwarder(
      forwarderConfig({ tier, slots: SLOTS, instanceId: `${tier} 0`, token: '', ...options.config }),
      {
        store: outbox,
        intake,
        clock,
        rng: seededRng(3),
        logger: silentLogger,
        transport: network.transport(`${tier}:1`),
        discovery,
        schemas: [MODEL_SCHEMA_TEXT],
        ...options.deps,
      },
    );
    return { outbox, intake, forwarder };
  }
}

describe('forwarder', () => {
  it('sends each slot to its owner, one stream per node, and follows when a slot moves', async () => {
    const tiers = new Tiers();
    const { cluster, nodes, storage } = tiers.upstream('country', ['a:1', 'b:1']);
    const { outbox, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']));
    for (let slot = 0; slot < SLOTS; slot++) outbox.append(slot, { shop: slot + 1 });
    await tiers.clock.advance(1_000);
    expect(forwarder.status().logs.map(({ upstream }) => upstream)).toEqual(['a:1', 'b:1', 'a:1', 'b:1']);
    expect(outbox.pending).toBe(0);
    nodes[0]!.intake.release(0);
    nodes[1]!.intake.claim(0);
    cluster.move(0, cluster.nodes[1]!.instanceId);
    await tiers.clock.advance(1_000);
    expect(forwarder.status().logs[0]).toMatchObject({ upstream: 'b:1', state: 'STREAMING' });
    expect(storage.rows).toEqual(outbox.expected);
    expect(forwarder.status().upstreams.map(({ connected }) => connected)).toEqual([true, true]);
    await forwarder[Symbol.asyncDispose]();
    await tiers.clock.advance(1_000);
    for (const { receiver } of nodes) expect(receiver.status().downstreams).toEqual([]);
    expect(tiers.clock.pending).toBe(0);
  });

  it('stops only the log that cannot go on, says why, and goes on when it can', async () => {
    const tiers = new Tiers();
    const { storage } = tiers.upstream('country', ['a:1']);
    const { outbox, intake, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']));
    for (let i = 0; i < 3; i++) for (let slot = 0; slot < SLOTS; slot++) outbox.append(slot, { shop: 1 });
    const lost = outbox.log(1).entries.shift()!;
    await tiers.clock.advance(1_000);
    expect(forwarder.status().logs.map(({ state }) => state)).toEqual([
      'STREAMING',
      'LOST_RANGE',
      'STREAMING',
      'STREAMING',
    ]);
    expect(forwarder.status().logs[1]!.detail).toBe('upstream needs seq 1, the outbox no longer has 1 to 1');
    expect(outbox.pending).toBe(3);
    outbox.append(0, { more: 1 });
    intake.appended(0);
    outbox.log(1).entries.unshift(lost); // an operator brought it back
    await tiers.clock.advance(61_000);
    expect(outbox.pending).toBe(0);
    expect(storage.rows).toEqual(outbox.expected);
    expect(forwarder.status().logs[1]).toMatchObject({ state: 'STREAMING', detail: '' });
    await forwarder[Symbol.asyncDispose]();
  });

  it('repairs an upstream that was restored from a backup, from what the outbox retains', async () => {
    const tiers = new Tiers();
    const { storage, nodes } = tiers.upstream('country', ['a:1']);
    const { outbox, intake, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']));
    outbox.append(0, { shop: 1 });
    intake.appended(0);
    await tiers.clock.advance(1_000);
    const backup = { rows: new Map(storage.rows), marks: new Map(storage.marks) };
    for (let i = 0; i < 5; i++) outbox.append(0, { shop: 10 });
    intake.appended(0);
    await tiers.clock.advance(1_000);
    expect(outbox.pending).toBe(0);
    storage.rows.clear();
    for (const [key, value] of backup.rows) storage.rows.set(key, value);
    storage.marks.clear();
    for (const [key, value] of backup.marks) storage.marks.set(key, value);
    // It is noticed at the next batch: the upstream asks for a seq that it had acknowledged.
    outbox.append(0, { shop: 100 });
    intake.appended(0);
    const acknowledged: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      await tiers.clock.advance(2);
      const { acknowledgedSeq } = outbox.log(0);
      if (acknowledgedSeq !== acknowledged.at(-1)) acknowledged.push(acknowledgedSeq);
    }
    expect(acknowledged).toEqual([6, 1, 7]); // what is on its way again must not expire meanwhile
    expect(storage.rows).toEqual(outbox.expected);
    expect(nodes[0]!.receiver.status().refused.gap).toBeGreaterThan(0);
    await forwarder[Symbol.asyncDispose]();
  });

  it('tells the store what of the acknowledged batches survives a loss of the storage above', async () => {
    const tiers = new Tiers();
    const { storage } = tiers.upstream('country', ['a:1']);
    const { outbox, intake, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']));
    for (let i = 0; i < 3; i++) outbox.append(0, { shop: 1 });
    intake.appended(0);
    await tiers.clock.advance(1_000);
    expect(outbox.log(0)).toMatchObject({ acknowledgedSeq: 3, stableSeq: 0 });
    storage.unstable = 1;
    outbox.append(0, { shop: 1 });
    intake.appended(0);
    await tiers.clock.advance(1_000);
    expect(outbox.log(0)).toMatchObject({ acknowledgedSeq: 4, stableSeq: 3 });
    await forwarder[Symbol.asyncDispose]();
  });

  it('asks for a repair when its own storage went back in time; one that went on by itself is FORKED', async () => {
    const tiers = new Tiers();
    const { storage } = tiers.upstream('country', ['a:1']);
    const { outbox, intake, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']));
    for (let i = 0; i < 4; i++) outbox.append(0, { shop: 1 });
    intake.appended(0);
    await tiers.clock.advance(1_000);
    const before = new Map(storage.rows);
    const log = outbox.log(0);
    Object.assign(log, {
      entries: log.entries.slice(0, 2),
      nextSeq: 3,
      chain: log.entries[1]!.chain,
      acknowledgedSeq: 2,
    });
    tiers.network.cut();
    await tiers.clock.advance(5_000);
    // the model's intake cannot repair: it says so, and is asked again
    expect(forwarder.status().logs[0]).toMatchObject({ state: 'BACKOFF', acknowledgedSeq: 4 });
    expect(storage.rows).toEqual(before);
    outbox.append(0, { shop: 7 }); // another seq 3
    outbox.append(0, { shop: 7 }); // another seq 4, where the upstream is
    intake.appended(0);
    tiers.network.cut();
    await tiers.clock.advance(5_000);
    expect(forwarder.status().logs[0]).toMatchObject({ state: 'FORKED', detail: 'chains differ at seq 4' });
    expect(storage.rows).toEqual(before);
    await forwarder[Symbol.asyncDispose]();
  });

  it('shows lag, refused metrics, skew and its telemetry; a dead upstream costs bounded memory and blocks nobody', async () => {
    const tiers = new Tiers();
    const telemetry = new MetricRegistry();
    const { nodes } = tiers.upstream('country', ['a:1']);
    const { outbox, intake, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']), {
      deps: { telemetry },
      config: { queueCapacityBatches: 8, fetchBytes: 1_000 },
    });
    await tiers.clock.advance(11_000);
    expect(forwarder.status().upstreams[0]).toMatchObject({
      refusedMetrics: [{ schema: MODEL_SCHEMA_TEXT, reason: 'not wanted' }],
      clockSkewMs: 0,
      roundTripMs: 10,
    });
    nodes[0]!.stop();
    for (let i = 0; i < 1_000; i++) {
      outbox.append(i % SLOTS, { shop: 1 });
      intake.appended(i % SLOTS); // returns at once, whatever the stream does
    }
    await tiers.clock.advance(30_000);
    const { upstreams, logs, lagMs } = forwarder.status();
    expect(upstreams[0]).toMatchObject({ connected: false, inFlight: 0 });
    expect(upstreams[0]!.queue.queued + upstreams[0]!.queue.inFlight).toBeLessThanOrEqual(8);
    expect(lagMs).toBeGreaterThanOrEqual(30_000);
    expect(logs).toHaveLength(SLOTS);
    expect(telemetry.render()).toContain('fed_ack_age_seconds 30');
    tiers.network.listen('a:1', nodes[0]!.receiver);
    await tiers.clock.advance(30_000);
    expect(outbox.pending).toBe(0);
    expect(forwarder.status().lagMs).toBe(0);
    await forwarder[Symbol.asyncDispose]();
  });

  it('takes up and drops slots as their ownership changes inside its own tier', async () => {
    const tiers = new Tiers();
    tiers.upstream('country', ['a:1']);
    const { outbox, intake, forwarder } = tiers.downstream('east', staticDiscovery(['a:1']), { slots: [0] });
    for (let slot = 0; slot < SLOTS; slot++) outbox.append(slot, { shop: 1 });
    await tiers.clock.advance(1_000);
    expect(outbox.pending).toBe(3);
    intake.own([2, 3]);
    await tiers.clock.advance(1_000);
    expect(outbox.pending).toBe(1);
    expect(forwarder.status().logs.map(({ slot }) => slot)).toEqual([2, 3]);
    await forwarder[Symbol.asyncDispose]();
  });

  it('finds a cycle of tiers that opened their streams at the same time', async () => {
    const tiers = new Tiers();
    const names = ['a', 'b', 'c'];
    const receivers: FederationReceiver[] = names.map((name) => tiers.upstream(name, [`${name}:1`]).nodes[0]!.receiver);
    const forwarders = names.map((name, i) => {
      const next = names[(i + 1) % names.length]!;
      return tiers.downstream(name, staticDiscovery([`${next}:1`]), { deps: { tiersBelow: receivers[i]! } }).forwarder;
    });
    await tiers.clock.advance(2_000);
    const states = forwarders.map((forwarder) => forwarder.status().upstreams[0]!);
    const refused = states.filter(({ state }) => state === 'REFUSED');
    expect(refused.length).toBeGreaterThanOrEqual(1);
    expect(refused[0]!.detail).toContain('CYCLE');
    for (const forwarder of forwarders) await forwarder[Symbol.asyncDispose]();
  });

  it('refuses a second tier with the same name, and lets it in when the first is gone', async () => {
    const tiers = new Tiers();
    const { nodes } = tiers.upstream('country', ['a:1']);
    const first = tiers.downstream('east', staticDiscovery(['a:1']));
    await tiers.clock.advance(1_000);
    const second = tiers.downstream('east', staticDiscovery(['a:1']), {
      deps: {
        transport: tiers.network.transport('impostor:1'),
        store: new ModelOutbox(SLOTS, tiers.clock, seededRng(77)),
      },
    });
    await tiers.clock.advance(1_000);
    expect(second.forwarder.status().upstreams[0]).toMatchObject({ state: 'REFUSED' });
    expect(second.forwarder.status().upstreams[0]!.detail).toMatch(/TIER_NAME_IN_USE.*east:1.*impostor:1/);
    expect(nodes[0]!.receiver.status().downstreams).toMatchObject([{ address: 'east:1' }]);
    await first.forwarder[Symbol.asyncDispose]();
    await tiers.clock.advance(40_000);
    expect(second.forwarder.status().upstreams[0]).toMatchObject({ state: 'OPEN' });
    await second.forwarder[Symbol.asyncDispose]();
  });
});

describe('discovery', () => {
  it('by names: asks again, keeps the last answer when nobody answers', async () => {
    const tiers = new Tiers();
    const { nodes } = tiers.upstream('country', ['a:1', 'b:1']);
    const discovery = openNamingDiscovery(
      { seeds: ['a:1'], tier: 'east', token: '', refreshMs: 1_000 },
      { transport: tiers.network.transport('e:1'), clock: tiers.clock, rng: seededRng(1), logger: silentLogger },
    );
    let changes = 0;
    discovery.watch(() => changes++);
    await tiers.clock.advance(10);
    expect(
      discovery
        .nodes()
        .map(({ address }) => address)
        .toSorted(),
    ).toEqual(['a:1', 'b:1']);
    expect(changes).toBe(1);
    nodes[0]!.stop(); // the only seed
    await tiers.clock.advance(1_100);
    expect(discovery.nodes()).toHaveLength(2); // b answered
    nodes[1]!.stop();
    await tiers.clock.advance(3_000);
    expect(discovery.nodes()).toHaveLength(2);
    await discovery[Symbol.asyncDispose]();
  });

  it('by a coordinator: the members, and their changes', () => {
    const listeners: ((members: readonly never[]) => void)[] = [];
    const discovery = moduleDiscovery({
      queryModules: () => [{ instanceId: 'i', address: 'a:1', self: false, attributes: {} }],
      watchModules: (listener) => {
        listeners.push(listener);
        return () => {};
      },
    });
    expect(discovery.nodes()).toEqual([{ instanceId: 'i', address: 'a:1' }]);
    let changes = 0;
    discovery.watch(() => changes++);
    listeners[0]!([]);
    expect(changes).toBe(1);
  });
});
