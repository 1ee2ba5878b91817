// SPDX-License-Identifier: Apache-2.0
// Goal: printing and parsing are inverse, and no text whatever makes the loader throw. Method: fast-check, over generated syntax
// trees and over random and mutated scripts.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CASTS, type Literal, type Path } from './ast.js';
import { loadOal } from './checker.js';
import { parseOal } from './parser.js';
import { printOal } from './print.js';
import { didYouMean, type OalProblem } from './problem.js';

const shipped = (name: string) => readFileSync(new URL(`../../../deploy/oal/${name}`, import.meta.url), 'utf8');

/** A tree without its places. */
const bare = (tree: unknown): unknown =>
  JSON.parse(JSON.stringify(tree, (key, value: unknown) => (key === 'line' || key === 'column' ? undefined : value)));

const at = { line: 0, column: 0 };
const WORDS = ['true', 'false', 'null', 'not', 'disable'];
const word = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/).filter((w) => !WORDS.includes(w));
const text = fc.string({ unit: 'binary' }).map((s) => s.replaceAll(/[\n\r]/g, ''));
const spot = word.map((t) => ({ ...at, text: t }));
const cast = fc.option(fc.constantFrom(...CASTS), { nil: undefined });
const literal: fc.Arbitrary<Literal> = fc.oneof(
  fc.boolean().map((value) => ({ kind: 'bool' as const, ...at, value })),
  fc.maxSafeNat().map((value) => ({ kind: 'number' as const, ...at, value })),
  text.map((value) => ({ kind: 'text' as const, ...at, value })),
  fc.constant({ kind: 'null' as const, ...at }),
  fc
    .record({ type: fc.option(word, { nil: undefined }), constant: word })
    .map(({ type, constant }) => ({ kind: 'enum' as const, ...at, ...(type === undefined ? {} : { type }), constant })),
);
const segment = fc
  .record({ text: word, key: fc.option(text, { nil: undefined }) })
  .map(({ text: t, key }) => ({ ...at, text: t, ...(key === undefined ? {} : { key }) }));
const segments = fc.array(segment, { minLength: 1, maxLength: 3 });
const path: fc.Arbitrary<Path> = fc
  .record({ cast, segments })
  .map((p) => ({ ...at, segments: p.segments, ...(p.cast === undefined ? {} : { cast: p.cast }) }));
const expression = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    line: fc.constant(0),
    column: fc.constant(0),
    left: path,
    operator: fc.constantFrom('==', '!=', '>', '>=', '<', '<=', 'like', 'contain', 'not contain'),
    right: literal,
  }),
  fc.record({
    kind: fc.constant('in' as const),
    line: fc.constant(0),
    column: fc.constant(0),
    left: path,
    list: fc.array(literal, { minLength: 1, maxLength: 4 }),
  }),
);
const argument = fc.oneof(
  expression.map((e) => ({ kind: 'expression' as const, ...at, expression: e })),
  literal
    .filter((l) => l.kind !== 'enum' && l.kind !== 'null')
    .map((l) => ({ kind: 'literal' as const, ...at, literal: l })),
  path.map((p) => ({ kind: 'path' as const, ...at, path: p })),
);
const metric = fc
  .record({
    name: spot,
    cast,
    source: spot,
    path: fc.oneof(fc.constant([{ ...at, text: '*' }]), segments).map((s) => ({ ...at, segments: s })),
    filters: fc.array(expression, { maxLength: 3 }),
    functionName: spot,
    args: fc.array(argument, { maxLength: 3 }),
    decorator: fc.option(
      text.map((t) => ({ ...at, text: t })),
      { nil: undefined },
    ),
  })
  .map((m) => ({ kind: 'metric' as const, ...at, ...m }));
const disable = spot.map((name) => ({ kind: 'disable' as const, ...at, name }));
const script = fc.array(fc.oneof(metric, disable), { maxLength: 5 });

