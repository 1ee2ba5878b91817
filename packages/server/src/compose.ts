// SPDX-License-Identifier: Apache-2.0
// The only composition root: opens the parts of one node, sinks first, and passes typed ports down. In: a valid configuration and a
// checked OAL program. Out: a running node; stopping it goes the other way, sources first, each stage draining into a live one.
import { L1Aggregator, SlotOwner } from '@oap-federation/analysis';
import {
  openStandaloneCoordinator,
  openZooKeeperCoordinator,
  openZooKeeperDiscovery,
  type ClusterCoordinator,
  type MemberOptions,
  type ModuleQuery,
  type RemoteInstance,
} from '@oap-federation/cluster';
import {
  federationServices,
  forwarderConfig,
  grpcTransport,
  moduleDiscovery,
  openForwarder,
  openNamingDiscovery,
  openNatsQueue,
  openQueueForwarder,
  openQueueReceiver,
  receiverConfig,
  RemoteIntake,
  slotIntakeService,
  staticDiscovery,
  type FederationReceiver,
  type FederationTransport,
  type Forwarder,
  type QueueReceiver,
  type UpstreamDiscovery,
} from '@oap-federation/federation';
import { minuteOf, tryParseSchema, tryScope, type MetricSchema, type ScopeName } from '@oap-federation/model';
import { compileDispatch, federationRoutes, type OalProgram } from '@oap-federation/oal';
import { openQueryServer, type ClusterNode } from '@oap-federation/query';
import { agentServices, defaultAnalysisLimits, openGrpcServer, type GrpcService } from '@oap-federation/receiver';
import {
  DisposalStack,
  MetricRegistry,
  startPeriodic,
  uuidV7,
  type Clock,
  type FederationConfig,
  type Logger,
  type OapConfig,
  type Rng,
  type SettingsDump,
} from '@oap-federation/runtime';
import type { TierStore } from '@oap-federation/storage';
import type { AlarmFile } from './alarm-file.js';
import { openAlarms } from './alarms.js';
import { InstancePropertyWriter } from './instance-properties.js';
import { freePort } from './ports.js';
import { DEFAULT_SLOTS, openStore, whenAvailable, withForwardBuffer } from './storage.js';
import { openTelemetryServer } from './telemetry.js';
import type { UiFiles } from './ui-files.js';
import { zoneOffset } from './zone.js';

export interface NodeDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** What the files beside the configuration hold. */
export interface NodeFiles {
  readonly program: OalProgram;
  /** Undefined: this node judges no alarms. */
  readonly alarmFile: AlarmFile | undefined;
  readonly ui: UiFiles;
  /** The settings for people, secrets masked. */
  readonly settings: SettingsDump;
}

export interface OapNode extends AsyncDisposable {
  readonly tier: string;
  readonly grpcAddress: string;
  readonly restUrl: string;
  /** Increments that its receivers took and nobody committed: after it stopped they are lost. */
  uncommitted(): number;
}

const VERSION = '0.1.0';
const DEFAULT_TIER = 'oap';
const ROLLUP_PERIOD_MS = 60_000;
// a laptop's budget: waiting batches of all slots, beside the rows that they merge into
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
const L1_ROWS_MAX = 500_000;
const L1_PENDING_BATCHES_MAX = 512; // 4 minutes of windows for a storage that is away; then the window stays open and merges
const L1_DRAIN_MS = 5_000;
const MAINTENANCE_PERIOD_MS = 5 * 60_000; // SkyWalking's dataKeeperExecutePeriod
const STORAGE_WAIT_MS = 5 * 60_000;
const NAMING_REFRESH_MS = 10_000;
const PRESSURE_LIMIT = 0.9;
const QUEUE_PATIENCE_MS = 20_000; // longer than the queue takes to give a dead node's messages to another

/**
 * Opens a node. Whatever was opened is closed again when a later part fails.
 * Errors: OAP-1003 port in use; storage that stays away, or that belongs to another release.
 */
export async function openNode(config: OapConfig, files: NodeFiles, deps: NodeDeps): Promise<OapNode> {
  const stack = new DisposalStack(deps.clock);
  try {
    return await assemble(config, files, deps, stack);
  } catch (err) {
    await stack
      .stop()
      .catch((stopError: unknown) => deps.logger.error({ err: stopError }, 'closing a half-opened node failed'));
    throw err;
  }
}

