// SPDX-License-Identifier: Apache-2.0
export { AlarmEngine, type AlarmEngineDeps, type AlarmEngineOptions, type SlotOwnership } from './engine.js';
export { AlarmDeliverer, type AlarmDelivererDeps } from './delivery.js';
export { HookBusy, HookRefused, type HookDeps, type HookSettings, type HookTarget } from './hook.js';
export { parseHooks } from './hooks/index.js';
export { deliveriesOf } from './incident.js';
export type { AlarmMessage } from './message.js';
export { windowOf, type AlarmRule, type OnIncomplete } from './rule.js';
export { loadAlarmSettings, type AlarmSettings, type AlarmSubjects, type LoadedAlarmSettings } from './settings.js';
export { AlarmStatus, type AlarmStatusDeps } from './status.js';
export type { HealthState, TargetHealth } from './target-health.js';
