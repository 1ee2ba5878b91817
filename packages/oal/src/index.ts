// SPDX-License-Identifier: Apache-2.0
export { FEDERATED_SOURCE, loadOal, type OalCheckOptions, type OalResult, type OalScript } from './checker.js';
export { compileDispatch, type OalDispatch, type OalOptions } from './dispatch.js';
export { problemText, type OalProblem } from './problem.js';
export { EMPTY_PROGRAM, type FederatedMetric, type OalMetric, type OalProgram, type SourceMetric } from './program.js';
export { federationRoutes, type FederationRoute } from './routes.js';
export { SourceRecord, type AccessOperation, type DetectPoint, type RequestType } from './source.js';
