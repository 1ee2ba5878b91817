// SPDX-License-Identifier: Apache-2.0
// Added latency per tier: two real nodes (`oap start`), each with a PostgreSQL server of its own, over gRPC on loopback, under a steady
// load from a leaf (the real forwarder over an outbox in memory). From the commit of an outbox entry below to the commit above that has
// it. The servers say when: commit timestamps of rows that a trigger writes beside outbox and marks.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { forwarderConfig, grpcTransport, openForwarder, staticDiscovery } from '@oap-federation/federation';
import { systemClock, systemRng } from '@oap-federation/runtime';
import { MemoryTierStore } from '@oap-federation/testkit';
import pg from 'pg';
import { federationProgram, SERVICE_METRICS } from './data.mjs';
import { startServer } from './server.mjs';
import { benchClock, flushOnce, logger, openProducers, openTier, SLOTS } from './tier.mjs';

const root = path.resolve(import.meta.dirname, '../..');
/** The lower tier flushes twice a second; the upper one as often as it may wait at most. */
const LOWER_PERIOD_S = 0.5;
const UPPER_PERIOD_S = 0.1;
const SERVICES = 1_000;
const LOAD_PERIOD_MS = 500;

function configuration({ tier, url, period, upstream, expected }) {
  return `
core: { selector: default, default: { gRPCHost: 127.0.0.1, gRPCPort: 0, restHost: 127.0.0.1, restPort: 0,
  persistentPeriod: ${period}, oalFiles: [federation.oal] } }
cluster: { selector: standalone }
storage: { selector: postgresql, postgresql: { url: "${url}" } }
receiver-trace: { selector: "-" }
federation: { selector: default, default: { tier: ${tier},
  forward: { upstreams: "${upstream ?? ''}" },
  receive: { enabled: true, expectedTiers: ${expected} } } }
`;
}

