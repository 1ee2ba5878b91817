// SPDX-License-Identifier: Apache-2.0
// The metric queries of SkyWalking before MQE, which swctl and old dashboards still send. Each is an MQE expression in other words; values
// are whole numbers there, so fractions are cut off. Record metrics do not exist here: not-kept.ts refuses them.
import {
  bucketStart,
  functionOf,
  PERCENTILE_RANKS,
  STEP_MINUTES,
  timeBucket,
  type MetricSchema,
} from '@oap-federation/model';
import { compileMqe, evaluateMqe, MqeError, type MqeTable } from '@oap-federation/mqe';
import { meteredReader } from '../budget.js';
import { describeEntity, entityIdOf, parentServiceOf, type EntityInput } from '../entity.js';
import { BadQuestion } from '../problem.js';
import type { DurationInput, MinuteRange } from '../range.js';
import {
  askRange,
  type Args,
  type GraphQLDeps,
  type GraphQLLimits,
  type GraphQLPart,
  type QueryContext,
} from './context.js';

const SDL = `
input MetricsCondition { name: String! entity: Entity }
input AttrCondition { name: String! value: String! isEquals: Boolean }
"scope follows from the metric."
input TopNCondition {
  name: String! parentService: String normal: Boolean scope: Scope topN: Int! order: Order! attributes: [AttrCondition]
}

type KVInt { id: ID! value: Long! isEmptyValue: Boolean! }
type IntValues { values: [KVInt!]! }
type MetricsValues { label: String values: IntValues }
type NullableValue { value: Long! isEmptyValue: Boolean! }
type HeatMapColumn { id: ID! values: [Long!]! }
type Bucket { min: String! max: String! }
type HeatMap { values: [HeatMapColumn!]! buckets: [Bucket!]! }
type SelectedRecord { name: String! id: ID! value: String refId: ID }

# deprecated in SkyWalking 9.5: execExpression answers all of them, exactly
extend type Query {
  readMetricsValue(condition: MetricsCondition!, duration: Duration!): Long!
  readNullableMetricsValue(condition: MetricsCondition!, duration: Duration!): NullableValue!
  readMetricsValues(condition: MetricsCondition!, duration: Duration!): MetricsValues!
  readLabeledMetricsValues(condition: MetricsCondition!, labels: [String!]!, duration: Duration!): [MetricsValues!]!
  sortMetrics(condition: TopNCondition!, duration: Duration!): [SelectedRecord!]!
  readHeatMap(condition: MetricsCondition!, duration: Duration!): HeatMap
}
`;

interface Condition {
  readonly name: string;
  readonly entity?: EntityInput | null;
}
interface TopN {
  readonly name: string;
  readonly parentService?: string | null;
  readonly normal?: boolean | null;
  readonly topN: number;
  readonly order: 'ASC' | 'DES';
  readonly attributes?:
    | readonly { readonly name: string; readonly value: string; readonly isEquals?: boolean | null }[]
    | null;
}
type Asked<T> = Args<{ condition: T; duration: DurationInput }>;
type Value = bigint | number | null;

/** One value for a range, as SkyWalking makes it: what is counted adds up, the rest is averaged. */
const WHOLE_RANGE: Readonly<Record<string, string>> = { sum: 'sum', count: 'sum', max: 'max', min: 'min' };

