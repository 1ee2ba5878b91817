// SPDX-License-Identifier: Apache-2.0
// The contract every ClusterCoordinator keeps, as named cases for any test runner. In: how to open a member (and how to
// crash one). Out: failed assertions.
import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { messageOf, type Clock } from '@oap-federation/runtime';
import type { ClusterCoordinator, MemberOptions } from './coordinator.js';

export interface CoordinatorHarness {
  readonly clock: Clock;
  /** How long a change may take to be seen, in ms. */
  readonly deadlineMs: number;
  /** Opens a member of the cluster `cluster`; clusters of other names do not see it. */
  readonly open: (cluster: string, member: MemberOptions) => Promise<ClusterCoordinator>;
  /** Cuts the member off without a goodbye. Absent: only one node is possible, and the cases of several are left out. */
  readonly crash?: (coordinator: ClusterCoordinator) => Promise<void>;
}

/** Waits until `holds` does not throw. Errors: the last failure, after `ms`. */
export async function eventually(clock: Clock, ms: number, holds: () => void): Promise<void> {
  const deadlineMs = clock.monotonicMs() + ms;
  for (;;) {
    try {
      holds();
      return;
    } catch (error) {
      if (clock.monotonicMs() >= deadlineMs) {
        throw new Error(`not within ${ms} ms: ${messageOf(error)}`, { cause: error });
      }
    }
    await clock.sleep(10);
  }
}

/** Slots per owner, sorted; empty while any slot is unassigned. */
function counts(owners: readonly string[]): number[] {
  if (owners.includes('')) return [];
  const byOwner = new Map<string, number>();
  for (const owner of owners) byOwner.set(owner, (byOwner.get(owner) ?? 0) + 1);
  return [...byOwner.values()].sort((a, b) => a - b);
}

const SLOTS = 16;

