// SPDX-License-Identifier: Apache-2.0
// What SkyWalking keeps and a federation does not: traces, logs, events, sampled records, processes. They stay with the OAP that received
// them. Lists are answered empty, so that pages work, and `extensions.notKept` names what is not here; records are refused by name.
import { OapError } from '@oap-federation/runtime';
import type { GraphQLPart, Resolver } from './context.js';

const SDL = `
enum TraceState { ALL SUCCESS ERROR }
enum QueryOrder { BY_START_TIME BY_DURATION }
enum RefType { CROSS_PROCESS CROSS_THREAD }
enum ContentType { TEXT JSON YAML }
enum EventType { Normal Error }
enum ErrorCategory { ALL AJAX RESOURCE VUE PROMISE JS UNKNOWN }

input SpanTag { key: String! value: String }
input TraceQueryCondition {
  serviceId: ID serviceInstanceId: ID traceId: String endpointId: ID queryDuration: Duration
  minTraceDuration: Int maxTraceDuration: Int traceState: TraceState! queryOrder: QueryOrder! tags: [SpanTag!] paging: Pagination!
}
input TraceQueryConditionByName {
  service: ServiceCondition serviceInstance: InstanceCondition traceId: String endpoint: EndpointCondition queryDuration: Duration
  minTraceDuration: Int maxTraceDuration: Int traceState: TraceState! queryOrder: QueryOrder! tags: [SpanTag!] paging: Pagination!
}
input InstanceCondition { serviceName: String! layer: String instanceName: String! }

type BasicTrace { segmentId: String! endpointNames: [String!]! duration: Int! start: String! isError: Boolean traceIds: [String!]! }
type TraceBrief { traces: [BasicTrace!]! debuggingTrace: DebuggingTrace }
type Ref { traceId: ID! parentSegmentId: ID! parentSpanId: Int! type: RefType! }
type LogEntity { time: Long! data: [KeyValue!] }
type KeyNumericValue { key: String! value: Long! }
type Instant { seconds: Long! nanos: Int! }
type SpanAttachedEvent { startTime: Instant! event: String! endTime: Instant! tags: [KeyValue!]! summary: [KeyNumericValue!]! }
type Span {
  traceId: ID! segmentId: ID! spanId: Int! parentSpanId: Int! refs: [Ref!]! serviceCode: String! serviceInstanceName: ID!
  startTime: Long! endTime: Long! endpointName: String type: String! peer: String component: String isError: Boolean layer: String
  tags: [KeyValue!]! logs: [LogEntity!]! attachedEvents: [SpanAttachedEvent!]! profiled: Boolean
}
type Trace { spans: [Span!]! debuggingTrace: DebuggingTrace }
type TraceV2 { spans: [Span!]! }
type RetrievedTimeRange { startTime: Long! endTime: Long! }
type TraceList { traces: [TraceV2!]! retrievedTimeRange: RetrievedTimeRange debuggingTrace: DebuggingTrace }

input LogTag { key: String! value: String }
input TraceScopeCondition { traceId: String! segmentId: String spanId: Int }
input LogQueryCondition {
  serviceId: ID serviceInstanceId: ID endpointId: ID relatedTrace: TraceScopeCondition queryDuration: Duration tags: [LogTag!]
  keywordsOfContent: [String!] excludingKeywordsOfContent: [String!] queryOrder: Order paging: Pagination!
}
type Log {
  serviceName: String serviceId: ID serviceInstanceName: String serviceInstanceId: ID endpointName: String endpointId: ID
  traceId: String timestamp: Long! contentType: ContentType! content: String tags: [KeyValue!]
}
type Logs { errorReason: String logs: [Log!]! total: Int! debuggingTrace: DebuggingTrace }
input OndemandContainergQueryCondition { serviceInstanceId: ID }
input OndemandLogQueryCondition {
  serviceInstanceId: ID duration: Duration container: String keywordsOfContent: [String!] excludingKeywordsOfContent: [String!]
}
type PodContainers { errorReason: String containers: [String!]! }

input BrowserErrorLogQueryCondition {
  serviceId: ID serviceVersionId: ID pagePathId: ID category: ErrorCategory queryDuration: Duration paging: Pagination!
}
type BrowserErrorLog {
  service: String! serviceVersion: String! time: Long! pagePath: String! category: ErrorCategory! grade: String message: String
  line: Int col: Int stack: String errorUrl: String firstReportedError: Boolean!
}
type BrowserErrorLogs { logs: [BrowserErrorLog!]! total: Int! }

input SourceInput { service: String serviceInstance: String endpoint: String }
input EventQueryCondition {
  uuid: String source: SourceInput name: String type: EventType time: Duration order: Order layer: String size: Int paging: Pagination
}
type Source { service: String serviceInstance: String endpoint: String }
type Event {
  uuid: String! source: Source! name: String! type: EventType! message: String parameters: [KeyValue!]
  startTime: Long! endTime: Long layer: String
}
type Events { events: [Event!]! total: Int! }

input RecordCondition { name: String! parentEntity: Entity! topN: Int! order: Order! }
type Record { name: String! id: ID! value: String refId: ID }

type Process {
  id: ID! name: String! serviceId: ID! serviceName: String! instanceId: ID! instanceName: String! layer: String! agentId: String!
  detectType: String! attributes: [Attribute!]! labels: [String!]!
}
type ProcessNode {
  id: ID! serviceId: ID! serviceName: String! serviceInstanceId: ID! serviceInstanceName: String! name: String! isReal: Boolean!
}
type ProcessTopology { nodes: [ProcessNode!]! calls: [Call!]! debuggingTrace: DebuggingTrace }

extend type Query {
  queryBasicTraces(condition: TraceQueryCondition, debug: Boolean): TraceBrief
  queryBasicTracesByName(condition: TraceQueryConditionByName, debug: Boolean): TraceBrief
  queryTrace(traceId: ID!, duration: Duration, debug: Boolean): Trace
  queryTraceFromColdStage(traceId: ID!, duration: Duration!, debug: Boolean): Trace
  queryTraceTagAutocompleteKeys(duration: Duration!): [String!]
  queryTraceTagAutocompleteValues(tagKey: String!, duration: Duration!): [String!]
  queryTraces(condition: TraceQueryCondition, debug: Boolean): TraceList
  hasQueryTracesV2Support: Boolean!

  supportQueryLogsByKeywords: Boolean!
  queryLogs(condition: LogQueryCondition, debug: Boolean): Logs
  queryLogTagAutocompleteKeys(duration: Duration!): [String!]
  queryLogTagAutocompleteValues(tagKey: String!, duration: Duration!): [String!]
  listContainers(condition: OndemandContainergQueryCondition): PodContainers
  ondemandPodLogs(condition: OndemandLogQueryCondition): Logs
  queryBrowserErrorLogs(condition: BrowserErrorLogQueryCondition): BrowserErrorLogs
  queryEvents(condition: EventQueryCondition): Events

  readSampledRecords(condition: TopNCondition!, duration: Duration!): [SelectedRecord!]!
  readRecords(condition: RecordCondition!, duration: Duration!): [Record!]!

  listProcesses(duration: Duration!, instanceId: ID!): [Process!]!
  getProcess(processId: ID!): Process
  estimateProcessScale(serviceId: ID!, labels: [String!]!): Long!
  getProcessTopology(serviceInstanceId: ID!, duration: Duration!, debug: Boolean): ProcessTopology
  getProcessTopologyByName(instance: InstanceCondition!, duration: Duration!, debug: Boolean): ProcessTopology
}
`;

