// SPDX-License-Identifier: Apache-2.0
// Goal: the simulator notices every wrong design of the protocol that we thought of. Method: each mutant wraps one port of the real code;
// histories run, on two threads, until one fails. How rare each is: `npm run sim -- --mutants`.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { MUTANTS } from '@oap-federation/testkit';
import { expect, it } from 'vitest';

const MUTANTS_MIN = 25;
/** Those that assertions of the code notice. */
const CRASHES = ['staleRead'];

interface Killed {
  readonly mutant: string;
  readonly kind: string;
}

it('every wrong design is found', () => {
  const script = path.resolve(import.meta.dirname, '../../scripts/sim.mjs');
  const { status, stdout } = spawnSync(process.execPath, [script, '--mutants', '--histories', '1', '--jobs', '2'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  console.log(stdout.trimEnd());
  expect(status, stdout).toBe(0);
  expect(MUTANTS.length).toBeGreaterThanOrEqual(MUTANTS_MIN);
  // one that merely crashes what it wraps is found too, and shows nothing
  const { table } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { readonly table: readonly Killed[] };
  expect(table.filter(({ kind }) => kind === 'bug').map(({ mutant }) => mutant)).toEqual(CRASHES);
}, 1_800_000);
