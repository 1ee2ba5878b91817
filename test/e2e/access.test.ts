// SPDX-License-Identifier: Apache-2.0
// Goal: limits hold over real increments in a real database, for every client that shows a token its own way, and a node that others reach does
// not start without tokens. Method: two clouds under real agents and one federation tier as processes over PostgreSQL; what a principal of
// one cloud is answered is compared with what the owner of everything is answered about that cloud.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durationText, minuteOf } from '@oap-federation/model';
import { startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { endAll, runOap } from './commands.js';
import {
  createDatabase,
  eventually,
  healthy,
  mergedIncrements,
  Stage,
  unacknowledged,
  type NodeProc,
} from './harness.js';

const CONFIG = 'deploy/application.yml';
const TOKENS = {
  ops: 'token-of-the-operators',
  east: 'token-of-the-east-team',
  sla: 'token-of-the-sla-board',
  pager: 'token-of-the-pager-duty',
};
const ACCESS = JSON.stringify({
  ops: { token: `sha256:${createHash('sha256').update(TOKENS.ops).digest('hex')}` },
  east: { token: TOKENS.east, origins: ['cloud-c'], actions: ['query', 'status'] },
  sla: { token: TOKENS.sla, metrics: ['service_sla'], actions: ['query'] },
  pager: { token: TOKENS.pager, actions: ['alarms'] },
});

describe('a node that others reach', () => {
  it('does not start without tokens, and says what to do', async () => {
    const started = await runOap(['start', '-c', CONFIG], { env: { SW_CORE_REST_HOST: '0.0.0.0' } });
    expect(started.status).toBe(2);
    expect(started.stderr).toMatch(
      /^deploy\/application\.yml:\d+:\d+ query\.default\.access\.tokens - must name who may ask: core\.default\.restHost 0\.0\.0\.0 is open/,
    );
    expect(started.stdout).not.toContain('ready');
  }, 60_000);
});

needs('postgres')('tokens of a federation tier', () => {
  const stage = new Stage();
  let postgres: Postgres;
  let federation: NodeProc;
  let duration: { start: string; end: string; step: string };

  beforeAll(async () => {
    postgres = available(await startPostgres());
    const db = {
      c: await createDatabase(postgres.url, 'cloud_c'),
      n: await createDatabase(postgres.url, 'cloud_n'),
      federation: await createDatabase(postgres.url, 'federation'),
    };
    const common = { SW_CORE_GRPC_HOST: '127.0.0.1', SW_STORAGE: 'postgresql', SW_FEDERATION: 'default' };
    federation = await stage.node({
      name: 'federation',
      config: CONFIG,
      env: {
        ...common,
        SW_STORAGE_POSTGRESQL_URL: db.federation,
        SW_CORE_REST_HOST: '0.0.0.0',
        SW_CORE_OAL_FILES: 'federation.oal',
        SW_RECEIVER_TRACE: '-',
        SW_FEDERATION_TIER: 'federation',
        SW_FEDERATION_RECEIVE: 'true',
        SW_FEDERATION_EXPECTED_TIERS: 'cloud-c,cloud-n',
        SW_QUERY_ACCESS_TOKENS: ACCESS,
        SW_QUERY_CORS_ORIGINS: 'https://ui.example.com',
        SW_QUERY_ACCESS_FAILURES_PER_MINUTE: '1000',
      },
    });
    const leaf = (tier: string, url: string) =>
      stage.node({
        name: tier,
        config: CONFIG,
        env: {
          ...common,
          SW_STORAGE_POSTGRESQL_URL: url,
          SW_FEDERATION_TIER: tier,
          SW_FEDERATION_UPSTREAMS: `127.0.0.1:${federation.grpcPort}`,
        },
      });
    const leaves = { c: await leaf('cloud-c', db.c), n: await leaf('cloud-n', db.n) };
    const begun = minuteOf(Date.now());
    const both = await stage.app('shop-c', 'shop', leaves.c.grpcPort);
    const other = await stage.app('shop-n', 'shop', leaves.n.grpcPort);
    const alone = await stage.app('songs-n', 'songs', leaves.n.grpcPort);
    const traffic = stage.traffic([both.url, other.url, alone.url], 30);
    const arrived = async () => {
      const { data } = await ask(TOKENS.ops, `shop: ${exec(`service_cpm{origin='*'}`)}`);
      const origins = JSON.stringify(data).match(/cloud-[cn]/g) ?? [];
      const { data: services } = await ask(TOKENS.ops, 'listServices { name }');
      return new Set(origins).size === 2 && JSON.stringify(services).includes('songs');
    };
    duration = durationOf(begun);
    await eventually('both clouds have arrived', 60, arrived).catch(async (err: unknown) => {
      throw new Error(`${String(err)}\n${await stage.report()}`);
    });
    await traffic.end('SIGTERM');
    let before = -1;
    await eventually('nothing is on its way', 60, async () => {
      const merged = (await mergedIncrements(db.c, 'local')) + (await mergedIncrements(db.n, 'local'));
      const waiting = (await unacknowledged(db.c)) + (await unacknowledged(db.n));
      const settled = waiting === 0 && merged === before;
      before = merged;
      if (!settled) await new Promise((resolve) => setTimeout(resolve, 2_500));
      return settled;
    });
    duration = durationOf(begun);
  }, 240_000);

  afterAll(async () => {
    endAll();
    await stage.close();
    await postgres?.stop();
  }, 60_000);

  const durationOf = (from: number) => ({
    start: durationText(from, 'MINUTE', 0),
    end: durationText(minuteOf(Date.now()), 'MINUTE', 0),
    step: 'MINUTE',
  });
  const exec = (expression: string, service = 'shop') =>
    `execExpression(expression: "${expression}", entity: {serviceName: "${service}"}, duration: $d) {
       error results { metric { labels { key value } } values { value } } }`;

  interface Reply {
    readonly status: number;
    readonly text: string;
    readonly data: Record<string, { results?: { metric: unknown; values: unknown }[] }> | null;
    readonly errors?: readonly { readonly message: string }[];
    readonly extensions?: {
      readonly completeness?: {
        readonly sources: readonly { readonly origin: string }[];
        readonly missing: readonly string[];
      };
    };
  }

  async function send(path: string, init: RequestInit): Promise<Reply & { readonly headers: Headers }> {
    const reply = await fetch(federation.restUrl + path, init);
    const text = await reply.text();
    return {
      status: reply.status,
      headers: reply.headers,
      text,
      ...(JSON.parse(text) as Omit<Reply, 'status' | 'text'>),
    };
  }

  const ask = (token: string, fields: string) =>
    send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({
        query: fields.includes('$d') ? `query ($d: Duration!) { ${fields} }` : `{ ${fields} }`,
        variables: { d: duration },
      }),
    });

  it('one cloud is answered as if there were no other', async () => {
    const ops = await ask(TOKENS.ops, `all: ${exec('service_cpm')} c: ${exec(`service_cpm{origin='cloud-c'}`)}`);
    const east = await ask(TOKENS.east, `all: ${exec('service_cpm')} star: ${exec(`service_cpm{origin='*'}`)}`);
    const valuesOf = (reply: Reply, field: string) => reply.data![field]!.results!.map((set) => set.values);
    expect(valuesOf(east, 'all')).toEqual(valuesOf(ops, 'c'));
    expect(valuesOf(east, 'star')).toEqual(valuesOf(ops, 'c'));
    expect(valuesOf(ops, 'all')).not.toEqual(valuesOf(ops, 'c'));
    const percentiles = `service_percentile{p='50,99'`;
    const p = await ask(TOKENS.east, `all: ${exec(`${percentiles}}`)}`);
    const q = await ask(TOKENS.ops, `all: ${exec(`${percentiles}, origin='cloud-c'}`)}`);
    expect(valuesOf(p, 'all')).toEqual(valuesOf(q, 'all'));
    expect(east.extensions!.completeness!.sources.map((s) => s.origin)).toEqual(['cloud-c']);
    expect(ops.extensions!.completeness!.sources.map((s) => s.origin)).toEqual(['cloud-c', 'cloud-n']);
    const lists = await ask(TOKENS.east, 'listServices { name } getService: findService(serviceName: "songs") { id }');
    expect(lists.data).toEqual({ listServices: [{ name: 'shop' }], getService: null });
    const status = await send('/status/tier', { headers: { authorization: `Bearer ${TOKENS.east}` } });
    expect(Object.keys(JSON.parse(status.text) as object)).toEqual(['tier', 'completeness']);
    for (const { text } of [east, p, lists, status]) expect(text).not.toMatch(/cloud-n|songs/);
  });

  it('what it may not see is refused by name', async () => {
    const message = async (token: string, fields: string) => (await ask(token, fields)).errors?.[0]?.message;
    expect(await message(TOKENS.east, exec(`service_cpm{origin='cloud-n'}`))).toBe(
      'OAP-6105 origin cloud-n is outside what east may see',
    );
    expect(await message(TOKENS.east, exec('top_n(endpoint_cpm, 5, des)'))).toBe(
      'OAP-6106 metric endpoint_cpm is not kept per origin here, and east may not see all origins',
    );
    expect(await message(TOKENS.pager, 'listServices { name }')).toBe('OAP-6102 pager may not query here');
    const { data } = await ask(TOKENS.sla, `a: ${exec('service_cpm')} b: ${exec('service_sla')} listMetrics { name }`);
    expect(data).toMatchObject({
      a: { error: expect.stringContaining('Metric: [service_cpm] does not exist') },
      b: { error: null },
      listMetrics: [{ name: 'service_sla' }],
    });
  });

  it('every client shows a token its own way; others are not answered', async () => {
    const basic = `Basic ${Buffer.from(`grafana:${TOKENS.sla}`).toString('base64')}`;
    const graphql = (headers: Record<string, string>) =>
      send('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: '{ listLayers }' }),
      });
    expect((await graphql({ authorization: basic })).data).toEqual({ listLayers: ['GENERAL'] });
    expect((await graphql({ authentication: TOKENS.sla })).data).toEqual({ listLayers: ['GENERAL'] });
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authentication: 'wrong' }]) {
      const refused = await graphql(headers);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="oap", Basic realm="oap", charset="UTF-8"',
      ]);
    }
    expect((await send('/status/tier', {})).status).toBe(401);
    expect((await fetch(`${federation.restUrl}/healthcheck`)).status).toBe(200);
    const page = await graphql({ authentication: TOKENS.sla, origin: 'https://ui.example.com' });
    expect(page.headers.get('access-control-allow-origin')).toBe('https://ui.example.com');
    expect(
      (await graphql({ authentication: TOKENS.sla, origin: 'https://evil.example.com' })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBeNull();
  });

  it('oap query takes it from the environment or as an option', async () => {
    const query = ['query', 'service_cpm', '--service', 'shop', '--by', 'origin', '--url', federation.restUrl];
    const east = await runOap(query, { env: { OAP_TOKEN: TOKENS.east } });
    expect(east.stderr).toBe('');
    expect(east.stdout).toMatch(/time +all +cloud-c\n/);
    expect((await runOap([...query, '--token', TOKENS.ops])).stdout).toMatch(/time +all +cloud-c +cloud-n\n/);
    const none = await runOap(query);
    expect([none.status, none.stderr]).toEqual([1, 'OAP-6101 a token is wanted here: none was shown\n']);
  }, 60_000);

  it('is in no log, whole or in part of the configuration', async () => {
    await federation.end('SIGTERM');
    federation.start();
    await healthy(federation);
    for (const token of [...Object.values(TOKENS), 'wrong']) expect(federation.log()).not.toContain(`"${token}"`);
    for (const token of Object.values(TOKENS)) expect(federation.log()).not.toContain(token);
    expect(federation.log()).toContain('"token":"***"');
  }, 90_000);
});
