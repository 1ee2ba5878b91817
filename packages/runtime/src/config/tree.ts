// SPDX-License-Identifier: Apache-2.0
// application.yml as a tree that remembers where each value stands. In: text and environment. Out: tree and problems.
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, type Node } from 'yaml';
import { substitute, type Environment } from './placeholders.js';

/** Line and column, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong. `path` is like `core.default.persistentPeriod`, empty when the file itself is broken. */
export interface Problem extends Position {
  readonly path: string;
  readonly reason: string;
}

/** `text` of a scalar is what the operator wrote or what the placeholder gave, before YAML made a number of it. */
export type Tree =
  | { readonly kind: 'scalar'; readonly at: Position; readonly value: unknown; readonly text: string }
  | { readonly kind: 'list'; readonly at: Position; readonly items: readonly Tree[]; readonly text?: string }
  | {
      readonly kind: 'map';
      readonly at: Position;
      readonly entries: ReadonlyMap<string, Entry>;
      readonly text?: string;
    };

/** One `key: value` pair; `at` is the place of the key. */
export interface Entry {
  readonly at: Position;
  readonly value: Tree;
}

const START: Position = { line: 1, column: 1 };

/** Parses, substitutes placeholders and parses what they gave as YAML again (so `${X:true}` is a boolean). */
export function parseTree(text: string, env: Environment): { readonly tree: Tree; readonly problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: Problem[] = document.errors.map((error) => ({
    path: '',
    ...position(lines, error.pos[0]),
    reason: error.message,
  }));
  const tree = fromNode(document.contents, START, {
    env,
    problems,
    at: (node) => position(lines, node.range?.[0] ?? 0),
  });
  return { tree, problems };
}

function position(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

interface Context {
  /** Absent inside a value that came out of a placeholder: it is not substituted again. */
  readonly env?: Environment;
  readonly problems: Problem[];
  readonly at: (node: Node) => Position;
}

function fromNode(node: unknown, fallback: Position, context: Context): Tree {
  if (isMap(node)) {
    const entries = new Map<string, Entry>();
    for (const { key, value } of node.items) {
      const at = isScalar(key) ? context.at(key) : fallback;
      entries.set(isScalar(key) ? String(key.value) : String(key), { at, value: fromNode(value, at, context) });
    }
    return { kind: 'map', at: context.at(node), entries };
  }
  if (isSeq(node)) {
    const at = context.at(node);
    return { kind: 'list', at, items: node.items.map((item) => fromNode(item, at, context)) };
  }
  if (isScalar(node)) {
    const at = context.at(node);
    const { value } = node;
    if (context.env === undefined || typeof value !== 'string' || !value.includes('${')) {
      return { kind: 'scalar', at, value, text: typeof value === 'string' ? value : (node.source ?? String(value)) };
    }
    return fromPlaceholder(substitute(value, context.env), at, context.problems);
  }
  if (isAlias(node)) {
    const at = context.at(node);
    context.problems.push({ path: '', ...at, reason: 'aliases are not supported, write the value out' });
    return nothing(at);
  }
  return nothing(fallback);
}

/** Reads `text` as YAML; where that is no YAML (`-`, a password with odd signs) it is a plain text. */
function fromPlaceholder(text: string, at: Position, problems: Problem[]): Tree {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) return { kind: 'scalar', at, value: text, text };
  const tree = fromNode(document.contents, at, { problems, at: () => at });
  if (tree.kind !== 'scalar') return { ...tree, text };
  const quoted = /^\s*["']/.test(text) && typeof tree.value === 'string';
  return { ...tree, text: quoted ? tree.text : text };
}

function nothing(at: Position): Tree {
  return { kind: 'scalar', at, value: null, text: '' };
}

/** The place of the value at `path`, or of the nearest thing above it that the file has. */
export function positionOf(tree: Tree, path: readonly (string | number)[]): Position {
  let at = tree.at;
  let here: Tree | undefined = tree;
  for (const step of path) {
    if (here?.kind === 'map') here = here.entries.get(String(step))?.value;
    else if (here?.kind === 'list') here = here.items[Number(step)];
    else here = undefined;
    if (here === undefined) return at;
    at = here.at;
  }
  return at;
}