export function legacyMetricsPart(deps: GraphQLDeps, limits: GraphQLLimits): GraphQLPart {
  const ask = async (
    expression: string,
    entity: EntityInput,
    duration: DurationInput,
    context: QueryContext,
  ): Promise<MqeTable & { readonly range: MinuteRange }> => {
    const range = await askRange(duration, context, deps, limits);
    const reader = meteredReader(context.reader, context.budget);
    const request = {
      reader,
      entityIdOf: (scope: MetricSchema['scope']) => entityIdOf(entity, scope),
      serviceId: parentServiceOf(entity),
      ...range,
    };
    return { ...(await plainly(async () => evaluateMqe(compileMqe(expression, reader.metrics()), request))), range };
  };
  const wholeRange = async ({ condition: { name, entity }, duration }: Asked<Condition>, context: QueryContext) => {
    const fold = WHOLE_RANGE[functionOf(schemaOf(name, context)).name] ?? 'avg';
    return only(name, await ask(`${fold}(${name})`, entity ?? {}, duration, context))[0] ?? null;
  };
  const series = (table: Awaited<ReturnType<typeof ask>>, values: readonly Value[], entityId: string) => ({
    values: values.map((value, i) => ({
      id: rowId(table.starts[i]!, table.range, entityId),
      value: whole(value),
      isEmptyValue: value === null,
    })),
  });

  return {
    sdl: SDL,
    Query: {
      readMetricsValue: async (_, asked: Asked<Condition>, context) => whole(await wholeRange(asked, context)),

      readNullableMetricsValue: async (_, asked: Asked<Condition>, context) => {
        const value = await wholeRange(asked, context);
        return { value: whole(value), isEmptyValue: value === null };
      },

      readMetricsValues: async (_, { condition: { name, entity }, duration }: Asked<Condition>, context) => {
        const { scope } = schemaOf(name, context);
        const table = await ask(name, entity ?? {}, duration, context);
        return { label: null, values: series(table, only(name, table), entityIdOf(entity ?? {}, scope)) };
      },

      readLabeledMetricsValues: async (
        _,
        { condition: { name, entity }, labels, duration }: Asked<Condition> & { readonly labels: readonly string[] },
        context,
      ) => {
        const { scope } = schemaOf(name, context);
        const asked = labels.length > 0 ? labels : PERCENTILE_RANKS.map(String);
        const ranks = [...new Set(asked.map(rankOf))];
        const table = await ask(`${name}{p='${ranks.join(',')}'}`, entity ?? {}, duration, context);
        const id = entityIdOf(entity ?? {}, scope);
        return asked.map((label) => {
          const { values } = table.sets[ranks.indexOf(rankOf(label))]!;
          return { label, values: series(table, values, id) };
        });
      },

      sortMetrics: async (_, { condition, duration }: Asked<TopN>, context) => {
        const { name, parentService, normal, topN, order } = condition;
        const { scope } = schemaOf(name, context);
        const filters = (condition.attributes ?? []).map((a) => {
          if (!/^\w+$/.test(a.name) || a.value.includes("'")) {
            throw new BadQuestion(`attribute ${a.name} = ${a.value} is no attribute filter`);
          }
          return `, ${a.name}${a.isEquals === false ? '!=' : '='}'${a.value}'`;
        });
        const expression = `top_n(${name}, ${topN}, ${order === 'ASC' ? 'asc' : 'des'}${filters.join('')})`;
        const parent = { serviceName: parentService ?? null, normal: normal ?? null };
        const { sets } = await ask(expression, parent, duration, context);
        const [set] = sets;
        return (set?.entityIds ?? []).map((id, i) => ({
          name: describeEntity(scope, id).name,
          id,
          value: String(whole(set!.values[i]!)),
          refId: null,
        }));
      },

      readHeatMap: async (_, { condition: { name, entity }, duration }: Asked<Condition>, context) => {
        const metric = schemaOf(name, context);
        const shown = functionOf(metric);
        if (shown.valueType !== 'HISTOGRAM') throw new BadQuestion(`${name} is no heat map, it is ${shown.valueType}`);
        const id = await plainly(async () => entityIdOf(entity ?? {}, metric.scope));
        const range = await askRange(duration, context, deps, limits);
        const reader = meteredReader(context.reader, context.budget);
        const [found] = await reader.readSeries({ metric, entityIds: [id], origins: [''], ...range });
        const lows = Array.from({ length: metric.args[1]! + 1 }, (_low, i) => i * metric.args[0]!);
        const columnOf = (start: number): readonly number[] => {
          const row = found?.starts.indexOf(start) ?? -1;
          if (row < 0) return lows.map(() => 0);
          const value = shown.calculate(found!.columns.fields(row), 1, metric.args);
          return value.kind === 'labeled' ? value.entries.map((e) => whole(e.value)) : [];
        };
        return {
          buckets: lows.map((low, i) => ({ min: String(low), max: lows[i + 1]?.toString() ?? 'infinite+' })),
          values: startsOf(range).map((start) => ({ id: rowId(start, range, id), values: columnOf(start) })),
        };
      },
    },
  };
}

function schemaOf(name: string, { reader }: QueryContext): MetricSchema {
  const schema = reader.metrics().find((m) => m.name === name);
  if (!schema) throw new BadQuestion(`Metric: [${name}] does not exist.`);
  return schema;
}

/** The values of an answer without labels. */
function only(name: string, { sets }: MqeTable): readonly Value[] {
  if (sets.length !== 1) throw new BadQuestion(`${name} has labels: ask readLabeledMetricsValues`);
  return sets[0]!.values;
}

/** Epoch minutes at which the buckets of a range begin. */
function startsOf({ fromMinute, toMinute, step, offsetMinutes }: MinuteRange): readonly number[] {
  const first = bucketStart(fromMinute, step, offsetMinutes);
  const minutes = STEP_MINUTES[step];
  return Array.from({ length: Math.ceil((toMinute + 1 - first) / minutes) }, (_, i) => first + i * minutes);
}

/** There is no `error` field in these answers: what MQE says becomes an error of the request. */
async function plainly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof MqeError ? new BadQuestion(error.message, { cause: error }) : error;
  }
}

/** `99`, `p99` or `p=99`; also the places 0 to 4 of 50, 75, 90, 95 and 99, as clients counted them before SkyWalking 10. */
function rankOf(label: string): number {
  const text = /^(?:\{?p=?)?(\d+(?:\.\d+)?)\}?$/i.exec(label)?.[1];
  if (text === undefined) throw new BadQuestion(`label "${label}" is no percentile: write 99, p99 or p=99`);
  return /^[0-4]$/.test(label) ? PERCENTILE_RANKS[Number(label)]! : Number(text);
}

/** As SkyWalking names a row: `{time bucket}_{entity id}`. */
function rowId(start: number, { step, offsetMinutes }: MinuteRange, entityId: string): string {
  return `${timeBucket(start, step, offsetMinutes)}_${entityId}`;
}

/** A whole number towards zero, 0 where there is none. Beyond 2^53 it is the nearest double: JSON has no other number for these clients. */
function whole(value: Value): number {
  if (value === null) return 0;
  const number = Math.trunc(Number(value));
  return Number.isFinite(number) ? number || 0 : 0; // no minus zero
}
