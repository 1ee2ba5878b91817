// SPDX-License-Identifier: Apache-2.0
// The port that the query languages read through: merged fields of one metric per entity, origin and bucket.
import type { MetricColumns, MetricSchema, Step } from '@oap-federation/model';

export interface SeriesQuery {
  readonly metric: MetricSchema;
  /** Entity ids to read; undefined means every entity of the metric's scope. */
  readonly entityIds?: readonly string[];
  /** Only entities of this service (its id); used by top_n inside a service. */
  readonly serviceId?: string;
  /** Only entities whose layer set holds this layer; used by top_n(..., attr0='GENERAL'). */
  readonly layer?: string;
  /** Only entities of these slots; what judges its own slots reads them whole. */
  readonly slots?: readonly number[];
  /** Only entities whose layer set holds none of these; used by top_n(..., attr0!='GENERAL'). */
  readonly withoutLayers?: readonly string[];
  /** '' reads the merged rows; names read the breakdown; '*' reads every origin there is, without the merged row. */
  readonly origins: readonly string[];
  /** Epoch minutes, both inclusive, aligned by the reader to the step's buckets in the zone `offsetMinutes` east of UTC. */
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly step: Step;
  readonly offsetMinutes: number;
}

/** One entity of one origin: row i of `columns` is the bucket that starts at minute `starts[i]`; buckets without data are absent. */
export interface MetricSeries {
  readonly entityId: string;
  readonly origin: string;
  readonly starts: readonly number[];
  readonly columns: MetricColumns;
}

/** Of all series of one origin with data: the sum of the values of their buckets that have data, and the number of those, beside `entityIds`. */
export interface ValueSums {
  readonly origin: string;
  readonly entityIds: readonly string[];
  /** Whole numbers, exact. */
  readonly totals: readonly number[];
  /** At least 1. */
  readonly counts: readonly number[];
}

export interface MetricReader {
  /** Every metric that this tier stores. */
  metrics(): readonly MetricSchema[];
  /** What is answered may be shared with others who asked the same: nobody may write to it. */
  readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]>;
  /**
   * As readSeries, with all buckets of the range merged into one row, `starts` being the start of the first of them: what is calculated
   * from it (a ratio, a rank) is right for the range, which an average of the buckets' values is not. Series without data are absent.
   */
  readRange(query: SeriesQuery): Promise<readonly MetricSeries[]>;
  /**
   * What averages of the buckets' values are made of, without a series per entity: a short way for readers that have one. Undefined where
   * the values are not whole numbers, or too big: then readSeries answers.
   */
  readSums?(query: SeriesQuery): Promise<readonly ValueSums[] | undefined>;
}
