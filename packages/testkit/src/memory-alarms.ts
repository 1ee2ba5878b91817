// SPDX-License-Identifier: Apache-2.0
// The alarms of a MemoryTierStore: what the SQL does, on Maps. In: commits under a slot's fence. Out: the same answers.
import { NO_WATERMARK } from '@oap-federation/model';
import type {
  AlarmBacklog,
  AlarmCommit,
  AlarmDelivery,
  AlarmFilter,
  AlarmRecord,
  AlarmRetry,
  AlarmSlot,
  AlarmState,
  AlarmStore,
  SlotFence,
} from '@oap-federation/storage';

interface SlotAlarms {
  readonly judgedTo: number;
  readonly judgedRevision: number;
  readonly states: ReadonlyMap<string, AlarmState>;
  readonly lastTransition: number;
  readonly records: ReadonlyMap<string, AlarmRecord>;
  /** In the order in which they were committed. */
  readonly deliveries: readonly AlarmDelivery[];
}

const NOTHING: SlotAlarms = {
  judgedTo: NO_WATERMARK,
  judgedRevision: 0,
  states: new Map(),
  lastTransition: 0,
  records: new Map(),
  deliveries: [],
};

const subjectOf = ({ rule, entityId }: Pick<AlarmState, 'rule' | 'entityId'>) => JSON.stringify([rule, entityId]);
const queueOf = ({ target, incident }: AlarmDelivery) => JSON.stringify([target, incident]);
const byAge = (a: AlarmDelivery, b: AlarmDelivery) => a.createdAtMs - b.createdAtMs;

export interface MemoryAlarmDeps {
  /** A database never answers in the same turn, and may be away. */
  readonly reach: () => Promise<void>;
  readonly fenceOf: (slot: number) => SlotFence;
}

export class MemoryAlarmStore implements AlarmStore {
  readonly #d: MemoryAlarmDeps;
  /** A slot's alarms are replaced whole, never changed: a snapshot is a copy of the Map. */
  #slots = new Map<number, SlotAlarms>();

  constructor(deps: MemoryAlarmDeps) {
    this.#d = deps;
  }

  snapshot(): () => void {
    const kept = new Map(this.#slots);
    return () => {
      this.#slots = new Map(kept);
    };
  }

  #of(slot: number): SlotAlarms {
    return this.#slots.get(slot) ?? NOTHING;
  }