/** Answers with `value`, and says in the answer that nothing of that kind is kept. */
export function without(kind: string, value: unknown): Resolver {
  return (_parent, _args, { notKept }) => {
    notKept.add(kind);
    return value;
  };
}

const noLogs = { errorReason: null, logs: [], total: 0, debuggingTrace: null };
const noTrace = { spans: [], debuggingTrace: null };
const noTraces = { traces: [], debuggingTrace: null };
const noTopology = { nodes: [], calls: [], debuggingTrace: null };

const refused: Resolver = (_parent, { condition }: { readonly condition: { readonly name: string } }) => {
  throw new OapError('OAP-6003', { kind: 'sampled records', name: condition.name });
};

export const notKeptPart: GraphQLPart = {
  sdl: SDL,
  Query: {
    queryBasicTraces: without('traces', noTraces),
    queryBasicTracesByName: without('traces', noTraces),
    queryTrace: without('traces', noTrace),
    queryTraceFromColdStage: without('traces', noTrace),
    queryTraceTagAutocompleteKeys: without('traces', []),
    queryTraceTagAutocompleteValues: without('traces', []),
    queryTraces: without('traces', { ...noTraces, retrievedTimeRange: null }),
    hasQueryTracesV2Support: () => false,

    supportQueryLogsByKeywords: () => false,
    queryLogs: without('logs', noLogs),
    queryLogTagAutocompleteKeys: without('logs', []),
    queryLogTagAutocompleteValues: without('logs', []),
    listContainers: without('logs', { errorReason: 'no tier of a federation reads the logs of pods', containers: [] }),
    ondemandPodLogs: without('logs', { ...noLogs, errorReason: 'no tier of a federation reads the logs of pods' }),
    queryBrowserErrorLogs: without('browser logs', { logs: [], total: 0 }),
    queryEvents: without('events', { events: [], total: 0 }),

    readSampledRecords: refused,
    readRecords: refused,

    listProcesses: without('processes', []),
    getProcess: without('processes', null),
    estimateProcessScale: without('processes', 0),
    getProcessTopology: without('processes', noTopology),
    getProcessTopologyByName: without('processes', noTopology),
  },
};
