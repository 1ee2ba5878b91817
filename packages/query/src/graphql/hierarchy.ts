// SPDX-License-Identifier: Apache-2.0
// SkyWalking's hierarchy of layers: one service seen in several layers, one above the other. Here a service is one, with several layers, so
// there is nothing above or below it; the UI asks all the same.
import type { GraphQLPart } from './context.js';

const SDL = `
type HierarchyRelatedService { id: ID! name: String! layer: String! normal: Boolean! }
type HierarchyRelatedInstance {
  id: ID! name: String! serviceId: ID! serviceName: String! layer: String! normal: Boolean!
}
type HierarchyServiceRelation { upperService: HierarchyRelatedService! lowerService: HierarchyRelatedService! }
type HierarchyInstanceRelation { upperInstance: HierarchyRelatedInstance! lowerInstance: HierarchyRelatedInstance! }
type ServiceHierarchy { relations: [HierarchyServiceRelation!]! }
type InstanceHierarchy { relations: [HierarchyInstanceRelation!]! }
type LayerLevel { layer: String! level: Int! }

extend type Query {
  getServiceHierarchy(serviceId: ID!, layer: String!): ServiceHierarchy!
  getInstanceHierarchy(instanceId: ID!, layer: String!): InstanceHierarchy!
  listLayerLevels: [LayerLevel!]!
}
`;

export const hierarchyPart: GraphQLPart = {
  sdl: SDL,
  Query: {
    getServiceHierarchy: () => ({ relations: [] }),
    getInstanceHierarchy: () => ({ relations: [] }),
    listLayerLevels: () => [],
  },
};
