// SPDX-License-Identifier: Apache-2.0
// The part of the storage contract that is about alarms; `checkTierStoreContract` runs it with slots of its own.
import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { NO_WATERMARK } from '@oap-federation/model';
import type {
  AlarmCommit,
  AlarmDelivery,
  AlarmFilter,
  AlarmRecord,
  AlarmRetry,
  AlarmTransition,
} from './alarm-port.js';
import type { SlotFence, TierStore } from './port.js';

/** A commit of nothing, to spread over. */
export function testAlarmCommit(slot: number, fence: SlotFence, rest: Partial<AlarmCommit> = {}): AlarmCommit {
  return {
    slot,
    fence,
    judgedTo: 100,
    judgedRevision: 1,
    states: [],
    forgotten: [],
    transitions: [],
    records: [],
    ended: [],
    deliveries: [],
    ...rest,
  };
}

function testAlarmRecord(slot: number, uuid: string, rest: Partial<AlarmRecord> = {}): AlarmRecord {
  return {
    uuid,
    slot,
    rule: 'cpm_rule',
    scope: 'Service',
    name: 'frontend',
    id0: 'ZnJvbnRlbmQ=.1',
    id1: '',
    layers: ['GENERAL'],
    message: `it's "bad" at ${uuid}`,
    tags: [],
    expression: 'service_cpm > 1',
    snapshot: { service_cpm: '[1,null]' },
    minute: 100,
    startTimeMs: 6_000_000,
    late: false,
    completeness: { complete: true, missing: [] },
    ...rest,
  };
}

export function testDelivery(slot: number, id: string, rest: Partial<AlarmDelivery> = {}): AlarmDelivery {
  return {
    id,
    slot,
    target: `target-${slot}`,
    incident: 'incident',
    message: `{"id":"${id}"}`,
    createdAtMs: 1_000,
    attempts: 0,
    nextAttemptMs: 1_000,
    lastError: '',
    delivered: false,
    ...rest,
  };
}

const retry = ({ id, attempts, nextAttemptMs, lastError, delivered }: AlarmDelivery): AlarmRetry => ({
  id,
  attempts,
  nextAttemptMs,
  lastError,
  delivered,
});

const fired = (seq: number, entityId = 'a', minute = 100): AlarmTransition => ({
  seq,
  rule: 'cpm_rule',
  entityId,
  minute,
  kind: 'fired',
  uuid: `${entityId}-${minute}`,
});

const everything: AlarmFilter = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, offset: 0, limit: 1_000 };

