// SPDX-License-Identifier: Apache-2.0
// The forwarder: from the outbox of the owned slots to the upstream tier. In: numbered entries that are durable already.
// Out: batches on one stream per upstream node, and acknowledgements to the store. It decides nothing: log-sender.ts and
// stream-sender.ts do; here are the reads, the queue, the timers and the frames. It never blocks L2.
import type { SlotIntake } from '@oap-federation/analysis';
import {
  createDataCarrier,
  type DataCarrier,
  type DataCarrierCounters,
  type Lease,
} from '@oap-federation/data-carrier';
import { splitContent } from '@oap-federation/model';
import {
  messageOf,
  rateLimited,
  reached,
  type Cancel,
  type Clock,
  type Logger,
  type MetricRegistry,
  type RateLimitedLogger,
  type Rng,
} from '@oap-federation/runtime';
import type { OutboxEntry, OutboxHead, TierStore } from '@oap-federation/storage';
import {
  decodeServerFrame,
  encodeClientFrame,
  FrameError,
  type ClientFrame,
  type LogMark,
  type LogOffer,
  type NackCode,
  type NackFrame,
  type SlotMap,
  type Welcome,
} from '@oap-federation/wire';
import type { ForwarderConfig } from './config.js';
import type { UpstreamDiscovery } from './discovery.js';
import { SenderDictionary } from './entity-dictionary.js';
import {
  INITIAL_LOG_STATE,
  offered,
  stepLog,
  type LogEffect,
  type LogEvent,
  type LogHead,
  type LogState,
} from './log-sender.js';
import { batchCost, FRAME_BYTES_WANTED, PROTOCOL_VERSION } from './protocol.js';
import { SlotRouter, type NodeHealth } from './slot-router.js';
import {
  INITIAL_STREAM_STATE,
  maySend,
  stepStream,
  type StreamEffect,
  type StreamEvent,
  type StreamState,
} from './stream-sender.js';
import type { FederationTransport, TransportStream } from './transport.js';

export interface ForwarderDeps {
  readonly store: Pick<TierStore, 'readOutbox' | 'outboxHead' | 'acknowledgeOutbox' | 'rewindOutbox'>;
  readonly intake: Pick<
    SlotIntake,
    | 'ownedSlots'
    | 'watchOwnership'
    | 'watchOutbox'
    | 'claim'
    | 'claimed'
    | 'isVerified'
    | 'verify'
    | 'acknowledged'
    | 'repair'
  >;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly transport: FederationTransport;
  readonly discovery: UpstreamDiscovery;
  /** Canonical texts of the metrics that this tier forwards. */
  readonly schemas: readonly string[];
  /** The tiers below this one; from the federation receiver when there is one. */
  readonly tiersBelow?: TierPathSource;
  readonly telemetry?: MetricRegistry;
}

/** Names of the tiers below, as far as they were heard of. */
export interface TierPathSource {
  tiersBelow(): readonly string[];
  watchTiersBelow(listener: () => void): () => void;
}

export interface LogStatus {
  readonly slot: number;
  /** '' until the head was read. */
  readonly logId: string;
  readonly state: LogState['tag'];
  /** Why it stands still, while it does. */
  readonly detail: string;
  /** Address of the upstream node it is assigned to; '' for none. */
  readonly upstream: string;
  readonly acknowledgedSeq: number;
  readonly inFlight: number;
  /** Age of the oldest entry that is not acknowledged, as far as this process saw it; 0 when there is none. */
  readonly lagMs: number;
}

export interface UpstreamStatus {
  readonly address: string;
  readonly state: StreamState['tag'];
  readonly detail: string;
  readonly connected: boolean;
  /** '' before the first Welcome; so is `instanceId`. */
  readonly tier: string;
  readonly instanceId: string;
  /** Batches written and not acknowledged. */
  readonly inFlight: number;
  readonly creditBytes: number;
  readonly lastAckMs: number | undefined;
  /** Clock of the upstream minus ours; undefined before the first answered heartbeat. */
  readonly clockSkewMs: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly refusedMetrics: readonly { readonly schema: string; readonly reason: string }[];
  readonly queue: DataCarrierCounters;
}

export interface ForwarderStatus {
  readonly upstreams: readonly UpstreamStatus[];
  readonly logs: readonly LogStatus[];
  readonly batchesSent: number;
  readonly batchesAcknowledged: number;
  /** Worst of the logs. */
  readonly lagMs: number;
}

export interface Forwarder extends AsyncDisposable {
  status(): ForwarderStatus;
}

