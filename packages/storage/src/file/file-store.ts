// SPDX-License-Identifier: Apache-2.0
// A tier's storage without a database, for gateways: marks, heads, outbox, pending and parked batches in a segment log; no rows, no
// dictionary. In: flushes. Out: a commit only after fdatasync, one for all flushes that wait; what a new owner and the forwarder read.
//
// All state but contents is in memory, and is changed in the turn of a commit, before it is durable; so every call, reads too, goes
// through one queue and is answered only when everything before it is durable.
import {
  EMPTY_HEADER,
  encodeContent,
  encodeHeader,
  joinContent,
  NO_WATERMARK,
  type MetricSchema,
} from '@oap-federation/model';
import type { MetricReader } from '@oap-federation/mqe';
import { BugError, messageOf, OapError, randomInt, uuidV7, type Counter } from '@oap-federation/runtime';
import type { AlarmStore } from '../alarm-port.js';
import { refusedAlarms } from '../alarms.js';
import { lockDirectory } from '../directory-lock.js';
import { lossSums, verdictSums } from '../losses.js';
import { completenessOf } from '../metadata.js';
import {
  StorageUnavailable,
  type Conservation,
  type DictionaryEntry,
  type ExpectedChild,
  type FlushOutcome,
  type Maintenance,
  type Mark,
  type MetadataReader,
  type MinuteRevision,
  type OutboxEntry,
  type OutboxHead,
  type ParkedBatch,
  type PendingEntry,
  type RowBlock,
  type SlotClaim,
  type SlotFence,
  type SlotFlush,
  type StoredLoss,
  type StoredManifest,
  type StoredPark,
  type TierStore,
  type Verdict,
  RETAINED_AT_LEAST_MS,
} from '../port.js';
import type { UiTemplateStore } from '../ui-templates.js';
import type { StoreDeps } from '../store.js';
import { nodeDisk, type Disk } from './disk.js';
import type { Position } from './format.js';
import {
  chainText,
  fromBase64,
  headLine,
  headOf,
  manifestsLine,
  manifestsOf,
  markLine,
  markOf,
  parseRecord,
  positionsLine,
  positionsOf,
  readBlob,
  RecordBuilder,
  waitingOf,
  type Blobs,
  type FlushLine,
  type OutboxLine,
  type ParkedLine,
  type PendingLine,
  type RecordText,
} from './records.js';
import { openSegmentLog, type NewRecord, type RecordPlace, type Segment, type SegmentLog } from './segment-log.js';

