// SPDX-License-Identifier: Apache-2.0
// Goal: on a real PostgreSQL each transition is written once, whoever thinks that it owns a slot, and state survives a server that is killed
// in the middle of a commit. Method: two engines over two pools on one database; the second claims slots that the first is not told of, both
// judge at the same time; the server is killed with -9 while they do. The outcome is that of one calm engine in memory.
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { openPostgresStore, type TierStore } from '@oap-federation/storage';
import { MemoryTierStore } from '@oap-federation/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { METRIC, ORIGINS, SLOTS, World, type Node } from './world.js';

const ALL_SLOTS = Array.from({ length: SLOTS }, (_, i) => i);
const NAMES = ['shop', 'cart', 'pay', 'mail', 'search', 'stock'];
const RULES = `rules:
  slow_rule: { expression: sum(service_resp_time > 1000) >= 1, period: 2, silence-period: 1, message: "{name} is slow" }
  slower_rule: { expression: avg(service_resp_time) > 1500, period: 1, silence-period: 0, on-no-data: recover }`;

/** Value of the n-th service in minute m: each is slow for a while, at times of its own. */
const valueOf = (n: number, m: number) => ((m + 3 * n) % 9 < 4 ? 2_000 : 100);

async function minutePasses(world: World, m: number): Promise<void> {
  await world.clock.advance(60_000);
  const minute = world.minute - 1;
  for (const [n, name] of NAMES.entries())
    await world.put(
      name,
      ORIGINS.map((origin) => ({ minute, origin, value: valueOf(n, m) })),
    );
  for (const origin of ORIGINS) await world.seal(origin, minute + 1);
}

/** What one engine that nothing happens to says. */
async function calm(minutes: number): Promise<Record<string, string[]>> {
  let logs = 0;
  const world = await World.open({ store: new MemoryTierStore(() => `log-${++logs}`, SLOTS), settings: RULES });
  const node = world.node();
  await world.claim(node, ALL_SLOTS);
  for (let m = 0; m < minutes; m++) {
    await minutePasses(world, m);
    await node.engine.round();
  }
  return world.standing();
}

needs('postgres')('alarms on PostgreSQL', () => {
  let server: Postgres;
  const stores: TierStore[] = [];
  let schemas = 0;

  beforeAll(async () => {
    server = available(await startPostgres());
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    await server.stop();
  });

  const sql = async (schema: string, text: string) => {
    const client = new Client({ connectionString: urlOf(schema) });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const urlOf = (schema: string) => `${server.url}?options=-c%20search_path%3D${schema}`;
  const openPair = async () => {
    const schema = `alarms_${++schemas}`;
    await sql('public', `CREATE SCHEMA ${schema}`);
    const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
    const open = async () => {
      const store = await openPostgresStore({ url: urlOf(schema), slots: SLOTS, waitMs: 20_000 }, deps);
      await store.prepareMetrics([METRIC]);
      stores.push(store);
      return store;
    };
    return { schema, mine: await open(), theirs: await open() };
  };
  /** The transitions of each slot are numbered without a gap, and each fired and each end of an alarm is there once. */
  const checkLog = async (schema: string) => {
    const rows = await sql(
      schema,
      `SELECT slot, seq, rule, entity_id, kind, minute, uuid FROM alarm_transition ORDER BY slot, seq`,
    );
    const next = new Map<unknown, number>();
    for (const { slot, seq } of rows) {
      const expected = next.get(slot) ?? 1;
      expect(Number(seq)).toBe(expected);
      next.set(slot, expected + 1);
    }
    const subjects = rows.map(({ rule, entity_id, kind, minute }) => JSON.stringify([rule, entity_id, kind, minute]));
    expect(new Set(subjects).size).toBe(subjects.length);
    return rows.length;
  };

  it('two engines that both think that they own a slot write each transition once', async () => {
    const { schema, mine, theirs } = await openPair();
    const world = await World.open({ store: mine, settings: RULES });
    const nodes: readonly Node[] = [world.node(1), world.node(2, theirs)];
    await world.claim(nodes[0]!, ALL_SLOTS);
    const minutes = 16;
    for (let m = 0; m < minutes; m++) {
      // slots go back and forth; the loser is never told, and its next commit has the old fence
      if (m % 3 === 2) await world.claim(nodes[m % 2]!, m % 4 === 3 ? ALL_SLOTS : ALL_SLOTS.slice(0, 2));
      await minutePasses(world, m);
      await Promise.all(nodes.map(({ engine }) => engine.round()));
    }
    expect(await world.standing()).toEqual(await calm(minutes));
    expect(await checkLog(schema)).toBeGreaterThan(40);
    const refused = nodes.map(({ telemetry }) => Number(/commits_refused_total (\d+)/.exec(telemetry.render())![1]));
    expect(refused[0]! + refused[1]!).toBeGreaterThan(0);
  });

  it('a server that is killed while engines judge loses and doubles nothing', async () => {
    const { schema, mine } = await openPair();
    const world = await World.open({ store: mine, settings: RULES });
    let node = world.node(1);
    await world.claim(node, ALL_SLOTS);
    const minutes = 10;
    for (let m = 0; m < minutes; m++) {
      await minutePasses(world, m);
      if (m % 3 !== 1) {
        await node.engine.round();
        continue;
      }
      const round = node.engine.round();
      await server.kill9();
      await round; // storage that is away is no error of a round
      await server.restart();
      if (m % 2 === 0) {
        // the process is gone as well: an heir under the same claim knows nothing but what is stored
        const heir = world.node(m);
        for (const [slot, fence] of node.fences) heir.fences.set(slot, fence);
        node = heir;
      }
      await node.engine.round();
    }
    expect(await world.standing()).toEqual(await calm(minutes));
    expect(await checkLog(schema)).toBeGreaterThan(20);
  });
});
