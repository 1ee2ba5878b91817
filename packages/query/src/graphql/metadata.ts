// SPDX-License-Identifier: Apache-2.0
// Metadata: layers, services, instances, endpoints, under their names of today and those that older clients still send. Processes are not
// known here; the questions about them are answered in not-kept.ts.
import { serviceId, VIRTUAL_LAYERS } from '@oap-federation/model';
import { OapError } from '@oap-federation/runtime';
import type { InstanceInfo, MetadataReader, ServiceInfo } from '@oap-federation/storage';
import { BadQuestion } from '../problem.js';
import { parseRange, type DurationInput } from '../range.js';
import type { Args, GraphQLDeps, GraphQLLimits, GraphQLPart, QueryContext } from './context.js';

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

const ENDPOINTS_MAX = 1_000;
/** The property in which agents say their language; SkyWalking shows it apart from the others. */
const LANGUAGE = 'language';
const LANGUAGES = ['JAVA', 'DOTNET', 'NODEJS', 'PYTHON', 'RUBY', 'GO', 'LUA', 'PHP'];
const BROWSER = 'BROWSER';

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
    const { fromMinute, toMinute } = parseRange(duration, deps.timezoneOffsetMinutes, limits.maxPoints);
    return (await metadata.listInstances(id, fromMinute, toMinute)).map(instanceView);
  };
  return {
    sdl: SDL,
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

      findEndpoint: (
        _,
        { keyword, serviceId: id, limit }: Args<{ keyword?: string | null; serviceId: string; limit: number }>,
        { metadata },
      ) => findEndpoints(metadata, id, keyword, limit),

      findEndpointByName: (
        _,
        { keyword, service, limit }: Args<{ keyword?: string | null; service: ServiceCondition; limit: number }>,
        { metadata },
      ) => findEndpoints(metadata, serviceIdOf(service), keyword, limit),

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

      searchEndpoint: (
        _,
        { keyword, serviceId: id, limit }: Args<{ keyword: string; serviceId: string; limit: number }>,
        { metadata },
      ) => findEndpoints(metadata, id, keyword, limit),
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

async function findEndpoints(metadata: MetadataReader, id: string, keyword: string | null | undefined, limit: number) {
  if (limit < 1) throw new BadQuestion(`limit is ${limit}, it must be at least 1`);
  if (limit > ENDPOINTS_MAX) throw new OapError('OAP-6001', { limit: 'limit', value: limit, max: ENDPOINTS_MAX });
  const endpoints = await metadata.findEndpoints(id, keyword ?? '', limit);
  return endpoints.map(({ id: endpointId, name }) => ({ id: endpointId, name }));
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