  #holds(slot: number, { epoch, claim }: SlotFence): boolean {
    const fence = this.#d.fenceOf(slot);
    return fence.epoch === epoch && fence.claim === claim;
  }

  async openSlot(slot: number): Promise<AlarmSlot> {
    await this.#d.reach();
    this.#d.fenceOf(slot);
    const { judgedTo, judgedRevision, lastTransition, states } = this.#of(slot);
    const sorted = [...states.values()].toSorted((a, b) => (subjectOf(a) < subjectOf(b) ? -1 : 1));
    return { judgedTo, judgedRevision, lastTransition, states: sorted };
  }

  readSlot(slot: number): Promise<AlarmSlot> {
    return this.openSlot(slot);
  }

  async commit(commit: AlarmCommit): Promise<'committed' | 'notOwner'> {
    await this.#d.reach();
    const { slot, judgedTo, judgedRevision } = commit;
    if ([...commit.records, ...commit.deliveries].some((one) => one.slot !== slot))
      throw new Error(`BUG: alarms of slot ${slot} hold another's`);
    if (!this.#holds(slot, commit.fence)) return 'notOwner';
    const before = this.#of(slot);
    const states = new Map(before.states);
    for (const one of commit.forgotten) states.delete(subjectOf(one));
    for (const one of commit.states) states.set(subjectOf(one), one);
    let { lastTransition } = before;
    for (const { seq, rule, entityId } of commit.transitions)
      if (seq !== ++lastTransition)
        throw new Error(
          `BUG: transition ${seq} of slot ${slot} is not the next, ${lastTransition}: ${rule} ${entityId}`,
        );
    const records = new Map(before.records);
    for (const one of commit.records) {
      if (records.has(one.uuid)) throw new Error(`BUG: alarm record ${one.uuid} is there already`);
      records.set(one.uuid, one);
    }
    for (const { uuid, end } of commit.ended) {
      const record = records.get(uuid);
      if (!record) continue;
      const { end: _, ...open } = record;
      records.set(uuid, end ? { ...open, end } : open);
    }
    const deliveries = [...before.deliveries];
    for (const one of commit.deliveries) {
      if (deliveries.some(({ id }) => id === one.id))
        throw new Error(`BUG: a delivery of slot ${slot} waits already: ${one.id}`);
      deliveries.push(one);
    }
    this.#slots.set(slot, { judgedTo, judgedRevision, lastTransition, states, records, deliveries });
    return 'committed';
  }

  async dueDeliveries(
    slots: readonly number[],
    nowMs: number,
    rooms: ReadonlyMap<string, number>,
  ): Promise<readonly AlarmDelivery[]> {
    await this.#d.reach();
    const due: AlarmDelivery[] = [];
    for (const slot of slots) {
      const heads = new Map<string, AlarmDelivery>();
      for (const one of this.#of(slot).deliveries) {
        const head = heads.get(queueOf(one));
        if (!head || (head.delivered && !one.delivered)) heads.set(queueOf(one), one);
      }
      due.push(...[...heads.values()].filter(({ nextAttemptMs }) => nextAttemptMs <= nowMs));
    }
    const taken = new Map<string, number>();
    return due.toSorted(byAge).filter(({ target }) => {
      const place = (taken.get(target) ?? 0) + 1;
      taken.set(target, place);
      return place <= (rooms.get(target) ?? 0);
    });
  }

  async settleDeliveries(
    slot: number,
    fence: SlotFence,
    settled: readonly string[],
    retries: readonly AlarmRetry[],
  ): Promise<'committed' | 'notOwner'> {
    await this.#d.reach();
    if (!this.#holds(slot, fence)) return 'notOwner';
    const before = this.#of(slot);
    const retried = new Map(retries.map((retry) => [retry.id, retry]));
    const told = new Set([...settled, ...retries.filter((r) => r.delivered).map((r) => r.id)]);
    const lastTold = new Map<string, number>();
    before.deliveries.forEach((one, i) => {
      if (told.has(one.id)) lastTold.set(queueOf(one), i);
    });
    const kept = before.deliveries.filter(
      (one, i) => !settled.includes(one.id) && !(one.delivered && i < (lastTold.get(queueOf(one)) ?? -1)),
    );
    const deliveries = kept.map((one) => ({ ...one, ...retried.get(one.id) }));
    this.#slots.set(slot, { ...before, deliveries });
    return 'committed';
  }

  async deliveryBacklog(slots: readonly number[]): Promise<readonly AlarmBacklog[]> {
    await this.#d.reach();
    const sums = new Map<string, AlarmBacklog>();
    for (const { target, createdAtMs, delivered } of slots.flatMap((slot) => this.#of(slot).deliveries)) {
      if (delivered) continue;
      const sum = sums.get(target) ?? { target, waiting: 0, oldestMs: createdAtMs };
      sums.set(target, { target, waiting: sum.waiting + 1, oldestMs: Math.min(sum.oldestMs, createdAtMs) });
    }
    return [...sums.values()].toSorted((a, b) => (a.target < b.target ? -1 : 1));
  }

  async query(filter: AlarmFilter): Promise<{ readonly records: readonly AlarmRecord[]; readonly total: number }> {
    await this.#d.reach();
    const found = [...this.#slots.values()]
      .flatMap(({ records }) => [...records.values()])
      .filter((record) => matches(filter, record))
      .toSorted((a, b) => b.startTimeMs - a.startTimeMs || a.slot - b.slot || (a.uuid < b.uuid ? -1 : 1));
    return { records: found.slice(filter.offset, filter.offset + filter.limit), total: found.length };
  }

  async dropExpired(beforeMs: number): Promise<void> {
    await this.#d.reach();
    for (const [slot, before] of this.#slots) {
      this.#slots.set(slot, {
        ...before,
        records: new Map([...before.records].filter(([, { startTimeMs }]) => startTimeMs >= beforeMs)),
        deliveries: before.deliveries.filter(({ createdAtMs, delivered }) => delivered || createdAtMs >= beforeMs),
      });
    }
  }
}

function matches(filter: AlarmFilter, record: AlarmRecord): boolean {
  const { scope, keyword, rule, entityId, layer, tags = [] } = filter;
  return (
    record.startTimeMs >= filter.fromMs &&
    record.startTimeMs <= filter.toMs &&
    (scope === undefined || record.scope === scope) &&
    (keyword === undefined || record.message.toLowerCase().includes(keyword.toLowerCase())) &&
    (rule === undefined || record.rule === rule) &&
    (entityId === undefined || record.id0 === entityId || record.id1 === entityId) &&
    (layer === undefined || record.layers.includes(layer)) &&
    tags.every(({ key, value }) => record.tags.some((tag) => tag.key === key && tag.value === value))
  );
}
