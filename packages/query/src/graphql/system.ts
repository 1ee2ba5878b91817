// SPDX-License-Identifier: Apache-2.0
// Scalars, enums and inputs that every part uses, and what a client asks of the server itself: version, health, time, how long data is kept.
import { minuteOf } from '@oap-federation/model';
import type { MetadataReader } from '@oap-federation/storage';
import { zoneText } from '../range.js';
import type { GraphQLDeps, GraphQLLimits, GraphQLPart } from './context.js';

const SDL = `
scalar Long

enum Step { DAY HOUR MINUTE SECOND }
enum Order { ASC DES }
enum Scope { All Service ServiceInstance Endpoint Process ServiceRelation ServiceInstanceRelation EndpointRelation ProcessRelation }
enum DetectPoint { CLIENT SERVER PROXY }

"Both ends are inclusive, in the zone of getTimeInfo. The form of start and end follows the step."
input Duration { start: String! end: String! step: Step! coldStage: Boolean }
"pageNum begins with 1."
input Pagination { pageNum: Int pageSize: Int! }

type KeyValue { key: String! value: String }
type DebuggingSpan {
  spanId: Int! parentSpanId: Int! operation: String! startTime: Long! endTime: Long! duration: Long! msg: String error: String
}
type DebuggingTrace {
  traceId: String! condition: String! startTime: Long! endTime: Long! duration: Long! spans: [DebuggingSpan!]!
}

type TimeInfo { timezone: String currentTimestamp: Long }
type HealthStatus { score: Int! details: String }
"In days; -1: no such data, or kept for good."
type MetricsTTL { metadata: Int! minute: Int! hour: Int! day: Int! coldMetadata: Int! coldMinute: Int! coldHour: Int! coldDay: Int! }
type RecordsTTL {
  normal: Int! trace: Int! zipkinTrace: Int! log: Int! browserErrorLog: Int!
  coldNormal: Int! coldTrace: Int! coldZipkinTrace: Int! coldLog: Int! coldBrowserErrorLog: Int!
}

type Query {
  version: String
  checkHealth: HealthStatus!
  getTimeInfo: TimeInfo
  getMetricsTTL: MetricsTTL!
  getRecordsTTL: RecordsTTL!
}
`;

/** Nothing is kept of that kind, or for good. */
const NONE = -1;

export function systemPart(deps: GraphQLDeps, limits: GraphQLLimits): GraphQLPart {
  const { clock, timezoneOffsetMinutes: zone } = deps;
  return {
    sdl: SDL,
    Query: {
      version: () => `10.4.0-oap-federation-${deps.version}`,

      checkHealth: async () => {
        const problem = await healthProblem(deps.metadata);
        return { score: problem === undefined ? 0 : 1, details: problem ?? '' };
      },

      getTimeInfo: () => {
        const now = clock.now();
        return { timezone: zoneText(zone(minuteOf(now))), currentTimestamp: now };
      },

      getMetricsTTL: () => {
        const days = limits.metricsTtlDays;
        const cold = { coldMetadata: NONE, coldMinute: NONE, coldHour: NONE, coldDay: NONE };
        return { metadata: NONE, minute: days, hour: days, day: days, ...cold };
      },

      // alarms are the only records here; traces and logs stay with the OAP that received them
      getRecordsTTL: () => ({
        normal: limits.recordsTtlDays,
        trace: NONE,
        zipkinTrace: NONE,
        log: NONE,
        browserErrorLog: NONE,
        coldNormal: NONE,
        coldTrace: NONE,
        coldZipkinTrace: NONE,
        coldLog: NONE,
        coldBrowserErrorLog: NONE,
      }),
    },
  };
}

/** Undefined while metadata can be read. The reason is short: it is shown to anyone who may ask. */
export async function healthProblem(metadata: MetadataReader): Promise<string | undefined> {
  try {
    await metadata.listLayers();
    return undefined;
  } catch {
    return 'storage is not reachable'; // the storage itself logs why
  }
}
