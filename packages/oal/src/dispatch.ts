// SPDX-License-Identifier: Apache-2.0
// Checked program -> dispatch: for each scope a list of plans, each a few closures made once here and run per event.
// In: source records. Out: rows of the L1 columns. Nothing is allocated per event.
import { functionOf, SCOPES, type MetricColumns, type MetricSchema, type ScopeName } from '@oap-federation/model';
import type { Condition, OalProgram, SourceMetric, ValueRef } from './program.js';
import type { SourceRecord } from './source.js';
import type { SourceField } from './sources.js';

export interface OalDispatch {
  /** Metrics that sources of this scope feed, in dispatch order; L1 keeps one MetricColumns per entry. */
  metricsOf(scope: ScopeName): readonly MetricSchema[];
  /**
   * Runs every metric of the record's scope: filters, arguments, entrance. `columns[i]` belongs to `metricsOf(scope)[i]`.
   * Returns how many metrics refused the event: a value that is no number or too large, or a field that would leave int64.
   */
  dispatch(record: SourceRecord, columns: readonly MetricColumns[], row: number): number;
}

export interface OalOptions {
  /** Asked once per event and apdex metric, so it must be cheap. */
  apdexThresholdMs(serviceName: string): number;
}

/** Undefined: the metric skips the event (a cast found no whole number). Flags are 1 and 0. */
type NumberReader = (record: SourceRecord) => number | undefined;
type TextReader = (record: SourceRecord) => string | undefined;

/** `limit`: the largest value whose bucket index the columns can hold. */
interface MetricPlan {
  readonly schema: MetricSchema;
  readonly passes: NumberReader | undefined;
  readonly a: NumberReader | undefined;
  readonly b: NumberReader | undefined;
  readonly c: NumberReader | undefined;
  readonly limit: number;
}

const NO_SCHEMAS: readonly MetricSchema[] = [];

/** Compiles the source metrics of a program; federated ones have no part in it (see `federationRoutes`). */
export function compileDispatch(program: OalProgram, options: OalOptions): OalDispatch {
  const plans = new Map<ScopeName, MetricPlan[]>();
  for (const { name } of SCOPES) plans.set(name as ScopeName, []);
  for (const metric of program.metrics) {
    if (metric.kind === 'source') plans.get(metric.schema.scope)!.push(planOf(metric, options));
  }
  const schemas = new Map([...plans].map(([scope, list]) => [scope, list.map((p) => p.schema)]));
  return {
    metricsOf: (scope) => schemas.get(scope) ?? NO_SCHEMAS,
    dispatch(record, columns, row) {
      const list = plans.get(record.scope)!;
      let refused = 0;
      for (let i = 0; i < list.length; i++) {
        const plan = list[i]!;
        if (plan.passes !== undefined && plan.passes(record) !== 1) continue;
        const a = plan.a === undefined ? 1 : plan.a(record);
        const b = plan.b === undefined ? 0 : plan.b(record);
        const c = plan.c === undefined ? 0 : plan.c(record);
        if (a === undefined || b === undefined || c === undefined) continue;
        // NaN fails both comparisons
        if (!(a <= plan.limit && a >= -plan.limit && b <= plan.limit) || !columns[i]!.enter(row, a, b, c)) refused++;
      }
      return refused;
    },
  };
}

function planOf(metric: SourceMetric, options: OalOptions): MetricPlan {
  const { schema, value, conditions } = metric;
  const layout = schema.distributionFields[0]?.layout;
  const plan = {
    schema,
    passes: allOf(metric.filters.map(test)),
    a: value && numberReader(value),
    b: undefined,
    c: undefined,
    // the columns' bucket indexes are int32
    limit:
      layout?.kind === 'linear'
        ? Math.min(Number.MAX_SAFE_INTEGER, 2 ** 31 * layout.step - 1)
        : Number.MAX_SAFE_INTEGER,
  };
  switch (functionOf(schema).entrance) {
    case 'addOne':
      return { ...plan, a: undefined };
    case 'addMatch':
      return { ...plan, a: test(conditions[0]!) };
    case 'addRate':
      return { ...plan, a: test(conditions[0]!), b: test(conditions[1]!) };
    case 'addApdex': {
      const name = textReader(metric.serviceName!);
      const status = READ[metric.status!.field];
      return {
        ...plan,
        b: (r) => options.apdexThresholdMs(name(r) ?? ''),
        c: (r) => (status(r) === true ? 1 : 0),
      };
    }
    case 'addValueAndCount':
    case 'addScaledAndCount':
    case 'addValue':
    case 'keepMax':
    case 'keepMin':
    case 'addToDistribution':
      return plan;
  }
}

