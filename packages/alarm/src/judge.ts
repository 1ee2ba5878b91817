// SPDX-License-Identifier: Apache-2.0
// The verdict on one entity's window, and what people are shown of the window. In: a rule, rows. Out: values; nothing is remembered.
import { timeBucket } from '@oap-federation/model';
import { evaluateMqe, executeMqe, type EvaluationRequest } from '@oap-federation/mqe';
import type { Verdict } from './machine.js';
import { windowOf, type AlarmRule } from './rule.js';
import type { WindowRows } from './window-rows.js';

/** The window of `rule` that ends with `minute`. */
function requestOf(rule: AlarmRule, rows: WindowRows, entityId: string, minute: number): EvaluationRequest {
  return {
    reader: rows,
    entityIdOf: () => entityId,
    serviceId: undefined,
    fromMinute: minute - rule.period + 1,
    toMinute: minute,
    step: 'MINUTE',
    offsetMinutes: 0,
  };
}

/** `isWhole`: nobody may add to the window any more, so an empty one is one without data. */
export async function verdictOf(
  rule: AlarmRule,
  rows: WindowRows,
  entityId: string,
  minute: number,
  isWhole: boolean,
): Promise<Verdict> {
  const { reads, plan } = rule.expression;
  if (!rows.hasRows(reads, entityId, minute - windowOf(rule) + 1, minute)) return isWhole ? 'noData' : 'unknown';
  const { sets } = await evaluateMqe(plan, requestOf(rule, rows, entityId, minute));
  return sets.some(({ values }) => Number(values[0]) === 1) ? 'match' : 'mismatch';
}

/** The window's values as SkyWalking's snapshot has them: metric as written -> JSON of its label sets. `offsetMinutes` of the tier's zone. */
export async function snapshotOf(
  rule: AlarmRule,
  rows: WindowRows,
  entityId: string,
  minute: number,
  offsetMinutes: number,
): Promise<Record<string, string>> {
  const snapshot: Record<string, string> = {};
  const request = requestOf(rule, rows, entityId, minute);
  for (const { text } of rule.expression.reads) {
    const { results } = await executeMqe(text, request);
    snapshot[text] = JSON.stringify(
      results.map(({ labels, values }) => ({
        metric: { labels },
        values: values.map(({ value }, i) => ({
          id: String(timeBucket(request.fromMinute + i, 'MINUTE', offsetMinutes)),
          value,
          doubleValue: Number(value ?? 0),
          isEmptyValue: value === null,
        })),
      })),
    );
  }
  return snapshot;
}
