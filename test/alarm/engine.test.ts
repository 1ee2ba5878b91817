// SPDX-License-Identifier: Apache-2.0
// Goal: the engine judges each minute once, waits as rules say, corrects itself when data comes late, and goes on where another node stopped;
// in the end the alarms that stand are those of one plain evaluation of the data as it is.
// Method: a tier in memory under a virtual clock; named cases; random histories with late data, seals, restarts, rebalances and stale owners
// against a reference that knows nothing of windows in storage.
import { slotOf } from '@oap-federation/model';
import { StorageUnavailable, type AlarmStore } from '@oap-federation/storage';
import { MemoryTierStore } from '@oap-federation/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ORIGINS, service, settingsOf, SLOTS, START, World, type Node, type WorldOptions } from './world.js';
import { expectedAlarms } from './reference.js';

const ALL_SLOTS = Array.from({ length: SLOTS }, (_, i) => i);

async function open(settings: string, rest: Partial<WorldOptions> = {}): Promise<{ world: World; node: Node }> {
  let logs = 0;
  const world = await World.open({ store: new MemoryTierStore(() => `log-${++logs}`, SLOTS), settings, ...rest });
  const node = world.node();
  await world.claim(node, ALL_SLOTS);
  return { world, node };
}

const rule = (rest: string, expression = 'avg(service_resp_time) > 1000') =>
  `rules: { slow_rule: { expression: ${expression}, ${rest} } }`;

/** Both origins report the value for the minute that just ended, and seal it. */
async function report(world: World, name: string, value: number | undefined): Promise<void> {
  const minute = world.minute - 1;
  if (value !== undefined)
    await world.put(
      name,
      ORIGINS.map((origin) => ({ minute, origin, value })),
    );
  for (const origin of ORIGINS) await world.seal(origin, minute + 1);
}

/** A minute passes for each value. */
async function history(
  world: World,
  nodes: readonly Node[],
  name: string,
  values: readonly (number | undefined)[],
): Promise<void> {
  for (const value of values) {
    await world.clock.advance(60_000);
    await report(world, name, value);
    for (const { engine } of nodes) await engine.round();
  }
}

/** Commits are written; while the line is cut, nobody is told. */
function withoutAnswers(alarms: AlarmStore, line: { readonly isCut: boolean }): AlarmStore {
  const commit: AlarmStore['commit'] = async (what) => {
    const outcome = await alarms.commit(what);
    if (line.isCut) throw new StorageUnavailable('the connection broke');
    return outcome;
  };
  return new Proxy(alarms, {
    get: (target, name: keyof AlarmStore) => (name === 'commit' ? commit : target[name].bind(target)),
  });
}

