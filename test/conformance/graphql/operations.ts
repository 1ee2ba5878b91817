// SPDX-License-Identifier: Apache-2.0
// The requests of SkyWalking's clients, as text: operations by name from the .graphql files beside, and the requests that booster-ui makes
// from widgets. In: names, expressions, entities. Out: what goes over HTTP, `query` and `variables`.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Kind, parse, print } from 'graphql';

/** Operation text by name. */
export type Operations = ReadonlyMap<string, string>;

function operationsOf(file: string): Operations {
  const document = parse(readFileSync(path.join(import.meta.dirname, file), 'utf8'));
  return new Map(
    document.definitions.flatMap((d) =>
      d.kind === Kind.OPERATION_DEFINITION ? [[d.name!.value, print(d)] as const] : [],
    ),
  );
}

export const boosterOperations = operationsOf('booster-ui.graphql');
export const swctlOperations = operationsOf('swctl.graphql');

export interface ClientRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What booster-ui selects of every expression. */
const SELECTION = `{
  type
  results {
    metric { labels { key value } }
    values {
      name: id
      value
      refId: traceID
      owner { scope serviceID serviceName normal serviceInstanceID serviceInstanceName endpointID endpointName }
    }
  }
  error
}`;

const WIDGETS_PER_REQUEST = 6;

/** The widgets of a page about one entity: requests of up to six widgets, their expressions named expression<widget><place>. */
export function widgetRequests(
  widgets: readonly (readonly string[])[],
  entity: object,
  duration: object,
): readonly ClientRequest[] {
  const requests: ClientRequest[] = [];
  for (let from = 0; from < widgets.length; from += WIDGETS_PER_REQUEST) {
    const declared = ['$duration: Duration!', '$entity: Entity!'];
    const variables: Record<string, unknown> = { duration, entity };
    const fields = widgets.slice(from, from + WIDGETS_PER_REQUEST).flatMap((expressions, i) =>
      expressions.map((expression, j) => {
        declared.push(`$expression${i}${j}: String!`);
        variables[`expression${i}${j}`] = expression;
        return `expression${i}${j}: execExpression(expression: $expression${i}${j}, entity: $entity, duration: $duration)${SELECTION}`;
      }),
    );
    requests.push({ query: `query queryData(${declared.join(',')}) {${fields.join(',')}}`, variables });
  }
  return requests;
}

/** A list of services, instances or endpoints: a column for each expression, and its course for the small chart in the column. */
export function listRequest(
  rows: readonly object[],
  columns: readonly string[],
  courses: readonly string[],
  duration: object,
): ClientRequest {
  const declared = ['$duration: Duration!'];
  const variables: Record<string, unknown> = { duration };
  const fields = rows.flatMap((entity, k) => {
    declared.push(`$entity${k}: Entity!`);
    variables[`entity${k}`] = entity;
    const field = (alias: string, variable: string, expression: string) => {
      declared.push(`$${variable}: String!`);
      variables[variable] = expression;
      return `${alias}: execExpression(expression: $${variable}, entity: $entity${k}, duration: $duration)${SELECTION}`;
    };
    return columns.flatMap((column, j) => [
      field(`subexpression${k}${j}`, `subExpression${k}${j}`, courses[j]!),
      field(`expression${k}${j}`, `expression${k}${j}`, column),
    ]);
  });
  return { query: `query queryData(${declared.join(',')}) {${fields.join(' ')}}`, variables };
}

/** The metrics of the nodes or calls of a topology: every expression for every entity. */
export function topologyRequest(
  entities: readonly object[],
  expressions: readonly string[],
  duration: object,
): ClientRequest {
  const declared = ['$duration: Duration!'];
  const variables: Record<string, unknown> = { duration };
  expressions.forEach((expression, j) => {
    declared.push(`$expression${j}: String!`);
    variables[`expression${j}`] = expression;
  });
  const fields = entities.flatMap((entity, i) => {
    declared.push(`$entity${i}: Entity!`);
    variables[`entity${i}`] = entity;
    return expressions.map(
      (_, j) =>
        `expression${i}${j}: execExpression(expression: $expression${j}, entity: $entity${i}, duration: $duration)${SELECTION}`,
    );
  });
  return { query: `query queryData(${declared.join(',')}) {${fields.join(' ')}}`, variables };
}
