// SPDX-License-Identifier: Apache-2.0
// A tier's database as its nodes reach it: calls take time, fail, fail after the commit, or find it down or full. In: the storage port
// of one process. Out: the MemoryTierStore's answers, in virtual time. What a killed process had under way may still be executed.
import { randomInt, type Rng } from '@oap-federation/runtime';
import { StorageUnavailable, type TierStore } from '@oap-federation/storage';
import type { MemoryTierStore } from '../memory-store.js';
import type { FaultCounter } from './faults.js';
import type { Kernel, SimulatedProcess } from './kernel.js';

export interface DatabaseFaults {
  /** Probability that a transaction fails, or that its COMMIT's answer is lost. */
  failedCommits: number;
  ambiguousCommits: number;
  down: boolean;
  /** Writes fail, reads work. */
  full: boolean;
  /** Added to every call, ms, at most. */
  slowMs: number;
}

export class TierDatabase {
  readonly store: MemoryTierStore;
  readonly faults: DatabaseFaults = { failedCommits: 0, ambiguousCommits: 0, down: false, full: false, slowMs: 0 };
  readonly #kernel: Kernel;
  readonly #rng: Rng;
  readonly #count: FaultCounter;
  /** How often it was restored: what was under way before has no answer. */
  #restored = 0;

  constructor(store: MemoryTierStore, kernel: Kernel, rng: Rng, count: FaultCounter) {
    this.store = store;
    this.#kernel = kernel;
    this.#rng = rng;
    this.#count = count;
  }

  heal(): void {
    Object.assign(this.faults, { failedCommits: 0, ambiguousCommits: 0, down: false, full: false, slowMs: 0 });
  }

  /** Goes back to a backup: every connection breaks, and it is down until the world brings it up again. */
  restore(restore: () => void): void {
    this.#restored++;
    this.faults.down = true;
    restore();
  }

  #latencyMs(): number {
    const { slowMs } = this.faults;
    if (slowMs === 0) return this.#rng.next() * 3;
    this.#count.effective('slowDatabase');
    return this.#rng.next() * slowMs;
  }

  async #execute<T>(kind: 'read' | 'write' | 'commit', operation: () => Promise<T>): Promise<T> {
    const { faults } = this;
    if (faults.down) {
      this.#count.effective('databaseDown');
      throw new StorageUnavailable('the database is down');
    }
    if (kind !== 'read' && faults.full) {
      this.#count.effective('diskFull');
      throw new StorageUnavailable('no space left on device');
    }
    if (kind === 'commit') {
      const roll = this.#rng.next();
      if (roll < faults.failedCommits) {
        this.#count.effective('failedCommit');
        throw new StorageUnavailable('the transaction failed');
      }
      if (roll < faults.failedCommits + faults.ambiguousCommits) {
        this.#count.effective('ambiguousCommit');
        await operation();
        throw new StorageUnavailable('the connection broke at COMMIT: outcome unknown');
      }
    }
    return operation();
  }

  /** The connection of one process. */
  connect(process: SimulatedProcess): TierStore {
    const kernel = this.#kernel;
    const call = <T>(kind: 'read' | 'write' | 'commit', operation: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        if (process.state === 'dead') return;
        const restored = this.#restored;
        const broken = () => new StorageUnavailable('the connection broke: the database was restored');
        kernel.after(this.#latencyMs(), () => {
          if (restored !== this.#restored) {
            process.deliver(() => reject(broken()));
            return;
          }
          if (process.state === 'dead' && randomInt(this.#rng, 2) === 0) return; // it died before this statement was sent
          const answered = (answer: () => void) =>
            void kernel.after(this.#latencyMs(), () =>
              process.deliver(restored === this.#restored ? answer : () => reject(broken())),
            );
          this.#execute(kind, operation).then(
            (value) => answered(() => resolve(value)),
            (error: unknown) => answered(() => reject(error as Error)),
          );
        });
      });
    const { store } = this;
    return {
      prepareMetrics: (schemas) => call('read', () => store.prepareMetrics(schemas)),
      claimSlot: (slot) => call('write', () => store.claimSlot(slot)),
      loadRows: (slot, granularity, starts) => call('read', () => store.loadRows(slot, granularity, starts)),
      flush: (flushes) => call('commit', () => store.flush(flushes)),
      readOutbox: (slot, afterSeq, bytesMax) => call('read', () => store.readOutbox(slot, afterSeq, bytesMax)),
      outboxHead: (slot) => call('read', () => store.outboxHead(slot)),
      acknowledgeOutbox: (slot, seq, stableSeq) => call('write', () => store.acknowledgeOutbox(slot, seq, stableSeq)),
      rewindOutbox: (slot, seq) => call('write', () => store.rewindOutbox(slot, seq)),
      stableSeq: (slot, logId) => store.stableSeq(slot, logId),
      readPending: (slot, afterOrd, bytesMax) => call('read', () => store.readPending(slot, afterOrd, bytesMax)),
      readParked: (slot, reason, afterId, limit) => call('read', () => store.readParked(slot, reason, afterId, limit)),
      readManifests: (slot, fromMinute, toMinute) =>
        call('read', () => store.readManifests(slot, fromMinute, toMinute)),
      readLosses: (slot, fromMinute, toMinute) => call('read', () => store.readLosses(slot, fromMinute, toMinute)),
      readVerdicts: (slot) => call('read', () => store.readVerdicts(slot)),
      readRevisions: (query) => call('read', () => store.readRevisions(query)),
      readDictionary: (slot) => call('read', () => store.readDictionary(slot)),
      storedMetrics: () => call('read', () => store.storedMetrics()),
      outboxBacklog: () => call('read', () => store.outboxBacklog()),
      expectedChildren: () => call('read', () => store.expectedChildren()),
      expectChildren: (children) => call('write', () => store.expectChildren(children)),
      retireChild: (tier, atMs) => call('write', () => store.retireChild(tier, atMs)),
      acceptLoss: (slot) => call('write', () => store.acceptLoss(slot)),
      saveInstanceProperties: (instances) => call('write', () => store.saveInstanceProperties(instances)),
      reader: store.reader,
      metadata: store.metadata,
      templates: store.templates,
      maintenance: {
        dirtyHours: (slot) => call('read', () => store.maintenance.dirtyHours(slot)),
        dropExpired: (options) => call('write', () => store.maintenance.dropExpired(options)),
      },
      alarms: {
        openSlot: (slot) => call('read', () => store.alarms.openSlot(slot)),
        readSlot: (slot) => call('read', () => store.alarms.readSlot(slot)),
        commit: (commit) => call('commit', () => store.alarms.commit(commit)),
        dueDeliveries: (slots, nowMs, rooms) => call('read', () => store.alarms.dueDeliveries(slots, nowMs, rooms)),
        settleDeliveries: (slot, fence, settled, retries) =>
          call('commit', () => store.alarms.settleDeliveries(slot, fence, settled, retries)),
        deliveryBacklog: (slots) => call('read', () => store.alarms.deliveryBacklog(slots)),
        query: (filter) => call('read', () => store.alarms.query(filter)),
        dropExpired: (beforeMs) => call('write', () => store.alarms.dropExpired(beforeMs)),
      },
      async [Symbol.asyncDispose]() {},
    };
  }
}
