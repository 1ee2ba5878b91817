// SPDX-License-Identifier: Apache-2.0
// Who calls whom. Metadata knows which relations there ever were; a call is shown when one of its metrics has data in the range, on the
// side that the metric was measured. So a topology needs no data of its own, and is as complete as the metrics are.
import { namedPartId, serviceId, type Entity, type EntityPart } from '@oap-federation/model';
import { OapError } from '@oap-federation/runtime';
import type { RelationScope } from '@oap-federation/storage';
import { meteredReader } from '../budget.js';
import type { DurationInput } from '../range.js';
import {
  askRange,
  type Args,
  type GraphQLDeps,
  type GraphQLLimits,
  type GraphQLPart,
  type QueryContext,
} from './context.js';
import { serviceIdOf, type ServiceCondition } from './metadata.js';

const SDL = `
type Node { id: ID! name: String! type: String isReal: Boolean! layers: [String!]! }
type ServiceInstanceNode { id: ID! name: String! serviceId: ID! serviceName: String! type: String isReal: Boolean! }
type EndpointNode { id: ID! name: String! serviceId: ID! serviceName: String! type: String isReal: Boolean! }
"The components of a call are not kept: both lists are empty."
type Call {
  source: ID! sourceComponents: [ID!]! target: ID! targetComponents: [ID!]! id: ID! detectPoints: [DetectPoint!]!
}
type Topology { nodes: [Node!]! calls: [Call!]! debuggingTrace: DebuggingTrace }
type ServiceInstanceTopology { nodes: [ServiceInstanceNode!]! calls: [Call!]! debuggingTrace: DebuggingTrace }
type EndpointTopology { nodes: [EndpointNode!]! calls: [Call!]! debuggingTrace: DebuggingTrace }

input EndpointCondition { serviceName: String! layer: String endpointName: String! }

extend type Query {
  getGlobalTopology(duration: Duration!, layer: String, debug: Boolean): Topology
  getServiceTopology(serviceId: ID!, duration: Duration!, debug: Boolean): Topology
  getServiceTopologyByName(service: ServiceCondition!, duration: Duration!, debug: Boolean): Topology
  getServicesTopology(serviceIds: [ID!]!, duration: Duration!, debug: Boolean): Topology
  getServicesTopologyByNames(services: [ServiceCondition!]!, duration: Duration!, debug: Boolean): Topology
  getServiceInstanceTopology(clientServiceId: ID!, serverServiceId: ID!, duration: Duration!, debug: Boolean): ServiceInstanceTopology
  getServiceInstanceTopologyByName(
    clientService: ServiceCondition!, serverService: ServiceCondition!, duration: Duration!, debug: Boolean
  ): ServiceInstanceTopology
  getEndpointTopology(endpointId: ID!, duration: Duration!): Topology
  getEndpointDependencies(endpointId: ID!, duration: Duration!, debug: Boolean): EndpointTopology
  getEndpointDependenciesByName(endpoint: EndpointCondition!, duration: Duration!, debug: Boolean): EndpointTopology
}
`;

type DetectPoint = 'CLIENT' | 'SERVER';
type Relation = Required<Entity>;

/** A call was seen on a side when this metric of the side has data. */
const DETECTED_BY: Readonly<Record<RelationScope, readonly (readonly [metric: string, side: DetectPoint])[]>> = {
  ServiceRelation: [
    ['service_relation_client_cpm', 'CLIENT'],
    ['service_relation_server_cpm', 'SERVER'],
  ],
  ServiceInstanceRelation: [
    ['service_instance_relation_client_cpm', 'CLIENT'],
    ['service_instance_relation_server_cpm', 'SERVER'],
  ],
  EndpointRelation: [['endpoint_relation_cpm', 'SERVER']],
};

/** Relations of one answer: the metrics of each are read, and a picture of more shows nobody anything. */
const RELATIONS_MAX = 5_000;
/** SkyWalking's name for whoever calls from outside; its nodes are of type USER. */
const USER = 'User';

interface Link {
  readonly relation: Relation;
  readonly detectPoints: readonly DetectPoint[];
}

