// SPDX-License-Identifier: Apache-2.0
// What the engine holds of one slot: how far each rule judged it, and the timelines of the entities that are not quiet. It is a copy of
// what AlarmStore has. In: AlarmSlot. Out: the states to write.
import { invariant } from '@oap-federation/runtime';
import type { AlarmSlot, AlarmState, SlotFence } from '@oap-federation/storage';
import type { RuleFacts } from './outcome.js';
import { decodeTimeline, encodeTimeline, type Timeline } from './timeline.js';

/** How far one rule judged the slot. */
export interface RuleCursor {
  /** Of the rule; another one begins anew. */
  readonly fingerprint: string;
  /** First minute that it judged. */
  readonly since: number;
  readonly judgedTo: number;
  /** Revision of the slot's data up to which what was judged is right. */
  readonly revision: number;
  /** Minutes that nobody judged in time. */
  readonly skipped: number;
  readonly facts: RuleFacts;
}

export interface SlotAlarms {
  readonly fence: SlotFence;
  readonly lastTransition: number;
  readonly cursors: ReadonlyMap<string, RuleCursor>;
  /** Rule -> entity id -> timeline. */
  readonly timelines: ReadonlyMap<string, ReadonlyMap<string, Timeline>>;
}

/** The entity id under which a rule's cursor is kept: no entity has it. */
const CURSOR = '';

export function openedSlot(fence: SlotFence, { lastTransition, states }: AlarmSlot): SlotAlarms {
  const cursors = new Map<string, RuleCursor>();
  const timelines = new Map<string, Map<string, Timeline>>();
  for (const { rule, entityId, state } of states) {
    if (entityId === CURSOR) {
      const { v, ...cursor } = JSON.parse(state) as RuleCursor & { readonly v: number };
      invariant(v === 1, `cursor of rule ${rule} of version ${v}: ${state}`);
      cursors.set(rule, cursor);
      continue;
    }
    const ofRule = timelines.get(rule) ?? new Map<string, Timeline>();
    timelines.set(rule, ofRule.set(entityId, decodeTimeline(state)));
  }
  return { fence, lastTransition, cursors, timelines };
}

export function cursorState(rule: string, cursor: RuleCursor): AlarmState {
  return { rule, entityId: CURSOR, state: JSON.stringify({ v: 1, ...cursor }) };
}

export function timelineState(rule: string, entityId: string, timeline: Timeline): AlarmState {
  return { rule, entityId, state: encodeTimeline(timeline) };
}

export function forgottenCursor(rule: string): Pick<AlarmState, 'rule' | 'entityId'> {
  return { rule, entityId: CURSOR };
}
