// SPDX-License-Identifier: Apache-2.0
// The simulator's network: streams as TCP gives them (bytes whole and in order until they break, nothing told while a direction is
// blocked), the transport port of the federation over them, and calls between the nodes of one tier. In: frames. Out: the same
// frames later, or never. Faults: blocked directions, cut and silenced connections, delay.
import type { BatchOutcome, IncomingBatch, SlotIntake } from '@oap-federation/analysis';
import type { FederationListener, FederationTransport } from '@oap-federation/federation';
import type { Kernel, SimulatedProcess } from './kernel.js';

type TransportHandlers = Parameters<FederationTransport['connect']>[2];
type TransportStream = ReturnType<FederationTransport['connect']>;
type ServerStreamHandlers = ReturnType<FederationListener['accept']>;

/** Where a node is: its address, and the site (tier) that it stands in. */
export interface Place {
  readonly address: string;
  readonly site: string;
}

interface Served {
  readonly place: Place;
  readonly process: SimulatedProcess;
  readonly listener: FederationListener | undefined;
  readonly intake: SlotIntake;
}

const FRAMES_MAX = 16;
// as long as the production node link takes to notice a dead connection: keepalive 10 s, timeout 5 s
const CALL_TIMEOUT_MS = 15_000;
const BUSY_RETRY_MS = 500;

/** One direction of a connection. */
class Pipe {
  readonly #network: SimulatedNetwork;
  readonly #from: Place;
  readonly #to: Place;
  readonly #queue: { readonly run: () => void; readonly dueMs: number; readonly counts: boolean }[] = [];
  #armed = false;
  #lastDueMs = 0;
  #silent = false;
  frames = 0;