/** One reader per field, so that each property access stays monomorphic. */
const READ: { readonly [F in SourceField]: (record: SourceRecord) => SourceRecord[F] } = {
  name: (r) => r.name,
  serviceName: (r) => r.serviceName,
  serviceInstanceName: (r) => r.serviceInstanceName,
  endpointName: (r) => r.endpointName,
  layer: (r) => r.layer,
  latency: (r) => r.latency,
  rpcLatency: (r) => r.rpcLatency,
  transmissionLatency: (r) => r.transmissionLatency,
  status: (r) => r.status,
  httpResponseStatusCode: (r) => r.httpResponseStatusCode,
  rpcStatusCode: (r) => r.rpcStatusCode,
  type: (r) => r.type,
  detectPoint: (r) => r.detectPoint,
  operation: (r) => r.operation,
  componentId: (r) => r.componentId,
  tlsMode: (r) => r.tlsMode,
  sourceServiceName: (r) => r.sourceServiceName,
  sourceServiceInstanceName: (r) => r.sourceServiceInstanceName,
  sourceLayer: (r) => r.sourceLayer,
  destServiceName: (r) => r.destServiceName,
  destServiceInstanceName: (r) => r.destServiceInstanceName,
  destLayer: (r) => r.destLayer,
  endpoint: (r) => r.endpoint,
  childEndpoint: (r) => r.childEndpoint,
  childServiceName: (r) => r.childServiceName,
  childServiceInstanceName: (r) => r.childServiceInstanceName,
  databaseTypeId: (r) => r.databaseTypeId,
  cacheTypeId: (r) => r.cacheTypeId,
  typeId: (r) => r.typeId,
  tags: (r) => r.tags,
  tag: (r) => r.tag,
};

/** The checker has seen to it that the field holds text (or the tag map with a key). '' in a field of the record means: not there. */
function textReader(ref: ValueRef): TextReader {
  const { key } = ref;
  if (key !== undefined) return (r) => r.tag?.get(key);
  const read = READ[ref.field] as (record: SourceRecord) => string;
  return (r) => read(r) || undefined;
}

const INT32_MAX = 2 ** 31 - 1;

function numberReader(ref: ValueRef): NumberReader {
  if (ref.cast === undefined) return READ[ref.field] as (record: SourceRecord) => number;
  const limit = ref.cast.endsWith('int') ? INT32_MAX : Number.MAX_SAFE_INTEGER;
  if (ref.key === undefined && isNumberField(ref)) {
    const read = READ[ref.field] as (record: SourceRecord) => number;
    return (r) => Math.trunc(read(r));
  }
  const text = textReader(ref);
  return (r) => wholeNumber(text(r), limit);
}

const NUMBER_FIELDS: ReadonlySet<SourceField> = new Set<SourceField>([
  'latency',
  'rpcLatency',
  'transmissionLatency',
  'httpResponseStatusCode',
  'componentId',
  'databaseTypeId',
  'cacheTypeId',
  'typeId',
]);

const isNumberField = (ref: ValueRef) => NUMBER_FIELDS.has(ref.field);

/** Java's Long.parseLong and Integer.parseInt: an optional sign and digits, nothing else; undefined when it is not that or beyond `limit`. */
function wholeNumber(text: string | undefined, limit: number): number | undefined {
  if (text === undefined) return undefined;
  const sign = text.charCodeAt(0);
  const start = sign === 43 || sign === 45 ? 1 : 0;
  if (start === text.length) return undefined;
  let n = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    n = n * 10 + digit;
    if (n > limit) return undefined;
  }
  return sign === 45 ? -n : n;
}

