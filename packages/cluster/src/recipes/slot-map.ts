// SPDX-License-Identifier: Apache-2.0
// The published slot map: one versioned key that the leader writes by compare-and-set and everybody watches.
import { messageOf } from '@oap-federation/runtime';
import type { CoordinatorDeps } from '../coordinator.js';
import { ensurePath, type CoordinationSession } from '../kernel.js';
import { assignSlots, type SlotMember } from './assign-slots.js';
import { startReconciler, type Reconciler } from './reconciler.js';

/** The key's content. `version` grows by one with each map. */
interface PublishedSlots {
  readonly version: number;
  readonly owners: readonly string[];
}

export class SlotMap {
  readonly #session: CoordinationSession;
  readonly #key: string;
  readonly #slots: number;
  readonly #members: () => readonly SlotMember[] | undefined;
  readonly #onRead: (owners: readonly string[]) => void;
  readonly #deps: CoordinatorDeps;
  readonly #loop: Reconciler;
  #saidMismatch = false;

  /**
   * `members` gives whom to assign to when we lead, undefined when we do not. `onRead` gets each map read or written.
   * Poke it when either changes.
   */
  constructor(
    session: CoordinationSession,
    key: string,
    slots: number,
    resyncMs: number,
    members: () => readonly SlotMember[] | undefined,
    onRead: (owners: readonly string[]) => void,
    deps: CoordinatorDeps,
  ) {
    this.#session = session;
    this.#key = key;
    this.#slots = slots;
    this.#members = members;
    this.#onRead = onRead;
    this.#deps = deps;
    this.#loop = startReconciler('slot map', session, resyncMs, (changed) => this.#read(changed), deps);
  }

  poke(): void {
    this.#loop.poke();
  }

  stop(): void {
    this.#loop.stop();
  }

  async #read(changed: () => void): Promise<void> {
    const entry = await this.#session.get(this.#key, changed);
    if (entry === undefined) {
      // an empty one, so that there is something to watch
      await ensurePath(this.#session, this.#key);
      changed();
      return;
    }
    const published = this.#decode(entry.data);
    // From here to the put the leader may have changed; the version then differs, or the new leader corrects us.
    const members = this.#members();
    if (members !== undefined) {
      const owners = assignSlots(published.owners, members, this.#slots);
      if (!sameOwners(owners, published.owners)) {
        const next: PublishedSlots = { version: published.version + 1, owners };
        const put = await this.#session.put(this.#key, JSON.stringify(next), entry.version);
        if (typeof put !== 'number') {
          changed(); // somebody wrote in between: look again
          return;
        }
        const moved = owners.filter((owner, slot) => owner !== published.owners[slot]).length;
        this.#deps.logger.info({ version: next.version, moved, members: members.length }, 'published a new slot map');
        this.#onRead(owners);
        return;
      }
    }
    if (published.owners.length === this.#slots) this.#onRead(published.owners);
    else if (published.owners.length > 0 && !this.#saidMismatch) {
      this.#saidMismatch = true;
      this.#deps.logger.error(
        { published: published.owners.length, configured: this.#slots },
        'the published slot map has another number of slots than this node; it is ignored',
      );
    }
  }

  #decode(data: string): PublishedSlots {
    if (data === '') return { version: 0, owners: [] };
    try {
      const { version, owners } = JSON.parse(data) as PublishedSlots;
      if (Number.isInteger(version) && Array.isArray(owners) && owners.every((owner) => typeof owner === 'string')) {
        return { version, owners };
      }
      throw new TypeError('not {version, owners}');
    } catch (error) {
      this.#deps.logger.warn({ cause: messageOf(error) }, 'unreadable slot map; the leader writes a new one');
      return { version: 0, owners: [] };
    }
  }
}

export function sameOwners(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((owner, slot) => owner === b[slot]);
}
