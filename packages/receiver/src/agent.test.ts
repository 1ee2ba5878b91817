// SPDX-License-Identifier: Apache-2.0
// Goal: SkyWalking's own Node agent (npm skywalking-backend-js), in real applications that call each other, gives exactly the sources
// that the traffic implies. Method: deploy/demo/app.cjs in child processes, plain HTTP requests, our server with the system clock.
import { spawn, type ChildProcess } from 'node:child_process';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { SourceRecord } from '@oap-federation/oal';
import { MetricRegistry, silentLogger, systemClock, type Logger } from '@oap-federation/runtime';
import { defaultAnalysisLimits, openAgentReceiver, type GrpcServer } from './index.js';

const APP = fileURLToPath(new URL('../../../deploy/demo/app.cjs', import.meta.url));
const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

async function openServer(authentication: string, receive: (r: SourceRecord) => void, logger: Logger = silentLogger) {
  const server = await openAgentReceiver(
    {
      host: '127.0.0.1',
      port: 0,
      authentication,
      maxMessageSizeBytes: 50 << 20,
      maxConcurrentCallsPerConnection: 0,
      limits: defaultAnalysisLimits(),
      stopDeadlineMs: 500,
    },
    { clock: systemClock, logger, telemetry: new MetricRegistry(), sources: { receive } },
  );
  opened.push({ close: () => server.stop() });
  return server;
}

interface App {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
}

/** Starts the application with the agent; resolves when it listens. */
async function startApp(name: string, server: GrpcServer, env: Record<string, string>): Promise<App> {
  const child = spawn(process.execPath, [APP], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      PATH: process.env['PATH'],
      NAME: name,
      SW_AGENT_INSTANCE: `${name}-1`,
      SW_AGENT_COLLECTOR_BACKEND_SERVICES: `127.0.0.1:${server.port}`,
      ...env,
    },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  opened.push({
    close() {
      child.kill('SIGTERM');
      return exited;
    },
  });
  for await (const line of createInterface(child.stdout!)) {
    const port = /^listening (\d+)$/.exec(line)?.[1];
    if (port !== undefined) return { url: `http://127.0.0.1:${port}`, port: Number(port), process: child };
  }
  throw new Error(`${name} did not start`);
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
    }).on('error', reject);
  });
}

