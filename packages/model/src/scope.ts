// SPDX-License-Identifier: Apache-2.0
// Scopes (what a metric is about), layers, and the catalogue entry of each. Source: SkyWalking DefaultScopeDefine, Layer.

/** A scope: `id` is SkyWalking's number, `table` names its storage tables, `relation` says that an entity has two ends. */
export interface ScopeSpec {
  readonly id: number;
  readonly name: string;
  readonly catalog: string;
  readonly table: string;
  readonly relation: boolean;
  /** What an end of the entity is: the service alone, or a named instance or endpoint of it. */
  readonly part: 'service' | 'instance' | 'endpoint';
}

const scope = (
  id: number,
  name: string,
  catalog: string,
  table: string,
  part: ScopeSpec['part'],
  relation = false,
): ScopeSpec => ({ id, name, catalog, table, part, relation });

const SPECS = [
  scope(1, 'Service', 'SERVICE', 'service', 'service'),
  scope(2, 'ServiceInstance', 'SERVICE_INSTANCE', 'service_instance', 'instance'),
  scope(3, 'Endpoint', 'ENDPOINT', 'endpoint', 'endpoint'),
  scope(4, 'ServiceRelation', 'SERVICE_RELATION', 'service_relation', 'service', true),
  scope(5, 'ServiceInstanceRelation', 'SERVICE_INSTANCE_RELATION', 'service_instance_relation', 'instance', true),
  scope(6, 'EndpointRelation', 'ENDPOINT_RELATION', 'endpoint_relation', 'endpoint', true),
  scope(17, 'DatabaseAccess', 'SERVICE', 'database_access', 'service'),
  scope(55, 'CacheAccess', 'SERVICE', 'cache_access', 'service'),
  scope(63, 'MQAccess', 'SERVICE', 'mq_access', 'service'),
  scope(64, 'MQEndpointAccess', 'ENDPOINT', 'mq_endpoint_access', 'endpoint'),
] as const;

export type ScopeName =
  | 'Service'
  | 'ServiceInstance'
  | 'Endpoint'
  | 'ServiceRelation'
  | 'ServiceInstanceRelation'
  | 'EndpointRelation'
  | 'DatabaseAccess'
  | 'CacheAccess'
  | 'MQAccess'
  | 'MQEndpointAccess';

/** All scopes, in the order of their ids. */
export const SCOPES: readonly ScopeSpec[] = SPECS;

const byName = new Map<string, ScopeSpec>(SPECS.map((s) => [s.name, s]));
const byId = new Map<number, ScopeSpec>(SPECS.map((s) => [s.id, s]));

/** The scope of that name; a name that is none is a programming error (names from outside go through `tryScope`). */
export function scopeOf(name: ScopeName): ScopeSpec {
  return byName.get(name)!;
}

export function tryScope(name: string): ScopeSpec | undefined {
  return byName.get(name);
}

export function scopeById(id: number): ScopeSpec | undefined {
  return byId.get(id);
}

/** Layer name -> SkyWalking's ordinal. Names travel between tiers; ordinals never do (above 9999 they are local). */
export const LAYERS: ReadonlyMap<string, number> = new Map(
  (
    'UNDEFINED MESH GENERAL OS_LINUX K8S FAAS MESH_CP MESH_DP DATABASE CACHE BROWSER SO11Y_OAP SO11Y_SATELLITE MQ ' +
    'VIRTUAL_DATABASE VIRTUAL_MQ VIRTUAL_GATEWAY K8S_SERVICE MYSQL VIRTUAL_CACHE POSTGRESQL APISIX AWS_EKS OS_WINDOWS ' +
    'AWS_S3 AWS_DYNAMODB AWS_GATEWAY REDIS ELASTICSEARCH RABBITMQ MONGODB KAFKA PULSAR BOOKKEEPER NGINX ROCKETMQ ' +
    'CLICKHOUSE ACTIVEMQ CILIUM_SERVICE SO11Y_JAVA_AGENT KONG SO11Y_GO_AGENT FLINK BANYANDB GENAI VIRTUAL_GENAI ' +
    'ENVOY_AI_GATEWAY IOS WECHAT_MINI_PROGRAM ALIPAY_MINI_PROGRAM AIRFLOW'
  )
    .split(' ')
    .map((name, ordinal) => [name, ordinal]),
);

/** Layers of conjectured services: `normal = false`. */
export const VIRTUAL_LAYERS: ReadonlySet<string> = new Set([
  'UNDEFINED',
  'VIRTUAL_DATABASE',
  'VIRTUAL_MQ',
  'VIRTUAL_GATEWAY',
  'VIRTUAL_CACHE',
  'VIRTUAL_GENAI',
]);
