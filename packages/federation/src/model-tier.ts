// SPDX-License-Identifier: Apache-2.0
// Two ends of the federation reduced to what the protocol must respect, for tests: an outbox that numbers and chains, and an
// upstream tier whose nodes merge and mark in one step. Every broken invariant throws at the place where it is broken.
import { createHash } from 'node:crypto';
import type { BatchOutcome, IncomingBatch, SlotIntake } from '@oap-federation/analysis';
import type { ClusterCoordinator } from '@oap-federation/cluster';
import type { ForwarderDeps } from './forwarder.js';
import {
  EMPTY_HEADER,
  encodeContent,
  encodeHeader,
  entityOf,
  incrementCount,
  joinContent,
  metricSchema,
  NO_WATERMARK,
} from '@oap-federation/model';
import { randomInt, uuidV7, type Clock, type Rng } from '@oap-federation/runtime';
import {
  StorageUnavailable,
  type Mark,
  type OutboxEntry,
  type OutboxHead,
  type TierStore,
} from '@oap-federation/storage';

const SCHEMA = metricSchema('service_cpm', 'Service', 'cpm');
export const MODEL_SCHEMA_TEXT = SCHEMA.text;

export function modelChain(previous: Uint8Array, header: Uint8Array, content: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(previous).update(header).update(content).digest());
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`BUG: model: ${what}`);
}

interface ModelLog {
  logId: string;
  gen: number;
  entries: OutboxEntry[];
  nextSeq: number;
  chain: Uint8Array;
  acknowledgedSeq: number;
  stableSeq: number;
}

/** Rows as a tier would store them: `service name @ minute` to count. */
export type ModelRows = Map<string, bigint>;

/** The storage of a downstream tier, as far as forwarding sees it. Shared by all nodes of that tier. */
export class ModelOutbox implements Pick<
  TierStore,
  'readOutbox' | 'outboxHead' | 'acknowledgeOutbox' | 'rewindOutbox'
