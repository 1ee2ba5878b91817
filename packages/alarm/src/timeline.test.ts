// SPDX-License-Identifier: Apache-2.0
// Goal: after any revisions the alarms that stand are those that the machine tells over the verdicts as they are in the end.
// Method: random verdicts, judged in order, some of them judged again later; every correction is applied to a plain list of alarms, which
// in the end must equal a run of the machine over the final verdicts. What is settled no longer changes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NORMAL, stepMachine, type MachineRule, type Verdict } from './machine.js';
import {
  corrected,
  correctionOf,
  decodeTimeline,
  encodeTimeline,
  firstUnknown,
  isQuiet,
  judgedTo,
  quietTimeline,
  settled,
  withVerdicts,
  type DueAlarm,
  type Timeline,
  type ToldAlarm,
} from './timeline.js';

const START = 1_000;
const anyVerdict = fc.constantFrom<Verdict>('match', 'match', 'mismatch', 'mismatch', 'noData', 'unknown');
const anyRule: fc.Arbitrary<MachineRule> = fc.record({
  silencePeriod: fc.integer({ min: 0, max: 4 }),
  recoveryObservationPeriod: fc.integer({ min: 0, max: 4 }),
  onNoData: fc.constantFrom('notify', 'recover', 'keep'),
});

/** The reference: one run of the machine over all verdicts from START on. */
function reference(verdicts: readonly Verdict[], rule: MachineRule): DueAlarm[] {
  let state = NORMAL;
  const due: DueAlarm[] = [];
  verdicts.forEach((verdict, i) => {
    const step = stepMachine(state, verdict, rule);
    state = step.state;
    if (step.emission === 'fired') due.push({ minute: START + i });
    else if (step.emission !== undefined)
      due.push({ minute: due.pop()!.minute, end: { kind: step.emission, minute: START + i } });
  });
  return due;
}

/** Alarms as a store would hold them, by uuid; retracted ones leave. */
class Told {
  readonly standing = new Map<string, DueAlarm>();
  #next = 0;

  tell(timeline: Timeline, rule: MachineRule): Timeline {
    const correction = correctionOf(timeline, rule);
    const uuids = correction.fired.map(() => `u${this.#next++}`);
    for (const { uuid } of correction.retracted) expect(this.standing.delete(uuid)).toBe(true);
    for (const { uuid, startTimeMs, ...alarm } of correction.changed) {
      expect(startTimeMs).toBe(7);
      expect(this.standing.has(uuid)).toBe(true);
      this.standing.set(uuid, alarm);
    }
    correction.fired.forEach((alarm, i) => this.standing.set(uuids[i]!, alarm));
    const next = corrected(timeline, correction, uuids, 7);
    expect(correctionOf(next, rule)).toEqual({ retracted: [], fired: [], changed: [] });
    return decodeTimeline(encodeTimeline(next));
  }

  list(): DueAlarm[] {
    return [...this.standing.values()].toSorted((a, b) => a.minute - b.minute);
  }
}

/** One round: new minutes at the end, and the minute from which all are judged again. */
const anyRound = fc.record({
  fresh: fc.array(anyVerdict, { minLength: 1, maxLength: 3 }),
  again: fc.option(
    fc.record({ back: fc.integer({ min: 1, max: 12 }), verdicts: fc.array(anyVerdict, { maxLength: 12 }) }),
    {
      nil: undefined,
    },
  ),
});

describe('a timeline', () => {
  it('tells in the end what one run over the final verdicts tells', () => {
    fc.assert(
      fc.property(
        anyRule,
        fc.array(anyRound, { maxLength: 25 }),
        fc.integer({ min: 12, max: 20 }),
        (rule, rounds, keep) => {
          const told = new Told();
          const final: Verdict[] = [];
          let timeline: Timeline | undefined;
          for (const { fresh, again } of rounds) {
            const cursor = START + final.length - 1;
            const before = Math.min(again?.back ?? 0, final.length);
            again?.verdicts.slice(0, before).forEach((v, i) => (final[final.length - before + i] = v));
            final.push(...fresh);
            const at = cursor + 1 - before;
            // as the engine does: what is quiet is forgotten, and begun anew as quiet
            timeline ??= quietTimeline(Math.max(START, cursor + 1 - keep), cursor);
            timeline = withVerdicts(timeline, at, final.slice(at - START));
            timeline = told.tell(timeline, rule);
            const end = START + final.length;
            expect(judgedTo(timeline)).toBe(end - 1);
            timeline = settled(timeline, end - keep, rule);
            expect(correctionOf(timeline, rule)).toEqual({ retracted: [], fired: [], changed: [] });
            if (isQuiet(timeline)) timeline = undefined;
          }
          expect(told.list()).toEqual(reference(final, rule));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('retracts, fires late, reopens', () => {
    const rule: MachineRule = { silencePeriod: 0, recoveryObservationPeriod: 1, onNoData: 'notify' };
    const judged = (t: Timeline, at: number, verdicts: Verdict[]) => withVerdicts(t, at, verdicts);
    const fired: Timeline = { ...judged(quietTimeline(10, 9), 10, ['match', 'mismatch', 'mismatch']) };
    expect(correctionOf(fired, rule).fired).toEqual([{ minute: 10, end: { kind: 'recovered', minute: 12 } }]);
    const told: ToldAlarm = { minute: 10, uuid: 'a', startTimeMs: 7, end: { kind: 'recovered', minute: 12 } };
    const known = { ...fired, told: [told] };
    expect(correctionOf(judged(known, 10, ['mismatch']), rule)).toEqual({ retracted: [told], fired: [], changed: [] });
    const moved = correctionOf(judged(known, 10, ['mismatch', 'match']), rule);
    expect(moved).toEqual({ retracted: [told], fired: [{ minute: 11 }], changed: [] });
    const reopened = correctionOf(judged(known, 12, ['unknown']), rule);
    expect(reopened).toEqual({ retracted: [], fired: [], changed: [{ minute: 10, uuid: 'a', startTimeMs: 7 }] });
  });

  it('knows the first unknown minute before an end', () => {
    const timeline = withVerdicts(quietTimeline(10, 9), 10, ['match', 'unknown', 'unknown']);
    expect([firstUnknown(timeline, 11), firstUnknown(timeline, 12), firstUnknown(timeline, 99)]).toEqual([
      undefined,
      11,
      11,
    ]);
  });
});
