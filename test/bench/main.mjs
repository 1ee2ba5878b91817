// SPDX-License-Identifier: Apache-2.0
// `npm run bench [-- --quick]`: entrance, merge, encode, decode and flush, each beside a plain reference in the same run.
// Out: a table, and test/bench/results/latest.json with flat keys. docs/performance.md says what is measured and holds a recorded run.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { FLUSHES, flushScenario, startServer } from './flush.mjs';
import { BYTES, descriptorBytes, KERNELS } from './kernels.mjs';
import { compare } from './measure.mjs';

const USAGE = `usage: npm run bench -- [--quick] [--only TEXT]
  --quick      under 20 s: fewer and shorter rounds, two of the five flushes
  --only TEXT  the benchmarks whose name contains TEXT; latest.json is not written`;

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '') : undefined;
if (args.some((arg) => !['--quick', '--only', only].includes(arg)) || only === '') {
  console.error(USAGE);
  process.exit(2);
}
const wanted = ({ key }) => only === undefined || key.includes(only);

const results = {};
const width = [32, 62, 8, 10, 21];
const line = (...cells) => cells.map((cell, i) => (i < 2 ? cell.padEnd(width[i]) : cell.padStart(width[i]))).join(' ');

/** 12,345,678 is 12.3 M; three digits are more than a shared machine can tell. */
function short(n) {
  const [value, unit] = n >= 1e6 ? [n / 1e6, ' M'] : n >= 1e3 ? [n / 1e3, ' k'] : [n, ''];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
}

function title(text) {
  console.log(`\n${line('', text, 'ours', 'reference', 'ratio')}`);
}

function record(key, { ratio, ratioMin, ratioMax, reference, ...value }) {
  results[key] = Object.values(value)[0];
  results[`${key}.reference`] = reference;
  results[`${key}.ratio`] = ratio;
  if (ratioMin !== undefined) results[`${key}.ratioMin`] = ratioMin;
  if (ratioMax !== undefined) results[`${key}.ratioMax`] = ratioMax;
}

function row(name, what, ours, { reference, ratio, ratioMin, ratioMax }) {
  const range = ratioMin === undefined ? '' : ` (${ratioMin.toFixed(2)}..${ratioMax.toFixed(2)})`;
  console.log(line(name, what, ours, short(reference), `${ratio.toFixed(2)}${range}`));
}

/** Model, cores, versions, commit: what a number without it is not worth. */
function machine() {
  const git = (...command) => spawnSync('git', command, { cwd: import.meta.dirname, encoding: 'utf8' }).stdout?.trim();
  const changed = git('status', '--porcelain', '--', '../../packages') ? ' with uncommitted changes' : '';
  const cpus = os.cpus();
  const commit = `${git('rev-parse', '--short=12', 'HEAD') || 'unknown'}${changed}`;
  return {
    cpu: cpus[0]?.model ?? 'unknown',
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.version,
    commit,
  };
}

const host = machine();
const started = new Date();
const loadBefore = os.loadavg()[0];
console.log(
  `${host.cpu}, ${host.cores} cores, ${host.memoryGiB} GiB, Node ${host.node}, commit ${host.commit}${quick ? ', --quick' : ''}`,
);
console.log(
  `load before: ${loadBefore.toFixed(2)}. Ratio: ours to reference, above 1 is better than the reference; median (min..max).`,
);

const kernels = KERNELS.filter(wanted);
if (kernels.length > 0) title('per second of one core (CPU time)');
const timing = quick ? { rounds: 3, roundSeconds: 0.06 } : { rounds: 7, roundSeconds: 0.15 };
for (const { key, unit, perCore, what, against, make } of kernels) {
  const measured = await compare(make(), timing);
  record(`${key}.${perCore ? 'perSecondPerCore' : 'perSecond'}`, measured);
  row(`${key} [${unit}]`, `${what}; ${against}`, short(measured.perSecond), measured);
}

const counts = BYTES.filter(wanted);
if (counts.length > 0) title('bytes per increment');
for (const { key, what, against, count } of counts) {
  const counted = count();
  record(`${key}.bytes`, counted);
  row(key, `${what}; ${against}`, short(counted.bytes), counted);
}
if (counts.length > 0) {
  results['wire.descriptor.bytes'] = descriptorBytes();
  console.log(line('wire.descriptor', 'once per entity and stream', short(descriptorBytes()), '', ''));
}

const flushes = FLUSHES.filter(wanted).filter((scenario) => !quick || scenario.quick);
if (flushes.length > 0) await flush(flushes);

async function flush(scenarios) {
  title('increments per second, durable (wall)');
  const server = await startServer().catch((error) => ({ unavailable: error.message }));
  if ('unavailable' in server) {
    console.log(`flush.postgres: not measured, ${server.unavailable}`);
    results['flush.postgres.missing'] = server.unavailable;
    return;
  }
  try {
    for (const scenario of scenarios) {
      const { byCopy, rowsPerIncrement, perCpuSecond, ...byRow } = await flushScenario(server, scenario, quick ? 1 : 3);
      const { key, what } = scenario;
      record(`${key}.perSecond`, byRow);
      results[`${key}.perSecond.copyReference`] = byCopy.reference;
      results[`${key}.perSecond.copyRatio`] = byCopy.ratio;
      results[`${key}.perSecond.copyRatioMin`] = byCopy.ratioMin;
      results[`${key}.perSecond.copyRatioMax`] = byCopy.ratioMax;
      results[`${key}.rowsPerSecond`] = byRow.perSecond * rowsPerIncrement;
      results[`${key}.perCpuSecond`] = perCpuSecond;
      row(key, `${what}; an upsert per row`, short(byRow.perSecond), byRow);
      row('', 'bare COPY and merge of the same rows', '', byCopy);
      const aside = `${short(byRow.perSecond * rowsPerIncrement)} stored rows/s; ${short(perCpuSecond)} increments per s of our CPU`;
      console.log(line('', aside, '', '', ''));
    }
  } finally {
    await server.stop();
  }
}

const seconds = (Date.now() - started.getTime()) / 1_000;
console.log(`\n${seconds.toFixed(0)} s; load after: ${os.loadavg()[0].toFixed(2)}`);
if (only === undefined) {
  const file = path.join(import.meta.dirname, 'results/latest.json');
  const rounded = Object.fromEntries(
    Object.entries(results).map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(value.toPrecision(4)) : value,
    ]),
  );
  const run = {
    machine: host,
    startedAt: started.toISOString(),
    quick,
    seconds,
    loadBefore,
    loadAfter: os.loadavg()[0],
    ...rounded,
  };
  writeFileSync(file, `${JSON.stringify(run, undefined, 2)}\n`);
  console.log(`written to ${path.relative(process.cwd(), file)}`);
}
