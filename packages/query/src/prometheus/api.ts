// SPDX-License-Identifier: Apache-2.0
// The Prometheus HTTP API under /api/v1, as a part of an HTTP server. In: requests of Grafana, promtool, vmalert and others. Out: JSON in
// Prometheus' shapes; what the answer lacks is in `warnings`, one line a source.
import {
  DEFAULT_ENGINE_OPTIONS,
  evaluateInstant,
  evaluateRange,
  isLabelName,
  parsePromql,
  printPromql,
  PromqlExecutionError,
  PromqlSyntaxError,
  typeOf,
  type EngineOptions,
  type Expr,
} from '@oap-federation/promql';
import { nextTurn, OapError, type AccessAction, type Clock, type Logger } from '@oap-federation/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refusalStatus } from '../access/guard.js';
import { clientErrorOf } from '../problem.js';
import type { Readers, ReadersOf } from '../readers.js';
import { firingAlerts, rulesJson, type AlertRule } from './alerts.js';
import { instantJson, labelsJson, rangeJson } from './answers.js';
import { listLabelNames, listLabelValues, listSeries, type Period } from './catalogue.js';
import { BadParameter, Parameters } from './parameters.js';
import { Sealing } from './sealing.js';
import { MetricSampleSource } from './source.js';

export interface PrometheusApiConfig {
  /** Samples that one query may hold, read ones and results of its parts: about 20 bytes each. */
  readonly samplesMax: number;
  /** An evaluation that takes longer ends with HTTP 503; a request may ask for less. */
  readonly timeoutMs: number;
  /** Nothing older is there. */
  readonly metricsTtlDays: number;
}

