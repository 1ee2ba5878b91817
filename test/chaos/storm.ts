// SPDX-License-Identifier: Apache-2.0
// The storm: one loop per process and per link, all at once, each hitting its own victim in whatever it is doing. In: a world that works.
// Out: counts, and the same world with every fault taken back. Now and then all of them hold still, so that data gets through.
import type { CrashPoint } from '@oap-federation/runtime';
import { healthy, sleep, withDatabase } from '../e2e/harness.js';
import { isAlive, isStopped, type FaultProxy, type Postgres } from '../services/index.js';
import { readFileSync } from 'node:fs';
import type { Tally } from './tally.js';
import type { ChaosNode, Tier, TierName, World } from './world.js';

const between = (min: number, max: number) => min + Math.random() * (max - min);
const chance = (p: number) => Math.random() < p;

const CALM_EVERY_MS = 30_000;
const CALM_MS = 3_000;
const ROLLING_EVERY_MS = 75_000;
const POLL_MS = 40;
const HEALTHY_WITHIN_MS = 30_000;
const STARTING_MAX = 2;
const CRASHES_WITHIN_MS = 12_000;
const OUTAGE_MS = 15_000;

/** How often at most a point is passed before the process dies there: later ones have more behind them. */
const NTH_MAX: Readonly<Record<string, number>> = {
  l1: 12,
  slot: 16,
  flush: 4,
  outbox: 2,
  receiver: 12,
  forwarder: 10,
};

/** Between two statements of an open transaction. */
const IN_TRANSACTION: ReadonlySet<CrashPoint> = new Set([
  'flush.fenced',
  'flush.rowsWritten',
  'flush.marksWritten',
  'flush.beforeCommit',
]);

export interface StormOptions {
  /** Wanted per second, of every kind: lives get shorter while it is behind. */
  readonly killsPerSecond: number;
  /** These crash points come first until each was hit. */
  readonly required: (point: CrashPoint) => boolean;
  /** At least so long, in seconds. */
  readonly seconds: number;
  /** Goes on beyond `seconds`, up to `secondsMax`, until this says enough. */
  readonly enough: () => boolean;
  readonly secondsMax: number;
}

/** What several hold at once; it is held until all have let go. */
class Held<T> {
  readonly #by = new Map<T, number>();

  hold(what: T): void {
    this.#by.set(what, (this.#by.get(what) ?? 0) + 1);
  }

  release(what: T): void {
    this.#by.set(what, this.#by.get(what)! - 1);
  }

  has(what: T): boolean {
    return (this.#by.get(what) ?? 0) > 0;
  }
}

export class Storm {
  readonly #world: World;
  readonly #tally: Tally;
  readonly #options: StormOptions;
  readonly #startedMs = Date.now();
  #starting = 0;
  /** How long a node took lately until it was healthy. */
  #startMs = 1_000;
  /** Nodes whose next end is a SIGTERM: a rolling restart under way. */
  readonly #rolling = new Set<string>();
  /** How long the log of each node was when it was last started. */
  readonly #logged = new Map<ChaosNode, number>();
  /** What is armed in processes that run now. */
  readonly #armed = new Map<ChaosNode, CrashPoint>();
  /** Links that are down for long, so that outboxes fill. */
  readonly #outages = new Held<FaultProxy>();
  /** Tiers whose PostgreSQL is spared meanwhile: a new claim would begin without knowing the tier above. */
  readonly #spared = new Held<TierName>();
  #rollingDueMs = Date.now() + 15_000;

  constructor(world: World, tally: Tally, options: StormOptions) {
    this.#world = world;
    this.#tally = tally;
    this.#options = options;
  }

