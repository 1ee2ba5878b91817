// SPDX-License-Identifier: Apache-2.0
// The benchmarks that need no server: entrance (events into L1), merge (increments into a flush's delta), encode, decode, and bytes.
// Each pairs what the program does with a reference that does the same for the user with the obvious library.
import { L1Aggregator } from '@oap-federation/analysis';
import {
  bucketIndex,
  bucketLow,
  decodeContent,
  decodeEntity,
  encodeContent,
  encodeEntity,
  entityOf,
  incrementCount,
  joinContent,
  SparseDistribution,
} from '@oap-federation/model';
import { compileDispatch, SourceRecord } from '@oap-federation/oal';
import { MetricRegistry, silentLogger, seededRng, systemClock } from '@oap-federation/runtime';
import { SlotDelta } from '../../packages/analysis/dist/delta.js'; // internal: what the slot owner calls per block
import {
  batchOf,
  COUNTERS,
  coreProgram,
  HISTOGRAM,
  latencies,
  programOf,
  SAMPLES,
  SERVICE_METRICS,
  services,
  template,
} from './data.mjs';
import { hdrOf, Increments, messagesOf, newHdr } from './reference.mjs';

const MINUTE = 29_000_000;

// ---- entrance ----

/** An L1 whose batches are committed at once by an owner that does nothing. */
function newL1(program) {
  const owner = { offer: ({ seq }) => Promise.resolve({ kind: 'committed', appliedSeq: seq }) };
  return new L1Aggregator(
    { instanceId: 'bench', slots: 16, allowedLatenessMs: 60_000, rowsMax: 500_000, pendingBatchesMax: 512 },
    {
      clock: systemClock,
      rng: seededRng(1),
      logger: silentLogger,
      telemetry: new MetricRegistry(),
      dispatch: compileDispatch(program, { apdexThresholdMs: () => 500 }),
      route: () => owner,
    },
  );
}

/** Events per entity in one L1 window. */
const PER_WINDOW = 50;

/** `records` (one per entity) get a latency and go into L1, PER_WINDOW times; then the window closes. */
function l1Window(program, records, values) {
  const l1 = newL1(program);
  return async () => {
    for (let k = 0, v = 0; k < PER_WINDOW; k++) {
      for (const record of records) {
        const latency = values[v++ % values.length];
        record.latency = latency;
        record.rpcLatency = latency;
        record.status = latency < 1_000;
        l1.receive(record);
      }
    }
    l1.flushWindow();
    await Promise.resolve(); // L1 hears that its batches are committed
  };
}

function serviceRecords(entities) {
  return entities.map((entity) =>
    Object.assign(new SourceRecord(), {
      minute: MINUTE,
      entity,
      name: entity.source.service,
      serviceName: entity.source.service,
    }),
  );
}

function entranceCounter() {
  const entities = services(1_000);
  const values = latencies(8_192, 1);
  const units = entities.length * PER_WINDOW;
  return {
    ours: {
      units,
      run: l1Window(
        programOf('service_resp_time = from(Service.latency).longAvg();'),
        serviceRecords(entities),
        values,
      ),
    },
    reference: {
      units,
      run() {
        const rows = new Map();
        for (let k = 0, v = 0; k < PER_WINDOW; k++) {
          for (const { id } of entities) {
            let row = rows.get(id);
            if (row === undefined) rows.set(id, (row = { summation: 0n, count: 0n }));
            row.summation += BigInt(values[v++ % values.length]);
            row.count += 1n;
          }
        }
      },
    },
  };
}

function entranceHistogram() {
  const entities = services(1_000);
  const values = latencies(8_192, 1);
  const units = entities.length * PER_WINDOW;
  const rows = new Map(entities.map(({ id }) => [id, newHdr()]));
  return {
    ours: {
      units,
      run: l1Window(
        programOf('service_percentile = from(Service.latency).hdrPercentile(2);'),
        serviceRecords(entities),
        values,
      ),
    },
    reference: {
      units,
      run() {
        for (const row of rows.values()) row.reset();
        for (let k = 0, v = 0; k < PER_WINDOW; k++) {
          for (const { id } of entities) rows.get(id).recordValue(values[v++ % values.length]);
        }
      },
    },
  };
}

/** What one entry span of a called service gives: events of six scopes, 24 metrics of core.oal. */
const SPAN_SCOPES = [
  'Service',
  'ServiceInstance',
  'Endpoint',
  'ServiceRelation',
  'ServiceInstanceRelation',
  'EndpointRelation',
];
const SPANS = 100;

