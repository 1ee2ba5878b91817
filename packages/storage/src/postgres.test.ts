// SPDX-License-Identifier: Apache-2.0
// Goal: the storage contract on a real PostgreSQL, and what only a server does: racing nodes, kill -9, unsafe settings.
// Method: one server, one database schema per test; the server is killed for real.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entityOf, INT64_MAX, metricSchema, type MetricSchema } from '@oap-federation/model';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import pg from 'pg';
import { startPostgres, type Postgres } from '../../../test/services/index.js';
import { available, needs } from '../../../test/services/needs.js';
import { openPostgresStore, StorageUnavailable, type TierStore } from './index.js';
import { SCHEMA_VERSION } from './migrations.js';
import { BEGIN, inTransaction, type SqlSession } from './sql.js';
import {
  checkTierStoreContract,
  CONTRACT_METRICS,
  CONTRACT_SLOTS,
  testAlarmCommit,
  testBlock,
  testDelivery,
  testFlush,
  testMark,
  testOutbox,
  withTestFences,
} from './testing.js';

const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };

needs('postgres')('PostgreSQL store', () => {
  let server: Postgres;
  const opened: TierStore[] = [];
  let schemas = 0;

  beforeAll(async () => {
    server = available(await startPostgres());
  });
  afterAll(async () => {
    await Promise.all(opened.map((store) => store[Symbol.asyncDispose]()));
    await server.stop();
  });

  const sql = async (text: string, schema?: string) => {
    const client = new pg.Client({ connectionString: schema === undefined ? server.url : urlOf(schema) });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const freshSchema = async () => {
    const schema = `test_${++schemas}`;
    await sql(`CREATE SCHEMA ${schema}`);
    return schema;
  };
  const urlOf = (schema: string) => `${server.url}?options=-c%20search_path%3D${schema}`;
  const open = async (schema: string, slots = 4) => {
    const store = await openPostgresStore({ url: urlOf(schema), slots, waitMs: 20_000 }, deps);
    opened.push(store);
    return withTestFences(store);
  };

  describe('contract', () => {
    checkTierStoreContract(it, async () => open(await freshSchema(), CONTRACT_SLOTS));
  });

  const cpm = CONTRACT_METRICS.find((m) => m.name === 'service_cpm')!;
  const minute = Date.UTC(2026, 0, 5, 1) / 60_000;
  const fullFlush = (slot: number, epoch: number, seq: number) =>
    testFlush(slot, epoch, {
      entities: [{ code: 1, entity: entityOf('Service', { service: 's', normal: true, layer: 'GENERAL', name: '' }) }],
      rows: [testBlock(slot, [cpm], [{ minute, entity: 1, values: new Map([[cpm, [BigInt(seq)]]]) }])],
      marks: [{ mark: testMark(slot, 'log', seq), previousSeq: seq - 1 }],
      outbox: testOutbox(slot, seq),
      parked: [{ logId: 'log', slot, seq, reason: 'overflow', increments: 1, detail: 'd', content: Uint8Array.of(1) }],
      dirtyHours: [seq],
    });
  /** What a new owner finds: mark, outbox head, row, dirty hours. They must agree. */
  const truth = async (store: TierStore, slot: number) => {
    const claim = await store.claimSlot(slot, 'checker');
    const blocks = await store.loadRows(slot, 'minute', [minute]);
    return {
      mark: claim.marks[0]?.seq ?? 0,
      outbox: claim.outbox.nextSeq - 1,
      row: Number(blocks[0]?.metrics.find((m) => m.schema.name === cpm.name)?.ints[0]?.[0] ?? 0n),
      dirty: (await store.maintenance.dirtyHours(slot)).length,
    };
  };
  const all = (seq: number) => ({ mark: seq, outbox: seq, row: seq, dirty: seq });
  /** Our sessions that wait for `event`. */
  const waiting = async (event: string) =>
    (
      await sql(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'oap-federation'
         AND (wait_event = '${event}' OR wait_event_type = '${event}')`,
      )
    ).length;
  /** Polls the server: there is no event for a backend that starts to wait. */
  const untilWaiting = async (event: string) => {
    while ((await waiting(event)) === 0);
  };

  it('nodes that open one empty database at once migrate it once, and agree on columns and slots', async () => {
    const schema = await freshSchema();
    const stores = await Promise.all([open(schema), open(schema), open(schema), open(schema)]);
    await Promise.all(
      stores.map(async (store, i) => {
        await store.prepareMetrics(CONTRACT_METRICS.slice(i % 2));
        await store.prepareMetrics(CONTRACT_METRICS);
      }),
    );
    const logs = await Promise.all(stores.map(async (store) => (await store.outboxHead(3)).logId));
    expect(new Set(logs).size).toBe(1);
    expect(await sql('SELECT version FROM schema_migration ORDER BY version', schema)).toHaveLength(SCHEMA_VERSION);
    const claims = await Promise.all(stores.map((store, i) => store.claimSlot(0, `node-${i}`)));
    expect(claims.map((c) => c.fence.epoch).toSorted()).toEqual([1, 2, 3, 4]);
    // all write the same minute of a day without partition at once; only the last claim's owner commits
    const outcomes = await Promise.all(
      stores.map((store, i) => store.flush([fullFlush(0, claims[i]!.fence.epoch, 1)])),
    );
    expect(outcomes.filter((o) => o.kind === 'committed')).toHaveLength(1);
    expect(outcomes[claims.findIndex((c) => c.fence.epoch === 4)]).toEqual({ kind: 'committed' });
    expect(await truth(stores[0]!, 0)).toEqual(all(1));
  });

  it('two nodes flush different slots into the same tables, in opposite order, without a deadlock', async () => {
    const schema = await freshSchema();
    const stores = [await open(schema), await open(schema)];
    for (const store of stores) await store.prepareMetrics(CONTRACT_METRICS);
    await Promise.all(
      stores.map(async (store, n) => {
        const claims = await Promise.all([n, n + 2].map((slot) => store.claimSlot(slot, `node-${n}`)));
        for (let seq = 1; seq <= 20; seq++) {
          const flushes = claims.map((c) => fullFlush(c.slot, c.fence.epoch, seq));
          expect(await store.flush(n === 0 ? flushes : flushes.toReversed())).toEqual({ kind: 'committed' });
        }
      }),
    );
    for (const slot of [0, 1, 2, 3]) expect(await truth(stores[0]!, slot)).toEqual(all(20));
  });

  it('alarms: an owner that lost its connection at COMMIT opens the slot again and finds what was committed', async () => {
    const schema = await freshSchema();
    const [a, b] = [await open(schema), await open(schema)];
    const { fence } = await a.claimSlot(0, 'a');
    const blocker = new pg.Client({ connectionString: urlOf(schema) });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE alarm_transition IN ACCESS EXCLUSIVE MODE');
    const states = [{ rule: 'r', entityId: 'e', state: 'firing' }];
    const transitions = [{ seq: 1, rule: 'r', entityId: 'e', minute: 100, kind: 'fired' as const, uuid: 'u' }];
    const committing = a.alarms.commit(testAlarmCommit(0, fence, { states, transitions }));
    await untilWaiting('Lock');
    expect((await b.alarms.readSlot(0)).states).toEqual([]); // people do not wait
    // the same process, which has forgotten how its commit ended: it must not read before that has ended
    const opening = a.alarms.openSlot(0);
    const claiming = b.claimSlot(0, 'b');
    while ((await waiting('Lock')) < 3);
    await blocker.query('COMMIT');
    await blocker.end();
    expect(await committing).toBe('committed');
    expect((await opening).states).toEqual(states);
    const next = await claiming;
    expect(await a.alarms.commit(testAlarmCommit(0, fence, { forgotten: states }))).toBe('notOwner');
    expect((await b.alarms.openSlot(0)).states).toEqual(states);
    await expect(b.alarms.commit(testAlarmCommit(0, next.fence, { transitions }))).rejects.toThrow(/BUG.*transition/);
  });

  it('alarms: two nodes that settle at once leave what the owner says', async () => {
    const schema = await freshSchema();
    const [a, b] = [await open(schema), await open(schema)];
    const old = (await a.claimSlot(0, 'a')).fence;
    const deliveries = Array.from({ length: 20 }, (_, n) => testDelivery(0, `d${n}`, { incident: `i${n}` }));
    await a.alarms.commit(testAlarmCommit(0, old, { deliveries }));
    const { fence } = await b.claimSlot(0, 'b');
    const outcomes = await Promise.all(
      deliveries.flatMap(({ id }) => [
        a.alarms.settleDeliveries(0, old, [id], []),
        b.alarms.settleDeliveries(
          0,
          fence,
          [],
          [{ id, attempts: 1, nextAttemptMs: 0, lastError: 'x', delivered: false }],
        ),
      ]),
    );
    expect(new Set(outcomes.filter((_, i) => i % 2 === 0))).toEqual(new Set(['notOwner']));
    expect(new Set(outcomes.filter((_, i) => i % 2 === 1))).toEqual(new Set(['committed']));
    expect((await b.alarms.dueDeliveries([0], 2_000, new Map([['target-0', 100]]))).map((d) => d.attempts)).toEqual(
      deliveries.map(() => 1),
    );
  });

  it('a claim waits for the flush under way, and finds what it committed', async () => {
    const schema = await freshSchema();
    const [a, b] = [await open(schema), await open(schema)];
    await a.prepareMetrics(CONTRACT_METRICS);
    const {
      fence: { epoch },
    } = await a.claimSlot(0, 'a');
    const blocker = new pg.Client({ connectionString: urlOf(schema) });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE parked IN ACCESS EXCLUSIVE MODE');
    const flushing = a.flush([fullFlush(0, epoch, 1)]);
    await untilWaiting('Lock');
    let claimed = false;
    const claiming = b.claimSlot(0, 'b').finally(() => (claimed = true));
    while (!claimed && (await waiting('Lock')) < 2);
    await blocker.query('COMMIT');
    await blocker.end();
    expect(await flushing).toEqual({ kind: 'committed' });
    expect((await claiming).marks.map((m) => m.seq)).toEqual([1]);
  });

  it('a day partition that another node dropped is unavailable once, then made again', async () => {
    const schema = await freshSchema();
    const [a, b] = [await open(schema), await open(schema)];
    await a.prepareMetrics(CONTRACT_METRICS);
    const {
      fence: { epoch },
    } = await a.claimSlot(0, 'a');
    await a.flush([fullFlush(0, epoch, 1)]);
    await b.maintenance.dropExpired({ nowMs: (minute + 10 * 1_440) * 60_000, ttlDays: 1, outboxRetentionMs: 0 });
    await expect(a.flush([fullFlush(0, epoch, 2)])).rejects.toThrow(StorageUnavailable);
    expect(await a.flush([fullFlush(0, epoch, 2)])).toEqual({ kind: 'committed' });
  });

  it('kill -9 of the server between flushes, inside one, and at COMMIT: unavailable, and the marks tell the truth', async () => {
    const schema = await freshSchema();
    const store = await open(schema);
    await store.prepareMetrics(CONTRACT_METRICS);
    let { epoch } = (await store.claimSlot(0, 'a')).fence;
    expect(await store.flush([fullFlush(0, epoch, 1)])).toEqual({ kind: 'committed' });

    await server.kill9();
    await expect(store.flush([fullFlush(0, epoch, 2)])).rejects.toThrow(StorageUnavailable);
    await expect(store.claimSlot(0, 'a')).rejects.toThrow(StorageUnavailable);
    await expect(store.metadata.listServices()).rejects.toThrow(StorageUnavailable);
    await server.restart();
    expect(await truth(store, 0)).toEqual(all(1));
    epoch += 1;
    expect(await store.flush([fullFlush(0, epoch, 2)])).toEqual({ kind: 'committed' });

    // inside: the flush has written rows and marks and waits for a lock when the server dies
    const blocker = new pg.Client({ connectionString: urlOf(schema) });
    blocker.on('error', () => {});
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE parked IN ACCESS EXCLUSIVE MODE');
    const inside = store.flush([fullFlush(0, epoch, 3)]);
    await untilWaiting('Lock');
    await Promise.all([expect(inside).rejects.toThrow(StorageUnavailable), server.kill9()]);
    await blocker.end().catch(() => {});
    await server.restart();
    expect(await truth(store, 0)).toEqual(all(2));
    epoch += 1;

    // at COMMIT: it is on disk, and waits for a standby that does not exist when the server dies. Unknown to us, true all the same.
    await sql(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
    await sql('SELECT pg_reload_conf()');
    const atCommit = store.flush([fullFlush(0, epoch, 3)]);
    await untilWaiting('SyncRep');
    await Promise.all([expect(atCommit).rejects.toThrow(StorageUnavailable), server.kill9()]);
    await server.restart();
    await sql('ALTER SYSTEM RESET synchronous_standby_names');
    await sql('SELECT pg_reload_conf()');
    expect(await truth(store, 0)).toEqual(all(3));
    expect(await store.flush([fullFlush(0, epoch, 4)])).toEqual({ kind: 'notOwner', slots: [0] });
    expect(await store.flush([fullFlush(0, epoch + 1, 4)])).toEqual({ kind: 'committed' });
  });

  it('a lock that does not come in time is unavailable, with nothing written, and the connection goes on', async () => {
    const schema = await freshSchema();
    const store = await open(schema);
    await store.prepareMetrics(CONTRACT_METRICS);
    const {
      fence: { epoch },
    } = await store.claimSlot(0, 'a');
    const blocker = new pg.Client({ connectionString: urlOf(schema) });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE parked IN ACCESS EXCLUSIVE MODE');
    await expect(store.flush([fullFlush(0, epoch, 1)])).rejects.toThrow(/55P03/);
    await blocker.end();
    expect(await truth(store, 0)).toEqual(all(0));
    expect(await store.flush([fullFlush(0, epoch + 1, 1)])).toEqual({ kind: 'committed' });
  });

  it('a server that is down at start is waited for, and reported when it stays away', async () => {
    const schema = await freshSchema();
    await server.kill9();
    await expect(openPostgresStore({ url: urlOf(schema), slots: 4, waitMs: 0 }, deps)).rejects.toThrow(
      StorageUnavailable,
    );
    const opening = open(schema);
    await server.restart();
    expect((await (await opening).outboxHead(0)).nextSeq).toBe(1);
  });

  it('refuses a schema of a newer program, another number of slots, and a server that may lose commits', async () => {
    const schema = await freshSchema();
    await open(schema);
    await expect(open(schema, 5)).rejects.toThrow(/4 slots.*5/);
    await sql(`INSERT INTO schema_migration (version, name) VALUES (${SCHEMA_VERSION + 1}, 'later')`, schema);
    await expect(open(schema)).rejects.toThrow(/OAP-2004.*version is/);
    await sql(`ALTER ROLE postgres SET synchronous_commit = off`);
    try {
      const options = { url: urlOf(await freshSchema()), slots: 4 };
      await expect(openPostgresStore(options, deps)).rejects.toThrow(/synchronous_commit=off/);
      opened.push(await openPostgresStore({ ...options, allowUnsafe: true }, deps));
    } finally {
      await sql(`ALTER ROLE postgres RESET synchronous_commit`);
    }
  });

  it('a COMMIT that the server turns into a ROLLBACK is no commit', async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const session: SqlSession = {
      stages: new Set(),
      copyBinary: () => Promise.reject(new Error('not used')),
      copyOut: () => Promise.reject(new Error('not used')),
      query: async (text) => {
        const { command, rows } = await client.query<unknown[]>({ text, rowMode: 'array' });
        return { command, rows, rowCount: rows.length };
      },
    };
    const swallowed = inTransaction(session, BEGIN, async () => {
      await session.query('SELECT 1 / 0').catch(() => 'somebody hid the error');
    });
    await expect(swallowed).rejects.toThrow(/OAP-2006.*ROLLBACK/);
    await client.end();
  });

  it('views show names, the UTC minute and the calculated values', async () => {
    const schema = await freshSchema();
    const store = await open(schema);
    const metrics = [
      metricSchema('svc_avg', 'Service', 'longAvg'),
      metricSchema('svc_double', 'Service', 'doubleAvg'),
      metricSchema('svc_sla', 'Service', 'percent'),
      metricSchema('svc_apdex', 'Service', 'apdex'),
      metricSchema('svc_cpm', 'Service', 'cpm'),
      metricSchema('svc_p', 'Service', 'hdrPercentile', [2]),
    ];
    await store.prepareMetrics(metrics.slice(0, 2));
    await store.prepareMetrics(metrics);
    const {
      fence: { epoch },
    } = await store.claimSlot(0, 'a');
    const values = new Map<MetricSchema, readonly (bigint | Uint8Array)[]>([
      [metrics[0]!, [-7n, 2n]],
      [metrics[1]!, [2_500_000n, 2n]],
      [metrics[2]!, [INT64_MAX, INT64_MAX - 1n]],
      [metrics[3]!, [10n, 7n, 2n]],
      [metrics[4]!, [12n]],
    ]);
    await store.flush([
      testFlush(0, epoch, {
        entities: [
          { code: 1, entity: entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' }) },
        ],
        origins: [{ code: 1, name: 'cloud-1' }],
        rows: [testBlock(0, metrics, [{ minute, entity: 1, origin: 1, values }])],
      }),
    ]);
    expect(await sql('SELECT * FROM v_service', schema)).toEqual([
      {
        time_bucket: '202601050100',
        service: 'shop',
        layers: 'GENERAL',
        origin: 'cloud-1',
        entity_id: 'c2hvcA==.1',
        svc_avg: '-3',
        svc_double: 1.25,
        svc_sla: '9999',
        svc_apdex: '8000',
        svc_cpm: '12',
        svc_p: null,
      },
    ]);
    for (const view of ['service_instance', 'endpoint', 'service_relation', 'endpoint_relation', 'database_access']) {
      expect(await sql(`SELECT * FROM v_${view}`, schema)).toEqual([]);
    }
  });

  it('expired days leave no partition behind, and rewriting a row is mostly in place', async () => {
    const schema = await freshSchema();
    const store = await open(schema);
    await store.prepareMetrics(CONTRACT_METRICS);
    const {
      fence: { epoch },
    } = await store.claimSlot(0, 'a');
    const rows = (n: bigint) =>
      Array.from({ length: 300 }, (_, entity) => ({ minute, entity, values: new Map([[cpm, [n]]]) }));
    for (let n = 1n; n <= 5n; n++) {
      await store.flush([testFlush(0, epoch, { rows: [testBlock(0, [cpm], rows(n))] })]);
    }
    await store[Symbol.asyncDispose](); // a session reports its statistics when it ends
    const partitions = `SELECT relname FROM pg_class WHERE relname LIKE 'm_service_minute_d%' AND relkind = 'r'
      AND relnamespace = '${schema}'::regnamespace`;
    expect(await sql(partitions)).toHaveLength(1);
    await expect
      .poll(
        async () =>
          (
            await sql(`SELECT n_tup_hot_upd::int AS hot FROM pg_stat_user_tables
        WHERE schemaname = '${schema}' AND relname LIKE 'm_service_minute_d%'`)
          )[0]?.['hot'],
        { timeout: 10_000 },
      )
      .toBeGreaterThan(600);
    const again = await open(schema);
    await again.maintenance.dropExpired({ nowMs: (minute + 3 * 1_440) * 60_000, ttlDays: 1, outboxRetentionMs: 0 });
    expect(await sql(partitions)).toEqual([]);
  });
});
