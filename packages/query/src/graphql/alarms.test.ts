// SPDX-License-Identifier: Apache-2.0
// Goal: alarms are found as SkyWalking's clients look for them, and say how they ended and how complete their data was. Method: the real app
// over records in memory.
import { minuteOf, serviceId } from '@oap-federation/model';
import { MemoryMetricReader } from '@oap-federation/mqe/testing';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { AlarmRecord } from '@oap-federation/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueryServerConfig, QueryServerDeps } from '../server.js';
import { memoryAlarms, memoryMetadata, openMemoryApp, type MemoryApp, type MemoryMetadata } from '../testing.js';

const START = Date.UTC(2026, 10, 21, 8, 0);
const MINUTE = minuteOf(START);
const DURATION = { start: '2026-11-21 0800', end: '2026-11-21 0803', step: 'MINUTE' };
const SHOP = serviceId('shop', true);

let reader: MemoryMetricReader;
let metadata: MemoryMetadata;
let app: MemoryApp;

async function open(config: Partial<QueryServerConfig> = {}, deps: Partial<QueryServerDeps> = {}): Promise<void> {
  app = await openMemoryApp(config, { reader, metadata, clock: new VirtualClock(START + 600_000), ...deps });
}

beforeEach(() => {
  reader = new MemoryMetricReader([]);
  metadata = memoryMetadata([]);
  metadata.sources = [{ origin: 'cloud-c', via: 'cloud-c', completeToMinute: MINUTE + 60, lastAdvanceMs: 0 }];
});

afterEach(() => app[Symbol.asyncDispose]());

describe('alarms', () => {
  const record = (i: number, change: Partial<AlarmRecord> = {}): AlarmRecord => ({
    uuid: `uuid-${i}`,
    slot: 1,
    rule: 'service_resp_time_rule',
    scope: 'Service',
    name: 'shop',
    id0: SHOP,
    id1: '',
    layers: ['GENERAL'],
    message: `Response time of shop is slow (${i})`,
    tags: [{ key: 'level', value: i % 2 === 0 ? 'WARNING' : 'CRITICAL' }],
    expression: 'sum(service_resp_time > 1000) >= 3',
    snapshot: {
      service_resp_time: JSON.stringify([
        {
          metric: { labels: [] },
          values: [{ id: '202611210800', value: '1200', doubleValue: 1200, isEmptyValue: false }],
        },
      ]),
    },
    minute: MINUTE + i,
    startTimeMs: START + i * 60_000 + 20_000,
    late: false,
    completeness: { complete: true, missing: [] },
    ...change,
  });
  const LIST = `query ($d: Duration!, $s: Scope, $k: String, $p: Pagination!, $t: [AlarmTag]) {
    result: getAlarm(duration: $d, scope: $s, keyword: $k, paging: $p, tags: $t) {
      total
      msgs {
        startTime recoveryTime scope id name message events { uuid } tags { key value } uuid rule layers late endKind
        completeness { complete missing }
        snapshot { expression metrics { name results { metric { labels { key value } } values { id value } } } }
      }
    }
  }`;
  interface Alarms {
    readonly total: number;
    readonly msgs: readonly { readonly uuid: string }[];
  }
  const list = async (variables: object = {}) => {
    const { msgs, total } = await app.result<Alarms>(LIST, { d: DURATION, p: { pageSize: 10 }, ...variables });
    return `${msgs.map((m) => m.uuid.slice(5)).join(' ')} of ${total}`;
  };

  beforeEach(() =>
    open(
      {},
      {
        alarms: memoryAlarms([
          record(0),
          record(1, {
            end: { kind: 'retracted', minute: MINUTE + 2, timeMs: START + 200_000 },
            completeness: { complete: false, missing: ['cloud-n'] },
            late: true,
          }),
          record(2, { scope: 'DatabaseAccess', name: 'db', message: 'db is away' }),
          record(9),
        ]),
      },
    ),
  );

  it('come newest first, filtered and by pages', async () => {
    expect(await list()).toBe('2 1 0 of 3');
    expect(await list({ p: { pageNum: 2, pageSize: 2 } })).toBe('0 of 3');
    expect(await list({ k: 'AWAY' })).toBe('2 of 1');
    expect(await list({ t: [{ key: 'level', value: 'CRITICAL' }] })).toBe('1 of 1');
    expect(await list({ s: 'Service' })).toBe('1 0 of 2');
    expect(await list({ s: 'All' })).toBe('2 1 0 of 3');
    expect(await list({ d: { start: '2026-11-21 080021', end: '2026-11-21 080120', step: 'SECOND' } })).toBe('1 of 1');
    expect(await list({ d: { start: '2026-11-20', end: '2026-11-21', step: 'DAY' } })).toBe('9 2 1 0 of 4');
  });

  it('say how they ended and how complete their data was', async () => {
    const { msgs } = await app.result<Alarms>(LIST, { d: DURATION, p: { pageSize: 10 } });
    expect(msgs[1]).toEqual({
      startTime: START + 80_000,
      recoveryTime: START + 200_000,
      scope: 'Service',
      id: SHOP,
      name: 'shop',
      message: 'Response time of shop is slow (1)',
      events: [],
      tags: [{ key: 'level', value: 'CRITICAL' }],
      uuid: 'uuid-1',
      rule: 'service_resp_time_rule',
      layers: ['GENERAL'],
      late: true,
      endKind: 'retracted',
      completeness: { complete: false, missing: ['cloud-n'] },
      snapshot: {
        expression: 'sum(service_resp_time > 1000) >= 3',
        metrics: [
          {
            name: 'service_resp_time',
            results: [{ metric: { labels: [] }, values: [{ id: '202611210800', value: '1200' }] }],
          },
        ],
      },
    });
    expect(msgs[0]).toMatchObject({ scope: 'Service', name: 'db', endKind: null, recoveryTime: null });
  });

  it('count into a trend, and offer their tags', async () => {
    const trend = await app.result(`query ($d: Duration!) { result: getAlarmTrend(duration: $d) { numOfAlarm } }`, {
      d: DURATION,
    });
    expect(trend).toEqual({ numOfAlarm: [1, 1, 1, 0] });
    const { data } = await app.ask(
      `query ($d: Duration!) { keys: queryAlarmTagAutocompleteKeys(duration: $d) values: queryAlarmTagAutocompleteValues(tagKey: "level", duration: $d) none: queryAlarmTagAutocompleteValues(tagKey: "x", duration: $d) }`,
      { d: DURATION },
    );
    expect(data).toEqual({ keys: ['level'], values: ['CRITICAL', 'WARNING'], none: [] });
  });

  it('refuse pages that are none, and scopes without metrics', async () => {
    const problem = async (variables: object) =>
      (await app.ask(LIST, { d: DURATION, p: { pageSize: 10 }, ...variables })).errors![0]!.message;
    expect(await problem({ p: { pageSize: 0 } })).toBe('paging 1 of 0 is no page');
    expect(await problem({ p: { pageNum: 0, pageSize: 1 } })).toBe('paging 0 of 1 is no page');
    expect(await problem({ p: { pageSize: 1_001 } })).toBe('OAP-6001 query pageSize is 1001, the limit is 1000');
    expect(await problem({ s: 'Process' })).toContain('scope Process');
  });
});
