// SPDX-License-Identifier: Apache-2.0
// Goal: samples stand at the ends of minutes, are the same whatever range is asked, and rates over them are the increments that happened.
// Method: tables for gauges, carries, births, gaps and midnight; properties over random minutes, evaluated with the real engine.
import { evaluateInstant, Labels, parsePromql, type SampleSource } from '@oap-federation/promql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTEXT_MINUTES, counterSamples, gaugeSamples, type SampleColumns } from './samples.js';

const MINUTE = 60_000;
const DAY = 1_440;

/** `minute:value` of each sample, the minute being that at which it stands; `!` ends the series. */
function shown(samples: SampleColumns | undefined): string {
  if (samples === undefined) return '';
  const { timestamps, values, stale } = samples;
  return [...timestamps].map((t, i) => `${t / MINUTE}:${stale?.[i] === 1 ? '!' : values[i]}`).join(' ');
}

/** Rows as minute -> increment, read as a source would for samples in [fromMs, toMs]. */
function counter(
  rows: ReadonlyMap<number, number>,
  fromMs: number,
  toMs: number,
  sealedTo: number,
): SampleColumns | undefined {
  const firstMinute = Math.ceil(fromMs / MINUTE) - CONTEXT_MINUTES;
  const midnight = Math.floor(firstMinute / DAY) * DAY;
  const known = [...rows.keys()].sort((a, b) => a - b);
  const minutes = known.filter((m) => m >= firstMinute && m <= Math.floor(toMs / MINUTE));
  const earlier = known.filter((m) => m >= midnight && m < firstMinute).map((m) => BigInt(rows.get(m)!));
  const before = earlier.reduce((a, b) => a + b, 0n);
  return counterSamples(
    minutes,
    (row) => BigInt(rows.get(minutes[row]!)!),
    { before, firstMinute, scale: 1 },
    { fromMs, toMs, sealedTo },
  );
}

const all = (rows: Record<number, number>, sealedTo = 10_000) =>
  shown(counter(new Map(Object.entries(rows).map(([m, v]) => [Number(m), v])), 0, 4_000 * MINUTE, sealedTo));

describe('gauges', () => {
  const gauge = (minutes: readonly number[], sealedTo: number, fromMs = 0, toMs = 100 * MINUTE) =>
    shown(gaugeSamples(minutes, (row) => row + 1, { fromMs, toMs, sealedTo }));

  it('stand at the end of their minute', () => {
    expect(gauge([10, 11, 12], 0)).toBe('11:1 12:2 13:3');
  });

  it('end with a sealed minute that has no row, and wait for one that may still come', () => {
    expect(gauge([10, 12], 100)).toBe('11:1 12:! 13:2 14:!');
    expect(gauge([10, 12], 11)).toBe('11:1 13:2');
    expect(gauge([10, 12], 12)).toBe('11:1 12:! 13:2');
  });

  it('show nothing outside the range', () => {
    expect(gauge([10, 11, 12, 13], 0, 12 * MINUTE, 13 * MINUTE - 1)).toBe('12:2');
    expect(gauge([10], 100, 12 * MINUTE)).toBe('');
  });
});

describe('counters', () => {
  it('begin with what was before their first minute', () => {
    expect(all({ 10: 3, 11: 4 }, 0)).toBe('10:0 11:3 12:7');
  });

  it('go on through five sealed minutes without a row, then end', () => {
    expect(all({ 10: 3 })).toBe('10:0 11:3 12:3 13:3 14:3 15:3 16:3 17:!');
    expect(all({ 10: 3, 13: 2 }, 13)).toBe('10:0 11:3 12:3 13:3 14:5');
  });

  it('wait where a minute may still come', () => {
    expect(all({ 10: 3, 13: 2 }, 12)).toBe('10:0 11:3 12:3 14:5');
  });

  it('come back with what they were', () => {
    expect(all({ 10: 3, 20: 2 }, 21)).toBe('10:0 11:3 12:3 13:3 14:3 15:3 16:3 17:! 20:3 21:5');
    expect(all({ 10: 3, 17: 2 }, 18)).toBe('10:0 11:3 12:3 13:3 14:3 15:3 16:3 17:3 18:5');
  });

  it('begin again at midnight, with a zero where nobody would see the drop', () => {
    expect(all({ 1438: 5, 1439: 5, 1440: 4 }, 0)).toBe('1438:0 1439:5 1440:10 1441:4');
    expect(all({ 1438: 5, 1439: 5, 1440: 40 }, 0)).toBe(`1438:0 1439:5 1440:10 ${1440 + 1 / MINUTE}:0 1441:40`);
    expect(all({ 1438: 5, 1441: 40 }, 1442)).toBe('1438:0 1439:5 1440:5 1441:0 1442:40');
    expect(all({ 1430: 5, 1440: 40 }, 0)).toBe(`1430:0 1431:5 1440:5 ${1440 + 1 / MINUTE}:0 1441:40`);
  });
});

describe('whatever is asked', () => {
  const minutes = fc.map(fc.integer({ min: 1_380, max: 1_500 }), fc.integer({ min: 0, max: 50 }), { maxKeys: 80 });

  it('a sample is the same in every range', () => {
    const time = fc.integer({ min: 1_380 * MINUTE, max: 1_510 * MINUTE });
    fc.assert(
      fc.property(minutes, time, time, fc.integer({ min: 1_380, max: 1_510 }), (rows, a, b, sealedTo) => {
        const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
        const whole = counter(rows, 0, 4_000 * MINUTE, sealedTo);
        const part = counter(rows, fromMs, toMs, sealedTo);
        const inside = (whole ? [...whole.timestamps.keys()] : []).filter(
          (i) => whole!.timestamps[i]! >= fromMs && whole!.timestamps[i]! <= toMs,
        );
        const expected = inside.map((i) => [whole!.timestamps[i], whole!.values[i], whole!.stale?.[i] ?? 0]);
        const found = part
          ? [...part.timestamps.keys()].map((i) => [part.timestamps[i], part.values[i], part.stale?.[i] ?? 0])
          : [];
        // a range that holds an end and no sample shows no series
        if (expected.every(([, , stale]) => stale === 1)) expect(found).toEqual([]);
        else expect(found).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it('the increase over whole minutes is what happened in them, where the counter was there all the time', async () => {
    const dense = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 130, maxLength: 130 });
    await fc.assert(
      fc.asyncProperty(
        dense,
        fc.integer({ min: 1_400, max: 1_508 }),
        fc.integer({ min: 1, max: 20 }),
        async (increments, end, length) => {
          const rows = new Map(increments.map((value, i) => [1_380 + i, value]));
          const source: SampleSource = {
            select: ({ fromMs, toMs }) => {
              const columns = counter(rows, fromMs, toMs, 2_000);
              return Promise.resolve(columns ? [{ labels: Labels.of([['__name__', 'x_total']]), ...columns }] : []);
            },
          };
          let happened = 0;
          for (let minute = end - length; minute < end; minute++) happened += rows.get(minute)!;
          const ask = async (query: string) => {
            const result = await evaluateInstant(parsePromql(query), end * MINUTE, source);
            return result.kind === 'vector' ? result.series[0]?.value : undefined;
          };
          expect(await ask(`increase(x_total[${length}m])`)).toBeCloseTo(happened, 6);
          expect(await ask(`rate(x_total[${length}m])`)).toBeCloseTo(happened / (length * 60), 9);
        },
      ),
      { numRuns: 300 },
    );
  });
});
