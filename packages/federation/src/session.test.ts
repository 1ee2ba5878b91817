// SPDX-License-Identifier: Apache-2.0
// Goal: the three session state machines do what docs/protocol.md says, in every cell of state x event, and in the cases that
// matter by name. Method: each machine is stepped from a sample of every state with a sample of every event, and the outcome is
// compared with the tables in the document (OAP_UPDATE_DOCS=1 writes them); named cases check positions and effects.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRng } from '@oap-federation/runtime';
import type { OutboxEntry } from '@oap-federation/storage';
import type { BatchFrame, Hello, LogMark } from '@oap-federation/wire';
import { describe, expect, it } from 'vitest';
import { forwarderConfig } from './config.js';
import {
  INITIAL_LOG_STATE,
  LOG_TABLE,
  STOP_REASONS,
  offered,
  stepLog,
  type LogEffect,
  type LogEnv,
  type LogEvent,
  type LogHead,
  type LogState,
  type UpstreamMark,
} from './log-sender.js';
import { batchCost } from './protocol.js';
import {
  RECEIVER_TABLE,
  stepReceiver,
  type OpenedLog,
  type ReceiverEnv,
  type ReceiverEvent,
  type ReceiverState,
} from './stream-receiver.js';
import {
  INITIAL_STREAM_STATE,
  maySend,
  STREAM_TABLE,
  stepStream,
  type StreamEnv,
  type StreamEvent,
  type StreamState,
} from './stream-sender.js';

const config = forwarderConfig({ tier: 't', slots: 4, instanceId: 'i', token: '' });
const logEnv: LogEnv = {
  nowMs: 1_000,
  rng: seededRng(1),
  limits: { ...config.log, windowBatches: 4, windowBytes: 40, maxBatchBytes: 100 },
};
const later = (env: LogEnv): LogEnv => ({ ...env, nowMs: 10_000_000 });

const chainOf = (seq: number) => (seq === 0 ? new Uint8Array(0) : new Uint8Array(32).fill(seq));
const head = (nextSeq: number, acknowledgedSeq = 0): LogHead => ({
  claimed: new Map([['input', { gen: 1, seq: nextSeq - 1 }]]),
  claim: 77,
  lossAccepted: false,
  verified: true,
  gen: 0,
  nextSeq,
  chain: chainOf(nextSeq - 1),
  acknowledgedSeq,
});
/** How much later the generation is that claim 77 asks for. */
const RAISED = 1 + 77;
const mark = (seq: number): UpstreamMark => ({
  known: seq > 0,
  gen: 0,
  seq,
  chain: chainOf(seq),
  increments: seq * 10,
  frontier: new Map([['input', { gen: 1, seq }]]),
});
const entry = (seq: number, bytes = 10): OutboxEntry => ({
  slot: 0,
  seq,
  header: new Uint8Array(0),
  content: new Uint8Array(bytes),
  chain: chainOf(seq),
  increments: 1,
  createdAtMs: 0,
});
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i));

function run(state: LogState, events: readonly LogEvent[], env = logEnv): { state: LogState; effects: LogEffect[] } {
  const effects: LogEffect[] = [];
  let now = state;
  for (const event of events) {
    const step = stepLog(now, event, env);
    now = step.state;
    effects.push(...step.effects);
  }
  return { state: now, effects };
}

/** A log that has 1..`fetched` on the queue, 1..`acked` acknowledged; the upstream's window is 4. */
function streaming(acked: number, fetched: number): LogState {
  return {
    tag: 'STREAMING',
    round: 5,
    attempt: 0,
    acked,
    fetched,
    inFlight: entries(acked + 1, fetched).map(({ content }) => content.length),
    pending: [],
    fetching: false,
    dry: true,
    nextSeq: fetched + 1,
    begun: { gen: 0, claim: 77, lossAccepted: false },
    movedAtMs: 1_000,
  };
}

const wakeWhenIdle: LogEffect = { kind: 'wake', atMs: 1_000 + config.log.idleOfferMs };

const stopped = (tag: (typeof STOP_REASONS)[number]): LogState => ({
  tag,
  round: 5,
  attempt: 1,
  detail: '',
  retryAtMs: 500,
});

