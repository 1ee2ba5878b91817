// SPDX-License-Identifier: Apache-2.0
// Goal: whatever entities streams name, in whatever order and however little the pool remembers, they get back what they named, and equal
// ones that come close together are one object. Method: random entities with few names, so that ids collide; the encoding decides.
import { decodeEntity, encodeEntity, entityOf, type Entity } from '@oap-federation/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EntityPool } from './entity-pool.js';

const part = (names: readonly string[]) =>
  fc.record({
    service: fc.constantFrom('a', 'b', '_blank', ' '), // the last two have one id
    normal: fc.boolean(),
    layer: fc.constantFrom('', 'GENERAL', 'GENERAL,MESH'),
    name: fc.constantFrom(...names),
  });
const anyEntity: fc.Arbitrary<Entity> = fc.oneof(
  part(['']).map((source) => entityOf('Service', source)),
  part(['x', ' ']).map((source) => entityOf('Endpoint', source)),
  part(['x', 'y']).map((source) => entityOf('ServiceInstance', source)),
  fc.tuple(part(['']), part([''])).map(([source, dest]) => entityOf('ServiceRelation', source, dest)),
);
const text = (entity: Entity) => Buffer.from(encodeEntity(entity)).toString('latin1');

test('what is shared is what was given, and the same object for the same entity', () => {
  fc.assert(
    fc.property(fc.array(anyEntity, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (entities, entitiesMax) => {
      const pool = new EntityPool(entitiesMax);
      let before: Entity | undefined;
      for (const entity of entities) {
        const shared = pool.share(entity);
        expect(shared).toEqual(entity);
        expect(pool.share(decodeEntity(encodeEntity(entity)))).toBe(shared);
        if (before && text(before) === text(entity)) expect(shared).toBe(before);
        before = shared;
      }
    }),
  );
});

test('a pool forgets what nobody named for long, and no more than that', () => {
  const service = (n: number) => entityOf('Service', { service: `s-${n}`, normal: true, layer: 'GENERAL', name: '' });
  const pool = new EntityPool(10);
  const first = pool.share(service(0));
  for (let n = 1; n < 10; n++) pool.share(service(n));
  expect(pool.share(service(0))).toBe(first);
  for (let n = 10; n < 15; n++) pool.share(service(n));
  expect(pool.share(service(0))).toBe(first); // and so it is remembered for another time
  for (let n = 20; n < 27; n++) pool.share(service(n));
  expect(pool.share(service(0))).toBe(first);
  for (let n = 30; n < 51; n++) pool.share(service(n));
  expect(pool.share(service(0))).not.toBe(first);
});

test('long names count: a pool of few entities forgets them sooner', () => {
  const service = (n: number) =>
    entityOf('Service', { service: `${n}-${'x'.repeat(2_000)}`, normal: true, layer: 'GENERAL', name: '' });
  const pool = new EntityPool(100); // as many characters as 100 descriptors of 256 bytes
  const first = pool.share(service(0));
  expect(pool.share(service(0))).toBe(first);
  for (let n = 1; n < 20; n++) pool.share(service(n));
  expect(pool.share(service(0))).not.toBe(first);
});
