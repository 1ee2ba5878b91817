// SPDX-License-Identifier: Apache-2.0
// `oap demo`: two clouds and one federation tier on embedded storage, three small applications under real agents, steady traffic, and a
// live view. One process per node; killed ones come back; at the end nothing is left: no process, no file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@oap-federation/runtime';
import { freePort } from '../ports.js';
import { DemoChild, type ChildSpec } from './children.js';
import { askCalls, askServices } from './poll.js';
import { render, type Picture, type ServiceValues, type SourceState } from './view.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../..');
const MAIN = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../main.js');
const HOST = '127.0.0.1';
const SERVICES = ['shop', 'stock'];
const LEAVES = ['cloud-c', 'cloud-n'] as const;
const UPPER = 'federation';
const START_DEADLINE_MS = 90_000; // the embedded database initialises itself on the first start
const VIEW_PERIOD_MS = 2_000;
const PLAIN_PERIOD_MS = 15_000;
const OPEN_MINUTE_AGE_MS = 15_000;

export interface DemoOptions {
  /** Stop by itself after so many seconds; undefined runs until the signal. */
  readonly seconds: number | undefined;
  readonly requestsPerSecond: number;
}

export interface DemoDeps {
  readonly clock: Clock;
  readonly out: NodeJS.WriteStream;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Ends waits early when something changed. */
class Changes {
  #next = new AbortController();

  readonly ring = (): void => {
    this.#next.abort();
    this.#next = new AbortController();
  };