describe('the engine', () => {
  it('fires, repeats, recovers, and says so to hooks', async () => {
    const { world, node } = await open(
      rule("period: 1, silence-period: 1, message: '{name} {id}', tags: { level: WARNING }, hooks: []"),
    );
    await history(world, [node], 'shop', [100, 2_000, 2_000, 2_000, 100, 100, 100]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['1', '3-5:recovered'] });
    const messages = await world.told(node);
    expect(messages.map((m) => [m.uuid, m.recovery?.kind])).toEqual([
      [messages[0]!.uuid, undefined],
      [messages[1]!.uuid, undefined],
      [messages[1]!.uuid, 'recovered'],
    ]);
    expect(new Set(messages.map((m) => m.uuid)).size).toBe(2);
    expect(messages[0]).toMatchObject({
      scopeId: 1,
      scope: 'SERVICE',
      name: 'shop',
      alarmMessage: 'shop c2hvcA==.1',
      ruleName: 'slow_rule',
      startTime: (START + 2) * 60_000,
      layers: ['GENERAL'],
      tags: [{ key: 'level', value: 'WARNING' }],
      late: false,
      completeness: { complete: true, missing: [] },
    });
    expect(JSON.parse(messages[0]!.mqeMetricsSnapshot['service_resp_time']!)).toEqual([
      {
        metric: { labels: [] },
        values: [{ id: '202601051201', value: '2000', doubleValue: 2_000, isEmptyValue: false }],
      },
    ]);
  });

  it('never counts the minute that is still running', async () => {
    const { world, node } = await open(rule('period: 1'));
    await world.clock.advance(30_000);
    await world.put('shop', [{ minute: START, origin: 'cloud-c', value: 9_000 }]);
    await node.engine.round();
    expect(await world.standing()).toEqual({});
    await world.pass(60_000, [node]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0'] });
  });

  it('annotates what is missing after the grace, and retracts what later data denies', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 0'));
    await history(world, [node], 'shop', [100]);
    await world.put('shop', [{ minute: START + 1, origin: 'cloud-c', value: 1_500 }]);
    await world.clock.advance(60_000);
    await world.seal('cloud-c', START + 2);
    await world.pass(20_000, [node]);
    expect(await world.records()).toEqual([]); // the grace is not over
    await world.pass(20_000, [node]);
    const [record] = await world.records();
    expect(record).toMatchObject({
      minute: START + 1,
      late: false,
      completeness: { complete: false, missing: ['cloud-n'] },
    });
    await world.put('shop', [{ minute: START + 1, origin: 'cloud-n', value: 100 }]);
    await world.seal('cloud-n', START + 2);
    await history(world, [node], 'shop', [100]);
    expect((await world.records())[0]).toMatchObject({
      uuid: record!.uuid,
      end: { kind: 'retracted', minute: START + 1 },
    });
    expect((await world.told(node)).map((m) => [m.uuid, m.recovery?.kind])).toEqual([
      [record!.uuid, undefined],
      [record!.uuid, 'retracted'],
    ]);
  });

  it('fires late what should have fired', async () => {
    const { world, node } = await open(rule('period: 2, silence-period: 5', 'sum(service_resp_time > 1000) >= 2'));
    await history(world, [node], 'shop', [100, 2_000, 100, 100]);
    await world.put(
      'shop',
      ORIGINS.map((origin) => ({ minute: START + 2, origin, value: 3_000 })),
    );
    await history(world, [node], 'shop', [100]);
    const [record] = await world.records();
    expect(record).toMatchObject({ minute: START + 2, late: true, completeness: { complete: true, missing: [] } });
    expect((await world.told(node))[0]).toMatchObject({ uuid: record!.uuid, late: true });
  });

  it('takes an end back', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 0'));
    await history(world, [node], 'shop', [2_000, 100, 100]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0-1:recovered'] });
    await world.put(
      'shop',
      ORIGINS.map((origin) => ({ minute: START + 1, origin, value: 2_000 })),
    );
    await history(world, [node], 'shop', [100]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0', '1-2:recovered'] });
    expect((await world.records()).filter((r) => r.minute === START)[0]!.end).toBeUndefined();
  });

  it('holds until everything is sealed, but not for ever', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 0, on-incomplete: hold(5m)'));
    await world.clock.advance(60_000);
    await world.put('shop', [{ minute: START, origin: 'cloud-c', value: 2_000 }]);
    await world.seal('cloud-c', START + 1);
    await world.seal('cloud-n', START);
    await node.engine.round();
    await world.pass(4 * 60_000, [node]);
    expect(await world.records()).toEqual([]);
    await world.seal('cloud-n', START + 1);
    await node.engine.round();
    expect((await world.records())[0]).toMatchObject({ minute: START, completeness: { complete: true, missing: [] } });
    await world.put('shop', [{ minute: START + 3, origin: 'cloud-c', value: 2_000 }]);
    await world.pass(10 * 60_000, [node]);
    expect((await world.records())[0]).toMatchObject({
      minute: START + 3,
      completeness: { complete: false, missing: ['cloud-c', 'cloud-n'] },
    });
  });

  it('compares origins, and waits only for those that a rule names', async () => {
    const both =
      "avg(service_resp_time{origin='cloud-c'}) - avg(relabels(service_resp_time{origin='cloud-n'}, origin='cloud-n', new='cloud-c')) > 500";
    const settings = `rules:
  differ_rule: { expression: "${both.replace("new='", "origin='")}", period: 1 }
  c_rule: { expression: "avg(service_resp_time{origin='cloud-c'}) > 500", period: 1, on-incomplete: hold(1h) }`;
    const { world, node } = await open(settings);
    await world.clock.advance(60_000);
    await world.put('shop', [{ minute: START, origin: 'cloud-c', value: 900 }]);
    await world.seal('cloud-c', START + 1);
    await node.engine.round();
    expect(await world.standing()).toEqual({ 'c_rule shop': ['0'] });
    await world.put('shop', [{ minute: START, origin: 'cloud-n', value: 100 }]);
    await world.seal('cloud-n', START + 1);
    await node.engine.round();
    expect(await world.standing()).toEqual({ 'c_rule shop': ['0'], 'differ_rule shop': ['0'] });
  });

  it('judges the window as one, and how it grows', async () => {
    const settings = `rules:
  merged_rule: { expression: merged(service_resp_time) > 1000, period: 2 }
  growing_rule: { expression: "max(increase(service_resp_time, 2)) >= 800 && is_present(service_resp_time) == 1", period: 1 }`;
    const { world, node } = await open(settings);
    await history(world, [node], 'shop', [100, 400]);
    // one origin alone: 1 call of 1,500 beside the 2 of 400 before it, so the window's average is below 1,000
    await world.clock.advance(60_000);
    await world.put('shop', [{ minute: START + 2, origin: 'cloud-c', value: 1_500 }]);
    for (const origin of ORIGINS) await world.seal(origin, START + 3);
    await node.engine.round();
    expect(await world.standing()).toEqual({ 'growing_rule shop': ['2'] });
    await history(world, [node], 'shop', [1_100]);
    expect((await world.standing())['merged_rule shop']).toEqual(['3']);
  });

  it.each([
    ['notify', { 'slow_rule shop': ['0-3:noData'] }],
    ['recover', { 'slow_rule shop': ['0-3:recovered'] }],
    ['keep', { 'slow_rule shop': ['0'] }],
  ])('an entity that stops reporting: %s', async (what, expected) => {
    const { world, node } = await open(rule(`period: 1, silence-period: 2, on-no-data: ${what}`));
    await history(world, [node], 'shop', [2_000, undefined, undefined, undefined, undefined]);
    expect(await world.standing()).toEqual(expected);
  });

  it('does not take a source that is behind for an entity that is gone', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 0'));
    await history(world, [node], 'shop', [2_000]);
    await world.pass(5 * 60_000, [node]); // nobody seals, nothing comes
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0'] });
    for (const origin of ORIGINS) await world.seal(origin, START + 6);
    await world.pass(60_000, [node]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0-1:noData'] });
  });

  it('keeps state over reloads of rules that judge alike, and withdraws what others began', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 9'));
    await history(world, [node], 'shop', [2_000]);
    const reload = (text: string) => node.engine.useSettings(settingsOf(text));
    reload(rule('period: 1, silence-period: 9, message: other'));
    await history(world, [node], 'shop', [2_000]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0'] });
    reload(rule('period: 1, silence-period: 8'));
    await history(world, [node], 'shop', [2_000]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0-1:withdrawn', '2'] });
    reload('rules: {}');
    await history(world, [node], 'shop', [2_000]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0-1:withdrawn', '2-2:withdrawn'] });
    expect((await world.told(node)).map((m) => m.recovery?.kind)).toEqual([
      undefined,
      'withdrawn',
      undefined,
      'withdrawn',
    ]);
    for (const slot of ALL_SLOTS) expect((await world.store.alarms.openSlot(slot)).states).toEqual([]);
  });

  it('goes on where another node stopped, and catches up what a stall left', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 3'));
    await history(world, [node], 'shop', [2_000, 2_000]);
    for (let i = 0; i < 5; i++) await history(world, [], 'shop', [2_000]);
    const heir = world.node(2);
    await world.claim(heir, ALL_SLOTS);
    await heir.engine.round();
    await node.engine.round(); // still thinks that it owns everything
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0', '4'] });
    expect((await world.told(heir)).map((m) => [m.late, m.startTime / 60_000 - START])).toEqual([
      [false, 1],
      [true, 7],
    ]);
    await history(world, [node, heir], 'shop', [2_000, 2_000]);
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0', '4', '8'] });
    expect(node.telemetry.render()).toMatch(/oap_alarm_commits_refused_total [1-9]/);
  });

  it('skips what is too far back, and says so', async () => {
    const { world, node } = await open(rule('period: 1, silence-period: 0'), { lookBackMinutes: 5 });
    await history(world, [node], 'shop', [100]);
    await history(world, [], 'shop', [2_000, 2_000, 2_000, 100, 100, 100, 100]);
    await node.engine.round();
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['3-4:recovered'] });
    const skipped = node.telemetry.render().match(/oap_alarm_minutes_skipped_total (\d+)/)![1];
    expect(skipped).toBe(String(2 * SLOTS));
  });

  it('survives a storage that is away at any moment', async () => {
    let logs = 0;
    const store = new MemoryTierStore(() => `log-${++logs}`, SLOTS);
    const world = await World.open({ store, settings: rule('period: 1, silence-period: 1') });
    const node = world.node();
    await world.claim(node, ALL_SLOTS);
    const values = [2_000, 2_000, 2_000, 100, 100, 2_000, 100];
    const calm = await open(rule('period: 1, silence-period: 1'));
    await history(calm.world, [calm.node], 'shop', values);
    for (const value of values) {
      await world.clock.advance(60_000);
      await report(world, 'shop', value);
      store.down = true;
      await node.engine.round();
      store.down = false;
      await node.engine.round();
    }
    expect(await world.standing()).toEqual(await calm.world.standing());
    expect(node.telemetry.render()).toMatch(/oap_alarm_rounds_failed_total 7/);
  });

  it('reads what is stored after a commit whose outcome it was not told', async () => {
    let logs = 0;
    const store = new MemoryTierStore(() => `log-${++logs}`, SLOTS);
    const world = await World.open({ store, settings: rule('period: 1, silence-period: 1') });
    const line = { isCut: false };
    const node = world.node(1, { alarms: withoutAnswers(store.alarms, line) });
    await world.claim(node, ALL_SLOTS);
    const slot = slotOf(service('shop').id, SLOTS);
    for (const other of ALL_SLOTS) if (other !== slot) node.fences.delete(other);
    for (const value of [2_000, 2_000, 2_000, 100, 100]) {
      await world.clock.advance(60_000);
      await report(world, 'shop', value);
      line.isCut = true;
      await node.engine.round();
      line.isCut = false;
      await node.engine.round();
    }
    expect(await world.standing()).toEqual({ 'slow_rule shop': ['0', '2-4:recovered'] });
    expect(await world.told(node)).toHaveLength(3);
  });
});

