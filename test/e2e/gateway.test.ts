// SPDX-License-Identifier: Apache-2.0
// Goal: three tiers in a row stay exact when the middle one has no database and the link below it is a message queue. Method: real processes:
// a leaf over PostgreSQL with a real agent under traffic, a NATS server, a gateway with storage `none` and the file buffer, and a federation
// tier over PostgreSQL; the gateway, the queue (its data too) and the leaf are killed in turn; afterwards every persisted field upstream must
// equal what the leaf persisted, per key.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNats, startPostgres, type Nats, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import {
  createDatabase,
  differences,
  eventually,
  healthy,
  mergedIncrements,
  parkedBatches,
  readPersisted,
  sleep,
  Stage,
  sumOf,
  unacknowledged,
  type NodeProc,
} from './harness.js';

const ROUNDS = 4;
const CONFIG = 'deploy/application.yml';

needs('postgres', 'nats')('a leaf, a queue, a gateway without storage, a federation tier', () => {
  const stage = new Stage();
  let postgres: Postgres;
  let nats: Nats;

  beforeAll(async () => {
    postgres = available(await startPostgres());
    nats = available(await startNats());
  }, 120_000);

  afterAll(async () => {
    await stage.close();
    await nats?.stop();
    await postgres?.stop();
  }, 60_000);

  it('the top holds exactly what the leaf persisted', async () => {
    const db = {
      leaf: await createDatabase(postgres.url, 'leaf'),
      top: await createDatabase(postgres.url, 'top'),
    };
    const common = {
      SW_CORE_GRPC_HOST: '127.0.0.1',
      SW_CORE_REST_HOST: '127.0.0.1',
      SW_FEDERATION: 'default',
      SW_FEDERATION_NATS_SERVERS: nats.address,
    };
    const upper = { SW_CORE_OAL_FILES: 'federation.oal', SW_RECEIVER_TRACE: '-', SW_FEDERATION_RECEIVE: 'true' };
    const top = await stage.node({
      name: 'top',
      config: CONFIG,
      env: {
        ...common,
        ...upper,
        SW_FEDERATION_TIER: 'top',
        SW_FEDERATION_EXPECTED_TIERS: 'gateway',
        SW_STORAGE: 'postgresql',
        SW_STORAGE_POSTGRESQL_URL: db.top,
      },
    });
    const bufferDir = path.join(stage.directory, 'buffer');
    const gateway = await stage.node({
      name: 'gateway',
      config: CONFIG,
      env: {
        ...common,
        ...upper,
        SW_FEDERATION_TIER: 'gateway',
        SW_FEDERATION_EXPECTED_TIERS: 'leaf',
        SW_FEDERATION_RECEIVE_THROUGH_NATS: 'true',
        SW_STORAGE: 'none',
        SW_FEDERATION_BUFFER: 'file',
        SW_FEDERATION_BUFFER_DIR: bufferDir,
        SW_FEDERATION_UPSTREAMS: `127.0.0.1:${top.grpcPort}`,
      },
    });
    const leaf = await stage.node({
      name: 'leaf',
      config: CONFIG,
      env: {
        ...common,
        SW_FEDERATION_TIER: 'leaf',
        SW_FEDERATION_BUFFER: 'nats',
        SW_FEDERATION_UPSTREAM_TIER: 'gateway',
        SW_STORAGE: 'postgresql',
        SW_STORAGE_POSTGRESQL_URL: db.leaf,
      },
    });
    const shop = await stage.app('shop', 'shop', leaf.grpcPort);
    const traffic = stage.traffic([shop.url], 30);
    await eventually(
      'increments arrive at the top',
      60,
      async () => (await mergedIncrements(db.top, 'federated')) > 0,
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await stage.report()}`);
    });

    const killNode = async (node: NodeProc) => {
      await node.end('SIGKILL');
      await sleep(Math.random() * 500);
      node.start();
      await healthy(node);
    };
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(500 + Math.random() * 1_000);
      await killNode(gateway);
      await sleep(500 + Math.random() * 1_000);
      await nats.kill9();
      if (round % 2 === 1) nats.wipe();
      await sleep(Math.random() * 1_000);
      await nats.restart();
      if (round === 2) await killNode(leaf);
    }
    await sleep(2_000);
    await traffic.end('SIGTERM');
    await sleep(3_000); // agents flush every second; L1 and L2 follow

    /** What the gateway has and the top has not, in batches. */
    const waitingInGateway = async () => {
      const status = await (await fetch(`${gateway.restUrl}/status/tier`)).json();
      const { logs } = (
        status as { forward: { logs: { slot: number; acknowledgedSeq: number; inFlight: number; lagMs: number }[] } }
      ).forward;
      return logs.filter(({ inFlight, lagMs }) => inFlight > 0 || lagMs > 0).length;
    };
    let before = '';
    await eventually('everything is at the top and stays so', 120, async () => {
      const merged = [await mergedIncrements(db.leaf, 'local'), await mergedIncrements(db.top, 'federated')].join();
      const settled = (await unacknowledged(db.leaf)) === 0 && (await waitingInGateway()) === 0 && merged === before;
      before = merged;
      if (!settled) await sleep(1_500);
      return settled;
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await stage.report()}`);
    });

    const [below, above] = [await readPersisted(db.leaf), await readPersisted(db.top)];
    expect(below.get('')!.size).toBeGreaterThan(30);
    expect(differences(above.get('')!, sumOf([below]))).toEqual([]);
    // batches of the gateway say where they come from
    const services = new Map([...below.get('')!].filter(([key]) => key.startsWith('Service ')));
    expect(differences(above.get('leaf')!, services)).toEqual([]);
    expect((await parkedBatches(db.leaf)) + (await parkedBatches(db.top))).toBe(0);
    expect(existsSync(bufferDir) && readdirSync(bufferDir).some((name) => name.endsWith('.segment'))).toBe(true);
    expect(readdirSync(bufferDir).filter((name) => name.endsWith('.corrupt'))).toEqual([]);
    console.log(`${ROUNDS} rounds of kills; ${above.get('')!.size} persisted fields at the top, all equal`);
  }, 300_000);
});
