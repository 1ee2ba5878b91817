// SPDX-License-Identifier: Apache-2.0
// The query side: merged fields of one metric per entity, origin and bucket. In: queries. Out: series, kept until a flush of any node changes
// a minute that they are of. One check of what changed serves all queries that wait for one.
import type { MetricSchema } from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery, ValueSums } from '@oap-federation/mqe';
import { BugError, type Logger } from '@oap-federation/runtime';
import { bucketsOf, oneBucket, partsOf, type Buckets } from './buckets.js';
import { ByteCache } from './byte-cache.js';
import type { Changes } from './changes.js';
import { fetchRows, SPACING } from './fetch-rows.js';
import { RANGE_ENTITIES_MIN, RANGE_MINUTES_MAX, RangeMerger } from './range-merges.js';
import { buildSeries, type BucketRows } from './series-builder.js';
import {
  asksDictionary,
  EntityFinder,
  entityFilter,
  findOrigins,
  isSelective,
  type FoundEntities,
} from './series-entities.js';
import { BEGIN_SNAPSHOT, inTransaction, type SqlDatabase, type SqlSession } from './sql.js';
import type { MetricCatalog, StoredMetric } from './tables.js';
import { ValueSumsReader } from './value-sums.js';

export interface SeriesReaderDeps {
  readonly db: SqlDatabase;
  readonly catalog: MetricCatalog;
  readonly changes: Changes;
  /** Answers and codes that are kept take about so much memory. 0 keeps nothing. */
  readonly cacheBytes: number;
  readonly logger: Logger;
}

/** How many answers came from memory, and how many were read. */
export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  /** Bytes of answers that are kept. */
  readonly bytes: number;
}

/** Of a series without its rows, and of a row without its distributions. */
const SERIES_BYTES = 600;
const ROW_BYTES = 50;
/** Of a sum: a reference to its entity's id, a total and a count. */
const SUM_BYTES = 24;

export class SqlMetricReader implements MetricReader {
  readonly #d: SeriesReaderDeps;
  readonly #finder: EntityFinder;
  readonly #answers: ByteCache<Promise<unknown>>;
  readonly #ranges: RangeMerger;
  readonly #sums: ValueSumsReader;
  #hits = 0;
  #misses = 0;

  constructor(deps: SeriesReaderDeps) {
    this.#d = deps;
    const { cacheBytes } = deps;
    this.#finder = new EntityFinder(deps.changes, cacheBytes / 8);
    const minutes = { db: deps.db, changes: deps.changes, finder: this.#finder };
    this.#answers = new ByteCache(cacheBytes / 4);
    this.#ranges = new RangeMerger(minutes, (cacheBytes * 3) / 8);
    this.#sums = new ValueSumsReader(minutes, cacheBytes / 4);
  }

  /** Of the moment. */
  counts(): CacheCounts {
    const bytes = this.#answers.bytes + this.#ranges.bytes + this.#sums.bytes;
    return { hits: this.#hits, misses: this.#misses, bytes };
  }

  metrics(): readonly MetricSchema[] {
    return this.#d.catalog.schemas();
  }

  readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    const buckets = bucketsOf(query);
    if (query.slots !== undefined) return this.#once(query, buckets);
    const grid = [query.step, query.offsetMinutes];
    return this.#kept(['series', ...grid], query, buckets, () => this.#read(query, buckets), bytesOfSeries);
  }

  readRange(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    const buckets = oneBucket(bucketsOf(query));
    return this.#kept(['range'], query, buckets, () => this.#readRange(query, buckets), bytesOfSeries);
  }

  readSums(query: SeriesQuery): Promise<readonly ValueSums[] | undefined> {
    const { cacheBytes } = this.#d;
    if (cacheBytes === 0) return Promise.resolve(undefined);
    const read = () => this.#sums.read(query, this.#metric(query));
    return this.#kept(['sums', query.step], query, bucketsOf(query), read, bytesOfSums);
  }

  /** Who judges its own slots reads each window once: kept, it would push out what people ask again. */
  async #once(query: SeriesQuery, buckets: Buckets): Promise<readonly MetricSeries[]> {
    await this.#d.changes.check(); // of the entities, which are kept
    return this.#read(query, buckets);
  }

