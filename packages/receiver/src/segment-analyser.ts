// SPDX-License-Identifier: Apache-2.0
// Trace segments -> source events: what SkyWalking's RPC and virtual-service analysis derives from entry, exit and logic spans.
// In: decoded segments of agents, never trusted. Out: SourceRecords into L1, at once; the record is reused, entities are cached.
// Source: SkyWalking RPCAnalysisListener, VirtualServiceAnalysisListener, NetworkAddressAliasMappingListener.
import type { SourceReceiver } from '@oap-federation/analysis';
import { minuteOf } from '@oap-federation/model';
import { SourceRecord, type AccessOperation, type RequestType } from '@oap-federation/oal';
import type { Clock, Counter, MetricRegistry } from '@oap-federation/runtime';
import { SpanLayer, SpanType, type SegmentObject, type SegmentReference, type SpanObject } from '@oap-federation/wire';
import { AddressAliases } from './address-alias.js';
import { EndpointLimit, OVERFLOW_ENDPOINT } from './endpoint-limit.js';
import { EntityCache, type EndNode, type ServiceNode } from './entity-cache.js';
import { cleanName, groupUri } from './names.js';

/** Bounds of the analysis. Lengths in characters; every refusal and every change to a name is counted by reason. */
export interface AnalysisLimits {
  readonly serviceNameMaxLength: number;
  readonly instanceNameMaxLength: number;
  readonly endpointNameMaxLength: number;
  /** Endpoints of one service per UTC day; further ones become `_overflow`. */
  readonly maxEndpointsPerService: number;
  /** Replaces numbers, UUIDs and hex ids in endpoint paths by `{id}`. */
  readonly groupUris: boolean;
  /** Spans that started longer ago are refused; the retention of minute metrics. */
  readonly maxAgeMs: number;
  /** Spans that end later than now plus this are refused. */
  readonly maxAheadMs: number;
  readonly spansPerSegmentMax: number;
  readonly refsPerSegmentMax: number;
  /** Entities, nodes and relations together; about 300 bytes each. */
  readonly entityCacheMax: number;
  readonly addressAliasesMax: number;
}

export function defaultAnalysisLimits(): AnalysisLimits {
  return {
    serviceNameMaxLength: 70, // SkyWalking's defaults, so that ids agree
    instanceNameMaxLength: 70,
    endpointNameMaxLength: 150,
    maxEndpointsPerService: 1_000, // as core.default.maxEndpointsPerService
    groupUris: true,
    maxAgeMs: 7 * 86_400_000,
    maxAheadMs: 5 * 60_000,
    spansPerSegmentMax: 5_000, // agents stop at 300
    refsPerSegmentMax: 2_000, // each ref is six events
    entityCacheMax: 100_000,
    addressAliasesMax: 20_000,
  };
}

/** Why a segment, or a part of one, gave no events. */
const REFUSALS = {
  noSpans: 'segments without spans',
  tooManySpans: 'segments with more spans than spansPerSegmentMax',
  tooManyRefs: 'refs beyond refsPerSegmentMax',
  tooOld: 'spans that started before the retention',
  inFuture: 'spans that end in the future',
  unknownSpanType: 'spans of a kind that is not known',
  badLogicEndpoint: 'x-le tags that cannot be read',
} as const;

/** What was changed in data that was taken. */
const ADJUSTMENTS = {
  blankService: 'segments without a service name, taken as _blank',
  negativeLatency: 'spans that end before they start, taken as 0 ms',
  endpointOverflow: 'endpoints beyond maxEndpointsPerService, taken as _overflow',
} as const;

const USER = 'User';
const LOGIC_TAG = 'x-le';
const LOGIC_TAG_MAX_LENGTH = 4_096;
const NO_REFS: readonly (SegmentReference | undefined)[] = [undefined];
const GEN_AI_LAYER = 7;

export interface SegmentAnalyserDeps {
  readonly clock: Clock;
  readonly sources: SourceReceiver;
  readonly telemetry: MetricRegistry;
}

/** Both ends of a call, while one span is analysed. */
interface Traffic {
  readonly source: ServiceNode;
  readonly sourceInstance: EndNode;
  readonly dest: ServiceNode;
  readonly destInstance: EndNode;
}

export class SegmentAnalyser {
  readonly #limits: AnalysisLimits;
  readonly #clock: Clock;
  readonly #sources: SourceReceiver;
  readonly #cache: EntityCache;
  readonly #aliases: AddressAliases;
  readonly #endpointLimit: EndpointLimit;
  readonly #record = new SourceRecord();
  readonly #tag = new Map<string, string>();
  readonly #tagTexts: string[] = [];
  readonly #segments: Counter;
  readonly #refused: Readonly<Record<keyof typeof REFUSALS, Counter>>;
  readonly #adjusted: Readonly<Record<keyof typeof ADJUSTMENTS, Counter>>;
  #nowMs = 0;

