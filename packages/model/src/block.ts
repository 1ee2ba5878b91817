// SPDX-License-Identifier: Apache-2.0
// Increment blocks and batches: the unit of data between L1, L2, the outbox and the tiers, in columns.
// `encodeContent` gives the bytes that are stored, hashed and resent; they do not depend on any stream (docs/protocol.md).
import { ByteReader, ByteWriter, DecodeError, HIGH_WORD, LOW_WORD } from './bytes.js';
import { FreshColumns, type ColumnMemory, type ColumnSource } from './column-memory.js';
import { EntityList } from './entity-list.js';
import { packDistributions, unpackDistributions } from './packed-distributions.js';
import type { DistributionColumn } from './distribution-rows.js';
import { decodeEntity, writeEntity, type Entity } from './entity.js';
import { readIntColumn, skipZeroColumn, writeIntColumn } from './int-column-bytes.js';
import { wordsOf } from './int64.js';
import { tryParseSchema, type MetricSchema } from './schema.js';
import type { ScopeName } from './scope.js';

/** Deltas of one metric in one minute: N rows, one column per additive field. */
export interface IncrementBlock {
  readonly schema: MetricSchema;
  /** Epoch minute (UTC). */
  readonly minute: number;
  /** Tier that the increments come from; '' stands for the sender itself. */
  readonly origin: string;
  /** Per row, an index into the batch's entities; no entity twice. */
  readonly entities: Uint32Array;
  readonly ints: readonly BigInt64Array[];
  readonly distributions: readonly DistributionColumn[];
}

/** A block whose schema this version does not know: kept as it came, so that it can be parked and forwarded. */
export interface UnknownBlock {
  readonly schemaText: string;
  readonly minute: number;
  readonly origin: string;
  readonly rows: number;
  readonly payload: Uint8Array;
}

export interface IncrementBatch {
  readonly entities: readonly Entity[];
  readonly blocks: readonly IncrementBlock[];
  readonly unknownBlocks: readonly UnknownBlock[];
}

/** Rows of all blocks, the unknown ones too: the `increment count` of the ledger. */
export function incrementCount(batch: IncrementBatch): number {
  let n = 0;
  for (const block of batch.blocks) n += block.entities.length;
  for (const block of batch.unknownBlocks) n += block.rows;
  return n;
}

/** The rows at `positions` of a block, as a block of their own. */
export function pickRows(block: IncrementBlock, positions: readonly number[]): IncrementBlock {
  const { entities, ints, distributions } = block;
  return {
    ...block,
    entities: Uint32Array.from(positions, (i) => entities[i]!),
    ints: ints.map((column) => BigInt64Array.from(positions, (i) => column[i]!)),
    distributions: distributions.map(({ offsets, bytes, totals, lasts }) => {
      const parts = positions.map((i) => bytes.subarray(offsets[i], offsets[i + 1]));
      const picked = new ByteWriter();
      const ends = parts.map((part) => {
        picked.raw(part);
        return picked.length;
      });
      return {
        offsets: Uint32Array.of(0, ...ends),
        bytes: picked.finish(),
        totals: Float64Array.from(positions, (i) => totals[i]!),
        lasts: Int32Array.from(positions, (i) => lasts[i]!),
      };
    }),
  };
}

/** Stored form of a batch, in two parts so that a stream can send descriptors once: canonical entity descriptors, and the columns. */
export interface BatchContent {
  readonly descriptors: readonly Uint8Array[];
  readonly body: Uint8Array;
}

/** 2: distributions packed in groups of buckets; 1 was never released. */
const VERSION = 2;

/** Memory of the entity columns that are read and written: differences of an index to its row. */
const shiftMemory = new BigInt64Array(16_384);

/** A column of so many rows, good until the next call. */
function shiftsOf(rows: number): BigInt64Array {
  return rows <= shiftMemory.length ? shiftMemory.subarray(0, rows) : new BigInt64Array(rows);
}

function writeBlockPayload(w: ByteWriter, block: IncrementBlock): void {
  // entities in the batch's own order, the usual case, are all zeros
  const shifts = shiftsOf(block.entities.length);
  const words = wordsOf(shifts);
  for (let i = 0; i < block.entities.length; i++) {
    const shift = block.entities[i]! - i;
    words[i * 2 + LOW_WORD] = shift; // ToUint32: modulo 2^32, for negative values too
    words[i * 2 + HIGH_WORD] = shift < 0 ? 0xffff_ffff : 0;
  }
  writeIntColumn(w, shifts);
  for (const column of block.ints) writeIntColumn(w, column);
  for (const { offsets, bytes } of block.distributions) packDistributions(w, offsets, bytes);
}