export interface FileStoreOptions {
  /** Made when missing; one process at a time. */
  readonly dataDir: string;
  readonly slots: number;
  /** Name of the tier, for the losses that it declares. */
  readonly tier: string;
  /** Headers and contents that may wait for the upstream; a flush that would exceed it is refused before anything is written. */
  readonly bytesMax: number;
  /** `stop`: damage to durable records fails the open. `quarantine`: the segment is set aside, and what is missing is declared upward. */
  readonly whenDamaged: 'stop' | 'quarantine';
  readonly segmentBytes?: number;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** Of one read of the outbox, beside its bytes. */
const READ_ENTRIES_MAX = 10_000;
/** Acknowledgements of so long share one time, their last: entries stay this much longer, and a slot has few times to keep. */
const ACKNOWLEDGED_TOGETHER_MS = 10_000;
/** Of one slot; the oldest are forgotten beyond. They have gone upstream in batches. */
const LOSSES_MAX = 10_000;

/** A range of the outbound log that was durable, not acknowledged, and cannot be read any more. */
export interface LostRange {
  readonly slot: number;
  readonly logId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Opens the store in `dataDir`. Errors: OAP-2007 when another process has the directory; OAP-2008 for damage under `stop`; an Error for
 * another number of slots.
 */
export async function openFileStore(options: FileStoreOptions, deps: StoreDeps): Promise<TierStore> {
  const lock = await lockDirectory(options.dataDir);
  try {
    const store = await openFileStoreOn(await nodeDisk(options.dataDir), options, deps);
    const dispose = store[Symbol.asyncDispose].bind(store);
    return Object.assign(store, {
      [Symbol.asyncDispose]: async () => {
        await dispose();
        await lock[Symbol.asyncDispose]();
      },
    });
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** The same on any disk, without a lock: for tests and the simulator. */
export async function openFileStoreOn(disk: Disk, options: FileStoreOptions, deps: StoreDeps): Promise<FileStore> {
  const { slots, dataDir, whenDamaged, segmentBytes = SEGMENT_BYTES } = options;
  const { rng, clock, logger } = deps;
  const state = new State(slots);
  const newStore = rng.bytes(16);
  const opened = await openSegmentLog(
    disk,
    { segmentBytes, slots, newStore },
    (payload, place) => state.replay(payload, place),
    logger,
  );
  if (opened.damages.length > 0) {
    const detail = opened.damages.map((damage) => `${damage.segment}: ${damage.detail}`).join('; ');
    if (whenDamaged === 'stop') {
      await opened.log.close();
      throw new OapError('OAP-2008', { dataDir, detail });
    }
    logger.error({ dataDir, damages: opened.damages }, 'the forward buffer is damaged; its segments are set aside');
  }
  await opened.quarantine();
  if (state.slots.length === 0) state.create(() => uuidV7(rng, clock.now()));
  if (opened.position) state.acknowledged(opened.position.acknowledged);
  for (const slot of state.slots) noteAcknowledged(slot, clock.now());
  state.limbo = [];
  const lost = state.forgetMissing();
  if (lost.ranges.length > 0 || lost.pending.length > 0 || lost.parked.length > 0)
    logger.error(
      { dataDir, ...lost },
      'batches that were accepted are lost: not acknowledged by the upstream, and not readable; the loss is declared upward',
    );
  const store = new FileStore(opened.log, state, lost.ranges, options, deps);
  await store.start(lost.pending);
  return store;
}

/** A batch that waited without a number, and cannot be read any more. */
interface LostPending {
  readonly slot: number;
  readonly ord: number;
  /** 0 when it is not known. */
  readonly increments: number;
}

interface StoredEntry {
  readonly line: OutboxLine;
  readonly blobs: Blobs;
  readonly chain: Uint8Array;
}

interface StoredPending {
  readonly line: PendingLine;
  readonly blobs: Blobs;
}

interface StoredParked {
  readonly line: ParkedLine;
  readonly blobs: Blobs;
}

interface SlotState {
  fence: SlotFence;
  head: OutboxHead;
  lastOrd: number;
  suppressed: SlotClaim['suppressed'];
  readonly marks: Map<string, Mark>;
  readonly manifests: Map<string, StoredManifest>;
  readonly verdicts: Map<number, Verdict>;
  losses: StoredLoss[];
  /** When entries up to `seq` were acknowledged, ascending; of before the open nobody knows better than that. Not in records. */
  acknowledgements: { readonly sinceMs: number; seq: number; atMs: number }[];
  /** As the upstream said: not in records either. */
  stableSeq: number;
  /** The last seq that cannot be read any more and may be needed: found at each open while it is not acknowledged. */
  lostTo: number;
  /** Ascending by seq. */
  entries: StoredEntry[];
  /** Ascending by ord. */
  pending: Map<number, StoredPending>;
  readonly parked: Map<number, StoredParked>;
}

const sizeOf = ({ line }: { readonly line: { readonly header: number; readonly content: number } }) =>
  line.header + line.content;

/** Everything but contents. Changes come as records' texts, from a flush or from a segment: both go the same way. */
class State {
  readonly #slotCount: number;
  slots: SlotState[] = [];
  children = new Map<string, ExpectedChild>();
  lastParkId = 0;
  lastPendingVersion = 0;
  /** Where things were that left by records which are not durable yet: a crash brings them back. */
  limbo: RecordPlace[] = [];
  /** What a checkpoint says to be waiting, and no record brought: carried by a later one, or lost. */
  readonly #missing = new Map<
    string,
    { readonly slot: number; readonly parked?: number; readonly pending?: LostPending }
  >();

  constructor(slots: number) {
    this.#slotCount = slots;
  }

  create(newLogId: () => string): void {
    for (let slot = 0; slot < this.#slotCount; slot++) {
      const fence = { epoch: 0, claim: 0, flushes: 0 };
      const head = {
        logId: newLogId(),
        gen: 1,
        nextSeq: 1,
        chain: new Uint8Array(0),
        acknowledgedSeq: 0,
        watermark: NO_WATERMARK,
        ledger: 0,
        claim: 0,
        lossAccepted: false,
      };
      this.slots.push(emptySlot(fence, head));
    }
  }

  slot(slot: number): SlotState {
    const state = this.slots[slot];
    if (!state) throw new RangeError(`there is no slot ${slot}`);
    return state;
  }

  replay(payload: Uint8Array, place: RecordPlace): void {
    const { text, blobs } = parseRecord(payload, place);
    this.apply(text, blobs);
  }

  apply(text: RecordText, blobs: Blobs): void {
    switch (text.kind) {
      case 'checkpoint':
        this.#restore(text);
        return;
      case 'claim': {
        const state = this.#replayed(text.slot);
        state.fence = text.fence;
        state.head = { ...state.head, claim: text.fence.claim };
        return;
      }
      case 'acceptLoss': {
        const state = this.#replayed(text.slot);
        state.head = { ...state.head, lossAccepted: true };
        return;
      }
      case 'flush':
        for (const line of text.slots) this.#flushed(line, blobs);
        return;
      case 'children':
        this.children = new Map(text.children.map((child) => [child.tier, child]));
        return;
      case 'carry':
        for (const { slot, gone = [], pending, parked } of text.slots) {
          const state = this.#replayed(slot);
          for (const ord of gone) this.#removePending(slot, state, ord);
          for (const line of pending) this.#addPending(slot, state, line, blobs);
          for (const line of parked) this.#addParked(slot, state, line, blobs);
        }
        return;
      case 'expire':
        for (const { slot, marks, parked } of text.slots) {
          const state = this.#replayed(slot);
          for (const logId of marks) state.marks.delete(logId);
          for (const id of parked) this.#removeParked(slot, state, id);
        }
        for (const state of this.slots) {
          for (const [key, { minute }] of state.manifests) if (minute < text.beforeMinute) state.manifests.delete(key);
          for (const minute of state.verdicts.keys()) if (minute < text.beforeMinute) state.verdicts.delete(minute);
          state.losses = state.losses.filter((loss) => !isBefore(loss, text.beforeMinute));
        }
        return;
    }
  }

  /** A record before the first checkpoint that is left finds slots that nothing has said anything about yet. */
  #replayed(slot: number): SlotState {
    if (this.slots.length === 0) this.create(() => '');
    return this.slot(slot);
  }

  #flushed(line: FlushLine, blobs: Blobs): void {
    const state = this.#replayed(line.slot);
    const { acknowledgedSeq, gen } = state.head;
    const head = headOf(line.head);
    // acknowledgements are not in records, so this one may be older than what is known
    state.head =
      gen === head.gen ? { ...head, acknowledgedSeq: Math.max(acknowledgedSeq, head.acknowledgedSeq) } : head;
    state.fence = line.fence;
    state.lastOrd = line.lastOrd;
    state.suppressed = positionsOf(line.suppressed);
    for (const mark of line.marks) state.marks.set(mark.logId, markOf(line.slot, mark));
    for (const ord of line.gone) this.#removePending(line.slot, state, ord);
    for (const pending of line.pending) this.#addPending(line.slot, state, pending, blobs);
    for (const id of line.unparked) this.#removeParked(line.slot, state, id);
    for (const parked of line.parked) this.#addParked(line.slot, state, parked, blobs);
    for (const manifest of line.manifests) state.manifests.set(`${manifest.logId} ${manifest.minute}`, manifest);
    for (const verdict of line.verdicts) {
      if (verdict.state === 'matched') state.verdicts.delete(verdict.minute);
      else state.verdicts.set(verdict.minute, verdict);
    }
    const known = new Set(state.losses.map(lossKey));
    state.losses.push(...line.losses.filter((loss) => !known.has(lossKey(loss))));
    if (state.losses.length > LOSSES_MAX) state.losses.splice(0, state.losses.length - LOSSES_MAX);
    // a repair may go back, and a record may be applied twice: what is numbered from here on replaces what was
    const { keepTo = Number.POSITIVE_INFINITY } = line;
    const lastSeq = Math.min(keepTo, (line.outbox[0]?.seq ?? head.nextSeq) - 1);
    if ((state.entries.at(-1)?.line.seq ?? 0) > lastSeq) {
      for (const entry of state.entries) if (entry.line.seq > lastSeq) this.#leaves(entry);
      state.entries = state.entries.filter((entry) => entry.line.seq <= lastSeq);
    }
    for (const entry of line.outbox) {
      state.entries.push({ line: entry, blobs, chain: fromBase64(entry.chain) });
    }
  }

  #leaves(one: { readonly blobs: Blobs } | undefined): void {
    if (one) this.limbo.push(one.blobs.place);
  }

