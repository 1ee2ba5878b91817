// SPDX-License-Identifier: Apache-2.0
// The ports of analysis: where sources enter (L1), and where increment batches enter (the slot owner, L2).
import type { BatchHeader, ColumnMemory, IncrementBatch, LogPosition } from '@oap-federation/model';
import type { SourceRecord } from '@oap-federation/oal';
import type { Mark } from '@oap-federation/storage';
import type { ContentPieces } from './chain.js';
import type { RepairKind, UpstreamPosition } from './outbound.js';

/** L1's door. Takes one source event at once, never blocks; what it cannot take is counted. The record may be reused after the call. */
export interface SourceReceiver {
  receive(source: SourceRecord): void;
}

/** One numbered batch of one log, decoded, on its way into a slot. */
export interface IncomingBatch {
  readonly logId: string;
  readonly slot: number;
  readonly gen: number;
  readonly seq: number;
  /** Tier name of the sender; node instance id for local logs. */
  readonly producer: string;
  readonly kind: 'federated' | 'local';
  readonly header: BatchHeader;
  /** Exactly what the sender stored and hashed; empty for local logs, which have no chain. */
  readonly headerBytes: Uint8Array;
  readonly contentBytes: Uint8Array;
  /** The same, when it is not in one piece: `contentBytes` then puts it together for each who asks. */
  readonly contentPieces?: ContentPieces | undefined;
  /** SHA-256 chain after this batch as the sender says; empty for local logs. */
  readonly chain: Uint8Array;
  readonly batch: IncrementBatch;
  /** The same for who uses it up at once: its int columns are good until `memory` is used again, and nothing of it is kept. */
  passing?(memory: ColumnMemory): IncrementBatch;
  /** Why nobody can read the content; `batch` is empty then. */
  readonly undecodable?: string | undefined;
}

/** What became of an offered batch. Only `committed` and `duplicate` are acknowledgements; all others mean: not applied, offer again. */
export type BatchOutcome =
  | { readonly kind: 'committed'; readonly appliedSeq: number }
  | { readonly kind: 'duplicate'; readonly appliedSeq: number }
  | { readonly kind: 'gap'; readonly expectedSeq: number }
  | { readonly kind: 'notOwner' }
  | { readonly kind: 'busy'; readonly retryAfterMs: number }
  /** The content does not continue the chain that is stored: the producer's history was changed. Terminal for the log. */
  | { readonly kind: 'forked'; readonly appliedSeq: number }
  /** The producer's gen is older than the stored one. Terminal for that producer instance. */
  | { readonly kind: 'fenced'; readonly gen: number };

/** The slot owner's door: L1 and the federation receiver offer batches here. */
export interface SlotIntake {
  owns(slot: number): boolean;
  ownedSlots(): readonly number[];
  /** Committed mark of a log in a slot that is owned here; undefined when the log is new, or the slot is not owned. */
  mark(slot: number, logId: string): Mark | undefined;
  /** Resolves when the batch is committed, or refused. Batches of one log may be offered ahead, in seq order, without waiting. */
  offer(batch: IncomingBatch): Promise<BatchOutcome>;
  /** Commits what was offered, without waiting for the end of the period: a producer holds back until it is answered. */
  commitSoon(): void;
  /** The claim under which a slot is owned here; undefined when it is not. A new claim must be compared with the upstream again. */
  claim(slot: number): number | undefined;
  /** Of each input, what was in the outbound log when the slot was claimed, or waited for it; empty when it is not owned. */
  claimed(slot: number): ReadonlyMap<string, LogPosition>;
  /** Whether the outbound log was verified under this claim. */
  isVerified(slot: number, claim: number): boolean;
  /**
   * The upstream refuses everything of the outbound log before generation `gen`, and what it has is in the past of the head as read under
   * `claim`: from now on entries get numbers, under `gen`. False when it was not done: offer the log again.
   */
  verify(slot: number, claim: number, gen: number): Promise<boolean>;
  /** The upstream has committed everything of the slot's outbound log up to `seq`: a hint, the storage is told by the forwarder. */
  acknowledged(slot: number, seq: number): void;
  /**
   * Refuses batches of the log from generations before `gen`, durably: after it, the mark moves for `gen` and later alone. False when
   * the slot is not owned here, or the storage is away: ask again. A log that is new here gets its mark by this, at seq 0.
   */
  raiseGeneration(slot: number, logId: string, gen: number, producer: string): Promise<boolean>;
  /**
   * The slot's outbound log goes on after `position`, which the upstream fenced for us, and does not forward again what is in it. False
   * when it was not done: offer the log again.
   */
  repair(slot: number, claim: number, position: UpstreamPosition, how: RepairKind): Promise<boolean>;
  /** Calls back whenever the set of owned slots changes; returns the way to stop. */
  watchOwnership(listener: () => void): () => void;
  /** Calls back after a commit that appended to a slot's outbox. */
  watchOutbox(listener: (slot: number) => void): () => void;
}
