// SPDX-License-Identifier: Apache-2.0
// `npm run chaos -- --minutes 5`: a federation of real processes under a storm of kills and other faults, 60 kills a minute and more, then the
// comparison of every persisted field. The last line is a JSON summary. Exit status 1 on any difference, or when it did too little.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { bin, ensure, run } from './ensure.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  process.stderr.write(`--minutes must be a number above 0, got ${values.minutes}\n`);
  process.exit(2);
}
await ensure();
const directory = mkdtempSync(path.join(tmpdir(), 'oap-chaos-'));
const file = path.join(directory, 'summary');
const env = { ...process.env, OAP_CHAOS_MINUTES: String(minutes), OAP_CHAOS_SUMMARY: file };
const args = ['run', 'test/chaos/chaos.test.ts', '--disable-console-intercept'];
const status = await run(bin('vitest'), args, { env });
let summary;
try {
  summary = readFileSync(file, 'utf8');
} catch {
  summary = `${JSON.stringify({ ok: false, problems: ['the run ended without a summary; see above'] })}\n`;
}
rmSync(directory, { recursive: true, force: true });
process.stdout.write(summary);
process.exitCode = status === 0 ? 0 : 1;
