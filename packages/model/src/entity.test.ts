// SPDX-License-Identifier: Apache-2.0
// Goal: ids, hashes and slots are what SkyWalking and every other tier compute; descriptors have one byte form.
// Method: vectors of SkyWalking's IDManager and String.hashCode, frozen slot vectors, Buffer as the oracle for Base64, fast-check.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError } from './bytes.js';
import {
  base64Decode,
  base64Encode,
  decodeEntity,
  encodeEntity,
  entityOf,
  javaStringHash,
  mergeLayers,
  namedPartId,
  serviceId,
  slotOf,
  tryParseServiceId,
  withLayersOf,
  type Entity,
  type EntityPart,
} from './entity.js';
import { SCOPES, scopeById, scopeOf, tryScope, type ScopeName } from './scope.js';

const part = (service: string, name = '', normal = true, layer = 'GENERAL'): EntityPart => ({
  service,
  normal,
  layer,
  name,
});

const layerNames = fc.constantFrom('UNDEFINED', 'GENERAL', 'MESH', 'K8S', 'VIRTUAL_MQ');
const layerSet = fc
  .uniqueArray(layerNames, { maxLength: 4 })
  .map((names) => names.reduce((a, b) => mergeLayers(a, b), ''));
const partOf = (kind: string) =>
  fc.record({
    service: fc.string({ unit: 'grapheme', maxLength: 20 }),
    normal: fc.boolean(),
    layer: layerSet,
    name: kind === 'service' ? fc.constant('') : fc.string({ unit: 'grapheme', maxLength: 20 }),
  });
const entities: fc.Arbitrary<Entity> = fc
  .constantFrom(...SCOPES)
  .chain((scope) =>
    fc
      .tuple(partOf(scope.part), partOf(scope.part))
      .map(([a, b]) => entityOf(scope.name as ScopeName, a, scope.relation ? b : undefined)),
  );

describe('ids', () => {
  test("are SkyWalking's", () => {
    expect(serviceId('agent::songs', true)).toBe('YWdlbnQ6OnNvbmdz.1');
    expect(serviceId('localhost:-1', false)).toBe('bG9jYWxob3N0Oi0x.0');
    expect(serviceId('User', false)).toBe('VXNlcg==.0');
    expect(namedPartId(serviceId('demo', true), 'pod-1')).toBe('ZGVtbw==.1_cG9kLTE=');
    expect(entityOf('ServiceInstance', part('demo', 'pod-1')).id).toBe('ZGVtbw==.1_cG9kLTE=');
    expect(entityOf('Endpoint', part('demo', 'GET:/a')).id).toBe('ZGVtbw==.1_R0VUOi9h');
    expect(entityOf('EndpointRelation', part('agent::songs', 'POST:/x'), part('demo', 'GET:/a')).id).toBe(
      'YWdlbnQ6OnNvbmdz.1-UE9TVDoveA==-ZGVtbw==.1-R0VUOi9h',
    );
    expect(entityOf('ServiceRelation', part('User', '', false), part('demo')).id).toBe('VXNlcg==.0-ZGVtbw==.1');
    expect(entityOf('ServiceInstanceRelation', part('agent::songs', 'p'), part('demo', 'pod-1')).id).toBe(
      'YWdlbnQ6OnNvbmdz.1_cA==-ZGVtbw==.1_cG9kLTE=',
    );
  });

  test("a blank name is _blank, by Java's idea of whitespace", () => {
    for (const blank of ['', ' ', '\t\n\u000b\f\r', '\u001c\u001f', '\u2003\u3000']) {
      expect(serviceId(blank, true)).toBe(`${Buffer.from('_blank').toString('base64')}.1`);
    }
    for (const kept of ['\u00a0', '\u2007', '\u202f', '\ufeff']) {
      expect(serviceId(kept, true)).toBe(`${Buffer.from(kept).toString('base64')}.1`);
    }
  });

  test('a service id comes apart again, and nothing else does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.boolean(), (name, normal) => {
        fc.pre(name.trim() !== '');
        expect(tryParseServiceId(serviceId(name, normal))).toEqual({ name, normal });
      }),
    );
    // no flag, bad flag, bad padding, unused bits set, no UTF-8, URL alphabet
    for (const bad of ['', 'ZGVtbw==', 'ZGVtbw==.2', 'ZGVtbw=.1', 'ZGVtbx==.1', '/w==.1', 'ZGVt-_==.1', '.1']) {
      expect(tryParseServiceId(bad), bad).toBeUndefined();
    }
  });
});

