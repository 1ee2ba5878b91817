// SPDX-License-Identifier: Apache-2.0
// slack: incoming webhooks. The template is one block.
import { postJson } from './http.js';
import type { HookKind } from './kind.js';
import { clip, fillJson, jsonTemplates, templateFor, textOf } from './text.js';

/** A block's text has 3,000 characters at most; the template needs some. */
const TEXT_BYTES_MAX = 2_500;

export const slack: HookKind = (reader) => {
  const templates = jsonTemplates(reader);
  const webhooks = reader.urls('webhooks');
  if (webhooks.length === 0) reader.problem('webhooks', 'must be set: a list of addresses');
  return ({ clock }) =>
    webhooks.map((url) => ({
      address: url,
      wants: (message) => templateFor(templates, message) !== undefined,
      async send(message, key, signal) {
        const text = escape(clip(textOf(message), TEXT_BYTES_MAX));
        // `text` is what notifications show
        const body = { text, blocks: [fillJson(templateFor(templates, message)!, text)] };
        await postJson({ url, body, key, signal }, clock);
      },
    }));
};

/** The three characters that are not text in Slack's markup. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
