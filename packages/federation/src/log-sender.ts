// SPDX-License-Identifier: Apache-2.0
// The sender's side of one log: where it stands, what to read from the outbox, what to do with each answer. Sans I/O.
// In: what happened (stream, upstream, store, timer). Out: the next state and what to do. Table: docs/protocol.md section 7.
import { backoffMs, type BackoffOptions, type Rng } from '@oap-federation/runtime';
import { chainAfter, isCovered, type RepairKind, type UpstreamPosition } from '@oap-federation/analysis';
import type { OutboxEntry } from '@oap-federation/storage';

/** Head of the outbox of the slot, as read from the store. */
export interface LogHead {
  /** The claim of the slot under which it was read. */
  readonly claim: number;
  /** What the outbox no longer has may be passed over. */
  readonly lossAccepted: boolean;
  /** Under this claim the log was compared with an upstream that had fenced it. */
  readonly verified: boolean;
  readonly gen: number;
  readonly nextSeq: number;
  readonly chain: Uint8Array;
  readonly acknowledgedSeq: number;
  /** Of each input, what was in the log when its slot was claimed. */
  readonly claimed: UpstreamPosition['frontier'];
}

/** What the upstream says that it has. */
export interface UpstreamMark extends UpstreamPosition {
  readonly known: boolean;
}

/**
 * Why a log stands still although there is something to send. None of them loses data; all need a person, except that the
 * sender asks again now and then, so that a repair is noticed.
 */
export type StopReason = 'FORKED' | 'DENIED' | 'LOST_RANGE' | 'OVERSIZED' | 'UNSUPPORTED';
export const STOP_REASONS = [
  'FORKED',
  'DENIED',
  'LOST_RANGE',
  'OVERSIZED',
  'UNSUPPORTED',
] as const satisfies readonly StopReason[];

/** Of the head that a log began to stream with. */
type Begun = Pick<LogHead, 'gen' | 'claim' | 'lossAccepted'>;

interface Common {
  /** Grows whenever the sender goes back in the log or starts again; a late answer to an older round means nothing. */
  readonly round: number;
  /** Failures since the last progress. */
  readonly attempt: number;
}

/** Not on any stream. */
type Closed = Common & { readonly tag: 'CLOSED' };
/** Being offered to the upstream; `head` is what the offer said, undefined until it is written. */
type Opening = Common & { readonly tag: 'OPENING'; readonly head: LogHead | undefined };
/** The upstream's mark is ahead of the head as it was read: reading the head again decides whether that is a fork. */
type Verifying = Common & { readonly tag: 'VERIFYING'; readonly mark: UpstreamMark };
/**
 * Nothing gets a number before this: the upstream is asked to refuse everything of the log before the generation `raised`, and then, since
 * nothing older can come any more, its mark is compared with the head. In our past: the storage goes on under that generation. Ahead:
 * the storage went back in time, and goes on after the mark. `mark`: the one that was fenced, while the entry at it is read.
 */
type Fencing = Common & {
  readonly tag: 'FENCING';
  readonly raised: number;
  readonly head: LogHead;
  /**
   * The generation that the upstream had before, against our storage's. `later`: our storage never knew it, so a chain that differs is
   * our other past, not another writer. `same`: both got it in one claim, which numbered all that came after, so the one that has less
   * is an earlier point of the other.
   */
  readonly theirs: 'earlier' | 'same' | 'later';
  /** The upstream is not ahead: it needs what the outbox no longer has, and an operator accepts that. */
  readonly passOver: boolean;
  readonly mark: UpstreamMark | undefined;
};
/** Reading the entry at the mark, to compare the chains. */
type Checking = Common & { readonly tag: 'CHECKING'; readonly mark: UpstreamMark; readonly head: LogHead };
/**
 * Batches flow. acked <= fetched. Everything up to `acked` is committed upstream; up to `fetched` is handed to the stream's
 * queue, `inFlight` are the sizes of those between; `pending` (the next after `fetched`) is read and waits for room in the window.
 */
