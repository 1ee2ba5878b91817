// SPDX-License-Identifier: Apache-2.0
// Entity input -> the id that a metric's rows carry, and back from ids to names: ids are pure functions of names.
import {
  base64Decode,
  entityOf,
  scopeOf,
  serviceId,
  tryParseServiceId,
  type EntityPart,
  type ScopeName,
} from '@oap-federation/model';
import { MqeError } from '@oap-federation/mqe';

export interface EntityInput {
  readonly serviceName?: string | null;
  readonly normal?: boolean | null;
  readonly serviceInstanceName?: string | null;
  readonly endpointName?: string | null;
  readonly destServiceName?: string | null;
  readonly destNormal?: boolean | null;
  readonly destServiceInstanceName?: string | null;
  readonly destEndpointName?: string | null;
}

export interface Owner {
  readonly scope: string;
  readonly serviceID: string;
  readonly serviceName: string;
  readonly normal: boolean;
  readonly serviceInstanceID: string | null;
  readonly serviceInstanceName: string | null;
  readonly endpointID: string | null;
  readonly endpointName: string | null;
}

/** The id of the asked entity in a metric's scope. Errors: MqeError that names the input field that is missing. */
export function entityIdOf(input: EntityInput, scope: ScopeName): string {
  const { part, relation } = scopeOf(scope);
  const end = (dest: boolean): EntityPart => {
    const field = (name: string) =>
      (dest ? `dest${name[0]!.toUpperCase()}${name.slice(1)}` : name) as keyof EntityInput;
    const need = (name: string) => {
      const value = input[field(name)];
      if (typeof value === 'string' && value !== '') return value;
      throw new MqeError(`A metric of ${scope} needs ${field(name)} in the entity`);
    };
    return {
      service: need('serviceName'),
      normal: input[field('normal')] !== false,
      layer: '',
      name: part === 'service' ? '' : need(part === 'instance' ? 'serviceInstanceName' : 'endpointName'),
    };
  };
  return entityOf(scope, end(false), relation ? end(true) : undefined).id;
}

/** The service that an entity names; undefined when it names none (top_n then ranks over all). */
export function parentServiceOf({ serviceName, normal }: EntityInput): string | undefined {
  return serviceName ? serviceId(serviceName, normal !== false) : undefined;
}

/** SkyWalking's Scope of a model scope: virtual targets are services and endpoints there. */
export function ownerScope(scope: ScopeName): string {
  const { part, relation } = scopeOf(scope);
  const name = part === 'service' ? 'Service' : part === 'instance' ? 'ServiceInstance' : 'Endpoint';
  return relation ? `${name}Relation` : name;
}

/** Name to show and owner of an entity id. A relation shows `source - dest` and is owned by its source. */
export function describeEntity(scope: ScopeName, id: string): { readonly name: string; readonly owner: Owner | null } {
  const { part, relation } = scopeOf(scope);
  try {
    const pieces = id.split('-').flatMap((side) => side.split('_'));
    const service = tryParseServiceId(pieces[0]!);
    if (!service) return { name: id, owner: null };
    const partName = part === 'service' ? undefined : base64Decode(pieces[1]!);
    const destAt = part === 'service' ? 1 : 2;
    const destName = !relation
      ? undefined
      : part === 'service'
        ? tryParseServiceId(pieces[destAt]!)!.name
        : base64Decode(pieces[destAt + 1]!);
    const name = partName ?? service.name;
    const partId = part === 'service' ? null : `${pieces[0]}_${pieces[1]}`;
    return {
      name: destName === undefined ? name : `${name} - ${destName}`,
      owner: {
        scope: ownerScope(scope),
        serviceID: pieces[0]!,
        serviceName: service.name,
        normal: service.normal,
        serviceInstanceID: part === 'instance' ? partId : null,
        serviceInstanceName: part === 'instance' ? partName! : null,
        endpointID: part === 'endpoint' ? partId : null,
        endpointName: part === 'endpoint' ? partName! : null,
      },
    };
  } catch {
    return { name: id, owner: null }; // an id that is none of ours is shown as it is
  }
}
