// SPDX-License-Identifier: Apache-2.0
// Slots: their rows, claims (which raise the fencing epoch), and the outbox that hangs on them.
import { NO_WATERMARK } from '@oap-federation/model';
import { uuidV7, type Clock, type Rng } from '@oap-federation/runtime';
import { decodeDescriptor } from './dictionary.js';
import type {
  Mark,
  OutboxEntry,
  OutboxHead,
  ParkedBatch,
  PendingEntry,
  SlotClaim,
  StoredManifest,
  StoredPark,
} from './port.js';
import { parsePositions } from './positions.js';
import { BEGIN, BEGIN_SNAPSHOT, DDL_LOCK, inTransaction, type SqlSession } from './sql.js';
import { metricTable, SCOPE_NAMES } from './tables.js';

/** Makes the rows of all slots, each with a minted log id. Errors: the storage was made for another number of slots. */
export async function createSlots(
  session: SqlSession,
  slots: number,
  { clock, rng }: { clock: Clock; rng: Rng },
): Promise<void> {
  await inTransaction(session, BEGIN, async () => {
    await session.query(DDL_LOCK);
    await session.query(`INSERT INTO setting (name, value) VALUES ('slots', $1) ON CONFLICT DO NOTHING`, [
      String(slots),
    ]);
    const { rows } = await session.query(`SELECT value FROM setting WHERE name = 'slots'`);
    if (rows[0]![0] !== String(slots)) {
      throw new Error(`the storage was made for ${String(rows[0]![0])} slots, the configuration says ${slots}`);
    }
    const numbers = Array.from({ length: slots }, (_, i) => i);
    await session.query(
      `INSERT INTO slot (slot, epoch, owner, log_id, gen, next_seq, chain, acknowledged_seq, watermark)
       SELECT slot, 0, '', log_id, 1, 1, ''::bytea, 0, $3::int FROM unnest($1::int[], $2::text[]) AS w (slot, log_id)
       ON CONFLICT (slot) DO NOTHING`,
      [numbers, numbers.map(() => uuidV7(rng, clock.now())), NO_WATERMARK],
    );
  });
}

const HEAD = `log_id, gen, next_seq, chain, acknowledged_seq, watermark, ledger, claim, loss_accepted`;

function headOf([
  logId,
  gen,
  nextSeq,
  chain,
  acknowledgedSeq,
  watermark,
  ledger,
  claim,
  lossAccepted,
]: readonly unknown[]): OutboxHead {
  return {
    logId: logId as string,
    gen: gen as number,
    nextSeq: Number(nextSeq),
    chain: chain as Uint8Array,
    acknowledgedSeq: Number(acknowledgedSeq),
    watermark: watermark as number,
    ledger: Number(ledger),
    claim: Number(claim),
    lossAccepted: lossAccepted as boolean,
  };
}

export const MARK_COLUMNS = `slot, log_id, producer, kind, gen, seq, chain, watermark, origins::text, increments, updated_at_ms, frontier`;

export function markOf(row: readonly unknown[]): Mark {
  const [slot, logId, producer, kind, gen, seq, chain, watermark, origins, increments, updatedAtMs, frontier] = row;
  return {
    slot: slot as number,
    logId: logId as string,
    producer: producer as string,
    kind: kind as Mark['kind'],
    gen: gen as number,
    seq: Number(seq),
    chain: chain as Uint8Array,
    watermark: watermark as number,
    origins: new Map(Object.entries(JSON.parse(origins as string) as Record<string, number>)),
    increments: Number(increments),
    updatedAtMs: Number(updatedAtMs),
    frontier: parsePositions(frontier as string),
  };
}

/**
 * Raises the epoch, commits, and only then reads: no earlier owner can change what is read. `claim`: random, so that a claim is told
 * from one of the same epoch before a restore.
 */
