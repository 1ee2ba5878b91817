// SPDX-License-Identifier: Apache-2.0
// A set of labels: immutable, sorted by name, without empty values (an empty value and an absent label are one in Prometheus).

export const METRIC_NAME = '__name__';
export const BUCKET_LABEL = 'le';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function isLabelName(name: string): boolean {
  return LABEL_NAME.test(name);
}

type Pair = readonly [name: string, value: string];

export class Labels {
  static readonly EMPTY = new Labels([]);

  /** Sorted by name, each name once, no empty value. */
  readonly pairs: readonly Pair[];
  #key: string | undefined;

  private constructor(pairs: readonly Pair[]) {
    this.pairs = pairs;
  }

  /** Pairs in any order; of one name the last counts. */
  static of(pairs: Iterable<Pair>): Labels {
    const byName = new Map(pairs);
    const kept = [...byName].filter(([, value]) => value !== '');
    kept.sort(([a], [b]) => compareText(a, b));
    return kept.length === 0 ? Labels.EMPTY : new Labels(kept);
  }

  /** Equal for equal sets, and for no others. */
  get key(): string {
    return (this.#key ??= JSON.stringify(this.pairs));
  }

  /** '' when absent. */
  get(name: string): string {
    for (const [n, value] of this.pairs) if (n === name) return value;
    return '';
  }

  without(names: ReadonlySet<string>): Labels {
    const kept = this.pairs.filter(([name]) => !names.has(name));
    return kept.length === this.pairs.length ? this : kept.length === 0 ? Labels.EMPTY : new Labels(kept);
  }

  only(names: ReadonlySet<string>): Labels {
    const kept = this.pairs.filter(([name]) => names.has(name));
    return kept.length === this.pairs.length ? this : kept.length === 0 ? Labels.EMPTY : new Labels(kept);
  }

  /** `''` as a value removes the label. */
  with(name: string, value: string): Labels {
    return Labels.of([...this.pairs, [name, value]]);
  }

  /** `name{a="b"}`, as messages show it. */
  toString(): string {
    const rest = this.pairs.filter(([name]) => name !== METRIC_NAME).map(([name, value]) => `${name}=${quote(value)}`);
    return `${this.get(METRIC_NAME)}{${rest.join(', ')}}`;
  }
}

const NAME_ONLY: ReadonlySet<string> = new Set([METRIC_NAME]);

/** What the result of a calculation is called: it is not the metric any more. */
export function withoutName(labels: Labels): Labels {
  return labels.without(NAME_ONLY);
}

/** By name, then value, pair by pair: the order in which range results are given. */
export function compareLabels(a: Labels, b: Labels): number {
  const shared = Math.min(a.pairs.length, b.pairs.length);
  for (let i = 0; i < shared; i++) {
    const order = compareText(a.pairs[i]![0], b.pairs[i]![0]) || compareText(a.pairs[i]![1], b.pairs[i]![1]);
    if (order !== 0) return order;
  }
  return a.pairs.length - b.pairs.length;
}

/** By UTF-16 unit. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A double-quoted string literal. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
