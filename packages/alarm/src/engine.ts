// SPDX-License-Identifier: Apache-2.0
// The engine: judges the slots that this node owns, minute by minute. In: rules, merged rows and their revisions, how complete they are,
// which slots are owned. Out: one AlarmStore.commit per slot and round: states, transitions, records, and what hooks are to be told.
//
// Nothing is remembered that storage does not have: windows are read from the rows, states from AlarmStore. A slot's fence decides who
// writes, so two nodes that both think that they own a slot write each transition once. After a commit with an unknown outcome the slot
// is opened again.
import { minuteOf, NO_WATERMARK, type ScopeName } from '@oap-federation/model';
import type { MetricReader } from '@oap-federation/mqe';
import {
  nextTurn,
  uuidV7,
  type Clock,
  type Counter,
  type Logger,
  type MetricRegistry,
  type Rng,
} from '@oap-federation/runtime';
import {
  StorageUnavailable,
  type AlarmDelivery,
  type AlarmStore,
  type AlarmState,
  type MetadataReader,
  type SlotFence,
  type SourceCompleteness,
  type TierStore,
} from '@oap-federation/storage';
import { snapshotOf, verdictOf } from './judge.js';
import type { Verdict } from './machine.js';
import type { AlarmMessage } from './message.js';
import { alarmEntityOf } from './alarm-entity.js';
import { factsOf, outcomeOf, withdrawalOf, type Outcome, type Subject } from './outcome.js';
import {
  dueOf,
  revisionsWanted,
  rowsWanted,
  withRanges,
  type JudgeableRule,
  type SlotWork,
  type Task,
} from './plan.js';
import { judgeableTo, patienceMs, Sealing } from './sealing.js';
import type { AlarmSettings } from './settings.js';
import {
  cursorState,
  forgottenCursor,
  openedSlot,
  timelineState,
  type RuleCursor,
  type SlotAlarms,
} from './slot-alarms.js';
import {
  corrected,
  correctionOf,
  isQuiet,
  quietTimeline,
  settled,
  withVerdicts,
  type Correction,
  type Timeline,
} from './timeline.js';
import { WindowRows } from './window-rows.js';

export interface AlarmEngineOptions {
  /** Slots of the tier. */
  readonly slots: number;
  /** How long after its end a minute waits for its sources before `on-incomplete` decides, in ms. */
  readonly graceMs: number;
  /** How far back late data is judged again, and a stall is caught up, in minutes. */
  readonly lookBackMinutes: number;
}

export interface SlotOwnership {
  ownedSlots(): readonly number[];
  /** What the slot's row must say for a commit; undefined when it is not owned here. */
  fence(slot: number): SlotFence | undefined;
}

export interface AlarmEngineDeps {
  readonly alarms: AlarmStore;
  readonly reader: MetricReader;
  readonly metadata: Pick<MetadataReader, 'completeness' | 'entities'>;
  readonly readRevisions: TierStore['readRevisions'];
  readonly ownership: SlotOwnership;
  /** A message as what is committed to be delivered: one for each target that wants it. */
  readonly deliveriesOf: (
    message: AlarmMessage,
    at: { readonly slot: number; readonly nowMs: number },
  ) => readonly AlarmDelivery[];
  /** Something was committed that hooks are to be told. */
  readonly onDeliveries: (slot: number) => void;
  /** Minutes east of UTC at a minute. */
  readonly timezoneOffsetMinutes: (minute: number) => number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly telemetry: MetricRegistry;
}

/** A commit in the making, and what the slot is after it. */
interface Draft {
  readonly states: AlarmState[];
  readonly forgotten: Pick<AlarmState, 'rule' | 'entityId'>[];
  readonly outcomes: Outcome[];
  readonly cursors: Map<string, RuleCursor>;
  readonly timelines: Map<string, ReadonlyMap<string, Timeline>>;
}

