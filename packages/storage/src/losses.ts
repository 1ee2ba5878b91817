// SPDX-License-Identifier: Apache-2.0
// What is known not to be whole: declared losses, and verdicts on minutes. In: flushes. Out: by slot for its owner, in sum for answers.
import { NO_WATERMARK, type Loss } from '@oap-federation/model';
import { decodeDescriptor } from './dictionary.js';
import type {
  Conservation,
  DeclaredLoss,
  DictionaryEntry,
  SlotFlush,
  StoredLoss,
  Verdict,
  VerdictSummary,
} from './port.js';
import type { SqlSession } from './sql.js';

/** Kinds of losses, and of verdicts, that an answer names: more than a person reads. */
const SUMS_MAX = 1_000;

export async function writeVerdicts(session: SqlSession, flushes: readonly SlotFlush[]): Promise<void> {
  const all = flushes.flatMap(({ slot, verdicts }) => (verdicts ?? []).map((v) => ({ ...v, slot })));
  const [matched, found] = [all.filter((v) => v.state === 'matched'), all.filter((v) => v.state !== 'matched')];
  if (matched.length > 0) {
    await session.query(
      `DELETE FROM verdict v USING unnest($1::int[], $2::int[]) AS w (slot, minute) WHERE v.slot = w.slot AND v.minute = w.minute`,
      [matched.map((v) => v.slot), matched.map((v) => v.minute)],
    );
  }
  if (found.length > 0) {
    await session.query(
      `INSERT INTO verdict (slot, minute, state, tiers, reason)
       SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::text[])
       ON CONFLICT (slot, minute) DO UPDATE SET state = excluded.state, tiers = excluded.tiers, reason = excluded.reason`,
      [
        found.map((v) => v.slot),
        found.map((v) => v.minute),
        found.map((v) => v.state),
        found.map((v) => JSON.stringify(v.tiers)),
        found.map((v) => v.reason),
      ],
    );
  }
}

export async function readVerdicts(session: SqlSession, slot: number): Promise<readonly Verdict[]> {
  const { rows } = await session.query(
    `SELECT minute, state, tiers, reason FROM verdict WHERE slot = $1 ORDER BY minute`,
    [slot],
  );
  return rows.map(([minute, state, tiers, reason]) => ({
    minute: minute as number,
    state: state as Verdict['state'],
    tiers: JSON.parse(tiers as string) as string[],
    reason: reason as string,
  }));
}

export async function readLosses(
  session: SqlSession,
  slot: number,
  fromMinute: number,
  toMinute: number,
): Promise<readonly StoredLoss[]> {
  const { rows } = await session.query(
    `SELECT log_id, seq, index, tier, origin, cause, kind, first_minute, last_minute, increments FROM loss
     WHERE slot = $1 AND first_minute <= $3 AND (last_minute >= $2 OR last_minute = ${NO_WATERMARK}) ORDER BY log_id, seq, index`,
    [slot, fromMinute, toMinute],
  );
  return rows.map(([logId, seq, index, tier, origin, cause, kind, firstMinute, lastMinute, increments]) => ({
    logId: logId as string,
    seq: Number(seq),
    index: index as number,
    tier: tier as string,
    origin: origin as string,
    cause: cause as string,
    kind: kind as string,
    firstMinute: firstMinute as number,
    lastMinute: lastMinute as number,
    increments: Number(increments),
  }));
}

export async function readDictionary(session: SqlSession, slot: number): Promise<readonly DictionaryEntry[]> {
  const { rows } = await session.query(`SELECT code, descriptor FROM dictionary WHERE slot = $1 ORDER BY code`, [slot]);
  return rows.map(([code, descriptor]) => ({ code: code as number, entity: decodeDescriptor(descriptor) }));
}

