// SPDX-License-Identifier: Apache-2.0
// The data of the query benchmark: an hour of services with histograms, and endpoints, the same in every run; for us as rows, for the
// systems beside us as samples.
import { bucketIndex, entityOf, SparseDistribution } from '@oap-federation/model';
import { federationProgram, latencies, services } from './data.mjs';

/** Events of a service in a minute. */
const SAMPLES = 200;
const HOUR = 60;

/** Upper bounds in ms of the classic histograms that the other systems get: as many as instrumented services have. */
export const BOUNDS = [
  5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 750, 1_000, 2_500, 5_000, 10_000,
];

function templateOf(seed, layout) {
  const values = latencies(SAMPLES, seed);
  const distribution = new SparseDistribution();
  for (const value of values) distribution.add(bucketIndex(layout, value), 1n);
  const ok = values.filter((v) => v < 1_000).length;
  const sum = values.reduce((a, b) => a + b, 0);
  return {
    encoded: distribution.encode(),
    ints: {
      cpm: [values.length],
      percent: [values.length, ok],
      longAvg: [sum, values.length],
      apdex: [values.length, values.filter((v) => v <= 500).length, values.filter((v) => v > 500 && v < 1_000).length],
    },
    sum,
    counts: BOUNDS.map((bound) => values.filter((v) => v <= bound).length),
  };
}

const named = (n, scope, kind, ofServices) =>
  Array.from({ length: n }, (_, i) =>
    entityOf(scope, {
      service: `agent::service-${i % ofServices}`,
      normal: true,
      layer: 'GENERAL',
      name: `${kind}-${i}`,
    }),
  );

/** In: numbers of services, instances and endpoints, minutes that endpoints have, the last minute. */
export function dataOf({ services: serviceCount, instances, endpoints, endpointMinutes, endMinute }) {
  const { schemas: all } = federationProgram();
  const layout = all.get('service_percentile').distributionFields[0].layout;
  const templates = Array.from({ length: 256 }, (_, i) => templateOf(1_000 + i, layout));
  const entities = [
    ...services(serviceCount).map((entity, i) => ({ entity, i, minutes: HOUR })),
    ...named(instances, 'ServiceInstance', 'pod', serviceCount).map((entity, i) => ({ entity, i, minutes: HOUR })),
    ...named(endpoints, 'Endpoint', '/api', serviceCount).map((entity, i) => ({ entity, i, minutes: endpointMinutes })),
  ];
  const metrics = (...names) => names.map((name) => all.get(name));
  return {
    entities,
    origins: ['cloud-a', 'cloud-b'],
    minutes: HOUR,
    firstMinute: endMinute - HOUR + 1,
    schemas: [
      {
        scope: 'Service',
        schemas: metrics('service_cpm', 'service_sla', 'service_resp_time', 'service_apdex', 'service_percentile'),
      },
      { scope: 'ServiceInstance', schemas: metrics('service_instance_cpm', 'service_instance_resp_time') },
      { scope: 'Endpoint', schemas: metrics('endpoint_cpm', 'endpoint_resp_time') },
    ],
    /** What an entity reports in minute `at`, merged (origin 0) or of one origin. */
    valueOf: ({ i }, at, origin) => templates[(i * 7 + at * 13 + origin * 31) % templates.length],
  };
}

/** Series in a request. */
const SERIES_PER_REQUEST = 2_000;

/** What a client library of Prometheus would have given: gauges per minute, and a classic histogram of each service. In requests. */
export function* samplesOf({ entities, origins, minutes, firstMinute, valueOf, schemas }) {
  let series = [];
  const atMs = (at) => (firstMinute + at + 1) * 60_000; // at the minute's end
  const metricsOf = new Map(schemas.map((of) => [of.scope, of.schemas]));
  for (const one of entities) {
    const { scope, source } = one.entity;
    const first = minutes - one.minutes;
    const names = { service: source.service };
    if (scope === 'ServiceInstance') names.instance = source.name;
    if (scope === 'Endpoint') names.endpoint = source.name;
    const add = (name, labels, valueAt) => {
      const sorted = Object.entries({ __name__: name, ...names, ...labels }).toSorted(([a], [b]) => (a < b ? -1 : 1));
      const samples = Array.from({ length: one.minutes }, (_, i) => [atMs(first + i), valueAt(first + i)]);
      series.push({ labels: sorted, samples });
    };
    for (const [o, origin] of ['', ...(scope === 'Service' ? origins : [])].entries()) {
      for (const schema of metricsOf.get(scope).filter(({ distributionFields }) => distributionFields.length === 0)) {
        const gauge = GAUGES[schema.functionName];
        add(schema.name, origin === '' ? {} : { origin }, (at) => gauge(valueOf(one, at, o).ints[schema.functionName]));
      }
    }
    if (scope === 'Service') {
      [...BOUNDS, '+Inf'].forEach((le, b) => {
        let total = 0;
        add('service_latency_bucket', { le: String(le) }, (at) => (total += valueOf(one, at, 0).counts[b] ?? SAMPLES));
      });
    }
    if (series.length < SERIES_PER_REQUEST) continue;
    yield series;
    series = [];
  }
  if (series.length > 0) yield series;
}

const GAUGES = {
  cpm: ([total]) => total,
  percent: ([total, match]) => Math.trunc((match * 10_000) / total),
  longAvg: ([sum, count]) => Math.trunc(sum / count),
  apdex: ([total, satisfied, tolerated]) => Math.trunc((satisfied * 10_000 + tolerated * 5_000) / total),
};