describe('log of the sender', () => {
  const opening: LogState = { tag: 'OPENING', round: 5, attempt: 0, head: head(11, 4) };

  it('starts a log that the upstream does not know at seq 1', () => {
    const { state, effects } = run(INITIAL_LOG_STATE, [
      { kind: 'offered', head: head(3) },
      { kind: 'marked', mark: mark(0) },
    ]);
    expect(state).toMatchObject({ tag: 'STREAMING', acked: 0, fetched: 0 });
    expect(effects).toEqual([wakeWhenIdle, { kind: 'fetch', round: 1, afterSeq: 0 }]);
  });

  it('compares the chain at the mark before it goes on, and acknowledges what the mark says', () => {
    const checking = run(opening, [{ kind: 'marked', mark: mark(6) }]);
    expect(checking.state.tag).toBe('CHECKING');
    expect(checking.effects).toEqual([{ kind: 'fetch', round: 5, afterSeq: 5 }]);
    const after = run(checking.state, [{ kind: 'fetched', round: 5, entries: entries(6, 8) }]);
    expect(after.state).toMatchObject({ tag: 'STREAMING', acked: 6, fetched: 8 });
    expect(after.effects.slice(0, 2)).toEqual([wakeWhenIdle, { kind: 'acknowledge', seq: 6 }]);
    const forged = entries(6, 8).map((e) => ({ ...e, chain: chainOf(99) }));
    expect(run(checking.state, [{ kind: 'fetched', round: 5, entries: forged }]).state.tag).toBe('FORKED');
  });

  describe('under a claim that was not compared with the upstream yet', () => {
    const unverified = (nextSeq: number, gen = 0): LogState => ({
      tag: 'OPENING',
      round: 5,
      attempt: 0,
      head: { ...head(nextSeq, 4), gen, verified: false },
    });
    const fencing = (nextSeq: number, known: UpstreamMark) =>
      run(unverified(nextSeq), [{ kind: 'marked', mark: known }]);

    it('has the upstream fence the log first, whatever it says that it has', () => {
      for (const known of [mark(0), mark(6), mark(10), mark(14)]) {
        const { state, effects } = fencing(11, known);
        expect(state).toMatchObject({ tag: 'FENCING', raised: RAISED });
        expect(effects).toEqual([{ kind: 'offer', round: 5, raised: RAISED }]);
      }
      expect(fencing(11, { ...mark(3), gen: 4 }).state).toMatchObject({ raised: 4 + RAISED, theirs: 'later' });
    });

    it('goes on under that generation when the fenced mark is in its past', () => {
      for (const seq of [0, 10]) {
        const fenced = { ...mark(seq), known: true, gen: RAISED };
        const verifying = run(fencing(11, mark(seq)).state, [{ kind: 'marked', mark: fenced }]);
        expect(verifying.effects).toEqual([{ kind: 'verify', round: 5, claim: 77, gen: RAISED }]);
        expect(run(verifying.state, [{ kind: 'repaired', round: 5 }]).effects).toEqual([{ kind: 'offer', round: 6 }]);
      }
      const reading = run(fencing(11, mark(6)).state, [{ kind: 'marked', mark: { ...mark(6), gen: RAISED } }]);
      expect(reading.effects).toEqual([{ kind: 'fetch', round: 5, afterSeq: 5 }]);
      const read = (at: OutboxEntry[]) => run(reading.state, [{ kind: 'fetched', round: 5, entries: at }]);
      expect(read(entries(6, 8)).effects).toEqual([{ kind: 'verify', round: 5, claim: 77, gen: RAISED }]);
      expect(read(entries(6, 8).map((e) => ({ ...e, chain: chainOf(99) }))).state.tag).toBe('FORKED');
    });

    it('is repaired when the fenced mark is ahead, perhaps further than before', () => {
      const fenced = { ...mark(13), gen: RAISED };
      expect(run(fencing(11, mark(11)).state, [{ kind: 'marked', mark: fenced }]).effects).toEqual([
        { kind: 'repair', round: 5, claim: 77, position: fenced, how: 'behind' },
      ]);
    });

    it('does not take what it retains for the past of an upstream that is ahead under another generation', () => {
      const old = (known: UpstreamMark, gen: number) => {
        const { state } = run(unverified(11, 6), [{ kind: 'marked', mark: known }]);
        return run(state, [{ kind: 'marked', mark: { ...known, gen } }]).effects;
      };
      const repair = { kind: 'repair', round: 5, claim: 77 };
      const at = (gen: number) => ({ ...mark(13), gen });
      expect(old(at(5), 6 + RAISED)).toEqual([{ ...repair, position: at(6 + RAISED), how: 'apart' }]);
      expect(old(at(6), 6 + RAISED)).toEqual([{ ...repair, position: at(6 + RAISED), how: 'behind' }]);
      expect(old(at(7), 7 + RAISED)).toEqual([{ ...repair, position: at(7 + RAISED), how: 'apart' }]);
    });

    it('raises nothing while it asks, and leaves no chains to compare to the upstream', () => {
      const now = { ...head(11, 4), gen: 6 };
      const none = new Uint8Array(0);
      expect(offered({ ...now, verified: false }, undefined)).toEqual({ gen: 0, chain: none });
      expect(offered({ ...now, verified: false }, 9)).toEqual({ gen: 9, chain: none });
      expect(offered(now, undefined)).toEqual({ gen: 6, chain: now.chain });
    });

    it('asks for another generation than another claim would', () => {
      const raised = (claim: number) => {
        const opened = { ...unverified(11), head: { ...head(11, 4), verified: false, claim } } as LogState;
        const { state } = run(opened, [{ kind: 'marked', mark: mark(6) }]);
        return state.tag === 'FENCING' ? state.raised : 0;
      };
      expect(raised(78)).toBe(raised(77) + 1);
      expect(raised(2 ** 52)).toBeLessThan(2_000);
    });

    it('is repaired when the upstream knows a generation that the storage does not, and the pasts differ', () => {
      const strange = fencing(11, { ...mark(10), gen: 4, chain: chainOf(77) });
      const fenced = { ...mark(10), gen: 4 + RAISED, chain: chainOf(77) };
      expect(run(strange.state, [{ kind: 'marked', mark: fenced }]).effects).toEqual([
        { kind: 'repair', round: 5, claim: 77, position: fenced, how: 'apart' },
      ]);
    });

    it('is repaired when nothing retained can tell, and the upstream has all that the log had, at a lower number', () => {
      const judged = (gen: number, input: number) => {
        const known = { ...mark(6), gen, frontier: new Map([['input', { gen: 1, seq: input }]]) };
        const fenced = { ...known, gen: gen + RAISED };
        const { effects } = run(unverified(11, 3), [
          { kind: 'marked', mark: known },
          { kind: 'marked', mark: fenced },
          { kind: 'fetched', round: 5, entries: [] },
        ]);
        return effects.slice(2).map((effect) => (effect.kind === 'repair' ? effect.how : effect.kind));
      };
      expect(judged(4, 10)).toEqual(['apart']);
      expect(judged(4, 12)).toEqual(['apart']);
      expect(judged(4, 9)).toEqual(['verify']); // it lacks something: it went back too
      expect(judged(3, 10)).toEqual(['verify']); // of one claim: a past of ours
    });

    it('waits when the upstream did not fence: what it has may still grow', () => {
      expect(run(fencing(11, mark(10)).state, [{ kind: 'marked', mark: mark(10) }]).state).toMatchObject({
        tag: 'BACKOFF',
        next: 'reopen',
      });
    });
  });

  it('is FORKED when the upstream has more than a verified log, after reading the head again and fencing it', () => {
    const verifying = run(opening, [{ kind: 'marked', mark: mark(11) }]);
    expect(verifying.effects).toEqual([{ kind: 'readHead', round: 5 }]);
    // The head had only been read too early: another node appended.
    expect(run(verifying.state, [{ kind: 'head', round: 5, head: head(12) }]).state.tag).toBe('STREAMING');
    const fencing = run(verifying.state, [{ kind: 'head', round: 5, head: head(11) }]);
    expect(fencing.effects).toEqual([{ kind: 'offer', round: 5, raised: RAISED }]);
    expect(run(fencing.state, [{ kind: 'marked', mark: { ...mark(11), gen: RAISED } }]).state.tag).toBe('FORKED');
  });

  it('is FORKED when the ends are at one seq and the chains differ', () => {
    const other = { ...mark(10), chain: chainOf(77) };
    expect(run(opening, [{ kind: 'marked', mark: other }]).state.tag).toBe('FORKED');
  });

  it('offers itself again when a batch is fenced: its own head says what it may go on as', () => {
    expect(run(streaming(2, 6), [{ kind: 'fenced', round: 5, detail: '' }]).state).toMatchObject({
      tag: 'BACKOFF',
      next: 'reopen',
    });
  });

  it('is LOST_RANGE when the outbox no longer has what the upstream needs, and says which', () => {
    const { state, effects } = run(opening, [
      { kind: 'marked', mark: mark(0) },
      { kind: 'fetched', round: 5, entries: entries(7, 10) },
    ]);
    expect(state.tag).toBe('LOST_RANGE');
    expect(effects).toContainEqual(
      expect.objectContaining({ kind: 'stopped', detail: 'upstream needs seq 1, the outbox no longer has 1 to 6' }),
    );
    // nothing at all is left, although the head says that there was something
    expect(
      run(opening, [
        { kind: 'marked', mark: mark(0) },
        { kind: 'fetched', round: 5, entries: [] },
      ]).state.tag,
    ).toBe('LOST_RANGE');
  });

  it('passes over what the outbox no longer has, once an operator accepted the loss', () => {
    const accepted: LogState = { ...opening, head: { ...head(11, 4), lossAccepted: true } };
    const { state } = run(accepted, [
      { kind: 'marked', mark: mark(3) },
      { kind: 'fetched', round: 5, entries: entries(7, 10) },
    ]);
    expect(state).toMatchObject({ tag: 'FENCING', raised: RAISED, passOver: true });
    const fenced = { ...mark(3), gen: RAISED };
    expect(run(state, [{ kind: 'marked', mark: fenced }]).effects).toEqual([
      { kind: 'repair', round: 5, claim: 77, position: fenced, how: 'passOver' },
    ]);
  });

  it('sends again from the mark when the upstream was restored, and says so', () => {
    const { effects } = run(opening, [
      { kind: 'marked', mark: mark(2) },
      { kind: 'fetched', round: 5, entries: entries(2, 5) },
    ]);
    expect(effects).toContainEqual({ kind: 'rewound', fromSeq: 4, toSeq: 2 });
    expect(effects).toContainEqual({ kind: 'enqueue', round: 5, entries: entries(3, 5) });
  });

  it('keeps at most the window in flight, and goes on as acknowledgements come', () => {
    const first = run({ ...streaming(0, 0), fetching: true } as LogState, [
      { kind: 'fetched', round: 5, entries: entries(1, 6) },
    ]);
    expect(first.effects).toEqual([{ kind: 'enqueue', round: 5, entries: entries(1, 4) }]);
    const second = run(first.state, [{ kind: 'ack', seq: 1 }]);
    expect(second.effects).toEqual([
      { kind: 'acknowledge', seq: 1 },
      { kind: 'enqueue', round: 5, entries: entries(5, 5) },
    ]);
  });

  it('keeps more than those in flight while all of them are few bytes', () => {
    const sizes = [5, 5, 5, 5, 5, 15, 1, 60, 1];
    const small = sizes.map((bytes, i) => entry(i + 1, bytes));
    const { state, effects } = run({ ...streaming(0, 0), fetching: true } as LogState, [
      { kind: 'fetched', round: 5, entries: small },
    ]);
    expect(effects).toEqual([{ kind: 'enqueue', round: 5, entries: small.slice(0, 6) }]);
    const later = [4, 5, 6].map((seq) => run(state, [{ kind: 'ack', seq }]).effects);
    expect(later[0]).toEqual([
      { kind: 'acknowledge', seq: 4 },
      { kind: 'enqueue', round: 5, entries: small.slice(6, 8) }, // four again, whatever their size
    ]);
    expect(later[1]).toEqual([
      { kind: 'acknowledge', seq: 5 },
      { kind: 'enqueue', round: 5, entries: small.slice(6, 9) },
    ]);
    expect(later[2]).toEqual([
      { kind: 'acknowledge', seq: 6 },
      { kind: 'enqueue', round: 5, entries: small.slice(6, 9) },
      { kind: 'fetch', round: 5, afterSeq: 9 },
    ]);
    const back = run(run(state, [{ kind: 'gap', round: 5, expectedSeq: 3 }]).state, [
      { kind: 'fetched', round: 6, entries: small.slice(2) },
    ]);
    expect(back.effects).toEqual([{ kind: 'enqueue', round: 6, entries: small.slice(2, 6) }]);
  });

  it('goes back on GAP in a new round; the answers to the old round mean nothing', () => {
    const gap = run(streaming(2, 6), [{ kind: 'gap', round: 5, expectedSeq: 4 }]);
    expect(gap.state).toMatchObject({ tag: 'STREAMING', round: 6, acked: 2, fetched: 3 });
    expect(gap.effects).toEqual([{ kind: 'fetch', round: 6, afterSeq: 3 }]);
    const again = run(gap.state, [
      { kind: 'gap', round: 5, expectedSeq: 4 },
      { kind: 'fetched', round: 5, entries: entries(7, 9) },
      { kind: 'busy', round: 5, retryAfterMs: 1 },
      { kind: 'stop', round: 5, reason: 'FORKED', detail: '' },
    ]);
    expect(again).toEqual({ state: gap.state, effects: [] });
  });

  it('waits before it answers a second GAP without progress', () => {
    const twice = run(streaming(2, 6), [
      { kind: 'gap', round: 5, expectedSeq: 4 },
      { kind: 'gap', round: 6, expectedSeq: 4 },
    ]);
    expect(twice.state).toMatchObject({ tag: 'BACKOFF', next: 'resume', acked: 2 });
  });

  it('never goes back behind an acknowledgement, except through a new offer', () => {
    expect(run(streaming(5, 6), [{ kind: 'ack', seq: 3 }]).state).toMatchObject({ acked: 5 });
    const behind = run(streaming(5, 6), [{ kind: 'gap', round: 5, expectedSeq: 2 }]);
    expect(behind.state).toMatchObject({ tag: 'BACKOFF', next: 'reopen' });
    const beyond = run(streaming(5, 6), [{ kind: 'ack', seq: 9 }]);
    expect(beyond.state).toMatchObject({ tag: 'BACKOFF', next: 'reopen' });
    expect(beyond.effects).not.toContainEqual(expect.objectContaining({ kind: 'acknowledge' }));
  });

  it('waits on BUSY at least as long as it is told, takes late acknowledgements, and resumes after them', () => {
    const busy = run(streaming(2, 6), [
      { kind: 'busy', round: 5, retryAfterMs: 700 },
      { kind: 'ack', seq: 4 },
    ]);
    expect(busy.state).toMatchObject({ tag: 'BACKOFF', acked: 4 });
    expect(busy.state.tag === 'BACKOFF' && busy.state.retryAtMs).toBeGreaterThanOrEqual(1_700);
    expect(run(busy.state, [{ kind: 'timer' }]).state.tag).toBe('BACKOFF'); // too early
    const resumed = run(busy.state, [{ kind: 'timer' }], later(logEnv));
    const nowMs = 10_000_000;
    expect(resumed.effects).toEqual([
      { kind: 'wake', atMs: nowMs + config.log.idleOfferMs },
      { kind: 'fetch', round: 6, afterSeq: 4 },
    ]);
  });

  it('offers itself again when it had nothing to send for long, and only then', () => {
    const at = (nowMs: number): LogEnv => ({ ...logEnv, nowMs });
    const { idleOfferMs } = config.log;
    const due = 1_000 + idleOfferMs;
    const idle = streaming(6, 6);
    expect(run(idle, [{ kind: 'timer' }], at(due - 1))).toEqual({ state: idle, effects: [wakeWhenIdle] });
    const offered = run(idle, [{ kind: 'timer' }], at(due));
    expect(offered.effects).toEqual([{ kind: 'offer', round: 6 }]);
    // The upstream was restored meanwhile: it has less, and is sent the rest.
    const after = run(offered.state, [
      { kind: 'offered', head: head(7, 6) },
      { kind: 'marked', mark: mark(3) },
      { kind: 'fetched', round: 6, entries: entries(3, 6) },
    ]);
    expect(after.effects).toContainEqual({ kind: 'rewound', fromSeq: 6, toSeq: 3 });
    expect(after.effects).toContainEqual({ kind: 'enqueue', round: 6, entries: entries(4, 6) });
    // What moved in between waits for the same time again; what is in flight is no silence.
    const moved = run(streaming(3, 6), [{ kind: 'ack', seq: 6 }], at(due - 1));
    expect(run(moved.state, [{ kind: 'fetched', round: 5, entries: [] }, { kind: 'timer' }], at(due))).toMatchObject({
      state: { tag: 'STREAMING' },
      effects: [{ kind: 'wake', atMs: due - 1 + idleOfferMs }],
    });
    for (const busy of [streaming(3, 6), { ...idle, fetching: true } as LogState])
      expect(run(busy, [{ kind: 'timer' }], at(due))).toMatchObject({
        state: { tag: 'STREAMING' },
        effects: [{ kind: 'wake', atMs: due + idleOfferMs }],
      });
  });

  it('waits longer the more often it fails, up to the maximum', () => {
    const waits = [0, 3, 30].map((attempt) => {
      const env = { ...logEnv, rng: { ...logEnv.rng, next: () => 0.999 } };
      const { state } = stepLog({ ...streaming(0, 1), attempt }, { kind: 'busy', round: 5, retryAfterMs: 0 }, env);
      return state.tag === 'BACKOFF' ? Math.round(state.retryAtMs - env.nowMs) : 0;
    });
    expect(waits).toEqual([30, 240, 4_995]);
  });

  it('is OVERSIZED only when everything before the batch is acknowledged', () => {
    const queued = run({ ...streaming(0, 0), fetching: true } as LogState, [
      { kind: 'fetched', round: 5, entries: [entry(1), entry(2, 101), entry(3)] },
    ]);
    expect(queued.state).toMatchObject({ tag: 'STREAMING', fetched: 1 });
    expect(run(queued.state, [{ kind: 'ack', seq: 1 }]).state.tag).toBe('OVERSIZED');
  });

  it('asks again after a stop, once its time has come', () => {
    for (const reason of STOP_REASONS) {
      const state = { ...stopped(reason), retryAtMs: 5_000 } as LogState;
      expect(run(state, [{ kind: 'timer' }]).state).toBe(state);
      expect(run(state, [{ kind: 'timer' }], later(logEnv)).effects).toEqual([{ kind: 'offer', round: 6 }]);
    }
  });
});

