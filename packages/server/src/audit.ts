// SPDX-License-Identifier: Apache-2.0
// `oap audit`: adds the stored minute rows up again and compares them with the digests that were kept as they were merged. In: the
// configuration of the tier, whose storage is read, also while nodes run. Out: every minute of a slot that is not what it was.
import { PARTIAL, ROWS } from '@oap-federation/analysis';
import {
  DecodeError,
  DigestSum,
  distributionAt,
  entityKeys,
  minuteOf,
  tryParseSchema,
  type Digest,
  type DistributionBytes,
  type Entity,
  type MetricSchema,
} from '@oap-federation/model';
import { DisposalStack, type Clock, type Logger, type OapConfig, type Rng } from '@oap-federation/runtime';
import type { RowBlock, StoredManifest, TierStore } from '@oap-federation/storage';
import { DEFAULT_SLOTS, openStore } from './storage.js';

const STORAGE_WAIT_MS = 10_000;
/** Minutes whose rows are read at once. */
const CHUNK_MINUTES = 15;
/** Readings of a chunk that a node was writing meanwhile. */
const TRIES = 5;
const DAY_MINUTES = 1440;

export interface AuditResult {
  /** For the operator, one finding a line, the summary last. */
  readonly lines: readonly string[];
  /** Minutes of slots whose rows are not what was merged, or whose sum is not what the tiers below say. */
  readonly wrong: number;
}

/** `from`, `to`: ISO 8601, UTC unless they say otherwise; the last day when left out. Errors: an Error for a time that is none. */
export async function audit(
  config: OapConfig,
  options: { readonly from?: string; readonly to?: string },
  deps: { readonly clock: Clock; readonly rng: Rng; readonly logger: Logger },
): Promise<AuditResult> {
  const toMinute = options.to === undefined ? minuteOf(deps.clock.now()) : minuteOfText('--to', options.to);
  const fromMinute = options.from === undefined ? toMinute - DAY_MINUTES : minuteOfText('--from', options.from);
  if (fromMinute > toMinute) throw new Error(`--from ${textOf(fromMinute)} is after --to ${textOf(toMinute)}`);
  await using stack = new DisposalStack(deps.clock);
  const slots = config.federation?.slots ?? DEFAULT_SLOTS;
  const store = stack.use('storage', await openStore(config, slots, STORAGE_WAIT_MS, deps, stack));
  return await auditStore(store, slots, fromMinute, toMinute); // before the storage is closed
}

/** Minutes are inclusive. Errors: an Error when there are no rows to look at, or rows of a metric of a later release. */
export async function auditStore(
  store: TierStore,
  slots: number,
  fromMinute: number,
  toMinute: number,
): Promise<AuditResult> {
  const texts = await store.storedMetrics();
  if (texts.length === 0) throw new Error('this storage keeps no rows: there is nothing to add up');
  const schemas = texts.map((text) => {
    const schema = tryParseSchema(text);
    if (!schema) throw new Error(`the storage has rows of "${text}", which this release does not know`);
    return schema;
  });
  await store.prepareMetrics(schemas); // all are there already: this says which to read
  const lines: string[] = [];
  const unchecked = new Map<string, number>();
  let [checked, wrong] = [0, 0];
  for (let slot = 0; slot < slots; slot++) {
    for (const verdict of await store.readVerdicts(slot)) {
      if (verdict.minute < fromMinute || verdict.minute > toMinute) continue;
      if (verdict.state === 'suspect') {
        wrong++;
        lines.push(
          `slot ${slot} ${textOf(verdict.minute)}: SUSPECT, what was merged is not what ${verdict.tiers.join(', ')} sent`,
        );
      } else {
        const reason = `not compared with what ${verdict.tiers.join(', ')} sent: ${verdict.reason}`;
        unchecked.set(reason, (unchecked.get(reason) ?? 0) + 1);
      }
    }
    const dictionary = new SlotDictionary(store, slot);
    for (let first = fromMinute; first <= toMinute; first += CHUNK_MINUTES) {
      const last = Math.min(first + CHUNK_MINUTES - 1, toMinute);
      const found = await auditChunk(store, dictionary, slot, first, last);
      checked += found.checked;
      wrong += found.wrong.length;
      lines.push(...found.wrong);
      for (const reason of found.unchecked) unchecked.set(reason, (unchecked.get(reason) ?? 0) + 1);
    }
  }
  for (const [reason, minutes] of unchecked) lines.push(`unchecked, ${minutes} minutes of a slot: ${reason}`);
  lines.push(
    `${textOf(fromMinute)} to ${textOf(toMinute)}, ${slots} slots: ${checked} minutes with rows added up, ${wrong} wrong`,
  );
  return { lines, wrong };
}

interface Chunk {
  readonly checked: number;
  readonly wrong: readonly string[];
  /** A reason for each minute. */
  readonly unchecked: readonly string[];
}

