// SPDX-License-Identifier: Apache-2.0
// Goal: the commands do what README says, end as they should, and leave nothing behind. Method: README's own lines, `oap query` and signals
// against real processes over PostgreSQL, and the demo as `npm start` runs it, with one of its processes killed on the way.
import { constants, accessSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { loadConfig } from '@oap-federation/runtime';
import { loadScripts } from '@oap-federation/server';
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
  startCommand,
  startOap,
} from './commands.js';
import { createDatabase, eventually, healthy, readPersisted, ROOT, Stage, type NodeProc } from './harness.js';

const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const README = read('README.md');

/** The contents of README's fenced blocks of a language. */
function blocks(language: string): string[] {
  return [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, text]) =>
    of === language ? [text!] : [],
  );
}

/** README's shell lines as words, comments dropped. */
const shellLines = blocks('sh').flatMap((text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== ''),
);

afterEach(() => endAll());

describe('README', () => {
  it('its npm commands are scripts of package.json, and its files are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    expect(shellLines).toContain('npm start');
    expect(shellLines).toContain('npm test');
    const named = [...README.matchAll(/npm (?:run )?(\w+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(scripts, `npm ${name}`).toHaveProperty(name);
    for (const name of ['start', 'test']) {
      expect(existsSync(path.join(ROOT, scripts[name]!.replace(/^node /, '')))).toBe(true);
    }
    for (const [, file] of README.matchAll(/ -c (\S+)/g)) expect(existsSync(path.join(ROOT, file!)), file).toBe(true);
  });

  it('`npx oap` is the command of this release, in the lock file too', () => {
    const own = JSON.parse(read('packages/server/package.json')) as { readonly bin: Readonly<Record<string, string>> };
    const lock = JSON.parse(read('package-lock.json')) as {
      readonly packages: Readonly<Record<string, { readonly bin?: unknown }>>;
    };
    expect(own.bin).toEqual({ oap: 'bin/oap.mjs' });
    expect(lock.packages['packages/server']!.bin).toEqual(own.bin);
    accessSync(path.join(ROOT, 'packages/server/bin/oap.mjs'), constants.X_OK);
  });
});

describe('the examples', () => {
  const files = readdirSync(path.join(ROOT, 'deploy/examples')).map((name) => `deploy/examples/${name}`);
  it.each([...files, 'deploy/application.yml'])('%s loads, with its OAL, as it is', (name) => {
    const loaded = loadConfig(read(name), {}, name);
    if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
    const scripts = loadScripts(loaded.config.core.oalFiles, path.join(ROOT, path.dirname(name)));
    if ('problems' in scripts) throw new Error(scripts.problems.join('\n'));
    expect(scripts.program.schemas.size).toBeGreaterThan(10);
  });
});

describe('the command line', () => {
  it('says what it can do', async () => {
    const { stdout, status: code } = await startCommand(path.join(ROOT, 'packages/server/bin/oap.mjs'), ['--help'])
      .ended;
    expect(code).toBe(0);
    for (const command of ['start', 'query', 'demo']) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    for (const command of ['start', 'query', 'demo']) {
      expect(await runOap([command, '--help'])).toMatchObject({ status: 0, stderr: '' });
    }
  });

  it.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['start'], /required option '-c, --config <file>'/],
    [['start', '-c', 'x.yml', '--log-level', 'loud'], /--log-level.*debug.*loud|loud.*debug/],
    [['query', 'service_cpm'], /required option '--service <name>'/],
    [['query', 'service_cpm', '--service', 'shop', '--by', 'zone'], /--by.*origin.*zone/],
    [['query', 'service_cpm', '--service', 'shop', '--last', 'soon'], /--last "soon"/],
    [['demo', '--seconds', '-1'], /must be a number above 0, got -1/],
  ])('oap %j is refused in one line', async (args, message) => {
    const ended = await runOap(args);
    expect(ended.status).toBe(1);
    expect(ended.stderr.split('\n')[0]).toMatch(message);
    expect(ended.stderr).not.toMatch(/^\s+at /m);
  });

  it('a query to nobody says whom it asked', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const ended = await runOap(['query', 'service_cpm', '--service', 'shop', '--url', url]);
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(new RegExp(`^no answer from ${url}/graphql: .*ECONNREFUSED.*\n$`));
  });
});

