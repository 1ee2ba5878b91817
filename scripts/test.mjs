// SPDX-License-Identifier: Apache-2.0
// `npm test`: a ready checkout, the checks, every test; the last line is `N passed, N failed, N skipped`.
// Arguments go to vitest (`npm test -- packages/model`); a partial run leaves the checks out.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { runChecks } from './check.mjs';
import { bin, ensure, run } from './ensure.mjs';

// The last line says how it went, also when the checkout cannot be made ready.
let lastLine = '0 passed, 1 failed, 0 skipped';
process.on('exit', () => console.log(lastLine));

const args = process.argv.slice(2);
await ensure();
const failedChecks = args.length === 0 ? await runChecks() : [];

console.log('> vitest');
const directory = mkdtempSync(path.join(tmpdir(), 'oap-test-'));
const report = path.join(directory, 'counts.json');
const reporters = ['--reporter=default', '--reporter=./scripts/counts-reporter.mjs'];
const status = await run(bin('vitest'), ['run', ...reporters, ...args], {
  env: { ...process.env, OAP_TEST_COUNTS: report },
});
const counts = readCounts();
rmSync(directory, { recursive: true, force: true });

for (const skip of counts.skips) console.log(`skipped: ${skip}`);
for (const reason of counts.reasons) console.log(`skipped because: ${reason}`);
if (failedChecks.length > 0) console.log(`failed checks, counted below: ${failedChecks.join(', ')}`);
// a run without one test is no success
const failed = counts.failed + failedChecks.length || (status !== 0 ? 1 : 0);
const skippedInCi = process.env.CI === 'true' && counts.skipped > 0;
if (skippedInCi) console.log('CI=true: a skipped test fails the run');
process.exitCode = status !== 0 || failed > 0 || skippedInCi ? 1 : 0;
lastLine = `${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`;

function readCounts() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // vitest ended before it could report: a broken config, a crash, no test at all
    console.error(`vitest ended with status ${status} and without a report`);
    return { passed: 0, failed: 1, skipped: 0, skips: [], reasons: [] };
  }
}
