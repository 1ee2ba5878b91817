// SPDX-License-Identifier: Apache-2.0
// One node of a simulated tier: the production parts (slot owner, L1, receiver, forwarder) wired as the server wires them, over the
// simulator's ports. In: what the world gives it. Out: a process that can be killed. The oracle sits at its doors.
import { L1Aggregator, SlotOwner } from '@oap-federation/analysis';
import {
  forwarderConfig,
  openForwarder,
  openReceiver,
  receiverConfig,
  staticDiscovery,
  type FederationReceiver,
  type Forwarder,
  type ReceiverDeps,
} from '@oap-federation/federation';
import {
  entityOf,
  metricSchema,
  minuteOf,
  type Entity,
  type IncrementBatch,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import { SourceRecord } from '@oap-federation/oal';
import {
  BugError,
  MetricRegistry,
  randomInt,
  startPeriodic,
  uuidV7,
  type LogFields,
  type Logger,
  type Rng,
} from '@oap-federation/runtime';
import type { TierDatabase } from './database.js';
import { SimulatedProcess, type Kernel } from './kernel.js';
import type { Door, Mutant, MutantContext } from './mutants.js';
import type { Place, SimulatedNetwork } from './network.js';
import type { Oracle, TierShape } from './oracle.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const ENDPOINT_CPM = metricSchema('endpoint_cpm', 'Endpoint', 'cpm');
export const METRICS: readonly MetricSchema[] = [
  CPM,
  metricSchema('service_resp_time', 'Service', 'longAvg'),
  metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
  metricSchema('service_slowest', 'Service', 'max'),
  ENDPOINT_CPM,
  metricSchema('endpoint_histogram', 'Endpoint', 'histogram', [100, 5]),
];
/** What a node of the release before does not know. */
export const NEW_METRICS: ReadonlySet<string> = new Set(['service_slowest', 'endpoint_histogram']);

/** The metrics of one release. */
class Release {
  readonly metrics: readonly MetricSchema[];
  readonly byName: ReadonlyMap<string, MetricSchema>;
  readonly #ofScope = new Map<ScopeName, readonly MetricSchema[]>();

  constructor(metrics: readonly MetricSchema[]) {
    this.metrics = metrics;
    this.byName = new Map(metrics.map((schema) => [schema.name, schema]));
    for (const { scope } of metrics)
      this.#ofScope.set(
        scope,
        metrics.filter((schema) => schema.scope === scope),
      );
  }

  readonly metricsOf = (scope: ScopeName): readonly MetricSchema[] => this.#ofScope.get(scope) ?? [];
}

const NEW_RELEASE = new Release(METRICS);
const OLD_RELEASE = new Release(METRICS.filter(({ name }) => !NEW_METRICS.has(name)));

export const ORIGIN_SCOPES: ReadonlySet<ScopeName> = new Set(['Service']);

const ENTITIES: readonly Entity[] = ['shop', 'cart', 'pay', 'mail'].flatMap((service) => [
  entityOf('Service', { service, normal: true, layer: 'GENERAL', name: '' }),
  entityOf('Endpoint', { service, normal: true, layer: 'GENERAL', name: '/list' }),
]);

/** What no history gives a reason for: databases here never go back in time. */
const UNEXPECTED = /^flush cycle failed|^the storage lost committed L1 batches|^the intake failed/;

const BLOCKED = /^the forward buffer is full/;

/** Events behind a batch: every event of a scope enters that scope's count once. */
export function eventsOf(batch: IncrementBatch): number {
  let events = 0;
  for (const { schema, ints } of batch.blocks)
    if (schema === CPM || schema === ENDPOINT_CPM) for (const value of ints[0]!) events += Number(value);
  return events;
}

/** What a coordinator told a node last: hints, perhaps old or wrong. */
export interface TierView {
  readonly version: number;
  readonly members: readonly { readonly instanceId: string; readonly address: string }[];
  readonly owners: readonly string[];
}

