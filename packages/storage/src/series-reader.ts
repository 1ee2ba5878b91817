// SPDX-License-Identifier: Apache-2.0
// The query side: merged fields of one metric per entity, origin and bucket. Hours and days come from their own tables where those
// are known to be right, and from finer rows where an hour is dirty or a bucket of the zone does not end on a whole hour.
import { bucketStart, MetricColumns, scopeOf, STEP_MINUTES, type MetricSchema } from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery } from '@oap-federation/mqe';
import { BugError, type Logger } from '@oap-federation/runtime';
import { entityHash, serviceHash } from './dictionary.js';
import type { Granularity } from './port.js';
import {
  BEGIN_SNAPSHOT,
  identifier,
  inTransaction,
  type SqlDatabase,
  type SqlResult,
  type SqlSession,
  type SqlValue,
} from './sql.js';
import { metricTable, MINUTES_PER_DAY, type MetricCatalog, type StoredMetric } from './tables.js';

interface FoundEntity {
  readonly slot: number;
  readonly code: number;
  readonly id: string;
}

/** One stored row of a series, on its way into a bucket. */
interface Piece {
  readonly bucket: number;
  readonly ints: readonly bigint[];
  readonly distributions: readonly Uint8Array[];
}

/** The rows of an answer: `startOf` names the one that a minute falls into; minutes in [from, end) are read. */
interface Buckets {
  readonly from: number;
  readonly end: number;
  /** Length of the longest. */
  readonly minutes: number;
  readonly startOf: (minute: number) => number;
}

function bucketsOf({ fromMinute, toMinute, step, offsetMinutes }: SeriesQuery): Buckets {
  const startOf = (minute: number) => bucketStart(minute, step, offsetMinutes);
  const minutes = STEP_MINUTES[step];
  return { from: startOf(fromMinute), end: startOf(toMinute) + minutes, minutes, startOf };
}

/** The same minutes as one bucket; what is before and after it falls into others. */
function oneBucket({ from, end }: Buckets): Buckets {
  const startOf = (minute: number) => (minute < from ? Number.NEGATIVE_INFINITY : minute < end ? from : end);
  return { from, end, minutes: end - from, startOf };
}

/** Minutes of a row. */
const SPACING: Readonly<Record<Granularity, number>> = { minute: 1, hour: 60, day: MINUTES_PER_DAY };

/** Up to this many keys (entities times buckets times origins) are looked up one by one, at about 5 us each. */
const LOOKUP_KEYS_MAX = 100_000;

export class SqlMetricReader implements MetricReader {
  readonly #db: SqlDatabase;
  readonly #catalog: MetricCatalog;
  readonly #logger: Logger;

  constructor(db: SqlDatabase, catalog: MetricCatalog, logger: Logger) {
    this.#db = db;
    this.#catalog = catalog;
    this.#logger = logger;
  }

  metrics(): readonly MetricSchema[] {
    return this.#catalog.schemas();
  }

  readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return this.#read(query, bucketsOf(query));
  }

  readRange(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return this.#read(query, oneBucket(bucketsOf(query)));
  }

  async #read(query: SeriesQuery, buckets: Buckets): Promise<readonly MetricSeries[]> {
    const metric = this.#catalog.find(query.metric);
    if (metric === undefined) throw new BugError(`metric "${query.metric.text}" is not stored here`);
    return this.#db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const entities = await findEntities(session, query);
        if (entities.length === 0) return [];
        const pieces = await readPieces(session, metric, query, buckets, entities);
        return pieces.map(({ entityId, origin, list }) => this.#series(query, entityId, origin, list));
      }),
    );
  }

  /** Folds the pieces of one series into one row per bucket. */
  #series(query: SeriesQuery, entityId: string, origin: string, pieces: Piece[]): MetricSeries {
    pieces.sort((a, b) => a.bucket - b.bucket);
    const columns = new MetricColumns(query.metric, pieces.length);
    const scratch = new MetricColumns(query.metric, 1);
    const starts: number[] = [];
    for (const { bucket, ints, distributions } of pieces) {
      if (starts.at(-1) !== bucket) {
        columns.setRow(starts.length, ints, distributions);
        starts.push(bucket);
        continue;
      }
      scratch.setRow(0, ints, distributions);
      if (columns.mergeRow(starts.length - 1, scratch, 0)) continue;
      this.#logger.error(
        { metric: query.metric.name, entity: entityId, bucket, step: query.step },
        'a bucket leaves int64 when merged; what did not fit is left out of the answer',
      );
    }
    return { entityId, origin, starts, columns };
  }
}

