// SPDX-License-Identifier: Apache-2.0
// Binary operators: scalar with scalar, vector with scalar, vector with vector under its matching rule. Source: Prometheus 2.42.
import { isComparison, isSetOp, type BinaryExpr, type BinaryOp, type Matching, type SetOp } from './ast.js';
import { PromqlExecutionError } from './errors.js';
import { Labels, METRIC_NAME, withoutName } from './labels.js';
import { power } from './number.js';
import { put, VectorBuilder, type Budget, type Grid, type Vector, type VectorSeries } from './vector.js';

type Operator = Pick<BinaryExpr, 'op' | 'bool'>;

const DEFAULT_MATCHING: Matching = { on: false, labels: [], cardinality: 'one-to-one', include: [] };

/** A comparison is 1 or 0 here. */
export function applyScalar(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    case '^':
      return power(a, b);
    case 'atan2':
      return Math.atan2(a, b);
    case '==':
      return a === b ? 1 : 0;
    case '!=':
      return a !== b ? 1 : 0;
    case '>':
      return a > b ? 1 : 0;
    case '<':
      return a < b ? 1 : 0;
    case '>=':
      return a >= b ? 1 : 0;
    case '<=':
      return a <= b ? 1 : 0;
    case 'and':
    case 'or':
    case 'unless':
      throw new Error(`BUG: ${op} of scalars`);
  }
}

/** Vector with scalar; `scalarFirst` says which side was which. A comparison without `bool` keeps samples and their names. */
export function vectorScalar(
  { op, bool }: Operator,
  vector: Vector,
  scalar: Float64Array,
  scalarFirst: boolean,
  grid: Grid,
  budget: Budget,
): Vector {
  const filters = isComparison(op) && !bool;
  const out = new VectorBuilder(grid.count, budget);
  for (const { labels, values, present } of vector) {
    const target = out.series(filters ? labels : withoutName(labels));
    for (let i = 0; i < grid.count; i++) {
      if (present[i] !== 1) continue;
      const value = values[i]!;
      const result = scalarFirst ? applyScalar(op, scalar[i]!, value) : applyScalar(op, value, scalar[i]!);
      if (!filters) put(target, i, result);
      else if (result === 1) put(target, i, value);
    }
  }
  return out.build();
}

/** Vector with vector. Errors: PromqlExecutionError when the sides do not match as the rule wants. */
export function vectorVector(
  binary: Pick<BinaryExpr, 'op' | 'bool' | 'matching'>,
  left: Vector,
  right: Vector,
  grid: Grid,
  budget: Budget,
): Vector {
  const matching = binary.matching ?? DEFAULT_MATCHING;
  const sides = matchGroups(matching, left, right);
  if (isSetOp(binary.op)) return setOperation(binary.op, sides, grid, budget);
  return matchSides(binary, matching, sides, grid, budget);
}

/** Both sides, and the number of the match group of each series: series that meet have one number, below `groups`. */
interface Sides {
  readonly left: Vector;
  readonly right: Vector;
  readonly leftGroups: readonly number[];
  readonly rightGroups: readonly number[];
  readonly groups: number;
}

function matchGroups(matching: Matching, left: Vector, right: Vector): Sides {
  const numbers = new Map<string, number>();
  const groupOf = ({ labels }: VectorSeries) => {
    const { key } = matchLabels(matching, labels);
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = numbers.size));
    return number;
  };
  const [leftGroups, rightGroups] = [left.map(groupOf), right.map(groupOf)];
  return { left, right, leftGroups, rightGroups, groups: numbers.size };
}

/** The labels that must be equal for two series to meet. */
function matchLabels({ on, labels }: Matching, of: Labels): Labels {
  return on ? of.only(new Set(labels)) : of.without(new Set([...labels, METRIC_NAME]));
}

