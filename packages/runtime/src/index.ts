// SPDX-License-Identifier: Apache-2.0
export { backoffMs, type BackoffOptions } from './backoff.js';
export { nextTurn, systemClock, type Cancel, type Clock } from './clock.js';
export {
  describeConfig,
  formatProblem,
  loadConfig,
  processEnvironment,
  type ConfigProblem,
  type LoadedConfig,
} from './config/load.js';
export type {
  AlarmConfig,
  AccessAction,
  AccessConfig,
  AccessScope,
  ClusterConfig,
  CoreConfig,
  FederationConfig,
  ForwardConfig,
  OapConfig,
  PostgresConfig,
  QueryConfig,
  ReceiveConfig,
  SharingServerConfig,
  StorageConfig,
} from './config/oap-config.js';
export type { SettingsDump } from './config/dump.js';
export { isLoopback } from './config/rules.js';
export type { Environment } from './config/placeholders.js';
export {
  didYouMean,
  entriesOf,
  isNothing,
  plain,
  plainTexts,
  reportUnknown,
  show,
  type Report,
} from './config/read-tree.js';
export { parseTree, positionOf, type Entry, type Position, type Problem, type Tree } from './config/tree.js';
export { armCrashPoint, CRASH_POINTS, isCrashPoint, reached, type CrashPoint } from './crash-points.js';
export {
  BugError,
  ERRORS,
  GrpcStatus,
  OapError,
  invariant,
  messageOf,
  type ErrorCode,
  type ErrorEntry,
  type ErrorValues,
} from './errors.js';
export { growHeapFreely } from './heap.js';
export { listen, type Listening } from './listen.js';
export {
  DisposalStack,
  startBackground,
  startPeriodic,
  type Background,
  type BackgroundDeps,
  type Stop,
} from './lifecycle.js';
export {
  openLogger,
  rateLimited,
  silentLogger,
  type LogFields,
  type LogLevel,
  type Logger,
  type LoggerOptions,
  type RateLimitedLogger,
} from './logger.js';
export { tokenCheck, tokenSearch, type TokenCheck, type TokenSearch } from './token.js';
export { MetricRegistry, type Counter, type Gauge, type Labels } from './metrics.js';
export { randomInt, seededRng, systemRng, uuidV7, type Rng } from './rng.js';
