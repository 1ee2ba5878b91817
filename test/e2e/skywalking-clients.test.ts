// SPDX-License-Identifier: Apache-2.0
// Goal: a session of booster-ui and one of swctl, request for request, against a federation tier: no request has an error, and every chart
// shows what the agents sent. Method: two leaves and an upper tier as real processes over real PostgreSQL; segments of past minutes with
// known counts; the requests are those of test/conformance/graphql, made from the menu and the dashboards that the tier itself serves.
import { durationText, minuteOf, namedPartId, serviceId } from '@oap-federation/model';
import { segmentCodec, SpanLayer, SpanType } from '@oap-federation/wire';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  boosterOperations,
  listRequest,
  swctlOperations,
  topologyRequest,
  widgetRequests,
  type ClientRequest,
} from '../conformance/graphql/operations.js';
import { startPostgres, type Postgres } from '../services/index.js';
import { available, needs } from '../services/needs.js';
import { RawAgent } from './commands.js';
import { createDatabase, eventually, Stage, type NodeProc } from './harness.js';

/** Requests per minute that each cloud serves, for the minutes from `FIRST` on; of those in minute 2 every one fails. */
const SENT: Readonly<Record<string, readonly number[]>> = { 'cloud-c': [3, 1, 4, 0, 5], 'cloud-n': [2, 6, 0, 0, 5] };
const FAILING_MINUTE = 2;
const [WEB_MS, SHOP_MS, DB_MS] = [90, 40, 15] as const;
const POINTS = 31;

const [WEB, SHOP] = [serviceId('web', true), serviceId('shop', true)];
const DB_PEER = 'db.local:5432';