interface QueuedBatch {
  readonly log: LogRunner;
  readonly round: number;
  readonly entry: OutboxEntry;
}

/** Never throws for an upstream that is away: it goes on trying until it is disposed. */
export function openForwarder(config: ForwarderConfig, deps: ForwarderDeps): Forwarder {
  const forwarder = new RunningForwarder(config, deps);
  forwarder.start();
  return forwarder;
}

class RunningForwarder implements Forwarder {
  readonly config: ForwarderConfig;
  readonly deps: ForwarderDeps;
  readonly router: SlotRouter;
  readonly peers = new Map<string, Peer>();
  readonly logs = new Map<number, LogRunner>();
  readonly warnings: RateLimitedLogger;
  readonly #unwatch: (() => void)[] = [];
  batchesSent = 0;
  batchesAcknowledged = 0;
  disposed = false;

  constructor(config: ForwarderConfig, deps: ForwarderDeps) {
    this.config = config;
    this.deps = deps;
    this.router = new SlotRouter(deps.rng);
    this.warnings = rateLimited(deps.logger, deps.clock, 30_000);
  }

  start(): void {
    const { intake, discovery, tiersBelow, telemetry } = this.deps;
    this.#unwatch.push(
      intake.watchOwnership(() => this.#ownership()),
      intake.watchOutbox((slot) => this.logs.get(slot)?.appended()),
      discovery.watch(() => this.#discovered()),
      tiersBelow?.watchTiersBelow(() => this.#tiersBelowChanged()) ?? (() => {}),
    );
    telemetry?.observe('gauge', 'fed_ack_age_seconds', 'Age of the oldest outbox entry not acknowledged.', {}, () => {
      return this.#lagMs() / 1_000;
    });
    telemetry?.observe('counter', 'fed_batches_sent_total', 'Batches written to upstream streams.', {}, () => {
      return this.batchesSent;
    });
    telemetry?.observe('counter', 'fed_batches_acknowledged_total', 'Batches that the upstream committed.', {}, () => {
      return this.batchesAcknowledged;
    });
    this.#discovered();
    this.#ownership();
  }

  healthOf = (address: string): NodeHealth => {
    switch (this.peers.get(address)?.state.tag) {
      case 'OPEN':
        return 'open';
      case 'CONNECTING':
        return 'connecting';
      case 'BACKOFF':
      case 'REFUSED':
        return 'down';
      case 'CLOSED':
      case undefined:
        return 'unknown';
    }
  };

  /** Gives a log that is on no stream to the node that should have it. */
  assign(log: LogRunner): void {
    if (this.disposed) return;
    const address = this.router.route(log.slot, this.healthOf);
    if (address === undefined) {
      log.peer = undefined;
      return;
    }
    let peer = this.peers.get(address);
    if (peer === undefined) {
      peer = new Peer(this, address);
      this.peers.set(address, peer);
    }
    log.peer = peer;
    if (peer.state.tag === 'OPEN') log.step({ kind: 'attached' });
    else if (peer.state.tag === 'CLOSED') peer.step({ kind: 'dial' });
  }

  /** Moves logs whose owner is known and can be had to it; finds a node for those that have none. */
  rebalance(): void {
    for (const log of this.logs.values()) {
      const owner = this.router.owner(log.slot);
      const moved = owner !== undefined && owner !== log.peer?.address && this.healthOf(owner) !== 'down';
      const stranded = log.peer === undefined || this.healthOf(log.peer.address) === 'down';
      if (!moved && !(stranded && (log.peer === undefined || this.#anyOpen()))) continue;
      log.step({ kind: 'detached' });
      this.assign(log);
    }
    this.#forgetPeers();
  }

  #anyOpen(): boolean {
    for (const peer of this.peers.values()) if (peer.state.tag === 'OPEN') return true;
    return false;
  }

  learn(slotMap: SlotMap): void {
    this.router.slotMap(slotMap);
    this.rebalance();
  }

  status(): ForwarderStatus {
    return {
      upstreams: [...this.peers.values()].map((peer) => peer.status()),
      logs: [...this.logs.values()].map((log) => log.status()),
      batchesSent: this.batchesSent,
      batchesAcknowledged: this.batchesAcknowledged,
      lagMs: this.#lagMs(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    for (const unwatch of this.#unwatch) unwatch();
    const ended = [...this.logs.values()].map((log) => log.dispose());
    for (const peer of this.peers.values()) ended.push(peer.dispose());
    await Promise.all(ended);
  }

  #lagMs(): number {
    let lagMs = 0;
    for (const log of this.logs.values()) lagMs = Math.max(lagMs, log.lagMs());
    return lagMs;
  }

  #discovered(): void {
    const { discovery } = this.deps;
    this.router.discovered(discovery.nodes());
    const slotMap = discovery.slotMap();
    if (slotMap) this.router.slotMap(slotMap);
    this.rebalance();
  }

  #ownership(): void {
    const owned = new Set(this.deps.intake.ownedSlots());
    for (const log of this.logs.values()) {
      // a new claim of the same node starts again too: what was compared with the upstream was the storage before it
      if (owned.has(log.slot) && log.claim === this.deps.intake.claim(log.slot)) continue;
      this.logs.delete(log.slot);
      void log.dispose();
    }
    for (const slot of owned) {
      if (this.logs.has(slot)) continue;
      const log = new LogRunner(this, slot);
      this.logs.set(slot, log);
      this.assign(log);
    }
    this.#forgetPeers();
  }

  #tiersBelowChanged(): void {
    const tiers = this.deps.tiersBelow?.tiersBelow() ?? [];
    for (const peer of this.peers.values()) if (peer.state.tag === 'OPEN') peer.write({ kind: 'tierPath', tiers });
  }

  /** Peers that nobody names any more and that have nothing to carry. */
  #forgetPeers(): void {
    const wanted = new Set(this.router.addresses());
    for (const log of this.logs.values()) if (log.peer) wanted.add(log.peer.address);
    for (const peer of this.peers.values()) {
      if (wanted.has(peer.address)) continue;
      this.peers.delete(peer.address);
      void peer.dispose();
    }
  }
}

