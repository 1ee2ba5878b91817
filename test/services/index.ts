// SPDX-License-Identifier: Apache-2.0
// Real servers for tests and scripts. `needs` and `available` are in ./needs.js because they import vitest.
export { startAlertmanager, type Alertmanager } from './alertmanager.js';
export { startFaultProxy, type FaultMode, type FaultProxy } from './fault-proxy.js';
export { startHttpReceiver, type HttpReceiver, type ReceivedCall } from './http-receiver.js';
export { startNats, type Nats } from './nats.js';
export { startPostgres, type Postgres, type PostgresOptions } from './postgres.js';
export {
  freePort,
  guard,
  isAlive,
  isStopped,
  temporaryDirectory,
  unguard,
  type ServiceProcess,
  type Unavailable,
} from './process.js';
export { locatePrometheus, locateVmalert, startPrometheus, type Prometheus } from './prometheus.js';
export { mountSmallDisk, type SmallDisk } from './small-disk.js';
export { startVictoriaMetrics, type VictoriaMetrics } from './victoria-metrics.js';
export { startZooKeeper, type ZooKeeper, type ZooKeeperOptions } from './zookeeper.js';
