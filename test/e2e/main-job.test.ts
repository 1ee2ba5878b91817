// SPDX-License-Identifier: Apache-2.0
// Goal: the main job is exact under kill -9. Method: two leaf tiers and one federation tier as real processes over real PostgreSQL, real agents
// under traffic; 20 kills spread over leaves, federation node and both PostgreSQL servers; afterwards every persisted field of every row
// upstream must equal what the leaves persisted, per key, and the outboxes must be empty.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import {
  createDatabase,
  differences,
  eventually,
  healthy,
  parkedBatches,
  readPersisted,
  sleep,
  Stage,
  sumOf,
  unacknowledged,
  withDatabase,
  mergedIncrements,
  type NodeProc,
} from './harness.js';

const KILLS = 20;

needs('postgres')('two clouds and one federation tier', () => {
  const stage = new Stage();
  let below: Postgres;
  let above: Postgres;

  beforeAll(async () => {
    below = available(await startPostgres());
    above = available(await startPostgres());
  }, 120_000);

  afterAll(async () => {
    await stage.close();
    await below?.stop();
    await above?.stop();
  }, 60_000);

  it(`holds exactly what the leaves persisted after ${KILLS} kill -9`, async () => {
    const db = {
      c: await createDatabase(below.url, 'cloud_c'),
      n: await createDatabase(below.url, 'cloud_n'),
      federation: await createDatabase(above.url, 'federation'),
    };
    const federation = await stage.node({
      name: 'federation',
      config: 'deploy/examples/federation.yml',
      env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: db.federation },
    });
    const leaf = (name: string, url: string) =>
      stage.node({
        name,
        config: `deploy/examples/${name}.yml`,
        env: {
          SW_STORAGE: 'postgresql',
          SW_STORAGE_POSTGRESQL_URL: url,
          SW_FEDERATION_UPSTREAMS: `127.0.0.1:${federation.grpcPort}`,
        },
      });
    const leaves = { c: await leaf('cloud-c', db.c), n: await leaf('cloud-n', db.n) };
    const stock = await stage.app('stock-c', 'stock', leaves.c.grpcPort);
    const shopC = await stage.app('shop-c', 'shop', leaves.c.grpcPort, stock.url);
    const shopN = await stage.app('shop-n', 'shop', leaves.n.grpcPort);
    const traffic = stage.traffic([shopC.url, shopN.url], 40);
    await eventually(
      'increments arrive upstream',
      30,
      async () => (await mergedIncrements(db.federation, 'federated')) > 0,
    );

    // the order is fixed, the moments are not: each victim is hit in whatever it is doing
    const killNode = async (node: NodeProc) => {
      await node.end('SIGKILL');
      await sleep(Math.random() * 500);
      node.start();
      await healthy(node);
    };
    const killPostgres = async (server: Postgres) => {
      await server.kill9();
      await sleep(Math.random() * 500);
      await server.restart();
    };
    const victims = [
      () => killNode(leaves.c),
      () => killPostgres(above),
      () => killNode(federation),
      () => killPostgres(below),
      () => killNode(leaves.n),
    ];
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(500 + Math.random() * 1_500);
      await victims[kill % victims.length]!();
    }
    await sleep(3_000);
    await traffic.end('SIGTERM');

    // agents flush every second; L1 and L2 follow; then nothing may be on its way any more
    await sleep(3_000);
    let before = -1;
    await eventually('the outboxes are empty and stay so', 60, async () => {
      const waiting = (await unacknowledged(db.c)) + (await unacknowledged(db.n));
      const merged = (await mergedIncrements(db.c, 'local')) + (await mergedIncrements(db.n, 'local'));
      const settled = waiting === 0 && merged === before;
      before = merged;
      if (!settled) await sleep(1_500);
      return settled;
    }).catch(async (err: unknown) => {
      throw new Error(`${String(err)}\n${await stage.report()}`);
    });

    const upstream = await readPersisted(db.federation);
    const [c, n] = [await readPersisted(db.c), await readPersisted(db.n)];
    expect(c.get('')!.size).toBeGreaterThan(100);
    expect(n.get('')!.size).toBeGreaterThan(50);
    expect(differences(upstream.get('')!, sumOf([c, n]))).toEqual([]);
    // per origin, service scope: exactly each leaf's own rows
    const serviceOnly = (fields: ReadonlyMap<string, bigint | Buffer>) =>
      new Map([...fields].filter(([key]) => key.startsWith('Service ')));
    expect(differences(upstream.get('cloud-c')!, serviceOnly(c.get('')!))).toEqual([]);
    expect(differences(upstream.get('cloud-n')!, serviceOnly(n.get('')!))).toEqual([]);
    // nothing was set aside, and the ledger agrees: what the leaves sent is what was merged
    expect((await parkedBatches(db.c)) + (await parkedBatches(db.n)) + (await parkedBatches(db.federation))).toBe(0);
    const sent = await Promise.all(
      [db.c, db.n].map((url) =>
        withDatabase(
          url,
          async (client) => (await client.query('SELECT coalesce(sum(next_seq - 1), 0) AS n FROM slot')).rows[0].n,
        ),
      ),
    );
    const applied = await withDatabase(
      db.federation,
      async (client) =>
        (await client.query("SELECT coalesce(sum(seq), 0) AS n FROM mark WHERE kind = 'federated'")).rows[0].n,
    );
    expect(Number(applied)).toBe(sent.reduce((sum: number, x) => sum + Number(x), 0));
  }, 300_000);
});
