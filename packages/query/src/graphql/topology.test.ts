// SPDX-License-Identifier: Apache-2.0
// Goal: a topology shows the calls that have data in the range, on the side that saw them, and what it costs. Method: the real app over
// in-memory readers with calls that fit in the head.
import { entityOf, metricSchema, minuteOf, namedPartId, serviceId, type Entity } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueryServerConfig, QueryServerDeps } from '../server.js';
import { memoryMetadata, openMemoryApp, type MemoryApp, type MemoryMetadata } from '../testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);
const DURATION = { start: '2026-11-21 0800', end: '2026-11-21 0803', step: 'MINUTE' };
const [WEB, SHOP, STOCK, DB] = [
  serviceId('web', true),
  serviceId('shop', true),
  serviceId('stock', true),
  serviceId('db', false),
] as const;
const end = (service: string, name = '', normal = true) => ({ service, normal, layer: 'GENERAL', name });
const relation = (...args: Parameters<typeof entityOf>) => entityOf(...args) as Required<Entity>;

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: MemoryApp;

async function open(config: Partial<QueryServerConfig> = {}, deps: Partial<QueryServerDeps> = {}): Promise<void> {
  app = await openMemoryApp(config, { reader, metadata, clock: new VirtualClock(START + 600_000), ...deps });
}

beforeEach(() => {
  reader = new MemoryMetricReader([
    metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
    metricSchema('service_relation_server_cpm', 'ServiceRelation', 'cpm'),
    metricSchema('service_instance_relation_server_cpm', 'ServiceInstanceRelation', 'cpm'),
    metricSchema('endpoint_relation_cpm', 'EndpointRelation', 'cpm'),
  ]);
  metadata = memoryMetadata(
    ['web', 'shop', 'stock', 'alone'].map((name) => ({
      id: serviceId(name, true),
      name,
      normal: true,
      layers: name === 'web' ? ['MESH'] : ['GENERAL'],
    })),
  );
  metadata.sources = [{ origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 60, lastAdvanceMs: 0 }];
});

afterEach(() => app[Symbol.asyncDispose]());

