// SPDX-License-Identifier: Apache-2.0
// Metadata that the increments implied: layers, services, instances, endpoints, entities; and how complete each source is.
import {
  mergeLayers,
  NO_WATERMARK,
  SCOPES,
  scopeOf,
  tryParseServiceId,
  type Entity,
  type ScopeName,
} from '@oap-federation/model';
import type { Changes } from './changes.js';
import { conservation } from './losses.js';
import { decodeDescriptor, entityHash, serviceHash } from './dictionary.js';
import type {
  Conservation,
  ExpectedChild,
  InstanceInfo,
  Mark,
  MetadataReader,
  NamedInfo,
  RelationScope,
  ReportedByQuery,
  ServiceInfo,
  SourceCompleteness,
} from './port.js';
import { BEGIN_SNAPSHOT, inTransaction, type SqlDatabase, type SqlSession } from './sql.js';
import { MARK_COLUMNS, markOf } from './slots.js';
import { metricTable, MINUTES_PER_DAY } from './tables.js';

/** Scopes whose entities are services: plain ones and the virtual ones of databases, caches and queues. */
const SERVICE_SCOPES = SCOPES.filter((s) => s.part === 'service' && !s.relation).map((s) => s.id);

export class SqlMetadataReader implements MetadataReader {
  readonly #db: SqlDatabase;
  readonly #slots: number;
  readonly #changes: Changes;
  readonly #kept = new Map<string, { readonly label: number; readonly answer: Promise<unknown> }>();

  constructor(db: SqlDatabase, slots: number, changes: Changes) {
    this.#db = db;
    this.#slots = slots;
    this.#changes = changes;
  }

  /** The answer that was read under the same label, else that of `read`: the label is of before it. */
  async #unchanged<T>(name: string, labelOf: (changes: Changes) => number, read: () => Promise<T>): Promise<T> {
    await this.#changes.check();
    const label = labelOf(this.#changes);
    const known = this.#kept.get(name);
    if (known?.label === label) return known.answer as Promise<T>;
    const answer = read();
    this.#kept.set(name, { label, answer });
    try {
      return await answer;
    } catch (error) {
      this.#kept.delete(name);
      throw error;
    }
  }

