// SPDX-License-Identifier: Apache-2.0
// The simulator from the command line: histories by seed, a summary as the last line, status 1 when anything is wrong.
//   npm run sim -- --histories 2000 --seed 1     many histories; checks also that seeds repeat and that faults had effects
//   npm run sim -- --seed 17 --histories 1 --trace   one history, every recorded event
//   npm run sim -- --upgrades --histories 300    a tier of the release before is upgraded node by node
//   npm run sim -- --mutants                     how many of 30 histories show each wrong design, and which is the first
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { FAULT_KINDS, MUTANTS, runHistory } from '@oap-federation/testkit';
import { GATE_FROM, tooLittle } from './gates.mjs';
import { Pool } from './pool.mjs';

const HISTORIES = 200;
const MUTANT_HISTORIES = 30;
// a mutant that lives longer than this survives
const MUTANT_HISTORIES_MAX = 2_000;
const REPEATED_MAX = 100;

const { values } = parseArgs({
  options: {
    histories: { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    upgrades: { type: 'boolean', default: false },
    'double-restores': { type: 'boolean', default: false },
    'full-buffers': { type: 'boolean', default: false },
  },
});
const histories = values.histories === undefined ? HISTORIES : positive('histories');
const firstSeed = positive('seed');
const jobs = positive('jobs');
/** What histories have beyond the ordinary. */
const variant = {
  ...(values.upgrades ? { upgrades: true } : {}),
  ...(values['double-restores'] ? { doubleRestores: true } : {}),
  ...(values['full-buffers'] ? { fullBuffers: true } : {}),
};
if (values.mutant !== undefined && !MUTANTS.some(({ name }) => name === values.mutant))
  fail(`no mutant ${values.mutant}`);

if (values.trace) await traceOne();
else if (values.mutants) await runMutants();
else await runHistories();

function positive(name) {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) fail(`--${name} wants a positive number, not ${values[name]}`);
  return value;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}

function say(text) {
  if (!values.json) console.log(text);
}

function commit() {
  try {
    const dirty = execFileSync('git', ['status', '--porcelain', '--untracked-files=no'], { encoding: 'utf8' }) !== '';
    return (
      execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim() + (dirty ? ' (changed)' : '')
    );
  } catch {
    return 'unknown';
  }
}

async function traceOne() {
  const mutant = MUTANTS.find(({ name }) => name === values.mutant);
  const trace = (atMs, kind, detail) =>
    console.log(`${(atMs / 1_000).toFixed(3).padStart(9)} ${kind.padEnd(9)} ${detail}`);
  const result = await runHistory({ seed: firstSeed, mutant, trace, ...variant });
  for (const { kind, tier, detail } of result.violations) console.log(`VIOLATION ${kind} ${tier} ${detail}`);
  console.log(JSON.stringify({ seed: firstSeed, digest: result.digest, events: result.events, faults: result.faults }));
  process.exitCode = result.violations.length === 0 ? 0 : 1;
}