needs('postgres')('tiers over PostgreSQL', () => {
  const stage = new Stage();
  let postgres: Postgres;
  let federation: NodeProc;
  let federationDatabase = '';
  const node = async (name: string, database: string, env: Readonly<Record<string, string>> = {}) =>
    stage.node({
      name: database,
      config: `deploy/examples/${name}.yml`,
      env: {
        SW_STORAGE: 'postgresql',
        SW_STORAGE_POSTGRESQL_URL: await createDatabase(postgres.url, database),
        ...(name === 'federation' ? {} : { SW_FEDERATION_UPSTREAMS: `127.0.0.1:${federation.grpcPort}` }),
        ...env,
      },
    });

  beforeAll(async () => {
    postgres = available(await startPostgres());
    federation = await node('federation', 'federation');
    federationDatabase = postgres.url.replace(/\/[^/]*$/, '/federation');
  }, 60_000);
  afterAll(async () => {
    await stage.close();
    await postgres?.stop();
  }, 60_000);

  /** README's `npx oap query ...` with another URL. */
  const query = (...more: readonly string[]) => {
    const line = shellLines.find((each) => each.startsWith('npx oap query '))!;
    const words = line
      .replace(/--url \S+/, `--url ${federation.restUrl}`)
      .split(/\s+/)
      .slice(2);
    return runOap([...words, ...more]);
  };

  it('README: its query and its GraphQL run as printed, split by tier, naming who is silent', async () => {
    expect(await query()).toMatchObject({
      status: 1,
      stdout: '',
      stderr: `no service "shop" is known at ${federation.restUrl}\n`,
    });

    const cloudC = await node('cloud-c', 'cloud_c');
    using agentC = new RawAgent(cloudC.grpcPort);
    expect((await agentC.stream(segments('shop', 31))).code).toBe(status.OK);
    await eventually('cloud-c arrives', 15, async () => (await callsOf(federation.restUrl, 'shop')) === 31);
    const one = await query();
    expect(one).toMatchObject({ status: 0, stderr: '' });
    expect(table(one.stdout)).toMatchObject({ columns: ['time', 'all', 'cloud-c'], sums: [31, 31] });
    expect(one.stdout).toMatch(/^ {2}cloud-n\s+never heard$/m);
    expect(one.stdout).toMatch(/^ {2}cloud-c\s+in before /m);
    expect(one.stdout).toContain('not complete');

    // the operator says that cloud-n will not come: nothing waits for it, and every answer goes on to say so
    const retire = (...more: readonly string[]) =>
      runOap(['retire', 'cloud-n', '-c', 'deploy/examples/federation.yml', ...more], {
        env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: federationDatabase },
      });
    expect(await retire()).toMatchObject({ status: 0, stdout: expect.stringContaining('cloud-n is retired') });
    const without = await query();
    expect(without.stdout).toMatch(/^ {2}cloud-n\s+never heard, retired since /m);
    expect(without.stdout).not.toContain('not complete');
    expect(await retire('--undo')).toMatchObject({ status: 0, stdout: expect.stringContaining('expected again') });
    const acceptLoss = (slot: string) =>
      runOap(['accept-loss', '-c', 'deploy/examples/federation.yml', '--slot', slot], {
        env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: federationDatabase },
      });
    expect(await acceptLoss('3')).toMatchObject({ status: 0, stdout: expect.stringContaining('accepted for slot 3') });
    expect(await acceptLoss('99')).toMatchObject({ status: 1, stderr: 'there is no slot 99: 0 to 15\n' });
    const nobody = await runOap(['retire', 'cloud-x', '-c', 'deploy/examples/federation.yml'], {
      env: { SW_STORAGE: 'postgresql', SW_STORAGE_POSTGRESQL_URL: federationDatabase },
    });
    expect(nobody).toMatchObject({
      status: 1,
      stderr: 'no tier cloud-x ever reported here or is expected; known: cloud-c, cloud-n\n',
    });

    const cloudN = await node('cloud-n', 'cloud_n');
    using agentN = new RawAgent(cloudN.grpcPort);
    expect((await agentN.stream(segments('shop', 12))).code).toBe(status.OK);
    await eventually('cloud-n arrives', 15, async () => (await callsOf(federation.restUrl, 'shop')) === 43);
    const both = await query();
    expect(table(both.stdout)).toMatchObject({ columns: ['time', 'all', 'cloud-c', 'cloud-n'], sums: [43, 31, 12] });
    expect(both.stdout).not.toContain('never heard');

    const [text] = blocks('graphql');
    const answer = await graphql(federation.restUrl, text!, { d: lastMinutes(15) });
    expect(answer.errors).toBeUndefined();
    const { type, results } = answer.data!['execExpression'] as {
      readonly type: string;
      readonly results: readonly {
        readonly metric: { readonly labels: readonly { readonly key: string; readonly value: string }[] };
        readonly values: readonly { readonly value: string | null }[];
      }[];
    };
    expect(type).toBe('TIME_SERIES_VALUES');
    const byOrigin = results.map(({ metric, values }) => [
      metric.labels.find(({ key }) => key === 'origin')?.value,
      values.reduce((sum, { value }) => sum + Number(value ?? 0), 0),
    ]);
    expect(Object.fromEntries(byOrigin)).toMatchObject({ 'cloud-c': 31, 'cloud-n': 12 });
    const { sources } = answer.extensions!.completeness!;
    expect(sources.map(({ origin }) => origin).toSorted()).toEqual(['cloud-c', 'cloud-n']);

    const unknown = await runOap(['query', 'service_cmp', '--service', 'shop', '--url', federation.restUrl]);
    expect(unknown).toMatchObject({ status: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^.*service_cmp.*\n$/);
  }, 60_000);

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s under load: exit status 0 within 10 s, everything answered with OK is in the storage',
    async (signal) => {
      const database = await createDatabase(postgres.url, `stop_${signal.toLowerCase()}`);
      const [grpcPort, restPort] = [await freePort(), await freePort()];
      const run = startOap(['start', '-c', path.join(ROOT, 'deploy/examples/cloud-c.yml')], {
        env: {
          SW_CORE_GRPC_PORT: String(grpcPort),
          SW_CORE_REST_PORT: String(restPort),
          // long periods: at the signal everything is in the open window
          SW_CORE_L1_AGGREGATION_FLUSH_PERIOD: '30000',
          SW_CORE_PERSISTENT_PERIOD: '30',
          SW_STORAGE: 'postgresql',
          SW_STORAGE_POSTGRESQL_URL: database,
          SW_FEDERATION_UPSTREAMS: `127.0.0.1:${federation.grpcPort}`,
          SW_FEDERATION_TIER: `cloud-${signal.toLowerCase()}`,
        },
      });
      const restUrl = `http://127.0.0.1:${restPort}`;
      await healthy({ name: signal, restUrl, running: true, log: () => run.output() });
      using agent = new RawAgent(grpcPort);
      let [sent, taken] = [0, 0];
      const sending = (async () => {
        for (;;) {
          sent++;
          if ((await agent.stream([segment('busy')])).code !== status.OK) return;
          taken++;
        }
      })();
      await eventually('some are taken', 10, () => taken > 200);
      const signalledMs = Date.now();
      run.kill(signal);
      const ended = await run.ended;
      await sending;
      expect(ended).toMatchObject({ status: 0, signal: null, stderr: '' });
      expect(Date.now() - signalledMs).toBeLessThan(10_000);
      expect(ended.stdout).not.toMatch(/"level":"error"/);
      expect(isAlive(run.pid)).toBe(false);
      expect(await listens(grpcPort)).toBe(false);
      const merged = (await readPersisted(database)).get('')!;
      const counted = [...merged].reduce(
        (sum, [key, value]) => (/^Service \S+ \d+ service_cpm__/.test(key) ? sum + Number(value) : sum),
        0,
      );
      expect(counted).toBeGreaterThanOrEqual(taken);
      expect(counted).toBeLessThanOrEqual(sent);
    },
    40_000,
  );
});

