// SPDX-License-Identifier: Apache-2.0
// welink: group messages of Huawei WeLink, under an access token that is asked for and kept while it is good.
import type { Clock } from '@oap-federation/runtime';
import { HookRefused } from '../hook.js';
import { checkCode, type HookKind } from './kind.js';
import { jsonOf, postJson } from './http.js';
import { clip, fillText, templateFor, textOf, textTemplates } from './text.js';

const TEXT_BYTES_MAX = 4_000;
/** A token is asked for again this long before it ends. */
const TOKEN_MARGIN_MS = 60_000;
/** Of an answer that does not say how long its token is good. */
const TOKEN_LIFE_S = 3_600;

interface Robot {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly accessTokenUrl: string;
  readonly messageUrl: string;
  readonly groupIds: readonly string[];
  readonly robotName: string;
}

export const welink: HookKind = (reader) => {
  const templates = textTemplates(reader);
  const robots = reader.readers('webhooks').map((one): Robot => ({
    clientId: one.required('client-id'),
    clientSecret: one.required('client-secret'),
    accessTokenUrl: one.url('access-token-url'),
    messageUrl: one.url('message-url'),
    groupIds: one
      .required('group-ids')
      .split(',')
      .map((id) => id.trim()),
    robotName: one.required('robot-name'),
  }));
  return ({ clock }) =>
    robots.map((robot) => {
      const tokens = new AccessTokens(robot, clock);
      return {
        address: JSON.stringify([robot.messageUrl, robot.clientId, robot.groupIds]),
        wants: (message) => templateFor(templates, message) !== undefined,
        async send(message, key, signal) {
          const text = clip(fillText(templateFor(templates, message)!, textOf(message)), TEXT_BYTES_MAX);
          const say = async (token: string) => {
            const headers = { 'x-wlk-Authorization': token };
            const answer = await postJson(
              { url: robot.messageUrl, body: body(robot, text, key), headers, key, signal },
              clock,
            );
            checkCode(new URL(robot.messageUrl).host, answer, ['code'], []);
          };
          const { token, fresh } = await tokens.take(key, signal);
          try {
            await say(token);
          } catch (error) {
            if (!(error instanceof HookRefused) || fresh) throw error;
            tokens.drop(); // it may have been taken back before its time
            await say((await tokens.take(key, signal)).token);
          }
        },
      };
    });
};

class AccessTokens {
  readonly #robot: Robot;
  readonly #clock: Clock;
  #kept: { readonly token: string; readonly untilMs: number } | undefined;

  constructor(robot: Robot, clock: Clock) {
    this.#robot = robot;
    this.#clock = clock;
  }

  async take(key: string, signal: AbortSignal): Promise<{ readonly token: string; readonly fresh: boolean }> {
    if (this.#kept && this.#clock.now() < this.#kept.untilMs) return { token: this.#kept.token, fresh: false };
    const { accessTokenUrl: url, clientId, clientSecret } = this.#robot;
    const body = { client_id: clientId, client_secret: clientSecret };
    const answer = jsonOf(await postJson({ url, body, key, signal }, this.#clock));
    const token = answer['access_token'];
    // what it answered instead is not shown: it may repeat the secret
    if (typeof token !== 'string' || token === '') throw new HookRefused(`${new URL(url).host} gave no access token`);
    const lifeS = typeof answer['expires_in'] === 'number' ? answer['expires_in'] : TOKEN_LIFE_S;
    this.#kept = { token, untilMs: this.#clock.now() + lifeS * 1_000 - TOKEN_MARGIN_MS };
    return { token, fresh: true };
  }

  drop(): void {
    this.#kept = undefined;
  }
}

function body(robot: Robot, text: string, key: string): Readonly<Record<string, unknown>> {
  return {
    app_service_info: { app_service_id: '1', app_service_name: robot.robotName },
    app_msg_id: key,
    group_id: robot.groupIds,
    content: richText(text),
    content_type: 0,
    client_app_id: '1',
  };
}

/** WeLink's rich text: an XML document whose element `c` holds another one as text. */
function richText(text: string): string {
  const html = cdata(`<DIV>${escapeXml(text)}</DIV>`);
  const inner = `<imbody><imagelist/><html>${html}</html><content>${cdata(text)}</content></imbody>`;
  return `<r><n></n><g>0</g><c>${escapeXml(inner)}</c></r>`;
}

/** Text cannot end a CDATA section from within: the end mark is cut in two. */
function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