needs('postgres')('SkyWalking clients against a federation', () => {
  const stage = new Stage();
  let postgres: Postgres;
  let tier: NodeProc;
  /** Epoch minute of the first entry of SENT; the window that the UI asks for begins ten minutes before. */
  let first: number;
  let duration: { readonly start: string; readonly end: string; readonly step: string; readonly coldStage: boolean };

  interface Reply {
    readonly data: Readonly<Record<string, unknown>> | null;
    readonly errors?: readonly { readonly message: string }[];
    readonly extensions?: { readonly completeness?: { readonly missing: readonly string[] } };
  }

  async function post({ query, variables }: ClientRequest): Promise<Reply> {
    const reply = await fetch(`${tier.restUrl}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    expect(reply.status).toBe(200);
    return (await reply.json()) as Reply;
  }

  /** The data of an answer, which must have no error; of an expression neither. */
  async function send<T = Readonly<Record<string, unknown>>>(request: ClientRequest): Promise<T> {
    const { data, errors } = await post(request);
    expect(errors, request.query).toBeUndefined();
    for (const [alias, answer] of Object.entries(data!)) {
      const error = (answer as { readonly error?: unknown } | null)?.error;
      expect(error ?? null, `${alias} ${JSON.stringify(request.variables)}`).toBe(null);
    }
    return data as T;
  }

  const booster = <T>(name: string, variables: ClientRequest['variables'] = {}) =>
    send<T>({ query: boosterOperations.get(name)!, variables });
  const swctl = async <T>(name: string, variables: ClientRequest['variables'] = {}) =>
    (await send<{ readonly result: T }>({ query: swctlOperations.get(name)!, variables })).result;

  interface Answer {
    readonly type: string;
    readonly results: readonly {
      readonly metric: { readonly labels: readonly { readonly key: string; readonly value: string }[] };
      readonly values: readonly { readonly name: string | null; readonly value: string | null }[];
    }[];
  }
  /** Values of each label set by its labels' values. */
  const charts = ({ results }: Answer) =>
    Object.fromEntries(
      results.map(({ metric, values }) => [metric.labels.map((l) => l.value).join(' '), values.map((v) => v.value)]),
    );
  /** What a chart of 31 points shows when the minutes of SENT have these values. */
  const chart = (values: readonly (string | null)[]) =>
    Array.from({ length: POINTS }, (_, i) => values[i - 10] ?? null);
  const sum = SENT['cloud-c']!.map((n, i) => n + SENT['cloud-n']![i]!);
  const counted = (counts: readonly number[], value: (n: number, i: number) => string = String) =>
    chart(counts.map((n, i) => (n === 0 ? null : value(n, i))));

  function segmentsOf(at: number, ok: boolean): readonly Buffer[] {
    const span = (spanId: number, name: string, ms: number, more: object) => ({
      spanId,
      parentSpanId: spanId - 1,
      operationName: name,
      startTime: at,
      endTime: at + ms,
      spanLayer: SpanLayer.Http,
      isError: !ok,
      ...more,
    });
    const entry = { spanType: SpanType.Entry, componentId: 49 };
    return [
      segmentCodec.encode({
        service: 'web',
        serviceInstance: 'web-1',
        spans: [span(0, '/cart', WEB_MS, entry)],
      }),
      segmentCodec.encode({
        service: 'shop',
        serviceInstance: 'shop-1',
        spans: [
          span(0, '/buy', SHOP_MS, {
            ...entry,
            refs: [
              {
                parentService: 'web',
                parentServiceInstance: 'web-1',
                parentEndpoint: '/cart',
                networkAddressUsedAtPeer: 'shop.local:80',
              },
            ],
          }),
          span(1, 'INSERT', DB_MS, {
            spanType: SpanType.Exit,
            spanLayer: SpanLayer.Database,
            componentId: 22,
            peer: DB_PEER,
            isError: false,
          }),
        ],
      }),
    ];
  }

  beforeAll(async () => {
    postgres = available(await startPostgres());
    tier = await stage.node({
      name: 'federation',
      config: 'deploy/examples/federation.yml',
      env: {
        SW_STORAGE: 'postgresql',
        SW_STORAGE_POSTGRESQL_URL: await createDatabase(postgres.url, 'federation'),
        SW_ENABLE_UPDATE_UI_TEMPLATE: 'true',
      },
    });
    first = minuteOf(Date.now()) - 20;
    const text = (minute: number) => durationText(minute, 'MINUTE', 0);
    duration = { start: text(first - 10), end: text(first + 20), step: 'MINUTE', coldStage: false };
    for (const [cloud, counts] of Object.entries(SENT)) {
      const leaf = await stage.node({
        name: cloud,
        config: `deploy/examples/${cloud}.yml`,
        env: {
          SW_STORAGE: 'postgresql',
          SW_STORAGE_POSTGRESQL_URL: await createDatabase(postgres.url, cloud.replace('-', '_')),
          SW_FEDERATION_UPSTREAMS: `127.0.0.1:${tier.grpcPort}`,
        },
      });
      using agent = new RawAgent(leaf.grpcPort);
      const bodies = counts.flatMap((n, i) =>
        Array.from({ length: n }, () => segmentsOf((first + i) * 60_000 + 5_000, i !== FAILING_MINUTE)).flat(),
      );
      expect(await agent.stream(bodies)).toMatchObject({ code: 0 });
    }
    const total = sum.reduce((a, b) => a + b, 0);
    const expression = ["sum(service_cpm{origin='*'})"];
    await eventually('everything has arrived', 60, async () => {
      const [request] = widgetRequests([expression], { serviceName: 'shop', normal: true }, duration);
      const answer = (await post(request!)).data!['expression00'] as Answer;
      const arrived = answer.results.map((r) => Number(r.values[0]!.value)).reduce((a, b) => a + b, 0);
      return arrived === total;
    }).catch(async (err: unknown) => {
      throw new Error(`${String(err)}\n${await stage.report()}`);
    });
  }, 180_000);

  afterAll(async () => {
    await stage.close();
    await postgres?.stop();
  }, 60_000);

  interface Widget {
    readonly type?: string;
    readonly graph?: { readonly type?: string };
    readonly children?: readonly Widget[];
    readonly expressions?: readonly string[];
    readonly subExpressions?: readonly string[];
    readonly nodeExpressions?: readonly string[];
    readonly linkServerExpressions?: readonly string[];
    readonly legendMQE?: { readonly expression: string };
  }
  interface Dashboard extends Widget {
    readonly name: string;
    readonly layer: string;
    readonly entity: string;
    readonly isRoot: boolean;
  }
  const all = (widget: Widget): readonly Widget[] => [widget, ...(widget.children ?? []).flatMap(all)];
  const isList = (widget: Widget) => widget.graph?.type?.endsWith('List') === true && widget.graph.type !== 'TopList';
  /** Expressions of the charts, cards and rankings of a page, widget by widget. */
  const chartsOf = (page: Widget) =>
    all(page).flatMap((w) => (w.type === 'Widget' && !isList(w) && w.expressions ? [w.expressions] : []));

  it('booster-ui: from the first request to a page of every kind', async () => {
    // the page is loaded
    const { getMenuItems: menu } = await booster<{
      readonly getMenuItems: readonly {
        readonly title: string;
        readonly subItems: readonly { readonly layer: string; readonly activate: boolean }[];
      }[];
    }>('queryMenuItems');
    expect(menu[0]!.subItems.map((i) => [i.layer, i.activate])).toEqual([
      ['GENERAL', true],
      ['VIRTUAL_DATABASE', true],
      ['VIRTUAL_CACHE', false],
      ['VIRTUAL_MQ', false],
    ]);
    const { getTimeInfo: time } = await booster<{ readonly getTimeInfo: { readonly timezone: string } }>(
      'queryOAPTimeInfo',
    );
    expect(time.timezone).toBe('+0000');
    expect((await booster<{ readonly version: string }>('version')).version).toMatch(/^10\.4\./);
    await booster('queryMetricsTTL');
    expect(await booster('queryHasTracesV2')).toEqual({ hasQueryTracesV2Support: false });
    interface Templates {
      readonly getAllTemplates: readonly { readonly id: string; readonly configuration: string }[];
    }
    await booster<Templates>('templates');
    const { getAllTemplates: templates } = await booster<Templates>('templates');
    const dashboards = templates.map((t) => JSON.parse(t.configuration) as Dashboard);
    const page = (layer: string, entity: string) => dashboards.find((d) => d.layer === layer && d.entity === entity)!;
    await booster('queryRecordsTTL');
    const { services } = await booster<{
      readonly services: readonly { readonly id: string; readonly value: string; readonly normal: boolean }[];
    }>('queryServices', { layer: 'GENERAL' });
    expect(services.map((s) => s.value)).toEqual(['shop', 'web']);

    // the list of services
    const root = page('GENERAL', 'All');
    expect(root.isRoot).toBe(true);
    const list = all(root).find(isList)!;
    const rows = services.map(({ value, normal }) => ({ serviceName: value, normal }));
    const cells = await send<Readonly<Record<string, Answer>>>(
      listRequest(rows, list.expressions!, list.subExpressions!, duration),
    );
    const place = list.expressions!.indexOf('avg(service_cpm)');
    for (const k of rows.keys()) {
      expect(charts(cells[`subexpression${k}${place}`]!)).toEqual({ '': counted(sum) });
      const present = sum.filter((n) => n > 0);
      const average = present.reduce((a, b) => a + b, 0) / present.length;
      expect(charts(cells[`expression${k}${place}`]!)).toEqual({ '': [String(average)] });
    }

    // the rankings beside it
    for (const request of widgetRequests(chartsOf(root), {}, duration)) await send(request);

    // the page of a service: every chart of it
    const asked = chartsOf(page('GENERAL', 'Service'));
    expect(asked.length).toBeGreaterThan(15);
    const shown = new Map<string, Answer>();
    const requests = widgetRequests(asked, { serviceName: 'shop', normal: true }, duration);
    expect(requests).toHaveLength(Math.ceil(asked.length / 6));
    for (const request of requests) {
      const answers = await send<Readonly<Record<string, Answer>>>(request);
      for (const [alias, answer] of Object.entries(answers)) shown.set(request.variables[alias] as string, answer);
    }
    const failed = (_: number, i: number) => (i === FAILING_MINUTE ? '0' : '100');
    const expected: Readonly<Record<string, object>> = {
      service_cpm: { '': counted(sum) },
      service_resp_time: { '': counted(sum, () => String(SHOP_MS)) },
      'service_sla/100': { '': counted(sum, failed) },
      'service_apdex/10000': { '': counted(sum, (_, i) => (i === FAILING_MINUTE ? '0' : '1')) },
      "relabels(service_percentile{p='50,75,90,95,99'},p='50,75,90,95,99',percentile='50,75,90,95,99')":
        Object.fromEntries(['50', '75', '90', '95', '99'].map((p) => [p, counted(sum, () => String(SHOP_MS))])),
      "service_cpm{origin='*'}": Object.fromEntries(Object.entries(SENT).map(([cloud, n]) => [cloud, counted(n)])),
      "service_percentile{p='99',origin='*'}": Object.fromEntries(
        Object.entries(SENT).map(([cloud, n]) => [`${cloud} 99`, counted(n, () => String(SHOP_MS))]),
      ),
      "service_cpm{origin='*'} * 100 / service_cpm": Object.fromEntries(
        Object.entries(SENT).map(([cloud, n]) => [
          cloud,
          counted(n, (each, i) => String(Math.round((each * 100_000) / sum[i]!) / 1_000)),
        ]),
      ),
      'avg(service_sla)/100': { '': ['75'] }, // of the four minutes with data, one failed
    };
    for (const [expression, values] of Object.entries(expected)) {
      expect([expression, charts(shown.get(expression)!)]).toEqual([expression, values]);
    }
    const ranking = shown.get('top_n(service_instance_cpm,10,des)')!;
    expect(ranking.results[0]!.values.map((v) => v.name)).toEqual(['shop-1']);

    // its instances and endpoints
    const { pods } = await booster<{ readonly pods: readonly { readonly id: string; readonly value: string }[] }>(
      'queryInstances',
      { serviceId: SHOP, duration },
    );
    expect(pods.map((p) => p.value)).toEqual(['shop-1']);
    const { instance } = await booster<{ readonly instance: unknown }>('queryInstance', { instanceId: pods[0]!.id });
    expect(instance).toMatchObject({ value: 'shop-1' });
    const lists = all(page('GENERAL', 'Service')).filter(isList);
    const podRow = { serviceName: 'shop', normal: true, serviceInstanceName: 'shop-1' };
    await send(listRequest([podRow], lists[0]!.expressions!, lists[0]!.subExpressions!, duration));
    for (const request of widgetRequests(chartsOf(page('GENERAL', 'ServiceInstance')), podRow, duration))
      await send(request);
    const { pods: endpoints } = await booster<{
      readonly pods: readonly { readonly id: string; readonly value: string }[];
    }>('queryEndpoints', { serviceId: SHOP, keyword: '', limit: 20, duration });
    expect(endpoints.map((e) => e.value)).toEqual(['/buy']);
    await booster('queryEndpoint', { endpointId: endpoints[0]!.id });
    const endpointRow = { serviceName: 'shop', normal: true, endpointName: '/buy' };
    await send(listRequest([endpointRow], lists[1]!.expressions!, lists[1]!.subExpressions!, duration));
    for (const request of widgetRequests(chartsOf(page('GENERAL', 'Endpoint')), endpointRow, duration))
      await send(request);

    // the topology, and the metrics on its nodes and lines
    interface Topology {
      readonly topology: {
        readonly nodes: readonly { readonly id: string; readonly name: string; readonly isReal: boolean }[];
        readonly calls: readonly {
          readonly id: string;
          readonly source: string;
          readonly target: string;
          readonly detectPoints: readonly string[];
        }[];
      };
    }
    const { topology } = await booster<Topology>('queryServicesTopology', {
      duration,
      serviceIds: services.map((s) => s.id),
    });
    expect(topology.nodes.map((n) => n.name).toSorted()).toEqual(['User', DB_PEER, 'shop', 'web'].toSorted());
    const line = topology.calls.find((c) => c.source === WEB && c.target === SHOP)!;
    expect(line.detectPoints).toContain('SERVER');
    const widget = all(root).find((w) => w.type === 'Topology')!;
    // of all nodes, conjectured ones too: the UI takes the first value of the first result without looking
    const nodes = topology.nodes.map((n) => ({ serviceName: n.name, normal: n.isReal }));
    const onNodes = await send<Readonly<Record<string, Answer>>>(
      topologyRequest(nodes, [...widget.nodeExpressions!, widget.legendMQE!.expression], duration),
    );
    for (const answer of Object.values(onNodes)) expect(answer.results[0]!.values).toHaveLength(1);
    const call = { serviceName: 'web', normal: true, destServiceName: 'shop', destNormal: true };
    const onLine = await send<Readonly<Record<string, Answer>>>(
      topologyRequest([call], widget.linkServerExpressions!, duration),
    );
    expect(charts(onLine['expression00']!)).toEqual({ '': [String(SHOP_MS)] });
    for (const request of widgetRequests(chartsOf(page('GENERAL', 'ServiceRelation')), call, duration))
      await send(request);
    const { topology: instances } = await booster<Topology>('queryInstanceTopology', {
      clientServiceId: WEB,
      serverServiceId: SHOP,
      duration,
    });
    expect(instances.calls).toHaveLength(1);
    const { topology: dependencies } = await booster<Topology>('queryEndpointTopology', {
      endpointId: namedPartId(SHOP, '/buy'),
      duration,
    });
    expect(dependencies.nodes.map((n) => n.name).toSorted()).toEqual(['/buy', '/cart']);
    await booster('queryHierarchyServiceTopology', { serviceId: SHOP, layer: 'GENERAL' });
    await booster('queryListLayerLevels');

    // virtual databases
    const { services: databases } = await booster<{
      readonly services: readonly { readonly value: string; readonly normal: boolean }[];
    }>('queryServices', { layer: 'VIRTUAL_DATABASE' });
    expect(databases.map((s) => [s.value, s.normal])).toEqual([[DB_PEER, false]]);
    const dbRequests = widgetRequests(
      chartsOf(page('VIRTUAL_DATABASE', 'Service')),
      { serviceName: DB_PEER, normal: false },
      duration,
    );
    const dbAnswers = await send<Readonly<Record<string, Answer>>>(dbRequests[0]!);
    expect(charts(dbAnswers['expression00']!)).toEqual({ '': counted(sum) });

    // alarms, and what this system does not keep
    const seconds = { start: `${duration.start}00`, end: `${duration.end}59`, step: 'SECOND', coldStage: false };
    await booster('queryAlarms', { duration: seconds, keyword: '', tags: [], paging: { pageNum: 1, pageSize: 21 } });
    await booster('queryAlarmTagKeys', { duration: seconds });
    const condition = { queryDuration: duration, paging: { pageNum: 1, pageSize: 20 } };
    await booster('queryTraces', { condition: { ...condition, traceState: 'ALL', queryOrder: 'BY_START_TIME' } });
    await booster('queryServiceLogs', { condition });

    // settings
    const rest = async (path: string) => {
      const reply = await fetch(`${tier.restUrl}${path}`, { headers: { 'content-type': 'application/json' } });
      expect(reply.status).toBe(200);
      return (await reply.json()) as Readonly<Record<string, unknown>>;
    };
    expect(await rest('/status/config/ttl')).toMatchObject({ metrics: { minute: 7 } });
    expect(await rest('/status/cluster/nodes')).toEqual({
      nodes: [{ host: '127.0.0.1', port: tier.grpcPort, isSelf: true }],
    });
    const dump = await rest('/debugging/config/dump');
    expect(dump['federation.default.tier']).toBe('federation');
    expect(JSON.stringify(dump)).not.toMatch(/:[^/@:"]*@127\.0\.0\.1/); // the database's password
  }, 120_000);

  it('booster-ui: a dashboard that a user changes stays so when the node starts again', async () => {
    const { getAllTemplates } = await booster<{
      readonly getAllTemplates: readonly { readonly id: string; readonly configuration: string }[];
    }>('templates');
    const { id, configuration } = getAllTemplates.find((t) => t.id === 'General-Service')!;
    const mine = JSON.stringify({ ...(JSON.parse(configuration) as object), children: [] });
    const saved = await booster('changeTemplate', { setting: { id, configuration: mine } });
    expect(saved).toEqual({ changeTemplate: { id, status: true, message: '' } });
    const added = await booster<{ readonly addTemplate: { readonly id: string; readonly status: boolean } }>(
      'addTemplate',
      {
        setting: { configuration: JSON.stringify({ name: 'Mine', layer: 'GENERAL', entity: 'Service', children: [] }) },
      },
    );
    await booster('removeTemplate', { id: 'Virtual-MQ-Root' });
    await tier.end('SIGTERM');
    tier.start();
    await eventually('the tier is back', 30, async () => (await fetch(`${tier.restUrl}/healthcheck`)).ok);
    const after = await booster<{
      readonly getAllTemplates: readonly { readonly id: string; readonly configuration: string }[];
    }>('templates');
    expect(after.getAllTemplates.find((t) => t.id === id)!.configuration).toBe(mine);
    const ids = after.getAllTemplates.map((t) => t.id);
    expect(ids).toContain(added.addTemplate.id);
    expect(ids).toHaveLength(getAllTemplates.length); // one more, and one less
    expect(ids).not.toContain('Virtual-MQ-Root');
  }, 60_000);

  it('swctl: every command', async () => {
    await swctl('time_info');
    expect(await swctl<string>('version')).toMatch(/^10\.4/);
    expect(await swctl<{ readonly score: number }>('health')).toEqual({ score: 0, details: '' });
    const names = (list: readonly { readonly name: string }[]) => list.map((s) => s.name);
    expect(names(await swctl('service_list', { duration }))).toEqual([DB_PEER, 'shop', 'web']);
    expect(names(await swctl('service_layer', { layer: 'GENERAL' }))).toEqual(['shop', 'web']);
    expect(await swctl('layer_list')).toEqual(['GENERAL', 'VIRTUAL_DATABASE']);
    const { id } = await swctl<{ readonly id: string }>('service_name', { serviceName: 'shop' });
    expect(id).toBe(SHOP);
    expect(names(await swctl('instance_list', { serviceId: id, duration }))).toEqual(['shop-1']);
    expect(names(await swctl('endpoint_list', { serviceId: id, keyword: '', limit: 100, duration }))).toEqual(['/buy']);
    expect(await swctl('endpoint_get', { endpointId: namedPartId(SHOP, '/buy') })).toMatchObject({
      serviceName: 'shop',
    });

    const entity = { serviceName: 'shop', normal: true };
    const total = sum.reduce((a, b) => a + b, 0);
    const exec = await swctl<Answer>('metrics_exec', { expression: 'sum(service_cpm)', entity, duration });
    expect(exec).toMatchObject({ type: 'SINGLE_VALUE', results: [{ values: [{ value: String(total) }] }] });
    expect(names(await swctl('metrics_list', { regex: 'service_cpm' }))).toEqual(['service_cpm']);
    const condition = { name: 'service_cpm', entity };
    interface Line {
      readonly label: string | null;
      readonly values: { readonly values: readonly { readonly value: number; readonly isEmptyValue: boolean }[] };
    }
    const numbers = ({ values }: Line) => values.values.map((v) => (v.isEmptyValue ? null : String(v.value)));
    expect(numbers(await swctl<Line>('metrics_linear', { condition, duration }))).toEqual(counted(sum));
    const present = sum.filter((n) => n > 0);
    expect(await swctl('metrics_single', { condition, duration })).toBe(Math.floor(total / present.length));
    expect(await swctl('metrics_nullable', { condition, duration })).toMatchObject({ isEmptyValue: false });
    const lines = await swctl<readonly Line[]>('metrics_multiple_linear', {
      condition: { name: 'service_percentile', entity },
      labels: ['50', '99'],
      duration,
    });
    expect(lines.map(numbers)).toEqual([counted(sum, () => String(SHOP_MS)), counted(sum, () => String(SHOP_MS))]);
    const top = await swctl<readonly { readonly name: string; readonly value: string }[]>('metrics_top', {
      condition: { name: 'service_resp_time', topN: 5, order: 'DES' },
      duration,
    });
    expect(top).toEqual([
      { name: 'web', value: String(WEB_MS) },
      { name: 'shop', value: String(SHOP_MS) },
    ]);
    const { errors } = await post({
      query: swctlOperations.get('metrics_sampled')!,
      variables: { condition: { name: 'top_n_database_statement', topN: 5, order: 'DES' }, duration },
    });
    expect(errors![0]!.message).toContain('OAP-6003 a federation keeps no sampled records');

    const dependency = await swctl<{ readonly calls: readonly { readonly source: string; readonly target: string }[] }>(
      'dependency_global',
      { duration, layer: 'GENERAL' },
    );
    expect(dependency.calls.map((c) => `${c.source} ${c.target}`)).toContain(`${WEB} ${SHOP}`);
    await swctl('dependency_service', { serviceId: SHOP, duration });
    await swctl('dependency_instance', { clientServiceId: WEB, serverServiceId: SHOP, duration });
    await swctl('dependency_endpoint', { endpointId: namedPartId(SHOP, '/buy'), duration });
    await swctl('hierarchy_service', { serviceId: SHOP, layer: 'GENERAL' });
    await swctl('alarm_list', { duration, paging: { pageNum: 1, pageSize: 15 }, tags: [] });
    await swctl('event_list', { condition: { time: duration, paging: { pageNum: 1, pageSize: 15 } } });
    await swctl('menu_get');
  }, 60_000);
});
