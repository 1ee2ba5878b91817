// SPDX-License-Identifier: Apache-2.0
// Goal: an alarm reaches people from a real application, over a node that is killed while it tells it. Method: a leaf as a real process, an
// application under the real agent; a webhook receiver that kills the node when it is told, before it answers; a real Alertmanager. The alarm
// comes again under its key after the restart, and its end when its rule is taken out of the file; Alertmanager's own receiver hears both.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  startAlertmanager,
  startHttpReceiver,
  type Alertmanager,
  type HttpReceiver,
  type ReceivedCall,
} from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { eventually, healthy, Stage } from './harness.js';

needs('alertmanager')('the delivery of an alarm of a leaf', () => {
  const stage = new Stage();
  let receiver: HttpReceiver;
  let alertmanager: Alertmanager;

  beforeAll(async () => {
    receiver = await startHttpReceiver();
    alertmanager = available(await startAlertmanager({ notifyUrl: `${receiver.url}/alertmanager` }));
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await alertmanager?.stop();
    await receiver?.stop();
  }, 60_000);

  const messages = (calls: readonly ReceivedCall[]) =>
    calls
      .filter(({ url }) => url === '/alarm' || url === '/over')
      .map(({ url, body, headers }) => {
        const [message] = JSON.parse(body) as [Record<string, unknown>];
        return { url, message, key: headers['idempotency-key'] };
      });
  const notified = (calls: readonly ReceivedCall[]) =>
    calls
      .filter(({ url }) => url === '/alertmanager')
      .map(({ body }) => JSON.parse(body) as { status: string; alerts: { labels: Record<string, string> }[] });

  it('is told again after a kill -9 in the middle, and ends when its rule is withdrawn', async () => {
    const settingsFile = path.join(stage.directory, 'alarm-settings.yml');
    const rule = (name: string, least: number) => `rules:
  ${name}:
    expression: sum(service_cpm) > ${least}
    include-names: [shop]
    message: "{name} is called"
    tags: { level: CRITICAL }
hooks:
  webhook:
    people: { is-default: true, urls: [${receiver.url}/alarm], recovery-urls: [${receiver.url}/over] }
  alertmanager:
    ours: { is-default: true, urls: [${alertmanager.url}] }
`;
    writeFileSync(settingsFile, rule('busy_rule', 0));
    const leaf = await stage.node({
      name: 'leaf',
      config: 'deploy/application.yml',
      env: {
        SW_CORE_GRPC_HOST: '127.0.0.1',
        SW_CORE_ALLOWED_LATENESS: '1',
        SW_ALARM_SETTINGS_FILE: settingsFile,
        SW_ALARM_EVALUATION_PERIOD: '0.5',
      },
    });
    let killed: Promise<void> | undefined;
    receiver.answer = ({ url }, response) => {
      if (url !== '/alarm' || killed) response.end();
      else killed = leaf.end('SIGKILL'); // told, and nobody will ever know
    };
    const shop = await stage.app('shop-1', 'shop', leaf.grpcPort);
    const traffic = stage.traffic([shop.url], 5);
    const report = async (error: unknown): Promise<never> => {
      throw new Error(`${String(error)}\n${await stage.report()}`, { cause: error });
    };
    await eventually('the first alarm is told', 150, () => killed !== undefined).catch(report);
    await killed;
    await traffic.end('SIGTERM');
    leaf.start();
    await healthy(leaf);
    const count = (path: string) => messages(receiver.calls).filter(({ url }) => url === path).length;
    await eventually('the alarm is told again', 90, () => count('/alarm') === 2).catch(report);
    writeFileSync(settingsFile, rule('other_rule', 1_000_000));
    await eventually('the incident is over', 60, () => count('/over') === 1).catch(report);
    const told = messages(receiver.calls);
    expect(told.map(({ message }) => message['alarmMessage'])).toEqual(told.map(() => 'shop is called'));
    expect(told[0]!.message).toMatchObject({
      scope: 'SERVICE',
      name: 'shop',
      ruleName: 'busy_rule',
      expression: 'sum(service_cpm) > 0',
      tags: [{ key: 'level', value: 'CRITICAL' }],
      completeness: { complete: true, missing: [] },
    });
    // twice under one key, since the node died in between, and its end
    const [first, again, over] = told;
    expect(told.map(({ url }) => url)).toEqual(['/alarm', '/alarm', '/over']);
    expect(again).toEqual(first);
    expect(over!.key).not.toBe(first!.key);
    expect(over!.message).toMatchObject({ uuid: first!.message['uuid'], recoveryKind: 'withdrawn' });

    await eventually('Alertmanager says that it is over', 30, () => notified(receiver.calls).length === 2).catch(
      report,
    );
    expect(notified(receiver.calls).map(({ status }) => status)).toEqual(['firing', 'resolved']);
    const [alert] = notified(receiver.calls)[0]!.alerts;
    expect(alert!.labels).toMatchObject({ alertname: 'busy_rule', name: 'shop', scope: 'SERVICE', level: 'CRITICAL' });
    const status = (await (await fetch(`${leaf.restUrl}/status/alarm/hooks`)).json()) as {
      oapInstances: { status: { targets: Record<string, unknown>[] } }[];
    };
    expect(status.oapInstances[0]!.status.targets).toMatchObject([
      { hook: 'webhook.people', state: 'ok', waiting: 0, lastError: null },
      { hook: 'alertmanager.ours', state: 'ok', waiting: 0, lastError: null },
    ]);
  }, 480_000);
});
