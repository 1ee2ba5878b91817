// SPDX-License-Identifier: Apache-2.0
// The randomness port: ids, jitter and random choices take an Rng, so that a seed replays a run.
import { randomBytes } from 'node:crypto';

export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
  /** Fresh random bytes. */
  bytes(length: number): Uint8Array;
}

export const systemRng: Rng = {
  next: () => randomBytes(4).readUInt32LE(0) / 2 ** 32,
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

/** A small seeded generator (mulberry32); same seed, same sequence. For tests and the simulator. */
export function seededRng(seed: number): Rng {
  let a = (seed | 0) ^ 0x9e3779b9;
  const next = () => {
    // mulberry32: 32 bits of state, passes the usual small tests, and is the same on every machine
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) };
}

/** A random integer in [0, bound). */
export function randomInt(rng: Rng, bound: number): number {
  return Math.floor(rng.next() * bound);
}

/** A UUIDv7 (time-ordered): 48 bits of epoch ms from `nowMs`, the rest from `rng`. Lower-case canonical text. */
export function uuidV7(rng: Rng, nowMs: number): string {
  const b = rng.bytes(16);
  const hi = Math.floor(nowMs / 2 ** 16);
  b[0] = (hi >>> 24) & 0xff;
  b[1] = (hi >>> 16) & 0xff;
  b[2] = (hi >>> 8) & 0xff;
  b[3] = hi & 0xff;
  b[4] = Math.floor(nowMs / 256) & 0xff;
  b[5] = nowMs & 0xff;
  b[6] = 0x70 | (b[6]! & 0x0f);
  b[8] = 0x80 | (b[8]! & 0x3f);
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
