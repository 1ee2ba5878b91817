// SPDX-License-Identifier: Apache-2.0
// Values by key, bounded by bytes: what was used least recently leaves first. A value counts only under the label it was kept with.

interface Entry<V> {
  readonly label: number;
  readonly value: V;
  readonly bytes: number;
}

/** Not for values larger than the bound: they are not kept at all. */
export class ByteCache<V> {
  readonly #bytesMax: number;
  /** In order of use, the latest last. */
  readonly #entries = new Map<string, Entry<V>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key; undefined when there is none, or one of another label (which is dropped). */
  get(key: string, label: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.label !== label) {
      this.#bytes -= entry.bytes;
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, label: number, value: V, bytes: number): void {
    this.delete(key);
    if (bytes > this.#bytesMax) return;
    this.#entries.set(key, { label, value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
