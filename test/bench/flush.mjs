// SPDX-License-Identifier: Apache-2.0
// The flush benchmark: batches of downstream tiers through the real slot owner into a real PostgreSQL, to `committed`; beside it the same
// stored rows by one upsert each, and by a bare COPY and merge. A throw-away server with durable settings; wall time, for the server works too.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { chainAfter, SlotOwner } from '@oap-federation/analysis';
import { EMPTY_HEADER, encodeContent, encodeHeader, incrementCount, joinContent, slotOf } from '@oap-federation/model';
import { federationRoutes } from '@oap-federation/oal';
import { MetricRegistry, silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { openPostgresStore } from '@oap-federation/storage';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { batchOf, COUNTERS, federationProgram, HISTOGRAM, SERVICE_METRICS, services } from './data.mjs';
import { cpuSeconds, summary } from './measure.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const SLOTS = 16;

/** `tiers` downstream tiers each send an increment of each schema for each of `entities` services, one batch per slot. */
export const FLUSHES = [
  {
    key: 'flush.postgres.counter',
    what: '20 tiers x 1,000 services, 4 counters',
    tiers: 20,
    entities: 1_000,
    schemas: COUNTERS,
    origins: false,
    quick: true,
  },
  {
    key: 'flush.postgres.histogram',
    what: '20 tiers x 1,000 services, 1 histogram',
    tiers: 20,
    entities: 1_000,
    schemas: [HISTOGRAM],
    origins: false,
    quick: true,
  },
  {
    key: 'flush.postgres.origins',
    what: '20 x 1,000, all 5 and rows per tier',
    tiers: 20,
    entities: 1_000,
    schemas: SERVICE_METRICS,
    origins: true,
    quick: false,
  },
  {
    key: 'flush.postgres.wide.counter',
    what: '2 tiers x 20,000 services, 4 counters',
    tiers: 2,
    entities: 20_000,
    schemas: COUNTERS,
    origins: false,
    quick: false,
  },
  {
    key: 'flush.postgres.wide.histogram',
    what: '2 tiers x 20,000 services, 1 histogram',
    tiers: 2,
    entities: 20_000,
    schemas: [HISTOGRAM],
    origins: false,
    quick: false,
  },
];

/** Rows that the upsert reference writes per round: its cost is linear, and all rows would take minutes. */
const UPSERT_ROWS = 2_000;

/** A throw-away server as test/services starts it; `{ unavailable }` where there is none. */
export async function startServer() {
  const dir = await mkdtemp(path.join(tmpdir(), 'oap-bench-'));
  try {
    const tsc = path.join(root, 'node_modules/.bin/tsc');
    const args = ['--module', 'nodenext', '--target', 'es2023', '--noCheck', '--ignoreConfig', '--outDir', dir];
    const compiled = spawnSync(tsc, [...args, path.join(root, 'test/services/index.ts')], {
      cwd: root,
      encoding: 'utf8',
    });
    if (compiled.status !== 0) throw new Error(`test/services does not compile: ${compiled.stdout}${compiled.stderr}`);
    const { startPostgres } = await import(pathToFileURL(path.join(dir, 'index.js')).href);
    return await startPostgres({ settings: { shared_buffers: '128MB' } }); // PostgreSQL's default
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The store, and what it was told to write last. */
function recording(store, seen) {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'flush') {
        return (flushes) => {
          seen.rows = flushes.flatMap((flush) => flush.rows);
          return target.flush(flushes);
        };
      }
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A tier that receives from `tiers` and forwards: its owner of all slots, over the store. */
async function openTier(store, { tiers, origins }, clock) {
  const program = federationProgram();
  const routes = federationRoutes(program);
  const schemas = [...program.schemas.values()];
  await store.prepareMetrics(schemas);
  await store.expectChildren(
    Array.from({ length: tiers }, (_, t) => ({ tier: `tier-${t}`, sinceMinute: clock.minute })),
  );
  const owner = new SlotOwner(
    {
      tier: 'upper',
      instanceId: 'bench',
      storageSessionTimeoutMs: 70_000,
      ttlDays: 7,
      maxFutureMinutes: 5,
      forwards: true,
      originScopes: new Set(origins ? ['Service'] : []),
      queueBytesMax: 256 * 1024 * 1024,
      metricsOf: (scope) => schemas.filter((schema) => schema.scope === scope),
      resolve: (wire) => {
        const route = routes.get(wire.name);
        return route && route.accepts(wire) === undefined ? route.schema : undefined;
      },
      hasLocalSources: false,
      rollupPeriodMs: Number.MAX_SAFE_INTEGER, // hours and days are derived once a minute, apart from the flush
    },
    { store, clock, logger: silentLogger, telemetry: new MetricRegistry(), liveInstances: () => [] },
  );
  owner.setDesiredSlots(Array.from({ length: SLOTS }, (_, slot) => slot));
  await owner.runRound();
  return owner;
}

/** The downstream tiers: per tier and slot one log, whose batches repeat their values in another minute. */
function openProducers({ tiers, entities, schemas }) {
  const bySlot = Array.from({ length: SLOTS }, () => []);
  for (const entity of services(entities)) bySlot[slotOf(entity.id, SLOTS)].push(entity);
  const logs = [];
  for (let tier = 0; tier < tiers; tier++) {
    for (const [slot, inSlot] of bySlot.entries()) {
      const batch = batchOf(schemas, inSlot, 0, tier);
      logs.push({
        logId: `log-${tier}-${slot}`,
        producer: `tier-${tier}`,
        slot,
        batch,
        seq: 0,
        chain: new Uint8Array(0),
      });
    }
  }
  /** The next batch of every log, as the receiver offers it. */
  return (minute) =>
    logs.map((log) => {
      const batch = { ...log.batch, blocks: log.batch.blocks.map((block) => ({ ...block, minute })) };
      const header = { ...EMPTY_HEADER, watermark: minute, increments: incrementCount(batch) };
      const headerBytes = encodeHeader(header);
      const contentBytes = joinContent(encodeContent(batch));
      log.seq++;
      log.chain = chainAfter(log.chain, headerBytes, contentBytes);
      const { logId, producer, slot, seq, chain } = log;
      return { logId, slot, gen: 0, seq, producer, kind: 'federated', header, headerBytes, contentBytes, chain, batch };
    });
}

/** Offers one batch per log and flushes. Seconds of wall time until all are committed, and of this process's CPU. */
async function flushOnce(owner, batches) {
  const cpu = cpuSeconds();
  const from = performance.now();
  const outcomes = batches.map((batch) => owner.offer(batch));
  await owner.runRound();
  for (const outcome of await Promise.all(outcomes)) {
    if (outcome.kind !== 'committed') throw new Error(`a batch was not committed: ${JSON.stringify(outcome)}`);
  }
  return { wall: (performance.now() - from) / 1_000, cpu: cpuSeconds() - cpu };
}

/** The rows of a flush as one list of values per row: key, then the columns of the metrics that are there. */
function plainRows(blocks) {
  const columns = ['slot', 'minute', 'origin', 'entity'];
  const present = blocks[0].metrics.filter(({ present: flags }) => flags[0] === 1);
  for (const { schema, ints, distributions } of present) {
    ints.forEach((_, f) => columns.push(`${schema.name}_${f} bigint`));
    distributions.forEach((_, f) => columns.push(`${schema.name}_d${f} bytea`));
  }
  const names = new Set(present.map((metric) => metric.schema.name));
  const rows = blocks.flatMap((block) => {
    const metrics = block.metrics.filter(({ schema }) => names.has(schema.name));
    return Array.from(block.entities, (entity, i) => [
      block.slot,
      block.minutes[i],
      block.origins[i],
      entity,
      ...metrics.flatMap(({ ints, distributions }) => [
        ...ints.map((column) => String(column[i])),
        ...distributions.map((column) => Buffer.from(column[i])),
      ]),
    ]);
  });
  return { columns, rows };
}

/** Both references on a connection and tables of their own: the same key, columns and values, and one transaction. */
async function openReferences(url, { columns, rows }) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET jit = off');
  const definitions = columns.map((c) => (c.includes(' ') ? c : `${c} int NOT NULL`)).join(', ');
  const names = columns.map((c) => c.split(' ')[0]);
  const keep = names.slice(4).map((name) => `${name} = excluded.${name}`);
  const conflict = `ON CONFLICT (slot, minute, origin, entity) DO UPDATE SET ${keep.join(', ')}`;
  for (const table of ['by_row', 'by_copy']) {
    await client.query(`CREATE TABLE ${table} (${definitions}, PRIMARY KEY (slot, minute, origin, entity))`);
  }
  await client.query(`CREATE TEMPORARY TABLE stage (${definitions}) ON COMMIT DELETE ROWS`);
  const upsert = `INSERT INTO by_row (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')}) ${conflict}`;
  const some = rows.slice(0, UPSERT_ROWS);
  const atMinute = (row, minute) => [row[0], minute, ...row.slice(2)];
  const timed = async (work) => {
    const from = performance.now();
    await client.query('BEGIN');
    await work();
    await client.query('COMMIT');
    return (performance.now() - from) / 1_000;
  };
  return {
    /** Seconds for all rows, one prepared INSERT .. ON CONFLICT after the other; measured on the first rows. */
    async byRow(minute) {
      const seconds = await timed(async () => {
        for (const row of some) await client.query({ name: 'upsert', text: upsert, values: atMinute(row, minute) });
      });
      return (seconds * rows.length) / some.length;
    },
    /** Seconds for all rows: text COPY into a temporary table and one INSERT .. SELECT .. ON CONFLICT. */
    byCopy(minute) {
      return timed(async () => {
        const text = (value) => (Buffer.isBuffer(value) ? `\\\\x${value.toString('hex')}` : value);
        const lines = rows.map((row) => `${atMinute(row, minute).map(text).join('\t')}\n`).join('');
        const stream = client.query(copyFrom('COPY stage FROM STDIN'));
        await new Promise((resolve, reject) => {
          stream.once('error', reject);
          stream.once('finish', resolve);
          stream.end(lines);
        });
        await client.query(`INSERT INTO by_copy SELECT * FROM stage ${conflict}`);
      });
    },
    close: () => client.end(),
  };
}

/**
 * One scenario in a database of its own. A round is two flushes of one minute, the first inserting rows and the second updating them, as
 * with a persistent period below a minute; then the references do the same. Rates are per second of wall time.
 */
export async function flushScenario(server, scenario, rounds) {
  const name = scenario.key.replaceAll('.', '_');
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const url = server.url.replace(/\/postgres$/, `/${name}`);
  const clock = {
    minute: Math.floor(systemClock.now() / 60_000),
    now: () => clock.minute * 60_000,
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    after: (ms, task) => systemClock.after(ms, task),
  };
  const store = await openPostgresStore(
    { url, slots: SLOTS },
    { clock: systemClock, rng: systemRng, logger: silentLogger },
  );
  const seen = { rows: [] };
  const owner = await openTier(recording(store, seen), scenario, clock);
  const next = openProducers(scenario);
  const increments = scenario.tiers * scenario.entities * scenario.schemas.length;
  let references;
  const rates = { ours: [], byRow: [], byCopy: [] };
  const cpu = [];
  let storedRows = 0;
  try {
    // the first round warms up: code, dictionary of entities, partitions
    for (let round = 0; round <= rounds; round++) {
      clock.minute++;
      const seconds = { ours: 0, byRow: 0, byCopy: 0, cpu: 0 };
      for (let flush = 0; flush < 2; flush++) {
        const batches = next(clock.minute);
        const took = await flushOnce(owner, batches);
        seconds.ours += took.wall;
        seconds.cpu += took.cpu;
        storedRows = seen.rows.reduce((sum, block) => sum + block.entities.length, 0);
        references ??= await openReferences(url, plainRows(seen.rows));
        seconds.byRow += await references.byRow(clock.minute);
        seconds.byCopy += await references.byCopy(clock.minute);
      }
      if (round === 0) continue;
      for (const contender of ['ours', 'byRow', 'byCopy']) rates[contender].push((2 * increments) / seconds[contender]);
      cpu.push((2 * increments) / seconds.cpu);
    }
  } finally {
    await references?.close();
    await owner[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await admin.end();
  }
  const byRow = summary(rates.ours, rates.byRow);
  const byCopy = summary(rates.ours, rates.byCopy);
  return { ...byRow, byCopy, rowsPerIncrement: storedRows / increments, perCpuSecond: summary(cpu, cpu).perSecond };
}
