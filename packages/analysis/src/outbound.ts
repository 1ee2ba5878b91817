// SPDX-License-Identifier: Apache-2.0
// A slot's outbound log, as its owner sees it: where it ends, what waits without a number, what must not be forwarded again. In: the
// claim, comparisons with the upstream, commits. Out: how the next flush appends, and the bytes of what it appends.
// A number is given only while the log is known to continue what the upstream has. Until then every input batch stays apart, so that a
// repair can tell what the upstream has of it; when the upstream is far behind, entries wait without a number and are folded.
import {
  decodeContent,
  decodeHeader,
  EMPTY_HEADER,
  encodeHeader,
  encodeJoinedContent,
  incrementCount,
  NO_WATERMARK,
  splitContent,
  withForeignBlocks,
  type BatchHeader,
  type ForeignBlock,
  type IncrementBatch,
  type LogPosition,
  type Loss,
  type Manifest,
} from '@oap-federation/model';
import {
  changedHead,
  type LogRepair,
  type Mark,
  type OutboxEntry,
  type OutboxHead,
  type PendingEntry,
  type SlotClaim,
} from '@oap-federation/storage';
import { chainAfter } from './chain.js';
import { SlotDelta } from './delta.js';
import type { IncomingBatch } from './ports.js';
import { joinedLosses } from './shed.js';

/** Numbered entries that the upstream has not acknowledged: with more, new ones wait without a number and can be folded. */
const NUMBERED_MAX = 32; // two windows of the stream
/** Bytes of pending entries that are sealed or folded at once: what one entry may have, far below what a stream refuses. */
export const FOLD_BYTES_MAX = 16 * 1024 * 1024;
/** A folded entry of so many bytes is left alone: folding it again and again would cost more than it saves. */
export const FOLDED_ENOUGH_BYTES = 4 * 1024 * 1024;
/** Pending entries before it is worth folding them. */
const FOLD_ENTRIES_MIN = 16;

/** Before the first ord that can be: entries that are numbered again wait under negative ones. */
export const BEFORE_ALL = Number.MIN_SAFE_INTEGER;

/** What the upstream has of this tier's log, and what of this tier's inputs was in it. */
export interface UpstreamPosition extends LogPosition {
  readonly chain: Uint8Array;
  readonly increments: number;
  readonly frontier: ReadonlyMap<string, LogPosition>;
}

/**
 * How a log and what the upstream has of it came apart. `behind`: both are of one past, and the storage is at an earlier point of it.
 * `apart`: the storage's entries may not be those that the upstream has under their numbers. `passOver`: the upstream is at an earlier
 * point, the outbox no longer has what comes next, and an operator accepts that it is lost.
 */
export type RepairKind = 'behind' | 'apart' | 'passOver';

/** One thing to append: increments, and what is said with them. */
export interface Portion {
  readonly batch: IncrementBatch;
  readonly increments: number;
  readonly losses: readonly Loss[];
  readonly manifests: readonly Manifest[];
  readonly watermark: number;
  readonly origins: ReadonlyMap<string, number>;
  readonly frontier: ReadonlyMap<string, LogPosition>;
}

export class OutboundLog {
  head: OutboxHead;
  /** The upstream fenced this log under this very claim, and what it has of it was compared. */
  verified = false;
  pending: SlotClaim['pending'];
  suppressed: ReadonlyMap<string, LogPosition>;
  /** What entries of this owner promised per origin; empty after a claim, so that its first entry says all again. */
  toldOrigins: ReadonlyMap<string, number> = new Map();
  /** Highest watermark said, in pending entries too. */
  watermark: number;
  /** Pending entries up to this ord are as folded as they get. */
  foldedTo = BEFORE_ALL;
  /** What was in the log, or waited for it, when the slot was claimed. */
  readonly claimed: ReadonlyMap<string, LogPosition>;
  /** Under this claim something said, before the first pending entry of one batch, what was in the log until then. */
  anchored = false;

