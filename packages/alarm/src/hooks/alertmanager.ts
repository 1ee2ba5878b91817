// SPDX-License-Identifier: Apache-2.0
// alertmanager: API v2. An alert is known by its labels, which are those of the incident. Alertmanager forgets alerts when it restarts and
// ends those whose time is over, so one that fires is repeated, each time a little longer; its end is told once.
import type { AlarmMessage } from '../message.js';
import { postJson } from './http.js';
import { wantsAll, type HookKind } from './kind.js';
import { textOf } from './text.js';

/** As Prometheus does, less often. */
export const ALERT_REPEAT_MS = 2 * 60_000;
/** What a repetition promises: several may fail, and a node may start again in between, before Alertmanager takes the alert for over. */
export const ALERT_LIFE_MS = 10 * 60_000;

export const alertmanager: HookKind = (reader) => {
  const urls = reader.urls('urls');
  const extra = reader.map('labels');
  if (urls.length === 0) reader.problem('urls', 'must be set: a list of addresses, such as http://alertmanager:9093');
  for (const name of extra.keys())
    if (labelName(name) !== name) reader.problem('labels', `${name} is not a label name: letters, digits and _`);
  return ({ clock, tier }) =>
    urls.map((base) => ({
      address: base,
      wants: wantsAll,
      async send(message, key, signal) {
        const { recovery, startTime } = message;
        const endsAtMs = recovery ? Math.max(startTime, recovery.timeMs) : clock.now() + ALERT_LIFE_MS;
        const body = [
          {
            labels: { ...labelsOf(message, tier), ...Object.fromEntries(extra) },
            annotations: annotationsOf(message),
            startsAt: new Date(startTime).toISOString(),
            endsAt: new Date(endsAtMs).toISOString(),
          },
        ];
        await postJson({ url: `${base.replace(/\/+$/, '')}/api/v2/alerts`, body, key, signal }, clock);
        return recovery ? undefined : ALERT_REPEAT_MS;
      },
    }));
};

/** What stays the same for the whole incident; tags first, so that they never hide what the alert is about. */
function labelsOf({ tags, ruleName, scope, name, id0, id1 }: AlarmMessage, tier: string): Record<string, string> {
  return {
    ...Object.fromEntries(tags.map(({ key, value }) => [labelName(key), value])),
    alertname: ruleName,
    tier,
    scope,
    name,
    entity_id: id0,
    ...(id1 === '' ? {} : { dest_entity_id: id1 }),
  };
}

function annotationsOf(message: AlarmMessage): Record<string, string> {
  const { completeness, expression, uuid, layers } = message;
  return {
    summary: textOf(message),
    completeness: completeness.complete ? 'complete' : `incomplete, missing: ${completeness.missing.join(', ')}`,
    expression,
    layers: layers.join(','),
    uuid,
  };
}

/** A name that Alertmanager takes: letters, digits and `_`, no digit first. */
function labelName(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=[0-9]|$)/, '_');
}
