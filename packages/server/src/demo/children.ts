// SPDX-License-Identifier: Apache-2.0
// The demo's processes: started with their output in a file, restarted when something kills them, stopped by process id at the end.
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '@oap-federation/runtime';

export interface ChildSpec {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Resolves when the child answers; asked again and again while it starts. */
  readonly ready: () => Promise<boolean>;
}

export type ChildState = 'starting' | 'up' | 'down';

const RESTART_AFTER_MS = 4_000; // long enough to see in the view what is missing
const STOP_GRACE_MS = 8_000;
const READY_POLL_MS = 250;

export class DemoChild {
  readonly name: string;
  readonly logFile: string;
  readonly #spec: ChildSpec;
  readonly #clock: Clock;
  readonly #changed: () => void;
  #process: ChildProcess | undefined;
  #stopping = false;
  #state: ChildState = 'down';
  restarts = 0;

  /** `changed` is called whenever the state is another one. */
  constructor(spec: ChildSpec, directory: string, clock: Clock, changed: () => void) {
    this.name = spec.name;
    this.#spec = spec;
    this.#clock = clock;
    this.#changed = changed;
    this.logFile = path.join(directory, `${spec.name}.log`);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get state(): ChildState {
    return this.#state;
  }

  #become(state: ChildState): void {
    this.#state = state;
    this.#changed();
  }

  /** Starts the process and waits until it is ready; false when it ended first or took longer than `deadlineMs`. */
  async start(deadlineMs: number): Promise<boolean> {
    const log = openSync(this.logFile, 'a');
    const child = spawn(process.execPath, [...this.#spec.args], {
      env: { ...process.env, ...this.#spec.env },
      stdio: ['ignore', log, log],
      detached: true, // its own process group: Ctrl-C at the terminal reaches the demo only, which stops them in order
    });
    closeSync(log);
    this.#process = child;
    this.#become('starting');
    child.once('exit', () => this.#ended(child));
    child.once('error', () => this.#ended(child));
    const end = this.#clock.monotonicMs() + deadlineMs;
    while (this.#process === child && this.#clock.monotonicMs() < end) {
      if (await this.#spec.ready().catch(() => false)) {
        this.#become('up');
        return true;
      }
      await this.#clock.sleep(READY_POLL_MS);
    }
    return false;
  }

  #ended(child: ChildProcess): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    if (!this.#stopping) this.restarts++;
    this.#become('down');
    if (this.#stopping) return;
    this.#clock.after(RESTART_AFTER_MS, () => {
      if (!this.#stopping) void this.start(60_000);
    });
  }

  /** SIGTERM, and SIGKILL after a grace; resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    child.kill('SIGTERM');
    const inTime = new AbortController();
    await Promise.race([gone.then(() => inTime.abort()), this.#clock.sleep(STOP_GRACE_MS, inTime.signal)]);
    if (!inTime.signal.aborted) child.kill('SIGKILL');
    await gone;
  }

  /** The last lines that the process wrote, for the message when it does not start. */
  tail(lines = 15): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}
