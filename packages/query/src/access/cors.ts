// SPDX-License-Identifier: Apache-2.0
// Which web pages may read answers from a browser: those of the configured origins, exactly. Nothing is reflected that is not configured,
// and credentials that a browser adds by itself are never allowed: a page shows its token in a header of its own.
import type { FastifyInstance } from 'fastify';

const PREFLIGHT = {
  'access-control-allow-methods': 'GET, HEAD, POST',
  'access-control-allow-headers': 'authorization, authentication, content-type',
  'access-control-max-age': '600',
};

/** Before anything that asks for a token: a preflight has none. */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  const known = new Set(origins);
  const isAny = known.has('*');
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers;
    if (!isAny && origins.length > 0) void reply.header('vary', 'origin');
    if (origin === undefined || !(isAny || known.has(origin))) return done();
    void reply.headers({
      'access-control-allow-origin': isAny ? '*' : origin,
      'access-control-expose-headers': 'retry-after',
    });
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return done();
    void reply.code(204).headers(PREFLIGHT).send();
  });
}
