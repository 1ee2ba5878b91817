// SPDX-License-Identifier: Apache-2.0
// Goal: a cloud that is cut off is named by every answer at the top within a minute, alarms that must not be judged without it wait and the
// others say so, and what it held back is in the end counted, and judged, as if nothing had happened. Method: three tiers (two clouds, a data centre, the country) of production parts in virtual time with the shipped
// OAL; the way between a cloud and the data centre is cut for a quarter of an hour. The top is asked over HTTP, as clients ask, and is
// compared with the top of a twin federation whose way was never cut.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  AlarmEngine,
  deliveriesOf,
  loadAlarmSettings,
  type AlarmMessage,
  type HookTarget,
} from '@oap-federation/alarm';
import { entityOf, minuteOf } from '@oap-federation/model';
import { loadOal, SourceRecord, type OalProgram } from '@oap-federation/oal';
import {
  openQueryServer,
  defaultQueryServerConfig,
  type CompletenessReport,
  type QueryServer,
} from '@oap-federation/query';
import { nothingElse } from '@oap-federation/query/testing';
import { MetricRegistry, seededRng, silentLogger, startPeriodic } from '@oap-federation/runtime';
import { VirtualFederation } from '@oap-federation/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 4, 5, 10);
const OAL = path.resolve(import.meta.dirname, '../../deploy/oal');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
const SLOTS = 4;
const CLOUDS = ['cloud-c', 'cloud-n'];

function programs(): { readonly leaf: OalProgram; readonly upper: OalProgram } {
  const script = (name: string) => ({ name, text: readFileSync(path.join(OAL, name), 'utf8') });
  const leaf = loadOal([script('core.oal')]).program;
  return { leaf, upper: loadOal([script('federation.oal')], { knownMetrics: leaf.schemas }).program };
}

const GRACE_MS = 30_000;
const LOOK_BACK_MINUTES = 60;
const ALL_SLOTS = Array.from({ length: SLOTS }, (_, slot) => slot);
const DIFFERENCE =
  "service_sla{origin='cloud-n'} - relabels(service_sla{origin='cloud-c'}, origin='cloud-c', origin='cloud-n')";
/** Calls drop, service levels drop, one cloud is worse than the other; each once for each way to treat minutes that are not whole. */
const CONDITIONS = {
  calls: 'sum(service_cpm < 60) >= 3',
  level: 'sum(service_sla < 8000) >= 2',
  gap: `sum(${DIFFERENCE} > 2000) >= 2`,
};
const RULES = ['rules:']
  .concat(
    Object.entries(CONDITIONS).flatMap(([name, expression]) =>
      ['hold(30m)', 'annotate', 'evaluate'].map(
        (mode) =>
          `  ${name}_${mode.replace(/\(.*/, '')}_rule: { expression: "${expression}", period: 5, silence-period: 3, recovery-observation-period: 1, on-incomplete: ${mode}, hooks: [webhook.all] }`,
      ),
    ),
  )
  .concat('hooks: { webhook: { all: { urls: ["http://127.0.0.1:9"], recovery-urls: ["http://127.0.0.1:9"] } } }')
  .join('\n');

/** Where messages would go: they are read from what is committed to be delivered. */
const EVERYTHING: HookTarget = {
  id: 'webhook.all#0',
  wants: () => true,
  send: () => Promise.reject(new Error('nothing is sent here')),
  close: () => {},
};

/** What was told: rule, minute since the start that it is about, and what it said of completeness. */
interface Told {
  readonly rule: string;
  readonly kind: string;
  readonly late: boolean;
  readonly missing: readonly string[];
}

/** Calls of one minute in one cloud. */
interface Traffic {
  readonly calls: number;
  readonly failed: number;
  readonly latencyMs: number;
}

/** The federation, its traffic, and a client of the country. */
class Scenario {
  readonly federation: VirtualFederation;
  readonly #server: QueryServer;
  /** By cloud; a function of the minutes since the start. */
  traffic: (cloud: string, minute: number) => Traffic;

  private constructor(federation: VirtualFederation, server: QueryServer, traffic: Scenario['traffic']) {
    this.federation = federation;
    this.#server = server;
    this.traffic = traffic;
  }

