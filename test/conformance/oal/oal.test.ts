// SPDX-License-Identifier: Apache-2.0
// Goal: the language does what docs/oal.md and SkyWalking say, shown by cases that a person can read and extend.
// Method: corpora beside this file (scripts.txt, filters.txt, core-metrics.txt) against the checker and the dispatch; the shipped
// scripts of deploy/oal against the table of core metrics and against each other.
import { readFileSync } from 'node:fs';
import { MetricColumns, type MetricSchema } from '@oap-federation/model';
import { compileDispatch, federationRoutes, loadOal, problemText, SourceRecord } from '@oap-federation/oal';
import { describe, expect, test } from 'vitest';

const corpus = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const shipped = (name: string) => ({
  name,
  text: readFileSync(new URL(`../../../deploy/oal/${name}`, import.meta.url), 'utf8'),
});
const sound = (result: ReturnType<typeof loadOal>) => {
  expect(result.problems.map(problemText)).toEqual([]);
  return result.program;
};
const options = { apdexThresholdMs: () => 500 };

const core = loadOal([shipped('core.oal')]).program;

describe('scripts.txt', () => {
  const cases = corpus('scripts.txt')
    .split(/^== /m)
    .slice(1)
    .map((text) => {
      const title = text.slice(0, text.indexOf('\n'));
      const [script, expected] = text.slice(title.length + 1).split(/^----$/m) as [string, string];
      return { title, script, expected: expected.split('\n').filter((l) => l !== '') };
    });

  test.each(cases)('$title', ({ script, expected }) => {
    const { program, problems } = loadOal([{ name: 'case.oal', text: script }], { knownMetrics: core.schemas });
    const got =
      problems.length > 0
        ? problems.map((p) => `${p.line}:${p.column} ${p.message}`)
        : [
            ...program.metrics.map((m) => m.schema.text + (m.kind === 'federated' ? ` <- ${m.sourceMetric}` : '')),
            ...program.disabled.map((d) => `disabled ${d}`),
          ];
    expect(got).toEqual(expected);
  });
});

describe('filters.txt', () => {
  const cases = corpus('filters.txt')
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith('#'))
    .map((l) => l.split(' => ') as [string, string, string]);

  test.each(cases)('%s on %s: %s', (condition, json, expected) => {
    const { program, problems } = loadOal([
      { name: 'case.oal', text: `m = from(Service.*).filter(${condition}).count();` },
    ]);
    if (expected === 'problem') {
      expect(problems).toHaveLength(1);
      return;
    }
    expect(problems.map(problemText)).toEqual([]);
    const { tag, ...fields } = JSON.parse(json) as { tag?: Record<string, string> };
    const record = Object.assign(new SourceRecord(), fields, tag && { tag: new Map(Object.entries(tag)) });
    const dispatch = compileDispatch(program, options);
    const columns = dispatch.metricsOf('Service').map((s) => new MetricColumns(s));
    expect(dispatch.dispatch(record, columns, 0)).toBe(0);
    expect(columns[0]!.has(0) ? 'yes' : 'no').toBe(expected);
  });
});

test('docs/oal.md: every example is sound', () => {
  const text = readFileSync(new URL('../../../docs/oal.md', import.meta.url), 'utf8');
  const examples = [...text.matchAll(/^```oal\n(.*?)^```$/gms)].map((m) => m[1]!);
  expect(examples.length).toBeGreaterThan(1);
  for (const example of examples) {
    sound(loadOal([{ name: 'docs/oal.md', text: example }], { knownMetrics: core.schemas }));
  }
});