/** Settings of all nodes of a tier. */
export interface TierSettings {
  readonly shape: TierShape;
  readonly slots: number;
  readonly persistentPeriodMs: number;
  readonly l1PeriodMs: number;
  readonly allowedLatenessMs: number;
  /** Events per L1 window and node, about. */
  readonly traffic: number;
  readonly queueBytesMax: number;
  readonly rowsPerTransaction: number;
  readonly hasChildren: boolean;
  readonly upstreams: readonly string[];
  /** After how long a log that stands still asks again, where it is not the default. */
  readonly stoppedRetryMs?: number;
  /** Room in the forward buffer, where it is bounded. */
  readonly outbound?: { readonly bytesMax: number; readonly onFull: 'block' | 'coarsen' | 'drop' };
}

export interface NodeDeps {
  readonly kernel: Kernel;
  readonly rng: Rng;
  readonly network: SimulatedNetwork;
  readonly oracle: Oracle;
  readonly database: TierDatabase;
  readonly mutant: Mutant | undefined;
  /** How wrong the tier's clock is, ms. */
  readonly offsetMs: () => number;
  readonly clockJumped: () => boolean;
  readonly trafficFlows: () => boolean;
  /** It runs the release before, which lacks NEW_METRICS. */
  readonly isOld: boolean;
  readonly onBlocked: () => void;
}

export class SimulatedNode {
  readonly place: Place;
  readonly process: SimulatedProcess;
  readonly instanceId: string;
  /** Out of the membership once, while it lived: its promises bound nobody then. */
  expelled = false;
  view: TierView = { version: 0, members: [], owners: [] };
  /** Slots that it believes to own whatever the coordinator says. */
  usurped: readonly number[] = [];
  events = 0;
  readonly owner: SlotOwner;
  readonly l1: L1Aggregator | undefined;
  readonly #settings: TierSettings;
  readonly #deps: NodeDeps;
  readonly #viewListeners = new Set<() => void>();
  readonly #forwarder: Forwarder | undefined;
  /** How many slots it should own. */
  #wanted = 0;

