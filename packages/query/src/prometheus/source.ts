// SPDX-License-Identifier: Apache-2.0
// Stored metrics as Prometheus series. In: matchers and a range of time. Out: series with labels and samples, each made of the merged
// fields of one entity and origin; or their labels alone. What one answer may hold is bounded.
import {
  functionOf,
  namedPartId,
  percentiles,
  scopeOf,
  serviceId,
  type Entity,
  type MetricSchema,
} from '@oap-federation/model';
import type { MetricSeries, SeriesQuery } from '@oap-federation/mqe';
import {
  BUCKET_LABEL,
  Labels,
  listedValues,
  METRIC_NAME,
  PromqlExecutionError,
  type CompiledMatcher,
  type SampleSeries,
  type SampleSource,
  type SelectQuery,
} from '@oap-federation/promql';
import { nextTurn } from '@oap-federation/runtime';
import { Budget, costOf } from '../budget.js';
import type { Readers } from '../readers.js';
import { boundsOf, type Bound } from './bounds.js';
import { entityLabels, PART_LABEL } from './entity-labels.js';
import { familiesOf, TRAFFIC, type Family, type Traffic } from './families.js';
import { CONTEXT_MINUTES, counterSamples, gaugeSamples, type SampleColumns, type SampleRange } from './samples.js';
import type { Sealing } from './sealing.js';
import { trafficLabels } from './traffic.js';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const DEFAULT_RANKS = ['50', '75', '90', '95', '99'];
const RANK = /^\d+(\.\d{1,6})?$/;
/** Metrics that one selector may read: each is at least one query to the storage. */
const METRICS_MAX = 100;

/** About ten milliseconds of work; then others get the thread. */
const SAMPLES_AT_ONCE = 20_000;

export interface SourceLimits {
  /** Samples that one request may hold. */
  readonly samplesMax: number;
}

export class MetricSampleSource implements SampleSource {
  readonly #readers: Readers;
  readonly #sealing: Sealing;
  readonly #limits: SourceLimits;
  /** A read that is expected to bring more than may be held is not begun. What is merged into one row before it comes costs nothing. */
  readonly #budget: Budget;
  #samples = 0;

  constructor(readers: Readers, sealing: Sealing, limits: SourceLimits) {
    this.#readers = readers;
    this.#sealing = sealing;
    this.#limits = limits;
    this.#budget = new Budget(limits.samplesMax);
  }

