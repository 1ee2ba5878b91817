// SPDX-License-Identifier: Apache-2.0
// How the benchmarks measure: contenders in turn (A B A B), several rounds, medians and the range of the ratio between them.
// In: contenders that do units of work. Out: rates, units per second of CPU (single-threaded work) or of wall time (database work).
import process from 'node:process';

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** User and system time of this process, all threads: what the garbage collector takes is in it. In s. */
export function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function timed(run, iterations) {
  const from = cpuSeconds();
  for (let i = 0; i < iterations; i++) {
    const pending = run();
    if (pending !== undefined) await pending;
  }
  return cpuSeconds() - from;
}

/** Runs until the code is warm; returns how many iterations take about `seconds`. */
async function calibrate(run, seconds) {
  let iterations = 1;
  for (let spent = 0; ;) {
    const took = await timed(run, iterations);
    spent += took;
    if (spent >= seconds * 2) return Math.max(1, Math.round((iterations * seconds) / Math.max(took, 1e-6)));
    if (took < seconds / 2) iterations *= 2;
  }
}

/**
 * CPU rates of single-threaded work. `ours` and `reference` are `{ units, run() }`: one run does `units` units of work.
 * Returns `{ perSecond, reference, ratio, ratioMin, ratioMax }`; a ratio above 1 means that ours is faster.
 */
export async function compare({ ours, reference }, { rounds, roundSeconds }) {
  const contenders = [ours, reference];
  const iterations = [];
  for (const { run } of contenders) iterations.push(await calibrate(run, roundSeconds));
  const rates = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const [i, { units, run }] of contenders.entries()) {
      rates[i].push((units * iterations[i]) / (await timed(run, iterations[i])));
    }
  }
  return summary(rates[0], rates[1]);
}

/** Medians, and median and range of the ratio of neighbouring rounds. */
export function summary(ours, reference) {
  const ratios = ours.map((rate, i) => rate / reference[i]);
  return {
    perSecond: median(ours),
    reference: median(reference),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  };
}