describe('topology', () => {
  interface Topology {
    readonly nodes: readonly { readonly id: string; readonly name: string }[];
    readonly calls: readonly {
      readonly source: string;
      readonly target: string;
      readonly detectPoints: readonly string[];
    }[];
  }
  const NODES =
    'nodes { id name type isReal } calls { id source target detectPoints sourceComponents targetComponents }';
  const calls = ({ calls: all }: Topology) => all.map((c) => [c.source, c.target, c.detectPoints.join('+')]);
  const names = ({ nodes }: Topology) => nodes.map((n) => n.name).toSorted();

  beforeEach(async () => {
    const seen = (metric: string, entity: Required<Entity>, minute = MINUTE) => {
      if (!metadata.relationEntities.some((e) => e.id === entity.id)) metadata.relationEntities.push(entity);
      reader.enter(metric, entity, 'cloud-c', minute, []);
    };
    const user = relation('ServiceRelation', end('User', '', false), end('web'));
    const webShop = relation('ServiceRelation', end('web'), end('shop'));
    seen('service_relation_server_cpm', user);
    seen('service_relation_client_cpm', webShop);
    seen('service_relation_server_cpm', webShop);
    seen('service_relation_client_cpm', relation('ServiceRelation', end('shop'), end('db', '', false)));
    seen('service_relation_client_cpm', relation('ServiceRelation', end('shop'), end('stock')), MINUTE - 30);
    const inst = (from: string, to: string) => relation('ServiceInstanceRelation', end('web', from), end('shop', to));
    seen('service_instance_relation_server_cpm', inst('w-1', 's-1'));
    seen('service_instance_relation_server_cpm', inst('w-2', 's-1'));
    seen(
      'service_instance_relation_server_cpm',
      relation('ServiceInstanceRelation', end('web', 'w-1'), end('stock', 'x')),
    );
    seen('endpoint_relation_cpm', relation('EndpointRelation', end('web', '/cart'), end('shop', '/buy')));
    seen('endpoint_relation_cpm', relation('EndpointRelation', end('web', '/home'), end('shop', '/list')));
    await open();
  });

  it('shows the calls that have data in the range, on the side that saw them', async () => {
    const query = `query ($d: Duration!) { result: getGlobalTopology(duration: $d) { ${NODES} } }`;
    const topology = await app.result<Topology>(query, { d: DURATION });
    expect(calls(topology).toSorted()).toEqual(
      [
        [serviceId('User', false), WEB, 'SERVER'],
        [WEB, SHOP, 'CLIENT+SERVER'],
        [SHOP, DB, 'CLIENT'],
      ].toSorted(),
    );
    expect(topology.nodes.find((n) => n.name === 'User')).toEqual({
      id: serviceId('User', false),
      name: 'User',
      type: 'USER',
      isReal: false,
    });
    expect(topology.calls[0]).toMatchObject({ sourceComponents: [], targetComponents: [] });
    const { extensions } = await app.ask(query, { d: DURATION });
    expect(extensions?.completeness).toMatchObject({ complete: true });
    const earlier = { ...DURATION, start: '2026-11-21 0730' };
    expect(names(await app.result<Topology>(query, { d: earlier }))).toContain('stock');
  });

  it('shows what the asked services take part in, and themselves', async () => {
    const of = (serviceIds: readonly string[]) =>
      app.result<Topology>(
        `query ($d: Duration!, $s: [ID!]!) { result: getServicesTopology(duration: $d, serviceIds: $s) { ${NODES} } }`,
        { d: DURATION, s: serviceIds },
      );
    expect(names(await of([WEB]))).toEqual(['User', 'shop', 'web']);
    expect(names(await of([DB]))).toEqual(['db', 'shop']);
    expect(names(await of([serviceId('alone', true)]))).toEqual(['alone']);
    expect(names(await of([]))).toEqual([]);
    const ofLayer = await app.result<Topology>(
      `query ($d: Duration!) { result: getGlobalTopology(duration: $d, layer: "MESH") { ${NODES} } }`,
      { d: DURATION },
    );
    expect(names(ofLayer)).toEqual(['User', 'shop', 'web']);
    const byName = await app.result<Topology>(
      `query ($d: Duration!) { result: getServiceTopologyByName(service: {serviceName: "db", layer: "VIRTUAL_DATABASE"}, duration: $d) { ${NODES} } }`,
      { d: DURATION },
    );
    expect(names(byName)).toEqual(['db', 'shop']);
  });

  it('shows calls between the instances of two services, whichever is named first', async () => {
    const between = (client: string, server: string) =>
      app.result<Topology>(
        `query ($d: Duration!, $c: ID!, $s: ID!) {
          result: getServiceInstanceTopology(clientServiceId: $c, serverServiceId: $s, duration: $d) { ${NODES} }
        }`,
        { d: DURATION, c: client, s: server },
      );
    const expected = [
      [namedPartId(WEB, 'w-1'), namedPartId(SHOP, 's-1'), 'SERVER'],
      [namedPartId(WEB, 'w-2'), namedPartId(SHOP, 's-1'), 'SERVER'],
    ];
    expect(calls(await between(WEB, SHOP)).toSorted()).toEqual(expected);
    expect(calls(await between(SHOP, WEB)).toSorted()).toEqual(expected);
    expect(calls(await between(SHOP, STOCK))).toEqual([]);
  });

  it('shows what an endpoint calls and who calls it', async () => {
    const of = (id: string) =>
      app.result<Topology>(
        `query ($d: Duration!, $e: ID!) {
          result: getEndpointDependencies(endpointId: $e, duration: $d) { nodes { id name serviceId serviceName type isReal } calls { source target detectPoints } }
        }`,
        { d: DURATION, e: id },
      );
    const [cart, buy] = [namedPartId(WEB, '/cart'), namedPartId(SHOP, '/buy')];
    for (const id of [cart, buy]) expect(calls(await of(id))).toEqual([[cart, buy, 'SERVER']]);
    expect((await of(buy)).nodes).toContainEqual({
      id: buy,
      name: '/buy',
      serviceId: SHOP,
      serviceName: 'shop',
      type: null,
      isReal: true,
    });
    expect(await of('not an id')).toEqual({ nodes: [], calls: [] });
  });

  it('costs what its metrics cost', async () => {
    await app[Symbol.asyncDispose]();
    await open({ maxCost: 5_023 });
    const query = `query ($d: Duration!) { result: getGlobalTopology(duration: $d) { ${NODES} } }`;
    // looking at relations, and 4 of them x 4 points, for the clients' side and then for the servers'
    const { errors } = await app.ask(query, { d: DURATION });
    expect(errors![0]!.message).toBe('OAP-6001 query cost is 5032, the limit is 5023');
  });
});
