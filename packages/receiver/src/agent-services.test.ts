// SPDX-License-Identifier: Apache-2.0
// Goal: every service of agents answers as SkyWalking's does, refuses what it must with the status that agents know, and survives
// hostile bytes. Method: a real server and real grpc-js clients that send raw bytes, so nothing is checked on the way out.
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { MetricRegistry, silentLogger, systemClock } from '@oap-federation/runtime';
import { segmentCodec } from '@oap-federation/wire';
import {
  agentServices,
  defaultAnalysisLimits,
  openAgentReceiver,
  openGrpcServer,
  type AgentReceiverOptions,
  type AgentServicesDeps,
  type GrpcServer,
  type InstanceReport,
} from './index.js';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

interface Harness {
  readonly server: GrpcServer;
  readonly telemetry: MetricRegistry;
  readonly scopes: string[];
  readonly reports: InstanceReport[];
}

async function open(
  options: Partial<AgentReceiverOptions> = {},
  deps: Partial<AgentServicesDeps> = {},
): Promise<Harness> {
  const telemetry = new MetricRegistry();
  const scopes: string[] = [];
  const reports: InstanceReport[] = [];
  const server = await openAgentReceiver(
    {
      host: '127.0.0.1',
      port: 0,
      authentication: '',
      maxMessageSizeBytes: 1 << 20,
      maxConcurrentCallsPerConnection: 0,
      limits: defaultAnalysisLimits(),
      stopDeadlineMs: 300,
      ...options,
    },
    {
      clock: systemClock,
      logger: silentLogger,
      telemetry,
      sources: { receive: (r) => void scopes.push(r.scope) },
      onInstanceProperties: (report) => reports.push(report),
      ...deps,
    },
  );
  opened.push({ close: () => server.stop() });
  return { server, telemetry, scopes, reports };
}

function clientOf(server: GrpcServer): Client {
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  opened.push(client);
  return client;
}

interface Outcome {
  readonly code: status;
  readonly bytes?: Buffer | undefined;
}
const raw = (bytes: Buffer) => bytes;
const outcome = (done: (o: Outcome) => void) => (error: ServiceError | null, bytes?: Buffer) =>
  done(error ? { code: error.code } : { code: status.OK, bytes });

function token(value?: string): Metadata {
  const metadata = new Metadata();
  if (value !== undefined) metadata.set('Authentication', value);
  return metadata;
}

function unary(client: Client, path: string, body: Buffer, authentication?: string): Promise<Outcome> {
  return new Promise(
    (done) => void client.makeUnaryRequest(path, raw, raw, body, token(authentication), outcome(done)),
  );
}

function stream(client: Client, path: string, bodies: readonly Buffer[], authentication?: string): Promise<Outcome> {
  return new Promise((done) => {
    const call = client.makeClientStreamRequest(path, raw, raw, token(authentication), outcome(done));
    call.on('error', () => {});
    for (const body of bodies) call.write(body);
    call.end();
  });
}

const entrySegment = (service = 'shop') => {
  const startTime = systemClock.now();
  return segmentCodec.encode({ service, spans: [{ operationName: '/a', startTime, endTime: startTime }] });
};
const sized = (field: number, body: Buffer) => Buffer.concat([Buffer.from([(field << 3) | 2, body.length]), body]);
const text = (field: number, value: string) => sized(field, Buffer.from(value));
const EVENTS_OF_ENTRY = ['Service', 'ServiceInstance', 'ServiceRelation', 'ServiceInstanceRelation', 'Endpoint'];
const COLLECT = '/skywalking.v3.TraceSegmentReportService/collect';
const PROPERTIES = '/skywalking.v3.ManagementService/reportInstanceProperties';
const HEALTH = '/grpc.health.v1.Health/Check';
const NOTHING = Buffer.alloc(0);
const OK = { code: status.OK, bytes: NOTHING };

const refused = (h: Harness, reason: string) =>
  h.telemetry.counter('oap_receiver_refused_total', '', { reason }).value();
const messages = (h: Harness, kind: string) => h.telemetry.counter('oap_receiver_messages_total', '', { kind }).value();

