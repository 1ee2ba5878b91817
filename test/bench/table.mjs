// SPDX-License-Identifier: Apache-2.0
// The tables of docs/performance.md, made from a recorded run: `node test/bench/table.mjs [run.json]` writes them, `--check` writes
// nothing and fails when a table is not that of the run which the document links. In: results/<run>.json. Out: the marked blocks.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const DOCUMENT = path.resolve(import.meta.dirname, '../../docs/performance.md');
const RESULTS = path.join(import.meta.dirname, 'results');

/** 12,345,678 is 12.3 M; three digits. */
function short(n) {
  const [value, unit] = n >= 1e9 ? [n / 1e9, ' G'] : n >= 1e6 ? [n / 1e6, ' M'] : n >= 1e3 ? [n / 1e3, ' k'] : [n, ''];
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
}

/** A goal: 1 M, not 1.00 M. */
const goal = (n, show) =>
  show(n)
    .replace(/(\.\d*?)0+(?!\d)/, '$1')
    .replace(/\.(?!\d)/, '');
const percent = (n) => `${(n * 100).toFixed(n < 0.1 ? 1 : 0)} %`;
const milliseconds = (n) => (n < 1_000 ? `${n.toFixed(0)} ms` : `${(n / 1_000).toFixed(2)} s`);

/** The figures of the project: what to reach, what to aim at, which key says it, and how. `less`: smaller is better. */
const FIGURES = [
  {
    figure: 'histogram increments of 200 samples merged, /s/core in memory',
    key: 'merge.histogram.perSecondPerCore',
    reach: 1e6,
    aim: 2e6,
    how: 'decoded batches of 20 tiers, by entity; a Map of hdr-histogram-js',
  },
  {
    figure: 'counter increments merged, /s/core in memory',
    key: 'merge.counter.perSecondPerCore',
    reach: 15e6,
    aim: 40e6,
    how: 'the same; a Map of bigint fields',
  },
  {
    figure: 'histograms durable on PostgreSQL, 20 x 1,000, /s',
    key: 'durable.postgres.histogram.saturated.perSecond',
    reach: 500e3,
    aim: 1e6,
    how: 'senders with more than their credit; bytes to commit, marks and outbox on, wall time; an upsert per merged row',
  },
  {
    figure: 'counters durable on PostgreSQL, 20 x 1,000, /s',
    key: 'durable.postgres.counter.saturated.perSecond',
    reach: 8e6,
    aim: 20e6,
    how: 'the same',
  },
  {
    figure: 'histograms, 8 batches of each tier in a flush, /s',
    key: 'durable.postgres.histogram.sustained.perSecond',
    reach: 500e3,
    aim: 1e6,
    how: 'the same, but flushed after 8 batches of each log',
  },
  {
    figure: 'counters, 8 batches of each tier in a flush, /s',
    key: 'durable.postgres.counter.sustained.perSecond',
    reach: 8e6,
    aim: 20e6,
    how: 'the same',
  },
  {
    figure: 'histograms, one batch of each tier in a flush, /s',
    key: 'durable.postgres.histogram.perSecond',
    reach: 500e3,
    aim: 1e6,
    how: 'the same, but flushed after each batch',
  },
  {
    figure: 'counters, one batch of each tier in a flush, /s',
    key: 'durable.postgres.counter.perSecond',
    reach: 8e6,
    aim: 20e6,
    how: 'the same',
  },
  {
    figure: 'stored rows beside a bare binary COPY and merge, 2 x 100,000',
    key: 'durable.postgres.rowsOfCopyLimit.ratio',
    show: percent,
    reach: 0.6,
    aim: 0.85,
    how: 'rows of 4 counters and a histogram; the COPY file is made before the clock starts',
  },
  {
    figure: 'bytes per histogram increment on the wire',
    key: 'wire.histogram.bytes',
    less: true,
    reach: 75,
    aim: 45,
    how: '200 samples, at most 1 % relative error; protobufjs',
  },
  {
    figure: 'bytes per counter increment on the wire',
    key: 'wire.counter.bytes',
    less: true,
    reach: 3,
    aim: 1.5,
    how: '4 counters of services with 50 to 350 events; protobufjs',
  },
  {
    figure: 'committed below to committed one tier up, p99',
    key: 'latency.tier.p99Ms',
    show: milliseconds,
    less: true,
    reach: 1_000,
    aim: 300,
    how: 'two nodes, two PostgreSQL servers, gRPC on loopback; the upper tier flushes every 100 ms',
  },
  {
    figure: 'memory per live histogram key, bytes',
    key: 'memory.histogramKey.bytes',
    less: true,
    reach: 1_000,
    aim: 500,
    how: "heap and external of the owner's state, its entity included; a Map of hdr-histogram-js",
  },
];

