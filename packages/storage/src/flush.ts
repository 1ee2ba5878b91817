// SPDX-License-Identifier: Apache-2.0
// The flush: the only place where data becomes durable. One transaction for all given slots, in this order: the fence (epochs,
// under a row lock), the marks, dictionary, rows, marks, outbox, the rest, COMMIT. Anything short of COMMIT wrote nothing.
import { BugError, invariant, reached, type Clock, type CrashPoint, type Logger } from '@oap-federation/runtime';
import { encodeDictionary } from './dictionary.js';
import { writeVerdicts } from './losses.js';
import { daysOf, groupRows, prepareStage, writeRows, type RowGroup } from './merge-rows.js';
import type { DayPartitions } from './partitions.js';
import { StorageUnavailable, type FlushOutcome, type RowBlock, type SlotFlush } from './port.js';
import { positionsText } from './positions.js';
import { allOf, BEGIN, inTransaction, sqlState, tuples, type SqlSession, type SqlValue } from './sql.js';
import type { MetricCatalog } from './tables.js';

export interface FlushContext {
  readonly catalog: MetricCatalog;
  readonly partitions: DayPartitions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Commits all flushes, or nothing: `notOwner` names the slots whose epoch, mark or outbox head was not what they said. */
export async function flushSlots(
  session: SqlSession,
  given: readonly SlotFlush[],
  { catalog, partitions, clock, logger }: FlushContext,
): Promise<FlushOutcome> {
  if (given.length === 0) return { kind: 'committed' };
  const flushes = given.toSorted((a, b) => a.slot - b.slot);
  for (let i = 1; i < flushes.length; i++) {
    invariant(flushes[i - 1]!.slot !== flushes[i]!.slot, `slot ${flushes[i]!.slot} twice in one flush`);
  }
  for (const { slot, rows, marks } of flushes) {
    invariant(
      rows.every((b) => b.slot === slot) && marks.every((m) => m.mark.slot === slot),
      `slot ${slot} flushes another's`,
    );
  }
  reached('flush.begin');
  const groups = groupRows(
    flushes.flatMap((f) => f.rows),
    catalog,
  );
  await partitions.ensure(session, daysOf(groups));
  for (const group of groups) await prepareStage(session, group);
  try {
    return await inTransaction(
      session,
      BEGIN,
      async (): Promise<FlushOutcome> => {
        const fence = [foreignSlots(session, flushes), staleMarks(session, flushes)];
        await allOf(fence);
        const refused = new Set((await Promise.all(fence)).flat());
        if (refused.size > 0) return { kind: 'notOwner', slots: [...refused].toSorted((a, b) => a - b) };
        reached('flush.fenced');
        await write(session, flushes, groups, clock.now());
        reached('flush.beforeCommit');
        return { kind: 'committed' };
      },
      (outcome) => outcome.kind === 'committed',
      () => reached('flush.commitSent'),
    );
  } catch (error) {
    if (sqlState(error) !== '23514') throw error;
    // no partition for a row: another node dropped that day as expired since we made it
    partitions.forget();
    logger.warn({ err: error }, 'a day partition went away during a flush; it is made again');
    throw new StorageUnavailable('a day partition went away during the flush', { cause: error });
  }
}

/** Locks the slots, ascending, and names those whose fence or outbox head is not what the flush says. */
async function foreignSlots(session: SqlSession, flushes: readonly SlotFlush[]): Promise<number[]> {
  const { rows } = await session.query(
    `SELECT slot, epoch, claim, flushes, next_seq FROM slot WHERE slot = ANY ($1::int[]) ORDER BY slot FOR UPDATE`,
    [flushes.map((f) => f.slot)],
  );
  const stored = new Map(rows.map((row) => [row[0] as number, row]));
  return flushes
    .filter(({ slot, fence, outbox }) => {
      const row = stored.get(slot);
      if (!row || row[1] !== fence.epoch) return true;
      const [claim, flushed, nextSeq] = [Number(row[2]), Number(row[3]), Number(row[4])];
      if (claim !== fence.claim || flushed !== fence.flushes) return true;
      return outbox.some(({ entry }, i) => entry.seq !== nextSeq + i);
    })
    .map((f) => f.slot);
}

async function staleMarks(session: SqlSession, flushes: readonly SlotFlush[]): Promise<number[]> {
  const marks = flushes.flatMap((f) => f.marks);
  if (marks.length === 0) return [];
  const { rows } = await session.query(
    `SELECT m.slot, m.log_id, m.seq FROM mark m
     JOIN unnest($1::int[], $2::text[]) AS w (slot, log_id) ON w.slot = m.slot AND w.log_id = m.log_id
     ORDER BY m.slot, m.log_id FOR UPDATE OF m`,
    [marks.map((m) => m.mark.slot), marks.map((m) => m.mark.logId)],
  );
  const seqOf = new Map(rows.map(([slot, logId, seq]) => [`${String(slot)} ${String(logId)}`, seq as bigint]));
  return marks
    .filter(({ mark, previousSeq }) => (seqOf.get(`${mark.slot} ${mark.logId}`) ?? 0n) !== BigInt(previousSeq))
    .map((m) => m.mark.slot);
}

async function write(
  session: SqlSession,
  flushes: readonly SlotFlush[],
  groups: readonly RowGroup[],
  nowMs: number,
): Promise<void> {
  // sent at once, in this order; each point is reached when the server has answered what leads to it
  const written = (point: CrashPoint, ...statements: readonly Promise<unknown>[]) =>
    allOf(statements).then(() => reached(point));
  await allOf([
    written('flush.dictionaryWritten', writeDictionary(session, flushes, nowMs)),
    written('flush.rowsWritten', ...groups.map((group) => writeRows(session, group))),
    written('flush.marksWritten', writeMarks(session, flushes)),
    written('flush.outboxAppended', appendOutbox(session, flushes), writePending(session, flushes, nowMs)),
    writeHeads(session, flushes, nowMs),
    writeRevisions(session, flushes), // behind the heads: it takes the revisions from there
    writeParked(session, flushes, nowMs),
    writeLosses(session, flushes, nowMs),
    writeManifests(session, flushes),
    writeVerdicts(session, flushes),
    writeHours(session, flushes),
  ]);
}

async function writeDictionary(session: SqlSession, flushes: readonly SlotFlush[], nowMs: number): Promise<void> {
  const entries = flushes.flatMap(({ slot, entities }) => {
    const last = new Map(entities.map((e) => [e.code, e])); // a code twice: the later one has more layers
    return [...last.values()].map((entry) => encodeDictionary(slot, entry));
  });
  if (entries.length > 0) {
    const { rowCount } = await session.query(
      `INSERT INTO dictionary (slot, code, scope, entity_hash, entity_id, descriptor, service_hash, service_id, service_name,
         name, dest_service_name, dest_name, normal, layers, created_at_ms)
       SELECT *, $15::bigint FROM unnest($1::int[], $2::int[], $3::int[], $4::bytea[], $5::text[], $6::bytea[], $7::bytea[],
         $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::text[])
       ON CONFLICT (slot, code) DO UPDATE SET descriptor = excluded.descriptor, layers = excluded.layers
       WHERE dictionary.entity_hash = excluded.entity_hash`,
      [
        entries.map((e) => e.slot),
        entries.map((e) => e.code),
        entries.map((e) => e.scope),
        entries.map((e) => e.entityHash),
        entries.map((e) => e.entityId),
        entries.map((e) => e.descriptor),
        entries.map((e) => e.serviceHash),
        entries.map((e) => e.serviceId),
        entries.map((e) => e.serviceName),
        entries.map((e) => e.name),
        entries.map((e) => e.destServiceName),
        entries.map((e) => e.destName),
        entries.map((e) => e.normal),
        entries.map((e) => e.layers),
        nowMs,
      ],
    );
    if (rowCount !== entries.length) throw new BugError('a dictionary code was given to a second entity');
  }
  const origins = flushes.flatMap(({ slot, origins: list }) => list.map((o) => ({ slot, ...o })));
  if (origins.length > 0) {
    invariant(
      origins.every((o) => o.code > 0 && o.code < 32_768),
      'origin codes are 1 to 32767',
    );
    await session.query(
      `INSERT INTO origin (slot, code, name) SELECT * FROM unnest($1::int[], $2::int[], $3::text[])
       ON CONFLICT (slot, code) DO UPDATE SET name = excluded.name`,
      [origins.map((o) => o.slot), origins.map((o) => o.code), origins.map((o) => o.name)],
    );
  }
}

async function writeMarks(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
  const marks = flushes.flatMap((f) => f.marks.map((m) => m.mark));
  if (marks.length === 0) return;
  await session.query(
    `INSERT INTO mark (slot, log_id, producer, kind, gen, seq, chain, watermark, origins, increments, updated_at_ms, frontier)
     SELECT slot, log_id, producer, kind, gen, seq, chain, watermark, origins::jsonb, increments, updated_at_ms, frontier
     FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bytea[], $8::int[], $9::text[],
       $10::bigint[], $11::bigint[], $12::text[])
       AS w (slot, log_id, producer, kind, gen, seq, chain, watermark, origins, increments, updated_at_ms, frontier)
     ON CONFLICT (slot, log_id) DO UPDATE SET producer = excluded.producer, kind = excluded.kind, gen = excluded.gen,
       seq = excluded.seq, chain = excluded.chain, watermark = excluded.watermark, origins = excluded.origins,
       increments = excluded.increments, updated_at_ms = excluded.updated_at_ms, frontier = excluded.frontier`,
    [
      marks.map((m) => m.slot),
      marks.map((m) => m.logId),
      marks.map((m) => m.producer),
      marks.map((m) => m.kind),
      marks.map((m) => m.gen),
      marks.map((m) => m.seq),
      marks.map((m) => m.chain),
      marks.map((m) => m.watermark),
      marks.map((m) => originsJson(m.origins)),
      marks.map((m) => m.increments),
      marks.map((m) => Math.trunc(m.updatedAtMs)),
      marks.map((m) => positionsText(m.frontier)),
    ],
  );
}

/** jsonb, like text, cannot hold U+0000, and JSON would hide it from `withoutNul` as an escape. */
function originsJson(origins: ReadonlyMap<string, number>): string {
  return JSON.stringify(
    Object.fromEntries([...origins].map(([name, watermark]) => [name.replaceAll('\0', '\uFFFD'), watermark])),
  );
}

async function appendOutbox(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
  const appended = flushes.flatMap((f) => f.outbox);
  if (appended.length === 0) return;
  // one parameter per value, not arrays: batches then travel as bytes, not as hex text
  const values = appended.flatMap(({ entry: e }): SqlValue[] => [
    e.slot,
    e.seq,
    e.header,
    e.content,
    e.chain,
    e.increments,
    Math.trunc(e.createdAtMs),
  ]);
  await session.query(
    `INSERT INTO outbox (slot, seq, header, content, chain, increments, created_at_ms) VALUES ${tuples(appended.length, 7)}`,
    values,
  );
}

async function writePending(session: SqlSession, flushes: readonly SlotFlush[], nowMs: number): Promise<void> {
  for (const { slot, repair } of flushes) {
    if (!repair) continue;
    await session.query(`DELETE FROM outbox WHERE slot = $1 AND seq > $2`, [slot, repair.keepTo]);
    // the upstream said that it has the rest: without a time it would stay for ever
    await session.query(`UPDATE outbox SET acknowledged_at_ms = $2 WHERE slot = $1 AND acknowledged_at_ms IS NULL`, [
      slot,
      Math.trunc(nowMs),
    ]);
  }
  const gone = flushes.flatMap(({ slot, settled, repair }) =>
    [...settled, ...(repair?.dropPending ?? [])].map((ord) => ({ slot, ord })),
  );
  if (gone.length > 0) {
    await session.query(
      `DELETE FROM pending p USING unnest($1::int[], $2::bigint[]) AS w (slot, ord) WHERE p.slot = w.slot AND p.ord = w.ord`,
      [gone.map((g) => g.slot), gone.map((g) => g.ord)],
    );
  }
  const entries = flushes.flatMap((f) => f.pending);
  const perStatement = 1_000; // 9 parameters each, 65,535 at most
  for (let from = 0; from < entries.length; from += perStatement) {
    const some = entries.slice(from, from + perStatement);
    await session.query(
      `INSERT INTO pending (slot, ord, source_log, source_gen, source_seq, header, content, increments, created_at_ms)
       VALUES ${tuples(some.length, 9)}`,
      some.flatMap((e): SqlValue[] => [
        e.slot,
        e.ord,
        e.source?.logId ?? null,
        e.source?.gen ?? null,
        e.source?.seq ?? null,
        e.header,
        e.content,
        e.increments,
        Math.trunc(e.createdAtMs),
      ]),
    );
  }
}

/**
 * One more flush of each slot's claim, and where its outbound log ends now. The revision is the time where that is ahead, so that it does
 * not come again after an older state of the storage was restored.
 */
async function writeHeads(session: SqlSession, flushes: readonly SlotFlush[], nowMs: number): Promise<void> {
  const heads = flushes.map(({ slot, entities, origins, outbox, pending, repair, suppressed, gen }) => {
    const last = outbox.at(-1);
    const increments = outbox.reduce((sum, { entry }) => sum + entry.increments, 0);
    const told = repair?.suppressed ?? suppressed;
    return {
      slot,
      nextSeq: last ? last.entry.seq + 1 : repair ? repair.seq + 1 : null,
      chain: last?.entry.chain ?? repair?.chain ?? null,
      watermark: last?.watermark ?? null,
      increments,
      gen: repair?.gen ?? gen ?? null,
      ledger: repair?.ledger ?? null,
      acknowledged: repair?.seq ?? null,
      suppressed: told ? positionsText(told) : null,
      lastOrd: pending.at(-1)?.ord ?? null,
      named: entities.length > 0 || origins.length > 0,
    };
  });
  await session.query(
    `UPDATE slot s SET flushes = s.flushes + 1, next_seq = coalesce(w.next_seq, s.next_seq), chain = coalesce(w.chain, s.chain),
       watermark = greatest(s.watermark, w.watermark), ledger = coalesce(w.ledger, s.ledger) + w.increments,
       gen = coalesce(w.gen, s.gen), acknowledged_seq = coalesce(w.acknowledged, s.acknowledged_seq),
       stable_seq = least(s.stable_seq, w.acknowledged),
       suppressed = coalesce(w.suppressed, s.suppressed), last_ord = greatest(s.last_ord, w.last_ord),
       loss_accepted = s.loss_accepted AND w.acknowledged IS NULL, revision = greatest(s.revision + 1, $11::bigint),
       entities_revision = CASE WHEN w.named THEN greatest(s.revision + 1, $11::bigint) ELSE s.entities_revision END
     FROM unnest($1::int[], $2::bigint[], $3::bytea[], $4::int[], $5::bigint[], $6::int[], $7::bigint[], $8::bigint[], $9::text[],
       $10::bigint[], $12::boolean[])
       AS w (slot, next_seq, chain, watermark, increments, gen, ledger, acknowledged, suppressed, last_ord, named)
     WHERE s.slot = w.slot`,
    [
      heads.map((h) => h.slot),
      heads.map((h) => h.nextSeq),
      heads.map((h) => h.chain),
      heads.map((h) => h.watermark),
      heads.map((h) => h.increments),
      heads.map((h) => h.gen),
      heads.map((h) => h.ledger),
      heads.map((h) => h.acknowledged),
      heads.map((h) => h.suppressed),
      heads.map((h) => h.lastOrd),
      Math.trunc(nowMs),
      heads.map((h) => h.named),
    ],
  );
}

/** Notes the minutes whose rows are written. Derived rows do not count: they say nothing new. */
async function writeRevisions(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
  const written = flushes.flatMap(({ slot, rows }) =>
    [...minutesWritten(rows)].toSorted((a, b) => a - b).map((minute) => ({ slot, minute })),
  );
  if (written.length === 0) return;
  await session.query(
    `INSERT INTO revision (slot, minute, revision)
     SELECT w.slot, w.minute, s.revision FROM unnest($1::int[], $2::int[]) AS w (slot, minute) JOIN slot s ON s.slot = w.slot
     ON CONFLICT (slot, minute) DO UPDATE SET revision = excluded.revision`,
    [written.map((w) => w.slot), written.map((w) => w.minute)],
  );
}

function minutesWritten(rows: readonly RowBlock[]): Set<number> {
  const minutes = new Set<number>();
  for (const block of rows) {
    if (block.granularity !== 'minute') continue;
    let last: number | undefined; // rows of one minute mostly stand together
    for (const minute of block.minutes) if (minute !== last) minutes.add((last = minute));
  }
  return minutes;
}

async function writeParked(session: SqlSession, flushes: readonly SlotFlush[], nowMs: number): Promise<void> {
  const merged = flushes.flatMap((f) => f.unparked);
  if (merged.length > 0) await session.query(`DELETE FROM parked WHERE id = ANY ($1::bigint[])`, [merged]);
  const parked = flushes.flatMap((f) => f.parked);
  const perStatement = 1_000; // 8 parameters each, 65,535 at most
  for (let from = 0; from < parked.length; from += perStatement) {
    const some = parked.slice(from, from + perStatement);
    await session.query(
      `INSERT INTO parked (log_id, slot, seq, reason, increments, detail, content, parked_at_ms) VALUES ${tuples(some.length, 8)}`,
      some.flatMap((p): SqlValue[] => [
        p.logId,
        p.slot,
        p.seq,
        p.reason,
        p.increments,
        p.detail,
        p.content,
        Math.trunc(nowMs),
      ]),
    );
  }
}

async function writeLosses(session: SqlSession, flushes: readonly SlotFlush[], nowMs: number): Promise<void> {
  const losses = flushes.flatMap(({ slot, losses: list }) => list.map((loss) => ({ ...loss, slot })));
  if (losses.length === 0) return;
  await session.query(
    `INSERT INTO loss (slot, log_id, seq, index, tier, origin, cause, kind, first_minute, last_minute, increments, recorded_at_ms)
     SELECT *, $12::bigint FROM unnest($1::int[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::int[], $10::int[], $11::bigint[])`,
    [
      losses.map((l) => l.slot),
      losses.map((l) => l.logId),
      losses.map((l) => l.seq),
      losses.map((l) => l.index),
      losses.map((l) => l.tier),
      losses.map((l) => l.origin),
      losses.map((l) => l.cause),
      losses.map((l) => l.kind),
      losses.map((l) => l.firstMinute),
      losses.map((l) => l.lastMinute),
      losses.map((l) => l.increments),
      Math.trunc(nowMs),
    ],
  );
}

async function writeManifests(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
  const manifests = flushes.flatMap(({ slot, manifests: list }) => list.map((m) => ({ ...m, slot })));
  if (manifests.length === 0) return;
  await session.query(
    `INSERT INTO manifest (slot, log_id, minute, a, b)
     SELECT * FROM unnest($1::int[], $2::text[], $3::int[], $4::bigint[], $5::bigint[])
     ON CONFLICT (slot, minute, log_id) DO UPDATE SET a = excluded.a, b = excluded.b`,
    [
      manifests.map((m) => m.slot),
      manifests.map((m) => m.logId),
      manifests.map((m) => m.minute),
      manifests.map((m) => m.a),
      manifests.map((m) => m.b),
    ],
  );
}

/** An hour that is both cleaned and dirty stays dirty: its rows are then read from the minute rows, which is always right. */
async function writeHours(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
  const cleaned = flushes.flatMap(({ slot, cleanedHours }) => cleanedHours.map((hour) => ({ slot, hour })));
  if (cleaned.length > 0) {
    await session.query(
      `DELETE FROM dirty_hour d USING unnest($1::int[], $2::int[]) AS w (slot, hour) WHERE d.slot = w.slot AND d.hour = w.hour`,
      [cleaned.map((c) => c.slot), cleaned.map((c) => c.hour)],
    );
  }
  const dirty = flushes.flatMap(({ slot, dirtyHours }) => dirtyHours.map((hour) => ({ slot, hour })));
  if (dirty.length > 0) {
    await session.query(
      `INSERT INTO dirty_hour (slot, hour) SELECT * FROM unnest($1::int[], $2::int[]) ON CONFLICT DO NOTHING`,
      [dirty.map((d) => d.slot), dirty.map((d) => d.hour)],
    );
  }
}
