// SPDX-License-Identifier: Apache-2.0
// Goal: what was committed for hooks is told, in order per incident, under one key, whatever fails: receivers, the storage, nodes.
// Method: deliverers over a storage in memory with faults, scripted receivers, and time that only moves when told to.
import { AlarmDeliverer, HookBusy, HookRefused, type AlarmMessage, type HookTarget } from '@oap-federation/alarm';
import { MetricRegistry, seededRng, silentLogger, uuidV7, type Logger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { SlotFence } from '@oap-federation/storage';
import { testAlarmCommit } from '@oap-federation/storage/testing';
import { MemoryTierStore } from '@oap-federation/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alarmMessage, recoveryOf } from './messages.js';

/** For these tests; a day in life. */
const GIVE_UP_AFTER_MS = 600_000;

interface Told {
  readonly node: string;
  readonly target: string;
  readonly key: string;
  readonly message: AlarmMessage;
  readonly atMs: number;
}

type Script = (told: Told) => Promise<number | void> | number | void;

/** A tier of several nodes on one storage, whose hooks do what the script says. */
class World {
  readonly clock = new VirtualClock();
  readonly rng = seededRng(7);
  readonly store = new MemoryTierStore(() => uuidV7(this.rng, 0), 4);
  readonly told: Told[] = [];
  readonly logged: string[] = [];
  readonly telemetry = new MetricRegistry();
  giveUpAfterMs = GIVE_UP_AFTER_MS;
  /** Told apart by the number behind #; script of each. */
  readonly scripts = new Map<string, Script>();
  readonly fences = new Map<string, Map<number, SlotFence>>();
  #uuids = 0;

  constructor(targets: readonly string[] = ['webhook.a#1']) {
    for (const id of targets) this.scripts.set(id, () => undefined);
  }

  /** The node takes the slots: whoever had them can write nothing any more, and does not know it. */
  async claim(node: string, ...slots: readonly number[]): Promise<void> {
    const fences = this.fences.get(node) ?? new Map<number, SlotFence>();
    this.fences.set(node, fences);
    for (const slot of slots) fences.set(slot, (await this.store.claimSlot(slot)).fence);
  }

  start(node: string): AlarmDeliverer {
    const log = (_: unknown, text: string) => this.logged.push(text);
    const logger: Logger = { ...silentLogger, error: log, warn: log, info: log };
    const deliverer = new AlarmDeliverer({
      alarms: this.store.alarms,
      ownership: {
        ownedSlots: () => [...(this.fences.get(node)?.keys() ?? [])],
        fence: (slot) => this.fences.get(node)?.get(slot),
      },
      tier: 'here',
      clock: this.clock,
      rng: this.rng,
      logger,
      telemetry: this.telemetry,
      giveUpAfterMs: this.giveUpAfterMs,
    });
    this.use(deliverer, node);
    return deliverer;
  }

  use(deliverer: AlarmDeliverer, node: string, ids = [...this.scripts.keys()]): void {
    const targetOf = (id: string): HookTarget => ({
      id,
      wants: () => true,
      send: async (message, key, signal) => {
        const told = { node, target: id, key, message, atMs: this.clock.now() };
        this.told.push(told);
        const aborted = new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        });
        return (await Promise.race([this.scripts.get(id)!(told), aborted])) ?? undefined;
      },
      close: () => {},
    });
    deliverer.useHooks([{ id: 'webhook.a', isDefault: true, open: () => ids.map(targetOf) }]);
  }

  /** Commits messages to all targets, in the slot of their entity, as the slot's owner. */
  async commit(node: string, slot: number, ...messages: readonly AlarmMessage[]): Promise<void> {
    const deliverer = this.start(''); // any node makes the same deliveries
    const deliveries = messages.flatMap((message) =>
      deliverer.deliveriesOf(message, { slot, nowMs: this.clock.now() }),
    );
    await deliverer[Symbol.asyncDispose]();
    const fence = this.fences.get(node)!.get(slot)!;
    expect(await this.store.alarms.commit(testAlarmCommit(slot, fence, { deliveries }))).toBe('committed');
  }

  alarm(id0 = 'e', rest: Partial<AlarmMessage> = {}): AlarmMessage {
    return alarmMessage({ id0, uuid: `u${++this.#uuids}`, startTime: this.clock.now(), ...rest });
  }

  /** What the target was told: entity, and `!` for an end. */
  heard(target = 'webhook.a#1'): string[] {
    return this.told.filter((one) => one.target === target).map(({ message }) => mark(message));
  }

  async waiting(): Promise<number> {
    const backlog = await this.store.alarms.deliveryBacklog([0, 1, 2, 3]);
    return backlog.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  count(result: string, target = 'webhook.a#1'): number {
    return this.telemetry.counter('oap_alarm_deliveries_total', '', { target, result }).value();
  }
}

