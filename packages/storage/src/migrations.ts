// SPDX-License-Identifier: Apache-2.0
// The schema, as numbered migrations: each in its own transaction, recorded in `schema_migration`, safe when nodes race.
// A migration that was released is never changed; metric columns are added by `metric-schema.ts`, day partitions on demand.
import { OapError, type Logger } from '@oap-federation/runtime';
import { BEGIN, DDL_LOCK, inTransaction, type SqlSession } from './sql.js';
import { metricTable, SCOPE_NAMES } from './tables.js';

interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

const TABLES = [
  `CREATE TABLE setting (name text PRIMARY KEY, value text NOT NULL)`,

  // One row per slot: locked and checked first by each flush, so its epoch is the fence. Also the head of the outbound log.
  `CREATE TABLE slot (
    slot int PRIMARY KEY, epoch int NOT NULL, owner text NOT NULL,
    log_id text NOT NULL, gen int NOT NULL, next_seq bigint NOT NULL, chain bytea NOT NULL,
    acknowledged_seq bigint NOT NULL, watermark int NOT NULL
  ) WITH (fillfactor = 50)`,

  // One row per inbound log: what of it is in the rows.
  `CREATE TABLE mark (
    slot int NOT NULL, log_id text NOT NULL, producer text NOT NULL, kind text NOT NULL,
    gen int NOT NULL, seq bigint NOT NULL, chain bytea NOT NULL, watermark int NOT NULL, origins jsonb NOT NULL,
    increments bigint NOT NULL, updated_at_ms bigint NOT NULL, PRIMARY KEY (slot, log_id)
  ) WITH (fillfactor = 50)`,

  `CREATE TABLE outbox (
    slot int NOT NULL, seq bigint NOT NULL, header bytea NOT NULL, content bytea NOT NULL, chain bytea NOT NULL,
    increments bigint NOT NULL, created_at_ms bigint NOT NULL, acknowledged_at_ms bigint, PRIMARY KEY (slot, seq)
  ) WITH (fillfactor = 90)`,
  // batches are compact already: keep them out of line and do not try to compress them
  `ALTER TABLE outbox ALTER COLUMN content SET STORAGE EXTERNAL`,

  `CREATE TABLE parked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, log_id text NOT NULL, slot int NOT NULL, seq bigint NOT NULL,
    reason text NOT NULL, increments bigint NOT NULL, detail text NOT NULL, content bytea NOT NULL, parked_at_ms bigint NOT NULL
  )`,
  `ALTER TABLE parked ALTER COLUMN content SET STORAGE EXTERNAL`,

  `CREATE TABLE dirty_hour (slot int NOT NULL, hour int NOT NULL, PRIMARY KEY (slot, hour))`,

  `CREATE TABLE expected_child (tier text PRIMARY KEY, since_minute int NOT NULL, retired_at_ms bigint)`,

  // Ids of long names exceed what a btree entry holds (2,704 bytes), so the keys are hashes. The descriptor is the truth;
  // the other columns are for people, views and filters.
  `CREATE TABLE dictionary (
    slot int NOT NULL, code int NOT NULL, scope int NOT NULL, entity_hash bytea NOT NULL, entity_id text NOT NULL,
    descriptor bytea NOT NULL, service_hash bytea NOT NULL, service_id text NOT NULL, service_name text NOT NULL,
    name text NOT NULL, dest_service_name text, dest_name text, normal boolean NOT NULL, layers text NOT NULL,
    created_at_ms bigint NOT NULL, PRIMARY KEY (slot, code)
  ) WITH (fillfactor = 90)`,
  `CREATE UNIQUE INDEX dictionary_entity ON dictionary (entity_hash, slot)`,
  `CREATE INDEX dictionary_service ON dictionary (service_hash, scope)`,
  `CREATE INDEX dictionary_scope ON dictionary (scope, slot, code)`,

  `CREATE TABLE origin (slot int NOT NULL, code int NOT NULL, name text NOT NULL, PRIMARY KEY (slot, code))`,

  `CREATE TABLE metric_schema (name text PRIMARY KEY, text text NOT NULL)`,
  `CREATE TABLE metric_view (name text PRIMARY KEY, text text NOT NULL)`,
];

// slot and origin are two bytes and stand together, so a key takes 12 bytes and no padding.
const KEY = `slot smallint NOT NULL, origin smallint NOT NULL, minute int NOT NULL, entity int NOT NULL, PRIMARY KEY (slot, minute, origin, entity)`;