/** A promise that any event may resolve; waiters check their condition again. */
class Bell {
  #waiting: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  ring(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Why a round ends: without a reason, each end makes an exception with its stack. */
const OVER = 'the round is over';
const ACKNOWLEDGE_RETRY_MS = 1_000;

interface InFlight {
  readonly entry: OutboxEntry;
  readonly lease: Lease<QueuedBatch>;
}

/** One slot's log: runs what log-sender.ts says. */
class LogRunner {
  readonly slot: number;
  readonly #forwarder: RunningForwarder;
  /** The claim of the slot that it serves. */
  readonly claim: number | undefined;
  peer: Peer | undefined;
  state: LogState = INITIAL_LOG_STATE;
  gen = 0;
  logId = '';
  #detail = '';
  #acknowledgedSeq = 0;
  #oldestAtMs: number | undefined;
  /** Ends what this round handed to the queue; undefined while it handed nothing. */
  #round: AbortController | undefined;
  #inFlight: InFlight[] = [];
  #enqueued: Promise<void> = Promise.resolve();
  #timer: Cancel = () => {};
  #acknowledging: Promise<void> = Promise.resolve();
  #acknowledgeBusy = false;
  #acknowledgeAgain: Cancel = () => {};
  #toldSeq = 0;
  /** As the upstream said last: what of it survives the loss of its storage. */
  #stableSeq = 0;
  /** The store is to be told that the upstream has no more than this. */
  #rewindTo: number | undefined;
  #disposed = false;

  constructor(forwarder: RunningForwarder, slot: number) {
    this.#forwarder = forwarder;
    this.slot = slot;
    this.claim = forwarder.deps.intake.claim(slot);
  }

  /** On a stream, this number names the log. */
  get ref(): number {
    return this.slot;
  }

