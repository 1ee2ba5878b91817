// SPDX-License-Identifier: Apache-2.0
// discord: webhooks of Discord channels. The template is the text.
import { postJson } from './http.js';
import type { HookKind } from './kind.js';
import { clip, fillText, templateFor, textOf, textTemplates } from './text.js';

/** `content` has 2,000 characters at most. */
const CONTENT_BYTES_MAX = 2_000;

export const discord: HookKind = (reader) => {
  const templates = textTemplates(reader);
  const webhooks = reader.readers('webhooks').map((one) => ({ url: one.url('url'), username: one.text('username') }));
  return ({ clock }) =>
    webhooks.map(({ url, username }) => ({
      address: url,
      wants: (message) => templateFor(templates, message) !== undefined,
      async send(message, key, signal) {
        const content = clip(fillText(templateFor(templates, message)!, textOf(message)), CONTENT_BYTES_MAX);
        // an entity may be called @everyone: nobody is mentioned
        const body = { content, ...(username === undefined ? {} : { username }), allowed_mentions: { parse: [] } };
        await postJson({ url, body, key, signal }, clock);
      },
    }));
};
