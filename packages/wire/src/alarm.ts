// SPDX-License-Identifier: Apache-2.0
// SkyWalking's gRPC alarm hook: typed messages -> bytes. Generated code stays behind this file. Source: SkyWalking's alarm hook protocol,
// whose service has no package.
import { AlarmMessage, AlarmRecoveryMessage, AlarmTags, KeyStringValuePair } from '#gen/alarm.js';

/** What both calls have in common. */
export interface HookAlarm {
  readonly scopeId: number;
  readonly scope: string;
  readonly name: string;
  readonly id0: string;
  readonly id1: string;
  readonly ruleName: string;
  readonly alarmMessage: string;
  /** Epoch ms. */
  readonly startTime: number;
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly uuid: string;
}

/** Client streams; the answer is empty. */
export const ALARM_PATH = '/AlarmService/doAlarm';
export const ALARM_RECOVERY_PATH = '/AlarmService/doAlarmRecovery';

export function encodeHookAlarm(alarm: HookAlarm): Uint8Array {
  return AlarmMessage.encode(new AlarmMessage(fields(alarm))).finish();
}

/** `recoveryTime`: epoch ms. */
export function encodeHookRecovery(alarm: HookAlarm, recoveryTime: number): Uint8Array {
  return AlarmRecoveryMessage.encode(new AlarmRecoveryMessage({ ...fields(alarm), recoveryTime })).finish();
}

function fields({ tags, ...rest }: HookAlarm): AlarmMessage.$Properties {
  const data = tags.map(({ key, value }) => new KeyStringValuePair({ key, value }));
  return { ...rest, tags: new AlarmTags({ data }) };
}
