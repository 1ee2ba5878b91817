// SPDX-License-Identifier: Apache-2.0
// A throw-away Alertmanager (Debian's program, no daemon) on free ports of 127.0.0.1, whose receiver is an HTTP address of the test.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOrInstall, onPath } from './debian.js';
import {
  answersHttp,
  onFreePort,
  runService,
  temporaryDirectory,
  type ServiceProcess,
  type Unavailable,
} from './process.js';

export interface Alertmanager extends ServiceProcess {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** What `amtool <args>` prints about this server; throws its error. */
  amtool(...args: readonly string[]): string;
}

export interface AlertmanagerOptions {
  /** Where it sends notifications to (Alertmanager's webhook format, at once, resolved ones too). */
  readonly notifyUrl?: string;
}

/** Finds (or installs) Alertmanager and its amtool without starting it. */
export function locateAlertmanager(): { readonly program: string; readonly amtool: string } | Unavailable {
  const found = findOrInstall(() => {
    const program = onPath('prometheus-alertmanager');
    const amtool = onPath('amtool');
    return program === undefined || amtool === undefined ? undefined : { program, amtool };
  }, ['prometheus-alertmanager']);
  return 'unavailable' in found ? { unavailable: `Alertmanager: ${found.unavailable}` } : found;
}

/** Starts a server. Errors: it exited or did not serve within 30 s (the log's end is in the message). */
export async function startAlertmanager(options: AlertmanagerOptions = {}): Promise<Alertmanager | Unavailable> {
  const located = locateAlertmanager();
  if ('unavailable' in located) return located;
  const dir = temporaryDirectory('alertmanager');
  const config = join(dir, 'alertmanager.yml');
  const webhook = `\n    webhook_configs: [{ url: '${options.notifyUrl}', send_resolved: true }]`;
  writeFileSync(
    config,
    `route: { receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: test${options.notifyUrl === undefined ? '' : webhook}
`,
  );
  return onFreePort(dir, async (port) => {
    const url = `http://127.0.0.1:${port}`;
    const service = await runService({
      name: 'Alertmanager',
      command: located.program,
      args: [
        `--config.file=${config}`,
        `--storage.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      dir,
      stopSignal: 'SIGTERM',
      watchdogSignal: 'TERM',
      ready: () => answersHttp(`${url}/-/ready`),
    });
    const amtool = (...args: readonly string[]) => {
      const run = spawnSync(located.amtool, [`--alertmanager.url=${url}`, ...args], { encoding: 'utf8' });
      if (run.status !== 0) throw new Error(`amtool ${args.join(' ')} ended with ${run.status}: ${run.stderr}`);
      return run.stdout;
    };
    return Object.assign(service, { url, amtool });
  });
}