const mark = ({ id0, recovery }: AlarmMessage) => `${id0}${recovery ? '!' : ''}`;
const fails = (reason: string): Script => {
  return () => Promise.reject(new Error(reason));
};

describe('a deliverer', () => {
  it('tells an alarm and its end in order, while the receiver is away and after, each under one key', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', fails('503'));
    const alarm = w.alarm();
    await w.commit('n1', 0, alarm);
    await w.clock.advance(60_000);
    await w.commit('n1', 0, recoveryOf(alarm, w.clock.now()));
    await w.clock.advance(400_000);
    expect(new Set(w.heard())).toEqual(new Set(['e']));
    expect(w.heard().length).toBeGreaterThan(7); // a pause is 30 s at most, and a wait 60 s
    expect(deliverer.health()).toMatchObject([
      { target: 'webhook.a#1', hook: 'webhook.a', state: 'failing', lastError: { reason: '503' }, waiting: 2 },
    ]);
    w.scripts.set('webhook.a#1', () => {});
    const before = w.told.length;
    await w.clock.advance(90_000);
    expect(w.heard().slice(before)).toEqual(['e', 'e!']);
    expect(new Set(w.told.map(({ key }) => key)).size).toBe(2);
    expect(await w.waiting()).toBe(0);
    expect(deliverer.health()).toMatchObject([{ state: 'ok', failures: 0, waiting: 0 }]);
    expect([w.count('delivered'), w.count('retried')]).toEqual([2, before]);
    expect(w.logged).toContain('an alarm hook works again');
    await deliverer[Symbol.asyncDispose]();
    expect(w.clock.pending).toBe(0);
  });

  it('a commit that says so is told at once', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    await w.clock.advance(500);
    await w.commit('n1', 0, w.alarm());
    deliverer.wake();
    await w.clock.advance(1);
    expect(w.heard()).toEqual(['e']);
    await deliverer[Symbol.asyncDispose]();
  });

  it('one receiver that does not answer holds up no other, and has four attempts at once', async () => {
    const w = new World(['webhook.a#1', 'webhook.a#2']);
    await w.claim('n1', 0, 1);
    const deliverer = w.start('n1');
    const answers: (() => void)[] = [];
    w.scripts.set('webhook.a#2', () => new Promise((resolve) => answers.push(resolve)));
    for (const slot of [0, 1])
      await w.commit('n1', slot, ...Array.from({ length: 50 }, (_, n) => w.alarm(`${slot}-${n}`)));
    await w.clock.advance(5_000);
    expect(new Set(w.heard('webhook.a#1')).size).toBe(100);
    expect(w.heard('webhook.a#2')).toHaveLength(4);
    w.scripts.set('webhook.a#2', fails('it is away'));
    for (const answer of answers) answer();
    await w.clock.advance(1);
    // one at a time while it fails
    expect(w.heard('webhook.a#2').length).toBeLessThanOrEqual(8);
    const seen = w.heard('webhook.a#2').length;
    await w.clock.advance(60_000);
    expect(w.heard('webhook.a#2').length - seen).toBeLessThan(40);
    await deliverer[Symbol.asyncDispose]();
  });

  it('comes back when it is asked to, not before', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', () => Promise.reject(new HookBusy('429', 100_000)));
    await w.commit('n1', 0, w.alarm('x'), w.alarm('y'));
    await w.clock.advance(50_000);
    w.scripts.set('webhook.a#1', () => {});
    const asked = w.told.length;
    expect(asked).toBeLessThanOrEqual(2);
    await w.clock.advance(49_000);
    expect(w.told).toHaveLength(asked);
    await w.clock.advance(3_000);
    expect(w.told).toHaveLength(asked + 2);
    await deliverer[Symbol.asyncDispose]();
  });

  it('what is refused is given up and said, and the end of the incident is told', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', ({ message }) =>
      message.recovery ? undefined : Promise.reject(new HookRefused('400: no such channel')),
    );
    const alarm = w.alarm();
    await w.commit('n1', 0, alarm, recoveryOf(alarm, w.clock.now()));
    await w.clock.advance(5_000);
    expect(w.heard()).toEqual(['e', 'e!']);
    expect([w.count('refused'), w.count('delivered'), await w.waiting()]).toEqual([1, 1, 0]);
    expect(w.logged).toContain('an alarm message was given up: refused');
    await deliverer[Symbol.asyncDispose]();
  });

  it('after its time without success it is given up and said', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', fails('away'));
    await w.commit('n1', 0, w.alarm());
    await w.clock.advance(GIVE_UP_AFTER_MS - 60_000);
    expect([await w.waiting(), w.count('expired')]).toEqual([1, 0]);
    await w.clock.advance(3 * 60_000);
    expect([await w.waiting(), w.count('expired')]).toEqual([0, 1]);
    expect(w.logged).toContain('an alarm message was given up: expired');
    await deliverer[Symbol.asyncDispose]();
  });

  it('what a target wants repeated is repeated until the next of its incident was told, over restarts', async () => {
    const w = new World();
    await w.claim('n1', 0);
    w.scripts.set('webhook.a#1', ({ message }) => (message.recovery ? undefined : 120_000));
    const first = w.start('n1');
    const [one, two] = [w.alarm('e'), w.alarm('e')];
    await w.commit('n1', 0, one);
    await w.clock.advance(301_000);
    expect(w.told.map(({ message }) => message.uuid)).toEqual([one.uuid, one.uuid, one.uuid]);
    expect(new Set(w.told.map(({ key }) => key)).size).toBe(1);
    await w.commit('n1', 0, two);
    await w.clock.advance(2_000);
    await first[Symbol.asyncDispose]();
    const again = w.start('n1');
    await w.clock.advance(240_000);
    expect(w.told.slice(3).map(({ message }) => message.uuid)).toEqual([two.uuid, two.uuid, two.uuid]);
    await w.clock.advance(2 * GIVE_UP_AFTER_MS);
    const count = w.told.length; // it is not given up while it fires
    await w.commit('n1', 0, recoveryOf(two, w.clock.now()));
    await w.clock.advance(2 * GIVE_UP_AFTER_MS);
    expect(w.heard().slice(count)).toEqual(['e!']);
    expect([w.count('delivered'), w.count('repeated')]).toEqual([3, count - 2]);
    await again[Symbol.asyncDispose]();
  });

  it('a node that has lost the slot sends nothing; the new owner does not send what is being sent', async () => {
    const w = new World();
    await w.claim('n1', 0);
    let answer = () => {};
    w.scripts.set('webhook.a#1', () => new Promise((resolve) => (answer = resolve)));
    const first = w.start('n1');
    const alarm = w.alarm('x');
    await w.commit('n1', 0, alarm, recoveryOf(alarm, w.clock.now()));
    await w.clock.advance(1_500);
    expect(w.told).toHaveLength(1);
    await w.claim('n2', 0); // n1 does not know
    const second = w.start('n2');
    await w.clock.advance(15_000);
    expect(w.told.map(({ node }) => node)).toEqual(['n1']);
    w.scripts.set('webhook.a#1', () => {});
    answer(); // n1 cannot write it down
    await w.commit('n2', 0, w.alarm('y'));
    await w.clock.advance(20_000);
    expect(w.told.map(({ node, message }) => `${node} ${mark(message)}`)).toEqual(['n1 x', 'n2 y', 'n2 x', 'n2 x!']);
    const keys = w.told.filter(({ message }) => mark(message) === 'x').map(({ key }) => key);
    expect(new Set(keys).size).toBe(1);
    await Promise.all([first, second].map((one) => one[Symbol.asyncDispose]()));
  });

  it('an attempt that does not end by itself is ended before its lease is', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', () => (w.told.length === 1 ? new Promise(() => {}) : undefined));
    await w.commit('n1', 0, w.alarm());
    await w.clock.advance(25_000);
    expect([w.heard(), await w.waiting(), w.count('retried')]).toEqual([['e', 'e'], 0, 1]);
    await deliverer[Symbol.asyncDispose]();
  });

  it('a storage that goes away between answer and settling makes it no second message', async () => {
    const w = new World();
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', () => {
      w.store.down = true;
    });
    const alarm = w.alarm();
    await w.commit('n1', 0, alarm, recoveryOf(alarm, w.clock.now()));
    await w.clock.advance(120_000); // longer than the lease
    w.scripts.set('webhook.a#1', () => {});
    w.store.down = false;
    await w.clock.advance(30_000);
    expect(w.heard()).toEqual(['e', 'e!']);
    expect(await w.waiting()).toBe(0);
    await deliverer[Symbol.asyncDispose]();
  });

  it('a stop waits for what is under way, ends it after five seconds, and the next start sends it again', async () => {
    const w = new World(['webhook.a#1', 'webhook.a#2']);
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.scripts.set('webhook.a#1', () => w.clock.sleep(3_000));
    w.scripts.set('webhook.a#2', () => w.clock.sleep(10_000));
    await w.commit('n1', 0, w.alarm());
    await w.clock.advance(1_100);
    const stopped = deliverer[Symbol.asyncDispose]();
    await w.clock.advance(6_000);
    await stopped;
    expect(await w.waiting()).toBe(1);
    const again = w.start('n1');
    w.scripts.set('webhook.a#2', () => {});
    await w.clock.advance(1);
    expect([w.heard('webhook.a#1'), w.heard('webhook.a#2')]).toEqual([['e'], ['e', 'e']]);
    expect(new Set(w.told.map(({ key }) => key)).size).toBe(2);
    await again[Symbol.asyncDispose]();
    await again[Symbol.asyncDispose]();
  });

  it('a hook that the settings have no more waits for them; one that comes back hears it', async () => {
    const w = new World(['webhook.a#1', 'webhook.a#2']);
    await w.claim('n1', 0);
    const deliverer = w.start('n1');
    w.use(deliverer, 'n1', ['webhook.a#2']);
    await w.commit('n1', 0, w.alarm('x'));
    await w.clock.advance(300_000);
    expect([w.heard('webhook.a#1'), w.heard('webhook.a#2')]).toEqual([[], ['x']]);
    expect(deliverer.health().map(({ target }) => target)).toEqual(['webhook.a#2']);
    w.use(deliverer, 'n1');
    await w.clock.advance(60_000);
    expect(w.heard('webhook.a#1')).toEqual(['x']);
    w.use(deliverer, 'n1', []);
    await w.commit('n1', 0, w.alarm('y'));
    await w.clock.advance(GIVE_UP_AFTER_MS + 120_000);
    expect([await w.waiting(), w.count('expired'), w.count('expired', 'webhook.a#2')]).toEqual([0, 1, 1]);
    await deliverer[Symbol.asyncDispose]();
  });
});

