// SPDX-License-Identifier: Apache-2.0
// Self-telemetry for a Prometheus to scrape: `GET /metrics` of the node's own registry, on a port of its own (SkyWalking's 1234).
import { createServer } from 'node:http';
import { listen, type Listening, type MetricRegistry } from '@oap-federation/runtime';

/** Serves until disposed. Errors: those of `listen`. */
export function openTelemetryServer(
  options: { readonly host: string; readonly port: number },
  telemetry: MetricRegistry,
): Promise<Listening> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(telemetry.render());
  });
  return listen(server, options);
}
