// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: every figure of docs/performance.md, each beside a plain reference or a limit of the machine in the same run.
// Out: a table, and test/bench/results/latest.json with flat keys; `--record` writes a numbered run too and the tables of the document.
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { inChild } from './child.mjs';
import { DURABLE, durableScenario, ROWS } from './durable.mjs';
import { BYTES, descriptorBytes, KERNELS } from './kernels.mjs';
import { machineLimits } from './limits.mjs';
import { compare } from './measure.mjs';
import { aside, missing, results, row, short, title } from './report.mjs';
import { saturatedScenario } from './saturated.mjs';
import { startServer } from './server.mjs';
import { writeQueryTable, writeTables } from './table.mjs';

const USAGE = `usage: npm run bench -- [--quick] [--only TEXT] [--record]
  --quick      under 60 s: fewer and shorter rounds, smaller sizes
  --only TEXT  the figures whose name contains TEXT, such as query; no file is written
  --record     writes results/<date>-run<n>.json too, and the tables in docs/performance.md; with --only query, which has a table of its own,
               results/<date>-query<n>.json and that table`;

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const toRecord = args.includes('--record');
const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '') : undefined;
const known = ['--quick', '--only', '--record', only];
if (
  args.some((arg) => !known.includes(arg)) ||
  only === '' ||
  (toRecord && (quick || (only !== undefined && only !== 'query')))
) {
  console.error(USAGE);
  process.exit(2);
}
const wanted = ({ key }) => only === undefined || key.includes(only);

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

/** Renames what `compare` and `summary` give to what a row takes. */
const asRow = ({ perSecond, ...rest }) => ({ value: perSecond, ...rest });

let server;

/** The server of the run, started when first needed; undefined after saying that `key` is missing. */
async function serverFor(key) {
  server ??= await startServer();
  if (!('unavailable' in server)) return server;
  missing(key, server.unavailable);
  return undefined;
}

async function kernels() {
  const some = KERNELS.filter(wanted);
  if (some.length > 0) title('per second of one core (CPU time)');
  const timing = quick ? { rounds: 3, roundSeconds: 0.05 } : { rounds: 9, roundSeconds: 0.15 };
  for (const { key, unit, perCore, what, against, make } of some) {
    const measured = await compare(make(), timing);
    row(`${key}.${perCore ? 'perSecondPerCore' : 'perSecond'}`, `${unit}, ${what}; ${against}`, asRow(measured));
  }
}

function bytes() {
  const some = BYTES.filter(wanted);
  if (some.length > 0) title('bytes per increment');
  for (const { key, what, against, count } of some) {
    const { bytes: value, ...rest } = count();
    row(`${key}.bytes`, `${what}; ${against}`, { value, ...rest });
  }
  if (some.length > 0) row('wire.descriptor.bytes', 'once per entity and stream', { value: descriptorBytes() });
}

/** What else a durable scenario says, under the same key. */
function stagesOf(key, { stages, perCpuSecond, withoutDecode, walBytes }) {
  aside({ [`${key}.perCpuSecond`]: perCpuSecond, [`${key}.withoutDecode`]: withoutDecode });
  if (walBytes?.ours > 0) {
    const { ours, byCopy } = walBytes;
    aside({
      [`${key}.walBytes`]: ours,
      [`${key}.walBytes.reference`]: byCopy,
      [`${key}.walBytes.ratio`]: byCopy / ours,
    });
  }
  for (const [name, share] of Object.entries(stages)) aside({ [`${key}.share.${name}`]: share });
  const shares = Object.entries(stages).map(([name, share]) => `${name} ${(share * 100).toFixed(0)} %`);
  aside(
    {},
    `${shares.join(', ')}; ${short(withoutDecode)} /s without decoding, ${short(perCpuSecond)} per s of our CPU`,
  );
}

async function durable() {
  const some = DURABLE.filter(wanted).filter(({ slow }) => !quick || !slow);
  if (some.length > 0) title('increments per second, durable (wall time); an upsert per merged row');
  for (const scenario of some) {
    const { key, what } = scenario;
    const on = key.startsWith('durable.embedded') ? undefined : await serverFor(key);
    if (on === undefined && !key.startsWith('durable.embedded')) continue;
    const measured = await (scenario.saturated ? saturatedScenario : durableScenario)(on, scenario, quick);
    const { byRow, byCopy, flushes } = measured;
    if (flushes !== undefined) aside({ [`${key}.flushes`]: flushes });
    row(`${key}.perSecond`, what, asRow(byRow));
    row(`${key}.copy.perSecond`, '  bare binary COPY and merge of the same rows', asRow(byCopy));
    stagesOf(key, measured);
  }
}

