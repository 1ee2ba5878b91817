// SPDX-License-Identifier: Apache-2.0
// feishu: robots of Feishu (Lark) groups. The template is the body, and may have `ats`: user ids, separated by commas, that are mentioned
// behind the text. With a secret the body is signed.
import { createHmac } from 'node:crypto';
import { checkCode, type HookKind } from './kind.js';
import { postJson } from './http.js';
import { clip, fillJson, jsonTemplates, templateFor, textOf } from './text.js';

/** A body has 20 KB at most. */
const TEXT_BYTES_MAX = 16_000;
/** Too many requests, under its two numbers. */
const PASSING = [9_499, 11_232];

export const feishu: HookKind = (reader) => {
  const templates = jsonTemplates(reader);
  const webhooks = reader.readers('webhooks').map((one) => ({ url: one.url('url'), secret: one.text('secret') }));
  return ({ clock }) =>
    webhooks.map(({ url, secret }) => ({
      address: url,
      wants: (message) => templateFor(templates, message) !== undefined,
      async send(message, key, signal) {
        const text = clip(textOf(message), TEXT_BYTES_MAX);
        const { ats, ...filled } = fillJson(templateFor(templates, message)!, text);
        const body = typeof ats === 'string' ? withMentions(filled, ats) : filled;
        const signature = secret === undefined ? {} : signed(secret, clock.now());
        const answer = await postJson({ url, body: { ...signature, ...body }, key, signal }, clock);
        checkCode(new URL(url).host, answer, ['code', 'StatusCode'], PASSING);
      },
    }));
};

function withMentions(body: Readonly<Record<string, unknown>>, ats: string): Readonly<Record<string, unknown>> {
  const content = body['content'];
  if (typeof content !== 'object' || content === null || !('text' in content)) return body;
  const users = ats
    .split(',')
    .map((user) => user.trim())
    .filter((user) => user !== '');
  const mentions = users.map((user) => `<at user_id="${user}"></at>`).join('');
  return { ...body, content: { ...content, text: `${String(content.text)}${mentions}` } };
}

/** HMAC-SHA256 of nothing with `timestamp\nsecret` as key: that is how Feishu has it. `timestamp` in seconds. */
function signed(secret: string, nowMs: number): { readonly timestamp: string; readonly sign: string } {
  const timestamp = String(Math.trunc(nowMs / 1_000));
  return { timestamp, sign: createHmac('sha256', `${timestamp}\n${secret}`).digest('base64') };
}