type Streaming = Common & {
  readonly tag: 'STREAMING';
  readonly acked: number;
  readonly fetched: number;
  readonly inFlight: readonly number[];
  readonly pending: readonly OutboxEntry[];
  readonly fetching: boolean;
  /** The outbox has nothing more, as far as is known. */
  readonly dry: boolean;
  /** The outbox is known to have had everything before it. */
  readonly nextSeq: number;
  readonly begun: Begun;
  /** When it began, or the last acknowledgement came. */
  readonly movedAtMs: number;
};
/** Waits, then goes on from `acked` (resume) or offers the log again (reopen). */
type Backoff = Common & {
  readonly tag: 'BACKOFF';
  readonly next: 'resume' | 'reopen';
  readonly retryAtMs: number;
  readonly acked: number;
  readonly nextSeq: number;
  readonly begun: Begun;
};
type Stopped = {
  [R in StopReason]: Common & { readonly tag: R; readonly detail: string; readonly retryAtMs: number };
}[StopReason];

export type LogState = Closed | Opening | Verifying | Fencing | Checking | Streaming | Backoff | Stopped;

/** `round` of an answer: that of the batch it is about; undefined when it answers an offer. */
export type LogEvent =
  /** The log is assigned to an open stream. Only when CLOSED. */
  | { readonly kind: 'attached' }
  /** The stream is gone, or the log was assigned to another. */
  | { readonly kind: 'detached' }
  /** The offer was written, with this head. */
  | { readonly kind: 'offered'; readonly head: LogHead }
  /** The upstream took the offer. */
  | { readonly kind: 'marked'; readonly mark: UpstreamMark }
  /** Answer to `readHead`. */
  | { readonly kind: 'head'; readonly round: number; readonly head: LogHead }
  /** Answer to `fetch`. */
  | { readonly kind: 'fetched'; readonly round: number; readonly entries: readonly OutboxEntry[] }
  /** The storage goes on after the upstream's mark, or not: then it is offered as it is. */
  | { readonly kind: 'repaired'; readonly round: number }
  /** The upstream refused a batch because a later generation of the log was announced to it. */
  | { readonly kind: 'fenced'; readonly round: number | undefined; readonly detail: string }
  /** The store could not answer `offer`, `readHead` or `fetch`. */
  | { readonly kind: 'storeFailed'; readonly round: number }
  /** Something was appended to the outbox. */
  | { readonly kind: 'appended' }
  | { readonly kind: 'ack'; readonly seq: number }
  | { readonly kind: 'gap'; readonly round: number | undefined; readonly expectedSeq: number }
  | { readonly kind: 'busy'; readonly round: number | undefined; readonly retryAfterMs: number }
  | { readonly kind: 'notOwner'; readonly round: number | undefined; readonly ownerAddress: string }
  | {
      readonly kind: 'stop';
      readonly round: number | undefined;
      readonly reason: StopReason;
      readonly detail: string;
    }
  /** `retryAtMs` has come; a timer that is no longer wanted is passed over. */
  | { readonly kind: 'timer' };

export type LogEffect =
  /** Read the head, write an offer with it, then say `offered`. `raised`: with that generation instead of the head's, and say nothing. */
  | { readonly kind: 'offer'; readonly round: number; readonly raised?: number }
  /** The upstream refuses older generations, and what it has is in our past, as read under `claim`; then say `repaired`. */
  | { readonly kind: 'verify'; readonly round: number; readonly claim: number; readonly gen: number }
  /** Make the storage go on after `position`, then say `repaired`. */
  | {
      readonly kind: 'repair';
      readonly round: number;
      readonly claim: number;
      readonly position: UpstreamPosition;
      readonly how: RepairKind;
    }
  | { readonly kind: 'readHead'; readonly round: number }
  | { readonly kind: 'fetch'; readonly round: number; readonly afterSeq: number }
  /** Hand to the stream's queue, after what was handed before. */
  | { readonly kind: 'enqueue'; readonly round: number; readonly entries: readonly OutboxEntry[] }
  /** Tell the store that the upstream has committed everything up to `seq`. */
  | { readonly kind: 'acknowledge'; readonly seq: number }
  /** The stream's node does not own the slot: assign the log again. '' when the owner is not known. */
  | { readonly kind: 'reroute'; readonly ownerAddress: string }
  | { readonly kind: 'wake'; readonly atMs: number }
  | { readonly kind: 'stopped'; readonly reason: StopReason; readonly detail: string }
  /** The upstream has less than it acknowledged before: it was restored, and is sent again what is retained. */
  | { readonly kind: 'rewound'; readonly fromSeq: number; readonly toSeq: number };

