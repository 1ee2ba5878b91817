// SPDX-License-Identifier: Apache-2.0
// Goal: exactly once, honest watermarks and liveness over whole trees of tiers, whatever is killed, cut, paused, refused or set wrong.
// Method: seeded histories of the simulator (production code, virtual time, oracles at every commit). More: `npm run sim`.
import { FAULT_KINDS, runHistory, type HistoryResult } from '@oap-federation/testkit';
import { describe, expect, it } from 'vitest';

const HISTORIES = Number(process.env['OAP_FEDERATION_HISTORIES'] ?? 150);
const FIRST_SEED = 1_000_000;
const INCREMENTS_PER_HISTORY_MIN = 100;

describe('histories of a tree of tiers', () => {
  it('lose nothing, double nothing, promise nothing false, and settle', async () => {
    const results: HistoryResult[] = [];
    for (let i = 0; i < HISTORIES; i++) {
      const result = await runHistory({ seed: FIRST_SEED + i });
      expect(result.violations, `replay: npm run sim -- --seed ${result.seed} --histories 1 --trace`).toEqual([]);
      results.push(result);
    }
    // a run in which little happened proves little
    const total = (of: (result: HistoryResult) => number) => results.reduce((sum, result) => sum + of(result), 0);
    expect(total((r) => r.increments)).toBeGreaterThan(HISTORIES * INCREMENTS_PER_HISTORY_MIN);
    expect(total((r) => r.watermarkChecks)).toBeGreaterThan(HISTORIES * 100);
    for (const kind of FAULT_KINDS)
      expect(
        total((r) => r.faults[kind]),
        kind,
      ).toBeGreaterThanOrEqual(HISTORIES / 50);
  }, 300_000);

  it('repeat: one seed, one history', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const [first, second] = [await runHistory({ seed }), await runHistory({ seed })];
      expect(second).toEqual(first);
    }
    expect((await runHistory({ seed: 1 })).digest).not.toBe((await runHistory({ seed: 2 })).digest);
  }, 60_000);
});