/** Inside one snapshot. */
export async function conservation(session: SqlSession): Promise<Conservation> {
  const { rows: losses } = await session.query(
    `SELECT l.tier, l.origin, CASE WHEN m.kind = 'federated' THEN m.producer ELSE '' END AS via, l.cause, l.kind,
       min(l.first_minute), CASE WHEN min(l.last_minute) = ${NO_WATERMARK} THEN ${NO_WATERMARK} ELSE max(l.last_minute) END,
       sum(l.increments)::bigint
     FROM loss l LEFT JOIN mark m ON m.slot = l.slot AND m.log_id = l.log_id
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 8 DESC LIMIT ${SUMS_MAX}`,
  );
  const { rows: verdicts } = await session.query(
    `SELECT state, tiers, reason, min(minute), max(minute), count(DISTINCT minute)
     FROM verdict GROUP BY state, tiers, reason ORDER BY state, 5 DESC LIMIT ${SUMS_MAX}`,
  );
  return {
    losses: sortedLosses(
      losses.map(([tier, origin, via, cause, kind, firstMinute, lastMinute, increments]) => ({
        tier: tier as string,
        origin: origin as string,
        via: via as string,
        cause: cause as string,
        kind: kind as string,
        firstMinute: firstMinute as number,
        lastMinute: lastMinute as number,
        increments: Number(increments),
      })),
    ),
    verdicts: sortedVerdicts(
      verdicts.map(([state, tiers, reason, firstMinute, lastMinute, minutes]) => ({
        state: state as VerdictSummary['state'],
        tiers: JSON.parse(tiers as string) as string[],
        reason: reason as string,
        firstMinute: firstMinute as number,
        lastMinute: lastMinute as number,
        minutes: Number(minutes),
      })),
    ),
  };
}

/** The same sums over losses in memory. */
export function lossSums(losses: readonly DeclaredLoss[]): readonly DeclaredLoss[] {
  const sums = new Map<string, DeclaredLoss>();
  for (const { tier, origin, via, cause, kind, firstMinute, lastMinute, increments } of losses) {
    const key = JSON.stringify([tier, origin, via, cause, kind]);
    const sum = sums.get(key);
    sums.set(key, {
      tier,
      origin,
      via,
      cause,
      kind,
      firstMinute: Math.min(firstMinute, sum?.firstMinute ?? firstMinute),
      lastMinute:
        Math.min(lastMinute, sum?.lastMinute ?? lastMinute) === NO_WATERMARK
          ? NO_WATERMARK
          : Math.max(lastMinute, sum?.lastMinute ?? lastMinute),
      increments: increments + (sum?.increments ?? 0),
    });
  }
  return sortedLosses([...sums.values()]);
}

/** The same sums over verdicts in memory. */
export function verdictSums(verdicts: readonly Verdict[]): readonly VerdictSummary[] {
  const minutesOf = new Map<string, Set<number>>();
  const first = new Map<string, Verdict>();
  for (const verdict of verdicts) {
    if (verdict.state === 'matched') continue;
    const key = JSON.stringify([verdict.state, verdict.tiers, verdict.reason]);
    const minutes = minutesOf.get(key);
    if (minutes) minutes.add(verdict.minute);
    else {
      minutesOf.set(key, new Set([verdict.minute]));
      first.set(key, verdict);
    }
  }
  return sortedVerdicts(
    [...minutesOf].map(([key, minutes]) => {
      const { state, tiers, reason } = first.get(key)!;
      return {
        state: state as VerdictSummary['state'],
        tiers,
        reason,
        firstMinute: Math.min(...minutes),
        lastMinute: Math.max(...minutes),
        minutes: minutes.size,
      };
    }),
  );
}

function byText<T>(list: readonly T[], textOf: (one: T) => string): T[] {
  return list
    .map((one) => ({ one, text: textOf(one) }))
    .toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ one }) => one);
}

function sortedLosses(losses: readonly DeclaredLoss[]): readonly DeclaredLoss[] {
  const key = (l: Loss & { via: string }) => JSON.stringify([l.via, l.origin, l.tier, l.cause, l.kind]);
  return byText(losses, key);
}

function sortedVerdicts(verdicts: readonly VerdictSummary[]): readonly VerdictSummary[] {
  return byText(verdicts, (v) => JSON.stringify([v.state, v.tiers, v.reason]));
}
