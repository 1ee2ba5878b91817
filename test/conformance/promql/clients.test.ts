// SPDX-License-Identifier: Apache-2.0
// Goal: clients that nobody here wrote work against a tier: promtool, prometheus-query from npm, vmalert with alerts and with recorded series.
// Method: real programs against a real query server over HTTP; what they say is compared with what the tier was given.
import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minuteOf } from '@oap-federation/model';
import type { QueryServer } from '@oap-federation/query';
import { systemClock } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { PrometheusDriver } from 'prometheus-query';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  guard,
  locatePrometheus,
  locateVmalert,
  startPrometheus,
  temporaryDirectory,
  unguard,
} from '../../services/index.js';
import { available, needs } from '../../services/needs.js';
import { corpusTier, tierOf } from './dataset.js';
import { ask, difference, pointsOf } from './oracle.js';
import { openTierServer } from './tier-server.js';

const tier = corpusTier();
const START = tier.firstMinute * 60;
const END = (tier.lastMinute + 1) * 60;
/** Less than an hour: Prometheus takes nothing that is older than its newest sample by more. */
const RECORDED_FROM = END - 50 * 60;

let server: QueryServer;
beforeAll(async () => {
  server = await openTierServer(tier, new VirtualClock(END * 1000));
});
afterAll(() => server[Symbol.asyncDispose]());

