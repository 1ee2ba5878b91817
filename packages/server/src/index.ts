// SPDX-License-Identifier: Apache-2.0
export { auditStore, type AuditResult } from './audit.js';
export { openNode, type NodeDeps, type OapNode } from './compose.js';
export { loadScripts, SHIPPED_OAL, type LoadedScripts } from './scripts.js';
