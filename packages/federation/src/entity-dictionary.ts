// SPDX-License-Identifier: Apache-2.0
// The dictionary of entity descriptors of one stream, both ends. The sender's gives ids to descriptors; the receiver's gives
// descriptors and decoded entities back. It only saves bytes and decoding: what is stored and hashed does not depend on it.
import { decodeEntity, joinDescriptors, type Entity } from '@oap-federation/model';
import type { BatchFrame } from '@oap-federation/wire';
import type { EntityPool } from './entity-pool.js';
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

/** Descriptors by id, and their entities once they were needed: a few large pieces of memory, for one stream knows many. */
class KnownDescriptors {
  size = 0;
  /** Of all descriptors. */
  bytes = 0;
  readonly #pool: EntityPool;
  readonly #entities: (Entity | undefined)[] = [];
  #memory = new Uint8Array(1_024);
  /** Where each ends. */
  #ends = new Uint32Array(16);

  constructor(pool: EntityPool) {
    this.#pool = pool;
  }

  /** Takes copies: a view would keep the whole message alive for as long as the stream lives. */
  add(descriptor: Uint8Array): void {
    const end = this.bytes + descriptor.length;
    if (end > this.#memory.length) this.#memory = grown(this.#memory, new Uint8Array(Math.max(end, this.bytes * 2)));
    if (this.size === this.#ends.length) this.#ends = grown(this.#ends, new Uint32Array(this.size * 2));
    this.#memory.set(descriptor, this.bytes);
    this.#ends[this.size++] = this.bytes = end;
    this.#entities.push(undefined);
  }

  /** A view. */
  at(id: number): Uint8Array {
    return this.#memory.subarray(id === 0 ? 0 : this.#ends[id - 1]!, this.#ends[id]!);
  }

  /** Errors: DecodeError for a descriptor that is none. */
  entity(id: number): Entity {
    return (this.#entities[id] ??= this.#pool.share(decodeEntity(this.at(id))));
  }
}

function grown<A extends Uint8Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** What the entity ids of a batch stand for. Batches of a log often have the same, and then share it: one reading, one copy. */
export class ResolvedEntities {
  readonly #known: KnownDescriptors;
  readonly #ids: readonly number[];
  #entities: readonly Entity[] | undefined;
  #head: Uint8Array | undefined;

  constructor(known: KnownDescriptors, ids: readonly number[]) {
    this.#known = known;
    this.#ids = ids;
  }

  /** The descriptors as they stand before the body of a content. */
  get head(): Uint8Array {
    return (this.#head ??= joinDescriptors(this.#ids.map((id) => this.#known.at(id))));
  }

  /** Errors: DecodeError for a descriptor that is none. */
  get entities(): readonly Entity[] {
    return (this.#entities ??= this.#ids.map((id) => this.#known.entity(id)));
  }
}

/** Ids as a batch names them, and what they stand for. */
interface Resolved {
  readonly ids: readonly number[];
  readonly entities: ResolvedEntities;
}

/** What an id takes in a `Resolved`, in bytes: the id, and its entity. Its descriptor in `head` comes on top. */
const RESOLVED_ID_BYTES = 16;

export class ReceiverDictionary {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  readonly #pool: EntityPool;
  #known: KnownDescriptors;
  /** What batches had last, by their first id; as large as the dictionary at most. */
  readonly #resolved = new Map<number | undefined, Resolved>();
  #resolvedBytes = 0;

  /** `pool`: of all streams. */
  constructor(entriesMax: number, pool: EntityPool) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = dictionaryBytesMax(entriesMax);
    this.#pool = pool;
    this.#known = new KnownDescriptors(pool);
  }

  get size(): number {
    return this.#known.size;
  }

  /** Applies a batch's part and resolves its ids. Errors: DictionaryError. */
  apply({ dictionaryReset, newDescriptors, entities }: DictionaryPart): ResolvedEntities {
    if (dictionaryReset) {
      this.#known = new KnownDescriptors(this.#pool);
      this.#forgetResolved();
    }
    // A single batch may be larger than the dictionary: it is bounded by its own size.
    let { bytes } = this.#known;
    for (const descriptor of newDescriptors) bytes += descriptor.length;
    const size = this.#known.size + newDescriptors.length;
    if (!dictionaryReset && (size > this.#entriesMax || bytes > this.#bytesMax))
      throw new DictionaryError(`${size} entries of ${bytes} bytes, allowed are ${this.#entriesMax}`);
    for (const descriptor of newDescriptors) this.#known.add(descriptor);
    return this.#resolve(entities);
  }

  #resolve(ids: readonly number[]): ResolvedEntities {
    const last = this.#resolved.get(ids[0]);
    if (last && sameIds(last.ids, ids)) return last.entities;
    let bytes = ids.length * RESOLVED_ID_BYTES;
    for (const id of ids) {
      if (!(id < this.#known.size)) throw new DictionaryError(`entity id ${id} of ${this.#known.size}`);
      bytes += this.#known.at(id).length;
    }
    if (this.#resolvedBytes + bytes > this.#bytesMax) this.#forgetResolved();
    this.#resolvedBytes += bytes; // of what another takes the place of too: then there is room again a little later
    const entities = new ResolvedEntities(this.#known, ids);
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