describe('the demo', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'oap-demo-test-'));
  });
  afterAll(() => {
    for (const pid of processesOf(directory)) process.kill(pid, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  it('stops while it is still starting, and leaves nothing', async () => {
    const run = startOap(['demo'], { env: { TMPDIR: directory } });
    await eventually('it has begun', 20, () => run.output().includes('starting federation'));
    await eventually('a child is there', 10, () => processesOf(directory).length > 1);
    run.kill('SIGTERM');
    const ended = await run.ended;
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout.trimEnd()).toMatch(/nothing is left running$/);
    expect(processesOf(directory)).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  }, 60_000);

  it('shows three tiers, a killed leaf that comes back, equal sums, and leaves nothing', async () => {
    const [command, ...words] = shellLines.find((line) => line === 'npm start')!.split(' ');
    const run = startCommand(command!, [...words, '--', '--seconds', '130'], { env: { TMPDIR: directory } });
    const shown = () => pictures(run.output());
    const last = () => shown().at(-1)!;
    const still = () => {
      if (!run.running()) throw new Error(run.output());
      return true;
    };
    await eventually(`all are up\n${run.output()}`, 90, () => still() && shown().length > 0);
    await eventually(
      'values of every tier',
      60,
      () => still() && last().cpm.length === 3 && last().cpm.every((cpm) => cpm > 0),
    );
    expect(last().text).toMatch(/^ {2}p99 ms( +\d+){3}$/m);
    expect(last().text).toMatch(/^completeness .*cloud-c: .*cloud-n: /m);
    expect([...last().processes.keys()]).toEqual([
      'federation',
      'cloud-c',
      'cloud-n',
      'stock-c',
      'shop-c',
      'shop-n',
      'traffic',
    ]);

    const everSeen = new Set([...last().processes.values()].map(({ pid }) => pid));
    const victim = last().processes.get('cloud-n')!.pid;
    process.kill(victim, 'SIGKILL');
    const killedMinute = Math.floor(Date.now() / 60_000) % 1440;
    await eventually('the view says that it is down', 10, () => /cloud-n - \(restarted 1x\) down/.test(last().text));
    expect(last().cpm[1]).toBeNaN(); // no values of it
    await eventually('it is back', 30, () => last().processes.get('cloud-n')?.state === 'up');
    const back = last().processes.get('cloud-n')!;
    expect(back.pid).not.toBe(victim);
    everSeen.add(back.pid);

    const ended = await run.ended;
    expect(ended.status).toBe(0);
    const final = pictures(ended.stdout).at(-1)!;
    expect(final.text).toMatch(/^calls of \d+ sealed minute\(s\) .* {3}equal$/m);
    const [hours, minutes] = final.minute.split(':').map(Number);
    const after = (hours! * 60 + minutes! - killedMinute + 1440) % 1440;
    expect(after, `minutes from the kill to the last sealed one, ${final.minute}`).toBeLessThan(5);
    expect(final.cpm[2]).toBe(final.cpm[0]! + final.cpm[1]!);
    expect(final.processes.get('cloud-n')).toMatchObject({ pid: back.pid, state: 'up' });
    expect(ended.stdout.trimEnd()).toMatch(/nothing is left running$/);
    expect([...everSeen].filter(isAlive)).toEqual([]);
    expect(processesOf(directory)).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  }, 240_000);
});

