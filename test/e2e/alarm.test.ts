// SPDX-License-Identifier: Apache-2.0
// Goal: an alarm reaches people from a real node, once, whatever happens to the process: rules from a file, rows of a real agent, a webhook.
// Method: one node over PostgreSQL, a service under the real agent and traffic, a webhook receiver; the node is killed with -9 when the alarm
// was told, and its rules are changed when it is back. Asked over GraphQL and the status API like any client.
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { createDatabase, eventually, healthy, Stage, withDatabase } from './harness.js';

interface Told {
  readonly path: string;
  readonly key: string;
  /** As SkyWalking's webhook has it. */
  readonly message: { readonly uuid: string; readonly startTime: number; readonly recoveryTime?: number };
}

needs('postgres')('an alarm of a real node', () => {
  const stage = new Stage();
  const told: Told[] = [];
  let postgres: Postgres;
  let receiver: Server;

  beforeAll(async () => {
    postgres = available(await startPostgres());
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        for (const message of JSON.parse(body) as Told['message'][])
          told.push({ path: request.url!, key: String(request.headers['idempotency-key']), message });
        response.end();
      });
    });
    receiver.listen(0, '127.0.0.1');
    await once(receiver, 'listening');
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    receiver.close();
    await postgres?.stop();
  }, 60_000);

  it('is told once, survives kill -9, and is withdrawn with its rule', async () => {
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const file = path.join(stage.directory, 'alarms.yml');
    const write = (threshold: number) => {
      writeFileSync(
        `${file}.new`,
        `rules:
  busy_rule: { expression: sum(service_cpm) > ${threshold}, period: 5, silence-period: 60, message: "{name} is busy", tags: { level: INFO } }
hooks:
  webhook:
    people: { is-default: true, urls: ["${hook}/fired"], recovery-urls: ["${hook}/ended"] }
`,
      );
      renameSync(`${file}.new`, file);
    };
    write(0);
    const db = await createDatabase(postgres.url, 'alarms');
    const node = await stage.node({
      name: 'node',
      config: 'deploy/application.yml',
      env: {
        SW_CORE_GRPC_HOST: '127.0.0.1',
        SW_STORAGE: 'postgresql',
        SW_STORAGE_POSTGRESQL_URL: db,
        SW_ALARM_SETTINGS_FILE: file,
        SW_ALARM_EVALUATION_PERIOD: '0.5',
      },
    });
    const shop = await stage.app('shop', 'shop', node.grpcPort);
    stage.traffic([shop.url], 5);
    try {
      await eventually('the webhook hears of it', 180, () => told.length > 0);
      await node.end('SIGKILL');
      node.start();
      await healthy(node);

      const { status } = await fetch(`${node.restUrl}/status/alarm/busy_rule/shop`).then(
        async (r) => ((await r.json()) as { oapInstances: [{ status: Record<string, unknown> }] }).oapInstances[0],
      );
      expect(status).toMatchObject({ ruleId: 'busy_rule', entityName: 'shop', openAlarm: told[0]!.message.uuid });

      write(1_000_000);
      await eventually('its end is told', 120, () => told.some((t) => t.path === '/ended'));
    } catch (error) {
      throw new Error(await stage.report(), { cause: error });
    }
    // at least once outside: what was answered and not yet written down when the process was killed comes again, under its key
    const byKey = new Map(told.map((t) => [t.key, t]));
    expect(told.map((t) => JSON.stringify(t.message))).toEqual(
      told.map((t) => JSON.stringify(byKey.get(t.key)!.message)),
    );
    const [fired, ended, ...others] = byKey.values();
    expect(others).toEqual([]);
    const { uuid } = fired!.message;
    expect(fired).toMatchObject({
      path: '/fired',
      message: {
        scope: 'SERVICE',
        name: 'shop',
        ruleName: 'busy_rule',
        alarmMessage: 'shop is busy',
        tags: [{ key: 'level', value: 'INFO' }],
        layers: ['GENERAL'],
        late: false,
      },
    });
    expect(ended).toMatchObject({ path: '/ended', message: { uuid, name: 'shop', recoveryKind: 'withdrawn' } });

    const { rows } = await withDatabase(db, (client) =>
      client.query(`SELECT seq, kind FROM alarm_transition ORDER BY slot, seq`),
    );
    expect(rows).toEqual([
      { seq: '1', kind: 'fired' },
      { seq: '2', kind: 'withdrawn' },
    ]);

    const day = new Date().toISOString().slice(0, 10);
    const answer = await fetch(`${node.restUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: `query ($d: Duration!) { getAlarm(duration: $d, paging: { pageNum: 1, pageSize: 20 }) { msgs { name message startTime recoveryTime snapshot { expression metrics { name results { values { id value } } } } } } }`,
        variables: { d: { start: `${day} 0000`, end: `${day} 2359`, step: 'MINUTE' } },
      }),
    });
    const body = (await answer.json()) as { data: { getAlarm: { msgs: Record<string, unknown>[] } } };
    expect(body.data.getAlarm.msgs).toEqual([
      {
        name: 'shop',
        message: 'shop is busy',
        startTime: fired!.message.startTime,
        recoveryTime: ended!.message.recoveryTime,
        snapshot: { expression: 'sum(service_cpm) > 0', metrics: [expect.objectContaining({ name: 'service_cpm' })] },
      },
    ]);
  }, 480_000);
});