  constructor(claim: SlotClaim) {
    this.head = claim.outbox;
    this.pending = claim.pending;
    this.suppressed = claim.suppressed;
    this.watermark = claim.outbox.watermark;
    this.claimed = this.frontier(claim.marks.map((mark) => [mark.logId, mark] as const));
  }

  /** How the next flush appends. `perBatch`: nothing is known of the upstream; `pending`: something waits already, or too much. */
  get mode(): 'numbered' | 'pending' | 'perBatch' {
    if (!this.verified) return 'perBatch';
    return this.pending.entries === 0 && this.hasRoom ? 'numbered' : 'pending';
  }

  get hasRoom(): boolean {
    return this.head.nextSeq - 1 - this.head.acknowledgedSeq < NUMBERED_MAX;
  }

  get mayFold(): boolean {
    return this.verified && !this.hasRoom && this.pending.entries >= FOLD_ENTRIES_MIN;
  }

  /** Whether the upstream has a batch of an input log, beyond what this storage remembered. `before`: what the log's mark says. */
  known({ logId, gen, seq, header }: IncomingBatch, before: Pick<Mark, 'frontier'> | undefined): Included {
    if (this.suppressed.size === 0) return 'no';
    const range = { before: before?.frontier ?? NOTHING, upTo: header.frontier };
    return included({ logId, gen, seq }, range, this.suppressed);
  }

  /**
   * What is in this log once all of `inputs` is, be they marks or what an entry that waited said when it was written: never less than
   * what the upstream was found to have. Of marks, what their logs are made of is said too: a neighbour above that goes back in time
   * can tell by it what it has of a batch, whatever number the batch has.
   */
  frontier(inputs: Iterable<readonly [logId: string, at: LogPosition & Partial<Pick<Mark, 'frontier'>>]>) {
    const frontier = new Map(this.suppressed);
    const reach = (logId: string, { gen, seq }: LogPosition) => {
      if (seq >= (frontier.get(logId)?.seq ?? 0)) frontier.set(logId, { gen, seq });
    };
    for (const [logId, at] of inputs) {
      reach(logId, at);
      for (const [inner, position] of at.frontier ?? NOTHING) reach(inner, position);
    }
    return frontier;
  }

  /**
   * Suppressions that the marks have passed are over, once nothing waits: what waits was written before, and does not say that the
   * upstream has them. Undefined when none is over.
   */
  withoutPassed(marks: ReadonlyMap<string, Mark>): ReadonlyMap<string, LogPosition> | undefined {
    if (this.pending.entries > 0 || this.suppressed.size === 0) return undefined;
    const reached = new Map<string, number>();
    for (const [logId, { seq, frontier }] of marks) {
      reached.set(logId, seq);
      for (const [inner, at] of frontier) reached.set(inner, at.seq);
    }
    const isPassed = ([logId, { seq }]: readonly [string, LogPosition]) => (reached.get(logId) ?? 0) >= seq;
    const left = [...this.suppressed].filter((one) => {
      if (isPassed(one)) return false;
      // what a log is made of decides, not its number: with the last of that, the log is passed
      const inner = [...this.suppressed].filter(([logId]) => marks.get(one[0])?.frontier.has(logId));
      return inner.length === 0 || !inner.every(isPassed);
    });
    return left.length === this.suppressed.size ? undefined : new Map(left);
  }

  entry(slot: number, portion: Portion, nowMs: number): OutboxEntry {
    const { ledger, chain: before, nextSeq: seq } = this.head;
    const header = encodeHeader(headerOf(portion, ledger));
    const content = encodeJoinedContent(portion.batch);
    const chain = chainAfter(before, header, content);
    return { slot, seq, header, content, chain, increments: portion.increments, createdAtMs: nowMs };
  }

  waiting(slot: number, ord: number, portion: Portion, nowMs: number, source?: PendingEntry['source']): PendingEntry {
    return {
      slot,
      ord,
      ...(source ? { source } : {}),
      header: encodeHeader(headerOf(portion, 0)),
      content: encodeJoinedContent(portion.batch),
      increments: portion.increments,
      createdAtMs: nowMs,
    };
  }

