// SPDX-License-Identifier: Apache-2.0
// Goal: the servers the other tests rely on start, survive what we do to them, and leave nothing behind.
// Method: real PostgreSQL and ZooKeeper processes; a killed parent process; raw sockets through the fault proxy.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from './fault-proxy.js';
import { available, needs } from './needs.js';
import { startPostgres } from './postgres.js';
import { mountSmallDisk } from './small-disk.js';
import { isAlive, temporaryDirectory } from './process.js';
import { startVictoriaMetrics } from './victoria-metrics.js';
import { startZooKeeper } from './zookeeper.js';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 3_000 });
  client.on('error', () => {}); // a cut connection is reported by the query
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows.map((row) => Object.values(row)[0]);
  } finally {
    await client.end();
  }
}

/** Processes whose command line holds `text`. */
function processesWith(text: string): string[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(text));
}

needs('postgres')('startPostgres', () => {
  it('serves durably, survives kill -9 with a restart on the same port, and leaves nothing behind', async () => {
    const server = available(await startPostgres());
    try {
      expect(await query(server.url, 'show fsync')).toEqual(['on']);
      await query(server.url, 'create table kept (id int)');
      await query(server.url, 'insert into kept values (7)');
      const first = server.pid;
      await server.kill9();
      expect(isAlive(first)).toBe(false);
      expect(processesWith(server.dataDir)).toEqual([]);
      await expect(query(server.url, 'select 1')).rejects.toThrow();
      await server.restart();
      expect(server.pid).not.toBe(first);
      expect(await query(server.url, 'select id from kept')).toEqual([7]);
    } finally {
      await server.stop();
    }
    await server.stop(); // twice is harmless
    expect(processesWith(server.dataDir)).toEqual([]);
    expect(existsSync(dirname(server.dataDir))).toBe(false);
  });

  it('freezes and thaws, takes settings, and stops while frozen', async () => {
    const server = available(await startPostgres({ fsync: false, settings: { lock_timeout: '1234ms' } }));
    try {
      expect(await query(server.url, 'show fsync')).toEqual(['off']);
      expect(await query(server.url, 'show lock_timeout')).toEqual(['1234ms']);
      server.pause();
      const asked = query(server.url, 'select 42');
      const early = await Promise.race([asked.then(() => 'answered'), sleep(300).then(() => 'silent')]);
      expect(early).toBe('silent');
      server.resume();
      expect(await asked).toEqual([42]);
      server.pause();
    } finally {
      await server.stop();
    }
    expect(processesWith(server.dataDir)).toEqual([]);
  });

  it('runs out of space on a small disk, and goes on when there is some again', async (context) => {
    const disk = mountSmallDisk(96);
    if ('unavailable' in disk) {
      context.skip(disk.unavailable);
      return;
    }
    const server = available(await startPostgres({ disk: disk.path }));
    try {
      await query(server.url, 'create table kept (id int)');
      expect(disk.fill()).toBeGreaterThan(10 << 20);
      expect(disk.fill()).toBeLessThan(1 << 20);
      // one more segment of its log than there is room for: it fails, and with it the server
      const big = `select pg_logical_emit_message(false, 'x', repeat('x', 40000000))`;
      await expect(query(server.url, big)).rejects.toThrow();
      expect(readFileSync(server.logFile, 'utf8')).toContain('No space left on device');
      disk.free();
      await server.restart();
      await query(server.url, 'insert into kept values (7)');
      expect(await query(server.url, 'select id from kept')).toEqual([7]);
    } finally {
      await server.stop();
      disk.stop();
    }
    expect(existsSync(disk.path)).toBe(false);
  });

  it('dies with the process that started it, even when that is killed with SIGKILL', async () => {
    const dir = temporaryDirectory('parent');
    const tsc = 'node_modules/typescript/bin/tsc';
    const options = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--noCheck', '--ignoreConfig'];
    execFileSync(process.execPath, [tsc, ...options, '--outDir', dir, 'test/services/postgres.ts']);
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    const script = `const { startPostgres } = await import('${join(dir, 'postgres.js')}');
      const server = await startPostgres({ fsync: false });
      console.log(server.pid, server.dataDir); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const [pid, dataDir] = line.toString().trim().split(' ');
    expect(isAlive(Number(pid))).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isAlive(Number(pid)), { timeout: 5_000 }).toBe(false);
    await expect.poll(() => existsSync(dirname(dataDir!)), { timeout: 5_000 }).toBe(false);
  });
});

needs('victoriametrics')('startVictoriaMetrics', () => {
  it('takes samples and answers PromQL; its data is gone with it', async () => {
    const server = available(await startVictoriaMetrics());
    const seconds = Math.floor(Date.now() / 1_000) - 60;
    await fetch(`${server.url}/api/v1/import/prometheus`, {
      method: 'POST',
      body: `probe{a="b"} 7 ${seconds * 1_000}`,
    });
    await fetch(`${server.url}/internal/force_flush`);
    const reply = await fetch(`${server.url}/api/v1/query?query=probe&time=${seconds}`);
    expect(await reply.json()).toMatchObject({ data: { result: [{ metric: { a: 'b' }, value: [seconds, '7'] }] } });
    await server.stop();
    await expect(fetch(server.url)).rejects.toThrow();
  });
});

needs('zookeeper')('startZooKeeper', () => {
  it('serves, survives kill -9 with a restart, and leaves nothing behind', async () => {
    const server = available(await startZooKeeper({ tickTime: 300 }));
    const ask = async (word: string): Promise<string> => {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(word);
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      await new Promise((resolve) => socket.on('close', resolve));
      return text;
    };
    const first = server.pid;
    try {
      expect(await ask('ruok')).toBe('imok');
      await server.kill9();
      expect(await ask('ruok')).toBe('');
      await server.restart();
      expect(server.pid).not.toBe(first);
      expect(await ask('srvr')).toContain('Mode: standalone');
    } finally {
      await server.stop();
    }
    expect(isAlive(first)).toBe(false);
    expect(processesWith(`clientPort=${server.port}`)).toEqual([]);
  });
});

describe('startFaultProxy', () => {
  let echo: ReturnType<typeof createServer>;
  let proxy: FaultProxy;
  const open = async (): Promise<{ socket: Socket; received: () => string; closed: () => boolean }> => {
    let text = '';
    let closed = false;
    const socket = connect(proxy.port, proxy.host);
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('error', () => {});
    socket.on('close', () => (closed = true));
    await once(socket, 'connect');
    return { socket, received: () => text, closed: () => closed };
  };

  beforeAll(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => socket.write(chunk));
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await startFaultProxy({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
  });
  afterAll(async () => {
    await proxy.stop();
    await new Promise((resolve) => echo.close(resolve));
  });

  it('forwards, black-holes, delays, cuts, cuts in mid-frame and refuses', async () => {
    const a = await open();
    a.socket.write('one');
    await expect.poll(a.received).toBe('one');

    proxy.mode = 'blackhole';
    a.socket.write('lost');
    await sleep(50);
    proxy.mode = 'clientToServer';
    a.socket.write('half');
    await sleep(50);
    proxy.mode = 'forward';
    proxy.delayMs = 80;
    const began = Date.now();
    a.socket.write('two');
    await expect.poll(a.received).toBe('onetwo'); // neither what was lost nor the answer that could not come back
    expect(Date.now() - began).toBeGreaterThanOrEqual(155);
    proxy.delayMs = 0;

    proxy.cutAll();
    await expect.poll(a.closed).toBe(true);

    const b = await open();
    proxy.cutMidFrame(2);
    b.socket.write('frame');
    await expect.poll(b.closed).toBe(true);
    expect(b.received()).toBe('fr');

    proxy.mode = 'refuse';
    const c = connect(proxy.port, proxy.host);
    c.on('error', () => {});
    await new Promise((resolve) => c.on('close', resolve));
    expect(proxy.connections).toBe(0);
    proxy.mode = 'forward';
  });
});
