// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: a ready checkout, then test/bench/main.mjs; arguments go to it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { ensure, root, run } from './ensure.mjs';

await ensure();
const main = path.join(root, 'test/bench/main.mjs');
if (existsSync(main)) {
  process.exitCode = await run(process.execPath, [main, ...process.argv.slice(2)]);
} else {
  console.error('there are no benchmarks yet: test/bench/main.mjs is missing');
  process.exitCode = 1;
}
