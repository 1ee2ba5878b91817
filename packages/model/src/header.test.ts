// SPDX-License-Identifier: Apache-2.0
// Goal: a header is the same bytes whoever encodes it, and strangers' bytes are a header or a DecodeError.
// Method: properties over arbitrary headers, and over their bytes with one byte changed or the end missing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ByteWriter,
  DecodeError,
  decodeHeader,
  EMPTY_HEADER,
  encodeHeader,
  NO_WATERMARK,
  type BatchHeader,
} from './index.js';

const name = fc.string({ unit: 'grapheme', maxLength: 8 });
const table = <T>(value: fc.Arbitrary<T>) =>
  fc.dictionary(name, value, { noNullPrototype: true }).map((object) => new Map(Object.entries(object)));
const minute = fc.integer({ min: -1, max: 2 ** 31 });
const uint32 = fc.nat(0xffff_ffff);

const headers: fc.Arbitrary<BatchHeader> = fc.record({
  watermark: minute,
  increments: fc.nat(),
  ledger: fc.nat(Number.MAX_SAFE_INTEGER),
  origins: table(minute),
  frontier: table(fc.record({ gen: fc.nat(), seq: fc.nat(Number.MAX_SAFE_INTEGER) })),
  losses: fc.array(
    fc.record({
      tier: name,
      origin: name,
      cause: name,
      kind: name,
      firstMinute: minute,
      lastMinute: minute,
      increments: fc.nat(),
    }),
    { maxLength: 3 },
  ),
  manifests: fc
    .uniqueArray(fc.record({ minute, a: uint32, b: uint32 }), { maxLength: 3, selector: (m) => m.minute })
    .map((list) => list.toSorted((x, y) => x.minute - y.minute)),
});

describe('headers', () => {
  test('come back, whatever the order of their tables was', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const bytes = encodeHeader(header);
        expect(decodeHeader(bytes)).toEqual(header);
        expect(
          encodeHeader({
            ...header,
            origins: new Map([...header.origins].toReversed()),
            frontier: new Map([...header.frontier].toReversed()),
          }),
        ).toEqual(bytes);
      }),
    );
    expect(NO_WATERMARK).toBe(-1);
    expect(decodeHeader(encodeHeader(EMPTY_HEADER))).toEqual(EMPTY_HEADER);
  });

  test('what decodes encodes to the same bytes; the rest is a DecodeError', () => {
    fc.assert(
      fc.property(headers, fc.nat(), fc.nat({ max: 255 }), (header, where, value) => {
        const bytes = encodeHeader(header);
        for (let n = 0; n < bytes.length; n++) expect(() => decodeHeader(bytes.subarray(0, n))).toThrow(DecodeError);
        bytes[where % bytes.length] = value;
        let back;
        try {
          back = decodeHeader(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        if (bytes[0] !== 1) expect(encodeHeader(back)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test('version 1 is read: no ledger, losses and manifests, positions of generation 1', () => {
    const w = new ByteWriter(64);
    w.varint(1);
    w.zigzag(7);
    w.varint(3);
    w.varint(1);
    w.string('cloud-c');
    w.zigzag(6);
    w.varint(1);
    w.string('log');
    w.zigzag(12);
    expect(decodeHeader(w.finish())).toEqual({
      ...EMPTY_HEADER,
      watermark: 7,
      increments: 3,
      origins: new Map([['cloud-c', 6]]),
      frontier: new Map([['log', { gen: 1, seq: 12 }]]),
    });
  });

  test('another version, and tables and manifests out of order are named', () => {
    expect(() => decodeHeader(Uint8Array.of(3))).toThrow('header version 3, this release reads 1 and 2');
    const manifests = [
      { minute: 5, a: 1, b: 2 },
      { minute: 4, a: 1, b: 2 },
    ];
    expect(() => decodeHeader(encodeHeader({ ...EMPTY_HEADER, manifests }))).toThrow('manifest out of order at 4');
  });
});
