// SPDX-License-Identifier: Apache-2.0
// Goal: a token lets in who has it, and nobody else. Method: each expectation against what may be given.
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { tokenCheck, tokenSearch } from './token.js';

it.each([
  ['s3cret', ['s3cret', Buffer.from('s3cret')], ['', 's3cre', 's3cret ', undefined]],
  ['', ['', 'anything', undefined], []],
  [undefined, [], ['', 'anything', undefined]],
] as const)('expected %s', (expected, fit, refused) => {
  const check = tokenCheck(expected);
  expect(fit.filter((given) => !check(given))).toEqual([]);
  expect(refused.filter((given) => check(given))).toEqual([]);
});

it('a token is found among several, given plainly or as its digest', () => {
  const find = tokenSearch([
    { token: 'first', owner: 1 },
    { token: `sha256:${createHash('sha256').update('second').digest('hex')}`, owner: 2 },
  ]);
  expect(['first', 'second', 'third', '', 'FIRST'].map((token) => find(token))).toEqual([
    1,
    2,
    undefined,
    undefined,
    undefined,
  ]);
  // who has read the file does not have the token
  expect(find(`sha256:${createHash('sha256').update('second').digest('hex')}`)).toBeUndefined();
  expect(tokenSearch([])('anything')).toBeUndefined();
});