describe('deploy/oal', () => {
  /** One line of the table, as core.oal would be written with SkyWalking's percentiles. */
  const table = corpus('core-metrics.txt')
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith('#'))
    .map((l) => l.split('|').map((c) => c.trim()) as [string, string, string, string, string]);

  /** The statements of a shipped script, in the notation of the table. */
  const statements = (script: { text: string }) =>
    script.text
      .replaceAll(/^\/\/.*$/gm, '')
      .split(';')
      .map((s) => s.trim().replaceAll(/\s*\n\s*/g, ''))
      .filter((s) => s !== '')
      .map((s) => {
        const [, name, from, filters, fn, decorator] =
          /^(\w+) = from\((.+?\.(?:\*|\w+(?:\[".*?"\])?))\)((?:\.filter\(.*?\))*)\.(\w+\(.*?\))(?:\.decorator\("(\w+)"\))?$/.exec(
            s,
          )!;
        const conditions = [...filters!.matchAll(/\.filter\((.*?)\)/g)].map((m) => m[1]!);
        return [
          name!,
          from!.replace('(str->long)', '(long)'),
          conditions.join(' && ').replaceAll(/\b(RequestType|DetectPoint|VirtualCacheOperation|MQOperation)\./g, ''),
          fn!,
          decorator ?? '',
        ];
      });
  const byName = (a: readonly string[], b: readonly string[]) => (a[0]! < b[0]! ? -1 : 1);

  test('skywalking-compat.oal is the table of core metrics', () => {
    expect(table).toHaveLength(63);
    expect(statements(shipped('skywalking-compat.oal')).toSorted(byName)).toEqual(table.toSorted(byName));
    expect(sound(loadOal([shipped('skywalking-compat.oal')])).metrics).toHaveLength(63);
  });

  test('core.oal is the same with hdrPercentile(2)', () => {
    const hdr = table.map((row) => row.map((c) => c.replace('percentile2(10)', 'hdrPercentile(2)')));
    expect(statements(shipped('core.oal')).toSorted(byName)).toEqual(hdr.toSorted(byName));
    const program = sound(loadOal([shipped('core.oal')]));
    const texts = table.map(([name, from, , fn]) => {
      const scope = /(\w+)\./.exec(from)![1]!;
      const shape = fn.replace('percentile2(10)', 'hdrPercentile(2)').replace(/\(.*[a-z].*\)/, '()');
      return `${name} ${scope} ${shape}`;
    });
    expect(program.metrics.map((m) => m.schema.text).toSorted()).toEqual(texts.toSorted());
  });

  test('federation.oal merges every metric of core.oal into itself, and nothing else', () => {
    const program = sound(loadOal([shipped('federation.oal')], { knownMetrics: core.schemas }));
    expect(program.metrics.map((m) => m.schema.text)).toEqual(core.metrics.map((m) => m.schema.text));
    for (const [name, route] of federationRoutes(program)) {
      expect(route.schema.name).toBe(name);
      expect(route.accepts(core.schemas.get(name)!)).toBeUndefined();
    }
  });

  test('a mixed tier loads core.oal and federation.oal together', () => {
    const program = sound(loadOal([shipped('core.oal'), shipped('federation.oal')]));
    expect(program.metrics).toHaveLength(126);
    expect(program.schemas.size).toBe(63);
  });

  test('increments of skywalking-compat.oal are refused by name where federation.oal expects hdr', () => {
    const compat = loadOal([shipped('skywalking-compat.oal')]).program;
    const routes = federationRoutes(loadOal([shipped('core.oal'), shipped('federation.oal')]).program);
    const refused = compat.metrics.flatMap((m) => routes.get(m.schema.name)!.accepts(m.schema) ?? []);
    expect(refused).toHaveLength(table.filter(([, , , fn]) => fn === 'percentile2(10)').length);
    expect(refused[0]).toBe(
      'metric service_percentile cannot be merged into service_percentile: it is made by percentile2(10) below, ' +
        'and percentileAdd(2) here takes hdrPercentile(2)',
    );
    const other = { ...(core.schemas.get('service_cpm') as MetricSchema), scope: 'Endpoint' as const };
    expect(routes.get('service_cpm')!.accepts(other)).toContain('its scope is Endpoint below and Service here');
  });
});
