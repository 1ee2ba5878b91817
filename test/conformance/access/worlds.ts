// SPDX-License-Identifier: Apache-2.0
// Random upper tiers for the laws of access: what leaves reported, which child it came through, what was lost on the way. In: a world. Out: a
// query server over a store that holds it, and who may see which part of it.
import {
  entityOf,
  metricSchema,
  MetricColumns,
  minuteOf,
  scopeOf,
  serviceId,
  type Entity,
  type MetricSchema,
  type ScopeName,
} from '@oap-federation/model';
import { defaultQueryServerConfig, openQueryServer, type QueryServer } from '@oap-federation/query';
import { memoryAlarms, nothingElse } from '@oap-federation/query/testing';
import { silentLogger, type AccessScope } from '@oap-federation/runtime';
import { VirtualClock } from '@oap-federation/runtime/testing';
import type { AlarmRecord, RowBlock, TierStore } from '@oap-federation/storage';
import { testBlock, testFlush, testMark, withTestFences, type TestRow } from '@oap-federation/storage/testing';
import { MemoryTierStore } from '@oap-federation/testkit';
import fc from 'fast-check';

export const TIER = 'country';
export const NOW = Date.UTC(2026, 10, 21, 12);
export const TO_MINUTE = minuteOf(NOW) - 1;
export const MINUTES = 4;
export const FROM_MINUTE = TO_MINUTE - MINUTES + 1;
export const TOKEN = 'a-token-of-the-principal';

/** Leaf -> the child that it arrives through; the tier's own agents arrive through nobody. */
export const WAYS: Readonly<Record<string, string>> = {
  'cloud-a': 'east',
  'cloud-b': 'east',
  'cloud-c': 'cloud-c',
  [TIER]: '',
};
export const LEAVES = Object.keys(WAYS);

export const METRICS: readonly MetricSchema[] = [
  metricSchema('service_cpm', 'Service', 'cpm'),
  metricSchema('service_max', 'Service', 'max'),
  metricSchema('service_percentile', 'Service', 'hdrPercentile', [2]),
  metricSchema('service_instance_cpm', 'ServiceInstance', 'cpm'),
  metricSchema('endpoint_cpm', 'Endpoint', 'cpm'),
  metricSchema('service_relation_client_cpm', 'ServiceRelation', 'cpm'),
];
export const SCOPES: readonly ScopeName[] = ['Service', 'ServiceInstance', 'Endpoint', 'ServiceRelation'];

/** One source event. */
export interface Happening {
  readonly metric: number;
  readonly origin: string;
  readonly service: number;
  readonly part: number;
  /** After FROM_MINUTE. */
  readonly minute: number;
  readonly value: number;
}

export interface World {
  /** Stored here; the shipped program, so to say. */
  readonly metrics: readonly MetricSchema[];
  readonly happenings: readonly Happening[];
  /** Per leaf: it is complete to this many minutes after FROM_MINUTE. */
  readonly heard: Readonly<Record<string, number>>;
  /** Losses that a leaf declared of itself. */
  readonly lost: readonly { readonly origin: string; readonly increments: number }[];
  readonly originScopes: readonly ScopeName[];
  /** Alarms of rules that read one metric: merged (''), of every origin ('*'), or of one. */
  readonly alarms: readonly Alarm[];
}

export interface Alarm {
  readonly metric: number;
  readonly of: string;
  readonly missing: readonly string[];
  readonly minute: number;
}

const leaf = fc.constantFrom(...LEAVES);
const happening: fc.Arbitrary<Happening> = fc.record({
  metric: fc.nat(METRICS.length - 1),
  origin: leaf,
  service: fc.nat(1),
  part: fc.nat(1),
  minute: fc.nat(MINUTES - 1),
  value: fc.integer({ min: 1, max: 5_000 }),
});
const happenings = fc.array(happening, { maxLength: 40 });
const heard = fc.record(Object.fromEntries(LEAVES.map((name) => [name, fc.nat(MINUTES)])));
const lost = fc.uniqueArray(fc.record({ origin: leaf, increments: fc.integer({ min: 1, max: 99 }) }), {
  selector: (loss) => loss.origin,
  maxLength: 3,
});
const alarms: fc.Arbitrary<Alarm[]> = fc.array(
  fc.record({
    metric: fc.constantFrom(0, 1, 3, 4),
    of: fc.constantFrom('', '*', ...LEAVES),
    missing: fc.subarray([...LEAVES]),
    minute: fc.nat(MINUTES - 1),
  }),
  { maxLength: 5 },
);
export const world: fc.Arbitrary<World> = fc.record({
  metrics: fc.constant(METRICS),
  happenings,
  heard,
  lost,
  alarms,
  originScopes: fc.subarray([...SCOPES]).map((some) => [...new Set<ScopeName>(['Service', ...some])]),
});

