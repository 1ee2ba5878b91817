// SPDX-License-Identifier: Apache-2.0
// Alarms as the engine recorded them, newest first. Beyond SkyWalking's fields each says how its incident ended and how complete the data
// was that it was judged on.
import { STEP_MINUTES, tryScope, type ScopeName } from '@oap-federation/model';
import { OapError } from '@oap-federation/runtime';
import type { AlarmFilter, AlarmRecord } from '@oap-federation/storage';
import { ownerScope } from '../entity.js';
import { BadQuestion } from '../problem.js';
import { parseMoments, parseRange, type DurationInput } from '../range.js';
import type { AlarmReader } from '../readers.js';
import type { Args, GraphQLDeps, GraphQLLimits, GraphQLPart } from './context.js';

const SDL = `
input AlarmTag { key: String! value: String }

type AlarmTrend { numOfAlarm: [Int]! }
type AlarmSnapshotMetric { name: String! results: [MQEValues!]! }
type AlarmSnapshot { expression: String! metrics: [AlarmSnapshotMetric!]! }
"How complete the data was that the alarm was judged on: missing names the origins that lacked some minute of the window."
type AlarmCompleteness { complete: Boolean! missing: [String!]! }
"recovered: the metric is good again. noData: nothing reports any more. retracted: later data says that it never was. withdrawn: its rule was changed."
enum AlarmEndKind { recovered noData retracted withdrawn }
"Fields from uuid on are not SkyWalking's. late: it was found out afterwards that it should have fired. recoveryTime is when the incident ended, however it did."
type AlarmMessage {
  startTime: Long! recoveryTime: Long scope: Scope id: ID! name: String! message: String! events: [Event!]! tags: [KeyValue!]!
  snapshot: AlarmSnapshot!
  uuid: ID! rule: String! layers: [String!]! late: Boolean! endKind: AlarmEndKind completeness: AlarmCompleteness!
}
type Alarms { msgs: [AlarmMessage!]! total: Int! }

extend type Query {
  getAlarm(duration: Duration!, scope: Scope, keyword: String, paging: Pagination!, tags: [AlarmTag]): Alarms
  getAlarmTrend(duration: Duration!): AlarmTrend!
  queryAlarmTagAutocompleteKeys(duration: Duration!): [String!]
  queryAlarmTagAutocompleteValues(tagKey: String!, duration: Duration!): [String!]
}
`;

const PAGE_MAX = 1_000;
/** Trends and tags are made from the newest records of the range, at most so many. */
const SCANNED_MAX = 10_000;

interface Search {
  readonly duration: DurationInput;
  readonly scope?: string | null;
  readonly keyword?: string | null;
  readonly paging: { readonly pageNum?: number | null; readonly pageSize: number };
  readonly tags?: readonly ({ readonly key: string; readonly value?: string | null } | null)[] | null;
}

