// SPDX-License-Identifier: Apache-2.0
export { HookRefused, type AlarmHook } from './hook.js';
export type { AlarmMessage } from './message.js';
