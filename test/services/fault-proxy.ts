// SPDX-License-Identifier: Apache-2.0
// A TCP proxy that breaks things on command: forward, cut, black-hole, delay, one direction only, cut in mid-frame.
// In: a target. Out: a port to connect to instead. Order within a connection is kept in every mode.
import { connect, createServer, type Socket } from 'node:net';

/**
 * forward: as is (after `delayMs`). blackhole: connections stay open and new ones are accepted, nothing passes, ever;
 * what arrives in this mode is lost. clientToServer / serverToClient: only that direction passes. refuse: new
 * connections are reset at once.
 */
export type FaultMode = 'forward' | 'blackhole' | 'clientToServer' | 'serverToClient' | 'refuse';

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** 127.0.0.1:port */
  readonly address: string;
  mode: FaultMode;
  /** Added to each chunk in each direction, in ms. */
  delayMs: number;
  readonly connections: number;
  /** Resets every open connection; new ones follow `mode`. */
  cutAll(): void;
  /** The next chunk from the server is cut after `bytes` bytes (across all connections), then its connection is reset. */
  cutMidFrame(bytes: number): void;
  stop(): Promise<void>;
}

export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let cutAfter = -1;

  const server = createServer({ noDelay: true }, (client) => {
    if (proxy.mode === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    pipe(client, upstream, 'clientToServer');
    pipe(upstream, client, 'serverToClient');
    for (const socket of pair) {
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', () => {
        // a black hole hides the other side's end, as a broken network does
        if (proxy.mode === 'forward' || proxy.mode === 'refuse') cut(pair);
      });
    }
  });

  function pipe(from: Socket, to: Socket, direction: FaultMode): void {
    from.on('data', (chunk) => {
      if (proxy.mode !== 'forward' && proxy.mode !== direction) return;
      if (direction === 'serverToClient' && cutAfter >= 0) {
        const part = chunk.subarray(0, cutAfter);
        cutAfter = -1;
        to.end(part); // a plain end, so that the part really arrives
        from.destroy();
        return;
      }
      if (proxy.delayMs === 0) to.write(chunk);
      else setTimeout(() => to.writable && to.write(chunk), proxy.delayMs); // equal delays fire in order
    });
  }

  function cut(pair: readonly [Socket, Socket]): void {
    pairs.delete(pair);
    for (const socket of pair) if (!socket.destroyed && !socket.writableEnded) socket.resetAndDestroy();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('fault proxy has no port');

  const proxy: FaultProxy = {
    host: '127.0.0.1',
    port: bound.port,
    address: `127.0.0.1:${bound.port}`,
    mode: 'forward',
    delayMs: 0,
    get connections() {
      return pairs.size;
    },
    cutAll() {
      for (const pair of pairs) cut(pair);
    },
    cutMidFrame(bytes) {
      cutAfter = bytes;
    },
    async stop() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      pairs.clear();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}
