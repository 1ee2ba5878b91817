// SPDX-License-Identifier: Apache-2.0
// Generates src/gen/<folder>.js and .d.ts from each folder of proto/. `--check` writes nothing and fails when a file is stale.
// In: proto/<folder>/*.proto. Out: static ESM code of protobufjs (decode and encode only), and its types.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pbjs from 'protobufjs-cli/pbjs.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const genFolder = join(root, 'packages/wire/src/gen');
// force-number: every 64-bit field of ours is a count or a time in ms, below 2^53.
const options =
  '-t static-module -w esm --no-service --no-verify --no-delimited --no-typeurl --no-convert --no-create --force-number';
const LONG_ZERO = /\$util\.Long \? \$util\.Long\.fromBits\(0, ?0, ?(?:true|false)\) : 0/g;

/** Runs pbjs in this process; resolves when it has written `out`. */
function generate(args) {
  return new Promise((resolve, reject) => {
    pbjs.main(args, (error) => (error ? reject(error) : resolve()));
  });
}

/** `file name -> text` of one proto folder. */
async function generated(folder, scratch) {
  const from = join(root, 'proto', folder);
  const protos = readdirSync(from)
    .filter((name) => name.endsWith('.proto'))
    .toSorted()
    .map((name) => join(from, name));
  if (protos.length === 0) return [];
  const common = [...options.split(' '), '-r', folder];
  // Two runs: the types are made from the comments, which the code does without.
  await generate([...common, '--dts', '-o', join(scratch, 'types.js'), ...protos]);
  await generate([...common, '--no-comments', '-o', join(scratch, 'code.js'), ...protos]);
  const header = `// SPDX-License-Identifier: Apache-2.0\n// Generated from proto/${folder}/ by packages/wire/scripts/generate.mjs: do not edit.\n`;
  const types = readFileSync(join(scratch, 'types.d.ts'), 'utf8');
  // force-number changes the types only; the defaults would still be Long objects.
  const code = readFileSync(join(scratch, 'code.js'), 'utf8').replaceAll(LONG_ZERO, '0');
  const withoutLong = types.replaceAll('import Long = require("long");\n', '');
  const usesLong = /\bLong\b/.test(withoutLong);
  return [
    [`${folder}.js`, header + code],
    [`${folder}.d.ts`, header + (usesLong ? types : withoutLong)],
  ];
}

const check = process.argv.includes('--check');
const scratch = mkdtempSync(join(tmpdir(), 'oap-wire-'));
const stale = [];
try {
  mkdirSync(genFolder, { recursive: true });
  for (const entry of readdirSync(join(root, 'proto'), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const [name, text] of await generated(entry.name, scratch)) {
      const path = join(genFolder, name);
      if (!check) writeFileSync(path, text);
      else if (read(path) !== text) stale.push(name);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (stale.length > 0) {
  process.stderr.write(`stale in packages/wire/src/gen: ${stale.join(', ')}; run packages/wire/scripts/generate.mjs\n`);
  process.exitCode = 1;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not generated yet: stale
  }
}
