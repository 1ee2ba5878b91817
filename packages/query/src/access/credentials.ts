// SPDX-License-Identifier: Apache-2.0
// The token that a request shows: `Authorization: Bearer`, `Authorization: Basic` (the password; Grafana and swctl), or SkyWalking's
// `authentication` header. Never the URL: URLs are logged and kept.
import type { IncomingHttpHeaders } from 'node:http';

/** `none`: nothing was shown. `unreadable`: something was, in a form that holds no token; `reason` does not repeat it. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'unreadable'; readonly reason: string };

export function credentialsOf(headers: IncomingHttpHeaders): Credentials {
  const { authorization } = headers;
  if (authorization !== undefined) return ofAuthorization(authorization);
  const plain = headers['authentication'];
  if (plain === undefined || plain === '') return { kind: 'none' };
  if (typeof plain === 'string') return { kind: 'token', token: plain };
  return { kind: 'unreadable', reason: 'more than one authentication header' };
}

function ofAuthorization(value: string): Credentials {
  const [, scheme = '', given = ''] = /^\s*(\S+)(?:\s+(\S+))?\s*$/.exec(value) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return given === '' ? { kind: 'unreadable', reason: 'Bearer without a token' } : { kind: 'token', token: given };
    case 'basic': {
      const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(given, 'base64').toString('utf8')) ?? [];
      return password === undefined
        ? { kind: 'unreadable', reason: 'Basic without a password, which is the token' }
        : { kind: 'token', token: password };
    }
    default:
      return { kind: 'unreadable', reason: 'the Authorization header is neither Bearer nor Basic' };
  }
}
