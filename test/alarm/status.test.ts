// SPDX-License-Identifier: Apache-2.0
// Goal: the status of rules over HTTP, in SkyWalking's shapes, is the same from any node, and says what is stored. Method: the real routes
// over a tier in memory, asked through a reader that never judged anything.
import { AlarmStatus } from '@oap-federation/alarm';
import { defaultQueryServerConfig, openQueryServer, type QueryServer } from '@oap-federation/query';
import { nothingElse } from '@oap-federation/query/testing';
import { silentLogger } from '@oap-federation/runtime';
import { testAlarmCommit, testDelivery } from '@oap-federation/storage/testing';
import { MemoryTierStore } from '@oap-federation/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ORIGINS, SLOTS, World } from './world.js';

const RULES = `rules:
  slow_rule:
    expression: sum(service_resp_time > 1000) >= 2
    period: 3
    silence-period: 4
    message: "{name} is slow"
    tags: { level: WARNING }
    exclude-names: hidden
    on-incomplete: hold(2m)
  origin_rule: { expression: "avg(service_resp_time{origin='cloud-c'}) > 9000" }`;

let logs = 0;
const store = new MemoryTierStore(() => `log-${++logs}`, SLOTS);
let world: World;
let server: QueryServer;

beforeAll(async () => {
  world = await World.open({ store, settings: RULES });
  const node = world.node();
  await world.claim(node, [0, 1, 2, 3]);
  for (const value of [100, 2_000, 2_000]) {
    await world.clock.advance(60_000);
    const minute = world.minute - 1;
    for (const origin of ORIGINS) {
      await world.put('a/b shop', [{ minute, origin, value }]);
      await world.put('calm', [{ minute, origin, value: 10 }]);
      await world.put('hidden', [{ minute, origin, value }]);
    }
    for (const origin of ORIGINS) await world.seal(origin, minute + 1);
    await node.engine.round();
  }
  const reader = new AlarmStatus({
    alarms: store.alarms,
    reader: store.reader,
    rules: () => world.settings.rules,
    hookHealth: () => [
      {
        target: 'webhook.people#1',
        hook: 'webhook.people',
        state: 'failing',
        lastSuccessMs: Date.UTC(2026, 0, 5, 12),
        lastError: { atMs: Date.UTC(2026, 0, 5, 13), reason: 'host answered 503' },
        failures: 3,
        waiting: 0,
      },
      { target: 'slack.ops#2', hook: 'slack.ops', state: 'unknown', failures: 0, waiting: 0 },
    ],
    slots: SLOTS,
    timezoneOffsetMinutes: () => 60,
    clock: world.clock,
  });
  server = await openQueryServer(
    { ...defaultQueryServerConfig(), host: '127.0.0.1', port: 0 },
    {
      reader: store.reader,
      metadata: store.metadata,
      ...nothingElse(),
      clock: world.clock,
      logger: silentLogger,
      timezoneOffsetMinutes: () => 60,
      version: '0',
      status: () => ({}),
      alarmStatus: { reader, address: '127.0.0.1:11800' },
    },
  );
});
afterAll(() => server[Symbol.asyncDispose]());

interface Answer {
  readonly oapInstances: readonly [{ readonly address: string; readonly status: Record<string, unknown> }];
}

async function ask(path: string): Promise<{ readonly status: number; readonly body: Answer }> {
  const answer = await fetch(server.url + path);
  return { status: answer.status, body: (await answer.json()) as Answer };
}

it('lists the rules', async () => {
  expect(await ask('/status/alarm/rules')).toEqual({
    status: 200,
    body: {
      oapInstances: [
        { address: '127.0.0.1_11800', status: { ruleList: [{ id: 'slow_rule' }, { id: 'origin_rule' }] } },
      ],
    },
  });
});

it('shows a rule, with the entities that it judges', async () => {
  const { body } = await ask('/status/alarm/rules/slow_rule');
  expect(body.oapInstances[0].status).toEqual({
    ruleId: 'slow_rule',
    expression: 'sum(service_resp_time > 1000) >= 2',
    period: 3,
    silencePeriod: 4,
    recoveryObservationPeriod: 0,
    additionalPeriod: 0,
    includeEntityNames: [],
    excludeEntityNames: ['hidden'],
    includeEntityNamesRegex: '',
    excludeEntityNamesRegex: '',
    onIncomplete: 'hold(120s)',
    onNoData: 'notify',
    runningEntities: [
      { scope: 'SERVICE', name: 'a/b shop', state: 'FIRING', formattedMessage: 'a/b shop is slow' },
      { scope: 'SERVICE', name: 'calm', state: 'NORMAL', formattedMessage: 'calm is slow' },
    ],
    runningEntitiesTotal: 2,
    tags: [{ key: 'level', value: 'WARNING' }],
    hooks: [],
    includeMetrics: ['service_resp_time'],
    judgedTo: '2026-01-05 1302',
    skippedMinutes: 0,
  });
});

