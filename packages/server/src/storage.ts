// SPDX-License-Identifier: Apache-2.0
// Opens the storage that a configuration names; for the node, and for commands that an operator runs beside it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { withMemoryBuffer } from '@oap-federation/federation';
import {
  backoffMs,
  type Clock,
  type DisposalStack,
  type Logger,
  type MetricRegistry,
  type OapConfig,
  type Rng,
} from '@oap-federation/runtime';
import {
  openEmbeddedStore,
  openFileStore,
  openPostgresStore,
  StorageUnavailable,
  type TierStore,
} from '@oap-federation/storage';

/** Slots of a tier that is in no federation. */
export const DEFAULT_SLOTS = 16;

interface Deps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly telemetry?: MetricRegistry;
}

/** `waitMs`: how long a PostgreSQL that is away is waited for. Errors: OAP-2001, OAP-2004, OAP-2007, OAP-2008. */
export async function openStore(
  config: OapConfig,
  slots: number,
  waitMs: number,
  deps: Deps,
  stack: DisposalStack,
): Promise<TierStore> {
  const { storage, federation, query } = config;
  const queryCacheBytes = query.cacheBytes;
  if (storage.provider === 'none') {
    const { bufferDir: dataDir, bufferMaxBytes: bytesMax, bufferWhenDamaged: whenDamaged } = federation!.forward!;
    return openFileStore({ dataDir, slots, tier: federation!.tier, bytesMax, whenDamaged }, deps);
  }
  if (storage.provider === 'embedded') {
    if (storage.dataDir !== undefined)
      return openEmbeddedStore({ dataDir: storage.dataDir, slots, queryCacheBytes }, deps);
    const dataDir = await mkdtemp(path.join(tmpdir(), 'oap-memory-'));
    stack.defer('temporary data', () => rm(dataDir, { recursive: true, force: true }));
    return openEmbeddedStore({ dataDir, slots, queryCacheBytes }, deps);
  }
  const login = `${encodeURIComponent(storage.user)}:${encodeURIComponent(storage.password)}`;
  const url = `postgres://${login}@${storage.host}:${storage.port}/${encodeURIComponent(storage.database)}${
    storage.sslMode === 'disable' ? '' : `?sslmode=${storage.sslMode}`
  }`;
  const { maxConnections, stable } = storage;
  return openPostgresStore({ url, maxConnections, stable, slots, queryCacheBytes, waitMs }, deps);
}

/** The store, with the forward buffer that the configuration names in front of its outbox. */
export function withForwardBuffer(
  store: TierStore,
  { federation }: OapConfig,
  deps: Deps & { readonly telemetry: MetricRegistry },
): TierStore {
  if (federation?.forward?.buffer !== 'memory') return store;
  const { bufferMaxBytes: bytesMax, onFull } = federation.forward;
  const whenFull = onFull === 'drop' ? 'drop' : 'refuse';
  return withMemoryBuffer(store, { tier: federation.tier, bytesMax, whenFull }, deps);
}

/** Tries again while the storage is away, for `waitMs` at most. Errors: those of `work`. */
export async function whenAvailable<T>(
  work: () => Promise<T>,
  waitMs: number,
  { clock, rng, logger }: Deps,
): Promise<T> {
  const deadlineMs = clock.monotonicMs() + waitMs;
  for (let failures = 0; ; failures++) {
    try {
      return await work();
    } catch (err) {
      if (!(err instanceof StorageUnavailable) || clock.monotonicMs() >= deadlineMs) throw err;
      logger.warn({ err }, 'waiting for the storage');
      await clock.sleep(backoffMs(failures, { baseMs: 500, maxMs: 5_000 }, rng));
    }
  }
}
