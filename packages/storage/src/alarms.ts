// SPDX-License-Identifier: Apache-2.0
// Alarms in SQL: where rules stand, the records that people see, and the outbox of what hooks are told. Everything that is written
// first locks the slot's row and compares its fence, as a flush does; a store without rows refuses (`refusedAlarms`).
import { NO_WATERMARK, scopeById, scopeOf, type ScopeName } from '@oap-federation/model';
import { BugError, invariant, OapError } from '@oap-federation/runtime';
import type {
  AlarmBacklog,
  AlarmCommit,
  AlarmDelivery,
  AlarmEndKind,
  AlarmFilter,
  AlarmRecord,
  AlarmRetry,
  AlarmSlot,
  AlarmStore,
  AlarmTag,
} from './alarm-port.js';
import { textHash } from './dictionary.js';
import type { SlotFence } from './port.js';
import {
  BEGIN,
  BEGIN_SNAPSHOT,
  inTransaction,
  tuples,
  type SqlDatabase,
  type SqlSession,
  type SqlValue,
} from './sql.js';

/** A statement has 65,535 parameters at most, a record 17. */
const ROWS_PER_STATEMENT = 1_000;

const DELIVERY_COLUMNS = `id, slot, target, incident, message, created_at_ms, attempts, next_attempt_ms, last_error, delivered`;
const RECORD_COLUMNS = `uuid, slot, rule, scope, name, id0, id1, layers, message, tags, expression, snapshot, minute, start_time_ms,
  late, complete, missing`;

type Outcome = 'committed' | 'notOwner';

