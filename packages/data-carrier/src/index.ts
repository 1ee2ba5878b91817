// SPDX-License-Identifier: Apache-2.0
export {
  createDataCarrier,
  type BufferStrategy,
  type DataCarrier,
  type DataCarrierCounters,
  type DataCarrierOptions,
  type DropReason,
  type Lease,
  type Offer,
  type ReadLimit,
} from './data-carrier.js';
