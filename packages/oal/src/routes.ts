// SPDX-License-Identifier: Apache-2.0
// Checked program -> routes of forwarded metrics: which metrics of the tiers below this tier merges, and into what.
import { functionOf, type MetricSchema } from '@oap-federation/model';
import type { FederatedMetric, OalProgram } from './program.js';

export interface FederationRoute {
  /** The metric of this tier that the increments are merged into. */
  readonly schema: MetricSchema;
  /** Why increments of `wire` (the schema as the tier below sent it) cannot be merged into `schema`; undefined when they can. */
  accepts(wire: MetricSchema): string | undefined;
}

/** Routes by the name under which the metric arrives. A forwarded metric without a route is not wanted by this tier. */
export function federationRoutes(program: OalProgram): ReadonlyMap<string, FederationRoute> {
  return new Map(
    program.metrics
      .filter((m): m is FederatedMetric => m.kind === 'federated')
      .map(({ sourceMetric, schema }) => [
        sourceMetric,
        { schema, accepts: (wire: MetricSchema) => mismatch(sourceMetric, schema, wire) },
      ]),
  );
}

function mismatch(sourceMetric: string, local: MetricSchema, wire: MetricSchema): string | undefined {
  const made = (s: MetricSchema) => `${s.functionName}(${s.args.join(', ')})`;
  const refused = `metric ${sourceMetric} cannot be merged into ${local.name}`;
  if (wire.name !== sourceMetric) return `${refused}: the schema is of ${wire.name}`;
  if (wire.scope !== local.scope) return `${refused}: its scope is ${wire.scope} below and ${local.scope} here`;
  if (made(wire) === made(local)) return undefined;
  return `${refused}: it is made by ${made(wire)} below, and ${functionOf(local).addTwin}(${local.args.join(', ')}) here takes ${made(local)}`;
}