  step(event: LogEvent): void {
    if (this.#disposed) return;
    const { config, deps } = this.#forwarder;
    const limits = this.peer?.limits ?? config.log;
    const before = this.state.round;
    const { state, effects } = stepLog(this.state, event, { nowMs: deps.clock.monotonicMs(), rng: deps.rng, limits });
    this.state = state;
    if (state.round !== before) this.#newRound();
    for (const effect of effects) this.#run(effect);
  }

  /** Still wanted by the upstream, in this round. */
  wants({ round, entry }: QueuedBatch): 'send' | 'acknowledged' | 'stale' {
    if (this.#disposed || this.state.tag !== 'STREAMING' || this.state.round !== round) return 'stale';
    return entry.seq <= this.state.acked ? 'acknowledged' : 'send';
  }

  written(entry: OutboxEntry, lease: Lease<QueuedBatch>): void {
    this.#inFlight.push({ entry, lease });
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  appended(): void {
    this.#oldestAtMs ??= this.#forwarder.deps.clock.now();
    this.step({ kind: 'appended' });
  }

  /** Reads the head. Errors: what the store throws, and that the slot has another owner by now. */
  async head(): Promise<LogHead & OutboxHead> {
    const { store, intake } = this.#forwarder.deps;
    const head = await store.outboxHead(this.slot);
    if (head.claim !== intake.claim(this.slot)) throw new Error(`slot ${this.slot} was claimed by another owner`);
    const { logId, gen, nextSeq, chain, acknowledgedSeq, watermark, ledger, claim, lossAccepted } = head;
    const verified = intake.isVerified(this.slot, claim);
    const claimed = intake.claimed(this.slot);
    return { logId, gen, nextSeq, chain, acknowledgedSeq, watermark, ledger, claim, lossAccepted, verified, claimed };
  }

  /** Reads the head, and makes the offer of it; with `raised`, the one that asks to fence. Errors: as above. */
  async offer(raised?: number): Promise<{ readonly head: LogHead & OutboxHead; readonly offer: LogOffer }> {
    const head = await this.head();
    const { logId, nextSeq, acknowledgedSeq } = head;
    const { gen, chain } = offered(head, raised);
    return { head, offer: { ref: this.ref, logId, slot: this.slot, gen, nextSeq, acknowledgedSeq, chain } };
  }

  offered(head: LogHead & OutboxHead): void {
    if (head.logId !== this.logId) {
      // Another log in this slot (its storage was made anew): nothing that was acknowledged is about it.
      this.#acknowledgedSeq = head.acknowledgedSeq;
      this.#toldSeq = head.acknowledgedSeq;
      this.#stableSeq = 0;
      this.#rewindTo = undefined;
    }
    this.gen = head.gen;
    this.logId = head.logId;
    this.step({ kind: 'offered', head });
  }

  marked(mark: LogMark): void {
    // a generation that the upstream no longer takes: its mark says what it has, and whether that is ours
    if (mark.status === 'OPEN' || (mark.status === 'FENCED' && mark.known)) this.step({ kind: 'marked', mark });
    else {
      const { status, detail, ownerAddress } = mark;
      this.step(refusalEvent(status, { round: undefined, expectedSeq: 1, retryAfterMs: 0, detail, ownerAddress }));
    }
  }

  acknowledged(seq: number, stableSeq: number): void {
    this.#stableSeq = stableSeq;
    this.step({ kind: 'ack', seq });
  }

  nacked(nack: NackFrame): void {
    this.step(refusalEvent(nack.code, nack));
  }

  lagMs(): number {
    return this.#oldestAtMs === undefined ? 0 : Math.max(0, this.#forwarder.deps.clock.now() - this.#oldestAtMs);
  }

  status(): LogStatus {
    return {
      slot: this.slot,
      logId: this.logId,
      state: this.state.tag,
      detail: this.#detail,
      upstream: this.peer?.address ?? '',
      acknowledgedSeq: this.#acknowledgedSeq,
      inFlight: this.#inFlight.length,
      lagMs: this.lagMs(),
    };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#timer();
    this.#acknowledgeAgain();
    this.#newRound();
    this.peer = undefined;
    await this.#acknowledging;
  }

  #run(effect: LogEffect): void {
    const { deps, config, router, warnings } = this.#forwarder;
    switch (effect.kind) {
      case 'offer':
        void this.#offer(effect.round, effect.raised);
        return;
      case 'verify':
        void this.#ask(effect.round, async () => {
          await deps.intake.verify(this.slot, effect.claim, effect.gen);
          this.step({ kind: 'repaired', round: effect.round });
        });
        return;
      case 'repair':
        void this.#ask(effect.round, async () => {
          if (await deps.intake.repair(this.slot, effect.claim, effect.position, effect.how)) {
            // the outbox goes on after it, perhaps with numbers that were acknowledged before: these are others
            this.#acknowledgedSeq = effect.position.seq;
            this.#toldSeq = effect.position.seq;
            this.#stableSeq = 0;
            this.#rewindTo = undefined;
          }
          this.step({ kind: 'repaired', round: effect.round });
        });
        return;
      case 'readHead':
        void this.#ask(effect.round, async () => {
          this.step({ kind: 'head', round: effect.round, head: await this.head() });
        });
        return;
      case 'fetch':
        void this.#ask(effect.round, async () => {
          const entries = await deps.store.readOutbox(this.slot, effect.afterSeq, config.fetchBytes);
          if (entries.length > 0) reached('forwarder.outboxRead');
          const first = entries.find((entry) => entry.seq > this.#acknowledgedSeq);
          if (first) this.#oldestAtMs = Math.min(this.#oldestAtMs ?? Infinity, first.createdAtMs);
          this.step({ kind: 'fetched', round: effect.round, entries });
        });
        return;
      case 'enqueue': {
        const { peer } = this;
        const { signal } = (this.#round ??= new AbortController());
        this.#enqueued = this.#enqueued.then(() => this.#enqueue(peer, effect, signal));
        return;
      }
      case 'acknowledge':
        this.#detail = '';
        this.#acknowledge(effect.seq);
        return;
      case 'reroute':
        router.hint(this.slot, this.peer?.address ?? '', effect.ownerAddress);
        return;
      case 'wake':
        this.#timer();
        this.#timer = deps.clock.after(effect.atMs - deps.clock.monotonicMs(), () => this.#wake());
        return;
      case 'stopped':
        this.#detail = effect.detail;
        warnings.error(
          `${effect.reason} ${this.slot}`,
          { slot: this.slot, log: this.logId, upstream: this.peer?.address, detail: effect.detail },
          `forwarding of slot ${this.slot} stands still: ${effect.reason}`,
        );
        return;
      case 'rewound':
        deps.logger.warn(
          { slot: this.slot, log: this.logId, from: effect.fromSeq, to: effect.toSeq },
          'the upstream has less than it acknowledged; sending again what the outbox retains',
        );
        this.#rewind(effect.toSeq);
        return;
    }
  }

  #wake(): void {
    // After a wait the log may belong to another node: then it starts there, without another wait.
    if (this.state.tag === 'BACKOFF' && this.state.next === 'reopen') {
      const address = this.#forwarder.router.route(this.slot, this.#forwarder.healthOf);
      if (address !== this.peer?.address) {
        this.step({ kind: 'detached' });
        this.#forwarder.assign(this);
        return;
      }
    }
    this.step({ kind: 'timer' });
  }

  async #offer(round: number, raised: number | undefined): Promise<void> {
    await this.#ask(round, async () => {
      const { head, offer } = await this.offer(raised);
      if (this.#disposed || this.state.round !== round || this.peer?.state.tag !== 'OPEN') return;
      if (raised === undefined) this.offered(head);
      this.peer.write({ kind: 'openLog', log: offer });
    });
  }

  async #ask(round: number, question: () => Promise<void>): Promise<void> {
    try {
      await question();
    } catch (error) {
      if (messageOf(error).startsWith('BUG')) throw error;
      this.#forwarder.warnings.warn('store', { err: error, slot: this.slot }, 'cannot read the outbox, trying again');
      this.step({ kind: 'storeFailed', round });
    }
  }

  async #enqueue(
    peer: Peer | undefined,
    { round, entries }: { readonly round: number; readonly entries: readonly OutboxEntry[] },
    signal: AbortSignal,
  ): Promise<void> {
    for (const entry of entries) {
      if (signal.aborted || peer === undefined) return;
      if (!(await peer.queue.offer({ log: this, round, entry }, signal))) return;
    }
  }

  /** What was sent or queued in the round before is sent again, or never. */
  #newRound(): void {
    this.#round?.abort(OVER);
    this.#round = undefined;
    for (const { lease } of this.#inFlight) lease.done('failed');
    this.#inFlight = [];
    this.peer?.bell.ring();
  }

  #acknowledge(seq: number): void {
    let settled = 0;
    while (settled < this.#inFlight.length && this.#inFlight[settled]!.entry.seq <= seq) {
      this.#inFlight[settled]!.lease.done('acknowledged');
      settled++;
    }
    this.#inFlight = this.#inFlight.slice(settled);
    this.#forwarder.batchesAcknowledged += settled;
    const waiting = this.state.tag === 'STREAMING' ? this.state.pending[0] : undefined;
    const caughtUp = this.state.tag === 'STREAMING' && this.state.dry && this.state.fetched === this.state.acked;
    this.#oldestAtMs =
      this.#inFlight[0]?.entry.createdAtMs ?? waiting?.createdAtMs ?? (caughtUp ? undefined : this.#oldestAtMs);
    this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, seq);
    this.#forwarder.deps.intake.acknowledged(this.slot, seq);
    if (!this.#acknowledgeBusy) this.#acknowledging = this.#tellStore();
  }

  /** What is sent again is not acknowledged any more: the store keeps it until it is. */
  #rewind(seq: number): void {
    this.#acknowledgedSeq = seq;
    this.#stableSeq = 0;
    this.#rewindTo = seq;
    if (!this.#acknowledgeBusy) this.#acknowledging = this.#tellStore();
  }

  /** One write at a time; what was acknowledged meanwhile goes with the next. What fails is said again. */
  async #tellStore(): Promise<void> {
    const { store, clock } = this.#forwarder.deps;
    this.#acknowledgeBusy = true;
    try {
      for (;;) {
        const rewindTo = this.#rewindTo;
        if (rewindTo !== undefined) {
          await store.rewindOutbox(this.slot, rewindTo);
          if (this.#rewindTo === rewindTo) this.#rewindTo = undefined;
          this.#toldSeq = rewindTo;
        }
        if (this.#toldSeq >= this.#acknowledgedSeq) break;
        const seq = this.#acknowledgedSeq;
        reached('forwarder.acknowledgedBeforeStore');
        await store.acknowledgeOutbox(this.slot, seq, Math.min(this.#stableSeq, seq));
        reached('forwarder.acknowledgementStored');
        this.#toldSeq = seq;
      }
    } catch (error) {
      if (messageOf(error).startsWith('BUG')) throw error;
      this.#forwarder.warnings.warn(
        'acknowledge',
        { err: error, slot: this.slot },
        'cannot write an acknowledgement to the outbox, trying again',
      );
      this.#acknowledgeAgain();
      this.#acknowledgeAgain = clock.after(ACKNOWLEDGE_RETRY_MS, () => {
        if (!this.#disposed && !this.#acknowledgeBusy) this.#acknowledging = this.#tellStore();
      });
    } finally {
      this.#acknowledgeBusy = false;
    }
  }
}