  constructor(limits: AnalysisLimits, { clock, sources, telemetry }: SegmentAnalyserDeps) {
    this.#limits = limits;
    this.#clock = clock;
    this.#sources = sources;
    this.#cache = new EntityCache(limits.entityCacheMax);
    this.#aliases = new AddressAliases(limits.addressAliasesMax);
    this.#endpointLimit = new EndpointLimit(limits.maxEndpointsPerService, 20_000);
    this.#segments = telemetry.counter('oap_receiver_segments_total', 'trace segments analysed');
    this.#refused = countersOf(REFUSALS, (reason) =>
      telemetry.counter('oap_receiver_trace_refused_total', 'segments, spans and refs that were refused', { reason }),
    );
    this.#adjusted = countersOf(ADJUSTMENTS, (reason) =>
      telemetry.counter('oap_receiver_trace_adjusted_total', 'segments and spans that were changed and taken', {
        reason,
      }),
    );
  }

  /** Derives the events of one segment and hands them on. Never throws on content. */
  analyse(segment: SegmentObject): void {
    const spans = segment.spans;
    if (spans.length === 0) return this.#refused.noSpans.inc();
    if (spans.length > this.#limits.spansPerSegmentMax) return this.#refused.tooManySpans.inc();
    this.#segments.inc();
    this.#nowMs = this.#clock.now();
    if (segment.service.trim() === '') this.#adjusted.blankService.inc();
    const service = this.#serviceName(segment.service);
    const instance = this.#instanceName(segment.serviceInstance);
    let refsLeft = this.#limits.refsPerSegmentMax;
    for (const span of spans) {
      if (span.skipAnalysis) continue;
      switch (span.spanType) {
        case SpanType.Entry:
          if (!this.#beginSpan(span)) break;
          refsLeft -= span.refs.length;
          if (refsLeft < 0) this.#refused.tooManyRefs.inc(span.refs.length);
          else this.#entry(span, service, instance);
          break;
        case SpanType.Exit:
          if (span.peer.trim() !== '' && this.#beginSpan(span)) this.#exit(span, service, instance);
          break;
        case SpanType.Local:
          this.#logicEndpoints(span, service, instance);
          break;
        default:
          this.#refused.unknownSpanType.inc();
      }
    }
  }

  /** Puts what every event of a span shares into the record; false when its times are out of bounds. */
  #beginSpan(span: SpanObject): boolean {
    if (span.startTime < this.#nowMs - this.#limits.maxAgeMs) {
      this.#refused.tooOld.inc();
      return false;
    }
    if (Math.max(span.startTime, span.endTime) > this.#nowMs + this.#limits.maxAheadMs) {
      this.#refused.inFuture.inc();
      return false;
    }
    const latency = span.endTime - span.startTime;
    if (latency < 0) this.#adjusted.negativeLatency.inc();
    const r = this.#record;
    r.minute = minuteOf(span.startTime);
    r.latency = latency < 0 ? 0 : latency;
    r.status = !span.isError;
    r.type = requestType(span.spanLayer);
    r.componentId = span.componentId;
    r.httpResponseStatusCode = 0;
    r.rpcStatusCode = '';
    this.#readTags(span);
    return true;
  }

  #readTags(span: SpanObject): void {
    const r = this.#record;
    const texts = this.#tagTexts;
    this.#tag.clear();
    texts.length = 0;
    for (const { key, value } of span.tags) {
      this.#tag.set(key, value);
      texts.push(`${key}:${value}`);
      if (key === 'http.status_code' || key === 'status_code') r.httpResponseStatusCode = statusCode(value);
      else if (key === 'rpc.status_code') r.rpcStatusCode = value;
    }
    r.tags = texts.length === 0 ? undefined : texts;
    r.tag = texts.length === 0 ? undefined : this.#tag;
  }

  /** Server side: once per ref, as SkyWalking counts a batch of messages; once with source `User` when there is none. */
  #entry(span: SpanObject, serviceName: string, instanceName: string): void {
    const cache = this.#cache;
    const dest = cache.service(serviceName, span.spanLayer === SpanLayer.FAAS ? 'FAAS' : 'GENERAL');
    const destInstance = cache.instance(dest, instanceName);
    const endpoint = this.#endpointName(serviceName, span.operationName);
    for (const ref of span.refs.length === 0 ? NO_REFS : span.refs) {
      const source = this.#caller(span, ref);
      const sourceInstance = cache.instance(source, this.#callerInstance(span, ref));
      this.#learnAlias(span, ref, dest, instanceName);
      this.#emitService(dest, instanceName, endpoint);
      this.#emitInstance(dest, destInstance, endpoint);
      this.#emitRelations({ source, sourceInstance, dest, destInstance }, endpoint, 'SERVER');
      if (dest.part.layer === 'FAAS') continue; // a function is its own endpoint
      this.#emitEndpoint(dest, instanceName, endpoint);
      if (ref !== undefined && ref.parentEndpoint.trim() !== '')
        this.#emitEndpointRelation(ref, dest, instanceName, endpoint);
    }
    if (span.spanLayer === SpanLayer.MQ) this.#mqAccess(span, queueAddress(span), 'Consume');
  }

  /** Who called: behind a message queue it is the queue. */
  #caller(span: SpanObject, ref: SegmentReference | undefined): ServiceNode {
    const queue = span.spanLayer === SpanLayer.MQ ? queueAddressOf(span, ref) : '';
    if (queue !== '') return this.#cache.service(this.#serviceName(queue), 'VIRTUAL_MQ');
    if (ref === undefined) return this.#cache.service(USER, 'UNDEFINED');
    return this.#cache.service(this.#serviceName(ref.parentService), 'GENERAL');
  }

  #callerInstance(span: SpanObject, ref: SegmentReference | undefined): string {
    const queue = span.spanLayer === SpanLayer.MQ ? queueAddressOf(span, ref) : '';
    if (queue !== '') return this.#instanceName(queue);
    return ref === undefined ? USER : this.#instanceName(ref.parentServiceInstance);
  }

  #learnAlias(span: SpanObject, ref: SegmentReference | undefined, dest: ServiceNode, instanceName: string): void {
    if (ref === undefined || ref.refType !== 0 || span.spanLayer === SpanLayer.MQ) return;
    const address = ref.networkAddressUsedAtPeer;
    if (address === '' || address.length > 512) return;
    this.#aliases.learn(address, dest.part.service, instanceName, dest.part.layer);
  }

  /** Client side: the peer is who the alias says, or else a service of its address, on a layer that the span's layer implies. */
  #exit(span: SpanObject, serviceName: string, instanceName: string): void {
    const cache = this.#cache;
    const source = cache.service(serviceName, span.spanLayer === SpanLayer.FAAS ? 'FAAS' : 'GENERAL');
    const sourceInstance = cache.instance(source, instanceName);
    const owner = this.#aliases.find(span.peer);
    const dest = owner
      ? cache.service(owner.service, owner.layer)
      : cache.service(this.#serviceName(span.peer), peerLayer(span.spanLayer));
    const destInstance = cache.instance(dest, owner ? owner.instance : this.#instanceName(span.peer));
    const endpoint = cleanName(span.operationName, this.#limits.endpointNameMaxLength);
    this.#emitRelations({ source, sourceInstance, dest, destInstance }, endpoint, 'CLIENT');
    if (span.spanLayer === SpanLayer.Database) this.#databaseAccess(span);
    else if (span.spanLayer === SpanLayer.Cache) this.#cacheAccess(span);
    else if (span.spanLayer === SpanLayer.MQ) this.#mqAccess(span, span.peer, 'Produce');
  }

  #emitService(service: ServiceNode, instanceName: string, endpoint: string): void {
    const r = this.#record;
    r.scope = 'Service';
    r.entity = service.entity('Service');
    r.name = service.part.service;
    r.serviceName = service.part.service;
    r.layer = service.part.layer;
    r.serviceInstanceName = instanceName;
    r.endpointName = endpoint;
    this.#sources.receive(r);
  }

  #emitInstance(service: ServiceNode, instance: EndNode, endpoint: string): void {
    const r = this.#record;
    r.scope = 'ServiceInstance';
    r.entity = instance.entity('ServiceInstance');
    r.name = instance.part.name;
    r.serviceName = service.part.service;
    r.layer = service.part.layer;
    r.serviceInstanceName = instance.part.name;
    r.endpointName = endpoint;
    this.#sources.receive(r);
  }

  #emitEndpoint(service: ServiceNode, instanceName: string, endpoint: string): void {
    const r = this.#record;
    r.scope = 'Endpoint';
    r.entity = this.#cache.endpoint(service, endpoint).entity('Endpoint');
    r.name = endpoint;
    r.serviceName = service.part.service;
    r.layer = service.part.layer;
    r.serviceInstanceName = instanceName;
    r.endpointName = endpoint;
    this.#sources.receive(r);
  }

  #emitRelations(
    { source, sourceInstance, dest, destInstance }: Traffic,
    endpoint: string,
    side: 'SERVER' | 'CLIENT',
  ): void {
    const r = this.#record;
    r.scope = 'ServiceRelation';
    r.entity = source.relation('ServiceRelation', dest, this.#cache);
    r.detectPoint = side;
    r.sourceServiceName = source.part.service;
    r.sourceServiceInstanceName = sourceInstance.part.name;
    r.sourceLayer = source.part.layer;
    r.destServiceName = dest.part.service;
    r.destServiceInstanceName = destInstance.part.name;
    r.destLayer = dest.part.layer;
    r.endpoint = endpoint;
    this.#sources.receive(r);
    r.scope = 'ServiceInstanceRelation';
    r.entity = sourceInstance.relation('ServiceInstanceRelation', destInstance, this.#cache);
    this.#sources.receive(r);
  }

  #emitEndpointRelation(ref: SegmentReference, dest: ServiceNode, instanceName: string, endpoint: string): void {
    const r = this.#record;
    const parent = this.#cache.service(this.#serviceName(ref.parentService), 'GENERAL');
    const parentEndpoint = this.#endpointName(parent.part.service, ref.parentEndpoint);
    const from = this.#cache.endpoint(parent, parentEndpoint);
    r.scope = 'EndpointRelation';
    r.entity = from.relation('EndpointRelation', this.#cache.endpoint(dest, endpoint), this.#cache);
    r.detectPoint = 'SERVER';
    r.endpoint = parentEndpoint;
    r.serviceName = parent.part.service;
    r.serviceInstanceName = this.#instanceName(ref.parentServiceInstance);
    r.childEndpoint = endpoint;
    r.childServiceName = dest.part.service;
    r.childServiceInstanceName = instanceName;
    r.rpcLatency = r.latency;
    this.#sources.receive(r);
  }

  #databaseAccess(span: SpanObject): void {
    const database = this.#cache.service(this.#serviceName(span.peer), 'VIRTUAL_DATABASE');
    const r = this.#record;
    r.scope = 'DatabaseAccess';
    r.entity = database.entity('DatabaseAccess');
    r.name = database.part.service;
    r.layer = database.part.layer;
    r.databaseTypeId = span.componentId;
    this.#sources.receive(r);
  }

  #cacheAccess(span: SpanObject): void {
    const server = this.#cache.service(this.#serviceName(span.peer), 'VIRTUAL_CACHE');
    const r = this.#record;
    r.scope = 'CacheAccess';
    r.entity = server.entity('CacheAccess');
    r.name = server.part.service;
    r.layer = server.part.layer;
    r.cacheTypeId = span.componentId;
    r.operation = cacheOperation(this.#tag.get('cache.op'));
    this.#sources.receive(r);
  }

  #mqAccess(span: SpanObject, address: string, operation: 'Consume' | 'Produce'): void {
    if (address === '') return; // nobody says which queue
    const queue = this.#cache.service(this.#serviceName(address), 'VIRTUAL_MQ');
    const r = this.#record;
    r.scope = 'MQAccess';
    r.entity = queue.entity('MQAccess');
    r.name = queue.part.service;
    r.layer = queue.part.layer;
    r.typeId = span.componentId;
    r.operation = operation;
    r.transmissionLatency = milliseconds(this.#tag.get('transmission.latency'));
    this.#sources.receive(r);
    const topic = [this.#tag.get('mq.topic'), this.#tag.get('mq.queue')].filter((part) => part?.trim()).join('/');
    if (topic === '') return;
    const endpoint = this.#admit(queue.part.service, cleanName(topic, this.#limits.endpointNameMaxLength));
    r.scope = 'MQEndpointAccess';
    r.entity = this.#cache.endpoint(queue, endpoint).entity('MQEndpointAccess');
    r.name = endpoint;
    r.serviceName = queue.part.service;
    r.endpoint = endpoint;
    r.endpointName = endpoint;
    this.#sources.receive(r);
  }

  /** Logic endpoints: `x-le` on a local span says that the span itself, or something named in the tag, counts as an endpoint. */
  #logicEndpoints(span: SpanObject, serviceName: string, instanceName: string): void {
    for (const { key, value } of span.tags) {
      if (key !== LOGIC_TAG) continue;
      const logic = tryParseLogicEndpoint(value, span);
      if (logic === undefined) {
        this.#refused.badLogicEndpoint.inc();
        continue;
      }
      if (!this.#beginSpan(span)) return;
      const r = this.#record;
      r.type = 'LOGIC';
      r.latency = Math.max(0, logic.latency);
      r.status = logic.status;
      r.httpResponseStatusCode = 0;
      r.rpcStatusCode = '';
      const service = this.#cache.service(serviceName, 'GENERAL');
      this.#emitEndpoint(service, instanceName, this.#endpointName(serviceName, logic.name));
    }
  }

  #serviceName(raw: string): string {
    return cleanName(raw, this.#limits.serviceNameMaxLength);
  }

  #instanceName(raw: string): string {
    return cleanName(raw, this.#limits.instanceNameMaxLength);
  }

  /** Grouped before it is cut, so that a long path keeps its route; bounded before the grouping, which is a regular expression. */
  #endpointName(service: string, raw: string): string {
    const { endpointNameMaxLength, groupUris } = this.#limits;
    if (!groupUris) return this.#admit(service, cleanName(raw, endpointNameMaxLength));
    const bounded = raw.length > endpointNameMaxLength * 4 ? raw.slice(0, endpointNameMaxLength * 4) : raw;
    return this.#admit(service, cleanName(groupUri(bounded), endpointNameMaxLength));
  }

  #admit(service: string, endpoint: string): string {
    const admitted = this.#endpointLimit.admit(service, endpoint, this.#nowMs);
    if (admitted === OVERFLOW_ENDPOINT) this.#adjusted.endpointOverflow.inc();
    return admitted;
  }
}