  #addPending(slot: number, state: SlotState, line: PendingLine, blobs: Blobs): void {
    this.#leaves(state.pending.get(line.ord));
    state.pending.set(line.ord, { line, blobs });
    state.lastOrd = Math.max(state.lastOrd, line.ord);
    this.lastPendingVersion = Math.max(this.lastPendingVersion, line.version ?? 0);
    this.#missing.delete(`pending ${line.ord} of slot ${slot}`);
  }

  #removePending(slot: number, state: SlotState, ord: number): void {
    this.#leaves(state.pending.get(ord));
    state.pending.delete(ord);
    this.#missing.delete(`pending ${ord} of slot ${slot}`);
  }

  #addParked(slot: number, state: SlotState, line: ParkedLine, blobs: Blobs): void {
    this.#leaves(state.parked.get(line.id));
    state.parked.set(line.id, { line, blobs });
    this.#missing.delete(`parked ${line.id} of slot ${slot}`);
    this.lastParkId = Math.max(this.lastParkId, line.id);
  }

  #removeParked(slot: number, state: SlotState, id: number): void {
    this.#leaves(state.parked.get(id));
    state.parked.delete(id);
    this.#missing.delete(`parked ${id} of slot ${slot}`);
  }

  #restore({ slots, children, lastParkId }: RecordText & { kind: 'checkpoint' }): void {
    if (slots.length !== this.#slotCount)
      throw new Error(`the storage was made for ${slots.length} slots, the configuration says ${this.#slotCount}`);
    const before = this.slots;
    this.#missing.clear();
    this.slots = slots.map((line, slot) => {
      const restored = emptySlot(line.fence, headOf(line.head));
      restored.lastOrd = line.lastOrd;
      restored.suppressed = positionsOf(line.suppressed);
      for (const mark of line.marks) restored.marks.set(mark.logId, markOf(slot, mark));
      for (const one of manifestsOf(line.manifests)) restored.manifests.set(`${one.logId} ${one.minute}`, one);
      for (const verdict of line.verdicts) restored.verdicts.set(verdict.minute, verdict);
      restored.losses = [...line.losses];
      const known = before[slot];
      restored.entries = known?.entries ?? [];
      for (const { ord, version, increments } of waitingOf(line)) {
        const one = known?.pending.get(ord);
        this.lastPendingVersion = Math.max(this.lastPendingVersion, version);
        if (one && (one.line.version ?? 0) === version) restored.pending.set(ord, one);
        else this.#missing.set(`pending ${ord} of slot ${slot}`, { slot, pending: { slot, ord, increments } });
      }
      for (const id of line.parked) {
        const one = known?.parked.get(id);
        if (one) restored.parked.set(id, one);
        else this.#missing.set(`parked ${id} of slot ${slot}`, { slot, parked: id });
      }
      return restored;
    });
    this.children = new Map(children.map((child) => [child.tier, child]));
    this.lastParkId = lastParkId;
  }

  checkpoint(): RecordText {
    return {
      kind: 'checkpoint',
      slots: this.slots.map((state) => ({
        fence: state.fence,
        head: headLine(state.head),
        lastOrd: state.lastOrd,
        suppressed: positionsLine(state.suppressed),
        marks: [...state.marks.values()].map(markLine),
        losses: state.losses,
        verdicts: [...state.verdicts.values()],
        manifests: manifestsLine(state.manifests.values()),
        waiting: [...state.pending.values()].flatMap(({ line: { ord, version = 0, increments } }) => [
          ord,
          version,
          increments,
        ]),
        parked: [...state.parked.keys()],
      })),
      children: [...this.children.values()],
      lastParkId: this.lastParkId,
    };
  }

  acknowledged(positions: Position['acknowledged']): void {
    positions.forEach(({ gen, seq }, slot) => {
      const state = this.slots[slot];
      if (state && state.head.gen === gen && seq > state.head.acknowledgedSeq && seq < state.head.nextSeq)
        state.head = { ...state.head, acknowledgedSeq: seq };
    });
  }

  /** After damage: what the newest state says to be there, and is not. Without damage: nothing. */
  forgetMissing(): {
    readonly ranges: LostRange[];
    readonly pending: readonly LostPending[];
    readonly parked: readonly { readonly slot: number; readonly id: number }[];
  } {
    const ranges: LostRange[] = [];
    this.slots.forEach((state, slot) => {
      const { logId, acknowledgedSeq, nextSeq } = state.head;
      state.entries = state.entries.filter(({ line }) => line.seq < nextSeq);
      let expected = acknowledgedSeq + 1;
      const missing = (before: number) => {
        if (expected < before) ranges.push({ slot, logId, firstSeq: expected, lastSeq: before - 1 });
      };
      for (const { line } of state.entries) {
        if (line.seq < expected) continue;
        missing(line.seq);
        expected = line.seq + 1;
      }
      missing(nextSeq);
    });
    for (const { slot, lastSeq } of ranges) this.slot(slot).lostTo = lastSeq;
    const missing = [...this.#missing.values()];
    return {
      ranges,
      pending: missing.flatMap(({ pending }) => pending ?? []),
      parked: missing.flatMap(({ slot, parked }) => (parked === undefined ? [] : { slot, id: parked })),
    };
  }
}

function emptySlot(fence: SlotFence, head: OutboxHead): SlotState {
  return {
    fence,
    head,
    lastOrd: 0,
    suppressed: new Map(),
    marks: new Map(),
    manifests: new Map(),
    verdicts: new Map(),
    losses: [],
    acknowledgements: [],
    stableSeq: 0,
    lostTo: 0,
    entries: [],
    pending: new Map(),
    parked: new Map(),
  };
}

/** One call, on its way through the queue. */
interface Turn {
  /** Changes the state and says what to write. False: it threw, and was answered. */
  decide(): boolean;
  resolve(): void;
  reject(error: unknown): void;
  /** Needs no new space: goes through on a full disk. */
  readonly free: boolean;
}