const someOf = (names: readonly string[]) =>
  fc.oneof(fc.constant(['*']), fc.subarray([...names], { minLength: 1 })) as fc.Arbitrary<string[]>;
export const scope: fc.Arbitrary<AccessScope> = fc.record({
  tiers: someOf(['east', 'cloud-c', TIER, 'ea*']),
  origins: someOf([...LEAVES, 'cloud-*']),
  metrics: someOf([...SCOPES, '*Relation', 'service_c*', 'endpoint_cpm', 'service_percentile']),
  actions: fc.constant(['query', 'alarms', 'status'] as const),
});

/** The oracle: written down from docs/access.md, not from the code. */
export function mayBeSeen({ origin, metric }: Happening, asked: AccessScope): boolean {
  return originMayBeSeen(origin, asked) && metricMayBeSeen(METRICS[metric]!, asked);
}

export function alarmMayBeSeen({ metric, of }: Alarm, asked: AccessScope): boolean {
  const seesAll = asked.tiers[0] === '*' && asked.origins[0] === '*';
  return metricMayBeSeen(METRICS[metric]!, asked) && (seesAll || (LEAVES.includes(of) && originMayBeSeen(of, asked)));
}

export function metricMayBeSeen({ name, scope: of }: MetricSchema, { metrics }: AccessScope): boolean {
  return fits(name, metrics) || fits(of, metrics);
}

export function originMayBeSeen(origin: string, { tiers, origins }: AccessScope): boolean {
  return fits(origin, origins) && fits(WAYS[origin] === '' ? TIER : WAYS[origin]!, tiers);
}

/** `x*` and `*x` are all the patterns that `scope` makes. */
function fits(name: string, patterns: readonly string[]): boolean {
  return patterns.some(
    (one) =>
      one === name ||
      (one.endsWith('*') && name.startsWith(one.slice(0, -1))) ||
      (one.startsWith('*') && name.endsWith(one.slice(1))),
  );
}

function entityIn({ metric, service, part }: Happening): Entity {
  const end = (name: string, of = '') => ({ service: name, normal: true, layer: 'GENERAL', name: of });
  const { scope: of } = METRICS[metric]!;
  const name = `service-${service}`;
  if (scopeOf(of).relation) return entityOf(of, end(name), end(`service-${(service + part) % 2}`));
  return entityOf(of, scopeOf(of).part === 'service' ? end(name) : end(name, `part-${part}`));
}

/** Rows of a world, merged by the model's own kernels: one per origin where the scope keeps them, and the merged one always. */
function blocksOf({ happenings: all, originScopes }: World, codes: ReadonlyMap<string, number>): RowBlock[] {
  return METRICS.flatMap((schema, metric) => {
    const columns = new MetricColumns(schema);
    const rows = new Map<string, TestRow & { readonly at: number }>();
    for (const one of all.filter((h) => h.metric === metric)) {
      const entity = codes.get(entityKey(one))!;
      const kept = originScopes.includes(schema.scope) ? [0, LEAVES.indexOf(one.origin) + 1] : [0];
      for (const origin of kept) {
        const key = `${entity} ${origin} ${one.minute}`;
        const row = rows.get(key) ?? {
          minute: FROM_MINUTE + one.minute,
          origin,
          entity,
          at: rows.size,
          values: new Map(),
        };
        rows.set(key, row);
        columns.enter(row.at, one.value, 0, 0);
      }
    }
    const filled = [...rows.values()].map((row): TestRow => {
      const fields = [
        ...schema.intFields.map((_, f) => columns.int(row.at, f)),
        ...schema.distributionFields.map((_, f) => columns.distribution(row.at, f)!.encode()),
      ];
      return { ...row, values: new Map([[schema, fields]]) };
    });
    return filled.length === 0 ? [] : [testBlock(0, [schema], filled)];
  });
}

