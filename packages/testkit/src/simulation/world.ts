// SPDX-License-Identifier: Apache-2.0
// One history: a random tree of tiers, traffic at its leaves, faults for a while, then peace. In: a seed. Out: what was violated, what
// had an effect, and a digest that the same seed gives again. Everything runs in this process, in virtual time.
import { NO_WATERMARK } from '@oap-federation/model';
import { randomInt, seededRng, uuidV7, type Rng } from '@oap-federation/runtime';
import { MemoryTierStore } from '../memory-store.js';
import { TierDatabase } from './database.js';
import { FaultCounter, type FaultCounts } from './faults.js';
import { Kernel, type Trace } from './kernel.js';
import type { Mutant } from './mutants.js';
import { SimulatedNetwork } from './network.js';
import {
  eventsOf,
  METRICS,
  NEW_METRICS,
  ORIGIN_SCOPES,
  SimulatedNode,
  type TierSettings,
  type TierView,
} from './node.js';
import { Oracle, type TierShape, type Violation } from './oracle.js';

export interface HistoryOptions {
  readonly seed: number;
  /** A tier runs the release before at first. */
  readonly upgrades?: boolean | undefined;
  /** The storages of two neighbours go back in time, one within seconds of the other. */
  readonly doubleRestores?: boolean | undefined;
  /** Forward buffers have little room, and give up what each tier's operator said. */
  readonly fullBuffers?: boolean | undefined;
  readonly mutant?: Mutant | undefined;
  readonly trace?: Trace | undefined;
}

export interface HistoryResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Of every event that was recorded; equal for equal seeds. */
  readonly digest: string;
  readonly events: number;
  readonly commits: number;
  readonly increments: number;
  readonly watermarkChecks: number;
  readonly faults: FaultCounts;
  /** Virtual time from the end of the faults until everything had arrived, ms. */
  readonly settledMs: number;
}

/** Longest virtual time from the last fault until everything must have arrived: a silent peer (15 s), then back-offs of up to 5 s. */
const SETTLE_MAX_MS = 240_000;
const HORIZON_MS = 15_000;
const CHECK_MS = 2_500;
/** Where losses are accepted: so soon that a log goes on, and is restored again, while there are faults. */
const STOPPED_RETRY_MS = 8_000;

export async function runHistory(options: HistoryOptions): Promise<HistoryResult> {
  const world = new World(options);
  await world.run();
  return world.result();
}

/** One tier: its database, its nodes, and the coordinator that tells them who owns what. */
class Tier {
  readonly settings: TierSettings;
  readonly database: TierDatabase;
  readonly addresses: readonly string[];
  readonly nodes = new Map<string, SimulatedNode>();
  offsetMs = 0;
  clockJumped = false;
  /** Addresses whose process runs the release before. */
  readonly old = new Set<string>();
  readonly #world: World;
  readonly #members = new Map<string, SimulatedNode>();
  #owners: string[];
  #version = 0;

  constructor(world: World, settings: TierSettings, addresses: readonly string[]) {
    this.#world = world;
    this.settings = settings;
    this.addresses = addresses;
    this.#owners = Array.from({ length: settings.slots }, () => '');
    const store = new MemoryTierStore(() => uuidV7(world.rng, world.kernel.wallMs()), settings.slots);
    store.omittedChecks = new Set(world.mutant?.omittedChecks ?? []);
    this.database = new TierDatabase(store, world.kernel, world.rng, world.faults);
    world.oracle.watch(settings.shape, store);
  }

  get name(): string {
    return this.settings.shape.name;
  }

  start(address: string): void {
    const { kernel, rng, network, oracle, mutant } = this.#world;
    const node = new SimulatedNode(address, this.settings, {
      kernel,
      rng,
      network,
      oracle,
      mutant,
      database: this.database,
      offsetMs: () => this.offsetMs,
      clockJumped: () => this.clockJumped,
      trafficFlows: () => this.#world.trafficFlows,
      isOld: this.old.has(address),
      onBlocked: () => this.#world.faults.effective('blocked'),
    });
    kernel.record('start', `${address} ${node.instanceId}`);
    this.nodes.set(address, node);
    this.#join(node);
  }

