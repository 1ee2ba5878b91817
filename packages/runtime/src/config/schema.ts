// SPDX-License-Identifier: Apache-2.0
// Everything an operator may write in application.yml: names, defaults, limits, environment names, and what each key does.
// deploy/application.yml and docs/configuration.md are generated from here; validation and types come from here too.
// SkyWalking's key and environment names stand wherever the same thing exists there.
import { isIP } from 'node:net';
import { tryScope } from '@oap-federation/model';
import {
  choice,
  choices,
  decimal,
  flag,
  group,
  integer,
  list,
  module,
  named,
  numbers,
  port,
  secret,
  secrets,
  text,
  type ModuleSettings,
} from './keys.js';

const MIB = 1024 * 1024;
const TIER_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const NAME_PATTERN = /^[A-Za-z0-9_.*-]{1,64}$/;
const METRIC_PATTERN = /^[A-Za-z_*][A-Za-z0-9_*]{0,99}$/;
const HOST_PORT = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:,/[\]]+):(\d{1,5})$/;

export const MODULES = {
  cluster: module(
    {
      doc: 'Who the other nodes of this tier are, and which node owns which slot.',
      selector: 'standalone',
      env: 'SW_CLUSTER',
      optional: false,
    },
    {
      standalone: group('One node that owns every slot.', {}),
      zookeeper: group('Nodes that find each other in ZooKeeper; any number up to the number of slots.', {
        namespace: text('', {
          env: 'SW_NAMESPACE',
          doc: 'Path element that keeps several clusters on one ZooKeeper apart; empty for none.',
        }),
        hostPort: text(
          'localhost:2181',
          { env: 'SW_CLUSTER_ZK_HOST_PORT', doc: 'ZooKeeper servers, separated by commas.' },
          'host:port,...',
          checkHostPorts,
        ),
        sessionTimeoutMs: integer(10_000, [1000, 600_000], {
          env: 'SW_CLUSTER_ZK_SESSION_TIMEOUT',
          doc: 'After this long without a sign of life a node is taken for dead, in ms. Lower: faster takeover, more false alarms.',
        }),
        internalComHost: text('', {
          env: 'SW_CLUSTER_INTERNAL_COM_HOST',
          doc: 'Address that the other nodes use for this one; empty takes core.default.gRPCHost.',
        }),
        internalComPort: integer(-1, [-1, 65_535], {
          env: 'SW_CLUSTER_INTERNAL_COM_PORT',
          doc: 'Port that the other nodes use for this one; -1 takes core.default.gRPCPort.',
        }),
        internalToken: secret('', {
          env: 'SW_CLUSTER_INTERNAL_TOKEN',
          doc: 'Token that the nodes of this tier show to each other; one value for all of them. Empty checks none: keep the port to yourselves then.',
        }),
      }),
    },
  ),

  core: module(
    { doc: 'The pipeline itself: ports, periods, limits.', selector: 'default', env: 'SW_CORE', optional: false },
    {
      default: group('', {
        role: text(
          'Mixed',
          { env: 'SW_CORE_ROLE', doc: 'Every node receives (L1) and aggregates (L2).' },
          'Mixed',
          (role) =>
            role === 'Mixed' ? undefined : `must be Mixed; the split roles Receiver and Aggregator do not exist here`,
        ),
        restHost: text('127.0.0.1', {
          env: 'SW_CORE_REST_HOST',
          doc: 'Address for HTTP: GraphQL, PromQL, status, UI. Anything but this machine alone wants tokens, see query.default.access.',
        }),
        restPort: port(12_800, { env: 'SW_CORE_REST_PORT', doc: 'Port for HTTP; 0 takes a free one.' }),
        gRPCHost: text('0.0.0.0', {
          env: 'SW_CORE_GRPC_HOST',
          doc: 'Address for gRPC: agents, other nodes, other tiers.',
        }),
        gRPCPort: port(11_800, { env: 'SW_CORE_GRPC_PORT', doc: 'Port for gRPC; 0 takes a free one.' }),
        l1FlushPeriod: integer(500, [10, 600_000], {
          env: 'SW_CORE_L1_AGGREGATION_FLUSH_PERIOD',
          doc: 'L1 merges for this long before it hands over, in ms. Raising it merges more and loses more when a node dies.',
        }),
        persistentPeriod: decimal(25, [0.05, 3600], {
          env: 'SW_CORE_PERSISTENT_PERIOD',
          doc: 'L2 writes to storage this often, in seconds, fractions allowed. Also how often increments leave for the upper tier.',
        }),
        storageSessionTimeout: integer(70_000, [100, 86_400_000], {
          env: 'SW_CORE_STORAGE_SESSION_TIMEOUT',
          doc: 'A merged row that was not touched for this long leaves memory and is read again when needed, in ms.',
        }),
        metricsDataTTL: integer(7, [2, 36_500], {
          env: 'SW_CORE_METRICS_DATA_TTL',
          doc: 'Metrics are kept for this many days; increments that are older are refused on arrival.',
        }),
        recordDataTTL: integer(3, [1, 36_500], {
          env: 'SW_CORE_RECORD_DATA_TTL',
          doc: 'Alarm records are kept for this many days.',
        }),
        downsampling: choices(['Hour', 'Day'], ['Hour', 'Day'], {
          doc: 'Which rollups are kept besides the minute rows: both, or [] for none; long queries then merge minute rows.',
        }),
        serviceNameMaxLength: integer(70, [1, 512], {
          env: 'SW_SERVICE_NAME_MAX_LENGTH',
          doc: 'Longer service names are cut to this many characters.',
        }),
        instanceNameMaxLength: integer(70, [1, 512], {
          env: 'SW_INSTANCE_NAME_MAX_LENGTH',
          doc: 'Longer instance names are cut to this many characters.',
        }),
        endpointNameMaxLength: integer(150, [1, 512], {
          env: 'SW_ENDPOINT_NAME_MAX_LENGTH',
          doc: 'Longer endpoint names are cut to this many characters.',
        }),
        maxEndpointsPerService: integer(1000, [1, 10_000_000], {
          env: 'SW_CORE_MAX_ENDPOINTS_PER_SERVICE',
          doc: 'Cardinality cap: further endpoints of a service are counted under one overflow endpoint, and shown as such.',
        }),
        allowedLatenessSeconds: integer(10, [0, 3600], {
          env: 'SW_CORE_ALLOWED_LATENESS',
          doc: 'The watermark stays this many seconds behind the clock. Later data still counts, as a visible revision.',
        }),
        oalFiles: list(
          ['core.oal'],
          { env: 'SW_CORE_OAL_FILES', doc: 'OAL scripts to run, separated by commas. Upper tiers run federation.oal.' },
          'list of file names',
        ),
        apdexThreshold: numbers({ default: 500 }, [1, 3_600_000], {
          doc: 'Apdex threshold in ms: `default`, and any service by its name (as in service-apdex-threshold.yml).',
        }),
        timezone: text(
          'UTC',
          {
            env: 'SW_CORE_TIMEZONE',
            doc: 'Zone of the minutes, hours and days that queries name; storage and wire are UTC.',
          },
          'IANA zone name',
          checkTimezone,
        ),
      }),
    },
  ),

  storage: module(
    { doc: 'Where metrics, marks and the outbox are kept.', selector: 'embedded', env: 'SW_STORAGE', optional: false },
    {
      embedded: group('PostgreSQL inside this process (PGlite): nothing to install, one node.', {
        dataDir: text('./data', {
          env: 'SW_STORAGE_EMBEDDED_DATA_DIR',
          doc: 'Directory for the data; `memory` keeps nothing.',
        }),
      }),
      none: group(
        'Nothing: a gateway that merges and forwards, and keeps no rows. Needs federation.default.forward.buffer file.',
        {},
      ),
      postgresql: group('A PostgreSQL server, shared by all nodes of the tier.', {
        url: secret('', {
          env: 'SW_STORAGE_POSTGRESQL_URL',
          doc: 'postgres://user:password@host:port/database?sslmode=...; wins over properties when set.',
        }),
        properties: group('The same in the form that SkyWalking uses.', {
          jdbcUrl: text('jdbc:postgresql://localhost:5432/skywalking', {
            env: 'SW_JDBC_URL',
            doc: 'jdbc:postgresql://host:port/database?sslmode=...',
          }),
          'dataSource.user': text('postgres', { env: 'SW_DATA_SOURCE_USER', doc: 'Database user.' }),
          'dataSource.password': secret('', { env: 'SW_DATA_SOURCE_PASSWORD', doc: 'Database password.' }),
        }),
        maxConnections: integer(10, [2, 1000], {
          env: 'SW_STORAGE_POSTGRESQL_MAX_CONNECTIONS',
          doc: 'Connections this node opens at most; the server must allow this times the number of nodes.',
        }),
        stable: choice(['none', 'commit', 'standby'], 'none', {
          env: 'SW_STORAGE_POSTGRESQL_STABLE',
          doc: 'Which commits outlive this server, so that tiers below may delete what they sent. none: nobody knows, they keep it for their outboxRetentionMinutes. commit: every commit; for a server that never goes back in time (its standbys are synchronous, or the risk is accepted). standby: what the synchronous standbys have flushed, or without such all streaming ones; the user needs pg_read_all_stats.',
        }),
      }),
    },
  ),

  'receiver-sharing-server': module(
    {
      doc: 'The gRPC server that receivers, other nodes and other tiers share.',
      selector: 'default',
      env: 'SW_RECEIVER_SHARING_SERVER',
      optional: false,
    },
    {
      default: group('', {
        authentication: secret('', {
          env: 'SW_AUTHENTICATION',
          doc: 'Token that agents must send; empty lets every agent in.',
        }),
        maxMessageSize: integer(50 * MIB, [64 * 1024, 1024 * MIB], {
          env: 'SW_RECEIVER_GRPC_MAX_MESSAGE_SIZE',
          doc: 'Larger gRPC messages are refused, in bytes.',
        }),
        maxConcurrentCallsPerConnection: integer(0, [0, 1_000_000], {
          env: 'SW_RECEIVER_GRPC_MAX_CONCURRENT_CALL',
          doc: 'Calls in flight on one connection; 0 sets no limit.',
        }),
      }),
    },
  ),

  'receiver-trace': module(
    {
      doc: 'Takes traces of SkyWalking agents and makes metrics of them.',
      selector: 'default',
      env: 'SW_RECEIVER_TRACE',
      optional: true,
    },
    { default: group('', {}) },
  ),

  federation: module(
    { doc: 'This tier within the tree of tiers.', selector: '-', env: 'SW_FEDERATION', optional: true },
    {
      default: group('', {
        tier: text(
          '',
          { env: 'SW_FEDERATION_TIER', doc: 'The name of this tier, unique in the whole federation. Required.' },
          'letters, digits, - _ .',
          (tier) => (tier === '' || TIER_NAME.test(tier) ? undefined : 'must be 1 to 64 letters, digits, - _ or .'),
        ),
        slots: integer(16, [1, 1024], {
          env: 'SW_FEDERATION_SLOTS',
          doc: 'Entities are hashed to this many slots; one value for the whole federation, a mismatch is refused.',
        }),
        forward: group('To the tier above. On as soon as there is somewhere to send to.', {
          upstreams: list(
            [],
            {
              env: 'SW_FEDERATION_UPSTREAMS',
              doc: 'Nodes of the upstream tier as host:port, separated by commas; empty forwards nothing (unless discovery is zookeeper).',
            },
            'list of host:port',
            checkHostPorts,
          ),
          discovery: choice(['static', 'naming', 'zookeeper'], 'static', {
            env: 'SW_FEDERATION_DISCOVERY',
            doc: 'static: send to upstreams as listed. naming: ask any of them for all addresses. zookeeper: read them where the upstream registers.',
          }),
          zookeeper: group('Where the upstream cluster registers, for discovery: zookeeper.', {
            hostPort: text(
              '',
              {
                env: 'SW_FEDERATION_ZK_HOST_PORT',
                doc: 'ZooKeeper servers of the upstream tier, separated by commas.',
              },
              'host:port,...',
              (servers) => (servers === '' ? undefined : checkHostPorts(servers)),
            ),
            namespace: text('', { env: 'SW_FEDERATION_ZK_NAMESPACE', doc: 'Namespace of the upstream cluster.' }),
          }),
          token: secret('', {
            env: 'SW_FEDERATION_TOKEN',
            doc: 'What this tier shows to the upstream, see receive.tokens there.',
          }),
          queueCapacityBatches: integer(64, [1, 100_000], {
            env: 'SW_FEDERATION_QUEUE_BATCHES',
            doc: 'Batches waiting for the stream, in memory; more wait in the outbox.',
          }),
          queueCapacityBytes: integer(8 * MIB, [64 * 1024, 1024 * MIB], {
            env: 'SW_FEDERATION_QUEUE_BYTES',
            doc: 'The same in bytes; whichever is reached first.',
          }),
          buffer: choice(['outbox', 'memory', 'file', 'nats'], 'outbox', {
            env: 'SW_FEDERATION_BUFFER',
            doc: 'Where batches wait for the upstream. outbox: in the storage, exactly once. memory: in this process, best effort: what waits dies with it. file: in segment files, exactly once, for a tier with storage.selector none. nats: as outbox, and batches travel through NATS JetStream, which may hold them while the upstream is away.',
          }),
          upstreamTier: text(
            '',
            {
              env: 'SW_FEDERATION_UPSTREAM_TIER',
              doc: 'Name of the tier above, for buffer: nats; upstreams stays empty then.',
            },
            'tier name',
            (tier) => (tier === '' || TIER_NAME.test(tier) ? undefined : 'must be 1 to 64 letters, digits, - _ or .'),
          ),
          bufferDir: text('./buffer', {
            env: 'SW_FEDERATION_BUFFER_DIR',
            doc: 'Directory of the file buffer, for one process; it also holds the marks of the tiers below, so it is never to be deleted.',
          }),
          bufferWhenDamaged: choice(['stop', 'quarantine'], 'stop', {
            env: 'SW_FEDERATION_BUFFER_WHEN_DAMAGED',
            doc: 'When the file buffer cannot be read whole: stop (the node does not start), or quarantine (the segment is set aside, the rest goes on, what is missing is declared upward as lost).',
          }),
          bufferMaxBytes: integer(0, [0, 1024 * 1024 * MIB], {
            env: 'SW_FEDERATION_BUFFER_MAX_BYTES',
            doc: 'What may wait for the upstream, in bytes of batches; 0 takes 8 GiB, of memory 256 MiB (at most 1 GiB). Raising it outlasts longer outages and costs memory or disk.',
          }),
          onFull: choice(['block', 'coarsen', 'drop'], 'block', {
            env: 'SW_FEDERATION_ON_FULL',
            doc: 'When the buffer is full: block (senders are told to wait), coarsen (minutes are folded together, and said so), drop (by class and age, and said so).',
          }),
          outboxRetentionMinutes: integer(30, [2, 43_200], {
            env: 'SW_FEDERATION_OUTBOX_RETENTION',
            doc: 'Acknowledged batches stay this long, so that an upstream restored from a backup can be repaired; those that the upstream calls stable (its storage.postgresql.stable) leave earlier.',
          }),
          outboxRetentionBytes: integer(2048 * MIB, [MIB, 1024 * 1024 * MIB], {
            env: 'SW_FEDERATION_OUTBOX_RETENTION_BYTES',
            doc: 'What acknowledged batches may hold, in bytes of each slot; the oldest leave earlier then, though none within two minutes.',
          }),
        }),
        nats: group(
          'The NATS servers (with JetStream) between this tier and others, for forward.buffer nats and receive.throughNats.',
          {
            servers: list(
              [],
              { env: 'SW_FEDERATION_NATS_SERVERS', doc: 'NATS servers as host:port, separated by commas.' },
              'list of host:port',
              checkHostPorts,
            ),
            token: secret('', { env: 'SW_FEDERATION_NATS_TOKEN', doc: 'Token of the NATS servers; empty for none.' }),
            streamMaxBytes: integer(256 * MIB, [16 * MIB, 1024 * 1024 * MIB], {
              env: 'SW_FEDERATION_NATS_STREAM_MAX_BYTES',
              doc: 'What the stream of batches may hold, in bytes; the server reserves it. A full one refuses, and batches stay in the outbox.',
            }),
          },
        ),
        receive: group('From the tiers below, on core.default.gRPCPort.', {
          enabled: flag(false, { env: 'SW_FEDERATION_RECEIVE', doc: 'Whether other tiers may send to this one.' }),
          advertisedAddress: text(
            '',
            {
              env: 'SW_FEDERATION_ADVERTISED_ADDRESS',
              doc: 'host:port under which lower tiers reach this node, when that is not the address it binds (NAT, load balancer, WAN).',
            },
            'host:port',
            (address) => (address === '' ? undefined : checkHostPorts(address)),
          ),
          tokens: secrets({
            env: 'SW_FEDERATION_RECEIVE_TOKENS',
            doc: 'Which tiers may send, and the token of each: {east: ..., west: ...}. Empty lets any tier in, on a loopback address only.',
          }),
          expectedTiers: list(
            [],
            {
              env: 'SW_FEDERATION_EXPECTED_TIERS',
              doc: 'Tiers that belong to the picture: while one is silent, answers say that they are incomplete.',
            },
            'list of tier names',
            (tier) => (TIER_NAME.test(tier) ? undefined : 'must be a tier name: 1 to 64 letters, digits, - _ or .'),
          ),
          creditBytes: integer(8 * MIB, [64 * 1024, 1024 * MIB], {
            env: 'SW_FEDERATION_CREDIT_BYTES',
            doc: 'Bytes that one sender may have in flight. With half of them waiting L2 writes at once, not after persistentPeriod.',
          }),
          maxFrameBytes: integer(4 * MIB, [64 * 1024, 1024 * MIB], {
            env: 'SW_FEDERATION_MAX_FRAME_BYTES',
            doc: 'Larger frames are refused.',
          }),
          throughNats: flag(false, {
            env: 'SW_FEDERATION_RECEIVE_THROUGH_NATS',
            doc: 'Whether tiers may also send through federation.default.nats; their tokens are those of tokens.',
          }),
          originScopes: list(
            ['Service'],
            { env: 'SW_FEDERATION_ORIGIN_SCOPES', doc: 'Scopes whose metrics are also kept per source tier.' },
            'list of scopes',
          ),
          maxFutureMinutes: integer(5, [0, 1440], {
            env: 'SW_FEDERATION_MAX_FUTURE_MINUTES',
            doc: 'Minutes further ahead of the clock than this are refused and counted.',
          }),
        }),
      }),
    },
  ),

  query: module(
    {
      doc: 'The query side on core.default.restPort: limits of GraphQL, MQE and PromQL, and who may ask.',
      selector: 'default',
      env: 'SW_QUERY',
      optional: false,
    },
    {
      default: group('', {
        maxPoints: integer(500, [1, 100_000], {
          env: 'SW_QUERY_MAX_POINTS',
          doc: 'Points in one series of an answer.',
        }),
        maxDepth: integer(8, [1, 100], { env: 'SW_QUERY_MAX_DEPTH', doc: 'Nesting of a GraphQL query.' }),
        maxAliases: integer(200, [1, 10_000], {
          env: 'SW_QUERY_MAX_ALIASES',
          doc: 'Fields of one GraphQL query that read data. A list of 20 rows with 8 columns in SkyWalking UI takes 160.',
        }),
        maxQueryComplexity: integer(4_000, [100, 100_000], {
          env: 'SW_QUERY_MAX_QUERY_COMPLEXITY',
          doc: 'All fields of one GraphQL query, nested ones too. Such a list takes 3,400.',
        }),
        maxCost: integer(500_000, [1_000, 1_000_000_000], {
          env: 'SW_QUERY_MAX_COST',
          doc: 'Points that one GraphQL query may make the storage read: points of the range x entities x origins, in sum; a ranking weighs as 100 entities, all origins as 10.',
        }),
        enableUpdateUITemplate: flag(false, {
          env: 'SW_ENABLE_UPDATE_UI_TEMPLATE',
          doc: 'Whether users of SkyWalking UI may add, change and disable dashboards.',
        }),
        uiTemplates: text('ui-templates', {
          env: 'SW_QUERY_UI_TEMPLATES',
          doc: 'Directory with menu.yaml and one JSON file per dashboard, for SkyWalking UI; looked for beside this file, then among the shipped ones. Dashboards that no user has changed follow it at each start.',
        }),
        cacheBytes: integer(67_108_864, [0, Number.MAX_SAFE_INTEGER], {
          env: 'SW_QUERY_CACHE_BYTES',
          doc: 'Memory for answers that are kept until a minute that they are of changes, in bytes; 0 keeps none. An hour of histograms of a thousand entities takes about a quarter of the default.',
        }),
        promql: group('', {
          samplesMax: integer(2_000_000, [1_000, 100_000_000], {
            env: 'SW_QUERY_PROMQL_SAMPLES_MAX',
            doc: 'Samples that one PromQL query may hold in memory, about 20 bytes each: those it reads and the results of its parts.',
          }),
          timeoutMs: integer(10_000, [100, 600_000], {
            env: 'SW_QUERY_PROMQL_TIMEOUT_MS',
            doc: 'Milliseconds after which the evaluation of a PromQL query is given up; a request may ask for less.',
          }),
        }),
        access: group('', {
          open: flag(false, {
            env: 'SW_QUERY_ACCESS_OPEN',
            doc: 'Whether everybody who reaches core.default.restHost may ask for everything although other machines reach it. Not with tokens.',
          }),
          tokens: named(
            group('', {
              token: secret('', {
                doc: 'What the client shows: 16 visible characters or more, or `sha256:` and the 64 hex digits of its digest.',
              }),
              ...scopeKeys(),
              actions: choices(['query', 'alarms', 'status', 'manage'], ['query', 'alarms', 'status', 'manage'], {
                doc: 'query: metrics and metadata. alarms: alarms. status: this tier and its configuration. manage: changes, such as of dashboards.',
              }),
            }),
            {
              env: 'SW_QUERY_ACCESS_TOKENS',
              doc: 'Who may ask, by a name of your choice, with what each may see. Once one is given, every request needs one.',
            },
            (name) => (TIER_NAME.test(name) ? undefined : 'must be 1 to 64 letters, digits, - _ or .'),
          ),
          anonymous: group('', {
            ...scopeKeys(),
            actions: choices(['query', 'alarms', 'status', 'manage'], [], {
              doc: 'What a request without any token may do; empty for nothing.',
            }),
          }),
          failuresPerMinute: integer(10, [1, 1_000_000], {
            env: 'SW_QUERY_ACCESS_FAILURES_PER_MINUTE',
            doc: 'Wrong tokens from one address before it has to wait. Raise it where many clients share an address.',
          }),
          trustedProxies: list(
            [],
            {
              env: 'SW_QUERY_ACCESS_TRUSTED_PROXIES',
              doc: 'Addresses or CIDR ranges whose X-Forwarded-For is believed, so that wrong tokens count against the client.',
            },
            'list of addresses',
            (range) => (isAddressRange(range) ? undefined : 'must be an IP address or a CIDR range'),
          ),
        }),
        corsOrigins: list(
          [],
          {
            env: 'SW_QUERY_CORS_ORIGINS',
            doc: 'Web origins whose pages may ask from a browser, such as https://ui.example.com; * for any, with tokens only. Empty: pages of this address alone.',
          },
          'list of origins',
          (origin) =>
            origin === '*' || isWebOrigin(origin)
              ? undefined
              : 'must be an origin such as https://ui.example.com (no path), or *',
        ),
      }),
    },
  ),

  alarm: module(
    {
      doc: 'Alarm rules over the rows of this tier (docs/alarm.md). A tier that keeps no rows judges none.',
      selector: 'default',
      env: 'SW_ALARM',
      optional: true,
    },
    {
      default: group('', {
        settingsFile: text('alarm-settings.yml', {
          env: 'SW_ALARM_SETTINGS_FILE',
          doc: 'Rules and hooks, beside this file or else the shipped one; read again when it changes.',
        }),
        gracePeriod: decimal(120, [0, 3600], {
          env: 'SW_ALARM_GRACE_PERIOD',
          doc: 'After its end a minute waits this long for sources that have not sealed it, in seconds; then `on-incomplete` of the rule decides. Sealed minutes do not wait: each tier takes up to allowedLatenessSeconds and persistentPeriod to seal. Lower: earlier alarms while a source is away, more of them annotated or retracted.',
        }),
        lookBack: integer(60, [1, 1440], {
          env: 'SW_ALARM_LOOK_BACK',
          doc: 'Minutes that are judged again when their rows change, and caught up after a stall. Raising it takes memory and reads for entities that fired.',
        }),
        evaluationPeriod: decimal(10, [0.05, 60], {
          env: 'SW_ALARM_EVALUATION_PERIOD',
          doc: 'How often it is looked whether a minute can be judged, in seconds.',
        }),
      }),
    },
  ),

  promql: module(
    {
      doc: "A port of its own for the Prometheus API, SkyWalking's way; core.default.restPort has it under /api/v1 all the same.",
      selector: '-',
      env: 'SW_PROMQL',
      optional: true,
    },
    {
      default: group('', {
        restHost: text('127.0.0.1', {
          env: 'SW_PROMQL_REST_HOST',
          doc: 'Address to listen on; anything but this machine alone wants tokens, see query.default.access.',
        }),
        restPort: port(9090, { env: 'SW_PROMQL_REST_PORT', doc: 'Port; 0 takes a free one.' }),
        restContextPath: text(
          '/',
          { env: 'SW_PROMQL_REST_CONTEXT_PATH', doc: 'What stands before /api/v1.' },
          '/path',
          (path) =>
            /^(?:\/[\w.-]+)*\/?$/.test(path) && path !== ''
              ? undefined
              : 'must be / or begin with /, of letters, digits, - _ . /',
        ),
      }),
    },
  ),

  telemetry: module(
    { doc: 'Metrics about this process.', selector: 'none', env: 'SW_TELEMETRY', optional: true },
    {
      none: group('No endpoint.', {}),
      prometheus: group('Prometheus text on /metrics.', {
        host: text('0.0.0.0', { env: 'SW_TELEMETRY_PROMETHEUS_HOST', doc: 'Address to listen on.' }),
        port: port(1234, { env: 'SW_TELEMETRY_PROMETHEUS_PORT', doc: 'Port; 0 takes a free one.' }),
      }),
    },
  ),
} as const;