export interface LogLimits {
  /** So many batches may be handed to the stream and not acknowledged, whatever their size. */
  readonly windowBatches: number;
  /** More of them while all together have no more bytes (header and content) than this. */
  readonly windowBytes: number;
  /** Largest batch that the upstream takes (header and content). */
  readonly maxBatchBytes: number;
  readonly backoff: BackoffOptions;
  /** A stopped log asks again after this. */
  readonly stoppedRetryMs: number;
  /** A log that had nothing to send for this long is offered again: an upstream may have been restored under a stream that lives on. */
  readonly idleOfferMs: number;
}

export interface LogEnv {
  readonly nowMs: number;
  readonly rng: Rng;
  readonly limits: LogLimits;
}

export interface LogStep {
  readonly state: LogState;
  readonly effects: readonly LogEffect[];
}

type Handler<S, E> = (state: S, event: E, env: LogEnv) => LogStep;
type Row<S extends LogState> = {
  readonly [K in LogEvent['kind']]: Handler<S, Extract<LogEvent, { kind: K }>>;
};
type Table = { readonly [T in LogState['tag']]: Row<Extract<LogState, { tag: T }>> };

export const INITIAL_LOG_STATE: LogState = { tag: 'CLOSED', round: 0, attempt: 0 };

export function stepLog(state: LogState, event: LogEvent, env: LogEnv): LogStep {
  const row = LOG_TABLE[state.tag] as unknown as Row<LogState>; // the row of its own tag: what Table says, lost by the lookup
  const handle = row[event.kind] as Handler<LogState, LogEvent>;
  return handle(state, event, env);
}

const stay: Handler<LogState, unknown> = (state) => ({ state, effects: [] });

const impossible: Handler<LogState, LogEvent> = (state, event) => {
  throw new Error(`BUG: log event ${event.kind} in ${state.tag}`);
};

const becomeClosed: Handler<LogState, unknown> = (state) => ({
  state: { tag: 'CLOSED', round: state.round + 1, attempt: state.attempt },
  effects: [],
});

function becomeOpening(state: LogState): LogStep {
  const round = state.round + 1;
  return {
    state: { tag: 'OPENING', round, attempt: state.attempt, head: undefined },
    effects: [{ kind: 'offer', round }],
  };
}

function becomeStopped(state: LogState, reason: StopReason, detail: string, env: LogEnv): LogStep {
  const retryAtMs = env.nowMs + env.limits.stoppedRetryMs;
  return {
    state: { tag: reason, round: state.round + 1, attempt: state.attempt, detail, retryAtMs },
    effects: [
      { kind: 'stopped', reason, detail },
      { kind: 'wake', atMs: retryAtMs },
    ],
  };
}

const NO_CHAIN = new Uint8Array(0);

/**
 * What an offer says of the log. Under a claim that was not compared yet it asks for what the upstream has, and raises nothing: the
 * generation that the upstream had shows whose past it is of. With `raised` it asks to fence, and leaves it to the sender to compare
 * chains: an upstream would call our other past a fork.
 */
export function offered(head: LogHead, raised: number | undefined): Pick<LogHead, 'gen' | 'chain'> {
  if (raised !== undefined) return { gen: raised, chain: NO_CHAIN };
  return head.verified ? { gen: head.gen, chain: head.chain } : { gen: 0, chain: NO_CHAIN };
}
const NOT_BEGUN: Begun = { gen: 0, claim: 0, lossAccepted: false };

function becomeBackoff(
  state: LogState,
  next: 'resume' | 'reopen',
  minimumMs: number,
  env: LogEnv,
  effects: readonly LogEffect[] = [],
): LogStep {
  const retryAtMs = env.nowMs + minimumMs + backoffMs(state.attempt, env.limits.backoff, env.rng);
  const { acked, nextSeq, begun } = state.tag === 'STREAMING' ? state : { acked: 0, nextSeq: 1, begun: NOT_BEGUN };
  const [round, attempt] = [state.round + 1, state.attempt + 1];
  return {
    state: { tag: 'BACKOFF', round, attempt, next, retryAtMs, acked, nextSeq, begun },
    effects: [...effects, { kind: 'wake', atMs: retryAtMs }],
  };
}

