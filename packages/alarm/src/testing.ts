// SPDX-License-Identifier: Apache-2.0
// What tests of this package share: messages, and hooks opened from the text of their settings.
import { parseTree, systemClock, type Clock, type Tree } from '@oap-federation/runtime';
import type { HookTarget } from './hook.js';
import { parseHooks } from './hooks/index.js';
import type { AlarmMessage } from './message.js';

/** An alarm of one service, whose window lacked an origin; texts that hurt where nobody escapes them. */
export function testMessage(rest: Partial<AlarmMessage> = {}): AlarmMessage {
  return {
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
    layers: ['GENERAL'],
    late: false,
    completeness: { complete: false, missing: ['cloud-n'] },
    ...rest,
  };
}

/** The end of that incident, five minutes later. */
export function testRecovery(message: AlarmMessage): AlarmMessage {
  return { ...message, recovery: { timeMs: message.startTime + 300_000, kind: 'recovered' } };
}

/** The targets of hook `{type}.default` with these settings (YAML), on a tier called region-1. Errors: any problem. */
export function openTestHook(type: string, settings: string, clock: Clock = systemClock): readonly HookTarget[] {
  const at = { line: 1, column: 1 };
  const map = (key: string, value: Tree): Tree => ({ kind: 'map', at, entries: new Map([[key, { at, value }]]) });
  const [hook] = parseHooks(map(type, map('default', parseTree(settings, {}).tree)), (path, _, reason) => {
    throw new Error(`${path.join('.')}: ${reason}`);
  });
  return hook!.open({ clock, tier: 'region-1' });
}
