// SPDX-License-Identifier: Apache-2.0
// Agents that do not give up: SkyWalking's segment reports to each leaf node, several times a second, over connections that come back at once.
// Real agents run beside them, but wait long before they try again; these keep every flush of the storm busy. In: addresses. Out: bytes.
import { Client, credentials } from '@grpc/grpc-js';
import { segmentCodec, SpanLayer, SpanType } from '@oap-federation/wire';
import { sleep } from '../e2e/harness.js';

export interface Agents {
  /** Of calls that the node answered with OK. */
  readonly segments: number;
  stop(): Promise<void>;
}

const COLLECT = '/skywalking.v3.TraceSegmentReportService/collect';
const PERIOD_MS = 150;
const SEGMENTS_PER_CALL = 8;
const SERVICES = 4;
const ENDPOINTS = 12;

const raw = (bytes: Buffer) => bytes;

export function startAgents(ports: readonly number[]): Agents {
  let stopped = false;
  let segments = 0;
  const loop = async (port: number) => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 300,
      'grpc.use_local_subchannel_pool': 1,
    });
    while (!stopped) {
      if (await report(client, port)) segments += SEGMENTS_PER_CALL;
      await sleep(PERIOD_MS);
    }
    client.close();
  };
  const loops = ports.map(loop);
  return {
    get segments() {
      return segments;
    },
    async stop() {
      stopped = true;
      await Promise.all(loops);
    },
  };
}

/** One call; false when the node did not answer OK within two seconds. */
function report(client: Client, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = client.makeClientStreamRequest(COLLECT, raw, raw, { deadline: Date.now() + 2_000 }, (error) =>
      resolve(error === null),
    );
    call.on('error', () => {}); // the callback says it too
    for (let i = 0; i < SEGMENTS_PER_CALL; i++) call.write(segment(port));
    call.end();
  });
}

let n = 0;

function segment(port: number): Buffer {
  n++;
  const endTime = Date.now();
  const startTime = endTime - 1 - Math.floor(Math.random() ** 3 * 900);
  return segmentCodec.encode({
    traceId: `trace-${n}`,
    traceSegmentId: `segment-${n}`,
    service: `service-${n % SERVICES}`,
    serviceInstance: `instance-${port}`,
    spans: [
      {
        spanId: 0,
        parentSpanId: -1,
        startTime,
        endTime,
        operationName: `/endpoint/${n % ENDPOINTS}`,
        spanType: SpanType.Entry,
        spanLayer: SpanLayer.Http,
        componentId: 49,
        isError: n % 10 === 0,
      },
    ],
  });
}
