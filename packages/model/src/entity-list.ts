// SPDX-License-Identifier: Apache-2.0
// What is derived of a list of entities, once per list. In: a list that nobody writes to any more. Out: its descriptors, the entities'
// part of digests, whether an entity comes twice. The batches of a log name the same entities again and again, and share the list of them.
import { ByteWriter } from './bytes.js';
import { entityKeys } from './digest.js';
import { writeEntity, type Entity } from './entity.js';

/** What is derived of shorter lists costs less than remembering it. */
const REMEMBERED_MIN = 32;

const DESCRIPTOR = new ByteWriter(256);
const JOINED = new ByteWriter(65_536);

export class EntityList {
  readonly #entities: readonly Entity[];
  #head: Uint8Array | undefined;
  #keys: Int32Array | undefined;
  #isDistinct: boolean | undefined;

  /** The same for the same list, if it is not short. */
  static of(entities: readonly Entity[]): EntityList {
    const known = remembered.get(entities);
    if (known) return known;
    const list = new EntityList(entities);
    if (entities.length >= REMEMBERED_MIN) remembered.set(entities, list);
    return list;
  }

  private constructor(entities: readonly Entity[]) {
    this.#entities = entities;
  }

  /** Their number and canonical descriptors, as a content begins with them (docs/protocol.md section 2). */
  get head(): Uint8Array {
    if (this.#head) return this.#head;
    JOINED.reset();
    JOINED.varint(this.#entities.length);
    for (const entity of this.#entities) {
      DESCRIPTOR.reset();
      writeEntity(DESCRIPTOR, entity);
      JOINED.sized(DESCRIPTOR.view());
    }
    return (this.#head = JOINED.view().slice());
  }

  /** Their part of digests. */
  get keys(): Int32Array {
    return (this.#keys ??= entityKeys(this.#entities));
  }

  /** Whether no two of them have one scope and id. */
  get isDistinct(): boolean {
    return (this.#isDistinct ??= isDistinct(this.#entities));
  }
}

const remembered = new WeakMap<readonly Entity[], EntityList>();

function isDistinct(entities: readonly Entity[]): boolean {
  const ids = new Set<string>();
  const scope = entities[0]?.scope;
  for (const entity of entities) {
    if (entity.scope !== scope) return isDistinctAcross(entities);
    ids.add(entity.id);
  }
  return ids.size === entities.length;
}

function isDistinctAcross(entities: readonly Entity[]): boolean {
  return new Set(entities.map(({ scope, id }) => `${scope} ${id}`)).size === entities.length;
}
