// SPDX-License-Identifier: Apache-2.0
// Goal: a file of COPY's binary format holds what was written, in however many parts, and memory that is used again shows in none of it.
// Method: random rows, read back; parts are copied and given back with rubbish in them while the file is still written.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CopyBinaryWriter, givePartBack, readCopyFile } from './copy-binary.js';

type Row = readonly [slot: number, entity: number, high: number, low: number, value: Uint8Array | null];

const value = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 400_000 }).map((n) => new Uint8Array(n).fill(n)) },
);
const rows = fc.array(fc.tuple(fc.integer({ min: -32_768, max: 32_767 }), fc.integer(), fc.nat(), fc.nat(), value), {
  maxLength: 40,
});

function bytesOf([slot, entity, high, low, bytes]: Row): (Buffer | null)[] {
  const fields = [Buffer.alloc(2), Buffer.alloc(4), Buffer.alloc(8)] as const;
  fields[0].writeInt16BE(slot);
  fields[1].writeInt32BE(entity);
  fields[2].writeUInt32BE(high);
  fields[2].writeUInt32BE(low, 4);
  return [...fields, bytes && Buffer.from(bytes)];
}

test('what was written is in the file, whatever the memory of its parts had before', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 300 }), (some, times) => {
      const all = Array.from({ length: times }, () => some).flat();
      const parts: Buffer[] = [];
      const send = (part: Uint8Array<ArrayBuffer>) => {
        parts.push(Buffer.from(part));
        new Uint8Array(part.buffer).fill(0xaa);
        givePartBack(part);
      };
      const writer = new CopyBinaryWriter(all.length * 50);
      for (const row of all) {
        const [slot, entity, high, low, bytes] = row;
        writer.row(4);
        writer.int16(slot);
        writer.int32(entity);
        writer.int64(high, low);
        if (bytes) writer.bytes(bytes, 0, bytes.length);
        else writer.null();
        if (writer.isFull) send(writer.takePart());
      }
      send(writer.finish());
      const read = readCopyFile(Buffer.concat(parts)).map((fields) =>
        fields.map((field) => field && Buffer.from(field)),
      );
      expect(read.length).toBe(all.length);
      const expected = some.map(bytesOf);
      read.forEach((fields, i) =>
        fields.forEach((field, f) => {
          const other = expected[i % some.length]![f]!;
          if (field === null ? other !== null : other === null || !field.equals(other)) expect(field).toEqual(other);
        }),
      );
    }),
    { numRuns: 60 },
  );
});