/** There is always one such timer while streaming; it looks again when the log moved in between. */
function wakeWhenIdle({ movedAtMs }: Streaming, env: LogEnv): LogEffect {
  return { kind: 'wake', atMs: movedAtMs + env.limits.idleOfferMs };
}

/** The upstream has applied everything up to `seq`, and its history is ours: go on after it. */
function becomeStreaming(
  state: LogState,
  head: LogHead,
  seq: number,
  known: readonly OutboxEntry[] | undefined,
  env: LogEnv,
) {
  const begun: Streaming = {
    tag: 'STREAMING',
    round: state.round,
    attempt: state.attempt,
    acked: seq,
    fetched: seq,
    inFlight: [],
    pending: [],
    fetching: known !== undefined,
    dry: false,
    nextSeq: head.nextSeq,
    begun: { gen: head.gen, claim: head.claim, lossAccepted: head.lossAccepted },
    movedAtMs: env.nowMs,
  };
  const effects: LogEffect[] = [wakeWhenIdle(begun, env)];
  if (seq > 0) effects.push({ kind: 'acknowledge', seq });
  if (seq < head.acknowledgedSeq) effects.push({ kind: 'rewound', fromSeq: head.acknowledgedSeq, toSeq: seq });
  return { begun, effects };
}

function becomeFencing(
  state: LogState,
  head: LogHead,
  raised: number,
  theirs: Fencing['theirs'],
  passOver: boolean,
  before: readonly LogEffect[],
): LogStep {
  const { round, attempt } = state;
  return {
    state: { tag: 'FENCING', round, attempt, raised, head, theirs, passOver, mark: undefined },
    effects: [...before, { kind: 'offer', round, raised }],
  };
}

const NOTHING_CLAIMED: LogHead['claimed'] = new Map();

/** How far generations are apart at most: 2^31 of them last for millions of claims of a slot. */
const GENERATION_STEP_MAX = 1024;

/**
 * A generation after all that both know. Two claims that a restore made forget each other should not get the same one, since an equal
 * generation proves an equal past; so it depends on the claim.
 */
function generationAfter(gen: number, head: Pick<LogHead, 'gen' | 'claim'>): number {
  return Math.max(gen, head.gen) + 1 + (head.claim % GENERATION_STEP_MAX);
}

/**
 * The fenced mark and the head: one past, or the storage went back. `entry`: the first that is retained from the mark on. If neither the
 * one at the mark nor the next is, chains say nothing; but an upstream that has a later one than the next under this number, or all
 * that the log had when it was claimed, and a generation that our storage never knew, had it under another: the storage gave both and forgot it.
 */
function judgeFenced(state: Fencing, mark: UpstreamMark, entry: OutboxEntry | undefined, env: LogEnv): LogStep {
  const { round, head, raised, theirs, passOver } = state;
  const { claim, nextSeq } = head;
  const repair = (how: RepairKind): LogStep => ({
    state,
    effects: [{ kind: 'repair', round, claim, position: mark, how }],
  });
  if (passOver) return repair('passOver');
  if (mark.seq >= nextSeq) {
    if (!head.verified) return repair(theirs === 'same' ? 'behind' : 'apart');
    return becomeStopped(
      state,
      'FORKED',
      `upstream has seq ${mark.seq}, a second writer: the next here is ${nextSeq}`,
      env,
    );
  }
  const isOurs = mark.seq === 0 || isInPast(mark, mark.seq === nextSeq - 1 ? { ...mark, chain: head.chain } : entry);
  const isForgotten = theirs === 'later' && !head.verified;
  if (isOurs === undefined && isForgotten && isCovered(entry ?? head.claimed, mark.frontier)) return repair('apart');
  if (isOurs === false) {
    if (isForgotten) return repair('apart');
    return becomeStopped(state, 'FORKED', `chains differ at seq ${mark.seq}`, env);
  }
  return { state, effects: [{ kind: 'verify', round, claim, gen: raised }] };
}

