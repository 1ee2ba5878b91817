// SPDX-License-Identifier: Apache-2.0
// Entities that streams named lately. In: decoded entities. Out: for equal ones one object, whichever stream they came by: a tier with
// twenty others below it has each entity once, and tells that two are the same without looking at their names.
import type { Entity, EntityPart, ScopeName } from '@oap-federation/model';

/** One half of what the pool remembers. */
class Generation {
  readonly entities = new Map<ScopeName, Map<string, Entity>>();
  readonly texts = new Map<string, string>();
  size = 0;

  put(entity: Entity): void {
    let ofScope = this.entities.get(entity.scope);
    if (!ofScope) this.entities.set(entity.scope, (ofScope = new Map()));
    ofScope.set(entity.id, entity);
    this.size++;
  }
}

export class EntityPool {
  readonly #entitiesMax: number;
  #recent = new Generation();
  #before = new Generation();

  /** Remembers `entitiesMax` entities at least, and twice as many at most; those that nobody asked for longest are forgotten. */
  constructor(entitiesMax: number) {
    this.#entitiesMax = entitiesMax;
  }

  /** The entity that is remembered when it is the same, else this one, whose texts may be shared with others from now on. */
  share(entity: Entity): Entity {
    const recent = this.#recent.entities.get(entity.scope)?.get(entity.id);
    if (recent && isSame(recent, entity)) return recent;
    const before = this.#before.entities.get(entity.scope)?.get(entity.id);
    const shared = before && isSame(before, entity) ? before : this.#withSharedTexts(entity);
    if (this.#recent.size >= this.#entitiesMax) {
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

/** Whether two entities of one scope and id are the same: an id does not have the layers, and blank names have one id. */
function isSame(a: Entity, b: Entity): boolean {
  return isSamePart(a.source, b.source) && (a.dest === b.dest || (!!a.dest && !!b.dest && isSamePart(a.dest, b.dest)));
}

function isSamePart(a: EntityPart, b: EntityPart): boolean {
  return a.layer === b.layer && a.service === b.service && a.name === b.name && a.normal === b.normal;
}