/** Columns of `oap query`'s table, and the sum of each over its minutes. */
function table(text: string): { columns: string[]; sums: number[] } {
  const [header, ...rows] = text.split('\n\n')[0]!.split('\n');
  const columns = header!.split(/ {2,}/).map((title) => title.trim());
  const cells = rows.map((row) => row.trim().split(/ {2,}/).slice(1));
  const number = (cell: string | undefined) => Number(cell?.replace(/[*-]+$/, '') ?? Number.NaN);
  return { columns, sums: columns.slice(1).map((_, i) => cells.reduce((sum, row) => sum + number(row[i]), 0)) };
}

interface Picture {
  readonly text: string;
  /** hh:mm of the values. */
  readonly minute: string;
  /** Of `shop`, per tier; NaN where there is none. */
  readonly cpm: readonly number[];
  readonly processes: ReadonlyMap<string, { readonly pid: number; readonly state: string }>;
}

/** The demo's output, picture by picture (whole ones only). */
function pictures(output: string): Picture[] {
  return [...output.matchAll(/^OAP Federation {2}up \d+ s {3}minute (\d\d:\d\d)[\s\S]*?^kill any of them/gm)].map(
    ([text, minute]) => ({
      text,
      minute: minute!,
      cpm: /^shop .*\n {2}cpm +(.*)$/m.exec(text)![1]!.trim().split(/ +/).map(Number),
      processes: new Map(
        [
          .../^processes {3}([\s\S]*?)\n {2}\S+ +http/m
            .exec(text)![1]!
            .matchAll(/(\S+) (\d+|-)(?: \(restarted \d+x\))?( down| starting)?/g),
        ].map(([, name, pid, state]) => [name!, { pid: Number(pid), state: state?.trim() ?? 'up' }]),
      ),
    }),
  );
}

/** Processes that were started with this directory for temporary files (Linux; elsewhere the pids of the view must do). */
function processesOf(temporary: string): number[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!(pid > 0) || pid === process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`TMPDIR=${temporary}`);
      } catch {
        return false; // gone, or not ours
      }
    });
}
