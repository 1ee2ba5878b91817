// SPDX-License-Identifier: Apache-2.0
// The tier's time zone at the query edge: minutes east of UTC at a given minute, from the platform's zone tables.

/** Offset of `timezone` (an IANA name, validated by the configuration) at an epoch minute; daylight saving included. */
export function zoneOffset(timezone: string): (minute: number) => number {
  if (timezone === 'UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  return (minute) => {
    const name =
      format.formatToParts(new Date(minute * 60_000)).find((part) => part.type === 'timeZoneName')?.value ?? '';
    const match = /GMT([+-])(\d{2}):(\d{2})/.exec(name);
    if (!match) return 0;
    return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
  };
}
