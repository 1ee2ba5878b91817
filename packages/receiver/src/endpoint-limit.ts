// SPDX-License-Identifier: Apache-2.0
// How many endpoints a service may have per UTC day; one more becomes `_overflow`, so that totals above it stay exact.

export const OVERFLOW_ENDPOINT = '_overflow';

export class EndpointLimit {
  readonly #perServiceMax: number;
  readonly #servicesMax: number;
  readonly #seen = new Map<string, Set<string>>();
  #day = -1;

  constructor(perServiceMax: number, servicesMax: number) {
    this.#perServiceMax = perServiceMax;
    this.#servicesMax = servicesMax;
  }

  /** The endpoint itself, or `_overflow`. A new day (of `nowMs`) begins with empty sets: routes of old releases make room. */
  admit(service: string, endpoint: string, nowMs: number): string {
    const day = Math.floor(nowMs / 86_400_000);
    if (day !== this.#day) {
      this.#day = day;
      this.#seen.clear();
    }
    let endpoints = this.#seen.get(service);
    if (endpoints === undefined) {
      // more services than anybody has: made-up names. Forget, rather than grow.
      if (this.#seen.size >= this.#servicesMax) this.#seen.clear();
      endpoints = new Set();
      this.#seen.set(service, endpoints);
    }
    if (endpoints.has(endpoint)) return endpoint;
    if (endpoints.size >= this.#perServiceMax) return OVERFLOW_ENDPOINT;
    endpoints.add(endpoint);
    return endpoint;
  }
}
