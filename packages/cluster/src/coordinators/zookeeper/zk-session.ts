// SPDX-License-Identifier: Apache-2.0
// One ZooKeeper session over node-zookeeper-client 1.1.3, guarded against that library's faults. It reaches into private
// fields (`connectionManager`), so the version is pinned and the tests run against a real server.
//
//   fault of the library                                     what is done here
//   no read timeout: a frozen server looks healthy           a probe every timeout/6; no answer for 2/3 timeout cuts the socket
//   a handshake that is never answered hangs for ever        a socket that is not connected after 1/3 timeout is cut
//   half a frame is kept across a cut, read as EXPIRED       the kept bytes are dropped at each disconnect
//   a frame it cannot parse throws out of the socket event   caught; the socket is cut
//   dead after expiry                                        one client per session, never reused
//   calls queue without limit while disconnected             refused while not connected; each call has a deadline
//   existence watches do not fire on deletion                data watches are used
//
// Our own clock is the judge: a session that was not proven alive for its timeout is lost, whatever the library says.
import { OapError, type Cancel, type Clock } from '@oap-federation/runtime';
import zookeeper, { type Client, type Exception, type Stat } from 'node-zookeeper-client';
import type { Socket } from 'node:net';
import type { CoordinationSession, Entry, KeyMode, SessionState } from '../../kernel.js';

const { createClient, CreateMode, Exception: Codes } = zookeeper;

/** lib/ConnectionManager.js of node-zookeeper-client 1.1.3, as far as it is touched here. */
interface ConnectionManager {
  state: number;
  socket?: Socket;
  pendingBuffer: Buffer | null;
  on(event: 'state', listener: (state: number) => void): void;
  connect: (this: ConnectionManager) => void;
  findNextServer: (this: ConnectionManager, callback: (server: unknown) => void) => void;
  onSocketData: (this: ConnectionManager, data: Buffer) => void;
}

/** STATES of lib/ConnectionManager.js. */
const Wire = { disconnected: 0, connected: 2, expired: -3, authFailed: -4 } as const;

/** An answer of the server that is an error, with ZooKeeper's code. */
class ZkAnswer extends Error {
  readonly code: number;
  constructor(cause: Error | Exception, code: number) {
    super(`ZooKeeper answered ${String(cause)}`, { cause });
    this.code = code;
  }
}

export interface ZkSessionOptions {
  /** host:port, comma separated, with an optional /chroot at the end. */
  readonly hostPort: string;
  /** Asked for; the server clamps it to [2, 20] of its ticks. */
  readonly sessionTimeoutMs: number;
}

export class ZkSession implements CoordinationSession {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #client: Client;
  readonly #wire: ConnectionManager;
  readonly #listeners = new Set<(state: SessionState) => void>();
  /** Rejects every call in flight. */
  readonly #inFlight = new Set<(error: OapError) => void>();
  #state: SessionState | 'connecting' = 'connecting';
  /** Negotiated once connected. */
  #timeoutMs: number;
  /** When the last request that was answered was sent: the server renewed the session at that time or later. */
  #provenMs: number;
  #probing = false;
  /** The socket last seen and since when, to notice one that does not get anywhere. */
  #socket: Socket | undefined;
  #socketSinceMs = 0;
  #cancelTick: Cancel = () => {};

