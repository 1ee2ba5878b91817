// SPDX-License-Identifier: Apache-2.0
// Goal: whatever batches name, in whatever order and however small the dictionary, the receiver resolves the descriptors that the sender
// meant, also those that it resolved before. Method: both ends, random lists of entities, some of them again and again.
import { encodeEntity, entityOf, joinContent } from '@oap-federation/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DictionaryError, ReceiverDictionary, SenderDictionary } from './entity-dictionary.js';
import { EntityPool } from './entity-pool.js';

const NONE = new Uint8Array(0);
const descriptorOf = (n: number) =>
  encodeEntity(entityOf('Service', { service: `s-${n}`, normal: true, layer: 'GENERAL', name: '' }));
const descriptors = Array.from({ length: 12 }, (_, n) => descriptorOf(n));

test('what is resolved is what was sent', () => {
  const list = fc.uniqueArray(fc.nat({ max: descriptors.length - 1 }), { maxLength: 6 });
  const lists = fc.array(list, { minLength: 1, maxLength: 5 });
  const picks = fc.array(fc.nat(), { maxLength: 40 });
  fc.assert(
    fc.property(lists, picks, fc.integer({ min: 1, max: 20 }), (some, order, entriesMax) => {
      const [sender, receiver] = [
        new SenderDictionary(entriesMax),
        new ReceiverDictionary(entriesMax, new EntityPool(4)),
      ];
      for (const pick of order) {
        const meant = some[pick % some.length]!.map((n) => descriptors[n]!);
        const resolved = receiver.apply(sender.encode(meant));
        expect(resolved.head).toEqual(joinContent({ descriptors: meant, body: NONE }));
        expect(resolved.entities.map((entity) => encodeEntity(entity))).toEqual(meant);
      }
    }),
  );
});

test('batches of the same entities share what they stand for; other ids, and a new dictionary, do not', () => {
  const dictionary = new ReceiverDictionary(100, new EntityPool(100));
  const apply = (entities: number[], newDescriptors: Uint8Array[] = [], dictionaryReset = false) =>
    dictionary.apply({ dictionaryReset, newDescriptors, entities });
  const first = apply([0, 1], descriptors.slice(0, 3));
  expect(apply([0, 1])).toBe(first);
  expect(apply([0, 1]).entities).toBe(first.entities);
  expect(apply([0, 2])).not.toBe(first);
  expect(apply([0])).not.toBe(first);
  const again = apply([0, 1], descriptors.slice(5, 7), true);
  expect(again.head).toEqual(joinContent({ descriptors: descriptors.slice(5, 7), body: NONE }));
  expect(() => apply([0, 2])).toThrow(DictionaryError);
});
