// SPDX-License-Identifier: Apache-2.0
// What one plain evaluation of the data says: every minute of every service, from the first that a rule judged to the last. It shares with
// the engine the expressions' meaning only, written out by hand, and SkyWalking's countdowns, written out again.
import { slotOf } from '@oap-federation/model';
import { ORIGINS, service, SLOTS, START, type World } from './world.js';

interface ReferenceRule {
  readonly period: number;
  readonly silence: number;
  readonly recovery: number;
  readonly onNoData: 'notify' | 'recover' | 'keep';
  /** Undefined: the window is empty. `at` gives the merged average or the value of an origin. */
  readonly matches: (
    at: (minute: number, origin?: string) => number | undefined,
    minutes: readonly number[],
  ) => boolean | undefined;
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const isThere = (value: number | undefined) => value !== undefined;

const RULES: Readonly<Record<string, ReferenceRule>> = {
  prompt_rule: {
    period: 3,
    silence: 2,
    recovery: 1,
    onNoData: 'notify',
    matches: (at, minutes) => {
      const values = minutes.map((m) => at(m)).filter(isThere);
      return values.length === 0 ? undefined : values.filter((v) => v > 1_000).length >= 2;
    },
  },
  hold_rule: {
    period: 2,
    silence: 0,
    recovery: 0,
    onNoData: 'recover',
    matches: (at, minutes) => {
      const values = minutes.map((m) => at(m)).filter(isThere);
      return values.length === 0 ? undefined : average(values) > 1_000;
    },
  },
  origin_rule: {
    period: 2,
    silence: 1,
    recovery: 0,
    onNoData: 'keep',
    matches: (at, minutes) => {
      const [c, n] = ORIGINS.map((origin) => minutes.map((m) => at(m, origin)).filter(isThere));
      if (c!.length === 0 && n!.length === 0) return undefined;
      return c!.length > 0 && n!.length > 0 && average(c!) - average(n!) > 500;
    },
  },
};

/** As World.standing. */
export async function expectedAlarms(world: World, names: readonly string[]): Promise<Record<string, string[]>> {
  const lists: Record<string, string[]> = {};
  for (const name of names) {
    const at = (minute: number, origin?: string) => {
      if (origin !== undefined) return world.data.get(`${minute} ${origin} ${name}`);
      const values = ORIGINS.map((o) => world.data.get(`${minute} ${o} ${name}`)).filter(isThere);
      return values.length === 0 ? undefined : Math.trunc(average(values));
    };
    const { states } = await world.store.alarms.openSlot(slotOf(service(name).id, SLOTS));
    for (const [ruleName, rule] of Object.entries(RULES)) {
      const cursor = states.find((s) => s.rule === ruleName && s.entityId === '');
      const { since, judgedTo } = JSON.parse(cursor!.state) as { since: number; judgedTo: number };
      const list = evaluate(rule, since, judgedTo, at);
      if (list.length > 0) lists[`${ruleName} ${name}`] = list;
    }
  }
  return lists;
}

function evaluate(
  { period, silence: P, recovery: R, onNoData, matches }: ReferenceRule,
  since: number,
  judgedTo: number,
  at: (minute: number, origin?: string) => number | undefined,
): string[] {
  const list: string[] = [];
  let isOpen = false;
  let silence = 0;
  let recovery = 0;
  for (let minute = since; minute <= judgedTo; minute++) {
    const window = Array.from({ length: period }, (_, i) => minute - period + 1 + i);
    const match = matches(at, window);
    if (match === true) {
      if (isOpen && --silence >= 0) {
        recovery = R;
        continue;
      }
      isOpen = true;
      silence = P;
      recovery = R;
      list.push(String(minute - START));
    } else if (isOpen && !(match === undefined && onNoData === 'keep')) {
      silence--;
      const isSilent = match === undefined && onNoData === 'notify';
      if (!isSilent) recovery--;
      if (silence < 0 && (isSilent || recovery < 0)) {
        list.push(`${list.pop()!}-${minute - START}:${isSilent ? 'noData' : 'recovered'}`);
        isOpen = false;
      }
    }
  }
  return list;
}
