// SPDX-License-Identifier: Apache-2.0
// The GraphQL schema: SkyWalking's type and field names, so that its clients work, for the part that is served here.

export const SDL = `
scalar Long

enum Step { DAY HOUR MINUTE SECOND }
enum Scope { All Service ServiceInstance Endpoint Process ServiceRelation ServiceInstanceRelation EndpointRelation ProcessRelation }
enum Language { UNKNOWN JAVA DOTNET NODEJS PYTHON RUBY GO LUA PHP }
enum MetricsType { UNKNOWN REGULAR_VALUE LABELED_VALUE HEATMAP SAMPLED_RECORD }
enum MetricCatalog {
  SERVICE ENDPOINT SERVICE_INSTANCE PROCESS SERVICE_RELATION SERVICE_INSTANCE_RELATION ENDPOINT_RELATION PROCESS_RELATION
}
enum ExpressionResultType { UNKNOWN SINGLE_VALUE TIME_SERIES_VALUES SORTED_LIST RECORD_LIST }

"Both ends are inclusive, in the zone of getTimeInfo. The form of start and end follows the step."
input Duration { start: String! end: String! step: Step! coldStage: Boolean }

"The scope follows from the metric; normal and destNormal are part of the id and are true when left out."
input Entity {
  scope: Scope
  serviceName: String normal: Boolean serviceInstanceName: String endpointName: String processName: String
  destServiceName: String destNormal: Boolean destServiceInstanceName: String destEndpointName: String destProcessName: String
}

type TimeInfo { timezone: String currentTimestamp: Long }
type HealthStatus { score: Int! details: String }
type MetricsTTL { minute: Int! hour: Int! day: Int! coldMinute: Int! coldHour: Int! coldDay: Int! }

type Service { id: ID! name: String! group: String! shortName: String! layers: [String!]! normal: Boolean }
type Attribute { name: String! value: String! }
type ServiceInstance { id: ID! name: String! attributes: [Attribute!]! language: Language! instanceUUID: String! }
type Endpoint { id: ID! name: String! }

type MetricDefinition { name: String! type: MetricsType! catalog: MetricCatalog! }

type KeyValue { key: String! value: String }
type Metadata { labels: [KeyValue!]! }
type Owner {
  scope: Scope
  serviceID: ID serviceName: String normal: Boolean
  serviceInstanceID: ID serviceInstanceName: String
  endpointID: ID endpointName: String
}
type MQEValue { id: ID owner: Owner value: String traceID: ID }
type MQEValues { metric: Metadata! values: [MQEValue!]! }
type DebuggingSpan {
  spanId: Int! parentSpanId: Int! operation: String! startTime: Long! endTime: Long! duration: Long! msg: String error: String
}
type DebuggingTrace {
  traceId: String! condition: String! startTime: Long! endTime: Long! duration: Long! spans: [DebuggingSpan!]!
}
type ExpressionResult {
  type: ExpressionResultType! results: [MQEValues!]! error: String debuggingTrace: DebuggingTrace
}

type Query {
  version: String
  checkHealth: HealthStatus!
  getTimeInfo: TimeInfo
  getMetricsTTL: MetricsTTL!
  listLayers: [String!]!
  listServices(layer: String): [Service!]!
  getService(serviceId: String!): Service
  findService(serviceName: String!): Service
  listInstances(duration: Duration!, serviceId: ID!): [ServiceInstance!]!
  findEndpoint(keyword: String, serviceId: ID!, limit: Int!, duration: Duration): [Endpoint!]!
  typeOfMetrics(name: String!): MetricsType!
  listMetrics(regex: String): [MetricDefinition!]!
  execExpression(expression: String!, entity: Entity!, duration: Duration!, debug: Boolean, dumpDBRsp: Boolean): ExpressionResult!
}
`;
