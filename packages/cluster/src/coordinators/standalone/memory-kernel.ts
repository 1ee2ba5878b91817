// SPDX-License-Identifier: Apache-2.0
// The coordination kernel in one process: a tree of keys, sessions, one-shot watches. For a tier of one node, and for
// testing the recipes with many members and no server; `expire` and `suspend` play the faults of a real one.
import { OapError, type Cancel } from '@oap-federation/runtime';
import type { CoordinationKernel, CoordinationSession, Entry, KeyMode, SessionState } from '../../kernel.js';

interface Node {
  data: string;
  version: number;
  readonly created: bigint;
  readonly owner: MemorySession | undefined;
  /** Counts the children ever made: the next sequence number. */
  sequence: number;
}

export class MemoryKernel implements CoordinationKernel {
  readonly name = 'memory';
  readonly sessionTimeoutMs: number;
  readonly #nodes = new Map<string, Node>();
  readonly #dataWatches = new Map<string, Set<() => void>>();
  readonly #childWatches = new Map<string, Set<() => void>>();
  #transaction = 0n;
  /** Sessions in the order they were opened, closed ones too. */
  readonly sessions: MemorySession[] = [];

  constructor(sessionTimeoutMs: number) {
    this.sessionTimeoutMs = sessionTimeoutMs;
    this.#nodes.set('', { data: '', version: 0, created: 0n, owner: undefined, sequence: 0 });
  }

  open(_signal: AbortSignal): Promise<MemorySession> {
    const session = new MemorySession(this);
    this.sessions.push(session);
    return Promise.resolve(session);
  }

  create(owner: MemorySession, key: string, data: string, mode: KeyMode): { key: string } | 'exists' | 'noParent' {
    const parent = this.#nodes.get(parentOf(key));
    if (parent === undefined) return 'noParent';
    const name = mode === 'ephemeralSequential' ? `${key}${String(parent.sequence).padStart(10, '0')}` : key;
    if (this.#nodes.has(name)) return 'exists';
    parent.sequence += 1;
    this.#transaction += 1n;
    const node = { data, version: 0, created: this.#transaction, sequence: 0 };
    this.#nodes.set(name, { ...node, owner: mode === 'persistent' ? undefined : owner });
    fire(this.#childWatches, parentOf(name));
    return { key: name };
  }

  get(key: string, changed?: () => void): Entry | undefined {
    const node = this.#nodes.get(key);
    if (node === undefined) return undefined;
    if (changed !== undefined) watch(this.#dataWatches, key, changed);
    return { data: node.data, version: node.version, created: node.created };
  }

  put(key: string, data: string, version: number): number | 'conflict' | 'absent' {
    const node = this.#nodes.get(key);
    if (node === undefined) return 'absent';
    if (node.version !== version) return 'conflict';
    node.data = data;
    node.version += 1;
    this.#transaction += 1n;
    fire(this.#dataWatches, key);
    return node.version;
  }

  delete(key: string): void {
    if (!this.#nodes.delete(key)) return;
    this.#transaction += 1n;
    fire(this.#dataWatches, key);
    fire(this.#childWatches, parentOf(key));
  }

  children(key: string, changed?: () => void): readonly string[] | undefined {
    if (!this.#nodes.has(key)) return undefined;
    if (changed !== undefined) watch(this.#childWatches, key, changed);
    const inside = `${key}/`;
    return [...this.#nodes.keys()]
      .filter((other) => other.startsWith(inside) && !other.includes('/', inside.length))
      .map((other) => other.slice(inside.length));
  }

  dropEphemerals(owner: MemorySession): void {
    for (const [key, node] of this.#nodes) if (node.owner === owner) this.delete(key);
  }
}

export class MemorySession implements CoordinationSession {
  readonly #kernel: MemoryKernel;
  readonly #listeners = new Set<(state: SessionState) => void>();
  #state: SessionState = 'connected';

  constructor(kernel: MemoryKernel) {
    this.#kernel = kernel;
  }

  get state(): SessionState {
    return this.#state;
  }

  onState(listener: (state: SessionState) => void): Cancel {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  create(key: string, data: string, mode: KeyMode): Promise<{ readonly key: string } | 'exists' | 'noParent'> {
    return this.#when(() => this.#kernel.create(this, key, data, mode));
  }

  get(key: string, changed?: () => void): Promise<Entry | undefined> {
    return this.#when(() => this.#kernel.get(key, changed));
  }

  put(key: string, data: string, version: number): Promise<number | 'conflict' | 'absent'> {
    return this.#when(() => this.#kernel.put(key, data, version));
  }

  delete(key: string): Promise<void> {
    return this.#when(() => this.#kernel.delete(key));
  }

  children(key: string, changed?: () => void): Promise<readonly string[] | undefined> {
    return this.#when(() => this.#kernel.children(key, changed));
  }

  close(): Promise<void> {
    this.#end('closed');
    return Promise.resolve();
  }

  /** The service forgets the session. */
  expire(): void {
    this.#end('lost');
  }

  suspend(suspended: boolean): void {
    if (this.#state === 'connected' || this.#state === 'suspended') this.#become(suspended ? 'suspended' : 'connected');
  }

  #end(state: 'lost' | 'closed'): void {
    if (this.#state === 'lost' || this.#state === 'closed') return;
    this.#become(state);
    this.#kernel.dropEphemerals(this);
  }

  #become(state: SessionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  #when<T>(operation: () => T): Promise<T> {
    if (this.#state === 'connected') return Promise.resolve(operation());
    const code = this.#state === 'suspended' ? 'OAP-3001' : 'OAP-3002';
    return Promise.reject(new OapError(code, { coordinator: this.#kernel.name }));
  }
}

function parentOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/'));
}

function watch(watches: Map<string, Set<() => void>>, key: string, changed: () => void): void {
  const set = watches.get(key);
  if (set === undefined) watches.set(key, new Set([changed]));
  else set.add(changed);
}

function fire(watches: Map<string, Set<() => void>>, key: string): void {
  const set = watches.get(key);
  if (set === undefined) return;
  watches.delete(key);
  for (const changed of set) queueMicrotask(changed); // after the write is answered, as a server would
}
