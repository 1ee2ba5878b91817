// SPDX-License-Identifier: Apache-2.0
// wechat: robots of WeCom groups. The template is the body.
import { checkCode, type HookKind } from './kind.js';
import { postJson } from './http.js';
import { clip, fillJson, jsonTemplates, templateFor, textOf } from './text.js';

/** `content` has 2,048 bytes at most; the template needs some. */
const TEXT_BYTES_MAX = 1_800;
/** Busy; more than 20 messages in a minute. */
const PASSING = [-1, 45_009];

export const wechat: HookKind = (reader) => {
  const templates = jsonTemplates(reader);
  const webhooks = reader.urls('webhooks');
  if (webhooks.length === 0) reader.problem('webhooks', 'must be set: a list of addresses');
  return ({ clock }) =>
    webhooks.map((url) => ({
      address: url,
      wants: (message) => templateFor(templates, message) !== undefined,
      async send(message, key, signal) {
        const body = fillJson(templateFor(templates, message)!, clip(textOf(message), TEXT_BYTES_MAX));
        const answer = await postJson({ url, body, key, signal }, clock);
        checkCode(new URL(url).host, answer, ['errcode'], PASSING);
      },
    }));
};
