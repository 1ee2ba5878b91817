// SPDX-License-Identifier: Apache-2.0
// What one kind of hook has to say: which keys it reads, and what it does with a message. One file per kind beside this one, and one line
// in index.ts.
import { HookRefused, type HookDeps, type HookTarget } from '../hook.js';
import type { AlarmMessage } from '../message.js';
import { brief, jsonOf } from './http.js';
import type { SettingsReader } from './settings-reader.js';

/** A target before it has its id; `address` is what makes it another one, secrets included: only its hash is kept. */
export interface TargetPlan extends Pick<HookTarget, 'wants'> {
  readonly address: string;
  send(message: AlarmMessage, key: string, signal: AbortSignal): Promise<number | void>;
  close?(): void;
}

/** Reads the keys of one hook, reporting what is wrong; what it gives opens the targets, and is called only if nothing was. */
export type HookKind = (reader: SettingsReader) => (deps: HookDeps) => readonly TargetPlan[];

export const wantsAll = (): boolean => true;

/**
 * Looks into an answer whose HTTP status is 200 whatever happened: `code` is the field that must be `0`.
 * Errors: an Error for the codes that pass (busy, too often), else HookRefused.
 */
export function checkCode(host: string, text: string, codes: readonly string[], passing: readonly number[]): void {
  const answer = jsonOf(text);
  const given = codes.map((name) => answer[name]).find((code) => code !== undefined);
  if (given === undefined || Number(given) === 0) return;
  const reason = `${host} answered ${brief(text)}`;
  throw passing.includes(Number(given)) ? new Error(reason) : new HookRefused(reason);
}