  constructor(network: SimulatedNetwork, from: Place, to: Place) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  /** `counts`: a frame, not a sign of the connection itself. */
  push(run: () => void, counts: boolean): void {
    if (this.#silent) return;
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#network.kernel.nowMs + this.#network.delayMs());
    this.#queue.push({ run, dueMs: this.#lastDueMs, counts });
    if (counts) this.frames++;
    this.arm();
  }

  arm(): void {
    const next = this.#queue[0];
    if (this.#armed || next === undefined || this.#silent) return;
    const { kernel } = this.#network;
    this.#armed = true;
    kernel.after(next.dueMs - kernel.nowMs, () => {
      this.#armed = false;
      if (this.#silent || this.#queue.length === 0) return;
      if (this.#network.blocked(this.#from, this.#to)) {
        this.#network.heldByPartition++;
        return; // armed again when the way is free
      }
      const item = this.#queue.shift()!;
      if (item.counts) this.frames--;
      item.run();
      this.arm();
    });
  }

  clear(): void {
    this.#queue.length = 0;
    this.frames = 0;
  }

  silence(): void {
    this.clear();
    this.#silent = true;
  }
}

interface Connection {
  readonly places: readonly [Place, Place];
  readonly pipes: readonly [Pipe, Pipe];
  /** Breaks it: both ends are told, or neither. */
  cut(silent: boolean): void;
}

export interface NetworkOptions {
  readonly kernel: Kernel;
  readonly delayMs: () => number;
}

export class SimulatedNetwork {
  readonly kernel: Kernel;
  readonly delayMs: () => number;
  readonly #served = new Map<string, Served>();
  readonly #connections = new Set<Connection>();
  /** "from>to" by site or address. */
  readonly #blocked = new Set<string>();
  readonly #lastCallDueMs = new Map<string, number>();
  /** Frames, connections and calls that a blocked direction held up. */
  heldByPartition = 0;

  constructor({ kernel, delayMs }: NetworkOptions) {
    this.kernel = kernel;
    this.delayMs = delayMs;
  }

  serve(served: Served): void {
    const { place, process } = served;
    this.#served.set(place.address, served);
    process.onDeath(() => {
      if (this.#served.get(place.address) === served) this.#served.delete(place.address);
    });
  }

  blocked(from: Place, to: Place): boolean {
    return (
      this.#blocked.size > 0 &&
      (this.#blocked.has(`${from.site}>${to.site}`) || this.#blocked.has(`${from.address}>${to.address}`))
    );
  }

  /** Blocks or frees one direction between two sites or two addresses. */
  block(from: string, to: string, isBlocked: boolean): void {
    if (isBlocked) {
      this.#blocked.add(`${from}>${to}`);
      return;
    }
    this.#blocked.delete(`${from}>${to}`);
    for (const { pipes } of this.#connections) for (const pipe of pipes) pipe.arm();
  }

  unblockAll(): void {
    this.#blocked.clear();
    for (const { pipes } of this.#connections) for (const pipe of pipes) pipe.arm();
  }

  /** Cuts connections that have an end at `address`; returns how many. */
  cut(address: string, silent: boolean): number {
    let count = 0;
    for (const connection of this.#connections) {
      if (!connection.places.some((place) => place.address === address)) continue;
      connection.cut(silent);
      count++;
    }
    return count;
  }

  transport(from: Place, process: SimulatedProcess): FederationTransport {
    return {
      connect: (address, token, handlers) => this.#connect(from, process, address, token, handlers),
      listNodes: () => Promise.reject(new Error('the simulator has no naming service')),
    };
  }

  #connect(
    from: Place,
    process: SimulatedProcess,
    address: string,
    token: string,
    handlers: TransportHandlers,
  ): TransportStream {
    const site = this.#served.get(address)?.place.site ?? address.slice(0, address.lastIndexOf('-'));
    const to: Place = { address, site };
    const up = new Pipe(this, from, to);
    const down = new Pipe(this, to, from);
    let clientOpen = true;
    let server: { readonly handlers: ServerStreamHandlers; readonly process: SimulatedProcess } | undefined;
    let serverOpen = false;
    let upFull = false;
    let downFull = false;
    const tellClient = (reason: string) =>
      process.deliver(() => {
        if (!clientOpen) return;
        clientOpen = false;
        this.#connections.delete(connection);
        handlers.onClosed(reason);
      });
    const tellServer = () => {
      this.#connections.delete(connection);
      server?.process.deliver(() => {
        if (!serverOpen) return;
        serverOpen = false;
        server!.handlers.onClosed();
      });
    };
    const connection: Connection = {
      places: [from, to],
      pipes: [up, down],
      cut: (silent) => {
        this.#connections.delete(connection);
        if (silent) {
          up.silence();
          down.silence();
          return;
        }
        up.clear();
        down.clear();
        down.push(() => tellClient('connection reset'), false);
        up.push(tellServer, false);
      },
    };
    this.#connections.add(connection);
    const accept = () => {
      const served = this.#served.get(address);
      if (!served?.listener) {
        down.push(() => tellClient(`${address} refuses connections`), false);
        return;
      }
      served.process.deliver(() => {
        serverOpen = true;
        const sink = {
          send: (frame: Uint8Array) => {
            if (!serverOpen || served.process.state === 'dead') return false;
            const copy = frame.slice();
            down.push(() => {
              process.deliver(() => {
                if (clientOpen) handlers.onFrame(copy);
              });
              if (downFull && down.frames < FRAMES_MAX / 2) {
                downFull = false;
                served.process.deliver(() => {
                  if (serverOpen) server!.handlers.onDrain();
                });
              }
            }, true);
            if (down.frames >= FRAMES_MAX) downFull = true;
            return !downFull;
          },
          end: (code: string, detail: string) => {
            if (!serverOpen) return;
            serverOpen = false;
            down.push(() => tellClient(`${code}: ${detail}`), false);
          },
        };
        server = {
          process: served.process,
          handlers: served.listener!.accept({ address: from.address, token }, sink),
        };
        // the kernel of a dead process's machine closes its sockets
        served.process.onDeath(() => down.push(() => tellClient('connection closed by peer'), false));
      });
    };
    up.push(accept, false);
    process.onDeath(() => up.push(tellServer, false));
    return {
      send: (frame) => {
        if (!clientOpen) return false;
        const copy = frame.slice();
        up.push(() => {
          server?.process.deliver(() => {
            if (serverOpen) server!.handlers.onFrame(copy);
          });
          if (upFull && up.frames < FRAMES_MAX / 2) {
            upFull = false;
            process.deliver(() => {
              if (clientOpen) handlers.onDrain();
            });
          }
        }, true);
        if (up.frames >= FRAMES_MAX) upFull = true;
        return !upFull;
      },
      close: () => {
        if (!clientOpen) return;
        clientOpen = false;
        up.push(tellServer, false); // after what was written, as a FIN
      },
    };
  }

  /**
   * Offers a local batch to the intake of another node of the tier. Answers busy when that cannot be had. The batch itself is handed
   * over, for speed: the codec that the production link uses here is the one that every batch between tiers goes through.
   */
  call(from: Place, process: SimulatedProcess, address: string, batch: IncomingBatch): Promise<BatchOutcome> {
    const { kernel } = this;
    const to = this.#served.get(address);
    return new Promise((resolve) => {
      const answer = (outcome: BatchOutcome) => {
        timeout();
        process.deliver(() => resolve(outcome));
      };
      const busy = { kind: 'busy', retryAfterMs: BUSY_RETRY_MS } as const;
      const timeout = kernel.after(CALL_TIMEOUT_MS, () => answer(busy));
      const key = `${from.address}>${address}`;
      const dueMs = Math.max(kernel.nowMs + this.delayMs(), this.#lastCallDueMs.get(key) ?? 0); // one connection: in order
      this.#lastCallDueMs.set(key, dueMs);
      kernel.after(dueMs - kernel.nowMs, () => {
        if (!to || to.process.state === 'dead') {
          answer(busy);
          return;
        }
        if (this.blocked(from, to.place)) {
          this.heldByPartition++;
          return;
        }
        to.process.deliver(() => {
          void to.intake.offer(batch).then((outcome) => {
            kernel.after(this.delayMs(), () => {
              if (!this.blocked(to.place, from)) answer(outcome);
              else this.heldByPartition++;
            });
          });
        });
      });
    });
  }
}