  static async open(traffic: Scenario['traffic']): Promise<Scenario> {
    const { leaf, upper } = programs();
    const federation = await VirtualFederation.open({
      seed: 11,
      startMs: START_MS,
      slots: SLOTS,
      tiers: [
        { name: 'country', isLeaf: false, program: upper },
        { name: 'dc', parent: 'country', isLeaf: false, program: upper },
        ...CLOUDS.map((name) => ({ name, parent: 'dc', isLeaf: true, program: leaf })),
      ],
    });
    const { store, clock, owner } = federation.tier('country');
    const loaded = loadAlarmSettings(RULES, {}, { metrics: [...upper.schemas.values()], originScopes: ['Service'] });
    if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
    const telemetry = new MetricRegistry();
    const engine = new AlarmEngine(
      { slots: SLOTS, graceMs: GRACE_MS, lookBackMinutes: LOOK_BACK_MINUTES },
      loaded.settings,
      {
        alarms: store.alarms,
        reader: store.reader,
        metadata: store.metadata,
        readRevisions: (query) => store.readRevisions(query),
        ownership: owner,
        deliveriesOf: (message, at) => deliveriesOf(message, [EVERYTHING], at),
        onDeliveries: () => {},
        timezoneOffsetMinutes: () => 0,
        clock,
        rng: seededRng(5),
        logger: silentLogger,
        telemetry,
      },
    );
    startPeriodic('alarms', 10_000, () => engine.round(), { clock, logger: silentLogger });
    const server = await openQueryServer(
      { ...defaultQueryServerConfig(), port: 0 },
      {
        ...nothingElse(),
        reader: store.reader,
        metadata: store.metadata,
        clock,
        logger: silentLogger,
        timezoneOffsetMinutes: () => 0,
        version: '0',
        status: () => ({}),
      },
    );
    return new Scenario(federation, server, traffic);
  }

  /** Minutes since the start. */
  get minute(): number {
    return minuteOf(this.federation.wallMs() - START_MS);
  }

  /** Lets whole minutes pass, with their calls spread over each. */
  async minutes(count: number): Promise<void> {
    for (let m = 0; m < count; m++) {
      const plans = CLOUDS.map((cloud) => ({ cloud, ...this.traffic(cloud, this.minute), done: 0 }));
      for (let second = 0; second < 60; second++) {
        for (const plan of plans) this.#call(plan, (second + 1) / 60);
        await this.federation.run(1_000);
      }
    }
  }

