// SPDX-License-Identifier: Apache-2.0
// The last hour or so of one (rule, entity), so that a late revision can be judged as if it had been there in time. Pure.
// In: new verdicts of minutes, judged for the first time or again. Out: the new timeline, and how what was told differs from what should
// have been: alarms to fire, to end, to reopen, to retract.
//
// The law: after any revisions, the alarms that stand are those that the machine tells over the verdicts as they are now.
import { invariant } from '@oap-federation/runtime';
import { NORMAL, stepMachine, type MachineRule, type MachineState, type Verdict } from './machine.js';

/** An alarm that was told and not retracted. `minute` identifies it: the machine fires once a minute at most. */
export interface ToldAlarm {
  readonly minute: number;
  readonly uuid: string;
  /** When it was told, epoch ms. */
  readonly startTimeMs: number;
  readonly end?: AlarmEnd;
}

export interface AlarmEnd {
  readonly kind: 'recovered' | 'noData';
  readonly minute: number;
}

export interface Timeline {
  /** The machine before the first verdict; what came before it is settled. */
  readonly base: MachineState;
  /** The newest alarm of the incident that is open in `base`. */
  readonly open: number | undefined;
  /** Epoch minute of the first verdict. */
  readonly from: number;
  /** One character per minute: `1` match, `0` mismatch, `-` no data, `?` unknown. */
  readonly verdicts: string;
  /** Ascending by minute: those of the minutes from `from` on, and the one of `open`. */
  readonly told: readonly ToldAlarm[];
}

/** An alarm that should stand. */
export interface DueAlarm {
  readonly minute: number;
  readonly end?: AlarmEnd;
}

/** What has to be said so that what was told becomes what should stand. Each list ascends by minute. */
export interface Correction {
  readonly retracted: readonly ToldAlarm[];
  readonly fired: readonly DueAlarm[];
  /** With the end as it should be; without one it is open after all. */
  readonly changed: readonly ToldAlarm[];
}

const CHAR: Readonly<Record<Verdict, string>> = { match: '1', mismatch: '0', noData: '-', unknown: '?' };
const VERDICT: Readonly<Record<string, Verdict>> = { '1': 'match', '0': 'mismatch', '-': 'noData', '?': 'unknown' };

/** The timeline of an entity of which nothing is known: judged and quiet from minute `from` to `to`. */
export function quietTimeline(from: number, to: number): Timeline {
  return { base: NORMAL, open: undefined, from, verdicts: CHAR.mismatch.repeat(to - from + 1), told: [] };
}

/** Last minute that was judged. */
export function judgedTo(timeline: Timeline): number {
  return timeline.from + timeline.verdicts.length - 1;
}

/** The verdicts from minute `at` on (at most the next one to judge) are these now. */
export function withVerdicts(timeline: Timeline, at: number, verdicts: readonly Verdict[]): Timeline {
  const before = at - timeline.from;
  invariant(before >= 0 && before <= timeline.verdicts.length, `verdicts from ${at} do not continue ${timeline.from}`);
  const text = verdicts.map((v) => CHAR[v]).join('');
  const kept = timeline.verdicts.slice(0, before);
  return { ...timeline, verdicts: kept + text + timeline.verdicts.slice(before + text.length) };
}

/** First minute whose verdict is unknown and that lies before `end`; undefined when there is none. */
export function firstUnknown({ from, verdicts }: Timeline, end: number): number | undefined {
  const at = verdicts.indexOf(CHAR.unknown);
  return at < 0 || from + at >= end ? undefined : from + at;
}

interface Run {
  readonly state: MachineState;
  readonly open: number | undefined;
  readonly due: readonly DueAlarm[];
}

/** Runs the machine over `count` verdicts. */
function run(timeline: Timeline, count: number, rule: MachineRule): Run {
  let { base: state, open } = timeline;
  const due: DueAlarm[] = open === undefined ? [] : [{ minute: open }];
  for (let i = 0; i < count; i++) {
    const minute = timeline.from + i;
    const step = stepMachine(state, VERDICT[timeline.verdicts[i]!]!, rule);
    state = step.state;
    if (step.emission === 'fired') {
      open = minute;
      due.push({ minute });
    } else if (step.emission !== undefined) {
      const last = due.pop();
      invariant(last !== undefined && open !== undefined, `${step.emission} at ${minute} without an alarm`);
      due.push({ minute: last.minute, end: { kind: step.emission, minute } });
      open = undefined;
    }
  }
  return { state, open, due };
}

