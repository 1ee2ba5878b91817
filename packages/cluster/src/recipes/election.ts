// SPDX-License-Identifier: Apache-2.0
// Leader election: everybody holds an ephemeral sequential key, the lowest number leads, everybody else watches only the
// key before its own, so that one death wakes one candidate. Leadership is a hint; its token fences.
import type { CoordinatorDeps } from '../coordinator.js';
import type { CoordinationSession } from '../kernel.js';
import { bySequence, ensureOwnKey, mintKeyPrefix } from './own-key.js';
import { startReconciler, type Reconciler } from './reconciler.js';

export class LeaderElection {
  readonly #session: CoordinationSession;
  readonly #root: string;
  readonly #candidate: string;
  readonly #prefix: string;
  readonly #onChange: () => void;
  readonly #loop: Reconciler;
  #token: bigint | undefined;

  /** Begins at once. `candidate` is what others may read in the key; `onChange` follows each change of `token`. */
  constructor(
    session: CoordinationSession,
    root: string,
    candidate: string,
    resyncMs: number,
    onChange: () => void,
    deps: CoordinatorDeps,
  ) {
    this.#session = session;
    this.#root = root;
    this.#candidate = candidate;
    this.#onChange = onChange;
    this.#prefix = mintKeyPrefix(deps.rng);
    this.#loop = startReconciler('leader election', session, resyncMs, (changed) => this.#elect(changed), deps);
  }

  /** Grows with each leader; undefined when we do not lead. A suspended session does not lead. */
  get token(): bigint | undefined {
    return this.#session.state === 'connected' ? this.#token : undefined;
  }

  stop(): void {
    this.#loop.stop();
    this.#token = undefined;
  }

  async #elect(changed: () => void): Promise<void> {
    const { own, names } = await ensureOwnKey(this.#session, this.#root, this.#prefix, this.#candidate);
    const queue = [...names].sort(bySequence);
    const before = queue[queue.indexOf(own) - 1];
    // the leader watches its own key, in case somebody deletes it
    const watched = await this.#session.get(`${this.#root}/${before ?? own}`, changed);
    if (watched === undefined) {
      changed(); // it went between the list and the watch
      return;
    }
    const token = before === undefined ? watched.created : undefined;
    if (token === this.#token) return;
    this.#token = token;
    this.#onChange();
  }
}
