// SPDX-License-Identifier: Apache-2.0
// Goal: every kind of hook says what its receiver expects, signs as the receiver checks, and tells refusals from failures that pass.
// Method: local servers that check what they are sent on their own. gRPC and Alertmanager have files of their own.
import { createHmac } from 'node:crypto';
import { VirtualClock } from '@oap-federation/runtime/testing';
import { systemClock, type Clock } from '@oap-federation/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHttpReceiver, type HttpReceiver } from '../../../../test/services/index.js';
import { HookBusy, HookRefused, type HookTarget } from '../hook.js';
import type { AlarmMessage } from '../message.js';
import { openTestHook, testMessage, testRecovery } from '../testing.js';
import { HOOK_TIMEOUT_MS } from './http.js';

const signal = new AbortController().signal;
const KEY = 'd1';

let receiver: HttpReceiver;
const opened: HookTarget[] = [];
beforeEach(async () => {
  receiver = await startHttpReceiver();
});
afterEach(async () => {
  for (const target of opened.splice(0)) target.close();
  await receiver.stop();
});

/** The targets of one hook; `URL` in its settings is the receiver's address. */
function open(type: string, settings: string, clock: Clock = systemClock): readonly HookTarget[] {
  const targets = openTestHook(type, settings.replaceAll('URL', receiver.url), clock);
  opened.push(...targets);
  return targets;
}

const answer = (status: number, body = '', headers: Record<string, string> = {}) => {
  receiver.answer = (_, response) => response.writeHead(status, headers).end(body);
};
const bodies = () => receiver.calls.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
const firing = testMessage();
const recovered = testRecovery(firing);

