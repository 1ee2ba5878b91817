// SPDX-License-Identifier: Apache-2.0
// The tiers below, as a thread of its own: what they remember is not in the memory of the tier that is measured, as it would not be if
// they were somewhere else. Per tier and slot one log with one batch, whose values repeat in every minute. In: scenario, then minutes.
// Out: what each log's stream begins with, then the batches of a minute as bytes.
import { parentPort, workerData } from 'node:worker_threads';
import { chainAfter } from '@oap-federation/analysis';
import { EMPTY_HEADER, encodeContent, encodeHeader, incrementCount, joinContent, slotOf } from '@oap-federation/model';
import { SenderDictionary } from '@oap-federation/federation';
import { batchOf, SERVICE_METRICS, services } from './data.mjs';

const { tiers, entities, metrics, name, slots, entriesMax } = workerData;
const schemas = metrics.map((metric) => SERVICE_METRICS.find((schema) => schema.name === metric));

const bySlot = Array.from({ length: slots }, () => []);
for (const entity of services(entities)) bySlot[slotOf(entity.id, slots)].push(entity);
const logs = [];
const begins = [];
for (let tier = 0; tier < tiers; tier++) {
  const sender = new SenderDictionary(entriesMax);
  for (const [slot, inSlot] of bySlot.entries()) {
    if (inSlot.length === 0) continue;
    const batch = batchOf(schemas, inSlot, 0, tier);
    const { descriptors } = encodeContent(batch);
    const first = sender.encode(descriptors);
    const log = { logId: `${name}-${tier}-${slot}`, producer: `tier-${tier}`, slot };
    begins.push({ ...log, tier, first: { ...first, newDescriptors: first.newDescriptors.map((one) => one.slice()) } });
    logs.push({ ...log, batch, descriptors, ids: first.entities, seq: 0, ledger: 0, chain: new Uint8Array(0) });
  }
}
parentPort.postMessage(begins);

/** The next batch of a log: each array of bytes in memory of its own, which goes to the other thread. */
function next(log, minute) {
  const batch = { ...log.batch, blocks: log.batch.blocks.map((block) => ({ ...block, minute })) };
  const increments = incrementCount(batch);
  const headerBytes = encodeHeader({ ...EMPTY_HEADER, watermark: minute, increments, ledger: log.ledger });
  log.ledger += increments;
  const body = encodeContent(batch).body.slice();
  log.seq++;
  const content = joinContent({ descriptors: log.descriptors, body });
  log.chain = chainAfter(log.chain, headerBytes, content);
  const { logId, producer, slot, seq, chain, ids } = log;
  const fields = { logId, producer, slot, seq, chain: chain.slice(), entities: ids };
  return { ...fields, headerBytes: headerBytes.slice(), body, contentBytes: content.length };
}

parentPort.on('message', (minute) => {
  const batches = logs.map((log) => next(log, minute));
  parentPort.postMessage(
    batches,
    batches.map(({ body }) => body.buffer),
  );
});
