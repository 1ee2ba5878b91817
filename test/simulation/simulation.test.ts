// SPDX-License-Identifier: Apache-2.0
// Goal: exactly once, honest watermarks and liveness over whole trees of tiers, whatever is killed, cut, paused, refused or set wrong.
// Method: seeded histories of the simulator (production code, virtual time, oracles at every commit) on two threads, as `npm run sim`
// runs them; its gates on traffic and on effective faults, and its check that seeds repeat, count here too.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { runHistory } from '@oap-federation/testkit';
import { describe, expect, it } from 'vitest';
import { tooLittle } from '../sim/gates.mjs';

const HISTORIES = Number(process.env['OAP_FEDERATION_HISTORIES'] ?? (process.env['CI'] === 'true' ? 10_000 : 200));
const FIRST_SEED = 1_000_000;

interface Summary {
  readonly histories: number;
  readonly failures: number;
  readonly repeated: number;
}

/** `npm run sim` with these arguments: its last line, and its exit status. */
async function simulate(
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly output: string }> {
  const script = path.resolve(import.meta.dirname, '../../scripts/sim.mjs');
  const child = spawn(process.execPath, [script, ...args, '--jobs', '2'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { status, output: output.trimEnd() };
}

describe('histories of a tree of tiers', () => {
  it('lose nothing, double nothing, promise nothing false, settle, and repeat', async () => {
    const { status, output } = await simulate('--histories', String(HISTORIES), '--seed', String(FIRST_SEED));
    const last = output.split('\n').at(-1)!;
    console.log(last);
    expect(status, output).toBe(0);
    const summary = JSON.parse(last) as Summary;
    expect(summary).toMatchObject({ histories: HISTORIES, failures: 0 });
    expect(summary.repeated).toBeGreaterThan(0);
  }, 3_600_000);

  it('differ by seed', async () => {
    expect((await runHistory({ seed: 1 })).digest).not.toBe((await runHistory({ seed: 2 })).digest);
  }, 60_000);
});

describe('a run that proves little', () => {
  const enough = { increments: 60_000, commits: 20_000, watermarkChecks: 20_000, events: 300_000 };

  it('fails: too little traffic, or a kind of fault without effects', () => {
    expect(tooLittle(100, enough, { kill: 200 })).toEqual([]);
    expect(tooLittle(100, { ...enough, increments: 4_000 }, { kill: 200 })).toEqual([
      'too little traffic: 4000 increments',
    ]);
    expect(tooLittle(100, enough, { kill: 200, rollback: 3 })).toEqual(['too few effective faults: rollback 3 times']);
  });
});
