// SPDX-License-Identifier: Apache-2.0
// Housekeeping: which hours must be derived again, and what is past its time.
import type { Clock, Logger } from '@oap-federation/runtime';
import type { DayPartitions } from './partitions.js';
import type { Maintenance } from './port.js';
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
  async dropExpired(options: { nowMs: number; ttlDays: number; outboxRetentionMs: number }): Promise<void> {
    const { db, partitions, slots, logger } = this.#d;
    const firstDay = Math.floor(options.nowMs / 86_400_000) - options.ttlDays;
    const firstMinute = firstDay * MINUTES_PER_DAY;
    const firstMs = firstDay * 86_400_000;
    await db.write(async (session) => {
      const dropped = await partitions.dropBefore(session, firstDay);
      const remove = async (text: string, values: readonly number[]) => (await session.query(text, values)).rowCount;
      let deleted = 0;
      for (const scope of SCOPE_NAMES) {
        for (const granularity of ['hour', 'day'] as const) {
          // by slot, so that the key's order (slot, minute) finds the rows
          deleted += await remove(
            `DELETE FROM ${metricTable(scope, granularity)} WHERE slot = ANY (ARRAY(SELECT generate_series(0, $1 - 1)::smallint)) AND minute < $2`,
            [slots, firstMinute],
          );
        }
      }
      await remove(`DELETE FROM dirty_hour WHERE hour < $1`, [Math.floor(firstMinute / 60)]);
      const outbox = await remove(
        `DELETE FROM outbox o USING slot s WHERE s.slot = o.slot AND o.seq <= s.acknowledged_seq AND o.acknowledged_at_ms < $1`,
        [Math.trunc(options.nowMs - options.outboxRetentionMs)],
      );
      const marks = await remove(`DELETE FROM mark WHERE kind = 'local' AND updated_at_ms < $1`, [firstMs]);
      // what is parked is of minutes that nothing could merge any more: said, not silent
      const { rows } = await session.query(
        `WITH gone AS (DELETE FROM parked WHERE parked_at_ms < $1 RETURNING increments)
         SELECT count(*), coalesce(sum(increments), 0)::bigint FROM gone`,
        [firstMs],
      );
      const [batches, increments] = rows[0]!.map(Number) as [number, number];
      if (batches > 0) logger.warn({ batches, increments }, 'parked batches expired and were removed');
      logger.info({ partitions: dropped, rows: deleted, outbox, localMarks: marks }, 'expired data dropped');
    });
  }
}