  private constructor(options: ZkSessionOptions, clock: Clock) {
    this.#clock = clock;
    this.#name = `zookeeper ${options.hostPort}`;
    this.#timeoutMs = options.sessionTimeoutMs;
    this.#provenMs = clock.monotonicMs();
    this.#client = createClient(options.hostPort, {
      sessionTimeout: options.sessionTimeoutMs,
      spinDelay: Math.max(10, options.sessionTimeoutMs / 10),
      retries: 0, // who calls us knows whether a retry is safe
    });
    this.#wire = (this.#client as unknown as { connectionManager: ConnectionManager }).connectionManager;
    this.#guardWire();
  }

  /** Errors: OAP-3001 when not connected within twice the timeout or `signal` aborts; nothing is left behind. */
  static async open(options: ZkSessionOptions, clock: Clock, signal: AbortSignal): Promise<ZkSession> {
    const session = new ZkSession(options, clock);
    const timer = new AbortController();
    const giveUp = AbortSignal.any([signal, timer.signal]);
    const connected = new Promise<void>((resolve) => session.onState(() => resolve()));
    session.#client.connect();
    session.#tick();
    await Promise.race([connected, clock.sleep(2 * options.sessionTimeoutMs, giveUp)]);
    timer.abort();
    if (session.#state === 'connected') return session;
    session.#end('closed');
    throw new OapError('OAP-3001', { coordinator: session.#name });
  }

  get state(): SessionState {
    return this.#state === 'connecting' ? 'suspended' : this.#state;
  }

  onState(listener: (state: SessionState) => void): Cancel {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async create(key: string, data: string, mode: KeyMode): Promise<{ readonly key: string } | 'exists' | 'noParent'> {
    try {
      const created = await this.#call<string>((done) => {
        this.#client.create(key, Buffer.from(data), modes[mode], done);
      });
      return { key: created };
    } catch (error) {
      if (isAnswer(error, Codes.NODE_EXISTS)) return 'exists';
      if (isAnswer(error, Codes.NO_NODE)) return 'noParent';
      throw error;
    }
  }

  async get(key: string, changed?: () => void): Promise<Entry | undefined> {
    try {
      return await this.#call<Entry>((done) => {
        const answer = (error: Error | Exception | null, data?: Buffer | null, stat?: Stat) =>
          done(
            error,
            stat && { data: data?.toString() ?? '', version: stat.version, created: stat.czxid.readBigInt64BE() },
          );
        if (changed === undefined) this.#client.getData(key, answer);
        else this.#client.getData(key, changed, answer);
      });
    } catch (error) {
      if (isAnswer(error, Codes.NO_NODE)) return undefined;
      throw error;
    }
  }

  async put(key: string, data: string, version: number): Promise<number | 'conflict' | 'absent'> {
    try {
      const stat = await this.#call<Stat>((done) => this.#client.setData(key, Buffer.from(data), version, done));
      return stat.version;
    } catch (error) {
      if (isAnswer(error, Codes.BAD_VERSION)) return 'conflict';
      if (isAnswer(error, Codes.NO_NODE)) return 'absent';
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await this.#call<true>((done) => this.#client.remove(key, (error) => done(error, true)));
    } catch (error) {
      if (!isAnswer(error, Codes.NO_NODE)) throw error;
    }
  }

  async children(key: string, changed?: () => void): Promise<readonly string[] | undefined> {
    try {
      return await this.#call<string[]>((done) => {
        if (changed === undefined) this.#client.getChildren(key, done);
        else this.#client.getChildren(key, changed, done);
      });
    } catch (error) {
      if (isAnswer(error, Codes.NO_NODE)) return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'connected') {
      // Say goodbye, so that the ephemeral keys go now; without an answer they go at the timeout.
      const socket = this.#wire.socket;
      const timer = new AbortController();
      const gone = new Promise<void>((resolve) => socket?.once('close', () => resolve()));
      this.#become('closed');
      this.#client.close();
      await Promise.race([gone, this.#clock.sleep(Math.min(1_000, this.#timeoutMs), timer.signal)]);
      timer.abort();
    }
    this.#end('closed');
  }

  #guardWire(): void {
    const wire = this.#wire;
    wire.on('state', (state) => {
      // The manager's own event, not the client's: the client does not tell of a cut during the handshake.
      if (state === Wire.disconnected) {
        wire.pendingBuffer = null;
        if (this.#state === 'connected') this.#become('suspended');
      } else if (state === Wire.connected) {
        if (this.#state !== 'connecting' && this.#state !== 'suspended') return;
        this.#timeoutMs = this.#client.getSessionTimeout();
        this.#provenMs = Math.max(this.#provenMs, this.#socketSinceMs); // the handshake was sent on this socket
        this.#probing = false;
        this.#become('connected');
      } else if (state === Wire.expired || state === Wire.authFailed) {
        this.#end('lost');
      }
    });
    // Instance properties shadow the prototype's methods; the library looks them up at each use.
    const { connect, findNextServer, onSocketData } = wire;
    wire.connect = () => {
      if (!this.#isOver) connect.call(wire);
    };
    wire.findNextServer = (callback) =>
      findNextServer.call(wire, (server) => {
        if (this.#isOver) return;
        this.#socketSinceMs = this.#clock.monotonicMs();
        callback(server);
        this.#socket = wire.socket;
      });
    wire.onSocketData = (data) => {
      try {
        onSocketData.call(wire, data);
      } catch {
        wire.socket?.destroy(); // not a frame of ZooKeeper's: the library reconnects
      }
    };
  }

  get #isOver(): boolean {
    return this.#state === 'lost' || this.#state === 'closed';
  }

  /** Every sixth of the timeout: judge, cut what hangs, probe. */
  #tick(): void {
    if (this.#isOver) return;
    const now = this.#clock.monotonicMs();
    const silentMs = now - this.#provenMs;
    if (this.#state !== 'connecting' && silentMs >= this.#timeoutMs) {
      this.#end('lost');
      return;
    }
    if (this.#state === 'connected') {
      if (silentMs >= (this.#timeoutMs * 2) / 3) this.#wire.socket?.destroy();
      else this.#probe(now);
    } else if (this.#socket !== undefined && now - this.#socketSinceMs >= this.#timeoutMs / 3) {
      // a third, so that one swallowed handshake after a cut still leaves time for another within the session
      this.#socketSinceMs = now;
      this.#socket.destroy();
    }
    this.#cancelTick = this.#clock.after(this.#timeoutMs / 6, () => this.#tick());
  }

  #probe(sentMs: number): void {
    if (this.#probing) return;
    this.#probing = true;
    this.#client.exists('/', (error) => {
      this.#probing = false;
      if (error === null || error === undefined) this.#provenMs = Math.max(this.#provenMs, sentMs);
    });
  }

  #call<T>(invoke: (done: (error: Error | Exception | null, value: T | undefined) => void) => void): Promise<T> {
    if (this.#state !== 'connected') {
      return Promise.reject(new OapError(this.#isOver ? 'OAP-3002' : 'OAP-3001', { coordinator: this.#name }));
    }
    return new Promise<T>((resolve, reject) => {
      const sentMs = this.#clock.monotonicMs();
      const settle = () => {
        cancelDeadline();
        this.#inFlight.delete(fail);
      };
      const fail = (error: OapError) => {
        settle();
        reject(error);
      };
      const cancelDeadline = this.#clock.after((this.#timeoutMs * 2) / 3, () => {
        fail(new OapError('OAP-3001', { coordinator: this.#name }, { cause: new Error('no answer in time') }));
      });
      this.#inFlight.add(fail);
      invoke((error, value) => {
        if (!this.#inFlight.has(fail)) return; // overdue
        settle();
        const code =
          error === null || error === undefined ? Codes.OK : 'code' in error ? Number(error.code) : Number.NaN;
        if (code === Codes.OK) {
          this.#provenMs = Math.max(this.#provenMs, sentMs);
          resolve(value as T);
        } else if (code === Codes.CONNECTION_LOSS || code === Codes.SESSION_EXPIRED) {
          const lost = code === Codes.SESSION_EXPIRED ? 'OAP-3002' : 'OAP-3001';
          reject(new OapError(lost, { coordinator: this.#name }, { cause: error }));
        } else {
          reject(new ZkAnswer(error ?? new Error('no answer'), code));
        }
      });
    });
  }

  #become(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  /** Final: nothing of the library goes on after this. */
  #end(state: 'lost' | 'closed'): void {
    if (!this.#isOver) this.#become(state);
    this.#cancelTick();
    this.#wire.socket?.destroy();
    for (const fail of this.#inFlight) fail(new OapError('OAP-3002', { coordinator: this.#name }));
  }
}

const modes: Readonly<Record<KeyMode, number>> = {
  persistent: CreateMode.PERSISTENT,
  ephemeral: CreateMode.EPHEMERAL,
  ephemeralSequential: CreateMode.EPHEMERAL_SEQUENTIAL,
};

function isAnswer(error: unknown, code: number): boolean {
  return error instanceof ZkAnswer && error.code === code;
}
