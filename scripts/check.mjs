// SPDX-License-Identifier: Apache-2.0
// `npm run check`: everything about the sources that can be said without running them, plus test/tidy.
import process from 'node:process';
import { bin, ensure, isMain, run } from './ensure.mjs';

/** The checks in the order of their speed. Each ends with status 0 or says what is wrong and how to put it right. */
const CHECKS = [
  { name: 'format', command: bin('oxfmt'), args: ['--check'], cure: 'npm run format' },
  { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--deny-warnings'], cure: 'npm run lint' },
  { name: 'types', command: bin('tsc'), args: ['-p', 'tsconfig.test.json', '--noEmit'], cure: 'see above' },
  { name: 'generated', command: process.execPath, args: ['scripts/generate.mjs', '--check'], cure: 'npm run generate' },
];

/** Runs every check, also after one has failed; resolves with the names of those that failed. */
export async function runChecks() {
  const failed = [];
  for (const { name, command, args, cure } of CHECKS) {
    console.log(`> ${name}`);
    const status = await run(command, args);
    if (status === 0) continue;
    failed.push(name);
    console.error(`check ${name} failed: ${cure}`);
  }
  return failed;
}

if (isMain(import.meta.url)) {
  await ensure();
  const failed = await runChecks();
  console.log('> tidy');
  if ((await run(bin('vitest'), ['run', 'test/tidy'])) !== 0) failed.push('tidy');
  console.log(failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
