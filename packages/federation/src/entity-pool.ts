// SPDX-License-Identifier: Apache-2.0
// Entities that streams named lately. In: decoded entities. Out: for equal ones one object, whichever stream they came by: a tier with
// twenty others below it has each entity once, and tells that two are the same without looking at their names.
import type { Entity, EntityPart, ScopeName } from '@oap-federation/model';
import { dictionaryBytesMax } from './protocol.js';

/** One half of what the pool remembers. */
class Generation {
  readonly entities = new Map<ScopeName, Map<string, Entity>>();
  readonly texts = new Map<string, string>();
  size = 0;
  /** Characters of all ids and names. */
  chars = 0;

  put(entity: Entity): void {
    let ofScope = this.entities.get(entity.scope);
    if (!ofScope) this.entities.set(entity.scope, (ofScope = new Map()));
    if (!ofScope.has(entity.id)) this.size++;
    ofScope.set(entity.id, entity);
    this.chars += entity.id.length + charsOf(entity.source) + (entity.dest ? charsOf(entity.dest) : 0);
  }
}

export class EntityPool {
  readonly #entitiesMax: number;
  readonly #charsMax: number;
  #recent = new Generation();
  #before = new Generation();

  /**
   * Remembers `entitiesMax` entities at least if their names are usual, and twice as many at most: as large as two dictionaries of a stream
   * can be. Those that nobody named for longest are forgotten.
   */
  constructor(entitiesMax: number) {
    this.#entitiesMax = entitiesMax;
    this.#charsMax = dictionaryBytesMax(entitiesMax);
  }

  /** The entity that is remembered when it is the same, else this one, whose texts may be shared with others from now on. */
  share(entity: Entity): Entity {
    const recent = this.#recent.entities.get(entity.scope)?.get(entity.id);
    if (recent && isSame(recent, entity)) return recent;
    const before = this.#before.entities.get(entity.scope)?.get(entity.id);
    const shared = before && isSame(before, entity) ? before : this.#withSharedTexts(entity);
    if (this.#recent.size >= this.#entitiesMax || this.#recent.chars >= this.#charsMax) {
      this.#before = this.#recent;
      this.#recent = new Generation();
    }
    this.#recent.put(shared);
    return shared;
  }

  /** Layers are few, and a service has many endpoints. */
  #withSharedTexts(entity: Entity): Entity {
    const { scope, id, source, dest } = entity;
    if (dest) return { scope, id, source: this.#part(source), dest: this.#part(dest) };
    return { scope, id, source: this.#part(source) };
  }

  #part({ service, normal, layer, name }: EntityPart): EntityPart {
    return { service: name === '' ? service : this.#text(service), normal, layer: this.#text(layer), name };
  }

  #text(text: string): string {
    const known = this.#recent.texts.get(text) ?? this.#before.texts.get(text) ?? text;
    this.#recent.texts.set(known, known);
    return known;
  }
}

function charsOf({ service, layer, name }: EntityPart): number {
  return service.length + layer.length + name.length;
}

/** Whether two entities of one scope and id are the same: an id does not have the layers, and blank names have one id. */
function isSame(a: Entity, b: Entity): boolean {
  return isSamePart(a.source, b.source) && (a.dest === b.dest || (!!a.dest && !!b.dest && isSamePart(a.dest, b.dest)));
}

function isSamePart(a: EntityPart, b: EntityPart): boolean {
  return a.layer === b.layer && a.service === b.service && a.name === b.name && a.normal === b.normal;
}
