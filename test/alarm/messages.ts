// SPDX-License-Identifier: Apache-2.0
// Alarm messages for the tests of this folder.
import type { AlarmMessage } from '@oap-federation/alarm';

export function alarmMessage(rest: Partial<AlarmMessage> = {}): AlarmMessage {
  return {
    scopeId: 1,
    scope: 'SERVICE',
    name: 'frontend',
    id0: 'e',
    id1: '',
    uuid: 'u',
    ruleName: 'cpm_rule',
    alarmMessage: 'too few calls',
    tags: [],
    startTime: 0,
    hooks: ['webhook.a'],
    expression: 'service_cpm < 1',
    mqeMetricsSnapshot: {},
    layers: ['GENERAL'],
    late: false,
    completeness: { complete: true, missing: [] },
    ...rest,
  };
}

export function recoveryOf(message: AlarmMessage, timeMs: number): AlarmMessage {
  return { ...message, recovery: { timeMs, kind: 'recovered' } };
}