/** Whether the mark is in the past of an entry, undefined when that one does not follow it. */
function isInPast(
  { seq, chain }: UpstreamMark,
  entry: Pick<OutboxEntry, 'seq' | 'chain'> | OutboxEntry | undefined,
): boolean | undefined {
  if (entry?.seq === seq) return sameChain(chain, entry.chain);
  if (entry?.seq !== seq + 1 || !('content' in entry)) return undefined;
  return chain.length === 0 || sameChain(chainAfter(chain, entry.header, entry.content), entry.chain);
}

/** Compares the upstream's mark with the head: start, read more first, or stop. `readAgain`: the head may be stale. */
function judgeMark(state: LogState, mark: UpstreamMark, head: LogHead, readAgain: boolean, env: LogEnv): LogStep {
  const seq = mark.known ? mark.seq : 0;
  const { round, attempt } = state;
  const gen = mark.known ? mark.gen : 0;
  if (!head.verified || seq >= head.nextSeq || gen > head.gen) {
    if (head.verified && readAgain)
      return { state: { tag: 'VERIFYING', round, attempt, mark }, effects: [{ kind: 'readHead', round }] };
    const theirs = gen > head.gen ? 'later' : gen === head.gen ? 'same' : 'earlier';
    return becomeFencing(state, head, generationAfter(gen, head), theirs, false, []);
  }
  if (seq === head.nextSeq - 1 && seq > 0 && !sameChain(mark.chain, head.chain))
    return becomeStopped(state, 'FORKED', `chains differ at seq ${seq}`, env);
  if (seq === 0 || seq === head.nextSeq - 1) {
    const { begun, effects } = becomeStreaming(state, head, seq, undefined, env);
    return pump(begun, env, effects);
  }
  return {
    state: { tag: 'CHECKING', round, attempt, mark, head },
    effects: [{ kind: 'fetch', round, afterSeq: seq - 1 }],
  };
}

/** An upstream that does not say its chain (an empty one) is checked by the chain of the next batch. */
function sameChain(theirs: Uint8Array, ours: Uint8Array): boolean {
  return theirs.length === 0 || (theirs.length === ours.length && theirs.every((byte, i) => byte === ours[i]));
}

function sizeOf(entry: OutboxEntry): number {
  return entry.header.length + entry.content.length;
}

/** `state` with what differs. Written out, as for each batch and answer a spread costs twenty times as much. */
function streaming(state: Streaming, to: Partial<Streaming>): Streaming {
  return {
    tag: 'STREAMING',
    round: to.round ?? state.round,
    attempt: to.attempt ?? state.attempt,
    acked: to.acked ?? state.acked,
    fetched: to.fetched ?? state.fetched,
    inFlight: to.inFlight ?? state.inFlight,
    pending: to.pending ?? state.pending,
    fetching: to.fetching ?? state.fetching,
    dry: to.dry ?? state.dry,
    nextSeq: to.nextSeq ?? state.nextSeq,
    begun: state.begun,
    movedAtMs: to.movedAtMs ?? state.movedAtMs,
  };
}

/** Moves what fits into the window on to the queue, and reads more when there is room. */
function pump(state: Streaming, env: LogEnv, before: readonly LogEffect[] = []): LogStep {
  const { maxBatchBytes } = env.limits;
  const sizes: number[] = [];
  let batches = state.inFlight.length;
  let bytes = 0;
  for (const size of state.inFlight) bytes += size;
  for (const entry of state.pending) {
    const size = sizeOf(entry);
    if (size > maxBatchBytes || !hasRoom(batches, bytes + size, env)) break;
    sizes.push(size);
    batches++;
    bytes += size;
  }
  const n = sizes.length;
  const next = state.pending[n];
  if (n === 0 && next !== undefined && state.fetched === state.acked) {
    const bytes = sizeOf(next);
    if (bytes > maxBatchBytes) {
      const stop = becomeStopped(
        state,
        'OVERSIZED',
        `batch ${next.seq} has ${bytes} bytes, the upstream takes ${maxBatchBytes}`,
        env,
      );
      return { state: stop.state, effects: [...before, ...stop.effects] };
    }
  }
  const { round } = state;
  let { fetched, inFlight, pending, fetching, dry } = state;
  const reads = n === pending.length && !fetching && !dry && hasRoom(batches, bytes + 1, env);
  if (n === 0 && !reads) return { state, effects: before };
  const effects = [...before];
  if (n > 0) {
    effects.push({ kind: 'enqueue', round, entries: pending.slice(0, n) });
    fetched = pending[n - 1]!.seq;
    inFlight = [...inFlight, ...sizes];
    pending = pending.slice(n);
  }
  if (reads) {
    effects.push({ kind: 'fetch', round, afterSeq: fetched });
    fetching = true;
    dry = true; // until entries come, or an append is heard of
  }
  return { state: streaming(state, { fetched, inFlight, pending, fetching, dry }), effects };
}

