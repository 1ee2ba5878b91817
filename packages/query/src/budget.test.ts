// SPDX-License-Identifier: Apache-2.0
// Goal: a read costs at least what comes back of it, is charged before it is made, and never made when it is too much. Method: properties
// over random queries against the memory reader.
import { entityOf, metricSchema } from '@oap-federation/model';
import type { SeriesQuery } from '@oap-federation/mqe';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Budget, costOf, meteredReader } from './budget.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const MINUTE = 29_000_000;
const ORIGINS = ['cloud-c', 'cloud-n'];
const SERVICES = Array.from({ length: 5 }, (_, i) =>
  entityOf('Service', { service: `s${i}`, normal: true, layer: 'GENERAL', name: '' }),
);

const reader = new MemoryMetricReader([CPM]);
for (const [i, service] of SERVICES.entries()) {
  for (let minute = 0; minute < 200; minute += i + 1)
    reader.enter('service_cpm', service, ORIGINS[i % 2]!, MINUTE + minute, []);
}

const query: fc.Arbitrary<SeriesQuery> = fc
  .record({
    entityIds: fc.option(fc.subarray(SERVICES.map((s) => s.id)), { nil: undefined }),
    origins: fc.constantFrom([''], ['*'], ORIGINS, ['cloud-n']),
    from: fc.nat(180),
    length: fc.nat(200),
    step: fc.constantFrom('MINUTE' as const, 'HOUR' as const),
  })
  .map(({ entityIds, origins, from, length, step }) => ({
    metric: CPM,
    ...(entityIds ? { entityIds } : {}),
    origins,
    fromMinute: MINUTE + from,
    toMinute: MINUTE + from + length,
    step,
    offsetMinutes: 0,
  }));

it('charges no less than what comes back, once for each read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(query, { maxLength: 4 }), async (queries) => {
      const budget = new Budget(Number.MAX_SAFE_INTEGER);
      const metered = meteredReader(reader, budget);
      let points = 0;
      for (const each of queries) {
        const buckets = (await metered.readSeries(each)).reduce((sum, series) => sum + series.starts.length, 0);
        // the cost counts whole buckets of the range; a range that is not aligned touches one more of each series
        const unaligned = each.step === 'HOUR' ? (each.entityIds?.length ?? SERVICES.length) * ORIGINS.length : 0;
        expect(costOf(each) + unaligned).toBeGreaterThanOrEqual(buckets);
        points += costOf(each);
      }
      expect(budget.spent).toBe(points);
    }),
  );
});

it('makes no read that is too much, and none after it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(query, { minLength: 1, maxLength: 6 }), fc.nat(2_000), async (queries, max) => {
      let made = 0;
      const metered = meteredReader(reader, new Budget(max), (_query, read) => {
        made++;
        return read();
      });
      let spent = 0;
      let expected = 0;
      for (const each of queries) {
        spent += costOf(each);
        if (spent <= max) expected++;
        const reading = metered.readRange(each);
        if (spent <= max) await reading;
        else await expect(reading).rejects.toThrow(`OAP-6001 query cost is ${spent}, the limit is ${max}`);
      }
      expect(made).toBe(expected);
    }),
  );
});
