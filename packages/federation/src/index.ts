// SPDX-License-Identifier: Apache-2.0
export { forwarderConfig, receiverConfig, type ForwarderConfig, type ReceiverConfig } from './config.js';
export {
  moduleDiscovery,
  openNamingDiscovery,
  staticDiscovery,
  type NamingDiscoveryDeps,
  type NamingDiscoveryOptions,
  type UpstreamDiscovery,
} from './discovery.js';
export {
  openForwarder,
  type Forwarder,
  type ForwarderDeps,
  type ForwarderStatus,
  type LogStatus,
  type TierPathSource,
  type UpstreamStatus,
} from './forwarder.js';
export { ReceiverDictionary, SenderDictionary } from './entity-dictionary.js';
export { EntityPool } from './entity-pool.js';
export { incomingBatch } from './incoming-batch.js';
export { federationServices, grpcTransport, type GrpcService, type GrpcTransportOptions } from './grpc.js';
export {
  openReceiver,
  type DownstreamStatus,
  type FederationReceiver,
  type ReceiverCounters,
  type ReceiverDeps,
  type ReceiverStatus,
} from './receiver.js';
export type { FederationListener, FederationTransport } from './transport.js';
export { withMemoryBuffer, type MemoryBufferDeps, type MemoryBufferOptions } from './buffers/memory.js';
export { openNatsQueue, type NatsQueueDeps, type NatsQueueOptions } from './buffers/nats/nats-queue.js';
export type { Delivery, Lane, MessageQueue } from './buffers/queue/queue.js';
export {
  openQueueForwarder,
  type QueueForwarderConfig,
  type QueueForwarderDeps,
} from './buffers/queue/queue-forwarder.js';
export {
  openQueueReceiver,
  type QueueReceiver,
  type QueueReceiverConfig,
  type QueueReceiverCounters,
  type QueueReceiverDeps,
} from './buffers/queue/queue-receiver.js';
export { RemoteIntake, slotIntakeService } from './node-link.js';
