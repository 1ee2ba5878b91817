// SPDX-License-Identifier: Apache-2.0
// A disk in memory for tests and the simulator: what was not synced may be lost in any part at a power cut, space ends, syncs fail, bits
// flip. In: a generator, so that a seed replays. It outlives the stores that use it, as a disk does.
import type { Rng } from '@oap-federation/runtime';
import type { Disk, DiskFile } from './disk.js';

interface Stored {
  /** What the process sees. */
  bytes: Uint8Array;
  /** What a power cut cannot take. */
  durable: Uint8Array;
  /** Byte ranges written since the last sync, in order. */
  unsynced: { readonly from: number; readonly to: number }[];
  /** A sync failed: what was unsynced then is never written, though later syncs say that all is well. */
  lost: boolean;
}

export class MemoryDisk implements Disk {
  readonly files = new Map<string, Stored>();
  /** Bytes of all files together; `create` fails beyond. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Asked before each sync; true makes it fail. */
  failSync: (name: string) => boolean = () => false;
  syncs = 0;

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }

  async open(name: string): Promise<DiskFile> {
    const stored = this.files.get(name);
    if (!stored) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return this.#file(name, stored);
  }

  async create(name: string, size: number): Promise<DiskFile> {
    if (this.files.has(name)) throw Object.assign(new Error(`EEXIST: ${name}`), { code: 'EEXIST' });
    let used = size;
    for (const { bytes } of this.files.values()) used += bytes.length;
    if (used > this.capacityBytes) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    const stored = { bytes: new Uint8Array(size), durable: new Uint8Array(size), unsynced: [], lost: false };
    this.files.set(name, stored);
    return this.#file(name, stored);
  }

  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.files.get(from)!);
    this.files.delete(from);
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  /** A disk as a power cut leaves this one: of every unsynced range any prefix, or nothing, in any combination. */
  afterPowerCut(rng: Rng): MemoryDisk {
    const after = new MemoryDisk();
    for (const [name, { bytes, durable, unsynced }] of this.files) {
      const left = durable.slice();
      for (const { from, to } of unsynced) {
        if (rng.next() < 0.5) continue;
        const end = from + Math.floor(rng.next() * (to - from + 1));
        left.set(bytes.subarray(from, end), from);
      }
      after.files.set(name, { bytes: left.slice(), durable: left, unsynced: [], lost: false });
    }
    return after;
  }

  /** The same content, as another process finds it after kill -9: the page cache stays. */
  afterKill(): MemoryDisk {
    const after = new MemoryDisk();
    for (const [name, stored] of this.files) {
      after.files.set(name, {
        ...stored,
        bytes: stored.bytes.slice(),
        durable: stored.durable.slice(),
        unsynced: [...stored.unsynced],
      });
    }
    return after;
  }

  #file(name: string, stored: Stored): DiskFile {
    return {
      size: stored.bytes.length,
      read: async (offset, length) => stored.bytes.slice(offset, offset + length),
      write: async (offset, bytes) => {
        if (offset + bytes.length > stored.bytes.length) throw new Error(`BUG: ${name} is written beyond its size`);
        stored.bytes.set(bytes, offset);
        if (!stored.lost) stored.unsynced.push({ from: offset, to: offset + bytes.length });
      },
      sync: async () => {
        this.syncs++;
        if (this.failSync(name)) {
          stored.lost = true;
          throw Object.assign(new Error('EIO: sync failed'), { code: 'EIO' });
        }
        if (stored.lost) return; // says yes, and has nothing written: why nobody may ask twice
        for (const { from, to } of stored.unsynced) stored.durable.set(stored.bytes.subarray(from, to), from);
        stored.unsynced = [];
      },
      close: async () => {},
    };
  }
}
