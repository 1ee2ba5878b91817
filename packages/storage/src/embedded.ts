// SPDX-License-Identifier: Apache-2.0
// The embedded default: PGlite in a worker thread, in a locked data directory, with the housekeeping that PostgreSQL's background
// processes would do. In: a directory. Out: a TierStore. Survives kill -9; does not survive a power cut (README).
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { startPeriodic, type Background, type Logger } from '@oap-federation/runtime';
import { lockDirectory } from './directory-lock.js';
import {
  pgliteWorker,
  type WorkerReply,
  type WorkerRequest,
  type WorkerResult,
  type WorkerStart,
} from './pglite-worker.js';
import { StorageUnavailable, type TierStore } from './port.js';
import {
  identifier,
  storageError,
  Turnstile,
  withoutNul,
  type SqlDatabase,
  type SqlResult,
  type SqlSession,
  type SqlValue,
} from './sql.js';
import { openTierStore, type StoreDeps, type TierStoreOptions } from './store.js';

export interface EmbeddedStoreOptions extends TierStoreOptions {
  /** Made when missing; one process at a time. */
  readonly dataDir: string;
}

const STORAGE = 'pglite';
/** Without them the write-ahead log of a small tier grows to a gigabyte. jit: see postgres.ts. */
const SETTINGS = ['max_wal_size = 64MB', 'min_wal_size = 32MB', 'jit = off'];
const CHECKPOINT_PERIOD_MS = 60_000;
/** Nothing vacuums by itself: ten full updates made 13 MB into 130 MB. */
const VACUUM_EVERY_CHECKPOINTS = 10;

