// SPDX-License-Identifier: Apache-2.0
// Goal: every forward buffer keeps one contract, whatever it is made of. Method: the contract kit over each of them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { withMemoryBuffer } from '@oap-federation/federation';
import { BUFFER_SLOTS, checkForwardBufferContract } from '@oap-federation/federation/testing';
import { MetricRegistry, seededRng, silentLogger, uuidV7 } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { openFileStore, openFileStoreOn, type TierStore } from '@oap-federation/storage';
import { MemoryDisk } from '@oap-federation/storage/testing';
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

describe('file', () => {
  const deps = { clock, rng, logger: silentLogger };
  const limits = { slots: BUFFER_SLOTS, tier: 'east', bytesMax: 10_000, whenDamaged: 'stop' } as const;
  const directories: string[] = [];
  const opened: TierStore[] = [];
  afterAll(async () => {
    for (const store of opened) await store[Symbol.asyncDispose]();
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  describe('in a directory', () => {
    checkForwardBufferContract(
      it,
      async () => {
        const dataDir = await mkdtemp(join(tmpdir(), 'oap-test-buffer-'));
        directories.push(dataDir);
        const open = async () => {
          const store = await openFileStore({ ...limits, dataDir, segmentBytes: 65_536 }, deps);
          opened.push(store);
          return store;
        };
        const store = await open();
        const reopen = async () => {
          await store[Symbol.asyncDispose]();
          return open();
        };
        return { store, reopen };
      },
      { numberedBy: 'flush', bytesMax: 10_000 },
    );
  });

  describe('in segments of a few records', () => {
    checkForwardBufferContract(
      it,
      async () => {
        const disk = new MemoryDisk();
        const options = { ...limits, dataDir: 'disk', segmentBytes: 3_000 };
        const reopen = () => openFileStoreOn(disk.afterPowerCut(rng), options, deps);
        return { store: await openFileStoreOn(disk, options, deps), reopen };
      },
      { numberedBy: 'flush', bytesMax: 10_000 },
    );
  });
});
