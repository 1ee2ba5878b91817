// SPDX-License-Identifier: Apache-2.0
export { compileAlarmExpression, type AlarmExpression, type AlarmRead } from './alarm-expression.js';
export { compileMqe } from './check.js';
export { didYouMean, MqeError, UnknownMetric } from './errors.js';
export {
  evaluateMqe,
  executeMqe,
  type EvaluationRequest,
  type MqeResult,
  type MqeTable,
  type MqeValue,
  type MqeValues,
} from './evaluate.js';
export type { Rankings } from './ranking.js';
export { formatValue } from './format.js';
export type { Label, LabelSet } from './label-sets.js';
export type { Plan, Shape, Value } from './plan.js';
export type { MetricReader, MetricSeries, SeriesQuery, ValueSums } from './port.js';
export { withLabel } from './with-label.js';
