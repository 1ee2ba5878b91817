// SPDX-License-Identifier: Apache-2.0
// Goal: every labelled crash point is a place in the code, ends the process only when a test asked for it, and only there. Method: the sources are
// searched; the arming is called as the server calls it; the built command is started with wrong requests. That each is hit: chaos.test.ts.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { armCrashPoint, CRASH_POINTS, reached, type CrashPoint } from '@oap-federation/runtime';
import { ROOT } from '../e2e/harness.js';

afterEach(() => armCrashPoint(undefined));

/** Crash points by how often the sources of packages/ reach them; `written` of flush.ts does so after statements were answered. */
function reachedInSources(): Map<string, number> {
  const packages = path.join(ROOT, 'packages');
  const files = readdirSync(packages, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^[^/]+\/src\/.*(?<!\.test)\.ts$/.test(file),
  );
  const found = new Map<string, number>();
  for (const file of files) {
    const text = readFileSync(path.join(packages, file), 'utf8');
    for (const [, point] of text.matchAll(/\b(?:reached|written)\(\s*'([a-z]\w*\.\w+)'/g))
      found.set(point!, (found.get(point!) ?? 0) + 1);
  }
  return found;
}

describe('crash points', () => {
  it('are each reached at exactly one place of the code', () => {
    expect(Object.fromEntries(reachedInSources())).toEqual(Object.fromEntries(CRASH_POINTS.map((point) => [point, 1])));
  });

  it('fire at the nth passage, once, and nowhere else', () => {
    const fired: CrashPoint[] = [];
    const pass = () => CRASH_POINTS.forEach((point) => reached(point));
    pass();
    armCrashPoint({ point: 'flush.rowsWritten', nth: 3, crash: (point) => fired.push(point) });
    pass();
    pass();
    expect(fired).toEqual([]);
    pass();
    expect(fired).toEqual(['flush.rowsWritten']);
    pass();
    expect(fired).toHaveLength(1);
    armCrashPoint({ point: 'flush.begin', nth: 1, crash: (point) => fired.push(point) });
    armCrashPoint(undefined);
    pass();
    expect(fired).toHaveLength(1);
  });

  it.each([
    ['without permission', { OAP_TEST_CRASH_POINT: 'flush.begin:1' }, 'OAP_TEST_ENDS_THIS_PROCESS=yes was not given'],
    ['with an unknown point', { OAP_TEST_CRASH_POINT: 'flush.never:1' }, 'flush.never is none of'],
    ['with a wrong count', { OAP_TEST_CRASH_POINT: 'flush.begin:0' }, '0 must be a whole number'],
    ['with a wrong signal', { OAP_TEST_CRASH_POINT: 'flush.begin:1:SIGTERM' }, 'SIGTERM must be'],
  ])('are refused by a node %s', (name, env, said) => {
    const permission = name === 'without permission' ? {} : { OAP_TEST_ENDS_THIS_PROCESS: 'yes' };
    const main = path.join(ROOT, 'packages/server/dist/main.js');
    const { status, stderr } = spawnSync(process.execPath, [main, 'start', '-c', 'test/chaos/upper.yml'], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, ...env, ...permission },
    });
    expect(stderr).toContain(said);
    expect(status).toBe(2);
  });
});
