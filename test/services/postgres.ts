// SPDX-License-Identifier: Apache-2.0
// A throw-away PostgreSQL server on a free port of 127.0.0.1, with its own data directory. Durable settings stay on
// unless asked otherwise. PostgreSQL refuses to run as root, so root runs it as the user `postgres`.
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findOrInstall, isRoot, onPath } from './debian.js';
import {
  onFreePort,
  removeDirectory,
  runService,
  temporaryDirectory,
  type ServiceProcess,
  type Unavailable,
} from './process.js';

export interface PostgresOptions {
  /** Default true. False only where a test is about logic, never about surviving a crash. */
  readonly fsync?: boolean;
  /** Further server settings, e.g. `{ lock_timeout: '1s' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Keeps the data here, in 1 MB pieces of WAL: a small disk (`mountSmallDisk`) that can be filled. */
  readonly disk?: string;
  /** A streaming standby of this server, copied from it as it is now. */
  readonly standbyOf?: Postgres;
}

export interface Postgres extends ServiceProcess {
  /** postgres://postgres@127.0.0.1:port/postgres (superuser, trust) */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
}

/** The newest Debian version directory that holds a server, else the directory of `postgres` on PATH. */
function findBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const debian = versions.map((v) => join(root, v, 'bin')).find((dir) => existsSync(join(dir, 'initdb')));
  if (debian !== undefined) return debian;
  const initdb = onPath('initdb');
  return initdb === undefined ? undefined : dirname(initdb);
}

/** Finds (or installs) PostgreSQL without starting it. */
export function locatePostgres(): { readonly bin: string } | Unavailable {
  const bin = findOrInstall(findBinaries, ['postgresql']);
  return typeof bin === 'string' ? { bin } : { unavailable: `PostgreSQL: ${bin.unavailable}` };
}

/** Ids of the OS user `postgres`, which Debian's package makes. */
function postgresUser(): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'));
  const fields = line?.split(':');
  return fields === undefined ? undefined : { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** Starts a server. Errors: initdb or the server failed (the log's end is in the message). */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres | Unavailable> {
  const located = locatePostgres();
  if ('unavailable' in located) return located;
  const runAs = isRoot() ? postgresUser() : undefined;
  if (isRoot() && runAs === undefined)
    return { unavailable: 'PostgreSQL: we are root and there is no user `postgres`' };
  const user = runAs ?? {};

  const dir = temporaryDirectory('postgres');
  if (runAs !== undefined) chownSync(dir, runAs.uid, runAs.gid);
  if (runAs !== undefined && options.disk !== undefined) chownSync(options.disk, runAs.uid, runAs.gid);
  const dataDir = join(options.disk ?? dir, 'data');
  const onSmallDisk = options.disk !== undefined;
  // --no-sync only spares the flush of the fresh, empty cluster; the server itself syncs
  const [command, ...args] =
    options.standbyOf === undefined
      ? ['initdb', '-D', dataDir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
      : ['pg_basebackup', '-d', options.standbyOf.url, '-D', dataDir, '-R', '--checkpoint=fast', '--no-sync'];
  if (onSmallDisk && command === 'initdb') args.push('--wal-segsize=1');
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };
  const made = spawnSync(join(located.bin, command!), args, { cwd: dir, encoding: 'utf8', env, ...user });
  if (made.status !== 0) {
    removeDirectory(dir);
    throw new Error(`${command} failed: ${made.error?.message ?? made.stderr}`);
  }

  const start = async (port: number) => {
    const settings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      shared_buffers: '16MB', // tests are small and many servers share a machine
      max_connections: '60',
      fsync: options.fsync === false ? 'off' : 'on',
      ...(onSmallDisk ? { min_wal_size: '2MB', max_wal_size: '16MB' } : {}),
      ...options.settings,
    };
    const service = await runService({
      name: 'PostgreSQL',
      command: join(located.bin, 'postgres'),
      args: ['-D', dataDir, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
      dir,
      ...user,
      stopSignal: 'SIGINT', // fast shutdown: does not wait for clients
      watchdogSignal: 'QUIT', // immediate shutdown: frees the shared memory segment
      ready: (pid) => Promise.resolve(isReady(dataDir, pid)),
    });
    const host = '127.0.0.1';
    const url = `postgres://postgres@${host}:${port}/postgres`;
    return Object.assign(service, { url, host, port, dataDir });
  };
  return onFreePort(dir, start, (error) => String(error).includes('could not bind'));
}

/** What `pg_ctl -w` looks at: line 1 of postmaster.pid is the pid, line 8 the state. */
function isReady(dataDir: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  } catch {
    return false; // not written yet
  }
}
