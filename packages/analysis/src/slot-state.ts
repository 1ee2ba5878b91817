// SPDX-License-Identifier: Apache-2.0
// The owner's memory of one slot: a cache of the storage, never more. In: the claim, loaded rows, deltas. Out: rows to write.
// Absolute rows are safe to write because the storage checks the slot's epoch in the same transaction (one fenced writer).
import {
  distributionColumn,
  pickRows,
  RestingColumns,
  withLayersOf,
  type Entity,
  type IncrementBlock,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import { invariant } from '@oap-federation/runtime';
import type {
  DictionaryEntry,
  Granularity,
  Mark,
  OriginEntry,
  RowBlock,
  RowColumns,
  SlotClaim,
  SlotFence,
} from '@oap-federation/storage';
import type { DeltaTable, SlotDelta } from './delta.js';

/** Metrics of a scope in storage order: every row is written with all of them. */
export type MetricsOfScope = (scope: ScopeName) => readonly MetricSchema[];

/** Entity code -> row, in pages: codes are dense within a slot, those of one scope and origin often are not. */
class RowIndex {
  /** Per page of 256 codes: row + 1, so that fresh memory says "none". */
  readonly #pages: (Int32Array | undefined)[] = [];

  get(code: number): number {
    const page = this.#pages[code >>> 8];
    return page === undefined ? NO_ROW : page[code & 255]! - 1;
  }

  set(code: number, row: number): void {
    (this.#pages[code >>> 8] ??= new Int32Array(256))[code & 255] = row + 1;
  }
}

/** Rows of one (scope, bucket): row numbers by (origin, entity) code, one RestingColumns per metric of the scope. */
class ScopeRows {
  readonly columns: readonly RestingColumns[];
  /** Per row, up to `size`: its origin and entity code. */
  #origins = new Int32Array(16);
  #entities = new Int32Array(16);
  /** Per row: STORED once it was read from the storage or given out to be written there; TOUCHED since `takeTouched`. */
  #flags = new Uint8Array(16);
  #size = 0;
  #touched: number[] = [];
  /** Per origin code. */
  readonly #rowsOf: RowIndex[] = [];
  readonly #indexOf = new Map<string, number>();

  constructor(schemas: readonly MetricSchema[]) {
    this.columns = schemas.map((schema) => new RestingColumns(schema));
    schemas.forEach((schema, i) => this.#indexOf.set(schema.name, i));
  }

  columnIndex(metric: string): number {
    return this.#indexOf.get(metric) ?? -1;
  }

  row(origin: number, entity: number): number {
    const rowOf = (this.#rowsOf[origin] ??= new RowIndex());
    let row = rowOf.get(entity);
    if (row === NO_ROW) {
      row = this.#size++;
      if (row === this.#flags.length) this.#grow();
      this.#origins[row] = origin;
      this.#entities[row] = entity;
      rowOf.set(entity, row);
    }
    return row;
  }

  #grow(): void {
    const capacity = this.#flags.length * 2;
    const grown = (old: Int32Array) => {
      const memory = new Int32Array(capacity);
      memory.set(old);
      return memory;
    };
    this.#origins = grown(this.#origins);
    this.#entities = grown(this.#entities);
    const flags = new Uint8Array(capacity);
    flags.set(this.#flags);
    this.#flags = flags;
  }

  touch(row: number): void {
    if ((this.#flags[row]! & TOUCHED) !== 0) return;
    this.#flags[row]! |= TOUCHED;
    this.#touched.push(row);
  }

  markStored(row: number): void {
    this.#flags[row]! |= STORED;
  }

  /** The rows touched since the last call, as blocks to write: those that the storage has, and those that it does not have yet. */
  takeTouched(slot: number, minute: number, scope: ScopeName): RowBlock[] {
    const stored: number[] = [];
    const fresh: number[] = [];
    for (const row of this.#touched) {
      (this.#flags[row] === TOUCHED ? fresh : stored).push(row);
      this.#flags[row] = STORED;
    }
    this.#touched = [];
    const blocks: RowBlock[] = [];
    if (stored.length > 0) blocks.push(this.#block(slot, 'minute', minute, scope, stored, false));
    if (fresh.length > 0) blocks.push(this.#block(slot, 'minute', minute, scope, fresh, true));
    return blocks;
  }

  /** All rows, as derived hours and days are written. */
  allRows(slot: number, granularity: Granularity, start: number, scope: ScopeName): RowBlock {
    return this.#block(
      slot,
      granularity,
      start,
      scope,
      Array.from({ length: this.#size }, (_, row) => row),
      false,
    );
  }

  /** Absolute rows as the storage takes them, sorted by (origin, entity). */
  #block(
    slot: number,
    granularity: Granularity,
    start: number,
    scope: ScopeName,
    rows: number[],
    fresh: boolean,
  ): RowBlock {
    const order = this.#sorted(rows);
    const count = order.length;
    const pick = (from: Int32Array) => {
      const out = new Int32Array(count);
      for (let i = 0; i < count; i++) out[i] = from[order[i]!]!;
      return out;
    };
    return {
      scope,
      granularity,
      slot,
      minutes: new Int32Array(count).fill(start),
      origins: pick(this.#origins),
      entities: pick(this.#entities),
      metrics: this.columns.map((columns) => rowColumns(columns, order)),
      fresh,
    };
  }

  #sorted(rows: number[]): readonly number[] {
    const origins = this.#origins;
    const entities = this.#entities;
    // origin and entity code in one double: numbers sort natively, without a call per comparison
    const keys = new Float64Array(rows.length);
    let sorted = true;
    for (let i = 0; i < keys.length; i++) {
      keys[i] = origins[rows[i]!]! * 2 ** 32 + entities[rows[i]!]!;
      sorted &&= i === 0 || keys[i - 1]! < keys[i]!;
    }
    if (sorted) return rows;
    keys.sort();
    for (let i = 0; i < keys.length; i++) {
      const origin = Math.floor(keys[i]! / 2 ** 32);
      rows[i] = this.#rowsOf[origin]!.get(keys[i]! - origin * 2 ** 32);
    }
    return rows;
  }
}

/** Looking up the codes of a shorter list costs less than remembering them. */
const LIST_MIN = 32;

const NO_ROW = -1;
const STORED = 1;
const TOUCHED = 2;

/** Rows of one bucket, all scopes. */
export class BucketRows {
  readonly #metricsOf: MetricsOfScope;
  readonly #scopes = new Map<ScopeName, ScopeRows>();

  constructor(metricsOf: MetricsOfScope) {
    this.#metricsOf = metricsOf;
  }

  scope(scope: ScopeName): ScopeRows {
    let rows = this.#scopes.get(scope);
    if (!rows) {
      rows = new ScopeRows(this.#metricsOf(scope));
      this.#scopes.set(scope, rows);
    }
    return rows;
  }

  get scopes(): IterableIterator<[ScopeName, ScopeRows]> {
    return this.#scopes.entries();
  }

  /**
   * Merges stored rows in: those that are the first of their key are taken over as they are. Also those whose metrics are all gone from
   * the configuration: they are there, and not fresh. A row that would leave int64 is left out: that is an hour's sum, and the minute rows
   * stay right.
   */
  addStored(block: RowBlock, keep: (i: number) => boolean = () => true): void {
    const rows = this.scope(block.scope);
    const count = block.entities.length;
    const rowOf = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      rowOf[i] = keep(i) ? rows.row(block.origins[i]!, block.entities[i]!) : NO_ROW;
      if (rowOf[i] !== NO_ROW) rows.markStored(rowOf[i]!);
    }
    for (const { schema, present, ints, distributions } of block.metrics) {
      const at = rows.columnIndex(schema.name);
      if (at < 0) continue; // a metric that this configuration no longer has: its stored values stay as they are
      const positions: number[] = [];
      for (let i = 0; i < count; i++) if (rowOf[i] !== NO_ROW && present[i] === 1) positions.push(i);
      if (positions.length === 0) continue;
      const all: IncrementBlock = {
        schema,
        minute: block.minutes[0]!,
        origin: '',
        entities: new Uint32Array(block.entities),
        ints,
        distributions: distributions.map(({ offsets, bytes }) => distributionColumn(offsets, bytes)),
      };
      if (positions.length === count) rows.columns[at]!.mergeBlock(rowOf, all);
      else
        rows.columns[at]!.mergeBlock(
          Int32Array.from(positions, (i) => rowOf[i]!),
          pickRows(all, positions),
        );
    }
  }
}

interface MinuteState {
  readonly rows: BucketRows;
  touchedAtMs: number;
}

/** What one flush of a slot changed, ready to be written. */
export interface StateChanges {
  readonly rows: RowBlock[];
  readonly entities: DictionaryEntry[];
  readonly origins: OriginEntry[];
}

/** What the memory of a slot starts from. */
type StateClaim = Pick<SlotClaim, 'slot' | 'fence' | 'marks' | 'entities' | 'origins' | 'newestMinute'>;

export class SlotState {
  readonly slot: number;
  fence: SlotFence;
  readonly marks: Map<string, Mark>;
  readonly #metricsOf: MetricsOfScope;
  readonly #entities: Entity[] = [];
  /** By entity id. */
  readonly #codesOf = new Map<ScopeName, Map<string, number>>();
  /** Of lists that batches share, from `LIST_MIN` entities on. */
  readonly #codesOfLists = new WeakMap<readonly Entity[], Int32Array>();
  readonly #originCodes = new Map<string, number>([['', 0]]);
  readonly #minutes = new Map<number, MinuteState>();
  /** Minutes up to here may have rows in storage that are not in memory; newer ones cannot. */
  #newestStored: number;
  #newEntities = new Map<number, Entity>();
  #newOrigins: OriginEntry[] = [];
  readonly dirtyHours = new Set<number>();

  constructor(claim: StateClaim, metricsOf: MetricsOfScope) {
    this.slot = claim.slot;
    this.fence = claim.fence;
    this.marks = new Map(claim.marks.map((mark) => [mark.logId, mark]));
    this.#metricsOf = metricsOf;
    this.#newestStored = claim.newestMinute;
    for (const { code, entity } of claim.entities) {
      this.#entities[code] = entity;
      this.#codes(entity.scope).set(entity.id, code);
    }
    for (const { code, name } of claim.origins) this.#originCodes.set(name, code);
  }

  /** Minutes that must be loaded before `delta` can be folded in. */
  missingMinutes(delta: SlotDelta): number[] {
    const missing = new Set<number>();
    for (const { minute } of delta.tables) {
      if (!this.#minutes.has(minute) && minute <= this.#newestStored) missing.add(minute);
    }
    return [...missing].toSorted((a, b) => a - b);
  }

  /** Takes over the stored rows of `minutes`; those without rows are known to be empty from now on. */
  addLoaded(minutes: readonly number[], blocks: readonly RowBlock[], nowMs: number): void {
    for (const minute of minutes)
      this.#minutes.set(minute, { rows: new BucketRows(this.#metricsOf), touchedAtMs: nowMs });
    for (const block of blocks) {
      for (const minute of new Set(block.minutes)) {
        this.#minutes.get(minute)?.rows.addStored(block, (i) => block.minutes[i] === minute);
      }
    }
  }

  #codes(scope: ScopeName): Map<string, number> {
    let codes = this.#codesOf.get(scope);
    if (!codes) this.#codesOf.set(scope, (codes = new Map()));
    return codes;
  }

  /** Of each of a list. One that came before needs no look: its entities are known, with their layers. */
  #codesOfList(entities: readonly Entity[]): Int32Array {
    let codes = this.#codesOfLists.get(entities);
    if (codes) return codes;
    codes = new Int32Array(entities.length);
    for (let i = 0; i < codes.length; i++) codes[i] = this.#code(entities[i]!);
    if (codes.length >= LIST_MIN) this.#codesOfLists.set(entities, codes);
    return codes;
  }

  #code(entity: Entity): number {
    const codes = this.#codes(entity.scope);
    const known = codes.get(entity.id);
    if (known === undefined) {
      const code = this.#entities.length;
      this.#entities.push(entity);
      codes.set(entity.id, code);
      this.#newEntities.set(code, entity);
      return code;
    }
    const current = this.#entities[known]!;
    if (current !== entity) {
      const merged = withLayersOf(current, entity);
      if (merged !== current) {
        this.#entities[known] = merged;
        this.#newEntities.set(known, merged);
      }
    }
    return known;
  }

  #originCode(name: string): number {
    const known = this.#originCodes.get(name);
    if (known !== undefined) return known;
    const code = this.#originCodes.size;
    this.#originCodes.set(name, code);
    this.#newOrigins.push({ code, name });
    return code;
  }

  /**
   * Folds a delta in: rows with an origin into that origin's row and into the merged row, others into the merged row.
   * All minutes of the delta must be loaded. Rows that would leave int64 are refused whole, noted in the table's `refused`, and
   * handed to `onRefused`.
   */
  fold(
    delta: SlotDelta,
    nowMs: number,
    onRefused: (table: DeltaTable, block: IncrementBlock, i: number) => void,
  ): StateChanges {
    const touched = new Map<ScopeRows, { readonly minute: number; readonly scope: ScopeName }>();
    for (const table of delta.tables) {
      let minute = this.#minutes.get(table.minute);
      if (!minute) {
        minute = { rows: new BucketRows(this.#metricsOf), touchedAtMs: nowMs };
        this.#minutes.set(table.minute, minute);
      }
      minute.touchedAtMs = nowMs;
      this.#newestStored = Math.max(this.#newestStored, table.minute);
      const rows = minute.rows.scope(table.scope);
      touched.set(rows, table);
      const originCode = this.#originCode(table.origin);
      const count = table.entities.length;
      const merged = new Int32Array(count);
      const own = originCode === 0 ? undefined : new Int32Array(count);
      const codes = this.#codesOfList(table.entities);
      for (let i = 0; i < count; i++) {
        const code = codes[i]!;
        merged[i] = rows.row(0, code);
        if (own) own[i] = rows.row(originCode, code);
      }
      const changed = new Uint8Array(count);
      for (const block of table.blocks) {
        const target = rows.columns[rows.columnIndex(block.schema.name)]!;
        const refused = mergeBoth(target, merged, own, block);
        const without = refused && new Set(refused);
        const { entities } = block;
        for (let i = 0; i < entities.length; i++) if (without?.has(i) !== true) changed[entities[i]!] = 1;
        if (!without) continue;
        table.refused.set(block.schema.name, without);
        for (const i of without) onRefused(table, block, i);
      }
      for (let i = 0; i < count; i++) {
        if (changed[i] === 0) continue;
        rows.touch(merged[i]!);
        if (own) rows.touch(own[i]!);
      }
    }
    const blocks: RowBlock[] = [];
    for (const [rows, { minute, scope }] of touched) blocks.push(...rows.takeTouched(this.slot, minute, scope));
    return { rows: blocks, entities: this.#takeEntities(), origins: this.#takeOrigins() };
  }

  #takeEntities(): DictionaryEntry[] {
    const entries = [...this.#newEntities].map(([code, entity]) => ({ code, entity }));
    this.#newEntities = new Map();
    return entries;
  }

  #takeOrigins(): OriginEntry[] {
    const entries = this.#newOrigins;
    this.#newOrigins = [];
    return entries;
  }

  /** Forgets minutes that nothing touched for `idleMs`; they are loaded again when late data comes. */
  evict(nowMs: number, idleMs: number): void {
    for (const [minute, state] of this.#minutes) {
      if (nowMs - state.touchedAtMs > idleMs) this.#minutes.delete(minute);
    }
  }
}

/**
 * Merges each row of a block into the merged row and into its origin's row (`own` undefined: it has none), or into neither. Both are given
 * by the block's entities. Returns the positions that were refused, undefined when there are none.
 */
function mergeBoth(
  target: RestingColumns,
  merged: Int32Array,
  own: Int32Array | undefined,
  block: IncrementBlock,
): number[] | undefined {
  const mergedRows = rowsOf(block, merged);
  if (!own) return target.mergeBlock(mergedRows, block);
  const ownRows = rowsOf(block, own);
  if (target.surelyFits(ownRows, block) && target.surelyFits(mergedRows, block)) {
    const refused = target.mergeBlock(mergedRows, block) ?? target.mergeBlock(ownRows, block);
    invariant(refused === undefined, 'a block that surely fits is refused');
    return undefined;
  }
  const refused: number[] = [];
  for (let i = 0; i < mergedRows.length; i++) {
    // asked first: negative sums of other origins can leave room in the merged row where this origin's row has none
    if (!target.intsFit(ownRows[i]!, block, i) || !target.mergeBlockRow(mergedRows[i]!, block, i)) {
      refused.push(i);
      continue;
    }
    invariant(target.mergeBlockRow(ownRows[i]!, block, i), 'a distribution of an origin is larger than the merged one');
  }
  return refused.length > 0 ? refused : undefined;
}

function rowsOf({ entities }: IncrementBlock, rowOfEntity: Int32Array): Int32Array {
  const rows = new Int32Array(entities.length);
  for (let i = 0; i < rows.length; i++) rows[i] = rowOfEntity[entities[i]!]!;
  return rows;
}

/** The rows of one metric in the order given. Loops, not TypedArray.from: ten times as fast, and this is every row that is written. */
function rowColumns(columns: RestingColumns, order: readonly number[]): RowColumns {
  const { schema } = columns;
  const count = order.length;
  const present = new Uint8Array(count);
  let absent = 0;
  for (let i = 0; i < count; i++) {
    if (columns.has(order[i]!)) present[i] = 1;
    else absent++;
  }
  const ints = schema.intFields.map((_, f) => {
    if (absent === 0) return columns.copyInts(f, order);
    const out = new BigInt64Array(count);
    for (let i = 0; i < count; i++) if (present[i] === 1) out[i] = columns.int(order[i]!, f);
    return out;
  });
  const distributions = schema.distributionFields.map((_, f) => {
    const { offsets, bytes } = columns.copyDistributions(f, order, present);
    return { offsets, bytes };
  });
  return { schema, present, ints, distributions };
}
