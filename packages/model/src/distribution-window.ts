// SPDX-License-Identifier: Apache-2.0
// Sums of distributions. In: canonical bytes, one distribution after the other. Out: the canonical bytes of their sum.
// Two are read side by side unless they are far apart; more go into one window of counts, which is used again for each sum. The caller knows
// beforehand that the sum fits: its total, and for the window its span.
import { SMALL_TOTAL } from './distribution-bytes.js';

/** A sum may span so many buckets: 64 KiB of counts, of which a usual one touches two. */
const WINDOW_BUCKETS = 16_384;

/** Count by bucket, the first being that of index `base`; all zeros between two sums. */
const counts = new Int32Array(WINDOW_BUCKETS);
/** A bit for each bucket that has a count. */
const used = new Int32Array(WINDOW_BUCKETS / 32);
let base = 0;
/** Words of `used` that are not zero lie before this one. */
let usedEnd = 0;

/** What `readHead` read last: number of buckets, index of the first, and where its count begins. */
export const head = { count: 0, first: 0, at: 0 };

/** Reads the beginning of canonical bytes that are not empty. */
export function readHead(bytes: Uint8Array, start: number): void {
  let at = start;
  let b = bytes[at++]!;
  let count = b & 0x7f;
  for (let shift = 7; b >= 0x80; shift += 7) {
    b = bytes[at++]!;
    count |= (b & 0x7f) << shift;
  }
  b = bytes[at++]!;
  let folded = b & 0x7f;
  for (let shift = 7; b >= 0x80; shift += 7) {
    b = bytes[at++]!;
    folded |= (b & 0x7f) << shift;
  }
  head.count = count;
  head.first = (folded >>> 1) ^ -(folded & 1);
  head.at = at;
}

/** Whether counts of buckets first..last, `total` in sum, can be summed here. */
export function fitsWindow(first: number, last: number, total: number): boolean {
  return last - first < WINDOW_BUCKETS && total < SMALL_TOTAL;
}

/** Begins a sum whose lowest bucket is `first`. */
export function openWindow(first: number, last: number): void {
  base = first;
  usedEnd = ((last - first) >> 5) + 1;
}

/** Adds the counts of canonical bytes[at, end), which follow the index `first`: of `count` buckets. */
export function addToWindow(bytes: Uint8Array, at: number, end: number, first: number, count: number): void {
  let slot = first - base;
  if (end - at === count * 2 - 1) {
    // every step and every count is one byte
    counts[slot]! += bytes[at]!;
    used[slot >> 5]! |= 1 << slot;
    for (let i = at + 1; i < end; i += 2) {
      slot += bytes[i]!;
      counts[slot]! += bytes[i + 1]!;
      used[slot >> 5]! |= 1 << slot;
    }
    return;
  }
  for (let i = at; ;) {
    let more = bytes[i++]!;
    if (more >= 0x80) {
      more &= 0x7f;
      for (let shift = 7; ; shift += 7) {
        const b = bytes[i++]!;
        more |= (b & 0x7f) << shift;
        if (b < 0x80) break;
      }
    }
    counts[slot]! += more;
    used[slot >> 5]! |= 1 << slot;
    if (i >= end) return;
    let step = bytes[i++]!;
    if (step >= 0x80) {
      step &= 0x7f;
      for (let shift = 7; ; shift += 7) {
        const b = bytes[i++]!;
        step |= (b & 0x7f) << shift;
        if (b < 0x80) break;
      }
    }
    slot += step;
  }
}

/**
 * Ends a sum: writes its canonical bytes to `out` from `from` on, and returns where they end. `out` has room for all bytes that were
 * added, and one more for each distribution: where it begins there was an index, and now there is a gap.
 */
export function takeWindow(out: Uint8Array, from: number): number {
  let n = 0;
  for (let w = 0; w < usedEnd; w++) n += bitCount(used[w]!);
  let at = putVarint(out, from, n);
  at = putVarint(out, at, ((base << 1) ^ (base >> 31)) >>> 0);
  // the first bucket, at slot 0: its count has no gap before it
  at = putVarint(out, at, counts[0]!);
  counts[0] = 0;
  used[0]! &= ~1;
  let before = 0;
  for (let w = 0; w < usedEnd; w++) {
    let word = used[w]!;
    if (word === 0) continue;
    used[w] = 0;
    const top = (w << 5) + 31;
    do {
      const slot = top - Math.clz32(word & -word);
      word &= word - 1;
      const count = counts[slot]!;
      counts[slot] = 0;
      const step = slot - before;
      before = slot;
      if ((step | count) < 0x80) {
        out[at] = step;
        out[at + 1] = count;
        at += 2;
      } else {
        at = putVarint(out, at, step);
        at = putVarint(out, at, count);
      }
    } while (word !== 0);
  }
  return at;
}

/** Distributions that begin further from each other than this are not usual. */
const APART_MAX = 2 ** 20;
/** No two buckets of a sum are further from each other: differences are int32. */
const SPAN_MAX = 2 ** 30;
/** Sums of fewer buckets than this have their number in two bytes. */
const SUM_BUCKETS_MAX = 2 ** 14;