export class SqlAlarmStore implements AlarmStore {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  openSlot(slot: number): Promise<AlarmSlot> {
    // not a snapshot: what is read must come after the lock
    return this.#db.read((session) =>
      inTransaction(session, BEGIN, async () => {
        if (!(await lockSlot(session, slot))) throw new RangeError(`there is no slot ${slot}`);
        return slotState(session, slot);
      }),
    );
  }

  readSlot(slot: number): Promise<AlarmSlot> {
    return this.#db.read((session) => inTransaction(session, BEGIN_SNAPSHOT, () => slotState(session, slot)));
  }

  commit(commit: AlarmCommit): Promise<Outcome> {
    const { slot } = commit;
    invariant(
      [...commit.records, ...commit.deliveries].every((one) => one.slot === slot),
      `alarms of slot ${slot} hold another's`,
    );
    return this.#fenced(slot, commit.fence, async (session) => {
      await writeHead(session, commit);
      await writeStates(session, commit);
      await insertTransitions(session, commit);
      await insertRecords(session, commit.records);
      const endedAtOnce = commit.records.flatMap(({ uuid, end }) => (end ? [{ uuid, end }] : []));
      await endRecords(session, slot, [...commit.ended, ...endedAtOnce]);
      await insertDeliveries(session, commit);
    });
  }

  async dueDeliveries(
    slots: readonly number[],
    nowMs: number,
    rooms: ReadonlyMap<string, number>,
  ): Promise<readonly AlarmDelivery[]> {
    // each target's rows in order until there are enough, whatever its backlog is
    const { rows } = await this.#db.read((session) =>
      session.query(
        `SELECT ${DELIVERY_COLUMNS} FROM unnest($3::text[], $4::int[]) AS w (of_target, room) CROSS JOIN LATERAL (
           SELECT * FROM alarm_delivery d
           WHERE d.target = w.of_target AND d.slot = ANY ($1::int[]) AND d.next_attempt_ms <= $2
             AND NOT EXISTS (
               SELECT 1 FROM alarm_delivery e WHERE e.slot = d.slot AND e.target = d.target AND e.incident = d.incident
                 AND (e.delivered, e.ord) < (d.delivered, d.ord))
           ORDER BY d.created_at_ms, d.ord LIMIT w.room
         ) due ORDER BY created_at_ms, ord`,
        [slots, Math.trunc(nowMs), [...rooms.keys()], [...rooms.values()]],
      ),
    );
    return rows.map(deliveryOf);
  }

  settleDeliveries(
    slot: number,
    fence: SlotFence,
    settled: readonly string[],
    retries: readonly AlarmRetry[],
  ): Promise<Outcome> {
    return this.#fenced(slot, fence, async (session) => {
      const told = [...settled, ...retries.filter((r) => r.delivered).map((r) => r.id)];
      if (told.length > 0) {
        await session.query(
          `DELETE FROM alarm_delivery d USING alarm_delivery t
           WHERE t.slot = $1 AND t.id = ANY ($2::text[])
             AND d.slot = t.slot AND d.target = t.target AND d.incident = t.incident AND d.delivered AND d.ord < t.ord`,
          [slot, told],
        );
      }
      if (settled.length > 0)
        await session.query(`DELETE FROM alarm_delivery WHERE slot = $1 AND id = ANY ($2::text[])`, [slot, settled]);
      if (retries.length > 0) {
        await session.query(
          `UPDATE alarm_delivery d SET attempts = w.attempts, next_attempt_ms = w.next_attempt_ms, last_error = w.last_error,
             delivered = w.delivered
           FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::boolean[])
             AS w (id, attempts, next_attempt_ms, last_error, delivered)
           WHERE d.slot = $1 AND d.id = w.id`,
          [
            slot,
            retries.map((r) => r.id),
            retries.map((r) => r.attempts),
            retries.map((r) => Math.trunc(r.nextAttemptMs)),
            retries.map((r) => r.lastError),
            retries.map((r) => r.delivered),
          ],
        );
      }
    });
  }

  async deliveryBacklog(slots: readonly number[]): Promise<readonly AlarmBacklog[]> {
    const { rows } = await this.#db.read((session) =>
      session.query(
        `SELECT target, count(*), min(created_at_ms) FROM alarm_delivery WHERE slot = ANY ($1::int[]) AND NOT delivered
         GROUP BY target ORDER BY target`,
        [slots],
      ),
    );
    return rows.map(([target, waiting, oldestMs]) => ({
      target: target as string,
      waiting: Number(waiting),
      oldestMs: Number(oldestMs),
    }));
  }

  query(filter: AlarmFilter): Promise<{ readonly records: readonly AlarmRecord[]; readonly total: number }> {
    const { where, values } = conditions(filter);
    return this.#db.read((session) =>
      inTransaction(session, BEGIN_SNAPSHOT, async () => {
        const { rows: counted } = await session.query(`SELECT count(*) FROM alarm_record WHERE ${where}`, values);
        const { rows } = await session.query(
          `SELECT ${RECORD_COLUMNS}, end_kind, end_minute, end_time_ms FROM alarm_record WHERE ${where}
           ORDER BY start_time_ms DESC, slot, uuid OFFSET $${values.length + 1} LIMIT $${values.length + 2}`,
          [...values, filter.offset, filter.limit],
        );
        return { records: rows.map(recordOf), total: Number(counted[0]![0]) };
      }),
    );
  }

  async dropExpired(beforeMs: number): Promise<void> {
    await this.#db.read(async (session) => {
      const before = [Math.trunc(beforeMs)];
      await session.query(`DELETE FROM alarm_record WHERE start_time_ms < $1`, before);
      await session.query(`DELETE FROM alarm_delivery WHERE created_at_ms < $1 AND NOT delivered`, before);
      await session.query(`DELETE FROM alarm_transition WHERE minute < $1`, [Math.floor(beforeMs / 60_000)]);
    });
  }

  /** Runs `work` in a transaction that holds the slot's row, if the fence is that of the row. */
  #fenced(slot: number, fence: SlotFence, work: (session: SqlSession) => Promise<void>): Promise<Outcome> {
    return this.#db.read((session) =>
      inTransaction(
        session,
        BEGIN,
        async (): Promise<Outcome> => {
          const row = await lockSlot(session, slot);
          if (row?.epoch !== fence.epoch || row.claim !== fence.claim) return 'notOwner';
          await work(session);
          return 'committed';
        },
        (outcome) => outcome === 'committed',
      ),
    );
  }
}

/** Waits for whoever writes the slot; a claim of it waits for us. */
async function lockSlot(
  session: SqlSession,
  slot: number,
): Promise<{ readonly epoch: number; readonly claim: number } | undefined> {
  const { rows } = await session.query(`SELECT epoch, claim FROM slot WHERE slot = $1 FOR UPDATE`, [slot]);
  return rows[0] && { epoch: rows[0][0] as number, claim: Number(rows[0][1]) };
}

async function slotState(session: SqlSession, slot: number): Promise<AlarmSlot> {
  const { rows: judged } = await session.query(
    `SELECT judged_to, judged_revision, last_transition FROM alarm_slot WHERE slot = $1`,
    [slot],
  );
  const { rows: states } = await session.query(
    `SELECT rule, entity_id, state FROM alarm_state WHERE slot = $1 ORDER BY rule, entity_id`,
    [slot],
  );
  return {
    judgedTo: (judged[0]?.[0] as number | undefined) ?? NO_WATERMARK,
    judgedRevision: Number(judged[0]?.[1] ?? 0),
    lastTransition: Number(judged[0]?.[2] ?? 0),
    states: states.map(([rule, entityId, state]) => ({
      rule: rule as string,
      entityId: entityId as string,
      state: state as string,
    })),
  };
}