describe('answers', () => {
  test.each([COLLECT, '/TraceSegmentReportService/collect'])(
    '%s: segments become sources, the answer is 0 bytes',
    async (path) => {
      const h = await open();
      expect(await stream(clientOf(h.server), path, [entrySegment(), entrySegment()])).toEqual(OK);
      expect(h.scopes).toEqual([...EVENTS_OF_ENTRY, ...EVENTS_OF_ENTRY]);
      expect(messages(h, 'segment')).toBe(2);
    },
  );

  test('collectInSync takes many at once', async () => {
    const h = await open();
    const body = Buffer.concat([sized(1, entrySegment()), sized(1, entrySegment('web'))]);
    expect(await unary(clientOf(h.server), '/skywalking.v3.TraceSegmentReportService/collectInSync', body)).toEqual(OK);
    expect(h.scopes).toHaveLength(10);
  });

  test('instance properties and heartbeats reach the callback, cut and cleaned', async () => {
    const h = await open();
    const client = clientOf(h.server);
    const pair = Buffer.concat([text(1, 'language'), text(2, 'NodeJS')]);
    const body = Buffer.concat([text(1, 'shop'), text(2, 'shop\n-1'), sized(3, pair)]);
    expect(await unary(client, PROPERTIES, body)).toEqual(OK);
    expect(
      await unary(client, '/ManagementService/keepAlive', Buffer.concat([text(1, 'shop'), text(3, 'K8S')])),
    ).toEqual(OK);
    const [properties, heartbeat] = h.reports;
    expect(properties).toMatchObject({ service: 'shop', serviceInstance: 'shop-1', layer: 'GENERAL' });
    expect(properties!.properties!.map(({ key, value }) => [key, value])).toEqual([['language', 'NodeJS']]);
    expect(heartbeat).toEqual({ service: 'shop', serviceInstance: '_blank', layer: 'K8S', properties: undefined });
  });

  test.each([
    ['meter', 'skywalking.v3.MeterReportService/collect', stream],
    ['meter', 'skywalking.v3.MeterReportService/collectBatch', stream],
    ['meter', 'MeterReportService/collect', stream],
    ['log', 'skywalking.v3.LogReportService/collect', stream],
    ['event', 'skywalking.v3.EventService/collect', stream],
    ['jvm', 'skywalking.v3.JVMMetricReportService/collect', unary],
    ['jvm', 'JVMMetricReportService/collect', unary],
    ['poll', 'skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations', unary],
    ['poll', 'skywalking.v3.ProfileTask/getProfileTaskCommands', unary],
  ] as const)('%s by /%s is counted and answered with nothing to do', async (kind, path, call) => {
    const h = await open();
    const client = clientOf(h.server);
    const result =
      call === stream ? await stream(client, `/${path}`, [NOTHING]) : await unary(client, `/${path}`, NOTHING);
    expect(result).toEqual(OK);
    expect(messages(h, kind)).toBe(1);
    expect(h.scopes).toEqual([]);
  });

  test('health says what it is told; other methods are UNIMPLEMENTED', async () => {
    let serving = true;
    const h = await open({}, { serving: () => serving });
    const client = clientOf(h.server);
    expect((await unary(client, HEALTH, NOTHING)).bytes).toEqual(Buffer.from([8, 1]));
    serving = false;
    expect((await unary(client, HEALTH, NOTHING)).bytes).toEqual(Buffer.from([8, 2]));
    expect((await unary(client, '/skywalking.v3.Nobody/knows', NOTHING)).code).toBe(status.UNIMPLEMENTED);
  });
});

