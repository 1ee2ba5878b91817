// SPDX-License-Identifier: Apache-2.0
// Goal: compiled dispatch puts into the columns exactly what the language says. Method: random records through the dispatch and
// through a slow interpreter that walks the syntax tree, knows nothing of the checker and folds into plain Maps of bigints.
import { readFileSync } from 'node:fs';
import { bucketIndex, MetricColumns, SCOPES, type ScopeName } from '@oap-federation/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expression, MetricStatement, Path } from './ast.js';
import { loadOal } from './checker.js';
import { compileDispatch } from './dispatch.js';
import { parseOal } from './parser.js';
import { problemText } from './problem.js';
import { EMPTY_PROGRAM } from './program.js';
import { SourceRecord } from './source.js';

const CORE = readFileSync(new URL('../../../deploy/oal/core.oal', import.meta.url), 'utf8');
const EXTRA = `
x_double = from(Service.latency).doubleAvg();
x_sum = from((str->long)Service.tag["n"]).filter(layer in [Layer.MESH, GENERAL]).sum();
x_max = from(Service.latency).filter(name like "s%").filter(tags not contain "k:v").filter(status != false).max();
x_min = from(ServiceRelation.latency).filter(componentId in [1, 2, 3]).filter(destServiceName != null).min();
x_rate = from(Service.*).rate((str->int)tag["n"] > 5, type != RequestType.RPC);
x_rate_2 = from(Endpoint.*).rate(status == false, httpResponseStatusCode >= 500);
x_apdex = from(Endpoint.latency).apdex(serviceName, status);
x_histogram = from(EndpointRelation.rpcLatency).filter(serviceLayer != "MESH").histogram(100, 5);
x_percentile = from(MQEndpointAccess.transmissionLatency).filter(serviceName in ["s1", ""]).percentile2(10);
x_percent = from(ServiceInstance.*).filter(tags contain "k:v").percent(tag["n"] like "%1%");
x_percent_2 = from(ServiceInstance.*).percent((long)tag["n"] <= 5);
`;

const options = { apdexThresholdMs: (service: string) => (service === 's1' ? 100 : 500) };

const record: fc.Arbitrary<SourceRecord> = fc
  .record({
    scope: fc.constantFrom(...SCOPES.map((s) => s.name as ScopeName)),
    name: fc.constantFrom('', 's1', 's2', 'other'),
    serviceName: fc.constantFrom('', 's1', 's2'),
    destServiceName: fc.constantFrom('', 's1'),
    layer: fc.constantFrom('MESH', 'GENERAL', 'MY_OWN'),
    sourceLayer: fc.constantFrom('MESH', 'GENERAL', ''),
    latency: fc.oneof(fc.nat({ max: 3000 }), fc.constantFrom(100, 400, 500, 2000)),
    rpcLatency: fc.nat({ max: 900 }),
    transmissionLatency: fc.nat({ max: 3000 }),
    status: fc.boolean(),
    httpResponseStatusCode: fc.constantFrom(0, 200, 500),
    type: fc.constantFrom('MQ' as const, 'RPC' as const, 'HTTP' as const),
    detectPoint: fc.constantFrom('SERVER' as const, 'CLIENT' as const, 'PROXY' as const),
    operation: fc.constantFrom('Read' as const, 'Write' as const, 'Consume' as const, 'Produce' as const),
    componentId: fc.nat({ max: 4 }),
    tags: fc.option(fc.subarray(['k:v', 'a:b']), { nil: undefined }),
    tag: fc.option(
      fc
        .dictionary(
          fc.constantFrom('n', 'transmission.latency'),
          fc.constantFrom('', '1', '51', '-7', 'x', '99999999999999999999'),
        )
        .map((d) => new Map(Object.entries(d))),
      { nil: undefined },
    ),
  })
  .map((fields) => Object.assign(new SourceRecord(), fields));

/** Null is null; a cast that fails throws 'skip'. */
function read(path: Path, cast: string | undefined, r: SourceRecord): unknown {
  const { text, key } = path.segments[0]!;
  const renamed: Record<string, string> = {
    serviceLayer: r.scope === 'EndpointRelation' ? 'sourceLayer' : 'layer',
    childServiceLayer: 'destLayer',
  };
  const own = (r as unknown as Record<string, unknown>)[renamed[text] ?? text];
  let value = key === undefined ? own : (own as Map<string, string> | undefined)?.get(key);
  if (value === undefined || (value === '' && key === undefined)) value = null;
  if (cast === undefined) return value;
  const limit = cast.endsWith('int') ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
  const n = typeof value === 'number' ? Math.trunc(value) : /^[+-]?\d+$/.test(String(value)) ? Number(value) : NaN;
  if (!(Math.abs(n) <= limit)) throw new Error('skip');
  return n;
}

