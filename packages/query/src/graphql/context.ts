// SPDX-License-Identifier: Apache-2.0
// What the parts of the GraphQL surface share: the context of a request, and what a resolver gets. One context a request: it holds what
// may be read, what was asked so far, and what that has cost.
import { NO_WATERMARK } from '@oap-federation/model';
import type { Clock, Rng } from '@oap-federation/runtime';
import type { Conservation, MetadataReader, SourceCompleteness, UiTemplateStore } from '@oap-federation/storage';
import type { Principal } from '../access/principal.js';
import type { Budget } from '../budget.js';
import { parseRange, type DurationInput, type MinuteRange, type ZoneOffset } from '../range.js';
import type { Readers } from '../readers.js';
import type { MenuItem } from '../ui-files.js';

export interface GraphQLDeps {
  /** Of the tier itself, for its health; whatever shows data reads through the request's. */
  readonly metadata: MetadataReader;
  readonly templates: UiTemplateStore;
  readonly menu: readonly MenuItem[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timezoneOffsetMinutes: ZoneOffset;
  /** Of this program; clients are told `10.4.0-...`, the SkyWalking API that they may expect. */
  readonly version: string;
}

export interface GraphQLLimits {
  /** Of one series. */
  readonly maxPoints: number;
  /** Told to clients by getMetricsTTL and getRecordsTTL. */
  readonly metricsTtlDays: number;
  readonly recordsTtlDays: number;
  /** Whether the mutations of dashboards are carried out. */
  readonly enableUpdateUiTemplate: boolean;
}

/** What one request may read, what it has asked so far, and what it may still cost. */
export interface QueryContext extends Readers {
  readonly principal: Principal;
  readonly budget: Budget;
  sources: Promise<readonly [readonly SourceCompleteness[], Conservation]> | undefined;
  /** Last minute that any metric of the request was asked for. */
  toMinute: number | undefined;
  /** Kinds of data that the request asked for and that no tier keeps. */
  readonly notKept: Set<string>;
}

export type Args<T> = T & Readonly<Record<string, unknown>>;

export type Resolver = (parent: unknown, args: never, context: QueryContext) => unknown;
export type Resolvers = Readonly<Record<string, Resolver>>;

/** One part of the surface: its types, and a resolver for each root field that it adds. */
export interface GraphQLPart {
  readonly sdl: string;
  readonly Query?: Resolvers;
  readonly Mutation?: Resolvers;
  /** What each of its root fields costs beside the points that it reads: 1 when left out. */
  readonly weight?: number;
  /** Fields that cost something else. */
  readonly weights?: Readonly<Record<string, number>>;
}

/**
 * The range of a duration, with completeness to go with the answer: it is read before the data, for the widest range of the request.
 * Errors: those of parseRange.
 */
export async function askRange(
  duration: DurationInput,
  context: QueryContext,
  { timezoneOffsetMinutes }: GraphQLDeps,
  { maxPoints }: GraphQLLimits,
): Promise<MinuteRange> {
  const range = parseRange(duration, timezoneOffsetMinutes, maxPoints);
  context.toMinute = Math.max(context.toMinute ?? NO_WATERMARK, range.toMinute);
  context.sources ??= Promise.all([context.metadata.completeness(), context.metadata.conservation()]);
  await context.sources;
  return range;
}