/** A node as users start it; resolves when it is ready. */
async function startNode(dir, options) {
  const file = path.join(dir, `${options.tier}.yml`);
  writeFileSync(file, configuration(options));
  const oap = path.join(root, 'packages/server/dist/main.js');
  const child = spawn(process.execPath, [oap, 'start', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  const grpc = await new Promise((resolve, reject) => {
    const hear = (text) => {
      said.push(text);
      if (!text.includes('"ready"')) return;
      resolve(JSON.parse(text).grpc);
    };
    createInterface({ input: child.stdout }).on('line', hear);
    createInterface({ input: child.stderr }).on('line', hear);
    child.once('exit', (code) =>
      reject(new Error(`tier ${options.tier} ended with ${code}: ${said.slice(-5).join('\n')}`)),
    );
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    grpc,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Rows of `seen` have the commit time of whatever made the trigger write them. */
async function watch(url, table, columns) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE seen (slot int, log_id text, seq bigint)`);
  await client.query(`CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO seen VALUES (${columns}); RETURN NULL; END $$`);
  await client.query(
    `CREATE TRIGGER see AFTER INSERT OR UPDATE OF seq ON ${table} FOR EACH ROW EXECUTE FUNCTION see()`,
  );
  return client;
}

const COMMITTED = `SELECT slot, log_id, seq, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at_ms FROM seen ORDER BY seq`;

/** A leaf: the real slot owner and forwarder over a store in memory; `append` flushes an increment of each metric of each service. */
async function openLeaf(upstream) {
  const clock = benchClock();
  clock.minute--; // a sealed one
  const store = new MemoryTierStore(randomUUID);
  const owner = await openTier(store, { tiers: 1 }, clock);
  const producers = await openProducers({ tiers: 1, entities: SERVICES, schemas: SERVICE_METRICS });
  const forwarder = openForwarder(forwarderConfig({ tier: 'leaf', slots: SLOTS, instanceId: 'leaf', token: '' }), {
    store,
    intake: owner,
    clock: systemClock,
    rng: systemRng,
    logger,
    transport: grpcTransport({ clock: systemClock }),
    discovery: staticDiscovery([upstream]),
    schemas: [...federationProgram().schemas.values()].map(({ text }) => text),
  });
  return {
    append: async () => flushOnce(owner, await producers.next(clock.minute)),
    pending: async () => (await store.outboxBacklog()).entries,
    status: () => JSON.stringify(forwarder.status()),
    async close() {
      await forwarder[Symbol.asyncDispose]();
      await producers.close();
      await owner[Symbol.asyncDispose]();
    },
  };
}

/** ms from the commit of each entry below to the first commit above of its log at that seq or beyond. */
async function latencies(below, above) {
  const sent = (await below.query(COMMITTED)).rows;
  const taken = (await above.query(COMMITTED)).rows;
  const byLog = new Map();
  for (const { log_id: logId, seq, at_ms: atMs } of taken) {
    const of = byLog.get(logId) ?? [];
    byLog.set(logId, of);
    of.push({ seq: Number(seq), atMs: Number(atMs) });
  }
  return sent.flatMap(({ log_id: logId, seq, at_ms: atMs }) => {
    const first = byLog.get(logId)?.find((mark) => mark.seq >= Number(seq));
    return first === undefined ? [] : [{ atMs: Number(atMs), ms: first.atMs - Number(atMs) }];
  });
}

async function until(condition, what) {
  const deadline = systemClock.monotonicMs() + 60_000;
  while (!(await condition())) {
    if (systemClock.monotonicMs() > deadline) throw new Error(`not within a minute: ${what()}`);
    await sleep(20);
  }
}

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * p) - 1)];

export async function tierLatency(quick) {
  const settings = { track_commit_timestamp: 'on' };
  const servers = [await startServer(settings), await startServer(settings)];
  const closing = [];
  const dir = await mkdtemp(path.join(tmpdir(), 'oap-bench-'));
  closing.push(async () => rmSync(dir, { recursive: true, force: true }));
  for (const server of servers) if (!('unavailable' in server)) closing.push(() => server.stop());
  try {
    const away = servers.find((server) => 'unavailable' in server);
    if (away) return away;
    const [lowerUrl, upperUrl] = servers.map(({ url }) => url);
    const upper = await startNode(dir, { tier: 'upper', url: upperUrl, period: UPPER_PERIOD_S, expected: 'lower' });
    closing.push(() => upper.stop());
    const lower = await startNode(dir, {
      tier: 'lower',
      url: lowerUrl,
      period: LOWER_PERIOD_S,
      upstream: upper.grpc,
      expected: 'leaf',
    });
    closing.push(() => lower.stop());
    const below = await watch(
      lowerUrl,
      'outbox',
      'NEW.slot, (SELECT log_id FROM slot s WHERE s.slot = NEW.slot), NEW.seq',
    );
    closing.push(() => below.end());
    const above = await watch(upperUrl, 'mark', 'NEW.slot, NEW.log_id, NEW.seq');
    closing.push(() => above.end());
    const leaf = await openLeaf(lower.grpc);
    closing.push(() => leaf.close());
    const warmUp = quick ? 2 : 20;
    const loads = warmUp + (quick ? 6 : 120);
    let since = 0;
    for (let i = 0; i < loads; i++) {
      if (i === warmUp) since = Date.now();
      await leaf.append();
      // an odd period: the load must not march in step with the flushes
      await sleep(LOAD_PERIOD_MS + (i % 7) * 11);
    }
    await until(
      async () => (await leaf.pending()) === 0,
      () => `the leaf is acknowledged: ${leaf.status()}`,
    );
    await sleep(1_000); // the last flushes
    const found = await latencies(below, above);
    const ms = found
      .filter(({ atMs }) => atMs > since)
      .map((each) => each.ms)
      .toSorted((a, b) => a - b);
    const load = Math.round((SERVICES * SERVICE_METRICS.length * 1_000) / (LOAD_PERIOD_MS + 33));
    const what = `${load} increments/s, upper tier flushes every ${UPPER_PERIOD_S * 1_000} ms`;
    return [
      { key: 'latency.tier.p50Ms', what, value: percentile(ms, 0.5) },
      { key: 'latency.tier.p99Ms', what: 'of the same', value: percentile(ms, 0.99) },
      { key: 'latency.tier.samples', what: 'entries, one per slot and flush', value: ms.length },
    ];
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}
