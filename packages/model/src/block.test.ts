// SPDX-License-Identifier: Apache-2.0
// Goal: a batch comes back as it was; hostile bytes are refused with a DecodeError, in bounded time and memory.
// Method: round trips; every truncation, random byte flips and splices of valid contents; hand-made hostile tables.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.js';
import {
  decodeContent,
  encodeContent,
  incrementCount,
  encodeJoinedContent,
  joinContent,
  splitContent,
  type BatchContent,
  type IncrementBatch,
  type IncrementBlock,
} from './block.js';
import { ByteWriter, DecodeError } from './bytes.js';
import { MetricColumns } from './columns.js';
import { decodeEntity, entityOf, type Entity } from './entity.js';
import { metricSchema, tryParseSchema, type MetricSchema } from './schema.js';

const service = (name: string) => entityOf('Service', { service: name, normal: true, layer: 'GENERAL', name: '' });
const endpoint = (name: string) => entityOf('Endpoint', { service: 'shop', normal: true, layer: 'GENERAL', name });

const avg = metricSchema('service_resp_time', 'Service', 'longAvg');
const percentile = metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]);
const endpointMax = metricSchema('endpoint_max', 'Endpoint', 'max');

function sample(rows: number, values: readonly number[]): IncrementBatch {
  const builder = new BatchBuilder();
  const services = Array.from({ length: rows }, (_, i) => service(`s${i}`));
  const all = services.map((_, i) => i);
  for (const schema of [avg, percentile]) {
    const columns = new MetricColumns(schema);
    values.forEach((value, i) => columns.enter(i % rows, value, 0, 0));
    builder.addRows(columns, 29_000_000, 'frankfurt', all, (row) => services[row]!);
    builder.addRows(columns, 29_000_001, '', all.toReversed(), (row) => services[row]!);
  }
  const columns = new MetricColumns(endpointMax);
  values.forEach((value, i) => columns.enter(i, value, 0, 0));
  builder.addRows(columns, 29_000_000, '', values.keys(), (row) => endpoint(`GET:/${row}`));
  return builder.build();
}

const joined = (batch: IncrementBatch) => joinContent(encodeContent(batch));
const decoded = (bytes: Uint8Array) => decodeContent(splitContent(bytes));

/** Decodes; a DecodeError is fine, any other error is not. What decodes must be usable: it encodes and merges. */
function tryDecode(bytes: Uint8Array): IncrementBatch | undefined {
  let batch: IncrementBatch;
  try {
    batch = decoded(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
  for (const block of batch.blocks) {
    const columns = new MetricColumns(block.schema);
    for (let i = 0; i < block.entities.length; i++) columns.mergeBlockRow(i, block, i);
  }
  encodeContent(batch);
  return batch;
}

describe('contents', () => {
  test('come back as they were, and encode to the same bytes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.integer({ min: -5, max: 2 ** 31 }), { maxLength: 60 }),
        (rows, values) => {
          const batch = sample(rows, values);
          const bytes = joined(batch);
          const back = decoded(bytes);
          expect(back).toEqual(batch);
          expect(joined(back)).toEqual(bytes);
          expect(encodeJoinedContent(batch)).toEqual(bytes);
          expect(incrementCount(back)).toBe(incrementCount(batch));
        },
      ),
    );
  });

  test('an empty batch is a few bytes', () => {
    const bytes = joined(new BatchBuilder().build());
    expect([...bytes]).toEqual([0, 2, 0, 0, 0]);
    expect(decoded(bytes)).toEqual({ entities: [], blocks: [], unknownBlocks: [] });
  });

  test('int64 extremes survive', () => {
    const block: IncrementBlock = {
      schema: avg,
      minute: 0x7fff_ffff,
      origin: 'é',
      entities: Uint32Array.of(2, 0, 1),
      ints: [BigInt64Array.of((1n << 63n) - 1n, -(1n << 63n), 0n), BigInt64Array.of(-1n, 1n << 53n, -(1n << 53n))],
      distributions: [],
    };
    const batch = { entities: ['a', 'b', 'c'].map(service), blocks: [block], unknownBlocks: [] };
    expect(decoded(joined(batch))).toEqual(batch);
  });

  test('a schema that this release does not know is kept as it came and goes on', () => {
    const [block] = sample(1, [5]).blocks;
    const text = 'service_resp_time Service longAvg()';
    const content = encodeContent({ entities: [service('s0')], blocks: [block!], unknownBlocks: [] });
    const bytes = Buffer.from(content.body);
    bytes.write('newAvg9', bytes.indexOf('longAvg'));
    const back = decodeContent({ descriptors: content.descriptors, body: new Uint8Array(bytes) });
    expect(back.blocks).toEqual([]);
    expect(back.unknownBlocks).toMatchObject([
      { schemaText: text.replace('longAvg', 'newAvg9'), rows: 1, origin: 'frankfurt' },
    ]);
    expect(encodeContent(back).body).toEqual(new Uint8Array(bytes));
    expect(incrementCount(back)).toBe(1);
  });

  test('entities and schemas known to the receiver are reused', () => {
    const bytes = joined(sample(2, [1, 2, 3]));
    const entities = new Map<string, Entity>();
    const known = decodeContent(
      splitContent(bytes),
      (descriptor) => {
        const key = Buffer.from(descriptor).toString('latin1');
        const entity = entities.get(key) ?? decoded(bytes).entities[entities.size]!;
        entities.set(key, entity);
        return entity;
      },
      (text) => [avg, percentile, endpointMax].find((schema) => schema.text === text),
    );
    expect(known).toEqual(decoded(bytes));
    expect(known.blocks[0]!.schema).toBe(avg);
    expect(known.entities).toEqual([...entities.values()]);
  });
});

