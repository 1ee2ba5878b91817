// SPDX-License-Identifier: Apache-2.0
// A throw-away NATS server with JetStream (Debian's program, no daemon) on a free port of 127.0.0.1. Its data can be wiped between starts.
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findOrInstallProgram } from './debian.js';
import { onFreePort, runService, temporaryDirectory, type ServiceProcess, type Unavailable } from './process.js';

export interface Nats extends ServiceProcess {
  /** 127.0.0.1:port */
  readonly address: string;
  readonly port: number;
  /** Removes everything that JetStream kept; only while the server does not run. */
  wipe(): void;
}

/** Finds (or installs) nats-server without starting it. */
export function locateNats(): { readonly program: string } | Unavailable {
  return findOrInstallProgram('NATS', 'nats-server', 'nats-server');
}

/** Starts a server. Errors: it exited or did not serve within 30 s (the log's end is in the message). */
export async function startNats(): Promise<Nats | Unavailable> {
  const located = locateNats();
  if ('unavailable' in located) return located;
  const dir = temporaryDirectory('nats');
  const data = join(dir, 'jetstream');
  return onFreePort(dir, async (port) => {
    const config = join(dir, 'nats.conf');
    writeFileSync(
      config,
      `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${data}", max_memory_store: 64MB, max_file_store: 1GB }\n`,
    );
    const service = await runService({
      name: 'NATS',
      command: located.program,
      args: ['--config', config],
      dir,
      stopSignal: 'SIGTERM',
      watchdogSignal: 'TERM',
      ready: () => answers(port),
    });
    const wipe = () => rmSync(data, { recursive: true, force: true });
    return Object.assign(service, { address: `127.0.0.1:${port}`, port, wipe });
  });
}

/** The server greets each connection with a line that begins with INFO. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (served: boolean) => {
      socket.destroy();
      resolve(served);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('error', () => settle(false));
    socket.once('data', (data) => settle(data.toString('latin1').startsWith('INFO')));
  });
}
