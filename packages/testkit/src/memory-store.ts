// SPDX-License-Identifier: Apache-2.0
// A TierStore in memory for tests and the simulator: commits are all or nothing, faults are asked for by name.
// In: what a real store takes. Out: the same answers; plus `dump`, the whole content as comparable text. It outlives the nodes that use
// it, as a database does.
import {
  distributionAt,
  encodeEntity,
  joinDistributions,
  MetricColumns,
  NO_WATERMARK,
  bucketStart,
  serviceId,
  type Entity,
  type LogPosition,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery } from '@oap-federation/mqe';
import {
  changedHead,
  completenessOf,
  lossSums,
  RETAINED_AT_LEAST_MS,
  StorageUnavailable,
  verdictSums,
  type Conservation,
  type DictionaryEntry,
  type ExpectedChild,
  type FlushOutcome,
  type Granularity,
  type InstanceProperties,
  type Maintenance,
  type Mark,
  type MetadataReader,
  type MinuteRevision,
  type OutboxEntry,
  type OutboxHead,
  type ParkedBatch,
  type PendingEntry,
  type RevisionQuery,
  type RowBlock,
  type RowColumns,
  type SlotClaim,
  type SlotFence,
  type SlotFlush,
  type SourceCompleteness,
  type StoredLoss,
  type StoredManifest,
  type StoredPark,
  type TierStore,
  type UiTemplate,
  type UiTemplateStore,
  type Verdict,
} from '@oap-federation/storage';
import { MemoryAlarmStore } from './memory-alarms.js';

interface StoredMetric {
  readonly schema: MetricSchema;
  readonly ints: readonly bigint[];
  readonly distributions: readonly Uint8Array[];
}

/** One metric of one minute row, with the slot's codes. */
export interface StoredValue extends StoredMetric {
  readonly minute: number;
  readonly origin: number;
  readonly entity: number;
}

/** Where the values of a row are: rows of blocks that were flushed, which stay as they are. */
interface RowPlace {
  readonly block: RowBlock;
  readonly at: number;
  /** What stood there before, for metrics that `block` does not have: of a release with others. */
  readonly older: RowPlace | undefined;
}

/** One merged row. */
interface StoredRow {
  readonly slot: number;
  readonly scope: ScopeName;
  readonly granularity: Granularity;
  readonly minute: number;
  readonly origin: number;
  readonly entity: number;
  place: RowPlace;
}

/** By minute, then by `rowKey`. */
type RowsOfMinute = Map<number, Map<number, StoredRow>>;

// An origin code is an int16, an entity code an int32. Below these bounds a key is a small integer, which a Map finds faster.
const FEW_ORIGINS = 2 ** 9;
const FEW_ENTITIES = 2 ** 16;

/** Of the rows of one minute: scope (below 64), origin and entity as one number. */
function rowKey(scope: number, origin: number, entity: number): number {
  return origin < FEW_ORIGINS && entity < FEW_ENTITIES
    ? (scope * FEW_ORIGINS + origin) * FEW_ENTITIES + entity
    : 2 ** 31 + (scope * 2 ** 15 + origin) * 2 ** 31 + entity;
}

/** A metric of a row, undefined when the row does not have it. */
function metricOf({ place }: StoredRow, name: string): StoredMetric | undefined {
  for (let at: RowPlace | undefined = place; at !== undefined; at = at.older) {
    for (const metric of at.block.metrics)
      if (metric.schema.name === name) return metric.present[at.at] === 1 ? valueAt(metric, at.at) : undefined;
  }
  return undefined;
}

/** Every metric of a row. */
function* metricsOf({ place }: StoredRow): Generator<StoredMetric> {
  for (let at: RowPlace | undefined = place; at !== undefined; at = at.older)
    for (const metric of at.block.metrics)
      if (metric.present[at.at] === 1 && !isShadowed(place, at, metric.schema.name)) yield valueAt(metric, at.at);
}

/** True when a newer place of the row than `at` says what the metric is. */
function isShadowed(newest: RowPlace, at: RowPlace, name: string): boolean {
  for (let place = newest; place !== at; place = place.older!)
    if (place.block.metrics.some(({ schema }) => schema.name === name)) return true;
  return false;
}

function valueAt({ schema, ints, distributions }: RowColumns, at: number): StoredMetric {
  return {
    schema,
    ints: ints.map((column) => column[at]!),
    distributions: distributions.map((column) => distributionAt(column, at)),
  };
}

/** True when `newer` has every metric that `older` has. */
function coversMetrics(newer: RowBlock, older: RowBlock): boolean {
  return older.metrics.every(({ schema: { name } }, i) =>
    newer.metrics[i]?.schema.name === name ? true : newer.metrics.some(({ schema }) => schema.name === name),
  );
}