  async listLayers(): Promise<readonly string[]> {
    const { rows } = await this.#db.read((session) =>
      session.query(`SELECT DISTINCT layers FROM dictionary WHERE scope = ANY ($1::int[])`, [SERVICE_SCOPES]),
    );
    const layers = new Set(rows.flatMap(([text]) => layersOf(text)));
    return [...layers].toSorted();
  }

  async listServices(layer?: string): Promise<readonly ServiceInfo[]> {
    const services = await this.#unchanged(
      'services',
      (changes) => changes.ofEntities,
      () => this.#services(),
    );
    return services.filter((s) => layer === undefined || s.layers.includes(layer));
  }

  async #services(): Promise<readonly ServiceInfo[]> {
    const { rows } = await this.#db.read((session) =>
      session.query(
        `SELECT service_id, service_name, normal, layers FROM dictionary WHERE scope = ANY ($1::int[]) ORDER BY slot, code`,
        [SERVICE_SCOPES],
      ),
    );
    const services = new Map<string, { name: string; normal: boolean; layers: string }>();
    for (const [id, name, normal, layers] of rows) {
      const known = services.get(id as string)?.layers ?? '';
      services.set(id as string, {
        name: name as string,
        normal: normal as boolean,
        layers: mergeLayers(known, layers as string),
      });
    }
    return [...services]
      .map(([id, { name, normal, layers }]) => ({ id, name, normal, layers: layersOf(layers) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  listInstances(serviceId: string, fromMinute: number, toMinute: number): Promise<readonly InstanceInfo[]> {
    return this.#db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const { rows } = await session.query(
          `SELECT d.slot, d.code, d.entity_id, d.name, p.properties FROM dictionary d
           LEFT JOIN instance_property p ON p.entity_hash = d.entity_hash
           WHERE d.service_hash = $1::bytea AND d.scope = $2 ORDER BY d.name`,
          [serviceHash(serviceId), scopeOf('ServiceInstance').id],
        );
        if (rows.length === 0) return [];
        const slots = [...new Set(rows.map((row) => row[0] as number))];
        const merged = slots.map((slot) => ({ slot, origin: 0 }));
        const seen = await entitiesWithRows(session, 'ServiceInstance', merged, { fromMinute, toMinute });
        return rows
          .filter(([slot, code]) => seen.has(`${String(slot)} ${String(code)}`))
          .map(([, , id, name, properties]) => ({
            id: id as string,
            name: name as string,
            serviceId,
            properties: propertiesOf(properties),
          }));
      }),
    );
  }

  async findEndpoints(serviceId: string, keyword: string, limit: number): Promise<readonly NamedInfo[]> {
    const { rows } = await this.#db.read((session) =>
      session.query(
        `SELECT entity_id, name FROM dictionary
         WHERE service_hash = $1::bytea AND scope = $2 AND position(lower($3::text) IN lower(name)) > 0
         ORDER BY created_at_ms DESC, code DESC LIMIT $4`,
        [serviceHash(serviceId), scopeOf('Endpoint').id, keyword, limit],
      ),
    );
    return rows.map(([id, name]) => ({ id: id as string, name: name as string, serviceId }));
  }

  async instance(id: string): Promise<InstanceInfo | undefined> {
    const { rows } = await this.#db.read((session) =>
      session.query(
        `SELECT d.name, d.service_id, p.properties FROM dictionary d
         LEFT JOIN instance_property p ON p.entity_hash = d.entity_hash WHERE d.entity_hash = $1::bytea`,
        [entityHash('ServiceInstance', id)],
      ),
    );
    return rows
      .map(([name, serviceId, properties]) => ({
        id,
        name: name as string,
        serviceId: serviceId as string,
        properties: propertiesOf(properties),
      }))
      .at(0);
  }

  async relations(
    scope: RelationScope,
    limit: number,
    serviceIds?: readonly string[],
  ): Promise<readonly Required<Entity>[]> {
    const scopeId = scopeOf(scope).id;
    if (serviceIds === undefined) {
      const { rows } = await this.#db.read((session) =>
        session.query(`SELECT descriptor FROM dictionary WHERE scope = $1 ORDER BY slot, code LIMIT $2`, [
          scopeId,
          limit,
        ]),
      );
      return rows.map(([descriptor]) => relationOf(descriptor));
    }
    const names = serviceIds.flatMap((id) => tryParseServiceId(id)?.name ?? []);
    const { rows } = await this.#db.read((session) =>
      session.query(
        `SELECT descriptor FROM dictionary WHERE scope = $1 AND service_hash = ANY ($2::bytea[])
         UNION
         SELECT descriptor FROM dictionary WHERE scope = $1 AND dest_service_name IS NOT NULL
           AND md5(dest_service_name) = ANY (ARRAY (SELECT md5(name) FROM unnest($3::text[]) AS w (name)))
           AND ${DESTINATION_ID[scope]} = ANY ($4::text[])
         ORDER BY descriptor LIMIT $5`,
        [scopeId, serviceIds.map(serviceHash), names, serviceIds, limit],
      ),
    );
    return rows.map(([descriptor]) => relationOf(descriptor));
  }

  async origins(): Promise<readonly string[]> {
    const { rows } = await this.#db.read((session) => session.query(`SELECT DISTINCT name FROM origin`, []));
    return rows.map(([name]) => name as string).toSorted();
  }

  reportedBy({ scope, origins, serviceId, ...period }: ReportedByQuery): Promise<readonly string[]> {
    return this.#db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const { rows: codes } = await session.query(`SELECT slot, code FROM origin WHERE name = ANY ($1::text[])`, [
          origins,
        ]);
        const { rows: entities } = await session.query(
          `SELECT slot, code, entity_id FROM dictionary WHERE scope = $1 AND ($2::bytea IS NULL OR service_hash = $2::bytea)`,
          [scopeOf(scope).id, serviceId === undefined ? null : serviceHash(serviceId)],
        );
        if (codes.length === 0 || entities.length === 0) return [];
        const wanted = codes.map(([slot, code]) => ({ slot: slot as number, origin: code as number }));
        const seen = await entitiesWithRows(session, scope, wanted, period);
        return entities
          .filter(([slot, code]) => seen.has(`${String(slot)} ${String(code)}`))
          .map(([, , id]) => id as string)
          .toSorted();
      }),
    );
  }

  async entities(scope: ScopeName, ids: readonly string[]): Promise<readonly Entity[]> {
    if (ids.length === 0) return [];
    const { rows } = await this.#db.read((session) =>
      session.query(`SELECT descriptor FROM dictionary WHERE entity_hash = ANY ($1::bytea[]) ORDER BY slot, code`, [
        ids.map((id) => entityHash(scope, id)),
      ]),
    );
    return rows.map(([descriptor]) => decodeDescriptor(descriptor));
  }

  completeness(): Promise<readonly SourceCompleteness[]> {
    return this.#unchanged(
      'completeness',
      (changes) => changes.ofAll,
      () => this.#completeness(),
    );
  }

  #completeness(): Promise<readonly SourceCompleteness[]> {
    return this.#db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const { rows: marks } = await session.query(`SELECT ${MARK_COLUMNS} FROM mark`);
        const { rows: children } = await session.query(`SELECT tier, retired_at_ms FROM expected_child`);
        return completenessOf(
          marks.map(markOf),
          children.map(([tier, retiredAtMs]) => ({
            tier: tier as string,
            ...(retiredAtMs === null ? {} : { retiredAtMs: Number(retiredAtMs) }),
          })),
          this.#slots,
        );
      }),
    );
  }

  conservation(): Promise<Conservation> {
    return this.#unchanged(
      'conservation',
      (changes) => changes.ofAll,
      () => this.#db.read((session) => inTransaction(session, BEGIN_SNAPSHOT, () => conservation(session))),
    );
  }
}

