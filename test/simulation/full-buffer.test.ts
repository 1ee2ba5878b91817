// SPDX-License-Identifier: Apache-2.0
// Goal: whatever a full forward buffer does (drop, coarsen, block), among all other faults, every tier above holds exactly what was not
// given up, in the minute in which it was said to be, and was told of the rest, to the increment. Method: histories of the simulator.
import { runHistory } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

const HISTORIES = process.env['CI'] === 'true' ? 200 : 12;

it('loses what it declares, and nothing else', async () => {
  let [dropped, coarsened, blocked] = [0, 0, 0];
  for (let i = 0; i < HISTORIES; i++) {
    const seed = 3_000_000 + i;
    const { violations, faults } = await runHistory({ seed, fullBuffers: true });
    expect(violations, `replay: npm run sim -- --full-buffers --seed ${seed} --histories 1 --trace`).toEqual([]);
    dropped += faults.dropped;
    coarsened += faults.coarsened;
    blocked += faults.blocked;
  }
  expect(Math.min(dropped, coarsened, blocked)).toBeGreaterThan(0);
}, 1_200_000);
