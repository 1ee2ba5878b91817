// SPDX-License-Identifier: Apache-2.0
// Goal: a rule is accepted exactly when it has one condition about one scope, and what it reads is told. Method: cases, a line each.
import { entityOf, metricSchema, serviceId } from '@oap-federation/model';
import { expect, it } from 'vitest';
import { compileAlarmExpression } from './alarm-expression.js';
import { evaluateMqe } from './evaluate.js';
import { MemoryMetricReader } from './testing.js';

const METRICS = [
  metricSchema('service_cpm', 'Service', 'cpm'),
  metricSchema('service_sla', 'Service', 'percent'),
  metricSchema('service_resp_time', 'Service', 'longAvg'),
  metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
  metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
];

it('accepts rules, and says what they read and how far they look back', () => {
  const cases: [string, string[], number][] = [
    ['sum(service_resp_time > 1000) >= 3', ['service_resp_time'], 0],
    ["sum(service_percentile{p='50,99'} > 1000) >= 3", ["service_percentile{p='50,99'}"], 0],
    ['avg(service_cpm) > 1 && avg( service_sla ) < 9500', ['service_cpm', 'service_sla'], 0],
    ['(avg(service_sla) < 9500) * (avg(service_cpm) > 1) == 1', ['service_sla', 'service_cpm'], 0],
    ['avg(service_cpm) > 1 || (avg(service_cpm) < 9 && max(service_sla) < 1)', ['service_cpm', 'service_sla'], 0],
    ["sum(service_cpm{origin='*'} > 5) > 2", ["service_cpm{origin='*'}"], 0],
    ['merged(service_sla) < 9900', ['service_sla'], 0],
    ['is_present(service_cpm) == 0', ['service_cpm'], 0],
    ['max(increase(service_cpm, 5)) > 10 || min(rate(service_sla, 7)) < 1', ['service_cpm', 'service_sla'], 7],
  ];
  for (const [text, reads, lookBackMinutes] of cases) {
    const rule = compileAlarmExpression(text, METRICS);
    expect(rule.reads.map((read) => read.text)).toEqual(reads);
    for (const { text: read, schema, origins } of rule.reads) {
      expect(read.startsWith(schema.name)).toBe(true);
      expect(origins).toEqual([read.includes('origin') ? '*' : '']);
    }
    expect(rule).toMatchObject({
      text,
      scope: 'Service',
      lookBackMinutes,
      plan: { shape: 'single', comparison: true },
    });
  }
});

it('refuses what is no rule, with the place', () => {
  const cases: [string, string][] = [
    ['avg(service_cpm)', 'A rule is a comparison, or comparisons joined by && or || (column 1)'],
    ['max(service_cpm > 5)', 'A rule is a comparison, or comparisons joined by && or || (column 1)'],
    ['(avg(service_cpm) > 5) * 1', 'A rule is a comparison, or comparisons joined by && or || (column 24)'],
    ['service_cpm > 5', 'A rule has a single value: fold the series, as in sum(metric > 1000) >= 3 (column 13)'],
    [
      '1 > 0 && service_cpm > 5',
      'A rule has a single value: fold the series, as in sum(metric > 1000) >= 3 (column 7)',
    ],
    ['1 > 0', 'A rule reads at least one metric (column 3)'],
    ['avg(top_n(service_cpm, 3, des)) > 1', 'A rule is about one entity at a time: top_n is not for rules (column 5)'],
    [
      'max(baseline(service_cpm, upper)) < max(service_cpm)',
      'No baseline service is connected, so a rule with baseline could never match (column 5)',
    ],
    [
      'avg(service_cpm) > 1 && avg(service_instance_cpm) > 1',
      'A rule is about one scope: service_cpm is of Service, service_instance_cpm of ServiceInstance (column 29)',
    ],
    ['avg(service_cmp) > 1', 'Metric: [service_cmp] does not exist. Did you mean "service_cpm"? (column 5)'],
    ['is_present(nothing) == 0', 'Metric: [nothing] does not exist. (column 12)'],
    ['avg(service_cpm) > 1 & 1', 'Unexpected character & (column 22)'],
  ];
  for (const [text, message] of cases) expect(() => compileAlarmExpression(text, METRICS)).toThrow(message);
});

it('evaluates to 1, 0 or nothing per label set', async () => {
  const reader = new MemoryMetricReader(METRICS);
  const shop = entityOf('Service', { service: 'shop', normal: true, layer: 'GENERAL', name: '' });
  for (const minute of [0, 1, 3]) reader.enter('service_resp_time', shop, minute === 3 ? 'b' : 'a', minute, [2_000]);
  const matches = async (text: string) => {
    const table = await evaluateMqe(compileAlarmExpression(text, METRICS).plan, {
      reader,
      entityIdOf: () => serviceId('shop', true),
      serviceId: undefined,
      fromMinute: 0,
      toMinute: 4,
      step: 'MINUTE',
      offsetMinutes: 0,
    });
    expect(table.comparison).toBe(true);
    return table.sets.map((set) => set.values[0]);
  };
  expect(await matches('sum(service_resp_time > 1000) >= 3')).toEqual([1n]);
  expect(await matches("sum(service_resp_time{origin='*'} > 1000) >= 2")).toEqual([1n, 0n]);
  expect(await matches('avg(service_cpm) > 1 || avg(service_resp_time) > 1')).toEqual([null]);
});
