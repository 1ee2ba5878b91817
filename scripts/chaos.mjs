// SPDX-License-Identifier: Apache-2.0
// `npm run chaos -- --minutes 5`: the main job end to end under kill -9, a broken link and frozen processes for that long; the same test as in
// `npm test`, with the same comparison afterwards. Exit status 1 when a single persisted field differs.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { ensure, run } from './ensure.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  process.stderr.write(`--minutes must be a number above 0, got ${values.minutes}\n`);
  process.exit(2);
}
await ensure();
process.env.OAP_CHAOS_MINUTES = String(minutes);
process.exitCode = await run('npx', ['vitest', 'run', 'test/e2e/main-job.test.ts']);