/** Runs seeds on all threads. */
async function eachSeed(pool, seeds, mutant, onResult) {
  const queue = [...seeds];
  const work = async () => {
    for (let seed = queue.shift(); seed !== undefined; seed = queue.shift())
      onResult(await pool.run({ seed, mutant, ...variant }));
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

async function runHistories() {
  const pool = new Pool(jobs);
  const started = performance.now();
  const seeds = Array.from({ length: histories }, (_, i) => firstSeed + i);
  const faults = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0]));
  const kinds = { lost: 0, doubled: 0, altered: 0, dishonest: 0, unbacked: 0, stuck: 0, parked: 0, bug: 0 };
  const digests = new Map();
  const failures = [];
  const sums = { events: 0, increments: 0, commits: 0, watermarkChecks: 0, settledMsMax: 0 };
  let done = 0;
  let toldAt = started;
  await eachSeed(pool, seeds, values.mutant, (result) => {
    done++;
    digests.set(result.seed, result.digest);
    for (const sum of ['events', 'increments', 'commits', 'watermarkChecks']) sums[sum] += result[sum];
    sums.settledMsMax = Math.max(sums.settledMsMax, result.settledMs);
    for (const kind of FAULT_KINDS) faults[kind] += result.faults[kind];
    const [violation] = result.violations;
    if (violation) {
      kinds[violation.kind]++;
      failures.push(
        `seed ${result.seed}: ${violation.kind} at ${Math.round(violation.atMs)} ms in ${violation.tier}: ${violation.detail}`,
      );
      say(failures.at(-1));
    }
    if (performance.now() - toldAt > 5_000) {
      toldAt = performance.now();
      say(`${done} of ${histories} histories, ${failures.length} failed`);
    }
  });
  const seconds = (performance.now() - started) / 1_000;

  const repeated = seeds.slice(0, Math.min(REPEATED_MAX, Math.ceil(histories / 20)));
  await eachSeed(pool, repeated, values.mutant, ({ seed, digest }) => {
    if (digests.get(seed) !== digest) failures.push(`seed ${seed}: two runs differ: ${digests.get(seed)}, ${digest}`);
  });
  await pool.close();
  const { upgrade, rollback, doubleRollback, acceptedLoss, dropped, coarsened, blocked, ...always } = faults;
  const restores = values['double-restores'] ? { doubleRollback, acceptedLoss } : { rollback };
  const wanted = { ...always, ...restores, ...(values.upgrades ? { upgrade } : {}) };
  if (values['full-buffers']) Object.assign(wanted, { dropped, coarsened, blocked });
  if (histories >= GATE_FROM) failures.push(...tooLittle(histories, sums, wanted));
  if (failures.length > 0) {
    say(`\n${failures.length} failures at commit ${commit()}:`);
    for (const failure of failures.slice(0, 20)) say(`  ${failure}`);
    say('replay: npm run sim -- --seed <seed> --histories 1 --trace');
  }
  console.log(
    JSON.stringify({
      histories,
      firstSeed,
      commit: commit(),
      ...(values.mutant === undefined ? {} : { mutant: values.mutant }),
      ...sums,
      faults,
      ...kinds,
      repeated: repeated.length,
      failures: failures.length,
      seconds: Number(seconds.toFixed(1)),
      historiesPerSecond: Number((histories / seconds).toFixed(2)),
      jobs,
    }),
  );
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** Each mutant runs through the same seeds; one that none of them shows goes on until one does. */
async function runMutants() {
  const pool = new Pool(jobs);
  const sample = values.histories === undefined ? MUTANT_HISTORIES : histories;
  const wanted = MUTANTS.filter(({ name }) => values.mutant === undefined || name === values.mutant);
  const queue = [...wanted];
  const table = new Map();
  say(`${'mutant'.padEnd(24)}${'killed in'.padStart(10)}  first at  as         wrong`);
  const work = async () => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift())
      table.set(mutant.name, await runMutant(pool, mutant, sample));
  };
  await Promise.all(Array.from({ length: jobs }, work));
  await pool.close();
  const rows = wanted.map(({ name }) => ({ mutant: name, ...table.get(name) }));
  const alive = rows.filter(({ killed }) => killed === 0).map(({ mutant }) => mutant);
  console.log(
    JSON.stringify({
      mutants: rows.length,
      killed: rows.length - alive.length,
      alive,
      firstSeed,
      table: rows,
      commit: commit(),
    }),
  );
  process.exitCode = alive.length === 0 ? 0 : 1;
}

async function runMutant(pool, { name, wrong }, sample) {
  let [killed, ran, first, kind] = [0, 0, null, 'SURVIVED'];
  while (ran < sample || (killed === 0 && ran < MUTANT_HISTORIES_MAX)) {
    const { violations } = await pool.run({ seed: firstSeed + ran, mutant: name });
    ran++;
    if (violations.length === 0) continue;
    killed++;
    if (first !== null) continue;
    [first, kind] = [ran, violations[0].kind];
  }
  say(
    `${name.padEnd(24)}${`${killed}/${ran}`.padStart(10)}  ${String(first).padStart(8)}  ${kind.padEnd(9)}  ${wrong}`,
  );
  return { killed, histories: ran, first, kind };
}
