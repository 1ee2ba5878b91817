// SPDX-License-Identifier: Apache-2.0
// The door of every HTTP route. A route declares what it takes to use it; one that declares nothing cannot be added, and one that nobody
// knows is not answered without a token either. In: requests. Out: the principal of each, or 401, 403, 429 before its body is read.
import {
  BugError,
  isLoopback,
  OapError,
  rateLimited,
  type AccessAction,
  type AccessConfig,
  type Clock,
  type Logger,
} from '@oap-federation/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { credentialsOf } from './credentials.js';
import { FailedAttempts } from './failed-attempts.js';
import { directoryOf, NOBODY, seesEverything, type Principal } from './principal.js';

/** `public`: no token. `anyone`: any principal; the handler decides further, field by field. Else an action of the principal. */
export type RouteAccess = AccessAction | 'public' | 'anyone';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What it takes to use the route; every route says so. */
    access?: RouteAccess;
    /** Shows more than a principal with limits may see. */
    wholeTier?: boolean;
  }
  interface FastifyRequest {
    principal: Principal;
  }
  interface FastifyInstance {
    /** Every route there is, with what it takes to use it. */
    routeAccess: readonly GuardedRoute[];
  }
}

export interface GuardedRoute {
  readonly method: string;
  readonly url: string;
  readonly access: RouteAccess;
}

/** HTTP status of an answer that access refuses; undefined for other errors. A field of GraphQL that is refused travels with 200. */
export function refusalStatus(thrown: unknown): 401 | 403 | 429 | undefined {
  if (!(thrown instanceof OapError)) return undefined;
  switch (thrown.code) {
    case 'OAP-6101':
      return 401;
    case 'OAP-6102':
    case 'OAP-6104':
    case 'OAP-6105':
    case 'OAP-6106':
    case 'OAP-6107':
      return 403;
    case 'OAP-6103':
      return 429;
    default:
      return undefined;
  }
}

/** Errors: OAP-6102 unless the principal may do it. */
export function demand(principal: Principal, action: AccessAction): void {
  if (!principal.may(action)) throw new OapError('OAP-6102', { principal: principal.name, action });
}

const LOG_PERIOD_MS = 60_000;

/** Guards every route that is added to `app` from now on. */
export function guardRoutes(
  app: FastifyInstance,
  access: AccessConfig,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): void {
  const directory = directoryOf(access);
  const failed = new FailedAttempts(access.failuresPerMinute, clock);
  const log = rateLimited(logger, clock, LOG_PERIOD_MS);

  app.decorateRequest('principal', undefined as unknown as Principal);
  const routes: GuardedRoute[] = [];
  app.decorate('routeAccess', routes);
  app.addHook('onRoute', ({ method, url, config }) => {
    const wanted = config?.access;
    if (wanted === undefined) throw new BugError(`route ${String(method)} ${url} does not declare its access`);
    for (const each of [method].flat()) routes.push({ method: each, url, access: wanted });
  });

  const identify = (request: FastifyRequest, reply: FastifyReply): Principal => {
    const shown = credentialsOf(request.headers);
    if (directory.withoutToken && (shown.kind === 'none' || access.mode !== 'tokens')) return directory.withoutToken;
    const wait = failed.waitSeconds(request.ip);
    if (wait > 0) {
      void reply.header('retry-after', String(wait));
      throw new OapError('OAP-6103', { address: request.ip, seconds: wait });
    }
    const principal = shown.kind === 'token' ? directory.byToken(shown.token) : undefined;
    if (principal) return principal;
    void reply.header('www-authenticate', ['Bearer realm="oap"', 'Basic realm="oap", charset="UTF-8"']);
    const reason = shown.kind === 'none' ? 'none was shown' : shown.kind === 'token' ? 'it is not known' : shown.reason;
    if (shown.kind === 'token') {
      failed.note(request.ip);
      log.warn('wrong token', { address: request.ip, url: request.url.split('?')[0] }, 'a wrong token was shown');
    }
    throw new OapError('OAP-6101', { reason });
  };

  app.addHook('onRequest', (request, reply, done) => {
    request.principal = NOBODY;
    const { access: needed, wholeTier } = request.routeOptions.config ?? {};
    if (needed === 'public') return done();
    try {
      if (access.mode === 'thisMachine') refuseOtherHosts(request);
      const principal = (request.principal = identify(request, reply));
      if (needed === undefined && !request.is404) throw new BugError(`${request.url} does not declare its access`);
      if (needed !== undefined && needed !== 'anyone') demand(principal, needed);
      if (wholeTier === true && !seesEverything(principal)) {
        throw new OapError('OAP-6102', { principal: principal.name, action: 'see the whole tier' });
      }
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/**
 * Where no token is wanted because only this machine may ask, a web page of another site could still ask through a browser here, under a
 * name of its own that it makes point to this machine. Such requests name that host.
 */
function refuseOtherHosts({ headers }: FastifyRequest): void {
  const { host = '' } = headers;
  const name = host.replace(/:\d+$/, '');
  if (!isLoopback(name.toLowerCase())) throw new OapError('OAP-6107', { host: name });
}