/** Defines the contract's cases with `test` (vitest's `it`). */
export function checkCoordinatorContract(
  test: (name: string, body: () => Promise<void>) => void,
  harness: () => CoordinatorHarness,
): void {
  let clusters = 0;
  const withMembers = async (
    ids: readonly string[],
    body: (members: ClusterCoordinator[], see: (holds: () => void) => Promise<void>, cluster: string) => Promise<void>,
  ): Promise<void> => {
    const { clock, deadlineMs, open } = harness();
    const cluster = `contract-${(clusters += 1)}`;
    const members: ClusterCoordinator[] = [];
    try {
      for (const [index, instanceId] of ids.entries()) {
        members.push(await open(cluster, { instanceId, address: `10.0.0.${index}:11800`, slots: SLOTS }));
      }
      await body(members, (holds) => eventually(clock, deadlineMs, holds), cluster);
    } finally {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
    }
  };

  test('one member: absent before register, then listed as self and owner of every slot', () =>
    withMembers(['a'], async ([a], see) => {
      deepStrictEqual(a!.queryModules(), []);
      deepStrictEqual(
        a!.slotOwners(),
        Array.from({ length: SLOTS }, () => ''),
      );
      const heard: number[] = [];
      const slotsHeard: string[] = [];
      a!.watchModules((members) => heard.push(members.length));
      a!.watchModules(() => {
        throw new Error('a listener that fails must not stop the others');
      });
      a!.watchSlots((owners) => slotsHeard.push(owners.join()));
      const cancelled = a!.watchModules(() => ok(false, 'called after cancel'));
      cancelled();
      cancelled();
      await a!.register();
      await a!.register(); // twice is harmless
      strictEqual(a!.healthy, true);
      deepStrictEqual(a!.self, { instanceId: 'a', address: '10.0.0.0:11800', self: true, attributes: {} });
      deepStrictEqual(a!.queryModules(), [a!.self]);
      await see(() => deepStrictEqual(counts(a!.slotOwners()), [SLOTS]));
      strictEqual(a!.slotOwners()[0], 'a');
      deepStrictEqual(heard, [1]);
      deepStrictEqual(slotsHeard, [a!.slotOwners().join()]);
    }));

  test('dispose twice is harmless, ends health, and ends a register', () =>
    withMembers(['a'], async ([a]) => {
      const registering = a!.register();
      const ended = registering.catch(() => {}); // it may have been in time
      await Promise.all([a![Symbol.asyncDispose](), a![Symbol.asyncDispose]()]);
      await ended;
      strictEqual(a!.healthy, false);
      await rejects(a!.register(), /OAP-3002/);
    }));

  if (harness().crash === undefined) return;

  test('three members see each other in one order, share the slots evenly, and agree', () =>
    withMembers(['c', 'a', 'b'], async (members, see) => {
      await Promise.all(members.map((member) => member.register()));
      await see(() => {
        for (const member of members) {
          deepStrictEqual(
            member.queryModules().map(({ instanceId, self }) => `${instanceId}${self ? '*' : ''}`),
            ['c', 'a', 'b'].map((id) => (id === member.self.instanceId ? `${id}*` : id)),
          );
          deepStrictEqual(counts(member.slotOwners()), [5, 5, 6]);
          deepStrictEqual(member.slotOwners(), members[0]!.slotOwners());
        }
      });
    }));

  test('a member that joins takes only its share; one that leaves gives only its own away', () =>
    withMembers(['a', 'b', 'c'], async ([a, b, c], see) => {
      await a!.register();
      await b!.register();
      await see(() => deepStrictEqual(counts(a!.slotOwners()), [8, 8]));
      const before = a!.slotOwners();
      await c!.register();
      await see(() => deepStrictEqual(counts(a!.slotOwners()), [5, 5, 6]));
      const joined = a!.slotOwners();
      for (const [slot, owner] of joined.entries())
        ok(owner === before[slot] || owner === 'c', `slot ${slot} moved to ${owner}`);
      await b![Symbol.asyncDispose]();
      await see(() => {
        for (const member of [a!, c!]) deepStrictEqual(counts(member.slotOwners()), [8, 8]);
      });
      for (const [slot, owner] of a!.slotOwners().entries()) {
        ok(joined[slot] === 'b' || owner === joined[slot], `slot ${slot} moved from ${joined[slot]} to ${owner}`);
      }
      deepStrictEqual(
        a!.queryModules().map((member) => member.instanceId),
        ['a', 'c'],
      );
    }));

  test('when members crash, the leader first, the others take over every slot', () =>
    withMembers(['a', 'b', 'c'], async ([a, b, c], see) => {
      for (const member of [a!, b!, c!]) await member.register(); // a leads: it was first
      await see(() => deepStrictEqual(counts(c!.slotOwners()), [5, 5, 6]));
      await harness().crash!(a!);
      await see(() => {
        deepStrictEqual(counts(c!.slotOwners()), [8, 8]);
        ok(!c!.slotOwners().includes('a'));
        strictEqual(a!.healthy, false);
      });
      await harness().crash!(b!);
      await see(() =>
        deepStrictEqual(
          c!.slotOwners(),
          Array.from({ length: SLOTS }, () => 'c'),
        ),
      );
      deepStrictEqual(c!.queryModules(), [c!.self]);
    }));

  test('attributes travel, weights share the slots, and the newest process on an address wins', () =>
    withMembers([], async (members, see, cluster) => {
      const { open } = harness();
      const big = await open(cluster, { instanceId: 'big', address: 'h:1', slots: SLOTS, attributes: { weight: '3' } });
      members.push(big);
      const old = await open(cluster, { instanceId: 'old', address: 'h:2', slots: SLOTS, attributes: { zone: 'eu' } });
      members.push(old);
      await big.register();
      await old.register();
      await see(() => {
        deepStrictEqual(counts(big.slotOwners()), [4, 12]);
        deepStrictEqual(big.queryModules()[1]?.attributes, { zone: 'eu' });
      });
      // `old` died unnoticed and came back as `new` on the same address
      const young = await open(cluster, { instanceId: 'new', address: 'h:2', slots: SLOTS });
      members.push(young);
      await young.register();
      await see(() => {
        deepStrictEqual(
          big.queryModules().map((member) => member.instanceId),
          ['big', 'new'],
        );
        ok(!big.slotOwners().includes('old'));
      });
    }));
}