describe('parse and print', () => {
  test('parsing what was printed gives the tree back', () => {
    fc.assert(
      fc.property(script, (statements) => {
        const problems: OalProblem[] = [];
        const printed = printOal({ file: 'x', statements: statements as never });
        const parsed = parseOal('x', printed, problems);
        expect(problems).toEqual([]);
        expect(bare(parsed.statements)).toEqual(bare(statements));
      }),
      { numRuns: 500 },
    );
  });

  test.each(['core.oal', 'skywalking-compat.oal', 'federation.oal'])('%s survives printing', (name) => {
    const problems: OalProblem[] = [];
    const tree = parseOal(name, shipped(name), problems);
    expect(bare(parseOal(name, printOal(tree), problems))).toEqual(bare(tree));
    expect(problems).toEqual([]);
  });

  test('problems of several scripts come in reading order', () => {
    const { problems } = loadOal([
      { name: 'b.oal', text: 'a = from(Service.*).cpm();\n\n z = from(Servic.*).cpm(); $' },
      { name: 'a.oal', text: 'a = from(Service.*).cpm();' },
    ]);
    expect(problems.map((p) => `${p.file}:${p.line}:${p.column}`)).toEqual(['b.oal:3:11', 'b.oal:3:28', 'a.oal:1:1']);
    expect(problems[2]!.message).toBe('metric "a" is already defined at b.oal:1');
  });
});

describe('whatever the text', () => {
  const core = loadOal([{ name: 'core.oal', text: shipped('core.oal') }]).program;
  const survives = (content: string) => {
    const { problems, program } = loadOal([{ name: 'x.oal', text: content }], { knownMetrics: core.schemas });
    const lines = content.split('\n');
    for (const p of problems) {
      expect(p.message).not.toBe('');
      expect(p.line).toBeGreaterThanOrEqual(1);
      expect(p.line).toBeLessThanOrEqual(lines.length);
      expect(p.column).toBeGreaterThanOrEqual(1);
      expect(p.column).toBeLessThanOrEqual(lines[p.line - 1]!.length + 1);
    }
    expect(program.schemas.size).toBeLessThanOrEqual(program.metrics.length);
  };

  test('random bytes give problems, never an exception', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), survives), { numRuns: 2_000 });
  });

  test('random tokens give problems, never an exception', () => {
    const token = fc.constantFrom(
      ...'a = from ( Service . * ) cpm ; filter latency == > "x" 5 [ ] tag , like in not contain null true (long) -> '.split(
        ' ',
      ),
      ...'disable decorator FederatedMetrics cpmAdd percentile2 10 RequestType MQ /* */ // -1 1.5 \n segment'.split(
        ' ',
      ),
    );
    const tokens = fc.array(token, { maxLength: 60 }).map((t) => t.join(' '));
    fc.assert(fc.property(tokens, survives), { numRuns: 2_000 });
  });

  test('mutated core.oal and federation.oal give problems, never an exception', () => {
    const edit = fc.record({
      where: fc.nat(),
      cut: fc.integer({ min: 0, max: 12 }),
      put: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 4 }),
        fc.constantFrom('"', ';', '/*', '*/', '(', ')', '.', '='),
      ),
    });
    const file = fc.constantFrom(shipped('core.oal'), shipped('federation.oal'));
    fc.assert(
      fc.property(file, fc.array(edit, { minLength: 1, maxLength: 8 }), (content, edits) => {
        let mutated = content;
        for (const { where, cut, put } of edits) {
          const i = where % (mutated.length + 1);
          mutated = mutated.slice(0, i) + put + mutated.slice(i + cut);
        }
        survives(mutated);
      }),
      { numRuns: 300 },
    );
  });
});

test('did you mean: near names only, the case does not count', () => {
  const names = ['service_cpm', 'service_sla', 'endpoint_cpm'];
  expect(didYouMean('service_cmp', names)).toBe(', did you mean "service_cpm"?');
  expect(didYouMean('SERVICE_SLA', names)).toBe(', did you mean "service_sla"?');
  expect(didYouMean('percentile', names)).toBe('');
  expect(didYouMean('x'.repeat(10_000), names)).toBe('');
});
