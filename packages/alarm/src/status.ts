// SPDX-License-Identifier: Apache-2.0
// The running state of rules, as SkyWalking's status API shows it. In: the rules in force, what AlarmStore has, and the rows of the window.
// Out: plain records for JSON. Any node answers for all slots: nothing of it is in a node's memory.
import { durationText, minuteOf } from '@oap-federation/model';
import type { MetricReader } from '@oap-federation/mqe';
import type { Clock } from '@oap-federation/runtime';
import type { AlarmStore } from '@oap-federation/storage';
import { alarmEntityOf, alarmScopeOf } from './alarm-entity.js';
import { snapshotOf, verdictOf } from './judge.js';
import { factsOf } from './outcome.js';
import { windowOf, type AlarmRule } from './rule.js';
import { openedSlot, type RuleCursor } from './slot-alarms.js';
import { hookOf } from './incident.js';
import type { TargetHealth } from './target-health.js';
import { stateOf, type Timeline } from './timeline.js';
import { WindowRows } from './window-rows.js';

export interface AlarmStatusDeps {
  readonly alarms: AlarmStore;
  readonly reader: MetricReader;
  readonly rules: () => readonly AlarmRule[];
  /** Of this node. */
  readonly hookHealth: () => readonly TargetHealth[];
  readonly slots: number;
  readonly timezoneOffsetMinutes: (minute: number) => number;
  readonly clock: Clock;
}

/** So many entities of a rule are listed; `runningEntitiesTotal` counts all. */
const ENTITIES_MAX = 1_000;

interface RuleState {
  /** Of the slot that is furthest behind; undefined when no slot was judged yet. */
  readonly judgedTo: number | undefined;
  readonly skipped: number;
  readonly timelines: ReadonlyMap<string, Timeline>;
}

/** Every method may throw StorageUnavailable. */
export class AlarmStatus {
  readonly #d: AlarmStatusDeps;

  constructor(deps: AlarmStatusDeps) {
    this.#d = deps;
  }

  /** The rules in force, for those who only want to name them. */
  ruleTexts(): readonly { readonly name: string; readonly expression: string }[] {
    return this.#d.rules().map(({ name, expression }) => ({ name, expression: expression.text }));
  }

