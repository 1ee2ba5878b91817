// SPDX-License-Identifier: Apache-2.0
// Names -> entities, each built once: Base64 ids are the dearest part of an event. Bounded: when full, it starts again empty.
import { entityOf, VIRTUAL_LAYERS, type Entity, type EntityPart, type ScopeName } from '@oap-federation/model';

/** One end: a service, or an instance or endpoint of one. Entities hang on it, relations by the other end. */
export class EndNode {
  readonly part: EntityPart;
  #own: Entity | undefined;
  #ownScope: ScopeName | undefined;
  #relations: Map<EndNode, Entity> | undefined;

  constructor(part: EntityPart) {
    this.part = part;
  }

  /** The entity of this end alone. Nearly always asked for in one scope, so one is kept. */
  entity(scope: ScopeName): Entity {
    if (this.#own === undefined || this.#ownScope !== scope) {
      this.#own = entityOf(scope, this.part);
      this.#ownScope = scope;
    }
    return this.#own;
  }

  /** The relation from this end to `dest`; services, instances and endpoints are different nodes, so the scope is given by them. */
  relation(scope: ScopeName, dest: EndNode, cache: EntityCache): Entity {
    this.#relations ??= new Map();
    let entity = this.#relations.get(dest);
    if (entity === undefined) {
      entity = entityOf(scope, this.part, dest.part);
      this.#relations.set(dest, entity);
      cache.grown();
    }
    return entity;
  }
}

export class ServiceNode extends EndNode {
  readonly instances = new Map<string, EndNode>();
  readonly endpoints = new Map<string, EndNode>();
}

export class EntityCache {
  readonly #entriesMax: number;
  readonly #layers = new Map<string, Map<string, ServiceNode>>();
  #entries = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get entries(): number {
    return this.#entries;
  }

  service(name: string, layer: string): ServiceNode {
    let services = this.#layers.get(layer);
    if (services === undefined) {
      services = new Map();
      this.#layers.set(layer, services);
    }
    let node = services.get(name);
    if (node === undefined) {
      node = new ServiceNode({ service: name, normal: !VIRTUAL_LAYERS.has(layer), layer, name: '' });
      services.set(name, node);
      this.grown();
    }
    return node;
  }

  instance(service: ServiceNode, name: string): EndNode {
    return this.#named(service, service.instances, name);
  }

  endpoint(service: ServiceNode, name: string): EndNode {
    return this.#named(service, service.endpoints, name);
  }

  #named(service: ServiceNode, nodes: Map<string, EndNode>, name: string): EndNode {
    let node = nodes.get(name);
    if (node === undefined) {
      node = new EndNode({ ...service.part, name });
      nodes.set(name, node);
      this.grown();
    }
    return node;
  }

  /** Counts one more entry. Nodes in use when the cache empties stay valid, they are only not found again. */
  grown(): void {
    if (++this.#entries <= this.#entriesMax) return;
    this.#entries = 0;
    this.#layers.clear();
  }
}