  #call(plan: Traffic & { readonly cloud: string; done: number }, share: number): void {
    const { l1 } = this.federation.tier(plan.cloud);
    for (; plan.done < Math.floor(plan.calls * share); plan.done++) {
      const record = new SourceRecord();
      record.scope = 'Service';
      record.entity = SHOP;
      record.name = SHOP.source.service;
      record.layer = 'GENERAL';
      record.minute = minuteOf(this.federation.wallMs());
      record.latency = plan.latencyMs;
      record.status = plan.done >= plan.failed;
      l1!.receive(record);
    }
  }

  /** Values of an expression for `shop` from minute to minute (since the start, inclusive), with how complete they are. */
  async ask(expression: string, from: number, to: number) {
    const at = (minute: number) =>
      new Date(START_MS + minute * MINUTE_MS).toISOString().slice(0, 16).replace('T', ' ').replace(':', '');
    const response = await fetch(`${this.#server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: `query ($x: String!, $e: Entity!, $d: Duration!) {
          execExpression(expression: $x, entity: $e, duration: $d) { error results { metric { labels { key value } } values { value } } } }`,
        variables: {
          x: expression,
          e: { serviceName: 'shop', normal: true },
          d: { start: at(from), end: at(to), step: 'MINUTE' },
        },
      }),
    });
    const { data, extensions } = (await response.json()) as {
      readonly data: {
        readonly execExpression: {
          readonly error: string | null;
          readonly results: { readonly values: { readonly value: string | null }[] }[];
        };
      };
      readonly extensions: { readonly completeness: CompletenessReport };
    };
    expect(data.execExpression.error).toBe(null);
    const values = data.execExpression.results.map((set) => set.values.map(({ value }) => value));
    return { values, completeness: extensions.completeness };
  }

  /** What hooks were to be told since the last call, in order: taken as a deliverer takes it. */
  async told(): Promise<readonly Told[]> {
    const { store, owner } = this.federation.tier('country');
    const told: Told[] = [];
    for (;;) {
      const due = await store.alarms.dueDeliveries(
        ALL_SLOTS,
        Number.MAX_SAFE_INTEGER,
        new Map([[EVERYTHING.id, 1_000]]),
      );
      if (due.length === 0) return told;
      for (const { id, slot, message } of due) {
        const { ruleName, recovery, late, completeness } = JSON.parse(message) as AlarmMessage;
        told.push({ rule: ruleName, kind: recovery?.kind ?? 'fired', late, missing: completeness.missing });
        await store.alarms.settleDeliveries(slot, owner.fence(slot)!, [id], []);
      }
    }
  }

  /** Alarms that were not taken back: rule, minute since the start, and how and when they ended. */
  async standing(): Promise<readonly string[]> {
    const { store } = this.federation.tier('country');
    const { records } = await store.alarms.query({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, offset: 0, limit: 1_000 });
    const since = (minute: number) => minute - minuteOf(START_MS);
    return records
      .filter(({ end }) => end?.kind !== 'retracted')
      .map(({ rule, minute, end }) => `${rule} ${since(minute)} ${end ? `${end.kind} ${since(end.minute)}` : 'open'}`)
      .toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

const CUT_AT = 10;
const HEALED_AT = 25;
const END = 32;
/** Calls fail in cloud-c while nobody above can see it. */
const traffic = (cloud: string, minute: number): Traffic => ({
  calls: cloud === 'cloud-c' ? 60 : 40,
  failed: cloud === 'cloud-c' && minute >= 14 && minute < 20 ? 30 : 0,
  latencyMs: cloud === 'cloud-c' ? 120 : 300,
});

describe('a cloud that is cut off for a quarter of an hour', () => {
  let cut: Scenario;
  let twin: Scenario;
  beforeAll(async () => {
    cut = await Scenario.open(traffic);
    twin = await Scenario.open(traffic);
    await cut.minutes(CUT_AT);
  }, 120_000);
  afterAll(async () => {
    await cut[Symbol.asyncDispose]();
    await twin[Symbol.asyncDispose]();
  });

  it('is whole before', async () => {
    const { values, completeness } = await cut.ask('service_cpm', CUT_AT - 6, CUT_AT - 2);
    expect(values).toEqual([['100', '100', '100', '100', '100']]);
    expect(completeness).toMatchObject({ complete: true, missing: [] });
  });

  it('is named at the top within a minute', async () => {
    cut.federation.cut('cloud-c', 'dc', true);
    await cut.minutes(1);
    const { completeness } = await cut.ask('service_cpm', CUT_AT - 1, CUT_AT);
    expect(completeness.missing).toContain('cloud-c');
    await cut.minutes(1);
    const after = await cut.ask('service_cpm', CUT_AT, CUT_AT);
    expect(after.values).toEqual([['40']]); // shown as it is, and said to be without cloud-c
    expect(after.completeness).toMatchObject({ complete: false, missing: ['cloud-c'] });
    expect(after.completeness.sources.map(({ origin, via, state }) => ({ origin, via, state }))).toEqual([
      { origin: 'cloud-c', via: 'dc', state: 'lagging' },
      { origin: 'cloud-n', via: 'dc', state: 'complete' },
    ]);
  });

  it('raises no false alarm where rules hold, and says what it did not see where they do not', async () => {
    await cut.minutes(HEALED_AT - cut.minute);
    expect((await cut.ask('service_cpm', CUT_AT, HEALED_AT - 2)).completeness.missing).toEqual(['cloud-c']);
    const told = await cut.told();
    expect(told.length).toBeGreaterThan(0);
    for (const one of told) {
      // half of the calls seem to be gone, and each message says why; the rest looks well, because what is bad is not seen
      expect(['calls_annotate_rule', 'calls_evaluate_rule']).toContain(one.rule);
      expect(one).toMatchObject({ kind: 'fired', late: false, missing: ['cloud-c'] });
    }
  }, 240_000);

  it('is counted in the end as if nothing had happened', async () => {
    cut.federation.cut('cloud-c', 'dc', false);
    await cut.minutes(END - cut.minute);
    await twin.minutes(END);
    for (const expression of [
      'service_cpm',
      "service_cpm{origin='*'}",
      'service_sla',
      'service_resp_time',
      "service_percentile{p='50,99.9'}",
      "service_sla{origin='cloud-c'} - relabels(service_sla{origin='cloud-n'}, origin='cloud-n', origin='cloud-c')",
    ]) {
      const answer = await cut.ask(expression, 0, END - 2);
      expect(answer).toEqual(await twin.ask(expression, 0, END - 2));
      expect(answer.completeness).toMatchObject({ complete: true, missing: [] });
    }
    const failing = await cut.ask('service_sla', 13, 20);
    expect(failing.values).toEqual([['10000', ...Array.from({ length: 6 }, () => '7000'), '10000']]);
  }, 240_000);

  it('ends with the alarms of a federation that was never cut: false ones taken back, missed ones told late', async () => {
    const whole = { missing: [] };
    const told = await cut.told();
    expect(told.filter(({ rule }) => rule.startsWith('calls'))).toEqual([
      { rule: 'calls_annotate_rule', kind: 'retracted', late: true, ...whole },
      { rule: 'calls_evaluate_rule', kind: 'retracted', late: true, ...whole },
    ]);
    for (const condition of ['level', 'gap']) {
      for (const mode of ['hold', 'annotate', 'evaluate']) {
        const rule = `${condition}_${mode}_rule`;
        // one that holds was still within its time
        expect(told.filter((one) => one.rule === rule)).toEqual([
          { rule, kind: 'fired', late: mode !== 'hold', ...whole },
          { rule, kind: 'recovered', late: false, ...whole },
        ]);
      }
    }
    expect(await cut.standing()).toEqual(await twin.standing());
    expect(await cut.standing()).toContain('level_hold_rule 15 open');
  });
});
