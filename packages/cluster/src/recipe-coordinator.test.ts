// SPDX-License-Identifier: Apache-2.0
// Goal: the recipes keep the contract over a kernel with many members, and come back after each fault a kernel can have.
// Method: the in-process kernel, whose sessions expire and suspend on command; a virtual clock where time matters.
import { seededRng, silentLogger, systemClock } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { describe, expect, it, vi } from 'vitest';
import type { ClusterCoordinator, CoordinatorDeps } from './coordinator.js';
import { MemoryKernel, type MemorySession } from './coordinators/standalone/memory-kernel.js';
import { openStandaloneCoordinator } from './index.js';
import { openRecipeCoordinator, openRecipeDiscovery } from './recipe-coordinator.js';
import { sequenceOf } from './recipes/own-key.js';
import { checkCoordinatorContract } from './testing.js';

const deps = (clock: CoordinatorDeps['clock'] = systemClock): CoordinatorDeps => ({
  clock,
  rng: seededRng(7),
  logger: silentLogger,
});

describe('standalone keeps the contract', () => {
  checkCoordinatorContract(it, () => ({
    clock: systemClock,
    deadlineMs: 1_000,
    open: (_cluster, member) => openStandaloneCoordinator(member, deps()),
  }));
});

describe('many members over the in-process kernel keep the contract', () => {
  const kernels = new Map<string, MemoryKernel>();
  const sessions = new Map<ClusterCoordinator, { session: MemorySession; cut: () => void }>();
  const rng = seededRng(1);
  checkCoordinatorContract(it, () => ({
    clock: systemClock,
    deadlineMs: 1_000,
    open: async (cluster, member) => {
      const kernel = kernels.get(cluster) ?? new MemoryKernel(500);
      kernels.set(cluster, kernel);
      let reachable = true;
      const own = {
        name: kernel.name,
        sessionTimeoutMs: kernel.sessionTimeoutMs,
        open: (signal: AbortSignal) => (reachable ? kernel.open(signal) : Promise.reject(new Error('cut off'))),
      };
      const coordinator = await openRecipeCoordinator(own, '/x/y', member, { ...deps(), rng });
      sessions.set(coordinator, { session: kernel.sessions.at(-1)!, cut: () => (reachable = false) });
      return coordinator;
    },
    crash: async (coordinator) => {
      const { session, cut } = sessions.get(coordinator)!;
      cut();
      session.expire();
    },
  }));
});