/**
 * Opens the tier's storage in `dataDir`. The first open creates the database, which takes some seconds and 800 MB.
 * Errors: OAP-2007 when another process has the directory; OAP-2004; an Error when PGlite cannot open it.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions, deps: StoreDeps): Promise<TierStore> {
  const { clock, logger } = deps;
  const lock = await lockDirectory(options.dataDir);
  try {
    const pgData = join(options.dataDir, 'pgdata');
    if (!existsSync(pgData)) {
      // made aside and renamed: a process killed in the middle leaves nothing that looks like a database
      const startedMs = clock.monotonicMs();
      const fresh = `${pgData}.new`;
      logger.info({ dataDir: options.dataDir }, 'creating the embedded database, this takes some seconds');
      await rm(fresh, { recursive: true, force: true });
      await (await PGliteThread.open(fresh, SETTINGS, logger)).close();
      await rename(fresh, pgData);
      logger.info({ tookMs: Math.round(clock.monotonicMs() - startedMs) }, 'embedded database created');
    }
    const thread = await PGliteThread.open(pgData, undefined, logger);
    return await openTierStore(new EmbeddedDatabase(thread, lock, deps), options, deps);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

type Request = WorkerRequest extends infer R ? (R extends WorkerRequest ? Omit<R, 'id'> : never) : never;

interface Waiter {
  resolve(result: WorkerResult): void;
  reject(error: unknown): void;
}

/** The RPC to the worker: numbered requests, one reply each. When the worker dies, everything that waits is unavailable. */
class PGliteThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiter>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #death: StorageUnavailable | undefined;
  #closing = false;

  static async open(dataDir: string, settings: readonly string[] | undefined, logger: Logger): Promise<PGliteThread> {
    const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite');
    const thread = new PGliteThread({ pglite, dataDir, settings }, logger);
    try {
      await new Promise<WorkerResult>((resolve, reject) => thread.#waiting.set(0, { resolve, reject }));
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
    return thread;
  }

  private constructor(start: WorkerStart, logger: Logger) {
    // From text, not from a file: the same line then works from dist, and from sources in tests, where no .js file exists.
    this.#worker = new Worker(`(${pgliteWorker.toString()})(require)`, {
      eval: true,
      execArgv: [], // flags of the process may make the text a module, which has no `require`
      workerData: start,
    });
    this.#worker.on('message', (reply: WorkerReply) => {
      const waiter = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('result' in reply) waiter?.resolve(reply.result);
      else {
        const { message, ...fields } = reply.error;
        waiter?.reject(Object.assign(new Error(message), fields));
      }
    });
    const die = (cause: unknown) => {
      if (this.#closing || this.#death !== undefined) return;
      this.#death = new StorageUnavailable('the thread of the embedded storage died; restart the process', { cause });
      logger.error({ err: this.#death }, 'the embedded storage is gone');
      for (const waiter of this.#waiting.values()) waiter.reject(this.#death);
      this.#waiting.clear();
    };
    this.#worker.on('error', die);
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        die(new Error(`exit code ${code}`));
        resolve();
      });
    });
  }

  send(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<WorkerResult> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    if (this.#closing) return Promise.reject(new StorageUnavailable('the storage is closed'));
    return this.#post(request, transfer);
  }

  #post(request: Request, transfer: readonly ArrayBuffer[]): Promise<WorkerResult> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id }, transfer);
    });
  }

  async close(): Promise<void> {
    if (this.#closing || this.#death !== undefined) return;
    this.#closing = true;
    // whichever comes first: a worker that dies while closing has nothing more to write than what kill -9 leaves
    await Promise.race([this.#post({ kind: 'close' }, []), this.#exited]);
    await this.#exited;
  }
}

class EmbeddedSession implements SqlSession {
  readonly stages = new Set<string>();
  readonly #thread: PGliteThread;

  constructor(thread: PGliteThread) {
    this.#thread = thread;
  }

  async query(text: string, values?: readonly SqlValue[]): Promise<SqlResult> {
    try {
      return await this.#thread.send({ kind: 'query', text, values: values?.map(withoutNul) });
    } catch (error) {
      throw storageError(STORAGE, error);
    }
  }

  async copyOut(select: string): Promise<Uint8Array> {
    try {
      const text = `COPY (${select}) TO '/dev/blob' WITH (FORMAT binary)`;
      const { rows } = await this.#thread.send({ kind: 'copyOut', text });
      return rows[0]![0] as Uint8Array;
    } catch (error) {
      throw storageError(STORAGE, error);
    }
  }

  async copyBinary(table: string, columns: readonly string[], file: Iterable<Uint8Array<ArrayBuffer>>): Promise<void> {
    const names = columns.map(identifier).join(', ');
    const text = `COPY ${table} (${names}) FROM '/dev/blob' WITH (FORMAT binary)`;
    try {
      const parts = [...file];
      await this.#thread.send(
        { kind: 'copy', text, parts },
        parts.map((part) => part.buffer),
      );
    } catch (error) {
      throw storageError(STORAGE, error);
    }
  }
}

/** PGlite has one session: readers and the writer take turns on it. */
class EmbeddedDatabase implements SqlDatabase {
  readonly #thread: PGliteThread;
  readonly #lock: AsyncDisposable;
  readonly #session: EmbeddedSession;
  readonly #turnstile = new Turnstile();
  readonly #housekeeping: Background;
  #written = false;
  #rounds = 0;
  #closed: Promise<void> | undefined;

  constructor(thread: PGliteThread, lock: AsyncDisposable, { clock, logger }: StoreDeps) {
    this.#thread = thread;
    this.#lock = lock;
    this.#session = new EmbeddedSession(thread);
    this.#housekeeping = startPeriodic('embedded-housekeeping', CHECKPOINT_PERIOD_MS, () => this.#keepHouse(), {
      clock,
      logger,
    });
  }

  write<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    this.#written = true;
    return this.#turnstile.run(() => work(this.#session));
  }

  read<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#turnstile.run(() => work(this.#session));
  }

  async #keepHouse(): Promise<void> {
    if (!this.#written) return;
    this.#written = false;
    const vacuum = ++this.#rounds % VACUUM_EVERY_CHECKPOINTS === 0;
    await this.#turnstile.run(async () => {
      if (vacuum) await this.#session.query('VACUUM (ANALYZE)');
      await this.#session.query('CHECKPOINT');
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= (async () => {
      await this.#housekeeping.stop();
      await this.#turnstile.run(() => this.#thread.close());
      await this.#lock[Symbol.asyncDispose]();
    })();
    return this.#closed;
  }
}
