// SPDX-License-Identifier: Apache-2.0
// Goal: what a tier does not know passes through it unharmed, beside what it does know, and hostile blocks are refused.
// Method: a content is decoded by a reader that knows only some of the metrics, put together with others, and decoded by one that knows.
import { describe, expect, test } from 'vitest';
import {
  BatchBuilder,
  DecodeError,
  decodeContent,
  encodeContent,
  entityOf,
  MetricColumns,
  metricSchema,
  unknownBlockEntities,
  withForeignBlocks,
  type Entity,
  type IncrementBatch,
} from './index.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const service = (name: string): Entity =>
  entityOf('Service', { service: name, normal: true, layer: 'GENERAL', name: '' });

function batchOf(rows: readonly (readonly [Entity, number])[], minute: number): IncrementBatch {
  const columns = new MetricColumns(CPM);
  rows.forEach(([, calls], row) => {
    for (let i = 0; i < calls; i++) columns.enter(row, 1, 0, 1);
  });
  const builder = new BatchBuilder();
  builder.addRows(columns, minute, 'cloud-c', rows.keys(), (row) => rows[row]![0]);
  return builder.build();
}

/** The batch as a tier reads it whose release cannot parse the function. */
function asUnknown(batch: IncrementBatch): IncrementBatch {
  const { descriptors, body } = encodeContent(batch);
  const text = Buffer.from(body).toString('latin1').replace(CPM.text, CPM.text.replace(' cpm', ' cpX'));
  return decodeContent({ descriptors, body: new Uint8Array(Buffer.from(text, 'latin1')) });
}

function known(batch: IncrementBatch): string[] {
  const texts = batch.blocks.flatMap(({ entities, ints, minute, origin }) =>
    [...entities].map((index, row) => `${batch.entities[index]!.id} ${origin} ${minute} = ${ints[0]![row]}`),
  );
  return texts.toSorted();
}

describe('unknown blocks', () => {
  const a = batchOf([[service('a'), 3], [service('b'), 5]], 100); // prettier-ignore
  const b = batchOf([[service('c'), 7], [service('a'), 2]], 101); // prettier-ignore

  test('keep their values in a batch whose entities are others', () => {
    const unknown = asUnknown(a);
    expect(unknown.unknownBlocks).toHaveLength(1);
    const joined = withForeignBlocks(b, [{ block: unknown.unknownBlocks[0]!, entities: unknown.entities }]);
    expect(joined.entities.map(({ id }) => id)).toEqual([...b.entities, service('b')].map(({ id }) => id));
    const { descriptors, body } = encodeContent(joined);
    const text = Buffer.from(body).toString('latin1').replaceAll(unknown.unknownBlocks[0]!.schemaText, CPM.text);
    const back = decodeContent({ descriptors, body: new Uint8Array(Buffer.from(text, 'latin1')) });
    expect(back.unknownBlocks).toEqual([]);
    expect(known(back)).toEqual([...known(a), ...known(b)].toSorted());
  });

  test('beside them, blocks that are read here but not wanted pass as they are', () => {
    const joined = withForeignBlocks(b, [{ block: a.blocks[0]!, entities: a.entities }]);
    const back = decodeContent(encodeContent(joined));
    expect(back.blocks).toHaveLength(2);
    expect(known(back)).toEqual([...known(a), ...known(b)].toSorted());
    expect(known(b)).toHaveLength(2);
  });

  test('that name entities which are not there, or end too early, are refused', () => {
    const unknown = asUnknown(a);
    const [block] = unknown.unknownBlocks;
    expect(() => unknownBlockEntities({ block: block!, entities: unknown.entities.slice(1) })).toThrow(DecodeError);
    const cut = { ...block!, payload: block!.payload.subarray(0, 0) };
    expect(() => withForeignBlocks(b, [{ block: cut, entities: unknown.entities }])).toThrow(DecodeError);
  });
});
