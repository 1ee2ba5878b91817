// SPDX-License-Identifier: Apache-2.0
// Queries through the HTTP API of a node over an hour of data, warm, alone and beside ingest; and the same questions to Debian's Prometheus and
// VictoriaMetrics over the same data in the same run. In: a PostgreSQL server. Out: rows of the report.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { nextMessage, startChild } from './child.mjs';
import { median, summary } from './measure.mjs';
import { dataOf, samplesOf } from './query-data.mjs';
import { dashboard, P99_HOUR, topNOf } from './query-questions.mjs';
import { remoteWrite } from './remote-write.mjs';
import { aside, missing, row } from './report.mjs';
import { newDatabase, startMetricServers } from './server.mjs';

const FULL = { services: 1_000, instances: 2_000, endpoints: 100_000, endpointMinutes: 30 };
const QUICK = { services: 100, instances: 200, endpoints: 2_000, endpointMinutes: 10 };
/** Requests in flight while rates are measured: browsers that wait for their answers. */
const CLIENTS = 8;
/** Services whose pages are looked at. */
const PAGES = 20;
const CACHE_BYTES = 256 * 1024 * 1024;
/** Of /proc/<pid>/stat. */
const TICKS_PER_SECOND = 100;

const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });

/** JSON of a POST with a JSON body, or of a GET without one. Errors: another status than 200. */
function ask(url, body) {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = http.request(
      url,
      { agent, method, headers: { 'content-type': 'application/json' } },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(parts).toString();
          if (response.statusCode === 200) resolve(JSON.parse(answer));
          else reject(new Error(`${response.statusCode} ${answer.slice(0, 300)}`));
        });
      },
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const QUERY = `query ($e: String!, $d: Duration!, $n: Entity!) { execExpression(expression: $e, entity: $n, duration: $d) {
  type error results { metric { labels { key value } } values { id value } } } }`;

const minuteText = (minute) => new Date(minute * 60_000).toISOString().replace('T', ' ').slice(0, 16).replace(':', '');

/** A contender: asks a question and gives the number of values that came; CPU seconds of its process so far. */
function ours(url, tell, endMinute) {
  return {
    name: 'ours',
    cpu: () => tell('cpu'),
    async ask({ expression, entity = {}, minutes }) {
      const d = { start: minuteText(endMinute - minutes + 1), end: minuteText(endMinute), step: 'MINUTE' };
      const { data, errors } = await ask(`${url}/graphql`, {
        query: QUERY,
        variables: { e: expression, d, n: entity },
      });
      const answer = data?.execExpression;
      if (errors !== undefined || answer.error !== null) {
        throw new Error(`${expression}: ${JSON.stringify(errors ?? answer)}`);
      }
      return answer.results.reduce((sum, { values }) => sum + values.filter(({ value }) => value !== null).length, 0);
    },
  };
}

function promql(name, { url, pid }, endMinute) {
  // a minute's sample stands at its end
  const end = (endMinute + 1) * 60;
  return {
    name,
    async cpu() {
      const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13);
      return (Number(user) + Number(system)) / TICKS_PER_SECOND;
    },
    async ask({ promql: text, range, minutes }) {
      const query = new URLSearchParams({ query: text });
      if (range) {
        query.set('start', String(end - (minutes - 1) * 60));
        query.set('end', String(end));
        query.set('step', '60');
      } else query.set('time', String(end));
      const { data } = await ask(`${url}/api/v1/${range ? 'query_range' : 'query'}?${query}`);
      return data.result.reduce((sum, { values }) => sum + (values?.length ?? 1), 0);
    },
  };
}

async function timed(contender, question) {
  const from = performance.now();
  const values = await contender.ask(question);
  return { ms: performance.now() - from, values };
}

/** Questions a second with `CLIENTS` waiting for their answers; the CPU time of the contender's process, in s, for a thousand of them. */
async function rateOf(contender, questions, seconds) {
  const until = performance.now() + seconds * 1_000;
  const cpuFrom = await contender.cpu();
  const from = performance.now();
  let asked = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < until) await contender.ask(questions[asked++ % questions.length]);
    }),
  );
  return {
    perSecond: (asked * 1_000) / (performance.now() - from),
    perCpuSecond: asked / ((await contender.cpu()) - cpuFrom),
  };
}

/** Prometheus and VictoriaMetrics with the data, those that there are. */
async function openOthers(data) {
  const others = [];
  const closing = [];
  const endMinute = data.firstMinute + data.minutes - 1;
  for (const [name, server] of Object.entries(await startMetricServers())) {
    if ('unavailable' in server) {
      missing(`query.${name}`, server.unavailable);
      continue;
    }
    closing.push(() => server.stop());
    for (const series of samplesOf(data)) await remoteWrite(server.url, series);
    if (name === 'victoriametrics') await fetch(`${server.url}/internal/force_flush`);
    others.push(promql(name, server, endMinute));
  }
  return { others, close: () => Promise.all(closing.map((close) => close())) };
}

