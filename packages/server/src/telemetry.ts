// SPDX-License-Identifier: Apache-2.0
// Self-telemetry for a Prometheus to scrape: `GET /metrics` of the node's own registry, on a port of its own (SkyWalking's 1234).
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OapError, type MetricRegistry } from '@oap-federation/runtime';

export interface TelemetryServer extends AsyncDisposable {
  readonly port: number;
}

/** Serves until disposed. Errors: OAP-1003 when the address cannot be bound. */
export function openTelemetryServer(
  options: { readonly host: string; readonly port: number },
  telemetry: MetricRegistry,
): Promise<TelemetryServer> {
  const { host, port } = options;
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(telemetry.render());
  });
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new OapError('OAP-1003', { host, port }, { cause })));
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        [Symbol.asyncDispose]: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}
