// SPDX-License-Identifier: Apache-2.0
// What the store needs of a database, so that one set of SQL serves PostgreSQL and PGlite: sessions, transactions, errors.
// In: SQL text with $n parameters. Out: rows as arrays (int8 as bigint, bytea as Uint8Array), or StorageUnavailable.
import { messageOf, OapError } from '@oap-federation/runtime';
import { StorageUnavailable } from './port.js';

export type SqlValue = number | bigint | string | boolean | Uint8Array | null | readonly SqlValue[];

export interface SqlResult {
  /** First word of the command tag: a failed transaction answers ROLLBACK to COMMIT, without an error. */
  readonly command: string;
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number;
}

/**
 * One database session. Calls may be made without waiting for those before: they are carried out, and answered, in order. After an
 * error inside a transaction those that were sent behind it fail too, so the first one is the cause (`allOf`).
 */
export interface SqlSession {
  query(text: string, values?: readonly SqlValue[]): Promise<SqlResult>;
  /** COPY (select) TO a binary file, which `readCopyFile` reads. There are no parameters in a COPY. */
  copyOut(select: string): Promise<Uint8Array>;
  /** COPY table (columns) FROM a binary file (`copy-binary.ts`) in parts, whose memory is given away. */
  copyBinary(table: string, columns: readonly string[], file: Iterable<Uint8Array<ArrayBuffer>>): Promise<void>;
  /** Temporary tables that this session has made. */
  readonly stages: Set<string>;
}

export interface SqlDatabase extends AsyncDisposable {
  /** Runs `work` on the one session that writes; calls wait for each other. */
  write<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
  /** Runs `work` on a session of the reading pool. */
  read<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
}

export const BEGIN = 'BEGIN';
/** One snapshot for several statements that must agree. */
export const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY';

/** SQLSTATE of every statement behind a failed one, until the transaction ends. */
const BEHIND_A_FAILURE = '25P02';

/** Waits until all statements that were sent at once are answered. Errors: that of the one which failed first. */
export async function allOf(statements: readonly Promise<unknown>[]): Promise<void> {
  const failures: unknown[] = [];
  for (const outcome of await Promise.allSettled(statements))
    if (outcome.status === 'rejected') failures.push(outcome.reason);
  if (failures.length > 0) throw failures.find((f) => sqlState(f) !== BEHIND_A_FAILURE) ?? failures[0];
}

/**
 * Runs `work` in a transaction; commits unless `keep` says no. `commitSent` is called while nobody knows yet whether it did.
 * Errors: whatever `work` throws, rolled back; StorageUnavailable.
 */
export async function inTransaction<T>(
  session: SqlSession,
  begin: string,
  work: () => Promise<T>,
  keep: (result: T) => boolean = () => true,
  commitSent: () => void = () => {},
): Promise<T> {
  await session.query(begin);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await rollback(session);
    throw error;
  }
  if (!keep(result)) {
    await rollback(session);
    return result;
  }
  const committing = session.query('COMMIT');
  commitSent();
  const { command } = await committing;
  if (command !== 'COMMIT') throw new StorageUnavailable(new OapError('OAP-2006', { command }).message);
  return result;
}

async function rollback(session: SqlSession): Promise<void> {
  try {
    await session.query('ROLLBACK');
  } catch {
    // the connection is gone, and the transaction with it; the caller reports the first error
  }
}

/** Serialises DDL of racing nodes (migrations, columns, partitions) per schema; held until the transaction ends. */
export const DDL_LOCK = `SELECT pg_advisory_xact_lock(7305512, hashtext(current_schema()))`;

/** A quoted identifier. Only names from the code or from checked metric schemas come here. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `($1, $2), ($3, $4)` for n tuples. */
export function tuples(n: number, width: number): string {
  return Array.from(
    { length: n },
    (_, i) => `(${Array.from({ length: width }, (_v, k) => `$${i * width + k + 1}`).join(', ')})`,
  ).join(', ');
}

/** PostgreSQL text cannot hold U+0000; descriptors keep the exact name, readable columns and filters show U+FFFD. */
export function withoutNul(value: SqlValue): SqlValue {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
  if (Array.isArray(value) && value.some((v) => typeof v === 'string' && v.includes('\0'))) {
    return (value as readonly SqlValue[]).map(withoutNul);
  }
  return value;
}

/** SQLSTATE of a server error, undefined for anything else (a lost connection, a time-out of the driver). */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in error ? code : undefined;
}

// Deadlock, serialisation, lock time-out, read-only standby, and the classes connection (08), resources (53: disk full),
// operator intervention (57: shutdown, statement time-out) and system error (58).
const PASSING = /^(40P01|40001|55P03|25006|25P03|08...|53...|57...|58...)$/;

/** A server that cannot serve a connection says FATAL, whatever the code (a full disk at start is XX000); not so a wrong name or password. */
function endsConnection(error: unknown, state: string): boolean {
  const fatal = typeof error === 'object' && error !== null && 'severity' in error && error.severity === 'FATAL';
  return fatal && !/^(28|3D)/.test(state);
}

/** StorageUnavailable when the same may succeed later, else the error as it is. */
export function storageError(storage: string, error: unknown): unknown {
  const state = sqlState(error);
  if (state !== undefined && !PASSING.test(state) && !endsConnection(error, state)) return error;
  const { message } = new OapError('OAP-2001', { storage });
  return new StorageUnavailable(`${message}: ${state === undefined ? '' : `${state} `}${messageOf(error)}`, {
    cause: error,
  });
}

/** A promise chain: work runs one at a time, in the order it came. */
export class Turnstile {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {}); // the caller has the error; the next in line must not
    return turn;
  }
}
