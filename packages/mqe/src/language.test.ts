// SPDX-License-Identifier: Apache-2.0
// Goal: the tree that was written is the tree that is parsed; and no tree, however odd, breaks the evaluator or the promises of its plan.
// Method: random trees, printed with no more parentheses than binding needs. Plans are run over small random data.
import { entityOf, metricSchema, serviceId, type Entity } from '@oap-federation/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BinaryOp, Expr, LabelArg, MetricExpr, TopNExpr } from './ast.js';
import { compileMqe } from './check.js';
import { MqeError } from './errors.js';
import { evaluateMqe, executeMqe } from './evaluate.js';
import { parseMqe } from './parser.js';
import { MemoryMetricReader } from './testing.js';

const LEVELS: readonly (readonly BinaryOp[])[] = [
  ['&&', '||'],
  ['>', '>=', '<', '<=', '==', '!='],
  ['+', '-'],
  ['*', '/', '%'],
];
const levelOf = (expr: Expr) => (expr.kind === 'binary' ? LEVELS.findIndex((ops) => ops.includes(expr.op)) : 4);

const at = { column: 0 };
const label = (name: string, values: readonly string[]): LabelArg => ({ label: name, values, ...at });

// Names that exist come often, so that many trees can be evaluated.
const metric: fc.Arbitrary<MetricExpr> = fc
  .record({
    name: fc.constantFrom('cpm', 'cpm', 'resp', 'pct', 'heat', 'pod_cpm', 'nothing', '9lives'),
    origin: fc.constantFrom<readonly string[]>([], [], ['*'], ['a'], ['a', 'nowhere']),
    p: fc.constantFrom<readonly string[]>([], [], [], ['50', '99.9']),
  })
  .map(({ name, origin, p }) => ({
    kind: 'metric',
    name,
    labels: [...(origin.length > 0 ? [label('origin', origin)] : []), ...(p.length > 0 ? [label('p', p)] : [])],
    labelColumn: 0,
    endColumn: 0,
    ...at,
  }));
const order = fc.constantFrom('asc', 'des');
const small = fc.integer({ min: 1, max: 3 });
const aggregateName = fc.constantFrom('avg', 'count', 'latest', 'sum', 'max', 'min');
const labelName = fc.constantFrom('origin', 'p', 'z');
const labelNames = (least: number) =>
  fc.array(labelName, { minLength: least, maxLength: 2 }).map((names) => names.map((l) => ({ label: l, ...at })));
const topN: fc.Arbitrary<TopNExpr> = fc.record({
  kind: fc.constant('topN'),
  of: metric,
  isMerged: fc.boolean(),
  n: small,
  order,
  attributes: fc.array(
    fc.record({
      name: fc.constant('attr0'),
      value: fc.constantFrom('GENERAL', 'MESH'),
      negated: fc.boolean(),
      column: fc.constant(0),
    }),
    { maxLength: 2 },
  ),
  column: fc.constant(0),
});

const { expr } = fc.letrec<{ expr: Expr }>((tie) => {
  const of = tie('expr');
  const column = fc.constant(0);
  const node = <K extends string, F extends object>(kind: K, fields: { [P in keyof F]: fc.Arbitrary<F[P]> }) =>
    fc.record({ kind: fc.constant(kind), ...fields, column }) as unknown as fc.Arbitrary<Expr>;
  const scalar = fc.oneof(fc.bigInt({ min: 0n, max: 1n << 70n }), fc.constantFrom(0.5, 1.25, 1000.001));
  return {
    expr: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      metric,
      node('scalar', { value: scalar }),
      node('binary', { op: fc.constantFrom(...LEVELS.flat()), left: of, right: of }),
      node('binary', { op: fc.constantFrom(...LEVELS.flat()), left: of, right: of }),
      node('aggregate', { name: aggregateName, of }),
      node('math', { name: fc.constantFrom('abs', 'ceil', 'floor'), of }),
      node('round', { of, places: fc.integer({ min: 0, max: 12 }) }),
      node('relabels', {
        of,
        from: labelName.map((l) => label(l, ['a', '50'])),
        to: labelName.map((l) => label(l, ['x', '7'])),
      }),
      node('aggregateLabels', { of, name: fc.constantFrom('avg', 'sum', 'max', 'min'), keep: labelNames(0) }),
      node('sortValues', { of, n: small, order, by: aggregateName }),
      node('sortLabelValues', { of, order, labels: labelNames(1) }),
      node('merged', { of: metric }),
      node('trend', { name: fc.constantFrom('increase', 'rate'), of: metric, steps: small }),
      node('baseline', { of: metric, name: fc.constantFrom('value', 'upper', 'lower') }),
      topN,
      node('topNOf', { lists: fc.array(topN, { minLength: 1, maxLength: 2 }), n: small, order }),
      node('viewAsSeq', { of: fc.array(of, { minLength: 1, maxLength: 2 }) }),
      node('isPresent', { of: fc.array(of, { minLength: 1, maxLength: 2 }) }),
    ),
  };
});

const printLabel = ({ label: name, values }: LabelArg) => `${name}='${values.join(',')}'`;
const names = (labels: readonly { readonly label: string }[]) => labels.map((l) => l.label).join(',');