/** The whole file as plain values, under the names that the operator writes, every default filled in. */
export type FileSettings = { readonly [Name in keyof typeof MODULES]: ModuleSettings<(typeof MODULES)[Name]> };

/** What a token may see of the data; a dimension that is left out is seen whole. `*` in a name stands for any characters. */
function scopeKeys() {
  return {
    tiers: list(
      ['*'],
      {
        doc: 'Tiers directly below whose data may be seen, with all that arrives through them; this tier by its own name.',
      },
      'list of tier names',
      (name) => (NAME_PATTERN.test(name) ? undefined : 'must be a tier name; * stands for any characters'),
    ),
    origins: list(
      ['*'],
      {
        doc: 'Leaf tiers whose data may be seen; without all of them a metric needs rows per origin (receive.originScopes).',
      },
      'list of tier names',
      (name) => (NAME_PATTERN.test(name) ? undefined : 'must be a tier name; * stands for any characters'),
    ),
    metrics: list(
      ['*'],
      { doc: 'Metrics that may be seen: scopes (Service, Endpoint, *Relation) and names (service_sla, service_*).' },
      'list of scopes and metric names',
      (name) => {
        if (!METRIC_PATTERN.test(name)) return 'must be a scope or a metric name; * stands for any characters';
        return /^[A-Z][^*]*$/.test(name) && !tryScope(name)
          ? 'must be a scope such as Service, or a metric name'
          : undefined;
      },
    ),
  };
}

function isWebOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

function checkHostPorts(servers: string): string | undefined {
  for (const server of servers.split(',')) {
    const [, digits] = HOST_PORT.exec(server.trim()) ?? [];
    if (digits === undefined || Number(digits) < 1 || Number(digits) > 65_535) return 'must be host:port';
  }
  return undefined;
}

function checkTimezone(zone: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return undefined;
  } catch {
    return 'must be a zone name like UTC or Asia/Shanghai'; // RangeError is the only way Intl says no
  }
}