interface StoredSlot {
  readonly slot: number;
  fence: SlotFence;
  outbox: OutboxHead;
  suppressed: ReadonlyMap<string, LogPosition>;
  lastOrd: number;
  readonly pending: PendingEntry[];
  readonly manifests: Map<string, StoredManifest>;
  readonly verdicts: Map<number, Verdict>;
  /** Revision of each minute with rows. */
  readonly revisions: Map<number, number>;
  readonly marks: Map<string, Mark>;
  readonly entities: Map<number, DictionaryEntry>;
  readonly origins: Map<number, string>;
  readonly entries: OutboxEntry[];
  /** When acknowledged entries were first seen by the maintenance: the store has no clock of its own. */
  readonly acknowledgedAtMs: Map<number, number>;
  stableSeq: number;
  readonly dirtyHours: Set<number>;
  readonly rows: Readonly<Record<Granularity, RowsOfMinute>>;
}

/** `before`: the flush fails and nothing is written. `after`: it is written, and the caller is told it failed (unknown outcome). */
export type CommitFault = 'before' | 'after';

/** Checks that a wrong design leaves out; for mutants only. `flushes`: the claim and the number of its flushes. */
export type OmittedCheck = 'epoch' | 'flushes' | 'mark' | 'outboxSeq';

/** What an observer sees of one slot's part of a commit, after it was applied. */
export type CommitObserver = (flush: SlotFlush) => void;

export class MemoryTierStore implements TierStore {
  readonly #slots = new Map<number, StoredSlot>();
  readonly #children = new Map<string, ExpectedChild>();
  readonly #properties = new Map<string, InstanceProperties['properties']>();
  readonly #templates = new Map<string, UiTemplate & { readonly byUser: boolean }>();
  readonly parked: StoredPark[] = [];
  /** Declared losses, with the slot of each. */
  readonly losses: (StoredLoss & { readonly slot: number })[] = [];
  /** Numbers for claims, revisions and parked batches: never the same twice, whatever is restored. */
  #numbers = 0;
  readonly #newLogId: () => string;
  readonly #slotCount: number;
  #schemas: readonly MetricSchema[] = [];
  /** Their texts. */
  #prepared: ReadonlySet<string> = new Set();
  readonly #scopes: ScopeName[] = [];
  /** Asked before each flush; returning a fault makes it happen. */
  commitFault: (() => CommitFault | undefined) | undefined;
  /** While true every call fails with StorageUnavailable. */
  down = false;
  /** What of an input log survives the loss of this database; without it nothing is known to. */
  stableSeqOf: ((slot: number, logId: string) => number) | undefined;
  /** Called for each slot of a commit, in the turn of the commit. */
  onCommit: CommitObserver | undefined;
  /** Called when the upstream's acknowledgement of a slot's outbox is written. */
  onAcknowledge: ((slot: number, seq: number) => void) | undefined;
  omittedChecks: ReadonlySet<OmittedCheck> = new Set();

  /** `slots`: slots that exist; others are refused. */
  constructor(newLogId: () => string, slots = Number.POSITIVE_INFINITY) {
    this.#newLogId = newLogId;
    this.#slotCount = slots;
  }

