// SPDX-License-Identifier: Apache-2.0
// The nodes of the query benchmark, each in a process of its own: a tier's store with an hour of data, its HTTP API, and on demand ingest
// beside it; or another node of that tier, which takes the ingest. In: a database, sizes. Out: its address; then what it is told to do, one
// message at a time.
import process from 'node:process';
import { joinDistributions, slotOf } from '@oap-federation/model';
import { defaultQueryServerConfig, openQueryServer } from '@oap-federation/query';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { flushOf, openPostgresStore } from '@oap-federation/storage';
import { federationProgram, SERVICE_METRICS } from './data.mjs';
import { cpuSeconds } from './measure.mjs';
import { dataOf } from './query-data.mjs';
import { benchClock, flushOnce, openProducers, openTier, SLOTS } from './tier.mjs';

/** Ingest beside the queries: so many tiers send every metric of every service, once a period. */
const INGEST_TIERS = 20;
const INGEST_PERIOD_MS = 1_000;

/** Writes the data as the slots' owners would have: all slots of a minute in one flush. No hour is derived: the range is of minutes. */
async function fill(store, data) {
  const claims = [];
  for (let slot = 0; slot < SLOTS; slot++) claims.push(await store.claimSlot(slot, 'fill'));
  const codes = new Map(data.entities.map(({ entity }, i) => [entity.id, i + 1]));
  const bySlot = Array.from({ length: SLOTS }, () => []);
  data.entities.forEach((one) => bySlot[slotOf(one.entity.id, SLOTS)].push(one));
  let flushes = 0;
  const flush = async (partOf) => {
    const outcome = await store.flush(
      claims.map(({ slot, fence }) => flushOf(slot, { ...fence, flushes }, partOf(slot))),
    );
    if (outcome.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`);
    flushes++;
  };
  await flush((slot) => ({
    entities: bySlot[slot].map(({ entity }) => ({ code: codes.get(entity.id), entity })),
    origins: data.origins.map((name, i) => ({ code: i + 1, name })),
  }));
  for (let at = 0; at < data.minutes; at++) {
    const minute = data.firstMinute + at;
    await flush((slot) => ({
      rows: data.schemas.flatMap(({ scope, schemas }) => {
        const rows = bySlot[slot].filter(
          ({ entity, minutes }) => entity.scope === scope && at >= data.minutes - minutes,
        );
        return rows.length === 0 ? [] : [blockOf(slot, scope, schemas, minute, at, rows, codes, data)];
      }),
      dirtyHours: [Math.floor(minute / 60)],
    }));
  }
}

/** Rows of one minute: merged, then one per origin for services, each origin with its share. */
function blockOf(slot, scope, schemas, minute, at, rows, codes, { origins, valueOf }) {
  const keys = rows.flatMap((one) => [
    { one, origin: 0 },
    ...(scope === 'Service' ? origins.map((_, o) => ({ one, origin: o + 1 })) : []),
  ]);
  return {
    scope,
    granularity: 'minute',
    slot,
    fresh: true,
    minutes: new Int32Array(keys.length).fill(minute),
    origins: Int32Array.from(keys, ({ origin }) => origin),
    entities: Int32Array.from(keys, ({ one }) => codes.get(one.entity.id)),
    metrics: schemas.map((schema) => ({
      schema,
      present: new Uint8Array(keys.length).fill(1),
      ints: schema.intFields.map((_, f) =>
        BigInt64Array.from(keys, ({ one, origin }) => BigInt(valueOf(one, at, origin).ints[schema.functionName][f])),
      ),
      distributions: schema.distributionFields.map(() =>
        joinDistributions(keys.map(({ one, origin }) => valueOf(one, at, origin).encoded)),
      ),
    })),
  };
}

/** Flushes on demand, or once a period until it is told to stop. */
async function openIngest(store, clock, entities) {
  const owner = await openTier(store, { tiers: INGEST_TIERS, origins: true, keepMs: 600_000 }, clock);
  // logs of its own: another node's would be at another number
  const producers = await openProducers({
    tiers: INGEST_TIERS,
    entities,
    schemas: SERVICE_METRICS,
    name: `log of ${process.pid}`,
  });
  let running;
  let increments = 0;
  const once = async () => {
    await flushOnce(owner, await producers.next(clock.minute));
    increments += producers.increments;
  };
  return {
    once,
    start() {
      let stopped = false;
      increments = 0;
      const since = performance.now();
      const loop = async () => {
        while (!stopped) {
          const from = performance.now();
          await once();
          await new Promise((resolve) =>
            setTimeout(resolve, Math.max(0, INGEST_PERIOD_MS - (performance.now() - from))),
          );
        }
      };
      const ended = loop();
      running = async () => {
        stopped = true;
        await ended;
        return (increments * 1_000) / (performance.now() - since);
      };
    },
    stop: () => running(),
  };
}

function openServer(store, clock) {
  return openQueryServer(
    { ...defaultQueryServerConfig(), port: 0 },
    {
      reader: store.reader,
      metadata: store.metadata,
      templates: store.templates,
      alarms: store.alarms,
      clock,
      logger: silentLogger,
      timezoneOffsetMinutes: () => 0,
      version: '0',
      status: () => ({}),
    },
  );
}

async function main({ url, sizes, cacheBytes, answers }) {
  const data = dataOf(sizes);
  const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
  const store = await openPostgresStore({ url, slots: SLOTS, queryCacheBytes: cacheBytes, maxConnections: 8 }, deps);
  await store.prepareMetrics([...federationProgram().schemas.values()]);
  const clock = benchClock();
  clock.minute = data.firstMinute + data.minutes - 1;
  if (answers) await fill(store, data);
  const server = answers ? await openServer(store, clock) : undefined;
  let ingest;
  const commands = {
    cpu: () => cpuSeconds(),
    flush: async () => {
      ingest ??= await openIngest(store, clock, sizes.services);
      await ingest.once();
    },
    startIngest: async () => {
      ingest ??= await openIngest(store, clock, sizes.services);
      ingest.start();
    },
    stopIngest: () => ingest.stop(),
  };
  process.on('message', ({ command }) => {
    if (command === 'stop') process.exit(0);
    Promise.resolve(commands[command]()).then(
      (result) => process.send({ result }),
      (error) => {
        console.error(error);
        process.send({ failed: error.message });
      },
    );
  });
  return { url: server?.url };
}

process.once('message', (options) => {
  main(options).then(
    (ready) => process.send(ready),
    (error) => {
      console.error(error);
      process.send({ failed: error.message }, () => process.exit(1));
    },
  );
});