/** Whether another batch may follow `batches` in flight, with which they have so many bytes. */
function hasRoom(batches: number, bytes: number, { limits }: LogEnv): boolean {
  return batches < limits.windowBatches || bytes <= limits.windowBytes;
}

/** Entries after `fetched` (older ones are passed over). A hole means that the outbox no longer has what the upstream needs. */
function takeEntries(state: Streaming, entries: readonly OutboxEntry[], env: LogEnv, before: readonly LogEffect[]) {
  const fresh = entries.filter((entry) => entry.seq > state.fetched);
  let expected = state.fetched + 1;
  for (const entry of fresh) {
    if (entry.seq !== expected) break;
    expected++;
  }
  const taken = expected - state.fetched - 1;
  const hole = fresh[taken];
  if (hole !== undefined || (fresh.length === 0 && expected < state.nextSeq)) {
    const { claim, gen, lossAccepted } = state.begun;
    if (lossAccepted) {
      const { nextSeq } = state;
      const [claimed, acknowledgedSeq] = [NOTHING_CLAIMED, state.acked]; // not looked at when something is passed over
      const head = { claim, gen, lossAccepted, verified: true, nextSeq, chain: NO_CHAIN, acknowledgedSeq, claimed };
      return becomeFencing(state, head, generationAfter(gen, head), 'same', true, before);
    }
    const last = hole === undefined ? state.nextSeq - 1 : hole.seq - 1;
    const stop = becomeStopped(
      state,
      'LOST_RANGE',
      `upstream needs seq ${expected}, the outbox no longer has ${expected} to ${last}`,
      env,
    );
    return { state: stop.state, effects: [...before, ...stop.effects] };
  }
  const more = fresh.length > 0;
  const dry = more ? false : state.dry;
  const nextSeq = Math.max(state.nextSeq, expected);
  return pump(streaming(state, { pending: fresh, fetching: false, dry, nextSeq }), env, before);
}

/** Answers to an older round are about what is no longer wanted. */
function current<S extends LogState, E extends { readonly round: number | undefined }>(
  handle: Handler<S, E>,
): Handler<S, E> {
  return (state, event, env) => (event.round === state.round ? handle(state, event, env) : stay(state, event, env));
}

/** Only an answer to the offer counts while opening. */
function toOffer<S extends LogState, E extends { readonly round: number | undefined }>(
  handle: Handler<S, E>,
): Handler<S, E> {
  return (state, event, env) => (event.round === undefined ? handle(state, event, env) : stay(state, event, env));
}

const reopenLater = (state: LogState, _event: unknown, env: LogEnv) => becomeBackoff(state, 'reopen', 0, env);
const reroute: Handler<LogState, Extract<LogEvent, { kind: 'notOwner' }>> = (state, event, env) =>
  becomeBackoff(state, 'reopen', 0, env, [{ kind: 'reroute', ownerAddress: event.ownerAddress }]);
const stop: Handler<LogState, Extract<LogEvent, { kind: 'stop' }>> = (state, event, env) =>
  becomeStopped(state, event.reason, event.detail, env);

const CLOSED: Row<Closed> = {
  attached: becomeOpening,
  detached: stay,
  offered: (state, { head }) => ({
    state: { tag: 'OPENING', round: state.round + 1, attempt: state.attempt, head },
    effects: [],
  }),
  marked: stay,
  head: stay,
  fetched: stay,
  repaired: stay,
  fenced: stay,
  storeFailed: stay,
  appended: stay,
  ack: stay,
  gap: stay,
  busy: stay,
  notOwner: stay,
  stop: stay,
  timer: stay,
};