/** Id of the service at the far end, cut out of a relation's id: neither `-` nor `_` is a character of Base64. */
const DESTINATION_ID: Readonly<Record<RelationScope, string>> = {
  ServiceRelation: `split_part(entity_id, '-', 2)`,
  ServiceInstanceRelation: `split_part(split_part(entity_id, '-', 2), '_', 1)`,
  EndpointRelation: `split_part(entity_id, '-', 3)`,
};

function relationOf(descriptor: unknown): Required<Entity> {
  return decodeDescriptor(descriptor) as Required<Entity>; // an entity of a relation's scope has two ends
}

function propertiesOf(text: unknown): InstanceInfo['properties'] {
  if (text === null) return [];
  return (JSON.parse(text as string) as [string, string][]).map(([name, value]) => ({ name, value }));
}

function layersOf(text: unknown): string[] {
  return (text as string).split(',').filter((layer) => layer !== '');
}

/**
 * `slot code` of a scope's entities with rows of these origins (by code) in the period. Whole days are answered by their day rows, whole
 * hours of the rest by hour rows: a derived row is there as soon as a minute row was, but for hours that are dirty.
 */
async function entitiesWithRows(
  session: SqlSession,
  scope: ScopeName,
  origins: readonly { readonly slot: number; readonly origin: number }[],
  { fromMinute, toMinute }: { readonly fromMinute: number; readonly toMinute: number },
): Promise<ReadonlySet<string>> {
  const firstHour = Math.ceil(fromMinute / 60);
  const endHour = Math.max(firstHour, Math.floor((toMinute + 1) / 60));
  const firstDay = Math.ceil(firstHour / 24);
  const endDay = Math.max(firstDay, Math.floor(endHour / 24));
  const minuteTable = metricTable(scope, 'minute');
  const from = (table: string) =>
    `SELECT m.slot, m.entity FROM wanted w JOIN ${table} m ON m.slot = w.slot AND m.origin = w.origin`;
  const { rows } = await session.query(
    `WITH wanted AS (SELECT * FROM unnest($1::smallint[], $2::smallint[]) AS w (slot, origin))
     ${from(minuteTable)} WHERE m.minute >= $3 AND m.minute <= $4 AND (m.minute < $5 OR m.minute >= $6)
     UNION
     ${from(minuteTable)} JOIN dirty_hour d ON d.slot = m.slot AND m.minute >= d.hour * 60 AND m.minute < d.hour * 60 + 60
       WHERE d.hour * 60 >= $5 AND d.hour * 60 < $6
     UNION
     ${from(metricTable(scope, 'hour'))} WHERE m.minute >= $5 AND m.minute < $6 AND (m.minute < $7 OR m.minute >= $8)
     UNION
     ${from(metricTable(scope, 'day'))} WHERE m.minute >= $7 AND m.minute < $8`,
    [
      origins.map((o) => o.slot),
      origins.map((o) => o.origin),
      fromMinute,
      toMinute,
      firstHour * 60,
      endHour * 60,
      firstDay * MINUTES_PER_DAY,
      endDay * MINUTES_PER_DAY,
    ],
  );
  return new Set(rows.map(([slot, entity]) => `${String(slot)} ${String(entity)}`));
}