/** What the machine can do at most for a stage, beside what the stage does. `limit` and `ours` are per second, of `unit`. */
const STAGES = [
  {
    stage: 'decode and merge, histograms',
    unit: 'increments',
    limit: (r) => r('limits.memory.copy.bytesPerSecond') / (r('wire.histogram.bytes') + 2 * HISTOGRAM_WINDOW),
    ours: (r) => r('receive.histogram.perSecondPerCore'),
    by: 'memory bandwidth: the bytes of the wire, and 300 bytes of counts read and written',
  },
  {
    stage: 'decode and merge, counters',
    unit: 'increments',
    limit: (r) => r('limits.memory.copy.bytesPerSecond') / (r('wire.counter.bytes') + 2 * 16),
    ours: (r) => r('receive.counter.perSecondPerCore'),
    by: 'memory bandwidth: the bytes of the wire, and two int64 read and written',
  },
  {
    stage: 'hash of the chain',
    unit: 'bytes',
    limit: (r) => r('limits.sha256.1MiB.bytesPerSecond'),
    ours: (r) =>
      (r('durable.postgres.histogram.perSecond') * r('wire.histogram.bytes')) /
      r('durable.postgres.histogram.share.hash'),
    by: 'SHA-256 of large pieces; ours are batches of 62 rows, and copied once before',
  },
  {
    stage: 'encode',
    unit: 'increments',
    limit: (r) => r('limits.memory.copy.bytesPerSecond') / (0.2 * HISTOGRAM_WINDOW + 0.8 * 16),
    ours: (r) => r('encode.perSecond'),
    by: 'memory bandwidth: the columns read once',
  },
  {
    stage: 'rows stored',
    unit: 'rows',
    limit: (r) => r('durable.postgres.rowsOfCopyLimit.perSecond.reference'),
    ours: (r) => r('durable.postgres.rowsOfCopyLimit.perSecond'),
    by: 'a bare binary COPY and merge of the same rows',
  },
  {
    stage: 'write-ahead log of those rows',
    unit: 'bytes',
    limit: (r) => r('limits.fdatasync.bytesPerSecond'),
    ours: (r) =>
      r('durable.postgres.rowsOfCopyLimit.incrementsPerSecond') * r('durable.postgres.rowsOfCopyLimit.walBytes'),
    by: 'appends of 16 MiB with fdatasync',
  },
  {
    stage: 'commits, 20 x 1,000 counters a flush',
    unit: 'commits',
    limit: (r) => r('limits.fdatasync.perSecond'),
    ours: (r) => r('durable.postgres.counter.perSecond') / 80_000,
    by: 'one fdatasync of 8 KiB per commit',
  },
  {
    stage: 'tier to tier',
    unit: 'bytes',
    limit: (r) => r('stream.bytesPerSecond.reference'),
    ours: (r) => r('stream.bytesPerSecond'),
    by: 'a bare gRPC stream of 64 KiB frames on loopback',
  },
];

/** Bytes of counts that a histogram of 200 samples spans: one byte per bucket between its lowest and its highest. */
const HISTOGRAM_WINDOW = 300;

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function ratioText(run, key) {
  const [ratio, least, most] = ['ratio', 'ratioMin', 'ratioMax'].map((name) => run[`${key}.${name}`]);
  if (ratio === undefined) return '';
  const two = (n) => (n < 10 ? n.toFixed(2) : n.toFixed(0));
  return least === undefined ? two(ratio) : `${two(ratio)} (${two(least)} to ${two(most)})`;
}

function figures(run) {
  const rows = FIGURES.map(({ figure, key, less, show = short, reach, aim, how }) => {
    const measured = run[key];
    if (measured === undefined) return [figure, goal(reach, show), goal(aim, show), 'not measured', '', how];
    const missBy = (wanted) => (less ? measured / wanted : wanted / measured);
    const verdict =
      missBy(aim) <= 1
        ? 'aim reached'
        : missBy(reach) <= 1
          ? 'reached'
          : `${missBy(reach).toFixed(2)} times too ${less ? 'much' : 'little'}`;
    const ratio = key.endsWith('.ratio') ? '' : ratioText(run, key);
    return [figure, goal(reach, show), goal(aim, show), `**${show(measured)}**, ${verdict}`, ratio, how];
  });
  return table(['figure', 'reach', 'aim', 'measured', 'ratio to the reference', 'how; the reference is'], rows);
}