  #join(node: SimulatedNode): void {
    this.#world.kernel.after(50 + randomInt(this.#world.rng, 400), () => {
      if (node.process.state === 'dead' || this.#members.has(node.instanceId)) return;
      for (const member of this.#members.values())
        if (member.place.address === node.place.address) this.#members.delete(member.instanceId); // one process per address
      this.#members.set(node.instanceId, node);
      this.#assign(true);
    });
  }

  /** The node's session ends: it was killed, or it is silent for too long. */
  sessionLost(node: SimulatedNode, afterMs: number): void {
    this.#world.kernel.after(afterMs, () => {
      if (node.process.state === 'running' || !this.#members.delete(node.instanceId)) return;
      if (node.process.state === 'paused') this.expel(node);
      this.#assign(false);
    });
  }

  expel(node: SimulatedNode): void {
    node.expelled = true;
    this.#world.faults.effective('expelled');
  }

  resumed(node: SimulatedNode): void {
    if (!this.#members.has(node.instanceId)) this.#join(node);
  }

  /** Slots of members that are gone go to others; with `balance`, nobody has more than its share. */
  #assign(balance: boolean): void {
    const ids = [...this.#members.keys()];
    const share = Math.ceil(this.settings.slots / Math.max(1, ids.length));
    const load = new Map(ids.map((id) => [id, 0]));
    this.#owners = this.#owners.map((id) => {
      const has = load.get(id);
      if (has === undefined || (balance && has >= share)) return '';
      load.set(id, has + 1);
      return id;
    });
    this.#owners = this.#owners.map((id) => {
      if (id !== '') return id;
      const [least] = ids.toSorted((a, b) => load.get(a)! - load.get(b)!);
      if (least !== undefined) load.set(least, load.get(least)! + 1);
      return least ?? '';
    });
    this.#broadcast();
  }

  /** A slot moves; true when it had another owner. */
  move(slot: number, to: SimulatedNode): boolean {
    if (!this.#members.has(to.instanceId) || this.#owners[slot] === to.instanceId) return false;
    this.#owners[slot] = to.instanceId;
    this.#broadcast();
    return true;
  }

  #broadcast(): void {
    const view: TierView = {
      version: ++this.#version,
      members: [...this.#members.values()].map(({ instanceId, place }) => ({ instanceId, address: place.address })),
      owners: [...this.#owners],
    };
    this.#world.kernel.record('owners', `${this.name} ${view.owners.join(',')}`);
    for (const node of this.nodes.values())
      if (node.process.state !== 'dead')
        this.#world.kernel.after(randomInt(this.#world.rng, 300), () => node.tell(view));
  }
}

interface FaultChoice {
  readonly weight: number;
  readonly run: () => void;
}

class World {
  readonly rng: Rng;
  readonly kernel: Kernel;
  readonly network: SimulatedNetwork;
  readonly oracle: Oracle;
  readonly faults = new FaultCounter();
  readonly mutant: Mutant | undefined;
  readonly #seed: number;
  readonly #upgrades: boolean;
  readonly #doubleRestores: boolean;
  readonly #fullBuffers: boolean;
  readonly #tiers = new Map<string, Tier>();
  trafficFlows = true;
  #faultsUntilMs = 0;
  #settledMs = 0;
  #delayMaxMs = 10;
  #faulty = false;
  /** The tier whose storage may go back in time in this history, and whether a backup of it waits to be restored. */
  #restored: Tier | undefined;
  #backupWaits = false;

  constructor({ seed, mutant, trace, upgrades, doubleRestores, fullBuffers }: HistoryOptions) {
    this.#seed = seed;
    this.#upgrades = upgrades ?? mutant?.needs === 'upgrades';
    this.#doubleRestores = doubleRestores ?? mutant?.needs === 'doubleRestores';
    this.#fullBuffers = fullBuffers ?? mutant?.needs === 'fullBuffers';
    this.mutant = mutant;
    this.rng = seededRng(seed);
    // somewhere in a day, so that hours and days change in some histories
    this.kernel = new Kernel(Date.UTC(2026, 2, 4) + randomInt(this.rng, 86_400_000), trace);
    this.network = new SimulatedNetwork({
      kernel: this.kernel,
      delayMs: () => {
        if (this.#delayMaxMs > 100) this.faults.effective('delay');
        return 1 + this.rng.next() * this.#delayMaxMs;
      },
    });
    this.oracle = new Oracle(this.kernel, ORIGIN_SCOPES);
    this.oracle.mayBeSuspect = (tiers) => {
      const restored = this.#restored;
      return restored?.clockJumped === true && tiers.includes(restored.name);
    };
    this.oracle.mayLose = this.#doubleRestores || this.#fullBuffers;
    this.oracle.onShed = (how) => this.faults.effective(how);
  }

  result(): HistoryResult {
    const { oracle, kernel } = this;
    return {
      seed: this.#seed,
      violations: oracle.violations,
      digest: kernel.digest(),
      events: kernel.events,
      commits: oracle.commits,
      increments: oracle.increments,
      watermarkChecks: oracle.watermarkChecks,
      faults: this.faults.counts,
      settledMs: this.#settledMs,
    };
  }

  async run(): Promise<void> {
    const { kernel, oracle } = this;
    const failed = () => oracle.violations.length > 0;
    await this.#build();
    this.#faulty = true;
    this.#faultsUntilMs = 40_000 + randomInt(this.rng, 100_000);
    this.#scheduleFaults();
    await kernel.run(this.#faultsUntilMs, failed);
    this.#heal();
    await kernel.run(this.#faultsUntilMs + HORIZON_MS, failed);
    const horizon = oracle.horizon();
    let missing: readonly string[] = [];
    for (;;) {
      if (failed()) break;
      missing = [
        ...oracle.missing(horizon),
        ...this.#living().flatMap((n) => oracle.uncommitted(n.producer, n.tier)),
        ...this.#openWindows(),
      ];
      this.#settledMs = kernel.nowMs - this.#faultsUntilMs;
      if (missing.length === 0) break;
      if (this.#settledMs > SETTLE_MAX_MS) {
        for (const { nodes } of this.#tiers.values())
          for (const node of nodes.values()) kernel.record('state', node.describe());
        oracle.fail('stuck', '', `${SETTLE_MAX_MS / 1_000} s after the last fault: ${missing.slice(0, 6).join('; ')}`);
        break;
      }
      await kernel.run(kernel.nowMs + CHECK_MS, failed);
    }
    if (!failed()) oracle.finish(this.#living(), eventsOf);
    for (const { nodes } of this.#tiers.values()) for (const { process } of nodes.values()) process.kill();
  }

  #openWindows(): string[] {
    const nodes = [...this.#tiers.values()].flatMap((tier) => [...tier.nodes.values()]);
    return nodes.filter(({ l1 }) => l1 && l1.pressure() > 0).map(({ place }) => `${place.address} has an open window`);
  }

  #living(): { readonly tier: string; readonly producer: string }[] {
    return [...this.#tiers.values()].flatMap((tier) =>
      [...tier.nodes.values()].filter((n) => n.l1).map((n) => ({ tier: tier.name, producer: n.instanceId })),
    );
  }

  // --- the tree ------------------------------------------------------------------------------------------------------

  async #build(): Promise<void> {
    const { rng } = this;
    const slots = 1 + randomInt(rng, 3);
    const leaves = Array.from({ length: 2 + randomInt(rng, 3) }, (_, i) => `leaf${i}`);
    const wanted = 1 + randomInt(rng, Math.min(2, leaves.length));
    const middles = Array.from({ length: this.#doubleRestores ? 2 : wanted }, (_, i) => `mid${i}`);
    const parents = new Map<string, string>();
    leaves.forEach((leaf, i) => {
      // every middle has a leaf; the others go anywhere
      const at = i < middles.length ? i : randomInt(rng, middles.length + 1);
      parents.set(leaf, middles[at] ?? 'root');
    });
    middles.forEach((middle, i) =>
      parents.set(middle, i > 0 && rng.next() < (this.#doubleRestores ? 0.8 : 0.3) ? middles[i - 1]! : 'root'),
    );
    const leavesBelow = (tier: string): string[] =>
      leaves.filter((leaf) => {
        for (let at: string | undefined = leaf; at !== undefined; at = parents.get(at)) if (at === tier) return true;
        return false;
      });
    const names = ['root', ...middles, ...leaves];
    const addresses = new Map(
      names.map((name) => [name, Array.from({ length: rng.next() < 0.6 ? 2 : 1 }, (_, i) => `${name}-${i}:1`)]),
    );
    const allowedLatenessMs = [0, 30_000, 120_000][randomInt(rng, 3)]!;
    for (const name of names) {
      const parent = parents.get(name);
      const shape: TierShape = { name, parent, leaves: leavesBelow(name) };
      const persistentPeriodMs = [1_000, 2_500, 5_000][randomInt(rng, 3)]!;
      const settings: TierSettings = {
        shape,
        slots,
        persistentPeriodMs,
        l1PeriodMs: [1_500, 3_000, 6_000][randomInt(rng, 3)]!,
        allowedLatenessMs,
        traffic: 1 + randomInt(rng, 3),
        // a small queue must still drain a backlog within the time that settling may take
        queueBytesMax: rng.next() < 0.5 ? 64 * 1_024 : 3 * persistentPeriodMs,
        // in a third of the tiers each slot has a transaction of its own, and the next slots are prepared meanwhile
        rowsPerTransaction: persistentPeriodMs === 2_500 ? 1 : 10_000,
        hasChildren: !leaves.includes(name),
        upstreams: addresses.get(parent ?? '') ?? [],
        ...(this.#fullBuffers ? this.#smallBuffer() : {}),
        ...(this.#doubleRestores ? { stoppedRetryMs: STOPPED_RETRY_MS } : {}),
      };
      const tier = new Tier(this, settings, addresses.get(name)!);
      this.#tiers.set(name, tier);
      const { store } = tier.database;
      await store.prepareMetrics(METRICS);
      const children = names.filter((child) => parents.get(child) === name);
      await store.expectChildren(children.map((child) => ({ tier: child, sinceMinute: NO_WATERMARK })));
    }
    if (this.#upgrades) this.#planUpgrade();
    for (const tier of this.#tiers.values()) for (const address of tier.addresses) tier.start(address);
  }

  /** Room for some entries, and numbers come fast, so that they wait without one. */
  #smallBuffer(): Pick<TierSettings, 'outbound' | 'persistentPeriodMs' | 'l1PeriodMs' | 'traffic'> {
    const onFull = (['drop', 'coarsen', 'block'] as const)[randomInt(this.rng, 3)]!;
    const bytesMax = 25_000 + randomInt(this.rng, 50_000);
    return { outbound: { bytesMax, onFull }, persistentPeriodMs: 1_000, l1PeriodMs: 1_500, traffic: 3 };
  }

  /** One tier above the leaves begins with the release before; its nodes are upgraded one by one, the last when peace comes. */
  #planUpgrade(): void {
    const { rng, oracle, faults } = this;
    const uppers = [...this.#tiers.values()].filter(({ settings }) => settings.hasChildren);
    const tier = uppers[randomInt(rng, uppers.length)]!;
    oracle.upgrading = { tier: tier.name, metrics: NEW_METRICS };
    for (const address of tier.addresses) {
      tier.old.add(address);
      this.#later(5_000, 60_000, () => {
        if (!tier.old.delete(address)) return;
        this.kernel.record('fault', `upgrade ${address}`);
        faults.effective('upgrade');
        const node = tier.nodes.get(address);
        if (node) this.#kill(node);
      });
    }
  }

  // --- faults --------------------------------------------------------------------------------------------------------

  #scheduleFaults(): void {
    const { rng } = this;
    // swarm: each history has its own mixture, so that one kind does not hide another
    const all = this.#faultChoices().filter(() => rng.next() < 0.6);
    const choices = all.map((choice) => ({ ...choice, weight: choice.weight * (0.2 + rng.next()) }));
    const total = choices.reduce((sum, { weight }) => sum + weight, 0);
    const meanMs = 1_500 + rng.next() * 8_000;
    const next = () => {
      this.kernel.after(-Math.log(1 - rng.next()) * meanMs, () => {
        if (!this.#faulty) return;
        let at = rng.next() * total;
        for (const { weight, run } of choices) {
          at -= weight;
          if (at >= 0) continue;
          run();
          break;
        }
        next();
      });
    };
    if (choices.length > 0) next();
    if (this.#doubleRestores) this.#scheduleDoubleRestores();
    if (this.#fullBuffers) this.#scheduleAbsences();
  }

  /** Upstreams are away until more has numbers than may have, and what waits fills the buffer. */
  #scheduleAbsences(): void {
    const { rng, kernel, network } = this;
    this.#faultsUntilMs = Math.max(this.#faultsUntilMs, 100_000);
    for (const { name, settings } of this.#tiers.values()) {
      const { parent } = settings.shape;
      if (parent === undefined || rng.next() < 0.5) continue;
      this.#later(1, 20_000, () => {
        kernel.record('fault', `away ${name} ${parent}`);
        const end = kernel.nowMs + 50_000 + randomInt(rng, 50_000);
        const hold = () => {
          const isOver = kernel.nowMs >= end || !this.#faulty;
          network.block(name, parent, !isOver); // what else heals it meanwhile does not count
          if (!isOver) kernel.after(500, hold);
        };
        hold();
      });
    }
  }

  /** One or two pairs of restores, perhaps another when a loss was accepted, and an operator who accepts what cannot be had again. */
  #scheduleDoubleRestores(): void {
    const { rng, kernel } = this;
    const lowers = [...this.#tiers.values()].filter(
      ({ settings: { hasChildren, shape } }) => hasChildren && shape.parent !== undefined,
    );
    const lower = lowers[randomInt(rng, lowers.length)]!;
    const upper = this.#tiers.get(lower.settings.shape.parent!)!;
    for (let n = 1 + randomInt(rng, 2); n > 0; n--)
      this.#later(3_000, this.#faultsUntilMs, () => this.#rollBackBoth(lower, upper, 10_000));
    const look = () =>
      kernel.after(5_000, () => {
        for (const tier of this.#tiers.values())
          for (const node of tier.nodes.values())
            for (const slot of node.lostRanges()) {
              if (tier.database.store.peekOutbox(slot).lossAccepted) continue;
              kernel.record('operator', `accepts the loss of ${tier.name} ${slot}`);
              this.faults.effective('acceptedLoss');
              void tier.database.store.acceptLoss(slot);
              // a backup of before the log goes on has entries that will have other numbers
              if (tier === lower && rng.next() < 0.7) this.#rollBackBoth(lower, upper, 1);
            }
        look();
      });
    look();
  }

  /** Both storages go back; the backup of the lower one is at most so old. */
  #rollBackBoth(lower: Tier, upper: Tier, lowerWithinMs: number): void {
    const { kernel, oracle, faults } = this;
    if (this.#backupWaits) return;
    this.#backupWaits = true;
    let lostBoth = true;
    let restored = 0;
    for (const tier of [lower, upper])
      this.#later(1, tier === lower ? lowerWithinMs : 10_000, () => {
        const restore = this.#backUp(tier);
        const before = oracle.commitsOf(tier.name);
        kernel.record('fault', `backup ${tier.name}`);
        this.#later(10_000, 30_000, () => {
          const lost = oracle.commitsOf(tier.name) - before;
          kernel.record('fault', `rollback ${tier.name} ${lost}`);
          lostBoth &&= lost > 0;
          if (++restored === 2) {
            this.#backupWaits = false;
            if (lostBoth) faults.effective('doubleRollback');
          }
          restore();
        });
      });
  }

  /** What takes a tier back to now. */
  #backUp(tier: Tier): () => void {
    const { rng, oracle } = this;
    const { database, name } = tier;
    for (let slot = 0; slot < tier.settings.slots; slot++) database.store.peekOutbox(slot); // its logs exist in the backup
    const [restoreStore, restoreOracle] = [database.store.snapshot(), oracle.snapshot(name)];
    return () => {
      database.restore(() => {
        restoreStore();
        restoreOracle();
      });
      if (rng.next() < 0.5) for (const node of tier.nodes.values()) this.#kill(node);
      this.#later(500, 4_000, () => {
        database.faults.down = false;
      });
    };
  }

  /** Undoes a fault after a while, unless peace came before. */
  #later(minMs: number, maxMs: number, undo: () => void): void {
    this.kernel.after(minMs + randomInt(this.rng, maxMs - minMs), () => {
      if (this.#faulty) undo();
    });
  }

  #tier(): Tier {
    const tiers = [...this.#tiers.values()];
    return tiers[randomInt(this.rng, tiers.length)]!;
  }

  #node(tier = this.#tier()): SimulatedNode {
    const nodes = [...tier.nodes.values()];
    return nodes[randomInt(this.rng, nodes.length)]!;
  }

  #faultChoices(): FaultChoice[] {
    const { rng, kernel, network, faults } = this;
    const record = (kind: string, detail: string) => kernel.record('fault', `${kind} ${detail}`);
    const tierOf = (node: SimulatedNode) => this.#tiers.get(node.place.site)!;
    const counted = (before: number, kind: 'partition' | 'oneWayPartition') => {
      if (network.heldByPartition > before) faults.effective(kind);
    };
    return [
      { weight: 3, run: () => this.#kill(this.#node()) },
      {
        weight: 2,
        run: () => {
          const node = this.#node();
          if (node.process.state !== 'running') return;
          record('pause', node.place.address);
          const before = node.process.heldUp;
          node.process.pause();
          tierOf(node).sessionLost(node, 4_000 + randomInt(rng, 6_000));
          this.#later(500, 25_000, () => {
            if (node.process.heldUp > before) faults.effective('pause');
            node.process.resume();
            tierOf(node).resumed(node);
          });
        },
      },
      {
        weight: 2,
        run: () => {
          const tier = this.#tier();
          const { parent } = tier.settings.shape;
          if (parent === undefined) return;
          const oneWay = rng.next() < 0.4;
          const up = rng.next() < 0.5;
          record('partition', `${tier.name} ${parent} ${oneWay ? (up ? 'up' : 'down') : 'both'}`);
          const before = network.heldByPartition;
          if (!oneWay || up) network.block(tier.name, parent, true);
          if (!oneWay || !up) network.block(parent, tier.name, true);
          this.#later(1_000, 40_000, () => {
            counted(before, oneWay ? 'oneWayPartition' : 'partition');
            network.block(tier.name, parent, false);
            network.block(parent, tier.name, false);
          });
        },
      },
      {
        weight: 1,
        run: () => {
          const tier = this.#tier();
          const [a, b] = tier.addresses;
          if (a === undefined || b === undefined) return;
          record('partition', `${a} ${b}`);
          const before = network.heldByPartition;
          network.block(a, b, true);
          if (rng.next() < 0.5) network.block(b, a, true);
          this.#later(1_000, 30_000, () => {
            counted(before, 'partition');
            network.block(a, b, false);
            network.block(b, a, false);
          });
        },
      },
      {
        weight: 3,
        run: () => {
          const { address } = this.#node().place;
          const silent = rng.next() < 0.4;
          const count = network.cut(address, silent);
          record('cut', `${address} ${silent} ${count}`);
          if (count > 0) faults.effective(silent ? 'silentCut' : 'cut');
        },
      },
      {
        weight: 1,
        run: () => {
          this.#delayMaxMs = 200 + randomInt(rng, 4_000);
          record('delay', String(this.#delayMaxMs));
          this.#later(2_000, 20_000, () => {
            this.#delayMaxMs = 10;
          });
        },
      },
      {
        weight: 3,
        run: () => {
          const { name, database } = this.#tier();
          database.faults.failedCommits = rng.next() * 0.4;
          database.faults.ambiguousCommits = rng.next() * 0.4;
          record('commits', name);
          this.#later(2_000, 40_000, () => {
            database.faults.failedCommits = 0;
            database.faults.ambiguousCommits = 0;
          });
        },
      },
      {
        weight: 1,
        run: () => {
          const { name, database } = this.#tier();
          const kind = rng.next() < 0.5 ? 'down' : 'full';
          database.faults[kind] = true;
          record(kind, name);
          this.#later(1_000, 25_000, () => {
            database.faults[kind] = false;
          });
        },
      },
      {
        weight: 1.5,
        run: () => {
          const { name, database } = this.#tier();
          database.faults.slowMs = 100 + randomInt(rng, 6_000);
          record('slow', name);
          this.#later(2_000, 30_000, () => {
            database.faults.slowMs = 0;
          });
        },
      },
      {
        weight: 1,
        run: () => {
          const tier = this.#tier();
          const offsetMs = randomInt(rng, 120 * 60_000) - 60 * 60_000;
          record('clock', `${tier.name} ${offsetMs}`);
          tier.clockJumped = true;
          tier.offsetMs = rng.next() < 0.3 ? 0 : offsetMs;
          faults.effective('clockJump');
        },
      },
      {
        weight: 3,
        run: () => {
          const tier = this.#tier();
          const slot = randomInt(rng, tier.settings.slots);
          if (tier.move(slot, this.#node(tier))) faults.effective('rebalance');
        },
      },
      {
        weight: 3,
        run: () => {
          // often the root: it has no outbox, whose numbers would give a second owner away
          const tier = rng.next() < 0.4 ? this.#tiers.get('root')! : this.#tier();
          const node = this.#node(tier);
          const slot = randomInt(rng, tier.settings.slots);
          if (node.process.state !== 'running' || node.owner.owns(slot) || tier.addresses.length < 2) return;
          record('usurp', `${node.place.address} ${slot}`);
          node.usurped = [slot];
          node.applyView();
          faults.effective('twoOwners');
          this.#later(1_000, 20_000, () => {
            node.usurped = [];
            node.process.deliver(() => node.applyView());
          });
        },
      },
      ...(this.#doubleRestores ? [] : [{ weight: 2, run: () => this.#rollBack() }]),
    ];
  }

  /** A backup of a tier's storage is taken now and restored later, while the tier works on. */
  #rollBack(): void {
    const { rng, kernel, oracle, faults } = this;
    const uppers = [...this.#tiers.values()].filter(({ settings }) => settings.hasChildren);
    const tier = (this.#restored ??= uppers[randomInt(rng, uppers.length)]!);
    if (this.#backupWaits) return;
    this.#backupWaits = true;
    const { name } = tier;
    const restore = this.#backUp(tier);
    const before = oracle.commitsOf(name);
    kernel.record('fault', `backup ${name}`);
    this.#later(1_000, 30_000, () => {
      this.#backupWaits = false;
      const lost = oracle.commitsOf(name) - before;
      kernel.record('fault', `rollback ${name} ${lost}`);
      if (lost > 0) faults.effective('rollback');
      restore();
    });
  }

  #kill(node: SimulatedNode): void {
    const { rng, faults, kernel, network } = this;
    if (node.process.state === 'dead') return;
    const tier = this.#tiers.get(node.place.site)!;
    const { address } = node.place;
    const silent = rng.next() < 0.3; // the machine, not the process: nobody is told
    kernel.record('fault', `kill ${address} ${silent}`);
    faults.effective('kill');
    if (silent) network.cut(address, true);
    node.process.kill();
    tier.sessionLost(node, 4_000 + randomInt(rng, 6_000));
    this.#later(200, 25_000, () => this.#restart(tier, address));
  }

  #restart(tier: Tier, address: string): void {
    if (tier.nodes.get(address)?.process.state !== 'dead') return;
    this.faults.effective('restart');
    tier.start(address);
  }

  #heal(): void {
    this.kernel.record('heal', '');
    this.#faulty = false;
    this.trafficFlows = false;
    this.#delayMaxMs = 10;
    this.network.unblockAll();
    for (const tier of this.#tiers.values()) {
      tier.database.heal();
      for (const [address, node] of tier.nodes) {
        if (tier.old.delete(address) && node.process.state !== 'dead') {
          this.faults.effective('upgrade');
          node.process.kill();
          this.network.cut(address, false);
        }
        if (node.process.state === 'dead') this.#restart(tier, address);
        else if (node.process.state === 'paused') {
          node.process.resume();
          tier.resumed(node);
        }
        node.usurped = [];
        node.process.deliver(() => node.applyView());
      }
      tier.old.clear();
    }
  }
}
