// SPDX-License-Identifier: Apache-2.0
// One owned slot in memory: its rows and marks, its outbound log, its audit, and what waits to be flushed. All of it is a cache of the
// storage; whatever fails leads to a new claim.
import { minuteOf } from '@oap-federation/model';
import { changedHead, type SlotClaim, type SlotFence, type SlotFlush } from '@oap-federation/storage';
import { SlotAudit } from './audit.js';
import { headAfter, OutboundLog } from './outbound.js';
import { SlotState, type MetricsOfScope } from './slot-state.js';
import type { BatchOutcome, IncomingBatch } from './ports.js';

export interface Queued {
  readonly incoming: IncomingBatch;
  readonly resolve: (outcome: BatchOutcome) => void;
}

export interface Slot {
  readonly state: SlotState;
  readonly outbound: OutboundLog;
  readonly audit: SlotAudit;
  /** Accepted, in order of arrival, not yet in a flush. */
  queue: Queued[];
  /** Per log: what the next offered batch must be, beyond the committed mark. */
  readonly expected: Map<string, { seq: number; chain: Uint8Array }>;
  /** Generations that are being fenced, or are: older ones are refused from the moment of the request. */
  readonly fenced: Map<string, number>;
  /** Parked batches were looked at up to this id; all of them, once `parkedMerged`. */
  parkedTo: number;
  parkedMerged: boolean;
  /** Local logs whose batches do not follow the mark in memory: either this memory is old, or the storage lost something. */
  readonly gaps: Map<string, Gap>;
  lastRollupMs: number;
}

/** The first batch of a local log that was offered beyond a gap. All before it were committed when it was offered. */
export interface Gap {
  readonly seq: number;
  readonly sinceMs: number;
  /** `seen` until it stays; `stale`: the slot must be claimed again; `checked`: the storage said the same after the offer. */
  readonly state: 'seen' | 'stale' | 'checked';
}

/** A slot as it was just claimed. */
export function openSlot(
  claim: SlotClaim,
  metricsOf: MetricsOfScope,
  gaps: Map<string, Gap>,
  clock: { readonly wallMs: number; readonly monotonicMs: number },
): Slot {
  return {
    state: new SlotState(claim, metricsOf),
    outbound: new OutboundLog(claim),
    audit: new SlotAudit(claim, minuteOf(clock.wallMs)),
    queue: [],
    expected: new Map(),
    fenced: new Map(),
    parkedTo: 0,
    parkedMerged: false,
    gaps,
    lastRollupMs: clock.monotonicMs,
  };
}

function afterFlush({ epoch, claim, flushes }: SlotFence): SlotFence {
  return { epoch, claim, flushes: flushes + 1 };
}

/** The slot's fence and outbound log as the commit of `flush` left them. */
export function flushed({ state, outbound }: Slot, flush: SlotFlush): void {
  state.fence = afterFlush(state.fence);
  const { repair, outbox, pending, settled } = flush;
  if (flush.gen !== undefined) outbound.head = changedHead(outbound.head, { gen: flush.gen });
  if (repair) {
    const { gen, seq, chain, ledger, suppressed } = repair;
    outbound.head = changedHead(outbound.head, { gen, nextSeq: seq + 1, chain, ledger, acknowledgedSeq: seq });
    outbound.suppressed = suppressed;
  }
  if (flush.suppressed) outbound.suppressed = flush.suppressed;
  for (const { entry, watermark } of outbox) outbound.head = headAfter(outbound.head, entry, watermark);
  outbound.watermark = Math.max(outbound.watermark, outbound.head.watermark); // entries of an owner before this one promised it
  const { entries, firstOrd, lastOrd } = outbound.pending;
  outbound.pending = {
    entries: entries + pending.length - settled.length - (repair?.dropPending.length ?? 0),
    firstOrd: Math.min(firstOrd, pending[0]?.ord ?? firstOrd),
    lastOrd: Math.max(lastOrd, pending.at(-1)?.ord ?? 0),
  };
}

/** What a waiting batch costs, in bytes: its content, or an estimate for local batches, which are not encoded. */
export function sizeOf(incoming: IncomingBatch): number {
  const { contentPieces } = incoming;
  if (contentPieces) return contentPieces.head.length + contentPieces.body.length;
  return incoming.contentBytes.length || 64 + incoming.header.increments * 64;
}
