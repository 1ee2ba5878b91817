// SPDX-License-Identifier: Apache-2.0
// Goal: our engine is Prometheus' engine: every expression of engine.txt gives the same series, times and values, or fails where it fails.
// Method: a real Prometheus and a MemorySampleSource hold the series of series.txt; each expression is asked of both at four times and over
// two ranges. Labels and times are compared exactly, values to 1e-12 of themselves.
import {
  evaluateInstant,
  evaluateRange,
  parsePromql,
  PromqlExecutionError,
  PromqlSyntaxError,
} from '@oap-federation/promql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPrometheus, type Prometheus } from '../../services/index.js';
import { available, needs } from '../../services/needs.js';
import {
  ask,
  difference,
  instantPoints,
  pointsOf,
  rangePoints,
  remoteWrite,
  type ApiReply,
  type Points,
} from './oracle.js';
import { corpusLines, FIRST_MS, seriesSource } from './series.js';

/** On a sample, between samples, in the last quarter, and when most series have ended. */
const INSTANTS_MS = [600_000, 1_234_567, 3_000_500, 3_700_000].map((ms) => FIRST_MS + ms);
const RANGES = [
  { startMs: FIRST_MS, stepMs: 60_000, count: 61 },
  { startMs: FIRST_MS + 917_001, stepMs: 17_500, count: 130 },
];

const source = seriesSource();

type Ours = { readonly points: Points } | { readonly failed: string };

async function attempt(evaluate: () => Promise<Points>): Promise<Ours> {
  try {
    return { points: await evaluate() };
  } catch (error) {
    if (error instanceof PromqlExecutionError || error instanceof PromqlSyntaxError) return { failed: error.message };
    throw error;
  }
}

function verdict(ours: Ours, theirs: ApiReply): string | undefined {
  if (theirs.status === 'error') return 'failed' in ours ? undefined : `Prometheus fails: ${theirs.error}`;
  return 'failed' in ours ? `we fail: ${ours.failed}` : difference(ours.points, pointsOf(theirs.data));
}

needs('prometheus')('the engine beside Prometheus', () => {
  let prometheus: Prometheus;
  beforeAll(async () => {
    prometheus = available(await startPrometheus());
    await remoteWrite(prometheus.url, source.series);
  });
  afterAll(() => prometheus.stop());

  it.each(corpusLines('engine.txt'))('%s', async (query) => {
    for (const atMs of INSTANTS_MS) {
      const ours = await attempt(async () =>
        instantPoints(await evaluateInstant(parsePromql(query), atMs, source), atMs),
      );
      const theirs = await ask(prometheus.url, 'query', { query, time: String(atMs / 1000) });
      expect(verdict(ours, theirs), `at ${atMs - FIRST_MS} ms`).toBeUndefined();
    }
    for (const range of RANGES) {
      const { startMs, stepMs, count } = range;
      const ours = await attempt(async () => rangePoints(await evaluateRange(parsePromql(query), range, source)));
      const theirs = await ask(prometheus.url, 'query_range', {
        query,
        start: String(startMs / 1000),
        end: String((startMs + (count - 1) * stepMs) / 1000),
        step: String(stepMs / 1000),
      });
      expect(verdict(ours, theirs), `every ${stepMs} ms`).toBeUndefined();
    }
  });

  it('has all the series', async () => {
    const theirs = await ask(prometheus.url, 'query', {
      query: 'count({__name__=~".+"} or up)',
      time: String(FIRST_MS / 1000 + 60),
    });
    expect(pointsOf(theirs.data).size).toBe(1);
    expect(source.series.length).toBeGreaterThan(30);
  });
});
