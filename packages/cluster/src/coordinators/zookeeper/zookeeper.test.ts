// SPDX-License-Identifier: Apache-2.0
// Goal: the ZooKeeper coordinator keeps the contract and survives what networks and servers do, including the faults of
// the client library that the session guards against.
// Method: a real ZooKeeper server, killed, restarted and frozen; each client behind its own fault proxy.
import { OapError, seededRng, silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../../../../../test/services/fault-proxy.js';
import { available, needs } from '../../../../../test/services/needs.js';
import { startZooKeeper, type ZooKeeper } from '../../../../../test/services/zookeeper.js';
import type { ClusterCoordinator } from '../../coordinator.js';
import type { SessionState } from '../../kernel.js';
import { checkCoordinatorContract, eventually } from '../../testing.js';
import { openZooKeeperCoordinator, openZooKeeperDiscovery } from './index.js';
import { ZkSession } from './zk-session.js';

const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
const sessionTimeoutMs = 1_200; // 6 ticks of 200 ms: long enough for a busy machine, short enough to wait for
const slots = 16;

needs('zookeeper')('zookeeper', () => {
  let server: ZooKeeper;
  const proxies = new Set<FaultProxy>();
  const proxyTo = async (): Promise<FaultProxy> => {
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: server.port });
    proxies.add(proxy);
    return proxy;
  };
  const see = (holds: () => void, ms = 10_000) => eventually(systemClock, ms, holds);

  beforeAll(async () => {
    server = available(await startZooKeeper({ tickTime: 200 }));
  });
  afterAll(async () => {
    await server?.stop();
  });
  afterEach(async () => {
    for (const proxy of proxies) await proxy.stop();
    proxies.clear();
  });

  describe('coordinator contract', () => {
    const behind = new Map<ClusterCoordinator, FaultProxy>();
    checkCoordinatorContract(it, () => ({
      clock: systemClock,
      deadlineMs: 10_000,
      open: async (cluster, member) => {
        const proxy = await proxyTo();
        const coordinator = await openZooKeeperCoordinator(
          { ...member, hostPort: proxy.address, namespace: `/contract/${cluster}/`, sessionTimeoutMs },
          deps,
        );
        behind.set(coordinator, proxy);
        return coordinator;
      },
      crash: async (coordinator) => {
        behind.get(coordinator)!.mode = 'blackhole'; // the server hears nothing more, not even an end
      },
    }));
  });

  describe('session', () => {
    let proxy: FaultProxy;
    let session: ZkSession;
    let states: SessionState[];
    const open = async (): Promise<ZkSession> => {
      const opened = await ZkSession.open(
        { hostPort: proxy.address, sessionTimeoutMs },
        systemClock,
        new AbortController().signal,
      );
      states = [];
      opened.onState((state) => states.push(state));
      return opened;
    };
    beforeEach(async () => {
      proxy = await proxyTo();
      session = await open();
    });
    afterEach(() => session.close());

    it('versions, compare-and-set, sequences, one-shot watches, and the end of ephemeral keys', async () => {
      const other = session;
      const own = await open();
      expect(await own.create('/k/a', '', 'persistent')).toBe('noParent');
      expect(await own.create('/k', 'é', 'persistent')).toEqual({ key: '/k' });
      expect(await own.create('/k', '', 'persistent')).toBe('exists');
      let fired = 0;
      const entry = await other.get('/k', () => (fired += 1));
      expect(entry).toMatchObject({ data: 'é', version: 0 });
      expect(await own.put('/k', 'x', 1)).toBe('conflict');
      expect(await own.put('/k', 'x', 0)).toBe(1);
      expect(await own.put('/k', 'y', 1)).toBe(2);
      expect(await own.put('/absent', 'y', 0)).toBe('absent');
      await see(() => expect(fired).toBe(1));
      let children = 0;
      expect(await other.children('/k', () => (children += 1))).toEqual([]);
      expect(await other.children('/absent')).toBeUndefined();
      expect(await own.create('/k/s-', '', 'ephemeralSequential')).toEqual({ key: '/k/s-0000000000' });
      expect(await own.create('/k/s-', '', 'ephemeralSequential')).toEqual({ key: '/k/s-0000000001' });
      await see(() => expect(children).toBe(1));
      const first = await own.get('/k/s-0000000000');
      const second = await own.get('/k/s-0000000001');
      expect(second!.created > first!.created && first!.created > entry!.created).toBe(true);
      await own.delete('/k/s-0000000000');
      await own.delete('/k/s-0000000000');
      let gone = 0;
      await other.get('/k/s-0000000001', () => (gone += 1)); // as an election watches its predecessor
      await own.close();
      await own.close();
      expect(own.state).toBe('closed');
      await see(() => expect(gone).toBe(1), 500); // at once, not at the timeout
      expect(await other.children('/k')).toEqual([]);
      await expect(own.get('/k')).rejects.toThrow('OAP-3002');
    });

    it('a cut in mid-frame, in an answer and in the handshake, costs no session', async () => {
      await session.create('/cut', 'x'.repeat(2_000), 'ephemeral');
      const before = await session.get('/cut');
      for (const bytes of [1, 3, 4, 20, 40]) {
        proxy.cutMidFrame(bytes);
        await session.get('/cut').catch((error: unknown) => expect(error).toBeInstanceOf(OapError));
        proxy.cutMidFrame(bytes); // now the handshake that follows
        await see(() => expect(session.state).toBe('connected'), sessionTimeoutMs * 2);
      }
      await see(() => expect(session.state).toBe('connected'));
      await expect.poll(() => session.get('/cut').catch(() => undefined), { timeout: 3_000 }).toEqual(before);
      expect(states).toContain('suspended');
      expect(states).not.toContain('lost');
    });

    it('a black hole is noticed: suspended first, lost by our own clock after the timeout', async () => {
      const began = performance.now();
      proxy.mode = 'blackhole';
      const asked = session.get('/').catch((error: unknown) => error);
      await see(() => expect(states).toEqual(['suspended']));
      const suspendedMs = performance.now() - began;
      expect(await asked).toMatchObject({ code: 'OAP-3001' });
      await expect(session.get('/')).rejects.toThrow('OAP-3001'); // refused at once, not queued
      await see(() => expect(states).toEqual(['suspended', 'lost']));
      const lostMs = performance.now() - began;
      expect(suspendedMs).toBeLessThan(sessionTimeoutMs);
      expect(lostMs).toBeGreaterThan(suspendedMs);
      expect(lostMs).toBeLessThan(sessionTimeoutMs * 1.5);
      await expect(session.get('/')).rejects.toThrow('OAP-3002');
      proxy.mode = 'forward';
      await sleep(sessionTimeoutMs / 2);
      expect(states).toEqual(['suspended', 'lost']); // final
    });

    it('a handshake that is never answered is given up and tried again, within the session', async () => {
      await session.create('/kept', '', 'ephemeral');
      const before = await session.get('/kept');
      proxy.mode = 'clientToServer'; // the server hears us, we hear nothing
      proxy.cutAll();
      await see(() => expect(states).toEqual(['suspended']));
      await see(() => expect(proxy.connections).toBe(1)); // the client is back
      await sleep(50); // and its handshake was swallowed
      proxy.mode = 'forward';
      await see(() => expect(states).toEqual(['suspended', 'connected']));
      expect(await session.get('/kept')).toEqual(before);
    });

    it('the first handshake may be swallowed too', async () => {
      proxy.mode = 'blackhole';
      const opening = ZkSession.open(
        { hostPort: proxy.address, sessionTimeoutMs },
        systemClock,
        new AbortController().signal,
      );
      await sleep(sessionTimeoutMs / 4);
      proxy.mode = 'forward';
      const second = await opening;
      expect(second.state).toBe('connected');
      await second.close();
    });

    it('opening fails in time where nobody answers, and when told to stop', async () => {
      proxy.mode = 'refuse';
      const stop = new AbortController();
      const opening = ZkSession.open({ hostPort: proxy.address, sessionTimeoutMs: 60_000 }, systemClock, stop.signal);
      stop.abort();
      await expect(opening).rejects.toThrow('OAP-3001');
      await expect(
        ZkSession.open({ hostPort: proxy.address, sessionTimeoutMs: 300 }, systemClock, new AbortController().signal),
      ).rejects.toThrow('OAP-3001');
    });

    it('a restarted server keeps the session, its ephemeral keys and its watches', async () => {
      await session.create('/restart', '', 'ephemeral');
      const before = await session.get('/restart');
      let fired = 0;
      await session.get('/restart', () => (fired += 1));
      await server.kill9();
      await server.restart();
      await see(() => expect(states.at(-1)).toBe('connected'));
      expect(states).not.toContain('lost');
      expect(await session.get('/restart')).toEqual(before);
      expect(fired).toBe(0);
      await session.put('/restart', 'changed', 0);
      await see(() => expect(fired).toBe(1));
    });
  });

  describe('coordinator', () => {
    const cluster = async (namespace: string, ids: readonly string[]) => {
      const members: ClusterCoordinator[] = [];
      for (const [index, instanceId] of ids.entries()) {
        const member = await openZooKeeperCoordinator(
          {
            instanceId,
            address: `10.1.0.${index}:11800`,
            slots,
            hostPort: server.connect,
            namespace,
            sessionTimeoutMs,
          },
          deps,
        );
        await member.register();
        members.push(member);
      }
      return members;
    };
    const dispose = (members: readonly AsyncDisposable[]) =>
      Promise.all(members.map((member) => member[Symbol.asyncDispose]()));

    it('a cluster without a namespace, as by default, has the server for itself', async () => {
      const members = await cluster('', ['a', 'b']);
      try {
        await see(() => {
          for (const member of members) {
            expect(member.queryModules().map((other) => other.instanceId)).toEqual(['a', 'b']);
            expect(new Set(member.slotOwners())).toEqual(new Set(['a', 'b']));
          }
        });
      } finally {
        await dispose(members);
      }
    });

    it('a server frozen for longer than the session: everybody is out, then registers again and agrees', async () => {
      const members = await cluster('frozen', ['a', 'b', 'c']);
      try {
        const [a, b, c] = members as [ClusterCoordinator, ClusterCoordinator, ClusterCoordinator];
        await see(() => expect(c.slotOwners()).not.toContain(''));
        await see(() => expect(new Set(c.slotOwners()).size).toBe(3));
        const before = c.slotOwners();
        server.pause();
        try {
          await see(() => expect([a.healthy, b.healthy, c.healthy]).toEqual([false, false, false]));
          await sleep(sessionTimeoutMs * 2);
          expect(c.slotOwners()).toEqual(before); // a hint that nobody can have changed
        } finally {
          server.resume();
        }
        await see(() => {
          expect([a.healthy, b.healthy, c.healthy]).toEqual([true, true, true]);
          for (const member of members) {
            expect(member.queryModules().map((other) => other.instanceId)).toEqual(['a', 'b', 'c']);
            expect(member.slotOwners()).toEqual(a.slotOwners());
            expect(new Set(member.slotOwners())).toEqual(new Set(['a', 'b', 'c']));
          }
        }, 15_000);
      } finally {
        await dispose(members);
      }
    });

    it('a server that restarts moves no slot', async () => {
      const members = await cluster('restart', ['a', 'b']);
      try {
        const [a, b] = members as [ClusterCoordinator, ClusterCoordinator];
        await see(() => expect(new Set(b.slotOwners()).size).toBe(2));
        const before = b.slotOwners();
        const moves: string[] = [];
        b.watchSlots((owners) => moves.push(owners.join()));
        await server.kill9();
        await see(() => expect(a.healthy || b.healthy).toBe(false));
        await server.restart();
        await see(() => expect(a.healthy && b.healthy).toBe(true));
        await sleep(sessionTimeoutMs); // long enough for an expiry to show
        expect(b.slotOwners()).toEqual(before);
        expect(moves).toEqual([]);
      } finally {
        await dispose(members);
      }
    });

    it('members come and go at random; whoever is left agrees on an even map of live members', async () => {
      const rng = seededRng(11);
      const live = new Map<string, ClusterCoordinator>();
      try {
        for (let round = 0; round < 12; round += 1) {
          if (live.size < 2 || (live.size < 4 && rng.next() < 0.6)) {
            const again = await openZooKeeperCoordinator(
              {
                instanceId: `m${round}`,
                address: `10.2.0.${round}:1`,
                slots,
                hostPort: server.connect,
                namespace: 'churn',
                sessionTimeoutMs,
              },
              deps,
            );
            await again.register();
            live.set(`m${round}`, again);
          } else {
            const [id, member] = [...live][Math.floor(rng.next() * live.size)]!;
            live.delete(id);
            await member[Symbol.asyncDispose]();
          }
          await see(() => {
            const sizes = [...live.keys()].map(
              (id) => [...live.values()][0]!.slotOwners().filter((owner) => owner === id).length,
            );
            expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(slots);
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
            for (const member of live.values())
              expect(member.slotOwners()).toEqual([...live.values()][0]!.slotOwners());
          });
        }
      } finally {
        await dispose([...live.values()]);
      }
    });

    it('discovery of another tier lists its members and follows them', async () => {
      const proxy = await proxyTo();
      const discovery = await openZooKeeperDiscovery(
        { hostPort: proxy.address, namespace: 'upstream', sessionTimeoutMs },
        deps,
      );
      try {
        expect(discovery.queryModules()).toEqual([]);
        const members = await cluster('upstream', ['a', 'b']);
        await see(() => expect(discovery.queryModules().map((member) => member.instanceId)).toEqual(['a', 'b']));
        expect(discovery.queryModules()[0]).toEqual({
          instanceId: 'a',
          address: '10.1.0.0:11800',
          attributes: {},
          self: false,
        });
        proxy.mode = 'blackhole';
        await see(() => expect(discovery.healthy).toBe(false));
        expect(discovery.queryModules()).toHaveLength(2); // the last known list
        await dispose(members.slice(0, 1));
        proxy.mode = 'forward';
        await see(() => expect(discovery.queryModules().map((member) => member.instanceId)).toEqual(['b']));
        await dispose(members);
      } finally {
        await discovery[Symbol.asyncDispose]();
      }
    });
  });
});
