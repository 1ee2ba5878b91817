// SPDX-License-Identifier: Apache-2.0
// Goal: numbers, durations, strings and matchers read and write as in Go and Prometheus.
// Method: tables; round trips as properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationText, tryParseDuration } from './duration.js';
import { compileMatcher, listedValues, type MatchOp } from './matcher.js';
import { goMax, goMin, plainText, power, sampleText, tryParseNumber } from './number.js';
import { tryUnquote } from './quoted.js';

describe('numbers', () => {
  it.each([
    [0, '0', '0'],
    [-0, '-0', '-0'],
    [0.1, '0.1', '0.1'],
    [NaN, 'NaN', 'NaN'],
    [Infinity, '+Inf', '+Inf'],
    [-Infinity, '-Inf', '-Inf'],
    [1e20, '100000000000000000000', '100000000000000000000'],
    [1e21, '1e+21', '1000000000000000000000'],
    [-1.25e22, '-1.25e+22', '-12500000000000000000000'],
    [1e-6, '0.000001', '0.000001'],
    [1.5e-7, '1.5e-07', '0.00000015'],
    [1e100, '1e+100', `1${'0'.repeat(100)}`],
  ])('%s', (value, sample, plain) => {
    expect([sampleText(value), plainText(value)]).toEqual([sample, plain]);
  });

  it('come back from their text', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(tryParseNumber(sampleText(value))).toBe(value);
        expect(tryParseNumber(plainText(value))).toBe(value);
      }),
    );
  });

  it('are read as Prometheus reads them, and nothing else is', () => {
    expect(['0x1F', '1e3', '.5', '5.', 'inf', '+Inf', 'NAN', '-1.5E-2'].map(tryParseNumber)).toEqual([
      31,
      1000,
      0.5,
      5,
      Infinity,
      Infinity,
      NaN,
      -0.015,
    ]);
    for (const text of ['', '1_000', '0x', '1e', 'infinit', '1 2', '--1', '5m'])
      expect(tryParseNumber(text)).toBeUndefined();
  });

  it('follow Go where JavaScript does not', () => {
    expect([power(1, NaN), power(-1, Infinity), power(2, 3), power(NaN, 0)]).toEqual([1, 1, 8, 1]);
    expect([goMax(Infinity, NaN), goMax(NaN, 1), goMin(-Infinity, NaN), goMin(2, 1)]).toEqual([
      Infinity,
      NaN,
      -Infinity,
      1,
    ]);
  });
});

describe('durations', () => {
  it.each([
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['2w', 1_209_600_000],
    ['1y', 31_536_000_000],
    ['1m500ms', 60_500],
    ['90s', 90_000],
    ['0', 0],
  ])('%s', (text, ms) => expect(tryParseDuration(text)).toBe(ms));

  it('have no other forms', () => {
    for (const text of ['', '5', 'm', '5m1h', '1.5h', '-5m', '5 m', '1h1h'])
      expect(tryParseDuration(text)).toBeUndefined();
  });

  it('come back from their text', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(tryParseDuration(durationText(ms))).toBe(ms);
      }),
    );
    expect([durationText(90_000), durationText(-300_000), durationText(10 * 86_400_000)]).toEqual([
      '1m30s',
      '-5m',
      '10d',
    ]);
  });
});

describe('strings', () => {
  it.each([
    [`"a\\n\\t\\"'\\\\"`, `a\n\t"'\\`],
    [`'a\\'"'`, `a'"`],
    ['`a\\n\n"`', 'a\\n\n"'],
    ['"\\x41\\u00e9\\U0001F600\\101"', 'Aé😀A'],
  ])('%s', (literal, text) => expect(tryUnquote(literal)).toBe(text));

  it('are refused with a wrong quote or escape', () => {
    for (const literal of ['"a', '"a\'', '"\\q"', `"\\'"`, '"a\nb"', '"\\x4"', '"\\U99999999"', '"\\"', 'a']) {
      expect([literal, tryUnquote(literal)]).toEqual([literal, undefined]);
    }
  });
});

describe('matchers', () => {
  const matches = (op: MatchOp, value: string, of: string) => compileMatcher({ name: 'a', op, value }).matches(of);

  it('match the whole value', () => {
    expect([
      matches('=~', 'a|b', 'ab'),
      matches('=~', 'a|b', 'b'),
      matches('=~', 'a', 'ba'),
      matches('!~', 'a.*', 'abc'),
    ]).toEqual([false, true, false, false]);
    expect([matches('=', 'a', 'a'), matches('!=', 'a', ''), matches('=~', '', '')]).toEqual([true, true, true]);
  });

  it('take no time however they are written', () => {
    expect(matches('=~', '(a+)+$', `${'a'.repeat(5_000)}b`)).toBe(false);
  });

  it('list their values where that is all they allow', () => {
    const listed = (op: MatchOp, value: string) => listedValues({ name: 'a', op, value });
    expect(listed('=', 'a.b')).toEqual(['a.b']);
    expect(listed('=~', 'a|b-c|d\\.e')).toEqual(['a', 'b-c', 'd.e']);
    expect(listed('=~', '(a|b)')).toEqual(['a', 'b']);
    expect(listed('=~', '(?:a|b)')).toEqual(['a', 'b']);
    for (const [op, value] of [
      ['=~', 'a.b'],
      ['=~', '(?i)a'],
      ['=~', 'a(b|c)'],
      ['=~', '[ab]'],
      ['!=', 'a'],
      ['!~', 'a|b'],
      ['=~', '\\d'],
    ] as const) {
      expect([value, listed(op, value)]).toEqual([value, undefined]);
    }
  });

  it('list exactly what they match', () => {
    const word = fc.stringMatching(/^[a-c.|()\\-]{0,6}$/);
    fc.assert(
      fc.property(word, word, (pattern, value) => {
        const matcher = { name: 'a', op: '=~' as const, value: pattern };
        const listed = listedValues(matcher);
        if (listed === undefined) return;
        expect(compileMatcher(matcher).matches(value)).toBe(listed.includes(value));
        for (const one of listed) expect(compileMatcher(matcher).matches(one)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