async function assemble(
  config: OapConfig,
  { program, alarmFile, ui, settings }: NodeFiles,
  deps: NodeDeps,
  stack: DisposalStack,
): Promise<OapNode> {
  const { clock, rng, logger } = deps;
  const { core, federation } = config;
  const tier = federation?.tier ?? DEFAULT_TIER;
  const slots = federation?.slots ?? DEFAULT_SLOTS;
  const grpcPort = core.grpcPort === 0 ? await freePort(core.grpcHost) : core.grpcPort;
  const address = memberAddress(config, grpcPort);
  const instanceId = uuidV7(rng, clock.now());
  const telemetry = new MetricRegistry({ sw_backend_instance: address.replace(':', '_') });
  const schemas = [...program.schemas.values()];

  // sinks: storage, who owns what, L2
  const opened = await openStore(config, slots, STORAGE_WAIT_MS, { ...deps, telemetry }, stack);
  const store = stack.use('storage', withForwardBuffer(opened, config, { ...deps, telemetry }));
  await store.prepareMetrics(schemas);
  if (federation?.receive) {
    const sinceMinute = minuteOf(clock.now());
    const children = federation.receive.expectedTiers.map((child) => ({ tier: child, sinceMinute }));
    await whenAvailable(() => store.expectChildren(children), STORAGE_WAIT_MS, deps);
  }
  const advertised = federation?.receive?.advertisedAddress;
  const member = {
    instanceId,
    address,
    slots,
    attributes: advertised === undefined ? {} : { [FEDERATION_ADDRESS]: advertised },
  };
  const coordinator = stack.use('cluster', await openCoordinator(config, member, deps));
  const owner = stack.use(
    'L2',
    openSlotOwner(config, program, { tier, instanceId, store, coordinator, telemetry }, deps),
  );
  const applyOwners = () =>
    owner.setDesiredSlots(coordinator.slotOwners().flatMap((id, slot) => (id === instanceId ? [slot] : [])));
  stack.defer('slot watch', coordinator.watchSlots(applyOwners));
  applyOwners();
  stack.use(
    'L2 timer',
    startPeriodic('L2 flush', core.persistentPeriodMs, () => owner.runRound(), { clock, logger }),
  );
  stack.use(
    'data keeper',
    startPeriodic('data keeper', MAINTENANCE_PERIOD_MS, () => dropExpired(config, store, clock), { clock, logger }),
  );

  // a sink beside L2: what was committed is judged
  const timezoneOffsetMinutes = zoneOffset(core.timezone);
  const alarms =
    config.alarm && alarmFile
      ? openAlarms(
          config.alarm,
          { file: alarmFile, tier, slots, store, owner, timezoneOffsetMinutes, telemetry, ...deps },
          stack,
        )
      : undefined;

  // the right edge: what was committed goes up
  const services: GrpcService[] = [];
  const transport = grpcTransport({ clock });
  let receiver: FederationReceiver | undefined;
  if (federation?.receive) {
    const { tokens, creditBytes, maxFrameBytes } = federation.receive;
    const view = {
      ...asSeenFromBelow(coordinator),
      slotOwners: () => coordinator.slotOwners(),
      watchSlots: (listener: (owners: readonly string[]) => void) => coordinator.watchSlots(listener),
    };
    const opened = federationServices(
      receiverConfig({ tier, slots, instanceId, address: advertised ?? address, tokens, creditBytes, maxFrameBytes }),
      {
        intake: owner,
        store,
        routes: routesOf(program),
        coordinator: view,
        clock,
        logger,
        telemetry,
      },
    );
    receiver = stack.use('federation receiver', opened.receiver);
    services.push(...opened.services);
  }
  const queue = federation?.nats
    ? stack.use(
        'NATS',
        openNatsQueue({ ...federation.nats, name: `${tier} ${instanceId}` }, { clock, logger, telemetry }),
      )
    : undefined;
  let queueReceiver: QueueReceiver | undefined;
  if (queue && federation?.receive?.throughNats) {
    const { tokens } = federation.receive;
    queueReceiver = stack.use(
      'queue receiver',
      openQueueReceiver(
        { tier, slots, tokens, patienceMs: QUEUE_PATIENCE_MS },
        { intake: owner, store, clock, logger, queue },
      ),
    );
  }
  let forwarder: Forwarder | undefined;
  if (federation?.forward && queue && federation.forward.buffer === 'nats') {
    const { token, upstreamTier: upstream } = federation.forward;
    const limits = { ...forwarderConfig({ tier, slots, instanceId, token }), upstream, patienceMs: QUEUE_PATIENCE_MS };
    forwarder = stack.use(
      'forwarder',
      openQueueForwarder(limits, { store, intake: owner, clock, rng, logger, telemetry, queue }),
    );
  } else if (federation?.forward) {
    const discovery = stack.use('upstream discovery', await openDiscovery(federation, transport, deps, stack));
    const { token, queueCapacityBatches, queueCapacityBytes } = federation.forward;
    forwarder = stack.use(
      'forwarder',
      openForwarder(forwarderConfig({ tier, slots, instanceId, token, queueCapacityBatches, queueCapacityBytes }), {
        store,
        intake: owner,
        clock,
        rng,
        logger,
        transport,
        discovery,
        schemas: schemas.map((schema) => schema.text),
        telemetry,
        ...(receiver ? { tiersBelow: receiver } : {}),
      }),
    );
  }

  // the left edge: agents through L1, tiers below straight into L2, other nodes of this tier
  let registered = false;
  const mayHoldSources = () => registered;
  const l1 = config.receiverTrace
    ? openL1(config, program, { instanceId, slots, owner, coordinator, telemetry, mayHoldSources }, deps, stack)
    : undefined;
  if (l1) {
    const properties = new InstancePropertyWriter(store);
    const write = () => properties.write();
    stack.use(
      'instance properties',
      startPeriodic('instance properties', core.persistentPeriodMs, write, { clock, logger }),
    );
    services.push(
      ...agentServices(agentOptions(config), {
        clock,
        logger,
        telemetry,
        sources: l1,
        pressure: () => l1.pressure() > PRESSURE_LIMIT,
        onInstanceProperties: (report) => properties.report(report),
      }),
    );
  }
  // other nodes of this tier; a standalone node has none and offers no such door
  if (config.cluster.provider !== 'standalone') services.push(slotIntakeService(owner, config.cluster.internalToken));

  const status = () => ({
    tier,
    version: VERSION,
    instanceId,
    address,
    nodes: coordinator.queryModules(),
    l1: l1 && { pressure: l1.pressure(), pendingBatches: l1.pendingBatches },
    l2: owner.status(),
    forward: forwarder?.status(),
    receive: receiver?.status(),
    receiveThroughQueue: queueReceiver?.status(),
  });
  await whenAvailable(() => store.templates.ship(ui.dashboards, clock.now()), STORAGE_WAIT_MS, deps);
  const query = stack.use(
    'query',
    await openQueryServer(
      {
        host: core.restHost,
        port: core.restPort,
        ...config.query,
        metricsTtlDays: core.metricsDataTtlDays,
        scopes: { tier, originScopes: federation?.receive && new Set(federation.receive.originScopes) },
        recordsTtlDays: core.recordDataTtlDays,
        promqlListener: config.promql,
      },
      {
        reader: store.reader,
        metadata: store.metadata,
        alarms: store.alarms,
        templates: store.templates,
        menu: ui.menu,
        clock,
        rng,
        logger,
        timezoneOffsetMinutes,
        version: VERSION,
        status,
        ...(alarms ? { alarmStatus: { reader: alarms, address }, alarmRules: () => alarms.ruleTexts() } : {}),
        clusterNodes: () => coordinator.queryModules().map(clusterNode),
        settings,
      },
    ),
  );
  const { maxMessageSizeBytes, maxConcurrentCallsPerConnection } = config.sharingServer;
  stack.use(
    'gRPC',
    await openGrpcServer(
      { host: core.grpcHost, port: grpcPort, services, maxMessageSizeBytes, maxConcurrentCallsPerConnection },
      { clock },
    ),
  );
  if (config.telemetry) stack.use('telemetry', await openTelemetryServer(config.telemetry, telemetry));
  await coordinator.register();
  registered = true;
  return {
    tier,
    grpcAddress: address,
    restUrl: query.url,
    uncommitted: () => l1?.pendingIncrements ?? 0,
    [Symbol.asyncDispose]: () => stack.stop(),
  };
}

