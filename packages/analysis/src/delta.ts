// SPDX-License-Identifier: Apache-2.0
// The delta of one slot's flush: every batch that the flush includes, merged per (scope, minute, origin).
// In: decoded batches. Out: their sums, which are folded into the slot's state and encoded for the outbox; nobody writes to them.
import {
  BatchBuilder,
  BlockSum,
  ByteSlabs,
  EntityList,
  pickRows,
  withLayersOf,
  type Entity,
  type IncrementBatch,
  type IncrementBlock,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import { invariant } from '@oap-federation/runtime';

/** Rows of one (scope, minute, origin): one numbering shared by the metrics. `origin` '' is the merged entity alone. */
export interface DeltaTable {
  readonly scope: ScopeName;
  readonly minute: number;
  readonly origin: string;
  readonly entities: readonly Entity[];
  /** The sums, a block of each metric, by name; their entities are indexes into `entities`. */
  readonly blocks: readonly IncrementBlock[];
  /** Rows of a block that the state refused (overflow), by metric: parked, so they must not be forwarded. */
  readonly refused: Map<string, Set<number>>;
}

/** An increment that could not be merged; the caller parks it. `rows` index the block. */
export interface RefusedRows {
  readonly block: IncrementBlock;
  readonly rows: readonly number[];
}

interface GrowingTable extends Pick<DeltaTable, 'scope' | 'minute' | 'origin'> {
  entities: readonly Entity[];
  /** False: `entities` are those of a batch, which go on being used. */
  ownsEntities: boolean;
  readonly sums: Map<string, BlockSum>;
  /** Of the first `rowOf.size` entities: made when a look-up needs it. */
  readonly rowOf: Map<string, number>;
  /** Of the batch that was merged last: its metrics share the rows of its entities. */
  batch: IncrementBatch | undefined;
  rows: EntityRows;
  /** By first entity: the next batch of a log often has the entities of the one before. */
  readonly rowsOfEntities: Map<Entity | undefined, EntityRows>;
  /** The row that was looked up last: entities of two producers often come in the same order, which saves the hashing. */
  lastRow: number;
}

/** Rows of the entities of a batch. */
interface EntityRows {
  readonly entities: readonly Entity[];
  /** By entity index; -1 where it was not looked up yet. */
  readonly rowOf: Int32Array;
  /** All entities before this one were looked up. */
  knownTo: number;
}

/** Blocks go in first, and must stay as they are until the sums are read; then nothing goes in any more. */
export class SlotDelta {
  readonly #growing = new Map<string, GrowingTable>();
  /** The sums, ordered by their key, once they were read. */
  #taken: readonly DeltaTable[] | undefined;
  /** The table that was asked for last. */
  #last: GrowingTable | undefined;
  #increments = 0;
  #anyRefused = false;
  readonly #slabs: ByteSlabs;

  /** The distributions of its sums are in `slabs`. */
  constructor(slabs = new ByteSlabs(false)) {
    this.#slabs = slabs;
  }

  get tables(): readonly DeltaTable[] {
    this.#taken ??= [...this.#growing.keys()].toSorted().map((key) => takeSums(this.#growing.get(key)!, this.#slabs));
    return this.#taken;
  }

  get isEmpty(): boolean {
    return this.#growing.size === 0;
  }

  /** Increments (rows of metrics) merged so far. */
  get increments(): number {
    return this.#increments;
  }

  #table(scope: ScopeName, minute: number, origin: string): GrowingTable {
    const last = this.#last;
    if (last && last.minute === minute && last.scope === scope && last.origin === origin) return last;
    const key = `${scope} ${minute} ${origin}`;
    let table = this.#growing.get(key);
    if (!table) {
      table = {
        scope,
        minute,
        origin,
        entities: [],
        ownsEntities: true,
        sums: new Map(),
        rowOf: new Map(),
        batch: undefined,
        rows: NO_ROWS,
        rowsOfEntities: new Map(),
        lastRow: -1,
      };
      this.#growing.set(key, table);
    }
    this.#last = table;
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
    invariant(this.#taken === undefined, 'a delta grows after its sums were read');
    const table = this.#table(schema.scope, block.minute, origin);
    let sum = table.sums.get(schema.name);
    if (!sum) table.sums.set(schema.name, (sum = new BlockSum(schema, Math.max(4, block.entities.length))));
    const { entities } = block;
    const rows = rowsOf(table, batch, entities);
    const refused = sum.mergeBlock(rows, block);
    this.#anyRefused ||= refused !== undefined;
    this.#increments += entities.length - (refused?.length ?? 0);
    return refused && { block, rows: refused };
  }

  /** What goes to the outbox: the sums without what was refused. It shares the memory of the tables, which nobody writes to. */
  toBatch(): IncrementBatch {
    const [first, ...others] = this.tables;
    // without a refusal every entity has a row
    if (first && others.length === 0 && first.refused.size === 0 && !this.#anyRefused)
      return { entities: first.entities, blocks: first.blocks, unknownBlocks: [] };
    const builder = new BatchBuilder();
    for (const { entities, blocks, refused } of this.tables) {
      for (const block of blocks) {
        const without = refused.get(block.schema.name);
        const left = without
          ? pickRows(
              block,
              [...block.entities.keys()].filter((i) => !without.has(i)),
            )
          : block;
        builder.addBlock(left, entities);
      }
    }
    return builder.build();
  }
}

function takeSums({ scope, minute, origin, entities, sums }: GrowingTable, slabs: ByteSlabs): DeltaTable {
  const blocks = [...sums.keys()]
    .toSorted()
    .map((name) => sums.get(name)!.take(entities.length, minute, origin, slabs));
  return { scope, minute, origin, entities, blocks, refused: new Map() };
}

const NO_ROWS: EntityRows = { entities: [], rowOf: new Int32Array(0), knownTo: 0 };

/** Rows of the block that is being merged; used up before the next one. */
let blockRows = new Int32Array(1_024);

function sameEntities(a: readonly Entity[], b: readonly Entity[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The rows of a block's entities in a table; valid until the next call, longer than the block perhaps, and not to be written to. */
function rowsOf(table: GrowingTable, batch: IncrementBatch, entities: Uint32Array): Int32Array {
  if (table.batch !== batch) {
    table.batch = batch;
    const known = table.rowsOfEntities.get(batch.entities[0]);
    if (known && sameEntities(known.entities, batch.entities)) {
      table.rows = known;
    } else {
      table.rows = { entities: batch.entities, rowOf: new Int32Array(batch.entities.length).fill(-1), knownTo: 0 };
      table.rowsOfEntities.set(batch.entities[0], table.rows);
    }
  }
  const { rows } = table;
  const { rowOf } = rows;
  const count = entities.length;
  // in the order of the batch, the usual case: no copy
  if (count === 0 || (entities[count - 1] === count - 1 && inOrder(entities))) {
    if (table.entities.length === 0 && count === batch.entities.length && EntityList.of(batch.entities).isDistinct) {
      table.entities = batch.entities;
      table.ownsEntities = false;
      for (let i = 0; i < count; i++) rowOf[i] = i;
      rows.knownTo = count;
    }
    for (; rows.knownTo < count; rows.knownTo++) {
      if (rowOf[rows.knownTo]! < 0) rowOf[rows.knownTo] = rowFor(table, batch.entities[rows.knownTo]!);
    }
    return rowOf;
  }
  if (blockRows.length < count) blockRows = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const index = entities[i]!;
    let row = rowOf[index]!;
    if (row < 0) row = rowOf[index] = rowFor(table, batch.entities[index]!);
    blockRows[i] = row;
  }
  return blockRows;
}

function inOrder(indexes: Uint32Array): boolean {
  for (let i = 0; i < indexes.length; i++) if (indexes[i] !== i) return false;
  return true;
}

/** The entity's row in a table, a new one when it has none; layers that it did not have yet are added. */
function rowFor(table: GrowingTable, entity: Entity): number {
  const next = table.lastRow + 1;
  const expected = table.entities[next];
  if (expected === entity) return (table.lastRow = next);
  const known = expected?.id === entity.id ? next : rowsById(table).get(entity.id);
  if (known !== undefined) {
    const current = table.entities[known]!;
    const merged = current === entity ? current : withLayersOf(current, entity);
    if (merged !== current) ownEntities(table)[known] = merged;
    return (table.lastRow = known);
  }
  const row = table.entities.length;
  ownEntities(table).push(entity);
  table.rowOf.set(entity.id, row);
  return (table.lastRow = row);
}

function rowsById({ entities, rowOf }: GrowingTable): ReadonlyMap<string, number> {
  for (let row = rowOf.size; row < entities.length; row++) rowOf.set(entities[row]!.id, row);
  return rowOf;
}

function ownEntities(table: GrowingTable): Entity[] {
  if (!table.ownsEntities) table.entities = [...table.entities];
  table.ownsEntities = true;
  return table.entities as Entity[];
}
