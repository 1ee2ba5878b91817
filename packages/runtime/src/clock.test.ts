// SPDX-License-Identifier: Apache-2.0
// Goal: the system clock keeps its promise that nothing is called early. Method: many short fractional timers on the real clock; each must
// find its time reached when it is called. (Found by the end-to-end test: a back-off that was woken 0.3 ms early never woke again.)
import { expect, it } from 'vitest';
import { systemClock } from './clock.js';

it('never calls a timer before its time, fractions of a millisecond included', async () => {
  const early: number[] = [];
  const one = (ms: number) =>
    new Promise<void>((resolve) => {
      const dueMs = systemClock.monotonicMs() + ms;
      systemClock.after(ms, () => {
        const leftMs = dueMs - systemClock.monotonicMs();
        if (leftMs > 0) early.push(leftMs);
        resolve();
      });
    });
  // unref'd timers alone would let the process end
  const alive = setInterval(() => undefined, 1_000);
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 50 }, (_, i) => one(1 + i * 0.173)));
  clearInterval(alive);
  expect(early).toEqual([]);
});

it('cancels a timer that was armed again', async () => {
  let called = false;
  const cancel = systemClock.after(5.5, () => (called = true));
  await systemClock.sleep(2);
  cancel();
  await systemClock.sleep(20);
  expect(called).toBe(false);
});
