// SPDX-License-Identifier: Apache-2.0
// How a tier finds the nodes of its upstream: one small port, three ways behind it (a list, the naming service, a coordinator).
import type { ModuleQuery } from '@oap-federation/cluster';
import { messageOf, randomInt, startPeriodic, type Clock, type Logger, type Rng } from '@oap-federation/runtime';
import { decodeListNodesResponse, encodeListNodesRequest, type SlotMap, type UpstreamNode } from '@oap-federation/wire';
import type { FederationTransport } from './transport.js';

export interface UpstreamDiscovery extends AsyncDisposable {
  /** Nodes last heard of; `instanceId` is '' when not known. */
  nodes(): readonly UpstreamNode[];
  /** With the naming service: which node owns which slot, last heard of. */
  slotMap(): SlotMap | undefined;
  /** Calls back after each change, not for what is known already; returns the way to stop. */
  watch(listener: () => void): () => void;
}

/** A list that does not change: `host:port` each. */
export function staticDiscovery(addresses: readonly string[]): UpstreamDiscovery {
  const nodes = addresses.map((address) => ({ address, instanceId: '' }));
  return {
    nodes: () => nodes,
    slotMap: () => undefined,
    watch: () => () => {},
    async [Symbol.asyncDispose]() {},
  };
}

/** The members of the upstream's own cluster, read from its coordinator. The coordinator stays the caller's. */
export function moduleDiscovery(modules: Pick<ModuleQuery, 'queryModules' | 'watchModules'>): UpstreamDiscovery {
  return {
    nodes: () => modules.queryModules().map(({ address, instanceId }) => ({ address, instanceId })),
    slotMap: () => undefined,
    watch: (listener) => modules.watchModules(() => listener()),
    async [Symbol.asyncDispose]() {},
  };
}

export interface NamingDiscoveryOptions {
  /** Nodes to ask, any of them, in random order. */
  readonly seeds: readonly string[];
  readonly tier: string;
  readonly token: string;
  /** How often to ask again, ms. */
  readonly refreshMs: number;
}

export interface NamingDiscoveryDeps {
  readonly transport: FederationTransport;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
}

/** Asks any node that is known (answers first, then the seeds) for all nodes. Until the first answer the seeds are the nodes. */
export function openNamingDiscovery(options: NamingDiscoveryOptions, deps: NamingDiscoveryDeps): UpstreamDiscovery {
  const { seeds, tier, token, refreshMs } = options;
  const request = encodeListNodesRequest({ tier });
  const listeners = new Set<() => void>();
  let nodes: readonly UpstreamNode[] = seeds.map((address) => ({ address, instanceId: '' }));
  let slotMap: SlotMap | undefined;

  const ask = async () => {
    const left = [...new Set([...nodes.map(({ address }) => address), ...seeds])];
    const failures: string[] = [];
    while (left.length > 0) {
      const [address] = left.splice(randomInt(deps.rng, left.length), 1);
      try {
        const response = decodeListNodesResponse(await deps.transport.listNodes(address!, token, request));
        const heard = response.slotMap.nodes.filter((node) => node.address !== '');
        if (heard.length === 0) throw new Error('it knows no node');
        const changed = JSON.stringify([nodes, slotMap]) !== JSON.stringify([heard, response.slotMap]);
        nodes = heard;
        slotMap = response.slotMap;
        if (changed) for (const listener of listeners) listener();
        return;
      } catch (error) {
        failures.push(`${address}: ${messageOf(error)}`);
      }
    }
    deps.logger.warn({ tier, failures }, 'no upstream node answers for its names; the last answer stays');
  };

  const first = ask();
  const periodic = startPeriodic('upstream naming', refreshMs, ask, deps);
  return {
    nodes: () => nodes,
    slotMap: () => slotMap,
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      await periodic.stop();
      await first;
    },
  };
}