  /** Aborts with the next change after this call. */
  next(): AbortSignal {
    return this.#next.signal;
  }
}

interface Ports {
  readonly grpc: number;
  readonly rest: number;
}

/** Runs the demo; resolves to the exit status when it was stopped and everything is gone. */
export async function runDemo(options: DemoOptions, { clock, out, signal }: DemoDeps): Promise<number> {
  const directory = mkdtempSync(path.join(tmpdir(), 'oap-demo-'));
  const children: DemoChild[] = [];
  const changes = new Changes();
  const say = (line: string) => out.write(`${line}\n`);
  try {
    const ports = new Map<string, Ports>();
    for (const tier of [...LEAVES, UPPER]) ports.set(tier, { grpc: await freePort(HOST), rest: await freePort(HOST) });
    const apps = { 'shop-c': await freePort(HOST), 'stock-c': await freePort(HOST), 'shop-n': await freePort(HOST) };
    const url = (tier: string) => `http://${HOST}:${ports.get(tier)!.rest}`;
    const start = async (spec: ChildSpec) => {
      if (signal.aborted) return false;
      say(`starting ${spec.name} ...`);
      const child = new DemoChild(spec, directory, clock, changes.ring);
      children.push(child);
      if (await child.start(START_DEADLINE_MS)) return true;
      if (!signal.aborted) say(`${spec.name} did not start; its last lines:\n${child.tail()}`);
      return false;
    };
    const specs: ChildSpec[] = [
      nodeSpec(UPPER, ports, directory),
      ...LEAVES.map((leaf) => nodeSpec(leaf, ports, directory)),
      appSpec('stock-c', 'stock', apps['stock-c'], undefined, ports.get('cloud-c')!.grpc),
      appSpec('shop-c', 'shop', apps['shop-c'], `http://${HOST}:${apps['stock-c']}`, ports.get('cloud-c')!.grpc),
      appSpec('shop-n', 'shop', apps['shop-n'], undefined, ports.get('cloud-n')!.grpc),
      trafficSpec([apps['shop-c'], apps['shop-n']], options.requestsPerSecond),
    ];
    for (const spec of specs) if (!(await start(spec))) return signal.aborted ? 0 : 1;
    await show(options, { clock, out, signal }, children, changes, url);
    return 0;
  } finally {
    say('stopping ...');
    // traffic and applications first, then leaves, then the federation tier: nothing is cut off in the middle
    for (const child of children.toReversed()) await child.stop();
    rmSync(directory, { recursive: true, force: true });
    say('nothing is left running');
  }
}

function nodeSpec(tier: string, ports: ReadonlyMap<string, Ports>, directory: string): ChildSpec {
  const { grpc, rest } = ports.get(tier)!;
  return {
    name: tier,
    args: [MAIN, 'start', '-c', path.join(ROOT, `deploy/examples/${tier}.yml`)],
    env: {
      SW_CORE_GRPC_PORT: String(grpc),
      SW_CORE_REST_PORT: String(rest),
      SW_STORAGE_EMBEDDED_DATA_DIR: path.join(directory, tier),
      SW_CORE_PERSISTENT_PERIOD: '2',
      SW_FEDERATION_TIER: tier,
      ...(tier === UPPER ? {} : { SW_FEDERATION_UPSTREAMS: `${HOST}:${ports.get(UPPER)!.grpc}` }),
    },
    ready: async () => (await fetch(`http://${HOST}:${rest}/healthcheck`, { signal: AbortSignal.timeout(1_000) })).ok,
  };
}

function appSpec(
  name: string,
  service: string,
  port: number,
  upstream: string | undefined,
  agentPort: number,
): ChildSpec {
  return {
    name,
    args: [path.join(ROOT, 'deploy/demo/app.cjs')],
    env: {
      NAME: service,
      PORT: String(port),
      ...(upstream === undefined ? {} : { UPSTREAM: upstream }),
      SW_AGENT_NAME: service,
      SW_AGENT_INSTANCE: name,
      SW_AGENT_COLLECTOR_BACKEND_SERVICES: `${HOST}:${agentPort}`,
      SW_AGENT_LOGGING_LEVEL: 'error',
    },
    ready: async () => (await fetch(`http://${HOST}:${port}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok,
  };
}

function trafficSpec(appPorts: readonly number[], requestsPerSecond: number): ChildSpec {
  return {
    name: 'traffic',
    args: [
      path.join(ROOT, 'deploy/demo/traffic.mjs'),
      '--rate',
      String(requestsPerSecond),
      ...appPorts.map((port) => `http://${HOST}:${port}`),
    ],
    env: {},
    ready: async () => true,
  };
}

async function show(
  options: DemoOptions,
  { clock, out, signal }: DemoDeps,
  children: readonly DemoChild[],
  changes: Changes,
  url: (tier: string) => string,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  const firstMinuteMs = Math.floor(clock.now() / 60_000) * 60_000;
  const live = out.isTTY;
  let shownLines = 0;
  const endMs = options.seconds === undefined ? Number.POSITIVE_INFINITY : startedMs + options.seconds * 1_000;
  while (!signal.aborted && clock.monotonicMs() < endMs) {
    const changed = changes.next(); // from here on: what happens during the polls is shown next
    const picture = await poll(clock, url, children, startedMs, firstMinuteMs);
    const lines = render(picture, live);
    if (live && shownLines > 0) out.write(`\u001b[${shownLines}A\u001b[J`);
    out.write(`${lines.join('\n')}\n`);
    shownLines = lines.length;
    await clock.sleep(
      Math.min(live ? VIEW_PERIOD_MS : PLAIN_PERIOD_MS, Math.max(0, endMs - clock.monotonicMs())),
      AbortSignal.any([signal, changed]),
    );
  }
}

async function poll(
  clock: Clock,
  url: (tier: string) => string,
  children: readonly DemoChild[],
  startedMs: number,
  firstMinuteMs: number,
): Promise<Picture> {
  const nowMs = clock.now();
  // until something is sealed: the open minute, or the one before while the open one has hardly begun
  const openMinute = Math.floor((nowMs - OPEN_MINUTE_AGE_MS) / 60_000) * 60_000;
  // which minute is sealed everywhere is what the federation tier says
  const upper = await askServices(url(UPPER), SERVICES, openMinute);
  const sealedTo = sealedToMs(upper?.sources);
  const sealed = sealedTo !== undefined && sealedTo > firstMinuteMs;
  const minuteMs = sealed ? sealedTo - 60_000 : openMinute;
  const tiers = [...LEAVES, UPPER];
  const answers = await Promise.all(tiers.map((tier) => askServices(url(tier), SERVICES, minuteMs)));
  const services = new Map(
    SERVICES.map((service) => {
      const byTier = new Map<string, ServiceValues>();
      tiers.forEach((tier, i) => {
        const values = answers[i]?.values.get(service);
        if (values) byTier.set(tier, values);
      });
      return [service, byTier];
    }),
  );
  return {
    nowMs,
    upMs: clock.monotonicMs() - startedMs,
    minuteMs,
    sealed,
    tiers,
    services,
    sources: upper?.sources,
    processes: children.map(({ name, pid, state, restarts }) => ({ name, pid, state, restarts })),
    urls: tiers.map((tier) => `  ${tier.padEnd(11)} ${url(tier)}/graphql   ${url(tier)}/status/tier`),
    ledger: sealed ? await ledger(url, firstMinuteMs, minuteMs) : undefined,
  };
}

function sealedToMs(sources: readonly SourceState[] | undefined): number | undefined {
  if (!sources || sources.length === 0 || sources.some((source) => source.completeToMs === undefined)) return undefined;
  return Math.min(...sources.map((source) => source.completeToMs!));
}

async function ledger(url: (tier: string) => string, fromMs: number, toMs: number): Promise<Picture['ledger']> {
  const [federated, ...leaves] = await Promise.all(
    [UPPER, ...LEAVES].map((tier) => askCalls(url(tier), SERVICES, fromMs, toMs)),
  );
  if (federated === undefined || leaves.some((calls) => calls === undefined)) return undefined;
  return {
    leaves: new Map(LEAVES.map((leaf, i) => [leaf, leaves[i]!])),
    federated,
    minutes: Math.round((toMs - fromMs) / 60_000) + 1,
  };
}
