// SPDX-License-Identifier: Apache-2.0
// Goal: every operation that SkyWalking's clients are known to send is valid here, and answered in their shape when there is nothing.
// Method: a server over an empty tier; each text is validated against the schema that it serves by introspection, and then asked.
// test/e2e/skywalking-clients.test.ts asks the same of a node with data.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { metricSchema, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { defaultQueryServerConfig, openQueryServer, type QueryServer } from '@oap-federation/query';
import { memoryMetadata, nothingElse } from '@oap-federation/query/testing';
import { silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import {
  buildClientSchema,
  getIntrospectionQuery,
  parse,
  validate,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boosterOperations,
  listRequest,
  swctlOperations,
  topologyRequest,
  widgetRequests,
  type ClientRequest,
} from './operations.js';

const DURATION = { start: '2026-11-21 0838', end: '2026-11-21 0908', step: 'MINUTE', coldStage: false };
const SHOP = serviceId('shop', true);
const PAGING = { pageNum: 1, pageSize: 20 };
const ENTITY = { serviceName: 'shop', normal: true };

/** A value for each variable that the operations declare. */
const VARIABLES: Readonly<Record<string, unknown>> = {
  duration: DURATION,
  layer: 'GENERAL',
  serviceId: SHOP,
  serviceIds: [SHOP],
  clientServiceId: SHOP,
  serverServiceId: SHOP,
  serviceName: 'shop',
  instanceId: `${SHOP}_cG9k`,
  serviceInstanceId: `${SHOP}_cG9k`,
  endpointId: `${SHOP}_L2E=`,
  processId: 'none',
  keyword: '',
  limit: 20,
  labels: [],
  name: 'service_cpm',
  regex: 'service.*',
  expression: 'service_cpm',
  entity: ENTITY,
  paging: PAGING,
  tags: [],
  tagKey: 'level',
  scope: 'All',
  traceId: 'none',
  endpointName: '/a',
  setting: { id: 'x', configuration: '{}' },
  id: 'x',
};

/** Of one name, but another shape in some operations. */
const OVERRIDES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  queryTraces: {
    condition: { queryDuration: DURATION, traceState: 'ALL', queryOrder: 'BY_START_TIME', paging: PAGING },
  },
  queryServiceLogs: { condition: { queryDuration: DURATION, paging: PAGING } },
  queryBrowserErrorLogs: { condition: { category: 'ALL', queryDuration: DURATION, paging: PAGING } },
  queryEvents: { condition: { time: DURATION, paging: PAGING } },
  getAsyncTaskList: { request: { serviceId: SHOP, limit: 10 } },
  addTemplate: { setting: { configuration: '{}' } },
  metrics_multiple_linear: { condition: { name: 'service_percentile', entity: ENTITY }, labels: ['50', 'p99'] },
  metrics_top: { condition: { name: 'service_cpm', topN: 5, order: 'DES' } },
  metrics_sampled: { condition: { name: 'top_n_database_statement', topN: 5, order: 'DES' } },
  metrics_records: { condition: { name: 'top_n_database_statement', parentEntity: ENTITY, topN: 5, order: 'DES' } },
  metrics_single: { condition: { name: 'service_cpm', entity: ENTITY } },
  metrics_nullable: { condition: { name: 'service_cpm', entity: ENTITY } },
  metrics_linear: { condition: { name: 'service_cpm', entity: ENTITY } },
  event_list: { condition: { time: DURATION, size: 10, paging: PAGING } },
  logs_list: { condition: { queryDuration: DURATION, paging: PAGING } },
};

/** What is refused by name rather than answered empty, or not to be changed unless an operator allows it. */
const REFUSED: Readonly<Record<string, string>> = {
  metrics_sampled: 'OAP-6003 a federation keeps no sampled records: top_n_database_statement cannot be read',
  metrics_records: 'OAP-6003 a federation keeps no sampled records: top_n_database_statement cannot be read',
};

let server: QueryServer;
let schema: GraphQLSchema;

