// SPDX-License-Identifier: Apache-2.0
// Goal: the storage contract on the embedded PGlite, its directory lock, and that kill -9 loses no acknowledged flush.
// Method: real directories; the kill is of a real process that runs the compiled package, which is brought up to date here.
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { removeDirectory, temporaryDirectory } from '../../../test/services/process.js';
import { openEmbeddedStore, StorageUnavailable, type TierStore } from './index.js';
import {
  checkTierStoreContract,
  CONTRACT_METRICS,
  CONTRACT_SLOTS,
  testBlock,
  testFlush,
  withTestFences,
} from './testing.js';

const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const cpm = CONTRACT_METRICS.find((m) => m.name === 'service_cpm')!;
const START = Date.UTC(2026, 0, 5) / 60_000;

// Flushes for ever: mark, outbox and 400 rows all carry the same number. Prints each number after its flush was acknowledged.
const WRITER = `
const { openEmbeddedStore } = await import(process.argv[1]);
const { testBlock, testFlush, testMark, testOutbox, withTestFences, CONTRACT_METRICS } = await import(process.argv[2]);
const { systemClock, systemRng, silentLogger } = await import(process.argv[3]);
const store = withTestFences(await openEmbeddedStore({ dataDir: process.argv[4], slots: ${CONTRACT_SLOTS} },
  { clock: systemClock, rng: systemRng, logger: silentLogger }));
await store.prepareMetrics(CONTRACT_METRICS);
const cpm = CONTRACT_METRICS.find((m) => m.name === 'service_cpm');
const { fence: { epoch }, marks } = await store.claimSlot(63, 'child');
console.log('open');
for (let seq = (marks[0]?.seq ?? 0) + 1; ; seq++) {
  const rows = Array.from({ length: 400 }, (_, entity) =>
    ({ minute: ${START} + (seq % 7), entity, values: new Map([[cpm, [BigInt(seq)]]]) }));
  const outcome = await store.flush([testFlush(63, epoch, {
    rows: [testBlock(63, [cpm], rows)],
    marks: [{ mark: testMark(63, 'log', seq), previousSeq: seq - 1 }],
    outbox: testOutbox(63, seq, 5000),
  })]);
  if (outcome.kind !== 'committed') throw new Error(outcome.kind);
  console.log(seq);
}`;

describe('embedded store', () => {
  const dataDir = temporaryDirectory('pglite');
  const stores: TierStore[] = [];
  const children: ChildProcessWithoutNullStreams[] = [];
  const open = async () => {
    const store = await openEmbeddedStore({ dataDir, slots: CONTRACT_SLOTS }, deps);
    stores.push(store);
    return withTestFences(store);
  };
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    removeDirectory(dataDir);
  });

  const startWriter = (): { child: ChildProcessWithoutNullStreams; lines: Interface } => {
    const modules = [here('../dist/index.js'), here('../dist/testing.js'), here('../../runtime/dist/index.js')];
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, ...modules, dataDir]);
    children.push(child);
    child.stderr.pipe(process.stderr);
    return { child, lines: createInterface(child.stdout) };
  };

  it('kill -9 of the process loses no acknowledged flush, and frees the directory', { timeout: 60_000 }, async () => {
    const built = spawnSync(process.execPath, [here('../../../node_modules/typescript/bin/tsc'), '-b', here('..')]);
    expect(`${String(built.stdout)}${String(built.stderr)}`).toBe('');
    let acknowledged = 0;
    for (const flushes of [25, 40]) {
      const { child, lines } = startWriter();
      let seen = 0;
      for await (const line of lines) {
        if (line === 'open') {
          await expect(open()).rejects.toThrow(`OAP-2007 data directory ${dataDir} is in use by process ${child.pid}`);
          continue;
        }
        acknowledged = Number(line);
        if (++seen === flushes) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

      const store = await open();
      await store.prepareMetrics(CONTRACT_METRICS);
      const { marks, outbox } = await store.claimSlot(63, 'checker');
      const seq = marks[0]!.seq;
      expect([acknowledged, acknowledged + 1]).toContain(seq); // one more may have committed unheard
      expect(outbox.nextSeq - 1).toBe(seq);
      expect((await store.readOutbox(63, 0, 1e9)).map((e) => e.seq)).toEqual(
        Array.from({ length: seq }, (_, i) => i + 1),
      );
      const [block] = await store.loadRows(63, 'minute', [START + (seq % 7)]);
      const values = block!.metrics.find((m) => m.schema.name === cpm.name)!.ints[0]!;
      expect([values.length, new Set(values)]).toEqual([400, new Set([BigInt(seq)])]);
      await store[Symbol.asyncDispose]();
    }
  });

  it('one directory, one store: a second open is refused with the pid, until the first is closed', async () => {
    const first = await open();
    await expect(open()).rejects.toThrow(`in use by process ${process.pid}`);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await expect(first.outboxHead(0)).rejects.toThrow(StorageUnavailable);
    const second = await open();
    await second[Symbol.asyncDispose]();
  });

  it('the death of the worker is reported, and everything after it is unavailable', async () => {
    const errors: string[] = [];
    const logger = { ...silentLogger, error: (_: unknown, message: string) => errors.push(message) };
    const store = await openEmbeddedStore({ dataDir, slots: CONTRACT_SLOTS }, { ...deps, logger });
    stores.push(store);
    await store.prepareMetrics([cpm]);
    const { epoch } = (await store.claimSlot(46, 'a')).fence;
    const spy = vi.spyOn(Worker.prototype, 'postMessage').mockImplementationOnce(function (this: Worker) {
      void this.terminate(); // dies with a request in hand
    });
    const rows = [testBlock(46, [cpm], [{ minute: START, entity: 1, values: new Map([[cpm, [1n]]]) }])];
    await expect(store.flush([testFlush(46, epoch, { rows })])).rejects.toThrow(StorageUnavailable);
    spy.mockRestore();
    await expect(store.flush([testFlush(46, epoch)])).rejects.toThrow(/restart the process/);
    expect(errors).toEqual(['the embedded storage is gone']);
    await store[Symbol.asyncDispose]();
  });

  it('checkpoints each minute that wrote, and vacuums every tenth time', async () => {
    const clock = new VirtualClock();
    const errors: string[] = [];
    const logger = {
      ...silentLogger,
      error: (fields: object, message: string) => errors.push(`${message} ${String(Object.values(fields)[0])}`),
    };
    const sent = vi.spyOn(Worker.prototype, 'postMessage');
    const store = await openEmbeddedStore({ dataDir, slots: CONTRACT_SLOTS }, { ...deps, clock, logger });
    stores.push(store);
    const count = (text: string) => sent.mock.calls.filter(([m]) => (m as { text?: string }).text === text).length;
    const { epoch } = (await store.claimSlot(45, 'a')).fence;
    for (let minute = 1; minute <= 20; minute++) {
      await store.flush([testFlush(45, epoch, { dirtyHours: [minute] })]);
      await clock.advance(60_000);
      await store.outboxHead(45); // queued behind the housekeeping
      await clock.advance(0); // lets the loop take its next sleep
    }
    expect([count('CHECKPOINT'), count('VACUUM (ANALYZE)')]).toEqual([20, 2]);
    await clock.advance(60_000);
    await store.outboxHead(45);
    expect(count('CHECKPOINT')).toBe(20); // nothing was written
    expect(errors).toEqual([]);
    sent.mockRestore();
    await store[Symbol.asyncDispose]();
  });

  describe('contract', () => {
    checkTierStoreContract(it, open);
  });
});
