// SPDX-License-Identifier: Apache-2.0
// A small tree of tiers without faults of its own: the production parts of one node per tier, as the server wires them, with the shipped
// OAL, over the simulator's network and clock. In: sources at the leaves, ways that are cut and healed. Out: stores to ask.
import { L1Aggregator, SlotOwner } from '@oap-federation/analysis';
import {
  forwarderConfig,
  openForwarder,
  openReceiver,
  receiverConfig,
  staticDiscovery,
  type FederationReceiver,
} from '@oap-federation/federation';
import { NO_WATERMARK, SCOPES, type ScopeName } from '@oap-federation/model';
import { compileDispatch, federationRoutes, type OalProgram } from '@oap-federation/oal';
import {
  MetricRegistry,
  seededRng,
  silentLogger,
  startPeriodic,
  uuidV7,
  type BugError,
  type Clock,
  type Rng,
} from '@oap-federation/runtime';
import { MemoryTierStore } from './memory-store.js';
import { Kernel, SimulatedProcess } from './simulation/kernel.js';
import { SimulatedNetwork } from './simulation/network.js';

export interface VirtualTierShape {
  readonly name: string;
  /** Undefined for the top. */
  readonly parent?: string;
  /** Takes sources itself. */
  readonly isLeaf: boolean;
  readonly program: OalProgram;
}

export interface VirtualFederationOptions {
  readonly seed: number;
  /** True time at the start, epoch ms. */
  readonly startMs: number;
  readonly slots: number;
  readonly tiers: readonly VirtualTierShape[];
}

// the server's defaults
const L1_PERIOD_MS = 500;
const PERSISTENT_PERIOD_MS = 1_000;
const ALLOWED_LATENESS_MS = 5_000;
const DELAY_MAX_MS = 40;

export class VirtualTier {
  readonly name: string;
  readonly store: MemoryTierStore;
  readonly process: SimulatedProcess;
  readonly owner: SlotOwner;
  /** Of leaves only. */
  readonly l1: L1Aggregator | undefined;

  private constructor(
    shape: VirtualTierShape,
    store: MemoryTierStore,
    { kernel, network, rng, slots, children }: VirtualTierDeps,
  ) {
    const { name, program } = shape;
    this.name = name;
    this.store = store;
    const instanceId = uuidV7(rng, kernel.wallMs());
    const address = addressOf(name);
    const place = { address, site: name };
    this.process = new SimulatedProcess(address, kernel, () => 0);
    const { clock } = this.process;
    const logger = silentLogger;
    const background = { clock, logger, onBug: fail };
    const schemas = [...program.schemas.values()];
    const byScope = new Map(
      SCOPES.map(({ name: scope }) => [scope, schemas.filter((schema) => schema.scope === scope)]),
    );
    const routes = federationRoutes(program);
    this.owner = new SlotOwner(
      {
        tier: name,
        instanceId,
        storageSessionTimeoutMs: 70_000,
        ttlDays: 7,
        maxFutureMinutes: 5,
        forwards: shape.parent !== undefined,
        originScopes: new Set<ScopeName>(children.length > 0 ? ['Service'] : []),
        queueBytesMax: 64 * 1024 * 1024,
        metricsOf: (scope) => byScope.get(scope) ?? [],
        resolve: (wire, kind) => (kind === 'local' ? program.schemas.get(wire.name) : routes.get(wire.name)?.schema),
        hasLocalSources: shape.isLeaf,
        rollupPeriodMs: 60_000,
        derivesHours: true,
      },
      { store, clock, logger, telemetry: new MetricRegistry(), liveInstances: () => [instanceId] },
    );
    const owners = Array.from({ length: slots }, () => instanceId);
    const self = { instanceId, address, self: true, attributes: {} };
    let receiver: FederationReceiver | undefined;
    if (children.length > 0)
      receiver = openReceiver(receiverConfig({ tier: name, slots, instanceId, address }), {
        intake: this.owner,
        store,
        routes: () => undefined,
        coordinator: {
          slotOwners: () => owners,
          queryModules: () => [self],
          watchSlots: () => () => {},
          watchModules: () => () => {},
        },
        clock,
        logger,
      });
    network.serve({ place, process: this.process, listener: receiver, intake: this.owner });
    if (shape.parent !== undefined)
      openForwarder(forwarderConfig({ tier: name, slots, instanceId, token: '' }), {
        store,
        intake: this.owner,
        clock,
        rng,
        logger,
        transport: network.transport(place, this.process),
        discovery: staticDiscovery([addressOf(shape.parent)]),
        schemas: schemas.map((schema) => schema.text),
        ...(receiver ? { tiersBelow: receiver } : {}),
      });
    if (shape.isLeaf) {
      const l1 = new L1Aggregator(
        { instanceId, slots, allowedLatenessMs: ALLOWED_LATENESS_MS, rowsMax: 100_000, pendingBatchesMax: 512 },
        {
          clock,
          rng,
          logger,
          telemetry: new MetricRegistry(),
          route: (slot) => (this.owner.owns(slot) ? this.owner : undefined),
          dispatch: compileDispatch(program, { apdexThresholdMs: () => 500 }),
        },
      );
      this.l1 = l1;
      startPeriodic('L1 flush', L1_PERIOD_MS, () => l1.flushWindow(), background);
    }
    this.owner.setDesiredSlots(owners.map((_, slot) => slot));
    startPeriodic('L2 flush', PERSISTENT_PERIOD_MS, () => this.owner.runRound(), background);
  }

