// SPDX-License-Identifier: Apache-2.0
// Goal: two deliverers on one real PostgreSQL tell a real webhook receiver everything, in order, under one key, and never both at once.
// Method: slots move between the nodes all the time, the one that loses is not told; the receiver is away, slow, answers 500 and 429, and
// dies in the middle of answers; the database is killed with -9 once. Time runs ten times as fast, so that leases end soon.
import { AlarmDeliverer, loadAlarmSettings, type AlarmMessage } from '@oap-federation/alarm';
import { MetricRegistry, seededRng, silentLogger, systemClock, systemRng, type Clock } from '@oap-federation/runtime';
import { openPostgresStore, StorageUnavailable, type SlotFence, type TierStore } from '@oap-federation/storage';
import { testAlarmCommit } from '@oap-federation/storage/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHttpReceiver, startPostgres, type HttpReceiver, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { alarmMessage, recoveryOf } from './messages.js';

const SLOTS = 4;
const INCIDENTS = 12;
const FASTER = 10;

const clock: Clock = {
  now: () => systemClock.now() * FASTER,
  monotonicMs: () => systemClock.monotonicMs() * FASTER,
  sleep: (ms, signal) => systemClock.sleep(ms / FASTER, signal),
  after: (ms, task) => systemClock.after(ms / FASTER, task),
};

interface Node {
  readonly store: TierStore;
  readonly fences: Map<number, SlotFence>;
  readonly deliverer: AlarmDeliverer;
}

needs('postgres')('deliverers on PostgreSQL', () => {
  let server: Postgres;
  const nodes: Node[] = [];

  beforeAll(async () => {
    server = available(await startPostgres());
  });
  afterAll(async () => {
    await Promise.all(nodes.map(({ deliverer }) => deliverer[Symbol.asyncDispose]()));
    await Promise.all(nodes.map(({ store }) => store[Symbol.asyncDispose]()));
    await server.stop();
  });

  async function open(hooks: string): Promise<Node> {
    const store = await openPostgresStore(
      { url: server.url, slots: SLOTS },
      { clock: systemClock, rng: systemRng, logger: silentLogger },
    );
    const fences = new Map<number, SlotFence>();
    const deliverer = new AlarmDeliverer({
      alarms: store.alarms,
      ownership: { ownedSlots: () => [...fences.keys()], fence: (slot) => fences.get(slot) },
      tier: 'here',
      clock,
      rng: systemRng,
      logger: silentLogger,
      telemetry: new MetricRegistry(),
    });
    const loaded = loadAlarmSettings(hooks, {}, { metrics: [], originScopes: [] });
    if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
    deliverer.useHooks(loaded.settings.hooks);
    const node = { store, fences, deliverer };
    nodes.push(node);
    return node;
  }

  /** Until the database is there again. */
  async function stubbornly<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StorageUnavailable)) throw error;
        await systemClock.sleep(50);
      }
    }
  }

  it('everything arrives, in order, under one key, and never twice at once', async () => {
    const { port, stop } = await startHttpReceiver();
    await stop(); // nobody listens there for a while
    const url = `http://127.0.0.1:${port}`;
    const hooks = `hooks: { webhook: { a: { urls: [${url}/a, ${url}/b], recovery-urls: [${url}/a, ${url}/b] } } }`;
    const [first, second] = [await open(hooks), await open(hooks)];
    const claim = async (node: Node, slot: number) => {
      const { fence } = await stubbornly(() => node.store.claimSlot(slot, 'node'));
      node.fences.set(slot, fence);
    };
    for (let slot = 0; slot < SLOTS; slot++) await claim(first, slot);
    const wanted = new Map<string, string[]>();
    for (let n = 0; n < INCIDENTS; n++) {
      const id0 = `e${n}`;
      const alarm = alarmMessage({ id0, uuid: `${id0}-1` });
      const repeated = alarmMessage({ id0, uuid: `${id0}-2` });
      const messages = [alarm, repeated, recoveryOf(repeated, 1)];
      wanted.set(id0, [`${id0}-1`, `${id0}-2`, `${id0}-2!`]);
      const slot = n % SLOTS;
      const deliveries = messages.flatMap((one) => first.deliverer.deliveriesOf(one, { slot, nowMs: clock.now() }));
      const commit = testAlarmCommit(slot, first.fences.get(slot)!, { deliveries });
      expect(await first.store.alarms.commit(commit)).toBe('committed');
    }

    const dice = seededRng(3);
    const active = new Set<string>();
    const overlaps: string[] = [];
    let receiver: HttpReceiver | undefined;
    const listen = async () => {
      receiver = await startHttpReceiver(port);
      receiver.answer = ({ headers }, response) => {
        const key = headers['idempotency-key'] as string;
        if (active.has(key)) overlaps.push(key);
        active.add(key);
        response.on('close', () => active.delete(key));
        const fate = dice.next();
        if (fate < 0.04) response.writeHead(500).end('no');
        else if (fate < 0.07) response.writeHead(429, { 'retry-after': '1' }).end();
        else if (fate < 0.1) response.destroy();
        else if (fate < 0.13) {
          response.writeHead(200, { 'content-length': '10' });
          response.write('half', () => response.destroy()); // it took it, and nobody knows
        } else setTimeout(() => response.end(), fate * 20);
      };
    };
    const slots = Array.from({ length: SLOTS }, (_, i) => i);
    const waiting = () => stubbornly(() => first.store.alarms.deliveryBacklog(slots));
    await systemClock.sleep(300);
    await listen();
    let killed = false;
    for (let round = 0; (await waiting()).length > 0; round++) {
      const [from, to] = round % 2 === 0 ? [first, second] : [second, first];
      const slot = Math.floor(dice.next() * SLOTS);
      await claim(to, slot);
      if (dice.next() < 0.5) from.fences.delete(slot); // else it goes on believing that it owns the slot
      if (round === 0) {
        await server.kill9();
        await server.restart();
        killed = true;
      }
      await systemClock.sleep(200);
    }
    expect(killed).toBe(true);
    const heard = receiver!.calls.map(({ url: path, body, headers }) => {
      const [message] = JSON.parse(body) as [AlarmMessage & { recoveryTime?: number }];
      return {
        path,
        id0: message.id0,
        what: `${message.uuid}${message.recoveryTime ? '!' : ''}`,
        key: headers['idempotency-key'],
      };
    });
    for (const path of ['/a', '/b']) {
      for (const [id0, messages] of wanted) {
        const mine = heard.filter((one) => one.path === path && one.id0 === id0);
        expect([...new Set(mine.map(({ what }) => what))]).toEqual(messages);
        expect(new Set(mine.map(({ key }) => key)).size).toBe(3);
      }
    }
    expect(overlaps).toEqual([]);
    await receiver!.stop();
  }, 120_000);
});
