// SPDX-License-Identifier: Apache-2.0
// One tier as the benchmarks drive it: the real slot owner over a given store, and the batches that tiers below send to it, as bytes.
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { SlotOwner } from '@oap-federation/analysis';
import { decodeBody, decodeHeader } from '@oap-federation/model';
import { EntityPool, incomingBatch, ReceiverDictionary } from '@oap-federation/federation';
import { federationRoutes } from '@oap-federation/oal';
import { growHeapFreely, MetricRegistry, openLogger, systemClock } from '@oap-federation/runtime';
import { federationProgram } from './data.mjs';
import { cpuSeconds } from './measure.mjs';

export const SLOTS = 16;

/** Says nothing while all goes well. */
export const logger = openLogger({ level: 'warn', destination: 'stderr' });

/** The system's clock, but the minute is set: nothing expires and no hour is derived while a benchmark runs. */
export function benchClock() {
  const clock = {
    minute: Math.floor(systemClock.now() / 60_000),
    now: () => clock.minute * 60_000,
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    after: (ms, task) => systemClock.after(ms, task),
  };
  return clock;
}

/** A tier that receives from `tiers` others and forwards: its owner of all slots. Minutes untouched for `keepMs` leave its memory. */
export async function openTier(store, { tiers, origins = false, keepMs = 10_000 }, clock) {
  growHeapFreely(); // as the command of a node does
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
      storageSessionTimeoutMs: keepMs,
      ttlDays: 7,
      maxFutureMinutes: 5,
      forwards: true,
      originScopes: new Set(origins ? ['Service'] : []),
      queueBytesMax: 512 * 1024 * 1024,
      metricsOf: (scope) => schemas.filter((schema) => schema.scope === scope),
      resolve: (wire) => {
        const route = routes.get(wire.name);
        return route && route.accepts(wire) === undefined ? route.schema : undefined;
      },
      hasLocalSources: false,
      rollupPeriodMs: Number.MAX_SAFE_INTEGER,
      derivesHours: false, // hours and days are derived once a minute, apart from the flush
    },
    { store, clock, logger, telemetry: new MetricRegistry(), liveInstances: () => [] },
  );
  // no forwarder here compares the outbox with an upstream: what is claimed is taken for continuous
  owner.watchOwnership(() => void verifyAll(owner));
  await claimAll(owner);
  await verifyAll(owner);
  return owner;
}

async function verifyAll(owner) {
  const verify = (slot) => owner.verify(slot, owner.claim(slot), 1);
  await Promise.all(owner.ownedSlots().map(verify));
}

export async function claimAll(owner) {
  owner.setDesiredSlots(Array.from({ length: SLOTS }, (_, slot) => slot));
  await owner.runRound();
  if (owner.ownedSlots().length !== SLOTS) throw new Error('the slots could not be claimed');
}

/** Entities that a stream may know: more than any scenario has. */
const ENTRIES_MAX = 2 ** 22;

/**
 * The tiers below, in a thread of their own: per tier and slot one log with one batch, whose values repeat in every minute. `next` gives
 * the next batch of every log, as the stream brings it: bytes.
 */
export async function openProducers({ tiers, entities, schemas, name = 'log' }) {
  const metrics = schemas.map((schema) => schema.name);
  const workerData = { tiers, entities, metrics, name, slots: SLOTS, entriesMax: ENTRIES_MAX };
  const worker = new Worker(new URL('producers.mjs', import.meta.url), { workerData });
  const answer = async () => (await once(worker, 'message'))[0]; // rejects when the worker fails
  const pool = new EntityPool(ENTRIES_MAX);
  const dictionaries = Array.from({ length: tiers }, () => new ReceiverDictionary(ENTRIES_MAX, pool));
  const dictionaryOf = new Map();
  for (const { logId, tier, first } of await answer()) {
    dictionaries[tier].apply(first);
    dictionaryOf.set(logId, dictionaries[tier]);
  }
  worker.unref();
  return {
    increments: tiers * entities * schemas.length,
    async next(minute) {
      worker.ref();
      const batches = answer();
      worker.postMessage(minute);
      for (const batch of await batches) batch.dictionary = dictionaryOf.get(batch.logId);
      worker.unref();
      return batches;
    },
    close: () => worker.terminate(),
  };
}

/** What the receiver does with a batch of a stream whose entities it knows: its content is read in the flush. */
export function received({ logId, producer, slot, seq, chain, dictionary, entities, headerBytes, body }) {
  const known = dictionary.apply({ dictionaryReset: false, newDescriptors: [], entities });
  const header = decodeHeader(headerBytes);
  const contentPieces = { head: known.head, body };
  const fields = { logId, slot, gen: 0, seq, producer, kind: 'federated', header, headerBytes, contentPieces, chain };
  return incomingBatch(fields, (memory) => {
    const from = performance.now();
    const batch = decodeBody(body, known.entities, memory);
    reading.seconds += (performance.now() - from) / 1_000;
    return batch;
  });
}

/** Seconds spent with reading contents so far. */
export const reading = { seconds: 0 };

const ATTEMPTS = 5;

/** As a sender does: what was given back, since the store was away or too slow, is offered again. Errors: refused, or given back too often. */
async function resend(owner, batches, outcomes) {
  let waiting = batches.filter((_, i) => outcomes[i].kind !== 'committed');
  for (let attempt = 2; waiting.length > 0; attempt++) {
    const [refusal] = outcomes.filter(({ kind }) => !['committed', 'duplicate', 'busy', 'notOwner'].includes(kind));
    if (refusal || attempt > ATTEMPTS) throw new Error(`not committed: ${JSON.stringify(refusal ?? outcomes)}`);
    console.error(`${waiting.length} batches were given back, attempt ${attempt}`);
    await owner.runRound();
    const answers = waiting.map((batch) => owner.offer(batch));
    await owner.runRound();
    outcomes = await Promise.all(answers);
    waiting = waiting.filter((_, i) => !['committed', 'duplicate'].includes(outcomes[i].kind));
  }
}

/**
 * Receives, offers and flushes one batch per log. Wall seconds of each stage until all are committed (`idle`: of the flush, waiting for the
 * store), and CPU seconds of this process.
 */
export async function flushOnce(owner, sent) {
  const cpu = cpuSeconds();
  const read = reading.seconds;
  const from = performance.now();
  const batches = sent.map(received);
  const decoded = performance.now();
  const outcomes = batches.map((batch) => owner.offer(batch));
  const offered = performance.now();
  const loop = performance.eventLoopUtilization();
  await owner.runRound();
  await resend(owner, batches, await Promise.all(outcomes));
  const to = performance.now();
  const { idle } = performance.eventLoopUtilization(loop);
  const seconds = (ms) => ms / 1_000;
  const inFlush = reading.seconds - read;
  return {
    all: seconds(to - from),
    decode: seconds(decoded - from) + inFlush,
    hash: seconds(offered - decoded),
    idle: seconds(Math.min(idle, to - offered)),
    cpu: cpuSeconds() - cpu,
  };
}
