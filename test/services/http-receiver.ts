// SPDX-License-Identifier: Apache-2.0
// An HTTP server of the test's own process on a free port of 127.0.0.1: keeps what it is sent, and answers as the test says.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface ReceivedCall {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpReceiver {
  readonly port: number;
  /** http://127.0.0.1:port */
  readonly url: string;
  /** Every call whose body came in whole, oldest first. */
  readonly calls: ReceivedCall[];
  /** Answers a call; by default 200 and nothing. It may also destroy the socket, or leave the call without an answer. */
  answer: (call: ReceivedCall, response: ServerResponse) => void;
  /** Resolves when there are so many calls. */
  received(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startHttpReceiver(port = 0): Promise<HttpReceiver> {
  const calls: ReceivedCall[] = [];
  const waiting = new Set<() => void>();
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const call = { method, url, headers, body: Buffer.concat(parts).toString() };
      calls.push(call);
      receiver.answer(call, response);
      for (const check of waiting) check();
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const receiver: HttpReceiver = {
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    calls,
    answer: (_, response) => response.end(),
    received: (count) =>
      new Promise((resolve) => {
        const check = () => {
          if (calls.length < count) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return receiver;
}