> {
  /** What the upstream must come to have: the sum of everything appended. */
  readonly expected: ModelRows = new Map();
  readonly #logs: ModelLog[];
  readonly #clock: Clock;
  readonly #rng: Rng;
  /** Share of calls that fail, 0 to 1. */
  failures = 0;
  /** Checked at each acknowledgement: I4, an acknowledgement implies a commit. */
  onAcknowledge: (logId: string, slot: number, seq: number) => void = () => {};

  constructor(slots: number, clock: Clock, rng: Rng) {
    this.#clock = clock;
    this.#rng = rng;
    this.#logs = Array.from({ length: slots }, () => ({
      logId: uuidV7(rng, clock.now()),
      gen: 0,
      entries: [],
      nextSeq: 1,
      chain: new Uint8Array(0),
      acknowledgedSeq: 0,
      stableSeq: 0,
    }));
  }

  log(slot: number): ModelLog {
    return this.#logs[slot]!;
  }

  get pending(): number {
    return this.#logs.reduce((sum, log) => sum + log.nextSeq - 1 - log.acknowledgedSeq, 0);
  }

  /** Appends one batch: counts per service in one minute. `padding` makes names, and so descriptors, longer. */
  append(slot: number, counts: Readonly<Record<string, number>>, minute = 29_000_000, padding = 0): void {
    const names = Object.keys(counts);
    const entities = names.map((name) =>
      entityOf('Service', { service: name + '.'.repeat(padding), normal: true, layer: 'GENERAL', name: '' }),
    );
    const batch = {
      entities,
      blocks: [
        {
          schema: SCHEMA,
          minute,
          origin: '',
          entities: Uint32Array.from(names, (_, i) => i),
          ints: [BigInt64Array.from(names, (name) => BigInt(counts[name]!))],
          distributions: [],
        },
      ],
      unknownBlocks: [],
    };
    entities.forEach((entity, i) => addRow(this.expected, entity.id, minute, BigInt(counts[names[i]!]!)));
    const header = encodeHeader({
      ...EMPTY_HEADER,
      increments: incrementCount(batch),
      ledger: this.log(slot).entries.reduce((sum, entry) => sum + entry.increments, 0),
    });
    this.appendRaw(slot, header, joinContent(encodeContent(batch)), names.length);
  }

  appendRaw(slot: number, header: Uint8Array, content: Uint8Array, increments: number): void {
    const log = this.log(slot);
    log.chain = modelChain(log.chain, header, content);
    const createdAtMs = this.#clock.now();
    log.entries.push({ slot, seq: log.nextSeq, header, content, chain: log.chain, increments, createdAtMs });
    log.nextSeq++;
  }

  /** What a retention would do: acknowledged entries are gone. */
  dropAcknowledged(slot: number): void {
    const log = this.log(slot);
    log.entries = log.entries.filter((entry) => entry.seq > log.acknowledgedSeq);
  }

  async readOutbox(slot: number, afterSeq: number, bytesMax: number): Promise<readonly OutboxEntry[]> {
    await this.#wait();
    const found: OutboxEntry[] = [];
    let bytes = 0;
    for (const entry of this.log(slot).entries) {
      if (entry.seq <= afterSeq) continue;
      bytes += entry.content.length;
      if (found.length > 0 && bytes > bytesMax) break;
      found.push(entry);
    }
    return found;
  }

  async outboxHead(slot: number): Promise<OutboxHead> {
    await this.#wait();
    const { logId, gen, nextSeq, chain, acknowledgedSeq } = this.log(slot);
    return {
      logId,
      gen,
      nextSeq,
      chain,
      acknowledgedSeq,
      watermark: NO_WATERMARK,
      ledger: 0,
      claim: 1,
      lossAccepted: false,
    };
  }

  async acknowledgeOutbox(slot: number, seq: number, stableSeq = 0): Promise<void> {
    await this.#wait();
    const log = this.log(slot);
    must(seq < log.nextSeq, `acknowledged ${seq} of slot ${slot}, the next is ${log.nextSeq}`);
    this.onAcknowledge(log.logId, slot, seq);
    must(stableSeq <= seq, `slot ${slot}: stable up to ${stableSeq}, acknowledged up to ${seq}`);
    log.acknowledgedSeq = Math.max(log.acknowledgedSeq, seq);
    log.stableSeq = Math.max(log.stableSeq, stableSeq);
  }

  async rewindOutbox(slot: number, seq: number): Promise<void> {
    await this.#wait();
    const log = this.log(slot);
    log.acknowledgedSeq = Math.min(log.acknowledgedSeq, seq);
    log.stableSeq = Math.min(log.stableSeq, seq);
  }

  async #wait(): Promise<void> {
    if (this.#rng.next() < this.failures) throw new StorageUnavailable('the model says no');
  }
}

function addRow(rows: ModelRows, id: string, minute: number, value: bigint): void {
  const key = `${id} @ ${minute}`;
  rows.set(key, (rows.get(key) ?? 0n) + value);
}

/** The storage of an upstream tier: rows, marks and epochs, changed in one step. */
export class ModelStorage implements Pick<TierStore, 'expectChildren' | 'stableSeq'> {
  readonly rows: ModelRows = new Map();
  readonly marks = new Map<string, Mark>();
  readonly epochs: number[];
  readonly children = new Set<string>();
  committedBatches = 0;
  duplicateBatches = 0;
  parkedBatches = 0;
  /** Of the batches of a log, so many of the newest would not survive the loss of this storage; undefined: nobody knows. */
  unstable: number | undefined;

  constructor(slots: number) {
    this.epochs = Array.from({ length: slots }, () => 0);
  }

  async expectChildren(children: Parameters<TierStore['expectChildren']>[0]): Promise<void> {
    for (const { tier } of children) this.children.add(tier);
  }

  stableSeq(slot: number, logId: string): number {
    return this.unstable === undefined ? 0 : Math.max(0, (this.mark(slot, logId)?.seq ?? 0) - this.unstable);
  }

  mark(slot: number, logId: string): Mark | undefined {
    return this.marks.get(`${slot} ${logId}`);
  }

