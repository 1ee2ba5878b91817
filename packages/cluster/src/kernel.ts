// SPDX-License-Identifier: Apache-2.0
// The coordination kernel: what a coordination service must offer so that the recipes (registry, election, slot map) can
// be written once. Keys are absolute paths of names ('/a/b'), values are text. One object per session; a lost session is
// never revived, its owner opens another.
import type { Cancel } from '@oap-federation/runtime';

/**
 * connected: proven alive. suspended: not heard of lately, the session may still live; stop acting on it (leaders!).
 * lost: over, ephemeral keys are or will be gone. closed: ended by us.
 * Transitions: connected <-> suspended -> lost; connected|suspended -> lost|closed; lost and closed are final.
 */
export type SessionState = 'connected' | 'suspended' | 'lost' | 'closed';

export interface Entry {
  readonly data: string;
  /** Grows by one with each put; what compare-and-set compares. */
  readonly version: number;
  /** Transaction that created the key: grows over all keys, so it serves as a fencing token. */
  readonly created: bigint;
}

/** persistent: stays. ephemeral: goes with the session. ephemeralSequential: and its name ends in a growing number. */
export type KeyMode = 'persistent' | 'ephemeral' | 'ephemeralSequential';

/**
 * Every call has a deadline. Errors: OAP-3001 when not connected, cut or overdue: the outcome of a write is then
 * unknown; OAP-3002 when the session is over; anything else the service answers is passed on.
 * A `changed` callback is a one-shot watch, set atomically with the read; pass the same function for the same purpose.
 */
export interface CoordinationSession {
  readonly state: SessionState;
  onState(listener: (state: SessionState) => void): Cancel;
  /** The created key, 'exists', or 'noParent'. */
  create(key: string, data: string, mode: KeyMode): Promise<{ readonly key: string } | 'exists' | 'noParent'>;
  /** Undefined when absent: then no watch is set. */
  get(key: string, changed?: () => void): Promise<Entry | undefined>;
  /** Writes if the version is still `version`; answers the new one. */
  put(key: string, data: string, version: number): Promise<number | 'conflict' | 'absent'>;
  /** Deletes in any version; absent is fine. */
  delete(key: string): Promise<void>;
  /** Names (not paths) in no order; undefined when the key is absent: then no watch is set. */
  children(key: string, changed?: () => void): Promise<readonly string[] | undefined>;
  /** Ends the session so that its ephemeral keys go at once. Never rejects; safe to call twice. */
  close(): Promise<void>;
}

export interface CoordinationKernel {
  /** For log lines and errors, e.g. 'zookeeper 10.0.0.1:2181'. */
  readonly name: string;
  /** What a lost peer takes to be noticed, in ms; recipes read everything again that often, watches or not. */
  readonly sessionTimeoutMs: number;
  /** Resolves with a connected session. Errors: OAP-3001 when none could be had, or `signal` aborted. */
  open(signal: AbortSignal): Promise<CoordinationSession>;
}

/** Creates the persistent keys of `path` that are missing, top down. */
export async function ensurePath(session: CoordinationSession, path: string): Promise<void> {
  if ((await session.create(path, '', 'persistent')) !== 'noParent') return;
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (parent !== '') await ensurePath(session, parent);
  await session.create(path, '', 'persistent');
}
