// SPDX-License-Identifier: Apache-2.0
// The delta of one slot's flush: every batch that the flush includes, merged per (scope, minute, origin).
// In: decoded batches. Out: rows to fold into the slot's state, and the outbox clone. Nothing here is shared with either.
import {
  BatchBuilder,
  MetricColumns,
  withLayersOf,
  type Entity,
  type IncrementBatch,
  type IncrementBlock,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';

/** Rows of one (scope, minute, origin): one numbering shared by the metrics. `origin` '' is the merged entity alone. */
export interface DeltaTable {
  readonly scope: ScopeName;
  readonly minute: number;
  readonly origin: string;
  readonly entities: Entity[];
  readonly columns: Map<string, MetricColumns>;
  /** Rows that the state refused (overflow), by metric: parked, so they must not be forwarded. */
  readonly refused: Map<string, Set<number>>;
}

/** An increment that could not be merged; the caller parks it. `rows` index the block. */
export interface RefusedRows {
  readonly block: IncrementBlock;
  readonly rows: readonly number[];
}

interface MutableTable extends DeltaTable {
  readonly rowOf: Map<string, number>;
  /** Rows of the entities of the batch that was merged last, by entity index (-1: not looked up yet): its metrics share them. */
  batch: IncrementBatch | undefined;
  rowOfIndex: Int32Array;
  /** The row that was looked up last: entities of two producers often come in the same order, which saves the hashing. */
  lastRow: number;
}

export class SlotDelta {
  readonly #tables = new Map<string, MutableTable>();
  #increments = 0;

  get tables(): Iterable<DeltaTable> {
    return this.#tables.values();
  }

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  /** Increments (rows of metrics) merged so far. */
  get increments(): number {
    return this.#increments;
  }

  #table(scope: ScopeName, minute: number, origin: string): MutableTable {
    const key = `${scope} ${minute} ${origin}`;
    let table = this.#tables.get(key);
    if (!table) {
      table = {
        scope,
        minute,
        origin,
        entities: [],
        columns: new Map(),
        refused: new Map(),
        rowOf: new Map(),
        batch: undefined,
        rowOfIndex: NO_ROWS,
        lastRow: -1,
      };
      this.#tables.set(key, table);
    }
    return table;
  }

  /**
   * Folds one block in, as rows of `schema` (the local metric) under `origin`. `batch` names the block's entities.
   * Returns the rows that were refused because a field would leave int64, undefined when there are none.
   */
  addBlock(
    batch: IncrementBatch,
    block: IncrementBlock,
    schema: MetricSchema,
    origin: string,
  ): RefusedRows | undefined {
    const table = this.#table(schema.scope, block.minute, origin);
    let columns = table.columns.get(schema.name);
    if (!columns) {
      columns = new MetricColumns(schema, Math.max(4, block.entities.length));
      table.columns.set(schema.name, columns);
    }
    const { entities } = block;
    const rows = rowsOf(table, batch, entities);
    const refused = columns.mergeBlock(rows, block);
    this.#increments += entities.length - (refused?.length ?? 0);
    return refused && { block, rows: refused };
  }

  /** The clone that goes to the outbox: encoded from the delta alone, before anything else sees it. */
  toBatch(): IncrementBatch {
    const builder = new BatchBuilder();
    const keys = [...this.#tables.keys()].toSorted();
    for (const key of keys) {
      const table = this.#tables.get(key)!;
      for (const name of [...table.columns.keys()].toSorted()) {
        const refused = table.refused.get(name);
        const rows: number[] = [];
        for (let row = 0; row < table.entities.length; row++) if (!refused?.has(row)) rows.push(row);
        builder.addRows(table.columns.get(name)!, table.minute, table.origin, rows, (row) => table.entities[row]!);
      }
    }
    return builder.build();
  }
}

const NO_ROWS = new Int32Array(0);

/** Rows of the block that is being merged; used up before the next one. */
let blockRows = new Int32Array(1_024);

/** The rows of a block's entities in a table; valid until the next call, and longer than the block perhaps. */
function rowsOf(table: MutableTable, batch: IncrementBatch, entities: Uint32Array): Int32Array {
  if (table.batch !== batch) {
    table.batch = batch;
    const count = batch.entities.length;
    if (table.rowOfIndex.length < count) table.rowOfIndex = new Int32Array(count);
    table.rowOfIndex.fill(-1, 0, count);
  }
  if (blockRows.length < entities.length) blockRows = new Int32Array(entities.length * 2);
  const rows = blockRows;
  const { rowOfIndex } = table;
  for (let i = 0; i < entities.length; i++) {
    const index = entities[i]!;
    let row = rowOfIndex[index]!;
    if (row < 0) row = rowOfIndex[index] = rowFor(table, batch.entities[index]!);
    rows[i] = row;
  }
  return rows;
}

/** The entity's row in a table, a new one when it has none; layers that it did not have yet are added. */
function rowFor(table: MutableTable, entity: Entity): number {
  const next = table.lastRow + 1;
  const expected = table.entities[next];
  if (expected === entity) return (table.lastRow = next);
  const known = expected?.id === entity.id ? next : table.rowOf.get(entity.id);
  if (known !== undefined) {
    if (table.entities[known] !== entity) table.entities[known] = withLayersOf(table.entities[known]!, entity);
    return (table.lastRow = known);
  }
  const row = table.entities.length;
  table.entities.push(entity);
  table.rowOf.set(entity.id, row);
  return (table.lastRow = row);
}
