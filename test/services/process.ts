// SPDX-License-Identifier: Apache-2.0
// Child processes that never outlive the test: each server runs under a watchdog shell that holds one end of a pipe to
// us. When this process goes, however it goes, the pipe closes and the watchdog ends what is still listed and removes
// the listed directories. In: a command. Out: a handle with stop, kill9, restart, pause, resume.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Why a service cannot be had on this machine. */
export interface Unavailable {
  readonly unavailable: string;
}

/** A real server process. All calls may be repeated; after `stop` the directory is gone and only `stop` is legal. */
export interface ServiceProcess {
  /** Of the process running now; changes at each restart. */
  readonly pid: number;
  /** Ends it gracefully (SIGKILL after 10 s) and removes its directory. */
  stop(): Promise<void>;
  /** SIGKILL to the server and its children at once; resolves when all are gone. Start again with `restart`. */
  kill9(): Promise<void>;
  /** Ends it gracefully if it runs, then starts it on the same port and data. Resolves when it serves. */
  restart(): Promise<void>;
  /** SIGSTOP to the server and its children: sockets stay open, nobody answers. */
  pause(): void;
  resume(): void;
  /** What the server printed, over all its starts. */
  readonly logFile: string;
}

export interface ServiceSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Removed at the end; holds the log `server.log`. */
  readonly dir: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly stopSignal: 'SIGINT' | 'SIGTERM';
  /** What the watchdog sends before SIGKILL, so that shared memory is freed: QUIT ends PostgreSQL at once. */
  readonly watchdogSignal: 'QUIT' | 'TERM';
  ready(pid: number): Promise<boolean>;
}

// The watchdog's protocol, one line each: `add SIGNAL PID`, `del PID`, `dir PATH`, `rmdir PATH`, `mount PATH`, `umount PATH`.
// End of file means we died.
const WATCHDOG = `
pids=; dirs=; mounts=
drop() { out=; for x in $2; do [ "$x" = "$1" ] || out="$out $x"; done; printf '%s' "$out"; }
while read -r verb a b; do case $verb in
  add) pids="$pids $a:$b";;
  del) out=; for x in $pids; do [ "\${x#*:}" = "$a" ] || out="$out $x"; done; pids=$out;;
  dir) dirs="$dirs $a";;
  rmdir) dirs=$(drop "$a" "$dirs");;
  mount) mounts="$mounts $a";;
  umount) mounts=$(drop "$a" "$mounts");;
esac; done
for x in $pids; do kill -s "\${x%%:*}" "\${x#*:}"; kill -s CONT "\${x#*:}"; done
[ -n "$pids" ] && sleep 1
for x in $pids; do kill -s KILL "\${x#*:}"; done
for x in $mounts; do umount -l "$x"; done
[ -n "$dirs" ] && rm -rf $dirs
`;

let watchdog: ChildProcess | undefined;

function tellWatchdog(line: string): void {
  if (watchdog === undefined) {
    // `detached`: its own session, so that Ctrl-C reaches us and not it
    watchdog = spawn('/bin/sh', ['-c', WATCHDOG], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    watchdog.unref();
    watchdog.stdin!.on('error', () => {}); // a dead watchdog only costs us the clean-up after a crash
    (watchdog.stdin as unknown as { unref(): void }).unref();
  }
  watchdog.stdin!.write(`${line}\n`);
}

/** A fresh directory under os.tmpdir(), removed when this process dies. */
export function temporaryDirectory(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `oap-test-${name}-`));
  tellWatchdog(`dir ${dir}`);
  return dir;
}

export function removeDirectory(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  tellWatchdog(`rmdir ${dir}`);
}

/** A process that is ended with SIGKILL, should this one die before `unguard`. */
export function guard(pid: number): void {
  tellWatchdog(`add KILL ${pid}`);
}

export function unguard(pid: number): void {
  tellWatchdog(`del ${pid}`);
}

/** A mount that goes away when this process dies. */
export function guardMount(path: string): void {
  tellWatchdog(`mount ${path}`);
}

export function unguardMount(path: string): void {
  tellWatchdog(`umount ${path}`);
}

// Below the range from which Linux takes the ports of outgoing connections: a server that is killed finds its port again.
const PORT_MIN = 12_000;
const PORT_MAX = 32_000;

/** A TCP port on 127.0.0.1 that was free a moment ago, and that no outgoing connection will take. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error(`no free port from ${PORT_MIN} to ${PORT_MAX}`);
}

const PORTS_TRIED = 3;

/**
 * Starts a server on a free port, and on another one when somebody took it in between. The directory goes when nothing starts.
 * `isTaken`: whether an error may be about the port; the others are thrown at once.
 */
