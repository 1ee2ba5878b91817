// SPDX-License-Identifier: Apache-2.0
// Shared tokens: one comparison for agents, for tiers, and for the nodes of a tier.
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
