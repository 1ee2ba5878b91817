// SPDX-License-Identifier: Apache-2.0
// Housekeeping: which hours must be derived again, and what is past its time.
import type { Clock, Logger } from '@oap-federation/runtime';
import type { DayPartitions } from './partitions.js';
import { RETAINED_AT_LEAST_MS, type Maintenance } from './port.js';
import type { SqlDatabase } from './sql.js';
import { metricTable, MINUTES_PER_DAY, SCOPE_NAMES } from './tables.js';

export interface MaintenanceDeps {
  readonly db: SqlDatabase;
  readonly partitions: DayPartitions;
  readonly slots: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class SqlMaintenance implements Maintenance {
  readonly #d: MaintenanceDeps;

  constructor(deps: MaintenanceDeps) {
    this.#d = deps;
  }

  async dirtyHours(slot: number): Promise<readonly number[]> {
    const { rows } = await this.#d.db.read((session) =>
      session.query(`SELECT hour FROM dirty_hour WHERE slot = $1 ORDER BY hour`, [slot]),
    );
    return rows.map(([hour]) => hour as number);
  }

  /** The day that holds `nowMs` and the `ttlDays` before it stay. */
  async dropExpired(options: Parameters<Maintenance['dropExpired']>[0]): Promise<void> {
    const { db, partitions, slots, logger } = this.#d;
    const firstDay = Math.floor(options.nowMs / 86_400_000) - options.ttlDays;
    const firstMinute = firstDay * MINUTES_PER_DAY;
    const firstMs = firstDay * 86_400_000;
    // Not on the flushing session: flushes go on meanwhile. One slot at a time, so that no statement runs for long.
    await db.read(async (session) => {
      const dropped = await partitions.dropBefore(session, firstDay);
      const remove = async (text: string, values: readonly number[]) => (await session.query(text, values)).rowCount;
      let rowsDeleted = 0;
      let outbox = 0;
      for (let slot = 0; slot < slots; slot++) {
        for (const scope of SCOPE_NAMES) {
          for (const granularity of ['hour', 'day'] as const) {
            const table = metricTable(scope, granularity);
            rowsDeleted += await remove(`DELETE FROM ${table} WHERE slot = $1 AND minute < $2`, [slot, firstMinute]);
          }
        }
        outbox += await remove(
          `DELETE FROM outbox o USING slot s WHERE o.slot = $1 AND s.slot = $1 AND o.seq <= s.acknowledged_seq
           AND (o.seq <= s.stable_seq OR o.acknowledged_at_ms <= $2)`,
          [slot, Math.trunc(options.nowMs - options.outboxRetentionMs)],
        );
        if (options.outboxRetentionBytes !== undefined) {
          outbox += await remove(
            `DELETE FROM outbox WHERE slot = $1 AND seq <= (
               SELECT max(seq) FROM (
                 SELECT o.seq, acknowledged_at_ms, sum(octet_length(header) + octet_length(content)) OVER (ORDER BY o.seq DESC) AS bytes
                 FROM outbox o JOIN slot s USING (slot) WHERE slot = $1 AND o.seq <= s.acknowledged_seq) retained
               WHERE bytes > $2 AND acknowledged_at_ms <= $3)`,
            [slot, options.outboxRetentionBytes, Math.trunc(options.nowMs - RETAINED_AT_LEAST_MS)],
          );
        }
      }
      await remove(`DELETE FROM dirty_hour WHERE hour < $1`, [Math.floor(firstMinute / 60)]);
      await remove(`DELETE FROM manifest WHERE minute < $1`, [firstMinute]);
      await remove(`DELETE FROM revision WHERE minute < $1`, [firstMinute]);
      await remove(`DELETE FROM verdict WHERE minute < $1`, [firstMinute]);
      await remove(`DELETE FROM loss WHERE recorded_at_ms < $1`, [firstMs]);
      const marks = await remove(`DELETE FROM mark WHERE kind = 'local' AND updated_at_ms < $1`, [firstMs]);
      // what is parked is of minutes that nothing could merge any more: said, not silent
      const { rows } = await session.query(
        `WITH gone AS (DELETE FROM parked WHERE parked_at_ms < $1 RETURNING increments)
         SELECT count(*), coalesce(sum(increments), 0)::bigint FROM gone`,
        [firstMs],
      );
      const [batches, increments] = rows[0]!.map(Number) as [number, number];
      if (batches > 0) logger.warn({ batches, increments }, 'parked batches expired and were removed');
      // last, so that what is kept of an answer is of before all of it or of after all of it; slot by slot, since flushes lock in order
      for (let slot = 0; slot < slots; slot++) {
        await remove(
          `UPDATE slot SET revision = revision + 1, expired_revision = revision + 1, kept_from = greatest(kept_from, $2)
           WHERE slot = $1`,
          [slot, firstMinute],
        );
      }
      logger.info({ partitions: dropped, rows: rowsDeleted, outbox, localMarks: marks }, 'expired data dropped');
    });
  }
}