const streamEnv: StreamEnv = { nowMs: 1_000, rng: seededRng(1), limits: config.stream };
const open: StreamState = {
  tag: 'OPEN',
  attempt: 3,
  openedAtMs: 0,
  lastHeardMs: 1_000,
  nextHeartbeatMs: 1_000,
  sentCost: 5_000,
  creditLimit: 20_000,
  windowCost: 10_000,
};

describe('stream of the sender', () => {
  it('spends credit, and lets a batch larger than the window go alone', () => {
    expect(maySend(open, 15_000)).toBe(true);
    expect(maySend(open, 15_001)).toBe(false);
    expect(maySend({ ...open, sentCost: 10_000 }, 1_000_000)).toBe(true); // all answered: 10 000 = 20 000 - window
    expect(maySend(INITIAL_STREAM_STATE, 1)).toBe(false);
    expect(batchCost(10)).toBe(4_096);
  });

  it('never lowers the credit limit', () => {
    expect(stepStream(open, { kind: 'heard', creditLimit: 7 }, streamEnv).state).toMatchObject({ creditLimit: 20_000 });
  });

  it('hangs up when nothing was heard for too long', () => {
    const env = { ...streamEnv, nowMs: 1_000 + config.stream.silenceMs };
    const { state, effects } = stepStream(open, { kind: 'tick' }, env);
    expect(state.tag).toBe('BACKOFF');
    expect(effects.map(({ kind }) => kind)).toEqual(['hangUp', 'down', 'wake']);
  });

  it('begins its back-off anew after a stream that lived, and not after one that did not', () => {
    const lost: StreamEvent = { kind: 'lost', reason: 'x' };
    expect(stepStream(open, lost, { ...streamEnv, nowMs: 60_000 }).state.attempt).toBe(1);
    expect(stepStream(open, lost, streamEnv).state.attempt).toBe(4);
  });
});

