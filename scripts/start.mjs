// SPDX-License-Identifier: Apache-2.0
// `npm start`: a ready checkout, then the demo federation; further arguments go to the `demo` command.
import path from 'node:path';
import process from 'node:process';
import { ensure, root, run } from './ensure.mjs';

await ensure();
const main = path.join(root, 'packages/server/dist/main.js');
process.exitCode = await run(process.execPath, [main, 'demo', ...process.argv.slice(2)], { stdin: 'inherit' });
