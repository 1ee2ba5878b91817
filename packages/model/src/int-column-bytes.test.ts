// SPDX-License-Identifier: Apache-2.0
// Goal: a column comes back, has one form, and hostile bytes are refused. Method: round trips at every width, flips, sizes by hand.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter, DecodeError } from './bytes.js';
import { newIntColumn, writeIntColumn } from './int-column-bytes.js';

function written(values: readonly bigint[]): Uint8Array {
  const w = new ByteWriter();
  writeIntColumn(w, BigInt64Array.from(values));
  return w.finish();
}

function read(bytes: Uint8Array, rows: number): bigint[] {
  const r = new ByteReader(bytes);
  const column = [...newIntColumn(r, rows)];
  if (r.remaining !== 0) throw new DecodeError('bytes left');
  return column;
}

const columns = fc.oneof(
  fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 20 }),
  fc.tuple(fc.bigInt({ min: -(2n ** 51n), max: 2n ** 51n }), fc.integer({ min: 0, max: 33 })).chain(([base, width]) =>
    fc.array(
      fc.bigInt({ min: 0n, max: 2n ** BigInt(width) - 1n }).map((v) => base + v),
      { maxLength: 60 },
    ),
  ),
);

test('a column comes back', () => {
  fc.assert(
    fc.property(columns, (values) => {
      expect(read(written(values), values.length)).toEqual(values);
    }),
    { numRuns: 3_000 },
  );
});

test('what decodes encodes to the same bytes; the rest is a DecodeError', () => {
  fc.assert(
    fc.property(columns, fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 9 }), (values, where, value, cut) => {
      const bytes = written(values);
      bytes[where % bytes.length] = value;
      const hostile = cut === 0 ? bytes.subarray(0, where % (bytes.length + 1)) : bytes;
      let back;
      try {
        back = read(hostile, values.length);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      expect(written(back)).toEqual(new Uint8Array(hostile));
    }),
    { numRuns: 5_000 },
  );
});

test('sizes: equal values take a bit each, near ones what their range takes, far ones their varints', () => {
  expect(written(Array.from({ length: 800 }, () => 200n))).toHaveLength(1 + 2 + 100);
  expect(written(Array.from({ length: 800 }, (_, i) => 17_000n + BigInt(i)))).toHaveLength(1 + 3 + 1_000);
  expect(written([...Array.from({ length: 800 }, () => 1n), 2n ** 40n])).toHaveLength(1 + 800 + 6);
  expect(written([])).toEqual(Uint8Array.of(0));
});

test('rows that are not there are refused before memory is taken', () => {
  for (const tag of [0, 1, 32]) expect(() => read(Uint8Array.of(tag, 0, 0), 2 ** 40)).toThrow('rows in');
  expect(() => read(Uint8Array.of(33, 0, 0), 1)).toThrow('33 bits');
});
