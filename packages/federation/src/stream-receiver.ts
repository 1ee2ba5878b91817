// SPDX-License-Identifier: Apache-2.0
// The receiver's side of one stream: who may speak, credit, rounds, cumulative acknowledgements. Sans I/O.
// In: frames of the sender, outcomes of the intake, the clock. Out: the next state, batches to offer, frames to write.
// What is written waits in the state until `flush`, at most one of a kind per log: a sender that does not read costs no memory.
import type { BatchOutcome } from '@oap-federation/analysis';
import type { BatchFrame, Hello, LogMark, NackCode, RefusalCode, ServerFrameBody, SlotMap } from '@oap-federation/wire';
import { batchCost } from './protocol.js';

/** A log that was opened on this stream. */
export interface OpenedLog {
  readonly ref: number;
  readonly logId: string;
  readonly slot: number;
  readonly gen: number;
}

interface Rounds {
  /** Of the newest batch; -1 before the first. */
  readonly round: number;
  /** Batches of this round are discarded: the first that could not be taken was answered. */
  readonly refusedRound: number;
}

/** What the sender is to be told. */
interface Due {
  readonly ackDue: { readonly appliedSeq: number; readonly stableSeq: number } | undefined;
  readonly nackDue: (ServerFrameBody & { readonly kind: 'nack' }) | undefined;
  readonly markDue: LogMark | undefined;
}

type LogView = OpenedLog & Rounds & Due;

const NO_ROUNDS: Rounds = { round: -1, refusedRound: -1 };
const NOTHING_DUE: Due = { ackDue: undefined, nackDue: undefined, markDue: undefined };

type AwaitingHello = { readonly tag: 'AWAITING_HELLO'; readonly deadlineMs: number };
/** The tier is being written down as a child, which must be durable before it is welcomed. */
type Registering = { readonly tag: 'REGISTERING'; readonly hello: Hello };
type Open = {
  readonly tag: 'OPEN';
  readonly tier: string;
  readonly logs: ReadonlyMap<number, LogView>;
  readonly lastHeardMs: number;
  /** Cost of batches received, and of those that are finished (answered or discarded). */
  readonly receivedCost: number;
  readonly finishedCost: number;
  /** `finishedCost` as the sender was last told. */
  readonly toldCost: number;
  readonly heartbeatDue: { readonly echoMs: number } | undefined;
  readonly slotMapDue: boolean;
};
type Ended = { readonly tag: 'ENDED' };

export type ReceiverState = AwaitingHello | Registering | Open | Ended;

/** The batch may not be applied; what the sender is told. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly otherHolder: string;
}

export type ReceiverEvent =
  /** `refusal`: what the rules say against this tier; undefined when it may go on. */
  | { readonly kind: 'hello'; readonly hello: Hello; readonly refusal: Refusal | undefined }
  | { readonly kind: 'registered'; readonly welcome: Welcoming }
  | { readonly kind: 'registerFailed'; readonly detail: string }
  | {
      readonly kind: 'openLog';
      readonly log: OpenedLog;
      readonly mark: LogMark;
      readonly refusal: Refusal | undefined;
    }
  | { readonly kind: 'batch'; readonly frame: BatchFrame; readonly frameBytes: number }
  | {
      readonly kind: 'outcome';
      readonly frame: BatchFrame;
      readonly frameBytes: number;
      readonly logId: string;
      readonly outcome: ReceiverOutcome;
      /** What of the log survives the loss of this tier's storage; 0 when that is not known. */
      readonly stableSeq: number;
      /** Of the slot, for a notOwner outcome; '' when not known. */
      readonly ownerAddress: string;
    }
  | { readonly kind: 'heartbeat'; readonly sentAtMs: number }
  /** A fragment, or news of the tiers below, that needs no answer. */
  | { readonly kind: 'heard' }
  | { readonly kind: 'slotMapChanged' }
  /** The transport takes frames again. */
  | {
      readonly kind: 'flush';
      /** Wall time, epoch ms. */
      readonly wallMs: number;
      /** Wanted while `slotMapDue`. */
      readonly slotMap: SlotMap | undefined;
    }
  | { readonly kind: 'violation'; readonly detail: string }
  /** A rule was broken after Hello: a cycle came to be. */
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  | { readonly kind: 'tick' }
  /** The transport ended the stream. */
  | { readonly kind: 'lost' };