export async function claimSlot(session: SqlSession, slot: number, owner: string, claim: number): Promise<SlotClaim> {
  const { rows: claimed } = await session.query(
    `UPDATE slot SET epoch = epoch + 1, owner = $2, claim = $3, flushes = 0 WHERE slot = $1 RETURNING epoch, suppressed, last_ord`,
    [slot, owner, claim],
  );
  if (claimed.length === 0) throw new RangeError(`there is no slot ${slot}`);
  return inTransaction(session, BEGIN_SNAPSHOT, async () => {
    const { rows: heads } = await session.query(`SELECT ${HEAD} FROM slot WHERE slot = $1`, [slot]);
    const { rows: marks } = await session.query(`SELECT ${MARK_COLUMNS} FROM mark WHERE slot = $1 ORDER BY log_id`, [
      slot,
    ]);
    const { rows: entities } = await session.query(
      `SELECT code, descriptor FROM dictionary WHERE slot = $1 ORDER BY code`,
      [slot],
    );
    const { rows: origins } = await session.query(`SELECT code, name FROM origin WHERE slot = $1 ORDER BY code`, [
      slot,
    ]);
    const { rows: pending } = await session.query(
      `SELECT count(*), coalesce(min(ord), 1) FROM pending WHERE slot = $1`,
      [slot],
    );
    const newest = SCOPE_NAMES.map(
      (scope) => `(SELECT minute FROM ${metricTable(scope, 'minute')} WHERE slot = $1 ORDER BY minute DESC LIMIT 1)`,
    );
    const { rows: minute } = await session.query(`SELECT max(minute) FROM (${newest.join(' UNION ALL ')}) t`, [slot]);
    return {
      slot,
      fence: { epoch: claimed[0]![0] as number, claim, flushes: 0 },
      marks: marks.map(markOf),
      outbox: headOf(heads[0]!),
      suppressed: parsePositions(claimed[0]![1] as string),
      pending: {
        entries: Number(pending[0]![0]),
        firstOrd: Number(pending[0]![1]),
        lastOrd: Number(claimed[0]![2]),
      },
      entities: entities.map(([code, descriptor]) => ({ code: code as number, entity: decodeDescriptor(descriptor) })),
      origins: origins.map(([code, name]) => ({ code: code as number, name: name as string })),
      newestMinute: (minute[0]![0] as number | null) ?? NO_WATERMARK,
    };
  });
}

export async function outboxHead(session: SqlSession, slot: number): Promise<OutboxHead> {
  const { rows } = await session.query(`SELECT ${HEAD} FROM slot WHERE slot = $1`, [slot]);
  if (rows.length === 0) throw new RangeError(`there is no slot ${slot}`);
  return headOf(rows[0]!);
}

/** Rows looked at per call; the byte bound usually ends it earlier. */
const OUTBOX_ENTRIES_MAX = 1_000;

export async function readOutbox(
  session: SqlSession,
  slot: number,
  afterSeq: number,
  bytesMax: number,
): Promise<readonly OutboxEntry[]> {
  // octet_length of a value out of line reads its pointer only, so entries beyond the bound are not fetched
  const { rows } = await session.query(
    `SELECT seq, header, content, chain, increments, created_at_ms
     FROM (SELECT *, row_number() OVER w AS n, sum(octet_length(header) + octet_length(content)) OVER w AS total
           FROM (SELECT * FROM outbox WHERE slot = $1 AND seq > $2 ORDER BY seq LIMIT ${OUTBOX_ENTRIES_MAX}) o
           WINDOW w AS (ORDER BY seq)) sized
     WHERE n = 1 OR total <= $3 ORDER BY seq`,
    [slot, afterSeq, bytesMax],
  );
  return rows.map(([seq, header, content, chain, increments, createdAtMs]) => ({
    slot,
    seq: Number(seq),
    header: header as Uint8Array,
    content: content as Uint8Array,
    chain: chain as Uint8Array,
    increments: Number(increments),
    createdAtMs: Number(createdAtMs),
  }));
}

/** Errors: acknowledging what was never appended; entries of that seq to come would count as delivered. */
export async function acknowledgeOutbox(
  session: SqlSession,
  slot: number,
  seq: number,
  stableSeq: number,
  nowMs: number,
): Promise<void> {
  await inTransaction(session, BEGIN, async () => {
    const { rows } = await session.query(
      `SELECT next_seq, acknowledged_seq, stable_seq FROM slot WHERE slot = $1 FOR UPDATE`,
      [slot],
    );
    if (rows.length === 0) throw new RangeError(`there is no slot ${slot}`);
    const [nextSeq, acknowledged, stable] = rows[0]!.map(Number) as [number, number, number];
    if (seq >= nextSeq) {
      throw new RangeError(`slot ${slot}: seq ${seq} cannot be acknowledged, the outbox ends at ${nextSeq - 1}`);
    }
    const newStable = Math.max(stable, Math.min(stableSeq, seq));
    if (seq <= acknowledged && newStable === stable) return;
    await session.query(`UPDATE slot SET acknowledged_seq = $2, stable_seq = $3 WHERE slot = $1`, [
      slot,
      Math.max(seq, acknowledged),
      newStable,
    ]);
    if (seq <= acknowledged) return;
    await session.query(`UPDATE outbox SET acknowledged_at_ms = $4 WHERE slot = $1 AND seq > $2 AND seq <= $3`, [
      slot,
      acknowledged,
      seq,
      Math.trunc(nowMs),
    ]);
  });
}

