// SPDX-License-Identifier: Apache-2.0
// What must be true after the storm: everything arrives, every persisted field above is the sum of what the leaves persisted, nothing was set
// aside, every ledger adds up; and the checker itself notices a corrupted database. In: a healed world. Out: complaints.
import { readFileSync } from 'node:fs';
import {
  differences,
  mergedIncrements,
  parkedBatches,
  readPersisted,
  sleep,
  sumOf,
  unacknowledged,
  withDatabase,
  type Persisted,
} from '../e2e/harness.js';
import type { ChaosNode, World } from './world.js';

/** Seconds until all outboxes are empty, all merged counts stand still, and nothing waits in a node; undefined: not within `secondsMax`. */
export async function drain({ tiers, nodes }: World, secondsMax: number): Promise<number | undefined> {
  const started = Date.now();
  let before = '';
  let sinceMs = 0;
  while (Date.now() - started < secondsMax * 1_000) {
    const askedMs = Date.now();
    const now = await picture(Object.values(tiers), nodes).catch(() => undefined);
    if (now === undefined || now !== before) sinceMs = askedMs;
    else if (askedMs - sinceMs >= 2_000) return (sinceMs - started) / 1_000;
    before = now ?? '';
    await sleep(250);
  }
  return undefined;
}

/** Of a world with nothing under way: how much was merged where; undefined while something is under way. */
async function picture(
  tiers: readonly { readonly url: string }[],
  nodes: readonly ChaosNode[],
): Promise<string | undefined> {
  const counts: number[] = [];
  for (const { url } of tiers) {
    if ((await unacknowledged(url)) > 0 && url !== tiers.at(-1)!.url) return undefined;
    counts.push(await mergedIncrements(url, 'local'), await mergedIncrements(url, 'federated'));
  }
  for (const { proc } of nodes) {
    const status = (await (await fetch(`${proc.restUrl}/status/tier`)).json()) as {
      readonly l1?: { readonly pendingBatches: number };
      readonly l2: { readonly queuedBytes: number };
    };
    if ((status.l1?.pendingBatches ?? 0) > 0 || status.l2.queuedBytes > 0) return undefined;
  }
  return counts.join(' ');
}

export interface Verdict {
  readonly problems: readonly string[];
  /** Persisted fields compared, over the tiers above. */
  readonly fields: number;
  readonly increments: number;
}

export async function judge(world: World): Promise<Verdict> {
  const { tiers, nodes } = world;
  const problems: string[] = [];
  const complain = (what: string, found: readonly string[]) =>
    problems.push(...found.map((line) => `${what}: ${line}`));

  const c = await readPersisted(tiers['cloud-c'].url);
  const n = await readPersisted(tiers['cloud-n'].url);
  const expected = sumOf([c, n]);
  let fields = 0;
  for (const above of [tiers.mid, tiers.root]) {
    const persisted = await readPersisted(above.url);
    fields += persisted.get('')?.size ?? 0;
    complain(`${above.name}, merged rows`, differences(merged(persisted), expected));
    complain(`${above.name}, origin cloud-c`, differences(persisted.get('cloud-c') ?? new Map(), services(c)));
    complain(`${above.name}, origin cloud-n`, differences(persisted.get('cloud-n') ?? new Map(), services(n)));
  }
  for (const [name, leaf] of [
    ['cloud-c', c],
    ['cloud-n', n],
  ] as const) {
    if (merged(leaf).size < 50)
      problems.push(`${name} persisted only ${merged(leaf).size} fields: too little to say anything`);
  }

  // the ledger: what was numbered below is what was applied above
  const [sentC, sentN, sentMid] = [
    await sent(tiers['cloud-c'].url),
    await sent(tiers['cloud-n'].url),
    await sent(tiers.mid.url),
  ];
  const [appliedMid, appliedRoot] = [await applied(tiers.mid.url), await applied(tiers.root.url)];
  if (appliedMid !== sentC + sentN)
    problems.push(`mid applied ${appliedMid} batches, the leaves numbered ${sentC + sentN}`);
  if (appliedRoot !== sentMid) problems.push(`root applied ${appliedRoot} batches, mid numbered ${sentMid}`);
  for (const { name, url } of Object.values(tiers)) {
    const parked = await parkedBatches(url);
    if (parked !== 0) problems.push(`${name} parked ${parked} batches`);
    const others = {
      'entries that wait for a number': 'SELECT count(*) AS n FROM pending',
      'declared losses': 'SELECT count(*) AS n FROM loss',
      'minutes that are SUSPECT': `SELECT count(*) AS n FROM verdict WHERE state = 'suspect'`,
    };
    for (const [what, sql] of Object.entries(others)) {
      const found = await number(url, sql);
      if (found !== 0) problems.push(`${name} has ${found} ${what}`);
    }
  }
  for (const node of nodes) problems.push(...(await unbalanced(node)));
  return { problems, fields, increments: await mergedIncrements(tiers.root.url, 'federated') };
}

