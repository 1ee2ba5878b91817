// SPDX-License-Identifier: Apache-2.0
// Which upstream node a slot's log goes to: the slot map first, then random among nodes with an open stream, then random
// among all. In: slot maps, hints, discovery. Out: an address. Pure: a wrong answer costs a detour, never data.
import type { Rng } from '@oap-federation/runtime';
import type { SlotMap, UpstreamNode } from '@oap-federation/wire';

/** How a node looks from here: `open` takes logs now, `connecting` soon, `unknown` was not tried yet, `down` fails. */
export type NodeHealth = 'open' | 'connecting' | 'unknown' | 'down';

export class SlotRouter {
  readonly #rng: Rng;
  #discovered: readonly UpstreamNode[] = [];
  #mapped: readonly UpstreamNode[] = [];
  readonly #owners = new Map<number, string>();

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  discovered(nodes: readonly UpstreamNode[]): void {
    this.#discovered = nodes;
  }

  slotMap({ nodes, owners }: SlotMap): void {
    this.#mapped = nodes.filter(({ address }) => address !== '');
    this.#owners.clear();
    owners.forEach((owner, slot) => {
      const address = nodes[owner - 1]?.address ?? '';
      if (address !== '') this.#owners.set(slot, address);
    });
  }

  /** A node said that it does not own the slot; '' says no more than that. */
  hint(slot: number, from: string, owner: string): void {
    if (owner !== '' && owner !== from) this.#owners.set(slot, owner);
    else if (this.#owners.get(slot) === from) this.#owners.delete(slot);
  }

  /** All addresses that are known, without repetition. */
  addresses(): readonly string[] {
    return [...new Set([...this.#discovered, ...this.#mapped].map(({ address }) => address))];
  }

  owner(slot: number): string | undefined {
    return this.#owners.get(slot);
  }

  /** Undefined while no node is known at all. */
  route(slot: number, healthOf: (address: string) => NodeHealth): string | undefined {
    const owner = this.#owners.get(slot);
    if (owner !== undefined && healthOf(owner) !== 'down') return owner;
    const all = this.addresses();
    for (const wanted of ['open', 'connecting', 'unknown', 'down'] as const) {
      const fit = all.filter((address) => healthOf(address) === wanted);
      if (fit.length > 0) return fit[Math.floor(this.#rng.next() * fit.length)];
    }
    return owner;
  }
}
