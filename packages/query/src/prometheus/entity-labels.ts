// SPDX-License-Identifier: Apache-2.0
// The labels of an entity, named as in SkyWalking's PromQL service.
import { scopeOf, type Entity, type EntityPart, type ScopeName } from '@oap-federation/model';

type Pair = readonly [name: string, value: string];

/** Label that names the instance or endpoint of an end, by what the scope's ends are. */
export const PART_LABEL = { service: undefined, instance: 'service_instance', endpoint: 'endpoint' } as const;

export function entityLabels({ scope, source, dest }: Entity): readonly Pair[] {
  return [['scope', scope], ...endLabels(scope, source, ''), ...(dest ? endLabels(scope, dest, 'dest_') : [])];
}

/** `normal` is there for conjectured services only: a real one and a conjectured one may share a name. */
function endLabels(scope: ScopeName, { service, normal, layer, name }: EntityPart, prefix: string): Pair[] {
  const label = PART_LABEL[scopeOf(scope).part];
  return [
    [`${prefix}service`, service],
    [`${prefix}layer`, layer],
    [`${prefix}normal`, normal ? '' : 'false'],
    ...(label === undefined ? [] : [[prefix + label, name] as const]),
  ];
}

/** Names of the labels that entities of a scope may have. */
export function labelNamesOf(scope: ScopeName): readonly string[] {
  const spec = scopeOf(scope);
  const label = PART_LABEL[spec.part];
  const end = ['service', 'layer', 'normal', ...(label === undefined ? [] : [label])];
  return ['scope', ...end, ...(spec.relation ? end.map((name) => `dest_${name}`) : [])];
}
