// SPDX-License-Identifier: Apache-2.0
// The gRPC server that agents, other nodes and other tiers share: services go in, one open port comes out.
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { OapError, type Clock } from '@oap-federation/runtime';

/** What `Server.addService` takes; definitions of @oap-federation/wire fit. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly services: readonly GrpcService[];
  /** Larger messages are refused (RESOURCE_EXHAUSTED), before they are read whole. */
  readonly maxMessageSizeBytes: number;
  /** 0: no limit. Calls above it wait at the client: it is HTTP/2's own limit of streams. */
  readonly maxConcurrentCallsPerConnection: number;
  /** How long calls in progress may take after `stop`; then they are cut. */
  readonly stopDeadlineMs?: number;
}

export interface GrpcServer extends AsyncDisposable {
  readonly host: string;
  /** The port that is really bound. */
  readonly port: number;
  /** Stops accepting, lets calls in progress end, cuts them at the deadline. Safe to call twice. */
  stop(): Promise<void>;
}

// A peer behind a dead NAT entry is noticed after a minute and a half; the pings keep living entries alive (usual timeout: 350 s).
const KEEPALIVE_TIME_MS = 60_000;
const KEEPALIVE_TIMEOUT_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;
// frames of other tiers are up to 1 MiB: with the default window of 64 KiB they wait for the peer several times each
const FLOW_CONTROL_WINDOW_BYTES = 1024 * 1024;

/** Binds and serves. Errors: OAP-1003 when the address cannot be bound; nothing is left open then. */
export async function openGrpcServer(options: GrpcServerOptions, deps: { readonly clock: Clock }): Promise<GrpcServer> {
  const {
    host,
    maxMessageSizeBytes,
    maxConcurrentCallsPerConnection: calls,
    stopDeadlineMs = STOP_DEADLINE_MS,
  } = options;
  const server = new Server({
    'grpc.max_receive_message_length': maxMessageSizeBytes,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
    ...(calls > 0 ? { 'grpc.max_concurrent_streams': calls } : {}),
  });
  for (const { definition, implementation } of options.services) server.addService(definition, implementation);
  const port = await bind(server, host, options.port);

  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= shutDown(server, deps.clock, stopDeadlineMs));
  return { host, port, stop, [Symbol.asyncDispose]: stop };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) return resolve(bound);
      server.forceShutdown();
      reject(new OapError('OAP-1003', { host, port }, { cause: error }));
    });
  });
}

async function shutDown(server: Server, clock: Clock, deadlineMs: number): Promise<void> {
  const inTime = new AbortController();
  const graceful = new Promise<void>((resolve) => {
    // an error says only that the server was not running, which is what is wanted
    server.tryShutdown(() => {
      inTime.abort();
      resolve();
    });
  });
  await Promise.race([graceful, clock.sleep(deadlineMs, inTime.signal)]);
  if (!inTime.signal.aborted) server.forceShutdown();
}