/** The checker against databases that are wrong on purpose; complaints when it sees nothing. Leaves them wrong. */
export async function judgeTheJudge({ tiers }: World): Promise<readonly string[]> {
  const problems: string[] = [];
  const expected = sumOf([await readPersisted(tiers['cloud-c'].url), await readPersisted(tiers['cloud-n'].url)]);
  const some = (table: string) => `WHERE ctid = (SELECT ctid FROM ${table} WHERE origin = 0 LIMIT 1)`;
  const corruptions = {
    'one count is one higher': `UPDATE m_service_minute SET service_cpm__total = service_cpm__total + 1 ${some('m_service_minute')}`,
    'one row is gone': `DELETE FROM m_endpoint_minute ${some('m_endpoint_minute')}`,
    'one distribution differs': `UPDATE m_endpoint_minute SET endpoint_percentile__dataset = '\\x010201'::bytea ${some('m_endpoint_minute')}`,
  };
  for (const { name, url } of [tiers.mid, tiers.root]) {
    let seen = differences(merged(await readPersisted(url)), expected).length;
    for (const [what, statement] of Object.entries(corruptions)) {
      const changed = await withDatabase(url, async (client) => (await client.query(statement)).rowCount);
      const now = differences(merged(await readPersisted(url)), expected).length;
      if (changed !== 1 || now <= seen) problems.push(`the checker does not see that in ${name} ${what}`);
      seen = now;
    }
  }
  return problems;
}

/** What nodes logged as errors, by message and how often; a BUG among them is one. */
export function errorsLogged(nodes: readonly ChaosNode[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { proc } of nodes) {
    for (const line of proc.log().split('\n')) {
      const message = errorOf(line);
      if (message !== undefined) counts[message] = (counts[message] ?? 0) + 1;
    }
  }
  return counts;
}

/** Without what differs from one to the next: numbers and ids. */
function errorOf(line: string): string | undefined {
  if (!line.startsWith('{') || !line.includes('"level":"error"')) return undefined;
  try {
    const { msg, err } = JSON.parse(line) as { readonly msg: string; readonly err?: { readonly message?: string } };
    const text = err?.message === undefined ? msg : `${msg}: ${err.message}`;
    return text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '(id)')
      .replaceAll(/\d+/g, 'n')
      .slice(0, 160);
  } catch {
    return undefined; // the process was killed while it wrote the line
  }
}

/** Resident memory of a process, in MB. */
export function residentMegabytes(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
  } catch {
    return 0; // it ended meanwhile
  }
}

const merged = (persisted: Persisted) => persisted.get('') ?? new Map<string, bigint | Buffer>();
const services = (leaf: Persisted) => new Map([...merged(leaf)].filter(([key]) => key.startsWith('Service ')));

const number = (url: string, sql: string) =>
  withDatabase(url, async (client) => Number((await client.query<{ n: string }>(sql)).rows[0]!.n));
const sent = (url: string) => number(url, 'SELECT coalesce(sum(next_seq - 1), 0) AS n FROM slot');
const applied = (url: string) => number(url, `SELECT coalesce(sum(seq), 0) AS n FROM mark WHERE kind = 'federated'`);

/** Every conservation metric of a node must read zero, and there must be one. */
async function unbalanced({ name, metricsUrl }: ChaosNode): Promise<string[]> {
  const text = await (await fetch(metricsUrl)).text();
  const lines = text.split('\n').filter((line) => /^[a-z0-9_]*conservation/.test(line));
  if (lines.length === 0) return [`${name} exposes no conservation metric`];
  return lines.filter((line) => Number(line.split(' ').at(-1)) !== 0).map((line) => `${name}: ${line}`);
}
