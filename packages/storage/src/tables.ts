// SPDX-License-Identifier: Apache-2.0
// Names of the metric tables and their columns. One table per scope and granularity, one column group per metric.
import { SCOPES, scopeOf, type FieldSpec, type MetricSchema, type ScopeName } from '@oap-federation/model';
import type { Granularity } from './port.js';

export const GRANULARITIES: readonly Granularity[] = ['minute', 'hour', 'day'];

/** Every metric table's scope, in one fixed order: everything that locks several tables goes through them in this order. */
export const SCOPE_NAMES: readonly ScopeName[] = SCOPES.map((s) => s.name as ScopeName);

export function metricTable(scope: ScopeName, granularity: Granularity): string {
  return `m_${scopeOf(scope).table}_${granularity}`;
}

/** Name of the day partition of a minute table; `day` counts from 1970-01-01 (UTC). */
export function dayPartition(table: string, day: number): string {
  return `${table}_d${day}`;
}

export const MINUTES_PER_DAY = 1440;

/** `<metric>__<field>`, cut at PostgreSQL's 63 bytes: a metric name has at most 55, and the fields of one function differ in 6. */
export function columnName(schema: MetricSchema, field: FieldSpec): string {
  return `${schema.name}__${field.column}`.slice(0, 63);
}

/** A metric's columns in storage order: int64 fields (bigint), then distributions (bytea). */
export interface StoredMetric {
  readonly schema: MetricSchema;
  readonly intColumns: readonly string[];
  readonly distributionColumns: readonly string[];
}

export function storedMetric(schema: MetricSchema): StoredMetric {
  return {
    schema,
    intColumns: schema.intFields.map((f) => columnName(schema, f)),
    distributionColumns: schema.distributionFields.map((f) => columnName(schema, f)),
  };
}

/** The metrics that the program knows, as `prepareMetrics` got them. Identifiers in SQL come from here only. */
export class MetricCatalog {
  readonly #byName = new Map<string, StoredMetric>();
  readonly #byScope = new Map<ScopeName, StoredMetric[]>();

  add(schema: MetricSchema): void {
    const metric = storedMetric(schema);
    this.#byName.set(schema.name, metric);
    const others = (this.#byScope.get(schema.scope) ?? []).filter((m) => m.schema.name !== schema.name);
    this.#byScope.set(schema.scope, [...others, metric]);
  }

  /** The metric of that very schema; undefined when unknown or of another function. */
  find(schema: MetricSchema): StoredMetric | undefined {
    const metric = this.#byName.get(schema.name);
    return metric?.schema.text === schema.text ? metric : undefined;
  }

  ofScope(scope: ScopeName): readonly StoredMetric[] {
    return this.#byScope.get(scope) ?? [];
  }

  schemas(): readonly MetricSchema[] {
    return [...this.#byName.values()].map((m) => m.schema);
  }
}