/** Where the machine stands after the last verdict, and the newest alarm of an incident that is open then. */
export function stateOf(
  timeline: Timeline,
  rule: MachineRule,
): { readonly state: MachineState; readonly open: number | undefined } {
  return run(timeline, timeline.verdicts.length, rule);
}

/** How what was told differs from what the machine tells over the verdicts. */
export function correctionOf(timeline: Timeline, rule: MachineRule): Correction {
  const { due } = run(timeline, timeline.verdicts.length, rule);
  const told = new Map(timeline.told.map((alarm) => [alarm.minute, alarm]));
  const fired: DueAlarm[] = [];
  const changed: ToldAlarm[] = [];
  for (const alarm of due) {
    const known = told.get(alarm.minute);
    told.delete(alarm.minute);
    if (known === undefined) fired.push(alarm);
    else if (known.end?.kind !== alarm.end?.kind || known.end?.minute !== alarm.end?.minute)
      changed.push({ ...alarm, uuid: known.uuid, startTimeMs: known.startTimeMs });
  }
  return { retracted: [...told.values()], fired, changed };
}

/** The timeline once `correction` is told at `startTimeMs`; `uuids[i]` is that of `correction.fired[i]`. */
export function corrected(
  timeline: Timeline,
  correction: Correction,
  uuids: readonly string[],
  startTimeMs: number,
): Timeline {
  const gone = new Set([...correction.retracted, ...correction.changed].map((a) => a.minute));
  const told = [
    ...timeline.told.filter((a) => !gone.has(a.minute)),
    ...correction.changed,
    ...correction.fired.map((a, i) => ({ ...a, uuid: uuids[i]!, startTimeMs })),
  ];
  return { ...timeline, told: told.toSorted((a, b) => a.minute - b.minute) };
}

/** Settles what lies before minute `from`: it cannot be judged again. What was told must be what should stand. */
export function settled(timeline: Timeline, from: number, rule: MachineRule): Timeline {
  const count = Math.min(from - timeline.from, timeline.verdicts.length);
  if (count <= 0) return timeline;
  const { state, open } = run(timeline, count, rule);
  const start = timeline.from + count;
  return {
    base: state,
    open,
    from: start,
    verdicts: timeline.verdicts.slice(count),
    told: timeline.told.filter((a) => a.minute >= start || a.minute === open),
  };
}

/** The alarms of each incident, in order: an incident goes on until one of its alarms has an end. */
export function incidentsOf(told: readonly ToldAlarm[]): readonly (readonly ToldAlarm[])[] {
  const incidents: ToldAlarm[][] = [];
  let current: ToldAlarm[] | undefined;
  for (const alarm of told) {
    if (current === undefined) incidents.push((current = []));
    current.push(alarm);
    if (alarm.end !== undefined) current = undefined;
  }
  return incidents;
}

/** Nothing is open, was told, or could be told differently: the entity need not be remembered. */
export function isQuiet({ base, told, verdicts }: Timeline): boolean {
  const resting = base.kind === 'normal' || base.kind === 'recovered';
  return resting && told.length === 0 && !verdicts.includes(CHAR.match);
}

/** Text of a timeline, as AlarmState keeps it. */
export function encodeTimeline({ base, open, from, verdicts, told }: Timeline): string {
  return JSON.stringify({ v: 1, base, open, from, verdicts, told });
}

/** What `encodeTimeline` wrote. */
export function decodeTimeline(text: string): Timeline {
  const { v, base, open, from, verdicts, told } = JSON.parse(text) as Timeline & { readonly v: number };
  invariant(v === 1, `timeline of version ${v}: ${text}`);
  return { base, open, from, verdicts, told };
}
