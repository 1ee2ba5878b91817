// SPDX-License-Identifier: Apache-2.0
// webhook: SkyWalking's JSON, an array of messages. The i-th of `urls` and of `recovery-urls` are one target, so that a recovery waits for
// its alarm.
import { webhookBody } from './payload.js';
import { postJson } from './http.js';
import type { HookKind } from './kind.js';

export const webhook: HookKind = (reader) => {
  const urls = reader.urls('urls');
  const recoveryUrls = reader.urls('recovery-urls');
  const headers = Object.fromEntries(reader.map('headers'));
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) reader.problem('headers', `${name} is not a header name`);
    else if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      reader.problem('headers', `${name} has a value that no header can have`);
  }
  if (urls.length + recoveryUrls.length === 0) reader.problem('urls', 'must be set: a list of addresses');
  return ({ clock }) =>
    Array.from({ length: Math.max(urls.length, recoveryUrls.length) }, (_, i) => ({
      address: JSON.stringify([urls[i], recoveryUrls[i]]),
      wants: ({ recovery }) => (recovery ? recoveryUrls : urls)[i] !== undefined,
      async send(message, key, signal) {
        const url = (message.recovery ? recoveryUrls : urls)[i]!;
        await postJson({ url, body: [webhookBody(message)], headers, key, signal }, clock);
      },
    }));
};
