// SPDX-License-Identifier: Apache-2.0
// What makes messages belong together: the key of an incident, and the deliveries that a message becomes.
import { createHash } from 'node:crypto';
import type { AlarmDelivery } from '@oap-federation/storage';
import type { HookTarget } from './hook.js';
import type { AlarmMessage } from './message.js';

/**
 * Key of the incident that a message is about: the same for every message of one entity under one rule, its end included. 32 hex digits.
 * An entity that fires again after its end has the same key again, as an alert has in Alertmanager and PagerDuty.
 */
export function incidentKey({ ruleName, id0, id1 }: Pick<AlarmMessage, 'ruleName' | 'id0' | 'id1'>): string {
  return hashText(JSON.stringify([ruleName, id0, id1]), 32);
}

/** First hex digits of SHA-256. */
export function hashText(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/**
 * A message as the deliveries to commit with it: one for each target, of the hooks that it names, that wants it. The id, which receivers
 * see as idempotency key, says which message and target it is, so the same is never stored twice.
 */
export function deliveriesOf(
  message: AlarmMessage,
  targets: readonly HookTarget[],
  { slot, nowMs }: { readonly slot: number; readonly nowMs: number },
): readonly AlarmDelivery[] {
  const incident = incidentKey(message);
  const { uuid, recovery } = message;
  return targets
    .filter((target) => message.hooks.includes(hookOf(target.id)) && target.wants(message))
    .map(({ id: target }) => ({
      id: hashText(JSON.stringify([uuid, recovery ?? 'alarm', target]), 32),
      slot,
      target,
      incident,
      message: JSON.stringify(message),
      createdAtMs: nowMs,
      attempts: 0,
      nextAttemptMs: nowMs,
      lastError: '',
      delivered: false,
    }));
}

/** `{type}.{name}` of a target. */
export function hookOf(targetId: string): string {
  return targetId.slice(0, targetId.lastIndexOf('#'));
}
