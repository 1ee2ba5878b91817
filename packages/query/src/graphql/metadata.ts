// SPDX-License-Identifier: Apache-2.0
// Metadata: layers, services, instances, endpoints, under their names of today and those that older clients still send. Processes are not
// known here; the questions about them are answered in not-kept.ts.
import { serviceId, VIRTUAL_LAYERS } from '@oap-federation/model';
import { OapError } from '@oap-federation/runtime';
import type { InstanceInfo, MetadataReader, ServiceInfo } from '@oap-federation/storage';
import { meteredReader } from '../budget.js';
import { BadQuestion } from '../problem.js';
import { minutesOf, type DurationInput } from '../range.js';
import {
  askRange,
  type Args,
  type GraphQLDeps,
  type GraphQLLimits,
  type GraphQLPart,
  type QueryContext,
} from './context.js';

const SDL = `
enum Language { UNKNOWN JAVA DOTNET NODEJS PYTHON RUBY GO LUA PHP }

type Service { id: ID! name: String! group: String! shortName: String! layers: [String!]! normal: Boolean }
type Attribute { name: String! value: String! }
type ServiceInstance { id: ID! name: String! attributes: [Attribute!]! language: Language! instanceUUID: String! }
type Endpoint { id: ID! name: String! }
type EndpointInfo { id: ID! name: String! serviceId: ID! serviceName: String! }

"A layer of conjectured services (VIRTUAL_...) means the conjectured service of that name; any other, or none, the real one."
input ServiceCondition { serviceName: String! layer: String }

extend type Query {
  listLayers: [String!]!
  listServices(layer: String): [Service!]!
  getService(serviceId: String!): Service
  findService(serviceName: String!): Service
  listInstances(duration: Duration!, serviceId: ID!): [ServiceInstance!]!
  listInstancesByName(duration: Duration!, service: ServiceCondition!): [ServiceInstance!]!
  getInstance(instanceId: String!): ServiceInstance
  findEndpoint(keyword: String, serviceId: ID!, limit: Int!, duration: Duration): [Endpoint!]!
  findEndpointByName(keyword: String, service: ServiceCondition!, limit: Int!, duration: Duration): [Endpoint!]!
  getEndpointInfo(endpointId: ID!): EndpointInfo

  "Deprecated, as are the fields below; swctl sends them."
  getAllServices(duration: Duration!, group: String): [Service!]!
  getAllBrowserServices(duration: Duration!): [Service!]!
  searchServices(duration: Duration!, keyword: String!): [Service!]!
  searchService(serviceCode: String!): Service
  searchBrowserService(serviceCode: String!): Service
  getServiceInstances(duration: Duration!, serviceId: ID!): [ServiceInstance!]!
  searchEndpoint(keyword: String!, serviceId: ID!, limit: Int!): [Endpoint!]!
}
`;

/** Nearly every field reads a list whose length nobody has counted. */
const LIST_WEIGHT = 1_000;
const ENDPOINTS_MAX = 1_000;
/** An endpoint was there in a duration when this metric of it has data. */
const SERVED = 'endpoint_cpm';
/** The property in which agents say their language; SkyWalking shows it apart from the others. */
const LANGUAGE = 'language';
const LANGUAGES = ['JAVA', 'DOTNET', 'NODEJS', 'PYTHON', 'RUBY', 'GO', 'LUA', 'PHP'];
const BROWSER = 'BROWSER';

interface EndpointSearch {
  readonly keyword?: string | null;
  readonly limit: number;
  readonly duration?: DurationInput | null;
}

export interface ServiceCondition {
  readonly serviceName: string;
  readonly layer?: string | null;
}

/** The id of the service that a condition names. */
export function serviceIdOf({ serviceName, layer }: ServiceCondition): string {
  return serviceId(serviceName, !layer || !VIRTUAL_LAYERS.has(layer));
}

