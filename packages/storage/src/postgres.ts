// SPDX-License-Identifier: Apache-2.0
// PostgreSQL through `pg`: one connection that flushes, a small pool that reads and claims. In: a URL. Out: a TierStore.
import type { Socket } from 'node:net';
import { backoffMs, messageOf, type Logger } from '@oap-federation/runtime';
import pg from 'pg';
import { givePartBack } from './copy-binary.js';
import { StorageUnavailable, type TierStore } from './port.js';
import {
  identifier,
  sqlState,
  storageError,
  Turnstile,
  withoutNul,
  type SqlDatabase,
  type SqlResult,
  type SqlSession,
  type SqlValue,
} from './sql.js';
import { openTierStore, type StoreDeps, type TierStoreOptions } from './store.js';

export interface PostgresStoreOptions extends TierStoreOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  /** All connections of this node: one flushes, the others read. Default 5. */
  readonly maxConnections?: number;
  /** Accept a server that may lose acknowledged commits (fsync, full_page_writes or synchronous_commit off). */
  readonly allowUnsafe?: boolean;
  /** How long to wait at start for a server that is down, in ms. Default 60,000. */
  readonly waitMs?: number;
}

const STORAGE = 'postgresql';
/** A flush takes well under a second; beyond these the slots' owner has better things to do than wait. */
const STATEMENT_TIMEOUT_MS = 30_000;
const LOCK_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_MS = 15_000;
/** The server is frozen or the network swallows packets: above the server's own limit, so that it answers first if it can. */
const QUERY_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000;
/** Statements that a session keeps prepared; a program has a few dozen. */
const PREPARED_MAX = 500;

/**
 * Opens the tier's storage in PostgreSQL: waits for the server, checks that it is durable, migrates the schema.
 * Errors: StorageUnavailable when the server stays away for `waitMs`; OAP-2004; an Error naming the unsafe setting, or the missing right.
 */
export async function openPostgresStore(options: PostgresStoreOptions, deps: StoreDeps): Promise<TierStore> {
  const { clock, rng, logger } = deps;
  const deadlineMs = clock.monotonicMs() + (options.waitMs ?? 60_000);
  for (let failures = 0; ; failures++) {
    const db = new PostgresDatabase(options, logger);
    try {
      await db.write((session) => checkDurable(session, options.allowUnsafe ?? false, logger));
      if (options.stable === 'standby') await db.write(checkSeesStandbys);
      return await openTierStore(db, options, deps);
    } catch (error) {
      await db[Symbol.asyncDispose]();
      const leftMs = deadlineMs - clock.monotonicMs();
      if (!(error instanceof StorageUnavailable) || leftMs <= 0) throw error;
      const waitMs = Math.min(leftMs, backoffMs(failures, { baseMs: 500, maxMs: 5_000 }, rng));
      logger.warn({ err: error, retryInMs: Math.round(waitMs) }, 'waiting for the storage');
      await clock.sleep(waitMs);
    }
  }
}

/** Settings that must be on, or a crash of the server loses what was acknowledged. */
async function checkDurable(session: SqlSession, allowUnsafe: boolean, logger: Logger): Promise<void> {
  const { rows } = await session.query(
    `SELECT name || '=' || setting FROM pg_settings
     WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`,
  );
  if (rows.length === 0) return;
  const settings = rows.map(([text]) => text as string).join(', ');
  if (!allowUnsafe) {
    throw new Error(
      `the PostgreSQL server has ${settings}: a crash would lose acknowledged data; turn it on, or allow an unsafe storage`,
    );
  }
  logger.warn({ settings }, 'the PostgreSQL server is not durable: a crash loses acknowledged data');
}

/** Without this right `pg_stat_replication` says nothing, and nothing would ever count as stable. */
async function checkSeesStandbys(session: SqlSession): Promise<void> {
  const { rows } = await session.query(`SELECT pg_has_role('pg_read_all_stats', 'USAGE'), current_user::text`);
  const [sees, user] = rows[0] as [boolean, string];
  if (!sees)
    throw new Error(
      `storage.postgresql.stable is standby, and user ${user} may not see standbys: GRANT pg_read_all_stats TO ${identifier(user)}`,
    );
}

const int8 = (text: string) => BigInt(text);
const bytea = (text: string) => {
  const buffer = Buffer.from(text.slice(2), 'hex');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
};
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === 20) return int8;
    if (oid === 17) return bytea;
    return pg.types.getTypeParser(oid, format ?? 'text') as unknown;
  }) as typeof pg.types.getTypeParser,
};

/** A connection as the store sees it. After a lost connection or a time-out of ours it is broken for good. */
class PostgresSession implements SqlSession {
  readonly stages = new Set<string>();
  readonly #client: pg.ClientBase;
  readonly #prepared: Map<string, string> | undefined;
  broken = false;

  constructor(client: pg.ClientBase, options: { prepare: boolean }) {
    this.#client = client;
    this.#prepared = options.prepare ? new Map<string, string>() : undefined;
  }

