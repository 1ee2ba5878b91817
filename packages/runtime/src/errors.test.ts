// SPDX-License-Identifier: Apache-2.0
// Goal: the error registry, the messages and docs/errors.md say the same thing.
// Method: compare the committed document with the registry in both directions; build each error with marker values.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderErrorsMarkdown } from './errors-doc.js';
import { BugError, ERRORS, OapError, invariant, messageOf, type ErrorCode, type ErrorValues } from './errors.js';

const document = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const codes = Object.keys(ERRORS) as ErrorCode[];

describe('error registry', () => {
  it('docs/errors.md lists exactly the registered codes', () => {
    const documented = [...document.matchAll(/^\| (OAP-\d+) \|/gm)].map((match) => match[1]);
    expect(documented).toEqual(codes);
  });

  it('docs/errors.md is up to date: run `npm run generate`', () => {
    expect(document).toBe(renderErrorsMarkdown());
  });

  it('every code is used by some package: a registered error that nothing throws is a promise to nobody', () => {
    const packages = new URL('../../', import.meta.url);
    const sources = readdirSync(packages, { recursive: true, encoding: 'utf8' })
      .filter((file) => /^[\w-]+\/src\/.*(?<!\.test)\.ts$/.test(file) && !file.endsWith('runtime/src/errors.ts'))
      .map((file) => readFileSync(new URL(file, packages), 'utf8'));
    expect(codes.filter((code) => !sources.some((text) => text.includes(code)))).toEqual([]);
  });

  it('codes are in order and no text would break the table', () => {
    expect(codes.toSorted()).toEqual(codes);
    for (const code of codes) expect(ERRORS[code].template + ERRORS[code].advice).not.toMatch(/[|\n]/);
  });

  it.each(codes)('%s: the message starts with the code and contains every value', (code) => {
    const names = [...ERRORS[code].template.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
    const values = Object.fromEntries(names.map((name) => [name, `<${name}>`]));
    const cause = new Error('why');
    const error = new OapError(code, values as ErrorValues<typeof code>, { cause });
    expect(error.message.startsWith(`${code} `)).toBe(true);
    for (const name of names) expect(error.message).toContain(`<${name}>`);
    expect(error).toMatchObject({
      code,
      retryable: ERRORS[code].retryable,
      grpcStatus: ERRORS[code].grpcStatus,
      cause,
    });
  });

  it('a value that looks like a replacement pattern is kept as it is', () => {
    const error = new OapError('OAP-2006', { command: '$& {command}' });
    expect(error.message).toBe('OAP-2006 storage answered $& {command} to COMMIT');
  });
});

describe('invariant', () => {
  it('throws BUG when broken, nothing when it holds', () => {
    invariant(true, 'fine');
    expect(() => invariant(false, 'sequence went backwards')).toThrow(new BugError('sequence went backwards'));
    expect(() => invariant(0, 'x')).toThrow('BUG: x');
  });

  it('messageOf reads anything thrown', () => {
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined']);
  });
});
