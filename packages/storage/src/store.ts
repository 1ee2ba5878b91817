// SPDX-License-Identifier: Apache-2.0
// The store: the port's methods over one SqlDatabase. PostgreSQL and PGlite differ below it, never in it.
import { slotOf, type MetricSchema } from '@oap-federation/model';
import type { MetricReader } from '@oap-federation/mqe';
import { backoffMs, randomInt, type Clock, type Logger, type MetricRegistry, type Rng } from '@oap-federation/runtime';
import type { AlarmStore } from './alarm-port.js';
import { SqlAlarmStore } from './alarms.js';
import { Changes } from './changes.js';
import { entityHash } from './dictionary.js';
import { flushSlots } from './flush.js';
import { readDictionary, readLosses, readVerdicts } from './losses.js';
import { SqlMaintenance } from './maintenance.js';
import { SqlMetadataReader } from './metadata.js';
import { addMetricColumns } from './metric-schema.js';
import { migrate } from './migrations.js';
import { DayPartitions } from './partitions.js';
import {
  StorageUnavailable,
  type DictionaryEntry,
  type ExpectedChild,
  type FlushOutcome,
  type InstanceProperties,
  type Granularity,
  type Maintenance,
  type MetadataReader,
  type MinuteRevision,
  type OutboxEntry,
  type OutboxHead,
  type ParkedBatch,
  type PendingEntry,
  type RevisionQuery,
  type RowBlock,
  type SlotClaim,
  type SlotFlush,
  type StoredLoss,
  type StoredManifest,
  type StoredPark,
  type TierStore,
  type Verdict,
} from './port.js';
import { loadRows } from './read-rows.js';
import { readRevisions } from './revisions.js';
import { SqlMetricReader, type CacheCounts } from './series-reader.js';
import {
  acceptLoss,
  acknowledgeOutbox,
  claimSlot,
  createSlots,
  outboxBacklog,
  outboxHead,
  readManifests,
  readOutbox,
  readParked,
  readPending,
  rewindOutbox,
} from './slots.js';
import type { SqlDatabase } from './sql.js';
import { StableMarks, type StableMode } from './stable.js';
import { MetricCatalog } from './tables.js';
import { SqlUiTemplateStore, type UiTemplateStore } from './ui-templates.js';

export interface StoreDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly telemetry?: MetricRegistry;
}

export interface TierStoreOptions {
  readonly slots: number;
  /** Which commits count as surviving the loss of this storage. Default none. */
  readonly stable?: StableMode;
  /** Memory for answers to queries and what they need, in bytes; 0 keeps none. Default 64 MiB. */
  readonly queryCacheBytes?: number;
}

/** Migrates, makes the slots, and wraps the database. On failure the database is closed. */
export async function openTierStore(db: SqlDatabase, options: TierStoreOptions, deps: StoreDeps): Promise<TierStore> {
  const { slots, stable = 'none', queryCacheBytes = DEFAULT_QUERY_CACHE_BYTES } = options;
  try {
    await db.write(async (session) => {
      await migrate(session, deps.logger);
      await createSlots(session, slots, deps);
    });
    return new SqlTierStore(db, { slots, stable, queryCacheBytes }, deps);
  } catch (error) {
    await db[Symbol.asyncDispose]();
    throw error;
  }
}

const PREPARE_TRIES = 10;
/** An hour of distributions of a thousand entities takes a quarter of it. */
const DEFAULT_QUERY_CACHE_BYTES = 64 * 1024 * 1024;

class SqlTierStore implements TierStore {
  readonly #db: SqlDatabase;
  readonly #deps: StoreDeps;
  readonly #slots: number;
  readonly #catalog = new MetricCatalog();
  readonly #partitions = new DayPartitions();
  readonly #stable: StableMarks;
  readonly reader: MetricReader;
  readonly metadata: MetadataReader;
  readonly templates: UiTemplateStore;
  readonly maintenance: Maintenance;
  readonly alarms: AlarmStore;

