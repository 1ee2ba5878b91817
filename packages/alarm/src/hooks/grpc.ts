// SPDX-License-Identifier: Apache-2.0
// gRPC: SkyWalking's AlarmService. One call per message: alarms to doAlarm, ends of incidents to doAlarmRecovery.
import * as grpc from '@grpc/grpc-js';
import { ALARM_PATH, ALARM_RECOVERY_PATH, encodeHookAlarm, encodeHookRecovery } from '@oap-federation/wire';
import { HookRefused } from '../hook.js';
import type { AlarmMessage } from '../message.js';
import { withTimeout } from './http.js';
import { wantsAll, type HookKind } from './kind.js';
import { textOf } from './text.js';

/** The receiver understood, and will say the same again. */
const REFUSALS = new Set([
  grpc.status.INVALID_ARGUMENT,
  grpc.status.UNIMPLEMENTED,
  grpc.status.PERMISSION_DENIED,
  grpc.status.UNAUTHENTICATED,
  grpc.status.OUT_OF_RANGE,
]);

/** The deliverer waits between attempts; the channel must not wait for longer than it does. */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 500, 'grpc.max_reconnect_backoff_ms': 10_000 };

export const gRPC: HookKind = (reader) => {
  const host = reader.required('target-host');
  const port = reader.integer('target-port', [1, 65_535]);
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return ({ clock }) => {
    let client: grpc.Client | undefined;
    const target = {
      address,
      wants: wantsAll,
      async send(message: AlarmMessage, key: string, signal: AbortSignal) {
        client ??= new grpc.Client(address, grpc.credentials.createInsecure(), RECONNECT);
        const connected = client;
        await withTimeout(address, signal, clock, (ended) => call(connected, message, key, ended)).catch(
          (error: Error) => {
            const { code, details } = error.cause as Partial<grpc.ServiceError>;
            if (code !== undefined && REFUSALS.has(code))
              throw new HookRefused(`${address} answered ${code}: ${details}`);
            throw error;
          },
        );
      },
      close: () => client?.close(),
    };
    return [target];
  };
};

function call(client: grpc.Client, message: AlarmMessage, key: string, signal: AbortSignal): Promise<void> {
  const { recovery, ...rest } = message;
  // the text says what fields of SkyWalking's message cannot
  const alarm = { ...rest, alarmMessage: textOf(message) };
  const bytes = recovery ? encodeHookRecovery(alarm, recovery.timeMs) : encodeHookAlarm(alarm);
  const metadata = new grpc.Metadata();
  metadata.set('idempotency-key', key);
  return new Promise((resolve, reject) => {
    const stream = client.makeClientStreamRequest<Uint8Array, Uint8Array>(
      recovery ? ALARM_RECOVERY_PATH : ALARM_PATH,
      (sent) => Buffer.from(sent),
      (answer) => answer, // Response has no fields
      metadata,
      (error) => {
        signal.removeEventListener('abort', cancel);
        if (error) reject(error);
        else resolve();
      },
    );
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    stream.end(bytes);
  });
}
