// SPDX-License-Identifier: Apache-2.0
// The tier behind the exposition corpus: two clouds, two services with instances, endpoints and a call between them, 23:20 to 00:40 UTC over a
// midnight. Made from a seed, so that everybody sees the same.
import { entityOf, metricSchema, minuteOf, serviceId, type Entity } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { memoryMetadata, type MemoryMetadata } from '@oap-federation/query/testing';
import { seededRng } from '@oap-federation/runtime';

const SCHEMAS = [
  metricSchema('service_cpm', 'Service', 'cpm'),
  metricSchema('service_resp_time', 'Service', 'longAvg'),
  metricSchema('service_sla', 'Service', 'percent'),
  metricSchema('service_apdex', 'Service', 'apdex'),
  metricSchema('service_load', 'Service', 'doubleAvg'),
  metricSchema('service_slowest', 'Service', 'max'),
  metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
  metricSchema('service_heat', 'Service', 'histogram', [100, 20]),
  metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
  metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
  metricSchema('endpoint_percentile', 'Endpoint', 'percentile2', [10]),
  metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
];

export interface Tier {
  readonly reader: MemoryMetricReader;
  readonly metadata: MemoryMetadata;
  readonly firstMinute: number;
  readonly lastMinute: number;
}

/** Minutes of calls from `firstMinute` on, all of them sealed. */
export function tierOf(firstMinute: number, minutes: number): Tier {
  const reader = new MemoryMetricReader(SCHEMAS);
  const rng = seededRng(4);
  const part = (service: string, layer: string, name = '') => ({
    service,
    normal: !layer.startsWith('VIRTUAL'),
    layer,
    name,
  });
  const described = new Set<Entity>();
  const known = (entity: Entity) => {
    described.add(entity);
    return entity;
  };
  const services = ['frontend', 'cart'].map((name) => ({
    service: known(entityOf('Service', part(name, 'GENERAL'))),
    instances: ['pod-1', 'pod-2'].map((pod) => known(entityOf('ServiceInstance', part(name, 'GENERAL', pod)))),
    endpoints: ['/home', '/buy'].map((path) => known(entityOf('Endpoint', part(name, 'GENERAL', path)))),
  }));
  const calls = known(entityOf('ServiceRelation', part('frontend', 'GENERAL'), part('cart', 'GENERAL')));
  const database = known(entityOf('Service', part('mysql:3306', 'VIRTUAL_DATABASE')));

  for (let minute = firstMinute; minute < firstMinute + minutes; minute++) {
    for (const origin of ['cloud-c', 'cloud-n']) {
      for (const [i, { service, instances, endpoints }] of services.entries()) {
        const at = minute - firstMinute;
        // the cart rests twice, for shorter and for longer than a counter is carried on
        if (i === 1 && ((at >= 12 && at < 15) || (at >= 45 && at < 58))) continue;
        const count = 1 + Math.floor(rng.next() * (i === 0 ? 6 : 3)) + (minute % 1_440 === 0 ? 40 : 0);
        for (let call = 0; call < count; call++) {
          const latency = Math.floor(rng.next() * rng.next() * 2_000);
          const isOk = rng.next() < 0.9 ? 1 : 0;
          reader.enter('service_cpm', service, origin, minute, []);
          reader.enter('service_resp_time', service, origin, minute, [latency]);
          reader.enter('service_slowest', service, origin, minute, [latency]);
          reader.enter('service_sla', service, origin, minute, [isOk]);
          reader.enter('service_apdex', service, origin, minute, [latency, 200, isOk]);
          reader.enter('service_percentile', service, origin, minute, [latency]);
          reader.enter('service_heat', service, origin, minute, [latency]);
          reader.enter('service_instance_cpm', instances[call % 2]!, origin, minute, []);
          reader.enter('endpoint_cpm', endpoints[call % 2]!, origin, minute, []);
          reader.enter('endpoint_percentile', endpoints[call % 2]!, origin, minute, [latency]);
          if (i === 0) reader.enter('service_relation_client_cpm', calls, origin, minute, []);
        }
        reader.enter('service_load', service, origin, minute, [rng.next() * 4]);
      }
      if (minute % 3 === 0) reader.enter('service_cpm', database, origin, minute, []);
    }
  }
  const metadata = memoryMetadata(
    [...services.map((s) => s.service), database].map(({ id, source: { service, normal, layer } }) => ({
      id,
      name: service,
      normal,
      layers: [layer],
    })),
  );
  metadata.described.push(...described);
  for (const { scope, id, source } of described) {
    const named = { id, name: source.name, serviceId: serviceId(source.service, source.normal) };
    if (scope === 'ServiceInstance') metadata.instances.push({ ...named, properties: [] });
    if (scope === 'Endpoint') metadata.endpoints.push(named);
  }
  const completeToMinute = firstMinute + minutes;
  metadata.sources = ['cloud-c', 'cloud-n'].map((origin) => ({
    origin,
    via: origin,
    completeToMinute,
    lastAdvanceMs: 0,
  }));
  return { reader, metadata, firstMinute, lastMinute: completeToMinute - 1 };
}

/** The tier of the corpus. */
export const corpusTier = () => tierOf(minuteOf(Date.UTC(2026, 0, 1, 23, 20)), 80);