function print(tree: Expr): string {
  switch (tree.kind) {
    case 'metric':
      return tree.name + (tree.labels.length > 0 ? `{${tree.labels.map(printLabel).join(', ')}}` : '');
    case 'scalar':
      return String(tree.value);
    case 'binary': {
      const level = levelOf(tree);
      const left = levelOf(tree.left) < level ? `(${print(tree.left)})` : print(tree.left);
      const right = levelOf(tree.right) <= level ? `(${print(tree.right)})` : print(tree.right);
      return `${left} ${tree.op} ${right}`;
    }
    case 'aggregate':
    case 'math':
      return `${tree.name}(${print(tree.of)})`;
    case 'round':
      return `round(${print(tree.of)}, ${tree.places})`;
    case 'relabels':
      return `relabels(${print(tree.of)}, ${printLabel(tree.from)}, ${printLabel(tree.to)})`;
    case 'aggregateLabels':
      return `aggregate_labels(${print(tree.of)}, ${tree.name}${tree.keep.length > 0 ? `(${names(tree.keep)})` : ''})`;
    case 'sortValues':
      return `sort_values(${print(tree.of)}, ${tree.n}, ${tree.order}, ${tree.by})`;
    case 'sortLabelValues':
      return `sort_label_values(${print(tree.of)}, ${tree.order}, ${names(tree.labels)})`;
    case 'merged':
      return `merged(${print(tree.of)})`;
    case 'trend':
      return `${tree.name}(${print(tree.of)}, ${tree.steps})`;
    case 'baseline':
      return `baseline(${print(tree.of)}, ${tree.name})`;
    case 'topN': {
      const of = tree.isMerged ? `merged(${print(tree.of)})` : print(tree.of);
      const attributes = tree.attributes.map((a) => `, ${a.name}${a.negated ? '!=' : '='}'${a.value}'`);
      return `top_n(${of}, ${tree.n}, ${tree.order}${attributes.join('')})`;
    }
    case 'topNOf':
      return `top_n_of(${tree.lists.map(print).join(', ')}, ${tree.n}, ${tree.order})`;
    case 'viewAsSeq':
      return `view_as_seq(${tree.of.map(print).join(', ')})`;
    case 'isPresent':
      return `is_present(${tree.of.map(print).join(', ')})`;
  }
}

/** The tree without where it was written. */
function withoutColumns(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutColumns);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, of]) => (/column$/i.test(key) ? [] : [[key, withoutColumns(of)]])),
  );
}

it('parses what is printed to the same tree', () => {
  fc.assert(
    fc.property(expr, (tree) => {
      expect(withoutColumns(parseMqe(print(tree)))).toEqual(withoutColumns(tree));
    }),
    { numRuns: 2_000 },
  );
});

const METRICS = [
  metricSchema('cpm', 'Service', 'cpm'),
  metricSchema('resp', 'Service', 'longAvg'),
  metricSchema('pct', 'Service', 'hdrPercentile', [2]),
  metricSchema('heat', 'Service', 'histogram', [10, 5]),
  metricSchema('pod_cpm', 'ServiceInstance', 'cpm'),
];
const service = (name: string, layer: string): Entity =>
  entityOf('Service', { service: name, normal: true, layer, name: '' });
const ENTITIES = [service('shop', 'GENERAL'), service('cart', 'GENERAL,MESH'), service('bank', 'MESH')];

interface Event {
  readonly metric: string;
  readonly entity: number;
  readonly origin: string;
  readonly minute: number;
  readonly value: number;
}
const event: fc.Arbitrary<Event> = fc.record({
  metric: fc.constantFrom('cpm', 'resp', 'pct', 'heat'),
  entity: fc.nat({ max: ENTITIES.length - 1 }),
  origin: fc.constantFrom('a', 'b'),
  minute: fc.nat({ max: 5 }),
  value: fc.nat({ max: 100 }),
});

function readerOf(events: readonly Event[]): MemoryMetricReader {
  const reader = new MemoryMetricReader(METRICS);
  for (const { metric: name, entity, origin, minute, value } of events) {
    reader.enter(name, ENTITIES[entity]!, origin, minute, [value]);
  }
  return reader;
}

it('keeps what a plan promises, whatever the expression', async () => {
  let evaluated = 0;
  await fc.assert(
    fc.asyncProperty(expr, fc.array(event, { maxLength: 30 }), async (tree, events) => {
      const reader = readerOf(events);
      const request = {
        reader,
        entityIdOf: (scope: string) => {
          if (scope !== 'Service') throw new MqeError(`${scope} is not asked for`);
          return serviceId('shop', true);
        },
        serviceId: undefined,
        fromMinute: 2,
        toMinute: 4,
        step: 'MINUTE',
        offsetMinutes: 0,
      } as const;
      const text = print(tree);
      let table;
      let plan;
      try {
        plan = compileMqe(text, METRICS);
        table = await evaluateMqe(plan, request);
      } catch (error) {
        expect(error).toBeInstanceOf(MqeError);
        expect(await executeMqe(text, request)).toMatchObject({ type: 'UNKNOWN', error: (error as MqeError).message });
        return;
      }
      evaluated++;
      expect(table).toMatchObject({ shape: plan.shape, comparison: plan.comparison, starts: [2, 3, 4] });
      for (const { labels, values, entityIds } of table.sets) {
        if (plan.shape !== 'sorted') expect(values.length).toBe(plan.shape === 'single' ? 1 : 3);
        expect(entityIds?.length).toBe(plan.shape === 'sorted' ? values.length : undefined);
        const keys = labels.map((l) => l.key);
        expect(keys).toEqual(keys.toSorted());
        expect(plan.labels).toEqual(expect.arrayContaining(keys));
        if (plan.comparison) expect(values.every((v) => v === null || v === 0n || v === 1n)).toBe(true);
      }
      const { results } = await executeMqe(text, request);
      for (const { value } of results.flatMap((r) => r.values)) {
        if (value !== null) expect(value).toMatch(/^(NaN|-?(∞|\d+(\.\d{1,3})?))$/);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(evaluated).toBeGreaterThan(100); // most trees are refused; these were not
});
