// SPDX-License-Identifier: Apache-2.0
// Shared tokens: one comparison for agents, for tiers, for the nodes of a tier, and for those who ask.
import { createHash, timingSafeEqual } from 'node:crypto';

/** Says whether a given token is the expected one. */
export type TokenCheck = (given: string | Buffer | undefined) => boolean;

const digest = (text: string | Buffer) => createHash('sha256').update(text).digest();
const NOBODY = new Uint8Array(32); // no text is known that has this digest, and the check says no all the same

/**
 * A check against `expected`: '' lets everybody in, undefined nobody. It compares digests in constant time and works as long for undefined,
 * so that neither content, nor length, nor whether there is a token shows in the time.
 */
export function tokenCheck(expected: string | undefined): TokenCheck {
  if (expected === '') return () => true;
  const wanted = expected === undefined ? NOBODY : digest(expected);
  return (given) => timingSafeEqual(digest(given ?? ''), wanted) && expected !== undefined && given !== undefined;
}

/** SHA-256 of a token as an operator gives it: plainly, or as `sha256:` and the hex digits of its digest. */
export function secretDigest(token: string): Buffer {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(token) ?? [];
  return hex === undefined ? digest(token) : Buffer.from(hex, 'hex');
}

/** The owner of a token among several; undefined for nobody's. */
export type TokenSearch<Owner> = (given: string) => Owner | undefined;

/** A search by digest. It compares with every token in constant time, so that the time says nothing of any of them. */
export function tokenSearch<Owner>(
  entries: readonly { readonly token: string; readonly owner: Owner }[],
): TokenSearch<Owner> {
  const known = entries.map(({ token, owner }) => ({ digest: secretDigest(token), owner }));
  return (given) => {
    const shown = digest(given);
    let found: Owner | undefined;
    for (const { digest: expected, owner } of known) if (timingSafeEqual(shown, expected)) found = owner;
    return found;
  };
}