  /**
   * The answer that is known, or that of `read`. The label is of before the rows are read: they may be newer than it says, and then they
   * are read again next time.
   */
  async #kept<T>(
    kind: readonly unknown[],
    query: SeriesQuery,
    { from, end }: Buckets,
    read: () => Promise<T>,
    bytesOf: (answer: T) => number,
  ): Promise<T> {
    const { changes } = this.#d;
    await changes.check();
    const filter = entityFilter(query);
    const key = JSON.stringify([kind, query.metric.name, filter, query.origins, from, end]);
    const rows = changes.ofMinutes(from, end);
    const label = asksDictionary(filter) ? Math.max(rows, changes.ofEntities) : rows;
    const known = this.#answers.get(key, label) as Promise<T> | undefined;
    if (known !== undefined) {
      this.#hits++;
      return known;
    }
    this.#misses++;
    const reading = read();
    // whoever asks the same meanwhile waits for this answer
    this.#answers.set(key, label, reading, key.length);
    try {
      const answer = await reading;
      this.#answers.set(key, label, reading, key.length + bytesOf(answer));
      return answer;
    } catch (error) {
      this.#answers.delete(key);
      throw error;
    }
  }

  #metric({ metric }: SeriesQuery): StoredMetric {
    const stored = this.#d.catalog.find(metric);
    if (stored === undefined) throw new BugError(`metric "${metric.text}" is not stored here`);
    return stored;
  }

  async #readRange(query: SeriesQuery, buckets: Buckets): Promise<readonly MetricSeries[]> {
    const { from, end } = buckets;
    const many = query.entityIds === undefined || query.entityIds.length >= RANGE_ENTITIES_MIN;
    if (this.#d.cacheBytes > 0 && many && end - from <= RANGE_MINUTES_MAX) {
      const merged = await this.#ranges.read(query, this.#metric(query), from, end);
      if (merged !== undefined) return merged;
    }
    return this.#read(query, buckets);
  }

  #read(query: SeriesQuery, buckets: Buckets): Promise<readonly MetricSeries[]> {
    const { db } = this.#d;
    const metric = this.#metric(query);
    const known = this.#finder.known(query);
    // of merged minutes of known entities one statement is the whole read: it has a snapshot of its own
    if (known !== undefined && buckets.minutes < SPACING.hour && query.origins.every((origin) => origin === '')) {
      return db.read((session) => this.#series(session, metric, query, buckets, known));
    }
    return db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const entities = await this.#finder.find(session, query);
        return this.#series(session, metric, query, buckets, entities);
      }),
    );
  }

  async #series(
    session: SqlSession,
    metric: StoredMetric,
    query: SeriesQuery,
    buckets: Buckets,
    entities: FoundEntities,
  ): Promise<readonly MetricSeries[]> {
    const slots = entities.slotList;
    const origins = await findOrigins(session, query.origins, slots);
    const originCodes = [...new Set([...origins.values()].flatMap((names) => [...names.keys()]))];
    const filtered = isSelective(entityFilter(query));
    const found: BucketRows[] = [];
    for (const { granularity, from, end, holds } of await partsOf(session, buckets, slots)) {
      const wanted = { granularity, from, end, slots, originCodes, entities: filtered ? entities : undefined };
      for (const rows of await fetchRows(session, metric, wanted)) {
        found.push({ bucket: buckets.startOf(rows.start), rows, holds: (slot) => holds(slot, rows.start) });
      }
    }
    return buildSeries(query.metric, found, entities, origins, (entity, bucket) =>
      this.#d.logger.error(
        { metric: query.metric.name, entity, bucket, step: query.step },
        'a bucket leaves int64 when merged; what did not fit is left out of the answer',
      ),
    );
  }
}

function bytesOfSums(sums: readonly ValueSums[] | undefined): number {
  return sums?.reduce((bytes, { entityIds }) => bytes + entityIds.length * SUM_BYTES, 0) ?? 0;
}

function bytesOfSeries(series: readonly MetricSeries[]): number {
  let bytes = series.length * SERIES_BYTES;
  for (const { starts, columns } of series) {
    bytes += starts.length * ROW_BYTES;
    const { schema } = columns;
    for (let f = 0; f < schema.distributionFields.length; f++) {
      for (let row = 0; row < starts.length; row++) bytes += columns.encodedDistribution(row, f).length;
    }
  }
  return bytes;
}
