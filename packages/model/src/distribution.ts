// SPDX-License-Identifier: Apache-2.0
// Distributions: one sparse type (bucket index -> int64 count) and the layouts that say what an index means.
// Merging is exact for one layout; another layout is refused by name. docs/functions.md gives the layouts' arithmetic.
import { ByteWriter } from './bytes.js';
import { readBuckets, scratch, SMALL_TOTAL } from './distribution-bytes.js';

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

/** The dense form is for sums of counts below this: every count and every sum of two is an int32. */
const DENSE_TOTAL = SMALL_TOTAL;

/** Buckets that a dense window may span, those that one bucket in use may span when the window begins, and the grid of its ends. */
export const DENSE_WIDTH = 4_096;
export const DENSE_WIDTH_PER_BUCKET = 16;
export const DENSE_BUCKETS_MIN = 8;
export const DENSE_GRID = 32;

const NO_INDEXES = new Int32Array(0);
const NO_WORDS = new Uint32Array(0);

/** The dense form of a distribution; `total` is the sum of the counts. */
export interface DistributionWindow {
  readonly base: number;
  readonly low: Uint8Array;
  readonly high: Uint32Array | undefined;
  readonly total: number;
}

/**
 * A mutable distribution: ascending bucket indexes (int32), each with a count (int64, >= 1), so equal content is equal bytes (`encode`).
 *
 * Sparse form: `indexes` and counts (`words`) beside each other, the first `size` of each in use; anything fits.
 * Dense form, while the sum of counts is small and the indexes lie close together: a window of counts from bucket `base` on, as bytes
 * (`low`), with a second plane of multiples of 256 (`high`) once a count needs it. A byte per bucket, and adding is one look-up.
 * The form never shows outside.
 */
export class SparseDistribution {
  #indexes: Int32Array;
  /** The counts as uint32 halves, low first: count i is words[2 * i] + 2^32 * words[2 * i + 1]. */
  #words: Uint32Array;
  #base = 0;
  /** Undefined in the sparse form. */
  #low: Uint8Array | undefined = undefined;
  #high: Uint32Array | undefined = undefined;
  /** Buckets in use; -1 in the dense form while it has not been counted since the last change. */
  #size = 0;
  /** Sum of all counts as a double: exact below 2^53; above, it only decides whether the overflow checks can be left out. */
  #total = 0;
  /** Dense form: bucket number `cursor` was last found at slot `cursorSlot` (valid while `size` is known). */
  #cursor = 0;
  #cursorSlot = 0;

  constructor(capacity = 8) {
    this.#indexes = NO_INDEXES;
    this.#words = NO_WORDS;
    if (capacity > 0) this.#setCapacity(capacity);
  }

