// SPDX-License-Identifier: Apache-2.0
// Durable merging: batches of downstream tiers, from their bytes through the real slot owner into a real store, to `committed`, with
// marks, outbox and fence. Beside it the same stored rows by one upsert each, and by a bare binary COPY and merge. Wall time, for the
// server works too.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { PGlite } from '@electric-sql/pglite';
import { distributionAt } from '@oap-federation/model';
import { systemClock, systemRng } from '@oap-federation/runtime';
import { openEmbeddedStore, openPostgresStore } from '@oap-federation/storage';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { COUNTERS, HISTOGRAM, SERVICE_METRICS } from './data.mjs';
import { median, summary } from './measure.mjs';
import { newDatabase } from './server.mjs';
import { benchClock, flushOnce, logger, openProducers, openTier, SLOTS } from './tier.mjs';

/** `tiers` downstream tiers each send an increment of each schema for each of `entities` services, one batch per slot. */
const NARROW = { tiers: 20, entities: 1_000, rounds: 7, warmUp: 3 };
/** What comes while a flush is under way waits for the next: under load, and with a longer period, a flush has many batches of a log. */
const SUSTAINED = { ...NARROW, rounds: 5, batches: 8, slow: true };
/** As many as their credit lets 20 senders have in flight: some 128 batches of each log of small ones. */
const SATURATED = { ...NARROW, rounds: 5, saturated: true, slow: true };
const WIDE = { tiers: 2, entities: 100_000, rounds: 3, warmUp: 1 };

export const DURABLE = [
  { key: 'durable.postgres.counter', what: '20 tiers x 1,000 services, 4 counters', ...NARROW, schemas: COUNTERS },
  { key: 'durable.postgres.histogram', what: '20 tiers x 1,000 services', ...NARROW, schemas: [HISTOGRAM] },
  {
    key: 'durable.postgres.counter.sustained',
    what: 'the same, 8 batches of each tier in a flush',
    ...SUSTAINED,
    schemas: COUNTERS,
  },
  {
    key: 'durable.postgres.histogram.sustained',
    what: '20 tiers x 1,000 services, 8 batches of each in a flush',
    ...SUSTAINED,
    schemas: [HISTOGRAM],
  },
  {
    key: 'durable.postgres.counter.saturated',
    what: 'the same, as much as credit lets them send',
    ...SATURATED,
    batches: 160,
    schemas: COUNTERS,
  },
  {
    key: 'durable.postgres.histogram.saturated',
    what: '20 tiers x 1,000 services, as much as credit lets them send',
    ...SATURATED,
    batches: 40,
    schemas: [HISTOGRAM],
  },
  {
    key: 'durable.postgres.origins',
    what: 'the same, all 5 metrics and a row per tier',
    ...NARROW,
    schemas: SERVICE_METRICS,
    origins: true,
    slow: true,
  },
  { key: 'durable.embedded.counter', what: '20 tiers x 1,000 services, 4 counters', ...NARROW, schemas: COUNTERS },
  {
    key: 'durable.embedded.histogram',
    what: '20 tiers x 1,000 services',
    ...NARROW,
    schemas: [HISTOGRAM],
    slow: true,
  },
];

export const ROWS = [
  {
    key: 'durable.postgres.rowsOfCopyLimit',
    what: '2 tiers x 100,000 services, 4 counters and a histogram',
    ...WIDE,
    schemas: SERVICE_METRICS,
  },
  {
    key: 'durable.postgres.rowsOfCopyLimit.counter',
    what: 'the same, 4 counters',
    ...WIDE,
    schemas: COUNTERS,
    slow: true,
  },
  {
    key: 'durable.postgres.rowsOfCopyLimit.histogram',
    what: 'the same, a histogram',
    ...WIDE,
    schemas: [HISTOGRAM],
    slow: true,
  },
];

/** Rows that the upsert reference writes per round: its cost is linear, and all rows would take minutes. */
const UPSERT_ROWS = 1_000;

/** The store; `seen` counts the transactions of its flushes, and has what they write while it has a list for it. */
export function recording(store, seen) {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'flush') {
        return (flushes) => {
          seen.transactions++;
          seen.flushes?.push(...flushes);
          return target.flush(flushes);
        };
      }
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The rows of a flush as a table: key columns, then those of the metrics that are there. */
export function plainRows(blocks) {
  const columns = [
    { name: 'slot', type: 'smallint' },
    { name: 'minute', type: 'int' },
    { name: 'origin', type: 'smallint' },
    { name: 'entity', type: 'int' },
  ];
  const present = blocks[0].metrics.filter(({ present: flags }) => flags[0] === 1);
  for (const { schema, ints, distributions } of present) {
    ints.forEach((_, f) => columns.push({ name: `${schema.name}_${f}`, type: 'bigint' }));
    distributions.forEach((_, f) => columns.push({ name: `${schema.name}_d${f}`, type: 'bytea' }));
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
        ...ints.map((column) => column[i]),
        ...distributions.map((column) => Buffer.from(distributionAt(column, i))),
      ]),
    ]);
  });
  return { columns, rows };
}