/**
 * Writes the canonical bytes of the sum of a[aStart, aEnd) and b[bStart, bEnd) to `out` from `from` on, and returns where they end. -1 when
 * they are far apart or very long: what was written then means nothing. Neither is empty, no sum of counts leaves int32, and `out` has
 * room for both, and two bytes more.
 */
export function writeSumOfTwo(
  out: Uint8Array,
  from: number,
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  readHead(a, aStart);
  let { first: aIndex, at: aAt } = head;
  const aCount = head.count;
  readHead(b, bStart);
  let { first: bIndex, at: bAt } = head;
  const bCount = head.count;
  const apart = aIndex - bIndex;
  if (apart > APART_MAX || apart < -APART_MAX || aCount + bCount >= SUM_BUCKETS_MAX) return -1;
  const first = apart < 0 ? aIndex : bIndex;
  const folded = ((first << 1) ^ (first >> 31)) >>> 0;
  const headBytes = varintBytes(folded);
  // the number of buckets comes first and is known last: what it takes is guessed
  const fewest = aCount > bCount ? aCount : bCount;
  const guessed = fewest + ((aCount + bCount - fewest) >> 1) < 0x80 ? 1 : 2;
  // the first bucket has no step: its zero is overwritten by the end of the first index
  let at = from + guessed + headBytes - 1;
  let before = first;
  let both = 0;
  const [aLast, bLast] = [aEnd - 1, bEnd - 1];
  while (aAt < aEnd && bAt < bEnd) {
    // While both go on behind these buckets, and all are single bytes. Which is next is no branch, since half of the guesses would be
    // wrong, but -1 or 0 as a mask.
    while (aAt < aLast && bAt < bLast) {
      const aMore = a[aAt]!;
      const bMore = b[bAt]!;
      const aStep = a[aAt + 1]!;
      const bStep = b[bAt + 1]!;
      if ((aMore | bMore | aStep | bStep) >= 0x80) break;
      const difference = aIndex - bIndex;
      const ofA = (difference - 1) >> 31;
      const ofB = ~(difference >> 31);
      const step = bIndex + (difference & ofA) - before;
      const count = (aMore & ofA) + (bMore & ofB);
      aIndex += aStep & ofA;
      bIndex += bStep & ofB;
      aAt += ofA & 2;
      bAt += ofB & 2;
      before += step;
      both -= ofA & ofB;
      if ((step | count) < 0x80) {
        out[at] = step;
        out[at + 1] = count;
        at += 2;
      } else {
        at = putVarint(out, at, step);
        at = putVarint(out, at, count);
      }
    }
    // one bucket that is the last, or has several bytes
    const difference = aIndex - bIndex;
    const index = difference < 0 ? aIndex : bIndex;
    let count = 0;
    if (difference <= 0) {
      count = takeVarint(a, aAt);
      aAt = takenTo;
      if (aAt < aEnd) {
        aIndex += takeVarint(a, aAt);
        aAt = takenTo;
        if (aIndex - first > SPAN_MAX) return -1;
      }
    }
    if (difference >= 0) {
      count += takeVarint(b, bAt);
      bAt = takenTo;
      if (bAt < bEnd) {
        bIndex += takeVarint(b, bAt);
        bAt = takenTo;
        if (bIndex - first > SPAN_MAX) return -1;
      }
      if (difference === 0) both++;
    }
    at = putVarint(out, at, index - before);
    at = putVarint(out, at, count);
    before = index;
  }
  // the rest of one is as it was, but for its first step
  if (aAt < aEnd) {
    at = putVarint(out, at, aIndex - before);
    while (aAt < aEnd) out[at++] = a[aAt++]!;
  } else if (bAt < bEnd) {
    at = putVarint(out, at, bIndex - before);
    while (bAt < bEnd) out[at++] = b[bAt++]!;
  }
  const n = aCount + bCount - both;
  const taken = n < 0x80 ? 1 : 2;
  if (taken !== guessed) {
    out.copyWithin(from + taken + headBytes, from + guessed + headBytes, at);
    at += taken - guessed;
  }
  putVarint(out, from, n);
  putVarint(out, from + taken, folded);
  return at;
}

/** Where the number ended that `takeVarint` read last. */
let takenTo = 0;

/** Reads a uint32. */
function takeVarint(bytes: Uint8Array, from: number): number {
  let at = from;
  let byte = bytes[at++]!;
  let value = byte & 0x7f;
  for (let shift = 7; byte >= 0x80; shift += 7) {
    byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
  }
  takenTo = at;
  return value >>> 0;
}

function varintBytes(value: number): number {
  let n = 1;
  for (let v = value >>> 7; v > 0; v >>>= 7) n++;
  return n;
}

function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x5555_5555);
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Appends a varint of a uint32; returns where the next byte goes. */
export function putVarint(bytes: Uint8Array, from: number, value: number): number {
  let at = from;
  let v = value;
  while (v >= 0x80) {
    bytes[at++] = (v & 0x7f) | 0x80;
    v >>>= 7;
  }
  bytes[at++] = v;
  return at;
}
