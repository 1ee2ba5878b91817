// SPDX-License-Identifier: Apache-2.0
// The faults of a history: kinds, and how often each had an effect. A fault that met nothing (a cut where no connection was) is not
// counted: a run without effective faults proves nothing.

export const FAULT_KINDS = [
  'kill',
  'restart',
  'pause',
  'partition',
  'oneWayPartition',
  'cut',
  'silentCut',
  'delay',
  'failedCommit',
  'ambiguousCommit',
  'databaseDown',
  'diskFull',
  'slowDatabase',
  'clockJump',
  'rebalance',
  'twoOwners',
  'expelled',
  'rollback',
  'doubleRollback',
  'acceptedLoss',
  'dropped',
  'coarsened',
  'blocked',
  'upgrade',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export type FaultCounts = Readonly<Record<FaultKind, number>>;

export class FaultCounter {
  readonly #counts = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;

  effective(kind: FaultKind, times = 1): void {
    this.#counts[kind] += times;
  }

  get counts(): FaultCounts {
    return { ...this.#counts };
  }
}