async function rows() {
  const some = ROWS.filter(wanted).filter(({ slow }) => !quick || !slow);
  if (some.length > 0) title('rows per second, stored (wall time); a bare binary COPY and merge of the same rows');
  for (const scenario of some) {
    const { key, what } = scenario;
    const on = await serverFor(key);
    if (on === undefined) continue;
    const sized = quick ? { ...scenario, entities: scenario.entities / 10 } : scenario;
    const measured = await durableScenario(on, sized, quick);
    const { byCopy, rowsPerIncrement } = measured;
    const { perSecond, reference, ratio, ratioMin, ratioMax } = byCopy;
    row(`${key}.perSecond`, what, {
      value: perSecond * rowsPerIncrement,
      reference: reference * rowsPerIncrement,
      ratio,
    });
    aside({ [`${key}.ratio`]: ratio, [`${key}.ratioMin`]: ratioMin, [`${key}.ratioMax`]: ratioMax });
    aside({ [`${key}.incrementsPerSecond`]: perSecond });
    stagesOf(key, measured);
  }
}

async function limits() {
  if (!wanted({ key: 'limits' })) return;
  title('limits of this machine');
  await machineLimits(quick);
}

async function memory() {
  if (!wanted({ key: 'memory.histogramKey memory.counterKey' })) return;
  title('bytes of memory per live key (heap and external); a Map of hdr-histogram-js, of bigint fields');
  const found = await inChild('memory.mjs', { quick }, ['--expose-gc', '--max-old-space-size=8192']);
  for (const { key, what, ...numbers } of found) row(key, what, numbers);
}

async function stream() {
  if (!wanted({ key: 'forwarder. receiver. limits.grpc' })) return;
  title('from tier to tier over gRPC on loopback');
  const on = await serverFor('forwarder.cpuPerIncrementNs');
  if (on === undefined) return;
  const { streamFigures } = await import('./stream.mjs');
  for (const { key, what, ...numbers } of await streamFigures(on, quick)) row(key, what, numbers);
}

async function latency() {
  if (!wanted({ key: 'latency.tier' })) return;
  title('ms from a commit below to the commit above that has it');
  const { tierLatency } = await import('./latency.mjs');
  const found = await tierLatency(quick);
  if ('unavailable' in found) missing('latency.tier', found.unavailable);
  else for (const { key, what, ...numbers } of found) row(key, what, numbers);
}

async function sizes() {
  if (!wanted({ key: 'scaling.entities scaling.tiers recovery.millionKeys' })) return;
  title('ns of wall time per increment, by number of entities and of tiers; ms of a restart');
  const on = await serverFor('scaling');
  if (on === undefined) return;
  const options = { url: on.url, quick, only };
  const found = await inChild('sizes.mjs', options, ['--max-old-space-size=12288']);
  for (const { key, what, ...numbers } of found) row(key, what, numbers);
}

async function queries() {
  if (!wanted({ key: 'query.p99Hour1000 query.topN100k query.dashboard' })) return;
  title('queries over HTTP, ms and questions a second (wall time); Prometheus, the same questions');
  const on = await serverFor('query');
  if (on === undefined) return;
  const { queryFigures } = await import('./query.mjs');
  await queryFigures(on, quick);
}

/** The next free number of the day for a kind of run. */
function nextRun(folder, day, kind) {
  const pattern = new RegExp(`^${day}-${kind}(\\d+)\\.json$`);
  const taken = readdirSync(folder).flatMap((name) => pattern.exec(name)?.[1] ?? []);
  return path.join(folder, `${day}-${kind}${Math.max(0, ...taken.map(Number)) + 1}.json`);
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

const alive = setInterval(() => {}, 60_000); // neither test servers nor the runtime's clock keep a process alive

/** Every part runs, also after one has failed: its rows are then missing with the reason, and the exit status is 1. */
const PARTS = { kernels, bytes, limits, durable, rows, memory, stream, latency, sizes, queries };
try {
  for (const [name, part] of Object.entries(PARTS)) {
    try {
      await part();
    } catch (error) {
      console.error(error);
      missing(name, String(error.message).split('\n')[0]);
      process.exitCode = 1;
    }
  }
} finally {
  if (server !== undefined && !('unavailable' in server)) await server.stop();
  clearInterval(alive);
}

const seconds = (Date.now() - started.getTime()) / 1_000;
console.log(`\n${seconds.toFixed(0)} s; load after: ${os.loadavg()[0].toFixed(2)}`);
if (only === undefined || toRecord) {
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
  const folder = path.join(import.meta.dirname, 'results');
  const files = only === undefined ? [path.join(folder, 'latest.json')] : [];
  if (toRecord) files.push(nextRun(folder, started.toISOString().slice(0, 10), only ?? 'run'));
  for (const file of files) {
    writeFileSync(file, `${JSON.stringify(run, undefined, 2)}\n`);
    console.log(`written to ${path.relative(process.cwd(), file)}`);
  }
  if (toRecord) {
    (only === undefined ? writeTables : writeQueryTable)(path.basename(files.at(-1)));
    console.log(
      'the tables of docs/performance.md are those of this run now; what its text says of them is yours to read again',
    );
  }
}