function spanRecords() {
  return Array.from({ length: SPANS }, (_, i) =>
    SPAN_SCOPES.map((scope) => {
      const part = (name) => ({ service: `agent::service-${i}`, normal: true, layer: 'GENERAL', name });
      const name = scope.includes('Instance') ? 'instance-1' : scope.startsWith('Endpoint') ? 'GET:/songs' : '';
      const dest = scope.endsWith('Relation') ? [{ ...part(name), service: `agent::called-${i}` }] : [];
      const entity = entityOf(scope, part(name), ...dest);
      return Object.assign(new SourceRecord(), {
        scope,
        minute: MINUTE,
        entity,
        name: entity.source.service,
        serviceName: entity.source.service,
      });
    }),
  ).flat();
}

function entranceSpan() {
  const program = coreProgram();
  const records = spanRecords();
  const values = latencies(8_192, 1);
  const units = SPANS * PER_WINDOW;
  // the metrics of those scopes that such an event reaches, written out by hand: one Map per metric
  const dispatch = compileDispatch(program, { apdexThresholdMs: () => 500 });
  const metrics = new Map(
    SPAN_SCOPES.map((scope) => [
      scope,
      dispatch
        .metricsOf(scope)
        .filter(({ name }) => !name.includes('_client_') && !name.includes('_mq_'))
        .map(({ functionName }) => ({
          functionName,
          rows: new Map(
            functionName === 'hdrPercentile'
              ? records.filter((r) => r.scope === scope).map((r) => [r.entity.id, newHdr()])
              : [],
          ),
        })),
    ]),
  );
  return {
    ours: { units, run: l1Window(program, records, values) },
    reference: {
      units,
      run() {
        for (const list of metrics.values()) {
          for (const { functionName, rows } of list) {
            if (functionName === 'hdrPercentile') for (const row of rows.values()) row.reset();
            else rows.clear();
          }
        }
        for (let k = 0, v = 0; k < PER_WINDOW; k++) {
          for (const { scope, entity } of records) {
            const latency = values[v++ % values.length];
            for (const { functionName, rows } of metrics.get(scope)) {
              let row = rows.get(entity.id);
              if (row === undefined) rows.set(entity.id, (row = { a: 0n, b: 0n, c: 0n }));
              switch (functionName) {
                case 'hdrPercentile':
                  row.recordValue(latency);
                  break;
                case 'longAvg':
                  row.a += BigInt(latency);
                  row.b += 1n;
                  break;
                case 'percent':
                  row.a += 1n;
                  if (latency < 1_000) row.b += 1n;
                  break;
                case 'apdex':
                  row.a += 1n;
                  if (latency < 1_000) {
                    if (latency <= 500) row.b += 1n;
                    else row.c += 1n;
                  }
                  break;
                default: // cpm
                  row.a += 1n;
              }
            }
          }
        }
      },
    },
  };
}

// ---- merge ----

const PRODUCERS = 20;
const MERGED_SERVICES = 250;

/** Each producer's own strings, as they come from its messages. */
const idsOfStream = (entities) => entities.map((entity) => decodeEntity(encodeEntity(entity)).id);

/** A batch as it comes on a stream, and the entities that the stream knows: each stream has decoded its own. */
function sent(schemas, entities, seed) {
  const content = encodeContent(batchOf(schemas, entities, MINUTE, seed));
  return { content, known: content.descriptors.map((descriptor) => decodeEntity(descriptor)) };
}

/** A batch as the receiver hands it on. */
function received({ content, known }) {
  let next = 0;
  return decodeContent(content, () => known[next++]);
}

function mergeAll(batches, schema) {
  const delta = new SlotDelta();
  for (const batch of batches) {
    for (const block of batch.blocks) delta.addBlock(batch, block, schema, '');
  }
  if (delta.tables.length !== 1) throw new Error('the sums were not taken');
}

function oursMerge(schema, entities) {
  const batches = Array.from({ length: PRODUCERS }, (_, p) => received(sent([schema], entities, p)));
  return { units: PRODUCERS * entities.length, run: () => mergeAll(batches, schema) };
}

/** The same from bytes: what a receiver does before the flush. */
function oursReceive(schema, entities) {
  const contents = Array.from({ length: PRODUCERS }, (_, p) => sent([schema], entities, p));
  return { units: PRODUCERS * entities.length, run: () => mergeAll(contents.map(received), schema) };
}

