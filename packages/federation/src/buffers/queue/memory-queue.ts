// SPDX-License-Identifier: Apache-2.0
// A message queue in memory for tests, with everything that the port allows: it forgets what it said it had, repeats, delivers again in
// another order, loses all at once, and is away. In: a clock and a generator, so that a seed replays.
import type { Clock, Rng } from '@oap-federation/runtime';
import type { Delivery, Lane, MessageQueue } from './queue.js';

export interface MemoryQueueFaults {
  /** Share of messages that are taken and never delivered; delivered twice; not taken, though they may be delivered. */
  lose: number;
  duplicate: number;
  refuse: number;
}

interface Entry {
  readonly bytes: Uint8Array;
  /** The consumer that has it; undefined while nobody has. */
  holder: Consumer | undefined;
}

interface Consumer {
  readonly handle: (delivery: Delivery) => void;
  stopped: boolean;
}

interface LaneState {
  entries: Entry[];
  consumer: Consumer | undefined;
}

const ACK_WAIT_MS = 2_000;

export class MemoryQueue implements MessageQueue {
  readonly bytesMax: number;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #lanes = new Map<string, LaneState>();
  readonly faults: MemoryQueueFaults = { lose: 0, duplicate: 0, refuse: 0 };
  away = false;
  published = 0;

  constructor(clock: Clock, rng: Rng, bytesMax: number) {
    this.#clock = clock;
    this.#rng = rng;
    this.bytesMax = bytesMax;
  }

  /** Everything that it kept is gone. */
  wipe(): void {
    for (const lane of this.#lanes.values()) lane.entries = [];
  }

  async publish(lane: Lane, _id: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.bytesMax) throw new Error(`BUG: a message of ${bytes.length} bytes`);
    if (this.away) throw new Error('the queue is away');
    const refused = this.#rng.next() < this.faults.refuse;
    if (!refused || this.#rng.next() < 0.5) this.#append(this.#lane(lane), bytes);
    if (refused) throw new Error('the queue did not answer');
  }

  #append(lane: LaneState, bytes: Uint8Array): void {
    this.published++;
    if (this.#rng.next() < this.faults.lose) return;
    const times = this.#rng.next() < this.faults.duplicate ? 2 : 1;
    for (let i = 0; i < times; i++) lane.entries.push({ bytes: bytes.slice(), holder: undefined });
    this.#clock.after(this.#rng.next() * 10, () => this.#deliver(lane));
  }

  consume(at: Lane, handle: (delivery: Delivery) => void): () => void {
    const lane = this.#lane(at);
    const consumer: Consumer = { handle, stopped: false };
    lane.consumer = consumer;
    this.#clock.after(0, () => this.#deliver(lane));
    return () => {
      consumer.stopped = true;
      if (lane.consumer === consumer) lane.consumer = undefined;
      // what it did not finish is for the next, after a while, so after what is new
      this.#clock.after(ACK_WAIT_MS, () => {
        for (const entry of lane.entries) if (entry.holder === consumer) entry.holder = undefined;
        this.#deliver(lane);
      });
    };
  }

  #lane(lane: Lane): LaneState {
    const key = lane.kind === 'up' ? `${lane.upstream} ${lane.slot}` : `${lane.upstream} ${lane.slot} ${lane.tier}`;
    let state = this.#lanes.get(key);
    if (!state) this.#lanes.set(key, (state = { entries: [], consumer: undefined }));
    return state;
  }

  #deliver(lane: LaneState): void {
    const { consumer } = lane;
    if (!consumer || this.away) return;
    // `done` replaces the list: this one stays as it is
    for (const entry of lane.entries) {
      if (entry.holder || consumer.stopped) continue;
      entry.holder = consumer;
      const again = (ms: number) =>
        this.#clock.after(ms, () => {
          if (entry.holder === consumer) entry.holder = undefined;
          this.#deliver(lane);
        });
      consumer.handle({
        bytes: entry.bytes,
        done: () => {
          lane.entries = lane.entries.filter((other) => other !== entry);
        },
        later: again,
        working: () => {},
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