const hello: Hello = {
  kind: 'hello',
  protocolVersion: 1,
  tier: 'east',
  tierPath: [],
  slots: 4,
  instanceId: 'i',
  logs: [],
  schemas: [],
};
const log: OpenedLog = { ref: 1, logId: 'l', slot: 1, gen: 0 };
const frame = (seq: number, round = 1): BatchFrame => ({
  kind: 'batch',
  log: 1,
  round,
  slot: 1,
  gen: 0,
  seq,
  header: new Uint8Array(0),
  chain: new Uint8Array(32),
  dictionaryReset: false,
  newDescriptors: [],
  entities: [],
  body: new Uint8Array(0),
});
const receiverEnv: ReceiverEnv = { nowMs: 1_000, limits: { creditBytes: 10_000, logsMax: 2, silenceMs: 500 } };
const openReceiver: ReceiverState = {
  tag: 'OPEN',
  tier: 'east',
  logs: new Map([
    [1, { ...log, round: -1, refusedRound: -1, ackDue: undefined, nackDue: undefined, markDue: undefined }],
  ]),
  lastHeardMs: 1_000,
  receivedCost: 0,
  finishedCost: 0,
  toldCost: 0,
  heartbeatDue: undefined,
  slotMapDue: false,
};
const markFrame: LogMark = {
  ref: 1,
  status: 'OPEN',
  known: false,
  gen: 0,
  seq: 0,
  chain: new Uint8Array(0),
  detail: '',
  ownerAddress: '',
  increments: 0,
  frontier: new Map(),
};
const outcome = (
  seq: number,
  value: (ReceiverEvent & { kind: 'outcome' })['outcome'],
  round = 1,
  stableSeq = 0,
): ReceiverEvent => ({
  kind: 'outcome',
  stableSeq,
  frame: frame(seq, round),
  frameBytes: 100,
  logId: 'l',
  outcome: value,
  ownerAddress: 'b:1',
});
const batch = (seq: number, round = 1): ReceiverEvent => ({ kind: 'batch', frame: frame(seq, round), frameBytes: 100 });
const flush: ReceiverEvent = { kind: 'flush', wallMs: 7, slotMap: undefined };

