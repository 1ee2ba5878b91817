// SPDX-License-Identifier: Apache-2.0
// What it takes to ask a root field of GraphQL. In: the resolvers. Out: the same, each behind its demand on the principal of the request.
import type { AccessAction } from '@oap-federation/runtime';
import { demand } from './guard.js';
import type { Principal } from './principal.js';

/** What clients ask before anything else, of the program rather than of the data. */
const OF_ANYONE: ReadonlySet<string> = new Set(['version', 'getTimeInfo', 'checkHealth', 'hasQueryTracesV2Support']);

/** The action that a root field wants; undefined: any principal may ask it. A field of Query that nobody put in a list wants `query`. */
export function actionOf(type: 'Query' | 'Mutation', field: string): AccessAction | undefined {
  if (type === 'Mutation') return 'manage';
  if (OF_ANYONE.has(field)) return undefined;
  return /alarm/i.test(field) ? 'alarms' : 'query';
}

type Resolver = (parent: never, args: never, context: never, info: never) => unknown;
type Fields = Readonly<Record<string, Resolver>>;

/** Wraps every root field. Errors of a wrapped field: OAP-6102. */
export function guardFields<R extends { readonly Query: object; readonly Mutation?: object }>(resolvers: R): R {
  const guarded = (type: 'Query' | 'Mutation', fields: object) =>
    Object.fromEntries(
      Object.entries(fields as Fields).map(([field, resolve]) => {
        const action = actionOf(type, field);
        if (action === undefined) return [field, resolve];
        const behindDemand = (parent: never, args: never, context: { readonly principal: Principal }, info: never) => {
          demand(context.principal, action);
          return resolve(parent, args, context as never, info);
        };
        return [field, behindDemand];
      }),
    );
  return {
    ...resolvers,
    Query: guarded('Query', resolvers.Query),
    ...(resolvers.Mutation === undefined ? {} : { Mutation: guarded('Mutation', resolvers.Mutation) }),
  };
}
