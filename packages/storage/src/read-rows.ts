// SPDX-License-Identifier: Apache-2.0
// Stored rows as blocks again: what a new owner of a slot loads into its memory.
import { joinDistributions, type ScopeName } from '@oap-federation/model';
import type { Granularity, RowBlock, RowColumns } from './port.js';
import { BEGIN_SNAPSHOT, identifier, inTransaction, type SqlSession } from './sql.js';
import { metricTable, SCOPE_NAMES, type MetricCatalog, type StoredMetric } from './tables.js';

/** Every prepared metric of every scope, in the given buckets of one slot, in one snapshot. */
export async function loadRows(
  session: SqlSession,
  catalog: MetricCatalog,
  slot: number,
  granularity: Granularity,
  starts: readonly number[],
): Promise<readonly RowBlock[]> {
  if (starts.length === 0) return [];
  return inTransaction(session, BEGIN_SNAPSHOT, async () => {
    const blocks: RowBlock[] = [];
    for (const scope of SCOPE_NAMES) {
      const metrics = catalog.ofScope(scope);
      if (metrics.length === 0) continue;
      const columns = metrics.flatMap((m) => [...m.intColumns, ...m.distributionColumns]).map(identifier);
      const { rows } = await session.query(
        `SELECT minute, origin, entity, ${columns.join(', ')} FROM ${metricTable(scope, granularity)}
         WHERE slot = $1 AND minute = ANY ($2::int[]) ORDER BY minute, origin, entity`,
        [slot, starts],
      );
      if (rows.length > 0) blocks.push(blockOf(scope, granularity, slot, metrics, rows));
    }
    return blocks;
  });
}

function blockOf(
  scope: ScopeName,
  granularity: Granularity,
  slot: number,
  metrics: readonly StoredMetric[],
  rows: readonly (readonly unknown[])[],
): RowBlock {
  const n = rows.length;
  const int32 = (column: number) => Int32Array.from(rows, (row) => row[column] as number);
  let at = 3;
  const columnsOf = ({ schema, intColumns, distributionColumns }: StoredMetric): RowColumns => {
    const first = at;
    const present = new Uint8Array(n);
    const ints = intColumns.map(() => {
      const column = at++;
      const values = new BigInt64Array(n);
      for (let i = 0; i < n; i++) values[i] = (rows[i]![column] as bigint | null) ?? 0n;
      return values;
    });
    const distributions = distributionColumns.map(() => {
      const column = at++;
      return joinDistributions(rows.map((row) => row[column] as Uint8Array | null));
    });
    for (let i = 0; i < n; i++) if (rows[i]![first] !== null) present[i] = 1;
    return { schema, present, ints, distributions };
  };
  const minutes = int32(0);
  return { scope, granularity, slot, minutes, origins: int32(1), entities: int32(2), metrics: metrics.map(columnsOf) };
}
