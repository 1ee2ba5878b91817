// SPDX-License-Identifier: Apache-2.0
// SkyWalking's status and debugging endpoints, and this tier's own status. In: ports to what a node knows of itself. Out: text as `curl`
// users know it, or JSON for a client that asks for it; nothing is stored for them.
import { minuteOf } from '@oap-federation/model';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { completenessReport } from './completeness.js';
import { seesEverything } from './access/principal.js';
import type { GraphQLDeps, GraphQLLimits } from './graphql/context.js';
import { BadQuestion, clientErrorOf, failureStatus } from './problem.js';
import type { ReadersOf } from './readers.js';
import type { Logger } from '@oap-federation/runtime';

/** A node of this tier, by the address that the others use for it. */
export interface ClusterNode {
  readonly host: string;
  readonly port: number;
  readonly isSelf: boolean;
}

export interface StatusDeps {
  readonly logger: Logger;
  /** What this tier says of itself (role, slots, links); shown as it is under /status/tier. */
  readonly status: () => unknown;
  /** As this node sees the tier now. */
  readonly clusterNodes: () => readonly ClusterNode[];
  /** Path -> value of the settings, secrets masked. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface StatusLimits extends Pick<GraphQLLimits, 'metricsTtlDays' | 'recordsTtlDays'> {
  readonly scopes: { readonly tier: string };
}

// In /status/tier, where no range is asked, a source lags when it is further behind than a calm network explains.
const LAGGING_AFTER_MINUTES = 3;
/** No tier keeps traces and logs, which SkyWalking calls its super datasets. */
const NOT_KEPT = -1;

export interface GraphQLRequest {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
}

/** Runs one GraphQL operation for a request: as its principal, over its readers, within its budget. */
export type Execute = (
  request: FastifyRequest,
  reply: FastifyReply,
  operation: GraphQLRequest,
) => Promise<{ readonly data?: unknown; readonly errors?: unknown }>;

export function addStatusRoutes(
  app: FastifyInstance,
  deps: StatusDeps & GraphQLDeps,
  limits: StatusLimits,
  readersOf: ReadersOf,
  execute: Execute,
): void {
  const { clock, logger, timezoneOffsetMinutes: zone } = deps;
  const wholeTier = { config: { access: 'status', wholeTier: true } } as const;

  app.get('/status/tier', { config: { access: 'status' } }, async (request, reply) => {
    const { metadata } = readersOf(request);
    const now = clock.now();
    let completeness = null;
    try {
      completeness = completenessReport(
        await metadata.completeness(),
        minuteOf(now) - LAGGING_AFTER_MINUTES - 1,
        now,
        zone,
        await metadata.conservation(),
      );
    } catch (error) {
      // A status page is most wanted when something is down: it says so instead of failing.
      clientErrorOf(error, logger);
    }
    // nodes, links and logs name every tier there is: who may not see all of them learns how complete its own sources are
    const own = seesEverything(request.principal) ? asRecord(deps.status()) : { tier: limits.scopes.tier };
    return reply.send({ ...own, completeness });
  });

  app.get('/status/cluster/nodes', wholeTier, (_request, reply) => reply.send({ nodes: deps.clusterNodes() }));

  app.get('/status/config/ttl', { config: { access: 'status' } }, (request, reply) => {
    const days = limits.metricsTtlDays;
    const ttl = {
      metrics: { minute: days, hour: days, day: days },
      records: { default: limits.recordsTtlDays, superDataset: NOT_KEPT },
    };
    if (wantsJson(request)) return reply.send(ttl);
    const lines = Object.entries(ttl).flatMap(([kind, each]) =>
      Object.entries(each).map(([name, value]) => [`${kind}.${name}`, String(value)] as const),
    );
    return sendLines(reply, lines);
  });

  app.get('/debugging/config/dump', wholeTier, (request, reply) =>
    wantsJson(request) ? reply.send(deps.settings) : sendLines(reply, Object.entries(deps.settings)),
  );

  app.get('/debugging/query/mqe', { config: { access: 'query' } }, async (request, reply) => {
    const { variables, dump } = mqeQuestion(request.query as Readonly<Record<string, string | undefined>>);
    const { data, errors } = await execute(request, reply, { query: TRACED, variables: { ...variables, dump } });
    if (errors) return reply.code(failureStatus(errors as readonly object[])).send({ data: null, errors });
    return reply.send((data as { readonly result: object }).result);
  });
}

const TRACED = `query ($expression: String!, $entity: Entity!, $duration: Duration!, $dump: Boolean) {
  result: execExpression(expression: $expression, entity: $entity, duration: $duration, debug: true, dumpDBRsp: $dump) {
    type error
    results { metric { labels { key value } } values { id value traceID owner { scope serviceName serviceInstanceName endpointName } } }
    debuggingTrace {
      traceId condition startTime endTime duration
      spans { spanId parentSpanId operation startTime endTime duration msg error }
    }
  }
}`;

/** SkyWalking's parameters of /debugging/query/mqe as those of execExpression. Errors: BadQuestion names what is missing. */
function mqeQuestion(given: Readonly<Record<string, string | undefined>>) {
  const need = (name: string): string => {
    const value = given[name];
    if (value === undefined || value === '') throw new BadQuestion(`the parameter ${name} is missing`);
    return value;
  };
  const optional = (name: string, field: string, value: unknown = given[name]) =>
    given[name] === undefined ? {} : { [field]: value };
  const isReal = (layer: string | undefined) => !layer?.startsWith('VIRTUAL_') && layer !== 'UNDEFINED';
  return {
    dump: given['dumpDBRsp'] === 'true',
    variables: {
      expression: need('expression'),
      duration: { start: need('startTime'), end: need('endTime'), step: need('step') },
      entity: {
        ...optional('service', 'serviceName'),
        ...optional('service', 'normal', isReal(given['serviceLayer'])),
        ...optional('serviceInstance', 'serviceInstanceName'),
        ...optional('endpoint', 'endpointName'),
        ...optional('destService', 'destServiceName'),
        ...optional('destService', 'destNormal', isReal(given['destServiceLayer'])),
        ...optional('destServiceInstance', 'destServiceInstanceName'),
        ...optional('destEndpoint', 'destEndpointName'),
      },
    },
  };
}

/** SkyWalking goes by the content type even of a request without content; browsers and most clients send Accept. */
function wantsJson({ headers }: FastifyRequest): boolean {
  return [headers.accept, headers['content-type']].some((header) => header?.includes('application/json'));
}

function sendLines(reply: FastifyReply, lines: readonly (readonly [name: string, value: string])[]): FastifyReply {
  // a value with line breaks must not look like another setting
  const text = lines.map(([name, value]) => `${name}=${value.replace(/[\r\n]+/g, ' ')}\n`).join('');
  return reply.type('text/plain; charset=utf-8').send(text);
}

function asRecord(status: unknown): object {
  return typeof status === 'object' && status !== null && !Array.isArray(status) ? status : { status };
}
