// SPDX-License-Identifier: Apache-2.0
// L1: merges source events inside this node. In: source records, through OAL dispatch. Out: one numbered batch per slot and window,
// offered to the slot's owner and kept until it says committed, so a failed flush loses nothing that this process still holds.
// kill -9 loses at most the open window and what is not committed: agents are best effort, and so is the edge.
import {
  EMPTY_HEADER,
  type BatchHeader,
  BatchBuilder,
  MetricColumns,
  minuteOf,
  NO_WATERMARK,
  slotOf,
  withLayersOf,
  type Entity,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import type { SourceRecord } from '@oap-federation/oal';
import {
  reached,
  uuidV7,
  type Clock,
  type Counter,
  type Logger,
  type MetricRegistry,
  type Rng,
} from '@oap-federation/runtime';
import type { BatchOutcome, IncomingBatch, SourceReceiver } from './ports.js';

/** The compiled OAL of this tier, as L1 runs it. */
export interface L1Dispatch {
  metricsOf(scope: ScopeName): readonly MetricSchema[];
  /** Runs all metrics of the record's scope into `columns` (aligned with `metricsOf`); returns how many refused the event. */
  dispatch(record: SourceRecord, columns: readonly MetricColumns[], row: number): number;
}

/** Where the batches of a slot go: the owner in this node, or a node of the tier that owns it. Undefined: nobody known now. */
export type SlotRoute = (slot: number) => { offer(batch: IncomingBatch): Promise<BatchOutcome> } | undefined;

export interface L1Options {
  readonly instanceId: string;
  readonly slots: number;
  /** Watermarks promise that nothing older than now - this comes; later data is applied all the same. */
  readonly allowedLatenessMs: number;
  /** Rows of the open window, all tables; above it new entities are dropped and counted. */
  readonly rowsMax: number;
  /** Batches of one slot that wait for a commit; above it the window stays open and goes on merging. */
  readonly pendingBatchesMax: number;
}

export interface L1Deps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
  readonly dispatch: L1Dispatch;
  readonly route: SlotRoute;
}

/** The open window's rows of one (scope, minute). */
interface WindowTable {
  readonly scope: ScopeName;
  readonly minute: number;
  readonly rowOf: Map<string, number>;
  readonly entities: Entity[];
  readonly columns: readonly MetricColumns[];
}

/** One slot's local log: numbered batches from 1, kept until committed. */
interface LocalLog {
  logId: string;
  nextSeq: number;
  watermark: number;
  pending: IncomingBatch[];
  /** Highest seq offered since the last rewind. */
  offeredSeq: number;
  inFlight: number;
  /** A batch was not committed: when nothing is in flight any more, everything pending is offered again. */
  rewind: boolean;
  /** The owner asked for a batch that this log no longer has. */
  lost: boolean;
}

const RETRY_MS = 200;
/** Rows that a table of a window has room for at first: most minutes of a window have few, and a full one grows in a few steps. */
const ROWS = 4;
const NOTHING = new Uint8Array(0);

/** Written out, as for each batch a spread costs twenty times as much. */
function headerOf(watermark: number, increments: number): BatchHeader {
  const { ledger, origins, frontier, losses, manifests } = EMPTY_HEADER;
  return { watermark, increments, ledger, origins, frontier, losses, manifests };
}

export class L1Aggregator implements SourceReceiver, AsyncDisposable {
  readonly #o: L1Options;
  readonly #d: L1Deps;
  #tables = new Map<number, Map<ScopeName, WindowTable>>();
  #rows = 0;
  readonly #logs: LocalLog[];
  #closed = false;
  readonly #received: Counter;
  readonly #refused: Counter;
  readonly #dropped: Counter;

