// SPDX-License-Identifier: Apache-2.0
// The test side of the federation, exported as `@oap-federation/federation/testing`: the protocol without a network.
export { memoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from './memory-transport.js';
export {
  BUFFER_SLOTS,
  checkForwardBufferContract,
  type BufferTraits,
  type BufferUnderTest,
} from './buffers/testing.js';
export { MemoryQueue, type MemoryQueueFaults } from './buffers/queue/memory-queue.js';
