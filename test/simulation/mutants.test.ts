// SPDX-License-Identifier: Apache-2.0
// Goal: the simulator notices every wrong design of the protocol that we thought of. Method: each mutant wraps one port of the real code;
// histories run until one fails. How rare each is: `npm run sim -- --mutants`.
import { MUTANTS, runHistory } from '@oap-federation/testkit';
import { describe, expect, it } from 'vitest';

const HISTORIES_MAX = 200;

describe('a wrong design is found', () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    '%s',
    async (name, mutant) => {
      for (let seed = 1; seed <= HISTORIES_MAX; seed++) {
        const { violations } = await runHistory({ seed, mutant });
        if (violations.length > 0) return;
      }
      expect.fail(`${name} survived ${HISTORIES_MAX} histories: ${mutant.wrong}`);
    },
    120_000,
  );
});
