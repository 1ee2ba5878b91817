// SPDX-License-Identifier: Apache-2.0
// The storage port of a tier: slots with their fence, merged rows, delivery marks, outbox, dictionary, and the readers.
// In: one flush per slot, all or nothing. Out: what a new owner must know, and what queries read. Source: docs/protocol.md.
import type {
  DistributionBytes,
  Entity,
  LogPosition,
  Loss,
  Manifest,
  MetricSchema,
  ScopeName,
} from '@oap-federation/model';
import type { MetricReader } from '@oap-federation/mqe';
import type { UiTemplateStore } from './ui-templates.js';
import type { AlarmStore } from './alarm-port.js';

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
  /** Increments taken from this log so far: what the producer's `ledger` must say. */
  readonly increments: number;
  /** What of the producer's own inputs is in here, as its last batch said: how a producer whose storage went back finds out. */
  readonly frontier: ReadonlyMap<string, LogPosition>;
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
  /** Increments in all batches before `nextSeq`. */
  readonly ledger: number;
  /** Of the claim that may append now: a comparison with the upstream holds for this claim alone. */
  readonly claim: number;
  /** An operator accepts that what the upstream needs and the outbox no longer has is lost: it may be passed over, declared. */
  readonly lossAccepted: boolean;
}

/** `head` with what differs. Written out, as for each batch and acknowledgement a spread costs twenty times as much. */
export function changedHead(head: OutboxHead, to: Partial<OutboxHead>): OutboxHead {
  return {
    logId: head.logId,
    gen: to.gen ?? head.gen,
    nextSeq: to.nextSeq ?? head.nextSeq,
    chain: to.chain ?? head.chain,
    acknowledgedSeq: to.acknowledgedSeq ?? head.acknowledgedSeq,
    watermark: to.watermark ?? head.watermark,
    ledger: to.ledger ?? head.ledger,
    claim: to.claim ?? head.claim,
    lossAccepted: to.lossAccepted ?? head.lossAccepted,
  };
}

/**
 * What the slot's row must say for a flush to be written. `claim` is a random number of each claim, since an epoch may come again after
 * the storage was restored; `flushes` counts those of the claim, so memory that is ahead of a restored storage, or behind it, is noticed.
 */
export interface SlotFence {
  readonly epoch: number;
  readonly claim: number;
  readonly flushes: number;
}

