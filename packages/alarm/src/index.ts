// SPDX-License-Identifier: Apache-2.0
export { AlarmEngine, type AlarmEngineDeps, type AlarmEngineOptions, type SlotOwnership } from './engine.js';
export { HookRefused, type AlarmHook } from './hook.js';
export type { AlarmMessage } from './message.js';
export { windowOf, type AlarmRule, type OnIncomplete } from './rule.js';
export { loadAlarmSettings, type AlarmSettings, type LoadedAlarmSettings } from './settings.js';
