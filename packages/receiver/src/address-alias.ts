// SPDX-License-Identifier: Apache-2.0
// Which service instance answers at a network address, learned from the refs of entry spans.
// Thin on purpose: it is in the memory of one node and nobody tells the others, so until a callee's segment has reached this
// node, and again after a restart, client-side relations name the address. SkyWalking keeps it in storage (network_address_alias).

export interface AddressOwner {
  readonly service: string;
  readonly instance: string;
  readonly layer: string;
}

export class AddressAliases {
  readonly #owners = new Map<string, AddressOwner>();
  readonly #addressesMax: number;

  constructor(addressesMax: number) {
    this.#addressesMax = addressesMax;
  }

  /** The newest answer wins: an address moves to another service when ports are reused. The oldest is forgotten when full. */
  learn(address: string, service: string, instance: string, layer: string): void {
    const known = this.#owners.get(address);
    if (known?.service === service && known.instance === instance && known.layer === layer) return;
    this.#owners.set(address, { service, instance, layer });
    if (this.#owners.size > this.#addressesMax) this.#owners.delete(this.#owners.keys().next().value!);
  }

  find(address: string): AddressOwner | undefined {
    return this.#owners.get(address);
  }
}
