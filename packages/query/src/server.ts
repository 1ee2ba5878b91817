// SPDX-License-Identifier: Apache-2.0
// The HTTP edge of queries: POST /graphql, GET /healthcheck, /api/v1/... (PromQL), and what status.ts adds. In: HTTP. Out: JSON, with how
// complete it is.
// Nothing that a client sends or that storage does ends the process; every answer is bounded by the limits.
import type { AddressInfo } from 'node:net';
import { OapError, type AccessConfig, type Clock, type Logger, type Listening } from '@oap-federation/runtime';
import { fastify, type FastifyInstance } from 'fastify';
import { GraphQLError, type DocumentNode } from 'graphql';
import { mercurius, type IResolvers } from 'mercurius';
import { allowOrigins } from './access/cors.js';
import { guardFields } from './access/fields.js';
import { guardRoutes, refusalStatus } from './access/guard.js';
import { restrict } from './access/restrict.js';
import type { TierFacts } from './access/sources.js';
import { addAlarmStatus, type AlarmStatusReader } from './alarm-status.js';
import { Budget } from './budget.js';
import { completenessReport } from './completeness.js';
import type { GraphQLDeps, GraphQLLimits, QueryContext } from './graphql/context.js';
import { graphqlSurface } from './graphql/schema.js';
import { healthProblem } from './graphql/system.js';
import { checkDocument, checkText, TOKENS_MAX } from './limits.js';
import { BadQuestion, clientErrorOf, failureStatus, isGraphQLError } from './problem.js';
import { addPrometheusApi, type PrometheusApiConfig, type PrometheusApiDeps } from './prometheus/api.js';
import { openPrometheusListener, type PrometheusListenerConfig } from './prometheus/listener.js';
import type { Readers, ReadersOf } from './readers.js';
import { addStatusRoutes, type Execute, type GraphQLRequest, type StatusDeps } from './status.js';

export interface QueryServerConfig extends GraphQLLimits {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Nesting, root fields, and all fields of one request. */
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxQueryComplexity: number;
  /** Points that one request may make the storage read. */
  readonly maxCost: number;
  /** Who may ask. */
  readonly access: AccessConfig;
  /** By what the scopes of principals are told apart here. */
  readonly scopes: Pick<TierFacts, 'tier' | 'originScopes'>;
  readonly promql: Omit<PrometheusApiConfig, 'metricsTtlDays'>;
  /** A port of its own for the Prometheus API. */
  readonly promqlListener?: PrometheusListenerConfig | undefined;
  /** Web origins whose pages may read answers: exact, or `*`. */
  readonly corsOrigins: readonly string[];
}

export function defaultQueryServerConfig(): QueryServerConfig {
  return {
    host: '127.0.0.1',
    port: 12_800,
    maxPoints: 500,
    maxDepth: 8,
    maxAliases: 200,
    maxQueryComplexity: 4_000,
    maxCost: 500_000,
    metricsTtlDays: 7,
    recordsTtlDays: 3,
    enableUpdateUiTemplate: false,
    access: { mode: 'thisMachine', tokens: {}, anonymous: undefined, failuresPerMinute: 10, trustedProxies: [] },
    scopes: { tier: '', originScopes: undefined },
    promql: { samplesMax: 2_000_000, timeoutMs: 10_000 },
    corsOrigins: [],
  };
}

export interface QueryServerDeps extends GraphQLDeps, StatusDeps, Readers, Pick<PrometheusApiDeps, 'alarmRules'> {
  /** Left out where no alarms are judged. */
  readonly alarmStatus?: { readonly reader: AlarmStatusReader; readonly address: string };
}

export interface QueryServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of the listener for the Prometheus API alone, where there is one. */
  readonly promqlPort: number | undefined;
}

