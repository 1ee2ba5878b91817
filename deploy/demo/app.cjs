// SPDX-License-Identifier: Apache-2.0
// A small HTTP application for the demo and for tests; with a collector address it carries SkyWalking's Node agent.
//
//   NAME=shop PORT=0 UPSTREAM=http://127.0.0.1:8081 node deploy/demo/app.cjs
//
//   GET /orders, /stock   200 at once; with UPSTREAM, after calling UPSTREAM/stock (its failure is answered as 502)
//   GET /slow             200 after 200 to 400 ms
//   GET /fail             500
//   GET /healthz          200, never traced
// Environment: NAME (app), PORT (0 takes a free one), UPSTREAM (none), and the agent's own: SW_AGENT_COLLECTOR_BACKEND_SERVICES starts it.
// Prints `listening <port>` when ready; stops on SIGTERM, after its last spans are sent.
'use strict';

const { NAME = 'app', PORT = '0', UPSTREAM = '', SW_AGENT_COLLECTOR_BACKEND_SERVICES: collector } = process.env;

// The agent patches node:http, so it starts before that is required.
let agent;
if (collector) {
  process.env.SW_TRACE_IGNORE_PATH ??= '*:/healthz'; // operations are named GET:/healthz
  agent = require('skywalking-backend-js').default;
  agent.start({
    serviceName: process.env.SW_AGENT_NAME ?? NAME,
    serviceInstance: process.env.SW_AGENT_INSTANCE ?? `${NAME}-${process.pid}`,
  });
}

const http = require('node:http');

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ name: NAME, ...body })}\n`);
}

function stockOfUpstream(response) {
  // http.request, not http.get: the agent patches only the former
  const request = http.request(`${UPSTREAM.replace(/\/$/, '')}/stock`, { timeout: 5_000 }, (upstream) => {
    upstream.resume();
    upstream.on('end', () =>
      answer(response, upstream.statusCode === 200 ? 200 : 502, { upstream: upstream.statusCode }),
    );
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', (error) => answer(response, 502, { error: error.message }));
  request.end();
}

let slowCalls = 0;
const routes = {
  '/orders': (response) => (UPSTREAM ? stockOfUpstream(response) : answer(response, 200, { orders: 3 })),
  '/stock': (response) => answer(response, 200, { stock: 7 }),
  // 200, 250, 300, 350, 400 ms in turn
  '/slow': (response) => setTimeout(() => answer(response, 200, { slow: true }), 200 + 50 * (slowCalls++ % 5)),
  '/fail': (response) => answer(response, 500, { error: 'this route always fails' }),
  '/healthz': (response) => answer(response, 200, { ok: true }),
};

const server = http.createServer((request, response) => {
  const path = request.url.split('?')[0];
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (request.method === 'GET' && route) route(response);
  else answer(response, 404, { error: `no route ${path}` });
});

server.listen(Number(PORT), '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));

process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
  // the agent sends every second; what it holds goes now, but nobody waits for a collector that is away
  const flushed = Promise.resolve(agent?.flush()).catch(() => {});
  void Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, 1_000))]).then(() => process.exit(0));
});