/** Every rate, byte and millisecond of the run by its key, with its reference: so the document needs no second list of names. */
function everything(run) {
  const rows = Object.entries(run).flatMap(([key, value]) => {
    if (typeof value !== 'number' || !key.includes('.')) return [];
    if (/\.(reference|ratio|ratioMin|ratioMax)$/.test(key) || key.includes('.share.')) return [];
    if (key.startsWith('limits.') || key.startsWith('scaling.')) return [];
    const reference = run[`${key}.reference`];
    return [[`\`${key}\``, short(value), reference === undefined ? '' : short(reference), ratioText(run, key)]];
  });
  return table(['key', 'ours', 'reference', 'ratio'], rows);
}

function stages(run) {
  const names = { decode: 'decode', hash: 'hash', prepare: 'merge, fold, encode', store: 'store' };
  const keys = [...new Set(Object.keys(run).flatMap((key) => /^(.*)\.share\./.exec(key)?.[1] ?? []))];
  const rows = keys.map((key) => [
    `\`${key}\``,
    ...Object.keys(names).map((name) => percent(run[`${key}.share.${name}`] ?? 0)),
  ]);
  return table(['part of the time', ...Object.values(names)], rows);
}

function scaling(run) {
  const rows = Object.entries(run).flatMap(([key, value]) => {
    const found = /^scaling\.(entities|tiers)\.(\d+)\.nsPerIncrement$/.exec(key);
    if (!found) return [];
    const [, what, size] = found;
    const number = Number(size).toLocaleString('en');
    const of = what === 'tiers' ? `${number} tiers x 1,000 services` : `2 tiers x ${number} services`;
    const cpu = run[`scaling.${what}.${size}.cpuNsPerIncrement`];
    return [[of, `${value.toFixed(0)} ns`, `${cpu.toFixed(0)} ns`, `${short(1e9 / value)}/s`]];
  });
  return table(['size, 4 counters', 'wall time per increment', 'our CPU', 'durable increments'], rows);
}

function distance(run) {
  const rows = STAGES.flatMap(({ stage, unit, limit, ours, by }) => {
    const read = (key) => run[key] ?? Number.NaN;
    const most = limit(read);
    const is = ours(read);
    if (!Number.isFinite(most / is)) return [];
    return [[stage, `${short(is)} ${unit}/s`, `${short(most)} ${unit}/s`, percent(is / most), by]];
  });
  return table(['stage', 'ours', 'limit', 'share', 'the limit is'], rows);
}

function machineLimits(run) {
  const rows = Object.entries(run)
    .filter(([key, value]) => key.startsWith('limits.') && typeof value === 'number')
    .map(([key, value]) => [`\`${key}\``, short(value)]);
  return table(['limit of the machine', 'per second'], rows);
}

function head(run, file) {
  const { machine, startedAt, quick, loadBefore, loadAfter } = run;
  const { cpu, cores, memoryGiB, node, commit } = machine;
  const what = `${startedAt.slice(0, 10)}, commit ${commit}, Node ${node}, "${cpu}" virtual machine with ${cores} cores and ${memoryGiB} GiB`;
  const how = quick ? ' **A quick run: few rounds, small sizes.**' : '';
  return `[${file}](../test/bench/results/${file}): ${what}, load ${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after.${how}`;
}

/** The questions of the query benchmark: one after the other, or as many as are answered by a few clients. */
const QUESTIONS = [
  { question: '99th percentile of an hour of 1,000 services', key: 'query.p99Hour1000', reach: 8 },
  { question: 'the 20 busiest of 100,000 endpoints, half an hour', key: 'query.topN100k', reach: 100 },
];

