// SPDX-License-Identifier: Apache-2.0
// Goal: a text is a tree or an error with its place; what is printed of a tree is that tree again.
// Method: tables of messages, and properties over generated trees and over random texts. What trees mean is tested beside Prometheus.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Expr } from './ast.js';
import { PromqlSyntaxError } from './errors.js';
import { parsePromql, parseSelector } from './parser.js';
import { printPromql } from './print.js';

function messageOf(text: string): string {
  try {
    parsePromql(text);
  } catch (error) {
    if (error instanceof PromqlSyntaxError) return error.message;
    throw error;
  }
  return 'no error';
}

/** Without places: the same tree stands elsewhere in another text. */
function bare(expr: Expr): unknown {
  return JSON.parse(
    JSON.stringify(expr, (key, value: unknown) => (key === 'offset' || key === 'text' ? undefined : value)),
  );
}

describe('errors', () => {
  it.each([
    ['', '1:1: parse error: no expression found in input'],
    ['# only a comment', '1:1: parse error: no expression found in input'],
    ['up +', '1:5: parse error: unexpected end of input'],
    ['up{job=}', '1:8: parse error: unexpected "}"'],
    ['sum(', '1:5: parse error: unexpected end of input'],
    ['up\n  + +)', '2:6: parse error: unexpected ")"'],
    ['rat(up[5m])', '1:1: parse error: unknown function with name "rat"'],
    ['rate(up)', '1:6: parse error: expected type range vector in call to function "rate", got instant vector'],
    ['rate(up[5m], 1)', '1:1: parse error: expected 1 argument(s) in call to "rate", got 2'],
    ['round()', '1:1: parse error: expected at least 1 argument(s) in call to "round", got 0'],
    ['topk(up)', '1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1'],
    ['topk("a", up)', '1:6: parse error: expected type scalar in aggregation parameter, got string'],
    ['sum(1)', '1:5: parse error: expected type instant vector in aggregation expression, got scalar'],
    ['1 > 2', '1:1: parse error: comparisons between scalars must use BOOL modifier'],
    ['up + bool up', '1:1: parse error: bool modifier can only be used on comparison operators'],
    ['up and 1', '1:1: parse error: set operator "and" not allowed in binary scalar expression'],
    ['up and on () group_left up', '1:1: parse error: no grouping allowed for "and" operation'],
    ['up + on (a) 1', '1:1: parse error: vector matching only allowed between instant vectors'],
    ['up + on (a) group_left (a) up', '1:1: parse error: label "a" must not occur in ON and GROUP clause at once'],
    ['"a" + 1', '1:1: parse error: binary expression must contain only scalar and instant vector types'],
    [
      '-"a"',
      '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string"',
    ],
    ['{}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['{a=~".*"}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['up{__name__="down"}', '1:4: parse error: metric name must not be set twice: "up" or "down"'],
    ['up{a=~"("}', '1:7: parse error: error parsing regexp: missing closing ): `(`'],
    ['up{a="\\q"}', '1:6: parse error: invalid string literal "\\q"'],
    [
      'sum(up) offset 5m',
      '1:9: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    ],
    ['up offset 1m offset 2m', '1:14: parse error: offset may not be set multiple times'],
    ['up @ 1 @ 2', '1:8: parse error: @ may not be set multiple times'],
    ['up @ Inf', '1:6: parse error: timestamp out of bounds for @ modifier: Inf'],
    ['sum(up)[5m]', '1:9: parse error: ranges only allowed for vector selectors'],
    ['up offset 1m[5m]', '1:14: parse error: no offset modifiers allowed before range'],
    ['up[0s]', '1:4: parse error: duration must be greater than 0'],
    ['up[5m1h]', '1:6: parse error: unexpected "1h"'],
    ['up[5m][5m:1m]', '1:1: parse error: subquery is only allowed on instant vector, got range vector instead'],
    ['limitk(1, up)', '1:1: parse error: aggregation "limitk" is not supported'],
    ['mad_over_time(up[5m])', '1:1: parse error: function "mad_over_time" is not supported'],
    ['up smoothed', '1:1: parse error: "up smoothed" is not supported'],
  ])('%s', (text, message) => {
    expect(messageOf(text)).toBe(message);
  });

  it('refuses what is too long, too deep or too much', () => {
    expect(messageOf('1'.repeat(20_000))).toBe(
      '1:1: parse error: the expression has 20000 characters, the limit is 16384',
    );
    expect(messageOf(`${'('.repeat(200)}1${')'.repeat(200)}`)).toMatch(/nested more than 128 deep/);
    expect(messageOf(Array.from({ length: 510 }, () => 'up').join(' + '))).toMatch(/more than 500 parts/);
    expect(messageOf(Array.from({ length: 490 }, () => 'up').join(' + '))).toBe('no error');
  });

  it('takes one plain selector for match[]', () => {
    expect(parseSelector('up{a="b"}').matchers).toHaveLength(2);
    for (const text of ['up + 1', 'rate(up[5m])', 'up[5m]', 'up offset 5m', '1']) {
      expect(() => parseSelector(text)).toThrow(PromqlSyntaxError);
    }
  });

  it('never throws anything else', () => {
    const token = fc.constantFrom(
      ...'up sum rate ( ) { } [ ] , = =~ "a" \'b\' 5m 1 + - * ^ and by on group_left offset @ start() : bool # \\ ` \n é 1e9 Inf holt_winters('.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(token, { maxLength: 30 }).map((t) => t.join(' ')),
        ),
        (text) => {
          expect(typeof messageOf(text)).toBe('string');
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('print', () => {
  it('puts spaces where Prometheus does', () => {
    const text = 'sum  by(a , b)( rate( up{x = "y",z=~`w`}[90s]offset 5m ) )/on(a)group_left(c) v@ 1.5 >bool 2';
    expect(printPromql(parsePromql(text))).toBe(
      'sum by (a, b) (rate(up{x="y",z=~"w"}[1m30s] offset 5m)) / on (a) group_left (c) v @ 1.500 > bool 2',
    );
  });

  it('gives the same tree again', () => {
    const { vector } = fc.letrec<{ vector: string; scalar: string }>((tie) => ({
      scalar: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom('1', '2.5e-3', 'Inf', '0x1F', 'time()', '5m'),
        fc
          .tuple(tie('scalar'), fc.constantFrom('+', '-', '*', '/', '%', '^', '== bool'), tie('scalar'))
          .map((p) => p.join(' ')),
        tie('scalar').map((s) => `-${s}`),
        tie('vector').map((v) => `scalar(${v})`),
      ),
      vector: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(
          'up',
          'up{a="b\\n",c!~"d|e"}',
          '{__name__=~"x.+"} offset 1h30m',
          'a:b @ end() offset -1m',
          'rate(up[5m] @ 12.5)',
        ),
        fc
          .tuple(
            tie('vector'),
            fc.constantFrom(
              '+',
              '-',
              '*',
              '^',
              'atan2',
              '>=',
              '== bool',
              'and',
              'or',
              'unless',
              '/ on (a) group_left (b)',
              '- ignoring (x)',
            ),
            tie('vector'),
          )
          .map((p) => p.join(' ')),
        tie('vector').map((v) => `-${v}`),
        tie('vector').map((v) => `(${v})`),
        tie('vector').map((v) => `max_over_time((${v})[1h:30s] offset 5m)`),
        tie('vector').map((v) => `topk by (a) (3, ${v})`),
        fc.tuple(tie('vector'), tie('scalar')).map(([v, s]) => `clamp_min(${v}, ${s})`),
      ),
    }));
    fc.assert(
      fc.property(vector, (text) => {
        const expr = parsePromql(text);
        expect(bare(parsePromql(printPromql(expr)))).toEqual(bare(expr));
      }),
      { numRuns: 500 },
    );
  });
});
