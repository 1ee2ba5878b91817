// SPDX-License-Identifier: Apache-2.0
// What a correction becomes: transitions, records, ends, and the messages for hooks. In: the correction of one (rule, entity), and what is
// known of both. Out: rows for one commit. Records and transitions are exact; hooks hear the net of it: of each incident the retraction,
// or its newest alarm and its end.
import type { AlarmCompleteness, AlarmEndKind, AlarmRecord, AlarmTag, AlarmTransition } from '@oap-federation/storage';
import { alarmEntityOf, alarmScopeOf } from './alarm-entity.js';
import type { AlarmMessage } from './message.js';
import type { AlarmRule } from './rule.js';
import { incidentsOf, type Correction, type Timeline, type ToldAlarm } from './timeline.js';

/** What of a rule is told with its alarms; kept with its state, so that a rule that is gone can still end what it began. */
export interface RuleFacts {
  readonly scope: AlarmRule['expression']['scope'];
  readonly expression: string;
  readonly message: string;
  readonly tags: readonly AlarmTag[];
  readonly hooks: readonly string[];
}

export function factsOf({ expression, message, tags, hooks }: AlarmRule): RuleFacts {
  return { scope: expression.scope, expression: expression.text, message, tags, hooks };
}

/** One (rule, entity), and the commit that it is part of. */
export interface Subject {
  readonly slot: number;
  readonly rule: string;
  readonly facts: RuleFacts;
  readonly entityId: string;
  readonly layers: readonly string[];
  /** When it is told, epoch ms. */
  readonly nowMs: number;
  readonly completenessAt: (minute: number) => AlarmCompleteness;
  /** Is an alarm of that minute told after its time? */
  readonly isLate: (minute: number) => boolean;
  readonly snapshotAt: (minute: number) => Readonly<Record<string, string>>;
}

/** A transition before it has its number in the slot's log. */
export type Unnumbered = Omit<AlarmTransition, 'seq'>;

export interface Outcome {
  readonly transitions: readonly Unnumbered[];
  readonly records: readonly AlarmRecord[];
  readonly ended: readonly { readonly uuid: string; readonly end?: NonNullable<AlarmRecord['end']> }[];
  /** `isRepeated`: it says again what a message with this uuid said before. */
  readonly messages: readonly { readonly message: AlarmMessage; readonly isRepeated: boolean }[];
}

/** `before` is the timeline before anything of `correction` was told, `after` the one that remembers it as told. */
export function outcomeOf(subject: Subject, before: Timeline, correction: Correction, after: Timeline): Outcome {
  const { nowMs } = subject;
  const told = new Map(after.told.map((alarm) => [alarm.minute, alarm]));
  const fired = correction.fired.map(({ minute }) => told.get(minute)!);
  const isFired = new Set(fired.map((alarm) => alarm.minute));
  const isChanged = new Set(correction.changed.map((alarm) => alarm.minute));
  const isRetracted = new Set(correction.retracted.map((alarm) => alarm.minute));

  const transitions: Unnumbered[] = [];
  const note = (alarm: ToldAlarm, kind: AlarmTransition['kind'], minute: number) =>
    transitions.push({ rule: subject.rule, entityId: subject.entityId, minute, kind, uuid: alarm.uuid });
  for (const alarm of correction.retracted) note(alarm, 'retracted', alarm.minute);
  for (const alarm of fired) note(alarm, 'fired', alarm.minute);
  for (const alarm of [...correction.changed, ...fired.filter((a) => a.end)])
    note(alarm, alarm.end?.kind ?? 'reopened', alarm.end?.minute ?? alarm.minute);

  const messages: Outcome['messages'][number][] = [];
  for (const incident of incidentsOf(before.told)) {
    const last = incident.at(-1)!;
    if (isRetracted.has(last.minute)) messages.push(endMessage(subject, last, 'retracted', last.minute));
  }
  for (const incident of incidentsOf(after.told)) {
    const last = incident.at(-1)!;
    // receivers know an entity's incidents by one key: what was said of an older one must not end the one that is open
    const isOpenBehindOthers = last.end === undefined && messages.length > 0;
    if (isFired.has(last.minute)) messages.push({ message: alarmMessage(subject, last), isRepeated: false });
    else if (!isChanged.has(last.minute) && !isOpenBehindOthers) continue;
    else if (last.end === undefined) messages.push({ message: alarmMessage(subject, last), isRepeated: true });
    if (last.end !== undefined) messages.push(endMessage(subject, last, last.end.kind, last.end.minute));
  }

  return {
    transitions,
    records: fired.map((alarm) => recordOf(subject, alarm)),
    ended: [
      ...correction.retracted.map(({ uuid, minute }) => ({ uuid, end: endOf('retracted', minute, nowMs) })),
      ...correction.changed.map(({ uuid, end }) => ({
        uuid,
        ...(end ? { end: endOf(end.kind, end.minute, nowMs) } : {}),
      })),
    ],
    messages,
  };
}

