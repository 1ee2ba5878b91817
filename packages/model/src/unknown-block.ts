// SPDX-License-Identifier: Apache-2.0
// Blocks of metrics that this release, or this tier, does not know, on their way through it. In: a block and the entities of the batch
// that brought it. Out: the same block in another batch: its entities are numbered anew, every other byte stays as it came.
import type { IncrementBatch, IncrementBlock, UnknownBlock } from './block.js';
import { ByteReader, ByteWriter, DecodeError } from './bytes.js';
import type { Entity } from './entity.js';
import { newIntColumn, writeIntColumn } from './int-column-bytes.js';

export interface ForeignBlock<B = UnknownBlock | IncrementBlock> {
  readonly block: B;
  /** Entities of the batch that it was in. */
  readonly entities: readonly Entity[];
}

/** The indexes of its rows' entities. Errors: DecodeError when the payload does not begin with such a column. */
export function unknownBlockEntities({ block, entities }: ForeignBlock<UnknownBlock>): Uint32Array {
  const column = newIntColumn(new ByteReader(block.payload), block.rows);
  const indexes = new Uint32Array(block.rows);
  for (let row = 0; row < block.rows; row++) {
    const index = Number(column[row]!) + row;
    if (!Number.isInteger(index) || index < 0 || index >= entities.length)
      throw new DecodeError(`entity ${index} of ${entities.length} in a block of "${block.schemaText}"`);
    indexes[row] = index;
  }
  return indexes;
}

/** `batch` and the blocks, in one; none is merged with another. Errors: DecodeError as above; `batch` is as it was. */
export function withForeignBlocks(batch: IncrementBatch, foreign: readonly ForeignBlock[]): IncrementBatch {
  if (foreign.length === 0) return batch;
  const entities = [...batch.entities];
  const keyOf = ({ scope, id }: Entity) => `${scope} ${id}`;
  const indexOf = new Map(entities.map((entity, i) => [keyOf(entity), i]));
  const numberOf = (entity: Entity) => {
    let here = indexOf.get(keyOf(entity));
    if (here === undefined) indexOf.set(keyOf(entity), (here = entities.push(entity) - 1));
    return here;
  };
  const blocks = [...batch.blocks];
  const unknownBlocks = [...batch.unknownBlocks];
  for (const { block, entities: theirs } of foreign) {
    if ('schema' in block) {
      blocks.push({ ...block, entities: block.entities.map((index) => numberOf(theirs[index]!)) });
      continue;
    }
    const column = new BigInt64Array(block.rows);
    unknownBlockEntities({ block, entities: theirs }).forEach((index, row) => {
      column[row] = BigInt(numberOf(theirs[index]!) - row);
    });
    const r = new ByteReader(block.payload);
    newIntColumn(r, block.rows);
    const w = new ByteWriter(block.payload.length + 16);
    writeIntColumn(w, column);
    w.raw(r.raw(r.remaining));
    unknownBlocks.push({ ...block, payload: w.finish() });
  }
  return { entities, blocks, unknownBlocks };
}