describe('two nodes and everything that fails', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('alarm' as const), slot: fc.nat(1), entity: fc.nat(2) }),
    fc.record({ kind: fc.constant('end' as const), slot: fc.nat(1), entity: fc.nat(2) }),
    fc.record({ kind: fc.constant('move' as const), slot: fc.nat(1), node: fc.nat(1), tells: fc.boolean() }),
    fc.record({ kind: fc.constant('restart' as const), node: fc.nat(1) }),
    fc.record({ kind: fc.constant('storage' as const), down: fc.boolean() }),
    fc.record({ kind: fc.constant('receiver' as const), target: fc.nat(1), fails: fc.nat(100) }),
    fc.record({ kind: fc.constant('time' as const), ms: fc.nat(90_000) }),
  );

  it('every message arrives, those of an incident in order, each under one key; nothing waits in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const ids = ['webhook.a#1', 'webhook.a#2'];
        const w = new World(ids);
        w.giveUpAfterMs = Number.POSITIVE_INFINITY;
        const dice = seededRng(seed);
        const failing = [0, 0];
        ids.forEach((id, i) => {
          w.scripts.set(id, async () => {
            await w.clock.sleep(dice.next() * 12_000);
            if (dice.next() * 100 < failing[i]!) throw new Error('as the dice say');
          });
        });
        const owners = ['n1', 'n2'];
        await w.claim('n1', 0);
        await w.claim('n2', 1);
        const nodes = new Map(owners.map((node) => [node, w.start(node)]));
        const owned = ['n1', 'n2'];
        const committed: { slot: number; message: AlarmMessage }[] = [];
        const last = new Map<string, AlarmMessage>();
        const commit = async (slot: number, message: AlarmMessage) => {
          if (w.store.down) return;
          await w.commit(owned[slot]!, slot, message);
          committed.push({ slot, message });
          last.set(message.id0, message);
        };
        for (const one of steps) {
          if (one.kind === 'time') await w.clock.advance(one.ms);
          else if (one.kind === 'storage') w.store.down = one.down;
          else if (one.kind === 'receiver') failing[one.target] = one.fails;
          else if (one.kind === 'restart') {
            // killed: whatever it still does, it can write nothing, since its slots are claimed again
            const node = owners[one.node]!;
            const slots = owned.flatMap((owner, slot) => (owner === node ? [slot] : []));
            if (w.store.down) continue;
            w.fences.set(node, new Map());
            nodes.set(node, w.start(node));
            await w.claim(node, ...slots);
          } else if (one.kind === 'move') {
            if (w.store.down) continue;
            const to = owners[one.node]!;
            if (one.tells) w.fences.get(owned[one.slot]!)!.delete(one.slot);
            await w.claim(to, one.slot);
            owned[one.slot] = to;
          } else {
            const id0 = `${one.slot}-${one.entity}`;
            const before = last.get(id0);
            if (one.kind === 'alarm') await commit(one.slot, w.alarm(id0));
            else if (before && !before.recovery) await commit(one.slot, recoveryOf(before, w.clock.now()));
          }
        }
        w.store.down = false;
        failing.fill(0);
        await w.clock.advance(GIVE_UP_AFTER_MS);
        expect(await w.waiting()).toBe(0);
        for (const target of ids) {
          const told = w.told.filter((one) => one.target === target);
          const keyOf = new Map<string, string>();
          for (const id0 of new Set(committed.map(({ message }) => message.id0))) {
            const what = ({ uuid, recovery }: AlarmMessage) => `${uuid} ${recovery ? 'end' : 'alarm'}`;
            const wanted = committed.filter(({ message }) => message.id0 === id0).map(({ message }) => what(message));
            const heard = told.filter(({ message }) => message.id0 === id0);
            const order = [...new Set(heard.map(({ message }) => what(message)))];
            expect(order).toEqual(wanted);
            for (const { message, key } of heard) {
              const known = keyOf.get(what(message)) ?? key;
              expect(key).toBe(known);
              keyOf.set(what(message), key);
            }
          }
          expect(new Set(keyOf.values()).size).toBe(committed.length);
        }
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});
