// SPDX-License-Identifier: Apache-2.0
// The owner's memory of one slot: a cache of the storage, never more. In: the claim, loaded rows, deltas. Out: rows to write.
// Absolute rows are safe to write because the storage checks the slot's epoch in the same transaction (one fenced writer).
import { MetricColumns, withLayersOf, type Entity, type MetricSchema, type ScopeName } from '@oap-federation/model';
import { invariant } from '@oap-federation/runtime';
import type {
  DictionaryEntry,
  Granularity,
  Mark,
  OriginEntry,
  OutboxHead,
  RowBlock,
  RowColumns,
  SlotClaim,
  SlotFence,
} from '@oap-federation/storage';
import type { DeltaTable, SlotDelta } from './delta.js';

/** Metrics of a scope in storage order: every row is written with all of them. */
export type MetricsOfScope = (scope: ScopeName) => readonly MetricSchema[];

/** Rows of one (scope, bucket): row numbers by (origin, entity) code, one MetricColumns per metric of the scope. */
class ScopeRows {
  readonly columns: MetricColumns[];
  readonly origins: number[] = [];
  readonly entities: number[] = [];
  /** Per origin code: entity code -> row. Small integers as keys: a combined key would be a heap number per look-up. */
  readonly #rowsOf: Map<number, number>[] = [];
  readonly #indexOf = new Map<string, number>();

  constructor(schemas: readonly MetricSchema[]) {
    this.columns = schemas.map((schema) => new MetricColumns(schema));
    schemas.forEach((schema, i) => this.#indexOf.set(schema.name, i));
  }

  columnIndex(metric: string): number {
    return this.#indexOf.get(metric) ?? -1;
  }

  row(origin: number, entity: number): number {
    const rowOf = (this.#rowsOf[origin] ??= new Map());
    let row = rowOf.get(entity);
    if (row === undefined) {
      row = this.origins.length;
      this.origins.push(origin);
      this.entities.push(entity);
      rowOf.set(entity, row);
    }
    return row;
  }
}

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

  /** Takes stored rows over as they are. Rows already there are merged with: used to derive hours from minutes. */
  addStored(block: RowBlock, mode: 'load' | 'merge', keep: (i: number) => boolean = () => true): void {
    const rows = this.scope(block.scope);
    block.metrics.forEach((metric) => {
      const at = rows.columnIndex(metric.schema.name);
      if (at < 0) return; // a metric that this configuration no longer has: its stored values stay as they are
      const target = rows.columns[at]!;
      const loaded = mode === 'merge' ? new MetricColumns(metric.schema, 1) : undefined;
      for (let i = 0; i < block.entities.length; i++) {
        if (metric.present[i] !== 1 || !keep(i)) continue;
        const row = rows.row(block.origins[i]!, block.entities[i]!);
        const ints = metric.ints.map((column) => column[i]!);
        const distributions = metric.distributions.map((column) => column[i] ?? EMPTY_DISTRIBUTION);
        if (!loaded) {
          target.setRow(row, ints, distributions);
        } else {
          loaded.setRow(0, ints, distributions);
          target.mergeRow(row, loaded, 0); // a refusal means that an hour's sum leaves int64: the minute rows stay right
        }
      }
    });
  }
}

const EMPTY_DISTRIBUTION = new Uint8Array([0]);

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

export class SlotState {
  readonly slot: number;
  fence: SlotFence;
  readonly marks: Map<string, Mark>;
  outbox: OutboxHead;
  /** What the outbox entries of this owner promised per origin; empty after a claim, so that its first entry says all again. */
  toldOrigins: ReadonlyMap<string, number> = new Map();
  readonly #metricsOf: MetricsOfScope;
  readonly #entities: Entity[] = [];
  readonly #codeOf = new Map<string, number>();
  readonly #originCodes = new Map<string, number>([['', 0]]);
  readonly #minutes = new Map<number, MinuteState>();
  /** Minutes up to here may have rows in storage that are not in memory; newer ones cannot. */
  #newestStored: number;
  #newEntities = new Map<number, Entity>();
  #newOrigins: OriginEntry[] = [];
  readonly dirtyHours = new Set<number>();

  constructor(claim: SlotClaim, metricsOf: MetricsOfScope) {
    this.slot = claim.slot;
    this.fence = claim.fence;
    this.outbox = claim.outbox;
    this.marks = new Map(claim.marks.map((mark) => [mark.logId, mark]));
    this.#metricsOf = metricsOf;
    this.#newestStored = claim.newestMinute;
    for (const { code, entity } of claim.entities) {
      this.#entities[code] = entity;
      this.#codeOf.set(`${entity.scope} ${entity.id}`, code);
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
        this.#minutes.get(minute)?.rows.addStored(block, 'load', (i) => block.minutes[i] === minute);
      }
    }
  }

