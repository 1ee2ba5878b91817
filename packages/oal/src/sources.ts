// SPDX-License-Identifier: Apache-2.0
// The sources of OAL: which attributes each has, of which type, and which field of the source record holds them.
// Also what SkyWalking has and this tier does not, so that a message can say so. Source: SkyWalking's core sources.
import { LAYERS, type ScopeName } from '@oap-federation/model';
import type { SourceRecord } from './source.js';

/** Enum types by the name OAL gives them. A layer is one too, but tiers may add layers, so it may also be compared with text. */
export const ENUMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['RequestType', ['DATABASE', 'HTTP', 'RPC', 'gRPC', 'LOGIC', 'TCP', 'MQ', 'GenAI']],
  ['DetectPoint', ['SERVER', 'CLIENT', 'PROXY', 'UNRECOGNIZED']],
  ['VirtualCacheOperation', ['Write', 'Read', 'Others']],
  ['MQOperation', ['Consume', 'Produce']],
  ['Layer', [...LAYERS.keys()]],
]);

export type AttributeType =
  | { readonly kind: 'number' | 'bool' | 'text' | 'textList' | 'textMap' }
  | { readonly kind: 'enum'; readonly name: string };

/** Fields of the record that OAL may read. */
export type SourceField = Exclude<keyof SourceRecord, 'scope' | 'minute' | 'entity'>;

export interface Attribute {
  readonly type: AttributeType;
  readonly field: SourceField;
}

const TYPES: Readonly<Record<SourceField, AttributeType>> = {
  name: { kind: 'text' },
  serviceName: { kind: 'text' },
  serviceInstanceName: { kind: 'text' },
  endpointName: { kind: 'text' },
  layer: { kind: 'enum', name: 'Layer' },
  latency: { kind: 'number' },
  rpcLatency: { kind: 'number' },
  transmissionLatency: { kind: 'number' },
  status: { kind: 'bool' },
  httpResponseStatusCode: { kind: 'number' },
  rpcStatusCode: { kind: 'text' },
  type: { kind: 'enum', name: 'RequestType' },
  detectPoint: { kind: 'enum', name: 'DetectPoint' },
  operation: { kind: 'enum', name: 'VirtualCacheOperation' },
  componentId: { kind: 'number' },
  tlsMode: { kind: 'text' },
  sourceServiceName: { kind: 'text' },
  sourceServiceInstanceName: { kind: 'text' },
  sourceLayer: { kind: 'enum', name: 'Layer' },
  destServiceName: { kind: 'text' },
  destServiceInstanceName: { kind: 'text' },
  destLayer: { kind: 'enum', name: 'Layer' },
  endpoint: { kind: 'text' },
  childEndpoint: { kind: 'text' },
  childServiceName: { kind: 'text' },
  childServiceInstanceName: { kind: 'text' },
  databaseTypeId: { kind: 'number' },
  cacheTypeId: { kind: 'number' },
  typeId: { kind: 'number' },
  tags: { kind: 'textList' },
  tag: { kind: 'textMap' },
};

/** `attribute` or `attribute:field` where the record calls it something else. */
function attributes(
  names: string,
  overrides: Readonly<Record<string, AttributeType>> = {},
): ReadonlyMap<string, Attribute> {
  const map = new Map<string, Attribute>();
  for (const entry of names.split(' ')) {
    const [name, field = name] = entry.split(':') as [string, string?];
    map.set(name, { field: field as SourceField, type: overrides[name] ?? TYPES[field as SourceField] });
  }
  return map;
}

const CALL = 'latency status httpResponseStatusCode rpcStatusCode type';
const MQ_OPERATION = { operation: { kind: 'enum', name: 'MQOperation' } } as const;