const OPENING: Row<Opening> = {
  attached: impossible,
  detached: becomeClosed,
  offered: (state, { head }) => ({ state: { ...state, head }, effects: [] }),
  marked: (state, { mark }, env) =>
    state.head === undefined ? stay(state, mark, env) : judgeMark(state, mark, state.head, true, env),
  head: stay,
  fetched: stay,
  repaired: stay,
  fenced: stay,
  storeFailed: current(reopenLater),
  appended: stay,
  ack: stay,
  gap: stay,
  busy: toOffer((state, event, env) => becomeBackoff(state, 'reopen', event.retryAfterMs, env)),
  notOwner: toOffer(reroute),
  stop: toOffer(stop),
  timer: stay,
};

const VERIFYING: Row<Verifying> = {
  attached: impossible,
  detached: becomeClosed,
  offered: stay,
  marked: stay,
  head: current((state, { head }, env) => judgeMark(state, state.mark, head, false, env)),
  fetched: stay,
  repaired: stay,
  fenced: stay,
  storeFailed: current(reopenLater),
  appended: stay,
  ack: stay,
  gap: stay,
  busy: stay,
  notOwner: stay,
  stop: stay,
  timer: stay,
};

const FENCING: Row<Fencing> = {
  attached: impossible,
  detached: becomeClosed,
  offered: stay,
  marked(state, { mark }, env) {
    if (!mark.known || mark.gen !== state.raised) return becomeBackoff(state, 'reopen', 0, env); // it did not fence
    const { round, head, passOver } = state;
    if (passOver || mark.seq === 0 || mark.seq >= head.nextSeq - 1) return judgeFenced(state, mark, undefined, env);
    return { state: { ...state, mark }, effects: [{ kind: 'fetch', round, afterSeq: mark.seq - 1 }] };
  },
  head: stay,
  fetched: current((state, { entries }, env) => {
    const { mark } = state;
    if (mark === undefined) return stay(state, entries, env);
    return judgeFenced(state, mark, entries[0], env);
  }),
  repaired: current(becomeOpening),
  fenced: stay,
  storeFailed: current(reopenLater),
  appended: stay,
  ack: stay,
  gap: stay,
  busy: toOffer((state, event, env) => becomeBackoff(state, 'reopen', event.retryAfterMs, env)),
  notOwner: toOffer(reroute),
  stop: toOffer(stop),
  timer: stay,
};

const CHECKING: Row<Checking> = {
  attached: impossible,
  detached: becomeClosed,
  offered: stay,
  marked: stay,
  head: stay,
  fetched: current((state, { entries }, env) => {
    const { mark, head } = state;
    const at = entries[0];
    if (at?.seq === mark.seq && !sameChain(mark.chain, at.chain))
      return becomeStopped(state, 'FORKED', `chains differ at seq ${mark.seq}`, env);
    const { begun, effects } = becomeStreaming(state, head, mark.seq, entries, env);
    // Only the entry at the mark came back: more is there, since the mark is behind the head.
    if (at?.seq === mark.seq && entries.length === 1) return pump(streaming(begun, { fetching: false }), env, effects);
    return takeEntries(begun, entries, env, effects);
  }),
  repaired: stay,
  fenced: stay,
  storeFailed: current(reopenLater),
  appended: stay,
  ack: stay,
  gap: stay,
  busy: stay,
  notOwner: stay,
  stop: stay,
  timer: stay,
};