function requestType(spanLayer: number): RequestType {
  switch (spanLayer) {
    case SpanLayer.Http:
      return 'HTTP';
    case SpanLayer.Database:
      return 'DATABASE';
    case SpanLayer.MQ:
      return 'MQ';
    case GEN_AI_LAYER:
      return 'GenAI';
    default:
      return 'RPC';
  }
}

/** Layer of a peer nobody answers for. The VIRTUAL_* ones and UNDEFINED make a conjectured service (normal = false). */
function peerLayer(spanLayer: number): string {
  switch (spanLayer) {
    case SpanLayer.Database:
      return 'VIRTUAL_DATABASE';
    case SpanLayer.RPCFramework:
    case SpanLayer.Http:
      return 'GENERAL';
    case SpanLayer.MQ:
      return 'VIRTUAL_MQ';
    case SpanLayer.Cache:
      return 'VIRTUAL_CACHE';
    case SpanLayer.FAAS:
      return 'FAAS';
    default:
      return 'UNDEFINED';
  }
}

function queueAddressOf(span: SpanObject, ref: SegmentReference | undefined): string {
  return (ref?.networkAddressUsedAtPeer.trim() ? ref.networkAddressUsedAtPeer : span.peer).trim();
}

/** The queue that an entry span read from: its peer, or else the address that the sender used. */
function queueAddress(span: SpanObject): string {
  return (span.peer.trim() ? span.peer : (span.refs[0]?.networkAddressUsedAtPeer ?? '')).trim();
}

