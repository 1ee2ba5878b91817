// SPDX-License-Identifier: Apache-2.0
// The fixed data behind the MQE corpus: two clouds, three services, five minutes from 2026-01-01 00:00 UTC (minute 2 is mostly empty).
import { entityOf, metricSchema, minuteOf, type Entity } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';

export const FIRST_MINUTE = minuteOf(Date.UTC(2026, 0, 1));

const SCHEMAS = [
  metricSchema('service_cpm', 'Service', 'cpm'),
  metricSchema('service_resp_time', 'Service', 'longAvg'),
  metricSchema('service_sla', 'Service', 'percent'),
  metricSchema('service_bytes', 'Service', 'sum'),
  metricSchema('service_load', 'Service', 'doubleAvg'),
  metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
  metricSchema('service_heat', 'Service', 'histogram', [100, 20]),
  metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
  metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
  metricSchema('endpoint_resp_time', 'Endpoint', 'longAvg'),
  metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
];

const part = (service: string, layer: string, name = '') => ({
  service,
  normal: !layer.startsWith('VIRTUAL_'),
  layer,
  name,
});

const FRONTEND = entityOf('Service', part('frontend', 'GENERAL'));
const CART = entityOf('Service', part('cart', 'GENERAL'));
const MYSQL = entityOf('Service', part('mysql:3306', 'VIRTUAL_DATABASE'));

/** Per minute 0..4, the value of every event of one origin. */
type Minutes = readonly (readonly (number | readonly number[])[])[];

export interface CorpusData {
  readonly reader: MemoryMetricReader;
  /** Every entity that has data, by id. */
  readonly entities: ReadonlyMap<string, Entity>;
}

export function corpusData(): CorpusData {
  const reader = new MemoryMetricReader(SCHEMAS);
  const entities = new Map<string, Entity>();
  const enter = (metric: string, entity: Entity, origin: string, minutes: Minutes) => {
    entities.set(entity.id, entity);
    minutes.forEach((events, i) => {
      for (const event of events) {
        reader.enter(metric, entity, origin, FIRST_MINUTE + i, typeof event === 'number' ? [event] : event);
      }
    });
  };
  const times = (n: number, event = 0) => Array.from<number>({ length: n }).fill(event);

  enter('service_cpm', FRONTEND, 'cloud-c', [times(3), times(2), [], times(5), times(1)]);
  enter('service_cpm', FRONTEND, 'cloud-n', [times(1), times(4), [], [], times(1)]);
  enter('service_cpm', CART, 'cloud-c', [times(1)]);
  enter('service_cpm', CART, 'cloud-n', [[], times(9)]);
  enter('service_cpm', MYSQL, 'cloud-c', [times(2)]);
  enter('service_resp_time', FRONTEND, 'cloud-c', [[10, 20, 30], [100], [], [7]]);
  enter('service_resp_time', FRONTEND, 'cloud-n', [[41], [200]]);
  enter('service_sla', FRONTEND, 'cloud-c', [
    [1, 1, 0],
    [1, 0],
  ]);
  enter('service_sla', FRONTEND, 'cloud-n', [[1], [1]]);
  enter('service_bytes', FRONTEND, 'cloud-c', [[2 ** 53], [5]]);
  enter('service_bytes', FRONTEND, 'cloud-n', [[1]]);
  enter('service_bytes', CART, 'cloud-c', [
    [2 ** 60, 1],
    [2 ** 60, 2],
  ]);
  enter('service_bytes', MYSQL, 'cloud-c', [[2 ** 60, 1]]);
  enter('service_load', FRONTEND, 'cloud-c', [[0.1], [1 / 3], [0.0625], [0.1875], [2.5]]);
  enter('service_load', FRONTEND, 'cloud-n', [[0.2]]);
  const upTo100 = Array.from({ length: 100 }, (_, i) => i + 1);
  enter('service_percentile', FRONTEND, 'cloud-c', [upTo100, [], [], [10]]);
  enter('service_percentile', FRONTEND, 'cloud-n', [[], times(5, 10), [], [20, 30]]);
  enter('service_heat', FRONTEND, 'cloud-c', [[50, 150, 250]]);

  enter('service_instance_cpm', entityOf('ServiceInstance', part('frontend', 'GENERAL', 'pod-1')), 'cloud-c', [
    times(2),
  ]);
  enter('service_instance_cpm', entityOf('ServiceInstance', part('frontend', 'GENERAL', 'pod-2')), 'cloud-n', [
    times(1),
    times(1),
  ]);
  enter('service_instance_cpm', entityOf('ServiceInstance', part('cart', 'GENERAL', 'pod-9')), 'cloud-n', [times(8)]);
  enter('endpoint_cpm', entityOf('Endpoint', part('frontend', 'GENERAL', '/home')), 'cloud-c', [times(3)]);
  enter('endpoint_cpm', entityOf('Endpoint', part('cart', 'GENERAL', '/buy')), 'cloud-c', [times(4)]);
  for (const [service, name, latency] of [
    ['frontend', '/home', 30],
    ['cart', '/buy', 30],
    ['frontend', '/zed', 20],
  ] as const) {
    enter('endpoint_resp_time', entityOf('Endpoint', part(service, 'GENERAL', name)), 'cloud-c', [[latency]]);
  }
  enter(
    'service_relation_client_cpm',
    entityOf('ServiceRelation', part('frontend', 'GENERAL'), part('cart', 'GENERAL')),
    'cloud-c',
    [times(6)],
  );
  return { reader, entities };
}