function holds(e: Expression, r: SourceRecord): boolean {
  const left = read(e.left, e.left.cast, r);
  const constant = (l: (Expression & { kind: 'compare' })['right']): unknown =>
    l.kind === 'null' ? null : l.kind === 'enum' ? l.constant : l.kind === 'text' && l.value === '' ? null : l.value;
  if (e.kind === 'in') return e.list.map(constant).includes(left);
  const right = constant(e.right);
  switch (e.operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '>':
      return (left as number) > (right as number);
    case '>=':
      return (left as number) >= (right as number);
    case '<':
      return (left as number) < (right as number);
    case '<=':
      return (left as number) <= (right as number);
    case 'like': {
      const pattern = String(right)
        .split('%')
        .map((p) => p.replaceAll(/[^\w]/g, '\\$&'))
        .join('.*');
      return left !== null && new RegExp(`^${pattern}$`).test(left as string);
    }
    case 'contain':
      return left !== null && (left as string[]).includes(right as string);
    case 'not contain':
      return left !== null && !(left as string[]).includes(right as string);
  }
}

/** Fields by name, distributions as `column[index]`. */
type Fields = Map<string, bigint>;

function interpret(m: MetricStatement, r: SourceRecord, fields: Fields): void {
  const add = (field: string, n: bigint | number | boolean): void => {
    fields.set(field, (fields.get(field) ?? 0n) + BigInt(n));
  };
  const argument = (i: number) => m.args[i]!;
  const flag = (i: number) => {
    const a = argument(i);
    if (a.kind !== 'expression') throw new Error('not a condition');
    return holds(a.expression, r);
  };
  const constant = (i: number) => {
    const a = argument(i);
    if (a.kind !== 'literal' || a.literal.kind !== 'number') throw new Error('not a number');
    return a.literal.value;
  };
  const value = () => read(m.path, m.cast, r) as number;
  if (!m.filters.every((f) => holds(f, r))) return;
  switch (m.functionName.text) {
    case 'longAvg': {
      const v = value();
      add('summation', v);
      return (add('count', 1), undefined);
    }
    case 'doubleAvg':
      add('summation_micros', Math.round(value() * 1e6));
      return (add('count', 1), undefined);
    case 'sum':
      return (add('value', value()), undefined);
    case 'count':
      return (add('value', 1), undefined);
    case 'cpm':
      return (add('total', 1), undefined);
    case 'max': {
      const v = BigInt(value());
      if (!(v <= (fields.get('value') ?? v - 1n))) fields.set('value', v);
      return;
    }
    case 'min': {
      const v = BigInt(value());
      if (!(v >= (fields.get('value') ?? v + 1n))) fields.set('value', v);
      return;
    }
    case 'percent': {
      const matched = flag(0);
      add('total', 1);
      return (add('match', matched), undefined);
    }
    case 'rate': {
      const numerator = flag(0);
      const denominator = flag(1);
      add('numerator', numerator);
      return (add('denominator', denominator), undefined);
    }
    case 'apdex': {
      const [name, status] = m.args.map((a) => (a.kind === 'path' ? read(a.path, undefined, r) : undefined));
      const t = options.apdexThresholdMs(String(name));
      const v = value();
      add('total_num', 1);
      add('s_num', status === true && v <= t);
      return (add('t_num', status === true && v > t && v <= 4 * t), undefined);
    }
    case 'percentile2':
      return (add(`dataset[${Math.floor(value() / constant(0))}]`, 1), undefined);
    case 'hdrPercentile':
      return (add(`dataset[${bucketIndex({ kind: 'hdr', digits: constant(0) }, value())}]`, 1), undefined);
    case 'histogram':
      return (add(`dataset[${Math.min(Math.floor(value() / constant(0)), constant(1))}]`, 1), undefined);
    default:
      throw new Error(`no such function: ${m.functionName.text}`);
  }
}

function fieldsOf(columns: MetricColumns, row: number): Fields {
  const fields: Fields = new Map();
  if (!columns.has(row)) return fields;
  for (const [i, f] of columns.schema.intFields.entries()) fields.set(f.column, columns.int(row, i));
  for (const [i, f] of columns.schema.distributionFields.entries()) {
    const d = columns.distribution(row, i)!;
    for (let p = 0; p < d.size; p++) fields.set(`${f.column}[${d.indexAt(p)}]`, d.countAt(p));
  }
  return fields;
}

