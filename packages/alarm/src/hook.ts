// SPDX-License-Identifier: Apache-2.0
// The port of an alarm hook: one place that alarms are told to. One folder or file per kind under hooks/.
import type { AlarmMessage } from './message.js';

export interface AlarmHook {
  /** `{type}.{name}` of alarm-settings.yml. */
  readonly id: string;
  /** Rules that name no hooks use it. */
  readonly isDefault: boolean;
  /** Whether it wants to hear of this message; recoveries are told only where a recovery text or URL is set. */
  wants(message: AlarmMessage): boolean;
  /**
   * Tells it. `key` is the same for every attempt of the same message: a receiver that knows it may drop the second.
   * Errors: HookRefused for what will never be taken; anything else is tried again later.
   */
  send(message: AlarmMessage, key: string, signal: AbortSignal): Promise<void>;
}

/** The receiver refused for good (bad request, wrong credentials): trying again cannot help. */
export class HookRefused extends Error {
  override readonly name = 'HookRefused';
}
