// SPDX-License-Identifier: Apache-2.0
// What tests of the command line need: `oap` runs that are expected to end, a client that sends any bytes as an agent would, and GraphQL.
// Everything is on 127.0.0.1; what was started here is ended by `endAll`.
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import path from 'node:path';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { durationText, minuteOf } from '@oap-federation/model';
import { segmentCodec } from '@oap-federation/wire';
import { ROOT } from './harness.js';

const MAIN = path.join(ROOT, 'packages/server/dist/main.js');

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface Run {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** What it wrote so far. */
  output(): string;
  /** True until it has ended. */
  running(): boolean;
  kill(signal: NodeJS.Signals): void;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const started = new Set<ChildProcess>();

/** `node main.js ...args`, its output kept. */
export function startOap(args: readonly string[], options: RunOptions = {}): Run {
  return startCommand(process.execPath, [MAIN, ...args], options);
}

export function startCommand(command: string, args: readonly string[], { cwd = ROOT, env = {} }: RunOptions = {}): Run {
  const begunMs = Date.now();
  const child = spawn(command, [...args], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let running = true;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      running = false;
      started.delete(child);
      resolve({ status: code, signal, stdout, stderr, ms: Date.now() - begunMs });
    });
  });
  return {
    pid: child.pid!,
    ended,
    output: () => stdout + stderr,
    running: () => running,
    kill: (signal) => void child.kill(signal),
  };
}

export function runOap(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startOap(args, options).ended;
}

/** SIGKILL to every run that has not ended. */
export function endAll(): void {
  for (const child of started) child.kill('SIGKILL');
  started.clear();
}

/** Whether somebody accepts connections there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

// --- agents ------------------------------------------------------------------------------------------------------------

const COLLECT = '/skywalking.v3.TraceSegmentReportService/collect';
const COLLECT_IN_SYNC = '/skywalking.v3.TraceSegmentReportService/collectInSync';

interface Answer {
  readonly code: status;
  readonly details: string;
}

const raw = (bytes: Buffer) => bytes;
const DEADLINE_MS = 10_000; // an agent's

/** A connection that sends whole messages as they are. */
export class RawAgent implements Disposable {
  readonly #client: Client;
  readonly #token: string | undefined;

  constructor(port: number, token?: string) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
    });
    this.#token = token;
  }

  stream(bodies: readonly Buffer[], method = COLLECT): Promise<Answer> {
    return new Promise((resolve) => {
      const call = this.#client.makeClientStreamRequest(method, raw, raw, this.#metadata(), this.#deadline(), (error) =>
        resolve({ code: error?.code ?? status.OK, details: error?.details ?? '' }),
      );
      call.on('error', () => undefined); // the callback has it
      for (const body of bodies) call.write(body);
      call.end();
    });
  }

  unary(body: Buffer, method = COLLECT_IN_SYNC): Promise<Answer> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(method, raw, raw, body, this.#metadata(), this.#deadline(), (error) =>
        resolve({ code: error?.code ?? status.OK, details: error?.details ?? '' }),
      );
    });
  }

  #deadline() {
    return { deadline: Date.now() + DEADLINE_MS };
  }

  #metadata(): Metadata {
    const metadata = new Metadata();
    if (this.#token !== undefined) metadata.set('Authentication', this.#token);
    return metadata;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** One served request of `service`, now unless said otherwise. */
export function segment(
  service: string,
  spans: Parameters<typeof segmentCodec.encode>[0]['spans'] = oneRequest(),
): Buffer {
  return segmentCodec.encode({ service, serviceInstance: `${service}-1`, spans });
}

function oneRequest() {
  const startTime = Date.now();
  return [{ operationName: '/orders', startTime, endTime: startTime + 7, spanLayer: 3 }];
}

export const segments = (service: string, count: number): Buffer[] =>
  Array.from({ length: count }, () => segment(service));

// --- GraphQL -----------------------------------------------------------------------------------------------------------

export interface GraphQLAnswer {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
  readonly extensions?: {
    readonly completeness?: { readonly sources: readonly { readonly origin: string; readonly state: string }[] };
  };
}

export async function graphql(url: string, query: string, variables: unknown = {}): Promise<GraphQLAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json()) as GraphQLAnswer;
}

/** The last `minutes` and the current one, as a Duration (UTC). */
export function lastMinutes(minutes: number): { start: string; end: string; step: string } {
  const now = minuteOf(Date.now());
  return { start: durationText(now - minutes, 'MINUTE', 0), end: durationText(now, 'MINUTE', 0), step: 'MINUTE' };
}

const CALLS = `query ($s: String!, $d: Duration!) {
  calls: execExpression(expression: "sum(service_cpm)", entity: { serviceName: $s, normal: true }, duration: $d) {
    error results { values { value } }
  }
}`;

/** Calls of a service in the last ten minutes; throws what the node says against it. */
export async function callsOf(url: string, service: string): Promise<number> {
  const { data, errors } = await graphql(url, CALLS, { s: service, d: lastMinutes(10) });
  if (errors) throw new Error(errors.map((e) => e.message).join('; '));
  const { error, results } = data!['calls'] as {
    readonly error: string | null;
    readonly results: readonly { readonly values: readonly { readonly value: string | null }[] }[];
  };
  if (error !== null) throw new Error(error);
  return Number(results[0]?.values[0]?.value ?? 0);
}
