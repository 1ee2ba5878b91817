// SPDX-License-Identifier: Apache-2.0
// What of the input logs survives the loss of this database. In: committed flushes. Out: per log the seq up to which tiers below need
// not keep what they sent (`stable_seq` of an Ack). Known in this process alone: a restart begins at 0, which costs nothing but room below.
import { messageOf, type Logger } from '@oap-federation/runtime';
import type { SlotFlush } from './port.js';
import type { SqlSession } from './sql.js';

/**
 * `none`: nothing is said. `commit`: every commit counts, because the operator says that this database never goes back in time (its
 * standbys are synchronous, or the risk is accepted). `standby`: what the streaming standbys have flushed counts; a `pg_receivewal` is one.
 */
export type StableMode = 'none' | 'commit' | 'standby';

/**
 * The end of the write-ahead log, and where the standbys have flushed it to: the slowest of the synchronous ones, else of all that
 * stream; NULL without any. Logical subscribers are no standbys.
 */
const POSITIONS = `
  SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint,
    (coalesce(min(flushed) FILTER (WHERE sync_state IN ('sync', 'quorum')), min(flushed)) - '0/0')::bigint
  FROM (
    SELECT coalesce(flush_lsn, '0/0') AS flushed, sync_state FROM pg_stat_replication r
    WHERE state = 'streaming'
      AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')) standby`;

/** A commit that no standby is known to have: everything of the log up to `seq` is before `lsn`. */
interface Waiting {
  readonly seq: number;
  readonly lsn: bigint;
}

interface LogView {
  stableSeq: number;
  /** The oldest that is waited for, and the newest: a standby that is away for days costs no more than that. */
  oldest: Waiting | undefined;
  newest: Waiting | undefined;
}

export class StableMarks {
  readonly #mode: StableMode;
  readonly #logger: Logger;
  readonly #slots = new Map<number, Map<string, LogView>>();
  #session: SqlSession | undefined;

  constructor(mode: StableMode, logger: Logger) {
    this.#mode = mode;
    this.#logger = logger;
  }

  seqOf(slot: number, logId: string): number {
    return this.#slots.get(slot)?.get(logId)?.stableSeq ?? 0;
  }

  /** At each claim: the storage may be an older one. */
  forget(slot: number): void {
    this.#slots.delete(slot);
  }

  /** Right behind the commit, on its session. Never fails: what is not known is not said. */
  async committed(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
    if (this.#mode === 'none' || flushes.every(({ marks }) => marks.length === 0)) return;
    if (this.#mode === 'commit') {
      for (const [log, seq] of this.#committedLogs(flushes)) log.stableSeq = seq;
      return;
    }
    // Another connection may be another server, whose log has other positions: what waited is noted again with its next commit.
    if (session !== this.#session) this.#forgetWaiting();
    this.#session = session;
    try {
      const { rows } = await session.query(POSITIONS);
      const [end, flushed] = rows[0] as [bigint, bigint | null];
      for (const [log, seq] of this.#committedLogs(flushes)) note(log, { seq, lsn: end });
      for (const logs of this.#slots.values()) for (const log of logs.values()) settle(log, flushed ?? -1n);
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, 'the standbys of the storage cannot be asked');
    }
  }

  *#committedLogs(flushes: readonly SlotFlush[]): Generator<readonly [LogView, number]> {
    for (const { slot, marks } of flushes) {
      let logs = this.#slots.get(slot);
      if (!logs) this.#slots.set(slot, (logs = new Map<string, LogView>()));
      for (const { mark } of marks) {
        if (mark.kind !== 'federated') continue; // nodes of this tier keep nothing that long
        let log = logs.get(mark.logId);
        if (!log) logs.set(mark.logId, (log = { stableSeq: 0, oldest: undefined, newest: undefined }));
        yield [log, mark.seq];
      }
    }
  }

  #forgetWaiting(): void {
    for (const logs of this.#slots.values())
      for (const log of logs.values()) [log.oldest, log.newest] = [undefined, undefined];
  }
}

function note(log: LogView, waiting: Waiting): void {
  if (log.oldest) log.newest = waiting;
  else log.oldest = waiting;
}

function settle(log: LogView, flushed: bigint): void {
  while (log.oldest && log.oldest.lsn <= flushed) {
    log.stableSeq = log.oldest.seq;
    [log.oldest, log.newest] = [log.newest, undefined];
  }
}