/** What a new owner of a slot starts from. Taking it raised the slot's epoch: earlier owners can commit no more. */
export interface SlotClaim {
  readonly slot: number;
  readonly fence: SlotFence;
  readonly marks: readonly Mark[];
  readonly outbox: OutboxHead;
  /**
   * Inputs that the upstream has up to here, beyond what this storage remembered: merged, but not forwarded again. A batch of a later
   * generation at or before it is not the one that the upstream has, but may hold the same events.
   */
  readonly suppressed: ReadonlyMap<string, LogPosition>;
  /** Pending entries: their number, the ord of the first there is (1: none), and of the last that ever was (0: none). */
  readonly pending: { readonly entries: number; readonly firstOrd: number; readonly lastOrd: number };
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
  /** Per distribution field: no bytes at all where absent. */
  readonly distributions: readonly DistributionBytes[];
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
  /** The slot's owner knows that none of the rows is stored yet. A row that is there after all fails the flush. */
  readonly fresh?: boolean;
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

/**
 * Part of the outbound log that has no number yet. What an owner appends before it knows that its outbox continues what the upstream
 * has, and what waits for room, is pending: it may still be dropped after a repair, or folded. What has a number never changes.
 */
export interface PendingEntry {
  readonly slot: number;
  /** Order in the slot, ascending; never used twice. */
  readonly ord: number;
  /** The one input batch that it is made of; undefined when it may be of several. */
  readonly source?: LogPosition & { readonly logId: string };
  /** As of an outbox entry, but nothing has hashed them yet; `ledger` in the header counts for nothing. */
  readonly header: Uint8Array;
  readonly content: Uint8Array;
  readonly increments: number;
  readonly createdAtMs: number;
}

/** An entry of the outbox, and the tier's promise with it. */
export interface OutboxAppend {
  readonly entry: OutboxEntry;
  readonly watermark: number;
}

/** Where the outbound log goes on after the upstream was found to be ahead of this storage. */
export interface LogRepair {
  readonly gen: number;
  /** The upstream's mark: numbering goes on after it. */
  readonly seq: number;
  /**
   * Entries of the outbox up to here stay, acknowledged: they are known to be those that the upstream had under their numbers. All others
   * leave, and none is after `seq`.
   */
  readonly keepTo: number;
  readonly chain: Uint8Array;
  readonly ledger: number;
  readonly suppressed: ReadonlyMap<string, LogPosition>;
  /** Pending entries that the upstream has. */
  readonly dropPending: readonly number[];
}

/** A declared loss, under the batch that brought it; for a loss of this tier, its own outbound log and the number given. */
export interface StoredLoss extends Loss {
  readonly logId: string;
  readonly seq: number;
  readonly index: number;
}

/** Digest of a minute: what an input log says that it sent in sum, or, for `logId` '', what this slot has merged. */
export interface StoredManifest extends Manifest {
  readonly logId: string;
}

/**
 * What a comparison of a minute's digests found. `suspect`: what the logs say that they sent is not what this slot has merged, and nothing
 * declared explains it. `unchecked`: it cannot be said; `reason` is for people. Minutes that match are not stored.
 */
export interface Verdict {
  readonly minute: number;
  readonly state: 'matched' | 'suspect' | 'unchecked';
  /** Tiers directly below that are part of the comparison. */
  readonly tiers: readonly string[];
  readonly reason: string;
}

/** Losses of one kind in sum. `via`: the child that brought the news; '' for this tier's own. Minutes are NO_WATERMARK where not known. */
export interface DeclaredLoss extends Loss {
  readonly via: string;
}

/** Minutes of all slots with one verdict: first, last and how many. */
export interface VerdictSummary extends Pick<Verdict, 'tiers' | 'reason'> {
  readonly state: 'suspect' | 'unchecked';
  readonly firstMinute: number;
  readonly lastMinute: number;
  readonly minutes: number;
}

/** What is known not to be whole: declared losses, and minutes that were not found whole. */
export interface Conservation {
  readonly losses: readonly DeclaredLoss[];
  readonly verdicts: readonly VerdictSummary[];
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

/** A parked batch as it is stored. */
export interface StoredPark extends ParkedBatch {
  readonly id: number;
}

/** Everything that one slot commits at once. `fence` is checked inside the transaction, and raised by one flush. */
export interface SlotFlush {
  readonly slot: number;
  readonly fence: SlotFence;
  /** New or changed dictionary entries (upserted by code). */
  readonly entities: readonly DictionaryEntry[];
  readonly origins: readonly OriginEntry[];
  readonly rows: readonly RowBlock[];
  /** New values of the marks. `previousSeq` must be what is stored (0: no row yet), or the flush is refused. */
  readonly marks: readonly { readonly mark: Mark; readonly previousSeq: number }[];
  /** Entries to append, in seq order; the first must be the head's `nextSeq`. */
  readonly outbox: readonly OutboxAppend[];
  /** Entries without a number to append, in ord order. */
  readonly pending: readonly PendingEntry[];
  /** Pending entries that leave: they are in `outbox`, or folded into one of `pending`. Removed before `pending` is added. */
  readonly settled: readonly number[];
  /** The outbound log goes on elsewhere; nothing is in `outbox` then. */
  readonly repair?: LogRepair | undefined;
  /** Generation under which batches of the outbound log go from now on; a repair has its own. */
  readonly gen?: number | undefined;
  /** New state of what is suppressed, where it changed. */
  readonly suppressed?: ReadonlyMap<string, LogPosition> | undefined;
  readonly parked: readonly ParkedBatch[];
  /** Ids of parked batches that are merged by this flush. */
  readonly unparked: readonly number[];
  readonly losses: readonly StoredLoss[];
  /** Digests, newest state. */
  readonly manifests: readonly StoredManifest[];
  /** What was found of minutes, newest state; `matched` takes an older verdict back. */
  readonly verdicts?: readonly Verdict[] | undefined;
  /** Epoch hours (minute / 60) whose hour and day rows no longer match the minute rows. */
  readonly dirtyHours: readonly number[];
  /** Epoch hours whose derived rows are in `rows` and are right again. */
  readonly cleanedHours: readonly number[];
}

const NONE: readonly never[] = [];

/** A flush that changes this and nothing else. All of them have the same fields, because what reads a flush reads most of them. */
export function flushOf(slot: number, fence: SlotFence, what: Partial<Omit<SlotFlush, 'slot' | 'fence'>>): SlotFlush {
  return {
    slot,
    fence,
    entities: what.entities ?? NONE,
    origins: what.origins ?? NONE,
    rows: what.rows ?? NONE,
    marks: what.marks ?? NONE,
    outbox: what.outbox ?? NONE,
    pending: what.pending ?? NONE,
    settled: what.settled ?? NONE,
    repair: what.repair,
    gen: what.gen,
    suppressed: what.suppressed,
    parked: what.parked ?? NONE,
    unparked: what.unparked ?? NONE,
    losses: what.losses ?? NONE,
    manifests: what.manifests ?? NONE,
    verdicts: what.verdicts,
    dirtyHours: what.dirtyHours ?? NONE,
    cleanedHours: what.cleanedHours ?? NONE,
  };
}

/** The newest flush that wrote minute rows of a minute of a slot: rows of equal revisions are equal. */
export interface MinuteRevision {
  readonly slot: number;
  /** Epoch minute. */
  readonly minute: number;
  /** Grows with every flush of the slot, across claims and restarts, but not evenly: it is no count. */
  readonly revision: number;
}

/** Which revisions to read; what is left out does not restrict. `afterRevision` is exclusive, minutes are inclusive. */
export interface RevisionQuery {
  readonly slots?: readonly number[];
  readonly afterRevision?: number;
  readonly fromMinute?: number;
  readonly toMinute?: number;
}

/** `notOwner`: some slot's fence, mark or outbox was not what the flush said; nothing of the whole call was written. */
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

export type RelationScope = 'ServiceRelation' | 'ServiceInstanceRelation' | 'EndpointRelation';

/** Entities of a scope with rows of one of these origins (not merged ones) in [fromMinute, toMinute] (epoch minutes). */
export interface ReportedByQuery {
  readonly scope: ScopeName;
  readonly origins: readonly string[];
  readonly fromMinute: number;
  readonly toMinute: number;
  /** Only of this service (its id). */
  readonly serviceId?: string;
}

/** Metadata that the increments implied. */
export interface MetadataReader {
  listLayers(): Promise<readonly string[]>;
  listServices(layer?: string): Promise<readonly ServiceInfo[]>;
  /** Instances of a service with rows in [fromMinute, toMinute] (epoch minutes). */
  listInstances(serviceId: string, fromMinute: number, toMinute: number): Promise<readonly InstanceInfo[]>;
  /** Endpoints of a service whose name contains `keyword`, newest first, at most `limit`. */
  findEndpoints(serviceId: string, keyword: string, limit: number): Promise<readonly NamedInfo[]>;
  /** One instance by its id, whenever it had rows. */
  instance(id: string): Promise<InstanceInfo | undefined>;
  /** Relations of a scope that one of these services (ids; left out: any) takes part in, whenever they had rows; at most `limit`. */
  relations(scope: RelationScope, limit: number, serviceIds?: readonly string[]): Promise<readonly Required<Entity>[]>;
  /** Every origin that rows were ever stored of, ascending. */
  origins(): Promise<readonly string[]>;
  /** Ids of the entities that `query` names, ascending. */
  reportedBy(query: ReportedByQuery): Promise<readonly string[]>;
  /** The entity behind ids of a scope, where known. */
  entities(scope: ScopeName, ids: readonly string[]): Promise<readonly Entity[]>;
  completeness(): Promise<readonly SourceCompleteness[]>;
  conservation(): Promise<Conservation>;
}

export interface Maintenance {
  /** Hours with stale derived rows, oldest first. */
  dirtyHours(slot: number): Promise<readonly number[]>;
  /**
   * Drops what is older than the TTL: whole day partitions, marks of local logs long silent. Of the outbox: acknowledged entries that are
   * stable upstream, those that were acknowledged `outboxRetentionMs` ago or earlier, and the oldest of a slot that are more than
   * `outboxRetentionBytes` (default: no bound) with all after them, but none before RETAINED_AT_LEAST_MS (I4).
   */
  dropExpired(options: {
    readonly nowMs: number;
    readonly ttlDays: number;
    readonly outboxRetentionMs: number;
    readonly outboxRetentionBytes?: number;
  }): Promise<void>;
}

/** An acknowledged entry stays that long, however many bytes wait with it: an upstream fails over within it. Source: delivery I4. */
export const RETAINED_AT_LEAST_MS = 120_000;

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
  /**
   * Records that the upstream has committed everything up to `seq`; never goes back. `stableSeq`: what of it survives the loss of the
   * upstream's storage, as far as it is known there (0, or left out: nothing is).
   */
  acknowledgeOutbox(slot: number, seq: number, stableSeq?: number): Promise<void>;
  /**
   * The upstream's storage went back: of what it acknowledged it has everything up to `seq`. The rest is not acknowledged any more, and
   * stays until it is again. Nothing when so much was never acknowledged.
   */
  rewindOutbox(slot: number, seq: number): Promise<void>;
  /** Of an input log, as this process committed it: up to which seq it survives the loss of this storage. 0 when that is not known. */
  stableSeq(slot: number, logId: string): number;
  /** Pending entries with ord > `afterOrd` in order, up to about `bytesMax` (at least one if any). */
  readPending(slot: number, afterOrd: number, bytesMax: number): Promise<readonly PendingEntry[]>;
  /** Parked batches of a reason with id > `afterId` in order, at most `limit`. */
  readParked(
    slot: number,
    reason: ParkedBatch['reason'],
    afterId: number,
    limit: number,
  ): Promise<readonly StoredPark[]>;
  /** Digests of the slot's minutes from `fromMinute` to `toMinute` (inclusive; default: on). */
  readManifests(slot: number, fromMinute: number, toMinute?: number): Promise<readonly StoredManifest[]>;
  /** Losses noted in the slot that are, or may be, of these minutes (inclusive). */
  readLosses(slot: number, fromMinute: number, toMinute: number): Promise<readonly StoredLoss[]>;
  /** Verdicts of the slot's minutes but `matched`, ascending. */
  readVerdicts(slot: number): Promise<readonly Verdict[]>;
  /**
   * Revisions of minutes, by slot and minute. Flushes of one slot are seen in the order of their revisions, so what comes after the newest
   * revision seen of a slot is all that changed in it since. Revisions of different slots say nothing about each other. Minutes that
   * were written before revisions were kept have none. After the storage was restored, minutes may be back at older revisions.
   */
  readRevisions(query: RevisionQuery): Promise<readonly MinuteRevision[]>;
  /** The slot's entities by code, without a claim. */
  readDictionary(slot: number): Promise<readonly DictionaryEntry[]>;
  /** Schema texts of all metrics that there may be rows of, by name; of earlier configurations too. */
  storedMetrics(): Promise<readonly string[]>;
  /** Entries and bytes that the upstream has not acknowledged, pending ones included, over all slots. */
  outboxBacklog(): Promise<{ readonly entries: number; readonly bytes: number }>;
  expectedChildren(): Promise<readonly ExpectedChild[]>;
  /** Adds children; those already there keep their `sinceMinute`. */
  expectChildren(children: readonly ExpectedChild[]): Promise<void>;
  /** Retires a child at that time, or expects it again (undefined). False when no such child is known. */
  retireChild(tier: string, atMs: number | undefined): Promise<boolean>;
  /** Until its next repair, the slot's outbound log may pass over what the outbox no longer has. */
  acceptLoss(slot: number): Promise<void>;
  /** Replaces what was known of these instances. Not part of any promise: the last writer wins. */
  saveInstanceProperties(instances: readonly InstanceProperties[]): Promise<void>;
  readonly reader: MetricReader;
  readonly metadata: MetadataReader;
  readonly templates: UiTemplateStore;
  readonly maintenance: Maintenance;
  readonly alarms: AlarmStore;
}

/** The database cannot be reached, or refused for a reason that passes (deadlock, serialisation, shutdown, disk full). */
export class StorageUnavailable extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StorageUnavailable';
  }
}