  /** Rows and mark together, as the transaction of a flush does. */
  commit(batch: IncomingBatch, nowMs: number): void {
    const before = this.mark(batch.slot, batch.logId);
    must(batch.seq === (before?.seq ?? 0) + 1, `seq ${batch.seq} after ${before?.seq ?? 0}`);
    const chain = modelChain(before?.chain ?? new Uint8Array(0), batch.headerBytes, batch.contentBytes);
    must(sameBytes(chain, batch.chain), `the bytes of seq ${batch.seq} are not those that were numbered`);
    for (const block of batch.batch.blocks) {
      block.entities.forEach((index, row) =>
        addRow(this.rows, batch.batch.entities[index]!.id, block.minute, block.ints[0]![row]!),
      );
    }
    this.parkedBatches += batch.undecodable === undefined ? batch.batch.unknownBlocks.length : 1;
    this.marks.set(`${batch.slot} ${batch.logId}`, {
      logId: batch.logId,
      slot: batch.slot,
      producer: batch.producer,
      kind: batch.kind,
      gen: batch.gen,
      seq: batch.seq,
      chain,
      watermark: batch.header.watermark,
      origins: batch.header.origins,
      increments: (before?.increments ?? 0) + batch.header.increments,
      updatedAtMs: nowMs,
      frontier: batch.header.frontier,
    });
    this.committedBatches++;
  }
}

/** Who owns which slot of the upstream tier, for all of its nodes. */
export class ModelCluster {
  readonly nodes: { readonly instanceId: string; readonly address: string }[];
  readonly owners: string[];
  readonly #listeners = new Set<() => void>();

  constructor(slots: number, addresses: readonly string[]) {
    this.nodes = addresses.map((address) => ({ instanceId: `instance of ${address}`, address }));
    this.owners = Array.from({ length: slots }, (_, slot) => this.nodes[slot % this.nodes.length]!.instanceId);
  }