describe('tables of contents that are read again and again', () => {
  test('are those of the content, whatever was read before, for each way to look schemas up', () => {
    const batchOf = (schemas: readonly MetricSchema[], origin: string) => {
      const columns = schemas.map((schema) => new MetricColumns(schema));
      const builder = new BatchBuilder();
      for (const column of columns) {
        column.enter(0, 1, 0, 1);
        builder.addRows(column, 7, origin, [0], () => service('shop'));
      }
      return builder.build();
    };
    const schemas = Array.from({ length: 12 }, (_, i) => metricSchema(`service_${i}`, 'Service', 'cpm'));
    const ways = [tryParseSchema, (text: string) => (text.includes('service_1') ? undefined : tryParseSchema(text))];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.subarray(schemas, { minLength: 1 }), fc.constantFrom('', 'a', 'ab'), fc.nat(1)), {
          maxLength: 30,
        }),
        (contents) => {
          for (const [some, origin, way] of contents) {
            const content = encodeContent(batchOf(some, origin));
            const { blocks, unknownBlocks } = decodeContent(content, decodeEntity, ways[way]);
            const read = [...blocks.map((b) => b.schema.text), ...unknownBlocks.map((b) => b.schemaText)];
            expect(read.toSorted()).toEqual(some.map(({ text }) => text).toSorted());
            expect(unknownBlocks.map((b) => b.schemaText)).toEqual(
              some.map(({ text }) => text).filter((text) => ways[way]!(text) === undefined),
            );
            for (const block of [...blocks, ...unknownBlocks]) expect(block.origin).toBe(origin);
          }
        },
      ),
    );
  });
});

