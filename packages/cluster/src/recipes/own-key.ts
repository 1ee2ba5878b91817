// SPDX-License-Identifier: Apache-2.0
// One's own ephemeral sequential key, created once although the outcome of a create may be unknown: the name carries an
// id minted for this session, and it is looked for before creating.
import type { Rng } from '@oap-federation/runtime';
import { ensurePath, type CoordinationSession } from '../kernel.js';

/** A prefix no other session uses, e.g. 'k-9f86d081884c7d659a2feaa0c55ad015-'. */
export function mintKeyPrefix(rng: Rng): string {
  return `k-${Array.from(rng.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('')}-`;
}

/** The number at the end of a sequential name. ZooKeeper's counter is a signed 32-bit integer, so it may turn negative. */
export function sequenceOf(name: string): number {
  return Number(/-?\d+$/.exec(name.slice(name.indexOf('-', 2) + 1))?.[0] ?? Number.NaN);
}

export const bySequence = (a: string, b: string): number => sequenceOf(a) - sequenceOf(b) || (a < b ? -1 : 1);

/**
 * Makes sure that exactly one key `parent/prefix…` exists. Returns its name and all names under `parent`.
 * `changed` watches the children.
 */
export async function ensureOwnKey(
  session: CoordinationSession,
  parent: string,
  prefix: string,
  data: string,
  changed?: () => void,
): Promise<{ readonly own: string; readonly names: readonly string[] }> {
  for (;;) {
    const names = await session.children(parent, changed);
    const [own, ...extra] = (names ?? []).filter((name) => name.startsWith(prefix)).sort(bySequence);
    if (names !== undefined && own !== undefined) {
      // two creates of which the first seemed to fail: the first one counts
      for (const name of extra) await session.delete(`${parent}/${name}`);
      return { own, names: names.filter((name) => !extra.includes(name)) };
    }
    if (names === undefined) await ensurePath(session, parent);
    await session.create(`${parent}/${prefix}`, data, 'ephemeralSequential');
  }
}