describe('webhook', () => {
  it("sends SkyWalking's array, the configured headers, the key; recoveries go to their own address", async () => {
    const [target] = open('webhook', `{ urls: [URL/a?x=1], recovery-urls: [URL/b], headers: { X-Token: t } }`);
    expect([target!.wants(firing), target!.wants(recovered)]).toEqual([true, true]);
    await target!.send(firing, KEY, signal);
    await target!.send(recovered, 'd2', signal);
    const [alarm, end] = receiver.calls;
    expect([alarm!.method, alarm!.url, end!.url]).toEqual(['POST', '/a?x=1', '/b']);
    expect(alarm!.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': KEY,
      'x-token': 't',
    });
    expect(end!.headers['idempotency-key']).toBe('d2');
    const skywalking = {
      scopeId: 1,
      scope: 'SERVICE',
      name: 'frontend',
      id0: 'ZnJvbnRlbmQ=.1',
      id1: '',
      uuid: 'u-1',
      ruleName: 'cpm_rule',
      alarmMessage: `it's "bad" <b>&`,
      tags: [{ key: 'level', value: 'CRITICAL' }],
      startTime: 1_795_261_140_000,
      hooks: ['webhook.default'],
      expression: 'service_cpm > 1',
      mqeMetricsSnapshot: { service_cpm: '[{"values":[1]}]' },
    };
    const ours = { completeness: { complete: false, missing: ['cloud-n'] }, late: false };
    expect(JSON.parse(alarm!.body)).toEqual([{ ...skywalking, layers: ['GENERAL'], ...ours }]);
    const recovery = { recoveryTime: 1_795_261_440_000, recoveryKind: 'recovered' };
    expect(JSON.parse(end!.body)).toEqual([{ ...skywalking, ...recovery, ...ours }]);
  });

  it('hears of recoveries only where there is an address for them', () => {
    const [both, alarms] = open('webhook', `{ urls: [URL/a, URL/c], recovery-urls: URL/b }`);
    expect([both!.wants(recovered), alarms!.wants(recovered), alarms!.wants(firing)]).toEqual([true, false, true]);
    const [, only] = open('webhook', `{ urls: URL/a, recovery-urls: [URL/b, URL/c] }`);
    expect([only!.wants(firing), only!.wants(recovered)]).toEqual([false, true]);
  });

  it('user and password of an address become Basic authorization', async () => {
    const [target] = open('webhook', `{ urls: [URL/a] }`.replace('URL', receiver.url.replace('//', '//me:p%40ss@')));
    await target!.send(firing, KEY, signal);
    expect(receiver.calls[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it.each([301, 302, 307, 308])('a redirect (%d) is refused and not followed', async (status) => {
    const elsewhere = await startHttpReceiver();
    const [target] = open('webhook', `{ urls: URL/hook/SECRET }`);
    answer(status, '', { location: elsewhere.url });
    await expect(target!.send(firing, KEY, signal)).rejects.toThrow(HookRefused);
    expect(elsewhere.calls).toEqual([]);
    await elsewhere.stop();
  });

  it.each([
    [400, true],
    [401, true],
    [404, true],
    [422, true],
    [408, false],
    [425, false],
    [429, false],
    [500, false],
    [503, false],
  ])('status %d: refused for good is %s; the reason names host and answer, not the path', async (status, refused) => {
    const [target] = open('webhook', `{ urls: URL/hook/SECRET }`);
    answer(status, `because\n  of\tthis${'.'.repeat(100_000)}`);
    const error = await target!.send(firing, KEY, signal).catch((thrown: unknown) => thrown as Error);
    expect(error instanceof HookRefused).toBe(refused);
    const { message } = error as Error;
    expect(message).toMatch(new RegExp(`^127\\.0\\.0\\.1:${receiver.port} answered ${status}: because of this\\.`));
    expect(message).not.toContain('SECRET');
    expect(message.length).toBeLessThan(300);
  });

  it('Retry-After is seconds or a date; what is neither counts for nothing, and nobody puts us off for longer than 15 minutes', async () => {
    const clock = new VirtualClock();
    const [target] = open('webhook', `{ urls: URL }`, clock);
    const after = async (status: number, header: string) => {
      answer(status, '', { 'retry-after': header });
      const error = await target!.send(firing, KEY, signal).catch((thrown: unknown) => thrown);
      return error instanceof HookBusy ? error.afterMs : error instanceof HookRefused ? 'refused' : 'again';
    };
    expect(await after(429, '7')).toBe(7_000);
    expect(await after(503, new Date(clock.now() + 30_000).toUTCString())).toBe(30_000);
    expect(await after(503, new Date(clock.now() - 30_000).toUTCString())).toBe(0);
    expect(await after(429, '86400')).toBe(900_000);
    expect(await after(429, 'soon')).toBe('again');
    expect(await after(404, '7')).toBe('refused');
  });

  it('no answer within the time-out, an answer that stops in the middle, nobody there: tried again', async () => {
    const clock = new VirtualClock();
    const [target] = open('webhook', `{ urls: URL/SECRET }`, clock);
    receiver.answer = (_, response) => {
      if (receiver.calls.length > 1) response.write('half');
    };
    const host = `127.0.0.1:${receiver.port}`;
    for (const count of [1, 2]) {
      const sending = target!.send(firing, KEY, signal).catch((thrown: unknown) => thrown as Error);
      await receiver.received(count);
      await clock.advance(HOOK_TIMEOUT_MS);
      expect((await sending) as Error).toMatchObject({ name: 'Error', message: `${host}: no answer within 12000 ms` });
    }
    receiver.answer = (_, response) => response.destroy();
    await expect(target!.send(firing, KEY, signal)).rejects.toThrow(host);
    await receiver.stop();
    await expect(target!.send(firing, KEY, signal)).rejects.toThrow(`${host}: connect ECONNREFUSED`);
    expect(clock.pending).toBe(0);
  });

  it('an attempt ends when it is told to', async () => {
    const stop = new AbortController();
    const [target] = open('webhook', `{ urls: URL }`);
    receiver.answer = () => stop.abort();
    await expect(target!.send(firing, KEY, stop.signal)).rejects.toThrow(/abort/);
  });
});

const JSON_TEMPLATE = `'{"msgtype":"text","n":1,"text":{"content":"100%% %s!"},"list":["%s"]}'`;
/** As every text has it: the message, and who was missing. */
const TEXT = `it's "bad" <b>& [incomplete, missing: cloud-n]`;

describe('texts', () => {
  it('slack: the template is a block; markup in names is text', async () => {
    const settings = `{ text-template: '{"type":"section","text":{"type":"mrkdwn","text":"*%s*"}}', webhooks: [URL/x] }`;
    const [target] = open('slack', settings);
    expect([target!.wants(firing), target!.wants(recovered)]).toEqual([true, false]);
    await target!.send(firing, KEY, signal);
    const text = TEXT.replace('<b>&', '&lt;b&gt;&amp;');
    expect(bodies()).toEqual([{ text, blocks: [{ type: 'section', text: { type: 'mrkdwn', text: `*${text}*` } }] }]);
  });

  it('a text says that an incident has no data any more, was retracted or withdrawn, or comes late; and is cut by whole characters', async () => {
    const [target] = open('slack', `{ text-template: '{}', recovery-text-template: '{"t":"%s"}', webhooks: [URL/x] }`);
    const complete = { complete: true, missing: [] };
    const say = async (kind: NonNullable<AlarmMessage['recovery']>['kind'], rest: Partial<AlarmMessage> = {}) => {
      const message = {
        ...recovered,
        alarmMessage: 'm',
        completeness: complete,
        recovery: { timeMs: 1, kind },
        ...rest,
      };
      await target!.send(message, KEY, signal);
      return bodies().at(-1)!['text'];
    };
    expect(await say('recovered')).toBe('m');
    expect(await say('noData')).toBe('m [no data any more]');
    expect(await say('withdrawn', { late: true })).toBe('m [withdrawn: the rule was changed or removed; late]');
    const missing = { completeness: { complete: false, missing: ['a', 'b'] } };
    expect(await say('retracted', missing)).toBe(
      'm [retracted: later data says that it never was; incomplete, missing: a, b]',
    );
    const cut = (await say('recovered', { alarmMessage: '警'.repeat(5_000) })) as string;
    expect(cut).toBe(`${'警'.repeat(Math.floor((2_500 - 3) / 3))}…`);
  });

  it('wechat: the template is the body, JSON whatever the message holds; a code in the answer is looked at', async () => {
    const [target] = open(
      'wechat',
      `{ text-template: ${JSON_TEMPLATE}, recovery-text-template: '{"r":"%s"}', webhooks: [URL/x?key=k] }`,
    );
    answer(200, '{"errcode":0,"errmsg":"ok"}');
    await target!.send(firing, KEY, signal);
    await target!.send(recovered, KEY, signal);
    expect(bodies()).toEqual([
      { msgtype: 'text', n: 1, text: { content: `100% ${TEXT}!` }, list: [TEXT] },
      { r: TEXT },
    ]);
    answer(200, '{"errcode":93000,"errmsg":"invalid webhook url"}');
    await expect(target!.send(firing, KEY, signal)).rejects.toThrow(HookRefused);
    answer(200, '{"errcode":45009,"errmsg":"api freq out of limit"}');
    const error = await target!.send(firing, KEY, signal).catch((thrown: unknown) => thrown as Error);
    expect(error).not.toBeInstanceOf(HookRefused);
    expect((error as Error).message).toContain('45009');
  });

  it('dingtalk: the receiver checks the signature of each attempt', async () => {
    const clock = new VirtualClock();
    const secret = 'SEC000+/=';
    const [signed, plain] = open(
      'dingtalk',
      `{ text-template: ${JSON_TEMPLATE}, webhooks: [{ url: URL/robot/send?access_token=t, secret: '${secret}' }, { url: URL/plain }] }`,
      clock,
    );
    // as DingTalk documents it: the key is the secret, what is signed is `timestamp\nsecret`
    receiver.answer = ({ url }, response) => {
      const { searchParams } = new URL(url, receiver.url);
      const timestamp = searchParams.get('timestamp') ?? '';
      const expected = createHmac('sha256', Buffer.from(secret))
        .update(Buffer.from(`${timestamp}\n${secret}`))
        .digest();
      const given = Buffer.from(searchParams.get('sign') ?? '', 'base64');
      const good = given.equals(expected) && Math.abs(Number(timestamp) - clock.now()) < 3_600_000;
      response.end(good ? '{"errcode":0}' : '{"errcode":310000,"errmsg":"sign not match"}');
    };
    await signed!.send(firing, KEY, signal);
    await clock.advance(2 * 3_600_000);
    await signed!.send(firing, KEY, signal);
    expect(receiver.calls[0]!.url).toMatch(/^\/robot\/send\?access_token=t&timestamp=\d{13}&sign=/);
    expect(bodies()[1]).toMatchObject({ text: { content: `100% ${TEXT}!` } });
    await expect(plain!.send(firing, KEY, signal)).rejects.toThrow(HookRefused);
    answer(200, '{"errcode":130101,"errmsg":"send too fast"}');
    await expect(plain!.send(firing, KEY, signal)).rejects.not.toThrow(HookRefused);
  });

  it('feishu: the signature is in the body; ats are mentioned behind the text', async () => {
    const secret = 'feishu secret';
    const template = `'{"msg_type":"text","content":{"text":"%s"},"ats":"u1, u2,"}'`;
    const [signed, plain] = open(
      'feishu',
      `{ text-template: ${template}, webhooks: [{ url: URL/hook, secret: ${secret} }, { url: URL/plain }] }`,
    );
    // as Feishu documents it: `timestamp\nsecret` is the key, and nothing is signed
    receiver.answer = ({ body, url }, response) => {
      const { timestamp, sign } = JSON.parse(body) as { timestamp?: string; sign?: string };
      const expected = createHmac('sha256', `${timestamp}\n${secret}`).digest('base64');
      const seconds = Math.abs(Number(timestamp) - Date.now() / 1_000);
      const good = url === '/plain' ? timestamp === undefined : sign === expected && seconds < 3_600;
      response.end(good ? '{"StatusCode":0,"code":0}' : '{"code":19021,"msg":"sign match fail"}');
    };
    await signed!.send(firing, KEY, signal);
    await plain!.send(firing, KEY, signal);
    const content = { text: `${TEXT}<at user_id="u1"></at><at user_id="u2"></at>` };
    expect(bodies()[1]).toEqual({ msg_type: 'text', content });
    expect(bodies()[0]).toMatchObject({ msg_type: 'text', content });
    answer(200, '{"code":19021,"msg":"sign match fail"}');
    await expect(signed!.send(firing, KEY, signal)).rejects.toThrow(HookRefused);
    answer(200, '{"code":11232,"msg":"frequency limited"}');
    await expect(signed!.send(firing, KEY, signal)).rejects.not.toThrow(HookRefused);
  });

  it('welink: the access token is fetched once, kept while it is good, and asked for again when it is taken back', async () => {
    const clock = new VirtualClock();
    const settings = `{ text-template: "Alarm: %s.", webhooks: [{ client-id: 7, client-secret: '007', access-token-url: URL/token,
      message-url: URL/say, group-ids: 'a, b', robot-name: robot }] }`;
    const [target] = open('welink', settings, clock);
    let tokens = 0;
    let taken = '';
    receiver.answer = ({ url, headers, body }, response) => {
      if (url === '/token') {
        expect(JSON.parse(body)).toEqual({ client_id: '7', client_secret: '007' });
        response.end(JSON.stringify({ access_token: `t${++tokens}`, expires_in: 600 }));
      } else if (headers['x-wlk-authorization'] === `t${tokens}` && taken !== `t${tokens}`)
        response.end('{"code":"0"}');
      else response.writeHead(401).end('{"code":"40001","message":"bad token"}');
    };
    await target!.send(firing, KEY, signal);
    await target!.send(firing, KEY, signal);
    expect(tokens).toBe(1);
    await clock.advance(541_000); // a minute before its end
    await target!.send(firing, KEY, signal);
    expect(tokens).toBe(2);
    taken = 't2';
    await target!.send(firing, KEY, signal);
    expect(tokens).toBe(3);
    const said = bodies().find((body) => 'content' in body)!;
    expect(said).toMatchObject({
      app_service_info: { app_service_id: '1', app_service_name: 'robot' },
      app_msg_id: KEY,
      group_id: ['a', 'b'],
      content_type: 0,
      client_app_id: '1',
    });
    // one XML document inside another, and HTML inside that: unpacked again, the text is what it was
    const unescape = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    const inner = unescape(/<c>(.*)<\/c>/s.exec(said['content'] as string)![1]!);
    expect(/<content><!\[CDATA\[(.*)\]\]><\/content>/s.exec(inner)![1]).toBe(`Alarm: ${TEXT}.`);
    expect(unescape(/<DIV>(.*)<\/DIV>/s.exec(inner)![1]!)).toBe(`Alarm: ${TEXT}.`);
    taken = 't4'; // whatever comes is not good: refused after one fresh token
    await expect(target!.send(firing, KEY, signal)).resolves.toBeUndefined();
    taken = 't3';
    receiver.answer = ({ url }, response) => {
      if (url === '/token') response.end('{"access_token":"bad"}');
      else response.writeHead(401).end();
    };
    await expect(target!.send(firing, KEY, signal)).rejects.toThrow(HookRefused);
    answer(200, '{"error":"client_secret 007 is wrong"}');
    await clock.advance(4_000_000);
    const error = await target!.send(firing, KEY, signal).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'HookRefused', message: expect.not.stringContaining('007') as string });
  });

  it('discord: nobody is mentioned, whatever an entity is called', async () => {
    const [target] = open('discord', `{ text-template: "Alarm: %s.", webhooks: [{ url: URL/x, username: robot }] }`);
    answer(204);
    await target!.send({ ...firing, alarmMessage: `@everyone ${'x'.repeat(3_000)}` }, KEY, signal);
    const [body] = bodies();
    expect(body).toMatchObject({ username: 'robot', allowed_mentions: { parse: [] } });
    expect((body!['content'] as string).length).toBeLessThanOrEqual(2_000);
    answer(429, '{"retry_after":0.3}', { 'retry-after': '1' });
    await expect(target!.send(firing, KEY, signal)).rejects.toMatchObject({ name: 'HookBusy', afterMs: 1_000 });
  });
});

describe('pagerduty', () => {
  /** As PagerDuty does: triggers of one dedup key are one incident until it is resolved. */
  function pagerDuty() {
    const openIncidents = new Map<string, string[]>();
    const history: string[] = [];
    receiver.answer = ({ body }, response) => {
      const { event_action, dedup_key, payload, routing_key } = JSON.parse(body) as Record<string, string> & {
        payload: { summary: string; source: string; severity: string };
      };
      if (routing_key !== 'r1' || !payload.summary || !payload.source) return response.writeHead(400).end('{}');
      if (event_action === 'resolve') {
        if (openIncidents.delete(dedup_key!)) history.push(`resolved ${payload.severity}`);
      } else {
        if (!openIncidents.has(dedup_key!)) history.push(`opened ${payload.severity}`);
        openIncidents.set(dedup_key!, [...(openIncidents.get(dedup_key!) ?? []), payload.summary]);
      }
      return response.writeHead(202).end(JSON.stringify({ status: 'success', dedup_key }));
    };
    return { openIncidents, history };
  }

  it('messages of an incident are one incident there, and its end resolves it, without a recovery text too', async () => {
    const { openIncidents, history } = pagerDuty();
    const [target, stranger] = open(
      'pagerduty',
      `{ text-template: "%s", integration-keys: [r1, r2], events-api-url: URL/v2/enqueue }`,
    );
    await target!.send(firing, 'd1', signal);
    await target!.send({ ...firing, uuid: 'u-2' }, 'd2', signal); // SkyWalking repeats under another uuid
    await target!.send({ ...firing, id0: 'other' }, 'd3', signal);
    expect(openIncidents.size).toBe(2);
    expect(target!.wants(recovered)).toBe(true);
    await target!.send({ ...recovered, uuid: 'u-2' }, 'd4', signal);
    expect([...openIncidents.values()]).toEqual([[TEXT]]);
    await target!.send({ ...firing, uuid: 'u-3' }, 'd5', signal);
    expect(history).toEqual(['opened critical', 'opened critical', 'resolved critical', 'opened critical']);
    await expect(stranger!.send(firing, 'd1', signal)).rejects.toThrow(HookRefused);
  });

  it('severity is of the tags `severity` or `level`, where PagerDuty knows it', async () => {
    pagerDuty();
    const [target] = open('pagerduty', `{ text-template: "%s", integration-keys: r1, events-api-url: URL/v2/enqueue }`);
    const severity = async (tags: AlarmMessage['tags']) => {
      await target!.send({ ...firing, tags }, KEY, signal);
      return (bodies().at(-1)!['payload'] as { severity: string }).severity;
    };
    expect(await severity([])).toBe('warning');
    expect(
      await severity([
        { key: 'level', value: 'INFO' },
        { key: 'severity', value: 'Error' },
      ]),
    ).toBe('error');
    expect(await severity([{ key: 'level', value: 'P1' }])).toBe('warning');
  });

  it('another tier of the federation has other incidents', async () => {
    const settings = `{ text-template: "%s", integration-keys: r1, events-api-url: URL }`;
    await open('pagerduty', settings)[0]!.send(firing, KEY, signal);
    const [body] = bodies();
    expect(body!['dedup_key']).toMatch(/^region-1\/[0-9a-f]{32}$/);
    expect(body!['payload']).toMatchObject({ timestamp: new Date(firing.startTime).toISOString(), source: 'frontend' });
  });
});
