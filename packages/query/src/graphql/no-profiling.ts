// SPDX-License-Identifier: Apache-2.0
// Profiling works between an agent and the OAP that it reports to; a federation takes no part in it. Lists are answered empty, and what
// would start a task answers with the reason why not, in the field that clients show.
import type { GraphQLPart } from './context.js';
import { without } from './not-kept.js';

const SDL = `
enum ProfileTaskLogOperationType { NOTIFIED EXECUTION_FINISHED }
enum EBPFProfilingTargetType { ON_CPU OFF_CPU NETWORK }
enum EBPFProfilingTriggerType { FIXED_TIME CONTINUOUS_PROFILING }
enum EBPFProfilingStackType { KERNEL_SPACE USER_SPACE }
enum EBPFProfilingAnalyzeAggregateType { DURATION COUNT }
enum ContinuousProfilingTargetType { ON_CPU OFF_CPU NETWORK }
enum ContinuousProfilingMonitorType {
  PROCESS_CPU PROCESS_THREAD_COUNT SYSTEM_LOAD HTTP_ERROR_RATE HTTP_AVG_RESPONSE_TIME
}

input ProfileTaskCreationRequest {
  serviceId: ID! endpointName: String! startTime: Long duration: Int! minDurationThreshold: Int! dumpPeriod: Int! maxSamplingCount: Int!
}
type ProfileTaskCreationResult { errorReason: String id: String }
type ProfileTaskLog {
  id: String! instanceId: ID! instanceName: String! operationType: ProfileTaskLogOperationType! operationTime: Long!
}
type ProfileTask {
  id: String! serviceId: ID! serviceName: String! endpointName: String! startTime: Long! duration: Int! minDurationThreshold: Int!
  dumpPeriod: Int! maxSamplingCount: Int! logs: [ProfileTaskLog!]!
}
type ProfiledTraceSegments {
  traceId: String! instanceId: ID! instanceName: String! endpointNames: [String!]! duration: Int! start: String! spans: [Span!]!
}
input ProfileAnalyzeTimeRange { start: Long! end: Long! }
input SegmentProfileAnalyzeQuery { segmentId: String! timeRange: ProfileAnalyzeTimeRange! }
type ProfileStackElement {
  id: ID! parentId: ID! codeSignature: String! duration: Int! durationChildExcluded: Int! count: Int!
}
type ProfileStackTree { elements: [ProfileStackElement!]! }
type ProfileAnalyzation { tip: String trees: [ProfileStackTree!]! }

type EBPFProfilingTaskPrepare { couldProfiling: Boolean! processLabels: [String!]! }
type EBPFProfilingTask {
  taskId: ID! serviceId: ID! serviceName: String! processLabels: [String!]! taskStartTime: Long!
  triggerType: EBPFProfilingTriggerType! fixedTriggerDuration: Long targetType: EBPFProfilingTargetType! createTime: Long!
}
type EBPFProfilingSchedule { scheduleId: ID! taskId: ID! process: Process! startTime: Long! endTime: Long! }
input EBPFProfilingAnalyzeTimeRange { start: Long! end: Long! }
type EBPFProfilingStackElement {
  id: ID! parentId: ID! symbol: String! stackType: EBPFProfilingStackType! dumpCount: Long!
}
type EBPFProfilingTree { elements: [EBPFProfilingStackElement!]! }
type EBPFProfilingAnalyzation { tip: String trees: [EBPFProfilingTree!]! }
input EBPFProfilingTaskFixedTimeCreationRequest {
  serviceId: String! processLabels: [String!]! startTime: Long! duration: Int! targetType: EBPFProfilingTargetType!
}
type EBPFProfilingTaskCreationResult { status: Boolean! errorReason: String id: String }

type ContinuousProfilingPolicyItem {
  type: ContinuousProfilingMonitorType! threshold: String! period: Int! count: Int! uriList: [String!] uriRegex: String
}
type ContinuousProfilingPolicyTarget {
  type: ContinuousProfilingTargetType! checkItems: [ContinuousProfilingPolicyItem!]!
}

input AsyncProfilerTaskListRequest { serviceId: String! queryDuration: Duration limit: Int }
type AsyncProfilerTask {
  id: String! serviceId: ID! serviceInstanceIds: [String!]! createTime: Long! events: [String!]! duration: Int! execArgs: String
}
type AsyncProfilerTaskListResult { errorReason: String tasks: [AsyncProfilerTask!] }
input PprofTaskListRequest { serviceId: String! queryDuration: Duration limit: Int }
type PprofTask {
  id: String! serviceId: ID! serviceInstanceIds: [String!]! createTime: Long! events: String! duration: Int dumpPeriod: Int
}
type PprofTaskListResult { errorReason: String tasks: [PprofTask!] }

extend type Query {
  getProfileTaskList(serviceId: ID, endpointName: String): [ProfileTask!]!
  getProfileTaskLogs(taskID: String): [ProfileTaskLog!]!
  getProfileTaskSegments(taskID: ID!): [ProfiledTraceSegments!]!
  getSegmentsProfileAnalyze(queries: [SegmentProfileAnalyzeQuery!]!): ProfileAnalyzation!
  queryPrepareCreateEBPFProfilingTaskData(serviceId: ID!): EBPFProfilingTaskPrepare!
  queryEBPFProfilingTasks(
    serviceId: ID, serviceInstanceId: ID, targets: [EBPFProfilingTargetType!], triggerType: EBPFProfilingTriggerType, duration: Duration
  ): [EBPFProfilingTask!]!
  queryEBPFProfilingSchedules(taskId: ID!): [EBPFProfilingSchedule!]!
  analysisEBPFProfilingResult(
    scheduleIdList: [ID!]!, timeRanges: [EBPFProfilingAnalyzeTimeRange!]!, aggregateType: EBPFProfilingAnalyzeAggregateType
  ): EBPFProfilingAnalyzation!
  queryContinuousProfilingServiceTargets(serviceId: ID!): [ContinuousProfilingPolicyTarget!]!
  queryAsyncProfilerTaskList(request: AsyncProfilerTaskListRequest!): AsyncProfilerTaskListResult!
  queryPprofTaskList(request: PprofTaskListRequest!): PprofTaskListResult!
}

extend type Mutation {
  createProfileTask(creationRequest: ProfileTaskCreationRequest): ProfileTaskCreationResult!
  createEBPFProfilingFixedTimeTask(request: EBPFProfilingTaskFixedTimeCreationRequest!): EBPFProfilingTaskCreationResult!
}
`;

