// SPDX-License-Identifier: Apache-2.0
// A throw-away Prometheus (Debian's program, no daemon) on a free port of 127.0.0.1 that scrapes nothing and takes remote write; and where
// promtool and vmalert are.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOrInstall, findOrInstallProgram, onPath } from './debian.js';
import {
  answersHttp,
  onFreePort,
  runService,
  temporaryDirectory,
  type ServiceProcess,
  type Unavailable,
} from './process.js';

export interface Prometheus extends ServiceProcess {
  /** http://127.0.0.1:port */
  readonly url: string;
}

/** Finds (or installs) prometheus and promtool without starting anything. */
export function locatePrometheus(): { readonly program: string; readonly promtool: string } | Unavailable {
  const found = findOrInstall(() => {
    const [program, promtool] = [onPath('prometheus'), onPath('promtool')];
    return program === undefined || promtool === undefined ? undefined : { program, promtool };
  }, ['prometheus']);
  return 'unavailable' in found ? { unavailable: `Prometheus: ${found.unavailable}` } : found;
}

/** Finds (or installs) vmalert without starting it. */
export function locateVmalert(): { readonly program: string } | Unavailable {
  return findOrInstallProgram('vmalert', 'vmalert', 'victoria-metrics');
}

/** Starts a server with an empty database. Errors: it exited or did not serve within 30 s (the log's end is in the message). */
export async function startPrometheus(): Promise<Prometheus | Unavailable> {
  const located = locatePrometheus();
  if ('unavailable' in located) return located;
  const dir = temporaryDirectory('prometheus');
  const config = join(dir, 'prometheus.yml');
  writeFileSync(config, 'global: {}\n');
  return onFreePort(dir, async (port) => {
    const url = `http://127.0.0.1:${port}`;
    const service = await runService({
      name: 'Prometheus',
      command: located.program,
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-remote-write-receiver',
      ],
      dir,
      stopSignal: 'SIGTERM',
      watchdogSignal: 'TERM',
      ready: () => answersHttp(`${url}/-/ready`),
    });
    return Object.assign(service, { url });
  });
}
