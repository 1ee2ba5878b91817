// SPDX-License-Identifier: Apache-2.0
// Goal: what the corpus cannot say in a line: agreement with the metric functions, one read per metric, zones, reader failures.
// Method: the in-memory reader, with counting and failing readers around it.
import { entityOf, functionOf, metricSchema, serviceId, STEP_MINUTES, type MetricColumns } from '@oap-federation/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileMqe } from './check.js';
import { evaluateMqe, executeMqe, type EvaluationRequest } from './evaluate.js';
import type { MetricReader, SeriesQuery } from './port.js';
import { MemoryMetricReader } from './testing.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const PERCENTILE = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
const MINUTE = 29_453_760;

const requestFor = (reader: MetricReader, change: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  reader,
  entityIdOf: () => serviceId('shop', true),
  serviceId: undefined,
  fromMinute: MINUTE,
  toMinute: MINUTE,
  step: 'MINUTE',
  offsetMinutes: 0,
  ...change,
});

it('gives the percentiles that the metric function calculates, for any latencies', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 60_000 }), { minLength: 1, maxLength: 50 }), async (latencies) => {
      const reader = new MemoryMetricReader([PERCENTILE]);
      for (const latency of latencies) reader.enter('service_percentile', SHOP, 'a', MINUTE, [latency]);
      const [series] = await reader.readSeries({
        metric: PERCENTILE,
        origins: [''],
        fromMinute: MINUTE,
        toMinute: MINUTE,
        step: 'MINUTE',
        offsetMinutes: 0,
      });
      const columns: MetricColumns = series!.columns;
      const expected = functionOf(PERCENTILE).calculate(columns.fields(0), STEP_MINUTES.MINUTE, PERCENTILE.args);
      const table = await evaluateMqe(compileMqe('service_percentile', [PERCENTILE]), requestFor(reader));
      const got = table.sets.map(({ labels, values }) => ({ label: `{p=${labels[0]!.value}}`, value: values[0]! }));
      expect({ kind: 'labeled', entries: got }).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

it('reads a metric once per set of origins', async () => {
  const queries: SeriesQuery[] = [];
  const reader: MetricReader = {
    metrics: () => [CPM],
    readSeries: (query) => {
      queries.push(query);
      return Promise.resolve([]);
    },
    readRange: () => Promise.resolve([]),
  };
  await executeMqe("service_cpm + service_cpm * 2 - service_cpm{origin='a'}", requestFor(reader));
  expect(queries.map((q) => q.origins)).toEqual([[''], ['a']]);
  expect(queries[0]!.entityIds).toEqual([serviceId('shop', true)]);
});

it('puts day buckets at midnight of the zone', async () => {
  const reader = new MemoryMetricReader([CPM]);
  const offsetMinutes = 330;
  const midnight = 29_453_760 - offsetMinutes; // a local midnight
  reader.enter('service_cpm', SHOP, 'a', midnight, []);
  reader.enter('service_cpm', SHOP, 'a', midnight - 1, []);
  const answer = await executeMqe(
    'service_cpm * 0 + 1',
    requestFor(reader, { fromMinute: midnight - 1440, toMinute: midnight + 5, step: 'DAY', offsetMinutes }),
  );
  expect(answer.results[0]!.values).toEqual([
    { id: String((midnight - 1440) * 60_000), value: '1' },
    { id: String(midnight * 60_000), value: '1' },
  ]);
});

it('hands on what the reader throws, and nothing else', async () => {
  const reader: MetricReader = {
    metrics: () => [CPM],
    readSeries: () => Promise.reject(new Error('storage is away')),
    readRange: () => Promise.reject(new Error('storage is away')),
  };
  await expect(executeMqe('service_cpm + service_cpm', requestFor(reader))).rejects.toThrow('storage is away');
  await expect(executeMqe('service_cmp', requestFor(reader))).resolves.toMatchObject({ type: 'UNKNOWN' });
});

it('evaluates the longest flat expression that the lexer takes', async () => {
  const reader = new MemoryMetricReader([CPM]);
  const answer = await executeMqe(Array.from({ length: 2_048 }, () => '1').join('+'), requestFor(reader));
  expect(answer).toMatchObject({ type: 'SINGLE_VALUE', results: [{ values: [{ value: '2048' }] }] });
});

it('marks comparisons, and only those', async () => {
  const reader = new MemoryMetricReader([CPM]);
  const of = async (text: string) => (await evaluateMqe(compileMqe(text, [CPM]), requestFor(reader))).comparison;
  expect(await of('service_cpm > 1')).toBe(true);
  expect(await of('service_cpm > 1 && service_cpm < 5')).toBe(true);
  expect(await of('max(service_cpm > 1)')).toBe(true);
  expect(await of('is_present(service_cpm)')).toBe(false);
  expect(await of('(service_cpm > 1) * 2')).toBe(false);
  expect(await of('sum(service_cpm > 1)')).toBe(false);
});