  /**
   * What an entry does not bring, though it may say that it is in the log: what the entry before it `said`, and what the upstream was found
   * to have before (then entries between the two have left). Undefined when the one before is not known.
   */
  broughtBefore(said: Positions | undefined): Positions | undefined {
    return said && furthest(said, this.suppressed);
  }

  /** The log goes on after the upstream's mark, under the generation that it was given there. */
  repair(position: UpstreamPosition, keepTo: number, dropPending: readonly number[]): LogRepair {
    const suppressed = furthest(this.suppressed, position.frontier);
    const { gen, seq, chain, increments } = position;
    return { gen, seq, chain, ledger: increments, keepTo, suppressed, dropPending };
  }
}

function headerOf(portion: Portion, ledger: number): BatchHeader {
  const { increments, losses, manifests, watermark, origins, frontier } = portion;
  return { watermark, increments, ledger, origins, frontier, losses, manifests };
}

/** Entry after entry as numbered: the head behind them. */
export function headAfter(head: OutboxHead, entry: OutboxEntry, watermark: number): OutboxHead {
  return changedHead(head, {
    nextSeq: entry.seq + 1,
    chain: entry.chain,
    watermark: Math.max(head.watermark, watermark),
    ledger: head.ledger + entry.increments,
  });
}

export function bytesOf(entries: readonly { readonly header: Uint8Array; readonly content: Uint8Array }[]): number {
  return entries.reduce((sum, { header, content }) => sum + header.length + content.length, 0);
}

/** Whether the upstream has all of something; `suspect`: perhaps, or a part of it. */
export type Included = 'no' | 'yes' | 'suspect';

type Positions = ReadonlyMap<string, LogPosition>;

/** Inputs after `before`, up to `upTo`. */
interface Range {
  readonly before: Positions;
  readonly upTo: Positions;
}

const NOTHING: Positions = new Map();

/** Whether the upstream, which has everything up to `frontier`, has some of a range, lacks some, and knows any of its logs at all. */
function rangeIn({ before, upTo }: Range, frontier: Positions) {
  let [has, lacks, isTold] = [false, false, false];
  for (const [logId, { seq: last }] of upTo) {
    const at = frontier.get(logId)?.seq;
    isTold ||= at !== undefined;
    const first = before.get(logId)?.seq ?? 0; // the one before the first
    if (last <= first) continue;
    has ||= at !== undefined && at > first;
    lacks ||= at === undefined || at < last;
  }
  return { has, lacks, isTold };
}

/**
 * Whether the upstream, which has everything up to `frontier`, has a batch. What the batch is made of decides: the inputs of its own log
 * after `before`, up to `upTo`. Its number cannot: when its producer's storage went back too, other batches had it before. The
 * number and the generation decide where a release of before did not say what a log is made of.
 */
function included(
  { logId, gen, seq }: LogPosition & { readonly logId: string },
  range: Range,
  frontier: Positions,
): Included {
  const { has, lacks, isTold } = rangeIn(range, frontier);
  if (isTold && (has || lacks)) return !lacks ? 'yes' : !has ? 'no' : 'suspect';
  const position = frontier.get(logId);
  if (position === undefined || seq > position.seq) return 'no';
  return gen > position.gen ? 'suspect' : 'yes';
}

/** Of each log the later one. */
function furthest(a: Positions, b: Positions): Map<string, LogPosition> {
  const positions = new Map(a);
  for (const [logId, at] of b) {
    const known = positions.get(logId);
    if (known === undefined || at.seq > known.seq) positions.set(logId, at);
  }
  return positions;
}

/** Whether the upstream has a pending entry. `before`: what the entry before it says is in the log, undefined if there is none. */
export function includedIn(entry: PendingEntry, frontier: Positions, before: Positions | undefined): Included {
  const { source } = entry;
  const said = decodeHeader(entry.header).frontier;
  if (source !== undefined) {
    const upTo = new Map(before === undefined ? [] : said);
    upTo.delete(source.logId);
    return included(source, { before: before ?? NOTHING, upTo }, frontier);
  }
  // written while the log was verified, so before the storage went back: the upstream has all of it or nothing
  return isWithin(said, frontier) ? 'yes' : 'no';
}