function subjectOf({ rule, entityId }: { readonly rule: string; readonly entityId: string }): Uint8Array {
  return textHash(`${rule}\0${entityId}`);
}

/** Up to where the slot is judged. Errors: BUG when the commit's transitions do not follow the last one. */
async function writeHead(session: SqlSession, commit: AlarmCommit): Promise<void> {
  const { slot, transitions } = commit;
  const { rows } = await session.query(
    `INSERT INTO alarm_slot (slot, judged_to, judged_revision, last_transition) VALUES ($1, $2, $3, $4)
     ON CONFLICT (slot) DO UPDATE SET judged_to = excluded.judged_to, judged_revision = excluded.judged_revision,
       last_transition = alarm_slot.last_transition + excluded.last_transition
     RETURNING last_transition`,
    [slot, commit.judgedTo, commit.judgedRevision, transitions.length],
  );
  const first = Number(rows[0]![0]) - transitions.length + 1;
  for (const [i, { seq, rule, entityId, minute, kind }] of transitions.entries()) {
    if (seq === first + i) continue;
    const what = `${rule} ${kind} in minute ${minute} for ${entityId}`;
    throw new BugError(`transition ${seq} of slot ${slot} is not the next, ${first + i}: ${what}`);
  }
}

async function writeStates(session: SqlSession, { slot, states, forgotten }: AlarmCommit): Promise<void> {
  if (forgotten.length > 0) {
    await session.query(`DELETE FROM alarm_state WHERE slot = $1 AND subject = ANY ($2::bytea[])`, [
      slot,
      forgotten.map(subjectOf),
    ]);
  }
  if (states.length === 0) return;
  await session.query(
    `INSERT INTO alarm_state (slot, subject, rule, entity_id, state)
     SELECT $1::int, * FROM unnest($2::bytea[], $3::text[], $4::text[], $5::text[])
     ON CONFLICT (slot, subject) DO UPDATE SET state = excluded.state`,
    [slot, states.map(subjectOf), states.map((s) => s.rule), states.map((s) => s.entityId), states.map((s) => s.state)],
  );
}

async function insertTransitions(session: SqlSession, { slot, transitions }: AlarmCommit): Promise<void> {
  if (transitions.length === 0) return;
  await session.query(
    `INSERT INTO alarm_transition (slot, seq, rule, entity_id, minute, kind, uuid)
     SELECT $1::int, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[])`,
    [
      slot,
      transitions.map((t) => t.seq),
      transitions.map((t) => t.rule),
      transitions.map((t) => t.entityId),
      transitions.map((t) => t.minute),
      transitions.map((t) => t.kind),
      transitions.map((t) => t.uuid),
    ],
  );
}

async function insertRecords(session: SqlSession, records: readonly AlarmRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += ROWS_PER_STATEMENT) {
    const some = records.slice(from, from + ROWS_PER_STATEMENT);
    await session.query(
      `INSERT INTO alarm_record (${RECORD_COLUMNS}) VALUES ${tuples(some.length, 17)}`,
      some.flatMap((r): SqlValue[] => [
        r.uuid,
        r.slot,
        r.rule,
        scopeOf(r.scope).id,
        r.name,
        r.id0,
        r.id1,
        r.layers,
        r.message,
        r.tags.map(tagText),
        r.expression,
        JSON.stringify(r.snapshot),
        r.minute,
        Math.trunc(r.startTimeMs),
        r.late,
        r.completeness.complete,
        r.completeness.missing,
      ]),
    );
  }
}

async function endRecords(session: SqlSession, slot: number, ended: AlarmCommit['ended']): Promise<void> {
  if (ended.length === 0) return;
  await session.query(
    `UPDATE alarm_record r SET end_kind = w.kind, end_minute = w.minute, end_time_ms = w.time_ms
     FROM unnest($2::text[], $3::text[], $4::int[], $5::bigint[]) AS w (uuid, kind, minute, time_ms)
     WHERE r.slot = $1 AND r.uuid = w.uuid`,
    [
      slot,
      ended.map(({ uuid }) => uuid),
      ended.map(({ end }) => end?.kind ?? null),
      ended.map(({ end }) => end?.minute ?? null),
      ended.map(({ end }) => (end ? Math.trunc(end.timeMs) : null)),
    ],
  );
}

