// SPDX-License-Identifier: Apache-2.0
// Goal: what is called stable is on the standby, and nothing else is; and it is told soon. Method: a real PostgreSQL with a real
// streaming standby, which is frozen, ended, promoted; what the promoted one has is compared with what was called stable.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import pg from 'pg';
import { startPostgres, type Postgres } from '../../../test/services/index.js';
import { available, needs } from '../../../test/services/needs.js';
import { openPostgresStore, type TierStore } from './index.js';
import type { SlotClaim } from './port.js';
import type { SqlSession } from './sql.js';
import { StableMarks } from './stable.js';
import { testFlush, testMark, withTestFences } from './testing.js';

const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };

/** Commits batch after batch of one log, in one slot. */
class Receiver {
  readonly #store: TierStore;
  #claim: SlotClaim | undefined;
  seq = 0;

  constructor(store: TierStore) {
    this.#store = withTestFences(store);
  }

  async claim(): Promise<void> {
    this.#claim = await this.#store.claimSlot(0, 'node');
    this.seq = this.#claim.marks[0]?.seq ?? 0;
  }

  async commit(): Promise<void> {
    const mark = { mark: testMark(0, 'log', this.seq + 1), previousSeq: this.seq };
    expect(await this.#store.flush([testFlush(0, this.#claim!.fence.epoch, { marks: [mark] })])).toEqual({
      kind: 'committed',
    });
    this.seq++;
  }

  get stable(): number {
    return this.#store.stableSeq(0, 'log');
  }

  /** Commits until something that was committed before is stable; resolves with the seq that is. */
  async untilStable(seq: number): Promise<void> {
    for (let i = 0; i < 500 && this.stable < seq; i++) {
      await this.commit();
      await sleep(10);
    }
    expect(this.stable).toBeGreaterThanOrEqual(seq);
    expect(this.stable).toBeLessThanOrEqual(this.seq);
  }
}