describe('refusals', () => {
  test('without the right token: PERMISSION_DENIED and nothing counted as taken; health needs none', async () => {
    const h = await open({ authentication: 's3cret' });
    const client = clientOf(h.server);
    for (const given of [undefined, '', 'wrong', 's3cret ', 's3cre']) {
      expect((await stream(client, COLLECT, [entrySegment()], given)).code).toBe(status.PERMISSION_DENIED);
      expect((await unary(client, PROPERTIES, NOTHING, given)).code).toBe(status.PERMISSION_DENIED);
    }
    expect(refused(h, 'unauthenticated')).toBe(10);
    expect([h.scopes, h.reports, messages(h, 'segment')]).toEqual([[], [], 0]);
    expect(await stream(client, COLLECT, [entrySegment()], 's3cret')).toEqual(OK);
    expect((await unary(client, HEALTH, NOTHING)).code).toBe(status.OK);
  });

  test('under pressure: RESOURCE_EXHAUSTED, also in the middle of a stream', async () => {
    let full = true;
    const h = await open({}, { pressure: () => full, sources: { receive: () => (full = true) } });
    const client = clientOf(h.server);
    expect((await unary(client, PROPERTIES, NOTHING)).code).toBe(status.RESOURCE_EXHAUSTED);
    full = false; // the first segment fills it
    expect((await stream(client, COLLECT, [entrySegment(), entrySegment(), entrySegment()])).code).toBe(
      status.RESOURCE_EXHAUSTED,
    );
    expect(messages(h, 'segment')).toBe(1);
    expect(refused(h, 'overloaded')).toBe(2);
  });

  test('a message that cannot be decoded costs itself, not its stream', async () => {
    const h = await open();
    const client = clientOf(h.server);
    const bad = [Buffer.from([0x22, 2, 0xff, 0xfe]), Buffer.from([0x1a, 200])];
    const many = Buffer.alloc(400_000, Buffer.from([0x1a, 0])); // 200 000 empty spans
    expect(await stream(client, COLLECT, [entrySegment(), ...bad, many, entrySegment()])).toEqual(OK);
    expect([messages(h, 'segment'), refused(h, 'malformed'), refused(h, 'tooManyFields')]).toEqual([2, 2, 1]);
    expect((await unary(client, PROPERTIES, bad[1]!)).code).toBe(status.INVALID_ARGUMENT);
  });

  test('a message above the limit ends its call, not the server', async () => {
    const h = await open({ maxMessageSizeBytes: 10_000 });
    const client = clientOf(h.server);
    expect((await stream(client, COLLECT, [Buffer.alloc(10_001)])).code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await unary(client, PROPERTIES, Buffer.alloc(10_001))).code).toBe(status.RESOURCE_EXHAUSTED);
    expect(await stream(client, COLLECT, [entrySegment()])).toEqual(OK);
  });

  test('what fails behind the door costs one message', async () => {
    const sources = {
      receive: () => {
        throw new Error('no room');
      },
    };
    const h = await open({}, { sources });
    expect(await stream(clientOf(h.server), COLLECT, [entrySegment()])).toEqual(OK);
    expect(refused(h, 'broken')).toBe(1);
  });

  test('a client that goes away in the middle leaves what it sent, and a working server', async () => {
    let seen!: () => void;
    const first = new Promise<void>((resolve) => (seen = resolve));
    const h = await open({}, { sources: { receive: () => seen() } });
    const client = clientOf(h.server);
    const call = client.makeClientStreamRequest(COLLECT, raw, raw, new Metadata(), () => {});
    call.on('error', () => {});
    call.write(entrySegment());
    await first;
    call.cancel();
    expect(await stream(client, COLLECT, [entrySegment()])).toEqual(OK);
    expect(messages(h, 'segment')).toBe(2);
  });

  test('any bytes on any method end in a status, and the server goes on', async () => {
    const h = await open();
    const client = clientOf(h.server);
    const paths = agentServices(
      { authentication: '', limits: defaultAnalysisLimits() },
      {
        clock: systemClock,
        logger: silentLogger,
        telemetry: new MetricRegistry(),
        sources: { receive() {} },
      },
    ).flatMap(({ definition }) => Object.values(definition));
    expect(paths).toHaveLength(20);
    const valid = entrySegment();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
        const changed = Buffer.from(valid);
        changed[at] = byte;
        return changed;
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(paths.length - 1),
        fc.array(bytes, { minLength: 1, maxLength: 5 }),
        async (which, bodies) => {
          const { path, requestStream } = paths[which]!;
          const buffers = bodies.map((body) => Buffer.from(body));
          const { code } = requestStream ? await stream(client, path, buffers) : await unary(client, path, buffers[0]!);
          expect([status.OK, status.INVALID_ARGUMENT]).toContain(code);
        },
      ),
      { numRuns: 400 },
    );
    expect(refused(h, 'broken')).toBe(0);
    expect(await stream(client, COLLECT, [valid])).toEqual(OK);
  });
});

describe('the server', () => {
  test('a port in use is OAP-1003 with the address', async () => {
    const h = await open();
    await expect(open({ port: h.server.port })).rejects.toMatchObject({
      code: 'OAP-1003',
      message: `OAP-1003 cannot listen on 127.0.0.1:${h.server.port}`,
    });
  });

  test('stops at once when idle, cuts calls at the deadline, twice is once, and frees the port', async () => {
    const h = await open({ stopDeadlineMs: 200 });
    const client = clientOf(h.server);
    await stream(client, COLLECT, [entrySegment()]);
    let code: status | undefined;
    const cut = new Promise<void>((done) => {
      const call = client.makeClientStreamRequest(COLLECT, raw, raw, new Metadata(), (error) => {
        code = error?.code;
        done();
      });
      call.on('error', () => {});
      call.write(entrySegment());
    });
    await unary(client, HEALTH, NOTHING); // the open stream is known to the server by now
    await Promise.all([h.server.stop(), h.server.stop()]);
    await cut;
    expect([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL]).toContain(code);
    const again = await open({ port: h.server.port });
    expect(again.server.port).toBe(h.server.port);
  });

  test('takes services of others beside the agents’', async () => {
    const echo = {
      path: '/other.Service/echo',
      requestStream: false,
      responseStream: false,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    } as const;
    const server = await openGrpcServer(
      {
        host: '127.0.0.1',
        port: 0,
        maxMessageSizeBytes: 1_000,
        maxConcurrentCallsPerConnection: 2,
        services: [
          {
            definition: { echo },
            implementation: {
              echo: (call: { request: Buffer }, done: (e: null, r: Buffer) => void) => done(null, call.request),
            },
          },
        ],
      },
      { clock: systemClock },
    );
    opened.push({ close: () => server.stop() });
    const client = clientOf(server);
    const all = await Promise.all(Array.from({ length: 10 }, () => unary(client, echo.path, Buffer.from('x'))));
    expect(all.every(({ code }) => code === status.OK)).toBe(true); // above the limit of calls they wait
  });
});
