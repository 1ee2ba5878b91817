// SPDX-License-Identifier: Apache-2.0
// SkyWalking's alarm message as JSON, and fields of ours behind it: `completeness`, `late`, and of a recovery `recoveryKind`.
import type { AlarmMessage } from '../message.js';

/** `recoveryTime` (epoch ms) is there in recoveries only, and `layers` in alarms only, as in SkyWalking. */
export function webhookBody(message: AlarmMessage): Readonly<Record<string, unknown>> {
  const { recovery, layers, completeness, late, ...fields } = message;
  return {
    ...fields,
    ...(recovery ? { recoveryTime: recovery.timeMs, recoveryKind: recovery.kind } : { layers }),
    completeness,
    late,
  };
}
