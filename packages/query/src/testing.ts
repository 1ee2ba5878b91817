// SPDX-License-Identifier: Apache-2.0
// A tier over plain memory, exported as `@oap-federation/query/testing`: metadata and completeness that a test sets, to put behind the
// query server beside mqe's MemoryMetricReader.
import { serviceId, tryParseServiceId, type Entity, type ScopeName } from '@oap-federation/model';
import type {
  Conservation,
  InstanceInfo,
  MetadataReader,
  NamedInfo,
  ServiceInfo,
  SourceCompleteness,
} from '@oap-federation/storage';

export interface MemoryMetadata extends MetadataReader {
  readonly services: ServiceInfo[];
  readonly instances: InstanceInfo[];
  readonly endpoints: NamedInfo[];
  readonly relationEntities: Required<Entity>[];
  sources: readonly SourceCompleteness[];
  known: Conservation;
  /** When set, every method rejects with it. */
  failure: Error | undefined;
}

export function memoryMetadata(services: readonly ServiceInfo[]): MemoryMetadata {
  const answer = <T>(value: () => T): Promise<T> =>
    metadata.failure === undefined ? Promise.resolve(value()) : Promise.reject(metadata.failure);
  const metadata: MemoryMetadata = {
    services: [...services],
    instances: [],
    endpoints: [],
    relationEntities: [],
    sources: [],
    known: { losses: [], verdicts: [] },
    failure: undefined,
    listLayers: () => answer(() => [...new Set(metadata.services.flatMap((s) => s.layers))].sort()),
    listServices: (layer) =>
      answer(() => metadata.services.filter((s) => layer === undefined || s.layers.includes(layer))),
    listInstances: (serviceId) => answer(() => metadata.instances.filter((i) => i.serviceId === serviceId)),
    findEndpoints: (serviceId, keyword, limit) =>
      answer(() =>
        metadata.endpoints.filter((e) => e.serviceId === serviceId && e.name.includes(keyword)).slice(0, limit),
      ),
    instance: (id) => answer(() => metadata.instances.find((i) => i.id === id)),
    relations: (scope, limit, serviceIds) =>
      answer(() =>
        metadata.relationEntities
          .filter((e) => e.scope === scope)
          .filter(
            ({ source, dest }) =>
              serviceIds === undefined ||
              [source, dest].some((end) => serviceIds.includes(serviceId(end.service, end.normal))),
          )
          .slice(0, limit),
      ),
    entities: (scope: ScopeName, ids) =>
      answer(() =>
        ids.flatMap((id): Entity[] => {
          const service = tryParseServiceId(id);
          if (!service) return [];
          return [{ scope, id, source: { service: service.name, normal: service.normal, layer: '', name: '' } }];
        }),
      ),
    completeness: () => answer(() => metadata.sources),
    conservation: () => answer(() => metadata.known),
  };
  return metadata;
}
