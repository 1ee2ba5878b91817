// SPDX-License-Identifier: Apache-2.0
// The federation protocol over gRPC (grpc-js, whole Buffers handed through): the sender's transport, and the services of the
// receiver for a server that the composition root owns. In and out: frames as bytes.
import {
  Client,
  credentials,
  Metadata,
  status as Status,
  type ChannelCredentials,
  type ChannelOptions,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Clock } from '@oap-federation/runtime';
import { FEDERATION_PATHS, FrameError, type RefusalCode } from '@oap-federation/wire';
import type { ReceiverConfig } from './config.js';
import { TOKEN_KEY } from './protocol.js';
import { openReceiver, type FederationReceiver, type ReceiverDeps } from './receiver.js';
import type { FederationListener, FederationTransport, ServerSink, StreamPeer, TransportStream } from './transport.js';

const MIB = 1_048_576;

/** What both ends need: dead connections are found by keepalive, and windows are as large as our frames. */
const COMMON_OPTIONS = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc-node.flow_control_window': MIB, // 1.3 to 1.6 times the default's throughput
} as const satisfies ChannelOptions;

/** For a server that carries the federation services alone; a node's shared server has the limits of its configuration. */
export function federationServerOptions({ maxFrameBytes }: Pick<ReceiverConfig, 'maxFrameBytes'>): ChannelOptions {
  return {
    ...COMMON_OPTIONS,
    'grpc.max_receive_message_length': maxFrameBytes + 1_024,
    'grpc.max_send_message_length': 16 * MIB,
    'grpc.max_concurrent_streams': 64,
  };
}

const CLIENT_OPTIONS: ChannelOptions = {
  ...COMMON_OPTIONS,
  'grpc.max_receive_message_length': 16 * MIB, // Welcome with a large slot map
  'grpc.max_send_message_length': -1, // the receiver's limit is in Welcome
  'grpc.use_local_subchannel_pool': 1, // one connection per stream, with its own back-off
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const asIs = (bytes: Buffer): Uint8Array => bytes;

export interface GrpcTransportOptions {
  /** Default: no TLS. */
  readonly credentials?: ChannelCredentials;
  readonly clock: Clock;
  /** Deadline of the naming service's call. */
  readonly listNodesTimeoutMs?: number;
}

export function grpcTransport(options: GrpcTransportOptions): FederationTransport {
  const { clock, listNodesTimeoutMs = 5_000 } = options;
  const channelCredentials = options.credentials ?? credentials.createInsecure();

  const metadataOf = (token: string) => {
    const metadata = new Metadata();
    if (token !== '') metadata.set(TOKEN_KEY, token);
    return metadata;
  };

  return {
    connect(address, token, handlers): TransportStream {
      const client = new Client(address, channelCredentials, CLIENT_OPTIONS);
      const call = client.makeBidiStreamRequest(FEDERATION_PATHS.exchange, asBuffer, asIs, metadataOf(token));
      let closed = false;
      const close = () => {
        if (closed) return;
        closed = true;
        call.cancel();
        client.close();
      };
      call.on('data', (frame: Uint8Array) => {
        if (!closed) handlers.onFrame(frame);
      });
      call.on('drain', () => {
        if (!closed) handlers.onDrain();
      });
      // The reason comes with `status`; without a listener the event would end the process.
      call.on('error', () => {});
      call.on('status', ({ code, details }) => {
        if (closed) return;
        close();
        handlers.onClosed(`${Status[code] ?? code}: ${details}`);
      });
      return {
        send: (frame) => (closed ? false : call.write(frame)),
        close,
      };
    },

    listNodes(address, token, request) {
      const client = new Client(address, channelCredentials, CLIENT_OPTIONS);
      return new Promise<Uint8Array>((resolve, reject) => {
        const deadline = clock.now() + listNodesTimeoutMs;
        client.makeUnaryRequest(
          FEDERATION_PATHS.listNodes,
          asBuffer,
          asIs,
          request,
          metadataOf(token),
          { deadline },
          (error, response) => {
            client.close();
            if (error) reject(error);
            else resolve(response ?? new Uint8Array(0));
          },
        );
      });
    },
  };
}

export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** The receiver and its two services: `for (const { definition, implementation } of services) server.addService(...)`. */
export function federationServices(
  config: ReceiverConfig,
  deps: ReceiverDeps,
): { readonly receiver: FederationReceiver; readonly services: readonly GrpcService[] } {
  const receiver = openReceiver(config, deps);
  return { receiver, services: grpcServices(receiver) };
}

const STATUS_OF = {
  VERSION: Status.FAILED_PRECONDITION,
  SLOTS: Status.FAILED_PRECONDITION,
  CYCLE: Status.FAILED_PRECONDITION,
  TIER_NAME_IN_USE: Status.ALREADY_EXISTS,
  DENIED: Status.PERMISSION_DENIED,
  PROTOCOL: Status.INVALID_ARGUMENT,
  UNAVAILABLE: Status.UNAVAILABLE,
} as const satisfies Record<RefusalCode, number>;

export function grpcServices(listener: FederationListener): readonly GrpcService[] {
  const method = (path: string, stream: boolean): MethodDefinition<Uint8Array, Uint8Array> => ({
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: asBuffer,
    requestDeserialize: asIs,
    responseSerialize: asBuffer,
    responseDeserialize: asIs,
  });
  return [
    {
      definition: { exchange: method(FEDERATION_PATHS.exchange, true) },
      implementation: { exchange: (call: ServerDuplexStream<Uint8Array, Uint8Array>) => serveStream(listener, call) },
    },
    {
      definition: { listNodes: method(FEDERATION_PATHS.listNodes, false) },
      implementation: {
        listNodes: (call: ServerUnaryCall<Uint8Array, Uint8Array>, callback: sendUnaryData<Uint8Array>) =>
          serveListNodes(listener, call, callback),
      },
    },
  ];
}

function peerOf(call: { getPeer(): string; readonly metadata: Metadata }): StreamPeer {
  return { address: call.getPeer(), token: String(call.metadata.get(TOKEN_KEY)[0] ?? '') };
}

function serveStream(listener: FederationListener, call: ServerDuplexStream<Uint8Array, Uint8Array>): void {
  let over = false;
  const sink: ServerSink = {
    send: (frame) => (over ? false : call.write(frame)),
    end(code, details) {
      if (over) return;
      over = true;
      call.emit('error', { code: STATUS_OF[code], details });
    },
  };
  const handlers = listener.accept(peerOf(call), sink);
  const closed = () => {
    over = true;
    handlers.onClosed();
  };
  call.on('data', (frame: Uint8Array) => {
    if (!over) handlers.onFrame(frame);
  });
  call.on('drain', () => {
    if (!over) handlers.onDrain();
  });
  call.on('end', () => {
    if (!over) call.end();
    closed();
  });
  call.on('cancelled', closed);
  call.on('error', closed);
}

function serveListNodes(
  listener: FederationListener,
  call: ServerUnaryCall<Uint8Array, Uint8Array>,
  callback: sendUnaryData<Uint8Array>,
): void {
  try {
    const response = listener.listNodes(peerOf(call), call.request);
    if (response) callback(null, response);
    else callback({ code: Status.PERMISSION_DENIED, details: 'this tier is not allowed here' });
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    callback({ code: Status.INVALID_ARGUMENT, details: error.message });
  }
}
