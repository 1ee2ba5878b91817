// SPDX-License-Identifier: Apache-2.0
// Which Prometheus metrics a stored metric is shown as: its value as a gauge under its own name, and what it adds up as counters.
// docs/promql.md has the table for users.
import { DOUBLE_SCALE, functionOf, scopeOf, type FunctionName, type MetricSchema } from '@oap-federation/model';

/** What a sample of the family is made of. */
export type FamilyPart =
  /** The metric's value in one minute. */
  | { readonly kind: 'value' }
  /** Ranks of its distribution in one minute, label `p`. */
  | { readonly kind: 'ranks' }
  /** Running sum of an int64 field over the UTC day, divided by `scale`. */
  | { readonly kind: 'sum'; readonly field: number; readonly scale: number }
  /** Running number of the events in its distribution; by upper bound (label `le`), or all. */
  | { readonly kind: 'buckets' }
  | { readonly kind: 'events' };

export interface Family {
  readonly name: string;
  readonly schema: MetricSchema;
  readonly part: FamilyPart;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
}

/** Fields that add up, by function: name after the metric's own, field, scale, what it counts. */
type Counter = readonly [suffix: string, field: number, what: string, scale?: number];

const COUNTERS: Readonly<Record<FunctionName, readonly Counter[]>> = {
  longAvg: [
    ['_sum', 0, 'sum of the values'],
    ['_count', 1, 'number of the values'],
  ],
  doubleAvg: [
    ['_sum', 0, 'sum of the values', DOUBLE_SCALE],
    ['_count', 1, 'number of the values'],
  ],
  sum: [['_total', 0, 'sum of the values']],
  count: [['_total', 0, 'number of the events']],
  cpm: [['_total', 0, 'number of the events']],
  max: [],
  min: [],
  percent: [
    ['_total', 0, 'number of the events'],
    ['_match_total', 1, 'number of the events that match'],
  ],
  rate: [
    ['_denominator_total', 0, 'number of the events of the denominator'],
    ['_numerator_total', 1, 'number of the events of the numerator'],
  ],
  apdex: [
    ['_total', 0, 'number of the events'],
    ['_satisfied_total', 1, 'number of the satisfied events'],
    ['_tolerated_total', 2, 'number of the tolerated events'],
  ],
  percentile2: [],
  hdrPercentile: [],
  histogram: [],
};

/** The metrics that are there before any series: SkyWalking's lists of services, instances and endpoints. */
export const TRAFFIC = ['service_traffic', 'instance_traffic', 'endpoint_traffic'] as const;
export type Traffic = (typeof TRAFFIC)[number];

/** All families, sorted by name. A derived name that is also a metric's own belongs to that metric. */
export function familiesOf(schemas: readonly MetricSchema[]): readonly Family[] {
  const own = new Set<string>([...schemas.map((s) => s.name), ...TRAFFIC]);
  const families = schemas.flatMap((schema) => {
    const { name, functionName } = schema;
    const about = `${scopeOf(schema.scope).name} ${functionName} ${name}`;
    const isDistribution = schema.distributionFields.length > 0;
    const value: Family = isDistribution
      ? { name, schema, part: { kind: 'ranks' }, type: 'gauge', help: `${about}, ranks of each minute` }
      : { name, schema, part: { kind: 'value' }, type: 'gauge', help: `${about}, ${unitOf(schema)}` };
    const counters = COUNTERS[functionName].map(([suffix, field, what, scale = 1]): Family => {
      const part = { kind: 'sum', field, scale } as const;
      return { name: name + suffix, schema, part, type: 'counter', help: `${about}, ${what} since midnight UTC` };
    });
    if (isDistribution) {
      const since = 'number of the events since midnight UTC';
      counters.push(
        {
          name: `${name}_bucket`,
          schema,
          part: { kind: 'buckets' },
          type: 'histogram',
          help: `${about}, ${since} by upper bound`,
        },
        { name: `${name}_count`, schema, part: { kind: 'events' }, type: 'counter', help: `${about}, ${since}` },
      );
    }
    return [value, ...counters.filter((f) => !own.has(f.name))];
  });
  return families.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function unitOf(schema: MetricSchema): string {
  switch (functionOf(schema).name) {
    case 'percent':
    case 'rate':
    case 'apdex':
      return 'ten-thousandths, of each minute';
    default:
      return 'of each minute';
  }
}
