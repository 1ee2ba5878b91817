// SPDX-License-Identifier: Apache-2.0
// The coordinator over a real ZooKeeper: SkyWalking's cluster mode. Sessions in, the recipes on top.
import { invariant } from '@oap-federation/runtime';
import type { ClusterCoordinator, CoordinatorDeps, MemberOptions, ModuleDiscovery } from '../../coordinator.js';
import type { CoordinationKernel } from '../../kernel.js';
import { openRecipeCoordinator, openRecipeDiscovery } from '../../recipe-coordinator.js';
import { ZkSession, type ZkSessionOptions } from './zk-session.js';

export interface ZooKeeperDiscoveryOptions extends ZkSessionOptions {
  /** A path that keeps clusters apart on one ensemble, e.g. 'oap/eu-west'; slashes around it do not matter; '' for none. */
  readonly namespace: string;
}

export interface ZooKeeperOptions extends MemberOptions, ZooKeeperDiscoveryOptions {}

/** Errors: OAP-3001 when there is no session within three session timeouts. */
export function openZooKeeperCoordinator(
  options: ZooKeeperOptions,
  deps: CoordinatorDeps,
): Promise<ClusterCoordinator> {
  return openRecipeCoordinator(kernelOf(options, deps), rootOf(options.namespace), options, deps);
}

/** Lists the members registered under a namespace without registering. Errors: as openZooKeeperCoordinator. */
export function openZooKeeperDiscovery(
  options: ZooKeeperDiscoveryOptions,
  deps: CoordinatorDeps,
): Promise<ModuleDiscovery> {
  return openRecipeDiscovery(kernelOf(options, deps), rootOf(options.namespace), deps);
}

function kernelOf(options: ZkSessionOptions, { clock }: CoordinatorDeps): CoordinationKernel {
  return {
    name: `zookeeper ${options.hostPort}`,
    sessionTimeoutMs: options.sessionTimeoutMs,
    open: (signal) => ZkSession.open(options, clock, signal),
  };
}

function rootOf(namespace: string): string {
  const names = namespace.split('/').filter((name) => name !== '');
  invariant(!names.some((name) => name === '.' || name === '..'), `bad namespace '${namespace}'`);
  return names.map((name) => `/${name}`).join('');
}
