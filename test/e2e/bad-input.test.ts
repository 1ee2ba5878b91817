// SPDX-License-Identifier: Apache-2.0
// Goal: bad input costs one clear message, never the process and never data. Method: real `oap` processes over real PostgreSQL and embedded
// storage; wrong files, taken ports, storages that are away, wrong tokens, hostile bytes; afterwards what was sent is counted.
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort, isAlive, startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import {
  callsOf,
  endAll,
  graphql,
  lastMinutes,
  listens,
  RawAgent,
  runOap,
  segment,
  segments,
  startOap,
} from './commands.js';
import {
  createDatabase,
  differences,
  eventually,
  healthy,
  Proc,
  readPersisted,
  ROOT,
  sleep,
  Stage,
  sumOf,
  unacknowledged,
  withDatabase,
} from './harness.js';

const LEAF = path.join(ROOT, 'deploy/examples/cloud-c.yml');
const MAIN = path.join(ROOT, 'packages/server/dist/main.js');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'oap-bad-'));
});
afterEach(() => endAll());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Writes a file into the test's directory. */
function file(name: string, ...lines: readonly string[]): string {
  const full = path.join(directory, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, `${lines.join('\n')}\n`);
  return full;
}

function yaml(dataDir: string, grpcPort: number, restPort: number, ...core: readonly string[]): string[] {
  return [
    'core:',
    '  default:',
    '    gRPCHost: 127.0.0.1',
    '    restHost: 127.0.0.1',
    `    gRPCPort: ${grpcPort}`,
    `    restPort: ${restPort}`,
    ...core.map((line) => `    ${line}`),
    'storage:',
    '  embedded:',
    `    dataDir: ${dataDir}`,
  ];
}

/** Runs `oap start`, and looks all the time whether one of `ports` opens. */
async function startAndWatch(config: string, ports: readonly number[]) {
  const run = startOap(['start', '-c', path.basename(config)], { cwd: path.dirname(config) });
  let opened = 0;
  while (run.running()) {
    for (const port of ports) if (await listens(port)) opened++;
    await sleep(10);
  }
  return { ...(await run.ended), opened };
}