  get clock(): Clock {
    return this.process.clock;
  }

  static async open(shape: VirtualTierShape, deps: VirtualTierDeps): Promise<VirtualTier> {
    const store = new MemoryTierStore(() => uuidV7(deps.rng, deps.kernel.wallMs()), deps.slots);
    await store.prepareMetrics([...shape.program.schemas.values()]);
    await store.expectChildren(deps.children.map((tier) => ({ tier, sinceMinute: NO_WATERMARK })));
    return new VirtualTier(shape, store, deps);
  }
}

interface VirtualTierDeps {
  readonly kernel: Kernel;
  readonly network: SimulatedNetwork;
  readonly rng: Rng;
  readonly slots: number;
  readonly children: readonly string[];
}

function addressOf(tier: string): string {
  return `${tier}-0:1`;
}

function fail(error: BugError): never {
  throw error;
}

export class VirtualFederation {
  readonly #kernel: Kernel;
  readonly #network: SimulatedNetwork;
  readonly #tiers: ReadonlyMap<string, VirtualTier>;

  private constructor(kernel: Kernel, network: SimulatedNetwork, tiers: ReadonlyMap<string, VirtualTier>) {
    this.#kernel = kernel;
    this.#network = network;
    this.#tiers = tiers;
  }

  static async open({ seed, startMs, slots, tiers }: VirtualFederationOptions): Promise<VirtualFederation> {
    const rng = seededRng(seed);
    const kernel = new Kernel(startMs);
    const network = new SimulatedNetwork({ kernel, delayMs: () => 1 + rng.next() * DELAY_MAX_MS });
    const opened = new Map<string, VirtualTier>();
    for (const shape of tiers) {
      const children = tiers.filter(({ parent }) => parent === shape.name).map(({ name }) => name);
      opened.set(shape.name, await VirtualTier.open(shape, { kernel, network, rng, slots, children }));
    }
    return new VirtualFederation(kernel, network, opened);
  }

  tier(name: string): VirtualTier {
    return this.#tiers.get(name)!;
  }

  /** True time, epoch ms. */
  wallMs(): number {
    return this.#kernel.wallMs();
  }

  /** Lets that much virtual time pass. */
  run(ms: number): Promise<void> {
    return this.#kernel.run(this.#kernel.nowMs + ms, () => false);
  }

  /** Nothing passes between two tiers any more, in either direction, and nobody is told; or it passes again. */
  cut(a: string, b: string, isCut: boolean): void {
    this.#network.block(a, b, isCut);
    this.#network.block(b, a, isCut);
  }
}