export class FileStore implements TierStore {
  readonly #log: SegmentLog;
  readonly #state: State;
  readonly #options: FileStoreOptions;
  readonly #deps: StoreDeps;
  #schemas: readonly MetricSchema[] = [];
  #queue: Turn[] = [];
  #running: Promise<void> | undefined;
  /** Applied to the state, not durable: the first to be written next. */
  #unwritten: NewRecord[] = [];
  /** Slots whose generation or repair is not durable yet: what the position says of them until then. */
  readonly #before = new Map<number, { readonly gen: number; readonly seq: number | undefined }>();
  #acknowledgementDue = false;
  #releaseDue = false;
  #closed = false;
  readonly #writeErrors: Counter | undefined;
  /** Found at open. */
  readonly lostRanges: readonly LostRange[];

  constructor(
    log: SegmentLog,
    state: State,
    lostRanges: readonly LostRange[],
    options: FileStoreOptions,
    deps: StoreDeps,
  ) {
    this.#log = log;
    this.#state = state;
    this.lostRanges = lostRanges;
    this.#options = options;
    this.#deps = deps;
    const { telemetry } = deps;
    this.#writeErrors = telemetry?.counter('fed_buffer_write_errors_total', 'Writes to the file buffer that failed.');
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry?.observe('gauge', `fed_buffer_${name}`, help, {}, read);
    gauge('oldest_age_seconds', 'Age of the oldest entry that waits for the upstream.', () => this.#oldestAgeSeconds());
    gauge('segments', 'Segment files, those that are set aside left out.', () => this.#countSegments(false));
    gauge('quarantined_segments', 'Damaged segment files that were set aside.', () => this.#countSegments(true));
    gauge('lost_batches', 'Numbered batches that were found to be lost at start, and declared.', () =>
      lostRanges.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0),
    );
  }

  #oldestAgeSeconds(): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { entries, pending, head } of this.#state.slots) {
      const first = entries[indexAfter(entries, head.acknowledgedSeq)];
      if (first) oldestMs = Math.min(oldestMs, first.line.createdAtMs);
      for (const { line } of pending.values()) oldestMs = Math.min(oldestMs, line.createdAtMs);
    }
    return Number.isFinite(oldestMs) ? Math.max(0, this.#deps.clock.now() - oldestMs) / 1_000 : 0;
  }

  #countSegments(quarantined: boolean): number {
    return this.#log.segments.filter((segment) => segment.quarantined === quarantined).length;
  }

  /** Makes the first segment, where there is none to go on with. Of `lost` there is an entry from now on that says so, and goes up like any other. */
  async start(lost: readonly LostPending[]): Promise<void> {
    if (lost.length > 0) this.#declare(lost);
    if (this.#log.hasActive && this.#unwritten.length === 0) return;
    await this.#log.write(this.#unwritten, () => this.#checkpoint());
    this.#unwritten = [];
    await this.#log.writePosition(this.#acknowledged(), true);
  }

  #declare(lost: readonly LostPending[]): void {
    const { tier } = this.#options;
    const content = joinContent(encodeContent({ entities: [], blocks: [], unknownBlocks: [] }));
    const minutes = { firstMinute: NO_WATERMARK, lastMinute: NO_WATERMARK };
    const builder = new RecordBuilder();
    const version = this.#state.lastPendingVersion + 1;
    const slots = [...new Set(lost.map(({ slot }) => slot))].map((slot) => {
      const state = this.#state.slot(slot);
      const gone = lost.filter((one) => one.slot === slot);
      const increments = gone.reduce((sum, one) => sum + one.increments, 0);
      const kind = `${gone.length} batches that waited`;
      const loss = { tier, origin: '', cause: 'range', kind, ...minutes, increments };
      // with it all that was accepted is in the log, or declared lost in it
      const frontier = new Map([...state.marks.values()].map(({ logId, gen, seq }) => [logId, { gen, seq }]));
      const line: PendingLine = {
        ...builder.blob(encodeHeader({ ...EMPTY_HEADER, losses: [loss], frontier }), content),
        ord: state.lastOrd + 1,
        version,
        increments: 0,
        createdAtMs: this.#deps.clock.now(),
      };
      return { slot, gone: gone.map(({ ord }) => ord), pending: [line], parked: [] };
    });
    this.#append(builder, { kind: 'carry', slots });
  }

  // --- the queue ---------------------------------------------------------------------------------------------------