async function findEntities(session: SqlSession, query: SeriesQuery): Promise<FoundEntity[]> {
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
  return rows.map(([slot, code, id]) => ({ slot: slot as number, code: code as number, id: id as string }));
}

interface SeriesPieces {
  readonly entityId: string;
  readonly origin: string;
  readonly list: Piece[];
}

/** Names of the origin codes that the query wants, by slot; the merged row is code 0 and ''. */
async function wantedOrigins(
  session: SqlSession,
  wanted: readonly string[],
): Promise<Map<number, Map<number, string>>> {
  const bySlot = new Map<number, Map<number, string>>();
  const named = wanted.filter((name) => name !== '' && name !== '*');
  if (named.length === 0 && !wanted.includes('*')) return bySlot;
  const { rows } = await session.query(
    `SELECT slot, code, name FROM origin WHERE $1::boolean OR name = ANY ($2::text[])`,
    [wanted.includes('*'), named],
  );
  for (const [slot, code, name] of rows) {
    const ofSlot = bySlot.get(slot as number) ?? new Map<number, string>();
    bySlot.set(slot as number, ofSlot.set(code as number, name as string));
  }
  return bySlot;
}

async function readPieces(
  session: SqlSession,
  metric: StoredMetric,
  query: SeriesQuery,
  buckets: Buckets,
  entities: readonly FoundEntity[],
): Promise<SeriesPieces[]> {
  const origins = await wantedOrigins(session, query.origins);
  const wantsMerged = query.origins.includes('');
  const codes = new Set<number>(wantsMerged ? [0] : []);
  for (const ofSlot of origins.values()) for (const code of ofSlot.keys()) codes.add(code);
  if (codes.size === 0) return [];

  const slots = [...new Set(entities.map((e) => e.slot))];
  const bySlot = new Map<number, Map<number, FoundEntity>>(slots.map((slot) => [slot, new Map()]));
  for (const entity of entities) bySlot.get(entity.slot)!.set(entity.code, entity);

  const { entityIds, serviceId, layer, withoutLayers } = query;
  const filtered = [entityIds, serviceId, layer, withoutLayers].some((filter) => filter !== undefined);
  const found = new Map<string, SeriesPieces>();
  const width = metric.intColumns.length;
  for (const part of await parts(session, buckets, slots)) {
    const { rows } = await selectRows(session, metric, part, slots, [...codes], entities, filtered);
    for (const row of rows) {
      const slot = row[0] as number;
      const minute = row[1] as number;
      const originCode = row[2] as number;
      const entity = bySlot.get(slot)?.get(row[3] as number);
      const origin = originCode === 0 ? '' : origins.get(slot)?.get(originCode);
      if (entity === undefined || origin === undefined || row[4] === null) continue;
      if (originCode === 0 && !wantsMerged) continue;
      if (!part.holds(slot, minute)) continue;
      const key = `${slot} ${originCode} ${entity.code}`;
      let series = found.get(key);
      if (series === undefined) found.set(key, (series = { entityId: entity.id, origin, list: [] }));
      series.list.push({
        bucket: buckets.startOf(minute),
        ints: row.slice(4, 4 + width) as bigint[],
        distributions: row.slice(4 + width).map((bytes) => bytes as Uint8Array),
      });
    }
  }
  return [...found.values()];
}

/** Rows of one table to read: those with a start in [from, end) that `holds` keeps. Over all parts every minute counts once. */
interface Part {
  readonly granularity: Granularity;
  readonly from: number;
  readonly end: number;
  holds(slot: number, start: number): boolean;
}

/**
 * How to put [from, end) together. A day row is used when its day lies inside one bucket and none of its hours is dirty in the slot; an
 * hour row when its hour lies inside one bucket, is clean and is not in a day row; minute rows for the rest.
 */
