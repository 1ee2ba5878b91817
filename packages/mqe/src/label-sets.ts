// SPDX-License-Identifier: Apache-2.0
// What functions do to whole label sets: join two sides, rename, collapse, sort, merge lists. Nothing here reads data.
import type { AggregateName, BinaryOp, LabelAggregateName, LabelArg, Order } from './ast.js';
import { keepsRight } from './check.js';
import type { Shape, Value } from './plan.js';
import { aggregate, applyOperator, compareValues } from './values.js';

export interface Label {
  readonly key: string;
  readonly value: string;
}

/** One label set; `entityIds` runs beside `values` in a sorted list and is absent otherwise. Labels are sorted by key. */
export interface LabelSet {
  readonly labels: readonly Label[];
  readonly values: readonly Value[];
  readonly entityIds?: readonly string[];
}

interface Side {
  readonly shape: Shape;
  readonly sets: readonly LabelSet[];
}

export function mapValues(sets: readonly LabelSet[], apply: (value: Value) => Value): readonly LabelSet[] {
  return sets.map((set) => ({ ...set, values: set.values.map((v) => apply(v)) }));
}

/** Point by point; a single value goes with every point of the other side. */
export function combine(op: BinaryOp, left: Side, right: Side): readonly LabelSet[] {
  const leftIsOne = left.shape === 'single';
  const rightIsOne = right.shape === 'single';
  const keepRight = keepsRight(left, right);
  const matched = keepRight ? match(right.sets, left.sets) : match(left.sets, right.sets);
  return matched.map(({ kept, other }): LabelSet => {
    const [a, b] = keepRight ? [other, kept] : [kept, other];
    const values = kept.values.map((_, i) =>
      applyOperator(op, a?.values[leftIsOne ? 0 : i] ?? null, b?.values[rightIsOne ? 0 : i] ?? null),
    );
    const labels = kept.labels.length > 0 ? kept.labels : (other?.labels ?? []);
    return { labels, values, ...(kept.entityIds === undefined ? {} : { entityIds: kept.entityIds }) };
  });
}

/** Sets that belong together: one unlabelled set goes with each of the other side, others with the equal set or with nothing. */
function match(
  kept: readonly LabelSet[],
  others: readonly LabelSet[],
): readonly { readonly kept: LabelSet; readonly other: LabelSet | undefined }[] {
  if (kept.length === 0 || others.length === 0) return [];
  if (others.length === 1 && others[0]!.labels.length === 0) return kept.map((k) => ({ kept: k, other: others[0] }));
  if (kept.length === 1 && kept[0]!.labels.length === 0) return others.map((other) => ({ kept: kept[0]!, other }));
  const byLabels = new Map(others.map((set) => [labelKey(set.labels), set]));
  return kept.map((k) => ({ kept: k, other: byLabels.get(labelKey(k.labels)) }));
}

function labelKey(labels: readonly Label[]): string {
  return JSON.stringify(labels.map(({ key, value }) => [key, value]));
}

/** Renames a label and the values that are listed; a set whose value is not listed keeps its label. */
export function relabel(sets: readonly LabelSet[], from: LabelArg, to: LabelArg): readonly LabelSet[] {
  return sets.map((set) => {
    const labels = set.labels.map((label) => {
      const at = label.key === from.label ? from.values.indexOf(label.value) : -1;
      return at < 0 ? label : { key: to.label, value: to.values[at]! };
    });
    labels.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    return { ...set, labels };
  });
}

/** One set per combination of the labels in `keep`, in the order in which they are first met; absent points are left out of each fold. */
export function aggregateLabels(
  sets: readonly LabelSet[],
  name: LabelAggregateName,
  keep: readonly string[],
): readonly LabelSet[] {
  const groups = new Map<string, { readonly labels: readonly Label[]; readonly members: LabelSet[] }>();
  for (const set of sets) {
    const labels = set.labels.filter(({ key }) => keep.includes(key));
    const key = labelKey(labels);
    const group = groups.get(key);
    if (group) group.members.push(set);
    else groups.set(key, { labels, members: [set] });
  }
  return [...groups.values()].map(({ labels, members }) => ({
    labels,
    values: members[0]!.values.map((_, i) =>
      aggregate(
        name,
        members.map((set) => set.values[i]!),
      ),
    ),
  }));
}

/** The first `n` sets by the fold of their values; sets without data come last, in both orders. */
export function sortByValues(
  sets: readonly LabelSet[],
  n: number,
  order: Order,
  by: AggregateName,
): readonly LabelSet[] {
  const sign = order === 'asc' ? 1 : -1;
  const folded = sets.map((set) => ({ set, value: aggregate(by, set.values) }));
  folded.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    return sign * compareValues(a.value, b.value);
  });
  return folded.slice(0, n).map(({ set }) => set);
}

/** By the values of the labels named, the first one first. Values that are numbers sort as numbers, and before texts. */
export function sortByLabels(sets: readonly LabelSet[], order: Order, keys: readonly string[]): readonly LabelSet[] {
  const sign = order === 'asc' ? 1 : -1;
  const valueOf = ({ labels }: LabelSet, key: string) => labels.find((l) => l.key === key)?.value ?? '';
  return sets.toSorted((a, b) => {
    for (const key of keys) {
      const difference = compareLabelValues(valueOf(a, key), valueOf(b, key));
      if (difference !== 0) return sign * difference;
    }
    return 0;
  });
}

const NUMBER = /^\d+(\.\d+)?$/;

function compareLabelValues(a: string, b: string): number {
  const numeric = Number(NUMBER.test(b)) - Number(NUMBER.test(a));
  if (numeric !== 0) return numeric;
  if (NUMBER.test(a) && Number(a) !== Number(b)) return Number(a) - Number(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A list of top_n_of's arguments; `metric` tells apart what one entity is listed for. */
export interface TopList {
  readonly metric: string;
  readonly sets: readonly LabelSet[];
}

/** The first `n` entities of all lists, per label set. An entity that two lists hold for one metric is listed once. */
export function mergeTopLists(lists: readonly TopList[], n: number, order: Order): readonly LabelSet[] {
  const sign = order === 'asc' ? 1 : -1;
  const merged = new Map<string, { labels: readonly Label[]; entries: Map<string, { id: string; value: Value }> }>();
  for (const { metric, sets } of lists) {
    for (const { labels, values, entityIds } of sets) {
      const key = labelKey(labels);
      let set = merged.get(key);
      if (set === undefined) merged.set(key, (set = { labels, entries: new Map() }));
      for (const [i, value] of values.entries()) {
        const id = entityIds![i]!;
        set.entries.set(`${metric} ${id}`, { id, value });
      }
    }
  }
  return [...merged.values()].map(({ labels, entries }) => {
    const top = [...entries.values()]
      .sort((a, b) => sign * compareValues(a.value!, b.value!) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
      .slice(0, n);
    return { labels, values: top.map((e) => e.value), entityIds: top.map((e) => e.id) };
  });
}
