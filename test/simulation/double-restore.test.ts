// SPDX-License-Identifier: Apache-2.0
// Goal: when the storages of two neighbours go back in time within seconds, nothing is counted twice, what is missing above was declared, no
// promise is false, and all goes on; an operator accepts a range that nobody has any more. Method: histories of the simulator.
import { runHistory } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

const HISTORIES = process.env['CI'] === 'true' ? 300 : 12;
// what was wrong, each seen first in these: a log whose number was compared after what it is made of had passed; acknowledgements that the
// outbox was not told after its numbers went back; an upstream's mark taken for our own past because the outbox no longer had it; a fork
// seen where two pasts of one log end at one number
const FOUND = [29, 58, 700_324, 700_793, 720_799];

it('doubles nothing, loses what it declares, and settles', async () => {
  const seeds = [...FOUND, ...Array.from({ length: HISTORIES }, (_, i) => 2_000_000 + i)];
  let [restores, accepted] = [0, 0];
  for (const seed of seeds) {
    const { violations, faults } = await runHistory({ seed, doubleRestores: true });
    expect(violations, `replay: npm run sim -- --double-restores --seed ${seed} --histories 1 --trace`).toEqual([]);
    restores += faults.doubleRollback;
    accepted += faults.acceptedLoss;
  }
  expect(restores).toBeGreaterThanOrEqual(seeds.length / 2);
  expect(accepted).toBeGreaterThan(0);
}, 1_200_000);
