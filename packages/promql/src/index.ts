// SPDX-License-Identifier: Apache-2.0
export type { Expr, ValueType, VectorSelector } from './ast.js';
export { typeOf } from './check.js';
export { durationText, tryParseDuration } from './duration.js';
export {
  DEFAULT_ENGINE_OPTIONS,
  evaluateInstant,
  evaluateRange,
  type EngineOptions,
  type InstantResult,
  type ResultSeries,
} from './engine.js';
export { PromqlExecutionError, PromqlSyntaxError } from './errors.js';
export { BUCKET_LABEL, compareLabels, compareText, isLabelName, Labels, METRIC_NAME } from './labels.js';
export { compileMatcher, listedValues, type CompiledMatcher, type Matcher, type MatchOp } from './matcher.js';
export { sampleText, tryParseNumber } from './number.js';
export { DEFAULT_PARSE_LIMITS, parsePromql, parseSelector, type ParseLimits } from './parser.js';
export type { SampleSeries, SampleSource, SelectQuery } from './port.js';
export { printPromql } from './print.js';
export type { Grid } from './vector.js';
