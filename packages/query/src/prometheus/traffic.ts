// SPDX-License-Identifier: Apache-2.0
// SkyWalking's pseudo metrics service_traffic, instance_traffic and endpoint_traffic: what there is, for the variables of dashboards.
import { serviceId, tryParseServiceId } from '@oap-federation/model';
import { Labels, listedValues, METRIC_NAME, PromqlExecutionError, type CompiledMatcher } from '@oap-federation/promql';
import type { MetadataReader, ServiceInfo } from '@oap-federation/storage';
import type { Traffic } from './families.js';

/** Services whose instances or endpoints one selector may list, each with a query. */
const SERVICES_MAX = 200;
/** Endpoints of a service, where the selector has no `limit`; SkyWalking's default and its greatest. */
const ENDPOINTS = 100;
const ENDPOINTS_MAX = 1_000;

/** `limit` and `keyword` of endpoint_traffic are instructions, not labels, as in SkyWalking. */
export async function trafficLabels(
  name: Traffic,
  matchers: readonly CompiledMatcher[],
  { fromMinute, toMinute }: { readonly fromMinute: number; readonly toMinute: number },
  metadata: MetadataReader,
): Promise<Labels[]> {
  const isInstruction = (m: CompiledMatcher) => name === 'endpoint_traffic' && ['limit', 'keyword'].includes(m.name);
  const checked = matchers.filter((m) => !isInstruction(m));
  const instruction = (of: string) => matchers.find((m) => isInstruction(m) && m.name === of)?.value;
  const limit = endpointLimit(instruction('limit'));

  const services = await asked(matchers, metadata);
  if (name !== 'service_traffic' && services.length > SERVICES_MAX) {
    throw new PromqlExecutionError(
      `${name} of ${services.length} services, the limit is ${SERVICES_MAX}: match on service`,
    );
  }
  const found: Labels[] = [];
  const add = (
    { id, name: service, layers }: ServiceInfo,
    scope: string,
    more: readonly (readonly [string, string])[],
  ) => {
    const normal = tryParseServiceId(id)?.normal === false ? 'false' : '';
    const labels = Labels.of([
      [METRIC_NAME, name],
      ['scope', scope],
      ['service', service],
      ['layer', layers.join(',')],
      ['normal', normal],
      ...more,
    ]);
    if (checked.every((m) => m.matches(labels.get(m.name)))) found.push(labels);
  };
  for (const service of services) {
    switch (name) {
      case 'service_traffic':
        add(service, 'Service', []);
        break;
      case 'instance_traffic':
        for (const { name: instance } of await metadata.listInstances(service.id, fromMinute, toMinute)) {
          add(service, 'ServiceInstance', [['service_instance', instance]]);
        }
        break;
      case 'endpoint_traffic':
        for (const { name: endpoint } of await metadata.findEndpoints(
          service.id,
          instruction('keyword') ?? '',
          limit,
        )) {
          add(service, 'Endpoint', [['endpoint', endpoint]]);
        }
    }
  }
  return found;
}

function endpointLimit(text: string | undefined): number {
  if (text === undefined) return ENDPOINTS;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > ENDPOINTS_MAX) {
    throw new PromqlExecutionError(`limit="${text}" of endpoint_traffic must be a number from 1 to ${ENDPOINTS_MAX}`);
  }
  return limit;
}

/** Services that the matchers on service and layer allow. */
async function asked(matchers: readonly CompiledMatcher[], metadata: MetadataReader): Promise<readonly ServiceInfo[]> {
  const listed = matchers
    .filter((m) => m.name === 'service')
    .map(listedValues)
    .find((v) => v !== undefined);
  const ids = listed && new Set(listed.flatMap((name) => [serviceId(name, true), serviceId(name, false)]));
  const services = await metadata.listServices();
  return services.filter(
    (s) =>
      (ids === undefined || ids.has(s.id)) &&
      matchers.every(
        (m) => (m.name !== 'service' || m.matches(s.name)) && (m.name !== 'layer' || m.matches(s.layers.join(','))),
      ),
  );
}