interface RefusalFields {
  readonly round: number | undefined;
  readonly expectedSeq: number;
  readonly retryAfterMs: number;
  readonly detail: string;
  readonly ownerAddress: string;
}

function refusalEvent(code: NackCode, fields: RefusalFields): LogEvent {
  const { round, expectedSeq, retryAfterMs, detail, ownerAddress } = fields;
  switch (code) {
    case 'NOT_OWNER':
      return { kind: 'notOwner', round, ownerAddress };
    case 'BUSY':
      return { kind: 'busy', round, retryAfterMs };
    case 'GAP':
      return { kind: 'gap', round, expectedSeq };
    case 'FENCED':
      return { kind: 'fenced', round, detail };
    case 'UNSUPPORTED':
    case 'DENIED':
    case 'FORKED':
      return { kind: 'stop', round, reason: code, detail };
  }
}

/** One upstream node and the stream to it: runs what stream-sender.ts says. */
class Peer {
  readonly address: string;
  readonly bell = new Bell();
  readonly queue: DataCarrier<QueuedBatch, 'blocking'>;
  state: StreamState = INITIAL_STREAM_STATE;
  /** Of its logs: what the upstream takes, once it said it. */
  limits: ForwarderConfig['log'];
  readonly #forwarder: RunningForwarder;
  readonly #writer: Promise<void>;
  #stream: TransportStream | undefined;
  /** Grows with each connection: what an older one still says is not heard. */
  #connection = 0;
  #blocked = false;
  #dictionary = new SenderDictionary(1);
  #welcome: Welcome | undefined;
  #detail = '';
  #lastAckMs: number | undefined;
  #clockSkewMs: number | undefined;
  #roundTripMs: number | undefined;
  #timer: Cancel = () => {};

