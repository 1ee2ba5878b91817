// SPDX-License-Identifier: Apache-2.0
// What agents say of their instances, on its way to the storage: the last word per instance, written when it changed. In: reports of the
// management service, at any rate. Out: few writes. Losing one costs nothing: agents say it again.
import { namedPartId, serviceId } from '@oap-federation/model';
import type { InstanceReport } from '@oap-federation/receiver';
import type { InstanceProperties, TierStore } from '@oap-federation/storage';

// as many as one node plausibly hears of; more are heard again when these are written
const WAITING_MAX = 10_000;
const WRITTEN_MAX = 100_000;

export class InstancePropertyWriter {
  readonly #store: Pick<TierStore, 'saveInstanceProperties'>;
  #waiting = new Map<string, InstanceProperties>();
  /** Instance -> what was written last, as text: agents repeat themselves every 20 s. */
  readonly #written = new Map<string, string>();

  constructor(store: Pick<TierStore, 'saveInstanceProperties'>) {
    this.#store = store;
  }

  /** Takes a report; heartbeats say nothing of properties. Never waits. */
  report({ service, serviceInstance, properties }: InstanceReport): void {
    if (properties === undefined || this.#waiting.size >= WAITING_MAX) return;
    const instanceId = namedPartId(serviceId(service, true), serviceInstance);
    const named = properties.map(({ key, value }) => ({ name: key, value }));
    if (this.#written.get(instanceId) === JSON.stringify(named)) return;
    this.#waiting.set(instanceId, { instanceId, properties: named });
  }

  /** Writes what waits. Errors: those of the storage; what was not written waits for the next time. */
  async write(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    try {
      await this.#store.saveInstanceProperties([...waiting.values()]);
    } catch (err) {
      for (const [id, instance] of waiting) if (!this.#waiting.has(id)) this.#waiting.set(id, instance);
      throw err;
    }
    if (this.#written.size + waiting.size > WRITTEN_MAX) this.#written.clear(); // then everything is written once more
    for (const [id, { properties }] of waiting) this.#written.set(id, JSON.stringify(properties));
  }
}
