// SPDX-License-Identifier: Apache-2.0
// The sender's side of one stream to one upstream node: connection, credit, heartbeats, back-off. Sans I/O.
// In: what happened on the transport and the clock. Out: the next state and what to do. Table: docs/protocol.md section 6.
import { backoffMs, type BackoffOptions, type Rng } from '@oap-federation/runtime';
import type { RefusalCode } from '@oap-federation/wire';

/** No connection and none wanted yet. */
type Closed = { readonly tag: 'CLOSED'; readonly attempt: number };
/** Connecting, or Hello is written and not answered. */
type Connecting = { readonly tag: 'CONNECTING'; readonly attempt: number; readonly deadlineMs: number };
type Open = {
  readonly tag: 'OPEN';
  readonly attempt: number;
  readonly openedAtMs: number;
  readonly lastHeardMs: number;
  readonly nextHeartbeatMs: number;
  /** Cost of all batches written since the stream began. */
  readonly sentCost: number;
  readonly creditLimit: number;
  /** The limit at the start: what may be in flight at once. */
  readonly windowCost: number;
};
type Backoff = {
  readonly tag: 'BACKOFF';
  readonly attempt: number;
  readonly retryAtMs: number;
  readonly why: string;
};
/** The upstream said no, for a reason that does not pass by itself: asked again now and then. */
type Refused = {
  readonly tag: 'REFUSED';
  readonly attempt: number;
  readonly retryAtMs: number;
  readonly code: RefusalCode;
  readonly detail: string;
};

export type StreamState = Closed | Connecting | Open | Backoff | Refused;

export type StreamEvent =
  | { readonly kind: 'dial' }
  | { readonly kind: 'welcome'; readonly creditLimit: number }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly detail: string }
  /** Any frame of the upstream but Welcome and Refused. */
  | { readonly kind: 'heard'; readonly creditLimit: number }
  /** A batch of this cost was written. */
  | { readonly kind: 'sent'; readonly cost: number }
  /** The transport ended the stream, or the shell could not begin it. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** The upstream broke the protocol. */
  | { readonly kind: 'violation'; readonly detail: string }
  | { readonly kind: 'tick' };

export type StreamEffect =
  /** Connect and write Hello. */
  | { readonly kind: 'connect' }
  | { readonly kind: 'heartbeat' }
  /** Welcome is here: logs may be offered and batches sent. */
  | { readonly kind: 'opened' }
  /** Drop the transport; nothing of it is heard any more. */
  | { readonly kind: 'hangUp'; readonly reason: string }
  /** All logs of the stream are detached. */
  | { readonly kind: 'down'; readonly reason: string }
  | { readonly kind: 'wake'; readonly atMs: number };

export interface StreamLimits {
  readonly heartbeatMs: number;
  /** Nothing heard for so long: the connection is dead. At least two heartbeats. */
  readonly silenceMs: number;
  readonly connectTimeoutMs: number;
  readonly backoff: BackoffOptions;
  readonly refusedRetryMs: number;
  /** A stream that lived this long starts its back-off anew. */
  readonly settledMs: number;
}

export interface StreamEnv {
  readonly nowMs: number;
  readonly rng: Rng;
  readonly limits: StreamLimits;
}

export interface StreamStep {
  readonly state: StreamState;
  readonly effects: readonly StreamEffect[];
}

type Handler<S, E> = (state: S, event: E, env: StreamEnv) => StreamStep;
type Row<S extends StreamState> = {
  readonly [K in StreamEvent['kind']]: Handler<S, Extract<StreamEvent, { kind: K }>>;
};
type Table = { readonly [T in StreamState['tag']]: Row<Extract<StreamState, { tag: T }>> };

export const INITIAL_STREAM_STATE: StreamState = { tag: 'CLOSED', attempt: 0 };

export function stepStream(state: StreamState, event: StreamEvent, env: StreamEnv): StreamStep {
  const row = STREAM_TABLE[state.tag] as unknown as Row<StreamState>; // see stepLog
  const handle = row[event.kind] as Handler<StreamState, StreamEvent>;
  return handle(state, event, env);
}

/** Whether a batch of this cost may be written now. One that is larger than the whole window may go alone. */
export function maySend(state: StreamState, cost: number): boolean {
  if (state.tag !== 'OPEN') return false;
  const inFlight = state.sentCost + state.windowCost - state.creditLimit;
  return state.sentCost + cost <= state.creditLimit || inFlight === 0;
}

const stay: Handler<StreamState, unknown> = (state) => ({ state, effects: [] });
const impossible: Handler<StreamState, StreamEvent> = (state, event) => {
  throw new Error(`BUG: stream event ${event.kind} in ${state.tag}`);
};

const becomeConnecting: Handler<StreamState, unknown> = (state, _event, { nowMs, limits }) => {
  const deadlineMs = nowMs + limits.connectTimeoutMs;
  return {
    state: { tag: 'CONNECTING', attempt: state.attempt, deadlineMs },
    effects: [{ kind: 'connect' }, { kind: 'wake', atMs: deadlineMs }],
  };
};