describe('a configuration that is wrong', () => {
  it('reports all three mistakes with place, path and remedy; opens no port and makes no directory', async () => {
    const [grpcPort, restPort] = [await freePort(), await freePort()];
    const dataDir = path.join(directory, 'three-data');
    const config = file(
      'three.yml',
      ...yaml(dataDir, grpcPort, restPort, 'metricsDataTTL: a week', 'persistentPeriodd: 5', 'l1FlushPeriod: -4'),
    );
    const ended = await startAndWatch(config, [grpcPort, restPort]);
    expect(ended.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^three\.yml:7:21 core\.default\.metricsDataTTL .*integer.*a week/),
      expect.stringMatching(/^three\.yml:8:5 core\.default\.persistentPeriodd .*did you mean persistentPeriod\?/),
      expect.stringMatching(/^three\.yml:9:20 core\.default\.l1FlushPeriod .*>= 10.*-4/),
    ]);
    expect(ended).toMatchObject({ status: 2, stdout: '', opened: 0 });
    expect(existsSync(dataDir)).toBe(false);
  });

  it('reports every OAL problem with place and remedy, and a script that is not there', async () => {
    const [grpcPort, restPort] = [await freePort(), await freePort()];
    const dataDir = path.join(directory, 'oal-data');
    file(
      'mine.oal',
      'service_cpm = from(Servce.*).cpm();',
      'service_x = from(Service.latency).lngAvg();',
      'service_y = from(Service.*).cpm();',
      'service_y = from(Service.*).cpm();',
    );
    const config = file('oal.yml', ...yaml(dataDir, grpcPort, restPort, 'oalFiles: [mine.oal, not-there.oal]'));
    const ended = await startAndWatch(config, [grpcPort, restPort]);
    expect(ended.stderr.trimEnd().split('\n').toSorted()).toEqual([
      expect.stringMatching(/^core\.default\.oalFiles: no file not-there\.oal; looked for .*not-there\.oal/),
      expect.stringMatching(/^mine\.oal:1:20: unknown source "Servce", did you mean "Service"\?/),
      expect.stringMatching(/^mine\.oal:2:35: unknown function "lngAvg", did you mean "longAvg"\?/),
      expect.stringMatching(/^mine\.oal:4:1: metric "service_y" is already defined at mine\.oal:3/),
    ]);
    expect(ended).toMatchObject({ status: 2, stdout: '', opened: 0 });
    expect(existsSync(dataDir)).toBe(false);
  });

  it.each([
    ['a file that is not there', () => path.join(directory, 'none.yml'), /^OAP-1002 .*none\.yml/],
    ['a file that is no YAML', () => file('broken.yml', 'core: [1, {'), /^.*broken\.yml:\d+:\d+ /],
    [
      'an OAL script that is a directory',
      () => {
        mkdirSync(path.join(directory, 'folder.oal'), { recursive: true });
        return file('folder.yml', ...yaml(path.join(directory, 'f'), 0, 0, 'oalFiles: [folder.oal]'));
      },
      /oalFiles.*folder\.oal/,
    ],
    [
      'a URL of no database',
      () => file('url.yml', 'storage: { selector: postgresql, postgresql: { url: "mysql://x" } }'),
      /storage\.postgresql\.url .*postgres:\/\//,
    ],
  ])('%s: a line for each problem, exit status 2', async (_, config, message) => {
    const ended = await runOap(['start', '-c', config()]);
    for (const line of ended.stderr.trimEnd().split('\n')) expect(line).toMatch(message);
    expect(ended).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('a node on embedded storage', () => {
  it('lets go of everything when a port is taken; a second process names the holder of the directory; SIGTERM drains', async () => {
    const dataDir = path.join(directory, 'embedded');
    const [grpcPort, restPort] = [await freePort(), await freePort()];
    const start = (grpc: number, rest: number) =>
      startOap(['start', '-c', LEAF], {
        cwd: directory,
        env: {
          SW_CORE_GRPC_PORT: String(grpc),
          SW_CORE_REST_PORT: String(rest),
          SW_STORAGE_EMBEDDED_DATA_DIR: dataDir,
        },
      });
    await withTakenPort(async (takenPort) => {
      const ended = await start(grpcPort, takenPort).ended;
      expect(ended).toMatchObject({ status: 1, stderr: `OAP-1003 cannot listen on 127.0.0.1:${takenPort}\n` });
    });

    const first = start(grpcPort, restPort); // the directory is free again
    const url = `http://127.0.0.1:${restPort}`;
    await healthy({ name: 'first', restUrl: url, running: true, log: () => first.output() });

    const second = await start(await freePort(), await freePort()).ended;
    const message = `OAP-2007 data directory ${dataDir} is in use by process ${first.pid}\n`;
    expect(second).toMatchObject({ status: 1, stderr: message });
    expect(first.running()).toBe(true);

    using agent = new RawAgent(grpcPort);
    expect(await agent.stream(segments('shop', 25))).toMatchObject({ code: status.OK });
    first.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ status: 0, signal: null, stderr: '' });

    const again = start(grpcPort, restPort);
    await healthy({ name: 'again', restUrl: url, running: true, log: () => again.output() });
    expect(await callsOf(url, 'shop')).toBe(25);
    again.kill('SIGTERM');
    expect((await again.ended).status).toBe(0);
  }, 90_000);
});

