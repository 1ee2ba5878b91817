// SPDX-License-Identifier: Apache-2.0
// Alarms in the shapes of the Prometheus alerting API. In: alarm records as they are stored, and the rules of this tier. Out: what fires now.
import type { AlarmRecord } from '@oap-federation/storage';
import type { AlarmReader } from '../readers.js';

/** A rule of alarm-settings.yml, as far as it is shown. */
export interface AlertRule {
  readonly name: string;
  readonly expression: string;
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'firing';
  readonly activeAt: string;
  readonly value: string;
}

/** Records that one answer looks through. */
const RECORDS_MAX = 10_000;

/** What fires now, oldest first. An incident that has sent several messages is one alert, since the first of them. */
export async function firingAlerts(alarms: AlarmReader, sinceMs: number, nowMs: number): Promise<readonly Alert[]> {
  const { records } = await alarms.query({ fromMs: sinceMs, toMs: nowMs, offset: 0, limit: RECORDS_MAX });
  const incidents = new Map<string, { newest: AlarmRecord; sinceMs: number }>();
  for (const record of records) {
    if (record.end !== undefined) continue;
    const key = JSON.stringify([record.rule, record.scope, record.id0, record.id1]);
    const known = incidents.get(key);
    if (known) known.sinceMs = Math.min(known.sinceMs, record.startTimeMs);
    else incidents.set(key, { newest: record, sinceMs: record.startTimeMs });
  }
  return [...incidents.values()].toSorted((a, b) => a.sinceMs - b.sinceMs).map(alertOf);
}

function alertOf({ newest, sinceMs }: { readonly newest: AlarmRecord; readonly sinceMs: number }): Alert {
  const { rule, scope, name, layers, tags, message, completeness } = newest;
  const annotations = completeness.complete ? { message } : { message, missing: completeness.missing.join(', ') };
  return {
    labels: {
      ...Object.fromEntries(tags.map(({ key, value }) => [key, value])),
      alertname: rule,
      scope,
      entity: name,
      layer: layers.join(','),
    },
    annotations,
    state: 'firing',
    activeAt: new Date(sinceMs).toISOString(),
    value: '1e+00',
  };
}

/** `data` of /rules: one group, each rule with what fires of it. */
export function rulesJson(rules: readonly AlertRule[], alerts: readonly Alert[]): object {
  if (rules.length === 0) return { groups: [] };
  const shown = rules.map(({ name, expression }) => {
    const firing = alerts.filter((alert) => alert.labels['alertname'] === name);
    return {
      type: 'alerting',
      state: firing.length > 0 ? 'firing' : 'inactive',
      name,
      query: expression,
      duration: 0,
      labels: {},
      annotations: {},
      alerts: firing,
      health: 'ok',
    };
  });
  return { groups: [{ name: 'alarm-settings', file: 'alarm-settings.yml', interval: 60, rules: shown }] };
}