/** Written and copied within one call. */
const BLOCKS = new ByteWriter(65_536);
const PAYLOAD = new ByteWriter(65_536);
const DESCRIPTORS = new ByteWriter(65_536);
const JOINED = new ByteWriter(65_536);

/** Writes schemas, origins and blocks. */
function writeBody(w: ByteWriter, batch: IncrementBatch): void {
  const schemas = new Map<string, number>();
  const origins = new Map<string, number>();
  const indexIn = (table: Map<string, number>, key: string) => {
    const known = table.get(key);
    if (known !== undefined) return known;
    table.set(key, table.size);
    return table.size - 1;
  };
  const blocks = BLOCKS;
  const payload = PAYLOAD;
  blocks.reset();
  for (const block of batch.blocks) {
    payload.reset();
    writeBlockPayload(payload, block);
    blocks.varint(indexIn(schemas, block.schema.text));
    blocks.varint(indexIn(origins, block.origin));
    blocks.varint(block.minute);
    blocks.varint(block.entities.length);
    blocks.sized(payload.view());
  }
  for (const block of batch.unknownBlocks) {
    blocks.varint(indexIn(schemas, block.schemaText));
    blocks.varint(indexIn(origins, block.origin));
    blocks.varint(block.minute);
    blocks.varint(block.rows);
    blocks.sized(block.payload);
  }
  w.varint(VERSION);
  w.varint(schemas.size);
  for (const text of schemas.keys()) w.string(text);
  w.varint(origins.size);
  for (const origin of origins.keys()) w.string(origin);
  w.varint(batch.blocks.length + batch.unknownBlocks.length);
  w.raw(blocks.view());
}

/** The stored form of a batch. */
export function encodeContent(batch: IncrementBatch): BatchContent {
  const written = DESCRIPTORS;
  written.reset();
  const ends = batch.entities.map((entity) => {
    writeEntity(written, entity);
    return written.length;
  });
  const bytes = written.view().slice();
  const descriptors = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
  const w = new ByteWriter(512);
  writeBody(w, batch);
  return { descriptors, body: w.finish() };
}

/** `joinContent` of `encodeContent`, without the pieces in between. Nobody may write to the list of entities afterwards. */
export function encodeJoinedContent(batch: IncrementBatch): Uint8Array {
  const joined = JOINED;
  joined.reset();
  joined.raw(EntityList.of(batch.entities).head);
  writeBody(joined, batch);
  return joined.view().slice();
}

function varintLength(value: number): number {
  let bytes = 1;
  for (let v = value; v >= 0x80; v = Math.floor(v / 0x80)) bytes++;
  return bytes;
}

/** One byte string of a content, as the outbox stores it and the chain hashes it. */
export function joinContent({ descriptors, body }: BatchContent): Uint8Array {
  return writeJoined(descriptors, body);
}

/** What `joinContent` writes before the body: the same for all batches of the same entities. */
export function joinDescriptors(descriptors: readonly Uint8Array[]): Uint8Array {
  return writeJoined(descriptors, NO_BYTES);
}

const NO_BYTES = new Uint8Array(0);

function writeJoined(descriptors: readonly Uint8Array[], body: Uint8Array): Uint8Array {
  let bytes = varintLength(descriptors.length) + body.length;
  for (const { length } of descriptors) bytes += varintLength(length) + length;
  const w = new ByteWriter(bytes);
  w.varint(descriptors.length);
  for (const descriptor of descriptors) w.sized(descriptor);
  w.raw(body);
  return w.finish();
}

export function splitContent(bytes: Uint8Array): BatchContent {
  const r = new ByteReader(bytes);
  const n = r.count(2);
  const descriptors: Uint8Array[] = [];
  for (let i = 0; i < n; i++) descriptors.push(r.sized(65_536));
  return { descriptors, body: r.raw(r.remaining) };
}

/** Schemas that one content may name: a hostile table cannot expand into much more memory than it took. */
const SCHEMAS_MAX = 4_096;

