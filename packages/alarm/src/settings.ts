// SPDX-License-Identifier: Apache-2.0
// alarm-settings.yml: SkyWalking's keys, and `on-incomplete` and `on-no-data` of ours. In: the text, the environment, the stored metrics.
// Out: rules and hooks, or every problem at once with its path and place.
import type { MetricSchema } from '@oap-federation/model';
import { compileAlarmExpression, MqeError, UnknownMetric, type AlarmExpression } from '@oap-federation/mqe';
import {
  didYouMean,
  entriesOf,
  isNothing,
  parseTree,
  plain,
  plainTexts,
  reportUnknown,
  show,
  type Entry,
  type Environment,
  type Problem,
  type Report,
  type Tree,
} from '@oap-federation/runtime';
import type { AlarmTag } from '@oap-federation/storage';
import type { RE2JS } from 're2js';
import type { HookSettings } from './hook.js';
import { parseHooks } from './hooks/index.js';
import { compileNameRegex, nameFilter } from './name-filter.js';
import { fingerprintOf, type AlarmRule, type OnIncomplete } from './rule.js';

export interface AlarmSettings {
  readonly rules: readonly AlarmRule[];
  readonly hooks: readonly HookSettings[];
  /** Rules that were left out, because this tier has no such metric. */
  readonly leftOut: readonly string[];
}

export type LoadedAlarmSettings = { readonly settings: AlarmSettings } | { readonly problems: readonly Problem[] };

const RULE_KEYS = [
  'expression',
  'include-names',
  'exclude-names',
  'include-names-regex',
  'exclude-names-regex',
  'period',
  'silence-period',
  'recovery-observation-period',
  'message',
  'tags',
  'hooks',
  'on-incomplete',
  'on-no-data',
] as const;

type RuleKey = (typeof RULE_KEYS)[number];

/** Keys of SkyWalking before 9.6, and what took their place. */
const FORMER_KEYS: Readonly<Record<string, string>> = Object.fromEntries(
  ['metrics-name', 'op', 'threshold', 'count', 'only-as-condition', 'include-labels', 'exclude-labels'].map((key) => [
    key,
    'SkyWalking 9.6 replaced it with `expression`, as in sum(service_resp_time > 1000) >= 3',
  ]),
);

// A window is read again each minute, so a long one costs in proportion; a day is what SkyWalking's rows of minutes are good for.
const PERIOD_MAX = 1_440;
const HOLD_MAX_MS = 24 * 60 * 60_000;

/** What a tier has that rules may be about. */
export interface AlarmSubjects {
  readonly metrics: readonly MetricSchema[];
  /** Scopes whose rows are kept per origin. */
  readonly originScopes: readonly string[];
}

/**
 * `whatIsThere`: rules over metrics that this tier does not have are left out rather than problems, which is right for the shipped file.
 * Errors: none thrown; problems come back together, in the order of the file.
 */