function runReceiver(events: readonly ReceiverEvent[], env = receiverEnv) {
  let state = openReceiver;
  const written: unknown[] = [];
  const offered: number[] = [];
  let pressed = 0;
  for (const event of events) {
    const step = stepReceiver(state, event, env);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'write') written.push({ credit: effect.creditLimit, ...effect.body });
      if (effect.kind === 'offer') offered.push(effect.frame.seq);
      if (effect.kind === 'commitSoon') pressed++;
    }
  }
  return { state, written, offered, pressed };
}

describe('stream of the receiver', () => {
  it('acknowledges cumulatively, and returns the credit with it', () => {
    const { written } = runReceiver([
      batch(1),
      batch(2),
      outcome(1, { kind: 'committed', appliedSeq: 1 }),
      outcome(2, { kind: 'committed', appliedSeq: 2 }),
      flush,
    ]);
    expect(written).toEqual([{ credit: 10_000 + 2 * 4_096, kind: 'ack', log: 1, appliedSeq: 2, stableSeq: 0 }]);
  });

  it('says what is stable as it was known last, and never more than it acknowledges', () => {
    const commit = (seq: number, stableSeq: number) =>
      outcome(seq, { kind: 'committed', appliedSeq: seq }, 1, stableSeq);
    const acks = runReceiver([
      batch(1),
      commit(1, 9),
      flush,
      batch(2),
      commit(2, 1),
      flush,
      batch(3),
      commit(3, 0),
      flush,
    ]).written;
    expect(acks).toMatchObject([
      { appliedSeq: 1, stableSeq: 1 },
      { appliedSeq: 2, stableSeq: 1 },
      { appliedSeq: 3, stableSeq: 0 },
    ]);
  });

  it('acknowledges a duplicate again', () => {
    const one = outcome(1, { kind: 'duplicate', appliedSeq: 7 });
    const { written } = runReceiver([batch(1), one, flush, batch(1), one, flush]);
    expect(written).toMatchObject([
      { kind: 'ack', appliedSeq: 7 },
      { kind: 'ack', appliedSeq: 7 },
    ]);
  });

  it('refuses a round once, discards the rest of it, and takes the next round', () => {
    const { written, offered } = runReceiver([
      batch(1),
      batch(2),
      outcome(1, { kind: 'busy', retryAfterMs: 50 }),
      outcome(2, { kind: 'gap', expectedSeq: 1 }),
      flush,
      { kind: 'batch', frame: frame(3), frameBytes: 100 },
      flush,
      batch(1, 2),
      outcome(1, { kind: 'committed', appliedSeq: 1 }, 2),
      flush,
    ]);
    expect(offered).toEqual([1, 2, 1]);
    expect(written).toMatchObject([
      { kind: 'nack', code: 'BUSY', round: 1, seq: 1, retryAfterMs: 50 },
      { kind: 'heartbeat', credit: 10_000 + 3 * 4_096 }, // the discarded batch gives its credit back
      { kind: 'ack', appliedSeq: 1 },
    ]);
  });

  it('asks for a commit before the period ends, with every batch beyond half of the credit', () => {
    const pressing = (events: readonly ReceiverEvent[]) => runReceiver(events).pressed;
    expect(pressing([batch(1)])).toBe(0); // 4,096 of 10,000
    expect(pressing([batch(1), batch(2)])).toBe(1);
    const committed = outcome(1, { kind: 'committed', appliedSeq: 1 });
    expect(pressing([batch(1), committed, batch(2)])).toBe(0);
    expect(pressing([batch(1), committed, batch(2), batch(3)])).toBe(1);
  });

  it('ends a stream that sends beyond its credit, and takes one batch larger than the window', () => {
    const big: ReceiverEvent = { kind: 'batch', frame: frame(1), frameBytes: 50_000 };
    expect(runReceiver([big]).offered).toEqual([1]);
    const { written, state } = runReceiver([batch(1), batch(2), batch(3)]);
    expect(state.tag).toBe('ENDED');
    expect(written).toMatchObject([{ kind: 'refused', code: 'PROTOCOL' }]);
  });

  it('ends a stream that batches a log it did not open, or another slot', () => {
    for (const wrong of [{ log: 9 }, { slot: 2 }, { gen: 1 }]) {
      const event: ReceiverEvent = { kind: 'batch', frame: { ...frame(1), ...wrong }, frameBytes: 100 };
      expect(runReceiver([event]).written).toMatchObject([{ kind: 'refused', code: 'PROTOCOL' }]);
    }
  });

  it('keeps what is due to a sender that does not read bounded by the logs', () => {
    const events: ReceiverEvent[] = [];
    for (let round = 1; round <= 100; round++) {
      events.push(batch(1, round), outcome(1, { kind: 'gap', expectedSeq: 1 }, round), {
        kind: 'heartbeat',
        sentAtMs: round,
      });
    }
    const { written } = runReceiver([...events, flush]);
    expect(written).toHaveLength(2); // one nack, one heartbeat
  });

  it('ends a stream that is silent', () => {
    const { state } = runReceiver([{ kind: 'tick' }], { ...receiverEnv, nowMs: 1_500 });
    expect(state.tag).toBe('ENDED');
  });
});