it('shows the window and the countdowns of an entity', async () => {
  const { body } = await ask(`/status/alarm/slow_rule/${encodeURIComponent('a/b shop')}`);
  const { mqeMetricsSnapshot, openAlarm, ...status } = body.oapInstances[0].status;
  expect(status).toEqual({
    ruleId: 'slow_rule',
    expression: 'sum(service_resp_time > 1000) >= 2',
    endTime: '2026-01-05 1302',
    additionalPeriod: 0,
    size: 3,
    silenceCountdown: 4,
    recoveryObservationCountdown: 0,
    state: 'FIRING',
    verdict: 'match',
    entityName: 'a/b shop',
    windowValues: [100, 2_000, 2_000].map((value, index) => ({
      index,
      metrics: [{ name: 'service_resp_time', timeBucket: 202601051300 + index, value: String(value) }],
    })),
  });
  expect(Object.keys(mqeMetricsSnapshot as object)).toEqual(['service_resp_time']);
  expect(openAlarm).toBe((await world.records())[0]!.uuid);
  const calm = await ask('/status/alarm/slow_rule/calm');
  expect(calm.body.oapInstances[0].status).toMatchObject({
    silenceCountdown: -1,
    state: 'NORMAL',
    verdict: 'mismatch',
    openAlarm: null,
  });
  const nobody = await ask('/status/alarm/slow_rule/nobody');
  expect(nobody.body.oapInstances[0].status).toMatchObject({ size: 0, silenceCountdown: -1, windowValues: [] });
});

it('says how the targets of hooks do, and what waits for them in all slots, for those too that this node does not know', async () => {
  const { fence } = await store.claimSlot(3);
  const deliveries = ['webhook.people#1', 'webhook.gone#3'].map((target, n) =>
    testDelivery(3, `d${n}`, { target, createdAtMs: Date.UTC(2026, 0, 5, 11) }),
  );
  const { judgedTo, judgedRevision } = await store.alarms.readSlot(3);
  await store.alarms.commit(testAlarmCommit(3, fence, { judgedTo, judgedRevision, deliveries }));
  const { body } = await ask('/status/alarm/hooks');
  const { targets } = body.oapInstances[0].status as { readonly targets: readonly { readonly target: string }[] };
  const ofTheWorld = targets.filter(({ target }) => target === 'webhook.all'); // what the engine above told
  expect({ targets: targets.filter((one) => !ofTheWorld.includes(one)) }).toEqual({
    targets: [
      {
        target: 'webhook.people#1',
        hook: 'webhook.people',
        state: 'failing',
        lastSuccess: '2026-01-05T12:00:00.000Z',
        lastError: { at: '2026-01-05T13:00:00.000Z', reason: 'host answered 503' },
        failures: 3,
        waiting: 1,
        oldest: '2026-01-05T11:00:00.000Z',
      },
      {
        target: 'slack.ops#2',
        hook: 'slack.ops',
        state: 'unknown',
        lastSuccess: null,
        lastError: null,
        failures: 0,
        waiting: 0,
        oldest: null,
      },
      {
        target: 'webhook.gone#3',
        hook: 'webhook.gone',
        state: 'not set up here',
        waiting: 1,
        oldest: '2026-01-05T11:00:00.000Z',
      },
    ],
  });
});

it('says what is not there, and what cannot be read', async () => {
  for (const url of ['/status/alarm/rules/no_rule', '/status/alarm/no_rule/calm']) {
    expect(await ask(url)).toEqual({
      status: 404,
      body: { errors: [{ message: 'there is no alarm rule no_rule here' }] },
    });
  }
  store.down = true;
  const answer = await ask('/status/alarm/rules/slow_rule');
  store.down = false;
  const errorMsg = expect.stringContaining('OAP-2001') as string;
  expect(answer).toEqual({ status: 503, body: { oapInstances: [{ address: '127.0.0.1_11800', errorMsg }] } });
});