const LONG_AVG = COUNTERS.find((schema) => schema.functionName === 'longAvg');

function receiveCounter() {
  const entities = services(MERGED_SERVICES);
  const messages = Array.from({ length: PRODUCERS }, (_, p) =>
    Increments.encode(messagesOf(batchOf([LONG_AVG], entities, MINUTE, p), SparseDistribution)).finish(),
  );
  return {
    ours: oursReceive(LONG_AVG, entities),
    reference: {
      units: PRODUCERS * entities.length,
      run() {
        const rows = new Map();
        for (const bytes of messages) {
          for (const { entity, values } of Increments.decode(bytes).increments) {
            const row = rows.get(entity);
            if (row === undefined) {
              rows.set(entity, { summation: BigInt(values[0]), count: BigInt(values[1]) });
            } else {
              row.summation += BigInt(values[0]);
              row.count += BigInt(values[1]);
            }
          }
        }
      },
    },
  };
}

function receiveHistogram() {
  const entities = services(MERGED_SERVICES);
  const layout = HISTOGRAM.distributionFields[0].layout;
  const messages = Array.from({ length: PRODUCERS }, (_, p) =>
    Increments.encode(messagesOf(batchOf([HISTOGRAM], entities, MINUTE, p), SparseDistribution)).finish(),
  );
  const valueOf = Array.from({ length: 4_096 }, (_, index) => Math.min(3_600_000, Number(bucketLow(layout, index))));
  const rows = new Map(entities.map(({ id }) => [id, newHdr()]));
  return {
    ours: oursReceive(HISTOGRAM, entities),
    reference: {
      units: PRODUCERS * entities.length,
      run() {
        for (const row of rows.values()) row.reset();
        for (const bytes of messages) {
          for (const { entity, indexes, counts } of Increments.decode(bytes).increments) {
            const row = rows.get(entity);
            for (let i = 0; i < indexes.length; i++) row.recordValueWithCount(valueOf[indexes[i]], counts[i]);
          }
        }
      },
    },
  };
}

function mergeCounter() {
  const entities = services(MERGED_SERVICES);
  const increments = Array.from({ length: PRODUCERS }, (_, p) =>
    idsOfStream(entities).map((id, row) => {
      const [summation, count] = template(row * 7 + p * 13).ints.longAvg.map(BigInt);
      return { id, summation, count };
    }),
  ).flat();
  return {
    ours: oursMerge(LONG_AVG, entities),
    reference: {
      units: increments.length,
      run() {
        const rows = new Map();
        for (const { id, summation, count } of increments) {
          const row = rows.get(id);
          if (row === undefined) {
            rows.set(id, { summation, count });
          } else {
            row.summation += summation;
            row.count += count;
          }
        }
      },
    },
  };
}

function mergeHistogram() {
  const entities = services(MERGED_SERVICES);
  const increments = Array.from({ length: PRODUCERS }, (_, p) =>
    idsOfStream(entities).map((id, row) => ({ id, histogram: hdrOf(template(row * 7 + p * 13).values) })),
  ).flat();
  const rows = new Map(entities.map(({ id }) => [id, newHdr()]));
  return {
    ours: oursMerge(HISTOGRAM, entities),
    reference: {
      units: increments.length,
      run() {
        for (const row of rows.values()) row.reset();
        for (const { id, histogram } of increments) rows.get(id).add(histogram);
      },
    },
  };
}

/** The same without keys and bytes: 64 distributions in memory into one, as folding a delta into the state does. */
function mergeDistribution() {
  const layout = HISTOGRAM.distributionFields[0].layout;
  const samples = Array.from({ length: 64 }, (_, i) => template(i).values);
  const ours = samples.map((values) => {
    const d = new SparseDistribution();
    for (const value of values) d.addOne(bucketIndex(layout, value));
    return d;
  });
  const theirs = samples.map(hdrOf);
  const target = new SparseDistribution();
  const hdrTarget = newHdr();
  return {
    ours: {
      units: ours.length,
      run() {
        target.clear();
        for (const d of ours) target.merge(d);
      },
    },
    reference: {
      units: theirs.length,
      run() {
        hdrTarget.reset();
        for (const h of theirs) hdrTarget.add(h);
      },
    },
  };
}

