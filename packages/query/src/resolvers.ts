// SPDX-License-Identifier: Apache-2.0
// The fields of the GraphQL query type, over the readers of the request. One `QueryContext` a request: completeness is read once, first.
import { functionOf, minuteOf, NO_WATERMARK, scopeOf, type MetricSchema } from '@oap-federation/model';
import { executeMqe, type MqeResult } from '@oap-federation/mqe';
import { OapError, type Clock } from '@oap-federation/runtime';
import type { Conservation, MetadataReader, ServiceInfo, SourceCompleteness } from '@oap-federation/storage';
import type { Principal } from './access/principal.js';
import { describeEntity, entityIdOf, parentServiceOf, type EntityInput } from './entity.js';
import { compileNamePattern } from './name-pattern.js';
import { BadQuestion } from './problem.js';
import type { Readers } from './readers.js';
import { parseRange, zoneText, type DurationInput, type ZoneOffset } from './range.js';

export interface ResolverDeps {
  /** Of the tier itself, for its health; whatever shows data reads through the request's. */
  readonly metadata: MetadataReader;
  readonly clock: Clock;
  readonly timezoneOffsetMinutes: ZoneOffset;
  /** Of this program; clients are told `10.4.0-...`, the SkyWalking API that they may expect. */
  readonly version: string;
}

export interface ResolverLimits {
  readonly maxPoints: number;
  readonly metricsTtlDays: number;
}

/** What one request may read, and what it has asked so far. */
export interface QueryContext extends Readers {
  readonly principal: Principal;
  sources: Promise<readonly [readonly SourceCompleteness[], Conservation]> | undefined;
  /** Last minute that any metric of the request was asked for. */
  toMinute: number | undefined;
}

const ENDPOINTS_MAX = 1_000;
/** The property in which agents say their language; SkyWalking shows it apart from the others. */
const LANGUAGE = 'language';
const LANGUAGES = ['JAVA', 'DOTNET', 'NODEJS', 'PYTHON', 'RUBY', 'GO', 'LUA', 'PHP'];

function languageOf(said: string | undefined): string {
  const language = (said ?? '').toUpperCase();
  return LANGUAGES.includes(language) ? language : 'UNKNOWN';
}

type Args<T> = T & Readonly<Record<string, unknown>>;

export function createResolvers(deps: ResolverDeps, limits: ResolverLimits) {
  const { clock } = deps;
  const zone = deps.timezoneOffsetMinutes;
  const range = (duration: DurationInput) => parseRange(duration, zone, limits.maxPoints);

  const Query = {
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
      return { minute: days, hour: days, day: days, coldMinute: -1, coldHour: -1, coldDay: -1 };
    },

    listLayers: (_: unknown, _args: unknown, { metadata }: QueryContext) => metadata.listLayers(),

    listServices: async (_: unknown, { layer }: Args<{ layer?: string | null }>, { metadata }: QueryContext) =>
      (await metadata.listServices(layer || undefined)).map(serviceView),

    getService: async (_: unknown, { serviceId }: Args<{ serviceId: string }>, { metadata }: QueryContext) => {
      const service = (await metadata.listServices()).find((s) => s.id === serviceId);
      return service ? serviceView(service) : null;
    },

    // A name may be a real and a conjectured service: the real one is meant, as in SkyWalking.
    findService: async (_: unknown, { serviceName }: Args<{ serviceName: string }>, { metadata }: QueryContext) => {
      const named = (await metadata.listServices()).filter((s) => s.name === serviceName);
      const service = named.find((s) => s.normal) ?? named[0];
      return service ? serviceView(service) : null;
    },

    listInstances: async (
      _: unknown,
      { duration, serviceId }: Args<{ duration: DurationInput; serviceId: string }>,
      { metadata }: QueryContext,
    ) => {
      const { fromMinute, toMinute } = range(duration);
      const instances = await metadata.listInstances(serviceId, fromMinute, toMinute);
      return instances.map(({ id, name, properties }) => ({
        id,
        name,
        attributes: properties.filter((p) => p.name !== LANGUAGE),
        language: languageOf(properties.find((p) => p.name === LANGUAGE)?.value),
        instanceUUID: id,
      }));
    },

    findEndpoint: async (
      _: unknown,
      { keyword, serviceId, limit }: Args<{ keyword?: string | null; serviceId: string; limit: number }>,
      { metadata }: QueryContext,
    ) => {
      if (limit < 1) throw new BadQuestion(`limit is ${limit}, it must be at least 1`);
      if (limit > ENDPOINTS_MAX) throw new OapError('OAP-6001', { limit: 'limit', value: limit, max: ENDPOINTS_MAX });
      const endpoints = await metadata.findEndpoints(serviceId, keyword ?? '', limit);
      return endpoints.map(({ id, name }) => ({ id, name }));
    },

    typeOfMetrics: (_: unknown, { name }: Args<{ name: string }>, { reader }: QueryContext) => {
      const schema = reader.metrics().find((m) => m.name === name);
      return schema ? metricType(schema) : 'UNKNOWN';
    },

    listMetrics: (_: unknown, { regex }: Args<{ regex?: string | null }>, { reader }: QueryContext) => {
      const pattern = regex ? compileNamePattern(regex) : undefined;
      return reader
        .metrics()
        .filter(({ name }) => pattern?.test(name) ?? true)
        .map((m) => ({ name: m.name, type: metricType(m), catalog: scopeOf(m.scope).catalog }));
    },

    execExpression: async (
      _: unknown,
      { expression, entity, duration }: Args<{ expression: string; entity: EntityInput; duration: DurationInput }>,
      context: QueryContext,
    ) => {
      const { reader, metadata } = context;
      const asked = range(duration);
      context.toMinute = Math.max(context.toMinute ?? NO_WATERMARK, asked.toMinute);
      context.sources ??= Promise.all([metadata.completeness(), metadata.conservation()]);
      await context.sources;
      const answer = await executeMqe(expression, {
        reader,
        entityIdOf: (scope) => entityIdOf(entity, scope),
        serviceId: parentServiceOf(entity),
        ...asked,
      });
      return expressionView(answer);
    },
  };
  return { Query };
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

function serviceView({ id, name, normal, layers }: ServiceInfo) {
  const separator = name.indexOf('::');
  return {
    id,
    name,
    group: separator < 0 ? '' : name.slice(0, separator),
    shortName: separator < 0 ? name : name.slice(separator + 2),
    layers,
    normal,
  };
}

const METRIC_TYPES = { COMMON_VALUE: 'REGULAR_VALUE', LABELED_VALUE: 'LABELED_VALUE', HISTOGRAM: 'HEATMAP' } as const;

function metricType(schema: MetricSchema) {
  return METRIC_TYPES[functionOf(schema).valueType];
}

function expressionView({ type, results, scope, error }: MqeResult) {
  return {
    type,
    error: error ?? null,
    debuggingTrace: null,
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