/** Runs a program to its end while this process goes on serving it. Errors: it ended with another status than 0. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const { pid } = child;
    if (pid !== undefined) guard(pid);
    let [out, log] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (log += data.toString()));
    child.on('error', reject);
    child.on('close', (status) => {
      if (pid !== undefined) unguard(pid);
      if (status === 0) resolve(out);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${status}: ${log}`));
    });
  });
}

needs('prometheus')('promtool', () => {
  const promtool = (...args: string[]) => run(available(locatePrometheus()).promtool, ['query', ...args]);

  it('asks at an instant', async () => {
    const out = await promtool(
      'instant',
      '-o',
      'json',
      `--time=${END}`,
      server.url,
      'sum by (layer) (service_cpm_total)',
    );
    const said = JSON.parse(out) as { metric: { layer: string }; value: [number, string] }[];
    const ours = await ask(server.url, 'query', { query: 'sum by (layer) (service_cpm_total)', time: String(END) });
    expect(said).toHaveLength(2);
    expect(pointsOf({ resultType: 'vector', result: said })).toEqual(pointsOf(ours.data));
  });

  it('asks over a range', async () => {
    const query = 'rate(service_cpm_total{service="cart"}[5m])';
    const out = await promtool(
      'range',
      '-o',
      'json',
      `--start=${START}`,
      `--end=${END}`,
      '--step=1m',
      server.url,
      query,
    );
    const ours = await ask(server.url, 'query_range', { query, start: String(START), end: String(END), step: '60' });
    const said = pointsOf({ resultType: 'matrix', result: JSON.parse(out) });
    expect(difference(said, pointsOf(ours.data))).toBeUndefined();
    expect(said.size).toBe(1);
  });

  it('lists series and label values', async () => {
    const series = await promtool('series', '--match=service_instance_cpm{service="cart"}', `--end=${END}`, server.url);
    expect(series.trim().split('\n').toSorted()).toEqual(
      ['pod-1', 'pod-2'].map(
        (pod) =>
          `{__name__="service_instance_cpm", layer="GENERAL", scope="ServiceInstance", service="cart", service_instance="${pod}"}`,
      ),
    );
    expect((await promtool('labels', server.url, 'service')).trim().split('\n')).toEqual([
      'cart',
      'frontend',
      'mysql:3306',
    ]);
  });

  it('is told what is wrong', async () => {
    await expect(promtool('instant', server.url, 'rate(service_cpm)')).rejects.toThrow(
      /expected type range vector in call to function "rate"/,
    );
  });
});

describe('prometheus-query', () => {
  it('asks, and lists', async () => {
    const driver = new PrometheusDriver({ endpoint: server.url });
    const instant = await driver.instantQuery('sum(increase(service_cpm_total[1h]))', new Date(END * 1000));
    expect(instant.resultType).toBe('vector');
    expect(instant.result[0].value.value).toBeGreaterThan(100);
    const range = await driver.rangeQuery(
      'service_percentile{p="99",service="frontend"}',
      new Date((START + 60) * 1000),
      new Date(END * 1000),
      60,
    );
    expect(range.result).toHaveLength(1);
    expect(range.result[0].values).toHaveLength(80);
    expect(range.result[0].metric.labels).toMatchObject({ p: '99', service: 'frontend' });
    const series = await driver.series('service_cpm', START * 1000, END * 1000);
    expect(series.map((s) => (s.labels as { service: string }).service).toSorted()).toEqual([
      'cart',
      'frontend',
      'mysql:3306',
    ]);
    expect(await driver.labelNames()).toContain('service_instance');
    expect(await driver.labelValues('layer')).toEqual(['GENERAL', 'VIRTUAL_DATABASE']);
    expect((await driver.metadata())['service_cpm_total']).toMatchObject([{ type: 'counter' }]);
    expect(await driver.alerts()).toEqual([]);
    expect(await driver.rules()).toEqual([]);
    expect(await driver.statusBuildinfo()).toMatchObject({ version: '2.42.0' });
    await expect(driver.instantQuery('sum(')).rejects.toMatchObject({
      httpStatus: 400,
      prometheus: {
        errorType: 'bad_data',
        error: 'invalid parameter "query": 1:5: parse error: unexpected end of input',
      },
    });
  });
});

needs('prometheus', 'vmalert')('vmalert', () => {
  const program = () => available(locateVmalert()).program;

  it('records a rule over the past: the series is the one that we would answer', async () => {
    const prometheus = available(await startPrometheus());
    try {
      const dir = temporaryDirectory('vmalert');
      const rules = join(dir, 'rules.yml');
      const expr = 'sum by (service) (rate(service_cpm_total[5m]))';
      writeFileSync(
        rules,
        `groups: [{name: oap, interval: 1m, rules: [{record: "service:calls:rate5m", expr: '${expr}'}]}]\n`,
      );
      const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
      await run(program(), [
        `-rule=${rules}`,
        `-datasource.url=${server.url}`,
        `-remoteWrite.url=${prometheus.url}`,
        `-remoteRead.url=${prometheus.url}`,
        `-replay.timeFrom=${iso(RECORDED_FROM)}`,
        `-replay.timeTo=${iso(END)}`,
        '-replay.rulesDelay=100ms',
        '-datasource.queryStep=1m',
        '-httpListenAddr=127.0.0.1:0',
      ]);
      const range = { start: String(RECORDED_FROM), end: String(END), step: '60' };
      const ours = await ask(server.url, 'query_range', { query: expr, ...range });
      const recorded = await ask(prometheus.url, 'query_range', {
        query: 'last_over_time(service:calls:rate5m[59s])',
        ...range,
      });
      const named = pointsOf(recorded.data);
      const bare = new Map(
        [...named].map(([key, points]) => [key.replace('["__name__","service:calls:rate5m"],', ''), points]),
      );
      expect(bare.size).toBe(3);
      expect(difference(bare, pointsOf(ours.data))).toBeUndefined();
    } finally {
      await prometheus.stop();
    }
  });

  it('raises an alert on what a tier says now', async () => {
    const now = minuteOf(systemClock.now());
    const live = await openTierServer(tierOf(now - 60, 70), systemClock);
    const received: { labels: Record<string, string>; annotations: Record<string, string> }[] = [];
    const sink = createServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += data.toString()));
      request.on('end', () => {
        received.push(...(JSON.parse(body) as typeof received));
        response.end();
      });
    });
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
    const rules = join(temporaryDirectory('vmalert'), 'rules.yml');
    writeFileSync(
      rules,
      [
        'groups:',
        '  - name: oap',
        '    interval: 1s',
        '    rules:',
        '      - alert: Busy',
        `        expr: 'sum by (service) (increase(service_cpm_total{service="frontend"}[30m])) > 30'`,
        "        annotations: { summary: '{{ $labels.service }} had calls' }",
        '      - alert: Silent',
        `        expr: 'sum(increase(service_cpm_total{service="frontend"}[30m])) < 30'`,
        '',
      ].join('\n'),
    );
    const child = spawn(
      program(),
      [
        `-rule=${rules}`,
        `-datasource.url=${live.url}`,
        `-notifier.url=http://127.0.0.1:${(sink.address() as AddressInfo).port}`,
        '-httpListenAddr=127.0.0.1:0',
      ],
      { stdio: 'ignore' },
    );
    guard(child.pid!);
    try {
      await expect.poll(() => received.length, { timeout: 25_000 }).toBeGreaterThan(0);
      expect(received[0]).toMatchObject({
        labels: { alertname: 'Busy', service: 'frontend' },
        annotations: { summary: 'frontend had calls' },
      });
      expect(received.map((a) => a.labels['alertname'])).not.toContain('Silent');
    } finally {
      child.kill('SIGKILL');
      unguard(child.pid!);
      sink.close();
      await live[Symbol.asyncDispose]();
    }
  });
});
