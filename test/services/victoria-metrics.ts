// SPDX-License-Identifier: Apache-2.0
// A throw-away VictoriaMetrics (Debian's program, single node) on a free port of 127.0.0.1 that takes remote write.
import { join } from 'node:path';
import { findOrInstallProgram } from './debian.js';
import {
  answersHttp,
  onFreePort,
  runService,
  temporaryDirectory,
  type ServiceProcess,
  type Unavailable,
} from './process.js';

export interface VictoriaMetrics extends ServiceProcess {
  /** http://127.0.0.1:port */
  readonly url: string;
}

/** Finds (or installs) victoria-metrics without starting it. */
export function locateVictoriaMetrics(): { readonly program: string } | Unavailable {
  return findOrInstallProgram('VictoriaMetrics', 'victoria-metrics', 'victoria-metrics');
}

/** Starts a server with an empty database. Errors: it exited or did not serve within 30 s (the log's end is in the message). */
export async function startVictoriaMetrics(): Promise<VictoriaMetrics | Unavailable> {
  const located = locateVictoriaMetrics();
  if ('unavailable' in located) return located;
  const dir = temporaryDirectory('victoria-metrics');
  return onFreePort(dir, async (port) => {
    const url = `http://127.0.0.1:${port}`;
    const service = await runService({
      name: 'VictoriaMetrics',
      command: located.program,
      args: [`-storageDataPath=${join(dir, 'data')}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=100y'],
      dir,
      stopSignal: 'SIGTERM',
      watchdogSignal: 'TERM',
      ready: () => answersHttp(`${url}/health`),
    });
    return Object.assign(service, { url });
  });
}
