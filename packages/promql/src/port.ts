// SPDX-License-Identifier: Apache-2.0
// The port that PromQL reads through: series of samples. Who implements it decides what a series is and where its samples stand.
import type { Labels } from './labels.js';
import type { CompiledMatcher } from './matcher.js';

/** Samples of one series: sample i is (timestamps[i], values[i]); timestamps are epoch ms and strictly ascend. */
export interface SampleSeries {
  readonly labels: Labels;
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  /** 1 where a sample is a stale marker: the series ended there. Undefined when there is none. */
  readonly stale?: Uint8Array;
}

export interface SelectQuery {
  /** All of them hold; `__name__` is among them as any other label. */
  readonly matchers: readonly CompiledMatcher[];
  /** Epoch ms, both inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SampleSource {
  /** Series with samples in the range, each label set once; samples outside the range are allowed and cost time only. */
  select(query: SelectQuery): Promise<readonly SampleSeries[]>;
}
