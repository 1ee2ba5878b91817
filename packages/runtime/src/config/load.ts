// SPDX-License-Identifier: Apache-2.0
// application.yml -> OapConfig. In: the text, the environment. Out: a frozen config, or every problem at once with its place.
import type { z } from 'zod';
import { dumpSettings, type SettingsDump } from './dump.js';
import type { Group, Key, Module, Named } from './keys.js';
import { toOapConfig, type OapConfig } from './oap-config.js';
import type { Environment } from './placeholders.js';
import { brokenRules } from './rules.js';
import { MODULES, type FileSettings } from './schema.js';
import { didYouMean, entriesOf, isNothing, plain, plainTexts, reportUnknown, show, type Report } from './read-tree.js';
import { parseTree, positionOf, type Entry, type Position, type Problem, type Tree } from './tree.js';

/** A problem together with the name of the file it is in. */
export interface ConfigProblem extends Problem {
  readonly file: string;
}

/** `settings` are the same as the file names them, for people: secrets masked. */
export type LoadedConfig =
  | { readonly config: OapConfig; readonly settings: SettingsDump }
  | { readonly problems: readonly ConfigProblem[] };

/**
 * Reads the text of application.yml. Values that are left out take their defaults; placeholders take `env`;
 * `fileName` only stands in the problems.
 *
 * Errors: never throws; all problems come back together, in the order of the file. Unknown names are problems.
 */
export function loadConfig(text: string, env: Environment, fileName: string): LoadedConfig {
  const { tree, problems } = parseTree(text, env);
  const failed = () => ({
    problems: problems
      .sort((a, b) => a.line - b.line || a.column - b.column)
      .map((problem) => ({ file: fileName, ...problem })),
  });
  if (problems.length > 0) return failed();
  const settings: Record<string, unknown> = {};
  const report = (path: readonly string[], at: Position, reason: string) => {
    problems.push({ path: path.join('.'), line: at.line, column: at.column, reason });
  };
  const entries = entriesOf(tree, [], report);
  reportUnknown(entries, Object.keys(MODULES), 'module', [], report);
  for (const [name, definition] of Object.entries<Module>(MODULES)) {
    settings[name] = readModule([name], definition, entries.get(name)?.value, report);
  }
  // Rules look at complete, valid settings only: a second message about a value that is wrong anyway would mislead.
  if (problems.length === 0) {
    for (const { path, reason } of brokenRules(settings as FileSettings)) report(path, positionOf(tree, path), reason);
  }
  if (problems.length > 0) return failed();
  return { config: toOapConfig(settings as FileSettings), settings: dumpSettings(settings as FileSettings) };
}

/** `application.yml:12:7 core.default.persistentPeriod - must be >= 1, got 0` */
export function formatProblem({ file, path, line, column, reason }: ConfigProblem): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path} - `}${reason}`;
}

/** The environment of this process. The one place that reads it for the configuration. */
export function processEnvironment(): Environment {
  return process.env;
}

function readModule(path: readonly string[], definition: Module, tree: Tree | undefined, report: Report): object {
  const entries = entriesOf(tree, path, report);
  const names = Object.keys(definition.providers);
  reportUnknown(entries, ['selector', ...names], 'provider', path, report);
  const providers: Record<string, unknown> = {};
  for (const [name, group] of Object.entries(definition.providers)) {
    providers[name] = readGroup([...path, name], group, entries.get(name)?.value, report);
  }
  return { selector: readSelector([...path, 'selector'], definition, entries.get('selector'), report), providers };
}

function readSelector(path: readonly string[], definition: Module, entry: Entry | undefined, report: Report): string {
  if (entry === undefined) return definition.selector;
  const { value: tree } = entry;
  const selector = isNothing(tree) ? '-' : (tree.text ?? '').trim() || '-';
  const names = Object.keys(definition.providers);
  if (selector === '-') {
    if (!definition.optional)
      report(path, tree.at, `must be one of ${names.join(', ')}: this module cannot be left out`);
    return selector;
  }
  if (!names.includes(selector)) {
    const others = definition.optional ? [...names, '-'] : names;
    report(path, tree.at, `must be one of ${others.join(', ')}, got ${selector}${didYouMean(selector, names)}`);
  }
  return selector;
}

function readGroup(path: readonly string[], { keys }: Group, tree: Tree | undefined, report: Report): object {
  const entries = entriesOf(tree, path, report);
  reportUnknown(entries, Object.keys(keys), 'key', path, report);
  const values: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(keys)) {
    const value = entries.get(name)?.value;
    const here = [...path, name];
    if (member.kind === 'group') values[name] = readGroup(here, member, value, report);
    else if (member.kind === 'named') values[name] = readNamed(here, member, value, report);
    else
      values[name] = value === undefined || isNothing(value) ? member.fallback : readKey(here, member, value, report);
  }
  return values;
}

function readNamed(path: readonly string[], { of, check }: Named, tree: Tree | undefined, report: Report): object {
  const groups: [string, object][] = [];
  for (const [name, { at, value }] of entriesOf(tree, path, report)) {
    const here = [...path, name];
    const reason = check(name);
    if (reason !== undefined) report(here, at, `${reason}, got ${name}`);
    groups.push([name, readGroup(here, of, value, report)]);
  }
  return Object.fromEntries(groups);
}

function readKey(path: readonly string[], key: Key<unknown>, tree: Tree, report: Report): unknown {
  const value = readingOf(key, tree);
  const result = key.schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const inner = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    const wrong = inner.reduce<unknown>((at, step) => (at as Record<string | number, unknown>)[step], value);
    const got = key.secret ? '***' : show(wrong);
    report([...path, ...inner.map(String)], positionOf(tree, inner), `${reasonOf(issue, key)}, got ${got}`);
  }
  return key.fallback;
}

function readingOf({ reading }: Key<unknown>, tree: Tree): unknown {
  if (reading === 'text') return tree.text ?? plain(tree);
  if (reading === 'texts') return plainTexts(tree);
  if (reading === 'list' && tree.kind === 'scalar') {
    return tree.text.trim() === '' ? [] : tree.text.split(',').map((item) => item.trim());
  }
  return reading === 'list' ? plainTexts(tree) : plain(tree);
}

function reasonOf(issue: z.core.$ZodIssue, { allowed }: Key<unknown>): string {
  if (issue.code === 'too_small') return `must be >= ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be <= ${issue.maximum}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'custom') return issue.message;
  return `must be ${/^[aeiou]/.test(allowed) ? 'an' : 'a'} ${allowed}`;
}

const SECRETS = new Set(['authentication', 'password', 'token', 'tokens']);

/** The config for people and logs: the same shape, every secret that is set shown as `***`. */
export function describeConfig(config: OapConfig): unknown {
  return JSON.parse(JSON.stringify(config, (name, value: unknown) => (SECRETS.has(name) ? masked(value) : value)));
}

/** Secrets by name are each masked; a group by name is gone into, and has its secrets masked there. */
function masked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value === '' ? '' : '***';
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, typeof each === 'object' && each !== null ? each : '***']),
  );
}
