// SPDX-License-Identifier: Apache-2.0
// The bounded hand-over queue between two stages of one process. Items flow in through `offer`, out through `read` as
// leases, and leave the account at `done`. Two strategies: 'blocking' makes the producer wait (first come, first
// served), 'ifPossible' refuses at once. State changes only inside synchronous calls, never across an await.

/** What `offer` does when there is no room. SkyWalking's BufferStrategy (BLOCKING, IF_POSSIBLE). */
export type BufferStrategy = 'blocking' | 'ifPossible';

/**
 * Why an offered item was not acknowledged: `full` no room and ifPossible; `tooLarge` more bytes than the whole
 * capacity, so it could never fit; `closed` offered or still waiting at close; `aborted` its producer gave up waiting;
 * `failed` its consumer said so in `done`.
 */
export type DropReason = 'full' | 'tooLarge' | 'closed' | 'aborted' | 'failed';

export interface DataCarrierOptions<T, S extends BufferStrategy> {
  /** For messages and metric labels. */
  readonly name: string;
  /** Items queued and in flight together, at most; integer ≥ 1. */
  readonly capacityItems: number;
  /** Bytes queued and in flight together, at most; integer ≥ 1. */
  readonly capacityBytes: number;
  /** Bytes an item counts for, ≥ 0; called once per offer. */
  sizeOf(item: T): number;
  readonly strategy: S;
}

/**
 * Item counts since creation, and where the items of now are.
 *
 * Invariant, after every call: offered = acknowledged + dropped (all reasons) + inFlight + queued. An offer counts as
 * offered when it is decided; a producer still waiting for room is in `waiting` only.
 */
export interface DataCarrierCounters {
  readonly offered: number;
  readonly acknowledged: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Read, not yet done. */
  readonly inFlight: number;
  readonly queued: number;
  readonly bytesQueued: number;
  readonly bytesInFlight: number;
  /** Producers waiting for room. */
  readonly waiting: number;
}

/** One or more items handed to a consumer, in the order they were accepted. They keep counting until `done`. */
export interface Lease<T> {
  readonly items: readonly T[];
  readonly bytes: number;
  /** Gives the capacity back. Errors: BUG when called twice. */
  done(result: 'acknowledged' | 'failed'): void;
}

export interface ReadLimit {
  /** At most this many items; default: all there are. */
  readonly itemsMax?: number;
  /** At most this many bytes, but always at least one item; default: no limit. */
  readonly bytesMax?: number;
}

/**
 * The producer's side. True: accepted, the carrier owns the item now. False: not accepted, counted with its reason.
 * 'blocking' resolves when decided and never rejects: it waits for room until `signal` aborts or the carrier closes.
 */
export type Offer<T, S extends BufferStrategy> = S extends 'blocking'
  ? (item: T, signal?: AbortSignal) => Promise<boolean>
  : (item: T) => boolean;

export interface DataCarrier<T, S extends BufferStrategy> {
  readonly name: string;
  readonly strategy: S;
  readonly offer: Offer<T, S>;
  /** One item. Undefined: closed and nothing left, or aborted. Waiting readers are served first come, first served. */
  read(signal?: AbortSignal): Promise<Lease<T> | undefined>;
  /** As many items as are there and allowed, at least one; it does not wait to fill a batch. */
  readBatch(limit: ReadLimit, signal?: AbortSignal): Promise<Lease<T> | undefined>;
  /** Stops accepting (waiting producers get false); what is queued can still be read. Safe to call twice. */
  close(): void;
  /** Resolves true when the carrier is closed and every item is done; false when `signal` aborts first. */
  drained(signal?: AbortSignal): Promise<boolean>;
  counters(): DataCarrierCounters;
}