/** Rows that one block may have; a bound for hostile counts, far above what a flush makes. */
const ROWS_MAX = 4_000_000;
const MINUTE_MAX = 0x7fff_ffff;

/** Of batches that are kept. */
const FRESH = new FreshColumns();

/** 0, 1, 2, ...: the entities of a block that has those of its batch in order. Nobody writes to it. */
let inOrder: Uint32Array = new Uint32Array(0);

function entitiesInOrder(rows: number): Uint32Array {
  if (inOrder.length < rows) inOrder = Uint32Array.from({ length: rows * 2 }, (_, i) => i);
  return inOrder.subarray(0, rows);
}

/** Reads the blocks of one batch. */
class BlockReader {
  readonly #r: ByteReader;
  readonly #entities: readonly Entity[];
  /** Number of the last block (from 1) that named the entity. */
  #seenIn: Uint32Array | undefined;
  #blocks = 0;
  /** Entities below `#inOrder.length` are of `#scope`. */
  #scope: ScopeName | undefined;
  #inOrder: Uint32Array = NO_INDEXES;

  readonly #columns: ColumnSource;

  constructor(r: ByteReader, entities: readonly Entity[], columns: ColumnSource) {
    this.#r = r;
    this.#entities = entities;
    this.#columns = columns;
  }