  get size(): number {
    if (this.#size < 0) this.#count();
    return this.#size;
  }

  /** Bucket index at a position below `size`, ascending. Walking up is cheap in both forms. */
  indexAt(position: number): number {
    return this.#low ? this.#base + this.#slotAt(this.#low, position) : this.#indexes[position]!;
  }

  countAt(position: number): bigint {
    return this.#low ? BigInt(this.#countAtSlot(this.#slotAt(this.#low, position))) : this.#sparseCount(position);
  }

  /** Sum of all counts. */
  total(): bigint {
    if (this.#low) return BigInt(this.#total);
    let sum = 0n;
    for (let i = 0; i < this.#size; i++) sum += this.#sparseCount(i);
    return sum;
  }

  /** Sum of all counts where it is at most `max`, which is at most 2^53; undefined above. */
  totalUpTo(max: number): number | undefined {
    return this.#total <= max ? this.#total : undefined;
  }

  /** Index of the first bucket at which the running count reaches each of `counts` (ascending, at most the total, which is below 2^53). */
  indexesAtCounts(counts: readonly number[]): number[] {
    const out: number[] = [];
    let running = 0;
    let next = 0;
    const low = this.#low;
    const n = low ? low.length : this.#size;
    for (let i = 0; i < n && next < counts.length; i++) {
      running += low ? this.#countAtSlot(i) : this.#words[i * 2]! + this.#words[i * 2 + 1]! * 2 ** 32;
      for (; next < counts.length && running >= counts[next]!; next++)
        out.push(low ? this.#base + i : this.#indexes[i]!);
    }
    return out;
  }

  // ---- the dense form ----

  #countAtSlot(slot: number): number {
    return this.#low![slot]! + (this.#high ? this.#high[slot]! * 256 : 0);
  }

  #isUsed(low: Uint8Array, slot: number): boolean {
    return low[slot] !== 0 || (this.#high !== undefined && this.#high[slot] !== 0);
  }

  #count(): void {
    const low = this.#low!;
    let n = 0;
    for (let slot = 0; slot < low.length; slot++) if (this.#isUsed(low, slot)) n++;
    this.#size = n;
    this.#cursor = -1;
    this.#cursorSlot = -1;
  }

  #slotAt(low: Uint8Array, position: number): number {
    if (this.#size < 0) this.#count();
    if (!(position >= 0 && position < this.#size)) throw new Error(`BUG: bucket ${position} of ${this.#size}`);
    if (position < this.#cursor) {
      this.#cursor = -1;
      this.#cursorSlot = -1;
    }
    while (this.#cursor < position) {
      this.#cursorSlot++;
      if (this.#isUsed(low, this.#cursorSlot)) this.#cursor++;
    }
    return this.#cursorSlot;
  }

  #carry(slot: number, multiples: number): void {
    this.#high ??= new Uint32Array(this.#low!.length);
    this.#high[slot]! += multiples;
  }

  /** Makes the window cover buckets first..last. False, and nothing changed, when it would be too wide. */
  #cover(first: number, last: number): boolean {
    const low = this.#low!;
    if (first >= this.#base && last < this.#base + low.length) return true;
    const base = Math.min(this.#base, gridFloor(first));
    const width = Math.max(this.#base + low.length, gridFloor(last) + DENSE_GRID) - base;
    if (width > DENSE_WIDTH) return false;
    const shift = this.#base - base;
    const grown = new Uint8Array(width);
    grown.set(low, shift);
    if (this.#high) {
      const high = new Uint32Array(width);
      high.set(this.#high, shift);
      this.#high = high;
    }
    this.#low = grown;
    this.#base = base;
    this.#size = -1;
    return true;
  }

  /** From sparse to dense with a window over what is there and buckets first..last too, if that is worth it. `used`: buckets in it. */
  #tryDense(first: number, last: number, used: number): boolean {
    const n = this.#size;
    const indexes = this.#indexes;
    const base = gridFloor(n > 0 ? Math.min(first, indexes[0]!) : first);
    const width = gridFloor(n > 0 ? Math.max(last, indexes[n - 1]!) : last) + DENSE_GRID - base;
    if (width > DENSE_WIDTH || width > used * DENSE_WIDTH_PER_BUCKET || used < DENSE_BUCKETS_MIN) return false;
    if (this.#total >= DENSE_TOTAL) return false;
    const words = this.#words;
    this.#base = base;
    this.#low = new Uint8Array(width);
    for (let i = 0; i < n; i++) this.#addSmall(indexes[i]!, words[i * 2]!);
    this.#indexes = NO_INDEXES;
    this.#words = NO_WORDS;
    return true;
  }

  /** Adds to a bucket inside the window; `total` is for the caller. */
  #addSmall(index: number, count: number): void {
    const low = this.#low!;
    const slot = index - this.#base;
    const sum = low[slot]! + count;
    low[slot] = sum;
    if (sum > 255) this.#carry(slot, sum >>> 8);
    this.#size = -1;
  }

  #becomeSparse(): void {
    const low = this.#low;
    if (!low) return;
    const n = this.size;
    this.#setCapacity(n);
    const indexes = this.#indexes;
    const words = this.#words;
    for (let slot = 0, i = 0; i < n; slot++) {
      if (!this.#isUsed(low, slot)) continue;
      indexes[i] = this.#base + slot;
      words[i * 2] = this.#countAtSlot(slot);
      i++;
    }
    this.#low = undefined;
    this.#high = undefined;
  }

  // ---- the sparse form ----

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

  /** Makes room at position `at` for `index`; its count is for the caller to set. */
  #insert(at: number, index: number): void {
    if (this.#size === this.#indexes.length) this.#grow(Math.max(4, this.#size * 2));
    const indexes = this.#indexes;
    const words = this.#words;
    for (let i = this.#size; i > at; i--) {
      indexes[i] = indexes[i - 1]!;
      words[i * 2] = words[i * 2 - 2]!;
      words[i * 2 + 1] = words[i * 2 - 1]!;
    }
    indexes[at] = index;
    this.#size++;
  }

  #sparseCount(position: number): bigint {
    const high = this.#words[position * 2 + 1]!;
    const low = BigInt(this.#words[position * 2]!);
    return high === 0 ? low : low + BigInt(high) * 0x1_0000_0000n;
  }

  #setSparseCount(position: number, count: bigint): void {
    this.#words[position * 2] = Number(count & 0xffff_ffffn);
    this.#words[position * 2 + 1] = Number(count >> 32n);
  }

  #setCapacity(capacity: number): void {
    this.#indexes = new Int32Array(capacity);
    this.#words = new Uint32Array(capacity * 2);
  }

  #grow(capacity: number): void {
    const indexes = this.#indexes;
    const words = this.#words;
    this.#setCapacity(capacity);
    this.#indexes.set(indexes);
    this.#words.set(words);
  }

  // ---- adding ----

  /** Adds `count` (>= 1) to a bucket. False, and nothing changed, when the index would leave int32 or the count int64. */
  add(index: number, count: bigint): boolean {
    if (!(index >= INT32_MIN && index <= INT32_MAX) || count > INT64_MAX) return false;
    const added = Number(count);
    if (this.#low) {
      if (this.#total + added < DENSE_TOTAL && this.#cover(index, index)) {
        this.#addSmall(index, added);
        this.#total += added;
        return true;
      }
      this.#becomeSparse();
    }
    const at = this.#find(index);
    if (at < this.#size && this.#indexes[at] === index) {
      const sum = this.#sparseCount(at) + count;
      if (sum > INT64_MAX) return false;
      this.#setSparseCount(at, sum);
    } else {
      if (
        this.#size === this.#indexes.length &&
        this.#total + added < DENSE_TOTAL &&
        this.#tryDense(index, index, this.#size + 1)
      )
        return this.add(index, count);
      this.#insert(at, index);
      this.#setSparseCount(at, count);
    }
    this.#total += added;
    return true;
  }

  /** `add(index, 1n)`, for the hot path: a sample came in. */
  addOne(index: number): boolean {
    const low = this.#low;
    if (low && this.#total < DENSE_TOTAL - 1) {
      const slot = index - this.#base;
      if (slot >= 0 && slot < low.length) {
        const sum = low[slot]! + 1;
        low[slot] = sum;
        if (sum > 255) this.#carry(slot, 1);
        this.#size = -1;
        this.#total++;
        return true;
      }
    }
    if (low || this.#total >= SAFE_TOTAL) return this.add(index, 1n);
    if (!(index >= INT32_MIN && index <= INT32_MAX)) return false;
    const at = this.#find(index);
    if (at === this.#size || this.#indexes[at] !== index) {
      if (
        this.#size === this.#indexes.length &&
        this.#total < DENSE_TOTAL - 1 &&
        this.#tryDense(index, index, this.#size + 1)
      )
        return this.add(index, 1n);
      this.#insert(at, index);
      this.#setSparseCount(at, 0n);
    }
    const word = at * 2;
    const sum = this.#words[word]! + 1;
    this.#words[word] = sum;
    if (sum === 2 ** 32) this.#words[at * 2 + 1]!++;
    this.#total++;
    return true;
  }

  /** Folds `delta` in; `delta` is not touched. False, and nothing changed, when a count would leave int64. */
  merge(delta: SparseDistribution): boolean {
    if (delta.#total === 0) return true;
    if (delta.#low) {
      const last = delta.#base + delta.#low.length - 1;
      // a window may be as wide as the delta's own, whose buckets nobody has counted
      if (this.#isDenseFor(delta.#base, last, DENSE_WIDTH, delta.#total)) {
        this.#addWindow(delta.#low, delta.#high, delta.#base);
        this.#total += delta.#total;
        return true;
      }
      const copy = delta.clone();
      copy.#becomeSparse();
      return this.#mergeSparse(copy);
    }
    const m = delta.#size;
    const indexes = delta.#indexes;
    const words = delta.#words; // taken first: delta may be this, which turns dense
    if (this.#isDenseFor(indexes[0]!, indexes[m - 1]!, m, delta.#total)) {
      for (let i = 0; i < m; i++) this.#addSmall(indexes[i]!, words[i * 2]!);
      this.#total += delta.#total;
      return true;
    }
    return this.#mergeSparse(delta);
  }

  /** True when this is dense, or has become so, and `used` buckets first..last that hold `total` can be added to the window. */
  #isDenseFor(first: number, last: number, used: number, total: number): boolean {
    if (this.#total + total >= DENSE_TOTAL) return false;
    if (this.#low) return this.#cover(first, last);
    // while there is room anyway, sparse is cheaper
    return this.#size + used > this.#indexes.length && this.#tryDense(first, last, Math.max(this.#size, used));
  }

  #addWindow(addedLow: Uint8Array, addedHigh: Uint32Array | undefined, base: number): void {
    const low = this.#low!;
    const shift = base - this.#base;
    if (addedHigh) {
      // before any carry: both may be the same distribution
      this.#high ??= new Uint32Array(low.length);
      const high = this.#high;
      for (let i = 0; i < addedHigh.length; i++) high[i + shift]! += addedHigh[i]!;
    }
    // windows begin and end on the grid: their memory is whole words
    const words = new Int32Array(low.buffer, 0, low.length >> 2);
    const addedWords = new Int32Array(addedLow.buffer, 0, addedLow.length >> 2);
    for (let from = 0, to = shift >> 2; from < addedWords.length; from++, to++) {
      const added = addedWords[from]!;
      if (added === 0) continue;
      const own = words[to]!;
      if (((own | added) & 0x8080_8080) === 0) {
        words[to] = own + added; // four counts below 128 each: no sum reaches the next
        continue;
      }
      for (let k = 0; k < 4; k++) {
        const slot = to * 4 + k;
        const sum = low[slot]! + addedLow[from * 4 + k]!;
        low[slot] = sum;
        if (sum > 255) this.#carry(slot, 1);
      }
    }
    this.#size = -1;
  }

  #mergeSparse(delta: SparseDistribution): boolean {
    const m = delta.#size;
    this.#becomeSparse();
    const n = this.#size;
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
      else if (checked && this.#sparseCount(i) + delta.#sparseCount(j) > INT64_MAX) return false;
    }
    if (n + fresh > this.#indexes.length) this.#grow(n === 0 ? fresh : Math.max(n + fresh, n * 2));
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
          addWords(words, at, words[a * 2]!, words[a * 2 + 1]!, added, b);
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
      addWords(words, a, words[a * 2]!, words[a * 2 + 1]!, added, b);
    }
    this.#size = n + fresh;
    this.#total += delta.#total;
    return true;
  }

  /**
   * Folds in what `encode` wrote, bytes[start, end), without a distribution in between. False, and nothing changed, when a count would
   * leave int64. Errors: DecodeError for anything not canonical, and nothing changed.
   */
  mergeEncoded(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    const n = readBuckets(bytes, start, end);
    if (n === 0) return true;
    const { indexes, counts, total } = scratch;
    if (this.#isDenseFor(indexes[0]!, indexes[n - 1]!, n, total)) {
      const base = this.#base;
      const low = this.#low!;
      for (let i = 0; i < n; i++) {
        const slot = indexes[i]! - base;
        const sum = low[slot]! + counts[i]!;
        low[slot] = sum;
        if (sum > 255) this.#carry(slot, sum >>> 8);
      }
      this.#size = -1;
      this.#total += total;
      return true;
    }
    const target = this.#size === 0 ? this : new SparseDistribution(n);
    target.#setBuckets(n, total);
    return target === this || this.#mergeSparse(target);
  }

  /** Of an empty sparse distribution: takes over what `readBuckets` has read. */
  #setBuckets(n: number, total: number): void {
    if (n > this.#indexes.length) this.#setCapacity(n);
    this.#indexes.set(scratch.indexes.subarray(0, n));
    const words = this.#words;
    if (total >= SMALL_TOTAL) {
      words.set(scratch.words);
    } else {
      for (let i = 0; i < n; i++) {
        words[i * 2] = scratch.counts[i]!;
        words[i * 2 + 1] = 0;
      }
    }
    this.#size = n;
    this.#total = total;
  }

  clear(): void {
    if (this.#low) {
      this.#low = undefined;
      this.#high = undefined;
    }
    this.#size = 0;
    this.#total = 0;
  }

  /** The counts of the dense form, undefined in the sparse one: count i, of bucket base + i, is low[i] + 256 * high[i]. Not to be changed. */
  window(): DistributionWindow | undefined {
    return this.#low && { base: this.#base, low: this.#low, high: this.#high, total: this.#total };
  }

  /** A dense distribution that takes over the window's memory. The base is of the grid, the total below SMALL_TOTAL. */
  static ofWindow({ base, low, high, total }: DistributionWindow): SparseDistribution {
    const d = new SparseDistribution(0);
    d.#base = base;
    d.#low = low;
    d.#high = high;
    d.#total = total;
    d.#size = -1;
    return d;
  }

  clone(): SparseDistribution {
    const copy = new SparseDistribution(this.#low ? 0 : this.#size);
    if (this.#low) {
      copy.#low = this.#low.slice();
      copy.#high = this.#high?.slice();
      copy.#base = this.#base;
      copy.#size = -1;
    } else {
      copy.#indexes.set(this.#indexes.subarray(0, this.#size));
      copy.#words.set(this.#words.subarray(0, this.#size * 2));
      copy.#size = this.#size;
    }
    copy.#total = this.#total;
    return copy;
  }

  // ---- bytes ----

  /** Canonical bytes: count of buckets, zigzag first index, index deltas, each followed by its count. Appended to `w`. */
  encodeTo(w: ByteWriter): void {
    const n = this.size;
    w.varint(n);
    let previous = 0;
    const low = this.#low;
    if (low) {
      for (let slot = 0, i = 0; i < n; slot++) {
        if (!this.#isUsed(low, slot)) continue;
        const index = this.#base + slot;
        if (i === 0) w.zigzag(index);
        else w.varint(index - previous);
        w.varint(this.#countAtSlot(slot));
        previous = index;
        i++;
      }
      return;
    }
    const words = this.#words;
    for (let i = 0; i < n; i++) {
      const index = this.#indexes[i]!;
      if (i === 0) w.zigzag(index);
      else w.varint(index - previous);
      const high = words[i * 2 + 1]!;
      if (high < 0x20_0000) w.varint(high * 2 ** 32 + words[i * 2]!);
      else w.varint64(this.#sparseCount(i));
      previous = index;
    }
  }

  encode(): Uint8Array {
    const w = ENCODED;
    w.reset();
    this.encodeTo(w);
    return w.finish();
  }

  /** Replaces the content by what `encode` wrote, bytes[start, end); anything not canonical is a DecodeError (and the content empty). */
  decodeFrom(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.clear();
    this.mergeEncoded(bytes, start, end);
  }

  static decode(bytes: Uint8Array): SparseDistribution {
    const d = new SparseDistribution(0);
    d.decodeFrom(bytes);
    return d;
  }
}

/** Written and copied within one call of `encode`. */
const ENCODED = new ByteWriter(1_024);

function gridFloor(index: number): number {
  return index & ~(DENSE_GRID - 1);
}

/** words[at] = (low, high) + added[b], as uint64. */
function addWords(words: Uint32Array, at: number, low: number, high: number, added: Uint32Array, b: number): void {
  const sum = low + added[b * 2]!;
  words[at * 2] = sum;
  words[at * 2 + 1] = high + added[b * 2 + 1]! + (sum >= 2 ** 32 ? 1 : 0);
}

/** Times 100 millionths, and half of one more, it is below 2^53: such totals need no bigint. */
const TOTAL_IN_DOUBLES = 90_000_000;

/**
 * Values at ascending integer-or-fractional `ranks` (0 < rank <= 100), in the unit that was recorded; zeros for an empty distribution.
 * Rank rule: the first bucket whose running count reaches round-half-up(total * rank / 100), at least 1, in exact arithmetic.
 * Source: SkyWalking PercentileMetrics2.calculate; its float32 rounding above 2^24 samples is not copied (docs/functions.md).
 */
export function percentiles(layout: Layout, distribution: SparseDistribution, ranks: readonly number[]): number[] {
  const small = distribution.totalUpTo(TOTAL_IN_DOUBLES);
  if (small !== undefined && small > 0) {
    const counts = ranks.map((rank) => {
      const rounded = small * Math.round(rank * 1e6) + 50_000_000;
      return Math.max(1, (rounded - (rounded % 1e8)) / 1e8);
    });
    return distribution.indexesAtCounts(counts).map((index) => bucketValue(layout, index));
  }
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
