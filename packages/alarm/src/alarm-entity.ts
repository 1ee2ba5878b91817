// SPDX-License-Identifier: Apache-2.0
// An entity as alarms show it: SkyWalking's names, ids and scope, all of them pure functions of the entity's id.
import { base64Decode, namedPartId, scopeOf, SCOPES, tryParseServiceId, type ScopeName } from '@oap-federation/model';

export interface AlarmEntity {
  /** `svc`; `inst of svc`; `ep in svc`; `a to b`; `i of a to j of b`; `e in a to f in b`. The id itself where it is none of ours. */
  readonly name: string;
  /** The entity, or the source of a relation. */
  readonly id0: string;
  /** The destination of a relation, else ''. */
  readonly id1: string;
}

/** Names and ids behind an entity id of `scope`. */
export function alarmEntityOf(scope: ScopeName, id: string): AlarmEntity {
  const { part, relation } = scopeOf(scope);
  const pieces = id.split('-').flatMap((side) => side.split('_'));
  const wanted = (part === 'service' ? 1 : 2) * (relation ? 2 : 1);
  if (pieces.length !== wanted) return { name: id, id0: id, id1: '' };
  try {
    if (!relation) return { name: nameOf(part, pieces), id0: id, id1: '' };
    const half = pieces.length / 2;
    const [source, dest] = [pieces.slice(0, half), pieces.slice(half)];
    return { name: `${nameOf(part, source)} to ${nameOf(part, dest)}`, id0: idOf(source), id1: idOf(dest) };
  } catch {
    return { name: id, id0: id, id1: '' }; // Base64 of something that is no text: not an id of ours, shown as it is
  }
}

function nameOf(part: 'service' | 'instance' | 'endpoint', [service, named]: readonly string[]): string {
  const parsed = tryParseServiceId(service!);
  if (parsed === undefined) throw new Error(`${service} is no service id`);
  if (part === 'service') return parsed.name;
  return `${base64Decode(named!)} ${part === 'instance' ? 'of' : 'in'} ${parsed.name}`;
}

function idOf([service, named]: readonly string[]): string {
  return named === undefined ? service! : namedPartId(service!, base64Decode(named));
}

/** The scope that alarms of a scope are shown under: virtual databases and the like are services and endpoints there. */
export function alarmScopeOf(scope: ScopeName): {
  readonly id: number;
  readonly name: ScopeName;
  readonly text: string;
} {
  const { catalog } = scopeOf(scope);
  const shown = SCOPES.find((s) => s.catalog === catalog)!;
  return { id: shown.id, name: shown.name as ScopeName, text: catalog };
}
