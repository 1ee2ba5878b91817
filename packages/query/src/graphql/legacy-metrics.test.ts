// SPDX-License-Identifier: Apache-2.0
// Goal: the metric queries before MQE give SkyWalking's whole numbers in its shapes. Method: the real app over in-memory readers; each answer
// is written down by hand.
import { entityOf, metricSchema, minuteOf, serviceId, type Entity } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueryServerConfig, QueryServerDeps } from '../server.js';
import { memoryMetadata, openMemoryApp, type MemoryApp, type MemoryMetadata } from '../testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);
const DURATION = { start: '2026-11-21 0800', end: '2026-11-21 0803', step: 'MINUTE' };
const [WEB, SHOP] = [serviceId('web', true), serviceId('shop', true)] as const;
const end = (service: string, name = '', normal = true) => ({ service, normal, layer: 'GENERAL', name });

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: MemoryApp;

async function open(config: Partial<QueryServerConfig> = {}, deps: Partial<QueryServerDeps> = {}): Promise<void> {
  app = await openMemoryApp(config, { reader, metadata, clock: new VirtualClock(START + 600_000), ...deps });
}

beforeEach(() => {
  reader = new MemoryMetricReader([
    metricSchema('service_cpm', 'Service', 'cpm'),
    metricSchema('service_mq_consume_count', 'Service', 'count'),
    metricSchema('service_peak', 'Service', 'max'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
    metricSchema('service_heat', 'Service', 'histogram', [100, 3]),
  ]);
  metadata = memoryMetadata([]);
  metadata.sources = [{ origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 60, lastAdvanceMs: 0 }];
});

afterEach(() => app[Symbol.asyncDispose]());

describe('metric queries before MQE', () => {
  const CONDITION = (name: string, serviceName = 'shop') => ({ name, entity: { serviceName, normal: true } });
  const d = DURATION;

  beforeEach(async () => {
    const shop = entityOf('Service', end('shop'));
    const web = entityOf('Service', end('web'));
    const enter = (metric: string, entity: Entity, minute: number, values: readonly number[], times = 1) => {
      for (let i = 0; i < times; i++) reader.enter(metric, entity, 'cloud-c', minute, values);
    };
    enter('service_cpm', shop, MINUTE, [], 3);
    enter('service_cpm', shop, MINUTE + 2, [], 4);
    enter('service_cpm', web, MINUTE, [], 9);
    enter('service_mq_consume_count', shop, MINUTE, [], 3);
    enter('service_mq_consume_count', shop, MINUTE + 1, [], 5);
    enter('service_peak', shop, MINUTE, [70]);
    enter('service_peak', shop, MINUTE + 3, [40]);
    for (const ms of [10, 20, 200]) enter('service_percentile', shop, MINUTE, [ms]);
    for (const ms of [0, 99, 100, 250, 9_999]) enter('service_heat', shop, MINUTE + 1, [ms]);
    await open();
  });

  it('give one value: averages of what is averaged, sums of what is counted', async () => {
    const single = (name: string, serviceName?: string) =>
      app.result(
        `query ($c: MetricsCondition!, $d: Duration!) { result: readMetricsValue(condition: $c, duration: $d) }`,
        {
          c: CONDITION(name, serviceName),
          d,
        },
      );
    expect(await single('service_cpm')).toBe(3); // 3.5, cut off
    expect(await single('service_mq_consume_count')).toBe(8);
    expect(await single('service_peak')).toBe(70);
    expect(await single('service_cpm', 'nobody')).toBe(0);
    const nullable = (serviceName: string) =>
      app.result(
        `query ($c: MetricsCondition!, $d: Duration!) { result: readNullableMetricsValue(condition: $c, duration: $d) { value isEmptyValue } }`,
        { c: CONDITION('service_cpm', serviceName), d },
      );
    expect(await nullable('shop')).toEqual({ value: 3, isEmptyValue: false });
    expect(await nullable('nobody')).toEqual({ value: 0, isEmptyValue: true });
  });

  it('give a value for every point, and say which are empty', async () => {
    const values = await app.result(
      `query ($c: MetricsCondition!, $d: Duration!) { result: readMetricsValues(condition: $c, duration: $d) { label values { values { id value isEmptyValue } } } }`,
      { c: CONDITION('service_cpm'), d },
    );
    const point = (minute: number, value: number, isEmptyValue: boolean) => ({
      id: `20261121080${minute}_${SHOP}`,
      value,
      isEmptyValue,
    });
    const expected = [point(0, 3, false), point(1, 0, true), point(2, 4, false), point(3, 0, true)];
    expect(values).toEqual({ label: null, values: { values: expected } });
  });

  it('give percentiles by any spelling of the label', async () => {
    const ranks = async (...labels: readonly string[]) => {
      const sets = await app.result<
        readonly {
          readonly label: string;
          readonly values: { readonly values: readonly { readonly value: number }[] };
        }[]
      >(
        `query ($c: MetricsCondition!, $l: [String!]!, $d: Duration!) { result: readLabeledMetricsValues(condition: $c, labels: $l, duration: $d) { label values { values { value } } } }`,
        { c: CONDITION('service_percentile'), l: labels, d },
      );
      return sets.map(({ label, values }) => `${label}=${values.values[0]!.value}`);
    };
    expect(await ranks('50', 'p99', 'p=50', 'P75')).toEqual(['50=20', 'p99=200', 'p=50=20', 'P75=20']);
    expect(await ranks('0', '4')).toEqual(['0=20', '4=200']);
    expect(await ranks()).toEqual(['50=20', '75=20', '90=200', '95=200', '99=200']);
    const { errors } = await app.ask(
      `query ($c: MetricsCondition!, $d: Duration!) { readLabeledMetricsValues(condition: $c, labels: ["median"], duration: $d) { label } }`,
      { c: CONDITION('service_percentile'), d },
    );
    expect(errors![0]).toMatchObject({
      message: 'label "median" is no percentile: write 99, p99 or p=99',
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('rank entities', async () => {
    const top = (condition: object) =>
      app.result(
        `query ($c: TopNCondition!, $d: Duration!) { result: sortMetrics(condition: $c, duration: $d) { name id value refId } }`,
        { c: { name: 'service_cpm', topN: 5, order: 'DES', ...condition }, d },
      );
    const web = { name: 'web', id: WEB, value: '9', refId: null };
    const shop = { name: 'shop', id: SHOP, value: '3', refId: null };
    expect(await top({})).toEqual([web, shop]);
    expect(await top({ order: 'ASC', topN: 1, scope: 'Service' })).toEqual([shop]);
    expect(await top({ parentService: 'web', normal: true })).toEqual([web]);
    expect(await top({ attributes: [{ name: 'attr0', value: 'MESH', isEquals: true }] })).toEqual([]);
    const { errors } = await app.ask(
      `query ($d: Duration!) { sortMetrics(condition: {name: "service_cpm", topN: 5, order: ASC, attributes: [{name: "attr0", value: "x') + top_n("}]}, duration: $d) { id } }`,
      { d },
    );
    expect(errors![0]!.message).toContain('is no attribute filter');
  });

  it('give a heat map of a histogram, column by column', async () => {
    const heat = await app.result(
      `query ($c: MetricsCondition!, $d: Duration!) { result: readHeatMap(condition: $c, duration: $d) { values { id values } buckets { min max } } }`,
      { c: CONDITION('service_heat'), d },
    );
    expect(heat).toEqual({
      buckets: [
        { min: '0', max: '100' },
        { min: '100', max: '200' },
        { min: '200', max: '300' },
        { min: '300', max: 'infinite+' },
      ],
      values: [
        { id: `202611210800_${SHOP}`, values: [0, 0, 0, 0] },
        { id: `202611210801_${SHOP}`, values: [2, 1, 1, 1] },
        { id: `202611210802_${SHOP}`, values: [0, 0, 0, 0] },
        { id: `202611210803_${SHOP}`, values: [0, 0, 0, 0] },
      ],
    });
  });

  it('name what is wrong', async () => {
    const problem = async (field: string, c: object) => {
      const { errors } = await app.ask(
        `query ($c: MetricsCondition!, $d: Duration!) { ${field === 'readMetricsValue' ? field : ''}${
          field === 'readMetricsValue'
            ? '(condition: $c, duration: $d)'
            : `${field}(condition: $c, duration: $d) { __typename }`
        } }`,
        { c, d },
      );
      return errors![0]!.message;
    };
    expect(await problem('readMetricsValue', CONDITION('nothing'))).toBe('Metric: [nothing] does not exist.');
    expect(await problem('readMetricsValue', { name: 'service_cpm' })).toContain('needs serviceName');
    for (const field of ['readMetricsValue', 'readMetricsValues']) {
      expect(await problem(field, CONDITION('service_percentile'))).toContain('readLabeledMetricsValues');
    }
    expect(await problem('readHeatMap', CONDITION('service_cpm'))).toBe(
      'service_cpm is no heat map, it is COMMON_VALUE',
    );
    expect(await problem('readHeatMap', { name: 'service_heat' })).toContain('needs serviceName');
  });
});