/** Attributes by source; a source is named as its scope. */
export const SOURCES: Readonly<Record<ScopeName, ReadonlyMap<string, Attribute>>> = {
  Service: attributes(`name layer serviceInstanceName endpointName ${CALL} tags tag tlsMode`),
  ServiceInstance: attributes(`name serviceName serviceLayer:layer endpointName ${CALL} tags tag`),
  Endpoint: attributes(`name serviceName serviceInstanceName serviceLayer:layer ${CALL} tags tag`),
  ServiceRelation: attributes(
    'sourceServiceName sourceServiceInstanceName sourceLayer destServiceName destServiceInstanceName destLayer ' +
      `endpoint componentId ${CALL} detectPoint tlsMode`,
  ),
  ServiceInstanceRelation: attributes(
    'sourceServiceName sourceServiceInstanceName sourceLayer destServiceName destServiceInstanceName destLayer ' +
      `endpoint componentId ${CALL} detectPoint tlsMode`,
  ),
  EndpointRelation: attributes(
    'endpoint serviceName serviceInstanceName serviceLayer:sourceLayer childEndpoint childServiceName ' +
      'childServiceInstanceName childServiceLayer:destLayer componentId rpcLatency status httpResponseStatusCode ' +
      'rpcStatusCode type detectPoint',
  ),
  DatabaseAccess: attributes('name databaseTypeId latency status'),
  CacheAccess: attributes('name cacheTypeId latency status operation'),
  MQAccess: attributes('name typeId transmissionLatency status operation', MQ_OPERATION),
  MQEndpointAccess: attributes('serviceName endpoint typeId transmissionLatency status operation', MQ_OPERATION),
};

/** Attributes that SkyWalking's sources have and ours do not. */
export const ABSENT_ATTRIBUTES: ReadonlySet<string> = new Set(
  'sideCar attr0 attr1 attr2 attr3 attr4 attr5 responseCode'.split(' '),
);

/** Sources that SkyWalking has and this tier does not. */
export const ABSENT_SOURCES: ReadonlySet<string> = new Set(
  (
    'TCPService TCPServiceInstance TCPServiceRelation TCPServiceInstanceRelation ServiceInstanceJVMCPU ' +
    'ServiceInstanceJVMMemory ServiceInstanceJVMMemoryPool ServiceInstanceJVMGC ServiceInstanceJVMThread ' +
    'ServiceInstanceJVMClass ServiceInstanceCLRCPU ServiceInstanceCLRGC ServiceInstanceCLRThread K8SService ' +
    'K8SServiceInstance K8SEndpoint K8SServiceRelation K8SServiceInstanceRelation CiliumService ' +
    'CiliumServiceInstance CiliumEndpoint CiliumServiceRelation CiliumServiceInstanceRelation ' +
    'CiliumEndpointRelation GenAIProviderAccess GenAIModelAccess BrowserAppTraffic BrowserAppSingleVersionTraffic ' +
    'BrowserAppPageTraffic BrowserAppPerf BrowserAppPagePerf BrowserAppSingleVersionPerf BrowserAppResourcePerf ' +
    'BrowserAppWebVitalsPerf BrowserAppWebInteractionPerf EnvoyInstanceMetric Event'
  ).split(' '),
);

/** Functions of SkyWalking's OAL that are not here, with what to write instead where there is something. */
export const ABSENT_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['percentile', 'write hdrPercentile(2) or percentile2(10)'],
  ['labelCount', ''],
  ['labelAvg', ''],
  ['maxDouble', 'write max for whole numbers'],
  ['minDouble', 'write min for whole numbers'],
]);

/** Decorators and the source each belongs to. They put the layer into attr0; entities here carry their layers, so none does anything. */
export const DECORATORS: ReadonlyMap<string, string> = new Map([
  ['ServiceDecorator', 'Service'],
  ['EndpointDecorator', 'Endpoint'],
  ['K8SServiceDecorator', 'K8SService'],
]);

/** Streams that `disable(...)` may name. */
export const STREAMS: readonly string[] = [
  'segment',
  'endpoint_relation_server_side',
  'top_n_database_statement',
  'zipkin_span',
  'jaeger_span',
  'profile_task',
  'profile_task_log',
  'profile_task_segment_snapshot',
];