export interface PrometheusApiDeps {
  readonly readersOf: ReadersOf;
  /** Alarm rules of this tier; left out, none are shown. */
  readonly alarmRules?: () => readonly AlertRule[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of this program. */
  readonly version: string;
}

/** The release whose language is spoken: clients choose their features by it. */
const PROMETHEUS_VERSION = '2.42.0';
const DAY_MS = 86_400_000;
/** Range of lists that are asked without one. */
const LIST_PERIOD_MS = 3_600_000;

class QueryTimeout extends Error {
  override readonly name = 'QueryTimeout';
}

/** One request: what it asks, what it may read, and what its answer will have to say. */
interface Question {
  readonly parameters: Parameters;
  /** The part of the path that varies. */
  readonly name: string;
  readonly readers: Readers;
  readonly source: MetricSampleSource;
  readonly nowMs: number;
  readonly config: PrometheusApiConfig;
  readonly deps: PrometheusApiDeps;
}

interface Answer {
  readonly data: unknown;
  readonly warnings?: readonly string[];
}

interface Route {
  readonly path: string;
  readonly methods: readonly ('GET' | 'POST')[];
  readonly access: AccessAction;
  readonly answer: (question: Question) => Answer | Promise<Answer>;
}

const GET = ['GET'] as const;
const BOTH = ['GET', 'POST'] as const;

const ROUTES: readonly Route[] = [
  { path: '/query', methods: BOTH, access: 'query', answer: answerQuery },
  { path: '/query_range', methods: BOTH, access: 'query', answer: answerQueryRange },
  { path: '/series', methods: BOTH, access: 'query', answer: answerSeries },
  { path: '/labels', methods: BOTH, access: 'query', answer: answerLabels },
  { path: '/label/:name/values', methods: GET, access: 'query', answer: answerLabelValues },
  { path: '/metadata', methods: GET, access: 'query', answer: answerMetadata },
  {
    path: '/format_query',
    methods: BOTH,
    access: 'query',
    answer: ({ parameters }) => ({ data: printPromql(parse(parameters)) }),
  },
  { path: '/query_exemplars', methods: BOTH, access: 'query', answer: () => ({ data: [] }) },
  { path: '/status/buildinfo', methods: GET, access: 'query', answer: answerBuildInfo },
  { path: '/rules', methods: GET, access: 'alarms', answer: answerRules },
  { path: '/alerts', methods: GET, access: 'alarms', answer: answerAlerts },
];

/** Adds the routes to `app`, with an error handler and body parsers of their own. */
export async function addPrometheusApi(
  app: FastifyInstance,
  config: PrometheusApiConfig,
  deps: PrometheusApiDeps,
): Promise<void> {
  await app.register(
    (api, _options, done) => {
      api.removeAllContentTypeParsers();
      // some clients send everything in the URL, with an empty body that they call JSON: only a form is looked into
      api.addContentTypeParser('*', { parseAs: 'string' }, ({ headers }, body, parsed) =>
        parsed(null, headers['content-type']?.startsWith('application/x-www-form-urlencoded') ? body : ''),
      );
      api.setErrorHandler((error, _request, reply) => sendError(error, reply, deps.logger));
      api.setNotFoundHandler(({ method, url }, reply) => {
        const error = `no ${method} ${url.split('?')[0]} here`;
        return reply.code(404).send({ status: 'error', errorType: 'not_found', error });
      });
      for (const { path, methods, access, answer } of ROUTES) {
        api.route({
          method: [...methods],
          url: path,
          config: { access },
          handler: async (request, reply) => reply.send(await respond(answer, request, config, deps)),
        });
      }
      done();
    },
    { prefix: '/api/v1' },
  );
}

async function respond(
  answer: Route['answer'],
  request: FastifyRequest,
  config: PrometheusApiConfig,
  deps: PrometheusApiDeps,
): Promise<object> {
  const readers = deps.readersOf(request);
  const sealing = new Sealing(readers.metadata, deps.clock);
  const { data, warnings: own = [] } = await answer({
    parameters: new Parameters(request.url, request.body),
    name: (request.params as { readonly name?: string }).name ?? '',
    readers,
    source: new MetricSampleSource(readers, sealing, config),
    nowMs: deps.clock.now(),
    config,
    deps,
  });
  const { warnings, infos } = await sealing.notices();
  const said = [...own, ...warnings];
  return {
    status: 'success',
    data,
    ...(said.length > 0 ? { warnings: said } : {}),
    ...(infos.length > 0 ? { infos } : {}),
  };
}

async function answerQuery(question: Question): Promise<Answer> {
  const { parameters, source, nowMs } = question;
  const atMs = parameters.time('time') ?? nowMs;
  const result = await evaluateInstant(parse(parameters), atMs, source, engineOptions(question));
  const limit = parameters.limit();
  switch (result.kind) {
    case 'scalar':
    case 'string':
      return { data: instantJson(result, atMs) };
    case 'vector': {
      const { items: series, warnings } = limited(result.series, limit);
      return { data: instantJson({ kind: 'vector', series }, atMs), warnings };
    }
    case 'matrix': {
      const { items, warnings } = limited(result.series, limit);
      return { data: rangeJson(items), warnings };
    }
  }
}

async function answerQueryRange(question: Question): Promise<Answer> {
  const { parameters, source } = question;
  const grid = parameters.grid();
  const expr = parse(parameters);
  const type = typeOf(expr);
  if (type !== 'scalar' && type !== 'instant vector') {
    throw new BadParameter(
      `invalid parameter "query": invalid expression type "${type}" for range query, must be Scalar or instant Vector`,
    );
  }
  const series = await evaluateRange(expr, grid, source, engineOptions(question));
  const { items, warnings } = limited(series, parameters.limit());
  return { data: rangeJson(items), warnings };
}

async function answerSeries(question: Question): Promise<Answer> {
  const { parameters, source } = question;
  const selectors = parameters.list('match[]');
  if (selectors.length === 0) throw new BadParameter('no match[] parameter provided');
  const { items, warnings } = limited(await listSeries(source, selectors, period(question)), parameters.limit());
  return { data: items.map(labelsJson), warnings };
}

async function answerLabels(question: Question): Promise<Answer> {
  const { parameters, source } = question;
  const names = await listLabelNames(source, parameters.list('match[]'), period(question));
  const { items, warnings } = limited(names, parameters.limit());
  return { data: items, warnings };
}

async function answerLabelValues(question: Question): Promise<Answer> {
  const { parameters, name, source, readers } = question;
  if (!isLabelName(name)) throw new BadParameter(`invalid label name: "${name}"`);
  const selectors = parameters.list('match[]');
  const values = await listLabelValues(source, readers.metadata, name, selectors, period(question));
  const { items, warnings } = limited(values, parameters.limit());
  return { data: items, warnings };
}

function answerMetadata({ parameters, source }: Question): Answer {
  const wanted = parameters.text('metric');
  const families = source.families().filter(({ name }) => wanted === undefined || name === wanted);
  const { items, warnings } = limited(families, parameters.limit());
  const data = Object.fromEntries(items.map(({ name, type, help }) => [name, [{ type, help, unit: '' }]]));
  return { data, warnings };
}

function answerBuildInfo({ deps }: Question): Answer {
  const unknown = { buildUser: '', buildDate: '', goVersion: '' };
  return { data: { version: PROMETHEUS_VERSION, revision: deps.version, branch: 'oap-federation', ...unknown } };
}

async function answerRules(question: Question): Promise<Answer> {
  const { seesRule } = question.readers.alarms;
  const rules: AlertRule[] = [];
  for (const rule of question.deps.alarmRules?.() ?? []) {
    if (seesRule === undefined || (await seesRule(rule.expression))) rules.push(rule);
  }
  return { data: rulesJson(rules, await alerts(question)) };
}

async function answerAlerts(question: Question): Promise<Answer> {
  return { data: { alerts: await alerts(question) } };
}

function alerts({ readers, config, nowMs }: Question): ReturnType<typeof firingAlerts> {
  return firingAlerts(readers.alarms, nowMs - config.metricsTtlDays * DAY_MS, nowMs);
}

function engineOptions({ parameters, nowMs, config, deps }: Question): EngineOptions {
  const deadline = nowMs + Math.min(config.timeoutMs, parameters.duration('timeout') ?? Infinity);
  return {
    ...DEFAULT_ENGINE_OPTIONS,
    lookbackMs: parameters.duration('lookback_delta') ?? DEFAULT_ENGINE_OPTIONS.lookbackMs,
    samplesMax: config.samplesMax,
    pause: nextTurn,
    checkpoint: () => {
      if (deps.clock.now() > deadline) throw new QueryTimeout('query timed out in expression evaluation');
    },
  };
}

/** Not beyond what may be stored: clients ask for years. */
function period({ parameters, nowMs, config }: Question): Period {
  const toMs = Math.min(parameters.time('end') ?? nowMs, nowMs);
  const fromMs = parameters.time('start') ?? toMs - LIST_PERIOD_MS;
  return { fromMs: Math.max(fromMs, nowMs - config.metricsTtlDays * DAY_MS), toMs };
}

/** Errors: BadParameter with the place in the expression. */
function parse(parameters: Parameters): Expr {
  const text = parameters.required('query');
  try {
    return parsePromql(text);
  } catch (error) {
    if (!(error instanceof PromqlSyntaxError)) throw error;
    throw new BadParameter(`invalid parameter "query": ${error.message}`, { cause: error });
  }
}

function limited<T>(items: readonly T[], limit: number | undefined): { items: readonly T[]; warnings: string[] } {
  if (limit === undefined || items.length <= limit) return { items, warnings: [] };
  return { items: items.slice(0, limit), warnings: [`results truncated due to limit: ${limit} of ${items.length}`] };
}

function sendError(thrown: unknown, reply: FastifyReply, logger: Logger): FastifyReply {
  const { status, errorType, message } = problemOf(thrown, logger);
  return reply.code(status).send({ status: 'error', errorType, error: message });
}

function problemOf(thrown: unknown, logger: Logger): { status: number; errorType: string; message: string } {
  if (thrown instanceof BadParameter || thrown instanceof PromqlSyntaxError) {
    return { status: 400, errorType: 'bad_data', message: thrown.message };
  }
  if (thrown instanceof PromqlExecutionError) return { status: 422, errorType: 'execution', message: thrown.message };
  if (thrown instanceof QueryTimeout) return { status: 503, errorType: 'timeout', message: thrown.message };
  const refused = refusalStatus(thrown);
  if (refused !== undefined) {
    return {
      status: refused,
      errorType: ({ 401: 'unauthorized', 403: 'forbidden', 429: 'unavailable' } as const)[refused],
      message: (thrown as Error).message,
    };
  }
  const { statusCode } = thrown as { statusCode?: unknown };
  if (thrown instanceof Error && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, errorType: 'bad_data', message: thrown.message };
  }
  // what this request may not see or this tier does not keep: said in full, since the request can be changed
  if (thrown instanceof OapError) return { status: 422, errorType: 'execution', message: thrown.message };
  const { message, extensions } = clientErrorOf(thrown, logger);
  const unavailable = extensions.status === 503;
  return { status: unavailable ? 503 : 500, errorType: unavailable ? 'unavailable' : 'internal', message };
}
