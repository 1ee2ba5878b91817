// SPDX-License-Identifier: Apache-2.0
// Goal: the file store opens again, after any crash, with a prefix of what was committed that holds all that was acknowledged, or names
// the damage; full disks and failed syncs lose nothing. Method: random histories over a disk in memory that is cut, flipped, filled and
// made to fail at every call; a TierStore in memory says what each prefix looks like. And one real process under kill -9.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainAfter } from '@oap-federation/analysis';
import type { LogPosition } from '@oap-federation/model';
import { seededRng, silentLogger } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import {
  openFileStoreOn,
  StorageUnavailable,
  type FileStore,
  type Mark,
  type SlotClaim,
  type SlotFlush,
  type TierStore,
} from '@oap-federation/storage';
import { MemoryDisk, testFlush, testMark } from '@oap-federation/storage/testing';
import { MemoryTierStore } from '@oap-federation/testkit';

const SLOTS = 3;
const SEGMENT_BYTES = 4_096;
const RUNS = Number(process.env['OAP_FILE_RUNS'] ?? 25);

function open(disk: MemoryDisk, whenDamaged: 'stop' | 'quarantine' = 'stop', segmentBytes = SEGMENT_BYTES) {
  const options = { dataDir: 'disk', slots: SLOTS, tier: 'east', bytesMax: 1e9, whenDamaged, segmentBytes };
  return openFileStoreOn(disk, options, {
    clock: new VirtualClock(1_000_000_000),
    rng: seededRng(77),
    logger: silentLogger,
  });
}

/** What the next claim of a slot finds. */
interface Newcomer {
  readonly epoch: number;
  readonly marks: readonly Mark[];
  readonly lastOrd: number;
  readonly suppressed: ReadonlyMap<string, LogPosition>;
}

/** Everything that a store says, but log ids, claims and entries that are only retained. */
async function digest(store: TierStore, newcomer: (slot: number) => Promise<Newcomer>): Promise<string> {
  const found = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    const { epoch, marks, lastOrd, suppressed } = await newcomer(slot);
    const { gen, nextSeq, chain, acknowledgedSeq, watermark, ledger } = await store.outboxHead(slot);
    const parked = (await store.readParked(slot, 'overflow', 0, 1e9)).map(({ id: _, ...rest }) =>
      Object.entries(rest).toSorted(([x], [y]) => (x < y ? -1 : 1)),
    );
    found.push({
      epoch,
      marks: marks.map(({ logId, seq, increments, chain: after }) => ({ logId, seq, increments, after })),
      head: { gen, nextSeq, chain, acknowledgedSeq, watermark, ledger },
      lastOrd,
      suppressed: [...suppressed],
      entries: await store.readOutbox(slot, acknowledgedSeq, 1e9),
      waiting: (await store.readPending(slot, 0, 1e9)).map(({ ord, source, header, content }) => [
        ord,
        source,
        header,
        content,
      ]),
      parked,
      manifests: await store.readManifests(slot, 0),
      verdicts: await store.readVerdicts(slot),
      losses: (await store.readLosses(slot, 0, 1e9)).map(({ logId, seq, increments }) => [logId, seq, increments]),
    });
  }
  return JSON.stringify([found, await store.outboxBacklog(), await store.expectedChildren()], (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
}

/** Of a store that was opened again; its claims are raised. */
const found = (store: TierStore) =>
  digest(store, async (slot) => {
    const { fence, marks, pending, suppressed } = await store.claimSlot(slot, 'reader');
    return { epoch: fence.epoch, marks, lastOrd: pending.lastOrd, suppressed };
  });

type Step = { readonly do: string; readonly slot: number; readonly n: number; readonly bytes: number };

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    'flush',
    'flush',
    'flush',
    'both',
    'pending',
    'settle',
    'park',
    'ack',
    'ack',
    'claim',
    'repair',
    'child',
    'expire',
  ),
  slot: fc.nat(SLOTS - 1),
  n: fc.integer({ min: 1, max: 4 }),
  bytes: fc.nat(900),
});