  #code(entity: Entity): number {
    const key = `${entity.scope} ${entity.id}`;
    const known = this.#codeOf.get(key);
    if (known === undefined) {
      const code = this.#entities.length;
      this.#entities.push(entity);
      this.#codeOf.set(key, code);
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
    onRefused: (table: DeltaTable, metric: MetricSchema, row: number) => void,
  ): StateChanges {
    const touched = new Map<string, { minute: number; scope: ScopeName; rows: Set<number> }>();
    for (const table of delta.tables) {
      let minute = this.#minutes.get(table.minute);
      if (!minute) {
        minute = { rows: new BucketRows(this.#metricsOf), touchedAtMs: nowMs };
        this.#minutes.set(table.minute, minute);
      }
      minute.touchedAtMs = nowMs;
      this.#newestStored = Math.max(this.#newestStored, table.minute);
      const rows = minute.rows.scope(table.scope);
      const key = `${table.minute} ${table.scope}`;
      let touchedRows = touched.get(key);
      if (!touchedRows) touched.set(key, (touchedRows = { minute: table.minute, scope: table.scope, rows: new Set() }));
      const originCode = this.#originCode(table.origin);
      const count = table.entities.length;
      const merged = new Int32Array(count);
      const own = new Int32Array(count);
      for (let i = 0; i < count; i++) {
        const code = this.#code(table.entities[i]!);
        merged[i] = rows.row(0, code);
        own[i] = originCode === 0 ? NO_ROW : rows.row(originCode, code);
      }
      const changed = new Uint8Array(count);
      for (const [name, columns] of table.columns) {
        const target = rows.columns[rows.columnIndex(name)]!;
        for (let i = 0; i < count; i++) {
          if (!columns.has(i)) continue;
          if (mergeBoth(target, merged[i]!, own[i]!, columns, i)) {
            changed[i] = 1;
            continue;
          }
          let refused = table.refused.get(name);
          if (!refused) table.refused.set(name, (refused = new Set()));
          refused.add(i);
          onRefused(table, columns.schema, i);
        }
      }
      for (let i = 0; i < count; i++) {
        if (changed[i] === 0) continue;
        touchedRows.rows.add(merged[i]!);
        if (own[i] !== NO_ROW) touchedRows.rows.add(own[i]!);
      }
    }
    const blocks: RowBlock[] = [];
    for (const { minute, scope, rows } of touched.values()) {
      const source = this.#minutes.get(minute)!.rows.scope(scope);
      if (rows.size > 0) blocks.push(rowBlock(this.slot, 'minute', minute, scope, source, [...rows]));
    }
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

const NO_ROW = -1;

/** Merges a delta row into the merged row and into its origin's row (NO_ROW: it has none), or into neither. */
function mergeBoth(target: MetricColumns, merged: number, own: number, delta: MetricColumns, i: number): boolean {
  if (own === NO_ROW) return target.mergeRow(merged, delta, i);
  // asked first: negative sums of other origins can leave room in the merged row where this origin's row has none
  if (!target.intsFit(own, delta, i) || !target.mergeRow(merged, delta, i)) return false;
  invariant(target.mergeRow(own, delta, i), 'a distribution of an origin is larger than the merged one');
  return true;
}

/** Absolute rows of one scope and bucket as the storage takes them, sorted by (origin, entity). */
export function rowBlock(
  slot: number,
  granularity: Granularity,
  start: number,
  scope: ScopeName,
  source: {
    readonly columns: readonly MetricColumns[];
    readonly origins: readonly number[];
    readonly entities: readonly number[];
  },
  rows: number[],
): RowBlock {
  const { origins, entities } = source;
  const order = Int32Array.from(rows).sort((a, b) => origins[a]! - origins[b]! || entities[a]! - entities[b]!);
  const count = order.length;
  const pick = (from: readonly number[]) => {
    const out = new Int32Array(count);
    for (let i = 0; i < count; i++) out[i] = from[order[i]!]!;
    return out;
  };
  return {
    scope,
    granularity,
    slot,
    minutes: new Int32Array(count).fill(start),
    origins: pick(origins),
    entities: pick(entities),
    metrics: source.columns.map((columns) => rowColumns(columns, order)),
  };
}

/** The rows of one metric in the order given. Loops, not TypedArray.from: ten times as fast, and this is every row that is written. */
function rowColumns(columns: MetricColumns, order: Int32Array): RowColumns {
  const { schema } = columns;
  const count = order.length;
  const present = new Uint8Array(count);
  for (let i = 0; i < count; i++) present[i] = columns.has(order[i]!) ? 1 : 0;
  const ints = schema.intFields.map((_, f) => {
    const out = new BigInt64Array(count);
    for (let i = 0; i < count; i++) if (present[i] === 1) out[i] = columns.int(order[i]!, f);
    return out;
  });
  const distributions = schema.distributionFields.map((_, f) => {
    const out = new Array<Uint8Array | undefined>(count);
    for (let i = 0; i < count; i++) {
      out[i] = present[i] === 1 ? (columns.distribution(order[i]!, f)?.encode() ?? EMPTY_DISTRIBUTION) : undefined;
    }
    return out;
  });
  return { schema, present, ints, distributions };
}