function allOf(tests: readonly NumberReader[]): NumberReader | undefined {
  const [first, second] = tests;
  if (tests.length < 2) return first;
  if (tests.length === 2) return (r) => (first!(r) === 1 && second!(r) === 1 ? 1 : 0);
  return (r) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(r) !== 1) return 0;
    return 1;
  };
}

/** A condition as a flag; undefined when its cast found no number. */
function test(condition: Condition): NumberReader {
  const { left } = condition;
  const isNumber = left.cast !== undefined || (left.key === undefined && isNumberField(left));
  return isNumber ? numberTest(condition, numberReader(left)) : otherTest(condition);
}

function numberTest({ operator, right }: Condition, read: NumberReader): NumberReader {
  const wanted = right as number;
  const flag = (holds: (n: number) => boolean): NumberReader => {
    return (r) => {
      const n = read(r);
      return n === undefined ? undefined : holds(n) ? 1 : 0;
    };
  };
  switch (operator) {
    case '==':
      return flag((n) => n === wanted);
    case '!=':
      return flag((n) => n !== wanted);
    case '>':
      return flag((n) => n > wanted);
    case '>=':
      return flag((n) => n >= wanted);
    case '<':
      return flag((n) => n < wanted);
    case '<=':
      return flag((n) => n <= wanted);
    case 'in': {
      const list = new Set(right as readonly number[]);
      return flag((n) => list.has(n));
    }
    case 'like':
    case 'contain':
    case 'not contain':
      throw new TypeError(`BUG: operator ${operator} on a number passed the checker`);
  }
}

function otherTest({ operator, left, right }: Condition): NumberReader {
  if (left.key === undefined && left.field === 'status') {
    return (operator === '==') === right ? (r) => (r.status ? 1 : 0) : (r) => (r.status ? 0 : 1);
  }
  if (left.key === undefined && left.field === 'tags') return tagsTest(operator, right);
  const read = textReader(left);
  /** Null is what the reader says of it: undefined. So is '' in a field of the record. */
  const asRead = (constant: unknown) =>
    constant === null || (constant === '' && left.key === undefined) ? undefined : (constant as string);
  switch (operator) {
    case '==': {
      const wanted = asRead(right);
      return (r) => (read(r) === wanted ? 1 : 0);
    }
    case '!=': {
      const unwanted = asRead(right);
      return (r) => (read(r) === unwanted ? 0 : 1);
    }
    case 'in': {
      const list = new Set((right as readonly string[]).map(asRead));
      return (r) => (list.has(read(r)) ? 1 : 0);
    }
    case 'like': {
      const matches = likeMatcher(right as string);
      return (r) => {
        const text = read(r);
        return text !== undefined && matches(text) ? 1 : 0;
      };
    }
    case '>':
    case '>=':
    case '<':
    case '<=':
    case 'contain':
    case 'not contain':
      throw new TypeError(`BUG: operator ${operator} on text passed the checker`);
  }
}

/** `contain` and `not contain` are both false without a list (SkyWalking's ContainMatch and NotContainMatch). */
function tagsTest(operator: Condition['operator'], right: Condition['right']): NumberReader {
  if (right === null) {
    return operator === '==' ? (r) => (r.tags === undefined ? 1 : 0) : (r) => (r.tags === undefined ? 0 : 1);
  }
  const wanted = right as string;
  return operator === 'contain'
    ? (r) => (r.tags !== undefined && r.tags.includes(wanted) ? 1 : 0)
    : (r) => (r.tags !== undefined && !r.tags.includes(wanted) ? 1 : 0);
}

/** `%x` ends with, `x%` starts with, `%x%` contains. */
function likeMatcher(pattern: string): (text: string) => boolean {
  const open = pattern.startsWith('%');
  const close = pattern.endsWith('%');
  const part = pattern.slice(open ? 1 : 0, close ? -1 : undefined);
  if (open && close) return (text) => text.includes(part);
  return open ? (text) => text.endsWith(part) : (text) => text.startsWith(part);
}