describe('faults', () => {
  async function cluster(ids: readonly string[]) {
    const clock = new VirtualClock();
    const kernel = new MemoryKernel(3_000);
    const rng = seededRng(3);
    const members: ClusterCoordinator[] = [];
    for (const instanceId of ids) {
      const opening = openRecipeCoordinator(
        kernel,
        '/c',
        { instanceId, address: `${instanceId}:1`, slots: 6 },
        { ...deps(clock), rng },
      );
      await clock.advance(0);
      const member = await opening;
      const registering = member.register();
      await clock.advance(0);
      await registering;
      members.push(member);
    }
    await clock.advance(0);
    return { clock, kernel, members, stop: () => Promise.all(members.map((member) => member[Symbol.asyncDispose]())) };
  }

  it('an expired member registers again in a new session, and no timer is left after dispose', async () => {
    const { clock, kernel, members, stop } = await cluster(['a', 'b']);
    const [a, b] = members as [ClusterCoordinator, ClusterCoordinator];
    expect(a.slotOwners().join('')).toBe('aaabbb');
    const heard = vi.fn();
    b.watchModules((list) => heard(list.map((member) => member.instanceId).join('')));
    kernel.sessions[0]!.expire();
    expect(a.healthy).toBe(false);
    await clock.advance(1);
    expect(a.healthy).toBe(true);
    expect(kernel.sessions).toHaveLength(3);
    expect(b.queryModules().map((member) => member.instanceId)).toEqual(['a', 'b']);
    expect([...b.slotOwners()].sort().join('')).toBe('aaabbb');
    expect(a.slotOwners()).toEqual(b.slotOwners());
    expect(heard.mock.lastCall).toEqual(['ab']);
    await stop();
    expect(clock.pending).toBe(0);
  });

  it('a suspended leader publishes nothing, keeps the last map, and goes on when it is back', async () => {
    const { clock, kernel, members, stop } = await cluster(['a', 'b', 'c']);
    const [a, b, c] = members as [ClusterCoordinator, ClusterCoordinator, ClusterCoordinator];
    const before = a.slotOwners();
    kernel.sessions[0]!.suspend(true);
    expect(a.healthy).toBe(false);
    await c[Symbol.asyncDispose]();
    await clock.advance(2_000);
    expect(b.queryModules()).toHaveLength(2);
    expect(b.slotOwners()).toEqual(before); // the leader is silent and nobody else may
    expect(a.slotOwners()).toEqual(before);
    kernel.sessions[0]!.suspend(false);
    await clock.advance(0);
    expect(a.healthy).toBe(true);
    expect([...b.slotOwners()].sort().join('')).toBe('aaabbb');
    await stop();
  });

  it('keys deleted or overwritten by somebody else are put right', async () => {
    const { clock, kernel, members, stop } = await cluster(['a', 'b']);
    const [a, b] = members as [ClusterCoordinator, ClusterCoordinator];
    for (const parent of ['/c/members', '/c/election']) {
      for (const name of kernel.children(parent)!) kernel.delete(`${parent}/${name}`);
    }
    await clock.advance(0);
    expect(a.queryModules().map((member) => member.instanceId)).toEqual(['a', 'b']);
    kernel.put('/c/slots', '{"version":9,"owners":["z","z","z","z","z","z"]}', kernel.get('/c/slots')!.version);
    await clock.advance(0);
    expect([...b.slotOwners()].sort().join('')).toBe('aaabbb');
    kernel.put('/c/slots', 'not json', kernel.get('/c/slots')!.version);
    await clock.advance(0);
    expect([...b.slotOwners()].sort().join('')).toBe('aaabbb');
    kernel.create(kernel.sessions[0]!, '/c/members/alien', 'not json', 'persistent');
    await clock.advance(0);
    expect(b.queryModules()).toHaveLength(2);
    await stop();
  });

  it('a create whose answer is lost is found again, not repeated', async () => {
    const clock = new VirtualClock();
    const kernel = new MemoryKernel(3_000);
    let lose = 2; // the answers of both own keys: member and candidate
    const lossy = {
      name: 'lossy',
      sessionTimeoutMs: 3_000,
      open: async (signal: AbortSignal) => {
        const session = await kernel.open(signal);
        const create = session.create.bind(session);
        session.create = async (key, data, mode) => {
          const created = await create(key, data, mode);
          if (mode === 'ephemeralSequential' && lose > 0) {
            lose -= 1;
            throw new Error('connection loss');
          }
          return created;
        };
        return session;
      },
    };
    const opening = openRecipeCoordinator(lossy, '/c', { instanceId: 'a', address: 'a:1', slots: 2 }, deps(clock));
    await clock.advance(0);
    const a = await opening;
    const registering = a.register();
    await clock.advance(200); // the back-off of the reconcilers
    await registering;
    expect(lose).toBe(0);
    expect(kernel.children('/c/members')).toHaveLength(1);
    expect(kernel.children('/c/election')).toHaveLength(1);
    expect(a.slotOwners()).toEqual(['a', 'a']);
    await a[Symbol.asyncDispose]();
    expect(kernel.children('/c/members')).toEqual([]);
  });

  it('another number of slots than the published one is ignored by members', async () => {
    const { clock, kernel, members, stop } = await cluster(['a']);
    const odd = openRecipeCoordinator(kernel, '/c', { instanceId: 'odd', address: 'o:1', slots: 4 }, deps(clock));
    await clock.advance(0);
    expect((await odd).slotOwners()).toEqual(['', '', '', '']);
    await (await odd)[Symbol.asyncDispose]();
    expect(members[0]!.slotOwners().join('')).toBe('aaaaaa');
    await stop();
  });

  it('open gives up with OAP-3001 when there is no session, and leaves nothing running', async () => {
    const clock = new VirtualClock();
    const dead = { name: 'dead', sessionTimeoutMs: 1_000, open: () => Promise.reject(new Error('refused')) };
    const opening = openRecipeCoordinator(dead, '/c', { instanceId: 'a', address: 'a:1', slots: 1 }, deps(clock));
    const failed = expect(opening).rejects.toThrow('OAP-3001 coordinator dead is not reachable');
    await clock.advance(3_001);
    await failed;
    expect(clock.pending).toBe(0);
  });

  it('discovery lists members without being one, also when the cluster starts after it', async () => {
    const clock = new VirtualClock();
    const kernel = new MemoryKernel(1_000);
    const opening = openRecipeDiscovery(kernel, '/c', deps(clock));
    await clock.advance(0);
    const discovery = await opening;
    expect(discovery.queryModules()).toEqual([]);
    expect(kernel.children('/c')).toBeUndefined(); // it writes nothing
    const member = openRecipeCoordinator(
      kernel,
      '/c',
      { instanceId: 'a', address: 'a:1', slots: 1 },
      { ...deps(clock), rng: seededRng(9) },
    );
    await clock.advance(0);
    void (await member).register();
    await clock.advance(1_000);
    expect(discovery.queryModules()).toEqual([{ instanceId: 'a', address: 'a:1', attributes: {}, self: false }]);
    const heard = vi.fn();
    discovery.watchModules(heard);
    await (await member)[Symbol.asyncDispose]();
    await clock.advance(0);
    expect(heard).toHaveBeenCalledExactlyOnceWith([]);
    await discovery[Symbol.asyncDispose]();
    expect(discovery.healthy).toBe(false);
    expect(clock.pending).toBe(0);
  });
});

describe('sequenceOf', () => {
  it('reads the counter, also after its 32 bits turned negative', () => {
    const id = 'k-00112233445566778899aabbccddeeff-';
    expect(sequenceOf(`${id}0000000042`)).toBe(42);
    expect(sequenceOf(`${id}-2147483648`)).toBe(-2_147_483_648);
  });
});
