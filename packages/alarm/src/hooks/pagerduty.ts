// SPDX-License-Identifier: Apache-2.0
// pagerduty: Events API v2. An alarm triggers under the incident's key, its end resolves it, whether a recovery text is set or not.
import { incidentKey } from '../incident.js';
import type { AlarmMessage } from '../message.js';
import { postJson } from './http.js';
import { wantsAll, type HookKind } from './kind.js';
import { clip, fillText, textOf } from './text.js';

const EVENTS_API_URL = 'https://events.pagerduty.com/v2/enqueue';
const SUMMARY_BYTES_MAX = 1_024;
const SEVERITIES = ['critical', 'error', 'warning', 'info'];

export const pagerduty: HookKind = (reader) => {
  const template = reader.required('text-template');
  const recoveryTemplate = reader.text('recovery-text-template') ?? template;
  const keys = reader.texts('integration-keys');
  if (keys.length === 0) reader.problem('integration-keys', 'must be set: a list of keys');
  const url = reader.text('events-api-url') === undefined ? EVENTS_API_URL : reader.url('events-api-url');
  return ({ clock, tier }) =>
    keys.map((routingKey) => ({
      address: JSON.stringify([url, routingKey]),
      wants: wantsAll,
      async send(message, key, signal) {
        const summary = fillText(message.recovery ? recoveryTemplate : template, textOf(message));
        const body = {
          routing_key: routingKey,
          event_action: message.recovery ? 'resolve' : 'trigger',
          dedup_key: `${tier}/${incidentKey(message)}`,
          client: 'OAP Federation',
          payload: payload(message, clip(summary, SUMMARY_BYTES_MAX), tier),
        };
        await postJson({ url, body, key, signal }, clock);
      },
    }));
};

function payload(message: AlarmMessage, summary: string, tier: string): Readonly<Record<string, unknown>> {
  const { completeness, recovery, tags, ruleName, scope, layers, expression, mqeMetricsSnapshot, uuid } = message;
  return {
    summary,
    severity: severityOf(message),
    source: message.name,
    timestamp: new Date(recovery?.timeMs ?? message.startTime).toISOString(),
    component: scope,
    group: tier,
    class: ruleName,
    custom_details: { uuid, layers, tags, expression, mqeMetricsSnapshot, completeness },
  };
}

/** The rule's tag `severity` or `level`, where PagerDuty knows its value. */
function severityOf({ tags }: AlarmMessage): string {
  const tag = ['severity', 'level'].map((name) => tags.find(({ key }) => key === name)?.value.toLowerCase());
  return tag.find((value) => value !== undefined && SEVERITIES.includes(value)) ?? 'warning';
}