/** What the intake said, or why it was not asked: `unsupported` for a header that this version cannot read. */
export type ReceiverOutcome = BatchOutcome | { readonly kind: 'unsupported'; readonly detail: string };

export interface Welcoming {
  readonly body: ServerFrameBody & { readonly kind: 'welcome' };
  readonly logs: readonly OpenedLog[];
}

export type ReceiverEffect =
  /** Write the child down durably, then say `registered`. */
  | { readonly kind: 'register'; readonly hello: Hello }
  /** Offer to the slot's owner; in the order of these effects. */
  | { readonly kind: 'offer'; readonly frame: BatchFrame; readonly log: OpenedLog; readonly frameBytes: number }
  | { readonly kind: 'write'; readonly creditLimit: number; readonly body: ServerFrameBody }
  /** The sender has half of its credit in flight, and would have to wait for the end of the flush period with all of it. */
  | { readonly kind: 'commitSoon' }
  /** Something is due: say `flush` soon, when the transport takes frames. */
  | { readonly kind: 'flushSoon' }
  /** End the stream after what was written. */
  | { readonly kind: 'end'; readonly code: RefusalCode; readonly detail: string };

export interface ReceiverLimits {
  /** What one sender may have in flight, in cost. */
  readonly creditBytes: number;
  /** Logs on one stream, at most. */
  readonly logsMax: number;
  readonly silenceMs: number;
}

export interface ReceiverEnv {
  readonly nowMs: number;
  readonly limits: ReceiverLimits;
}

export interface ReceiverStep {
  readonly state: ReceiverState;
  readonly effects: readonly ReceiverEffect[];
}

type Handler<S, E> = (state: S, event: E, env: ReceiverEnv) => ReceiverStep;
type Row<S extends ReceiverState> = {
  readonly [K in ReceiverEvent['kind']]: Handler<S, Extract<ReceiverEvent, { kind: K }>>;
};
type Table = { readonly [T in ReceiverState['tag']]: Row<Extract<ReceiverState, { tag: T }>> };

export function initialReceiverState(nowMs: number, limits: ReceiverLimits): ReceiverState {
  return { tag: 'AWAITING_HELLO', deadlineMs: nowMs + limits.silenceMs };
}

export function stepReceiver(state: ReceiverState, event: ReceiverEvent, env: ReceiverEnv): ReceiverStep {
  const row = RECEIVER_TABLE[state.tag] as unknown as Row<ReceiverState>; // see stepLog
  const handle = row[event.kind] as Handler<ReceiverState, ReceiverEvent>;
  return handle(state, event, env);
}

const ENDED_STATE: Ended = { tag: 'ENDED' };
const stay: Handler<ReceiverState, unknown> = (state) => ({ state, effects: [] });
const forget: Handler<ReceiverState, unknown> = () => ({ state: ENDED_STATE, effects: [] });
const impossible: Handler<ReceiverState, ReceiverEvent> = (state, event) => {
  throw new Error(`BUG: receiver event ${event.kind} in ${state.tag}`);
};

function refuse(refusal: Refusal): ReceiverStep {
  const body = { kind: 'refused', ...refusal } as const;
  return {
    state: ENDED_STATE,
    effects: [
      { kind: 'write', creditLimit: 0, body },
      { kind: 'end', code: refusal.code, detail: refusal.detail },
    ],
  };
}