export async function onFreePort<T>(
  dir: string,
  start: (port: number) => Promise<T>,
  isTaken: (error: unknown) => boolean = () => true,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tried < PORTS_TRIED && isTaken(error)) continue;
      removeDirectory(dir);
      throw error;
    }
  }
}

/** Whether the address answers with a status of 2xx. */
export async function answersHttp(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false; // not listening yet
  }
}

/** True while the process is stopped by SIGSTOP. */
export function isStopped(pid: number): boolean {
  return processStat(pid)?.state === 'T';
}

/** State letter and parent of a process from /proc, or undefined when it does not exist. */
function processStat(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the command may hold blanks and brackets
    return { state: fields[0] ?? '', parent: Number(fields[1]) };
  } catch {
    return undefined; // gone, or no /proc
  }
}

/** True while the process runs or is stopped; a zombie is not alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return processStat(pid)?.state !== 'Z';
}

/** The process and its direct children (PostgreSQL's backends leave its process group, so a group kill misses them). */
function family(pid: number): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [pid];
  }
  const children = names.map(Number).filter((id) => id > 0 && processStat(id)?.parent === pid);
  return [pid, ...children];
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // already gone
    }
  }
}

async function allGone(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  for (let waited = 0; pids.some(isAlive); waited += 20) {
    if (waited >= timeoutMs) return false;
    await sleep(20);
  }
  return true;
}

/** The last lines of a service's log, for error messages. */
export function logTail(dir: string, lines = 20): string {
  try {
    return readFileSync(join(dir, 'server.log'), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}

/** Starts a server and resolves when it serves. Errors: it exited or was not ready within 30 s; the log's end is in the message. */
export async function runService(spec: ServiceSpec): Promise<ServiceProcess> {
  let pid = 0;
  let stopped = false;
  /** Of the child running now: it is reaped. Until then its number looks taken, and PostgreSQL refuses its lock file. */
  let exited: Promise<void> = Promise.resolve();

  async function start(): Promise<void> {
    const log = openSync(join(spec.dir, 'server.log'), 'a');
    const child = spawn(spec.command, [...spec.args], {
      cwd: spec.dir,
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', log, log],
      detached: true,
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    });
    closeSync(log);
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    const id = child.pid;
    if (id !== undefined) {
      tellWatchdog(`add ${spec.watchdogSignal} ${id}`);
      exited = new Promise((resolve) => {
        child.once('exit', () => {
          tellWatchdog(`del ${id}`);
          resolve();
        });
      });
    }
    child.unref();
    for (let waited = 0; ; waited += 20) {
      if (failure !== undefined || id === undefined || !isAlive(id)) {
        throw new Error(`${spec.name} did not start: ${failure?.message ?? 'it exited'}\n${logTail(spec.dir)}`, {
          cause: failure,
        });
      }
      if (await spec.ready(id)) break;
      if (waited >= 30_000) {
        signalAll(family(id), 'SIGKILL');
        throw new Error(`${spec.name} was not ready within 30 s\n${logTail(spec.dir)}`);
      }
      await sleep(20);
    }
    pid = id;
  }

  async function end(): Promise<void> {
    if (pid === 0) return;
    const all = family(pid);
    signalAll([pid], spec.stopSignal);
    signalAll(all, 'SIGCONT'); // a paused server cannot act on the signal
    if (!(await allGone(all, 10_000))) {
      signalAll(all, 'SIGKILL');
      await allGone(all, 5_000);
    }
    await exited;
    pid = 0;
  }

  await start();
  return {
    logFile: join(spec.dir, 'server.log'),
    get pid() {
      return pid;
    },
    async stop() {
      await end();
      if (!stopped) removeDirectory(spec.dir);
      stopped = true;
    },
    async kill9() {
      if (pid === 0) return;
      signalAll([pid], 'SIGSTOP'); // it starts no new child between the look and the kill
      const all = family(pid);
      signalAll(all, 'SIGKILL');
      if (!(await allGone(all, 5_000))) throw new Error(`${spec.name}: processes survived SIGKILL: ${all.join(' ')}`);
      await exited;
      pid = 0;
    },
    async restart() {
      if (stopped) throw new Error(`${spec.name}: restart after stop`);
      await end();
      await start();
    },
    pause() {
      if (pid === 0) return;
      signalAll([pid], 'SIGSTOP'); // the parent first, so that it starts no new child
      signalAll(family(pid), 'SIGSTOP');
    },
    resume() {
      if (pid !== 0) signalAll(family(pid), 'SIGCONT');
    },
  };
}