function queries(run, file) {
  const ms = (key) => (run[key] === undefined ? '' : `${run[key].toFixed(run[key] < 10 ? 1 : 0)} ms`);
  const latency = QUESTIONS.map(({ question, key, reach }) => [
    question,
    `${reach} ms`,
    `**${ms(`${key}.ms`)}**`,
    ms(`${key}.cpuMs`),
    ms(`${key}.afterFlushMs`),
    ms(`${key}.coldMs`),
    ms(`${key}.prometheus.ms`),
    ms(`${key}.victoriametrics.ms`),
  ]);
  const columns = ['question', 'reach', 'nothing changed', 'of which our CPU', 'after a flush', 'never asked before'];
  const rate = (key) => (run[key] === undefined ? '' : short(run[key]));
  const of = 'query.dashboard';
  const rates = [
    ['this node', rate(`${of}.perSecond`), rate(`${of}.perCpuSecond`)],
    ...[
      ['ingest', 'beside'],
      ['otherNode', 'taken by another node of the tier'],
    ].map(([part, where]) => {
      const value = (name) => rate(`${of}.${part}.${name}`);
      const what = `this node, ${value('incrementsPerSecond')} increments/s ${where} (${value('incrementsPerSecondAlone')} without queries)`;
      return [what, value('perSecond'), value('perCpuSecond')];
    }),
    ['Prometheus', rate(`${of}.prometheus.perSecond`), rate(`${of}.prometheus.perCpuSecond`)],
    ['VictoriaMetrics', rate(`${of}.victoriametrics.perSecond`), rate(`${of}.victoriametrics.perCpuSecond`)],
  ];
  return [
    head(run, file),
    '',
    table([...columns, 'Prometheus', 'VictoriaMetrics'], latency),
    '',
    table(['dashboards, reach 200 questions/s', 'questions/s, 8 clients', 'per second of CPU of the process'], rates),
  ].join('\n');
}

const BLOCKS = { run: head, figures, everything, stages, scaling, distance, limits: machineLimits };

/** Queries have a run of their own: `npm run bench -- --only query --record`. */
const QUERY_BLOCKS = { queries };

/** The document with the tables of a run. Errors: a block without its end. */
function withTables(text, run, file, blocks = BLOCKS) {
  let out = text;
  for (const [name, render] of Object.entries(blocks)) {
    const begin = `<!-- bench ${name}: made by test/bench/table.mjs, do not edit -->`;
    const end = `<!-- end of bench ${name} -->`;
    const from = out.indexOf(begin);
    if (from < 0) continue;
    const to = out.indexOf(end, from);
    if (to < 0) throw new Error(`docs/performance.md has no line ${end}`);
    out = `${out.slice(0, from + begin.length)}\n${render(run, file)}\n${out.slice(to)}`;
  }
  return out;
}

/** The run that a block of the document links; undefined when it links none. */
const linked = (text, block = 'run') => new RegExp(`<!-- bench ${block}:[^\\n]*-->\\n\\[([^\\]]+)\\]`).exec(text)?.[1];

const readRun = (file) => JSON.parse(readFileSync(path.join(RESULTS, file), 'utf8'));

/** Writes the tables of results/<file> into docs/performance.md. */
export function writeTables(file) {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8'), readRun(file), file));
}

/** Writes the table of queries of results/<file> into docs/performance.md. */
export function writeQueryTable(file) {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8'), readRun(file), file, QUERY_BLOCKS));
}

/** What is wrong with the tables of the document; undefined when nothing is. */
export function staleTables() {
  const text = readFileSync(DOCUMENT, 'utf8');
  for (const { block, blocks } of [
    { block: 'run', blocks: BLOCKS },
    { block: 'queries', blocks: QUERY_BLOCKS },
  ]) {
    const file = linked(text, block);
    if (file === undefined) return `docs/performance.md links no run of test/bench/results for its ${block}`;
    if (!existsSync(path.join(RESULTS, file))) return `docs/performance.md links ${file}, which is not there`;
    if (withTables(text, readRun(file), file, blocks) !== text)
      return `the tables of docs/performance.md are not those of ${file}; run node test/bench/table.mjs ${file}`;
  }
  return undefined;
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [given] = process.argv.slice(2);
  if (given === '--check') {
    const problem = staleTables();
    if (problem !== undefined) {
      console.error(problem);
      process.exitCode = 1;
    }
  } else {
    const file = given === undefined ? linked(readFileSync(DOCUMENT, 'utf8')) : path.basename(given);
    if (file === undefined) throw new Error('which run? node test/bench/table.mjs results/<run>.json');
    if (file.includes('-query')) writeQueryTable(file);
    else writeTables(file);
    console.log(`docs/performance.md has the tables of ${file}`);
  }
}
