// SPDX-License-Identifier: Apache-2.0
// Real processes for end-to-end tests: nodes from the built `oap` command, applications under the real agent, traffic, and the comparison of
// what tiers persisted. Everything is on 127.0.0.1, in temporary directories, and ended by process id.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { SCOPES, SparseDistribution } from '@oap-federation/model';
import { freePort, guard, unguard } from '../services/index.js';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(ROOT, 'packages/server/dist/main.js');
const HOST = '127.0.0.1';

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Polls until `holds`, or throws with what it was waiting for. */
export async function eventually(
  what: string,
  seconds: number,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  for (;;) {
    if (await Promise.resolve(holds()).catch(() => false)) return;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(200);
  }
}

/** One restartable process. */
export class Proc {
  readonly name: string;
  readonly logFile: string;
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  constructor(name: string, directory: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.name = name;
    this.logFile = path.join(directory, `${name}.log`);
    this.#args = args;
    this.#env = env;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `extra` adds to the environment of this one start. Ended with us, also when we are killed. */
  start(extra: Readonly<Record<string, string>> = {}): void {
    const log = openSync(this.logFile, 'a');
    const child = spawn(process.execPath, [...this.#args], {
      env: { ...process.env, ...this.#env, ...extra },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    guard(pid);
    child.once('exit', () => unguard(pid));
    this.#child = child;
  }

  /** How the last start ended: a signal, an exit status, or `running`. */
  get ending(): string {
    if (this.running) return 'running';
    return this.#child?.signalCode ?? `status ${this.#child?.exitCode ?? 'none'}`;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const grace = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await gone;
    clearTimeout(grace);
  }

  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }
}

export interface NodeOptions {
  readonly name: string;
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface NodeProc extends Proc {
  readonly grpcPort: number;
  readonly restUrl: string;
}

/** A directory for one test, and everything that runs in it. */
export class Stage {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'oap-e2e-'));
  readonly #procs: Proc[] = [];
  readonly #nodes: NodeProc[] = [];

  /** Starts a node of the built command; resolves when `/healthcheck` says 200. */
  async node(options: NodeOptions): Promise<NodeProc> {
    const grpcPort = Number(options.env['SW_CORE_GRPC_PORT'] ?? (await freePort()));
    const restPort = await freePort();
    const env = {
      SW_CORE_GRPC_PORT: String(grpcPort),
      SW_CORE_REST_PORT: String(restPort),
      SW_CORE_PERSISTENT_PERIOD: '0.5',
      SW_CORE_L1_AGGREGATION_FLUSH_PERIOD: '200',
      SW_STORAGE_EMBEDDED_DATA_DIR: path.join(this.directory, options.name),
      ...options.env,
    };
    const proc = new Proc(options.name, this.directory, [MAIN, 'start', '-c', path.resolve(ROOT, options.config)], env);
    this.#procs.push(proc);
    proc.start();
    const node = Object.assign(proc, { grpcPort, restUrl: `http://${HOST}:${restPort}` });
    this.#nodes.push(node);
    await healthy(node);
    return node;
  }

  /** A small HTTP application under the real agent; resolves when it listens. */
  async app(
    name: string,
    service: string,
    agentPort: number,
    upstreamUrl?: string,
  ): Promise<{ url: string; proc: Proc }> {
    const port = await freePort();
    const proc = new Proc(name, this.directory, [path.join(ROOT, 'deploy/demo/app.cjs')], {
      NAME: service,
      PORT: String(port),
      SW_AGENT_NAME: service,
      SW_AGENT_INSTANCE: name,
      SW_AGENT_COLLECTOR_BACKEND_SERVICES: `${HOST}:${agentPort}`,
      SW_AGENT_LOGGING_LEVEL: 'error',
      ...(upstreamUrl === undefined ? {} : { UPSTREAM: upstreamUrl }),
    });
    this.#procs.push(proc);
    proc.start();
    await eventually(`${name} listens`, 20, async () => (await fetch(`http://${HOST}:${port}/healthz`)).ok);
    return { url: `http://${HOST}:${port}`, proc };
  }

  traffic(urls: readonly string[], rate: number): Proc {
    const proc = new Proc(
      'traffic',
      this.directory,
      [path.join(ROOT, 'deploy/demo/traffic.mjs'), '--rate', String(rate), ...urls],
      {},
    );
    this.#procs.push(proc);
    proc.start();
    return proc;
  }

  async close(): Promise<void> {
    for (const proc of this.#procs.toReversed()) await proc.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** What every node says of itself and the last lines of every log: what a failed test prints. */
  async report(lines = 12): Promise<string> {
    const statuses = await Promise.all(
      this.#nodes.map(async ({ name, restUrl }) => {
        const answer = await fetch(`${restUrl}/status/tier`).then((r) => r.text(), String);
        return `--- status of ${name}\n${answer}`;
      }),
    );
    return `${statuses.join('\n')}\n${this.#tails(lines)}`;
  }

  #tails(lines: number): string {
    return this.#procs
      .map((proc) => `--- ${proc.name}\n${proc.log().trimEnd().split('\n').slice(-lines).join('\n')}`)
      .join('\n');
  }
}

export async function healthy(node: {
  readonly name: string;
  readonly restUrl: string;
  readonly running: boolean;
  log(): string;
}): Promise<void> {
  await eventually(`${node.name} is healthy`, 60, async () => {
    if (!node.running) return true; // no use in waiting: said below, with its log
    return (await fetch(`${node.restUrl}/healthcheck`, { signal: AbortSignal.timeout(1_000) })).ok;
  });
  if (!node.running) throw new Error(`${node.name} ended:\n${node.log()}`);
}

// --- what a tier persisted ---------------------------------------------------------------------------------------------

/** Every persisted field of every minute row: `scope entity minute column` -> value, per origin ('' is the merged row). */
export type Persisted = ReadonlyMap<string, ReadonlyMap<string, bigint | Buffer>>;

export async function withDatabase<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined); // the server may be killed while we are connected: the query then rejects
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function readPersisted(url: string): Promise<Persisted> {
  return withDatabase(url, async (client) => {
    const byOrigin = new Map<string, Map<string, bigint | Buffer>>();
    for (const { name: scope, table } of SCOPES) {
      const exists = await client.query('SELECT to_regclass($1) AS t', [`m_${table}_minute`]);
      if (exists.rows[0].t === null) continue;
      const { rows } = await client.query(
        `SELECT d.entity_id AS "entity_id", coalesce(o.name, '') AS "origin_name", m.*
           FROM m_${table}_minute m
           JOIN dictionary d ON d.slot = m.slot AND d.code = m.entity
           LEFT JOIN origin o ON o.slot = m.slot AND o.code = m.origin`,
      );
      for (const row of rows as Record<string, unknown>[]) {
        const origin = String(row['origin_name']);
        let fields = byOrigin.get(origin);
        if (!fields) byOrigin.set(origin, (fields = new Map()));
        for (const [column, value] of Object.entries(row)) {
          if (!column.includes('__') || value === null) continue;
          const key = `${scope} ${String(row['entity_id'])} ${String(row['minute'])} ${column}`;
          fields.set(key, Buffer.isBuffer(value) ? value : BigInt(value as string));
        }
      }
    }
    return byOrigin;
  });
}

