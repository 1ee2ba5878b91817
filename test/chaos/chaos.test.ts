// SPDX-License-Identifier: Apache-2.0
// Goal: exactly once holds for real processes. Method: a whole federation under a storm of kill -9, crash points, pauses, a full disk, broken links
// and a dying ZooKeeper; then every persisted field above is compared with the leaves. Short here; `npm run chaos` goes on for minutes.
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { needs } from '../services/needs.js';
import { describe, runChaos, type ChaosOptions } from './chaos.js';

/** Set by `npm run chaos`: how long, and where the summary goes. */
const MINUTES = Number(process.env['OAP_CHAOS_MINUTES'] ?? 0);
const SUMMARY = process.env['OAP_CHAOS_SUMMARY'];
const KILLS_PER_MINUTE = 60;

/** On a machine that others keep busy, processes start slowly: the storm then lasts longer instead of doing less. */
const options: Omit<ChaosOptions, 'print'> =
  MINUTES > 0
    ? {
        seconds: MINUTES * 60,
        secondsMax: MINUTES * 240,
        killsMin: Math.round(MINUTES * KILLS_PER_MINUTE),
        // those of the outbox need an outage of the tier above for as long as it takes: tried, counted, not demanded
        required: (point) => !point.startsWith('outbox.'),
      }
    : { seconds: 25, secondsMax: 300, killsMin: 20, required: (point) => point.startsWith('flush.') };

needs('postgres', 'zookeeper')('a federation of four tiers', () => {
  it(
    'holds exactly what its leaves persisted, after a storm',
    async () => {
      const summary = await runChaos({ ...options, print: (line) => process.stdout.write(`${line}\n`) });
      const lines = describe(summary);
      if (SUMMARY === undefined) console.log(lines.join('\n'));
      else writeFileSync(SUMMARY, [...lines, JSON.stringify(summary), ''].join('\n'));
      expect(summary.problems).toEqual([]);
    },
    (options.secondsMax + 300) * 1_000,
  );
});
