// SPDX-License-Identifier: Apache-2.0
// The state machine of one (rule, entity): SkyWalking's states and countdowns, one step per judged minute. Pure.
// In: the verdict of a minute. Out: the next state, and what is to be told. The table is checked against docs/alarm.md by a test.

/**
 * What a minute's window says. `noData`: it is empty, and every source has sealed it. `unknown`: it is empty, but a source may still fill
 * it, or nobody judged it; nothing moves then.
 */
export type Verdict = 'match' | 'mismatch' | 'noData' | 'unknown';

export type StateKind = 'normal' | 'firing' | 'silenced' | 'observing' | 'recovered';

/** Countdowns are in judged minutes; they mean nothing in `normal` and `recovered`. */
export interface MachineState {
  readonly kind: StateKind;
  /** Minutes to stay quiet; below 0 it has run out. */
  readonly silence: number;
  /** Good minutes still to come before the incident is over; below 0 it is. */
  readonly recovery: number;
}

/** What is told. An incident begins with a `fired` out of `normal` or `recovered`, and ends with one of the others. */
export type Emission = 'fired' | 'recovered' | 'noData';

export interface MachineRule {
  /** Minutes. */
  readonly silencePeriod: number;
  readonly recoveryObservationPeriod: number;
  /**
   * An entity that stops reporting: `notify` ends its incident as `noData` when the silence is over, `recover` counts the minute as a good
   * one, `keep` waits for data.
   */
  readonly onNoData: 'notify' | 'recover' | 'keep';
}

export interface MachineStep {
  readonly state: MachineState;
  readonly emission?: Emission;
}

export const NORMAL: MachineState = { kind: 'normal', silence: -1, recovery: -1 };
const RECOVERED: MachineState = { ...NORMAL, kind: 'recovered' };

type Cell = (state: MachineState, rule: MachineRule) => MachineStep;

const stay: Cell = (state) => ({ state });
const rest: Cell = () => ({ state: NORMAL });

const fire: Cell = (_, rule) => ({
  state: { kind: 'firing', silence: rule.silencePeriod, recovery: rule.recoveryObservationPeriod },
  emission: 'fired',
});

/** A bad minute of an incident: quiet while the silence lasts, then told again. An observation that had begun begins anew. */
const goOn: Cell = (state, rule) => {
  const silence = state.silence - 1;
  if (silence < 0) return fire(state, rule);
  return { state: { kind: 'silenced', silence, recovery: rule.recoveryObservationPeriod } };
};

/** A good minute of an incident: it is over when both the silence and the observation are. */
const calm: Cell = (state) => {
  const silence = state.silence - 1;
  const recovery = state.recovery - 1;
  if (silence < 0 && recovery < 0) return { state: RECOVERED, emission: 'recovered' };
  return { state: { kind: 'observing', silence, recovery } };
};

/** A minute without data of an incident. */
const silent: Cell = (state, rule) => {
  if (rule.onNoData === 'keep') return { state };
  if (rule.onNoData === 'recover') return calm(state, rule);
  const silence = state.silence - 1;
  if (silence < 0) return { state: NORMAL, emission: 'noData' };
  return { state: { ...state, silence } };
};

/** Every state by every verdict. */
export const MACHINE_TABLE: Readonly<Record<StateKind, Readonly<Record<Verdict, Cell>>>> = {
  normal: { match: fire, mismatch: stay, noData: stay, unknown: stay },
  firing: { match: goOn, mismatch: calm, noData: silent, unknown: stay },
  silenced: { match: goOn, mismatch: calm, noData: silent, unknown: stay },
  observing: { match: goOn, mismatch: calm, noData: silent, unknown: stay },
  recovered: { match: fire, mismatch: rest, noData: rest, unknown: stay },
};

export function stepMachine(state: MachineState, verdict: Verdict, rule: MachineRule): MachineStep {
  return MACHINE_TABLE[state.kind][verdict](state, rule);
}
