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

  async readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    const metric = this.#catalog.find(query.metric);
    if (metric === undefined) throw new BugError(`metric "${query.metric.text}" is not stored here`);
    return this.#db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const entities = await findEntities(session, query);
        if (entities.length === 0) return [];
        const pieces = await readPieces(session, metric, query, entities);
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
  entities: readonly FoundEntity[],
): Promise<SeriesPieces[]> {
  const origins = await wantedOrigins(session, query.origins);
  const wantsMerged = query.origins.includes('');
  const codes = new Set<number>(wantsMerged ? [0] : []);
  for (const ofSlot of origins.values()) for (const code of ofSlot.keys()) codes.add(code);
  if (codes.size === 0) return [];

  const { step, offsetMinutes } = query;
  const from = bucketStart(query.fromMinute, step, offsetMinutes);
  const end = bucketStart(query.toMinute, step, offsetMinutes) + STEP_MINUTES[step]; // exclusive
  const slots = [...new Set(entities.map((e) => e.slot))];
  const bySlot = new Map<number, Map<number, FoundEntity>>(slots.map((slot) => [slot, new Map()]));
  for (const entity of entities) bySlot.get(entity.slot)!.set(entity.code, entity);

  const filtered = query.entityIds !== undefined || query.serviceId !== undefined || query.layer !== undefined;
  const found = new Map<string, SeriesPieces>();
  const width = metric.intColumns.length;
  for (const part of await parts(session, query, slots, from, end)) {
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
        bucket: bucketStart(minute, step, offsetMinutes),
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
 * How to put [from, end) together. A day row is used when no hour of its day is dirty in its slot and the buckets are UTC days; an
 * hour row when its hour is clean, lies inside one bucket and is not in a day row; minute rows for the rest.
 */
async function parts(
  session: SqlSession,
  { step, offsetMinutes }: SeriesQuery,
  slots: readonly number[],
  from: number,
  end: number,
): Promise<readonly Part[]> {
  if (step === 'MINUTE') return [{ granularity: 'minute', from, end, holds: () => true }];
  const { rows } = await session.query(
    `SELECT slot, hour FROM dirty_hour WHERE slot = ANY ($1::int[]) AND hour >= $2 AND hour < $3`,
    [slots, Math.floor(from / 60), Math.ceil(end / 60)],
  );
  const dirtyHours = new Set(rows.map(([slot, hour]) => `${String(slot)} ${String(hour)}`));
  const dirtyDays = new Set(rows.map(([slot, hour]) => `${String(slot)} ${Math.floor((hour as number) / 24)}`));
  const wholeHours = offsetMinutes % 60 === 0;
  const utcDays = step === 'DAY' && offsetMinutes % MINUTES_PER_DAY === 0;
  const inDayRow = (slot: number, minute: number) =>
    utcDays && !dirtyDays.has(`${slot} ${Math.floor(minute / MINUTES_PER_DAY)}`);
  const inHourRow = (slot: number, minute: number) => {
    const hour = Math.floor(minute / 60);
    const inOneBucket =
      wholeHours || bucketStart(hour * 60, step, offsetMinutes) === bucketStart(hour * 60 + 59, step, offsetMinutes);
    return inOneBucket && !dirtyHours.has(`${slot} ${hour}`);
  };
  // An hour needs its minutes when some slot cannot use its row, a day needs its hours when some slot cannot use its row.
  const minuteHours: number[] = [];
  for (let hour = Math.floor(from / 60); hour * 60 < end; hour++) {
    if (slots.some((slot) => !inDayRow(slot, hour * 60) && !inHourRow(slot, hour * 60))) minuteHours.push(hour);
  }
  const hourDays: number[] = [];
  for (let day = Math.floor(from / MINUTES_PER_DAY); day * MINUTES_PER_DAY < end; day++) {
    if (slots.some((slot) => !inDayRow(slot, day * MINUTES_PER_DAY))) hourDays.push(day);
  }
  const within = (granularity: Granularity, spans: readonly Span[], holds: Part['holds']): Part[] =>
    spans.map((span) => ({ granularity, from: Math.max(from, span.from), end: Math.min(end, span.end), holds }));
  return [
    ...(utcDays ? within('day', [{ from, end }], inDayRow) : []),
    ...within(
      'hour',
      runs(hourDays, MINUTES_PER_DAY),
      (slot, start) => !inDayRow(slot, start) && inHourRow(slot, start),
    ),
    ...within('minute', runs(minuteHours, 60), (slot, minute) => !inDayRow(slot, minute) && !inHourRow(slot, minute)),
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

const SPACING: Readonly<Record<Granularity, number>> = { minute: 1, hour: 60, day: MINUTES_PER_DAY };

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