function becomeBackoff(state: StreamState, why: string, hangUp: boolean, env: StreamEnv): StreamStep {
  const { nowMs, rng, limits } = env;
  const settled = state.tag === 'OPEN' && nowMs - state.openedAtMs >= limits.settledMs;
  const attempt = settled ? 0 : state.attempt;
  const retryAtMs = nowMs + backoffMs(attempt, limits.backoff, rng);
  const effects: StreamEffect[] = [
    { kind: 'down', reason: why },
    { kind: 'wake', atMs: retryAtMs },
  ];
  if (hangUp) effects.unshift({ kind: 'hangUp', reason: why });
  return { state: { tag: 'BACKOFF', attempt: attempt + 1, retryAtMs, why }, effects };
}

const lose: Handler<StreamState, Extract<StreamEvent, { kind: 'lost' }>> = (state, { reason }, env) =>
  becomeBackoff(state, reason, false, env);
const breakOff: Handler<StreamState, Extract<StreamEvent, { kind: 'violation' }>> = (state, { detail }, env) =>
  becomeBackoff(state, detail, true, env);

const becomeRefused: Handler<StreamState, Extract<StreamEvent, { kind: 'refused' }>> = (state, event, env) => {
  const why = `${event.code}: ${event.detail}`;
  if (event.code === 'UNAVAILABLE') return becomeBackoff(state, why, true, env);
  const retryAtMs = env.nowMs + env.limits.refusedRetryMs;
  return {
    state: { tag: 'REFUSED', attempt: state.attempt + 1, retryAtMs, code: event.code, detail: event.detail },
    effects: [
      { kind: 'hangUp', reason: why },
      { kind: 'down', reason: why },
      { kind: 'wake', atMs: retryAtMs },
    ],
  };
};

/** `state` with what differs. Written out, as for each batch and answer a spread costs twenty times as much. */
function open(state: Open, to: Partial<Open>): Open {
  return {
    tag: 'OPEN',
    attempt: state.attempt,
    openedAtMs: state.openedAtMs,
    lastHeardMs: to.lastHeardMs ?? state.lastHeardMs,
    nextHeartbeatMs: to.nextHeartbeatMs ?? state.nextHeartbeatMs,
    sentCost: to.sentCost ?? state.sentCost,
    creditLimit: to.creditLimit ?? state.creditLimit,
    windowCost: state.windowCost,
  };
}

const redial: Handler<Backoff | Refused, Extract<StreamEvent, { kind: 'tick' }>> = (state, event, env) =>
  env.nowMs < state.retryAtMs ? stay(state, event, env) : becomeConnecting(state, event, env);

const CLOSED: Row<Closed> = {
  dial: becomeConnecting,
  welcome: impossible,
  refused: impossible,
  heard: impossible,
  sent: impossible,
  lost: impossible,
  violation: impossible,
  tick: stay,
};

const CONNECTING: Row<Connecting> = {
  dial: stay,
  welcome: (state, { creditLimit }, { nowMs, limits }) => ({
    state: {
      tag: 'OPEN',
      attempt: state.attempt,
      openedAtMs: nowMs,
      lastHeardMs: nowMs,
      nextHeartbeatMs: nowMs + limits.heartbeatMs,
      sentCost: 0,
      creditLimit,
      windowCost: creditLimit,
    },
    effects: [{ kind: 'opened' }, { kind: 'wake', atMs: nowMs + limits.heartbeatMs }],
  }),
  refused: becomeRefused,
  heard: (state, _event, env) => becomeBackoff(state, 'a frame before Welcome', true, env),
  sent: impossible,
  lost: lose,
  violation: breakOff,
  tick: (state, event, env) =>
    env.nowMs < state.deadlineMs
      ? stay(state, event, env)
      : becomeBackoff(state, `no Welcome within ${env.limits.connectTimeoutMs} ms`, true, env),
};

const OPEN: Row<Open> = {
  dial: stay,
  welcome: (state, _event, env) => becomeBackoff(state, 'a second Welcome', true, env),
  refused: becomeRefused,
  heard: (state, { creditLimit }, { nowMs }) => ({
    // It only grows: an older frame cannot come later, but a smaller number would be a defect there, not a reason to stop here.
    state: open(state, { lastHeardMs: nowMs, creditLimit: Math.max(state.creditLimit, creditLimit) }),
    effects: [],
  }),
  sent: (state, { cost }) => ({ state: open(state, { sentCost: state.sentCost + cost }), effects: [] }),
  lost: lose,
  violation: breakOff,
  tick(state, event, env) {
    const { nowMs, limits } = env;
    if (nowMs - state.lastHeardMs >= limits.silenceMs)
      return becomeBackoff(state, `nothing heard for ${nowMs - state.lastHeardMs} ms`, true, env);
    if (nowMs < state.nextHeartbeatMs) return stay(state, event, env);
    const nextHeartbeatMs = nowMs + limits.heartbeatMs;
    return {
      state: open(state, { nextHeartbeatMs }),
      effects: [{ kind: 'heartbeat' }, { kind: 'wake', atMs: nextHeartbeatMs }],
    };
  },
};

const BACKOFF: Row<Backoff> = {
  dial: stay,
  welcome: impossible,
  refused: impossible,
  heard: impossible,
  sent: impossible,
  lost: impossible,
  violation: impossible,
  tick: redial,
};

const REFUSED: Row<Refused> = {
  dial: stay,
  welcome: impossible,
  refused: impossible,
  heard: impossible,
  sent: impossible,
  lost: impossible,
  violation: impossible,
  tick: redial,
};

/** Every state with every event; a cell that is missing does not compile. */
export const STREAM_TABLE: Table = { CLOSED, CONNECTING, OPEN, BACKOFF, REFUSED };
