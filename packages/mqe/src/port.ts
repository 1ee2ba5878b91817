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
}