/** A file of COPY's binary format, and where in it each row's minute is: the same rows serve for every minute. */
function copyFile({ columns, rows }) {
  const header = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
  const sizes = { smallint: 2, int: 4, bigint: 8 };
  let size = header.length + 2;
  for (const values of rows) {
    size += 2 + columns.length * 4;
    columns.forEach(({ type }, c) => (size += type === 'bytea' ? values[c].length : sizes[type]));
  }
  const file = Buffer.allocUnsafe(size);
  const minutes = new Uint32Array(rows.length);
  let at = header.copy(file);
  for (const [i, values] of rows.entries()) {
    at = file.writeInt16BE(columns.length, at);
    for (let c = 0; c < columns.length; c++) {
      const { type } = columns[c];
      const value = values[c];
      at = file.writeInt32BE(type === 'bytea' ? value.length : sizes[type], at);
      if (c === 1) minutes[i] = at;
      if (type === 'bytea') at += value.copy(file, at);
      else if (type === 'bigint') at = file.writeBigInt64BE(value, at);
      else if (type === 'int') at = file.writeInt32BE(value, at);
      else at = file.writeInt16BE(value, at);
    }
  }
  file.writeInt16BE(-1, at);
  return { file, minutes };
}

/** Both references on a connection and tables of their own: the same key, columns and values, and one transaction. */
export async function openReferences(connection, { columns, rows }) {
  const definitions = columns.map(({ name, type }, c) => `${name} ${type}${c < 4 ? ' NOT NULL' : ''}`).join(', ');
  const names = columns.map(({ name }) => name);
  const keep = names.slice(4).map((name) => `${name} = excluded.${name}`);
  const conflict = `ON CONFLICT (slot, minute, origin, entity) DO UPDATE SET ${keep.join(', ')}`;
  for (const each of ['by_row', 'by_copy']) {
    await connection.query(`CREATE TABLE ${each} (${definitions}, PRIMARY KEY (slot, minute, origin, entity))`);
  }
  await connection.query(`CREATE TEMPORARY TABLE stage (${definitions}) ON COMMIT DELETE ROWS`);
  const upsert = `INSERT INTO by_row (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')}) ${conflict}`;
  const some = rows.slice(0, UPSERT_ROWS).map((values) => values.map((v) => (typeof v === 'bigint' ? String(v) : v)));
  // of all other rows only the file is kept: a heap full of them would slow down what is measured beside
  const count = rows.length;
  const { file, minutes } = copyFile({ columns, rows });
  const timed = async (work) => {
    const from = performance.now();
    await connection.query('BEGIN');
    await work();
    await connection.query('COMMIT');
    return (performance.now() - from) / 1_000;
  };
  return {
    rows: count,
    wal: () => connection.wal(),
    /** Seconds for all rows, one prepared INSERT .. ON CONFLICT after the other; measured on the first rows. */
    async byRow(minute) {
      const seconds = await timed(async () => {
        for (const row of some) await connection.prepared(upsert, [row[0], minute, ...row.slice(2)]);
      });
      return (seconds * count) / some.length;
    },
    /** Seconds for all rows: binary COPY into a temporary table and one INSERT .. SELECT .. ON CONFLICT. The file is there already. */
    byCopy(minute) {
      for (const at of minutes) file.writeInt32BE(minute, at);
      return timed(async () => {
        await connection.copy('stage', file);
        await connection.query(`INSERT INTO by_copy SELECT * FROM stage ${conflict}`);
      });
    },
    close: () => connection.close(),
  };
}

async function postgresConnection(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET jit = off');
  return {
    query: (text) => client.query(text),
    /** Bytes of write-ahead log so far, of the whole server. */
    wal: async () => Number((await client.query(`SELECT pg_current_wal_lsn() - '0/0' AS bytes`)).rows[0].bytes),
    prepared: (text, values) => client.query({ name: 'upsert', text, values }),
    copy: (table, file) =>
      new Promise((resolve, reject) => {
        const stream = client.query(copyFrom(`COPY ${table} FROM STDIN WITH (FORMAT binary)`));
        stream.once('error', reject);
        stream.once('finish', resolve);
        stream.end(file);
      }),
    close: () => client.end(),
  };
}

async function pgliteConnection(dataDir) {
  const db = await PGlite.create(dataDir);
  await db.query('SET jit = off');
  return {
    query: (text) => db.query(text),
    wal: async () => 0, // ours is another database
    prepared: (text, values) => db.query(text, values),
    copy: (table, file) =>
      db.query(`COPY ${table} FROM '/dev/blob' WITH (FORMAT binary)`, [], { blob: new Blob([file]) }),
    close: () => db.close(),
  };
}

