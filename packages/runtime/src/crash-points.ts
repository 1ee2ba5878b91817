// SPDX-License-Identifier: Apache-2.0
// Labelled places at which a test ends or freezes this process: what is durable there is known, so what follows can be checked.
// In: at most one armed point, from the server's environment. Out: one call at its nth passage. Costs one comparison otherwise.

/** In the order in which data passes them. Each occurs in exactly one `reached('...')`; test/chaos keeps that so. */
export const CRASH_POINTS = [
  // a leaf: the window became numbered batches that are in memory only
  'l1.windowClosed',
  // the owner of a slot
  'slot.claimed',
  // one flush: nothing is durable until COMMIT was sent
  'flush.begin',
  'flush.fenced',
  'flush.dictionaryWritten',
  'flush.rowsWritten',
  'flush.marksWritten',
  'flush.outboxAppended',
  'flush.beforeCommit',
  // sent, and the answer is unknown: the marks decide
  'flush.commitSent',
  // durable, and no producer was told
  'flush.committed',
  // every producer was told, inside this process
  'flush.acknowledged',
  // what waited without a number got one, or became fewer entries: durable, and the forwarder was not told
  'outbox.sealed',
  'outbox.folded',
  // the receiver
  'receiver.batchRead',
  'receiver.outcomeKnown',
  'receiver.acknowledged',
  // the forwarder
  'forwarder.outboxRead',
  'forwarder.sent',
  'forwarder.acknowledgedBeforeStore',
  'forwarder.acknowledgementStored',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

let armed: { readonly point: CrashPoint; left: number; readonly crash: (point: CrashPoint) => void } | undefined;

/** Execution is at `point`. Does nothing, unless this process was started to crash there. */
export function reached(point: CrashPoint): void {
  if (armed?.point !== point) return;
  if (--armed.left > 0) return;
  const { crash } = armed;
  armed = undefined;
  crash(point);
}

/** Calls `crash` at the nth time that `point` is reached, once; undefined disarms. */
export function armCrashPoint(
  at: { readonly point: CrashPoint; readonly nth: number; readonly crash: (point: CrashPoint) => void } | undefined,
): void {
  armed = at && { point: at.point, left: at.nth, crash: at.crash };
}

export function isCrashPoint(name: string): name is CrashPoint {
  return (CRASH_POINTS as readonly string[]).includes(name);
}