/** Errors: throws BUG for a capacity that is not an integer ≥ 1. */
export function createDataCarrier<T, S extends BufferStrategy>(options: DataCarrierOptions<T, S>): DataCarrier<T, S> {
  const queue = new BoundedQueue<T>(options.name, options.capacityItems, options.capacityBytes, (item) =>
    options.sizeOf(item),
  );
  const offer: Offer<T, 'blocking'> | Offer<T, 'ifPossible'> =
    options.strategy === 'blocking'
      ? (item, signal) => queue.offerBlocking(item, signal)
      : (item: T) => queue.offerIfPossible(item);
  return {
    name: options.name,
    strategy: options.strategy,
    offer: offer as Offer<T, S>, // the branch above is the one S names
    read: (signal) => queue.read({ itemsMax: 1 }, signal),
    readBatch: (limit, signal) => queue.read(limit, signal),
    close: () => queue.close(),
    drained: (signal) => queue.drained(signal),
    counters: () => queue.counters(),
  };
}

interface WaitingOffer<T> {
  readonly item: T;
  readonly size: number;
  settle(accepted: boolean): void;
}

interface WaitingRead<T> {
  readonly limit: ReadLimit;
  settle(lease: Lease<T> | undefined): void;
}

class BoundedQueue<T> {
  readonly #name: string;
  readonly #capacityItems: number;
  readonly #capacityBytes: number;
  readonly #sizeOf: (item: T) => number;
  /** The queue is #items[#head..]; #sizes runs in parallel. The part before #head is cut off now and then. */
  #items: (T | undefined)[] = [];
  #sizes: number[] = [];
  #head = 0;
  #bytesQueued = 0;
  #inFlight = 0;
  #bytesInFlight = 0;
  #offered = 0;
  #acknowledged = 0;
  readonly #dropped: Record<DropReason, number> = { full: 0, tooLarge: 0, closed: 0, aborted: 0, failed: 0 };
  #closed = false;
  // Sets are FIFO by insertion and forget an aborted waiter in O(1).
  readonly #waitingOffers = new Set<WaitingOffer<T>>();
  /** Not empty only while the queue is empty. */
  readonly #waitingReads = new Set<WaitingRead<T>>();
  readonly #waitingDrained = new Set<(done: boolean) => void>();

  constructor(name: string, capacityItems: number, capacityBytes: number, sizeOf: (item: T) => number) {
    this.#name = name;
    this.#capacityItems = capacityItems;
    this.#capacityBytes = capacityBytes;
    this.#sizeOf = sizeOf;
    for (const [unit, capacity] of Object.entries({ capacityItems, capacityBytes })) {
      if (!(Number.isInteger(capacity) && capacity >= 1))
        throw this.#bug(`${unit} must be an integer ≥ 1: ${capacity}`);
    }
  }

