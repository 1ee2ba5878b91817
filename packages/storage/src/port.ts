// SPDX-License-Identifier: Apache-2.0
// The storage port of a tier: slots with their fence, merged rows, delivery marks, outbox, dictionary, and the readers.
// In: one flush per slot, all or nothing. Out: what a new owner must know, and what queries read. Source: docs/protocol.md.
import type { Entity, MetricSchema, ScopeName } from '@oap-federation/model';
import type { MetricReader } from '@oap-federation/mqe';

/** The delivery mark of one log: what of it is in the rows of this tier. Advanced only by the flush that merges the batches. */
export interface Mark {
  readonly logId: string;
  readonly slot: number;
  /** Tier name of the producer, or the instance id of a node of this tier for `local` logs. */
  readonly producer: string;
  readonly kind: 'federated' | 'local';
  readonly gen: number;
  readonly seq: number;
  /** SHA-256 chain after `seq`; empty for local logs. */
  readonly chain: Uint8Array;
  /** Epoch minute; NO_WATERMARK when nothing is promised. */
  readonly watermark: number;
  /** Completeness vector: origin tier -> watermark. */
  readonly origins: ReadonlyMap<string, number>;
  /** Increments merged through this log so far (ledger). */
  readonly increments: number;
  /** Wall time of the last advance, epoch ms. */
  readonly updatedAtMs: number;
}

/** An entity and its code, unique within (slot); codes are given by the slot's owner and never reused. */
export interface DictionaryEntry {
  readonly code: number;
  readonly entity: Entity;
}

/** An origin tier and its code within the slot; code 0 is '' (the merged row) and is never written. */
export interface OriginEntry {
  readonly code: number;
  readonly name: string;
}

/** Head of the slot's outbound log. */
export interface OutboxHead {
  readonly logId: string;
  readonly gen: number;
  readonly nextSeq: number;
  /** Chain after `nextSeq - 1`; empty before the first batch. */
  readonly chain: Uint8Array;
  readonly acknowledgedSeq: number;
  /** Watermark of the last batch: it must never go back. */
  readonly watermark: number;
}

/** What a new owner of a slot starts from. Taking it raised the slot's epoch: earlier owners can commit no more. */
export interface SlotClaim {
  readonly slot: number;
  readonly epoch: number;
  readonly marks: readonly Mark[];
  readonly outbox: OutboxHead;
  readonly entities: readonly DictionaryEntry[];
  readonly origins: readonly OriginEntry[];
  /** Newest minute of any stored minute row of the slot; NO_WATERMARK when there is none. */
  readonly newestMinute: number;
}

/** minute rows are merged from increments; hour and day rows are derived from minute rows and can be made again. */
export type Granularity = 'minute' | 'hour' | 'day';

/** Values of one metric for the rows of a RowBlock; `present[i]` is 0 where row i lacks the metric (stored as NULLs). */
export interface RowColumns {
  readonly schema: MetricSchema;
  readonly present: Uint8Array;
  readonly ints: readonly BigInt64Array[];
  /** Per distribution field, per row: canonical bytes, undefined where absent. */
  readonly distributions: readonly (readonly (Uint8Array | undefined)[])[];
}

/** Rows of one scope's table in one slot, columnar: row i is (minutes[i], origins[i], entities[i]), absolute values. */
export interface RowBlock {
  readonly scope: ScopeName;
  readonly granularity: Granularity;
  readonly slot: number;
  /** Epoch minute of the bucket's start. */
  readonly minutes: Int32Array;
  readonly origins: Int32Array;
  readonly entities: Int32Array;
  readonly metrics: readonly RowColumns[];
}

export interface OutboxEntry {
  readonly slot: number;
  readonly seq: number;
  /** `encodeHeader` bytes and `joinContent` bytes: immutable once committed. */
  readonly header: Uint8Array;
  readonly content: Uint8Array;
  /** Chain after this entry. */
  readonly chain: Uint8Array;
  readonly increments: number;
  readonly createdAtMs: number;
}

/** Something that arrived and could not be applied: kept whole, with the reason, in the transaction that advanced its mark. */
export interface ParkedBatch {
  readonly logId: string;
  readonly slot: number;
  readonly seq: number;
  readonly reason: 'unknown-metric' | 'overflow' | 'undecodable' | 'future' | 'expired';
  readonly increments: number;
  readonly detail: string;
  readonly content: Uint8Array;
}

/** Everything that one slot commits at once. `epoch` is checked inside the transaction. */
export interface SlotFlush {
  readonly slot: number;
  readonly epoch: number;
  /** New or changed dictionary entries (upserted by code). */
  readonly entities: readonly DictionaryEntry[];
  readonly origins: readonly OriginEntry[];
  readonly rows: readonly RowBlock[];
  /** New values of the marks. `previousSeq` must be what is stored (0: no row yet), or the flush is refused. */
  readonly marks: readonly { readonly mark: Mark; readonly previousSeq: number }[];
  /** Entry to append; its seq must be the head's `nextSeq`. */
  readonly outbox?: { readonly entry: OutboxEntry; readonly watermark: number };
  readonly parked: readonly ParkedBatch[];
  /** Epoch hours (minute / 60) whose hour and day rows no longer match the minute rows. */
  readonly dirtyHours: readonly number[];
  /** Epoch hours whose derived rows are in `rows` and are right again. */
  readonly cleanedHours: readonly number[];
}

