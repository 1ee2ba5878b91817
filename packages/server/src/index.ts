// SPDX-License-Identifier: Apache-2.0
export { openNode, type NodeDeps, type OapNode } from './compose.js';
export { loadScripts, SHIPPED_OAL, type LoadedScripts } from './scripts.js';
