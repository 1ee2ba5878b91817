// SPDX-License-Identifier: Apache-2.0
// What a round has to judge: per slot and rule the minutes that are new, and those before whose rows changed or were sealed. Pure.
// In: what is held of the slots, up to which minute each rule may be judged, revisions. Out: ranges of minutes, and what to read for them.
import type { MinuteRevision, RevisionQuery } from '@oap-federation/storage';
import { factsOf } from './outcome.js';
import { windowOf, type AlarmRule } from './rule.js';
import type { Sealing } from './sealing.js';
import type { RuleCursor, SlotAlarms } from './slot-alarms.js';
import { firstUnknown } from './timeline.js';
import type { RowsWanted } from './window-rows.js';

/** A rule, and the newest minute that it may judge now. */
export interface JudgeableRule {
  readonly rule: AlarmRule;
  readonly sealing: Sealing;
  readonly to: number;
}

/** One rule on one slot that has something to judge. Minutes from `from` to `to` get new verdicts. */
export interface Task {
  readonly rule: AlarmRule;
  readonly sealing: Sealing;
  readonly cursor: RuleCursor;
  /** Earliest minute that may be judged again. */
  readonly floor: number;
  readonly from: number;
  readonly to: number;
  /** So many minutes after `cursor.judgedTo` are not judged at all: they are too far back. `from` is the first of them then. */
  readonly skipped: number;
  /** Newest revision of the rows that are read. */
  readonly revision: number;
}

/** What a round does to one slot. */
export interface SlotWork {
  readonly slot: number;
  readonly held: SlotAlarms;
  readonly tasks: readonly Task[];
  /** Rules that are gone, or judge otherwise now. */
  readonly withdrawn: readonly string[];
}

/** What one slot has to do, before it is known which minutes changed; nothing when there is nothing. */
export function dueOf(
  slot: number,
  held: SlotAlarms,
  rules: readonly JudgeableRule[],
  lookBackMinutes: number,
): readonly SlotWork[] {
  const names = new Set(rules.map(({ rule }) => rule.name));
  const withdrawn = [...held.cursors.keys()].filter((name) => !names.has(name));
  const tasks: Task[] = [];
  for (const { rule, sealing, to } of rules) {
    const known = held.cursors.get(rule.name);
    const isSame = known?.fingerprint === rule.fingerprint;
    if (known && !isSame) withdrawn.push(rule.name);
    const cursor = isSame ? known : newCursor(rule, to);
    if (to <= cursor.judgedTo) continue;
    const skipped = Math.max(0, to - cursor.judgedTo - lookBackMinutes);
    const floor = Math.max(cursor.since, cursor.judgedTo + 1 - lookBackMinutes);
    tasks.push({ rule, sealing, cursor, floor, from: cursor.judgedTo + 1, to, skipped, revision: cursor.revision });
  }
  return tasks.length > 0 || withdrawn.length > 0 ? [{ slot, held, tasks, withdrawn }] : [];
}

/** A rule that begins judges the newest minute first. */
function newCursor(rule: AlarmRule, to: number): RuleCursor {
  const { fingerprint } = rule;
  return { fingerprint, since: to, judgedTo: to - 1, revision: 0, skipped: 0, facts: factsOf(rule) };
}

/** Revisions of every minute that a verdict of this work depends on; undefined when there is none. */
export function revisionsWanted(works: readonly SlotWork[]): RevisionQuery | undefined {
  const tasks = works.flatMap((work) => work.tasks);
  if (tasks.length === 0) return undefined;
  return {
    slots: works.map(({ slot }) => slot),
    fromMinute: Math.min(...tasks.map(({ floor, rule }) => floor - windowOf(rule) + 1)),
    toMinute: Math.max(...tasks.map(({ to }) => to)),
  };
}

/** The work, with its ranges begun at the first minute that has to be judged again. */
export function withRanges(work: SlotWork, revisions: readonly MinuteRevision[]): SlotWork {
  const ofSlot = revisions.filter(({ slot }) => slot === work.slot);
  return { ...work, tasks: work.tasks.map((task) => withRange(task, work.held, ofSlot)) };
}

function withRange(task: Task, held: SlotAlarms, revisions: readonly MinuteRevision[]): Task {
  const { rule, sealing, cursor, floor, skipped } = task;
  const revision = Math.max(cursor.revision, ...revisions.map((r) => r.revision));
  if (skipped > 0) return { ...task, revision }; // what was judged is out of reach
  let { from } = task;
  const window = windowOf(rule);
  for (const { minute, revision: of } of revisions) {
    if (of <= cursor.revision || minute > cursor.judgedTo || minute + window <= floor) continue;
    from = Math.min(from, Math.max(minute, floor));
  }
  for (const timeline of held.timelines.get(rule.name)?.values() ?? []) {
    const unknown = firstUnknown(timeline, Math.min(sealing.sealedTo, cursor.judgedTo + 1));
    if (unknown !== undefined) from = Math.min(from, Math.max(unknown, floor));
  }
  return { ...task, from, revision };
}

/** The rows that the work's verdicts are made of. */
export function rowsWanted({ slot, tasks }: SlotWork): readonly RowsWanted[] {
  return tasks.map(({ rule, from, to, skipped }) => ({
    reads: rule.expression.reads,
    slots: [slot],
    fromMinute: from + skipped - windowOf(rule) + 1,
    toMinute: to,
  }));
}
