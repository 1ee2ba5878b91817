// SPDX-License-Identifier: Apache-2.0
// Goal: the small ports keep their promises (clock, rng, back-off, logger, metrics).
// Method: virtual clock and seeded randomness; pino writes into an array.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.js';
import { systemClock } from './clock.js';
import { OapError } from './errors.js';
import { openLogger, rateLimited } from './logger.js';
import { MetricRegistry } from './metrics.js';
import { seededRng, uuidV7 } from './rng.js';
import { VirtualClock } from './testing.js';

describe('VirtualClock', () => {
  it('fires timers in due order, ties in the order they were set, nested ones too', async () => {
    const clock = new VirtualClock(1_000);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.after(10, () => {
      seen.push(`a@${clock.now()}`);
      clock.after(5, () => seen.push(`nested@${clock.now()}`));
    });
    clock.after(20, () => seen.push(`c@${clock.now()}`));
    await clock.advance(19);
    expect(seen).toEqual(['a@1010', 'nested@1015']);
    await clock.advance(1);
    expect(seen).toEqual(['a@1010', 'nested@1015', 'b@1020', 'c@1020']);
    expect(clock.pending).toBe(0);
    expect(clock.monotonicMs()).toBe(20);
  });

  it('a loop over sleep sees every period', async () => {
    const clock = new VirtualClock(0);
    const ticks: number[] = [];
    const controller = new AbortController();
    const loop = (async () => {
      while (!controller.signal.aborted) {
        await clock.sleep(10, controller.signal);
        ticks.push(clock.now());
      }
    })();
    await clock.advance(35);
    controller.abort();
    await loop;
    expect(ticks).toEqual([10, 20, 30, 35]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['virtual', new VirtualClock()],
    ['system', systemClock],
  ])('%s: an aborted signal ends a sleep at once', async (_, clock) => {
    const controller = new AbortController();
    const sleeping = clock.sleep(1e9, controller.signal);
    controller.abort();
    await sleeping;
    await clock.sleep(1e9, controller.signal);
  });

  it('a cancelled timer does not fire', async () => {
    const clock = new VirtualClock();
    let fired = false;
    clock.after(1, () => (fired = true))();
    await clock.advance(10);
    expect(fired).toBe(false);
  });
});

describe('backoffMs', () => {
  it('stays below both bounds for every attempt', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5_000 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer(),
        (attempt, baseMs, maxMs, seed) => {
          const ms = backoffMs(attempt, { baseMs, maxMs }, seededRng(seed));
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(ms).toBeLessThan(maxMs);
          expect(ms).toBeLessThan(baseMs * 2 ** Math.min(attempt, 52));
        },
      ),
    );
  });

  it('uses the whole range: the mean of attempt 3 is half of base * 8', () => {
    const rng = seededRng(7);
    let sum = 0;
    for (let i = 0; i < 10_000; i++) sum += backoffMs(3, { baseMs: 100, maxMs: 60_000 }, rng);
    expect(sum / 10_000).toBeGreaterThan(390);
    expect(sum / 10_000).toBeLessThan(410);
  });
});

describe('uuidV7', () => {
  it('is canonical, carries the time and sorts by it', () => {
    const rng = seededRng(1);
    const nowMs = Date.UTC(2026, 5, 1);
    const early = uuidV7(rng, nowMs);
    const late = uuidV7(rng, nowMs + 1);
    expect(early).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(early.replaceAll('-', '').slice(0, 12), 16)).toBe(nowMs);
    expect(early < late).toBe(true);
  });
});