/**
 * Per (origin, via): the least watermark over all slots, of the newest mark of each producer and slot. A slot without a mark, or
 * whose mark does not know the origin, promises nothing. What came through a retired child says when that was.
 */
export function completenessOf(
  marks: readonly Mark[],
  children: readonly Pick<ExpectedChild, 'tier' | 'retiredAtMs'>[],
  slots: number,
): readonly SourceCompleteness[] {
  const retired = new Map(children.flatMap((c) => (c.retiredAtMs === undefined ? [] : [[c.tier, c.retiredAtMs]])));
  const vias = new Map<string, Map<number, Mark>>();
  for (const { tier } of children) vias.set(tier, new Map());
  for (const mark of marks) {
    const via = mark.kind === 'local' ? '' : mark.producer;
    let bySlot = vias.get(via);
    if (bySlot === undefined) vias.set(via, (bySlot = new Map()));
    const other = bySlot.get(mark.slot);
    if (other === undefined || newer(mark, other)) bySlot.set(mark.slot, mark);
  }
  const result: SourceCompleteness[] = [];
  for (const [via, bySlot] of vias) {
    const retiredAtMs = retired.get(via);
    const newest = [...bySlot.values()];
    const origins = new Set(newest.flatMap((mark) => [...mark.origins.keys()]));
    if (origins.size === 0) origins.add(via);
    for (const origin of origins) {
      let completeToMinute = bySlot.size === slots ? Infinity : NO_WATERMARK;
      let lastAdvanceMs = 0;
      for (const mark of newest) {
        const promised = mark.origins.size === 0 ? mark.watermark : (mark.origins.get(origin) ?? NO_WATERMARK);
        completeToMinute = Math.min(completeToMinute, promised);
        lastAdvanceMs = Math.max(lastAdvanceMs, mark.updatedAtMs);
      }
      result.push({
        origin,
        via,
        completeToMinute,
        lastAdvanceMs,
        ...(retiredAtMs === undefined ? {} : { retiredAtMs }),
      });
    }
  }
  return result.toSorted((a, b) => (a.via + '\0' + a.origin < b.via + '\0' + b.origin ? -1 : 1));
}

function newer(a: Mark, b: Mark): boolean {
  return a.updatedAtMs !== b.updatedAtMs ? a.updatedAtMs > b.updatedAtMs : a.logId > b.logId;
}
