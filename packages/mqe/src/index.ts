// SPDX-License-Identifier: Apache-2.0
export { bucketStarts, compileMqe, type Plan, type Shape, type Value } from './check.js';
export { didYouMean, MqeError } from './errors.js';
export {
  evaluateMqe,
  executeMqe,
  type EvaluationRequest,
  type Label,
  type LabelSet,
  type MqeResult,
  type MqeTable,
  type MqeValue,
  type MqeValues,
} from './evaluate.js';
export { formatValue } from './format.js';
export { withLabel } from './parser.js';
export type { MetricReader, MetricSeries, SeriesQuery } from './port.js';
