// SPDX-License-Identifier: Apache-2.0
// Goal: a minute is judged when every source that the rule reads has sealed it, and at the latest when its patience is over; never while it
// runs. Method: cases for which sources count, properties over random times and watermarks.
import { metricSchema } from '@oap-federation/model';
import { compileAlarmExpression } from '@oap-federation/mqe';
import type { SourceCompleteness } from '@oap-federation/storage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlarmRule, OnIncomplete } from './rule.js';
import { judgeableTo, Sealing } from './sealing.js';

const METRICS = [metricSchema('service_sla', 'Service', 'percent'), metricSchema('service_cpm', 'Service', 'cpm')];
const ruleOf = (text: string, onIncomplete: OnIncomplete = { kind: 'annotate' }) =>
  ({ expression: compileAlarmExpression(text, METRICS), onIncomplete }) as AlarmRule;
const source = (
  origin: string,
  completeToMinute: number,
  rest: Partial<SourceCompleteness> = {},
): SourceCompleteness => ({
  origin,
  via: origin,
  completeToMinute,
  lastAdvanceMs: 0,
  ...rest,
});

describe('which sources count', () => {
  const sources = [source('a', 10), source('b', 7), source('c', 3, { retiredAtMs: 1 })];

  it.each([
    ['avg(service_sla) < 1', 7, ['b']],
    ["avg(service_sla{origin='*'}) < 1", 7, ['b']],
    ["avg(service_sla{origin='a'}) < 1", 10, []],
    ["avg(service_sla{origin='a,b'}) < 1", 7, ['b']],
    ["avg(service_sla{origin='c'}) < 1", Infinity, []],
    ["avg(service_sla{origin='nobody'}) < 1", -Infinity, ['nobody']],
    ["avg(service_sla{origin='a'}) < 1 && avg(service_cpm) > 1", 7, ['b']],
  ])('%s', (text, sealedTo, missing) => {
    const sealing = new Sealing(ruleOf(text), sources);
    expect(sealing.sealedTo).toBe(sealedTo);
    expect(sealing.completenessAt(8)).toEqual({ complete: sealedTo > 8, missing });
  });

  it('nothing more comes where all are retired', () => {
    const retired = [source('a', 3, { retiredAtMs: 1 }), source('b', -1, { retiredAtMs: 1 })];
    const rule = ruleOf('avg(service_sla) < 1', { kind: 'hold', maxMs: 3_600_000 });
    const sealing = new Sealing(rule, retired);
    expect(sealing.completenessAt(8)).toEqual({ complete: true, missing: [] });
    expect(judgeableTo(rule, sealing, 30_000, 10 * 60_000)).toBe(9);
  });

  it('a tier that knows no source promises nothing', () => {
    const sealing = new Sealing(ruleOf('avg(service_sla) < 1'), []);
    expect(sealing.completenessAt(0)).toEqual({ complete: false, missing: [] });
  });

  it('a source that was never heard is missing, whatever others say', () => {
    const sealing = new Sealing(ruleOf('avg(service_sla) < 1'), [source('a', 10), source('b', -1)]);
    expect(sealing.completenessAt(0)).toEqual({ complete: false, missing: ['b'] });
  });
});

it('judges what is sealed at once, what is not after its patience, and nothing that is not over', () => {
  const onIncomplete = fc.oneof(
    fc.constantFrom<OnIncomplete>({ kind: 'annotate' }, { kind: 'evaluate' }),
    fc.integer({ min: 1, max: 600 }).map((s): OnIncomplete => ({ kind: 'hold', maxMs: s * 1_000 })),
  );
  const times = fc.record({
    nowMs: fc.integer({ min: 100 * 60_000, max: 200 * 60_000 }),
    sealedTo: fc.integer({ min: 80, max: 260 }),
    graceMs: fc.integer({ min: 0, max: 180_000 }),
    onIncomplete,
  });
  fc.assert(
    fc.property(times, ({ nowMs, sealedTo, graceMs, onIncomplete: policy }) => {
      const rule = ruleOf('avg(service_sla) < 1', policy);
      const sealing = new Sealing(rule, [source('a', sealedTo)]);
      const to = judgeableTo(rule, sealing, graceMs, nowMs);
      const endOf = (minute: number) => (minute + 1) * 60_000;
      const patience = graceMs + (policy.kind === 'hold' ? policy.maxMs : 0);
      const isDue = (minute: number) =>
        endOf(minute) <= nowMs && (minute < sealedTo || endOf(minute) + patience <= nowMs);
      expect(isDue(to)).toBe(true);
      expect(isDue(to + 1)).toBe(false);
    }),
  );
});
