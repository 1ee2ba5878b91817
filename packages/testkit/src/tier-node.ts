// SPDX-License-Identifier: Apache-2.0
// One simulated tier: a real slot owner over a MemoryTierStore, with a clock that the test moves. The store outlives the owner, so that
// `crash` is what kill -9 is: memory gone, storage kept.
import { decodeContent, decodeHeader, splitContent, type MetricSchema, type ScopeName } from '@oap-federation/model';
import { SlotOwner, type IncomingBatch, type SlotOwnerOptions } from '@oap-federation/analysis';
import { MetricRegistry, silentLogger, type Clock } from '@oap-federation/runtime';
import type { OutboxEntry } from '@oap-federation/storage';
import { MemoryTierStore } from './memory-store.js';

export interface SimulatedTierOptions {
  readonly tier: string;
  readonly slots: number;
  readonly schemas: readonly MetricSchema[];
  readonly forwards: boolean;
  readonly originScopes: readonly ScopeName[];
  readonly hasLocalSources: boolean;
  readonly outbound?: NonNullable<SlotOwnerOptions['outbound']>;
  readonly rowsPerTransaction?: number;
  readonly clock: Clock;
  readonly newLogId: () => string;
}

export class SimulatedTier {
  readonly tier: string;
  readonly store: MemoryTierStore;
  #options: SimulatedTierOptions;
  owner: SlotOwner;

  private constructor(options: SimulatedTierOptions) {
    this.tier = options.tier;
    this.#options = options;
    this.store = new MemoryTierStore(options.newLogId);
    this.owner = this.#newOwner();
  }

  static async open(options: SimulatedTierOptions): Promise<SimulatedTier> {
    const tier = new SimulatedTier(options);
    await tier.store.prepareMetrics(options.schemas);
    await tier.owner.runRound();
    return tier;
  }

  #newOwner(): SlotOwner {
    const o = this.#options;
    const byName = new Map(o.schemas.map((schema) => [schema.name, schema]));
    const options: SlotOwnerOptions = {
      tier: o.tier,
      instanceId: `${o.tier}-node`,
      storageSessionTimeoutMs: 70_000,
      ttlDays: 7,
      maxFutureMinutes: 5,
      forwards: o.forwards,
      ...(o.outbound ? { outbound: o.outbound } : {}),
      originScopes: new Set(o.originScopes),
      queueBytesMax: 64 * 1024 * 1024,
      ...(o.rowsPerTransaction === undefined ? {} : { rowsPerTransaction: o.rowsPerTransaction }),
      metricsOf: (scope) => o.schemas.filter((schema) => schema.scope === scope),
      resolve: (wire) => {
        const local = byName.get(wire.name);
        return local?.text === wire.text ? local : undefined;
      },
      hasLocalSources: o.hasLocalSources,
      rollupPeriodMs: 60_000,
      derivesHours: true,
    };
    const owner = new SlotOwner(options, {
      store: this.store,
      clock: o.clock,
      logger: silentLogger,
      telemetry: new MetricRegistry(),
      liveInstances: () => [`${o.tier}-node`],
    });
    // no forwarder here compares the outbox with an upstream: what is claimed is taken for continuous
    owner.watchOwnership(() => {
      for (const slot of owner.ownedSlots()) void owner.verify(slot, owner.claim(slot)!, 1);
    });
    owner.setDesiredSlots(Array.from({ length: o.slots }, (_, slot) => slot));
    return owner;
  }

  /** kill -9 and start again: a new owner claims the slots from the store; the old one is never told. */
  async crash(): Promise<void> {
    this.owner = this.#newOwner();
    await this.owner.runRound();
  }

  /** Stops and starts again with other metrics. */
  async upgrade(schemas: readonly MetricSchema[]): Promise<void> {
    this.#options = { ...this.#options, schemas };
    await this.store.prepareMetrics(schemas);
    await this.crash();
  }

  /** Gives `upstream` what it has not yet, as its forwarder would: every numbered entry, in order, and the acknowledgements. */
  async forward(upstream: SimulatedTier): Promise<void> {
    for (const slot of this.owner.ownedSlots()) {
      for (;;) {
        const { acknowledgedSeq } = await this.store.outboxHead(slot);
        const [entry] = await this.store.readOutbox(slot, acknowledgedSeq, 1);
        if (entry === undefined) break;
        const answer = upstream.owner.offer(await this.asIncoming(entry));
        await upstream.owner.runRound();
        const outcome = await answer;
        if (outcome.kind !== 'committed' && outcome.kind !== 'duplicate')
          throw new Error(`${upstream.tier} answers ${outcome.kind}`);
        await this.store.acknowledgeOutbox(slot, outcome.appliedSeq);
        this.owner.acknowledged(slot, outcome.appliedSeq);
      }
    }
  }

  /** An outbox entry of this tier as its upstream receives it. */
  async asIncoming(entry: OutboxEntry): Promise<IncomingBatch> {
    const head = await this.store.outboxHead(entry.slot);
    return {
      logId: head.logId,
      slot: entry.slot,
      gen: head.gen,
      seq: entry.seq,
      producer: this.tier,
      kind: 'federated',
      header: decodeHeader(entry.header),
      headerBytes: entry.header,
      contentBytes: entry.content,
      chain: entry.chain,
      batch: decodeContent(splitContent(entry.content)),
    };
  }
}
