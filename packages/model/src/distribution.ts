// SPDX-License-Identifier: Apache-2.0
// Distributions: one sparse type (bucket index -> int64 count) and the layouts that say what an index means.
// Merging is exact for one layout; another layout is refused by name. docs/functions.md gives the layouts' arithmetic.
import { ByteReader, ByteWriter, DecodeError } from './bytes.js';

/**
 * What a bucket index means.
 * `linear(step)`: [index*step, (index+1)*step), SkyWalking's percentile dataset. `hdr(digits)`: HdrHistogram's counts index with
 * lowest discernible value 1. `exponential(scale)`: OTLP, bucket i is (base^i, base^(i+1)], base = 2^(2^-scale), zero apart.
 * `explicit(bounds)`: bucket i is (bounds[i-1], bounds[i]], one more above the last.
 */
export type Layout =
  | { readonly kind: 'linear'; readonly step: number }
  | { readonly kind: 'hdr'; readonly digits: number }
  | { readonly kind: 'exponential'; readonly scale: number }
  | { readonly kind: 'explicit'; readonly bounds: readonly number[] };

/** Canonical text of a layout; two layouts are the same when their texts are. */
export function layoutText(layout: Layout): string {
  switch (layout.kind) {
    case 'linear':
      return `linear(${layout.step})`;
    case 'hdr':
      return `hdr(${layout.digits})`;
    case 'exponential':
      return `exponential(${layout.scale})`;
    case 'explicit':
      return `explicit(${layout.bounds.join(',')})`;
  }
}

/** Index of the bucket that holds zero in an exponential layout; below every index that a value can have. */
export const EXPONENTIAL_ZERO = -0x4000_0000;

/** HdrHistogram: sub-buckets are 2^ceil(log2(2 * 10^digits)); half of them is the stride per power of two. */
function hdrHalfBits(digits: number): number {
  return Math.ceil(Math.log2(2 * 10 ** digits)) - 1;
}

/** floor(log2(v)) of a safe integer >= 1. */
function log2Floor(v: number): number {
  return v < 2 ** 31 ? 31 - Math.clz32(v) : v >= 2 ** 32 ? 63 - Math.clz32(Math.floor(v / 2 ** 32)) : 31;
}

/** The bucket of a value. Values are safe non-negative integers (negative ones count as zero: a clock that went back is no latency). */
export function bucketIndex(layout: Layout, value: number): number {
  const v = value > 0 ? Math.trunc(value) : 0;
  switch (layout.kind) {
    case 'linear':
      return Math.floor(v / layout.step);
    case 'hdr': {
      const halfBits = hdrHalfBits(layout.digits);
      const half = 2 ** halfBits;
      if (v < half * 2) return v;
      const bucket = log2Floor(v) - halfBits;
      return bucket * half + Math.floor(v / 2 ** bucket);
    }
    case 'exponential': {
      if (v === 0) return EXPONENTIAL_ZERO;
      // an exact power of two sits on a bucket's closed upper end: take it without floating point
      const exponent = log2Floor(v);
      const scaleFactor = 2 ** layout.scale;
      if (2 ** exponent === v) return Math.ceil(exponent * scaleFactor) - 1;
      return Math.ceil(Math.log2(v) * scaleFactor) - 1;
    }
    case 'explicit': {
      const bounds = layout.bounds;
      let low = 0;
      let high = bounds.length;
      while (low < high) {
        const mid = (low + high) >> 1;
        if (v <= bounds[mid]!) high = mid;
        else low = mid + 1;
      }
      return low;
    }
  }
}

/** Smallest value of a bucket. */
export function bucketLow(layout: Layout, index: number): number {
  switch (layout.kind) {
    case 'linear':
      return index * layout.step;
    case 'hdr': {
      const half = 2 ** hdrHalfBits(layout.digits);
      if (index < half * 2) return index;
      const bucket = Math.floor(index / half) - 1;
      return ((index % half) + half) * 2 ** bucket;
    }
    case 'exponential':
      return index === EXPONENTIAL_ZERO ? 0 : 2 ** (index / 2 ** layout.scale);
    case 'explicit':
      return index === 0 ? 0 : layout.bounds[index - 1]!;
  }
}

