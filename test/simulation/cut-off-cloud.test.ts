// SPDX-License-Identifier: Apache-2.0
// Goal: a cloud that is cut off is named by every answer at the top within a minute, and what it held back is counted in the end as if
// nothing had happened. Method: three tiers (two clouds, a data centre, the country) of production parts in virtual time with the shipped
// OAL; the way between a cloud and the data centre is cut for a quarter of an hour. The top is asked over HTTP, as clients ask, and is
// compared with the top of a twin federation whose way was never cut.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { entityOf, minuteOf } from '@oap-federation/model';
import { loadOal, SourceRecord, type OalProgram } from '@oap-federation/oal';
import {
  openQueryServer,
  defaultQueryServerConfig,
  type CompletenessReport,
  type QueryServer,
} from '@oap-federation/query';
import { nothingElse } from '@oap-federation/query/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualFederation } from '@oap-federation/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 4, 5, 10);
const OAL = path.resolve(import.meta.dirname, '../../deploy/oal');
const SHOP = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
const CLOUDS = ['cloud-c', 'cloud-n'];

function programs(): { readonly leaf: OalProgram; readonly upper: OalProgram } {
  const script = (name: string) => ({ name, text: readFileSync(path.join(OAL, name), 'utf8') });
  const leaf = loadOal([script('core.oal')]).program;
  return { leaf, upper: loadOal([script('federation.oal')], { knownMetrics: leaf.schemas }).program };
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
      slots: 4,
      tiers: [
        { name: 'country', isLeaf: false, program: upper },
        { name: 'dc', parent: 'country', isLeaf: false, program: upper },
        ...CLOUDS.map((name) => ({ name, parent: 'dc', isLeaf: true, program: leaf })),
      ],
    });
    const { store, clock } = federation.tier('country');
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

  it('is counted in the end as if nothing had happened', async () => {
    await cut.minutes(HEALED_AT - cut.minute);
    expect((await cut.ask('service_cpm', CUT_AT, HEALED_AT - 2)).completeness.missing).toEqual(['cloud-c']);
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
  });
});
