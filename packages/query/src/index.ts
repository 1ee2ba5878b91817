// SPDX-License-Identifier: Apache-2.0
export type { CompletenessReport } from './completeness.js';
export { parseDashboard, parseMenu, type Dashboard, type MenuItem } from './ui-files.js';
export type { AlarmReader, Readers, ReadersOf } from './readers.js';
export {
  defaultQueryServerConfig,
  openQueryServer,
  type QueryServer,
  type QueryServerConfig,
  type QueryServerDeps,
} from './server.js';
export type { ClusterNode } from './status.js';
export { queryTable, QueryFailed, type TableOptions } from './table.js';
