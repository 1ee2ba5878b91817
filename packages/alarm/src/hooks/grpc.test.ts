// SPDX-License-Identifier: Apache-2.0
// Goal: the gRPC hook speaks SkyWalking's protocol, and tells refusals from failures that pass. Method: a grpc-js server that is given
// bytes, and a decoder of its own.
import { createServer } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { systemClock, type Clock } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { HookTarget } from '../hook.js';
import { openTestHook, testMessage, testRecovery } from '../testing.js';
import { HOOK_TIMEOUT_MS } from './http.js';

const signal = new AbortController().signal;
const KEY = 'd1';
const firing = testMessage();
const recovered = testRecovery(firing);
const TEXT = `it's "bad" <b>& [incomplete, missing: cloud-n]`;

describe('gRPC', () => {
  const opened: HookTarget[] = [];
  afterEach(() => {
    for (const target of opened.splice(0)) target.close();
  });
  const open = (port: number, clock: Clock = systemClock) => {
    opened.push(...openTestHook('gRPC', `{ target-host: 127.0.0.1, target-port: ${port} }`, clock));
    return opened.at(-1)!;
  };

  const raw = { serialize: (b: Buffer) => b, deserialize: (b: Buffer) => b };
  const method = (path: string) => ({
    path,
    requestStream: true,
    responseStream: false,
    requestSerialize: raw.serialize,
    requestDeserialize: raw.deserialize,
    responseSerialize: raw.serialize,
    responseDeserialize: raw.deserialize,
  });

  /** Fields by number, as they are on the wire: varints as numbers, the rest as bytes. */
  function fieldsOf(bytes: Buffer): Record<number, (number | Buffer)[]> {
    const fields: Record<number, (number | Buffer)[]> = {};
    let at = 0;
    const varint = () => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++]!;
        value += (byte & 127) * scale;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const tag = varint();
      const length = (tag & 7) === 0 ? undefined : varint();
      const value = length === undefined ? varint() : bytes.subarray(at, (at += length));
      (fields[tag >>> 3] ??= []).push(value);
    }
    return fields;
  }

  async function serve(handler: grpc.handleClientStreamingCall<Buffer, Buffer>, recovery = handler) {
    const server = new grpc.Server();
    const service = {
      doAlarm: method('/AlarmService/doAlarm'),
      doAlarmRecovery: method('/AlarmService/doAlarmRecovery'),
    };
    server.addService(service, { doAlarm: handler, doAlarmRecovery: recovery });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return { port, stop: () => server.forceShutdown() };
  }

  it('streams alarms and recoveries with the fields of the protocol, and the key as metadata', async () => {
    const seen: { what: string; key: unknown; fields: ReturnType<typeof fieldsOf> }[] = [];
    const take =
      (what: string): grpc.handleClientStreamingCall<Buffer, Buffer> =>
      (call, callback) => {
        call.on('data', (bytes: Buffer) =>
          seen.push({ what, key: call.metadata.get('idempotency-key')[0], fields: fieldsOf(bytes) }),
        );
        call.on('end', () => callback(null, Buffer.alloc(0)));
      };
    const server = await serve(take('alarm'), take('recovery'));
    const target = open(server.port);
    expect([target.wants(firing), target.wants(recovered)]).toEqual([true, true]);
    await target.send(firing, KEY, signal);
    await target.send(recovered, 'd2', signal);
    const text = (fields: ReturnType<typeof fieldsOf>, n: number) => String(fields[n]?.[0] ?? '');
    expect(seen.map(({ what, key }) => [what, key])).toEqual([
      ['alarm', KEY],
      ['recovery', 'd2'],
    ]);
    for (const { fields } of seen) {
      expect([fields[1], fields[8]]).toEqual([[1], [firing.startTime]]);
      expect([2, 3, 4, 5, 6, 7, 10].map((n) => text(fields, n))).toEqual([
        'SERVICE',
        'frontend',
        'ZnJvbnRlbmQ=.1',
        '',
        'cpm_rule',
        TEXT,
        'u-1',
      ]);
      const [tag] = fieldsOf(fields[9]![0] as Buffer)[1]!;
      const pair = fieldsOf(tag as Buffer);
      expect([text(pair, 1), text(pair, 2)]).toEqual(['level', 'CRITICAL']);
    }
    expect(seen.map(({ fields }) => fields[11])).toEqual([undefined, [recovered.recovery!.timeMs]]);
    server.stop();
  });

  it('tells refusals from failures that pass, and does not wait for ever', async () => {
    let code: grpc.status | undefined;
    let reached = () => {};
    const server = await serve((call, callback) => {
      call.resume();
      call.on('end', () => (code === undefined ? reached() : callback({ code, details: 'because' })));
    });
    const clock = new VirtualClock();
    const target = open(server.port, clock);
    const failure = () => target.send(firing, KEY, signal).catch((thrown: unknown) => thrown as Error);
    for (const refused of [grpc.status.INVALID_ARGUMENT, grpc.status.UNIMPLEMENTED, grpc.status.UNAUTHENTICATED]) {
      code = refused;
      expect(await failure()).toMatchObject({
        name: 'HookRefused',
        message: `127.0.0.1:${server.port} answered ${refused}: because`,
      });
    }
    for (const passing of [grpc.status.UNAVAILABLE, grpc.status.INTERNAL, grpc.status.RESOURCE_EXHAUSTED]) {
      code = passing;
      expect(await failure()).toMatchObject({ name: 'Error' });
    }
    code = undefined;
    const waiting = new Promise<void>((resolve) => (reached = resolve));
    const sending = failure();
    await waiting;
    await clock.advance(HOOK_TIMEOUT_MS);
    expect(await sending).toMatchObject({ message: `127.0.0.1:${server.port}: no answer within 12000 ms` });
    server.stop();
    expect(await failure()).toMatchObject({ name: 'Error' });
  });

  it('a port where something else listens fails, and is tried again', async () => {
    const silent = createServer((socket) => socket.end('hello\n'));
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, '127.0.0.1', () => resolve((silent.address() as { port: number }).port));
    });
    const target = open(port);
    await expect(target.send(firing, KEY, signal)).rejects.toMatchObject({ name: 'Error' });
    silent.close();
  });
});
