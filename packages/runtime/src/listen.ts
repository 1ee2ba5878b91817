// SPDX-License-Identifier: Apache-2.0
// A plain HTTP server on an address. In: the server, host and port. Out: the port that it has, until it is disposed.
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OapError } from './errors.js';

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** `port` 0 takes any free one. Disposing waits for the answers under way. Errors: OAP-1003 when the address cannot be had. */
export function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new OapError('OAP-1003', { host, port }, { cause })));
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        [Symbol.asyncDispose]: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeIdleConnections();
          }),
      });
    });
  });
}
