// SPDX-License-Identifier: Apache-2.0
// Stored rows of one metric on their way into an answer: by the bucket that they are stored under, in columns, without an object per row.
// In: codes and bounds. Out: blocks that the merge kernels take.
import { distributionColumn, type IncrementBlock } from '@oap-federation/model';
import { invariant } from '@oap-federation/runtime';
import { readCopyFile } from './copy-binary.js';
import type { Granularity } from './port.js';
import { identifier, type SqlSession } from './sql.js';
import { metricTable, MINUTES_PER_DAY, type StoredMetric } from './tables.js';

/** Rows with the metric that are stored under one minute, hour or day; row i is of origin code `origins[i]` and entity code `block.entities[i]`. */
export interface FetchedRows {
  /** Epoch minute of the bucket's start. */
  readonly start: number;
  readonly slots: Int16Array;
  readonly origins: Int16Array;
  readonly block: IncrementBlock;
}

/** Entities of one scope by their codes: entity i is `codes[i]` of slot `slots[i]`. */
export interface EntityCodes {
  readonly slots: readonly number[];
  readonly codes: readonly number[];
}

/** Which rows to fetch: those with a start in [from, end), of these origin codes. */
export interface Wanted {
  readonly granularity: Granularity;
  readonly from: number;
  readonly end: number;
  readonly slots: readonly number[];
  readonly originCodes: readonly number[];
  /** Undefined: every entity of the slots. */
  readonly entities: EntityCodes | undefined;
}

/** Minutes of a row. */
export const SPACING: Readonly<Record<Granularity, number>> = { minute: 1, hour: 60, day: MINUTES_PER_DAY };

/** Up to this many keys (entities times buckets times origins) are looked up one by one, at about 5 us each. */
const LOOKUP_KEYS_MAX = 20_000;

/** Ascending by start. */
export async function fetchRows(session: SqlSession, metric: StoredMetric, wanted: Wanted): Promise<FetchedRows[]> {
  if (wanted.slots.length === 0 || wanted.originCodes.length === 0 || wanted.entities?.codes.length === 0) return [];
  const file = await session.copyOut(selectText(metric, wanted));
  return readCopyFile(file)
    .map((fields) => rowsOf(metric, fields))
    .toSorted((a, b) => a.start - b.start);
}

/** Per start: the start, then a column each of slots, origins, entities, int fields, and lengths and bytes of distributions. */
function selectText(metric: StoredMetric, wanted: Wanted): string {
  const { granularity, from, end, slots, originCodes, entities } = wanted;
  const ints = metric.intColumns.map((name) => `t.${identifier(name)}`);
  const distributions = metric.distributionColumns.map((name) => `t.${identifier(name)}`);
  const columns = [
    `int2send(t.slot)`,
    `int2send(t.origin)`,
    `int4send(t.entity)`,
    ...ints.map((name) => `int8send(${name})`),
    ...distributions.flatMap((name) => [`int4send(coalesce(octet_length(${name}), 0))`, `coalesce(${name}, '')`]),
  ].map((value) => `string_agg(${value}, '')`);
  return `SELECT int4send(t.minute), ${columns.join(', ')} FROM ${source()} AND ${[...ints, ...distributions][0]!} IS NOT NULL
    GROUP BY t.minute`;

  function source(): string {
    const table = metricTable(metric.schema.scope, granularity);
    const spacing = SPACING[granularity];
    const first = Math.ceil(from / spacing) * spacing;
    const count = Math.max(0, Math.ceil((end - first) / spacing));
    const origins = integers(originCodes);
    const bounds = `t.minute >= ${integer(from)} AND t.minute < ${integer(end)}`;
    const inRange = `${table} t WHERE t.slot IN (${integers(slots)}) AND ${bounds} AND t.origin IN (${origins})`;
    if (entities === undefined) return inRange;
    const pairs = `unnest('{${integers(entities.slots)}}'::smallint[], '{${integers(entities.codes)}}'::int[]) AS e (slot, code)`;
    if (entities.codes.length * count * originCodes.length > LOOKUP_KEYS_MAX) {
      return `${inRange} AND (t.slot, t.entity) IN (SELECT e.slot, e.code FROM ${pairs})`;
    }
    // LIMIT keeps the planner from turning this round: without statistics (a day's first hour) it would scan the partition.
    // The bounds are there for it as well: they leave one or two partitions to look into.
    const starts = Array.from({ length: count }, (_, i) => first + i * spacing);
    return `${pairs} CROSS JOIN unnest('{${integers(starts)}}'::int[]) AS s (minute)
      CROSS JOIN unnest('{${origins}}'::smallint[]) AS o (origin)
      CROSS JOIN LATERAL (SELECT * FROM ${table} t WHERE t.slot = e.slot AND t.minute = s.minute AND t.origin = o.origin
        AND t.entity = e.code AND ${bounds} LIMIT 1) t WHERE true`;
  }
}

/** A COPY has no parameters: whatever goes into its text passes here. */
function integer(value: number): number {
  invariant(Number.isSafeInteger(value), `${value} is no integer`);
  return value;
}

function integers(values: readonly number[]): string {
  for (const value of values) integer(value);
  return values.join();
}

function rowsOf({ schema }: StoredMetric, fields: readonly (Uint8Array | null)[]): FetchedRows {
  let at = 0;
  /** The next field in memory of its own, which the views below need aligned. */
  const next = () => Buffer.from(new Uint8Array(fields[at++]!).buffer);
  const int32s = () => {
    const bytes = swap(next(), 4);
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  };
  const int16s = () => {
    const bytes = swap(next(), 2);
    return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  };
  const start = int32s()[0]!;
  const slots = int16s();
  const origins = int16s();
  const entities = new Uint32Array(int32s().buffer);
  const ints = schema.intFields.map(() => {
    const bytes = swap(next(), 8);
    return new BigInt64Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length >> 3);
  });
  const distributions = schema.distributionFields.map(() => {
    const lengths = int32s();
    const offsets = new Uint32Array(lengths.length + 1);
    for (let i = 0; i < lengths.length; i++) offsets[i + 1] = offsets[i]! + lengths[i]!;
    return distributionColumn(offsets, next());
  });
  return { start, slots, origins, block: { schema, minute: start, origin: '', entities, ints, distributions } };
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Network order to that of this machine, in place. */
function swap(bytes: Buffer, width: 2 | 4 | 8): Buffer {
  if (!LITTLE_ENDIAN) return bytes;
  return width === 2 ? bytes.swap16() : width === 4 ? bytes.swap32() : bytes.swap64();
}