/** One question: cold, then in turn with the others, then after flushes that change the last minute. */
async function single(key, question, node, others, { rounds, flush }) {
  const cold = await timed(node, question);
  const times = Object.fromEntries([node, ...others].map(({ name }) => [name, []]));
  let cpu = 0;
  for (let round = -2; round < rounds; round++) {
    for (const contender of [node, ...others]) {
      const cpuFrom = contender === node && round >= 0 ? await node.cpu() : undefined;
      const { ms, values } = await timed(contender, question);
      if (values === 0) throw new Error(`${contender.name} has no answer to ${question.expression}`);
      if (round >= 0) times[contender.name].push(ms);
      if (cpuFrom !== undefined) cpu += (await node.cpu()) - cpuFrom;
    }
  }
  const cpuMs = (cpu * 1_000) / rounds;
  const after = [];
  for (let i = 0; i < Math.ceil(rounds / 3); i++) {
    await flush();
    after.push((await timed(node, question)).ms);
  }
  const figures = { [`${key}.coldMs`]: cold.ms, [`${key}.afterFlushMs`]: median(after), [`${key}.cpuMs`]: cpuMs };
  const notes = [
    `cold ${cold.ms.toFixed(0)} ms, after a flush ${median(after).toFixed(1)} ms, ${cpuMs.toFixed(1)} ms of our CPU`,
  ];
  const ratios = {};
  for (const { name } of others) {
    // of times, the smaller is the better
    const { reference, ratio, ratioMin, ratioMax } = summary(
      times.ours.map((ms) => 1 / ms),
      times[name].map((ms) => 1 / ms),
    );
    if (name === 'prometheus') Object.assign(ratios, { reference: 1 / reference, ratio, ratioMin, ratioMax });
    figures[`${key}.${name}.ms`] = 1 / reference;
    figures[`${key}.${name}.ratio`] = ratio;
    notes.push(`${name} ${(1 / reference).toFixed(0)} ms`);
  }
  row(`${key}.ms`, question.expression, { value: median(times.ours), ...ratios });
  aside(figures, notes.join('; '));
}

async function dashboards(sizes, node, others, { seconds, tell, openOther }) {
  const pages = Array.from({ length: Math.min(PAGES, sizes.services) }, (_, i) => dashboard(`agent::service-${i}`, i));
  const questions = pages.flat();
  const rates = {};
  for (const contender of [node, ...others]) {
    for (const question of questions) await contender.ask(question);
    rates[contender.name] = await rateOf(contender, questions, seconds);
  }
  const reference = rates.prometheus?.perSecond;
  const key = 'query.dashboard';
  row(
    `${key}.perSecond`,
    `${questions.length / pages.length} questions a page, ${pages.length} pages, ${CLIENTS} clients`,
    {
      value: rates.ours.perSecond,
      ...(reference === undefined ? {} : { reference, ratio: rates.ours.perSecond / reference }),
    },
  );
  const notes = [];
  for (const [name, { perSecond, perCpuSecond }] of Object.entries(rates)) {
    const of = name === 'ours' ? key : `${key}.${name}`;
    aside({ [`${of}.perSecond`]: perSecond, [`${of}.perCpuSecond`]: perCpuSecond });
    notes.push(`${name} ${perCpuSecond.toFixed(0)} per s of its CPU`);
  }
  aside({}, notes.join('; '));

  const besideIngest = async (of, what, tellIngest) => {
    await tellIngest('startIngest');
    await new Promise((resolve) => setTimeout(resolve, seconds * 500));
    const alone = await tellIngest('stopIngest');
    await tellIngest('startIngest');
    const beside = await rateOf(node, questions, seconds);
    const increments = await tellIngest('stopIngest');
    row(`${of}.perSecond`, what, { value: beside.perSecond });
    aside(
      {
        [`${of}.perCpuSecond`]: beside.perCpuSecond,
        [`${of}.incrementsPerSecond`]: increments,
        [`${of}.incrementsPerSecondAlone`]: alone,
      },
      `${(increments / 1_000).toFixed(0)} k increments/s taken meanwhile, ${(alone / 1_000).toFixed(0)} k without the queries`,
    );
  };
  const what = 'while every metric of every service comes from 20 tiers each second';
  await besideIngest(`${key}.ingest`, `  ${what}`, tell);
  const other = await openOther();
  await besideIngest(`${key}.otherNode`, `  ${what} to another node`, other.tell);
  other.kill();
}

/** Starts a node: `tell` it what to do, `answer` when it is ready. */
function openNode(options) {
  const { child, answer } = startChild('query-node.mjs', options);
  const tell = async (command) => {
    const reply = nextMessage(child, 'query-node.mjs');
    child.send({ command });
    return (await reply).result;
  };
  return { tell, answer, kill: () => child.kill() };
}

export async function queryFigures(server, quick) {
  const sizes = quick ? QUICK : FULL;
  const data = dataOf({ ...sizes, endMinute: Math.floor(Date.now() / 60_000) - 1 });
  const url = await newDatabase(server, 'query');
  const endMinute = data.firstMinute + data.minutes - 1;
  const options = { url, sizes: { ...sizes, endMinute }, cacheBytes: CACHE_BYTES };
  const { tell, answer, kill } = openNode({ ...options, answers: true });
  const openOther = async () => {
    const other = openNode({ ...options, answers: false });
    await other.answer;
    return other;
  };
  const { others, close } = await openOthers(data); // while the node fills its database
  try {
    const node = ours((await answer).url, tell, endMinute);
    const how = { rounds: quick ? 5 : 9, flush: () => tell('flush'), seconds: quick ? 3 : 8, tell, openOther };
    await single('query.p99Hour1000', P99_HOUR, node, others, how);
    await single('query.topN100k', topNOf(sizes.endpointMinutes), node, others, how);
    await dashboards(sizes, node, others, how);
  } finally {
    kill();
    agent.destroy();
    await close();
  }
}
