// SPDX-License-Identifier: Apache-2.0
// Names from outside -> names that may become entity ids: NFC, no control characters, cut to a length, never blank.

const PLAIN = /^[\x20-\x7e]+$/;
// Control characters, and halves of surrogate pairs (they come out of JSON escapes and of cutting).
const FORBIDDEN = /[\p{Cc}\p{Cs}]/gu;
const BLANK = '_blank';

/** `maxLength` in UTF-16 units, as SkyWalking counts. A blank name becomes `_blank`, as in SkyWalking's ids. */
export function cleanName(raw: string, maxLength: number): string {
  if (raw.length <= maxLength && PLAIN.test(raw)) return raw.trim() === '' ? BLANK : raw;
  // a bound before the work on it; NFC shortens a text three times at most
  const name = raw
    .slice(0, maxLength * 4)
    .normalize('NFC')
    .replace(FORBIDDEN, '')
    .slice(0, maxLength)
    .replace(FORBIDDEN, '');
  if (name.trim() === '') return BLANK;
  // a copy: a slice would keep the whole text alive in the entity cache
  return Buffer.from(name).toString();
}

const DIGIT_IN_PATH = /\/[^/]*\d/;
const ID_SEGMENT =
  /\/(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{8,})(?=\/|$)/gi;

/**
 * Groups the paths of one route: what follows `?` is dropped; numbers, UUIDs and hex texts of 8 or more digits become `{id}`.
 * `GET:/users/17` -> `GET:/users/{id}`. Node agents report raw paths, so without this every user is an endpoint.
 */
export function groupUri(name: string): string {
  const query = name.indexOf('?');
  const path = query < 0 ? name : name.slice(0, query);
  return DIGIT_IN_PATH.test(path) ? path.replace(ID_SEGMENT, '/{id}') : path;
}
