// SPDX-License-Identifier: Apache-2.0
// The alarms that a principal sees: those whose rules read nothing but what it may see. An alarm over the merged values of all origins says
// something of each of them, so it is not for who may see some of them only.
import { compileAlarmExpression, MqeError } from '@oap-federation/mqe';
import { OapError } from '@oap-federation/runtime';
import type { AlarmRecord } from '@oap-federation/storage';
import type { AlarmReader, Readers } from '../readers.js';
import type { View } from './restrict.js';
import type { VisibleSources } from './sources.js';

const PAGE = 1_000;
/** Records that one question may look at; what is seen of them cannot be counted by the storage. */
const SCANNED_MAX = 20_000;

/** Errors of a query: OAP-6001 when too many records would have to be looked at. */
export function restrictAlarms({ alarms, reader }: Readers, { principal, visible }: View): AlarmReader {
  /** By the text of an expression: rules are few, records many. */
  const known = new Map<string, boolean>();
  const sees = (expression: string, sources: VisibleSources | undefined): boolean => {
    let answer = known.get(expression);
    if (answer === undefined) {
      const reads = readsOf(expression, reader.metrics());
      answer =
        reads?.every(
          ({ schema, origins }) =>
            principal.seesMetric(schema) &&
            (sources === undefined || origins.every((o) => o !== '' && o !== '*' && sources.mayName(o))),
        ) ?? false;
      known.set(expression, answer);
    }
    return answer;
  };
  return {
    seesRule: async (expression) => sees(expression, await visible()),
    query: async ({ offset, limit, ...filter }) => {
      const sources = await visible();
      const seen = new Map<string, AlarmRecord>();
      for (let scanned = 0; ; scanned += PAGE) {
        if (scanned >= SCANNED_MAX) {
          throw new OapError('OAP-6001', {
            limit: 'alarms of the range',
            value: `${scanned} or more`,
            max: SCANNED_MAX,
          });
        }
        const { records } = await alarms.query({ ...filter, offset: scanned, limit: PAGE });
        for (const record of records) if (sees(record.expression, sources)) seen.set(record.uuid, record);
        if (records.length < PAGE) break;
      }
      const shown = [...seen.values()].slice(offset, offset + limit);
      return { records: shown.map((record) => withVisibleSources(record, sources)), total: seen.size };
    },
  };
}

/** What an expression reads; undefined when it is none any more, such as of a metric that is gone: nobody can say whose it is. */
function readsOf(expression: string, metrics: Parameters<typeof compileAlarmExpression>[1]) {
  try {
    return compileAlarmExpression(expression, metrics).reads;
  } catch (error) {
    if (error instanceof MqeError) return undefined;
    throw error;
  }
}

/** All that the rule read is visible; origins that were missing besides are not its business. */
function withVisibleSources(record: AlarmRecord, sources: VisibleSources | undefined): AlarmRecord {
  if (sources === undefined) return record;
  const missing = record.completeness.missing.filter(sources.mayName);
  if (missing.length === record.completeness.missing.length) return record;
  return { ...record, completeness: { complete: missing.length === 0, missing } };
}
