// SPDX-License-Identifier: Apache-2.0
// The disk port of the file store: one directory of fixed-size files that are written in place. In: bytes at offsets. Out: what was
// synced is there after a power cut; what was not may be there in any part. Implementations: here, and memory-disk.ts for tests.
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskFile {
  /** Bytes when it was opened, or created. */
  readonly size: number;
  /** Up to `length` bytes; fewer where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** What was written is durable. An error means that it may not be, now or ever: never ask the same file again. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  list(): Promise<readonly string[]>;
  open(name: string): Promise<DiskFile>;
  /** A new file of `size` zero bytes, durable with its name. On error (no space) it is gone again, as far as that works. */
  create(name: string, size: number): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
}

const ZEROS = new Uint8Array(1 << 20);

/** The directory is made when missing. */
export async function nodeDisk(directory: string): Promise<Disk> {
  await mkdir(directory, { recursive: true });
  const syncDirectory = async () => {
    const handle = await open(directory, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
  const path = (name: string) => join(directory, name);
  return {
    list: () => readdir(directory),
    async open(name) {
      const handle = await open(path(name), 'r+');
      return new NodeFile(handle, (await handle.stat()).size);
    },
    async create(name, size) {
      const handle = await open(path(name), 'wx+');
      try {
        const file = new NodeFile(handle, size);
        for (let at = 0; at < size; at += ZEROS.length) {
          await file.write(at, ZEROS.subarray(0, Math.min(ZEROS.length, size - at)));
        }
        await handle.sync(); // with its length: later syncs are of data alone
        await syncDirectory();
        return file;
      } catch (error) {
        await handle.close();
        await rm(path(name), { force: true });
        throw error;
      }
    },
    async rename(from, to) {
      await rename(path(from), path(to));
      await syncDirectory();
    },
    async remove(name) {
      await rm(path(name), { force: true });
      await syncDirectory();
    },
  };
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly size: number;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let have = 0;
    while (have < length) {
      const { bytesRead } = await this.#handle.read(bytes, have, length - have, offset + have);
      if (bytesRead === 0) break;
      have += bytesRead;
    }
    return bytes.subarray(0, have);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