/** Defines the cases. `claimed` gives the store and a slot that no other case uses, claimed. */
export function checkAlarmStoreContract(
  test: (name: string, body: () => Promise<void>) => void,
  claimed: () => Promise<{
    readonly s: TierStore;
    readonly slot: number;
    readonly claim: { readonly fence: SlotFence };
  }>,
): void {
  const opened = async () => {
    const { s, slot, claim } = await claimed();
    const commit = (rest: Partial<AlarmCommit>, fence = claim.fence) =>
      s.alarms.commit(testAlarmCommit(slot, fence, rest));
    const dueDeliveries = (nowMs: number, room = 100) =>
      s.alarms.dueDeliveries(
        [slot],
        nowMs,
        new Map([`target-${slot}`, `b-${slot}`, 'nothing for it'].map((target) => [target, room])),
      );
    const due = async (nowMs: number, room?: number) => (await dueDeliveries(nowMs, room)).map(({ id }) => id);
    const settle = (settled: readonly string[], retries: readonly AlarmRetry[] = []) =>
      s.alarms.settleDeliveries(slot, claim.fence, settled, retries);
    const ofSlot = async (filter: Partial<AlarmFilter> = {}) =>
      (await s.alarms.query({ ...everything, ...filter })).records.filter((r) => r.slot === slot);
    return { s, alarms: s.alarms, slot, fence: claim.fence, commit, due, dueDeliveries, settle, ofSlot };
  };

  test('alarms: a slot that was never judged is empty; what is committed is found by the next owner', async () => {
    const { s, alarms, slot, commit } = await opened();
    deepStrictEqual(await alarms.openSlot(slot), {
      judgedTo: NO_WATERMARK,
      judgedRevision: 0,
      lastTransition: 0,
      states: [],
    });
    await rejects(alarms.openSlot(100_000), /no slot/);
    const state = (entityId: string, text: string) => ({ rule: 'cpm_rule', entityId, state: text });
    const long = 'n'.repeat(5_000);
    const states = [state('a', '1'), state('b', '1'), state(long, '1')];
    strictEqual(await commit({ states, transitions: [fired(1), fired(2, long)] }), 'committed');
    const changed = { states: [state('b', '2')], forgotten: [{ rule: 'cpm_rule', entityId: 'a' }] };
    strictEqual(await commit({ ...changed, judgedTo: 101, judgedRevision: 2 ** 40 }), 'committed');
    await s.claimSlot(slot, 'node-2');
    deepStrictEqual(await alarms.readSlot(slot), await alarms.openSlot(slot));
    deepStrictEqual(await alarms.openSlot(slot), {
      judgedTo: 101,
      judgedRevision: 2 ** 40,
      lastTransition: 2,
      states: [state('b', '2'), state(long, '1')],
    });
  });

  test('alarms: an owner whose fence is old writes nothing, whatever differs', async () => {
    const { s, alarms, slot, fence, commit, due, ofSlot } = await opened();
    const everyKind = {
      states: [{ rule: 'cpm_rule', entityId: 'a', state: '1' }],
      transitions: [fired(1)],
      records: [testAlarmRecord(slot, `old-${slot}`)],
      deliveries: [testDelivery(slot, 'old')],
    };
    strictEqual(await commit(everyKind, { ...fence, claim: fence.claim + 1 }), 'notOwner');
    const claim = await s.claimSlot(slot, 'node-2');
    strictEqual(await commit(everyKind), 'notOwner');
    deepStrictEqual((await alarms.readSlot(slot)).states, []);
    deepStrictEqual([await due(9_000), await ofSlot()], [[], []]);
    // and the new owner says the same, so nothing of it was there
    strictEqual(await commit(everyKind, { ...claim.fence, flushes: 77 }), 'committed');
    strictEqual(await alarms.settleDeliveries(slot, fence, ['old'], []), 'notOwner');
    deepStrictEqual(await due(9_000), ['old']);
  });

  test('alarms: two owners race on one transition: exactly one says it', async () => {
    const { s, slot, fence, commit, due } = await opened();
    const [, next] = await Promise.all([s.claimSlot(slot, 'node-2'), s.claimSlot(slot, 'node-3')]);
    const fences = [fence, next.fence, (await s.claimSlot(slot, 'node-4')).fence];
    const outcomes = await Promise.all(
      fences.map((each, n) => commit({ transitions: [fired(1)], deliveries: [testDelivery(slot, `by-${n}`)] }, each)),
    );
    deepStrictEqual(outcomes, ['notOwner', 'notOwner', 'committed']);
    deepStrictEqual(await due(9_000), ['by-2']);
  });

  test('alarms: a transition that is there already, or out of turn, is refused loudly, and nothing with it', async () => {
    const { slot, commit, due, alarms } = await opened();
    strictEqual(await commit({ transitions: [fired(1, 'a'), fired(2, 'b')] }), 'committed');
    const deliveries = [testDelivery(slot, 'x')];
    for (const seqs of [[2], [1, 2], [4], [3, 3], [3, 5], [0]]) {
      const transitions = seqs.map((seq) => fired(seq, 'c'));
      await rejects(commit({ transitions, deliveries, judgedTo: 999 }), /BUG: transition . of slot/, String(seqs));
    }
    deepStrictEqual(await due(9_000), []);
    strictEqual((await alarms.openSlot(slot)).judgedTo, 100);
    strictEqual(await commit({ transitions: [fired(3, 'b'), fired(4, 'c')] }), 'committed');
    strictEqual((await alarms.openSlot(slot)).lastTransition, 4);
    await rejects(commit({ deliveries: [testDelivery(slot, 'y'), testDelivery(slot, 'y')] }), /BUG.*waits already/);
  });

  test('alarms: records come back whole, newest first, filtered and in pages', async () => {
    const { slot, commit, ofSlot, alarms } = await opened();
    const one = (n: number, rest: Partial<AlarmRecord> = {}) =>
      testAlarmRecord(slot, `r${n}-${slot}`, { startTimeMs: 1_000_000 * n, rule: `rule_${slot}`, ...rest });
    const records = [
      one(1, { layers: [], message: 'Strange %_ Text\n"', snapshot: {} }),
      one(2, {
        scope: 'ServiceRelation',
        id1: 'other',
        tags: [
          { key: 'level', value: 'WARNING' },
          { key: 'a","b', value: '' },
        ],
      }),
      one(3, { layers: ['GENERAL', 'K8S'], completeness: { complete: false, missing: ['cloud-n', 'cloud "c"'] } }),
      one(4, { tags: [{ key: 'level', value: 'CRITICAL' }] }),
    ];
    strictEqual(await commit({ records }), 'committed');
    const [r1, r2, r3, r4] = records;
    const rule = `rule_${slot}`;
    deepStrictEqual(await ofSlot({ rule }), [r4, r3, r2, r1]);
    deepStrictEqual(await ofSlot({ rule, fromMs: 2_000_000, toMs: 3_000_000 }), [r3, r2]);
    deepStrictEqual(await ofSlot({ rule, scope: 'ServiceRelation' }), [r2]);
    deepStrictEqual(await ofSlot({ rule, entityId: 'other' }), [r2]);
    deepStrictEqual(await ofSlot({ rule, keyword: 'strange %_' }), [r1]);
    deepStrictEqual(await ofSlot({ rule, layer: 'K8S' }), [r3]);
    deepStrictEqual(await ofSlot({ rule, tags: [{ key: 'level', value: 'WARNING' }] }), [r2]);
    deepStrictEqual(await ofSlot({ rule, tags: r2!.tags }), [r2]);
    deepStrictEqual(await ofSlot({ rule, tags: [...r2!.tags, { key: 'x', value: 'y' }] }), []);
    deepStrictEqual(await alarms.query({ ...everything, rule, offset: 1, limit: 2 }), { records: [r3, r2], total: 4 });
    const end = { kind: 'noData', minute: 105, timeMs: 6_300_000 } as const;
    strictEqual(await commit({ ended: [r3!, { uuid: 'long gone' }].map(({ uuid }) => ({ uuid, end })) }), 'committed');
    deepStrictEqual(await ofSlot({ rule, layer: 'K8S' }), [{ ...r3!, end }]);
    strictEqual(await commit({ ended: [{ uuid: r3!.uuid }] }), 'committed');
    deepStrictEqual(await ofSlot({ rule, layer: 'K8S' }), [r3], 'open again');
    const over = one(5, { end, late: true });
    strictEqual(await commit({ records: [over] }), 'committed');
    deepStrictEqual((await ofSlot({ rule }))[0], over);
  });

  test('alarms: deliveries come due in order, one of each incident and target at a time', async () => {
    const { slot, commit, due, dueDeliveries, settle, alarms } = await opened();
    const alarm = testDelivery(slot, 'alarm', { nextAttemptMs: 2_000 });
    const recovery = testDelivery(slot, 'recovery', { createdAtMs: 1_500 });
    const other = testDelivery(slot, 'other', { incident: 'other', createdAtMs: 1_200 });
    const elsewhere = testDelivery(slot, 'elsewhere', { target: `b-${slot}`, createdAtMs: 1_100 });
    await commit({ deliveries: [alarm, recovery] });
    await commit({ deliveries: [other, elsewhere] });
    deepStrictEqual(await due(1_999), ['elsewhere', 'other'], 'a recovery never overtakes its alarm');
    deepStrictEqual(await dueDeliveries(2_000), [alarm, elsewhere, other]);
    deepStrictEqual(await due(2_000, 1), ['alarm', 'elsewhere'], 'one target does not keep another waiting');
    deepStrictEqual(await alarms.dueDeliveries([], 2_000, new Map([[`b-${slot}`, 100]])), []);
    deepStrictEqual(await alarms.dueDeliveries([slot], 2_000, new Map([[`b-${slot}`, 100]])), [elsewhere]);
    deepStrictEqual(await alarms.dueDeliveries([slot], 2_000, new Map()), []);
    deepStrictEqual(await alarms.deliveryBacklog([slot]), [
      { target: `b-${slot}`, waiting: 1, oldestMs: 1_100 },
      { target: `target-${slot}`, waiting: 3, oldestMs: 1_000 },
    ]);
    const later = { ...alarm, attempts: 3, nextAttemptMs: 5_000, lastError: "503: it's down" };
    strictEqual(await settle(['other', 'long gone'], [retry(later), { ...retry(later), id: 'gone' }]), 'committed');
    deepStrictEqual(await due(4_999), ['elsewhere']);
    deepStrictEqual(await dueDeliveries(5_000), [later, elsewhere]);
    await settle(['alarm']);
    deepStrictEqual(await due(5_000), ['elsewhere', 'recovery']);
  });

  test('alarms: what is repeated goes on until something newer of the incident was told', async () => {
    const { slot, commit, due, settle, alarms } = await opened();
    const [one, two, end] = ['one', 'two', 'end'].map((id) => testDelivery(slot, id));
    const repeated = (d: AlarmDelivery, nextAttemptMs: number) => retry({ ...d, delivered: true, nextAttemptMs });
    await commit({ deliveries: [one!] });
    await settle([], [repeated(one!, 3_000)]);
    deepStrictEqual([await due(2_999), await due(3_000)], [[], ['one']]);
    deepStrictEqual(await alarms.deliveryBacklog([slot]), []);
    await commit({ deliveries: [two!] });
    deepStrictEqual(await due(3_000), ['two'], 'what was not told yet comes first');
    await settle([], [retry({ ...two!, attempts: 1, nextAttemptMs: 3_500 })]);
    deepStrictEqual(await due(3_000), [], 'and keeps its place while it is tried again');
    await settle([], [repeated(two!, 4_000)]);
    deepStrictEqual(await due(9_000), ['two'], 'the older one is gone');
    await commit({ deliveries: [end!] });
    await settle(['end']);
    deepStrictEqual(await due(9_000), [], 'the end ends it');
  });

  test('alarms: records, transitions and deliveries expire; states stay', async () => {
    const { slot, fence, commit, due, alarms } = await opened();
    const at = (startTimeMs: number) => testAlarmRecord(slot, `at-${startTimeMs}-${slot}`, { startTimeMs });
    // before everything that the other cases store, so that nothing of theirs expires
    const [old, young] = [-200_000, -100_000];
    const states = [{ rule: 'cpm_rule', entityId: 'a', state: '1' }];
    const transitions = [fired(1, 'a', -3), fired(2, 'a', -2)];
    const deliveries = [old, young].map((ms) =>
      testDelivery(slot, `at${ms}`, { createdAtMs: ms, incident: `of${ms}` }),
    );
    const repeated = testDelivery(slot, 'repeated', { createdAtMs: old, incident: 'goes on', delivered: true });
    await commit({ states, transitions, records: [at(old), at(young)], deliveries: [...deliveries, repeated] });
    await alarms.dropExpired(-120_000);
    deepStrictEqual(await alarms.query({ ...everything, fromMs: old, toMs: young }), {
      records: [at(young)],
      total: 1,
    });
    deepStrictEqual(await due(9_000), ['repeated', `at${young}`]);
    const { judgedTo, judgedRevision } = testAlarmCommit(slot, fence);
    deepStrictEqual(await alarms.openSlot(slot), { judgedTo, judgedRevision, lastTransition: 2, states });
  });
}
