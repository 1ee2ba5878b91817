// SPDX-License-Identifier: Apache-2.0
// Goal: a tier of the release before, which lacks metrics that tiers below and above have, passes them on, and after a rolling upgrade in
// the middle of faults has them itself, to the unit. Method: histories of the simulator with such a tier; the oracle compares in the end.
import { runHistory } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

it('loses and doubles nothing, above it and in it', async () => {
  let upgrades = 0;
  for (let seed = 500; seed < 516; seed++) {
    const { violations, faults } = await runHistory({ seed, upgrades: true });
    expect(violations, `replay: npm run sim -- --upgrades --seed ${seed} --histories 1 --trace`).toEqual([]);
    upgrades += faults.upgrade;
  }
  expect(upgrades).toBeGreaterThanOrEqual(16);
}, 300_000);
