// SPDX-License-Identifier: Apache-2.0
// Cost per increment by number of entities and of downstream tiers, and the restart of an owner with a million entities in its store.
// Counters (4 of each service), on PostgreSQL, from the bytes of the batches to `committed`. Runs in a process of its own, for its heap.
import { performance } from 'node:perf_hooks';
import { systemClock, systemRng } from '@oap-federation/runtime';
import { openPostgresStore } from '@oap-federation/storage';
import { childMain } from './child.mjs';
import { COUNTERS } from './data.mjs';
import { median } from './measure.mjs';
import { newDatabase } from './server.mjs';
import { benchClock, flushOnce, logger, openProducers, openTier, SLOTS } from './tier.mjs';

const deps = { clock: systemClock, rng: systemRng, logger };
/** Entities that one transaction may write: as many as a flush of a large tier has. */
const ROWS_PER_FLUSH = 100_000;
const LARGEST = 1_000_000; // its warm-up is only what makes the entities known: all else would take minutes

/** One batch per log, in as many flushes as the rows need; wall and CPU seconds. */
async function flushAll(owner, sent, entities) {
  const slotsAtOnce = Math.max(1, Math.floor((SLOTS * ROWS_PER_FLUSH) / Math.max(entities, ROWS_PER_FLUSH)));
  const spent = { all: 0, cpu: 0 };
  for (let first = 0; first < SLOTS; first += slotsAtOnce) {
    const some = sent.filter(({ slot }) => slot >= first && slot < first + slotsAtOnce);
    if (some.length === 0) continue;
    const { all, cpu } = await flushOnce(owner, some);
    spent.all += all;
    spent.cpu += cpu;
  }
  return spent;
}

/** ns of wall time and of our CPU per increment: per round a flush that inserts the rows of a minute, and one that updates them. */
async function costPerIncrement(owner, clock, producers, entities, { rounds, warmUp }) {
  const wall = [];
  const cpu = [];
  for (let round = -warmUp; round < rounds; round++) {
    clock.minute++;
    const spent = { all: 0, cpu: 0 };
    for (let flush = 0; flush < (round < 0 && entities === LARGEST ? 1 : 2); flush++) {
      const took = await flushAll(owner, await producers.next(clock.minute), entities);
      spent.all += took.all;
      spent.cpu += took.cpu;
    }
    if (round < 0) continue;
    wall.push((spent.all * 1e9) / (2 * producers.increments));
    cpu.push((spent.cpu * 1e9) / (2 * producers.increments));
  }
  return { wall: median(wall), cpu: median(cpu) };
}

async function scenario(server, name, { tiers, entities, rounds, warmUp }, then) {
  const url = await newDatabase(server, name);
  const store = await openPostgresStore({ url, slots: SLOTS }, deps);
  const clock = benchClock();
  const owner = await openTier(store, { tiers, keepMs: 3_600_000 }, clock);
  const producers = await openProducers({ tiers, entities, schemas: COUNTERS });
  const cost = await costPerIncrement(owner, clock, producers, entities, { rounds, warmUp });
  await producers.close();
  await owner[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  return { cost, after: await then?.(url, clock) };
}

/** ms until a new owner over that store has its slots, and until its first flush into the live minute is committed. */
async function restart(url, clock) {
  const producers = await openProducers({ tiers: 1, entities: 1_000, schemas: COUNTERS, name: 'late' });
  const sent = await producers.next(clock.minute);
  await producers.close();
  globalThis.gc?.();
  const from = performance.now();
  const store = await openPostgresStore({ url, slots: SLOTS }, deps);
  const owner = await openTier(store, { tiers: 1 }, clock);
  const claimed = performance.now();
  await flushOnce(owner, sent);
  const committed = performance.now();
  await owner[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  return { claim: claimed - from, all: committed - from };
}

childMain(async ({ url, quick, only }) => {
  const server = { url };
  const found = [];
  const wants = (key) => only === undefined || key.includes(only) || only.includes(key);
  const add = (key, what, { wall, cpu }) => {
    found.push({ key: `${key}.nsPerIncrement`, what, value: wall });
    found.push({ key: `${key}.cpuNsPerIncrement`, what: '  CPU of our process', value: cpu });
  };
  for (const tiers of quick ? [2] : [2, 20, 100]) {
    if (!wants('scaling.tiers')) break;
    const sized = { tiers, entities: 1_000, rounds: quick ? 1 : 5, warmUp: quick ? 1 : 3 };
    const { cost } = await scenario(server, `tiers_${tiers}`, sized);
    add(`scaling.tiers.${tiers}`, `${tiers} tiers x 1,000 services, 4 counters`, cost);
  }
  const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, LARGEST];
  for (const entities of sizes) {
    const largest = entities === sizes.at(-1);
    if (!wants('scaling.entities') && !(largest && wants('recovery.millionKeys'))) continue;
    const few = entities < 100_000;
    const sized = {
      tiers: 2,
      entities,
      rounds: quick || entities === LARGEST ? 1 : few ? 5 : 2,
      warmUp: few ? 2 : 1,
    };
    const { cost, after } = await scenario(server, `entities_${entities}`, sized, largest ? restart : undefined);
    add(`scaling.entities.${entities}`, `2 tiers x ${entities.toLocaleString('en')} services, 4 counters`, cost);
    if (after === undefined) continue;
    const keys = entities.toLocaleString('en');
    const key = quick ? 'recovery.quick' : 'recovery.millionKeys';
    found.push({
      key: `${key}.ms`,
      what: `restart with ${keys} live rows: open, claim, first flush`,
      value: after.all,
    });
    found.push({ key: `${key}.claimMs`, what: '  until all slots are claimed', value: after.claim });
  }
  return found;
});
