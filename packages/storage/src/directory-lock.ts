// SPDX-License-Identifier: Apache-2.0
// One process per data directory: PGlite has no lock of its own, and two that write one directory destroy it without an error.
// The lock is a listening socket, which the kernel closes when its process dies, however it dies; pid files outlive kill -9.
import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { OapError } from '@oap-federation/runtime';

/**
 * Takes the directory (made if missing) for this process until disposed. Errors: OAP-2007 with the holder's pid.
 *
 * Linux and Windows: a name without a file, per network namespace, so containers that share a volume must not share it live.
 * Elsewhere: a socket file in the directory.
 */
export async function lockDirectory(dataDir: string): Promise<AsyncDisposable> {
  await mkdir(dataDir, { recursive: true });
  const directory = await realpath(dataDir);
  const holderFile = join(directory, 'holder.pid');
  const server = await listen(directory);
  if (server === undefined) {
    const pid = await readFile(holderFile, 'utf8').catch(() => 'unknown'); // it may not have written it yet
    throw new OapError('OAP-2007', { dataDir: directory, pid: pid.trim() });
  }
  server.unref();
  await writeFile(holderFile, `${process.pid}\n`);
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

async function listen(directory: string): Promise<Server | undefined> {
  const name = `oap-federation-${createHash('sha256').update(directory).digest('hex').slice(0, 32)}`;
  if (process.platform === 'linux') return tryListen(`\0${name}`);
  if (process.platform === 'win32') return tryListen(`\\\\.\\pipe\\${name}`);
  const path = join(directory, 'lock.sock');
  const server = await tryListen(path);
  if (server !== undefined || (await isAnswered(path))) return server;
  await rm(path, { force: true }); // left by a process that died
  return tryListen(path);
}

function tryListen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
