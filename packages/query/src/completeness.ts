// SPDX-License-Identifier: Apache-2.0
// How complete an answer is. In: what storage knows per source (expected children included), the asked range. Out: the report that goes
// with every answer. It is taken before the data is read, so it never promises more than the data holds.
import { durationText, NO_WATERMARK } from '@oap-federation/model';
import type { SourceCompleteness } from '@oap-federation/storage';
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
}

export interface CompletenessReport {
  /** The least of all sources that are expected (exclusive); null when one of them was never heard or there is none. */
  readonly completeToMinute: { readonly epochMs: number; readonly text: string } | null;
  /** Every source has sealed every minute asked for. */
  readonly complete: boolean;
  /** Origins that lack some minute asked for. */
  readonly missing: readonly string[];
  readonly sources: readonly SourceReport[];
}

/** The report for a range that ends with `toMinute` (inclusive). A tier that knows no source at all promises nothing. */
export function completenessReport(
  sources: readonly SourceCompleteness[],
  toMinute: number,
  nowMs: number,
  zone: ZoneOffset,
): CompletenessReport {
  const text = (minute: number) => durationText(minute, 'MINUTE', zone(minute));
  const reports = sources.map(({ origin, via, completeToMinute: minute, retiredAtMs }): SourceReport => {
    const retired = retiredAtMs === undefined ? undefined : 'retired';
    const since = retiredAtMs === undefined ? {} : { retiredAtMs };
    if (minute === NO_WATERMARK) {
      const state = retired ?? 'unknown';
      return { origin, via, completeTo: null, completeToMs: null, lagSeconds: null, ...since, state };
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
  };
}
