// SPDX-License-Identifier: Apache-2.0
// What the benchmarks found, twice: lines for people while they run, and flat keys for programs.
// In: measurements. Out: the terminal, and `results`.

const WIDTHS = [48, 58, 9, 10, 20];

function line(...cells) {
  return cells
    .map((cell, i) => (i < 2 ? cell.padEnd(WIDTHS[i]) : cell.padStart(WIDTHS[i])))
    .join(' ')
    .trimEnd();
}

/** 12,345,678 is 12.3 M; three digits are more than a shared machine can tell. */
export function short(n) {
  const [value, unit] = n >= 1e9 ? [n / 1e9, ' G'] : n >= 1e6 ? [n / 1e6, ' M'] : n >= 1e3 ? [n / 1e3, ' k'] : [n, ''];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
}

export const results = {};

export function title(text) {
  console.log(`\n${line('', text, 'ours', 'reference', 'ratio')}`);
}

/** One figure: `{ value, reference?, ratio?, ratioMin?, ratioMax? }`; a ratio above 1 means that ours is better. */
export function row(key, what, { value, reference, ratio, ratioMin, ratioMax }) {
  results[key] = value;
  const measured = { reference, ratio, ratioMin, ratioMax };
  for (const [name, number] of Object.entries(measured)) if (number !== undefined) results[`${key}.${name}`] = number;
  const range = ratioMin === undefined ? '' : ` (${ratioMin.toFixed(2)}..${ratioMax.toFixed(2)})`;
  const against = reference === undefined ? ['', ''] : [short(reference), `${ratio.toFixed(2)}${range}`];
  console.log(line(key, what, short(value), ...against));
}

/** Numbers that belong to the row above: keys of their own, one line. */
export function aside(numbers, text) {
  Object.assign(results, numbers);
  if (text !== undefined) console.log(line('', text));
}

/** A figure that could not be measured here, and why. */
export function missing(key, reason) {
  results[`${key}.missing`] = reason;
  console.log(line(key, `not measured: ${reason}`));
}