/** What is told of one entity. */
interface Told {
  readonly entityId: string;
  readonly before: Timeline;
  readonly correction: Correction;
  readonly after: Timeline;
}

/** So many windows take about 10 ms; then whoever asks or reports is served. */
const ENTITIES_PER_TURN = 256;

type Counted =
  | 'judged'
  | 'again'
  | 'skipped'
  | 'fired'
  | 'recovered'
  | 'noData'
  | 'retracted'
  | 'withdrawn'
  | 'reopened'
  | 'refused'
  | 'failed';

export class AlarmEngine {
  readonly #o: AlarmEngineOptions;
  readonly #d: AlarmEngineDeps;
  #settings: AlarmSettings;
  readonly #slots = new Map<number, SlotAlarms>();
  /** Claims under which a commit was refused: not tried again until the slot is claimed anew. */
  readonly #refused = new Map<number, number>();
  readonly #counters: Readonly<Record<Counted, Counter>>;
  #lagMs = 0;
  #held = 0;

  constructor(options: AlarmEngineOptions, settings: AlarmSettings, deps: AlarmEngineDeps) {
    this.#o = options;
    this.#d = deps;
    this.#settings = settings;
    const { telemetry } = deps;
    const counter = (name: string, help: string) => telemetry.counter(`oap_alarm_${name}_total`, help);
    this.#counters = {
      judged: counter('minutes_judged', 'minutes of a slot that a rule judged for the first time'),
      again: counter(
        'minutes_rejudged',
        'minutes of a slot that a rule judged again, because rows changed or were sealed',
      ),
      skipped: counter('minutes_skipped', 'minutes of a slot that a rule could not judge in time'),
      fired: counter('fired', 'alarms fired'),
      recovered: counter('recovered', 'incidents that recovered'),
      noData: counter('no_data', 'incidents that ended because their entity stopped reporting'),
      retracted: counter('retracted', 'alarms taken back because of later data'),
      withdrawn: counter('withdrawn', 'incidents that ended with their rule'),
      reopened: counter('reopened', 'ends taken back because of later data'),
      refused: counter('commits_refused', 'commits refused by the fence: another node owns the slot'),
      failed: counter('rounds_failed', 'rounds that storage failed'),
    };
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry.observe('gauge', `oap_alarm_${name}`, help, {}, read);
    gauge('rules', 'alarm rules in force', () => this.#settings.rules.length);
    gauge('entities', 'entities that fired within the look-back, or are firing, in slots owned here', () =>
      this.#entities(),
    );
    gauge('minutes_held', 'minutes that are over and that a rule waits for, at most over all slots', () => this.#held);
    gauge('judge_lag_seconds', 'age of the oldest minute that some rule has yet to judge', () => this.#lagMs / 1000);
  }

  get settings(): AlarmSettings {
    return this.#settings;
  }

  /** From the next round on, these rules are in force. */
  useSettings(settings: AlarmSettings): void {
    this.#settings = settings;
  }

  #entities(): number {
    let count = 0;
    for (const { timelines } of this.#slots.values()) for (const ofRule of timelines.values()) count += ofRule.size;
    return count;
  }

  /** Judges what may be judged now. Rounds never overlap. Errors: none of storage; what it could not do is done in a later round. */
  async round(): Promise<void> {
    try {
      await this.#openSlots();
      if (this.#slots.size === 0) return;
      // before revisions, and those before rows: what is judged is never older than what is said about it
      const sources = await this.#d.metadata.completeness();
      const work = await this.#plan(sources);
      if (work.length === 0) return;
      const rows = await WindowRows.read(this.#d.reader, work.flatMap(rowsWanted));
      for (const one of work) await this.#judge(one, rows);
    } catch (err) {
      if (!(err instanceof StorageUnavailable)) throw err;
      this.#counters.failed.inc();
      this.#d.logger.warn({ err }, 'storage is not available; alarms are judged later');
    }
  }

  /** Opens slots that are owned and not held under the same claim; forgets the others. */
  async #openSlots(): Promise<void> {
    const { ownership, alarms } = this.#d;
    const owned = new Map<number, SlotFence>();
    for (const slot of ownership.ownedSlots()) {
      const fence = ownership.fence(slot);
      if (fence && this.#refused.get(slot) !== fence.claim) owned.set(slot, fence);
    }
    for (const [slot, { fence }] of this.#slots) {
      const now = owned.get(slot);
      if (now?.claim !== fence.claim || now.epoch !== fence.epoch) this.#slots.delete(slot);
    }
    for (const [slot, fence] of owned) {
      if (this.#slots.has(slot)) continue;
      this.#refused.delete(slot);
      this.#slots.set(slot, openedSlot(fence, await alarms.openSlot(slot)));
    }
  }

  /** What there is to judge. */
  async #plan(sources: readonly SourceCompleteness[]): Promise<readonly SlotWork[]> {
    const nowMs = this.#d.clock.now();
    const { graceMs } = this.#o;
    const rules = this.#settings.rules.map((rule) => {
      const sealing = new Sealing(rule, sources);
      return { rule, sealing, to: judgeableTo(rule, sealing, graceMs, nowMs) };
    });
    const due = [...this.#slots].flatMap(([slot, held]) => dueOf(slot, held, rules, this.#o.lookBackMinutes));
    this.#observeLag(rules, nowMs);
    const wanted = revisionsWanted(due);
    const revisions = wanted === undefined ? [] : await this.#d.readRevisions(wanted);
    return due.map((work) => withRanges(work, revisions));
  }

  /** How far behind judging is, over all slots and rules that have begun. */
  #observeLag(rules: readonly JudgeableRule[], nowMs: number): void {
    const over = minuteOf(nowMs) - 1;
    this.#lagMs = 0;
    this.#held = 0;
    for (const { cursors } of this.#slots.values()) {
      for (const { rule, to } of rules) {
        const cursor = cursors.get(rule.name);
        if (cursor?.fingerprint !== rule.fingerprint) continue;
        this.#lagMs = Math.max(this.#lagMs, nowMs - (cursor.judgedTo + 2) * 60_000);
        this.#held = Math.max(this.#held, over - Math.max(to, cursor.judgedTo));
      }
    }
  }

  async #judge(work: SlotWork, rows: WindowRows): Promise<void> {
    const { held } = work;
    const draft: Draft = {
      states: [],
      forgotten: [],
      outcomes: [],
      cursors: new Map(held.cursors),
      timelines: new Map(held.timelines),
    };
    for (const rule of work.withdrawn) await this.#withdraw(work, rule, draft);
    for (const task of work.tasks) await this.#judgeRule(work, task, rows, draft);
    await this.#commit(work, draft);
  }

  /** Ends what a rule began that is gone, or judges otherwise now. */
  async #withdraw({ slot, held }: SlotWork, rule: string, draft: Draft): Promise<void> {
    const cursor = held.cursors.get(rule)!;
    const timelines = held.timelines.get(rule) ?? new Map<string, Timeline>();
    const { scope } = cursor.facts;
    const layers = await this.#layersOf(scope, [...timelines.keys()]);
    for (const [entityId, timeline] of timelines) {
      const subject: Subject = {
        slot,
        rule,
        facts: cursor.facts,
        entityId,
        layers: layers.get(entityId) ?? [],
        nowMs: this.#d.clock.now(),
        completenessAt: () => ({ complete: true, missing: [] }), // nothing was judged
        isLate: () => false,
        snapshotAt: () => ({}),
      };
      draft.outcomes.push(withdrawalOf(subject, timeline, cursor.judgedTo));
      draft.forgotten.push({ rule, entityId });
    }
    draft.forgotten.push(forgottenCursor(rule));
    draft.cursors.delete(rule);
    draft.timelines.delete(rule);
  }