describe('logger', () => {
  const collecting = () => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
    return { lines, logger: openLogger({ level: 'info', destination }) };
  };

  it('writes level, message, fields and bindings; drops what is below the level', () => {
    const { lines, logger } = collecting();
    logger.child({ slot: 3 }).info({ rows: 7 }, 'flushed');
    logger.debug({}, 'not written');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'info', msg: 'flushed', slot: 3, rows: 7 });
  });

  it('writes an error with its code and masks secrets', () => {
    const { lines, logger } = collecting();
    const err = new OapError('OAP-2001', { storage: 'postgresql' });
    logger.error({ err, token: 's3cret', tls: { password: 's3cret' } }, 'refused');
    expect(lines[0]).toMatchObject({ err: { code: 'OAP-2001' }, token: '***', tls: { password: '***' } });
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  it('rate limit: one line per key per period, and the next says how many were held back', async () => {
    const { lines, logger } = collecting();
    const clock = new VirtualClock();
    const limited = rateLimited(logger, clock, 1_000);
    for (let i = 0; i < 5; i++) limited.warn('peer a', { i }, 'bad frame');
    limited.error('peer b', {}, 'bad frame');
    await clock.advance(1_000);
    limited.warn('peer a', { i: 5 }, 'bad frame');
    await clock.advance(1_000);
    limited.warn('peer a', { i: 6 }, 'bad frame');
    expect(lines.map(({ level, i, suppressed }) => ({ level, i, suppressed }))).toEqual([
      { level: 'warn', i: 0, suppressed: undefined },
      { level: 'error', i: undefined, suppressed: undefined },
      { level: 'warn', i: 5, suppressed: 4 },
      { level: 'warn', i: 6, suppressed: undefined },
    ]);
  });
});

describe('MetricRegistry', () => {
  it('renders counters, gauges and observed values as Prometheus text', () => {
    const metrics = new MetricRegistry({ sw_backend_instance: '127.0.0.1_11800' });
    const received = metrics.counter('remote_in_count', 'batches received', { tier: 'a"b\\c\nd' });
    received.inc();
    received.inc(41);
    metrics.gauge('queue_items', 'items queued').set(2.5);
    metrics.observe('gauge', 'cluster_size', 'nodes alive', {}, () => Infinity);
    expect(metrics.render()).toBe(
      [
        '# HELP remote_in_count batches received',
        '# TYPE remote_in_count counter',
        'remote_in_count{sw_backend_instance="127.0.0.1_11800",tier="a\\"b\\\\c\\nd"} 42',
        '# HELP queue_items items queued',
        '# TYPE queue_items gauge',
        'queue_items{sw_backend_instance="127.0.0.1_11800"} 2.5',
        '# HELP cluster_size nodes alive',
        '# TYPE cluster_size gauge',
        'cluster_size{sw_backend_instance="127.0.0.1_11800"} +Inf',
        '',
      ].join('\n'),
    );
  });

  it('same name and labels is the same series, in any label order; other labels are another', () => {
    const metrics = new MetricRegistry();
    metrics.counter('c_total', 'c', { a: '1', b: '2' }).inc();
    metrics.counter('c_total', 'c', { b: '2', a: '1' }).inc();
    metrics.counter('c_total', 'c', { a: '1', b: '3' }).inc();
    expect(metrics.render()).toContain('c_total{a="1",b="2"} 2\nc_total{a="1",b="3"} 1\n');
    metrics.remove('c_total', { a: '1', b: '2' });
    expect(metrics.render()).not.toContain('b="2"');
  });

  it('keeps every series apart over many chunks', () => {
    const metrics = new MetricRegistry();
    const counters = Array.from({ length: 2_000 }, (_, i) => metrics.counter('n_total', 'n', { i: String(i) }));
    counters.forEach((counter, i) => counter.inc(i));
    expect(counters.every((counter, i) => counter.value() === i)).toBe(true);
  });

  it('refuses a name of another kind and names that Prometheus cannot read', () => {
    const metrics = new MetricRegistry();
    metrics.counter('x', 'x');
    expect(() => metrics.gauge('x', 'x')).toThrow('BUG: metric x is a counter, not a gauge');
    expect(() => metrics.counter('a-b', '')).toThrow('BUG: metric name a-b is not allowed');
    expect(() => metrics.counter('ab', '', { 'x-y': '' })).toThrow('BUG: label name x-y is not allowed');
  });
});
