// SPDX-License-Identifier: Apache-2.0
// Which minutes changed, and when: what tells a cache, or a judgement on a minute, that it is out of date.
import type { MinuteRevision, RevisionQuery } from './port.js';
import type { SqlSession, SqlValue } from './sql.js';

export async function readRevisions(session: SqlSession, query: RevisionQuery): Promise<readonly MinuteRevision[]> {
  const values: SqlValue[] = [];
  const conditions: string[] = [];
  const where = (condition: (parameter: string) => string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  where((p) => `slot = ANY (${p}::int[])`, query.slots);
  where((p) => `revision > ${p}::bigint`, query.afterRevision);
  where((p) => `minute >= ${p}::bigint`, query.fromMinute);
  where((p) => `minute <= ${p}::bigint`, query.toMinute);
  const { rows } = await session.query(
    `SELECT slot, minute, revision FROM revision WHERE ${['true', ...conditions].join(' AND ')} ORDER BY slot, minute`,
    values,
  );
  return rows.map(([slot, minute, revision]) => ({
    slot: slot as number,
    minute: minute as number,
    revision: Number(revision),
  }));
}
