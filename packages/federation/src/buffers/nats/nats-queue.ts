// SPDX-License-Identifier: Apache-2.0
// The message queue over NATS JetStream: lanes are subjects, consumers are durable, acknowledgements explicit. In and out: bytes of
// messages. The client is loaded when it is first needed. Streams and consumers are made when they are missing, also after the server
// lost its data; a server that is away is waited for, and publishing to it fails meanwhile.
//
// Streams of an upstream tier T: OAPF-T-up (oapf.T.up.<slot>, a work queue: what is done is gone) and OAPF-T-down
// (oapf.T.down.<tier>.<slot>, the last answers of each). A dot in a tier's name is written as a colon.
import type { JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  messageOf,
  rateLimited,
  type Clock,
  type Counter,
  type Logger,
  type MetricRegistry,
  type RateLimitedLogger,
} from '@oap-federation/runtime';
import type { Delivery, Lane, MessageQueue } from '../queue/queue.js';

export interface NatsQueueOptions {
  /** host:port each. */
  readonly servers: readonly string[];
  /** Token of the NATS server; empty for none. */
  readonly token: string;
  /** Shown in the server's list of connections. */
  readonly name: string;
  /** What the stream of batches may hold, which the server reserves; a full one refuses, and what is refused stays in the outbox. */
  readonly streamMaxBytes: number;
}

export interface NatsQueueDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry?: MetricRegistry;
}

/** Below the default max_payload of a server, 1 MiB, with room for headers. */
const MESSAGE_BYTES_MAX = 768 * 1024;
const ACK_WAIT_MS = 15_000; // unfinished messages of a consumer that died go to the next after it; held ones are renewed
const UNFINISHED_MAX = 256;
const PUBLISH_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;
const ANSWERS_PER_SLOT = 64; // the newest matter; a sender asks again for what it missed
const ANSWERS_BYTES_MAX = 32 * 1024 * 1024; // a server reserves what a stream may hold
const DEDUP_WINDOW_MS = 120_000;

/** Returns at once: the connection is made, and made again, in the background. */
export function openNatsQueue(options: NatsQueueOptions, deps: NatsQueueDeps): MessageQueue {
  return new NatsQueue(options, deps);
}

interface Connected {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

class NatsQueue implements MessageQueue {
  readonly bytesMax = MESSAGE_BYTES_MAX;
  readonly #options: NatsQueueOptions;
  readonly #deps: NatsQueueDeps;
  readonly #warnings: RateLimitedLogger;
  readonly #closed = new AbortController();
  readonly #connected: Promise<Connected>;
  readonly #streams = new Map<string, Promise<void>>();
  readonly #consuming = new Set<Promise<void>>();
  readonly #errors: Readonly<Record<'connect' | 'publish' | 'consume', Counter>> | undefined;

  constructor(options: NatsQueueOptions, deps: NatsQueueDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#warnings = rateLimited(deps.logger, deps.clock, 30_000);
    const { telemetry } = deps;
    const failed = (operation: string) =>
      telemetry!.counter('fed_queue_errors_total', 'Calls to the NATS servers that failed.', { operation });
    this.#errors = telemetry && {
      connect: failed('connect'),
      publish: failed('publish'),
      consume: failed('consume'),
    };
    this.#connected = this.#connect();
    this.#connected.catch(() => {}); // whoever uses it hears of it
  }