/** `notOwner`: some slot's epoch or mark was not what the flush said; nothing of the whole call was written. */
export type FlushOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'notOwner'; readonly slots: readonly number[] };

/** A child tier that must report: it holds the watermark back until it does, or until an operator retires it. */
export interface ExpectedChild {
  readonly tier: string;
  readonly sinceMinute: number;
  readonly retiredAtMs?: number;
}

/** How complete one source is: `completeToMinute` is exclusive (everything before it is in), NO_WATERMARK when nothing was heard. */
export interface SourceCompleteness {
  /** Origin tier (leaf) name. */
  readonly origin: string;
  /** The direct child that it arrives through; the origin itself when it is a direct child; '' for this tier's own nodes. */
  readonly via: string;
  readonly completeToMinute: number;
  readonly lastAdvanceMs: number;
  /** Set when an operator retired the child that it arrives through: it holds nothing back any more, and answers say so. */
  readonly retiredAtMs?: number;
}

export interface ServiceInfo {
  readonly id: string;
  readonly name: string;
  readonly normal: boolean;
  readonly layers: readonly string[];
}

export interface NamedInfo {
  readonly id: string;
  readonly name: string;
  readonly serviceId: string;
}

/** What an agent says of its instance: language, host, process id, ... In the order it was said. */
export interface InstanceProperties {
  /** Entity id of the ServiceInstance. */
  readonly instanceId: string;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

/** An instance, with what its agent said of it; nothing was said at upper tiers: properties are not forwarded. */
export interface InstanceInfo extends NamedInfo {
  readonly properties: InstanceProperties['properties'];
}

/** Metadata that the increments implied. */
export interface MetadataReader {
  listLayers(): Promise<readonly string[]>;
  listServices(layer?: string): Promise<readonly ServiceInfo[]>;
  /** Instances of a service with rows in [fromMinute, toMinute] (epoch minutes). */
  listInstances(serviceId: string, fromMinute: number, toMinute: number): Promise<readonly InstanceInfo[]>;
  /** Endpoints of a service whose name contains `keyword`, newest first, at most `limit`. */
  findEndpoints(serviceId: string, keyword: string, limit: number): Promise<readonly NamedInfo[]>;
  /** The entity behind ids of a scope, where known. */
  entities(scope: ScopeName, ids: readonly string[]): Promise<readonly Entity[]>;
  completeness(): Promise<readonly SourceCompleteness[]>;
}

export interface Maintenance {
  /** Hours with stale derived rows, oldest first. */
  dirtyHours(slot: number): Promise<readonly number[]>;
  /** Drops what is older than the TTL: whole day partitions, acknowledged outbox entries, marks of local logs long silent. */
  dropExpired(options: {
    readonly nowMs: number;
    readonly ttlDays: number;
    readonly outboxRetentionMs: number;
  }): Promise<void>;
}

/**
 * A tier's storage. Every method may throw StorageUnavailable (retry later; for `flush` the outcome is then unknown: forget the
 * slots' memory, claim again, let the marks decide).
 */
export interface TierStore extends AsyncDisposable {
  /** Column groups for these metrics exist; safe when several nodes do it at once. Called once, before anything else. */
  prepareMetrics(schemas: readonly MetricSchema[]): Promise<void>;
  /** Raises the slot's epoch and returns its state. */
  claimSlot(slot: number, owner: string): Promise<SlotClaim>;
  /** All stored rows of a slot in the given minutes (or hour/day starts), every metric of the scopes; one block per scope with rows. */
  loadRows(slot: number, granularity: Granularity, starts: readonly number[]): Promise<readonly RowBlock[]>;
  /** One transaction for all the given slots. */
  flush(flushes: readonly SlotFlush[]): Promise<FlushOutcome>;
  /** Entries with seq > `afterSeq` in seq order, up to about `bytesMax` (at least one if any). */
  readOutbox(slot: number, afterSeq: number, bytesMax: number): Promise<readonly OutboxEntry[]>;
  outboxHead(slot: number): Promise<OutboxHead>;
  /** Records that the upstream has committed everything up to `seq`; never goes back. */
  acknowledgeOutbox(slot: number, seq: number): Promise<void>;
  /** Entries and bytes not acknowledged, over all slots. */
  outboxBacklog(): Promise<{ readonly entries: number; readonly bytes: number }>;
  expectedChildren(): Promise<readonly ExpectedChild[]>;
  /** Adds children; those already there keep their `sinceMinute`. */
  expectChildren(children: readonly ExpectedChild[]): Promise<void>;
  /** Retires a child at that time, or expects it again (undefined). False when no such child is known. */
  retireChild(tier: string, atMs: number | undefined): Promise<boolean>;
  /** Replaces what was known of these instances. Not part of any promise: the last writer wins. */
  saveInstanceProperties(instances: readonly InstanceProperties[]): Promise<void>;
  readonly reader: MetricReader;
  readonly metadata: MetadataReader;
  readonly maintenance: Maintenance;
}

/** The database cannot be reached, or refused for a reason that passes (deadlock, serialisation, shutdown, disk full). */
export class StorageUnavailable extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StorageUnavailable';
  }
}
