// SPDX-License-Identifier: Apache-2.0
// What a query is about, in the codes that rows carry: entities by id, service or layer, and origins by name.
import { scopeOf } from '@oap-federation/model';
import type { SeriesQuery } from '@oap-federation/mqe';
import { ByteCache } from './byte-cache.js';
import type { Changes } from './changes.js';
import { entityHash, serviceHash } from './dictionary.js';
import type { EntityCodes } from './fetch-rows.js';
import type { SqlSession, SqlValue } from './sql.js';

/** Entities of one scope: entity i has `ids[i]`, and its code `codes[i]` in slot `slots[i]`. By slot and code. */
export interface FoundEntities extends EntityCodes {
  readonly ids: readonly string[];
  /** Slots that hold any, ascending. */
  readonly slotList: readonly number[];
}

type EntityFilter = Omit<SeriesQuery, 'metric' | 'origins' | 'fromMinute' | 'toMinute' | 'step' | 'offsetMinutes'>;

/** All that a query says of entities: what it adds one day is in it. */
export function entityFilter(query: SeriesQuery): EntityFilter {
  const { metric: _m, origins: _o, fromMinute: _f, toMinute: _t, step: _s, offsetMinutes: _z, ...filter } = query;
  return filter;
}

/** Whether the filter asks for what may change of an entity, as its layers; its id, its service and its slot never do. */
export function asksDictionary(filter: EntityFilter): boolean {
  const { entityIds: _i, serviceId: _s, slots: _n, ...changing } = filter;
  return Object.keys(changing).length > 0;
}

/** Whether rows of entities are wanted that a scan of the filter's slots would not give alone. */
export function isSelective(filter: EntityFilter): boolean {
  const { slots: _, ...selecting } = filter;
  return Object.keys(selecting).length > 0;
}

/** Origins that a query wants, by slot and code: their names; the merged row is code 0 and ''. */
export type WantedOrigins = ReadonlyMap<number, ReadonlyMap<number, string>>;

/** Of a row of ids, with the string that it points to; ids of long names are longer. */
const ENTITY_BYTES = 200;

/** Looks them up in the dictionary, and remembers what cannot change while claims are the same. */
export class EntityFinder {
  readonly #changes: Changes;
  readonly #lists: ByteCache<FoundEntities>;
  readonly #codes: ByteCache<{ readonly slot: number; readonly code: number }>;

  constructor(changes: Changes, bytesMax: number) {
    this.#changes = changes;
    this.#lists = new ByteCache(bytesMax * 0.75);
    this.#codes = new ByteCache(bytesMax * 0.25);
  }

  /** The entities that a query names. Errors: what the session throws. */
  async find(session: SqlSession, query: SeriesQuery): Promise<FoundEntities> {
    const { metric, entityIds } = query;
    if (entityIds === undefined) return this.#list(session, query);
    const known = this.known(query);
    if (known !== undefined) return known;
    if (Object.keys(entityFilter(query)).length > 1) return readEntities(session, query);
    const label = this.#changes.ofCodes;
    const found = await readEntities(session, query);
    found.ids.forEach((id, i) => {
      const place = { slot: found.slots[i]!, code: found.codes[i]! };
      this.#codes.set(`${metric.scope} ${id}`, label, place, ENTITY_BYTES + id.length);
    });
    return found;
  }

  /** The entities of a query that names nothing but ids, if all of them are known: an id keeps its code. One that is not may have come meanwhile. */
  known(query: SeriesQuery): FoundEntities | undefined {
    const { entityIds, ...others } = entityFilter(query);
    if (entityIds === undefined || Object.keys(others).length > 0) return undefined;
    const { scope } = query.metric;
    const found: { id: string; slot: number; code: number }[] = [];
    for (const id of new Set(entityIds)) {
      const place = this.#codes.get(`${scope} ${id}`, this.#changes.ofCodes);
      if (place === undefined) return undefined;
      found.push({ id, ...place });
    }
    found.sort((a, b) => a.slot - b.slot || a.code - b.code);
    return foundEntities(
      found.map((e) => e.slot),
      found.map((e) => e.code),
      found.map((e) => e.id),
    );
  }

  async #list(session: SqlSession, query: SeriesQuery): Promise<FoundEntities> {
    const key = JSON.stringify([query.metric.scope, entityFilter(query)]);
    const label = this.#changes.ofEntities;
    let found = this.#lists.get(key, label);
    if (found === undefined) {
      found = await readEntities(session, query);
      this.#lists.set(key, label, found, 500 + found.ids.length * ENTITY_BYTES);
    }
    return found;
  }
}

function foundEntities(slots: readonly number[], codes: readonly number[], ids: readonly string[]): FoundEntities {
  return { slots, codes, ids, slotList: [...new Set(slots)] };
}

async function readEntities(session: SqlSession, query: SeriesQuery): Promise<FoundEntities> {
  const { scope } = query.metric;
  const values: SqlValue[] = [scopeOf(scope).id];
  const conditions = ['scope = $1'];
  if (query.entityIds !== undefined) {
    values.push(query.entityIds.map((id) => entityHash(scope, id)));
    conditions.push(`entity_hash = ANY ($${values.length}::bytea[])`);
  }
  if (query.serviceId !== undefined) {
    values.push(serviceHash(query.serviceId));
    conditions.push(`service_hash = $${values.length}::bytea`);
  }
  if (query.layer !== undefined) {
    values.push(query.layer);
    conditions.push(`$${values.length}::text = ANY (string_to_array(layers, ','))`);
  }
  if (query.slots !== undefined) {
    values.push(query.slots);
    conditions.push(`slot = ANY ($${values.length}::int[])`);
  }
  if (query.withoutLayers !== undefined) {
    values.push(query.withoutLayers);
    conditions.push(`NOT string_to_array(layers, ',') && $${values.length}::text[]`);
  }
  const { rows } = await session.query(
    `SELECT slot, code, entity_id FROM dictionary WHERE ${conditions.join(' AND ')} ORDER BY slot, code`,
    values,
  );
  return foundEntities(
    rows.map((row) => row[0] as number),
    rows.map((row) => row[1] as number),
    rows.map((row) => row[2] as string),
  );
}

/** Codes of the origins that a query wants in the given slots. */
export async function findOrigins(
  session: SqlSession,
  wanted: readonly string[],
  slots: readonly number[],
): Promise<WantedOrigins> {
  const bySlot = new Map<number, Map<number, string>>(slots.map((slot) => [slot, new Map()]));
  if (wanted.includes('')) for (const ofSlot of bySlot.values()) ofSlot.set(0, '');
  const named = wanted.filter((name) => name !== '' && name !== '*');
  if (named.length === 0 && !wanted.includes('*')) return bySlot;
  const { rows } = await session.query(
    `SELECT slot, code, name FROM origin WHERE $1::boolean OR name = ANY ($2::text[])`,
    [wanted.includes('*'), named],
  );
  for (const [slot, code, name] of rows) bySlot.get(slot as number)?.set(code as number, name as string);
  return bySlot;
}
