// SPDX-License-Identifier: Apache-2.0
// Goal: every forward buffer keeps one contract, whatever it is made of. Method: the contract kit over each of them.
import { describe, it } from 'vitest';
import { withMemoryBuffer } from '@oap-federation/federation';
import { BUFFER_SLOTS, checkForwardBufferContract } from '@oap-federation/federation/testing';
import { MetricRegistry, seededRng, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { MemoryTierStore } from '@oap-federation/testkit';

const clock = new VirtualClock();
const rng = seededRng(1);
const newLogId = () => uuidV7(rng, clock.now());

describe('outbox: the store itself', () => {
  checkForwardBufferContract(
    it,
    async () => {
      const store = new MemoryTierStore(newLogId, BUFFER_SLOTS);
      return { store, reopen: async () => store };
    },
    { numberedBy: 'flush' },
  );
});

describe('memory', () => {
  checkForwardBufferContract(
    it,
    async () => {
      const below = new MemoryTierStore(newLogId, BUFFER_SLOTS);
      const options = { tier: 'leaf', bytesMax: 10_000, whenFull: 'refuse' } as const;
      return { store: withMemoryBuffer(below, options, { clock, rng, telemetry: new MetricRegistry() }) };
    },
    { numberedBy: 'buffer', bytesMax: 10_000 },
  );
});
