// SPDX-License-Identifier: Apache-2.0
// How complete an answer is. In: what storage knows per source (expected children included), of declared losses and of minutes that were
// not found whole; the asked range. Out: the report that goes with every answer. It is taken before the data is read, so it never promises more than the data holds.
import { durationText, NO_WATERMARK } from '@oap-federation/model';
import type { Conservation, SourceCompleteness } from '@oap-federation/storage';
import type { ZoneOffset } from './range.js';

/**
 * `unknown`: nothing was ever heard. `lagging`: not all minutes asked for are sealed. `complete`: all are. `retired`: an operator said that
 * nothing more is to come; it holds nothing back, and is named all the same.
 */
export type SourceState = 'complete' | 'lagging' | 'unknown' | 'retired';

export interface SourceReport {
  /** Leaf tier. */
  readonly origin: string;
  /** The direct child that it arrives through; '' for this tier's own nodes. */
  readonly via: string;
  /** Exclusive: every minute before it is in. Null when nothing was heard. `yyyy-MM-dd HHmm` in the tier's zone. */
  readonly completeTo: string | null;
  readonly completeToMs: number | null;
  readonly lagSeconds: number | null;
  /** Since when it is retired, epoch ms; absent while it is expected. */
  readonly retiredAtMs?: number;
  readonly state: SourceState;
  /** Declared lost on this way, by all causes but `coarsened`: of this origin, and those of which only the way is known. */
  readonly lostIncrements: number;
  /** Minutes of which this way brought something else than it says. Counted for each group in `minutes`. */
  readonly suspectMinutes: number;
}

/** Losses of one kind in sum. `from` and `to` are the first and the last minute, null where not known. */
export interface LossReport {
  readonly tier: string;
  /** '' when it is of several, or not known. */
  readonly origin: string;
  readonly via: string;
  readonly cause: string;
  readonly kind: string;
  readonly from: string | null;
  readonly to: string | null;
  /** 0 when their number is not known. */
  readonly increments: number;
}

/** Minutes between `from` and `to` (inclusive) of which the sum is not what `tiers` say, or could not be compared. */
export interface MinutesReport {
  readonly state: 'suspect' | 'unchecked';
  readonly tiers: readonly string[];
  readonly reason: string;
  readonly from: string;
  readonly to: string;
  readonly minutes: number;
}

export interface CompletenessReport {
  /** The least of all sources that are expected (exclusive); null when one of them was never heard or there is none. */
  readonly completeToMinute: { readonly epochMs: number; readonly text: string } | null;
  /** Every source has sealed every minute asked for. */
  readonly complete: boolean;
  /** Origins that lack some minute asked for. */
  readonly missing: readonly string[];
  readonly sources: readonly SourceReport[];
  /** Everything that was declared lost, or coarsened, whatever the range; until it expires. */
  readonly losses: readonly LossReport[];
  /** Every minute that was not found whole, whatever the range; until it expires. */
  readonly minutes: readonly MinutesReport[];
}

const NOTHING_KNOWN: Conservation = { losses: [], verdicts: [] };

/** The report for a range that ends with `toMinute` (inclusive). A tier that knows no source at all promises nothing. */
export function completenessReport(
  sources: readonly SourceCompleteness[],
  toMinute: number,
  nowMs: number,
  zone: ZoneOffset,
  { losses, verdicts }: Conservation = NOTHING_KNOWN,
): CompletenessReport {
  const text = (minute: number) => durationText(minute, 'MINUTE', zone(minute));
  const textOrNull = (minute: number) => (minute === NO_WATERMARK ? null : text(minute));
  const doubts = (origin: string, via: string) => ({
    lostIncrements: losses
      .filter((l) => l.via === via && (l.origin === origin || l.origin === '') && l.cause !== 'coarsened')
      .reduce((sum, l) => sum + l.increments, 0),
    suspectMinutes: verdicts
      .filter((v) => v.state === 'suspect' && via !== '' && v.tiers.includes(via))
      .reduce((sum, v) => sum + v.minutes, 0),
  });
  const reports = sources.map(({ origin, via, completeToMinute: minute, retiredAtMs }): SourceReport => {
    const retired = retiredAtMs === undefined ? undefined : 'retired';
    const since = retiredAtMs === undefined ? {} : { retiredAtMs };
    if (minute === NO_WATERMARK) {
      const state = retired ?? 'unknown';
      const nothing = { completeTo: null, completeToMs: null, lagSeconds: null };
      return { origin, via, ...nothing, ...since, state, ...doubts(origin, via) };
    }
    const completeToMs = minute * 60_000;
    return {
      origin,
      via,
      completeTo: text(minute),
      completeToMs,
      lagSeconds: Math.max(0, Math.floor((nowMs - completeToMs) / 1000)),
      ...since,
      state: retired ?? (minute > toMinute ? 'complete' : 'lagging'),
      ...doubts(origin, via),
    };
  });
  reports.sort((a, b) => (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : a.via < b.via ? -1 : 1));
  const expected = sources.filter((s) => s.retiredAtMs === undefined);
  const least = Math.min(...expected.map((s) => s.completeToMinute));
  const known = expected.length > 0 && least !== NO_WATERMARK;
  return {
    completeToMinute: known ? { epochMs: least * 60_000, text: text(least) } : null,
    complete: known && least > toMinute,
    missing: [...new Set(reports.filter((r) => r.state === 'lagging' || r.state === 'unknown').map((r) => r.origin))],
    sources: reports,
    losses: losses.map(({ tier, origin, via, cause, kind, firstMinute, lastMinute, increments }) => ({
      tier,
      origin,
      via,
      cause,
      kind,
      from: textOrNull(firstMinute),
      to: textOrNull(lastMinute),
      increments,
    })),
    minutes: verdicts.map(({ state, tiers, reason, firstMinute, lastMinute, minutes }) => ({
      state,
      tiers,
      reason,
      from: text(firstMinute),
      to: text(lastMinute),
      minutes,
    })),
  };
}