  offerIfPossible(item: T): boolean {
    const size = this.#measure(item);
    if (this.#closed) return this.#drop('closed');
    if (size > this.#capacityBytes) return this.#drop('tooLarge');
    if (!this.#hasRoom(size)) return this.#drop('full');
    this.#accept(item, size);
    return true;
  }

  offerBlocking(item: T, signal?: AbortSignal): Promise<boolean> {
    const size = this.#measure(item);
    if (this.#closed) return Promise.resolve(this.#drop('closed'));
    if (size > this.#capacityBytes) return Promise.resolve(this.#drop('tooLarge'));
    if (signal?.aborted === true) return Promise.resolve(this.#drop('aborted'));
    // who came earlier goes first, even if this one is small enough to fit
    if (this.#waitingOffers.size === 0 && this.#hasRoom(size)) {
      this.#accept(item, size);
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const abort = () => {
        waiting.settle(this.#drop('aborted'));
        this.#admitWaiting(); // a big one at the front may have held back smaller ones
      };
      const waiting: WaitingOffer<T> = {
        item,
        size,
        settle: (accepted) => {
          this.#waitingOffers.delete(waiting);
          signal?.removeEventListener('abort', abort);
          resolve(accepted);
        },
      };
      this.#waitingOffers.add(waiting);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  read(limit: ReadLimit, signal?: AbortSignal): Promise<Lease<T> | undefined> {
    if (signal?.aborted === true) return Promise.resolve(undefined);
    if (this.#queued > 0) return Promise.resolve(this.#take(limit));
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const abort = () => waiting.settle(undefined);
      const waiting: WaitingRead<T> = {
        limit,
        settle: (lease) => {
          this.#waitingReads.delete(waiting);
          signal?.removeEventListener('abort', abort);
          resolve(lease);
        },
      };
      this.#waitingReads.add(waiting);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const waiting of this.#waitingOffers) waiting.settle(this.#drop('closed'));
    for (const waiting of this.#waitingReads) waiting.settle(undefined); // they wait, so nothing is queued
    this.#announceDrained();
  }

  drained(signal?: AbortSignal): Promise<boolean> {
    if (this.#isDrained) return Promise.resolve(true);
    if (signal?.aborted === true) return Promise.resolve(false);
    return new Promise((resolve) => {
      const abort = () => settle(false);
      const settle = (done: boolean) => {
        this.#waitingDrained.delete(settle);
        signal?.removeEventListener('abort', abort);
        resolve(done);
      };
      this.#waitingDrained.add(settle);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  counters(): DataCarrierCounters {
    return {
      offered: this.#offered,
      acknowledged: this.#acknowledged,
      dropped: { ...this.#dropped },
      inFlight: this.#inFlight,
      queued: this.#queued,
      bytesQueued: this.#bytesQueued,
      bytesInFlight: this.#bytesInFlight,
      waiting: this.#waitingOffers.size,
    };
  }

  get #queued(): number {
    return this.#items.length - this.#head;
  }

  get #isDrained(): boolean {
    return this.#closed && this.#queued === 0 && this.#inFlight === 0;
  }

  #measure(item: T): number {
    const size = this.#sizeOf(item);
    if (!(size >= 0)) throw this.#bug(`sizeOf gave ${size}`);
    return size;
  }

  #hasRoom(size: number): boolean {
    return (
      this.#queued + this.#inFlight < this.#capacityItems &&
      this.#bytesQueued + this.#bytesInFlight + size <= this.#capacityBytes
    );
  }

  /** Counts a refusal; returns false so that callers can return it. */
  #drop(reason: DropReason): false {
    this.#offered += 1;
    this.#dropped[reason] += 1;
    return false;
  }

  #accept(item: T, size: number): void {
    this.#offered += 1;
    this.#items.push(item);
    this.#sizes.push(size);
    this.#bytesQueued += size;
    for (const waiting of this.#waitingReads) {
      if (this.#queued === 0) break;
      waiting.settle(this.#take(waiting.limit));
    }
  }

  #admitWaiting(): void {
    for (const waiting of this.#waitingOffers) {
      if (!this.#hasRoom(waiting.size)) return;
      waiting.settle(true);
      this.#accept(waiting.item, waiting.size);
    }
  }

  /** Precondition: something is queued. */
  #take(limit: ReadLimit): Lease<T> {
    const itemsMax = Math.min(limit.itemsMax ?? this.#queued, this.#queued);
    const bytesMax = limit.bytesMax ?? Number.POSITIVE_INFINITY;
    let end = this.#head + 1;
    let bytes = this.#sizes[this.#head]!;
    while (end < this.#head + itemsMax && bytes + this.#sizes[end]! <= bytesMax) {
      bytes += this.#sizes[end]!;
      end += 1;
    }
    const items = this.#items.slice(this.#head, end) as T[]; // undefined only before #head
    this.#items.fill(undefined, this.#head, end); // let go of them now, not at the next cut
    this.#head = end;
    if (this.#head === this.#items.length || this.#head > 1024) {
      if (this.#head * 2 >= this.#items.length) {
        // at least half is dead, so the copy is paid for by the reads before it
        this.#items = this.#items.slice(this.#head);
        this.#sizes = this.#sizes.slice(this.#head);
        this.#head = 0;
      }
    }
    this.#bytesQueued -= bytes;
    this.#inFlight += items.length;
    this.#bytesInFlight += bytes;
    let open = true;
    return {
      items,
      bytes,
      done: (result) => {
        if (!open) throw this.#bug('a lease was done twice');
        open = false;
        this.#inFlight -= items.length;
        this.#bytesInFlight -= bytes;
        if (result === 'acknowledged') this.#acknowledged += items.length;
        else this.#dropped.failed += items.length;
        this.#admitWaiting();
        this.#announceDrained();
      },
    };
  }

  #announceDrained(): void {
    if (this.#isDrained) for (const settle of this.#waitingDrained) settle(true);
  }

  #bug(what: string): Error {
    return new Error(`BUG: data carrier ${this.#name}: ${what}`);
  }
}
