// SPDX-License-Identifier: Apache-2.0
// OapConfig: what the rest of the program sees of application.yml. In: valid file settings. Out: inner names with units.
import { bufferMaxBytesOf, parsePostgresUrl, wantsTokens } from './rules.js';
import type { FileSettings } from './schema.js';

export type ClusterConfig =
  | { readonly provider: 'standalone' }
  | {
      readonly provider: 'zookeeper';
      readonly namespace: string;
      /** `host:port,host:port` */
      readonly hostPort: string;
      readonly sessionTimeoutMs: number;
      /** What this node registers; undefined takes the gRPC host or port that is really bound. */
      readonly internalComHost: string | undefined;
      readonly internalComPort: number | undefined;
      /** Empty: nodes of the tier are not asked for a token. */
      readonly internalToken: string;
    };

export interface CoreConfig {
  readonly restHost: string;
  /** 0 takes a free port; so does `grpcPort`. */
  readonly restPort: number;
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly l1FlushPeriodMs: number;
  readonly persistentPeriodMs: number;
  readonly storageSessionTimeoutMs: number;
  readonly metricsDataTtlDays: number;
  readonly recordDataTtlDays: number;
  readonly downsampling: readonly ('Hour' | 'Day')[];
  readonly serviceNameMaxLength: number;
  readonly instanceNameMaxLength: number;
  readonly endpointNameMaxLength: number;
  readonly maxEndpointsPerService: number;
  readonly allowedLatenessMs: number;
  readonly oalFiles: readonly string[];
  readonly apdexThresholdMs: { readonly default: number; readonly services: Readonly<Record<string, number>> };
  readonly timezone: string;
}

export type StorageConfig =
  /** `dataDir` undefined: in memory only. */
  | { readonly provider: 'embedded'; readonly dataDir: string | undefined }
  /** No rows; marks and outbox are in the forward buffer. */
  | { readonly provider: 'none' }
  | PostgresConfig;

export interface PostgresConfig {
  readonly provider: 'postgresql';
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly sslMode: 'disable' | 'require' | 'verify-full';
  readonly maxConnections: number;
  /** Which commits outlive the server. */
  readonly stable: 'none' | 'commit' | 'standby';
}

export interface SharingServerConfig {
  /** Empty: agents need no token. */
  readonly authentication: string;
  readonly maxMessageSizeBytes: number;
  /** 0: no limit. */
  readonly maxConcurrentCallsPerConnection: number;
}

export interface FederationConfig {
  readonly tier: string;
  readonly slots: number;
  readonly forward: ForwardConfig | undefined;
  readonly receive: ReceiveConfig | undefined;
  /** The queue between tiers; undefined when neither side uses it. */
  readonly nats:
    | { readonly servers: readonly string[]; readonly token: string; readonly streamMaxBytes: number }
    | undefined;
}

export interface ForwardConfig {
  readonly discovery:
    | { readonly kind: 'static' | 'naming'; readonly upstreams: readonly string[] }
    | { readonly kind: 'zookeeper'; readonly hostPort: string; readonly namespace: string };
  readonly token: string;
  readonly queueCapacityBatches: number;
  readonly queueCapacityBytes: number;
  readonly buffer: 'outbox' | 'memory' | 'file' | 'nats';
  /** Name of the tier above; for nats, '' otherwise. */
  readonly upstreamTier: string;
  readonly bufferDir: string;
  readonly bufferWhenDamaged: 'stop' | 'quarantine';
  readonly bufferMaxBytes: number;
  readonly onFull: 'block' | 'coarsen' | 'drop';
  readonly outboxRetentionMinutes: number;
  readonly outboxRetentionBytes: number;
}

