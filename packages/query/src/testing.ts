// SPDX-License-Identifier: Apache-2.0
// A tier over plain memory, exported as `@oap-federation/query/testing`: metadata, alarms and completeness that a test sets, to put behind the
// query server beside mqe's MemoryMetricReader.
import { serviceId, tryParseServiceId, type Entity, type ScopeName } from '@oap-federation/model';
import type { SampleSource } from '@oap-federation/promql';
import { seededRng, silentLogger, type Clock } from '@oap-federation/runtime';
import type {
  AlarmRecord,
  Conservation,
  InstanceInfo,
  MetadataReader,
  NamedInfo,
  ServiceInfo,
  SourceCompleteness,
  UiTemplate,
  UiTemplateStore,
} from '@oap-federation/storage';
import { Sealing } from './prometheus/sealing.js';
import { MetricSampleSource } from './prometheus/source.js';
import type { AlarmReader, Readers } from './readers.js';
import { createQueryApp, defaultQueryServerConfig, type QueryServerConfig, type QueryServerDeps } from './server.js';

export interface MemoryMetadata extends MetadataReader {
  readonly services: ServiceInfo[];
  readonly instances: InstanceInfo[];
  readonly endpoints: NamedInfo[];
  readonly relationEntities: Required<Entity>[];
  /** Rows per origin, as far as they matter here: who was reported by whom, when. */
  readonly reports: {
    readonly scope: ScopeName;
    readonly id: string;
    readonly origin: string;
    readonly minute: number;
  }[];
  /** Known with all that they are; other services are known by their ids. */
  readonly described: Entity[];
  sources: readonly SourceCompleteness[];
  known: Conservation;
  /** When set, every method rejects with it. */
  failure: Error | undefined;
}

export function memoryMetadata(services: readonly ServiceInfo[]): MemoryMetadata {
  const answer = <T>(value: () => T): Promise<T> =>
    metadata.failure === undefined ? Promise.resolve(value()) : Promise.reject(metadata.failure);
  const metadata: MemoryMetadata = {
    services: [...services],
    instances: [],
    endpoints: [],
    relationEntities: [],
    reports: [],
    described: [],
    sources: [],
    known: { losses: [], verdicts: [] },
    failure: undefined,
    listLayers: () => answer(() => [...new Set(metadata.services.flatMap((s) => s.layers))].sort()),
    listServices: (layer) =>
      answer(() => metadata.services.filter((s) => layer === undefined || s.layers.includes(layer))),
    listInstances: (serviceId) => answer(() => metadata.instances.filter((i) => i.serviceId === serviceId)),
    findEndpoints: (serviceId, keyword, limit) =>
      answer(() =>
        metadata.endpoints.filter((e) => e.serviceId === serviceId && e.name.includes(keyword)).slice(0, limit),
      ),
    instance: (id) => answer(() => metadata.instances.find((i) => i.id === id)),
    relations: (scope, limit, serviceIds) =>
      answer(() =>
        metadata.relationEntities
          .filter((e) => e.scope === scope)
          .filter(
            ({ source, dest }) =>
              serviceIds === undefined ||
              [source, dest].some((end) => serviceIds.includes(serviceId(end.service, end.normal))),
          )
          .slice(0, limit),
      ),
    entities: (scope: ScopeName, ids) =>
      answer(() =>
        ids.flatMap((id): Entity[] => {
          const described = metadata.described.find((e) => e.scope === scope && e.id === id);
          if (described) return [described];
          const service = tryParseServiceId(id);
          if (!service) return [];
          return [{ scope, id, source: { service: service.name, normal: service.normal, layer: '', name: '' } }];
        }),
      ),
    origins: () => answer(() => [...new Set(metadata.reports.map((r) => r.origin))].sort()),
    reportedBy: ({ scope, origins, fromMinute, toMinute, serviceId: of }) =>
      answer(() => {
        const found = metadata.reports
          .filter((r) => r.scope === scope && origins.includes(r.origin))
          .filter((r) => r.minute >= fromMinute && r.minute <= toMinute)
          .filter(({ id }) => of === undefined || id === of || ['_', '-'].some((end) => id.startsWith(of + end)));
        return [...new Set(found.map((r) => r.id))].sort();
      }),
    completeness: () => answer(() => metadata.sources),
    conservation: () => answer(() => metadata.known),
  };
  return metadata;
}