function refuseFor(code: RefusalCode, detail: string): ReceiverStep {
  return refuse({ code, detail, otherHolder: '' });
}

const breakOff: Handler<ReceiverState, { readonly detail: string }> = (_state, { detail }) =>
  refuseFor('PROTOCOL', detail);
const beforeHello: Handler<ReceiverState, { readonly kind: string }> = (_state, { kind }) =>
  refuseFor('PROTOCOL', `${kind} before Welcome`);

/** A log with this to tell. Written out, here and below, as for each batch a spread costs twenty times as much. */
function viewOf(log: OpenedLog, rounds: Rounds, due: Due): LogView {
  const { ref, logId, slot, gen } = log;
  const { round, refusedRound } = rounds;
  const { ackDue, nackDue, markDue } = due;
  return { ref, logId, slot, gen, round, refusedRound, ackDue, nackDue, markDue };
}

/** `state` with what differs. */
function open(state: Open, to: Partial<Open>): Open {
  return {
    tag: 'OPEN',
    tier: state.tier,
    logs: to.logs ?? state.logs,
    lastHeardMs: to.lastHeardMs ?? state.lastHeardMs,
    receivedCost: to.receivedCost ?? state.receivedCost,
    finishedCost: to.finishedCost ?? state.finishedCost,
    toldCost: state.toldCost,
    heartbeatDue: to.heartbeatDue ?? state.heartbeatDue,
    slotMapDue: to.slotMapDue ?? state.slotMapDue,
  };
}

function withLog({ logs }: Open, log: LogView): ReadonlyMap<number, LogView> {
  return new Map(logs).set(log.ref, log);
}

const FLUSH: readonly ReceiverEffect[] = [{ kind: 'flushSoon' }];

const AWAITING_HELLO: Row<AwaitingHello> = {
  hello: (_state, { hello, refusal }) =>
    refusal ? refuse(refusal) : { state: { tag: 'REGISTERING', hello }, effects: [{ kind: 'register', hello }] },
  registered: impossible,
  registerFailed: impossible,
  openLog: beforeHello,
  batch: beforeHello,
  outcome: impossible,
  heartbeat: beforeHello,
  heard: beforeHello,
  slotMapChanged: stay,
  flush: stay,
  violation: breakOff,
  refuse: (_state, { refusal }) => refuse(refusal),
  tick: (state, event, env) =>
    env.nowMs < state.deadlineMs ? stay(state, event, env) : refuseFor('PROTOCOL', 'no Hello came'),
  lost: forget,
};

const REGISTERING: Row<Registering> = {
  hello: () => refuseFor('PROTOCOL', 'a second Hello'),
  registered(state, { welcome }, { nowMs, limits }) {
    return {
      state: {
        tag: 'OPEN',
        tier: state.hello.tier,
        logs: new Map(welcome.logs.map((log) => [log.ref, viewOf(log, NO_ROUNDS, NOTHING_DUE)])),
        lastHeardMs: nowMs,
        receivedCost: 0,
        finishedCost: 0,
        toldCost: 0,
        heartbeatDue: undefined,
        slotMapDue: false,
      },
      effects: [{ kind: 'write', creditLimit: limits.creditBytes, body: welcome.body }],
    };
  },
  registerFailed: (_state, { detail }) => refuseFor('UNAVAILABLE', detail),
  openLog: beforeHello,
  batch: beforeHello,
  outcome: impossible,
  heartbeat: beforeHello,
  heard: beforeHello,
  slotMapChanged: stay,
  flush: stay,
  violation: breakOff,
  refuse: (_state, { refusal }) => refuse(refusal),
  tick: stay, // the store has its own timeouts
  lost: forget,
};