needs('postgres')('a node over PostgreSQL', () => {
  const stage = new Stage();
  const procs: Proc[] = [];
  let postgres: Postgres;

  beforeAll(async () => {
    postgres = available(await startPostgres());
  }, 60_000);
  afterAll(async () => {
    await stage.close();
    await postgres?.stop();
  }, 60_000);
  afterEach(async () => {
    for (const proc of procs.splice(0)) await proc.end('SIGKILL');
  });

  /** A graceful stop that keeps the data; `postgres.restart()` brings it back. */
  async function stopPostgres(): Promise<void> {
    const { pid } = postgres;
    process.kill(pid, 'SIGINT');
    await eventually('PostgreSQL has stopped', 15, () => !isAlive(pid));
  }

  it.each(['SW_CORE_GRPC_PORT', 'SW_CORE_REST_PORT', 'SW_TELEMETRY_PROMETHEUS_PORT'])(
    'names the address when the port of %s is taken, and closes the others',
    async (taken) => {
      const url = await createDatabase(postgres.url, `taken_${taken.toLowerCase()}`);
      const config = file(
        `${taken}.yml`,
        readFileSync(LEAF, 'utf8'),
        'telemetry: { selector: prometheus, prometheus: { host: 127.0.0.1, port: "${SW_TELEMETRY_PROMETHEUS_PORT:0}" } }',
      );
      await withTakenPort(async (takenPort) => {
        const ended = await runOap(['start', '-c', config], {
          env: {
            SW_CORE_GRPC_PORT: '0',
            SW_CORE_REST_PORT: '0',
            [taken]: String(takenPort),
            SW_STORAGE: 'postgresql',
            SW_STORAGE_POSTGRESQL_URL: url,
          },
        });
        expect(ended).toMatchObject({ status: 1, stderr: `OAP-1003 cannot listen on 127.0.0.1:${takenPort}\n` });
        expect(ended.stdout).toMatch(/"level":"error".*EADDRINUSE/);
        expect(ended.stdout).not.toContain('closing a half-opened node failed');
      });
      const { rows } = await withDatabase(url, (client) =>
        client.query('SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()'),
      );
      expect(rows[0].n).toBe(1); // ours
    },
    30_000,
  );

  it('waits for a storage that is down at start: says so, opens no port, ends on SIGTERM, and takes data when it is there', async () => {
    const url = await createDatabase(postgres.url, 'late');
    await stopPostgres();
    const [grpcPort, restPort] = [await freePort(), await freePort()];
    const env = {
      SW_CORE_GRPC_PORT: String(grpcPort),
      SW_CORE_REST_PORT: String(restPort),
      SW_CORE_PERSISTENT_PERIOD: '0.5',
      SW_STORAGE: 'postgresql',
      SW_STORAGE_POSTGRESQL_URL: url,
    };
    const waiting = startOap(['start', '-c', LEAF], { env });
    await eventually('it says that it waits', 10, () => waiting.output().includes('waiting for the storage'));
    waiting.kill('SIGTERM');
    expect(await waiting.ended).toMatchObject({ status: 0, signal: null });
    expect((await waiting.ended).stdout).toContain('stopped before it was ready');

    const proc = new Proc('late', directory, [MAIN, 'start', '-c', LEAF], env);
    procs.push(proc);
    proc.start();
    await eventually('it says that it waits, twice', 15, () => proc.log().split('waiting for the storage').length > 2);
    expect(proc.log()).toMatch(
      /"level":"warn".*OAP-2001 storage postgresql is not reachable: .*ECONNREFUSED.*"retryInMs":\d+/,
    );
    using agent = new RawAgent(grpcPort);
    // the port is closed as long as nothing can be kept: agents are told so at once, and keep what their queue holds
    expect((await agent.stream(segments('shop', 3))).code).toBe(status.UNAVAILABLE);
    expect(await listens(restPort)).toBe(false);
    expect(proc.running).toBe(true);

    await postgres.restart();
    const restUrl = `http://127.0.0.1:${restPort}`;
    await healthy({ name: 'late', restUrl, running: true, log: () => proc.log() });
    await eventually(
      'segments are taken',
      10,
      async () => (await agent.stream(segments('shop', 30))).code === status.OK,
    );
    await eventually('they are counted', 10, async () => (await callsOf(restUrl, 'shop')) === 30);
  }, 60_000);

  it('stops in order while PostgreSQL is away: status 0 when nothing was taken that is not stored, else 1 with how much', async () => {
    for (const { taken, frozen } of [
      { taken: false, frozen: false },
      { taken: true, frozen: false },
      { taken: true, frozen: true },
    ]) {
      const url = await createDatabase(postgres.url, `away_${taken}_${frozen}`);
      const [grpcPort, restPort] = [await freePort(), await freePort()];
      const restUrl = `http://127.0.0.1:${restPort}`;
      const node = startOap(['start', '-c', LEAF], {
        env: {
          SW_CORE_GRPC_PORT: String(grpcPort),
          SW_CORE_REST_PORT: String(restPort),
          SW_CORE_PERSISTENT_PERIOD: '0.5',
          SW_STORAGE: 'postgresql',
          SW_STORAGE_POSTGRESQL_URL: url,
        },
      });
      await healthy({ name: 'away', restUrl, running: true, log: () => node.output() });
      using agent = new RawAgent(grpcPort);
      const send = async (service: string) => (await agent.stream(segments(service, 7))).code === status.OK;
      expect(await send('before')).toBe(true);
      await eventually('they are counted', 10, async () => (await callsOf(restUrl, 'before')) === 7);
      const waiting = async () =>
        ((await (await fetch(`${restUrl}/status/tier`)).json()) as { l1: { pendingBatches: number } }).l1
          .pendingBatches;
      await eventually('all is committed', 10, async () => (await waiting()) === 0);
      await (frozen ? postgres.pause() : stopPostgres());
      if (taken) expect(await send('after')).toBe(true);
      const stoppedAt = performance.now();
      node.kill('SIGTERM');
      const ended = await node.ended;
      expect(performance.now() - stoppedAt).toBeLessThan(28_000); // 20 s, on a machine with other things to do
      expect(ended, ended.stdout.slice(-3_000) + ended.stderr).toMatchObject({ status: taken ? 1 : 0, signal: null });
      expect(ended.stderr).toMatch(taken ? /\b[1-9]\d* increments are not known to be committed/ : /^$/);
      if (frozen) postgres.resume();
      else await postgres.restart();
    }
  }, 150_000);

  it('loses nothing while PostgreSQL is stopped for some seconds', async () => {
    const url = await createDatabase(postgres.url, 'outage');
    const node = await stage.node({
      name: 'outage',
      config: 'deploy/examples/cloud-c.yml',
      env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: url },
    });
    using agent = new RawAgent(node.grpcPort);
    let sent = 0;
    const send = async (count: number) => {
      expect(await agent.stream(segments('shop', count))).toMatchObject({ code: status.OK });
      sent += count;
    };
    await send(40);
    await eventually('the first are counted', 10, async () => (await callsOf(node.restUrl, 'shop')) === 40);
    await send(10); // on their way while the storage goes
    await stopPostgres();
    for (let second = 0; second < 4; second++) {
      await send(25);
      await sleep(700);
    }
    const asked = await graphql(
      node.restUrl,
      `
        query ($d: Duration!) {
          execExpression(expression: "service_cpm", entity: { serviceName: "shop", normal: true }, duration: $d) {
            type
          }
        }
      `,
      { d: lastMinutes(5) },
    );
    expect(asked.errors?.[0]).toMatchObject({ extensions: { code: 'OAP-2001' } });
    expect((await fetch(`${node.restUrl}/healthcheck`)).status).toBe(503);
    expect((await fetch(`${node.restUrl}/status/tier`)).status).toBe(200);
    expect(node.running).toBe(true);

    await postgres.restart();
    await healthy(node);
    await send(20);
    await eventually('everything is counted, once', 20, async () => (await callsOf(node.restUrl, 'shop')) === sent);
    await sleep(1_500); // three more flushes: nothing comes twice
    expect(await callsOf(node.restUrl, 'shop')).toBe(sent);
    expect(node.log()).toContain('storage is not available; trying again');
    expect(node.log()).not.toMatch(/"level":"error"/);
  }, 60_000);

  it('refuses agents with a wrong token or none, and takes those with the right one', async () => {
    const url = await createDatabase(postgres.url, 'agent_token');
    const node = await stage.node({
      name: 'agent-token',
      config: 'deploy/examples/cloud-c.yml',
      env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: url, SW_AUTHENTICATION: 'right-s3cret' },
    });
    for (const token of ['wrong-s3cret', undefined]) {
      using stranger = new RawAgent(node.grpcPort, token);
      const given = token === undefined ? 'missing' : 'wrong';
      const answer = { code: status.PERMISSION_DENIED, details: expect.stringMatching(`^OAP-5001 .*${given}`) };
      expect(await stranger.stream(segments('shop', 5))).toMatchObject(answer);
      expect(await stranger.unary(Buffer.alloc(0))).toMatchObject(answer);
    }
    using agent = new RawAgent(node.grpcPort, 'right-s3cret');
    expect(await agent.stream(segments('shop', 12))).toMatchObject({ code: status.OK });
    await eventually('only the right ones are counted', 10, async () => (await callsOf(node.restUrl, 'shop')) === 12);
    expect(node.log()).toMatch(/call of an agent refused/);
    expect(node.log()).not.toContain('s3cret');
  }, 60_000);

  it('a leaf with a wrong federation token keeps its outbox; with the right one everything arrives', async () => {
    const db = {
      leaf: await createDatabase(postgres.url, 'token_leaf'),
      upper: await createDatabase(postgres.url, 'token_upper'),
    };
    const config = file(
      'upper.yml',
      ...readFileSync(path.join(ROOT, 'deploy/examples/federation.yml'), 'utf8')
        .replace(
          'originScopes: [Service]',
          'originScopes: [Service]\n      tokens: { cloud-c: right-token, cloud-n: other-token }',
        )
        .split('\n'),
    );
    const upper = await stage.node({
      name: 'token-upper',
      config,
      env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: db.upper },
    });
    const leaf = (token: string) =>
      stage.node({
        name: `leaf-${token}`,
        config: 'deploy/examples/cloud-c.yml',
        env: {
          SW_STORAGE: 'postgresql',
          SW_STORAGE_POSTGRESQL_URL: db.leaf,
          SW_FEDERATION_UPSTREAMS: `127.0.0.1:${upper.grpcPort}`,
          SW_FEDERATION_TOKEN: token,
        },
      });
    const wrong = await leaf('wrong-token');
    using agent = new RawAgent(wrong.grpcPort);
    expect(await agent.stream([...segments('shop', 33), ...segments('stock', 7)])).toMatchObject({ code: status.OK });
    await eventually('the leaf counts', 10, async () => (await callsOf(wrong.restUrl, 'shop')) === 33);
    await eventually('both logs say why', 15, () => {
      return /cloud-c is not allowed here/.test(wrong.log()) && /cloud-c is not allowed here/.test(upper.log());
    });
    expect(wrong.running && upper.running).toBe(true);
    expect(await unacknowledged(db.leaf)).toBeGreaterThan(0);
    expect((await readPersisted(db.upper)).size).toBe(0);
    expect(wrong.log() + upper.log()).not.toMatch(/(wrong|right|other)-token"/);
    await wrong.end('SIGTERM');

    await leaf('right-token');
    await eventually('the outbox is empty', 20, async () => (await unacknowledged(db.leaf)) === 0);
    const [above, below] = [await readPersisted(db.upper), await readPersisted(db.leaf)];
    expect(below.get('')!.size).toBeGreaterThan(20);
    expect(differences(above.get('')!, sumOf([below]))).toEqual([]);
    expect(await callsOf(upper.restUrl, 'shop')).toBe(33);
    expect(await callsOf(upper.restUrl, 'stock')).toBe(7);
  }, 60_000);

  it('survives hostile bytes on every port: what is good among them is counted, memory stays', async () => {
    const url = await createDatabase(postgres.url, 'hostile');
    const config = file(
      'hostile.yml',
      ...readFileSync(LEAF, 'utf8')
        .replace('authentication:', 'maxMessageSize: 4194304\n    authentication:')
        .split('\n'),
    );
    const node = await stage.node({
      name: 'hostile',
      config,
      env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: url },
    });
    using agent = new RawAgent(node.grpcPort);
    expect((await agent.stream(segments('shop', 1))).code).toBe(status.OK);
    const before = residentBytes(node.pid);
    let good = 1;

    const now = Date.now();
    const span = { operationName: '/x', startTime: now, endTime: now + 1 };
    const valid = segment('victim');
    const hostile: Buffer[] = [
      ...Array.from({ length: 200 }, (_, i) => noise(i, 1 + ((i * 37) % 900))),
      ...Array.from({ length: valid.length }, (_, length) => valid.subarray(0, length)),
      ...Array.from({ length: valid.length * 2 }, (_, i) => flipped(valid, i)),
      Buffer.alloc(0),
      Buffer.from([0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f]), // a span of 4 GB
      Buffer.alloc(500_000, 0x1a),
      segment(
        'many',
        Array.from({ length: 10_000 }, () => span),
      ),
      segment('huge'.repeat(100_000)),
      segment('times', [
        { ...span, startTime: 0, endTime: 0 },
        { ...span, startTime: Number.MAX_SAFE_INTEGER, endTime: Number.MAX_SAFE_INTEGER },
        { ...span, startTime: -5, endTime: -1 },
        { ...span, startTime: now, endTime: now - 3_600_000 },
        { ...span, startTime: now, endTime: now + 10 * 365 * 86_400_000 },
      ]),
      segment('enums', [
        { ...span, spanType: 77, spanLayer: 99 },
        { ...span, spanLayer: 2_147_483_647, componentId: -1 },
      ]),
      segment('\u0000\ud800\u202e', [{ ...span, operationName: '\u0000'.repeat(1_000), peer: 'a\nb' }]),
      Buffer.from(
        segment('REPLACE').toString('latin1').replaceAll('REPLACE', '\xff\xfe\xc3\x28\xa0\xa1\x80'),
        'latin1',
      ),
      segment('__proto__', [{ ...span, operationName: 'constructor', tags: [{ key: '__proto__', value: 'x' }] }]),
    ];
    for (let i = 0; i < hostile.length; i += 50) {
      // bad and good on one stream: the bad does not cost the good
      expect((await agent.stream([...hostile.slice(i, i + 50), segment('shop')])).code).toBe(status.OK);
      good++;
    }
    for (const body of [Buffer.from([0x0a, 0xff]), Buffer.from([0x0a, 0x02, 0x1a, 0x7f]), noise(3, 40)]) {
      expect((await agent.unary(body)).code).toBe(status.INVALID_ARGUMENT);
    }
    expect((await agent.stream([Buffer.alloc(5 << 20)])).code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await agent.stream([noise(1, 9)], '/skywalking.v3.NoSuchService/collect')).code).toBe(status.UNIMPLEMENTED);
    // what is no gRPC and no HTTP at all
    for (const port of [node.grpcPort, Number(new URL(node.restUrl).port)]) {
      await spit(port, noise(port, 4_096));
      await spit(port, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n'));
    }
    for (const body of ['', '{', '[]', '{"query":1}', `{"query":"${'{a'.repeat(300)}"}`, 'x'.repeat(200_000)]) {
      const response = await fetch(`${node.restUrl}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(((await response.json()) as { errors: readonly { message: string }[] }).errors[0]!.message).not.toBe(
        'internal error',
      );
    }

    using late = new RawAgent(node.grpcPort);
    expect((await late.stream(segments('shop', 10))).code).toBe(status.OK);
    good += 10;
    await eventually('the good segments are counted', 10, async () => (await callsOf(node.restUrl, 'shop')) === good);
    expect(await callsOf(node.restUrl, 'many')).toBe(0); // beyond the limit of spans: refused whole
    expect(node.running).toBe(true);
    expect(residentBytes(node.pid) - before).toBeLessThan(250 << 20);
    expect(node.log()).not.toMatch(/BUG|"level":"error"/);
    expect(node.log().length).toBeLessThan(200_000); // one line per kind of trouble and half minute, not one per message
  }, 90_000);
});

/** Runs `use` while somebody else listens on a port of 127.0.0.1. */
async function withTakenPort(use: (port: number) => Promise<void>): Promise<void> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  try {
    await use((holder.address() as AddressInfo).port);
  } finally {
    holder.close();
  }
}

/** Bytes that look random and are the same in every run. */
function noise(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed * 2_654_435_761 + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** One byte changed. */
function flipped(valid: Buffer, i: number): Buffer {
  const bytes = Buffer.from(valid);
  const at = i % bytes.length;
  bytes[at] = i < bytes.length ? bytes[at]! ^ 0x80 : bytes[at]! + 1;
  return bytes;
}

/** Resident memory of a process. */
function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** Writes bytes to a TCP port; resolves when the other side has closed, or after half a second. */
function spit(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const done = () => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(500, done);
    socket.on('error', done).on('close', done).resume();
  });
}
