// SPDX-License-Identifier: Apache-2.0
// The upper bounds (`le`) under which a distribution is shown as a classic histogram. Every bound is the upper end of one of the layout's
// own buckets, so the counts are exact, and depends on the layout alone, so that histograms of many entities add up.
import { bucketIndex, bucketLow, type Layout } from '@oap-federation/model';
import { sampleText } from '@oap-federation/promql';

export interface Bound {
  /** Text of the label: the greatest value that counts, or `+Inf`. */
  readonly le: string;
  /** The last bucket of the layout that counts. */
  readonly lastIndex: number;
}

/** Four bounds per power of two up to 2^20 (17 minutes of ms): what lies between two of them differs by a quarter at most. */
const OCTAVES = 20;
const LADDER: readonly number[] = [
  0,
  1,
  2,
  3,
  ...Array.from({ length: (OCTAVES - 2) * 4 }, (_, i) => (4 + (i % 4)) * 2 ** Math.floor(i / 4)),
  2 ** OCTAVES,
];

/** Ascending, `+Inf` last. */
export function boundsOf(layout: Layout): readonly Bound[] {
  const wanted = layout.kind === 'explicit' ? layout.bounds : LADDER;
  const bounds = new Map<number, string>();
  for (const value of wanted) {
    const index = bucketIndex(layout, value);
    bounds.set(index, sampleText(upperEnd(layout, index)));
  }
  return [...[...bounds].map(([lastIndex, le]) => ({ le, lastIndex })), { le: '+Inf', lastIndex: Infinity }];
}

/** The greatest whole value in a bucket (of (low, high] its high end). */
function upperEnd(layout: Layout, index: number): number {
  const next = bucketLow(layout, index + 1);
  return layout.kind === 'linear' || layout.kind === 'hdr' ? next - 1 : next;
}