// A list of 20 rows with 8 expressions each takes 100 kB as booster-ui writes it, a dashboard that it saves up to 300 kB.
const BODY_BYTES_MAX = 512 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const HEALTH_TIMEOUT_MS = 5_000;
// A query text is compiled when it comes for the fourth time: dashboards repeat, one-off texts are not worth it.
const JIT_AFTER = 3;
const QUERY_CACHE_ENTRIES = 64;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/** Listens. Errors: OAP-1003 when an address cannot be had. Dispose: answers what is running, then closes. */
export async function openQueryServer(config: QueryServerConfig, deps: QueryServerDeps): Promise<QueryServer> {
  const app = await createQueryApp(config, deps);
  const { host, port } = config;
  let promql: Listening | undefined;
  try {
    await app.listen({ host, port }).catch((cause: unknown) => {
      throw new OapError('OAP-1003', { host, port }, { cause });
    });
    if (config.promqlListener) {
      promql = await openPrometheusListener(config.promqlListener, (request, response) =>
        app.routing(request, response),
      );
    }
  } catch (error) {
    await app.close();
    throw error;
  }
  const bound = (app.server.address() as AddressInfo).port;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${bound}`,
    port: bound,
    promqlPort: promql?.port,
    [Symbol.asyncDispose]: async () => {
      await promql?.[Symbol.asyncDispose]();
      await app.close();
    },
  };
}

const GRAPHQL_PATH = '/graphql';

const BODY_SCHEMA = {
  type: 'object',
  required: ['query'],
  properties: {
    query: { type: 'string', minLength: 1 },
    operationName: { type: ['string', 'null'] },
    variables: { type: ['object', 'null'] },
  },
};

/** The server without its socket; tests inject requests into it. */
export async function createQueryApp(config: QueryServerConfig, deps: QueryServerDeps): Promise<FastifyInstance> {
  const { logger, clock, timezoneOffsetMinutes: zone } = deps;
  const readersOf: ReadersOf = ({ principal }) =>
    restrict(deps, principal, { facts: { ...config.scopes, ttlDays: config.metricsTtlDays }, clock, logger });
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    trustProxy: config.access.trustedProxies.length > 0 ? [...config.access.trustedProxies] : false,
    // A query in a JSON body is text: nothing is to be coerced or dropped.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  // JSON only: a browser page of another site cannot send it without asking first, and it is told yes only for the configured origins.
  app.removeContentTypeParser('text/plain');

  app.addHook('onSend', (_request, reply, payload, done) => {
    reply.headers(SECURITY_HEADERS);
    done(null, payload);
  });

  allowOrigins(app, config.corsOrigins);
  guardRoutes(app, config.access, deps);

  app.setErrorHandler((error, request, reply) => {
    const { statusCode, errors } = requestErrors(error, logger);
    // of a page that is no GraphQL the status line itself says that it failed
    const refused = statusCode === 200 && request.routeOptions.url !== GRAPHQL_PATH;
    return reply.code(refused ? failureStatus(errors) : statusCode).send({ data: null, errors });
  });
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ data: null, errors: [{ message: `no ${request.method} ${request.url.split('?')[0]} here` }] }),
  );

  const { sdl, resolvers } = graphqlSurface(deps, config);
  await app.register(mercurius, {
    schema: sdl,
    // The context that mercurius types is a part of what a resolver gets; the rest is the QueryContext given below.
    resolvers: guardFields(resolvers) as unknown as IResolvers,
    routes: false,
    jit: JIT_AFTER,
    cache: QUERY_CACHE_ENTRIES,
    graphql: { parseOptions: { maxTokens: TOKENS_MAX } },
    errorFormatter: ({ data, errors }) => ({
      statusCode: 200,
      response: { data: data ?? null, errors: errors.map((e) => graphqlErrorView(e, logger)) },
    }),
  });
  app.graphql.addHook('preParsing', (_schema, source) => {
    // mercurius would take a syntax tree in JSON as a query: nobody needs that door
    if (/^\s*\{\s*"/.test(source)) throw new BadQuestion('a query is GraphQL text');
    checkText(source);
    return Promise.resolve();
  });
  app.graphql.addHook('preValidation', (_schema, document: DocumentNode) => {
    checkDocument(document, config);
    return Promise.resolve();
  });
  app.graphql.addHook('onResolution', async (execution, context) => {
    const { sources, toMinute, notKept } = context as unknown as QueryContext;
    if (notKept.size > 0) execution.extensions = { ...execution.extensions, notKept: [...notKept].sort() };
    if (sources === undefined || toMinute === undefined) return;
    try {
      const [known, conservation] = await sources;
      const completeness = completenessReport(known, toMinute, clock.now(), zone, conservation);
      execution.extensions = { ...execution.extensions, completeness };
    } catch {
      // The fields that wanted it have failed with the same error: there is no data to qualify.
    }
  });

  const execute: Execute = (request, reply, { query, variables, operationName }) => {
    const context: QueryContext = {
      ...readersOf(request),
      principal: request.principal,
      budget: new Budget(config.maxCost),
      sources: undefined,
      toMinute: undefined,
      notKept: new Set(),
    };
    return reply.graphql(
      query,
      context as unknown as Record<string, unknown>,
      variables ?? {},
      operationName ?? undefined,
    );
  };
  app.post<{ Body: GraphQLRequest }>(
    GRAPHQL_PATH,
    { schema: { body: BODY_SCHEMA }, config: { access: 'anyone' } },
    (request, reply) => execute(request, reply, request.body),
  );
  app.get(GRAPHQL_PATH, { config: { access: 'anyone' } }, (_request, reply) =>
    reply
      .code(405)
      .header('allow', 'POST')
      .send({ data: null, errors: [{ message: 'POST the query as JSON' }] }),
  );

  app.get('/healthcheck', { config: { access: 'public' } }, async (_request, reply) => {
    const problem = await withinDeadline(clock, healthProblem(deps.metadata), 'storage does not answer');
    return reply.code(problem === undefined ? 200 : 503).send({ healthy: problem === undefined, problem });
  });

  addStatusRoutes(app, deps, config, readersOf, execute);

  if (deps.alarmStatus) addAlarmStatus(app, deps.alarmStatus, logger);
  await addPrometheusApi(app, { ...config.promql, metricsTtlDays: config.metricsTtlDays }, { ...deps, readersOf });
  await app.ready();
  return app;
}

/** The result, or `late` after the health deadline. */
async function withinDeadline<T, L>(clock: Clock, result: Promise<T>, late: L): Promise<T | L> {
  const timer = new AbortController();
  try {
    return await Promise.race([result, clock.sleep(HEALTH_TIMEOUT_MS, timer.signal).then(() => late)]);
  } finally {
    timer.abort();
  }
}

/** Errors before or instead of an execution. A GraphQL request that was understood as one is answered with 200, as SkyWalking does. */
function requestErrors(thrown: unknown, logger: Logger): { statusCode: number; errors: readonly object[] } {
  const refused = refusalStatus(thrown);
  if (refused !== undefined) return { statusCode: refused, errors: [clientErrorOf(thrown, logger)] };
  if (thrown instanceof Error) {
    // mercurius collects syntax and validation errors in one error's `errors`
    const { errors, statusCode } = thrown as { errors?: unknown; statusCode?: unknown };
    if (Array.isArray(errors)) {
      return { statusCode: 200, errors: errors.map((e) => graphqlErrorView(e, logger)) };
    }
    if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
      return { statusCode, errors: [{ message: thrown.message, extensions: { code: 'BAD_REQUEST' } }] };
    }
  }
  const error = clientErrorOf(thrown, logger);
  return { statusCode: error.extensions.code === 'INTERNAL' ? 500 : 200, errors: [error] };
}

/** An error as GraphQL over HTTP shows it. */
function graphqlErrorView(thrown: unknown, logger: Logger): GraphQLError {
  const { message, extensions } = clientErrorOf(thrown, logger);
  const at = isGraphQLError(thrown) ? thrown : undefined;
  return new GraphQLError(message, {
    extensions: { ...extensions },
    ...(at?.nodes ? { nodes: at.nodes } : {}),
    ...(at?.source && at.positions ? { source: at.source, positions: at.positions } : {}),
    ...(at?.path ? { path: at.path } : {}),
  });
}
