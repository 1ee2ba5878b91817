// SPDX-License-Identifier: Apache-2.0
// Free TCP ports. The port is free when asked; whoever uses it binds it at once.
import { createServer } from 'node:net';
import { OapError } from '@oap-federation/runtime';

/** A free port on `host`. Errors: OAP-1003 when the host is no address of this machine. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause) => reject(new OapError('OAP-1003', { host, port: 0 }, { cause })));
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