  constructor(forwarder: RunningForwarder, address: string) {
    const { queueCapacityBatches, queueCapacityBytes } = forwarder.config;
    this.#forwarder = forwarder;
    this.address = address;
    this.limits = forwarder.config.log;
    this.queue = createDataCarrier({
      name: `forward ${address}`,
      capacityItems: queueCapacityBatches,
      capacityBytes: queueCapacityBytes,
      // A batch larger than the whole queue must still get through, alone.
      sizeOf: ({ entry }) => Math.min(queueCapacityBytes, entry.header.length + entry.content.length),
      strategy: 'blocking',
    });
    this.#writer = this.#write();
  }

  step(event: StreamEvent): void {
    const { config, deps } = this.#forwarder;
    const env = { nowMs: deps.clock.monotonicMs(), rng: deps.rng, limits: config.stream };
    const { state, effects } = stepStream(this.state, event, env);
    this.state = state;
    for (const effect of effects) this.#run(effect);
    this.bell.ring();
  }

  write(frame: ClientFrame): void {
    if (this.#stream && !this.#stream.send(encodeClientFrame(frame))) this.#blocked = true;
  }

  status(): UpstreamStatus {
    const { state } = this;
    const logs = [...this.#forwarder.logs.values()].filter((log) => log.peer === this);
    return {
      address: this.address,
      state: state.tag,
      detail: this.#detail,
      connected: state.tag === 'OPEN',
      tier: this.#welcome?.tier ?? '',
      instanceId: this.#welcome?.instanceId ?? '',
      inFlight: logs.reduce((sum, log) => sum + log.inFlight, 0),
      creditBytes: state.tag === 'OPEN' ? Math.max(0, state.creditLimit - state.sentCost) : 0,
      lastAckMs: this.#lastAckMs,
      clockSkewMs: this.#clockSkewMs,
      roundTripMs: this.#roundTripMs,
      refusedMetrics: this.#welcome?.refusedMetrics ?? [],
      queue: this.queue.counters(),
    };
  }

  async dispose(): Promise<void> {
    this.#timer();
    this.#hangUp();
    this.queue.close();
    this.bell.ring();
    await this.#writer;
  }

  #run(effect: StreamEffect): void {
    const { clock } = this.#forwarder.deps;
    switch (effect.kind) {
      case 'connect':
        void this.#connect();
        return;
      case 'heartbeat':
        this.write({ kind: 'heartbeat', sentAtMs: clock.now(), echoMs: 0 });
        return;
      case 'opened':
        this.#detail = '';
        return; // the logs follow in #welcomed
      case 'hangUp':
        this.#hangUp();
        return;
      case 'down':
        this.#down(effect.reason);
        return;
      case 'wake':
        this.#timer();
        this.#timer = clock.after(effect.atMs - clock.monotonicMs(), () => this.step({ kind: 'tick' }));
        return;
    }
  }

  /** Heads first, so that Hello can say where every log stands. A head that cannot be read is offered later. */
  async #connect(): Promise<void> {
    const { config, deps, logs } = this.#forwarder;
    const connection = ++this.#connection;
    const offered: { readonly log: LogRunner; readonly head: LogHead & OutboxHead; readonly offer: LogOffer }[] = [];
    await Promise.all(
      this.#myLogs().map(async (log) => {
        try {
          offered.push({ log, ...(await log.offer()) });
        } catch (error) {
          this.#forwarder.warnings.warn(
            'store',
            { err: error, slot: log.slot },
            'cannot read the outbox, trying again',
          );
        }
      }),
    );
    if (connection !== this.#connection || this.state.tag !== 'CONNECTING' || this.#forwarder.disposed) return;
    const mine = offered.filter(({ log }) => log.peer === this && log.state.tag === 'CLOSED' && logs.has(log.slot));
    this.#blocked = false;
    this.#stream = deps.transport.connect(this.address, config.token, {
      onFrame: (frame) => {
        if (connection === this.#connection) this.#onFrame(frame);
      },
      onDrain: () => {
        if (connection !== this.#connection) return;
        this.#blocked = false;
        this.bell.ring();
      },
      onClosed: (reason) => {
        if (connection !== this.#connection) return;
        this.#connection++;
        this.#stream = undefined;
        this.step({ kind: 'lost', reason });
      },
    });
    this.write({
      kind: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      tier: config.tier,
      tierPath: deps.tiersBelow?.tiersBelow() ?? [],
      slots: config.slots,
      instanceId: config.instanceId,
      logs: mine.map(({ offer }) => offer),
      schemas: deps.schemas,
    });
    for (const { log, head } of mine) log.offered(head);
  }

  #hangUp(): void {
    this.#connection++;
    this.#stream?.close();
    this.#stream = undefined;
  }

  #down(reason: string): void {
    this.#detail = reason;
    this.#blocked = false;
    const { warnings } = this.#forwarder;
    const key = `${this.state.tag} ${this.address}`;
    if (this.state.tag === 'REFUSED') {
      warnings.error(key, { upstream: this.address, reason }, 'the upstream refuses this tier');
    } else {
      warnings.warn(key, { upstream: this.address, reason }, 'lost the upstream node, trying again');
    }
    for (const log of this.#myLogs()) {
      log.step({ kind: 'detached' });
      this.#forwarder.assign(log);
    }
  }

  #myLogs(): readonly LogRunner[] {
    return [...this.#forwarder.logs.values()].filter((log) => log.peer === this);
  }

  #onFrame(bytes: Uint8Array): void {
    let frame;
    try {
      frame = decodeServerFrame(bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.step({ kind: 'violation', detail: error.message });
      return;
    }
    const { creditLimit, body } = frame;
    if (body?.kind === 'welcome') {
      this.#welcomed(body, creditLimit);
      return;
    }
    if (body?.kind === 'refused') {
      const other = body.otherHolder === '' ? '' : `, held by ${body.otherHolder}`;
      this.step({ kind: 'refused', code: body.code, detail: `${body.detail}${other}` });
      return;
    }
    this.step({ kind: 'heard', creditLimit });
    if (this.state.tag !== 'OPEN') return;
    const { clock } = this.#forwarder.deps;
    switch (body?.kind) {
      case 'ack':
        this.#lastAckMs = clock.now();
        this.#logOf(body.log)?.acknowledged(body.appliedSeq, body.stableSeq);
        return;
      case 'nack':
        this.#logOf(body.log)?.nacked(body);
        return;
      case 'logOpened':
        this.#logOf(body.mark.ref)?.marked(body.mark);
        return;
      case 'slotMap':
        this.#forwarder.learn(body.slotMap);
        return;
      case 'heartbeat':
        if (body.echoMs > 0) {
          this.#roundTripMs = Math.max(0, clock.now() - body.echoMs);
          this.#clockSkewMs = Math.round(body.sentAtMs - (body.echoMs + this.#roundTripMs / 2));
        }
        return;
      case undefined:
        return;
    }
  }

  #logOf(ref: number): LogRunner | undefined {
    const log = this.#forwarder.logs.get(ref);
    return log?.peer === this ? log : undefined;
  }

  #welcomed(welcome: Welcome, creditLimit: number): void {
    this.step({ kind: 'welcome', creditLimit });
    if (this.state.tag !== 'OPEN') return;
    this.#welcome = welcome;
    const { log } = this.#forwarder.config;
    this.limits = { ...log, maxBatchBytes: Math.min(welcome.maxBatchBytes, log.maxBatchBytes) };
    this.#dictionary = new SenderDictionary(welcome.maxDictionaryEntries);
    const marks = new Set<number>();
    for (const mark of welcome.logs) {
      marks.add(mark.ref);
      this.#logOf(mark.ref)?.marked(mark);
    }
    this.#forwarder.learn(welcome.slotMap);
    for (const log of this.#myLogs()) if (log.state.tag === 'CLOSED') log.step({ kind: 'attached' });
    if (this.state.tag === 'OPEN') this.#sayTiersBelow();
  }

  /** They may have changed between Hello and Welcome. */
  #sayTiersBelow(): void {
    const tiers = this.#forwarder.deps.tiersBelow?.tiersBelow() ?? [];
    if (tiers.length > 0) this.write({ kind: 'tierPath', tiers });
  }

  /** The only writer of batches: what leaves the queue is sent in order, or found to be no longer wanted. */
  async #write(): Promise<void> {
    for (;;) {
      const lease = await this.queue.read();
      if (lease === undefined) return;
      const item = lease.items[0]!;
      const { log, entry } = item;
      const { descriptors, body } = splitContent(entry.content);
      // Never less than the frame will have: the exact size is known only once the dictionary was used.
      const costAtMost = batchCost(entry.header.length + entry.content.length + descriptors.length * 8 + 256);
      while (log.wants(item) === 'send' && (this.#blocked || !maySend(this.state, costAtMost))) await this.bell.wait();
      const wanted = log.wants(item);
      if (wanted !== 'send') {
        lease.done(wanted === 'acknowledged' ? 'acknowledged' : 'failed');
        continue;
      }
      const frame = encodeClientFrame({
        kind: 'batch',
        log: log.ref,
        round: item.round,
        slot: log.slot,
        gen: log.gen,
        seq: entry.seq,
        header: entry.header,
        chain: entry.chain,
        ...this.#dictionary.encode(descriptors),
        body,
      });
      log.written(entry, lease);
      this.#forwarder.batchesSent++;
      this.step({ kind: 'sent', cost: batchCost(frame.length) });
      await this.#sendBatch(frame);
      reached('forwarder.sent');
    }
  }

  async #sendBatch(frame: Uint8Array): Promise<void> {
    const connection = this.#connection;
    const bytesMax = Math.min(this.#welcome!.maxFrameBytes, FRAME_BYTES_WANTED);
    if (frame.length <= bytesMax) {
      if (!this.#stream!.send(frame)) this.#blocked = true;
      return;
    }
    const step = bytesMax - 64; // room for the frame around the bytes
    for (let at = 0; at < frame.length; at += step) {
      while (this.#blocked && connection === this.#connection) await this.bell.wait();
      if (connection !== this.#connection) return;
      const data = frame.subarray(at, at + step);
      this.write({ kind: 'fragment', data, last: at + step >= frame.length });
    }
  }
}