  #turn<T>(decide: () => T, free = false): Promise<T> {
    if (this.#closed) return Promise.reject(new StorageUnavailable('the storage is closed'));
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#queue.push({
        free,
        decide() {
          try {
            result = decide();
            return true;
          } catch (error) {
            reject(error instanceof Error ? error : new Error(messageOf(error)));
            return false;
          }
        },
        resolve: () => resolve(result),
        reject,
      });
      this.#running ??= this.#run();
    });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // calls of one turn of the event loop share a sync
    while (this.#queue.length > 0) {
      const turns = this.#queue;
      this.#queue = [];
      await this.#runTurns(turns);
    }
    this.#running = undefined;
  }

  async #runTurns(given: readonly Turn[]): Promise<void> {
    let turns = given;
    let failure: unknown;
    if (this.#unwritten.length > 0) {
      // what failed before comes first, and until it is written nothing is decided but what makes room
      const free = turns.filter((turn) => turn.free && turn.decide());
      await this.#settle(free, undefined);
      turns = turns.filter((turn) => !turn.free);
      failure = await this.#write();
      if (failure !== undefined) {
        for (const turn of turns) turn.reject(unavailable(failure));
        return;
      }
    }
    const decided = turns.filter((turn) => turn.decide());
    failure = await this.#write();
    await this.#settle(decided, failure);
    if (this.#releaseDue && failure === undefined) {
      this.#releaseDue = false;
      await this.#release();
    }
  }

  /** Undefined when everything is durable. A disk without space gets what retention alone keeps, and is tried once more. */
  async #write(): Promise<unknown> {
    if (this.#unwritten.length === 0) return undefined;
    for (let tries = 0; ; tries++) {
      try {
        await this.#log.write(this.#unwritten, () => this.#checkpoint());
        this.#unwritten = [];
        this.#before.clear();
        this.#state.limbo = [];
        return undefined;
      } catch (error) {
        this.#writeErrors?.inc();
        this.#deps.logger.error({ err: error, dataDir: this.#options.dataDir }, 'the forward buffer cannot be written');
        if (tries > 0) return error;
        this.#dropAcknowledged(Number.POSITIVE_INFINITY);
        await this.#release();
      }
    }
  }

  /** Writes the position, then answers. */
  async #settle(turns: readonly Turn[], failure: unknown): Promise<void> {
    const due = this.#acknowledgementDue;
    this.#acknowledgementDue = false;
    let unsaid: unknown;
    try {
      await this.#log.writePosition(this.#acknowledged(), due);
    } catch (error) {
      this.#deps.logger.warn({ err: error }, 'the position of the forward buffer cannot be written');
      if (due) unsaid = error;
    }
    for (const turn of turns) {
      const error = turn.free ? unsaid : failure;
      if (error === undefined) turn.resolve();
      else turn.reject(unavailable(error));
    }
  }

  #append(builder: RecordBuilder, text: RecordText): void {
    const { record, blobs } = builder.build(text);
    this.#state.apply(text, blobs);
    this.#unwritten.push(record);
  }

  #checkpoint(): NewRecord {
    return new RecordBuilder().build(this.#state.checkpoint()).record;
  }

  #acknowledged(): Position['acknowledged'] {
    return this.#state.slots.map(({ head }, slot) => ({
      gen: this.#before.get(slot)?.gen ?? head.gen,
      seq: this.#acknowledgedSeq(slot),
    }));
  }

  /** Without what a repair says that is not durable yet. */
  #acknowledgedSeq(slot: number): number {
    return this.#before.get(slot)?.seq ?? this.#state.slot(slot).head.acknowledgedSeq;
  }

  /** Those that are stable upstream, and those acknowledged until then that are, with all acknowledged after them, more than `bytesMax`. */
  #dropAcknowledged(untilMs: number, bytesMax = 0): void {
    for (const [slot, state] of this.#state.slots.entries()) {
      const acknowledgedSeq = this.#acknowledgedSeq(slot);
      const old = state.acknowledgements.findLast(({ atMs }) => atMs <= untilMs)?.seq ?? 0;
      let bytes = 0;
      const retained = state.entries.slice(0, indexAfter(state.entries, acknowledgedSeq));
      const tooMany = retained.findLast((entry) => (bytes += sizeOf(entry)) > bytesMax)?.line.seq ?? 0;
      const lastSeq = Math.min(acknowledgedSeq, Math.max(Math.min(old, tooMany), state.stableSeq));
      const first = indexAfter(state.entries, lastSeq);
      if (first > 0) state.entries = state.entries.slice(first);
      state.acknowledgements = state.acknowledgements.filter(({ seq }) => seq > lastSeq);
    }
  }

  async #release(): Promise<void> {
    const live = new Set<Segment | undefined>(this.#state.limbo.map(({ segment }) => segment));
    for (const { entries, pending, parked } of this.#state.slots) {
      for (const { blobs } of entries) live.add(blobs.place.segment);
      for (const { blobs } of pending.values()) live.add(blobs.place.segment);
      for (const { blobs } of parked.values()) live.add(blobs.place.segment);
    }
    const isLive = (segment: Segment) => live.has(segment);
    if (this.#log.segments.every(isLive)) return;
    try {
      // the position must not name a segment that is gone, whatever a power cut takes
      await this.#log.writePosition(this.#acknowledged(), true);
    } catch (error) {
      this.#deps.logger.warn(
        { err: error },
        'the position of the forward buffer cannot be written; nothing is deleted',
      );
      return;
    }
    await this.#log.release(isLive, this.#deps.logger);
  }

  // --- slots and flushes -------------------------------------------------------------------------------------------

  claimSlot(slot: number): Promise<SlotClaim> {
    return this.#turn(() => {
      const state = this.#state.slot(slot);
      const claim = randomInt(this.#deps.rng, 2 ** 48);
      const fence = { epoch: state.fence.epoch + 1, claim, flushes: 0 };
      this.#append(new RecordBuilder(), { kind: 'claim', slot, fence });
      let firstOrd = 1;
      for (const ord of state.pending.keys()) firstOrd = Math.min(firstOrd, ord);
      const pending = { entries: state.pending.size, firstOrd, lastOrd: state.lastOrd };
      return {
        slot,
        fence,
        marks: [...state.marks.values()].toSorted((a, b) => (a.logId < b.logId ? -1 : 1)),
        outbox: headNow(state),
        suppressed: state.suppressed,
        pending,
        entities: [],
        origins: [],
        newestMinute: NO_WATERMARK,
      };
    });
  }

  flush(flushes: readonly SlotFlush[]): Promise<FlushOutcome> {
    if (flushes.length === 0) return Promise.resolve({ kind: 'committed' });
    return this.#turn(() => {
      if (new Set(flushes.map(({ slot }) => slot)).size < flushes.length)
        throw new BugError('a slot twice in one flush');
      const refused = flushes.filter((flush) => !this.#accepts(flush)).map(({ slot }) => slot);
      if (refused.length > 0) return { kind: 'notOwner', slots: refused.toSorted((a, b) => a - b) };
      this.#checkRoom(flushes);
      for (const { slot, repair, gen } of flushes) {
        const { head } = this.#state.slot(slot);
        const before = this.#before.get(slot);
        if (!repair && (gen ?? head.gen) === head.gen) continue;
        const seq = before?.seq ?? (repair ? head.acknowledgedSeq : undefined);
        this.#before.set(slot, { gen: before?.gen ?? head.gen, seq });
      }
      const builder = new RecordBuilder();
      this.#append(builder, { kind: 'flush', slots: flushes.map((flush) => this.#flushLine(flush, builder)) });
      for (const { slot, repair } of flushes) if (repair) this.#repaired(this.#state.slot(slot), repair.seq);
      return { kind: 'committed' };
    });
  }

  /** The upstream has everything up to `seq`; what it said of later numbers was of others. */
  #repaired(state: SlotState, seq: number): void {
    state.stableSeq = Math.min(state.stableSeq, seq);
    state.lostTo = 0;
    state.acknowledgements = state.acknowledgements.filter((one) => one.seq <= seq);
    noteAcknowledged(state, this.#deps.clock.now());
  }

  #accepts({ slot, fence, outbox, marks }: SlotFlush): boolean {
    const state = this.#state.slot(slot);
    const { epoch, claim, flushes } = state.fence;
    if (fence.epoch !== epoch || fence.claim !== claim || fence.flushes !== flushes) return false;
    if (outbox.some(({ entry }, i) => entry.seq !== state.head.nextSeq + i)) return false;
    return marks.every(({ mark, previousSeq }) => (state.marks.get(mark.logId)?.seq ?? 0) === previousSeq);
  }

  /** Errors: StorageUnavailable when what waits would not fit; nothing was changed then. */
  #checkRoom(flushes: readonly SlotFlush[]): void {
    let growth = 0;
    for (const { slot, outbox, pending, settled, repair } of flushes) {
      for (const { entry } of outbox) growth += entry.header.length + entry.content.length;
      for (const entry of pending) growth += entry.header.length + entry.content.length;
      const { pending: waiting, entries } = this.#state.slot(slot);
      if (repair) for (const entry of entries) if (entry.line.seq > repair.keepTo) growth -= sizeOf(entry);
      for (const ord of [...settled, ...(repair?.dropPending ?? [])]) {
        const one = waiting.get(ord);
        if (one) growth -= sizeOf(one);
      }
    }
    if (growth <= 0) return;
    const { bytes } = this.#backlog();
    const { bytesMax } = this.#options;
    if (bytes > 0 && bytes + growth > bytesMax)
      throw new StorageUnavailable(`the forward buffer holds ${bytes} of ${bytesMax} bytes, ${growth} more wait`);
  }

  #flushLine(flush: SlotFlush, builder: RecordBuilder): FlushLine {
    const { slot, repair, gen: verified } = flush;
    const state = this.#state.slot(slot);
    let { head } = state;
    if (verified !== undefined) head = { ...head, gen: verified };
    if (repair) {
      const { gen, seq, chain, ledger } = repair;
      head = { ...head, gen, nextSeq: seq + 1, chain, ledger, acknowledgedSeq: seq, lossAccepted: false };
    }
    for (const { entry, watermark } of flush.outbox) {
      head = {
        ...head,
        nextSeq: entry.seq + 1,
        chain: entry.chain,
        watermark: Math.max(watermark, head.watermark),
        ledger: head.ledger + entry.increments,
      };
    }
    const nowMs = this.#deps.clock.now();
    let parkId = this.#state.lastParkId;
    let version = this.#state.lastPendingVersion;
    return {
      slot,
      fence: { ...state.fence, flushes: state.fence.flushes + 1 },
      head: headLine(head),
      lastOrd: Math.max(state.lastOrd, flush.pending.at(-1)?.ord ?? 0),
      suppressed: positionsLine(repair?.suppressed ?? flush.suppressed ?? state.suppressed),
      marks: flush.marks.map(({ mark }) => markLine(mark)),
      outbox: flush.outbox.map(({ entry: { seq, header, content, chain, increments, createdAtMs } }) => ({
        ...builder.blob(header, content),
        seq,
        chain: chainText(chain),
        increments,
        createdAtMs,
      })),
      pending: flush.pending.map(({ ord, source, header, content, increments, createdAtMs }) => ({
        ...builder.blob(header, content),
        ord,
        version: ++version,
        ...(source ? { source } : {}),
        increments,
        createdAtMs,
      })),
      ...(repair ? { keepTo: repair.keepTo } : {}),
      gone: [...flush.settled, ...(repair?.dropPending ?? [])],
      parked: flush.parked.map(({ logId, seq, reason, increments, detail, content }) => ({
        ...builder.blob(new Uint8Array(0), content),
        id: ++parkId,
        logId,
        seq,
        reason,
        increments,
        detail,
        atMs: nowMs,
      })),
      unparked: flush.unparked,
      losses: flush.losses,
      verdicts: flush.verdicts ?? [],
      manifests: flush.manifests,
    };
  }

  // --- the outbound log --------------------------------------------------------------------------------------------

  async readOutbox(slot: number, afterSeq: number, bytesMax: number): Promise<readonly OutboxEntry[]> {
    const found = await this.#turn(() => {
      const { entries } = this.#state.slot(slot);
      const first = indexAfter(entries, afterSeq);
      return firstBytes(entries.slice(first, first + READ_ENTRIES_MAX), bytesMax);
    });
    return this.#contents(found, ({ line: { seq, increments, createdAtMs }, chain }, header, content) => {
      return { slot, seq, header, content, chain, increments, createdAtMs };
    });
  }

  outboxHead(slot: number): Promise<OutboxHead> {
    return this.#turn(() => headNow(this.#state.slot(slot)));
  }

  acknowledgeOutbox(slot: number, seq: number, stableSeq = 0): Promise<void> {
    return this.#turn(() => {
      const state = this.#state.slot(slot);
      const { nextSeq, acknowledgedSeq } = state.head;
      if (seq >= nextSeq)
        throw new RangeError(`slot ${slot}: seq ${seq} cannot be acknowledged, the outbox ends at ${nextSeq - 1}`);
      state.stableSeq = Math.max(state.stableSeq, Math.min(stableSeq, seq));
      if (seq <= acknowledgedSeq) return;
      state.head = { ...state.head, acknowledgedSeq: seq };
      noteAcknowledged(state, this.#deps.clock.now());
      this.#acknowledgementDue = true;
    }, true);
  }

  rewindOutbox(slot: number, seq: number): Promise<void> {
    return this.#turn(() => {
      const state = this.#state.slot(slot);
      if (state.head.acknowledgedSeq <= seq) return;
      state.head = { ...state.head, acknowledgedSeq: seq };
      state.stableSeq = Math.min(state.stableSeq, seq);
      state.acknowledgements = state.acknowledgements.filter((one) => one.seq <= seq);
      this.#acknowledgementDue = true;
    }, true);
  }

  /** A gateway's marks are in one place. */
  stableSeq(): number {
    return 0;
  }

  async readPending(slot: number, afterOrd: number, bytesMax: number): Promise<readonly PendingEntry[]> {
    const found = await this.#turn(() => {
      const waiting = [...this.#state.slot(slot).pending.values()].filter(({ line }) => line.ord > afterOrd);
      return firstBytes(
        waiting.toSorted((a, b) => a.line.ord - b.line.ord),
        bytesMax,
      );
    });
    return this.#contents(found, ({ line: { ord, source, increments, createdAtMs } }, header, content) => {
      return { slot, ord, ...(source ? { source } : {}), header, content, increments, createdAtMs };
    });
  }

  async readParked(
    slot: number,
    reason: ParkedBatch['reason'],
    afterId: number,
    limit: number,
  ): Promise<readonly StoredPark[]> {
    const found = await this.#turn(() =>
      [...this.#state.slot(slot).parked.values()]
        .filter(({ line }) => line.reason === reason && line.id > afterId)
        .toSorted((a, b) => a.line.id - b.line.id)
        .slice(0, limit),
    );
    return this.#contents(found, ({ line: { id, logId, seq, increments, detail } }, _, content) => {
      return { id, logId, slot, seq, reason, increments, detail, content };
    });
  }

  async #contents<S extends { readonly blobs: Blobs; readonly line: OutboxLine | PendingLine | ParkedLine }, T>(
    found: readonly S[],
    made: (one: S, header: Uint8Array, content: Uint8Array) => T,
  ): Promise<readonly T[]> {
    try {
      const read: T[] = [];
      for (const one of found) read.push(made(one, ...(await readBlob(one.blobs, one.line))));
      return read;
    } catch (error) {
      throw unavailable(error);
    }
  }

  readManifests(
    slot: number,
    fromMinute: number,
    toMinute = Number.POSITIVE_INFINITY,
  ): Promise<readonly StoredManifest[]> {
    return this.#turn(() =>
      [...this.#state.slot(slot).manifests.values()]
        .filter(({ minute }) => minute >= fromMinute && minute <= toMinute)
        .toSorted((a, b) => a.minute - b.minute || (a.logId < b.logId ? -1 : 1)),
    );
  }

  readLosses(slot: number, fromMinute: number, toMinute: number): Promise<readonly StoredLoss[]> {
    return this.#turn(() =>
      this.#state
        .slot(slot)
        .losses.filter((loss) => loss.firstMinute <= toMinute && !isBefore(loss, fromMinute))
        .toSorted((a, b) => (a.logId === b.logId ? a.seq - b.seq || a.index - b.index : a.logId < b.logId ? -1 : 1)),
    );
  }

  readVerdicts(slot: number): Promise<readonly Verdict[]> {
    return this.#turn(() => [...this.#state.slot(slot).verdicts.values()].toSorted((a, b) => a.minute - b.minute));
  }

  /** Nothing is in rows. */
  async storedMetrics(): Promise<readonly string[]> {
    return [];
  }

  /** Nothing is in rows. */
  async readRevisions(): Promise<readonly MinuteRevision[]> {
    return [];
  }

  /** Entities are in no dictionary: batches carry them. */
  async readDictionary(): Promise<readonly DictionaryEntry[]> {
    return [];
  }

  outboxBacklog(): Promise<{ readonly entries: number; readonly bytes: number }> {
    return this.#turn(() => this.#backlog());
  }

  #backlog(): { readonly entries: number; readonly bytes: number } {
    let count = 0;
    let bytes = 0;
    for (const { entries, pending, head } of this.#state.slots) {
      count += pending.size;
      for (const one of pending.values()) bytes += sizeOf(one);
      for (const entry of entries) {
        if (entry.line.seq <= head.acknowledgedSeq) continue;
        count++;
        bytes += sizeOf(entry);
      }
    }
    return { entries: count, bytes };
  }

  // --- children, metadata, readers ---------------------------------------------------------------------------------

  expectedChildren(): Promise<readonly ExpectedChild[]> {
    return this.#turn(() => this.#children());
  }

  #children(): readonly ExpectedChild[] {
    return [...this.#state.children.values()].toSorted((a, b) => (a.tier < b.tier ? -1 : 1));
  }

  expectChildren(children: readonly ExpectedChild[]): Promise<void> {
    return this.#turn(() => {
      const known = new Map(this.#state.children);
      for (const child of children) {
        const before = known.get(child.tier);
        if (!before) known.set(child.tier, child);
        else if (child.retiredAtMs !== undefined) known.set(child.tier, { ...before, retiredAtMs: child.retiredAtMs });
      }
      this.#setChildren(known);
    });
  }

  acceptLoss(slot: number): Promise<void> {
    return this.#turn(() => {
      if (!this.#state.slot(slot).head.lossAccepted) this.#append(new RecordBuilder(), { kind: 'acceptLoss', slot });
    });
  }

  retireChild(tier: string, atMs: number | undefined): Promise<boolean> {
    return this.#turn(() => {
      const before = this.#state.children.get(tier);
      if (!before) return false;
      const { sinceMinute } = before;
      const child = { tier, sinceMinute, ...(atMs === undefined ? {} : { retiredAtMs: atMs }) };
      this.#setChildren(new Map(this.#state.children).set(tier, child));
      return true;
    });
  }

  #setChildren(children: ReadonlyMap<string, ExpectedChild>): void {
    const changed = [...children].some(([tier, child]) => {
      const before = this.#state.children.get(tier);
      return before?.sinceMinute !== child.sinceMinute || before.retiredAtMs !== child.retiredAtMs;
    });
    if (changed) this.#append(new RecordBuilder(), { kind: 'children', children: [...children.values()] });
  }

  async prepareMetrics(schemas: readonly MetricSchema[]): Promise<void> {
    this.#schemas = [...new Map([...this.#schemas, ...schemas].map((schema) => [schema.name, schema])).values()];
  }

  /** No rows are kept: every minute begins anew, and what is merged goes upstream. */
  async loadRows(): Promise<readonly RowBlock[]> {
    return [];
  }

  /** Properties are not forwarded, and there is nobody to read them here. */
  async saveInstanceProperties(): Promise<void> {}

  readonly reader: MetricReader = {
    metrics: () => this.#schemas,
    readSeries: ({ metric }) => Promise.reject(new OapError('OAP-6002', { metric: metric.name })),
    readRange: ({ metric }) => Promise.reject(new OapError('OAP-6002', { metric: metric.name })),
  };

  readonly metadata: MetadataReader = {
    listLayers: async () => [],
    listServices: async () => [],
    listInstances: async () => [],
    findEndpoints: async () => [],
    instance: async () => undefined,
    relations: async () => [],
    origins: async () => [],
    reportedBy: async () => [],
    entities: async () => [],
    completeness: () =>
      this.#turn(() => {
        const marks = this.#state.slots.flatMap((state) => [...state.marks.values()]);
        return completenessOf(marks, this.#children(), this.#state.slots.length);
      }),
    conservation: () => this.#turn(() => this.#conservation()),
  };

  /** Nobody looks at dashboards of a tier without rows. */
  readonly templates: UiTemplateStore = {
    list: async () => [],
    add: () => Promise.reject(new OapError('OAP-6002', { metric: 'dashboards' })),
    change: async () => false,
    disable: async () => false,
    ship: async () => {},
  };

  #conservation(): Conservation {
    const { slots } = this.#state;
    return {
      losses: lossSums(
        slots.flatMap(({ losses, marks }) =>
          losses.map(({ logId, seq: _seq, index: _index, ...loss }) => {
            const mark = marks.get(logId);
            return { ...loss, via: mark?.kind === 'federated' ? mark.producer : '' };
          }),
        ),
      ),
      verdicts: verdictSums(slots.flatMap(({ verdicts }) => [...verdicts.values()])),
    };
  }

  /** Nothing is judged where there are no rows. */
  readonly alarms: AlarmStore = refusedAlarms;

  readonly maintenance: Maintenance = {
    dirtyHours: async () => [],
    dropExpired: async (options) => {
      await this.#turn(() => this.#dropExpired(options));
      await this.#carry();
    },
  };

  #dropExpired(options: Parameters<Maintenance['dropExpired']>[0]): void {
    const { nowMs, ttlDays, outboxRetentionMs, outboxRetentionBytes = Number.POSITIVE_INFINITY } = options;
    this.#releaseDue = true;
    this.#dropAcknowledged(nowMs - outboxRetentionMs);
    this.#dropAcknowledged(nowMs - RETAINED_AT_LEAST_MS, outboxRetentionBytes);
    const oldestMs = (Math.floor(nowMs / 86_400_000) - ttlDays) * 86_400_000;
    const beforeMinute = oldestMs / 60_000;
    let old = false;
    let increments = 0;
    const slots = this.#state.slots.flatMap((state, slot) => {
      const marks = [...state.marks.values()].filter((mark) => mark.kind === 'local' && mark.updatedAtMs < oldestMs);
      const parked = [...state.parked.values()].filter(({ line }) => line.atMs < oldestMs);
      for (const { line } of parked) increments += line.increments;
      for (const { minute } of state.manifests.values()) old ||= minute < beforeMinute;
      for (const loss of state.losses) old ||= isBefore(loss, beforeMinute);
      if (marks.length === 0 && parked.length === 0) return [];
      return [{ slot, marks: marks.map(({ logId }) => logId), parked: parked.map(({ line }) => line.id) }];
    });
    if (increments > 0) this.#deps.logger.warn({ increments }, 'parked batches expired and were removed');
    if (slots.length > 0 || old) this.#append(new RecordBuilder(), { kind: 'expire', slots, beforeMinute });
  }

  /** Writes again what little holds the oldest segment, so that a batch that waits for months does not keep all since. */
  async #carry(): Promise<void> {
    const oldest = this.#log.segments.find(({ quarantined }) => !quarantined);
    const isThere = ({ blobs }: { readonly blobs: Blobs }) => blobs.place.segment === oldest;
    if (!oldest || oldest === this.#log.segments.at(-1)) return;
    if (this.#state.slots.some(({ entries }) => entries.some(isThere))) return;
    const held = this.#state.slots.map(({ pending, parked }) => ({
      pending: [...pending.values()].filter(isThere),
      parked: [...parked.values()].filter(isThere),
    }));
    const all = held.flatMap(({ pending, parked }) => [...pending, ...parked]);
    if (all.reduce((sum, one) => sum + sizeOf(one), 0) > oldest.file.size / 4) return;
    const contents = new Map<PendingLine | ParkedLine, readonly [Uint8Array, Uint8Array]>();
    for (const { blobs, line } of all) contents.set(line, await readBlob(blobs, line));
    await this.#turn(() => {
      this.#releaseDue = true;
      const builder = new RecordBuilder();
      const again = <L extends PendingLine | ParkedLine>(line: L): L => ({
        ...line,
        ...builder.blob(...contents.get(line)!),
      });
      const slots = held.flatMap(({ pending, parked }, slot) => {
        const state = this.#state.slot(slot);
        const lines = {
          slot,
          pending: pending
            .filter(({ line }) => state.pending.get(line.ord)?.line === line)
            .map(({ line }) => again(line)),
          parked: parked.filter(({ line }) => state.parked.get(line.id)?.line === line).map(({ line }) => again(line)),
        };
        return lines.pending.length + lines.parked.length > 0 ? [lines] : [];
      });
      if (slots.length > 0) this.#append(builder, { kind: 'carry', slots });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    await this.#log.close();
  }
}

