// SPDX-License-Identifier: Apache-2.0
// Goal: `oap query` prints what the server knows, marks what is not all in, and says in a sentence why it cannot.
// Method: a real listening server over in-memory readers, asked with fetch; whole tables are compared.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { entityOf, metricSchema, minuteOf, NO_WATERMARK, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { SourceCompleteness } from '@oap-federation/storage';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultQueryServerConfig, openQueryServer, type QueryServer, type QueryServerConfig } from './server.js';
import { queryTable, type TableOptions } from './table.js';
import { memoryMetadata, nothingElse, type MemoryMetadata } from './testing.js';

const START = Date.UTC(2026, 10, 21, 3, 30); // 09:00 in the zone of the tier, UTC+5:30
const MINUTE = minuteOf(START);

let server: QueryServer;
let metadata: MemoryMetadata;
let open: (change: Partial<QueryServerConfig>) => Promise<QueryServer>;

const source = (origin: string, via: string, completeToMinute: number): SourceCompleteness => ({
  origin,
  via,
  completeToMinute,
  lastAdvanceMs: 0,
});

beforeEach(async () => {
  const reader = new MemoryMetricReader([
    metricSchema('service_cpm', 'Service', 'cpm'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
  ]);
  const frontend = entityOf('Service', { service: 'frontend', normal: true, layer: 'GENERAL', name: '' });
  const calls: [string, number, number][] = [
    ['cloud-c', 0, 12],
    ['cloud-n', 0, 3],
    ['cloud-c', 1, 10],
    ['cloud-n', 2, 1],
    ['cloud-c', 2, 7],
  ];
  for (const [origin, minute, n] of calls) {
    for (let i = 0; i < n; i++) reader.enter('service_cpm', frontend, origin, MINUTE + minute, []);
    reader.enter('service_percentile', frontend, origin, MINUTE + minute, [n * 10]);
  }
  metadata = memoryMetadata([{ id: serviceId('frontend', true), name: 'frontend', normal: true, layers: ['GENERAL'] }]);
  metadata.sources = [source('cloud-c', 'region-1', MINUTE + 3), source('cloud-n', 'cloud-n', MINUTE + 1)];
  open = (change) =>
    openQueryServer(
      { ...defaultQueryServerConfig(), port: 0, ...change },
      {
        ...nothingElse(),
        reader,
        metadata,
        clock: new VirtualClock(START + 150_000),
        logger: silentLogger,
        timezoneOffsetMinutes: () => 330,
        version: '0',
        status: () => ({}),
      },
    );
  server = await open({});
});

afterEach(() => server[Symbol.asyncDispose]());

const table = (change: Partial<TableOptions> = {}) =>
  queryTable({ url: server.url, expressions: ['service_cpm'], service: 'frontend', last: '3m', ...change });

it('prints a row a minute, a column per origin beside the merged one, and how complete each source is', async () => {
  expect(await table({ by: 'origin' })).toBe(
    [
      'time             all   cloud-c   cloud-n',
      '2026-11-21 0900   15        12         3',
      '2026-11-21 0901   10*       10         -*',
      '2026-11-21 0902    8*        7         1*',
      '',
      '* not all of it is in yet',
      'complete before 2026-11-21 0901',
      '  cloud-c  in before 2026-11-21 0903, 0 s behind via region-1',
      '  cloud-n  in before 2026-11-21 0901, 90 s behind',
      '',
    ].join('\n'),
  );
});

it('prints several expressions and percentiles side by side, from any form of the url', async () => {
  metadata.sources = [source('cloud-c', '', MINUTE + 10)];
  expect(
    await table({ expressions: ['service_cpm / 10', "service_percentile{p='50,99'}"], url: `${server.url}/graphql/` }),
  ).toBe(
    [
      "time             service_cpm / 10   service_percentile{p='50,99'} p=50   service_percentile{p='50,99'} p=99",
      '2026-11-21 0900               1.5                                   30                                  120',
      '2026-11-21 0901                 1                                  100                                  100',
      '2026-11-21 0902               0.8                                   10                                   70',
      '',
      'complete: every source has sealed every minute above',
      '  cloud-c  in before 2026-11-21 0910, 0 s behind',
      '',
    ].join('\n'),
  );
});

it('prints a single value, and says when a source was never heard', async () => {
  metadata.sources = [source('cloud-c', '', MINUTE + 3), source('cloud-x', 'cloud-x', NO_WATERMARK)];
  expect(await table({ expressions: ['sum(service_cpm)'], by: 'origin' })).toBe(
    [
      'time         all   cloud-c   cloud-n',
      'whole range   33*       29         4*',
      '',
      '* not all of it is in yet',
      'not complete: a source was never heard',
      '  cloud-c  in before 2026-11-21 0903, 0 s behind',
      '  cloud-x  never heard',
      '',
    ].join('\n'),
  );
});

it('says of a source what it lost, and how many minutes are suspect', async () => {
  metadata.sources = [source('cloud-c', 'cloud-c', MINUTE + 3)];
  const about = { firstMinute: MINUTE, lastMinute: MINUTE };
  metadata.known = {
    losses: [
      { tier: 'cloud-c', origin: 'cloud-c', via: 'cloud-c', cause: 'dropped', kind: '', increments: 12, ...about },
    ],
    verdicts: [{ state: 'suspect', tiers: ['cloud-c'], reason: '', minutes: 1, ...about }],
  };
  const lines = (await table({})).split('\n');
  metadata.known = { losses: [], verdicts: [] };
  expect(lines.find((l) => l.startsWith('  cloud-c'))).toBe(
    '  cloud-c  in before 2026-11-21 0903, 0 s behind, 12 increments declared lost, 1 minutes SUSPECT',
  );
});

it('asks in hours for longer windows', async () => {
  const lines = (await table({ last: '12h' })).split('\n');
  expect(lines.filter((l) => l.startsWith('2026-'))).toHaveLength(13); // 20:33..09:02 touches 13 hours of the day before and this
  expect(lines.find((l) => l.startsWith('2026-11-21 09'))).toContain('0*'); // 33 calls an hour are 0 a minute
});

it('says in a sentence what is wrong', async () => {
  const problem = (change: Partial<TableOptions>) => expect(table(change)).rejects;
  await problem({ service: 'fronted' }).toThrow(`no service "fronted" is known at ${server.url}`);
  await problem({ expressions: ['service_cmp'] }).toThrow('service_cmp: Metric: [service_cmp] does not exist. Did you');
  await problem({ expressions: ['service_cpm +'], by: 'origin' }).toThrow('service_cpm +: Expected a metric');
  await problem({ expressions: ['top_n(service_cpm, 1, des)'] }).toThrow('is a list of entities');
  await problem({ last: '15' }).toThrow('--last "15" is not a number of minutes, hours or days');
  await problem({ last: '9999d' }).toThrow('OAP-6001 query points is 10000, the limit is 500');
});

it('says what it found instead of a query server', async () => {
  const other = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  await expect(table({ url })).rejects.toThrow(`no answer from ${url}/graphql: `);
  await new Promise((resolve) => other.close(resolve));
  await expect(table({ url })).rejects.toThrow(/^no answer from .*ECONNREFUSED/);
});

it('shows a token where one is wanted', async () => {
  const { access } = defaultQueryServerConfig();
  const scope = { tiers: ['*'], origins: ['*'], metrics: ['*'], actions: ['query'] as const };
  await server[Symbol.asyncDispose]();
  server = await open({
    access: { ...access, mode: 'tokens', tokens: { ops: { token: 'a-token-of-the-operator', ...scope } } },
  });
  expect(await table({ token: 'a-token-of-the-operator' })).toContain('2026-11-21 0900     15');
  await expect(table()).rejects.toThrow('OAP-6101 a token is wanted here: none was shown');
  await expect(table({ token: 'wrong' })).rejects.toThrow('OAP-6101 a token is wanted here: it is not known');
});
