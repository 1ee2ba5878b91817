// SPDX-License-Identifier: Apache-2.0
export type {
  ClusterCoordinator,
  CoordinatorDeps,
  MemberOptions,
  ModuleDiscovery,
  ModuleQuery,
  ModuleRegister,
  RemoteInstance,
} from './coordinator.js';
export { openStandaloneCoordinator, type StandaloneOptions } from './coordinators/standalone/index.js';
export {
  openZooKeeperCoordinator,
  openZooKeeperDiscovery,
  type ZooKeeperDiscoveryOptions,
  type ZooKeeperOptions,
} from './coordinators/zookeeper/index.js';
