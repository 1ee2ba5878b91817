// SPDX-License-Identifier: Apache-2.0
// Goal: `oap audit` finds exactly the minutes that somebody changed in the database, also while a node writes, and changes nothing itself.
// Method: a real PostgreSQL, rows merged by a real slot owner, then spoilt by hand with SQL.
import { SlotOwner, type IncomingBatch } from '@oap-federation/analysis';
import {
  BatchBuilder,
  EMPTY_HEADER,
  entityOf,
  MetricColumns,
  metricSchema,
  minuteOf,
  type IncrementBatch,
  type MetricSchema,
} from '@oap-federation/model';
import { MetricRegistry, silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { auditStore } from '@oap-federation/server';
import { openPostgresStore, type TierStore } from '@oap-federation/storage';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { callsOf, RawAgent, runOap, segment } from './commands.js';
import { createDatabase, eventually, Stage, withDatabase } from './harness.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const RESP = metricSchema('service_resp_time', 'Service', 'longAvg');
const PCT = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const MAX = metricSchema('service_max', 'Service', 'max');
const SCHEMAS: readonly MetricSchema[] = [CPM, RESP, PCT, MAX];
const ENTITIES = ['shop', 'cart', 'pay'].map((service) =>
  entityOf('Service', { service, normal: true, layer: 'GENERAL', name: '' }),
);
/** As deploy/examples/federation.yml has it. */
const SLOTS = 16;
const NOW = minuteOf(Date.now());
const text = (minute: number) => `${new Date(minute * 60_000).toISOString().slice(0, 16)}Z`;

function batchOf(minutes: readonly number[]): IncrementBatch {
  const builder = new BatchBuilder();
  for (const minute of minutes) {
    for (const schema of SCHEMAS) {
      const columns = new MetricColumns(schema);
      ENTITIES.forEach((_, row) => {
        for (let n = 0; n <= row + ((minute - NOW + 70) % 7); n++) columns.enter(row, 10 + n * 7, 0, 1);
      });
      builder.addRows(columns, minute, '', [0, 1, 2], (row) => ENTITIES[row]!);
    }
  }
  return builder.build();
}

needs('postgres')('oap audit', () => {
  let server: Postgres;
  let store: TierStore;
  let owner: SlotOwner;
  let client: pg.Client;
  let seq = 0;

  beforeAll(async () => {
    server = available(await startPostgres());
    const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
    store = await openPostgresStore({ url: server.url, slots: SLOTS, waitMs: 20_000 }, deps);
    await store.prepareMetrics(SCHEMAS);
    owner = new SlotOwner(
      {
        tier: 'here',
        instanceId: 'node',
        storageSessionTimeoutMs: 70_000,
        ttlDays: 7,
        maxFutureMinutes: 5,
        forwards: false,
        originScopes: new Set(['Service']),
        queueBytesMax: 1 << 24,
        metricsOf: (scope) => SCHEMAS.filter((s) => s.scope === scope),
        resolve: (wire) => SCHEMAS.find((s) => s.text === wire.text),
        hasLocalSources: true,
        rollupPeriodMs: 60_000,
        derivesHours: true,
      },
      { ...deps, store, telemetry: new MetricRegistry({}), liveInstances: () => ['node'] },
    );
    owner.setDesiredSlots([0, 1]);
    await owner.runRound();
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await owner?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const merge = async (minutes: readonly number[]) => {
    const batch = batchOf(minutes);
    const incoming: IncomingBatch = {
      logId: 'l1',
      slot: 1,
      gen: 1,
      seq: ++seq,
      producer: 'node',
      kind: 'local',
      header: {
        ...EMPTY_HEADER,
        watermark: Math.max(...minutes) - 1,
        increments: minutes.length * SCHEMAS.length * ENTITIES.length,
      },
      headerBytes: new Uint8Array(),
      contentBytes: new Uint8Array(),
      chain: new Uint8Array(),
      batch,
    };
    const offered = owner.offer(incoming);
    await owner.runRound();
    expect(await offered).toMatchObject({ kind: 'committed' });
  };
  const found = async () => {
    const { lines, wrong } = await auditStore(store, SLOTS, NOW - 60, NOW);
    expect(wrong).toBe(lines.filter((line) => line.startsWith('slot ')).length);
    return lines;
  };

  it('finds nothing wrong, over several flushes and late data', async () => {
    await merge([NOW - 40, NOW - 39]);
    await merge([NOW - 39, NOW - 5]);
    await merge([NOW - 40, NOW]);
    expect(await found()).toEqual([
      `${text(NOW - 60)} to ${text(NOW)}, ${SLOTS} slots: 4 minutes with rows added up, 0 wrong`,
    ]);
    expect((await auditStore(store, SLOTS, NOW - 39, NOW - 1)).lines.at(-1)).toContain('2 minutes with rows');
  });

  const spoil: readonly (readonly [string, string])[] = [
    ['a count that is one more', `UPDATE m_service_minute SET service_cpm__total = service_cpm__total + 1`],
    [
      'a sum that is 2^32 less',
      `UPDATE m_service_minute SET service_resp_time__summation = service_resp_time__summation - 4294967296`,
    ],
    ['a value that is gone', `UPDATE m_service_minute SET service_cpm__total = NULL`],
    [
      'a sample in another bucket',
      `UPDATE m_service_minute SET service_percentile__dataset = set_byte(service_percentile__dataset, 1, get_byte(service_percentile__dataset, 1) + 2)`,
    ],
    [
      'a distribution that is cut',
      `UPDATE m_service_minute SET service_percentile__dataset = substr(service_percentile__dataset, 1, 3)`,
    ],
    [
      'a row of an entity that nobody knows',
      `UPDATE m_service_minute SET entity = CASE entity WHEN 0 THEN 90 ELSE entity END`,
    ],
    ['a row that is gone', `DELETE FROM m_service_minute`],
  ];

  it.each(spoil)('names the minute and the slot of %s', async (_, statement) => {
    await client.query('CREATE TABLE kept AS SELECT * FROM m_service_minute');
    const where = ` WHERE slot = 1 AND origin = 0 AND minute = ${NOW - 39} AND entity = (SELECT min(entity) FROM m_service_minute)`;
    expect((await client.query(statement + where)).rowCount).toBe(1);
    const lines = await found();
    await client.query('DELETE FROM m_service_minute');
    await client.query('INSERT INTO m_service_minute SELECT * FROM kept');
    await client.query('DROP TABLE kept');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(new RegExp(`^slot 1 ${text(NOW - 39)}: `));
    expect(await found()).toHaveLength(1);
  });

  it('counts a SUSPECT minute, says what was not compared, and leaves rows without digests alone', async () => {
    await client.query(`INSERT INTO verdict VALUES (1, ${NOW - 5}, 'suspect', '["cloud-a"]', ''),
      (1, ${NOW - 4}, 'unchecked', '["cloud-a"]', 'no digest from cloud-a'), (1, ${NOW - 90}, 'suspect', '["cloud-a"]', '')`);
    await client.query(`DELETE FROM manifest WHERE minute = ${NOW - 40}`);
    const lines = await found();
    await client.query('DELETE FROM verdict');
    expect(lines).toEqual([
      `slot 1 ${text(NOW - 5)}: SUSPECT, what was merged is not what cloud-a sent`,
      'unchecked, 1 minutes of a slot: not compared with what cloud-a sent: no digest from cloud-a',
      'unchecked, 1 minutes of a slot: rows of a release that kept no digests',
      `${text(NOW - 60)} to ${text(NOW)}, ${SLOTS} slots: 3 minutes with rows added up, 1 wrong`,
    ]);
  });

  it('is a command: lines for people, status 1 when something is wrong', async () => {
    const run = (...more: readonly string[]) =>
      runOap(['audit', '-c', 'deploy/examples/federation.yml', ...more], {
        env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: server.url },
      });
    const [from, to] = [text(NOW - 60), text(NOW).replace('Z', '')];
    const fine = await run('--from', from, '--to', to);
    expect(fine).toMatchObject({ status: 0, stderr: '' });
    expect(fine.stdout).toContain('added up, 0 wrong');
    const change = (by: string) =>
      client.query(
        `UPDATE m_service_minute SET service_cpm__total = service_cpm__total ${by} WHERE minute = ${NOW - 5} AND entity = 1 AND origin = 0`,
      );
    await change('- 1');
    const wrong = await run();
    await change('+ 1');
    expect(wrong).toMatchObject({ status: 1, stderr: '' });
    expect(wrong.stdout).toMatch(
      new RegExp(
        `^slot 1 ${text(NOW - 5)}: the rows are not what was merged, they add up to \\d+/\\d+, not \\d+/\\d+$`,
        'm',
      ),
    );
    expect(await run('--from', 'yesterday')).toMatchObject({
      status: 1,
      stderr: '--from "yesterday" is not a time such as 2026-11-21T19:02\n',
    });
  });

  it('works while the node writes the same minutes, and takes no slot away', async () => {
    let audits = 0;
    let stop = false;
    const auditing = (async () => {
      while (!stop) {
        const lines = await found();
        expect(lines.filter((line) => line.startsWith('slot '))).toEqual([]);
        audits++;
      }
    })();
    for (let n = 0; n < 60; n++) await merge([NOW - 3, NOW - 2, NOW]);
    stop = true;
    await auditing;
    expect(audits).toBeGreaterThan(0);
    expect(owner.ownedSlots()).toEqual([0, 1]);
  });
});

needs('postgres')('two tiers as processes', () => {
  const stage = new Stage();
  let server: Postgres;
  beforeAll(async () => {
    server = available(await startPostgres());
  });
  afterAll(async () => {
    await stage.close();
    await server?.stop();
  }, 60_000);

  it('compare what was sent with what was merged, minute by minute, and both audits agree', async () => {
    const node = async (name: string, env: Readonly<Record<string, string>>) => {
      const url = await createDatabase(server.url, name.replace('-', '_'));
      const database = { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: url };
      const config = `deploy/examples/${name}.yml`;
      return { url, config, database, proc: await stage.node({ name, config, env: { ...database, ...env } }) };
    };
    const top = await node('federation', { SW_FEDERATION_EXPECTED_TIERS: 'cloud-c' });
    const leaf = await node('cloud-c', { SW_FEDERATION_UPSTREAMS: `127.0.0.1:${top.proc.grpcPort}` });
    using agent = new RawAgent(leaf.proc.grpcPort);
    // late: their minutes are sealed, so they are told and compared as they come
    const at = (minutesAgo: number) => {
      const startTime = Date.now() - minutesAgo * 60_000;
      return segment('shop', [{ operationName: '/orders', startTime, endTime: startTime + 9, spanLayer: 3 }]);
    };
    for (const round of [1, 2]) {
      expect((await agent.stream([at(6), at(6), at(5), at(4), at(0)])).code).toBe(0);
      await eventually('it arrives', 30, async () => (await callsOf(top.proc.restUrl, 'shop')) === round * 5);
    }
    const manifests = (kind: string) =>
      withDatabase(top.url, async (client) => {
        const { rows } = await client.query<{ minute: number; a: string; b: string }>(
          `SELECT slot, minute, a, b FROM manifest WHERE ${kind} AND minute < $1 ORDER BY slot, minute`,
          [minuteOf(Date.now()) - 2],
        );
        return rows;
      });
    const own = await manifests(`log_id = ''`);
    expect(new Set(own.map(({ minute }) => minute)).size).toBe(3);
    expect(await manifests(`length(log_id) > 30`)).toEqual(own);
    await withDatabase(top.url, async (client) =>
      expect((await client.query('SELECT * FROM verdict')).rows).toEqual([]),
    );
    for (const { config, database } of [leaf, top]) {
      const ended = await runOap(['audit', '-c', config], { env: database });
      expect(ended).toMatchObject({ status: 0, stderr: '' });
      expect(ended.stdout).toMatch(/: [1-9]\d* minutes with rows added up, 0 wrong$/m);
    }
  }, 120_000);
});
