// SPDX-License-Identifier: Apache-2.0
// Throw-away PostgreSQL servers for the benchmarks, as test/services starts them: durable, with PostgreSQL's own defaults.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

const root = path.resolve(import.meta.dirname, '../..');
let services;

async function loadServices() {
  const dir = await mkdtemp(path.join(tmpdir(), 'oap-bench-'));
  try {
    const tsc = path.join(root, 'node_modules/.bin/tsc');
    const args = ['--module', 'nodenext', '--target', 'es2023', '--noCheck', '--ignoreConfig', '--outDir', dir];
    const compiled = spawnSync(tsc, [...args, path.join(root, 'test/services/index.ts')], {
      cwd: root,
      encoding: 'utf8',
    });
    if (compiled.status !== 0) throw new Error(`test/services does not compile: ${compiled.stdout}${compiled.stderr}`);
    return await import(pathToFileURL(path.join(dir, 'index.js')).href);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A server with `stop()` and `url`; `{ unavailable }` where there is none. */
export async function startServer(settings = {}) {
  try {
    services ??= await loadServices();
    return await services.startPostgres({ settings: { shared_buffers: '128MB', ...settings } }); // PostgreSQL's default
  } catch (error) {
    return { unavailable: error.message };
  }
}

/** Debian's Prometheus and VictoriaMetrics, empty: each with `url` and `stop()`, or `{ unavailable }`. */
export async function startMetricServers() {
  services ??= await loadServices();
  const started = (start) => start().catch((error) => ({ unavailable: error.message }));
  return {
    prometheus: await started(services.startPrometheus),
    victoriametrics: await started(services.startVictoriaMetrics),
  };
}

/** URL of a new, empty database of a server. */
export async function newDatabase(server, name) {
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name}`);
  } finally {
    await admin.end();
  }
  return server.url.replace(/\/postgres$/, `/${name}`);
}