  constructor(options: L1Options, deps: L1Deps) {
    this.#o = options;
    this.#d = deps;
    this.#logs = Array.from({ length: options.slots }, () => ({
      logId: uuidV7(deps.rng, deps.clock.now()),
      nextSeq: 1,
      watermark: NO_WATERMARK,
      pending: [],
      offeredSeq: 0,
      inFlight: 0,
      rewind: false,
      lost: false,
    }));
    this.#received = deps.telemetry.counter('oap_l1_sources_received_total', 'source events taken');
    this.#refused = deps.telemetry.counter(
      'oap_l1_metrics_refused_total',
      'metrics that refused an event: overflow or not a number',
    );
    this.#dropped = deps.telemetry.counter(
      'oap_l1_sources_dropped_total',
      'source events dropped: the window is full',
      { reason: 'window_full' },
    );
  }

  /** Share of the window's row budget in use, 0..1; receivers push back on agents near 1. */
  pressure(): number {
    return this.#rows / this.#o.rowsMax;
  }

  receive(source: SourceRecord): void {
    const entity = source.entity;
    if (entity === undefined || this.#closed) return;
    let ofMinute = this.#tables.get(source.minute);
    if (!ofMinute) this.#tables.set(source.minute, (ofMinute = new Map()));
    let table = ofMinute.get(source.scope);
    if (!table) {
      const columns = this.#d.dispatch.metricsOf(source.scope).map((schema) => new MetricColumns(schema, ROWS));
      table = { scope: source.scope, minute: source.minute, rowOf: new Map(), entities: [], columns };
      ofMinute.set(source.scope, table);
    }
    if (table.columns.length === 0) return; // no metric is about this scope
    let row = table.rowOf.get(entity.id);
    if (row === undefined) {
      if (this.#rows >= this.#o.rowsMax) {
        this.#dropped.inc();
        return;
      }
      row = table.entities.length;
      table.entities.push(entity);
      table.rowOf.set(entity.id, row);
      this.#rows++;
    } else if (table.entities[row] !== entity) {
      table.entities[row] = withLayersOf(table.entities[row]!, entity);
    }
    this.#received.inc();
    const refused = this.#d.dispatch.dispatch(source, table.columns, row);
    if (refused > 0) this.#refused.inc(refused);
  }

  /** Closes the window: one batch per slot that has rows or whose watermark moved. Does nothing while too much waits for commits. */
  flushWindow(): void {
    if (this.#logs.some((log) => log.pending.length >= this.#o.pendingBatchesMax)) {
      for (let slot = 0; slot < this.#logs.length; slot++) this.#send(slot);
      return;
    }
    const builders = new Map<number, BatchBuilder>();
    for (const ofMinute of this.#tables.values()) {
      for (const table of ofMinute.values()) this.#drain(table, builders);
    }
    this.#tables = new Map();
    this.#rows = 0;
    const watermark = minuteOf(this.#d.clock.now() - this.#o.allowedLatenessMs);
    for (let slot = 0; slot < this.#logs.length; slot++) {
      const log = this.#logs[slot]!;
      const builder = builders.get(slot);
      if (builder || watermark > log.watermark) this.#append(slot, log, builder ?? new BatchBuilder(), watermark);
      this.#send(slot);
    }
    if (builders.size > 0) reached('l1.windowClosed');
  }

  #drain(table: WindowTable, builders: Map<number, BatchBuilder>): void {
    const rowsOfSlot = new Map<number, number[]>();
    table.entities.forEach((entity, row) => {
      const slot = slotOf(entity.id, this.#o.slots);
      const rows = rowsOfSlot.get(slot);
      if (rows) rows.push(row);
      else rowsOfSlot.set(slot, [row]);
    });
    for (const [slot, rows] of rowsOfSlot) {
      let builder = builders.get(slot);
      if (!builder) builders.set(slot, (builder = new BatchBuilder()));
      for (const columns of table.columns)
        builder.addRows(columns, table.minute, '', rows, (row) => table.entities[row]!);
    }
  }

  #append(slot: number, log: LocalLog, builder: BatchBuilder, watermark: number): void {
    log.watermark = Math.max(log.watermark, watermark);
    const batch = builder.build();
    log.pending.push({
      logId: log.logId,
      slot,
      gen: 0,
      seq: log.nextSeq++,
      producer: this.#o.instanceId,
      kind: 'local',
      header: headerOf(log.watermark, builder.increments),
      headerBytes: NOTHING,
      contentBytes: NOTHING,
      chain: NOTHING,
      batch,
    });
  }

  /** Offers what was not offered yet, in order, without waiting between batches. */
  #send(slot: number): void {
    const log = this.#logs[slot]!;
    const owner = this.#d.route(slot);
    if (log.rewind || !owner) return;
    for (const batch of log.pending) {
      if (batch.seq <= log.offeredSeq) continue;
      log.offeredSeq = batch.seq;
      log.inFlight++;
      void this.#settle(slot, log, owner.offer(batch));
    }
  }

  async #settle(slot: number, log: LocalLog, offered: Promise<BatchOutcome>): Promise<void> {
    try {
      const outcome = await offered;
      if (outcome.kind === 'committed' || outcome.kind === 'duplicate') {
        log.pending = log.pending.filter((batch) => batch.seq > outcome.appliedSeq);
      } else {
        log.rewind = true;
        if (outcome.kind === 'gap' && outcome.expectedSeq < (log.pending[0]?.seq ?? log.nextSeq)) log.lost = true;
      }
    } catch (err) {
      log.rewind = true;
      this.#d.logger.warn({ err, slot }, 'offering an L1 batch failed; offering it again');
    }
    log.inFlight--;
    if (!log.rewind || log.inFlight > 0) return;
    this.#d.clock.after(RETRY_MS, () => {
      if (log.lost) this.#renumber(slot, log);
      log.rewind = false;
      log.offeredSeq = 0;
      this.#send(slot);
    });
  }

  /** The storage went back in time and lacks batches that were committed once: go on under a new log, and say so. */
  #renumber(slot: number, log: LocalLog): void {
    this.#d.logger.error(
      { slot, logId: log.logId },
      'the storage lost committed L1 batches; numbering goes on under a new log',
    );
    log.logId = uuidV7(this.#d.rng, this.#d.clock.now());
    log.nextSeq = 1;
    log.pending = log.pending.map((batch) => ({ ...batch, logId: log.logId, seq: log.nextSeq++ }));
    log.lost = false;
  }

  /** Batches that no owner has committed yet, all slots. */
  get pendingBatches(): number {
    return this.#logs.reduce((sum, log) => sum + log.pending.length, 0);
  }

  /** In batches that nobody committed yet. */
  get pendingIncrements(): number {
    return this.#logs.reduce((sum, log) => sum + log.pending.reduce((of, { header }) => of + header.increments, 0), 0);
  }

  /** Closes the last window and waits until everything is committed, or `deadlineMs` is over. */
  async drain(deadlineMs: number): Promise<void> {
    this.flushWindow();
    const end = this.#d.clock.monotonicMs() + deadlineMs;
    while (this.pendingBatches > 0 && this.#d.clock.monotonicMs() < end) {
      await this.#d.clock.sleep(20);
      for (let slot = 0; slot < this.#logs.length; slot++) this.#send(slot);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const increments = this.pendingIncrements;
    if (increments > 0)
      this.#d.logger.error({ increments }, 'stopped before the last of L1 could be committed: it is lost');
  }
}
