// SPDX-License-Identifier: Apache-2.0
// Day partitions of the minute tables: made on demand before a flush's transaction, dropped whole when their day expires.
import { BEGIN, DDL_LOCK, identifier, inTransaction, type SqlSession } from './sql.js';
import { dayPartition, metricTable, MINUTES_PER_DAY, SCOPE_NAMES } from './tables.js';

export class DayPartitions {
  /** Partitions known to exist; another node may drop an expired one, see `forget`. */
  readonly #known = new Set<string>();

  /** Makes what is missing, in a transaction of its own. `wanted`: minute table -> days since 1970-01-01. */
  async ensure(session: SqlSession, wanted: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    const missing: { table: string; day: number; partition: string }[] = [];
    for (const table of [...wanted.keys()].toSorted()) {
      for (const day of [...wanted.get(table)!].toSorted((a, b) => a - b)) {
        const partition = dayPartition(table, day);
        if (!this.#known.has(partition)) missing.push({ table, day, partition });
      }
    }
    if (missing.length === 0) return;
    await inTransaction(session, BEGIN, async () => {
      await session.query(DDL_LOCK);
      for (const { table, day, partition } of missing) {
        const { rows } = await session.query(`SELECT to_regclass($1::text) IS NULL`, [partition]);
        if (rows[0]![0] !== true) continue;
        // Make, then attach: ATTACH locks the parent against other DDL only, PARTITION OF would lock out every flush.
        // A row is written two or three times within its minute: with room for a second version of all its rows, a page is updated
        // in place (HOT), over and over, and the index is left alone. Measured at 70 %: half of the updates found no room.
        await session.query(
          `CREATE TABLE ${identifier(partition)} (LIKE ${table} INCLUDING INDEXES)
           WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`,
        );
        await session.query(
          `ALTER TABLE ${table} ATTACH PARTITION ${identifier(partition)}
           FOR VALUES FROM (${day * MINUTES_PER_DAY}) TO (${(day + 1) * MINUTES_PER_DAY})`,
        );
      }
    });
    for (const { partition } of missing) this.#known.add(partition);
  }

  /** Forgets what exists: the next `ensure` looks again. */
  forget(): void {
    this.#known.clear();
  }

  /** Drops the partitions whose whole day is before `firstDay`; returns how many. */
  async dropBefore(session: SqlSession, firstDay: number): Promise<number> {
    const { rows } = await session.query(
      `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
       WHERE p.oid = ANY (SELECT to_regclass(t) FROM unnest($1::text[]) t) ORDER BY c.relname`,
      [SCOPE_NAMES.map((scope) => metricTable(scope, 'minute'))],
    );
    const expired = rows
      .map(([name]) => name as string)
      .filter((name) => Number(/_d(\d+)$/.exec(name)?.[1] ?? Infinity) < firstDay);
    for (const partition of expired) {
      // one transaction each: DROP locks the parent, and flushes wait for it
      await inTransaction(session, BEGIN, async () => {
        await session.query(DDL_LOCK);
        await session.query(`DROP TABLE IF EXISTS ${identifier(partition)}`);
      });
      this.#known.delete(partition);
    }
    return expired.length;
  }
}
