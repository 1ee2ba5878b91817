// SPDX-License-Identifier: Apache-2.0
// What this machine can do at most: memory, SHA-256, and a disk that is told to keep what it was given.
import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { cpuSeconds, median } from './measure.mjs';
import { row } from './report.mjs';

/** Median of the rates of some runs; `units` per run. */
function rate(runs, units, run, now = cpuSeconds) {
  run();
  const rates = [];
  for (let i = 0; i < runs; i++) {
    const from = now();
    run();
    rates.push(units / (now() - from));
  }
  return median(rates);
}

const wallSeconds = () => performance.now() / 1_000;

export async function machineLimits(quick) {
  const runs = quick ? 3 : 7;
  const n = (quick ? 8 : 32) * 1024 * 1024; // doubles: 64 or 256 MiB, more than any cache
  const a = new Float64Array(n).fill(1);
  const b = new Float64Array(n).fill(2);
  row('limits.memory.copy.bytesPerSecond', 'a large typed array into another, bytes copied, one core', {
    value: rate(runs, n * 8, () => b.set(a)),
  });
  row('limits.memory.add.bytesPerSecond', 'one large typed array added to another, bytes read', {
    value: rate(runs, n * 16, () => {
      for (let i = 0; i < n; i++) b[i] += a[i];
    }),
  });
  for (const [name, size] of [
    ['1MiB', 1024 * 1024],
    ['4KiB', 4_096],
  ]) {
    const block = Buffer.alloc(size, 7);
    const blocks = Math.ceil((quick ? 16e6 : 128e6) / size);
    row(`limits.sha256.${name}.bytesPerSecond`, `SHA-256 of pieces of ${name}, one core`, {
      value: rate(runs, blocks * size, () => {
        for (let i = 0; i < blocks; i++) createHash('sha256').update(block).digest();
      }),
    });
  }
  const dir = await mkdtemp(path.join(tmpdir(), 'oap-bench-'));
  const file = openSync(path.join(dir, 'log'), 'w');
  try {
    const page = Buffer.alloc(8_192, 7);
    const writes = quick ? 100 : 400;
    row('limits.fdatasync.perSecond', 'appends of 8 KiB, each with fdatasync', {
      value: rate(
        3,
        writes,
        () => {
          for (let i = 0; i < writes; i++) {
            writeSync(file, page);
            fdatasyncSync(file);
          }
        },
        wallSeconds,
      ),
    });
    const large = Buffer.alloc(16 * 1024 * 1024, 7);
    row('limits.fdatasync.bytesPerSecond', 'appends of 16 MiB, each with fdatasync', {
      value: rate(
        quick ? 2 : 5,
        large.length,
        () => {
          writeSync(file, large);
          fdatasyncSync(file);
        },
        wallSeconds,
      ),
    });
  } finally {
    closeSync(file);
    rmSync(dir, { recursive: true, force: true });
  }
}
