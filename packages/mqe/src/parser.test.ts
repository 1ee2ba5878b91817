// SPDX-License-Identifier: Apache-2.0
// Goal: no text breaks the parser other than by an MqeError that points into the text, however long or nested it is;
// and adding a label rewrites metrics only. Method: random token soup, hostile sizes, known rewrites.
// (What valid and invalid expressions give is in test/conformance/mqe.)
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { metricsOf } from './ast.js';
import { MqeError } from './errors.js';
import { parseMqe } from './parser.js';
import { withLabel } from './with-label.js';

const PIECES =
  "avg ( ) { } , = == != > < >= <= + - * / % 1 2.5 cpm 9lives 'a,b' \"x\" top_n relabels round des asc p attr0 ' . ^ é && || rate merged increase baseline value top_n_of aggregate_labels sort_values sort_label_values view_as_seq is_present bool".split(
    ' ',
  );

it('answers any text with a tree or with a column inside the text', () => {
  const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 20 }).map((p) => p.join(' '));
  fc.assert(
    fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 40 })), (text) => {
      try {
        metricsOf(parseMqe(text));
      } catch (error) {
        expect(error).toBeInstanceOf(MqeError);
        const { column } = error as MqeError;
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(text.length + 1);
      }
    }),
    { numRuns: 3_000 },
  );
});

it('refuses what is too long or too deep, and takes long flat sums', () => {
  expect(() => parseMqe('1'.repeat(5_000))).toThrow('The expression has 5000 characters, the limit is 4096');
  expect(() => parseMqe(`${'('.repeat(100)}1${')'.repeat(100)}`)).toThrow('More than 32 levels of parentheses');
  expect(metricsOf(parseMqe(Array.from({ length: 1_000 }, () => 'a').join('+'))).length).toBe(1_000);
});

it('adds a label to every metric that lacks it', () => {
  const cases: [string, string][] = [
    ['cpm', "cpm{origin='*'}"],
    [' cpm / 100 ', " cpm{origin='*'} / 100 "],
    ["pct{p='50'} - cpm", "pct{p='50',origin='*'} - cpm{origin='*'}"],
    ["pct{p='50' } - 1", "pct{p='50' ,origin='*'} - 1"],
    ["cpm{origin='a'} + top_n(x, 3, des)", "cpm{origin='a'} + top_n(x{origin='*'}, 3, des)"],
    ['cpm{ }', "cpm{ origin='*'}"],
    ['merged(cpm) - rate(cpm, 2)', "merged(cpm{origin='*'}) - rate(cpm{origin='*'}, 2)"],
    ['top_n_of(top_n(a, 1, des), 2, asc)', "top_n_of(top_n(a{origin='*'}, 1, des), 2, asc)"],
    ['is_present(a, b)', "is_present(a{origin='*'}, b{origin='*'})"],
    ['1 + 2', '1 + 2'],
  ];
  for (const [before, after] of cases) {
    expect(withLabel(before, 'origin', '*')).toBe(after);
    expect(() => parseMqe(after)).not.toThrow();
  }
});