  async #connect(): Promise<Connected> {
    const [{ connect }, { jetstream, jetstreamManager }] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
    ]);
    const { servers, token, name } = this.#options;
    const { signal } = this.#closed;
    for (;;) {
      if (signal.aborted) throw new Error('the queue is closed');
      try {
        const connection = await connect({
          servers: [...servers],
          name,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 250,
          ...(token === '' ? {} : { token }),
        });
        // no check at open: JetStream may be away for a moment, and publishing says so
        const manager = await jetstreamManager(connection, { checkAPI: false });
        if (signal.aborted) await connection.close();
        return { connection, client: jetstream(connection), manager };
      } catch (error) {
        this.#errors?.connect.inc();
        this.#warnings.warn(
          'connect',
          { error: messageOf(error), servers },
          'the NATS servers cannot be reached, trying again',
        );
        await this.#deps.clock.sleep(RETRY_MS, signal);
      }
    }
  }

  async publish(lane: Lane, id: string, bytes: Uint8Array): Promise<void> {
    const { client, manager } = await this.#connected;
    const stream = streamOf(lane);
    try {
      await this.#ensureStream(manager, lane);
      await client.publish(subjectOf(lane), bytes, { msgID: id, timeout: PUBLISH_TIMEOUT_MS });
    } catch (error) {
      this.#errors?.publish.inc();
      this.#streams.delete(stream); // it may be gone with the server's data
      throw error;
    }
  }

  #ensureStream(manager: JetStreamManager, lane: Lane): Promise<void> {
    const name = streamOf(lane);
    let made = this.#streams.get(name);
    if (made === undefined) {
      made = this.#addStream(manager, lane, name);
      this.#streams.set(name, made);
      made.catch(() => this.#streams.delete(name));
    }
    return made;
  }

  async #addStream(manager: JetStreamManager, lane: Lane, name: string): Promise<void> {
    const { DiscardPolicy, RetentionPolicy, StorageType } = await import('@nats-io/jetstream');
    const root = `oapf.${tierToken(lane.upstream)}.${lane.kind}`;
    const common = { name, storage: StorageType.File };
    const { streamMaxBytes } = this.#options;
    try {
      await manager.streams.info(name);
      return; // as an administrator made or changed it
    } catch {
      // missing, or the server is away: making it says which
    }
    if (lane.kind === 'up') {
      await manager.streams.add({
        ...common,
        subjects: [`${root}.*`],
        retention: RetentionPolicy.Workqueue,
        discard: DiscardPolicy.New,
        max_bytes: streamMaxBytes,
        duplicate_window: DEDUP_WINDOW_MS * 1e6,
      });
    } else {
      await manager.streams.add({
        ...common,
        subjects: [`${root}.*.*`],
        retention: RetentionPolicy.Limits,
        discard: DiscardPolicy.Old,
        max_bytes: Math.min(streamMaxBytes, ANSWERS_BYTES_MAX),
        max_msgs_per_subject: ANSWERS_PER_SLOT,
      });
    }
  }

  consume(lane: Lane, handle: (delivery: Delivery) => void): () => void {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#closed.signal]);
    const running = this.#consume(lane, handle, signal).finally(() => this.#consuming.delete(running));
    this.#consuming.add(running);
    return () => stop.abort();
  }

  async #consume(lane: Lane, handle: (delivery: Delivery) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#consumeOnce(lane, handle, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#errors?.consume.inc();
        this.#streams.delete(streamOf(lane));
        this.#warnings.warn(
          'consume',
          { error: messageOf(error), subject: subjectOf(lane) },
          'the queue cannot be read, trying again',
        );
      }
      await this.#deps.clock.sleep(RETRY_MS, signal);
    }
  }

  async #consumeOnce(lane: Lane, handle: (delivery: Delivery) => void, signal: AbortSignal): Promise<void> {
    const { AckPolicy, DeliverPolicy } = await import('@nats-io/jetstream');
    const { client, manager } = await this.#connected;
    await this.#ensureStream(manager, lane);
    const stream = streamOf(lane);
    const durable = lane.kind === 'up' ? `slot-${lane.slot}` : `${tierToken(lane.tier)}-${lane.slot}`;
    await manager.consumers.add(stream, {
      durable_name: durable,
      filter_subject: subjectOf(lane),
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_MS * 1e6,
      max_ack_pending: UNFINISHED_MAX,
    });
    const consumer = await client.consumers.get(stream, durable);
    const messages = await consumer.consume({
      max_messages: UNFINISHED_MAX,
      expires: 5_000,
      idle_heartbeat: 1_000,
      abort_on_missing_resource: true,
    });
    const close = () => void messages.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      if (signal.aborted) close();
      for await (const message of messages) {
        if (signal.aborted) message.nak();
        else handle(deliveryOf(message));
      }
    } finally {
      signal.removeEventListener('abort', close);
      await messages.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    const connected = await this.#connected.catch(() => undefined);
    await Promise.allSettled(this.#consuming);
    await connected?.connection.close();
  }
}

function deliveryOf(message: JsMsg): Delivery {
  return {
    bytes: message.data,
    done: () => message.ack(),
    later: (ms) => message.nak(ms),
    working: () => message.working(),
  };
}

/** Tier names have no colon, subjects no dot inside a token. */
function tierToken(tier: string): string {
  return tier.replaceAll('.', ':');
}

function streamOf({ upstream, kind }: Lane): string {
  return `OAPF-${tierToken(upstream)}-${kind}`;
}

function subjectOf(lane: Lane): string {
  const root = `oapf.${tierToken(lane.upstream)}.${lane.kind}`;
  return lane.kind === 'up' ? `${root}.${lane.slot}` : `${root}.${tierToken(lane.tier)}.${lane.slot}`;
}
