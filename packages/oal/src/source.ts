// SPDX-License-Identifier: Apache-2.0
// The source record: what a receiver hands to OAL dispatch for one event of one scope.
// One mutable record shape for every scope, so that the hot loop stays monomorphic and the receiver can reuse one record.
import type { Entity, ScopeName } from '@oap-federation/model';

export type RequestType = 'DATABASE' | 'HTTP' | 'RPC' | 'gRPC' | 'LOGIC' | 'TCP' | 'MQ' | 'GenAI';
export type DetectPoint = 'SERVER' | 'CLIENT' | 'PROXY' | 'UNRECOGNIZED';
export type AccessOperation = 'Write' | 'Read' | 'Others' | 'Consume' | 'Produce';

/**
 * Attributes as SkyWalking's sources name them (reference: OAL sources). Those that a scope does not have stay at their defaults;
 * the OAL checker knows which scope has which. The receiver of a record reads it at once and keeps nothing but `entity`.
 */
export class SourceRecord {
  scope: ScopeName = 'Service';
  /** Epoch minute (UTC) of the event. */
  minute = 0;
  /** The entity; receivers cache entities, so equal entities are usually one object. */
  entity: Entity | undefined = undefined;
  name = '';
  serviceName = '';
  serviceInstanceName = '';
  endpointName = '';
  layer = '';
  /** ms */
  latency = 0;
  /** ms; EndpointRelation's name for its latency. */
  rpcLatency = 0;
  /** ms; MQ sources. */
  transmissionLatency = 0;
  status = true;
  httpResponseStatusCode = 0;
  rpcStatusCode = '';
  type: RequestType = 'RPC';
  detectPoint: DetectPoint = 'SERVER';
  operation: AccessOperation = 'Others';
  componentId = 0;
  tlsMode = '';
  sourceServiceName = '';
  sourceServiceInstanceName = '';
  sourceLayer = '';
  destServiceName = '';
  destServiceInstanceName = '';
  destLayer = '';
  endpoint = '';
  childEndpoint = '';
  childServiceName = '';
  childServiceInstanceName = '';
  databaseTypeId = 0;
  cacheTypeId = 0;
  typeId = 0;
  /** `key:value` texts; undefined when the event has no tags (`contain` is then false either way, as in SkyWalking). */
  tags: readonly string[] | undefined = undefined;
  /** Original tags by key. */
  tag: ReadonlyMap<string, string> | undefined = undefined;
}
