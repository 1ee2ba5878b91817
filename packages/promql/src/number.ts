// SPDX-License-Identifier: Apache-2.0
// Numbers as Go and Prometheus write and read them; and the few places where Go's arithmetic on doubles is not JavaScript's.

/** As sample values of the HTTP API read: shortest form, exponent only below 1e-6 and from 1e21 on. */
export function sampleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  if (Object.is(value, -0)) return '-0';
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Shortest form that never has an exponent: label values made by count_values. */
export function plainText(value: number): string {
  const text = sampleText(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign, lead, fraction = '', exponent] = match;
  const digits = lead! + fraction;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return (
    sign + (digits.length <= point ? digits.padEnd(point, '0') : `${digits.slice(0, point)}.${digits.slice(point)}`)
  );
}

/** A number literal of PromQL, or the `le` of a bucket; undefined for what is none. */
export function tryParseNumber(text: string): number | undefined {
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (word) return word[2]!.toLowerCase() === 'nan' ? NaN : word[1] === '-' ? -Infinity : Infinity;
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

/** Go's math.Pow: 1 to any power and (-1) to an infinite one are 1. */
export function power(base: number, exponent: number): number {
  return base === 1 || (base === -1 && Math.abs(exponent) === Infinity) ? 1 : base ** exponent;
}

/** Go's math.Max: an infinity beats NaN. */
export function goMax(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b);
}

/** Go's math.Min: an infinity beats NaN. */
export function goMin(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b);
}

/** A sum that carries its rounding error (Kahan, Neumaier): what Prometheus uses where it adds over time. */
export class CompensatedSum {
  #sum = 0;
  #error = 0;

  add(value: number): void {
    const sum = this.#sum;
    const total = sum + value;
    this.#error += Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum;
    this.#sum = total;
  }

  /** Without the error: what is infinite stays so. */
  get raw(): number {
    return this.#sum;
  }

  get value(): number {
    return this.#sum + this.#error;
  }
}
