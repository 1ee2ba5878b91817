// SPDX-License-Identifier: Apache-2.0
// Goal: what the simulator runs on behaves as the real stores do, as far as delivery goes. Method: the storage contract; the cases
// about queries (hours and days, metadata, large reads) are the real stores' own and left out here by name.
import { seededRng, uuidV7 } from '@oap-federation/runtime';
import { checkTierStoreContract, CONTRACT_SLOTS } from '@oap-federation/storage/testing';
import { describe, it } from 'vitest';
import { MemoryTierStore } from './memory-store.js';

const QUERIES = [
  'dictionary and origins',
  'metadata:',
  'reading many entities',
  'a column that overflows',
  'metrics may be prepared again', // wants a BUG for a query of an unknown metric
];

describe('MemoryTierStore', () => {
  const rng = seededRng(1);
  checkTierStoreContract(
    (name, body) => {
      if (!QUERIES.some((start) => name.startsWith(start))) it(name, body);
    },
    async () => new MemoryTierStore(() => uuidV7(rng, 0), CONTRACT_SLOTS),
  );
});
