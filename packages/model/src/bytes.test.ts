// SPDX-License-Identifier: Apache-2.0
// Goal: bytes are written one way only, and reading never goes out of bounds.
// Method: Node's Buffer as the oracle for UTF-8; round trips with fast-check; hand-made hostile inputs.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, DecodeError, utf8Decode, utf8Encode } from './bytes.js';

const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
/** Any UTF-16 units, lone surrogates included. */
const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((u) => String.fromCharCode(...u));

function written(write: (w: ByteWriter) => void): Uint8Array {
  const w = new ByteWriter(1);
  write(w);
  return w.finish();
}

describe('UTF-8', () => {
  test('encodes as Buffer does, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.oneof(units, fc.string({ unit: 'binary' })), (text) => {
        expect(utf8Encode(text)).toEqual(new Uint8Array(Buffer.from(text, 'utf8')));
        const sized = written((w) => w.string(text));
        expect(new ByteReader(sized).string()).toBe(Buffer.from(text, 'utf8').toString('utf8'));
      }),
    );
  });

  test('decodes what a fatal TextDecoder decodes, and refuses what it refuses', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const check = (bytes: Uint8Array) => {
      let expected: string | undefined;
      try {
        expected = strict.decode(bytes);
      } catch {
        expected = undefined;
      }
      if (expected === undefined) expect(() => utf8Decode(bytes)).toThrow(DecodeError);
      else expect(utf8Decode(bytes)).toBe(expected);
    };
    const awkward = fc.constantFrom(
      0x00,
      0x41,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
      0xff,
    );
    fc.assert(
      fc.property(fc.array(awkward, { maxLength: 8 }), (bytes) => check(Uint8Array.from(bytes))),
      { numRuns: 3_000 },
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => check(Buffer.from(text))));
  });
});

describe('varints', () => {
  test('round trip at the ends of their ranges', () => {
    for (const v of [0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
      expect(new ByteReader(written((w) => w.varint(v))).varint()).toBe(v);
      expect(new ByteReader(written((w) => w.varint64(BigInt(v)))).varint64()).toBe(BigInt(v));
    }
    for (const v of [0, -1, 1, 2 ** 52 - 1, -(2 ** 52)])
      expect(new ByteReader(written((w) => w.zigzag(v))).zigzag()).toBe(v);
    for (const v of [0n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]) {
      expect(new ByteReader(written((w) => w.varint64(v))).varint64()).toBe(v);
    }
    for (const v of [-(1n << 63n), (1n << 63n) - 1n, -1n, 0n]) {
      expect(new ByteReader(written((w) => w.zigzag64(v))).zigzag64()).toBe(v);
    }
  });

  test('int64 columns are the same bytes as one value after the other, and come back', () => {
    const near = fc.constantFrom(
      0n,
      -1n,
      1n << 48n,
      -(1n << 48n),
      (1n << 48n) - 1n,
      1n << 52n,
      -(1n << 52n),
      1n << 51n,
      -(1n << 51n),
      (1n << 63n) - 1n,
      -(1n << 63n),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(int64, near, fc.bigInt({ min: -1_000n, max: 1_000n }))), (values) => {
        const column = BigInt64Array.from(values);
        const bytes = written((w) => w.zigzag64Column(column));
        expect(bytes).toEqual(written((w) => values.forEach((v) => w.zigzag64(v))));
        const back = new BigInt64Array(values.length);
        const r = new ByteReader(bytes);
        r.zigzag64Column(new Uint32Array(back.buffer));
        expect(back).toEqual(column);
        expect(r.remaining).toBe(0);
      }),
    );
  });

  test('a column at an offset of its buffer is read and written in place', () => {
    const column = new BigInt64Array(new BigInt64Array([7n, -1n, 1n << 60n, 9n]).buffer, 8, 2);
    const bytes = written((w) => w.zigzag64Column(column));
    const whole = new BigInt64Array(4);
    new ByteReader(bytes).zigzag64Column(new Uint32Array(whole.buffer).subarray(2, 6));
    expect([...whole]).toEqual([0n, -1n, 1n << 60n, 0n]);
  });

  test('writers refuse what a reader could not give back', () => {
    const w = new ByteWriter();
    for (const v of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) expect(() => w.varint(v)).toThrow(RangeError);
    expect(() => w.varint64(-1n)).toThrow(RangeError);
    expect(() => w.varint64(1n << 64n)).toThrow(RangeError);
    expect(w.length).toBe(0);
  });

  test.each([
    ['nothing', []],
    ['a varint cut short', [0x80]],
    ['a varint of more than 8 bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a varint above 2^53', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a zero in two bytes', [0x80, 0x00]],
    ['a one in three bytes', [0x81, 0x80, 0x00]],
  ])('varint refuses %s', (_, bytes) => {
    expect(() => new ByteReader(Uint8Array.from(bytes)).varint()).toThrow(DecodeError);
  });

  test.each([
    ['more than 64 bits', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]],
    ['more than 10 bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a superfluous tenth byte', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x00]],
    ['a superfluous second byte', [0x80, 0x00]],
  ])('varint64 refuses %s', (_, bytes) => {
    expect(() => new ByteReader(Uint8Array.from(bytes)).varint64()).toThrow(DecodeError);
  });

  test('counts and sizes are bounded by what follows', () => {
    expect(() => new ByteReader(Uint8Array.of(3, 0, 0)).count()).toThrow(DecodeError);
    expect(new ByteReader(Uint8Array.of(2, 0, 0)).count()).toBe(2);
    expect(() => new ByteReader(Uint8Array.of(2, 0, 0, 0)).count(2)).toThrow(DecodeError);
    expect(() => new ByteReader(Uint8Array.of(3, 65, 65)).sized()).toThrow(DecodeError);
    expect(() => new ByteReader(Uint8Array.of(2, 65, 65)).string(1)).toThrow(DecodeError);
    expect(() => new ByteReader(written((w) => w.varint64(1n << 63n))).count64()).toThrow(DecodeError);
  });

  test('a reader of a part of a buffer stays inside it', () => {
    const r = new ByteReader(Uint8Array.of(1, 2, 3, 4), 1, 3);
    expect([r.byte(), r.byte(), r.remaining]).toEqual([2, 3, 0]);
    expect(() => r.byte()).toThrow(DecodeError);
    expect(() => new ByteReader(Uint8Array.of(1, 0x80, 1), 1, 2).zigzag64Column(new Uint32Array(2))).toThrow(
      DecodeError,
    );
  });
});

test('what finish gave does not change when the writer goes on', () => {
  const w = new ByteWriter(64);
  w.string('one');
  const first = w.finish();
  w.reset();
  w.string('two');
  expect(new ByteReader(first).string()).toBe('one');
});
