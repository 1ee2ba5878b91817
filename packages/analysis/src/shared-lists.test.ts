// SPDX-License-Identifier: Apache-2.0
// Goal: batches that share the list of their entities, as those of one log do, give what any batches give, and the list stays as it is:
// sums by entity, layers, and the codes under which the slot keeps them. Method: random flushes of a few frozen lists, some with the
// entities of others in another order, with other layers, or not all of them; plain Maps say what must come of it.
import {
  BatchBuilder,
  decodeContent,
  encodeContent,
  encodeEntity,
  encodeJoinedContent,
  entityOf,
  joinContent,
  mergeLayers,
  metricSchema,
  NO_WATERMARK,
  splitContent,
  type Entity,
  type IncrementBatch,
} from '@oap-federation/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlotDelta } from './delta.js';
import { SlotState } from './slot-state.js';

const CPM = metricSchema('service_cpm', 'Service', 'cpm');
const SLA = metricSchema('service_sla', 'Service', 'percent');
const METRICS = [CPM, SLA];
const MINUTE = 29_000_000;

const service = (n: number, layer: string) => entityOf('Service', { service: `s${n}`, normal: true, layer, name: '' });

/** A list of so many entities from `from` on; every `step`-th has another layer. */
const list = fc
  .record({
    from: fc.nat({ max: 30 }),
    count: fc.constantFrom(1, 5, 40, 70),
    layer: fc.constantFrom('GENERAL', 'MESH', 'UNDEFINED'),
    step: fc.integer({ min: 1, max: 9 }),
    reversed: fc.boolean(),
    twice: fc.boolean(),
  })
  .map(({ from, count, layer, step, reversed, twice }): readonly Entity[] => {
    const all = Array.from({ length: count }, (_, i) => service(from + i, i % step === 0 ? layer : 'GENERAL'));
    if (reversed) all.reverse();
    if (twice) all.push(service(from, 'CACHE')); // the first one again, as another entity of that id
    return Object.freeze(all);
  });

/** A batch of a list: every `every`-th entity (1: all of them) in a block of each of the metrics. */
const batch = fc.record({
  of: fc.nat({ max: 3 }),
  every: fc.constantFrom(1, 1, 1, 2, 7),
  metrics: fc.constantFrom(1, 2),
});
const flushes = fc.array(fc.array(batch, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });

function batchOf(entities: readonly Entity[], every: number, metrics: number): IncrementBatch {
  const rows = Uint32Array.from(
    entities.flatMap((_, i) => (i % every === 0 ? [i] : [])),
    (i) => i,
  );
  const blocks = METRICS.slice(0, metrics).map((schema) => ({
    schema,
    minute: MINUTE,
    origin: '',
    entities: rows,
    ints: schema.intFields.map((_, f) => BigInt64Array.from(rows, (row) => BigInt(row + f + 1))),
    distributions: [],
  }));
  return { entities, blocks, unknownBlocks: [] };
}

test('batches that share a list of entities are merged as any others', () => {
  fc.assert(
    fc.property(fc.array(list, { minLength: 4, maxLength: 4 }), flushes, (lists, all) => {
      const before = lists.map((entities) =>
        entities.map((entity) => Buffer.from(encodeEntity(entity)).toString('hex')),
      );
      const state = new SlotState(
        {
          slot: 0,
          fence: { epoch: 1, claim: 1, flushes: 0 },
          marks: [],
          entities: [],
          origins: [],
          newestMinute: NO_WATERMARK,
        },
        () => METRICS,
      );
      const layers = new Map<string, string>();
      const codes = new Map<number, Entity>();
      const total = new Map<string, bigint>();
      for (const [n, batches] of all.entries()) {
        const delta = new SlotDelta();
        const sums = new Map<string, bigint>();
        const named = new Map<string, string>();
        for (const { of, every, metrics } of batches) {
          const one = batchOf(lists[of]!, every, metrics);
          for (const block of one.blocks) {
            expect(delta.addBlock(one, block, block.schema, '')).toBeUndefined();
            block.entities.forEach((index, i) => {
              const { id, source } = one.entities[index]!;
              const key = `${block.schema.name} ${id}`;
              sums.set(key, (sums.get(key) ?? 0n) + block.ints[0]![i]!);
              total.set(key, (total.get(key) ?? 0n) + block.ints[0]![i]!);
              named.set(id, mergeLayers(named.get(id) ?? '', source.layer));
              layers.set(id, mergeLayers(layers.get(id) ?? '', source.layer));
            });
          }
        }
        const merged = delta.toBatch();
        const found = new Map(
          merged.blocks.flatMap(({ schema, entities, ints }) =>
            Array.from(entities, (index, i) => [`${schema.name} ${merged.entities[index]!.id}`, ints[0]![i]!] as const),
          ),
        );
        expect(found).toEqual(sums);
        expect(new Map(merged.entities.map(({ id, source }) => [id, source.layer]))).toEqual(named);
        expect(merged.entities.length).toBe(named.size);
        // what goes to the outbox, with what is remembered of a list and without
        const content = encodeJoinedContent(merged);
        expect(content).toEqual(joinContent(encodeContent(merged)));
        expect(decodeContent(splitContent(content)).entities).toEqual(merged.entities);
        const changes = state.fold(delta, n, () => expect.unreachable('nothing is near int64'));
        for (const { code, entity } of changes.entities) {
          expect(codes.get(code)?.id ?? entity.id).toBe(entity.id);
          codes.set(code, entity);
        }
        expect(new Map([...codes.values()].map(({ id, source }) => [id, source.layer]))).toEqual(layers);
        expect(codes.size).toBe(layers.size);
        for (const { entities, metrics } of changes.rows) {
          for (const { schema, present, ints } of metrics) {
            entities.forEach((code, i) => {
              const sum = total.get(`${schema.name} ${codes.get(code)!.id}`);
              expect(present[i] === 1 ? ints[0]![i] : undefined).toBe(sum);
            });
          }
        }
      }
      expect(
        lists.map((entities) => entities.map((entity) => Buffer.from(encodeEntity(entity)).toString('hex'))),
      ).toEqual(before);
    }),
    { numRuns: 150 },
  );
});

test('a batch that was built has a list of its own', () => {
  const entities = Object.freeze(Array.from({ length: 50 }, (_, n) => service(n, 'GENERAL')));
  const one = batchOf(entities, 1, 2);
  const builder = new BatchBuilder();
  for (const block of one.blocks) builder.addBlock(block, one.entities);
  expect(encodeJoinedContent(builder.build())).toEqual(encodeJoinedContent(one));
});
