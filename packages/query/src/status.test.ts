// SPDX-License-Identifier: Apache-2.0
// Goal: SkyWalking's status and debugging endpoints, as text for people and as JSON for its UI. Method: the real app over in-memory readers.
import { entityOf, metricSchema, minuteOf } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createQueryApp, defaultQueryServerConfig } from './server.js';
import { memoryMetadata, nothingElse } from './testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const JSON_PLEASE = { accept: 'application/json' };

let app: FastifyInstance;

beforeAll(async () => {
  const reader = new MemoryMetricReader([metricSchema('service_cpm', 'Service', 'cpm')]);
  const shop = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
  reader.enter('service_cpm', shop, 'cloud-c', minuteOf(START), []);
  app = await createQueryApp(
    { ...defaultQueryServerConfig(), metricsTtlDays: 7, recordsTtlDays: 3 },
    {
      ...nothingElse(),
      reader,
      metadata: memoryMetadata([]),
      clock: new VirtualClock(START),
      logger: silentLogger,
      timezoneOffsetMinutes: () => 0,
      version: '0',
      status: () => ({ tier: 'country' }),
      clusterNodes: () => [
        { host: '10.0.12.23', port: 11_800, isSelf: true },
        { host: '10.0.12.25', port: 11_800, isSelf: false },
      ],
      settings: { 'core.provider': 'default', 'core.default.restPort': '12800', odd: 'a\nb.provider=x' },
    },
  );
});

afterAll(() => app.close());

async function get(url: string, headers: Readonly<Record<string, string>> = {}) {
  const { statusCode, body, headers: got } = await app.inject({ method: 'GET', url, headers });
  return { statusCode, body, type: String(got['content-type']) };
}

it('says how long data is kept', async () => {
  const text = await get('/status/config/ttl');
  expect(text).toEqual({
    statusCode: 200,
    type: 'text/plain; charset=utf-8',
    body: 'metrics.minute=7\nmetrics.hour=7\nmetrics.day=7\nrecords.default=3\nrecords.superDataset=-1\n',
  });
  for (const headers of [JSON_PLEASE, { 'content-type': 'application/json' }]) {
    expect(JSON.parse((await get('/status/config/ttl', headers)).body)).toEqual({
      metrics: { minute: 7, hour: 7, day: 7 },
      records: { default: 3, superDataset: -1 },
    });
  }
});

it('lists the nodes of the tier', async () => {
  expect(JSON.parse((await get('/status/cluster/nodes')).body)).toEqual({
    nodes: [
      { host: '10.0.12.23', port: 11_800, isSelf: true },
      { host: '10.0.12.25', port: 11_800, isSelf: false },
    ],
  });
});

it('dumps the settings, one a line', async () => {
  expect((await get('/debugging/config/dump')).body).toBe(
    'core.provider=default\ncore.default.restPort=12800\nodd=a b.provider=x\n',
  );
  expect(JSON.parse((await get('/debugging/config/dump', JSON_PLEASE)).body)).toMatchObject({
    'core.default.restPort': '12800',
  });
});

it('traces an expression', async () => {
  const asked = new URLSearchParams({
    expression: 'sum(service_cpm)',
    startTime: '2026-11-21 0800',
    endTime: '2026-11-21 0801',
    step: 'MINUTE',
    service: 'shop',
    serviceLayer: 'GENERAL',
  });
  const { statusCode, body } = await get(`/debugging/query/mqe?${asked}`);
  expect(statusCode).toBe(200);
  expect(JSON.parse(body)).toMatchObject({
    type: 'SINGLE_VALUE',
    results: [{ values: [{ value: '1' }] }],
    error: null,
    debuggingTrace: { spans: [{ operation: 'MQE query' }, { operation: 'MQE Metric OP: service_cpm' }] },
  });
  asked.set('serviceLayer', 'VIRTUAL_DATABASE'); // the conjectured service of that name
  expect(JSON.parse((await get(`/debugging/query/mqe?${asked}`)).body)).toMatchObject({
    results: [{ values: [{ value: null }] }],
  });
});

it('says what is wrong with a question', async () => {
  const { body, statusCode } = await get('/debugging/query/mqe?expression=service_cpm');
  expect(statusCode).toBe(400);
  expect(JSON.parse(body)).toMatchObject({
    errors: [{ message: 'the parameter startTime is missing', extensions: { code: 'BAD_USER_INPUT' } }],
  });
  const wrong = await get('/debugging/query/mqe?expression=x&startTime=1&endTime=2&step=MINUTE&service=shop');
  expect(wrong.body).toContain('duration.start \\"1\\" is not of the form');
  const step = await get('/debugging/query/mqe?expression=x&startTime=1&endTime=2&step=YEAR');
  expect(step.body).toContain('YEAR');
  expect([wrong.statusCode, step.statusCode]).toEqual([400, 400]);
  const cost = await get(
    `/debugging/query/mqe?expression=top_n(service_cpm,1,des)&startTime=2026-11-21&endTime=2026-11-21&step=DAY`,
  );
  expect(cost.statusCode).toBe(200);
});