test('two applications: counts, status, latency, endpoints and relations are those of the traffic', async () => {
  const seen: SourceRecord[] = [];
  const of = (scope: SourceRecord['scope'], service?: string) =>
    seen.filter((s) => s.scope === scope && (service === undefined || s.serviceName === service));
  const ORDERS = 20;
  const SLOW = 4;
  const FAIL = 5;
  let complete!: () => void;
  const done = new Promise<void>((resolve) => (complete = resolve));
  const server = await openServer('s3cret', (record) => {
    seen.push(Object.assign(new SourceRecord(), record, { tag: undefined, tags: undefined }));
    const client = seen.filter((s) => s.scope === 'ServiceRelation' && s.detectPoint === 'CLIENT').length;
    if (
      of('Endpoint', 'shop').length >= ORDERS + SLOW + FAIL &&
      of('Endpoint', 'stock').length >= ORDERS &&
      client >= ORDERS
    )
      complete();
  });
  const env = { SW_AGENT_AUTHENTICATION: 's3cret' };
  const stock = await startApp('stock', server, env);
  const shop = await startApp('shop', server, { ...env, UPSTREAM: stock.url });
  const beforeMinute = Math.floor(systemClock.now() / 60_000);
  for (let i = 0; i < ORDERS; i++) expect(await statusOf(`${shop.url}/orders`)).toBe(200);
  await Promise.all(Array.from({ length: SLOW }, () => statusOf(`${shop.url}/slow`)));
  for (let i = 0; i < FAIL; i++) expect(await statusOf(`${shop.url}/fail`)).toBe(500);
  for (let i = 0; i < 3; i++) expect(await statusOf(`${shop.url}/healthz`)).toBe(200);
  await done;

  // services and instances: one event per request, errors where the application answered 500
  const shopEvents = of('Service', 'shop');
  expect(shopEvents).toHaveLength(ORDERS + SLOW + FAIL);
  expect(shopEvents.filter((s) => !s.status)).toHaveLength(FAIL);
  expect(shopEvents.filter((s) => s.httpResponseStatusCode === 500)).toHaveLength(FAIL);
  expect(shopEvents.every((s) => s.type === 'HTTP' && s.layer === 'GENERAL')).toBe(true);
  expect(new Set(of('ServiceInstance').map((s) => s.name))).toEqual(new Set(['shop-1', 'stock-1']));
  expect(of('Service', 'stock')).toHaveLength(ORDERS);
  expect(of('Service', 'stock').every((s) => s.status)).toBe(true);
  for (const { minute } of seen) expect(minute - beforeMinute).toBeOneOf([0, 1]);

  // endpoints: the traffic by route, nothing for the ignored one
  const latencies: Record<string, number[]> = {};
  for (const e of of('Endpoint')) (latencies[`${e.serviceName} ${e.name}`] ??= []).push(e.latency);
  expect(Object.fromEntries(Object.entries(latencies).map(([endpoint, each]) => [endpoint, each.length]))).toEqual({
    'shop GET:/orders': ORDERS,
    'shop GET:/slow': SLOW,
    'shop GET:/fail': FAIL,
    'stock GET:/stock': ORDERS,
  });
  for (const latency of latencies['shop GET:/slow']!) {
    expect(latency).toBeGreaterThanOrEqual(195); // timers may fire a little early in whole ms
    expect(latency).toBeLessThan(10_000);
  }
  expect(Math.min(...latencies['shop GET:/fail']!)).toBeLessThan(195);

  // relations: User -> shop -> stock on the server side; shop -> stock, or its address before it is known, on the client side
  const relations = seen.filter((s) => s.scope === 'ServiceRelation');
  const edges = (side: string) => {
    const found: Record<string, number> = {};
    for (const r of relations.filter((s) => s.detectPoint === side)) {
      const dest = r.destServiceName === `127.0.0.1:${stock.port}` ? 'stock' : r.destServiceName;
      const edge = `${r.sourceServiceName} -> ${dest}`;
      found[edge] = (found[edge] ?? 0) + 1;
    }
    return found;
  };
  expect(edges('SERVER')).toEqual({ 'User -> shop': ORDERS + SLOW + FAIL, 'shop -> stock': ORDERS });
  expect(edges('CLIENT')).toEqual({ 'shop -> stock': ORDERS });
  const inner = of('ServiceInstanceRelation').find((s) => s.detectPoint === 'SERVER' && s.destServiceName === 'stock')!;
  expect(inner.entity).toMatchObject({
    source: { service: 'shop', name: 'shop-1' },
    dest: { service: 'stock', name: 'stock-1' },
  });

  // now that stock has answered, its address has a name
  seen.length = 0;
  expect(await statusOf(`${shop.url}/orders`)).toBe(200);
  await expect
    .poll(() => seen.find((s) => s.scope === 'ServiceRelation' && s.detectPoint === 'CLIENT')?.destServiceName, {
      timeout: 10_000,
    })
    .toBe('stock');
}, 30_000);

test('a wrong token: the agent is refused, nothing is counted, the application does not notice', async () => {
  const seen: string[] = [];
  let refusal!: (message: string) => void;
  const refused = new Promise<string>((resolve) => (refusal = resolve));
  const logger: Logger = { ...silentLogger, warn: (fields) => refusal(String(fields['reason'])) };
  const server = await openServer('s3cret', (r) => void seen.push(r.scope), logger);
  const app = await startApp('shop', server, { SW_AGENT_AUTHENTICATION: 'wrong' });
  expect(await statusOf(`${app.url}/orders`)).toBe(200);
  expect(await refused).toContain('OAP-5001');
  expect(await statusOf(`${app.url}/orders`)).toBe(200);
  expect(seen).toEqual([]);
  expect(app.process.exitCode).toBe(null);
}, 30_000);
