// SPDX-License-Identifier: Apache-2.0
// Quantiles: of plain values, and of the cumulative buckets of a classic histogram. Source: Prometheus 2.42, promql/quantile.go.

/** Between two values by their weight. `values` is not changed. */
export function quantileOf(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  // NaN counts as the least
  const sorted = values.toSorted((a, b) =>
    Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b,
  );
  const rank = q * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return sorted[lower]! * (1 - weight) + sorted[upper]! * weight;
}

/** Cumulative: how many observations were at most `bound`. */
export interface Bucket {
  readonly bound: number;
  readonly count: number;
}

/** By straight line within the bucket that holds the rank; NaN where that cannot be said. The order of `buckets` does not matter. */
export function bucketQuantile(q: number, buckets: readonly Bucket[]): number {
  if (Number.isNaN(q)) return NaN;
  if (q < 0) return -Infinity;
  if (q > 1) return Infinity;
  const sorted = buckets.toSorted((a, b) => a.bound - b.bound);
  if (sorted.at(-1)?.bound !== Infinity) return NaN;
  const bounds: number[] = [];
  const counts: number[] = [];
  for (const { bound, count } of sorted) {
    if (bounds.at(-1) === bound) counts[counts.length - 1]! += count;
    else {
      bounds.push(bound);
      counts.push(count);
    }
  }
  // a rate of each bucket by itself may make a larger one a little smaller
  let most = -Infinity;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i]! > most) most = counts[i]!;
    else if (counts[i]! < most) counts[i] = most;
  }
  const last = bounds.length - 1;
  if (last < 1) return NaN;
  const observations = counts[last]!;
  if (observations === 0) return NaN;
  let rank = q * observations;
  let at = 0;
  while (at < last && !(counts[at]! >= rank)) at++;
  if (at === last) return bounds[last - 1]!;
  if (at === 0 && bounds[0]! <= 0) return bounds[0]!;
  const start = at === 0 ? 0 : bounds[at - 1]!;
  const below = at === 0 ? 0 : counts[at - 1]!;
  rank -= below;
  return start + (bounds[at]! - start) * (rank / (counts[at]! - below));
}
