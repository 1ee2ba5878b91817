// SPDX-License-Identifier: Apache-2.0
// The functions that can be called: what they take and what they give. Source: Prometheus 2.42, promql/parser/functions.go.
import type { ValueType } from './ast.js';

export interface Signature {
  readonly args: readonly ValueType[];
  /** How many of the last `args` may be left out; 'any': the last one may also be repeated. */
  readonly optional: number | 'any';
  readonly returns: ValueType;
}

const V = 'instant vector';
const R = 'range vector';
const S = 'scalar';
const T = 'string';

const takes = (args: readonly ValueType[], returns: ValueType = V, optional: Signature['optional'] = 0): Signature => ({
  args,
  optional,
  returns,
});

const all = (names: string, signature: Signature): [string, Signature][] =>
  names.split(' ').map((name) => [name, signature]);

export const SIGNATURES: ReadonlyMap<string, Signature> = new Map<string, Signature>([
  ...all(
    'abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh sqrt tan tanh',
    takes([V]),
  ),
  ...all('absent sort sort_desc timestamp', takes([V])),
  ...all('day_of_month day_of_week day_of_year days_in_month hour minute month year', takes([V], V, 1)),
  ...all(
    'absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time max_over_time ' +
      'min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time',
    takes([R]),
  ),
  ['clamp', takes([V, S, S])],
  ['clamp_max', takes([V, S])],
  ['clamp_min', takes([V, S])],
  ['histogram_quantile', takes([S, V])],
  ['holt_winters', takes([R, S, S])],
  ['label_join', takes([V, T, T, T], V, 'any')],
  ['label_replace', takes([V, T, T, T, T])],
  ['pi', takes([], S)],
  ['predict_linear', takes([R, S])],
  ['quantile_over_time', takes([S, R])],
  ['round', takes([V, S], V, 1)],
  ['scalar', takes([V], S)],
  ['time', takes([], S)],
  ['vector', takes([S])],
]);
