// SPDX-License-Identifier: Apache-2.0
// Goal: the main job is exact under kill -9. Method: two leaf tiers and one federation tier as real processes over real PostgreSQL, real agents
// under traffic, configured as the examples; each of them and both PostgreSQL servers are killed twice, between that the link is cut, black-holed
// and cut in mid-frame, and processes are frozen; afterwards every persisted field of every row upstream must equal what the leaves persisted,
// per key, and the outboxes must be empty. test/chaos does the same to more tiers, with more faults, and checks the checker.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, startFaultProxy, startPostgres, type FaultProxy, type Postgres } from '../services/index.js';
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

const KILLS = 10;

needs('postgres')('two clouds and one federation tier', () => {
  const stage = new Stage();
  let below: Postgres;
  let above: Postgres;
  let link: FaultProxy | undefined;

  beforeAll(async () => {
    below = available(await startPostgres());
    above = available(await startPostgres());
  }, 120_000);

  afterAll(async () => {
    await stage.close();
    await link?.stop();
    await below?.stop();
    await above?.stop();
  }, 60_000);

  it(`holds exactly what the leaves persisted after ${KILLS} kill -9 and more faults`, async () => {
    const db = {
      c: await createDatabase(below.url, 'cloud_c'),
      n: await createDatabase(below.url, 'cloud_n'),
      federation: await createDatabase(above.url, 'federation'),
    };
    // the leaves reach the federation tier over a link that can break
    const federationPort = await freePort();
    const wan = (link = await startFaultProxy({ host: '127.0.0.1', port: federationPort }));
    const federation = await stage.node({
      name: 'federation',
      config: 'deploy/examples/federation.yml',
      env: {
        SW_STORAGE: 'postgresql',
        SW_STORAGE_POSTGRESQL_URL: db.federation,
        SW_CORE_GRPC_PORT: String(federationPort),
        SW_FEDERATION_ADVERTISED_ADDRESS: wan.address,
      },
    });
    const leaf = (name: string, url: string) =>
      stage.node({
        name,
        config: `deploy/examples/${name}.yml`,
        env: {
          SW_STORAGE: 'postgresql',
          SW_STORAGE_POSTGRESQL_URL: url,
          SW_FEDERATION_UPSTREAMS: wan.address,
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
    const freeze = async (node: NodeProc) => {
      process.kill(node.pid, 'SIGSTOP');
      await sleep(500 + Math.random() * 1_500);
      process.kill(node.pid, 'SIGCONT');
    };
    const blackHole = async () => {
      wan.mode = Math.random() < 0.5 ? 'blackhole' : 'clientToServer'; // the second: batches arrive, acknowledgements do not
      await sleep(500 + Math.random() * 1_500);
      wan.mode = 'forward';
      wan.cutAll(); // what was lost in the hole would break the framing
    };
    const faults = [
      async () => wan.cutAll(),
      () => freeze(federation),
      async () => wan.cutMidFrame(Math.floor(Math.random() * 200)),
      () => blackHole(),
      () => freeze(leaves.n),
    ];
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(500 + Math.random() * 1_500);
      await victims[kill % victims.length]!();
      if (kill % 2 === 1) await faults[(kill >> 1) % faults.length]!();
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
    expect(c.get('')!.size).toBeGreaterThan(40);
    expect(n.get('')!.size).toBeGreaterThan(20);
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
    // the same through PromQL: every counter upstream is the sum of the leaves' own
    const atSeconds = (Math.floor(Date.now() / 60_000) + 1) * 60;
    const [whole, ...parts] = await Promise.all(
      [federation, leaves.c, leaves.n].map((node) => countersOf(node.restUrl, atSeconds)),
    );
    const summed = new Map<string, number>();
    for (const part of parts) for (const [key, value] of part) summed.set(key, (summed.get(key) ?? 0) + value);
    expect(whole!.size).toBeGreaterThan(100);
    expect([...whole!].toSorted()).toEqual([...summed].toSorted());
    console.log(`${KILLS} kills; ${upstream.get('')!.size} persisted fields upstream, all equal`);
  }, 300_000);
});

/** Counters of a tier's services: `metric service le` -> value. */
async function countersOf(restUrl: string, atSeconds: number): Promise<ReadonlyMap<string, number>> {
  const names = 'service_(cpm_total|resp_time_(sum|count)|sla_match_total|percentile_bucket)';
  const query = `sum by (__name__, service, le) ({__name__=~"${names}",layer!=""})`;
  const form = new URLSearchParams({ query, time: String(atSeconds) });
  const reply = await fetch(`${restUrl}/api/v1/query`, { method: 'POST', body: form });
  const { data } = (await reply.json()) as {
    readonly data: {
      readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
    };
  };
  return new Map(
    data.result.map(({ metric, value }) => [
      `${metric['__name__']} ${metric['service']} ${metric['le'] ?? ''}`,
      Number(value[1]),
    ]),
  );
}