/** A store in a database of its own, and the way to a connection beside it for the references. */
export async function openStore(server, { key }) {
  const deps = { clock: systemClock, rng: systemRng, logger };
  if (key.startsWith('durable.embedded')) {
    const dir = await mkdtemp(path.join(tmpdir(), 'oap-bench-'));
    const store = await openEmbeddedStore({ dataDir: path.join(dir, 'ours'), slots: SLOTS }, deps);
    const close = () => rm(dir, { recursive: true, force: true });
    return { store, connect: () => pgliteConnection(path.join(dir, 'reference')), close };
  }
  const url = await newDatabase(server, key.replaceAll('.', '_').toLowerCase());
  const store = await openPostgresStore({ url, slots: SLOTS }, deps);
  return { store, connect: () => postgresConnection(url), close: async () => {} };
}

/** What the rounds of a durable scenario took, each of `units` increments. */
export class Rounds {
  #units;
  #rates = { ours: [], merged: [], byRow: [], byCopy: [], cpu: [] };
  #shares = { decode: [], hash: [], prepare: [], store: [] };

  constructor(units) {
    this.#units = units;
  }

  /** Seconds: `all` of a round, of them `decode`, `hash` and `idle` (nothing to do but wait for the store); `cpu`; the references. */
  add({ all, decode, hash, idle, cpu, byRow, byCopy }) {
    const [rates, shares] = [this.#rates, this.#shares];
    rates.ours.push(this.#units / all);
    rates.merged.push(this.#units / (all - decode));
    rates.byCopy.push(this.#units / byCopy);
    if (byRow > 0) rates.byRow.push(this.#units / byRow);
    rates.cpu.push(this.#units / cpu);
    shares.decode.push(decode / all);
    shares.hash.push(hash / all);
    shares.store.push(idle / all);
    shares.prepare.push((all - decode - hash - idle) / all);
  }

  figures() {
    const { ours, merged, byRow, byCopy, cpu } = this.#rates;
    return {
      byRow: byRow.length > 0 ? summary(ours, byRow) : undefined,
      byCopy: summary(ours, byCopy),
      withoutDecode: median(merged),
      perCpuSecond: median(cpu),
      stages: Object.fromEntries(Object.entries(this.#shares).map(([name, shares]) => [name, median(shares)])),
    };
  }
}

/**
 * One scenario in a database of its own. A round is two flushes of one minute, the first inserting rows and the second updating them, as
 * with a persistent period below a minute; then the references do the same. Rates are per second of wall time; stages are seconds per
 * second of a flush.
 */
export async function durableScenario(server, scenario, quick) {
  const clock = benchClock();
  const { store, connect, close } = await openStore(server, scenario);
  const seen = { flushes: [], transactions: 0 };
  const owner = await openTier(recording(store, seen), scenario, clock);
  const producers = await openProducers(scenario);
  const rounds = quick ? 1 : scenario.rounds;
  const warmUp = quick ? 1 : scenario.warmUp;
  const wal = { ours: [], byCopy: [] };
  const { batches = 1 } = scenario;
  const units = 2 * batches * producers.increments;
  const measured = new Rounds(units);
  let references;
  try {
    for (let round = -warmUp; round < rounds; round++) {
      clock.minute++;
      const spent = {
        all: 0,
        decode: 0,
        hash: 0,
        idle: 0,
        cpu: 0,
        byRow: 0,
        byCopy: 0,
        wal: 0,
        walByCopy: 0,
      };
      for (let flush = 0; flush < 2; flush++) {
        const sent = [];
        for (let i = 0; i < batches; i++) sent.push(...(await producers.next(clock.minute)));
        const before = (await references?.wal()) ?? 0;
        const took = await flushOnce(owner, sent);
        const between = (await references?.wal()) ?? 0;
        spent.wal += between - before;
        for (const [name, seconds] of Object.entries(took)) spent[name] += seconds;
        if (references === undefined) {
          const blocks = seen.flushes.flatMap(({ rows }) => rows);
          seen.flushes = undefined;
          references = await openReferences(await connect(), plainRows(blocks));
        }
        const beforeCopy = await references.wal();
        spent.byCopy += await references.byCopy(clock.minute);
        spent.walByCopy += (await references.wal()) - beforeCopy;
        if (scenario.tiers === NARROW.tiers) spent.byRow += await references.byRow(clock.minute);
      }
      if (round < 0) continue;
      measured.add(spent);
      wal.ours.push(spent.wal / units);
      wal.byCopy.push(spent.walByCopy / units);
    }
  } finally {
    await references?.close();
    await producers.close();
    await owner[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await close();
  }
  return {
    ...measured.figures(),
    rowsPerIncrement: references.rows / (batches * producers.increments),
    walBytes: { ours: median(wal.ours), byCopy: median(wal.byCopy) },
  };
}
