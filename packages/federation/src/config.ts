// SPDX-License-Identifier: Apache-2.0
// Settings of the forwarder and the receiver: what the composition root must say, and the defaults of the rest with reasons.
import type { LogLimits } from './log-sender.js';
import type { StreamLimits } from './stream-sender.js';

export interface ForwarderConfig {
  readonly tier: string;
  readonly slots: number;
  /** Unique per process. */
  readonly instanceId: string;
  readonly token: string;
  readonly queueCapacityBatches: number;
  readonly queueCapacityBytes: number;
  /** How much of one slot's outbox is read at once, about. */
  readonly fetchBytes: number;
  readonly log: LogLimits;
  readonly stream: StreamLimits;
}

const MIB = 1_048_576;
// Sender and receiver notice a dead peer within three heartbeats.
const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** Larger batches are refused on both sides: a receiver holds at most one of them per stream beyond its credit. */
const MAX_BATCH_BYTES = 64 * MIB;

export function forwarderConfig(
  given: Pick<ForwarderConfig, 'tier' | 'slots' | 'instanceId' | 'token'> & Partial<ForwarderConfig>,
): ForwarderConfig {
  return {
    queueCapacityBatches: 64,
    queueCapacityBytes: 8 * MIB,
    fetchBytes: MIB, // one frame's worth per read: 16 slots catching up hold 16 MiB
    log: {
      windowBatches: 16, // 160 batches a second over a 100 ms link, for one slot
      windowBytes: MIB / 2, // 16 slots that catch up with small batches fill a receiver's credit of 8 MiB
      maxBatchBytes: MAX_BATCH_BYTES,
      backoff: { baseMs: 30, maxMs: 5_000 }, // the range of Prometheus' remote write
      stoppedRetryMs: 60_000,
      idleOfferMs: 90_000, // each minute that is sealed is news, so only a silent slot gets there
    },
    stream: {
      heartbeatMs: HEARTBEAT_MS,
      silenceMs: SILENCE_MS,
      connectTimeoutMs: 10_000,
      backoff: { baseMs: 100, maxMs: 5_000 },
      refusedRetryMs: 30_000,
      settledMs: 10_000,
    },
    ...given,
  };
}

export interface ReceiverConfig {
  readonly tier: string;
  readonly slots: number;
  readonly instanceId: string;
  /** host:port under which other nodes reach this one. */
  readonly address: string;
  /** Tier name to token; empty lets any tier in. */
  readonly tokens: Readonly<Record<string, string>>;
  /** What one stream may have in flight. */
  readonly creditBytes: number;
  readonly maxFrameBytes: number;
  readonly maxBatchBytes: number;
  readonly maxDictionaryEntries: number;
  /** Streams at once; more are refused as UNAVAILABLE. */
  readonly maxStreams: number;
  readonly heartbeatMs: number;
  readonly silenceMs: number;
}

export function receiverConfig(
  given: Pick<ReceiverConfig, 'tier' | 'slots' | 'instanceId' | 'address'> & Partial<ReceiverConfig>,
): ReceiverConfig {
  return {
    tokens: {},
    creditBytes: 8 * MIB, // 80 MiB/s over a 100 ms link
    maxFrameBytes: 4 * MIB,
    maxBatchBytes: MAX_BATCH_BYTES,
    // at most 64 MiB of descriptors per stream, of usual names 10; a sender that names more sends all descriptors again and again
    maxDictionaryEntries: 262_144,
    maxStreams: 1_024,
    heartbeatMs: HEARTBEAT_MS,
    silenceMs: SILENCE_MS,
    ...given,
  };
}
