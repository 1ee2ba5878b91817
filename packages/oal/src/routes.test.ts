// SPDX-License-Identifier: Apache-2.0
// Goal: a route merges what has the scope, function and arguments of this tier's metric, and says by name why not otherwise.
// Method: a table of schemas as tiers below could send them.
import { metricSchema } from '@oap-federation/model';
import { expect, test } from 'vitest';
import { loadOal } from './checker.js';
import { federationRoutes } from './routes.js';

const { program } = loadOal([
  {
    name: 'x.oal',
    text: `all_p = from(FederatedMetrics.Service.p).percentile2Add(10);
           p = from(Service.latency).percentile2(10);`,
  },
]);
const routes = federationRoutes(program);

test('routes go by the name below and lead to the metric here; metrics built from sources have none', () => {
  expect([...routes].map(([name, route]) => [name, route.schema.text])).toEqual([
    ['p', 'all_p Service percentile2(10)'],
  ]);
});

test.each([
  [metricSchema('p', 'Service', 'percentile2', [10]), undefined],
  [metricSchema('p', 'Service', 'percentile2', [1]), 'it is made by percentile2(1) below'],
  [metricSchema('p', 'Service', 'hdrPercentile', [2]), 'percentile2Add(10) here takes percentile2(10)'],
  [metricSchema('p', 'Endpoint', 'percentile2', [10]), 'its scope is Endpoint below and Service here'],
  [metricSchema('all_p', 'Service', 'percentile2', [10]), 'the schema is of all_p'],
])('%o', (wire, reason) => {
  const problem = routes.get('p')!.accepts(wire);
  if (reason === undefined) expect(problem).toBeUndefined();
  else expect(problem).toContain(reason);
});