needs('postgres')('stable commits in PostgreSQL', () => {
  let primary: Postgres;
  let standby: Postgres;
  const opened: TierStore[] = [];
  beforeAll(async () => {
    primary = available(await startPostgres());
    standby = available(await startPostgres({ standbyOf: primary }));
  });
  afterAll(async () => {
    for (const store of opened) await store[Symbol.asyncDispose]();
    await standby.stop();
    await primary.stop();
  });

  const sql = async (text: string, server = primary) => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const open = async (database: string, stable: 'none' | 'commit' | 'standby', user = 'postgres') => {
    await sql(`CREATE DATABASE ${database} OWNER ${user}`);
    const url = `postgres://${user}@127.0.0.1:${primary.port}/${database}`;
    const store = await openPostgresStore({ url, slots: 1, stable, waitMs: 20_000 }, deps);
    opened.push(store);
    const receiver = new Receiver(store);
    await receiver.claim();
    return receiver;
  };

  it('none: never; commit: all that is committed, until the next claim', async () => {
    const none = await open('n', 'none');
    await none.commit();
    expect(none.stable).toBe(0);
    const all = await open('c', 'commit');
    await all.commit();
    await all.commit();
    expect(all.stable).toBe(2);
    await all.claim(); // perhaps of an older state of the storage
    expect(all.stable).toBe(0);
    await all.commit();
    expect(all.stable).toBe(3);
  });

  it('standby: not while it is frozen or away, soon when it is back', async () => {
    const receiver = await open('s', 'standby');
    await receiver.untilStable(3);
    standby.pause();
    await receiver.commit(); // what was under way before may still be called stable
    const frozen = receiver.seq;
    for (let i = 0; i < 20; i++) await receiver.commit();
    expect(receiver.stable).toBeLessThanOrEqual(frozen);
    const before = receiver.stable;
    standby.resume();
    await receiver.untilStable(frozen + 5);
    expect(receiver.stable).toBeGreaterThan(before);

    await standby.kill9();
    while ((await sql('SELECT 1 FROM pg_stat_replication')).length > 0) await sleep(20);
    const known = receiver.stable;
    for (let i = 0; i < 20; i++) await receiver.commit();
    expect(receiver.stable).toBe(known);
    await standby.restart();
    await receiver.untilStable(receiver.seq);
  }, 60_000);

  it('standby: a server that restarts goes on; what was not confirmed before is confirmed again', async () => {
    const receiver = await open('r', 'standby');
    await receiver.untilStable(2);
    await primary.kill9();
    await primary.restart();
    await receiver.claim().catch(() => receiver.claim());
    expect(receiver.stable).toBe(0);
    await receiver.untilStable(receiver.seq + 2);
  }, 60_000);

  it('standby: with a synchronous one, each commit is stable when it is acknowledged', async () => {
    const receiver = await open('y', 'standby');
    await sql(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await sql('SELECT pg_reload_conf()');
    try {
      while ((await sql(`SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`)).length === 0) await sleep(20);
      await receiver.untilStable(1);
      let atOnce = 0;
      for (let i = 0; i < 50; i++) {
        await receiver.commit();
        if (receiver.stable === receiver.seq) atOnce++;
      }
      expect(atOnce).toBeGreaterThan(40); // a checkpoint or another database may write in between
    } finally {
      await sql(`ALTER SYSTEM RESET synchronous_standby_names`);
      await sql('SELECT pg_reload_conf()');
    }
  }, 60_000);

  it('standby: a user who may not see standbys is refused at start, with the cure', async () => {
    await sql(`CREATE ROLE blind LOGIN`);
    await expect(open('b', 'standby', 'blind')).rejects.toThrow('GRANT pg_read_all_stats TO "blind"');
    await sql(`GRANT pg_read_all_stats TO blind`);
    const url = `postgres://blind@127.0.0.1:${primary.port}/b`;
    const store = await openPostgresStore({ url, slots: 1, stable: 'standby' }, deps);
    opened.push(store);
    const receiver = new Receiver(store);
    await receiver.claim();
    await receiver.untilStable(1);
  }, 60_000);

  it('standby: everything that was called stable is on the standby when it is promoted', async () => {
    const receiver = await open('p', 'standby');
    await receiver.untilStable(5);
    for (let i = 0; i < 200; i++) await receiver.commit();
    const { stable } = receiver;
    await primary.kill9();
    await sql('SELECT pg_promote()', standby);
    const url = `postgres://postgres@127.0.0.1:${standby.port}/p`;
    const store = await openPostgresStore({ url, slots: 1, waitMs: 20_000 }, deps);
    opened.push(store);
    const [mark] = (await store.claimSlot(0, 'after')).marks;
    expect(mark!.seq).toBeGreaterThanOrEqual(stable);
    expect(stable).toBeGreaterThan(5);
  }, 60_000);
});

describe('stable marks', () => {
  const session = (answers: readonly (readonly [bigint, bigint | null] | Error)[]): SqlSession => {
    const left = [...answers];
    const query = async () => {
      const next = left.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error('no more answers');
      return { command: 'SELECT', rows: [next], rowCount: 1 };
    };
    return { query } as unknown as SqlSession;
  };
  const commit = (marks: StableMarks, on: SqlSession, seq: number, logId = 'log') =>
    marks.committed(on, [testFlush(0, 1, { marks: [{ mark: testMark(0, logId, seq), previousSeq: seq - 1 }] })]);

  it('a position of one connection says nothing on another: it may be another server', async () => {
    const marks = new StableMarks('standby', silentLogger);
    await commit(marks, session([[100n, 50n]]), 5);
    await commit(marks, session([[40n, 200n]]), 1, 'other');
    expect([marks.seqOf(0, 'log'), marks.seqOf(0, 'other')]).toEqual([0, 1]);
  });

  it('keeps two positions per log while no standby answers, and catches up', async () => {
    const marks = new StableMarks('standby', silentLogger);
    const one = session([[10n, null], [20n, null], [30n, 15n], new Error('away'), [50n, 20n], [60n, 50n], [70n, 70n]]);
    const said: number[] = [];
    for (let seq = 1; seq <= 7; seq++) {
      await commit(marks, one, seq);
      said.push(marks.seqOf(0, 'log'));
    }
    expect(said).toEqual([0, 0, 1, 1, 1, 3, 7]);
  });

  it('nodes of the own tier have nobody to tell', async () => {
    const marks = new StableMarks('commit', silentLogger);
    const local = { mark: testMark(0, 'l1', 1, { kind: 'local' }), previousSeq: 0 };
    await marks.committed(session([]), [testFlush(0, 1, { marks: [local] })]);
    expect(marks.seqOf(0, 'l1')).toBe(0);
  });
});