async function auditChunk(
  store: TierStore,
  dictionary: SlotDictionary,
  slot: number,
  first: number,
  last: number,
): Promise<Chunk> {
  const minutes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  let before = await store.readManifests(slot, first, last);
  for (let tries = 1; ; tries++) {
    const blocks = await store.loadRows(slot, 'minute', minutes);
    await dictionary.readFor(blocks);
    const after = await store.readManifests(slot, first, last);
    const moved = new Set(minutes.filter((minute) => rowsText(before, minute) !== rowsText(after, minute)));
    if (moved.size > 0 && tries < TRIES) {
      before = after;
      continue;
    }
    const sums = sumsOf(blocks, dictionary);
    const wrong: string[] = [];
    const unchecked: string[] = [];
    let checked = 0;
    for (const minute of minutes) {
      const kept = after.find((m) => m.minute === minute && m.logId === ROWS);
      const sum = sums.get(minute);
      if (!kept && !sum) continue;
      const where = `slot ${slot} ${textOf(minute)}`;
      if (moved.has(minute)) unchecked.push('it was being written');
      else if (!kept || after.some((m) => m.minute === minute && m.logId === PARTIAL))
        unchecked.push('rows of a release that kept no digests');
      else {
        checked++;
        const found: Digest | string = sum ?? { a: 0, b: 0 };
        if (typeof found === 'string') wrong.push(`${where}: ${found}`);
        else if (found.a !== kept.a || found.b !== kept.b)
          wrong.push(
            `${where}: the rows are not what was merged, they add up to ${found.a}/${found.b}, not ${kept.a}/${kept.b}`,
          );
      }
    }
    return { checked, wrong, unchecked };
  }
}

function rowsText(manifests: readonly StoredManifest[], minute: number): string {
  const found = manifests.find((m) => m.minute === minute && m.logId === ROWS);
  return found ? `${found.a} ${found.b}` : '';
}

/** Who the codes of a slot are, as far as it was needed. */
class SlotDictionary {
  readonly #store: TierStore;
  readonly #slot: number;
  positionOf: ReadonlyMap<number, number> = new Map();
  entities: readonly Entity[] = [];
  keys: Int32Array = new Int32Array(0);

  constructor(store: TierStore, slot: number) {
    this.#store = store;
    this.#slot = slot;
  }

  /** Reads it, again when rows name an entity that is new: a dictionary that is read after its rows has them all. */
  async readFor(blocks: readonly RowBlock[]): Promise<void> {
    if (blocks.every(({ entities }) => entities.every((code) => this.positionOf.has(code)))) return;
    const entries = await this.#store.readDictionary(this.#slot);
    this.entities = entries.map(({ entity }) => entity);
    this.keys = entityKeys(this.entities);
    this.positionOf = new Map(entries.map(({ code }, i) => [code, i]));
  }
}

/** Digest of the merged rows of each minute, or what is wrong with one of them. */
function sumsOf(
  blocks: readonly RowBlock[],
  { keys, positionOf, entities: known }: SlotDictionary,
): ReadonlyMap<number, Digest | string> {
  const sums = new Map<number, DigestSum>();
  const broken = new Map<number, string>();
  for (const { minutes, origins, entities, metrics } of blocks) {
    for (let i = 0; i < minutes.length; i++) {
      if (origins[i] !== 0) continue; // a copy for one origin
      const minute = minutes[i]!;
      const position = positionOf.get(entities[i]!);
      if (position === undefined) {
        broken.set(minute, `a row of entity ${entities[i]}, which the dictionary does not have`);
        continue;
      }
      let sum = sums.get(minute);
      if (!sum) sums.set(minute, (sum = new DigestSum()));
      for (const { schema, present, ints, distributions } of metrics) {
        if (present[i] !== 1) continue;
        try {
          addRow(sum, schema, keys, position, i, ints, distributions);
        } catch (err) {
          if (!(err instanceof DecodeError)) throw err;
          const { id } = known[position]!;
          broken.set(minute, `${schema.name} of ${id} cannot be read: ${err.message}`);
        }
      }
    }
  }
  const found = new Map<number, Digest | string>(broken);
  for (const [minute, sum] of sums) if (!found.has(minute)) found.set(minute, sum.value());
  return found;
}

function addRow(
  sum: DigestSum,
  schema: MetricSchema,
  keys: Int32Array,
  position: number,
  i: number,
  ints: readonly BigInt64Array[],
  distributions: readonly DistributionBytes[],
): void {
  sum.addRow(
    schema,
    keys,
    position,
    ints.map((column) => column[i]!),
    distributions.map((column) => distributionAt(column, i)),
  );
}

function textOf(minute: number): string {
  return `${new Date(minute * 60_000).toISOString().slice(0, 16)}Z`;
}

function minuteOfText(option: string, text: string): number {
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(text);
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(ms)) throw new Error(`${option} "${text}" is not a time such as 2026-11-21T19:02`);
  return minuteOf(ms);
}
