// SPDX-License-Identifier: Apache-2.0
// Time buckets. Inside: epoch minutes (UTC). At the query edge: SkyWalking's local forms, with the tier's configured offset.

export type Step = 'MINUTE' | 'HOUR' | 'DAY';

/** Minutes in one bucket of a step. */
export const STEP_MINUTES: Readonly<Record<Step, number>> = { MINUTE: 1, HOUR: 60, DAY: 1440 };

export function minuteOf(epochMs: number): number {
  return Math.floor(epochMs / 60_000);
}

/** First minute of the bucket of `step` that holds `minute`, in the zone `offsetMinutes` east of UTC. */
export function bucketStart(minute: number, step: Step, offsetMinutes = 0): number {
  const size = STEP_MINUTES[step];
  return Math.floor((minute + offsetMinutes) / size) * size - offsetMinutes;
}

const pad = (n: number, width = 2) => String(n).padStart(width, '0');

/** SkyWalking's integer form: `yyyyMMddHHmm`, `yyyyMMddHH` or `yyyyMMdd`, in the zone `offsetMinutes` east of UTC. */
export function timeBucket(minute: number, step: Step, offsetMinutes = 0): number {
  const { year, month, day, hour, min } = civil(minute + offsetMinutes);
  const date = `${pad(year, 4)}${pad(month)}${pad(day)}`;
  return Number(step === 'DAY' ? date : step === 'HOUR' ? date + pad(hour) : date + pad(hour) + pad(min));
}

/** Duration text of the GraphQL API -> epoch minute; undefined when the text does not fit the step. */
export function parseDurationText(text: string, step: Step | 'SECOND', offsetMinutes = 0): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?: (\d{2})(?:(\d{2})(\d{2})?)?)?$/.exec(text);
  if (!match) return undefined;
  const groups = match.slice(4).filter((g) => g !== undefined).length;
  const wanted = { DAY: 0, HOUR: 1, MINUTE: 2, SECOND: 3 }[step];
  if (groups !== wanted) return undefined;
  const [year, month, day, hour, min] = match.slice(1, 6).map((g) => Number(g ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || min > 59 || Number(match[6] ?? 0) > 59)
    return undefined;
  const minute = daysFromCivil(year, month, day) * 1440 + hour * 60 + min;
  const back = civil(minute);
  return back.day === day && back.month === month ? minute - offsetMinutes : undefined;
}

/** GraphQL duration text of an epoch minute. */
export function durationText(minute: number, step: Step, offsetMinutes = 0): string {
  const { year, month, day, hour, min } = civil(minute + offsetMinutes);
  const date = `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
  return step === 'DAY' ? date : step === 'HOUR' ? `${date} ${pad(hour)}` : `${date} ${pad(hour)}${pad(min)}`;
}

/** Days since 1970-01-01 of a proleptic Gregorian date (algorithm: era of 400 years, March-based year). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const doe = yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy;
  return era * 146_097 + doe - 719_468;
}

function civil(minute: number): { year: number; month: number; day: number; hour: number; min: number } {
  const days = Math.floor(minute / 1440);
  const inDay = minute - days * 1440;
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return {
    year: yoe + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: doy - Math.floor((153 * mp + 2) / 5) + 1,
    hour: Math.floor(inDay / 60),
    min: inDay % 60,
  };
}
