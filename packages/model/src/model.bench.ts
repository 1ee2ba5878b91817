// SPDX-License-Identifier: Apache-2.0
// Micro-benchmarks of the merge kernels as plain functions: the caller times `run`; nothing here reads a clock.
// `perIteration` units are done by one iteration, so units per second = iterations * perIteration / seconds.
import { build, type Histogram } from 'hdr-histogram-js';
import { BatchBuilder, decodeContent, encodeContent, joinContent, splitContent, type IncrementBatch } from './block.js';
import { MetricColumns } from './columns.js';
import { decodeEntity, entityOf, type Entity } from './entity.js';
import { bucketIndex, SparseDistribution } from './distribution.js';
import { metricSchema, type MetricSchema } from './schema.js';

export interface Bench {
  readonly name: string;
  /** What is counted, e.g. `events`. */
  readonly unit: string;
  readonly perIteration: number;
  run(iterations: number): void;
  /** The same work by what a peer or the obvious way would use. */
  readonly reference?: { readonly name: string; run(iterations: number): void };
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Latencies in ms, log-normal around 55 ms with a long tail, cut at an hour. */
function latencies(n: number, seed: number): number[] {
  const next = seeded(seed);
  return Array.from({ length: n }, () => {
    const gauss = Math.sqrt(-2 * Math.log(next() || 1e-12)) * Math.cos(2 * Math.PI * next());
    return Math.min(3_600_000, Math.floor(Math.exp(4 + gauss * 1.15)));
  });
}

const ROWS = 1_000;
const EVENTS = 8_192;

const respTime = metricSchema('service_resp_time', 'Service', 'longAvg');
const sla = metricSchema('service_sla', 'Service', 'percent');
const percentile = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const cpm = metricSchema('service_cpm', 'Service', 'cpm');
const apdex = metricSchema('service_apdex', 'Service', 'apdex');

function services(n: number): Entity[] {
  return Array.from({ length: n }, (_, i) =>
    entityOf('Service', { service: `agent::service-${i}`, normal: true, layer: 'GENERAL', name: '' }),
  );
}

/** One flush: five metrics of `rows` services, 200 events each. */
function flush(rows: number, seed: number): IncrementBatch {
  const builder = new BatchBuilder();
  const entities = services(rows);
  const all = entities.map((_, i) => i);
  const values = latencies(200 * rows, seed);
  for (const schema of [respTime, sla, cpm, apdex, percentile]) {
    builder.addRows(filled(schema, rows, values), 29_000_000, '', all, (row) => entities[row]!);
  }
  return builder.build();
}

function filled(schema: MetricSchema, rows: number, values: readonly number[]): MetricColumns {
  const columns = new MetricColumns(schema, rows);
  values.forEach((value, i) => {
    const matched = schema.functionName === 'percent' ? (value < 1_000 ? 1 : 0) : value;
    columns.enter(i % rows, matched, 500, value < 1_000 ? 1 : 0);
  });
  return columns;
}

function entrance(name: string, schema: MetricSchema, reference?: Bench['reference']): Bench {
  const columns = new MetricColumns(schema, ROWS);
  const values = latencies(EVENTS, 1);
  const flags = schema.functionName === 'percent';
  const bench: Bench = {
    name: `entrance: ${name}`,
    unit: 'events',
    perIteration: EVENTS,
    run(iterations) {
      for (let n = 0; n < iterations; n++) {
        for (let i = 0; i < EVENTS; i++) {
          const value = values[i]!;
          columns.enter(i % ROWS, flags ? (value < 1_000 ? 1 : 0) : value, 500, 1);
        }
      }
    },
  };
  return reference ? { ...bench, reference } : bench;
}

function mergeRows(name: string, schema: MetricSchema): Bench {
  const target = new MetricColumns(schema, ROWS);
  const delta = filled(schema, ROWS, latencies(ROWS * 10, 2));
  return {
    name: `merge columns: ${name}`,
    unit: 'rows',
    perIteration: ROWS,
    run(iterations) {
      for (let n = 0; n < iterations; n++) for (let i = 0; i < ROWS; i++) target.mergeRow(i, delta, i);
    },
  };
}

function mergeBlock(name: string, schema: MetricSchema): Bench {
  const target = new MetricColumns(schema, ROWS);
  const builder = new BatchBuilder();
  const entities = services(ROWS);
  const delta = filled(schema, ROWS, latencies(ROWS * 10, 2));
  builder.addRows(
    delta,
    29_000_000,
    '',
    entities.map((_, i) => i),
    (row) => entities[row]!,
  );
  const block = builder.build().blocks[0]!;
  return {
    name: `merge block: ${name}`,
    unit: 'rows',
    perIteration: ROWS,
    run(iterations) {
      for (let n = 0; n < iterations; n++) for (let i = 0; i < ROWS; i++) target.mergeBlockRow(i, block, i);
    },
  };
}

/** 64 increments of 200 samples each, merged one after the other into one distribution. */
function mergeHistograms(): Bench {
  const layout = { kind: 'hdr', digits: 2 } as const;
  const samples = Array.from({ length: 64 }, (_, i) => latencies(200, 100 + i));
  const ours = samples.map((values) => {
    const d = new SparseDistribution();
    for (const value of values) d.add(bucketIndex(layout, value), 1n);
    return d;
  });
  const newHdr = (): Histogram =>
    build({
      bitBucketSize: 64,
      lowestDiscernibleValue: 1,
      highestTrackableValue: 3_600_000,
      numberOfSignificantValueDigits: 2,
    });
  const theirs = samples.map((values) => {
    const h = newHdr();
    for (const value of values) h.recordValue(value);
    return h;
  });
  const target = new SparseDistribution();
  const hdrTarget = newHdr();
  return {
    name: 'merge distributions: hdr(2), 200 samples each',
    unit: 'increments',
    perIteration: 64,
    run(iterations) {
      for (let n = 0; n < iterations; n++) {
        target.clear();
        for (const d of ours) target.merge(d);
      }
    },
    reference: {
      name: 'hdr-histogram-js add (Float64)',
      run(iterations) {
        for (let n = 0; n < iterations; n++) {
          hdrTarget.reset();
          for (const h of theirs) hdrTarget.add(h);
        }
      },
    },
  };
}

function contents(): Bench[] {
  const rows = 500;
  const batch = flush(rows, 3);
  const bytes = joinContent(encodeContent(batch));
  const known = new Map<string, Entity>();
  const cached = (descriptor: Uint8Array): Entity => {
    const key = String.fromCharCode(...descriptor);
    let entity = known.get(key);
    if (!entity) known.set(key, (entity = decodeEntity(descriptor)));
    return entity;
  };
  return [
    {
      name: `encode content: 5 metrics of ${rows} services, ${bytes.length} bytes`,
      unit: 'increments',
      perIteration: 5 * rows,
      run(iterations) {
        for (let n = 0; n < iterations; n++) joinContent(encodeContent(batch));
      },
    },
    {
      name: 'decode content, entities decoded too',
      unit: 'increments',
      perIteration: 5 * rows,
      run(iterations) {
        for (let n = 0; n < iterations; n++) decodeContent(splitContent(bytes));
      },
    },
    {
      name: 'decode content, entities known',
      unit: 'increments',
      perIteration: 5 * rows,
      run(iterations) {
        for (let n = 0; n < iterations; n++) decodeContent(splitContent(bytes), cached);
      },
    },
    {
      name: 'clone: rows of 5 metrics into a batch',
      unit: 'increments',
      perIteration: 5 * rows,
      run: cloneRun(rows),
    },
  ];
}

function cloneRun(rows: number): (iterations: number) => void {
  const entities = services(rows);
  const all = entities.map((_, i) => i);
  const values = latencies(200 * rows, 4);
  const columns = [respTime, sla, cpm, apdex, percentile].map((schema) => filled(schema, rows, values));
  return (iterations) => {
    for (let n = 0; n < iterations; n++) {
      const builder = new BatchBuilder();
      for (const c of columns) builder.addRows(c, 29_000_000, '', all, (row) => entities[row]!);
      builder.build();
    }
  };
}

/** All micro-benchmarks of this package; each owns its state, so one does not warm another. */
export function benches(): Bench[] {
  const hdr: Histogram = build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000,
    numberOfSignificantValueDigits: 2,
  });
  const values = latencies(EVENTS, 1);
  return [
    entrance('longAvg', respTime),
    entrance('percent', sla),
    entrance('cpm', cpm),
    entrance('apdex', apdex),
    entrance('hdrPercentile(2)', percentile, {
      name: 'hdr-histogram-js recordValue into one histogram (Float64)',
      run(iterations) {
        for (let n = 0; n < iterations; n++) for (let i = 0; i < EVENTS; i++) hdr.recordValue(values[i]!);
      },
    }),
    mergeRows('longAvg', respTime),
    mergeRows('apdex', apdex),
    mergeBlock('longAvg', respTime),
    mergeBlock('hdrPercentile(2), 10 samples', percentile),
    mergeHistograms(),
    ...contents(),
  ];
}