/** Who set a damaged segment aside accepts that what was in it is lost: until it is acknowledged, or passed over. */
function headNow({ head, lostTo }: SlotState): OutboxHead {
  return lostTo > head.acknowledgedSeq ? { ...head, lossAccepted: true } : head;
}

/** Everything up to the head's acknowledged seq was acknowledged by now. */
function noteAcknowledged(state: SlotState, nowMs: number): void {
  const { acknowledgedSeq: seq } = state.head;
  const last = state.acknowledgements.at(-1);
  if (seq === 0 || (last && last.seq >= seq)) return;
  if (last && nowMs - last.sinceMs < ACKNOWLEDGED_TOGETHER_MS) Object.assign(last, { seq, atMs: nowMs });
  else state.acknowledgements.push({ sinceMs: nowMs, seq, atMs: nowMs });
}

/** Index of the first entry with a greater seq; entries ascend. */
function indexAfter(entries: readonly StoredEntry[], seq: number): number {
  let [from, to] = [0, entries.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (entries[middle]!.line.seq <= seq) from = middle + 1;
    else to = middle;
  }
  return from;
}

function firstBytes<T extends { readonly line: { readonly header: number; readonly content: number } }>(
  found: readonly T[],
  bytesMax: number,
): readonly T[] {
  let bytes = 0;
  const end = found.findIndex((one, i) => {
    bytes += sizeOf(one);
    return i > 0 && bytes > bytesMax;
  });
  return end < 0 ? found : found.slice(0, end);
}

function lossKey({ logId, seq, index }: StoredLoss): string {
  return `${logId} ${seq} ${index}`;
}

/** Known to be of earlier minutes alone. */
function isBefore({ lastMinute }: StoredLoss, minute: number): boolean {
  return lastMinute !== NO_WATERMARK && lastMinute < minute;
}

function unavailable(error: unknown): StorageUnavailable {
  return new StorageUnavailable(`the forward buffer: ${messageOf(error)}`, { cause: error });
}
