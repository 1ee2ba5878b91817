// SPDX-License-Identifier: Apache-2.0
// The storage port of alarms: where each (rule, entity) stands, the records that people see, and what is still to be delivered.
// Everything about an entity lies in the entity's slot and is written under the slot's fence, so two nodes never both say it.
import type { ScopeName } from '@oap-federation/model';
import type { SlotFence } from './port.js';

/** Whether the window that an alarm was judged on was whole: origins that lacked some minute of it. */
export interface AlarmCompleteness {
  readonly complete: boolean;
  readonly missing: readonly string[];
}

/**
 * How an incident ended: its metric is good again, its entity stopped reporting, later data says that it never was, or its rule was
 * changed or removed while it was open.
 */
export type AlarmEndKind = 'recovered' | 'noData' | 'retracted' | 'withdrawn';

export interface AlarmTag {
  readonly key: string;
  readonly value: string;
}

/** One message that an incident sent. An incident that goes on sends more of them, each with its own uuid. */
export interface AlarmRecord {
  readonly uuid: string;
  readonly slot: number;
  readonly rule: string;
  readonly scope: ScopeName;
  /** `svc`; `inst of svc`; `ep in svc`; relations `a to b`. */
  readonly name: string;
  /** Id of the entity; of the source for relations, and then `id1` is that of the destination, else ''. */
  readonly id0: string;
  readonly id1: string;
  readonly layers: readonly string[];
  readonly message: string;
  readonly tags: readonly AlarmTag[];
  /** MQE text of the rule, and what its metrics were: metric -> JSON text of the window. */
  readonly expression: string;
  readonly snapshot: Readonly<Record<string, string>>;
  /** Last minute of the window (epoch minute), and when it was judged (epoch ms). */
  readonly minute: number;
  readonly startTimeMs: number;
  /** The minute had been judged before, or was over for long: what was stored later, or read later, says that it should have fired. */
  readonly late: boolean;
  readonly completeness: AlarmCompleteness;
  readonly end?: { readonly kind: AlarmEndKind; readonly minute: number; readonly timeMs: number };
}

/** Where one entity stands under one rule. `state` is the engine's own text. */
export interface AlarmState {
  readonly rule: string;
  readonly entityId: string;
  readonly state: string;
}

/**
 * A change of one entity under one rule. Transitions are a log of the slot, numbered 1, 2, ...; a number that is there already, or that
 * does not follow `AlarmSlot.lastTransition`, refuses the commit: two engines never both write the same change.
 */
export interface AlarmTransition {
  readonly seq: number;
  readonly rule: string;
  readonly entityId: string;
  readonly minute: number;
  /** `reopened`: it had ended, and later data says that it had not. */
  readonly kind: 'fired' | 'reopened' | AlarmEndKind;
  readonly uuid: string;
}

/** One message to one target of a hook, from its commit until the target has taken it. */
export interface AlarmDelivery {
  /** Idempotency key: the same for every attempt. Unique in the slot while it waits. */
  readonly id: string;
  readonly slot: number;
  /** Target of a hook of alarm-settings.yml. */
  readonly target: string;
  /** What is told in order: deliveries of one incident to one target never overtake each other. */
  readonly incident: string;
  /** JSON text of an AlarmMessage. */
  readonly message: string;
  readonly createdAtMs: number;
  readonly attempts: number;
  readonly nextAttemptMs: number;
  readonly lastError: string;
  /** Taken by the target, which wants it repeated until something newer of the incident has been told. */
  readonly delivered: boolean;
}

/** What an attempt leaves of a delivery. */
export type AlarmRetry = Pick<AlarmDelivery, 'id' | 'attempts' | 'nextAttemptMs' | 'lastError' | 'delivered'>;

/** What waits for one target; repeated ones do not count. */
export interface AlarmBacklog {
  readonly target: string;
  readonly waiting: number;
  readonly oldestMs: number;
}

/** What one evaluation of a slot changes: all or nothing. */
export interface AlarmCommit {
  readonly slot: number;
  /** Epoch and claim must be those of the slot's row; `flushes` is not compared. */
  readonly fence: SlotFence;
  /** The slot was judged up to this minute, over the data of this revision: where a new owner goes on. */
  readonly judgedTo: number;
  readonly judgedRevision: number;
  readonly states: readonly AlarmState[];
  readonly forgotten: readonly Pick<AlarmState, 'rule' | 'entityId'>[];
  readonly transitions: readonly AlarmTransition[];
  readonly records: readonly AlarmRecord[];
  /** Records whose end is another one now; without an end they are open again. Those that have expired meanwhile are passed over. */
  readonly ended: readonly { readonly uuid: string; readonly end?: NonNullable<AlarmRecord['end']> }[];
  /** Told in this order, behind those that wait. */
  readonly deliveries: readonly AlarmDelivery[];
}

/** What a new owner of a slot starts from. Of a slot that was never judged: NO_WATERMARK, 0, 0 and nothing. */
export interface AlarmSlot {
  readonly judgedTo: number;
  readonly judgedRevision: number;
  /** Number of the newest transition. */
  readonly lastTransition: number;
  readonly states: readonly AlarmState[];
}

export interface AlarmFilter {
  /** startTimeMs, both inclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly scope?: ScopeName;
  /** Contained in the message, any case. */
  readonly keyword?: string;
  readonly rule?: string;
  /** Of either end of a relation. */
  readonly entityId?: string;
  readonly layer?: string;
  /** All of these. */
  readonly tags?: readonly AlarmTag[];
  readonly offset: number;
  readonly limit: number;
}

/**
 * Every method may throw StorageUnavailable; whether a commit was written is then unknown, and `openSlot` tells.
 * A tier without rows refuses everything with OAP-6002.
 */
export interface AlarmStore {
  /** Waits for a commit of the slot that is under way, so what it gives stays true until the next one. */
  openSlot(slot: number): Promise<AlarmSlot>;
  /** The same without waiting, as of some moment: for people. */
  readSlot(slot: number): Promise<AlarmSlot>;
  /** Errors: BUG for a transition out of turn, or for the id of a delivery that waits already; nothing is written then. */
  commit(commit: AlarmCommit): Promise<'committed' | 'notOwner'>;
  /**
   * Deliveries of these slots that are due at `nowMs`, oldest first, at most as many of each target as there is room for. Of each incident
   * and target only the first that the target has not taken; when it has taken all, the one that is to be repeated.
   */
  dueDeliveries(
    slots: readonly number[],
    nowMs: number,
    rooms: ReadonlyMap<string, number>,
  ): Promise<readonly AlarmDelivery[]>;
  /**
   * Removes what was taken or given up; writes what is tried again or repeated. Those before them that were only repeated go. Under the
   * slot's fence; ids that are gone are passed over.
   */
  settleDeliveries(
    slot: number,
    fence: SlotFence,
    settled: readonly string[],
    retries: readonly AlarmRetry[],
  ): Promise<'committed' | 'notOwner'>;
  /** By target, over these slots. */
  deliveryBacklog(slots: readonly number[]): Promise<readonly AlarmBacklog[]>;
  /** Records, newest first, and how many match in all. */
  query(filter: AlarmFilter): Promise<{ readonly records: readonly AlarmRecord[]; readonly total: number }>;
  /**
   * Removes records that started, transitions of minutes, and deliveries that were made before that. States stay, and so do deliveries
   * that are repeated: their incident is still open.
   */
  dropExpired(beforeMs: number): Promise<void>;
}
