// SPDX-License-Identifier: Apache-2.0
// Goal: an expression can show what it read, and a request that would read too much is refused. Method: the real app over in-memory readers.
import { entityOf, metricSchema, minuteOf, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueryServerConfig, QueryServerDeps } from '../server.js';
import { memoryMetadata, openMemoryApp, type MemoryApp, type MemoryMetadata } from '../testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);
const DURATION = { start: '2026-11-21 0800', end: '2026-11-21 0803', step: 'MINUTE' };
const SHOP = serviceId('shop', true);
const end = (service: string, name = '', normal = true) => ({ service, normal, layer: 'GENERAL', name });

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: MemoryApp;

async function open(config: Partial<QueryServerConfig> = {}, deps: Partial<QueryServerDeps> = {}): Promise<void> {
  app = await openMemoryApp(config, { reader, metadata, clock: new VirtualClock(START + 600_000), ...deps });
}

beforeEach(() => {
  reader = new MemoryMetricReader([metricSchema('service_cpm', 'Service', 'cpm')]);
  metadata = memoryMetadata([]);
  metadata.sources = [{ origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 60, lastAdvanceMs: 0 }];
});

afterEach(() => app[Symbol.asyncDispose]());

describe('a query', () => {
  const EXEC = `query ($x: String!, $e: Entity!, $d: Duration!, $dump: Boolean) {
    result: execExpression(expression: $x, entity: $e, duration: $d, debug: true, dumpDBRsp: $dump) {
      error debuggingTrace { traceId condition duration spans { spanId parentSpanId operation duration msg error } }
    }
  }`;
  interface Traced {
    readonly error: string | null;
    readonly debuggingTrace: {
      readonly traceId: string;
      readonly condition: string;
      readonly spans: readonly {
        readonly operation: string;
        readonly msg: string | null;
        readonly error: string | null;
      }[];
    };
  }

  beforeEach(() => {
    reader.enter('service_cpm', entityOf('Service', end('shop')), 'cloud-c', MINUTE, []);
  });

  it('can show what it read', async () => {
    await open();
    const entity = { serviceName: 'shop', normal: true };
    const variables = { x: "service_cpm + service_cpm{origin='*'}", e: entity, d: DURATION };
    const { debuggingTrace: trace } = await app.result<Traced>(EXEC, variables);
    expect(trace.condition).toContain("Expression: service_cpm + service_cpm{origin='*'}, Entity: {");
    expect(trace.spans.map((s) => [s.operation, s.msg])).toEqual([
      ['MQE query', null],
      ['MQE Metric OP: service_cpm', '1 entities, origins [""]: 1 series'],
      ['MQE Metric OP: service_cpm', '1 entities, origins ["*"]: 1 series'],
    ]);
    const dumped = await app.result<Traced>(EXEC, { ...variables, x: 'service_cpm', dump: true });
    expect(dumped.debuggingTrace.spans[1]!.msg).toBe(
      `1 entities, origins [""]: 1 series [{"entityId":"${SHOP}","origin":"","buckets":[{"start":${START},"ints":["1"]}]}]`,
    );
    const wrong = await app.result<Traced>(EXEC, { ...variables, x: 'service_cmp' });
    expect(wrong.debuggingTrace.spans).toMatchObject([{ operation: 'MQE query', error: wrong.error }]);
  });

  it('is refused when it would make the storage read too much', async () => {
    await open({ maxCost: 1_005 });
    const e = { serviceName: 'shop', normal: true };
    const rows = (n: number, expression: string, entity: object = e) =>
      app.ask(
        `query ($e: Entity!, $d: Duration!) { ${Array.from(
          { length: n },
          (_, i) => `a${i}: execExpression(expression: "${expression}", entity: $e, duration: $d) { error }`,
        ).join(' ')} }`,
        { e: entity, d: DURATION },
      );
    expect((await rows(200, 'service_cpm')).errors).toBeUndefined(); // 200 fields x (4 points + 1)
    expect((await rows(26, "service_cpm{origin='*'}")).errors![0]).toMatchObject({
      message: 'OAP-6001 query cost is 1026, the limit is 1005', // 26 fields, and 25 x 4 points x 10 origins
      extensions: { code: 'OAP-6001' },
    });
    expect((await rows(2, 'top_n(service_cpm, 3, des)', {})).errors).toBeUndefined(); // 2 x 4 points x 100 entities
    expect((await rows(3, 'top_n(service_cpm, 3, des)', {})).errors![0]!.message).toContain('cost is 1203');
    const services = await app.ask('{ a: listServices { id } b: listServices { id } }');
    expect(services.errors![0]!.message).toBe('OAP-6001 query cost is 2000, the limit is 1005');
  });
});
