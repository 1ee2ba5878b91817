// SPDX-License-Identifier: Apache-2.0
// Reading a tree of settings: what application.yml and alarm-settings.yml have in common. In: a Tree. Out: plain values, and problems
// with their paths and places.
import type { Entry, Position, Tree } from './tree.js';

/** Notes one thing that is wrong. */
export type Report = (path: readonly string[], at: Position, reason: string) => void;

/** The value as YAML reads it. */
export function plain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plain);
  return Object.fromEntries([...tree.entries].map(([name, { value }]) => [name, plain(value)]));
}

/** Like `plain`, but a scalar inside keeps the text that was written: a token `007` is not the number 7. */
export function plainTexts(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.text;
  if (tree.kind === 'list') return tree.items.map(plainTexts);
  return Object.fromEntries([...tree.entries].map(([name, { value }]) => [name, plainTexts(value)]));
}

/** The entries of a map; anything else but nothing is a problem. */
export function entriesOf(tree: Tree | undefined, path: readonly string[], report: Report): ReadonlyMap<string, Entry> {
  if (tree?.kind === 'map') return tree.entries;
  if (tree !== undefined && !isNothing(tree)) report(path, tree.at, `must be a map, got ${show(plain(tree))}`);
  return new Map();
}

/** `key:` without a value. */
export function isNothing(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null;
}

/** A value in a message. */
export function show(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

/** Every name that is not known is a problem, with the nearest known one. `what` is the noun for it. */
export function reportUnknown(
  entries: ReadonlyMap<string, Entry>,
  known: readonly string[],
  what: string,
  path: readonly string[],
  report: Report,
): void {
  for (const [name, { at }] of entries) {
    if (!known.includes(name)) report([...path, name], at, `unknown ${what}${didYouMean(name, known)}`);
  }
}

/** `, did you mean x?` for the nearest known name, or nothing when none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? '' : `, did you mean ${near.candidate}?`;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
