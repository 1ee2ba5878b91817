// SPDX-License-Identifier: Apache-2.0
// Service registry and membership: each member holds an ephemeral sequential key with its description; everybody watches
// the children of one key. In: a session, perhaps oneself. Out: the list of members, and a call when it changes.
import type { Clock } from '@oap-federation/runtime';
import type { CoordinatorDeps } from '../coordinator.js';
import type { CoordinationSession } from '../kernel.js';
import { ensureOwnKey, mintKeyPrefix } from './own-key.js';
import { startReconciler, type Reconciler } from './reconciler.js';

export interface Member {
  readonly instanceId: string;
  readonly address: string;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Found extends Member {
  readonly created: bigint;
}

export interface RegistryDeps extends CoordinatorDeps {
  readonly clock: Clock;
  /** After every completed read; `changed` says whether the list differs from the one before. */
  onRead(changed: boolean): void;
}

export class ServiceRegistry {
  readonly #session: CoordinationSession;
  readonly #root: string;
  readonly #deps: RegistryDeps;
  readonly #prefix: string;
  readonly #loop: Reconciler;
  #self: Member | undefined;
  #registered = false;
  #members: readonly Member[] | undefined;
  /** By name; a name's data never changes. Undefined: unreadable, said once. */
  #known = new Map<string, Found | undefined>();

  constructor(
    session: CoordinationSession,
    root: string,
    self: Member | undefined,
    resyncMs: number,
    deps: RegistryDeps,
  ) {
    this.#session = session;
    this.#root = root;
    this.#self = self;
    this.#deps = deps;
    this.#prefix = mintKeyPrefix(deps.rng);
    this.#loop = startReconciler('service registry', session, resyncMs, (changed) => this.#read(changed), deps);
  }

  /** Sorted by address; undefined until first read in this session. */
  get members(): readonly Member[] | undefined {
    return this.#members;
  }

  /** Our key was there when last looked. */
  get registered(): boolean {
    return this.#registered;
  }

  register(self: Member): void {
    this.#self = self;
    this.#loop.poke();
  }

  stop(): void {
    this.#loop.stop();
  }

  async #read(changed: () => void): Promise<void> {
    let names: readonly string[];
    if (this.#self === undefined) {
      names = (await this.#session.children(this.#root, changed)) ?? []; // absent: nobody registered yet
    } else {
      ({ names } = await ensureOwnKey(this.#session, this.#root, this.#prefix, encodeMember(this.#self), changed));
      this.#registered = true;
    }
    const known = new Map<string, Found | undefined>();
    await Promise.all(
      names.map(async (name) => {
        if (this.#known.has(name)) {
          known.set(name, this.#known.get(name));
          return;
        }
        const entry = await this.#session.get(`${this.#root}/${name}`);
        if (entry === undefined) return; // gone in between; the watch has fired
        const member = decodeMember(entry.data);
        if (member === undefined)
          this.#deps.logger.warn({ key: name, data: entry.data.slice(0, 200) }, 'unreadable member');
        known.set(name, member && { ...member, created: entry.created });
      }),
    );
    this.#known = known;
    const members = distinct([...known.values()].filter((member) => member !== undefined));
    const differs = JSON.stringify(members) !== JSON.stringify(this.#members);
    this.#members = members;
    this.#deps.onRead(differs);
  }
}

/**
 * One member per address and per instance id, the newest key winning: a process that died may linger until its session
 * times out, beside its successor on the same address. Sorted by address.
 */
function distinct(found: readonly Found[]): readonly Member[] {
  const newestFirst = [...found].sort((a, b) => (a.created < b.created ? 1 : -1));
  const taken = new Set<string>();
  const members: Member[] = [];
  for (const { instanceId, address, attributes } of newestFirst) {
    if (taken.has(`address ${address}`) || taken.has(`id ${instanceId}`)) continue;
    taken.add(`address ${address}`).add(`id ${instanceId}`);
    members.push({ instanceId, address, attributes });
  }
  return members.sort((a, b) => (a.address < b.address ? -1 : 1));
}

export function encodeMember({ instanceId, address, attributes }: Member): string {
  return JSON.stringify({ instanceId, address, attributes });
}

/** Undefined for anything that is not a member: somebody else's key must not break the list. */
export function decodeMember(data: string): Member | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { instanceId, address, attributes } = value as Record<string, unknown>;
  if (typeof instanceId !== 'string' || typeof address !== 'string' || instanceId === '') return undefined;
  const pairs = Object.entries(typeof attributes === 'object' && attributes !== null ? attributes : {});
  return {
    instanceId,
    address,
    attributes: Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string')),
  };
}
