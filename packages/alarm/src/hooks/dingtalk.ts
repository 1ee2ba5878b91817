// SPDX-License-Identifier: Apache-2.0
// dingtalk: robots of DingTalk groups. The template is the body; with a secret the address is signed, for each attempt anew, since a
// signature is good for an hour.
import { createHmac } from 'node:crypto';
import { checkCode, type HookKind } from './kind.js';
import { postJson } from './http.js';
import { clip, fillJson, jsonTemplates, templateFor, textOf } from './text.js';

/** A message has 20,000 bytes at most. */
const TEXT_BYTES_MAX = 16_000;
/** Busy; more than 20 messages in a minute, under its old and its new number. */
const PASSING = [-1, 130_101, 410_100];

export const dingtalk: HookKind = (reader) => {
  const templates = jsonTemplates(reader);
  const webhooks = reader.readers('webhooks').map((one) => ({ url: one.url('url'), secret: one.text('secret') }));
  return ({ clock }) =>
    webhooks.map(({ url, secret }) => ({
      address: url,
      wants: (message) => templateFor(templates, message) !== undefined,
      async send(message, key, signal) {
        const body = fillJson(templateFor(templates, message)!, clip(textOf(message), TEXT_BYTES_MAX));
        const signed = secret === undefined ? url : signedUrl(url, secret, clock.now());
        const answer = await postJson({ url: signed, body, key, signal }, clock);
        checkCode(new URL(url).host, answer, ['errcode'], PASSING);
      },
    }));
};

/** HMAC-SHA256 with the secret as key over `timestamp\nsecret`, in base64, as query parameters. */
function signedUrl(text: string, secret: string, nowMs: number): string {
  const timestamp = String(Math.trunc(nowMs));
  const url = new URL(text);
  url.searchParams.set('timestamp', timestamp);
  url.searchParams.set('sign', createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64'));
  return url.href;
}