describe('hostile contents', () => {
  const values = [0, 1, 5, 5, 90, 1_000, 70_000, 2 ** 40];

  test('every truncation is refused', () => {
    const bytes = joined(sample(4, values));
    for (let n = 0; n < bytes.length; n++) expect(tryDecode(bytes.subarray(0, n)), `${n} bytes`).toBeUndefined();
    expect(tryDecode(new Uint8Array([...bytes, 0]))).toBeUndefined();
  });

  test('every byte set to the worst values decodes or is a DecodeError', () => {
    const bytes = joined(sample(3, values));
    for (let at = 0; at < bytes.length; at++) {
      for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff, bytes[at]! ^ 0x40]) {
        const flipped = bytes.slice();
        flipped[at] = value;
        tryDecode(flipped);
      }
    }
  });

  test('random flips, cuts and insertions decode or are a DecodeError', () => {
    const original = joined(sample(5, [...values, 33, 34, 35, 36]));
    const edit = fc.record({
      at: fc.nat({ max: original.length }),
      remove: fc.nat({ max: 12 }),
      insert: fc.uint8Array({ maxLength: 9 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes = original;
        for (const { at, remove, insert } of edits) {
          bytes = Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)]);
        }
        tryDecode(bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  test('random bytes decode or are a DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void tryDecode(bytes)),
      { numRuns: 5_000 },
    );
  });

  /** A content with one block, each part as wanted. */
  function crafted(parts: {
    rows?: number;
    minute?: number;
    schema?: string;
    payload?: Uint8Array;
    entities?: Entity[];
    schemas?: number;
    blocks?: number;
  }): BatchContent {
    const w = new ByteWriter();
    w.varint(2);
    w.varint(parts.schemas ?? 1);
    if (parts.schemas === undefined) w.string(parts.schema ?? avg.text);
    w.varint(1);
    w.string('');
    w.varint(parts.blocks ?? 1);
    w.varint(0);
    w.varint(0);
    w.varint(parts.minute ?? 29_000_000);
    w.varint(parts.rows ?? 1);
    w.sized(parts.payload ?? Uint8Array.of(0, 0, 0, 0, 0, 0));
    const { descriptors } = encodeContent({
      entities: parts.entities ?? [service('a'), service('b')],
      blocks: [],
      unknownBlocks: [],
    });
    return { descriptors, body: w.finish() };
  }

  test('the crafted content is sound before it is broken', () => {
    expect(decodeContent(crafted({})).blocks).toHaveLength(1);
  });

  test.each([
    ['more rows than bits', { rows: 49 }, '49 rows in 6 bytes'],
    ['more rows than entities', { rows: 3 }, '3 rows in 6 bytes'],
    ['an absurd number of rows', { rows: 2 ** 50 }, 'rows'],
    ['a minute that is no int32', { minute: 2 ** 31 }, 'minute 2147483648'],
    ['an entity that is not there', { payload: Uint8Array.of(0, 4, 0, 0, 0, 0) }, 'entity index 2 of 2'],
    ['a negative entity', { payload: Uint8Array.of(0, 1, 0, 0, 0, 0) }, 'entity index -1'],
    ['an entity twice', { rows: 2, payload: Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 0, 0) }, 'entity 0 twice'],
    ['an entity of another scope', { entities: [endpoint('/')] }, 'Endpoint entity in a block of service_resp_time'],
    ['bytes after the columns', { payload: Uint8Array.of(0, 0, 0, 0, 0, 0, 0) }, '1 bytes after a block'],
    [
      'more distributions than bits',
      { schema: percentile.text, payload: Uint8Array.of(0, 0) },
      '1 distributions in 0 bytes',
    ],
    // 12 ones escape; 4 bits, 1100 = 12 buckets; nothing follows
    ['more buckets than bits', { schema: percentile.text, payload: Uint8Array.of(0, 0, 0xff, 0xf1, 0x30) }, 'count 12'],
    ['bits that end early', { schema: percentile.text, payload: Uint8Array.of(0, 0, 0b1011_1111) }, 'unexpected end'],
    ['padding that is not zero', { schema: percentile.text, payload: Uint8Array.of(0, 0, 0b0000_0001) }, 'padding'],
    // one bucket (10), index 0 (0), parameters 0 (00), its count escaped with 4 bits, 1011 = 11, that would do without
    [
      'a distribution that is not canonical',
      { schema: percentile.text, payload: Uint8Array.of(0, 0, 0b1000_0111, 0b1111_1111, 0b1000_1001, 0b0110_0000) },
      'longer than it need be',
    ],
    ['more schemas than bytes', { schemas: 100_000 }, 'count 100000 exceeds'],
    ['more blocks than bytes', { blocks: 1_000 }, 'exceeds'],
  ])('%s', (_, parts, message) => {
    expect(() => decodeContent(crafted(parts))).toThrow(DecodeError);
    expect(() => decodeContent(crafted(parts))).toThrow(message);
  });

  test('a table of very many schemas is refused before they are expanded', () => {
    const w = new ByteWriter();
    w.varint(2);
    w.varint(4_097);
    for (let i = 0; i < 4_097; i++) w.string('m Service histogram(1,1000)');
    expect(() => decodeContent({ descriptors: [], body: w.finish() })).toThrow('4097 schemas');
  });

  test('another version is named', () => {
    expect(() => decodeContent({ descriptors: [], body: Uint8Array.of(1, 0, 0, 0) })).toThrow(
      'content version 1, this release reads 2',
    );
  });
});

describe('the builder', () => {
  test('gives an entity one index, passes absent rows over, and counts increments', () => {
    const columns = new MetricColumns(avg);
    columns.enter(1, 5, 0, 0);
    const builder = new BatchBuilder();
    const a = service('a');
    builder.addRows(columns, 1, '', [0, 1, 2], () => a);
    builder.addRows(columns, 2, '', [0], () => a);
    builder.addRows(columns, 3, '', [1], () => service('a'));
    const batch = builder.build();
    expect([batch.entities.length, batch.blocks.length, builder.increments, incrementCount(batch)]).toEqual([
      1, 2, 2, 2,
    ]);
  });

  test('a batch that was built does not change when the builder goes on', () => {
    const columns = new MetricColumns(avg);
    columns.enter(0, 5, 0, 0);
    const builder = new BatchBuilder();
    builder.addRows(columns, 1, '', [0], () => service('a'));
    const batch = builder.build();
    builder.addRows(columns, 2, '', [0], () => service('b'));
    expect([batch.entities.length, batch.blocks.length]).toEqual([1, 1]);
  });
});
