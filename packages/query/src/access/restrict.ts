// SPDX-License-Identifier: Apache-2.0
// The readers of a request, narrowed to what its principal may see. In: the tier's readers. Out: readers that answer as a tier would that
// holds nothing else; what cannot be answered like that is refused by name, and never answered with more.
import {
  MetricColumns,
  SCOPES,
  scopeOf,
  tryParseServiceId,
  minuteOf,
  type Entity,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery, ValueSums } from '@oap-federation/mqe';
import { OapError, type Clock, type Logger } from '@oap-federation/runtime';
import type {
  Conservation,
  InstanceInfo,
  MetadataReader,
  NamedInfo,
  RelationScope,
  ReportedByQuery,
  ServiceInfo,
  SourceCompleteness,
} from '@oap-federation/storage';
import { describeEntity } from '../entity.js';
import type { Readers } from '../readers.js';
import { restrictAlarms } from './alarms.js';
import type { Principal } from './principal.js';
import { visibleConservation, visibleSources, type TierFacts, type VisibleSources } from './sources.js';

export interface RestrictDeps {
  readonly facts: TierFacts;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/** For one request: what is visible is found out once, when it is first asked for. */
export function restrict(readers: Readers, principal: Principal, deps: RestrictDeps): Readers {
  const { tiers, origins, metrics } = principal.limits;
  if (!tiers && !origins && !metrics) return readers;
  let found: Promise<VisibleSources> | undefined;
  /** Undefined: every source is visible. */
  const visible = async (): Promise<VisibleSources | undefined> => {
    if (!tiers && !origins) return undefined;
    found ??= visibleSources(readers.metadata, principal, deps.facts);
    const sources = await found;
    return sources.all ? undefined : sources;
  };
  const view: View = { ...deps, principal, visible };
  return {
    reader: new RestrictedMetricReader(readers.reader, view),
    metadata: new RestrictedMetadataReader(readers, view),
    alarms: restrictAlarms(readers, view),
  };
}

/** What of the tier a request sees. */
export interface View extends RestrictDeps {
  readonly principal: Principal;
  readonly visible: () => Promise<VisibleSources | undefined>;
}

function refuseUnlessSplit(what: string, scope: ScopeName, { facts, principal }: View): void {
  if (facts.originScopes?.has(scope) !== true) {
    throw new OapError('OAP-6106', { what, principal: principal.name });
  }
}

class RestrictedMetricReader implements MetricReader {
  readonly #reader: MetricReader;
  readonly #view: View;

  constructor(reader: MetricReader, view: View) {
    this.#reader = reader;
    this.#view = view;
  }

  metrics(): readonly MetricSchema[] {
    return this.#reader.metrics().filter(this.#view.principal.seesMetric);
  }

  readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return this.#read(query, (allowed) => this.#reader.readSeries(allowed));
  }

  readRange(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return this.#read(query, (allowed) => this.#reader.readRange(allowed));
  }

  /** The short way, where every source is visible; sums of hidden ones cannot be taken out again. */
  async readSums(query: SeriesQuery): Promise<readonly ValueSums[] | undefined> {
    const { principal, visible } = this.#view;
    if (!principal.seesMetric(query.metric) || (await visible()) !== undefined) return undefined;
    return this.#reader.readSums?.(query);
  }

