// SPDX-License-Identifier: Apache-2.0
// A SampleSource over plain memory, exported as `@oap-federation/promql/testing`.
// In: series as Prometheus' own test files write them (`up{job="a"} 0+10x5 _ stale 3`). Out: what an engine reads.
import { Labels } from './labels.js';
import { parseSelector } from './parser.js';
import type { SampleSeries, SampleSource, SelectQuery } from './port.js';

export class MemorySampleSource implements SampleSource {
  readonly series: SampleSeries[] = [];

  /**
   * Takes one series, a sample every `stepMs` from `startMs` on. Values: a number, `_` (no sample), `stale`, `a+bxn` and `a-bxn` (a, then n
   * more, each b further), `axn` (a, and n more of it), `_xn`.
   */
  load(line: string, stepMs = 60_000, startMs = 0): void {
    const [, selector, notation] = /^(\w*(?:\{.*\})?)\s+(.*)$/.exec(line) ?? [];
    if (selector === undefined || notation === undefined) throw new Error(`BUG: "${line}" is no series`);
    const { matchers } = parseSelector(selector);
    const timestamps: number[] = [];
    const values: number[] = [];
    const stale: number[] = [];
    let at = startMs;
    const add = (value: number | undefined, isStale = false) => {
      if (value !== undefined) {
        timestamps.push(at);
        values.push(value);
        stale.push(isStale ? 1 : 0);
      }
      at += stepMs;
    };
    for (const token of notation.trim().split(/\s+/)) {
      const [, text, change, times] =
        /^(_|stale|[-+]?[\d.]+(?:e[+-]?\d+)?|[-+]?Inf|NaN)(?:([+-][\d.]+))?(?:x(\d+))?$/.exec(token) ?? [];
      if (text === undefined) throw new Error(`BUG: "${token}" is no value`);
      const first = text === '_' ? undefined : Number(text === 'stale' ? NaN : text.replace('Inf', 'Infinity'));
      for (let i = 0; i <= Number(times ?? 0); i++) {
        add(first === undefined ? undefined : first + i * Number(change ?? 0), text === 'stale');
      }
    }
    this.series.push({
      labels: Labels.of(matchers.map(({ name, value }) => [name, value] as const)),
      timestamps: Float64Array.from(timestamps),
      values: Float64Array.from(values),
      stale: Uint8Array.from(stale),
    });
  }

  select({ matchers, fromMs, toMs }: SelectQuery): Promise<readonly SampleSeries[]> {
    const found = this.series.filter(
      ({ labels, timestamps }) =>
        matchers.every((m) => m.matches(labels.get(m.name))) && timestamps.some((t) => t >= fromMs && t <= toMs),
    );
    return Promise.resolve(found);
  }
}
