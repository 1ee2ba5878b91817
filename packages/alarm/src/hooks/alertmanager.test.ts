// SPDX-License-Identifier: Apache-2.0
// Goal: a real Alertmanager takes alerts, tells its receiver, keeps them while they are repeated, and ends them. Method: its API, amtool, and
// what it sends to a receiver of the test.
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  startAlertmanager,
  startHttpReceiver,
  type Alertmanager,
  type HttpReceiver,
} from '../../../../test/services/index.js';
import { available, needs } from '../../../../test/services/needs.js';
import { HookRefused } from '../hook.js';
import { openTestHook, testMessage } from '../testing.js';
import { ALERT_LIFE_MS, ALERT_REPEAT_MS } from './alertmanager.js';

const signal = new AbortController().signal;

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

needs('alertmanager')('alertmanager', () => {
  let receiver: HttpReceiver;
  let server: Alertmanager;
  beforeAll(async () => {
    receiver = await startHttpReceiver();
    server = available(await startAlertmanager({ notifyUrl: receiver.url }));
  });
  afterAll(async () => {
    await server.stop();
    await receiver.stop();
  });

  const alerts = async (name: string) => {
    const answer = await fetch(`${server.url}/api/v2/alerts?filter=${encodeURIComponent(`alertname="${name}"`)}`);
    return (await answer.json()) as Alert[];
  };
  /** What the receiver was told of alerts of that name: status, and how many. */
  const told = (name: string) =>
    receiver.calls
      .map(({ body }) => JSON.parse(body) as { status: string; alerts: Alert[] })
      .filter((call) => call.alerts[0]!.labels['alertname'] === name)
      .map((call) => `${call.status} ${call.alerts.length}`);
  const untilTold = async (name: string, count: number) => {
    for (let calls = 1; told(name).length < count; calls++) await receiver.received(calls);
  };
  /** Alertmanager has its own clock, so tests begin now. */
  const clock = () => new VirtualClock(Date.now());
  const message = (ruleName: string, startTime: number) =>
    testMessage({
      ruleName,
      startTime,
      name: 'GET:/a{b="c"}\n of süß',
      tags: [
        { key: 'level', value: 'CRITICAL' },
        { key: '2nd-line', value: 'x' },
        { key: 'alertname', value: 'hidden' },
      ],
    });

  it('an alarm fires, with labels of the incident and who was missing; its end resolves it; the receiver hears both', async () => {
    const time = clock();
    const [target] = openTestHook('alertmanager', `{ urls: ['${server.url}/'], labels: { team: infra } }`, time);
    const firing = message('fires_rule', time.now() - 60_000);
    expect(await target!.send(firing, 'd1', signal)).toBe(ALERT_REPEAT_MS);
    await untilTold('fires_rule', 1);
    const [alert] = await alerts('fires_rule');
    expect(alert!.labels).toEqual({
      alertname: 'fires_rule',
      tier: 'region-1',
      scope: 'SERVICE',
      name: 'GET:/a{b="c"}\n of süß',
      entity_id: 'ZnJvbnRlbmQ=.1',
      level: 'CRITICAL',
      _2nd_line: 'x',
      team: 'infra',
    });
    expect(alert!.annotations).toMatchObject({ completeness: 'incomplete, missing: cloud-n', uuid: 'u-1' });
    expect(Date.parse(alert!.startsAt)).toBe(firing.startTime);
    expect(server.amtool('alert', 'query', 'alertname=fires_rule', '--output=simple')).toContain('fires_rule');
    // SkyWalking repeats under another uuid: the same alert, which began when it began
    await target!.send({ ...firing, uuid: 'u-2', startTime: time.now() - 1_000 }, 'd2', signal);
    expect(await alerts('fires_rule')).toMatchObject([{ startsAt: alert!.startsAt, annotations: { uuid: 'u-2' } }]);
    const recovery = { timeMs: time.now() - 500, kind: 'recovered' as const };
    expect(await target!.send({ ...firing, uuid: 'u-2', recovery }, 'd3', signal)).toBeUndefined();
    await untilTold('fires_rule', 2);
    expect(told('fires_rule')).toEqual(['firing 1', 'resolved 1']);
    expect(await alerts('fires_rule')).toEqual([]);
    expect(server.amtool('alert', 'query', 'alertname=fires_rule', '--output=simple')).not.toContain('fires_rule');
  });

  it('repeating keeps an alert longer than it would have lived, and brings it back after Alertmanager lost it', async () => {
    const time = clock();
    const [target] = openTestHook('alertmanager', `{ urls: ['${server.url}'] }`, time);
    const firing = message('repeated_rule', time.now());
    await target!.send(firing, 'd1', signal);
    const [first] = await alerts('repeated_rule');
    expect(Date.parse(first!.endsAt)).toBe(time.now() + ALERT_LIFE_MS);
    await time.advance(ALERT_REPEAT_MS);
    await target!.send(firing, 'd1', signal);
    expect(Date.parse((await alerts('repeated_rule'))[0]!.endsAt)).toBe(time.now() + ALERT_LIFE_MS);
    await server.kill9(); // alerts are in its memory only
    await expect(target!.send(firing, 'd1', signal)).rejects.toMatchObject({ name: 'Error' });
    await server.restart();
    expect(await alerts('repeated_rule')).toEqual([]);
    await target!.send(firing, 'd1', signal);
    expect(await alerts('repeated_rule')).toHaveLength(1);
  });

  it('an end at or before its beginning, as of a retracted alarm, is an end', async () => {
    const time = clock();
    const [target] = openTestHook('alertmanager', `{ urls: ['${server.url}'] }`, time);
    const firing = message('retracted_rule', time.now() - 1_000);
    await target!.send(firing, 'd1', signal);
    await untilTold('retracted_rule', 1);
    const recovery = { timeMs: firing.startTime - 60_000, kind: 'retracted' as const };
    await target!.send({ ...firing, recovery }, 'd2', signal);
    await untilTold('retracted_rule', 2);
    expect(told('retracted_rule')).toEqual(['firing 1', 'resolved 1']);
    expect(await alerts('retracted_rule')).toEqual([]);
  });

  it('what Alertmanager does not take is refused for good', async () => {
    const [target] = openTestHook('alertmanager', `{ urls: ['${server.url}/nowhere'] }`, clock());
    await expect(target!.send(message('x_rule', Date.now()), 'd1', signal)).rejects.toThrow(HookRefused);
  });
});