function clusterNode({ address, self }: RemoteInstance): ClusterNode {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)), isSelf: self };
}

function memberAddress(config: OapConfig, grpcPort: number): string {
  const { cluster, core } = config;
  if (cluster.provider !== 'zookeeper') return `${core.grpcHost}:${grpcPort}`;
  return `${cluster.internalComHost ?? core.grpcHost}:${cluster.internalComPort ?? grpcPort}`;
}

function openCoordinator(config: OapConfig, member: MemberOptions, deps: NodeDeps): Promise<ClusterCoordinator> {
  const { cluster } = config;
  if (cluster.provider === 'standalone') return openStandaloneCoordinator(member, deps);
  const { hostPort, namespace, sessionTimeoutMs } = cluster;
  return openZooKeeperCoordinator({ ...member, hostPort, namespace, sessionTimeoutMs }, deps);
}

/** Attribute of a member: the address that lower tiers use for it, where that is not the one that its own tier uses. */
const FEDERATION_ADDRESS = 'federationAddress';

/** Members with the addresses that lower tiers use. */
function asSeenFromBelow(modules: ModuleQuery): ModuleQuery {
  const seen = (members: readonly RemoteInstance[]) =>
    members.map((m) => ({ ...m, address: m.attributes[FEDERATION_ADDRESS] ?? m.address }));
  return {
    queryModules: () => seen(modules.queryModules()),
    watchModules: (listener) => modules.watchModules((members) => listener(seen(members))),
  };
}