  constructor(address: string, settings: TierSettings, deps: NodeDeps) {
    const { shape, slots } = settings;
    const { kernel, rng, network, oracle, database, mutant } = deps;
    const tier = shape.name;
    this.#settings = settings;
    this.#deps = deps;
    this.place = { address, site: tier };
    this.process = new SimulatedProcess(address, kernel, deps.offsetMs);
    this.instanceId = uuidV7(rng, kernel.wallMs());
    const { clock } = this.process;
    const logger = this.#logger();
    const background = { clock, logger, onBug: (error: BugError) => oracle.fail('bug', tier, error.message) };
    const release = deps.isOld ? OLD_RELEASE : NEW_RELEASE;
    const context = this.#context();
    const connected = database.connect(this.process);
    const store = mutant?.store?.(connected, context) ?? connected;
    this.owner = new SlotOwner(
      {
        tier,
        instanceId: this.instanceId,
        storageSessionTimeoutMs: 70_000,
        ttlDays: 7,
        maxFutureMinutes: 90, // clocks are up to an hour wrong here, and nothing may be parked
        forwards: shape.parent !== undefined,
        originScopes: settings.hasChildren ? ORIGIN_SCOPES : new Set(),
        queueBytesMax: settings.queueBytesMax,
        rowsPerTransaction: settings.rowsPerTransaction,
        metricsOf: release.metricsOf,
        resolve: (wire) => {
          const local = release.byName.get(wire.name);
          return local?.text === wire.text ? local : undefined;
        },
        hasLocalSources: shape.leaves.includes(tier),
        rollupPeriodMs: 60_000,
        ...(settings.outbound ? { outbound: settings.outbound } : {}),
        derivesHours: true,
      },
      {
        store,
        clock,
        logger,
        telemetry: new MetricRegistry(),
        liveInstances: () => this.view.members.map((member) => member.instanceId),
      },
    );
    let receiver: FederationReceiver | undefined;
    if (settings.hasChildren) {
      receiver = openReceiver(receiverConfig({ tier, slots, instanceId: this.instanceId, address }), {
        intake: this.#receiverIntake(mutant?.intake?.(this.owner, context) ?? this.owner),
        store,
        routes: () => undefined,
        coordinator: this.#coordinator(),
        clock,
        logger,
      });
    }
    if (mutant?.trustsClaims) {
      const { owner } = this;
      owner.watchOwnership(() => {
        for (const slot of owner.ownedSlots()) void owner.verify(slot, owner.claim(slot)!, 1);
      });
    }
    network.serve({ place: this.place, process: this.process, listener: receiver, intake: this.owner });
    if (shape.parent !== undefined) {
      const config = forwarderConfig({ tier, slots, instanceId: this.instanceId, token: '' });
      const { stoppedRetryMs = config.log.stoppedRetryMs } = settings;
      this.#forwarder = openForwarder(
        { ...config, log: { ...config.log, stoppedRetryMs } },
        {
          store,
          intake: this.owner,
          clock,
          rng,
          logger,
          transport: network.transport(this.place, this.process),
          discovery: staticDiscovery(settings.upstreams),
          schemas: release.metrics.map((schema) => schema.text),
          ...(receiver ? { tiersBelow: receiver } : {}),
        },
      );
    }
    this.l1 = shape.leaves.includes(tier) ? this.#openL1(logger, background) : undefined;
    let idleRounds = 0;
    const round = () => {
      // a round that finds nothing to do asks the database all the same: one in four is enough here
      const { owner } = this;
      const isIdle = owner.queuedBytes === 0 && owner.ownedSlots().length === this.#wanted;
      idleRounds = isIdle ? idleRounds + 1 : 0;
      return isIdle && idleRounds % 4 !== 0 ? undefined : this.owner.runRound();
    };
    startPeriodic('L2 flush', settings.persistentPeriodMs, round, background);
  }

  /** Slots whose log cannot go on because the upstream needs what is gone. */
  lostRanges(): number[] {
    if (this.process.state !== 'running') return [];
    const logs = this.#forwarder?.status().logs ?? [];
    return logs.filter(({ state }) => state === 'LOST_RANGE').map(({ slot }) => slot);
  }

  /** Where its slots and logs stand, for a history that does not settle. */
  describe(): string {
    const logs = this.#forwarder?.status().logs ?? [];
    const texts = logs.map(
      (l) => `${l.slot} ${l.state} ${l.detail} to ${l.upstream}: ${l.acknowledgedSeq}+${l.inFlight}`,
    );
    return `${this.place.address} owns [${this.owner.ownedSlots().join()}] logs {${texts.join('; ')}}`;
  }

  // --- membership ----------------------------------------------------------------------------------------------------

  /** The coordinator's news reach this node. */
  tell(view: TierView): void {
    this.process.deliver(() => {
      if (view.version < this.view.version) return; // a coordinator's watch reads the newest state
      this.view = view;
      this.applyView();
    });
  }

  applyView(): void {
    const desired = this.view.owners.flatMap((id, slot) =>
      id === this.instanceId || this.usurped.includes(slot) ? [slot] : [],
    );
    this.#wanted = desired.length;
    this.owner.setDesiredSlots(desired);
    for (const listener of this.#viewListeners) listener();
  }

  #coordinator(): ReceiverDeps['coordinator'] {
    const watch = (listener: () => void) => {
      this.#viewListeners.add(listener);
      return () => void this.#viewListeners.delete(listener);
    };
    return {
      slotOwners: () => this.view.owners,
      queryModules: () =>
        this.view.members.map(({ instanceId, address }) => {
          return { instanceId, address, self: instanceId === this.instanceId, attributes: {} };
        }),
      watchSlots: (listener) => watch(() => listener(this.view.owners)),
      watchModules: (listener) => watch(() => listener([])),
    };
  }

  #context(): MutantContext {
    const { database, isOld } = this.#deps;
    const { byName } = isOld ? OLD_RELEASE : NEW_RELEASE;
    return { tier: this.place.site, database: database.store, hasMetric: (name) => byName.has(name) };
  }

  // --- doors, with the oracle at them --------------------------------------------------------------------------------

  #receiverIntake(door: Door): ReceiverDeps['intake'] {
    const { owner } = this;
    const { oracle } = this.#deps;
    const tier = this.place.site;
    return {
      owns: (slot) => owner.owns(slot),
      mark: (slot, logId) => owner.mark(slot, logId),
      watchOwnership: (listener) => owner.watchOwnership(listener),
      commitSoon: () => owner.commitSoon(),
      raiseGeneration: (slot, logId, gen, producer) =>
        this.#deps.mutant?.neverFences ? Promise.resolve(true) : owner.raiseGeneration(slot, logId, gen, producer),
      offer: async (batch) => {
        oracle.received(tier, batch);
        const outcome = await door.offer(batch);
        oracle.answered(tier, batch, outcome);
        return outcome;
      },
    };
  }

  #route(slot: number): Door | undefined {
    const { owner, process, place } = this;
    const { network, oracle, mutant } = this.#deps;
    let door: Door;
    if (owner.owns(slot)) door = owner;
    else {
      const ownerId = this.view.owners[slot];
      const member = this.view.members.find(({ instanceId }) => instanceId === ownerId);
      if (!member || member.instanceId === this.instanceId) return undefined;
      door = { offer: (batch) => network.call(place, process, member.address, batch) };
    }
    const observed = (inner: Door): Door => ({
      offer: async (batch) => {
        oracle.offeredLocally(place.site, batch);
        const outcome = await inner.offer(batch);
        oracle.answered(place.site, batch, outcome);
        return outcome;
      },
    });
    if (!mutant?.route) return observed(door);
    const context = this.#context();
    return mutant.observeBehindRoute ? mutant.route(observed(door), context) : observed(mutant.route(door, context));
  }

  // --- L1 ------------------------------------------------------------------------------------------------------------

  #openL1(logger: Logger, background: Parameters<typeof startPeriodic>[3]): L1Aggregator {
    const { rng, oracle, kernel, clockJumped, trafficFlows } = this.#deps;
    const { slots, allowedLatenessMs, l1PeriodMs, traffic } = this.#settings;
    const { clock } = this.process;
    const l1 = new L1Aggregator(
      { instanceId: this.instanceId, slots, allowedLatenessMs, rowsMax: 10_000, pendingBatchesMax: 8 },
      {
        clock,
        rng,
        logger,
        telemetry: new MetricRegistry(),
        route: (slot) => this.#route(slot),
        dispatch: {
          metricsOf: NEW_RELEASE.metricsOf,
          dispatch: (record, columns, row) => {
            let refused = 0;
            for (const column of columns) if (!column.enter(row, record.latency, 1, 1)) refused++;
            return refused;
          },
        },
      },
    );
    oracle.addProducer(this.instanceId, {
      firstPromise: minuteOf(clock.now() - allowedLatenessMs),
      events: () => this.events,
      exempt: () => this.expelled || clockJumped(),
    });
    const record = new SourceRecord();
    startPeriodic(
      'traffic',
      l1PeriodMs * 0.7,
      () => {
        if (!trafficFlows()) return;
        for (let n = randomInt(rng, 2 * traffic + 1); n > 0; n--) {
          record.entity = ENTITIES[randomInt(rng, ENTITIES.length)]!;
          record.scope = record.entity.scope;
          const roll = rng.next();
          const late = roll < 0.75 ? 0 : roll < 0.93 ? randomInt(rng, 2) : randomInt(rng, 8);
          record.minute = minuteOf(kernel.wallMs()) - late; // agents' clocks are right
          record.latency = randomInt(rng, 700);
          l1.receive(record);
          this.events++;
        }
      },
      background,
    );
    startPeriodic('L1 flush', l1PeriodMs, () => l1.flushWindow(), background);
    return l1;
  }

  // --- what goes wrong inside ----------------------------------------------------------------------------------------

  #logger(): Logger {
    const { kernel, oracle } = this.#deps;
    const tier = this.place.site;
    const note = (level: string) => (fields: LogFields, message: string) => {
      const { err } = fields;
      const reason = err instanceof Error ? err.message : '';
      kernel.record(level, `${this.place.address} ${message} ${reason}`);
      if (BLOCKED.test(message)) this.#deps.onBlocked();
      if (err instanceof BugError || reason.startsWith('BUG') || (level === 'error' && UNEXPECTED.test(message)))
        oracle.fail('bug', tier, `${message}: ${err instanceof Error ? (err.stack ?? reason) : reason}`);
    };
    const logger: Logger = {
      debug: () => {},
      info: () => {},
      warn: note('warn'),
      error: note('error'),
      child: () => logger,
    };
    return logger;
  }
}