const STREAMING: Row<Streaming> = {
  attached: impossible,
  detached: becomeClosed,
  offered: stay,
  marked: stay,
  head: stay,
  fetched: current((state, { entries }, env) => takeEntries(state, entries, env, [])),
  repaired: stay,
  fenced: current((state, _event, env) => becomeBackoff(state, 'reopen', 0, env)),
  storeFailed: current((state, _event, env) => becomeBackoff(state, 'resume', 0, env)),
  appended: (state, _event, env) => pump(streaming(state, { dry: false }), env),
  ack(state, { seq }, env) {
    if (seq <= state.acked) return stay(state, seq, env); // an acknowledgement never goes back
    // More than was ever here: either our reading of the outbox is old, or a fork. The mark of a new offer decides.
    if (seq > Math.max(state.fetched, state.nextSeq - 1)) return becomeBackoff(state, 'reopen', 0, env);
    const fetched = Math.max(state.fetched, seq);
    const inFlight = state.inFlight.slice(seq - state.acked);
    const pending = state.pending.filter((entry) => entry.seq > fetched);
    const effects: LogEffect[] = [{ kind: 'acknowledge', seq }];
    const to = { acked: seq, fetched, inFlight, pending, attempt: 0, movedAtMs: env.nowMs };
    return pump(streaming(state, to), env, effects);
  },
  gap: current((state, { expectedSeq }, env) => {
    const last = expectedSeq - 1;
    // Behind what it acknowledged, or ahead of what was sent: only a new offer may move the position back.
    if (last < state.acked || last > state.fetched) return becomeBackoff(state, 'reopen', 0, env);
    if (state.attempt > 0) return becomeBackoff(state, 'resume', 0, env);
    const round = state.round + 1;
    const inFlight = state.inFlight.slice(0, last - state.acked);
    const to = { round, attempt: 1, fetched: last, inFlight, pending: [], fetching: false, dry: false };
    return pump(streaming(state, to), env);
  }),
  busy: current((state, { retryAfterMs }, env) => becomeBackoff(state, 'resume', retryAfterMs, env)),
  notOwner: current(reroute),
  stop: current(stop),
  timer(state, _event, env) {
    const idle = state.fetched === state.acked && state.pending.length === 0 && !state.fetching;
    const movedAtMs = idle ? state.movedAtMs : env.nowMs;
    if (idle && env.nowMs >= movedAtMs + env.limits.idleOfferMs) return becomeOpening(state);
    const waiting = streaming(state, { movedAtMs });
    return { state: waiting, effects: [wakeWhenIdle(waiting, env)] };
  },
};

const BACKOFF: Row<Backoff> = {
  attached: impossible,
  detached: becomeClosed,
  offered: stay,
  marked: stay,
  head: stay,
  fetched: stay,
  repaired: stay,
  fenced: stay,
  storeFailed: stay,
  appended: stay,
  // What was sent before may still be committed; then there is less to send again.
  ack: (state, { seq }, env) =>
    state.next === 'resume' && seq > state.acked && seq < state.nextSeq
      ? { state: { ...state, acked: seq, attempt: 0 }, effects: [{ kind: 'acknowledge', seq }] }
      : stay(state, seq, env),
  gap: stay,
  busy: stay,
  notOwner: stay,
  stop: stay,
  timer(state, _event, env) {
    if (env.nowMs < state.retryAtMs) return stay(state, undefined, env);
    if (state.next === 'reopen') return becomeOpening(state);
    const { round, attempt, acked, nextSeq, begun } = state;
    const again = { fetched: acked, inFlight: [], pending: [], fetching: false, dry: false, movedAtMs: env.nowMs };
    const resumed: Streaming = { tag: 'STREAMING', round, attempt, acked, ...again, nextSeq, begun };
    return pump(resumed, env, [wakeWhenIdle(resumed, env)]);
  },
};

const STOPPED: Row<Stopped> = {
  attached: impossible,
  detached: becomeClosed,
  offered: stay,
  marked: stay,
  head: stay,
  fetched: stay,
  repaired: stay,
  fenced: stay,
  storeFailed: stay,
  appended: stay,
  ack: stay,
  gap: stay,
  busy: stay,
  notOwner: stay,
  stop: stay,
  timer: (state, _event, env) => (env.nowMs < state.retryAtMs ? stay(state, undefined, env) : becomeOpening(state)),
};

/** Every state with every event; a cell that is missing does not compile. */
export const LOG_TABLE: Table = {
  CLOSED,
  OPENING,
  VERIFYING,
  FENCING,
  CHECKING,
  STREAMING,
  BACKOFF,
  FORKED: STOPPED,
  DENIED: STOPPED,
  LOST_RANGE: STOPPED,
  OVERSIZED: STOPPED,
  UNSUPPORTED: STOPPED,
};
