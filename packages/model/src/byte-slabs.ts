// SPDX-License-Identifier: Apache-2.0
// Memory for many pieces of bytes whose length is known when they are written. In: pieces, one after the other. Out: views, side by side
// in slabs: memory of its own would cost more than most pieces, and the garbage collector counts every byte of it.

/** A larger piece has a slab of its own. */
const SLAB_BYTES = 2 ** 18;
/** Slabs that serve again. More are given back. */
const KEPT_SLABS_MAX = 64;
const KEPT_SLAB_BYTES_MAX = 2 ** 21;

/**
 * The piece that is being written is bytes[from, length). Before `from` are pieces that were given out, which nobody writes to; behind
 * `length` is room, with anything in it.
 */
export class ByteSlabs {
  bytes = new Uint8Array(0);
  /** Of `bytes`. */
  view = new DataView(this.bytes.buffer);
  from = 0;
  length = 0;
  /** Undefined: what was given out stays for ever. */
  readonly #kept: Uint8Array<ArrayBuffer>[] | undefined;
  /** The first of `#kept` that was not used yet. */
  #next = 0;

  /** With `reused`, all pieces are good until `reset`. */
  constructor(reused: boolean) {
    this.#kept = reused ? [] : undefined;
  }

  /** Begins a piece. */
  begin(): void {
    this.from = this.length;
  }

  /** Makes room for n bytes more; what there is of the piece moves on to another slab when this one is full. */
  reserve(n: number): void {
    if (this.length + n <= this.bytes.length) return;
    const written = this.bytes.subarray(this.from, this.length);
    const slab = this.#slab(Math.max(SLAB_BYTES, written.length * 2 + n));
    slab.set(written);
    this.bytes = slab;
    this.view = new DataView(slab.buffer);
    this.from = 0;
    this.length = written.length;
  }

  #slab(bytes: number): Uint8Array<ArrayBuffer> {
    const kept = this.#kept?.[this.#next];
    if (kept && kept.length >= bytes) {
      this.#next++;
      return kept;
    }
    const slab = new Uint8Array(bytes);
    if (this.#kept && this.#next < KEPT_SLABS_MAX && bytes <= KEPT_SLAB_BYTES_MAX) this.#kept[this.#next++] = slab;
    return slab;
  }

  /** Ends a piece. */
  end(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.from, this.length);
  }

  /** A piece that is there already. */
  copy(piece: Uint8Array): Uint8Array<ArrayBuffer> {
    this.begin();
    this.reserve(piece.length);
    this.bytes.set(piece, this.length);
    this.length += piece.length;
    return this.end();
  }

  /** All pieces are over: the next ones have their memory. */
  reset(): void {
    if (!this.#kept) return;
    this.#next = 0;
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
    this.from = 0;
    this.length = 0;
  }
}