  async #reach(): Promise<void> {
    await Promise.resolve(); // a database never answers in the same turn
    if (this.down) throw new StorageUnavailable('the database is down');
  }

  #slot(slot: number): StoredSlot {
    let stored = this.#slots.get(slot);
    if (!stored) {
      if (slot < 0 || slot >= this.#slotCount) throw new Error(`there is no slot ${slot}`);
      const outbox: OutboxHead = {
        logId: this.#newLogId(),
        gen: 1,
        nextSeq: 1,
        chain: new Uint8Array(0),
        acknowledgedSeq: 0,
        watermark: NO_WATERMARK,
        ledger: 0,
        claim: 0,
        lossAccepted: false,
      };
      stored = {
        slot,
        fence: { epoch: 0, claim: 0, flushes: 0 },
        outbox,
        suppressed: new Map(),
        lastOrd: 0,
        pending: [],
        manifests: new Map(),
        verdicts: new Map(),
        revisions: new Map(),
        marks: new Map(),
        entities: new Map(),
        origins: new Map(),
        entries: [],
        acknowledgedAtMs: new Map(),
        stableSeq: 0,
        dirtyHours: new Set(),
        rows: { minute: new Map(), hour: new Map(), day: new Map() },
      };
      this.#slots.set(slot, stored);
    }
    return stored;
  }

  async prepareMetrics(schemas: readonly MetricSchema[]): Promise<void> {
    await this.#reach();
    const known = new Map(this.#schemas.map((schema) => [schema.name, schema]));
    for (const schema of schemas) {
      const before = known.get(schema.name);
      if (before && before.text !== schema.text) throw new Error(`${schema.name} is stored as ${before.text}`);
    }
    for (const schema of schemas) known.set(schema.name, schema);
    this.#schemas = [...known.values()];
    this.#prepared = new Set(this.#schemas.map((schema) => schema.text));
  }

  async claimSlot(slot: number): Promise<SlotClaim> {
    await this.#reach();
    const stored = this.#slot(slot);
    stored.fence = { epoch: stored.fence.epoch + 1, claim: ++this.#numbers, flushes: 0 };
    stored.outbox = changedHead(stored.outbox, { claim: stored.fence.claim });
    let newestMinute = NO_WATERMARK;
    for (const minute of stored.rows.minute.keys()) newestMinute = Math.max(newestMinute, minute);
    return {
      slot,
      fence: stored.fence,
      marks: [...stored.marks.values()].toSorted((a, b) => (a.logId < b.logId ? -1 : 1)),
      outbox: stored.outbox,
      suppressed: stored.suppressed,
      pending: {
        entries: stored.pending.length,
        firstOrd: stored.pending[0]?.ord ?? 1,
        lastOrd: stored.lastOrd,
      },
      entities: [...stored.entities.values()].toSorted((a, b) => a.code - b.code),
      origins: [...stored.origins].map(([code, name]) => ({ code, name })).toSorted((a, b) => a.code - b.code),
      newestMinute,
    };
  }

  async loadRows(slot: number, granularity: Granularity, starts: readonly number[]): Promise<readonly RowBlock[]> {
    await this.#reach();
    const byScope = new Map<ScopeName, StoredRow[]>();
    for (const minute of new Set(starts)) {
      for (const row of this.#slot(slot).rows[granularity].get(minute)?.values() ?? []) {
        const rows = byScope.get(row.scope);
        if (rows) rows.push(row);
        else byScope.set(row.scope, [row]);
      }
    }
    return [...byScope].map(([scope, rows]) => this.#block(slot, granularity, scope, rows));
  }

  #block(slot: number, granularity: Granularity, scope: ScopeName, rows: readonly StoredRow[]): RowBlock {
    return {
      scope,
      granularity,
      slot,
      minutes: Int32Array.from(rows, (r) => r.minute),
      origins: Int32Array.from(rows, (r) => r.origin),
      entities: Int32Array.from(rows, (r) => r.entity),
      metrics: this.#schemas
        .filter((schema) => schema.scope === scope)
        .map((schema): RowColumns => {
          const values = rows.map((row) => metricOf(row, schema.name));
          const present = new Uint8Array(rows.length);
          values.forEach((value, i) => (present[i] = value === undefined ? 0 : 1));
          const ints = schema.intFields.map((_, f) => {
            const column = new BigInt64Array(rows.length);
            for (let i = 0; i < values.length; i++) column[i] = values[i]?.ints[f] ?? 0n;
            return column;
          });
          const distributions = schema.distributionFields.map((_, f) =>
            joinDistributions(values.map((value) => value?.distributions[f])),
          );
          return { schema, present, ints, distributions };
        }),
    };
  }

  /** Scopes as small numbers, in the order in which they came. */
  #scopeNumber(scope: ScopeName): number {
    const known = this.#scopes.indexOf(scope);
    return known >= 0 ? known : this.#scopes.push(scope) - 1;
  }

  async flush(flushes: readonly SlotFlush[]): Promise<FlushOutcome> {
    await this.#reach();
    const fault = this.commitFault?.();
    if (fault === 'before') throw new StorageUnavailable('the transaction failed');
    const refused = flushes.filter((flush) => !this.#accepts(flush)).map((flush) => flush.slot);
    if (refused.length > 0) return { kind: 'notOwner', slots: refused };
    for (const flush of flushes) this.#refuseBugs(flush);
    for (const flush of flushes) this.#apply(flush);
    for (const flush of flushes) this.onCommit?.(flush);
    if (fault === 'after') throw new StorageUnavailable('the connection broke at COMMIT: outcome unknown');
    return { kind: 'committed' };
  }

  #accepts(flush: SlotFlush): boolean {
    const stored = this.#slot(flush.slot);
    const checks = (check: OmittedCheck) => !this.omittedChecks.has(check);
    const { epoch, claim, flushes } = flush.fence;
    if (stored.fence.epoch !== epoch && checks('epoch')) return false;
    if ((stored.fence.claim !== claim || stored.fence.flushes !== flushes) && checks('flushes')) return false;
    if (checks('outboxSeq') && flush.outbox.some(({ entry }, i) => entry.seq !== stored.outbox.nextSeq + i))
      return false;
    return (
      !checks('mark') ||
      flush.marks.every(({ mark, previousSeq }) => (stored.marks.get(mark.logId)?.seq ?? 0) === previousSeq)
    );
  }

  /** What a database refuses whatever happens: a row twice in one statement, a code for a second entity, an unknown metric. */
  #refuseBugs(flush: SlotFlush): void {
    const stored = this.#slot(flush.slot);
    for (const { code, entity } of flush.entities) {
      const known = stored.entities.get(code);
      if (known && (known.entity.id !== entity.id || known.entity.scope !== entity.scope))
        throw new Error(`BUG: code ${code} of slot ${flush.slot} is ${known.entity.id}, not ${entity.id}`);
    }
    for (const block of flush.rows) {
      const scope = this.#scopeNumber(block.scope);
      const seen = new Map<number, Set<number>>();
      for (let i = 0; i < block.entities.length; i++) {
        const minute = block.minutes[i]!;
        const key = rowKey(scope, block.origins[i]!, block.entities[i]!);
        let keys = seen.get(minute);
        if (!keys) seen.set(minute, (keys = new Set()));
        if (keys.has(key)) throw new Error(`BUG: a row twice in a flush of slot ${flush.slot}`);
        keys.add(key);
        if (block.fresh && stored.rows[block.granularity].get(minute)?.has(key))
          throw new Error(`BUG: a fresh row of slot ${flush.slot} is stored already`);
      }
      for (const { schema } of block.metrics)
        if (!this.#prepared.has(schema.text)) throw new Error(`BUG: metric ${schema.name} was not prepared`);
    }
  }

  #apply(flush: SlotFlush): void {
    const stored = this.#slot(flush.slot);
    for (const entry of flush.entities) stored.entities.set(entry.code, entry);
    for (const { code, name } of flush.origins) stored.origins.set(code, name);
    const revision = ++this.#numbers;
    for (const block of flush.rows) {
      this.#write(stored, block);
      if (block.granularity !== 'minute') continue;
      const { minutes } = block;
      for (let i = 0; i < minutes.length; i++)
        if (i === 0 || minutes[i] !== minutes[i - 1]) stored.revisions.set(minutes[i]!, revision);
    }
    for (const { mark } of flush.marks) stored.marks.set(mark.logId, mark);
    const { epoch, claim, flushes } = stored.fence;
    stored.fence = { epoch, claim, flushes: flushes + 1 };
    const { repair } = flush;
    if (repair) {
      const { gen, seq, chain, ledger, keepTo } = repair;
      const acknowledgedSeq = seq;
      const moved = { gen, nextSeq: seq + 1, chain, ledger, acknowledgedSeq, lossAccepted: false };
      stored.outbox = changedHead(stored.outbox, moved);
      stored.stableSeq = Math.min(stored.stableSeq, seq);
      const kept = stored.entries.filter((entry) => entry.seq <= keepTo);
      stored.entries.splice(0, stored.entries.length, ...kept);
    }
    if (flush.gen !== undefined) stored.outbox = changedHead(stored.outbox, { gen: flush.gen });
    stored.suppressed = repair?.suppressed ?? flush.suppressed ?? stored.suppressed;
    for (const { entry, watermark } of flush.outbox) {
      stored.entries.push(entry);
      const before = stored.outbox;
      stored.outbox = changedHead(before, {
        nextSeq: entry.seq + 1,
        chain: entry.chain,
        watermark: Math.max(watermark, before.watermark),
        ledger: before.ledger + entry.increments,
      });
    }
    if (flush.pending.length > 0 || flush.settled.length > 0 || repair) {
      const gone = new Set([...flush.settled, ...(repair?.dropPending ?? [])]);
      const waiting = [...stored.pending.filter(({ ord }) => !gone.has(ord)), ...flush.pending];
      stored.pending.splice(0, stored.pending.length, ...waiting.toSorted((a, b) => a.ord - b.ord));
    }
    stored.lastOrd = Math.max(stored.lastOrd, flush.pending.at(-1)?.ord ?? 0);
    const merged = new Set(flush.unparked);
    if (merged.size > 0) this.parked.splice(0, this.parked.length, ...this.parked.filter(({ id }) => !merged.has(id)));
    for (const park of flush.parked) this.parked.push({ ...park, id: ++this.#numbers });
    for (const loss of flush.losses) this.losses.push({ ...loss, slot: flush.slot });
    for (const one of flush.manifests) stored.manifests.set(`${one.logId} ${one.minute}`, one);
    for (const verdict of flush.verdicts ?? []) {
      if (verdict.state === 'matched') stored.verdicts.delete(verdict.minute);
      else stored.verdicts.set(verdict.minute, verdict);
    }
    for (const hour of flush.cleanedHours) stored.dirtyHours.delete(hour);
    for (const hour of flush.dirtyHours) stored.dirtyHours.add(hour);
  }

  #write(stored: StoredSlot, block: RowBlock): void {
    const { slot, scope, granularity } = block;
    const byMinute = stored.rows[granularity];
    const scopeNumber = this.#scopeNumber(scope);
    for (let i = 0; i < block.entities.length; i++) {
      const minute = block.minutes[i]!;
      const origin = block.origins[i]!;
      const entity = block.entities[i]!;
      let rows = byMinute.get(minute);
      if (!rows) byMinute.set(minute, (rows = new Map()));
      const key = rowKey(scopeNumber, origin, entity);
      const row = rows.get(key);
      let older = row?.place;
      while (older !== undefined && coversMetrics(block, older.block)) older = older.older;
      const place = { block, at: i, older };
      if (row) row.place = place;
      else rows.set(key, { slot, scope, granularity, minute, origin, entity, place });
    }
  }

  *#rowsOf(granularity: Granularity): Generator<StoredRow> {
    for (const { rows } of this.#slots.values())
      for (const ofMinute of rows[granularity].values()) yield* ofMinute.values();
  }

  /** A backup of everything but numbers that must never come again; the function it gives restores it, as often as wanted. */
  snapshot(): () => void {
    const copy = (slots: ReadonlyMap<number, StoredSlot>) => new Map([...slots].map(([slot, s]) => [slot, copyOf(s)]));
    const [slots, children, parked, losses] = [
      copy(this.#slots),
      [...this.#children],
      [...this.parked],
      [...this.losses],
    ];
    const restoreAlarms = this.alarms.snapshot();
    return () => {
      restoreAlarms();
      this.#slots.clear();
      for (const [slot, stored] of copy(slots)) this.#slots.set(slot, stored);
      this.#children.clear();
      for (const [tier, child] of children) this.#children.set(tier, child);
      this.parked.splice(0, this.parked.length, ...parked);
      this.losses.splice(0, this.losses.length, ...losses);
    };
  }

  // --- for observers, without a turn ---------------------------------------------------------------------------------

  /** The committed mark of a log. */
  peekMark(slot: number, logId: string): Mark | undefined {
    return this.#slot(slot).marks.get(logId);
  }

  peekOutbox(slot: number): OutboxHead {
    return this.#slot(slot).outbox;
  }

  peekEntity(slot: number, code: number): DictionaryEntry | undefined {
    return this.#slot(slot).entities.get(code);
  }

  /** Every stored value of a slot's minute rows. */
  *peekValues(slot: number): Generator<StoredValue> {
    for (const ofMinute of this.#slot(slot).rows.minute.values()) {
      for (const row of ofMinute.values()) {
        const { minute, origin, entity } = row;
        for (const { schema, ints, distributions } of metricsOf(row))
          yield { schema, minute, origin, entity, ints, distributions };
      }
    }
  }

  /** Verdicts on minutes of a slot but `matched`, ascending. */
  peekVerdicts(slot: number): readonly Verdict[] {
    return [...this.#slot(slot).verdicts.values()].toSorted((a, b) => a.minute - b.minute);
  }

  /** Name of an origin code; '' for the merged row. */
  peekOrigin(slot: number, code: number): string | undefined {
    return code === 0 ? '' : this.#slot(slot).origins.get(code);
  }

  async readOutbox(slot: number, afterSeq: number, bytesMax: number): Promise<readonly OutboxEntry[]> {
    await this.#reach();
    const out: OutboxEntry[] = [];
    let bytes = 0;
    for (const entry of this.#slot(slot).entries) {
      if (entry.seq <= afterSeq) continue;
      if (out.length > 0 && bytes + entry.content.length > bytesMax) break;
      out.push(entry);
      bytes += entry.content.length;
    }
    return out;
  }

  async outboxHead(slot: number): Promise<OutboxHead> {
    await this.#reach();
    return this.#slot(slot).outbox;
  }

  async acknowledgeOutbox(slot: number, seq: number, stableSeq = 0): Promise<void> {
    await this.#reach();
    const stored = this.#slot(slot);
    if (seq >= stored.outbox.nextSeq)
      throw new Error(`seq ${seq} of slot ${slot} cannot be acknowledged: it does not exist`);
    this.onAcknowledge?.(slot, seq);
    const acknowledgedSeq = Math.max(stored.outbox.acknowledgedSeq, seq);
    stored.outbox = changedHead(stored.outbox, { acknowledgedSeq });
    stored.stableSeq = Math.max(stored.stableSeq, Math.min(stableSeq, seq));
  }

  async rewindOutbox(slot: number, seq: number): Promise<void> {
    await this.#reach();
    const stored = this.#slot(slot);
    if (stored.outbox.acknowledgedSeq <= seq) return;
    stored.outbox = changedHead(stored.outbox, { acknowledgedSeq: seq });
    stored.stableSeq = Math.min(stored.stableSeq, seq);
    for (const { seq: sent } of stored.entries) if (sent > seq) stored.acknowledgedAtMs.delete(sent);
  }

  stableSeq(slot: number, logId: string): number {
    return this.stableSeqOf?.(slot, logId) ?? 0;
  }

  async readPending(slot: number, afterOrd: number, bytesMax: number): Promise<readonly PendingEntry[]> {
    await this.#reach();
    const out: PendingEntry[] = [];
    let bytes = 0;
    for (const entry of this.#slot(slot).pending) {
      if (entry.ord <= afterOrd) continue;
      bytes += entry.header.length + entry.content.length;
      if (out.length > 0 && bytes > bytesMax) break;
      out.push(entry);
    }
    return out;
  }

  async readParked(
    slot: number,
    reason: ParkedBatch['reason'],
    afterId: number,
    limit: number,
  ): Promise<readonly StoredPark[]> {
    await this.#reach();
    return this.parked.filter((p) => p.slot === slot && p.reason === reason && p.id > afterId).slice(0, limit);
  }

  async readManifests(
    slot: number,
    fromMinute: number,
    toMinute = Number.POSITIVE_INFINITY,
  ): Promise<readonly StoredManifest[]> {
    await this.#reach();
    return [...this.#slot(slot).manifests.values()]
      .filter(({ minute }) => minute >= fromMinute && minute <= toMinute)
      .toSorted((a, b) => a.minute - b.minute || (a.logId < b.logId ? -1 : 1));
  }

  async readLosses(slot: number, fromMinute: number, toMinute: number): Promise<readonly StoredLoss[]> {
    await this.#reach();
    return this.losses
      .filter(
        (l) =>
          l.slot === slot && l.firstMinute <= toMinute && (l.lastMinute >= fromMinute || l.lastMinute === NO_WATERMARK),
      )
      .map(({ slot: _, ...loss }) => loss)
      .toSorted((a, b) => (a.logId === b.logId ? a.seq - b.seq || a.index - b.index : a.logId < b.logId ? -1 : 1));
  }

  async readVerdicts(slot: number): Promise<readonly Verdict[]> {
    await this.#reach();
    return this.peekVerdicts(slot);
  }

  async readRevisions({
    slots,
    afterRevision = -1,
    fromMinute = Number.NEGATIVE_INFINITY,
    toMinute = Number.POSITIVE_INFINITY,
  }: RevisionQuery): Promise<readonly MinuteRevision[]> {
    await this.#reach();
    return [...this.#slots.values()]
      .filter(({ slot }) => slots?.includes(slot) ?? true)
      .flatMap(({ slot, revisions }) => [...revisions].map(([minute, revision]) => ({ slot, minute, revision })))
      .filter((r) => r.revision > afterRevision && r.minute >= fromMinute && r.minute <= toMinute)
      .toSorted((a, b) => a.slot - b.slot || a.minute - b.minute);
  }

  async storedMetrics(): Promise<readonly string[]> {
    await this.#reach();
    return this.#schemas.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ text }) => text);
  }

  async readDictionary(slot: number): Promise<readonly DictionaryEntry[]> {
    await this.#reach();
    return [...this.#slot(slot).entities.values()].toSorted((a, b) => a.code - b.code);
  }

  async outboxBacklog(): Promise<{ entries: number; bytes: number }> {
    await this.#reach();
    let entries = 0;
    let bytes = 0;
    for (const { outbox, entries: log, pending } of this.#slots.values()) {
      for (const entry of pending) {
        entries++;
        bytes += entry.header.length + entry.content.length;
      }
      for (const entry of log) {
        if (entry.seq <= outbox.acknowledgedSeq) continue;
        entries++;
        bytes += entry.header.length + entry.content.length;
      }
    }
    return { entries, bytes };
  }

  async expectedChildren(): Promise<readonly ExpectedChild[]> {
    await this.#reach();
    return [...this.#children.values()].toSorted((a, b) => (a.tier < b.tier ? -1 : 1));
  }

  async expectChildren(children: readonly ExpectedChild[]): Promise<void> {
    await this.#reach();
    for (const child of children) {
      const known = this.#children.get(child.tier);
      if (!known) this.#children.set(child.tier, child);
      else if (child.retiredAtMs !== undefined)
        this.#children.set(child.tier, { ...known, retiredAtMs: child.retiredAtMs });
    }
  }

  async retireChild(tier: string, atMs: number | undefined): Promise<boolean> {
    await this.#reach();
    const known = this.#children.get(tier);
    if (!known) return false;
    const { sinceMinute } = known;
    this.#children.set(tier, { tier, sinceMinute, ...(atMs === undefined ? {} : { retiredAtMs: atMs }) });
    return true;
  }

  async acceptLoss(slot: number): Promise<void> {
    await this.#reach();
    const stored = this.#slot(slot);
    stored.outbox = { ...stored.outbox, lossAccepted: true };
  }

  /** All merged rows of a granularity as sorted text: entity, origin, bucket, metric, fields. Codes and slots' internals do not show. */
  dump(granularity: Granularity = 'minute', options: { readonly mergedOnly?: boolean } = {}): string[] {
    const lines: string[] = [];
    for (const row of this.#rowsOf(granularity)) {
      if (options.mergedOnly && row.origin !== 0) continue;
      const stored = this.#slots.get(row.slot)!;
      const { entity } = stored.entities.get(row.entity)!;
      const origin = row.origin === 0 ? '' : stored.origins.get(row.origin)!;
      for (const { schema, ints, distributions } of metricsOf(row)) {
        const fields = [...ints.map(String), ...distributions.map((d) => Buffer.from(d).toString('hex'))].join(' ');
        lines.push(
          `${Buffer.from(encodeEntity(entity)).toString('hex')} ${entity.id} [${origin}] ${row.minute} ${schema.text} = ${fields}`,
        );
      }
    }
    return lines.toSorted();
  }

  async saveInstanceProperties(instances: readonly InstanceProperties[]): Promise<void> {
    await this.#reach();
    for (const { instanceId, properties } of instances) this.#properties.set(instanceId, properties);
  }

  readonly reader: MetricReader = {
    metrics: () => this.#schemas,
    readSeries: (query) => this.#read(query, (minute) => bucketStart(minute, query.step, query.offsetMinutes)),
    readRange: (query) => {
      const first = bucketStart(query.fromMinute, query.step, query.offsetMinutes);
      return this.#read(query, () => first);
    },
  };

  async #read(query: SeriesQuery, rowStart: (minute: number) => number): Promise<readonly MetricSeries[]> {
    await this.#reach();
    const first = bucketStart(query.fromMinute, query.step, query.offsetMinutes);
    const last = bucketStart(query.toMinute, query.step, query.offsetMinutes);
    const series = new Map<string, { entityId: string; origin: string; starts: number[]; columns: MetricColumns }>();
    const inRange = [...this.#rowsOf('minute')].filter(({ scope, minute }) => {
      const bucket = bucketStart(minute, query.step, query.offsetMinutes);
      return scope === query.metric.scope && bucket >= first && bucket <= last;
    });
    for (const row of inRange.sort((a, b) => a.minute - b.minute)) {
      const metric = metricOf(row, query.metric.name);
      const stored = this.#slots.get(row.slot)!;
      const { entity } = stored.entities.get(row.entity)!;
      const origin = row.origin === 0 ? '' : stored.origins.get(row.origin)!;
      const originWanted = query.origins.includes(origin) || (origin !== '' && query.origins.includes('*'));
      if (query.slots && !query.slots.includes(row.slot)) continue;
      if (!metric || !originWanted || (query.entityIds && !query.entityIds.includes(entity.id))) continue;
      const { service, normal } = entity.source;
      if (query.serviceId && serviceId(service, normal) !== query.serviceId) continue;
      const layers = entity.source.layer.split(',');
      if (query.layer && !layers.includes(query.layer)) continue;
      if (query.withoutLayers?.some((layer) => layers.includes(layer))) continue;
      const key = `${entity.id} ${origin}`;
      let one = series.get(key);
      if (!one)
        series.set(key, (one = { entityId: entity.id, origin, starts: [], columns: new MetricColumns(query.metric) }));
      const start = rowStart(row.minute);
      let at = one.starts.indexOf(start);
      if (at < 0) at = one.starts.push(start) - 1;
      const single = new MetricColumns(query.metric, 1);
      single.setRow(0, metric.ints, metric.distributions);
      one.columns.mergeRow(at, single, 0);
    }
    return [...series.values()];
  }

  readonly metadata: MetadataReader = {
    listLayers: async () => [...new Set(this.#services().flatMap((s) => s.layers))].toSorted(),
    listServices: async (layer) => this.#services().filter((s) => layer === undefined || s.layers.includes(layer)),
    listInstances: async (serviceId) =>
      this.#named('ServiceInstance', serviceId).map((info) => ({
        ...info,
        properties: this.#properties.get(info.id) ?? [],
      })),
    findEndpoints: async (serviceId, keyword, limit) =>
      this.#named('Endpoint', serviceId)
        .filter((e) => e.name.includes(keyword))
        .slice(0, limit),
    instance: async (id) => {
      const entity = this.#entities('ServiceInstance').find((e) => e.id === id);
      if (!entity) return undefined;
      const { service, normal, name } = entity.source;
      return { id, name, serviceId: serviceId(service, normal), properties: this.#properties.get(id) ?? [] };
    },
    relations: async (scope, limit, serviceIds) =>
      (this.#entities(scope) as Required<Entity>[])
        .filter(
          ({ source, dest }) =>
            serviceIds === undefined ||
            [source, dest].some(({ service, normal }) => serviceIds.includes(serviceId(service, normal))),
        )
        .slice(0, limit),
    origins: async () =>
      [...new Set([...this.#slots.values()].flatMap((stored) => [...stored.origins.values()]))].toSorted(),
    reportedBy: async ({ scope, origins, fromMinute, toMinute, serviceId: ofService }) => {
      const ids = new Set<string>();
      for (const stored of this.#slots.values()) {
        for (const [minute, rows] of stored.rows.minute) {
          if (minute < fromMinute || minute > toMinute) continue;
          for (const row of rows.values()) {
            if (row.scope !== scope || !origins.includes(stored.origins.get(row.origin) ?? '')) continue;
            const { id } = stored.entities.get(row.entity)!.entity;
            const isOfService =
              ofService === undefined || id === ofService || ['_', '-'].some((end) => id.startsWith(ofService + end));
            if (isOfService) ids.add(id);
          }
        }
      }
      return [...ids].toSorted();
    },
    entities: async (scope, ids) => this.#entities(scope).filter((e) => ids.includes(e.id)),
    completeness: async () => this.#completeness(),
    conservation: async () => this.#conservation(),
  };

  #entities(scope: ScopeName): readonly Entity[] {
    return [...this.#slots.values()]
      .flatMap((s) => [...s.entities.values()].map((e) => e.entity))
      .filter((e) => e.scope === scope);
  }

  #services() {
    return [...this.#slots.values()]
      .flatMap((s) => [...s.entities.values()])
      .filter(({ entity }) => entity.scope === 'Service')
      .map(({ entity: { id, source } }) => ({
        id,
        name: source.service,
        normal: source.normal,
        layers: source.layer.split(','),
      }));
  }

  #named(scope: ScopeName, serviceId: string) {
    return [...this.#slots.values()]
      .flatMap((s) => [...s.entities.values()])
      .filter(({ entity }) => entity.scope === scope && entity.id.startsWith(`${serviceId}_`))
      .map(({ entity }) => ({ id: entity.id, name: entity.source.name, serviceId }));
  }

  #completeness(): readonly SourceCompleteness[] {
    const marks = [...this.#slots.values()].flatMap((stored) => [...stored.marks.values()]);
    return completenessOf(marks, [...this.#children.values()], this.#slots.size);
  }

  #conservation(): Conservation {
    return {
      losses: lossSums(
        this.losses.map(({ slot, logId, seq: _s, index: _i, ...loss }) => {
          const mark = this.#slot(slot).marks.get(logId);
          return { ...loss, via: mark?.kind === 'federated' ? mark.producer : '' };
        }),
      ),
      verdicts: verdictSums([...this.#slots.values()].flatMap((stored) => [...stored.verdicts.values()])),
    };
  }

  readonly templates: UiTemplateStore = {
    list: async () => {
      await this.#reach();
      return [...this.#templates.values()]
        .map(({ byUser: _, ...template }) => template)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    },
    add: async (id, configuration, updatedAtMs) => {
      await this.#reach();
      if (this.#templates.has(id)) return false;
      this.#templates.set(id, { id, configuration, updatedAtMs, disabled: false, byUser: true });
      return true;
    },
    change: (id, configuration, updatedAtMs) =>
      this.#changeTemplate(id, { configuration, updatedAtMs, disabled: false }),
    disable: (id, updatedAtMs) => this.#changeTemplate(id, { updatedAtMs, disabled: true }),
    ship: async (templates, updatedAtMs) => {
      await this.#reach();
      for (const { id, configuration } of templates) {
        const known = this.#templates.get(id);
        if (known?.byUser || known?.configuration === configuration) continue;
        this.#templates.set(id, { id, configuration, updatedAtMs, disabled: false, byUser: false });
      }
    },
  };

  async #changeTemplate(id: string, change: Partial<UiTemplate>): Promise<boolean> {
    await this.#reach();
    const known = this.#templates.get(id);
    if (known) this.#templates.set(id, { ...known, ...change, byUser: true });
    return known !== undefined;
  }
  readonly alarms = new MemoryAlarmStore({
    reach: () => this.#reach(),
    fenceOf: (slot) => this.#slot(slot).fence,
  });

  readonly maintenance: Maintenance = {
    dirtyHours: async (slot) => [...this.#slot(slot).dirtyHours].toSorted((a, b) => a - b),
    dropExpired: async ({ nowMs, ttlDays, outboxRetentionMs, outboxRetentionBytes = Number.POSITIVE_INFINITY }) => {
      const oldest = (Math.floor(nowMs / 86_400_000) - ttlDays) * 1440;
      for (const stored of this.#slots.values()) {
        for (const byMinute of Object.values(stored.rows))
          for (const minute of byMinute.keys()) if (minute < oldest) byMinute.delete(minute);
        for (const hour of stored.dirtyHours) if (hour * 60 < oldest) stored.dirtyHours.delete(hour);
        for (const [key, { minute }] of stored.manifests) if (minute < oldest) stored.manifests.delete(key);
        for (const minute of stored.verdicts.keys()) if (minute < oldest) stored.verdicts.delete(minute);
        for (const minute of stored.revisions.keys()) if (minute < oldest) stored.revisions.delete(minute);
        for (const [logId, mark] of stored.marks)
          if (mark.kind === 'local' && mark.updatedAtMs < oldest * 60_000) stored.marks.delete(logId);
        const { acknowledgedSeq } = stored.outbox;
        const since = stored.acknowledgedAtMs;
        const acknowledged = stored.entries.filter(({ seq }) => seq <= acknowledgedSeq);
        for (const { seq } of acknowledged) if (!since.has(seq)) since.set(seq, nowMs);
        let bytes = 0;
        const tooMany =
          acknowledged.findLast(({ seq, header, content }) => {
            bytes += header.length + content.length;
            return bytes > outboxRetentionBytes && since.get(seq)! <= nowMs - RETAINED_AT_LEAST_MS;
          })?.seq ?? 0;
        const kept = stored.entries.filter(({ seq }) => {
          if (seq > acknowledgedSeq) return true;
          if (seq <= stored.stableSeq || seq <= tooMany) return false;
          return since.get(seq)! > nowMs - outboxRetentionMs;
        });
        stored.entries.splice(0, stored.entries.length, ...kept);
        const first = kept[0]?.seq ?? Number.POSITIVE_INFINITY;
        for (const seq of since.keys()) if (seq < first) since.delete(seq);
      }
    },
  };

  async [Symbol.asyncDispose](): Promise<void> {}
}

function copyOf(stored: StoredSlot): StoredSlot {
  const rows = (byMinute: RowsOfMinute): RowsOfMinute =>
    new Map(
      [...byMinute].map(([minute, ofMinute]) => [
        minute,
        new Map([...ofMinute].map(([key, row]) => [key, { ...row }])),
      ]),
    );
  return {
    ...stored,
    pending: [...stored.pending],
    manifests: new Map(stored.manifests),
    verdicts: new Map(stored.verdicts),
    revisions: new Map(stored.revisions),
    marks: new Map(stored.marks),
    entities: new Map(stored.entities),
    origins: new Map(stored.origins),
    entries: [...stored.entries],
    acknowledgedAtMs: new Map(stored.acknowledgedAtMs),
    dirtyHours: new Set(stored.dirtyHours),
    rows: { minute: rows(stored.rows.minute), hour: rows(stored.rows.hour), day: rows(stored.rows.day) },
  };
}
