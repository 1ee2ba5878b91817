// SPDX-License-Identifier: Apache-2.0
// Goal: the numbers in docs/performance.md are those of the run that it links. Method: the tables are made again from that run; a
// planted wrong number must be found.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const check = (folder: string) =>
  spawnSync(process.execPath, [path.join(folder, 'test/bench/table.mjs'), '--check'], { encoding: 'utf8' });

it('has the tables of the run that it links', () => {
  expect(check(root)).toMatchObject({ status: 0, stderr: '' });
});

it('finds a number that is not of the run', () => {
  const copy = mkdtempSync(path.join(tmpdir(), 'oap-bench-'));
  try {
    mkdirSync(path.join(copy, 'docs'));
    cpSync(path.join(root, 'test/bench'), path.join(copy, 'test/bench'), { recursive: true });
    const text = readFileSync(path.join(root, 'docs/performance.md'), 'utf8');
    const wrong = text.replace(/\*\*(\d)/, (_, digit: string) => `**${(Number(digit) + 1) % 10}`);
    expect(wrong).not.toBe(text);
    writeFileSync(path.join(copy, 'docs/performance.md'), wrong);
    const checked = check(copy);
    expect(checked.status).toBe(1);
    expect(checked.stderr).toContain('are not those of');
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});
