// SPDX-License-Identifier: Apache-2.0
// Distributions: one sparse type (bucket index -> int64 count) and the layouts that say what an index means.
// Merging is exact for one layout; another layout is refused by name. docs/functions.md gives the layouts' arithmetic.
import { ByteReader, ByteWriter, DecodeError, HIGH_WORD, LOW_WORD } from './bytes.js';

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

/**
 * Index of the bucket that holds zero in an exponential layout: the lowest int32. No double at OTLP's finest scale (20) has it (the
 * smallest has about -1.13e9), and downscaling moves every other index towards zero, so nothing else ever lands on it.
 */
export const EXPONENTIAL_ZERO = -0x8000_0000;

/**
 * HdrHistogram, by digits 0..5: there are 2^ceil(log2(2 * 10^digits)) sub-buckets (at least 2); half of them is the stride per power
 * of two, and this is its binary logarithm.
 */
const HDR_HALF_BITS: readonly number[] = [0, 4, 7, 10, 14, 17];

function hdrHalfBits(digits: number): number {
  const bits = HDR_HALF_BITS[digits];
  if (bits === undefined) throw new Error(`BUG: hdr layout with ${digits} significant digits`);
  return bits;
}

/** floor(log2(v)) of a safe integer >= 1. */
function log2Floor(v: number): number {
  return v < 2 ** 31 ? 31 - Math.clz32(v) : v >= 2 ** 32 ? 63 - Math.clz32(Math.floor(v / 2 ** 32)) : 31;
}

/**
 * The bucket of a value. Values are safe non-negative integers: a fraction is cut off; a negative value (a clock that went back is no
 * latency) and NaN count as zero. The index of a huge value in a fine `linear` layout may leave int32: `add` refuses it.
 */
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
      // v = 2^exponent * m with m in [1, 2), all exact; a power of two sits on the closed upper end of its bucket
      const exponent = log2Floor(v);
      const m = v / 2 ** exponent;
      const whole = m === 1 ? exponent - 1 : exponent;
      if (layout.scale <= 0) return Math.floor(whole * 2 ** layout.scale);
      const perOctave = 2 ** layout.scale;
      return m === 1 ? exponent * perOctave - 1 : exponent * perOctave + Math.ceil(Math.log2(m) * perOctave) - 1;
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

/** Lower bound of a bucket: its smallest value for `linear` and `hdr`, the excluded end of `(low, high]` for the others. */
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
const INT32_MIN = -0x8000_0000;
const INT32_MAX = 0x7fff_ffff;

/** While the sum of all counts stays below this, no count can leave int64: 2^62, far above the rounding of a double sum. */
const SAFE_TOTAL = 2 ** 62;

/**
 * A mutable sparse distribution: `indexes` ascending, `counts` beside them, the first `size` of each in use.
 * Invariant: every count in use is >= 1, so equal content is equal bytes (`encode`).
 */
export class SparseDistribution {
  #indexes: Int32Array;
  #counts: BigInt64Array;
  /** The memory of `counts` as uint32 halves: the usual small counts are added and written without making BigInts. */
  #words: Uint32Array;
  #size = 0;
  /** Sum of all counts as a double: it only decides whether the overflow checks can be left out. */
  #total = 0;

