// SPDX-License-Identifier: Apache-2.0
export { SourceRecord, type AccessOperation, type DetectPoint, type RequestType } from './source.js';