// The tables of the document.

const logStates: { readonly [T in LogState['tag']]: Extract<LogState, { tag: T }> } = {
  CLOSED: { tag: 'CLOSED', round: 5, attempt: 0 },
  OPENING: { tag: 'OPENING', round: 5, attempt: 0, head: head(11) },
  VERIFYING: { tag: 'VERIFYING', round: 5, attempt: 0, mark: mark(10) },
  FENCING: {
    tag: 'FENCING',
    round: 5,
    attempt: 0,
    raised: 1,
    head: { ...head(11), verified: false },
    theirs: 'earlier',
    passOver: false,
    mark: { ...mark(6), gen: 1 },
  },
  CHECKING: { tag: 'CHECKING', round: 5, attempt: 0, mark: mark(6), head: head(11) },
  STREAMING: streaming(3, 6) as Extract<LogState, { tag: 'STREAMING' }>,
  BACKOFF: {
    tag: 'BACKOFF',
    round: 5,
    attempt: 1,
    next: 'resume',
    retryAtMs: 500,
    acked: 2,
    nextSeq: 11,
    begun: { gen: 0, claim: 77, lossAccepted: false },
  },
  FORKED: stopped('FORKED') as Extract<LogState, { tag: 'FORKED' }>,
  DENIED: stopped('DENIED') as Extract<LogState, { tag: 'DENIED' }>,
  LOST_RANGE: stopped('LOST_RANGE') as Extract<LogState, { tag: 'LOST_RANGE' }>,
  OVERSIZED: stopped('OVERSIZED') as Extract<LogState, { tag: 'OVERSIZED' }>,
  UNSUPPORTED: stopped('UNSUPPORTED') as Extract<LogState, { tag: 'UNSUPPORTED' }>,
};
/** Answers are to the batches of the round in STREAMING, to the offer elsewhere. */
const logEvents = (tag: LogState['tag']): { readonly [K in LogEvent['kind']]: Extract<LogEvent, { kind: K }> } => {
  const round = tag === 'STREAMING' ? 5 : undefined;
  return {
    attached: { kind: 'attached' },
    detached: { kind: 'detached' },
    offered: { kind: 'offered', head: head(11) },
    marked: { kind: 'marked', mark: tag === 'FENCING' ? { ...mark(12), gen: 1 } : mark(10) },
    head: { kind: 'head', round: 5, head: head(11) },
    fetched: { kind: 'fetched', round: 5, entries: tag === 'STREAMING' ? entries(7, 10) : entries(6, 10) },
    repaired: { kind: 'repaired', round: 5 },
    fenced: { kind: 'fenced', round, detail: '' },
    storeFailed: { kind: 'storeFailed', round: 5 },
    appended: { kind: 'appended' },
    ack: { kind: 'ack', seq: 4 },
    gap: { kind: 'gap', round, expectedSeq: 4 },
    busy: { kind: 'busy', round, retryAfterMs: 0 },
    notOwner: { kind: 'notOwner', round, ownerAddress: 'b:1' },
    stop: { kind: 'stop', round, reason: 'DENIED', detail: '' },
    timer: { kind: 'timer' },
  };
};

