// SPDX-License-Identifier: Apache-2.0
// Goal: expressions that nobody thought of mean what they mean to Prometheus. Method: expressions made at random from the grammar, over
// series.txt, at random times; a real Prometheus is the oracle. The seed is fixed, so that a build does not depend on luck; PROMQL_RUNS and
// PROMQL_SEED look further.
import { evaluateInstant, parsePromql, PromqlExecutionError, PromqlSyntaxError } from '@oap-federation/promql';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPrometheus, type Prometheus } from '../../services/index.js';
import { available, needs } from '../../services/needs.js';
import { ask, difference, instantPoints, pointsOf, remoteWrite, type Points } from './oracle.js';
import { FIRST_MS, seriesSource } from './series.js';

const RUNS = Number(process.env['PROMQL_RUNS'] ?? 300);
const SEED = Number(process.env['PROMQL_SEED'] ?? 20_260_101);
const TIMEOUT_MS = 300_000;

const words = (text: string) => fc.constantFrom(...text.split(' '));
const selector = fc.constantFrom(
  'up',
  'up{job="api"}',
  'temperature',
  'temperature{room!="attic"}',
  'http_requests_total',
  'http_requests_total{code=~"2.."}',
  'memory_bytes',
  'build_info',
  '{__name__=~"up|temperature"}',
  'latency_seconds_bucket{job=~"api|web"}',
  'nonexistent',
);
const shift = fc.constantFrom('', '', '', ' offset 3m', ' offset -1m', ' @ 1767226500', ' @ 1767226500 offset 90s');
const duration = words('1m 2m 5m 11m 45s 30m');
const number = words('0 1 2 -1 0.5 3 100 Inf NaN 1e3');
const labels = words('job instance code room job,instance instance,code le');

const { vector } = fc.letrec<{ vector: string; scalar: string; range: string }>((tie) => ({
  scalar: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    number,
    fc.tuple(tie('scalar'), words('+ - * / % ^'), tie('scalar')).map((parts) => `(${parts.join(' ')})`),
    tie('vector').map((v) => `scalar(${v})`),
    fc.constant('time()'),
  ),
  range: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.tuple(selector, duration, shift).map(([s, d, at]) => `${s}[${d}]${at}`),
    fc
      .tuple(tie('vector'), duration, words('30s 1m 17s'), shift)
      .map(([v, d, step, at]) => `(${v})[${d}:${step}]${at}`),
  ),
  vector: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.tuple(selector, shift).map((parts) => parts.join('')),
    fc
      .tuple(
        words(
          'rate increase delta irate idelta sum_over_time avg_over_time min_over_time max_over_time count_over_time last_over_time ' +
            'present_over_time stddev_over_time changes resets deriv absent_over_time',
        ),
        tie('range'),
      )
      .map(([f, r]) => `${f}(${r})`),
    fc
      .tuple(words('sum min max count group avg'), words('by without'), labels, tie('vector'))
      .map(([f, how, l, v]) => `${f} ${how} (${l}) (${v})`),
    fc.tuple(words('abs ceil floor sgn sqrt absent timestamp -'), tie('vector')).map(([f, v]) => `${f}(${v})`),
    fc
      .tuple(words('clamp_min clamp_max round'), tie('vector'), words('1 0.5 10 -3'))
      .map(([f, v, n]) => `${f}(${v}, ${n})`),
    fc.tuple(tie('vector'), words('+ - * / % > < >= <= != =='), tie('scalar')).map(([v, op, s]) => `(${v} ${op} ${s})`),
    fc
      .tuple(tie('vector'), words('+ - * / > < == != and or unless'), words('on ignoring'), labels, tie('vector'))
      .map(([a, op, how, l, b]) => `(${a} ${op} ${how} (${l}) ${b})`),
    fc
      .tuple(tie('vector'), words('+ * > ==bool'), labels, words('group_left group_right'), tie('vector'))
      .map(([a, op, l, group, b]) => `(${a} ${op.replace('bool', ' bool')} on (${l}) ${group} () ${b})`),
    fc.tuple(words('0.5 0.9 0'), tie('vector')).map(([q, v]) => `histogram_quantile(${q}, ${v})`),
    tie('vector').map((v) => `label_replace(${v}, "code", "x$1", "job", "(.)pi")`),
  ),
}));

needs('prometheus')('random expressions beside Prometheus', () => {
  const source = seriesSource();
  let prometheus: Prometheus;
  beforeAll(async () => {
    prometheus = available(await startPrometheus());
    await remoteWrite(prometheus.url, source.series);
  });
  afterAll(() => prometheus.stop());

  it(
    `${RUNS} of seed ${SEED}`,
    async () => {
      let alike = 0;
      let failing = 0;
      await fc.assert(
        fc.asyncProperty(vector, fc.integer({ min: 0, max: 4_000_000 }), async (query, ms) => {
          const atMs = FIRST_MS + ms;
          let ours: Points | undefined;
          try {
            ours = instantPoints(await evaluateInstant(parsePromql(query), atMs, source), atMs);
          } catch (error) {
            if (!(error instanceof PromqlExecutionError) && !(error instanceof PromqlSyntaxError)) throw error;
          }
          const theirs = await ask(prometheus.url, 'query', { query, time: String(atMs / 1000) });
          expect(ours === undefined ? 'error' : 'success').toBe(theirs.status);
          if (ours === undefined) failing++;
          else {
            // sums of floats depend on the order of series, which is nobody's promise
            expect(difference(ours, pointsOf(theirs.data), 1e-9)).toBeUndefined();
            if (ours.size > 0) alike++;
          }
        }),
        { numRuns: RUNS, seed: SEED },
      );
      expect(alike).toBeGreaterThan(RUNS / 5);
      expect(failing).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
