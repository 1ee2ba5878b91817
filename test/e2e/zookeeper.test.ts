// SPDX-License-Identifier: Apache-2.0
// Goal: upstream nodes leave and join while data flows, and nothing is lost or doubled. Method: real ZooKeeper and PostgreSQL; a leaf tier of two
// nodes with real agents on both (so L1 of one node feeds slots of the other), an upper tier found through ZooKeeper whose nodes are added,
// stopped, killed -9 and frozen past their session; afterwards every persisted field upstream equals what the leaf persisted.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, startZooKeeper, type Postgres, type ZooKeeper } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import {
  createDatabase,
  differences,
  eventually,
  mergedIncrements,
  parkedBatches,
  readPersisted,
  sleep,
  Stage,
  sumOf,
  unacknowledged,
  withDatabase,
} from './harness.js';

const SESSION_MS = 2_000;

needs('postgres', 'zookeeper')('a tier of several nodes behind ZooKeeper', () => {
  const stage = new Stage();
  let postgres: Postgres;
  let zookeeper: ZooKeeper;

  beforeAll(async () => {
    postgres = available(await startPostgres());
    zookeeper = available(await startZooKeeper({ tickTime: 500, minSessionTimeout: 1_000 }));
  }, 180_000);

  afterAll(async () => {
    await stage.close();
    await zookeeper?.stop();
    await postgres?.stop();
  }, 60_000);

  it('loses and doubles nothing while nodes leave, join, die and freeze', async () => {
    const db = { leaf: await createDatabase(postgres.url, 'leaf'), upper: await createDatabase(postgres.url, 'upper') };
    const cluster = (namespace: string) => ({
      SW_CLUSTER: 'zookeeper',
      SW_NAMESPACE: namespace,
      SW_CLUSTER_ZK_HOST_PORT: zookeeper.connect,
      SW_CLUSTER_ZK_SESSION_TIMEOUT: String(SESSION_MS),
      SW_CLUSTER_INTERNAL_TOKEN: `inner-${namespace}`,
      SW_STORAGE: 'postgresql',
    });
    const upper = (name: string) =>
      stage.node({
        name,
        config: 'deploy/examples/federation.yml',
        env: { ...cluster('upper'), SW_STORAGE_POSTGRESQL_URL: db.upper, SW_FEDERATION_EXPECTED_TIERS: 'cloud-c' },
      });
    const leaf = (name: string) =>
      stage.node({
        name,
        config: 'deploy/examples/cloud-c.yml',
        env: {
          ...cluster('leaf'),
          SW_STORAGE_POSTGRESQL_URL: db.leaf,
          SW_FEDERATION_DISCOVERY: 'zookeeper',
          SW_FEDERATION_ZK_HOST_PORT: zookeeper.connect,
          SW_FEDERATION_ZK_NAMESPACE: 'upper',
          SW_FEDERATION_UPSTREAMS: '',
        },
      });
    const [a, b] = [await upper('upper-a'), await upper('upper-b')];
    const leaves = [await leaf('leaf-a'), await leaf('leaf-b')];
    const stock = await stage.app('stock', 'stock', leaves[0]!.grpcPort);
    const shopA = await stage.app('shop-a', 'shop', leaves[0]!.grpcPort, stock.url);
    const shopB = await stage.app('shop-b', 'shop', leaves[1]!.grpcPort, stock.url);
    const traffic = stage.traffic([shopA.url, shopB.url], 40);

    const owners = () =>
      withDatabase(db.upper, async (client) => {
        const { rows } = await client.query('SELECT DISTINCT owner FROM slot WHERE owner IS NOT NULL AND owner <> $1', [
          '',
        ]);
        return rows.length;
      });
    const progress = async (what: string) => {
      const before = await mergedIncrements(db.upper, 'federated');
      await eventually(
        `increments flow after ${what}`,
        40,
        async () => (await mergedIncrements(db.upper, 'federated')) > before + 20,
      ).catch(async (err: unknown) => {
        throw new Error(`${String(err)}\n${await stage.report()}`);
      });
    };
    await progress('the start');
    await eventually('both upper nodes own slots', 30, async () => (await owners()) >= 2);

    const c = await upper('upper-c');
    await progress('a node joined');
    await a.end('SIGTERM');
    await progress('a node left');
    await b.end('SIGKILL');
    await progress('a node was killed');
    b.start();
    await progress('it came back');
    // frozen past its session: the others take its slots, then it wakes up and still believes that it owns them
    process.kill(c.pid, 'SIGSTOP');
    await sleep(SESSION_MS * 3);
    process.kill(c.pid, 'SIGCONT');
    await progress('a node was frozen');

    await traffic.end('SIGTERM');
    await sleep(4_000);
    let before = -1;
    await eventually('everything is acknowledged and stays so', 60, async () => {
      const merged = await mergedIncrements(db.leaf, 'local');
      const settled = (await unacknowledged(db.leaf)) === 0 && merged === before;
      before = merged;
      if (!settled) await sleep(1_500);
      return settled;
    }).catch(async (err: unknown) => {
      throw new Error(`${String(err)}\n${await stage.report()}`);
    });

    const below = await readPersisted(db.leaf);
    const above = await readPersisted(db.upper);
    expect(below.get('')!.size).toBeGreaterThan(40);
    expect(differences(above.get('')!, sumOf([below]))).toEqual([]);
    expect((await parkedBatches(db.leaf)) + (await parkedBatches(db.upper))).toBe(0);
    // slots did move: each claim raises the slot's epoch, and the start alone is one claim each
    const claims = await withDatabase(db.upper, async (client) =>
      Number((await client.query('SELECT sum(epoch) AS n FROM slot')).rows[0].n),
    );
    expect(claims).toBeGreaterThan(16 + 8);
    // both nodes of the leaf took part: each has committed increments through its own local logs
    const producers = await withDatabase(db.leaf, async (client) => {
      const { rows } = await client.query("SELECT DISTINCT producer FROM mark WHERE kind = 'local' AND increments > 0");
      return rows.length;
    });
    expect(producers).toBe(2);
  }, 300_000);
});