interface Reply {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string }[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

async function ask({ query, variables }: ClientRequest): Promise<Reply> {
  const reply = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  expect(reply.status).toBe(200);
  return (await reply.json()) as Reply;
}

beforeAll(async () => {
  const reader = new MemoryMetricReader([
    metricSchema('service_cpm', 'Service', 'cpm'),
    metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
    metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
  ]);
  server = await openQueryServer(
    { ...defaultQueryServerConfig(), port: 0 },
    {
      ...nothingElse(),
      reader,
      metadata: memoryMetadata([]),
      clock: new VirtualClock(Date.UTC(2026, 10, 21, 9, 8)),
      logger: silentLogger,
      timezoneOffsetMinutes: () => 0,
      version: '0',
      status: () => ({}),
    },
  );
  const { data } = await ask({ query: getIntrospectionQuery(), variables: {} });
  schema = buildClientSchema(data as unknown as IntrospectionQuery);
});

afterAll(() => server[Symbol.asyncDispose]());

describe.each([
  ['booster-ui', boosterOperations],
  ['swctl', swctlOperations],
] as const)('%s', (_client, operations) => {
  it.each([...operations])('%s', async (name, query) => {
    expect(validate(schema, parse(query)).map((e) => e.message)).toEqual([]);
    const declared = [...query.matchAll(/\$(\w+): /g)].map((m) => m[1]!);
    const given: Readonly<Record<string, unknown>> = { ...VARIABLES, ...OVERRIDES[name] };
    const variables = Object.fromEntries(declared.map((variable) => [variable, given[variable]]));
    const { data, errors } = await ask({ query, variables });
    expect(errors?.map((e) => e.message)).toEqual(REFUSED[name] && [REFUSED[name]]);
    if (REFUSED[name] === undefined) expect(data).not.toBe(null);
    // a text that comes again and again is compiled, and must say the same then
    for (let i = 0; i < 5; i++) expect((await ask({ query, variables })).data).toEqual(data);
  });
});

describe('requests that are made from widgets', () => {
  it('are valid for a page of widgets, a long list and a topology, and within the limits', async () => {
    const widgets = Array.from({ length: 13 }, () => ["top_n(service_cpm,10,des,attr0='GENERAL')", 'avg(service_cpm)']);
    const rows = Array.from({ length: 20 }, (_, i) => ({ serviceName: `service-${i}`, normal: true }));
    const eight = Array.from({ length: 4 }, () => 'avg(service_cpm)');
    const requests = [
      ...widgetRequests(widgets, ENTITY, DURATION),
      listRequest(rows, eight, ['service_cpm', 'service_cpm', 'service_cpm', 'service_cpm'], DURATION),
      topologyRequest(rows, ['avg(service_cpm)', '(avg(service_cpm) < 9500) * (avg(service_cpm) > 1) == 1'], DURATION),
    ];
    expect(requests).toHaveLength(5);
    for (const request of requests) {
      expect(validate(schema, parse(request.query)).map((e) => e.message)).toEqual([]);
      const { data, errors } = await ask(request);
      expect(errors).toBeUndefined();
      for (const answer of Object.values(data!)) expect(answer).toMatchObject({ error: null });
    }
  });
});

describe('docs/query.md', () => {
  it('names every root field', () => {
    const text = readFileSync(path.resolve(import.meta.dirname, '../../../docs/query.md'), 'utf8');
    const fields = [schema.getQueryType()!, schema.getMutationType()!].flatMap((type) => Object.keys(type.getFields()));
    expect(fields.length).toBeGreaterThan(80);
    expect(fields.filter((field) => !text.includes(`\`${field}\``))).toEqual([]);
  });
});

describe('what is not kept', () => {
  it('is empty, and the answer says so', async () => {
    const { extensions } = await ask({
      query:
        '{ queryBasicTraces { traces { start } } queryTrace(traceId: "x") { spans { type } } getProfileTaskList { id } version }',
      variables: {},
    });
    expect(extensions).toEqual({ notKept: ['profiles', 'traces'] });
    expect((await ask({ query: '{ version hasQueryTracesV2Support }', variables: {} })).extensions).toBeUndefined();
  });
});
