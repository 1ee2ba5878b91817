// SPDX-License-Identifier: Apache-2.0
export { ByteReader, ByteWriter, DecodeError, utf8Decode, utf8Encode } from './bytes.js';
export { BatchBuilder } from './batch-builder.js';
export {
  decodeBody,
  decodeContent,
  encodeContent,
  encodeJoinedContent,
  incrementCount,
  joinContent,
  joinDescriptors,
  pickRows,
  splitContent,
  type BatchContent,
  type IncrementBatch,
  type IncrementBlock,
  type UnknownBlock,
} from './block.js';
export { ByteSlabs } from './byte-slabs.js';
export { EntityList } from './entity-list.js';
export { ColumnMemory } from './column-memory.js';
export { BlockSum, RestingColumns } from './block-columns.js';
export { MetricColumns } from './columns.js';
export { distributionColumn } from './distribution-bytes.js';
export {
  distributionAt,
  joinDistributions,
  type DistributionBytes,
  type DistributionColumn,
} from './distribution-rows.js';
export { DigestSum, entityKeys, isDigest, NO_DIGEST, type Digest } from './digest.js';
export {
  bucketIndex,
  bucketLow,
  bucketValue,
  downscaleExponential,
  EXPONENTIAL_ZERO,
  layoutText,
  percentiles,
  SparseDistribution,
  type Layout,
} from './distribution.js';
export {
  base64Decode,
  base64Encode,
  decodeEntity,
  encodeEntity,
  entityOf,
  javaStringHash,
  mergeLayers,
  namedPartId,
  serviceId,
  slotOf,
  tryParseServiceId,
  withLayersOf,
  type Entity,
  type EntityPart,
} from './entity.js';
export {
  DOUBLE_SCALE,
  FUNCTIONS,
  INT64_MAX,
  INT64_MIN,
  PERCENTILE_RANKS,
  tryFunction,
  tryFunctionOfTwin,
  type EntranceKind,
  type FieldMerge,
  type FieldSpec,
  type FunctionName,
  type FunctionSpec,
  type MetricValue,
  type ParamKind,
  type RowFields,
} from './functions.js';
export { hdrDecode, hdrEncode, type HdrHistogramContent } from './hdr.js';
export {
  decodeHeader,
  EMPTY_HEADER,
  encodeHeader,
  LOSS_CAUSES,
  NO_WATERMARK,
  type BatchHeader,
  type LogPosition,
  type Loss,
  type LossCause,
  type Manifest,
} from './header.js';
export { functionOf, metricSchema, tryParseSchema, type MetricSchema } from './schema.js';
export {
  LAYERS,
  SCOPES,
  scopeById,
  scopeOf,
  tryScope,
  VIRTUAL_LAYERS,
  type ScopeName,
  type ScopeSpec,
} from './scope.js';
export {
  bucketStart,
  durationText,
  minuteOf,
  parseDurationText,
  STEP_MINUTES,
  timeBucket,
  type Step,
} from './time-bucket.js';
export { unknownBlockEntities, withForeignBlocks, type ForeignBlock } from './unknown-block.js';
