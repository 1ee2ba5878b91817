// SPDX-License-Identifier: Apache-2.0
// The `hooks:` section of alarm-settings.yml: `hooks.<type>.<name>`. In: its tree. Out: the hooks, or problems with their paths.
import { didYouMean, entriesOf, type Report, type Tree } from '@oap-federation/runtime';
import type { HookSettings, HookTarget } from '../hook.js';
import { hashText } from '../incident.js';
import { alertmanager } from './alertmanager.js';
import { dingtalk } from './dingtalk.js';
import { discord } from './discord.js';
import { feishu } from './feishu.js';
import { gRPC } from './grpc.js';
import type { HookKind, TargetPlan } from './kind.js';
import { pagerduty } from './pagerduty.js';
import { SettingsReader } from './settings-reader.js';
import { slack } from './slack.js';
import { webhook } from './webhook.js';
import { wechat } from './wechat.js';
import { welink } from './welink.js';

/** SkyWalking's types under its names, and `alertmanager`. */
const KINDS: ReadonlyMap<string, HookKind> = new Map(
  Object.entries({ webhook, gRPC, slack, wechat, dingtalk, feishu, welink, pagerduty, discord, alertmanager }),
);
const TYPES = [...KINDS.keys()];
/** Names are part of ids, which travel in headers and stand in logs. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** Every hook of the section. Errors: none thrown; problems go to `report` with paths that begin with `hooks`. */
export function parseHooks(section: Tree | undefined, report: Report): readonly HookSettings[] {
  const hooks: HookSettings[] = [];
  for (const [type, { at, value: named }] of entriesOf(section, ['hooks'], report)) {
    const kind = KINDS.get(type);
    if (kind === undefined) {
      report(['hooks', type], at, `unknown hook type${didYouMean(type, TYPES)}; there are ${TYPES.join(', ')}`);
      continue;
    }
    for (const [name, entry] of entriesOf(named, ['hooks', type], report)) {
      const path = ['hooks', type, name];
      if (!NAME.test(name)) report(path, entry.at, 'a hook has a name of letters, digits, _, . and -, 64 at most');
      const reader = new SettingsReader(entry.value, path, report);
      const isDefault = reader.flag('is-default');
      const plansOf = kind(reader);
      reader.end();
      const id = `${type}.${name}`;
      hooks.push({ id, isDefault, open: (deps) => targetsOf(id, plansOf(deps)) });
    }
  }
  return hooks;
}

/** An address that is named twice is one target. */
function targetsOf(hookId: string, plans: readonly TargetPlan[]): readonly HookTarget[] {
  const targets = new Map<string, HookTarget>();
  for (const plan of plans) {
    const id = `${hookId}#${hashText(plan.address, 12)}`;
    if (targets.has(id)) continue;
    targets.set(id, {
      id,
      wants: plan.wants,
      send: async (message, key, signal) => (await plan.send(message, key, signal)) ?? undefined,
      close: () => plan.close?.(),
    });
  }
  return [...targets.values()];
}
