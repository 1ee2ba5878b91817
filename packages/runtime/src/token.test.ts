// SPDX-License-Identifier: Apache-2.0
// Goal: a token lets in who has it, and nobody else. Method: each expectation against what may be given.
import { expect, it } from 'vitest';
import { tokenCheck } from './token.js';

it.each([
  ['s3cret', ['s3cret', Buffer.from('s3cret')], ['', 's3cre', 's3cret ', undefined]],
  ['', ['', 'anything', undefined], []],
  [undefined, [], ['', 'anything', undefined]],
] as const)('expected %s', (expected, fit, refused) => {
  const check = tokenCheck(expected);
  expect(fit.filter((given) => !check(given))).toEqual([]);
  expect(refused.filter((given) => check(given))).toEqual([]);
});
