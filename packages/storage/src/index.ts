// SPDX-License-Identifier: Apache-2.0
export type {
  AlarmBacklog,
  AlarmCommit,
  AlarmCompleteness,
  AlarmDelivery,
  AlarmEndKind,
  AlarmFilter,
  AlarmRecord,
  AlarmRetry,
  AlarmSlot,
  AlarmState,
  AlarmStore,
  AlarmTag,
  AlarmTransition,
} from './alarm-port.js';
export {
  changedHead,
  flushOf,
  StorageUnavailable,
  type Conservation,
  type DeclaredLoss,
  type DictionaryEntry,
  type ExpectedChild,
  type FlushOutcome,
  type Granularity,
  type InstanceInfo,
  type InstanceProperties,
  type Maintenance,
  type LogRepair,
  type Mark,
  type MetadataReader,
  type MinuteRevision,
  type NamedInfo,
  type OriginEntry,
  type OutboxAppend,
  type OutboxEntry,
  type OutboxHead,
  type ParkedBatch,
  type PendingEntry,
  type RelationScope,
  type ReportedByQuery,
  RETAINED_AT_LEAST_MS,
  type RevisionQuery,
  type RowBlock,
  type RowColumns,
  type ServiceInfo,
  type SlotClaim,
  type SlotFence,
  type SlotFlush,
  type SourceCompleteness,
  type StoredLoss,
  type StoredManifest,
  type StoredPark,
  type TierStore,
  type Verdict,
  type VerdictSummary,
} from './port.js';
export type { UiTemplate, UiTemplateStore } from './ui-templates.js';
export { openPostgresStore, type PostgresStoreOptions } from './postgres.js';
export type { StoreDeps } from './store.js';
export { lossSums, verdictSums } from './losses.js';
export { completenessOf } from './metadata.js';
export { openEmbeddedStore, type EmbeddedStoreOptions } from './embedded.js';
export {
  openFileStore,
  openFileStoreOn,
  type FileStore,
  type FileStoreOptions,
  type LostRange,
} from './file/file-store.js';
export { nodeDisk, type Disk, type DiskFile } from './file/disk.js';
