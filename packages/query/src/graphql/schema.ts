// SPDX-License-Identifier: Apache-2.0
// The whole GraphQL surface, joined from its parts: SkyWalking 10.4's names and shapes, so that its clients work. Mutations are what the
// parts put under Mutation, and nothing else changes anything.
import { alarmsPart } from './alarms.js';
import type { GraphQLDeps, GraphQLLimits, GraphQLPart, Resolver, Resolvers } from './context.js';
import { dashboardsPart } from './dashboards.js';
import { expressionPart } from './expression.js';
import { hierarchyPart } from './hierarchy.js';
import { legacyMetricsPart } from './legacy-metrics.js';
import { metadataPart } from './metadata.js';
import { noProfilingPart } from './no-profiling.js';
import { notKeptPart } from './not-kept.js';
import { systemPart } from './system.js';
import { topologyPart } from './topology.js';

export interface GraphQLSurface {
  readonly sdl: string;
  readonly resolvers: { readonly Query: Resolvers; readonly Mutation: Resolvers };
}

export function graphqlSurface(deps: GraphQLDeps, limits: GraphQLLimits): GraphQLSurface {
  const parts: readonly GraphQLPart[] = [
    systemPart(deps, limits),
    metadataPart(deps, limits),
    expressionPart(deps, limits),
    legacyMetricsPart(deps, limits),
    topologyPart(deps, limits),
    hierarchyPart,
    alarmsPart(deps, limits),
    dashboardsPart(deps, limits),
    notKeptPart,
    noProfilingPart,
  ];
  const weighed = (type: 'Query' | 'Mutation'): Resolvers =>
    Object.fromEntries(
      parts.flatMap((part) =>
        Object.entries(part[type] ?? {}).map(([field, resolve]): [string, Resolver] => {
          const weight = part.weights?.[field] ?? part.weight ?? 1;
          return [
            field,
            (parent, args, context) => {
              context.budget.spend(weight);
              return resolve(parent, args, context);
            },
          ];
        }),
      ),
    );
  return {
    sdl: parts.map((part) => part.sdl).join(''),
    resolvers: { Query: weighed('Query'), Mutation: weighed('Mutation') },
  };
}