  /** Errors: OAP-6104 metric, OAP-6105 origin, OAP-6106 a scope without rows per origin. */
  async #read(
    query: SeriesQuery,
    read: (allowed: SeriesQuery) => Promise<readonly MetricSeries[]>,
  ): Promise<readonly MetricSeries[]> {
    const { principal } = this.#view;
    const { metric } = query;
    if (!principal.seesMetric(metric)) {
      throw new OapError('OAP-6104', { what: `metric ${metric.name}`, principal: principal.name });
    }
    const visible = await this.#view.visible();
    if (visible === undefined) return read(query);
    refuseUnlessSplit(`metric ${metric.name}`, metric.scope, this.#view);
    const named = query.origins.filter((origin) => origin !== '' && origin !== '*');
    for (const origin of named) {
      if (!visible.mayName(origin)) throw new OapError('OAP-6105', { origin, principal: principal.name });
    }
    const wantsMerged = query.origins.includes('');
    const shown = new Set(query.origins.includes('*') ? [...visible.origins, ...named] : named);
    const origins = [...new Set([...shown, ...(wantsMerged ? visible.origins : [])])];
    if (origins.length === 0) return [];
    const series = await read({ ...query, origins });
    const merged = wantsMerged
      ? this.#merged(
          metric,
          series.filter(({ origin }) => visible.origins.includes(origin)),
        )
      : [];
    return [...merged, ...series.filter(({ origin }) => shown.has(origin))].sort(byEntityAndOrigin);
  }

  /** One series an entity: the merged row of a tier that has these origins alone. */
  #merged(metric: MetricSchema, series: readonly MetricSeries[]): MetricSeries[] {
    const byEntity = new Map<string, MetricSeries[]>();
    for (const one of series) {
      const others = byEntity.get(one.entityId);
      if (others) others.push(one);
      else byEntity.set(one.entityId, [one]);
    }
    return [...byEntity].map(([entityId, parts]) => {
      const starts = [...new Set(parts.flatMap((part) => part.starts))].sort((a, b) => a - b);
      const rowOf = new Map(starts.map((start, row) => [start, row]));
      const columns = new MetricColumns(metric, starts.length);
      for (const part of parts) {
        part.starts.forEach((start, row) => {
          if (columns.mergeRow(rowOf.get(start)!, part.columns, row)) return;
          this.#view.logger.error(
            { metric: metric.name, entity: entityId, start },
            'a bucket leaves int64 when merged; what did not fit is left out of the answer',
          );
        });
      }
      return { entityId, origin: '', starts, columns };
    });
  }
}

// The order of a storage is that in which entities came to it, from whomever: it is not kept.
function byName(a: NamedInfo | ServiceInfo, b: NamedInfo | ServiceInfo): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function byEntityAndOrigin(a: MetricSeries, b: MetricSeries): number {
  if (a.entityId !== b.entityId) return a.entityId < b.entityId ? -1 : 1;
  return a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0;
}

const SERVICE_SCOPES = SCOPES.filter((s) => s.part === 'service' && !s.relation).map((s) => s.name as ScopeName);
const MINUTES_PER_DAY = 1_440;

/**
 * Entities are visible when visible origins have rows of them within the TTL. Their layers are those that any origin gave: storage does
 * not keep them apart.
 */
class RestrictedMetadataReader implements MetadataReader {
  readonly #of: MetadataReader;
  readonly #reader: MetricReader;
  readonly #view: View;

  constructor({ metadata, reader }: Readers, view: View) {
    this.#of = metadata;
    this.#reader = reader;
    this.#view = view;
  }