  get seconds(): number {
    return (Date.now() - this.#startedMs) / 1_000;
  }

  get over(): boolean {
    const { seconds, secondsMax, enough } = this.#options;
    return this.seconds >= secondsMax || (this.seconds >= seconds && enough());
  }

  /** Resolves when the storm is over and every lane has taken back its own faults; nodes may be down or armed then. */
  async run(): Promise<void> {
    const { nodes, tiers, links } = this.#world;
    await Promise.all([
      ...nodes.map((node) => this.#nodeLane(node)),
      ...Object.values(tiers).map((tier) => this.#postgresLane(tier)),
      ...links.map((link) => this.#linkLane(link)),
      this.#zookeeperLane(),
    ]);
  }

  /** Starts again, unarmed, whatever is down or armed. Resolves when all are healthy. */
  async heal(): Promise<void> {
    const { tiers, nodes } = this.#world;
    for (const { postgres } of Object.values(tiers)) if (!isAlive(postgres.pid)) await postgres.restart();
    for (const node of nodes) {
      const { proc } = node;
      // it may stop itself on its way out
      const awake = setInterval(() => signal(proc.pid, 'SIGCONT'), POLL_MS);
      if (proc.running && this.#armed.has(node)) await proc.end('SIGTERM');
      clearInterval(awake);
      this.#armed.delete(node);
      if (!proc.running) proc.start();
    }
    for (const { proc } of nodes) await healthy(proc);
  }

  /** False when it was over before. */
  async #pass(ms: number): Promise<boolean> {
    const end = Date.now() + ms;
    while (Date.now() < end || this.#calm) {
      if (this.over) return false;
      await sleep(Math.min(POLL_MS * 2, Math.max(1, end - Date.now())));
    }
    return !this.over;
  }

  get #calm(): boolean {
    return (Date.now() - this.#startedMs) % CALM_EVERY_MS > CALM_EVERY_MS - CALM_MS;
  }

  // --- nodes -----------------------------------------------------------------------------------------------------------

  async #nodeLane(node: ChaosNode): Promise<void> {
    let young = false;
    for (;;) {
      await this.#live(node, young);
      if (this.over) return;
      await sleep(between(0, 400));
      // on a busy machine all of them starting at once would take longer than any of them lives
      while (this.#starting >= STARTING_MAX) await sleep(POLL_MS);
      if (this.over) return;
      this.#starting++;
      this.#start(node);
      young = chance(0.07); // killed while it starts
      const up = becomesHealthy(node);
      const startedMs = Date.now();
      await this.#running(node, young ? between(50, 1_500) : HEALTHY_WITHIN_MS, () => up.yes);
      if (up.yes) this.#startMs = 0.8 * this.#startMs + 0.2 * (Date.now() - startedMs);
      this.#starting--;
    }
  }

  /** Below 1 while there were fewer kills than wanted: by it, times are shortened. */
  get #pace(): number {
    const wanted = Math.max(1, this.seconds * this.#options.killsPerSecond);
    return Math.min(1, Math.max(0.4, (this.#tally.killed / wanted) ** 2));
  }

  #start(node: ChaosNode): void {
    this.#logged.set(node, node.proc.log().length);
    const point = chance(0.7) ? this.#choose(node.points) : undefined;
    if (point === undefined) {
      this.#armed.delete(node);
      node.proc.start();
      return;
    }
    const nth = 1 + Math.floor(Math.random() * NTH_MAX[point.split('.')[0]!]!);
    const freezes = IN_TRANSACTION.has(point) && chance(this.#tally.nodesPausedInTransaction === 0 ? 0.3 : 0.15);
    this.#armed.set(node, point);
    // a point that was never hit yet is taken at its first passage
    const soon = this.#tally.crashPoints.get(point) === 0;
    node.proc.start({
      OAP_TEST_CRASH_POINT: `${point}:${soon ? 1 : nth}:${freezes ? 'SIGSTOP' : 'SIGKILL'}`,
      OAP_TEST_ENDS_THIS_PROCESS: 'yes',
    });
  }

  /** One that was never hit, mostly; those that are armed elsewhere come later, those that take an outage one at a time. */
  #choose(points: readonly CrashPoint[]): CrashPoint {
    const armed = new Set(this.#armed.values());
    const siege = points.filter((point) => point.startsWith('outbox.') && !this.#tally.crashPoints.get(point));
    const oneUnderWay = [...armed].some((point) => point.startsWith('outbox.'));
    const hasTime = this.#options.seconds > 3 * (OUTAGE_MS / 1_000);
    if (hasTime && siege.length > 0 && !oneUnderWay && chance(0.1)) return siege[0]!;
    const missing = this.#tally.missing(this.#options.required).filter((point) => points.includes(point));
    const free = missing.filter((point) => !armed.has(point));
    const quick = points.filter((point) => !point.startsWith('outbox.'));
    const from = missing.length === 0 || chance(0.2) ? quick : free.length > 0 ? free : missing;
    return from[Math.floor(Math.random() * from.length)]!;
  }

  /** The life of a process, to its end; it may still run when the storm is over. */
  async #live(node: ChaosNode, young: boolean): Promise<void> {
    const { proc } = node;
    // one that will crash by itself gets the time to come to its point; where starts take long lives do, or nobody would be up
    const point = this.#armed.get(node);
    if (point?.startsWith('outbox.') === true && !young) {
      await this.#running(node, 4_000 + this.#startMs);
      await this.#besiege(node);
    } else if (!young) {
      const short = between(300, 3_000) * this.#pace + between(0.3, 1) * this.#startMs;
      await this.#running(node, point === undefined ? short : CRASHES_WITHIN_MS + 2 * this.#startMs);
    }
    while (proc.running && this.#calm && !this.over) await this.#running(node, 100);
    if (proc.running && !this.over && chance(0.12)) {
      this.#tally.nodesPaused++;
      const { pid } = proc;
      signal(pid, 'SIGSTOP');
      await sleep(chance(0.2) ? between(3_000, 7_000) : between(300, 2_000));
      signal(pid, 'SIGCONT');
      await this.#running(node, between(200, 2_000)); // it wakes up and believes that nothing happened
    }
    if (!proc.running) {
      this.#endedByItself(node);
      return;
    }
    if (this.over) return;
    if (this.#rollingDue(node)) {
      this.#tally.nodesRestarted++;
      await proc.end('SIGTERM');
    } else {
      this.#tally.kills[node.kind]++;
      await proc.end('SIGKILL');
    }
  }

  /** Takes the tier above away for so long that entries wait without a number, and are folded; then gives it back. */
  async #besiege(node: ChaosNode): Promise<void> {
    const [rootLink, ...midLinks] = this.#world.links;
    const links = node.kind === 'mid' ? [rootLink!] : midLinks;
    this.#tally.links.outage++;
    this.#spared.hold(node.tier);
    for (const link of links) {
      this.#outages.hold(link);
      link.mode = 'refuse';
      link.cutAll();
    }
    await this.#running(node, this.#armed.get(node) === 'outbox.folded' ? OUTAGE_MS * 3 : OUTAGE_MS);
    for (const link of links) {
      this.#outages.release(link);
      if (!this.#outages.has(link)) link.mode = 'forward';
    }
    this.#spared.release(node.tier);
    await this.#running(node, 5_000); // what waited gets its numbers
  }

  /** Waits while the process runs, for at most `ms`; a process that stopped itself inside a transaction is woken after a while. */
  async #running({ proc }: ChaosNode, ms: number, until: () => boolean = () => false): Promise<void> {
    const end = Date.now() + ms;
    while (proc.running && Date.now() < end && !until() && !this.over) {
      if (isStopped(proc.pid)) {
        this.#tally.nodesPausedInTransaction++;
        await sleep(chance(0.3) ? between(3_000, 7_000) : between(300, 2_000));
        signal(proc.pid, 'SIGCONT');
      }
      await sleep(POLL_MS);
    }
  }

  #endedByItself(node: ChaosNode): void {
    const point = this.#armed.get(node);
    const tail = node.proc.log().trimEnd().split('\n').slice(-5).join('\n');
    if (point !== undefined && node.proc.ending === 'SIGKILL' && tail.includes(`{"crashPoint":"${point}"`)) {
      this.#tally.kills[node.kind]++;
      this.#tally.crashedAt(point);
      return;
    }
    const life = node.proc.log().slice(this.#logged.get(node) ?? 0);
    if (node.proc.ending === 'status 1' && !life.includes('"msg":"ready"')) {
      const said = life.trimEnd().split('\n').at(-1)!.slice(0, 100);
      this.#tally.startsGivenUp.set(said, (this.#tally.startsGivenUp.get(said) ?? 0) + 1);
      return;
    }
    this.#tally.unexpected.push(`${node.name} ended by itself with ${node.proc.ending}:\n${tail}`);
  }

  #rollingDue(node: ChaosNode): boolean {
    if (Date.now() > this.#rollingDueMs && this.#rolling.size === 0) {
      this.#rollingDueMs = Date.now() + ROLLING_EVERY_MS;
      for (const { name } of this.#world.nodes) this.#rolling.add(name);
    }
    return this.#rolling.delete(node.name);
  }

  // --- what nodes rely on ----------------------------------------------------------------------------------------------

  async #postgresLane({ name, postgres }: Tier): Promise<void> {
    const { disk } = this.#world;
    const onDisk = name === 'mid';
    let first = true;
    while (await this.#pass(first ? between(500, 3_000) : between(2_000, 8_000) * this.#pace)) {
      if (this.#spared.has(name)) continue;
      if (onDisk && typeof disk !== 'string' && (first || chance(0.25))) {
        await this.#fillDisk(postgres);
      } else if (chance(0.25)) {
        const open = await transactionOpens(postgres);
        postgres.pause();
        this.#tally.postgresPaused++;
        if (open) this.#tally.postgresPausedInTransaction++;
        await sleep(chance(0.3) ? between(3_000, 7_000) : between(300, 2_000));
        postgres.resume();
      } else {
        this.#tally.kills.postgres++;
        await postgres.kill9();
        await sleep(between(0, 1_000));
        await postgres.restart();
      }
      first = false;
    }
  }

  /** Takes the last byte until a write of the server failed for it, holds that for a while, and gives the space back. A panic is a kill. */
  async #fillDisk(postgres: Postgres): Promise<void> {
    const { disk } = this.#world;
    if (typeof disk === 'string') return;
    const refusals = () => readFileSync(postgres.logFile, 'utf8').split('No space left on device').length - 1;
    const before = refusals();
    const end = Date.now() + 6_000;
    try {
      while (Date.now() < end && refusals() === before && isAlive(postgres.pid)) {
        disk.fill(); // again: the server frees some, by checkpoints
        await writeLog(postgres);
      }
      if (refusals() > before) this.#tally.diskFull++;
      await sleep(between(500, 2_000));
    } finally {
      disk.free();
    }
    // it panics when it cannot write its log, and comes back by itself unless it gave up
    await sleep(500);
    if (!isAlive(postgres.pid)) await postgres.restart();
  }

  async #zookeeperLane(): Promise<void> {
    const { zookeeper } = this.#world;
    for (let turn = 0; await this.#pass(between(6_000, 14_000)); turn++) {
      if (turn % 3 === 0) {
        this.#tally.kills.zookeeper++;
        await zookeeper.kill9();
        await sleep(between(0, 4_000));
        await zookeeper.restart();
      } else if (turn % 3 === 1) {
        this.#tally.zookeeperPaused++;
        zookeeper.pause();
        await sleep(between(500, 6_000));
        zookeeper.resume();
      } else {
        this.#tally.zookeeperRestarted++;
        await zookeeper.restart();
      }
    }
  }

  async #linkLane(link: FaultProxy): Promise<void> {
    const { links } = this.#tally;
    const heldUp = async (mode: FaultProxy['mode']) => {
      link.mode = mode;
      await sleep(between(300, 2_500));
      link.mode = this.#outages.has(link) ? 'refuse' : 'forward';
      link.cutAll(); // what was lost in the hole would break the framing
    };
    const faults = [
      async () => {
        links.cut++;
        link.cutAll();
      },
      async () => {
        links.cutMidFrame++;
        link.cutMidFrame(Math.floor(Math.random() * 200));
      },
      async () => {
        links.blackHole++;
        await heldUp('blackhole');
      },
      async () => {
        links.oneWay++;
        await heldUp(chance(0.7) ? 'clientToServer' : 'serverToClient'); // the first: batches arrive, acknowledgements do not
      },
      async () => {
        links.delay++;
        link.delayMs = between(50, 800);
        await sleep(between(1_000, 3_000));
        link.delayMs = 0;
      },
    ];
    while (await this.#pass(between(1_000, 5_000))) {
      if (!this.#outages.has(link)) await faults[Math.floor(Math.random() * faults.length)]!();
    }
  }
}

/** To a process that may be gone by now. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks until it says so or is gone; `yes` then. */
function becomesHealthy({ proc }: ChaosNode): { readonly yes: boolean } {
  const up = { yes: false };
  const { pid } = proc;
  void (async () => {
    while (proc.running && proc.pid === pid && !up.yes) {
      up.yes = await fetch(`${proc.restUrl}/healthcheck`, { signal: AbortSignal.timeout(1_000) }).then(
        (response) => response.ok,
        () => false,
      );
      await sleep(POLL_MS * 2);
    }
  })();
  return up;
}

/** Makes the server need new pieces of its write-ahead log, as nodes do in time. */
async function writeLog(postgres: Postgres): Promise<void> {
  const message = `SELECT pg_logical_emit_message(false, 'chaos', repeat('x', 3000000))`;
  await withDatabase(postgres.url, (client) => client.query(message)).catch(() => sleep(50)); // it fails in the end
}

/** Waits up to 2 s for a transaction of a node to be open. */
async function transactionOpens(postgres: Postgres): Promise<boolean> {
  try {
    return await withDatabase(postgres.url, async (client) => {
      for (let tries = 0; tries < 200; tries++) {
        const { rows } = await client.query(
          `SELECT 1 FROM pg_stat_activity WHERE xact_start IS NOT NULL AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()`,
        );
        if (rows.length > 0) return true;
        await sleep(10);
      }
      return false;
    });
  } catch {
    return false; // it is recovering
  }
}
