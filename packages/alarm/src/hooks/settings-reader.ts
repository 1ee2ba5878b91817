// SPDX-License-Identifier: Apache-2.0
// Reads the map of one hook, key by key. In: its tree. Out: typed values; everything wrong goes to `report` with its path. Values that
// hold secrets (addresses with tokens, keys) are never part of a reason.
import {
  entriesOf,
  isNothing,
  plainTexts,
  reportUnknown,
  show,
  type Entry,
  type Report,
  type Tree,
} from '@oap-federation/runtime';

export class SettingsReader {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #path: readonly string[];
  readonly #tree: Tree;
  readonly #report: Report;
  readonly #known: string[] = [];
  readonly #nested: SettingsReader[] = [];

  constructor(tree: Tree, path: readonly string[], report: Report) {
    this.#tree = tree;
    this.#path = path;
    this.#report = report;
    this.#entries = entriesOf(tree, path, report);
  }

  #valueOf(name: string): Tree | undefined {
    this.#known.push(name);
    const value = this.#entries.get(name)?.value;
    return value === undefined || isNothing(value) ? undefined : value;
  }

  problem(name: string, reason: string): void {
    this.#report([...this.#path, name], this.#entries.get(name)?.value.at ?? this.#tree.at, reason);
  }

  flag(name: string): boolean {
    const tree = this.#valueOf(name);
    if (tree === undefined) return false;
    if (tree.kind === 'scalar' && typeof tree.value === 'boolean') return tree.value;
    this.problem(name, `must be true or false, got ${show(plainTexts(tree))}`);
    return false;
  }

  /** As it was written; '' counts as absent. */
  text(name: string): string | undefined {
    const tree = this.#valueOf(name);
    if (tree === undefined || (tree.kind === 'scalar' && tree.text === '')) return undefined;
    if (tree.kind === 'scalar') return tree.text;
    this.problem(name, `must be a text, got a ${tree.kind}`);
    return '';
  }

  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) this.problem(name, 'must be set');
    return text ?? '';
  }

  integer(name: string, [least, most]: readonly [number, number]): number {
    const text = this.required(name);
    const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
    if (text !== '' && !(value >= least && value <= most))
      this.problem(name, `must be an integer ${least}..${most}, got ${text}`);
    return value;
  }

  /** One text, or a list of texts. */
  texts(name: string): readonly string[] {
    const tree = this.#valueOf(name);
    if (tree === undefined) return [];
    const items = tree.kind === 'list' ? tree.items : [tree];
    if (items.every((item) => item.kind === 'scalar')) return items.map((item) => item.text);
    this.problem(name, 'must be a list of texts');
    return [];
  }

  /** An http or https address. Its path and query may be secrets: reasons name the host at most. */
  url(name: string): string {
    const text = this.required(name);
    if (text !== '') this.#checkUrl(name, text);
    return text;
  }

  urls(name: string): readonly string[] {
    const urls = this.texts(name);
    for (const url of urls) this.#checkUrl(name, url);
    return urls;
  }

  #checkUrl(name: string, text: string): void {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) this.problem(name, 'must be an http or https address');
    else if (url.protocol !== 'http:' && url.protocol !== 'https:')
      this.problem(name, `must be an http or https address, got ${url.protocol}//${url.host}`);
  }

  map(name: string): ReadonlyMap<string, string> {
    const tree = this.#valueOf(name);
    if (tree === undefined) return new Map();
    const path = [...this.#path, name];
    const texts = new Map<string, string>();
    for (const [key, { at, value }] of entriesOf(tree, path, this.#report)) {
      if (value.kind === 'scalar') texts.set(key, value.text);
      else this.#report([...path, key], at, `must be a text, got a ${value.kind}`);
    }
    return texts;
  }

  /** Maps in a list, at least one. */
  readers(name: string): readonly SettingsReader[] {
    const tree = this.#valueOf(name);
    if (tree?.kind !== 'list' || tree.items.length === 0) {
      this.problem(name, 'must be a list with at least one entry');
      return [];
    }
    const readers = tree.items.map(
      (item, i) => new SettingsReader(item, [...this.#path, name, String(i)], this.#report),
    );
    this.#nested.push(...readers);
    return readers;
  }

  /** Reports keys that nobody asked for. */
  end(): void {
    reportUnknown(this.#entries, this.#known, 'key', this.#path, this.#report);
    for (const reader of this.#nested) reader.end();
  }
}