interface OwnerParts {
  readonly tier: string;
  readonly instanceId: string;
  readonly store: TierStore;
  readonly coordinator: ClusterCoordinator;
  readonly telemetry: MetricRegistry;
}

function openSlotOwner(
  config: OapConfig,
  program: OalProgram,
  parts: OwnerParts,
  { clock, logger }: NodeDeps,
): SlotOwner {
  const { core, federation } = config;
  const { tier, instanceId, store, coordinator, telemetry } = parts;
  const byScope = new Map<ScopeName, MetricSchema[]>();
  for (const schema of program.schemas.values()) {
    const others = byScope.get(schema.scope);
    if (others) others.push(schema);
    else byScope.set(schema.scope, [schema]);
  }
  const routes = federationRoutes(program);
  const originScopes = (federation?.receive?.originScopes ?? []).flatMap((name) =>
    tryScope(name) ? [name as ScopeName] : [],
  );
  return new SlotOwner(
    {
      tier,
      instanceId,
      storageSessionTimeoutMs: core.storageSessionTimeoutMs,
      ttlDays: core.metricsDataTtlDays,
      maxFutureMinutes: federation?.receive?.maxFutureMinutes ?? 5,
      forwards: federation?.forward !== undefined,
      ...(federation?.forward && federation.forward.buffer !== 'memory'
        ? { outbound: { bytesMax: federation.forward.bufferMaxBytes, onFull: federation.forward.onFull } }
        : {}),
      originScopes: new Set(originScopes),
      queueBytesMax: QUEUE_BYTES_MAX,
      metricsOf: (scope) => byScope.get(scope) ?? [],
      resolve: (wire, kind) => {
        if (kind === 'local') return program.schemas.get(wire.name);
        const route = routes.get(wire.name);
        return route && route.accepts(wire) === undefined ? route.schema : undefined;
      },
      hasLocalSources: config.receiverTrace !== undefined,
      rollupPeriodMs: ROLLUP_PERIOD_MS,
      derivesHours: core.downsampling.length > 0 && config.storage.provider !== 'none',
    },
    {
      store,
      clock,
      logger,
      telemetry,
      liveInstances: () => coordinator.queryModules().map((member) => member.instanceId),
    },
  );
}

/** Why this tier does not take a forwarded metric; undefined when it does. */
function routesOf(program: OalProgram): (schemaText: string) => string | undefined {
  const routes = federationRoutes(program);
  return (schemaText) => {
    const wire = tryParseSchema(schemaText);
    if (!wire) return `this release does not know ${schemaText}`;
    const route = routes.get(wire.name);
    return route ? route.accepts(wire) : `no statement of this tier's OAL merges FederatedMetrics.${wire.name}`;
  };
}

