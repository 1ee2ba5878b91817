// SPDX-License-Identifier: Apache-2.0
// What a hook is told: SkyWalking's alarm message (field names and meaning), and how complete the data was.
import type { AlarmCompleteness, AlarmEndKind, AlarmTag } from '@oap-federation/storage';

export interface AlarmMessage {
  readonly scopeId: number;
  /** `SERVICE`, `SERVICE_INSTANCE`, `ENDPOINT`, `SERVICE_RELATION`, ... */
  readonly scope: string;
  readonly name: string;
  readonly id0: string;
  readonly id1: string;
  readonly uuid: string;
  readonly ruleName: string;
  readonly alarmMessage: string;
  readonly tags: readonly AlarmTag[];
  readonly startTime: number;
  readonly hooks: readonly string[];
  readonly expression: string;
  readonly mqeMetricsSnapshot: Readonly<Record<string, string>>;
  readonly layers: readonly string[];
  /** Ours: this says something about a minute that was over for long, because data came late or nobody judged it in time. */
  readonly late: boolean;
  /** Ours: was the window whole, and which origins were missing. */
  readonly completeness: AlarmCompleteness;
  /** Set when this says that the incident with this uuid is over. */
  readonly recovery?: { readonly timeMs: number; readonly kind: AlarmEndKind };
}