/** Alarms that a test lays down, searched as a store does it. */
export function memoryAlarms(records: readonly AlarmRecord[]): AlarmReader {
  return {
    query: ({ fromMs, toMs, scope, keyword, rule, entityId, layer, tags, offset, limit }) => {
      const found = records
        .filter((r) => r.startTimeMs >= fromMs && r.startTimeMs <= toMs)
        .filter((r) => (scope === undefined || r.scope === scope) && (rule === undefined || r.rule === rule))
        .filter((r) => entityId === undefined || r.id0 === entityId)
        .filter((r) => layer === undefined || r.layers.includes(layer))
        .filter((r) => keyword === undefined || r.message.toLowerCase().includes(keyword.toLowerCase()))
        .filter((r) => (tags ?? []).every((t) => r.tags.some(({ key, value }) => key === t.key && value === t.value)))
        .toSorted((a, b) => b.startTimeMs - a.startTimeMs);
      return Promise.resolve({ records: found.slice(offset, offset + limit), total: found.length });
    },
  };
}

/** Dashboards in memory; nothing is shipped. */
export function memoryTemplates(): UiTemplateStore {
  const all = new Map<string, UiTemplate>();
  const put = (id: string, change: Partial<UiTemplate>) => {
    const known = all.get(id);
    if (known) all.set(id, { ...known, ...change });
    return Promise.resolve(known !== undefined);
  };
  return {
    list: () => Promise.resolve([...all.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))),
    add: (id, configuration, updatedAtMs) => {
      if (all.has(id)) return Promise.resolve(false);
      all.set(id, { id, configuration, updatedAtMs, disabled: false });
      return Promise.resolve(true);
    },
    change: (id, configuration, updatedAtMs) => put(id, { configuration, updatedAtMs, disabled: false }),
    disable: (id, updatedAtMs) => put(id, { updatedAtMs, disabled: true }),
    ship: () => Promise.resolve(),
  };
}

/** The series that the Prometheus API of these readers is made of. */
export function prometheusSource(readers: Pick<Readers, 'reader' | 'metadata'>, clock: Clock): SampleSource {
  const all = { ...readers, alarms: memoryAlarms([]) };
  return new MetricSampleSource(all, new Sealing(readers.metadata, clock), { samplesMax: 50_000_000 });
}

/** What a query server wants beside metrics and metadata: no alarms, dashboards, menu, nodes or settings. */
export function nothingElse() {
  return {
    alarms: memoryAlarms([]),
    templates: memoryTemplates(),
    menu: [],
    rng: seededRng(1),
    clusterNodes: () => [],
    settings: {},
  };
}

export interface GraphQLReply {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
  readonly extensions?: { readonly completeness?: object; readonly notKept?: readonly string[] };
}

/** A query app over memory, without a socket. */
export interface MemoryApp extends AsyncDisposable {
  ask(query: string, variables?: object): Promise<GraphQLReply>;
  /** The field `result`. Errors: what the answer has as errors. */
  result<T>(query: string, variables?: object): Promise<T>;
}

export async function openMemoryApp(
  config: Partial<QueryServerConfig>,
  deps: Pick<QueryServerDeps, 'reader' | 'metadata' | 'clock'> & Partial<QueryServerDeps>,
): Promise<MemoryApp> {
  const app = await createQueryApp(
    { ...defaultQueryServerConfig(), ...config },
    {
      ...nothingElse(),
      logger: silentLogger,
      timezoneOffsetMinutes: () => 0,
      version: '0.1.0',
      status: () => ({}),
      ...deps,
    },
  );
  const ask = async (query: string, variables: object = {}): Promise<GraphQLReply> => {
    const reply = await app.inject({ method: 'POST', url: '/graphql', payload: { query, variables } });
    if (reply.statusCode !== 200) throw new Error(`HTTP ${reply.statusCode}: ${reply.body}`);
    return reply.json();
  };
  return {
    ask,
    async result<T>(query: string, variables?: object) {
      const { data, errors } = await ask(query, variables);
      if (errors) throw new Error(errors.map((e) => e.message).join('; '));
      return data!['result'] as T;
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