async function openDiscovery(
  federation: FederationConfig,
  transport: FederationTransport,
  deps: NodeDeps,
  stack: DisposalStack,
): Promise<UpstreamDiscovery> {
  const { discovery, token } = federation.forward!;
  switch (discovery.kind) {
    case 'static':
      return staticDiscovery(discovery.upstreams);
    case 'naming':
      return openNamingDiscovery(
        { seeds: discovery.upstreams, tier: federation.tier, token, refreshMs: NAMING_REFRESH_MS },
        { ...deps, transport },
      );
    case 'zookeeper': {
      const { hostPort, namespace } = discovery;
      const modules = await openZooKeeperDiscovery(
        { hostPort, namespace, sessionTimeoutMs: ZK_DISCOVERY_SESSION_MS },
        deps,
      );
      return moduleDiscovery(asSeenFromBelow(stack.use('upstream ZooKeeper', modules)));
    }
  }
}

const ZK_DISCOVERY_SESSION_MS = 10_000;

function openL1(
  config: OapConfig,
  program: OalProgram,
  parts: {
    readonly instanceId: string;
    readonly slots: number;
    readonly owner: SlotOwner;
    readonly coordinator: ClusterCoordinator;
    readonly telemetry: MetricRegistry;
    /** False while the node is being opened: then there is nothing to drain, and nobody owns a slot to drain into. */
    readonly mayHoldSources: () => boolean;
  },
  { clock, rng, logger }: NodeDeps,
  stack: DisposalStack,
): L1Aggregator {
  const { core } = config;
  const { instanceId, slots, owner, coordinator, telemetry, mayHoldSources } = parts;
  const token = config.cluster.provider === 'standalone' ? '' : config.cluster.internalToken;
  const remotes = new Map<string, RemoteIntake>();
  stack.defer('node links', () => remotes.forEach((remote) => remote[Symbol.dispose]()));
  const route = (slot: number) => {
    if (owner.owns(slot)) return owner;
    const ownerId = coordinator.slotOwners()[slot];
    const member = coordinator.queryModules().find((m) => m.instanceId === ownerId);
    if (!member || member.self) return undefined; // nobody, or a claim under way: the batches wait in their log
    let remote = remotes.get(member.address);
    if (!remote)
      remotes.set(
        member.address,
        (remote = new RemoteIntake(member.address, instanceId, { logger, now: () => clock.now(), token })),
      );
    return remote;
  };
  const l1 = stack.use(
    'L1',
    new L1Aggregator(
      {
        instanceId,
        slots,
        allowedLatenessMs: core.allowedLatenessMs,
        rowsMax: L1_ROWS_MAX,
        pendingBatchesMax: L1_PENDING_BATCHES_MAX,
      },
      {
        clock,
        rng,
        logger,
        telemetry,
        route,
        dispatch: compileDispatch(program, {
          apdexThresholdMs: (service) => core.apdexThresholdMs.services[service] ?? core.apdexThresholdMs.default,
        }),
      },
    ),
  );
  stack.defer('last window', async () => {
    if (!mayHoldSources()) return;
    // sources have stopped: hand the open window to L2 and let it commit, without waiting for the next period
    const rounds = startPeriodic('last flush', 100, () => owner.runRound(), { clock, logger });
    await l1.drain(L1_DRAIN_MS);
    await rounds.stop();
  });
  stack.use(
    'L1 timer',
    startPeriodic('L1 flush', core.l1FlushPeriodMs, () => l1.flushWindow(), { clock, logger }),
  );
  return l1;
}

function agentOptions({ core, sharingServer }: OapConfig): Parameters<typeof agentServices>[0] {
  return {
    authentication: sharingServer.authentication,
    limits: {
      ...defaultAnalysisLimits(),
      serviceNameMaxLength: core.serviceNameMaxLength,
      instanceNameMaxLength: core.instanceNameMaxLength,
      endpointNameMaxLength: core.endpointNameMaxLength,
      maxEndpointsPerService: core.maxEndpointsPerService,
      maxAgeMs: core.metricsDataTtlDays * 86_400_000,
    },
  };
}

async function dropExpired({ core, federation }: OapConfig, store: TierStore, clock: Clock): Promise<void> {
  const { outboxRetentionMinutes = 0, outboxRetentionBytes = 0 } = federation?.forward ?? {};
  await store.maintenance.dropExpired({
    nowMs: clock.now(),
    ttlDays: core.metricsDataTtlDays,
    outboxRetentionMs: outboxRetentionMinutes * 60_000,
    outboxRetentionBytes,
  });
  await store.alarms.dropExpired(clock.now() - core.recordDataTtlDays * 86_400_000);
}
