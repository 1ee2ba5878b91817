// SPDX-License-Identifier: Apache-2.0
// Goal: the bound holds, the least recently used leaves first, another label is no hit. Method: examples, and a plain list as the model.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteCache } from './byte-cache.js';

it('keeps what was used last within its bound, and nothing of another label', () => {
  const cache = new ByteCache<string>(10);
  cache.set('a', 1, 'A', 4);
  cache.set('b', 1, 'B', 4);
  expect(cache.get('a', 1)).toBe('A');
  cache.set('c', 1, 'C', 4);
  expect([cache.get('a', 1), cache.get('b', 1), cache.get('c', 1)]).toEqual(['A', undefined, 'C']);
  expect(cache.get('a', 2)).toBe(undefined);
  expect(cache.get('a', 1)).toBe(undefined);
  cache.set('c', 1, 'too big', 11);
  expect([cache.get('c', 1), cache.bytes]).toEqual([undefined, 0]);
});

it('is a list in order of use that drops its head', () => {
  const keys = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({ set: keys, label: fc.nat(2), bytes: fc.nat(12) }),
    fc.record({ get: keys, label: fc.nat(2) }),
    fc.record({ delete: keys }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new ByteCache<number>(20);
      let model: { key: string; label: number; bytes: number; value: number }[] = [];
      steps.forEach((s, value) => {
        if ('set' in s) {
          cache.set(s.set, s.label, value, s.bytes);
          model = [...model.filter((e) => e.key !== s.set), { key: s.set, label: s.label, bytes: s.bytes, value }];
          while (model.reduce((sum, e) => sum + e.bytes, 0) > 20) model.shift();
        } else if ('get' in s) {
          const found = model.find((e) => e.key === s.get);
          model = model.filter((e) => e !== found);
          if (found?.label === s.label) model.push(found);
          expect(cache.get(s.get, s.label)).toBe(found?.label === s.label ? found.value : undefined);
        } else {
          cache.delete(s.delete);
          model = model.filter((e) => e.key !== s.delete);
        }
        expect(cache.bytes).toBe(model.reduce((sum, e) => sum + e.bytes, 0));
      });
    }),
  );
});