const RULES = `rules:
  prompt_rule: { expression: sum(service_resp_time > 1000) >= 2, period: 3, silence-period: 2, recovery-observation-period: 1 }
  hold_rule: { expression: avg(service_resp_time) > 1000, period: 2, silence-period: 0, on-incomplete: hold(4m), on-no-data: recover }
  origin_rule:
    expression: avg(service_resp_time{origin='cloud-c'}) - avg(relabels(service_resp_time{origin='cloud-n'}, origin='cloud-n', origin='cloud-c')) > 500
    period: 2
    silence-period: 1
    on-no-data: keep
`;

const NAMES = ['shop', 'cart', 'pay'] as const;
const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      name: fc.constantFrom(...NAMES),
      origin: fc.constantFrom(...ORIGINS),
      back: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 5, max: 25 })),
      values: fc.array(fc.constantFrom(100, 900, 1_100, 2_000), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 5, max: 150 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('seal' as const),
      origin: fc.constantFrom(...ORIGINS),
      back: fc.integer({ min: 0, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('away' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('move' as const), slots: fc.subarray(ALL_SLOTS, { minLength: 1 }) }),
  },
);

it('any history ends with the alarms of one plain evaluation of its data', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
      let logs = 0;
      const store = new MemoryTierStore(() => `log-${++logs}`, SLOTS);
      const world = await World.open({ store, settings: RULES });
      const line = { isCut: false };
      const nodeOf = (seed: number) => world.node(seed, { alarms: withoutAnswers(store.alarms, line) });
      let nodes = [nodeOf(1), nodeOf(2)];
      await world.claim(nodes[0]!, ALL_SLOTS);
      let turn = 0;
      await world.pass(10 * 60_000, nodes);
      for (const step of steps) {
        if (step.kind === 'pass') await world.pass(step.seconds * 1_000, nodes);
        else if (step.kind === 'seal') await world.seal(step.origin, world.minute - step.back);
        else if (step.kind === 'put') {
          const first = world.minute - step.back;
          const minutes = step.values.map((value, i) => ({ minute: first + i, origin: step.origin, value }));
          await world.put(
            step.name,
            minutes.filter(({ minute }) => minute >= START && minute <= world.minute),
          );
        } else if (step.kind === 'away' || step.kind === 'cut') {
          store.down = step.kind === 'away';
          line.isCut = step.kind === 'cut';
          await world.pass(70_000, nodes);
          store.down = line.isCut = false;
        } else if (step.kind === 'restart') {
          const heirs = nodes.map((_, i) => nodeOf(10 + ++turn + i));
          nodes.forEach((old, i) => {
            for (const [slot, fence] of old.fences) heirs[i]!.fences.set(slot, fence);
          });
          nodes = heirs;
        } else await world.claim(nodes[++turn % 2]!, step.slots); // the other one is not told
      }
      for (let i = 0; i < 8; i++) {
        for (const origin of ORIGINS) await world.seal(origin, world.minute);
        await world.pass(60_000, nodes);
      }
      expect(await world.standing()).toEqual(await expectedAlarms(world, NAMES));
    }),
    { numRuns: 150 },
  );
});