export function metadataPart(deps: GraphQLDeps, limits: GraphQLLimits): GraphQLPart {
  const instancesOf = async (id: string, duration: DurationInput, { metadata }: QueryContext) => {
    const { fromMinute, toMinute } = minutesOf(duration, deps.timezoneOffsetMinutes);
    return (await metadata.listInstances(id, fromMinute, toMinute)).map(instanceView);
  };
  /** Endpoints of a service, newest first; with a duration those that served requests in it. */
  const findEndpoints = async (
    id: string,
    { keyword, limit, duration }: EndpointSearch,
    context: QueryContext,
  ): Promise<readonly { readonly id: string; readonly name: string }[]> => {
    if (limit < 1) throw new BadQuestion(`limit is ${limit}, it must be at least 1`);
    if (limit > ENDPOINTS_MAX) throw new OapError('OAP-6001', { limit: 'limit', value: limit, max: ENDPOINTS_MAX });
    const metric = context.reader.metrics().find((m) => m.name === SERVED);
    const wanted = duration && metric ? ENDPOINTS_MAX : limit;
    const endpoints = await context.metadata.findEndpoints(id, keyword ?? '', wanted);
    const views = endpoints.map(({ id: endpointId, name }) => ({ id: endpointId, name }));
    if (!duration || !metric || views.length === 0) return views;
    const range = await askRange(duration, context, deps, limits);
    const reader = meteredReader(context.reader, context.budget);
    const entityIds = views.map((view) => view.id);
    const served = new Set(
      (await reader.readRange({ metric, entityIds, origins: [''], ...range })).map((series) => series.entityId),
    );
    return views.filter((view) => served.has(view.id)).slice(0, limit);
  };
  return {
    sdl: SDL,
    weight: LIST_WEIGHT,
    Query: {
      listLayers: (_, _args, { metadata }) => metadata.listLayers(),

      listServices: (_, { layer }: Args<{ layer?: string | null }>, { metadata }) =>
        listServices(metadata, layer || undefined),

      getService: async (_, { serviceId: id }: Args<{ serviceId: string }>, { metadata }) =>
        (await listServices(metadata)).find((s) => s.id === id) ?? null,

      findService: (_, { serviceName }: Args<{ serviceName: string }>, { metadata }) =>
        findService(metadata, serviceName),

      listInstances: (_, { duration, serviceId: id }: Args<{ duration: DurationInput; serviceId: string }>, context) =>
        instancesOf(id, duration, context),

      listInstancesByName: (
        _,
        { duration, service }: Args<{ duration: DurationInput; service: ServiceCondition }>,
        context,
      ) => instancesOf(serviceIdOf(service), duration, context),

      getInstance: async (_, { instanceId }: Args<{ instanceId: string }>, { metadata }) => {
        const instance = await metadata.instance(instanceId);
        return instance ? instanceView(instance) : null;
      },

      findEndpoint: (_, asked: Args<EndpointSearch & { serviceId: string }>, context) =>
        findEndpoints(asked.serviceId, asked, context),

      findEndpointByName: (_, asked: Args<EndpointSearch & { service: ServiceCondition }>, context) =>
        findEndpoints(serviceIdOf(asked.service), asked, context),

      getEndpointInfo: async (_, { endpointId }: Args<{ endpointId: string }>, { metadata }) => {
        const [endpoint] = await metadata.entities('Endpoint', [endpointId]);
        if (!endpoint) return null;
        const { service, normal, name } = endpoint.source;
        return { id: endpoint.id, name, serviceId: serviceId(service, normal), serviceName: service };
      },

      getAllServices: async (_, { group }: Args<{ group?: string | null }>, { metadata }) =>
        (await listServices(metadata)).filter((s) => !group || s.group === group),

      getAllBrowserServices: (_, _args, { metadata }) => listServices(metadata, BROWSER),

      searchServices: async (_, { keyword }: Args<{ keyword: string }>, { metadata }) =>
        (await listServices(metadata)).filter((s) => s.name.includes(keyword)),

      searchService: (_, { serviceCode }: Args<{ serviceCode: string }>, { metadata }) =>
        findService(metadata, serviceCode),

      searchBrowserService: (_, { serviceCode }: Args<{ serviceCode: string }>, { metadata }) =>
        findService(metadata, serviceCode, BROWSER),

      getServiceInstances: (
        _,
        { duration, serviceId: id }: Args<{ duration: DurationInput; serviceId: string }>,
        context,
      ) => instancesOf(id, duration, context),

      searchEndpoint: (_, asked: Args<EndpointSearch & { serviceId: string }>, context) =>
        findEndpoints(asked.serviceId, asked, context),
    },
  };
}

async function listServices(metadata: MetadataReader, layer?: string) {
  return (await metadata.listServices(layer)).map(serviceView);
}

/** A name may be a real and a conjectured service: the real one is meant, as in SkyWalking. */
async function findService(metadata: MetadataReader, name: string, layer?: string) {
  const named = (await listServices(metadata, layer)).filter((s) => s.name === name);
  return named.find((s) => s.normal) ?? named[0] ?? null;
}

function serviceView({ id, name, normal, layers }: ServiceInfo) {
  const separator = name.indexOf('::');
  return {
    id,
    name,
    group: separator < 0 ? '' : name.slice(0, separator),
    shortName: separator < 0 ? name : name.slice(separator + 2),
    layers,
    normal,
  };
}

function instanceView({ id, name, properties }: InstanceInfo) {
  const language = (properties.find((p) => p.name === LANGUAGE)?.value ?? '').toUpperCase();
  return {
    id,
    name,
    attributes: properties.filter((p) => p.name !== LANGUAGE),
    language: LANGUAGES.includes(language) ? language : 'UNKNOWN',
    instanceUUID: id,
  };
}
