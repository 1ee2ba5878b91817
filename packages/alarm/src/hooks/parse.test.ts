// SPDX-License-Identifier: Apache-2.0
// Goal: the `hooks:` section is read whole, with every problem at once at its place, and no secret in any of them.
import { describe, expect, it } from 'vitest';
import { parseTree, systemClock, type Tree } from '@oap-federation/runtime';
import { parseHooks } from './index.js';

function parsed(text: string) {
  const { tree, problems } = parseTree(text, {});
  expect(problems).toEqual([]);
  const found: string[] = [];
  const section = (tree as Extract<Tree, { kind: 'map' }>).entries.get('hooks')?.value;
  const hooks = parseHooks(section, (path, at, reason) => {
    found.push(`${path.join('.')} - ${reason}`);
    expect(at.line).toBeGreaterThan(0);
  });
  return { hooks, problems: found };
}

const TEMPLATE = `{"msgtype":"text","text":{"content":"%s"}}`;

/** Every type, as SkyWalking's documentation has it. */
const ALL = `
hooks:
  webhook:
    default:
      is-default: true
      urls: [http://127.0.0.1/notify/, http://127.0.0.1/go-wechat/]
      recovery-urls: [http://127.0.0.1/recovered/]
      headers: { Authorization: Bearer secret-token }
  gRPC:
    default: { target-host: 127.0.0.1, target-port: 9888 }
  slack:
    default:
      is-default: true
      text-template: |-
        { "type": "section", "text": { "type": "mrkdwn", "text": ":alarm_clock: *Apache SkyWalking Alarm* \\n **%s**." } }
      webhooks: [https://hooks.slack.com/services/x/y/zssss]
    custom1:
      text-template: '{ "type": "section" }'
      recovery-text-template: '{ "type": "section" }'
      webhooks: [https://hooks.slack.com/services/x/y/custom1]
  wechat:
    default: { text-template: '${TEMPLATE}', webhooks: ['https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=dummy_key'] }
  dingtalk:
    default:
      text-template: '${TEMPLATE}'
      webhooks:
        - { url: 'https://oapi.dingtalk.com/robot/send?access_token=dummy_token', secret: dummysecret }
        - { url: 'https://oapi.dingtalk.com/robot/send?access_token=dummy_token' }
  feishu:
    default:
      text-template: '{"msg_type":"text","content":{"text":"%s"},"ats":"user_1,user_2"}'
      webhooks: [{ url: https://open.feishu.cn/open-apis/bot/v2/hook/dummy_token, secret: dummysecret }]
  welink:
    default:
      text-template: "Apache SkyWalking Alarm: \\n %s."
      webhooks:
        - client-id: dummy_client_id
          client-secret: dummy_secret_key
          access-token-url: https://open.welink.huaweicloud.com/api/auth/v2/tickets
          message-url: https://open.welink.huaweicloud.com/api/welinkim/v1/im-service/chat/group-chat
          group-ids: 007,008
          robot-name: robot
  pagerduty:
    default:
      text-template: "Apache SkyWalking Alarm: \\n %s."
      integration-keys: [5c6d805c9dcf4e03d09dfa81e8789ba1, 007]
  discord:
    default:
      text-template: "Apache SkyWalking Alarm: \\n %s."
      webhooks: [{ url: https://discordapp.com/api/webhooks/1/2, username: robot }]
  alertmanager:
    ours: { urls: http://localhost:9093, labels: { team: infra } }
`;

