// SPDX-License-Identifier: Apache-2.0
// The message queue port: what a queue between tiers must be able to do, and nothing that it must be trusted for. In: bytes in named
// lanes. Out: the same, at least once if they are not lost. Implementations: ../nats/; another queue is another folder beside it.
//
// It may lose what it took, repeat, and deliver again in another order what nobody finished: logs, marks and chains are above it.

/** One message on its way to one consumer. */
export interface Delivery {
  readonly bytes: Uint8Array;
  /** Never again. */
  done(): void;
  /** Again, after so many ms, here or elsewhere. */
  later(ms: number): void;
  /** Still at it: not yet to anybody else. */
  working(): void;
}

export interface MessageQueue extends AsyncDisposable {
  /** Largest message. */
  readonly bytesMax: number;
  /**
   * Appends to a lane; calls for one lane are appended in order. Resolves when the queue says that it has it, which it may forget; the
   * same `id` within a short time is taken once. Rejects when it did not say so: it may have it nevertheless.
   */
  publish(lane: Lane, id: string, bytes: Uint8Array): Promise<void>;
  /**
   * Messages of a lane that nobody finished, oldest first as far as they are new; at most a few dozen unfinished at a time. One consumer
   * has a lane; a second one, or this one after a restart, gets what the first did not finish after a while. Goes on by itself when the
   * queue was away. The result stops it: what is unfinished then is for the next consumer.
   */
  consume(lane: Lane, handle: (delivery: Delivery) => void): () => void;
}

/** `up`: from all tiers below to the owner of a slot. `down`: answers to one tier about a slot. */
export type Lane =
  | { readonly kind: 'up'; readonly upstream: string; readonly slot: number }
  | { readonly kind: 'down'; readonly upstream: string; readonly tier: string; readonly slot: number };
