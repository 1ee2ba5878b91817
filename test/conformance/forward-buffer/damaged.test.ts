// SPDX-License-Identifier: Apache-2.0
// Goal: what a damaged file buffer loses goes upward as declared losses, to the increment and by itself: of every increment that the
// gateway accepted the upstream has the value once, or counts it as lost. Method: a real slot owner over a file store on a disk in memory,
// the real forwarder and receiver; bytes of segments are flipped while batches wait, numbered and not; the store opens with `quarantine`.
import { afterEach, describe, expect, it } from 'vitest';
import { SlotOwner, type IncomingBatch } from '@oap-federation/analysis';
import {
  forwarderConfig,
  openForwarder,
  openReceiver,
  receiverConfig,
  staticDiscovery,
} from '@oap-federation/federation';
import { memoryNetwork } from '@oap-federation/federation/testing';
import { BatchBuilder, EMPTY_HEADER, entityOf, MetricColumns, metricSchema, minuteOf } from '@oap-federation/model';
import { MetricRegistry, seededRng, silentLogger, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { openFileStoreOn, type FileStore } from '@oap-federation/storage';
import { MemoryDisk } from '@oap-federation/storage/testing';
import { SimulatedTier, type StoredValue } from '@oap-federation/testkit';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');

class World {
  readonly clock = new VirtualClock(Date.UTC(2026, 0, 8, 12));
  readonly rng = seededRng(5);
  readonly network = memoryNetwork({ clock: this.clock, delayMs: () => 2, framesMax: 16 });
  readonly #stops: (() => unknown)[] = [];
  disk = new MemoryDisk();
  top!: SimulatedTier;
  store!: FileStore;
  gateway!: SlotOwner;
  accepted = 0;
  telemetry = new MetricRegistry();
  #reachable = true;
  #seq = 0;

  async open(): Promise<this> {
    const { clock, rng } = this;
    const common = { slots: 1, schemas: [CPM], originScopes: [], hasLocalSources: false, clock };
    const newLogId = () => uuidV7(rng, clock.now());
    this.top = await SimulatedTier.open({ ...common, tier: 'country', forwards: false, newLogId });
    const member = { instanceId: 'up', address: 'up:1', slots: 1 };
    const unwatched = () => () => {};
    const coordinator = {
      queryModules: () => [],
      slotOwners: () => [member.instanceId],
      watchModules: unwatched,
      watchSlots: unwatched,
    };
    const receiver = openReceiver(receiverConfig({ tier: 'country', ...member }), {
      intake: this.top.owner,
      store: this.top.store,
      routes: () => undefined,
      coordinator,
      clock,
      logger: silentLogger,
    });
    this.network.listen('up:1', {
      accept: (peer, sink) => {
        if (!this.#reachable) sink.end('UNAVAILABLE', 'cut');
        return receiver.accept(peer, sink);
      },
      listNodes: () => undefined,
    });
    await this.start('stop');
    return this;
  }

  /** A process of the gateway over the disk as it is. */
  async start(whenDamaged: 'stop' | 'quarantine'): Promise<void> {
    const { clock, rng, disk, network } = this;
    const logger = silentLogger;
    const telemetry = (this.telemetry = new MetricRegistry());
    this.store = await openFileStoreOn(
      disk,
      { dataDir: 'd', slots: 1, tier: 'east', bytesMax: 1e9, whenDamaged, segmentBytes: 3_000 },
      { clock, rng, logger, telemetry },
    );
    const owner = new SlotOwner(
      {
        tier: 'east',
        instanceId: 'gw',
        storageSessionTimeoutMs: 70_000,
        ttlDays: 7,
        maxFutureMinutes: 5,
        forwards: true,
        outbound: { bytesMax: 1e9, onFull: 'block' },
        originScopes: new Set(),
        queueBytesMax: 1e9,
        metricsOf: () => [CPM],
        resolve: () => CPM,
        hasLocalSources: true,
        rollupPeriodMs: 60_000,
        derivesHours: false,
      },
      { store: this.store, clock, logger, telemetry, liveInstances: () => ['gw'] },
    );
    this.gateway = owner;
    owner.setDesiredSlots([0]);
    await owner.runRound();
    const forwarder = openForwarder(forwarderConfig({ tier: 'east', slots: 1, instanceId: 'gw', token: '' }), {
      store: this.store,
      intake: owner,
      clock,
      rng,
      logger,
      transport: network.transport('east:1'),
      discovery: staticDiscovery(['up:1']),
      schemas: [CPM.text],
    });
    this.#stops.push(() => forwarder[Symbol.asyncDispose]());
  }

  async kill(): Promise<void> {
    this.disk = this.disk.afterKill();
    for (const stop of this.#stops.splice(0)) await stop();
  }

  reachable(is: boolean): void {
    this.#reachable = is;
    this.network.cut();
  }

  /** Batches of one increment each, all of different services, so that nothing can be folded into fewer. */
  async accept(batches: number): Promise<void> {
    for (let i = 0; i < batches; i++) {
      const builder = new BatchBuilder();
      const columns = new MetricColumns(CPM);
      columns.enter(0, 1, 1, 1);
      const service = entityOf('Service', {
        service: `s${this.#seq}`.padEnd(60, '.'),
        normal: true,
        layer: 'GENERAL',
        name: '',
      });
      builder.addRows(columns, minuteOf(this.clock.now()), '', [0], () => service);
      const none = new Uint8Array(0);
      const batch: IncomingBatch = {
        logId: 'l1',
        slot: 0,
        gen: 1,
        seq: ++this.#seq,
        producer: 'gw',
        kind: 'local',
        header: { ...EMPTY_HEADER, watermark: minuteOf(this.clock.now()) - 3, increments: 1 },
        headerBytes: none,
        contentBytes: none,
        chain: none,
        batch: builder.build(),
      };
      const answer = this.gateway.offer(batch);
      await this.gateway.runRound();
      expect(await answer).toMatchObject({ kind: 'committed' });
      this.accepted++;
      await this.clock.advance(100);
    }
  }

  async settle(seconds = 90): Promise<void> {
    for (let i = 0; i < seconds * 5; i++) {
      await this.clock.advance(200);
      await this.top.owner.runRound();
      await this.gateway.runRound();
    }
  }

  /** A bit of the middle of each of these segments. */
  flip(names: readonly string[]): void {
    for (const name of names) {
      const { bytes, durable } = this.disk.files.get(name)!;
      const at = Math.floor(bytes.findLastIndex((byte) => byte !== 0) / 2);
      bytes[at]! ^= 4;
      durable.set(bytes);
    }
  }

  metric(name: string): number {
    const [, value] = new RegExp(`^${name} (.*)$`, 'm').exec(this.telemetry.render()) ?? [];
    expect(value, name).toBeDefined();
    return Number(value);
  }

  get segments(): readonly string[] {
    return [...this.disk.files.keys()].filter((name) => name.endsWith('.segment')).toSorted();
  }

  /** Services that the top counted, once each; and what was declared. */
  async result() {
    const isMerged = ({ schema, origin }: StoredValue) => schema.name === CPM.name && origin === 0;
    const values = [...this.top.store.peekValues(0)].filter(isMerged);
    for (const { ints } of values) expect(ints[0]).toBe(1n);
    const { losses } = await this.top.store.metadata.conservation();
    return { counted: values.length, lost: losses.reduce((sum, { increments }) => sum + increments, 0), losses };
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
  }
}

describe('a file buffer that was damaged while batches waited', () => {
  let world: World | undefined;
  afterEach(() => world?.stop());

  for (const waiting of [20, 60]) {
    for (const where of ['the first', 'two in the middle', 'every second'] as const) {
      it(`${waiting} batches, ${where} of the segments: each increment is above, or declared`, async () => {
        world = await new World().open();
        await world.settle(5);
        await world.accept(3);
        await world.settle(5);
        expect((await world.result()).counted).toBe(3);
        world.reachable(false);
        await world.accept(waiting);
        await world.settle(3);
        expect(world.metric('fed_buffer_oldest_age_seconds')).toBeGreaterThan(3);
        expect(world.metric('fed_buffer_bytes')).toBeGreaterThan(1_000);
        expect(world.metric('fed_buffer_queued')).toBeGreaterThan(15);
        expect(world.metric('fed_buffer_quarantined_segments')).toBe(0);
        await world.kill();
        const { segments } = world;
        expect(segments.length).toBeGreaterThan(8);
        const middle = segments.length >> 1;
        const damaged = {
          'the first': [segments[6]!], // of those with what is not acknowledged
          'two in the middle': [segments[middle - 2]!, segments[middle + 1]!],
          'every second': segments.filter((_, i) => i % 2 === 0 && i < segments.length - 1),
        }[where];
        world.flip(damaged);
        await expect(world.start('stop')).rejects.toThrow('OAP-2008');
        await world.start('quarantine');
        expect(world.metric('fed_buffer_quarantined_segments')).toBe(damaged.length);
        expect(world.metric('fed_buffer_segments')).toBeGreaterThan(2);
        expect(world.metric('fed_buffer_lost_batches')).toBeGreaterThan(0);
        world.reachable(true);
        await world.settle();
        await world.accept(2); // and the log goes on
        await world.settle(20);
        for (const gone of ['oldest_age_seconds', 'queued', 'bytes', 'write_errors_total'])
          expect(world.metric(`fed_buffer_${gone}`)).toBe(0);
        const { counted, lost, losses } = await world.result();
        expect(new Set(losses.map(({ tier, cause }) => `${tier} ${cause}`))).toEqual(new Set(['east range']));
        expect(counted + lost).toBe(world.accepted);
        expect(lost).toBeGreaterThan(0);
        expect(counted).toBeGreaterThan(5);
        // a restart finds nothing to declare again
        await world.kill();
        await world.start('stop');
        await world.settle(20);
        expect(await world.result()).toEqual({ counted, lost, losses });
        expect((await world.store.outboxHead(0)).lossAccepted).toBe(false);
      }, 60_000);
    }
  }
});