  move(slot: number, instanceId: string): void {
    this.owners[slot] = instanceId;
    for (const listener of this.#listeners) listener();
  }

  view(): Pick<ClusterCoordinator, 'slotOwners' | 'watchSlots' | 'queryModules' | 'watchModules'> {
    return {
      slotOwners: () => this.owners,
      watchSlots: (listener) => {
        const call = () => listener(this.owners);
        this.#listeners.add(call);
        return () => this.#listeners.delete(call);
      },
      queryModules: () => this.nodes.map((node) => ({ ...node, self: false, attributes: {} })),
      watchModules: () => () => {},
    };
  }
}

export interface ModelIntakeOptions {
  readonly instanceId: string;
  readonly storage: ModelStorage;
  readonly clock: Clock;
  readonly rng: Rng;
  /** A flush comes so long after the first batch that waits for it. */
  readonly flushMs: number;
  /** Batches waiting for a flush; more are answered busy. */
  readonly pendingMax: number;
}

/** One node of the upstream tier: takes batches ahead, commits them in order, under the epoch of the slot. */
export class ModelIntake implements Pick<
  SlotIntake,
  'owns' | 'ownedSlots' | 'mark' | 'offer' | 'commitSoon' | 'watchOwnership' | 'watchOutbox' | 'raiseGeneration'
> {
  readonly #options: ModelIntakeOptions;
  readonly #epochs = new Map<number, number>();
  readonly #ownership = new Set<() => void>();
  #pending: { readonly batch: IncomingBatch; readonly resolve: (outcome: BatchOutcome) => void }[] = [];
  #alive = true;
  /** Share of flushes that commit and then lose the answers, as a crash between commit and Ack would. */
  lostAnswers = 0;
  /** Share of batches that are refused as busy. */
  busy = 0;
  pendingMost = 0;
  paused = false;

  constructor(options: ModelIntakeOptions) {
    this.#options = options;
  }

  /** Takes the slot: the epoch rises, older owners can commit no more. */
  claim(slot: number): void {
    this.#epochs.set(slot, ++this.#options.storage.epochs[slot]!);
    this.#changed();
  }

  release(slot: number): void {
    this.#epochs.delete(slot);
    this.#changed();
  }

  /** kill -9: nothing that waits is committed, and nobody is answered. */
  kill(): void {
    this.#alive = false;
    this.#pending = [];
  }

  owns(slot: number): boolean {
    return this.#alive && this.#epochs.has(slot);
  }

  ownedSlots(): readonly number[] {
    return [...this.#epochs.keys()];
  }

  mark(slot: number, logId: string): Mark | undefined {
    return this.owns(slot) ? this.#options.storage.mark(slot, logId) : undefined;
  }

  offer(batch: IncomingBatch): Promise<BatchOutcome> {
    const { rng, clock, flushMs, pendingMax } = this.#options;
    if (!this.owns(batch.slot)) return Promise.resolve({ kind: 'notOwner' });
    if (this.#pending.length >= pendingMax || rng.next() < this.busy)
      return Promise.resolve({ kind: 'busy', retryAfterMs: 10 });
    return new Promise((resolve) => {
      this.#pending.push({ batch, resolve });
      this.pendingMost = Math.max(this.pendingMost, this.#pending.length);
      if (this.#pending.length === 1) clock.after(flushMs, () => this.flush());
    });
  }

  commitSoon(): void {
    if (this.#pending.length > 0) this.flush();
  }

  watchOwnership(listener: () => void): () => void {
    this.#ownership.add(listener);
    return () => this.#ownership.delete(listener);
  }

  watchOutbox(): () => void {
    return () => {};
  }

  /** Generations are the slot owner's business: this one never has a later one to announce. */
  raiseGeneration(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Commits what waits, each batch or none of it, and answers. */
  flush(): void {
    if (this.paused) {
      this.#options.clock.after(this.#options.flushMs, () => this.flush());
      return;
    }
    const { rng } = this.#options;
    const pending = this.#pending;
    this.#pending = [];
    const answersLost = rng.next() < this.lostAnswers;
    for (const { batch, resolve } of pending) {
      const outcome = this.#judge(batch);
      if (!answersLost) resolve(outcome);
      else if (randomInt(rng, 2) === 0) resolve({ kind: 'busy', retryAfterMs: 10 }); // applied, and denied: must be harmless
      else resolve({ kind: 'notOwner' });
    }
  }

  #judge(batch: IncomingBatch): BatchOutcome {
    const { storage, clock } = this.#options;
    if (!this.#alive || this.#epochs.get(batch.slot) !== storage.epochs[batch.slot]) {
      this.release(batch.slot);
      return { kind: 'notOwner' };
    }
    const mark = storage.mark(batch.slot, batch.logId);
    const applied = mark?.seq ?? 0;
    if (mark && batch.gen < mark.gen) return { kind: 'fenced', gen: mark.gen };
    if (batch.seq <= applied) {
      storage.duplicateBatches++;
      return { kind: 'duplicate', appliedSeq: applied };
    }
    if (batch.seq > applied + 1) return { kind: 'gap', expectedSeq: applied + 1 };
    const chain = modelChain(mark?.chain ?? new Uint8Array(0), batch.headerBytes, batch.contentBytes);
    if (!sameBytes(chain, batch.chain)) return { kind: 'forked', appliedSeq: applied };
    storage.commit(batch, clock.now());
    return { kind: 'committed', appliedSeq: batch.seq };
  }

  #changed(): void {
    for (const listener of this.#ownership) listener();
  }
}

type ForwarderIntake = ForwarderDeps['intake'];

/** The part of the intake that the forwarder of a downstream node uses: which slots this node sends. */
export class ModelSender implements ForwarderIntake {
  #slots: readonly number[];
  readonly #ownership = new Set<() => void>();
  readonly #outbox = new Set<(slot: number) => void>();

  constructor(slots: readonly number[]) {
    this.#slots = slots;
  }

  own(slots: readonly number[]): void {
    this.#slots = slots;
    for (const listener of this.#ownership) listener();
  }

  appended(slot: number): void {
    for (const listener of this.#outbox) listener(slot);
  }

  ownedSlots(): readonly number[] {
    return this.#slots;
  }

  watchOwnership(listener: () => void): () => void {
    this.#ownership.add(listener);
    return () => this.#ownership.delete(listener);
  }

  watchOutbox(listener: (slot: number) => void): () => void {
    this.#outbox.add(listener);
    return () => this.#outbox.delete(listener);
  }

  claim(slot: number): number | undefined {
    return this.#slots.includes(slot) ? 1 : undefined;
  }

  claimed() {
    return new Map<string, never>();
  }

  isVerified(): boolean {
    return true;
  }

  verify(): Promise<boolean> {
    return Promise.resolve(true);
  }

  acknowledged(): void {}

  /** A storage that goes back in time needs the real slot owner: test/simulation. */
  repair(slot: number): Promise<boolean> {
    throw new Error(`the upstream is ahead of slot ${slot}`);
  }
}
