// SPDX-License-Identifier: Apache-2.0
// Goal: what must hold between expressions, for any data: federated is centralised, merged does not depend on the step, ranking is exact.
// Method: random events of two services; both sides of a law are asked and compared as values, before they are text.
import { entityOf, metricSchema, STEP_MINUTES, type Step } from '@oap-federation/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileMqe } from './check.js';
import { evaluateMqe, type MqeTable } from './evaluate.js';
import type { LabelSet } from './label-sets.js';
import { MemoryMetricReader } from './testing.js';

const METRICS = [
  metricSchema('calls', 'Service', 'count'),
  metricSchema('cpm', 'Service', 'cpm'),
  metricSchema('bytes', 'Service', 'sum'),
  metricSchema('slowest', 'Service', 'max'),
  metricSchema('quickest', 'Service', 'min'),
  metricSchema('resp', 'Service', 'longAvg'),
  metricSchema('sla', 'Service', 'percent'),
  metricSchema('pct', 'Service', 'hdrPercentile', [2]),
];
const SERVICES = ['shop', 'cart', 'bank'].map((name) =>
  entityOf('Service', { service: name, normal: true, layer: 'GENERAL', name: '' }),
);
const RANGE_MINUTES = 3 * 1_440;

interface Event {
  readonly metric: string;
  readonly service: number;
  readonly origin: string;
  readonly minute: number;
  readonly value: number;
}

/** Events of a few minutes close together, or of days. */
const events = (minutes: number, metrics: readonly string[] = METRICS.map((m) => m.name)) =>
  fc.array(
    fc.record({
      metric: fc.constantFrom(...metrics),
      service: fc.nat({ max: SERVICES.length - 1 }),
      origin: fc.constantFrom('a', 'b', 'c'),
      minute: fc.nat({ max: minutes - 1 }),
      value: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 2 ** 50 })),
    }),
    { maxLength: 60 },
  );

function readerOf(list: readonly Event[], originOf = (e: Event) => e.origin): MemoryMetricReader {
  const reader = new MemoryMetricReader(METRICS);
  for (const e of list) {
    const { name, functionName } = METRICS.find((m) => m.name === e.metric)!;
    const value =
      functionName === 'percent' ? e.value % 2 : functionName === 'hdrPercentile' ? e.value % 60_000 : e.value;
    reader.enter(name, SERVICES[e.service]!, originOf(e), e.minute, [value]);
  }
  return reader;
}

interface Asked {
  readonly service?: number;
  readonly from?: number;
  readonly to: number;
  readonly step?: Step;
}

async function ask(reader: MemoryMetricReader, text: string, asked: Asked): Promise<MqeTable> {
  return evaluateMqe(compileMqe(text, METRICS), {
    reader,
    entityIdOf: () => SERVICES[asked.service ?? 0]!.id,
    serviceId: undefined,
    fromMinute: asked.from ?? 0,
    toMinute: asked.to,
    step: asked.step ?? 'MINUTE',
    offsetMinutes: 0,
  });
}

const byText = (sets: readonly LabelSet[]) => sets.map((set) => JSON.stringify(set, showBigint)).toSorted();
const showBigint = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);