const OPEN: Row<Open> = {
  hello: () => refuseFor('PROTOCOL', 'a second Hello'),
  registered: impossible,
  registerFailed: impossible,
  openLog(state, { log, mark, refusal }, { nowMs, limits }) {
    if (refusal) return refuse(refusal);
    if (!state.logs.has(log.ref) && state.logs.size >= limits.logsMax)
      return refuseFor('PROTOCOL', `more than ${limits.logsMax} logs`);
    const logs = withLog(state, viewOf(log, NO_ROUNDS, { ...NOTHING_DUE, markDue: mark }));
    return { state: open(state, { logs, lastHeardMs: nowMs }), effects: FLUSH };
  },
  batch(state, { frame, frameBytes }, { nowMs, limits }) {
    const log = state.logs.get(frame.log);
    if (!log) return refuseFor('PROTOCOL', `batch of log ${frame.log}, which is not open`);
    if (frame.slot !== log.slot || frame.gen !== log.gen)
      return refuseFor('PROTOCOL', `batch of slot ${frame.slot} gen ${frame.gen}, the log is ${log.slot} ${log.gen}`);
    const cost = batchCost(frameBytes);
    const inFlight = state.receivedCost - state.finishedCost;
    if (inFlight + cost > limits.creditBytes && inFlight > 0)
      return refuseFor('PROTOCOL', `batch of cost ${cost} beyond the credit: ${inFlight} in flight`);
    const receivedCost = state.receivedCost + cost;
    const { round } = frame;
    if (round === log.refusedRound)
      return {
        state: open(state, { lastHeardMs: nowMs, receivedCost, finishedCost: state.finishedCost + cost }),
        effects: FLUSH,
      };
    const { ackDue, markDue, refusedRound } = log;
    const logs =
      round === log.round
        ? state.logs
        : withLog(state, viewOf(log, { round, refusedRound }, { ackDue, nackDue: undefined, markDue }));
    const offer = { kind: 'offer', frame, frameBytes, log } as const;
    const presses = inFlight + cost >= limits.creditBytes / 2;
    return {
      state: open(state, { lastHeardMs: nowMs, receivedCost, logs }),
      effects: presses ? [offer, { kind: 'commitSoon' }] : [offer],
    };
  },
  outcome(state, { frame, frameBytes, logId, outcome, stableSeq, ownerAddress }) {
    const finishedCost = state.finishedCost + batchCost(frameBytes);
    const log = state.logs.get(frame.log);
    if (log?.logId !== logId) return { state: open(state, { finishedCost }), effects: FLUSH }; // its ref names another log by now
    if (outcome.kind === 'committed' || outcome.kind === 'duplicate') {
      const appliedSeq = Math.max(log.ackDue?.appliedSeq ?? 0, outcome.appliedSeq);
      const ackDue = { appliedSeq, stableSeq: Math.min(stableSeq, appliedSeq) };
      const { nackDue, markDue } = log;
      const logs = withLog(state, viewOf(log, log, { ackDue, nackDue, markDue }));
      return { state: open(state, { finishedCost, logs }), effects: FLUSH };
    }
    // One answer per round: what follows in it cannot be taken either, and the sender begins a new round.
    if (frame.round !== log.round || frame.round === log.refusedRound)
      return { state: open(state, { finishedCost }), effects: FLUSH };
    const nackDue = nackOf(frame, outcome, ownerAddress);
    const { ackDue, markDue } = log;
    const rounds = { round: log.round, refusedRound: frame.round };
    const logs = withLog(state, viewOf(log, rounds, { ackDue, nackDue, markDue }));
    return { state: open(state, { finishedCost, logs }), effects: FLUSH };
  },
  heartbeat: (state, { sentAtMs }, { nowMs }) => ({
    state: open(state, { lastHeardMs: nowMs, heartbeatDue: { echoMs: sentAtMs } }),
    effects: FLUSH,
  }),
  heard: (state, _event, { nowMs }) => ({ state: open(state, { lastHeardMs: nowMs }), effects: [] }),
  slotMapChanged: (state) => ({ state: open(state, { slotMapDue: true }), effects: FLUSH }),
  flush(state, { slotMap, wallMs }, { limits }) {
    const bodies: ServerFrameBody[] = [];
    if (state.slotMapDue && slotMap) bodies.push({ kind: 'slotMap', slotMap });
    const logs = new Map<number, LogView>();
    for (const log of state.logs.values()) {
      const { ref, ackDue, nackDue, markDue } = log;
      if (markDue) bodies.push({ kind: 'logOpened', mark: markDue });
      if (ackDue) bodies.push({ kind: 'ack', log: ref, appliedSeq: ackDue.appliedSeq, stableSeq: ackDue.stableSeq });
      if (nackDue) bodies.push(nackDue);
      logs.set(ref, markDue || ackDue || nackDue ? viewOf(log, log, NOTHING_DUE) : log);
    }
    if (state.heartbeatDue || (bodies.length === 0 && state.finishedCost > state.toldCost))
      bodies.push({ kind: 'heartbeat', sentAtMs: wallMs, echoMs: state.heartbeatDue?.echoMs ?? 0 });
    const { tag, tier, lastHeardMs, receivedCost, finishedCost } = state;
    const creditLimit = limits.creditBytes + finishedCost;
    const told = { toldCost: finishedCost, heartbeatDue: undefined, slotMapDue: false };
    return {
      state: { tag, tier, logs, lastHeardMs, receivedCost, finishedCost, ...told },
      effects: bodies.map((body) => ({ kind: 'write', creditLimit, body })),
    };
  },
  violation: breakOff,
  refuse: (_state, { refusal }) => refuse(refusal),
  tick: (state, event, { nowMs, limits }) => {
    const silentMs = nowMs - state.lastHeardMs;
    return silentMs < limits.silenceMs
      ? { state, effects: [] }
      : refuseFor('UNAVAILABLE', `nothing heard for ${silentMs} ms`);
  },
  lost: forget,
};

