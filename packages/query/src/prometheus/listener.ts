// SPDX-License-Identifier: Apache-2.0
// The Prometheus API on a port of its own, as SkyWalking has it (9090): another door to the same server, for these paths alone.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen, type Listening } from '@oap-federation/runtime';

export interface PrometheusListenerConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Before `/api/v1`: `/` or `/some/path`. */
  readonly contextPath: string;
}

const API = '/api/v1/';

/**
 * Hands requests to `serve` under their usual paths; others are answered with 404 here. Guards, limits and headers are those of `serve`.
 * Errors: those of `listen`.
 */
export function openPrometheusListener(
  { contextPath, ...address }: PrometheusListenerConfig,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Listening> {
  const prefix = contextPath.replace(/\/+$/, '');
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (!url.startsWith(prefix + API)) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: 'error', errorType: 'not_found', error: `only ${prefix}${API} is here` }));
      return;
    }
    request.url = url.slice(prefix.length);
    serve(request, response);
  });
  return listen(server, address);
}