const streamStates: { readonly [T in StreamState['tag']]: Extract<StreamState, { tag: T }> } = {
  CLOSED: { tag: 'CLOSED', attempt: 0 },
  CONNECTING: { tag: 'CONNECTING', attempt: 0, deadlineMs: 5_000 },
  OPEN: open,
  BACKOFF: { tag: 'BACKOFF', attempt: 1, retryAtMs: 500, why: '' },
  REFUSED: { tag: 'REFUSED', attempt: 1, retryAtMs: 500, code: 'DENIED', detail: '' },
};
const streamEvents: { readonly [K in StreamEvent['kind']]: Extract<StreamEvent, { kind: K }> } = {
  dial: { kind: 'dial' },
  welcome: { kind: 'welcome', creditLimit: 10_000 },
  refused: { kind: 'refused', code: 'DENIED', detail: '' },
  heard: { kind: 'heard', creditLimit: 10_000 },
  sent: { kind: 'sent', cost: 4_096 },
  lost: { kind: 'lost', reason: '' },
  violation: { kind: 'violation', detail: '' },
  tick: { kind: 'tick' },
};

const receiverStates: { readonly [T in ReceiverState['tag']]: Extract<ReceiverState, { tag: T }> } = {
  AWAITING_HELLO: { tag: 'AWAITING_HELLO', deadlineMs: 5_000 },
  REGISTERING: { tag: 'REGISTERING', hello },
  OPEN: openReceiver,
  ENDED: { tag: 'ENDED' },
};
const refusal = { code: 'CYCLE', detail: '', otherHolder: '' } as const;
const receiverEvents: { readonly [K in ReceiverEvent['kind']]: ReceiverEvent } = {
  hello: { kind: 'hello', hello, refusal: undefined },
  registered: {
    kind: 'registered',
    welcome: {
      logs: [log],
      body: {
        kind: 'welcome',
        tier: 'c',
        instanceId: 'i',
        logs: [],
        slotMap: { nodes: [], owners: [] },
        maxFrameBytes: 1,
        maxBatchBytes: 1,
        maxDictionaryEntries: 1,
        refusedMetrics: [],
      },
    },
  },
  registerFailed: { kind: 'registerFailed', detail: '' },
  openLog: { kind: 'openLog', log, mark: markFrame, refusal: undefined },
  batch: batch(1),
  outcome: outcome(1, { kind: 'committed', appliedSeq: 1 }),
  heartbeat: { kind: 'heartbeat', sentAtMs: 1 },
  heard: { kind: 'heard' },
  slotMapChanged: { kind: 'slotMapChanged' },
  flush,
  violation: { kind: 'violation', detail: '' },
  refuse: { kind: 'refuse', refusal },
  tick: { kind: 'tick' },
  lost: { kind: 'lost' },
};

