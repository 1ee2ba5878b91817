// SPDX-License-Identifier: Apache-2.0
// A checked program: what the checker hands to the compiler. Everything in it is resolved: names to record fields, functions to schemas.
import type { MetricSchema } from '@oap-federation/model';
import type { Cast, CompareOperator } from './ast.js';
import type { SourceField } from './sources.js';

/** One attribute to read: a field of the record, an entry of its tag map with `key`, and a cast to a whole number. */
export interface ValueRef {
  readonly field: SourceField;
  readonly key?: string;
  readonly cast?: Cast;
}

/** What a condition compares with; enum constants are text here, null is null. */
export type Constant = boolean | number | string | null;

export type Condition =
  | { readonly operator: CompareOperator; readonly left: ValueRef; readonly right: Constant }
  | { readonly operator: 'in'; readonly left: ValueRef; readonly right: readonly (number | string)[] };

/** A metric built from source records of its schema's scope. */
export interface SourceMetric {
  readonly kind: 'source';
  readonly schema: MetricSchema;
  /** All must hold. */
  readonly filters: readonly Condition[];
  /** The attribute of `from(...)`; undefined for `*`. */
  readonly value: ValueRef | undefined;
  /** Arguments of percent and rate, in order (rate: numerator first). */
  readonly conditions: readonly Condition[];
  /** Of apdex. */
  readonly serviceName: ValueRef | undefined;
  /** Of apdex. */
  readonly status: ValueRef | undefined;
}

/** A metric merged from increments that tiers below forward under the name `sourceMetric`. */
export interface FederatedMetric {
  readonly kind: 'federated';
  readonly schema: MetricSchema;
  readonly sourceMetric: string;
}

export type OalMetric = SourceMetric | FederatedMetric;

export interface OalProgram {
  /** In the order of the scripts. A name may occur twice, once of each kind, and then has one schema text. */
  readonly metrics: readonly OalMetric[];
  /** Every metric of the program by name. */
  readonly schemas: ReadonlyMap<string, MetricSchema>;
  /** Streams switched off by `disable(...)`. */
  readonly disabled: readonly string[];
}

export const EMPTY_PROGRAM: OalProgram = { metrics: [], schemas: new Map(), disabled: [] };