export function topologyPart(deps: GraphQLDeps, limits: GraphQLLimits): GraphQLPart {
  /** Calls of a scope with data in the range, that one of the services (left out: any) takes part in and `among` lets through. */
  const links = async (
    scope: RelationScope,
    duration: DurationInput,
    context: QueryContext,
    serviceIds?: readonly string[],
    among: (relation: Relation) => boolean = () => true,
  ): Promise<readonly Link[]> => {
    const range = await askRange(duration, context, deps, limits);
    const known = await context.metadata.relations(scope, RELATIONS_MAX + 1, serviceIds);
    if (known.length > RELATIONS_MAX) {
      throw new OapError('OAP-6001', { limit: 'relations', value: known.length, max: RELATIONS_MAX });
    }
    const relations = new Map(known.filter(among).map((relation) => [relation.id, relation]));
    if (relations.size === 0) return [];
    const reader = meteredReader(context.reader, context.budget);
    const seen = new Map<string, DetectPoint[]>();
    for (const [name, side] of DETECTED_BY[scope]) {
      const metric = reader.metrics().find((m) => m.name === name);
      if (!metric) continue;
      // one row for the whole range is enough to see that there is data
      for (const { entityId } of await reader.readRange({
        metric,
        entityIds: [...relations.keys()],
        origins: [''],
        ...range,
      })) {
        const sides = seen.get(entityId);
        if (sides) sides.push(side);
        else seen.set(entityId, [side]);
      }
    }
    return [...seen].map(([id, detectPoints]) => ({ relation: relations.get(id)!, detectPoints }));
  };

  /** The calls that these services take part in. The services themselves are shown also when nobody calls them. */
  const servicesTopology = async (serviceIds: readonly string[], duration: DurationInput, context: QueryContext) => {
    const found = await links('ServiceRelation', duration, context, serviceIds);
    const asked = new Set(serviceIds);
    const alone = (await context.metadata.listServices())
      .filter((s) => asked.has(s.id))
      .map(({ name, normal, layers }) => serviceNode({ service: name, normal, layer: layers.join(','), name: '' }));
    return topologyOf(found, serviceNode, (part) => serviceId(part.service, part.normal), alone);
  };

  const instanceTopology = async (client: string, server: string, duration: DurationInput, context: QueryContext) => {
    const ends = new Set([client, server]);
    // calls between the two, whichever way they go
    const found = await links('ServiceInstanceRelation', duration, context, [client], ({ source, dest }) =>
      [source, dest].every(({ service, normal }) => ends.has(serviceId(service, normal))),
    );
    return topologyOf(found, partNode, partId);
  };

  const endpointTopology = async (endpointId: string, duration: DurationInput, context: QueryContext) => {
    const [service] = endpointId.split('_');
    const found = await links('EndpointRelation', duration, context, [service!], ({ source, dest }) =>
      [source, dest].some((part) => partId(part) === endpointId),
    );
    return topologyOf(found, partNode, partId);
  };

  return {
    sdl: SDL,
    weight: RELATIONS_MAX, // so many are looked at before any metric is read
    Query: {
      getGlobalTopology: async (
        _,
        { duration, layer }: Args<{ duration: DurationInput; layer?: string | null }>,
        context,
      ) => {
        if (!layer) {
          const found = await links('ServiceRelation', duration, context);
          return topologyOf(found, serviceNode, (part) => serviceId(part.service, part.normal));
        }
        const services = await context.metadata.listServices(layer);
        return servicesTopology(
          services.map((s) => s.id),
          duration,
          context,
        );
      },

      getServiceTopology: (
        _,
        { serviceId: id, duration }: Args<{ serviceId: string; duration: DurationInput }>,
        context,
      ) => servicesTopology([id], duration, context),

      getServiceTopologyByName: (
        _,
        { service, duration }: Args<{ service: ServiceCondition; duration: DurationInput }>,
        context,
      ) => servicesTopology([serviceIdOf(service)], duration, context),

      getServicesTopology: (
        _,
        { serviceIds, duration }: Args<{ serviceIds: readonly string[]; duration: DurationInput }>,
        context,
      ) => servicesTopology(serviceIds, duration, context),

      getServicesTopologyByNames: (
        _,
        { services, duration }: Args<{ services: readonly ServiceCondition[]; duration: DurationInput }>,
        context,
      ) => servicesTopology(services.map(serviceIdOf), duration, context),

      getServiceInstanceTopology: (
        _,
        asked: Args<{ clientServiceId: string; serverServiceId: string; duration: DurationInput }>,
        context,
      ) => instanceTopology(asked.clientServiceId, asked.serverServiceId, asked.duration, context),

      getServiceInstanceTopologyByName: (
        _,
        asked: Args<{ clientService: ServiceCondition; serverService: ServiceCondition; duration: DurationInput }>,
        context,
      ) =>
        instanceTopology(serviceIdOf(asked.clientService), serviceIdOf(asked.serverService), asked.duration, context),

      getEndpointTopology: async (
        _,
        { endpointId, duration }: Args<{ endpointId: string; duration: DurationInput }>,
        context,
      ) => {
        const { nodes, calls } = await endpointTopology(endpointId, duration, context);
        return { nodes: nodes.map((node) => ({ ...node, layers: [] })), calls };
      },

      getEndpointDependencies: (
        _,
        { endpointId, duration }: Args<{ endpointId: string; duration: DurationInput }>,
        context,
      ) => endpointTopology(endpointId, duration, context),

      getEndpointDependenciesByName: (
        _,
        {
          endpoint,
          duration,
        }: Args<{ endpoint: ServiceCondition & { readonly endpointName: string }; duration: DurationInput }>,
        context,
      ) => endpointTopology(namedPartId(serviceIdOf(endpoint), endpoint.endpointName), duration, context),
    },
  };
}

interface AnyNode {
  readonly id: string;
}

/** Nodes and calls of the links, each node once; `alone` are nodes that are shown also without a call. */
function topologyOf<N extends AnyNode>(
  found: readonly Link[],
  nodeOf: (part: EntityPart) => N,
  idOf: (part: EntityPart) => string,
  alone: readonly N[] = [],
) {
  const nodes = new Map(alone.map((node) => [node.id, node]));
  for (const { relation } of found) {
    for (const part of [relation.source, relation.dest]) {
      if (!nodes.has(idOf(part))) nodes.set(idOf(part), nodeOf(part));
    }
  }
  return {
    nodes: [...nodes.values()],
    calls: found.map(({ relation: { id, source, dest }, detectPoints }) => ({
      id,
      source: idOf(source),
      target: idOf(dest),
      detectPoints,
      sourceComponents: [],
      targetComponents: [],
    })),
    debuggingTrace: null,
  };
}

function serviceNode({ service, normal, layer }: EntityPart) {
  return {
    id: serviceId(service, normal),
    name: service,
    type: typeOf(service, normal),
    isReal: normal,
    layers: layer.split(',').filter((l) => l !== ''),
  };
}

function partId({ service, normal, name }: EntityPart): string {
  return namedPartId(serviceId(service, normal), name);
}

function partNode(part: EntityPart) {
  const { service, normal, name } = part;
  const type = typeOf(service, normal);
  return { id: partId(part), name, serviceId: serviceId(service, normal), serviceName: service, type, isReal: normal };
}

function typeOf(service: string, normal: boolean): string | null {
  return service === USER && !normal ? 'USER' : null;
}
