// SPDX-License-Identifier: Apache-2.0
// Columns of metrics and the readable views. In: the metrics of the OAL. Out: ALTER TABLE for what is missing, `v_<scope>` views.
import { scopeOf, tryParseSchema, type MetricSchema, type ScopeName } from '@oap-federation/model';
import { BEGIN, DDL_LOCK, identifier, inTransaction, type SqlSession } from './sql.js';
import { columnName, GRANULARITIES, metricTable, SCOPE_NAMES, storedMetric } from './tables.js';

/**
 * Adds the column groups of `schemas` to their scope's tables; columns that exist stay as they are. Nodes may race.
 * Errors: a metric stored with another scope, function or arguments is refused by name, and nothing is changed.
 */
export async function addMetricColumns(session: SqlSession, schemas: readonly MetricSchema[]): Promise<void> {
  await inTransaction(session, BEGIN, async () => {
    await session.query(`SET LOCAL lock_timeout = '20s'`); // ALTER TABLE waits for flushes under way
    await session.query(DDL_LOCK);
    const stored = new Map<string, string>();
    const { rows } = await session.query(`SELECT name, text FROM metric_schema`);
    for (const [name, text] of rows) stored.set(name as string, text as string);

    const missing: MetricSchema[] = [];
    for (const schema of schemas) {
      const known = stored.get(schema.name);
      if (known === undefined) missing.push(schema);
      else if (known !== schema.text) {
        throw new Error(
          `metric ${schema.name} is stored as "${known}" and cannot become "${schema.text}": ` +
            `its rows would mix two meanings; give the new metric another name`,
        );
      }
      stored.set(schema.name, schema.text);
    }
    for (const scope of SCOPE_NAMES) {
      const added = missing.filter((s) => s.scope === scope).map(storedMetric);
      if (added.length === 0) continue;
      const clauses = added.flatMap((metric) => [
        ...metric.intColumns.map((c) => `ADD COLUMN IF NOT EXISTS ${identifier(c)} bigint`),
        ...metric.distributionColumns.map((c) => `ADD COLUMN IF NOT EXISTS ${identifier(c)} bytea`),
      ]);
      for (const granularity of GRANULARITIES) {
        await session.query(`ALTER TABLE ${metricTable(scope, granularity)} ${clauses.join(', ')}`);
      }
    }
    if (missing.length > 0) {
      await session.query(`INSERT INTO metric_schema (name, text) SELECT * FROM unnest($1::text[], $2::text[])`, [
        missing.map((s) => s.name),
        missing.map((s) => s.text),
      ]);
    }
    await replaceViews(session, [...stored.values()]);
  });
}

/** Views of every metric ever stored, so that nodes of two releases agree on them. Replaced only when their text changed. */
async function replaceViews(session: SqlSession, schemaTexts: readonly string[]): Promise<void> {
  const schemas = schemaTexts.map(tryParseSchema).filter((s) => s !== undefined);
  const known = new Map<string, string>();
  const { rows } = await session.query(`SELECT name, text FROM metric_view`);
  for (const [name, text] of rows) known.set(name as string, text as string);
  for (const scope of SCOPE_NAMES) {
    const name = `v_${scopeOf(scope).table}`;
    const ofScope = schemas.filter((s) => s.scope === scope).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const text = viewText(scope, ofScope);
    if (known.get(name) === text) continue;
    await session.query(`DROP VIEW IF EXISTS ${name}`);
    await session.query(`CREATE VIEW ${name} AS ${text}`);
    await session.query(
      `INSERT INTO metric_view (name, text) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text`,
      [name, text],
    );
  }
}

function viewText(scope: ScopeName, schemas: readonly MetricSchema[]): string {
  const { relation, part } = scopeOf(scope);
  const columns: string[] = [
    `to_char(to_timestamp(t.minute::bigint * 60) AT TIME ZONE 'UTC', 'YYYYMMDDHH24MI')::bigint AS time_bucket`,
    `d.service_name AS service`,
  ];
  if (part !== 'service') columns.push(`d.name AS ${part}`);
  if (relation) columns.push(`d.dest_service_name AS dest_service`);
  if (relation && part !== 'service') columns.push(`d.dest_name AS dest_${part}`);
  columns.push(`d.layers AS layers`, `coalesce(o.name, '') AS origin`, `d.entity_id AS entity_id`);
  const taken = new Set(columns.map((c) => / AS (\w+)$/.exec(c)![1]!));
  for (const schema of schemas) {
    const name = taken.has(schema.name) ? `${schema.name}_` : schema.name;
    taken.add(name);
    columns.push(`${visibleValue(schema)} AS ${identifier(name)}`);
  }
  return `SELECT ${columns.join(',\n  ')}
FROM ${metricTable(scope, 'minute')} t
JOIN dictionary d ON d.slot = t.slot AND d.code = t.entity
LEFT JOIN origin o ON o.slot = t.slot AND o.code = t.origin`;
}

/** The value people know, in SQL: the function's `calculate` for one minute. Distributions stay bytes. */
function visibleValue(schema: MetricSchema): string {
  const field = (i: number) => `t.${identifier(columnName(schema, schema.fields[i]!))}`;
  // numeric: a count times 10,000 may leave int64
  const quotient = (n: string, d: string) =>
    `CASE WHEN ${d} IS NULL THEN NULL WHEN ${d} = 0 THEN 0 ELSE div((${n})::numeric, ${d}) END`;
  switch (schema.functionName) {
    case 'longAvg':
      return quotient(field(0), field(1));
    case 'doubleAvg':
      return `CASE WHEN ${field(1)} IS NULL THEN NULL WHEN ${field(1)} = 0 THEN 0 ELSE ${field(0)} / 1e6::float8 / ${field(1)} END`;
    case 'percent':
    case 'rate':
      return quotient(`${field(1)}::numeric * 10000`, field(0));
    case 'apdex':
      return quotient(`${field(1)}::numeric * 10000 + ${field(2)}::numeric * 5000`, field(0));
    case 'sum':
    case 'count':
    case 'cpm':
    case 'max':
    case 'min':
    case 'percentile2':
    case 'hdrPercentile':
    case 'histogram':
      return field(0);
  }
}
