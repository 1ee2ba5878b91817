// SPDX-License-Identifier: Apache-2.0
// Durable merging of a receiver whose senders have more than it can take: each sends as long as it has credit, as after an absence, and
// nothing here says when to flush. From the bytes of the batches through the real slot owner into a real store, to `committed`.
import { performance } from 'node:perf_hooks';
import { receiverConfig } from '@oap-federation/federation';
import { openReferences, openStore, plainRows, recording } from './durable.mjs';
import { cpuSeconds, median, summary } from './measure.mjs';
import { benchClock, openProducers, openTier, reading, received } from './tier.mjs';

const { creditBytes } = receiverConfig({ tier: '', slots: 1, instanceId: '', address: '' });
/** What a batch costs of its sender's credit, docs/protocol.md section 6; the frame has some bytes more than this. */
const costOf = ({ headerBytes, body }) => Math.max(4_096, headerBytes.length + body.length);
/** Batches that one sender's frames bring in a turn of the event loop. */
const PER_TURN = 8;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Sends all of `batches`, by tier, with credit; wall and CPU seconds until the last is committed, and those of decoding and hashing. */
async function saturate(owner, byTier) {
  const spent = { all: 0, decode: 0, hash: 0, cpu: 0 };
  const tiers = byTier.map((batches) => ({ batches, next: 0, inFlight: 0 }));
  let waiting = byTier.flat().length;
  let failure;
  const send = (tier, batch) => {
    const from = performance.now();
    const incoming = received(batch);
    const decoded = performance.now();
    const outcome = owner.offer(incoming);
    spent.hash += (performance.now() - decoded) / 1_000;
    spent.decode += (decoded - from) / 1_000;
    const cost = costOf(batch);
    tier.inFlight += cost;
    if (tier.inFlight >= creditBytes / 2) owner.commitSoon(); // as the receiver of its stream does
    void outcome.then((answer) => {
      tier.inFlight -= cost;
      waiting--;
      if (answer.kind !== 'committed') failure ??= `not committed: ${JSON.stringify(answer)}`;
    });
  };
  const read = reading.seconds;
  const cpu = cpuSeconds();
  const from = performance.now();
  while (waiting > 0 && !failure) {
    let left = 0;
    for (const tier of tiers) {
      for (let n = 0; n < PER_TURN && tier.next < tier.batches.length; n++) {
        const batch = tier.batches[tier.next];
        if (tier.inFlight > 0 && tier.inFlight + costOf(batch) > creditBytes) break;
        tier.next++;
        send(tier, batch);
      }
      left += tier.batches.length - tier.next;
    }
    if (left === 0) await owner.runRound();
    await turn();
  }
  if (failure) throw new Error(failure);
  spent.all = (performance.now() - from) / 1_000;
  spent.cpu = cpuSeconds() - cpu;
  spent.decode += reading.seconds - read;
  return spent;
}

/** `batches` of each log a round, all of one minute; the references write the rows of each flush of a round. */
export async function saturatedScenario(server, scenario, quick) {
  const clock = benchClock();
  const { store, connect, close } = await openStore(server, scenario);
  const seen = { flushes: [], seconds: 0 };
  let flushes = 0;
  const counted = new Proxy(recording(store, seen), {
    get(target, name) {
      const value = target[name];
      if (name !== 'flush') return value;
      return (some) => {
        flushes++;
        return value(some);
      };
    },
  });
  const owner = await openTier(counted, scenario, clock);
  const producers = openProducers(scenario);
  const batches = quick ? 8 : scenario.batches;
  const rounds = quick ? 1 : scenario.rounds;
  const units = batches * producers.increments;
  const rates = { ours: [], merged: [], byRow: [], byCopy: [], cpu: [], flushes: [] };
  const stages = { decode: [], hash: [], prepare: [], store: [] };
  let references;
  let rows = 0;
  try {
    for (let round = -1; round < rounds; round++) {
      clock.minute++;
      const byTier = Array.from({ length: scenario.tiers }, () => []);
      for (let i = 0; i < batches; i++)
        for (const batch of producers.next(clock.minute))
          byTier[Number(batch.producer.slice('tier-'.length))].push(batch);
      seen.seconds = 0;
      flushes = 0;
      const spent = await saturate(owner, byTier);
      if (references === undefined) {
        // the rows of the minute, which every flush of it writes
        const written = seen.flushes.flatMap(({ rows: blocks }) => blocks);
        seen.flushes = undefined;
        const first = new Map(written.toReversed().map((block) => [`${block.slot} ${block.scope}`, block]));
        const plain = plainRows([...first.values()]);
        rows = plain.rows.length;
        references = await openReferences(await connect(), plain);
      }
      if (round < 0) continue;
      const byCopy = await references.byCopy(clock.minute);
      const byRow = await references.byRow(clock.minute);
      rates.ours.push(units / spent.all);
      rates.merged.push(units / (spent.all - spent.decode));
      rates.byCopy.push(units / (flushes * byCopy));
      rates.byRow.push(units / (flushes * byRow));
      rates.cpu.push(units / spent.cpu);
      rates.flushes.push(flushes);
      stages.decode.push(spent.decode / spent.all);
      stages.hash.push(spent.hash / spent.all);
      stages.store.push(seen.seconds / spent.all);
      stages.prepare.push(Math.max(0, spent.all - spent.decode - spent.hash - seen.seconds) / spent.all);
    }
  } finally {
    await references?.close();
    await owner[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await close();
  }
  return {
    byRow: summary(rates.ours, rates.byRow),
    byCopy: summary(rates.ours, rates.byCopy),
    flushes: median(rates.flushes),
    rows,
    withoutDecode: median(rates.merged),
    perCpuSecond: median(rates.cpu),
    walBytes: { ours: 0, byCopy: 0 },
    stages: Object.fromEntries(Object.entries(stages).map(([name, shares]) => [name, median(shares)])),
  };
}