describe('parseHooks', () => {
  it('reads every type of hook; an address is told from another by a hash, which gives nothing away', () => {
    const { hooks, problems } = parsed(ALL);
    expect(problems).toEqual([]);
    const deps = { clock: systemClock, tier: 'here' };
    const counts = hooks.map(({ id, isDefault, open }) => [id, isDefault, open(deps).length]);
    expect(counts).toEqual([
      ['webhook.default', true, 2],
      ['gRPC.default', false, 1],
      ['slack.default', true, 1],
      ['slack.custom1', false, 1],
      ['wechat.default', false, 1],
      ['dingtalk.default', false, 1], // the same robot twice
      ['feishu.default', false, 1],
      ['welink.default', false, 1],
      ['pagerduty.default', false, 2],
      ['discord.default', false, 1],
      ['alertmanager.ours', false, 1],
    ]);
    const ids = hooks.flatMap(({ open }) => open(deps).map((target) => target.id));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z]+\.[a-z0-9]+#[0-9a-f]{12}$/);
    expect(hooks.flatMap(({ open }) => open(deps).map((target) => target.id))).toEqual(ids);
  });

  it('names every problem at once, and no secret', () => {
    const { problems } = parsed(`
hooks:
  webhok: { default: {} }
  webhook:
    empty: {}
    'a name': { urls: [http://ok/] }
    bad: { is-default: yes please, urls: ['ftp://host/SECRET', 'SECRET not an address'], header: { a: b } }
    headers: { urls: http://ok/, headers: { "no name": x, good: "line\\nSECRET", list: [1] } }
  gRPC:
    bad: { target-host: '', target-port: 99999 }
  slack:
    bad: { text-template: 'SECRETLESS %s', recovery-text-template: '[1]', webhooks: [] }
  dingtalk:
    bad: { text-template: '{}', webhooks: [{ url: 'oapi/SECRET', secrett: SECRET }] }
    none: { text-template: '{}', webhooks: {} }
  welink:
    bad: { text-template: a, webhooks: [{ client-id: x, client-secret: [SECRET], access-token-url: http://a, message-url: http://b }] }
  pagerduty:
    bad: { text-template: { a: b }, integration-keys: [[SECRET]] }
  alertmanager: 7
  discord:
`);
    expect(problems).toEqual([
      'hooks.webhok - unknown hook type, did you mean webhook?; there are webhook, gRPC, slack, wechat, dingtalk, feishu, welink, pagerduty, discord, alertmanager',
      'hooks.webhook.empty.urls - must be set: a list of addresses',
      'hooks.webhook.a name - a hook has a name of letters, digits, _, . and -, 64 at most',
      'hooks.webhook.bad.is-default - must be true or false, got yes please',
      'hooks.webhook.bad.urls - must be an http or https address, got ftp://host',
      'hooks.webhook.bad.urls - must be an http or https address',
      'hooks.webhook.bad.header - unknown key, did you mean headers?',
      'hooks.webhook.headers.headers.list - must be a text, got a list',
      'hooks.webhook.headers.headers - no name is not a header name',
      'hooks.webhook.headers.headers - good has a value that no header can have',
      'hooks.gRPC.bad.target-host - must be set',
      'hooks.gRPC.bad.target-port - must be an integer 1..65535, got 99999',
      expect.stringMatching(/^hooks\.slack\.bad\.text-template - must be a JSON object: /),
      'hooks.slack.bad.recovery-text-template - must be a JSON object',
      'hooks.slack.bad.webhooks - must be set: a list of addresses',
      'hooks.dingtalk.bad.webhooks.0.url - must be an http or https address',
      'hooks.dingtalk.bad.webhooks.0.secrett - unknown key, did you mean secret?',
      'hooks.dingtalk.none.webhooks - must be a list with at least one entry',
      'hooks.welink.bad.webhooks.0.client-secret - must be a text, got a list',
      'hooks.welink.bad.webhooks.0.group-ids - must be set',
      'hooks.welink.bad.webhooks.0.robot-name - must be set',
      'hooks.pagerduty.bad.text-template - must be a text, got a map',
      'hooks.pagerduty.bad.integration-keys - must be a list of texts',
      'hooks.pagerduty.bad.integration-keys - must be set: a list of keys',
      'hooks.alertmanager - must be a map, got 7',
    ]);
    expect(problems.join('\n').replace('SECRETLESS', '')).not.toContain('SECRET');
  });

  it('a section that is not there has no hooks', () => {
    expect(parsed('rules: {}')).toEqual({ hooks: [], problems: [] });
  });
});