function setOperation(
  op: SetOp,
  { left, right, leftGroups, rightGroups, groups }: Sides,
  { count }: Grid,
  budget: Budget,
): Vector {
  const out = new VectorBuilder(count, budget);
  const seen = new Uint8Array(groups);
  for (let step = 0; step < count; step++) {
    const [reference, referenceGroups] = op === 'or' ? [left, leftGroups] : [right, rightGroups];
    seen.fill(0);
    reference.forEach(({ present }, i) => {
      if (present[step] === 1) seen[referenceGroups[i]!] = 1;
    });
    left.forEach(({ labels, values, present }, i) => {
      const kept = op === 'or' || (seen[leftGroups[i]!] === 1) === (op === 'and');
      if (present[step] === 1 && kept) put(out.series(labels), step, values[step]!);
    });
    if (op !== 'or') continue;
    right.forEach(({ labels, values, present }, i) => {
      if (present[step] === 1 && seen[rightGroups[i]!] === 0) put(out.series(labels), step, values[step]!);
    });
  }
  return out.build();
}

/** Steps through the "many" side (the left one of one-to-one) and looks up the "one" side. */
function matchSides(
  { op, bool }: Operator,
  matching: Matching,
  { left, right, leftGroups, rightGroups, groups }: Sides,
  { count }: Grid,
  budget: Budget,
): Vector {
  const swapped = matching.cardinality === 'one-to-many';
  const oneToOne = matching.cardinality === 'one-to-one';
  const [many, one, manyGroups, oneGroups] = swapped
    ? [right, left, rightGroups, leftGroups]
    : [left, right, leftGroups, rightGroups];
  const oneOf = new Int32Array(groups);
  const matched = new Uint8Array(groups);
  const out = new VectorBuilder(count, budget);
  const results = new Map<number, VectorSeries>();
  const resultOf = (m: number, o: number): VectorSeries => {
    const pair = m * one.length + o;
    let series = results.get(pair);
    if (series === undefined) {
      series = out.series(resultLabels(many[m]!.labels, one[o]!.labels, { op, bool }, matching));
      results.set(pair, series);
    }
    return series;
  };
  const filters = isComparison(op) && !bool;
  for (let step = 0; step < count; step++) {
    if (!many.some((s) => s.present[step] === 1) || !one.some((s) => s.present[step] === 1)) continue;
    budget.take(0);
    oneOf.fill(-1);
    matched.fill(0);
    for (let o = 0; o < one.length; o++) {
      if (one[o]!.present[step] !== 1) continue;
      const group = oneGroups[o]!;
      if (oneOf[group] !== -1) throw duplicate(matching, one[oneOf[group]!]!.labels, one[o]!.labels, swapped);
      oneOf[group] = o;
    }
    for (let m = 0; m < many.length; m++) {
      const group = manyGroups[m]!;
      const o = oneOf[group]!;
      if (many[m]!.present[step] !== 1 || o === -1) continue;
      const [a, b] = [many[m]!.values[step]!, one[o]!.values[step]!];
      const [l, r] = swapped ? [b, a] : [a, b];
      const result = applyScalar(op, l, r);
      if (filters && result !== 1) continue;
      if (oneToOne && matched[group] === 1) {
        throw new PromqlExecutionError(
          'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)',
        );
      }
      const target = resultOf(m, o);
      if (!oneToOne && target.present[step] === 1) {
        throw new PromqlExecutionError('multiple matches for labels: grouping labels must ensure unique matches');
      }
      matched[group] = 1;
      put(target, step, filters ? l : result);
    }
  }
  return out.build();
}

function duplicate(matching: Matching, first: Labels, second: Labels, swapped: boolean): PromqlExecutionError {
  return new PromqlExecutionError(
    `found duplicate series for the match group ${String(matchLabels(matching, first))} on the ${swapped ? 'left' : 'right'} hand-side of the operation: ` +
      `[${String(second)}, ${String(first)}];many-to-many matching not allowed: matching labels must be unique on one side`,
  );
}

function resultLabels(many: Labels, one: Labels, { op, bool }: Operator, matching: Matching): Labels {
  const { on, labels, cardinality, include } = matching;
  let result = !isComparison(op) || bool ? withoutName(many) : many;
  if (cardinality === 'one-to-one') {
    const names = new Set(labels);
    result = on ? result.only(names) : result.without(names);
  }
  return include.length === 0 ? result : Labels.of([...result.pairs, ...include.map((n) => [n, one.get(n)] as const)]);
}
