// SPDX-License-Identifier: Apache-2.0
// Goal: the file store on a real disk: kill -9 loses no acknowledged flush, one process per directory, a real full disk. Method: a child
// process that runs the compiled package, which is brought up to date here, is killed while it flushes. Faults of the disk itself:
// test/conformance/forward-buffer/.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { metricSchema } from '@oap-federation/model';
import { silentLogger, systemClock, systemRng } from '@oap-federation/runtime';
import { removeDirectory, temporaryDirectory } from '../../../../test/services/process.js';
import { mountSmallDisk } from '../../../../test/services/small-disk.js';
import { openFileStore, type TierStore } from '../index.js';
import { testFlush, testMark, testOutbox, withTestFences } from '../testing.js';

const deps = { clock: systemClock, rng: systemRng, logger: silentLogger };
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Flushes all slots for ever, in two calls at once; prints each number after it was acknowledged.
const WRITER = `
const [index, testing, runtime, dataDir] = process.argv.slice(1);
const { openFileStore } = await import(index);
const { testFlush, testMark, testOutbox, withTestFences } = await import(testing);
const { silentLogger: logger, systemClock: clock, systemRng: rng } = await import(runtime);
const limits = { slots: 4, tier: 'east', bytesMax: 1e9, whenDamaged: 'stop', segmentBytes: 65_536 };
const store = withTestFences(await openFileStore({ dataDir, ...limits }, { clock, rng, logger }));
console.log('open');
const claims = [];
for (let slot = 0; slot < 4; slot++) claims.push(await store.claimSlot(slot, 'writer'));
for (let seq = (claims[0].marks[0]?.seq ?? 0) + 1; ; seq++) {
  const flush = (slot) => testFlush(slot, claims[slot].fence.epoch, {
    marks: [{ mark: testMark(slot, 'in', seq), previousSeq: seq - 1 }],
    outbox: testOutbox(slot, seq, 500),
  });
  await Promise.all([store.flush([flush(0), flush(1)]), store.flush([flush(2), flush(3)])]);
  if (seq % 5 === 0) await store.acknowledgeOutbox(3, seq - 2);
  console.log(String(seq));
}
`;