export function alarmsPart({ timezoneOffsetMinutes: zone }: GraphQLDeps, { maxPoints }: GraphQLLimits): GraphQLPart {
  const tagsOf = async (duration: DurationInput, alarms: AlarmReader) =>
    (await newest(alarms, parseMoments(duration, zone))).flatMap((record) => record.tags);
  return {
    sdl: SDL,
    weight: SCANNED_MAX,
    weights: { getAlarm: PAGE_MAX },
    Query: {
      getAlarm: async (_, { duration, scope, keyword, paging, tags }: Args<Search>, { alarms }) => {
        const { pageSize } = paging;
        const pageNum = paging.pageNum ?? 1;
        if (pageSize < 1 || pageNum < 1) throw new BadQuestion(`paging ${pageNum} of ${pageSize} is no page`);
        if (pageSize > PAGE_MAX) throw new OapError('OAP-6001', { limit: 'pageSize', value: pageSize, max: PAGE_MAX });
        const { records, total } = await alarms.query({
          ...parseMoments(duration, zone),
          ...scopeFilter(scope),
          ...(keyword ? { keyword } : {}),
          tags: (tags ?? []).flatMap((t) => (t ? [{ key: t.key, value: t.value ?? '' }] : [])),
          offset: (pageNum - 1) * pageSize,
          limit: pageSize,
        });
        return { msgs: records.map(messageView), total };
      },

      getAlarmTrend: async (_, { duration }: Args<{ duration: DurationInput }>, { alarms }) => {
        const range = parseRange(duration, zone, maxPoints);
        const minutes = STEP_MINUTES[range.step];
        const points = (range.toMinute + 1 - range.fromMinute) / minutes;
        const numOfAlarm = Array.from<number>({ length: points }).fill(0);
        for (const { startTimeMs } of await newest(alarms, parseMoments(duration, zone))) {
          const at = Math.floor((startTimeMs / 60_000 - range.fromMinute) / minutes);
          if (at >= 0 && at < numOfAlarm.length) numOfAlarm[at]!++;
        }
        return { numOfAlarm };
      },

      queryAlarmTagAutocompleteKeys: async (_, { duration }: Args<{ duration: DurationInput }>, { alarms }) =>
        [...new Set((await tagsOf(duration, alarms)).map((tag) => tag.key))].sort(),

      queryAlarmTagAutocompleteValues: async (
        _,
        { tagKey, duration }: Args<{ tagKey: string; duration: DurationInput }>,
        { alarms },
      ) => {
        const tags = (await tagsOf(duration, alarms)).filter((tag) => tag.key === tagKey);
        return [...new Set(tags.map((tag) => tag.value))].sort();
      },
    },
  };
}

/** The newest records of a period, at most SCANNED_MAX. */
async function newest(
  alarms: AlarmReader,
  period: Pick<AlarmFilter, 'fromMs' | 'toMs'>,
): Promise<readonly AlarmRecord[]> {
  const all: AlarmRecord[] = [];
  for (;;) {
    const { records } = await alarms.query({ ...period, offset: all.length, limit: PAGE_MAX });
    all.push(...records);
    if (records.length < PAGE_MAX || all.length >= SCANNED_MAX) return all;
  }
}

/** `All`, and a scope that has no alarms here, filter nothing and everything. */
function scopeFilter(scope: string | null | undefined): { readonly scope?: ScopeName } {
  if (!scope || scope === 'All') return {};
  if (!tryScope(scope)) throw new BadQuestion(`scope ${scope} has no metrics here, and so no alarms`);
  return { scope: scope as ScopeName };
}

function messageView(record: AlarmRecord) {
  const { uuid, rule, scope, name, id0, layers, message, tags, expression, snapshot, startTimeMs, end } = record;
  return {
    startTime: startTimeMs,
    recoveryTime: end?.timeMs ?? null,
    scope: ownerScope(scope),
    id: id0,
    name,
    message,
    events: [],
    tags,
    snapshot: {
      expression,
      metrics: Object.entries(snapshot).map(([metric, text]) => ({ name: metric, results: snapshotResults(text) })),
    },
    uuid,
    rule,
    layers,
    late: record.late,
    endKind: end?.kind ?? null,
    completeness: record.completeness,
  };
}

interface SnapshotSet {
  readonly metric?: { readonly labels?: readonly { readonly key: string; readonly value: string }[] };
  readonly values?: readonly { readonly id?: string | null; readonly value?: string | null }[];
}

/** The window of a metric, as the engine wrote it down (a list of MQEValues in JSON). */
function snapshotResults(text: string) {
  const sets = JSON.parse(text) as readonly SnapshotSet[];
  return sets.map(({ metric, values }) => ({
    metric: { labels: metric?.labels ?? [] },
    values: (values ?? []).map(({ id, value }) => ({
      id: id ?? null,
      value: value ?? null,
      owner: null,
      traceID: null,
    })),
  }));
}
