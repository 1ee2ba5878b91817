// SPDX-License-Identifier: Apache-2.0
// Numbers at the edge: the text that SkyWalking's DecimalFormat gives (no grouping, at most 3 fraction digits, half-even),
// and the decimal half-up rounding of `round`. Integers that no arithmetic touched are bigint and print exactly.

/** Text of a value; null stays null (an absent point). `NaN`, `∞` as in Java; a zero never carries a sign. */
export function formatValue(value: bigint | number | null): string | null {
  if (value === null) return null;
  if (typeof value === 'bigint') return value.toString();
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (Number.isInteger(value)) return decimalText(value);
  // x is exactly between two thousandths only if it is an odd number of sixteenths (2000x odd => 16x odd); toFixed is exact
  // about everything else and takes the upper one of a tie, where half-even wants the even one.
  const sixteenths = value * 16;
  const text =
    Number.isInteger(sixteenths) && sixteenths % 2 !== 0 ? halfEvenThousandths(BigInt(sixteenths)) : value.toFixed(3);
  return trimZeros(text);
}

function halfEvenThousandths(sixteenths: bigint): string {
  const doubled = sixteenths * 125n; // 2000x, odd
  const lower = (doubled - 1n) / 2n;
  return scaledText(lower % 2n === 0n ? lower : lower + 1n, 3);
}

/** n / 10^places as text. */
function scaledText(n: bigint, places: number): string {
  const digits = (n < 0n ? -n : n).toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const sign = n < 0n ? '-' : '';
  return places === 0 ? sign + whole : `${sign}${whole}.${digits.slice(digits.length - places)}`;
}

function trimZeros(text: string): string {
  const trimmed = text.replace(/0+$/, '').replace(/\.$/, '');
  return trimmed === '-0' ? '0' : trimmed;
}

/** Shortest digits that read back as `value`, without an exponent. */
function decimalText(value: number): string {
  if (value === 0) return '0';
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential());
  const [, sign = '', first = '', fraction = '', exponent = '0'] = match!;
  const digits = first + fraction;
  const point = 1 + Number(exponent);
  if (point >= digits.length) return sign + digits.padEnd(point, '0');
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Rounds the shortest decimal form of `value` half away from zero, as Java's BigDecimal.valueOf(x).setScale(n, HALF_UP). */
export function roundHalfUp(value: number, places: number): number {
  if (!Number.isFinite(value)) return value;
  const text = decimalText(value);
  const point = text.indexOf('.');
  const fractionDigits = point < 0 ? 0 : text.length - point - 1;
  if (fractionDigits <= places) return value;
  const cut = text.length - (fractionDigits - places);
  const kept = BigInt(text.slice(0, cut).replace('.', '').replace('-', ''));
  const rounded = text.charCodeAt(cut) >= 53 /* '5' */ ? kept + 1n : kept;
  return Number(scaledText(value < 0 ? -rounded : rounded, places));
}
