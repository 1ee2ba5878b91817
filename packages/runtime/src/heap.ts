// SPDX-License-Identifier: Apache-2.0
// How often V8 collects garbage. In: nothing. Out: a flag of this process.
import { setFlagsFromString } from 'node:v8';

/**
 * Lets the memory of this process grow by 150 % of what is alive before the next full collection. V8 decides by how much a heap may grow
 * from what its objects take, and counts array buffers as growth: a node's heap is small beside the columns that pass through it, so it
 * would be walked several times per flush. V8's own choice lies between 10 % and 300 %. To be called before the heap has grown.
 */
export function growHeapFreely(): void {
  setFlagsFromString('--heap-growing-percent=150');
}
