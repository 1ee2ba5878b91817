// SPDX-License-Identifier: Apache-2.0
// Durable merging of a receiver whose senders have more than it can take: each sends as long as it has credit, as after an absence, and
// nothing here says when to flush. From the bytes of the batches through the real slot owner into a real store, to `committed`.
import { performance } from 'node:perf_hooks';
import { receiverConfig } from '@oap-federation/federation';
import { openReferences, openStore, plainRows, recording, Rounds } from './durable.mjs';
import { cpuSeconds, median } from './measure.mjs';
import { benchClock, openProducers, openTier, reading, received } from './tier.mjs';

const { creditBytes } = receiverConfig({ tier: '', slots: 1, instanceId: '', address: '' });
/** What a batch costs of its sender's credit, docs/protocol.md section 6; the frame has some bytes more than this. */
const costOf = ({ headerBytes, body }) => Math.max(4_096, headerBytes.length + body.length);
/** Batches that one sender's frames bring in a turn of the event loop. */
const PER_TURN = 8;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Sends all of `byTier`, with credit, until the last is committed. Out: seconds as Rounds takes them. */
async function saturate(owner, byTier) {
  const spent = { all: 0, decode: 0, hash: 0, idle: 0, cpu: 0 };
  const tiers = byTier.map((batches) => ({ batches, next: 0, inFlight: 0 }));
  let waiting = byTier.flat().length;
  let failure;
  let heard = () => {};
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
      heard();
    });
  };
  const read = reading.seconds;
  const cpu = cpuSeconds();
  const from = performance.now();
  const loop = performance.eventLoopUtilization();
  while (waiting > 0 && !failure) {
    const answered = new Promise((resolve) => (heard = resolve));
    let left = 0;
    let sent = 0;
    for (const tier of tiers) {
      for (let n = 0; n < PER_TURN && tier.next < tier.batches.length; n++) {
        const batch = tier.batches[tier.next];
        if (tier.inFlight > 0 && tier.inFlight + costOf(batch) > creditBytes) break;
        tier.next++;
        sent++;
        send(tier, batch);
      }
      left += tier.batches.length - tier.next;
    }
    if (left === 0) await owner.runRound();
    await (sent > 0 ? turn() : answered); // without credit a sender hears of more
  }
  if (failure) throw new Error(failure);
  spent.all = (performance.now() - from) / 1_000;
  spent.idle = performance.eventLoopUtilization(loop).idle / 1_000;
  spent.cpu = cpuSeconds() - cpu;
  spent.decode += reading.seconds - read;
  return spent;
}

/** `batches` of each log a round, all of one minute; the references write the rows of each flush of a round. */
export async function saturatedScenario(server, scenario, quick) {
  const clock = benchClock();
  const { store, connect, close } = await openStore(server, scenario);
  const seen = { flushes: [], transactions: 0 };
  const owner = await openTier(recording(store, seen), scenario, clock);
  const producers = await openProducers(scenario);
  const batches = quick ? 8 : scenario.batches;
  const count = quick ? 1 : scenario.rounds;
  const units = batches * producers.increments;
  const rounds = new Rounds(units);
  const flushes = [];
  let references;
  try {
    for (let round = -1; round < count; round++) {
      clock.minute++;
      const byTier = Array.from({ length: scenario.tiers }, () => []);
      for (let i = 0; i < batches; i++)
        for (const batch of await producers.next(clock.minute))
          byTier[Number(batch.producer.slice('tier-'.length))].push(batch);
      seen.transactions = 0;
      const spent = await saturate(owner, byTier);
      if (references === undefined) {
        // the rows of the minute, which every flush of it writes
        const written = seen.flushes.flatMap(({ rows: blocks }) => blocks);
        seen.flushes = undefined;
        const first = new Map(written.toReversed().map((block) => [`${block.slot} ${block.scope}`, block]));
        references = await openReferences(await connect(), plainRows([...first.values()]));
      }
      if (round < 0) continue;
      flushes.push(seen.transactions);
      rounds.add({
        ...spent,
        byCopy: seen.transactions * (await references.byCopy(clock.minute)),
        byRow: seen.transactions * (await references.byRow(clock.minute)),
      });
    }
  } finally {
    await references?.close();
    await producers.close();
    await owner[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await close();
  }
  return { ...rounds.figures(), flushes: median(flushes) };
}
