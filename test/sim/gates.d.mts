// SPDX-License-Identifier: Apache-2.0
// Types of gates.mjs, for tests.
export const GATE_FROM: number;
export function tooLittle(
  histories: number,
  sums: Readonly<Record<string, number>>,
  faults: Readonly<Record<string, number>>,
): string[];