  families(): readonly Family[] {
    return familiesOf(this.#readers.reader.metrics());
  }

  async select({ matchers, fromMs, toMs }: SelectQuery): Promise<readonly SampleSeries[]> {
    const toMinute = Math.floor(toMs / MINUTE_MS) - 1;
    const range: SampleRange = { fromMs, toMs, sealedTo: await this.#sealing.sealedTo(toMinute) };
    const found: SampleSeries[] = [];
    for (const name of this.#traffic(matchers)) {
      const always = minuteSamples(fromMs, toMs);
      for (const labels of await this.#trafficLabels(name, matchers, fromMs, toMs)) {
        this.#take(always.timestamps.length);
        found.push({ labels, ...always });
      }
    }
    for (const [schema, families] of this.#wanted(matchers)) {
      for (const series of await this.#read(schema, families, matchers, range)) found.push(series);
    }
    return found;
  }

  /** Labels of the series that have samples in the range. */
  async list({ matchers, fromMs, toMs }: SelectQuery): Promise<readonly Labels[]> {
    const found: Labels[] = [];
    for (const name of this.#traffic(matchers))
      found.push(...(await this.#trafficLabels(name, matchers, fromMs, toMs)));
    await this.#sealing.sealedTo(Math.floor(toMs / MINUTE_MS) - 1);
    for (const [schema, families] of this.#wanted(matchers)) {
      const fromMinute = Math.ceil(fromMs / MINUTE_MS) - 1;
      const toMinute = Math.floor(toMs / MINUTE_MS) - 1;
      const queries = this.#queries(schema, matchers, fromMinute, toMinute);
      const rows = (await Promise.all(queries.map((query) => this.#readers.reader.readRange(query)))).flat();
      for (const { labels } of await this.#identified(schema, rows, matchers)) {
        for (const family of families) {
          for (const part of partsOf(family, matchers)) {
            this.#take(1);
            found.push(Labels.of([...labels, ...part.labels]));
          }
        }
      }
    }
    return found;
  }

  #take(samples: number): void {
    this.#samples += samples;
    if (this.#samples > this.#limits.samplesMax) {
      throw new PromqlExecutionError(
        `query processing would load too many samples into memory in query execution: more than ${this.#limits.samplesMax}`,
      );
    }
  }

  #traffic(matchers: readonly CompiledMatcher[]): readonly Traffic[] {
    return TRAFFIC.filter((name) => matchers.every((m) => m.name !== METRIC_NAME || m.matches(name)));
  }

  #trafficLabels(name: Traffic, matchers: readonly CompiledMatcher[], fromMs: number, toMs: number): Promise<Labels[]> {
    const range = { fromMinute: Math.floor(fromMs / MINUTE_MS), toMinute: Math.floor(toMs / MINUTE_MS) };
    return trafficLabels(name, matchers, range, this.#readers.metadata);
  }

  /** Families that the name's matchers allow, by the metric that they read. */
  #wanted(matchers: readonly CompiledMatcher[]): Map<MetricSchema, Family[]> {
    const names = matchers.filter((m) => m.name === METRIC_NAME);
    const wanted = new Map<MetricSchema, Family[]>();
    for (const family of this.families()) {
      if (!names.every((m) => m.matches(family.name))) continue;
      const others = wanted.get(family.schema);
      if (others) others.push(family);
      else wanted.set(family.schema, [family]);
    }
    if (wanted.size > METRICS_MAX) {
      throw new PromqlExecutionError(
        `the selector reads ${wanted.size} metrics, the limit is ${METRICS_MAX}: name fewer`,
      );
    }
    return wanted;
  }

  async #read(
    schema: MetricSchema,
    families: readonly Family[],
    matchers: readonly CompiledMatcher[],
    range: SampleRange,
  ): Promise<readonly SampleSeries[]> {
    const firstMinute = Math.ceil(range.fromMs / MINUTE_MS) - CONTEXT_MINUTES;
    const lastMinute = Math.floor(range.toMs / MINUTE_MS);
    const parts = families.flatMap((family) => partsOf(family, matchers));
    const queries = parts.length === 0 ? [] : this.#queries(schema, matchers, firstMinute, lastMinute);
    for (const query of queries) this.#budget.spend(costOf(query));
    const { reader } = this.#readers;
    const rows = (await Promise.all(queries.map((query) => reader.readSeries(query)))).flat();
    const midnight = Math.floor(firstMinute / DAY_MINUTES) * DAY_MINUTES;
    const wantsBefore = rows.length > 0 && midnight < firstMinute && parts.some((p) => p.kind === 'counter');
    const since = wantsBefore ? this.#queries(schema, matchers, midnight, firstMinute - 1) : [];
    const before = (await Promise.all(since.map((query) => reader.readRange(query)))).flat();
    const beforeOf = new Map(before.map((series) => [seriesId(series), series]));
    const found: SampleSeries[] = [];
    let made = 0;
    for (const { series, labels } of await this.#identified(schema, rows, matchers)) {
      if (made >= SAMPLES_AT_ONCE) {
        made = 0;
        await nextTurn();
      }
      const earlier = beforeOf.get(seriesId(series));
      for (const part of parts) {
        const samples = samplesOf(part, series, earlier, firstMinute, range);
        if (samples === undefined) continue;
        this.#take(samples.timestamps.length);
        made += samples.timestamps.length;
        found.push({ labels: Labels.of([...labels, ...part.labels]), ...samples });
      }
    }
    return found;
  }

  /** What to ask the reader, together; nothing when no series can match. */
  #queries(
    metric: MetricSchema,
    matchers: readonly CompiledMatcher[],
    fromMinute: number,
    toMinute: number,
  ): readonly SeriesQuery[] {
    if (toMinute < fromMinute) return [];
    return originsOf(matchers).flatMap((origins) =>
      narrowed(metric, matchers).map((narrower) => ({
        metric,
        ...narrower,
        origins,
        fromMinute,
        toMinute,
        step: 'MINUTE' as const,
        offsetMinutes: 0,
      })),
    );
  }

  /** Series with the labels of their entities: those that all matchers allow (of `p` and `le`, see partsOf). */
  async #identified(
    { scope }: MetricSchema,
    rows: readonly MetricSeries[],
    matchers: readonly CompiledMatcher[],
  ): Promise<{ readonly series: MetricSeries; readonly labels: readonly (readonly [string, string])[] }[]> {
    const ids = [...new Set(rows.map((r) => r.entityId))];
    const entities = new Map<string, Entity>();
    for (const entity of await this.#readers.metadata.entities(scope, ids)) entities.set(entity.id, entity);
    const others = matchers.filter((m) => m.name !== METRIC_NAME && m.name !== 'p' && m.name !== BUCKET_LABEL);
    return rows.flatMap((series) => {
      const entity = entities.get(series.entityId);
      if (entity === undefined) return []; // it was dropped meanwhile
      const labels = [...entityLabels(entity), ['origin', series.origin] as const];
      const byName = new Map(labels);
      return others.every((m) => m.matches(byName.get(m.name) ?? '')) ? [{ series, labels }] : [];
    });
  }
}

/**
 * Origins of each read. Without a matcher on `origin`, the merged series; else those that the matchers allow, the merged one having none.
 * What is asked by name is read by name.
 */
function originsOf(matchers: readonly CompiledMatcher[]): readonly (readonly string[])[] {
  const onOrigin = matchers.filter((m) => m.name === 'origin');
  const merged = onOrigin.every((m) => m.matches('')) ? [['']] : [];
  if (onOrigin.length === 0) return merged;
  const listed = onOrigin.map(listedValues).find((values) => values !== undefined);
  if (listed === undefined) return [...merged, ['*']];
  const named = listed.filter((name) => name !== '' && name !== '*' && onOrigin.every((m) => m.matches(name)));
  return named.length === 0 ? merged : [...merged, named];
}

/** Services that are read one by one rather than with all others. */
const SERVICES_MAX = 8;

/** What of the matchers the reader can narrow its reads down by; all matchers are checked afterwards. */
function narrowed(
  { scope }: MetricSchema,
  matchers: readonly CompiledMatcher[],
): readonly Pick<SeriesQuery, 'entityIds' | 'serviceId' | 'layer'>[] {
  const listed = (name: string) =>
    matchers
      .filter((m) => m.name === name)
      .map(listedValues)
      .find((v) => v !== undefined);
  // a real service and a conjectured one may have the name
  const services = listed('service')?.flatMap((name) => [serviceId(name, true), serviceId(name, false)]);
  const layer = matchers.find((m) => m.name === 'layer' && m.op === '=' && m.value !== '' && !m.value.includes(','));
  const byLayer = layer === undefined ? {} : { layer: layer.value };
  const { part, relation } = scopeOf(scope);
  if (services === undefined || relation) return [byLayer];
  if (part === 'service') return [{ ...byLayer, entityIds: services }];
  const names = listed(PART_LABEL[part]!);
  if (names) return [{ ...byLayer, entityIds: services.flatMap((id) => names.map((name) => namedPartId(id, name))) }];
  return services.length <= 2 * SERVICES_MAX ? services.map((id) => ({ ...byLayer, serviceId: id })) : [byLayer];
}

/** One series of a family for each entity: its own labels, and how a sample comes about. */
type Part = { readonly labels: readonly (readonly [string, string])[] } & (
  | { readonly kind: 'value' }
  | { readonly kind: 'rank'; readonly valueOf: (series: MetricSeries, row: number) => number }
  | {
      readonly kind: 'counter';
      readonly scale: number;
      readonly increment: (series: MetricSeries, row: number) => bigint;
    }
);

function partsOf({ name, schema, part }: Family, matchers: readonly CompiledMatcher[]): readonly Part[] {
  const allows = (label: string, value: string) => matchers.every((m) => m.name !== label || m.matches(value));
  const named: readonly (readonly [string, string])[] = [[METRIC_NAME, name]];
  if (part.kind !== 'ranks' && !allows('p', '')) return [];
  if (part.kind !== 'buckets' && !allows(BUCKET_LABEL, '')) return [];
  switch (part.kind) {
    case 'value':
      return [{ kind: 'value', labels: named }];
    case 'sum': {
      const { field, scale } = part;
      return [{ kind: 'counter', labels: named, scale, increment: ({ columns }, row) => columns.int(row, field) }];
    }
    case 'ranks': {
      const asked = matchers.filter((m) => m.name === 'p').flatMap((m) => listedValues(m) ?? []);
      const isRank = (p: string) => RANK.test(p) && Number(p) > 0 && Number(p) <= 100;
      const wanted = [...new Set([...DEFAULT_RANKS, ...asked.filter(isRank)])].filter((p) => allows('p', p));
      const ranks = wanted.toSorted((x, y) => Number(x) - Number(y));
      const { layout } = schema.distributionFields[0]!;
      const valuesOf = onceARow(({ columns }, row) =>
        percentiles(layout, columns.fields(row).distribution(0), ranks.map(Number)).map((v) => Math.round(v)),
      );
      return ranks.map((p, i) => ({
        kind: 'rank',
        labels: [...named, ['p', p]],
        valueOf: (series, row) => valuesOf(series, row)[i]!,
      }));
    }
    case 'events':
      return [
        {
          kind: 'counter',
          labels: named,
          scale: 1,
          increment: ({ columns }, row) => columns.distribution(row, 0)?.total() ?? 0n,
        },
      ];
    case 'buckets': {
      const bounds = boundsOf(schema.distributionFields[0]!.layout);
      const countsOf = onceARow((series, row) => countsUpTo(series, row, bounds));
      return bounds.flatMap(({ le }, i): Part[] =>
        allows(BUCKET_LABEL, le)
          ? [
              {
                kind: 'counter',
                labels: [...named, [BUCKET_LABEL, le]],
                scale: 1,
                increment: (series, row) => countsOf(series, row)[i]!,
              },
            ]
          : [],
      );
    }
  }
}

/** `of`, calculated once for each row of each series: all series of a family are made of the same rows. */
function onceARow<T>(of: (series: MetricSeries, row: number) => T): (series: MetricSeries, row: number) => T {
  const known = new Map<MetricSeries, T[]>();
  return (series, row) => {
    let rows = known.get(series);
    if (rows === undefined) known.set(series, (rows = []));
    return (rows[row] ??= of(series, row));
  };
}

/** Events of a row up to each bound. */
function countsUpTo({ columns }: MetricSeries, row: number, bounds: readonly Bound[]): readonly bigint[] {
  const distribution = columns.distribution(row, 0);
  let [count, at] = [0n, 0];
  return bounds.map(({ lastIndex }) => {
    for (; at < (distribution?.size ?? 0) && distribution!.indexAt(at) <= lastIndex; at++) {
      count += distribution!.countAt(at);
    }
    return count;
  });
}

function samplesOf(
  part: Part,
  series: MetricSeries,
  earlier: MetricSeries | undefined,
  firstMinute: number,
  range: SampleRange,
): SampleColumns | undefined {
  const { starts, columns } = series;
  const { schema } = columns;
  switch (part.kind) {
    case 'value':
      return gaugeSamples(
        starts,
        (row) => {
          const value = functionOf(schema).calculate(columns.fields(row), 1, schema.args);
          return value.kind === 'labeled' ? NaN : Number(value.value);
        },
        range,
      );
    case 'rank':
      return gaugeSamples(starts, (row) => part.valueOf(series, row), range);
    case 'counter': {
      const before = earlier === undefined ? 0n : part.increment(earlier, 0);
      const state = { before, firstMinute, scale: part.scale };
      return counterSamples(starts, (row) => part.increment(series, row), state, range);
    }
  }
}

function seriesId({ entityId, origin }: MetricSeries): string {
  return `${entityId} ${origin}`;
}

/** A sample 1 at every end of a minute. */
function minuteSamples(fromMs: number, toMs: number): Pick<SampleSeries, 'timestamps' | 'values'> {
  const first = Math.ceil(fromMs / MINUTE_MS);
  const count = Math.max(0, Math.floor(toMs / MINUTE_MS) - first + 1);
  const timestamps = Float64Array.from({ length: count }, (_, i) => (first + i) * MINUTE_MS);
  return { timestamps, values: new Float64Array(count).fill(1) };
}
