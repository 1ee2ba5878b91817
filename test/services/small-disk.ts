// SPDX-License-Identifier: Apache-2.0
// A small file system of its own (tmpfs) that can be filled until the kernel says ENOSPC, and freed by removing a ballast file.
// Needs root and the right to mount; elsewhere it says why it cannot be had.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot } from './debian.js';
import { guardMount, removeDirectory, temporaryDirectory, unguardMount, type Unavailable } from './process.js';

export interface SmallDisk {
  readonly path: string;
  /** Takes all that is left; returns how many bytes that were. May be repeated while others free space. */
  fill(): number;
  free(): void;
  /** Unmounts it; whoever keeps files here must have ended. */
  stop(): void;
}

const CHUNK = Buffer.alloc(64 * 1024);

export function mountSmallDisk(megabytes: number): SmallDisk | Unavailable {
  if (!isRoot()) return { unavailable: 'a small disk: only root may mount a tmpfs' };
  const path = temporaryDirectory('disk');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', path], {
    encoding: 'utf8',
  });
  if (mounted.status !== 0) {
    removeDirectory(path);
    return { unavailable: `a small disk: mount failed: ${(mounted.error?.message ?? mounted.stderr).trim()}` };
  }
  guardMount(path);
  const ballast = join(path, 'ballast');
  let stopped = false;
  return {
    path,
    fill() {
      const file = openSync(ballast, 'a');
      let bytes = 0;
      try {
        for (let size = CHUNK.length; size > 0;) {
          try {
            bytes += writeSync(file, CHUNK, 0, size);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
            size >>= 4; // then what is left of the last pieces
          }
        }
      } finally {
        closeSync(file);
      }
      return bytes;
    },
    free() {
      rmSync(ballast, { force: true });
    },
    stop() {
      if (stopped) return;
      stopped = true;
      spawnSync('umount', ['-l', path]);
      unguardMount(path);
      removeDirectory(path);
    },
  };
}
