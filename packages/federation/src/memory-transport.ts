// SPDX-License-Identifier: Apache-2.0
// The federation protocol inside one process, for tests and the simulator: frames are bytes, in order, after a delay on the
// given clock, until a stream is cut; what was under way then is lost. Deterministic: the same clock and calls, the same run.
import type { Clock } from '@oap-federation/runtime';
import type {
  FederationListener,
  FederationTransport,
  ServerStreamHandlers,
  TransportHandlers,
  TransportStream,
} from './transport.js';

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /** Delay of one frame, ms; asked for each, delivery stays in order. */
  readonly delayMs: () => number;
  /** Frames under way in one direction before `send` says false. */
  readonly framesMax: number;
}

export interface MemoryNetwork {
  /** Puts a receiver at an address; the result takes it away and cuts its streams. */
  listen(address: string, listener: FederationListener): () => void;
  /** The transport of a sender that calls from `from`. */
  transport(from: string): FederationTransport;
  /** Cuts streams, of one address or all. `silent`: neither side is told. */
  cut(options?: { readonly address?: string; readonly silent?: boolean }): void;
  /** While true, nobody can connect to the address. */
  unreachable(address: string, isUnreachable: boolean): void;
  /** Frames under way now, and the most there ever were. */
  frames(): { readonly underWay: number; readonly most: number };
}

interface Link {
  readonly address: string;
  cut(silent: boolean): void;
}

export function memoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const { clock, delayMs, framesMax } = options;
  const listeners = new Map<string, FederationListener>();
  const unreachable = new Set<string>();
  const links = new Set<Link>();
  let underWay = 0;
  let most = 0;

  /** One direction: in order, each after its delay. */
  const pipe = (deliver: (frame: Uint8Array) => void, drained: () => void) => {
    const queue: { readonly frame: Uint8Array; readonly dueMs: number }[] = [];
    let lastDueMs = 0;
    let open = true;
    let full = false;
    const next = () => {
      if (!open || queue.length === 0) return;
      const { frame } = queue.shift()!;
      underWay--;
      deliver(frame);
      if (full && open && queue.length < framesMax / 2) {
        full = false;
        drained();
      }
    };
    return {
      send(frame: Uint8Array): boolean {
        if (!open) return false;
        lastDueMs = Math.max(lastDueMs, clock.monotonicMs() + delayMs());
        queue.push({ frame: Uint8Array.from(frame), dueMs: lastDueMs });
        most = Math.max(most, ++underWay);
        clock.after(lastDueMs - clock.monotonicMs(), next);
        if (queue.length >= framesMax) full = true;
        return !full;
      },
      /** Calls back after the last frame that was sent is delivered. */
      finish(then: () => void): void {
        clock.after(Math.max(lastDueMs, clock.monotonicMs() + delayMs()) - clock.monotonicMs(), then);
      },
      close() {
        open = false;
        underWay -= queue.length;
        queue.length = 0;
      },
    };
  };

  const connect = (from: string, address: string, token: string, handlers: TransportHandlers): TransportStream => {
    const listener = unreachable.has(address) ? undefined : listeners.get(address);
    let clientOpen = true;
    let serverOpen = true;
    const closeClient = (reason: string | undefined) => {
      if (!clientOpen) return;
      clientOpen = false;
      toServer.close();
      if (reason !== undefined) clock.after(delayMs(), () => handlers.onClosed(reason));
    };
    const closeServer = (tell: boolean) => {
      if (!serverOpen) return;
      serverOpen = false;
      toClient.close();
      if (tell) clock.after(delayMs(), () => server.onClosed());
    };
    const toServer = pipe(
      (frame) => server.onFrame(frame),
      () => {
        if (clientOpen) handlers.onDrain();
      },
    );
    const toClient = pipe(
      (frame) => {
        if (clientOpen) handlers.onFrame(frame);
      },
      () => {
        if (serverOpen) server.onDrain();
      },
    );
    const link: Link = {
      address,
      cut(silent) {
        links.delete(link);
        if (silent) {
          toServer.close();
          toClient.close();
          return;
        }
        closeClient('cut');
        closeServer(true);
      },
    };
    if (listener === undefined) {
      closeClient(`${address} is not reachable`);
      return { send: () => false, close: () => {} };
    }
    links.add(link);
    const server: ServerStreamHandlers = listener.accept(
      { address: from, token },
      {
        send: (frame) => toClient.send(frame),
        end(code, detail) {
          if (!serverOpen) return;
          serverOpen = false;
          links.delete(link);
          toClient.finish(() => {
            toClient.close();
            closeClient(`${code}: ${detail}`);
          });
        },
      },
    );
    return {
      send: (frame) => (clientOpen ? toServer.send(frame) : false),
      close() {
        links.delete(link);
        closeClient(undefined);
        closeServer(true);
      },
    };
  };

  return {
    listen(address, listener) {
      listeners.set(address, listener);
      return () => {
        if (listeners.get(address) === listener) listeners.delete(address);
        for (const link of links) if (link.address === address) link.cut(false);
      };
    },
    transport: (from) => ({
      connect: (address, token, handlers) => connect(from, address, token, handlers),
      listNodes: async (address, token, request) => {
        const listener = unreachable.has(address) ? undefined : listeners.get(address);
        await clock.sleep(delayMs());
        const response = listener?.listNodes({ address: from, token }, request);
        if (response === undefined) throw new Error(`${address} does not answer`);
        return response;
      },
    }),
    cut({ address, silent = false } = {}) {
      for (const link of links) if (address === undefined || link.address === address) link.cut(silent);
    },
    unreachable(address, isUnreachable) {
      if (isUnreachable) unreachable.add(address);
      else unreachable.delete(address);
    },
    frames: () => ({ underWay, most }),
  };
}