const columnsOf = (dispatch: ReturnType<typeof compileDispatch>, scope: ScopeName) =>
  dispatch.metricsOf(scope).map((s) => new MetricColumns(s, 1));

describe('dispatch', () => {
  const scripts = [
    { name: 'core.oal', text: CORE },
    { name: 'extra.oal', text: EXTRA },
  ];
  const { program, problems } = loadOal(scripts);
  const dispatch = compileDispatch(program, options);
  const statements = scripts
    .flatMap((s) => parseOal(s.name, s.text, []).statements)
    .filter((s): s is MetricStatement => s.kind === 'metric');

  test('the scripts of this test are sound', () => expect(problems.map(problemText)).toEqual([]));

  test('equals the slow interpreter, metric by metric and field by field', () => {
    const touched = new Set<string>();
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), (records) => {
        const columns = new Map(SCOPES.map((s) => [s.name, columnsOf(dispatch, s.name as ScopeName)]));
        const expected = new Map<string, Fields>(statements.map((s) => [s.name.text, new Map<string, bigint>()]));
        for (const r of records) {
          expect(dispatch.dispatch(r, columns.get(r.scope)!, 3)).toBe(0);
          for (const s of statements) {
            if (s.source.text !== r.scope) continue;
            try {
              interpret(s, r, expected.get(s.name.text)!);
            } catch (e) {
              if ((e as Error).message !== 'skip') throw e;
            }
          }
        }
        for (const c of [...columns.values()].flat()) {
          expect([c.schema.name, fieldsOf(c, 3)]).toEqual([c.schema.name, expected.get(c.schema.name)]);
          expect(c.has(0)).toBe(false);
          if (c.has(3)) touched.add(c.schema.name);
        }
      }),
      { numRuns: 300 },
    );
    // no metric agreed only because nothing ever reached it
    expect(statements.map((s) => s.name.text).filter((n) => !touched.has(n))).toEqual([]);
  });

  test('metrics of a scope come in the order of the scripts', () => {
    for (const { name } of SCOPES) {
      const inOrder = statements.filter((s) => s.source.text === name).map((s) => s.name.text);
      expect(dispatch.metricsOf(name as ScopeName).map((m) => m.name)).toEqual(inOrder);
    }
  });

  test('a program without metrics accepts every record', () => {
    const empty = compileDispatch(EMPTY_PROGRAM, options);
    expect(empty.metricsOf('Service')).toEqual([]);
    expect(empty.dispatch(new SourceRecord(), [], 0)).toBe(0);
  });
});

describe('refusals are counted and change nothing', () => {
  const run = (script: string, latency: number, times = 1) => {
    const dispatch = compileDispatch(loadOal([{ name: 'x', text: script }]).program, options);
    const columns = columnsOf(dispatch, 'Service');
    const r = Object.assign(new SourceRecord(), { latency, name: 's1' });
    let refused = 0;
    for (let i = 0; i < times; i++) refused += dispatch.dispatch(r, columns, 0);
    return { refused, touched: columns.filter((c) => c.has(0)).map((c) => c.schema.name) };
  };
  const ALL = `
    a = from(Service.latency).longAvg();
    b = from(Service.latency).sum();
    c = from(Service.latency).max();
    d = from(Service.latency).doubleAvg();
    e = from(Service.latency).hdrPercentile(2);
    f = from(Service.latency).percentile2(10);
    g = from(Service.latency).histogram(10, 5);
    h = from(Service.latency).apdex(name, status);
    i = from(Service.*).cpm();`;

  test.each([NaN, Infinity, -Infinity, 2 ** 60])('a latency of %s: every metric that reads it refuses', (latency) => {
    expect(run(ALL, latency)).toEqual({ refused: 8, touched: ['i'] });
  });

  test('a latency beyond the bucket indexes is refused by linear percentiles only', () => {
    const { refused, touched } = run(ALL, 2 ** 40);
    expect([refused, touched]).toEqual([1, ['a', 'b', 'c', 'd', 'e', 'g', 'h', 'i']]);
    expect(run('f = from(Service.latency).percentile2(10);', 2 ** 31 * 10 - 1).refused).toBe(0);
  });

  test('a sum that would leave int64 is refused', () => {
    // 1024 * (2^53 - 1) fits into int64, one more does not
    expect(run('b = from(Service.latency).sum();', Number.MAX_SAFE_INTEGER, 1024).refused).toBe(0);
    expect(run('b = from(Service.latency).sum();', Number.MAX_SAFE_INTEGER, 1025).refused).toBe(1);
  });
});