const NACK_OF = {
  gap: 'GAP',
  notOwner: 'NOT_OWNER',
  busy: 'BUSY',
  forked: 'FORKED',
  fenced: 'FENCED',
  unsupported: 'UNSUPPORTED',
} as const satisfies Record<string, NackCode>;

function nackOf(
  frame: BatchFrame,
  outcome: Exclude<ReceiverOutcome, { kind: 'committed' | 'duplicate' }>,
  ownerAddress: string,
): ServerFrameBody & { readonly kind: 'nack' } {
  return {
    kind: 'nack',
    log: frame.log,
    round: frame.round,
    seq: frame.seq,
    code: NACK_OF[outcome.kind],
    expectedSeq: outcome.kind === 'gap' ? outcome.expectedSeq : 0,
    retryAfterMs: outcome.kind === 'busy' ? outcome.retryAfterMs : 0,
    detail: detailOf(outcome),
    ownerAddress: outcome.kind === 'notOwner' ? ownerAddress : '',
  };
}

function detailOf(outcome: ReceiverOutcome): string {
  switch (outcome.kind) {
    case 'forked':
      return `the history up to seq ${outcome.appliedSeq} is another`;
    case 'fenced':
      return `generation ${outcome.gen} is known here`;
    case 'unsupported':
      return outcome.detail;
    case 'committed':
    case 'duplicate':
    case 'gap':
    case 'notOwner':
    case 'busy':
      return '';
  }
}

const ENDED: Row<Ended> = {
  hello: stay,
  registered: stay,
  registerFailed: stay,
  openLog: stay,
  batch: stay,
  outcome: stay, // what was offered goes on; the mark will tell
  heartbeat: stay,
  heard: stay,
  slotMapChanged: stay,
  flush: stay,
  violation: stay,
  refuse: stay,
  tick: stay,
  lost: stay,
};

/** Every state with every event; a cell that is missing does not compile. */
export const RECEIVER_TABLE: Table = { AWAITING_HELLO, REGISTERING, OPEN, ENDED };