/** The plain sum of what leaves persisted (merged rows); no metric of core.oal keeps a maximum or minimum. */
export function sumOf(leaves: readonly Persisted[]): Map<string, bigint | Buffer> {
  const sum = new Map<string, bigint | Buffer>();
  for (const leaf of leaves) {
    for (const [key, value] of leaf.get('') ?? []) {
      const known = sum.get(key);
      if (known === undefined) sum.set(key, value);
      else if (typeof value === 'bigint') sum.set(key, (known as bigint) + value);
      else {
        const merged = SparseDistribution.decode(known as Buffer);
        merged.merge(SparseDistribution.decode(value));
        sum.set(key, Buffer.from(merged.encode()));
      }
    }
  }
  return sum;
}

/** Differences as text, at most 20; empty when equal. */
export function differences(
  actual: ReadonlyMap<string, bigint | Buffer>,
  expected: ReadonlyMap<string, bigint | Buffer>,
): string[] {
  const show = (v: bigint | Buffer | undefined) =>
    v === undefined ? 'nothing' : typeof v === 'bigint' ? String(v) : v.toString('hex');
  const out: string[] = [];
  for (const key of new Set([...actual.keys(), ...expected.keys()])) {
    const [a, b] = [show(actual.get(key)), show(expected.get(key))];
    if (a !== b) out.push(`${key}: upstream has ${a}, the leaves have ${b}`);
  }
  return out.slice(0, 20);
}

/** Entries of the outbound logs that the upstream has not acknowledged, those without a number included. */
export function unacknowledged(url: string): Promise<number> {
  return withDatabase(url, async (client) => {
    const { rows } = await client.query(
      'SELECT coalesce(sum(next_seq - 1 - acknowledged_seq), 0) + (SELECT count(*) FROM pending) AS n FROM slot',
    );
    return Number(rows[0].n);
  });
}

/** Increments merged so far by all logs, as the ledger of the marks says. */
export function mergedIncrements(url: string, kind: 'federated' | 'local'): Promise<number> {
  return withDatabase(url, async (client) => {
    const { rows } = await client.query('SELECT coalesce(sum(increments), 0) AS n FROM mark WHERE kind = $1', [kind]);
    return Number(rows[0].n);
  });
}

export function parkedBatches(url: string): Promise<number> {
  return withDatabase(url, async (client) =>
    Number((await client.query('SELECT count(*) AS n FROM parked')).rows[0].n),
  );
}

export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  await withDatabase(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  return serverUrl.replace(/\/[^/]*$/, `/${name}`);
}