/** The owners of all slots of one store. */
class Owners {
  readonly #store: TierStore;
  readonly #slots: {
    claim: SlotClaim;
    flushes: number;
    nextSeq: number;
    chain: Uint8Array;
    ord: number;
    marked: number;
    suppressed: ReadonlyMap<string, LogPosition>;
  }[] = [];
  #filled = 0;
  #waiting: number[][] = Array.from({ length: SLOTS }, () => []);

  constructor(store: TierStore) {
    this.#store = store;
  }

  async claim(slot: number): Promise<void> {
    const claim = await this.#store.claimSlot(slot, 'owner');
    const { nextSeq, chain } = claim.outbox;
    this.#slots[slot] = {
      claim,
      flushes: 0,
      nextSeq,
      chain,
      ord: claim.pending.lastOrd,
      marked: claim.marks[0]?.seq ?? 0,
      suppressed: claim.suppressed,
    };
  }

  async open(): Promise<this> {
    for (let slot = 0; slot < SLOTS; slot++) await this.claim(slot);
    return this;
  }

  /** Of the newest flush. */
  last: SlotFlush['outbox'][number] | undefined;

  claimOf(slot: number): SlotClaim {
    return this.#slots[slot]!.claim;
  }

  expected(slot: number): Omit<Newcomer, 'marks'> {
    const { claim, ord, suppressed } = this.#slots[slot]!;
    return { epoch: claim.fence.epoch + 1, lastOrd: ord, suppressed };
  }

  /** The same bytes whichever store they go to. */
  #bytes(length: number): Uint8Array {
    const seed = ++this.#filled;
    return Uint8Array.from({ length }, (_, i) => (seed * 37 + i) & 255);
  }

  #flush(slot: number, entries: number, bytes: number, rest: Partial<SlotFlush> = {}): SlotFlush {
    const owner = this.#slots[slot]!;
    const outbox = Array.from({ length: entries }, () => {
      const [header, content] = [this.#bytes(9), this.#bytes(bytes)];
      owner.chain = chainAfter(owner.chain, header, content);
      const seq = owner.nextSeq++;
      return {
        entry: { slot, seq, header, content, chain: owner.chain, increments: seq, createdAtMs: seq },
        watermark: seq,
      };
    });
    const mark = testMark(slot, 'in', ++owner.marked, { increments: owner.marked });
    this.last = outbox.at(-1);
    return {
      ...testFlush(slot, 0),
      fence: { ...owner.claim.fence, flushes: owner.flushes++ },
      outbox,
      marks: [{ mark, previousSeq: owner.marked - 1 }],
      manifests: [{ logId: 'in', minute: owner.marked % 5, a: owner.marked, b: 7 }],
      ...rest,
    };
  }

  async run({ do: verb, slot, n, bytes }: Step): Promise<void> {
    const owner = this.#slots[slot]!;
    const commit = async (...flushes: readonly SlotFlush[]) => {
      const outcome = await this.#store.flush(flushes);
      if (outcome.kind !== 'committed') throw new Error('BUG: refused');
    };
    switch (verb) {
      case 'flush':
        return commit(this.#flush(slot, n, bytes));
      case 'both':
        return commit(this.#flush(slot, n, bytes), this.#flush((slot + 1) % SLOTS, 1, bytes));
      case 'pending': {
        const pending = Array.from({ length: n }, () => {
          const ord = ++owner.ord;
          this.#waiting[slot]!.push(ord);
          const source = { logId: 'in', gen: 1, seq: ord };
          return {
            slot,
            ord,
            source,
            header: this.#bytes(5),
            content: this.#bytes(bytes),
            increments: 1,
            createdAtMs: ord,
          };
        });
        return commit(this.#flush(slot, 0, 0, { pending }));
      }
      case 'settle': {
        const settled = this.#waiting[slot]!.splice(0, n);
        return commit(this.#flush(slot, settled.length, bytes, { settled }));
      }
      case 'park': {
        const park = {
          logId: 'in',
          slot,
          seq: n,
          reason: 'overflow',
          increments: n,
          detail: 'x',
          content: this.#bytes(bytes),
        } as const;
        const loss = {
          tier: 't',
          origin: '',
          cause: 'dropped',
          kind: '',
          firstMinute: 1,
          lastMinute: 2,
          increments: n,
        };
        const losses = [{ ...loss, logId: 'in', seq: this.#filled, index: 0 }];
        const verdicts = [{ minute: n, state: n % 2 ? 'suspect' : 'matched', tiers: ['a'], reason: 'r' } as const];
        return commit(this.#flush(slot, 0, 0, { parked: [park], losses, verdicts }));
      }
      case 'ack': {
        const { acknowledgedSeq, nextSeq } = await this.#store.outboxHead(slot);
        return this.#store.acknowledgeOutbox(slot, Math.min(acknowledgedSeq + n, nextSeq - 1));
      }
      case 'claim':
        return this.claim(slot);
      case 'repair': {
        const chain = this.#bytes(32);
        const seq = owner.nextSeq + n;
        const gen = (await this.#store.outboxHead(slot)).gen + 1;
        const suppressed = new Map([['in', { gen: 1, seq }]]);
        const dropPending = this.#waiting[slot]!.splice(0, 1);
        await commit(
          this.#flush(slot, 0, 0, { repair: { gen, seq, chain, ledger: seq, keepTo: seq, suppressed, dropPending } }),
        );
        owner.nextSeq = seq + 1;
        owner.suppressed = suppressed;
        owner.chain = chain;
        return;
      }
      case 'child':
        return this.#store.expectChildren([{ tier: `t${n}`, sinceMinute: bytes }]);
      case 'expire':
        return this.#store.maintenance.dropExpired({
          nowMs: 1e9 + n,
          ttlDays: 100,
          outboxRetentionMs: n === 1 ? 2e9 : 0,
        });
      default:
        throw new Error(verb);
    }
  }
}

/** Runs the steps on a file store and on the oracle; after each, what a newcomer to the oracle would find. */
class History {
  readonly disk = new MemoryDisk();
  readonly digests: string[] = [];
  readonly #oracle = new MemoryTierStore(() => 'log', SLOTS);
  readonly #oracleOwners = new Owners(this.#oracle);
  store!: FileStore;
  owners!: Owners;
  acknowledged = 0;

  async start(segmentBytes = SEGMENT_BYTES): Promise<this> {
    this.store = await open(this.disk, 'stop', segmentBytes);
    this.owners = await new Owners(this.store).open();
    await this.#oracleOwners.open();
    this.digests.push(await this.#expected());
    return this;
  }

  async #expected(): Promise<string> {
    return digest(this.#oracle, async (slot) => {
      const mark = this.#oracle.peekMark(slot, 'in');
      return { ...this.#oracleOwners.expected(slot), marks: mark ? [mark] : [] };
    });
  }

  async run(one: Step): Promise<void> {
    await this.#oracleOwners.run(one);
    this.digests.push(await this.#expected());
    await this.owners.run(one);
    this.acknowledged++;
  }
}

/** Calls back before and after every call that changes the disk. */
function watchDisk(disk: MemoryDisk, seen: () => void): void {
  const around = <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      seen();
      const result = await call(...args);
      seen();
      return result;
    };
  };
  const create = disk.create.bind(disk);
  disk.remove = around(disk.remove.bind(disk));
  disk.create = around(async (name: string, size: number) => {
    const file = await create(name, size);
    return { ...file, write: around(file.write), sync: around(file.sync) };
  });
}

/** The committed prefix that a store holds; the steps up to `acknowledged` must be in it, and at most the one under way more. */
async function expectPrefix(disk: MemoryDisk, digests: readonly string[], acknowledged: number): Promise<void> {
  const store = await open(disk);
  expect(store.lostRanges).toEqual([]);
  const is = await found(store);
  const allowed = digests.slice(acknowledged, acknowledged + 2);
  if (!allowed.includes(is)) expect(is).toBe(allowed[0]);
}

describe('a crash at any call to the disk', () => {
  it('leaves all that was acknowledged, and at most the step under way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 3, maxLength: 25 }), async (seed, steps) => {
        const history = await new History().start();
        const rng = seededRng(seed);
        const crashes: { readonly disk: MemoryDisk; readonly acknowledged: number }[] = [];
        watchDisk(history.disk, () => {
          const { acknowledged, disk } = history;
          crashes.push({ disk: rng.next() < 0.7 ? disk.afterPowerCut(rng) : disk.afterKill(), acknowledged });
        });
        for (const one of steps) await history.run(one);
        for (const { disk, acknowledged } of crashes) await expectPrefix(disk, history.digests, acknowledged);
        await expectPrefix(history.disk.afterPowerCut(rng), history.digests.slice(-1), 0);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  it('and then another, after going on: what an earlier life left behind is never read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 4, maxLength: 16 }), async (seed, steps) => {
        const rng = seededRng(seed);
        let { disk } = await new History().start();
        for (let life = 0; life < 4; life++) {
          const store = await open(disk);
          const owners = await new Owners(store).open();
          const before = await Promise.all([0, 1, 2].map((slot) => store.outboxHead(slot)));
          disk.failSync = () => false;
          for (const one of steps) if (one.do === 'flush' || one.do === 'both') await owners.run(one);
          // the last flush is on its way when the power goes
          let cut: MemoryDisk | undefined;
          const heads = await Promise.all([0, 1, 2].map((slot) => store.outboxHead(slot)));
          disk.failSync = () => {
            cut ??= disk.afterPowerCut(rng);
            return false;
          };
          await owners.run({ do: 'flush', slot: 0, n: 2, bytes: 300 });
          disk = cut!;
          const after = await open(disk);
          for (const slot of [0, 1, 2]) {
            const { logId, nextSeq } = await after.outboxHead(slot);
            expect(logId).toBe(before[slot]!.logId);
            expect(nextSeq - heads[slot]!.nextSeq).toBe(slot === 0 && nextSeq !== heads[slot]!.nextSeq ? 2 : 0);
            let chain: Uint8Array = new Uint8Array(0);
            for (const entry of await after.readOutbox(slot, 0, 1e9)) {
              chain = chainAfter(chain, entry.header, entry.content);
              expect(entry.chain).toEqual(chain);
            }
          }
          await after[Symbol.asyncDispose]();
        }
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});

/** A history that fills some segments, and its last record, which was not acknowledged when the disk was taken. */
async function sample(): Promise<History> {
  const history = await new History().start();
  for (let i = 0; i < 14; i++)
    await history.run({ do: i % 4 === 3 ? 'pending' : 'flush', slot: i % SLOTS, n: 2, bytes: 150 });
  await history.run({ do: 'park', slot: 1, n: 2, bytes: 50 });
  await history.run({ do: 'ack', slot: 0, n: 1, bytes: 0 });
  await history.run({ do: 'flush', slot: 2, n: 1, bytes: 40 });
  return history;
}

function segmentsOf(disk: MemoryDisk): string[] {
  return [...disk.files.keys()].filter((name) => name.endsWith('.segment')).toSorted();
}

function changed(disk: MemoryDisk, name: string, change: (bytes: Uint8Array) => void): MemoryDisk {
  const other = disk.afterKill();
  change(other.files.get(name)!.bytes);
  return other;
}

describe('what is written on the disk', () => {
  it('a last record that is torn at any byte is cut off, and only it', async () => {
    const history = await sample();
    let before = history.disk.afterKill();
    let last = '';
    for (let tries = 0; segmentsOf(before).at(-1) !== last; tries++) {
      expect(tries).toBeLessThan(20);
      before = history.disk.afterKill(); // again when a new segment was begun
      await history.run({ do: 'flush', slot: 0, n: 1, bytes: 60 });
      last = segmentsOf(history.disk).at(-1)!;
    }
    const [old, now] = [before.files.get(last)!.bytes, history.disk.files.get(last)!.bytes];
    const first = now.findIndex((byte, i) => byte !== old[i]);
    const end = now.findLastIndex((byte) => byte !== 0) + 1;
    const [without, whole] = history.digests.slice(-2);
    for (let at = first; at <= end; at++) {
      const torn = changed(before, last, (bytes) => bytes.set(now.subarray(first, at), first));
      expect(await found(await open(torn))).toBe(at === end ? whole : without);
    }
  });

  it('what was written behind a torn record never reads as the continuation of what is written over it', async () => {
    const history = await new History().start(65_536);
    const one: Step = { do: 'flush', slot: 0, n: 1, bytes: 100 };
    await history.run(one);
    const before = history.disk.afterKill();
    await history.run(one);
    await history.run(one);
    const [last, ...others] = segmentsOf(history.disk);
    expect(others).toEqual([]);
    // both were under way when the power went: the second is whole on the disk, the first is not, and nothing says that either was there
    const now = history.disk.files.get(last!)!.bytes;
    const old = before.files.get(last!)!.bytes;
    const first = now.findIndex((byte, i) => byte !== old[i]);
    const torn = changed(before, last!, (bytes) => {
      bytes.set(now.subarray(first), first);
      bytes[first + 200]! ^= 1;
    });
    const store = await open(torn, 'stop', 65_536);
    expect((await store.outboxHead(0)).nextSeq).toBe(2);
    const { fence } = history.owners.claimOf(0);
    // a record of the same length takes the place of the torn one
    const { entry } = history.owners.last!;
    const chain = entry.chain.with(0, entry.chain[0]! ^ 1);
    const outbox = [{ entry: { ...entry, seq: 2, chain, increments: 2, createdAtMs: 2 }, watermark: 2 }];
    const mark = testMark(0, 'in', 2, { increments: 2 });
    const manifests = [{ logId: 'in', minute: 2, a: 2, b: 7 }];
    const flush = {
      ...testFlush(0, 0),
      fence: { ...fence, flushes: 1 },
      outbox,
      marks: [{ mark, previousSeq: 1 }],
      manifests,
    };
    expect(await store.flush([flush])).toEqual({ kind: 'committed' });
    const end = torn.files.get(last!)!.bytes.subarray(first);
    expect(end.findLastIndex((byte) => byte !== 0)).toBe(now.subarray(first).findLastIndex((byte) => byte !== 0));
    expect((await (await open(torn.afterKill(), 'stop', 65_536)).outboxHead(0)).nextSeq).toBe(3);
  });

  it('a bit that flips anywhere changes nothing, or is damage that is named; quarantine goes on and names what is missing', async () => {
    const history = await sample();
    const whole = history.digests.at(-1)!;
    const rng = seededRng(3);
    let refused = 0;
    for (const name of history.disk.files.keys()) {
      const size = history.disk.files.get(name)!.bytes.findLastIndex((byte) => byte !== 0) + 1;
      for (let at = 0; at < size; at += 1 + Math.floor(rng.next() * 200)) {
        const flip = (bytes: Uint8Array) => (bytes[at]! ^= 1 << Math.floor(rng.next() * 8));
        const flipped = changed(history.disk, name, flip);
        let is: string;
        try {
          is = await found(await open(flipped.afterKill()));
        } catch (error) {
          refused++;
          expect(String(error)).toMatch(/OAP-2008 .*\d{10}\.segment|segment version/);
          if (!String(error).includes('OAP-2008')) continue;
          const store = await open(flipped, 'quarantine');
          const heads = await Promise.all([0, 1, 2].map((slot) => store.outboxHead(slot)));
          for (const [slot, { nextSeq, acknowledgedSeq }] of heads.entries()) {
            // each number is there, or is named as lost
            const there = new Set((await store.readOutbox(slot, acknowledgedSeq, 1e9)).map(({ seq }) => seq));
            for (const { firstSeq, lastSeq } of store.lostRanges.filter((range) => range.slot === slot))
              for (let seq = firstSeq; seq <= lastSeq; seq++) there.add(seq);
            expect(there.size).toBe(nextSeq - 1 - acknowledgedSeq);
          }
          expect([...flipped.files.keys()].some((file) => file.endsWith('.corrupt'))).toBe(true);
          // it was said once; the store opens, goes on, and opens again
          const again = await open(flipped);
          const owners = await new Owners(again).open();
          await owners.run({ do: 'flush', slot: 0, n: 1, bytes: 10 });
          expect((await (await open(flipped.afterKill())).outboxHead(0)).nextSeq).toBe(heads[0]!.nextSeq + 1);
          continue;
        }
        if (name !== 'position') expect(is).toBe(whole);
        else if (is !== whole) {
          // the newer copy is gone: the older one may know less of what was acknowledged, never of what was committed
          const acknowledged = (text: string) =>
            text
              .replace(/"acknowledgedSeq":\d+/g, '')
              .replace(/"entries":\[.*?\]/g, '')
              .replace(/\{"entries":\d+,"bytes":\d+\}/, '');
          expect(acknowledged(is)).toBe(acknowledged(whole));
        }
      }
    }
    expect(refused).toBeGreaterThan(100);
  }, 120_000);

  it('a segment that is missing is damage', async () => {
    const history = await sample();
    for (const name of segmentsOf(history.disk).slice(1)) {
      const without = history.disk.afterKill();
      without.files.delete(name);
      await expect(open(without)).rejects.toThrow('OAP-2008');
    }
  });
});

describe('trouble while it runs', () => {
  it('a full disk refuses flushes, takes acknowledgements, and gets its space back from them', async () => {
    const history = await new History().start();
    const { disk, store, owners } = history;
    disk.capacityBytes = [...disk.files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0) + 3 * SEGMENT_BYTES;
    const large: Step = { do: 'flush', slot: 0, n: 1, bytes: 1_500 };
    let flushed = 0;
    for (; flushed < 100; flushed++) {
      try {
        await owners.run(large);
      } catch (error) {
        expect(error).toBeInstanceOf(StorageUnavailable);
        break;
      }
    }
    expect(flushed).toBeGreaterThan(3);
    expect(flushed).toBeLessThan(100);
    await expect(store.claimSlot(0)).rejects.toThrow(/ENOSPC/);
    await store.acknowledgeOutbox(0, flushed);
    await owners.claim(0); // what was refused may be there now: its outcome was unknown
    await owners.run(large);
    const { nextSeq, acknowledgedSeq } = await store.outboxHead(0);
    expect(acknowledgedSeq).toBe(flushed);
    const again = await open(disk.afterPowerCut(seededRng(1)));
    expect((await again.readOutbox(0, flushed, 1e9)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: nextSeq - 1 - flushed }, (_, i) => flushed + 1 + i),
    );
  });

  it('a sync that fails is never asked for again: the same records go to another file, and nothing is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { minLength: 3, maxLength: 25 }), async (seed, steps) => {
        const history = await new History().start();
        const rng = seededRng(seed);
        const bad = new Set<string>();
        const again: string[] = [];
        history.disk.failSync = (name) => {
          if (bad.has(name)) again.push(name);
          if (name === 'position' || rng.next() > 0.2) return false;
          bad.add(name);
          return true;
        };
        for (const one of steps) {
          let failed = true;
          // a new file may fail as well: then the call is refused, and its outcome decided by the next
          await history.run(one).then(
            () => (failed = false),
            (error: unknown) => expect(error).toBeInstanceOf(StorageUnavailable),
          );
          if (failed) break;
        }
        expect(again).toEqual([]);
        await expectPrefix(history.disk.afterPowerCut(rng), history.digests, history.acknowledged);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);

  it('flushes of many owners share a sync', async () => {
    const disk = new MemoryDisk();
    const store = await open(disk);
    const owners = await new Owners(store).open();
    const before = disk.syncs;
    await Promise.all([0, 1, 2].map((slot) => owners.run({ do: 'flush', slot, n: 1, bytes: 10 })));
    expect(disk.syncs - before).toBe(1);
  });

  it('one batch that waits does not keep the segments after it', async () => {
    const history = await new History().start();
    await history.run({ do: 'pending', slot: 0, n: 1, bytes: 100 });
    await history.run({ do: 'park', slot: 0, n: 2, bytes: 100 });
    for (let i = 0; i < 30; i++) {
      await history.run({ do: 'flush', slot: 1, n: 1, bytes: 800 });
      await history.run({ do: 'ack', slot: 1, n: 1, bytes: 0 });
    }
    for (let i = 0; i < 3; i++) await history.run({ do: 'expire', slot: 0, n: 2, bytes: 0 });
    expect(segmentsOf(history.disk).length).toBeLessThan(4);
    await expectPrefix(history.disk.afterKill(), history.digests.slice(-1), 0);
  });
});