export function loadAlarmSettings(
  text: string,
  env: Environment,
  subjects: AlarmSubjects,
  options: { readonly whatIsThere?: boolean } = {},
): LoadedAlarmSettings {
  const { tree, problems } = parseTree(text, env);
  const report: Report = (path, at, reason) => {
    problems.push({ path: path.join('.'), line: at.line, column: at.column, reason });
  };
  let settings: AlarmSettings = { rules: [], hooks: [], leftOut: [] };
  if (problems.length === 0) {
    const entries = entriesOf(tree, [], report);
    const composite = entries.get('composite-rules');
    if (composite && !isNothing(composite.value)) {
      report(
        ['composite-rules'],
        composite.at,
        'SkyWalking 10 has none: write && and || in the expression of one rule',
      );
    }
    reportUnknown(entries, ['rules', 'hooks', 'composite-rules'], 'section', [], report);
    const hooks = parseHooks(entries.get('hooks')?.value, report);
    const rules: AlarmRule[] = [];
    const leftOut: string[] = [];
    for (const [name, entry] of entriesOf(entries.get('rules')?.value, ['rules'], report)) {
      const onUnknownMetric = options.whatIsThere ? () => leftOut.push(name) : undefined;
      const rule = new RuleReader(name, entry, { subjects, hooks, report, onUnknownMetric }).read();
      if (rule) rules.push(rule);
    }
    settings = { rules, hooks, leftOut };
  }
  if (problems.length === 0) return { settings };
  return { problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

interface RuleContext {
  readonly subjects: AlarmSubjects;
  readonly hooks: readonly HookSettings[];
  readonly report: Report;
  /** Instead of a problem. */
  readonly onUnknownMetric: (() => void) | undefined;
}

/** Reads one entry of `rules`. */
class RuleReader {
  readonly #name: string;
  readonly #entry: Entry;
  readonly #context: RuleContext;
  readonly #entries: ReadonlyMap<string, Entry>;
  #isSound = true;

  constructor(name: string, entry: Entry, context: RuleContext) {
    this.#name = name;
    this.#entry = entry;
    this.#context = context;
    this.#entries = entriesOf(entry.value, ['rules', name], context.report);
  }

  read(): AlarmRule | undefined {
    const name = this.#name;
    if (!name.endsWith('_rule')) {
      this.#context.report(
        ['rules', name],
        this.#entry.at,
        `the name of a rule ends with _rule; SkyWalking ignores this one`,
      );
      this.#isSound = false;
    }
    this.#unknownKeys();
    const expression = this.#expression();
    const includeNames = this.#texts('include-names');
    const excludeNames = this.#texts('exclude-names');
    const includeRegex = this.#regex('include-names-regex');
    const excludeRegex = this.#regex('exclude-names-regex');
    const period = this.#integer('period', 1, [1, PERIOD_MAX]);
    const silencePeriod = this.#integer('silence-period', period, [0, PERIOD_MAX]);
    const recoveryObservationPeriod = this.#integer('recovery-observation-period', 0, [0, PERIOD_MAX]);
    const message = this.#text('message') ?? `Alarm caused by Rule ${name}`;
    const tags = this.#tags();
    const hooks = this.#hookIds();
    const onIncomplete = this.#onIncomplete();
    const onNoData = this.#choice('on-no-data', ['notify', 'recover', 'keep'] as const, 'notify');
    if (!this.#isSound || expression === undefined) return undefined;
    const settings = {
      expression: expression.text,
      'include-names': includeNames,
      'exclude-names': excludeNames,
      'include-names-regex': this.#text('include-names-regex'),
      'exclude-names-regex': this.#text('exclude-names-regex'),
      period,
      'silence-period': silencePeriod,
      'recovery-observation-period': recoveryObservationPeriod,
      message,
      tags,
      hooks,
      'on-incomplete': onIncomplete.kind === 'hold' ? `hold(${onIncomplete.maxMs / 1000}s)` : onIncomplete.kind,
      'on-no-data': onNoData,
    };
    return {
      name,
      expression,
      period,
      silencePeriod,
      recoveryObservationPeriod,
      onNoData,
      message,
      tags,
      hooks,
      onIncomplete,
      accepts: nameFilter({ includeNames, excludeNames, includeRegex, excludeRegex }),
      settings,
      fingerprint: fingerprintOf(settings),
    };
  }

  #unknownKeys(): void {
    const known = new Map(this.#entries);
    for (const [key, reason] of Object.entries(FORMER_KEYS)) {
      const entry = known.get(key);
      if (entry === undefined) continue;
      known.delete(key);
      this.#context.report(['rules', this.#name, key], entry.at, reason);
      this.#isSound = false;
    }
    reportUnknown(known, RULE_KEYS, 'key', ['rules', this.#name], this.#context.report);
  }

  /** The tree of a key that has a value. */
  #tree(key: RuleKey): Tree | undefined {
    const tree = this.#entries.get(key)?.value;
    return tree === undefined || isNothing(tree) ? undefined : tree;
  }

  #report(path: readonly string[], tree: Tree, reason: string): undefined {
    this.#context.report(['rules', this.#name, ...path], tree.at, reason);
    this.#isSound = false;
    return undefined;
  }

  #text(key: RuleKey): string | undefined {
    const tree = this.#tree(key);
    if (tree === undefined) return undefined;
    if (tree.kind === 'scalar') return tree.text;
    return this.#report([key], tree, `must be a text, got ${show(plain(tree))}`);
  }

  #integer(key: RuleKey, fallback: number, [min, max]: readonly [number, number]): number {
    const tree = this.#tree(key);
    if (tree === undefined) return fallback;
    const value = plain(tree);
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    this.#report([key], tree, `must be a whole number of minutes from ${min} to ${max}, got ${show(value)}`);
    return fallback;
  }

  #choice<const T extends string>(key: RuleKey, allowed: readonly T[], fallback: T): T {
    const text = this.#text(key);
    const chosen = text === undefined ? fallback : allowed.find((a) => a === text);
    if (chosen !== undefined) return chosen;
    this.#report(
      [key],
      this.#tree(key)!,
      `must be one of ${allowed.join(', ')}, got ${text}${didYouMean(text!, allowed)}`,
    );
    return fallback;
  }

  /** A list of texts; one text is a list of one. */
  #texts(key: RuleKey): readonly string[] {
    const tree = this.#tree(key);
    if (tree === undefined) return [];
    const value = plainTexts(tree);
    if (typeof value === 'string') return [value];
    if (Array.isArray(value) && value.every((v) => typeof v === 'string')) return value;
    this.#report([key], tree, `must be a list of texts, got ${show(plain(tree))}`);
    return [];
  }

  #expression(): AlarmExpression | undefined {
    const text = this.#text('expression');
    if (text === undefined) {
      if (this.#tree('expression') === undefined) this.#report([], this.#entry.value, 'needs an `expression`');
      return undefined;
    }
    try {
      const { metrics, originScopes } = this.#context.subjects;
      const expression = compileAlarmExpression(text.trim(), metrics);
      const byOrigin = expression.reads.find(({ origins }) => origins[0] !== '');
      if (byOrigin === undefined || originScopes.includes(expression.scope)) return expression;
      const kept = originScopes.length === 0 ? 'none' : originScopes.join(', ');
      const reason = `${byOrigin.text} never has data: rows per origin are kept of ${kept} (federation.default.receive.originScopes)`;
      return this.#report(['expression'], this.#tree('expression')!, reason);
    } catch (err) {
      if (!(err instanceof MqeError)) throw err;
      if (!(err instanceof UnknownMetric) || this.#context.onUnknownMetric === undefined)
        return this.#report(['expression'], this.#tree('expression')!, `${err.message}, got ${text.trim()}`);
      this.#context.onUnknownMetric();
      return undefined;
    }
  }

  #regex(key: 'include-names-regex' | 'exclude-names-regex'): RE2JS | undefined {
    const text = this.#text(key);
    if (text === undefined) return undefined;
    const regex = compileNameRegex(text);
    if (!('problem' in regex)) return regex;
    return this.#report([key], this.#tree(key)!, `is no pattern of RE2 (${regex.problem}), got ${text}`);
  }

  #tags(): readonly AlarmTag[] {
    const tree = this.#tree('tags');
    const tags: AlarmTag[] = [];
    for (const [key, { value }] of entriesOf(tree, ['rules', this.#name, 'tags'], this.#context.report)) {
      if (value.kind === 'scalar') tags.push({ key, value: value.text });
      else this.#report(['tags', key], value, `must be a text, got ${show(plain(value))}`);
    }
    return tags;
  }

  /** The hooks that are named, or those that are default. */
  #hookIds(): readonly string[] {
    if (this.#tree('hooks') === undefined)
      return this.#context.hooks.filter((hook) => hook.isDefault).map((hook) => hook.id);
    const known = this.#context.hooks.map((hook) => hook.id);
    const ids = this.#texts('hooks');
    for (const id of ids) {
      if (known.includes(id)) continue;
      this.#report(['hooks'], this.#tree('hooks')!, `no hook ${id} is set up under hooks${didYouMean(id, known)}`);
    }
    return [...new Set(ids)];
  }

  #onIncomplete(): OnIncomplete {
    const text = this.#text('on-incomplete')?.trim() ?? 'annotate';
    if (text === 'annotate' || text === 'evaluate') return { kind: text };
    const [, digits, unit] = /^hold\(\s*(\d{1,6})\s*(s|m|h)\s*\)$/.exec(text) ?? [];
    const maxMs = Number(digits) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
    if (maxMs > 0 && maxMs <= HOLD_MAX_MS) return { kind: 'hold', maxMs };
    const tree = this.#tree('on-incomplete')!;
    this.#report(
      ['on-incomplete'],
      tree,
      `must be annotate, evaluate or hold(<time>) of 1s to 24h, as in hold(10m), got ${text}`,
    );
    return { kind: 'annotate' };
  }
}