const entityKey = (one: Happening) => `${METRICS[one.metric]!.scope} ${entityIn(one).id}`;

function recordOf({ metric, of, missing, minute }: Alarm, i: number): AlarmRecord {
  const { name, scope: ofScope } = METRICS[metric]!;
  const read = of === '' ? name : `${name}{origin='${of}'}`;
  return {
    uuid: `${minute} ${read} ${missing.join()} ${i}`,
    slot: 0,
    rule: `${name}_rule`,
    scope: ofScope,
    name: 'service-0',
    id0: serviceId('service-0', true),
    id1: '',
    layers: ['GENERAL'],
    message: `${read} is high`,
    tags: [{ key: 'level', value: read }],
    expression: `sum(${read} > 0) >= 1`,
    snapshot: {},
    minute: FROM_MINUTE + minute,
    startTimeMs: (FROM_MINUTE + minute) * 60_000,
    late: false,
    completeness: { complete: missing.length === 0, missing },
  };
}

export interface OpenWorld extends AsyncDisposable {
  readonly server: QueryServer;
}

/** An empty store with one slot. */
export type OpenStore = () => Promise<TierStore>;

export const inMemory: OpenStore = () => Promise.resolve(new MemoryTierStore(() => 'log', 1));

/** A server over the world. `asked`: what the one may see who shows TOKEN; left out, nobody is asked for a token. */
export async function openWorld(all: World, openStore: OpenStore, asked?: AccessScope): Promise<OpenWorld> {
  const store = withTestFences(await openStore());
  await store.prepareMetrics(all.metrics);
  const claim = await store.claimSlot(0, 'node');
  const codes = new Map<string, number>();
  const entities: { code: number; entity: Entity }[] = [];
  for (const one of all.happenings) {
    const key = entityKey(one);
    if (codes.has(key)) continue;
    codes.set(key, codes.size + 1);
    entities.push({ code: codes.size, entity: entityIn(one) });
  }
  const vias = [...new Set(Object.keys(all.heard).map((origin) => WAYS[origin]!))];
  const marks = vias.map((via, i) =>
    testMark(0, `log-${via}`, i + 1, {
      producer: via === '' ? 'instance' : via,
      kind: via === '' ? 'local' : 'federated',
      origins: new Map(
        Object.entries(all.heard)
          .filter(([origin]) => WAYS[origin] === via)
          .map(([origin, minutes]) => [origin, FROM_MINUTE + minutes]),
      ),
    }),
  );
  const losses = all.lost.map(({ origin, increments }, index) => ({
    logId: `log-${WAYS[origin]}`,
    seq: 1,
    index,
    tier: origin,
    origin,
    cause: 'dropped',
    kind: 'Service counts',
    firstMinute: FROM_MINUTE,
    lastMinute: FROM_MINUTE,
    increments,
  }));
  const outcome = await store.flush([
    testFlush(0, claim.fence.epoch, {
      entities,
      origins: LEAVES.map((name, i) => ({ code: i + 1, name })).filter(({ name }) => name in all.heard),
      rows: blocksOf(all, codes),
      marks: marks.map((mark) => ({ mark, previousSeq: 0 })),
      losses,
      dirtyHours: [Math.floor(FROM_MINUTE / 60), Math.floor(TO_MINUTE / 60)],
    }),
  ]);
  if (outcome.kind !== 'committed') throw new Error('the world was not written');
  const server = await openQueryServer(
    {
      ...defaultQueryServerConfig(),
      port: 0,
      maxAliases: 1_000,
      scopes: { tier: TIER, originScopes: new Set(all.originScopes) },
      access: {
        ...defaultQueryServerConfig().access,
        ...(asked === undefined ? {} : { mode: 'tokens' as const, tokens: { limited: { token: TOKEN, ...asked } } }),
      },
    },
    {
      ...nothingElse(),
      alarms: memoryAlarms(all.alarms.map(recordOf)),
      reader: store.reader,
      metadata: store.metadata,
      clock: new VirtualClock(NOW),
      logger: silentLogger,
      timezoneOffsetMinutes: () => 0,
      version: '0.1.0',
      alarmRules: () => all.alarms.map((alarm, i) => ({ name: 'rule', expression: recordOf(alarm, i).expression })),
      status: () => ({ nodes: LEAVES, secret: JSON.stringify(all) }),
    },
  );
  return {
    server,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