/** The end of everything that is open, because the rule is changed or gone. */
export function withdrawalOf(subject: Subject, timeline: Timeline, minute: number): Outcome {
  const last = timeline.told.at(-1);
  if (last === undefined || last.end !== undefined) return { transitions: [], records: [], ended: [], messages: [] };
  const { rule, entityId, nowMs } = subject;
  return {
    transitions: [{ rule, entityId, minute, kind: 'withdrawn', uuid: last.uuid }],
    records: [],
    ended: [{ uuid: last.uuid, end: endOf('withdrawn', minute, nowMs) }],
    messages: [endMessage(subject, last, 'withdrawn', minute)],
  };
}

function endOf(kind: AlarmEndKind, minute: number, timeMs: number): NonNullable<AlarmRecord['end']> {
  return { kind, minute, timeMs };
}

function recordOf(subject: Subject, { minute, uuid, startTimeMs, end }: ToldAlarm): AlarmRecord {
  const { slot, rule, facts, entityId, layers, nowMs } = subject;
  const { name, id0, id1 } = alarmEntityOf(facts.scope, entityId);
  return {
    uuid,
    slot,
    rule,
    scope: alarmScopeOf(facts.scope).name,
    name,
    id0,
    id1,
    layers,
    message: textOf(facts.message, name, id0),
    tags: facts.tags,
    expression: facts.expression,
    snapshot: subject.snapshotAt(minute),
    minute,
    startTimeMs,
    late: subject.isLate(minute),
    completeness: subject.completenessAt(minute),
    ...(end ? { end: endOf(end.kind, end.minute, nowMs) } : {}),
  };
}

function alarmMessage(subject: Subject, { minute, uuid, startTimeMs }: ToldAlarm, said = minute): AlarmMessage {
  const { rule, facts, entityId, layers } = subject;
  const { name, id0, id1 } = alarmEntityOf(facts.scope, entityId);
  const scope = alarmScopeOf(facts.scope);
  return {
    scopeId: scope.id,
    scope: scope.text,
    name,
    id0,
    id1,
    uuid,
    ruleName: rule,
    alarmMessage: textOf(facts.message, name, id0),
    tags: facts.tags,
    startTime: startTimeMs,
    hooks: facts.hooks,
    expression: facts.expression,
    mqeMetricsSnapshot: subject.snapshotAt(said),
    layers,
    late: subject.isLate(said),
    completeness: subject.completenessAt(said),
  };
}

/** `minute`: the one whose window says that it is over. */
function endMessage(
  subject: Subject,
  alarm: ToldAlarm,
  kind: AlarmEndKind,
  minute: number,
): { readonly message: AlarmMessage; readonly isRepeated: boolean } {
  const message = { ...alarmMessage(subject, alarm, minute), recovery: { timeMs: subject.nowMs, kind } };
  return { message, isRepeated: false };
}

function textOf(template: string, name: string, id: string): string {
  return template.replaceAll(/\{(name|id)\}/g, (_, hole: string) => (hole === 'name' ? name : id));
}
