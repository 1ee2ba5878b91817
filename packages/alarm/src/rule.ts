// SPDX-License-Identifier: Apache-2.0
// A checked alarm rule: what settings.ts makes of one entry of alarm-settings.yml, and what the engine judges by.
import { createHash } from 'node:crypto';
import type { AlarmTag } from '@oap-federation/storage';
import type { AlarmExpression } from '@oap-federation/mqe';
import type { MachineRule } from './machine.js';
import type { NameFilter } from './name-filter.js';

/**
 * What to do about a minute that not every source has sealed when its grace is over. `annotate` judges what is there and says who was
 * missing; `evaluate` judges what is there as if it were all; `hold` waits for the missing, `maxMs` at most, and then annotates.
 */
export type OnIncomplete =
  | { readonly kind: 'evaluate' }
  | { readonly kind: 'annotate' }
  | { readonly kind: 'hold'; readonly maxMs: number };

export interface AlarmRule extends MachineRule {
  readonly name: string;
  readonly expression: AlarmExpression;
  /** Length of the window in minutes. */
  readonly period: number;
  /** Template: `{name}` and `{id}` are replaced. */
  readonly message: string;
  readonly tags: readonly AlarmTag[];
  /** Ids of the hooks that are told. */
  readonly hooks: readonly string[];
  readonly onIncomplete: OnIncomplete;
  /** Is an entity with this name one of the rule's? */
  readonly accepts: NameFilter;
  /** The entry's settings as they were written, for people; keys and defaults of alarm-settings.yml. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Equal for rules that judge alike: their state goes on over a reload. */
  readonly fingerprint: string;
}

/** What of the settings decides what is judged; the others change what is said, when, and to whom. */
const JUDGING = [
  'expression',
  'include-names',
  'exclude-names',
  'include-names-regex',
  'exclude-names-regex',
  'period',
  'silence-period',
  'recovery-observation-period',
  'on-no-data',
] as const;

export function fingerprintOf(settings: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(JUDGING.map((key) => settings[key] ?? null));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Minutes whose rows a verdict depends on: the window, and what its expression looks back. */
export function windowOf({ period, expression }: AlarmRule): number {
  return period + expression.lookBackMinutes;
}