async function parts(
  session: SqlSession,
  { from, end, minutes, startOf }: Buckets,
  slots: readonly number[],
): Promise<readonly Part[]> {
  if (minutes < SPACING.hour) return [{ granularity: 'minute', from, end, holds: () => true }];
  const { rows } = await session.query(
    `SELECT slot, hour FROM dirty_hour WHERE slot = ANY ($1::int[]) AND hour >= $2 AND hour < $3`,
    [slots, Math.floor(from / 60), Math.ceil(end / 60)],
  );
  const dirtyHours = new Set(rows.map(([slot, hour]) => `${String(slot)} ${String(hour)}`));
  const dirtyDays = new Set(rows.map(([slot, hour]) => `${String(slot)} ${Math.floor((hour as number) / 24)}`));
  const inOneBucket = (unit: number, size: number) => startOf(unit * size) === startOf(unit * size + size - 1);
  const inDayRow = (slot: number, minute: number) => {
    const day = Math.floor(minute / SPACING.day);
    return inOneBucket(day, SPACING.day) && !dirtyDays.has(`${slot} ${day}`);
  };
  const inHourRow = (slot: number, minute: number) => {
    const hour = Math.floor(minute / SPACING.hour);
    return !inDayRow(slot, minute) && inOneBucket(hour, SPACING.hour) && !dirtyHours.has(`${slot} ${hour}`);
  };
  const inMinuteRow = (slot: number, minute: number) => !inDayRow(slot, minute) && !inHourRow(slot, minute);
  // Rows of a kind are read over the days or hours where some slot uses them.
  const within = (granularity: Granularity, size: number, holds: Part['holds']): Part[] => {
    const units: number[] = [];
    for (let unit = Math.floor(from / size); unit * size < end; unit++) {
      if (slots.some((slot) => holds(slot, unit * size))) units.push(unit);
    }
    return runs(units, size).map((span) => ({
      granularity,
      from: Math.max(from, span.from),
      end: Math.min(end, span.end),
      holds,
    }));
  };
  return [
    ...within('day', SPACING.day, inDayRow),
    ...within('hour', SPACING.hour, inHourRow),
    ...within('minute', SPACING.hour, inMinuteRow), // an hour is either read by the minute as a whole or not at all
  ];
}

interface Span {
  readonly from: number;
  readonly end: number;
}

/** Ascending units of `size` minutes, neighbours joined. */
function runs(units: readonly number[], size: number): Span[] {
  const spans: { from: number; end: number }[] = [];
  for (const unit of units) {
    const last = spans.at(-1);
    if (last?.end === unit * size) last.end += size;
    else spans.push({ from: unit * size, end: (unit + 1) * size });
  }
  return spans;
}

async function selectRows(
  session: SqlSession,
  metric: StoredMetric,
  { granularity, from, end }: Part,
  slots: readonly number[],
  originCodes: readonly number[],
  entities: readonly FoundEntity[],
  filtered: boolean,
): Promise<SqlResult> {
  const table = metricTable(metric.schema.scope, granularity);
  const columns = [...metric.intColumns, ...metric.distributionColumns].map((c) => `t.${identifier(c)}`).join(', ');
  const select = `SELECT t.slot, t.minute, t.origin, t.entity, ${columns}`;
  const spacing = SPACING[granularity];
  const first = Math.ceil(from / spacing) * spacing;
  const count = Math.max(0, Math.ceil((end - first) / spacing));
  if (entities.length * count * originCodes.length <= LOOKUP_KEYS_MAX) {
    // LIMIT keeps the planner from turning this round: without statistics (a day's first hour) it would scan the partition.
    // The bounds are there for it as well: they leave one or two partitions to look into.
    return session.query(
      `${select} FROM unnest($1::smallint[], $2::int[]) AS e (slot, code)
       CROSS JOIN unnest($3::int[]) AS s (minute) CROSS JOIN unnest($4::smallint[]) AS o (origin)
       CROSS JOIN LATERAL (SELECT * FROM ${table} m WHERE m.slot = e.slot AND m.minute = s.minute AND m.origin = o.origin
         AND m.entity = e.code AND m.minute >= $5 AND m.minute < $6 LIMIT 1) t`,
      [
        entities.map((e) => e.slot),
        entities.map((e) => e.code),
        Array.from({ length: count }, (_, i) => first + i * spacing),
        originCodes,
        from,
        end,
      ],
    );
  }
  const range = `${select} FROM ${table} t WHERE t.slot = ANY ($1::smallint[]) AND t.minute >= $2 AND t.minute < $3
     AND t.origin = ANY ($4::smallint[])`;
  if (!filtered) return session.query(range, [slots, from, end, originCodes]);
  return session.query(`${range} AND (t.slot, t.entity) IN (SELECT * FROM unnest($5::smallint[], $6::int[]))`, [
    slots,
    from,
    end,
    originCodes,
    entities.map((e) => e.slot),
    entities.map((e) => e.code),
  ]);
}
