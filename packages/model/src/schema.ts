// SPDX-License-Identifier: Apache-2.0
// A metric's schema: its name, scope, function and constant arguments. It says what a block's columns mean, in every tier.
import { FUNCTIONS, tryFunction, type FieldSpec, type FunctionName, type FunctionSpec } from './functions.js';
import { tryScope, type ScopeName } from './scope.js';

export interface MetricSchema {
  readonly name: string;
  readonly scope: ScopeName;
  readonly functionName: FunctionName;
  readonly args: readonly number[];
  /** All additive fields in declaration order. */
  readonly fields: readonly FieldSpec[];
  /** Positions: int64 fields and distribution fields among themselves, in declaration order. */
  readonly intFields: readonly Extract<FieldSpec, { kind: 'int64' }>[];
  readonly distributionFields: readonly Extract<FieldSpec, { kind: 'distribution' }>[];
  /** Canonical text, e.g. `service_percentile Service hdrPercentile(2)`; equal texts merge, others never. */
  readonly text: string;
}

const NAME = /^[a-z][a-z0-9_]{0,54}$/i;

/** Builds a schema. Errors: a RangeError that says what is wrong with the name or the arguments. */
export function metricSchema(
  name: string,
  scope: ScopeName,
  functionName: FunctionName,
  args: readonly number[] = [],
): MetricSchema {
  if (!NAME.test(name)) throw new RangeError(`metric name "${name}" must match ${NAME.source}`);
  const problem = FUNCTIONS[functionName].checkArgs(args);
  if (problem) throw new RangeError(`${functionName} ${problem}`);
  const fields = FUNCTIONS[functionName].fields(args);
  return {
    name,
    scope,
    functionName,
    args,
    fields,
    intFields: fields.filter((f) => f.kind === 'int64'),
    distributionFields: fields.filter((f) => f.kind === 'distribution'),
    text: `${name} ${scope} ${functionName}(${args.join(',')})`,
  };
}

export function functionOf(schema: MetricSchema): FunctionSpec {
  return FUNCTIONS[schema.functionName];
}

/** Schemas that were read before: every content names the same few. */
const parsed = new Map<string, MetricSchema>();
const PARSED_MAX = 4_096;

/** Reads `text` of a schema; undefined when scope, function or arguments are not known here (the increment is then parked, not lost). */
export function tryParseSchema(text: string): MetricSchema | undefined {
  const known = parsed.get(text);
  if (known) return known;
  const match = /^(\S+) (\w+) (\w+)\(([\d,]*)\)$/.exec(text);
  if (!match) return undefined;
  const scope = tryScope(match[2]!);
  const fn = tryFunction(match[3]!);
  if (!scope || !fn || !NAME.test(match[1]!)) return undefined;
  const args = match[4] === '' ? [] : match[4]!.split(',').map(Number);
  if (fn.checkArgs(args) !== undefined) return undefined;
  const schema = metricSchema(match[1]!, scope.name as ScopeName, fn.name, args);
  if (schema.text !== text) return undefined;
  if (parsed.size < PARSED_MAX) parsed.set(text, schema);
  return schema;
}