async function insertDeliveries(session: SqlSession, { slot, deliveries }: AlarmCommit): Promise<void> {
  for (let from = 0; from < deliveries.length; from += ROWS_PER_STATEMENT) {
    const some = deliveries.slice(from, from + ROWS_PER_STATEMENT);
    const { rowCount } = await session.query(
      `INSERT INTO alarm_delivery (${DELIVERY_COLUMNS}) VALUES ${tuples(some.length, 10)} ON CONFLICT DO NOTHING`,
      some.flatMap((d): SqlValue[] => [
        d.id,
        d.slot,
        d.target,
        d.incident,
        d.message,
        Math.trunc(d.createdAtMs),
        d.attempts,
        Math.trunc(d.nextAttemptMs),
        d.lastError,
        d.delivered,
      ]),
    );
    if (rowCount !== some.length)
      throw new BugError(`a delivery of slot ${slot} waits already: one of ${some.length} from ${some[0]!.id}`);
  }
}

function deliveryOf(row: readonly unknown[]): AlarmDelivery {
  const [id, slot, target, incident, message, createdAtMs, attempts, nextAttemptMs, lastError, delivered] = row;
  return {
    id: id as string,
    slot: slot as number,
    target: target as string,
    incident: incident as string,
    message: message as string,
    createdAtMs: Number(createdAtMs),
    attempts: attempts as number,
    nextAttemptMs: Number(nextAttemptMs),
    lastError: lastError as string,
    delivered: delivered as boolean,
  };
}

function recordOf(row: readonly unknown[]): AlarmRecord {
  const [uuid, slot, rule, scope, name, id0, id1, layers, message, tags, expression, snapshot, minute] = row;
  const [startTimeMs, late, complete, missing, endKind, endMinute, endTimeMs] = row.slice(13);
  return {
    uuid: uuid as string,
    slot: slot as number,
    rule: rule as string,
    scope: scopeById(scope as number)!.name as ScopeName,
    name: name as string,
    id0: id0 as string,
    id1: id1 as string,
    layers: layers as string[],
    message: message as string,
    tags: (tags as string[]).map(tagOf),
    expression: expression as string,
    snapshot: JSON.parse(snapshot as string) as Record<string, string>,
    minute: minute as number,
    startTimeMs: Number(startTimeMs),
    late: late as boolean,
    completeness: { complete: complete as boolean, missing: missing as string[] },
    ...(endKind === null
      ? {}
      : { end: { kind: endKind as AlarmEndKind, minute: endMinute as number, timeMs: Number(endTimeMs) } }),
  };
}

/** A tag as one comparable text. */
function tagText({ key, value }: AlarmTag): string {
  return JSON.stringify([key, value]);
}

function tagOf(text: string): AlarmTag {
  const [key, value] = JSON.parse(text) as [string, string];
  return { key, value };
}

function conditions(filter: AlarmFilter): { readonly where: string; readonly values: readonly SqlValue[] } {
  const values: SqlValue[] = [Math.trunc(filter.fromMs), Math.trunc(filter.toMs)];
  const parts = ['start_time_ms >= $1', 'start_time_ms <= $2'];
  const add = (value: SqlValue | undefined, condition: (parameter: string) => string) => {
    if (value !== undefined) parts.push(condition(`$${values.push(value)}`));
  };
  add(filter.scope && scopeOf(filter.scope).id, (p) => `scope = ${p}`);
  add(filter.keyword, (p) => `position(lower(${p}::text) IN lower(message)) > 0`);
  add(filter.rule, (p) => `rule = ${p}`);
  add(filter.entityId, (p) => `(id0 = ${p} OR id1 = ${p})`);
  add(filter.layer, (p) => `${p}::text = ANY (layers)`);
  if (filter.tags && filter.tags.length > 0) add(filter.tags.map(tagText), (p) => `tags @> ${p}::text[]`);
  return { where: parts.join(' AND '), values };
}

const refuse = (): Promise<never> => Promise.reject(new OapError('OAP-6002', { metric: 'alarms' }));

/** Of a tier that keeps no rows: nothing is judged there, and nobody may take "no alarms" for an answer. */
export const refusedAlarms: AlarmStore = {
  openSlot: refuse,
  readSlot: refuse,
  commit: refuse,
  dueDeliveries: refuse,
  settleDeliveries: refuse,
  deliveryBacklog: refuse,
  query: refuse,
  dropExpired: () => Promise.resolve(),
};
