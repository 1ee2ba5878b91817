// SPDX-License-Identifier: Apache-2.0
// Durations as Prometheus writes them: `1h30m`, units from large to small, each at most once.

const UNIT_MS: readonly (readonly [unit: string, ms: number])[] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

const FORM = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds; undefined for what is no duration. A bare 0 is one. */
export function tryParseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = text === '' ? null : FORM.exec(text);
  if (!match) return undefined;
  let ms = 0;
  for (const [i, [, unitMs]] of UNIT_MS.entries()) ms += Number(match[i + 1] ?? 0) * unitMs;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  let [rest, text] = [Math.abs(ms), ''];
  for (const [unit, unitMs] of UNIT_MS) {
    // weeks and years only where they are the whole: 10d reads better than 1w3d
    const whole = Math.floor(rest / unitMs);
    if (whole === 0 || ((unit === 'y' || unit === 'w') && rest % unitMs !== 0)) continue;
    text += `${whole}${unit}`;
    rest -= whole * unitMs;
  }
  return ms < 0 ? `-${text}` : text;
}
