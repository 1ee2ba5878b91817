// SPDX-License-Identifier: Apache-2.0
// PGlite in a worker thread: it is the database, so on the main thread it would stop everything else for as long as it works.
// In: one request at a time. Out: its result, or the fields of its error. The main side is `embedded.ts`.

import type * as WorkerThreads from 'node:worker_threads';
import type * as PGliteModule from '@electric-sql/pglite';

export type WorkerRequest =
  | {
      readonly id: number;
      readonly kind: 'query';
      readonly text: string;
      readonly values: readonly unknown[] | undefined;
    }
  | { readonly id: number; readonly kind: 'copy'; readonly text: string; readonly parts: Uint8Array<ArrayBuffer>[] }
  | { readonly id: number; readonly kind: 'copyOut'; readonly text: string }
  | { readonly id: number; readonly kind: 'close' };

export interface WorkerResult {
  readonly command: string;
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number;
}

/** `id` 0 is the answer to opening. */
export type WorkerReply =
  | { readonly id: number; readonly result: WorkerResult }
  | {
      readonly id: number;
      readonly error: { readonly message: string; readonly code?: string; readonly severity?: string };
    };

export interface WorkerStart {
  /** Path of PGlite's CommonJS entry. */
  readonly pglite: string;
  readonly dataDir: string;
  /** Written to postgresql.conf when the directory is new. */
  readonly settings: readonly string[] | undefined;
}

/**
 * The whole program of the worker. It is started from its own text (`embedded.ts` says why), so it may use nothing from around
 * it: what it needs comes through `require`.
 */
export function pgliteWorker(require: NodeJS.Require): void {
  const { parentPort, workerData } = require('node:worker_threads') as typeof WorkerThreads;
  const { pglite, dataDir, settings } = workerData as WorkerStart;
  const { PGlite } = require(pglite) as typeof PGliteModule;
  const port = parentPort!;
  const empty = { command: '', rows: [], rowCount: 0 };

  const send = (reply: WorkerReply) => port.postMessage(reply);
  const fail = (id: number, thrown: unknown) => {
    const { code, severity } = thrown as { code?: unknown; severity?: unknown };
    send({
      id,
      error: {
        message: thrown instanceof Error ? thrown.message : String(thrown),
        ...(typeof code === 'string' ? { code } : {}),
        ...(typeof severity === 'string' ? { severity } : {}),
      },
    });
  };

  const opening = PGlite.create({
    dataDir,
    parsers: { 20: (text: string) => BigInt(text) },
    ...(settings === undefined ? {} : { postgresqlconf: [...settings] }),
  });
  opening.then(
    () => send({ id: 0, result: empty }),
    (error: unknown) => fail(0, error),
  );

  const handle = async (request: WorkerRequest): Promise<WorkerResult> => {
    const db = await opening;
    switch (request.kind) {
      case 'query': {
        const { text, values } = request;
        const result = await db.query(text, values === undefined ? [] : [...values], { rowMode: 'array' });
        const { command, rowCount } = result as { command?: string; rowCount?: number };
        return { command: command ?? '', rows: result.rows as unknown[][], rowCount: rowCount ?? 0 };
      }
      case 'copy':
        await db.query(request.text, [], { blob: new Blob(request.parts) });
        return empty;
      case 'copyOut': {
        const { blob } = await db.query(request.text);
        return { ...empty, rows: [[new Uint8Array(await blob!.arrayBuffer())]] };
      }
      case 'close':
        await db.close();
        return empty;
    }
  };
  port.on('message', (request: WorkerRequest) => {
    handle(request).then(
      (result) => {
        send({ id: request.id, result });
        if (request.kind === 'close') port.close(); // nothing is left to do: the thread ends
      },
      (error: unknown) => fail(request.id, error),
    );
  });
}
