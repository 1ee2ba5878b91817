// SPDX-License-Identifier: Apache-2.0
// The federation receiver: from the streams of the tiers below to the slot owners' intake. In: frames of strangers. Out:
// decoded batches, in order per log, and answers that mean what they say: an Ack is a commit. Who may speak and what is
// answered decide stream-receiver.ts and the rules below; here are the dictionary, the decoding, the offers and the timers.
import type { IncomingBatch, SlotIntake } from '@oap-federation/analysis';
import type { ClusterCoordinator } from '@oap-federation/cluster';
import { DecodeError, decodeBody, decodeHeader, minuteOf, type BatchHeader } from '@oap-federation/model';
import {
  messageOf,
  rateLimited,
  reached,
  type Cancel,
  type Clock,
  type Logger,
  type MetricRegistry,
  type RateLimitedLogger,
  tokenCheck,
  type TokenCheck,
} from '@oap-federation/runtime';
import type { Mark, TierStore } from '@oap-federation/storage';
import {
  decodeClientFrame,
  decodeListNodesRequest,
  encodeListNodesResponse,
  encodeServerFrame,
  FrameError,
  type BatchFrame,
  type ClientFrame,
  type Hello,
  type LogMark,
  type LogOffer,
  type SlotMap,
} from '@oap-federation/wire';
import type { ReceiverConfig } from './config.js';
import { DictionaryError, ReceiverDictionary, type ResolvedEntities } from './entity-dictionary.js';
import { EntityPool } from './entity-pool.js';
import { incomingBatch } from './incoming-batch.js';
import type { TierPathSource } from './forwarder.js';
import { PROTOCOL_VERSION } from './protocol.js';
import {
  initialReceiverState,
  stepReceiver,
  type OpenedLog,
  type ReceiverEffect,
  type ReceiverEvent,
  type ReceiverLimits,
  type ReceiverOutcome,
  type ReceiverState,
  type Refusal,
} from './stream-receiver.js';
import type { FederationListener, ServerSink, ServerStreamHandlers, StreamPeer } from './transport.js';

export interface ReceiverDeps {
  readonly intake: Pick<SlotIntake, 'owns' | 'mark' | 'offer' | 'commitSoon' | 'watchOwnership' | 'raiseGeneration'>;
  readonly store: Pick<TierStore, 'expectChildren' | 'stableSeq'>;
  /** Why this tier does not take a forwarded metric (by canonical schema text); undefined when it does. */
  readonly routes: (schemaText: string) => string | undefined;
  readonly coordinator: Pick<ClusterCoordinator, 'slotOwners' | 'watchSlots' | 'queryModules' | 'watchModules'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry?: MetricRegistry;
}

export interface DownstreamStatus {
  /** '' before Hello; so is `instanceId`. */
  readonly tier: string;
  readonly instanceId: string;
  readonly address: string;
  readonly state: ReceiverState['tag'];
  readonly slots: readonly number[];
  readonly tierPath: readonly string[];
  readonly inFlight: number;
  readonly lastBatchMs: number | undefined;
  /** Clock of the sender minus ours, at its last heartbeat, its travel time included. */
  readonly clockSkewMs: number | undefined;
  readonly refusedMetrics: number;
}

/** offered = committed + duplicate + all refused + discarded + inFlight, after every call. */
export interface ReceiverCounters {
  readonly offered: number;
  readonly committed: number;
  readonly duplicate: number;
  readonly refused: Readonly<Record<RefusedOutcome, number>>;
  /** Of a round whose first refused batch was answered; the sender sends them again. */
  readonly discarded: number;
  readonly inFlight: number;
  readonly bytesInFlight: number;
  /** Streams that were refused or broken off. */
  readonly streamsRefused: number;
}

type RefusedOutcome = Exclude<ReceiverOutcome['kind'], 'committed' | 'duplicate'>;

export interface ReceiverStatus extends ReceiverCounters {
  readonly downstreams: readonly DownstreamStatus[];
}

export interface FederationReceiver extends FederationListener, TierPathSource, AsyncDisposable {
  status(): ReceiverStatus;
}

export function openReceiver(config: ReceiverConfig, deps: ReceiverDeps): FederationReceiver {
  return new RunningReceiver(config, deps);
}