// ---- encode and decode ----

function encodeBatch() {
  const batch = batchOf(SERVICE_METRICS, services(500), MINUTE, 0);
  const messages = messagesOf(batch, SparseDistribution);
  const units = incrementCount(batch);
  return {
    ours: { units, run: () => void joinContent(encodeContent(batch)) },
    reference: { units, run: () => void Increments.encode(messages).finish() },
  };
}

function decodeBatch() {
  const entities = services(500);
  const batch = batchOf(SERVICE_METRICS, entities, MINUTE, 0);
  const content = encodeContent(batch);
  const bytes = Increments.encode(messagesOf(batch, SparseDistribution)).finish();
  const units = incrementCount(batch);
  return {
    ours: {
      units,
      run() {
        let next = 0;
        decodeContent(content, () => entities[next++]);
      },
    },
    reference: { units, run: () => void Increments.decode(bytes) },
  };
}

/** Bytes per increment: ours without the descriptors, which a stream sends once; the reference names its entity in each message. */
function bytesOf(schemas, ints) {
  const batch = batchOf(schemas, services(500), MINUTE, 0, ints);
  const increments = incrementCount(batch);
  const ours = encodeContent(batch).body.length / increments;
  const reference = Increments.encode(messagesOf(batch, SparseDistribution)).finish().length / increments;
  return { bytes: ours, reference, ratio: reference / ours };
}

/** All rows: `measured` are contenders for `compare`, `counted` are plain numbers. */
export const KERNELS = [
  {
    key: 'entrance.counter',
    unit: 'events',
    what: 'one longAvg',
    against: 'Map of bigint fields',
    make: entranceCounter,
  },
  {
    key: 'entrance.histogram',
    unit: 'events',
    what: 'one hdrPercentile(2)',
    against: 'Map of hdr-histogram-js',
    make: entranceHistogram,
  },
  {
    key: 'entrance.span',
    unit: 'spans',
    what: 'core.oal: 6 scopes, 24 metrics',
    against: 'both Maps, by hand',
    make: entranceSpan,
  },
  {
    key: 'merge.counter',
    unit: 'increments',
    perCore: true,
    what: 'by entity',
    against: 'Map of bigint fields',
    make: mergeCounter,
  },
  {
    key: 'merge.histogram',
    unit: 'increments',
    perCore: true,
    what: `by entity, ${SAMPLES} samples each`,
    against: 'Map of hdr-histogram-js',
    make: mergeHistogram,
  },
  {
    key: 'merge.distribution',
    unit: 'increments',
    perCore: true,
    what: 'in memory, into one target',
    against: 'hdr-histogram-js',
    make: mergeDistribution,
  },
  {
    key: 'receive.counter',
    unit: 'increments',
    perCore: true,
    what: 'bytes to merged',
    against: 'protobufjs, Map of bigint fields',
    make: receiveCounter,
  },
  {
    key: 'receive.histogram',
    unit: 'increments',
    perCore: true,
    what: 'bytes to merged',
    against: 'protobufjs, hdr-histogram-js',
    make: receiveHistogram,
  },
  {
    key: 'encode',
    unit: 'increments',
    what: '4 counters, 1 histogram',
    against: 'protobufjs',
    make: encodeBatch,
  },
  {
    key: 'decode',
    unit: 'increments',
    what: '4 counters, 1 histogram, all checked',
    against: 'protobufjs',
    make: decodeBatch,
  },
];

export const BYTES = [
  {
    key: 'wire.counter',
    what: '4 service counters, 50 to 350 events',
    against: 'protobufjs',
    count: () => bytesOf(COUNTERS),
  },
  {
    key: 'wire.counter.evenTotals',
    what: `the same, every service has ${SAMPLES} events`,
    against: 'protobufjs',
    count: () => bytesOf(COUNTERS, 'evenInts'),
  },
  {
    key: 'wire.histogram',
    what: `hdrPercentile(2), ${SAMPLES} samples`,
    against: 'protobufjs',
    count: () => bytesOf([HISTOGRAM]),
  },
];

/** Bytes of an entity's descriptor, sent once per stream and entity. */
export function descriptorBytes() {
  const { descriptors } = encodeContent(batchOf(COUNTERS, services(500), MINUTE, 0));
  descriptors.forEach(decodeEntity); // they are descriptors
  return descriptors.reduce((sum, d) => sum + d.length, 0) / descriptors.length;
}