const PROFILES = 'profiles';
const REASON = 'a federation does not profile: ask the OAP that the agent reports to';

export const noProfilingPart: GraphQLPart = {
  sdl: SDL,
  Query: {
    getProfileTaskList: without(PROFILES, []),
    getProfileTaskLogs: without(PROFILES, []),
    getProfileTaskSegments: without(PROFILES, []),
    getSegmentsProfileAnalyze: without(PROFILES, { tip: REASON, trees: [] }),
    queryPrepareCreateEBPFProfilingTaskData: without(PROFILES, { couldProfiling: false, processLabels: [] }),
    queryEBPFProfilingTasks: without(PROFILES, []),
    queryEBPFProfilingSchedules: without(PROFILES, []),
    analysisEBPFProfilingResult: without(PROFILES, { tip: REASON, trees: [] }),
    queryContinuousProfilingServiceTargets: without(PROFILES, []),
    queryAsyncProfilerTaskList: without(PROFILES, { errorReason: null, tasks: [] }),
    queryPprofTaskList: without(PROFILES, { errorReason: null, tasks: [] }),
  },
  Mutation: {
    createProfileTask: without(PROFILES, { errorReason: REASON, id: null }),
    createEBPFProfilingFixedTimeTask: without(PROFILES, { status: false, errorReason: REASON, id: null }),
  },
};