  /** The block of `rows` rows that begins here and ends at `end`. Errors: DecodeError. */
  read(schema: MetricSchema, minute: number, origin: string, rows: number, end: number): IncrementBlock {
    const r = new ByteReader(this.#r.bytes, this.#r.position, end);
    this.#blocks++;
    const entities = skipZeroColumn(r, rows) ? this.#allInOrder(schema, rows) : this.#readEntities(r, schema, rows);
    const { ints, words } = this.#columns.columns(schema.intFields.length, rows);
    for (const column of words) readIntColumn(r, rows, column);
    const distributions = schema.distributionFields.map((): DistributionColumn => {
      const { end: next, ...column } = unpackDistributions(r.bytes, r.position, end, rows, this.#columns.slabs);
      r.seek(next);
      return column;
    });
    if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after a block of ${schema.name}`);
    this.#r.seek(end);
    return { schema, minute, origin, entities, ints, distributions };
  }

  #allInOrder(schema: MetricSchema, rows: number): Uint32Array {
    if (this.#scope !== schema.scope || this.#inOrder.length < rows) {
      for (let i = 0; i < rows; i++) this.#check(schema, i);
      this.#scope = schema.scope;
      this.#inOrder = entitiesInOrder(rows);
    }
    return this.#inOrder.length === rows ? this.#inOrder : this.#inOrder.subarray(0, rows);
  }

  #check(schema: MetricSchema, index: number): void {
    const entity = this.#entities[index];
    if (entity === undefined)
      throw new DecodeError(`entity index ${index} of ${this.#entities.length} in a block of ${schema.name}`);
    if (entity.scope !== schema.scope)
      throw new DecodeError(`${entity.scope} entity in a block of ${schema.name}, which is about ${schema.scope}`);
  }

  #readEntities(r: ByteReader, schema: MetricSchema, rows: number): Uint32Array {
    const words = wordsOf(shiftsOf(rows));
    readIntColumn(r, rows, words);
    const entities = new Uint32Array(rows);
    this.#seenIn ??= new Uint32Array(this.#entities.length);
    const seenIn = this.#seenIn;
    for (let i = 0; i < rows; i++) {
      const index = (words[i * 2 + HIGH_WORD]! | 0) * 2 ** 32 + words[i * 2 + LOW_WORD]! + i;
      this.#check(schema, index);
      if (seenIn[index] === this.#blocks) throw new DecodeError(`entity ${index} twice in a block of ${schema.name}`);
      seenIn[index] = this.#blocks;
      entities[i] = index;
    }
    return entities;
  }
}

const NO_INDEXES = new Uint32Array(0);

/** What a body begins with. */
interface Tables {
  readonly bytes: Uint8Array;
  readonly schemaOfText: (text: string) => MetricSchema | undefined;
  readonly schemaTexts: readonly string[];
  readonly schemas: readonly (MetricSchema | undefined)[];
  readonly origins: readonly string[];
}

/** Those that were read last, newest first: most batches of a stream begin alike. */
const recentTables: Tables[] = [];
const RECENT_TABLES = 8;
/** Larger ones are not kept. */
const RECENT_BYTES_MAX = 16_384;

function beginsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  if (at + start.length > bytes.length) return false;
  // the ends differ most
  for (let i = start.length - 1; i >= 0; i--) if (bytes[at + i] !== start[i]) return false;
  return true;
}

function readTables(r: ByteReader, schemaOfText: (text: string) => MetricSchema | undefined): Tables {
  const from = r.position;
  const known = recentTables.findIndex(
    (tables) => tables.schemaOfText === schemaOfText && beginsWith(r.bytes, from, tables.bytes),
  );
  if (known >= 0) {
    const tables = recentTables[known]!;
    if (known > 0) {
      recentTables.splice(known, 1);
      recentTables.unshift(tables);
    }
    r.seek(from + tables.bytes.length);
    return tables;
  }
  const schemaCount = r.count();
  if (schemaCount > SCHEMAS_MAX) throw new DecodeError(`${schemaCount} schemas, at most ${SCHEMAS_MAX} are allowed`);
  const schemaTexts = Array.from({ length: schemaCount }, () => r.string(512));
  const schemas = schemaTexts.map((text) => schemaOfText(text));
  const origins = Array.from({ length: r.count() }, () => r.string(256));
  const tables = { bytes: r.bytes.slice(from, r.position), schemaOfText, schemaTexts, schemas, origins };
  if (tables.bytes.length <= RECENT_BYTES_MAX) {
    recentTables.unshift(tables);
    if (recentTables.length > RECENT_TABLES) recentTables.pop();
  }
  return tables;
}

/**
 * Reads a content. `entityOfDescriptor` and `schemaOfText` let a receiver reuse what it has decoded before. The batch keeps views of the
 * bytes of `content`: the caller must not write to them afterwards.
 * Errors: DecodeError for anything malformed; blocks of unknown schemas come back untouched in `unknownBlocks`.
 */
export function decodeContent(
  content: BatchContent,
  entityOfDescriptor: (descriptor: Uint8Array) => Entity = decodeEntity,
  schemaOfText: (text: string) => MetricSchema | undefined = tryParseSchema,
): IncrementBatch {
  const entities = content.descriptors.map((descriptor) => entityOfDescriptor(descriptor));
  return decodeBody(content.body, entities, undefined, schemaOfText);
}

/**
 * The same of a body whose entities are known; nobody may write to them afterwards. With `memory` the int64 columns of the batch are good until
 * the memory is used again, and its distributions until its slabs are. Errors: DecodeError.
 */
export function decodeBody(
  body: Uint8Array,
  entities: readonly Entity[],
  memory?: ColumnMemory,
  schemaOfText: (text: string) => MetricSchema | undefined = tryParseSchema,
): IncrementBatch {
  memory?.begin();
  const r = new ByteReader(body);
  const version = r.varint();
  if (version !== VERSION) throw new DecodeError(`content version ${version}, this release reads ${VERSION}`);
  const { schemaTexts, schemas, origins } = readTables(r, schemaOfText);
  const blocks: IncrementBlock[] = [];
  const reader = new BlockReader(r, entities, memory ?? FRESH);
  const unknownBlocks: UnknownBlock[] = [];
  const count = r.count(5);
  for (let b = 0; b < count; b++) {
    const schemaIndex = r.varint();
    const schemaText = schemaTexts[schemaIndex];
    const origin = origins[r.varint()];
    const minute = r.varint();
    const rows = r.varint();
    const bytes = r.count();
    if (schemaText === undefined || origin === undefined)
      throw new DecodeError('block of a schema or origin that is not in the table');
    if (minute > MINUTE_MAX) throw new DecodeError(`minute ${minute} is no int32`);
    // a row takes a bit at least, and names an entity that no other row of its block names
    if (rows > ROWS_MAX || rows > bytes * 8 || (schemas[schemaIndex] && rows > entities.length))
      throw new DecodeError(`block of ${rows} rows in ${bytes} bytes`);
    const schema = schemas[schemaIndex];
    if (schema) blocks.push(reader.read(schema, minute, origin, rows, r.position + bytes));
    else unknownBlocks.push({ schemaText, minute, origin, rows, payload: r.raw(bytes) });
  }
  if (r.remaining !== 0) throw new DecodeError(`${r.remaining} bytes after the batch`);
  return { entities, blocks, unknownBlocks };
}