function cacheOperation(text: string | undefined): AccessOperation {
  switch (text?.toLowerCase()) {
    case 'write':
      return 'Write';
    case 'read':
      return 'Read';
    default:
      return 'Others';
  }
}

function statusCode(text: string): number {
  return /^\d{1,4}$/.test(text) ? Number(text) : 0;
}

function milliseconds(text: string | undefined): number {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

interface LogicEndpoint {
  readonly name: string;
  readonly latency: number;
  readonly status: boolean;
}

/** `{"logic-span":true}` stands for the span itself; `{"name":…,"latency":ms,"status":…}` for something inside it. */
function tryParseLogicEndpoint(text: string, span: SpanObject): LogicEndpoint | undefined {
  if (text.length > LOGIC_TAG_MAX_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // counted by the caller
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if ('logic-span' in value && value['logic-span'] === true) {
    return { name: span.operationName, latency: span.endTime - span.startTime, status: !span.isError };
  }
  if (!('name' in value && 'latency' in value && 'status' in value)) return undefined;
  const { name, latency, status } = value;
  if (typeof name !== 'string' || typeof latency !== 'number' || typeof status !== 'boolean') return undefined;
  // an endpoint inside the span cannot take longer than any span may
  return Number.isFinite(latency) && latency <= 2_147_483_647
    ? { name, latency: Math.trunc(latency), status }
    : undefined;
}

function countersOf<K extends string>(
  table: Readonly<Record<K, string>>,
  open: (reason: K) => Counter,
): Record<K, Counter> {
  return Object.fromEntries((Object.keys(table) as K[]).map((reason) => [reason, open(reason)])) as Record<K, Counter>;
}