  /** A name for a statement with parameters, so that the server parses it once. */
  #nameOf(text: string): { name: string } | undefined {
    if (this.#prepared === undefined) return undefined;
    let name = this.#prepared.get(text);
    if (name === undefined) {
      if (this.#prepared.size === PREPARED_MAX) return undefined;
      name = `s${this.#prepared.size}`;
      this.#prepared.set(text, name);
    }
    return { name };
  }

  async query(text: string, values?: readonly SqlValue[]): Promise<SqlResult> {
    try {
      const result = await this.#client.query<unknown[]>({
        text,
        rowMode: 'array',
        ...(values === undefined ? {} : { values: values.map(withoutNul) as unknown[], ...this.#nameOf(text) }),
      });
      return { command: result.command, rows: result.rows, rowCount: result.rowCount ?? 0 };
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async copyBinary(table: string, columns: readonly string[], file: Iterable<Uint8Array<ArrayBuffer>>): Promise<void> {
    const names = columns.map(identifier).join(', ');
    try {
      await new Promise<void>((resolve, reject) => {
        const done = (error: unknown) => (error ? reject(error as Error) : resolve());
        this.#client.query(copyQuery(`COPY ${table} (${names}) FROM STDIN WITH (FORMAT binary)`, file, done));
      });
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async copyOut(select: string): Promise<Uint8Array> {
    const parts: Buffer[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const query = new pg.Query(`COPY (${select}) TO STDOUT WITH (FORMAT binary)`, (error: unknown) =>
          error ? reject(error as Error) : resolve(),
        );
        // the driver reads the next data into the memory of a part
        const handleCopyData = ({ chunk }: { chunk: Buffer }) => void parts.push(Buffer.from(chunk));
        this.#client.query(Object.assign(query, { handleCopyData }));
      });
    } catch (error) {
      throw this.#failed(error);
    }
    return Buffer.concat(parts);
  }

  #failed(error: unknown): unknown {
    const fatal = typeof error === 'object' && error !== null && 'severity' in error && error.severity === 'FATAL';
    if (fatal || sqlState(error) === undefined) this.broken = true;
    return storageError(STORAGE, error);
  }
}

/**
 * A COPY FROM STDIN with its data sent right behind it, not after the server's invitation: it costs no round trip of its own, and may
 * stand between other statements in a pipeline. A server that refuses the statement skips the data (protocol, "COPY Operations").
 */
function copyQuery(text: string, file: Iterable<Uint8Array<ArrayBuffer>>, done: (error: unknown) => void): pg.Query {
  let cause: unknown;
  const query = new pg.Query(text, (error: unknown) => done(cause ?? error));
  query.submit = (connection) => {
    const { stream } = connection as unknown as { readonly stream: Socket };
    connection.query(text);
    try {
      for (const part of file) {
        const head = Buffer.from('d\0\0\0\0');
        head.writeInt32BE(part.length + 4, 1);
        stream.cork();
        stream.write(head);
        // an error is everybody's who waits for this connection, and tells nothing of who still reads the part
        stream.write(Buffer.from(part.buffer, part.byteOffset, part.length), (error) => {
          if (!error) givePartBack(part);
        });
        stream.uncork(); // and it is on its way, while the next part is made
      }
      stream.write(Buffer.from('c\0\0\0\x04'));
    } catch (error) {
      cause = error;
      stream.write(Buffer.from('f\0\0\0\x05\0')); // the server answers with an error, and the transaction is over
    }
  };
  return Object.assign(query, { handleCopyInResponse: () => {} });
}

class PostgresDatabase implements SqlDatabase {
  readonly #config: pg.PoolConfig;
  readonly #logger: Logger;
  readonly #pool: pg.Pool;
  readonly #turnstile = new Turnstile();
  #writer: { readonly client: pg.Client; readonly session: PostgresSession } | undefined;
  #closed: Promise<void> | undefined;

  constructor({ url, maxConnections = 5 }: PostgresStoreOptions, logger: Logger) {
    this.#logger = logger;
    this.#config = {
      connectionString: url,
      application_name: 'oap-federation',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      types,
    };
    this.#pool = new pg.Pool({
      ...this.#config,
      max: Math.max(1, maxConnections - 1),
      onConnect: setUp as (client: pg.ClientBase) => void, // the pool awaits it, whatever its type says
    });
    this.#pool.on('error', (err) => this.#logger.warn({ err }, 'an idle connection to PostgreSQL was lost'));
  }

  write<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#turnstile.run(async () => {
      const { client, session } = await this.#openWriter();
      try {
        return await work(session);
      } finally {
        if (session.broken) {
          this.#writer = undefined;
          discard(client);
        }
      }
    });
  }

  async #openWriter() {
    if (this.#closed !== undefined) throw new StorageUnavailable('the storage is closed');
    if (this.#writer !== undefined && !this.#writer.session.broken) return this.#writer;
    // sends statements without waiting for the answers of those before: see SqlSession
    const client = new pg.Client({ ...this.#config, pipeline: true });
    const session = new PostgresSession(client, { prepare: true });
    client.on('error', (err) => {
      session.broken = true;
      this.#logger.warn({ err }, 'the flushing connection to PostgreSQL was lost');
    });
    try {
      await client.connect();
      await setUp(client);
    } catch (error) {
      discard(client);
      throw storageError(STORAGE, error);
    }
    this.#writer = { client, session };
    return this.#writer;
  }

  async read<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new StorageUnavailable('the storage is closed');
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw storageError(STORAGE, error);
    }
    const lost = () => {}; // without a listener a lost connection would end the process; the query reports it
    client.on('error', lost);
    const session = new PostgresSession(client, { prepare: false });
    try {
      return await work(session);
    } finally {
      client.removeListener('error', lost);
      client.release(session.broken);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#turnstile.run(async () => {
      if (this.#writer !== undefined) {
        await this.#writer.client.end().catch((error: unknown) => {
          this.#logger.debug({ reason: messageOf(error) }, 'the flushing connection ended with an error');
        });
      }
      await this.#pool.end();
    });
    return this.#closed;
  }
}

/** Wide upserts of few rows gain nothing from compiled plans, and each compilation costs more than the statement. */
async function setUp(client: pg.ClientBase): Promise<void> {
  await client.query('SET jit = off');
}

/** Closes the socket without the farewell that a dead or frozen server would never answer. */
function discard(client: pg.Client): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
  stream.destroy();
}
