// SPDX-License-Identifier: Apache-2.0
// The cluster-management port: SkyWalking's two interfaces (module register, module query), watches, and slot owners.
// Everything here is a hint. Whether a node may write a slot is decided by the slot's epoch in the storage alone.
import type { Cancel, Clock, Logger, Rng } from '@oap-federation/runtime';

/** A node of the cluster. `address` is host:port of its gRPC server; `instanceId` is unique per process, not per host. */
export interface RemoteInstance {
  readonly instanceId: string;
  readonly address: string;
  /** True for the node that is asking. */
  readonly self: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

/** SkyWalking's ModuleRegister: says that this node is there, for as long as it lives. */
export interface ModuleRegister {
  /**
   * Resolves when this node is in the list that others read. The intent outlives the session: after an expiry the node
   * registers again by itself. Errors: rejects only when the coordinator is disposed first.
   */
  register(): Promise<void>;
}

/** SkyWalking's ModuleQuery, with a watch. */
export interface ModuleQuery {
  /** The members last heard of, sorted by address; one per address (the newest process wins). */
  queryModules(): readonly RemoteInstance[];
  /** Calls `listener` after each change, not for the current state. */
  watchModules(listener: (members: readonly RemoteInstance[]) => void): Cancel;
}

export interface ClusterCoordinator extends ModuleRegister, ModuleQuery, AsyncDisposable {
  readonly self: RemoteInstance;
  /**
   * Slot -> instanceId ('' = unassigned); a hint. The last known map stays while the coordinator is not reachable:
   * nobody else can be given the slots meanwhile, and if somebody was, the storage's fence says so.
   */
  slotOwners(): readonly string[];
  /** Calls `listener` after each change, not for the current state. */
  watchSlots(listener: (owners: readonly string[]) => void): Cancel;
  /** Connected with a live session, and visible to others if `register` was asked for. */
  readonly healthy: boolean;
}

/** The members of another tier's cluster, without joining it. */
export interface ModuleDiscovery extends ModuleQuery, AsyncDisposable {
  readonly healthy: boolean;
}

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** What a node says of itself, and how many slots the tier has (one value for all its nodes). */
export interface MemberOptions {
  readonly instanceId: string;
  /** host:port */
  readonly address: string;
  /** `weight` (a number > 0, default 1) is this node's share of slots relative to others. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly slots: number;
}