export async function rewindOutbox(session: SqlSession, slot: number, seq: number): Promise<void> {
  await inTransaction(session, BEGIN, async () => {
    const { rowCount } = await session.query(
      `UPDATE slot SET acknowledged_seq = $2, stable_seq = least(stable_seq, $2) WHERE slot = $1 AND acknowledged_seq > $2`,
      [slot, seq],
    );
    if (rowCount === 0) return;
    await session.query(`UPDATE outbox SET acknowledged_at_ms = NULL WHERE slot = $1 AND seq > $2`, [slot, seq]);
  });
}

export async function outboxBacklog(session: SqlSession): Promise<{ entries: number; bytes: number }> {
  const { rows } = await session.query(
    `SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM (
       SELECT octet_length(o.header) + octet_length(o.content) AS bytes
       FROM outbox o JOIN slot s ON s.slot = o.slot AND o.seq > s.acknowledged_seq
       UNION ALL SELECT octet_length(header) + octet_length(content) FROM pending) waiting`,
  );
  return { entries: Number(rows[0]![0]), bytes: Number(rows[0]![1]) };
}

export async function readPending(
  session: SqlSession,
  slot: number,
  afterOrd: number,
  bytesMax: number,
): Promise<readonly PendingEntry[]> {
  const { rows } = await session.query(
    `SELECT ord, source_log, source_gen, source_seq, header, content, increments, created_at_ms
     FROM (SELECT *, row_number() OVER w AS n, sum(octet_length(header) + octet_length(content)) OVER w AS total
           FROM (SELECT * FROM pending WHERE slot = $1 AND ord > $2 ORDER BY ord LIMIT ${OUTBOX_ENTRIES_MAX}) o
           WINDOW w AS (ORDER BY ord)) sized
     WHERE n = 1 OR total <= $3 ORDER BY ord`,
    [slot, afterOrd, bytesMax],
  );
  return rows.map(([ord, logId, gen, seq, header, content, increments, createdAtMs]) => ({
    slot,
    ord: Number(ord),
    ...(logId === null ? {} : { source: { logId: logId as string, gen: gen as number, seq: Number(seq) } }),
    header: header as Uint8Array,
    content: content as Uint8Array,
    increments: Number(increments),
    createdAtMs: Number(createdAtMs),
  }));
}

export async function readParked(
  session: SqlSession,
  slot: number,
  reason: ParkedBatch['reason'],
  afterId: number,
  limit: number,
): Promise<readonly StoredPark[]> {
  const { rows } = await session.query(
    `SELECT id, log_id, seq, increments, detail, content FROM parked
     WHERE slot = $1 AND reason = $2 AND id > $3 ORDER BY id LIMIT $4`,
    [slot, reason, afterId, limit],
  );
  return rows.map(([id, logId, seq, increments, detail, content]) => ({
    id: Number(id),
    slot,
    reason,
    logId: logId as string,
    seq: Number(seq),
    increments: Number(increments),
    detail: detail as string,
    content: content as Uint8Array,
  }));
}

export async function readManifests(
  session: SqlSession,
  slot: number,
  fromMinute: number,
  toMinute = 0x7fff_ffff,
): Promise<readonly StoredManifest[]> {
  const { rows } = await session.query(
    `SELECT log_id, minute, a, b FROM manifest WHERE slot = $1 AND minute >= $2 AND minute <= $3 ORDER BY minute, log_id`,
    [slot, fromMinute, toMinute],
  );
  return rows.map(([logId, minute, a, b]) => ({
    logId: logId as string,
    minute: minute as number,
    a: Number(a),
    b: Number(b),
  }));
}

export async function acceptLoss(session: SqlSession, slot: number): Promise<void> {
  const { rowCount } = await session.query(`UPDATE slot SET loss_accepted = true WHERE slot = $1`, [slot]);
  if (rowCount === 0) throw new RangeError(`there is no slot ${slot}`);
}
