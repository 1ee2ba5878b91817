// SPDX-License-Identifier: Apache-2.0
// Minutes of one metric of many entities, kept in columns: a range that moves on, or whose last minute changes, reads only the minutes that are
// new or changed. In: fetched rows of a minute. Out: one leaf a minute, made by the caller, all of one state of the storage.
import type { SeriesQuery } from '@oap-federation/mqe';
import { ByteCache } from './byte-cache.js';
import type { Changes } from './changes.js';
import { fetchRows, type FetchedRows } from './fetch-rows.js';
import {
  asksDictionary,
  entityFilter,
  findOrigins,
  isSelective,
  type EntityFinder,
  type FoundEntities,
  type WantedOrigins,
} from './series-entities.js';
import { runs } from './buckets.js';
import { BEGIN_SNAPSHOT, inTransaction, type SqlDatabase, type SqlSession } from './sql.js';
import type { StoredMetric } from './tables.js';

/** Numbers the series of a query: entity and origin by their codes. A number stays while claims are the same; new ones come behind. */
export class SeriesIndex {
  readonly ids: string[] = [];
  readonly origins: string[] = [];
  readonly #numbers = new Map<number, Map<number, number>>();
  #found: FoundEntities | undefined;
  #idOf = new Map<number, Map<number, string>>();
  #names: WantedOrigins = new Map();

  /** What rows may be of from now on. */
  extend(found: FoundEntities, names: WantedOrigins): void {
    this.#names = names;
    if (found === this.#found) return;
    this.#found = found;
    this.#idOf = new Map(found.slotList.map((slot) => [slot, new Map()]));
    for (let i = 0; i < found.ids.length; i++) this.#idOf.get(found.slots[i]!)!.set(found.codes[i]!, found.ids[i]!);
  }

  /** Of each row the number of its series; -1 for what was not asked for. */
  numbersOf({ slots, origins, block }: FetchedRows): Int32Array {
    const numbers = new Int32Array(slots.length);
    let slot = -1;
    let origin = -1;
    let known: Map<number, number> | undefined;
    for (let i = 0; i < slots.length; i++) {
      if (slots[i] !== slot || origins[i] !== origin) {
        slot = slots[i]!;
        origin = origins[i]!;
        const key = slot * 32_768 + origin;
        known = this.#numbers.get(key);
        if (known === undefined) this.#numbers.set(key, (known = new Map()));
      }
      const code = block.entities[i]!;
      numbers[i] = known!.get(code) ?? this.#add(slot, origin, code, known!);
    }
    return numbers;
  }

  #add(slot: number, origin: number, code: number, known: Map<number, number>): number {
    const id = this.#idOf.get(slot)?.get(code);
    const name = this.#names.get(slot)?.get(origin);
    if (id === undefined || name === undefined) return -1;
    const number = this.ids.length;
    this.ids.push(id);
    this.origins.push(name);
    known.set(code, number);
    return number;
  }
}

/** What is kept of one minute; `bytes` is about what it takes. */
export interface Leaf {
  readonly bytes: number;
}

interface Kept<L> {
  /** No other has it: what is derived from numbers of one index means nothing under another. */
  readonly name: string;
  readonly index: SeriesIndex;
  /** Per minute: the number of its newest change when it was read, and the leaf, undefined where no row is. */
  readonly leaves: Map<number, { readonly change: number; readonly leaf: L | undefined }>;
}

/** Minutes [from, from + leaves.length) of a query, as of one state: `changes[i]` numbers the newest change of minute i. */
export interface Minutes<L> {
  /** Of the query without its range, and of the index: what is derived from leaves may be kept under it. */
  readonly name: string;
  readonly index: SeriesIndex;
  readonly leaves: readonly (L | undefined)[];
  readonly changes: readonly number[];
}

export interface MinuteColumnsDeps {
  readonly db: SqlDatabase;
  readonly changes: Changes;
  readonly finder: EntityFinder;
}

const TRIES = 3;
/** Of a series that has a number. */
const SERIES_BYTES = 100;

export class MinuteColumns<L extends Leaf> {
  readonly #d: MinuteColumnsDeps;
  readonly #kept: ByteCache<Kept<L>>;
  readonly #make: (rows: FetchedRows, numbers: Int32Array) => L;