  constructor(capacity = 8) {
    const n = Math.max(1, capacity);
    this.#indexes = new Int32Array(n);
    this.#counts = new BigInt64Array(n);
    this.#words = new Uint32Array(this.#counts.buffer);
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

  /** Position of the first index that is not below `index`. */
  #find(index: number): number {
    const indexes = this.#indexes;
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (indexes[mid]! < index) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  /** Adds `count` (>= 1) to a bucket. False, and nothing changed, when the index would leave int32 or the count int64. */
  add(index: number, count: bigint): boolean {
    if (!(index >= INT32_MIN && index <= INT32_MAX)) return false;
    const at = this.#find(index);
    if (at < this.#size && this.#indexes[at] === index) {
      const sum = this.#counts[at]! + count;
      if (sum > INT64_MAX) return false;
      this.#counts[at] = sum;
    } else {
      if (count > INT64_MAX) return false;
      this.#insert(at, index);
      this.#counts[at] = count;
    }
    this.#total += Number(count);
    return true;
  }

  /** `add(index, 1n)`, for the hot path: a sample came in. */
  addOne(index: number): boolean {
    if (!(index >= INT32_MIN && index <= INT32_MAX)) return false;
    if (this.#total >= SAFE_TOTAL) return this.add(index, 1n);
    const at = this.#find(index);
    if (at === this.#size || this.#indexes[at] !== index) {
      this.#insert(at, index);
      this.#counts[at] = 0n;
    }
    const word = at * 2 + LOW_WORD;
    const low = this.#words[word]! + 1;
    this.#words[word] = low;
    if (low === 2 ** 32) this.#words[at * 2 + HIGH_WORD]!++;
    this.#total++;
    return true;
  }

  /** Makes room at position `at` for `index`; its count is for the caller to set. */
  #insert(at: number, index: number): void {
    if (this.#size === this.#indexes.length) this.#grow(this.#size * 2);
    const indexes = this.#indexes;
    const counts = this.#counts;
    for (let i = this.#size; i > at; i--) {
      indexes[i] = indexes[i - 1]!;
      counts[i] = counts[i - 1]!;
    }
    indexes[at] = index;
    this.#size++;
  }

  #grow(capacity: number): void {
    const indexes = new Int32Array(capacity);
    const counts = new BigInt64Array(capacity);
    indexes.set(this.#indexes.subarray(0, this.#size));
    counts.set(this.#counts.subarray(0, this.#size));
    this.#indexes = indexes;
    this.#counts = counts;
    this.#words = new Uint32Array(counts.buffer);
  }

  /** Folds `delta` in; `delta` is not touched. False, and nothing changed, when a count would leave int64. */
  merge(delta: SparseDistribution): boolean {
    const n = this.#size;
    const m = delta.#size;
    const checked = this.#total + delta.#total >= SAFE_TOTAL;
    // pass 1: how many buckets are new, and does every sum fit
    let i = 0;
    let fresh = 0;
    const ownIndexes = this.#indexes;
    const newIndexes = delta.#indexes;
    for (let j = 0; j < m; j++) {
      const index = newIndexes[j]!;
      while (i < n && ownIndexes[i]! < index) i++;
      if (i >= n || ownIndexes[i] !== index) fresh++;
      else if (checked && this.#counts[i]! + delta.#counts[j]! > INT64_MAX) return false;
    }
    if (n + fresh > this.#indexes.length)
      this.#grow(Math.max(n + fresh, Math.min(this.#indexes.length * 2, n + fresh + 64)));
    // pass 2: merge from the back, so nothing is overwritten before it is read
    let at = n + fresh - 1;
    let a = n - 1;
    let b = m - 1;
    const indexes = this.#indexes;
    const words = this.#words;
    const added = delta.#words;
    while (at > a) {
      // new buckets remain (so b >= 0): shift what is above them up
      const index = newIndexes[b]!;
      const own = a >= 0 ? indexes[a]! : Number.NEGATIVE_INFINITY;
      if (own > index) {
        indexes[at] = own;
        words[at * 2] = words[a * 2]!;
        words[at * 2 + 1] = words[a * 2 + 1]!;
        a--;
      } else {
        indexes[at] = index;
        if (own === index) {
          addWords(words, at, words[a * 2 + LOW_WORD]!, words[a * 2 + HIGH_WORD]!, added, b);
          a--;
        } else {
          words[at * 2] = added[b * 2]!;
          words[at * 2 + 1] = added[b * 2 + 1]!;
        }
        b--;
      }
      at--;
    }
    for (; b >= 0; b--) {
      // from here on every bucket is there, at its place
      const index = newIndexes[b]!;
      while (indexes[a]! > index) a--;
      addWords(words, a, words[a * 2 + LOW_WORD]!, words[a * 2 + HIGH_WORD]!, added, b);
    }
    this.#size = n + fresh;
    this.#total += delta.#total;
    return true;
  }

  clear(): void {
    this.#size = 0;
    this.#total = 0;
  }

  clone(): SparseDistribution {
    const copy = new SparseDistribution(this.#size);
    copy.#indexes.set(this.#indexes.subarray(0, this.#size));
    copy.#counts.set(this.#counts.subarray(0, this.#size));
    copy.#size = this.#size;
    copy.#total = this.#total;
    return copy;
  }

  /** Canonical bytes: count of buckets, zigzag first index, index deltas, each followed by its count. Appended to `w`. */
  encodeTo(w: ByteWriter): void {
    const words = this.#words;
    w.varint(this.#size);
    let previous = 0;
    for (let i = 0; i < this.#size; i++) {
      const index = this.#indexes[i]!;
      if (i === 0) w.zigzag(index);
      else w.varint(index - previous);
      const high = words[i * 2 + HIGH_WORD]!;
      if (high < 0x20_0000) w.varint(high * 2 ** 32 + words[i * 2 + LOW_WORD]!);
      else w.varint64(this.#counts[i]!);
      previous = index;
    }
  }

  encode(): Uint8Array {
    const w = new ByteWriter(8 + this.#size * 3);
    this.encodeTo(w);
    return w.finish();
  }

  /** Replaces the content by what `encode` wrote, bytes[start, end); anything not canonical is a DecodeError (and the content empty). */
  decodeFrom(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.clear();
    const r = new ByteReader(bytes, start, end);
    const n = r.count(2);
    if (n > this.#indexes.length) this.#grow(n);
    let index = 0;
    let total = 0;
    for (let i = 0; i < n; i++) {
      index = nextIndex(r, i, index);
      const count = r.count64();
      if (count === 0n) throw new DecodeError('distribution with an empty bucket');
      this.#indexes[i] = index;
      this.#counts[i] = count;
      total += Number(count);
    }
    if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after the distribution`);
    this.#size = n;
    this.#total = total;
  }

  static decode(bytes: Uint8Array): SparseDistribution {
    const d = new SparseDistribution(8);
    d.decodeFrom(bytes);
    return d;
  }
}

/** words[at] = (low, high) + added[b], as uint64. */
function addWords(words: Uint32Array, at: number, low: number, high: number, added: Uint32Array, b: number): void {
  const sum = low + added[b * 2 + LOW_WORD]!;
  words[at * 2 + LOW_WORD] = sum;
  words[at * 2 + HIGH_WORD] = high + added[b * 2 + HIGH_WORD]! + (sum >= 2 ** 32 ? 1 : 0);
}

function nextIndex(r: ByteReader, position: number, previous: number): number {
  let index: number;
  if (position === 0) {
    index = r.zigzag();
  } else {
    const step = r.varint();
    if (step === 0) throw new DecodeError('distribution indexes do not ascend');
    index = previous + step;
  }
  if (index < INT32_MIN || index > INT32_MAX) throw new DecodeError(`distribution index ${index} is no int32`);
  return index;
}

/** Checks that bytes[start, end) are what `encode` writes, without building anything. Errors: DecodeError. */
export function checkDistribution(bytes: Uint8Array, start: number, end: number): void {
  const r = new ByteReader(bytes, start, end);
  const n = r.count(2);
  let index = 0;
  for (let i = 0; i < n; i++) {
    index = nextIndex(r, i, index);
    r.skipCount64();
  }
  if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after the distribution`);
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

/**
 * Lowers an exponential distribution to a coarser scale, exactly: index >> (from - to).
 * Errors: RangeError when a joint count would leave int64; BUG for a finer scale.
 */
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
    if (!out.add(lowered, distribution.countAt(i))) throw new RangeError(`downscaling to ${toScale} overflows a count`);
  }
  return out;
}