describe('Base64', () => {
  test("is Buffer's, both ways", () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const encoded = Buffer.from(text).toString('base64');
        expect(base64Encode(text)).toBe(encoded);
        expect(base64Decode(encoded)).toBe(text);
      }),
    );
  });

  test('whatever is decoded encodes to the same text: one text has one form', () => {
    const alphabet = fc.constantFrom(...'AQgwZGVtbw059+/=-_ é'.split(''));
    fc.assert(
      fc.property(
        fc.array(alphabet, { maxLength: 12 }).map((c) => c.join('')),
        (encoded) => {
          let text: string;
          try {
            text = base64Decode(encoded);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
            return;
          }
          expect(base64Encode(text)).toBe(encoded);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

describe('hashes', () => {
  test("javaStringHash is Java's", () => {
    expect(javaStringHash('ZGVtbw==.1')).toBe(-1_935_083_069);
    expect((31 * 17 + javaStringHash('ZGVtbw==.1')) | 0).toBe(-1_935_082_542); // SkyWalking's routing key of OAL metrics
    expect([javaStringHash(''), javaStringHash('a'), javaStringHash('polygenelubricants')]).toEqual([
      0,
      97,
      -(2 ** 31),
    ]);
  });

  // Protocol constants: computed once, by this code and by an independent one. They must never change; a tier would lose its rows.
  test.each([
    ['', 11, 11, 2_872_998_923],
    ['a', 3, 435, 444_641_715],
    ['ZGVtbw==.1', 3, 515, 3_617_746_435],
    ['YWdlbnQ6OnNvbmdz.1', 14, 782, 1_630_661_390],
    ['VXNlcg==.0', 8, 792, 3_641_386_776],
    ['bG9jYWxob3N0Oi0x.0', 4, 260, 3_059_511_556],
    ['ZGVtbw==.1_cG9kLTE=', 7, 391, 525_076_871],
    ['YWdlbnQ6OnNvbmdz.1-UE9TVDoveA==-ZGVtbw==.1-R0VUOi9h', 13, 557, 3_380_020_781],
  ])('slotOf(%j) is frozen', (id, of16, of1024, of2to32) => {
    expect([slotOf(id, 16), slotOf(id, 1_024), slotOf(id, 2 ** 32), slotOf(id, 1)]).toEqual([of16, of1024, of2to32, 0]);
  });

  test('slots fill evenly for names that differ in a number', () => {
    const counts = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) counts[slotOf(serviceId(`service-${i}`, true), 16)]!++;
    // 1000 expected each, standard deviation 31: five of them are a broken hash
    for (const n of counts) expect(Math.abs(n - 1_000)).toBeLessThan(155);
  });
});

describe('descriptors', () => {
  test('come back with the same id, and have one byte form', () => {
    fc.assert(
      fc.property(entities, (entity) => {
        const bytes = encodeEntity(entity);
        expect(decodeEntity(bytes)).toEqual(entity);
        expect(encodeEntity(decodeEntity(bytes))).toEqual(bytes);
      }),
    );
  });

  test('every truncation is refused; any byte flip is refused or gives an entity that encodes to those bytes', () => {
    fc.assert(
      fc.property(entities, fc.nat(), fc.integer({ min: 1, max: 255 }), (entity, where, flip) => {
        const bytes = encodeEntity(entity);
        for (let n = 0; n < bytes.length; n++) expect(() => decodeEntity(bytes.subarray(0, n))).toThrow(DecodeError);
        const flipped = bytes.slice();
        flipped[where % bytes.length]! ^= flip;
        let decoded: Entity;
        try {
          decoded = decodeEntity(flipped);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(encodeEntity(decoded)).toEqual(flipped);
      }),
      { numRuns: 500 },
    );
  });

  test('a wrong number of ends, or a name beside a service, is a bug of the caller', () => {
    expect(() => entityOf('ServiceRelation', part('a'))).toThrow('BUG');
    expect(() => entityOf('Service', part('a'), part('b'))).toThrow('BUG');
    expect(() => entityOf('Service', part('a', 'x'))).toThrow('BUG');
    expect(() => entityOf('ServiceRelation', part('a'), part('b', 'x'))).toThrow('BUG');
  });
});

describe('layers', () => {
  test('merge as sets, and what is known displaces UNDEFINED', () => {
    expect(mergeLayers('UNDEFINED', 'MESH')).toBe('MESH');
    expect(mergeLayers('MESH', 'GENERAL')).toBe('GENERAL,MESH');
    expect(mergeLayers('UNDEFINED', '')).toBe('UNDEFINED');
    fc.assert(
      fc.property(layerSet, layerSet, layerSet, (a, b, c) => {
        expect(mergeLayers(a, b)).toBe(mergeLayers(b, a));
        expect(mergeLayers(mergeLayers(a, b), c)).toBe(mergeLayers(a, mergeLayers(b, c)));
        expect(mergeLayers(a, a)).toBe(a);
        expect(mergeLayers(a, '')).toBe(a);
        expect(mergeLayers('', a)).toBe(a);
      }),
    );
  });

  test('withLayersOf adds layers at both ends and leaves the argument alone', () => {
    const a = entityOf('ServiceRelation', part('a', '', true, 'UNDEFINED'), part('b', '', true, 'MESH'));
    const b = entityOf('ServiceRelation', part('a', '', true, 'GENERAL'), part('b', '', true, 'GENERAL'));
    const merged = withLayersOf(a, b);
    expect([merged.source.layer, merged.dest!.layer, merged.id]).toEqual(['GENERAL', 'GENERAL,MESH', a.id]);
    expect(a.source.layer).toBe('UNDEFINED');
    expect(withLayersOf(merged, a)).toBe(merged);
  });
});

test("scopes are found by name and by SkyWalking's id", () => {
  for (const scope of SCOPES) {
    expect(scopeById(scope.id)).toBe(scope);
    expect(scopeOf(scope.name as ScopeName)).toBe(scope);
  }
  expect(tryScope('All')).toBeUndefined();
  expect(new Set(SCOPES.map((s) => s.table)).size).toBe(SCOPES.length);
});