describe('file store', () => {
  const dataDir = temporaryDirectory('file-store');
  const stores: TierStore[] = [];
  const open = async (dir = dataDir, bytesMax = 1e9) => {
    const limits = { slots: 4, tier: 'east', bytesMax, whenDamaged: 'stop', segmentBytes: 65_536 } as const;
    const store = await openFileStore({ dataDir: dir, ...limits }, deps);
    stores.push(store);
    return withTestFences(store);
  };
  afterAll(async () => {
    for (const store of stores) await store[Symbol.asyncDispose]();
    removeDirectory(dataDir);
  });

  it('kill -9 of the process loses no acknowledged flush, and frees the directory', { timeout: 60_000 }, async () => {
    const built = spawnSync(process.execPath, [
      here('../../../../node_modules/typescript/bin/tsc'),
      '-b',
      here('../..'),
    ]);
    expect(`${String(built.stdout)}${String(built.stderr)}`).toBe('');
    const modules = [
      here('../../dist/index.js'),
      here('../../dist/testing.js'),
      here('../../../runtime/dist/index.js'),
    ];
    let logId = '';
    for (const flushes of [1, 40, 200]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, ...modules, dataDir]);
      child.stderr.pipe(process.stderr);
      let acknowledged = 0;
      let seen = 0;
      for await (const line of createInterface(child.stdout)) {
        if (line === 'open') {
          await expect(open()).rejects.toThrow(`in use by process ${child.pid}`);
          continue;
        }
        acknowledged = Number(line);
        if (++seen === flushes) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');

      const store = await open();
      for (let slot = 0; slot < 4; slot++) {
        const { marks, outbox } = await store.claimSlot(slot, 'checker');
        const seq = marks[0]!.seq;
        expect([acknowledged, acknowledged + 1]).toContain(seq); // one more may have committed unheard
        expect(outbox.nextSeq - 1).toBe(seq);
        if (slot === 3 && acknowledged >= 5) expect(outbox.acknowledgedSeq).toBeGreaterThanOrEqual(acknowledged - 7);
        const entries = await store.readOutbox(slot, outbox.acknowledgedSeq, 1e9);
        expect(entries).toEqual(
          Array.from(
            { length: seq - outbox.acknowledgedSeq },
            (_, i) => testOutbox(slot, outbox.acknowledgedSeq + i + 1, 500)[0].entry,
          ),
        );
        if (slot > 0) continue;
        if (logId !== '') expect(outbox.logId).toBe(logId);
        ({ logId } = outbox);
      }
      // a crash may leave one slot a flush ahead of another call's: even them out for the next life
      const claims = await Promise.all([0, 1, 2, 3].map((slot) => store.claimSlot(slot, 'checker')));
      const newest = Math.max(...claims.map(({ marks }) => marks[0]!.seq));
      for (const { slot, fence, marks } of claims) {
        if (marks[0]!.seq === newest) continue;
        const mark = { mark: testMark(slot, 'in', newest), previousSeq: newest - 1 };
        await store.flush([testFlush(slot, fence.epoch, { marks: [mark], outbox: testOutbox(slot, newest, 500) })]);
      }
      await store[Symbol.asyncDispose]();
    }
    expect(readdirSync(dataDir).filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(3);
  });

  it('what is acknowledged leaves the directory at the next maintenance', async () => {
    const store = await open();
    for (let slot = 0; slot < 4; slot++) {
      const { nextSeq } = await store.outboxHead(slot);
      await store.acknowledgeOutbox(slot, nextSeq - 1);
    }
    await store.maintenance.dropExpired({ nowMs: Date.now() + 3_600_000, ttlDays: 3_650, outboxRetentionMs: 0 });
    expect(readdirSync(dataDir).filter((name) => name.endsWith('.segment')).length).toBe(1);
    expect(await store.outboxBacklog()).toEqual({ entries: 0, bytes: 0 });
    await store[Symbol.asyncDispose]();
  });

  it('another number of slots is refused; rows are not pretended to be there', async () => {
    const limits = { dataDir, slots: 5, tier: 'east', bytesMax: 1e9, whenDamaged: 'stop' } as const;
    await expect(openFileStore(limits, deps)).rejects.toThrow('the storage was made for 4 slots');
    const store = await open();
    const metric = metricSchema('service_cpm', 'Service', 'cpm');
    await store.prepareMetrics([metric]);
    expect(store.reader.metrics()).toEqual([metric]);
    const query = { metric, step: 'MINUTE', fromMinute: 0, toMinute: 9, offsetMinutes: 0, origins: [''] } as const;
    await expect(store.reader.readSeries(query)).rejects.toThrow('OAP-6002');
    await expect(store.reader.readRange(query)).rejects.toThrow('OAP-6002');
    expect(await store.metadata.listServices()).toEqual([]);
    expect((await store.metadata.completeness()).map(({ via }) => via)).toEqual(['tier-a']);
    await store[Symbol.asyncDispose]();
  });

  it('a disk that is really full refuses flushes, still takes acknowledgements, and goes on when there is room', async (context) => {
    const disk = mountSmallDisk(2);
    if ('unavailable' in disk) return context.skip(disk.unavailable);
    try {
      const store = await open(disk.path);
      const { fence } = await store.claimSlot(0, 'x');
      disk.fill();
      let seq = 1;
      const flush = () => store.flush([testFlush(0, fence.epoch, { outbox: testOutbox(0, seq, 9_000) })]);
      for (; seq < 100; seq++)
        if (
          await flush().then(
            () => false,
            (error: unknown) => String(error).includes('ENOSPC'),
          )
        )
          break;
      expect(seq).toBeGreaterThan(3);
      expect(seq).toBeLessThan(10);
      await store.acknowledgeOutbox(0, 2);
      disk.free();
      const claim = await store.claimSlot(0, 'x');
      expect([seq, seq + 1]).toContain(claim.outbox.nextSeq);
      expect(claim.outbox.acknowledgedSeq).toBe(2);
      seq = claim.outbox.nextSeq;
      await store.flush([testFlush(0, claim.fence.epoch, { outbox: testOutbox(0, seq, 9_000) })]);
      expect((await store.readOutbox(0, 2, 1e9)).map((entry) => entry.seq).at(-1)).toBe(seq);
      await store[Symbol.asyncDispose]();
      const again = await open(disk.path);
      expect((await again.outboxHead(0)).nextSeq).toBe(seq + 1);
      await again[Symbol.asyncDispose]();
    } finally {
      disk.stop();
    }
  });
});
