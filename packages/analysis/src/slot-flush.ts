// SPDX-License-Identifier: Apache-2.0
// Plans the flush of one slot. In: the batches that it takes, in order. Out: the transaction's part of the slot: merged rows, marks, what
// is parked and what is declared lost, digests, and what goes up. Nothing here writes: the slot owner commits, or forgets.
import {
  BatchBuilder,
  ColumnMemory,
  DecodeError,
  encodeJoinedContent,
  incrementCount,
  minuteOf,
  NO_WATERMARK,
  pickRows,
  unknownBlockEntities,
  withForeignBlocks,
  type ForeignBlock,
  type IncrementBatch,
  type IncrementBlock,
  type LogPosition,
  type Loss,
  type LossCause,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import { invariant, type Clock, type Logger } from '@oap-federation/runtime';
import {
  flushOf,
  type Mark,
  type ParkedBatch,
  type PendingEntry,
  type SlotFlush,
  type StoredLoss,
  type TierStore,
} from '@oap-federation/storage';
import { SlotAudit, type AuditPart, type BlockKind, type Judgement } from './audit.js';
import { SlotDelta, type DeltaTable } from './delta.js';
import type { Included, Portion } from './outbound.js';
import { flushed, type Slot } from './slot.js';
import type { SlotState } from './slot-state.js';
import type { IncomingBatch } from './ports.js';

/** Which local metric an incoming block feeds; undefined: none here, the block is parked. */
export type MetricResolver = (wire: MetricSchema, kind: 'federated' | 'local') => MetricSchema | undefined;

export interface FlushPlannerOptions {
  readonly tier: string;
  readonly ttlDays: number;
  readonly maxFutureMinutes: number;
  /** True when this tier has an upstream: flushes append to the outbox. */
  readonly forwards: boolean;
  /** Scopes that keep a row per origin beside the merged row. */
  readonly originScopes: ReadonlySet<ScopeName>;
  readonly resolve: MetricResolver;
  /** True when this tier has receivers of its own: its nodes' L1 logs then hold the watermark. */
  readonly hasLocalSources: boolean;
}

export interface FlushPlannerDeps {
  readonly store: Pick<TierStore, 'loadRows' | 'readManifests' | 'readLosses' | 'readVerdicts'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Instance ids of the tier's live nodes: whose L1 logs the watermark waits for. */
  readonly liveInstances: () => readonly string[];
  /** The ledger of a batch is not what the mark of its log has counted. */
  readonly onLedgerError: () => void;
}

/** What one slot writes in a flush, and what its memory becomes when that is committed. */
export interface FlushPlan {
  readonly flush: SlotFlush;
  readonly marks: readonly Mark[];
  /** What it tells the upstream, when it tells something. */
  readonly told: Pick<Portion, 'watermark' | 'origins'> | undefined;
  readonly judged: Judgement;
}

/** A block that is merged here, as rows of `metric` under `origin`; `batch` names its entities. */
interface MergedBlock {
  readonly batch: IncrementBatch;
  readonly block: IncrementBlock;
  readonly metric: MetricSchema;
  readonly origin: string;
}

/** One input batch, sorted: what of it is merged here, and what of it goes on. */
interface Part {
  readonly incoming: IncomingBatch;
  readonly origin: string;
  readonly blocks: MergedBlock[];
  readonly foreign: ForeignBlock[];
  readonly losses: Loss[];
  /** Whether the upstream has it already. */
  readonly forwarded: Included;
  /** All of it was merged and nothing kept: `blocks` is empty, and who needs the values reads the batch again. */
  readonly isSpent: boolean;
}

/** The first block of a batch that was not merged whole: all rows but these were. */
interface NotWhole {
  readonly at: number;
  readonly rows: readonly number[];
}

/** What all blocks of a schema and minute have in common that are merged in passing. */
interface MergedKind extends BlockKind {
  readonly keepsOrigin: boolean;
}

class MergedKinds {
  readonly all: MergedKind[] = [];
  readonly #byMinute = new Map<MetricSchema, Map<number, MergedKind>>();

  get(schema: MetricSchema, minute: number): MergedKind | undefined {
    return this.#byMinute.get(schema)?.get(minute);
  }

  add(kind: MergedKind): void {
    this.all.push(kind);
    const minutes = this.#byMinute.get(kind.schema);
    if (minutes) minutes.set(kind.minute, kind);
    else this.#byMinute.set(kind.schema, new Map([[kind.minute, kind]]));
  }
}

export class FlushPlanner {
  readonly #o: FlushPlannerOptions;
  readonly #d: FlushPlannerDeps;
  /** Of the batch that is being merged, and of the distributions of the plan that is being made: one at a time. */
  readonly #memory = new ColumnMemory();
  /** Tiers that must report: the watermark waits for them. */
  expectedChildren: readonly string[] = [];

  constructor(options: FlushPlannerOptions, deps: FlushPlannerDeps) {
    this.#o = options;
    this.#d = deps;
  }

  /**
   * What a flush of `taken`, in this order, must write. The slot's rows in memory have it already: a plan that is not committed ends the
   * claim. `pause` is awaited between the parts of the work: of many rows each takes some 10 ms.
   */
  async plan(slot: Slot, taken: readonly IncomingBatch[], pause: () => Promise<void>): Promise<FlushPlan> {
    const { state, outbound } = slot;
    const nowMs = this.#d.clock.now();
    const parked: ParkedBatch[] = [];
    const { parts, delta, kinds } = this.#merge(slot, taken, nowMs, parked);
    await pause();
    const missing = state.missingMinutes(delta);
    if (missing.length > 0) {
      const loaded = await this.#d.store.loadRows(state.slot, 'minute', missing);
      state.addLoaded(missing, loaded, this.#d.clock.monotonicMs());
    }
    const first = parts[0]!; // the row may be the sum of several batches: it is parked under the first
    const refused: RefusedRow[] = [];
    const changes = state.fold(delta, this.#d.clock.monotonicMs(), (table, block, i) => {
      const { schema } = block;
      const { id } = table.entities[block.entities[i]!]!;
      const builder = new BatchBuilder();
      builder.addBlock(pickRows(block, [i]), table.entities);
      const detail = `${schema.name} of ${id} at minute ${table.minute}`;
      parked.push(this.#parked(first.incoming, 'overflow', 1, detail, builder.build()));
      first.losses.push(lossOf(this.#o.tier, 'overflow', table.origin, schema.scope, table.minute, 1));
      refused.push({ table, metric: schema.name, entityId: id });
    });
    await pause();
    const dirtyHours = new Set<number>();
    for (const { minute } of delta.tables) {
      const hour = Math.floor(minute / 60);
      if (!state.dirtyHours.has(hour)) dirtyHours.add(hour);
    }
    const oldest = minuteOf(nowMs) - this.#o.ttlDays * 1440;
    const sources = auditParts(parts, kinds);
    await slot.audit.load(this.#d.store, SlotAudit.minutesOf(delta.tables, sources, oldest));
    slot.audit.take(delta.tables, sources, oldest);
    await pause();
    const marks = this.#advanceMarks(state, taken, nowMs);
    const all = new Map(state.marks);
    for (const mark of marks) all.set(mark.logId, mark);
    const suppressed = outbound.withoutPassed(all);
    const promised = this.#watermark(all.values());
    const progress = { marks: all, suppressed: suppressed ?? outbound.suppressed, ...promised };
    const out = this.#o.forwards ? this.#append(slot, parts, delta, refused, progress, nowMs) : NOTHING_APPENDED;
    const judged = await slot.audit.judge(this.#d.store, {
      marks: all,
      sealedTo: Math.max(promised.watermark, outbound.watermark),
      outboundLogId: outbound.head.logId,
      losses: parts.flatMap(({ losses }) => losses),
    });
    return {
      marks,
      told: out.told,
      judged,
      flush: flushOf(state.slot, state.fence, {
        entities: changes.entities,
        origins: changes.origins,
        rows: changes.rows,
        marks: marks.map((mark) => ({ mark, previousSeq: state.marks.get(mark.logId)?.seq ?? 0 })),
        outbox: out.outbox,
        pending: out.pending,
        suppressed,
        parked,
        losses: parts.flatMap(storedLosses),
        manifests: judged.manifests,
        verdicts: judged.verdicts,
        dirtyHours: [...dirtyHours],
      }),
    };
  }

  /** Merges all of `taken`. Rows that would leave int64 leave their block too, so that they are not forwarded. */
  #merge(
    { state, outbound }: Slot,
    taken: readonly IncomingBatch[],
    nowMs: number,
    parked: ParkedBatch[],
  ): { readonly parts: readonly Part[]; readonly delta: SlotDelta; readonly kinds: MergedKinds } {
    this.#memory.slabs.reset();
    const delta = new SlotDelta(this.#memory.slabs);
    const kinds = new MergedKinds();
    const inPassing = outbound.mode !== 'perBatch'; // which needs the values again
    const before = new Map<string, Pick<Mark, 'frontier'> | undefined>();
    const parts = taken.map((incoming) => {
      const { logId, header } = incoming;
      const mark = state.marks.get(logId);
      const forwarded = outbound.known(incoming, before.get(logId) ?? mark);
      before.set(logId, header);
      const passed = inPassing && forwarded === 'no' ? this.#mergeInPassing(incoming, delta, kinds, nowMs) : undefined;
      if (passed === 'merged') return spentPart(incoming);
      const part = this.#part(forwarded, incoming, nowMs, parked, mark?.watermark ?? NO_WATERMARK);
      this.#mergePart(part, delta, parked, passed);
      return part;
    });
    return { parts, delta, kinds };
  }

  /**
   * Merges a batch of which nothing is kept: its columns are read into memory that the next one has. Undefined, and nothing merged: something
   * of it must be kept. Or the first block that was not merged whole; those after it are not merged.
   */
  #mergeInPassing(
    incoming: IncomingBatch,
    delta: SlotDelta,
    kinds: MergedKinds,
    nowMs: number,
  ): 'merged' | NotWhole | undefined {
    const { kind, producer, header } = incoming;
    if (!incoming.passing || kind !== 'federated' || header.losses.length > 0) return undefined;
    const batch = incoming.passing(this.#memory);
    const { blocks, unknownBlocks } = batch;
    if (incoming.undecodable !== undefined || unknownBlocks.length > 0) return undefined;
    for (const { schema, minute } of blocks) {
      if (kinds.get(schema, minute)) continue;
      const metric = this.#late(minute, nowMs) === undefined ? this.#o.resolve(schema, kind) : undefined;
      if (metric === undefined) return undefined;
      kinds.add({ schema, minute, metric, keepsOrigin: this.#o.originScopes.has(metric.scope) });
    }
    for (let at = 0; at < blocks.length; at++) {
      const block = blocks[at]!;
      const { metric, keepsOrigin } = kinds.get(block.schema, block.minute)!;
      const refused = delta.addBlock(batch, block, metric, keepsOrigin ? block.origin || producer : '');
      if (refused) return { at, rows: refused.rows };
    }
    return 'merged';
  }

  #late(minute: number, nowMs: number): 'future' | 'expired' | undefined {
    const now = minuteOf(nowMs);
    if (minute > now + this.#o.maxFutureMinutes) return 'future';
    return minute < now - this.#o.ttlDays * 1440 ? 'expired' : undefined;
  }

  /** Merges the blocks of a part that were not merged in passing. */
  #mergePart(
    { incoming, blocks, losses }: Part,
    delta: SlotDelta,
    parked: ParkedBatch[],
    passed: NotWhole | undefined,
  ): void {
    for (let at = passed?.at ?? 0; at < blocks.length; at++) {
      const merged = blocks[at]!;
      const { batch, block, metric, origin } = merged;
      const rows = at === passed?.at ? passed.rows : delta.addBlock(batch, block, metric, origin)?.rows;
      if (!rows) continue;
      const detail = `${metric.name} rows ${rows.join(',')}`;
      parked.push(this.#parked(incoming, 'overflow', rows.length, detail, only(batch, block)));
      losses.push(lossOf(this.#o.tier, 'overflow', origin, metric.scope, block.minute, rows.length));
      blocks[at] = withoutRows(merged, new Set(rows));
    }
  }

  /** The blocks of a batch that was merged in passing, read again. */
  #blocksOf({ batch, kind, producer }: IncomingBatch): MergedBlock[] {
    return batch.blocks.map((block) => {
      const metric = this.#o.resolve(block.schema, kind)!;
      return { batch, block, metric, origin: this.#originOf(block, metric, producer) };
    });
  }

  /** Under which origin a block of a sender is kept; '' when its scope is kept merged alone. */
  #originOf(block: IncrementBlock, { scope }: MetricSchema, sender: string): string {
    return this.#o.originScopes.has(scope) ? block.origin || sender : '';
  }

  /** Sorts one batch: what is merged, parked, passed on unread, or declared lost. `promised`: the watermark of its log, of before it. */
  #part(forwarded: Included, incoming: IncomingBatch, nowMs: number, parked: ParkedBatch[], promised: number): Part {
    const { batch, kind, header, logId, slot, seq } = incoming;
    const newest = minuteOf(nowMs) + this.#o.maxFutureMinutes;
    const sender = kind === 'federated' ? incoming.producer : this.#o.tier;
    const said = header.manifests.map(({ minute }) => minute);
    const newestOfBatch = Math.max(newest, header.watermark, ...said); // the clock of the tier below may be ahead
    const part: Part = {
      incoming,
      origin: sender,
      blocks: [],
      foreign: [],
      losses: header.losses.map((loss) => boundedLoss(loss, newestOfBatch)),
      forwarded,
      isSpent: false,
    };
    if (incoming.undecodable !== undefined) {
      const { increments } = header;
      const detail = incoming.undecodable;
      parked.push({ logId, slot, seq, reason: 'undecodable', increments, detail, content: incoming.contentBytes });
      const loss = lossOf(this.#o.tier, 'undecodable', sender, '', NO_WATERMARK, increments);
      // what is late comes with the manifest of its minute
      part.losses.push({ ...loss, firstMinute: Math.min(promised, ...said), lastMinute: newestOfBatch });
    }
    for (const block of batch.blocks) {
      const metric = this.#o.resolve(block.schema, kind);
      const late = this.#late(block.minute, nowMs);
      if (late !== undefined) {
        const { scope } = block.schema;
        parked.push(this.#parkedBlock(incoming, late, block));
        part.losses.push(
          lossOf(this.#o.tier, late, block.origin || sender, scope, block.minute, block.entities.length),
        );
      } else if (metric === undefined) {
        parked.push(this.#parkedBlock(incoming, 'unknown-metric', block));
        part.foreign.push({ block: { ...block, origin: block.origin || sender }, entities: batch.entities });
      } else {
        part.blocks.push({ batch, block, metric, origin: this.#originOf(block, metric, sender) });
      }
    }
    for (const block of batch.unknownBlocks) {
      const whole: IncrementBatch = { entities: batch.entities, blocks: [], unknownBlocks: [block] };
      const foreign = { block: { ...block, origin: block.origin || sender }, entities: batch.entities };
      try {
        unknownBlockEntities(foreign);
        part.foreign.push(foreign);
        parked.push(this.#parked(incoming, 'unknown-metric', block.rows, block.schemaText, whole));
      } catch (err) {
        if (!(err instanceof DecodeError)) throw err;
        parked.push(this.#parked(incoming, 'undecodable', block.rows, err.message, whole));
        part.losses.push(lossOf(this.#o.tier, 'undecodable', foreign.block.origin, '', block.minute, block.rows));
      }
    }
    return part;
  }

  /** What the flush appends to the outbound log: one entry, or one per batch while nothing is known of the upstream. */
  #append(
    slot: Slot,
    parts: readonly Part[],
    whole: SlotDelta,
    refused: readonly RefusedRow[],
    { marks, suppressed, watermark, origins }: Progress,
    nowMs: number,
  ): Appended {
    const { state, outbound } = slot;
    const bounded = Math.max(watermark, outbound.watermark); // I7: never backwards, across restarts too
    // one origin's news travel although another origin is silent and holds the minimum
    const news = [...origins].some(([origin, minute]) => minute > (outbound.toldOrigins.get(origin) ?? NO_WATERMARK));
    const manifests = slot.audit.tell({
      before: outbound.watermark,
      watermark: bounded,
      heldTo: outbound.verified ? (suppressed.size === 0 ? NO_WATERMARK : slot.audit.heldTo) : Number.POSITIVE_INFINITY,
    });
    const told = { watermark: bounded, origins };
    const frontier = outbound.frontier(marks);
    const portion = (some: readonly Part[], delta: SlotDelta): Portion => {
      const forwarded = some.filter((part) => part.forwarded === 'no');
      const batch = withForeignBlocks(
        delta.toBatch(),
        forwarded.flatMap((part) => part.foreign),
      );
      const losses = some.flatMap((part) => this.#lossesAbove(part));
      return { batch, increments: incrementCount(batch), losses, manifests, ...told, frontier };
    };
    if (outbound.mode !== 'perBatch') {
      const all = parts.every((part) => part.forwarded === 'no');
      const one = portion(parts, all ? whole : this.#deltaOf(parts, refused));
      if (one.increments === 0 && one.losses.length === 0 && bounded <= outbound.watermark && !news) {
        slot.audit.untold(manifests);
        return NOTHING_APPENDED;
      }
      if (outbound.mode === 'numbered') {
        const entry = outbound.entry(state.slot, one, nowMs);
        return { outbox: [{ entry, watermark: bounded }], pending: [], told };
      }
      return { outbox: [], pending: [outbound.waiting(state.slot, outbound.pending.lastOrd + 1, one, nowMs)], told };
    }
    // progress so far, entry by entry: each says what is in the log up to it, and only the last promises more than before. None is left
    // out, were it empty: between two entries is exactly one batch
    const pending: PendingEntry[] = [];
    const ord = () => outbound.pending.lastOrd + 1 + pending.length;
    const soFar = new Map(state.marks);
    const before = { watermark: outbound.watermark, origins: outbound.toldOrigins };
    if (!outbound.anchored) {
      const nothing = { batch: new BatchBuilder().build(), increments: 0, losses: [], manifests: [], ...before };
      pending.push(
        outbound.waiting(state.slot, ord(), { ...nothing, frontier: outbound.frontier(state.marks) }, nowMs),
      );
    }
    parts.forEach((part, i) => {
      const { logId, gen, seq, header } = part.incoming;
      soFar.set(logId, { ...marks.get(logId)!, gen, seq, frontier: header.frontier });
      const one = {
        ...portion([part], this.#deltaOf([part], refused)),
        ...(i === parts.length - 1 ? told : before),
        frontier: outbound.frontier(soFar),
      };
      pending.push(outbound.waiting(state.slot, ord(), one, nowMs, { logId, gen, seq }));
    });
    return { outbox: [], pending, told };
  }

  /** What of `parts` goes on, merged; rows that were refused here do not. */
  #deltaOf(parts: readonly Part[], refused: readonly RefusedRow[]): SlotDelta {
    const delta = new SlotDelta();
    for (const { incoming, blocks, forwarded, isSpent } of parts) {
      if (forwarded !== 'no') continue;
      for (const { batch, block, metric, origin } of isSpent ? this.#blocksOf(incoming) : blocks)
        invariant(delta.addBlock(batch, block, metric, origin) === undefined, 'a part overflows where the sum did not');
    }
    for (const { table, metric, entityId } of refused) {
      for (const own of delta.tables) {
        if (own.scope !== table.scope || own.minute !== table.minute || own.origin !== table.origin) continue;
        const block = own.blocks.find(({ schema }) => schema.name === metric);
        const at = block?.entities.findIndex((entity) => own.entities[entity]!.id === entityId) ?? -1;
        if (at < 0) continue;
        const rows = own.refused.get(metric);
        if (rows) rows.add(at);
        else own.refused.set(metric, new Set([at]));
      }
    }
    return delta;
  }

  /** The losses of a part that go up: its own, and all of it when the upstream may have it. */
  #lossesAbove({ forwarded, losses, blocks, foreign, origin }: Part): readonly Loss[] {
    if (forwarded === 'no') return losses;
    if (forwarded === 'yes') return [];
    return [
      ...losses,
      ...blocks.map((b) =>
        lossOf(this.#o.tier, 'suspect', b.origin || origin, b.metric.scope, b.block.minute, b.block.entities.length),
      ),
      ...foreign.map(({ block }) => lossOf(this.#o.tier, 'suspect', block.origin, '', block.minute, rowsOf(block))),
    ];
  }

  #parkedBlock(incoming: IncomingBatch, reason: ParkedBatch['reason'], block: IncrementBlock): ParkedBatch {
    return this.#parked(
      incoming,
      reason,
      block.entities.length,
      `${block.schema.text} at minute ${block.minute}`,
      only(incoming.batch, block),
    );
  }

  #parked(
    incoming: IncomingBatch,
    reason: ParkedBatch['reason'],
    increments: number,
    detail: string,
    batch: IncrementBatch,
  ): ParkedBatch {
    return {
      logId: incoming.logId,
      slot: incoming.slot,
      seq: incoming.seq,
      reason,
      increments,
      detail,
      content: encodeJoinedContent(batch),
    };
  }

  /** New marks of every log in `taken`: seqs are contiguous by `offer`, asserted again here (I2). */
  #advanceMarks(state: SlotState, taken: readonly IncomingBatch[], nowMs: number): Mark[] {
    const marks = new Map<string, Mark>();
    for (const incoming of taken) {
      const before = marks.get(incoming.logId) ?? state.marks.get(incoming.logId);
      invariant(
        incoming.seq === (before?.seq ?? 0) + 1,
        `batch ${incoming.seq} of log ${incoming.logId} after mark ${before?.seq ?? 0}`,
      );
      const { header } = incoming;
      const counted = before?.increments ?? 0;
      // I6 of one hop: what the producer counted before this batch is what was taken from its log (0: a header of version 1)
      if (incoming.kind === 'federated' && header.ledger !== 0 && header.ledger !== counted) {
        this.#d.onLedgerError();
        const { logId, seq } = incoming;
        this.#d.logger.error(
          { log: logId, seq, ledger: header.ledger, counted },
          'the ledger of a log is not its mark',
        );
      }
      marks.set(incoming.logId, {
        logId: incoming.logId,
        slot: state.slot,
        producer: incoming.producer,
        kind: incoming.kind,
        gen: incoming.gen,
        seq: incoming.seq,
        chain: incoming.chain,
        watermark: Math.max(header.watermark, before?.watermark ?? NO_WATERMARK),
        // this tier's own promise, under its own name, so that answers can name it
        origins: furthest(
          before?.origins,
          incoming.kind === 'local' ? new Map([[this.#o.tier, header.watermark]]) : header.origins,
        ),
        increments: counted + header.increments,
        updatedAtMs: nowMs,
        frontier: header.frontier,
      });
    }
    return [...marks.values()];
  }

  /** Minimum over the *expected* producers, whoever is connected; the vector says the same per origin tier. */
  #watermark(marks: Iterable<Mark>): { watermark: number; origins: Map<string, number> } {
    const byProducer = new Map<string, Mark>();
    for (const mark of marks) {
      const key = `${mark.kind} ${mark.producer}`;
      const other = byProducer.get(key);
      if (!other || mark.watermark > other.watermark) byProducer.set(key, mark);
    }
    const origins = new Map<string, number>();
    let watermark = Number.POSITIVE_INFINITY;
    const promise = (origin: string, minute: number) =>
      origins.set(origin, Math.min(minute, origins.get(origin) ?? Number.POSITIVE_INFINITY));
    for (const child of this.expectedChildren) {
      const mark = byProducer.get(`federated ${child}`);
      watermark = Math.min(watermark, mark?.watermark ?? NO_WATERMARK);
      if (!mark || mark.origins.size === 0) promise(child, mark?.watermark ?? NO_WATERMARK);
      else for (const [origin, minute] of mark.origins) promise(origin, minute);
    }
    if (this.#o.hasLocalSources) {
      for (const instance of this.#d.liveInstances()) {
        const minute = byProducer.get(`local ${instance}`)?.watermark ?? NO_WATERMARK;
        watermark = Math.min(watermark, minute);
        promise(this.#o.tier, minute);
      }
    }
    return { watermark: Number.isFinite(watermark) ? watermark : NO_WATERMARK, origins };
  }
}

/** The slot's memory after the commit of its plan. */
export function applyPlan(slot: Slot, { flush, marks, told }: FlushPlan): void {
  const { state, outbound } = slot;
  for (const mark of marks) state.marks.set(mark.logId, mark);
  for (const hour of flush.dirtyHours) state.dirtyHours.add(hour);
  flushed(slot, flush);
  outbound.anchored ||= flush.pending.length > 0;
  if (!told) return;
  outbound.watermark = Math.max(outbound.watermark, told.watermark);
  outbound.toldOrigins = furthest(outbound.toldOrigins, told.origins);
}

/** A loss whose minutes the tier below does not know is at least of none that is still to come. */
function boundedLoss(loss: Loss, newest: number): Loss {
  return loss.lastMinute === NO_WATERMARK ? { ...loss, lastMinute: newest } : loss;
}

export function lossOf(
  tier: string,
  cause: LossCause,
  origin: string,
  kind: string,
  minute: number,
  increments: number,
): Loss {
  return { tier, origin, cause, kind, firstMinute: minute, lastMinute: minute, increments };
}

/** How far everything is once a flush is committed: its inputs, what of them is not forwarded again, and what it can promise. */
interface Progress {
  readonly marks: ReadonlyMap<string, Mark>;
  readonly suppressed: ReadonlyMap<string, LogPosition>;
  readonly watermark: number;
  readonly origins: ReadonlyMap<string, number>;
}

/** What a flush adds to the outbound log. */
interface Appended extends Pick<SlotFlush, 'outbox' | 'pending'> {
  readonly told: FlushPlan['told'];
}

const NOTHING_APPENDED: Appended = { outbox: [], pending: [], told: undefined };

/** A row of the delta that the slot's state refused. */
interface RefusedRow {
  readonly table: DeltaTable;
  readonly metric: string;
  readonly entityId: string;
}

/** The block with the other rows alone. */
function withoutRows(merged: MergedBlock, refused: ReadonlySet<number>): MergedBlock {
  const { block } = merged;
  return {
    ...merged,
    block: pickRows(
      block,
      [...block.entities.keys()].filter((row) => !refused.has(row)),
    ),
  };
}

function rowsOf(block: ForeignBlock['block']): number {
  return 'schema' in block ? block.entities.length : block.rows;
}

/** The declared losses of a part under the batch that brought them. */
function storedLosses({ incoming: { logId, seq }, losses }: Part): StoredLoss[] {
  return losses.map((loss, index) => ({ ...loss, logId, seq, index }));
}

/** Of what was merged in passing only the kinds are left, for all of it together, and the manifests. */
function auditParts(parts: readonly Part[], kinds: MergedKinds): AuditPart[] {
  const sources: AuditPart[] = [];
  for (const { incoming, blocks, foreign, losses, isSpent } of parts) {
    const { logId, kind, header } = incoming;
    const { manifests } = header;
    if (!isSpent || manifests.length > 0 || losses.length > 0)
      sources.push({ logId, kind, manifests, blocks, foreign, losses });
  }
  if (kinds.all.length > 0)
    sources.push({
      logId: '',
      kind: 'federated',
      manifests: [],
      blocks: [],
      kinds: kinds.all,
      foreign: [],
      losses: [],
    });
  return sources;
}

const NONE: never[] = [];
Object.freeze(NONE);

function spentPart(incoming: IncomingBatch): Part {
  const { producer } = incoming;
  return { incoming, origin: producer, blocks: NONE, foreign: NONE, losses: [], forwarded: 'no', isSpent: true };
}

function only(batch: IncrementBatch, block: IncrementBlock): IncrementBatch {
  return { entities: batch.entities, blocks: [block], unknownBlocks: [] };
}

/**
 * I7 per origin: a promise stays one when a later batch says less. A restarted node of a leaf has promised nothing yet, and a clock
 * that was set back promises less than it did.
 */
function furthest(
  before: ReadonlyMap<string, number> | undefined,
  now: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  if (!before) return now;
  const origins = new Map(before);
  for (const [origin, minute] of now) origins.set(origin, Math.max(minute, before.get(origin) ?? NO_WATERMARK));
  return origins;
}
