// SPDX-License-Identifier: Apache-2.0
// Goal: a batch that waits is bytes; its content is read once, when it is asked for, and what cannot be read says why.
import { ColumnMemory, DecodeError, EMPTY_HEADER, type IncrementBatch } from '@oap-federation/model';
import { expect, test } from 'vitest';
import { incomingBatch, type WaitingFields } from './incoming-batch.js';

const NONE = new Uint8Array(0);
const fields: WaitingFields = {
  logId: 'log',
  slot: 0,
  gen: 1,
  seq: 1,
  producer: 'cloud-c',
  kind: 'federated',
  header: EMPTY_HEADER,
  headerBytes: NONE,
  contentBytes: NONE,
  chain: NONE,
};

test('is read when it is asked for, and once', () => {
  let reads = 0;
  const content: IncrementBatch = { entities: [], blocks: [], unknownBlocks: [] };
  const batch = incomingBatch(fields, () => {
    reads++;
    return content;
  });
  expect([batch.seq, batch.producer, reads]).toEqual([1, 'cloud-c', 0]);
  expect(batch.batch).toBe(content);
  expect(batch.undecodable).toBeUndefined();
  expect(batch.batch).toBe(content);
  expect(reads).toBe(1);
});

test('is read in passing as often as that is asked for, into the memory that is given', () => {
  const memory = new ColumnMemory();
  const content: IncrementBatch = { entities: [], blocks: [], unknownBlocks: [] };
  const into: (ColumnMemory | undefined)[] = [];
  const batch = incomingBatch(fields, (given) => {
    into.push(given);
    return { ...content };
  });
  expect(batch.passing!(memory)).toEqual(content);
  expect(batch.undecodable).toBeUndefined();
  expect(batch.passing!(memory)).toEqual(content);
  const { batch: kept } = batch;
  expect(batch.passing!(memory)).toBe(kept);
  expect(into).toEqual([memory, memory, undefined]);
  const unreadable = incomingBatch(fields, () => {
    throw new DecodeError('no rows');
  });
  expect([unreadable.passing!(memory), unreadable.undecodable]).toEqual([content, 'no rows']);
});

test('in two pieces is put together for who asks', () => {
  const { contentBytes: _, ...others } = fields;
  const contentPieces = { head: Uint8Array.of(1, 2), body: Uint8Array.of(3) };
  const batch = incomingBatch({ ...others, contentPieces }, () => ({ entities: [], blocks: [], unknownBlocks: [] }));
  expect(batch.contentPieces).toBe(contentPieces);
  expect(batch.contentBytes).toEqual(Uint8Array.of(1, 2, 3));
  expect(incomingBatch(fields, () => batch.batch).contentBytes).toBe(NONE);
});

test('that cannot be read is empty and says why; any other error is not hidden', () => {
  let reads = 0;
  const batch = incomingBatch(fields, () => {
    reads++;
    throw new DecodeError('entity index 7 of 2');
  });
  expect(batch.undecodable).toBe('entity index 7 of 2');
  expect(batch.batch).toEqual({ entities: [], blocks: [], unknownBlocks: [] });
  expect(reads).toBe(1);
  const broken = incomingBatch(fields, () => {
    throw new TypeError('a defect');
  });
  expect(() => broken.batch).toThrow('a defect');
});