  #indexes = 0;

  constructor(deps: MinuteColumnsDeps, bytesMax: number, make: (rows: FetchedRows, numbers: Int32Array) => L) {
    this.#d = deps;
    this.#kept = new ByteCache(bytesMax);
    this.#make = make;
  }

  get bytes(): number {
    return this.#kept.bytes;
  }

  /**
   * Every minute in [from, end), after a check of what changed. Undefined when the storage changed under each of a few reads: then a plain
   * read, which has one snapshot, is the way to one state.
   */
  async read(query: SeriesQuery, metric: StoredMetric, from: number, end: number): Promise<Minutes<L> | undefined> {
    const { db, changes } = this.#d;
    const filter = entityFilter(query);
    const key = JSON.stringify([metric.schema.name, filter, query.origins]);
    const labelOf = () => (asksDictionary(filter) ? changes.ofEntities : changes.ofCodes);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt > 0) await changes.check();
      const label = labelOf();
      const kept = this.#kept.get(key, label) ?? {
        name: `${key} ${this.#indexes++}`,
        index: new SeriesIndex(),
        leaves: new Map(),
      };
      const known = this.#complete(kept, from, end);
      if (known !== undefined) return known;
      const found = await db.read((session) =>
        inTransaction(session, BEGIN_SNAPSHOT, async () => {
          if (!(await changes.isCurrent(session)) || labelOf() !== label) return undefined;
          return this.#fill(session, { query, metric, kept, from, end });
        }),
      );
      if (found === undefined) continue;
      const range = end - from;
      for (const minute of kept.leaves.keys()) {
        if (minute < from - range || minute >= end + range) kept.leaves.delete(minute);
      }
      let bytes = key.length + kept.index.ids.length * SERIES_BYTES;
      for (const { leaf } of kept.leaves.values()) bytes += 100 + (leaf?.bytes ?? 0);
      this.#kept.set(key, label, kept, bytes);
      return found;
    }
    return undefined;
  }

  /** The minutes if all of them are there, and still right. */
  #complete({ name, index, leaves }: Kept<L>, from: number, end: number): Minutes<L> | undefined {
    const found: (L | undefined)[] = [];
    const numbers: number[] = [];
    for (let minute = from; minute < end; minute++) {
      const change = this.#d.changes.ofMinutes(minute, minute + 1);
      const known = leaves.get(minute);
      if (known?.change !== change) return undefined;
      found.push(known.leaf);
      numbers.push(change);
    }
    return { name, index, leaves: found, changes: numbers };
  }

  /** Reads what is missing, in a snapshot that is the state of the labels. */
  async #fill(
    session: SqlSession,
    asked: { query: SeriesQuery; metric: StoredMetric; kept: Kept<L>; from: number; end: number },
  ): Promise<Minutes<L>> {
    const { query, metric, kept, from, end } = asked;
    const { name, index, leaves } = kept;
    const numbers = Array.from({ length: end - from }, (_, i) => this.#d.changes.ofMinutes(from + i, from + i + 1));
    const found = numbers.map((change, i) => {
      const known = leaves.get(from + i);
      return known?.change === change ? known : undefined;
    });
    const entities = await this.#d.finder.find(session, query);
    const slots = entities.slotList;
    const origins = await findOrigins(session, query.origins, slots);
    const originCodes = [...new Set([...origins.values()].flatMap((names) => [...names.keys()]))];
    index.extend(entities, origins);
    const missing = found.flatMap((known, i) => (known === undefined ? [from + i] : []));
    for (const minute of missing) found[minute - from] = { change: numbers[minute - from]!, leaf: undefined };
    for (const span of runs(missing, 1)) {
      const wanted = {
        granularity: 'minute',
        from: span.from,
        end: span.end,
        slots,
        originCodes,
        entities: isSelective(entityFilter(query)) ? entities : undefined,
      } as const;
      for (const rows of await fetchRows(session, metric, wanted)) {
        const change = numbers[rows.start - from]!;
        found[rows.start - from] = { change, leaf: this.#make(rows, index.numbersOf(rows)) };
      }
    }
    for (const minute of missing) leaves.set(minute, found[minute - from]!);
    return { name, index, leaves: found.map((one) => one!.leaf), changes: numbers };
  }
}
