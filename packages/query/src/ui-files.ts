// SPDX-License-Identifier: Apache-2.0
// The menu and the dashboards that a release ships for SkyWalking's UI. In: the text of menu.yaml, and of one JSON file per dashboard.
// Out: what GraphQL serves, or every problem with its place. A dashboard that a user saves goes through the same check.
import { entriesOf, parseTree, reportUnknown, type Entry, type Report, type Tree } from '@oap-federation/runtime';

/** An entry of the UI's menu. One with `layer` is active when the tier has services of that layer, a group when one of its own is. */
export interface MenuItem {
  readonly title: string;
  readonly icon: string;
  readonly layer: string;
  readonly description: string;
  readonly documentLink: string;
  readonly i18nKey: string;
  readonly items: readonly MenuItem[];
}

/** A dashboard as it is stored: JSON text of an object. */
export interface Dashboard {
  readonly id: string;
  readonly configuration: string;
}

const TEXTS = ['title', 'icon', 'layer', 'description', 'documentLink', 'i18nKey'] as const;

/** Reads menu.yaml. Errors: none thrown; problems read `12:5 menus.0.title - must be a text`. */
export function parseMenu(text: string): { readonly menu: readonly MenuItem[]; readonly problems: readonly string[] } {
  const { tree, problems } = parseTree(text, {});
  const report: Report = (path, at, reason) => {
    problems.push({ path: path.join('.'), line: at.line, column: at.column, reason });
  };
  const root = entriesOf(tree, [], report);
  reportUnknown(root, ['menus'], 'key', [], report);
  const menu = readItems(root.get('menus'), ['menus'], report);
  return { menu, problems: problems.map((p) => `${p.line}:${p.column} ${p.path} - ${p.reason}`) };
}

function readItems(entry: Entry | undefined, path: readonly string[], report: Report): readonly MenuItem[] {
  if (entry === undefined) return [];
  if (entry.value.kind === 'list') {
    return entry.value.items.map((item, i) => readItem(item, [...path, String(i)], report));
  }
  report(path, entry.at, 'must be a list of menu items');
  return [];
}

function readItem(tree: Tree, path: readonly string[], report: Report): MenuItem {
  const entries = entriesOf(tree, path, report);
  reportUnknown(entries, [...TEXTS, 'menus'], 'key', path, report);
  const text = (key: (typeof TEXTS)[number]): string => {
    const value = entries.get(key)?.value;
    if (value === undefined) return '';
    if (value.kind === 'scalar' && typeof value.value === 'string') return value.value;
    report([...path, key], value.at, 'must be a text');
    return '';
  };
  const item = Object.fromEntries(TEXTS.map((key) => [key, text(key)])) as Record<(typeof TEXTS)[number], string>;
  const items = readItems(entries.get('menus'), [...path, 'menus'], report);
  if (item.title === '') report([...path, 'title'], tree.at, 'must be set');
  if (item.layer === '' && items.length === 0) report(path, tree.at, 'must have a layer, or menus of its own');
  return { ...item, items };
}

/** What a dashboard may be about: SkyWalking's scopes. */
const ENTITIES: ReadonlySet<unknown> = new Set([
  'All',
  'Service',
  'ServiceInstance',
  'Endpoint',
  'Process',
  'ServiceRelation',
  'ServiceInstanceRelation',
  'EndpointRelation',
  'ProcessRelation',
]);
/** The largest of SkyWalking's own has 120 kB. */
const CONFIGURATION_CHARS_MAX = 256 * 1024;

/** Why this is no dashboard that the UI can show; undefined when it is one. */
export function dashboardProblem(configuration: string): string | undefined {
  if (configuration.length > CONFIGURATION_CHARS_MAX) {
    return `configuration has ${configuration.length} characters, at most ${CONFIGURATION_CHARS_MAX} are kept`;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(configuration);
  } catch {
    return 'configuration is no JSON';
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'configuration is no JSON object';
  const { name, layer, entity, children } = parsed as Readonly<Record<string, unknown>>;
  for (const [key, value] of Object.entries({ name, layer })) {
    if (typeof value !== 'string' || value === '') return `configuration.${key} must be a text, got ${shown(value)}`;
  }
  if (!ENTITIES.has(entity))
    return `configuration.entity must be one of ${[...ENTITIES].join(', ')}, got ${shown(entity)}`;
  if (!Array.isArray(children)) return `configuration.children must be a list of widgets, got ${shown(children)}`;
  return undefined;
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}

/** Reads a shipped file, `{"id": ..., "configuration": {...}}`. Errors: none thrown. */
export function parseDashboard(text: string): { readonly dashboard: Dashboard } | { readonly problem: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const { id, configuration: written } = (parsed ?? {}) as { id?: unknown; configuration?: unknown };
  if (typeof id !== 'string' || id === '') return { problem: `id must be a text, got ${shown(id)}` };
  const configuration = JSON.stringify(written ?? null);
  const problem = dashboardProblem(configuration);
  return problem === undefined ? { dashboard: { id, configuration } } : { problem };
}