  async #judgeRule({ slot, held, withdrawn }: SlotWork, task: Task, rows: WindowRows, draft: Draft): Promise<void> {
    const { rule, cursor, to } = task;
    const known = withdrawn.includes(rule.name) ? undefined : held.timelines.get(rule.name);
    const next = new Map(known);
    const entities = new Set(known?.keys());
    for (const id of rows.entitiesOf(rule.expression.reads, this.#o.slots).get(slot) ?? []) entities.add(id);

    const told: Told[] = [];
    let judged = 0;
    for (const entityId of entities) {
      if (++judged % ENTITIES_PER_TURN === 0) await nextTurn();
      const old = known?.get(entityId);
      if (old === undefined && !rule.accepts(alarmEntityOf(rule.expression.scope, entityId).name)) continue;
      const before = await this.#judged(task, rows, entityId, old);
      if (before === undefined) continue;
      const correction = correctionOf(before, rule);
      const uuids = correction.fired.map(() => uuidV7(this.#d.rng, this.#d.clock.now()));
      const after = corrected(before, correction, uuids, this.#d.clock.now());
      if (correction.fired.length + correction.changed.length + correction.retracted.length > 0)
        told.push({ entityId, before, correction, after });
      const kept = settled(after, to + 1 - this.#o.lookBackMinutes, rule);
      if (!isQuiet(kept)) {
        next.set(entityId, kept);
        draft.states.push(timelineState(rule.name, entityId, kept));
      } else if (next.delete(entityId)) draft.forgotten.push({ rule: rule.name, entityId });
    }
    draft.outcomes.push(...(await this.#outcomes(slot, task, rows, told)));
    draft.timelines.set(rule.name, next);

    const moved = { ...cursor, judgedTo: to, revision: task.revision, skipped: cursor.skipped + task.skipped };
    draft.cursors.set(rule.name, { ...moved, facts: factsOf(rule) });
    draft.states.push(cursorState(rule.name, draft.cursors.get(rule.name)!));
  }

  /** The entity's timeline with the verdicts as they are now; undefined when it is quiet and stays so. */
  async #judged(
    task: Task,
    rows: WindowRows,
    entityId: string,
    old: Timeline | undefined,
  ): Promise<Timeline | undefined> {
    const { rule, sealing, cursor, floor, from, to, skipped } = task;
    // a look-back that was raised since reaches further than what is remembered
    const first = Math.max(from, old?.from ?? from);
    const verdicts: Verdict[] = [];
    for (let minute = first; minute <= to; minute++) {
      if (skipped > 0 && minute > cursor.judgedTo && minute <= cursor.judgedTo + skipped) {
        verdicts.push('unknown');
        continue;
      }
      const isWhole = rule.onIncomplete.kind === 'evaluate' || sealing.isSealed(minute);
      verdicts.push(await verdictOf(rule, rows, entityId, minute, isWhole));
    }
    if (old === undefined && !verdicts.includes('match')) return undefined;
    return withVerdicts(old ?? quietTimeline(Math.min(floor, from), cursor.judgedTo), first, verdicts);
  }

  async #outcomes(slot: number, task: Task, rows: WindowRows, told: readonly Told[]): Promise<readonly Outcome[]> {
    if (told.length === 0) return [];
    const { rule, sealing, cursor } = task;
    const nowMs = this.#d.clock.now();
    const patience = patienceMs(rule, this.#o.graceMs);
    const layers = await this.#layersOf(
      rule.expression.scope,
      told.map(({ entityId }) => entityId),
    );
    const outcomes: Outcome[] = [];
    for (const { entityId, before, correction, after } of told) {
      const snapshots = new Map<number, Record<string, string>>();
      const { fired, changed, retracted } = correction;
      const minutes = [...fired, ...changed, ...retracted].flatMap(({ minute, end }) => [
        minute,
        end?.minute ?? minute,
      ]);
      for (const minute of new Set(minutes)) {
        const offset = this.#d.timezoneOffsetMinutes(minute);
        snapshots.set(minute, await snapshotOf(rule, rows, entityId, minute, offset));
      }
      const subject: Subject = {
        slot,
        rule: rule.name,
        facts: factsOf(rule),
        entityId,
        layers: layers.get(entityId) ?? [],
        nowMs,
        completenessAt: (minute) => sealing.completenessAt(minute),
        isLate: (minute) => minute <= cursor.judgedTo || nowMs > (minute + 2) * 60_000 + patience,
        snapshotAt: (minute) => snapshots.get(minute) ?? {},
      };
      outcomes.push(outcomeOf(subject, before, correction, after));
    }
    return outcomes;
  }

  async #layersOf(scope: ScopeName, ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    if (ids.length === 0) return new Map();
    const entities = await this.#d.metadata.entities(scope, ids);
    return new Map(
      entities.map(({ id, source, dest }) => {
        const names = `${source.layer},${dest?.layer ?? ''}`.split(',').filter((name) => name !== '');
        return [id, [...new Set(names)].toSorted()];
      }),
    );
  }

  async #commit({ slot, held, tasks }: SlotWork, draft: Draft): Promise<void> {
    const nowMs = this.#d.clock.now();
    let seq = held.lastTransition;
    const { outcomes } = draft;
    const transitions = outcomes.flatMap((o) => o.transitions).map((transition) => ({ ...transition, seq: ++seq }));
    const deliveries = outcomes
      .flatMap((o) => o.messages)
      .flatMap(({ message, isRepeated }) => {
        const made = this.#d.deliveriesOf(message, { slot, nowMs });
        // the key of the message that it repeats is taken
        return isRepeated ? made.map((delivery) => ({ ...delivery, id: `${delivery.id}-${seq}` })) : made;
      });
    const cursors = [...draft.cursors.values()];
    // a rule that begins anew writes again what its former self leaves
    const written = new Set(draft.states.map(subjectOf));
    let outcome;
    try {
      outcome = await this.#d.alarms.commit({
        slot,
        fence: held.fence,
        judgedTo: cursors.length === 0 ? NO_WATERMARK : Math.min(...cursors.map((c) => c.judgedTo)),
        judgedRevision: cursors.length === 0 ? 0 : Math.min(...cursors.map((c) => c.revision)),
        states: draft.states,
        forgotten: draft.forgotten.filter((gone) => !written.has(subjectOf(gone))),
        transitions,
        records: outcomes.flatMap((o) => o.records),
        ended: outcomes.flatMap((o) => o.ended),
        deliveries,
      });
    } catch (err) {
      this.#slots.delete(slot); // the outcome is unknown: what is stored tells
      throw err;
    }
    if (outcome === 'notOwner') {
      this.#counters.refused.inc();
      this.#refused.set(slot, held.fence.claim);
      this.#slots.delete(slot);
      return;
    }
    this.#slots.set(slot, { ...held, lastTransition: seq, cursors: draft.cursors, timelines: draft.timelines });
    this.#count(slot, tasks, transitions);
    if (deliveries.length > 0) this.#d.onDeliveries(slot);
  }

  #count(
    slot: number,
    tasks: readonly Task[],
    transitions: readonly { readonly kind: Exclude<Counted, 'judged'> }[],
  ): void {
    for (const { kind } of transitions) this.#counters[kind].inc();
    for (const { rule, cursor, from, to, skipped } of tasks) {
      this.#counters.judged.inc(to - cursor.judgedTo - skipped);
      this.#counters.again.inc(Math.max(0, cursor.judgedTo + 1 - from));
      if (skipped === 0) continue;
      this.#counters.skipped.inc(skipped);
      this.#d.logger.warn(
        { slot, rule: rule.name, fromMinute: cursor.judgedTo + 1, minutes: skipped },
        'minutes were not judged: they are further back than alarm.default.lookBack',
      );
    }
  }
}

function subjectOf({ rule, entityId }: Pick<AlarmState, 'rule' | 'entityId'>): string {
  return `${rule} ${entityId}`;
}