  constructor(db: SqlDatabase, { slots, stable, queryCacheBytes }: Required<TierStoreOptions>, deps: StoreDeps) {
    this.#db = db;
    this.#stable = new StableMarks(stable, deps.logger);
    this.#deps = deps;
    this.#slots = slots;
    const { logger, telemetry } = deps;
    const changes = new Changes(db, queryCacheBytes > 0);
    const reader = new SqlMetricReader({ db, catalog: this.#catalog, changes, cacheBytes: queryCacheBytes, logger });
    if (telemetry) observeCache(telemetry, () => reader.counts());
    this.reader = reader;
    this.metadata = new SqlMetadataReader(db, slots, changes);
    this.templates = new SqlUiTemplateStore(db);
    this.maintenance = new SqlMaintenance({ db, partitions: this.#partitions, slots, ...deps });
    this.alarms = new SqlAlarmStore(db);
  }

  async prepareMetrics(schemas: readonly MetricSchema[]): Promise<void> {
    const { clock, rng, logger } = this.#deps;
    for (let failures = 0; ; failures++) {
      try {
        await this.#db.write((session) => addMetricColumns(session, schemas));
        break;
      } catch (error) {
        // ALTER TABLE gave up waiting for another node's flush, or the database was away
        if (!(error instanceof StorageUnavailable) || failures + 1 === PREPARE_TRIES) throw error;
        logger.warn({ err: error }, 'metric columns could not be added yet');
        await clock.sleep(backoffMs(failures, { baseMs: 100, maxMs: 5_000 }, rng));
      }
    }
    for (const schema of schemas) this.#catalog.add(schema);
  }

  claimSlot(slot: number, owner: string): Promise<SlotClaim> {
    const claim = randomInt(this.#deps.rng, 2 ** 48);
    this.#stable.forget(slot);
    return this.#db.read((session) => claimSlot(session, slot, owner, claim));
  }

  loadRows(slot: number, granularity: Granularity, starts: readonly number[]): Promise<readonly RowBlock[]> {
    return this.#db.read((session) => loadRows(session, this.#catalog, slot, granularity, starts));
  }

  flush(flushes: readonly SlotFlush[]): Promise<FlushOutcome> {
    const { clock, logger } = this.#deps;
    const context = { catalog: this.#catalog, partitions: this.#partitions, clock, logger };
    return this.#db.write(async (session) => {
      const outcome = await flushSlots(session, flushes, context);
      if (outcome.kind === 'committed') await this.#stable.committed(session, flushes);
      return outcome;
    });
  }

  readOutbox(slot: number, afterSeq: number, bytesMax: number): Promise<readonly OutboxEntry[]> {
    return this.#db.read((session) => readOutbox(session, slot, afterSeq, bytesMax));
  }

  outboxHead(slot: number): Promise<OutboxHead> {
    return this.#db.read((session) => outboxHead(session, slot));
  }

  acknowledgeOutbox(slot: number, seq: number, stableSeq = 0): Promise<void> {
    return this.#db.read((session) => acknowledgeOutbox(session, slot, seq, stableSeq, this.#deps.clock.now()));
  }

  rewindOutbox(slot: number, seq: number): Promise<void> {
    return this.#db.read((session) => rewindOutbox(session, slot, seq));
  }

  stableSeq(slot: number, logId: string): number {
    return this.#stable.seqOf(slot, logId);
  }

  readPending(slot: number, afterOrd: number, bytesMax: number): Promise<readonly PendingEntry[]> {
    return this.#db.read((session) => readPending(session, slot, afterOrd, bytesMax));
  }

  readParked(
    slot: number,
    reason: ParkedBatch['reason'],
    afterId: number,
    limit: number,
  ): Promise<readonly StoredPark[]> {
    return this.#db.read((session) => readParked(session, slot, reason, afterId, limit));
  }

  readManifests(slot: number, fromMinute: number, toMinute?: number): Promise<readonly StoredManifest[]> {
    return this.#db.read((session) => readManifests(session, slot, fromMinute, toMinute));
  }

  readLosses(slot: number, fromMinute: number, toMinute: number): Promise<readonly StoredLoss[]> {
    return this.#db.read((session) => readLosses(session, slot, fromMinute, toMinute));
  }

  readVerdicts(slot: number): Promise<readonly Verdict[]> {
    return this.#db.read((session) => readVerdicts(session, slot));
  }

  readRevisions(query: RevisionQuery): Promise<readonly MinuteRevision[]> {
    return this.#db.read((session) => readRevisions(session, query));
  }

  readDictionary(slot: number): Promise<readonly DictionaryEntry[]> {
    return this.#db.read((session) => readDictionary(session, slot));
  }

  async storedMetrics(): Promise<readonly string[]> {
    const { rows } = await this.#db.read((session) => session.query(`SELECT text FROM metric_schema ORDER BY name`));
    return rows.map(([text]) => text as string);
  }

  outboxBacklog(): Promise<{ readonly entries: number; readonly bytes: number }> {
    return this.#db.read(outboxBacklog);
  }

  async expectedChildren(): Promise<readonly ExpectedChild[]> {
    const { rows } = await this.#db.read((session) =>
      session.query(`SELECT tier, since_minute, retired_at_ms FROM expected_child ORDER BY tier`),
    );
    return rows.map(([tier, sinceMinute, retiredAtMs]) => ({
      tier: tier as string,
      sinceMinute: sinceMinute as number,
      ...(retiredAtMs === null ? {} : { retiredAtMs: Number(retiredAtMs) }),
    }));
  }

  async expectChildren(children: readonly ExpectedChild[]): Promise<void> {
    if (children.length === 0) return;
    const byTier = [...new Map(children.map((c) => [c.tier, c])).values()];
    await this.#db.read((session) =>
      session.query(
        `INSERT INTO expected_child (tier, since_minute, retired_at_ms)
         SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]) AS w (tier, since_minute, retired_at_ms) ORDER BY tier
         ON CONFLICT (tier) DO UPDATE SET retired_at_ms = coalesce(excluded.retired_at_ms, expected_child.retired_at_ms)`,
        [byTier.map((c) => c.tier), byTier.map((c) => c.sinceMinute), byTier.map((c) => c.retiredAtMs ?? null)],
      ),
    );
  }

  async retireChild(tier: string, atMs: number | undefined): Promise<boolean> {
    const { rowCount } = await this.#db.read((session) =>
      session.query(`UPDATE expected_child SET retired_at_ms = $2::bigint WHERE tier = $1`, [tier, atMs ?? null]),
    );
    return rowCount === 1;
  }

  acceptLoss(slot: number): Promise<void> {
    return this.#db.read((session) => acceptLoss(session, slot));
  }

  async saveInstanceProperties(instances: readonly InstanceProperties[]): Promise<void> {
    if (instances.length === 0) return;
    const rows = [...new Map(instances.map((i) => [i.instanceId, i])).values()]
      .map(({ instanceId, properties }) => ({
        slot: slotOf(instanceId, this.#slots),
        hash: entityHash('ServiceInstance', instanceId),
        // a list of pairs: names may repeat, and their order is the agent's
        text: JSON.stringify(properties.map(({ name, value }) => [name, value])),
      }))
      .toSorted((a, b) => a.slot - b.slot || Buffer.compare(a.hash, b.hash));
    await this.#db.read((session) =>
      session.query(
        `INSERT INTO instance_property (slot, entity_hash, properties, updated_at_ms)
         SELECT *, $4::bigint FROM unnest($1::int[], $2::bytea[], $3::text[])
         ON CONFLICT (entity_hash, slot) DO UPDATE SET properties = excluded.properties, updated_at_ms = excluded.updated_at_ms`,
        [rows.map((r) => r.slot), rows.map((r) => r.hash), rows.map((r) => r.text), this.#deps.clock.now()],
      ),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#db[Symbol.asyncDispose]());
  }
}

function observeCache(telemetry: MetricRegistry, counts: () => CacheCounts): void {
  const answers = (result: string, read: () => number) =>
    telemetry.observe('counter', 'oap_query_cache_answers_total', 'reads of metrics, by where from', { result }, read);
  answers('hit', () => counts().hits);
  answers('miss', () => counts().misses);
  telemetry.observe('gauge', 'oap_query_cache_bytes', 'memory of answers that are kept', {}, () => counts().bytes);
}
