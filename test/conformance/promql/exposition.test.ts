// SPDX-License-Identifier: Apache-2.0
// Goal: a tier asked through its Prometheus API answers as a Prometheus that has the tier's samples.
// Method: a real server over HTTP, its samples written once into a real Prometheus; every expression of exposition.txt is asked of both, at
// several times and over two ranges (also with steps between samples), and the answers are compared as JSON.
import type { QueryServer } from '@oap-federation/query';
import { prometheusSource } from '@oap-federation/query/testing';
import { compileMatcher } from '@oap-federation/promql';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPrometheus, type Prometheus } from '../../services/index.js';
import { available, needs } from '../../services/needs.js';
import { corpusTier } from './dataset.js';
import { ask, difference, pointsOf, remoteWrite } from './oracle.js';
import { corpusLines } from './series.js';
import { openTierServer } from './tier-server.js';

const MINUTE_MS = 60_000;
const tier = corpusTier();
const START_MS = tier.firstMinute * MINUTE_MS;
const END_MS = (tier.lastMinute + 1) * MINUTE_MS;
/** In the first minutes, between samples, at midnight, after it, at the end. */
const INSTANTS_MS = [5 * MINUTE_MS, 16.5 * MINUTE_MS, 40 * MINUTE_MS, 41.3 * MINUTE_MS, 47 * MINUTE_MS, 80 * MINUTE_MS];
const RANGES = [
  { step: 60, start: START_MS / 1000, end: END_MS / 1000 },
  { step: 47.5, start: START_MS / 1000 + 13, end: END_MS / 1000 },
];

needs('prometheus')('the tier beside Prometheus', () => {
  let server: QueryServer;
  let prometheus: Prometheus;
  let samples = 0;

  beforeAll(async () => {
    const clock = new VirtualClock(END_MS);
    server = await openTierServer(tier, clock);
    prometheus = available(await startPrometheus());
    const everything = { name: '__name__', op: '=~', value: '.+' } as const;
    const series = await prometheusSource(tier, clock).select({
      matchers: [compileMatcher(everything)],
      fromMs: START_MS,
      toMs: END_MS,
    });
    samples = series.reduce((sum, s) => sum + s.timestamps.length, 0);
    await remoteWrite(prometheus.url, series);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await prometheus.stop();
  });

  it('there is something to compare', () => {
    expect(samples).toBeGreaterThan(20_000);
  });

  it.each(corpusLines('exposition.txt'))('%s', async (query) => {
    for (const ms of INSTANTS_MS) {
      const form = { query, time: String((START_MS + ms) / 1000) };
      const [ours, theirs] = [await ask(server.url, 'query', form), await ask(prometheus.url, 'query', form)];
      expect([ours.status, ours.error]).toEqual([theirs.status, theirs.error]);
      expect(difference(pointsOf(ours.data), pointsOf(theirs.data)), `at minute ${ms / MINUTE_MS}`).toBeUndefined();
    }
    for (const { step, start, end } of RANGES) {
      const form = { query, start: String(start), end: String(end), step: String(step) };
      const [ours, theirs] = [
        await ask(server.url, 'query_range', form),
        await ask(prometheus.url, 'query_range', form),
      ];
      expect([ours.status, ours.error]).toEqual([theirs.status, theirs.error]);
      expect(difference(pointsOf(ours.data), pointsOf(theirs.data)), `every ${step} s`).toBeUndefined();
    }
  });
});
