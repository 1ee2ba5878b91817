// SPDX-License-Identifier: Apache-2.0
// Wrong tokens per address. After a number of them in a minute the address waits for that minute to end, whatever it shows: else a right
// guess would still be told apart from a wrong one. Memory is bounded: the address that failed longest ago is forgotten first.
import { isIPv6 } from 'node:net';
import type { Clock } from '@oap-federation/runtime';

const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 10_000; // about 1 MB

interface Window {
  readonly endsMs: number;
  failures: number;
}

export class FailedAttempts {
  readonly #perMinute: number;
  readonly #clock: Pick<Clock, 'now'>;
  /** In the order in which windows began. */
  readonly #windows = new Map<string, Window>();

  constructor(perMinute: number, clock: Pick<Clock, 'now'>) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** Whole seconds until the address may try again; 0: now. */
  waitSeconds(address: string): number {
    const window = this.#windows.get(keyOf(address));
    const leftMs = (window?.endsMs ?? 0) - this.#clock.now();
    return window === undefined || window.failures < this.#perMinute || leftMs <= 0 ? 0 : Math.ceil(leftMs / 1000);
  }

  note(address: string): void {
    const key = keyOf(address);
    const now = this.#clock.now();
    const window = this.#windows.get(key);
    if (window !== undefined && window.endsMs > now) {
      window.failures++;
      return;
    }
    this.#windows.delete(key);
    this.#windows.set(key, { endsMs: now + WINDOW_MS, failures: 1 });
    if (this.#windows.size > ADDRESSES_MAX) this.#windows.delete(this.#windows.keys().next().value!);
  }

  get addresses(): number {
    return this.#windows.size;
  }
}

/** One client owns a /64 of IPv6 at least: its first four groups stand for all of it. */
function keyOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups.slice(0, 4).join(':').toLowerCase();
}
