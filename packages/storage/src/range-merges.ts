// SPDX-License-Identifier: Apache-2.0
// A range of many entities as one merged row each: merged from spans of 1, 2, 4, .. minutes that are kept, so that a range which moves on, or
// whose last minute changes, merges a few spans and not every minute. In: minutes in columns. Out: one merged row per series.
import { MetricColumns, type IncrementBlock, type MetricSchema } from '@oap-federation/model';
import type { MetricSeries, SeriesQuery } from '@oap-federation/mqe';
import { ByteCache } from './byte-cache.js';
import type { FetchedRows } from './fetch-rows.js';
import { MinuteColumns, type Leaf, type Minutes, type MinuteColumnsDeps } from './minute-columns.js';
import type { StoredMetric } from './tables.js';

/** Merged rows of a span: row i is of series `numbers[i]`. */
interface MergedRows extends Leaf {
  readonly numbers: Int32Array;
  readonly block: IncrementBlock;
}

/** Longer ranges have whole hours and days in them, which are merged already. */
export const RANGE_MINUTES_MAX = 240;
/** Fewer entities are read as fast without spans. */
export const RANGE_ENTITIES_MIN = 50;

export class RangeMerger {
  readonly #minutes: MinuteColumns<MergedRows>;
  readonly #spans: ByteCache<MergedRows>;

  /** Leaves and what is merged of them take about as much. */
  constructor(deps: MinuteColumnsDeps, bytesMax: number) {
    this.#minutes = new MinuteColumns(deps, bytesMax / 2, (rows, numbers) => wantedRows(rows, numbers));
    this.#spans = new ByteCache(bytesMax / 2);
  }

  get bytes(): number {
    return this.#minutes.bytes + this.#spans.bytes;
  }

  /** Series with a row for [from, end); undefined where a plain read has to answer: something leaves int64 when merged, or changes all the time. */
  async read(
    query: SeriesQuery,
    metric: StoredMetric,
    from: number,
    end: number,
  ): Promise<readonly MetricSeries[] | undefined> {
    const minutes = await this.#minutes.read(query, metric, from, end);
    if (minutes === undefined) return undefined;
    const parts: MergedRows[] = [];
    for (const { start, length } of spansAround(hotMinutes(minutes.changes, from), from, end)) {
      const span = this.#span(minutes, metric.schema, from, start, length);
      if (span === 'overflow') return undefined;
      if (span !== undefined) parts.push(span);
    }
    const merged = parts.length > 1 ? merge(metric.schema, parts, minutes.index.ids.length) : parts[0];
    if (merged === 'overflow') return undefined;
    return merged === undefined ? [] : seriesOf(minutes, merged, from);
  }

  /** The merged rows of a span; undefined without rows. */
  #span(
    minutes: Minutes<MergedRows>,
    schema: MetricSchema,
    from: number,
    start: number,
    length: number,
  ): MergedRows | 'overflow' | undefined {
    if (length === 1) return minutes.leaves[start - from];
    const key = `${minutes.name} ${start} ${length}`;
    let label = 0;
    for (let i = start - from; i < start - from + length; i++) label = Math.max(label, minutes.changes[i]!);
    const known = this.#spans.get(key, label);
    if (known !== undefined) return known;
    const halves = [start, start + length / 2].map((at) => this.#span(minutes, schema, from, at, length / 2));
    if (halves.includes('overflow')) return 'overflow';
    const parts = halves.filter((half) => half !== undefined) as MergedRows[];
    const merged = parts.length > 1 ? merge(schema, parts, minutes.index.ids.length) : parts[0];
    if (merged !== undefined && merged !== 'overflow') this.#spans.set(key, label, merged, 200 + merged.bytes);
    return merged;
  }
}

/** Changed last, and likely to change again: merged by themselves, or each flush would have every span around them merged again. */
const HOT_MAX = 3;

function hotMinutes(changes: readonly number[], from: number): readonly number[] {
  const newest = changes.reduce((a, b) => Math.max(a, b), 0);
  const hot = changes.flatMap((change, i) => (change === newest ? [from + i] : []));
  return hot.length <= HOT_MAX ? hot : [];
}

function spansAround(hot: readonly number[], from: number, end: number): ReturnType<typeof alignedSpans> {
  const cuts = [...hot, end];
  return cuts.flatMap((cut, i) => {
    const before = alignedSpans(i === 0 ? from : cuts[i - 1]! + 1, cut);
    return cut === end && i === hot.length ? before : [...before, { start: cut, length: 1 }];
  });
}

/** The fewest spans whose start is a multiple of their length, a power of two. */
export function alignedSpans(from: number, end: number): { readonly start: number; readonly length: number }[] {
  const spans: { start: number; length: number }[] = [];
  for (let start = from; start < end;) {
    let length = 1;
    while (start % (length * 2) === 0 && start + length * 2 <= end) length *= 2;
    spans.push({ start, length });
    start += length;
  }
  return spans;
}

/** Rows that are asked for. */
function wantedRows({ block }: FetchedRows, numbers: Int32Array): MergedRows {
  if (!numbers.includes(-1)) return rowsOf(numbers, block);
  const columns = new MetricColumns(block.schema, numbers.length);
  const wanted: number[] = [];
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i]! < 0) continue;
    columns.mergeBlockRow(wanted.length, block, i); // into nothing: it always fits
    wanted.push(numbers[i]!);
  }
  return rowsOf(Int32Array.from(wanted), blockOf(block.schema, columns, wanted.length));
}

function rowsOf(numbers: Int32Array, block: IncrementBlock): MergedRows {
  let bytes = numbers.byteLength;
  for (const column of block.ints) bytes += column.byteLength;
  for (const { bytes: content } of block.distributions) bytes += content.length + 16 * numbers.length;
  return { numbers, block, bytes };
}

function merge(schema: MetricSchema, parts: readonly MergedRows[], series: number): MergedRows | 'overflow' {
  const rowOf = new Int32Array(series).fill(-1);
  const merged: number[] = [];
  const columns = new MetricColumns(schema, Math.max(...parts.map(({ numbers }) => numbers.length)));
  for (const { numbers, block } of parts) {
    const rows = numbers.map((number) => {
      if (rowOf[number]! < 0) rowOf[number] = merged.push(number) - 1;
      return rowOf[number]!;
    });
    if (columns.mergeBlock(rows, block) !== undefined) return 'overflow';
  }
  return rowsOf(Int32Array.from(merged), blockOf(schema, columns, merged.length));
}

function blockOf(schema: MetricSchema, columns: MetricColumns, n: number): IncrementBlock {
  const rows = Array.from({ length: n }, (_, i) => i);
  return {
    schema,
    minute: 0,
    origin: '',
    entities: new Uint32Array(n),
    ints: schema.intFields.map((_, f) => columns.copyInts(f, rows)),
    distributions: schema.distributionFields.map((_, f) => columns.copyDistributions(f, rows)),
  };
}

function seriesOf({ index }: Minutes<MergedRows>, { numbers, block }: MergedRows, start: number): MetricSeries[] {
  return Array.from(numbers, (number, i) => {
    const columns = new MetricColumns(block.schema, 1);
    columns.mergeBlockRow(0, block, i);
    return { entityId: index.ids[number]!, origin: index.origins[number]!, starts: [start], columns };
  });
}
