// SPDX-License-Identifier: Apache-2.0
// Goal: nothing is answered to who may not ask, on any route there is or will be; who may ask is answered in the shapes that clients know.
// Method: the real app over in-memory readers; every registered route is asked with every kind of credential.
import { createHash } from 'node:crypto';
import { entityOf, metricSchema, minuteOf } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { silentLogger, type AccessConfig, type Logger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { createQueryApp, defaultQueryServerConfig, type QueryServerConfig } from '../server.js';
import { memoryMetadata, nothingElse } from '../testing.js';
import { actionOf, guardFields } from './fields.js';
import { guardRoutes } from './guard.js';
import { ANYBODY, principalOf } from './principal.js';

const START = Date.UTC(2026, 10, 21);
const ADMIN = 'admin-token-0123456789';
const VIEWER = 'viewer-token-0123456789';
const PAGER = 'pager-token-0123456789';
const all = { tiers: ['*'], origins: ['*'], metrics: ['*'] };

const ACCESS: AccessConfig = {
  ...defaultQueryServerConfig().access,
  mode: 'tokens',
  tokens: {
    admin: {
      token: `sha256:${createHash('sha256').update(ADMIN).digest('hex')}`,
      ...all,
      actions: ['query', 'alarms', 'status', 'manage'],
    },
    viewer: { token: VIEWER, ...all, actions: ['query'] },
    pager: { token: PAGER, ...all, actions: ['alarms'] },
  },
};

let clock: VirtualClock;
let app: FastifyInstance;

async function open(change: Partial<QueryServerConfig> = {}, logger: Logger = silentLogger): Promise<FastifyInstance> {
  clock = new VirtualClock(START);
  const reader = new MemoryMetricReader([metricSchema('service_cpm', 'Service', 'cpm')]);
  reader.enter(
    'service_cpm',
    entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' }),
    'a',
    minuteOf(START),
    [],
  );
  app = await createQueryApp(
    { ...defaultQueryServerConfig(), access: ACCESS, ...change },
    {
      ...nothingElse(),
      reader,
      metadata: memoryMetadata([]),
      clock,
      logger,
      timezoneOffsetMinutes: () => 0,
      version: '0.1.0',
      status: () => ({ tier: 'country', secretOfTheTier: 1 }),
    },
  );
  return app;
}

afterEach(() => app.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (token: string, user = 'anyone') => ({
  authorization: `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`,
});
const graphql = (query: string, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/graphql', payload: { query }, headers });

describe('every route', () => {
  it('declares what it takes; one that does not cannot be added', async () => {
    await open();
    expect(app.routeAccess.length).toBeGreaterThan(5);
    const other = fastify();
    guardRoutes(other, ACCESS, { clock, logger: silentLogger });
    expect(() => other.get('/new', () => 'secret')).toThrow('BUG: route GET /new does not declare its access');
    await other.close();
  });

  it('but public ones answers 401 without a token, with a wrong one, and with one in the URL', async () => {
    await open({ access: { ...ACCESS, failuresPerMinute: 1_000 } });
    for (const { method, url, access } of app.routeAccess) {
      const path = url.replace(/:\w+|\*/g, 'x');
      for (const headers of [
        {},
        bearer('wrong'),
        basic('wrong'),
        { authentication: 'wrong' },
        { authorization: VIEWER },
      ]) {
        for (const query of ['', `?token=${ADMIN}&access_token=${ADMIN}`]) {
          const reply = await app.inject({ method: method as 'GET', url: path + query, headers });
          const said = `${method} ${path}${query} with ${JSON.stringify(headers)}: ${reply.statusCode}`;
          if (access === 'public') expect(reply.statusCode, said).toBeLessThan(400);
          else {
            expect(reply.statusCode, said).toBe(401);
            expect(reply.headers['www-authenticate'], said).toEqual([
              'Bearer realm="oap"',
              'Basic realm="oap", charset="UTF-8"',
            ]);
            expect(reply.body).not.toContain('secretOfTheTier');
          }
        }
      }
    }
    expect(app.routeAccess.filter((r) => r.access === 'public').map((r) => r.url)).toEqual([
      '/healthcheck',
      '/healthcheck',
    ]);
  });

  it('refuses with 403 and the name of the action', async () => {
    await open();
    for (const { method, url, access } of app.routeAccess) {
      if (access === 'public' || access === 'anyone') continue;
      const token = access === 'alarms' ? VIEWER : PAGER;
      const reply = await app.inject({
        method: method as 'GET',
        url: url.replace(/:\w+|\*/g, 'x'),
        headers: bearer(token),
      });
      expect(reply.statusCode, `${method} ${url}`).toBe(403);
      if (method !== 'HEAD') expect(reply.body).toContain(access);
    }
  });

  it('does not tell strangers which paths there are', async () => {
    await open();
    expect((await app.inject('/no/such/path')).statusCode).toBe(401);
    expect((await app.inject({ url: '/no/such/path', headers: bearer(VIEWER) })).statusCode).toBe(404);
  });

  it('is refused before its body is read', async () => {
    await open();
    const reply = await app.inject({ method: 'POST', url: '/graphql', payload: '{"query": "' + 'x'.repeat(200_000) });
    expect(reply.statusCode).toBe(401);
  });

  it('has the security headers, whatever the answer', async () => {
    await open();
    const cases = [
      await app.inject('/healthcheck'),
      await app.inject('/status/tier'),
      await app.inject('/nowhere'),
      await graphql('{ version }', bearer(VIEWER)),
      await graphql('{ nonsense', bearer(VIEWER)),
      await app.inject({ method: 'POST', url: '/graphql', payload: 'x', headers: bearer(VIEWER) }),
    ];
    expect(cases.map((reply) => reply.statusCode)).toEqual(
      [200, 401, 404, 200, 200, 415].map((status, i) => (i === 2 ? 401 : status)),
    );
    for (const { headers } of cases) {
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('a token', () => {
  it.each([
    ['as a bearer', bearer(VIEWER)],
    ['in any case of the scheme', { authorization: `bEARER ${VIEWER}` }],
    ['as a password, whatever the user', basic(VIEWER)],
    ['as a password without a user', basic(VIEWER, '')],
    ['in the header that SkyWalking uses', { authentication: VIEWER }],
    ['of which the file has the digest only', bearer(ADMIN)],
  ])('%s is taken', async (_, headers) => {
    await open();
    const reply = await graphql('{ listLayers }', headers);
    expect([reply.statusCode, reply.json()]).toEqual([200, { data: { listLayers: [] } }]);
  });

  it.each([
    ['none', {}, 'none was shown'],
    ['the digest instead of the token', bearer(ACCESS.tokens['admin']!.token), 'it is not known'],
    ['no scheme', { authorization: VIEWER }, 'neither Bearer nor Basic'],
    ['nothing after Bearer', { authorization: 'Bearer' }, 'Bearer without a token'],
    [
      'no password',
      { authorization: `Basic ${Buffer.from('viewer:').toString('base64')}` },
      'Basic without a password',
    ],
    ['a wrong bearer beside a right header', { ...bearer('wrong'), authentication: VIEWER }, 'it is not known'],
  ])('%s is refused, and the answer says how to show one', async (_, headers, reason) => {
    await open();
    const reply = await graphql('{ version }', headers);
    expect(reply.statusCode).toBe(401);
    const { data, errors } = reply.json<{ data: null; errors: { message: string; extensions: object }[] }>();
    expect(data).toBeNull();
    expect(errors[0]!.message).toContain(reason);
    expect(errors[0]!.extensions).toMatchObject({ code: 'OAP-6101', retryable: false });
  });

  it('is in no log line and in no answer', async () => {
    const lines: string[] = [];
    const keep = (...given: unknown[]) => void lines.push(JSON.stringify(given));
    await open({}, { ...silentLogger, debug: keep, info: keep, warn: keep, error: keep });
    const reply = await graphql('{ version }', bearer('wr0ng-s3cret'));
    await app.inject({ url: '/status/tier?token=wr0ng-s3cret', headers: basic('wr0ng-s3cret') });
    expect(lines).toHaveLength(1);
    expect(lines.join() + reply.body).not.toContain('wr0ng-s3cret');
    expect(lines.join()).toContain('127.0.0.1');
  });
});

describe('fields', () => {
  it('want what they do; what is not allowed is null with an error that names it', async () => {
    await open();
    const reply = await graphql('{ version listLayers }', bearer(PAGER));
    expect(reply.statusCode).toBe(200);
    const { data, errors } = reply.json<{ data: unknown; errors: object[] }>();
    expect(data).toBeNull(); // listLayers is non-null, so the whole is
    expect(errors).toMatchObject([
      { message: 'OAP-6102 pager may not query here', path: ['listLayers'], extensions: { code: 'OAP-6102' } },
    ]);
    expect((await graphql('{ version }', bearer(PAGER))).json()).toMatchObject({
      data: { version: expect.any(String) },
    });
  });

  it('are guarded one and all, mutations by manage', async () => {
    await open();
    const root = app.graphql.schema;
    for (const [type, fields] of [
      ['Query', root.getQueryType()?.getFields()],
      ['Mutation', root.getMutationType()?.getFields()],
    ] as const) {
      for (const field of Object.values(fields ?? {})) {
        const action = actionOf(type, field.name);
        const none = principalOf('none', { ...all, actions: [] });
        const call = () => (field.resolve as (...given: unknown[]) => unknown)({}, {}, { principal: none }, {});
        if (action === undefined)
          expect(['version', 'getTimeInfo', 'checkHealth', 'hasQueryTracesV2Support']).toContain(field.name);
        else expect(call, `${type}.${field.name}`).toThrow(`OAP-6102 none may not ${action} here`);
      }
    }
    const wrapped = guardFields({ Query: {}, Mutation: { addTemplate: () => 'added' } });
    const add = wrapped.Mutation.addTemplate as unknown as (...given: unknown[]) => unknown;
    expect(() =>
      add({}, {}, { principal: principalOf('v', { ...all, actions: ['query', 'alarms', 'status'] }) }),
    ).toThrow('OAP-6102 v may not manage here');
    expect(add({}, {}, { principal: ANYBODY })).toBe('added');
    expect([actionOf('Query', 'getAlarm'), actionOf('Query', 'queryAlarmTagAutocompleteKeys')]).toEqual([
      'alarms',
      'alarms',
    ]);
  });
});

describe('without a token', () => {
  it('anonymous does what it may, and a wrong token is not anonymous', async () => {
    await open({ access: { ...ACCESS, anonymous: { ...all, actions: ['status'] } } });
    expect((await app.inject('/status/tier')).statusCode).toBe(200);
    expect((await graphql('{ listLayers }')).body).toContain('anonymous may not query here');
    expect((await app.inject({ url: '/status/tier', headers: bearer('wrong') })).statusCode).toBe(401);
  });

  it('this machine may ask for everything, by a name of its own only', async () => {
    await open({ access: defaultQueryServerConfig().access });
    for (const host of ['localhost:12800', '127.0.0.1:12800', '[::1]:12800', 'LOCALHOST']) {
      expect((await app.inject({ url: '/status/tier', headers: { host } })).statusCode, host).toBe(200);
    }
    for (const host of ['attacker.example.com', '127.0.0.1.example.com', '10.0.0.1:12800']) {
      const reply = await app.inject({ url: '/status/tier', headers: { host } });
      expect([reply.statusCode, reply.json<{ errors: { message: string }[] }>().errors[0]!.message]).toEqual([
        403,
        `OAP-6107 only this machine may ask, and not under the host name ${host.replace(':12800', '')}`,
      ]);
    }
  });

  it('everybody may where access is open, under any name', async () => {
    await open({ access: { ...ACCESS, mode: 'open', tokens: {} } });
    expect((await app.inject({ url: '/status/tier', headers: { host: 'oap.example.com' } })).statusCode).toBe(200);
    expect((await app.inject({ url: '/status/tier', headers: bearer('whatever') })).statusCode).toBe(200);
  });
});

describe('wrong tokens', () => {
  const from = (remoteAddress: string, token: string) =>
    app.inject({ url: '/status/tier', headers: bearer(token), remoteAddress }).then((r) => r.statusCode);

  it('make the address wait, right ones included, and no other address', async () => {
    await open();
    for (let i = 0; i < 10; i++) expect(await from('10.0.0.1', `wrong-${i}`)).toBe(401);
    expect(await from('10.0.0.1', ADMIN)).toBe(429);
    expect(await from('10.0.0.2', ADMIN)).toBe(200);
    const reply = await app.inject({ url: '/status/tier', headers: bearer(ADMIN), remoteAddress: '10.0.0.1' });
    expect(reply.headers['retry-after']).toBe('60');
    expect(reply.json()).toMatchObject({
      errors: [
        { message: 'OAP-6103 too many wrong tokens from 10.0.0.1, again in 60 s', extensions: { retryable: true } },
      ],
    });
    await clock.advance(60_000);
    expect(await from('10.0.0.1', ADMIN)).toBe(200);
  });

  it('requests without any token do not count', async () => {
    await open();
    for (let i = 0; i < 20; i++) expect((await app.inject('/status/tier')).statusCode).toBe(401);
    expect(await from('127.0.0.1', ADMIN)).toBe(200);
  });

  it('are counted against the client behind a trusted proxy, and against whoever else says so itself', async () => {
    await open({ access: { ...ACCESS, failuresPerMinute: 1, trustedProxies: ['10.0.0.0/8'] } });
    const via = (remoteAddress: string, client: string, token: string) =>
      app
        .inject({ url: '/status/tier', headers: { ...bearer(token), 'x-forwarded-for': client }, remoteAddress })
        .then((r) => r.statusCode);
    expect([await via('10.0.0.9', '1.1.1.1', 'wrong'), await via('10.0.0.9', '1.1.1.1', ADMIN)]).toEqual([401, 429]);
    expect(await via('10.0.0.9', '2.2.2.2', ADMIN)).toBe(200);
    expect([await via('3.3.3.3', '4.4.4.4', 'wrong'), await via('3.3.3.3', '5.5.5.5', ADMIN)]).toEqual([401, 429]);
  });
});

describe('pages of other sites', () => {
  const UI = 'https://ui.example.com';
  const preflight = (origin: string) =>
    app.inject({
      method: 'OPTIONS',
      url: '/graphql',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });

  it('may read answers if their origin is configured, exactly', async () => {
    await open({ corsOrigins: [UI] });
    const asked = await preflight(UI);
    expect(asked.statusCode).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': UI,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'authorization, authentication, content-type',
      vary: 'origin',
    });
    const answered = await graphql('{ version }', { ...bearer(VIEWER), origin: UI });
    expect(answered.headers['access-control-allow-origin']).toBe(UI);
    const refused = await graphql('{ version }', { origin: UI });
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([401, UI]);
    for (const origin of ['https://ui.example.com.evil.org', 'http://ui.example.com', 'null', `${UI}:8443`]) {
      const no = await preflight(origin);
      expect([origin, no.statusCode, no.headers['access-control-allow-origin']]).toEqual([origin, 401, undefined]);
    }
    expect(JSON.stringify([asked.headers, answered.headers])).not.toContain('credentials');
  });

  it('* is said as *, never reflected', async () => {
    await open({ corsOrigins: ['*'] });
    expect((await preflight('https://any.example.org')).headers['access-control-allow-origin']).toBe('*');
  });

  it('may not by default', async () => {
    await open();
    expect((await preflight(UI)).headers['access-control-allow-origin']).toBeUndefined();
  });
});
