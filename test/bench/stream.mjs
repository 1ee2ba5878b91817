// SPDX-License-Identifier: Apache-2.0
// From tier to tier: the real forwarder in one process reads an outbox in PostgreSQL, the real receiver in another takes the batches,
// over gRPC on loopback. Beside it one gRPC message per increment, and a bare stream of 64 KiB frames. This file is the parent; it fills
// the outbox and asks both ends for their CPU time.
import { systemClock, systemRng } from '@oap-federation/runtime';
import { openPostgresStore } from '@oap-federation/storage';
import { nextMessage, startChild } from './child.mjs';
import { SERVICE_METRICS } from './data.mjs';
import { summary } from './measure.mjs';
import { newDatabase } from './server.mjs';
import { benchClock, flushOnce, logger, openProducers, openTier, SLOTS } from './tier.mjs';

/** What flushes of a tier with one tier below leave in its outbox, all metrics of all services in each. */
async function openOutbox(store, entities) {
  const clock = benchClock();
  const owner = await openTier(store, { tiers: 1 }, clock);
  const producers = await openProducers({ tiers: 1, entities, schemas: SERVICE_METRICS });
  let batches = 0;
  let bytes = 0;
  owner.watchOutbox(() => batches++);
  return {
    async append(flushes) {
      batches = 0;
      bytes = 0;
      clock.minute++;
      // the forwarder is in another process: without its word, entries would wait without a number
      for (const slot of owner.ownedSlots()) owner.acknowledged(slot, (await store.outboxHead(slot)).acknowledgedSeq);
      for (let i = 0; i < flushes; i++) {
        const sent = await producers.next(clock.minute);
        await flushOnce(owner, sent);
        for (const { contentBytes } of sent) bytes += contentBytes;
      }
      return { batches, increments: flushes * producers.increments, bytes };
    },
    async close() {
      await producers.close();
      await owner[Symbol.asyncDispose]();
    },
  };
}

/** Both processes, and the way to ask them for a piece of work: wall and CPU seconds of each end. */
async function openEnds(url) {
  const receiver = startChild('stream-receiver.mjs', {});
  const { port } = await receiver.answer;
  const forwarder = startChild('stream-forwarder.mjs', { url, port });
  await forwarder.answer;
  const ask = ({ child }, what) => {
    const answer = nextMessage(child);
    child.send(what);
    return answer;
  };
  return {
    async work(what) {
      await ask(receiver, { kind: 'start' });
      const sent = await ask(forwarder, what);
      const taken = await ask(receiver, { kind: 'stop' });
      return { wall: sent.wall, sender: sent.cpu, receiver: taken.cpu, received: taken.received };
    },
    close() {
      for (const { child } of [forwarder, receiver]) child.kill();
    },
  };
}

export async function streamFigures(server, quick) {
  const url = await newDatabase(server, 'stream');
  const deps = { clock: systemClock, rng: systemRng, logger };
  const store = await openPostgresStore({ url, slots: SLOTS }, deps);
  const ends = await openEnds(url);
  const rounds = quick ? 1 : 5;
  const flushes = quick ? 2 : 6;
  const single = quick ? 10_000 : 50_000;
  const bareBytes = (quick ? 32 : 256) * 1024 * 1024;
  const ours = { sender: [], receiver: [], bytes: [], wall: [] };
  const reference = { sender: [], receiver: [], bytes: [] };
  const bare = { sender: [], receiver: [] };
  const outbox = await openOutbox(store, 10_000);
  try {
    for (let round = -1; round < rounds; round++) {
      const { batches, increments, bytes } = await outbox.append(flushes);
      const one = await ends.work({ kind: 'forward', batches });
      if (one.received !== increments) throw new Error(`${one.received} of ${increments} increments arrived`);
      const other = await ends.work({ kind: 'single', messages: single });
      if (other.received !== single) throw new Error(`${other.received} of ${single} messages arrived`);
      const frames = await ends.work({ kind: 'bare', bytes: bareBytes, frameBytes: 65_536 });
      if (frames.received !== bareBytes) throw new Error(`${frames.received} of ${bareBytes} bytes arrived`);
      if (round < 0) continue;
      ours.sender.push(increments / one.sender);
      ours.receiver.push(increments / one.receiver);
      ours.bytes.push(bytes / one.wall);
      ours.wall.push(increments / one.wall);
      reference.sender.push(single / other.sender);
      reference.receiver.push(single / other.receiver);
      reference.bytes.push(bareBytes / frames.wall);
      bare.sender.push(bareBytes / frames.sender);
      bare.receiver.push(bareBytes / frames.receiver);
    }
  } finally {
    ends.close();
    await outbox.close();
    await store[Symbol.asyncDispose]();
  }
  const nanoseconds = (key, what, rates, others) => {
    const { perSecond, reference: theirs, ...ratios } = summary(rates, others);
    return { key, what, value: 1e9 / perSecond, reference: 1e9 / theirs, ...ratios };
  };
  const plain = (key, what, rates, others) => {
    const { perSecond, ...rest } = summary(rates, others);
    return { key, what, value: perSecond, ...rest };
  };
  const alone = (key, what, rates) => ({ key, what, value: summary(rates, rates).perSecond });
  return [
    nanoseconds(
      'forwarder.cpuPerIncrementNs',
      'outbox to stream, acks; one message each',
      ours.sender,
      reference.sender,
    ),
    nanoseconds(
      'receiver.cpuPerIncrementNs',
      'stream to decoded, acks; one message each',
      ours.receiver,
      reference.receiver,
    ),
    plain('stream.bytesPerSecond', 'outbox to decoded (wall); bare 64 KiB frames', ours.bytes, reference.bytes),
    alone('stream.incrementsPerSecond', 'the same', ours.wall),
    alone('limits.grpc.sender.bytesPerCpuSecond', 'bare stream of 64 KiB frames, its sender', bare.sender),
    alone('limits.grpc.receiver.bytesPerCpuSecond', 'its receiver', bare.receiver),
  ];
}
