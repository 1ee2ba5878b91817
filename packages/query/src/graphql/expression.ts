// SPDX-License-Identifier: Apache-2.0
// Metrics: which there are, and MQE over them. `debug` adds a trace of the query's own work to the answer.
import { functionOf, scopeOf, type MetricSchema } from '@oap-federation/model';
import { executeMqe, type MqeResult, type Rankings } from '@oap-federation/mqe';
import { meteredReader } from '../budget.js';
import { describeEntity, entityIdOf, parentServiceOf, type EntityInput } from '../entity.js';
import { compileNamePattern } from '../name-pattern.js';
import type { DurationInput } from '../range.js';
import { askRange, type Args, type GraphQLDeps, type GraphQLLimits, type GraphQLPart } from './context.js';
import { QueryTrace } from './query-trace.js';

const SDL = `
enum MetricsType { UNKNOWN REGULAR_VALUE LABELED_VALUE HEATMAP SAMPLED_RECORD }
enum MetricCatalog {
  SERVICE ENDPOINT SERVICE_INSTANCE PROCESS SERVICE_RELATION SERVICE_INSTANCE_RELATION ENDPOINT_RELATION PROCESS_RELATION
}
enum ExpressionResultType { UNKNOWN SINGLE_VALUE TIME_SERIES_VALUES SORTED_LIST RECORD_LIST }

"The scope follows from the metric; normal and destNormal are part of the id and are true when left out."
input Entity {
  scope: Scope
  serviceName: String normal: Boolean serviceInstanceName: String endpointName: String processName: String
  destServiceName: String destNormal: Boolean destServiceInstanceName: String destEndpointName: String destProcessName: String
}

type MetricDefinition { name: String! type: MetricsType! catalog: MetricCatalog! }

type Metadata { labels: [KeyValue!]! }
type Owner {
  scope: Scope
  serviceID: ID serviceName: String normal: Boolean
  serviceInstanceID: ID serviceInstanceName: String
  endpointID: ID endpointName: String
}
type MQEValue { id: ID owner: Owner value: String traceID: ID }
type MQEValues { metric: Metadata! values: [MQEValue!]! }
type ExpressionResult {
  type: ExpressionResultType! results: [MQEValues!]! error: String debuggingTrace: DebuggingTrace
}

extend type Query {
  typeOfMetrics(name: String!): MetricsType!
  listMetrics(regex: String): [MetricDefinition!]!
  execExpression(expression: String!, entity: Entity!, duration: Duration!, debug: Boolean, dumpDBRsp: Boolean): ExpressionResult!
}
`;

interface Execution {
  readonly expression: string;
  readonly entity: EntityInput;
  readonly duration: DurationInput;
  readonly debug?: boolean | null;
  readonly dumpDBRsp?: boolean | null;
}

export function expressionPart(deps: GraphQLDeps, limits: GraphQLLimits): GraphQLPart {
  const rankings: Rankings = new WeakMap();
  return {
    sdl: SDL,
    Query: {
      typeOfMetrics: (_, { name }: Args<{ name: string }>, { reader }) => {
        const schema = reader.metrics().find((m) => m.name === name);
        return schema ? metricType(schema) : 'UNKNOWN';
      },

      listMetrics: (_, { regex }: Args<{ regex?: string | null }>, { reader }) => {
        const pattern = regex ? compileNamePattern(regex) : undefined;
        return reader
          .metrics()
          .filter(({ name }) => pattern?.test(name) ?? true)
          .map((m) => ({ name: m.name, type: metricType(m), catalog: scopeOf(m.scope).catalog }));
      },

      execExpression: async (_, execution: Args<Execution>, context) => {
        const { expression, entity, duration } = execution;
        const trace = execution.debug ? new QueryTrace(deps, conditionOf(execution)) : undefined;
        const asked = await askRange(duration, context, deps, limits);
        const reader = meteredReader(context.reader, context.budget, trace?.observer(execution.dumpDBRsp === true));
        const answer = await executeMqe(expression, {
          reader,
          entityIdOf: (scope) => entityIdOf(entity, scope),
          serviceId: parentServiceOf(entity),
          rankings,
          ...asked,
        });
        return { ...expressionView(answer), debuggingTrace: trace?.end(answer.error) ?? null };
      },
    },
  };
}

function conditionOf({ expression, entity, duration }: Execution): string {
  return `Expression: ${expression}, Entity: ${JSON.stringify(entity)}, Duration: ${JSON.stringify(duration)}`;
}

const METRIC_TYPES = { COMMON_VALUE: 'REGULAR_VALUE', LABELED_VALUE: 'LABELED_VALUE', HISTOGRAM: 'HEATMAP' } as const;

function metricType(schema: MetricSchema) {
  return METRIC_TYPES[functionOf(schema).valueType];
}

function expressionView({ type, results, scope, error }: MqeResult) {
  return {
    type,
    error: error ?? null,
    results: results.map(({ labels, values }) => ({
      metric: { labels },
      values: values.map(({ id, value }) => {
        if (type !== 'SORTED_LIST' || id === null) return { id, value, owner: null, traceID: null };
        const { name, owner } = describeEntity(scope!, id);
        return { id: name, value, owner, traceID: null };
      }),
    })),
  };
}