  rules(): object {
    return { ruleList: this.#d.rules().map(({ name }) => ({ id: name })) };
  }

  /** A rule, and the entities that it judges; undefined when there is no such rule. */
  async rule(name: string): Promise<object | undefined> {
    const rule = this.#find(name);
    if (rule === undefined) return undefined;
    const state = await this.#stateOf(rule);
    const { settings, expression } = rule;
    const entities = [...(await this.#entities(rule, state)).values()];
    const { message } = factsOf(rule);
    const scope = alarmScopeOf(expression.scope).text;
    return {
      ruleId: name,
      expression: expression.text,
      period: rule.period,
      silencePeriod: rule.silencePeriod,
      recoveryObservationPeriod: rule.recoveryObservationPeriod,
      additionalPeriod: expression.lookBackMinutes,
      includeEntityNames: settings['include-names'],
      excludeEntityNames: settings['exclude-names'],
      includeEntityNamesRegex: settings['include-names-regex'] ?? '',
      excludeEntityNamesRegex: settings['exclude-names-regex'] ?? '',
      onIncomplete: settings['on-incomplete'],
      onNoData: rule.onNoData,
      runningEntities: entities.slice(0, ENTITIES_MAX).map(({ id, name: shown }) => ({
        scope,
        name: shown,
        state: this.#kindOf(rule, state.timelines.get(id)),
        formattedMessage: message.replaceAll('{name}', shown).replaceAll('{id}', id),
      })),
      runningEntitiesTotal: entities.length,
      tags: rule.tags,
      hooks: rule.hooks,
      includeMetrics: expression.reads.map(({ text }) => text),
      judgedTo: state.judgedTo === undefined ? null : this.#text(state.judgedTo),
      skippedMinutes: state.skipped,
    };
  }

  /** The window of one entity, by the name that alarms show; undefined when there is no such rule. */
  async entity(ruleName: string, entityName: string): Promise<object | undefined> {
    const rule = this.#find(ruleName);
    if (rule === undefined) return undefined;
    const state = await this.#stateOf(rule);
    const found = (await this.#entities(rule, state)).get(entityName);
    const minute = this.#windowEnd(state);
    const base = {
      ruleId: ruleName,
      expression: rule.expression.text,
      endTime: this.#text(minute),
      additionalPeriod: rule.expression.lookBackMinutes,
    };
    if (found === undefined) return { ...base, size: 0, silenceCountdown: -1, entityName, windowValues: [] };
    const rows = await this.#rows(rule, minute);
    const timeline = state.timelines.get(found.id);
    const machine = timeline && stateOf(timeline, rule);
    const isOpen = machine?.open !== undefined;
    const size = windowOf(rule);
    const snapshot = await snapshotOf(rule, rows, found.id, minute, this.#d.timezoneOffsetMinutes(minute));
    return {
      ...base,
      size,
      silenceCountdown: isOpen ? machine.state.silence : -1,
      recoveryObservationCountdown: isOpen ? machine.state.recovery : -1,
      state: this.#kindOf(rule, timeline),
      verdict: await verdictOf(rule, rows, found.id, minute, false),
      openAlarm: timeline?.told.find((alarm) => alarm.minute === machine?.open)?.uuid ?? null,
      entityName,
      windowValues: windowValues(snapshot, size),
      mqeMetricsSnapshot: snapshot,
    };
  }

  /** What hooks are told: how each target does as this node sees it, and what waits for it in all slots, whether it is set up here or not. */
  async hooks(): Promise<object> {
    const slots = Array.from({ length: this.#d.slots }, (_, i) => i);
    const backlog = new Map((await this.#d.alarms.deliveryBacklog(slots)).map((one) => [one.target, one]));
    const known = this.#d.hookHealth().map(({ target, hook, state, lastSuccessMs, lastError, failures }) => ({
      target,
      hook,
      state,
      lastSuccess: textOfTime(lastSuccessMs),
      lastError: lastError ? { at: textOfTime(lastError.atMs), reason: lastError.reason } : null,
      failures,
    }));
    const named = new Set(known.map(({ target }) => target));
    const strangers = [...backlog.keys()].flatMap((target) =>
      named.has(target) ? [] : [{ target, hook: hookOf(target), state: 'not set up here' }],
    );
    return {
      targets: [...known, ...strangers].map((one) => ({
        ...one,
        waiting: backlog.get(one.target)?.waiting ?? 0,
        oldest: textOfTime(backlog.get(one.target)?.oldestMs),
      })),
    };
  }

  #find(name: string): AlarmRule | undefined {
    return this.#d.rules().find((rule) => rule.name === name);
  }

  #kindOf(rule: AlarmRule, timeline: Timeline | undefined): string {
    return (timeline === undefined ? 'normal' : stateOf(timeline, rule).state.kind).toUpperCase();
  }

  #text(minute: number): string {
    return durationText(minute, 'MINUTE', this.#d.timezoneOffsetMinutes(minute));
  }

  /** Last minute of the window that is shown: the newest that was judged, or that is over. */
  #windowEnd({ judgedTo }: RuleState): number {
    return judgedTo ?? minuteOf(this.#d.clock.now()) - 1;
  }

  async #stateOf(rule: AlarmRule): Promise<RuleState> {
    const cursors: RuleCursor[] = [];
    const timelines = new Map<string, Timeline>();
    for (let slot = 0; slot < this.#d.slots; slot++) {
      const held = openedSlot(NO_FENCE, await this.#d.alarms.readSlot(slot));
      const cursor = held.cursors.get(rule.name);
      if (cursor?.fingerprint !== rule.fingerprint) continue;
      cursors.push(cursor);
      for (const [id, timeline] of held.timelines.get(rule.name) ?? []) timelines.set(id, timeline);
    }
    return {
      judgedTo: cursors.length === 0 ? undefined : Math.min(...cursors.map((c) => c.judgedTo)),
      skipped: cursors.reduce((sum, c) => sum + c.skipped, 0),
      timelines,
    };
  }

  #rows(rule: AlarmRule, minute: number): Promise<WindowRows> {
    const slots = Array.from({ length: this.#d.slots }, (_, i) => i);
    const fromMinute = minute - windowOf(rule) + 1;
    return WindowRows.read(this.#d.reader, [{ reads: rule.expression.reads, slots, fromMinute, toMinute: minute }]);
  }

  /** Entities of the rule with rows in the window, and those that are not quiet, by the name that alarms show. */
  async #entities(
    rule: AlarmRule,
    state: RuleState,
  ): Promise<ReadonlyMap<string, { readonly id: string; readonly name: string }>> {
    const rows = await this.#rows(rule, this.#windowEnd(state));
    const ids = new Set(state.timelines.keys());
    for (const ofSlot of rows.entitiesOf(rule.expression.reads, this.#d.slots).values())
      for (const id of ofSlot) ids.add(id);
    const named = [...ids].map((id) => ({ id, name: alarmEntityOf(rule.expression.scope, id).name }));
    const accepted = named.filter(({ name }) => rule.accepts(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return new Map(accepted.map((entity) => [entity.name, entity]));
  }
}

function textOfTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** Nothing is written with it. */
const NO_FENCE = { epoch: 0, claim: 0, flushes: 0 };

interface SnapshotSet {
  readonly metric: { readonly labels: readonly { readonly key: string; readonly value: string }[] };
  readonly values: readonly { readonly id: string; readonly value: string | null }[];
}

/** The window, slot by slot: what each metric and label set was. */
function windowValues(snapshot: Readonly<Record<string, string>>, size: number): readonly object[] {
  const sets = Object.entries(snapshot).flatMap(([text, json]) =>
    (JSON.parse(json) as readonly SnapshotSet[]).map(({ metric, values }) => ({
      name: metric.labels.length === 0 ? text : `${text} ${metric.labels.map((l) => `${l.key}=${l.value}`).join(',')}`,
      values,
    })),
  );
  const length = Math.max(0, ...sets.map(({ values }) => values.length));
  return Array.from({ length: Math.min(size, length) }, (_, index) => ({
    index,
    metrics: sets.flatMap(({ name, values }) => {
      const { id, value } = values[index]!;
      return value === null ? [] : [{ name, timeBucket: Number(id), value }];
    }),
  }));
}
