// SPDX-License-Identifier: Apache-2.0
// Duration input -> epoch minutes. The texts are in the tier's zone, both ends are inclusive, SECOND counts as MINUTE.
import { parseDurationText, STEP_MINUTES, type Step } from '@oap-federation/model';
import { OapError } from '@oap-federation/runtime';
import { BadQuestion } from './problem.js';

/** Minutes east of UTC that the tier's zone has at an epoch minute. */
export type ZoneOffset = (minute: number) => number;

export interface DurationInput {
  readonly start: string;
  readonly end: string;
  readonly step: Step | 'SECOND';
}

/** `fromMinute` is the first minute of the first bucket, `toMinute` the last minute of the last. */
export interface MinuteRange {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly step: Step;
  /** Of the first bucket. Debt: a DAY range across a change of the clock keeps it; ask per season until storage knows zones. */
  readonly offsetMinutes: number;
}

const FORMS = { DAY: 'yyyy-MM-dd', HOUR: 'yyyy-MM-dd HH', MINUTE: 'yyyy-MM-dd HHmm', SECOND: 'yyyy-MM-dd HHmmss' };

/** Errors: BadQuestion for a text that does not fit its step or an end before the start; OAP-6001 for too many points. */
export function parseRange(duration: DurationInput, zone: ZoneOffset, maxPoints: number): MinuteRange {
  const { fromMinute, toMinute } = minutesOf(duration, zone);
  const step = duration.step === 'SECOND' ? 'MINUTE' : duration.step;
  const points = Math.ceil((toMinute + 1 - fromMinute) / STEP_MINUTES[step]);
  if (points > maxPoints) throw new OapError('OAP-6001', { limit: 'points', value: points, max: maxPoints });
  return { fromMinute, toMinute, step, offsetMinutes: zone(fromMinute) };
}

/** The same as epoch ms, both inclusive, of any length and to the second: for records, which are no series. */
export function parseMoments(
  duration: DurationInput,
  zone: ZoneOffset,
): { readonly fromMs: number; readonly toMs: number } {
  const { fromMinute, toMinute } = minutesOf(duration, zone);
  if (duration.step !== 'SECOND') return { fromMs: fromMinute * 60_000, toMs: (toMinute + 1) * 60_000 - 1 };
  const secondsOf = (text: string) => Number(text.slice(-2));
  const fromMs = fromMinute * 60_000 + secondsOf(duration.start) * 1_000;
  return { fromMs, toMs: toMinute * 60_000 + secondsOf(duration.end) * 1_000 + 999 };
}

/** The minutes of a duration of any length, both inclusive. Errors: BadQuestion, as of parseRange. */
export function minutesOf(
  { start, end, step }: DurationInput,
  zone: ZoneOffset,
): { readonly fromMinute: number; readonly toMinute: number } {
  const minuteOfText = (field: string, text: string) => {
    const local = parseDurationText(text, step, 0);
    if (local === undefined) throw new BadQuestion(`duration.${field} "${text}" is not of the form ${FORMS[step]}`);
    const guess = local - zone(local);
    return local - zone(guess);
  };
  const fromMinute = minuteOfText('start', start);
  const toMinute = minuteOfText('end', end) + STEP_MINUTES[step === 'SECOND' ? 'MINUTE' : step] - 1;
  if (toMinute < fromMinute) throw new BadQuestion(`duration.end "${end}" is before duration.start "${start}"`);
  return { fromMinute, toMinute };
}

/** `+0800`, as getTimeInfo gives it. */
export function zoneText(offsetMinutes: number): string {
  const magnitude = Math.abs(offsetMinutes);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${offsetMinutes < 0 ? '-' : '+'}${pad(Math.floor(magnitude / 60))}${pad(magnitude % 60)}`;
}
