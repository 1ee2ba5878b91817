// SPDX-License-Identifier: Apache-2.0
// Up to which minute a rule may be judged, and who was missing. In: how complete the sources are, the time. Out: minutes. Pure.
import { minuteOf } from '@oap-federation/model';
import type { AlarmCompleteness, SourceCompleteness } from '@oap-federation/storage';
import type { AlarmRule } from './rule.js';

/** How complete the sources of one rule are. Retired ones are not waited for. */
export class Sealing {
  /** Exclusive: every minute before it is sealed. -Infinity: some source was never heard, or none is known. Infinity: all are retired. */
  readonly sealedTo: number;
  readonly #sources: readonly Pick<SourceCompleteness, 'origin' | 'completeToMinute'>[];

  constructor({ expression }: Pick<AlarmRule, 'expression'>, sources: readonly SourceCompleteness[]) {
    const named = expression.reads.map(({ origins }) => origins);
    const readsAll = named.some(([first]) => first === '' || first === '*');
    const origins = new Set(named.flat());
    const concerned = readsAll ? sources : sources.filter((s) => origins.has(s.origin));
    const unheard = readsAll ? [] : [...origins].filter((origin) => !concerned.some((s) => s.origin === origin));
    this.#sources = [
      ...concerned.filter((s) => s.retiredAtMs === undefined),
      ...unheard.map((origin) => ({ origin, completeToMinute: -Infinity })),
    ];
    const isKnown = concerned.length + unheard.length > 0;
    this.sealedTo = isKnown ? Math.min(...this.#sources.map((s) => s.completeToMinute)) : -Infinity;
  }

  isSealed(minute: number): boolean {
    return minute < this.sealedTo;
  }

  /** What an alarm of that minute says of its window. Watermarks are prefixes: the last minute speaks for those before it. */
  completenessAt(minute: number): AlarmCompleteness {
    const missing = this.#sources.filter((s) => s.completeToMinute <= minute).map((s) => s.origin);
    return { complete: this.isSealed(minute), missing: [...new Set(missing)].toSorted() };
  }
}

/** How long after its end a minute waits for its sources, in ms. */
export function patienceMs({ onIncomplete }: Pick<AlarmRule, 'onIncomplete'>, graceMs: number): number {
  return graceMs + (onIncomplete.kind === 'hold' ? onIncomplete.maxMs : 0);
}

/** The newest minute that may be judged now: it is over, and sealed or no longer waited for. */
export function judgeableTo(rule: AlarmRule, sealing: Sealing, graceMs: number, nowMs: number): number {
  const over = minuteOf(nowMs) - 1;
  const waitedFor = minuteOf(nowMs - patienceMs(rule, graceMs)) - 1;
  return Math.min(over, Math.max(sealing.sealedTo - 1, waitedFor));
}