/**
 * The value a percentile shows for a bucket: SkyWalking's lower bound for `linear`, HdrHistogram's highest equivalent value for `hdr`,
 * the upper bound for the others (the last bound for an open last bucket).
 */
export function bucketValue(layout: Layout, index: number): number {
  switch (layout.kind) {
    case 'linear':
      return index * layout.step;
    case 'hdr':
      return bucketLow(layout, index + 1) - 1;
    case 'exponential':
      return index === EXPONENTIAL_ZERO ? 0 : 2 ** ((index + 1) / 2 ** layout.scale);
    case 'explicit':
      return layout.bounds[Math.min(index, layout.bounds.length - 1)] ?? 0;
  }
}

const INT64_MAX = (1n << 63n) - 1n;

/**
 * A mutable sparse distribution: `indexes` ascending, `counts` beside them, the first `size` of each in use.
 * Invariant: every count in use is >= 1, so equal content is equal bytes (`encode`).
 */
export class SparseDistribution {
  #indexes: Int32Array;
  #counts: BigInt64Array;
  #size = 0;

  constructor(capacity = 8) {
    this.#indexes = new Int32Array(capacity);
    this.#counts = new BigInt64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  indexAt(position: number): number {
    return this.#indexes[position]!;
  }

  countAt(position: number): bigint {
    return this.#counts[position]!;
  }