export interface ReceiveConfig {
  /** host:port that lower tiers are told; undefined takes the address that the nodes of the tier use. */
  readonly advertisedAddress: string | undefined;
  /** Tier name to token; empty lets any tier in. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly expectedTiers: readonly string[];
  readonly creditBytes: number;
  readonly maxFrameBytes: number;
  readonly throughNats: boolean;
  readonly originScopes: readonly string[];
  readonly maxFutureMinutes: number;
}

export type AccessAction = 'query' | 'alarms' | 'status' | 'manage';

/** What somebody may see and do. Names may hold `*`; each list has at least one entry, and only `*` alone is no limit. */
export interface AccessScope {
  /** Direct children, and this tier itself by its name. */
  readonly tiers: readonly string[];
  /** Leaf tiers. */
  readonly origins: readonly string[];
  /** Scopes and metric names. */
  readonly metrics: readonly string[];
  readonly actions: readonly AccessAction[];
}

export interface AccessConfig {
  /** tokens: who asks is known, by a token or as anonymous. thisMachine: only this machine may ask. open: everybody may. */
  readonly mode: 'tokens' | 'thisMachine' | 'open';
  /** By name of the principal. `token` is plain text or `sha256:<hex>`. */
  readonly tokens: Readonly<Record<string, AccessScope & { readonly token: string }>>;
  /** Of requests without a token; undefined: they are refused. */
  readonly anonymous: AccessScope | undefined;
  readonly failuresPerMinute: number;
  readonly trustedProxies: readonly string[];
}

export interface QueryConfig {
  readonly maxPoints: number;
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxQueryComplexity: number;
  /** Points read, see budget.ts of query. */
  readonly maxCost: number;
  readonly enableUpdateUiTemplate: boolean;
  /** Name of the directory with the menu and the dashboards; '' for none. */
  readonly uiTemplates: string;
  readonly promql: { readonly samplesMax: number; readonly timeoutMs: number };
  readonly access: AccessConfig;
  /** Exact web origins, or `*`. */
  readonly corsOrigins: readonly string[];
  /** Memory for answers that are kept; 0 keeps none. */
  readonly cacheBytes: number;
}

export interface AlarmConfig {
  readonly settingsFile: string;
  readonly graceMs: number;
  readonly lookBackMinutes: number;
  readonly evaluationPeriodMs: number;
}

/** A module that was left out is undefined. */
export interface OapConfig {
  readonly cluster: ClusterConfig;
  readonly core: CoreConfig;
  readonly storage: StorageConfig;
  readonly sharingServer: SharingServerConfig;
  readonly receiverTrace: Readonly<Record<never, never>> | undefined;
  readonly federation: FederationConfig | undefined;
  readonly query: QueryConfig;
  readonly alarm: AlarmConfig | undefined;
  /** A port of its own for the Prometheus API. */
  readonly promql: { readonly host: string; readonly port: number; readonly contextPath: string } | undefined;
  readonly telemetry: { readonly host: string; readonly port: number } | undefined;
}

/** Renames and converts; the settings have passed every rule. The result is deeply frozen. */
export function toOapConfig(file: FileSettings): OapConfig {
  const core = file.core.providers.default;
  const sharing = file['receiver-sharing-server'].providers.default;
  const { default: defaultMs = 500, ...services } = core.apdexThreshold;
  return deepFreeze({
    cluster: toCluster(file.cluster),
    core: {
      restHost: core.restHost,
      restPort: core.restPort,
      grpcHost: core.gRPCHost,
      grpcPort: core.gRPCPort,
      l1FlushPeriodMs: core.l1FlushPeriod,
      persistentPeriodMs: Math.round(core.persistentPeriod * 1000),
      storageSessionTimeoutMs: core.storageSessionTimeout,
      metricsDataTtlDays: core.metricsDataTTL,
      recordDataTtlDays: core.recordDataTTL,
      downsampling: core.downsampling,
      serviceNameMaxLength: core.serviceNameMaxLength,
      instanceNameMaxLength: core.instanceNameMaxLength,
      endpointNameMaxLength: core.endpointNameMaxLength,
      maxEndpointsPerService: core.maxEndpointsPerService,
      allowedLatenessMs: core.allowedLatenessSeconds * 1000,
      oalFiles: core.oalFiles,
      apdexThresholdMs: { default: defaultMs, services },
      timezone: core.timezone,
    },
    storage: toStorage(file.storage),
    sharingServer: {
      authentication: sharing.authentication,
      maxMessageSizeBytes: sharing.maxMessageSize,
      maxConcurrentCallsPerConnection: sharing.maxConcurrentCallsPerConnection,
    },
    receiverTrace: file['receiver-trace'].selector === 'default' ? {} : undefined,
    federation: file.federation.selector === 'default' ? toFederation(file.federation.providers.default) : undefined,
    query: toQuery(file.query.providers.default),
    alarm: file.alarm.selector === 'default' ? toAlarm(file.alarm.providers.default) : undefined,
    promql: file.promql.selector === 'default' ? toPromql(file.promql.providers.default) : undefined,
    telemetry: file.telemetry.selector === 'prometheus' ? { ...file.telemetry.providers.prometheus } : undefined,
  });
}

function toCluster({ selector, providers: { zookeeper } }: FileSettings['cluster']): ClusterConfig {
  if (selector !== 'zookeeper') return { provider: 'standalone' };
  return {
    provider: 'zookeeper',
    ...zookeeper,
    internalComHost: zookeeper.internalComHost === '' ? undefined : zookeeper.internalComHost,
    internalComPort: zookeeper.internalComPort < 0 ? undefined : zookeeper.internalComPort,
  };
}

function toStorage({ selector, providers: { embedded, postgresql } }: FileSettings['storage']): StorageConfig {
  if (selector === 'none') return { provider: 'none' };
  if (selector !== 'postgresql') {
    return { provider: 'embedded', dataDir: embedded.dataDir === 'memory' ? undefined : embedded.dataDir };
  }
  const { maxConnections, stable, properties, url } = postgresql;
  const target = parsePostgresUrl(url === '' ? properties.jdbcUrl : url);
  if ('reason' in target) throw new Error(`storage.postgresql was not validated: ${target.reason}`);
  const login = url === '' ? { user: properties['dataSource.user'], password: properties['dataSource.password'] } : {};
  return { provider: 'postgresql', ...target, ...login, maxConnections, stable };
}

function toFederation({
  tier,
  slots,
  forward,
  nats,
  receive,
}: FileSettings['federation']['providers']['default']): FederationConfig {
  const { upstreams, discovery, zookeeper, ...limits } = forward;
  const { enabled, advertisedAddress, ...receiving } = receive;
  const sends = discovery === 'zookeeper' || upstreams.length > 0 || forward.buffer === 'nats';
  return {
    tier,
    slots,
    forward: sends
      ? {
          discovery: discovery === 'zookeeper' ? { kind: discovery, ...zookeeper } : { kind: discovery, upstreams },
          ...limits,
          bufferMaxBytes: bufferMaxBytesOf(forward),
        }
      : undefined,
    receive: enabled
      ? { ...receiving, advertisedAddress: advertisedAddress === '' ? undefined : advertisedAddress }
      : undefined,
    nats: nats.servers.length > 0 ? nats : undefined,
  };
}

function toQuery({
  access,
  enableUpdateUITemplate: enableUpdateUiTemplate,
  ...query
}: FileSettings['query']['providers']['default']): QueryConfig {
  const { open, tokens, anonymous, failuresPerMinute, trustedProxies } = access;
  return {
    ...query,
    enableUpdateUiTemplate,
    access: {
      mode: wantsTokens(access) ? 'tokens' : open ? 'open' : 'thisMachine',
      tokens,
      anonymous: anonymous.actions.length > 0 ? anonymous : undefined,
      failuresPerMinute,
      trustedProxies,
    },
  };
}

function toAlarm(file: FileSettings['alarm']['providers']['default']): AlarmConfig {
  return {
    settingsFile: file.settingsFile,
    graceMs: Math.round(file.gracePeriod * 1000),
    lookBackMinutes: file.lookBack,
    evaluationPeriodMs: Math.round(file.evaluationPeriod * 1000),
  };
}

function toPromql({
  restHost: host,
  restPort: port,
  restContextPath: contextPath,
}: FileSettings['promql']['providers']['default']): NonNullable<OapConfig['promql']> {
  return { host, port, contextPath };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
