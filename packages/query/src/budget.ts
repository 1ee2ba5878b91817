// SPDX-License-Identifier: Apache-2.0
// What a request may cost: the points that it makes the storage read, counted before each read. A reader that counts is put around the
// reader of the request, so no surface can forget it.
import { STEP_MINUTES } from '@oap-federation/model';
import type { MetricReader, MetricSeries, SeriesQuery } from '@oap-federation/mqe';
import { OapError } from '@oap-federation/runtime';

/** A ranking reads entities that nobody has counted yet: it weighs as if it read so many. */
export const RANKED_ENTITIES = 100;
/** `origin='*'` reads as many origins as there are. */
const ALL_ORIGINS = 10;

/** The cost of one request so far. One point of one entity of one origin is 1. */
export class Budget {
  readonly #max: number;
  #spent = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get spent(): number {
    return this.#spent;
  }

  /** Errors: OAP-6001 when the request has become too expensive. */
  spend(cost: number): void {
    this.#spent += cost;
    if (this.#spent > this.#max) throw new OapError('OAP-6001', { limit: 'cost', value: this.#spent, max: this.#max });
  }
}

/** Points that a read is expected to touch, before it is made. */
export function costOf({ entityIds, origins, fromMinute, toMinute, step }: SeriesQuery): number {
  const points = Math.ceil((toMinute + 1 - fromMinute) / STEP_MINUTES[step]);
  return points * (entityIds?.length ?? RANKED_ENTITIES) * (origins[0] === '*' ? ALL_ORIGINS : origins.length);
}

/** What a reader that counts tells of each read. */
export type ReadObserver = (
  query: SeriesQuery,
  read: () => Promise<readonly MetricSeries[]>,
) => ReturnType<typeof read>;

/** The reader, charging each read to `budget`; `observe` sees each read and carries it out. */
export function meteredReader(reader: MetricReader, budget: Budget, observe?: ReadObserver): MetricReader {
  const metered = async (query: SeriesQuery, read: () => Promise<readonly MetricSeries[]>) => {
    budget.spend(costOf(query));
    return observe === undefined ? read() : observe(query, read);
  };
  const sums: NonNullable<MetricReader['readSums']> = async (query) => {
    budget.spend(costOf(query));
    const found = await reader.readSums?.(query);
    if (found === undefined) budget.spend(-costOf(query)); // the series that are read instead are charged for it
    return found;
  };
  return {
    metrics: () => reader.metrics(),
    readSeries: (query) => metered(query, () => reader.readSeries(query)),
    readRange: (query) => metered(query, () => reader.readRange(query)),
    // an observer wants to see the series that are ranked
    ...(reader.readSums === undefined || observe !== undefined ? {} : { readSums: sums }),
  };
}
