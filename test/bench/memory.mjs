// SPDX-License-Identifier: Apache-2.0
// Memory per live key in the slot owner's state, beside what a Map with the obvious values takes. Runs in a process of its own with
// --expose-gc. A key is one metric of one entity in one minute; its entity, descriptor and look-ups are in the figure. heap + external.
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { MemoryTierStore } from '@oap-federation/testkit';
import { childMain } from './child.mjs';
import { COUNTERS, HISTOGRAM, services, template } from './data.mjs';
import { hdrOf } from './reference.mjs';
import { benchClock, flushOnce, openProducers, openTier } from './tier.mjs';

/** A store that keeps nothing of a flush: what stays in memory is the owner's. */
function forgetfulStore() {
  const store = new MemoryTierStore(randomUUID);
  store.flush = async () => ({ kind: 'committed' });
  return store;
}

async function used() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage(); // external has the array buffers in it
  return heapUsed + external;
}

/** Bytes per key of what `build` returns and keeps alive. */
async function bytesPerKey(keys, build) {
  const before = await used();
  const kept = await build();
  const after = await used();
  if (kept === undefined) throw new Error('nothing was kept');
  return (after - before) / keys;
}

/** An owner after one flush of an increment of each schema for each service from each of `tiers` tiers, in one minute. */
async function ownerWith(schemas, entities, tiers) {
  const clock = benchClock();
  const owner = await openTier(forgetfulStore(), { tiers }, clock);
  const producers = await openProducers({ tiers, entities, schemas });
  await flushOnce(owner, await producers.next(clock.minute));
  await producers.close();
  return owner;
}

childMain(async ({ quick }) => {
  const entities = quick ? 3_000 : 50_000;
  await ownerWith([HISTOGRAM, ...COUNTERS], 100, 2); // code, and what is made once
  const hdrKeys = entities / 5;
  const hdrMap = await bytesPerKey(
    hdrKeys,
    async () => new Map(services(hdrKeys).map(({ id }, i) => [id, hdrOf(template(i).values)])),
  );
  const found = [];
  const histogram = async (key, what, tiers) => {
    const value = await bytesPerKey(entities, () => ownerWith([HISTOGRAM], entities, tiers));
    found.push({ key, what, value, reference: hdrMap, ratio: hdrMap / value });
  };
  await histogram('memory.histogramKey.bytes', 'histogram of 200 samples; Map of hdr-histogram-js', 1);
  await histogram('memory.histogramKey.merged20.bytes', '20 of them merged', 20);
  const counter = await bytesPerKey(entities * COUNTERS.length, () => ownerWith(COUNTERS, entities, 1));
  const bigints = await bytesPerKey(entities * COUNTERS.length, async () => {
    const rows = services(entities).map(({ id }, i) => {
      const { ints } = template(i);
      const row = COUNTERS.map(({ functionName }) => ints[functionName].map(BigInt));
      return [id, row];
    });
    return new Map(rows);
  });
  found.push({
    key: 'memory.counterKey.bytes',
    what: 'one of 4 counters of a service; a Map of arrays of bigint',
    value: counter,
    reference: bigints,
    ratio: bigints / counter,
  });
  return found;
});
