// SPDX-License-Identifier: Apache-2.0
// A tier for tests of the alarm engine: a store of any kind, slots claimed by nodes, rows and watermarks written by flushes as the slot
// owner writes them, and engines that own what they are told to own. The data is kept beside it, for a reference to judge.
import { AlarmEngine, loadAlarmSettings, type AlarmMessage, type AlarmSettings } from '@oap-federation/alarm';
import { entityOf, metricSchema, NO_WATERMARK, slotOf, type Entity } from '@oap-federation/model';
import { MetricRegistry, seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { flushOf, type AlarmDelivery, type SlotClaim, type SlotFence, type TierStore } from '@oap-federation/storage';
import { testBlock, testMark, type TestRow } from '@oap-federation/storage/testing';

export const SLOTS = 4;
export const METRIC = metricSchema('service_resp_time', 'Service', 'longAvg');
export const ORIGINS = ['cloud-c', 'cloud-n'] as const;
export type Origin = (typeof ORIGINS)[number];
/** Epoch minute at which the clock starts. */
export const START = Date.UTC(2026, 0, 5, 12) / 60_000;

export interface WorldOptions {
  readonly store: TierStore;
  readonly settings: string;
  readonly graceMs?: number;
  readonly lookBackMinutes?: number;
}

export function settingsOf(text: string): AlarmSettings {
  const loaded = loadAlarmSettings(text, {}, { metrics: [METRIC], originScopes: ['Service'] });
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  return loaded.settings;
}

export function service(name: string): Entity {
  return entityOf('Service', { service: name, normal: true, layer: 'GENERAL', name: '' });
}

/** A node's view of which slots it owns. */
export interface Node {
  readonly engine: AlarmEngine;
  readonly fences: Map<number, SlotFence>;
  readonly telemetry: MetricRegistry;
}

export class World {
  readonly clock = new VirtualClock(START * 60_000);
  readonly store: TierStore;
  readonly #options: WorldOptions;
  /** `minute origin service` -> value, as the rows have it now. */
  readonly data = new Map<string, number>();
  readonly #entities = new Map<string, { readonly code: number; readonly entity: Entity; readonly slot: number }>();
  /** Who may flush: the newest claim of each slot. */
  readonly #claims = new Map<number, { claim: SlotClaim; flushes: number; seq: number }>();
  readonly #sealed = new Map<Origin, number>();
  settings: AlarmSettings;

  private constructor(options: WorldOptions) {
    this.store = options.store;
    this.#options = options;
    this.settings = settingsOf(options.settings);
  }

  static async open(options: WorldOptions): Promise<World> {
    await options.store.prepareMetrics([METRIC]);
    return new World(options);
  }

  get minute(): number {
    return Math.floor(this.clock.now() / 60_000);
  }

  /** A node that owns nothing yet; `way` is its own way to the same data. */
  node(seed = 1, way: Partial<TierStore> = {}): Node {
    const fences = new Map<number, SlotFence>();
    const telemetry = new MetricRegistry();
    const { clock, store } = this;
    const engine = new AlarmEngine(
      {
        slots: SLOTS,
        graceMs: this.#options.graceMs ?? 30_000,
        lookBackMinutes: this.#options.lookBackMinutes ?? 60,
      },
      this.settings,
      {
        alarms: way.alarms ?? store.alarms,
        reader: way.reader ?? store.reader,
        metadata: way.metadata ?? store.metadata,
        readRevisions: (query) => store.readRevisions(query),
        ownership: { ownedSlots: () => [...fences.keys()], fence: (slot) => fences.get(slot) },
        deliveriesOf,
        onDeliveries: () => {},
        timezoneOffsetMinutes: () => 0,
        clock,
        rng: seededRng(seed),
        logger: silentLogger,
        telemetry,
      },
    );
    return { engine, fences, telemetry };
  }

  /** The node claims the slots; others that think that they own them are not told. */
  async claim({ fences }: Node, slots: Iterable<number>): Promise<void> {
    for (const slot of slots) {
      const claim = await this.store.claimSlot(slot, 'node');
      this.#claims.set(slot, { claim, flushes: 0, seq: claim.marks[0]?.seq ?? 0 });
      fences.set(slot, claim.fence);
    }
  }

  /** Values of a service in minutes, per origin, in one flush of its slot. Undefined leaves a value as it is. */
  async put(
    name: string,
    values: readonly { readonly minute: number; readonly origin: Origin; readonly value: number }[],
  ): Promise<void> {
    const known = this.#entityOf(name);
    const rows: TestRow[] = [];
    for (const { minute, origin, value } of values) this.data.set(`${minute} ${origin} ${name}`, value);
    for (const minute of new Set(values.map((v) => v.minute))) {
      const present = ORIGINS.flatMap((origin, i) => {
        const value = this.data.get(`${minute} ${origin} ${name}`);
        return value === undefined ? [] : [{ origin: i + 1, value }];
      });
      const row = (origin: number, sum: number, count: number): TestRow => ({
        minute,
        origin,
        entity: known.code,
        values: new Map([[METRIC, [BigInt(sum), BigInt(count)]]]),
      });
      for (const { origin, value } of present) rows.push(row(origin, value, 1));
      rows.push(
        row(
          0,
          present.reduce((sum, { value }) => sum + value, 0),
          present.length,
        ),
      );
    }
    rows.sort((a, b) => a.minute - b.minute || (a.origin ?? 0) - (b.origin ?? 0));
    await this.#flush(known.slot, {
      entities: [{ code: known.code, entity: known.entity }],
      origins: ORIGINS.map((origin, i) => ({ code: i + 1, name: origin })),
      rows: [testBlock(known.slot, [METRIC], rows)],
    });
  }

  /** Everything of `origin` before `minute` is in, as far as it says. */
  async seal(origin: Origin, minute: number): Promise<void> {
    this.#sealed.set(origin, Math.max(minute, this.#sealed.get(origin) ?? NO_WATERMARK));
    for (const slot of this.#claims.keys()) await this.#flush(slot, {});
  }

  async #flush(slot: number, rest: object): Promise<void> {
    const held = this.#claims.get(slot);
    if (held === undefined) throw new Error(`slot ${slot} is not claimed`);
    const { claim, flushes } = held;
    const origins = new Map(this.#sealed);
    const watermark = origins.size === ORIGINS.length ? Math.min(...origins.values()) : NO_WATERMARK;
    const seq = held.seq + 1;
    const mark = testMark(slot, `log-${slot}`, seq, {
      producer: 'below',
      watermark,
      origins,
      updatedAtMs: this.clock.now(),
    });
    const outcome = await this.store.flush([
      flushOf(
        slot,
        { ...claim.fence, flushes: claim.fence.flushes + flushes },
        { marks: [{ mark, previousSeq: held.seq }], ...rest },
      ),
    ]);
    if (outcome.kind !== 'committed') throw new Error(`flush of slot ${slot} refused`);
    held.flushes++;
    held.seq = seq;
  }

  #entityOf(name: string) {
    let known = this.#entities.get(name);
    if (known === undefined) {
      const entity = service(name);
      known = { code: this.#entities.size + 1, entity, slot: slotOf(entity.id, SLOTS) };
      this.#entities.set(name, known);
    }
    return known;
  }

  /** Time passes; the nodes judge every `everyMs`. */
  async pass(ms: number, nodes: readonly Node[], everyMs = 10_000): Promise<void> {
    for (let left = ms; left > 0; left -= everyMs) {
      await this.clock.advance(Math.min(everyMs, left));
      for (const { engine } of nodes) await engine.round();
    }
  }

  /** Takes what hooks are to be told, in order, as the deliverer would. */
  async told(node: Node): Promise<AlarmMessage[]> {
    const messages: AlarmMessage[] = [];
    for (;;) {
      const due = await this.store.alarms.dueDeliveries(
        [...node.fences.keys()],
        this.clock.now(),
        new Map([['webhook.all', 1_000]]),
      );
      if (due.length === 0) return messages;
      for (const { id, slot, message } of due) {
        messages.push(JSON.parse(message) as AlarmMessage);
        await this.store.alarms.settleDeliveries(slot, node.fences.get(slot)!, [id], []);
      }
    }
  }

  /** All records, newest first. */
  async records() {
    const { records } = await this.store.alarms.query({
      fromMs: 0,
      toMs: Number.MAX_SAFE_INTEGER,
      offset: 0,
      limit: 1_000_000,
    });
    return records;
  }

  /** Alarms that stand, per rule and service, as `minute` or `minute-end:kind`, relative to START. */
  async standing(): Promise<Record<string, string[]>> {
    const lists: Record<string, string[]> = {};
    for (const { rule, name, minute, end } of (await this.records()).toReversed()) {
      if (end?.kind === 'retracted') continue;
      const text = `${minute - START}${end ? `-${end.minute - START}:${end.kind}` : ''}`;
      (lists[`${rule} ${name}`] ??= []).push(text);
    }
    for (const list of Object.values(lists)) list.sort((a, b) => parseInt(a, 10) - parseInt(b, 10));
    return lists;
  }
}

/** One target, which wants everything. */
function deliveriesOf(
  message: AlarmMessage,
  { slot, nowMs }: { readonly slot: number; readonly nowMs: number },
): AlarmDelivery[] {
  const { uuid, recovery, ruleName, id0, id1 } = message;
  return [
    {
      id: JSON.stringify([uuid, recovery ?? 'alarm']),
      slot,
      target: 'webhook.all',
      incident: JSON.stringify([ruleName, id0, id1]),
      message: JSON.stringify(message),
      createdAtMs: nowMs,
      attempts: 0,
      nextAttemptMs: nowMs,
      lastError: '',
      delivered: false,
    },
  ];
}
