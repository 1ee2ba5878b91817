// SPDX-License-Identifier: Apache-2.0
// How many rows a flush writes per second on PostgreSQL, beside the least that any writer must do (binary COPY and merge of the
// same rows, nothing else) and beside what a plain writer does (one upsert per row). Called by scripts/bench.
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { CopyBinaryWriter } from './copy-binary.js';
import { openPostgresStore } from './postgres.js';
import { CONTRACT_METRICS, testBlock, testFlush, testMark, testOutbox, type TestRow } from './testing.js';

export interface BenchResult {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** What the value is beside, in the same unit. */
  readonly reference: Readonly<Record<string, number>>;
}

const MINUTE = Date.UTC(2026, 0, 5) / 60_000;
const SERVICE_METRICS = CONTRACT_METRICS.filter((m) => m.scope === 'Service' && m.distributionFields.length === 0);

function rowsOf(count: number, round: number): TestRow[] {
  return Array.from({ length: count }, (_, entity) => ({
    minute: MINUTE,
    entity,
    values: new Map(SERVICE_METRICS.map((m) => [m, m.intFields.map((_f, i) => BigInt(entity * 31 + i + round))])),
  }));
}

/** Rows per second: the best of `rounds` flushes of `rows` rows each, all updates but the first. `url`: an empty database. */
export async function benchFlush(url: string, rows = 10_000, rounds = 10): Promise<BenchResult> {
  const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
  const perSecond = async (count: number, work: () => Promise<void>) => {
    const startedMs = systemClock.monotonicMs();
    await work();
    return (count * 1_000) / (systemClock.monotonicMs() - startedMs);
  };

  let value = 0;
  {
    await using store = await openPostgresStore({ url, slots: 1, allowUnsafe: true }, deps);
    await store.prepareMetrics(CONTRACT_METRICS);
    const { epoch } = await store.claimSlot(0, 'bench');
    for (let seq = 1; seq <= rounds; seq++) {
      const block = testBlock(0, SERVICE_METRICS, rowsOf(rows, seq));
      const rate = await perSecond(rows, async () => {
        const outcome = await store.flush([
          testFlush(0, epoch, {
            rows: [block],
            marks: [{ mark: testMark(0, 'log', seq), previousSeq: seq - 1 }],
            outbox: testOutbox(0, seq, rows * 20),
            dirtyHours: [MINUTE / 60],
          }),
        ]);
        if (outcome.kind !== 'committed') throw new Error(`the flush was refused: ${outcome.kind}`);
      });
      value = Math.max(value, rate);
    }
  }

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const columns = SERVICE_METRICS.flatMap((m) => m.intFields.map((f) => `${m.name}_${f.column}`));
    const update = columns.map((c) => `${c} = excluded.${c}`).join(', ');
    const conflict = `ON CONFLICT (slot, minute, origin, entity) DO UPDATE SET ${update}`;
    await client.query(
      `CREATE TABLE bare (slot smallint, origin smallint, minute int, entity int, ${columns.map((c) => `${c} bigint`).join(', ')},
       PRIMARY KEY (slot, minute, origin, entity)) WITH (fillfactor = 70)`,
    );
    await client.query('CREATE TEMPORARY TABLE stage (LIKE bare) ON COMMIT DELETE ROWS');
    let bareCopy = 0;
    for (let round = 1; round <= rounds; round++) {
      const given = rowsOf(rows, round);
      const rate = await perSecond(rows, async () => {
        const writer = new CopyBinaryWriter(rows * 120);
        for (const { minute, entity, values } of given) {
          writer.row(4 + columns.length);
          writer.int16(0);
          writer.int16(0);
          writer.int32(minute);
          writer.int32(entity);
          for (const metric of SERVICE_METRICS) for (const v of values.get(metric)!) writer.int64(v as bigint);
        }
        await client.query('BEGIN');
        const stream = client.query(copyFrom('COPY stage FROM STDIN WITH (FORMAT binary)'));
        await new Promise<void>((resolve, reject) => {
          stream.once('error', reject);
          stream.once('finish', resolve);
          stream.end(Buffer.from(writer.finish()));
        });
        await client.query(`INSERT INTO bare SELECT * FROM stage ${conflict}`);
        await client.query('COMMIT');
      });
      bareCopy = Math.max(bareCopy, rate);
    }
    const some = rowsOf(Math.min(rows, 1_000), 0);
    const params = Array.from({ length: 4 + columns.length }, (_, i) => `$${i + 1}`).join(', ');
    const rowByRow = await perSecond(some.length, async () => {
      await client.query('BEGIN');
      for (const { minute, entity, values } of some) {
        const fields = SERVICE_METRICS.flatMap((m) => values.get(m)!);
        const text = `INSERT INTO bare VALUES (${params}) ${conflict}`;
        await client.query({ name: 'row', text, values: [0, 0, minute, entity, ...fields] });
      }
      await client.query('COMMIT');
    });
    return { name: 'flush of merged rows, PostgreSQL', unit: 'rows/s', value, reference: { bareCopy, rowByRow } };
  } finally {
    await client.end();
  }
}