function isWithin(said: Positions, frontier: Positions): boolean {
  for (const [logId, { seq }] of said) if (seq > (frontier.get(logId)?.seq ?? 0)) return false;
  return true;
}

/** Whether an upstream that has everything up to `frontier` has everything up to this entry, or all that is `claimed` of a log. */
export function isCovered(what: Pick<OutboxEntry, 'header'> | Positions, frontier: Positions): boolean {
  return isWithin('header' in what ? decodeHeader(what.header).frontier : what, frontier);
}

/** Whether the upstream has an entry that had a number. `before`: what the entry before it said, undefined if it is not retained. */
export function numberedIn(said: Positions, frontier: Positions, before: Positions | undefined): Included {
  if (isWithin(said, frontier)) return 'yes';
  if (before === undefined) return 'suspect';
  const { has, lacks } = rangeIn({ before, upTo: said }, frontier);
  return has && lacks ? 'suspect' : has ? 'yes' : 'no';
}

/** An entry whose increments the upstream may have: it says so, and brings none. One that has none stays as it is. */
export function asSuspect<E extends PendingEntry | OutboxEntry>(entry: E, tier: string): E {
  if (entry.increments === 0) return entry;
  const header = decodeHeader(entry.header);
  const { blocks } = decodeContent(splitContent(entry.content));
  const minutes = blocks.map(({ minute }) => minute);
  const loss: Loss = {
    tier,
    origin: '',
    cause: 'suspect',
    kind: '',
    firstMinute: minutes.length === 0 ? NO_WATERMARK : Math.min(...minutes),
    lastMinute: minutes.length === 0 ? NO_WATERMARK : Math.max(...minutes),
    increments: header.increments,
  };
  return {
    ...entry,
    header: encodeHeader({ ...header, increments: 0, losses: [...header.losses, loss] }),
    content: encodeJoinedContent({ entities: [], blocks: [], unknownBlocks: [] }),
    increments: 0,
  };
}

/** One portion that says what all the entries say; undefined when a sum would leave int64: then they stay apart. */
export function foldPending(entries: readonly PendingEntry[], watermark: number): Portion | undefined {
  const delta = new SlotDelta();
  const foreign: ForeignBlock[] = [];
  const losses: Loss[] = [];
  const manifests = new Map<number, Manifest>();
  const texts = new Map<string, string>();
  let header = EMPTY_HEADER;
  let furthestSaid = watermark;
  const origins = new Map<string, number>();
  for (const entry of entries) {
    header = decodeHeader(entry.header);
    furthestSaid = Math.max(furthestSaid, header.watermark);
    for (const [origin, minute] of header.origins)
      origins.set(origin, Math.max(minute, origins.get(origin) ?? NO_WATERMARK));
    losses.push(...header.losses);
    for (const manifest of header.manifests) manifests.set(manifest.minute, manifest); // states: the newest stands
    const batch = decodeContent(splitContent(entry.content));
    for (const block of batch.blocks) {
      const { name, text } = block.schema;
      if ((texts.get(name) ?? text) !== text) {
        foreign.push({ block, entities: batch.entities }); // two tiers below mean different things by one name
        continue;
      }
      texts.set(name, text);
      if (delta.addBlock(batch, block, block.schema, block.origin) !== undefined) return undefined;
    }
    for (const block of batch.unknownBlocks) foreign.push({ block, entities: batch.entities });
  }
  const batch = withForeignBlocks(delta.toBatch(), foreign);
  const increments = delta.increments === 0 && foreign.length === 0 ? 0 : incrementCount(batch);
  return {
    batch,
    increments,
    losses: joinedLosses(losses),
    manifests: [...manifests.values()].toSorted((a, b) => a.minute - b.minute),
    watermark: furthestSaid,
    origins,
    frontier: header.frontier,
  };
}
