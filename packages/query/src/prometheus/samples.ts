// SPDX-License-Identifier: Apache-2.0
// Rows of minutes -> samples. A minute's sample stands at its end, so that no instant ever sees more than what had happened.
// Every sample is a function of the data (and of how far it is sealed) alone: two queries agree on it, whatever their ranges.

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/** A counter goes on through this many minutes without a row, as long as an instant selector looks back; then it ends. */
export const CARRY_MINUTES = 5;

/** Minutes before the first wanted one whose rows decide what is shown: the carry, and whether a counter was there before. */
export const CONTEXT_MINUTES = CARRY_MINUTES + 2;

export interface SampleColumns {
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  /** 1 where the series ends; undefined when it nowhere does. */
  readonly stale?: Uint8Array;
}

class Samples {
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #timestamps: number[] = [];
  readonly #values: number[] = [];
  /** Positions of the ends. */
  readonly #ends: number[] = [];

  constructor(fromMs: number, toMs: number) {
    this.#fromMs = fromMs;
    this.#toMs = toMs;
  }

  add(ms: number, value: number): void {
    if (ms < this.#fromMs || ms > this.#toMs) return;
    this.#timestamps.push(ms);
    this.#values.push(value);
  }

  /** The series ends here, until its next sample. */
  end(ms: number): void {
    if (ms >= this.#fromMs && ms <= this.#toMs) this.#ends.push(this.#timestamps.length);
    this.add(ms, NaN);
  }

  /** Undefined when there is no sample that counts. */
  finish(): SampleColumns | undefined {
    const count = this.#timestamps.length;
    if (count === this.#ends.length) return undefined;
    const columns = { timestamps: new Float64Array(this.#timestamps), values: new Float64Array(this.#values) };
    if (this.#ends.length === 0) return columns;
    const stale = new Uint8Array(count);
    for (const at of this.#ends) stale[at] = 1;
    return { ...columns, stale };
  }
}

export interface SampleRange {
  /** Epoch ms, both inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Exclusive epoch minute: what has no row before it has none. -Infinity when nothing is known to be complete. */
  readonly sealedTo: number;
}

/** One sample a row; a sealed minute without a row ends the series, an unsealed one may still come. */
export function gaugeSamples(
  minutes: readonly number[],
  valueOf: (row: number) => number,
  { fromMs, toMs, sealedTo }: SampleRange,
): SampleColumns | undefined {
  const samples = new Samples(fromMs, toMs);
  minutes.forEach((minute, row) => {
    samples.add((minute + 1) * MINUTE_MS, valueOf(row));
    if (minutes[row + 1] !== minute + 1 && minute + 1 < sealedTo) samples.end((minute + 2) * MINUTE_MS);
  });
  return samples.finish();
}

/**
 * A running sum that begins with 0 at midnight UTC. `before` is the sum from midnight up to, and without, `firstMinute`, where `minutes`
 * begin to be known.
 *
 * Where a counter appears (no row in the minutes carried), a sample with the sum so far stands at the begin of the minute: the first
 * increments are an increase from it. Midnight is a reset that rate() sees as a drop; where the new day overtakes the old one within a
 * minute, a zero stands 1 ms after midnight.
 */
export function counterSamples(
  minutes: readonly number[],
  increment: (row: number) => bigint,
  { before, firstMinute, scale }: { readonly before: bigint; readonly firstMinute: number; readonly scale: number },
  { fromMs, toMs, sealedTo }: SampleRange,
): SampleColumns | undefined {
  const samples = new Samples(fromMs, toMs);
  const dayOf = (minute: number) => Math.floor(minute / DAY_MINUTES);
  let day = dayOf(firstMinute);
  let total = before;
  let lastShown: number | undefined;
  const number = () => Number(total) / scale;
  /** Begins a new day when `minute` is in one. */
  const enter = (minute: number) => {
    if (dayOf(minute) === day) return;
    day = dayOf(minute);
    total = 0n;
  };
  /** Shows the sum of all minutes before `end`. */
  const show = (end: number) => {
    const value = number();
    const midnight = day * DAY_MINUTES;
    if (end === midnight + 1 && lastShown !== undefined && lastShown > 0 && value >= lastShown) {
      samples.add(midnight * MINUTE_MS + 1, 0);
    }
    samples.add(end * MINUTE_MS, value);
    lastShown = value;
  };
  /** Goes on after the row of `minute` through sealed minutes without a row, those before `end`; says whether the series ended. */
  const carry = (minute: number, end: number): boolean => {
    const until = Math.min(minute + 1 + CARRY_MINUTES, end, sealedTo);
    for (let at = minute + 2; at <= until; at++) {
      enter(at - 1);
      show(at);
    }
    const ended = minute + 2 + CARRY_MINUTES;
    if (ended < end && ended <= sealedTo) samples.end(ended * MINUTE_MS);
    return end > minute + 1 + CARRY_MINUTES;
  };
  minutes.forEach((minute, row) => {
    const previous = minutes[row - 1];
    const appears = previous === undefined || carry(previous, minute);
    if (appears) {
      enter(minute - 1);
      show(minute);
    }
    enter(minute);
    total += increment(row);
    show(minute + 1);
  });
  const last = minutes.at(-1);
  if (last !== undefined) carry(last, Math.floor(toMs / MINUTE_MS) + 1);
  return samples.finish();
}