  async listLayers(): Promise<readonly string[]> {
    if ((await this.#view.visible()) === undefined) return this.#of.listLayers();
    const services = await this.listServices();
    return [...new Set(services.flatMap((s) => s.layers))].sort();
  }

  async listServices(layer?: string): Promise<readonly ServiceInfo[]> {
    const visible = await this.#view.visible();
    if (visible === undefined) return this.#of.listServices(layer);
    const split = SERVICE_SCOPES.filter((scope) => this.#view.facts.originScopes?.has(scope) === true);
    if (split.length === 0) refuseUnlessSplit('the list of services', 'Service', this.#view);
    const [services, ...ids] = await Promise.all([
      this.#of.listServices(layer),
      ...split.map((scope) => this.#reportedBy(scope, visible)),
    ]);
    const reported = new Set(ids.flat());
    return services.filter((s) => reported.has(s.id)).sort(byName);
  }

  async listInstances(serviceId: string, fromMinute: number, toMinute: number): Promise<readonly InstanceInfo[]> {
    this.#demandScope('ServiceInstance');
    const visible = await this.#view.visible();
    if (visible === undefined) return this.#of.listInstances(serviceId, fromMinute, toMinute);
    const [reported, instances] = await Promise.all([
      this.#reportedBy('ServiceInstance', visible, { serviceId, fromMinute, toMinute }),
      this.#of.listInstances(serviceId, fromMinute, toMinute),
    ]);
    return instances
      .filter((i) => reported.includes(i.id))
      .map((i) => this.#withoutOthersProperties(i, visible))
      .sort(byName);
  }

  async findEndpoints(serviceId: string, keyword: string, limit: number): Promise<readonly NamedInfo[]> {
    this.#demandScope('Endpoint');
    const visible = await this.#view.visible();
    if (visible === undefined) return this.#of.findEndpoints(serviceId, keyword, limit);
    const ids = await this.#reportedBy('Endpoint', visible, { serviceId });
    // by name: which is the newest depends on who else reported it
    return ids
      .map((id) => ({ id, name: describeEntity('Endpoint', id).name, serviceId }))
      .filter(({ name }) => name.toLowerCase().includes(keyword.toLowerCase()))
      .sort(byName)
      .slice(0, limit);
  }

  async instance(id: string): Promise<InstanceInfo | undefined> {
    this.#demandScope('ServiceInstance');
    const visible = await this.#view.visible();
    if (visible === undefined) return this.#of.instance(id);
    // asked in this order, a refusal says nothing of whether the instance exists
    const reported = await this.#reportedBy('ServiceInstance', visible, { serviceId: id.split('_')[0]! });
    const instance = reported.includes(id) ? await this.#of.instance(id) : undefined;
    return instance && this.#withoutOthersProperties(instance, visible);
  }

  async relations(
    scope: RelationScope,
    limit: number,
    serviceIds?: readonly string[],
  ): Promise<readonly Required<Entity>[]> {
    this.#demandScope(scope);
    const visible = await this.#view.visible();
    if (visible === undefined) return this.#of.relations(scope, limit, serviceIds);
    const ids = await this.#reportedBy(scope, visible);
    const found = (await this.#of.entities(scope, ids)) as readonly Required<Entity>[];
    const takesPart = ({ id }: Entity) =>
      serviceIds === undefined || servicesOf(id).some((service) => serviceIds.includes(service));
    return found
      .filter(takesPart)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  async entities(scope: ScopeName, ids: readonly string[]): Promise<readonly Entity[]> {
    this.#demandScope(scope);
    const visible = await this.#view.visible();
    if (visible === undefined || ids.length === 0) return this.#of.entities(scope, ids);
    const reported = new Set(await this.#reportedBy(scope, visible));
    const found = await this.#of.entities(
      scope,
      ids.filter((id) => reported.has(id)),
    );
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async origins(): Promise<readonly string[]> {
    const [visible, all] = await Promise.all([this.#view.visible(), this.#of.origins()]);
    return visible === undefined ? all : all.filter((origin) => visible.origins.includes(origin));
  }

  async reportedBy(query: ReportedByQuery): Promise<readonly string[]> {
    this.#demandScope(query.scope);
    const visible = await this.#view.visible();
    if (visible === undefined) return this.#of.reportedBy(query);
    return this.#reportedBy(query.scope, visible, {
      ...query,
      origins: query.origins.filter((origin) => visible.origins.includes(origin)),
    });
  }

  async completeness(): Promise<readonly SourceCompleteness[]> {
    const [visible, sources] = await Promise.all([this.#view.visible(), this.#of.completeness()]);
    return visible === undefined ? sources : sources.filter(visible.sees);
  }

  async conservation(): Promise<Conservation> {
    const [visible, known] = await Promise.all([this.#view.visible(), this.#of.conservation()]);
    return visible === undefined ? known : visibleConservation(known, visible);
  }

  /** Errors: OAP-6104 unless some metric of the scope, or the scope itself, is visible. */
  #demandScope(scope: ScopeName): void {
    const { principal } = this.#view;
    if (!principal.limits.metrics || principal.seesScope(scope)) return;
    if (this.#reader.metrics().some((metric) => metric.scope === scope && principal.seesMetric(metric))) return;
    throw new OapError('OAP-6104', { what: `scope ${scope}`, principal: principal.name });
  }

  async #reportedBy(
    scope: ScopeName,
    visible: VisibleSources,
    rest: Partial<Omit<ReportedByQuery, 'scope'>> = {},
  ): Promise<readonly string[]> {
    refuseUnlessSplit(`the list of ${scopeOf(scope).table}s`, scope, this.#view);
    const { clock, facts } = this.#view;
    const now = minuteOf(clock.now());
    return this.#of.reportedBy({
      origins: visible.origins,
      fromMinute: now - facts.ttlDays * MINUTES_PER_DAY,
      toMinute: now + MINUTES_PER_DAY, // clocks of others may be ahead
      ...rest,
      scope,
    });
  }

  /** What agents said of an instance was said to this tier's own nodes. */
  #withoutOthersProperties(instance: InstanceInfo, visible: VisibleSources): InstanceInfo {
    return visible.origins.includes(this.#view.facts.tier) ? instance : { ...instance, properties: [] };
  }
}

/** Ids of the services at both ends of a relation, cut out of its id. */
function servicesOf(relationId: string): readonly string[] {
  return relationId.split('-').flatMap((end) => {
    const [service = ''] = end.split('_');
    return tryParseServiceId(service) ? [service] : [];
  });
}
