// SPDX-License-Identifier: Apache-2.0
// Goal: an evaluation stays within its bounds, lets others run, and does not depend on the order of what it reads. Method: many series in
// memory, read in any order. What expressions mean is tested beside a
// real Prometheus, in test/conformance/promql.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ENGINE_OPTIONS, evaluateInstant, evaluateRange } from './engine.js';
import { PromqlExecutionError } from './errors.js';
import { parsePromql } from './parser.js';
import { MemorySampleSource } from './testing.js';

const MINUTE_MS = 60_000;
const GRID = { startMs: 10 * MINUTE_MS, stepMs: MINUTE_MS, count: 50 };

function manySeries(count: number): MemorySampleSource {
  const source = new MemorySampleSource();
  for (let i = 0; i < count; i++) source.load(`x_total{n="${i}"} 0+${i}x60`);
  return source;
}

describe('a long evaluation', () => {
  it('pauses every 20,000 steps of series, wherever they are worked through', async () => {
    const source = manySeries(1_000);
    for (const query of ['x_total', 'rate(x_total[5m])', 'sum(max_over_time(x_total[5m:1m]))']) {
      let pauses = 0;
      const pause = () => {
        pauses++;
        return Promise.resolve();
      };
      await evaluateRange(parsePromql(query), GRID, source, { ...DEFAULT_ENGINE_OPTIONS, pause });
      expect(pauses).toBeGreaterThanOrEqual(2); // 1,000 series of 50 steps
    }
  });

  it('ends with what the checkpoint throws', async () => {
    let calls = 0;
    const checkpoint = () => {
      if (++calls === 100) throw new RangeError('late');
    };
    const options = { ...DEFAULT_ENGINE_OPTIONS, checkpoint };
    await expect(evaluateRange(parsePromql('rate(x_total[5m])'), GRID, manySeries(200), options)).rejects.toThrow(
      'late',
    );
    expect(calls).toBe(100);
  });

  it('holds no more samples than it may', async () => {
    const options = { ...DEFAULT_ENGINE_OPTIONS, samplesMax: 5_000 };
    const source = manySeries(100);
    await expect(evaluateRange(parsePromql('x_total'), GRID, source, options)).rejects.toThrow(PromqlExecutionError);
    await expect(
      evaluateInstant(parsePromql('sum(x_total{n="7"})'), 20 * MINUTE_MS, source, options),
    ).resolves.toMatchObject({
      series: [{ value: 140 }],
    });
  });
});

describe('an answer', () => {
  const EXPRESSIONS = [
    'x',
    'topk(1, x)',
    'bottomk(2, x)',
    'topk by (group) (1, x)',
    'sum(x)',
    'sum by (group) (x)',
    'avg(x)',
    'stddev(x)',
    'quantile(0.3, x)',
    'count_values("value", x)',
    'x * on (group, n) x',
    'x * on (group) group_left sum by (group) (x)',
    'x or topk(1, x)',
    'sort(x)',
    'sort_desc(x)',
    'sum(avg_over_time(x[3m:1m]))',
  ].map((text) => parsePromql(text));
  // equal values tie, and 0.1 + 0.2 + 1e16 is another sum in another order
  const VALUES = [1, 1, 0.1, 0.2, 0.3, 1e16];
  const series = fc.array(fc.constantFrom(...VALUES), { minLength: 2, maxLength: 8 });

  it('is the same in whatever order a store reads its series', async () => {
    let ties = 0;
    await fc.assert(
      fc.asyncProperty(
        series.chain((values) =>
          fc.tuple(fc.constant(values), fc.shuffledSubarray([...values.keys()], { minLength: values.length })),
        ),
        async ([values, order]) => {
          if (new Set(values).size < values.length) ties++;
          const inOrder = (numbers: readonly number[]) => {
            const source = new MemorySampleSource();
            for (const n of numbers) source.load(`x{n="${n}",group="${n % 2}"} ${values[n]}x60`);
            return source;
          };
          const [first, second] = [inOrder([...values.keys()]), inOrder(order)];
          for (const expr of EXPRESSIONS) {
            const instant = [first, second].map((source) => evaluateInstant(expr, 20 * MINUTE_MS, source));
            const range = [first, second].map((source) => evaluateRange(expr, { ...GRID, count: 2 }, source));
            expect(JSON.stringify(await instant[1])).toBe(JSON.stringify(await instant[0]));
            expect(JSON.stringify(await range[1])).toBe(JSON.stringify(await range[0]));
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(ties).toBeGreaterThan(5);
  });
});

describe('reads', () => {
  it('are made once for equal selectors over equal times, and fail as a whole', async () => {
    const source = manySeries(3);
    let reads = 0;
    const counting = {
      select: (query: Parameters<MemorySampleSource['select']>[0]) => {
        reads++;
        return source.select(query);
      },
    };
    await evaluateInstant(parsePromql('x_total / x_total + x_total offset 1m'), 20 * MINUTE_MS, counting);
    expect(reads).toBe(2);
    const failing = { select: () => Promise.reject(new Error('storage is away')) };
    await expect(evaluateInstant(parsePromql('x_total + y_total'), 0, failing)).rejects.toThrow('storage is away');
  });
});

describe('atan2', () => {
  it('drops the name, as releases after 2.42 do', async () => {
    const result = await evaluateInstant(parsePromql('x_total atan2 1'), 20 * MINUTE_MS, manySeries(2));
    expect(result.kind === 'vector' && result.series.map(({ labels }) => String(labels))).toEqual([
      '{n="0"}',
      '{n="1"}',
    ]);
  });
});