const metricTables = (): string[] =>
  SCOPE_NAMES.flatMap((scope) => [
    `CREATE TABLE ${metricTable(scope, 'minute')} (${KEY}) PARTITION BY RANGE (minute)`,
    // one row per entity and hour or day: small enough for a plain delete by key range, and then one table less to route
    `CREATE TABLE ${metricTable(scope, 'hour')} (${KEY}) WITH (fillfactor = 70)`,
    `CREATE TABLE ${metricTable(scope, 'day')} (${KEY}) WITH (fillfactor = 70)`,
  ]);

const MIGRATIONS: readonly Migration[] = [
  { name: 'tables', statements: TABLES },
  { name: 'metric tables', statements: metricTables() },
  {
    name: 'instance properties',
    statements: [
      `CREATE TABLE instance_property (
        slot int NOT NULL, entity_hash bytea NOT NULL, properties text NOT NULL, updated_at_ms bigint NOT NULL,
        PRIMARY KEY (entity_hash, slot)
      ) WITH (fillfactor = 90)`,
    ],
  },
  {
    name: 'repair, losses, manifests',
    statements: [
      `ALTER TABLE slot ADD COLUMN claim bigint NOT NULL DEFAULT 0, ADD COLUMN flushes bigint NOT NULL DEFAULT 0,
         ADD COLUMN ledger bigint NOT NULL DEFAULT 0, ADD COLUMN suppressed text NOT NULL DEFAULT '{}',
         ADD COLUMN last_ord bigint NOT NULL DEFAULT 0, ADD COLUMN loss_accepted boolean NOT NULL DEFAULT false`,
      `UPDATE slot SET ledger = coalesce((SELECT sum(increments) FROM outbox o WHERE o.slot = slot.slot), 0)`,
      `ALTER TABLE mark ADD COLUMN frontier text NOT NULL DEFAULT '{}'`,
      `CREATE TABLE pending (
        slot int NOT NULL, ord bigint NOT NULL, source_log text, source_gen int, source_seq bigint, header bytea NOT NULL,
        content bytea NOT NULL, increments bigint NOT NULL, created_at_ms bigint NOT NULL, PRIMARY KEY (slot, ord)
      )`,
      `ALTER TABLE pending ALTER COLUMN content SET STORAGE EXTERNAL`,
      `CREATE INDEX parked_slot ON parked (slot, reason, id)`,
      `CREATE TABLE loss (
        slot int NOT NULL, log_id text NOT NULL, seq bigint NOT NULL, index int NOT NULL, tier text NOT NULL, origin text NOT NULL,
        cause text NOT NULL, kind text NOT NULL, first_minute int NOT NULL, last_minute int NOT NULL, increments bigint NOT NULL,
        recorded_at_ms bigint NOT NULL, PRIMARY KEY (slot, log_id, seq, index)
      )`,
      `CREATE TABLE manifest (
        slot int NOT NULL, minute int NOT NULL, log_id text NOT NULL, a bigint NOT NULL, b bigint NOT NULL,
        PRIMARY KEY (slot, minute, log_id)
      ) WITH (fillfactor = 70)`,
    ],
  },
  {
    name: 'verdicts',
    statements: [
      // minutes whose digests do not match, or could not be compared; a few, if all is well
      `CREATE TABLE verdict (
        slot int NOT NULL, minute int NOT NULL, state text NOT NULL, tiers text NOT NULL, reason text NOT NULL,
        PRIMARY KEY (slot, minute)
      ) WITH (fillfactor = 70)`,
    ],
  },
  {
    name: 'revisions',
    statements: [
      `ALTER TABLE slot ADD COLUMN revision bigint NOT NULL DEFAULT 0`,
      // who flushed a minute last, so that a late change is found without reading rows; 16 slots x 1,440 minutes a day
      `CREATE TABLE revision (slot int NOT NULL, minute int NOT NULL, revision bigint NOT NULL, PRIMARY KEY (slot, minute))
         WITH (fillfactor = 70)`,
      `CREATE INDEX revision_newest ON revision (slot, revision)`,
    ],
  },
  {
    name: 'ui templates, relations by destination',
    statements: [
      // by_user: a user has changed or disabled it, so a later release leaves it alone
      `CREATE TABLE ui_template (
        id text PRIMARY KEY, configuration text NOT NULL, updated_at_ms bigint NOT NULL, disabled boolean NOT NULL,
        by_user boolean NOT NULL
      )`,
      // names may be longer than what a btree entry holds; readers compare the whole name again
      `CREATE INDEX dictionary_dest ON dictionary (scope, md5(dest_service_name)) WHERE dest_service_name IS NOT NULL`,
    ],
  },
  {
    name: 'alarms',
    statements: [
      `CREATE TABLE alarm_slot (
        slot int PRIMARY KEY, judged_to int NOT NULL, judged_revision bigint NOT NULL, last_transition bigint NOT NULL
      ) WITH (fillfactor = 50)`,
      // `subject` is a hash of rule and entity: ids of long names exceed what a btree entry holds
      `CREATE TABLE alarm_state (
        slot int NOT NULL, subject bytea NOT NULL, rule text NOT NULL, entity_id text NOT NULL, state text NOT NULL,
        PRIMARY KEY (slot, subject)
      ) WITH (fillfactor = 70)`,
      `CREATE TABLE alarm_transition (
        slot int NOT NULL, seq bigint NOT NULL, rule text NOT NULL, entity_id text NOT NULL, minute int NOT NULL,
        kind text NOT NULL, uuid text NOT NULL, PRIMARY KEY (slot, seq)
      )`,
      `CREATE TABLE alarm_record (
        slot int NOT NULL, uuid text NOT NULL, rule text NOT NULL, scope int NOT NULL, name text NOT NULL, id0 text NOT NULL,
        id1 text NOT NULL, layers text[] NOT NULL, message text NOT NULL, tags text[] NOT NULL, expression text NOT NULL,
        snapshot text NOT NULL, minute int NOT NULL, start_time_ms bigint NOT NULL, late boolean NOT NULL,
        complete boolean NOT NULL, missing text[] NOT NULL, end_kind text, end_minute int, end_time_ms bigint, PRIMARY KEY (slot, uuid)
      ) WITH (fillfactor = 90)`,
      `CREATE INDEX alarm_record_time ON alarm_record (start_time_ms, slot, uuid)`,
      `CREATE TABLE alarm_delivery (
        slot int NOT NULL, ord bigint GENERATED ALWAYS AS IDENTITY, id text NOT NULL, target text NOT NULL, incident text NOT NULL,
        message text NOT NULL, created_at_ms bigint NOT NULL, attempts int NOT NULL, next_attempt_ms bigint NOT NULL,
        last_error text NOT NULL, delivered boolean NOT NULL, PRIMARY KEY (slot, id)
      ) WITH (fillfactor = 70)`,
      `CREATE INDEX alarm_delivery_order ON alarm_delivery (slot, target, incident, delivered, ord)`,
    ],
  },
  {
    name: 'what caches must know',
    statements: [
      // the revisions that changed the slot's dictionary and dropped its oldest minutes last, and the first minute that was left then
      `ALTER TABLE slot ADD COLUMN entities_revision bigint NOT NULL DEFAULT 0, ADD COLUMN expired_revision bigint NOT NULL DEFAULT 0,
         ADD COLUMN kept_from int NOT NULL DEFAULT 0`,
    ],
  },
  {
    name: 'alarm deliveries by target',
    statements: [`CREATE INDEX alarm_delivery_target ON alarm_delivery (target, created_at_ms, ord)`],
  },
  {
    name: 'stable upstream',
    // up to which seq the outbound log survives the loss of the upstream's storage
    statements: [`ALTER TABLE slot ADD COLUMN stable_seq bigint NOT NULL DEFAULT 0`],
  },
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the schema to SCHEMA_VERSION. Errors: OAP-2004 when it is newer than that; StorageUnavailable. */
export async function migrate(session: SqlSession, logger: Logger): Promise<void> {
  for (let done = false; !done;) {
    done = await inTransaction(session, BEGIN, async () => {
      await session.query(`SET LOCAL lock_timeout = '60s'`); // another node may be migrating
      await session.query(DDL_LOCK);
      await session.query(
        `CREATE TABLE IF NOT EXISTS schema_migration (
          version int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
      const { rows } = await session.query(`SELECT coalesce(max(version), 0) FROM schema_migration`);
      const found = rows[0]![0] as number;
      if (found > SCHEMA_VERSION) throw new OapError('OAP-2004', { found, needed: SCHEMA_VERSION });
      const next = MIGRATIONS[found];
      if (next === undefined) return true;
      for (const statement of next.statements) await session.query(statement);
      await session.query(`INSERT INTO schema_migration (version, name) VALUES ($1, $2)`, [found + 1, next.name]);
      logger.info({ version: found + 1, migration: next.name }, 'storage schema migrated');
      return false;
    });
  }
}
