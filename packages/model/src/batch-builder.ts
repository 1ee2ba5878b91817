// SPDX-License-Identifier: Apache-2.0
// Builds a batch from columns. In: rows of metric columns and who they are about. Out: blocks that own all their memory.
import type { IncrementBatch, IncrementBlock } from './block.js';
import type { MetricColumns } from './columns.js';
import type { Entity } from './entity.js';

/** Collects blocks whose rows name entities freely; gives each entity one index. The result owns all its memory: a clone, not a view. */
export class BatchBuilder {
  readonly #entities: Entity[] = [];
  readonly #indexOf = new Map<string, number>();
  /** The same by object: rows of several metrics usually name an entity by the same one. */
  readonly #indexOfObject = new Map<Entity, number>();
  /** Per list of entities that blocks came with: the index of each here, -1 as long as no block names it. */
  readonly #indexesOf = new Map<readonly Entity[], Int32Array>();
  readonly #blocks: IncrementBlock[] = [];
  #increments = 0;

  get increments(): number {
    return this.#increments;
  }

  #index(entity: Entity): number {
    const seen = this.#indexOfObject.get(entity);
    if (seen !== undefined) return seen;
    const index = this.#indexOfKey(entity);
    this.#indexOfObject.set(entity, index);
    return index;
  }

  #indexOfKey(entity: Entity): number {
    const key = `${entity.scope} ${entity.id}`;
    const known = this.#indexOf.get(key);
    if (known !== undefined) return known;
    const index = this.#entities.length;
    this.#entities.push(entity);
    this.#indexOf.set(key, index);
    return index;
  }

  /** Adds the rows of `columns` that `rows` lists, as one block; `entityOf(row)` names each. Rows without the metric are passed over. */
  addRows(
    columns: MetricColumns,
    minute: number,
    origin: string,
    rows: Iterable<number>,
    entityOfRow: (row: number) => Entity,
  ): void {
    const { schema } = columns;
    const present: number[] = [];
    for (const row of rows) if (columns.has(row)) present.push(row);
    if (present.length === 0) return;
    const ints = schema.intFields.map((_, f) => columns.copyInts(f, present));
    const distributions = schema.distributionFields.map((_, f) => columns.copyDistributions(f, present));
    const entities = new Uint32Array(present.length);
    for (let i = 0; i < present.length; i++) entities[i] = this.#index(entityOfRow(present[i]!));
    this.#blocks.push({ schema, minute, origin, entities, ints, distributions });
    this.#increments += present.length;
  }

  /** Adds a block whose entities are indexes into `entities`. Its columns are taken over as they are. */
  addBlock(block: IncrementBlock, entities: readonly Entity[]): void {
    if (block.entities.length === 0) return;
    let indexes = this.#indexesOf.get(entities);
    if (!indexes) this.#indexesOf.set(entities, (indexes = new Int32Array(entities.length).fill(-1)));
    const own = new Uint32Array(block.entities.length);
    for (let i = 0; i < own.length; i++) {
      const theirs = block.entities[i]!;
      if (indexes[theirs]! < 0) indexes[theirs] = this.#index(entities[theirs]!);
      own[i] = indexes[theirs]!;
    }
    this.#blocks.push({ ...block, entities: own });
    this.#increments += own.length;
  }

  /** What was added so far; the builder may go on. */
  build(): IncrementBatch {
    return { entities: this.#entities.slice(), blocks: this.#blocks.slice(), unknownBlocks: [] };
  }
}
