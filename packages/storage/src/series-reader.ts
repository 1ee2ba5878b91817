// SPDX-License-Identifier: Apache-2.0
// The query side: merged fields of one metric per entity, origin and bucket. In: queries. Out: series, kept until a flush of any node changes
// a minute that they are of. One check of what changed serves all queries that wait for one.
import type { MetricSchema } from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery } from '@oap-federation/mqe';
import { BugError, type Logger } from '@oap-federation/runtime';
import { bucketsOf, oneBucket, partsOf, type Buckets } from './buckets.js';
import { ByteCache } from './byte-cache.js';
import type { Changes } from './changes.js';
import { fetchRows } from './fetch-rows.js';
import { buildSeries, type BucketRows } from './series-builder.js';
import { asksDictionary, EntityFinder, entityFilter, findOrigins, isSelective } from './series-entities.js';
import { BEGIN_SNAPSHOT, inTransaction, type SqlDatabase } from './sql.js';
import type { MetricCatalog } from './tables.js';

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

export class SqlMetricReader implements MetricReader {
  readonly #d: SeriesReaderDeps;
  readonly #finder: EntityFinder;
  readonly #answers: ByteCache<Promise<readonly MetricSeries[]>>;
  #hits = 0;
  #misses = 0;

  constructor(deps: SeriesReaderDeps) {
    this.#d = deps;
    this.#finder = new EntityFinder(deps.changes, deps.cacheBytes / 4);
    this.#answers = new ByteCache((deps.cacheBytes * 3) / 4);
  }

  /** Of the moment. */
  counts(): CacheCounts {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#answers.bytes };
  }

  metrics(): readonly MetricSchema[] {
    return this.#d.catalog.schemas();
  }

  readSeries(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return this.#answer('series', query, bucketsOf(query));
  }

  readRange(query: SeriesQuery): Promise<readonly MetricSeries[]> {
    return this.#answer('range', query, oneBucket(bucketsOf(query)));
  }

  /** The label is of before the rows are read: they may be newer than it says, and then they are read again next time. */
  async #answer(kind: string, query: SeriesQuery, buckets: Buckets): Promise<readonly MetricSeries[]> {
    const { changes } = this.#d;
    await changes.check();
    const { metric, origins, step, offsetMinutes } = query;
    const filter = entityFilter(query);
    const { from, end } = buckets;
    const grid = kind === 'series' ? [step, offsetMinutes] : [];
    const key = JSON.stringify([kind, metric.name, filter, origins, from, end, ...grid]);
    const rows = changes.ofMinutes(from, end);
    const label = asksDictionary(filter) ? Math.max(rows, changes.ofEntities) : rows;
    const known = this.#answers.get(key, label);
    if (known !== undefined) {
      this.#hits++;
      return known;
    }
    this.#misses++;
    const reading = this.#read(query, buckets);
    // whoever asks the same meanwhile waits for this answer
    this.#answers.set(key, label, reading, key.length);
    try {
      const series = await reading;
      this.#answers.set(key, label, reading, key.length + bytesOf(series));
      return series;
    } catch (error) {
      this.#answers.delete(key);
      throw error;
    }
  }

  async #read(query: SeriesQuery, buckets: Buckets): Promise<readonly MetricSeries[]> {
    const metric = this.#d.catalog.find(query.metric);
    if (metric === undefined) throw new BugError(`metric "${query.metric.text}" is not stored here`);
    return this.#d.db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const entities = await this.#finder.find(session, query);
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
      }),
    );
  }
}

function bytesOf(series: readonly MetricSeries[]): number {
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
