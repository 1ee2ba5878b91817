// SPDX-License-Identifier: Apache-2.0
// A protobuf reader for what strangers send: 64-bit integers come out as numbers, and the fields of one message are bounded.
import protobuf from 'protobufjs/minimal.js';

/** Outcome of decoding bytes from outside; refused bytes are counted by the receiver, they never end a stream. */
export type Decoded<T> =
  | { readonly ok: true; readonly message: T }
  | { readonly ok: false; readonly reason: 'malformed' | 'tooManyFields' };

class TooManyFields extends Error {}

// protobufjs types 64-bit integers as Long; generated code of --force-number, and everything behind it, sees numbers.
type Int64 = ReturnType<protobuf.Reader['int64']>;

/** Strings must be UTF-8, as proto3 says. Integers beyond 2^53 lose their low bits; callers check ranges anyway. */
class BoundedReader extends protobuf.BufferReader {
  #fieldsLeft: number;

  /** `fieldsMax` counts the fields of nested messages too: two bytes of input may cost an object of a hundred. */
  constructor(bytes: Buffer, fieldsMax: number) {
    super(bytes);
    this.#fieldsLeft = fieldsMax;
  }

  override tag(): number {
    if (this.#fieldsLeft-- <= 0) throw new TooManyFields();
    return super.tag();
  }

  override int64(): Int64 {
    return this.#varint64() as unknown as Int64;
  }

  override uint64(): Int64 {
    const value = this.#varint64();
    return (value < 0 ? value + 18_446_744_073_709_551_616 : value) as unknown as Int64;
  }

  #varint64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= this.len) throw new RangeError('varint is cut off');
      const byte = this.buf[this.pos++]!;
      if (shift < 28) low |= (byte & 127) << shift;
      else if (shift === 28) {
        low |= (byte & 127) << 28;
        high = (byte & 127) >> 4;
      } else high |= (byte & 127) << (shift - 32);
      if (byte < 128) return high * 4_294_967_296 + (low >>> 0);
    }
    throw new RangeError('varint is longer than 10 bytes');
  }
}

/** Runs a generated `decode` over bytes from outside. Never throws. */
export function tryDecode<T>(decode: (reader: protobuf.Reader) => T, bytes: Uint8Array, fieldsMax: number): Decoded<T> {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return { ok: true, message: decode(new BoundedReader(buffer, fieldsMax)) };
  } catch (error) {
    return { ok: false, reason: error instanceof TooManyFields ? 'tooManyFields' : 'malformed' };
  }
}