interface Step {
  readonly state: { readonly tag: string };
  readonly effects: readonly { readonly kind: string }[];
}

function cell(tag: string, step: () => Step): string {
  let result: Step;
  try {
    result = step();
  } catch (error) {
    expect(String(error)).toContain('BUG');
    return 'BUG';
  }
  const effects = result.effects.map(({ kind }) => kind).join(' ');
  if (result.state.tag === tag) return effects === '' ? '.' : effects;
  return `**${result.state.tag}**${effects === '' ? '' : ` ${effects}`}`;
}

function table(
  states: readonly string[],
  events: readonly string[],
  stepOf: (state: string, event: string) => Step,
): string {
  const rows = events.map((event) => [event, ...states.map((state) => cell(state, () => stepOf(state, event)))]);
  return [['event', ...states], ['event', ...states].map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** The stop states share one row, so one of them stands for all. */
const logColumns = Object.keys(LOG_TABLE).filter((tag) => tag === 'FORKED' || !STOP_REASONS.some((r) => r === tag));

const tables = {
  'log of the sender': table(logColumns, Object.keys(LOG_TABLE.CLOSED), (state, event) =>
    stepLog(
      logStates[state as LogState['tag']],
      logEvents(state as LogState['tag'])[event as LogEvent['kind']],
      logEnv,
    ),
  ),
  'stream of the sender': table(Object.keys(STREAM_TABLE), Object.keys(STREAM_TABLE.CLOSED), (state, event) =>
    stepStream(streamStates[state as StreamState['tag']], streamEvents[event as StreamEvent['kind']], streamEnv),
  ),
  'stream of the receiver': table(Object.keys(RECEIVER_TABLE), Object.keys(RECEIVER_TABLE.OPEN), (state, event) =>
    stepReceiver(
      receiverStates[state as ReceiverState['tag']],
      receiverEvents[event as ReceiverEvent['kind']],
      receiverEnv,
    ),
  ),
};

describe('docs/protocol.md', () => {
  const path = fileURLToPath(new URL('../../../docs/protocol.md', import.meta.url));

  it('the stop states behave alike', () => {
    for (const reason of STOP_REASONS) expect(LOG_TABLE[reason]).toBe(LOG_TABLE.FORKED);
  });

  it.each(Object.entries(tables))('has the table of the %s', (name, text) => {
    const begin = `<!-- table: ${name} -->\n`;
    const end = '\n<!-- end -->';
    const document = readFileSync(path, 'utf8');
    const from = document.indexOf(begin) + begin.length;
    expect(from, `no ${begin}`).toBeGreaterThanOrEqual(begin.length);
    const to = document.indexOf(end, from);
    if (process.env['OAP_UPDATE_DOCS'] === '1') {
      writeFileSync(path, document.slice(0, from) + text + document.slice(to));
      return;
    }
    expect(document.slice(from, to)).toBe(text);
  });
});