  /** Sum of all counts. */
  total(): bigint {
    let sum = 0n;
    for (let i = 0; i < this.#size; i++) sum += this.#counts[i]!;
    return sum;
  }

  /** Adds `count` (>= 1) to a bucket. False, and nothing changed, when that would leave int64. */
  add(index: number, count: bigint): boolean {
    let low = 0;
    let high = this.#size;
    const indexes = this.#indexes;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (indexes[mid]! < index) low = mid + 1;
      else high = mid;
    }
    if (low < this.#size && indexes[low] === index) {
      const sum = this.#counts[low]! + count;
      if (sum > INT64_MAX) return false;
      this.#counts[low] = sum;
      return true;
    }
    if (this.#size === indexes.length) this.#grow(this.#size * 2);
    this.#indexes.copyWithin(low + 1, low, this.#size);
    this.#counts.copyWithin(low + 1, low, this.#size);
    this.#indexes[low] = index;
    this.#counts[low] = count;
    this.#size++;
    return true;
  }

  #grow(capacity: number): void {
    const indexes = new Int32Array(capacity);
    const counts = new BigInt64Array(capacity);
    indexes.set(this.#indexes.subarray(0, this.#size));
    counts.set(this.#counts.subarray(0, this.#size));
    this.#indexes = indexes;
    this.#counts = counts;
  }

  /** Folds `delta` in; `delta` is not touched. False, and nothing changed, when a count would leave int64. */
  merge(delta: SparseDistribution): boolean {
    const n = this.#size;
    const m = delta.#size;
    // pass 1: how many buckets are new, and does every sum fit
    let i = 0;
    let fresh = 0;
    for (let j = 0; j < m; j++) {
      const index = delta.#indexes[j]!;
      while (i < n && this.#indexes[i]! < index) i++;
      if (i < n && this.#indexes[i] === index) {
        if (this.#counts[i]! + delta.#counts[j]! > INT64_MAX) return false;
      } else {
        fresh++;
      }
    }
    if (n + fresh > this.#indexes.length)
      this.#grow(Math.max(n + fresh, Math.min(this.#indexes.length * 2, n + fresh + 64)));
    // pass 2: merge from the back, so nothing is overwritten before it is read
    let at = n + fresh - 1;
    let a = n - 1;
    let b = m - 1;
    const indexes = this.#indexes;
    const counts = this.#counts;
    while (b >= 0) {
      const index = delta.#indexes[b]!;
      if (a >= 0 && indexes[a]! > index) {
        indexes[at] = indexes[a]!;
        counts[at--] = counts[a--]!;
      } else if (a >= 0 && indexes[a] === index) {
        indexes[at] = index;
        counts[at--] = counts[a--]! + delta.#counts[b--]!;
      } else {
        indexes[at] = index;
        counts[at--] = delta.#counts[b--]!;
      }
    }
    this.#size = n + fresh;
    return true;
  }

  clear(): void {
    this.#size = 0;
  }

  clone(): SparseDistribution {
    const copy = new SparseDistribution(Math.max(1, this.#size));
    copy.merge(this);
    return copy;
  }

  /** Canonical bytes: count of buckets, zigzag first index, index deltas, each followed by its count. Appended to `w`. */
  encodeTo(w: ByteWriter): void {
    w.varint(this.#size);
    let previous = 0;
    for (let i = 0; i < this.#size; i++) {
      const index = this.#indexes[i]!;
      if (i === 0) w.zigzag(index);
      else w.varint(index - previous);
      w.varint64(this.#counts[i]!);
      previous = index;
    }
  }

  encode(): Uint8Array {
    const w = new ByteWriter(8 + this.#size * 3);
    this.encodeTo(w);
    return w.finish();
  }

  /** Replaces the content by what `encode` wrote; anything not canonical is a DecodeError. */
  decodeFrom(bytes: Uint8Array): void {
    const r = new ByteReader(bytes);
    const n = r.count(2);
    if (n > this.#indexes.length) {
      this.#indexes = new Int32Array(n);
      this.#counts = new BigInt64Array(n);
    }
    this.#size = 0;
    let index = 0;
    for (let i = 0; i < n; i++) {
      if (i === 0) {
        index = r.zigzag();
      } else {
        const step = r.varint();
        if (step === 0) throw new DecodeError('distribution indexes do not ascend');
        index += step;
      }
      if (index < -0x8000_0000 || index > 0x7fff_ffff) throw new DecodeError(`distribution index ${index} is no int32`);
      const count = r.count64();
      if (count === 0n) throw new DecodeError('distribution with an empty bucket');
      this.#indexes[i] = index;
      this.#counts[i] = count;
    }
    this.#size = n;
    if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after the distribution`);
  }

  static decode(bytes: Uint8Array): SparseDistribution {
    const d = new SparseDistribution(8);
    d.decodeFrom(bytes);
    return d;
  }
}

/**
 * Values at ascending integer-or-fractional `ranks` (0 < rank <= 100), in the unit that was recorded; zeros for an empty distribution.
 * Rank rule: the first bucket whose running count reaches round-half-up(total * rank / 100), at least 1, in exact arithmetic.
 * Source: SkyWalking PercentileMetrics2.calculate; its float32 rounding above 2^24 samples is not copied (docs/functions.md).
 */
export function percentiles(layout: Layout, distribution: SparseDistribution, ranks: readonly number[]): number[] {
  const total = distribution.total();
  const out: number[] = [];
  if (total === 0n) return ranks.map(() => 0);
  let position = 0;
  let running = distribution.countAt(0);
  for (const rank of ranks) {
    const millionths = BigInt(Math.round(rank * 1e6)); // ranks carry at most six decimals
    let roof = (total * millionths + 50_000_000n) / 100_000_000n;
    if (roof < 1n) roof = 1n;
    while (running < roof && position + 1 < distribution.size) running += distribution.countAt(++position);
    out.push(bucketValue(layout, distribution.indexAt(position)));
  }
  return out;
}

/** Lowers an exponential distribution to a coarser scale, exactly: index >> (from - to). */
export function downscaleExponential(
  distribution: SparseDistribution,
  fromScale: number,
  toScale: number,
): SparseDistribution {
  const shift = fromScale - toScale;
  if (shift < 0) throw new Error(`BUG: exponential scale ${fromScale} cannot be raised to ${toScale}`);
  const out = new SparseDistribution(Math.max(1, distribution.size));
  for (let i = 0; i < distribution.size; i++) {
    const index = distribution.indexAt(i);
    const lowered = index === EXPONENTIAL_ZERO ? EXPONENTIAL_ZERO : Math.floor(index / 2 ** shift);
    if (!out.add(lowered, distribution.countAt(i))) throw new Error('BUG: downscaling overflowed int64');
  }
  return out;
}