/** When the intake fails in a way that it did not foresee, or too much is in flight over all streams. */
const BUSY_RETRY_MS = 1_000;
/** Batches of all streams together, ended ones included, that the intake has not answered. */
const STREAMS_IN_FLIGHT = 32;

class RunningReceiver implements FederationReceiver {
  readonly config: ReceiverConfig;
  readonly deps: ReceiverDeps;
  readonly limits: ReceiverLimits;
  readonly warnings: RateLimitedLogger;
  readonly sessions = new Set<Session>();
  readonly entities: EntityPool;
  readonly #tokens: ReadonlyMap<string, TokenCheck>;
  readonly #children = new Map<string, Promise<void>>();
  readonly #listeners = new Set<() => void>();
  readonly #unwatch: readonly (() => void)[];
  #tiersBelow: readonly string[] = [];
  #offered = 0;
  #committed = 0;
  #duplicate = 0;
  #discarded = 0;
  #inFlight = 0;
  #bytesInFlight = 0;
  #streamsRefused = 0;
  readonly #refused: Record<RefusedOutcome, number> = {
    gap: 0,
    notOwner: 0,
    busy: 0,
    forked: 0,
    fenced: 0,
    unsupported: 0,
  };

  constructor(config: ReceiverConfig, deps: ReceiverDeps) {
    this.config = config;
    this.deps = deps;
    this.limits = { creditBytes: config.creditBytes, logsMax: config.slots, silenceMs: config.silenceMs };
    this.warnings = rateLimited(deps.logger, deps.clock, 30_000);
    this.entities = new EntityPool(config.maxDictionaryEntries);
    this.#tokens = new Map(Object.entries(config.tokens).map(([tier, token]) => [tier, tokenCheck(token)]));
    const changed = () => {
      for (const session of this.sessions) session.step({ kind: 'slotMapChanged' });
    };
    this.#unwatch = [
      deps.coordinator.watchSlots(changed),
      deps.coordinator.watchModules(changed),
      deps.intake.watchOwnership(changed),
    ];
    this.#observe(deps.telemetry);
  }

  accept(peer: StreamPeer, sink: ServerSink): ServerStreamHandlers {
    const session = new Session(this, peer, sink);
    if (this.sessions.size >= this.config.maxStreams) {
      session.step({
        kind: 'refuse',
        refusal: refusal('UNAVAILABLE', `${this.sessions.size} streams are open`),
      });
    } else {
      this.sessions.add(session);
      session.start();
    }
    return session;
  }

  listNodes(peer: StreamPeer, request: Uint8Array): Uint8Array | undefined {
    const { tier } = decodeListNodesRequest(request);
    if (!this.#tokenFits(tier, peer.token)) return undefined;
    const { config } = this;
    return encodeListNodesResponse({ tier: config.tier, instanceId: config.instanceId, slotMap: this.slotMap() });
  }

  tiersBelow(): readonly string[] {
    return this.#tiersBelow;
  }

  watchTiersBelow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  status(): ReceiverStatus {
    return {
      downstreams: [...this.sessions].map((session) => session.status()),
      offered: this.#offered,
      committed: this.#committed,
      duplicate: this.#duplicate,
      refused: { ...this.#refused },
      discarded: this.#discarded,
      inFlight: this.#inFlight,
      bytesInFlight: this.#bytesInFlight,
      streamsRefused: this.#streamsRefused,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch();
    for (const session of this.sessions)
      session.step({ kind: 'refuse', refusal: refusal('UNAVAILABLE', 'this node stops') });
  }

  /** Where the slots are: what is owned here for certain, the rest as the coordinator hints. */
  slotMap(): SlotMap {
    const { coordinator, intake } = this.deps;
    const { slots, instanceId, address } = this.config;
    const nodes = [{ instanceId, address }];
    for (const node of coordinator.queryModules())
      if (node.instanceId !== instanceId) nodes.push({ instanceId: node.instanceId, address: node.address });
    const hinted = coordinator.slotOwners();
    const owners = Array.from({ length: slots }, (_, slot) =>
      intake.owns(slot) ? 1 : 1 + nodes.findIndex((node) => node.instanceId === hinted[slot]),
    );
    return { nodes, owners };
  }

  ownerAddress(slot: number): string {
    const { nodes, owners } = this.slotMap();
    return nodes[(owners[slot] ?? 0) - 1]?.address ?? '';
  }

  /** What the rules say against a tier; undefined when nothing. */
  judgeHello(hello: Hello, session: Session): Refusal | undefined {
    const { slots } = this.config;
    if (hello.protocolVersion !== PROTOCOL_VERSION)
      return refusal('VERSION', `protocol version ${hello.protocolVersion} is not one of ${PROTOCOL_VERSION}`);
    if (!this.#tokenFits(hello.tier, session.peer.token))
      return refusal('DENIED', `tier ${hello.tier} is not allowed here`);
    if (hello.slots !== slots)
      return refusal('SLOTS', `tier ${hello.tier} has ${hello.slots} slots, this federation has ${slots}`);
    if (hello.tier === '') return refusal('PROTOCOL', 'a tier without a name');
    const cycle = this.judgePath(hello.tier, hello.tierPath);
    if (cycle) return cycle;
    if (hello.logs.length > slots || new Set(hello.logs.map(({ ref }) => ref)).size < hello.logs.length)
      return refusal('PROTOCOL', `${hello.logs.length} logs, or two of one ref`);
    for (const log of hello.logs) {
      const problem = this.judgeLog(hello.tier, log, session);
      if (problem) return problem;
    }
    return undefined;
  }

  judgePath(tier: string, path: readonly string[]): Refusal | undefined {
    const own = this.config.tier;
    if (tier !== own && !path.includes(own)) return undefined;
    return refusal('CYCLE', `tier ${own} is below itself: ${[tier, ...path].join(' < ')}`);
  }

  /** Several nodes of one tier share their storage's logs; another log in the same slot is another tier with this name. */
  judgeLog(tier: string, log: LogOffer, session: Session): Refusal | undefined {
    if (log.slot >= this.config.slots) return refusal('PROTOCOL', `log of slot ${log.slot}`);
    for (const other of this.sessions) {
      if (other === session || other.tier !== tier) continue;
      const held = other.logOf(log.slot);
      if (held === undefined || held === log.logId) continue;
      const here = session.peer.address;
      return {
        code: 'TIER_NAME_IN_USE',
        detail: `tier name ${tier} is in use by ${other.peer.address}, refused for ${here}: their logs of slot ${log.slot} differ`,
        otherHolder: other.peer.address,
      };
    }
    return undefined;
  }

  /**
   * A later generation than the mark's was announced, or a new log: from now on older ones are refused, before the mark is told. What
   * could not be done shows in the mark. Undefined when there is nothing to do.
   */
  fence(tier: string, { slot, logId, gen }: LogOffer): Promise<boolean> | undefined {
    const { intake } = this.deps;
    const mark = intake.mark(slot, logId);
    if (!intake.owns(slot)) return undefined;
    if (mark && (mark.kind !== 'federated' || mark.producer !== tier || gen <= mark.gen)) return undefined;
    return intake.raiseGeneration(slot, logId, gen, tier);
  }

  /** What this tier has of a log. */
  markOf(tier: string, offer: LogOffer): LogMark {
    const { slot, logId } = offer;
    const { intake } = this.deps;
    if (!intake.owns(slot)) return logMark(offer, undefined, 'NOT_OWNER', '', this.ownerAddress(slot));
    const mark = intake.mark(slot, logId);
    if (mark === undefined) return logMark(offer, undefined, 'OPEN');
    if (mark.kind !== 'federated' || mark.producer !== tier) {
      this.warnings.error(
        `binding ${logId}`,
        { tier, log: logId, slot },
        'a log was offered by another tier than the one it belongs to',
      );
      return logMark(offer, undefined, 'DENIED', `log ${logId} does not belong to tier ${tier}`);
    }
    if (offer.gen < mark.gen)
      return logMark(offer, mark, 'FENCED', `generation ${mark.gen} is known here, offered is ${offer.gen}`);
    const sameEnd = offer.nextSeq - 1 === mark.seq && mark.seq > 0;
    if (sameEnd && offer.chain.length > 0 && mark.chain.length > 0 && !equal(offer.chain, mark.chain))
      return logMark(offer, mark, 'FORKED', `chains differ at seq ${mark.seq}`);
    return logMark(offer, mark, 'OPEN');
  }

  /** Once per tier and process; a failure is tried again with the next Hello. */
  register(tier: string): Promise<void> {
    let child = this.#children.get(tier);
    if (child === undefined) {
      child = this.deps.store.expectChildren([{ tier, sinceMinute: minuteOf(this.deps.clock.now()) }]);
      this.#children.set(tier, child);
      child.catch(() => this.#children.delete(tier));
    }
    return child;
  }

  /** Asks the intake; resolves always. `bytes`: what the batch holds in memory. */
  async offer(batch: IncomingBatch, bytes: number): Promise<ReceiverOutcome> {
    if (this.#bytesInFlight + bytes > this.#bytesMax && this.#inFlight > 0)
      return { kind: 'busy', retryAfterMs: BUSY_RETRY_MS };
    this.#bytesInFlight += bytes;
    try {
      return await this.deps.intake.offer(batch);
    } catch (error) {
      if (messageOf(error).startsWith('BUG')) throw error;
      this.warnings.error('offer', { err: error, tier: batch.producer, slot: batch.slot }, 'the intake failed');
      return { kind: 'busy', retryAfterMs: BUSY_RETRY_MS };
    } finally {
      this.#bytesInFlight -= bytes;
    }
  }

  /** What does not fit on all streams together is answered BUSY. */
  get #bytesMax(): number {
    return Math.max(this.config.maxBatchBytes, this.config.creditBytes * STREAMS_IN_FLIGHT);
  }

  countOffered(): void {
    this.#offered++;
    this.#inFlight++;
  }

  countOutcome(kind: ReceiverOutcome['kind'] | 'discarded'): void {
    this.#inFlight--;
    if (kind === 'committed') this.#committed++;
    else if (kind === 'duplicate') this.#duplicate++;
    else if (kind === 'discarded') this.#discarded++;
    else this.#refused[kind]++;
  }

  ended(session: Session, code: string | undefined): void {
    if (code !== undefined) this.#streamsRefused++;
    this.sessions.delete(session);
    this.pathsChanged();
  }

  pathsChanged(): void {
    const tiers = new Set<string>();
    for (const session of this.sessions) for (const tier of session.tiers()) tiers.add(tier);
    const sorted = [...tiers].toSorted();
    if (sorted.join('\n') === this.#tiersBelow.join('\n')) return;
    this.#tiersBelow = sorted;
    for (const listener of this.#listeners) listener();
  }

  #tokenFits(tier: string, token: string): boolean {
    if (this.#tokens.size === 0) return true;
    // equal work whether or not the tier exists: the time says nothing
    return (this.#tokens.get(tier) ?? NOBODY)(token);
  }

  #observe(telemetry: MetricRegistry | undefined): void {
    if (!telemetry) return;
    const counter = (name: string, help: string, labels: Readonly<Record<string, string>>, read: () => number) =>
      telemetry.observe('counter', name, help, labels, read);
    counter('fed_batches_offered_total', 'Batches that came on streams.', {}, () => this.#offered);
    counter('fed_batches_committed_total', 'Batches that the intake committed.', {}, () => this.#committed);
    counter('fed_duplicate_batches_total', 'Batches that had been committed before.', {}, () => this.#duplicate);
    counter('fed_discarded_batches_total', 'Rest of refused rounds.', {}, () => this.#discarded);
    counter('fed_gap_total', 'Batches out of order.', {}, () => this.#refused.gap);
    counter('fed_fenced_total', 'Batches of an old generation.', {}, () => this.#refused.fenced);
    counter('fed_fork_total', 'Batches of a changed history.', {}, () => this.#refused.forked);
    for (const reason of ['busy', 'notOwner', 'unsupported'] as const)
      counter('fed_busy_total', 'Batches to be sent again or elsewhere.', { reason }, () => this.#refused[reason]);
    counter('fed_streams_refused_total', 'Streams refused or broken off.', {}, () => this.#streamsRefused);
    telemetry.observe('gauge', 'fed_bytes_in_flight', 'Bytes offered and not answered.', {}, () => this.#bytesInFlight);
    telemetry.observe('gauge', 'fed_downstreams', 'Open streams.', {}, () => this.sessions.size);
  }
}

function refusal(code: Refusal['code'], detail: string): Refusal {
  return { code, detail, otherHolder: '' };
}

const NOBODY = tokenCheck(undefined);
const NO_FRONTIER: LogMark['frontier'] = new Map();
const NO_CHAIN = new Uint8Array(0);

/** What the sender of `offer` is told of its log. `known`: what is here of it. */
function logMark(
  { ref, gen }: LogOffer,
  known: Mark | undefined,
  status: LogMark['status'],
  detail = '',
  ownerAddress = '',
): LogMark {
  return {
    ref,
    status,
    known: known !== undefined,
    gen: known?.gen ?? gen,
    seq: known?.seq ?? 0,
    chain: known?.chain ?? NO_CHAIN,
    detail,
    ownerAddress,
    increments: known?.increments ?? 0,
    frontier: known?.frontier ?? NO_FRONTIER,
  };
}
const equal = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** One stream of one sending node. */
class Session implements ServerStreamHandlers {
  readonly peer: StreamPeer;
  tier = '';
  readonly #receiver: RunningReceiver;
  readonly #sink: ServerSink;
  readonly #dictionary: ReceiverDictionary;
  readonly #logs = new Map<number, string>();
  #state: ReceiverState;
  #path: readonly string[] = [];
  #instanceId = '';
  #refusedMetrics = 0;
  #inFlight = 0;
  #lastBatchMs: number | undefined;
  #clockSkewMs: number | undefined;
  #fragments: Uint8Array[] = [];
  #fragmentBytes = 0;
  #blocked = false;
  #flushing = false;
  #over = false;
  #timer: Cancel = () => {};

  constructor(receiver: RunningReceiver, peer: StreamPeer, sink: ServerSink) {
    this.#receiver = receiver;
    this.peer = peer;
    this.#sink = sink;
    this.#dictionary = new ReceiverDictionary(receiver.config.maxDictionaryEntries, receiver.entities);
    this.#state = initialReceiverState(receiver.deps.clock.monotonicMs(), receiver.limits);
  }

  start(): void {
    const { deps, config } = this.#receiver;
    this.#timer = deps.clock.after(config.heartbeatMs, () => {
      this.step({ kind: 'tick' });
      if (!this.#over) this.start();
    });
  }

  logOf(slot: number): string | undefined {
    return this.#logs.get(slot);
  }

  /** The tiers that this stream brings: none before the tier is accepted. */
  tiers(): readonly string[] {
    return this.tier === '' ? [] : [this.tier, ...this.#path];
  }

  status(): DownstreamStatus {
    return {
      tier: this.tier,
      instanceId: this.#instanceId,
      address: this.peer.address,
      state: this.#state.tag,
      slots: [...this.#logs.keys()].toSorted((a, b) => a - b),
      tierPath: this.#path,
      inFlight: this.#inFlight,
      lastBatchMs: this.#lastBatchMs,
      clockSkewMs: this.#clockSkewMs,
      refusedMetrics: this.#refusedMetrics,
    };
  }

  step(event: ReceiverEvent): void {
    const { deps, limits } = this.#receiver;
    const { state, effects } = stepReceiver(this.#state, event, { nowMs: deps.clock.monotonicMs(), limits });
    this.#state = state;
    for (const effect of effects) this.#run(effect);
    if (state.tag === 'ENDED') this.#end(undefined);
  }

  onFrame(bytes: Uint8Array): void {
    if (this.#over) return;
    const { maxFrameBytes } = this.#receiver.config;
    try {
      if (bytes.length > maxFrameBytes) throw new FrameError(`frame of ${bytes.length} bytes exceeds ${maxFrameBytes}`);
      this.#frame(decodeClientFrame(bytes), bytes.length);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof DictionaryError)) throw error;
      this.step({ kind: 'violation', detail: error.message });
    }
  }

  onDrain(): void {
    this.#blocked = false;
    this.#flushSoon();
  }

  onClosed(): void {
    this.step({ kind: 'lost' });
  }

  #frame(frame: ClientFrame, frameBytes: number): void {
    const { clock } = this.#receiver.deps;
    switch (frame.kind) {
      case 'hello':
        this.#hello(frame);
        return;
      case 'openLog':
        void this.#openLog(frame.log);
        return;
      case 'batch':
        this.#batch(frame, frameBytes);
        return;
      case 'fragment':
        this.#fragment(frame.data, frame.last);
        return;
      case 'heartbeat':
        this.#clockSkewMs = frame.sentAtMs - clock.now();
        this.step({ kind: 'heartbeat', sentAtMs: frame.sentAtMs });
        return;
      case 'tierPath': {
        this.step({ kind: 'heard' });
        const cycle = this.#receiver.judgePath(this.tier, frame.tiers);
        if (cycle) {
          this.step({ kind: 'refuse', refusal: cycle });
          return;
        }
        this.#path = frame.tiers;
        this.#receiver.pathsChanged();
        return;
      }
    }
  }

  async #openLog(log: LogOffer): Promise<void> {
    const problem = this.#receiver.judgeLog(this.tier, log, this);
    if (!problem && this.#state.tag === 'OPEN') {
      this.#logs.set(log.slot, log.logId);
      const fencing = this.#receiver.fence(this.tier, log);
      if (fencing) await fencing;
    }
    this.#step({ kind: 'openLog', log: openedLog(log), mark: this.#receiver.markOf(this.tier, log), refusal: problem });
  }

  #hello(hello: Hello): void {
    const problem = this.#state.tag === 'AWAITING_HELLO' ? this.#receiver.judgeHello(hello, this) : undefined;
    if (problem) {
      this.#receiver.warnings.error(
        `${problem.code} ${hello.tier}`,
        { tier: hello.tier, address: this.peer.address, reason: problem.detail },
        'refused a downstream tier',
      );
    } else if (this.#state.tag === 'AWAITING_HELLO') {
      // From here on the name is taken, also while the child is being written down.
      this.tier = hello.tier;
      this.#path = hello.tierPath;
      this.#instanceId = hello.instanceId;
      for (const log of hello.logs) this.#logs.set(log.slot, log.logId);
      this.#receiver.pathsChanged();
    }
    this.step({ kind: 'hello', hello, refusal: problem });
  }

  #fragment(data: Uint8Array, last: boolean): void {
    this.#fragments.push(data);
    this.#fragmentBytes += data.length;
    // Room for the frame around header, descriptors and body.
    const bytesMax = this.#receiver.config.maxBatchBytes * 2;
    if (this.#state.tag !== 'OPEN' || this.#fragmentBytes > bytesMax)
      throw new FrameError(`${this.#fragmentBytes} bytes in fragments`);
    this.step({ kind: 'heard' });
    if (!last) return;
    const bytes = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#fragmentBytes = 0;
    const frame = decodeClientFrame(bytes);
    if (frame.kind !== 'batch') throw new FrameError(`a ${frame.kind} in fragments`);
    this.#batch(frame, bytes.length);
  }

  #batch(frame: BatchFrame, frameBytes: number): void {
    if (this.#state.tag !== 'OPEN') {
      this.step({ kind: 'batch', frame, frameBytes });
      return;
    }
    this.#receiver.countOffered();
    this.#lastBatchMs = this.#receiver.deps.clock.now();
    // Also for a batch that will be discarded: later ones refer to its descriptors.
    let entities;
    let counted = false;
    try {
      entities = this.#dictionary.apply(frame);
      this.#resolved.set(frame, entities);
      const before = this.#inFlight;
      this.step({ kind: 'batch', frame, frameBytes });
      counted = this.#inFlight > before;
    } finally {
      this.#resolved.delete(frame);
      if (!counted) this.#receiver.countOutcome('discarded');
    }
  }

  /** Of the batch that is just being stepped. */
  readonly #resolved = new Map<BatchFrame, ResolvedEntities>();

  #run(effect: ReceiverEffect): void {
    switch (effect.kind) {
      case 'register':
        void this.#register(effect.hello);
        return;
      case 'offer':
        this.#inFlight++;
        void this.#offer(effect);
        return;
      case 'commitSoon':
        this.#receiver.deps.intake.commitSoon();
        return;
      case 'write':
        if (!this.#sink.send(encodeServerFrame({ creditLimit: effect.creditLimit, body: effect.body })))
          this.#blocked = true;
        if (effect.body?.kind === 'ack') reached('receiver.acknowledged');
        return;
      case 'flushSoon':
        this.#flushSoon();
        return;
      case 'end':
        this.#sink.end(effect.code, effect.detail);
        this.#end(effect.code);
        return;
    }
  }

  async #register(hello: Hello): Promise<void> {
    const { receiver, limits } = { receiver: this.#receiver, limits: this.#receiver.config };
    try {
      await receiver.register(hello.tier);
      for (const log of hello.logs) await receiver.fence(hello.tier, log);
    } catch (error) {
      this.#step({ kind: 'registerFailed', detail: messageOf(error) });
      return;
    }
    const refusedMetrics = hello.schemas.flatMap((schema) => {
      const reason = receiver.deps.routes(schema);
      return reason === undefined ? [] : [{ schema, reason }];
    });
    this.#refusedMetrics = refusedMetrics.length;
    this.#step({
      kind: 'registered',
      welcome: {
        logs: hello.logs.map(openedLog),
        body: {
          kind: 'welcome',
          tier: limits.tier,
          instanceId: limits.instanceId,
          logs: hello.logs.map((log) => receiver.markOf(hello.tier, log)),
          slotMap: receiver.slotMap(),
          maxFrameBytes: limits.maxFrameBytes,
          maxBatchBytes: limits.maxBatchBytes,
          maxDictionaryEntries: limits.maxDictionaryEntries,
          refusedMetrics,
        },
      },
    });
  }

  /** Once the stream is over its late answers have no state to go to. */
  #step(event: ReceiverEvent): void {
    if (!this.#over) this.step(event);
  }

  /** Offers at once, so that batches of one log reach the intake in order; the answer comes later. */
  async #offer({ frame, log, frameBytes }: Extract<ReceiverEffect, { kind: 'offer' }>): Promise<void> {
    const entities = this.#resolved.get(frame)!;
    reached('receiver.batchRead');
    const outcome = await this.#ask(frame, frameBytes, log, entities);
    if (outcome.kind === 'committed') reached('receiver.outcomeKnown');
    this.#inFlight--;
    this.#receiver.countOutcome(outcome.kind);
    const ownerAddress = outcome.kind === 'notOwner' ? this.#receiver.ownerAddress(log.slot) : '';
    const stableSeq = this.#receiver.deps.store.stableSeq(log.slot, log.logId);
    this.#step({ kind: 'outcome', frame, frameBytes, logId: log.logId, outcome, stableSeq, ownerAddress });
  }

  #ask(frame: BatchFrame, frameBytes: number, log: OpenedLog, entities: ResolvedEntities): Promise<ReceiverOutcome> {
    let header: BatchHeader;
    try {
      header = decodeHeader(frame.header);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return Promise.resolve({ kind: 'unsupported', detail: `header of seq ${frame.seq}: ${error.message}` });
    }
    const batch = incomingBatch(
      {
        logId: log.logId,
        slot: log.slot,
        gen: log.gen,
        seq: frame.seq,
        producer: this.tier,
        kind: 'federated',
        header,
        headerBytes: frame.header,
        contentPieces: { head: entities.head, body: frame.body },
        chain: frame.chain,
      },
      (memory) => decodeBody(frame.body, entities.entities, memory),
    );
    return this.#receiver.offer(batch, frameBytes); // it lives as long as the views of it
  }

  #flushSoon(): void {
    if (this.#flushing || this.#blocked || this.#over) return;
    this.#flushing = true;
    // Two turns, so that the outcomes of one commit, which resolve one after the other, share one Ack.
    queueMicrotask(() =>
      queueMicrotask(() => {
        this.#flushing = false;
        if (this.#blocked) return;
        const due = this.#state.tag === 'OPEN' && this.#state.slotMapDue;
        const slotMap = due ? this.#receiver.slotMap() : undefined;
        this.#step({ kind: 'flush', wallMs: this.#receiver.deps.clock.now(), slotMap });
      }),
    );
  }

  #end(code: string | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer();
    this.#fragments = [];
    this.#logs.clear();
    this.#receiver.ended(this, code);
  }
}

function openedLog({ ref, logId, slot, gen }: LogOffer): OpenedLog {
  return { ref, logId, slot, gen };
}
