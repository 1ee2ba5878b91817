// SPDX-License-Identifier: Apache-2.0
// Logging: one small port over pino. Records go in as (fields, message); one JSON line each comes out.
import { destination as openDestination, pino, stdTimeFunctions, type DestinationStream } from 'pino';
import type { Clock } from './clock.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** Where log records go. Put an error under the field `err`: its code, stack and causes are written out. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds `bindings` to every record. */
  child(bindings: LogFields): Logger;
}

export interface LoggerOptions {
  readonly level: LogLevel | 'silent';
  /** `stdout`, `stderr`, the path of a file to append to, or anything with `write(line)`. */
  readonly destination: string | DestinationStream;
}

// A secret that slips into the fields of a record is masked, one level deep.
const SECRET_FIELDS = ['password', 'token', 'tokens', 'authentication', 'authorization'];

/** Opens a logger; writes are synchronous, so the last line before a crash is on disk. */
export function openLogger({ level, destination }: LoggerOptions): Logger {
  const stream = typeof destination === 'string' ? openDestination(fileOf(destination)) : destination;
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '***' },
    },
    stream,
  );
}

function fileOf(name: string): { dest: string | number; sync: true; mkdir?: true } {
  if (name === 'stdout') return { dest: 1, sync: true };
  if (name === 'stderr') return { dest: 2, sync: true };
  return { dest: name, sync: true, mkdir: true };
}

/** Drops every record; for tests and for code that is run as a library. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** Writes at most one record per key per period; the next one says how many were held back. */
export interface RateLimitedLogger {
  warn(key: string, fields: LogFields, message: string): void;
  error(key: string, fields: LogFields, message: string): void;
}

// Keys are code names with a peer or a table at most; beyond this many the oldest key is forgotten.
const RATE_LIMIT_KEYS_MAX = 1000;

/** For events that may come a thousand times a second (a bad peer, a full disk): one line per `key` per `periodMs`. */
export function rateLimited(logger: Logger, clock: Clock, periodMs: number): RateLimitedLogger {
  const keys = new Map<string, { untilMs: number; suppressed: number }>();
  const write = (level: 'warn' | 'error', key: string, fields: LogFields, message: string) => {
    const nowMs = clock.monotonicMs();
    const seen = keys.get(key);
    if (seen !== undefined && nowMs < seen.untilMs) {
      seen.suppressed++;
      return;
    }
    logger[level](
      seen !== undefined && seen.suppressed > 0 ? { ...fields, suppressed: seen.suppressed } : fields,
      message,
    );
    keys.delete(key); // re-inserted at the end: the Map's order is the order of the last line
    keys.set(key, { untilMs: nowMs + periodMs, suppressed: 0 });
    if (keys.size > RATE_LIMIT_KEYS_MAX) keys.delete(keys.keys().next().value!);
  };
  return {
    warn: (key, fields, message) => write('warn', key, fields, message),
    error: (key, fields, message) => write('error', key, fields, message),
  };
}