describe('laws', () => {
  it('what is added is the sum over origins, what is kept their maximum or minimum', async () => {
    const folds = { calls: 'sum', cpm: 'sum', bytes: 'sum', slowest: 'max', quickest: 'min' };
    await fc.assert(
      fc.asyncProperty(events(4), fc.constantFrom(...Object.entries(folds)), async (list, [metric, fold]) => {
        const reader = readerOf(list);
        const [whole] = (await ask(reader, metric, { to: 3 })).sets;
        const [folded] = (await ask(reader, `aggregate_labels(${metric}{origin='*'}, ${fold})`, { to: 3 })).sets;
        const nothing = { labels: [], values: [null, null, null, null] };
        expect(folded ?? nothing).toEqual(whole);
      }),
    );
  });

  it('however events are spread over origins, every metric of the range is the same', async () => {
    await fc.assert(
      fc.asyncProperty(events(300), async (list) => {
        const federated = readerOf(list);
        const centralised = readerOf(list, () => 'one');
        for (const { name } of METRICS) {
          for (const text of [name, `merged(${name})`, `top_n(${name}, 9, des)`, `top_n(merged(${name}), 9, asc)`]) {
            const [a, b] = await Promise.all([federated, centralised].map((r) => ask(r, text, { to: 299 })));
            expect(a).toEqual(b);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('merged is the same by minutes, hours and days, and is the bucket where the range is one', async () => {
    await fc.assert(
      fc.asyncProperty(events(RANGE_MINUTES), fc.constantFrom(...METRICS), async (list, { name }) => {
        const reader = readerOf(list);
        const to = RANGE_MINUTES - 1;
        const [minutes, hours, days] = await Promise.all(
          (['MINUTE', 'HOUR', 'DAY'] as const).map((step) => ask(reader, `merged(${name})`, { to, step })),
        );
        expect(hours!.sets).toEqual(minutes!.sets);
        expect(days!.sets).toEqual(minutes!.sets);
        const oneDay = { from: 1_440, to: 2_879 };
        const day = await ask(reader, name, { ...oneDay, step: 'DAY' });
        expect((await ask(reader, `merged(${name})`, oneDay)).sets).toEqual(day.sets);
      }),
    );
  });

  it('increase is the difference to the same metric asked n steps earlier', async () => {
    const step = fc.constantFrom<Step>('MINUTE', 'HOUR');
    await fc.assert(
      fc.asyncProperty(events(400), step, fc.integer({ min: 1, max: 5 }), async (list, asked, n) => {
        const reader = readerOf(list);
        const range = { from: 60, to: 399, step: asked };
        const back = n * STEP_MINUTES[asked];
        const grown = (await ask(reader, `increase(bytes, ${n})`, range)).sets[0]!.values;
        const now = (await ask(reader, 'bytes', range)).sets[0]!.values;
        const before = (await ask(reader, 'bytes', { ...range, from: 60 - back, to: 399 - back })).sets[0]!.values;
        expect(before.length).toBe(now.length);
        expect(grown).toEqual(
          now.map((value, i) =>
            value === null || before[i] === null ? null : (value as bigint) - (before[i] as bigint),
          ),
        );
        const rates = (await ask(reader, `rate(bytes, ${n})`, range)).sets[0]!.values;
        expect(rates).toEqual(grown.map((v) => (v === null ? null : Number(v) / (back * 60))));
      }),
    );
  });

  it('top_n is every entity by its exact average, ties by id', async () => {
    await fc.assert(
      fc.asyncProperty(events(4, ['bytes']), fc.constantFrom('asc', 'des'), async (list, order) => {
        const reader = readerOf(list);
        const expected: { id: string; total: bigint; count: bigint }[] = [];
        for (const [service, { id }] of SERVICES.entries()) {
          const { values } = (await ask(reader, 'bytes', { service, to: 3 })).sets[0]!;
          const present = values.filter((v) => v !== null) as bigint[];
          if (present.length > 0) {
            expected.push({ id, total: present.reduce((a, b) => a + b, 0n), count: BigInt(present.length) });
          }
        }
        expected.sort((a, b) => {
          const difference = a.total * b.count - b.total * a.count;
          if (difference === 0n) return a.id < b.id ? -1 : 1;
          return difference < 0n === (order === 'asc') ? -1 : 1;
        });
        const ids = (await ask(reader, `top_n(bytes, 9, ${order})`, { to: 3 })).sets[0]!.entityIds!;
        expect(ids).toEqual(expected.map((e) => e.id));
        const two = `top_n_of(top_n(bytes, 9, ${order}), top_n(bytes, 2, ${order}), 2, ${order})`;
        expect((await ask(reader, two, { to: 3 })).sets[0]!.entityIds).toHaveLength(Math.min(2, ids.length));
      }),
    );
  });

  it('sorting loses and makes no label set, and aggregating to all labels changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(events(4), fc.constantFrom('asc', 'des'), async (list, order) => {
        const reader = readerOf(list);
        const text = "pct{origin='*',p='50,99,100'}";
        const sets = byText((await ask(reader, text, { to: 3 })).sets);
        for (const same of [
          `sort_values(${text}, 9, ${order}, sum)`,
          `sort_label_values(${text}, ${order}, p, origin)`,
          `aggregate_labels(${text}, max(p, origin))`,
          `view_as_seq(${text}, ${text})`,
        ]) {
          expect(byText((await ask(reader, same, { to: 3 })).sets)).toEqual(sets);
        }
        const sorted = (await ask(reader, `sort_values(avg(${text}), 9, ${order}, avg)`, { to: 3 })).sets;
        const values = sorted.map((set) => Number(set.values[0]));
        expect(values).toEqual(values.toSorted((a, b) => (order === 'asc' ? a - b : b - a)));
      }),
    );
  });

  it('&& and || are the minimum and the maximum of their sides, point by point', async () => {
    await fc.assert(
      fc.asyncProperty(events(4, ['bytes', 'calls']), fc.nat({ max: 5 }), async (list, n) => {
        const reader = readerOf(list);
        const values = async (text: string) => (await ask(reader, text, { to: 3 })).sets[0]!.values;
        const [a, b] = [await values(`bytes > ${n}`), await values(`calls < ${n}`)];
        const joined = (pick: (x: bigint, y: bigint) => boolean) =>
          a.map((x, i) => (x === null || b[i] === null ? null : BigInt(pick(x as bigint, b[i] as bigint))));
        expect(await values(`bytes > ${n} && calls < ${n}`)).toEqual(joined((x, y) => x * y === 1n));
        expect(await values(`bytes > ${n} || calls < ${n}`)).toEqual(joined((x, y) => x + y > 0n));
      }),
    );
  });
});
