// SPDX-License-Identifier: Apache-2.0
// The data of the benchmarks, the same in every run: services, latencies, and increments of core.oal's service metrics.
import { readFileSync } from 'node:fs';
import { bucketIndex, entityOf, SparseDistribution } from '@oap-federation/model';
import { loadOal } from '@oap-federation/oal';

/** Numbers in [0, 1) (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Latencies in ms, log-normal around 55 ms with a long tail, cut at an hour. */
export function latencies(n, seed) {
  const next = seeded(seed);
  return Array.from({ length: n }, () => {
    const gauss = Math.sqrt(-2 * Math.log(next() || 1e-12)) * Math.cos(2 * Math.PI * next());
    return Math.min(3_600_000, Math.floor(Math.exp(4 + gauss * 1.15)));
  });
}

const script = (name) => ({ name, text: readFileSync(new URL(`../../deploy/oal/${name}`, import.meta.url), 'utf8') });

function program(scripts, options) {
  const { program: loaded, problems } = loadOal(scripts, options);
  if (problems.length > 0) throw new Error(`${problems.length} problems in ${scripts.map((s) => s.name).join(', ')}`);
  return loaded;
}

export const coreProgram = () => program([script('core.oal')]);
export const federationProgram = () => program([script('federation.oal')], { knownMetrics: coreProgram().schemas });
export const programOf = (text) => program([{ name: 'bench.oal', text }]);

const core = coreProgram();
export const COUNTERS = ['service_cpm', 'service_sla', 'service_resp_time', 'service_apdex'].map((name) =>
  core.schemas.get(name),
);
export const HISTOGRAM = core.schemas.get('service_percentile');
export const SERVICE_METRICS = [...COUNTERS, HISTOGRAM];

export function services(n) {
  return Array.from({ length: n }, (_, i) =>
    entityOf('Service', { service: `agent::service-${i}`, normal: true, layer: 'GENERAL', name: '' }),
  );
}

/** Events behind a histogram increment: what a service at 200 calls per window and tier gives. */
export const SAMPLES = 200;

const countersOf = (values) => {
  const ok = values.filter((v) => v < 1_000).length;
  const apdex = [values.filter((v) => v <= 500).length, values.filter((v) => v > 500 && v < 1_000).length];
  return {
    cpm: [values.length],
    percent: [values.length, ok],
    longAvg: [values.reduce((a, b) => a + b, 0), values.length],
    apdex: [values.length, ...apdex],
  };
};

const sizes = seeded(7);
const templates = Array.from({ length: 64 }, (_, i) => {
  const values = latencies(SAMPLES, 100 + i);
  const layout = HISTOGRAM.distributionFields[0].layout;
  const distribution = new SparseDistribution();
  for (const value of values) distribution.add(bucketIndex(layout, value), 1n);
  return {
    values,
    encoded: distribution.encode(),
    // services are not equally busy: 50 to 350 events, 200 on average
    ints: countersOf(latencies(50 + Math.floor(sizes() * 301), 300 + i)),
    evenInts: countersOf(values),
  };
});

/** One of 64 sets of `SAMPLES` latencies and what each metric makes of it. */
export const template = (i) => templates[i % templates.length];

/** A batch as one producer sends it: an increment of each schema for each entity. `counters` can be `evenInts`. */
export function batchOf(schemas, entities, minute, seed, counters = 'ints') {
  const rows = entities.length;
  // apart from each other, so that neither rows nor producers repeat in step
  const templateOf = (row) => template(row * 7 + seed * 13);
  const blocks = schemas.map((schema) => {
    const ints = schema.intFields.map((_, f) => {
      const column = new BigInt64Array(rows);
      for (let row = 0; row < rows; row++) column[row] = BigInt(templateOf(row)[counters][schema.functionName][f]);
      return column;
    });
    const distributions = schema.distributionFields.map(() => {
      const parts = entities.map((_, row) => templateOf(row).encoded);
      const offsets = new Uint32Array(rows + 1);
      parts.forEach((part, row) => (offsets[row + 1] = offsets[row] + part.length));
      return { offsets, bytes: new Uint8Array(Buffer.concat(parts)) };
    });
    return { schema, minute, origin: '', entities: Uint32Array.from(entities, (_, i) => i), ints, distributions };
  });
  return { entities, blocks, unknownBlocks: [] };
}
