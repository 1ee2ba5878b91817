// SPDX-License-Identifier: Apache-2.0
// What averages over many entities are made of: per series the sum of its minutes' values, and their number. In: minutes in columns. Out: the sums,
// exact, or nothing where a plain read has to answer: values that are no whole numbers below 2^53.
import { functionOf, type MetricSchema, type RowFields, SparseDistribution } from '@oap-federation/model';
import type { SeriesQuery, ValueSums } from '@oap-federation/mqe';
import type { FetchedRows } from './fetch-rows.js';
import { MinuteColumns, type Leaf, type MinuteColumnsDeps } from './minute-columns.js';
import type { StoredMetric } from './tables.js';

/** Values of one minute: `values[i]` of series `numbers[i]`. */
interface ValueLeaf extends Leaf {
  readonly numbers: Int32Array;
  readonly values: Int32Array | Float64Array;
  /** The greatest magnitude, Infinity if it is none of those that are summed here. */
  readonly greatest: number;
}

/** A day of minutes: longer ranges are asked in hours. */
const MINUTES_MAX = 1_440;

export class ValueSumsReader {
  readonly #minutes: MinuteColumns<ValueLeaf>;

  constructor(deps: MinuteColumnsDeps, bytesMax: number) {
    this.#minutes = new MinuteColumns(deps, bytesMax, valuesOf);
  }

  get bytes(): number {
    return this.#minutes.bytes;
  }

  /** One answer per origin that has data; undefined where this reader has none. */
  async read(query: SeriesQuery, metric: StoredMetric): Promise<readonly ValueSums[] | undefined> {
    const { fromMinute, toMinute, step } = query;
    if (step !== 'MINUTE' || !isWhole(metric.schema) || toMinute - fromMinute >= MINUTES_MAX) return undefined;
    const found = await this.#minutes.read(query, metric, fromMinute, toMinute + 1);
    if (found === undefined) return undefined;
    const { ids, origins } = found.index;
    const totals = new Float64Array(ids.length);
    const counts = new Uint32Array(ids.length);
    let greatest = 0;
    for (const leaf of found.leaves) {
      if (leaf === undefined) continue;
      greatest += leaf.greatest;
      const { numbers, values } = leaf;
      for (let i = 0; i < numbers.length; i++) {
        const number = numbers[i]!;
        if (number < 0) continue;
        totals[number]! += values[i]!;
        counts[number]!++;
      }
    }
    return greatest > Number.MAX_SAFE_INTEGER ? undefined : byOrigin(ids, origins, totals, counts);
  }
}

function byOrigin(
  ids: readonly string[],
  origins: readonly string[],
  totals: Float64Array,
  counts: Uint32Array,
): ValueSums[] {
  const found = new Map<string, { entityIds: string[]; totals: number[]; counts: number[] }>();
  for (let i = 0; i < ids.length; i++) {
    if (counts[i] === 0) continue;
    let of = found.get(origins[i]!);
    if (of === undefined) found.set(origins[i]!, (of = { entityIds: [], totals: [], counts: [] }));
    of.entityIds.push(ids[i]!);
    of.totals.push(totals[i]!);
    of.counts.push(counts[i]!);
  }
  return [...found].map(([origin, of]) => ({ origin, ...of }));
}

/** Whether the metric's value is one integer. */
function isWhole({ functionName, distributionFields }: MetricSchema): boolean {
  return distributionFields.length === 0 && functionName !== 'doubleAvg';
}

const NO_DISTRIBUTION = new SparseDistribution(1);

function valuesOf({ block }: FetchedRows, numbers: Int32Array): ValueLeaf {
  const { schema, ints } = block;
  const metricFunction = functionOf(schema);
  let row = 0;
  const fields: RowFields = { int: (field) => ints[field]![row]!, distribution: () => NO_DISTRIBUTION };
  const values = new Float64Array(numbers.length);
  let greatest = 0;
  for (; row < numbers.length; row++) {
    const value = metricFunction.calculate(fields, 1, schema.args);
    const number = value.kind === 'long' ? Number(value.value) : Number.NaN;
    values[row] = number;
    const magnitude = Math.abs(number);
    if (!(magnitude <= greatest)) greatest = magnitude <= Number.MAX_SAFE_INTEGER ? magnitude : Infinity;
  }
  const small = greatest < 2 ** 31 ? Int32Array.from(values) : values;
  return { numbers, values: small, greatest, bytes: numbers.byteLength + small.byteLength };
}
