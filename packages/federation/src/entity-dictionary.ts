// SPDX-License-Identifier: Apache-2.0
// The dictionary of entity descriptors of one stream, both ends. The sender's gives ids to descriptors; the receiver's gives
// descriptors and decoded entities back. It only saves bytes and decoding: what is stored and hashed does not depend on it.
import { decodeEntity, joinDescriptors, type Entity } from '@oap-federation/model';
import type { BatchFrame } from '@oap-federation/wire';
import { dictionaryBytesMax } from './protocol.js';

/** What of a BatchFrame the dictionary decides. */
export type DictionaryPart = Pick<BatchFrame, 'dictionaryReset' | 'newDescriptors' | 'entities'>;

/** Batches must be written in the order in which they were encoded. */
export class SenderDictionary {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #ids = new Map<string, number>();
  #bytes = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = dictionaryBytesMax(entriesMax);
  }

  /** Ids of a batch's descriptors; a full dictionary begins anew with this batch. */
  encode(descriptors: readonly Uint8Array[]): DictionaryPart {
    const first = this.#add(descriptors);
    if (this.#ids.size <= this.#entriesMax && this.#bytes <= this.#bytesMax)
      return { ...first, dictionaryReset: false };
    this.#ids = new Map();
    this.#bytes = 0;
    return { ...this.#add(descriptors), dictionaryReset: true };
  }

  #add(descriptors: readonly Uint8Array[]): Omit<DictionaryPart, 'dictionaryReset'> {
    const newDescriptors: Uint8Array[] = [];
    const entities = descriptors.map((descriptor) => {
      const key = Buffer.from(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength).toString('latin1');
      const known = this.#ids.get(key);
      if (known !== undefined) return known;
      const id = this.#ids.size;
      this.#ids.set(key, id);
      this.#bytes += descriptor.length;
      newDescriptors.push(descriptor);
      return id;
    });
    return { newDescriptors, entities };
  }
}

/** The sender used the dictionary against its rules: what follows on the stream has no meaning. */
export class DictionaryError extends Error {}

interface Known {
  readonly descriptor: Uint8Array;
  /** Undefined until it is needed. */
  entity: Entity | undefined;
}

/** What the entity ids of a batch stand for. Batches of a log often have the same, and then share it: one reading, one copy. */
export class ResolvedEntities {
  readonly #known: readonly Known[];
  #entities: readonly Entity[] | undefined;
  #head: Uint8Array | undefined;

  constructor(known: readonly Known[]) {
    this.#known = known;
  }

  /** The descriptors as they stand before the body of a content. */
  get head(): Uint8Array {
    return (this.#head ??= joinDescriptors(this.#known.map(({ descriptor }) => descriptor)));
  }

  /** Errors: DecodeError for a descriptor that is none. */
  get entities(): readonly Entity[] {
    return (this.#entities ??= this.#known.map((entry) => (entry.entity ??= decodeEntity(entry.descriptor))));
  }
}

/** Ids as a batch names them, and what they stand for. */
interface Resolved {
  readonly ids: readonly number[];
  readonly entities: ResolvedEntities;
}

/** What an id takes in a `Resolved`, in bytes: the id, what is known of it, its entity. Its descriptor in `head` comes on top. */
const RESOLVED_ID_BYTES = 24;

export class ReceiverDictionary {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #known: Known[] = [];
  #bytes = 0;
  /** What batches had last, by their first id; as large as the dictionary at most. */
  readonly #resolved = new Map<number | undefined, Resolved>();
  #resolvedBytes = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = dictionaryBytesMax(entriesMax);
  }

  get size(): number {
    return this.#known.length;
  }

  /** Applies a batch's part and resolves its ids. Errors: DictionaryError. */
  apply({ dictionaryReset, newDescriptors, entities }: DictionaryPart): ResolvedEntities {
    if (dictionaryReset) {
      this.#known = [];
      this.#bytes = 0;
      this.#forgetResolved();
    }
    // A single batch may be larger than the dictionary: it is bounded by its own size.
    for (const descriptor of newDescriptors) this.#bytes += descriptor.length;
    const size = this.#known.length + newDescriptors.length;
    if (!dictionaryReset && (size > this.#entriesMax || this.#bytes > this.#bytesMax))
      throw new DictionaryError(`${size} entries of ${this.#bytes} bytes, allowed are ${this.#entriesMax}`);
    // Copies: a view would keep the whole message alive for as long as the stream lives.
    for (const descriptor of newDescriptors)
      this.#known.push({ descriptor: Uint8Array.from(descriptor), entity: undefined });
    return this.#resolve(entities);
  }

  #resolve(ids: readonly number[]): ResolvedEntities {
    const last = this.#resolved.get(ids[0]);
    if (last && sameIds(last.ids, ids)) return last.entities;
    let bytes = ids.length * RESOLVED_ID_BYTES;
    const known = ids.map((id) => {
      const entry = this.#known[id];
      if (entry === undefined) throw new DictionaryError(`entity id ${id} of ${this.#known.length}`);
      bytes += entry.descriptor.length;
      return entry;
    });
    if (this.#resolvedBytes + bytes > this.#bytesMax) this.#forgetResolved();
    this.#resolvedBytes += bytes; // of what another takes the place of too: then there is room again a little later
    const entities = new ResolvedEntities(known);
    this.#resolved.set(ids[0], { ids, entities });
    return entities;
  }

  #forgetResolved(): void {
    this.#resolved.clear();
    this.#resolvedBytes = 0;
  }
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
