// SPDX-License-Identifier: Apache-2.0
// Goal: records and transitions add up to what stands, and what hooks heard last of an entity is whether its incident is open.
// Method: random verdicts of one entity, many of them judged again; a store and a receiver that believe every word are compared with the
// timeline after each round.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MachineRule, Verdict } from './machine.js';
import type { AlarmMessage } from './message.js';
import { outcomeOf, withdrawalOf, type Subject } from './outcome.js';
import { corrected, correctionOf, quietTimeline, stateOf, withVerdicts } from './timeline.js';

const START = 1_000;
const anyVerdict = fc.constantFrom<Verdict>('match', 'match', 'mismatch', 'mismatch', 'noData', 'unknown');
const anyRule: fc.Arbitrary<MachineRule> = fc.record({
  silencePeriod: fc.integer({ min: 0, max: 3 }),
  recoveryObservationPeriod: fc.integer({ min: 0, max: 3 }),
  onNoData: fc.constantFrom('notify', 'recover', 'keep'),
});
const anyRound = fc.record({
  back: fc.integer({ min: 0, max: 15 }),
  verdicts: fc.array(anyVerdict, { minLength: 1, maxLength: 15 }),
});

const subjectAt = (nowMs: number): Subject => ({
  slot: 1,
  rule: 'a_rule',
  facts: {
    scope: 'Service',
    expression: 'avg(x) > 1',
    message: '{name} ({id}) {name} {other}',
    tags: [],
    hooks: ['webhook.a'],
  },
  entityId: 'c2hvcA==.1',
  layers: ['GENERAL'],
  nowMs,
  completenessAt: (minute) => ({ complete: minute % 2 === 0, missing: [] }),
  isLate: (minute) => minute < START + 5,
  snapshotAt: (minute) => ({ x: String(minute) }),
});

it('adds up, in storage and for those who are told', () => {
  fc.assert(
    fc.property(anyRule, fc.array(anyRound, { maxLength: 15 }), (rule, rounds) => {
      const records = new Map<string, { minute: number; end: string | undefined }>();
      let lastHeard: AlarmMessage | undefined;
      let timeline = quietTimeline(START, START - 1);
      let judgedTo = START - 1;
      for (const [round, { back, verdicts }] of rounds.entries()) {
        const at = Math.max(START, judgedTo + 1 - back);
        judgedTo = Math.max(judgedTo, at + verdicts.length - 1);
        const before = withVerdicts(timeline, at, verdicts);
        const correction = correctionOf(before, rule);
        const uuids = correction.fired.map(({ minute }) => `${round} ${minute}`);
        const after = corrected(before, correction, uuids, round);
        const outcome = outcomeOf(subjectAt(round), before, correction, after);
        for (const record of outcome.records) {
          expect(records.has(record.uuid)).toBe(false);
          expect(record).toMatchObject({ slot: 1, startTimeMs: round, message: 'shop (c2hvcA==.1) shop {other}' });
          expect(record.completeness.complete).toBe(record.minute % 2 === 0);
          records.set(record.uuid, { minute: record.minute, end: record.end?.kind });
        }
        for (const { uuid, end } of outcome.ended) {
          expect(records.has(uuid)).toBe(true);
          records.set(uuid, { ...records.get(uuid)!, end: end?.kind });
        }
        expect(outcome.transitions.length).toBeGreaterThanOrEqual(outcome.records.length + outcome.ended.length);
        for (const { message, isRepeated } of outcome.messages) {
          expect(records.has(message.uuid)).toBe(true);
          if (message.recovery === undefined && !isRepeated) expect(message.startTime).toBe(round);
          lastHeard = message;
        }
        timeline = after;
        const standing = [...records].filter(([, { end }]) => end !== 'retracted');
        expect(
          standing.map(([uuid, { minute, end }]) => ({ uuid, minute, end })).toSorted((a, b) => a.minute - b.minute),
        ).toEqual(after.told.map(({ uuid, minute, end }) => ({ uuid, minute, end: end?.kind })));
        const { open } = stateOf(after, rule);
        expect(lastHeard !== undefined && lastHeard.recovery === undefined).toBe(open !== undefined);
        if (open !== undefined) expect(lastHeard!.uuid).toBe(after.told.find(({ minute }) => minute === open)!.uuid);
      }
      const gone = withdrawalOf(subjectAt(99), timeline, judgedTo);
      const { open } = stateOf(timeline, rule);
      expect(gone.ended.map(({ uuid, end }) => [uuid, end?.kind])).toEqual(
        open === undefined ? [] : [[lastHeard!.uuid, 'withdrawn']],
      );
      expect(gone.messages.map(({ message }) => message.recovery?.kind)).toEqual(
        open === undefined ? [] : ['withdrawn'],
      );
    }),
    { numRuns: 1_000 },
  );
});
