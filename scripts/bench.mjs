// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: a ready checkout, then test/bench/main.mjs; arguments go to it.
import path from 'node:path';
import process from 'node:process';
import { ensure, root, run } from './ensure.mjs';

await ensure({ projects: ['packages/server', 'packages/testkit'] });
process.exitCode = await run(process.execPath, [path.join(root, 'test/bench/main.mjs'), ...process.argv.slice(2)]);
